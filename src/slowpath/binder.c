/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * binder.c - the procedures of binder.fly: which interfaces this runtime exports.
 *
 * Called by the generated server stub on the poller's thread. Reads the export table.
 */
#include "binder.h"

#include <firefly/stub.h>

#include "slowpath/runtime.h"

static int import(void *context, const uint8_t name[64], uint32_t version, uint32_t *export_id,
		  uint32_t *version_there, uint32_t *result)
{
	const struct fly_runtime *runtime = context;
	char wanted[65] = {0};

	memcpy(wanted, name, 64);
	*export_id = 0;
	*version_there = 0;
	*result = FLY_ENOEXPORT;
	for (unsigned i = FLY_EXPORT_BINDER + 1; i < FLY_EXPORTS; i++) {
		const struct fly_export *e = &runtime->poller.exports[i];

		if (e->n_procedures == 0 || strcmp(e->interface->name, wanted) != 0)
			continue;
		*version_there = e->interface->version;
		*result = FLY_EVERSION;
		if (e->interface->version == version) {
			*export_id = e->id;
			*result = FLY_OK;
			break;
		}
	}
	return 0;
}

int fly_binder_export(struct fly_runtime *runtime)
{
	static const struct Binder_procedures procedures = {.Import = import};

	return Binder_export(runtime, &procedures, runtime);
}
