/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * runtime/start.c - starting a runtime step by step, and stopping it backwards.
 *
 * Owns struct fly_runtime and the packet pool. Runs on the thread that starts or stops the runtime,
 * except where the public header says "any thread". Opens and closes ports only through
 * host/port.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include <rte_lcore.h>

#include <firefly/topology.h>

#include "base/error.h"
#include "base/node_memory.h"
#include "base/resident.h"
#include "base/signals.h"
#include "base/sized.h"
#include "fastpath/clock.h"
#include "fastpath/poller.h"
#include "fastpath/slow.h"
#include "host/cores.h"
#include "host/eal.h"
#include "host/topology.h"
#include "local/clerk.h"
#include "local/import.h"
#include "runtime/drain.h"
#include "runtime/import.h"
#include "runtime/process.h"
#include "runtime/runtime.h"
#include "runtime/worker_threads.h"
#include "slowpath/behaviour.h"
#include "threads/elected.h"
#include "threads/lease.h"
#include "threads/request.h"

#define PACKETS_DEFAULT       8191 /* a power of two less one: the best size for a mempool's ring */
#define PACKETS_LEAST         1023 /* of the default, however long packets are */
#define PACKETS_BYTES         (40U << 20) /* of the default: as many as that, halved from there */
#define PACKETS_SPARE         (FLY_PACKET_CACHE + 64) /* free per poller, at least, with links up */
#define CALLS_DEFAULT         1024
#define CONVERSATIONS_DEFAULT 4096
#define STOP_TURNS            4
#define PACKET_OVERHEAD       256 /* mbuf and mempool headers, padding: for the estimate only */

/* The state of a start. */
struct starting {
	const struct fly_options *options;
	struct fly_link_spec specs[FLY_LINKS];
	unsigned n_specs;
	unsigned cores[FLY_POLLERS]; /* cores of the pollers' threads */
	char name[16];
	uint32_t room; /* bytes that a packet can hold */
	struct fly_runtime *runtime;
};

/* ---- the thread that starts it --------------------------------------------------------------- */

/* Runtimes of this thread: the thread is registered with DPDK while there is one. */
static _Thread_local unsigned runtimes_here;

/* With local links only there are no packets, and DPDK is neither needed nor started. */
static bool has_packets(const struct fly_runtime *r)
{
	return r->group.packets != 0;
}

/* A registered thread has its own mempool cache; other threads use the slower shared ring. */
static int register_thread(void)
{
	if (rte_lcore_id() != LCORE_ID_ANY) {
		if (runtimes_here > 0)
			runtimes_here++; /* 0: the program has registered the thread */
		return 0;
	}
	if (rte_thread_register() < 0)
		return fly_fail(FLY_ESYSTEM, "DPDK takes no more threads%s", fly_eal_last_log());
	runtimes_here = 1;
	return 0;
}

static void unregister_thread(void)
{
	if (runtimes_here > 0 && --runtimes_here == 0)
		rte_thread_unregister();
}

static int register_starter(struct starting *s)
{
	return has_packets(s->runtime) ? register_thread() : 0;
}

static void unregister_starter(struct fly_runtime *r)
{
	if (has_packets(r))
		unregister_thread();
}

/*
 * A shared runtime's poller has a number of DPDK's to itself, for whichever thread turns it:
 * threads/elected.c.
 */
static int register_turner(struct starting *s)
{
	struct fly_runtime *r = s->runtime;
	const unsigned own = rte_lcore_id();
	int status;

	if (!r->group.is_shared || !has_packets(r))
		return 0;
	RTE_PER_LCORE(_lcore_id) = LCORE_ID_ANY;
	status = rte_thread_register();
	if (status == 0)
		r->lcore = rte_lcore_id();
	RTE_PER_LCORE(_lcore_id) = own;
	return status == 0
		       ? 0
		       : fly_fail(FLY_ESYSTEM, "DPDK takes no more threads%s", fly_eal_last_log());
}

static void unregister_turner(struct fly_runtime *r)
{
	const unsigned own = rte_lcore_id();

	if (r->lcore == LCORE_ID_ANY)
		return;
	RTE_PER_LCORE(_lcore_id) = r->lcore;
	rte_thread_unregister();
	RTE_PER_LCORE(_lcore_id) = own;
}

