/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * crew.h - threads that call, all at the same time, through the poller of one runtime.
 *
 * Each is an attached caller with a binding of its own. Between two blocks they sleep; during one
 * the thread that owns the runtime serves it, in fly_serve().
 */
#ifndef FIREFLY_APP_BENCH_CREW_H
#define FIREFLY_APP_BENCH_CREW_H

#include "bench/runs/calls.h"

#define CREW_MOST   64 /* threads */
#define CREW_WINDOW 64 /* calls under way from each */

/* Where the members run, and how they wait. */
struct crew_places {
	unsigned n;     /* members, at most CREW_MOST */
	unsigned *core; /* of each: n of them */
	enum fly_wait
		wait; /* FLY_WAIT_SPIN: their poller does so as well; else as its runtime does */
};

struct crew;

/*
 * crew_open() - start the members, each with a binding attached to @binding.
 * @runtime: the calling thread's, without pollers of its own.
 * Return: NULL, with *status set, if that fails.
 */
struct crew *crew_open(struct fly_runtime *runtime, struct fly_binding *binding,
		       const struct crew_places *places, int *status);

/*
 * crew_call() - a block of calls by the first @n members.
 * @window: calls under way from each, 1 to CREW_WINDOW; at 1 plain calls.
 * @sum: calls of all of them together, between two moments that are the same for all, when all are
 * at it. Return: 0, or the status of a call that failed.
 */
int crew_call(struct crew *crew, unsigned n, enum bench_procedure procedure, unsigned window,
	      uint64_t block_ticks, struct block_sum *sum);

/* crew_close() - their bindings end, and the threads. @crew: may be NULL. */
void crew_close(struct crew *crew);

#endif
