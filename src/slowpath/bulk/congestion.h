/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * congestion.h - how many fragments may be in flight to a peer, by the delay. Pure: reads no
 * clock, sends nothing. All times in ticks, all windows in 65536ths of a fragment.
 *
 * Swift (Kumar et al., "Swift: Delay is Simple and Effective for Congestion Control in the
 * Datacenter", SIGCOMM 2020). The window opens by a fragment per round trip while the round trip
 * is shorter than a target. It closes in proportion to how far the round trip exceeds the target,
 * at most once per round trip. The target is an absolute time: a new flow does not mistake the
 * queue of others for the length of the way. The target is longer for small windows: many flows
 * get their share. A window below 1 means one fragment in several round trips: pacing.
 *
 * Differences from Swift:
 * - The window doubles in each round trip at first. Swift begins with the full window.
 * - A loss closes the window by what was lost, at most by half. Swift closes it by half. Below the
 * target a loss is more likely a bad cable than a full queue. If a queue is full, the lost share
 * of the window is what was too much (DCTCP's argument about marks, SIGCOMM 2010).
 * - Swift is told the lengths of its ways. Here the target is an absolute time on a short way, and
 * otherwise follows from the shortest round trip seen. A flow that joins a long queue would
 * measure that queue as the way. So a sender with such a target lets its flight drain now and
 * then, and measures (BBR's ProbeRTT, Cardwell et al., ACM Queue 14(5), 2016).
 * - The window is not computed from a smallest round trip, as in Timely. At 1 us the additive
 * increase is simply faster.
 */
#ifndef FLY_CONGESTION_H
#define FLY_CONGESTION_H

#include <stdbool.h>
#include <stdint.h>

#define FLY_WINDOW_ONE   65536U                /* a window of one fragment */
#define FLY_WINDOW_FIRST (16 * FLY_WINDOW_ONE) /* at first */
#define FLY_WINDOW_LEAST (FLY_WINDOW_ONE / 64) /* closed by delay; losses close it to 1 at most */
#define FLY_WINDOW_MOST  (1024 * FLY_WINDOW_ONE)

#define FLY_TARGET_US 16    /* the least target; or 1.5 times the shortest round trip */
#define FLY_DRAIN_US  10000 /* interval of drains, to measure the shortest round trip */
#define FLY_PACE_US   10000 /* the longest pause, unless the round trip is longer */
#define FLY_PROBE_US  100   /* the least patience, however short the round trip */

struct fly_congestion {
	uint32_t window;    /* in 65536ths of a fragment */
	uint32_t threshold; /* below it the window doubles in each round trip */
	uint32_t closed_by; /* closed by so much in the round trip that began at closed_tsc */
	uint64_t tsc_per_us;
	uint64_t srtt_tsc; /* 0: no round trip was measured yet */
	uint64_t rttvar_tsc;
	uint64_t least_tsc;      /* shortest round trip of this period; 0: none */
	uint64_t last_least_tsc; /* shortest of the period before */
	uint64_t while_tsc;      /* when this period began */
	uint64_t closed_tsc;     /* when the window was last closed */
	uint64_t next_tsc;       /* the window is below 1: send nothing before */
	uint64_t drain_tsc;      /* when to drain next; is_draining: when the drain began */
	bool is_draining;
};

void fly_congestion_init(struct fly_congestion *c, uint64_t tsc_per_us, uint64_t now_tsc);

/*
 * fly_congestion_acked() - @n fragments have arrived.
 * @n_flight: in flight until now, these included. @rtt_tsc: round trip of one of them; 0: unknown.
 */
void fly_congestion_acked(struct fly_congestion *c, uint32_t n, uint32_t n_flight, uint64_t rtt_tsc,
			  uint64_t now_tsc);

/* fly_congestion_lost() - @n fragments were lost. */
void fly_congestion_lost(struct fly_congestion *c, uint32_t n, uint64_t now_tsc);

/* fly_congestion_silent() - nothing is heard: restart with a window of one fragment. */
void fly_congestion_silent(struct fly_congestion *c, uint64_t now_tsc);

/* fly_congestion_room() - how many more fragments may be sent now. */
uint32_t fly_congestion_room(const struct fly_congestion *c, uint32_t n_flight, uint64_t now_tsc);

/* fly_congestion_sent() - one fragment was sent. */
void fly_congestion_sent(struct fly_congestion *c, uint64_t now_tsc);

/* fly_congestion_target() - the target round trip. */
uint64_t fly_congestion_target(const struct fly_congestion *c);

/* fly_congestion_patience() - how long to wait for anything: about two round trips. */
uint64_t fly_congestion_patience(const struct fly_congestion *c);

#endif