/* ---- DPDK and the pool ----------------------------------------------------------------------- */

/* Bytes for a packet: the largest frame of any link, or what the stubs write. */
static uint32_t packet_room(const struct fly_link_spec *specs, unsigned n)
{
	uint32_t room = FLY_PAYLOAD + FLY_PAYLOAD_ROOM;

	for (unsigned i = 0; i < n; i++)
		room = RTE_MAX(room, fly_port_packet_room(&specs[i]));
	return RTE_ALIGN(room, 64U);
}

static int start_dpdk(struct starting *s)
{
	const size_t packet_bytes = (size_t)s->room + PACKET_OVERHEAD;
	int status;

	if (!has_packets(s->runtime))
		return 0;
	status = fly_eal_start(s->options->eal,
			       s->runtime->group.packets * packet_bytes + (16UL << 20),
			       fly_ports_watch);
	if (status == 0 && !fly_eal_state()->hugepage_bytes)
		fly_notice(&s->runtime->group.notice, "%s", fly_eal_state()->why_no_huge);
	return status;
}

static struct rte_mempool *pool_on(const struct starting *s, int node)
{
	return rte_pktmbuf_pool_create(s->name, s->runtime->group.packets,
				       RTE_MEMPOOL_CACHE_MAX_SIZE / 2, 0,
				       (uint16_t)(RTE_PKTMBUF_HEADROOM + s->room), node);
}

/*
 * A forked child does not get the packets, which it would share with this process: what it did to
 * them would go wrong here. Whole pages only: there is other memory beside them.
 */
static void keep_from_children(struct rte_mempool *pool, void *unused,
			       struct rte_mempool_memhdr *memory, unsigned index)
{
	const struct rte_memseg *segment = rte_mem_virt2memseg(memory->addr, NULL);
	const size_t page = segment ? segment->hugepage_sz : 0;
	uint8_t *const start = page ? RTE_PTR_ALIGN_CEIL((uint8_t *)memory->addr, page) : NULL;
	uint8_t *const end =
		page ? RTE_PTR_ALIGN_FLOOR((uint8_t *)memory->addr + memory->len, page) : NULL;

	(void)pool;
	(void)unused;
	(void)index;
	if (start < end)
		madvise(start, (size_t)(end - start), MADV_DONTFORK);
}

static int make_pool(struct starting *s)
{
	struct fly_poller_group *group = &s->runtime->group;

	if (!has_packets(s->runtime))
		return 0;
	group->pool = pool_on(s, group->node);
	if (!group->pool) /* without hugepages, one node may have all memory */
		group->pool = pool_on(s, SOCKET_ID_ANY);
	if (!group->pool)
		return fly_fail(
			FLY_ENOMEM,
			"no memory for %u packets of %u bytes; ask for fewer packets, or reserve "
			"hugepages%s",
			group->packets, s->room, fly_eal_last_log());
	rte_mempool_mem_iter(group->pool, keep_from_children, NULL);
	return 0;
}

static void free_pool(struct fly_runtime *r)
{
	if (r->group.pool)
		r->n_missing = r->group.packets - rte_mempool_avail_count(r->group.pool);
	rte_mempool_free(r->group.pool);
}

/* ---- pollers --------------------------------------------------------------------------------- */

/* Not always the same thread turns the poller of some runtimes. Return: -FLY_ENOMEM: no memory. */
static int make_turns(const struct fly_runtime *r, struct fly_poller *p, bool has_thread)
{
	const enum fly_wait wait = r->group.wait;

	if (r->group.is_shared) {
		p->election = fly_election_new(p, r->lcore);
		return p->election ? 0 : -FLY_ENOMEM;
	}
	if (!has_thread || (wait != FLY_WAIT_YIELD && wait != FLY_WAIT_SLEEP))
		return 0;
	p->lease = fly_lease_new(p, wait);
	return p->lease ? 0 : -FLY_ENOMEM;
}

