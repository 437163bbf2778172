/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * request.c - requests of other threads to a poller's thread.
 *
 * Only its own thread touches what a poller owns. Another thread posts a request, and waits for it
 * (struct waited) or not. The lists have a lock. The poller takes it only when `attention` says
 * that there are requests.
 */
#include "threads/request.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "fastpath/poller.h"
#include "fastpath/slow.h"
#include "base/error.h"
#include "base/system_clock.h"
#include "base/thread.h"
#include "threads/elected.h"
#include "threads/lease.h"

/* A request that the thread which made it waits for. */
struct waited {
	struct fly_request request; /* its first member */
	struct fly_requests *requests;
	int result;
	char *sentence; /* for fly_error(), if the result is negative; NULL: not wanted */
	bool is_done;   /* under lock */
	struct fly_sleeper *sleeper; /* its thread, if that may take the poller's turn; else NULL */
};

STAILQ_HEAD(requests, fly_request);

struct fly_requests {
	pthread_mutex_t lock;
	pthread_cond_t done;
	/* Under lock. Functions of the first list may turn the poller: one at a time. */
	struct requests one_at_a_time; /* served at the quiescence point: fly_request() */
	struct requests between_turns; /* FLY_REQUEST_BETWEEN */
	struct requests within_turns;  /* FLY_REQUEST_WITHIN */
	bool closed;                   /* under lock */
	bool is_serving_requests;      /* the poller's */
	uint64_t owner;                /* number of the thread that turns the poller; under lock */
};

#define SENTENCE_BYTES 512
#define LOOK_MS        50 /* between two looks whether the poller's thread has ended */

/* The poller that this thread turns; of several, the last it took. */
static _Thread_local struct fly_poller *mine;

int fly_requests_init(struct fly_poller *p)
{
	struct fly_requests *requests = calloc(1, sizeof *requests);
	pthread_condattr_t monotonic;

	if (!requests)
		return -FLY_ENOMEM;
	pthread_mutex_init(&requests->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&requests->done, &monotonic);
	pthread_condattr_destroy(&monotonic);
	STAILQ_INIT(&requests->one_at_a_time);
	STAILQ_INIT(&requests->between_turns);
	STAILQ_INIT(&requests->within_turns);
	p->requests = requests;
	fly_poller_take(p);
	return 0;
}

void fly_requests_fini(struct fly_poller *p)
{
	if (mine == p)
		mine = NULL;
	pthread_cond_destroy(&p->requests->done);
	pthread_mutex_destroy(&p->requests->lock);
	free(p->requests);
	p->requests = NULL;
}

void fly_poller_take(struct fly_poller *p)
{
	if (p->election)
		fly_election_seize(p->election);
	if (p->lease)
		fly_election_seize(p->lease->election);
	pthread_mutex_lock(&p->requests->lock);
	p->requests->owner = fly_thread_number();
	pthread_mutex_unlock(&p->requests->lock);
	mine = p;
}

uint64_t fly_poller_thread(const struct fly_poller *p)
{
	uint64_t thread;

	if (p->election) {
		thread = fly_elected_turner(p->election);
		return thread ? thread : FLY_ELECTED; /* 0 is of all threads without a number */
	}
	pthread_mutex_lock(&p->requests->lock);
	thread = p->requests->owner;
	pthread_mutex_unlock(&p->requests->lock);
	return thread;
}

bool fly_poller_is_here(const struct fly_poller *p)
{
	if (p->election)
		return fly_elected_is_here(p->election);
	return p->lease ? fly_elected_is_here(p->lease->election)
			: fly_thread_is_here(fly_poller_thread(p));
}

void fly_poller_resume(struct fly_poller *p)
{
	mine = p;
}

struct fly_poller *fly_poller_mine(void)
{
	/* Another thread may have taken the poller since. */
	return mine && fly_poller_is_here(mine) ? mine : NULL;
}

/*
 * Waiting for another poller
 *
 * A thread that turns a poller keeps turning it while it waits for another poller, or for a call
 * through one: that poller may be waiting for this one. So does a thread that has the turn of a
 * shared runtime's poller, because it runs a procedure there: nobody else can turn it. Requests of
 * fly_request_within() are served within turns, too: two procedures that make such requests to each
 * other's pollers both get an answer. Requests of fly_request() are not served within a turn: no
 * procedure may wait for one.
 */
bool fly_poller_has_ours(const struct fly_poller *own)
{
	return own || fly_elected_here();
}

void fly_poller_turn_ours(struct fly_poller *own)
{
	if (own)
		fly_poller_turn(own, fly_poller_time(own));
	fly_elected_turn_held();
}

static void wait_for(struct waited *w, struct fly_poller *own, uint64_t end_ms)
{
	const struct timespec end = {.tv_sec = (time_t)(end_ms / 1000),
				     .tv_nsec = (long)(end_ms % 1000) * 1000000L};
	struct fly_requests *requests = w->requests;

	while (!w->is_done && fly_system_clock_ms() < end_ms) {
		if (!fly_poller_has_ours(own)) {
			pthread_cond_timedwait(&requests->done, &requests->lock, &end);
			continue;
		}
		pthread_mutex_unlock(&requests->lock);
		fly_poller_turn_ours(own);
		pthread_mutex_lock(&requests->lock);
	}
}

