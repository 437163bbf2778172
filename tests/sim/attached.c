/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * attached.c - callers on threads that turn no poller, on virtual time. See world.h.
 *
 * Both halves are those that ship. A thread is a caller of workload.c in events of its own, between
 * turns of its node's poller, under a number of its own. It may wait for its poller (a request):
 * then the world goes on inside that wait, until the poller has turned.
 *
 * Owns which threads are inside the library. Besides what the oracle checks: a call that was handed
 * over is polled or was rung for, and a poller that sleeps is woken.
 */
#include "world.h"

#include <pthread.h>

#include "base/error.h"
#include "runtime/attach.h"
#include "threads/request.h"

#define LOOK_MOST (5 * US)
#define LATE_MOST (3 * MS)

/* Linked instead of the system's: a thread waits for its poller. */
int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock,
				  const struct timespec *end);

int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock,
				  const struct timespec *end)
{
	struct world *w = world_here();
	struct desk *desk = thread_here();
	const uint64_t before = w->now;

	(void)cond;
	(void)end; /* the library looks at the clock */
	pthread_mutex_unlock(lock);
	thread_leave(w->thread);
	world_step(w);
	thread_enter(desk);
	/* What began after this wait ends before it: the thread may be away for longer than it is.
	 */
	desk->away += w->now - before;
	workload_was_away(desk);
	pthread_mutex_lock(lock);
	return 0;
}

static struct fly_attached_call *attached_of(const struct fly_call *call)
{
	return (struct fly_attached_call *)(uintptr_t)call;
}

/* ---- binding --------------------------------------------------------------------------------- */

bool attached_bind(struct desk *desk, struct fly_import *import)
{
	return fly_attach_make(&desk->node->runtime, import, &desk->binding) == 0;
}

void attached_unbind(struct desk *desk)
{
	struct fly_poller *p = world_poller(desk->node);

	if (desk->is_looking) {
		fly_unbind(desk->binding);
		return;
	}
	/* The process ends, or the thread ends it somewhere else: nobody waits for the poller. */
	fly_poller_take(p);
	fly_unbind(desk->binding);
	thread_leave(desk->node->world->thread);
	fly_poller_take(p);
}

/* ---- calls ----------------------------------------------------------------------------------- */

void attached_sent(struct desk *desk, const struct fly_call *call)
{
	struct node *node = desk->node;
	const struct fly_handoff *handoff = &attached_of(call)->handoff;

	if (!handoff->slot.polled && !handoff->is_rung)
		world_fail(node->world, "a call of a thread of %s is neither polled nor rung for",
			   node->name);
	if (node->sleeps && !node->is_woken)
		world_fail(node->world, "%s sleeps, has a call of a thread, and nobody woke it",
			   node->name);
	world_want(node, node->world->now);
}

void attached_note(struct node *node, unsigned index, uint64_t activity, uint32_t seq)
{
	const struct fly_poller *p = world_poller(node);
	const struct fly_attached_call *c = index < p->calls.n ? p->calls.waiters[index] : NULL;

	if (!c || p->calls.entries[index].seq != seq ||
	    p->calls.entries[index].activity != activity)
		return;
	for (unsigned i = 0; i < node->n_desks; i++) {
		const struct desk *desk = &node->desks[i];

		for (unsigned k = 0; desk->is_attached && k < desk->window; k++) {
			if (desk->slots[k].call != &c->head)
				continue;
			node->current[index].activity = activity;
			node->current[index].seq = seq;
			node->current[index].number = desk->slots[k].number;
		}
	}
}

bool attached_has_calls(const struct node *node)
{
	for (unsigned i = 0; i < node->n_desks; i++) {
		const struct desk *desk = &node->desks[i];

		for (unsigned k = 0; desk->is_attached && k < desk->window; k++) {
			const struct fly_slot *s;

			if (!desk->slots[k].call || desk->slots[k].is_held)
				continue;
			s = &attached_of(desk->slots[k].call)->handoff.slot;
			if (fly_slot_is(s, FLY_SLOT_CALL) &&
			    !fly_slot_is_claimed(s, fly_slot_word(s)))
				return true;
		}
	}
	return node->runtime.poller.attention != 0;
}

unsigned attached_packets(const struct node *node)
{
	unsigned n = 0;

	for (unsigned i = 0; i < node->n_desks; i++) {
		const struct desk *desk = &node->desks[i];
		const struct fly_attached_call *c;

		if (!desk->is_attached || !desk->binding)
			continue;
		LIST_FOREACH(c, &((const struct fly_attached *)(const void *)desk->binding)->calls,
			     next)
		n += (c->spare != NULL) + (c->result != NULL);
	}
	return n;
}

/* ---- threads --------------------------------------------------------------------------------- */

/* When a thread has something to do, as far as known now. */
static uint64_t due(const struct desk *desk)
{
	const struct world *w = desk->node->world;
	const bool is_over = w->n_calls == w->calls_wanted;
	uint64_t at = NEVER;

	if (!desk->binding)
		return is_over ? NEVER : desk->wake_at;
	for (unsigned i = 0; i < desk->window; i++) {
		const struct slot *slot = &desk->slots[i];

		if (slot->call && !slot->is_held && fly_ready(slot->call))
			return w->now;
		if (slot->call && !slot->is_held && slot->cancel_at)
			at = RTE_MIN(at, slot->cancel_at);
		if (slot->is_held || (!slot->call && !is_over && !desk->is_stale))
			at = RTE_MIN(at, slot->wake_at);
	}
	return at;
}

void attached_look(struct node *node)
{
	struct world *w = node->world;

	for (unsigned i = 0; i < node->n_desks; i++) {
		struct desk *desk = &node->desks[i];
		uint64_t at;

		if (!desk->is_attached || desk->look_at != NEVER || desk->is_looking)
			continue;
		at = due(desk);
		if (at > w->now) {
			world_want(node, at);
			continue;
		}
		desk->look_at = w->now + 1 +
				(world_chance(w, w->plan.late_ppm) ? world_below(w, LATE_MOST)
								   : world_below(w, LOOK_MOST));
		world_event(w, desk->look_at, EVENT_CALLER, desk);
	}
}

void attached_turn(struct desk *desk)
{
	struct node *node = desk->node;
	struct world *w = node->world;
	const uint64_t outer = fly_thread_mine;

	desk->look_at = NEVER;
	/* While its poller runs a procedure, a thread cannot wait for it here: see world_work(). */
	if (!node->is_up || node->is_dead || node->is_stopping || node->is_inside ||
	    w->now < node->paused_until)
		return; /* the next turn looks again */
	world_digest(w, node->index);
	desk->is_looking = true;
	node->n_looking++;
	thread_enter(desk);
	workload_turn(desk);
	thread_leave(outer);
	node->n_looking--;
	desk->is_looking = false;
	world_want(node, w->now + 1);
}
