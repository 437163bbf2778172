/* SPDX-License-Identifier: BSD-3-Clause */
/* test_numbered.c - a block of bare frames between two hosts has figures only if none was lost. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "bench/measure/numbered.h"

#define WINDOW 4
#define KEY    UINT64_C(0x1122334455667788)
#define HZ     1000 /* ticks in a second: a silence is over at once */

static struct histogram times;
static struct block_clock block;
static struct numbered numbered;

static void begin(void)
{
	memset(&times, 0, sizeof times);
	block = block_clock(WINDOW, UINT64_MAX, &times);
	numbered = numbered_begin(&block, KEY, false);
}

TestSuite(numbered, .init = begin);

/* Frames from @first to @last come back, and the next ones leave. */
static void come(uint64_t first, uint64_t last)
{
	for (uint64_t number = first; number <= last; number++) {
		uint64_t next = 0;

		cr_assert(numbered_came(&numbered, number, &next), "%lu", (unsigned long)number);
		cr_assert(eq(u64, next, number + WINDOW));
	}
}

/* The block ends: what is under way comes back, and nothing follows. */
static void end(uint64_t first)
{
	uint64_t next;

	block.over = true;
	for (unsigned i = 0; i < WINDOW; i++)
		cr_assert(not(numbered_came(&numbered, first + i, &next)));
}

Test(numbered, numbered_get__what_was_put)
{
	uint8_t frame[NUMBERED_BYTES];
	uint64_t number;

	numbered_put(frame, KEY, 77);
	cr_expect(numbered_get(frame, KEY, &number));
	cr_expect(eq(u64, number, 77));
}

Test(numbered, numbered_get__not_of_another_key_or_without_the_mark)
{
	uint8_t frame[NUMBERED_BYTES];
	uint64_t number;

	numbered_put(frame, KEY, 77);
	cr_expect(not(numbered_get(frame, KEY + 1, &number)));
	frame[0] ^= 1;
	cr_expect(not(numbered_get(frame, KEY, &number)));
}

Test(numbered, numbered_came__all_in_order_is_a_block_with_figures)
{
	come(0, 2000);
	block.sum = (struct block_sum){2000, 1};
	end(2001);
	cr_expect(numbered_is_over(&numbered, 1, HZ));
	cr_expect(numbered_end(&numbered));
	cr_expect(eq(u64, block.sum.count, 2000));
}

Test(numbered, numbered_came__a_gap_spoils_the_block)
{
	uint64_t next;

	come(0, 9);
	block.sum = (struct block_sum){10, 1};
	cr_expect(not(numbered_came(&numbered, 11, &next))); /* 10 is lost */
	cr_expect(not(numbered_came(&numbered, 12, &next))); /* nothing starts any more */
	cr_expect(not(numbered_end(&numbered)));
	cr_expect(eq(u64, block.sum.count, 0));
}

Test(numbered, numbered_came__what_comes_twice_is_as_nothing)
{
	uint64_t next;

	come(0, 9);
	cr_expect(not(numbered_came(&numbered, 9, &next)));
	cr_expect(not(numbered_came(&numbered, 0, &next)));
	cr_expect(eq(uint, numbered.under_way, WINDOW));
	come(10, 12);
	end(13);
	cr_expect(numbered_end(&numbered));
}

Test(numbered, numbered_came__what_was_never_sent_is_as_nothing)
{
	uint64_t next;

	cr_expect(not(numbered_came(&numbered, WINDOW, &next)));
	cr_expect(not(numbered_came(&numbered, UINT64_MAX, &next)));
	cr_expect(eq(uint, numbered.under_way, WINDOW));
	cr_expect(not(numbered.spoiled));
}

Test(numbered, numbered_is_over__silence_ends_a_block_without_figures)
{
	bool over = false;

	come(0, 9);
	for (unsigned i = 0; i < 100 * NUMBERED_IDLE_POLLS && !over; i++)
		over = numbered_is_over(&numbered, 0, HZ);
	cr_expect(over);
	cr_expect(not(numbered_end(&numbered)));
}

Test(numbered, numbered_is_over__what_comes_now_and_then_is_no_silence)
{
	for (uint64_t i = 0; i < 100; i++) {
		for (unsigned j = 1; j < NUMBERED_IDLE_POLLS; j++)
			cr_assert(not(numbered_is_over(&numbered, 0, HZ)));
		come(i, i);
		cr_assert(not(numbered_is_over(&numbered, 1, HZ)));
	}
}

Test(numbered, numbered_may_yield__early_only_where_there_are_few_cores)
{
	unsigned late = 0, early = 0;

	for (numbered.idle = 0; numbered.idle < NUMBERED_YIELD_LATE; numbered.idle++) {
		numbered.yields = false;
		late += numbered_may_yield(&numbered);
		numbered.yields = true;
		early += numbered_may_yield(&numbered);
	}
	cr_expect(eq(uint, late, 1));
	cr_expect(eq(uint, early, NUMBERED_YIELD_LATE / NUMBERED_YIELD));
}
