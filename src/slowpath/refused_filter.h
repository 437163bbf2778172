/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * refused_filter.h - what must not run, remembered without a record (refused_filter.c): calls that
 * were refused when no record was free; and, in another filter, activities whose records were given
 * back early (records.c).
 *
 * "Not executed" is true only if no copy of the call runs later, when a record is free again. A
 * copy that could open a record comes before K has passed since the call was first sent. So each
 * refused call is remembered for at least K, absences of the poller aside, in a Bloom filter
 * (Bloom, CACM 13(7), 1970). The errors of the filter are safe: a call that is mistaken for a
 * refused one is refused, too.
 */
#ifndef FLY_REFUSED_FILTER_H
#define FLY_REFUSED_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#define FLY_REFUSED_BITS (1U << 22) /* of each of two generations */
#define FLY_REFUSED_MAX  (1U << 18) /* calls in a generation; false hits: 1 in 400 */

struct fly_refused {
	unsigned now;        /* the present generation; the other one is older */
	uint32_t n;          /* calls in the present generation */
	uint32_t rotated_ms; /* poller time at which the present generation began */
	uint32_t seed;
	uint64_t bits[2][FLY_REFUSED_BITS / 64];
};

/* fly_refused_new() - an empty filter; NULL: no memory. fly_refused_free() takes NULL. */
struct fly_refused *fly_refused_new(int socket);
void fly_refused_free(struct fly_refused *r);

/*
 * fly_refused_add() - remember a call. Return: false: the filter is full; do not refuse the call.
 */
bool fly_refused_add(struct fly_refused *r, uint64_t activity, uint32_t seq);

/* fly_refused_has() - may this call have been refused within the last K? */
bool fly_refused_has(const struct fly_refused *r, uint64_t activity, uint32_t seq);

/*
 * fly_refused_sweep() - drop the older generation when all of it is older than K.
 * Return: did that happen? Then a new generation has begun.
 */
bool fly_refused_sweep(struct fly_refused *r, uint32_t now_ms);

#endif
