/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * runtime/turn.c - turning an inline runtime, and the work at its quiescence point.
 *
 * Owns the calling thread's list of inline runtimes, where a procedure finds its poller.
 */
#include "base/error.h"
#include "base/thread.h"
#include "fastpath/poller.h"
#include "fastpath/slow.h"
#include "runtime/process.h"
#include "runtime/runtime.h"
#include "threads/elected.h"
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

void fly_runtime_turned_forked(void)
{
	turned = NULL;
}

static unsigned turn(struct fly_runtime *r)
{
	return fly_poller_turn(&r->poller, fly_poller_time(&r->poller));
}

void fly_runtime_resume_here(void)
{
	struct fly_poller *here = fly_poller_group_here();

	if (here && here->election) /* it turns that poller now and then only */
		here = NULL;
	fly_poller_resume(turned ? &turned->poller : here);
}

void fly_runtime_turn_here(void)
{
	for (struct fly_runtime *r = turned; r; r = r->next_here)
		turn(r);
	fly_elected_turn_held();
}

unsigned fly_turn(struct fly_runtime *r)
{
	if (likely(r->is_turned && fly_thread_is_here(r->thread)))
		return turn(r);
	if (r->group.is_shared && !r->is_foreign)
		return fly_elected_turn(r->poller.election);
	if (fly_process_check(r, "fly_turn") == 0 && r->is_turned)
		fly_set_sentence("fly_turn: the runtime belongs to another thread");
	return 0;
}

int fly_serve(struct fly_runtime *r)
{
	struct fly_waiting waiting = {0};
	const int status = fly_runtime_check_thread(r, "fly_serve");

	if (status)
		return status;
	if (r->threads) {
		fly_pollers_wait(r);
		return 0;
	}
	if (r->group.is_shared) {
		fly_elected_serve(r->poller.election, r->group.wait, &r->quit);
		atomic_store_explicit(&r->quit, false, memory_order_relaxed);
		return 0;
	}
	while (!atomic_load_explicit(&r->quit, memory_order_relaxed)) /* carries no data */
		fly_wait_after_turn(&waiting, &r->poller, r->group.wait, turn(r));
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
	struct fly_poller *own = fly_elected_here();

	if (own && is_serving(own))
		return own;
	own = fly_poller_group_here();
	if (own)
		return is_serving(own) ? own : NULL;
	for (struct fly_runtime *r = turned; r; r = r->next_here) {
		if (is_serving(&r->poller))
			return &r->poller;
	}
	return NULL;
}
