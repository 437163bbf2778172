/* SPDX-License-Identifier: BSD-3-Clause */
/* test_link.c - the send queue with a driver that takes any part of a burst; the checksums. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "case.h"
#include "pair.h"

static struct sim *s;
static struct sim_node *node;
static struct sim_link *l;
static struct sim_link *far;

static void begin(void)
{
	sim_eal();
	s = sim_new();
	node = sim_add(s, &(const struct sim_node_config){.packets = 1023});
	l = sim_join_open(s, node);
	far = l->far;
}

static void end(void)
{
	cr_expect(sim_end(s) == 0, "a packet is missing");
}

TestSuite(link, .timeout = HANG);

/* Queue packets with numbers from @first on. */
static void send_numbers(uint32_t first, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = fly_packet_get(&sim_poller(node)->cache, 100);

		cr_assert(m != NULL);
		memset(fly_packet_frame(m), 0, 100);
		fly_put_u32(fly_packet_frame(m), first + i);
		fly_link_send(&l->link, m);
	}
}

static void expect_numbers(uint32_t first, unsigned n)
{
	uint8_t bytes[2048];

	for (unsigned i = 0; i < n; i++) {
		cr_assert(sim_link_take(far, bytes) == 100, "number %u is missing", first + i);
		cr_assert(fly_get_u32(bytes) == first + i, "%u instead of %u", fly_get_u32(bytes),
			  first + i);
	}
}

Case(link, fly_link_send__a_full_burst_goes_at_once_and_the_rest_when_flushed)
{
	send_numbers(0, FLY_BURST - 1);
	cr_expect(far->n_in == 0);
	send_numbers(FLY_BURST - 1, 2);
	cr_expect(far->n_in == FLY_BURST);
	cr_expect(l->link.n_queued == 1);
	fly_link_flush(&l->link);
	expect_numbers(0, FLY_BURST + 1);
	cr_expect(sim_count(node, FLY_COUNT_tx_packets) == FLY_BURST + 1);
	fly_link_flush(&l->link);
	cr_expect(far->n_in == 0);
}

Case(link, fly_link_flush__what_a_driver_does_not_take_stays_in_order)
{
	l->faults.takes = 7;
	send_numbers(0, 300);
	while (l->link.n_queued)
		fly_link_flush(&l->link);
	expect_numbers(0, 300);
	cr_expect(sim_count(node, FLY_COUNT_tx_packets) == 300);
}

Case(link, fly_link_flush__new_packets_go_behind_those_that_wait)
{
	l->faults.takes = 5;
	for (uint32_t i = 0; i < 100; i++) {
		send_numbers(2 * i, 2);
		if (i % 10 == 0)
			fly_link_flush(&l->link);
	}
	l->faults.takes = 0;
	fly_link_flush(&l->link);
	expect_numbers(0, 200);
}

Case(link, fly_link_send__beyond_a_full_queue_packets_are_dropped_and_counted)
{
	l->faults.stuck = true;
	send_numbers(0, FLY_TX_QUEUE + 10);
	cr_expect(l->link.n_queued == FLY_TX_QUEUE);
	cr_expect(sim_count(node, FLY_COUNT_drop_tx_full) == 10);
	l->faults.stuck = false;
	fly_link_flush(&l->link);
	expect_numbers(0, FLY_TX_QUEUE);
}

Case(link, fly_link_send__over_a_link_that_is_down_packets_are_dropped_and_counted)
{
	l->link.up = false;
	send_numbers(0, 3);
	cr_expect(l->link.n_queued == 0);
	cr_expect(sim_count(node, FLY_COUNT_drop_link_down) == 3);
	cr_expect(sim_count(node, FLY_COUNT_drop_tx_full) == 0);
}

Case(link, fly_link_drop_queued__frees_and_counts_them)
{
	send_numbers(0, 20);
	fly_link_drop_queued(&l->link, FLY_COUNT_drop_link_down);
	cr_expect(l->link.n_queued == 0);
	cr_expect(sim_count(node, FLY_COUNT_drop_link_down) == 20);
	fly_link_flush(&l->link);
	cr_expect(far->n_in == 0);
}