/* Under lock. */
static void insert(struct fly_poller *p, struct requests *list, struct fly_request *request)
{
	request->is_posted = true;
	STAILQ_INSERT_TAIL(list, request, next);
	atomic_store_explicit(&p->attention, 1, memory_order_release);
	fly_slow_wake_poller(p->handoffs.wake_fd);
}

static void complete(struct fly_request *request, int result)
{
	struct waited *w = (struct waited *)(void *)request;

	w->result = result;
	w->is_done = true;
	if (w->sleeper)
		fly_elected_wake(w->sleeper);
	else
		pthread_cond_broadcast(&w->requests->done);
}

/*
 * A thread that has ended
 *
 * The thread of an inline runtime may end without stopping it. Nobody turns the poller then, until
 * another thread takes it to stop the runtime. Who waits for such a poller waits no longer. What
 * has to be done in any case, the waiting thread does itself: under the lock, which the thread that
 * takes the poller needs first.
 */
static void give_up(struct fly_poller *p, struct requests *list, struct waited *w, bool must_run)
{
	if (w->request.is_posted)
		STAILQ_REMOVE(list, &w->request, fly_request, next);
	w->request.is_posted = false;
	if (must_run)
		w->result = w->request.function(p, w->request.argument);
}

/*
 * Under lock. Waits for a poller that is turned by whoever waits: this thread does, while nobody
 * else has the turn.
 */
static void wait_elected(struct fly_poller *p, struct waited *w, struct fly_poller *own)
{
	struct fly_requests *requests = w->requests;
	struct fly_sleeper sleeper = {0};
	uint32_t tries = 0;

	w->sleeper = &sleeper;
	while (fly_elected_prepare(&sleeper), !w->is_done) {
		pthread_mutex_unlock(&requests->lock);
		fly_poller_turn_ours(own);
		if (fly_elected_take(p->election)) {
			fly_poller_turn(p, fly_poller_time(p));
			fly_elected_give(p->election);
		} else if (!fly_poller_has_ours(own)) {
			fly_elected_sleep(p->election, &sleeper);
		} else {
			fly_elected_look(p->election, &tries);
		}
		pthread_mutex_lock(&requests->lock);
	}
}

static int post_and_wait(struct fly_poller *p, struct requests *list, struct waited *w,
			 bool must_run)
{
	struct fly_poller *own = fly_poller_mine();
	struct fly_requests *requests = p->requests;

	w->requests = requests;
	w->result = -FLY_ESTOPPED;
	w->request.done = complete;
	pthread_mutex_lock(&requests->lock);
	if (!requests->closed) {
		insert(p, list, &w->request);
		if (p->election)
			wait_elected(p, w, own);
		while (!w->is_done) {
			wait_for(w, own, fly_system_clock_ms() + LOOK_MS);
			if (w->is_done || !fly_thread_has_ended(requests->owner))
				continue;
			give_up(p, list, w, must_run);
			break;
		}
	}
	pthread_mutex_unlock(&requests->lock);
	return w->result;
}

/*
 * Nobody turns the poller: this thread does, for this function. The turn is nobody's only while
 * requests are open. A thread that has a poller of its own keeps turning that one, and lets the
 * thread of the lent poller do it: "Waiting for another poller".
 */
static bool run_here(struct fly_poller *p, int (*function)(struct fly_poller *p, void *argument),
		     void *argument, int *result)
{
	if (p->election && fly_elected_take(p->election)) {
		*result = function(p, argument);
		fly_elected_give(p->election);
		return true;
	}
	if (p->lease && fly_lease_take(p->lease)) {
		*result = function(p, argument);
		fly_lease_give(p->lease);
		return true;
	}
	return false;
}

struct one {
	int (*function)(struct fly_poller *p, void *argument);
	void *argument;
};

/*
 * With a lent poller: one of those that may turn it. Another one comes after it, by whoever turns
 * the poller then. That one may be an export, whose procedures are not for this thread.
 */
static int run_one(struct fly_poller *p, void *argument)
{
	const struct one *one = argument;
	struct fly_requests *requests = p->requests;
	int result;

	requests->is_serving_requests = true;
	result = one->function(p, one->argument);
	requests->is_serving_requests = false;
	pthread_mutex_lock(&requests->lock);
	if (!STAILQ_EMPTY(&requests->one_at_a_time)) /* a turn of ours has seen `attention` */
		atomic_store_explicit(&p->attention, 1, memory_order_release);
	pthread_mutex_unlock(&requests->lock);
	return result;
}

bool fly_poller_is_in_procedure(void)
{
	return (fly_poller_mine() && mine->turning) || fly_elected_is_turning();
}

