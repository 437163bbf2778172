/* SPDX-License-Identifier: BSD-3-Clause */
/* link_eth.h - make a link move packets over queue 0 of a DPDK ethdev port. */
#ifndef FLY_LINK_ETH_H
#define FLY_LINK_ETH_H

#include "fastpath/link.h"

/* fly_link_eth() - @port: started, one receive and one transmit queue. */
void fly_link_eth(struct fly_link *link, uint16_t port);

/*
 * The pairs of queues of a guest (virtio-net with mq), which chooses by which it sends, and uses as
 * many as it likes, the first one at least. All are received from. A packet is sent to the queue by
 * which the last one of that UDP port came: so each of the guest's pollers gets its own.
 */
#define FLY_ETH_PORTS 64

struct fly_eth_queues {
	uint8_t n;
	uint8_t next;                   /* to be received from */
	uint8_t of_port[FLY_ETH_PORTS]; /* queue, by low bits of the guest's UDP port */
};

/* fly_link_eth_queues() - a link that has its port gets several queues; they outlive it. */
void fly_link_eth_queues(struct fly_link *link, struct fly_eth_queues *queues);

#endif
