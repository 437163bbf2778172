/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * calls.c - the loops of calls that are timed.
 *
 * Owns the window of calls under way, and the caller's variables. Called by bench.c for one block
 * at a time. Uses nothing but what fireflyc generates from test.fly: the plain calls at window 1,
 * the asynchronous ones at larger windows. Each procedure has its own copy of both loops, so that
 * no choice is made between two calls.
 */
#include "procedures.h"

static struct bench_variables mine;

BENCH_INLINE int one_by_one(struct fly_binding *binding, enum bench_procedure procedure, bool view,
			    struct block_clock *clock)
{
	for (uint64_t number = 0; !clock->over; number++) {
		const int status = bench_procedures_call(binding, procedure, view, &mine);

		if (status)
			return status;
		block_ended(clock, number);
	}
	return 0;
}

/* A ring of handles: finish the oldest call, start another in its place. */
BENCH_INLINE int windowful(struct fly_binding *binding, enum bench_procedure procedure, bool view,
			   struct block_clock *clock)
{
	const unsigned window = clock->plan->window;
	struct fly_call *ring[BLOCK_WINDOW];
	unsigned oldest = 0, under_way = 0;
	int first = 0;

	while (under_way < window && !first) {
		first = bench_procedures_start(binding, procedure, &mine, &ring[under_way]);
		if (!first)
			under_way++;
	}
	for (uint64_t number = 0; under_way; number++) {
		int status = bench_procedures_finish(ring[oldest], procedure, view, &mine);

		under_way--;
		block_ended(clock, number);
		if (!status && !first && !clock->over) {
			status = bench_procedures_start(binding, procedure, &mine, &ring[oldest]);
			if (!status)
				under_way++;
		}
		if (status && !first)
			first = status;
		if (++oldest == window)
			oldest = 0;
	}
	return first;
}

int bench_calls(struct fly_binding *binding, enum bench_procedure procedure, bool view,
		struct block_clock *clock)
{
#define BOTH_LOOPS(procedure, view)                                             \
	(clock->plan->window == 1 ? one_by_one(binding, procedure, view, clock) \
				  : windowful(binding, procedure, view, clock))
	switch (procedure) {
	case BENCH_NULL:
		return BOTH_LOOPS(BENCH_NULL, false);
	case BENCH_MAX_RESULT:
		return view ? BOTH_LOOPS(BENCH_MAX_RESULT, true)
			    : BOTH_LOOPS(BENCH_MAX_RESULT, false);
	case BENCH_MAX_ARG:
		return BOTH_LOOPS(BENCH_MAX_ARG, false);
	default:
		return -FLY_EINVAL;
	}
#undef BOTH_LOOPS
}
