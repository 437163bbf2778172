/* SPDX-License-Identifier: BSD-3-Clause */
/* runtime/standby.h - the thread that turns a shared runtime for event loops (runtime/standby.c).
 */
#ifndef FLY_STANDBY_H
#define FLY_STANDBY_H

#include <pthread.h>
#include <stdbool.h>

struct fly_runtime;

struct fly_standby {
	pthread_t thread; /* under the runtime's lock */
	bool is_there;    /* under the runtime's lock */
	_Atomic bool quit;
};

/*
 * fly_standby_start() - start the thread, unless it is there. Any thread.
 * Return: 0, or -FLY_ESYSTEM with a sentence.
 *
 * fly_standby_stop() - end it, if it is there. By the thread that stops the runtime.
 */
int fly_standby_start(struct fly_runtime *r);
void fly_standby_stop(struct fly_runtime *r);

#endif
