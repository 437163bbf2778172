/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * call.c - calls that are not plainly the next one of a known caller: of a new caller, sent
 * again, stale, too old, or with results that need another packet.
 *
 * Runs on the poller's thread, behind slow.h; takes each packet it gets. The order of the checks
 * in fly_call_admit() is the order of the rows in docs/protocol.md. A refusal is no longer than
 * the call, goes only to calls and probes, and is sent within a budget. "Refused" mostly means "not
 * executed": that is said of a call that has not run, and then no copy of it ever does: its
 * record remembers that, or, where there was no room for one, a filter (refused.h).
 */
#include "fastpath/server.h"
#include "marshal/raise.h"
#include "slowpath/bulk/bulk.h"
#include "slowpath/records.h"
#include "slowpath/deadline.h"
#include "slowpath/reply.h"
#include "slowpath/refused.h"
#include "slowpath/token.h"

uint8_t *fly_reply_turn_around(const struct fly_link *link, struct rte_mbuf *m)
{
	uint8_t *frame = fly_packet_frame(m);

	fly_wire_swap(frame, link->mac);
	fly_wire_set_lengths(frame, 0);
	fly_packet_set_bytes(m, FLY_PAYLOAD);
	m->ol_flags = 0;
	return frame + FLY_RPC;
}

static enum fly_counter reject_counter(enum fly_status status)
{
	switch (status) {
	case FLY_ESTALE:
		return FLY_COUNT_reject_stale;
	case FLY_EVERSION:
		return FLY_COUNT_reject_version;
	case FLY_EFORGOTTEN:
		return FLY_COUNT_reject_forgotten;
	default:
		return FLY_COUNT_reject_full;
	}
}

/* An answer of no more than a header, to whoever sent a call; there may be many of them. */
static void answer_stranger(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
			    const struct fly_header *h, enum fly_packet_type type,
			    enum fly_status status, uint32_t hint)
{
	if (p->reject_budget == 0) {
		fly_frame_drop(p, m, FLY_COUNT_reject_limited);
		return;
	}
	p->reject_budget--;

	uint8_t *rpc = fly_reply_turn_around(link, m);
	const struct fly_header answer = {
		.type = (uint8_t)type,
		.procedure = (uint16_t)status,
		.export_id = h->export_id,
		.activity = h->activity,
		.seq = h->seq,
		.fragments = 1,
		.hint = hint,
	};

	fly_wire_encode(rpc, &answer);
	fly_link_send(link, m);
}

void fly_reply_refuse(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		      const struct fly_header *h, enum fly_status status)
{
	fly_stats_add(&p->stats, reject_counter(status), 1);
	answer_stranger(p, link, m, h, FLY_PACKET_REJECT, status, p->now_ms - p->exports_since_ms);
}

/*
 * May this caller be answered at the address that it gives? What goes to an address that nobody has
 * proven is at most three times as long as what came from there, and such callers get no memory
 * for long arguments, nor the last half of the records.
 */
static bool is_welcome(const struct fly_poller *p, const struct fly_link *link,
		       const struct fly_header *h, const struct fly_export *export,
		       const struct fly_conversation *c)
{
	const struct fly_conversation_table *t = &p->conversations;
	uint32_t longest = FLY_PAYLOAD;

	if (link->is_private || (c && c->is_proven))
		return true;
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

/* Ask a caller to send its call again with a token, which only reaches it at its own address. */
static void challenge(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		      const struct fly_header *h)
{
	const uint8_t *frame = fly_packet_frame(m);
	const uint32_t token =
		fly_token_make(p->token_key, fly_load_raw32(frame + FLY_IP_SOURCE),
			       fly_load_raw16(frame + FLY_UDP_SOURCE), h->activity, p->now_ms);

	fly_stats_add(&p->stats, FLY_COUNT_challenges_sent, 1);
	answer_stranger(p, link, m, h, FLY_PACKET_CHALLENGE, 0, token);
}

/*
 * The record of a call: by its hint, through the hash table, or opened for a new activity.
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
	if (!c && h->age + p->running.held_ms + FLY_PACKET_LIFE_MS >= FLY_RECORD_KEEP_MS) {
		fly_reply_refuse(p, link, m, h, FLY_EFORGOTTEN);
		return NULL;
	}
	if (!c && fly_refused_has(p->refused, h->activity, h->seq)) {
		fly_reply_refuse(p, link, m, h, FLY_EBUSY);
		return NULL;
	}
	if (!is_welcome(p, link, h, export, c)) {
		if (!has_token(p, m, h)) {
			challenge(p, link, m, h);
			return NULL;
		}
		if (c)
			c->is_proven = true;
	}
	if (c)
		return c;
	c = fly_conversation_open(p, link, fly_packet_frame(m), h);
	if (!c) {
		/* Who cannot be remembered as refused is not refused, but not answered. */
		if (fly_refused_add(p->refused, h->activity, h->seq))
			fly_reply_refuse(p, link, m, h, FLY_EBUSY);
		else
			fly_frame_drop(p, m, FLY_COUNT_reject_limited);
		return NULL;
	}
	c->is_proven = link->is_private || has_token(p, m, h);
	return c;
}

