/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * frame.c - frames that are no packets for us, and packets of another protocol version.
 *
 * Runs on the poller's thread, behind slow.h. Takes each frame it gets. Each packet that is not
 * delivered is counted under one name; nothing that a peer sends reaches an assert.
 */
#include "slowpath/frame.h"

#include "fastpath/poller.h"
#include "fastpath/slow.h"
#include "slowpath/arp.h"
#include "slowpath/find.h"
#include "slowpath/reply.h"

void fly_frame_drop(struct fly_poller *p, struct rte_mbuf *m, enum fly_counter why)
{
	fly_stats_add(&p->stats, why, 1);
	fly_packet_put(&p->cache, m);
}

void fly_slow_frame(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m, int why)
{
	if (why == -(int)FLY_COUNT_drop_segments) {
		/* Its other owner may be on another thread: fly_packet_put() would not be safe. */
		fly_stats_add(&p->stats, FLY_COUNT_drop_segments, 1);
		fly_packet_put_any(m);
		return;
	}
	if (why == -(int)FLY_COUNT_drop_other_address && fly_find_frame(p, link, m))
		return;
	if (fly_arp_frame(p, link, m))
		return;
	fly_frame_drop(p, m, (enum fly_counter) - why);
}

void fly_slow_version(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		      const struct fly_header *h)
{
	/* The fields used here are the same in every version: docs/protocol.md, "Versions". */
	if (h->type == FLY_PACKET_REJECT)
		fly_slow_rejected(p, m, h);
	else if (h->type == FLY_PACKET_CALL)
		fly_reply_refuse(p, link, m, h, FLY_EVERSION);
	else
		fly_frame_drop(p, m, FLY_COUNT_drop_version);
}
