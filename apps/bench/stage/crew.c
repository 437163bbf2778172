/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * crew.c - the members of a crew, and the blocks of calls that they make together.
 *
 * Owns the threads and their bindings. Called by bench_threads.c and bench_processors.c on the
 * thread that owns the runtime, which serves it meanwhile.
 *
 * When a member counts
 *
 * Threads on one core take turns as the system likes: one may have made all its calls before
 * another begins. So a block has two moments, the same for everybody. Each notes what it has done
 * when it first looks at the clock after the first moment, and after the second; what lies between
 * counts. All go on calling until the last of them has passed the second.
 */
#include "crew.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "bench/measure/procedures.h"

#define LOOK_EVERY 16   /* calls between two looks at the clock; a power of 2 */
#define WARM_UP    1000 /* of a second: until the first moment */

/* Two members do not share a line. */
struct member {
	alignas(128) pthread_t thread;
	struct crew *crew;
	struct fly_binding *mine;
	unsigned number;
	unsigned core;
	bool is_counted;   /* it has passed the second moment in this block */
	bool has_begun;    /* and the first */
	uint64_t count[2]; /* calls when it passed them */
	uint64_t ticks[2]; /* and when that was */
	int status;        /* of a call that failed */
	struct bench_variables variables;
};

/* What the members are to do. Written under the lock, between blocks. */
struct job {
	uint64_t number; /* grows by one */
	bool over;       /* no more of them: end */
	unsigned n;
	unsigned window;
	enum bench_procedure procedure;
	uint64_t moments[2];
};

struct crew {
	struct fly_runtime *runtime;
	struct fly_binding *binding;
	enum fly_wait wait;
	uint64_t second_ticks;
	unsigned n;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* the job */
	struct job job;
	alignas(128) _Atomic unsigned n_counted; /* have passed the second moment */
	alignas(128) _Atomic unsigned n_busy; /* are not done yet; the last one ends fly_serve() */
	struct member members[CREW_MOST];
};

/* ---- a member ---- */

/* It has made so many calls. Return: whether it is to go on. */
static bool look(struct member *m, const struct job *job, uint64_t count)
{
	const uint64_t now = ticks_now();

	if (!m->has_begun) {
		if (now < job->moments[0])
			return true;
		m->has_begun = true;
		m->count[0] = count;
		m->ticks[0] = now;
	} else if (!m->is_counted && now >= job->moments[1]) {
		m->is_counted = true;
		m->count[1] = count;
		m->ticks[1] = now;
		/* Carries no data: what was counted is read when all are done. */
		atomic_fetch_add_explicit(&m->crew->n_counted, 1, memory_order_relaxed);
	}
	return atomic_load_explicit(&m->crew->n_counted, memory_order_relaxed) < job->n;
}

BENCH_INLINE int one_by_one(struct member *m, const struct job *job, enum bench_procedure procedure)
{
	for (uint64_t count = 0;; count++) {
		int status;

		if (count % LOOK_EVERY == 0 && !look(m, job, count))
			return 0;
		status = bench_procedures_call(m->mine, procedure, false, &m->variables);
		if (status)
			return status;
	}
}

