/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * server.h - the server's half of a call: the call packet becomes the result packet.
 *
 * Runs on the poller's thread. fly_serve_plain() checks everything and then commits. If it does not
 * take a call, nothing has changed, and fly_slow_call() starts afresh; that may come back to
 * fly_serve_run(). Both pass calls for workers to threads/worker.c, which comes back to
 * fly_serve_send().
 *
 * Inlined into the poll loop: a round trip over shared memory is fast while the instructions
 * between receiving and sending fit into the processor's window. docs/performance.md, "Window 1".
 */
#ifndef FLY_FASTPATH_SERVER_H
#define FLY_FASTPATH_SERVER_H

#include <rte_memcpy.h>

#include "fastpath/poller.h"
#include "fastpath/slow.h"

/* Free the retained result: the call that came now acknowledges it. */
static __rte_always_inline void fly_serve_let_go(struct fly_poller *p, struct fly_conversation *c)
{
	if (unlikely(c->result != NULL)) {
		fly_packet_put(&p->cache, c->result);
		c->result = NULL;
		p->conversations.n_retained--;
	}
}

/*
 * Retain a result until the next call: a small one as bytes, because its packet then goes back to
 * the pool while it is warm; a larger one by a reference, because copying costs more. Measured in
 * docs/performance.md, "What is kept for resending".
 */
static __rte_always_inline void fly_serve_retain(struct fly_poller *p, struct fly_conversation *c,
						 const struct fly_procedure *stub,
						 struct rte_mbuf *m, uint8_t *results,
						 uint32_t bytes, int status)
{
	c->result_bytes = (uint16_t)bytes;
	c->result_status = (int16_t)status;
	if (unlikely(bytes > FLY_RETAIN_BYTES) &&
	    unlikely(stub->flags & FLY_PROCEDURE_IDEMPOTENT)) {
		fly_conversation_to_unkept(c); /* a copy of the call runs again */
		return;
	}
	fly_conversation_to_done(c);
	if (unlikely(bytes > FLY_RETAIN_BYTES)) {
		fly_packet_share(m);
		c->result = m;
		if (unlikely(p->conversations.n_retained++ >= p->conversations.retained_high))
			results[FLY_RPC + 1 - FLY_PAYLOAD] = FLY_FLAG_ACK;
	} else if (bytes != 0) {
		rte_memcpy(c->kept, results, bytes); /* gcc makes "rep movs" of memcpy() here */
	}
}

/*
 * fly_serve_has_room() - can the results of a procedure be sent and retained?
 * @room: bytes from the start of the result's frame to the end of its buffer.
 */
static __rte_always_inline bool fly_serve_has_room(const struct fly_poller *p,
						   const struct fly_link *link,
						   const struct fly_conversation *c,
						   const struct fly_procedure *stub, uint32_t room)
{
	return stub->result_bytes <= fly_link_payload(link) &&
	       (uint32_t)FLY_PAYLOAD + stub->result_bytes <= room &&
	       (stub->result_bytes <= FLY_RETAIN_BYTES || c->result ||
		p->conversations.n_retained < p->conversations.retained_max);
}

/*
 * fly_serve_send() - a procedure has returned: send and retain its result. Arguments as for
 * fly_serve_run(), which ends with this; @to may have moved since. @status: for the caller.
 */
static __rte_always_inline void fly_serve_send(struct fly_poller *p, struct fly_link *link,
					       struct rte_mbuf *m, const uint8_t *frame,
					       uint32_t argument_bytes, struct rte_mbuf *result,
					       uint8_t *to, const struct fly_procedure *stub,
					       struct fly_conversation *c, uint32_t result_bytes,
					       int status)
{
	if (unlikely(to != frame)) {
		memmove(to, frame, FLY_PAYLOAD);
		if (result == m)
			m->data_off = (uint16_t)(m->data_off + (to - frame));
		else
			fly_packet_put(&p->cache, m);
	}
	fly_wire_swap(to, link->mac);
	if (result_bytes != argument_bytes)
		fly_wire_set_lengths(to, result_bytes);
	fly_wire_make_result(to, (uint16_t)-status, (uint32_t)(c - p->conversations.records),
			     (uint16_t)result_bytes, ++c->executions);
	fly_packet_set_bytes(result, FLY_PAYLOAD + result_bytes);
	result->ol_flags = 0;
	fly_serve_retain(p, c, stub, result, to + FLY_PAYLOAD, result_bytes, status);
	fly_link_send(link, result);
}

