/* SPDX-License-Identifier: BSD-3-Clause */
/* test_packet.c - the cache in front of the pool: it loses no packet, and holds no shared one. */
#include <criterion/criterion.h>

#include "case.h"
#include "fastpath/packet.h"
#include "sim.h"

#define PACKETS 1023

static struct rte_mempool *pool;
static struct fly_packet_cache cache;
static struct rte_mbuf *all[PACKETS + 1];

static void begin(void)
{
	sim_eal();
	pool = rte_pktmbuf_pool_create("packets", PACKETS, 0, 0, RTE_PKTMBUF_HEADROOM + 2048,
				       SOCKET_ID_ANY);
	cr_assert(pool != NULL);
	cache.pool = pool;
	cache.most = FLY_PACKET_CACHE;
}

static void end(void)
{
	fly_packet_drain(&cache);
	cr_expect(cache.n == 0);
	cr_expect(rte_mempool_avail_count(pool) == PACKETS, "%u came back",
		  rte_mempool_avail_count(pool));
}

TestSuite(packet, .timeout = HANG);

static unsigned take_all(void)
{
	unsigned n = 0;

	while ((all[n] = fly_packet_get(&cache, 100)))
		n++;
	return n;
}

Case(packet, fly_packet_get__hands_out_every_buffer_of_the_pool_once)
{
	const unsigned n = take_all();

	cr_expect(n == PACKETS, "%u", n);
	for (unsigned i = 0; i < n; i++) {
		memset(fly_packet_frame(all[i]), (int)i, 100);
		fly_put_u32(fly_packet_frame(all[i]), i);
	}
	for (unsigned i = 0; i < n; i++)
		cr_assert(fly_get_u32(fly_packet_frame(all[i])) == i, "two are the same buffer");
	cr_expect(fly_packet_get(&cache, 0) == NULL);
	for (unsigned i = 0; i < n; i++)
		fly_packet_put(&cache, all[i]);
}

Case(packet, fly_packet_get__the_newest_freed_is_the_first)
{
	struct rte_mbuf *a = fly_packet_get(&cache, 100);
	struct rte_mbuf *b = fly_packet_get(&cache, 100);

	fly_packet_put(&cache, a);
	fly_packet_put(&cache, b);
	cr_expect(fly_packet_get(&cache, 100) == b);
	cr_expect(fly_packet_get(&cache, 100) == a);
	fly_packet_put(&cache, a);
	fly_packet_put(&cache, b);
}

Case(packet, fly_packet_get__nothing_of_the_life_before_is_left)
{
	struct rte_mbuf *m = fly_packet_get(&cache, 100);

	m->data_off = 600;
	m->ol_flags = RTE_MBUF_F_TX_IPV4;
	fly_packet_set_bytes(m, 9);
	fly_packet_put(&cache, m);
	cr_assert(fly_packet_get(&cache, 1514) == m);
	cr_expect(m->data_off == RTE_PKTMBUF_HEADROOM);
	cr_expect(m->ol_flags == 0);
	cr_expect(m->data_len == 1514 && m->pkt_len == 1514);
	cr_expect(fly_packet_room(m) >= FLY_PAYLOAD + FLY_PAYLOAD_ROOM);
	memset(fly_packet_frame(m), 1, 1514);
	fly_packet_put(&cache, m);
}

Case(packet, fly_packet_put__a_full_stack_gives_its_older_half_to_the_pool)
{
	const unsigned n = take_all();

	for (unsigned i = 0; i < n; i++) {
		fly_packet_put(&cache, all[i]);
		cr_assert(cache.n <= FLY_PACKET_CACHE);
		cr_assert(cache.n + rte_mempool_avail_count(pool) == i + 1);
	}
	cr_expect(fly_packet_get(&cache, 0) == all[n - 1], "the warm ones stay");
	fly_packet_put(&cache, all[n - 1]);
}

Case(packet, fly_packet_put__of_a_shared_packet_only_the_reference_goes)
{
	struct rte_mbuf *m = fly_packet_get(&cache, 100);
	const unsigned n = cache.n;

	cr_assert(m != NULL);
	fly_packet_share(m);
	cr_expect(!fly_packet_is_plain(m));
	fly_packet_put(&cache, m);
	cr_expect(cache.n == n, "somebody else still has it");
	cr_expect(rte_mbuf_refcnt_read(m) == 1);
	fly_packet_put(&cache, m);
	cr_expect(cache.n == n + 1);
}

Case(packet, fly_packet_put__chains_and_clones_come_back_whole)
{
	struct rte_mbuf *chain = rte_pktmbuf_alloc(pool);
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	struct rte_mbuf *clone;

	cr_assert(chain && m);
	rte_pktmbuf_append(chain, 100);
	rte_pktmbuf_append(m, 100);
	rte_pktmbuf_chain(chain, m);
	cr_expect(!fly_packet_is_plain(chain));
	fly_packet_put(&cache, chain);

	m = rte_pktmbuf_alloc(pool);
	clone = rte_pktmbuf_clone(m, pool);
	cr_assert(m && clone);
	cr_expect(!fly_packet_is_plain(clone) && !fly_packet_is_plain(m));
	fly_packet_put(&cache, clone);
	cr_expect(fly_packet_is_plain(m));
	fly_packet_put(&cache, m);
	cr_expect(cache.n == 1);
}

Case(packet, fly_packet_refill__the_last_buffers_of_a_pool_come_too)
{
	struct rte_mbuf *kept[PACKETS];
	unsigned n = 0;

	/* Leave 5: less than one refill. */
	while (n < PACKETS - 5)
		kept[n++] = rte_pktmbuf_alloc(pool);
	cr_expect(take_all() == 5);
	for (unsigned i = 0; i < 5; i++)
		fly_packet_put(&cache, all[i]);
	while (n)
		rte_pktmbuf_free(kept[--n]);
}
