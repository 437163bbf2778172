/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * resend.c - our calls that wait too long for a reply: they are resent, probed, or failed.
 *
 * Called by the sweep, on the poller's thread. Owns the transitions to FAILED that no packet
 * causes. A call that is answered in time pays one store for this: when it was sent.
 *
 * There is no timer per call. A pass looks at the whole call table, in pieces, and notes the
 * earliest time at which a call is due. The next pass begins at that time, or one least RTO after
 * this pass began, whichever is earlier: no call that is sent meanwhile can be due before. So each
 * call is handled within PASS_LEAST_US of when it is due. A poller without due calls looks at each
 * entry once in a least RTO.
 */
#include "slowpath/resend.h"

#include "fastpath/binding.h"
#include "fastpath/poller.h"
#include "fastpath/slow.h"
#include "slowpath/behaviour.h"
#include "slowpath/bulk/bulk.h"
#include "slowpath/deadline.h"
#include "slowpath/neighbour.h"
#include "slowpath/path_mtu.h"
#include "slowpath/retry.h"

#define PASS_ENTRIES  256 /* looked at in one turn */
#define PASS_LEAST_US 16  /* between the beginnings of two passes */

uint16_t fly_resend_age_ms(const struct fly_poller *p, const struct fly_call_entry *e)
{
	const uint64_t early_ms = e->early_seq == (uint16_t)e->seq ? e->early_ms : 0;
	const uint64_t age_ms = (p->now_tsc - e->sent_tsc) / p->tsc_per_ms + early_ms;

	return (uint16_t)RTE_MIN(age_ms, (uint64_t)UINT16_MAX);
}

bool fly_resend_packet(struct fly_poller *p, struct fly_call_entry *e, enum fly_packet_type type,
		       uint8_t flags)
{
	const struct fly_import *import = fly_import_of(e->head.binding);
	const uint32_t bytes = type == FLY_PACKET_CALL ? e->argument_bytes : 0;
	/* A new packet: a driver may still hold the first one. */
	struct rte_mbuf *m = fly_packet_get(&p->cache, FLY_PAYLOAD + bytes);
	uint8_t *frame;

	if (!m)
		return false;
	frame = fly_packet_frame(m);
	fly_caller_write(frame, import, e);
	/* fly_caller_write() may have put in a length that is too long for a packet. */
	memcpy(frame, import->template, FLY_RPC);
	frame[FLY_RPC] = (uint8_t)(FLY_WIRE_VERSION << 4 | type);
	if (type != FLY_PACKET_CALL)
		fly_put_u16(frame + FLY_RPC + 2, FLY_ABOUT_CALL);
	else if (fly_deadline_of(e) != FLY_NEVER)
		flags |= FLY_FLAG_DEADLINE;
	if (e->challenged_seq == e->seq && type == FLY_PACKET_CALL)
		flags |= FLY_FLAG_TOKEN;
	frame[FLY_RPC + 1] = FLY_FLAG_RESENT | flags;
	fly_put_u16(frame + FLY_RPC + 28, (uint16_t)bytes);
	fly_put_u16(frame + FLY_RPC + 30, fly_resend_age_ms(p, e));
	fly_wire_set_lengths(frame, bytes);
	if (bytes)
		memcpy(frame + FLY_PAYLOAD,
		       e->packet ? fly_packet_frame(e->packet) + FLY_PAYLOAD : e->kept, bytes);
	fly_link_send(import->link, m);
	return true;
}

/* When an outstanding call is due. */
static uint64_t due_tsc(const struct fly_call_entry *e)
{
	if (e->resends || e->state == FLY_CALL_BULK)
		return e->retry.due_tsc;
	return e->sent_tsc + fly_import_of(e->head.binding)->rtt.rto_tsc;
}

