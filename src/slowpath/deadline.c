/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * deadline.c - deadlines and cancellation of calls, and what a procedure can learn about its
 * deadline.
 *
 * Runs on the poller's thread. A binding without a deadline pays nothing: a binding with one gets
 * another Starter (behaviour.c), which appends the remaining time to the arguments.
 */
#include "slowpath/deadline.h"

#include <firefly/runtime.h>

#include "fastpath/poller.h"
#include "fastpath/slow.h"
#include "slowpath/bulk/bulk.h"
#include "slowpath/resend.h"

/* ---- the caller's side ---- */

int fly_deadline_starter(struct fly_binding *binding, uint16_t procedure, uint32_t argument_bytes,
			 struct fly_call **call)
{
	struct fly_import *import = fly_import_of(binding);
	struct fly_poller *p = import->poller;
	const int status =
		fly_caller_start(binding, procedure, argument_bytes + FLY_DEADLINE_BYTES, call);
	struct fly_call_entry *e;

	if (status)
		return status;
	e = fly_entry_of(*call);
	fly_put_u32((*call)->payload + argument_bytes, import->deadline_us);
	if (e->packet)
		fly_packet_frame(e->packet)[FLY_RPC + 1] |= FLY_FLAG_DEADLINE;
	else
		e->bulk->header.flags |= FLY_FLAG_DEADLINE;
	e->deadline_seq = e->seq;
	e->deadline_tsc = p->now_tsc + import->deadline_us * p->tsc_per_ms / 1000;
	p->pass.due_tsc = RTE_MIN(p->pass.due_tsc, e->deadline_tsc);
	p->pass.next_tsc = RTE_MIN(p->pass.next_tsc, e->deadline_tsc); /* if a pass is under way */
	p->sweep_at_tsc = RTE_MIN(p->sweep_at_tsc, e->deadline_tsc);
	return 0;
}

void fly_deadline_end(struct fly_poller *p, struct fly_call_entry *e, int status)
{
	if (fly_resend_packet(p, e, FLY_PACKET_CANCEL, 0)) {
		fly_stats_add(&p->stats, FLY_COUNT_cancels_sent, 1);
		fly_link_flush(fly_import_of(e->head.binding)->link);
	}
	fly_caller_fail(p, e, status);
}

int fly_deadline_cancel(struct fly_call *call)
{
	struct fly_call_entry *e = fly_entry_of(call);

	if (!fly_call_is_out(e))
		return -FLY_EINVAL;
	fly_deadline_end(fly_import_of(call->binding)->poller, e, -FLY_ECANCELLED);
	return 0;
}

/* ---- the server's side ---- */

bool fly_deadline_read(struct fly_poller *p, const uint8_t *arguments, uint32_t *bytes,
		       uint16_t age_ms)
{
	uint64_t left_us;
	uint64_t gone_us;

	if (*bytes < FLY_DEADLINE_BYTES)
		return true; /* malformed: the stub will find that out */
	*bytes -= FLY_DEADLINE_BYTES;
	left_us = fly_get_u32(arguments + *bytes);
	gone_us = (age_ms + (uint64_t)p->running.held_ms) * 1000;
	if (left_us <= gone_us)
		return false;
	left_us -= gone_us;
	p->running.deadline_tsc = p->now_tsc + left_us * p->tsc_per_ms / 1000;
	return true;
}

bool fly_deadline_strip(struct fly_poller *p, struct rte_mbuf *m, struct fly_header *h)
{
	uint8_t *frame = fly_packet_frame(m);
	uint32_t bytes = h->length;
	const bool is_in_time = fly_deadline_read(p, frame + FLY_PAYLOAD, &bytes, h->age);

	h->length = (uint16_t)bytes;
	fly_wire_set_lengths(frame, bytes);
	fly_put_u16(frame + FLY_RPC + 28, h->length);
	fly_packet_set_bytes(m, FLY_PAYLOAD + bytes);
	return is_in_time;
}
