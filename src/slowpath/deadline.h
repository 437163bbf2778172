/* SPDX-License-Identifier: BSD-3-Clause */
/* deadline.h - deadlines and cancellation of calls (deadline.c). */
#ifndef FLY_DEADLINE_H
#define FLY_DEADLINE_H

#include "fastpath/binding.h"

/*
 * fly_deadline_strip() - remove the deadline from behind the arguments of a call.
 * @h: its length becomes that of the arguments, as do the lengths in the packet. Sets
 * p->running.deadline_tsc.
 * Return: false: the deadline has passed.
 */
bool fly_deadline_strip(struct fly_poller *p, struct rte_mbuf *m, struct fly_header *h);

/* fly_deadline_read() - the same for arguments in a buffer. @bytes: their length, is shortened. */
bool fly_deadline_read(struct fly_poller *p, const uint8_t *arguments, uint32_t *bytes,
		       uint16_t age_ms);

/* fly_deadline_of() - the deadline of the entry's call; FLY_NEVER: none. */
static inline uint64_t fly_deadline_of(const struct fly_call_entry *e)
{
	return e->deadline_tsc != 0 && e->deadline_seq == e->seq ? e->deadline_tsc : FLY_NEVER;
}

/* fly_deadline_end() - end an outstanding call with @status, and send a cancel to its server. */
void fly_deadline_end(struct fly_poller *p, struct fly_call_entry *e, int status);

/* fly_deadline_starter() - the Starter of bindings whose calls have a deadline. */
int fly_deadline_starter(struct fly_binding *binding, uint16_t procedure, uint32_t argument_bytes,
			 struct fly_call **call);

/* fly_deadline_cancel() - fly_cancel(), on the poller's thread. */
int fly_deadline_cancel(struct fly_call *call);

#endif
