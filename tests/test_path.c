/* SPDX-License-Identifier: BSD-3-Clause */
/* test_path.c - which messages share a path, and how long a path is kept. */
#include <criterion/criterion.h>

#include "case.h"
#include "pair.h"
#include "slowpath/bulk/bulk.h"

static struct pair w;
static struct fly_poller *p;
static struct fly_link *link;

static void begin(void)
{
	pair_begin(&w, NULL, NULL);
	p = sim_poller(w.caller);
	link = &w.at_caller->link;
	link->checksum = FLY_CHECKSUM_SOFTWARE;
}

static void end(void)
{
	cr_expect(sim_end(w.sim) == 0);
}

TestSuite(path, .timeout = HANG);

static unsigned n_paths(void)
{
	const struct fly_path *path;
	unsigned n = 0;

	TAILQ_FOREACH(path, &p->bulk.paths, all)
	n++;
	return n;
}

Case(path, fly_path_get__a_peer_has_one)
{
	struct fly_path *one = fly_path_get(p, link, 1, 1);
	struct fly_path *other = fly_path_get(p, link, 1, 2);

	cr_assert(one && other && one != other);
	cr_expect(fly_path_get(p, link, 1, 1) == one && one->n == 2);
	cr_expect(n_paths() == 2 && p->bulk.n_idle_paths == 0);
	fly_path_put(p, one);
	cr_expect(p->bulk.n_idle_paths == 0, "another message uses it");
	fly_path_put(p, one);
	fly_path_put(p, other);
	cr_expect(p->bulk.n_idle_paths == 2 && n_paths() == 2, "kept for what it has learned");
	cr_expect(fly_path_get(p, link, 1, 1) == one && p->bulk.n_idle_paths == 1);
	fly_path_put(p, one);
}

Case(path, fly_path_get__where_memory_is_shared_all_of_the_link_is_one)
{
	struct fly_path *one;

	link->checksum = FLY_CHECKSUM_NONE;
	one = fly_path_get(p, link, 1, 1);
	cr_expect(one->ip == 0 && one->port == 0);
	cr_expect(fly_path_get(p, link, 2, 2) == one);
	cr_expect(fly_path_room(p, one) <= FLY_RING);
	one->n_flight = FLY_RING;
	cr_expect(fly_path_room(p, one) == 0, "and its far end has one ring");
	one->n_flight = 0;
	fly_path_put(p, one);
	fly_path_put(p, one);
}

Case(path, fly_path_put__the_last_few_are_kept)
{
	for (uint16_t i = 1; i <= FLY_IDLE_PATHS + 8; i++) {
		fly_path_put(p, fly_path_get(p, link, 1, i));
		cr_expect(p->bulk.n_idle_paths == RTE_MIN((unsigned)i, (unsigned)FLY_IDLE_PATHS));
	}
	cr_expect(n_paths() == FLY_IDLE_PATHS);
	cr_expect(TAILQ_FIRST(&p->bulk.paths)->port == FLY_IDLE_PATHS + 8);
	cr_expect(TAILQ_LAST(&p->bulk.paths, fly_paths)->port == 9, "the oldest go first");
}

Case(path, fly_paths_forget_link__those_in_use_stay)
{
	struct fly_path *used = fly_path_get(p, link, 1, 1);

	fly_path_put(p, fly_path_get(p, link, 1, 2));
	fly_paths_forget_link(p, link);
	cr_expect(n_paths() == 1 && TAILQ_FIRST(&p->bulk.paths) == used);
	fly_path_put(p, used);
	fly_paths_forget_link(p, link);
	cr_expect(n_paths() == 0 && p->bulk.n_idle_paths == 0);
}

Case(path, fly_paths_forget_link__all_that_nobody_uses)
{
	for (uint16_t port = 1; port <= 5; port++)
		fly_path_put(p, fly_path_get(p, link, 1, port));
	cr_assert(n_paths() > 2);
	fly_paths_forget_link(p, link);
	cr_expect(n_paths() == 0 && p->bulk.n_idle_paths == 0, "%u are left", n_paths());
}

Case(path, fly_path_room__no_more_than_the_ring_of_the_far_end_takes)
{
	struct fly_path *memory;
	struct fly_path *wire = fly_path_get(p, link, 1, 1);

	link->checksum = FLY_CHECKSUM_NONE;
	memory = fly_path_get(p, link, 1, 1);
	memory->congestion.window = wire->congestion.window = 100 * FLY_RING * FLY_WINDOW_ONE;
	memory->congestion.is_draining = wire->congestion.is_draining = false;
	cr_expect(fly_path_room(p, memory) == FLY_RING);
	cr_expect(fly_path_room(p, wire) == 100 * FLY_RING);
	memory->n_flight = wire->n_flight = FLY_RING - 3;
	cr_expect(fly_path_room(p, memory) == 3 && fly_path_room(p, wire) == 99 * FLY_RING + 3);
	memory->n_flight = FLY_RING + 1;
	cr_expect(fly_path_room(p, memory) == 0);
	memory->n_flight = wire->n_flight = 0;
	fly_path_put(p, memory);
	fly_path_put(p, wire);
}
