/* SPDX-License-Identifier: BSD-3-Clause */
/* resend.h - resending, probing and failing our calls (resend.c). */
#ifndef FLY_RESEND_H
#define FLY_RESEND_H

#include "fastpath/poller.h"

/* fly_resend_pass() - continue the pass over the call table, if it is due. */
void fly_resend_pass(struct fly_poller *p);

/*
 * fly_resend_age_ms() - the age field of a call's packets: the time since its first transmission,
 * or more.
 */
uint16_t fly_resend_age_ms(const struct fly_poller *p, const struct fly_call_entry *e);

/*
 * fly_resend_packet() - send a packet about one of our calls. @type CALL: a copy of it with its
 * small arguments; else a header alone.
 * @flags: besides RESENT. Return: false: there is no packet buffer.
 */
bool fly_resend_packet(struct fly_poller *p, struct fly_call_entry *e, enum fly_packet_type type,
		       uint8_t flags);

#endif
