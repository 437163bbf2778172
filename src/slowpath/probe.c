/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * probe.c - PROBE packets: callers probe calls, servers probe results.
 *
 * Runs on the poller's thread, behind slow.h. Takes each packet it gets. Implements the tables of
 * probes in docs/protocol.md. Results of several packets are probed by bulk.c.
 */
#include "slowpath/probe.h"

#include "fastpath/binding.h"
#include "fastpath/server.h"
#include "slowpath/records.h"
#include "slowpath/frame.h"
#include "slowpath/reply.h"
#include "slowpath/resend.h"
#include "slowpath/result.h"

/* From the caller of a call that it was told is running. */
static void about_call(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		       const struct fly_header *h)
{
	enum fly_counter why;
	struct fly_conversation *c;

	c = fly_conversation_of_peer(p, link, m, h, &why);
	/* The export may have been withdrawn since: a call that runs, or has run, has its record.
	 */
	if (!fly_export_find(p->exports, h->export_id) &&
	    !(c && c->seq == h->seq && p->withdrawn[h->export_id % FLY_EXPORTS] == h->export_id)) {
		fly_reply_refuse(p, link, m, h, FLY_ESTALE);
		return;
	}
	if (!c && why == FLY_COUNT_drop_activity && h->activity != 0) {
		fly_reply_refuse(p, link, m, h, FLY_EFORGOTTEN);
		return;
	}
	if (!c) {
		fly_frame_drop(p, m, why);
		return;
	}
	switch (fly_seq_after(h->seq, c->seq) ? FLY_RUN : fly_conversation_accept(c, h->seq)) {
	case FLY_RUN: /* the record does not know this call */
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
	case FLY_REPEAT: /* the result was not retained: the caller may send the call again */
		fly_reply_refuse(p, link, m, h, FLY_EFORGOTTEN);
		break;
	default:
		fly_frame_drop(p, m, FLY_COUNT_drop_probe);
	}
}

/* The probe itself becomes the answer, about the same, and as short as an answer is. */
static void acknowledge(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
			const struct fly_header *h)
{
	struct fly_header answer = *h;

	answer.type = FLY_PACKET_ACK;
	answer.flags = 0;
	answer.fragment = h->fragments;
	answer.length = 0;
	answer.age = 0;
	fly_wire_encode(fly_reply_turn_around(link, m), &answer);
	fly_stats_add(&p->stats, FLY_COUNT_acks_sent, 1);
	fly_link_send(link, m);
}

/* From a server that wants to free a retained result. */
static void about_result(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
			 const struct fly_header *h)
{
	struct fly_call_entry *e = fly_call_table_find(&p->calls, h->activity);

	if (e && e->activity == h->activity && e->seq == h->seq && fly_call_is_out(e)) {
		/* The result is there, and did not arrive here: it was lost, or will be soon. */
		if (fly_call_is_small(e) && fly_result_mismatch(e, m, h) == 0 &&
		    fly_resend_packet(p, e, FLY_PACKET_PROBE, 0))
			fly_stats_add(&p->stats, FLY_COUNT_probes_sent, 1);
		fly_frame_drop(p, m, FLY_COUNT_drop_probe);
		return;
	}
	/* The call is over, or was never made here: nobody waits for its result. */
	acknowledge(p, link, m, h);
}

/* From one who wants to know whether packets of this length arrive. The answer is shorter. */
static void about_path(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		       const struct fly_header *h)
{
	if (p->reject_budget == 0) {
		fly_frame_drop(p, m, FLY_COUNT_reject_limited);
		return;
	}
	p->reject_budget--;
	acknowledge(p, link, m, h);
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
	case FLY_ABOUT_PATH:
		about_path(p, link, m, h);
		break;
	default:
		fly_frame_drop(p, m, FLY_COUNT_drop_type);
	}
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
	memcpy(frame, sent,
	       FLY_PAYLOAD); /* the headers of the result: the probe goes the same way */
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
