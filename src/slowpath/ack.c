/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ack.c - acknowledgements of our calls, and of results that we retain.
 *
 * Runs on the poller's thread, behind slow.h. Takes each packet it gets. Implements the table "An
 * acknowledgement" of docs/protocol.md. Must not touch fragments: bulk/ handles the
 * acknowledgements of messages of several packets.
 */
#include "slowpath/ack.h"

#include "fastpath/binding.h"
#include "fastpath/server.h"
#include "fastpath/slow.h"
#include "slowpath/bulk/bulk.h"
#include "slowpath/frame.h"
#include "slowpath/path_mtu.h"
#include "slowpath/records.h"
#include "slowpath/result.h"
#include "slowpath/retry.h"

void fly_ack_running(struct fly_poller *p, struct fly_call_entry *e, const struct fly_header *h)
{
	const struct fly_rtt *rtt = &fly_import_of(e->head.binding)->rtt;

	e->hint = h->hint;
	if (e->resends == 0) { /* e->retry is still that of an earlier call */
		fly_retry_begin(&e->retry, rtt->rto_tsc, e->sent_tsc);
		e->resends = 1; /* e->retry is valid from now on */
	}
	if (e->state == FLY_CALL_TIMED)
		fly_call_to_waiting(e);
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
		return; /* the server will request the ACK again */
	memcpy(fly_packet_frame(m), import->template, FLY_RPC);
	fly_wire_encode(fly_packet_frame(m) + FLY_RPC, &h);
	fly_stats_add(&p->stats, FLY_COUNT_acks_sent, 1);
	fly_link_send(import->link, m);
}

bool fly_ack_result_given(struct fly_poller *p, struct fly_conversation *c,
			  const struct fly_header *h)
{
	/* A result that could have been longer may be in a buffer: there was no packet for it. */
	const bool is_large = fly_conversation_bulk_result(c) && c->bulk->out.fragments == 1;

	if (c->seq != h->seq || c->state != FLY_CONVERSATION_DONE || h->fragments != 1 ||
	    (!c->result && !is_large))
		return false;
	fly_serve_let_go(p, c);
	if (is_large)
		fly_bulk_free(p, c->bulk);
	fly_conversation_to_given(c);
	return true;
}

/* Return: 0, or the negated counter under which the packet is dropped. */
static int acked(struct fly_poller *p, struct fly_link *link, const struct rte_mbuf *m,
		 const struct fly_header *h)
{
	struct fly_call_entry *e;
	struct fly_conversation *c;
	int why;

	if (h->procedure == FLY_ABOUT_CALL) {
		e = fly_call_table_find(&p->calls, h->activity);
		why = fly_result_mismatch(e, m, h);
		if (why)
			return why;
		if (fly_call_is_small(e) && h->fragments == 1 && h->fragment == 1) {
			fly_ack_running(p, e, h);
			return 0;
		}
		return e->state == FLY_CALL_BULK &&
				       fly_bulk_call_acked(p, e, fly_packet_frame(m), h)
			       ? 0
			       : -(int)FLY_COUNT_drop_ack;
	}
	if (h->procedure == FLY_ABOUT_PATH)
		return fly_path_mtu_answered(p, link, fly_packet_frame(m), h)
			       ? 0
			       : -(int)FLY_COUNT_drop_ack;
	if (h->procedure != FLY_ABOUT_RESULT)
		return -(int)FLY_COUNT_drop_type;
	c = h->activity != 0 ? fly_conversation_find(&p->conversations, h->activity) : NULL;
	if (!c)
		return -(int)FLY_COUNT_drop_activity;
	if (!fly_conversation_is_peer(c, link, fly_packet_frame(m)))
		return -(int)FLY_COUNT_drop_wrong_peer;
	return fly_ack_result_given(p, c, h) || fly_bulk_result_acked(p, c, fly_packet_frame(m), h)
		       ? 0
		       : -(int)FLY_COUNT_drop_ack;
}

void fly_slow_ack(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		  const struct fly_header *h)
{
	const int why = acked(p, link, m, h);

	fly_frame_drop(p, m, why ? (enum fly_counter) - why : FLY_COUNT_acks_received);
}
