/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * workers.c - the worker threads of a server, on virtual time. See world.h.
 *
 * The poller's half is the one that ships, and so is what a worker does with its slot. A worker has
 * no thread of its own: the seed chooses when it looks at its slot, whether it sleeps, and how long
 * its procedure takes. A procedure that takes time runs at the end of that time; until then its
 * slot says RUNNING, as that of any worker that has claimed a call.
 *
 * Owns the workers of all nodes. Besides what the oracle checks: who hands a slot over wakes the
 * other side if it sleeps; no worker gets a call whose deadline has passed.
 */
#include "world.h"

#include "fastpath/slow.h"

#define LOOK_MOST    (20 * US)  /* until a worker that is awake sees its call */
#define LATE_MOST    (20 * MS)  /* until a worker that had no core sees it */
#define TAKES_MOST   (300 * US) /* of procedures that take no time on a poller */
#define TAKES_LONGER (100 * MS)

static struct worker *of_handoff(struct world *w, const struct fly_handoff *handoff)
{
	for (unsigned i = 0; i < w->n_nodes; i++) {
		struct node *node = &w->nodes[i];

		for (unsigned j = 0; j < node->n_workers; j++) {
			if (&node->workers[j].as->handoff == handoff)
				return &node->workers[j];
		}
	}
	return NULL;
}

static unsigned number_of(const struct worker *t)
{
	return (unsigned)(t - t->node->workers);
}

static struct fly_worker_order order_of(const struct worker *t)
{
	struct fly_worker_order order;

	memcpy(&order, t->as->handoff.slot.bytes, sizeof order);
	return order;
}

static void look_at(struct worker *t, uint64_t when)
{
	t->at = when;
	world_event(t->node->world, when, EVENT_WORKER, t);
}

/* When a worker that has been given a call sees it. */
static uint64_t sees_at(struct world *w)
{
	return w->now + (world_chance(w, w->plan.late_ppm) ? world_below(w, LATE_MOST)
							   : world_below(w, LOOK_MOST));
}

/* Linked instead of the library's: the poller wakes the thread behind a slot. */
void __wrap_fly_slow_wake_handoff(struct fly_handoff *handoff);

void __wrap_fly_slow_wake_handoff(struct fly_handoff *handoff)
{
	struct worker *t = of_handoff(world_here(), handoff);

	if (t)
		t->is_woken = true;
}

/* ---- the pool ---- */

void workers_start(struct node *node)
{
	struct world *w = node->world;
	struct fly_poller *p = world_poller(node);
	struct fly_export *export = &p->exports[1];
	struct fly_worker_pool *pool;

	node->n_workers = 0;
	node->pool = NULL;
	if (node->index >= w->plan.n_servers || w->plan.workers == 0)
		return;
	pool = fly_worker_pool_new(p, export, w->plan.workers, w->plan.queue, 0);
	if (!pool || fly_worker_pool_open(p, pool))
		abort();
	/* Some procedures stay on the poller, as if they were `inline`. */
	for (uint32_t i = 0; i < export->n_procedures; i++) {
		if (w->plan.inlines >> i & 1 && i != Trial_Work_NUMBER)
			pool->stubs[i].layout &= (uint8_t)~FLY_LAYOUT_ON_WORKER;
	}
	export->pool = pool;
	export->stubs = pool->stubs;
	node->pool = pool;
	node->n_workers = pool->n;
	for (unsigned i = 0; i < pool->n; i++)
		node->workers[i] =
			(struct worker){.node = node, .as = &pool->workers[i], .at = NEVER};
}

/* The process ends: what runs does not come to an end. */
void workers_crash(struct node *node)
{
	struct fly_poller *p = world_poller(node);

	for (unsigned i = 0; i < node->n_workers; i++) {
		struct worker *t = &node->workers[i];

		if (!t->is_running)
			continue;
		t->is_running = false;
		t->as->handoff.slot.status = 0;
		t->as->handoff.slot.length = 0;
		if (fly_slot_to_poller(&t->as->handoff.slot, FLY_SLOT_RESULT))
			fly_handoff_ring(&p->handoffs, &t->as->handoff);
	}
}

void workers_stop(struct node *node)
{
	struct fly_poller *p = world_poller(node);

	if (!node->pool)
		return;
	if (!node->pool->is_closing)
		fly_worker_pool_close(p, node->pool);
	fly_handoff_turn(p, &p->handoffs); /* what was cut off is dropped */
	for (unsigned i = 0; i < node->n_workers; i++) {
		struct fly_worker *as = node->workers[i].as;

		if (!as->is_quitting)
			fly_worker_run(as);
		if (!as->is_quitting)
			world_fail(node->world, "%s.w%u does not end", node->name, i);
		node->workers[i].at = NEVER;
	}
	if (p->n_on_workers || node->pool->n_waiting || !LIST_EMPTY(&node->pool->packets))
		world_fail(node->world, "%s ends with %u calls on workers, %u of them waiting",
			   node->name, p->n_on_workers, node->pool->n_waiting);
	fly_worker_pool_remove(p, node->pool);
	fly_worker_pool_free(node->pool);
	node->pool = NULL;
	node->n_workers = 0;
}

/* ---- between the poller and a worker ---- */

