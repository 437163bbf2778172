/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bulk.c - what both sides of a large call share: its memory, the sending of fragments, and the
 * list that the sweep looks through.
 *
 * Runs on the poller's thread, behind slow.h. Fragments are copied into packets and out of them.
 * A packet that cannot be had, or a queue that is not taken, stops a message until an
 * acknowledgement or the sweep goes on with it.
 */
#include "slowpath/bulk.h"

#include <stdlib.h>

#include "slowpath/conversations.h"
#include "slowpath/overdue.h"

#define SWEEP_BULKS 64 /* looked at per sweep */
#define SILENT_MS   20 /* who has not acknowledged for so long needs no share of the window */

/* ---- memory ---- */

bool fly_buffer_get(struct fly_poller *p, struct fly_buffer *b, uint32_t room, bool is_counted)
{
	if (is_counted && room > p->bulk.max - p->bulk.bytes)
		return false;
	*b = (struct fly_buffer){.bytes = malloc(room), .room = room, .is_counted = is_counted};
	if (!b->bytes)
		return false;
	if (is_counted)
		p->bulk.bytes += room;
	return true;
}

bool fly_buffer_resize(struct fly_poller *p, struct fly_buffer *b, uint32_t room)
{
	uint8_t *bytes;

	if (room == b->room)
		return true;
	if (b->is_counted && room > b->room && room - b->room > p->bulk.max - p->bulk.bytes)
		return false;
	bytes = realloc(b->bytes, room);
	if (!bytes)
		return false;
	if (b->is_counted)
		p->bulk.bytes = p->bulk.bytes - b->room + room;
	b->bytes = bytes;
	b->room = room;
	return true;
}

void fly_buffer_free(struct fly_poller *p, struct fly_buffer *b)
{
	if (b->bytes && b->is_counted)
		p->bulk.bytes -= b->room;
	free(b->bytes);
	*b = (struct fly_buffer){0};
}

struct fly_bulk *fly_bulk_new(struct fly_poller *p, struct fly_link *link)
{
	struct fly_bulk *b = calloc(1, sizeof *b);

	if (!b)
		return NULL;
	b->link = link;
	b->progress_ms = p->now_ms;
	TAILQ_INSERT_TAIL(&p->bulk.all, b, all);
	p->bulk.n++;
	return b;
}

static void set_sending(struct fly_poller *p, struct fly_bulk *b, bool is_sending)
{
	p->bulk.n_sending += (uint32_t)is_sending - (uint32_t)b->is_sending;
	b->is_sending = is_sending;
}

void fly_bulk_free(struct fly_poller *p, struct fly_bulk *b)
{
	if (!b)
		return;
	if (b->entry)
		b->entry->bulk = NULL;
	if (b->conversation)
		b->conversation->bulk = NULL;
	set_sending(p, b, false);
	fly_buffer_free(p, &b->out_buffer);
	fly_buffer_free(p, &b->in_buffer);
	TAILQ_REMOVE(&p->bulk.all, b, all);
	p->bulk.n--;
	free(b);
}

/* ---- out ---- */

/* One fragment in a packet. Return: NULL: there is none. */
static struct rte_mbuf *packet(struct fly_poller *p, const struct fly_bulk *b,
			       const struct fly_header *h)
{
	struct rte_mbuf *m = fly_packet_get(&p->cache, FLY_PAYLOAD + (uint32_t)h->length);
	uint8_t *frame;

	if (!m)
		return NULL;
	frame = fly_packet_frame(m);
	memcpy(frame, b->outer, FLY_RPC);
	fly_wire_set_lengths(frame, h->length);
	fly_wire_encode(frame + FLY_RPC, h);
	memcpy(frame + FLY_PAYLOAD, b->out_buffer.bytes + (size_t)h->fragment * b->out.unit,
	       h->length);
	return m;
}

void fly_bulk_push(struct fly_poller *p, struct fly_bulk *b)
{
	const uint32_t window = fly_scatter_window(p->bulk.n_sending);
	struct fly_scatter *s = &b->out;

	while (fly_scatter_ready(s, window) && b->link->n_queued < FLY_BURST) {
		const bool is_again = s->next < s->most;
		struct fly_header h = b->header;
		struct rte_mbuf *m;

		h.fragment = (uint16_t)s->next;
		h.fragments = (uint16_t)s->fragments;
		h.length = (uint16_t)fly_scatter_length(s, s->next);
		if (b->entry)
			h.age = fly_overdue_age_ms(p, b->entry);
		m = packet(p, b, &h);
		if (!m)
			return;
		s->next++;
		s->most = RTE_MAX(s->most, s->next);
		fly_packet_frame(m)[FLY_RPC + 1] =
			b->header.flags | (is_again ? FLY_FLAG_RESENT : 0) |
			(s->fragments > 1 && fly_scatter_wants_ack(s, window) ? FLY_FLAG_ACK : 0);
		fly_stats_add(&p->stats,
			      is_again ? FLY_COUNT_fragments_resent : FLY_COUNT_fragments_sent, 1);
		fly_link_send(b->link, m);
	}
}

