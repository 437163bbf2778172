/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bulk/caller.c - the caller's side of a call of several packets, from the Starter to the Ender.
 *
 * Runs on the poller's thread, behind slow.h. Called by fastpath/caller.c, the demux, resend.c and
 * result.c. Owns the state BULK of a call-table entry. The state begins when long arguments are
 * sent, or when the first fragment of a long result arrives. It ends when the result is whole, or
 * by fly_caller_fail().
 * In BULK entry->bulk is set. It is also set in STARTED with long arguments and in DONE with long
 * results; entry->packet is NULL then.
 */
#include "base/loans.h"
#include "fastpath/receiver.h"
#include "slowpath/bulk/bulk.h"
#include "slowpath/bulk/next.h"
#include "slowpath/deadline.h"
#include "slowpath/reply.h"
#include "slowpath/resend.h"
#include "slowpath/retry.h"
#include "slowpath/frame.h"
#include "slowpath/result.h"
#include "slowpath/ack.h"
#include "threads/caller.h"

/* Give the entry a struct fly_bulk for its peer. Return: false: no memory. */
static bool attach(struct fly_poller *p, struct fly_call_entry *e)
{
	const struct fly_import *import = fly_import_of(e->head.binding);
	struct fly_bulk *b = fly_bulk_new(p, import->link, import->peer.ip, import->peer.port);

	if (!b)
		return false;
	b->entry = e;
	b->header = (struct fly_header){
		.type = FLY_PACKET_CALL,
		.procedure = e->procedure,
		.export_id = import->export_id,
		.activity = e->activity,
		.seq = e->seq,
		.hint = e->hint,
	};
	memcpy(b->front, import->template, FLY_RPC);
	e->bulk = b;
	return true;
}

/* The variables that a call lends for its results; NULL: none. */
static struct fly_loans *lent_for_results(const struct fly_poller *p,
					  const struct fly_call_entry *e)
{
	const struct fly_attached_call *c = p->calls.waiters[fly_call_table_index(&p->calls, e)];
	struct fly_loans *l = e->head.binding->loans;

	if (c)
		return fly_attached_loans(c);
	while (l && l->call != &e->head)
		l = l->outer;
	return l;
}

int fly_slow_start_bulk(struct fly_binding *binding, uint16_t procedure, uint32_t argument_bytes,
			struct fly_call **call)
{
	struct fly_import *import = fly_import_of(binding);
	struct fly_poller *p = import->poller;
	struct fly_call_entry *e = &p->calls.entries[import->idle];
	struct fly_loans *loans = fly_loans_of_start(binding);
	struct fly_spread from = {0};
	struct fly_buffer arguments;
	const bool is_lent = loans && fly_spread_lend(&from, loans->arguments, loans->n_arguments);

	/* The program's own memory: not counted as allocated by peers. */
	if (!fly_buffer_get(p, &arguments, fly_spread_room(&from, argument_bytes), NULL))
		return -FLY_ENOMEM;
	e->procedure = procedure;
	e->seq++;
	if (!attach(p, e)) {
		e->seq--;
		fly_buffer_free(p, &arguments);
		return -FLY_ENOMEM;
	}
	/* ---- committed: nothing below can fail ---- */
	import->idle = e->next_idle;
	/* Longer than any packet, so fastpath/caller.c keeps no copy; its header sums do not
	 * overflow. */
	e->argument_bytes = UINT16_MAX - FLY_IP_OVERHEAD;
	e->packet = NULL;
	e->resends = 0;
	fly_call_to_started(e);
	if (is_lent)
		loans->is_read = true;
	from.bytes = arguments.bytes;
	e->bulk->out_buffer = arguments;
	e->bulk->from = from;
	e->head.payload = arguments.bytes;
	e->head.length = argument_bytes;
	*call = &e->head;
	return 0;
}

/* Restart the waits of a call: it was first sent, or there was progress. */
static void restart_waits(const struct fly_poller *p, struct fly_call_entry *e)
{
	fly_retry_begin(&e->retry, fly_import_of(e->head.binding)->rtt.rto_tsc, p->now_tsc);
}

