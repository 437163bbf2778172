/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * threads/caller.c - both halves of a call by an attached caller: Starter, Transporter and Ender on
 * its own thread; and the poller's half, which calls through the binding over the link.
 *
 * Small arguments and results travel in the slot's line. Longer arguments are marshalled into a
 * packet that the poller gave before. Longer results are read in the packet that came; the next
 * call gives it back. Arguments of several packets begin with a request to the poller: attach.c.
 */
#include "threads/caller.h"

#include <string.h>

#include <rte_memcpy.h>

#include "fastpath/clock.h"
#include "fastpath/poller.h"
#include "fastpath/slow.h"
#include "marshal/raise.h"

#define LOOKS 128 /* at the slot, by a binding that spins, before it looks what else to do */

static struct fly_attached_call *call_of(struct fly_call *call)
{
	return (struct fly_attached_call *)(void *)call;
}

static struct fly_attached *attached_of(struct fly_binding *binding)
{
	return (struct fly_attached *)(void *)binding;
}

static struct fly_attached_call *of_handoff(struct fly_handoff *handoff)
{
	return (struct fly_attached_call *)(void *)((uint8_t *)handoff -
						    offsetof(struct fly_attached_call, handoff));
}

/* ---- the thread ---- */

/* Is the calling thread the poller's own? It would wait for itself. */
static inline bool is_here(const struct fly_attached *a)
{
	return fly_thread_is_here(a->poller_thread);
}

/* More calls at a time than ever before, or arguments that fit neither slot nor spare packet. */
static __rte_noinline int starter_again(struct fly_attached *a, uint16_t procedure,
					uint32_t argument_bytes, struct fly_call **call)
{
	struct fly_attached_call *c;
	int status;

	if (is_here(a) || fly_poller_is_deepest)
		return -FLY_ECONFLICT;
	if (!a->idle) {
		status = fly_slow_attached_more(a);
		if (status)
			return status;
		return fly_attached_start(&a->head, procedure, argument_bytes, call);
	}
	c = a->idle;
	status = fly_slow_attached_start(c, procedure, argument_bytes);
	if (status)
		return status;
	a->idle = c->next_idle;
	c->has_begun = true;
	*call = &c->head;
	return 0;
}

int fly_attached_start(struct fly_binding *binding, uint16_t procedure, uint32_t argument_bytes,
		       struct fly_call **call)
{
	struct fly_attached *a = attached_of(binding);
	struct fly_attached_call *c = a->idle;

	if (unlikely(!c || is_here(a) || fly_poller_is_deepest ||
		     (argument_bytes > FLY_SLOT_BYTES &&
		      (!c->spare || argument_bytes > a->argument_max))))
		return starter_again(a, procedure, argument_bytes, call);
	/* ---- committed: nothing below can fail ---- */
	a->idle = c->next_idle;
	c->head.payload = likely(argument_bytes <= FLY_SLOT_BYTES)
				  ? c->line
				  : fly_packet_frame(c->spare) + FLY_PAYLOAD;
	c->head.length = argument_bytes;
	c->procedure = procedure;
	c->has_begun = false;
	*call = &c->head;
	return 0;
}

static __rte_always_inline void hand_over(struct fly_attached_call *c)
{
	struct fly_slot *s = &c->handoff.slot;

	s->procedure = c->procedure;
	s->length = c->head.length;
	s->left_us = c->attached->deadline_us;
	if (c->head.payload == c->line && c->head.length != 0)
		memcpy(s->bytes, c->line, sizeof s->bytes);
	if (unlikely(fly_slot_to_poller(s, FLY_SLOT_CALL)))
		fly_handoff_ring(&c->attached->poller->handoffs, &c->handoff);
}

void fly_attached_send(struct fly_call *call)
{
	struct fly_attached_call *c = call_of(call);

	/* Relaxed: the poller reads it after the hand-off of the slot. */
	if (c->attached->announces)
		atomic_store_explicit(&c->handoff.slot.asleep, FLY_ASLEEP_EVENT,
				      memory_order_relaxed);
	hand_over(c);
}

static inline void make_idle(struct fly_attached_call *c)
{
	struct fly_attached *a = c->attached;

	c->next_idle = a->idle;
	a->idle = c;
}

static void ender(struct fly_call *call)
{
	struct fly_attached_call *c = call_of(call);

	if (unlikely(c->handoff.slot.kind == FLY_ATTACHED_IN_CALL))
		fly_slow_attached_end(c);
	make_idle(c);
}

/* End a call with a status. It is over; but the stub reads an exception until the Ender. */
static __rte_noinline int end_with_status(struct fly_attached_call *c, int status)
{
	if (status == -FLY_EEXCEPTION)
		return status;
	if (c->attached->reconnects)
		fly_slow_attached_failed(c->attached, status);
	if (status == -FLY_ERAISED)
		fly_raised_get(c->head.payload, c->head.length);
	ender(&c->head);
	return status;
}

