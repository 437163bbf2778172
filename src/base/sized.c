/* SPDX-License-Identifier: BSD-3-Clause */
/* sized.c - see sized.h. Pure, but for fly_error(); any thread. */
#include "base/sized.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <firefly/status.h>

#include "base/error.h"

/* No struct of any release is longer: a larger size was never set. */
#define MOST 4096

static size_t size_of(const void *theirs)
{
	size_t size;

	memcpy(&size, theirs, sizeof size);
	return size;
}

static bool is_zero(const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (bytes[i] != 0)
			return false;
	}
	return true;
}

int fly_sized_check(const void *theirs, size_t known, size_t least, const char *what)
{
	const size_t size = size_of(theirs);

	if (size < least || size > MOST)
		return fly_fail(FLY_EINVAL, "%s: its size is %zu; set .size = sizeof(%s)", what,
				size, what);
	if (size > known && !is_zero((const uint8_t *)theirs + known, size - known))
		return fly_fail(FLY_EINVAL,
				"%s: something is set behind its first %zu bytes, which are all "
				"that this release of the library knows; the program was built for "
				"a newer one",
				what, known);
	return 0;
}

int fly_sized_take(void *ours, size_t known, size_t least, const void *theirs, const char *what)
{
	const int status = fly_sized_check(theirs, known, least, what);
	const size_t size = size_of(theirs);
	const size_t both = size < known ? size : known;

	if (status)
		return status;
	memcpy(ours, theirs, both);
	memset((uint8_t *)ours + both, 0, known - both);
	memcpy(ours, &known, sizeof known);
	return 0;
}

void fly_sized_give(void *theirs, const void *ours, size_t known)
{
	const size_t size = size_of(theirs);
	const size_t both = size < known ? size : known;

	if (both > sizeof size)
		memcpy((uint8_t *)theirs + sizeof size, (const uint8_t *)ours + sizeof size,
		       both - sizeof size);
}
