/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bytes.h - reading bytes, as a program does that does something with each.
 */
#ifndef FIREFLY_BENCH_BYTES_H
#define FIREFLY_BENCH_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* As many as the narrowest vector registers hold: two for each of two loads in a cycle. */
typedef uint64_t bytes_vector __attribute__((vector_size(16)));

/* bytes_sum() - look at each byte once. Return: a sum that depends on all of them. */
static inline uint64_t bytes_sum(const uint8_t *data, size_t bytes)
{
	bytes_vector sums[4] = {{0}}, words[4], sum;
	size_t at = 0;
	uint64_t rest = 0;

	for (; at + sizeof words <= bytes; at += sizeof words) {
		memcpy(words, data + at, sizeof words);
		for (unsigned i = 0; i < 4; i++)
			sums[i] += words[i];
	}
	for (; at < bytes; at++)
		rest += data[at];
	sum = sums[0] + sums[1] + sums[2] + sums[3];
	return sum[0] + sum[1] + rest;
}

#endif