/* The slot is the thread's again: find the results. */
static __rte_always_inline int read_result(struct fly_attached_call *c)
{
	struct fly_slot *s = &c->handoff.slot;

	c->head.length = s->length;
	if (likely(s->kind == FLY_ATTACHED_IN_SLOT))
		c->head.payload = s->bytes;
	else if (likely(s->kind == FLY_ATTACHED_IN_PACKET))
		c->head.payload = fly_packet_frame(c->result) + FLY_PAYLOAD;
	else
		c->head.payload = c->call->payload;
	return likely(s->status == 0) ? 0 : end_with_status(c, s->status);
}

static int wait_for_call(struct fly_call *call)
{
	struct fly_attached_call *c = call_of(call);
	struct fly_slot *s = &c->handoff.slot;

	if (likely(c->attached->looks)) {
		for (unsigned looks = 0; looks < LOOKS; looks++) {
			if (fly_slot_is(s, FLY_SLOT_RESULT))
				return read_result(c);
			rte_pause();
		}
	}
	fly_slow_attached_wait(c);
	return read_result(c);
}

/* The call lends variables for its results, unless that is one which waits meanwhile. */
static __rte_noinline void note_loans(struct fly_attached_call *c)
{
	struct fly_loans *l = c->attached->head.loans;

	c->loans = l->call == &c->head ? l : NULL;
	c->loans_seq = fly_slot_seq(&c->handoff.slot) + 1;
}

static __rte_noinline int call_lending(struct fly_attached_call *c)
{
	int status;

	note_loans(c);
	hand_over(c);
	status = wait_for_call(&c->head);
	c->loans = NULL; /* numbers of calls come again, after very many */
	return status;
}

int fly_attached_call(struct fly_call *call)
{
	struct fly_attached_call *c = call_of(call);

	if (unlikely(c->attached->head.loans != NULL))
		return call_lending(c);
	hand_over(c);
	return wait_for_call(call);
}

/* The time counts while the call waits for the poller, too, and while its binding was rebound. */
static void begin_time(struct fly_attached_call *c)
{
	c->began_tsc = c->attached->lost_tsc ? c->attached->lost_tsc : fly_clock_now_tsc();
	c->attached->lost_tsc = 0;
	/* Relaxed: published with the state of the slot. */
	atomic_store_explicit(&c->handoff.act, fly_attached_act_timed, memory_order_relaxed);
}

void fly_attached_send_timed(struct fly_call *call)
{
	begin_time(call_of(call));
	fly_attached_send(call);
}

int fly_attached_call_timed(struct fly_call *call)
{
	begin_time(call_of(call));
	return fly_attached_call(call);
}

int fly_attached_call_lent(struct fly_call *call)
{
	struct fly_attached_call *c = call_of(call);
	struct fly_attached *a = c->attached;
	int status;

	if (a->deadline_us != 0)
		begin_time(c);
	if (!fly_lease_take(a->lease))
		return fly_attached_call(call);
	if (unlikely(a->head.loans != NULL))
		note_loans(c);
	hand_over(c);
	fly_lease_turn_for(a->lease, &c->handoff.slot, a->wait);
	status = wait_for_call(call);
	if (unlikely(c->loans != NULL))
		c->loans = NULL;
	return status;
}

void fly_attached_bind(struct fly_attached *attached)
{
	attached->head = (struct fly_binding){
		.starter = fly_attached_start,
		.transporter = fly_attached_call,
		.send = fly_attached_send,
		.wait = wait_for_call,
		.ender = ender,
	};
}

/* ---- the poller ---- */

static inline void hand_back(struct fly_attached_call *c, int status, uint32_t length,
			     enum fly_attached_result where)
{
	struct fly_slot *s = &c->handoff.slot;

	s->status = (int16_t)status;
	s->length = length;
	s->kind = (uint8_t)where;
	if (unlikely(fly_slot_from_poller(s, FLY_SLOT_RESULT)))
		fly_slow_attached_wake(c);
}

/* Give a packet for the arguments of the next call; there may be none now. */
static __rte_noinline void give_spare(struct fly_poller *p, struct fly_attached_call *c)
{
	c->spare = fly_packet_get(&p->cache, FLY_PAYLOAD);
	if (c->spare)
		fly_packet_expose_all(c->spare);
}

/* The packet that the arguments were marshalled into becomes the call packet. */
static __rte_always_inline void use_spare(struct fly_poller *p, struct fly_import *import,
					  struct fly_attached_call *c, struct fly_call_entry *e)
{
	fly_packet_put(&p->cache, e->packet);
	e->packet = c->spare;
	c->spare = NULL;
	fly_packet_set_bytes(e->packet, (uint32_t)FLY_PAYLOAD + e->argument_bytes);
	e->head.payload = fly_packet_frame(e->packet) + FLY_PAYLOAD;
	fly_caller_write(fly_packet_frame(e->packet), import, e);
}

