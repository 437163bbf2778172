/* SPDX-License-Identifier: BSD-3-Clause */
/* test_stats.c - counters have names and descriptions, and count. */
#include <criterion/criterion.h>
#include <string.h>

#include "fastpath/stats.h"

Test(stats, fly_stats_name__each_is_a_word_of_its_own)
{
	for (unsigned i = 0; i < FLY_N_COUNTERS; i++) {
		const char *name = fly_stats_name((enum fly_counter)i);

		cr_assert(name && *name);
		cr_expect(strspn(name, "abcdefghijklmnopqrstuvwxyz_") == strlen(name), "%s", name);
		cr_expect(strlen(fly_stats_about((enum fly_counter)i)) > 8, "%s", name);
		for (unsigned j = 0; j < i; j++)
			cr_expect(strcmp(name, fly_stats_name((enum fly_counter)j)) != 0, "%s",
				  name);
	}
	cr_expect(strcmp(fly_stats_name(FLY_COUNT_drop_old_call), "drop_old_call") == 0);
}

Test(stats, fly_stats_add__one_counter_and_no_other)
{
	static struct fly_stats s;

	fly_stats_add(&s, FLY_COUNT_drop_type, 3);
	fly_stats_add(&s, FLY_COUNT_drop_type, 4);
	for (unsigned i = 0; i < FLY_N_COUNTERS; i++)
		cr_expect(fly_stats_get(&s, (enum fly_counter)i) ==
			  (i == FLY_COUNT_drop_type ? 7 : 0));
}

Test(stats, fly_stats_add__the_first_counter_is_no_reason_to_drop)
{
	/* Reasons are negated counters: 0 must not be one. */
	cr_expect(FLY_COUNT_rx_packets == 0);
}
