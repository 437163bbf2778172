/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local/stream.c - see local/stream.h. Owns nothing but what is in a struct fly_stream, which
 * belongs to the thread that has the binding.
 */
#include "local/stream.h"

#include "fastpath/clock.h"
#include "local/astack.h"

#define LOOK_MS    2                 /* between two looks */
#define LOOK_BYTES ((size_t)8 << 10) /* that are copied and timed in each way */

#if defined(__x86_64__) && !defined(FLY_ASTACK_WORDWISE)
#include <emmintrin.h>

#define LINE 64

/* Streaming stores are not ordered with others: what publishes these bytes comes behind a fence. */
static void stream(uint8_t *to, const uint8_t *from, size_t bytes)
{
	size_t head = (size_t)(-(uintptr_t)to % LINE);

	head = head < bytes ? head : bytes;
	memcpy(to, from, head);
	for (to += head, from += head, bytes -= head; bytes >= LINE; bytes -= LINE) {
		__m128i words[4];

		memcpy(words, from, LINE);
		for (unsigned i = 0; i < 4; i++)
			_mm_stream_si128((__m128i *)(void *)to + i, words[i]);
		to += LINE;
		from += LINE;
	}
	memcpy(to, from, bytes);
	_mm_sfence();
}
#else
static void stream(uint8_t *to, const uint8_t *from, size_t bytes)
{
	fly_astack_copy(to, from, bytes);
}
#endif

void fly_stream_found(struct fly_stream *s, bool is_faster)
{
	if (is_faster == s->is_on) {
		s->n_contrary = 0;
	} else if (++s->n_contrary == FLY_STREAM_LOOKS) {
		s->n_contrary = 0;
		s->is_on = is_faster;
	}
}

void fly_stream_copy(struct fly_stream *s, uint8_t *to, const uint8_t *from, size_t bytes,
		     uint64_t tsc_per_ms)
{
	const uint64_t begin_tsc = fly_clock_now_tsc();

	if (bytes >= 2 * LOOK_BYTES && begin_tsc >= s->look_at_tsc) {
		uint64_t plain_tsc, end_tsc;

		fly_astack_copy(to, from, LOOK_BYTES);
		plain_tsc = fly_clock_now_tsc();
		stream(to + LOOK_BYTES, from + LOOK_BYTES, LOOK_BYTES);
		end_tsc = fly_clock_now_tsc();
		fly_stream_found(s,
				 fly_stream_is_faster(plain_tsc - begin_tsc, end_tsc - plain_tsc));
		/* Look again at once if this one is to be confirmed. */
		s->look_at_tsc = s->n_contrary ? 0 : end_tsc + LOOK_MS * tsc_per_ms;
		to += 2 * LOOK_BYTES;
		from += 2 * LOOK_BYTES;
		bytes -= 2 * LOOK_BYTES;
	}
	if (s->is_on)
		stream(to, from, bytes);
	else
		fly_astack_copy(to, from, bytes);
}
