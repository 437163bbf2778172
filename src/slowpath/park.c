/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * park.c - receiving within a turn, while a procedure runs on its poller. New calls are parked
 * until the turn is over.
 *
 * On the poller's thread; called by turns within turns (poller.c), by fly_cancelled(3), and by the
 * sweep. Owns p->parked. Must not run a new call within a turn.
 *
 * A poller that runs a long procedure answers no probes. So the procedure may let its poller
 * receive now and then. Each packet is handled as usual, but new calls are parked.
 */
#include "fastpath/poller.h"
#include "fastpath/slow.h"
#include "slowpath/park.h"

#define PARK_BURSTS 32 /* of each link, at most: as many as a ring holds */

/* Is this packet a call? A copy of the running call is not parked but answered. */
static bool is_to_be_parked(const struct fly_poller *p, const struct fly_link *link,
			    const struct rte_mbuf *m)
{
	const uint8_t *frame = fly_packet_frame(m);
	const uint8_t *rpc = frame + FLY_RPC;
	const struct fly_conversation *c = p->running.conversation;

	/* A packet that would be dropped anyway is not parked. */
	if (!fly_packet_is_plain(m) ||
	    fly_wire_check_outer(frame, m->data_len, link->ip, link->udp_port) != 0 ||
	    fly_link_verify(link, m) != 0 || rpc[0] != (FLY_WIRE_VERSION << 4 | FLY_PACKET_CALL))
		return false;
	return !c || c->state != FLY_CONVERSATION_RUNNING || c->activity != fly_get_u64(rpc + 8) ||
	       c->seq != fly_get_u32(rpc + 16);
}

static void park(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m)
{
	if (p->n_parked == p->parked_max) {
		fly_stats_add(&p->stats, FLY_COUNT_drop_parked, 1);
		fly_packet_put(&p->cache, m);
		return;
	}
	p->parked[p->n_parked++] = (struct fly_parked){
		.m = m,
		.link = link,
		.came_tsc = p->now_tsc,
	};
	fly_stats_add(&p->stats, FLY_COUNT_calls_parked, 1);
	p->sweep_at_tsc = 0; /* the present turn resumes them at its end */
}

/* Receive one burst. Return: packets received. */
static uint16_t receive_burst(struct fly_poller *p, struct fly_link *link)
{
	struct rte_mbuf *packets[FLY_BURST];
	const uint16_t n = link->rx_burst(link, packets, FLY_BURST);

	fly_stats_add(&p->stats, FLY_COUNT_rx_packets, n);
	for (uint16_t i = 0; i < n; i++) {
		if (is_to_be_parked(p, link, packets[i]))
			park(p, link, packets[i]);
		else
			fly_demux(p, link, packets[i]);
	}
	fly_link_flush(link);
	return n;
}

/* Results of our calls may have waited for long: all are received before the sweep fails a call. */
void fly_slow_turn_parking(struct fly_poller *p, uint64_t now_tsc)
{
	const bool was_parking = p->is_parking;

	p->now_tsc = now_tsc;
	p->is_parking = true;
	for (uint32_t i = 0; i < p->n_links; i++) {
		for (unsigned bursts = 0; bursts < PARK_BURSTS; bursts++) {
			if (receive_burst(p, p->links[i]) == 0)
				break;
		}
	}
	fly_poller_handoffs_within(p); /* starts calls of other threads, runs none */
	if (now_tsc >= p->sweep_at_tsc)
		fly_slow_sweep(p);
	p->is_parking = was_parking;
}

void fly_park_resume(struct fly_poller *p)
{
	struct fly_parked parked[FLY_PARKED];
	const uint32_t n = p->n_parked;

	if (n == 0 || p->turning)
		return;
	memcpy(parked, p->parked, n * sizeof parked[0]);
	p->n_parked = 0;
	p->turning = true;
	for (uint32_t i = 0; i < n; i++) {
		p->running.held_ms =
			(uint32_t)((p->now_tsc - parked[i].came_tsc) / p->tsc_per_ms) + 1;
		fly_demux(p, parked[i].link, parked[i].m);
	}
	p->running.held_ms = 0;
	p->turning = false;
}

void fly_park_drop(struct fly_poller *p, const struct fly_link *link)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < p->n_parked; i++) {
		if (p->parked[i].link == link)
			fly_packet_put(&p->cache, p->parked[i].m);
		else
			p->parked[kept++] = p->parked[i];
	}
	p->n_parked = kept;
}
