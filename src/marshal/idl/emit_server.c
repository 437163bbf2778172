/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * idl/emit_server.c - writes NAME_server.c: a stub for each procedure, and their table.
 *
 * layout.c relies on the order of a stub's steps when it lets results overlap arguments: load
 * (which checks), copy, call, store. Change both files together.
 */
#include <stdlib.h>
#include <string.h>

#include <firefly/stub.h>

#include "emit_type.h"
#include "emit_value.h"

static bool is_heap(const struct idl_procedure *p)
{
	return p->variable_bytes > IDL_STACK_MAX;
}

static bool is_direct(const struct idl_field *param)
{
	return idl_is_direct(param->type) && !param->is_loaded;
}

static bool is_variable(const struct idl_field *param)
{
	return idl_varies(param->type);
}

/*
 * Does the stub walk through the variable part of the results? Not if the only variable result is
 * an array or string that the procedure writes in place.
 */
static bool needs_rest(const struct idl_procedure *p)
{
	unsigned n = 0;

	for (const struct idl_field *r = emit_first_result(p); r; r = emit_next_result(p, r)) {
		if (is_variable(r) && !is_direct(r))
			return true;
		n += is_variable(r);
	}
	return n > 1;
}

static bool is_last_variable(const struct idl_procedure *p, const struct idl_field *r)
{
	while ((r = emit_next_result(p, r)))
		if (is_variable(r))
			return false;
	return true;
}

/* ---- check ---- */

/* Are the fixed parts of all arguments there? */
static void emit_length_check(struct idl_text *out, const char *interface,
			      const struct idl_procedure *p)
{
	emit_line(out, "\tif (%s->argument_bytes %s\v%s_%s_ARGUMENT_BYTES)", p->names.served,
		  emit_varies(&p->arguments) ? "<" : "!=", interface, p->name.text);
	emit_line(out, "\t\treturn -FLY_EMALFORMED;");
}

/* ---- variables ---- */

/* Declare the stub's own variable for a parameter. */
static void emit_own(struct idl_text *out, const struct idl_field *param)
{
	const struct idl_type *type = param->type;

	if (!is_direct(param))
		emit_variable(out, 1, type, param->name.text);
	else if (is_variable(param) && param->direction == IDL_IN)
		emit_line(out, "\tconst %s *%s;", type->c_type, param->name.text);
	else if (is_variable(param))
		emit_line(out, "\t%s *%s;", type->c_type, param->name.text);
	if (is_direct(param) && type->kind == IDL_LIST)
		emit_line(out, "\tuint32_t %s_count;", param->name.text);
	if (type->kind == IDL_STRING && param->direction != IDL_IN)
		emit_line(out, "\tuint32_t %s;", param->length_name);
	if (is_direct(param) && is_variable(param) && param->direction == IDL_INOUT)
		emit_line(out, "\tconst uint8_t *%s;", param->sent_name);
}

static void emit_owns(struct idl_text *out, const char *interface, const struct idl_procedure *p)
{
	for (const struct idl_field *param = p->params; param; param = param->next)
		emit_own(out, param);
	if (p->result)
		emit_own(out, p->result);
	if (p->raises)
		emit_line(out, "\tstruct %s_%s_raised %s;", interface, p->name.text,
			  p->names.raised);
}

