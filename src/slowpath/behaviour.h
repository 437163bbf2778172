/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * behaviour.h - how a binding over a link behaves besides calling plainly: its deadline, its way to
 * wait, whether it was shut (behaviour.c). On the poller's thread.
 */
#ifndef FLY_BEHAVIOUR_H
#define FLY_BEHAVIOUR_H

#include "fastpath/binding.h"

/* fly_behaviour_set_deadline() - fly_set_deadline(). @us: 0: none. Return: 0. */
int fly_behaviour_set_deadline(struct fly_binding *binding, uint32_t us);

/* fly_behaviour_set_wait() - fly_set_wait() for an inline caller. */
void fly_behaviour_set_wait(struct fly_binding *binding, enum fly_wait wait);

/*
 * fly_behaviour_shut() - calls through this binding end with FLY_ESTOPPED, those that are out and
 * those that are to be started; it is good for nothing else any more.
 */
void fly_behaviour_shut(struct fly_import *import);

#endif
