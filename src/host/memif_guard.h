/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * memif_guard.h - keeps EAL's interrupt thread out of a driver while a poller is inside its bursts.
 *
 * For ports whose driver frees on the interrupt thread what its bursts use: memif. A process
 * without such a port has no guard and pays nothing for it.
 */
#ifndef FLY_MEMIF_GUARD_H
#define FLY_MEMIF_GUARD_H

#include <stdatomic.h>

#include "fastpath/link.h"

/* A port's part in it. First comes the link: the burst functions are handed no more. */
struct fly_guarded {
	struct fly_link link;
	/* Inside a burst. Written by the poller, twice a burst, on a line of its own. */
	_Alignas(RTE_CACHE_LINE_SIZE) _Atomic unsigned in;
	struct fly_guarded *next; /* guarded ports of the process; under the gate */
};

/*
 * fly_memif_guard_start() - own the interrupt thread, from the first call on until the process
 * ends. After EAL is up, before the first guarded port exists; any thread.
 * Return: 0, or a negative status with a sentence.
 */
int fly_memif_guard_start(void);

/*
 * fly_memif_guard_add() - guard a port's bursts, in place of link_eth.c's. No poller has it yet.
 * fly_memif_guard_remove() - the end of it; nothing happens if it was not guarded. No poller has it
 * any more.
 */
void fly_memif_guard_add(struct fly_guarded *guarded);
void fly_memif_guard_remove(struct fly_guarded *guarded);

/*
 * fly_memif_guard_hold(), fly_memif_guard_drop() - around what a control thread does to a device
 * that no poller has: no interrupt is handled meanwhile. Short, and without waiting for anything
 * that an interrupt brings. Never from an EAL callback: its thread may hold already.
 */
void fly_memif_guard_hold(void);
void fly_memif_guard_drop(void);

#endif
