/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * link_eth.c - the burst functions of a link over a DPDK ethdev port.
 *
 * Called by the poller through struct fly_link. src/host/port.c opens the port.
 */
#include "fastpath/link_eth.h"

#include <rte_ethdev.h>
#include <rte_ether.h>

static uint16_t eth_rx_burst(struct fly_link *link, struct rte_mbuf **packets, uint16_t n)
{
	return rte_eth_rx_burst(link->port, 0, packets, n);
}

static uint16_t eth_tx_burst(struct fly_link *link, struct rte_mbuf **packets, uint16_t n)
{
	return rte_eth_tx_burst(link->port, 0, packets, n);
}

void fly_link_eth(struct fly_link *link, uint16_t port)
{
	link->rx_burst = eth_rx_burst;
	link->tx_burst = eth_tx_burst;
	link->port = port;
}

/* ---- several pairs, among which the far end chooses ---- */

/* A guest's pollers have a UDP port each, one after the other. */
static uint8_t *queue_of(struct fly_eth_queues *q, const struct rte_mbuf *m, unsigned udp_port)
{
	const uint8_t *frame = fly_packet_frame(m);

	if (m->data_len < FLY_RPC || fly_get_be16(frame + FLY_ETHER_TYPE) != RTE_ETHER_TYPE_IPV4)
		return NULL;
	return &q->of_port[fly_get_be16(frame + udp_port) % FLY_ETH_PORTS];
}

static uint16_t rx_from_all(struct fly_link *link, struct rte_mbuf **packets, uint16_t n)
{
	struct fly_eth_queues *q = link->queues;
	uint16_t got = 0;

	for (unsigned i = 0; i < q->n && got < n; i++) {
		const uint16_t end =
			(uint16_t)(got + rte_eth_rx_burst(link->port, q->next, packets + got,
							  (uint16_t)(n - got)));

		for (; got < end; got++) {
			uint8_t *queue = queue_of(q, packets[got], FLY_UDP_SOURCE);

			if (queue)
				*queue = q->next;
		}
		q->next = (uint8_t)((q->next + 1) % q->n);
	}
	return got;
}

/* A guest that has come since may not use that queue, and it never takes anything: the first. */
static uint16_t tx_to_one(struct fly_link *link, struct rte_mbuf **packet, uint8_t *queue)
{
	if (queue && *queue) {
		if (rte_eth_tx_burst(link->port, *queue, packet, 1) == 1)
			return 1;
		*queue = 0;
	}
	return rte_eth_tx_burst(link->port, 0, packet, 1);
}

static uint16_t tx_to_theirs(struct fly_link *link, struct rte_mbuf **packets, uint16_t n)
{
	uint16_t sent = 0;

	while (sent < n && tx_to_one(link, packets + sent,
				     queue_of(link->queues, packets[sent], FLY_UDP_DESTINATION)))
		sent++;
	return sent;
}

void fly_link_eth_queues(struct fly_link *link, struct fly_eth_queues *queues)
{
	link->queues = queues;
	link->rx_burst = rx_from_all;
	link->tx_burst = tx_to_theirs;
}