static void emit_locals(struct idl_text *out, const char *interface, const struct idl_procedure *p)
{
	const struct idl_names *names = &p->names;
	bool at = false;
	bool items = false;
	bool from = false;
	bool elements = false;

	for (const struct idl_field *a = emit_first_argument(p); a; a = emit_next_argument(a)) {
		if (is_direct(a))
			continue;
		at = at || emit_needs_at(a->type, EMIT_TAKE);
		items = items || emit_needs_items(a->type, EMIT_TAKE);
	}
	for (const struct idl_field *r = emit_first_result(p); r; r = emit_next_result(p, r)) {
		from = from || emit_needs_at(r->type, EMIT_PUT);
		elements = elements || emit_needs_items(r->type, EMIT_PUT);
	}
	emit_line(out,
		  "\tconst struct %s_procedures *%s =\v(const struct %s_procedures "
		  "*)%s->procedures;",
		  interface, names->procedures, interface, names->served);
	if (emit_first_argument(p))
		emit_line(out, "\tconst uint8_t *%s = %s->arguments;", names->arguments,
			  names->served);
	if (emit_first_result(p) || p->raises)
		emit_line(out, "\tuint8_t *%s = %s->results;", names->results, names->served);
	if (emit_varies(&p->arguments))
		emit_line(out, "\tconst uint8_t *%s;\n\tconst uint8_t *%s;", names->end,
			  names->tail);
	if (at)
		emit_line(out, "\tconst uint8_t *%s;", names->at);
	if (items)
		emit_line(out, "\tconst uint8_t *%s;", names->items);
	if (emit_varies(&p->results) || p->raises)
		emit_line(out, "\tuint32_t %s;", names->bytes);
	if (needs_rest(p))
		emit_line(out, "\tuint8_t *%s;", names->rest);
	if (from)
		emit_line(out, "\tuint8_t *%s;", names->from);
	if (elements)
		emit_line(out, "\tuint8_t *%s;", names->elements);
	if (!is_heap(p))
		emit_owns(out, interface, p);
	emit_line(out, "\tint %s;\n", names->status);
}

/* ---- load and copy ---- */

static const char *cast(const struct idl_field *param, bool is_const)
{
	const struct idl_type *type = param->type;

	if (type->kind == IDL_STRING)
		return is_const ? "(const char *)" : "(char *)";
	/* a typedef of i8 has this C type as well */
	if (idl_is_direct(type) && !strcmp(type->element->scalar->c_name, "int8_t"))
		return is_const ? "(const int8_t *)" : "(int8_t *)";
	return "";
}

/* A direct argument: set the pointer to it, and check how long it is. */
static void emit_locate(struct emit_scope scope, const struct idl_procedure *p,
			const struct idl_field *a)
{
	const struct emit_place place = {p->names.arguments, a->argument_offset};
	const char *own = p->names.own;
	char at[160];

	if (!is_variable(a))
		return;
	emit_place_text(at, place);
	if (a->direction == IDL_INOUT)
		emit_line(scope.out, "\t%s%s = %s;", own, a->sent_name, scope.tail);
	else
		emit_line(scope.out, "\t%s%s = %s%s;", own, a->name.text, cast(a, true),
			  scope.tail);
	if (a->type->kind == IDL_LIST) {
		struct emit_param_text text;

		emit_take_count(scope, a->type, emit_param(&text, a, own, false).count, at);
	} else if (a->direction == IDL_INOUT) {
		emit_statement(scope, "%s = fly_take_length(%s,\v%s,\v%s,\v%u,\v&%s%s);",
			       scope.tail, at, scope.tail, scope.end, (unsigned)a->type->bound, own,
			       a->length_name);
		emit_statement(scope, "if (!%s)", scope.tail);
		emit_statement(emit_deeper(scope), "%s", scope.failure);
	} else {
		emit_check(scope, a->type, place);
	}
}

/* Load all arguments; copies come later. */
static void emit_load(struct idl_text *out, const char *interface, const struct idl_procedure *p)
{
	const struct emit_scope scope = emit_argument_scope(out, p, "return -FLY_EMALFORMED;");
	const struct idl_names *names = &p->names;
	const bool varies = emit_varies(&p->arguments);

	if (varies) {
		emit_line(out, "\t%s = %s + %s->argument_bytes;", names->end, names->arguments,
			  names->served);
		emit_line(out, "\t%s = %s +\v%s_%s_ARGUMENT_BYTES;", names->tail, names->arguments,
			  interface, p->name.text);
	}
	for (const struct idl_field *a = emit_first_argument(p); a; a = emit_next_argument(a)) {
		struct emit_param_text text;

		if (is_direct(a))
			emit_locate(scope, p, a);
		else
			emit_take(scope, a->type, emit_param(&text, a, p->names.own, false),
				  (struct emit_place){names->arguments, a->argument_offset});
	}
	if (varies)
		emit_line(out, "\tif (%s != %s)\n\t\t%s", names->tail, names->end, scope.failure);
}

