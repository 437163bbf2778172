/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * runtime/process.c - the runtimes of this process, and forking.
 *
 * Owns the list of runtimes, and says which process may use one.
 *
 * Forking
 *
 * A child has copies of a runtime and its bindings, but no thread of it, and shares its packets,
 * sockets and A-stacks with the parent. Whatever it did there would go wrong in the parent. So the
 * child leaves all to the parent, in the handler of the fork, before the program goes on:
 *   - each inherited binding gets procedures that end a call at once: base/forked.c;
 *   - each inherited runtime is marked, which all public functions check but calls;
 *   - sockets and locks are closed, or the parent's death would go unnoticed: base/clofork.c;
 *   - packets and A-stacks are not in the child's memory at all (MADV_DONTFORK);
 *   - what the library remembers of its threads and ports is forgotten. Runtimes that the child
 *     starts are its own.
 * The parent's locks of all that the child reads are held during the fork. No other lock of a
 * runtime is ever taken in the child. Children that only execute another program, made by
 * posix_spawn(), system() or popen(), run no handler.
 */
#include "runtime/process.h"

#include <pthread.h>
#include <unistd.h>

#include "base/clofork.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/forked.h"
#include "base/thread.h"
#include "fastpath/binding.h"
#include "host/eal.h"
#include "host/port.h"
#include "runtime/pollers.h"
#include "runtime/runtime.h"
#include "threads/elected.h"
#include "threads/request.h"
#include "threads/worker.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static LIST_HEAD(, fly_runtime) all = LIST_HEAD_INITIALIZER(all); /* under lock */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pid_t parent; /* set before a fork, for the child */

/* ---- forking --------------------------------------------------------------------------------- */

static void before_fork(void)
{
	struct fly_runtime *r;

	pthread_mutex_lock(&lock);
	LIST_FOREACH(r, &all, next)
	pthread_mutex_lock(&r->group.owned.lock);
	fly_thread_fork_lock();
	fly_clofork_fork_lock();
	parent = getpid();
}

static void after_fork(void)
{
	struct fly_runtime *r;

	fly_clofork_fork_unlock();
	fly_thread_fork_unlock();
	LIST_FOREACH(r, &all, next)
	pthread_mutex_unlock(&r->group.owned.lock);
	pthread_mutex_unlock(&lock);
}

static void leave(struct fly_runtime *r)
{
	struct fly_owned *owned;
	struct fly_import *import;

	r->is_foreign = true;
	r->is_turned = false;
	LIST_FOREACH(owned, &r->group.owned.all, next)
	fly_forked_leave(owned->binding, parent);
	for (unsigned i = 0; i < r->group.n; i++) {
		LIST_FOREACH(import, &r->group.pollers[i]->imports, next)
		fly_forked_leave(&import->head, parent);
	}
}

static void forked(void)
{
	struct fly_runtime *r;

	LIST_FOREACH(r, &all, next)
	leave(r);
	LIST_INIT(&all);
	fly_clofork_forked();
	fly_thread_forked();
	fly_poller_group_enter(NULL);
	fly_poller_resume(NULL);
	fly_elected_forked();
	fly_poller_forked();
	fly_worker_forked();
	fly_runtime_turned_forked();
	fly_pollers_forked();
	fly_ports_forked();
	fly_fault_forked();
	fly_eal_forked(parent);
	pthread_mutex_unlock(&lock);
}

static void handle_forks(void)
{
	pthread_atfork(before_fork, after_fork, forked);
}

int fly_process_check(const struct fly_runtime *r, const char *function)
{
	if (!r->is_foreign)
		return 0;
	return fly_fail(FLY_EFORKED,
			"%s: the runtime belongs to process %d, which forked this one; call "
			"fly_start() here, after fork() or daemon()",
			function, (int)r->process);
}

/* ---- the list -------------------------------------------------------------------------------- */

void fly_process_begin(void)
{
	pthread_once(&once, handle_forks);
}

void fly_process_add(struct fly_runtime *r)
{
	r->process = getpid();
	pthread_mutex_lock(&lock);
	LIST_INSERT_HEAD(&all, r, next);
	pthread_mutex_unlock(&lock);
}

void fly_process_remove(struct fly_runtime *r)
{
	pthread_mutex_lock(&lock);
	LIST_REMOVE(r, next);
	pthread_mutex_unlock(&lock);
}

/* A runtime is not stopped while a thread has bindings of it: the binding can be used unlocked. */
static struct fly_binding *find_mine(void)
{
	struct fly_binding *binding = NULL;
	struct fly_runtime *r;

	pthread_mutex_lock(&lock);
	LIST_FOREACH(r, &all, next)
	{
		if ((binding = fly_owned_mine(&r->group.owned)) != NULL)
			break;
	}
	pthread_mutex_unlock(&lock);
	return binding;
}

void fly_process_end_mine(void)
{
	struct fly_binding *binding;

	while ((binding = find_mine()) != NULL)
		fly_binding_kind_of(binding)->unbind(binding);
}