static void count_resend(struct fly_poller *p, struct fly_call_entry *e, enum fly_counter what)
{
	if (e->resends < UINT8_MAX)
		e->resends++;
	if (e->state == FLY_CALL_TIMED)
		fly_call_to_waiting(e); /* the result may answer either copy */
	fly_stats_add(&p->stats, what, 1);
}

/* Resend, probe or fail a call that is due. */
static void handle_due_call(struct fly_poller *p, struct fly_call_entry *e)
{
	struct fly_import *import = fly_import_of(e->head.binding);
	const struct fly_rtt *rtt = &import->rtt;

	if (!e->resends && e->state != FLY_CALL_BULK)
		fly_retry_begin(&e->retry, rtt->rto_tsc, e->sent_tsc);
	if (e->retry.tries > 0 && import->link->peers_move)
		fly_neighbour_silent(p, import);
	switch (fly_retry_step(&e->retry, &p->waits, rtt, p->now_tsc)) {
	case FLY_RETRY_WAIT:
		return;
	case FLY_RETRY_GIVE_UP:
		fly_behaviour_lost(import);
		fly_caller_fail(p, e, -FLY_EPEER);
		return;
	case FLY_RETRY_PROBE:
		if (fly_resend_packet(p, e, FLY_PACKET_PROBE, 0))
			count_resend(p, e, FLY_COUNT_probes_sent);
		return;
	case FLY_RETRY_RESEND:
		break;
	}
	if (e->retry.tries >= 2 && fly_call_is_small(e)) /* one loss is no reason */
		fly_path_mtu_suspect(p, import->link, import->template, e->argument_bytes);
	if (e->state == FLY_CALL_BULK)
		fly_bulk_resend(p, e);
	else if (fly_bulk_split_call(p, e))
		count_resend(p, e, FLY_COUNT_resent_calls);
	else if (fly_resend_packet(p, e, FLY_PACKET_CALL, FLY_FLAG_ACK))
		count_resend(p, e, FLY_COUNT_resent_calls);
	else if (e->resends == 0)
		e->resends = 1; /* no packet buffer: not sent, but the next wait began */
}

/* Handle one entry. Return: when it is due next; FLY_NEVER. */
static uint64_t visit(struct fly_poller *p, struct fly_call_entry *e)
{
	if (e->state != FLY_CALL_UNBOUND)
		fly_import_of(e->head.binding)->sends_as = FLY_CALL_TIMED; /* measure again */
	if (!fly_call_is_out(e))
		return FLY_NEVER;
	if (!fly_import_of(e->head.binding)->link->up)
		fly_caller_fail(p, e, -FLY_EPEER);
	else if (fly_deadline_of(e) <= p->now_tsc)
		fly_deadline_end(p, e, -FLY_EDEADLINE);
	else if (due_tsc(e) <= p->now_tsc)
		handle_due_call(p, e);
	return fly_call_is_out(e) ? RTE_MIN(due_tsc(e), fly_deadline_of(e)) : FLY_NEVER;
}

void fly_resend_pass(struct fly_poller *p)
{
	const struct fly_call_table *t = &p->calls;
	struct fly_pass *pass = &p->pass;
	const uint32_t end = RTE_MIN(t->n, pass->at + PASS_ENTRIES);

	if (p->now_tsc < pass->due_tsc)
		return;
	pass->is_graced = false;
	if (pass->at == 0)
		pass->next_tsc = p->now_tsc + p->waits.least_tsc;
	if (t->n_unbound == t->n)
		pass->at = end;
	while (pass->at < end) {
		const uint64_t next_tsc = visit(p, &t->entries[pass->at++]);

		pass->next_tsc = RTE_MIN(pass->next_tsc, next_tsc);
	}
	if (pass->at < t->n && t->n_unbound < t->n) {
		pass->due_tsc = p->now_tsc; /* continues in the next turn */
		return;
	}
	pass->at = 0;
	pass->due_tsc = RTE_MAX(pass->next_tsc, p->now_tsc + PASS_LEAST_US * p->tsc_per_ms / 1000);
}
