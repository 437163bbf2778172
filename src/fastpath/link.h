/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * link.h - a link as its poller sees it: two burst functions, an address, a send queue.
 *
 * A link belongs to one poller from fly_poller_attach() to fly_poller_detach(). Meanwhile no other
 * thread touches it, but for the fields that say otherwise. The control side (src/host/port.c)
 * opens, watches and closes it, and fills in the burst functions; the tests simulate it.
 */
#ifndef FLY_LINK_H
#define FLY_LINK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "fastpath/packet.h"

#define FLY_BURST      32  /* packets received at a time; a send queue this long is flushed */
#define FLY_LINK_BELLS 2   /* descriptors of a link on which its poller sleeps */
#define FLY_LINK_HEARD 64  /* peers of a link whose payload is known, at most */
#define FLY_TX_QUEUE   512 /* packets that may wait for a driver that does not take them */

/*
 * Who computes UDP checksums. A receiver believes what the NIC has found out, if it says so, and
 * adds up by itself otherwise.
 */
enum fly_checksum {
	FLY_CHECKSUM_NONE,     /* nobody: 0 is sent */
	FLY_CHECKSUM_SOFTWARE, /* link.c */
	FLY_CHECKSUM_HARDWARE, /* the NIC */
};

/* What somebody knows of a neighbour without asking it. */
enum fly_link_neighbour {
	FLY_LINK_UNKNOWN,
	FLY_LINK_SEEN,  /* it has answered at some time */
	FLY_LINK_FIXED, /* it is not asked for */
};

struct fly_path_mtu;

struct fly_link {
	/* ---- each turn ---- */
	uint16_t (*rx_burst)(struct fly_link *link, struct rte_mbuf **packets, uint16_t n);
	uint16_t (*tx_burst)(struct fly_link *link, struct rte_mbuf **packets, uint16_t n);
	struct fly_stats *stats;        /* its poller's */
	struct fly_packet_cache *cache; /* its poller's: where dropped packets go */
	uint32_t ip;                    /* ours, network order */
	uint16_t udp_port;              /* ours, network order */
	uint16_t port;                  /* DPDK ethdev port; queue 0 both ways */
	uint8_t mac[6];                 /* ours */
	uint8_t index;                  /* in its poller's table */
	bool up;                        /* false: sending drops, the Starter refuses */
	/*
	 * enum fly_checksum, by the kind of the link. NONE: of what is received only the UDP
	 * checksums that are there are verified. Otherwise IPv4 headers, too.
	 */
	uint8_t checksum;
	bool zero_copy; /* packets are the far end's memory, and sent ones are held until the ring
			   comes round (virtio-user, NICs) */
	_Atomic uint8_t seal; /* enum fly_checksum, of what is sent: see slowpath/checksum.h */
	uint16_t n_queued;    /* packets in queue, oldest first */
	struct rte_mbuf *queue[FLY_TX_QUEUE];
	/* ---- seldom ---- */
	struct rte_mempool *pool; /* the driver receives into it; the poller's */
	/*
	 * Bytes of payload in one packet that we send to any peer. Some of many peers take more:
	 * heard. Both are payload.c's; another poller may store there what it was told.
	 */
	_Atomic uint16_t payload_max;
	uint16_t payload_own;  /* that we take, by the MTU */
	bool has_one_peer;     /* vhost, memif: payload_max is its, and ends with it */
	bool comes_in_pieces;  /* a card may receive a long frame into several buffers */
	bool answers_arp;      /* we answer ARP for our address: no kernel does */
	bool is_private;       /* one peer gets every packet: a forged address harms nobody else */
	bool demands_checksum; /* 0, "none was computed", is not accepted of calls and results */
	bool takes_partial; /* a kernel is at one of the ends: it may leave the sum to a NIC that is
			       none, see fly_link_intact() */
	bool peers_move;    /* a peer may come to have another hardware address */
	/*
	 * Which addresses are on the link, and the gateways of others; NULL: all are on it.
	 * Constant, and the control side's, which tells each poller of others:
	 * slowpath/readdress.h.
	 */
	const struct fly_routes *routes;
	uint16_t vlan;  /* of link_vlan.c; 0: frames have no tag */
	uint8_t prefix; /* bits of our address that all on the link have; 0: not known */
	int interface;  /* of the kernel, under this link: its index; 0: none */
	/* What the kernel knows of a neighbour; NULL: nobody else than the network knows. */
	enum fly_link_neighbour (*neighbour)(struct fly_link *link, uint32_t ip, uint8_t mac[6]);
	struct fly_shared *shared;     /* shared by the pollers of this port; NULL: one poller */
	struct fly_eth_queues *queues; /* of a guest with several pairs; NULL: one: link_eth.h */
	uint8_t sharer;                /* number of this link's poller among them */
	uint64_t stuck_since_tsc;      /* the driver has taken no packet since then; 0: it does */
	/*
	 * Sleeping, on the poller's thread. arm(): from now on the driver makes a descriptor
	 * readable when a packet comes; disarm(): no longer, since that costs the far end a system
	 * call. A packet that came before is not told: poll after arm(). NULL: the driver wakes
	 * nobody.
	 * Return of arm(): descriptors stored, at most FLY_LINK_BELLS, none if others of this
	 * poller's links have them; -1: it wakes nobody now.
	 */
	int (*arm)(struct fly_link *link, int *fds);
	void (*disarm)(struct fly_link *link);
	struct fly_udp *udp;              /* a udp: link: link_udp.h; else NULL */
	LIST_HEAD(, fly_path_mtu) narrow; /* paths that may take less: slowpath/path_mtu.h */
	struct fly_xdp_frames *xdp;       /* an af_xdp link: link_xdp.h; else NULL */
	/* By hash of the address: high half an address, 0: none; low half what it takes. */
	_Atomic uint64_t heard[FLY_LINK_HEARD];
};

