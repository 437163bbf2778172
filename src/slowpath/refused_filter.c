/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * refused_filter.c - see refused_filter.h. On the poller's thread, behind slow.h. Called by call.c
 * and sweep.c.
 */
#include "slowpath/refused_filter.h"

#include <string.h>

#include <rte_jhash.h>
#include <rte_malloc.h>

#include "slowpath/records.h"
#include "base/random.h"

#define HASHES 4

struct fly_refused *fly_refused_new(int socket)
{
	struct fly_refused *r = rte_zmalloc_socket("fly_refused", sizeof *r, 0, socket);

	if (r)
		r->seed = fly_random32();
	return r;
}

void fly_refused_free(struct fly_refused *r)
{
	rte_free(r);
}

/* Kirsch and Mitzenmacher, "Less hashing, same performance", 2006: all are made from two. */
static void hash(const struct fly_refused *r, uint64_t activity, uint32_t seq, uint32_t at[HASHES])
{
	uint32_t a = r->seed;
	uint32_t b = ~r->seed;
	const uint32_t words[] = {(uint32_t)activity, (uint32_t)(activity >> 32), seq};

	rte_jhash_32b_2hashes(words, RTE_DIM(words), &a, &b);
	for (uint32_t i = 0; i < HASHES; i++)
		at[i] = (a + i * (b | 1)) % FLY_REFUSED_BITS;
}

bool fly_refused_add(struct fly_refused *r, uint64_t activity, uint32_t seq)
{
	uint32_t at[HASHES];

	if (r->n == FLY_REFUSED_MAX)
		return false;
	r->n++;
	hash(r, activity, seq, at);
	for (unsigned i = 0; i < HASHES; i++)
		r->bits[r->now][at[i] / 64] |= UINT64_C(1) << (at[i] % 64);
	return true;
}

bool fly_refused_has(const struct fly_refused *r, uint64_t activity, uint32_t seq)
{
	bool in[2] = {true, true};
	uint32_t at[HASHES];

	hash(r, activity, seq, at);
	for (unsigned g = 0; g < 2; g++) {
		for (unsigned i = 0; i < HASHES; i++)
			in[g] &= r->bits[g][at[i] / 64] >> (at[i] % 64) & 1;
	}
	return in[0] || in[1];
}

bool fly_refused_sweep(struct fly_refused *r, uint32_t now_ms)
{
	if (now_ms - r->rotated_ms <= FLY_RECORD_KEEP_MS + FLY_ABSENCE_MS)
		return false;
	r->now = !r->now;
	memset(r->bits[r->now], 0, sizeof r->bits[r->now]);
	r->n = 0;
	r->rotated_ms = now_ms;
	return true;
}
