/* SPDX-License-Identifier: BSD-3-Clause */
/* idl/emit_header.c - writes NAME.h: the declarations for callers and servers of the interface. */
#include <ctype.h>
#include <string.h>

#include "emit.h"

/* Keeps the case of names: interfaces Store and STORE may meet in one program. */
static void emit_guard(struct idl_text *out, const char *directive, const char *name)
{
	idl_text_printf(out, "%s %s_FLY_H\n", directive, name);
}

/* ---- declarations ---- */

static void emit_integer(struct idl_text *out, const struct idl_scalar *scalar,
			 const struct idl_value *value)
{
	const char *sign = value->negative ? "-" : "";
	const unsigned long long magnitude = value->magnitude;
	const bool is_wide = scalar->bytes == 8;

	if (value->negative && value->magnitude > (is_wide ? INT64_MAX : INT32_MAX))
		idl_text_printf(out, is_wide ? "(-INT64_C(%llu) - 1)" : "(-%llu - 1)",
				magnitude - 1);
	else if (is_wide)
		idl_text_printf(out, "%s(%s%llu)", scalar->least ? "INT64_C" : "UINT64_C", sign,
				magnitude);
	else if (scalar->least == 0)
		idl_text_printf(out, "%lluu", magnitude);
	else if (value->negative)
		idl_text_printf(out, "(-%llu)", magnitude);
	else
		idl_text_printf(out, "%llu", magnitude);
}

static void emit_const(struct idl_text *out, const struct idl_declaration *d)
{
	const struct idl_value *value = &d->value;

	emit_comment(out, 0, d->doc);
	idl_text_printf(out, "#define %s ", d->c_name);
	if (!d->scalar) {
		emit_text(out, value->text);
	} else if (d->scalar->is_integer) {
		emit_integer(out, d->scalar, value);
	} else if (!d->scalar->any_bits) {
		idl_text_printf(out, "%s", value->magnitude ? "true" : "false");
	} else {
		idl_text_printf(out, value->negative ? "(-" : "");
		if (value->kind == IDL_REAL)
			idl_text_printf(out, "%s", value->text);
		else
			idl_text_printf(out, "%llu.0", (unsigned long long)value->magnitude);
		idl_text_printf(out, "%s%s", d->scalar->bytes == 4 ? "f" : "",
				value->negative ? ")" : "");
	}
	idl_text_printf(out, "\n");
}

static void emit_enum(struct idl_text *out, const struct idl_declaration *d)
{
	emit_comment(out, 0, d->doc);
	idl_text_printf(out, "enum %s {\n", d->c_name);
	for (const struct idl_enumerator *e = d->enumerators; e; e = e->next) {
		emit_comment(out, 1, e->doc);
		if (e->value == INT32_MIN)
			idl_text_printf(out, "\t%s_%s = -2147483647 - 1,\n", d->c_name,
					e->name.text);
		else
			idl_text_printf(out, "\t%s_%s = %d,\n", d->c_name, e->name.text, e->value);
	}
	idl_text_printf(out, "};\n");
}

static void emit_fields(struct idl_text *out, unsigned tabs, const struct idl_field *fields)
{
	for (const struct idl_field *f = fields; f; f = f->next) {
		emit_comment(out, tabs, f->doc);
		emit_variable(out, tabs, f->type, f->name.text);
	}
}

static void emit_struct(struct idl_text *out, const struct idl_declaration *d)
{
	emit_comment(out, 0, d->doc);
	idl_text_printf(out, "struct %s {\n", d->c_name);
	emit_fields(out, 1, d->fields);
	idl_text_printf(out, "};\n");
}