/* The binding's Starter has made a call: give it the arguments. */
static __rte_always_inline void pass_arguments(struct fly_poller *p, struct fly_import *import,
					       struct fly_attached_call *c, struct fly_call *call,
					       uint32_t bytes)
{
	if (likely(bytes <= FLY_SLOT_BYTES)) {
		if (bytes != 0)
			rte_memcpy(call->payload, c->handoff.slot.bytes, bytes);
	} else if (likely(import->deadline_us == 0 && fly_entry_of(call)->packet)) {
		use_spare(p, import, c, fly_entry_of(call));
	} else { /* a deadline is behind them; or the peer that took such long packets is gone */
		memcpy(call->payload, fly_packet_frame(c->spare) + FLY_PAYLOAD, bytes);
	}
}

/* Subtract the time that the call has waited. Return: false: its deadline has passed. */
static __rte_noinline bool is_in_time(const struct fly_poller *p, struct fly_attached_call *c)
{
	const uint64_t now_tsc = fly_clock_now_tsc(); /* that of the turn may be far behind */
	struct fly_slot *s = &c->handoff.slot;
	uint64_t gone_us = 0;

	if (s->left_us == 0)
		return true;
	if (now_tsc > c->began_tsc)
		gone_us = (now_tsc - c->began_tsc) * 1000 / p->tsc_per_ms;
	if (gone_us >= s->left_us)
		return false;
	s->left_us -= (uint32_t)gone_us;
	return true;
}

static __rte_always_inline void act(struct fly_poller *p, struct fly_handoff *handoff,
				    bool is_timed)
{
	struct fly_attached_call *c = of_handoff(handoff);
	struct fly_import *import = c->import;
	struct fly_slot *s = &handoff->slot;
	struct fly_call *call;

	if (!fly_slot_claim(s, handoff->acted)) /* the call was withdrawn */
		return;
	call = c->call;
	if (is_timed && !call && !is_in_time(p, c)) {
		hand_back(c, -FLY_EWITHDRAWN, 0, FLY_ATTACHED_IN_SLOT);
		return;
	}
	if (unlikely(c->result != NULL)) {
		fly_packet_put(&p->cache, c->result);
		c->result = NULL;
	}
	if (likely(!call)) {
		const uint32_t bytes = s->length;
		int status;

		/* The Starter goes with the deadline: both are those of this call. */
		if (unlikely(import->deadline_us != s->left_us))
			fly_slow_set_deadline(import, s->left_us);
		status = import->head.starter(&import->head, s->procedure, bytes, &call);
		if (unlikely(status)) { /* over, without having begun */
			hand_back(c, status, 0, FLY_ATTACHED_IN_SLOT);
			return;
		}
		pass_arguments(p, import, c, call, bytes);
	} else {
		c->call = NULL;
	}
	p->calls.waiters[fly_call_table_index(&p->calls, fly_entry_of(call))] = c;
	import->head.send(call);
}

void fly_attached_act(struct fly_poller *p, struct fly_handoff *handoff)
{
	act(p, handoff, false);
}

void fly_attached_act_timed(struct fly_poller *p, struct fly_handoff *handoff)
{
	act(p, handoff, true);
}

/*
 * The result is too long for a slot: its packet goes to the thread, or, if it takes several
 * packets, the call stays until its Ender.
 */
static __rte_noinline void deliver_long(struct fly_poller *p, struct fly_attached_call *c,
					struct fly_call_entry *e)
{
	const uint32_t length = e->head.length;
	const int status = e->status;

	if (!c->spare)
		give_spare(p, c);
	if (e->packet) {
		c->result = e->packet;
		e->packet = NULL;
		e->head.binding->ender(&e->head);
		hand_back(c, status, length, FLY_ATTACHED_IN_PACKET);
	} else {
		c->call = &e->head;
		hand_back(c, status, length, FLY_ATTACHED_IN_CALL);
	}
}

static __rte_noinline void deliver_failure(struct fly_poller *p, struct fly_attached_call *c,
					   struct fly_call_entry *e)
{
	const int status = e->status;

	if (!c->spare)
		give_spare(p, c);
	e->head.binding->wait(&e->head); /* returns at once: it has failed */
	hand_back(c, status, 0, FLY_ATTACHED_IN_SLOT);
}

void fly_attached_deliver(struct fly_poller *p, struct fly_call_entry *e)
{
	const uint32_t index = fly_call_table_index(&p->calls, e);
	struct fly_attached_call *c = p->calls.waiters[index];
	const uint32_t length = e->head.length;
	const int status = e->status;

	if (unlikely(!c))
		return; /* no attached caller waits for it */
	p->calls.waiters[index] = NULL;
	if (unlikely(e->state == FLY_CALL_FAILED)) {
		deliver_failure(p, c, e);
		return;
	}
	if (unlikely(length > FLY_SLOT_BYTES || !e->packet)) {
		deliver_long(p, c, e);
		return;
	}
	if (unlikely(!c->spare))
		give_spare(p, c);
	if (length != 0)
		rte_memcpy(c->handoff.slot.bytes, e->head.payload, length);
	hand_back(c, status, length, FLY_ATTACHED_IN_SLOT);
	e->head.binding->ender(&e->head);
}