int fly_request(struct fly_poller *p, int (*function)(struct fly_poller *p, void *argument),
		void *argument)
{
	char sentence[SENTENCE_BYTES] = "";
	struct waited w = {
		.request = {.function = function, .argument = argument},
		.sentence = sentence,
	};
	struct one one = {.function = function, .argument = argument};
	int result;

	if (fly_poller_is_here(p))
		return function(p, argument);
	if (fly_poller_is_in_procedure())
		return fly_fail(FLY_ECONFLICT,
				"this is not to be done in a procedure that runs on a poller");
	if (p->lease ? run_here(p, run_one, &one, &result)
		     : run_here(p, function, argument, &result))
		return result;
	result = post_and_wait(p, &p->requests->one_at_a_time, &w, false);
	if (result == -FLY_ESTOPPED)
		return fly_fail(FLY_ESTOPPED,
				"the runtime was stopped, or the thread that turned it has ended");
	return result < 0 ? fly_fail(-result, "%s", sentence) : result;
}

static int request_within(struct fly_poller *p,
			  int (*function)(struct fly_poller *p, void *argument), void *argument,
			  bool must_run)
{
	struct waited w = {.request = {.function = function, .argument = argument}};

	int result;

	if (fly_poller_is_here(p))
		return function(p, argument);
	if (run_here(p, function, argument, &result))
		return result;
	return post_and_wait(p, &p->requests->within_turns, &w, must_run);
}

int fly_request_within(struct fly_poller *p, int (*function)(struct fly_poller *p, void *argument),
		       void *argument)
{
	return request_within(p, function, argument, false);
}

int fly_request_last(struct fly_poller *p, int (*function)(struct fly_poller *p, void *argument),
		     void *argument)
{
	return request_within(p, function, argument, true);
}

/* ---- without waiting ------------------------------------------------------------------------- */

static struct requests *list_for(struct fly_requests *requests, enum fly_request_when when)
{
	return when == FLY_REQUEST_WITHIN ? &requests->within_turns : &requests->between_turns;
}

void fly_request_post(struct fly_poller *p, struct fly_request *request, enum fly_request_when when)
{
	struct fly_requests *requests = p->requests;

	request->when = when;
	pthread_mutex_lock(&requests->lock);
	if (requests->closed)
		request->done(request, -FLY_ESTOPPED);
	else
		insert(p, list_for(requests, when), request);
	pthread_mutex_unlock(&requests->lock);
}

bool fly_request_withdraw(struct fly_poller *p, struct fly_request *request)
{
	struct fly_requests *requests = p->requests;
	bool was_posted;

	pthread_mutex_lock(&requests->lock);
	was_posted = request->is_posted;
	if (was_posted)
		STAILQ_REMOVE(list_for(requests, request->when), request, fly_request, next);
	request->is_posted = false;
	pthread_mutex_unlock(&requests->lock);
	return was_posted;
}

/* ---- the poller's ---------------------------------------------------------------------------- */

/* Return: the first request of the list; NULL: none. */
static struct fly_request *take(struct requests *list)
{
	struct fly_request *request = STAILQ_FIRST(list);

	if (request) {
		STAILQ_REMOVE_HEAD(list, next);
		request->is_posted = false;
	}
	return request;
}

/* For a thread that waits: what went wrong, in words. */
static void keep_sentence(struct fly_request *request)
{
	struct waited *w = (struct waited *)(void *)request;

	if (request->done == complete && w->sentence)
		snprintf(w->sentence, SENTENCE_BYTES, "%s", fly_error());
}

static void serve(struct fly_poller *p, struct requests *list)
{
	struct fly_requests *requests = p->requests;
	struct fly_request *request;

	pthread_mutex_lock(&requests->lock);
	while ((request = take(list)) != NULL) {
		int result;

		pthread_mutex_unlock(&requests->lock);
		result = request->function(p, request->argument);
		if (result < 0)
			keep_sentence(request);
		pthread_mutex_lock(&requests->lock);
		request->done(request, result);
	}
	pthread_mutex_unlock(&requests->lock);
}

void fly_slow_requests(struct fly_poller *p)
{
	if (p->requests)
		serve(p, &p->requests->within_turns);
}

void fly_requests_serve(struct fly_poller *p)
{
	struct fly_requests *requests = p->requests;

	serve(p, &requests->within_turns);
	serve(p, &requests->between_turns);
	/* The request being served may turn the poller: the next one waits until it is done. */
	if (requests->is_serving_requests)
		return;
	requests->is_serving_requests = true;
	serve(p, &requests->one_at_a_time);
	requests->is_serving_requests = false;
}

void fly_requests_close(struct fly_poller *p)
{
	struct fly_requests *requests = p->requests;
	struct fly_request *request;

	pthread_mutex_lock(&requests->lock);
	requests->closed = true;
	while ((request = take(&requests->one_at_a_time)) != NULL ||
	       (request = take(&requests->between_turns)) != NULL ||
	       (request = take(&requests->within_turns)) != NULL)
		request->done(request, -FLY_ESTOPPED);
	pthread_mutex_unlock(&requests->lock);
}

void fly_requests_open(struct fly_poller *p)
{
	pthread_mutex_lock(&p->requests->lock);
	p->requests->closed = false;
	pthread_mutex_unlock(&p->requests->lock);
}