static void emit_union(struct idl_text *out, const struct idl_declaration *d)
{
	bool is_void = true;

	for (const struct idl_field *f = d->fields; f; f = f->next)
		is_void = is_void && f->is_void;
	emit_comment(out, 0, d->doc);
	idl_text_printf(out, "struct %s {\n", d->c_name);
	emit_variable(out, 1, d->discriminant->type, d->discriminant->name.text);
	if (!is_void)
		idl_text_printf(out, "\tunion {\n");
	for (const struct idl_field *f = d->fields; f; f = f->next) {
		if (f->is_void)
			continue;
		emit_comment(out, 2, f->doc);
		if (f->type->kind == IDL_LIST) {
			idl_text_printf(out, "\t\tstruct {\n");
			emit_variable(out, 3, f->type, f->name.text);
			idl_text_printf(out, "\t\t} %s;\n", f->name.text);
		} else {
			emit_variable(out, 2, f->type, f->name.text);
		}
	}
	if (!is_void)
		idl_text_printf(out, "\t} as;\n");
	idl_text_printf(out, "};\n");
}

static void emit_typedef(struct idl_text *out, const struct idl_declaration *d)
{
	const struct idl_type *target = d->target->type;

	if (target->kind == IDL_STRING || target->kind == IDL_ARRAY || target->kind == IDL_LIST)
		return; /* replaced by its target wherever it is used */
	emit_comment(out, 0, d->doc);
	idl_text_printf(out, "typedef %s %s;\n", target->c_type, d->c_name);
}

/* Does the header declare it? */
static bool is_declared(const struct idl_declaration *d)
{
	if (d->what == IDL_IS_EXCEPTION)
		return d->fields;
	return d->what != IDL_IS_TYPEDEF || d->type->kind < IDL_STRING;
}

static void emit_exception_numbers(struct idl_text *out, const struct idl_declaration *first)
{
	bool is_any = false;

	for (const struct idl_declaration *d = first; d; d = d->next) {
		if (d->what != IDL_IS_EXCEPTION)
			continue;
		if (!is_any)
			idl_text_printf(out, "/* The numbers of exceptions. */\nenum {\n");
		is_any = true;
		if (!d->fields)
			emit_comment(out, 1, d->doc);
		idl_text_printf(out, "\t%s_NUMBER = %d,\n", d->c_name, d->number);
	}
	if (is_any)
		idl_text_printf(out, "};\n\n");
}

static void emit_declarations(struct idl_text *out, const struct idl_file *file)
{
	for (const struct idl_declaration *d = file->ordered; d; d = d->next_ordered) {
		const struct idl_declaration *next = d->next_ordered;

		if (d->source != file->sources || !is_declared(d))
			continue;
		switch (d->what) {
		case IDL_IS_CONST:
			emit_const(out, d);
			/* no blank line between constants */
			if (next && next->what == IDL_IS_CONST && next->source == d->source)
				continue;
			break;
		case IDL_IS_ENUM:
			emit_enum(out, d);
			break;
		case IDL_IS_STRUCT:
		case IDL_IS_EXCEPTION:
			emit_struct(out, d);
			break;
		case IDL_IS_UNION:
			emit_union(out, d);
			break;
		case IDL_IS_TYPEDEF:
			emit_typedef(out, d);
			break;
		}
		idl_text_printf(out, "\n");
	}
	emit_exception_numbers(out, file->sources->declarations);
	if (file->interface)
		emit_exception_numbers(out, file->interface->declarations);
}

/* ---- procedures ---- */

