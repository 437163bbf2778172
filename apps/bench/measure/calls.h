/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * calls.h - loops of calls of Null, MaxResult and MaxArg.
 *
 * Uses nothing but what fireflyc generates from test.fly: the plain calls at window 1, the
 * asynchronous ones at larger windows. All of it is inlined, with a constant procedure and view:
 * no choice is made between two calls.
 */
#ifndef FIREFLY_BENCH_CALLS_H
#define FIREFLY_BENCH_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include <firefly/firefly.h>

#include "firefly/test.h"
#include "block.h"

#define CALLS_INLINE static inline __attribute__((always_inline))

enum calls_procedure {
	CALLS_NULL,
	CALLS_MAX_RESULT,
	CALLS_MAX_ARG,
	CALLS_PROCEDURES,
};

/* What is known of a procedure before it is measured. */
struct calls_profile {
	const char *name;    /* as in the interface */
	uint16_t call_bytes; /* of the frames; 74 of them are headers */
	uint16_t result_bytes;
	unsigned payload_bytes; /* that a call carries, whichever way */
};

extern const struct calls_profile calls_profiles[CALLS_PROCEDURES];

/* A caller's own variables: where results are copied to, and arguments from. */
struct calls_variables {
	uint8_t result[1440];
	uint8_t argument[1440];
};

/*
 * calls_block() - a block of calls by the thread that owns the runtime.
 * @binding: to a Test; no call is under way before and after.
 * @view: MaxResult hands out the result in the packet instead of copying it.
 * @sample: its times and its sum are set.
 * Return: 0, or the status of the first call that failed.
 */
int calls_block(struct fly_binding *binding, enum calls_procedure procedure, unsigned window,
		bool view, uint64_t block_ticks, struct sample *sample);

CALLS_INLINE int calls_start(struct fly_binding *binding, enum calls_procedure procedure,
			     struct calls_variables *mine, struct fly_call **handle)
{
	switch (procedure) {
	case CALLS_NULL:
		return Test_Null_start(binding, handle);
	case CALLS_MAX_RESULT:
		return Test_MaxResult_start(binding, handle);
	default:
		return Test_MaxArg_start(binding, mine->argument, handle);
	}
}

CALLS_INLINE int calls_finish(struct fly_call *handle, enum calls_procedure procedure, bool view,
			      struct calls_variables *mine)
{
	const uint8_t *seen;
	int status;

	switch (procedure) {
	case CALLS_NULL:
		return Test_Null_finish(handle);
	case CALLS_MAX_RESULT:
		if (!view)
			return Test_MaxResult_finish(handle, mine->result);
		status = Test_MaxResult_view(handle, &seen);
		if (!status)
			fly_release(handle);
		return status;
	default:
		return Test_MaxArg_finish(handle);
	}
}

/* The plain call, or for a view what stands for it. */
CALLS_INLINE int calls_one(struct fly_binding *binding, enum calls_procedure procedure, bool view,
			   struct calls_variables *mine)
{
	struct fly_call *handle;
	int status;

	switch (procedure) {
	case CALLS_NULL:
		return Test_Null(binding);
	case CALLS_MAX_RESULT:
		if (!view)
			return Test_MaxResult(binding, mine->result);
		status = calls_start(binding, procedure, mine, &handle);
		return status ? status : calls_finish(handle, procedure, true, mine);
	default:
		return Test_MaxArg(binding, mine->argument);
	}
}

/* calls_loop() of a constant procedure. */
CALLS_INLINE int calls_loop_of(struct fly_binding *binding, enum calls_procedure procedure,
			       bool view, unsigned window, struct calls_variables *mine,
			       bool (*ended)(void *context, uint64_t number), void *context)
{
	struct fly_call *ring[BLOCK_WINDOW];
	unsigned oldest = 0, under_way = 0;
	bool going_on = true;
	int first = 0;

	if (window == 1) {
		for (uint64_t number = 0; going_on && !first; number++) {
			first = calls_one(binding, procedure, view, mine);
			if (!first)
				going_on = ended(context, number);
		}
		return first;
	}
	while (under_way < window && !first) {
		first = calls_start(binding, procedure, mine, &ring[under_way]);
		if (!first)
			under_way++;
	}
	/* A ring of handles: finish the oldest call, start another in its place. */
	for (uint64_t number = 0; under_way; number++) {
		int status = calls_finish(ring[oldest], procedure, view, mine);

		under_way--;
		if (going_on)
			going_on = ended(context, number);
		if (!status && !first && going_on) {
			status = calls_start(binding, procedure, mine, &ring[oldest]);
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

/*
 * calls_loop() - @window calls under way at a time, until @ended says no.
 * @view: of MaxResult.
 * @ended: told after each call how many have ended before it; returns whether to start more.
 * Return: 0, or the status of the first call that failed.
 */
CALLS_INLINE int calls_loop(struct fly_binding *binding, enum calls_procedure procedure, bool view,
			    unsigned window, struct calls_variables *mine,
			    bool (*ended)(void *context, uint64_t number), void *context)
{
#define LOOP(procedure, view) calls_loop_of(binding, procedure, view, window, mine, ended, context)
	switch (procedure) {
	case CALLS_NULL:
		return LOOP(CALLS_NULL, false);
	case CALLS_MAX_RESULT:
		return view ? LOOP(CALLS_MAX_RESULT, true) : LOOP(CALLS_MAX_RESULT, false);
	default:
		return LOOP(CALLS_MAX_ARG, false);
	}
#undef LOOP
}

#endif