/* All pollers in the group are complete. The first one is part of struct fly_runtime. */
static int make_pollers(struct starting *s)
{
	const struct fly_options *o = s->options;
	const unsigned n = o->pollers ? o->pollers : 1;
	struct fly_runtime *r = s->runtime;
	char name[16];
	const struct fly_poller_config config = {
		.pool = r->group.pool,
		.packets = r->group.packets / n, /* per poller */
		.calls = o->calls ? o->calls : CALLS_DEFAULT,
		.conversations = o->conversations ? o->conversations : CONVERSATIONS_DEFAULT,
		.call_timeout_ms = o->call_timeout_ms,
		.resend_first_us = o->resend_first_us,
		.resend_least_us = o->resend_least_us,
		.resend_most_ms = o->resend_most_ms,
		.probe_most_ms = o->probe_most_ms,
		.probes = o->probes,
		.tsc_per_ms = fly_clock_tsc_per_ms(),
		.name = name,
		.socket = r->group.pool ? r->group.pool->socket_id : r->group.node,
	};

	for (unsigned i = 0; i < n; i++) {
		struct fly_poller *p = i ? fly_node_alloc(sizeof *p, r->group.node) : &r->poller;

		snprintf(name, sizeof name, "%.13s%c", s->name, (char)('a' + i));
		if (!p || fly_poller_init(p, &config, fly_clock_now_tsc())) {
			if (i)
				fly_node_free(p, sizeof *p);
			return fly_fail(FLY_ENOMEM, "no memory for %u calls and %u conversations",
					config.calls, config.conversations);
		}
		p->group = &r->group;
		p->number = i;
		p->find.instance = r->poller.find.instance;
		p->handoffs.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		r->group.pollers[r->group.n++] = p;
		if (make_turns(r, p, o->pollers != 0))
			return fly_fail(FLY_ENOMEM, "out of memory");
	}
	return 0;
}

static void free_pollers(struct fly_runtime *r)
{
	while (r->group.n) {
		struct fly_poller *p = r->group.pollers[--r->group.n];

		close(p->handoffs.wake_fd);
		fly_poller_fini(p);
		fly_election_free(p->election);
		fly_lease_free(p->lease);
		if (p != &r->poller)
			fly_node_free(p, sizeof *p);
	}
}

static void leave_cores(struct fly_runtime *r)
{
	fly_pollers_leave(r->cores, r->n_cores);
}

static int start_threads(struct starting *s)
{
	return s->options->pollers ? fly_pollers_start(s->runtime, s->runtime->cores) : 0;
}

/* The pollers now belong to the calling thread, which sends what they have queued. */
static void stop_threads(struct fly_runtime *r)
{
	fly_pollers_stop(r);
	for (unsigned i = 0; i < r->group.n; i++)
		fly_requests_close(r->group.pollers[i]);
	for (unsigned turns = 0; turns < STOP_TURNS; turns++) {
		for (unsigned i = 0; i < r->group.n; i++)
			fly_poller_turn(r->group.pollers[i], fly_poller_time(r->group.pollers[i]));
	}
}

/* ---- exports --------------------------------------------------------------------------------- */

static int export_binder(struct starting *s)
{
	return fly_binder_export(s->runtime);
}

static void free_rules(struct fly_runtime *r)
{
	while (r->rules) {
		struct fly_export_rule *rule = r->rules;

		r->rules = rule->next;
		free(rule);
	}
}

/* ---- ports ----------------------------------------------------------------------------------- */

static int open_port(struct starting *s, const struct fly_link_spec *spec, unsigned client)
{
	struct fly_runtime *r = s->runtime;
	struct fly_port *port;
	int status;

	status = fly_port_open(&r->group, spec, client, &port);
	if (status)
		return status;
	port->number = (unsigned)(spec - s->specs);
	r->ports.at[r->ports.n++] = port;
	for (unsigned i = 0; i < r->group.n; i++)
		fly_poller_attach(r->group.pollers[i], fly_port_link(port, i));
	return 0;
}

