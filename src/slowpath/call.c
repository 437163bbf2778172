/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * call.c - admission of calls that fly_serve_plain() did not take: from a new caller, sent again,
 * stale, too old, or with results that need a second packet.
 *
 * Runs on the poller's thread, behind slow.h. Takes each packet it gets. The order of the checks
 * in fly_call_admit() is the order of the rows in docs/protocol.md. Replies are made by reply.c.
 */
#include "slowpath/call.h"

#include "fastpath/server.h"
#include "threads/worker.h"
#include "slowpath/bulk/bulk.h"
#include "slowpath/records.h"
#include "slowpath/deadline.h"
#include "slowpath/path_mtu.h"
#include "slowpath/payload.h"
#include "slowpath/frame.h"
#include "slowpath/reply.h"
#include "slowpath/refused_filter.h"
#include "slowpath/token.h"

/*
 * May this call be answered at the address that it came from? An address without proof is sent at
 * most three times as many bytes as came from there. Its caller gets no memory for arguments of
 * several packets, and no record when half of the records are taken.
 */
static bool is_welcome(const struct fly_poller *p, const struct fly_link *link,
		       const struct fly_header *h, const struct fly_export *export,
		       const struct fly_conversation *c)
{
	const struct fly_conversation_table *t = &p->conversations;
	uint32_t longest = FLY_PAYLOAD;

	if (link->is_private || (c && c->is_proven))
		return true;
	if (c && c->asks_proof)
		return false;
	if (h->procedure < export->n_procedures)
		longest += export->stubs[h->procedure].result_bytes;
	return h->fragments == 1 && longest <= 3 * (FLY_PAYLOAD + (uint32_t)h->length) &&
	       (c || t->n_free > t->n / 2);
}

static bool has_token(const struct fly_poller *p, const struct rte_mbuf *m,
		      const struct fly_header *h)
{
	const uint8_t *frame = fly_packet_frame(m);

	return (h->flags & FLY_FLAG_TOKEN) &&
	       fly_token_is_good(p->token_key, h->hint, fly_load_raw32(frame + FLY_IP_SOURCE),
				 fly_load_raw16(frame + FLY_UDP_SOURCE), h->activity, p->now_ms);
}

/* Would a record, if the call had run, have been forgotten by now? */
static bool is_too_old(const struct fly_poller *p, const struct fly_header *h)
{
	return h->age + p->running.held_ms + FLY_PACKET_LIFE_MS >= FLY_RECORD_KEEP_MS;
}

/*
 * Was the record of this activity given back early? Then the call is refused: "not executed" only
 * if the call has not run, and as long as the filter of refused calls can take it.
 * Return: true: the packet is gone.
 */
static bool is_gone(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		    const struct fly_header *h)
{
	switch (fly_conversation_gone(p, h)) {
	case FLY_GONE_NOT:
		return false;
	case FLY_GONE_MAYBE:
		fly_reply_refuse_gone(p, link, m, h, FLY_EFORGOTTEN);
		return true;
	case FLY_GONE_NOT_RUN:
		break;
	}
	if (fly_refused_add(p->refused, h->activity, h->seq))
		fly_reply_refuse_gone(p, link, m, h, FLY_EBUSY);
	else
		fly_frame_drop(p, m, FLY_COUNT_reject_limited);
	return true;
}

/*
 * The record of a call, by its hint or through the hash table; a new activity gets a new record.
 * Return: NULL: the call was refused, challenged or dropped, and the packet is gone.
 */
static struct fly_conversation *find_conversation(struct fly_poller *p, struct fly_link *link,
						  struct rte_mbuf *m, const struct fly_header *h,
						  const struct fly_export *export)
{
	struct fly_conversation *c = fly_conversation_lookup(p, h);

	if (h->activity == 0) {
		fly_frame_drop(p, m, FLY_COUNT_drop_activity);
		return NULL;
	}
	if (c && !fly_conversation_is_peer(c, link, fly_packet_frame(m))) {
		fly_frame_drop(p, m, FLY_COUNT_drop_wrong_peer);
		return NULL;
	}
	if (!c && is_too_old(p, h)) {
		fly_reply_refuse(p, link, m, h, FLY_EFORGOTTEN);
		return NULL;
	}
	if (!c && fly_refused_has(p->refused, h->activity, h->seq)) {
		fly_reply_refuse(p, link, m, h, FLY_EBUSY);
		return NULL;
	}
	if (!c && is_gone(p, link, m, h))
		return NULL;
	if (!is_welcome(p, link, h, export, c)) {
		if (!has_token(p, m, h)) {
			fly_reply_challenge(p, link, m, h);
			return NULL;
		}
		if (c)
			fly_conversation_prove(p, c);
	}
	if (c)
		return c;
	c = fly_conversation_open(p, link, fly_packet_frame(m), h,
				  link->is_private || has_token(p, m, h));
	if (!c) {
		/* A call that the filter cannot remember is dropped: its copy may run. */
		if (fly_refused_add(p->refused, h->activity, h->seq))
			fly_reply_refuse(p, link, m, h, FLY_EBUSY);
		else
			fly_frame_drop(p, m, FLY_COUNT_reject_limited);
		return NULL;
	}
	return c;
}

