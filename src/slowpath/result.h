/* SPDX-License-Identifier: BSD-3-Clause */
/* result.h - results of our calls (result.c). */
#ifndef FLY_RESULT_H
#define FLY_RESULT_H

#include "fastpath/poller.h"

/*
 * fly_result_mismatch() - does a packet answer the outstanding call of @e, and come from the
 * address that the call went to?
 * Return: 0, or the negated counter of the drop.
 */
int fly_result_mismatch(const struct fly_call_entry *e, const struct rte_mbuf *m,
			const struct fly_header *h);

/* fly_result_status() - the status in the header of a result or exception: 0 or negative. */
int fly_result_status(const struct fly_header *h);

#endif
