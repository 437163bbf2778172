/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bulk.c - what both sides of a large call share: sending fragments, acknowledgements, and what to
 * do when nothing is heard.
 *
 * Runs on the poller's thread, behind slow.h. Copies fragments into packets and out of them. Must
 * not choose the next fragment (fragments.c does), nor how many may be in flight (path.c,
 * congestion.c). Without a packet buffer, or with a full queue, a path pauses for BLOCKED_US.
 */
#include "slowpath/bulk/bulk.h"

#include <stdlib.h>

#include "slowpath/bulk/due.h"
#include "slowpath/bulk/next.h"
#include "slowpath/path_mtu.h"
#include "slowpath/peers.h"
#include "slowpath/records.h"
#include "slowpath/resend.h"

#define SWEEP_BULKS     64  /* messages looked at per sweep */
#define EVICT_LOOK      512 /* messages looked at for one to free */
#define TURN            4   /* fragments of a message in a row, if others of the path are ready */
#define BLOCKED_US      50  /* pause of a path without packet buffers, or with a full queue */
#define SILENCE         8   /* patience of a server, in patiences of a caller */
#define PROBES          5   /* probes of a result at most */
#define PROBE_DOUBLINGS 3   /* the interval of probes doubles so many times after each */
#define DOUBLINGS       12  /* limit for the doublings of a patience */

/* ---- the structs themselves: a few that were freed are kept ---- */

#define IDLE_BULKS 8

static struct fly_bulk *take_idle(struct fly_poller *p)
{
	struct fly_bulk *b = p->bulk.idle;

	ASAN_UNPOISON_MEMORY_REGION(b, sizeof *b);
	p->bulk.idle = b->next_idle;
	p->bulk.n_idle--;
	return b;
}

static void keep_idle(struct fly_poller *p, struct fly_bulk *b)
{
	if (p->bulk.n_idle == IDLE_BULKS) {
		free(b);
		return;
	}
	b->next_idle = p->bulk.idle;
	p->bulk.idle = b;
	p->bulk.n_idle++;
	ASAN_POISON_MEMORY_REGION(b, sizeof *b);
}

void fly_bulk_init(struct fly_poller *p)
{
	TAILQ_INIT(&p->bulk.all);
	TAILQ_INIT(&p->bulk.paths);
	for (unsigned i = 0; i < FLY_PATH_LISTS; i++)
		LIST_INIT(&p->bulk.by_address[i]);
	LIST_INIT(&p->bulk.pausing);
	fly_due_init(p);
	p->bulk.max = FLY_BULK_MAX;
	p->bulk.due_tsc = FLY_NEVER;
}

void fly_bulk_fini(struct fly_poller *p)
{
	while (p->bulk.idle)
		free(take_idle(p));
	fly_paths_drain(p);
	fly_buffer_drain(p);
}

void fly_bulk_link_lost(struct fly_poller *p, const struct fly_link *link)
{
	fly_paths_forget_link(p, link);
}

struct fly_bulk *fly_bulk_new(struct fly_poller *p, struct fly_link *link, uint32_t ip,
			      uint16_t port)
{
	struct fly_bulk *b = p->bulk.idle ? take_idle(p) : malloc(sizeof *b);

	if (!b)
		return NULL;
	memset(b, 0, offsetof(struct fly_bulk, out));
	fly_scatter_end(&b->out);
	b->path = fly_path_get(p, link, ip, port);
	if (!b->path) {
		keep_idle(p, b);
		return NULL;
	}
	/* A server gathers nothing from an address without proof. */
	b->peer = fly_peers_get(p->peers, link->index, fly_peers_ip(link, ip, true));
	b->peer->n_bulk++;
	b->link = link;
	b->due_tsc = FLY_NEVER;
	b->progress_ms = p->now_ms;
	TAILQ_INSERT_TAIL(&p->bulk.all, b, all);
	p->bulk.n++;
	return b;
}

/* ---- lists and counters ---- */

static void set_gathering(struct fly_poller *p, struct fly_bulk *b, bool is_gathering)
{
	p->bulk.n_gathering += (uint32_t)is_gathering - (uint32_t)b->is_gathering;
	p->gathers = p->bulk.n_gathering != 0;
	b->is_gathering = is_gathering;
	if (!is_gathering)
		fly_next_forget(p, b);
}