static void emit_copy(struct idl_text *out, const struct idl_procedure *p,
		      const struct idl_field *a)
{
	const char *move = p->layout == IDL_RESULTS_OVER ? "memmove" : "memcpy";
	const char *own = p->names.own;
	const char *name = a->name.text;
	char from[160];
	char to[160];

	if (!is_direct(a) || a->direction != IDL_INOUT)
		return;
	/* Where it stays: over a local link the results lie in other memory all the same. */
	if (!a->copied)
		emit_line(out, "\tif (%s != %s)", p->names.results, p->names.arguments);
	if (!is_variable(a)) {
		emit_place_text(from, (struct emit_place){p->names.arguments, a->argument_offset});
		emit_place_text(to, (struct emit_place){p->names.results, a->result_offset});
		emit_line(out, "\t%s%s(%s,\v%s,\v%u);", a->copied ? "" : "\t",
			  a->copied ? move : "memcpy", to, from, (unsigned)a->type->fixed_bytes);
	} else if (a->type->kind == IDL_LIST) {
		emit_line(out, "\t%s(%s%s,\v%s%s,\v%s%s_count);", move, own, name, own,
			  a->sent_name, own, name);
	} else {
		/* the NUL is the stub's own: that of the arguments may have changed */
		emit_line(out, "\t%s(%s%s,\v%s%s,\v%s%s);", move, own, name, own, a->sent_name, own,
			  a->length_name);
		emit_line(out, "\t%s%s[%s%s] = '\\0';", own, name, own, a->length_name);
	}
}

/* Set the pointer to where the procedure writes a direct result, and copy an inout one there. */
static void emit_stage(struct idl_text *out, const struct idl_procedure *p)
{
	const char *own = p->names.own;
	char at[160];

	for (const struct idl_field *r = emit_first_result(p); r; r = emit_next_result(p, r)) {
		const char *type = cast(r, false);

		if (!is_direct(r) || !is_variable(r))
			continue;
		emit_place_text(at, (struct emit_place){p->names.results, r->staged_at});
		emit_line(out, *type ? "\t%s%s = %s(%s);" : "\t%s%s = %s%s;", own, r->name.text,
			  type, at);
	}
	for (const struct idl_field *a = emit_first_argument(p); a; a = emit_next_argument(a))
		emit_copy(out, p, a);
	for (const struct idl_field *r = emit_first_result(p); r; r = emit_next_result(p, r)) {
		const struct idl_type *type = r->type;

		if (r->direction == IDL_INOUT)
			continue;
		if (type->kind == IDL_OPTIONAL) {
			emit_line(out, "\t%shas_%s = false;", own, r->name.text);
			type = type->element;
		}
		if (type->kind == IDL_LIST)
			emit_line(out, "\t%s%s_count = 0;", own, r->name.text);
		else if (type->kind == IDL_STRING)
			emit_line(out, "\t%s%s[0] = '\\0';", own, r->name.text);
	}
}

/* An absent optional number is passed as 0. */
static void emit_absent(struct idl_text *out, const struct idl_procedure *p)
{
	for (const struct idl_field *a = emit_first_argument(p); a; a = emit_next_argument(a)) {
		const struct idl_type *inner = a->type->element;

		if (a->type->kind != IDL_OPTIONAL)
			continue;
		if (inner->kind == IDL_SCALAR)
			emit_line(out, "\t%s%s = %s;", p->names.own, a->name.text,
				  inner->scalar->any_bits ? "0" : "false");
		else if (inner->kind == IDL_ENUM)
			emit_line(out, "\t%s%s = (%s)0;", p->names.own, a->name.text,
				  inner->c_type);
		else if (inner->kind == IDL_LIST)
			emit_line(out, "\t%s%s_count = 0;", p->names.own, a->name.text);
		else if (inner->kind == IDL_STRING)
			emit_line(out, "\t%s%s[0] = '\\0';", p->names.own, a->name.text);
	}
}

