/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_link_shared.c - three pollers on a port with one pair of queues: who receives and sends
 * what, in which order; and that no packet is ever missing. The device belongs to the test.
 */
#include <criterion/criterion.h>

#include <rte_arp.h>
#include <rte_ether.h>

#include "case.h"
#include "fastpath/link_shared.h"
#include "pair.h"

#define N       3
#define PORT    61989
#define PACKETS 4095

static struct rte_mempool *pool;
static struct fly_shared *shared;
static struct fly_link links[N];
static struct fly_packet_cache caches[N];
static struct fly_stats stats[N];

/* ---- the device ---- */

static struct rte_mbuf *arriving[2048];
static unsigned n_arriving;
static struct rte_mbuf *sent[4096];
static unsigned n_sent;
static unsigned takes; /* the device accepts so many packets of a burst */

static uint16_t device_rx(struct fly_link *link, struct rte_mbuf **packets, uint16_t n)
{
	const unsigned got = RTE_MIN(n_arriving, (unsigned)n);

	(void)link;
	memcpy(packets, arriving, got * sizeof *packets);
	n_arriving -= got;
	memmove(arriving, arriving + got, n_arriving * sizeof *arriving);
	return (uint16_t)got;
}

static uint16_t device_tx(struct fly_link *link, struct rte_mbuf **packets, uint16_t n)
{
	const unsigned taken = RTE_MIN(takes, (unsigned)n);

	(void)link;
	for (unsigned i = 0; i < taken; i++)
		sent[n_sent++] = packets[i];
	return (uint16_t)taken;
}

static void begin(void)
{
	sim_eal();
	pool = rte_pktmbuf_pool_create("shared", PACKETS, 0, 0, RTE_PKTMBUF_HEADROOM + 2048,
				       SOCKET_ID_ANY);
	shared = fly_shared_new(N, PORT, "shared", SOCKET_ID_ANY);
	cr_assert(pool && shared);
	memset(stats, 0, sizeof stats);
	n_arriving = n_sent = 0;
	takes = UINT16_MAX;
	for (unsigned i = 0; i < N; i++) {
		caches[i] = (struct fly_packet_cache){.pool = pool, .most = FLY_PACKET_CACHE};
		links[i] = (struct fly_link){.stats = &stats[i],
					     .cache = &caches[i],
					     .pool = pool,
					     .up = true};
		links[i].rx_burst = device_rx;
		links[i].tx_burst = device_tx;
		fly_shared_join(shared, &links[i], i, 1);
	}
}

static void end(void)
{
	while (n_arriving)
		rte_pktmbuf_free(arriving[--n_arriving]);
	while (n_sent)
		rte_pktmbuf_free(sent[--n_sent]);
	for (unsigned i = 0; i < N; i++)
		fly_link_drop_queued(&links[i], FLY_COUNT_drop_link_down);
	fly_shared_free(shared);
	for (unsigned i = 0; i < N; i++)
		fly_packet_drain(&caches[i]);
	cr_expect(rte_mempool_avail_count(pool) == PACKETS, "%u of %u are there",
		  rte_mempool_avail_count(pool), PACKETS);
	rte_mempool_free(pool);
}

TestSuite(link_shared, .timeout = HANG);

static uint64_t count(unsigned poller, enum fly_counter which)
{
	return fly_stats_get(&stats[poller], which);
}

/* Make a frame for a UDP port, with a number behind its headers. */
static struct rte_mbuf *frame_for(struct rte_mbuf *m, unsigned udp_port, uint32_t number)
{
	uint8_t *frame = fly_packet_frame(m);

	memset(frame, 0, 100);
	fly_put_be16(frame + FLY_ETHER_TYPE, RTE_ETHER_TYPE_IPV4);
	frame[FLY_IP] = 0x45;
	frame[FLY_IP_PROTOCOL] = 17;
	fly_put_be16(frame + FLY_UDP_DESTINATION, (uint16_t)udp_port);
	fly_put_u32(frame + FLY_RPC, number);
	fly_packet_set_bytes(m, 100);
	return m;
}

