/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sim_link.h - a link between two pollers of one process, over arrays, with faults at will.
 *
 * Packets are copied between the pools: nothing that one side frees or writes is seen by the
 * other. Each end has the faults of the packets that it sends. Time is the simulation's.
 */
#ifndef SIM_LINK_H
#define SIM_LINK_H

#include "fastpath/link.h"

#define SIM_TSC_PER_MS 1000 /* a tick of virtual time is a microsecond */
#define SIM_IN_FLIGHT  8192 /* frames under way in one direction at most */
#define SIM_HELD       1024 /* sent packets that a simulated driver can keep at most */

/* Bit i of a mask is about the packet that is sent as the i-th, counted from 0. */
struct sim_faults {
	uint64_t drop_mask;
	uint64_t duplicate_mask;
	uint64_t delay_mask;
	uint64_t corrupt_mask;
	unsigned corrupt_at;        /* this byte is inverted */
	unsigned latency_us;        /* of each packet */
	unsigned delay_us;          /* of a packet that is delayed, at most; those behind pass it */
	unsigned drop_percent;      /* of all packets, drawn at random */
	unsigned duplicate_percent; /* the same */
	unsigned delay_percent;     /* the same; the copy of a duplicated one is drawn by itself */
	uint16_t takes;             /* packets accepted of a burst; 0: all */
	bool stuck;                 /* accepts nothing */
	unsigned holds;             /* sent packets that are given back later, like a NIC does */
};

/* A frame under way; its bytes lie behind it, exactly as many as it has. */
struct sim_frame {
	uint64_t due_tsc;
	unsigned bytes;
	uint8_t data[];
};

struct sim_link {
	struct fly_link link; /* what the poller has; first */
	struct sim_link *far;
	const uint64_t *now_tsc;
	struct sim_faults faults;
	uint64_t random;
	unsigned sent;        /* packets that were accepted from the poller */
	unsigned overwritten; /* packets that were written while this driver had them: a bug */
	unsigned n_in;        /* frames on their way to this end */
	struct sim_frame *in[SIM_IN_FLIGHT];
	unsigned n_held;
	struct {
		struct rte_mbuf *m;
		struct sim_frame *as_sent;
	} held[SIM_HELD];
};

/*
 * sim_link_init() - make the two ends of a link; the caller fills in addresses and pools.
 * @seed: of the random faults.
 */
void sim_link_init(struct sim_link *a, struct sim_link *b, const uint64_t *now_tsc, uint64_t seed);

/* sim_link_fini() - one end: give sent packets back, free what is under way to it. */
void sim_link_fini(struct sim_link *l);

/* sim_link_put() - a frame arrives at this end, whoever made it. */
void sim_link_put(struct sim_link *l, const uint8_t *frame, unsigned bytes);

/*
 * sim_link_take() - for an end that no poller has: the oldest frame that arrived there.
 * @frame: 2048 bytes. Return: its length; 0: none.
 */
unsigned sim_link_take(struct sim_link *l, uint8_t *frame);

/* sim_random() - the next number of a sequence that its seed determines (splitmix64). */
uint64_t sim_random(uint64_t *state);

#endif
