/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * owned.h - bindings that belong to one thread each: attached ones and those over local links.
 *
 * A runtime has a list of them (owned.c), because whoever has one must end it before the runtime
 * ends, and threads of the runtime itself leave theirs behind.
 */
#ifndef FLY_OWNED_H
#define FLY_OWNED_H

#include <pthread.h>
#include <sys/queue.h>

#include <firefly/stub.h>

struct fly_owned_list {
	pthread_mutex_t lock;
	LIST_HEAD(, fly_owned) all; /* under lock */
};

/* A binding of one thread. Plain and constant, but for its place in the list. */
struct fly_owned {
	struct fly_binding *binding;
	struct fly_owned_list *list;
	pthread_t thread;
	bool is_runtimes; /* of a thread of the runtime, a worker or a poller, which ends it */
	LIST_ENTRY(fly_owned) next; /* under the list's lock */
};

void fly_owned_list_init(struct fly_owned_list *list);
void fly_owned_list_fini(struct fly_owned_list *list);

/*
 * fly_owned_add() - a binding is the calling thread's. @is_runtimes: that is a thread of the
 * runtime. fly_owned_remove(): it is being ended.
 */
void fly_owned_add(struct fly_owned_list *list, struct fly_owned *owned,
		   struct fly_binding *binding, bool is_runtimes);
void fly_owned_remove(struct fly_owned *owned);

/* fly_owned_is_mine() - is it the calling thread's? */
static inline bool fly_owned_is_mine(const struct fly_owned *owned)
{
	return pthread_equal(owned->thread, pthread_self());
}

/* fly_owned_end_mine() - end those of the calling thread. */
void fly_owned_end_mine(struct fly_owned_list *list);

/* fly_owned_by_others() - how many are neither this thread's nor of a thread of the runtime. */
unsigned fly_owned_by_others(struct fly_owned_list *list);

#endif
