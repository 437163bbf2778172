/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sweep.c - periodic work, and what happens when a link is lost.
 *
 * Called by the poller's turn through slow.h when sweep_at_tsc has come. Does a bounded piece of
 * work, and sets sweep_at_tsc to when there is more.
 */
#include "slowpath/sweep.h"

#include "fastpath/binding.h"
#include "fastpath/link_shared.h"
#include "fastpath/poller.h"
#include "fastpath/slow.h"
#include "slowpath/behaviour.h"
#include "slowpath/find.h"
#include "slowpath/neighbour.h"
#include "slowpath/park.h"
#include "slowpath/path_mtu.h"
#include "slowpath/payload.h"
#include "slowpath/peers.h"
#include "slowpath/bulk/bulk.h"
#include "slowpath/records.h"
#include "slowpath/resend.h"
#include "slowpath/refused_filter.h"
#include "slowpath/work.h"

#define REJECTS_PER_MS 64  /* refusals, challenges and ARP answers in a millisecond */
#define RESENDS_PER_MS 512 /* results that are sent again in a millisecond */
#define STUCK_MS       100 /* a driver that takes no packet for so long has lost its peer */

static void sweep_links(struct fly_poller *p)
{
	for (uint32_t i = 0; i < p->n_links; i++) {
		struct fly_link *link = p->links[i];

		if (link->n_queued == 0)
			link->stuck_since_tsc = 0;
		else if (link->stuck_since_tsc == 0)
			link->stuck_since_tsc = p->now_tsc;
		else if (p->now_tsc - link->stuck_since_tsc > STUCK_MS * p->tsc_per_ms)
			fly_link_drop_queued(link, FLY_COUNT_drop_tx_full);
	}
}

/* Once a millisecond. p->now_ms is no more precise than that. */
static void sweep_each_ms(struct fly_poller *p)
{
	p->now_ms = (uint32_t)((p->now_tsc - p->began_tsc) / p->tsc_per_ms);
	p->sweep_ms_at_tsc = p->now_tsc + p->tsc_per_ms;
	p->reject_budget = REJECTS_PER_MS;
	p->again_budget = RESENDS_PER_MS;
	if (p->cache.pool) {
		sweep_links(p);
		fly_find_sweep(p);
		fly_conversations_sweep(p);
		fly_refused_sweep(p->refused, p->now_ms);
		if (fly_refused_sweep(p->gone, p->now_ms))
			fly_peers_generation(p->peers);
		fly_bulk_sweep(p);
	}
	fly_slow_local_sweep(p);
	if (p->n_sources)
		fly_stats_add(&p->stats, FLY_COUNT_slots_missed,
			      fly_handoff_sweep(&p->handoffs, p->now_ms));
}

void fly_slow_sweep(struct fly_poller *p)
{
	bool is_more;

	if (p->now_tsc >= p->sweep_ms_at_tsc)
		sweep_each_ms(p);
	if (p->now_tsc >= p->bulk.due_tsc)
		fly_bulk_due(p);
	if (p->now_tsc >= p->path_mtu_due_tsc)
		fly_path_mtu_due(p);
	fly_resend_pass(p);
	fly_park_resume(p);
	is_more = fly_slow_local_move(p, !p->is_parking);
	p->sweep_at_tsc = RTE_MIN(RTE_MIN(p->sweep_ms_at_tsc, p->pass.due_tsc), p->bulk.due_tsc);
	p->sweep_at_tsc = RTE_MIN(p->sweep_at_tsc, p->path_mtu_due_tsc);
	/* Parked calls: this is within a turn, which resumes them at its end. */
	if (is_more || p->n_parked)
		p->sweep_at_tsc = 0;
}

void fly_link_lost(struct fly_poller *p, struct fly_link *link)
{
	struct fly_import *import;

	link->up = false;
	LIST_FOREACH(import, &p->imports, next)
	{
		if (import->link == link)
			fly_behaviour_lost(import);
	}
	fly_payload_forget(p, link);
	fly_path_mtu_forget(p, link);
	fly_neighbours_forget(p, link);
	fly_find_forget(p, link);
	fly_link_drop_queued(link, FLY_COUNT_drop_link_down);
	if (link->shared)
		fly_shared_lost(link);
	fly_park_drop(p, link);
	for (uint32_t i = 0; i < p->calls.n; i++) {
		struct fly_call_entry *e = &p->calls.entries[i];

		if (fly_call_is_out(e) && fly_import_of(e->head.binding)->link == link)
			fly_caller_fail(p, e, -FLY_EPEER);
	}
	fly_work_link_lost(p, link);
	fly_conversations_forget_link(p, link);
	fly_bulk_link_lost(p, link);
	fly_stats_add(&p->stats, FLY_COUNT_links_lost, 1);
}
