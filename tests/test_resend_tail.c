/* SPDX-License-Identifier: BSD-3-Clause */
/* test_resend_tail.c - the time of the slowest calls when packets are lost, in virtual time. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "case.h"
#include "pair.h"

#define RTT_US 10
#define CALLS  20000

static struct pair w;

static void begin(void)
{
	pair_begin(&w, NULL, NULL);
	w.sim->step_us = 1;
	w.at_caller->faults.latency_us = RTT_US / 2;
	w.at_server->faults.latency_us = RTT_US / 2;
}

static void end(void)
{
	cr_expect(sim_end(w.sim) == 0, "something is missing at the end");
}

TestSuite(resend_tail, .timeout = HANG);

static int by_size(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a;
	const uint32_t y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Sorted times of calls made one after the other. Counts their executions, too. */
static uint32_t *times_us(void)
{
	static uint32_t us[CALLS];

	for (unsigned i = 0; i < CALLS; i++) {
		const uint64_t from_tsc = w.sim->now_tsc;
		struct fly_call *call;

		cr_assert(Probe_Null_start(w.binding, &call) == 0);
		cr_assert(sim_until(w.sim, call, 1000));
		us[i] = (uint32_t)(w.sim->now_tsc - from_tsc);
		cr_assert(Probe_Null_finish(call) == 0);
	}
	cr_expect(w.server->service.executions == CALLS);
	qsort(us, CALLS, sizeof us[0], by_size);
	return us;
}

Case(resend_tail, fly_resend_pass__without_loss_each_takes_a_round_trip)
{
	const uint32_t *us = times_us();

	cr_expect(us[0] >= RTT_US && us[CALLS - 1] <= RTT_US + 3, "%u to %u us", us[0],
		  us[CALLS - 1]);
	cr_expect(sim_count(w.caller, FLY_COUNT_resent_calls) == 0);
}

/* One percent lost each way: two calls in a hundred wait for a copy, and no round trip longer. */
Case(resend_tail, fly_resend_pass__with_one_percent_lost_p99_is_the_least_wait_and_3_round_trips)
{
	const uint32_t *us;

	cr_assert(pair_add(&w, 1) == 0); /* times the round trip */
	w.server->service.executions = 0;
	w.at_caller->faults.drop_percent = 1;
	w.at_server->faults.drop_percent = 1;
	us = times_us();
	cr_expect(us[CALLS / 2] <= RTT_US + 3, "p50 %u us", us[CALLS / 2]);
	cr_expect(us[CALLS * 99 / 100] >= FLY_RESEND_LEAST_US, "two in a hundred were lost");
	cr_expect(us[CALLS * 99 / 100] <= FLY_RESEND_LEAST_US + 3 * RTT_US, "p99 %u us",
		  us[CALLS * 99 / 100]);
	printf("1%% lost each way, round trip %u us: p50 %u us, p99 %u us, p99.9 %u us, longest %u "
	       "us\n",
	       RTT_US, us[CALLS / 2], us[CALLS * 99 / 100], us[CALLS * 999 / 1000], us[CALLS - 1]);
}