void fly_slow_send(struct fly_call *call)
{
	struct fly_call_entry *e = fly_entry_of(call);
	const struct fly_import *import = fly_import_of(call->binding);
	struct fly_poller *p = import->poller;
	struct fly_bulk *b = e->bulk;

	fly_call_to_bulk(e);
	e->sent_tsc = p->now_tsc;
	fly_bulk_progress(p, b);
	restart_waits(p, e);
	fly_stats_add(&p->stats, FLY_COUNT_calls_started, 1);
	/* At least two: the path may have been found to take more since it began. */
	fly_bulk_send(p, b, call->length, RTE_MIN(import->argument_max, call->length - 1));
}

/*
 * The server has not got the call, or its result was lost: a fragment of a call that has run is
 * answered as a copy of it is. The packet that kept the arguments goes.
 */
bool fly_bulk_split_call(struct fly_poller *p, struct fly_call_entry *e)
{
	const struct fly_import *import = fly_import_of(e->head.binding);
	const uint32_t bytes = e->argument_bytes;
	struct fly_buffer arguments;

	if (bytes <= import->argument_max || (e->resends != 0 && e->retry.is_running))
		return false;
	if (!fly_buffer_get(p, &arguments, bytes, NULL))
		return false;
	if (!attach(p, e)) {
		fly_buffer_free(p, &arguments);
		return false;
	}
	/* ---- committed: nothing below can fail ---- */
	memcpy(arguments.bytes, e->packet ? fly_packet_frame(e->packet) + FLY_PAYLOAD : e->kept,
	       bytes);
	if (e->packet)
		fly_packet_put(&p->cache, e->packet);
	e->packet = NULL;
	if (e->resends == 0) { /* e->retry is still that of an earlier call */
		restart_waits(p, e);
		e->resends = 1;
	}
	e->argument_bytes = UINT16_MAX - FLY_IP_OVERHEAD; /* as in fly_slow_start_bulk() */
	e->bulk->out_buffer = arguments;
	e->bulk->from = (struct fly_spread){.bytes = arguments.bytes};
	if (fly_deadline_of(e) != FLY_NEVER)
		e->bulk->header.flags |= FLY_FLAG_DEADLINE;
	if (e->challenged_seq == e->seq)
		e->bulk->header.flags |= FLY_FLAG_TOKEN;
	fly_call_to_bulk(e);
	fly_bulk_progress(p, e->bulk);
	fly_bulk_send(p, e->bulk, bytes, import->argument_max);
	return true;
}

void fly_slow_let_go(struct fly_poller *p, struct fly_call_entry *e)
{
	fly_bulk_free(p, e->bulk);
}

/* ---- receiving ---- */

/* The call is over: free its kept arguments. */
static void done(struct fly_poller *p, struct fly_call_entry *e, int status)
{
	if (e->packet)
		fly_packet_put(&p->cache, e->packet);
	e->packet = NULL;
	fly_call_to_done(e, status);
	fly_stats_add(&p->stats, FLY_COUNT_calls_returned, 1);
}

void fly_bulk_result(struct fly_poller *p, struct fly_call_entry *e, struct rte_mbuf *m,
		     const struct fly_header *h)
{
	/* A server sends either a long result or this one. */
	if (e->bulk->in.fragments != 0) {
		fly_frame_drop(p, m, FLY_COUNT_drop_fragments);
		return;
	}
	fly_bulk_free(p, e->bulk);
	done(p, e, fly_result_status(h));
	e->packet = m;
	e->hint = h->hint;
	e->head.payload = fly_packet_frame(m) + FLY_PAYLOAD;
	e->head.length = h->length;
	fly_deliver(p, e);
}

/*
 * Begin to receive a result with its first fragment.
 * Return: 0, or the negated counter of the drop; the call then waits for a copy of the fragment.
 */
