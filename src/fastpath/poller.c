/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * poller.c - the poll loop's body.
 *
 * fly_poller_turn() is called by whoever owns the poller: fly_turn(), fly_serve(), or a caller
 * that waits. It reads no clock.
 */
#include "fastpath/demux.h"

/*
 * A queue that is found empty is asked again at once, so many times, before the turn looks at
 * anything else: what comes meanwhile is then seen sooner. docs/performance.md, "Window 1".
 */
#define POLLS 4

/* What was queued since the last turn goes out first: answers to it may come in this one. */
static __rte_always_inline unsigned turn_link(struct fly_poller *p, struct fly_link *link)
{
	struct rte_mbuf *packets[FLY_BURST];
	unsigned n;

	fly_link_flush(link);
	for (unsigned polls = 0; (n = link->rx_burst(link, packets, FLY_BURST)) == 0;) {
		if (++polls == POLLS)
			return 0;
	}
	for (unsigned i = 0; i < n; i++)
		fly_demux_plain(p, link, packets[i]);
	fly_link_flush(link);
	return n;
}

unsigned fly_poller_turn(struct fly_poller *p, uint64_t now_tsc)
{
	/* A procedure that waits for a call of its own turns its poller within the turn. */
	struct fly_conversation *const serving = p->serving;
	const bool was_turning = p->turning;
	unsigned received = 0;

	p->now_tsc = now_tsc;
	p->turning = true;
	for (uint32_t i = 0; i < p->n_links; i++)
		received += turn_link(p, p->links[i]);
	p->turning = was_turning;
	p->serving = serving;
	if (received)
		fly_stats_add(&p->stats, FLY_COUNT_rx_packets, received);
	if (unlikely(now_tsc >= p->sweep_at_tsc))
		fly_slow_sweep(p);
	if (unlikely(atomic_load_explicit(&p->attention, memory_order_relaxed)))
		fly_slow_attention(p);
	return received;
}
