/* SPDX-License-Identifier: BSD-3-Clause */
/* test_local_share_spare.c - the block of memory that a poller keeps for the next long call. */
#include <criterion/criterion.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "local/share.h"
#include "patience.h"

#define BLOCKS 256
#define BYTES \
	((size_t)100096) /* no whole number of pages; block by block by 64 times an odd number */
#define PAGE 4096

static struct fly_poller p;

TestSuite(local_share_spare, .timeout = HANG);

/* As src/local/work.c does once a second. */
static void free_spare(void)
{
	size_t bytes;
	uint8_t *block = fly_local_block_take_spare(&p, &bytes);

	if (!block)
		return;
	while ((bytes = fly_local_block_shrink(block, bytes)) != 0)
		;
	free(block);
}

Test(local_share_spare, fly_local_block_take_spare__a_block_between_others_takes_nothing_with_it)
{
	uint8_t *blocks[BLOCKS];
	unsigned n_aligned = 0;
	unsigned wrong = 0;

	mallopt(M_MMAP_THRESHOLD, 1 << 25); /* as malloc() sets it itself after some large blocks */
	cr_assert(fly_local_server_init(&p) == 0);
	for (unsigned i = 0; i < BLOCKS; i++) {
		size_t bytes = BYTES;

		blocks[i] = fly_local_block_get(&p, &bytes);
		cr_assert(blocks[i] && bytes == BYTES);
		memset(blocks[i], 0x5a, BYTES);
	}
	for (unsigned i = 0; i < BLOCKS; i++) {
		uint8_t *block = blocks[i];
		size_t bytes = BYTES;

		if ((uintptr_t)block % PAGE != 0)
			continue;
		n_aligned++;
		blocks[i] = NULL;
		cr_assert(fly_local_block_put(&p, &block, &bytes));
		free_spare(); /* it was used just now */
		free_spare();
		cr_expect(p.local->spare == NULL);
	}
	cr_assert(n_aligned > 0, "else this test shows nothing");
	for (unsigned i = 0; i < BLOCKS; i++) {
		for (size_t k = 0; blocks[i] && k < BYTES; k++)
			wrong += blocks[i][k] != 0x5a;
		free(blocks[i]);
	}
	cr_expect(wrong == 0, "%u bytes of other blocks have changed", wrong);
	fly_local_server_fini(&p);
}

Test(local_share_spare, fly_local_block_take_spare__a_large_one_is_given_back_by_pieces)
{
	size_t bytes = (2U << 20) + 5;
	uint8_t *block;

	cr_assert(fly_local_server_init(&p) == 0);
	block = fly_local_block_get(&p, &bytes);
	cr_assert(block && (uintptr_t)block % PAGE == 0 && bytes % PAGE == 0);
	cr_assert(fly_local_block_put(&p, &block, &bytes));
	cr_expect(fly_local_block_take_spare(&p, &bytes) == NULL, "it was used just now");
	block = fly_local_block_take_spare(&p, &bytes);
	cr_assert(block && bytes >= 2U << 20);
	for (unsigned pieces = 1; (bytes = fly_local_block_shrink(block, bytes)) != 0; pieces++)
		cr_expect(pieces < 16 && bytes % PAGE == 0);
	free(block);
	fly_local_server_fini(&p);
}

Test(local_share_spare, fly_local_block_shrink__one_piece_at_a_time_from_the_end)
{
	const size_t bytes = 2U << 20;
	uint8_t *block = aligned_alloc(PAGE, bytes);
	unsigned pieces = 0;
	size_t left = bytes;

	cr_assert(block != NULL);
	memset(block, 1, bytes);
	while (left != 0) {
		const size_t before = left;

		left = fly_local_block_shrink(block, before);
		cr_assert(left < before && before - left < bytes / 4, "%zu of %zu", left, before);
		cr_expect(left == 0 || block[left - 1] == 1, "what is left is as it was");
		cr_expect(block[left] == 0, "and the rest was given back");
		pieces++;
	}
	cr_expect(pieces > 4, "%u", pieces);
	free(block);
}
