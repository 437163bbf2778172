/* SPDX-License-Identifier: BSD-3-Clause */
/* test_marshal_copy.c - copying arrays: <firefly/stub.h>. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include <firefly/stub.h>

#define MOST 10000
#define PAGE 4096

static uint8_t byte_of(size_t at)
{
	return (uint8_t)(at * 2654435761u >> 24);
}

/* Copy so many bytes so far behind a page, and look at what is before and behind them, too. */
static void expect_copied(uint8_t *to, const uint8_t *from, size_t bytes)
{
	memset(to - 1, 0x55, bytes + 2);
	fly_copy(to, from, bytes);
	cr_assert(to[-1] == 0x55 && to[bytes] == 0x55, "%zu bytes", bytes);
	cr_assert(memcmp(to, from, bytes) == 0, "%zu bytes, %zu behind", bytes,
		  ((uintptr_t)to - (uintptr_t)from) % PAGE);
}

Test(marshal_copy, fly_copy__any_length_at_any_distance)
{
	static const size_t lengths[] = {0,    1,    8,    256,  1440, 2047,
					 2048, 2049, 4095, 4096, 4097, MOST};
	uint8_t *from = aligned_alloc(PAGE, 4 * PAGE);
	uint8_t *to = aligned_alloc(PAGE, 5 * PAGE);

	cr_assert(from && to);
	for (size_t i = 0; i < MOST; i++)
		from[i] = byte_of(i);
	for (unsigned i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		for (size_t behind = 1; behind < 100; behind++)
			expect_copied(to + behind, from, lengths[i]);
		expect_copied(to + PAGE, from, lengths[i]);
		expect_copied(to + PAGE - 1, from, lengths[i]);
	}
	free(from);
	free(to);
}

Test(marshal_copy, fly_copy_is_slow__just_behind_but_for_whole_pages)
{
	static uint8_t a[3 * PAGE];

	cr_expect(fly_copy_is_slow(a + 1, a, FLY_COPY_PIECE + 1));
	cr_expect(fly_copy_is_slow(a + PAGE + 16, a, MOST));
	cr_expect(fly_copy_is_slow(a + 16, a + PAGE, MOST), "in either direction");
	cr_expect(!fly_copy_is_slow(a + 16, a, FLY_COPY_PIECE), "short");
	cr_expect(!fly_copy_is_slow(a + PAGE, a, MOST), "not at all behind it");
	cr_expect(!fly_copy_is_slow(a + 64, a, MOST));
	cr_expect(!fly_copy_is_slow(a, a + 8, MOST), "before it");
}
