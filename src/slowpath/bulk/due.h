/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * due.h - when messages of several packets are due: a wheel of FLY_DUE_SLOTS short times.
 *
 * A message is put off with each fragment, and mostly is never due. So it stays in its slot when it
 * is put off, and moves on when the time of the slot comes: putting off costs a store, and what is
 * due is found without looking at all messages. Owned by the poller.
 */
#ifndef FLY_DUE_H
#define FLY_DUE_H

#include "slowpath/bulk/bulk.h"

void fly_due_init(struct fly_poller *p);

/* fly_due_set() - the message is due at a time, or FLY_NEVER. */
void fly_due_set(struct fly_poller *p, struct fly_bulk *b, uint64_t at_tsc);

/* fly_due_forget() - the message is about to be freed. */
void fly_due_forget(struct fly_poller *p, struct fly_bulk *b);

/* fly_due_take() - a message whose time has come; it is due no more. Return: NULL: none is. */
struct fly_bulk *fly_due_take(struct fly_poller *p);

/* fly_due_next() - when to call fly_due_take() again, at the latest. FLY_NEVER. */
uint64_t fly_due_next(const struct fly_poller *p);

#endif
