/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * air.c - links: the two burst functions that a poller sees, and what happens to frames between
 * them. See world.h.
 *
 * A frame is copied when a poller sends it. The driver may keep the packet for a while; the packet
 * must be unchanged when the driver gives it back. A frame lives no longer than the protocol allows
 * (L): FRAME_LIFE is L less the time in queues and rings.
 */
#include "world.h"

#include <arpa/inet.h>
#include <stdlib.h>

#define FRAME_LIFE (9 * SECOND)

static struct frame *new_frame(struct world *w)
{
	struct frame *f = w->free_frames;

	if (!f) {
		f = malloc(sizeof *f);
		if (!f)
			abort();
	} else {
		w->free_frames = f->next;
	}
	w->n_frames++;
	return f;
}

void air_free(struct world *w, struct frame *f)
{
	f->next = w->free_frames;
	w->free_frames = f;
	w->n_frames--;
}

/* ---- on the way ---- */

static bool is_lost(struct plug *plug)
{
	struct world *w = plug->world;
	const struct weather *weather = &plug->weather;

	if (weather->to_bad_ppm) {
		plug->is_bad = plug->is_bad ? !world_chance(w, weather->to_good_ppm)
					    : world_chance(w, weather->to_bad_ppm);
		if (plug->is_bad && world_chance(w, weather->bad_loss_ppm))
			return true;
	}
	return world_chance(w, weather->loss_ppm);
}

/* Change one byte, in every second frame a byte of the headers. Return: which. */
static int corrupt(struct world *w, struct frame *f)
{
	const uint32_t below = world_chance(w, PPM / 2) ? FLY_PAYLOAD : f->bytes;
	const uint32_t at = (uint32_t)world_below(w, below);

	f->data[at] ^= (uint8_t)(1 + world_below(w, 255));
	return (int)at;
}

/* Send one copy of a frame. @due: when it arrives without further faults. */
static void set_out(struct plug *plug, const uint8_t *data, uint32_t bytes, uint64_t due,
		    bool is_copy, uint32_t number)
{
	struct world *w = plug->world;
	const struct weather *weather = &plug->weather;
	struct frame *f = new_frame(w);
	const char *what = is_copy ? "a copy arrives" : "arrives";
	int corrupted = -1;

	f->to = plug->far;
	f->bytes = bytes;
	memcpy(f->data, data, bytes);
	if (is_copy || world_chance(w, weather->reorder_ppm)) {
		due += world_spread(w, US, weather->reorder_by + US);
		if (world_chance(w, weather->late_ppm))
			due += world_below(w, FRAME_LIFE);
		what = is_copy ? "a copy arrives" : "delayed, arrives";
	} else {
		due = RTE_MAX(due, plug->last_due + 1);
		plug->last_due = due;
	}
	if (!w->is_calm && world_chance(w, weather->corrupt_ppm))
		corrupted = corrupt(w, f);
	if (w->is_traced && corrupted >= 0)
		trace_frame(w, plug, data, bytes, number, "byte %d corrupted, %s at %.3f",
			    corrupted, what, (double)due / (double)US);
	else if (w->is_traced)
		trace_frame(w, plug, data, bytes, number, "%s at %.3f", what,
			    (double)due / (double)US);
	world_digest(w, due ^ bytes);
	world_event(w, due, EVENT_FRAME, f);
}

static void lose(struct plug *plug, const uint8_t *data, uint32_t bytes, uint32_t number,
		 const char *why)
{
	struct world *w = plug->world;

	w->tally.lost++;
	world_digest(w, bytes);
	if (w->is_traced)
		trace_frame(w, plug, data, bytes, number, "%s", why);
}

