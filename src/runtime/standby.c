/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * runtime/standby.c - the thread that turns a shared runtime for event loops.
 *
 * A thread that waits for a descriptor waits for no result, and turns no poller. So the first
 * fly_event_fd() of a shared runtime starts a thread that does. It sleeps as the poller of a
 * runtime with FLY_WAIT_SLEEP does, and is woken for calls. It has the turn from then on: other
 * threads take it only in between.
 */
#include "runtime/standby.h"

#include <signal.h>

#include "base/error.h"
#include "base/signals.h"
#include "fastpath/slow.h"
#include "host/limits.h"
#include "runtime/process.h"
#include "runtime/runtime.h"
#include "threads/elected.h"
#include "threads/poller_group.h"

static void *stand_by(void *context)
{
	struct fly_runtime *r = context;

	pthread_setname_np(pthread_self(), "fly-standby");
	fly_poller_group_enter(&r->poller); /* bindings of its procedures are the runtime's */
	fly_elected_serve(r->poller.election, FLY_WAIT_SLEEP, &r->standby.quit);
	fly_process_end_mine();
	return NULL;
}

int fly_standby_start(struct fly_runtime *r)
{
	struct fly_standby *standby = &r->standby;
	sigset_t before;
	int error = 0;

	pthread_mutex_lock(&r->lock);
	if (!standby->is_there) {
		fly_signals_block_but_faults(&before);
		error = pthread_create(&standby->thread, NULL, stand_by, r);
		fly_signals_restore(&before);
		standby->is_there = error == 0;
	}
	pthread_mutex_unlock(&r->lock);
	return error ? fly_fail(FLY_ESYSTEM,
				"event_fd: no thread to turn the poller of a shared runtime: %s",
				fly_limits_no_thread(error))
		     : 0;
}

void fly_standby_stop(struct fly_runtime *r)
{
	if (!r->standby.is_there)
		return;
	/* Carries no data. The thread may sleep. */
	atomic_store_explicit(&r->standby.quit, true, memory_order_relaxed);
	fly_slow_wake_poller(r->poller.handoffs.wake_fd);
	pthread_join(r->standby.thread, NULL);
	r->standby.is_there = false;
}
