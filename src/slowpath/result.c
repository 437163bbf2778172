/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * result.c - packets that nobody waits for, refusals of our own calls, and calls that cannot start.
 *
 * Runs on the poller's thread, behind slow.h; takes each packet it gets. Every packet that is not
 * delivered is counted under one name; nothing that a peer sends reaches an assert. With
 * call.c these are the cells of the decision table in docs/protocol.md.
 */
#include "slowpath/reply.h"

#include "fastpath/receiver.h"
#include "fastpath/slow.h"
#include "slowpath/arp.h"
#include "slowpath/probe.h"
#include "slowpath/bulk/bulk.h"
#include "slowpath/records.h"
#include "runtime/import.h"
#include "slowpath/resend.h"
#include "slowpath/retry.h"

void fly_frame_drop(struct fly_poller *p, struct rte_mbuf *m, enum fly_counter why)
{
	fly_stats_add(&p->stats, why, 1);
	fly_packet_put(&p->cache, m);
}

void fly_slow_frame(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m, int why)
{
	if (why == -(int)FLY_COUNT_drop_segments) {
		/* Whoever else has it may be on another thread: not fly_packet_put()'s short cut.
		 */
		fly_stats_add(&p->stats, FLY_COUNT_drop_segments, 1);
		fly_packet_put_any(m);
		return;
	}
	if (fly_arp_frame(p, link, m))
		return;
	fly_frame_drop(p, m, (enum fly_counter) - why);
}

int fly_result_mismatch(const struct fly_call_entry *e, const struct rte_mbuf *m,
			const struct fly_header *h)
{
	const uint8_t *frame = fly_packet_frame(m);

	if (!e || !e->head.binding || e->activity != h->activity) /* an unbound entry's is 0 */
		return -(int)FLY_COUNT_drop_activity;
	if (fly_load_raw32(frame + FLY_IP_SOURCE) != fly_entry_peer(e)->ip ||
	    fly_load_raw16(frame + FLY_UDP_SOURCE) != fly_entry_peer(e)->port)
		return -(int)FLY_COUNT_drop_wrong_peer;
	if (e->seq != h->seq || !fly_call_is_out(e))
		return -(int)FLY_COUNT_drop_sequence;
	return 0;
}

/* What a result's status means; anything else is a peer's mistake, and the call did run. */
int fly_result_status(const struct fly_header *h)
{
	if (h->type == FLY_PACKET_RESULT)
		return h->procedure == FLY_OK ? 0 : -FLY_ERESULT;
	switch (h->procedure) {
	case FLY_EEXCEPTION:
	case FLY_ERAISED:
	case FLY_EMALFORMED:
	case FLY_ENOMEM:
	case FLY_ENOPROC:
		return -(int)h->procedure;
	default:
		return -FLY_ERESULT;
	}
}

void fly_slow_result(struct fly_poller *p, struct rte_mbuf *m, const struct fly_header *h)
{
	struct fly_call_entry *e = fly_call_table_find(&p->calls, h->activity);
	const int why = fly_result_mismatch(e, m, h);

	if (why) {
		fly_frame_drop(p, m, (enum fly_counter) - why);
		return;
	}
	if (e->state == FLY_CALL_BULK) {
		fly_bulk_result(p, e, m, h);
		return;
	}
	if (e->state == FLY_CALL_TIMED) {
		struct fly_import *import = fly_import_of(e->head.binding);

		fly_rtt_sample(&import->rtt, &p->waits, p->now_tsc - e->sent_tsc);
		import->sends_as = FLY_CALL_WAITING;
		fly_stats_add(&p->stats, FLY_COUNT_round_trips, 1);
	}
	fly_receive_take(p, e, m, fly_result_status(h));
	if (h->flags & FLY_FLAG_ACK)
		fly_ack_result(p, e);
}

/*
 * A server that has said that it works on the call takes no other one of that activity until it is
 * done, so the entry gets another activity. Else the next call makes all copies of this one old:
 * but if there is no record for it, a late copy of this one may open one, which then knows nothing
 * of a refusal of the next.
 */
void fly_slow_doubt(struct fly_call_entry *e)
{
	e->doubtful_seq = e->seq;
	if ((e->resends == 0 && e->state != FLY_CALL_BULK) || !e->retry.is_running)
		return;
	e->activity = fly_random_activity() | (e->activity & 0xffff);
	e->hint = FLY_HINT_NONE;
}

/*
 * Was the exporter up before the call was made? Then the call cannot have gone to an earlier one,
 * and none of its copies will find one. Both sides measure with clocks of their own.
 */
static bool was_up_before(const struct fly_poller *p, const struct fly_call_entry *e,
			  uint32_t uptime_ms)
{
	const uint32_t age_ms = fly_resend_age_ms(p, e);

	return age_ms < UINT16_MAX && uptime_ms > age_ms + age_ms / 100 + 1;
}

