/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bulk/server.c - the server's side of a call of several packets: receiving arguments, running the
 * call, sending and retaining results.
 *
 * Runs on the poller's thread, behind slow.h. Takes each packet it gets. A call whose fragments
 * are still arriving has not run: its record is as the call before left it. When the call is whole
 * it is accepted exactly as a call of one packet. See "A fragment of a call" in docs/protocol.md.
 */
#include "fastpath/server.h"
#include "threads/worker.h"
#include "marshal/raise.h"
#include "slowpath/bulk/bulk.h"
#include "slowpath/bulk/next.h"
#include "slowpath/records.h"
#include "slowpath/deadline.h"
#include "slowpath/payload.h"
#include "base/random.h"
#include "slowpath/reply.h"
#include "slowpath/frame.h"
#include "slowpath/call.h"

static int malformed(struct fly_served *served)
{
	(void)served;
	return -FLY_EMALFORMED;
}

static const struct fly_procedure too_long = {.name = "too long", .stub = malformed};

/* Answer a new call with a stub that needs neither arguments nor results. */
static void run_without(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
			const struct fly_header *h, const struct fly_export *export,
			const struct fly_procedure *stub, struct fly_conversation *c)
{
	uint8_t *frame = fly_packet_frame(m);

	fly_conversation_bulk_end(p, c);
	fly_put_u32(frame + FLY_RPC + 20, 1U << 16); /* the result is one packet */
	fly_conversation_accept(c, h->seq);
	fly_serve_run(p, link, m, h->length, m, frame, export, stub, c);
}

/* ---- arguments ---- */

/* Begin to receive a call with its first fragment. Return: NULL: the packet is gone. */
static struct fly_bulk *begin(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
			      const struct fly_header *h, const struct fly_export *export,
			      const struct fly_procedure *stub, struct fly_conversation *c)
{
	const uint32_t behind = h->flags & FLY_FLAG_DEADLINE ? FLY_DEADLINE_BYTES : 0;
	struct fly_gather in;
	struct fly_bulk *b;

	switch (fly_gather_begin(&in, h->fragment, h->fragments, h->length,
				 stub->argument_bytes + behind)) {
	case FLY_GATHER_NEW:
		break;
	case FLY_GATHER_LONG:
		run_without(p, link, m, h, export, &too_long, c);
		return NULL;
	default:
		fly_frame_drop(p, m, FLY_COUNT_drop_fragments);
		return NULL;
	}
	fly_conversation_bulk_end(p, c);
	b = fly_bulk_new(p, link, c->peer_ip, c->peer_port);
	if (!b || !fly_bulk_begin(p, b, &in)) {
		fly_bulk_free(p, b);
		fly_reply_refuse_for_good(p, link, m, h, c);
		return NULL;
	}
	b->conversation = c;
	c->bulk = b;
	/* For the acknowledgements, then for the results. */
	b->header = (struct fly_header){
		.procedure = h->procedure,
		.export_id = h->export_id,
		.activity = h->activity,
		.seq = h->seq,
		.hint = (uint32_t)(c - p->conversations.records),
	};
	return b;
}

void fly_bulk_ack_call(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		       const struct fly_bulk *b, const struct fly_header *h)
{
	fly_reply_turn_around(link, m);
	fly_bulk_ack(p, b, m, h);
	fly_link_send(link, m);
	fly_link_flush(link); /* now: the sender waits for it while more is received here */
}

/*
 * Acknowledge the whole call before its procedure begins: it may take long, and the caller would
 * resend.
 */
static void acknowledge_whole(struct fly_poller *p, struct fly_link *link, const struct rte_mbuf *m,
			      const struct fly_bulk *b, const struct fly_header *h)
{
	struct rte_mbuf *ack = fly_packet_get(&p->cache, FLY_PAYLOAD);

	if (!ack)
		return;
	memcpy(fly_packet_frame(ack), fly_packet_frame(m), FLY_PAYLOAD);
	fly_bulk_ack_call(p, link, ack, b, h);
}

