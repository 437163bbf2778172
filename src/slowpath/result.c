/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * result.c - results that the fast path did not take, and refusals of our calls.
 *
 * Runs on the poller's thread, behind slow.h. Takes each packet it gets. Implements the table of
 * results and refusals in docs/protocol.md.
 */
#include "slowpath/result.h"

#include "fastpath/receiver.h"
#include "fastpath/poller.h"
#include "fastpath/slow.h"
#include "base/reconnect.h"
#include "slowpath/ack.h"
#include "slowpath/behaviour.h"
#include "slowpath/bulk/bulk.h"
#include "slowpath/frame.h"
#include "base/random.h"
#include "slowpath/resend.h"
#include "slowpath/retry.h"

int fly_result_mismatch(const struct fly_call_entry *e, const struct rte_mbuf *m,
			const struct fly_header *h)
{
	const uint8_t *frame = fly_packet_frame(m);

	if (!e || !e->head.binding || e->activity != h->activity) /* 0 in an unbound entry */
		return -(int)FLY_COUNT_drop_activity;
	if (fly_load_raw32(frame + FLY_IP_SOURCE) != fly_entry_peer(e)->ip ||
	    fly_load_raw16(frame + FLY_UDP_SOURCE) != fly_entry_peer(e)->port)
		return -(int)FLY_COUNT_drop_wrong_peer;
	if (e->seq != h->seq || !fly_call_is_out(e))
		return -(int)FLY_COUNT_drop_sequence;
	return 0;
}

/* An unknown status is the peer's mistake; the call did run. */
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
 * An activity runs one call at a time. If the server has said that it runs the ended call it takes
 * no other call of this activity before that one is done: the entry gets another activity.
 * Otherwise the next call makes all copies of the ended one old. But if the server has no record,
 * a late copy of the ended call may open one, which knows nothing of a refusal of the next call.
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
 * Was the exporter up before the call was made? Then no copy of the call can reach an earlier
 * exporter. 1 % allows for the difference of the two clocks.
 */
static bool was_up_before(const struct fly_poller *p, const struct fly_call_entry *e,
			  uint32_t uptime_ms)
{
	const uint32_t age_ms = fly_resend_age_ms(p, e);

	return age_ms < UINT16_MAX && uptime_ms > age_ms + age_ms / 100 + 1;
}

/* The call's status after a refusal; 0: the refusal is not valid. */
static int refused_status(const struct fly_poller *p, const struct fly_call_entry *e,
			  const struct fly_header *h)
{
	/* A part of its result has come: the call has run, whatever this refusal says. */
	const bool has_run = e->state == FLY_CALL_BULK && e->bulk->in.fragments != 0;

	switch (h->procedure) {
	case FLY_EBUSY: /* no copy has run or will run: the server guarantees it */
		return has_run || e->doubtful_seq + 1 == e->seq ? -FLY_EFORGOTTEN : -FLY_EBUSY;
	case FLY_ESTALE:
		return !has_run && was_up_before(p, e, h->hint) ? -FLY_ESTALE : -FLY_ESTALE_MAYBE;
	case FLY_EVERSION: /* an earlier server of our version may have run a copy */
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
	if (fly_reconnect_is_due(status))
		fly_behaviour_lost(fly_import_of(e->head.binding));
	fly_caller_fail(p, e, status);
	fly_packet_put(&p->cache, m);
}