struct fly_conversation *fly_conversation_lookup(struct fly_poller *p, const struct fly_header *h)
{
	struct fly_conversation *c = fly_conversation_at(&p->conversations, h->hint);

	if (h->activity == 0)
		return NULL;
	if (c && c->activity == h->activity)
		return c;
	c = fly_conversation_find(&p->conversations, h->activity);
	if (c)
		fly_stats_add(&p->stats, FLY_COUNT_hint_misses, 1);
	return c;
}

void fly_reply_refuse_for_good(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
			       const struct fly_header *h, struct fly_conversation *c)
{
	if (c->seq == h->seq) { /* UNKEPT: it may run again, but it did run */
		fly_reply_refuse(p, link, m, h, FLY_EFORGOTTEN);
		return;
	}
	fly_conversation_refuse(p, c, h->seq);
	fly_reply_refuse(p, link, m, h, FLY_EBUSY);
}

void fly_reply_refuse_busy(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
			   const struct fly_header *h, struct fly_conversation *c)
{
	fly_stats_add(&p->stats, FLY_COUNT_reject_busy, 1);
	fly_reply_refuse_for_good(p, link, m, h, c);
}

void fly_conversation_refuse(struct fly_poller *p, struct fly_conversation *c, uint32_t seq)
{
	fly_conversation_bulk_end(p, c);
	fly_serve_let_go(p, c);
	c->seq = seq;
	c->state = FLY_CONVERSATION_REFUSED;
	c->touched_ms = p->now_ms;
}

void fly_reply_kept(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		    const struct fly_conversation *c, uint8_t flags)
{
	uint8_t *frame = fly_reply_turn_around(link, m) - FLY_RPC;
	uint8_t *rpc = frame + FLY_RPC;

	fly_packet_expose(m, FLY_PAYLOAD + (uint32_t)c->result_bytes);
	fly_packet_set_bytes(m, FLY_PAYLOAD + (uint32_t)c->result_bytes);
	fly_wire_set_lengths(frame, c->result_bytes);
	fly_wire_make_result(frame, (uint16_t)-c->result_status,
			     (uint32_t)(c - p->conversations.records), c->result_bytes,
			     c->executions);
	rpc[1] = flags;
	fly_put_u32(rpc + 20, 1U << 16); /* also if what came was one of several */
	memcpy(frame + FLY_PAYLOAD, c->kept, c->result_bytes);
	fly_link_send(link, m);
}

void fly_reply_running(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		       const struct fly_header *h, const struct fly_conversation *c)
{
	uint8_t *rpc = fly_reply_turn_around(link, m);
	const struct fly_header answer = {
		.type = FLY_PACKET_ACK,
		.procedure = FLY_ABOUT_CALL,
		.export_id = h->export_id,
		.activity = h->activity,
		.seq = h->seq,
		.fragment = h->fragments,
		.fragments = h->fragments,
		.hint = (uint32_t)(c - p->conversations.records),
	};

	fly_wire_encode(rpc, &answer);
	fly_stats_add(&p->stats, FLY_COUNT_acks_sent, 1);
	fly_link_send(link, m);
}

