/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * calls.c - a block of calls by the thread that owns the runtime.
 *
 * Owns the caller's variables. Called between two floors, by the runs. Each procedure has its own
 * copy of the loops in calls.h.
 */
#include "calls.h"

const struct calls_profile calls_profiles[CALLS_PROCEDURES] = {
	[CALLS_NULL] = {"Null", 74, 74, 0},
	[CALLS_MAX_RESULT] = {"MaxResult", 74, 1514, 1440},
	[CALLS_MAX_ARG] = {"MaxArg", 1514, 74, 1440},
};

static struct calls_variables mine;

CALLS_INLINE bool ended(void *context, uint64_t number)
{
	struct block_clock *clock = context;

	block_ended(clock, number);
	return !clock->over;
}

int calls_block(struct fly_binding *binding, enum calls_procedure procedure, unsigned window,
		bool view, uint64_t block_ticks, struct sample *sample)
{
	struct block_clock clock = block_clock(window, block_ticks, &sample->times);
	const int status = calls_loop(binding, procedure, view, window, &mine, ended, &clock);

	sample->sum = clock.sum;
	return status;
}
