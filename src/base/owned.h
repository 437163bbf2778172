/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * owned.h - bindings that belong to one thread each: attached bindings and those over local links.
 *
 * A runtime keeps a list of them (owned.c). Threads of the program must end their bindings before
 * the runtime ends, or end themselves. A thread of a runtime ends its bindings when it ends, those
 * of other runtimes as well.
 */
#ifndef FLY_OWNED_H
#define FLY_OWNED_H

#include <pthread.h>
#include <sys/queue.h>

#include <firefly/stub.h>

#include "base/thread.h"

struct fly_owned_list {
	/* Recursive: a program's fly_notice() may be called under it, and may fork. */
	pthread_mutex_t lock;
	LIST_HEAD(, fly_owned) all; /* under lock */
};

/* A binding of one thread. Constant, but for its links in the list. */
struct fly_owned {
	struct fly_binding *binding;
	struct fly_owned_list *list;
	uint64_t thread;            /* its number: base/thread.h */
	bool is_runtimes;           /* its thread is a worker or a poller, and ends it */
	LIST_ENTRY(fly_owned) next; /* under the list's lock */
};

void fly_owned_list_init(struct fly_owned_list *list);
void fly_owned_list_fini(struct fly_owned_list *list);

/*
 * fly_owned_add() - list a binding of the calling thread.
 * @is_runtimes: the calling thread belongs to the runtime.
 *
 * fly_owned_remove() - take the binding out of the list, before it ends.
 */
void fly_owned_add(struct fly_owned_list *list, struct fly_owned *owned,
		   struct fly_binding *binding, bool is_runtimes);
void fly_owned_remove(struct fly_owned *owned);

/* fly_owned_is_mine() - does the binding belong to the calling thread? */
static inline bool fly_owned_is_mine(const struct fly_owned *owned)
{
	return fly_thread_is_here(owned->thread);
}

/* fly_owned_mine() - a binding of the calling thread; NULL: it has none. */
struct fly_binding *fly_owned_mine(struct fly_owned_list *list);

/* fly_owned_end_mine() - end the calling thread's bindings. */
void fly_owned_end_mine(struct fly_owned_list *list);

/* fly_owned_end_orphans() - end the bindings of threads that have ended without unbinding them. */
void fly_owned_end_orphans(struct fly_owned_list *list);

/* fly_owned_by_others() - the number of bindings of the program's other threads. */
unsigned fly_owned_by_others(struct fly_owned_list *list);

#endif
