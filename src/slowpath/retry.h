/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * retry.h - how long to wait for a reply, and what to do when none comes. Pure: reads no clock,
 * sends nothing.
 *
 * A call goes through two phases. Until the server has replied anything, the call is sent again,
 * each time after twice as long, and fails when the sum of its waits reaches the time-out. After
 * the server has said that it runs the call there is no limit: the caller probes, at growing
 * intervals, and fails the call when several probes in a row are not answered (Birrell and Nelson,
 * "Implementing Remote Procedure Calls", ACM TOCS 2(1), 1984).
 *
 * The sum is that of the planned waits, not of the time that has passed: a caller that was absent
 * does not take its own absence for the peer's silence.
 */
#ifndef FLY_RETRY_H
#define FLY_RETRY_H

#include "fastpath/binding.h"

enum fly_retry_action {
	FLY_RETRY_WAIT,    /* not yet */
	FLY_RETRY_RESEND,  /* resend the call */
	FLY_RETRY_PROBE,   /* send a probe */
	FLY_RETRY_GIVE_UP, /* fail the call: the peer does not answer */
};

/* fly_rtt_init() - no round trip was measured. */
void fly_rtt_init(struct fly_rtt *rtt, const struct fly_waits *waits);

/*
 * fly_rtt_sample() - a reply came @sample_tsc after the packet that it answers. That packet was
 * sent once only (Karn and Partridge, SIGCOMM 1987). Computes as RFC 6298, section 2; the bounds
 * are ours.
 */
void fly_rtt_sample(struct fly_rtt *rtt, const struct fly_waits *waits, uint64_t sample_tsc);

/*
 * fly_retry_begin() - start waiting: a call was first sent at @sent_tsc, or progress was heard
 * then.
 */
void fly_retry_begin(struct fly_retry *r, uint64_t rto_tsc, uint64_t sent_tsc);

/* fly_retry_running() - the server says that it runs the call. */
void fly_retry_running(struct fly_retry *r, const struct fly_waits *waits,
		       const struct fly_rtt *rtt, uint64_t now_tsc);

/*
 * fly_retry_step() - what to do now about a call without a reply.
 * RESEND and PROBE: *r already counts that packet as sent.
 */
enum fly_retry_action fly_retry_step(struct fly_retry *r, const struct fly_waits *waits,
				     const struct fly_rtt *rtt, uint64_t now_tsc);

#endif