static void set_ready(struct fly_bulk *b, bool is_ready)
{
	if (is_ready && !b->is_ready)
		TAILQ_INSERT_TAIL(&b->path->ready, b, ready);
	else if (!is_ready && b->is_ready)
		TAILQ_REMOVE(&b->path->ready, b, ready);
	b->is_ready = is_ready;
}

/* To be called after each change of b->out.n_flight. */
static void recount(struct fly_bulk *b)
{
	b->path->n_flight += b->out.n_flight - b->n_flight;
	b->n_flight = b->out.n_flight;
}

void fly_bulk_wait(struct fly_poller *p, struct fly_bulk *b, uint64_t patience_tsc)
{
	fly_due_set(p, b, p->now_tsc + patience_tsc);
	p->bulk.due_tsc = RTE_MIN(p->bulk.due_tsc, b->due_tsc);
	p->sweep_at_tsc = RTE_MIN(p->sweep_at_tsc, b->due_tsc);
}

static void resume_later(struct fly_poller *p, struct fly_path *path, uint64_t at_tsc)
{
	fly_path_pause(p, path, at_tsc);
	p->bulk.due_tsc = RTE_MIN(p->bulk.due_tsc, at_tsc);
	p->sweep_at_tsc = RTE_MIN(p->sweep_at_tsc, at_tsc);
}

void fly_bulk_free(struct fly_poller *p, struct fly_bulk *b)
{
	if (!b)
		return;
	if (b->entry)
		b->entry->bulk = NULL;
	if (b->conversation)
		b->conversation->bulk = NULL;
	fly_bulk_stop(p, b);
	set_gathering(p, b, false);
	fly_buffer_free(p, &b->out_buffer);
	fly_buffer_free(p, &b->in_buffer);
	fly_due_forget(p, b);
	fly_path_put(p, b->path);
	b->peer->n_bulk--;
	fly_peers_put(p->peers, b->peer);
	TAILQ_REMOVE(&p->bulk.all, b, all);
	p->bulk.n--;
	keep_idle(p, b);
}

/* May a message be freed for another peer's? Not one that a procedure works on, nor our own. */
static bool may_go(const struct fly_bulk *b)
{
	const struct fly_conversation *c = b->conversation;

	return c && c->state != FLY_CONVERSATION_RUNNING &&
	       (b->in_buffer.peer || b->out_buffer.peer);
}

bool fly_bulk_evict(struct fly_poller *p, const struct fly_peer *peer, uint32_t share)
{
	struct fly_bulk *oldest = NULL;
	struct fly_bulk *b;
	unsigned n = 0;

	TAILQ_FOREACH(b, &p->bulk.all, all)
	{
		if (n++ == EVICT_LOOK)
			break;
		if (b->peer != peer && b->peer->bulk_bytes > share && may_go(b) &&
		    (!oldest || p->now_ms - b->progress_ms > p->now_ms - oldest->progress_ms))
			oldest = b;
	}
	if (!oldest)
		return false;
	fly_conversation_bulk_end(p, oldest->conversation);
	fly_stats_add(&p->stats, FLY_COUNT_bulk_evicted, 1);
	return true;
}

/* ---- sending ---- */

/* A packet with one fragment. Return: NULL: no packet buffer. */
static struct rte_mbuf *packet(struct fly_poller *p, const struct fly_bulk *b, uint32_t fragment,
			       uint16_t age_ms)
{
	const uint32_t length = fly_scatter_length(&b->out, fragment);
	struct rte_mbuf *m = fly_packet_get(&p->cache, FLY_PAYLOAD + length);
	uint8_t *frame;

	if (!m)
		return NULL;
	frame = fly_packet_frame(m);
	memcpy(frame, b->front, FLY_PAYLOAD);
	fly_put_u16(frame + FLY_RPC + 20, (uint16_t)fragment);
	fly_put_u16(frame + FLY_RPC + 30, age_ms);
	if (unlikely(length != b->out.unit)) {
		fly_wire_set_lengths(frame, length);
		fly_put_u16(frame + FLY_RPC + 28, (uint16_t)length);
	}
	fly_spread_read(&b->from, fragment * b->out.unit, length, frame + FLY_PAYLOAD);
	return m;
}