/* ---- call ---- */

/* An argument of the call: a pointer into the message, or the stub's variable. */
static void append_argument(struct idl_text *line, const struct idl_procedure *p,
			    const struct idl_field *param)
{
	const bool is_in = param->direction == IDL_IN;
	const struct idl_type *type = param->type;
	const char *name = param->name.text;
	const char *own = p->names.own;

	idl_text_printf(line, ",\v");
	if (is_direct(param) && !is_variable(param)) {
		const struct emit_place place = {is_in ? p->names.arguments : p->names.results,
						 is_in ? param->argument_offset
						       : param->result_offset};
		const char *as = cast(param, is_in);
		char at[160];

		emit_place_text(at, place);
		idl_text_printf(line, *as && place.offset ? "%s(%s)" : "%s%s", as, at);
		return;
	}
	if (type->kind == IDL_OPTIONAL) {
		idl_text_printf(line, "%s%shas_%s,\v", is_in ? "" : "&", own, name);
		type = type->element;
	}
	if (type->kind == IDL_STRUCT || type->kind == IDL_UNION ||
	    (!is_in && (type->kind == IDL_SCALAR || type->kind == IDL_ENUM)))
		idl_text_printf(line, "&%s%s", own, name);
	else if (is_in && (type->kind == IDL_ARRAY || type->kind == IDL_LIST) &&
		 type->element->kind == IDL_STRING)
		idl_text_printf(line, "(const char(*)[%u + 1])%s%s", (unsigned)type->element->bound,
				own, name);
	else
		idl_text_printf(line, "%s%s", own, name);
	if (type->kind == IDL_LIST)
		idl_text_printf(line, ",\v%s%s%s_count", is_in ? "" : "&", own, name);
}

static void emit_exception(struct idl_text *out, const struct idl_procedure *p,
			   const struct idl_raise *r)
{
	const struct idl_declaration *d = r->exception;
	const struct idl_names *names = &p->names;
	const char *own = p->names.own;

	emit_line(out, "\tcase %s_NUMBER:", d->c_name);
	emit_line(out, "\t\t%s = %u;", names->bytes, 4 + (unsigned)d->type->fixed_bytes);
	if (idl_varies(d->type)) {
		emit_line(out, "\t\tif (!%s_measure(&%s%s.as.%s,\v&%s))", d->c_name, own,
			  names->raised, d->name.text, names->bytes);
		emit_line(out, "\t\t\treturn -FLY_ERESULT;");
	}
	emit_line(out, "\t\tfly_put_u32(%s,\v%s_NUMBER);", names->results, d->c_name);
	if (idl_varies(d->type))
		emit_line(out, "\t\t%s_put(%s + 4,\v%s + %u,\v&%s%s.as.%s);", d->c_name,
			  names->results, names->results, 4 + (unsigned)d->type->fixed_bytes, own,
			  names->raised, d->name.text);
	else if (d->fields)
		emit_line(out, "\t\t%s_put(%s + 4,\v&%s%s.as.%s);", d->c_name, names->results, own,
			  names->raised, d->name.text);
	emit_line(out, "\t\t%s->result_bytes = %s;", names->served, names->bytes);
	emit_line(out, "\t\treturn -FLY_EEXCEPTION;");
}