static int open_ports(struct starting *s)
{
	int status = 0;

	for (unsigned i = 0; i < s->n_specs; i++)
		s->runtime->group.n_keeping += s->specs[i].kind != FLY_LINK_LOCAL &&
					       s->specs[i].kind != FLY_LINK_UDP &&
					       !s->specs[i].server;
	for (unsigned i = 0; i < s->n_specs; i++) {
		if (s->specs[i].kind == FLY_LINK_LOCAL)
			continue; /* no port */
		for (unsigned client = 0; client < s->specs[i].clients && !status; client++)
			status = open_port(s, &s->specs[i], client);
		if (status)
			return status;
	}
	return 0;
}

/* Free what has come since the last turn: a ring would keep it, as it keeps our own last packets.
 */
static void empty_links(struct fly_poller *p)
{
	struct rte_mbuf *packets[FLY_BURST];
	uint16_t n;

	for (uint32_t i = 0; i < p->n_links; i++) {
		for (unsigned bursts = 0; bursts < FLY_BURST; bursts++) {
			n = p->links[i]->rx_burst(p->links[i], packets, FLY_BURST);
			if (n == 0)
				break;
			rte_pktmbuf_free_bulk(packets, n);
		}
	}
}

static void close_ports(struct fly_runtime *r)
{
	for (unsigned i = 0; i < r->group.n; i++) {
		struct fly_poller *p = r->group.pollers[i];

		while (!LIST_EMPTY(&p->imports))
			fly_import_unbind(&LIST_FIRST(&p->imports)->head);
		empty_links(p);
		while (p->n_links)
			fly_poller_detach(p, p->links[p->n_links - 1]);
	}
	while (r->ports.n)
		fly_port_close(r->ports.at[--r->ports.n]);
}

/*
 * Are enough packets left when the drivers have filled their queues? Those that they receive into
 * are full now, and those that they send from are as long.
 */
static int check_packets(struct starting *s)
{
	const struct fly_poller_group *group = &s->runtime->group;
	unsigned kept;

	if (!has_packets(s->runtime))
		return 0;
	kept = 2 * (group->packets - rte_mempool_avail_count(group->pool));
	if (group->packets >= kept + group->n * PACKETS_SPARE)
		return 0;
	return fly_fail(
		FLY_EINVAL,
		"%u packets are too few: the drivers of the links may keep %u of them, and each "
		"poller needs %d",
		group->packets, kept, PACKETS_SPARE);
}

static int watch_ports(struct starting *s)
{
	return has_packets(s->runtime) ? fly_ports_add(&s->runtime->ports) : 0;
}

static void watch_ports_no_more(struct fly_runtime *r)
{
	if (has_packets(r))
		fly_ports_remove(&r->ports);
}

/* ---- local links ----------------------------------------------------------------------------- */

/* Open the listeners. Keep a local first link for fly_import(). */
static int open_locals(struct starting *s)
{
	struct fly_runtime *r = s->runtime;

	for (unsigned i = 0; i < s->n_specs; i++) {
		int status = 0;

		if (s->specs[i].kind != FLY_LINK_LOCAL)
			continue;
		if (s->specs[i].server)
			status = fly_clerk_open(&r->clerk, &r->group, &s->specs[i]);
		if (status)
			return status;
		if (i != 0)
			continue;
		r->local = malloc(sizeof *r->local);
		if (!r->local)
			return fly_fail(FLY_ENOMEM, "out of memory");
		*r->local = s->specs[i];
	}
	return 0;
}

static void stop_clerk(struct fly_runtime *r)
{
	fly_clerk_stop(r->clerk);
}

static void free_locals(struct fly_runtime *r)
{
	fly_clerk_free(r->clerk);
	free(r->local);
}

/* ---- in use ---------------------------------------------------------------------------------- */

static int begin_use(struct starting *s)
{
	if (fly_runtime_is_anybodys(s->runtime)) {
		unregister_starter(s->runtime); /* it made the pollers, and does not turn them */
		if (s->runtime->group.is_shared)
			fly_election_open(s->runtime->poller.election);
	} else {
		s->runtime->is_turned = true;
		fly_runtime_turned_here(s->runtime);
	}
	fly_process_add(s->runtime);
	return 0;
}

static void shut(struct fly_runtime *r);

