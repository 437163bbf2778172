/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local/clerk.h - who lets clients of this machine in (local/clerk.c): the server's end of
 * binding over the local link.
 */
#ifndef FLY_CLERK_H
#define FLY_CLERK_H

#include "host/link_spec.h"

struct fly_clerk;
struct fly_poller_group;

#define FLY_LOCAL_HALF_MS  2000 /* a client that connects has so long to say what it wants */
#define FLY_LOCAL_HALF_MAX 64   /* so many may be about to, at most; of one user, a quarter */

/*
 * fly_clerk_open() - listen at local:NAME,server. The first one of a runtime starts its clerk:
 * *clerk, NULL until then. Before the pollers turn, or on the thread that turns them.
 * Return: 0, or EINUSE, EPERM, ESYSTEM, ENOMEM with a sentence.
 */
int fly_clerk_open(struct fly_clerk **clerk, struct fly_poller_group *group,
		   const struct fly_link_spec *spec);

/*
 * fly_clerk_stop() - let nobody in any more. The pollers still turn, or are closed for asking; on
 * the thread of an inline runtime it turns its poller meanwhile. @clerk: NULL: there is none.
 */
void fly_clerk_stop(struct fly_clerk *clerk);

/* fly_clerk_free() - part from every client. No poller turns any more. */
void fly_clerk_free(struct fly_clerk *clerk);

/* fly_clerk_refused() - whom it did not let in, for fly_counters(). Any thread. */
uint64_t fly_clerk_refused(const struct fly_clerk *clerk);

/* fly_clerk_clients() - bindings that there are now. Any thread. */
unsigned fly_clerk_clients(const struct fly_clerk *clerk);

/* fly_clerk_has() - does it listen at local:NAME? Any thread, once the runtime has started. */
bool fly_clerk_has(const struct fly_clerk *clerk, const char *name);

#endif