static void emit_call(struct idl_text *out, const struct idl_procedure *p)
{
	const struct idl_names *names = &p->names;
	struct idl_text line = {0};

	idl_text_printf(&line, "\t%s =\v%s->%s(%s->context", names->status, names->procedures,
			p->name.text, names->served);
	for (const struct idl_field *param = p->params; param; param = param->next)
		append_argument(&line, p, param);
	if (p->result)
		append_argument(&line, p, p->result);
	if (p->raises)
		idl_text_printf(&line, ",\v&%s%s", p->names.own, names->raised);
	idl_text_printf(&line, ");");
	emit_line(out, "%s", line.bytes);
	idl_text_free(&line);
	if (!p->raises) {
		emit_line(out, "\tif (%s) {", names->status);
		emit_line(out, "\t\t%s->raised = %s;", names->served, names->status);
		emit_line(out, "\t\treturn -FLY_ERAISED;\n\t}");
		return;
	}
	emit_line(out, "\tswitch (%s) {\n\tcase 0:\n\t\tbreak;", names->status);
	for (const struct idl_raise *r = p->raises; r; r = r->next)
		emit_exception(out, p, r);
	emit_line(out, "\tdefault:");
	emit_line(out, "\t\t%s->raised = %s;", names->served, names->status);
	emit_line(out, "\t\treturn -FLY_ERAISED;\n\t}");
}

/* ---- store ---- */

/* A direct variable result: store its length, and move it left if there is a gap. */
static void emit_close_gap(struct idl_text *out, const struct idl_procedure *p,
			   const struct idl_field *r, bool is_first)
{
	const char *own = p->names.own;
	const char *name = r->name.text;
	struct idl_text bytes = {0};
	char at[160];

	emit_place_text(at, (struct emit_place){p->names.results, r->result_offset});
	if (r->type->kind == IDL_LIST) {
		emit_line(out, "\tfly_put_u32(%s,\v%s%s_count);", at, own, name);
		idl_text_printf(&bytes, "%s%s_count", own, name);
	} else {
		emit_line(out, "\tfly_put_u32(%s,\v%s%s);", at, own, r->length_name);
		idl_text_printf(&bytes, "%s%s + 1", own, r->length_name);
	}
	if (!is_first)
		emit_line(out, "\tmemmove(%s,\v%s%s,\v%s);", p->names.rest, own, name, bytes.bytes);
	if (!is_last_variable(p, r))
		emit_line(out, "\t%s += %s;", p->names.rest, bytes.bytes);
	idl_text_free(&bytes);
}

static void emit_measures(struct idl_text *out, const char *interface,
			  const struct idl_procedure *p)
{
	const struct emit_scope scope = emit_result_scope(out, p, "return -FLY_ERESULT;");
	const char *own = p->names.own;

	emit_line(out, "\t%s = %s_%s_RESULT_BYTES;", p->names.bytes, interface, p->name.text);
	for (const struct idl_field *r = emit_first_result(p); r; r = emit_next_result(p, r)) {
		struct emit_param_text text;
		struct idl_text length = {0};
		struct emit_variable v = emit_param(&text, r, own, false);

		v.length = NULL;
		if (r->type->kind == IDL_STRING) {
			idl_text_printf(&length, "%s%s", own, r->length_name);
			emit_line(out, "\t%s = fly_length(%s,\v%u);", length.bytes, v.value,
				  (unsigned)r->type->bound);
			v.length = length.bytes;
		}
		emit_measure(scope, r->type, v);
		idl_text_free(&length);
	}
	if (needs_rest(p))
		emit_line(out, "\t%s = %s +\v%s_%s_RESULT_BYTES;", p->names.rest, p->names.results,
			  interface, p->name.text);
}

static void emit_store(struct idl_text *out, const char *interface, const struct idl_procedure *p)
{
	const struct emit_scope scope = emit_result_scope(out, p, "return -FLY_ERESULT;");
	const bool varies = emit_varies(&p->results);
	bool is_first = true;

	if (varies)
		emit_measures(out, interface, p);
	for (const struct idl_field *r = emit_first_result(p); r; r = emit_next_result(p, r)) {
		struct emit_param_text text;
		struct emit_variable v = emit_param(&text, r, p->names.own, false);

		v.length = NULL;
		if (!is_direct(r))
			emit_put(scope, r->type, v,
				 (struct emit_place){p->names.results, r->result_offset});
		else if (is_variable(r))
			emit_close_gap(out, p, r, is_first);
		is_first = is_first && !is_variable(r);
	}
	if (varies)
		emit_line(out, "\t%s->result_bytes = %s;", p->names.served, p->names.bytes);
	else
		emit_line(out, "\t%s->result_bytes =\v%s_%s_RESULT_BYTES;", p->names.served,
			  interface, p->name.text);
}

