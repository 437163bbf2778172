/* SPDX-License-Identifier: BSD-3-Clause */
/* request.h - have a poller's thread run a function: wait for it, or not (request.c). */
#ifndef FLY_REQUEST_H
#define FLY_REQUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct fly_poller;

/*
 * fly_request() - run a function on a poller's thread, between two turns, and wait for it. On that
 * thread itself: at once. Any thread, but not in a procedure on another poller: -FLY_ECONFLICT.
 * Requests are served in order. The function may turn the poller.
 * Return: what the function returns, and if that is negative its fly_error(). -FLY_ESTOPPED: the
 * poller is not turned any more, because its runtime was stopped or its thread has ended; the
 * function did not run.
 */
int fly_request(struct fly_poller *p, int (*function)(struct fly_poller *p, void *argument),
		void *argument);

/*
 * fly_request_within() - the same, but also served within turns, between packets. Leaves
 * fly_error() alone. The function turns no poller, and takes nothing from a running procedure.
 */
int fly_request_within(struct fly_poller *p, int (*function)(struct fly_poller *p, void *argument),
		       void *argument);

/*
 * fly_request_last() - the same, for what must be done before memory is freed: if the poller's
 * thread has ended the function runs here.
 */
int fly_request_last(struct fly_poller *p, int (*function)(struct fly_poller *p, void *argument),
		     void *argument);

/* When a poller serves a request that was posted. */
enum fly_request_when {
	FLY_REQUEST_WITHIN,  /* also within turns, between packets: as fly_request_within() */
	FLY_REQUEST_BETWEEN, /* at a quiescence point, also while another request turns the poller
			      */
};

/*
 * A request that nobody waits for. Who posts it sets the first part, and keeps it until it is done
 * or withdrawn.
 */
struct fly_request {
	/* Turns no poller. Return: the @result of done(). */
	int (*function)(struct fly_poller *p, void *argument);
	/*
	 * The request is over; it may be freed, or posted again later. @result: -FLY_ESTOPPED: the
	 * poller is not turned any more, the function did not run. Runs on the poller's thread, or
	 * where its requests are closed, with its requests locked: must not make or withdraw any.
	 */
	void (*done)(struct fly_request *request, int result);
	void *argument;
	/* ---- request.c's ---- */
	enum fly_request_when when;
	bool is_posted; /* under lock: the poller has not begun it */
	STAILQ_ENTRY(fly_request) next;
};

/*
 * fly_request_post() - have a poller's thread run a function, without waiting for it. Any thread
 * but the poller's. If the poller is not turned any more, the request is done at once.
 *
 * fly_request_withdraw() - take it back. Return: true: it did not run and will not, done() is not
 * called; false: it runs, or is done.
 */
void fly_request_post(struct fly_poller *p, struct fly_request *request,
		      enum fly_request_when when);
bool fly_request_withdraw(struct fly_poller *p, struct fly_request *request);

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

/*
 * fly_poller_thread() - the number of the thread that turns this poller: base/thread.h. If nobody
 * has its turn, that of no thread.
 */
uint64_t fly_poller_thread(const struct fly_poller *p);

/* fly_poller_take() - the calling thread turns this poller, set up elsewhere, from now on. */
void fly_poller_take(struct fly_poller *p);

/* fly_poller_mine() - the poller that the calling thread turns, the last it took; NULL: none. */
struct fly_poller *fly_poller_mine(void);

/*
 * The pollers of the calling thread, which it turns while it waits for anything else: @own is
 * fly_poller_mine(), and there are those whose turn it has.
 * fly_poller_has_ours() - are there any? fly_poller_turn_ours() - turn each of them.
 */
bool fly_poller_has_ours(const struct fly_poller *own);
void fly_poller_turn_ours(struct fly_poller *own);

/* fly_poller_is_in_procedure() - does the calling thread run a procedure in a turn of its own? */
bool fly_poller_is_in_procedure(void);

/*
 * fly_poller_resume() - the calling thread turns this poller of its own, as before it took others;
 * NULL: none.
 */
void fly_poller_resume(struct fly_poller *p);

#endif
