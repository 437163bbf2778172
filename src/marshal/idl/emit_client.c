/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * idl/emit_client.c - writes NAME_client.c: Starter, arguments, Transporter, results, Ender.
 *
 * Generated functions check the bounds of variable arguments, call the Starter, and then write all
 * arguments. They check each result as they take it: the server of a local link can change results
 * while they are read.
 *
 * Long arrays are lent (struct fly_loans in stub.h, choose_loan() in layout.c): plain calls say
 * where arguments and variables for results lie, and _start_from where arguments lie. What the
 * library then reads or stores there is not written to the call packet or taken from it.
 */
#include <stdio.h>

#include <firefly/stub.h>

#include "emit_type.h"
#include "emit_value.h"

/* Room for expressions: names have up to 63 letters. */
#define PLACE     160
#define CONDITION (PLACE + 96)

static void emit_raised_case(struct idl_text *out, const struct idl_raise *r)
{
	const struct idl_declaration *d = r->exception;
	const unsigned bytes = 4 + (unsigned)d->type->fixed_bytes;

	emit_line(out, "\tcase %s_NUMBER:", d->c_name);
	emit_line(out, "\t\tif (call->length %s %u)\n\t\t\tbreak;",
		  idl_varies(d->type) ? "<" : "!=", bytes);
	if (idl_varies(d->type)) {
		emit_line(out,
			  "\t\trest = raised ? %s_take(results + 4,\vresults + %u,\vend,\v"
			  "&raised->as.%s)\v: %s_check(results + 4,\vresults + %u,\vend);",
			  d->c_name, bytes, d->name.text, d->c_name, bytes);
		emit_line(out, "\t\tif (rest != end)\n\t\t\tbreak;");
	} else if (!d->type->any_bits) {
		emit_line(out,
			  "\t\tif (!(raised ? %s_take(results + 4,\v&raised->as.%s)\v: "
			  "%s_check(results + 4)))",
			  d->c_name, d->name.text, d->c_name);
		emit_line(out, "\t\t\tbreak;");
	} else if (d->fields) {
		emit_line(out, "\t\tif (raised)");
		emit_line(out, "\t\t\t%s_get(results + 4,\v&raised->as.%s);", d->c_name,
			  d->name.text);
	}
	emit_line(out, "\t\tif (raised)\n\t\t\traised->number = %s_NUMBER;", d->c_name);
	emit_line(out, "\t\tstatus = -FLY_EEXCEPTION;\n\t\tbreak;");
}

/* The end of a call with a status, if the procedure has exceptions. */
static void emit_raise(struct idl_text *out, const char *interface, const struct idl_procedure *p)
{
	const char *name = p->name.text;
	bool varies = false;

	if (!p->raises)
		return;
	for (const struct idl_raise *r = p->raises; r; r = r->next)
		varies = varies || idl_varies(r->exception->type);
	emit_line(out,
		  "/* The status of a call that failed; an exception is taken from the packet. */");
	emit_line(out,
		  "static int %s_%s_raise(struct fly_call *call,\vint status,\vstruct %s_%s_raised "
		  "*raised)",
		  interface, name, interface, name);
	emit_line(out, "{\n\tconst uint8_t *results;");
	if (varies)
		emit_line(out, "\tconst uint8_t *end;\n\tconst uint8_t *rest;");
	emit_line(out, "\n\tif (status != -FLY_EEXCEPTION)\n\t\treturn status;");
	emit_line(out, "\tresults = call->payload;");
	if (varies)
		emit_line(out, "\tend = results + call->length;");
	emit_line(out, "\tstatus = -FLY_ERESULT;");
	emit_line(out, "\tswitch (call->length < 4 ? 0 : fly_take_u32(results)) {");
	for (const struct idl_raise *r = p->raises; r; r = r->next)
		emit_raised_case(out, r);
	emit_line(out, "\tdefault:\n\t\tbreak;\n\t}");
	emit_line(out, "\tcall->binding->ender(call);\n\treturn status;\n}\n");
}

