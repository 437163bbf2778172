/* SPDX-License-Identifier: BSD-3-Clause */
/* owned.c - the list of a runtime's bindings that belong to threads. Any thread; takes the lock. */
#include "base/owned.h"

#include "base/binding_kind.h"

void fly_owned_list_init(struct fly_owned_list *list)
{
	pthread_mutexattr_t recursive;

	pthread_mutexattr_init(&recursive);
	pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&list->lock, &recursive);
	pthread_mutexattr_destroy(&recursive);
	LIST_INIT(&list->all);
}

void fly_owned_list_fini(struct fly_owned_list *list)
{
	pthread_mutex_destroy(&list->lock);
}

void fly_owned_add(struct fly_owned_list *list, struct fly_owned *owned,
		   struct fly_binding *binding, bool is_runtimes)
{
	owned->binding = binding;
	owned->list = list;
	owned->thread = fly_thread_number();
	owned->is_runtimes = is_runtimes;
	pthread_mutex_lock(&list->lock);
	LIST_INSERT_HEAD(&list->all, owned, next);
	pthread_mutex_unlock(&list->lock);
}

void fly_owned_remove(struct fly_owned *owned)
{
	pthread_mutex_lock(&owned->list->lock);
	LIST_REMOVE(owned, next);
	pthread_mutex_unlock(&owned->list->lock);
}

/* Which bindings to look for. */
static bool is_mine(const struct fly_owned *owned)
{
	return fly_owned_is_mine(owned);
}

static bool is_orphan(const struct fly_owned *owned)
{
	return fly_thread_has_ended(owned->thread);
}

static struct fly_binding *find(struct fly_owned_list *list,
				bool (*is_it)(const struct fly_owned *owned))
{
	struct fly_binding *binding = NULL;
	struct fly_owned *owned;

	pthread_mutex_lock(&list->lock);
	LIST_FOREACH(owned, &list->all, next)
	{
		if (is_it(owned)) {
			binding = owned->binding;
			break;
		}
	}
	pthread_mutex_unlock(&list->lock);
	return binding;
}

struct fly_binding *fly_owned_mine(struct fly_owned_list *list)
{
	return find(list, is_mine);
}

static void end_all(struct fly_owned_list *list, bool (*is_it)(const struct fly_owned *owned))
{
	struct fly_binding *binding;

	while ((binding = find(list, is_it)) != NULL)
		fly_binding_kind_of(binding)->unbind(binding);
}

void fly_owned_end_mine(struct fly_owned_list *list)
{
	end_all(list, is_mine);
}

void fly_owned_end_orphans(struct fly_owned_list *list)
{
	end_all(list, is_orphan);
}

unsigned fly_owned_by_others(struct fly_owned_list *list)
{
	const struct fly_owned *owned;
	unsigned others = 0;

	pthread_mutex_lock(&list->lock);
	LIST_FOREACH(owned, &list->all, next)
	others += !fly_owned_is_mine(owned) && !owned->is_runtimes;
	pthread_mutex_unlock(&list->lock);
	return others;
}
