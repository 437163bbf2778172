/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hand.h - one node that exports Probe, and a handmade peer at the far end of its link: the test
 * makes each frame, and looks at each frame that comes back.
 */
#ifndef HAND_H
#define HAND_H

#include "pair.h"

struct hand {
	struct sim *sim;
	struct sim_node *node;
	struct sim_link *at;   /* the node's end */
	struct sim_link *peer; /* the test's end: its address is the source of the frames */
	uint8_t payload[1500]; /* bytes behind the next header: as many as the header says */
};

/*
 * hand_begin() - start EAL the first time, and let a millisecond pass: refusals are allowed then.
 * End it by sim_end(); another one may follow.
 */
void hand_begin(struct hand *w, const struct sim_node_config *config);

/* hand_send() - send a packet from the peer. The node receives it in its next turn. */
void hand_send(struct hand *w, const struct fly_header *h);

/* hand_ask() - send, turn, and take the first answer. Return: false: no answer. */
bool hand_ask(struct hand *w, const struct fly_header *h, struct frame *f,
	      struct fly_header *answer);

/*
 * hand_call() - the header of a call whose first argument is a number. A longer call also has data
 * made from the number. Fills payload with both.
 */
struct fly_header hand_call(struct hand *w, uint64_t activity, uint32_t seq, uint16_t procedure,
			    uint16_t bytes, uint32_t number);

/* hand_about() - a packet about a call, as the caller sends it. @call: the header of the call. */
struct fly_header hand_about(const struct fly_header *call, enum fly_packet_type type,
			     enum fly_about about);

/* hand_record() - the node's record of an activity, or NULL. */
struct fly_conversation *hand_record(struct hand *w, uint64_t activity);

/* hand_idempotent() - mark one of the node's procedures as idempotent from now on. */
void hand_idempotent(struct hand *w, uint16_t procedure);

#endif