static void send_fragment(struct fly_poller *p, struct fly_bulk *b, struct rte_mbuf *m,
			  bool is_again, bool asks)
{
	fly_packet_frame(m)[FLY_RPC + 1] |=
		(uint8_t)((is_again ? FLY_FLAG_RESENT : 0) |
			  (asks && b->out.fragments > 1 ? FLY_FLAG_ACK : 0));
	fly_stats_add(&p->stats, is_again ? FLY_COUNT_fragments_resent : FLY_COUNT_fragments_sent,
		      1);
	fly_link_send(b->link, m);
}

/* The age field: a call's age; in a result, which execution it is. */
static uint16_t age_of(const struct fly_poller *p, const struct fly_bulk *b)
{
	return b->entry ? fly_resend_age_ms(p, b->entry) : b->header.age;
}

/*
 * Send at most @n fragments that were never sent, one behind the other: the common case. All are
 * of one length, which the headers in b->front say, and mostly their bytes lie together.
 * Return: how many were sent: fewer without packet buffers, or with a full queue.
 */
static uint32_t push_run(struct fly_poller *p, struct fly_bulk *b, uint32_t n)
{
	const uint32_t every = fly_path_every(b->path);
	const uint16_t age_ms = age_of(p, b);
	const uint32_t unit = b->out.unit;
	const uint32_t at = b->out.next * unit;
	uint32_t together = n * unit;
	const uint8_t *from = fly_spread_piece(&b->from, at, &together);
	struct fly_link *link = b->link;
	uint32_t sent = 0;

	for (; sent < n && link->n_queued < FLY_BURST; sent++) {
		struct rte_mbuf *m = fly_packet_get(&p->cache, FLY_PAYLOAD + unit);
		uint8_t *frame;

		if (!m)
			break;
		frame = fly_packet_frame(m);
		memcpy(frame, b->front, FLY_PAYLOAD);
		fly_put_u16(frame + FLY_RPC + 20, (uint16_t)b->out.next);
		fly_put_u16(frame + FLY_RPC + 30, age_ms);
		if (likely((sent + 1) * unit <= together))
			fly_copy(frame + FLY_PAYLOAD, from + (size_t)sent * unit, unit);
		else
			fly_spread_read(&b->from, at + sent * unit, unit, frame + FLY_PAYLOAD);
		if (fly_scatter_sent_next(&b->out, p->now_tsc, every, sent + 1 == n))
			frame[FLY_RPC + 1] |= FLY_FLAG_ACK;
		fly_link_send(link, m);
	}
	fly_stats_add(&p->stats, FLY_COUNT_fragments_sent, sent);
	return sent;
}

/* Send at most @n fragments. Return: false: no packet buffer, or the queue is full. */
static bool push(struct fly_poller *p, struct fly_bulk *b, uint32_t n)
{
	const uint32_t every = fly_path_every(b->path);
	const uint16_t age_ms = age_of(p, b);
	struct fly_scatter *s = &b->out;
	bool is_good = true;
	uint32_t run;

	run = RTE_MIN(n, fly_scatter_run(s));
	if (run != 0 && s->next + run == s->fragments)
		run--; /* the last one is shorter */
	if (run != 0) {
		const uint32_t sent = push_run(p, b, run);

		n -= sent;
		fly_congestion_sent(&b->path->congestion, p->now_tsc);
		is_good = sent == run;
	}
	while (is_good && n > 0 && fly_scatter_is_ready(s)) {
		const uint32_t fragment = fly_scatter_pick(s);
		const bool is_again = fly_scatter_is_again(s, fragment);
		struct rte_mbuf *m;

		is_good = b->link->n_queued < FLY_BURST;
		m = is_good ? packet(p, b, fragment, age_ms) : NULL;
		is_good = m != NULL;
		if (!is_good)
			break;
		if (is_again && b->entry && b->entry->resends == 0)
			b->entry->resends = 1; /* a refusal may answer a copy now: result.c */
		send_fragment(p, b, m, is_again,
			      fly_scatter_sent(s, fragment, p->now_tsc, every, --n == 0));
		fly_congestion_sent(&b->path->congestion, p->now_tsc);
	}
	recount(b);
	return is_good;
}

static uint64_t patience_tsc(const struct fly_bulk *b)
{
	const uint64_t tsc = fly_congestion_patience(&b->path->congestion);

	return b->entry ? tsc : tsc * SILENCE;
}

