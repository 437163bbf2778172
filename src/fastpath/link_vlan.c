/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * link_vlan.c - see link_vlan.h. Called by the poller through struct fly_link.
 *
 * A packet is copied to be sent: it may be one that is kept for resending, which must stay as it
 * is. Drivers that would put the tag in by themselves do so in the packet, or drop one that is
 * shared.
 */
#include "fastpath/link_vlan.h"

#include <rte_ethdev.h>

#define TPID    0x8100
#define TAG_AT  FLY_ETHER_TYPE /* the tag is in front of the type */
#define VLAN_ID 0x0fff

void fly_vlan_tag(struct rte_mbuf *to, const struct rte_mbuf *from, uint16_t vlan)
{
	const uint8_t *frame = fly_packet_frame(from);
	uint8_t *tagged = fly_packet_frame(to);

	memcpy(tagged, frame, TAG_AT);
	fly_put_be16(tagged + TAG_AT, TPID);
	fly_put_be16(tagged + TAG_AT + 2, vlan);
	memcpy(tagged + TAG_AT + FLY_VLAN_BYTES, frame + TAG_AT, from->data_len - (size_t)TAG_AT);
	/* For a NIC that computes the checksum: where the IPv4 header begins. */
	to->ol_flags = from->ol_flags & ~(RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL);
	to->tx_offload = from->tx_offload;
	if (to->l2_len)
		to->l2_len = (to->l2_len + FLY_VLAN_BYTES) & 0x7f;
}

bool fly_vlan_untag(struct rte_mbuf *m, uint16_t vlan)
{
	uint8_t *frame = fly_packet_frame(m);

	if (m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) /* the driver has taken it off */
		return (m->vlan_tci & VLAN_ID) == vlan;
	if (m->data_len < TAG_AT + FLY_VLAN_BYTES + 2 || fly_get_be16(frame + TAG_AT) != TPID ||
	    (fly_get_be16(frame + TAG_AT + 2) & VLAN_ID) != vlan)
		return false;
	memmove(frame + FLY_VLAN_BYTES, frame, TAG_AT);
	m->data_off += FLY_VLAN_BYTES;
	fly_packet_set_bytes(m, (uint32_t)m->data_len - FLY_VLAN_BYTES);
	return true;
}

/* A packet in several buffers is dropped later, and counted as that. */
static uint16_t vlan_rx_burst(struct fly_link *link, struct rte_mbuf **packets, uint16_t n)
{
	const uint16_t got = rte_eth_rx_burst(link->port, 0, packets, n);
	uint16_t kept = 0;

	for (uint16_t i = 0; i < got; i++) {
		struct rte_mbuf *m = packets[i];

		if (link->comes_in_pieces)
			fly_packet_join(m);
		if (m->nb_segs > 1 || fly_vlan_untag(m, link->vlan)) {
			packets[kept++] = m;
			continue;
		}
		fly_stats_add(link->stats, FLY_COUNT_drop_other_vlan, 1);
		fly_packet_put(link->cache, m);
	}
	return kept;
}

/* Up to a burst. Return: how many the driver has taken. */
static uint16_t send_some(struct fly_link *link, struct rte_mbuf **packets, uint16_t n)
{
	struct rte_mbuf *tagged[FLY_BURST];
	uint16_t made = 0;
	uint16_t sent;

	while (made < n) {
		struct rte_mbuf *m = packets[made];
		struct rte_mbuf *copy = fly_packet_get(link->cache, m->data_len + FLY_VLAN_BYTES);

		if (!copy)
			break; /* the rest later */
		fly_vlan_tag(copy, m, link->vlan);
		fly_packet_expose_all(copy);
		tagged[made++] = copy;
	}
	sent = rte_eth_tx_burst(link->port, 0, tagged, made);
	for (uint16_t i = 0; i < made; i++)
		fly_packet_put(link->cache, i < sent ? packets[i] : tagged[i]);
	return sent;
}

static uint16_t vlan_tx_burst(struct fly_link *link, struct rte_mbuf **packets, uint16_t n)
{
	uint16_t sent = 0;

	while (sent < n) {
		const uint16_t some = (uint16_t)RTE_MIN(n - sent, FLY_BURST);
		const uint16_t taken = send_some(link, packets + sent, some);

		sent = (uint16_t)(sent + taken);
		if (taken < some)
			break;
	}
	return sent;
}

void fly_link_vlan(struct fly_link *link, uint16_t vlan)
{
	link->vlan = vlan;
	link->rx_burst = vlan_rx_burst;
	link->tx_burst = vlan_tx_burst;
}
