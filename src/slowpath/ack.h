/* SPDX-License-Identifier: BSD-3-Clause */
/* ack.h - acknowledgements of calls and of results (ack.c). */
#ifndef FLY_ACK_H
#define FLY_ACK_H

#include "fastpath/poller.h"

/* fly_ack_running() - the server has received all of our call and is running it. */
void fly_ack_running(struct fly_poller *p, struct fly_call_entry *e, const struct fly_header *h);

/* fly_ack_result() - tell the server that the result of a call, of one packet, has arrived. */
void fly_ack_result(struct fly_poller *p, struct fly_call_entry *e);

/*
 * fly_ack_result_given() - the caller has received the result of one packet. Return: was a result
 * freed?
 */
bool fly_ack_result_given(struct fly_poller *p, struct fly_conversation *c,
			  const struct fly_header *h);

#endif
