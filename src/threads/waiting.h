/* SPDX-License-Identifier: BSD-3-Clause */
/* waiting.h - waiting by spinning, yielding or sleeping (waiting.c). */
#ifndef FLY_WAITING_H
#define FLY_WAITING_H

#include <firefly/runtime.h>

#include "fastpath/slot.h"

struct fly_lease;
struct fly_poller;
struct pollfd;

/* How long a thread has waited. Zero at first, and when something came. */
struct fly_waiting {
	uint32_t empty;          /* polls in a row that found nothing */
	struct fly_lease *lease; /* other threads turn the poller meanwhile: lease.h; NULL: none */
};

/*
 * fly_wait_for_slot() - a slot was polled in vain: spin, yield, or sleep until it is handed over.
 * @word: the state word as it was seen. @shared: the other side is another process.
 * Return: after at most FLY_WAIT_MS; poll the slot again.
 */
void fly_wait_for_slot(struct fly_waiting *waiting, struct fly_slot *s, uint32_t word,
		       enum fly_wait wait, bool shared);

#define FLY_WAIT_MS 10

/* fly_wait_asleep_for_slot() - the same: sleep at once. */
void fly_wait_asleep_for_slot(struct fly_slot *s, uint32_t word, bool shared);

/* fly_wait_shares_core() - does this thread run where the poller yielded last? */
bool fly_wait_shares_core(const struct fly_poller *p);

/* fly_wait_wake_slot() - wake the thread that sleeps in fly_wait_for_slot(). */
void fly_wait_wake_slot(struct fly_slot *s, bool shared);

/*
 * fly_wait_after_turn() - yield or sleep as @wait says, after a turn that found nothing to do. For
 * the outermost loop. @received: what the turn returned.
 */
void fly_wait_after_turn(struct fly_waiting *waiting, struct fly_poller *p, enum fly_wait wait,
			 unsigned received);

/*
 * fly_wait_end_sleep() - the thread of the poller sleeps: let nothing wake it any more.
 *
 * fly_wait_prepare_sleep() - ask for being woken again. @bells: by these, by ringing threads and
 * requests is the thread woken. Return: false: that is not enough, it has to wake.
 */
void fly_wait_end_sleep(struct fly_poller *p);
bool fly_wait_prepare_sleep(struct fly_poller *p, const struct pollfd *bells, unsigned n);

/*
 * fly_wait_unwoken() - sleep after such a turn, for something that does not wake a poller: for a
 * limited time, even if all links wake it.
 */
void fly_wait_unwoken(struct fly_waiting *waiting, struct fly_poller *p);

#endif
