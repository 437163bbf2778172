/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * runtime/pollers.c - the poller threads of a runtime: starting, turning, ending.
 *
 * Called by the thread that starts the runtime, and by the thread that stops it. Owns the threads,
 * and the table of cores on which pollers of this process run. A poller belongs to its thread from
 * pthread_create() to pthread_join(), which order all accesses before and after. In between, other
 * threads use fly_request() (threads/request.h).
 */
#include "runtime/pollers.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_lcore.h>

#include "fastpath/poller.h"
#include "fastpath/slow.h"
#include "threads/request.h"
#include "host/core_claim.h"
#include "host/cores.h"
#include "host/eal.h"
#include "host/limits.h"
#include "base/error.h"
#include "base/notice.h"
#include "base/signals.h"
#include "threads/lease.h"
#include "threads/waiting.h"
#include "runtime/runtime.h"

#define LAST_TURNS 4

struct thread {
	struct fly_poller_threads *all;
	struct fly_poller *poller;
	pthread_t id;
	unsigned index;
	unsigned core;
	bool has_registered; /* with DPDK, which it is for its packets */
	bool is_up;          /* a plain field: read after sem_wait(up) */
};

struct fly_poller_threads {
	unsigned n; /* threads running */
	sem_t up;   /* posted by each thread once it knows whether it can turn its poller */
	sem_t quit; /* posted by fly_quit() */
	/* Tells the threads to end. Carries no data: fly_request() orders everything before it. */
	_Atomic bool ending;
	struct thread threads[FLY_POLLERS];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint8_t taken[FLY_TOPOLOGY_CORES]; /* under lock: number of pollers per core */

static void warn(const struct fly_options *o, unsigned core, pid_t other)
{
	const struct fly_notice notice = {o->notice, o->notice_context};
	char who[32] = "of another container";

	if (other > 0)
		snprintf(who, sizeof who, "(%d)", (int)other);
	fly_notice(&notice,
		   "core %u: another Firefly process %s polls there as well, and both are slow; "
		   "say cores=, or --cores, or stop one",
		   core, who);
}

/* Under lock. Two processes that choose at the same time see it here. */
static void take(const struct fly_options *o, const unsigned *cores)
{
	const bool spins = o->wait == FLY_WAIT_DEFAULT || o->wait == FLY_WAIT_SPIN;

	for (unsigned i = 0; i < o->pollers; i++) {
		const pid_t other = spins ? fly_core_claim(cores[i]) : 0;

		taken[cores[i]]++;
		if (other)
			warn(o, cores[i], other);
	}
}

void fly_pollers_leave(const unsigned *cores, unsigned n)
{
	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < n; i++) {
		if (--taken[cores[i]] == 0)
			fly_core_claim_drop(cores[i]);
	}
	pthread_mutex_unlock(&lock);
}

int fly_pollers_choose(const struct fly_options *o, const struct fly_topology *t, int node,
		       unsigned *cores)
{
	int status;

	if (o->pollers > FLY_POLLERS)
		return fly_fail(FLY_EINVAL, "at most %d pollers", FLY_POLLERS);
	if (o->cores && o->pollers == 0)
		return fly_fail(FLY_EINVAL, "cores are for pollers: how many of those?");
	pthread_mutex_lock(&lock);
	status = fly_cores_choose(t,
				  &(struct fly_cores_wish){
					  .n = o->pollers,
					  .list = o->cores,
					  .node = node,
					  .may_share = o->wait == FLY_WAIT_YIELD ||
						       o->wait == FLY_WAIT_SLEEP,
					  .taken = taken,
				  },
				  cores);
	if (status == 0)
		take(o, cores);
	pthread_mutex_unlock(&lock);
	return status;
}

void fly_pollers_forked(void)
{
	pthread_mutex_init(&lock, NULL); /* a thread of the parent may have held it */
	memset(taken, 0, sizeof taken);
}

/* ---- a thread -------------------------------------------------------------------------------- */

