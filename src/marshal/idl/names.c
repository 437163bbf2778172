/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * idl/names.c - the names of generated variables.
 *
 * A parameter keeps its name of the interface file. If a generated variable has the same name, the
 * variable gets underscores behind it. An interface may therefore have a parameter called status.
 */
#include <string.h>

#include "ast.h"

/* Does a parameter, its count or flag, or a macro or typedef of the user's have this name? */
static bool is_taken(const struct idl_file *file, const struct idl_procedure *procedure,
		     const char *name)
{
	const struct idl_declaration *d = idl_find(file, name);
	const bool is_flag = !strncmp(name, "has_", 4);

	if (d && !d->in_interface && (d->what == IDL_IS_CONST || d->what == IDL_IS_TYPEDEF))
		return true;
	for (const struct idl_field *param = procedure->params; param; param = param->next) {
		const size_t n = strlen(param->name.text);

		if (!strcmp(name, param->name.text) ||
		    (!strncmp(name, param->name.text, n) && !strcmp(name + n, "_count")) ||
		    (is_flag && !strcmp(name + 4, param->name.text)) ||
		    (param->length_name && !strcmp(name, param->length_name)) ||
		    (param->sent_name && !strcmp(name, param->sent_name)))
			return true;
	}
	return false;
}

static const char *choose(struct idl_file *file, const struct idl_procedure *procedure,
			  const char *name)
{
	while (is_taken(file, procedure, name))
		name = idl_printf(file, "%s_", name);
	return name;
}

static void choose_names(struct idl_file *file, struct idl_procedure *procedure)
{
	struct idl_names *names = &procedure->names;
	const struct {
		const char **place;
		const char *name;
	} wanted[] = {
		{&names->arguments, "arguments"},
		{&names->at, "inner"},
		{&names->binding, "binding"},
		{&names->bytes, "bytes"},
		{&names->call, "call"},
		{&names->context, "context"},
		{&names->end, "end"},
		{&names->index, "i"},
		{&names->elements, "elements"},
		{&names->from, "from"},
		{&names->items, "items"},
		{&names->loans, "loans"},
		{&names->rest, "rest"},
		{&names->procedures, "procedures"},
		{&names->raised, "raised"},
		{&names->result, "result"},
		{&names->results, "results"},
		{&names->served, "served"},
		{&names->status, "status"},
		{&names->tail, "tail"},
		{&names->values, "values"},
	};

	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		*wanted[i].place = choose(file, procedure, wanted[i].name);
	names->own = procedure->variable_bytes > IDL_STACK_MAX
			     ? idl_printf(file, "%s->", names->values)
			     : "";
	while (is_taken(file, procedure, idl_printf(file, "%s_count", names->result)))
		names->result = choose(file, procedure, idl_printf(file, "%s_", names->result));
	if (procedure->result)
		procedure->result->name.text = names->result;
	for (struct idl_field *param = procedure->params; param; param = param->next) {
		const char *name = param->name.text;

		param->length_name = choose(file, procedure, idl_printf(file, "%s_length", name));
		param->sent_name = choose(file, procedure, idl_printf(file, "%s_sent", name));
	}
	if (procedure->result)
		procedure->result->length_name =
			choose(file, procedure, idl_printf(file, "%s_length", names->result));
}

void idl_choose_names(struct idl_file *file)
{
	struct idl_procedure *procedure = file->interface->procedures;

	for (; procedure; procedure = procedure->next)
		choose_names(file, procedure);
}
