/* SPDX-License-Identifier: BSD-3-Clause */
/* resend.h - calls of ours that wait for an answer too long (resend.c). */
#ifndef FLY_RESEND_H
#define FLY_RESEND_H

#include "fastpath/poller.h"

/* fly_resend_pass() - go on with the pass over the call table, if one is due. */
void fly_resend_pass(struct fly_poller *p);

/*
 * fly_resend_age_ms() - how long ago a call was sent first, at the most; in what its packets say
 * about it.
 */
uint16_t fly_resend_age_ms(const struct fly_poller *p, const struct fly_call_entry *e);

/*
 * fly_resend_packet() - send a packet about a call of ours: with @type CALL a copy of it, with its
 * arguments, which are small; else the header alone.
 * @flags: besides RESENT. Return: false: there is no packet buffer.
 */
bool fly_resend_packet(struct fly_poller *p, struct fly_call_entry *e, enum fly_packet_type type,
		       uint8_t flags);

#endif
