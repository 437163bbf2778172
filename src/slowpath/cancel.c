/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cancel.c - CANCEL packets: the caller has abandoned a call. The row "cancel" of
 * docs/protocol.md.
 *
 * Runs on the poller's thread, behind slow.h. Takes each packet it gets.
 */
#include "fastpath/poller.h"
#include "fastpath/slow.h"
#include "slowpath/bulk/bulk.h"
#include "slowpath/frame.h"
#include "slowpath/records.h"
#include "slowpath/work.h"

void fly_slow_cancel(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		     const struct fly_header *h)
{
	enum fly_counter why;
	struct fly_conversation *c = fly_conversation_of_peer(p, link, m, h, &why);

	if (c && c->seq == h->seq && c->state == FLY_CONVERSATION_RUNNING) {
		c->cancelled_seq = c->seq;
		if (c->work)
			fly_work_cancel(p, c);
		why = FLY_COUNT_cancels_received;
	} else if (c && c->seq == h->seq && fly_conversation_bulk_result(c)) {
		fly_conversation_bulk_end(p, c); /* the caller no longer wants the result */
		why = FLY_COUNT_cancels_received;
	} else if (c && c->state != FLY_CONVERSATION_RUNNING && fly_seq_after(h->seq, c->seq)) {
		fly_conversation_refuse(p, c, h->seq);
		why = FLY_COUNT_cancels_received;
	} else if (c) {
		why = FLY_COUNT_drop_cancel;
	}
	fly_frame_drop(p, m, why);
}
