/* SPDX-License-Identifier: BSD-3-Clause */
/* memif_rings.h - where the rings of memif's connections are, by memif's protocol. */
#ifndef FLY_MEMIF_RINGS_H
#define FLY_MEMIF_RINGS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define FLY_MEMIF_MASK_INT    1 /* in a ring's flags: its receiver needs no interrupt */
#define FLY_MEMIF_LOG2_LENGTH 8 /* of the rings that our clients make: they stay in the cache */

/*
 * fly_memif_rings_find() - find the flags of the rings that this process receives from. No
 * connection comes or goes meanwhile, or until the flags were used for the last time.
 * @server: it is the server of all its connections; else their client, with one pair of rings each
 * of FLY_MEMIF_LOG2_LENGTH.
 * Return: how many were stored, at most n.
 */
unsigned fly_memif_rings_find(bool server, _Atomic uint16_t **flags, unsigned n);

#endif