static void arrive(unsigned udp_port, uint32_t number)
{
	arriving[n_arriving++] = frame_for(rte_pktmbuf_alloc(pool), udp_port, number);
}

static void arp_arrives(uint16_t opcode, unsigned bytes)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	uint8_t *frame = fly_packet_frame(m);
	struct rte_arp_hdr *arp = (void *)(frame + sizeof(struct rte_ether_hdr));

	memset(frame, 0, 60);
	fly_put_be16(frame + FLY_ETHER_TYPE, RTE_ETHER_TYPE_ARP);
	arp->arp_opcode = rte_cpu_to_be_16(opcode);
	fly_packet_set_bytes(m, bytes);
	arriving[n_arriving++] = m;
}

/* Receive one burst. Return: packets, all freed; their numbers must begin with @first. */
static unsigned receive(unsigned poller, uint32_t first)
{
	struct rte_mbuf *packets[FLY_BURST];
	const unsigned n = links[poller].rx_burst(&links[poller], packets, FLY_BURST);

	for (unsigned i = 0; i < n; i++) {
		if (packets[i]->data_len == 100)
			cr_expect(fly_get_u32(fly_packet_frame(packets[i]) + FLY_RPC) == first + i);
		fly_packet_put(&caches[poller], packets[i]);
	}
	return n;
}

Case(link_shared, rx_burst__each_gets_what_is_for_its_port_in_order)
{
	for (uint32_t i = 0; i < 8; i++) {
		for (unsigned poller = 0; poller < N; poller++)
			arrive(PORT + poller, 100 * poller + i);
	}
	cr_expect(receive(1, 0) == 0, "the first one receives");
	cr_expect(receive(0, 0) == 8);
	cr_expect(receive(1, 100) == 8);
	cr_expect(receive(2, 200) == 8);
	cr_expect(count(0, FLY_COUNT_passed_on) == 16);
}

Case(link_shared, rx_burst__what_is_nobodys_is_for_whoever_has_it)
{
	arrive(PORT - 1, 0);
	arrive(PORT + N, 1);
	arrive(0, 2);
	arrive(PORT + 1, 3);
	fly_packet_frame(arriving[3])[FLY_IP_PROTOCOL] = 6;
	arrive(PORT + 1, 4);
	fly_packet_frame(arriving[4])[FLY_ETHER_TYPE] = 0x86;
	arrive(PORT + 1, 5);
	fly_packet_set_bytes(arriving[5], FLY_RPC - 1);
	cr_expect(receive(0, 0) == 6);
	cr_expect(receive(1, 0) == 0 && receive(2, 0) == 0);
	cr_expect(count(0, FLY_COUNT_passed_on) == 0);
}

Case(link_shared, rx_burst__an_arp_reply_is_for_all_and_a_request_for_one)
{
	arp_arrives(RTE_ARP_OP_REPLY, 60);
	arp_arrives(RTE_ARP_OP_REQUEST, 60);
	arp_arrives(RTE_ARP_OP_REPLY, 30); /* truncated */
	cr_expect(receive(0, 0) == 3);
	cr_expect(receive(1, 0) == 1);
	cr_expect(receive(2, 0) == 1);
}

Case(link_shared, rx_burst__a_ring_that_is_full_is_a_counted_drop)
{
	for (uint32_t i = 0; i < FLY_SHARED_RING + 100; i++)
		arrive(PORT + 2, i);
	while (n_arriving)
		cr_expect(receive(0, 0) == 0);
	cr_expect(count(0, FLY_COUNT_passed_on) == FLY_SHARED_RING - 1);
	cr_expect(count(0, FLY_COUNT_drop_ring_full) == 101);
	for (uint32_t first = 0; first < FLY_SHARED_RING - 1;) {
		const unsigned n = receive(2, first);

		cr_assert(n > 0);
		first += n;
	}
}

/* Poller 1 sends packets with numbers from @first on. */
static void send_numbers(uint32_t first, unsigned n)
{
	for (uint32_t i = first; i < first + n; i++)
		fly_link_send(&links[1], frame_for(fly_packet_get(&caches[1], 100), PORT, i));
	fly_link_flush(&links[1]);
}