static void transmit(struct plug *plug, const uint8_t *data, uint32_t bytes)
{
	struct world *w = plug->world;
	const struct weather *weather = &plug->weather;
	const uint64_t on_wire = (uint64_t)bytes * weather->ps_per_byte / 1000;
	uint32_t number = UINT32_MAX;
	struct call *call;
	uint64_t due;

	if (plug->node->is_dead)
		return;
	w->tally.frames++;
	if (w->plan.has_attached && bytes >= FLY_PAYLOAD)
		attached_note(plug->node, fly_get_u64(data + FLY_RPC + 8) & 0xffff,
			      fly_get_u64(data + FLY_RPC + 8), fly_get_u32(data + FLY_RPC + 16));
	call = oracle_packet(plug, data, bytes, &number);
	if (call && call->packets < UINT16_MAX)
		call->packets++;
	if (!w->is_calm && w->tally.frames >= w->next_fault)
		world_fault(w);
	if (plug->node->is_dead) {
		lose(plug, data, bytes, number, "not sent: its process has crashed");
		return;
	}
	if (w->now < plug->cut_until) {
		lose(plug, data, bytes, number, "lost: partition");
		return;
	}
	if (plug->longest && bytes > plug->longest) {
		lose(plug, data, bytes, number, "lost: longer than its path takes");
		return;
	}
	plug->wire_free_at = RTE_MAX(plug->wire_free_at, w->now);
	if (!w->is_calm && (plug->wire_free_at - w->now) * 1000 >
				   (uint64_t)weather->queue_bytes * weather->ps_per_byte) {
		lose(plug, data, bytes, number, "lost: queue full");
		return;
	}
	plug->wire_free_at += on_wire;
	if (!w->is_calm && is_lost(plug)) {
		lose(plug, data, bytes, number, plug->is_bad ? "lost in a burst" : "lost");
		return;
	}
	due = plug->wire_free_at + weather->latency;
	if (weather->jitter)
		due += world_below(w, weather->jitter);
	set_out(plug, data, bytes, due, false, number);
	if (!w->is_calm && world_chance(w, weather->duplicate_ppm))
		set_out(plug, data, bytes, due, true, number);
}

/* ---- sending ---- */

static uint64_t sum_of(const struct rte_mbuf *m)
{
	const uint8_t *frame = fly_packet_frame(m);
	uint64_t sum = m->data_len;

	for (uint32_t i = 0; i + 8 <= m->data_len; i += 8)
		sum = (sum ^ fly_load_raw64(frame + i)) * UINT64_C(0x9e3779b97f4a7c15);
	return sum;
}

static void give_back(struct plug *plug)
{
	struct rte_mbuf *m = plug->held[0].m;

	if (sum_of(m) != plug->held[0].sum)
		world_fail(plug->world, "%s wrote a packet that its driver had", plug->node->name);
	rte_pktmbuf_free(m);
	memmove(&plug->held[0], &plug->held[1], --plug->n_held * sizeof plug->held[0]);
}

static uint16_t air_tx_burst(struct fly_link *link, struct rte_mbuf **packets, uint16_t n)
{
	struct plug *plug = (struct plug *)(void *)link;
	struct world *w = plug->world;
	const unsigned holds = w->plan.holds;

	if (!plug->node->is_dead && !w->is_calm && world_chance(w, w->plan.takes_ppm))
		n = (uint16_t)world_below(w, n + 1U);
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = packets[i];

		transmit(plug, fly_packet_frame(m), m->data_len);
		if (holds == 0) {
			rte_pktmbuf_free(m);
			continue;
		}
		while (plug->n_held >= holds)
			give_back(plug);
		plug->held[plug->n_held].m = m;
		plug->held[plug->n_held++].sum = sum_of(m);
	}
	return n;
}

/* ---- arriving ---- */

static void drop(struct world *w, struct frame *f, const char *why)
{
	uint32_t number = UINT32_MAX;

	w->tally.lost++;
	oracle_packet(f->to->far, f->data, f->bytes, &number);
	if (w->is_traced)
		trace_frame(w, f->to->far, f->data, f->bytes, number, "dropped: %s", why);
	air_free(w, f);
}