static void end_use(struct fly_runtime *r)
{
	fly_runtime_turned_no_more(r);
	if (r->group.is_shared) {
		fly_standby_stop(r);
		fly_election_close(r->poller.election);
	}
	shut(r);
	for (unsigned i = 0; i < r->group.n; i++)
		fly_workers_stop(r->group.pollers[i]);
	for (unsigned i = 0; i < r->group.n; i++)
		fly_drain_linger(r->group.pollers[i]);
	fly_process_remove(r); /* no thread has a binding any more */
}

/*
 * The steps of a start. fly_stop() undoes them backwards. A failed start undoes the step that
 * failed, as far as it came, and those before it.
 */
static const struct step {
	/* Return: 0, or a negative status with a sentence. NULL: nothing to do. */
	int (*begin)(struct starting *s);
	void (*end)(struct fly_runtime *r);
} steps[] = {
	{NULL, leave_cores},
	{start_dpdk, NULL}, /* DPDK stays for the life of the process */
	{register_starter, unregister_starter},
	{register_turner, unregister_turner},
	{make_pool, free_pool},
	{make_pollers, free_pollers},
	{export_binder, free_rules},
	{open_ports, close_ports},
	{check_packets, NULL},
	{NULL, free_locals}, /* no poller turns any more */
	{watch_ports, watch_ports_no_more},
	{start_threads, stop_threads},
	{open_locals, stop_clerk}, /* the pollers still turn */
	{begin_use, end_use},
};

#define N_STEPS (sizeof steps / sizeof steps[0])

/* Undo @n steps and free the runtime. Return: number of packets missing from the pool. */
static unsigned undo(struct fly_runtime *r, size_t n)
{
	unsigned missing;

	while (n-- > 0) {
		if (steps[n].end)
			steps[n].end(r);
	}
	missing = r->n_missing;
	fly_owned_list_fini(&r->group.owned);
	pthread_mutex_destroy(&r->lock);
	fly_node_free(r, sizeof *r);
	return missing;
}

/* ---- before anything is made ----------------------------------------------------------------- */

static int check_options(const struct fly_options *o)
{
	if (o->calls > 65536)
		return fly_fail(FLY_EINVAL, "fly_start: at most 65536 calls");
	if (o->probes > 255)
		return fly_fail(FLY_EINVAL, "fly_start: at most 255 probes");
	if (o->wait > FLY_WAIT_SLEEP)
		return fly_fail(FLY_EINVAL, "fly_start: there is no such way to wait");
	if (o->shared && o->pollers)
		return fly_fail(FLY_EINVAL,
				"fly_start: threads that call turn the poller of a shared runtime: "
				"it has no pollers besides");
	return 0;
}

/* Before anything is opened: does each client of each server get a port? */
static int check_ports(const struct starting *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n_specs; i++)
		n += s->specs[i].kind == FLY_LINK_LOCAL ? 0 : s->specs[i].clients;
	return n <= FLY_LINKS ? 0
			      : fly_fail(FLY_EINVAL,
					 "the links have %u ports, since each client of a server "
					 "is one, and a runtime has at most %d: lower clients=, or "
					 "start another server",
					 n, FLY_LINKS);
}

static int parse_links(struct starting *s)
{
	for (const char *const *text = s->options->links; text && *text; text++) {
		int status;

		if (s->n_specs == FLY_LINKS)
			return fly_fail(FLY_EINVAL, "more than %d links", FLY_LINKS);
		status = fly_link_spec_parse(*text, &s->specs[s->n_specs]);
		if (status)
			return status;
		fly_port_choose_mtu(&s->specs[s->n_specs++]);
	}
	return s->n_specs ? check_ports(s)
			  : fly_fail(FLY_EINVAL, "a runtime needs at least one link");
}

/* Choose the runtime's NUMA node and the pollers' cores. Return: 0 or a negative status. */
static int place(struct starting *s, int *node)
{
	const struct fly_options *o = s->options;
	struct fly_topology *topology;
	bool is_device;
	int status;

	*node = fly_topology_node(&s->specs[0], &is_device);
	if (o->pollers == 0 && !o->cores)
		return 0;
	status = fly_topology_read(&topology);
	if (status)
		return status;
	status = fly_cores_node(topology, *node);
	if (!status)
		status = fly_pollers_choose(o, topology, *node, s->cores);
	fly_topology_free(topology);
	return status;
}

