/* SPDX-License-Identifier: BSD-3-Clause */
/* poller_group.c - which thread of a runtime the calling thread is. Any thread. */
#include "threads/poller_group.h"

#include "threads/request.h"
#include "threads/worker.h"

static _Thread_local struct fly_poller *own;

struct fly_poller *fly_poller_group_here(void)
{
	return own;
}

void fly_poller_group_enter(struct fly_poller *p)
{
	own = p;
}

bool fly_poller_group_has_thread(const struct fly_poller_group *group)
{
	const struct fly_worker *w = fly_worker_here();

	return (w && w->pool->group == group) || (own && own->group == group);
}

struct fly_poller *fly_poller_group_turned(const struct fly_poller_group *group)
{
	for (unsigned i = 0; i < group->n; i++) {
		if (fly_poller_is_here(group->pollers[i]))
			return group->pollers[i];
	}
	return NULL;
}

struct fly_poller *fly_poller_group_own(const struct fly_poller_group *group)
{
	return group->is_shared ? NULL : fly_poller_group_turned(group);
}
