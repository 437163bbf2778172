/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local/stream.h - copying to memory that another core reads next (local/stream.c).
 *
 * Plain stores take each line into this core's cache, from where the other core has to fetch it
 * back. Streaming stores go to memory, past all caches. Which is faster depends on how far apart
 * the two cores are: between neighbours that share a cache plain stores, by half; between others
 * streaming stores, twice to three times. Threads move, and a virtual machine's processors do, too.
 * So the runtime looks again and again: docs/performance.md, "Copying".
 */
#ifndef FLY_STREAM_H
#define FLY_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of a binding. Starts as zeros: plain stores, and a look is due. */
struct fly_stream {
	bool is_on;
	uint8_t n_contrary;   /* looks in a row that said the opposite */
	uint64_t look_at_tsc; /* the next look is due */
};

/* fly_stream_is_faster() - stream from now on? @plain, @streamed: ticks for the same bytes. */
static inline bool fly_stream_is_faster(uint64_t plain, uint64_t streamed)
{
	/* The reader pays as well, for what is not in a cache. */
	return plain > 2 * streamed;
}

/* fly_stream_is_wanted() - are fewer bytes worth streaming, or a look? */
static inline bool fly_stream_is_wanted(const struct fly_stream *s, uint64_t now_tsc)
{
	return s->is_on || now_tsc >= s->look_at_tsc;
}

/*
 * fly_stream_found() - what a look has found. A thread that was interrupted while it looked is no
 * reason to change: FLY_STREAM_LOOKS in a row are.
 */
void fly_stream_found(struct fly_stream *s, bool is_faster);

#define FLY_STREAM_LOOKS 3

/*
 * fly_stream_copy() - memcpy(), in the way that was faster last; with enough bytes also a look.
 * What is stored after it is seen no earlier than the bytes, if that store is a release.
 */
void fly_stream_copy(struct fly_stream *s, uint8_t *to, const uint8_t *from, size_t bytes,
		     uint64_t tsc_per_ms);

#endif
