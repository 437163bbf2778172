/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * buffer.h - memory for messages of several packets: limited, shared among peers, and reused.
 *
 * Getting pages from the system takes longer than receiving into them. So a poller keeps a few
 * large blocks that were freed lately for the next message of that size. A block that was not
 * reused for a second is unmapped.
 */
#ifndef FLY_BUFFER_H
#define FLY_BUFFER_H

#include "fastpath/poller.h"

/* The memory that peers can make a poller allocate: arguments, results, retained results. */
#define FLY_BULK_MAX (256U << 20)

#define FLY_SPARE_BLOCKS 8           /* spare blocks at most */
#define FLY_SPARE_BYTES  (64U << 20) /* bytes of spare blocks that were written, at most */
#define FLY_SPARE_MS     1000        /* age of a spare block at most */

struct fly_peer;

/* Contiguous memory for a message, aligned to 16. */
struct fly_buffer {
	uint8_t *bytes;        /* NULL: none */
	uint32_t room;         /* size of the buffer */
	uint32_t written;      /* bytes written, at most; set by the owner of the buffer */
	struct fly_peer *peer; /* counted to this peer; NULL: our own memory, not limited */
};

/*
 * fly_buffer_get() - @room bytes, not 0. @peer: whom they are counted to, or NULL.
 * Return: false: no memory, or over a limit: FLY_BULK_MAX in all, or twice of what remains free
 * for this peer. Before that, peers with more than their share give way to one that has less.
 */
bool fly_buffer_get(struct fly_poller *p, struct fly_buffer *b, uint32_t room,
		    struct fly_peer *peer);

/* fly_buffer_resize() - as realloc(). Return: as fly_buffer_get(). */
bool fly_buffer_resize(struct fly_poller *p, struct fly_buffer *b, uint32_t room);

void fly_buffer_free(struct fly_poller *p, struct fly_buffer *b);

/* fly_buffer_sweep() - unmap spare blocks that were not reused for FLY_SPARE_MS. */
void fly_buffer_sweep(struct fly_poller *p);

/* fly_buffer_drain() - unmap all spare blocks. */
void fly_buffer_drain(struct fly_poller *p);

#endif
