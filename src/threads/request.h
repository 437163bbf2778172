/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * request.h - have a poller's thread do something, at its quiescence point (request.c).
 */
#ifndef FLY_REQUEST_H
#define FLY_REQUEST_H

#include <pthread.h>
#include <stdbool.h>

struct fly_poller;

/*
 * fly_request() - run a function on the thread of a poller, between two turns, and wait for it. On
 * that thread itself: at once. Any thread; one after the other, in the order of asking. The
 * function may turn the poller. Not in a procedure that another poller runs: -FLY_ECONFLICT.
 * Return: what it returns, with its sentence for fly_error() if that is negative; -FLY_ESTOPPED:
 * the poller is not turned any more, it did not run.
 */
int fly_request(struct fly_poller *p, int (*function)(struct fly_poller *p, void *argument),
		void *argument);

/*
 * fly_request_within() - the same, but within turns too, between packets: for a function that turns
 * nothing, and takes nothing away from a procedure that may be under way. Leaves no sentence.
 */
int fly_request_within(struct fly_poller *p, int (*function)(struct fly_poller *p, void *argument),
		       void *argument);

/* fly_requests_serve() - do what was asked for; at the quiescence point. */
void fly_requests_serve(struct fly_poller *p);

/* fly_requests_close() - nobody turns this poller any more: who asks is told so.
 * fly_requests_open(): again.
 */
void fly_requests_close(struct fly_poller *p);
void fly_requests_open(struct fly_poller *p);

/* fly_requests_init(), fly_requests_fini() - for assemble.c. Open at first. */
int fly_requests_init(struct fly_poller *p);
void fly_requests_fini(struct fly_poller *p);

/* fly_poller_is_here() - is it the calling thread that turns this poller? */
bool fly_poller_is_here(const struct fly_poller *p);

/* fly_poller_thread() - which one it is. */
pthread_t fly_poller_thread(const struct fly_poller *p);

/* fly_poller_take() - it is, from now on: of whoever turns a poller that was set up elsewhere. */
void fly_poller_take(struct fly_poller *p);

/* fly_poller_mine() - the poller that the calling thread turns, the last it took; NULL: none. */
struct fly_poller *fly_poller_mine(void);

#endif
