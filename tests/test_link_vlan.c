/* SPDX-License-Identifier: BSD-3-Clause */
/* test_link_vlan.c - VLAN tags, byte by byte. */
#include <criterion/criterion.h>

#include "case.h"
#include "fastpath/link_vlan.h"
#include "sim.h"

static struct sim *s;
static struct sim_node *node;
static struct rte_mbuf *frame;
static struct rte_mbuf *tagged;

static void begin(void)
{
	sim_eal();
	s = sim_new();
	node = sim_add(s, NULL);
	frame = fly_packet_get(&sim_poller(node)->cache, 100);
	tagged = fly_packet_get(&sim_poller(node)->cache, 100 + FLY_VLAN_BYTES);
	cr_assert(frame && tagged);
	for (unsigned i = 0; i < 100; i++)
		fly_packet_frame(frame)[i] = (uint8_t)i;
}

static void end(void)
{
	fly_packet_put(&sim_poller(node)->cache, frame);
	fly_packet_put(&sim_poller(node)->cache, tagged);
	cr_expect(sim_end(s) == 0, "a packet is missing");
}

TestSuite(link_vlan, .timeout = HANG);

/* IEEE 802.1Q: 81 00, then priority 0 and the number, between the addresses and the type. */
Case(link_vlan, fly_vlan_tag__between_addresses_and_type)
{
	const uint8_t *to = fly_packet_frame(tagged);

	fly_vlan_tag(tagged, frame, 0x0abc);
	cr_expect(memcmp(to, fly_packet_frame(frame), 12) == 0);
	cr_expect(to[12] == 0x81 && to[13] == 0x00 && to[14] == 0x0a && to[15] == 0xbc);
	cr_expect(memcmp(to + 16, fly_packet_frame(frame) + 12, 88) == 0);
	cr_expect(tagged->data_len == 104 && frame->data_len == 100);
}

Case(link_vlan, fly_vlan_tag__where_a_nic_finds_the_header)
{
	frame->ol_flags = RTE_MBUF_F_TX_UDP_CKSUM | RTE_MBUF_F_TX_IPV4;
	frame->l2_len = 14;
	frame->l3_len = 20;
	fly_vlan_tag(tagged, frame, 5);
	cr_expect(tagged->ol_flags == frame->ol_flags);
	cr_expect(tagged->l2_len == 18 && tagged->l3_len == 20 && frame->l2_len == 14);
}

Case(link_vlan, fly_vlan_untag__gives_the_frame_back)
{
	fly_vlan_tag(tagged, frame, 4094);
	fly_packet_frame(tagged)[14] |= 0xe0; /* of a priority */
	cr_expect(fly_vlan_untag(tagged, 4094));
	cr_expect(tagged->data_len == 100 && tagged->pkt_len == 100);
	cr_expect(memcmp(fly_packet_frame(tagged), fly_packet_frame(frame), 100) == 0);
}

Case(link_vlan, fly_vlan_untag__other_frames_stay_as_they_are)
{
	cr_expect(!fly_vlan_untag(frame, 5), "no tag");
	fly_vlan_tag(tagged, frame, 6);
	cr_expect(!fly_vlan_untag(tagged, 5), "another one");
	cr_expect(tagged->data_len == 104);
	fly_vlan_tag(tagged, frame, 5);
	for (unsigned bytes = 0; bytes < 18; bytes++) {
		fly_packet_set_bytes(tagged, bytes);
		cr_expect(!fly_vlan_untag(tagged, 5), "%u bytes", bytes);
	}
}

Case(link_vlan, fly_vlan_untag__what_the_driver_has_taken_off)
{
	frame->ol_flags = RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	frame->vlan_tci = 0x6005;
	cr_expect(fly_vlan_untag(frame, 5) && frame->data_len == 100);
	cr_expect(!fly_vlan_untag(frame, 6));
}
