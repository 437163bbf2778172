/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pattern.c - writing and checking the data of checked calls.
 *
 * Owns the arithmetic that makes every 8 bytes depend on the number and on their offset. Used by
 * both ends: call.c, and test_service.c in a server with --check.
 */
#include "pattern.h"

#include <endian.h>
#include <string.h>

/* The pattern at offset 8 * @word: the finaliser of splitmix64 over number and offset. */
static uint64_t pattern_word(uint64_t number, size_t word)
{
	uint64_t x = number + (word + 1) * UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

void pattern_write(uint8_t *to, size_t bytes, uint64_t number)
{
	for (size_t at = 0; at < bytes; at += 8) {
		const uint64_t word = htole64(pattern_word(number, at / 8));

		memcpy(to + at, &word, bytes - at < 8 ? bytes - at : 8);
	}
}

bool pattern_is(const uint8_t *from, size_t bytes, uint64_t number)
{
	uint64_t wrong = 0;

	for (size_t at = 0; at < bytes; at += 8) {
		const size_t n = bytes - at < 8 ? bytes - at : 8;
		const uint64_t word = htole64(pattern_word(number, at / 8));
		uint64_t expected = 0, found = 0;

		memcpy(&expected, &word, n);
		memcpy(&found, from + at, n);
		wrong |= expected ^ found;
	}
	return wrong == 0;
}

void pattern_seal(uint8_t *to, size_t bytes, uint64_t number)
{
	for (size_t i = 0; i < 8; i++)
		to[i] = (uint8_t)(number >> 8 * i);
	pattern_write(to + 8, bytes - 8, number);
}

bool pattern_is_sealed(const uint8_t *from, size_t bytes, uint64_t *number)
{
	*number = 0;
	for (size_t i = 0; i < 8; i++)
		*number |= (uint64_t)from[i] << 8 * i;
	return pattern_is(from + 8, bytes - 8, *number);
}

uint64_t pattern_again(uint64_t number)
{
	return pattern_word(~number, 0) ^ number;
}