static void emit_return_status(struct idl_text *out, const struct idl_procedure *p)
{
	emit_line(out, "\tif (%s)", p->names.status);
	emit_line(out, "\t\treturn %s;", p->names.status);
}

/* Return a failed call's status. */
static void emit_return_failure(struct idl_text *out, const char *interface,
				const struct idl_procedure *p)
{
	const struct idl_names *names = &p->names;

	emit_line(out, "\tif (%s)", names->status);
	if (p->raises)
		emit_line(out, "\t\treturn %s_%s_raise(%s,\v%s,\v%s);", interface, p->name.text,
			  names->call, names->status, names->raised);
	else
		emit_line(out, "\t\treturn fly_stub_failed(%s,\v%s);", names->call, names->status);
}

/* Compute the length of a string argument once. @is_pointer: so is its flag. */
static void emit_length(struct idl_text *out, const struct idl_field *a, bool is_pointer)
{
	const struct idl_type *type = a->type->kind == IDL_OPTIONAL ? a->type->element : a->type;

	if (type->kind != IDL_STRING)
		return;
	if (type == a->type)
		emit_line(out, "\tconst uint32_t %s = fly_length(%s,\v%u);", a->length_name,
			  a->name.text, (unsigned)type->bound);
	else
		emit_line(out, "\tconst uint32_t %s =\v%shas_%s ? fly_length(%s,\v%u) : 0;",
			  a->length_name, is_pointer ? "*" : "", a->name.text, a->name.text,
			  (unsigned)type->bound);
}

/* What does a function of this form lend? */
static bool lends_argument(enum emit_form form, const struct idl_field *a)
{
	return (form == EMIT_PLAIN || form == EMIT_START_FROM) && a->lends_argument;
}

static bool lends_result(enum emit_form form, const struct idl_field *r)
{
	return form == EMIT_PLAIN && r->lends_result;
}

static bool lends(enum emit_form form, const struct idl_procedure *p)
{
	return form == EMIT_START_FROM ||
	       (form == EMIT_PLAIN && (p->lends_arguments || p->lends_results));
}

static void emit_argument_variables(struct idl_text *out, const char *interface,
				    const struct idl_procedure *p, enum emit_form form)
{
	const bool is_start = emit_is_start(form);
	const struct idl_names *names = &p->names;
	bool needs_at = false;
	bool needs_items = false;

	for (const struct idl_field *a = emit_first_argument(p); a; a = emit_next_argument(a)) {
		emit_length(out, a, !is_start && a->direction == IDL_INOUT);
		needs_at = needs_at || emit_needs_at(a->type, EMIT_PUT);
		needs_items = needs_items || emit_needs_items(a->type, EMIT_PUT);
	}
	if (emit_varies(&p->arguments))
		emit_line(out, "\tuint32_t %s = %s_%s_ARGUMENT_BYTES;", names->bytes, interface,
			  p->name.text);
	if (lends(form, p))
		emit_line(out, "\tstruct fly_loans %s;", names->loans);
	if (!is_start)
		emit_line(out, "\tstruct fly_call *%s;", names->call);
	if (emit_first_argument(p))
		emit_line(out, "\tuint8_t *%s;", names->arguments);
	if (emit_varies(&p->arguments))
		emit_line(out, "\tuint8_t *%s;", names->tail);
	if (needs_at)
		emit_line(out, "\tuint8_t *%s;", names->at);
	if (needs_items)
		emit_line(out, "\tuint8_t *%s;", names->items);
}

/* Is this result returned by a pointer into the packet? */
static bool is_view_of(const struct idl_field *r, enum emit_form form)
{
	return form == EMIT_VIEW && emit_is_viewed(r->type);
}

static void emit_result_variables(struct idl_text *out, const struct idl_procedure *p,
				  enum emit_form form)
{
	const struct idl_names *names = &p->names;
	bool needs_at = false;
	bool needs_items = false;