static int begin_result(struct fly_poller *p, struct fly_call_entry *e, const struct fly_header *h)
{
	const int status = fly_result_status(h);
	struct fly_loans *loans = status == 0 ? lent_for_results(p, e) : NULL;
	struct fly_gather in;

	switch (fly_gather_begin(&in, h->fragment, h->fragments, h->length, FLY_MESSAGE_MAX)) {
	case FLY_GATHER_NEW:
		break;
	case FLY_GATHER_LONG:
		return -(int)FLY_COUNT_drop_too_long;
	default:
		return -(int)FLY_COUNT_drop_fragments;
	}
	if (!e->bulk) {
		if (!attach(p, e))
			return -(int)FLY_COUNT_drop_no_memory;
		if (!e->resends)
			restart_waits(p, e);
		fly_call_to_bulk(e);
	}
	e->bulk->stores = NULL;
	e->bulk->to = (struct fly_spread){0}; /* of a try without memory, perhaps of a result */
	if (loans && fly_spread_lend(&e->bulk->to, loans->results, loans->n_results))
		e->bulk->stores = loans;
	if (!fly_bulk_begin(p, e->bulk, &in))
		return -(int)FLY_COUNT_drop_no_memory;
	e->bulk->status = (int16_t)status;
	e->bulk->key = h->export_id;
	/* The result shows that the server has all arguments. */
	if (e->bulk->out.fragments != 0)
		fly_bulk_stop(p, e->bulk);
	return 0;
}

void fly_bulk_ack_result(struct fly_poller *p, const struct fly_bulk *b, struct rte_mbuf *m,
			 const struct fly_header *h)
{
	const struct fly_import *import = fly_import_of(b->entry->head.binding);

	memcpy(fly_packet_frame(m), import->template, FLY_RPC);
	fly_bulk_ack(p, b, m, h);
	fly_link_send(b->link, m);
	fly_link_flush(b->link); /* now: the sender waits for it while more is received here */
}

void fly_bulk_heard(struct fly_poller *p, struct fly_bulk *b)
{
	if (b->heard_tsc == p->now_tsc)
		return;
	b->heard_tsc = p->now_tsc;
	restart_waits(p, b->entry);
	fly_bulk_wait(p, b, 2 * fly_congestion_patience(&b->path->congestion));
}

void fly_bulk_probe(struct fly_poller *p, struct fly_bulk *b)
{
	struct rte_mbuf *m = fly_packet_get(&p->cache, FLY_PAYLOAD);

	if (m)
		fly_bulk_ack_result(p, b, m, NULL);
}

/*
 * Drop a fragment of a result that the caller has, does not want any more, or never requested. If
 * the fragment requests an acknowledgement the server is told that all has arrived: then it frees
 * the result. The reply is shorter than the fragment.
 */
static void drop_unwanted(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
			  const struct fly_header *h, enum fly_counter why)
{
	struct fly_header ack = *h;

	if (!(h->flags & FLY_FLAG_ACK) || why == FLY_COUNT_drop_wrong_peer) {
		fly_frame_drop(p, m, why);
		return;
	}
	ack.type = FLY_PACKET_ACK;
	ack.flags = 0;
	ack.procedure = FLY_ABOUT_RESULT;
	ack.fragment = h->fragments;
	ack.length = 0;
	ack.age = 0;
	fly_wire_encode(fly_reply_turn_around(link, m), &ack);
	fly_stats_add(&p->stats, why, 1);
	fly_stats_add(&p->stats, FLY_COUNT_acks_sent, 1);
	fly_link_send(link, m);
}

/* All of the result has arrived. */
static void result_whole(struct fly_poller *p, struct fly_call_entry *e)
{
	struct fly_bulk *b = e->bulk;

	if (b->stores)
		b->stores->is_stored = true;
	e->head.payload = b->in_buffer.bytes;
	e->head.length = fly_gather_bytes(&b->in);
	fly_buffer_free(p, &b->out_buffer);
	fly_bulk_stop(p, b);
	fly_scatter_end(&b->out);
	fly_bulk_gathered(p, b);
	done(p, e, b->status);
	fly_deliver(p, e);
}

/* The same result in more fragments than before, of which one was begun: its path takes less now.
 */
static bool is_shortened(const struct fly_bulk *b, const struct fly_header *h)
{
	return b->in.fragments != 0 &&
	       fly_gather_is_shortened(&b->in, h->fragment, h->fragments, h->length) &&
	       b->status == fly_result_status(h) && b->key == h->export_id;
}

