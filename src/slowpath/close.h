/* SPDX-License-Identifier: BSD-3-Clause */
/* close.h - telling a server that an activity has ended (close.c). */
#ifndef FLY_CLOSE_H
#define FLY_CLOSE_H

#include "fastpath/binding.h"

/*
 * fly_close_send() - nothing more is sent of the entry's activity, from now on: tell its server,
 * once. No packet buffer, or a link that is down: as if the packet was lost.
 */
void fly_close_send(struct fly_call_entry *e);

#endif