	for (const struct idl_field *r = emit_first_result(p); r; r = emit_next_result(p, r)) {
		if (is_view_of(r, form))
			continue;
		needs_at = needs_at || emit_needs_at(r->type, EMIT_TAKE);
		needs_items = needs_items || emit_needs_items(r->type, EMIT_TAKE);
	}
	if (emit_first_result(p))
		emit_line(out, "\tconst uint8_t *%s;", names->results);
	if (emit_varies(&p->results))
		emit_line(out, "\tconst uint8_t *%s;\n\tconst uint8_t *%s;", names->end,
			  names->rest);
	if (needs_at)
		emit_line(out, "\tconst uint8_t *%s;", names->from);
	if (needs_items)
		emit_line(out, "\tconst uint8_t *%s;", names->elements);
}

/* Lend an array whose place is constant. @way, @at: as emit_lend(). */
static void emit_lend_constant(struct idl_text *out, const struct idl_procedure *p, const char *way,
			       const struct idl_field *f, const char *at)
{
	const struct emit_scope scope = {.out = out, .tabs = 1, .loans = p->names.loans};
	char bytes[16];

	snprintf(bytes, sizeof bytes, "%u",
		 (unsigned)(f->type->bound * f->type->element->fixed_bytes));
	emit_lend(scope, way, f->type, f->name.text, at, bytes);
}

/* Check the arguments' bounds, sum up their lengths, and lend those that are long, by place. */
static void emit_measures(struct idl_text *out, const struct idl_procedure *p, enum emit_form form)
{
	struct emit_scope scope = emit_argument_scope(out, p, "return -FLY_EINVAL;");
	struct emit_param_text text;
	char at[16];

	for (const struct idl_field *a = emit_first_argument(p); a; a = emit_next_argument(a)) {
		if (!lends_argument(form, a) || a->type->kind != IDL_ARRAY)
			continue;
		snprintf(at, sizeof at, "%u", (unsigned)a->argument_offset);
		emit_lend_constant(out, p, "argument", a, at);
	}
	for (const struct idl_field *a = emit_first_argument(p); a; a = emit_next_argument(a)) {
		const bool is_pointer = !emit_is_start(form) && a->direction == IDL_INOUT;

		scope.loans = lends_argument(form, a) ? p->names.loans : NULL;
		emit_measure(scope, a->type, emit_param(&text, a, NULL, is_pointer));
	}
}

/* Where a result that is lent lies: an expression. */
static void result_at(char at[PLACE], const char *interface, const struct idl_procedure *p,
		      const struct idl_field *r)
{
	if (r->type->kind == IDL_ARRAY)
		snprintf(at, PLACE, "%u", (unsigned)r->result_offset);
	else
		snprintf(at, PLACE, "%s_%s_RESULT_BYTES", interface, p->name.text);
}

/* Lend the variables of long results, by place: the variable array behind the fixed ones. */
static void emit_lend_results(struct idl_text *out, const char *interface,
			      const struct idl_procedure *p)
{
	const struct idl_field *last = NULL;
	char at[PLACE];

	for (const struct idl_field *r = emit_first_result(p); r; r = emit_next_result(p, r)) {
		if (!r->lends_result)
			continue;
		if (r->type->kind == IDL_LIST) {
			last = r;
			continue;
		}
		result_at(at, interface, p, r);
		emit_lend_constant(out, p, "result", r, at);
	}
	if (!last)
		return;
	result_at(at, interface, p, last);
	emit_lend_constant(out, p, "result", last, at);
}

static void emit_starter(struct idl_text *out, const char *interface, const struct idl_procedure *p,
			 enum emit_form form)
{
	const struct idl_names *names = &p->names;
	const char *name = p->name.text;
	struct idl_text bytes = {0};

