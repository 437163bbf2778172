/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * arp.c - requests for a peer's MAC address, and replies with our own (RFC 826).
 *
 * Runs on the poller's thread. Owns no state: which answers are believed is for neighbour.c. A
 * server asks nobody: it answers each call to the address that the call came from.
 */
#include "slowpath/arp.h"

#include <rte_arp.h>
#include <rte_ether.h>

#include "slowpath/neighbour.h"

#define ARP_BYTES (sizeof(struct rte_ether_hdr) + sizeof(struct rte_arp_hdr))
#define ARP_FRAME 60 /* the shortest Ethernet frame, without its check sequence */

static struct rte_arp_hdr *arp_header(uint8_t *frame)
{
	return (struct rte_arp_hdr *)(void *)(frame + sizeof(struct rte_ether_hdr));
}

static void fill(uint8_t *frame, const struct fly_link *link, uint16_t opcode, const uint8_t *to,
		 uint32_t to_ip)
{
	struct rte_arp_hdr *arp = arp_header(frame);

	memcpy(frame + FLY_ETHER_SOURCE, link->mac, 6);
	fly_put_be16(frame + FLY_ETHER_TYPE, RTE_ETHER_TYPE_ARP);
	arp->arp_hardware = rte_cpu_to_be_16(RTE_ARP_HRD_ETHER);
	arp->arp_protocol = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	arp->arp_hlen = 6;
	arp->arp_plen = 4;
	arp->arp_opcode = rte_cpu_to_be_16(opcode);
	memcpy(&arp->arp_data.arp_sha, link->mac, 6);
	arp->arp_data.arp_sip = link->ip;
	memcpy(&arp->arp_data.arp_tha, to, 6);
	arp->arp_data.arp_tip = to_ip;
}

void fly_arp_request(struct fly_poller *p, struct fly_link *link, uint32_t ip)
{
	static const uint8_t nobody[6] = {0};
	struct rte_mbuf *m = fly_packet_get(&p->cache, ARP_FRAME);

	if (!m)
		return;
	memset(fly_packet_frame(m), 0, ARP_FRAME);
	memset(fly_packet_frame(m) + FLY_ETHER_DESTINATION, 0xff, 6);
	fill(fly_packet_frame(m), link, RTE_ARP_OP_REQUEST, nobody, ip);
	fly_link_send(link, m);
	fly_link_flush(link);
}

/* Return: was the frame an answer that is believed? */
static bool learn(struct fly_poller *p, struct fly_link *link, const struct rte_arp_hdr *arp)
{
	const uint32_t ip = arp->arp_data.arp_sip;
	const uint8_t *mac = arp->arp_data.arp_sha.addr_bytes;

	if (ip == 0 || rte_is_multicast_ether_addr(&arp->arp_data.arp_sha))
		return false;
	if (arp->arp_opcode == rte_cpu_to_be_16(RTE_ARP_OP_REPLY) &&
	    arp->arp_data.arp_tip == link->ip && fly_neighbour_answer(p, link, ip, mac))
		return true;
	if (ip != link->ip)
		fly_neighbour_rumour(p, link, ip, mac);
	return false;
}

bool fly_arp_frame(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m)
{
	uint8_t *frame = fly_packet_frame(m);
	const struct rte_arp_hdr *arp = arp_header(frame);

	if (m->data_len < ARP_BYTES || fly_get_be16(frame + FLY_ETHER_TYPE) != RTE_ETHER_TYPE_ARP ||
	    arp->arp_hardware != rte_cpu_to_be_16(RTE_ARP_HRD_ETHER) ||
	    arp->arp_protocol != rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4) || arp->arp_hlen != 6 ||
	    arp->arp_plen != 4)
		return false;

	if (learn(p, link, arp)) {
		fly_stats_add(&p->stats, FLY_COUNT_arp_learned, 1);
	} else if (arp->arp_opcode == rte_cpu_to_be_16(RTE_ARP_OP_REQUEST) && link->answers_arp &&
		   arp->arp_data.arp_tip == link->ip && p->reject_budget > 0) {
		uint8_t to[6];
		const uint32_t to_ip = arp->arp_data.arp_sip;

		memcpy(to, &arp->arp_data.arp_sha, 6);
		p->reject_budget--;
		fly_stats_add(&p->stats, FLY_COUNT_arp_answered, 1);
		memcpy(frame + FLY_ETHER_DESTINATION, to, 6);
		fill(frame, link, RTE_ARP_OP_REPLY, to, to_ip);
		m->ol_flags = 0;
		fly_link_send(link, m);
		return true;
	} else {
		fly_stats_add(&p->stats, FLY_COUNT_arp_ignored, 1);
	}
	fly_packet_put(&p->cache, m);
	return true;
}