static void emit_constants(struct idl_text *out, const struct idl_interface *interface)
{
	const char *name = interface->name.text;

	idl_text_printf(out, "#define %s_VERSION %uu\n\n", name, (unsigned)interface->version);
	idl_text_printf(out,
			"/* Of each procedure: its number, and the bytes that a call of it "
			"carries: those that are\n * always there, and, where there may be more, "
			"the most. */\nenum {\n");
	for (const struct idl_procedure *p = interface->procedures; p; p = p->next) {
		idl_text_printf(out, "\t%s_%s_NUMBER = %u,\n", name, p->name.text, p->number);
		idl_text_printf(out, "\t%s_%s_ARGUMENT_BYTES = %u,\n", name, p->name.text,
				p->arguments.fixed_bytes);
		if (emit_varies(&p->arguments))
			idl_text_printf(out, "\t%s_%s_ARGUMENT_BYTES_MAX = %u,\n", name,
					p->name.text, p->arguments.max_bytes);
		idl_text_printf(out, "\t%s_%s_RESULT_BYTES = %u,\n", name, p->name.text,
				p->results.fixed_bytes);
		if (emit_varies(&p->results))
			idl_text_printf(out, "\t%s_%s_RESULT_BYTES_MAX = %u,\n", name, p->name.text,
					p->results.max_bytes);
		if (p->next)
			idl_text_printf(out, "\n");
	}
	idl_text_printf(out, "};\n\n");
}

/* The exceptions of a procedure, for both sides. */
static void emit_raised(struct idl_text *out, const struct idl_interface *interface,
			const struct idl_procedure *p)
{
	bool has_fields = false;

	if (!p->raises)
		return;
	for (const struct idl_raise *r = p->raises; r; r = r->next)
		has_fields = has_fields || r->exception->fields;
	idl_text_printf(out, "/* What %s_%s raises: ", interface->name.text, p->name.text);
	for (const struct idl_raise *r = p->raises; r; r = r->next)
		idl_text_printf(out, "%s%s", r->exception->c_name,
				!r->next         ? ". */\n"
				: !r->next->next ? " or "
						 : ", ");
	idl_text_printf(out, "struct %s_%s_raised {\n\tuint32_t number;\n", interface->name.text,
			p->name.text);
	if (has_fields)
		idl_text_printf(out, "\tunion {\n");
	for (const struct idl_raise *r = p->raises; r; r = r->next)
		if (r->exception->fields)
			idl_text_printf(out, "\t\tstruct %s %s;\n", r->exception->c_name,
					r->exception->name.text);
	if (has_fields)
		idl_text_printf(out, "\t} as;\n");
	idl_text_printf(out, "};\n\n");
}

static bool has_docs(const struct idl_procedure *procedure)
{
	const struct idl_field *param = procedure->params;

	while (param && !param->doc)
		param = param->next;
	return procedure->doc || param;
}

static void emit_param_doc(struct idl_text *out, const struct idl_field *param)
{
	struct idl_doc first = *param->doc;
	struct idl_text text = {0};

	idl_text_printf(&text, "@%s: %s", param->name.text, first.text);
	first.text = text.bytes;
	emit_doc(out, &first);
	idl_text_free(&text);
}

/* What a failed call leaves in long results, for a procedure that has some. */
static void append_loan_note(struct idl_text *text, const struct idl_procedure *p)
{
	unsigned n_left = 0;

	for (const struct idl_field *r = emit_first_result(p); r; r = emit_next_result(p, r))
		n_left += r->lends_result;
	idl_text_printf(text, "If the plain call fails, ");
	for (const struct idl_field *r = emit_first_result(p); r; r = emit_next_result(p, r)) {
		if (!r->lends_result)
			continue;
		n_left--;
		idl_text_printf(text, "%s%s", r->name.text,
				n_left > 1    ? ", "
				: n_left == 1 ? " and "
					      : " may hold anything.");
	}
}

/* The doc comments of a procedure and its parameters. */
static void emit_procedure_doc(struct idl_text *out, const struct idl_procedure *procedure)
{
	emit_doc(out, procedure->doc);
	for (const struct idl_field *param = procedure->params; param; param = param->next)
		if (param->doc)
			emit_param_doc(out, param);
}

