/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * worker_threads.h - the threads of an export's workers: starting and ending them
 * (worker_threads.c). What they do is in threads/worker.h.
 */
#ifndef FLY_WORKER_THREADS_H
#define FLY_WORKER_THREADS_H

#include "threads/worker.h"

struct fly_runtime;

#define FLY_WORKERS       256   /* of one export, at most */
#define FLY_WORKERS_QUEUE 65536 /* calls that wait at one poller, at most */

/*
 * fly_workers_check() - are these options for workers sound? Return: 0, or -FLY_EINVAL with a
 * sentence. @o: NULL: there are none.
 */
int fly_workers_check(const struct fly_interface *interface, const struct fly_export_options *o);

/*
 * fly_workers_start() - the workers of an export at one poller, which is not asked to do anything
 * yet. @at, @of: it is the at-th of so many pollers. Any thread.
 * Return: 0: export->pool and export->stubs are set, if there are workers; or a negative status
 * with a sentence.
 */
int fly_workers_start(struct fly_runtime *runtime, struct fly_poller *p,
		      const struct fly_export_options *o, unsigned at, unsigned of,
		      struct fly_export *export);

/* fly_workers_drop() - they were started, and the poller does not want them: they end. */
void fly_workers_drop(struct fly_worker_pool *pool);

/*
 * fly_workers_stop() - end all workers of a poller, which nobody calls through any more: procedures
 * that run are waited for, fly_cancelled() tells them; their results are sent. If the calling
 * thread is who turns this poller it does so meanwhile; otherwise somebody else must.
 */
void fly_workers_stop(struct fly_poller *p);

#endif