/* ---- the stub and the table ---- */

/* A stub with large variables allocates them on the heap and frees them. */
static void emit_heap_stub(struct idl_text *out, const char *interface,
			   const struct idl_procedure *p)
{
	const struct idl_names *names = &p->names;
	const char *name = p->name.text;

	emit_line(out, "static int %s_%s_serve(struct fly_served *%s)", interface, name,
		  names->served);
	emit_line(out, "{");
	emit_line(out, "\tstruct %s_%s_values *%s =\v(struct %s_%s_values *)malloc(sizeof *%s);",
		  interface, name, names->values, interface, name, names->values);
	emit_line(out, "\tint %s;\n", names->status);
	emit_line(out, "\tif (!%s)\n\t\treturn -FLY_ENOMEM;", names->values);
	emit_line(out, "\t%s = %s_%s_run(%s,\v%s);", names->status, interface, name, names->served,
		  names->values);
	emit_line(out, "\tfree(%s);\n\treturn %s;\n}\n", names->values, names->status);
}

static void emit_stub(struct idl_text *out, const struct idl_interface *whole,
		      const struct idl_procedure *p)
{
	const char *interface = whole->name.text;
	const struct idl_names *names = &p->names;
	const char *name = p->name.text;

	idl_text_printf(out, "/* ---- %s ---- */\n\n", name);
	if (is_heap(p)) {
		emit_line(out, "/* Too much for the stack. */\nstruct %s_%s_values {", interface,
			  name);
		emit_owns(out, interface, p);
		emit_line(out, "};\n");
		emit_line(out,
			  "static int %s_%s_run(struct fly_served *%s,\vstruct %s_%s_values *%s)",
			  interface, name, names->served, interface, name, names->values);
	} else {
		emit_line(out, "static int %s_%s_serve(struct fly_served *%s)", interface, name,
			  names->served);
	}
	emit_line(out, "{");
	emit_locals(out, interface, p);
	emit_length_check(out, interface, p);
	emit_absent(out, p);
	emit_load(out, interface, p);
	emit_stage(out, p);
	emit_call(out, p);
	emit_store(out, interface, p);
	emit_line(out, "\treturn 0;\n}\n");
	if (is_heap(p))
		emit_heap_stub(out, interface, p);
}

static const struct idl_procedure **sorted(const struct idl_interface *interface)
{
	const struct idl_procedure **rows = calloc(IDL_PROCEDURES_MAX, sizeof *rows);

	if (!rows)
		abort();
	for (const struct idl_procedure *p = interface->procedures; p; p = p->next)
		rows[p->number] = p;
	return rows;
}

static void append_flags(struct idl_text *line, const struct idl_procedure *p)
{
	const struct {
		bool is_set;
		const char *name;
	} flags[] = {
		{p->attributes & IDL_INLINE, "FLY_PROCEDURE_INLINE"},
		{p->attributes & IDL_WORKER, "FLY_PROCEDURE_WORKER"},
		{p->attributes & IDL_IDEMPOTENT, "FLY_PROCEDURE_IDEMPOTENT"},
		{idl_is_inplace(p), "FLY_PROCEDURE_INPLACE"},
	};
	bool is_any = false;

	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
		if (!flags[i].is_set)
			continue;
		idl_text_printf(line, "%s%s", is_any ? " |\v" : "", flags[i].name);
		is_any = true;
	}
	if (!is_any)
		idl_text_printf(line, "0");
}

