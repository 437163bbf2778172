/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * emit_client.c - writes NAME_client.c: Starter, arguments, Transporter, results, Ender.
 *
 * Each function is straight: nothing is called but the three procedures of the binding, and what
 * the compiler turns into moves. All that may be wrong with results is checked before the first
 * of them is assigned.
 */
#include "emit.h"

static bool has_bool_results(const struct idl_procedure *p)
{
	for (const struct idl_param *r = emit_first_result(p); r; r = emit_next_result(p, r))
		if (!r->type->any_bits)
			return true;
	return false;
}

/* For results with bools in them, which more than one function checks. */
static void emit_soundness(struct idl_text *out, const char *interface,
			   const struct idl_procedure *p)
{
	if (!has_bool_results(p))
		return;
	idl_text_printf(out, "/* Are the results complete, and is each bool in them 0 or 1? */\n");
	emit_line(out, "static bool %s_%s_results_are_sound(const struct fly_call *call)",
		  interface, p->name.text);
	idl_text_printf(out, "{\n\tconst uint8_t *results = call->payload;\n\n");
	emit_line(out, "\tif (call->length !=\v%s_%s_RESULT_BYTES)", interface, p->name.text);
	emit_line(out, "\t\treturn false;");
	for (const struct idl_param *r = emit_first_result(p); r; r = emit_next_result(p, r))
		emit_bool_check(out, p, r, "results", r->result_offset, "return false;");
	idl_text_printf(out, "\treturn true;\n}\n\n");
}

static void emit_return_status(struct idl_text *out, const struct idl_procedure *p)
{
	emit_line(out, "\tif (%s)", p->names.status);
	emit_line(out, "\t\treturn %s;", p->names.status);
}

/* From the Starter to the last argument. */
static void emit_beginning(struct idl_text *out, const char *interface,
			   const struct idl_procedure *p, bool is_start)
{
	const struct idl_names *names = &p->names;

	emit_line(out, "\t%s = %s->starter(%s,\v%s_%s_NUMBER,\v%s_%s_ARGUMENT_BYTES,\v%s%s);",
		  names->status, names->binding, names->binding, interface, p->name.text, interface,
		  p->name.text, is_start ? "" : "&", names->call);
	emit_return_status(out, p);
	if (!emit_first_argument(p))
		return;
	if (is_start)
		emit_line(out, "\t%s = (*%s)->payload;", names->arguments, names->call);
	else
		emit_line(out, "\t%s = %s->payload;", names->arguments, names->call);
	for (const struct idl_param *a = emit_first_argument(p); a; a = emit_next_argument(a))
		emit_put(out, p, a, names->arguments, a->argument_offset,
			 !is_start && a->direction == IDL_INOUT);
}

/* The check of the results; if they are sound it falls through. */
static void emit_check(struct idl_text *out, const char *interface, const struct idl_procedure *p)
{
	const char *call = p->names.call;

	if (has_bool_results(p))
		emit_line(out, "\tif (!%s_%s_results_are_sound(%s)) {", interface, p->name.text,
			  call);
	else
		emit_line(out, "\tif (%s->length !=\v%s_%s_RESULT_BYTES) {", call, interface,
			  p->name.text);
	emit_line(out, "\t\t%s->ender(%s);", p->names.binding, call);
	emit_line(out, "\t\treturn -FLY_ERESULT;");
	emit_line(out, "\t}");
}

static void emit_results(struct idl_text *out, const struct idl_procedure *p, bool is_view)
{
	const char *results = p->names.results;

	if (!emit_first_result(p))
		return;
	emit_line(out, "\t%s = %s->payload;", results, p->names.call);
	for (const struct idl_param *r = emit_first_result(p); r; r = emit_next_result(p, r)) {
		char place[192];

		if (is_view && idl_param_is_bytes(r))
			emit_line(out, "\t*%s =\v%s;", r->name.text,
				  emit_bytes(place, r, results, r->result_offset, true));
		else
			emit_get(out, p, r, results, r->result_offset, true);
	}
}