	if (emit_varies(&p->arguments))
		idl_text_printf(&bytes, "%s", names->bytes);
	else
		idl_text_printf(&bytes, "%s_%s_ARGUMENT_BYTES", interface, name);
	if (lends(form, p))
		emit_line(out, "\t%s = fly_loans_start(&%s,\v%s,\v%s_%s_NUMBER,\v%s,\v%s%s);",
			  names->status, names->loans, names->binding, interface, name, bytes.bytes,
			  emit_is_start(form) ? "" : "&", names->call);
	else
		emit_line(out, "\t%s = %s->starter(%s,\v%s_%s_NUMBER,\v%s,\v%s%s);", names->status,
			  names->binding, names->binding, interface, name, bytes.bytes,
			  emit_is_start(form) ? "" : "&", names->call);
	idl_text_free(&bytes);
	emit_return_status(out, p);
}

/* Need the argument not be written? A condition; NULL: it is not lent. */
static const char *argument_is_lent(char is_lent[CONDITION], const struct idl_procedure *p,
				    const struct idl_field *a, enum emit_form form)
{
	const struct idl_names *names = &p->names;

	if (!lends_argument(form, a))
		return NULL;
	if (a->type->kind == IDL_ARRAY)
		snprintf(is_lent, CONDITION, "fly_is_lent(&%s,\v%u)", names->loans,
			 (unsigned)a->argument_offset);
	else
		snprintf(is_lent, CONDITION, "fly_is_lent(&%s,\v(uint32_t)(%s - %s))", names->loans,
			 names->tail, names->arguments);
	return is_lent;
}

/* From the checks of the arguments' bounds to the last argument written. */
static void emit_beginning(struct idl_text *out, const char *interface,
			   const struct idl_procedure *p, enum emit_form form)
{
	struct emit_scope scope = emit_argument_scope(out, p, NULL);
	const bool is_start = emit_is_start(form);
	const struct idl_names *names = &p->names;
	const char *name = p->name.text;
	struct emit_param_text text;
	char is_lent[CONDITION];

	if (lends(form, p))
		emit_line(out, "\tfly_loans_init(&%s);", names->loans);
	emit_measures(out, p, form);
	if (form == EMIT_PLAIN)
		emit_lend_results(out, interface, p);
	emit_starter(out, interface, p, form);
	if (!emit_first_argument(p))
		return;
	if (is_start)
		emit_line(out, "\t%s = (*%s)->payload;", names->arguments, names->call);
	else
		emit_line(out, "\t%s = %s->payload;", names->arguments, names->call);
	if (emit_varies(&p->arguments))
		emit_line(out, "\t%s = %s +\v%s_%s_ARGUMENT_BYTES;", names->tail, names->arguments,
			  interface, name);
	for (const struct idl_field *a = emit_first_argument(p); a; a = emit_next_argument(a)) {
		const bool is_pointer = !is_start && a->direction == IDL_INOUT;
		struct emit_variable v = emit_param(&text, a, NULL, is_pointer);

		scope.is_lent = argument_is_lent(is_lent, p, a, form);
		emit_put(scope, a->type, v,
			 (struct emit_place){names->arguments, a->argument_offset});
	}
}

/* Are the fixed parts of all results there? If not, the call is over. */
static void emit_length_check(struct idl_text *out, const char *interface,
			      const struct idl_procedure *p)
{
	const char *call = p->names.call;

	emit_line(out, "\tif (%s->length %s\v%s_%s_RESULT_BYTES)%s", call,
		  emit_varies(&p->results) ? "<" : "!=", interface, p->name.text,
		  emit_has_checks(p, EMIT_RESULTS) ? "" : " {");
	if (emit_has_checks(p, EMIT_RESULTS)) {
		emit_line(out, "\t\tgoto malformed;");
		return;
	}
	emit_line(out, "\t\t%s->ender(%s);", p->names.binding, call);
	emit_line(out, "\t\treturn -FLY_ERESULT;");
	emit_line(out, "\t}");
}