void air_arrive(struct world *w, struct frame *f)
{
	struct plug *plug = f->to;
	struct node *node = plug->node;

	if (!node->is_up || node->is_dead) {
		drop(w, f, "nobody there");
		return;
	}
	if (!w->plan.is_promiscuous && !(f->data[0] & 1) && memcmp(f->data, plug->link.mac, 6)) {
		drop(w, f, "for another MAC");
		return;
	}
	if (plug->n_ring == w->plan.ring) {
		drop(w, f, "receive ring full");
		return;
	}
	plug->ring[(plug->ring_first + plug->n_ring++) % RING] = f;
	world_want(node, RTE_MAX(w->now, node->busy_until));
}

/* An acknowledgement of a whole call. */
static bool says_all_is_there(const uint8_t *rpc)
{
	struct fly_header h;

	fly_wire_read(rpc, &h);
	return h.type == FLY_PACKET_ACK && h.procedure == FLY_ABOUT_CALL &&
	       h.fragment == h.fragments;
}

static bool says_cancelled(const uint8_t *rpc)
{
	struct fly_header h;

	fly_wire_read(rpc, &h);
	return h.type == FLY_PACKET_CANCEL;
}

static uint16_t air_rx_burst(struct fly_link *link, struct rte_mbuf **packets, uint16_t n)
{
	struct plug *plug = (struct plug *)(void *)link;
	struct world *w = plug->world;
	uint16_t got = 0;

	while (got < n && plug->n_ring) {
		struct frame *f = plug->ring[plug->ring_first];
		struct rte_mbuf *m = rte_pktmbuf_alloc(link->pool);
		uint32_t number = UINT32_MAX;
		struct call *call;

		plug->ring_first = (plug->ring_first + 1) % RING;
		plug->n_ring--;
		if (!m) {
			drop(w, f, "no packet to receive it into");
			continue;
		}
		memcpy(rte_pktmbuf_append(m, (uint16_t)f->bytes), f->data, f->bytes);
		packets[got++] = m;
		call = oracle_packet(plug->far, f->data, f->bytes, &number);
		if (call && call->node != plug->node->index && says_cancelled(f->data + FLY_RPC) &&
		    !(w->plan.faults & FAULT_CORRUPT))
			workers_cancelled(plug->node, fly_get_u64(f->data + FLY_RPC + 8),
					  fly_get_u32(f->data + FLY_RPC + 16), call);
		if (call && call->node == plug->node->index) {
			call->heard = w->now;
			call->is_running |= says_all_is_there(f->data + FLY_RPC);
		}
		air_free(w, f);
	}
	return got;
}

void air_clear(struct plug *plug)
{
	while (plug->n_held)
		give_back(plug);
	for (; plug->n_ring; plug->n_ring--) {
		air_free(plug->world, plug->ring[plug->ring_first]);
		plug->ring_first = (plug->ring_first + 1) % RING;
	}
}

/* ---- joining ---- */

static struct plug *plug_in(struct world *w, struct node *node)
{
	const unsigned which = node->n_plugs++;
	struct plug *plug = &node->plugs[which];

	plug->world = w;
	plug->node = node;
	plug->link.rx_burst = air_rx_burst;
	plug->link.tx_burst = air_tx_burst;
	plug->link.ip = htonl(0x0a000001 + node->index);
	plug->link.udp_port = htons(61989);
	memcpy(plug->link.mac, (uint8_t[]){2, 0, 0, 0, (uint8_t)which, (uint8_t)(node->index + 1)},
	       6);
	plug->link.payload_max = (uint16_t)w->plan.payload_max;
	plug->link.payload_own = (uint16_t)w->plan.payload_max;
	fly_link_set_checksum(&plug->link,
			      w->plan.checksums ? FLY_CHECKSUM_SOFTWARE : FLY_CHECKSUM_NONE);
	plug->link.answers_arp = true;
	plug->link.is_private = w->plan.is_private;
	plug->link.zero_copy = w->plan.zero_copy;
	mix_weather(w, &plug->weather);
	if (w->plan.faults & FAULT_NARROW)
		plug->longest = mix_longest(w);
	return plug;
}

void air_join(struct world *w, struct node *a, struct node *b)
{
	struct plug *at_a = plug_in(w, a);
	struct plug *at_b = plug_in(w, b);

	at_a->far = at_b;
	at_b->far = at_a;
}
