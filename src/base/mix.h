/* SPDX-License-Identifier: BSD-3-Clause */
/* mix.h - a number for a small hash table. */
#ifndef FLY_MIX_H
#define FLY_MIX_H

#include <stdint.h>

/*
 * fly_mix() - 16 bits of which each depends on many of the key (Knuth, 6.4: multiplicative). Who
 * chooses keys can make them meet: for tables in which that harms nobody.
 */
static inline uint32_t fly_mix(uint32_t key)
{
	return (key * 2654435761U) >> 16;
}

#endif