/* Run a call that is whole. The deadline behind its arguments is stripped. */
static void run_whole(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		      const struct fly_header *h, const struct fly_export *export,
		      const struct fly_procedure *stub, struct fly_conversation *c)
{
	const struct fly_running outer = p->running; /* restored below: calls nest */
	uint32_t bytes = fly_gather_bytes(&c->bulk->in);

	p->running.deadline_tsc = FLY_NEVER;
	fly_bulk_gathered(p, c->bulk);
	if ((h->flags & FLY_FLAG_DEADLINE) &&
	    !fly_deadline_read(p, c->bulk->in_buffer.bytes, &bytes, h->age)) {
		/* The caller no longer waits. No copy of the call may run. */
		fly_conversation_refuse(p, c, h->seq);
		fly_frame_drop(p, m, FLY_COUNT_drop_late);
	} else {
		fly_bulk_serve(p, link, m, h, export, stub, c, c->bulk, bytes);
	}
	p->running = outer;
}

/* Receive a fragment of a new call of a known procedure. */
static void gather(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		   const struct fly_header *h, const struct fly_export *export,
		   const struct fly_procedure *stub, struct fly_conversation *c)
{
	struct fly_bulk *b = c->bulk;
	bool wants_ack = false;

	/* Of more fragments than before: the call began anew, for its path takes less now. */
	if (!b || b->header.seq != h->seq ||
	    fly_gather_is_shortened(&b->in, h->fragment, h->fragments, h->length))
		b = begin(p, link, m, h, export, stub, c);
	if (!b)
		return;
	switch (b->header.procedure == h->procedure && b->header.export_id == h->export_id
			? fly_bulk_take(p, b, fly_packet_frame(m), h, &wants_ack)
			: FLY_GATHER_WRONG) {
	case FLY_GATHER_NEW:
		c->touched_ms = p->now_ms;
		break;
	case FLY_GATHER_AGAIN:
		fly_stats_add(&p->stats, FLY_COUNT_drop_fragment_again, 1);
		break;
	case FLY_GATHER_LONG:
		run_without(p, link, m, h, export, &too_long, c);
		return;
	case FLY_GATHER_WRONG:
		fly_frame_drop(p, m, FLY_COUNT_drop_fragments);
		return;
	}
	if (fly_gather_is_whole(&b->in)) {
		acknowledge_whole(p, link, m, b, h);
		run_whole(p, link, m, h, export, stub, c);
		return;
	}
	fly_next_expect(p, b, fly_packet_frame(m));
	if (wants_ack)
		fly_bulk_ack_call(p, link, m, b, h);
	else
		fly_packet_put(&p->cache, m);
}

void fly_slow_call_fragment(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
			    const struct fly_header *h)
{
	const struct fly_export *export;
	struct fly_conversation *c = fly_call_admit(p, link, m, h, &export);

	if (!c)
		return;
	if (h->procedure < export->n_procedures)
		gather(p, link, m, h, export, &export->stubs[h->procedure], c);
	else
		run_without(p, link, m, h, export, &fly_call_no_procedure, c);
}

/* ---- running and results ---- */

/*
 * Where the results go, by the layout that the stub compiler chose. Results over or behind the
 * arguments share their buffer, as they share the packet of a small call.
 * Return: NULL: no memory.
 */
static uint8_t *results_at(struct fly_poller *p, struct fly_bulk *b, const uint8_t *arguments,
			   uint32_t bytes, const struct fly_procedure *stub)
{
	const uint32_t room = RTE_MAX(stub->result_bytes, (uint32_t)FLY_RAISED_BYTES_MAX);
	const uint32_t both = RTE_MAX(bytes, stub->result_offset + room);
	struct fly_buffer *in = &b->in_buffer;

	if (fly_procedure_layout(stub) == FLY_RESULTS_SECOND) {
		/* Cut the buffer behind the arguments: no stub may find room there. */
		if (in->bytes && !fly_buffer_resize(p, in, bytes))
			return NULL;
		if (!fly_buffer_get(p, &b->out_buffer, room, b->peer))
			return NULL;
		b->out_buffer.written = 0; /* mostly there are far fewer results than room */
		return b->out_buffer.bytes;
	}
	if (in->bytes)
		return fly_buffer_resize(p, in, both) ? in->bytes + stub->result_offset : NULL;
	if (!fly_buffer_get(p, in, both, b->peer))
		return NULL;
	memcpy(in->bytes, arguments, bytes);
	return in->bytes + stub->result_offset;
}

/*
 * Retain results of more than FLY_RETAIN_BYTES in their buffer, cut to their length.
 * Return: where they begin.
 */
