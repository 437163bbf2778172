/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * world.c - events in order of time, and the lives of processes. See world.h.
 *
 * Owns the heap of events, the nodes, their pools and pollers. Time leaps from event to event: a
 * frame arrives, a timer of a poller is due (sweep_at_tsc), a caller wants to call, a process
 * starts.
 */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "slowpath/records.h"
#include "slowpath/bulk/path.h"

#define EVENTS_PER_CALL 4000         /* more: the run never ends */
#define IDLE_LEAP       (4 * SECOND) /* between two turns of an idle node */
#define LOOK_EVERY      (250 * MS)   /* between two checks of the oracle for late calls */
#define RECORD_LIFE     ((FLY_RECORD_KEEP_MS + FLY_ABSENCE_MS) * MS)
#define QUIET_TIME      (100 * SECOND) /* longer than anything is remembered */
#define QUIET_TURNS     512            /* and some turns more: tables are swept in parts */

static const unsigned pool_sizes[] = {351, 511, 1023, 2047};

static struct world *the_world;
static jmp_buf the_end; /* a run has failed while a thread waits inside the library */

/* Linked instead of the system's: activities, identifiers and keys follow from the seed. */
ssize_t __wrap_getrandom(void *to, size_t bytes, unsigned flags);

ssize_t __wrap_getrandom(void *to, size_t bytes, unsigned flags)
{
	uint8_t *at = to;

	(void)flags;
	for (size_t i = 0; i < bytes; i++)
		at[i] = (uint8_t)(sim_random(&the_world->os_random) >> 24);
	return (ssize_t)bytes;
}

struct world *world_here(void)
{
	return the_world;
}

/* Linked instead of the library's: a thread wakes the poller that sleeps. */
void __wrap_fly_slow_wake_poller(int wake_fd);

void __wrap_fly_slow_wake_poller(int wake_fd)
{
	struct node *node = &the_world->nodes[wake_fd % NODES];

	if (wake_fd >= NODES) { /* a clerk's */
		local_want_clerk(node, the_world->now + 10 * US);
		return;
	}
	node->is_woken = true;
	world_want(node, the_world->now);
}

static void *must(void *p)
{
	if (!p) {
		fputs("sim: out of memory\n", stderr);
		abort();
	}
	return p;
}

void world_fail(struct world *w, const char *format, ...)
{
	va_list arguments;

	if (w->failure[0])
		return;
	va_start(arguments, format);
	vsnprintf(w->failure, sizeof w->failure, format, arguments);
	va_end(arguments);
	trace_line(w, "FAILED: %s", w->failure);
}

uint64_t world_spread(struct world *w, uint64_t low, uint64_t high)
{
	unsigned doublings = 0;
	uint64_t from;

	if (high <= low)
		return low;
	while (low << (doublings + 1) <= high)
		doublings++;
	from = low << world_below(w, doublings + 1);
	return from + world_below(w, RTE_MIN(from, high - from) + 1);
}

/* ---- events ---- */

static bool is_before(const struct event *a, const struct event *b)
{
	return a->when != b->when ? a->when < b->when : a->order < b->order;
}

