/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hand.h - one node that exports Probe, and at the far end of its link a peer that is no poller:
 * the test, which makes each frame by hand and looks at each that comes back.
 */
#ifndef HAND_H
#define HAND_H

#include "pair.h"

struct hand {
	struct sim *sim;
	struct sim_node *node;
	struct sim_link *at;   /* the node's end */
	struct sim_link *peer; /* ours: its address is what our frames come from */
	uint8_t payload[1500]; /* what goes behind the next header, as many bytes as that says */
};

/*
 * hand_begin() - starts EAL the first time, and lets a millisecond pass: refusals are allowed then.
 * Ended by sim_end(), after which another one may begin.
 */
void hand_begin(struct hand *w, const struct sim_node_config *config);

/* hand_send() - a packet from the peer; it is seen in the node's next turn. */
void hand_send(struct hand *w, const struct fly_header *h);

/* hand_ask() - send it, turn, and take what comes back. Return: false: nothing does. */
bool hand_ask(struct hand *w, const struct fly_header *h, struct frame *f,
	      struct fly_header *answer);

/*
 * hand_call() - the header of a call whose first argument is a number, and whose second, if it is
 * that long, is data that depends on it; payload is filled with them.
 */
struct fly_header hand_call(struct hand *w, uint64_t activity, uint32_t seq, uint16_t procedure,
			    uint16_t bytes, uint32_t number);

/* hand_about() - a packet about the call that this is the header of, as its caller sends it. */
struct fly_header hand_about(const struct fly_header *call, enum fly_packet_type type,
			     enum fly_about about);

/* hand_record() - the node's record of an activity; NULL. */
struct fly_conversation *hand_record(struct hand *w, uint64_t activity);

/* hand_idempotent() - from now on a procedure of the node's may run twice. */
void hand_idempotent(struct hand *w, uint16_t procedure);

#endif
