/* SPDX-License-Identifier: BSD-3-Clause */
/* test_retry.c - when a call is sent again or probed, how the waits grow, when it is given up. */
#include <criterion/criterion.h>

#include "slowpath/retry.h"

static const struct fly_waits waits = {
	.first_tsc = 20000,
	.least_tsc = 1000,
	.most_tsc = 1000000,
	.timeout_tsc = 5000000,
	.probe_again_tsc = 50000,
	.probe_most_tsc = 300000000,
	.probes = 8,
};

static struct fly_rtt measured(uint64_t srtt_tsc)
{
	struct fly_rtt rtt;

	fly_rtt_init(&rtt, &waits);
	for (unsigned i = 0; i < 100; i++)
		fly_rtt_sample(&rtt, &waits, srtt_tsc);
	return rtt;
}

/* ---- round trips ---- */

Test(retry, fly_rtt_init__waits_as_long_as_is_configured)
{
	struct fly_rtt rtt;

	fly_rtt_init(&rtt, &waits);
	cr_expect(rtt.rto_tsc == 20000 && rtt.srtt_tsc == 0);
}

/* The figures of RFC 6298, section 2: R = 8000, then R' = 16000. */
Test(retry, fly_rtt_sample__is_the_arithmetic_of_rfc_6298)
{
	struct fly_rtt rtt;

	fly_rtt_init(&rtt, &waits);
	fly_rtt_sample(&rtt, &waits, 8000);
	cr_expect(rtt.srtt_tsc == 8000 && rtt.rttvar_tsc == 4000 && rtt.rto_tsc == 24000);
	fly_rtt_sample(&rtt, &waits, 16000);
	cr_expect(rtt.rttvar_tsc == 5000 && rtt.srtt_tsc == 9000 && rtt.rto_tsc == 29000);
	fly_rtt_sample(&rtt, &waits, 1000); /* a shorter one counts as much */
	cr_expect(rtt.rttvar_tsc == 5750 && rtt.srtt_tsc == 8000 && rtt.rto_tsc == 31000);
}

Test(retry, fly_rtt_sample__stays_within_bounds)
{
	struct fly_rtt rtt = measured(1);

	cr_expect(rtt.rto_tsc == waits.least_tsc);
	fly_rtt_sample(&rtt, &waits, 0);
	cr_expect(rtt.srtt_tsc >= 1, "0 would mean that nothing is known");
	rtt = measured(50000000);
	cr_expect(rtt.rto_tsc == waits.most_tsc);
	cr_expect(rtt.srtt_tsc <= waits.most_tsc, "by which probes begin");
}

/* ---- before the server has said anything ---- */

Test(retry, fly_retry_step__waits_until_it_is_due)
{
	const struct fly_rtt rtt = measured(10);
	struct fly_retry r;

	fly_retry_begin(&r, 1000, 500);
	cr_expect(fly_retry_step(&r, &waits, &rtt, 1499) == FLY_RETRY_WAIT);
	cr_expect(fly_retry_step(&r, &waits, &rtt, 1500) == FLY_RETRY_RESEND);
	cr_expect(fly_retry_step(&r, &waits, &rtt, 1500) == FLY_RETRY_WAIT);
}

Test(retry, fly_retry_step__each_wait_is_twice_the_one_before_up_to_the_bound_and_the_time_out)
{
	static const uint64_t sent_at[] = {1000,    3000,    7000,   15000,  31000,
					   63000,   127000,  255000, 511000, 1023000,
					   2023000, 3023000, 4023000};
	const struct fly_rtt rtt = measured(10);
	struct fly_retry r;

	fly_retry_begin(&r, 1000, 0);
	for (unsigned i = 0; i < RTE_DIM(sent_at); i++) {
		cr_assert(r.due_tsc == sent_at[i], "copy %u at %lu", i, r.due_tsc);
		cr_assert(fly_retry_step(&r, &waits, &rtt, r.due_tsc) == FLY_RETRY_RESEND);
	}
	cr_expect(r.due_tsc == waits.timeout_tsc, "the last wait ends at %lu", r.due_tsc);
	cr_expect(fly_retry_step(&r, &waits, &rtt, r.due_tsc) == FLY_RETRY_GIVE_UP);
}

Test(retry, fly_retry_step__a_wait_is_never_shorter_than_a_round_trip)
{
	const struct fly_rtt rtt = measured(900000);
	const struct fly_waits hasty = {.least_tsc = 10,
					.most_tsc = 100,
					.timeout_tsc = 1000000,
					.probes = 1};
	struct fly_retry r;

	fly_retry_begin(&r, rtt.rto_tsc, 0);
	cr_assert(fly_retry_step(&r, &hasty, &rtt, r.due_tsc) == FLY_RETRY_RESEND);
	cr_expect(r.interval_tsc >= rtt.rto_tsc);
}