/*
 * A retained result goes to where its call came from. No checksum covers that MAC: if it was wrong,
 * that of the copy that has come now may be right. Return: false: no packet to put it into.
 */
static bool readdress(struct fly_poller *p, struct fly_conversation *c, const struct rte_mbuf *m)
{
	const uint8_t *to = fly_packet_frame(m) + FLY_ETHER_SOURCE;
	struct rte_mbuf *again;

	if (memcmp(fly_packet_frame(c->result), to, 6) == 0)
		return true;
	again = fly_packet_get(&p->cache, c->result->data_len);
	if (!again)
		return false;
	memcpy(fly_packet_frame(again), fly_packet_frame(c->result), c->result->data_len);
	memcpy(fly_packet_frame(again), to, 6);
	fly_packet_put(&p->cache, c->result);
	c->result = again;
	return true;
}

/*
 * What asks for a result again may be much shorter than the call that was let in, and its procedure
 * another one: for a caller that has proven nothing the rule counts for each packet.
 */
static bool is_too_long(const struct fly_conversation *c, const struct rte_mbuf *m)
{
	uint32_t bytes = FLY_PAYLOAD + (uint32_t)c->result_bytes;

	if (c->is_proven)
		return false;
	if (fly_conversation_bulk_result(c))
		bytes = c->bulk->out.bytes + FLY_PAYLOAD * c->bulk->out.fragments;
	return bytes > 3 * (uint32_t)m->data_len;
}

void fly_reply_result_again(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
			    const struct fly_header *h, struct fly_conversation *c)
{
	if (is_too_long(c, m)) {
		challenge(p, link, m, h); /* its caller answers with the call */
		return;
	}
	if (p->again_budget == 0) {
		fly_frame_drop(p, m, FLY_COUNT_reject_limited);
		return;
	}
	p->again_budget--;
	fly_stats_add(&p->stats, FLY_COUNT_resent_results, 1);
	if (!fly_conversation_bulk_result(c) && !c->result) {
		fly_reply_kept(p, link, m, c, FLY_FLAG_RESENT);
		return;
	}
	if (fly_conversation_bulk_result(c)) {
		memcpy(c->bulk->front, fly_packet_frame(m) + FLY_ETHER_SOURCE, 6);
		fly_bulk_again(p, c->bulk);
	} else if (!readdress(p, c, m)) {
		fly_stats_add(&p->stats, FLY_COUNT_reject_limited, 1);
	} else {
		/* The same bytes again; a driver that still holds them only reads. */
		rte_mbuf_refcnt_update(c->result, 1);
		fly_link_send(link, c->result);
	}
	fly_packet_put(&p->cache, m);
}

/*
 * A call that is not new. Of one of several packets, those answer for all that ask for an answer.
 * Return: true: its procedure may run again, and the packet is still there.
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
		break;
	default:
		break;
	}
	fly_frame_drop(p, m, FLY_COUNT_drop_old_call);
	return false;
}

/* Results of another layout may lie too far back. */
void fly_slow_raised(struct rte_mbuf *result, struct fly_served *served)
{
	if (result) {
		uint8_t *front = fly_packet_frame(result);

		if (served->results + FLY_RAISED_BYTES_MAX > front + fly_packet_room(result))
			served->results = front + FLY_PAYLOAD;
		fly_packet_expose(result,
				  (uint32_t)(served->results - front) + FLY_RAISED_BYTES_MAX);
	}
	served->result_bytes = fly_raised_put(served->results, served->raised);
}

int fly_slow_served(struct fly_poller *p, struct rte_mbuf *result, struct fly_served *served,
		    int status)
{
	if (status == -FLY_ERAISED)
		fly_slow_raised(result, served);
	return fly_slow_served_by_worker(p, served, status);
}