void workers_look(struct node *node)
{
	struct world *w = node->world;

	for (unsigned i = 0; i < node->n_workers; i++) {
		struct worker *t = &node->workers[i];

		if (t->at != NEVER || t->as->is_quitting ||
		    !fly_slot_is(&t->as->handoff.slot, FLY_SLOT_CALL))
			continue;
		if (t->sleeps && !t->is_woken) {
			world_fail(w, "%s.w%u sleeps, was given a call, and nobody woke it",
				   node->name, i);
			return;
		}
		t->sleeps = false;
		t->is_woken = false;
		t->as->handoff.slot.asleep = FLY_AWAKE;
		if (t->as->handoff.slot.kind == FLY_WORKER_RUN &&
		    order_of(t).deadline_tsc <= world_poller(node)->now_tsc - node->clock_offset)
			world_fail(w, "%s.w%u was given a call whose deadline had passed",
				   node->name, i);
		look_at(t, sees_at(w));
	}
}

bool workers_have_results(const struct node *node)
{
	for (unsigned i = 0; i < node->n_workers; i++) {
		const struct fly_handoff *handoff = &node->workers[i].as->handoff;
		const uint32_t word = fly_slot_word(&handoff->slot);

		if (fly_slot_says(word, FLY_SLOT_RESULT) && word != handoff->acted)
			return true;
	}
	return false;
}

void workers_cancelled(struct node *node, uint64_t activity, uint32_t seq, struct call *call)
{
	const struct fly_packet_work *work;

	if (!node->pool)
		return;
	LIST_FOREACH(work, &node->pool->packets, next)
	{
		const struct fly_worker *as = work->work.worker;

		if (work->c->activity == activity && work->c->seq == seq && !work->is_repeat &&
		    (!as || (fly_slot_is(&as->handoff.slot, FLY_SLOT_CALL) &&
			     !fly_slot_is_claimed(&as->handoff.slot, as->handoff.slot.state))))
			call->is_withdrawn = true;
	}
}

/* ---- a worker ---- */

/* The call in the slot, if it has a number. */
static const struct call *call_of(const struct worker *t)
{
	const struct fly_slot *s = &t->as->handoff.slot;

	if (s->length < 4 || s->procedure == Trial_Null_NUMBER || s->procedure == Trial_Not_NUMBER)
		return NULL;
	return oracle_call(t->node->world, fly_get_u32(order_of(t).arguments));
}

static uint64_t takes(const struct worker *t)
{
	struct world *w = t->node->world;
	const struct call *c = call_of(t);

	if (c && c->us)
		return c->us * US;
	if (!world_chance(w, PPM / 2))
		return 0;
	return world_chance(w, w->plan.late_ppm) ? world_spread(w, US, TAKES_LONGER)
						 : world_spread(w, 100, TAKES_MOST);
}

/* Run what the slot holds, and hand it back. */
static void run(struct worker *t)
{
	struct node *node = t->node;
	struct world *w = node->world;
	const struct fly_handoff *handoff = &t->as->handoff;

	node->is_woken = false;
	if (!fly_worker_run(t->as)) {
		world_fail(w, "%s.w%u does not run its call", node->name, number_of(t));
		return;
	}
	if (t->as->is_quitting) {
		trace_line(w, "%s.w%u ends", node->name, number_of(t));
		return;
	}
	if (!handoff->slot.polled && !handoff->is_rung)
		world_fail(w, "%s.w%u has a result that nobody looks at", node->name, number_of(t));
	if (node->sleeps && !node->is_woken)
		world_fail(w, "%s sleeps, has a result of a worker, and nobody woke it",
			   node->name);
	if (!node->sleeps || node->is_woken)
		world_want(node, w->now);
}

static void maybe_sleep(struct worker *t)
{
	struct fly_slot *s = &t->as->handoff.slot;
	const uint32_t word = fly_slot_word(s);

	if (fly_slot_says(word, FLY_SLOT_CALL) || t->as->is_quitting ||
	    !world_chance(t->node->world, PPM / 4))
		return;
	t->is_woken = false;
	t->sleeps = fly_slot_go_asleep(s, FLY_ASLEEP_FUTEX, word);
}

void workers_turn(struct worker *t)
{
	struct world *w = t->node->world;
	struct fly_slot *s = &t->as->handoff.slot;
	uint64_t ticks;

	t->at = NEVER;
	if (w->now < t->node->paused_until) {
		look_at(t, t->node->paused_until);
		return;
	}
	world_digest(w, number_of(t) | (uint64_t)t->node->index << 8);
	if (t->is_running) {
		t->is_running = false;
		if (!fly_slot_is(s, FLY_SLOT_CALL) || !fly_slot_is_claimed(s, s->state))
			world_fail(w, "the slot of %s.w%u changed while its call ran",
				   t->node->name, number_of(t));
		atomic_store(&s->claimed, t->claimed_before); /* run() claims it once more */
		run(t);
	} else if (!fly_slot_is(s, FLY_SLOT_CALL)) {
		trace_line(w, "%s.w%u: its call was withdrawn", t->node->name, number_of(t));
	} else if (s->kind == FLY_WORKER_QUIT) {
		run(t);
	} else {
		ticks = takes(t);
		if (ticks == 0) {
			run(t);
		} else {
			t->claimed_before = s->claimed;
			fly_slot_claim(s, s->state);
			t->is_running = true;
			trace_line(w, "%s.w%u begins, for %.3f us", t->node->name, number_of(t),
				   (double)ticks / (double)US);
			look_at(t, w->now + ticks);
		}
	}
	maybe_sleep(t);
}
