/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * procedures.h - calls of Null, MaxResult and MaxArg, chosen when the loop around them is
 * compiled.
 *
 * All of it is inlined, with a constant procedure and view, so that no choice is made between two
 * calls.
 */
#ifndef FIREFLY_APP_BENCH_PROCEDURES_H
#define FIREFLY_APP_BENCH_PROCEDURES_H

#include "bench/runs/calls.h"

#include "firefly/test.h"

#define BENCH_INLINE static inline __attribute__((always_inline))

/* A caller's own variables: where results are copied to, and arguments from. */
struct bench_variables {
	uint8_t result[1440];
	uint8_t argument[1440];
};

/* The plain call, or for a view what stands for it. */
BENCH_INLINE int bench_procedures_call(struct fly_binding *binding, enum bench_procedure procedure,
				       bool view, struct bench_variables *mine)
{
	const uint8_t *seen;
	struct fly_call *handle;
	int status;

	switch (procedure) {
	case BENCH_NULL:
		return Test_Null(binding);
	case BENCH_MAX_RESULT:
		if (!view)
			return Test_MaxResult(binding, mine->result);
		status = Test_MaxResult_start(binding, &handle);
		if (status)
			return status;
		status = Test_MaxResult_view(handle, &seen);
		if (!status)
			fly_release(handle);
		return status;
	case BENCH_MAX_ARG:
		return Test_MaxArg(binding, mine->argument);
	default:
		return -FLY_EINVAL;
	}
}

BENCH_INLINE int bench_procedures_start(struct fly_binding *binding, enum bench_procedure procedure,
					struct bench_variables *mine, struct fly_call **handle)
{
	switch (procedure) {
	case BENCH_NULL:
		return Test_Null_start(binding, handle);
	case BENCH_MAX_RESULT:
		return Test_MaxResult_start(binding, handle);
	case BENCH_MAX_ARG:
		return Test_MaxArg_start(binding, mine->argument, handle);
	default:
		return -FLY_EINVAL;
	}
}

BENCH_INLINE int bench_procedures_finish(struct fly_call *handle, enum bench_procedure procedure,
					 bool view, struct bench_variables *mine)
{
	const uint8_t *seen;
	int status;

	switch (procedure) {
	case BENCH_NULL:
		return Test_Null_finish(handle);
	case BENCH_MAX_RESULT:
		if (!view)
			return Test_MaxResult_finish(handle, mine->result);
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

#endif
