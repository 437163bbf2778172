/* SPDX-License-Identifier: BSD-3-Clause */
/* test_mtu_search.c - the search for what a path takes, against a path of that size. */
#include <criterion/criterion.h>

#include "slowpath/mtu_search.h"

/* Rounds over a path that takes @takes bytes, until the search rests. Return: the last news. */
static enum fly_mtu_news search(struct fly_mtu_search *s, uint32_t takes)
{
	enum fly_mtu_news news = FLY_MTU_SAME;

	for (unsigned i = 0; i < 100 && s->size != 0 && news != FLY_MTU_OVER; i++) {
		cr_assert(s->size <= s->top, "%u", s->size);
		news = fly_mtu_round(s, s->size <= takes, true);
		cr_assert(s->limit <= s->top && s->low <= s->limit);
		cr_assert(s->limit < s->high || s->phase == FLY_MTU_CONFIRM ||
			  s->phase == FLY_MTU_BASING);
	}
	return news;
}

static struct fly_mtu_search suspected(uint32_t top)
{
	struct fly_mtu_search s;

	fly_mtu_begin(&s, top);
	return s;
}

Test(mtu_search, fly_mtu_round__finds_what_a_path_takes)
{
	const uint32_t tops[] = {700, 1140, 1141, 1440, 8940, 65220};

	for (unsigned i = 0; i < sizeof tops / sizeof tops[0]; i++) {
		for (uint32_t takes = FLY_MTU_FLOOR; takes < tops[i]; takes += 37) {
			struct fly_mtu_search s = suspected(tops[i]);

			cr_expect(search(&s, takes) != FLY_MTU_OVER);
			cr_expect(s.phase == FLY_MTU_DONE && s.size == 0);
			cr_expect(s.limit <= takes && s.limit + FLY_MTU_STEP >= takes,
				  "%u of %u, with %u", s.limit, takes, tops[i]);
		}
	}
}

Test(mtu_search, fly_mtu_round__the_common_size_is_tried_itself)
{
	struct fly_mtu_search s = suspected(8940);

	search(&s, 1440);
	cr_expect(s.limit == 1440);
}

Test(mtu_search, fly_mtu_round__nothing_shrinks_before_it_is_confirmed)
{
	struct fly_mtu_search s = suspected(1440);

	for (unsigned i = 0; i < FLY_MTU_CONFIRMS; i++) {
		cr_expect(s.limit == 1440 && s.size == 1440);
		cr_expect(fly_mtu_round(&s, false, true) == FLY_MTU_SAME);
	}
	cr_expect(s.limit == 1440 && s.size == FLY_MTU_BASE);
	cr_expect(fly_mtu_round(&s, true, true) == FLY_MTU_NARROWED);
	cr_expect(s.limit == FLY_MTU_BASE);
}

Test(mtu_search, fly_mtu_round__one_answer_refutes_all_failures)
{
	struct fly_mtu_search s = suspected(1440);

	for (unsigned i = 1; i < FLY_MTU_CONFIRMS; i++)
		fly_mtu_round(&s, false, true);
	cr_expect(fly_mtu_round(&s, true, false) == FLY_MTU_OVER);
}

Test(mtu_search, fly_mtu_round__silence_of_both_says_nothing_about_the_size)
{
	struct fly_mtu_search s = suspected(1440);

	for (unsigned i = 0; i < 100; i++) {
		cr_expect(fly_mtu_round(&s, false, false) == FLY_MTU_SAME);
		if (i % 7 == 6)
			s = suspected(1440); /* somebody has answered at last */
		cr_expect(s.limit == 1440 && s.fails == 0);
	}
}

Test(mtu_search, fly_mtu_round__who_is_silent_for_long_is_forgotten)
{
	struct fly_mtu_search s = suspected(1440);
	enum fly_mtu_news news = FLY_MTU_SAME;
	unsigned n = 0;

	for (; n < 100 && news == FLY_MTU_SAME; n++)
		news = fly_mtu_round(&s, false, false);
	cr_expect(n == FLY_MTU_SILENT && news == FLY_MTU_OVER);
}

Test(mtu_search, fly_mtu_round__what_was_found_stays_through_an_outage)
{
	struct fly_mtu_search s = suspected(1440);

	while (s.phase != FLY_MTU_SEARCHING)
		fly_mtu_round(&s, s.phase == FLY_MTU_BASING, true);
	while (s.size != 0)
		cr_expect(fly_mtu_round(&s, false, false) == FLY_MTU_SAME);
	cr_expect(s.phase == FLY_MTU_DONE && s.limit == FLY_MTU_BASE);
}

Test(mtu_search, fly_mtu_suspect__a_path_that_shrinks_once_more)
{
	struct fly_mtu_search s = suspected(8940);

	search(&s, 1440);
	cr_expect(fly_mtu_suspect(&s) && s.size == 1440);
	search(&s, 1240);
	cr_expect(s.limit <= 1240 && s.limit > 1240 - FLY_MTU_STEP);
	cr_expect(fly_mtu_suspect(&s));
	search(&s, 600);
	cr_expect(s.limit <= 600 && s.limit > 600 - FLY_MTU_STEP);
	cr_expect(fly_mtu_suspect(&s));
	search(&s, 516);
	cr_expect(s.limit == FLY_MTU_FLOOR && !fly_mtu_suspect(&s), "nothing is below the floor");
}

Test(mtu_search, fly_mtu_suspect__a_false_alarm_changes_nothing)
{
	struct fly_mtu_search s = suspected(8940);

	search(&s, 1440);
	cr_expect(fly_mtu_suspect(&s));
	cr_expect(!fly_mtu_suspect(&s), "once");
	cr_expect(fly_mtu_round(&s, true, true) == FLY_MTU_SAME);
	cr_expect(s.phase == FLY_MTU_DONE && s.limit == 1440);
}

Test(mtu_search, fly_mtu_raise__a_path_that_grows)
{
	struct fly_mtu_search s = suspected(8940);

	search(&s, 1240);
	fly_mtu_raise(&s);
	cr_expect(s.size == 8940, "all of it, at first");
	cr_expect(search(&s, 4000) != FLY_MTU_OVER);
	cr_expect(s.limit <= 4000 && s.limit > 4000 - FLY_MTU_STEP, "%u", s.limit);
	fly_mtu_raise(&s);
	cr_expect(search(&s, 8940) == FLY_MTU_OVER);
}

Test(mtu_search, fly_mtu_raise__nobody_is_there_any_more)
{
	struct fly_mtu_search s = suspected(1440);
	enum fly_mtu_news news = FLY_MTU_SAME;

	search(&s, 1240);
	fly_mtu_raise(&s);
	for (unsigned n = 0; n < FLY_MTU_SILENT; n++)
		news = fly_mtu_round(&s, false, false);
	cr_expect(news == FLY_MTU_OVER);
}
