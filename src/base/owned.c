/* SPDX-License-Identifier: BSD-3-Clause */
/* owned.c - the list of a runtime's bindings that belong to threads. Any thread; takes the lock. */
#include "base/owned.h"

#include "base/binding_kind.h"

void fly_owned_list_init(struct fly_owned_list *list)
{
	pthread_mutex_init(&list->lock, NULL);
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
	owned->thread = pthread_self();
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

/* Return: a binding of the calling thread; NULL: it has none. @others: as fly_owned_by_others(). */
static struct fly_owned *find_mine(struct fly_owned_list *list, unsigned *others)
{
	struct fly_owned *mine = NULL;
	struct fly_owned *owned;

	*others = 0;
	pthread_mutex_lock(&list->lock);
	LIST_FOREACH(owned, &list->all, next)
	{
		if (fly_owned_is_mine(owned))
			mine = owned;
		else if (!owned->is_runtimes)
			(*others)++;
	}
	pthread_mutex_unlock(&list->lock);
	return mine;
}

void fly_owned_end_mine(struct fly_owned_list *list)
{
	struct fly_owned *mine;
	unsigned others;

	while ((mine = find_mine(list, &others)) != NULL)
		fly_binding_kind_of(mine->binding)->unbind(mine->binding);
}

unsigned fly_owned_by_others(struct fly_owned_list *list)
{
	unsigned others;

	find_mine(list, &others);
	return others;
}
