/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * challenge.c - CHALLENGE packets: a server wants proof of our address. See docs/protocol.md.
 *
 * Runs on the poller's thread, behind slow.h. Takes each packet it gets. reply.c sends challenges.
 */
#include "fastpath/binding.h"
#include "fastpath/slow.h"
#include "slowpath/bulk/bulk.h"
#include "slowpath/frame.h"
#include "slowpath/resend.h"
#include "slowpath/result.h"
#include "slowpath/retry.h"

/*
 * Send the call again with the server's token. The server has not admitted the call, so this is no
 * retransmission after a time-out. Each token is used once.
 */
void fly_slow_challenge(struct fly_poller *p, struct rte_mbuf *m, const struct fly_header *h)
{
	struct fly_call_entry *e = fly_call_table_find(&p->calls, h->activity);
	const int why = fly_result_mismatch(e, m, h);

	/*
	 * A server that has begun its result does not challenge. One that runs the call does when
	 * it has run, if the result was lost and is too long for an address without proof. A call
	 * with long arguments was admitted with a token: it is not challenged then.
	 */
	if (why || (e->challenged_seq == h->seq && e->hint == h->hint) ||
	    (e->state == FLY_CALL_BULK &&
	     (e->bulk->in.fragments != 0 || (e->resends && e->retry.is_running)))) {
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
			e->resends = 1; /* two copies are out: no round trip is measured */
		}
		fly_call_to_waiting(e);
		fly_resend_packet(p, e, FLY_PACKET_CALL, 0);
	}
	fly_stats_add(&p->stats, FLY_COUNT_challenges_answered, 1);
}
