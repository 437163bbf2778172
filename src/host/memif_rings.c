/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * memif_rings.c - see memif_rings.h. Called by memif_guard.c. Owns nothing.
 *
 * In memif's protocol a receiver that wants to be woken clears a flag in the ring that it receives
 * from, and the sender then writes to the ring's eventfd. DPDK's driver does all of that but the
 * first step: it never clears the flag, and does not say where its rings are. They lie at the
 * beginning of the region that the client has made and both ends have mapped; DPDK names its file.
 * Client to server comes first. A region of another client that looks otherwise is not used.
 */
#include "host/memif_rings.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <rte_common.h>

#define FILE_NAME "/memfd:memif_region_0"
#define COOKIE    0x3E31F20U

struct descriptor {
	uint8_t bytes[16];
};

/* As in the protocol; each group begins a line of the cache. */
struct ring {
	_Atomic uint32_t cookie;
	_Atomic uint16_t flags;
	_Atomic uint16_t head;
	_Atomic uint16_t tail __rte_cache_aligned;
	struct descriptor descriptors[] __rte_cache_aligned;
};

#define RING_BYTES \
	(sizeof(struct ring) + ((size_t)1 << FLY_MEMIF_LOG2_LENGTH) * sizeof(struct descriptor))

static_assert(offsetof(struct ring, flags) == 4 &&
		      sizeof(struct ring) == (size_t)2 * RTE_CACHE_LINE_SIZE,
	      "the protocol's");

/* The ring of this mapping that we receive from; NULL: it looks different. */
static struct ring *ring_to_us(uintptr_t at, size_t bytes, bool server)
{
	struct ring *ring = (struct ring *)at;

	if (bytes < 2 * RING_BYTES)
		return NULL;
	if (!server)
		ring = (struct ring *)(at + RING_BYTES);
	return atomic_load_explicit(&ring->cookie, memory_order_relaxed) == COOKIE ? ring : NULL;
}

unsigned fly_memif_rings_find(bool server, _Atomic uint16_t **flags, unsigned n)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512];
	unsigned found = 0;

	if (!f)
		return 0;
	while (found < n && fgets(line, sizeof line, f)) {
		unsigned long from;
		unsigned long to;
		int bytes = 0; /* of the line that are as they must be; 0: not all were */
		struct ring *ring;

		if (!strstr(line, FILE_NAME) ||
		    sscanf(line, "%lx-%lx rw-s 00000000 %n", &from, &to, &bytes) != 2 || !bytes)
			continue;
		ring = ring_to_us(from, to - from, server);
		if (ring)
			flags[found++] = &ring->flags;
	}
	fclose(f);
	return found;
}