/* ---- checksums ---- */

static struct rte_mbuf *packet_of(uint16_t bytes)
{
	struct fly_header h = frame_call(1, 2, 3, 4);
	struct rte_mbuf *m = fly_packet_get(&sim_poller(node)->cache, FLY_PAYLOAD + bytes);
	uint8_t payload[1500];
	struct frame f;

	for (unsigned i = 0; i < bytes; i++)
		payload[i] = (uint8_t)(i * 31 + bytes);
	h.length = bytes;
	frame_make(&f, &h, l, far, payload);
	memcpy(fly_packet_frame(m), f.data, f.bytes);
	return m;
}

/* RFC 768, from scratch: pseudo-header and datagram, added up as 16-bit words. */
static uint16_t udp_sum(const uint8_t *frame)
{
	const uint32_t bytes = fly_get_be16(frame + FLY_UDP_LENGTH);
	uint64_t sum = 17 + bytes;

	for (unsigned i = 0; i < 8; i += 2)
		sum += fly_get_be16(frame + FLY_IP_SOURCE + i);
	for (unsigned i = 0; i < bytes; i += 2)
		sum += (uint64_t)frame[FLY_UDP_SOURCE + i] << 8 |
		       (i + 1 < bytes ? frame[FLY_UDP_SOURCE + i + 1] : 0);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

Case(link, fly_link_seal__is_what_a_sum_from_scratch_finds_right)
{
	l->link.checksum = FLY_CHECKSUM_SOFTWARE;
	for (uint16_t bytes = 0; bytes <= 1440; bytes++) {
		struct rte_mbuf *m = packet_of(bytes);

		fly_link_seal(&l->link, m);
		cr_assert(fly_load_raw16(fly_packet_frame(m) + FLY_UDP_CHECKSUM) != 0);
		cr_assert(udp_sum(fly_packet_frame(m)) == 0, "%u bytes", bytes);
		cr_assert(fly_link_intact(&l->link, m), "%u bytes", bytes);
		fly_packet_put(&sim_poller(node)->cache, m);
	}
}

Case(link, fly_link_intact__notices_any_one_byte)
{
	struct rte_mbuf *m = packet_of(101);
	uint8_t *frame = fly_packet_frame(m);

	l->link.checksum = FLY_CHECKSUM_SOFTWARE;
	fly_link_seal(&l->link, m);
	for (unsigned i = FLY_IP; i < m->data_len; i++) {
		/* Lengths are checked before the sum, which relies on them. */
		if (i == FLY_IP || i == FLY_IP_LENGTH || i == FLY_IP_LENGTH + 1 ||
		    i == FLY_UDP_LENGTH || i == FLY_UDP_LENGTH + 1)
			continue;
		for (unsigned bit = 0; bit < 8; bit++) {
			frame[i] ^= (uint8_t)(1u << bit);
			cr_assert(!fly_link_intact(&l->link, m), "byte %u, bit %u", i, bit);
			frame[i] ^= (uint8_t)(1u << bit);
		}
	}
	cr_expect(fly_link_intact(&l->link, m));
	fly_packet_put(&sim_poller(node)->cache, m);
}

/* RFC 768: none was computed. Some NICs call that bad. */
Case(link, fly_link_intact__no_checksum_is_not_wrong_but_an_ip_header_is)
{
	struct rte_mbuf *m = packet_of(10);

	l->link.checksum = FLY_CHECKSUM_SOFTWARE;
	cr_expect(fly_link_intact(&l->link, m));
	m->ol_flags = RTE_MBUF_F_RX_L4_CKSUM_BAD;
	cr_expect(fly_link_intact(&l->link, m));
	fly_packet_frame(m)[FLY_IP + 8] ^= 1; /* hop limit */
	cr_expect(!fly_link_intact(&l->link, m));
	m->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_BAD;
	cr_expect(!fly_link_intact(&l->link, m));
	m->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	cr_expect(fly_link_intact(&l->link, m), "the NIC has looked at it");
	fly_packet_put(&sim_poller(node)->cache, m);
}

/* What a kernel leaves to a NIC: the sum of the pseudo-header, as the NIC gets it from us. */
Case(link, fly_link_intact__a_sum_left_to_a_nic_that_is_none)
{
	struct rte_mbuf *m = packet_of(10);

	fly_link_set_checksum(&l->link, FLY_CHECKSUM_HARDWARE);
	fly_link_seal(&l->link, m);
	m->ol_flags = 0;
	cr_expect(!fly_link_intact(&l->link, m));
	m->ol_flags = RTE_MBUF_F_RX_L4_CKSUM_NONE;
	cr_expect(fly_link_intact(&l->link, m));
	fly_packet_frame(m)[FLY_UDP_CHECKSUM] ^= 1;
	cr_expect(!fly_link_intact(&l->link, m), "any other is verified");
	fly_packet_frame(m)[FLY_UDP_CHECKSUM] ^= 1;
	m->ol_flags = 0;
	l->link.takes_partial = true;
	cr_expect(fly_link_intact(&l->link, m));
	fly_packet_frame(m)[FLY_UDP_CHECKSUM] ^= 1;
	cr_expect(!fly_link_intact(&l->link, m));
	l->link.takes_partial = false;
	fly_packet_put(&sim_poller(node)->cache, m);
}

Case(link, fly_link_verify__what_is_there_on_any_link_and_what_is_not_if_it_is_demanded)
{
	struct rte_mbuf *m = packet_of(10);

	cr_expect(l->link.checksum == FLY_CHECKSUM_NONE);
	cr_expect(fly_link_verify(&l->link, m) == 0);
	fly_packet_frame(m)[FLY_UDP_CHECKSUM] = 1;
	cr_expect(fly_link_verify(&l->link, m) == -(int)FLY_COUNT_drop_checksum);
	fly_store_raw16(fly_packet_frame(m) + FLY_UDP_CHECKSUM, 0);
	fly_link_set_checksum(&l->link, FLY_CHECKSUM_SOFTWARE);
	cr_expect(fly_link_verify(&l->link, m) == 0);
	l->link.demands_checksum = true;
	cr_expect(fly_link_verify(&l->link, m) == -(int)FLY_COUNT_drop_no_checksum);
	fly_link_seal(&l->link, m);
	cr_expect(fly_link_verify(&l->link, m) == 0);
	l->link.demands_checksum = false;
	fly_packet_put(&sim_poller(node)->cache, m);
}

/* Whoever has not heard yet what is demanded can ask, and refuse. */
Case(link, fly_link_lacks_checksum__not_of_binders_refusals_and_challenges)
{
	struct rte_mbuf *m = packet_of(10);
	uint8_t *rpc = fly_packet_frame(m) + FLY_RPC;

	l->link.demands_checksum = true;
	for (unsigned type = FLY_PACKET_CALL; type <= FLY_PACKET_ANSWER; type++) {
		const bool is_let_through =
			type == FLY_PACKET_REJECT || type == FLY_PACKET_CHALLENGE;

		rpc[0] = (uint8_t)(FLY_WIRE_VERSION << 4 | type);
		fly_put_u32(rpc + 4, 1U << 4);
		cr_expect(fly_link_lacks_checksum(&l->link, m) == !is_let_through, "type %u", type);
		fly_put_u32(rpc + 4, FLY_EXPORT_BINDER);
		cr_expect(!fly_link_lacks_checksum(&l->link, m), "type %u of a binder", type);
	}
	l->link.demands_checksum = false;
	fly_put_u32(rpc + 4, 1U << 4);
	cr_expect(!fly_link_lacks_checksum(&l->link, m));
	fly_packet_put(&sim_poller(node)->cache, m);
}

/* The peer has asked for it since the link was opened. */
Case(link, fly_link_send__seals_by_what_the_peer_has_asked_for)
{
	struct rte_mbuf *m = packet_of(10);

	atomic_store_explicit(&l->link.seal, FLY_CHECKSUM_SOFTWARE, memory_order_relaxed);
	fly_link_send(&l->link, m);
	cr_expect(udp_sum(fly_packet_frame(m)) == 0);
	cr_expect(fly_load_raw16(fly_packet_frame(m) + FLY_UDP_CHECKSUM) != 0);
	fly_link_drop_queued(&l->link, FLY_COUNT_drop_link_down);
}

Case(link, fly_link_seal__what_is_sealed_is_not_touched_again)
{
	struct rte_mbuf *m = packet_of(10);
	uint8_t copy[FLY_PAYLOAD + 10];

	l->link.checksum = FLY_CHECKSUM_SOFTWARE;
	fly_link_seal(&l->link, m);
	memcpy(copy, fly_packet_frame(m), sizeof copy);
	copy[FLY_PAYLOAD] ^= 1;
	fly_packet_frame(m)[FLY_PAYLOAD] ^= 1;
	fly_link_seal(&l->link, m);
	cr_expect(memcmp(copy, fly_packet_frame(m), sizeof copy) == 0);
	fly_packet_put(&sim_poller(node)->cache, m);
}

Case(link, fly_link_seal__leaves_other_protocols_alone)
{
	struct rte_mbuf *m = packet_of(10);
	uint8_t copy[FLY_PAYLOAD + 10];

	l->link.checksum = FLY_CHECKSUM_SOFTWARE;
	fly_packet_frame(m)[FLY_ETHER_TYPE + 1] = 0x06;
	memcpy(copy, fly_packet_frame(m), sizeof copy);
	fly_link_seal(&l->link, m);
	cr_expect(memcmp(copy, fly_packet_frame(m), sizeof copy) == 0);
	fly_packet_put(&sim_poller(node)->cache, m);
}

Case(link, fly_link_seal__asks_the_nic_with_the_pseudo_headers_sum)
{
	struct rte_mbuf *m = packet_of(20);
	const uint8_t *frame = fly_packet_frame(m);
	uint32_t sum = 17 + 20 + 40;

	for (unsigned i = 0; i < 8; i += 2)
		sum += fly_get_be16(frame + FLY_IP_SOURCE + i);
	sum = (sum & 0xffff) + (sum >> 16);
	fly_link_set_checksum(&l->link, FLY_CHECKSUM_HARDWARE);
	fly_link_seal(&l->link, m);
	cr_expect(m->l2_len == 14 && m->l3_len == 20);
	cr_expect((m->ol_flags & RTE_MBUF_F_TX_UDP_CKSUM) == RTE_MBUF_F_TX_UDP_CKSUM);
	cr_expect(m->ol_flags & RTE_MBUF_F_TX_IPV4);
	cr_expect(fly_get_be16(frame + FLY_UDP_CHECKSUM) == sum);
	fly_packet_put(&sim_poller(node)->cache, m);
}

Case(link, fly_link_intact__believes_the_nic_where_it_says_something)
{
	struct rte_mbuf *m = packet_of(20);

	fly_link_set_checksum(&l->link, FLY_CHECKSUM_SOFTWARE);
	fly_link_seal(&l->link, m);
	m->ol_flags = RTE_MBUF_F_RX_L4_CKSUM_BAD;
	cr_expect(!fly_link_intact(&l->link, m));
	fly_packet_frame(m)[FLY_UDP_CHECKSUM] ^= 1;
	m->ol_flags = RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	cr_expect(fly_link_intact(&l->link, m));
	m->ol_flags = 0; /* the NIC did not check: the sum decides */
	cr_expect(!fly_link_intact(&l->link, m));
	m->ol_flags =
		RTE_MBUF_F_RX_L4_CKSUM_NONE; /* it is not complete, but no NIC's work either */
	cr_expect(!fly_link_intact(&l->link, m));
	fly_packet_frame(m)[FLY_UDP_CHECKSUM] ^= 1;
	cr_expect(fly_link_intact(&l->link, m));
	fly_packet_put(&sim_poller(node)->cache, m);
}
