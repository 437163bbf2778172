/* SPDX-License-Identifier: BSD-3-Clause */
/* owned.h - bindings that belong to threads: attached ones and those over local links (owned.c). */
#ifndef FLY_OWNED_H
#define FLY_OWNED_H

#include <pthread.h>
#include <sys/queue.h>

#include <firefly/stub.h>

/*
 * A binding of one thread, in its runtime's list of those: whoever has one ends it. Made and ended
 * by src/base/owned.c, but for its place in the list plain and constant.
 */
struct fly_owned {
	struct fly_binding *binding;
	struct fly_runtime *runtime;
	pthread_t thread;
	bool is_runtimes; /* a worker's, or a poller's, of the runtime, which ends it when it ends
			   */
	LIST_ENTRY(fly_owned) next; /* under the runtime's lock */
};

/* fly_owned_add() - a binding is the calling thread's. fly_owned_remove(): it is being ended. */
void fly_owned_add(struct fly_owned *owned, struct fly_runtime *runtime,
		   struct fly_binding *binding);
void fly_owned_remove(struct fly_owned *owned);

/* fly_owned_is_mine() - is it the calling thread's? */
static inline bool fly_owned_is_mine(const struct fly_owned *owned)
{
	return pthread_equal(owned->thread, pthread_self());
}

/* fly_owned_end_mine() - end those of the calling thread. */
void fly_owned_end_mine(struct fly_runtime *runtime);

/* fly_owned_by_others() - how many are neither this thread's nor of a thread of the runtime. */
unsigned fly_owned_by_others(struct fly_runtime *runtime);

#endif
