/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lease.h - turning a poller while its own thread does not: the lease (lease.c).
 *
 * A poller with a thread of its own, which yields or sleeps, is nobody's meanwhile. A thread that
 * waits for a result, and finds it so, turns it. As soon as the runtime exports something, its
 * pollers are lent no more: procedures run on the threads that were started for them.
 */
#ifndef FLY_LEASE_H
#define FLY_LEASE_H

#include <poll.h>

#include "threads/elected.h"

struct fly_lease {
	struct fly_election *election; /* constant: who turns the poller now */
	bool sleeps;            /* constant: the poller's thread sleeps, and does not yield */
	_Atomic bool is_over;   /* the poller serves */
	_Atomic bool is_wanted; /* the poller's thread waits for its turn */
	/* ---- of the thread that has the turn ---- */
	const struct pollfd *bells; /* what wakes the poller's thread, besides its eventfd */
	unsigned n_bells;
	bool is_asleep; /* it waits for these */
};

/*
 * fly_lease_new() - of a poller that the calling thread turns. Return: NULL: no memory.
 * fly_lease_free() - no other thread waits for the poller any more.
 */
struct fly_lease *fly_lease_new(struct fly_poller *p, enum fly_wait wait);
void fly_lease_free(struct fly_lease *l);

/* ---- the poller's thread ---- */

/*
 * fly_lease_begin() - the thread has taken its poller, and is going to lend it. DPDK knows it.
 *
 * fly_lease_yield() - lend the poller while others of this core run.
 *
 * fly_lease_sleep() - lend the poller while the thread sleeps: ppoll(). Everything is prepared for
 * sleeping, and may not be any more afterwards. @fds: the poller's eventfd, then bells.
 */
void fly_lease_begin(struct fly_lease *l);
void fly_lease_yield(struct fly_lease *l);
int fly_lease_sleep(struct fly_lease *l, struct pollfd *fds, unsigned n,
		    const struct timespec *most);

/*
 * fly_lease_forbid() - the poller is going to serve: it is lent no more. With the turn.
 * fly_lease_is_open() - it does not serve.
 */
void fly_lease_forbid(struct fly_lease *l);
bool fly_lease_is_open(const struct fly_lease *l);

/* ---- threads that wait ---- */

/*
 * fly_lease_take() - take the poller, if its own thread sleeps, or lets other threads of this core
 * run. Return: true: it is the calling thread's until fly_lease_give().
 */
bool fly_lease_take(struct fly_lease *l);
void fly_lease_give(struct fly_lease *l);

/*
 * fly_lease_turn_for() - turn the poller that was taken until the slot has its result, or others
 * have to run; give it.
 */
void fly_lease_turn_for(struct fly_lease *l, struct fly_slot *s, enum fly_wait wait);

#endif
