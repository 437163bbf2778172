/* SPDX-License-Identifier: BSD-3-Clause */
/* ended_turner.h - a thread that has ended with the turn of a shared runtime's poller. */
#ifndef ENDED_TURNER_H
#define ENDED_TURNER_H

#include <criterion/criterion.h>
#include <pthread.h>

#include "runtime/runtime.h"
#include "threads/elected.h"
#include "threads/request.h"

static inline int ended_turner_end(struct fly_poller *p, void *context)
{
	(void)p;
	pthread_exit(context);
}

static inline void *ended_turner_run(void *r)
{
	fly_request(&((struct fly_runtime *)r)->poller, ended_turner_end, NULL);
	return NULL;
}

/* end_a_thread_with_the_turn() - of this runtime, whose turn nobody else wants. */
static inline void end_a_thread_with_the_turn(struct fly_runtime *r)
{
	pthread_t thread;

	pthread_create(&thread, NULL, ended_turner_run, r);
	pthread_join(thread, NULL);
	cr_assert(fly_elected_turner(r->poller.election) != 0);
}

#endif
