/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * runtime/runtime.h - struct fly_runtime: pollers, their packet pool, ports, exports.
 *
 * An inline runtime belongs to the thread that started it. A runtime with poller threads, or a
 * shared one, belongs to nobody: each poller's own state is used by fly_request()
 * (threads/request.h). The rest does not
 * change between fly_start() and fly_stop(), unless its comment says otherwise. The control thread
 * reads `ports` under the lock of host/port_watch.c.
 */
#ifndef FLY_RUNTIME_RUNTIME_H
#define FLY_RUNTIME_RUNTIME_H

#include "host/port.h"
#include "runtime/pollers.h"
#include "runtime/standby.h"
#include "threads/poller_group.h"

struct fly_runtime {
	struct fly_poller_group group;      /* first: fly_runtime_of() */
	struct fly_poller poller;           /* the first poller */
	struct fly_poller_threads *threads; /* poller threads; NULL: an inline runtime */
	struct fly_standby standby;         /* of a shared runtime, once there is a descriptor */
	unsigned cores[FLY_POLLERS];        /* of the poller threads, n_cores of them */
	unsigned n_cores;
	unsigned n_missing; /* packets missing from the pool at the stop */
	struct fly_ports ports;
	struct fly_runtime *next_here; /* the runtime that this thread has started before: turn.c */
	unsigned lcore;  /* DPDK's number for who turns a shared poller; LCORE_ID_ANY */
	uint64_t thread; /* that started it, and owns it if it is inline */
	bool is_turned;  /* fly_turn() turns it: an inline runtime of this process */
	bool is_foreign; /* a copy, in a child: the runtime is the parent's. Stored by process.c */
	pid_t process;   /* that made it */
	LIST_ENTRY(fly_runtime) next; /* of the process: process.c */
	pthread_mutex_t lock;
	struct fly_export exports[FLY_EXPORTS]; /* under lock: copied to each poller's table */
	struct fly_export_rule *rules; /* under lock: rules of all exports, past ones as well */
	struct fly_clerk *clerk;       /* NULL: no listeners */
	struct fly_link_spec *local;   /* the first link, if it is local; else NULL */
	_Atomic unsigned shared_out;   /* callers distributed by the binder */
	_Atomic unsigned imported;     /* bindings distributed over the pollers */
	_Atomic bool quit;             /* set by fly_quit(), on any thread or in a signal handler */
};

static_assert(offsetof(struct fly_runtime, group) == 0, "fly_runtime_of() relies on it");

/* The runtime of a poller; NULL in a simulation. */
static inline struct fly_runtime *fly_runtime_of(const struct fly_poller *p)
{
	return (struct fly_runtime *)(void *)p->group;
}

/* Any thread may use it: it has threads of its own, or is shared. */
static inline bool fly_runtime_is_anybodys(const struct fly_runtime *r)
{
	return r->threads || r->group.is_shared;
}

/*
 * fly_runtime_link() - a link as the first poller sees it, for the benchmark of bare frames.
 * @index: below ports.n, in the order of struct fly_options. The poller must not turn while the
 * caller moves packets over the link's port.
 */
const struct fly_link *fly_runtime_link(const struct fly_runtime *runtime, unsigned index);

/* fly_runtime_serving_here() - the poller whose procedure runs on the calling thread, or NULL. */
struct fly_poller *fly_runtime_serving_here(void);

/*
 * fly_runtime_turned_here() - the calling thread turns this inline runtime.
 * fly_runtime_turned_no_more() - the runtime is being stopped.
 */
void fly_runtime_turned_here(struct fly_runtime *runtime);
void fly_runtime_turned_no_more(const struct fly_runtime *runtime);

/*
 * fly_runtime_resume_here() - the calling thread has taken pollers to start or stop a runtime: now
 * it turns its own again, if it has any.
 */
void fly_runtime_resume_here(void);

/* fly_runtime_turn_here() - turn what this thread turns, while it waits for another runtime. */
void fly_runtime_turn_here(void);

/* fly_runtime_turned_forked() - in a child: the calling thread has no inline runtime. */
void fly_runtime_turned_forked(void);

/*
 * fly_runtime_check_thread() - may the calling thread use the runtime as its owner? Any thread may,
 * if the runtime has threads of its own. fly_runtime_check(): and not from within a procedure.
 * @function: for the sentence, as the program knows it.
 * Return: 0, or EFORKED or ECONFLICT with a sentence.
 */
int fly_runtime_check_thread(const struct fly_runtime *runtime, const char *function);
int fly_runtime_check(const struct fly_runtime *runtime, const char *function);

/* fly_runtime_is_within() - is the caller one of its threads, or in a turn of its inline poller? */
bool fly_runtime_is_within(const struct fly_runtime *runtime);

/* fly_runtime_is_quitting() - was fly_quit() called, and nothing has returned because of it? */
bool fly_runtime_is_quitting(struct fly_runtime *runtime);

/* fly_binder_export() - export the binder, export 0 of each runtime (runtime/binder.c). */
int fly_binder_export(struct fly_runtime *runtime);

#endif
