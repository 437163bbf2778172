/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * probe.c - what became of it? Probes of callers and of servers, and callers that have gone.
 *
 * Runs on the poller's thread, behind slow.h; takes each packet it gets. The cells of PROBE, CANCEL
 * and CHALLENGE in docs/protocol.md.
 */
#include "slowpath/probe.h"

#include "fastpath/binding.h"
#include "fastpath/server.h"
#include "slowpath/bulk/bulk.h"
#include "slowpath/records.h"
#include "slowpath/reply.h"
#include "slowpath/resend.h"
#include "slowpath/retry.h"

/* The record that a caller's packet is about. Return: NULL: *why says why there is none. */
static struct fly_conversation *record(struct fly_poller *p, const struct fly_link *link,
				       const struct rte_mbuf *m, const struct fly_header *h,
				       enum fly_counter *why)
{
	struct fly_conversation *c = fly_conversation_lookup(p, h);

	if (c && !fly_conversation_is_peer(c, link, fly_packet_frame(m))) {
		*why = FLY_COUNT_drop_wrong_peer;
		return NULL;
	}
	*why = FLY_COUNT_drop_activity;
	return c;
}

/* A caller asks about its call, which it was told is running. */
static void about_call(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		       const struct fly_header *h)
{
	enum fly_counter why;
	struct fly_conversation *c;

	if (!fly_export_find(p->exports, h->export_id)) {
		fly_reply_refuse(p, link, m, h, FLY_ESTALE);
		return;
	}
	c = record(p, link, m, h, &why);
	if (!c && why == FLY_COUNT_drop_activity && h->activity != 0) {
		fly_reply_refuse(p, link, m, h, FLY_EFORGOTTEN);
		return;
	}
	if (!c) {
		fly_frame_drop(p, m, why);
		return;
	}
	switch (fly_seq_after(h->seq, c->seq) ? FLY_RUN : fly_conversation_accept(c, h->seq)) {
	case FLY_RUN: /* it is not here */
		fly_reply_refuse(p, link, m, h, FLY_EFORGOTTEN);
		break;
	case FLY_BUSY:
		fly_reply_running(p, link, m, h, c);
		break;
	case FLY_RESEND:
		fly_reply_result_again(p, link, m, h, c);
		break;
	case FLY_REFUSE:
		fly_reply_refuse(p, link, m, h, FLY_EBUSY);
		break;
	case FLY_REPEAT: /* its result was not kept: the caller's copy of the call makes another */
		fly_reply_refuse(p, link, m, h, FLY_EFORGOTTEN);
		break;
	default:
		fly_frame_drop(p, m, FLY_COUNT_drop_probe);
	}
}

/* A server asks whether its result has arrived, which it would like to let go. */
static void about_result(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
			 const struct fly_header *h)
{
	const struct fly_call_entry *e = fly_call_table_find(&p->calls, h->activity);
	struct fly_header answer = *h;

	if (e && e->activity == h->activity && e->seq == h->seq && fly_call_is_out(e)) {
		fly_frame_drop(p, m, FLY_COUNT_drop_probe);
		return;
	}
	/* The call is over, or nobody here has ever heard of it: nobody waits for its result. */
	answer.type = FLY_PACKET_ACK;
	answer.flags = 0;
	answer.procedure = FLY_ABOUT_RESULT;
	answer.fragment = h->fragments;
	answer.length = 0;
	answer.age = 0;
	fly_wire_encode(fly_reply_turn_around(link, m), &answer);
	fly_stats_add(&p->stats, FLY_COUNT_acks_sent, 1);
	fly_link_send(link, m);
}

void fly_slow_probe(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		    const struct fly_header *h)
{
	switch (h->procedure) {
	case FLY_ABOUT_CALL:
		about_call(p, link, m, h);
		break;
	case FLY_ABOUT_RESULT:
		about_result(p, link, m, h);
		break;
	default:
		fly_frame_drop(p, m, FLY_COUNT_drop_type);
	}
}

void fly_slow_cancel(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		     const struct fly_header *h)
{
	enum fly_counter why;
	struct fly_conversation *c = record(p, link, m, h, &why);

	if (c && c->seq == h->seq && c->state == FLY_CONVERSATION_RUNNING) {
		c->cancelled_seq = c->seq;
		if (c->work)
			fly_work_cancel(p, c);
		why = FLY_COUNT_cancels_received;
	} else if (c && c->seq == h->seq && fly_conversation_bulk_result(c)) {
		fly_conversation_bulk_end(p, c); /* it is not wanted any more */
		why = FLY_COUNT_cancels_received;
	} else if (c && c->state != FLY_CONVERSATION_RUNNING && fly_seq_after(h->seq, c->seq)) {
		fly_conversation_refuse(p, c, h->seq);
		why = FLY_COUNT_cancels_received;
	} else if (c) {
		why = FLY_COUNT_drop_cancel;
	}
	fly_frame_drop(p, m, why);
}