/*
 * Size of the pool; 0: none, there are local links only. The default grows with the pollers, which
 * keep packets and fill driver queues, and is less where packets are long.
 */
static unsigned packets_of(const struct starting *s)
{
	unsigned usual = PACKETS_DEFAULT;

	while (usual > PACKETS_LEAST && usual > PACKETS_BYTES / s->room)
		usual /= 2;
	for (unsigned i = 0; i < s->n_specs; i++) {
		if (s->specs[i].kind == FLY_LINK_LOCAL)
			continue;
		return s->options->packets ? s->options->packets
					   : RTE_MAX(s->options->pollers, 4U) / 4 * (usual + 1) - 1;
	}
	return 0;
}

static int make_runtime(struct starting *s, int node)
{
	static _Atomic unsigned runtimes_ever;
	const struct fly_options *o = s->options;
	struct fly_runtime *r = fly_node_alloc(sizeof *r, node);

	if (!r)
		return fly_fail(FLY_ENOMEM, "out of memory");
	s->room = packet_room(s->specs, s->n_specs);
	*r = (struct fly_runtime){
		.group.packets = packets_of(s),
		.group.node = node,
		.group.notice = {o->notice, o->notice_context},
		.group.wait = o->wait ? o->wait : FLY_WAIT_SPIN,
		.group.is_shared = o->shared,
		.lcore = LCORE_ID_ANY,
		.ports.group = &r->group,
		.thread = fly_thread_number(),
	};
	pthread_mutex_init(&r->lock, NULL);
	fly_owned_list_init(&r->group.owned);
	memcpy(r->cores, s->cores, sizeof r->cores);
	r->n_cores = o->pollers;
	s->runtime = r;
	snprintf(s->name, sizeof s->name, "fly%u", atomic_fetch_add(&runtimes_ever, 1));
	return 0;
}

static int start(struct starting *s)
{
	int node = 0;
	int status = check_options(s->options);

	if (!status)
		status = parse_links(s);
	if (!status)
		status = place(s, &node);
	if (status)
		return status;
	status = make_runtime(s, node);
	if (status) {
		fly_pollers_leave(s->cores, s->options->pollers);
		return status;
	}
	for (size_t i = 0; i < N_STEPS; i++) {
		status = steps[i].begin ? steps[i].begin(s) : 0;
		if (status) {
			undo(s->runtime, i + 1);
			return status;
		}
	}
	return 0;
}

int fly_start(const struct fly_options *options, struct fly_runtime **runtime)
{
	struct fly_options known;
	struct fly_no_sigpipe quiet;
	struct starting *s;
	int status;

	if (!options || !runtime)
		return fly_fail(FLY_EINVAL, "fly_start: options and runtime are needed");
	*runtime = NULL;
	status = fly_sized_take(&known, sizeof known, FLY_SIZED_UP_TO(struct fly_options, links),
				options, "struct fly_options");
	if (status)
		return status;
	s = calloc(1, sizeof *s); /* 22 kB: the calling thread's stack may be small */
	if (!s)
		return fly_fail(FLY_ENOMEM, "out of memory");
	s->options = &known;
	fly_resident_make();
	fly_process_begin();
	/* A driver may write to a socket whose peer has gone, now and whenever memory grows. */
	fly_no_sigpipe_begin(&quiet);
	status = start(s);
	fly_runtime_resume_here();
	fly_no_sigpipe_end(&quiet);
	if (!status)
		*runtime = s->runtime;
	free(s);
	return status;
}

/* ---- stopping -------------------------------------------------------------------------------- */

bool fly_runtime_is_within(const struct fly_runtime *r)
{
	const struct fly_poller *p = fly_poller_group_turned(&r->group);

	return fly_poller_group_has_thread(&r->group) || (p && (r->threads || p->turning));
}

