/* SPDX-License-Identifier: BSD-3-Clause */
/* test_retry.c - when a call is sent again, how the waits grow, and when it is given up. */
#include <criterion/criterion.h>

#include "fastpath/call_table.h"
#include "slowpath/retry.h"

#define TIMEOUT 5000

static uint32_t next;

Test(retry, fly_retry_step__waits_until_it_is_due)
{
	cr_expect(fly_retry_step(119, 120, 100, 0, TIMEOUT, &next) == FLY_RETRY_WAIT);
	cr_expect(fly_retry_step(120, 120, 100, 0, TIMEOUT, &next) == FLY_RETRY_RESEND);
}

Test(retry, fly_retry_step__each_wait_is_twice_the_one_before_up_to_a_second)
{
	static const uint32_t waits[] = {40, 80, 160, 320, 640, 1000, 1000, 1000};

	for (unsigned i = 0; i < sizeof waits / sizeof waits[0]; i++) {
		cr_assert(fly_retry_step(100, 100, 80, i, TIMEOUT, &next) == FLY_RETRY_RESEND);
		cr_expect(next == waits[i], "after %u resends: %u", i, next);
	}
	cr_assert(fly_retry_step(100, 100, 80, 255, TIMEOUT, &next) == FLY_RETRY_RESEND);
	cr_expect(next == 1000);
}

Test(retry, fly_retry_step__gives_up_when_the_time_is_over)
{
	cr_expect(fly_retry_step(5099, 5000, 100, 6, TIMEOUT, &next) == FLY_RETRY_RESEND);
	cr_expect(fly_retry_step(5100, 5000, 100, 6, TIMEOUT, &next) == FLY_RETRY_GIVE_UP);
}

Test(retry, fly_retry_step__sends_again_once_however_long_the_caller_was_away)
{
	cr_expect(fly_retry_step(1000000, 120, 100, 0, TIMEOUT, &next) == FLY_RETRY_RESEND);
	cr_expect(fly_retry_step(1000040, 1000040, 100, 1, TIMEOUT, &next) == FLY_RETRY_GIVE_UP);
}

Test(retry, fly_retry_step__time_may_wrap)
{
	const uint32_t started = UINT32_MAX - 9;

	cr_expect(fly_retry_step(UINT32_MAX, 10, started, 0, TIMEOUT, &next) == FLY_RETRY_WAIT);
	cr_expect(fly_retry_step(10, 10, started, 0, TIMEOUT, &next) == FLY_RETRY_RESEND);
	cr_expect(fly_retry_step(11, 10, started, 3, TIMEOUT, &next) == FLY_RETRY_RESEND);
	cr_expect(fly_retry_step(TIMEOUT - 10, 10, started, 3, TIMEOUT, &next) ==
		  FLY_RETRY_GIVE_UP);
}

Test(retry, fly_retry_step__a_whole_life_ends_within_one_wait_of_the_time_out)
{
	const uint32_t started = 77;
	uint32_t due = started + FLY_RESEND_FIRST_MS;
	unsigned resends = 0;
	uint32_t now = started;

	for (;; now++) {
		const enum fly_retry_action action =
			fly_retry_step(now, due, started, resends, TIMEOUT, &next);

		cr_assert(now < started + 2 * TIMEOUT);
		if (action == FLY_RETRY_GIVE_UP)
			break;
		if (action == FLY_RETRY_RESEND) {
			resends++;
			due = now + next;
		}
	}
	cr_expect(now - started >= TIMEOUT);
	cr_expect(now - started <= TIMEOUT + FLY_RESEND_CAP_MS);
	cr_expect(resends == 9);
}
