/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * emit_server.c - writes NAME_server.c: a stub for each procedure, and the table of them.
 *
 * The order of a stub's steps is what layout.c relies on when it decides that results may lie
 * over the arguments: check, load, copy, call, store. Whoever changes one changes the other.
 */
#include "emit.h"

/* Does the procedure get a pointer into the packet, instead of a variable of the stub? */
static bool is_direct(const struct idl_param *param)
{
	return idl_param_is_bytes(param);
}

/* Not if there are none but inout bytes that stay where they are: these are results then. */
static bool reads_arguments(const struct idl_procedure *p)
{
	for (const struct idl_param *a = emit_first_argument(p); a; a = emit_next_argument(a))
		if (!is_direct(a) || a->direction == IDL_IN || a->copied)
			return true;
	return false;
}

static void emit_locals(struct idl_text *out, const char *interface, const struct idl_procedure *p)
{
	const struct idl_names *names = &p->names;

	emit_line(out,
		  "\tconst struct %s_procedures *%s =\v(const struct %s_procedures "
		  "*)%s->procedures;",
		  interface, names->procedures, interface, names->served);
	if (reads_arguments(p))
		emit_line(out, "\tconst uint8_t *%s = %s->arguments;", names->arguments,
			  names->served);
	if (emit_first_result(p))
		emit_line(out, "\tuint8_t *%s = %s->results;", names->results, names->served);
	for (const struct idl_param *param = p->params; param; param = param->next) {
		if (is_direct(param))
			continue;
		if (param->is_array)
			emit_line(out, "\t%s %s[%u];", param->type->c_name, param->name.text,
				  (unsigned)param->count);
		else
			emit_line(out, "\t%s %s;", param->type->c_name, param->name.text);
	}
	if (p->result)
		emit_line(out, "\t%s %s;", p->result->type->c_name, p->result->name.text);
	emit_line(out, "%s", "");
}

static void emit_check(struct idl_text *out, const char *interface, const struct idl_procedure *p)
{
	emit_line(out, "\tif (%s->argument_bytes !=\v%s_%s_ARGUMENT_BYTES)", p->names.served,
		  interface, p->name.text);
	emit_line(out, "\t\treturn -FLY_EMALFORMED;");
	for (const struct idl_param *a = emit_first_argument(p); a; a = emit_next_argument(a))
		emit_bool_check(out, p, a, p->names.arguments, a->argument_offset,
				"return -FLY_EMALFORMED;");
}

/* Everything is loaded before the first copy is made. */
static void emit_load(struct idl_text *out, const struct idl_procedure *p)
{
	const struct idl_names *names = &p->names;

	for (const struct idl_param *a = emit_first_argument(p); a; a = emit_next_argument(a))
		if (!is_direct(a))
			emit_get(out, p, a, names->arguments, a->argument_offset, false);
	for (const struct idl_param *a = emit_first_argument(p); a; a = emit_next_argument(a)) {
		char from[128];
		char to[128];

		if (!a->copied)
			continue;
		emit_place(from, names->arguments, a->argument_offset);
		emit_place(to, names->results, a->result_offset);
		emit_line(out, "\t%s(%s,\v%s,\v%u);",
			  p->layout == IDL_RESULTS_OVER ? "memmove" : "memcpy", to, from,
			  idl_param_bytes(a));
	}
}

/* An argument of the procedure: where it lies, or the stub's variable. */
static void append_argument(struct idl_text *line, const struct idl_procedure *p,
			    const struct idl_param *param)
{
	const bool is_in = param->direction == IDL_IN;
	char place[192];

	if (!is_direct(param)) {
		idl_text_printf(line, "%s%s", is_in || param->is_array ? "" : "&",
				param->name.text);
		return;
	}
	if (is_in)
		emit_bytes(place, param, p->names.arguments, param->argument_offset, true);
	else
		emit_bytes(place, param, p->names.results, param->result_offset, false);
	idl_text_printf(line, "%s", place);
}

