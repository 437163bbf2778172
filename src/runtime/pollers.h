/* SPDX-License-Identifier: BSD-3-Clause */
/* runtime/pollers.h - the threads that turn a runtime's pollers, one each (runtime/pollers.c). */
#ifndef FLY_POLLERS_H
#define FLY_POLLERS_H

#include <firefly/runtime.h>

struct fly_poller;
struct fly_poller_threads;
struct fly_topology;

/*
 * fly_pollers_choose() - choose the cores of a runtime's pollers, before anything is made. Other
 * runtimes that choose cores will avoid these, those of other processes only if the pollers spin.
 * Says so in a notice if another process spins on one of them.
 * @node: NUMA node of its links. @cores: room for FLY_POLLERS numbers; o->pollers of them are set.
 * Return: 0, or -FLY_EINVAL with a sentence.
 */
int fly_pollers_choose(const struct fly_options *o, const struct fly_topology *t, int node,
		       unsigned *cores);

/* fly_pollers_leave() - @n cores that were chosen are not used any more. */
void fly_pollers_leave(const unsigned *cores, unsigned n);

/*
 * fly_pollers_start() - start a thread per poller on these cores.
 * Return: 0: all pollers turn; or a negative status with a sentence: no thread is left.
 */
int fly_pollers_start(struct fly_runtime *runtime, const unsigned *cores);

/*
 * fly_pollers_stop() - end the threads; each turns its poller a few times more to send what is
 * queued. The pollers then belong to the calling thread. Does nothing if there are no threads.
 */
void fly_pollers_stop(struct fly_runtime *runtime);

/* fly_pollers_wait() - wait for fly_quit(), which calls fly_pollers_quit(). */
void fly_pollers_wait(struct fly_runtime *runtime);
bool fly_pollers_are_quitting(struct fly_runtime *runtime);
void fly_pollers_quit(struct fly_runtime *runtime);

/* fly_pollers_forked() - in a child: no poller of the parent has a core of the child. */
void fly_pollers_forked(void);

#endif
