/* SPDX-License-Identifier: BSD-3-Clause */
/* congestion.c - see congestion.h. Pure. Called by the other files of bulk/. */
#include "slowpath/bulk/congestion.h"

#include <rte_common.h>

/* A period. The shortest round trip counts for its period and the next one. */
#define PERIOD_US (UINT64_C(5) * 1000 * 1000)

#define BETA_NUM 4 /* Swift's beta, 0.8: how fast a long round trip closes the window */
#define BETA_DEN 5
/* Square root, in 256ths, of the window from which on the target is not scaled: 100 fragments. */
#define SCALE_ROOT (10 * 256)

/* Round trip as long as none was measured: a network with a few queues. */
#define FIRST_RTT_US UINT64_C(200)

/* Longer samples are cut to this: the peer or the network stood still. */
#define RTT_MOST_US UINT64_C(1000000)

void fly_congestion_init(struct fly_congestion *c, uint64_t tsc_per_us, uint64_t now_tsc)
{
	*c = (struct fly_congestion){
		.window = FLY_WINDOW_FIRST,
		.threshold = FLY_WINDOW_MOST,
		.tsc_per_us = tsc_per_us,
		.while_tsc = now_tsc,
		.closed_tsc = now_tsc,
		.drain_tsc = now_tsc + FLY_DRAIN_US * tsc_per_us / 10,
	};
}

static uint32_t root(uint32_t n)
{
	uint32_t r = 0;

	for (uint32_t bit = 1U << 15; bit != 0; bit >>= 1) {
		if ((uint64_t)(r | bit) * (r | bit) <= n)
			r |= bit;
	}
	return r;
}

/* Swift, 3.5: grows as 1 / sqrt(window), up to FLY_TARGET_US at a window of 1. */
static uint64_t scaled_tsc(const struct fly_congestion *c)
{
	const uint64_t most_tsc = FLY_TARGET_US * c->tsc_per_us;
	const uint32_t r = root(c->window); /* in 256ths */

	if (r >= SCALE_ROOT)
		return 0;
	return RTE_MIN(most_tsc, most_tsc * 256 / r - most_tsc / 10);
}

/* One and a half times the shortest round trip of this period and the one before. */
static uint64_t relative_tsc(const struct fly_congestion *c)
{
	uint64_t least_tsc = c->least_tsc;

	if (c->last_least_tsc != 0 && c->last_least_tsc < least_tsc)
		least_tsc = c->last_least_tsc;
	return least_tsc + least_tsc / 2;
}

uint64_t fly_congestion_target(const struct fly_congestion *c)
{
	return RTE_MAX(FLY_TARGET_US * c->tsc_per_us, relative_tsc(c)) + scaled_tsc(c);
}

uint64_t fly_congestion_patience(const struct fly_congestion *c)
{
	const uint64_t least_tsc = FLY_PROBE_US * c->tsc_per_us;

	if (c->srtt_tsc == 0)
		return RTE_MAX(least_tsc, 4 * FIRST_RTT_US * c->tsc_per_us);
	return RTE_MIN(RTE_MAX(least_tsc, 2 * c->srtt_tsc + 4 * c->rttvar_tsc),
		       RTT_MOST_US * c->tsc_per_us);
}

/*
 * RFC 6298, section 2, and the shortest round trip of this period. A round trip in which the peer
 * stood still for a minute says nothing about the next one.
 */
static void measured(struct fly_congestion *c, uint64_t rtt_tsc, uint64_t now_tsc)
{
	uint64_t off_tsc;

	rtt_tsc = RTE_MIN(rtt_tsc, RTT_MOST_US * c->tsc_per_us);

	if (c->srtt_tsc == 0) {
		c->srtt_tsc = rtt_tsc;
		c->rttvar_tsc = rtt_tsc / 2;
	} else {
		off_tsc = rtt_tsc > c->srtt_tsc ? rtt_tsc - c->srtt_tsc : c->srtt_tsc - rtt_tsc;
		c->rttvar_tsc = (3 * c->rttvar_tsc + off_tsc) / 4;
		c->srtt_tsc = (7 * c->srtt_tsc + rtt_tsc) / 8;
	}
	if (now_tsc - c->while_tsc > PERIOD_US * c->tsc_per_us) {
		c->while_tsc = now_tsc;
		c->last_least_tsc = c->least_tsc;
		c->least_tsc = 0;
	}
	if (c->least_tsc == 0 || rtt_tsc < c->least_tsc)
		c->least_tsc = rtt_tsc;
}

/*
 * Start or end a drain. A drain sends one fragment at a time. It ends with the round trip of a
 * fragment that was sent when nothing else was in flight.
 */