void fly_bulk_send(struct fly_poller *p, struct fly_bulk *b, uint32_t bytes, uint32_t unit)
{
	fly_scatter_begin(&b->out, bytes, unit);
	set_sending(p, b, b->out.fragments > 1);
	fly_bulk_push(p, b);
}

void fly_bulk_again(struct fly_poller *p, struct fly_bulk *b)
{
	fly_scatter_rewind(&b->out);
	set_sending(p, b, b->out.fragments > 1);
	fly_bulk_push(p, b);
}

void fly_bulk_stop(struct fly_poller *p, struct fly_bulk *b)
{
	fly_scatter_stop(&b->out);
	set_sending(p, b, false);
}

bool fly_bulk_acked(struct fly_poller *p, struct fly_bulk *b, uint32_t n)
{
	if (!fly_scatter_acked(&b->out, n))
		return false;
	fly_bulk_progress(p, b);
	set_sending(p, b, b->out.acked < b->out.fragments);
	fly_bulk_push(p, b);
	return true;
}

/* ---- in ---- */

enum fly_gathered fly_bulk_take(struct fly_poller *p, struct fly_bulk *b, const uint8_t *frame,
				const struct fly_header *h, bool *wants_ack)
{
	const uint32_t before = b->in.arrived;
	const enum fly_gathered what =
		fly_gather_take(&b->in, h->fragment, h->fragments, h->length);

	*wants_ack = (h->flags & FLY_FLAG_ACK) || b->in.arrived > before + 1;
	if (what != FLY_GATHER_NEW)
		return what;
	memcpy(b->in_buffer.bytes + (size_t)h->fragment * b->in.unit, frame + FLY_PAYLOAD,
	       h->length);
	fly_bulk_progress(p, b);
	fly_stats_add(&p->stats, FLY_COUNT_fragments_received, 1);
	return what;
}

void fly_bulk_ack(struct fly_poller *p, const struct fly_bulk *b, uint8_t *rpc)
{
	struct fly_header h = b->header;

	h.procedure = b->entry ? FLY_PACKET_RESULT : FLY_PACKET_CALL; /* what it is about */
	h.type = FLY_PACKET_ACK;
	h.flags = 0;
	h.fragment = (uint16_t)b->in.arrived;
	h.fragments = (uint16_t)b->in.fragments;
	h.length = 0;
	h.age = 0;
	fly_wire_encode(rpc, &h);
	fly_stats_add(&p->stats, FLY_COUNT_acks_sent, 1);
}

/* ---- what is overdue ---- */

/* At a server: arguments that nobody completes, or what a later call has made worthless. */
static bool is_stale(const struct fly_poller *p, const struct fly_bulk *b)
{
	const struct fly_conversation *c = b->conversation;

	if (!c || c->state == FLY_CONVERSATION_RUNNING)
		return false; /* of a running one: its procedure turns the poller */
	if (fly_seq_after(b->header.seq, c->seq))
		return p->now_ms - b->progress_ms > FLY_BULK_IDLE_MS;
	return b->header.seq != c->seq || b->out.fragments == 0;
}

void fly_bulk_sweep(struct fly_poller *p)
{
	const uint32_t n = RTE_MIN(p->bulk.n, (uint32_t)SWEEP_BULKS);
	struct fly_bulk *stale[SWEEP_BULKS];
	uint32_t n_stale = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct fly_bulk *b = TAILQ_FIRST(&p->bulk.all);

		TAILQ_REMOVE(&p->bulk.all, b, all);
		TAILQ_INSERT_TAIL(&p->bulk.all, b, all);
		if (is_stale(p, b)) {
			stale[n_stale++] = b;
			continue;
		}
		if (!b->is_sending)
			continue;
		fly_bulk_push(p, b);
		if (p->now_ms - b->progress_ms > SILENT_MS &&
		    !fly_scatter_ready(&b->out, fly_scatter_window(p->bulk.n_sending)))
			set_sending(p, b, false);
	}
	while (n_stale)
		fly_bulk_free(p, stale[--n_stale]);
}

void fly_bulk_due(struct fly_poller *p)
{
	p->bulk.due_tsc = FLY_NEVER;
}

void fly_bulk_absent(struct fly_poller *p, uint32_t before_ms)
{
	const uint32_t absent_ms = p->now_ms - before_ms;
	struct fly_bulk *b;

	TAILQ_FOREACH(b, &p->bulk.all, all)
	{
		if (b->conversation && absent_ms > FLY_ABSENCE_MS)
			b->progress_ms += absent_ms;
	}
}
