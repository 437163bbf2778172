/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * poller.c - the poll loop's body.
 *
 * fly_poller_turn() is called by whoever owns the poller: fly_turn(), fly_serve(), or a caller
 * that waits. It reads no clock.
 */
#include "fastpath/slow.h"

static unsigned receive(struct fly_poller *p, struct fly_link *link)
{
	struct rte_mbuf *packets[FLY_BURST];
	const unsigned n = link->rx_burst(link, packets, FLY_BURST);

	for (unsigned i = 0; i < n; i++)
		fly_demux(p, link, packets[i]);
	return n;
}

unsigned fly_poller_turn(struct fly_poller *p, uint64_t now_tsc)
{
	unsigned received = 0;

	p->now_tsc = now_tsc;
	p->turning = true;
	for (uint32_t i = 0; i < p->n_links; i++) {
		fly_link_flush(p->links[i]);
		received += receive(p, p->links[i]);
	}
	for (uint32_t i = 0; i < p->n_links; i++)
		fly_link_flush(p->links[i]);
	p->turning = false;
	if (received)
		fly_stats_add(&p->stats, FLY_COUNT_rx_packets, received);
	if (unlikely(now_tsc >= p->sweep_at_tsc))
		fly_slow_sweep(p);
	if (unlikely(atomic_load_explicit(&p->attention, memory_order_relaxed)))
		fly_slow_attention(p);
	return received;
}