static void emit_call(struct idl_text *out, const struct idl_procedure *p)
{
	struct idl_text line = {0};

	idl_text_printf(&line, "\tif (%s->%s(%s->context", p->names.procedures, p->name.text,
			p->names.served);
	for (const struct idl_param *param = p->params; param; param = param->next) {
		idl_text_printf(&line, ",\v");
		append_argument(&line, p, param);
	}
	if (p->result) {
		idl_text_printf(&line, ",\v");
		append_argument(&line, p, p->result);
	}
	idl_text_printf(&line, "))");
	emit_line(out, "%s", line.bytes);
	emit_line(out, "\t\treturn -FLY_ERAISED;");
	idl_text_free(&line);
}

static void emit_store(struct idl_text *out, const char *interface, const struct idl_procedure *p)
{
	for (const struct idl_param *r = emit_first_result(p); r; r = emit_next_result(p, r))
		if (!is_direct(r))
			emit_put(out, p, r, p->names.results, r->result_offset, false);
	emit_line(out, "\t%s->result_bytes =\v%s_%s_RESULT_BYTES;", p->names.served, interface,
		  p->name.text);
}

static void emit_stub(struct idl_text *out, const char *interface, const struct idl_procedure *p)
{
	emit_line(out, "static int %s_%s_serve(struct fly_served *%s)", interface, p->name.text,
		  p->names.served);
	emit_line(out, "{");
	emit_locals(out, interface, p);
	emit_check(out, interface, p);
	emit_load(out, p);
	emit_call(out, p);
	emit_store(out, interface, p);
	emit_line(out, "\treturn 0;\n}\n");
}

static void emit_table(struct idl_text *out, const struct idl_interface *interface)
{
	static const char *const layouts[] = {
		[IDL_RESULTS_OVER] = "FLY_RESULTS_OVER",
		[IDL_RESULTS_BEHIND] = "FLY_RESULTS_BEHIND",
		[IDL_RESULTS_SECOND] = "FLY_RESULTS_SECOND",
	};
	const char *name = interface->name.text;

	idl_text_printf(out,
			"static const struct fly_procedure %s_procedure_table[] = {\n"
			"\t/* name, stub, argument bytes, result bytes, result offset, layout, "
			"flags */\n",
			name);
	for (const struct idl_procedure *p = interface->procedures; p; p = p->next)
		emit_line(out,
			  "\t{\"%s\",\v%s_%s_serve,\v%s_%s_ARGUMENT_BYTES,\v%s_%s_RESULT_BYTES,"
			  "\v%u,\v%s,\v0},",
			  p->name.text, name, p->name.text, name, p->name.text, name, p->name.text,
			  p->result_offset, layouts[p->layout]);
	idl_text_printf(out, "};\n\n");
	emit_line(out,
		  "static const struct fly_interface %s_interface = {\"%s\",\v%s_VERSION,\v%u,\v"
		  "%s_procedure_table};\n",
		  name, name, name, interface->n_procedures, name);
}

static void emit_export(struct idl_text *out, const struct idl_interface *interface)
{
	const char *name = interface->name.text;
	struct idl_text condition = {0};

	emit_line(out,
		  "int %s_export(struct fly_runtime *runtime,\vconst struct %s_procedures "
		  "*procedures,\vvoid *context)",
		  name, name);
	idl_text_printf(out, "{\n");
	for (const struct idl_procedure *p = interface->procedures; p; p = p->next)
		idl_text_printf(&condition, " ||\v!procedures->%s", p->name.text);
	emit_line(out, "\tif (!procedures%s)", condition.bytes);
	idl_text_free(&condition);
	idl_text_printf(out, "\t\treturn -FLY_EINVAL;\n");
	emit_line(out, "\treturn fly_export(runtime,\v&%s_interface,\vprocedures,\vcontext);",
		  name);
	idl_text_printf(out, "}\n");
}

void idl_emit_server(const struct idl_file *file, const char *base, struct idl_text *out)
{
	const struct idl_interface *interface = file->interface;

	idl_text_printf(out, "/* Generated by fireflyc from %s.fly. Do not edit. */\n", base);
	idl_text_printf(out, "#include <firefly/stub.h>\n\n#include \"%s.h\"\n\n", base);
	for (const struct idl_procedure *p = interface->procedures; p; p = p->next)
		emit_stub(out, interface->name.text, p);
	emit_table(out, interface);
	emit_export(out, interface);
}
