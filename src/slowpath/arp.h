/* SPDX-License-Identifier: BSD-3-Clause */
/* arp.h - ARP frames: questions and answers (arp.c). */
#ifndef FLY_ARP_H
#define FLY_ARP_H

#include "fastpath/poller.h"

/* fly_arp_request() - ask who has an address. No packet buffer: as if the request was lost. */
void fly_arp_request(struct fly_poller *p, struct fly_link *link, uint32_t ip);

/*
 * fly_arp_frame() - handle a frame if it is ARP: send a reply, or learn an address.
 * Return: true: the packet was taken; false: the frame is not ARP, or malformed.
 */
bool fly_arp_frame(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m);

#endif
