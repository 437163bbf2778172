/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * challenge.c - a server wants proof of our address: CHALLENGE, as in docs/protocol.md.
 *
 * Runs on the poller's thread, behind slow.h; takes each packet it gets. Who challenges is reply.c.
 */
#include "fastpath/binding.h"
#include "fastpath/slow.h"
#include "slowpath/bulk/bulk.h"
#include "slowpath/frame.h"
#include "slowpath/resend.h"
#include "slowpath/result.h"
#include "slowpath/retry.h"

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
		fly_call_to_waiting(e);
		fly_resend_packet(p, e, FLY_PACKET_CALL, 0);
	}
	fly_stats_add(&p->stats, FLY_COUNT_challenges_answered, 1);
}
