/* SPDX-License-Identifier: BSD-3-Clause */
/* mix.c - choices that the seed makes for a run. See world.h. */
#include "world.h"

const struct mix mixes[MIXES] = {
	{"clean", 0, 0},
	{"loss", FAULT_LOSS, 0},
	{"burst", FAULT_BURST, 0},
	{"duplicate", FAULT_DUPLICATE, 0},
	{"reorder", FAULT_REORDER, 0},
	{"corrupt", FAULT_CORRUPT, 0},
	{"partition", FAULT_PARTITION, 0},
	{"pause", FAULT_PAUSE, 0},
	{"crash", FAULT_CRASH, 0},
	{"limits", FAULT_LIMITS, 0},
	{"long", FAULT_LONG, 0},
	{"idle", FAULT_IDLE, 0},
	{"cancel", FAULT_CANCEL, 0},
	{"unbind", FAULT_UNBIND, 0},
	{"narrow", FAULT_NARROW, 0},
	{"narrowed", FAULT_NARROW | FAULT_LOSS | FAULT_DUPLICATE | FAULT_REORDER, MEDIUM_WORKERS},
	{"some", FAULT_CHOICE, 0},
	{"all", FAULT_ALL, 0},
	{"workers", FAULT_LONG, MEDIUM_WORKERS},
	{"withdrawn", FAULT_LONG | FAULT_CANCEL, MEDIUM_WORKERS},
	{"stopped", FAULT_LONG | FAULT_STOP, MEDIUM_WORKERS},
	{"threads", FAULT_CHOICE, MEDIUM_WORKERS},
	{"local", FAULT_LONG | FAULT_CANCEL, MEDIUM_LOCAL},
	{"lost", FAULT_LONG | FAULT_CRASH | FAULT_PAUSE | FAULT_STOP,
	 MEDIUM_LOCAL | MEDIUM_WORKERS},
	{"attached", FAULT_LONG | FAULT_CANCEL, MEDIUM_ATTACHED},
	{"everything", FAULT_CHOICE, MEDIUM_ATTACHED | MEDIUM_LOCAL | MEDIUM_WORKERS},
	{"machine", FAULT_CHOICE, MEDIUM_LOCAL | MEDIUM_WORKERS},
};

const struct mix *mix_find(const char *name)
{
	for (unsigned i = 0; i < MIXES; i++) {
		if (strcmp(mixes[i].name, name) == 0)
			return &mixes[i];
	}
	return NULL;
}

static unsigned one_of(struct world *w, const unsigned *values, unsigned n)
{
	return values[world_below(w, n)];
}

#define ONE_OF(w, ...)                             \
	one_of(w, (const unsigned[]){__VA_ARGS__}, \
	       sizeof((const unsigned[]){__VA_ARGS__}) / sizeof(unsigned))

void mix_plan(struct world *w)
{
	struct plan *p = &w->plan;

	*p = (struct plan){.faults = w->mix->faults};
	/* "all": each fault in most runs only, or few calls would get anywhere. */
	if (p->faults == FAULT_CHOICE)
		p->faults = (unsigned)world_below(w, FAULT_ALL + 1);
	else if (p->faults == FAULT_ALL)
		p->faults =
			(unsigned)(world_below(w, FAULT_ALL + 1) | world_below(w, FAULT_ALL + 1));
	if (w->mix->faults == FAULT_CHOICE && w->mix->media && world_chance(w, PPM / 3))
		p->faults |= FAULT_STOP;
	if ((w->mix->faults == FAULT_CHOICE || w->mix->faults == FAULT_ALL) &&
	    world_chance(w, PPM / 4))
		p->faults |= FAULT_NARROW;
	/* A refused call must stay refused, also as a copy. */
	if (p->faults == FAULT_LIMITS && world_chance(w, PPM / 3))
		p->faults |= FAULT_DUPLICATE;
	/* A closed activity must stay closed, also for copies of its calls. */
	if (p->faults == FAULT_UNBIND && world_chance(w, PPM * 2 / 3))
		p->faults |=
			FAULT_DUPLICATE | (world_chance(w, PPM / 2) ? FAULT_LOSS : FAULT_REORDER);
	p->n_servers = ONE_OF(w, 1, 1, 1, 2, 2, 3);
	p->n_nodes = p->n_servers + 1 + (unsigned)world_below(w, RTE_MIN(4U, NODES - p->n_servers));
	if (p->n_nodes > NODES)
		p->n_nodes = NODES;
	p->payload_max = ONE_OF(w, 1440, 1440, 1440, 1440, 1440, 1440, 516, 250);
	p->checksums = (p->faults & FAULT_CORRUPT) || world_chance(w, PPM / 8);
	p->is_private = !p->checksums && world_chance(w, PPM / 2);
	p->is_promiscuous = world_chance(w, PPM / 4);
	p->zero_copy = world_chance(w, PPM / 4);
	p->holds = ONE_OF(w, 0, 0, 0, 1, 16, HELD);
	p->ring = RING;
	p->bulk_per_10000 = ONE_OF(w, 50, 100, 100, 200, 1000);
	p->bulk_most = ONE_OF(w, 5000, 30000, 30000, BYTES_MAX);
	if (p->bulk_per_10000 == 1000)
		p->bulk_most = 8000;
	p->strange_per_10000 = ONE_OF(w, 0, 20, 100);
	p->error_per_10000 = ONE_OF(w, 0, 100, 500);
	p->think = ONE_OF(w, 0, 0, 2, 20, 200) * US;
	p->fault_every = 50 + RTE_MAX(w->calls_wanted / 3, 100U);
	if (p->faults & (FAULT_UNBIND | FAULT_STOP))
		p->fault_every = 50 + RTE_MAX(w->calls_wanted / 20, 20U);
	if (p->faults & FAULT_NARROW)
		p->fault_every = ONE_OF(w, 1000, 5000, 20000);
	p->pause_most = ONE_OF(w, 5, 100, 2000, 20000, 90000) * MS;
	p->partition_most = ONE_OF(w, 5, 100, 3000, 8000) * MS;
	if (p->faults & FAULT_LIMITS) {
		p->takes_ppm = ONE_OF(w, 0, 100000, 500000);
		p->ring = ONE_OF(w, 8, 32, RING);
		p->bulk_bytes = ONE_OF(w, 0, 4, 250, 500, 2000) * 1000;
	}
	if (p->faults & FAULT_LONG) {
		p->work_per_10000 = ONE_OF(w, 10, 100, 500);
		p->work_most = ONE_OF(w, 1, 30, 30, 500, 20000) * MS;
		p->attend_every = ONE_OF(w, 0, 20, 500, 3000) * US;
		if (p->work_most > SECOND && p->attend_every)
			p->attend_every = 5 * MS;
	}
	if (p->faults & FAULT_IDLE) {
		p->sleep_per_10000 = ONE_OF(w, 20, 100, 500);
		p->sleep_most = ONE_OF(w, 100, 4000, 80000) * MS;
	}
	if (p->faults & FAULT_CANCEL) {
		p->cancel_per_10000 = ONE_OF(w, 0, 100, 1000);
		p->has_deadlines = world_chance(w, PPM * 3 / 4);
	}
	if (w->mix->media & MEDIUM_WORKERS) {
		p->workers = ONE_OF(w, 1, 2, 2, NODE_WORKERS);
		p->queue = ONE_OF(w, 0, 2, 16, 64, 64);
		p->inlines = world_chance(w, PPM / 2) ? (uint32_t)sim_random(&w->random) : 0;
		p->late_ppm = ONE_OF(w, 0, 10000, 200000);
	}
	if (w->mix->media & MEDIUM_LOCAL) {
		p->has_local = true;
		p->a_stacks = ONE_OF(w, 1, 4, 16, 16);
		p->late_ppm = ONE_OF(w, 0, 10000, 200000);
		if (world_chance(w, PPM / 3))
			p->local_held = FLY_LOCAL_HELD_MAX - ONE_OF(w, 500, 1000, 4000) * 1000;
	}
	if (w->mix->media & MEDIUM_ATTACHED) {
		p->has_attached = true;
		p->late_ppm = ONE_OF(w, 0, 10000, 200000);
	}
	/* A poller that runs a long procedure answers nobody. */
	p->is_kind = !(p->faults & FAULTS_UNKIND) &&
		     (p->work_most <= 30 * MS || (p->workers && !p->inlines));
}

