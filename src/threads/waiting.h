/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * waiting.h - how to wait, for those who do not look all the time (waiting.c).
 */
#ifndef FLY_WAITING_H
#define FLY_WAITING_H

#include <firefly/runtime.h>

#include "fastpath/slot.h"

struct fly_poller;

/* One who waits: how long it has done so. Zero at first, and whenever something came. */
struct fly_nap {
	uint32_t empty; /* looks in a row at which there was nothing */
};

/*
 * fly_nap_slot() - nothing was in a slot: spin, yield, or sleep until it is handed over.
 * @while_state: the state that is not waited for. @shared: the other side is another process.
 * Return: having slept or not, it is to be looked at again. At most FLY_NAP_MS later.
 */
void fly_nap_slot(struct fly_nap *nap, struct fly_slot *s, enum fly_slot_state while_state,
		  enum fly_wait wait, bool shared);

#define FLY_NAP_MS 10

/* fly_nap_wake_slot() - the other side of fly_nap_slot(): it sleeps. */
void fly_nap_wake_slot(struct fly_slot *s, bool shared);

/*
 * fly_nap_poller() - after a turn of a poller, from the outermost loop: if there was nothing to do,
 * yield or sleep as @wait says. @received: what the turn returned.
 */
void fly_nap_poller(struct fly_nap *nap, struct fly_poller *p, enum fly_wait wait,
		    unsigned received);

#endif
