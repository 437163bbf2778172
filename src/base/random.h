/* SPDX-License-Identifier: BSD-3-Clause */
/* random.h - unguessable random numbers, from the kernel (random.c). Any thread. */
#ifndef FLY_RANDOM_H
#define FLY_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* fly_random_fill() - @bytes: at most 256: the kernel fills so many at once. */
void fly_random_fill(void *to, size_t bytes);

uint32_t fly_random32(void);

/* fly_random_activity() - the binding's part of an activity: the upper 48 bits, not 0. */
uint64_t fly_random_activity(void);

#endif