/*
 * Handle a call that is not new. Of the fragments of a call, only those that request an
 * acknowledgement are answered.
 * Return: true: the call may run again, and the packet is still there.
 */
static bool answer_again(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
			 const struct fly_header *h, struct fly_conversation *c)
{
	enum fly_accept what = fly_conversation_accept(c, h->seq);

	if (h->fragments > 1 && !(h->flags & FLY_FLAG_ACK))
		what = FLY_OLD;
	switch (what) {
	case FLY_RESEND:
		fly_reply_result_again(p, link, m, h, c);
		return false;
	case FLY_BUSY:
		if (h->flags & FLY_FLAG_ACK) {
			fly_reply_running(p, link, m, h, c);
			return false;
		}
		break;
	case FLY_REFUSE:
		fly_reply_refuse(p, link, m, h, FLY_EBUSY);
		return false;
	case FLY_REPEAT:
		if (h->fragments == 1)
			return true;
		if (h->flags & FLY_FLAG_ACK) { /* split since: the path takes less now */
			fly_reply_refuse(p, link, m, h, FLY_EFORGOTTEN);
			return false;
		}
		break;
	default:
		break;
	}
	fly_frame_drop(p, m, FLY_COUNT_drop_old_call);
	return false;
}

/*
 * Where the results of a call go, by the layout that the stub compiler chose.
 * @result: set to the packet: @m, or a second one.
 * Return: the start of the results; NULL: they cannot be sent or retained now.
 */
static uint8_t *result_frame(struct fly_poller *p, const struct fly_link *link, struct rte_mbuf *m,
			     const struct fly_conversation *c, const struct fly_procedure *stub,
			     struct rte_mbuf **result)
{
	const struct fly_conversation_table *t = &p->conversations;
	uint8_t *to;

	*result = m;
	if (stub->result_bytes > FLY_RETAIN_BYTES && !c->result && t->n_retained >= t->retained_max)
		fly_conversations_spare_results(p, c);
	if (fly_procedure_layout(stub) == FLY_RESULTS_SECOND)
		*result = fly_packet_get(&p->cache, FLY_PAYLOAD + (uint32_t)stub->result_bytes);
	if (!*result)
		return NULL;
	to = fly_packet_frame(*result) + stub->result_offset;
	if (fly_serve_has_room(p, link, c, stub, fly_packet_room(*result) - stub->result_offset))
		return to;
	if (*result != m)
		fly_packet_put(&p->cache, *result);
	return NULL;
}

/*
 * Is there room for a call on a worker? If not, peers that have more than their share give way:
 * their results are let go, or their calls that wait are refused.
 */
bool fly_call_has_worker_room(struct fly_poller *p, const struct fly_conversation *c,
			      struct fly_worker_pool *pool)
{
	const struct fly_conversation_table *t = &p->conversations;

	if (t->n_retained + p->n_on_workers >= t->retained_max)
		fly_conversations_spare_results(p, c);
	return fly_worker_make_room(p, pool, fly_conversation_peer(p, c)) &&
	       fly_worker_has_packet_room(p, pool);
}

/* May the procedure that this copy names run twice? A copy may name another than the call did. */
static bool may_repeat(const struct fly_link *link, const struct fly_header *h,
		       const struct fly_export *export)
{
	const struct fly_procedure *stub;

	if (h->procedure >= export->n_procedures)
		return false;
	stub = &export->stubs[h->procedure];
	return (stub->flags & FLY_PROCEDURE_IDEMPOTENT) &&
	       stub->result_bytes <= fly_payload_unsaid(link);
}

/* Of a call without a record: might it have had one? */
static bool may_have_run(const struct fly_poller *p, const struct fly_header *h)
{
	return is_too_old(p, h) || fly_conversation_gone(p, h) == FLY_GONE_MAYBE;
}

/*
 * A call to an export that is not here. If the export was withdrawn, what has run, or runs still,
 * has a record, which is answered from as before; or its record was given back early, or long ago.
 * What never had one did not run, and will not.
 */
