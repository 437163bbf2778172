/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * memif_guard.h - keeps EAL's interrupt thread out of a driver while a poller is inside a burst.
 *
 * For ports whose driver frees on the interrupt thread what its bursts use: memif. A process
 * without such a port pays nothing.
 */
#ifndef FLY_MEMIF_GUARD_H
#define FLY_MEMIF_GUARD_H

#include <stdatomic.h>

#include "fastpath/link.h"

#define FLY_MEMIF_RINGS 32 /* connections of a process that can wake it */

/* A guarded port. The link is first: the burst functions get only a pointer to it. */
struct fly_memif_guarded {
	struct fly_link link;
	/* 1 inside a burst. Written by the poller, twice a burst; on a cache line of its own. */
	_Alignas(RTE_CACHE_LINE_SIZE) _Atomic unsigned in;
	struct fly_memif_guarded
		*next; /* list of all guarded ports; under the gate of memif_guard.c */
	/* ---- constant while guarded ---- */
	const void *owner; /* who has the pollers of this port */
	bool server;
	/* ---- the poller's: "Waking", in memif_guard.c ---- */
	uint32_t looked; /* value of `changes` when the rest was found; 0: it was not */
	bool is_alone;   /* all guarded ports have this owner and this role */
	bool asks;       /* of them, this one asks for all */
	uint32_t n_rings;
	_Atomic uint16_t *rings[FLY_MEMIF_RINGS]; /* flags of the rings that we receive from */
};

/*
 * fly_memif_guard_start() - take over the interrupt thread, until the process ends. To be called
 * after EAL is up, before the first guarded port exists; any thread. Later calls do nothing.
 * Return: 0, or a negative status with a message.
 */
int fly_memif_guard_start(void);

/*
 * fly_memif_guard_add() - replace the burst functions of link_eth.c by guarded ones. No poller has
 * the port yet. `owner` and `server` are set.
 * fly_memif_guard_remove() - the reverse; nothing happens if the port was not guarded. No poller
 * has the port any more.
 */
void fly_memif_guard_add(struct fly_memif_guarded *guarded);
void fly_memif_guard_remove(struct fly_memif_guarded *guarded);

/*
 * fly_memif_guard_hold(), fly_memif_guard_drop() - to be called around a control thread's work on
 * a device that no poller has. No interrupt is handled in between: be short, and do not wait for
 * anything that an interrupt brings. Never from an EAL callback, whose thread may hold the gate
 * already.
 */
void fly_memif_guard_hold(void);
void fly_memif_guard_drop(void);

#endif