static void forget_result(struct fly_poller *p, struct fly_bulk *b)
{
	fly_bulk_gathered(p, b);
	fly_buffer_free(p, &b->in_buffer);
	b->in = (struct fly_gather){0};
}

void fly_slow_result_fragment(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
			      const struct fly_header *h)
{
	struct fly_call_entry *e = fly_call_table_find(&p->calls, h->activity);
	int why = fly_result_mismatch(e, m, h);
	enum fly_gathered what;
	bool wants_ack = false;
	struct fly_bulk *b;

	if (why) {
		drop_unwanted(p, link, m, h, (enum fly_counter) - why);
		return;
	}
	if (e->bulk && is_shortened(e->bulk, h))
		forget_result(p, e->bulk);
	if (!e->bulk || e->bulk->in.fragments == 0)
		why = begin_result(p, e, h);
	if (why) {
		fly_frame_drop(p, m, (enum fly_counter) - why);
		return;
	}
	b = e->bulk;
	what = b->status == fly_result_status(h) && b->key == h->export_id
		       ? fly_bulk_take(p, b, fly_packet_frame(m), h, &wants_ack)
		       : FLY_GATHER_WRONG;
	switch (what) {
	case FLY_GATHER_NEW:
		break;
	case FLY_GATHER_AGAIN:
		fly_stats_add(&p->stats, FLY_COUNT_drop_fragment_again, 1);
		break;
	case FLY_GATHER_LONG:
		fly_frame_drop(p, m, FLY_COUNT_drop_too_long);
		return;
	case FLY_GATHER_WRONG:
		fly_frame_drop(p, m, FLY_COUNT_drop_fragments);
		return;
	}
	e->hint = h->hint;
	b->header.hint = h->hint;
	if (what == FLY_GATHER_NEW)
		fly_bulk_heard(p, b);
	if (fly_gather_is_whole(&b->in)) {
		fly_bulk_ack_result(p, b, m, h);
		result_whole(p, e);
		return;
	}
	fly_next_expect(p, b, fly_packet_frame(m));
	if (wants_ack)
		fly_bulk_ack_result(p, b, m, h);
	else
		fly_packet_put(&p->cache, m);
}

bool fly_bulk_call_acked(struct fly_poller *p, struct fly_call_entry *e, const uint8_t *frame,
			 const struct fly_header *h)
{
	struct fly_bulk *b = e->bulk;

	if (b->in.fragments != 0)
		return false;
	if (b->out.fragments != 0 && b->out.acked == b->out.fragments &&
	    h->fragment == h->fragments) {
		fly_ack_running(p, e, h); /* the reply to a probe: the call is still running */
		return true;
	}
	if (h->fragments != b->out.fragments)
		return false;
	e->hint = h->hint;
	fly_bulk_learn(b, h->hint);
	if (!fly_bulk_acked(p, b, frame, h))
		return false;
	if (b->out.acked == b->out.fragments)
		fly_retry_running(&e->retry, &p->waits, &fly_import_of(e->head.binding)->rtt,
				  p->now_tsc);
	else
		restart_waits(p, e);
	return true;
}

/* ---- resending ---- */

void fly_bulk_resend(struct fly_poller *p, struct fly_call_entry *e)
{
	struct fly_bulk *b = e->bulk;

	if (e->resends < UINT8_MAX)
		e->resends++;
	/* Then a copy of the call as well: the server may know neither result nor call. */
	if (b->in.fragments != 0)
		fly_bulk_probe(p, b);
	if (b->out.fragments != 0)
		fly_bulk_again(p, b);
	else if (fly_resend_packet(p, e, FLY_PACKET_CALL, FLY_FLAG_ACK))
		fly_stats_add(&p->stats, FLY_COUNT_resent_calls, 1);
}

void fly_bulk_challenged(struct fly_poller *p, struct fly_call_entry *e)
{
	struct fly_bulk *b = e->bulk;

	if (b->out.fragments != 0)
		fly_bulk_restart(p, b, e->hint);
	else
		fly_resend_packet(p, e, FLY_PACKET_CALL, 0);
}