static void expect_sent(unsigned n)
{
	cr_expect(n_sent == n, "%u sent", n_sent);
	for (uint32_t i = 0; i < n_sent; i++)
		cr_expect(fly_get_u32(fly_packet_frame(sent[i]) + FLY_RPC) == i);
}

Case(link_shared, tx_burst__the_first_one_sends_for_the_others_in_its_turn)
{
	send_numbers(0, 20);
	cr_expect(n_sent == 0);
	receive(0, 0);
	expect_sent(20);
}

Case(link_shared, tx_burst__what_a_driver_does_not_take_stays_in_order)
{
	takes = 7;
	send_numbers(0, 100);
	for (unsigned turns = 0; n_sent < 100 && turns < 100; turns++)
		receive(0, 0);
	expect_sent(100);
}

Case(link_shared, tx_burst__a_driver_that_takes_nothing_fills_the_ring_and_then_the_queue)
{
	takes = 0;
	for (uint32_t i = 0; i < 60; i++) {
		send_numbers(32 * i, 32);
		receive(0, 0);
	}
	cr_expect(links[1].n_queued == FLY_TX_QUEUE);
	cr_expect(count(1, FLY_COUNT_drop_tx_full) ==
		  60 * 32 - FLY_TX_QUEUE - (FLY_SHARED_RING - 1) - FLY_BURST);
	takes = UINT16_MAX;
	for (unsigned turns = 0; turns < 100; turns++) {
		fly_link_flush(&links[1]);
		receive(0, 0);
	}
	expect_sent(60 * 32 - (unsigned)count(1, FLY_COUNT_drop_tx_full));
}

Case(link_shared, tx_burst__a_retained_packet_is_copied_and_ours_again_at_once)
{
	struct rte_mbuf *kept = frame_for(fly_packet_get(&caches[2], 100), PORT, 0);

	for (unsigned i = 0; i < 2; i++) {
		fly_packet_share(kept);
		kept->ol_flags = RTE_MBUF_F_TX_UDP_CKSUM;
		kept->l3_len = 20;
		fly_link_send(&links[2], kept);
		fly_link_flush(&links[2]);
		cr_expect(rte_mbuf_refcnt_read(kept) == 1, "before the driver has it");
		receive(0, 0);
	}
	cr_assert(n_sent == 2);
	for (unsigned i = 0; i < 2; i++) {
		cr_expect(sent[i] != kept && rte_mbuf_refcnt_read(sent[i]) == 1);
		cr_expect(memcmp(fly_packet_frame(sent[i]), fly_packet_frame(kept), 100) == 0);
		cr_expect(sent[i]->pkt_len == 100 && sent[i]->l3_len == 20);
		cr_expect(sent[i]->ol_flags == RTE_MBUF_F_TX_UDP_CKSUM);
	}
	fly_packet_put(&caches[2], kept);
}

Case(link_shared, fly_shared_lost__drops_what_waits_for_this_poller_only)
{
	takes = 0;
	for (uint32_t i = 0; i < 4; i++) {
		arrive(PORT + 1, i);
		arrive(PORT + 2, i);
	}
	receive(0, 0);
	send_numbers(0, 5);
	receive(0, 0);
	fly_shared_lost(&links[1]);
	cr_expect(count(1, FLY_COUNT_drop_link_down) == 4);
	cr_expect(receive(1, 0) == 0);
	cr_expect(receive(2, 0) == 4, "the other one's are there");
	fly_shared_lost(&links[0]);
	cr_expect(count(0, FLY_COUNT_drop_link_down) == 5, "what it was to send");
	takes = UINT16_MAX;
	receive(0, 0);
	cr_expect(n_sent == 0);
}

Case(link_shared, fly_shared_drain__drops_everything)
{
	takes = 0;
	for (uint32_t i = 0; i < 4; i++)
		arrive(PORT + 1, i);
	send_numbers(0, 40);
	receive(0, 0);
	fly_shared_drain(shared);
	takes = UINT16_MAX;
	cr_expect(receive(0, 0) == 0 && receive(1, 0) == 0);
	cr_expect(n_sent == 0);
}
