/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * congestion.h - how many fragments may be under way to a peer, by how long they take. Pure: reads
 * no clock, sends nothing; all times in ticks, all windows in 65536ths of a fragment.
 *
 * Swift (Kumar et al., "Swift: Delay is Simple and Effective for Congestion Control in the
 * Datacenter", SIGCOMM 2020): a window, opened by a fragment per round trip while the round trip
 * is shorter than a target, closed in proportion to how much longer it is, at most once per round
 * trip. The target is an absolute time, so that who comes later is not taken in by a queue that
 * others have built, and longer for small windows, so that many flows get their share. A window
 * below 1 means a fragment in several round trips: pacing.
 *
 * Where this differs. Swift's windows begin at their full size, ours double in each round trip
 * until something speaks against it. A loss closes the window by what was lost, at most by half,
 * instead of by half: while the round trip is below its target a loss is more likely a bad cable
 * than a full queue, and where it is a full queue its share of the window is what was too much
 * (DCTCP's argument about marks, SIGCOMM 2010). Swift is told how long its ways are; here the
 * target is an absolute time where the way is short, and else follows from the shortest round
 * trip that was seen. Who comes to a queue that others have built would take that for the length
 * of the way, so now and then a sender whose target depends on it lets what it has under way
 * drain, and looks (BBR's ProbeRTT, Cardwell et al., ACM Queue 14(5), 2016). There is no smallest
 * round trip that the window would be computed from, as in Timely: at 1 us the additive increase is
 * simply faster.
 */
#ifndef FLY_CONGESTION_H
#define FLY_CONGESTION_H

#include <stdbool.h>
#include <stdint.h>

#define FLY_WINDOW_ONE   65536U                /* a window of one fragment */
#define FLY_WINDOW_FIRST (16 * FLY_WINDOW_ONE) /* before anything is known */
#define FLY_WINDOW_LEAST (FLY_WINDOW_ONE / 64) /* by delay; losses close it to 1 at most */
#define FLY_WINDOW_MOST  (1024 * FLY_WINDOW_ONE)

#define FLY_TARGET_US \
	16 /* a round trip in which nobody waits for long; or half above the shortest */
#define FLY_DRAIN_US 10000 /* so often, the shortest one is looked for */
#define FLY_PACE_US  10000 /* a longer pause is made only if the round trip is longer itself */
#define FLY_PROBE_US 100   /* silence of that length is none, however short a round trip is */

struct fly_congestion {
	uint32_t window;    /* in 65536ths of a fragment */
	uint32_t threshold; /* below it the window is doubled in each round trip */
	uint32_t closed_by; /* how much in the round trip that began at closed_tsc */
	uint64_t tsc_per_us;
	uint64_t srtt_tsc; /* 0: no round trip was measured yet */
	uint64_t rttvar_tsc;
	uint64_t least_tsc;      /* the shortest of this while; 0: none */
	uint64_t last_least_tsc; /* the shortest of the while before */
	uint64_t while_tsc;      /* when this while began */
	uint64_t closed_tsc;     /* when the window was closed last */
	uint64_t next_tsc;       /* nothing is to be sent before, while the window is below 1 */
	uint64_t drain_tsc;      /* when to drain next; while it drains, when it began to */
	bool is_draining;
};

void fly_congestion_init(struct fly_congestion *c, uint64_t tsc_per_us, uint64_t now_tsc);

/*
 * fly_congestion_acked() - fragments have arrived.
 * @n: how many. @n_flight: were under way until now, these included.
 * @rtt_tsc: what one of them took; 0: not known.
 */
void fly_congestion_acked(struct fly_congestion *c, uint32_t n, uint32_t n_flight, uint64_t rtt_tsc,
			  uint64_t now_tsc);

/* fly_congestion_lost() - @n were lost. */
void fly_congestion_lost(struct fly_congestion *c, uint32_t n, uint64_t now_tsc);

/* fly_congestion_silent() - nothing is heard at all: begin anew with one fragment. */
void fly_congestion_silent(struct fly_congestion *c, uint64_t now_tsc);

/* fly_congestion_room() - how many more may be sent now. */
uint32_t fly_congestion_room(const struct fly_congestion *c, uint32_t n_flight, uint64_t now_tsc);

/* fly_congestion_sent() - one was sent. */
void fly_congestion_sent(struct fly_congestion *c, uint64_t now_tsc);

/* fly_congestion_target() - the round trip that is aimed at. */
uint64_t fly_congestion_target(const struct fly_congestion *c);

/* fly_congestion_patience() - silence that long is to be looked into: about two round trips. */
uint64_t fly_congestion_patience(const struct fly_congestion *c);

#endif
