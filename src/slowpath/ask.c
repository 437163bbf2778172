/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ask.c - a list of what a poller's thread is asked to do by others.
 *
 * What a poller owns is touched by its own thread only; whoever wants something of it asks, and
 * waits. The list has a lock, which the poller takes only when `attention` says that there is
 * something in it.
 */
#include "slowpath/ask.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "fastpath/slow.h"
#include "slowpath/error.h"

struct request {
	int (*function)(struct fly_poller *p, void *argument);
	void *argument;
	int result;
	char sentence[512]; /* of fly_error(), if the result is negative */
	bool done;          /* under lock */
	STAILQ_ENTRY(request) next;
};

struct fly_asks {
	pthread_mutex_t lock;
	pthread_cond_t done;
	STAILQ_HEAD(, request) waiting; /* under lock */
	bool closed;                    /* under lock */
	bool is_attending;              /* the poller's */
	pthread_t owner;                /* who turns the poller; under lock when others read it */
};

int fly_ask_init(struct fly_poller *p)
{
	struct fly_asks *asks = calloc(1, sizeof *asks);

	if (!asks)
		return -FLY_ENOMEM;
	pthread_mutex_init(&asks->lock, NULL);
	pthread_cond_init(&asks->done, NULL);
	STAILQ_INIT(&asks->waiting);
	asks->owner = pthread_self();
	p->asks = asks;
	return 0;
}

void fly_ask_fini(struct fly_poller *p)
{
	pthread_cond_destroy(&p->asks->done);
	pthread_mutex_destroy(&p->asks->lock);
	free(p->asks);
	p->asks = NULL;
}

void fly_poller_take(struct fly_poller *p)
{
	pthread_mutex_lock(&p->asks->lock);
	p->asks->owner = pthread_self();
	pthread_mutex_unlock(&p->asks->lock);
}

pthread_t fly_poller_thread(const struct fly_poller *p)
{
	pthread_t thread;

	pthread_mutex_lock(&p->asks->lock);
	thread = p->asks->owner;
	pthread_mutex_unlock(&p->asks->lock);
	return thread;
}

bool fly_poller_is_here(const struct fly_poller *p)
{
	return pthread_equal(fly_poller_thread(p), pthread_self());
}

int fly_ask(struct fly_poller *p, int (*function)(struct fly_poller *p, void *argument),
	    void *argument)
{
	struct fly_asks *asks = p->asks;
	struct request request = {
		.function = function,
		.argument = argument,
		.result = -FLY_ESTOPPED,
		.sentence = "",
	};

	pthread_mutex_lock(&asks->lock);
	if (pthread_equal(asks->owner, pthread_self())) {
		pthread_mutex_unlock(&asks->lock);
		return function(p, argument);
	}
	if (!asks->closed) {
		STAILQ_INSERT_TAIL(&asks->waiting, &request, next);
		atomic_store_explicit(&p->attention, 1, memory_order_release);
		fly_slow_wake_poller(p->desk.wake_fd);
		while (!request.done)
			pthread_cond_wait(&asks->done, &asks->lock);
	}
	pthread_mutex_unlock(&asks->lock);
	return request.sentence[0] ? fly_fail(-request.result, "%s", request.sentence)
				   : request.result;
}

/* The first of those that wait; NULL: none. */
static struct request *take(struct fly_asks *asks)
{
	struct request *request = STAILQ_FIRST(&asks->waiting);

	if (request)
		STAILQ_REMOVE_HEAD(&asks->waiting, next);
	return request;
}

static void tell(struct fly_asks *asks, struct request *request, int result)
{
	request->result = result;
	request->done = true;
	pthread_cond_broadcast(&asks->done);
}

void fly_ask_attend(struct fly_poller *p)
{
	struct fly_asks *asks = p->asks;
	struct request *request;

	/* What is being done turns the poller: the next one waits until it has been done. */
	if (asks->is_attending)
		return;
	asks->is_attending = true;
	pthread_mutex_lock(&asks->lock);
	while ((request = take(asks)) != NULL) {
		int result;

		pthread_mutex_unlock(&asks->lock);
		result = request->function(p, request->argument);
		if (result < 0)
			snprintf(request->sentence, sizeof request->sentence, "%s", fly_error());
		pthread_mutex_lock(&asks->lock);
		tell(asks, request, result);
	}
	pthread_mutex_unlock(&asks->lock);
	asks->is_attending = false;
}

void fly_ask_close(struct fly_poller *p)
{
	struct request *request;

	pthread_mutex_lock(&p->asks->lock);
	p->asks->closed = true;
	while ((request = take(p->asks)) != NULL)
		tell(p->asks, request, -FLY_ESTOPPED);
	pthread_mutex_unlock(&p->asks->lock);
}

void fly_ask_open(struct fly_poller *p)
{
	pthread_mutex_lock(&p->asks->lock);
	p->asks->closed = false;
	pthread_mutex_unlock(&p->asks->lock);
}
