/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * request.c - requests of other threads to a poller's thread.
 *
 * Only its own thread touches what a poller owns. Another thread posts a request and waits. The
 * lists have a lock. The poller takes it only when `attention` says that there are requests.
 */
#include "threads/request.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "fastpath/poller.h"
#include "fastpath/slow.h"
#include "base/error.h"
#include "base/thread.h"

struct request {
	int (*function)(struct fly_poller *p, void *argument);
	void *argument;
	int result;
	char *sentence; /* for fly_error(), if the result is negative; NULL: not wanted */
	bool done;      /* under lock */
	STAILQ_ENTRY(request) next;
};

STAILQ_HEAD(requests, request);

struct fly_requests {
	pthread_mutex_t lock;
	pthread_cond_t done;
	struct requests between_turns; /* under lock: served at the quiescence point */
	struct requests within_turns;  /* under lock: served in any turn */
	bool closed;                   /* under lock */
	bool is_serving_requests;      /* the poller's */
	uint64_t owner;                /* number of the thread that turns the poller; under lock */
};

#define SENTENCE_BYTES 512

/* The poller that this thread turns; of several, the last it took. */
static _Thread_local struct fly_poller *mine;

int fly_requests_init(struct fly_poller *p)
{
	struct fly_requests *requests = calloc(1, sizeof *requests);

	if (!requests)
		return -FLY_ENOMEM;
	pthread_mutex_init(&requests->lock, NULL);
	pthread_cond_init(&requests->done, NULL);
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
	pthread_mutex_lock(&p->requests->lock);
	p->requests->owner = fly_thread_number();
	pthread_mutex_unlock(&p->requests->lock);
	mine = p;
}

uint64_t fly_poller_thread(const struct fly_poller *p)
{
	uint64_t thread;

	pthread_mutex_lock(&p->requests->lock);
	thread = p->requests->owner;
	pthread_mutex_unlock(&p->requests->lock);
	return thread;
}

bool fly_poller_is_here(const struct fly_poller *p)
{
	return fly_thread_is_here(fly_poller_thread(p));
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
 * A thread that turns a poller keeps turning it while it waits for another poller: that poller may
 * be waiting for this one. Requests of fly_request_within() are served within turns, too: two
 * procedures that make such requests to each other's pollers both get an answer. Requests of
 * fly_request() are not served within a turn: no procedure may wait for one.
 */
static void wait_for(struct fly_requests *requests, struct fly_poller *ours,
		     struct request *request)
{
	while (!request->done) {
		if (!ours) {
			pthread_cond_wait(&requests->done, &requests->lock);
			continue;
		}
		pthread_mutex_unlock(&requests->lock);
		fly_poller_turn(ours, fly_poller_time(ours));
		pthread_mutex_lock(&requests->lock);
	}
}

static void post(struct fly_poller *p, struct requests *list, struct request *request)
{
	struct fly_poller *ours = fly_poller_mine();
	struct fly_requests *requests = p->requests;

	pthread_mutex_lock(&requests->lock);
	if (!requests->closed) {
		STAILQ_INSERT_TAIL(list, request, next);
		atomic_store_explicit(&p->attention, 1, memory_order_release);
		fly_slow_wake_poller(p->handoffs.wake_fd);
		wait_for(requests, ours, request);
	}
	pthread_mutex_unlock(&requests->lock);
}

int fly_request(struct fly_poller *p, int (*function)(struct fly_poller *p, void *argument),
		void *argument)
{
	char sentence[SENTENCE_BYTES] = "";
	struct request request = {
		.function = function,
		.argument = argument,
		.result = -FLY_ESTOPPED,
		.sentence = sentence,
	};

	if (fly_poller_is_here(p))
		return function(p, argument);
	if (fly_poller_mine() && mine->turning)
		return fly_fail(FLY_ECONFLICT,
				"this is not to be done in a procedure that runs on a poller");
	post(p, &p->requests->between_turns, &request);
	if (request.result == -FLY_ESTOPPED)
		return fly_fail(FLY_ESTOPPED, "the runtime was stopped");
	return request.result < 0 ? fly_fail(-request.result, "%s", sentence) : request.result;
}

int fly_request_within(struct fly_poller *p, int (*function)(struct fly_poller *p, void *argument),
		       void *argument)
{
	struct request request = {
		.function = function,
		.argument = argument,
		.result = -FLY_ESTOPPED,
	};

	if (fly_poller_is_here(p))
		return function(p, argument);
	post(p, &p->requests->within_turns, &request);
	return request.result;
}

/* Return: the first request of the list; NULL: none. */
static struct request *take(struct requests *list)
{
	struct request *request = STAILQ_FIRST(list);

	if (request)
		STAILQ_REMOVE_HEAD(list, next);
	return request;
}

static void complete(struct fly_requests *requests, struct request *request, int result)
{
	request->result = result;
	request->done = true;
	pthread_cond_broadcast(&requests->done);
}

static void serve(struct fly_poller *p, struct requests *list)
{
	struct fly_requests *requests = p->requests;
	struct request *request;

	pthread_mutex_lock(&requests->lock);
	while ((request = take(list)) != NULL) {
		int result;

		pthread_mutex_unlock(&requests->lock);
		result = request->function(p, request->argument);
		if (result < 0 && request->sentence)
			snprintf(request->sentence, SENTENCE_BYTES, "%s", fly_error());
		pthread_mutex_lock(&requests->lock);
		complete(requests, request, result);
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
	/* The request being served may turn the poller: the next one waits until it is done. */
	if (requests->is_serving_requests)
		return;
	requests->is_serving_requests = true;
	serve(p, &requests->between_turns);
	requests->is_serving_requests = false;
}

void fly_requests_close(struct fly_poller *p)
{
	struct request *request;

	pthread_mutex_lock(&p->requests->lock);
	p->requests->closed = true;
	while ((request = take(&p->requests->between_turns)) != NULL ||
	       (request = take(&p->requests->within_turns)) != NULL)
		complete(p->requests, request, -FLY_ESTOPPED);
	pthread_mutex_unlock(&p->requests->lock);
}

void fly_requests_open(struct fly_poller *p)
{
	pthread_mutex_lock(&p->requests->lock);
	p->requests->closed = false;
	pthread_mutex_unlock(&p->requests->lock);
}
