/* SPDX-License-Identifier: BSD-3-Clause */
/* destination.h - whom an import calls, in words (destination.c). */
#ifndef FLY_DESTINATION_H
#define FLY_DESTINATION_H

#include "fastpath/link.h"
#include "host/peer_address.h"

struct fly_runtime;

/*
 * fly_destination_look_up() - the addresses of a peer that is named by one, or by a host's name. On
 * the calling thread: looking up a name may wait.
 * @found: none: the link knows its far end. Port 0: none was said.
 * Return: 0 or a negative status with a sentence.
 */
int fly_destination_look_up(const struct fly_runtime *runtime, const char *peer,
			    struct fly_peer_addresses *found);

/*
 * fly_destination_find() - the link and the address of a peer that is named as for fly_import(),
 * and is not on a local link. On the poller's thread.
 * @poller: number of the poller that imports. @peer: NULL: the far end of the first link.
 * @tried: one of the addresses that were looked up; NULL: there are none.
 * Return: 0, *link and *address without its MAC; or a negative status with a sentence.
 */
int fly_destination_find(const struct fly_runtime *runtime, unsigned poller, const char *peer,
			 const struct sockaddr_in6 *tried, struct fly_link **link,
			 struct fly_address *address);

#endif
