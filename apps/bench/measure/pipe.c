/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pipe.c - both sides of the two copies.
 *
 * Owns nothing. Called by runs/bulk.c and stage/server.c in two processes. The copies are those
 * that stubs make: fly_copy().
 */
#include "pipe.h"

#include <sched.h>

#include <firefly/stub.h>

#define PATIENCE (1 << 14) /* looks before others may run: both may be on one core */

void pipe_open(struct pipe *pipe, uint32_t bytes)
{
	/* Plain: the other side begins when it is ordered to. */
	atomic_store_explicit(&pipe->written, 0, memory_order_relaxed);
	atomic_store_explicit(&pipe->read, 0, memory_order_relaxed);
	pipe->bytes = bytes;
}

/* May this side copy its chunk @k? */
static inline bool is_due(struct pipe *pipe, enum pipe_side side, uint64_t k)
{
	/* L6: the other side has done with the chunk; pairs with L5. */
	if (side == PIPE_GIVES)
		return k - atomic_load_explicit(&pipe->read, memory_order_acquire) < PIPE_CHUNKS;
	return atomic_load_explicit(&pipe->written, memory_order_acquire) > k;
}

void pipe_move(struct pipe *pipe, enum pipe_side side, uint8_t *data,
	       bool (*go_on)(void *context, unsigned n), void *context)
{
	_Atomic uint64_t *const own = side == PIPE_GIVES ? &pipe->written : &pipe->read;
	const uint32_t bytes = pipe->bytes;
	uint32_t at = 0, n = 0;
	uint64_t k = 0;

	for (unsigned idle = 0; go_on(context, n);) {
		uint8_t *const chunk = pipe->chunks[k % PIPE_CHUNKS];

		n = 0;
		if (!is_due(pipe, side, k)) {
			if (++idle % PATIENCE == 0)
				sched_yield();
			continue;
		}
		n = bytes - at < PIPE_CHUNK ? bytes - at : PIPE_CHUNK;
		if (side == PIPE_GIVES)
			fly_copy(chunk, data + at, n);
		else
			fly_copy(data + at, chunk, n);
		at = at + n == bytes ? 0 : at + n;
		/* L5: the chunk is written, or may be written again; pairs with L6. */
		atomic_store_explicit(own, ++k, memory_order_release);
	}
}
