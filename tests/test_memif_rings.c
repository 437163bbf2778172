/* SPDX-License-Identifier: BSD-3-Clause */
/* test_memif_rings.c - the rings of a connection are found by what memif's protocol says of them.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "case.h"
#include "host/memif_rings.h"

#define BYTES     (1 << 20)
#define COOKIE    0x3E31F20U       /* MEMIF_COOKIE */
#define TO_CLIENT (128 + 16 * 256) /* the second ring, behind 256 descriptors */

static uint8_t *region;
static _Atomic uint16_t *flags[4];

static uint8_t *map(const char *name, size_t bytes)
{
	const int fd = memfd_create(name, MFD_CLOEXEC);
	uint8_t *at;

	cr_assert(fd >= 0 && ftruncate(fd, (off_t)bytes) == 0);
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	cr_assert(at != MAP_FAILED);
	close(fd);
	return at;
}

static void begin(void)
{
	const uint32_t cookie = COOKIE;

	region = map("memif_region_0", BYTES);
	memcpy(region, &cookie, sizeof cookie);
	memcpy(region + TO_CLIENT, &cookie, sizeof cookie);
}

static void end(void)
{
	munmap(region, BYTES);
	cr_expect(fly_memif_rings_find(true, flags, 4) == 0, "none is left");
}

TestSuite(memif_rings, .timeout = HANG);

Case(memif_rings, fly_memif_rings_find__the_one_that_its_side_receives_from)
{
	cr_assert(fly_memif_rings_find(true, flags, 4) == 1);
	cr_expect((uint8_t *)flags[0] == region + 4);
	cr_assert(fly_memif_rings_find(false, flags, 4) == 1);
	cr_expect((uint8_t *)flags[0] == region + TO_CLIENT + 4);
}

Case(memif_rings, fly_memif_rings_find__one_for_each_connection_and_no_more_than_there_is_room_for)
{
	uint8_t *other = map("memif_region_0", BYTES);

	memcpy(other, region, TO_CLIENT + 4);
	cr_expect(fly_memif_rings_find(true, flags, 4) == 2);
	cr_expect(fly_memif_rings_find(true, flags, 1) == 1);
	munmap(other, BYTES);
}

Case(memif_rings, fly_memif_rings_find__not_what_looks_different)
{
	uint8_t *other = map("memif_region_1", BYTES); /* buffers */
	uint8_t *small = map("memif_region_0", 4096);

	memcpy(other, region, TO_CLIENT + 4);
	memcpy(small, region, 4);
	memset(region + TO_CLIENT, 0, 4); /* a client with another length of rings */
	cr_expect(fly_memif_rings_find(true, flags, 4) == 1);
	cr_expect(fly_memif_rings_find(false, flags, 4) == 0);
	munmap(other, BYTES);
	munmap(small, 4096);
}

/* We store flags there: what may not be written, or is the region's middle, is no ring of ours. */
Case(memif_rings, fly_memif_rings_find__not_what_is_mapped_otherwise)
{
	uint8_t *other = map("memif_region_0", BYTES);

	memcpy(other, region, TO_CLIENT + 4);
	cr_assert(mprotect(other, BYTES, PROT_READ) == 0);
	cr_expect(fly_memif_rings_find(true, flags, 4) == 1);
	munmap(other, BYTES);
}
