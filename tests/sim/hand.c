/* SPDX-License-Identifier: BSD-3-Clause */
/* hand.c - see hand.h. */
#include "hand.h"

#include "slowpath/records.h"

void hand_begin(struct hand *w, const struct sim_node_config *config)
{
	static bool is_up;

	if (!is_up)
		sim_eal();
	is_up = true;
	w->sim = sim_new();
	w->node = sim_add(w->sim, config);
	w->at = sim_join_open(w->sim, w->node);
	w->peer = w->at->far;
	sim_export(w->node);
	sim_run(w->sim, 1);
}

void hand_send(struct hand *w, const struct fly_header *h)
{
	struct frame f;

	frame_make(&f, h, w->peer, w->at, w->payload);
	frame_put(w->at, &f);
}

bool hand_ask(struct hand *w, const struct fly_header *h, struct frame *f,
	      struct fly_header *answer)
{
	hand_send(w, h);
	sim_turn(w->sim);
	fly_link_flush(&w->at->link); /* of a procedure that ran after the turn */
	return frame_take(w->peer, f, answer);
}

struct fly_header hand_call(struct hand *w, uint64_t activity, uint32_t seq, uint16_t procedure,
			    uint16_t bytes, uint32_t number)
{
	struct fly_header h = frame_call(w->node->export_id, activity, seq, procedure);

	h.length = bytes;
	memset(w->payload, 0, sizeof w->payload);
	fly_put_u32(w->payload, number);
	if (bytes > 4)
		probe_fill(w->payload + 4, bytes - 4U, number);
	return h;
}

struct fly_header hand_about(const struct fly_header *call, enum fly_packet_type type,
			     enum fly_about about)
{
	struct fly_header h = *call;

	h.type = (uint8_t)type;
	h.procedure = (uint16_t)about;
	h.flags = 0;
	h.length = 0;
	h.age = 0;
	return h;
}

struct fly_conversation *hand_record(struct hand *w, uint64_t activity)
{
	return fly_conversation_find(&sim_poller(w->node)->conversations, activity);
}

void hand_idempotent(struct hand *w, uint16_t procedure)
{
	static struct fly_procedure stubs[16];
	struct fly_export *export = &sim_poller(w->node)->exports[1];

	for (uint32_t i = 0; export->stubs != stubs && i < export->n_procedures; i++)
		stubs[i] = export->stubs[i];
	stubs[procedure].flags |= FLY_PROCEDURE_IDEMPOTENT;
	export->stubs = stubs;
}
