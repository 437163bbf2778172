/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * buffer.c - see buffer.h. Called by the other files of bulk/, on the poller's thread. Owns the
 * poller's list of spare blocks, and the byte counts of the poller and its paths.
 *
 * Small buffers come from malloc(). Large ones are blocks of whole pages: a header of a cache
 * line, then the bytes. The rest of a block behind its buffer is poisoned under AddressSanitizer,
 * as are spare blocks.
 */
#include "slowpath/bulk/buffer.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "slowpath/peers.h"
#include "slowpath/bulk/bulk.h"

#define BLOCK_LEAST (128U << 10) /* a buffer of so many bytes or more is a block */
#define PAGE        4096U
#define HUGE_PAGE   (2U << 20)
#define MISFIT      8 /* a spare block larger than so many times the room is not reused */

struct fly_block {
	struct fly_block *next; /* spare: the next older one */
	size_t size;            /* of the block */
	uint32_t touched;       /* bytes behind the header that are backed by memory, at most */
	uint32_t spare_ms;      /* spare: since when */
};

#define HEADER RTE_CACHE_LINE_SIZE
static_assert(sizeof(struct fly_block) <= HEADER, "the bytes begin on a line of their own");

static struct fly_block *block_of(uint8_t *bytes)
{
	return (struct fly_block *)(void *)(bytes - HEADER);
}

static uint8_t *bytes_of(struct fly_block *k)
{
	return (uint8_t *)k + HEADER;
}

static uint32_t room_of(const struct fly_block *k)
{
	return (uint32_t)(k->size - HEADER);
}

static void unmap(struct fly_block *k)
{
	ASAN_UNPOISON_MEMORY_REGION(bytes_of(k), room_of(k));
	munmap(k, k->size);
}

/* Map pages; large buffers are aligned for hugepages, in case the system has some. */
static struct fly_block *map(uint32_t room)
{
	const size_t unit = room >= HUGE_PAGE ? HUGE_PAGE : PAGE;
	const size_t size = RTE_ALIGN_CEIL((size_t)room + HEADER, unit);
	uint8_t *at = mmap(NULL, size + unit - PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint8_t *begin;
	struct fly_block *k;

	if (at == MAP_FAILED)
		return NULL;
	begin = RTE_PTR_ALIGN_CEIL(at, unit);
	if (begin != at)
		munmap(at, (size_t)(begin - at));
	if (at + unit - PAGE != begin)
		munmap(begin + size, (size_t)(at + unit - PAGE - begin));
	if (unit == HUGE_PAGE)
		madvise(begin, size, MADV_HUGEPAGE); /* a failure only costs speed */
	k = (struct fly_block *)(void *)begin;
	k->size = size;
	k->touched = 0;
	return k;
}

/* Take the spare block that fits best. Return: NULL: none does. */
static struct fly_block *reuse(struct fly_poller *p, uint32_t room)
{
	struct fly_block **best = NULL;
	struct fly_block *k;

