/* SPDX-License-Identifier: BSD-3-Clause */
/* link_xdp.h - make a link move packets over a port of DPDK's driver of AF_XDP sockets. */
#ifndef FLY_LINK_XDP_H
#define FLY_LINK_XDP_H

#include "fastpath/link.h"

#define FLY_XDP_ARP 42 /* bytes of an ARP frame, of which the program sends us a copy */

/* A ring of the kernel's (BPF_MAP_TYPE_RINGBUF): copies of ARP frames. Mapped by host/xdp.c. */
struct fly_xdp_ring {
	_Atomic unsigned long *consumed;       /* ours; the kernel reads it */
	const _Atomic unsigned long *produced; /* the kernel's */
	const uint8_t *data;                   /* twice, one behind the other; NULL: no ring */
	unsigned long mask;
};

struct fly_xdp_frames {
	uint8_t n_queues; /* all are received from; sent is to the first one */
	uint8_t next;     /* to be received from */
	struct fly_xdp_ring ring;
};

/* fly_link_xdp() - a link that has its port (link_eth.h); @frames outlives it. */
void fly_link_xdp(struct fly_link *link, struct fly_xdp_frames *frames);

/* fly_xdp_has_arp() - is there a frame in the ring? */
bool fly_xdp_has_arp(const struct fly_xdp_ring *ring);

/*
 * fly_xdp_take_arp() - the next frame of the ring. @to: FLY_XDP_ARP bytes.
 * Return: false: there is none.
 */
bool fly_xdp_take_arp(struct fly_xdp_ring *ring, uint8_t *to);

#endif