static uint8_t *keep_results(struct fly_poller *p, struct fly_bulk *b,
			     const struct fly_served *served)
{
	size_t offset;

	if (b->out_buffer.bytes) {
		fly_buffer_free(p, &b->in_buffer);
	} else {
		b->out_buffer = b->in_buffer;
		b->in_buffer = (struct fly_buffer){0};
	}
	offset = (size_t)(served->results - b->out_buffer.bytes);
	fly_buffer_resize(p, &b->out_buffer, (uint32_t)offset + served->result_bytes);
	return b->out_buffer.bytes + offset;
}

uint32_t fly_bulk_draw_key(struct fly_poller *p)
{
	if (p->bulk.n_keys == 0) {
		for (; p->bulk.n_keys < RTE_DIM(p->bulk.keys); p->bulk.n_keys++)
			p->bulk.keys[p->bulk.n_keys] = fly_random32();
	}
	return p->bulk.keys[--p->bulk.n_keys];
}

/* Address the results to the sender of the packet that made the call whole. */
static void address(struct fly_bulk *b, const struct fly_link *link, struct rte_mbuf *m)
{
	uint8_t *frame = fly_reply_turn_around(link, m) - FLY_RPC;

	fly_store_raw16(frame + FLY_UDP_CHECKSUM, 0);
	memcpy(b->front, frame, FLY_RPC);
}

void fly_bulk_serve(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		    const struct fly_header *h, const struct fly_export *export,
		    const struct fly_procedure *stub, struct fly_conversation *c,
		    struct fly_bulk *b, uint32_t argument_bytes)
{
	struct fly_served served = {
		.procedures = export->procedures,
		.context = export->context,
		.arguments = fly_packet_frame(m) + FLY_PAYLOAD,
		.argument_bytes = argument_bytes,
	};
	const bool is_repeat = c->seq == h->seq;
	int status;

	if (fly_procedure_is_on_worker(stub) && !fly_call_has_worker_room(p, c, export->pool)) {
		fly_bulk_free(p, b);
		fly_reply_refuse_busy(p, link, m, h, c);
		return;
	}
	if (!b) {
		fly_conversation_bulk_end(p, c);
		b = fly_bulk_new(p, link, c->peer_ip, c->peer_port);
	}
	if (b)
		served.results = results_at(p, b, served.arguments, argument_bytes, stub);
	if (!served.results) {
		fly_bulk_free(p, b);
		fly_reply_refuse_for_good(p, link, m, h, c);
		return;
	}
	if (b->in_buffer.bytes)
		served.arguments = b->in_buffer.bytes;
	b->conversation = c;
	c->bulk = b;

	fly_conversation_to_running(c, h->seq);
	/* ---- committed: the call runs, and nothing below can fail ---- */
	fly_serve_let_go(p, c);
	c->touched_ms = p->now_ms;
	if (fly_procedure_is_on_worker(stub)) {
		fly_worker_serve_bulk(p, link, m, &served, export, stub, c, is_repeat);
		return;
	}
	p->running.conversation = c;
	status = stub->stub(&served);
	if (status == 0)
		fly_stats_add(&p->stats, FLY_COUNT_calls_served, 1);
	else
		status = fly_slow_served(p, NULL, &served, status);
	fly_bulk_served(p, link, m, export->id, c, &served, status);
}

/* Do results of more than FLY_RETAIN_BYTES fit into the call's packet, and may it be retained? */
static bool is_short(const struct fly_poller *p, uint32_t unit, const struct rte_mbuf *m,
		     uint32_t bytes)
{
	return bytes <= unit && FLY_PAYLOAD + bytes <= fly_packet_room(m) &&
	       p->conversations.n_retained < p->conversations.retained_max;
}

/* Such results could have been longer, but were not: they are sent and retained as others are. */
static void send_short(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		       struct fly_conversation *c, const struct fly_served *served, int status)
{
	static const struct fly_procedure retained = {0}; /* also if it is idempotent: call.c */
	const uint32_t bytes = served->result_bytes;
	uint8_t *frame = fly_packet_frame(m);

	fly_packet_expose(m, FLY_PAYLOAD + bytes);
	memcpy(frame + FLY_PAYLOAD, served->results, bytes);
	fly_bulk_free(p, c->bulk);
	fly_wire_set_lengths(frame, bytes);
	fly_put_u32(frame + FLY_RPC + 20, 1U << 16); /* @m may have been one of several */
	fly_serve_send(p, link, m, frame, bytes, m, frame, &retained, c, bytes, status);
}

