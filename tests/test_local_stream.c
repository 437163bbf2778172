/* SPDX-License-Identifier: BSD-3-Clause */
/* test_local_stream.c - copying past the caches: each byte, and when. */
#include <criterion/criterion.h>
#include <string.h>

#include "fastpath/clock.h"
#include "local/stream.h"

#define ROOM   70000
#define PER_MS UINT64_C(3000000)
#define MARGIN 64

static uint8_t from[ROOM], to[ROOM + 2 * MARGIN];

static void expect_copied(struct fly_stream *s, size_t into, size_t at, size_t bytes)
{
	memset(to, 0xee, sizeof to);
	fly_stream_copy(s, to + MARGIN + into, from + at, bytes, PER_MS);
	cr_expect(memcmp(to + MARGIN + into, from + at, bytes) == 0, "%zu, %zu, %zu bytes", into,
		  at, bytes);
	for (size_t i = 0; i < MARGIN + into; i++)
		cr_assert(to[i] == 0xee);
	for (size_t i = MARGIN + into + bytes; i < sizeof to; i++)
		cr_assert(to[i] == 0xee);
}

Test(local_stream, fly_stream_copy__each_byte_and_no_other)
{
	static const size_t lengths[] = {0, 1, 63, 64, 65, 1000, 16383, 16384, 16385, 32768, 65536};

	for (size_t i = 0; i < sizeof from; i++)
		from[i] = (uint8_t)(i * 2654435761u >> 24);
	for (unsigned how = 0; how < 3; how++)
		for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++)
			for (size_t off = 0; off < 66; off += 13) {
				struct fly_stream s = {how == 1, 0, how == 2 ? 0 : UINT64_MAX};

				expect_copied(&s, off, off % 7, lengths[k]);
			}
}

Test(local_stream, fly_stream_copy__looks_now_and_then)
{
	struct fly_stream s = {0};

	expect_copied(&s, 0, 0, 1000);
	cr_expect(s.look_at_tsc == 0, "that is not enough for a look");
	for (unsigned i = 0; i < 1000 && s.look_at_tsc == 0; i++)
		expect_copied(&s, 0, 0, 32768);
	cr_expect(s.look_at_tsc > fly_clock_now_tsc() - 2 * PER_MS * 1000, "not at once again");
	cr_expect(fly_stream_is_wanted(&s, s.look_at_tsc));
	cr_expect(s.is_on || !fly_stream_is_wanted(&s, s.look_at_tsc - 1));
}

Test(local_stream, fly_stream_found__several_looks_in_a_row_decide)
{
	struct fly_stream s = {0};

	for (unsigned i = 1; i < FLY_STREAM_LOOKS; i++)
		fly_stream_found(&s, true);
	fly_stream_found(&s, false);
	for (unsigned i = 1; i < FLY_STREAM_LOOKS; i++)
		fly_stream_found(&s, true);
	cr_expect(!s.is_on, "not in a row");
	fly_stream_found(&s, true);
	cr_expect(s.is_on);
	for (unsigned i = 1; i < FLY_STREAM_LOOKS; i++)
		fly_stream_found(&s, false);
	cr_expect(s.is_on);
	fly_stream_found(&s, false);
	cr_expect(!s.is_on);
}

Test(local_stream, fly_stream_is_faster__by_more_than_what_the_reader_pays)
{
	cr_expect(!fly_stream_is_faster(100, 100));
	cr_expect(!fly_stream_is_faster(200, 100));
	cr_expect(fly_stream_is_faster(201, 100));
}
