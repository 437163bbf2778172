/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * link_shared.h - one port under several pollers. Each poller has its own link, and gets the
 * packets sent to its UDP port, whichever poller receives them.
 *
 * The links' burst functions (link_shared.c) hide this from the poller.
 */
#ifndef FLY_LINK_SHARED_H
#define FLY_LINK_SHARED_H

#include "fastpath/link.h"

#define FLY_SHARERS     16   /* pollers of one port, at most */
#define FLY_SHARED_RING 1024 /* packets that may wait for another poller */

struct fly_handoff_queue;
struct rte_ring;

typedef uint16_t (*fly_burst)(struct fly_link *link, struct rte_mbuf **packets, uint16_t n);

/* Shared by the links of a port. Plain fields do not change while a link is attached. */
struct fly_shared {
	unsigned n;        /* pollers */
	unsigned n_queues; /* pairs of device queues: n; or 1, the first poller's */
	uint16_t udp_port; /* the first poller's, host order; plus i for poller i */
	fly_burst rx;      /* the device's, if it has one pair of queues */
	fly_burst tx;
	/* By poller: packets that others have received for it, and that it takes out. */
	struct rte_ring *in[FLY_SHARERS];
	struct fly_handoff_queue *queues[FLY_SHARERS]; /* to wake each; NULL: it never sleeps */
	/* One pair of queues: packets of the others, which the first poller sends. */
	struct rte_ring *out;
	/* ---- the first poller's ---- */
	uint16_t n_leaving;
	struct rte_mbuf *leaving[FLY_BURST]; /* of `out`, not sent yet */
};

/*
 * fly_shared_new() - for @n pollers. @udp_port: the first poller's, host order.
 * @name: at most 20 characters; unique in the process. @socket: NUMA node.
 * Return: ended by fly_shared_free(), once no link is attached; NULL: out of memory.
 */
struct fly_shared *fly_shared_new(unsigned n, uint16_t udp_port, const char *name, int socket);
void fly_shared_free(struct fly_shared *shared);

/*
 * fly_shared_join() - make a link, which has the burst functions of its device, the link of poller
 * @at. The first poller joins first. @n_queues: of the device, n or 1.
 */
void fly_shared_join(struct fly_shared *shared, struct fly_link *link, unsigned at,
		     unsigned n_queues);

/* fly_shared_lost() - the peer has gone: drop packets for this link's poller. On that poller. */
void fly_shared_lost(struct fly_link *link);

/* fly_shared_drain() - drop all packets in the rings. No link is attached. */
void fly_shared_drain(struct fly_shared *shared);

#endif
