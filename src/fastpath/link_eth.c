/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * link_eth.c - a link over a DPDK ethdev port: the two burst functions, nothing else.
 *
 * Called by the poller through struct fly_link. The port is opened by src/host/port.c.
 */
#include "fastpath/link_eth.h"

#include <rte_ethdev.h>

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