void mix_weather(struct world *w, struct weather *weather)
{
	const unsigned faults = w->plan.faults;

	*weather = (struct weather){
		.latency = world_spread(w, US, 50 * US),
		.ps_per_byte = ONE_OF(w, 80, 80, 320, 800, 8000), /* 100, 25, 10, 1 Gb/s */
		.queue_bytes = 1 << 20,
		.reorder_by = 10 * US,
	};
	if (world_chance(w, PPM / 2))
		weather->jitter = world_spread(w, 100, weather->latency);
	if (faults & FAULT_LOSS)
		weather->loss_ppm = (uint32_t)world_spread(w, 500, 200000);
	if (faults & FAULT_BURST) {
		weather->to_bad_ppm = (uint32_t)world_spread(w, 500, 20000);
		weather->to_good_ppm = (uint32_t)world_spread(w, 20000, 500000);
		weather->bad_loss_ppm = ONE_OF(w, 500000, 900000, 1000000);
	}
	if (faults & FAULT_DUPLICATE) {
		weather->duplicate_ppm = (uint32_t)world_spread(w, 1000, 300000);
		weather->reorder_by = world_spread(w, US, 100 * MS);
		weather->late_ppm = ONE_OF(w, 0, 1000, 100000);
	}
	if (faults & FAULT_REORDER) {
		weather->reorder_ppm = (uint32_t)world_spread(w, 1000, 300000);
		weather->reorder_by = world_spread(w, 10 * US, 30 * MS);
		weather->late_ppm = RTE_MAX(weather->late_ppm, ONE_OF(w, 0, 0, 1000));
	}
	if (faults & FAULT_CORRUPT)
		weather->corrupt_ppm = (uint32_t)world_spread(w, 1000, 30000);
	if (faults & FAULT_LIMITS)
		weather->queue_bytes = ONE_OF(w, 3000, 20000, 1 << 20);
}

unsigned mix_longest(struct world *w)
{
	return ONE_OF(w, 0, 0, FLY_PAYLOAD + FLY_MTU_FLOOR, FLY_PAYLOAD + 700, 1214, 1294, 1414,
		      1500);
}

void mix_node(struct world *w, struct node *node)
{
	node->clock_offset = world_below(w, 1000) * SECOND;
	node->turn_ticks = world_spread(w, 50, 2000);
	node->packets = ONE_OF(w, 1023, 2047);
	node->calls = 64;
	node->conversations = 512;
	node->timeout_ms = w->plan.is_kind ? 5000 : ONE_OF(w, 300, 1000, 5000);
	if (w->plan.faults & FAULT_LIMITS) {
		node->packets = ONE_OF(w, 351, 351, 511, 1023);
		node->calls = ONE_OF(w, 4, 16, 64);
		node->conversations = ONE_OF(w, 2, 8, 32, 128);
	}
}
