/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * refused.h - calls that were refused without a record, for want of one (refused.c).
 *
 * "Not executed" is true only if no copy of the call runs later, when there is room again. A copy
 * that could open a record comes before K has passed since the call was sent first; so the call is
 * remembered for K at the least, absences of the poller aside: in a Bloom filter (Bloom, CACM
 * 13(7), 1970), of which the errors are on the safe side: a call that is taken for another that was
 * refused is refused, too.
 */
#ifndef FLY_REFUSED_H
#define FLY_REFUSED_H

#include <stdbool.h>
#include <stdint.h>

#define FLY_REFUSED_BITS (1U << 21) /* of each of two generations */
#define FLY_REFUSED_MAX  (1U << 17) /* calls in a generation: 1 in 400 others is taken for one */

struct fly_refused {
	unsigned now;        /* the present generation; the other is the one before */
	uint32_t n;          /* calls in the present one */
	uint32_t rotated_ms; /* poller time at which it began */
	uint32_t seed;
	uint64_t bits[2][FLY_REFUSED_BITS / 64];
};

/* fly_refused_new() - empty; NULL: no memory. fly_refused_free() ends it, and takes NULL. */
struct fly_refused *fly_refused_new(int socket);
void fly_refused_free(struct fly_refused *r);

/* fly_refused_add() - Return: false: it cannot be remembered, and so must not be refused. */
bool fly_refused_add(struct fly_refused *r, uint64_t activity, uint32_t seq);

/* fly_refused_has() - may this call have been refused in the last K? */
bool fly_refused_has(const struct fly_refused *r, uint64_t activity, uint32_t seq);

/* fly_refused_sweep() - forget what is older than K, when it is time to. */
void fly_refused_sweep(struct fly_refused *r, uint32_t now_ms);

#endif
