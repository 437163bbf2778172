/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * retry.c - see retry.h. Pure. Called by the files of the slow path, which carry out its
 * decisions.
 */
#include "slowpath/retry.h"

void fly_rtt_init(struct fly_rtt *rtt, const struct fly_waits *waits)
{
	*rtt = (struct fly_rtt){.rto_tsc = waits->first_tsc};
}

void fly_rtt_sample(struct fly_rtt *rtt, const struct fly_waits *waits, uint64_t sample_tsc)
{
	uint64_t rto_tsc;

	if (sample_tsc == 0)
		sample_tsc = 1; /* 0 means: not measured */
	/* A round trip in which the peer stood still for a minute says nothing about the next. */
	sample_tsc = RTE_MIN(sample_tsc, waits->most_tsc);
	if (rtt->srtt_tsc == 0) {
		rtt->srtt_tsc = sample_tsc;
		rtt->rttvar_tsc = sample_tsc / 2;
	} else {
		const uint64_t error_tsc = sample_tsc > rtt->srtt_tsc ? sample_tsc - rtt->srtt_tsc
								      : rtt->srtt_tsc - sample_tsc;

		rtt->rttvar_tsc = (3 * rtt->rttvar_tsc + error_tsc) / 4;
		rtt->srtt_tsc = RTE_MAX((7 * rtt->srtt_tsc + sample_tsc) / 8, 1U);
	}
	rto_tsc = rtt->srtt_tsc + 4 * rtt->rttvar_tsc;
	rtt->rto_tsc = RTE_MIN(RTE_MAX(rto_tsc, waits->least_tsc), waits->most_tsc);
}

void fly_retry_begin(struct fly_retry *r, uint64_t rto_tsc, uint64_t sent_tsc)
{
	*r = (struct fly_retry){
		.due_tsc = sent_tsc + rto_tsc,
		.interval_tsc = rto_tsc,
		.waited_tsc = rto_tsc,
	};
}

void fly_retry_running(struct fly_retry *r, const struct fly_waits *waits,
		       const struct fly_rtt *rtt, uint64_t now_tsc)
{
	if (r->is_running && r->tries == 0)
		return; /* no probe is out: the server acknowledged several copies */
	if (r->is_running)
		r->interval_tsc = RTE_MIN(2 * r->interval_tsc, waits->probe_most_tsc);
	else
		r->interval_tsc = RTE_MAX(rtt->srtt_tsc, waits->least_tsc);
	r->is_running = true;
	r->tries = 0;
	r->waited_tsc = 0;
	r->due_tsc = now_tsc + r->interval_tsc;
}

/* The probe interval of a RUNNING call is kept: it grows when the probe is answered. */
static enum fly_retry_action step_running(struct fly_retry *r, const struct fly_waits *waits,
					  uint64_t rto_tsc, uint64_t now_tsc)
{
	uint64_t wait_tsc = RTE_MAX(rto_tsc, waits->probe_again_tsc);

	if (r->tries >= waits->probes)
		return FLY_RETRY_GIVE_UP;
	for (unsigned i = 0; i < r->tries && wait_tsc < waits->most_tsc; i++)
		wait_tsc *= 2;
	r->tries++;
	r->due_tsc = now_tsc + RTE_MIN(wait_tsc, RTE_MAX(waits->most_tsc, rto_tsc));
	return FLY_RETRY_PROBE;
}

enum fly_retry_action fly_retry_step(struct fly_retry *r, const struct fly_waits *waits,
				     const struct fly_rtt *rtt, uint64_t now_tsc)
{
	if (now_tsc < r->due_tsc)
		return FLY_RETRY_WAIT;
	if (r->is_running)
		return step_running(r, waits, rtt->rto_tsc, now_tsc);
	if (r->tries > 0 && r->waited_tsc >= waits->timeout_tsc)
		return FLY_RETRY_GIVE_UP;
	if (r->tries < UINT8_MAX)
		r->tries++;
	r->interval_tsc = RTE_MIN(2 * r->interval_tsc, RTE_MAX(waits->most_tsc, rtt->rto_tsc));
	if (r->waited_tsc < waits->timeout_tsc) /* the last wait ends with the time-out */
		r->interval_tsc =
			RTE_MIN(r->interval_tsc,
				RTE_MAX(waits->timeout_tsc - r->waited_tsc, rtt->rto_tsc));
	r->waited_tsc += r->interval_tsc;
	r->due_tsc = now_tsc + r->interval_tsc;
	return FLY_RETRY_RESEND;
}
