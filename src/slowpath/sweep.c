/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sweep.c - what is overdue: once a millisecond, a bounded piece of each table.
 *
 * Called by the poller's turn through slow.h, and when a link is lost. Owns the WAITING -> FAILED
 * transitions that no packet causes. The common call pays nothing for being watched over: it
 * stores when it is due, and this finds it.
 */
#include "slowpath/sweep.h"

#include "fastpath/binding.h"
#include "fastpath/slow.h"
#include "slowpath/bulk.h"
#include "slowpath/conversations.h"
#include "slowpath/retry.h"

#define SWEEP_CALLS   256 /* call-table entries looked at per sweep */
#define SWEEP_REJECTS 64  /* refusals and ARP answers between two sweeps */
#define ABSENT_MS     10  /* not turned for so long: see "Absence" */
#define STUCK_MS      100 /* a driver that takes nothing for so long has lost its peer */

static void resend(struct fly_poller *p, struct fly_call_entry *e, uint32_t started_ms)
{
	struct fly_import *import = fly_import_of(e->head.binding);
	/* A fresh copy: the first packet may still be in a driver's hands. */
	struct rte_mbuf *m = fly_packet_get(&p->cache, FLY_PAYLOAD + (uint32_t)e->argument_bytes);

	if (!m)
		return; /* the next try may find one */

	uint8_t *frame = fly_packet_frame(m);
	const uint32_t age_ms =
		p->now_ms - started_ms + (e->early_seq == (uint16_t)e->seq ? e->early_ms : 0);

	fly_caller_write(frame, import, e);
	frame[FLY_RPC + 1] = FLY_FLAG_RESENT;
	fly_put_u16(frame + FLY_RPC + 30, (uint16_t)RTE_MIN(age_ms, 0xffffU));
	memcpy(frame + FLY_PAYLOAD, e->packet ? fly_packet_frame(e->packet) + FLY_PAYLOAD : e->kept,
	       e->argument_bytes);
	fly_stats_add(&p->stats, FLY_COUNT_resent_calls, 1);
	fly_link_send(import->link, m);
}

static void look_after_call(struct fly_poller *p, struct fly_call_entry *e)
{
	const uint32_t started_ms = fly_call_started_ms(e);
	uint32_t next_ms;

	if (!fly_import_of(e->head.binding)->link->up) {
		fly_caller_fail(p, e, -FLY_EPEER);
		return;
	}
	if (e->state == FLY_CALL_BULK) {
		if (fly_bulk_look_after(p, e))
			resend(p, e, e->bulk->started_ms);
		return;
	}
	switch (fly_retry_step(p->now_ms, e->retry_at_ms, started_ms, e->resends,
			       p->call_timeout_ms, &next_ms)) {
	case FLY_RETRY_WAIT:
		return;
	case FLY_RETRY_GIVE_UP:
		fly_caller_fail(p, e, -FLY_EPEER);
		return;
	case FLY_RETRY_RESEND:
		resend(p, e, started_ms);
		e->started_ms = started_ms;
		if (e->resends < UINT8_MAX)
			e->resends++;
		e->retry_at_ms = p->now_ms + next_ms;
	}
}

static void sweep_calls(struct fly_poller *p)
{
	const struct fly_call_table *t = &p->calls;

	if (t->n_unbound == t->n)
		return;
	for (uint32_t i = 0; i < RTE_MIN(t->n, (uint32_t)SWEEP_CALLS); i++) {
		struct fly_call_entry *e = &t->entries[p->calls_swept];

		p->calls_swept = p->calls_swept + 1 < t->n ? p->calls_swept + 1 : 0;
		if (fly_call_is_out(e))
			look_after_call(p, e);
	}
}

/*
 * Absence. A poller's clock stands still while nobody turns it: between the calls of a thread that
 * does other things meanwhile, say. What was stamped since the last sweep is stamped with the time
 * before the absence. For such a call, its waits count from now on, as it was most likely sent
 * just now; but its age, by which a server tells whether it may have forgotten it, counts from the
 * last sweep, since it may have been sent then. A long absence does not count for the keeping of
 * conversation records: copies of their calls may have waited for us all the time.
 */
static void catch_up(struct fly_poller *p, uint32_t before_ms)
{
	const uint32_t absent_ms = p->now_ms - before_ms;
	uint32_t bound = p->calls.n - p->calls.n_unbound;

	for (uint32_t i = 0; bound > 0 && i < p->calls.n; i++) {
		struct fly_call_entry *e = &p->calls.entries[i];
		const bool known = e->early_seq == (uint16_t)e->seq;

		bound -= e->state != FLY_CALL_UNBOUND;
		/* Once only: a poller that is turned now and then is absent before each sweep. */
		if (e->state != FLY_CALL_WAITING || e->resends > 0 || known ||
		    fly_call_started_ms(e) != before_ms)
			continue;
		e->early_ms = (uint16_t)RTE_MIN(absent_ms, 0xffffU);
		e->early_seq = (uint16_t)e->seq;
		e->retry_at_ms = p->now_ms + FLY_RESEND_FIRST_MS;
	}
	fly_bulk_absent(p, before_ms);
	fly_conversations_absent(p, absent_ms);
}

static void sweep_links(struct fly_poller *p)
{
	for (uint32_t i = 0; i < p->n_links; i++) {
		struct fly_link *link = p->links[i];

		if (link->n_queued == 0)
			link->stuck_since_tsc = 0;
		else if (link->stuck_since_tsc == 0)
			link->stuck_since_tsc = p->now_tsc;
		else if (p->now_tsc - link->stuck_since_tsc > STUCK_MS * p->tsc_per_ms)
			fly_link_drop_queued(link, FLY_COUNT_drop_tx_full);
	}
}

void fly_slow_sweep(struct fly_poller *p)
{
	const uint32_t before_ms = p->now_ms;

	p->now_ms = (uint32_t)((p->now_tsc - p->began_tsc) / p->tsc_per_ms);
	if (p->now_ms - before_ms > ABSENT_MS)
		catch_up(p, before_ms);
	p->sweep_at_tsc = p->now_tsc + p->tsc_per_ms;
	p->reject_budget = SWEEP_REJECTS;
	sweep_calls(p);
	sweep_links(p);
	fly_conversations_sweep(p);
	fly_bulk_sweep(p);
}

void fly_link_lost(struct fly_poller *p, struct fly_link *link)
{
	link->up = false;
	fly_link_drop_queued(link, FLY_COUNT_drop_link_down);
	for (uint32_t i = 0; i < p->calls.n; i++) {
		struct fly_call_entry *e = &p->calls.entries[i];

		if (fly_call_is_out(e) && fly_import_of(e->head.binding)->link == link)
			fly_caller_fail(p, e, -FLY_EPEER);
	}
	fly_conversations_forget_link(p, link);
	fly_stats_add(&p->stats, FLY_COUNT_links_lost, 1);
}
