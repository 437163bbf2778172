/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * buffer.h - memory for messages of several packets: limited, shared among peers, and kept warm.
 *
 * Fetching pages from the system takes longer than receiving what goes into them. So a poller keeps
 * a few large blocks that were freed lately, for the next message of that size, until nobody has
 * needed them for a second.
 */
#ifndef FLY_BUFFER_H
#define FLY_BUFFER_H

#include "fastpath/poller.h"

/* What peers can make a poller allocate: arguments and results under way, results retained. */
#define FLY_BULK_MAX (256U << 20)

#define FLY_SPARE_BLOCKS 8           /* kept for the next message, at most, */
#define FLY_SPARE_BYTES  (64U << 20) /* of which so much has been written */
#define FLY_SPARE_MS     1000        /* and not for longer */

struct fly_path;

/* Contiguous memory for a message, aligned to 16. */
struct fly_buffer {
	uint8_t *bytes;   /* NULL: none */
	uint32_t room;    /* at bytes */
	uint32_t written; /* of them, at most; by who has it */
	struct fly_path
		*path; /* whose share of FLY_BULK_MAX it is; NULL: nobody's, it is our own */
};

/*
 * fly_buffer_get() - @room bytes, not 0. @path: to whom they are counted; NULL.
 * Return: false: no memory, or no more is allowed: in all, or to that peer, to which twice as much
 * is allowed as it leaves free.
 */
bool fly_buffer_get(struct fly_poller *p, struct fly_buffer *b, uint32_t room,
		    struct fly_path *path);

/* fly_buffer_resize() - as realloc; the same. What is cut off holds no memory any more. */
bool fly_buffer_resize(struct fly_poller *p, struct fly_buffer *b, uint32_t room);

void fly_buffer_free(struct fly_poller *p, struct fly_buffer *b);

/* fly_buffer_sweep() - let spare blocks go that nobody has needed for long. */
void fly_buffer_sweep(struct fly_poller *p);

/* fly_buffer_drain() - let all of them go. */
void fly_buffer_drain(struct fly_poller *p);

#endif