static void emit_server_side(struct idl_text *out, const struct idl_interface *interface)
{
	const char *name = interface->name.text;

	idl_text_printf(
		out,
		"/*\n"
		" * For servers: the procedures of the interface. Each returns 0; or the number of "
		"an exception\n"
		" * that it declares, with its fields in raised->as; or anything else, best by "
		"fly_raise(): its\n"
		" * caller gets -FLY_ERAISED. Pointers are valid until it returns. It must fill "
		"all that is not\n"
		" * const: before, there is anything in it, but 0 in counts and \"\" in strings.\n"
		" */\n"
		"struct %s_procedures {\n",
		name);
	for (const struct idl_procedure *p = interface->procedures; p; p = p->next)
		emit_prototype(out, interface, p, EMIT_PROCEDURE, ";");
	idl_text_printf(out,
			"};\n\n"
			"/*\n"
			" * %s_export() - let peers call these procedures.\n"
			" * @procedures: none of them NULL; must outlive the runtime.\n"
			" * @context: handed to each procedure.\n"
			" * Return: as fly_export(); EINVAL also for a procedure that is NULL.\n"
			" */\n",
			name);
	emit_line(out,
		  "int %s_export(struct fly_runtime *runtime,\vconst struct %s_procedures "
		  "*procedures,\vvoid *context);",
		  name, name);
	idl_text_printf(out,
			"\n"
			"/*\n"
			" * %s_export_with() - the same, with workers, or only for some: see "
			"fly_export_with().\n"
			" * @options: read during the call only; NULL: as %s_export().\n"
			" */\n",
			name, name);
	emit_line(out,
		  "int %s_export_with(struct fly_runtime *runtime,\vconst struct %s_procedures "
		  "*procedures,\vvoid *context,\vconst struct fly_export_options *options);",
		  name, name);
}

/* The comment in front of a procedure's functions for callers. */
static void emit_caller_doc(struct idl_text *out, const struct idl_procedure *p)
{
	struct idl_text text = {0};
	struct idl_doc note = {0};

	idl_text_printf(out, "\n");
	if (p->lends_results) {
		append_loan_note(&text, p);
		note.text = text.bytes;
	}
	if (has_docs(p)) {
		idl_text_printf(out, "/*\n");
		emit_procedure_doc(out, p);
		emit_doc(out, p->lends_results ? &note : NULL);
		idl_text_printf(out, " */\n");
	} else {
		emit_comment(out, 0, p->lends_results ? &note : NULL);
	}
	idl_text_free(&text);
}

static void emit_caller_side(struct idl_text *out, const struct idl_interface *interface)
{
	const char *name = interface->name.text;
	bool has_start_from = false;

	idl_text_printf(out,
			"\n/*\n"
			" * %s_import() - bind to the interface at a peer; as fly_import().\n"
			" */\n",
			name);
	emit_line(out,
		  "int %s_import(struct fly_runtime *runtime,\vconst char *peer,\vstruct "
		  "fly_binding **binding);",
		  name);
	idl_text_printf(
		out,
		"\n/*\n"
		" * %s_import_each() - as fly_import_each(): at each server of a network of "
		"ours.\n"
		" */\n",
		name);
	emit_line(out,
		  "int %s_import_each(struct fly_runtime *runtime,\vconst char *link,\vuint32_t "
		  "wait_ms,\vstruct fly_binding **bindings,\vunsigned most);",
		  name);
	idl_text_printf(
		out,
		"\n/*\n"
		" * For callers. A plain call returns 0, or the negative status that the call "
		"ended "
		"with, and then\n"
		" * it has assigned nothing, except, with -FLY_EEXCEPTION, what was raised.\n"
		" *\n"
		" * _start sends a call and sets *call, whose results _finish waits for: call it "
		"once for each call\n"
		" * that was started; the handle is dead afterwards. Instead of it, _view hands "
		"out "
		"pointers to\n"
		" * where arrays and strings lie in the result packet, valid until fly_release(); "
		"if it fails, there\n"
		" * is nothing to release.\n");
	for (const struct idl_procedure *p = interface->procedures; p && !has_start_from;
	     p = p->next)
		has_start_from = p->lends_arguments;
	if (has_start_from)
		idl_text_printf(out,
				" *\n"
				" * _start copies what it is given. _start_from does not copy long "
				"arrays: they must stay as they\n"
				" * are until the _finish or _view of the call has returned.\n");
	idl_text_printf(out, " */\n");
	for (const struct idl_procedure *p = interface->procedures; p; p = p->next) {
		emit_caller_doc(out, p);
		emit_prototype(out, interface, p, EMIT_PLAIN, ";");
		emit_prototype(out, interface, p, EMIT_START, ";");
		if (p->lends_arguments)
			emit_prototype(out, interface, p, EMIT_START_FROM, ";");
		emit_prototype(out, interface, p, EMIT_FINISH, ";");
		if (emit_has_view(p))
			emit_prototype(out, interface, p, EMIT_VIEW, ";");
	}
}

