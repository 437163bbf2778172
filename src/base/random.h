/* SPDX-License-Identifier: BSD-3-Clause */
/* random.h - numbers that nobody can guess, from the system (random.c). Any thread. */
#ifndef FLY_RANDOM_H
#define FLY_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* fly_random_fill() - @bytes: at most 256, which the system gives at once, always. */
void fly_random_fill(void *to, size_t bytes);

uint32_t fly_random32(void);

/* fly_random_activity() - the half of an activity that is a binding's: the upper 48 bits, not 0. */
uint64_t fly_random_activity(void);

#endif