/* Send what may be sent on a path; its ready messages take turns. */
static void pump(struct fly_poller *p, struct fly_path *path)
{
	struct fly_bulk *b;
	uint32_t room;
	bool is_good = true;

	fly_path_pause(p, path, FLY_NEVER);
	p->clock.turns = 0; /* the next turn reads the clock: round trips are measured */
	while (is_good && (b = TAILQ_FIRST(&path->ready)) != NULL) {
		room = fly_path_room(p, path);
		if (room == 0) {
			if (path->n_flight == 0)
				resume_later(p, path, path->congestion.next_tsc);
			return;
		}
		set_ready(b, false);
		is_good = push(p, b, TAILQ_EMPTY(&path->ready) ? room : RTE_MIN(room, TURN));
		set_ready(b, fly_scatter_is_ready(&b->out));
		if (b->due_tsc == FLY_NEVER)
			fly_bulk_wait(p, b, patience_tsc(b));
	}
	if (!is_good)
		resume_later(p, path, p->now_tsc + BLOCKED_US * p->tsc_per_ms / 1000);
}

static void prepare(struct fly_bulk *b)
{
	recount(b);
	set_ready(b, fly_scatter_is_ready(&b->out));
}

static void send_more(struct fly_poller *p, struct fly_bulk *b)
{
	prepare(b);
	pump(p, b->path);
}

void fly_bulk_learn(struct fly_bulk *b, uint32_t hint)
{
	b->header.hint = hint;
	b->header.flags &= (uint8_t)~FLY_FLAG_TOKEN;
	b->front[FLY_RPC + 1] = b->header.flags;
	fly_put_u32(b->front + FLY_RPC + 24, hint);
}

/* Send one fragment outside of the window. It is not counted as in flight. */
static void send_uncounted(struct fly_poller *p, struct fly_bulk *b, uint32_t fragment,
			   bool is_again)
{
	struct rte_mbuf *m = packet(p, b, fragment, age_of(p, b));

	if (!m)
		return;
	fly_scatter_shown(&b->out, fragment);
	send_fragment(p, b, m, is_again, is_again);
}

void fly_bulk_send(struct fly_poller *p, struct fly_bulk *b, uint32_t n, uint32_t unit)
{
	fly_scatter_begin(&b->out, n, unit, FLY_CREDIT_FIRST);
	b->header.fragments = (uint16_t)b->out.fragments;
	b->header.length = (uint16_t)fly_scatter_length(&b->out, 0);
	fly_wire_set_lengths(b->front, b->header.length);
	fly_wire_encode(b->front + FLY_RPC, &b->header);
	if (b->out.fragments == 1) { /* sent and retained, but not acknowledged as fragments are */
		send_uncounted(p, b, 0, false);
		return;
	}
	prepare(b);
	if (b->conversation)
		fly_bulk_wait(p, b, patience_tsc(b));
	/* Not now: the clock of this turn may be stale, and round trips are measured. */
	p->clock.turns = 0;
	resume_later(p, b->path, p->now_tsc + 1);
}

uint32_t fly_bulk_peer_ip(const struct fly_bulk *b)
{
	if (b->entry)
		return fly_entry_peer(b->entry)->ip;
	return b->conversation ? b->conversation->peer_ip : 0;
}

/*
 * The number of fragments tells the receiver that these are others. So it grows in any case, even
 * if the fragments become shorter than they need be.
 */
void fly_bulk_shorten(struct fly_poller *p, struct fly_bulk *b, uint32_t unit)
{
	const uint32_t n = b->out.fragments;
	const uint32_t bytes = b->out.bytes;

	if (n == 0 || b->out.acked == n || fly_scatter_length(&b->out, 0) <= unit)
		return;
	unit = RTE_MIN(unit, (bytes - 1) / n);
	if (fly_scatter_fragments(bytes, unit) > FLY_FRAGMENTS_MAX)
		return;
	if (n == 1 && b->conversation)
		b->header.export_id = fly_bulk_draw_key(p);
	fly_bulk_stop(p, b);
	fly_bulk_progress(p, b);
	fly_bulk_send(p, b, bytes, unit);
}

/* What was sent does not seem to get through, however often. One sign of it is no reason. */
static void note_stuck(struct fly_poller *p, struct fly_bulk *b)
{
	if (b->stuck < UINT8_MAX)
		b->stuck++;
	if (b->stuck < 2)
		return;
	if (b->conversation)
		fly_path_mtu_suspect_caller(p, b->link, b->conversation, b->front, b->out.unit);
	else
		fly_path_mtu_suspect(p, b->link, b->front, b->out.unit);
}

