/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pair.h - what most tests begin with: a caller, a server that exports Probe, a link, a binding;
 * and frames made by hand.
 */
#ifndef PAIR_H
#define PAIR_H

#include "sim.h"

struct pair {
	struct sim *sim;
	struct sim_node *caller;
	struct sim_node *server;
	struct sim_link *at_caller; /* its faults are those of calls */
	struct sim_link *at_server; /* its faults are those of results */
	struct fly_binding *binding;
};

/* pair_begin() - starts EAL as well. NULL: the defaults of sim_add(). Ended by sim_end(). */
void pair_begin(struct pair *w, const struct sim_node_config *caller,
		const struct sim_node_config *server);

/* pair_add() - one small call, run until it has ended. Return: its status; 1: a wrong result. */
int pair_add(struct pair *w, uint32_t number);

struct frame {
	unsigned bytes;
	uint8_t data[2048];
};

/* frame_make() - a packet from one end of a link to the other. @payload: h->length bytes. */
void frame_make(struct frame *f, const struct fly_header *h, const struct sim_link *from,
		const struct sim_link *to, const void *payload);

/* frame_call() - the header of a first call to an export, without arguments. */
struct fly_header frame_call(uint32_t export_id, uint64_t activity, uint32_t seq,
			     uint16_t procedure);

/* frame_put() - let it arrive at a link's end. */
static inline void frame_put(struct sim_link *at, const struct frame *f)
{
	sim_link_put(at, f->data, f->bytes);
}

/*
 * frame_take() - the oldest frame that came to an end that no poller has.
 * @h: its RPC header. Return: is there one, with outer headers as they should be?
 */
bool frame_take(struct sim_link *at, struct frame *f, struct fly_header *h);

#endif
