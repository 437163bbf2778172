/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * runtime/worker_threads.c - the threads of an export's workers: starting, waiting, ending.
 *
 * A worker thread is not registered with DPDK and touches no packet pool: the packets that it reads
 * and writes belong to its poller. All signals are blocked in it, as in the library's other
 * threads.
 */
#include "runtime/worker_threads.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <firefly/topology.h>

#include "threads/request.h"
#include "runtime/attach.h"
#include "host/cores.h"
#include "host/limits.h"
#include "base/error.h"
#include "base/signals.h"
#include "threads/waiting.h"
#include "runtime/process.h"
#include "runtime/runtime.h"

#define QUEUE_DEFAULT 64
#define LOOK_NS       200000 /* between two checks whether the workers have ended */

/* ---- options --------------------------------------------------------------------------------- */

int fly_workers_check(const struct fly_interface *interface, const struct fly_export_options *o)
{
	if (!o)
		return 0;
	if (o->workers > FLY_WORKERS)
		return fly_fail(FLY_EINVAL, "export %s: at most %d workers, not %u",
				interface->name, FLY_WORKERS, o->workers);
	if (o->queue > FLY_WORKERS_QUEUE)
		return fly_fail(FLY_EINVAL, "export %s: at most %d calls can wait for a worker",
				interface->name, FLY_WORKERS_QUEUE);
	if (o->wait < FLY_WAIT_DEFAULT || o->wait > FLY_WAIT_SLEEP)
		return fly_fail(FLY_EINVAL, "export %s: there is no way %d to wait",
				interface->name, (int)o->wait);
	if (o->worker_cores && o->workers == 0)
		return fly_fail(FLY_EINVAL, "export %s: cores for workers, but no workers",
				interface->name);
	return 0;
}

/* Choose the cores of a pool's threads. Return: 0, or a negative status with a sentence. */
static int choose_cores(const struct fly_export_options *o, int node, cpu_set_t *set)
{
	struct fly_topology *topology;
	unsigned cores[FLY_TOPOLOGY_CORES];
	int n = fly_topology_read(&topology);

	if (n < 0)
		return n;
	if (o->worker_cores)
		n = fly_cores_list(topology, o->worker_cores, cores);
	else
		n = (int)fly_cores_of_node(topology, node, cores);
	fly_topology_free(topology);
	if (n < 0)
		return n;
	CPU_ZERO(set);
	for (int i = 0; i < n; i++)
		CPU_SET(cores[i], set);
	return 0;
}

/* ---- a thread -------------------------------------------------------------------------------- */

/*
 * Sharing the core of the poller
 *
 * A worker that polls its slot there takes the core from the poller, which is to bring the next
 * call: each of several idle workers costs every call two switches. So the worker sleeps, and the
 * poller wakes it with the call. One switch there, one back.
 */
static void wait_for_order(struct fly_worker *w)
{
	struct fly_slot *s = &w->handoff.slot;
	struct fly_waiting waiting = {0};
	uint32_t word;

	while (!fly_slot_says(word = fly_slot_word(s), FLY_SLOT_CALL)) {
		if (w->wait == FLY_WAIT_SPIN || !fly_wait_shares_core(w->poller))
			fly_wait_for_slot(&waiting, s, word, w->wait, false);
		else
			fly_wait_asleep_for_slot(s, word, false);
	}
}

static void *work(void *argument)
{
	struct fly_worker *w = argument;
	struct fly_worker_pool *pool = w->pool;

	while (!w->is_quitting) {
		wait_for_order(w);
		fly_worker_run(w);
	}
	/* Only this thread can end the bindings that its procedures have left. */
	fly_process_end_mine();
	/* W1: this thread does not touch the pool any more; pairs with W2. */
	atomic_fetch_sub_explicit(&pool->n_alive, 1, memory_order_release);
	return NULL;
}

static int start_thread(struct fly_worker *w, const cpu_set_t *cores)
{
	pthread_attr_t attr;
	int error;

	pthread_attr_init(&attr);
	pthread_attr_setaffinity_np(&attr, sizeof *cores, cores);
	error = pthread_create(&w->thread, &attr, work, w);
	pthread_attr_destroy(&attr);
	if (error)
		return error;
	pthread_setname_np(w->thread, "fly-worker");
	w->has_thread = true;
	return 0;
}