int fly_runtime_check_thread(const struct fly_runtime *r, const char *function)
{
	const int status = fly_process_check(r, function);

	if (status || fly_runtime_is_anybodys(r) || fly_thread_is_here(r->thread))
		return status;
	return fly_fail(FLY_ECONFLICT,
			"%s: the runtime belongs to another thread, which started it and has no "
			"pollers beside it: call this there",
			function);
}

int fly_runtime_check(const struct fly_runtime *r, const char *function)
{
	const int status = fly_runtime_check_thread(r, function);

	/*
	 * Pollers of other threads take no such request from a procedure: fly_request(). Nor may
	 * the number of DPDK be given back that the thread has for the turn of a shared runtime.
	 */
	if (status || !(fly_runtime_is_within(r) || fly_elected_is_turning() ||
			(fly_runtime_is_anybodys(r) && fly_poller_is_in_procedure())))
		return status;
	return fly_fail(FLY_ECONFLICT, "%s: not from within a procedure", function);
}

/* The thread of an inline runtime has ended without stopping it: this thread turns it from now on.
 */
static bool take_over(struct fly_runtime *r)
{
	if (!r->is_turned || fly_thread_is_here(r->thread) || !fly_thread_has_ended(r->thread))
		return false;
	r->thread = fly_thread_number();
	r->poller.turning = false; /* the thread may have ended in a procedure */
	fly_poller_take(&r->poller);
	return true;
}

static int shut_poller(struct fly_poller *p, void *unused)
{
	struct fly_import *import;

	(void)unused;
	if (p->turning)
		return -FLY_ECONFLICT;
	fly_drain_withdraw(p, FLY_EXPORT_BINDER);
	p->is_shut = true;
	LIST_FOREACH(import, &p->imports, next)
	fly_behaviour_shut(import);
	return 0;
}

static void shut(struct fly_runtime *r)
{
	pthread_mutex_lock(&r->lock);
	memset(r->exports, 0, sizeof r->exports);
	pthread_mutex_unlock(&r->lock);
	fly_local_shut(&r->group);
	for (unsigned i = 0; i < r->group.n; i++)
		fly_request(r->group.pollers[i], shut_poller, NULL);
}

int fly_shutdown(struct fly_runtime *r)
{
	const int status = fly_runtime_check(r, "fly_shutdown");

	if (!status)
		shut(r);
	return status;
}

static int end_on_poller(struct fly_poller *p, void *unused)
{
	(void)p;
	(void)unused;
	fly_process_end_mine();
	return 0;
}

/*
 * End the bindings of the calling thread and of threads that have ended, and those that procedures
 * on the pollers have made.
 */
static void end_bindings(struct fly_runtime *r)
{
	fly_owned_end_mine(&r->group.owned);
	for (unsigned i = 0; r->threads && i < r->group.n; i++)
		fly_request(r->group.pollers[i], end_on_poller, NULL);
}

int fly_stop(struct fly_runtime *r)
{
	struct fly_no_sigpipe quiet;
	bool has_taken_over;
	unsigned packets;
	unsigned missing;
	unsigned n;
	int status;

	if (!r)
		return fly_fail(FLY_EINVAL, "stop: there is no runtime");
	has_taken_over = take_over(r);
	status = fly_runtime_check(r, "stop");
	if (status)
		return status;
	fly_owned_end_orphans(&r->group.owned);
	n = fly_owned_by_others(&r->group.owned);
	if (n)
		return fly_fail(FLY_ECONFLICT,
				"stop: other threads still have %u binding(s); fly_shutdown() ends "
				"their calls, and each has to end its own bindings, or itself",
				n);
	end_bindings(r);
	fly_no_sigpipe_begin(&quiet);
	if ((fly_runtime_is_anybodys(r) || has_taken_over) && has_packets(r))
		register_thread(); /* on failure stopping is only slower */
	packets = r->group.packets;
	missing = undo(r, N_STEPS);
	fly_runtime_resume_here();
	fly_no_sigpipe_end(&quiet);
	if (missing)
		return fly_fail(FLY_EPACKETS,
				"stop: %u of %u packet buffers are missing from the pool; this is "
				"a bug in the runtime or in a driver",
				missing, packets);
	return 0;
}