/*
 * fly_serve_run() - run an accepted call and send its result. Cannot fail.
 * @m: the call packet; taken. @argument_bytes: read once and checked.
 * @result: the packet that becomes the result: @m itself, or a second one.
 * @to: where in @result its frame begins.
 * @c: RUNNING since just now.
 */
static __rte_always_inline void fly_serve_run(struct fly_poller *p, struct fly_link *link,
					      struct rte_mbuf *m, uint32_t argument_bytes,
					      struct rte_mbuf *result, uint8_t *to,
					      const struct fly_export *export,
					      const struct fly_procedure *stub,
					      struct fly_conversation *c)
{
	uint8_t *frame = fly_packet_frame(m);
	struct fly_served served = {
		.procedures = export->procedures,
		.context = export->context,
		.arguments = frame + FLY_PAYLOAD,
		.argument_bytes = argument_bytes,
		.results = to + FLY_PAYLOAD,
	};
	int status;

	fly_serve_let_go(p, c);
	fly_packet_expose(result, (uint32_t)(to - fly_packet_frame(result)) + FLY_PAYLOAD +
					  stub->result_bytes);
	p->running.conversation = c;
	status = stub->stub(&served);
	c->touched_ms = p->now_ms;
	if (likely(status == 0)) {
		fly_stats_add(&p->stats, FLY_COUNT_calls_served, 1);
	} else {
		status = fly_slow_served(p, result, &served, status);
		to = served.results - FLY_PAYLOAD;
	}
	fly_serve_send(p, link, m, frame, argument_bytes, result, to, stub, c, served.result_bytes,
		       status);
}

/*
 * fly_serve_plain() - run a call that is plainly the next one of a known caller.
 * @m: a whole call packet of one fragment.
 * Return: true: the packet is taken; false: nothing has changed.
 */
static __rte_always_inline bool fly_serve_plain(struct fly_poller *p, struct fly_link *link,
						struct rte_mbuf *m)
{
	uint8_t *frame = fly_packet_frame(m);
	const uint8_t *rpc = frame + FLY_RPC;
	const uint32_t procedure = fly_get_u16(rpc + 2);
	const uint32_t argument_bytes = fly_get_u16(rpc + 28);
	const struct fly_export *export = fly_export_find(p->exports, fly_get_u32(rpc + 4));
	struct fly_conversation *c = fly_conversation_at(&p->conversations, fly_get_u32(rpc + 24));

	/* Checked before, but a peer that shares our memory may have changed the length since. */
	if (unlikely(!export || procedure >= export->n_procedures || !c ||
		     argument_bytes + FLY_PAYLOAD > m->data_len ||
		     c->activity != fly_get_u64(rpc + 8) ||
		     !fly_conversation_is_peer(c, link, frame)))
		return false;

	const struct fly_procedure *stub = &export->stubs[procedure];

	/* For a worker, or results in a second packet: both in one comparison. */
	if (unlikely(stub->layout >= FLY_RESULTS_SECOND))
		return fly_slow_serve_worker(p, link, m, argument_bytes, export, stub, c);
	/* A small result is never much longer than its call: "Strangers" in docs/protocol.md. */
	if (unlikely((stub->result_bytes > FLY_RETAIN_BYTES && !c->is_proven) ||
		     !fly_serve_has_room(p, link, c, stub,
					 fly_packet_room(m) - stub->result_offset) ||
		     !fly_conversation_accept_next(c, fly_get_u32(rpc + 16))))
		return false;
	/* ---- committed: the call runs, and nothing below can fail ---- */
	fly_serve_run(p, link, m, argument_bytes, m, frame + stub->result_offset, export, stub, c);
	return true;
}

#endif