BENCH_INLINE int windowful(struct member *m, const struct job *job, enum bench_procedure procedure)
{
	struct fly_call *ring[CREW_WINDOW];
	const unsigned window = job->window;
	unsigned oldest = 0, under_way = 0;
	bool going_on = true;
	int first = 0;

	while (under_way < window && !first) {
		first = bench_procedures_start(m->mine, procedure, &m->variables, &ring[under_way]);
		if (!first)
			under_way++;
	}
	for (uint64_t count = 0; under_way; count++) {
		int status;

		if (going_on && count % LOOK_EVERY == 0)
			going_on = look(m, job, count);
		status = bench_procedures_finish(ring[oldest], procedure, false, &m->variables);
		under_way--;
		if (!status && !first && going_on) {
			status = bench_procedures_start(m->mine, procedure, &m->variables,
							&ring[oldest]);
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

static int make_calls(struct member *m, const struct job *job)
{
#define BOTH_LOOPS(procedure) \
	(job->window == 1 ? one_by_one(m, job, procedure) : windowful(m, job, procedure))
	switch (job->procedure) {
	case BENCH_NULL:
		return BOTH_LOOPS(BENCH_NULL);
	case BENCH_MAX_RESULT:
		return BOTH_LOOPS(BENCH_MAX_RESULT);
	case BENCH_MAX_ARG:
		return BOTH_LOOPS(BENCH_MAX_ARG);
	default:
		return -FLY_EINVAL;
	}
#undef BOTH_LOOPS
}

static void work(struct member *m, const struct job *job)
{
	m->is_counted = m->has_begun = false;
	m->status = make_calls(m, job);
	/* The others are not to wait for one that has failed. */
	if (!m->is_counted)
		atomic_fetch_add_explicit(&m->crew->n_counted, 1, memory_order_relaxed);
}

/* W1: what it counted; pairs with W2 in serve(). */
static void be_done(struct crew *crew)
{
	if (atomic_fetch_sub_explicit(&crew->n_busy, 1, memory_order_acq_rel) == 1)
		fly_quit(crew->runtime);
}

static void *live(void *context)
{
	struct member *m = context;
	struct crew *crew = m->crew;
	struct job job = {0};

	(void)cli_pin("bench", m->core);
	m->status = fly_attach(crew->binding, &m->mine);
	if (!m->status)
		fly_set_wait(m->mine, crew->wait);
	be_done(crew);
	while (!job.over) {
		pthread_mutex_lock(&crew->lock);
		while (crew->job.number == job.number)
			pthread_cond_wait(&crew->changed, &crew->lock);
		job = crew->job;
		pthread_mutex_unlock(&crew->lock);
		if (job.over || m->number >= job.n)
			continue;
		work(m, &job);
		be_done(crew);
	}
	if (m->mine)
		fly_unbind(m->mine);
	be_done(crew);
	return NULL;
}

/* ---- the owner of the runtime ---- */

/* Serve until so many members are done. W2: what they counted may be read; pairs with W1. */
static void serve(struct crew *crew)
{
	while (atomic_load_explicit(&crew->n_busy, memory_order_acquire)) {
		if (crew->wait == FLY_WAIT_SPIN)
			fly_turn(crew->runtime);
		else
			fly_serve(crew->runtime); /* waits as its runtime does */
	}
}

static void give(struct crew *crew, const struct job *job, unsigned n)
{
	/* Plain: nobody is busy, and who begins has taken the lock. */
	atomic_store_explicit(&crew->n_counted, 0, memory_order_relaxed);
	atomic_store_explicit(&crew->n_busy, n, memory_order_relaxed);
	pthread_mutex_lock(&crew->lock);
	crew->job = *job;
	pthread_cond_broadcast(&crew->changed);
	pthread_mutex_unlock(&crew->lock);
}

struct crew *crew_open(struct fly_runtime *runtime, struct fly_binding *binding,
		       const struct crew_places *places, int *status)
{
	struct crew *crew = aligned_alloc(alignof(struct crew), sizeof *crew);
	struct fly_platform platform;

	*status = -FLY_ENOMEM;
	if (!crew)
		return NULL;
	fly_platform(runtime, &platform);
	*crew = (struct crew){
		.runtime = runtime,
		.binding = binding,
		.wait = places->wait,
		.second_ticks = platform.tsc_hz,
	};
	pthread_mutex_init(&crew->lock, NULL);
	pthread_cond_init(&crew->changed, NULL);
	*status = 0;
	for (unsigned i = 0; i < places->n && !*status; i++) {
		struct member *m = &crew->members[i];

		*m = (struct member){.crew = crew, .number = i, .core = places->core[i]};
		atomic_store_explicit(&crew->n_busy, 1, memory_order_relaxed);
		if (pthread_create(&m->thread, NULL, live, m)) {
			*status = -FLY_ESYSTEM;
			break;
		}
		crew->n++;
		serve(crew);
		*status = m->status;
	}
	if (!*status)
		return crew;
	atomic_store_explicit(&crew->n_busy, 0, memory_order_relaxed);
	crew_close(crew);
	return NULL;
}

int crew_call(struct crew *crew, unsigned n, enum bench_procedure procedure, unsigned window,
	      uint64_t block_ticks, struct block_sum *sum)
{
	struct job job = {
		.number = crew->job.number + 1,
		.n = n,
		.window = window,
		.procedure = procedure,
	};
	double per_tick = 0;

	job.moments[0] = ticks_now() + crew->second_ticks / WARM_UP;
	job.moments[1] = job.moments[0] + block_ticks;
	give(crew, &job, n);
	serve(crew);
	for (unsigned i = 0; i < n; i++) {
		const struct member *m = &crew->members[i];

		if (m->status)
			return m->status;
		if (m->is_counted && m->ticks[1] > m->ticks[0])
			per_tick += (double)(m->count[1] - m->count[0]) /
				    (double)(m->ticks[1] - m->ticks[0]);
	}
	sum->ticks = block_ticks;
	sum->count = (uint64_t)(per_tick * (double)block_ticks);
	return 0;
}

void crew_close(struct crew *crew)
{
	const struct job end = {.number = UINT64_MAX, .over = true};

	if (!crew)
		return;
	give(crew, &end, crew->n);
	serve(crew);
	for (unsigned i = 0; i < crew->n; i++)
		pthread_join(crew->members[i].thread, NULL);
	pthread_cond_destroy(&crew->changed);
	pthread_mutex_destroy(&crew->lock);
	free(crew);
}