/* Send a copy of a fragment that requests an acknowledgement, which says what is missing. */
static void request_ack(struct fly_poller *p, struct fly_bulk *b)
{
	send_uncounted(p, b, RTE_MIN(b->out.acked, b->out.fragments - 1), true);
}

/* Probe a result: an ACK says that the caller no longer waits for it (probe.c). */
static void probe(struct fly_poller *p, const struct fly_bulk *b)
{
	struct rte_mbuf *m = fly_packet_get(&p->cache, FLY_PAYLOAD);
	struct fly_header h = b->header;
	uint8_t *frame;

	if (!m)
		return;
	frame = fly_packet_frame(m);
	memcpy(frame, b->front, FLY_RPC);
	h.type = FLY_PACKET_PROBE;
	h.flags = 0;
	h.procedure = FLY_ABOUT_RESULT;
	h.length = 0;
	fly_wire_set_lengths(frame, 0);
	fly_wire_encode(frame + FLY_RPC, &h);
	fly_stats_add(&p->stats, FLY_COUNT_probes_sent, 1);
	fly_link_send(b->link, m);
}

void fly_bulk_again(struct fly_poller *p, struct fly_bulk *b)
{
	note_stuck(p, b);
	/* An unproven caller (a forged address?) gets one fragment per copy of its call. */
	if (b->out.acked == b->out.fragments || (b->conversation && !b->is_proven)) {
		request_ack(p, b);
		return;
	}
	fly_scatter_lost_all(&b->out, p->now_tsc, fly_congestion_patience(&b->path->congestion));
	send_more(p, b);
}

void fly_bulk_restart(struct fly_poller *p, struct fly_bulk *b, uint32_t token)
{
	fly_bulk_learn(b, token);
	b->header.flags |= FLY_FLAG_TOKEN;
	b->front[FLY_RPC + 1] = b->header.flags;
	fly_scatter_lost_all(&b->out, p->now_tsc, 0);
	send_more(p, b);
}

void fly_bulk_stop(struct fly_poller *p, struct fly_bulk *b)
{
	if (b->out.fragments)
		fly_scatter_stop(&b->out);
	recount(b);
	set_ready(b, false);
	b->due_tsc = FLY_NEVER;
	if (!TAILQ_EMPTY(&b->path->ready))
		resume_later(p, b->path, p->now_tsc); /* not now: the path may be sending */
}

static void decode_ack(const uint8_t *frame, const struct fly_header *h, struct fly_ack *ack)
{
	*ack = (struct fly_ack){
		.arrived = h->fragment,
		.echo = FLY_ECHO_NONE,
		.is_idle = h->flags & FLY_FLAG_IDLE,
	};
	if (h->length < 2)
		return;
	ack->credit = fly_get_u16(frame + FLY_PAYLOAD);
	ack->echo = h->age;
	ack->echo_again = h->flags & FLY_FLAG_RESENT;
	ack->ahead = frame + FLY_PAYLOAD + 2;
	ack->n_ahead = RTE_MIN(h->length - 2U, FLY_SPAN / 8U);
}

bool fly_bulk_acked(struct fly_poller *p, struct fly_bulk *b, const uint8_t *frame,
		    const struct fly_header *h)
{
	struct fly_congestion *congestion = &b->path->congestion;
	const uint32_t n_flight = b->path->n_flight;
	struct fly_acked what;
	struct fly_ack ack;

	decode_ack(frame, h, &ack);
	if (!fly_scatter_acked(&b->out, &ack, p->now_tsc, &what))
		return false;
	b->is_proven = true;
	b->path->heard_tsc = p->now_tsc;
	if (what.n_arrived || what.is_restart)
		fly_bulk_progress(p, b);
	if (ack.is_idle)
		what.n_lost += fly_scatter_lost_all(&b->out, p->now_tsc,
						    fly_congestion_patience(congestion));
	if (what.n_arrived)
		fly_congestion_acked(congestion, what.n_arrived, n_flight, what.rtt_tsc,
				     p->now_tsc);
	if (what.n_lost)
		fly_congestion_lost(congestion, what.n_lost, p->now_tsc);
	b->due_tsc = FLY_NEVER;
	if (b->out.n_flight)
		fly_bulk_wait(p, b, patience_tsc(b));
	if (ack.is_idle && what.n_arrived == 0)
		note_stuck(p, b);
	send_more(p, b);
	return true;
}

