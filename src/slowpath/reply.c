/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * reply.c - everything that a server answers to a call or a probe, but for a result that is new:
 * refusals, challenges, "it runs", and results once more.
 *
 * Runs on the poller's thread; each function takes the packet that is answered, which becomes the
 * answer. A refusal is no longer than the call, and is sent within a budget. "Refused" mostly means
 * "not executed": that is said of a call that has not run, and then no copy of it ever does: its
 * record remembers that, or, where there was no room for one, a filter (refused.h).
 */
#include "slowpath/reply.h"

#include "fastpath/server.h"
#include "slowpath/bulk/bulk.h"
#include "slowpath/frame.h"
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

/* Ask a caller to send its call again with a token, which only reaches it at its own address. */
void fly_reply_challenge(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
			 const struct fly_header *h)
{
	const uint8_t *frame = fly_packet_frame(m);
	const uint32_t token =
		fly_token_make(p->token_key, fly_load_raw32(frame + FLY_IP_SOURCE),
			       fly_load_raw16(frame + FLY_UDP_SOURCE), h->activity, p->now_ms);

	fly_stats_add(&p->stats, FLY_COUNT_challenges_sent, 1);
	answer_stranger(p, link, m, h, FLY_PACKET_CHALLENGE, 0, token);
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
		fly_reply_challenge(p, link, m, h); /* its caller answers with the call */
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
