/* SPDX-License-Identifier: BSD-3-Clause */
/* test_fragments.c - which fragment is next, which are there: without packets. */
#include <criterion/criterion.h>
#include <string.h>

#include "sim_link.h"
#include "slowpath/fragments.h"

Test(fragments, fly_scatter_length__all_but_the_last_are_of_one_length)
{
	for (uint32_t bytes = 1; bytes < 400; bytes++) {
		for (uint32_t unit = 1; unit < 100; unit += 7) {
			struct fly_scatter s;
			uint32_t sum = 0;

			fly_scatter_begin(&s, bytes, unit);
			for (uint32_t i = 0; i < s.fragments; i++) {
				const uint32_t n = fly_scatter_length(&s, i);

				cr_assert(i + 1 < s.fragments ? n == unit : n >= 1 && n <= unit);
				sum += n;
			}
			cr_assert(sum == bytes);
		}
	}
	cr_expect(fly_scatter_fragments(UINT32_MAX, 1) == UINT32_MAX, "no overflow");
}

Test(fragments, fly_scatter_window__is_shared)
{
	cr_expect(fly_scatter_window(0) == 16 && fly_scatter_window(1) == 16);
	cr_expect(fly_scatter_window(2) == 16 && fly_scatter_window(3) == 10);
	cr_expect(fly_scatter_window(16) == 2 && fly_scatter_window(10000) == 2);
}

/* Send what may be sent. Return: how many; *asked: for how many of them an answer is wanted. */
static unsigned send_all(struct fly_scatter *s, uint32_t window, unsigned *asked)
{
	unsigned n = 0;

	*asked = 0;
	while (fly_scatter_ready(s, window)) {
		s->next++;
		if (s->most < s->next)
			s->most = s->next;
		*asked += fly_scatter_wants_ack(s, window);
		n++;
	}
	return n;
}

Test(fragments, fly_scatter_acked__moves_the_window)
{
	struct fly_scatter s;
	unsigned asked;

	fly_scatter_begin(&s, 100, 1);
	cr_expect(send_all(&s, 16, &asked) == 16 && asked == 2);
	cr_expect(!fly_scatter_acked(&s, 0), "nothing new");
	cr_expect(!fly_scatter_acked(&s, 17), "never sent");
	cr_expect(fly_scatter_acked(&s, 8));
	cr_expect(!fly_scatter_acked(&s, 8) && !fly_scatter_acked(&s, 3));
	cr_expect(send_all(&s, 16, &asked) == 8 && asked == 1);
	fly_scatter_rewind(&s);
	cr_expect(s.next == 8 && s.most == 24);
	cr_expect(fly_scatter_acked(&s, 24), "an answer that comes after all");
	cr_expect(s.next == 24);
	for (uint32_t window = 1; window <= 16; window++) {
		fly_scatter_begin(&s, 100, 1);
		while (s.acked < 100) {
			cr_assert(send_all(&s, window, &asked) > 0 && asked > 0);
			cr_assert(fly_scatter_acked(&s, s.next));
		}
	}
	fly_scatter_rewind(&s);
	cr_expect(s.next == 99 && send_all(&s, 16, &asked) == 1 && asked == 1,
		  "all are there: the last one asks for the answer");
	cr_expect(!fly_scatter_acked(&s, 100), "that all are there is nothing new");
}

Test(fragments, fly_gather_begin__what_no_message_begins_with)
{
	struct fly_gather g;

	cr_expect(fly_gather_begin(&g, 0, 2, 0, 100) == FLY_GATHER_WRONG);
	cr_expect(fly_gather_begin(&g, 1, 2, 10, 100) == FLY_GATHER_WRONG, "the last one");
	cr_expect(fly_gather_begin(&g, 0, 2, 10, 10) == FLY_GATHER_LONG);
	cr_expect(fly_gather_begin(&g, 0, 2, 10, 11) == FLY_GATHER_NEW);
	cr_expect(fly_gather_room(&g) == 11, "room for what is allowed, not for what is claimed");
	cr_expect(fly_gather_begin(&g, 0, 65535, 65535, UINT32_MAX) == FLY_GATHER_NEW);
	cr_expect(fly_gather_begin(&g, 0, 65535, 1440, 64u << 20) == FLY_GATHER_LONG);
	cr_expect(fly_gather_begin(&g, 0, 65535, 1024, 64u << 20) == FLY_GATHER_NEW);
	cr_expect(fly_gather_room(&g) == 65535 * 1024);
}

