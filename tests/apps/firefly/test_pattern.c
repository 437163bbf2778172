/* SPDX-License-Identifier: BSD-3-Clause */
/* test_pattern.c - a pattern passes for its own number, whole and in place, and for nothing else.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "firefly/pattern.h"

Test(pattern, pattern_is__what_was_written)
{
	uint8_t data[64];

	for (size_t bytes = 0; bytes <= sizeof data; bytes++) {
		memset(data, 0xee, sizeof data);
		pattern_write(data, bytes, 7);
		cr_expect(pattern_is(data, bytes, 7), "%zu bytes", bytes);
		for (size_t i = bytes; i < sizeof data; i++)
			cr_assert(data[i] == 0xee, "%zu bytes wrote beyond", bytes);
	}
}

Test(pattern, pattern_is__not_of_another_number)
{
	uint8_t data[512];

	pattern_write(data, sizeof data, 1000);
	for (uint64_t other = 0; other < 2000; other++)
		cr_assert(pattern_is(data, sizeof data, other) == (other == 1000));
}

Test(pattern, pattern_is__not_with_any_one_bit_changed)
{
	uint8_t data[67];

	pattern_write(data, sizeof data, 42);
	for (size_t bit = 0; bit < 8 * sizeof data; bit++) {
		data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		cr_assert(not(pattern_is(data, sizeof data, 42)), "bit %zu", bit);
		data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

Test(pattern, pattern_is__not_from_another_offset)
{
	uint8_t data[1024];

	pattern_write(data, sizeof data, 42);
	for (size_t shift = 1; shift < 512; shift++)
		cr_assert(not(pattern_is(data + shift, 512, 42)), "shifted by %zu", shift);
}

Test(pattern, pattern_is_sealed__tells_its_number)
{
	uint8_t data[1440];
	uint64_t number;

	pattern_seal(data, sizeof data, UINT64_C(0x0123456789abcdef));
	cr_expect(pattern_is_sealed(data, sizeof data, &number));
	cr_expect(eq(u64, number, UINT64_C(0x0123456789abcdef)));
	data[0] ^= 1;
	cr_expect(not(pattern_is_sealed(data, sizeof data, &number)));
	memset(data, PATTERN_PLAIN, sizeof data);
	cr_expect(not(pattern_is_sealed(data, sizeof data, &number)));
}

Test(pattern, pattern_again__is_another_number)
{
	for (uint64_t number = 0; number < 1000; number++)
		cr_assert(pattern_again(number) != number);
}
