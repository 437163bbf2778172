/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * names.c - what generated functions call their own parameters and variables.
 *
 * A parameter keeps the name that it has in the interface. Where generated code wants the same
 * name for something of its own, it takes that with underscores behind it: so an interface may
 * have a parameter called status.
 */
#include <string.h>

#include "ast.h"

static bool is_taken(const struct idl_procedure *procedure, const char *name)
{
	for (const struct idl_param *param = procedure->params; param; param = param->next)
		if (!strcmp(param->name.text, name))
			return true;
	return false;
}

static const char *choose(struct idl_file *file, const struct idl_procedure *procedure,
			  const char *name)
{
	while (is_taken(procedure, name))
		name = idl_printf(file, "%s_", name);
	return name;
}

void idl_choose_names(struct idl_file *file)
{
	struct idl_procedure *procedure = file->interface->procedures;

	for (; procedure; procedure = procedure->next) {
		struct idl_names *names = &procedure->names;

		names->arguments = choose(file, procedure, "arguments");
		names->binding = choose(file, procedure, "binding");
		names->call = choose(file, procedure, "call");
		names->context = choose(file, procedure, "context");
		names->index = choose(file, procedure, "i");
		names->procedures = choose(file, procedure, "procedures");
		names->result = choose(file, procedure, "result");
		names->results = choose(file, procedure, "results");
		names->served = choose(file, procedure, "served");
		names->status = choose(file, procedure, "status");
		if (procedure->result)
			procedure->result->name.text = names->result;
	}
}
