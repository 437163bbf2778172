/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * reply.c - a server's replies to calls and probes, but for new results: refusals, challenges,
 * "running", and retained results.
 *
 * Runs on the poller's thread. Each function takes the packet that it answers; the packet becomes
 * the reply. A refusal is no longer than the call, and is sent within a budget. Most refusals say
 * "not executed". Such a refusal is sent only if the call has not run and no copy of it will: its
 * record remembers the refusal, or the filter in refused_filter.h if no record was free.
 */
#include "slowpath/reply.h"

#include "fastpath/server.h"
#include "slowpath/bulk/bulk.h"
#include "slowpath/frame.h"
#include "slowpath/path_mtu.h"
#include "slowpath/records.h"
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

/* Reply with a header alone, within the budget of replies to unproven callers. */
static void answer_stranger(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
			    const struct fly_header *h, enum fly_packet_type type,
			    enum fly_status status, uint8_t flags, uint32_t hint)
{
	if (p->reject_budget == 0) {
		fly_frame_drop(p, m, FLY_COUNT_reject_limited);
		return;
	}
	p->reject_budget--;

	uint8_t *rpc = fly_reply_turn_around(link, m);
	const struct fly_header answer = {
		.type = (uint8_t)type,
		.flags = flags,
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
	answer_stranger(p, link, m, h, FLY_PACKET_REJECT, status, 0,
			p->now_ms - p->exports_since_ms);
}

void fly_reply_refuse_gone(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
			   const struct fly_header *h, enum fly_status status)
{
	fly_stats_add(&p->stats, reject_counter(status), 1);
	answer_stranger(p, link, m, h, FLY_PACKET_REJECT, status, FLY_FLAG_GONE,
			p->now_ms - p->exports_since_ms);
}

/* So long an uptime says that no copy of the call can have run, or will. */
void fly_reply_refuse_withdrawn(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
				const struct fly_header *h)
{
	fly_stats_add(&p->stats, FLY_COUNT_reject_stale, 1);
	answer_stranger(p, link, m, h, FLY_PACKET_REJECT, FLY_ESTALE, 0, UINT32_MAX);
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

void fly_reply_challenge(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
			 const struct fly_header *h)
{
	const uint8_t *frame = fly_packet_frame(m);
	const uint32_t token =
		fly_token_make(p->token_key, fly_load_raw32(frame + FLY_IP_SOURCE),
			       fly_load_raw16(frame + FLY_UDP_SOURCE), h->activity, p->now_ms);

	fly_stats_add(&p->stats, FLY_COUNT_challenges_sent, 1);
	answer_stranger(p, link, m, h, FLY_PACKET_CHALLENGE, 0, 0, token);
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
	fly_put_u32(rpc + 20, 1U << 16); /* one packet, even if @m was one of several */
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
 * Send the retained result to the MAC that this copy of the call came from: no checksum covers
 * MACs, so the old one may have been wrong. Return: false: no packet buffer.
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
	again->ol_flags = c->result->ol_flags & ~(RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL);
	again->tx_offload = c->result->tx_offload; /* for a NIC that computes the checksum */
	fly_packet_put(&p->cache, c->result);
	c->result = again;
	return true;
}

/*
 * Is the retained result more than three times as long as the packet that requests it, for an
 * unproven caller? That packet may be much shorter than the admitted call, and name another
 * procedure.
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
		fly_reply_challenge(p, link, m, h); /* the caller replies with the call */
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
	} else if (fly_bulk_split_result(p, link, c)) {
		/* in fragments, on its path's turn */
	} else {
		fly_path_mtu_suspect_caller(p, link, c, fly_packet_frame(c->result),
					    c->result_bytes);
		/* The same packet again: a driver that still holds it only reads. */
		rte_mbuf_refcnt_update(c->result, 1);
		fly_link_send(link, c->result);
	}
	fly_packet_put(&p->cache, m);
}
