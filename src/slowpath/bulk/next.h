/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * next.h - the short way of a fragment that is plainly the next one of a message that is being
 * received.
 *
 * The fragments of a message have the same headers, but for a few fields. When one has gone the
 * long way, through all checks, the poller remembers its headers; one that is equal to it needs
 * them no more.
 */
#ifndef FLY_NEXT_H
#define FLY_NEXT_H

#include "slowpath/bulk/bulk.h"

/* fly_next_expect() - a fragment was received, and more are to come. @frame: the packet. */
void fly_next_expect(struct fly_poller *p, struct fly_bulk *b, const uint8_t *frame);

/* fly_next_forget() - no fragment of the message takes the short way any more. */
void fly_next_forget(struct fly_poller *p, const struct fly_bulk *b);

#endif
