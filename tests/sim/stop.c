/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stop.c - the orderly end of a server, on virtual time: fly_drain(), fly_stop(). See world.h.
 *
 * Calls that run or wait for workers end first, then callers are asked whether they have their
 * results (src/runtime/drain.c), and then the process ends. The caller of a call that has run may
 * not be told that the server restarted.
 */
#include "world.h"

#include "local/work.h"

#define FLUSH_TURNS 2 /* the last results may be queued */

void stop_begin(struct node *node, bool is_drained)
{
	struct fly_poller *p = world_poller(node);

	trace_line(node->world, "%s begins to end%s", node->name,
		   is_drained ? ", and lets all calls run" : "");
	world_wake(node);
	node->is_stopping = true;
	node->lingers = false;
	for (unsigned i = 0; i < node->n_desks; i++)
		workload_unbind(&node->desks[i], false);
	fly_drain_withdraw(p, FLY_EXPORT_BINDER + 1);
	if (!is_drained && node->pool)
		fly_worker_pool_close(p, node->pool);
	workers_look(node);
	world_want(node, node->world->now + 1);
}

bool stop_step(struct node *node)
{
	struct fly_poller *p = world_poller(node);
	const uint64_t now = node->world->now;
	const uint64_t now_tsc = now + node->clock_offset;

	if (p->n_on_workers || p->n_parked || fly_local_works(p))
		return false;
	if (node->flushed++ < FLUSH_TURNS) {
		world_want(node, now + US);
		return false;
	}
	if (!node->lingers) {
		node->lingers = true;
		node->linger = fly_linger_begin(p, now_tsc);
	}
	if (!fly_linger_step(p, &node->linger, now_tsc))
		return true;
	world_want(node, now + RTE_MIN(node->linger.probe_tsc, node->linger.end_tsc) - now_tsc);
	return false;
}
