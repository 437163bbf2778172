/* SPDX-License-Identifier: BSD-3-Clause */
/* arp.h - from an IPv4 address to a MAC address (arp.c). */
#ifndef FLY_ARP_H
#define FLY_ARP_H

#include "fastpath/poller.h"

/* An address that somebody waits for. On the stack of whoever turns the poller meanwhile. */
struct fly_arp_question {
	const struct fly_link *link;
	uint32_t ip; /* network order */
	uint8_t mac[6];
	bool answered;
};

/* fly_arp_request() - send a request for p->asked. A packet that cannot be had counts as a loss. */
void fly_arp_request(struct fly_poller *p, struct fly_link *link);

/*
 * fly_arp_frame() - is this frame ARP? Then answer it or learn from it.
 * Return: true: the packet is taken; false: it is not ARP, or not well-formed.
 */
bool fly_arp_frame(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m);

#endif
