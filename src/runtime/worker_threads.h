/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * runtime/worker_threads.h - starting and ending the threads of an export's workers
 * (runtime/worker_threads.c). threads/worker.h says what the threads do.
 */
#ifndef FLY_WORKER_THREADS_H
#define FLY_WORKER_THREADS_H

#include "threads/worker.h"

struct fly_runtime;

#define FLY_WORKERS       256   /* of one export */
#define FLY_WORKERS_QUEUE 65536 /* calls that wait at one poller */

/*
 * fly_workers_check() - check the options for workers. @o: NULL: no options.
 * Return: 0, or -FLY_EINVAL with a sentence.
 */
int fly_workers_check(const struct fly_interface *interface, const struct fly_export_options *o);

/*
 * fly_workers_start() - start an export's workers at one poller, without a request to that poller.
 * Any thread. @at, @of: index of the poller, and number of pollers.
 * Return: 0: if there are workers, export->pool and export->stubs are set; or a negative status
 * with a sentence.
 */
int fly_workers_start(struct fly_runtime *runtime, struct fly_poller *p,
		      const struct fly_export_options *o, unsigned at, unsigned of,
		      struct fly_export *export);

/* fly_workers_drop() - end workers that were started but given to no poller. */
void fly_workers_drop(struct fly_worker_pool *pool);

/*
 * fly_workers_stop() - end all workers of a poller through which nobody calls any more. Waits for
 * running procedures, which learn it from fly_cancelled(), and for their results to be sent. Turns
 * an inline poller meanwhile; any other poller's thread must be turning it.
 */
void fly_workers_stop(struct fly_poller *p);

#endif
