/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sim_link.h - a link between two pollers of one process, over arrays, with faults on request.
 *
 * Packets are copied between the pools: neither side can free or write packets of the other. Each
 * end has the faults of the packets that it sends. Time is the simulation's.
 */
#ifndef SIM_LINK_H
#define SIM_LINK_H

#include "fastpath/link.h"

#define SIM_TSC_PER_MS 1000 /* a tick of virtual time is a microsecond */
#define SIM_IN_FLIGHT  8192 /* frames in flight per direction */
#define SIM_HELD       1024 /* sent packets that a simulated driver keeps */

/* Bit i of a mask applies to the i-th packet sent, counted from 0. */
struct sim_faults {
	uint64_t drop_mask;
	uint64_t duplicate_mask;
	uint64_t delay_mask;
	uint64_t corrupt_mask;
	unsigned corrupt_at;   /* offset of the byte to invert */
	unsigned latency_us;   /* of each packet */
	unsigned delay_us;     /* greatest extra delay of a packet; later packets overtake it */
	unsigned longest;      /* longer frames are lost; 0: none */
	unsigned drop_percent; /* of all packets, at random */
	unsigned duplicate_percent; /* as above */
	unsigned delay_percent; /* as above; the copy of a duplicated packet is drawn separately */
	uint16_t takes;         /* packets accepted per burst; 0: all */
	bool stuck;             /* accepts nothing */
	unsigned holds;         /* sent packets that are given back later, as NICs do */
};

/* A frame in flight. Exactly its bytes follow the struct. */
struct sim_frame {
	uint64_t due_tsc;
	unsigned bytes;
	uint8_t data[];
};

struct sim_link {
	struct fly_link link; /* first: the poller's link */
	struct sim_link *far;
	const uint64_t *now_tsc;
	struct sim_faults faults;
	uint64_t random;
	bool filters;         /* takes only what is sent to its hardware address, as a NIC does */
	unsigned sent;        /* packets accepted from the poller */
	unsigned overwritten; /* packets written while this driver had them: a bug */
	unsigned n_in;        /* frames on their way to this end */
	struct sim_frame *in[SIM_IN_FLIGHT];
	unsigned n_held;
	struct {
		struct rte_mbuf *m;
		struct sim_frame *as_sent;
	} held[SIM_HELD];
};

/*
 * sim_link_init() - make the two ends of a link; the caller sets addresses and pools.
 * @seed: for the random faults.
 */
void sim_link_init(struct sim_link *a, struct sim_link *b, const uint64_t *now_tsc, uint64_t seed);

/* sim_link_fini() - end one end: give sent packets back, free frames in flight to it. */
void sim_link_fini(struct sim_link *l);

/* sim_link_put() - let a frame arrive at this end. */
void sim_link_put(struct sim_link *l, const uint8_t *frame, unsigned bytes);

/*
 * sim_link_take() - take the oldest frame that arrived at an end without a poller.
 * @frame: 2048 bytes. Return: its length; 0: none.
 */
unsigned sim_link_take(struct sim_link *l, uint8_t *frame);

/* sim_random() - the next number of a sequence determined by its seed (splitmix64). */
uint64_t sim_random(uint64_t *state);

#endif