/*
 * A server wants proof that we are where we say: the call is sent again with the token. It was not
 * looked at before, so that this is no copy that was waited for; but each token is answered once.
 */
void fly_slow_challenge(struct fly_poller *p, struct rte_mbuf *m, const struct fly_header *h)
{
	struct fly_call_entry *e = fly_call_table_find(&p->calls, h->activity);
	const int why = fly_result_mismatch(e, m, h);

	/* Nor does a server that works on a call want proof of anything. */
	if (why || (e->resends && e->retry.is_running) ||
	    (e->challenged_seq == h->seq && e->hint == h->hint) ||
	    (e->state == FLY_CALL_BULK && e->bulk->in.fragments != 0)) {
		fly_frame_drop(p, m, why ? (enum fly_counter) - why : FLY_COUNT_drop_sequence);
		return;
	}
	fly_packet_put(&p->cache, m);
	e->hint = h->hint;
	e->challenged_seq = h->seq;
	if (e->state == FLY_CALL_BULK) {
		fly_bulk_challenged(p, e);
	} else {
		if (e->resends == 0) {
			fly_retry_begin(&e->retry, fly_import_of(e->head.binding)->rtt.rto_tsc,
					p->now_tsc);
			e->resends = 1; /* there are two of it now: no round trip is measured */
		}
		e->state = FLY_CALL_WAITING;
		fly_resend_packet(p, e, FLY_PACKET_CALL, 0);
	}
	fly_stats_add(&p->stats, FLY_COUNT_challenges_answered, 1);
}

void fly_ack_running(struct fly_poller *p, struct fly_call_entry *e, const struct fly_header *h)
{
	const struct fly_rtt *rtt = &fly_import_of(e->head.binding)->rtt;

	e->hint = h->hint;
	if (e->resends == 0) { /* nothing has waited in e->retry yet, but an earlier call */
		fly_retry_begin(&e->retry, rtt->rto_tsc, e->sent_tsc);
		e->resends = 1; /* from now on it says when this one is due */
	}
	if (e->state == FLY_CALL_TIMED)
		e->state = FLY_CALL_WAITING;
	fly_retry_running(&e->retry, &p->waits, rtt, p->now_tsc);
}

void fly_ack_result(struct fly_poller *p, struct fly_call_entry *e)
{
	const struct fly_import *import = fly_import_of(e->head.binding);
	struct rte_mbuf *m = fly_packet_get(&p->cache, FLY_PAYLOAD);
	const struct fly_header h = {
		.type = FLY_PACKET_ACK,
		.procedure = FLY_ABOUT_RESULT,
		.export_id = import->export_id,
		.activity = e->activity,
		.seq = e->seq,
		.fragment = 1,
		.fragments = 1,
		.hint = e->hint,
	};

	if (!m)
		return; /* the server will ask again */
	memcpy(fly_packet_frame(m), import->template, FLY_RPC);
	fly_wire_encode(fly_packet_frame(m) + FLY_RPC, &h);
	fly_stats_add(&p->stats, FLY_COUNT_acks_sent, 1);
	fly_link_send(import->link, m);
}

bool fly_ack_result_given(struct fly_poller *p, struct fly_conversation *c,
			  const struct fly_header *h)
{
	/* One that might have been longer has a buffer instead of a packet. */
	const bool is_large = fly_conversation_bulk_result(c) && c->bulk->out.fragments == 1;

	if (c->seq != h->seq || c->state != FLY_CONVERSATION_DONE || h->fragments != 1 ||
	    (!c->result && !is_large))
		return false;
	fly_serve_let_go(p, c);
	if (is_large)
		fly_bulk_free(p, c->bulk);
	c->state = FLY_CONVERSATION_GIVEN;
	return true;
}

void fly_probe_result(struct fly_poller *p, const struct fly_conversation *c)
{
	const uint8_t *sent = fly_packet_frame(c->result);
	struct rte_mbuf *m = fly_packet_get(&p->cache, FLY_PAYLOAD);
	struct fly_header h;
	uint8_t *frame;

	if (!m)
		return;
	frame = fly_packet_frame(m);
	memcpy(frame, sent, FLY_PAYLOAD); /* where it went */
	fly_wire_set_lengths(frame, 0);
	fly_wire_read(sent + FLY_RPC, &h);
	h.type = FLY_PACKET_PROBE;
	h.flags = 0;
	h.procedure = FLY_ABOUT_RESULT;
	h.length = 0;
	h.age = 0;
	fly_wire_encode(frame + FLY_RPC, &h);
	for (uint32_t i = 0; i < p->n_links; i++) {
		if (p->links[i]->index != c->link)
			continue;
		fly_stats_add(&p->stats, FLY_COUNT_probes_sent, 1);
		fly_link_send(p->links[i], m);
		return;
	}
	fly_packet_put(&p->cache, m);
}
