/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * link_eth.c - the burst functions of a link over a DPDK ethdev port.
 *
 * Called by the poller through struct fly_link. src/host/port.c opens the port.
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