/* Where the checks of single results go to. */
static void emit_malformed(struct idl_text *out, const struct idl_procedure *p)
{
	if (!emit_has_checks(p, EMIT_RESULTS))
		return;
	emit_line(out, "malformed:");
	emit_line(out, "\t%s->ender(%s);", p->names.binding, p->names.call);
	emit_line(out, "\treturn -FLY_ERESULT;");
}

/* Need the result not be taken? A condition; NULL: its variable is not lent. */
static const char *result_is_stored(char is_stored[CONDITION], const char *interface,
				    const struct idl_procedure *p, const struct idl_field *r,
				    enum emit_form form)
{
	char at[PLACE];

	if (!lends_result(form, r))
		return NULL;
	result_at(at, interface, p, r);
	snprintf(is_stored, CONDITION, "fly_is_stored(&%s,\v%s)", p->names.loans, at);
	return is_stored;
}

static void emit_results(struct idl_text *out, const char *interface, const struct idl_procedure *p,
			 enum emit_form form)
{
	struct emit_scope scope = emit_result_scope(out, p, "goto malformed;");
	const struct idl_names *names = &p->names;
	const bool varies = emit_varies(&p->results);

	emit_length_check(out, interface, p);
	if (!emit_first_result(p))
		return;
	emit_line(out, "\t%s = %s->payload;", names->results, names->call);
	if (varies) {
		emit_line(out, "\t%s = %s + %s->length;", names->end, names->results, names->call);
		emit_line(out, "\t%s = %s +\v%s_%s_RESULT_BYTES;", names->rest, names->results,
			  interface, p->name.text);
	}
	for (const struct idl_field *r = emit_first_result(p); r; r = emit_next_result(p, r)) {
		const struct emit_place place = {names->results, r->result_offset};
		struct emit_param_text text;
		const struct emit_variable v = emit_param(&text, r, NULL, true);
		char is_stored[CONDITION];

		scope.is_lent = result_is_stored(is_stored, interface, p, r, form);
		if (is_view_of(r, form))
			emit_take_view(scope, r->type, v, place);
		else
			emit_take(scope, r->type, v, place);
	}
	if (varies)
		emit_line(out, "\tif (%s != %s)\n\t\tgoto malformed;", names->rest, names->end);
}

static void emit_loans_end(struct idl_text *out, const struct idl_procedure *p)
{
	emit_line(out, "\tfly_loans_end(&%s,\v%s);", p->names.loans, p->names.binding);
}

static void emit_plain(struct idl_text *out, const struct idl_interface *interface,
		       const struct idl_procedure *p)
{
	const struct idl_names *names = &p->names;
	const char *name = interface->name.text;

	emit_prototype(out, interface, p, EMIT_PLAIN, "");
	emit_line(out, "{");
	emit_argument_variables(out, name, p, EMIT_PLAIN);
	emit_result_variables(out, p, EMIT_PLAIN);
	emit_line(out, "\tint %s;\n", names->status);
	emit_beginning(out, name, p, EMIT_PLAIN);
	emit_line(out, "\t%s = %s->transporter(%s);", names->status, names->binding, names->call);
	if (lends(EMIT_PLAIN, p))
		emit_loans_end(out, p);
	emit_return_failure(out, name, p);
	emit_results(out, name, p, EMIT_PLAIN);
	emit_line(out, "\t%s->ender(%s);", names->binding, names->call);
	emit_line(out, "\treturn 0;");
	emit_malformed(out, p);
	emit_line(out, "}");
}

/* _start, or _start_from. */
static void emit_start(struct idl_text *out, const struct idl_interface *interface,
		       const struct idl_procedure *p, enum emit_form form)
{
	const struct idl_names *names = &p->names;

	emit_prototype(out, interface, p, form, "");
	emit_line(out, "{");
	emit_argument_variables(out, interface->name.text, p, form);
	emit_line(out, "\tint %s;\n", names->status);
	emit_beginning(out, interface->name.text, p, form);
	emit_line(out, "\t%s->send(*%s);", names->binding, names->call);
	if (lends(form, p))
		emit_loans_end(out, p);
	emit_line(out, "\treturn 0;\n}");
}

