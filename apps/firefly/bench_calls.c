/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_calls.c - the loops of calls that are timed.
 *
 * Owns the window of calls under way, and the caller's variables. Called by bench.c for one block
 * at a time. Uses nothing but what fireflyc generates from test.fly: the plain calls at window 1,
 * the asynchronous ones at larger windows. Each procedure has its own copy of both loops, so that
 * no choice is made between two calls.
 */
#include "bench.h"

#include "test.h"

/* The caller's own variables: where results are copied to, and arguments from. */
static uint8_t result[1440], argument[1440];

/* The plain call, or for a view what stands for it. */
static inline __attribute__((always_inline)) int call(struct fly_binding *binding,
						      enum bench_procedure procedure, bool view)
{
	const uint8_t *seen;
	struct fly_call *handle;
	int status;

	switch (procedure) {
	case BENCH_NULL:
		return Test_Null(binding);
	case BENCH_MAX_RESULT:
		if (!view)
			return Test_MaxResult(binding, result);
		status = Test_MaxResult_start(binding, &handle);
		if (status)
			return status;
		status = Test_MaxResult_view(handle, &seen);
		if (!status)
			fly_release(handle);
		return status;
	case BENCH_MAX_ARG:
		return Test_MaxArg(binding, argument);
	default:
		return -FLY_EINVAL;
	}
}

static inline __attribute__((always_inline)) int
start(struct fly_binding *binding, enum bench_procedure procedure, struct fly_call **handle)
{
	switch (procedure) {
	case BENCH_NULL:
		return Test_Null_start(binding, handle);
	case BENCH_MAX_RESULT:
		return Test_MaxResult_start(binding, handle);
	case BENCH_MAX_ARG:
		return Test_MaxArg_start(binding, argument, handle);
	default:
		return -FLY_EINVAL;
	}
}

static inline __attribute__((always_inline)) int finish(struct fly_call *handle,
							enum bench_procedure procedure, bool view)
{
	const uint8_t *seen;
	int status;

	switch (procedure) {
	case BENCH_NULL:
		return Test_Null_finish(handle);
	case BENCH_MAX_RESULT:
		if (!view)
			return Test_MaxResult_finish(handle, result);
		status = Test_MaxResult_view(handle, &seen);
		if (!status)
			fly_release(handle);
		return status;
	case BENCH_MAX_ARG:
		return Test_MaxArg_finish(handle);
	default:
		return -FLY_EINVAL;
	}
}

static inline __attribute__((always_inline)) int one_by_one(struct fly_binding *binding,
							    enum bench_procedure procedure,
							    bool view, struct block_clock *clock)
{
	for (uint64_t number = 0; !clock->over; number++) {
		const int status = call(binding, procedure, view);

		if (status)
			return status;
		block_ended(clock, number);
	}
	return 0;
}

/* A ring of handles: finish the oldest call, start another in its place. */
static inline __attribute__((always_inline)) int windowful(struct fly_binding *binding,
							   enum bench_procedure procedure,
							   bool view, struct block_clock *clock)
{
	const unsigned window = clock->plan->window;
	struct fly_call *ring[BLOCK_WINDOW];
	unsigned oldest = 0, under_way = 0;
	int first = 0;

	while (under_way < window && !first) {
		first = start(binding, procedure, &ring[under_way]);
		if (!first)
			under_way++;
	}
	for (uint64_t number = 0; under_way; number++) {
		int status = finish(ring[oldest], procedure, view);

		under_way--;
		block_ended(clock, number);
		if (!status && !first && !clock->over) {
			status = start(binding, procedure, &ring[oldest]);
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