int fly_slow_served_by_worker(struct fly_poller *p, struct fly_served *served, int status)
{
	enum fly_counter what;

	if (status != -FLY_EEXCEPTION && status != -FLY_ERAISED)
		served->result_bytes = 0;
	switch (status) {
	case -FLY_EEXCEPTION:
		what = FLY_COUNT_calls_excepted;
		break;
	case -FLY_ERAISED:
		what = FLY_COUNT_calls_raised;
		break;
	case -FLY_EMALFORMED:
		what = FLY_COUNT_calls_unreadable;
		break;
	case -FLY_ENOMEM:
		what = FLY_COUNT_calls_no_memory;
		break;
	case -FLY_ENOPROC:
		fly_stats_add(&p->stats, FLY_COUNT_calls_no_procedure, 1);
		return status; /* no stub of an interface ran: not served */
	default:
		status = -FLY_ERESULT;
		what = FLY_COUNT_calls_wrong_results;
	}
	fly_stats_add(&p->stats, what, 1);
	fly_stats_add(&p->stats, FLY_COUNT_calls_served, 1);
	return status;
}

/*
 * Where the results of a call go, by the layout that the stub compiler chose.
 * @result: set to the packet, which is @m or a second one.
 * Return: the start of the result's frame; NULL: it cannot be sent or retained now.
 */
static uint8_t *result_frame(struct fly_poller *p, const struct fly_link *link, struct rte_mbuf *m,
			     const struct fly_conversation *c, const struct fly_procedure *stub,
			     struct rte_mbuf **result)
{
	uint8_t *to;

	*result = m;
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

/* What says that it is a copy of a call that may run again: is it, or of another procedure? */
static bool may_repeat(const struct fly_link *link, const struct fly_header *h,
		       const struct fly_export *export)
{
	const struct fly_procedure *stub;

	if (h->procedure >= export->n_procedures)
		return false;
	stub = &export->stubs[h->procedure];
	return (stub->flags & FLY_PROCEDURE_IDEMPOTENT) && stub->result_bytes <= link->payload_max;
}

struct fly_conversation *fly_call_admit(struct fly_poller *p, struct fly_link *link,
					struct rte_mbuf *m, const struct fly_header *h,
					const struct fly_export **export)
{
	struct fly_conversation *c;

	*export = fly_export_find(p->exports, h->export_id);
	if (!*export) {
		fly_reply_refuse(p, link, m, h, FLY_ESTALE);
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
			return c; /* nor are arguments of a later call arriving */
		fly_frame_drop(p, m, FLY_COUNT_drop_old_call);
		return NULL;
	}
	if (c->bulk && fly_seq_after(c->bulk->header.seq, h->seq)) {
		/* Arguments of a later call are arriving: its caller is done with this one. */
		fly_frame_drop(p, m, FLY_COUNT_drop_old_call);
		return NULL;
	}
	return c;
}

const struct fly_procedure fly_call_no_procedure = {.name = "none", .stub = fly_stub_none};

/* A call of one packet, without what is behind its arguments. */
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
	if (fly_procedure_is_on_worker(stub) && !fly_worker_has_packet_place(p, export->pool)) {
		fly_reply_refuse_busy(p, link, m, h, c);
		return;
	}
	if (stub->result_bytes > link->payload_max) {
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
	c->seq = h->seq; /* a later call, or one that may run again */
	c->state = FLY_CONVERSATION_RUNNING;
	if (fly_procedure_is_on_worker(stub))
		fly_worker_serve(p, link, m, h->length, result, to, export, stub, c, is_repeat);
	else
		fly_serve_run(p, link, m, h->length, result, to, export, stub, c);
}

void fly_slow_call(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		   const struct fly_header *h)
{
	const uint64_t outer_tsc =
		p->running.deadline_tsc; /* of a procedure that turns its poller */
	const struct fly_export *export;
	struct fly_conversation *c = fly_call_admit(p, link, m, h, &export);
	struct fly_header bare = *h;

	if (!c)
		return;
	p->running.deadline_tsc = FLY_NEVER;
	if ((h->flags & FLY_FLAG_DEADLINE) && !fly_deadline_strip(p, m, &bare)) {
		/* Nobody waits for it any more, nor shall a copy of it run; unless it has. */
		if (c->seq != h->seq)
			fly_conversation_refuse(p, c, h->seq);
		fly_frame_drop(p, m, FLY_COUNT_drop_late);
	} else {
		run(p, link, m, &bare, export, c);
	}
	p->running.deadline_tsc = outer_tsc;
}
