/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * idl/emit_skeleton.c - writes NAME_skeleton.c: a server that compiles and runs, whose procedures
 * return "not written yet". The user edits this file from then on.
 */
#include "emit.h"

static void emit_unused(struct idl_text *out, const struct idl_field *param)
{
	const struct idl_type *type = param->type;
	const char *name = param->name.text;

	if (type->kind == IDL_OPTIONAL) {
		emit_line(out, "\t(void)has_%s;", name);
		type = type->element;
	}
	emit_line(out, "\t(void)%s;", name);
	if (type->kind == IDL_LIST)
		emit_line(out, "\t(void)%s_count;", name);
}

static void emit_procedure(struct idl_text *out, const struct idl_interface *interface,
			   const struct idl_procedure *p)
{
	emit_comment(out, 0, p->doc);
	emit_prototype(out, interface, p, EMIT_SKELETON, "");
	emit_line(out, "{\n\t(void)%s;", p->names.context);
	for (const struct idl_field *param = p->params; param; param = param->next)
		emit_unused(out, param);
	if (p->result)
		emit_unused(out, p->result);
	if (p->raises)
		emit_line(out, "\t(void)%s;", p->names.raised);
	emit_line(out, "\treturn fly_raise(-1, \"%.40s is not written yet\");\n}\n", p->name.text);
}

void idl_emit_skeleton(const struct idl_file *file, const char *base, struct idl_text *out)
{
	const struct idl_interface *interface = file->interface;
	const char *name = interface->name.text;

	idl_text_printf(
		out,
		"/*\n"
		" * A server of %s, to begin with: written once from %s.fly, and yours from now "
		"on.\n"
		" *\n"
		" *     fireflyc %s.fly\n"
		" *     cc -o %s_server %s_skeleton.c %s_server.c \\\n"
		" *         $(pkg-config --cflags --libs firefly)\n"
		" *     ./%s_server vhost:/tmp/%s.sock,server\n"
		" */\n",
		name, base, base, base, base, base, base, base);
	idl_text_printf(out, "#include <signal.h>\n#include <stdio.h>\n\n#include \"%s.h\"\n\n",
			base);
	for (const struct idl_procedure *p = interface->procedures; p; p = p->next)
		emit_procedure(out, interface, p);
	emit_line(out, "static const struct %s_procedures procedures = {", name);
	for (const struct idl_procedure *p = interface->procedures; p; p = p->next)
		emit_line(out, "\t.%s = serve_%s,", p->name.text, p->name.text);
	emit_line(out, "};\n");
	/* after the procedures: a parameter may have the same name */
	idl_text_printf(out, "static struct fly_runtime *runtime;\n\n"
			     "static void stop(int number)\n{\n\t(void)number;\n"
			     "\tfly_quit(runtime);\n}\n\n"
			     "int main(int argc, char **argv)\n{\n");
	emit_line(out,
		  "\tconst char *links[] = {argc > 1 ? argv[1] : \"vhost:/tmp/%s.sock,server\","
		  "\vNULL};",
		  base);
	idl_text_printf(out, "\tconst struct fly_options options = {.size = sizeof options, .links "
			     "= links};\n\n");
	emit_line(out,
		  "\tif (fly_start(&options, &runtime) ||\v%s_export(runtime, &procedures, "
		  "NULL)) {",
		  name);
	idl_text_printf(out,
			"\t\tfprintf(stderr, \"%%s: %%s\\n\", argv[0], fly_error());\n"
			"\t\treturn 1;\n\t}\n"
			"\tsignal(SIGINT, stop);\n\tsignal(SIGTERM, stop);\n"
			"\tprintf(\"serving %s at %%s\\n\", links[0]);\n"
			"\tfly_serve(runtime);\n\treturn fly_stop(runtime) != 0;\n}\n",
			name);
}