/* ---- receiving ---- */

bool fly_bulk_begin(struct fly_poller *p, struct fly_bulk *b, const struct fly_gather *in)
{
	if (!fly_buffer_get(p, &b->in_buffer, fly_spread_room(&b->to, fly_gather_room(in)),
			    b->peer))
		return false;
	b->to.bytes = b->in_buffer.bytes;
	b->in = *in;
	set_gathering(p, b, true);
	return true;
}

void fly_bulk_gathered(struct fly_poller *p, struct fly_bulk *b)
{
	set_gathering(p, b, false);
	b->due_tsc = FLY_NEVER;
}

enum fly_gathered fly_bulk_take(struct fly_poller *p, struct fly_bulk *b, const uint8_t *frame,
				const struct fly_header *h, bool *wants_ack)
{
	bool gap_changed = false;
	const enum fly_gathered what =
		fly_gather_take(&b->in, h->fragment, h->fragments, h->length, &gap_changed);

	*wants_ack = (h->flags & FLY_FLAG_ACK) || gap_changed;
	if (what != FLY_GATHER_NEW)
		return what;
	fly_spread_write(&b->to, h->fragment * b->in.unit, h->length, frame + FLY_PAYLOAD);
	fly_bulk_progress(p, b);
	fly_stats_add(&p->stats, FLY_COUNT_fragments_received, 1);
	return what;
}

/* The credits of all senders together are limited: else they would send all at once. */
static uint32_t credit(const struct fly_poller *p)
{
	const uint32_t share = FLY_CREDITS / RTE_MAX(p->bulk.n_gathering, 1U);

	return RTE_MAX(8U, RTE_MIN(share, (uint32_t)FLY_SPAN));
}

void fly_bulk_ack(struct fly_poller *p, const struct fly_bulk *b, struct rte_mbuf *m,
		  const struct fly_header *h)
{
	uint8_t *frame = fly_packet_frame(m);
	struct fly_header ack = b->header;

	fly_packet_expose(m, FLY_PAYLOAD + 2 + FLY_SPAN / 8);
	ack.type = FLY_PACKET_ACK;
	ack.flags = h ? h->flags & FLY_FLAG_RESENT : FLY_FLAG_IDLE;
	ack.procedure = b->entry ? FLY_ABOUT_RESULT : FLY_ABOUT_CALL;
	if (b->entry)
		ack.export_id = b->key;
	ack.fragment = (uint16_t)b->in.arrived;
	ack.fragments = (uint16_t)b->in.fragments;
	ack.age = h ? h->fragment : FLY_ECHO_NONE;
	fly_put_u16(frame + FLY_PAYLOAD, (uint16_t)credit(p));
	ack.length = (uint16_t)(2 + fly_gather_ahead(&b->in, frame + FLY_PAYLOAD + 2));
	fly_wire_set_lengths(frame, ack.length);
	fly_wire_encode(frame + FLY_RPC, &ack);
	fly_packet_set_bytes(m, FLY_PAYLOAD + (uint32_t)ack.length);
	m->ol_flags = 0;
	fly_stats_add(&p->stats, FLY_COUNT_acks_sent, 1);
}

/* ---- when nothing is heard ---- */

static uint64_t longer(uint64_t tsc, unsigned doublings, const struct fly_poller *p)
{
	return RTE_MIN(tsc << RTE_MIN(doublings, (unsigned)DOUBLINGS), 1000 * p->tsc_per_ms);
}

/*
 * A caller is sending arguments. First the oldest fragment in flight is sent again: its
 * acknowledgement says what became of the others (as the tail loss probe of RFC 8985). After that
 * all fragments in flight are taken for lost.
 */
static void handle_silent_arguments(struct fly_poller *p, struct fly_bulk *b)
{
	const uint64_t tsc = patience_tsc(b);

	if (b->out.n_flight == 0)
		return; /* nothing was sent, or all has arrived: resend.c continues */
	if (b->silent == 0) {
		fly_scatter_probe(&b->out);
	} else {
		fly_scatter_lost_all(&b->out, p->now_tsc, 0);
		fly_congestion_silent(&b->path->congestion, p->now_tsc);
	}
	if (b->silent < UINT8_MAX)
		b->silent++;
	note_stuck(p, b);
	fly_bulk_wait(p, b, longer(tsc, b->silent, p));
	send_more(p, b);
}

