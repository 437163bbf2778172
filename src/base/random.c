/* SPDX-License-Identifier: BSD-3-Clause */
/* random.c - random numbers from getrandom(2) only: a seed of our own could be guessed. */
#include "base/random.h"

#include <stdlib.h>
#include <sys/random.h>

void fly_random_fill(void *to, size_t bytes)
{
	if (getrandom(to, bytes, 0) != (ssize_t)bytes)
		abort(); /* never fails for up to 256 bytes; nothing is safe without random bytes */
}

uint32_t fly_random32(void)
{
	uint32_t r;

	fly_random_fill(&r, sizeof r);
	return r;
}

uint64_t fly_random_activity(void)
{
	uint64_t r;

	do {
		fly_random_fill(&r, sizeof r);
		r &= ~0xffffULL;
	} while (r == 0);
	return r;
}
