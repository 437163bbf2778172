/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * server.c - the server's half of a call: the call packet becomes the result packet.
 *
 * Owns the transitions KNOWN/DONE -> RUNNING -> DONE of a conversation. Runs on the poller's
 * thread, from demux.c. Everything is checked first; from the line "committed" on, the call runs
 * and its result goes out.
 */
#include "fastpath/slow.h"

/* The conversation's retained result is acknowledged by the call that came now. */
static inline void let_go(struct fly_poller *p, struct fly_conversation *c)
{
	if (c->result) {
		fly_packet_put(&p->cache, c->result);
		c->result = NULL;
		p->conversations.n_retained--;
	}
}

/*
 * Retain, see DESIGN's "Packet buffers": small results as bytes, since then the packet goes back
 * to the pool while it is warm; larger ones by a reference, since copying them costs more.
 */
static inline void retain(struct fly_poller *p, struct fly_conversation *c, struct rte_mbuf *m,
			  const uint8_t *results, uint32_t bytes, int status)
{
	c->result_bytes = (uint16_t)bytes;
	c->result_status = (int16_t)status;
	c->state = FLY_CONVERSATION_DONE;
	if (bytes > FLY_RETAIN_BYTES) {
		fly_packet_share(m);
		c->result = m;
		p->conversations.n_retained++;
	} else if (bytes != 0) {
		memcpy(c->kept, results, bytes);
	}
}

/*
 * The packet that the results go into, by the layout that the stub compiler chose.
 * Return: the frame within *m that will be the result; NULL: no second buffer to be had.
 */
static inline uint8_t *result_frame(struct fly_poller *p, const struct fly_procedure *stub,
				    struct rte_mbuf **m)
{
	if (likely(stub->layout == FLY_RESULTS_OVER))
		return fly_packet_frame(*m);
	if (stub->layout == FLY_RESULTS_BEHIND)
		return fly_packet_frame(*m) + stub->result_offset;
	*m = fly_packet_get(&p->cache, FLY_PAYLOAD + (uint32_t)stub->result_bytes);
	return *m ? fly_packet_frame(*m) : NULL;
}

void fly_server_call(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		     const struct fly_header *h)
{
	uint8_t *frame = fly_packet_frame(m);
	const struct fly_export *export = fly_export_find(p->exports, h->export_id);
	struct fly_conversation *c = fly_conversation_at(&p->conversations, h->hint);

	if (unlikely(!export)) {
		fly_slow_reject(p, link, m, h, FLY_ESTALE);
		return;
	}
	if (unlikely(h->fragments != 1)) {
		fly_slow_packet(p, link, m, h, -(int)FLY_COUNT_drop_fragments);
		return;
	}
	if (unlikely(!c || c->activity != h->activity)) {
		c = fly_slow_conversation(p, link, m, h);
		if (!c)
			return;
	}
	if (unlikely(!fly_conversation_is_peer(c, link, frame))) {
		fly_slow_packet(p, link, m, h, -(int)FLY_COUNT_drop_wrong_peer);
		return;
	}

	static const struct fly_procedure none = {.name = "none"};
	const bool known = likely(h->procedure < export->n_procedures);
	const struct fly_procedure *stub = known ? &export->stubs[h->procedure] : &none;

	if (unlikely(stub->result_bytes > FLY_RETAIN_BYTES) &&
	    (p->conversations.n_retained >= p->conversations.retained_max && !c->result)) {
		fly_slow_no_room(p, link, m, c, h);
		return;
	}

	struct rte_mbuf *result = m;
	uint8_t *to = result_frame(p, stub, &result);

	if (unlikely(!to ||
		     (uint32_t)(to - fly_packet_frame(result)) + FLY_PAYLOAD + stub->result_bytes >
			     fly_packet_room(result) ||
		     stub->result_bytes > link->payload_max)) {
		if (result && result != m)
			fly_packet_put(&p->cache, result);
		fly_slow_no_room(p, link, m, c, h);
		return;
	}

	const enum fly_accept accept = fly_conversation_accept(c, h->seq);

	if (unlikely(accept != FLY_RUN)) {
		if (result != m)
			fly_packet_put(&p->cache, result);
		fly_slow_repeat(p, link, m, c, accept);
		return;
	}
	/* ---- committed: the call runs, and nothing below can fail ---- */
	let_go(p, c);
	c->touched_ms = p->now_ms;

	struct fly_served served = {
		.procedures = export->procedures,
		.context = export->context,
		.arguments = frame + FLY_PAYLOAD,
		.argument_bytes = h->length,
		.results = to + FLY_PAYLOAD,
	};
	int status = -FLY_ENOPROC;

	if (known) {
		fly_packet_expose(result, (uint32_t)(to - fly_packet_frame(result)) + FLY_PAYLOAD +
						  stub->result_bytes);
		status = stub->stub(&served);
		fly_stats_add(&p->stats, FLY_COUNT_calls_served, 1);
		export->served[h->procedure]++;
	}
	if (unlikely(status != 0)) {
		served.result_bytes = 0;
		if (status == -FLY_ENOPROC)
			fly_stats_add(&p->stats, FLY_COUNT_calls_no_procedure, 1);
		else if (status == -FLY_EMALFORMED)
			fly_stats_add(&p->stats, FLY_COUNT_calls_unreadable, 1);
	}

	if (to != frame) {
		memmove(to, frame, FLY_PAYLOAD);
		if (result == m) {
			m->data_off = (uint16_t)(m->data_off + (to - frame));
		} else {
			fly_packet_put(&p->cache, m);
		}
	}
	fly_wire_swap(to, link->mac);
	fly_wire_set_lengths(to, served.result_bytes);
	to[FLY_RPC] = FLY_WIRE_VERSION << 4 | FLY_PACKET_RESULT;
	to[FLY_RPC + 1] = 0;
	fly_put_u16(to + FLY_RPC + 2, (uint16_t)-status);
	fly_put_u32(to + FLY_RPC + 24, (uint32_t)(c - p->conversations.records));
	fly_put_u16(to + FLY_RPC + 28, (uint16_t)served.result_bytes);
	fly_put_u16(to + FLY_RPC + 30, ++c->executions);
	fly_packet_set_bytes(result, FLY_PAYLOAD + served.result_bytes);
	result->ol_flags = 0;
	retain(p, c, result, served.results, served.result_bytes, status);
	fly_link_send(link, result);
}
