/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * retry.h - how long to wait for an answer, and what to do when none comes. Pure: reads no clock,
 * sends nothing.
 *
 * A call goes through two phases. Until the server has said anything about it, it is sent again,
 * each time after twice as long, and given up when all waits together are longer than the
 * time-out. Once the server has said that it works on it, there is no limit to how long it may
 * take: the caller probes, at growing intervals, and gives up when several probes in a row are
 * not answered (Birrell and Nelson, "Implementing Remote Procedure Calls", ACM TOCS 2(1), 1984).
 *
 * Waits are added up as they were meant, not as they were: a caller that was itself away does not
 * take its own absence for its peer's.
 */
#ifndef FLY_RETRY_H
#define FLY_RETRY_H

#include "fastpath/binding.h"

enum fly_retry_action {
	FLY_RETRY_WAIT,    /* not yet */
	FLY_RETRY_RESEND,  /* send the call again */
	FLY_RETRY_PROBE,   /* ask whether the server still works on it */
	FLY_RETRY_GIVE_UP, /* the peer does not answer */
};

/* fly_rtt_init() - nothing is known. */
void fly_rtt_init(struct fly_rtt *rtt, const struct fly_waits *waits);

/*
 * fly_rtt_sample() - an answer came @sample_tsc after what it answers, which was sent once only
 * (Karn and Partridge, SIGCOMM 1987). The arithmetic of RFC 6298, section 2; the bounds are ours.
 */
void fly_rtt_sample(struct fly_rtt *rtt, const struct fly_waits *waits, uint64_t sample_tsc);

/* fly_retry_begin() - something was sent at @sent_tsc, or something new was heard then. */
void fly_retry_begin(struct fly_retry *r, uint64_t rto_tsc, uint64_t sent_tsc);

/* fly_retry_running() - the server says that it works on the call. */
void fly_retry_running(struct fly_retry *r, const struct fly_waits *waits,
		       const struct fly_rtt *rtt, uint64_t now_tsc);

/*
 * fly_retry_step() - what to do now about a call that is not answered.
 * RESEND and PROBE: *r is as if that had been done.
 */
enum fly_retry_action fly_retry_step(struct fly_retry *r, const struct fly_waits *waits,
				     const struct fly_rtt *rtt, uint64_t now_tsc);

#endif
