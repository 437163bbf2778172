/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * poller_group.h - the pollers of one runtime, and what they share.
 *
 * All that host/ and local/ know of a runtime. runtime/start.c makes it; constant afterwards, but
 * for `owned`, which has a lock.
 */
#ifndef FLY_POLLER_GROUP_H
#define FLY_POLLER_GROUP_H

#include "base/notice.h"
#include "base/owned.h"
#include "fastpath/poller.h"

#define FLY_POLLERS 16 /* of one runtime, at most */

struct fly_poller_group {
	struct fly_poller *pollers[FLY_POLLERS];
	unsigned n;
	struct rte_mempool *pool;    /* of all pollers; NULL: local links only */
	unsigned packets;            /* in pool; 0: local links only, and DPDK is not needed */
	unsigned n_keeping;          /* ports whose drivers keep packets; those of servers copy */
	int node;                    /* NUMA node of the pool and the tables */
	enum fly_wait wait;          /* of the pollers, and of bindings that do not choose */
	bool is_shared;              /* fly_options.shared: threads that wait turn the poller */
	struct fly_owned_list owned; /* bindings that belong to threads */
	struct fly_notice notice;
};

/*
 * fly_poller_group_here() - the poller that the calling thread was started to turn; NULL: the
 * thread is not a poller thread of a runtime.
 *
 * fly_poller_group_enter() - the calling thread turns @p from now on; NULL: none.
 */
struct fly_poller *fly_poller_group_here(void);
void fly_poller_group_enter(struct fly_poller *p);

/* fly_poller_group_has_thread() - is the calling thread a poller or worker of the runtime? */
bool fly_poller_group_has_thread(const struct fly_poller_group *group);

/*
 * fly_poller_group_turned() - the poller of the group that the calling thread turns; NULL: none.
 * fly_poller_group_own() - that it turns always: not for the time that it has the turn.
 */
struct fly_poller *fly_poller_group_turned(const struct fly_poller_group *group);
struct fly_poller *fly_poller_group_own(const struct fly_poller_group *group);

#endif
