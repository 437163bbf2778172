/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * owned.c - the list of a runtime's bindings that belong to threads. Any thread; under its lock.
 */
#include "base/owned.h"

#include "threads/worker.h"
#include "base/binding_kind.h"
#include "runtime/pollers.h"
#include "runtime/runtime.h"

void fly_owned_add(struct fly_owned *owned, struct fly_runtime *runtime,
		   struct fly_binding *binding)
{
	const struct fly_worker *w = fly_worker_here();
	const struct fly_poller *p = fly_pollers_here();

	owned->binding = binding;
	owned->runtime = runtime;
	owned->thread = pthread_self();
	owned->is_runtimes = (w && w->pool->runtime == runtime) || (p && p->runtime == runtime);
	pthread_mutex_lock(&runtime->lock);
	LIST_INSERT_HEAD(&runtime->owned, owned, next);
	pthread_mutex_unlock(&runtime->lock);
}

void fly_owned_remove(struct fly_owned *owned)
{
	pthread_mutex_lock(&owned->runtime->lock);
	LIST_REMOVE(owned, next);
	pthread_mutex_unlock(&owned->runtime->lock);
}

/* One of the calling thread's; NULL. @others: as fly_owned_by_others(). */
static struct fly_owned *find_mine(struct fly_runtime *runtime, unsigned *others)
{
	struct fly_owned *mine = NULL;
	struct fly_owned *owned;

	*others = 0;
	pthread_mutex_lock(&runtime->lock);
	LIST_FOREACH(owned, &runtime->owned, next)
	{
		if (fly_owned_is_mine(owned))
			mine = owned;
		else if (!owned->is_runtimes)
			(*others)++;
	}
	pthread_mutex_unlock(&runtime->lock);
	return mine;
}

void fly_owned_end_mine(struct fly_runtime *runtime)
{
	struct fly_owned *mine;
	unsigned others;

	while ((mine = find_mine(runtime, &others)) != NULL)
		fly_binding_kind_of(mine->binding)->unbind(mine->binding);
}

unsigned fly_owned_by_others(struct fly_runtime *runtime)
{
	unsigned others;

	find_mine(runtime, &others);
	return others;
}