/* After an absence a time-out is due at once; the absence must not count as waiting. */
Test(retry, fly_retry_step__an_absence_is_not_the_peers_silence)
{
	const struct fly_rtt rtt = measured(10);
	struct fly_retry r;
	uint64_t now = UINT64_C(3600000000);
	unsigned copies = 0;

	fly_retry_begin(&r, 1000, 0);
	while (fly_retry_step(&r, &waits, &rtt, now) == FLY_RETRY_RESEND) {
		copies++;
		now = r.due_tsc;
	}
	cr_expect(copies == 13, "%u copies after an hour", copies);
}

Test(retry, fly_retry_step__sends_one_copy_however_short_the_time_out)
{
	const struct fly_rtt rtt = measured(10);
	struct fly_waits short_waits = waits;
	struct fly_retry r;

	short_waits.timeout_tsc = 1;
	fly_retry_begin(&r, 1000, 0);
	cr_expect(fly_retry_step(&r, &short_waits, &rtt, 1000) == FLY_RETRY_RESEND);
	cr_expect(fly_retry_step(&r, &short_waits, &rtt, r.due_tsc) == FLY_RETRY_GIVE_UP);
}

/* ---- once it has ---- */

Test(retry, fly_retry_running__probes_begin_after_a_round_trip_and_become_rare)
{
	const struct fly_rtt rtt = measured(4000);
	uint64_t expected = 4000;
	uint64_t now = 77;
	struct fly_retry r;

	fly_retry_begin(&r, rtt.rto_tsc, 0);
	fly_retry_running(&r, &waits, &rtt, now);
	for (unsigned i = 0; i < 30; i++) {
		cr_assert(r.due_tsc == now + expected, "probe %u after %lu", i, r.due_tsc - now);
		now = r.due_tsc;
		cr_assert(fly_retry_step(&r, &waits, &rtt, now) == FLY_RETRY_PROBE);
		now += 4000;
		fly_retry_running(&r, &waits, &rtt, now); /* answered */
		expected = RTE_MIN(2 * expected, waits.probe_most_tsc);
	}
	cr_expect(expected == waits.probe_most_tsc);
}

Test(retry, fly_retry_step__a_probe_that_is_not_answered_is_repeated_and_then_the_call_given_up)
{
	static const uint64_t waited[] = {50000,  100000,  200000,  400000,
					  800000, 1000000, 1000000, 1000000};
	const struct fly_rtt rtt = measured(10);
	struct fly_retry r;
	uint64_t now;

	fly_retry_begin(&r, rtt.rto_tsc, 0);
	fly_retry_running(&r, &waits, &rtt, 0);
	for (unsigned i = 0; i < RTE_DIM(waited); i++) {
		now = r.due_tsc;
		cr_assert(fly_retry_step(&r, &waits, &rtt, now) == FLY_RETRY_PROBE);
		cr_assert(r.due_tsc == now + waited[i], "after probe %u: %lu", i, r.due_tsc - now);
	}
	cr_expect(fly_retry_step(&r, &waits, &rtt, r.due_tsc) == FLY_RETRY_GIVE_UP);
}

/* A server that was busy answers all copies at once: they count as one answer. */
Test(retry, fly_retry_running__one_answer_counts_for_each_question)
{
	const struct fly_rtt rtt = measured(4000);
	struct fly_retry r;
	uint64_t due;

	fly_retry_begin(&r, rtt.rto_tsc, 0);
	fly_retry_running(&r, &waits, &rtt, 100);
	due = r.due_tsc;
	for (unsigned i = 0; i < 10; i++)
		fly_retry_running(&r, &waits, &rtt, 101 + i);
	cr_expect(r.due_tsc == due && r.interval_tsc == 4000);
	cr_assert(fly_retry_step(&r, &waits, &rtt, due) == FLY_RETRY_PROBE);
	for (unsigned i = 0; i < 10; i++)
		fly_retry_running(&r, &waits, &rtt, due + 10 + i);
	cr_expect(r.interval_tsc == 8000 && r.due_tsc == due + 10 + 8000);
}

Test(retry, fly_retry_running__an_answer_makes_up_for_all_probes_before)
{
	const struct fly_rtt rtt = measured(10);
	struct fly_retry r;
	uint64_t interval;

	fly_retry_begin(&r, rtt.rto_tsc, 0);
	fly_retry_running(&r, &waits, &rtt, 0);
	for (unsigned i = 0; i < 7; i++)
		cr_assert(fly_retry_step(&r, &waits, &rtt, r.due_tsc) == FLY_RETRY_PROBE);
	interval = r.interval_tsc;
	fly_retry_running(&r, &waits, &rtt, 9000000);
	cr_expect(r.tries == 0 && r.due_tsc == 9000000 + 2 * interval);
}