static void emit_plain(struct idl_text *out, const struct idl_interface *interface,
		       const struct idl_procedure *p)
{
	const struct idl_names *names = &p->names;

	emit_prototype(out, interface, p, EMIT_PLAIN, "");
	emit_line(out, "{");
	emit_line(out, "\tstruct fly_call *%s;", names->call);
	if (emit_first_argument(p))
		emit_line(out, "\tuint8_t *%s;", names->arguments);
	if (emit_first_result(p))
		emit_line(out, "\tconst uint8_t *%s;", names->results);
	emit_line(out, "\tint %s;\n", names->status);
	emit_beginning(out, interface->name.text, p, false);
	emit_line(out, "\t%s = %s->transporter(%s);", names->status, names->binding, names->call);
	emit_return_status(out, p);
	emit_check(out, interface->name.text, p);
	emit_results(out, p, false);
	emit_line(out, "\t%s->ender(%s);", names->binding, names->call);
	emit_line(out, "\treturn 0;\n}");
}

static void emit_start(struct idl_text *out, const struct idl_interface *interface,
		       const struct idl_procedure *p)
{
	const struct idl_names *names = &p->names;

	emit_prototype(out, interface, p, EMIT_START, "");
	emit_line(out, "{");
	if (emit_first_argument(p))
		emit_line(out, "\tuint8_t *%s;", names->arguments);
	emit_line(out, "\tint %s;\n", names->status);
	emit_beginning(out, interface->name.text, p, true);
	emit_line(out, "\t%s->send(*%s);", names->binding, names->call);
	emit_line(out, "\treturn 0;\n}");
}

/* _finish, or _view: which hands out bytes where they are, and leaves the packet to the caller. */
static void emit_end(struct idl_text *out, const struct idl_interface *interface,
		     const struct idl_procedure *p, bool is_view)
{
	const struct idl_names *names = &p->names;

	emit_prototype(out, interface, p, is_view ? EMIT_VIEW : EMIT_FINISH, "");
	emit_line(out, "{");
	emit_line(out, "\tstruct fly_binding *%s = %s->binding;", names->binding, names->call);
	if (emit_first_result(p))
		emit_line(out, "\tconst uint8_t *%s;", names->results);
	emit_line(out, "\tint %s;\n", names->status);
	emit_line(out, "\t%s = %s->wait(%s);", names->status, names->binding, names->call);
	emit_return_status(out, p);
	emit_check(out, interface->name.text, p);
	emit_results(out, p, is_view);
	if (!is_view)
		emit_line(out, "\t%s->ender(%s);", names->binding, names->call);
	emit_line(out, "\treturn 0;\n}");
}

void idl_emit_client(const struct idl_file *file, const char *base, struct idl_text *out)
{
	const struct idl_interface *interface = file->interface;
	const char *name = interface->name.text;

	idl_text_printf(out, "/* Generated by fireflyc from %s.fly. Do not edit. */\n", base);
	idl_text_printf(out, "#include <firefly/stub.h>\n\n#include \"%s.h\"\n\n", base);
	emit_line(out,
		  "int %s_import(struct fly_runtime *runtime,\vconst char *peer,\vstruct "
		  "fly_binding **binding)",
		  name);
	idl_text_printf(out, "{\n");
	emit_line(out, "\treturn fly_import(runtime,\v\"%s\",\v%s_VERSION,\vpeer,\vbinding);", name,
		  name);
	idl_text_printf(out, "}\n");
	for (const struct idl_procedure *p = interface->procedures; p; p = p->next) {
		idl_text_printf(out, "\n/* ---- %s ---- */\n\n", p->name.text);
		emit_soundness(out, name, p);
		emit_plain(out, interface, p);
		idl_text_printf(out, "\n");
		emit_start(out, interface, p);
		idl_text_printf(out, "\n");
		emit_end(out, interface, p, false);
		if (emit_has_view(p)) {
			idl_text_printf(out, "\n");
			emit_end(out, interface, p, true);
		}
	}
}