/*
 * A server is sending a result. Without acknowledgements its fragments are no longer counted as in
 * flight: others may be sent. The result waits until its caller asks. The server probes the caller
 * now and then, as the caller's last packet may have been lost.
 */
static void handle_silent_result(struct fly_poller *p, struct fly_bulk *b)
{
	const uint64_t tsc = patience_tsc(b);

	if (b->n_flight == 0 && b->is_ready && p->now_tsc - b->path->heard_tsc < tsc) {
		fly_bulk_wait(p, b, tsc); /* other messages of the path were sent meanwhile */
		return;
	}
	note_stuck(p, b);
	fly_scatter_lost_all(&b->out, p->now_tsc, 0);
	recount(b);
	set_ready(b, false);
	if (b->silent < PROBES) {
		b->silent++;
		probe(p, b);
		fly_bulk_wait(p, b, longer(tsc, PROBE_DOUBLINGS * b->silent, p));
	}
	if (!TAILQ_EMPTY(&b->path->ready))
		pump(p, b->path);
}

static void handle_silence(struct fly_poller *p, struct fly_bulk *b)
{
	if (b->conversation) {
		if (b->out.fragments > 1)
			handle_silent_result(p, b);
	} else if (b->in.fragments == 0) {
		handle_silent_arguments(p, b);
	} else if (b->is_gathering) {
		fly_bulk_probe(p, b);
		if (b->silent < UINT8_MAX)
			b->silent++;
		fly_bulk_wait(p, b, longer(2 * patience_tsc(b), b->silent, p));
	}
}

void fly_bulk_due(struct fly_poller *p)
{
	uint64_t due_tsc = FLY_NEVER;
	struct fly_path *next;
	struct fly_path *path;
	struct fly_bulk *b;

	while ((b = fly_due_take(p)) != NULL)
		handle_silence(p, b);
	for (path = LIST_FIRST(&p->bulk.pausing); path; path = next) {
		next = LIST_NEXT(path, pause);
		if (path->resume_tsc <= p->now_tsc) {
			pump(p, path);
			fly_link_flush(path->link);
		}
		if (path->resume_tsc != FLY_NEVER)
			due_tsc = RTE_MIN(due_tsc, path->resume_tsc);
	}
	p->bulk.due_tsc = RTE_MIN(due_tsc, fly_due_next(p));
	p->sweep_at_tsc = RTE_MIN(p->sweep_at_tsc, p->bulk.due_tsc);
}

/* At a server: arguments that stay incomplete, or a message that a later call made worthless. */
static bool is_stale(const struct fly_poller *p, const struct fly_bulk *b)
{
	const struct fly_conversation *c = b->conversation;

	if (!c || c->state == FLY_CONVERSATION_RUNNING)
		return false; /* while a procedure of this record runs */
	if (fly_seq_after(b->header.seq, c->seq))
		return p->now_ms - b->progress_ms > FLY_BULK_IDLE_MS;
	return b->header.seq != c->seq || b->out.fragments == 0;
}

void fly_bulk_sweep(struct fly_poller *p)
{
	const uint32_t n = RTE_MIN(p->bulk.n, (uint32_t)SWEEP_BULKS);
	struct fly_bulk *b = TAILQ_FIRST(&p->bulk.all);

	for (uint32_t i = 0; b && i < n; i++) {
		struct fly_bulk *next = TAILQ_NEXT(b, all);

		if (is_stale(p, b)) {
			fly_bulk_free(p, b);
		} else {
			TAILQ_REMOVE(&p->bulk.all, b, all);
			TAILQ_INSERT_TAIL(&p->bulk.all, b, all);
		}
		b = next;
	}
	fly_buffer_sweep(p);
}

void fly_bulk_absent(struct fly_poller *p, uint32_t before_ms, uint64_t absent_tsc)
{
	const uint32_t absent_ms = p->now_ms - before_ms;
	struct fly_bulk *b;

	TAILQ_FOREACH(b, &p->bulk.all, all)
	{
		if (b->conversation && absent_ms > FLY_ABSENCE_MS)
			b->progress_ms += absent_ms;
		/* Only once per silence: a rarely turned poller is absent before each turn. */
		if (b->is_graced)
			continue;
		b->is_graced = true;
		fly_scatter_shift(&b->out, absent_tsc);
		if (b->due_tsc != FLY_NEVER)
			b->due_tsc += absent_tsc;
	}
}