static void drain(struct fly_congestion *c, uint64_t rtt_tsc, uint64_t now_tsc)
{
	if (c->is_draining) {
		if (now_tsc - rtt_tsc < c->drain_tsc + c->srtt_tsc)
			return;
		c->is_draining = false;
		c->drain_tsc = now_tsc + FLY_DRAIN_US * c->tsc_per_us;
	} else if (now_tsc >= c->drain_tsc && relative_tsc(c) > FLY_TARGET_US * c->tsc_per_us) {
		c->is_draining = true;
		c->drain_tsc = now_tsc;
	}
}

/* Was the window not yet closed in this round trip? Losses may close it further, to half in all. */
static bool may_close(const struct fly_congestion *c, uint64_t now_tsc)
{
	return now_tsc - c->closed_tsc >= c->srtt_tsc;
}

static void close_by(struct fly_congestion *c, uint64_t by, uint64_t now_tsc)
{
	const uint32_t before = c->window;

	c->window = RTE_MAX((uint32_t)(c->window - RTE_MIN(by, (uint64_t)c->window / 2)),
			    FLY_WINDOW_LEAST);
	c->threshold = c->window;
	if (may_close(c, now_tsc)) {
		c->closed_tsc = now_tsc;
		c->closed_by = 0;
	}
	c->closed_by += before - c->window;
}

void fly_congestion_acked(struct fly_congestion *c, uint32_t n, uint32_t n_flight, uint64_t rtt_tsc,
			  uint64_t now_tsc)
{
	const uint64_t target_tsc = fly_congestion_target(c);
	uint64_t more;

	if (rtt_tsc != 0) {
		measured(c, rtt_tsc, now_tsc);
		drain(c, rtt_tsc, now_tsc);
	}
	if (rtt_tsc > target_tsc) {
		if (may_close(c, now_tsc))
			close_by(c,
				 c->window * BETA_NUM / BETA_DEN * (rtt_tsc - target_tsc) / rtt_tsc,
				 now_tsc);
		c->threshold = RTE_MIN(c->threshold, c->window);
		return;
	}
	/* A window that is not used does not show that a wider one would do. */
	if ((uint64_t)n_flight * FLY_WINDOW_ONE < c->window / 2)
		return;
	if (c->window < c->threshold)
		more = (uint64_t)n * FLY_WINDOW_ONE;
	else if (c->window >= FLY_WINDOW_ONE)
		more = (uint64_t)n * FLY_WINDOW_ONE * FLY_WINDOW_ONE / c->window;
	else
		more = (uint64_t)n * FLY_WINDOW_ONE;
	c->window = (uint32_t)RTE_MIN(c->window + more, (uint64_t)FLY_WINDOW_MOST);
}

void fly_congestion_lost(struct fly_congestion *c, uint32_t n, uint64_t now_tsc)
{
	uint64_t by = (uint64_t)n * FLY_WINDOW_ONE;

	by = RTE_MIN(by, c->window > FLY_WINDOW_ONE ? c->window - FLY_WINDOW_ONE : 0);
	if (!may_close(c, now_tsc)) {
		const uint64_t before = (uint64_t)c->window + c->closed_by;

		by = RTE_MIN(by, before / 2 > c->closed_by ? before / 2 - c->closed_by : 0);
	}
	close_by(c, by, now_tsc);
}

void fly_congestion_silent(struct fly_congestion *c, uint64_t now_tsc)
{
	if (c->window > FLY_WINDOW_ONE) {
		c->threshold = RTE_MAX(c->window / 2, 2 * FLY_WINDOW_ONE);
		c->window = FLY_WINDOW_ONE;
	}
	c->closed_tsc = now_tsc;
	c->closed_by = 0;
	c->next_tsc = now_tsc;
	c->is_draining = false;
	c->drain_tsc = now_tsc + FLY_DRAIN_US * c->tsc_per_us;
}

uint32_t fly_congestion_room(const struct fly_congestion *c, uint32_t n_flight, uint64_t now_tsc)
{
	const uint32_t window = c->is_draining ? 1 : c->window / FLY_WINDOW_ONE;

	if (window == 0)
		return n_flight == 0 && now_tsc >= c->next_tsc ? 1 : 0;
	return window > n_flight ? window - n_flight : 0;
}

void fly_congestion_sent(struct fly_congestion *c, uint64_t now_tsc)
{
	uint64_t pause_tsc;

	if (c->window >= FLY_WINDOW_ONE)
		return;
	pause_tsc = c->srtt_tsc * FLY_WINDOW_ONE / c->window;
	c->next_tsc =
		now_tsc + RTE_MIN(pause_tsc, RTE_MAX(c->srtt_tsc, FLY_PACE_US * c->tsc_per_us));
}
