/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * behaviour.h - a binding's deadline, its way to wait, whether it reconnects, and whether it was
 * shut (behaviour.c). On the poller's thread.
 */
#ifndef FLY_BEHAVIOUR_H
#define FLY_BEHAVIOUR_H

#include "fastpath/binding.h"

/* fly_behaviour_set_deadline() - fly_set_deadline(). @us: 0: none. Return: 0. */
int fly_behaviour_set_deadline(struct fly_binding *binding, uint32_t us);

/* fly_behaviour_set_wait() - fly_set_wait() for an inline caller. */
void fly_behaviour_set_wait(struct fly_binding *binding, enum fly_wait wait);

/*
 * fly_behaviour_reconnect() - rebind by @reconnect before a call, if the binding is lost; NULL: no
 * more. fly_behaviour_lost(): it is lost, if it reconnects. fly_behaviour_found(): it was rebound.
 */
void fly_behaviour_reconnect(struct fly_import *import,
			     int (*reconnect)(struct fly_import *import, uint64_t most_us));
void fly_behaviour_lost(struct fly_import *import);
void fly_behaviour_found(struct fly_import *import);

/*
 * fly_behaviour_shut() - end the calls through this binding: outstanding ones with FLY_ESTOPPED,
 * those that were not sent yet and future ones with FLY_ESHUT. There is no way back.
 */
void fly_behaviour_shut(struct fly_import *import);

#endif