static void emit_row(struct idl_text *out, const char *interface, const struct idl_procedure *p)
{
	static const char *const layouts[] = {
		[IDL_RESULTS_OVER] = "FLY_RESULTS_OVER",
		[IDL_RESULTS_BEHIND] = "FLY_RESULTS_BEHIND",
		[IDL_RESULTS_SECOND] = "FLY_RESULTS_SECOND",
	};
	struct idl_text line = {0};
	const char *name = p->name.text;

	idl_text_printf(&line, "\t{\"%s\",\v%s_%s_serve,\v%s_%s_ARGUMENT_BYTES%s,\v", name,
			interface, name, interface, name, emit_varies(&p->arguments) ? "_MAX" : "");
	if (p->exception_bytes > p->results.max_bytes)
		idl_text_printf(&line, "%u,\v", p->exception_bytes);
	else
		idl_text_printf(&line, "%s_%s_RESULT_BYTES%s,\v", interface, name,
				emit_varies(&p->results) ? "_MAX" : "");
	idl_text_printf(&line, "%u,\v%s,\v", p->result_offset, layouts[p->layout]);
	append_flags(&line, p);
	idl_text_printf(&line, "},");
	emit_line(out, "%s", line.bytes);
	idl_text_free(&line);
}

static void emit_table(struct idl_text *out, const struct idl_interface *interface)
{
	const struct idl_procedure **rows = sorted(interface);
	const char *name = interface->name.text;
	uint32_t n = 0;

	for (const struct idl_procedure *p = interface->procedures; p; p = p->next)
		n = p->number >= n ? p->number + 1 : n;
	idl_text_printf(out,
			"static const struct fly_procedure %s_procedure_table[] = {\n"
			"\t/* name, stub, longest arguments, longest results, result offset, "
			"layout, flags */\n",
			name);
	for (uint32_t i = 0; i < n; i++) {
		if (rows[i])
			emit_row(out, name, rows[i]);
		else
			emit_line(out, "\t{\"\",\vfly_stub_none,\v0,\v0,\v0,\v0,\v0},");
	}
	free(rows);
	idl_text_printf(out, "};\n\n");
	emit_line(
		out,
		"static const struct fly_interface %s_interface = {%u,\v\"%s\",\v%s_VERSION,\v%u,\v"
		"%s_procedure_table};\n",
		name, FLY_STUB_VERSION, name, name, n, name);
}

static void emit_export(struct idl_text *out, const struct idl_interface *interface)
{
	const char *name = interface->name.text;

	emit_line(out,
		  "int %s_export_with(struct fly_runtime *runtime,\vconst struct %s_procedures "
		  "*procedures,\vvoid *context,\vconst struct fly_export_options *options)",
		  name, name);
	idl_text_printf(out, "{\n");
	idl_text_printf(out, "\tif (!procedures)\n");
	emit_line(out, "\t\treturn fly_export_lacks(&%s_interface,\vNULL);", name);
	for (const struct idl_procedure *p = interface->procedures; p; p = p->next) {
		idl_text_printf(out, "\tif (!procedures->%s)\n", p->name.text);
		emit_line(out, "\t\treturn fly_export_lacks(&%s_interface,\v\"%s\");", name,
			  p->name.text);
	}
	emit_line(out,
		  "\treturn fly_export_with(runtime,\v&%s_interface,\vprocedures,\vcontext,\v"
		  "options);",
		  name);
	idl_text_printf(out, "}\n\n");
	emit_line(out,
		  "int %s_export(struct fly_runtime *runtime,\vconst struct %s_procedures "
		  "*procedures,\vvoid *context)",
		  name, name);
	emit_line(out, "{\n\treturn %s_export_with(runtime,\vprocedures,\vcontext,\vNULL);\n}",
		  name);
}

void idl_emit_server(const struct idl_file *file, const char *base, struct idl_text *out)
{
	const struct idl_interface *interface = file->interface;
	bool needs_heap = false;

	emit_banner(out, base);
	for (const struct idl_procedure *p = interface->procedures; p; p = p->next)
		needs_heap = needs_heap || is_heap(p);
	if (needs_heap)
		idl_text_printf(out, "#include <stdlib.h>\n\n");
	emit_stub_includes(out, base);
	emit_types(out, file, EMIT_USE_RECEIVE, EMIT_USE_SEND);
	for (const struct idl_procedure *p = interface->procedures; p; p = p->next)
		emit_stub(out, interface, p);
	emit_table(out, interface);
	emit_export(out, interface);
}
