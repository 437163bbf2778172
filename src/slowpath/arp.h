/* SPDX-License-Identifier: BSD-3-Clause */
/* arp.h - from an IPv4 address to a MAC address (arp.c). */
#ifndef FLY_ARP_H
#define FLY_ARP_H

#include "fastpath/poller.h"

/*
 * A pending ARP request, in the list p->arp_queries. It lies on the stack of the function that
 * turns the poller while it waits. There may be several: a procedure that runs in that turn may
 * wait for an address of its own.
 */
struct fly_arp_query {
	LIST_ENTRY(fly_arp_query) next;
	const struct fly_link *link;
	uint32_t ip; /* network order */
	uint8_t mac[6];
	bool answered;
};

/*
 * fly_arp_wait() - expect a reply from now on. @query: link and ip are set.
 *
 * fly_arp_end() - expect none any more. Ends the query, whether it was answered or not.
 */
void fly_arp_wait(struct fly_poller *p, struct fly_arp_query *query);
void fly_arp_end(struct fly_arp_query *query);

/* fly_arp_request() - send a request for @query. No packet buffer: as if the request was lost. */
void fly_arp_request(struct fly_poller *p, struct fly_link *link,
		     const struct fly_arp_query *query);

/*
 * fly_arp_frame() - handle a frame if it is ARP: send a reply, or learn an address.
 * Return: true: the packet was taken; false: the frame is not ARP, or malformed.
 */
bool fly_arp_frame(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m);

#endif
