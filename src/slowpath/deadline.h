/* SPDX-License-Identifier: BSD-3-Clause */
/* deadline.h - calls that are not to take longer than a time, and calls that are cancelled. */
#ifndef FLY_DEADLINE_H
#define FLY_DEADLINE_H

#include "fastpath/binding.h"

/*
 * fly_deadline_strip() - take the deadline from behind the arguments of a call.
 * @h: its length becomes that of the arguments, as do the lengths in the packet. Sets the poller's
 * serving_deadline_tsc.
 * Return: false: it has passed.
 */
bool fly_deadline_strip(struct fly_poller *p, struct rte_mbuf *m, struct fly_header *h);

/* fly_deadline_read() - the same for arguments that lie elsewhere. @bytes: theirs, is shortened. */
bool fly_deadline_read(struct fly_poller *p, const uint8_t *arguments, uint32_t *bytes,
		       uint16_t age_ms);

/* fly_deadline_of() - when this call ends though it is not answered; FLY_NEVER. */
static inline uint64_t fly_deadline_of(const struct fly_call_entry *e)
{
	return e->deadline_tsc != 0 && e->deadline_seq == e->seq ? e->deadline_tsc : FLY_NEVER;
}

/* fly_deadline_end() - a call that is out ends with @status; its server is told. */
void fly_deadline_end(struct fly_poller *p, struct fly_call_entry *e, int status);

/* fly_deadline_set(), fly_deadline_cancel() - fly_set_deadline(), fly_cancel(), on the poller. */
int fly_deadline_set(struct fly_binding *binding, uint32_t us);
int fly_deadline_cancel(struct fly_call *call);

#endif