Test(fragments, fly_gather_take__what_does_not_fit)
{
	struct fly_gather g;

	cr_assert(fly_gather_begin(&g, 0, 5, 10, 45) == FLY_GATHER_NEW);
	cr_expect(fly_gather_take(&g, 0, 5, 10) == FLY_GATHER_NEW);
	cr_expect(fly_gather_take(&g, 0, 5, 10) == FLY_GATHER_AGAIN);
	cr_expect(fly_gather_take(&g, 1, 6, 10) == FLY_GATHER_WRONG, "another count");
	cr_expect(fly_gather_take(&g, 1, 5, 9) == FLY_GATHER_WRONG);
	cr_expect(fly_gather_take(&g, 1, 5, 11) == FLY_GATHER_WRONG);
	cr_expect(fly_gather_take(&g, 5, 5, 10) == FLY_GATHER_WRONG);
	cr_expect(fly_gather_take(&g, 4, 5, 0) == FLY_GATHER_WRONG);
	cr_expect(fly_gather_take(&g, 4, 5, 11) == FLY_GATHER_WRONG);
	cr_expect(fly_gather_take(&g, 4, 5, 6) == FLY_GATHER_LONG);
	cr_expect(fly_gather_take(&g, 4, 5, 5) == FLY_GATHER_NEW);
	cr_expect(fly_gather_take(&g, 4, 5, 5) == FLY_GATHER_AGAIN);
	cr_expect(g.arrived == 1 && !fly_gather_is_whole(&g));
	cr_expect(fly_gather_take(&g, 2, 5, 10) == FLY_GATHER_NEW);
	cr_expect(fly_gather_take(&g, 1, 5, 10) == FLY_GATHER_NEW);
	cr_expect(g.arrived == 3);
	cr_expect(fly_gather_take(&g, 3, 5, 10) == FLY_GATHER_NEW);
	cr_expect(fly_gather_is_whole(&g) && fly_gather_bytes(&g) == 45);
	cr_assert(fly_gather_begin(&g, 0, 1000, 10, 10000) == FLY_GATHER_NEW);
	cr_expect(fly_gather_take(&g, 64, 1000, 10) == FLY_GATHER_WRONG, "too far ahead");
	cr_expect(fly_gather_take(&g, 63, 1000, 10) == FLY_GATHER_NEW);
}

/* Any order, any loss, any copy: what is whole is right. */
Test(fragments, fly_gather_take__random_orders)
{
	uint64_t random = 1;

	for (unsigned round = 0; round < 2000; round++) {
		const uint32_t bytes = 2 + (uint32_t)(sim_random(&random) % 300);
		const uint32_t unit = 1 + (uint32_t)(sim_random(&random) % (bytes - 1));
		struct fly_scatter s;
		struct fly_gather g = {0};
		bool there[300] = {0};
		unsigned asked;

		fly_scatter_begin(&s, bytes, unit);
		while (!fly_gather_is_whole(&g)) {
			const uint32_t from = s.next;
			uint32_t n = send_all(&s, 16, &asked);

			while (n--) {
				const uint32_t i =
					from + (uint32_t)(sim_random(&random) % (s.next - from));
				const uint32_t length = fly_scatter_length(&s, i);

				if (g.fragments == 0 &&
				    fly_gather_begin(&g, i, s.fragments, length, bytes))
					continue;
				if (fly_gather_take(&g, i, s.fragments, length) == FLY_GATHER_NEW) {
					cr_assert(!there[i]);
					there[i] = true;
				} else {
					cr_assert(there[i]);
				}
			}
			fly_scatter_acked(&s, g.arrived);
			fly_scatter_rewind(&s);
		}
		for (uint32_t i = 0; i < s.fragments; i++)
			cr_assert(there[i]);
		cr_assert(fly_gather_bytes(&g) == bytes && fly_gather_room(&g) == bytes);
	}
}
