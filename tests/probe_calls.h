/* SPDX-License-Identifier: BSD-3-Clause */
/* probe_calls.h - calls of procedures of probe.fly, for tests whose threads call. */
#ifndef PROBE_CALLS_H
#define PROBE_CALLS_H

#include "case.h"
#include "probe_service.h"

/* Seven calls, with arguments and results in a slot and in a packet. @number: of the calls. */
static void call_most(struct fly_binding *mine, uint32_t number)
{
	uint8_t data[1440];
	uint8_t back[1440];
	uint64_t sum;
	uint32_t total;
	bool truth;

	cr_expect(Probe_Null(mine) == 0);
	cr_expect(Probe_Add(mine, number, 3, &sum) == 0 && sum == number + 3);
	cr_expect(Probe_Fill(mine, number, data) == 0 && probe_is(data, 1440, probe_sum(number)));
	probe_fill(data, 1400, number);
	cr_expect(Probe_Sum(mine, number, data, &total) == 0 && total == probe_sum(number));
	probe_fill(data, 1200, number);
	cr_expect(Probe_Swap(mine, number, data, back) == 0);
	cr_expect(Probe_Not(mine, true, &truth) == 0 && !truth);
	cr_expect(Probe_Raise(mine, number, data) == -FLY_ERAISED);
	cr_expect(fly_raised()->number != 0);
}

#endif