/* _finish, or _view, which returns pointers into the packet and leaves the Ender to the caller. */
static void emit_end(struct idl_text *out, const struct idl_interface *interface,
		     const struct idl_procedure *p, enum emit_form form)
{
	const struct idl_names *names = &p->names;
	const char *name = interface->name.text;

	emit_prototype(out, interface, p, form, "");
	emit_line(out, "{");
	emit_line(out, "\tstruct fly_binding *%s = %s->binding;", names->binding, names->call);
	emit_result_variables(out, p, form);
	emit_line(out, "\tint %s;\n", names->status);
	emit_line(out, "\t%s = %s->wait(%s);", names->status, names->binding, names->call);
	emit_return_failure(out, name, p);
	emit_results(out, name, p, form);
	if (form == EMIT_FINISH)
		emit_line(out, "\t%s->ender(%s);", names->binding, names->call);
	emit_line(out, "\treturn 0;");
	emit_malformed(out, p);
	emit_line(out, "}");
}

static void emit_view(struct idl_text *out, const struct idl_interface *interface,
		      const struct idl_declaration *d)
{
	const unsigned long long bytes = d->type->fixed_bytes;

	emit_accessor(out, interface, d, "");
	if (d->type->any_bits) {
		emit_line(out, "{\n\t%s_get(view.at + %llu * (size_t)i, value);\n}\n", d->c_name,
			  bytes);
		return;
	}
	emit_line(out, "{\n\tif (!%s_take(view.at + %llu * (size_t)i, value))", d->c_name, bytes);
	emit_line(out, "\t\tmemset(value, 0, sizeof *value); /* the server has changed it */\n}\n");
}

void idl_emit_client(const struct idl_file *file, const char *base, struct idl_text *out)
{
	const struct idl_interface *interface = file->interface;
	const char *name = interface->name.text;

	emit_banner(out, base);
	emit_stub_includes(out, base);
	emit_types(out, file, EMIT_USE_SEND, EMIT_USE_RECEIVE);
	emit_views(out, file, emit_view);
	emit_line(
		out,
		"static const struct fly_interface %s_interface = {%u,\v\"%s\",\v%s_VERSION,\v0,\v"
		"NULL};\n",
		name, FLY_STUB_VERSION, name, name);
	emit_line(out,
		  "int %s_import(struct fly_runtime *runtime,\vconst char *peer,\vstruct "
		  "fly_binding **binding)",
		  name);
	idl_text_printf(out, "{\n");
	emit_line(out, "\treturn fly_import(runtime,\v&%s_interface,\vpeer,\vbinding);", name);
	idl_text_printf(out, "}\n\n");
	emit_line(out,
		  "int %s_import_each(struct fly_runtime *runtime,\vconst char *link,\vuint32_t "
		  "wait_ms,\vstruct fly_binding **bindings,\vunsigned most)",
		  name);
	idl_text_printf(out, "{\n");
	emit_line(out,
		  "\treturn fly_import_each(runtime,\v&%s_interface,\vlink,\vwait_ms,\vbindings,\v"
		  "most);",
		  name);
	idl_text_printf(out, "}\n");
	for (const struct idl_procedure *p = interface->procedures; p; p = p->next) {
		idl_text_printf(out, "\n/* ---- %s ---- */\n\n", p->name.text);
		emit_raise(out, name, p);
		emit_plain(out, interface, p);
		idl_text_printf(out, "\n");
		emit_start(out, interface, p, EMIT_START);
		idl_text_printf(out, "\n");
		if (p->lends_arguments) {
			emit_start(out, interface, p, EMIT_START_FROM);
			idl_text_printf(out, "\n");
		}
		emit_end(out, interface, p, EMIT_FINISH);
		if (emit_has_view(p)) {
			idl_text_printf(out, "\n");
			emit_end(out, interface, p, EMIT_VIEW);
		}
	}
}
