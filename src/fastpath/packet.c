/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * packet.c - moves packet buffers between a poller's stack and the pool.
 *
 * Called from packet.h, out of line, at most once in FLY_PACKET_REFILL packets. The pool's
 * per-thread cache is used, too: poller threads are registered with DPDK.
 */
#include "fastpath/packet.h"

#include <rte_mempool.h>

unsigned fly_packet_refill(struct fly_packet_cache *cache)
{
	if (!cache->pool)
		return 0;
	/* An almost empty pool refuses a whole burst: take the last buffers one by one. */
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
	if (cache->pool)
		give_back(cache, cache->n);
}
