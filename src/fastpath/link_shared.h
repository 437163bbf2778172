/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * link_shared.h - one port under several pollers: each has a link of its own, and gets what is sent
 * to its UDP port, whoever receives it.
 *
 * The links' burst functions do all of it (link_shared.c); a poller sees no difference.
 */
#ifndef FLY_LINK_SHARED_H
#define FLY_LINK_SHARED_H

#include "fastpath/link.h"

#define FLY_SHARERS     16   /* pollers of one port, at most */
#define FLY_SHARED_RING 1024 /* packets that may wait for another poller */

struct fly_handoff_queue;
struct rte_ring;

typedef uint16_t (*fly_burst)(struct fly_link *link, struct rte_mbuf **packets, uint16_t n);

/* What the links of a port have in common. Plain fields do not change while one is attached. */
struct fly_shared {
	unsigned n; /* pollers */
	unsigned
		n_queues; /* pairs of the device: one for each poller; or 1, which is the first's */
	uint16_t udp_port; /* the first poller's, host order; the others' follow it */
	fly_burst rx;      /* of the device, if it has one pair of queues */
	fly_burst tx;
	/* By poller: what others have received for it. Who receives fills it, the poller empties
	 * it. */
	struct rte_ring *in[FLY_SHARERS];
	struct fly_handoff_queue
		*queues[FLY_SHARERS]; /* by poller: how to wake it; NULL: it never sleeps */
	/* One pair of queues: what the others have to send. They fill it, the first empties it. */
	struct rte_ring *out;
	/* ---- the first poller's ---- */
	uint16_t n_leaving;
	struct rte_mbuf *leaving[FLY_BURST]; /* out of `out`, and not taken by the driver yet */
};

/*
 * fly_shared_new() - for @n pollers, the first of which listens on @udp_port (host order).
 * @name: at most 20 characters; unique in the process. @socket: NUMA node.
 * Return: ended by fly_shared_free(), when no link is attached any more; NULL: out of memory.
 */
struct fly_shared *fly_shared_new(unsigned n, uint16_t udp_port, const char *name, int socket);
void fly_shared_free(struct fly_shared *shared);

/*
 * fly_shared_join() - a link whose burst functions are those of its device becomes that of poller
 * @at. The first one first. @n_queues: of the device, n or 1.
 */
void fly_shared_join(struct fly_shared *shared, struct fly_link *link, unsigned at,
		     unsigned n_queues);

/* fly_shared_lost() - the peer is gone: drop what waits for this link's poller. On that poller. */
void fly_shared_lost(struct fly_link *link);

/* fly_shared_drain() - drop everything that waits. No link is attached. */
void fly_shared_drain(struct fly_shared *shared);

#endif
