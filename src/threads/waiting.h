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
struct fly_waiting {
	uint32_t empty; /* looks in a row at which there was nothing */
};

/*
 * fly_wait_for_slot() - nothing was in a slot: spin, yield, or sleep until it is handed over.
 * @while_state: the state that is not waited for. @shared: the other side is another process.
 * Return: having slept or not, it is to be looked at again. At most FLY_WAIT_MS later.
 */
void fly_wait_for_slot(struct fly_waiting *waiting, struct fly_slot *s,
		       enum fly_slot_state while_state, enum fly_wait wait, bool shared);

#define FLY_WAIT_MS 10

/* fly_wait_wake_slot() - the other side of fly_wait_for_slot(): it sleeps. */
void fly_wait_wake_slot(struct fly_slot *s, bool shared);

/*
 * fly_wait_after_turn() - after a turn of a poller, from the outermost loop: if there was nothing
 * to do, yield or sleep as @wait says. @received: what the turn returned.
 */
void fly_wait_after_turn(struct fly_waiting *waiting, struct fly_poller *p, enum fly_wait wait,
			 unsigned received);

#endif
