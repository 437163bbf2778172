/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * retry.h - when a call is sent again and when it is given up. Pure: reads no clock, sends nothing.
 *
 * For now a fixed exponential back-off: FLY_RESEND_FIRST_MS, doubling up to FLY_RESEND_CAP_MS.
 * It is long beside a round trip on purpose: a server that was descheduled for a few
 * milliseconds should not be flooded. Adapting to the round trip comes with the full slow path.
 */
#ifndef FLY_RETRY_H
#define FLY_RETRY_H

#include <stdint.h>

#define FLY_RESEND_CAP_MS 1000

enum fly_retry_action {
	FLY_RETRY_WAIT,    /* not yet */
	FLY_RETRY_RESEND,  /* send again, then wait *next_ms */
	FLY_RETRY_GIVE_UP, /* the peer does not answer */
};

/*
 * fly_retry_step() - what to do with an unanswered call.
 * @now_ms, @due_ms, @started_ms: poller time; they may wrap.
 * @resends: how often it was sent again. @timeout_ms: give up so long after the start.
 * @next_ms: set for FLY_RETRY_RESEND.
 * At least one resend goes out before giving up, so that a caller that was itself away for
 * longer than the time-out does not take its own absence for the peer's.
 */
enum fly_retry_action fly_retry_step(uint32_t now_ms, uint32_t due_ms, uint32_t started_ms,
				     unsigned resends, uint32_t timeout_ms, uint32_t *next_ms);

#endif