/* Of a result that has been noted in the record. */
static struct fly_header result_header(const struct fly_poller *p, const struct fly_conversation *c,
				       uint32_t export_id)
{
	const uint16_t status = (uint16_t)-c->result_status;

	return (struct fly_header){
		.type = (uint8_t)fly_wire_result_type(status),
		.procedure = status,
		.export_id = export_id,
		.activity = c->activity,
		.seq = c->seq,
		.hint = (uint32_t)(c - p->conversations.records),
		.age = c->executions,
	};
}

void fly_bulk_served(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		     uint32_t export_id, struct fly_conversation *c, struct fly_served *served,
		     int status)
{
	const uint32_t unit = fly_payload_to(link, c->peer_ip);
	struct fly_bulk *b = c->bulk;

	c->touched_ms = p->now_ms;
	if (served->result_bytes > 0 &&
	    fly_scatter_fragments(served->result_bytes, unit) > FLY_FRAGMENTS_MAX) {
		served->result_bytes = 0;
		status = -FLY_ERESULT;
	}
	b->out_buffer.written = served->result_bytes;
	if (served->result_bytes > FLY_RETAIN_BYTES && is_short(p, unit, m, served->result_bytes)) {
		send_short(p, link, m, c, served, status);
		return;
	}
	c->executions++;
	c->result_status = (int16_t)status;
	fly_conversation_to_done(c);
	c->result_bytes = 0;
	if (served->result_bytes <= FLY_RETAIN_BYTES) {
		c->result_bytes = (uint16_t)served->result_bytes;
		memcpy(c->kept, served->results, served->result_bytes);
		fly_bulk_free(p, b);
		fly_reply_kept(p, link, m, c, 0);
		return;
	}
	b->from = (struct fly_spread){.bytes = keep_results(p, b, served)};
	address(b, link, m);
	b->in = (struct fly_gather){0};
	b->header =
		result_header(p, c, served->result_bytes > unit ? fly_bulk_draw_key(p) : export_id);
	fly_bulk_progress(p, b);
	fly_packet_put(&p->cache, m);
	fly_bulk_send(p, b, served->result_bytes, unit);
}

/* As fly_bulk_served(), but that the result was sent already: from its packet. */
bool fly_bulk_split_result(struct fly_poller *p, struct fly_link *link, struct fly_conversation *c)
{
	const uint32_t unit = fly_payload_to(link, c->peer_ip);
	const uint32_t bytes = c->result_bytes;
	const uint8_t *frame;
	struct fly_bulk *b;

	if (!c->result || bytes <= unit || c->state != FLY_CONVERSATION_DONE ||
	    (c->bulk && fly_seq_after(c->bulk->header.seq, c->seq)))
		return false;
	fly_bulk_free(p, c->bulk); /* of an earlier call */
	b = fly_bulk_new(p, link, c->peer_ip, c->peer_port);
	if (!b || !fly_buffer_get(p, &b->out_buffer, bytes, b->peer)) {
		fly_bulk_free(p, b);
		return false;
	}
	/* ---- committed: nothing below can fail ---- */
	frame = fly_packet_frame(c->result);
	memcpy(b->out_buffer.bytes, frame + FLY_PAYLOAD, bytes);
	b->out_buffer.written = bytes;
	b->from = (struct fly_spread){.bytes = b->out_buffer.bytes};
	memcpy(b->front, frame, FLY_RPC);
	b->header = result_header(p, c, fly_bulk_draw_key(p));
	b->conversation = c;
	c->bulk = b;
	fly_serve_let_go(p, c);
	c->result_bytes = 0;
	fly_bulk_progress(p, b);
	fly_bulk_send(p, b, bytes, unit);
	return true;
}

bool fly_bulk_result_acked(struct fly_poller *p, struct fly_conversation *c, const uint8_t *frame,
			   const struct fly_header *h)
{
	struct fly_bulk *b = c->bulk;

	if (!fly_conversation_bulk_result(c) || c->seq != h->seq ||
	    h->export_id != b->header.export_id || h->fragments != b->out.fragments ||
	    b->out.fragments == 1)
		return false;
	/* An acknowledgement of all, though not all was sent: the caller wants no more. */
	if (!fly_bulk_acked(p, b, frame, h) && h->fragment != h->fragments)
		return false;
	c->touched_ms = p->now_ms;
	/* Where it came from: the caller, or its gateway, may have moved. */
	memcpy(b->front + FLY_ETHER_DESTINATION, frame + FLY_ETHER_SOURCE, 6);
	if (h->fragment == h->fragments)
		fly_conversation_bulk_end(p, c); /* the caller has it */
	return true;
}
