/* SPDX-License-Identifier: BSD-3-Clause */
/* stub_version.c - see stub_version.h. Pure, but for fly_error(); any thread. */
#include "base/stub_version.h"

#include <assert.h>
#include <stddef.h>

#include "base/error.h"

static_assert(offsetof(struct fly_interface, stub_version) == 0, "in every version");
static_assert(offsetof(struct fly_interface, name) == sizeof(void *), "in every version");

int fly_stub_version_check(const struct fly_interface *interface)
{
	const uint32_t theirs = interface->stub_version;

	if (theirs == FLY_STUB_VERSION)
		return 0;
	return fly_fail(FLY_EVERSION,
			theirs < FLY_STUB_VERSION
				? "%s was generated for stub interface %u, this library has %u: "
				  "run fireflyc again"
				: "%s was generated for stub interface %u, this library has %u, "
				  "which is older: install the release that has generated it",
			interface->name, theirs, FLY_STUB_VERSION);
}