/* What a refusal means for a call; 0: nothing. */
static int refused_status(const struct fly_poller *p, const struct fly_call_entry *e,
			  const struct fly_header *h)
{
	/* There is a part of its result: it has run, whatever is said of another copy. */
	const bool has_run = e->state == FLY_CALL_BULK && e->bulk->in.fragments != 0;

	switch (h->procedure) {
	case FLY_EBUSY: /* no copy of it has run, or will: the server sees to that */
		return has_run || e->doubtful_seq + 1 == e->seq ? -FLY_EFORGOTTEN : -FLY_EBUSY;
	case FLY_ESTALE:
		return !has_run && was_up_before(p, e, h->hint) ? -FLY_ESTALE : -FLY_ESTALE_MAYBE;
	case FLY_EVERSION: /* one that spoke our version may have run an earlier copy */
		return has_run || e->resends ? -FLY_EFORGOTTEN : -FLY_EVERSION;
	case FLY_EFORGOTTEN:
		return -FLY_EFORGOTTEN;
	default:
		return 0;
	}
}

void fly_slow_rejected(struct fly_poller *p, struct rte_mbuf *m, const struct fly_header *h)
{
	struct fly_call_entry *e = fly_call_table_find(&p->calls, h->activity);
	const int why = fly_result_mismatch(e, m, h);
	const int status = why ? 0 : refused_status(p, e, h);

	if (status == 0) {
		fly_frame_drop(p, m, why ? (enum fly_counter) - why : FLY_COUNT_drop_type);
		return;
	}
	fly_caller_fail(p, e, status);
	fly_packet_put(&p->cache, m);
}

void fly_slow_version(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		      const struct fly_header *h)
{
	/* Calls and refusals look the same in every version: docs/protocol.md, "Versions". */
	if (h->type == FLY_PACKET_REJECT)
		fly_slow_rejected(p, m, h);
	else if (h->type == FLY_PACKET_CALL)
		fly_reply_refuse(p, link, m, h, FLY_EVERSION);
	else
		fly_frame_drop(p, m, FLY_COUNT_drop_version);
}

/* Of a call: it is one of ours. Of a result: it is a peer's, and has a record. */
static int acked(struct fly_poller *p, const struct fly_link *link, const struct rte_mbuf *m,
		 const struct fly_header *h)
{
	struct fly_call_entry *e;
	struct fly_conversation *c;
	int why;

	if (h->procedure == FLY_ABOUT_CALL) {
		e = fly_call_table_find(&p->calls, h->activity);
		why = fly_result_mismatch(e, m, h);
		if (why)
			return why;
		if (fly_call_is_small(e) && h->fragments == 1 && h->fragment == 1) {
			fly_ack_running(p, e, h);
			return 0;
		}
		return e->state == FLY_CALL_BULK &&
				       fly_bulk_call_acked(p, e, fly_packet_frame(m), h)
			       ? 0
			       : -(int)FLY_COUNT_drop_ack;
	}
	if (h->procedure != FLY_ABOUT_RESULT)
		return -(int)FLY_COUNT_drop_type;
	c = h->activity != 0 ? fly_conversation_find(&p->conversations, h->activity) : NULL;
	if (!c)
		return -(int)FLY_COUNT_drop_activity;
	if (!fly_conversation_is_peer(c, link, fly_packet_frame(m)))
		return -(int)FLY_COUNT_drop_wrong_peer;
	return fly_ack_result_given(p, c, h) || fly_bulk_result_acked(p, c, fly_packet_frame(m), h)
		       ? 0
		       : -(int)FLY_COUNT_drop_ack;
}

void fly_slow_ack(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		  const struct fly_header *h)
{
	const int why = acked(p, link, m, h);

	fly_frame_drop(p, m, why ? (enum fly_counter) - why : FLY_COUNT_acks_received);
}

int fly_slow_start(struct fly_binding *binding, uint32_t argument_bytes)
{
	struct fly_import *import = fly_import_of(binding);
	struct fly_poller *p = import->poller;
	struct fly_call_entry *e;
	uint32_t first_seq;

	if (p->nested >= FLY_NESTED_MAX)
		return -FLY_ECONFLICT; /* so many procedures wait here already, one for the other */
	if (argument_bytes > import->argument_max &&
	    (argument_bytes > FLY_MESSAGE_MAX ||
	     fly_scatter_fragments(argument_bytes, import->argument_max) > FLY_FRAGMENTS_MAX))
		return -FLY_ETOOBIG;
	if (!import->link->up)
		return -FLY_ELINK;
	if (import->idle != FLY_NO_ENTRY)
		return 0;
	first_seq = fly_random32();
	e = fly_call_table_bind(&p->calls, binding, import->activity, first_seq);
	if (!e)
		return -FLY_ECALLS;
	import->idle = fly_call_table_index(&p->calls, e);
	return 0;
}
