/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * callers.h - threads that call, all at the same time, through the poller of one runtime.
 *
 * Each is an attached caller with a binding of its own. Between two jobs they sleep. During a job
 * the thread that owns the runtime serves it.
 */
#ifndef FIREFLY_BENCH_CALLERS_H
#define FIREFLY_BENCH_CALLERS_H

#include "bench/measure/calls.h"

#define CALLERS_MOST 64 /* threads */

struct callers;

/* What a thread does in a job. @mine: its binding. @number: of the thread. Return: a status. */
typedef int callers_job(void *context, struct fly_binding *mine, unsigned number);

/*
 * callers_open() - start @n threads, each with a binding attached to @binding.
 * @runtime: the calling thread's, without pollers of its own.
 * @cores: of each, n of them.
 * @wait: FLY_WAIT_SPIN: their poller does so as well; else it waits as its runtime does.
 * @is_shared: the runtime is: the threads turn its poller, and this one sleeps meanwhile.
 * Return: NULL, with *status set, if that fails.
 */
struct callers *callers_open(struct fly_runtime *runtime, struct fly_binding *binding, unsigned n,
			     const unsigned *cores, enum fly_wait wait, bool is_shared,
			     int *status);

/* callers_give() - the first @n do this; the last that is done ends fly_serve(). */
void callers_give(struct callers *callers, unsigned n, callers_job *job, void *context);

/* callers_are_busy() - is it still under way? If not, all that they wrote may be read. */
bool callers_are_busy(const struct callers *callers);

/* callers_status() - of the first job that failed, among those of the first @n; 0. */
int callers_status(const struct callers *callers, unsigned n);

/*
 * callers_block() - a block of calls by the first @n of them.
 * @window: calls under way from each; at 1 plain calls.
 * @sum: calls of all of them together, between two moments that are the same for all.
 * Return: 0, or the status of a call that failed.
 */
int callers_block(struct callers *callers, unsigned n, enum calls_procedure procedure,
		  unsigned window, uint64_t block_ticks, struct block_sum *sum);

/* callers_close() - their bindings end, and the threads. @callers: may be NULL. */
void callers_close(struct callers *callers);

#endif
