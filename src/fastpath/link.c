/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * link.c - sending in bursts, and checksums where there are any.
 *
 * Runs on the link's poller. Never waits for a driver: packets that the driver does not take stay
 * queued while the poller receives. Otherwise two full directions would wait for each other.
 */
#include "fastpath/link.h"

#include <rte_ip.h>
#include <rte_udp.h>

#include "fastpath/export.h"

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

/*
 * A packet that is sent again has its checksum, and a driver may be reading it: leave it alone.
 * Only if the peer has asked for checksums meanwhile it has none; the far end takes or drops it
 * then.
 *
 * The NIC gets the sum of the pseudo-header in the field of the checksum. That is what
 * rte_eth_tx_prepare() would write for every driver that has a need of its own (Intel's, vmxnet3,
 * virtio, ENA, hns3), and NICs that add up all by themselves write over it.
 */
void fly_link_seal(struct fly_link *link, struct rte_mbuf *m)
{
	uint8_t *frame = fly_packet_frame(m);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(frame + FLY_IP);

	if (fly_get_be16(frame + FLY_ETHER_TYPE) != 0x0800 ||
	    fly_load_raw16(frame + FLY_UDP_CHECKSUM) != 0)
		return;
	if (atomic_load_explicit(&link->seal, memory_order_relaxed) == FLY_CHECKSUM_HARDWARE) {
		m->l2_len = FLY_IP;
		m->l3_len = FLY_UDP_SOURCE - FLY_IP;
		m->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_UDP_CKSUM;
		fly_store_raw16(frame + FLY_UDP_CHECKSUM, rte_ipv4_phdr_cksum(ip, m->ol_flags));
		return;
	}
	fly_store_raw16(frame + FLY_UDP_CHECKSUM,
			rte_ipv4_udptcp_cksum(ip, frame + FLY_UDP_SOURCE));
}

/*
 * fly_link_intact() - what a NIC says counts where it says something, but for a UDP checksum of 0:
 * some (Intel's 82599) call that bad.
 *
 * A kernel or a virtio device whose packet never leaves memory puts the sum of the pseudo-header
 * into the field, for a NIC to complete that is not there; the data cannot have changed. virtio
 * says so (RX_L4_CKSUM_NONE), a packet socket's driver does not. RFC 1071: over intact bytes, their
 * checksum included, the sum is all ones.
 */
bool fly_link_intact(const struct fly_link *link, const struct rte_mbuf *m)
{
	const uint8_t *frame = fly_packet_frame(m);
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(frame + FLY_IP);
	const uint16_t udp = fly_load_raw16(frame + FLY_UDP_CHECKSUM);
	const uint64_t said = m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
	uint16_t pseudo;
	uint32_t sum;

	if ((m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) != RTE_MBUF_F_RX_IP_CKSUM_GOOD &&
	    rte_ipv4_cksum(ip) != 0)
		return false;
	if (udp == 0 || said == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
		return true;
	if (said == RTE_MBUF_F_RX_L4_CKSUM_BAD)
		return false;
	pseudo = rte_ipv4_phdr_cksum(ip, 0);
	if (udp == pseudo && (link->takes_partial || said == RTE_MBUF_F_RX_L4_CKSUM_NONE))
		return true;
	sum = (uint32_t)pseudo +
	      rte_raw_cksum(frame + FLY_UDP_SOURCE, fly_get_be16(frame + FLY_UDP_LENGTH));
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16) == 0xffff;
}

bool fly_link_lacks_checksum(const struct fly_link *link, const struct rte_mbuf *m)
{
	const uint8_t *frame = fly_packet_frame(m);
	const unsigned type = frame[FLY_RPC] & 0x0f;

	return link->demands_checksum && fly_load_raw16(frame + FLY_UDP_CHECKSUM) == 0 &&
	       type != FLY_PACKET_REJECT && type != FLY_PACKET_CHALLENGE &&
	       fly_get_u32(frame + FLY_RPC + 4) != FLY_EXPORT_BINDER;
}