	for (struct fly_block **at = &p->bulk.spare; *at; at = &(*at)->next) {
		if (room_of(*at) >= room && room_of(*at) / MISFIT <= room &&
		    (!best || room_of(*at) < room_of(*best)))
			best = at;
	}
	if (!best)
		return NULL;
	k = *best;
	*best = k->next;
	return k;
}

static void expose(struct fly_block *k, uint32_t room)
{
	ASAN_UNPOISON_MEMORY_REGION(bytes_of(k), room);
	ASAN_POISON_MEMORY_REGION(bytes_of(k) + room, room_of(k) - room);
}

static uint8_t *get(struct fly_poller *p, uint32_t room)
{
	struct fly_block *k;

	if (room < BLOCK_LEAST)
		return malloc(room);
	k = reuse(p, room);
	if (!k)
		k = map(room);
	if (!k)
		return NULL;
	expose(k, room);
	return bytes_of(k);
}

/* Limit the number, size and age of spare blocks. The oldest ones are unmapped. */
static void bound(struct fly_poller *p)
{
	struct fly_block **at = &p->bulk.spare;
	uint64_t bytes = 0;

	for (unsigned n = 0; *at; n++) {
		struct fly_block *k = *at;

		bytes += k->touched;
		if (n < FLY_SPARE_BLOCKS && bytes <= FLY_SPARE_BYTES &&
		    p->now_ms - k->spare_ms <= FLY_SPARE_MS) {
			at = &k->next;
			continue;
		}
		*at = k->next;
		unmap(k);
	}
}

static void put(struct fly_poller *p, const struct fly_buffer *b)
{
	struct fly_block *k;

	if (b->room < BLOCK_LEAST) {
		free(b->bytes);
		return;
	}
	k = block_of(b->bytes);
	ASAN_POISON_MEMORY_REGION(b->bytes, room_of(k));
	k->touched = RTE_MAX(k->touched, b->written);
	k->spare_ms = p->now_ms;
	k->next = p->bulk.spare;
	p->bulk.spare = k;
	bound(p);
}

/* May @peer have @more bytes? No peer gets more than twice of what remains free. */
static bool fits(const struct fly_poller *p, const struct fly_peer *peer, uint32_t more)
{
	const uint32_t free = p->bulk.max - p->bulk.bytes;

	return more <= free && (uint64_t)peer->bulk_bytes + more <= 2 * (uint64_t)(free - more);
}

/*
 * If the peer would have no more than its share with @more bytes, messages of those with more than
 * that are freed until it fits. A share is what each would have if all peers, and one more, had
 * equally much.
 */
static bool make_room(struct fly_poller *p, const struct fly_peer *peer, uint32_t more)
{
	const uint32_t peers = p->peers->n_with_bulk + (peer->bulk_bytes == 0);
	const uint32_t share = p->bulk.max / (peers + 1);

	if ((uint64_t)peer->bulk_bytes + more > share)
		return false;
	while (more > p->bulk.max - p->bulk.bytes) {
		if (!fly_bulk_evict(p, peer, share))
			return false;
	}
	return true;
}

static bool is_allowed(struct fly_poller *p, const struct fly_peer *peer, uint32_t more)
{
	return fits(p, peer, more) || make_room(p, peer, more);
}

static void count(struct fly_poller *p, struct fly_peer *peer, uint32_t before, uint32_t now)
{
	if (!peer)
		return;
	p->bulk.bytes += now - before;
	fly_peers_count_bulk(p->peers, peer, before, now);
}

bool fly_buffer_get(struct fly_poller *p, struct fly_buffer *b, uint32_t room,
		    struct fly_peer *peer)
{
	if (peer && !is_allowed(p, peer, room))
		return false;
	*b = (struct fly_buffer){
		.bytes = get(p, room),
		.room = room,
		.written = room,
		.peer = peer,
	};
	if (!b->bytes)
		return false;
	count(p, peer, 0, room);
	return true;
}

/* Resize within the block. Memory that is cut off is given back to the system. */
static bool resize_block(struct fly_buffer *b, uint32_t room)
{
	struct fly_block *k = block_of(b->bytes);

	if (room > room_of(k))
		return false;
	expose(k, room);
	if (RTE_MAX(k->touched, b->written) > 2 * room + HUGE_PAGE) {
		const size_t keep = RTE_ALIGN_CEIL((size_t)room + HEADER, PAGE);

		madvise((uint8_t *)k + keep, k->size - keep, MADV_DONTNEED);
		k->touched = room;
	}
	return true;
}

bool fly_buffer_resize(struct fly_poller *p, struct fly_buffer *b, uint32_t room)
{
	uint8_t *bytes;

	if (room == b->room)
		return true;
	if (b->peer && room > b->room && !is_allowed(p, b->peer, room - b->room))
		return false;
	if (b->room >= BLOCK_LEAST && room >= BLOCK_LEAST && resize_block(b, room))
		goto done;
	bytes = get(p, room);
	if (!bytes)
		return false;
	memcpy(bytes, b->bytes, RTE_MIN(room, b->room));
	put(p, b);
	b->bytes = bytes;
done:
	count(p, b->peer, b->room, room);
	b->room = room;
	b->written = room;
	return true;
}

void fly_buffer_free(struct fly_poller *p, struct fly_buffer *b)
{
	if (b->bytes) {
		count(p, b->peer, b->room, 0);
		put(p, b);
	}
	*b = (struct fly_buffer){0};
}

void fly_buffer_sweep(struct fly_poller *p)
{
	if (p->bulk.spare)
		bound(p);
}

void fly_buffer_drain(struct fly_poller *p)
{
	while (p->bulk.spare) {
		struct fly_block *k = p->bulk.spare;

		p->bulk.spare = k->next;
		unmap(k);
	}
}
