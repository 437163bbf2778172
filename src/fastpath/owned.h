/* SPDX-License-Identifier: BSD-3-Clause */
/* owned.h - what bindings have in common that belong to one thread: attached ones, and local ones.
 */
#ifndef FLY_FASTPATH_OWNED_H
#define FLY_FASTPATH_OWNED_H

#include <pthread.h>
#include <sys/queue.h>

#include <firefly/stub.h>

/*
 * A binding of one thread, in its runtime's list of those: whoever has one ends it. Made and ended
 * by src/slowpath/owned.c, but for its place in the list plain and constant.
 */
struct fly_owned {
	struct fly_binding *binding;
	struct fly_runtime *runtime;
	pthread_t thread;
	bool is_runtimes; /* a worker's, or a poller's, of the runtime, which ends it when it ends
			   */
	LIST_ENTRY(fly_owned) next; /* under the runtime's lock */
};

#endif
