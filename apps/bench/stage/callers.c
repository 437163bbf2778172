/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * callers.c - threads that call, and the blocks of calls that they make together.
 *
 * Owns the threads and their bindings. Called by runs/threads.c, runs/processors.c and
 * runs/handoff.c on the thread that owns the runtime, which serves it meanwhile.
 *
 * When a call counts
 *
 * Threads on one core take turns as the system likes: one may have made all its calls before
 * another begins. So a block has two moments, the same for all. A thread notes what it has done
 * when it first looks at the clock after the first moment, and after the second. What lies between
 * counts. All threads go on calling until the last of them has passed the second moment.
 */
#include "callers.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "firefly/cli.h"

#define LOOK_EVERY 16   /* calls between two looks at the clock; a power of 2 */
#define WARM_UP    1000 /* of a second: until the first moment */

/* Two of them do not share a line. */
struct caller {
	alignas(128) pthread_t thread;
	struct callers *all;
	struct fly_binding *mine;
	unsigned number;
	unsigned core;
	int status;        /* of what it did last */
	bool is_counted;   /* it has passed the second moment in this block */
	bool has_begun;    /* and the first */
	uint64_t count[2]; /* calls when it passed them */
	uint64_t ticks[2]; /* and when that was */
	struct calls_variables variables;
};

struct callers {
	struct fly_runtime *runtime;
	struct fly_binding *binding;
	enum fly_wait wait;
	bool is_shared; /* the threads turn the poller, and the owner of the runtime sleeps */
	uint64_t second_ticks;
	unsigned n;

	/* What the threads are to do. Written under the lock, between jobs. */
	pthread_mutex_t lock;
	pthread_cond_t changed; /* n_jobs */
	pthread_cond_t idle;    /* n_busy is 0, and nobody turns the poller for the threads */
	uint64_t n_jobs;        /* so far */
	unsigned n_wanted;      /* the first n threads */
	callers_job *job;       /* NULL: end */
	void *context;

	/* The block that they make together. Written between jobs. */
	enum calls_procedure procedure;
	unsigned window;
	uint64_t moments[2];
	alignas(128) _Atomic unsigned n_counted; /* have passed the second moment */

	alignas(128) _Atomic unsigned n_busy; /* are not done yet; the last one ends fly_serve() */
	struct caller each[CALLERS_MOST];
};

/* ---- a block of calls, in one of the threads ---- */

/* It has made so many calls. Return: whether it is to go on. */
static bool look(struct caller *c, uint64_t count)
{
	const uint64_t *moments = c->all->moments;
	const uint64_t now = ticks_now();

	if (!c->has_begun) {
		if (now < moments[0])
			return true;
		c->has_begun = true;
		c->count[0] = count;
		c->ticks[0] = now;
	} else if (!c->is_counted && now >= moments[1]) {
		c->is_counted = true;
		c->count[1] = count;
		c->ticks[1] = now;
		/* Carries no data: what was counted is read when all are done. */
		atomic_fetch_add_explicit(&c->all->n_counted, 1, memory_order_relaxed);
	}
	return atomic_load_explicit(&c->all->n_counted, memory_order_relaxed) < c->all->n_wanted;
}

CALLS_INLINE bool ended(void *context, uint64_t number)
{
	return (number + 1) % LOOK_EVERY || look(context, number + 1);
}

static int make_calls(void *context, struct fly_binding *mine, unsigned number)
{
	struct callers *all = context;
	struct caller *c = &all->each[number];
	int status;

	(void)mine;
	c->is_counted = c->has_begun = false;
	status = calls_loop(c->mine, all->procedure, false, all->window, &c->variables, ended, c);
	/* The others are not to wait for one that has failed. */
	if (!c->is_counted)
		atomic_fetch_add_explicit(&all->n_counted, 1, memory_order_relaxed);
	return status;
}

/* ---- the threads ---- */

/* W1: what it did; pairs with W2 in callers_are_busy(). */
static void be_done(struct callers *all)
{
	if (atomic_fetch_sub_explicit(&all->n_busy, 1, memory_order_acq_rel) != 1)
		return;
	if (!all->is_shared) {
		fly_quit(all->runtime);
		return;
	}
	pthread_mutex_lock(&all->lock);
	pthread_cond_signal(&all->idle);
	pthread_mutex_unlock(&all->lock);
}

