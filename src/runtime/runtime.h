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

#include "host/port.h"
#include "runtime/pollers.h"
#include "threads/poller_group.h"

struct fly_runtime {
	struct fly_poller_group group;      /* first: fly_runtime_of() */
	struct fly_poller poller;           /* the first one of them */
	struct fly_poller_threads *threads; /* that turn them; NULL: who started the runtime does */
	unsigned n_missing;                 /* packets, when it was stopped */
	struct fly_ports ports;
	struct fly_runtime *next_here; /* the runtime that this thread turned before: turn.c */
	pthread_mutex_t lock;
	struct fly_export exports[FLY_EXPORTS]; /* under lock: what each poller's table is to be */
	struct fly_export_rule *rules;          /* under lock: of exports, past ones as well */
	struct fly_clerk *clerk;     /* lets clients of this machine in; NULL: none may come */
	struct fly_link_spec *local; /* the first link, if it leads to a server of this machine */
	_Atomic unsigned shared_out; /* callers, among our pollers, by the binder */
	_Atomic unsigned imported;   /* bindings, by the pollers that they go through */
	_Atomic bool quit;           /* set by fly_quit(), any thread or signal handler */
};

/* The runtime that a poller belongs to; NULL: it has none, in a simulation. */
static inline struct fly_runtime *fly_runtime_of(const struct fly_poller *p)
{
	return (struct fly_runtime *)(void *)p->group;
}

/*
 * fly_runtime_link() - a link as the poller sees it, for the benchmark's bare-frame floors.
 * @index: below ports.n, in the order of struct fly_options. The poller must not be turned while
 * somebody else moves packets over its port.
 */
const struct fly_link *fly_runtime_link(const struct fly_runtime *runtime, unsigned index);

/* fly_runtime_serving_here() - the poller whose procedure runs on the calling thread; NULL. */
struct fly_poller *fly_runtime_serving_here(void);

/*
 * fly_runtime_turned_here() - the calling thread turns this runtime, which has no threads of its
 * own. fly_runtime_turned_no_more(): it is being ended.
 */
void fly_runtime_turned_here(struct fly_runtime *runtime);
void fly_runtime_turned_no_more(const struct fly_runtime *runtime);

/*
 * fly_runtime_is_within() - is the calling thread one of the runtime's, or inside of a turn of its
 * only poller?
 */
bool fly_runtime_is_within(const struct fly_runtime *runtime);

/* fly_binder_export() - export 0 of each runtime (binder.c). */
int fly_binder_export(struct fly_runtime *runtime);

#endif
