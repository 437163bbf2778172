/* SPDX-License-Identifier: BSD-3-Clause */
/* import.h - making and ending bindings (import.c); the public calls are in runtime.h. */
#ifndef FLY_RUNTIME_IMPORT_H
#define FLY_RUNTIME_IMPORT_H

#include "fastpath/binding.h"

/*
 * fly_import_make() - a binding to an export that is known already: no packet is sent.
 * @peer: complete, with MAC. @activity: upper 48 bits, not 0; fly_random_activity().
 * Return: to be ended by fly_unbind(); NULL: out of memory.
 */
struct fly_import *fly_import_make(struct fly_poller *p, struct fly_link *link,
				   const struct fly_address *peer, uint32_t export_id,
				   uint64_t activity);

/*
 * fly_import_again() - another binding like this one, for a program: it is ended with the poller.
 * Return: NULL: out of memory.
 */
struct fly_import *fly_import_again(struct fly_poller *p, const struct fly_import *like);

/* fly_import_unbind(), fly_import_rebind() - fly_unbind(), fly_rebind(), on the poller's thread. */
void fly_import_unbind(struct fly_binding *binding);
int fly_import_rebind(struct fly_binding *binding);

/* fly_behaviour_set_wait() - fly_set_wait() for an inline caller. */
void fly_behaviour_set_wait(struct fly_binding *binding, enum fly_wait wait);

uint64_t fly_random_activity(void);
uint32_t fly_random32(void);

/*
 * fly_behaviour_shut() - calls through this binding end with FLY_ESTOPPED, those that are out and
 * those that are to be started; it is good for nothing else any more.
 */
void fly_behaviour_shut(struct fly_import *import);

#endif
