/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pipe.h - bytes from one process to another over memory of both, copied twice: what no long call
 * over a local link that copies twice can be faster than.
 *
 * One side copies chunks of its own memory into a ring in shared memory, while the other side
 * copies the chunks before out of it. Each side says in a word of its own how far it is. Data is
 * sent in messages, one behind the other without a pause: both sides walk through memory that is
 * as large as a call's.
 */
#ifndef FIREFLY_BENCH_PIPE_H
#define FIREFLY_BENCH_PIPE_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define PIPE_CHUNK  (64u << 10)
#define PIPE_CHUNKS 8

/* In memory of both sides. pipe_open() before each use. */
struct pipe {
	alignas(128) _Atomic uint64_t written; /* chunks, by the side that gives */
	alignas(128) _Atomic uint64_t read;    /* chunks, by the side that takes */
	alignas(128) uint32_t bytes;           /* of a message */
	alignas(4096) uint8_t chunks[PIPE_CHUNKS][PIPE_CHUNK];
};

enum pipe_side {
	PIPE_GIVES,
	PIPE_TAKES,
};

/* pipe_open() - for messages of @bytes, which is not 0, while nobody else uses it. */
void pipe_open(struct pipe *pipe, uint32_t bytes);

/*
 * pipe_move() - be one side, until @go_on(context, n) says no.
 * @data: a whole message. @n: bytes that this side has copied since it was asked last, mostly 0.
 */
void pipe_move(struct pipe *pipe, enum pipe_side side, uint8_t *data,
	       bool (*go_on)(void *context, unsigned n), void *context);

#endif
