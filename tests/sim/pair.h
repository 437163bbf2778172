/* SPDX-License-Identifier: BSD-3-Clause */
/* pair.h - a caller, a server that exports Probe, a link, a binding; and handmade frames. */
#ifndef PAIR_H
#define PAIR_H

#include "sim.h"

struct pair {
	struct sim *sim;
	struct sim_node *caller;
	struct sim_node *server;
	struct sim_link *at_caller; /* its faults apply to calls */
	struct sim_link *at_server; /* its faults apply to results */
	struct fly_binding *binding;
};

/* pair_begin() - set up a pair; starts EAL. NULL: defaults of sim_add(). End it by sim_end(). */
void pair_begin(struct pair *w, const struct sim_node_config *caller,
		const struct sim_node_config *server);

/* pair_add() - make one small call and run until it ends. Return: its status; 1: a wrong result. */
int pair_add(struct pair *w, uint32_t number);

struct frame {
	unsigned bytes;
	uint8_t data[2048];
};

/* frame_make() - make a packet from one end of a link to the other. @payload: h->length bytes. */
void frame_make(struct frame *f, const struct fly_header *h, const struct sim_link *from,
		const struct sim_link *to, const void *payload);

/* frame_call() - the header of the first call to an export, without arguments. */
struct fly_header frame_call(uint32_t export_id, uint64_t activity, uint32_t seq,
			     uint16_t procedure);

/* frame_put() - let a frame arrive at an end of a link. */
static inline void frame_put(struct sim_link *at, const struct frame *f)
{
	sim_link_put(at, f->data, f->bytes);
}

/*
 * frame_take() - take the oldest frame that arrived at an end without a poller.
 * @h: its RPC header. Return: is there a frame with correct outer headers?
 */
bool frame_take(struct sim_link *at, struct frame *f, struct fly_header *h);

#endif
