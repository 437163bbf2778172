/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local/clerk.h - admits clients of this machine to a runtime (local/clerk.c): the server's end of
 * binding over the local link.
 */
#ifndef FLY_CLERK_H
#define FLY_CLERK_H

#include "host/link_spec.h"

struct fly_clerk;
struct fly_poller_group;

#define FLY_LOCAL_HALF_MS  2000 /* time for a new connection to send its request */
#define FLY_LOCAL_HALF_MAX 64   /* connections without a binding; of one user, a quarter */
#define FLY_LOCAL_ADMIT_MS 4000 /* time from the request to the binding; then it is refused */

/*
 * fly_clerk_open() - listen at local:NAME,server. The first call for a runtime starts its clerk.
 * @clerk: *clerk is NULL before the first call. Call it before the pollers turn, or on the thread
 * that turns them.
 * Return: 0, or EINUSE, EPERM, ESYSTEM, ENOMEM with a sentence.
 */
int fly_clerk_open(struct fly_clerk **clerk, struct fly_poller_group *group,
		   const struct fly_link_spec *spec);

/*
 * fly_clerk_stop() - admit nobody any more, and end the thread. Waits for an allow() that runs. The
 * pollers still turn, or take no more requests. On the thread of an inline runtime, it turns the
 * poller meanwhile. @clerk: or NULL.
 */
void fly_clerk_stop(struct fly_clerk *clerk);

/*
 * fly_clerk_free() - disconnect all clients and free the clerk. No poller turns any more, and their
 * requests are closed.
 */
void fly_clerk_free(struct fly_clerk *clerk);

/* fly_clerk_refused() - number of clients refused, for fly_counters(). Any thread. */
uint64_t fly_clerk_refused(const struct fly_clerk *clerk);

/* fly_clerk_clients() - number of bindings now. Any thread. */
unsigned fly_clerk_clients(const struct fly_clerk *clerk);

/* fly_clerk_has() - is there a listener local:NAME? Any thread, once the runtime has started. */
bool fly_clerk_has(const struct fly_clerk *clerk, const char *name);

#endif
