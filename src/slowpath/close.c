/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * close.c - CLOSE packets: an activity has ended, and its server may give its record back. The row
 * "close" of docs/protocol.md, and the essay "Records that are given back".
 *
 * Runs on the poller's thread, behind slow.h. fly_slow_close() takes the packet. A CLOSE that is
 * lost is not sent again: the record then goes by its age.
 */
#include "slowpath/close.h"

#include "fastpath/poller.h"
#include "fastpath/slow.h"
#include "slowpath/frame.h"
#include "slowpath/records.h"
#include "slowpath/resend.h"
#include "slowpath/work.h"

void fly_close_send(struct fly_call_entry *e)
{
	const struct fly_import *import = fly_import_of(e->head.binding);
	struct fly_poller *p = import->poller;

	if (import->link->up && fly_resend_packet(p, e, FLY_PACKET_CLOSE, 0))
		fly_stats_add(&p->stats, FLY_COUNT_closes_sent, 1);
}

void fly_slow_close(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		    const struct fly_header *h)
{
	enum fly_counter why;
	struct fly_conversation *c = fly_conversation_of_peer(p, link, m, h, &why);

	if (!c || fly_seq_after(c->seq, h->seq)) {
		fly_frame_drop(p, m,
			       c || why == FLY_COUNT_drop_activity ? FLY_COUNT_drop_close : why);
		return;
	}
	if (c->state == FLY_CONVERSATION_RUNNING) { /* its caller has gone, too */
		c->cancelled_seq = c->seq;
		if (c->work)
			fly_work_cancel(p, c);
	}
	fly_conversation_close(p, c);
	fly_frame_drop(p, m, FLY_COUNT_closes_received);
}
