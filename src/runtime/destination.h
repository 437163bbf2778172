/* SPDX-License-Identifier: BSD-3-Clause */
/* destination.h - whom an import calls, in words (destination.c). */
#ifndef FLY_DESTINATION_H
#define FLY_DESTINATION_H

#include "fastpath/link.h"

struct fly_runtime;

/*
 * fly_destination_find() - the link and the address of a peer that is named as for fly_import(),
 * and is not on a local link. On the poller's thread.
 * @poller: number of the poller that imports. @peer: NULL: the far end of the first link.
 * Return: 0, *link and *address without its MAC; or a negative status with a sentence.
 */
int fly_destination_find(const struct fly_runtime *runtime, unsigned poller, const char *peer,
			 struct fly_link **link, struct fly_address *address);

#endif
