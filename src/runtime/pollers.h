/* SPDX-License-Identifier: BSD-3-Clause */
/* pollers.h - threads of a runtime's own, each of which turns one of its pollers (pollers.c). */
#ifndef FLY_POLLERS_H
#define FLY_POLLERS_H

#include <firefly/runtime.h>

struct fly_poller;
struct fly_poller_threads;
struct fly_topology;

/*
 * fly_pollers_choose() - on which cores a runtime's pollers are to run; before anything is made.
 * @node: where its links are. @cores: room for FLY_POLLERS numbers; o->pollers of them are set.
 * Return: 0, or -FLY_EINVAL with a sentence.
 */
int fly_pollers_choose(const struct fly_options *o, const struct fly_topology *t, int node,
		       unsigned *cores);

/*
 * fly_pollers_start() - a thread for each of a runtime's pollers, on these cores, which they have
 * to themselves from now on as far as other runtimes that choose are concerned. Return: 0: all of
 * them turn; or a negative status with a sentence: none is left.
 */
int fly_pollers_start(struct fly_runtime *runtime, const unsigned *cores);

/*
 * fly_pollers_stop() - end them: each turns a few times more, so that what is queued goes out. The
 * pollers belong to the calling thread from then on. Nothing happens if there are none.
 */
void fly_pollers_stop(struct fly_runtime *runtime);

/* fly_pollers_wait() - until fly_quit(), which is fly_pollers_quit(). */
void fly_pollers_wait(struct fly_runtime *runtime);
void fly_pollers_quit(struct fly_runtime *runtime);

#endif
