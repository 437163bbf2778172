/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * next.c - see next.h. Called by the poll loop, through slow.h, and by the files of bulk/ that
 * receive. Owns the poller's table of messages that are known. Takes no packet but the plainly
 * next one: all others go the long way, which decides.
 */
#include "slowpath/bulk/next.h"

#include "fastpath/slow.h"

#define WORDS ((FLY_RPC + 30) / 8) /* what is compared: all headers but the age */

/* Where the flags and the UDP checksum lie, and where the number of the fragment. */
#define FLAGS_WORD    ((FLY_RPC + 1) / 8)
#define FRAGMENT_WORD ((FLY_RPC + 20) / 8)

static_assert((FLY_RPC + 30) % 8 == 0, "whole words");
static_assert(sizeof((struct fly_bulk *)0)->expected == (size_t)8 * WORDS,
	      "and no byte behind them");
static_assert(FLAGS_WORD == FLY_UDP_CHECKSUM / 8, "in one word");
static_assert(FLY_UDP_CHECKSUM % 8 == 0 && (FLY_RPC + 1) % 8 == 3, "bytes 0, 1 and 3 of it");
static_assert((FLY_RPC + 20) % 8 == 6, "the last two bytes of it");

/* The bits of a word that are the same in all fragments that take the short way. */
static inline uint64_t same_bits(unsigned word)
{
	const uint64_t any_flags = FLY_FLAG_ACK; /* a fragment that is sent again is none */

	if (word == FLAGS_WORD)
		return ~(UINT64_C(0xffff) | any_flags << 24);
	return word == FRAGMENT_WORD ? UINT64_MAX >> 16 : UINT64_MAX;
}

/* An index by what differs among the messages of one caller, and of several. */
static inline unsigned place(const uint8_t *frame)
{
	return (frame[FLY_RPC + 8] ^ frame[FLY_RPC + 10]) % FLY_BULKS_KNOWN;
}

void fly_next_expect(struct fly_poller *p, struct fly_bulk *b, const uint8_t *frame)
{
	/* The last fragment is shorter, and may come first. */
	if (fly_get_u16(frame + FLY_RPC + 28) != b->in.unit)
		return;
	memcpy(b->expected, frame, sizeof b->expected);
	b->expected[FLY_RPC + 1] &= (uint8_t) ~(FLY_FLAG_ACK | FLY_FLAG_RESENT);
	p->bulk.known[place(frame)] = b;
}

void fly_next_forget(struct fly_poller *p, const struct fly_bulk *b)
{
	for (unsigned i = 0; i < FLY_BULKS_KNOWN; i++) {
		if (p->bulk.known[i] == b)
			p->bulk.known[i] = NULL;
	}
}

static inline bool is_expected(const struct fly_bulk *b, const uint8_t *frame)
{
	uint64_t differ = 0;

	for (unsigned i = 0; i < WORDS; i++) {
		const size_t at = 8 * (size_t)i;

		differ |= (fly_load_raw64(frame + at) ^ fly_load_raw64(b->expected + at)) &
			  same_bits(i);
	}
	return differ == 0;
}

/* At a server: is the call still one that has not run, of a caller that may call? */
static inline bool is_wanted(const struct fly_bulk *b)
{
	const struct fly_conversation *c = b->conversation;

	return !c || (fly_seq_after(b->header.seq, c->seq) && !c->is_closing &&
		      c->state != FLY_CONVERSATION_RUNNING);
}

bool fly_slow_next_fragment(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m)
{
	const uint8_t *frame = fly_packet_frame(m);
	struct fly_bulk *b;
	uint32_t unit;

	if (m->data_len < FLY_PAYLOAD || !fly_packet_is_plain(m))
		return false;
	b = p->bulk.known[place(frame)];
	if (!b || b->link != link || !is_expected(b, frame) || !is_wanted(b))
		return false;
	unit = b->in.unit;
	if (m->data_len < FLY_PAYLOAD + unit || fly_link_verify(link, m) != 0)
		return false;

	const struct fly_header h = {
		.flags = frame[FLY_RPC + 1],
		.fragment = fly_get_u16(frame + FLY_RPC + 20),
	};

	if (!fly_gather_next(&b->in, h.fragment))
		return false;
	/* ---- committed: the packet is taken ---- */
	fly_spread_write(&b->to, h.fragment * unit, unit, frame + FLY_PAYLOAD);
	fly_stats_add(&p->stats, FLY_COUNT_fragments_received, 1);
	fly_bulk_progress(p, b);
	if (b->conversation)
		b->conversation->touched_ms = p->now_ms;
	else
		fly_bulk_heard(p, b);
	if (!(h.flags & FLY_FLAG_ACK))
		fly_packet_put(&p->cache, m);
	else if (b->conversation)
		fly_bulk_ack_call(p, link, m, b, &h);
	else
		fly_bulk_ack_result(p, b, m, &h);
	return true;
}