static void answer_without_export(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
				  const struct fly_header *h)
{
	const bool was_here =
		h->export_id != 0 && p->withdrawn[h->export_id % FLY_EXPORTS] == h->export_id;
	enum fly_counter why = FLY_COUNT_drop_activity;
	struct fly_conversation *c = NULL;

	if (was_here)
		c = fly_conversation_of_peer(p, link, m, h, &why);
	if (c && c->seq == h->seq && c->state != FLY_CONVERSATION_KNOWN) {
		if (answer_again(p, link, m, h, c)) /* it ran, and cannot run again */
			fly_reply_refuse(p, link, m, h, FLY_EFORGOTTEN);
	} else if (was_here && h->activity != 0 && why == FLY_COUNT_drop_activity &&
		   (c ? fly_seq_after(h->seq, c->seq) : !may_have_run(p, h))) {
		fly_reply_refuse_withdrawn(p, link, m, h);
	} else {
		fly_reply_refuse(p, link, m, h, FLY_ESTALE);
	}
}

struct fly_conversation *fly_call_admit(struct fly_poller *p, struct fly_link *link,
					struct rte_mbuf *m, const struct fly_header *h,
					const struct fly_export **export)
{
	struct fly_conversation *c;

	*export = fly_export_find(p->exports, h->export_id);
	if (!*export) {
		answer_without_export(p, link, m, h);
		return NULL;
	}
	c = find_conversation(p, link, m, h, *export);
	if (!c)
		return NULL;
	if (!fly_seq_after(h->seq, c->seq) || c->state == FLY_CONVERSATION_RUNNING) {
		if (!answer_again(p, link, m, h, c))
			return NULL;
		if (may_repeat(link, h, *export) &&
		    !(c->bulk && fly_seq_after(c->bulk->header.seq, h->seq)))
			return c; /* no arguments of a later call are arriving */
		fly_frame_drop(p, m, FLY_COUNT_drop_old_call);
		return NULL;
	}
	if (c->bulk && fly_seq_after(c->bulk->header.seq, h->seq)) {
		/* Arguments of a later call are arriving: the caller has abandoned this one. */
		fly_frame_drop(p, m, FLY_COUNT_drop_old_call);
		return NULL;
	}
	return c;
}

const struct fly_procedure fly_call_no_procedure = {.name = "none", .stub = fly_stub_none};

/* Run a call of one packet. The deadline behind its arguments was stripped. */
static void run(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		const struct fly_header *h, const struct fly_export *export,
		struct fly_conversation *c)
{
	const struct fly_procedure *stub = &fly_call_no_procedure;
	struct rte_mbuf *result;
	bool is_repeat;
	uint8_t *to;

	if (h->procedure < export->n_procedures)
		stub = &export->stubs[h->procedure];
	if (fly_procedure_is_on_worker(stub) && !fly_call_has_worker_room(p, c, export->pool)) {
		fly_reply_refuse_busy(p, link, m, h, c);
		return;
	}
	if (c->seq == h->seq) /* it was run before, and its result was not kept */
		fly_path_mtu_suspect_repeat(p, link, m, c);
	if (stub->result_bytes > fly_link_payload(link)) {
		fly_bulk_serve(p, link, m, h, export, stub, c, NULL, h->length);
		return;
	}
	to = result_frame(p, link, m, c, stub, &result);
	if (!to) {
		fly_reply_refuse_for_good(p, link, m, h, c);
		return;
	}
	fly_conversation_bulk_end(p, c);
	is_repeat = c->seq == h->seq;
	fly_conversation_to_running(c, h->seq); /* a later call, or a copy that may run again */
	if (fly_procedure_is_on_worker(stub))
		fly_worker_serve(p, link, m, h->length, result, to, export, stub, c, is_repeat);
	else
		fly_serve_run(p, link, m, h->length, result, to, export, stub, c);
}

void fly_slow_call(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		   const struct fly_header *h)
{
	const struct fly_running outer = p->running; /* restored below: calls nest */
	const struct fly_export *export;
	struct fly_conversation *c = fly_call_admit(p, link, m, h, &export);
	struct fly_header bare = *h;

	if (!c)
		return;
	p->running.deadline_tsc = FLY_NEVER;
	if ((h->flags & FLY_FLAG_DEADLINE) && !fly_deadline_strip(p, m, &bare)) {
		/* The caller no longer waits. No copy of the call may run, unless the call has
		 * run. */
		if (c->seq != h->seq)
			fly_conversation_refuse(p, c, h->seq);
		fly_frame_drop(p, m, FLY_COUNT_drop_late);
	} else {
		run(p, link, m, &bare, export, c);
	}
	p->running = outer;
}
