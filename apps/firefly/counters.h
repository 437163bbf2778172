/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * counters.h - the runtime's counters as a table, for --stats.
 */
#ifndef FIREFLY_APP_COUNTERS_H
#define FIREFLY_APP_COUNTERS_H

#include <firefly/firefly.h>

enum counters_wanted {
	COUNTERS_NONE,
	COUNTERS_COUNTED, /* those that are not zero */
	COUNTERS_ALL,
};

/* counters_option() - what --stats[=all] asks for; @text: "all" or NULL, or cli_refuse(). */
enum counters_wanted counters_option(const char *subcommand, const char *text);

/* counters_print() - name, value and meaning of each on stdout, lined up. */
void counters_print(const struct fly_runtime *runtime, enum counters_wanted wanted);

#endif
