/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * link.c - sending in bursts, and checksums for links that leave the machine.
 *
 * Runs on the link's poller. Never waits for a driver: packets that the driver does not take stay
 * queued while the poller receives. Otherwise two full directions would wait for each other.
 */
#include "fastpath/link.h"

#include <rte_ip.h>
#include <rte_udp.h>

void fly_link_push(struct fly_link *link)
{
	const uint16_t sent = link->tx_burst(link, link->queue, link->n_queued);

	fly_stats_add(link->stats, FLY_COUNT_tx_packets, sent);
	link->n_queued = (uint16_t)(link->n_queued - sent);
	if (unlikely(link->n_queued != 0))
		memmove(link->queue, link->queue + sent, link->n_queued * sizeof link->queue[0]);
	if (sent != 0)
		link->stuck_since_tsc = 0;
}

void fly_link_drop_queued(struct fly_link *link, enum fly_counter why)
{
	for (uint16_t i = 0; i < link->n_queued; i++)
		fly_packet_put(link->cache, link->queue[i]);
	fly_stats_add(link->stats, why, link->n_queued);
	link->n_queued = 0;
	link->stuck_since_tsc = 0;
}

void fly_link_refuse(struct fly_link *link, struct rte_mbuf *m)
{
	fly_stats_add(link->stats, link->up ? FLY_COUNT_drop_tx_full : FLY_COUNT_drop_link_down, 1);
	fly_packet_put(link->cache, m);
}

/* A packet that is sent again has its checksum, and a driver may be reading it: leave it alone. */
void fly_link_seal(struct fly_link *link, struct rte_mbuf *m)
{
	uint8_t *frame = fly_packet_frame(m);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(frame + FLY_IP);

	if (fly_get_be16(frame + FLY_ETHER_TYPE) != 0x0800 ||
	    fly_load_raw16(frame + FLY_UDP_CHECKSUM) != 0)
		return;
	if (link->checksum == FLY_CHECKSUM_HARDWARE) {
		m->l2_len = FLY_IP;
		m->l3_len = FLY_UDP_SOURCE - FLY_IP;
		m->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_UDP_CKSUM;
		fly_store_raw16(frame + FLY_UDP_CHECKSUM, rte_ipv4_phdr_cksum(ip, m->ol_flags));
		return;
	}
	fly_store_raw16(frame + FLY_UDP_CHECKSUM,
			rte_ipv4_udptcp_cksum(ip, frame + FLY_UDP_SOURCE));
}

bool fly_link_intact(const struct fly_link *link, const struct rte_mbuf *m)
{
	const uint8_t *frame = fly_packet_frame(m);
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(frame + FLY_IP);

	if (link->checksum == FLY_CHECKSUM_HARDWARE) {
		const uint64_t udp = m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;

		if (udp == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
			return true;
		if (udp == RTE_MBUF_F_RX_L4_CKSUM_BAD)
			return false;
	}
	/*
	 * RFC 1071: over intact bytes, their checksum included, the sum is all ones. Peers always
	 * send a UDP checksum on such links: accepting 0 would be a way around the check.
	 */
	const uint32_t udp_bytes = fly_get_be16(frame + FLY_UDP_LENGTH);
	uint32_t sum = (uint32_t)rte_ipv4_phdr_cksum(ip, 0) +
		       rte_raw_cksum(frame + FLY_UDP_SOURCE, udp_bytes);

	sum = (sum & 0xffff) + (sum >> 16);
	return rte_ipv4_cksum(ip) == 0 && fly_load_raw16(frame + FLY_UDP_CHECKSUM) != 0 &&
	       (sum & 0xffff) + (sum >> 16) == 0xffff;
}