static void *turn_poller(void *context)
{
	struct thread *thread = context;
	struct fly_poller *p = thread->poller;
	struct fly_poller_threads *all = thread->all;
	const bool has_packets = p->group->packets != 0;
	const enum fly_wait wait = p->group->wait;
	struct fly_waiting waiting = {.lease = p->lease};
	char name[16];

	snprintf(name, sizeof name, "fly-poller%u", thread->index);
	pthread_setname_np(pthread_self(), name);
	thread->has_registered = has_packets && rte_thread_register() == 0;
	fly_poller_group_enter(p);
	thread->is_up = thread->has_registered || !has_packets;
	if (thread->is_up)
		fly_poller_take(p);
	if (thread->is_up && p->lease)
		fly_lease_begin(p->lease);
	sem_post(&all->up);
	if (!thread->is_up)
		return NULL;
	while (!atomic_load_explicit(&all->ending, memory_order_relaxed))
		fly_wait_after_turn(&waiting, p, wait, fly_poller_turn(p, fly_poller_time(p)));
	fly_requests_close(p);
	for (unsigned i = 0; i < LAST_TURNS; i++)
		fly_poller_turn(p, fly_poller_time(p));
	if (thread->has_registered)
		rte_thread_unregister();
	return NULL;
}

static int create(struct thread *thread)
{
	cpu_set_t *const cpus = CPU_ALLOC(FLY_TOPOLOGY_CORES);
	const size_t bytes = CPU_ALLOC_SIZE(FLY_TOPOLOGY_CORES);
	pthread_attr_t attributes;
	sigset_t before;
	int error;

	if (!cpus)
		return ENOMEM;
	CPU_ZERO_S(bytes, cpus);
	CPU_SET_S(thread->core, bytes, cpus);
	pthread_attr_init(&attributes);
	error = pthread_attr_setaffinity_np(&attributes, bytes, cpus);
	fly_signals_block_but_faults(&before);
	if (!error)
		error = pthread_create(&thread->id, &attributes, turn_poller, thread);
	fly_signals_restore(&before);
	pthread_attr_destroy(&attributes);
	CPU_FREE(cpus);
	return error;
}

static void wait_for(sem_t *semaphore)
{
	while (sem_wait(semaphore) != 0)
		; /* a signal interrupted it */
}

/* ---- all threads ----------------------------------------------------------------------------- */

static int start_thread(struct fly_runtime *r, unsigned index, unsigned core)
{
	struct fly_poller_threads *all = r->threads;
	struct thread *thread = &all->threads[index];
	int error;

	*thread = (struct thread){.all = all,
				  .poller = r->group.pollers[index],
				  .index = index,
				  .core = core};
	error = create(thread);
	if (error)
		return fly_fail(error == EINVAL ? FLY_EINVAL : FLY_ESYSTEM,
				"no thread for a poller on core %u: %s", core,
				fly_limits_no_thread(error));
	all->n++;
	wait_for(&all->up);
	return thread->is_up
		       ? 0
		       : fly_fail(FLY_ESYSTEM, "DPDK takes no more threads%s", fly_eal_last_log());
}

int fly_pollers_start(struct fly_runtime *r, const unsigned *cores)
{
	int status = 0;

	r->threads = calloc(1, sizeof *r->threads);
	if (!r->threads)
		return fly_fail(FLY_ENOMEM, "out of memory");
	sem_init(&r->threads->up, 0, 0);
	sem_init(&r->threads->quit, 0, 0);
	for (unsigned i = 0; i < r->group.n && !status; i++)
		status = start_thread(r, i, cores[i]);
	if (status)
		fly_pollers_stop(r);
	return status;
}

void fly_pollers_stop(struct fly_runtime *r)
{
	struct fly_poller_threads *all = r->threads;

	if (!all)
		return;
	atomic_store_explicit(&all->ending, true, memory_order_relaxed);
	for (unsigned i = 0; i < all->n; i++) {
		fly_slow_wake_poller(all->threads[i].poller->handoffs.wake_fd);
		pthread_join(all->threads[i].id, NULL);
		fly_poller_take(all->threads[i].poller);
	}
	sem_destroy(&all->up);
	sem_destroy(&all->quit);
	free(all);
	r->threads = NULL;
}

void fly_pollers_wait(struct fly_runtime *r)
{
	wait_for(&r->threads->quit);
	while (sem_trywait(&r->threads->quit) == 0)
		; /* fly_quit() was called more than once */
}

bool fly_pollers_are_quitting(struct fly_runtime *r)
{
	return sem_trywait(&r->threads->quit) == 0;
}

void fly_pollers_quit(struct fly_runtime *r)
{
	sem_post(&r->threads->quit);
}
