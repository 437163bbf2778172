/* SPDX-License-Identifier: BSD-3-Clause */
/* local/import.h - the client's end of binding over the local link (local/import.c). */
#ifndef FLY_LOCAL_IMPORT_H
#define FLY_LOCAL_IMPORT_H

#include "host/link_spec.h"

struct fly_binding;
struct fly_poller_group;

/* fly_local_is() - does an address name a server of this machine? "local:..." */
bool fly_local_is(const char *peer);

/*
 * fly_local_import() - fly_import() from a server of this machine. The calling thread owns the
 * binding. @peer: "local:NAME[,...]"; NULL: @usual, the runtime's first link, which is local.
 */
int fly_local_import(struct fly_poller_group *group, const char *name, uint32_t version,
		     const char *peer, const struct fly_link_spec *usual,
		     struct fly_binding **binding);

/* fly_local_shut() - for fly_shutdown(): end the calls of all local bindings, and start none. */
void fly_local_shut(struct fly_poller_group *group);

#endif
