/* SPDX-License-Identifier: BSD-3-Clause */
/* result.h - results of calls of ours (result.c). */
#ifndef FLY_RESULT_H
#define FLY_RESULT_H

#include "fastpath/poller.h"

/*
 * fly_result_mismatch() - does a packet answer the call that its entry has sent, from where that
 * call went?
 * Return: 0, or the counter that says why not, negated.
 */
int fly_result_mismatch(const struct fly_call_entry *e, const struct rte_mbuf *m,
			const struct fly_header *h);

/* fly_result_status() - what the header of a result or exception says: 0 or a negative status. */
int fly_result_status(const struct fly_header *h);

#endif