static void emit_view(struct idl_text *out, const struct idl_interface *interface,
		      const struct idl_declaration *d)
{
	idl_text_printf(out, "struct %s_%s_view {\n\tconst uint8_t *at;\n\tuint32_t count;\n};\n",
			interface->name.text, d->name.text);
	emit_accessor(out, interface, d, ";");
	idl_text_printf(out, "\n");
}

/* Types for arrays of structs that views return. */
static void emit_view_types(struct idl_text *out, const struct idl_file *file)
{
	struct idl_text views = {0};

	emit_views(&views, file, emit_view);
	if (views.length)
		idl_text_printf(out,
				"/*\n * Arrays of structs where they lie in a result packet; _at() "
				"reads element i, which is less than\n * count.\n */\n%s",
				views.bytes);
	idl_text_free(&views);
}

static void emit_includes(struct idl_text *out, const struct idl_file *file)
{
	for (const struct idl_include *i = file->sources->includes; i; i = i->next) {
		const size_t length = strlen(i->name);
		const bool has_suffix = length > 4 && !strcmp(i->name + length - 4, ".fly");

		idl_text_printf(out, "#include \"%.*s.h\"\n", (int)(length - (has_suffix ? 4 : 0)),
				i->name);
	}
}

void idl_emit_header(const struct idl_file *file, const char *base, struct idl_text *out)
{
	const struct idl_interface *interface = file->interface;
	struct idl_text guard = {0};

	idl_text_printf(out, "/*\n * Generated by fireflyc from %s.fly. Do not edit.\n", base);
	if (interface && interface->doc) {
		idl_text_printf(out, " *\n");
		emit_doc(out, interface->doc);
	}
	idl_text_printf(out, " */\n");
	/* files of the same name in different directories need different guards */
	if (interface)
		idl_text_printf(&guard, "%s", interface->name.text);
	else if (file->sources->declarations)
		idl_text_printf(&guard, "%s%s_%s", isdigit((unsigned char)base[0]) ? "F" : "", base,
				file->sources->declarations->name.text);
	else
		idl_text_printf(&guard, "%s", base);
	for (size_t i = 0; i < guard.length; i++)
		if (!isalnum((unsigned char)guard.bytes[i]))
			guard.bytes[i] = '_';
	emit_guard(out, "#ifndef", guard.bytes);
	emit_guard(out, "#define", guard.bytes);
	idl_text_free(&guard);
	idl_text_printf(out, "\n#include <firefly/firefly.h>\n\n");
	emit_includes(out, file);
	if (file->sources->includes)
		idl_text_printf(out, "\n");
	idl_text_printf(out, "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n");
	emit_declarations(out, file);
	if (interface) {
		emit_constants(out, interface);
		for (const struct idl_procedure *p = interface->procedures; p; p = p->next)
			emit_raised(out, interface, p);
		emit_view_types(out, file);
		emit_server_side(out, interface);
		emit_caller_side(out, interface);
		idl_text_printf(out, "\n");
	}
	idl_text_printf(out, "#ifdef __cplusplus\n}\n#endif\n#endif\n");
}
