/* SPDX-License-Identifier: BSD-3-Clause */
/* request.h - have a poller's thread run a function (request.c). */
#ifndef FLY_REQUEST_H
#define FLY_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

struct fly_poller;

/*
 * fly_request() - run a function on a poller's thread, between two turns, and wait for it. On that
 * thread itself: at once. Any thread, but not in a procedure on another poller: -FLY_ECONFLICT.
 * Requests are served in order. The function may turn the poller.
 * Return: what the function returns, and if that is negative its fly_error(). -FLY_ESTOPPED: the
 * poller is not turned any more, the function did not run.
 */
int fly_request(struct fly_poller *p, int (*function)(struct fly_poller *p, void *argument),
		void *argument);

/*
 * fly_request_within() - the same, but also served within turns, between packets. Leaves
 * fly_error() alone. The function turns no poller, and takes nothing from a running procedure.
 */
int fly_request_within(struct fly_poller *p, int (*function)(struct fly_poller *p, void *argument),
		       void *argument);

/* fly_requests_serve() - serve all requests; at the quiescence point. */
void fly_requests_serve(struct fly_poller *p);

/*
 * fly_requests_close() - the poller is not turned any more: requests end with -FLY_ESTOPPED.
 * fly_requests_open(): it is turned again.
 */
void fly_requests_close(struct fly_poller *p);
void fly_requests_open(struct fly_poller *p);

/* fly_requests_init(), fly_requests_fini() - for assemble.c. Open at first. */
int fly_requests_init(struct fly_poller *p);
void fly_requests_fini(struct fly_poller *p);

/* fly_poller_is_here() - does the calling thread turn this poller? */
bool fly_poller_is_here(const struct fly_poller *p);

/* fly_poller_thread() - the number of the thread that turns this poller: base/thread.h. */
uint64_t fly_poller_thread(const struct fly_poller *p);

/* fly_poller_take() - the calling thread turns this poller, set up elsewhere, from now on. */
void fly_poller_take(struct fly_poller *p);

/* fly_poller_mine() - the poller that the calling thread turns, the last it took; NULL: none. */
struct fly_poller *fly_poller_mine(void);

/*
 * fly_poller_resume() - the calling thread turns this poller of its own, as before it took others;
 * NULL: none.
 */
void fly_poller_resume(struct fly_poller *p);

#endif