void world_event(struct world *w, uint64_t when, enum event_kind kind, void *what)
{
	const struct event e = {.when = when, .order = w->order++, .kind = kind, .what = what};
	unsigned at = w->n_heap++;

	if (at == w->heap_room) {
		w->heap_room = w->heap_room ? 2 * w->heap_room : 1024;
		w->heap = must(realloc(w->heap, w->heap_room * sizeof w->heap[0]));
	}
	while (at > 0 && is_before(&e, &w->heap[(at - 1) / 2])) {
		w->heap[at] = w->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	w->heap[at] = e;
}

static struct event take_event(struct world *w)
{
	const struct event first = w->heap[0];
	const struct event last = w->heap[--w->n_heap];
	unsigned at = 0;

	for (;;) {
		unsigned child = 2 * at + 1;

		if (child >= w->n_heap)
			break;
		if (child + 1 < w->n_heap && is_before(&w->heap[child + 1], &w->heap[child]))
			child++;
		if (!is_before(&w->heap[child], &last))
			break;
		w->heap[at] = w->heap[child];
		at = child;
	}
	if (w->n_heap)
		w->heap[at] = last;
	return first;
}

void world_want(struct node *node, uint64_t when)
{
	if (!node->is_up || when >= node->turn_at)
		return;
	node->turn_at = when;
	world_event(node->world, when, EVENT_TURN, node);
}

/* ---- processes ---- */

static void start_node(struct node *node)
{
	/* Index 0 belongs to the binder, which is missing here: Trial comes after it. */
	static const struct fly_interface binder = {.name = "Binder"};
	struct world *w = node->world;
	struct fly_poller *p = world_poller(node);
	unsigned size = 0;

	while (pool_sizes[size] < node->packets)
		size++;
	if (!node->pools[size]) {
		char name[32];

		snprintf(name, sizeof name, "pool%u_%u", node->index, size);
		node->pools[size] =
			must(rte_pktmbuf_pool_create(name, pool_sizes[size], 0, 0,
						     RTE_PKTMBUF_HEADROOM + 2048, SOCKET_ID_ANY));
	}
	node->packets = pool_sizes[size];
	node->runtime = (struct fly_runtime){
		.thread = fly_thread_number(),
		.group.pool = node->pools[size],
		.group.packets = node->packets,
		.group.pollers = {p},
		.group.n = 1,
	};

	const struct fly_poller_config config = {
		.pool = node->runtime.group.pool,
		.packets = node->packets,
		.calls = node->calls,
		.conversations = node->conversations,
		.call_timeout_ms = node->timeout_ms,
		.tsc_per_ms = MS,
		.name = node->name,
		.socket = SOCKET_ID_ANY,
	};

	must(fly_poller_init(p, &config, w->now + node->clock_offset) == 0 ? p : NULL);
	if (w->plan.bulk_bytes)
		p->bulk.max = w->plan.bulk_bytes;
	for (unsigned i = 0; i < node->n_plugs; i++) {
		node->plugs[i].link.pool = node->runtime.group.pool;
		must(fly_poller_attach(p, &node->plugs[i].link) == 0 ? p : NULL);
	}
	node->runtime.exports[FLY_EXPORT_BINDER].n_procedures = 1;
	node->runtime.exports[FLY_EXPORT_BINDER].interface = &binder;
	must(Trial_export(&node->runtime, &trial_procedures, node) == 0 ? p : NULL);
	node->runtime.exports[FLY_EXPORT_BINDER].n_procedures = 0;
	node->runtime.exports[FLY_EXPORT_BINDER].interface = NULL;
	node->export_id = p->exports[1].id;
	p->handoffs.wake_fd = (int)node->index;
	p->clock.offset_tsc = node->clock_offset;
	local_start(node);
	workers_start(node);
	node->is_up = true;
	node->is_dead = false;
	node->is_stopping = false;
	node->flushed = 0;
	node->sleeps = false;
	node->life++;
	node->turn_at = NEVER;
	node->attend_at = NEVER;
	node->busy_until = w->now;
	node->turned_at = w->now;
	node->away_from = NEVER;
	node->silent_from = NEVER;
	memset(node->seen, 0, sizeof node->seen);
	trace_line(w,
		   "%s starts, for the %u. time: %u packets, %u calls, %u conversations, "
		   "time-out %u ms, export %08x",
		   node->name, node->life, node->packets, node->calls, node->conversations,
		   node->timeout_ms, node->export_id);
	world_digest(w, node->export_id);
	world_want(node, w->now);
}

static void count(struct world *w, const struct fly_poller *p)
{
	w->tally.resends += fly_stats_get(&p->stats, FLY_COUNT_resent_calls) +
			    fly_stats_get(&p->stats, FLY_COUNT_resent_results) +
			    fly_stats_get(&p->stats, FLY_COUNT_fragments_resent);
}

/* End a process at once. No packet may be missing from its pool. */
static void stop_node(struct node *node)
{
	struct world *w = node->world;
	struct fly_poller *p = world_poller(node);
	unsigned missing;

	world_wake(node);
	node->is_dead = true; /* packets sent by the end of bindings are lost */
	workload_crash(node);
	local_stop(node);
	workers_crash(node);
	while (p->n_links)
		fly_poller_detach(p, p->links[p->n_links - 1]);
	fly_poller_handoffs_within(p); /* what workers were cut off from */
	for (uint32_t i = 0; i < p->conversations.n; i++) {
		if (p->conversations.records[i].activity)
			fly_conversation_forget(p, &p->conversations.records[i]);
	}
	workers_stop(node);
	fly_poller_handoffs_within(p);
	local_end(node);
	if (fly_stats_get(&p->stats, FLY_COUNT_slots_missed))
		world_fail(w, "%s did not look at %ju slots", node->name,
			   (uintmax_t)fly_stats_get(&p->stats, FLY_COUNT_slots_missed));
	if (p->calls.n_unbound != p->calls.n || p->conversations.n_retained || p->bulk.n ||
	    p->bulk.bytes)
		world_fail(w,
			   "%s ends with %u call-table entries in use, %u retained packets, %u "
			   "large messages of %u bytes",
			   node->name, p->calls.n - p->calls.n_unbound, p->conversations.n_retained,
			   p->bulk.n, p->bulk.bytes);
	count(w, p);
	fly_poller_fini(p);
	for (unsigned i = 0; i < node->n_plugs; i++)
		air_clear(&node->plugs[i]);
	missing = node->packets - rte_mempool_avail_count(node->runtime.group.pool);
	if (missing)
		world_fail(w, "%s ends, and %d packets are missing", node->name, (int)missing);
	node->is_up = false;
	node->turn_at = NEVER;
	node->silent_from = w->now;
	node->down_at = w->now;
}

/* Crash, or end in order. */
static void go_down(struct node *node, const char *how)
{
	struct world *w = node->world;
	const uint64_t down = world_spread(w, 10 * US, 200 * MS);

	trace_line(w, "%s %s", node->name, how);
	world_digest(w, node->index);
	stop_node(node);
	world_event(w, w->now + down, EVENT_START, node);
}

static void crash(struct node *node)
{
	go_down(node, "crashes");
}

/* Has this node nothing to do until a packet arrives or a sleeper wakes? */
static bool is_idle(struct node *node)
{
	const struct fly_poller *p = world_poller(node);
	const struct fly_path *path;

	TAILQ_FOREACH(path, &p->bulk.paths, all)
	{
		if (path->n_flight != 0 || !TAILQ_EMPTY(&path->ready))
			return false;
	}
	if (p->path_mtu_due_tsc < p->now_tsc + SECOND)
		return false;
	return node->n_out == 0 && !local_is_awaited(node);
}

static void want_next(struct node *node)
{
	const struct world *w = node->world;
	const struct fly_poller *p = world_poller(node);
	uint64_t at = p->sweep_at_tsc == NEVER ? NEVER : p->sweep_at_tsc - node->clock_offset;

	if (is_idle(node) && at < w->now + IDLE_LEAP)
		at = w->now + IDLE_LEAP;
	for (unsigned i = 0; i < node->n_plugs; i++) {
		const struct plug *plug = &node->plugs[i];

		if (plug->n_ring)
			at = RTE_MIN(at, node->busy_until);
		else if (plug->link.n_queued) /* packets that the driver did not take */
			at = RTE_MIN(at, node->busy_until + US);
	}
	if (workers_have_results(node) || local_has_calls(node) || attached_has_calls(node))
		at = RTE_MIN(at, node->busy_until);
	world_want(node, RTE_MAX(at, w->now + 1));
}

void world_wake(struct node *node)
{
	if (!node->sleeps)
		return;
	fly_slow_local_end_sleep(world_poller(node));
	fly_handoff_end_sleep(&world_poller(node)->handoffs);
	node->sleeps = false;
	world_want(node, node->world->now);
}

/* A poller that found nothing to do may go to sleep: threads of its own then wake it. */
static void maybe_sleep(struct node *node)
{
	struct world *w = node->world;

	node->is_woken = false;
	if (!world_poller(node)->n_sources || !world_chance(w, PPM / 4) ||
	    !fly_handoff_prepare_sleep(&world_poller(node)->handoffs))
		return;
	node->sleeps = fly_slow_local_prepare_sleep(world_poller(node));
	if (!node->sleeps)
		fly_handoff_end_sleep(&world_poller(node)->handoffs);
}

static void turn(struct node *node)
{
	struct world *w = node->world;
	struct fly_poller *p = world_poller(node);
	const uint64_t ready_at = RTE_MAX(node->paused_until, node->busy_until);
	uint64_t began;
	unsigned received;

	if (!node->is_up || node->is_inside)
		return; /* a node inside a turn is turned again afterwards */
	if (w->now < ready_at) {
		world_want(node, ready_at);
		return;
	}
	if (node->away_from != NEVER) {
		if (w->now + node->clock_offset - p->now_tsc >= p->absent_tsc)
			fly_slow_absent(p, p->now_tsc, w->now + node->clock_offset);
		workload_absent(node);
		node->away += w->now - node->away_from;
		node->away_from = NEVER;
	}
	world_wake(node);
	node->silent_from = NEVER;
	began = w->now;
	node->is_inside = true;
	received = fly_poller_turn(p, w->now + node->clock_offset);
	atomic_store(&p->attention, 0); /* as src/host/port_watch.c does: no ports here */
	if (w->now > began) {           /* the procedure ran all that time */
		node->away_from = began;
		workload_absent(node);
	}
	node->turned_at = w->now;
	if (received)
		w->busy_at = w->now;
	node->busy_until = w->now + node->turn_ticks * (1 + received);
	if (w->is_traced)
		trace_turn(node, received);
	workers_look(node);
	local_look(node);
	if (!node->is_dead && !node->is_stopping)
		workload_look(node);
	node->is_inside = false;
	if (node->is_dead && node->n_looking == 0) {
		crash(node);
	} else if (node->is_stopping && node->n_looking == 0 && stop_step(node)) {
		go_down(node, "has ended");
	} else {
		want_next(node);
		attached_look(node);
		maybe_sleep(node);
	}
}

/*
 * A procedure checks for cancellation, as fly_cancelled() does with a clock of its own. Procedures
 * of other processes may be running further up the stack.
 */
static void attend(struct node *node)
{
	struct world *w = node->world;
	struct fly_poller *p = world_poller(node);
	const uint64_t now_tsc = w->now + node->clock_offset;

	if (!p->running.slot && (!p->running.conversation ||
				 p->running.conversation->state != FLY_CONVERSATION_RUNNING))
		return;
	fly_slow_turn_parking(p, now_tsc);
	workers_look(node);
	if ((p->running.slot
		     ? p->running.slot->gone != 0
		     : p->running.conversation->cancelled_seq == p->running.conversation->seq) ||
	    now_tsc >= p->running.deadline_tsc)
		node->is_cancelled = true;
	node->attend_at = w->now + w->plan.attend_every;
	world_event(w, node->attend_at, EVENT_ATTEND, node);
}

static void handle(struct world *w, const struct event *e)
{
	struct node *node = e->what;

	switch (e->kind) {
	case EVENT_FRAME:
		node = ((struct frame *)e->what)->to->node;
		/* The node was turning all the time that the simulation has leapt over. */
		if (w->now - node->turned_at > MS && node->busy_until <= w->now)
			turn(node);
		air_arrive(w, e->what);
		return;
	case EVENT_TURN:
		if (e->when != node->turn_at)
			return; /* an earlier turn was wanted, and has happened */
		node->turn_at = NEVER;
		turn(node);
		return;
	case EVENT_ATTEND:
		if (e->when == node->attend_at)
			attend(node);
		return;
	case EVENT_START:
		start_node(node);
		return;
	case EVENT_CLERK:
		if (e->when == node->clerk_at)
			local_clerk(node);
		return;
	case EVENT_CALLER:
		if (e->when == ((struct desk *)e->what)->look_at)
			attached_turn(e->what);
		return;
	case EVENT_WORKER:
		if (e->when == ((struct worker *)e->what)->at)
			workers_turn(e->what);
		return;
	case EVENT_LOOK:
		oracle_look(w);
		world_event(w, w->now + LOOK_EVERY, EVENT_LOOK, NULL);
		return;
	}
}

/* Now and then, at a server. */
static void sabotage(struct world *w)
{
	struct fly_poller *p = world_poller(&w->nodes[world_below(w, w->plan.n_servers)]);
	struct fly_conversation *c;

	if (w->sabotage == SABOTAGE_NONE || w->is_calm || !world_chance(w, PPM / 50) ||
	    p->turning || p->conversations.n == 0)
		return;
	c = &p->conversations.records[world_below(w, p->conversations.n)];
	switch (w->sabotage) {
	case SABOTAGE_NONE:
		return;
	case SABOTAGE_FORGET:
		if (c->activity && c->state != FLY_CONVERSATION_RUNNING)
			fly_conversation_forget(p, c);
		return;
	case SABOTAGE_RESULT:
		c->kept[0] ^= 1;
		return;
	case SABOTAGE_PACKET:
		(void)fly_packet_get(&p->cache, 0);
		return;
	}
}

static bool step(struct world *w)
{
	const struct event e = take_event(w);

	w->now = RTE_MAX(w->now, e.when);
	sabotage(w);
	handle(w, &e);
	if (++w->events / EVENTS_PER_CALL > w->calls_wanted + 200)
		world_fail(w, "it does not come to an end");
	return w->failure[0] == '\0';
}

static void run_until(struct world *w, uint64_t until)
{
	while (w->n_heap && w->heap[0].when <= until) {
		if (!step(w))
			return;
	}
	w->now = RTE_MAX(w->now, until);
}

void world_work(struct node *node, uint64_t ticks)
{
	struct world *w = node->world;
	const uint64_t end = w->now + ticks;

	if (fly_worker_here())
		return; /* the time has passed: workers.c */
	node->is_cancelled = false;
	if (w->plan.attend_every) {
		node->attend_at = w->now + w->plan.attend_every;
		world_event(w, node->attend_at, EVENT_ATTEND, node);
	}
	while (w->n_heap && w->heap[0].when <= end && !node->is_cancelled && step(w))
		;
	node->attend_at = NEVER;
	if (node->is_cancelled)
		trace_line(w, "%s: what it runs is cancelled", node->name);
	else
		w->now = RTE_MAX(w->now, end);
}

void world_step(struct world *w)
{
	if (w->n_heap == 0)
		world_fail(w, "a thread waits for its poller for ever");
	if (w->failure[0] || !step(w))
		longjmp(the_end, 1);
}

void world_pause(struct world *w, uint64_t ticks)
{
	const uint64_t end = w->now + ticks;

	while (w->n_heap && w->heap[0].when <= end && step(w))
		;
	w->now = RTE_MAX(w->now, end);
}

/* ---- what happens to processes and links ---- */

static void cut(struct world *w)
{
	struct node *node = &w->nodes[world_below(w, w->n_nodes)];
	struct plug *plug = &node->plugs[world_below(w, node->n_plugs)];
	const uint64_t ticks = world_spread(w, 100 * US, w->plan.partition_most);

	plug->cut_until = w->now + ticks;
	trace_line(w, "nothing gets from %s to %s for %.3f ms", node->name, plug->far->node->name,
		   (double)ticks / (double)MS);
}

static void narrow(struct world *w)
{
	struct node *node = &w->nodes[world_below(w, w->n_nodes)];
	struct plug *plug = &node->plugs[world_below(w, node->n_plugs)];

	plug->longest = mix_longest(w);
	trace_line(w, "frames of %u bytes get from %s to %s, and no longer ones", plug->longest,
		   node->name, plug->far->node->name);
}

static void pause_node(struct world *w)
{
	struct node *node = &w->nodes[world_below(w, w->n_nodes)];
	uint64_t ticks = world_spread(w, 100 * US, w->plan.pause_most);

	/* Longer than a record is kept: the server must know later packets as old. */
	if (w->plan.pause_most > RECORD_LIFE && world_chance(w, PPM / 4))
		ticks = RECORD_LIFE + world_below(w, w->plan.pause_most - RECORD_LIFE);
	if (!node->is_up || node->is_inside)
		return;
	node->paused_until = w->now + ticks;
	node->silent_from = RTE_MIN(node->silent_from, w->now);
	node->away_from = RTE_MIN(node->away_from, w->now);
	trace_line(w, "%s pauses for %.3f ms", node->name, (double)ticks / (double)MS);
}

static void crash_node(struct world *w)
{
	struct node *node = &w->nodes[world_below(w, w->n_nodes)];

	if (!node->is_up || node->is_dead)
		return;
	node->is_dead = true;
	if (node->is_inside || node->n_looking)
		trace_line(w, "%s sends nothing any more", node->name);
	else
		crash(node);
}

/* End a binding, whatever is in flight. */
static void unbind(struct world *w)
{
	struct node *node = &w->nodes[world_below(w, w->n_nodes)];

	if (!node->is_up || node->is_dead || node->is_inside || !node->n_desks || node->n_looking)
		return;
	world_wake(node);
	node->is_inside = true; /* it sends: another fault may follow */
	workload_unbind(&node->desks[world_below(w, node->n_desks)], false);
	node->is_inside = false;
	if (node->is_dead)
		crash(node);
	else
		world_want(node, w->now + 1);
}

static void stop_server(struct world *w)
{
	struct node *node = &w->nodes[world_below(w, w->plan.n_servers)];

	if (node->is_up && !node->is_dead && !node->is_inside && !node->is_stopping &&
	    node->n_looking == 0)
		stop_begin(node, world_chance(w, PPM / 2));
}

void world_fault(struct world *w)
{
	static const struct {
		unsigned fault;
		void (*happens)(struct world *w);
	} kinds[] = {
		{FAULT_PARTITION, cut},    {FAULT_PAUSE, pause_node},
		{FAULT_CRASH, crash_node}, {FAULT_CRASH | FAULT_UNBIND, unbind},
		{FAULT_STOP, stop_server}, {FAULT_NARROW, narrow},
	};
	unsigned which;

	w->next_fault = w->tally.frames + 1 + world_below(w, 2 * w->plan.fault_every);
	if (!(w->plan.faults & (FAULT_PARTITION | FAULT_PAUSE | FAULT_CRASH | FAULT_UNBIND |
				FAULT_STOP | FAULT_NARROW)))
		return;
	do
		which = (unsigned)world_below(w, RTE_DIM(kinds));
	while (!(w->plan.faults & kinds[which].fault));
	w->tally.faults++;
	world_digest(w, which);
	kinds[which].happens(w);
}

/* ---- a run ---- */

struct world *world_new(void)
{
	struct world *w = must(calloc(1, sizeof *w));

	w->nodes = must(aligned_alloc(RTE_CACHE_LINE_SIZE,
				      RTE_CACHE_LINE_ROUNDUP(NODES * sizeof w->nodes[0])));
	memset(w->nodes, 0, NODES * sizeof w->nodes[0]);
	w->calls = must(calloc(CALLS_MAX, sizeof w->calls[0]));
	the_world = w;
	return w;
}

static void begin(struct world *w)
{
	mix_plan(w);
	w->n_nodes = w->plan.n_nodes;
	for (unsigned i = 0; i < w->n_nodes; i++) {
		struct node *node = &w->nodes[i];
		struct rte_mempool *pools[RTE_DIM(node->pools)];

		memcpy(pools, node->pools, sizeof pools);
		memset(node, 0, sizeof *node);
		memcpy(node->pools, pools, sizeof pools);
		node->world = w;
		node->index = i;
		snprintf(node->name, sizeof node->name, "n%u", i);
		mix_node(w, node);
	}
	for (unsigned i = 0; i < w->n_nodes; i++) {
		for (unsigned j = 0; j < RTE_MIN(i, w->plan.n_servers); j++)
			air_join(w, &w->nodes[j], &w->nodes[i]);
	}
	for (unsigned i = 0; i < w->n_nodes; i++)
		start_node(&w->nodes[i]);
	w->next_fault = 1 + world_below(w, 2 * w->plan.fault_every);
	workload_plan(w);
	world_event(w, w->now + LOOK_EVERY, EVENT_LOOK, NULL);
}

/* All faults end, and no new calls begin. */
static void calm_down(struct world *w)
{
	trace_line(w, "all calls are over: no more faults");
	w->is_calm = true;
	for (unsigned i = 0; i < w->n_nodes; i++) {
		struct node *node = &w->nodes[i];

		node->paused_until = 0;
		for (unsigned j = 0; j < node->n_plugs; j++)
			node->plugs[j].cut_until = 0;
		world_want(node, w->now);
	}
}

static void quiesce(struct world *w)
{
	calm_down(w);
	w->busy_at = w->now;
	while (w->now < w->busy_at + QUIET_TIME && !w->failure[0])
		run_until(w, w->busy_at + QUIET_TIME);
	/* A timer that is needed no more may still be armed: let it go off. */
	for (unsigned i = 0; i < w->n_nodes && !w->failure[0]; i++) {
		const uint64_t due = world_poller(&w->nodes[i])->bulk.due_tsc;

		if (due != FLY_NEVER)
			run_until(w, due - w->nodes[i].clock_offset);
	}
	for (unsigned i = 0; i < QUIET_TURNS && !w->failure[0]; i++) {
		for (unsigned j = 0; j < w->n_nodes; j++)
			turn(&w->nodes[j]);
		run_until(w, w->now + MS);
	}
}

bool world_run(struct world *w, uint64_t seed, const struct mix *mix, uint32_t calls,
	       bool is_traced)
{
	w->seed = seed;
	w->mix = mix;
	w->now = 5 * SECOND;
	w->random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1989;
	w->os_random = ~w->random;
	w->digest = seed;
	w->is_traced = is_traced;
	w->is_calm = false;
	w->events = 0;
	w->order = 0;
	w->n_heap = 0;
	w->n_calls = 0;
	w->n_out = 0;
	w->null_runs = 0;
	w->calls_wanted = calls;
	w->thread = fly_thread_number();
	w->tally = (struct tally){.seeds = 1};
	begin(w);
	if (setjmp(the_end))
		goto over;
	if ((w->plan.has_local || w->plan.has_attached) && !tsc_virtual(true))
		world_fail(w, "the time-stamp counter cannot be simulated here");
	while (w->n_heap && !workload_is_over(w) && step(w))
		;
	if (!w->failure[0])
		quiesce(w);
	if (!w->failure[0])
		oracle_quiet(w);
	for (unsigned i = 0; i < w->n_nodes && !w->failure[0]; i++)
		stop_node(&w->nodes[i]);
over:
	if (w->plan.has_local || w->plan.has_attached)
		tsc_virtual(false);
	trace_line(w, "seed %ju, mix %s, is over: %u calls, digest %016jx", (uintmax_t)seed,
		   mix->name, w->n_calls, (uintmax_t)w->digest);
	w->tally.calls = w->n_calls;
	w->tally.virtual_ms = w->now / MS;
	w->tally.failures = w->failure[0] != '\0';
	return !w->failure[0];
}
