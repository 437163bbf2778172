/* SPDX-License-Identifier: BSD-3-Clause */
/* probe.h - what callers and servers tell and ask each other about calls and results (probe.c). */
#ifndef FLY_PROBE_H
#define FLY_PROBE_H

#include "fastpath/poller.h"

/* fly_ack_running() - the server says that all of a call of ours is there, and that it runs. */
void fly_ack_running(struct fly_poller *p, struct fly_call_entry *e, const struct fly_header *h);

/* fly_ack_result() - tell the server that the result of a call, of one packet, has come. */
void fly_ack_result(struct fly_poller *p, struct fly_call_entry *e);

/* fly_ack_result_given() - a caller says so. Return: was a result let go? */
bool fly_ack_result_given(struct fly_poller *p, struct fly_conversation *c,
			  const struct fly_header *h);

/* fly_probe_result() - ask a caller whether it has its result, which the record retains by a
 * packet.
 */
void fly_probe_result(struct fly_poller *p, const struct fly_conversation *c);

#endif
