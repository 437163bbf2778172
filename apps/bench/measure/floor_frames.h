/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * floor_frames.h - frames that go over the first link of a runtime by rx_burst and tx_burst, as
 * floor.c and floor_calls.c send and receive them.
 *
 * What is received is sent again, so that the loop adds no pool traffic to the driver's own.
 * Inlined, with constant functions.
 */
#ifndef FIREFLY_BENCH_FLOOR_FRAMES_H
#define FIREFLY_BENCH_FLOOR_FRAMES_H

#include <string.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "base/yield.h"
#include "block.h"
#include "fastpath/link.h"
#include "floor.h"
#include "runtime/runtime.h"

#define FRAMES_IDLE_POLLS 16384 /* empty receptions before others may run */

#define FRAMES_INLINE static inline __attribute__((always_inline))

/* Frames that are to be sent and that the driver has not taken yet. */
struct frames {
	const struct fly_link *link;
	uint64_t tsc_hz;
	uint16_t held;
	struct rte_mbuf *frame[BLOCK_WINDOW + FLY_BURST];
	unsigned to_come; /* frames under way or held */
	unsigned idle;    /* receptions of nothing */
	uint64_t since;   /* when nothing had come for a while; 0: something had */
};

/* frames_open() - with @window frames to be filled. Return: 0 or -FLY_EPACKETS. */
static inline int frames_open(struct frames *f, struct fly_runtime *runtime, unsigned window)
{
	struct fly_platform platform = {.size = sizeof platform};

	fly_platform(runtime, &platform);
	f->link = fly_runtime_link(runtime, 0);
	f->tsc_hz = platform.tsc_hz;
	f->held = (uint16_t)window;
	f->to_come = window;
	f->idle = 0;
	f->since = 0;
	return window && rte_pktmbuf_alloc_bulk(f->link->pool, f->frame, window) ? -FLY_EPACKETS
										 : 0;
}

/* frames_close() - give back what is held. */
static inline void frames_close(struct frames *f)
{
	rte_pktmbuf_free_bulk(f->frame, f->held);
}

/*
 * frames_offer() - offer what is held to the driver once. What it does not take stays for the next
 * time, after the next reception: a full ring empties only when its other side gets to send as
 * well.
 */
static inline void frames_offer(struct frames *f)
{
	uint16_t taken;

	if (f->held == 0)
		return;
	taken = rte_eth_tx_burst(f->link->port, 0, f->frame, f->held);
	f->held = (uint16_t)(f->held - taken);
	if (f->held)
		memmove(f->frame, f->frame + taken, f->held * sizeof *f->frame);
}

/* frames_receive() - behind what is held already. Return: frames received. */
static inline uint16_t frames_receive(struct frames *f)
{
	const unsigned room = (unsigned)RTE_DIM(f->frame) - f->held;

	return rte_eth_rx_burst(f->link->port, 0, f->frame + f->held,
				(uint16_t)RTE_MIN(room, (unsigned)FLY_BURST));
}

/* frames_wait() - @got came. Return: has nothing come for too long? Others may run meanwhile. */
static inline bool frames_wait(struct frames *f, unsigned got)
{
	if (got) {
		f->since = 0;
		return false;
	}
	if (++f->idle % FRAMES_IDLE_POLLS != 0)
		return false;
	fly_yield();
	if (!f->since)
		f->since = ticks_now();
	return ticks_now() - f->since > FLOOR_SILENCE_S * f->tsc_hz;
}

/*
 * frames_exchange() - send what is held, and again what comes back, until nothing is to come.
 * @again: makes a frame that came the next one. Return: false: it is not to be sent again.
 * Return: 0, or -FLY_EPEER when no frame came back for FLOOR_SILENCE_S.
 */
FRAMES_INLINE int frames_exchange(struct frames *f,
				  bool (*again)(void *context, struct rte_mbuf *m), void *context)
{
	frames_offer(f);
	while (f->to_come) {
		struct rte_mbuf **fresh = f->frame + f->held;
		const uint16_t n = frames_receive(f);

		for (uint16_t i = 0; i < n; i++) {
			if (again(context, fresh[i])) {
				f->frame[f->held++] = fresh[i];
			} else {
				rte_pktmbuf_free(fresh[i]);
				f->to_come--;
			}
		}
		frames_offer(f);
		if (frames_wait(f, n))
			break;
	}
	frames_close(f);
	return f->to_come ? -FLY_EPEER : 0;
}

#endif
