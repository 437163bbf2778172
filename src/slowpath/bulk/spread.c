/* SPDX-License-Identifier: BSD-3-Clause */
/* spread.c - see spread.h. Pure. */
#include "slowpath/bulk/spread.h"

#include <string.h>

bool fly_spread_lend(struct fly_spread *s, const struct fly_loan *lent, uint32_t n)
{
	uint64_t end = 0;

	s->n = 0;
	for (uint32_t i = 0; i < n; i++) {
		if (lent[i].at < end)
			return false;
		end = (uint64_t)lent[i].at + lent[i].length;
	}
	if (n != 0)
		memcpy(s->lent, lent, n * sizeof lent[0]);
	s->n = n;
	return n != 0;
}

uint32_t fly_spread_room(const struct fly_spread *s, uint32_t bytes)
{
	for (uint32_t i = s->n; i-- > 0;) {
		const struct fly_loan *l = &s->lent[i];

		if ((uint64_t)l->at + l->length < bytes)
			break;
		bytes = bytes < l->at ? bytes : l->at;
	}
	return bytes ? bytes : 1;
}

uint8_t *fly_spread_piece(const struct fly_spread *s, uint32_t at, uint32_t *n)
{
	for (uint32_t i = 0; i < s->n; i++) {
		const struct fly_loan *l = &s->lent[i];

		if (at < l->at) {
			*n = *n < l->at - at ? *n : l->at - at;
			break;
		}
		if (at - l->at < l->length) {
			const uint32_t left = l->length - (at - l->at);

			*n = *n < left ? *n : left;
			return l->bytes + (at - l->at);
		}
	}
	return s->bytes + at;
}

void fly_spread_read(const struct fly_spread *s, uint32_t at, uint32_t n, uint8_t *to)
{
	while (n != 0) {
		uint32_t some = n;
		const uint8_t *from = fly_spread_piece(s, at, &some);

		fly_copy(to, from, some);
		at += some;
		to += some;
		n -= some;
	}
}

void fly_spread_write(const struct fly_spread *s, uint32_t at, uint32_t n, const uint8_t *from)
{
	while (n != 0) {
		uint32_t some = n;
		uint8_t *to = fly_spread_piece(s, at, &some);

		fly_copy(to, from, some);
		at += some;
		from += some;
		n -= some;
	}
}