static void join(struct fly_worker_pool *pool)
{
	for (uint32_t i = 0; i < pool->n; i++) {
		if (pool->workers[i].has_thread)
			pthread_join(pool->workers[i].thread, NULL);
	}
}

/* ---- a pool ---------------------------------------------------------------------------------- */

/* No poller has the pool yet: this thread acts as the poller of its slots. */
void fly_workers_drop(struct fly_worker_pool *pool)
{
	if (!pool)
		return;
	for (uint32_t i = 0; i < pool->n; i++) {
		struct fly_worker *w = &pool->workers[i];

		w->handoff.slot.kind = FLY_WORKER_QUIT;
		if (fly_slot_from_poller(&w->handoff.slot, FLY_SLOT_CALL))
			fly_wait_wake_slot(&w->handoff.slot, false);
	}
	join(pool);
	fly_worker_pool_free(pool);
}

static int start_threads(struct fly_runtime *r, struct fly_worker_pool *pool,
			 const struct fly_export_options *o, const char *name)
{
	sigset_t before;
	cpu_set_t cores;
	int error = 0;
	int status = choose_cores(o, r->group.node, &cores);

	if (status)
		return status;

	fly_signals_block_but_faults(&before);
	for (uint32_t i = 0; i < pool->n && !error; i++) {
		struct fly_worker *w = &pool->workers[i];

		w->wait = o->wait ? o->wait : r->group.wait;
		atomic_fetch_add_explicit(&pool->n_alive, 1, memory_order_relaxed);
		error = start_thread(w, &cores);
		if (error)
			atomic_fetch_sub_explicit(&pool->n_alive, 1, memory_order_relaxed);
	}
	fly_signals_restore(&before);
	return error ? fly_fail(FLY_ESYSTEM, "export %s: a worker cannot be started: %s", name,
				fly_limits_no_thread(error))
		     : 0;
}

int fly_workers_start(struct fly_runtime *r, struct fly_poller *p,
		      const struct fly_export_options *o, unsigned at, unsigned of,
		      struct fly_export *export)
{
	const char *name = export->interface->name;
	struct fly_worker_pool *pool;
	unsigned n;
	int status;

	if (!o || o->workers == 0)
		return 0;
	n = o->workers / of + (at < o->workers % of);
	pool = fly_worker_pool_new(p, export, RTE_MAX(n, 1U), o->queue ? o->queue : QUEUE_DEFAULT,
				   r->group.node);
	if (!pool)
		return fly_fail(FLY_ENOMEM, "export %s: no memory for %u workers", name, n);
	pool->group = &r->group;
	status = start_threads(r, pool, o, name);
	if (status) {
		fly_workers_drop(pool);
		return status;
	}
	export->pool = pool;
	export->stubs = pool->stubs;
	return 0;
}

static int close_all(struct fly_poller *p, void *unused)
{
	struct fly_worker_pool *pool;

	(void)unused;
	LIST_FOREACH(pool, &p->pools, next)
	fly_worker_pool_close(p, pool);
	return 0;
}

static int remove_pool(struct fly_poller *p, void *argument)
{
	fly_worker_pool_remove(p, argument);
	return 0;
}

/* W2: no thread touches the pool any more; pairs with W1. */
static bool is_over(const struct fly_worker_pool *pool)
{
	return atomic_load_explicit(&pool->n_alive, memory_order_acquire) == 0;
}

void fly_workers_stop(struct fly_poller *p)
{
	const struct timespec look = {.tv_nsec = LOOK_NS};
	struct fly_worker_pool *pool;

	fly_request(p, close_all, NULL);
	/* Only this thread, which stops the runtime, changes the list. */
	while ((pool = LIST_FIRST(&p->pools)) != NULL) {
		while (!is_over(pool)) {
			/* A worker that ends its bindings may wait for other pollers of ours. */
			fly_runtime_turn_here();
			if (fly_poller_is_here(p))
				fly_poller_turn(p, fly_poller_time(p));
			else
				nanosleep(&look, NULL);
		}
		join(pool);
		fly_request(p, remove_pool, pool);
		fly_worker_pool_free(pool);
	}
}