static void *live(void *context)
{
	struct caller *c = context;
	struct callers *all = c->all;
	callers_job *job;
	uint64_t done = 0;

	c->status = cli_pin("bench", c->core) ? -FLY_EINVAL : fly_attach(all->binding, &c->mine);
	if (!c->status)
		fly_set_wait(c->mine, all->wait);
	be_done(all);
	do {
		bool is_wanted;

		pthread_mutex_lock(&all->lock);
		while (all->n_jobs == done)
			pthread_cond_wait(&all->changed, &all->lock);
		done = all->n_jobs;
		job = all->job;
		is_wanted = c->number < all->n_wanted;
		pthread_mutex_unlock(&all->lock);
		if (!is_wanted)
			continue;
		if (job)
			c->status = job(all->context, c->mine, c->number);
		else if (c->mine)
			fly_unbind(c->mine);
		be_done(all);
	} while (job);
	return NULL;
}

/* ---- the owner of the runtime ---- */

bool callers_are_busy(const struct callers *all)
{
	/* W2: pairs with W1 in be_done(). */
	return atomic_load_explicit(&all->n_busy, memory_order_acquire) != 0;
}

static void sleep_meanwhile(struct callers *all)
{
	pthread_mutex_lock(&all->lock);
	while (callers_are_busy(all))
		pthread_cond_wait(&all->idle, &all->lock);
	pthread_mutex_unlock(&all->lock);
}

static void serve(struct callers *all)
{
	if (all->is_shared)
		sleep_meanwhile(all);
	while (callers_are_busy(all)) {
		if (all->wait == FLY_WAIT_SPIN)
			fly_turn(all->runtime);
		else
			fly_serve(all->runtime); /* waits as its runtime does */
	}
}

void callers_give(struct callers *all, unsigned n, callers_job *job, void *context)
{
	/* Plain: nobody is busy, and who begins has taken the lock. */
	atomic_store_explicit(&all->n_counted, 0, memory_order_relaxed);
	atomic_store_explicit(&all->n_busy, n, memory_order_relaxed);
	pthread_mutex_lock(&all->lock);
	all->n_jobs++;
	all->n_wanted = n;
	all->job = job;
	all->context = context;
	pthread_cond_broadcast(&all->changed);
	pthread_mutex_unlock(&all->lock);
}

int callers_status(const struct callers *all, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (all->each[i].status)
			return all->each[i].status;
	return 0;
}

static int start(struct callers *all, unsigned core)
{
	struct caller *c = &all->each[all->n];

	*c = (struct caller){.all = all, .number = all->n, .core = core};
	atomic_store_explicit(&all->n_busy, 1, memory_order_relaxed);
	if (pthread_create(&c->thread, NULL, live, c))
		return -FLY_ESYSTEM;
	all->n++;
	serve(all);
	return c->status;
}

struct callers *callers_open(struct fly_runtime *runtime, struct fly_binding *binding, unsigned n,
			     const unsigned *cores, enum fly_wait wait, bool is_shared, int *status)
{
	struct callers *all = aligned_alloc(alignof(struct callers), sizeof *all);
	struct fly_platform platform = {.size = sizeof platform};

	*status = all ? 0 : -FLY_ENOMEM;
	if (!all)
		return NULL;
	fly_platform(runtime, &platform);
	*all = (struct callers){
		.runtime = runtime,
		.binding = binding,
		.wait = wait,
		.is_shared = is_shared,
		.second_ticks = platform.tsc_hz,
	};
	pthread_mutex_init(&all->lock, NULL);
	pthread_cond_init(&all->changed, NULL);
	pthread_cond_init(&all->idle, NULL);
	for (unsigned i = 0; i < n && !*status; i++)
		*status = start(all, cores[i]);
	if (!*status)
		return all;
	callers_close(all);
	return NULL;
}

int callers_block(struct callers *all, unsigned n, enum calls_procedure procedure, unsigned window,
		  uint64_t block_ticks, struct block_sum *sum)
{
	double per_tick = 0;

	all->procedure = procedure;
	all->window = window;
	all->moments[0] = ticks_now() + all->second_ticks / WARM_UP;
	all->moments[1] = all->moments[0] + block_ticks;
	callers_give(all, n, make_calls, all);
	serve(all);
	for (unsigned i = 0; i < n; i++) {
		const struct caller *c = &all->each[i];

		if (c->is_counted && c->ticks[1] > c->ticks[0])
			per_tick += (double)(c->count[1] - c->count[0]) /
				    (double)(c->ticks[1] - c->ticks[0]);
	}
	sum->ticks = block_ticks;
	sum->count = (uint64_t)(per_tick * (double)block_ticks);
	return callers_status(all, n);
}

void callers_close(struct callers *all)
{
	if (!all)
		return;
	callers_give(all, all->n, NULL, NULL);
	serve(all);
	for (unsigned i = 0; i < all->n; i++)
		pthread_join(all->each[i].thread, NULL);
	pthread_cond_destroy(&all->changed);
	pthread_cond_destroy(&all->idle);
	pthread_mutex_destroy(&all->lock);
	free(all);
}
