/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * caller.c - the caller's half of a call: Starter, Transporter, Ender.
 *
 * Runs on the poller's thread; the waiting caller turns the poller itself.
 */
#include <rte_memcpy.h>

#include "fastpath/binding.h"
#include "fastpath/clock.h"
#include "fastpath/poller.h"
#include "fastpath/slow.h"
#include "marshal/raise.h"

/* Out of line and a tail call: the common case saves no registers for it. */
static __rte_noinline int starter_again(struct fly_binding *binding, uint16_t procedure,
					uint32_t argument_bytes, struct fly_call **call)
{
	struct fly_poller *p = fly_import_of(binding)->poller;
	const int status = fly_slow_start(binding, argument_bytes);

	if (status)
		return status;
	if (argument_bytes > fly_import_of(binding)->argument_max)
		return fly_slow_start_bulk(binding, procedure, argument_bytes, call);
	if (p->cache.n == 0 && fly_packet_refill(&p->cache) == 0)
		return -FLY_EPACKETS;
	return fly_caller_start(binding, procedure, argument_bytes, call);
}

int fly_caller_start(struct fly_binding *binding, uint16_t procedure, uint32_t argument_bytes,
		     struct fly_call **call)
{
	struct fly_import *import = fly_import_of(binding);
	struct fly_poller *p = import->poller;

	if (unlikely(import->idle == FLY_NO_ENTRY || argument_bytes > import->argument_max ||
		     !import->link->up || p->nested >= FLY_NESTED_MAX || p->cache.n == 0))
		return starter_again(binding, procedure, argument_bytes, call);
	/* ---- committed: nothing below can fail ---- */
	struct rte_mbuf *m = fly_packet_take(&p->cache, (uint32_t)FLY_PAYLOAD + argument_bytes);
	struct fly_call_entry *e = &p->calls.entries[import->idle];
	uint8_t *frame = fly_packet_frame(m);

	import->idle = e->next_idle;
	e->seq++;
	e->procedure = procedure;
	e->argument_bytes = (uint16_t)argument_bytes;
	e->packet = m;
	e->resends = 0;
	fly_call_to_started(e);
	e->head.payload = frame + FLY_PAYLOAD;
	e->head.length = argument_bytes;
	*call = &e->head;
	fly_caller_write(frame, import, e);
	return 0;
}

/*
 * Keep what a resend needs until the result is there. Small arguments are kept as bytes: the packet
 * itself comes back warm. Longer ones are kept by a reference to their packet; or, where the driver
 * frees sent packets late, by a copy in another packet, and the next call finds that packet warm.
 * Measured in docs/performance.md, "What is kept for resending".
 * Return: false: the arguments take several packets.
 */
static __rte_always_inline bool keep(struct fly_poller *p, struct fly_call_entry *e,
				     const struct fly_link *link, struct rte_mbuf *m)
{
	const uint32_t bytes = e->argument_bytes;

	if (bytes <= FLY_KEEP_BYTES) {
		if (bytes != 0)
			rte_memcpy(e->kept, e->head.payload, bytes);
		e->packet = NULL;
	} else if (unlikely(!m)) {
		return false;
	} else if (link->zero_copy && p->cache.n != 0) {
		e->packet = fly_packet_take(&p->cache, FLY_PAYLOAD + bytes);
		memcpy(fly_packet_frame(e->packet) + FLY_PAYLOAD, e->head.payload, bytes);
	} else {
		fly_packet_share(m);
	}
	return true;
}

static void transporter_send(struct fly_call *call)
{
	struct fly_call_entry *e = fly_entry_of(call);
	struct fly_import *import = fly_import_of(call->binding);
	struct fly_poller *p = import->poller;
	struct rte_mbuf *m = e->packet;

	if (unlikely(!keep(p, e, import->link, m))) {
		fly_slow_send(call);
		return;
	}
	fly_call_to_sent(e, (enum fly_call_state)import->sends_as);
	e->sent_tsc = p->now_tsc;
	fly_stats_add(&p->stats, FLY_COUNT_calls_started, 1);
	fly_link_send(import->link, m);
}

/* To IDLE, in front of the binding's list: the entry used last is the warm one. */
static inline void make_idle(struct fly_call_entry *e)
{
	struct fly_import *import = fly_import_of(e->head.binding);

	fly_call_to_idle(e);
	e->packet = NULL;
	e->next_idle = import->idle;
	import->idle = fly_call_table_index(&import->poller->calls, e);
}

static void ender(struct fly_call *call)
{
	struct fly_call_entry *e = fly_entry_of(call);
	struct fly_poller *p = fly_import_of(call->binding)->poller;

	if (likely(e->packet != NULL))
		fly_packet_put(&p->cache, e->packet);
	else
		fly_slow_let_go(p, e);
	make_idle(e);
}

/*
 * Wait for a call that takes several packets or is measured, or end one with a status. The entry
 * becomes IDLE, but for an exception, which the stub reads until the Ender.
 */
static __rte_noinline int wait_unplain(struct fly_call *call)
{
	struct fly_call_entry *e = fly_entry_of(call);
	struct fly_poller *p = fly_import_of(call->binding)->poller;
	int status;

	while (fly_call_is_out(e))
		fly_poller_turn(p, fly_poller_time(p));
	status = e->status;
	if (e->state != FLY_CALL_DONE) {
		make_idle(e);
		return status;
	}
	if (status == 0 || status == -FLY_EEXCEPTION)
		return status;
	if (status == -FLY_ERAISED)
		fly_raised_get(call->payload, call->length);
	ender(call);
	return status;
}

int fly_caller_wait(struct fly_call *call)
{
	struct fly_call_entry *e = fly_entry_of(call);
	struct fly_poller *p = fly_import_of(call->binding)->poller;

	while (e->state == FLY_CALL_WAITING)
		fly_poller_turn(p, fly_poller_time(p));
	if (likely(e->state == FLY_CALL_DONE && e->status == 0))
		return 0;
	return wait_unplain(call);
}

static int transporter(struct fly_call *call)
{
	transporter_send(call);
	fly_link_flush(fly_import_of(call->binding)->link);
	return fly_caller_wait(call);
}

void fly_caller_bind(struct fly_import *import)
{
	struct fly_binding *b = &import->head;

	b->starter = fly_caller_start;
	b->transporter = transporter;
	b->send = transporter_send;
	b->wait = fly_caller_wait;
	b->ender = ender;
}

void fly_caller_fail(struct fly_poller *p, struct fly_call_entry *e, int status)
{
	if (e->packet)
		fly_packet_put(&p->cache, e->packet);
	e->packet = NULL;
	fly_slow_let_go(p, e);
	if (fly_outcome(status) == FLY_MAYBE_EXECUTED)
		fly_slow_doubt(e);
	fly_call_to_failed(e, status);
	fly_stats_add(&p->stats, FLY_COUNT_calls_failed, 1);
	fly_deliver(p, e);
}
