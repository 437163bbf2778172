/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * packet.c - the way between a poller's packet stack and the pool.
 *
 * Called from packet.h, out of line, once in FLY_PACKET_REFILL packets or less. The pool's own
 * per-thread cache is used as well: poller threads are registered with DPDK.
 */
#include "fastpath/packet.h"

#include <rte_mempool.h>

unsigned fly_packet_refill(struct fly_packet_cache *cache)
{
	/* An almost empty pool refuses a whole burst; the last buffers go one by one. */
	if (rte_mempool_get_bulk(cache->pool, (void **)cache->stack, FLY_PACKET_REFILL) == 0)
		cache->n = FLY_PACKET_REFILL;
	else if (rte_mempool_get(cache->pool, (void **)cache->stack) == 0)
		cache->n = 1;
	for (unsigned i = 0; i < cache->n; i++)
		ASAN_POISON_MEMORY_REGION(cache->stack[i]->buf_addr, cache->stack[i]->buf_len);
	return cache->n;
}

static void give_back(struct fly_packet_cache *cache, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		fly_packet_expose_all(cache->stack[i]);
	rte_mempool_put_bulk(cache->pool, (void *const *)cache->stack, n);
	cache->n -= n;
	memmove(cache->stack, cache->stack + n, cache->n * sizeof cache->stack[0]);
}

void fly_packet_spill(struct fly_packet_cache *cache)
{
	give_back(cache, cache->n / 2);
}

void fly_packet_put_any(struct rte_mbuf *m)
{
	for (struct rte_mbuf *s = m; s; s = s->next)
		fly_packet_expose_all(s);
	rte_pktmbuf_free(m);
}

void fly_packet_drain(struct fly_packet_cache *cache)
{
	give_back(cache, cache->n);
}
