/* SPDX-License-Identifier: BSD-3-Clause */
/* test_sized.c - structs of programs older or newer than the library, or without a size. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include <firefly/status.h>

#include "base/sized.h"

/* One struct in three releases; the library is of the second. */
struct first {
	size_t size;
	unsigned a;
	unsigned b;
};

struct second {
	size_t size;
	unsigned a;
	unsigned b;
	uint64_t c;
};

struct third {
	size_t size;
	unsigned a;
	unsigned b;
	uint64_t c;
	uint64_t d;
};

#define LEAST FLY_SIZED_UP_TO(struct second, a)
#define WHAT  "struct second"

static int take(struct second *ours, const void *theirs)
{
	return fly_sized_take(ours, sizeof *ours, LEAST, theirs, WHAT);
}

static void refused(const void *theirs, const char *words)
{
	const struct second before = {.size = 1, .a = 2, .b = 3, .c = 4};
	struct second ours = before;

	cr_expect(fly_sized_check(theirs, sizeof ours, LEAST, WHAT) == -FLY_EINVAL);
	cr_expect(take(&ours, theirs) == -FLY_EINVAL);
	cr_expect(memcmp(&ours, &before, sizeof ours) == 0, "it was touched");
	cr_expect(strstr(fly_error(), WHAT) && strstr(fly_error(), words), "'%s'", fly_error());
	cr_expect(strchr(fly_error(), '\n') == NULL);
}

Test(sized, fly_sized_take__of_the_same_release)
{
	const struct second theirs = {.size = sizeof theirs, .a = 1, .b = 2, .c = 3};
	struct second ours;

	cr_assert(take(&ours, &theirs) == 0, "%s", fly_error());
	cr_expect(memcmp(&ours, &theirs, sizeof ours) == 0);
}

Test(sized, fly_sized_take__of_an_older_program_is_0_in_what_it_does_not_know)
{
	const struct first theirs = {.size = sizeof theirs, .a = 1, .b = 2};
	struct second ours;

	memset(&ours, 0xff, sizeof ours);
	cr_assert(take(&ours, &theirs) == 0, "%s", fly_error());
	cr_expect(ours.size == sizeof ours && ours.a == 1 && ours.b == 2 && ours.c == 0);
}

Test(sized, fly_sized_take__of_a_newer_program_that_does_without_what_is_new)
{
	struct third theirs = {.size = sizeof theirs, .a = 1, .b = 2, .c = 3};
	struct second ours;

	cr_assert(take(&ours, &theirs) == 0, "%s", fly_error());
	cr_expect(ours.size == sizeof ours && ours.a == 1 && ours.b == 2 && ours.c == 3);
	theirs.d = UINT64_C(1) << 63; /* in the last byte */
	refused(&theirs, "newer");
	theirs.d = 1;
	refused(&theirs, "newer");
}

Test(sized, fly_sized_check__says_what_to_do_without_a_size)
{
	struct second theirs = {.size = 0, .a = 1};
	const size_t sizes[] = {0, sizeof(void *), LEAST - 1, 4097, SIZE_MAX};

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		theirs.size = sizes[i];
		refused(&theirs, "set .size = sizeof(struct second)");
	}
	theirs.size = LEAST;
	cr_expect(fly_sized_check(&theirs, sizeof theirs, LEAST, WHAT) == 0);
}

Test(sized, fly_sized_give__no_more_than_there_is_room_for)
{
	const struct second ours = {.size = sizeof ours, .a = 1, .b = 2, .c = 3};
	struct third theirs;
	const size_t sizes[] = {LEAST, sizeof(struct first), sizeof(struct second),
				sizeof(struct third)};

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		const size_t room = sizes[i];
		const size_t both = room < sizeof ours ? room : sizeof ours;
		uint8_t expected[sizeof theirs];

		memset(&theirs, 0xee, sizeof theirs);
		theirs.size = room;
		memcpy(expected, &theirs, sizeof theirs);
		memcpy(expected + sizeof room, (const uint8_t *)&ours + sizeof room,
		       both - sizeof room);
		fly_sized_give(&theirs, &ours, sizeof ours);
		cr_expect(memcmp(&theirs, expected, sizeof theirs) == 0, "room for %zu", room);
	}
}
