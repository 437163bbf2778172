/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * spread.h - where the bytes of a message lie: in a buffer, but for long arrays that the program
 * has lent (struct fly_loans in stub.h). Pure.
 *
 * Called by the other files of bulk/, for each fragment that is sent or received. A place in the
 * buffer is a place in the message: what is lent has none, and behind the last of it the buffer
 * may end.
 */
#ifndef FLY_SPREAD_H
#define FLY_SPREAD_H

#include <stdint.h>

#include <firefly/stub.h>

struct fly_spread {
	uint8_t *bytes;                  /* the buffer */
	uint32_t n;                      /* loans */
	struct fly_loan lent[FLY_LOANS]; /* by `at`; they do not overlap */
};

/*
 * fly_spread_lend() - the first @n of these lie in the program's memory. Out of order, or
 * overlapping: none does.
 * Return: do they?
 */
bool fly_spread_lend(struct fly_spread *s, const struct fly_loan *lent, uint32_t n);

/* fly_spread_room() - the bytes that the buffer of a message of at most @bytes needs; not 0. */
uint32_t fly_spread_room(const struct fly_spread *s, uint32_t bytes);

/*
 * fly_spread_piece() - the bytes at @at of the message that lie together. @n: set to how many they
 * are, if fewer than *n. Return: where.
 */
uint8_t *fly_spread_piece(const struct fly_spread *s, uint32_t at, uint32_t *n);

/* fly_spread_read() - copy @n bytes at @at of the message to @to. */
void fly_spread_read(const struct fly_spread *s, uint32_t at, uint32_t n, uint8_t *to);

/* fly_spread_write() - the inverse. */
void fly_spread_write(const struct fly_spread *s, uint32_t at, uint32_t n, const uint8_t *from);

#endif
