/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * eal_check.h - what is looked at before EAL starts (eal_check.c).
 *
 * An EAL that does not start cannot be started again in most cases, and in some it aborts the
 * process. So all that it is known to need is checked before.
 */
#ifndef FLY_EAL_CHECK_H
#define FLY_EAL_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#define FLY_EAL_ORDINARY_MB 512 /* memory of the process without hugepages; mapped when touched */
#define FLY_EAL_HUGE_BYTES  (2UL << 20)

/* How EAL is to be started. */
struct fly_eal_plan {
	bool is_huge;            /* packet memory in hugepages of 2 MiB */
	const char *why_no_huge; /* otherwise: a message that says how to get some */
	unsigned cpu;            /* for EAL's lcore 0: one that this thread may run on */
	unsigned long mb;        /* what -m says; 0: it does not */
	bool says_no_huge;       /* --no-huge is among the extra arguments */
	bool says_more; /* there are extra arguments that are not checked here: see eal.c */
};

/*
 * fly_eal_plan() - read the extra arguments, check the system and decide.
 * @extra: as for fly_eal_start(); NULL: none. @need_bytes: memory that the runtime needs.
 * Return: 0, or a negative status with a sentence that says what is missing and how to mend it.
 */
int fly_eal_plan(const char *extra, size_t need_bytes, struct fly_eal_plan *plan);

#endif
