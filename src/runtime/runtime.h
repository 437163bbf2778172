/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * runtime.h - what fly_start() puts together: its pollers, their pool, its ports, its bindings.
 *
 * Owned by the thread that started it, or, if it has threads of its own, by nobody: what belongs to
 * a poller is asked of that (request.h), and the rest does not change between fly_start() and
 * fly_stop(), unless it says otherwise. The control thread reads `ports` under the lock of
 * port_watch.c.
 */
#ifndef FLY_RUNTIME_RUNTIME_H
#define FLY_RUNTIME_RUNTIME_H

#include "local/caller.h"
#include "threads/attached.h"
#include "runtime/pollers.h"
#include "host/port.h"

struct fly_runtime {
	struct fly_poller poller;                /* the first one */
	struct fly_poller *pollers[FLY_POLLERS]; /* that one, and the others */
	unsigned n_pollers;
	struct fly_poller_threads *threads; /* that turn them; NULL: who started the runtime does */
	struct rte_mempool *pool;           /* of all of them */
	unsigned packets;                   /* in pool */
	int node;                           /* NUMA node of all that */
	unsigned n_ports;
	struct fly_port *ports[FLY_LINKS];
	struct fly_runtime *next_here; /* the runtime that this thread started before; start.c */
	enum fly_wait wait;            /* of its pollers, and of bindings that do not choose */
	pthread_mutex_t lock;
	struct fly_export exports[FLY_EXPORTS]; /* under lock: what each poller's table is to be */
	LIST_HEAD(, fly_owned) owned;           /* under lock: bindings that belong to threads */
	struct fly_export_rule *rules;          /* under lock: of exports, past ones as well */
	struct fly_clerk *clerk;     /* lets clients of this machine in; NULL: none may come */
	struct fly_link_spec *local; /* the first link, if it leads to a server of this machine */
	_Atomic unsigned shared_out; /* callers, among our pollers, by the binder */
	_Atomic unsigned imported;   /* bindings, by the pollers that they go through */
	_Atomic bool quit;           /* set by fly_quit(), any thread or signal handler */
	void (*notice)(void *context, const char *line);
	void *notice_context;
};

/*
 * fly_runtime_peer() - where an import goes.
 * @poller: the number of the one that makes it. @peer: as for fly_import(); NULL: the far end of
 * the first link. Return: 0, *link and *address without its MAC; or a negative status with a
 * sentence.
 */
int fly_runtime_peer(struct fly_runtime *runtime, unsigned poller, const char *peer,
		     struct fly_link **link, struct fly_address *address);

/*
 * fly_runtime_link() - a link as the poller sees it, for the benchmark's bare-frame floors.
 * @index: below n_ports, in the order of struct fly_options. The poller must not be turned while
 * somebody else moves packets over its port.
 */
const struct fly_link *fly_runtime_link(const struct fly_runtime *runtime, unsigned index);

/* fly_runtime_serving_here() - the poller whose procedure runs on the calling thread; NULL. */
struct fly_poller *fly_runtime_serving_here(void);

/* fly_runtime_notice() - a line for a person, if somebody listens. printf-like; any thread. */
void fly_runtime_notice(const struct fly_runtime *runtime, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* fly_binder_export() - export 0 of each runtime (binder.c). */
int fly_binder_export(struct fly_runtime *runtime);

#endif
