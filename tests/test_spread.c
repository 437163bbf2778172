/* SPDX-License-Identifier: BSD-3-Clause */
/* test_spread.c - where the bytes of a message lie. */
#include <criterion/criterion.h>
#include <string.h>

#include "sim_link.h"
#include "slowpath/bulk/spread.h"

#define BYTES 600U

static uint8_t buffer[BYTES];
static uint8_t arrays[3][BYTES];

static struct fly_loan lent(unsigned array, uint32_t at, uint32_t length)
{
	return (struct fly_loan){.bytes = arrays[array], .at = at, .length = length};
}

Test(spread, fly_spread_room__ends_before_what_is_lent_last)
{
	struct fly_spread s = {0};
	const struct fly_loan in_the_middle = lent(0, 100, 50);
	const struct fly_loan two[] = {lent(0, 100, 50), lent(1, 150, 450)};
	const struct fly_loan all = lent(0, 0, 600);

	cr_expect(fly_spread_room(&s, 600) == 600, "nothing is lent");
	cr_expect(fly_spread_lend(&s, &in_the_middle, 1) && fly_spread_room(&s, 600) == 600);
	cr_expect(fly_spread_room(&s, 150) == 100 && fly_spread_room(&s, 151) == 151);
	cr_expect(fly_spread_room(&s, 60) == 60, "shorter than was expected");
	cr_expect(fly_spread_lend(&s, two, 2) && fly_spread_room(&s, 600) == 100);
	cr_expect(fly_spread_lend(&s, &all, 1) && fly_spread_room(&s, 600) == 1, "never 0");
}

Test(spread, fly_spread_lend__takes_none_that_overlap)
{
	struct fly_spread s = {0};
	const struct fly_loan overlapping[] = {lent(0, 10, 50), lent(1, 59, 10)};
	const struct fly_loan back[] = {lent(0, 100, 50), lent(1, 10, 10)};
	const struct fly_loan wraps[] = {lent(0, 100, UINT32_MAX), lent(1, 110, 10)};

	cr_expect(!fly_spread_lend(&s, overlapping, 2) && s.n == 0);
	cr_expect(!fly_spread_lend(&s, back, 2) && s.n == 0);
	cr_expect(!fly_spread_lend(&s, wraps, 2) && s.n == 0);
	cr_expect(!fly_spread_lend(&s, NULL, 0) && s.n == 0);
}

/* Every byte is where a loop over single bytes would look for it, whatever is copied at a time. */
Test(spread, fly_spread_write__is_read_back_from_where_it_belongs)
{
	const struct fly_loan two[] = {lent(0, 13, 200), lent(1, 300, 299)};
	struct fly_spread s = {.bytes = buffer};
	uint64_t random = 1;
	uint8_t message[BYTES];
	uint8_t back[BYTES];

	cr_assert(fly_spread_lend(&s, two, 2));
	for (unsigned round = 0; round < 200; round++) {
		memset(buffer, 0xee, sizeof buffer);
		memset(arrays, 0xee, sizeof arrays);
		for (unsigned i = 0; i < BYTES; i++)
			message[i] = (uint8_t)(i * 7 + round);
		for (uint32_t at = 0, n; at < BYTES; at += n) {
			n = RTE_MIN(1 + (uint32_t)(sim_random(&random) % 150), BYTES - at);
			fly_spread_write(&s, at, n, message + at);
		}
		for (unsigned i = 0; i < BYTES; i++) {
			const bool first = i >= 13 && i < 213;
			const bool second = i >= 300 && i < 599;

			cr_assert(message[i] == (first    ? arrays[0][i - 13]
						 : second ? arrays[1][i - 300]
							  : buffer[i]));
			cr_assert(buffer[i] == (first || second ? 0xee : message[i]));
		}
		cr_assert(arrays[0][200] == 0xee && arrays[1][299] == 0xee, "not behind them");
		for (uint32_t at = 0, n; at < BYTES; at += n) {
			n = RTE_MIN(1 + (uint32_t)(sim_random(&random) % 150), BYTES - at);
			fly_spread_read(&s, at, n, back + at);
		}
		cr_assert(memcmp(back, message, BYTES) == 0);
	}
}
