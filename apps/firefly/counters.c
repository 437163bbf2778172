/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * counters.c - the table behind --stats.
 *
 * Owns its layout; names and meanings are the runtime's. Used by serve.c and call.c.
 */
#include "counters.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

/* All counters are gone through twice: for the width of the first column, and to be printed. */
struct table {
	bool all;
	bool printing;
	int name_width;
};

enum counters_wanted counters_option(const char *subcommand, const char *text)
{
	if (text && strcmp(text, "all") != 0)
		cli_refuse(subcommand, "--stats takes nothing or =all, not '%s'", text);
	return text ? COUNTERS_ALL : COUNTERS_COUNTED;
}

static void each(void *context, const char *name, const char *about, uint64_t value)
{
	struct table *table = context;

	if (!table->all && value == 0)
		return;
	if (table->printing)
		printf("%-*s %14" PRIu64 "  %s\n", table->name_width, name, value, about);
	else if ((int)strlen(name) > table->name_width)
		table->name_width = (int)strlen(name);
}

void counters_print(const struct fly_runtime *runtime, enum counters_wanted wanted)
{
	struct table table = {.all = wanted == COUNTERS_ALL};

	if (wanted == COUNTERS_NONE)
		return;
	fly_counters(runtime, each, &table);
	table.printing = true;
	fly_counters(runtime, each, &table);
	fflush(stdout);
}