/* Relaxed: a number, which publishes nothing. */
static inline uint32_t fly_link_payload(const struct fly_link *link)
{
	return atomic_load_explicit(&link->payload_max, memory_order_relaxed);
}

/* fly_link_push() - offer the queue to the driver. The queue is not empty. */
void fly_link_push(struct fly_link *link);

/* fly_link_flush() - send queued packets; those that the driver does not take stay queued. */
static inline void fly_link_flush(struct fly_link *link)
{
	if (link->n_queued)
		fly_link_push(link);
}

/* fly_link_drop_queued() - free all queued packets; counted as @why. */
void fly_link_drop_queued(struct fly_link *link, enum fly_counter why);

/* fly_link_set_checksum() - set how checksums come about, and whether IPv4 headers are verified. */
static inline void fly_link_set_checksum(struct fly_link *link, enum fly_checksum how)
{
	link->checksum = (uint8_t)how;
	atomic_store_explicit(&link->seal, (uint8_t)how, memory_order_relaxed);
}

/* fly_link_seal() - compute the UDP checksum of a frame, or have the NIC do it. */
void fly_link_seal(struct fly_link *link, struct rte_mbuf *m);

/* fly_link_intact() - are the checksums of a received frame right? A UDP checksum of 0 is. */
bool fly_link_intact(const struct fly_link *link, const struct rte_mbuf *m);

/*
 * fly_link_lacks_checksum() - has this frame none, although the link demands one? Frames of those
 * that may not know yet what is demanded are let through: what is asked of a binder and what it
 * answers, refusals and challenges.
 */
bool fly_link_lacks_checksum(const struct fly_link *link, const struct rte_mbuf *m);

/*
 * fly_link_verify() - what is wrong with the checksums of a frame that fly_wire_check_outer() lets
 * pass. A checksum that is there is verified on every link. Return: 0 or a counter, negated.
 */
static inline int fly_link_verify(const struct fly_link *link, const struct rte_mbuf *m)
{
	const bool is_there = fly_load_raw16(fly_packet_frame(m) + FLY_UDP_CHECKSUM) != 0;

	if ((is_there || link->checksum != FLY_CHECKSUM_NONE) && !fly_link_intact(link, m))
		return -(int)FLY_COUNT_drop_checksum;
	if (unlikely(link->demands_checksum) && !is_there && fly_link_lacks_checksum(link, m))
		return -(int)FLY_COUNT_drop_no_checksum;
	return 0;
}

/* fly_link_refuse() - free a packet that cannot be queued, and count why. */
void fly_link_refuse(struct fly_link *link, struct rte_mbuf *m);

/*
 * fly_link_send() - queue a packet; takes it. A full burst is flushed at once, the rest at the end
 * of the turn or by fly_link_flush(). If the link is down or its queue full, the packet is dropped
 * and counted: to the caller that is a loss on the way.
 */
static inline void fly_link_send(struct fly_link *link, struct rte_mbuf *m)
{
	if (unlikely(!link->up || link->n_queued == FLY_TX_QUEUE)) {
		fly_link_refuse(link, m);
		return;
	}
	/* Relaxed: it publishes nothing. */
	if (unlikely(atomic_load_explicit(&link->seal, memory_order_relaxed) != FLY_CHECKSUM_NONE))
		fly_link_seal(link, m);
	fly_packet_expose_all(m);
	link->queue[link->n_queued++] = m;
	if (link->n_queued % FLY_BURST == 0)
		fly_link_push(link);
}

#endif
