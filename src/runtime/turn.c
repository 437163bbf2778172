/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * runtime/turn.c - turning an inline runtime, and the work at its quiescence point.
 *
 * Owns the calling thread's list of inline runtimes, where a procedure finds its poller.
 */
#include "fastpath/poller.h"
#include "fastpath/slow.h"
#include "runtime/runtime.h"
#include "threads/request.h"
#include "threads/waiting.h"

/* Inline runtimes of this thread, the newest first. */
static _Thread_local struct fly_runtime *turned;

void fly_runtime_turned_here(struct fly_runtime *r)
{
	r->next_here = turned;
	turned = r;
}

void fly_runtime_turned_no_more(const struct fly_runtime *r)
{
	struct fly_runtime **at = &turned;

	while (*at && *at != r)
		at = &(*at)->next_here;
	if (*at)
		*at = r->next_here;
}

unsigned fly_turn(struct fly_runtime *r)
{
	if (r->threads)
		return 0;
	return fly_poller_turn(&r->poller, fly_poller_time(&r->poller));
}

int fly_serve(struct fly_runtime *r)
{
	struct fly_waiting waiting = {0};

	if (r->threads) {
		fly_pollers_wait(r);
		return 0;
	}
	while (!atomic_load_explicit(&r->quit, memory_order_relaxed)) /* carries no data */
		fly_wait_after_turn(&waiting, &r->poller, r->group.wait, fly_turn(r));
	atomic_store_explicit(&r->quit, false, memory_order_relaxed);
	return 0;
}

void fly_quit(struct fly_runtime *r)
{
	if (r->threads) {
		fly_pollers_quit(r);
		return;
	}
	atomic_store_explicit(&r->quit, true, memory_order_relaxed);
}

bool fly_runtime_is_quitting(struct fly_runtime *r)
{
	if (r->threads)
		return fly_pollers_are_quitting(r);
	return atomic_exchange_explicit(&r->quit, false, memory_order_relaxed);
}

void fly_slow_attention(struct fly_poller *p)
{
	if (p->group)
		fly_ports_apply(&fly_runtime_of(p)->ports, p);
	fly_requests_serve(p);
}

/* Is a procedure running: of a call in packets, or of a local call? */
static bool is_serving(const struct fly_poller *p)
{
	const struct fly_conversation *c = p->running.conversation;

	return p->turning && (p->running.slot || (c && c->state == FLY_CONVERSATION_RUNNING));
}

/* The newest runtime first: a runtime turned within another's turn is newer. */
struct fly_poller *fly_runtime_serving_here(void)
{
	struct fly_poller *own = fly_poller_group_here();

	if (own)
		return is_serving(own) ? own : NULL;
	for (struct fly_runtime *r = turned; r; r = r->next_here) {
		if (is_serving(&r->poller))
			return &r->poller;
	}
	return NULL;
}
