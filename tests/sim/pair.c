/* SPDX-License-Identifier: BSD-3-Clause */
/* pair.c - see pair.h. */
#include "pair.h"

void pair_begin(struct pair *w, const struct sim_node_config *caller,
		const struct sim_node_config *server)
{
	sim_eal();
	w->sim = sim_new();
	w->caller = sim_add(w->sim, caller);
	w->server = sim_add(w->sim, server);
	w->at_caller = sim_join(w->sim, w->caller, w->server);
	w->at_server = w->at_caller->far;
	sim_export(w->server);
	w->binding = sim_import(w->sim, w->caller, w->at_caller, w->server->export_id);
}

int pair_add(struct pair *w, uint32_t number)
{
	struct fly_call *call;
	uint64_t result = 0;
	int status = Probe_Add_start(w->binding, number, 1000, &call);

	if (status)
		return status;
	if (!sim_until(w->sim, call, 100000))
		return 1;
	status = Probe_Add_finish(call, &result);
	return status == 0 && result != number + UINT64_C(1000) ? 1 : status;
}

void frame_make(struct frame *f, const struct fly_header *h, const struct sim_link *from,
		const struct sim_link *to, const void *payload)
{
	const struct fly_address source = sim_address(from);
	const struct fly_address destination = sim_address(to);

	memset(f, 0, sizeof *f);
	fly_wire_put_outer(f->data, &source, &destination);
	fly_wire_set_lengths(f->data, h->length);
	fly_wire_encode(f->data + FLY_RPC, h);
	if (payload)
		memcpy(f->data + FLY_PAYLOAD, payload, h->length);
	f->bytes = FLY_PAYLOAD + (unsigned)h->length;
}

struct fly_header frame_call(uint32_t export_id, uint64_t activity, uint32_t seq,
			     uint16_t procedure)
{
	return (struct fly_header){
		.type = FLY_PACKET_CALL,
		.procedure = procedure,
		.export_id = export_id,
		.activity = activity,
		.seq = seq,
		.fragments = 1,
		.hint = FLY_HINT_NONE,
	};
}

bool frame_take(struct sim_link *at, struct frame *f, struct fly_header *h)
{
	f->bytes = sim_link_take(at, f->data);
	return f->bytes != 0 &&
	       fly_wire_check_outer(f->data, f->bytes, at->link.ip, at->link.udp_port) == 0 &&
	       fly_wire_decode(f->data + FLY_RPC, fly_get_be16(f->data + FLY_IP_LENGTH) - 28U, h) ==
		       0;
}
