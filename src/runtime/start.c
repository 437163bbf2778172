/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * start.c - the public calls that start, stop, turn and look at a runtime.
 *
 * Owns struct fly_runtime and the pool. Everything runs on the thread that started the runtime,
 * except where runtime.h says "any thread". Must not touch a port behind port.c's back.
 */
#include "runtime/runtime.h"

#include <arpa/inet.h>
#include <sched.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <sys/eventfd.h>

#include <numa.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_version.h>

#include <firefly/topology.h>

#include "fastpath/clock.h"
#include "fastpath/slow.h"
#include "host/cores.h"
#include "host/eal.h"
#include "base/error.h"
#include "base/sized.h"
#include "base/stub_version.h"
#include "threads/request.h"
#include "local/clerk.h"
#include "local/import.h"
#include "runtime/attach.h"
#include "runtime/import.h"
#include "threads/waiting.h"
#include "base/owned.h"
#include "slowpath/sweep.h"
#include "host/topology.h"
#include "runtime/worker_threads.h"

#define PACKETS_DEFAULT 8191 /* one less than a power of two: what fits a mempool's ring best */
#define PACKETS_SPARE \
	(FLY_PACKET_CACHE + 64)    /* at least so many must be left when the links are up */
#define PACKETS_LOCAL         1023 /* with local links only: for what other threads hand over */
#define CALLS_DEFAULT         1024
#define CONVERSATIONS_DEFAULT 4096
#define STOP_TURNS            4
#define PACKET_OVERHEAD       256 /* mbuf and mempool headers, padding: for the estimate only */

/* How many runtimes this thread has: it is registered with DPDK while there is one. */
static _Thread_local unsigned runtimes_here;
/* They, the newest first. */
static _Thread_local struct fly_runtime *runtimes;
static _Atomic unsigned runtimes_ever;

const char *fly_version(void)
{
	return FLY_VERSION;
}

void fly_runtime_notice(const struct fly_runtime *runtime, const char *format, ...)
{
	char line[384];
	va_list arguments;

	if (!runtime->notice)
		return;
	va_start(arguments, format);
	vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	runtime->notice(runtime->notice_context, line);
}

/* ---- starting ---- */

/* A registered thread has a mempool cache of its own; without one each packet takes a detour. */
static int register_thread(void)
{
	if (rte_lcore_id() != LCORE_ID_ANY) {
		if (runtimes_here > 0)
			runtimes_here++; /* else the program registered it, and will unregister it
					  */
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

/* What the pool's packets must hold: the largest frame of any link, and the stubs' room. */
static uint32_t packet_room(const struct fly_link_spec *specs, unsigned n)
{
	uint32_t room = FLY_PAYLOAD + FLY_PAYLOAD_ROOM;

	for (unsigned i = 0; i < n; i++)
		room = RTE_MAX(room, specs[i].mtu + FLY_IP);
	return RTE_ALIGN(room, 64U);
}

static struct rte_mempool *pool_on(const struct fly_runtime *r, const char *name, uint32_t room,
				   int node)
{
	return rte_pktmbuf_pool_create(name, r->packets, RTE_MEMPOOL_CACHE_MAX_SIZE / 2, 0,
				       (uint16_t)(RTE_PKTMBUF_HEADROOM + room), node);
}

static int make_pool(struct fly_runtime *r, const char *name, uint32_t room)
{
	r->pool = pool_on(r, name, room, r->node);
	if (!r->pool)
		r->pool = pool_on(r, name, room,
				  SOCKET_ID_ANY); /* without hugepages: one node has all */
	if (!r->pool)
		return fly_fail(
			FLY_ENOMEM,
			"no memory for %u packets of %u bytes; ask for fewer packets, or reserve "
			"hugepages%s",
			r->packets, room, fly_eal_last_log());
	return 0;
}

/* Each poller has some in its hands, and one queue of a driver more may be filled with them. */
static unsigned packets_default(unsigned pollers)
{
	return RTE_MAX(pollers, 4U) / 4 * (PACKETS_DEFAULT + 1) - 1;
}

static int parse_links(const struct fly_options *o, struct fly_link_spec *specs, unsigned *n)
{
	*n = 0;
	for (const char *const *text = o->links; text && *text; text++) {
		int status;

		if (*n == FLY_LINKS)
			return fly_fail(FLY_EINVAL, "more than %d links", FLY_LINKS);
		status = fly_link_spec_parse(*text, &specs[(*n)++]);
		if (status)
			return status;
	}
	return *n ? 0 : fly_fail(FLY_EINVAL, "a runtime needs at least one link");
}

static int open_ports(struct fly_runtime *r, const struct fly_link_spec *specs, unsigned n_specs)
{
	for (unsigned i = 0; i < n_specs; i++) {
		if (specs[i].kind == FLY_LINK_LOCAL)
			continue; /* no packets, no port */
		for (unsigned client = 0; client < specs[i].clients; client++) {
			struct fly_port *port;
			int status;

			if (r->n_ports == FLY_LINKS)
				return fly_fail(FLY_EINVAL, "more than %d ports", FLY_LINKS);
			status = fly_port_open(r, &specs[i], client, &port);
			if (status)
				return status;
			r->ports[r->n_ports++] = port;
			for (unsigned j = 0; j < r->n_pollers; j++)
				fly_poller_attach(r->pollers[j], fly_port_link(port, j));
		}
	}
	return 0;
}

/* Local links: a server's is opened, a client's is kept if fly_import() may mean it. */
static int open_locals(struct fly_runtime *r, const struct fly_link_spec *specs, unsigned n_specs)
{
	for (unsigned i = 0; i < n_specs; i++) {
		int status = 0;

		if (specs[i].kind != FLY_LINK_LOCAL)
			continue;
		if (specs[i].server)
			status = fly_clerk_open(r, &specs[i]);
		if (status)
			return status;
		if (i != 0)
			continue;
		r->local = malloc(sizeof *r->local);
		if (!r->local)
			return fly_fail(FLY_ENOMEM, "out of memory");
		*r->local = specs[i];
	}
	return 0;
}

static bool has_ports(const struct fly_link_spec *specs, unsigned n_specs)
{
	for (unsigned i = 0; i < n_specs; i++) {
		if (specs[i].kind != FLY_LINK_LOCAL)
			return true;
	}
	return false;
}

/*
 * Drivers write to sockets: virtio-user to its server's, when it says goodbye and whenever the
 * process's memory grows or shrinks. That the peer is gone is the driver's error to handle; the
 * program's thread gets no signal for it. The control thread has them all blocked.
 */
struct quiet {
	sigset_t before;
	bool was_pending;
};

static void quiet_begin(struct quiet *q)
{
	sigset_t set;

	sigpending(&set);
	q->was_pending = sigismember(&set, SIGPIPE);
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &set, &q->before);
}

static void quiet_end(const struct quiet *q)
{
	const struct timespec at_once = {0};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	if (!q->was_pending)
		sigtimedwait(&set, NULL, &at_once);
	pthread_sigmask(SIG_SETMASK, &q->before, NULL);
}

static unsigned stop(struct fly_runtime *r);

/* Whole pages on one node; anywhere, if that is not known. */
static void *alloc_on(size_t bytes, int node)
{
	return numa_available() < 0 ? numa_alloc(bytes) : numa_alloc_onnode(bytes, node);
}

/* Where a runtime belongs, and on which cores its pollers run. Return: 0 or a negative status. */
static int place(const struct fly_options *o, const struct fly_link_spec *spec, int *node,
		 unsigned *cores)
{
	struct fly_topology *topology;
	bool is_device;
	int status;

	*node = fly_topology_node(spec, &is_device);
	if (o->pollers == 0 && !o->cores)
		return 0;
	status = fly_topology_read(&topology);
	if (status)
		return status;
	status = fly_cores_node(topology, *node);
	if (!status)
		status = fly_pollers_choose(o, topology, *node, cores);
	fly_topology_free(topology);
	return status;
}

/* The pollers that fly_stop() finds are whole; the first is in the runtime. */
static int make_pollers(struct fly_runtime *r, const struct fly_options *o, const char *name)
{
	const unsigned n = o->pollers ? o->pollers : 1;
	char names[FLY_POLLERS][16];
	struct fly_poller_config config = {
		.pool = r->pool,
		.packets = r->packets / n, /* its share */
		.calls = o->calls ? o->calls : CALLS_DEFAULT,
		.conversations = o->conversations ? o->conversations : CONVERSATIONS_DEFAULT,
		.call_timeout_ms = o->call_timeout_ms,
		.resend_first_us = o->resend_first_us,
		.resend_least_us = o->resend_least_us,
		.resend_most_ms = o->resend_most_ms,
		.probe_most_ms = o->probe_most_ms,
		.probes = o->probes,
		.tsc_per_ms = fly_clock_tsc_per_ms(),
		.socket = r->pool->socket_id,
	};

	for (unsigned i = 0; i < n; i++) {
		struct fly_poller *p = i ? alloc_on(sizeof *p, r->node) : &r->poller;

		snprintf(names[i], sizeof names[i], "%.13s%c", name, (char)('a' + i));
		config.name = names[i];
		if (!p || fly_poller_init(p, &config, fly_clock_now_tsc())) {
			if (i && p)
				numa_free(p, sizeof *p);
			return fly_fail(FLY_ENOMEM, "no memory for %u calls and %u conversations",
					config.calls, config.conversations);
		}
		p->runtime = r;
		p->number = i;
		p->desk.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		r->pollers[r->n_pollers++] = p;
	}
	return 0;
}

static int start(const struct fly_options *o, struct fly_runtime **runtime)
{
	struct fly_link_spec specs[FLY_LINKS];
	struct fly_runtime *r;
	char name[16];
	unsigned cores[FLY_POLLERS] = {0};
	unsigned n_specs;
	uint32_t room;
	int status;
	int node;

	if (o->calls > 65536)
		return fly_fail(FLY_EINVAL, "fly_start: at most 65536 calls");
	if (o->probes > 255)
		return fly_fail(FLY_EINVAL, "fly_start: at most 255 probes");
	if (o->wait > FLY_WAIT_SLEEP)
		return fly_fail(FLY_EINVAL, "fly_start: there is no such way to wait");
	*runtime = NULL;
	status = parse_links(o, specs, &n_specs);
	if (status)
		return status;
	status = place(o, &specs[0], &node, cores);
	if (status)
		return status;
	r = alloc_on(sizeof *r, node);
	if (!r)
		return fly_fail(FLY_ENOMEM, "out of memory");
	*r = (struct fly_runtime){
		.packets = o->packets ? o->packets : packets_default(o->pollers),
		.node = node,
		.notice = o->notice,
		.notice_context = o->notice_context,
		.wait = o->wait ? o->wait : FLY_WAIT_SPIN,
	};
	pthread_mutex_init(&r->lock, NULL);
	LIST_INIT(&r->owned);
	if (!o->packets && !has_ports(specs, n_specs))
		r->packets = PACKETS_LOCAL;
	room = packet_room(specs, n_specs);
	status = fly_eal_start(o->eal, (size_t)r->packets * (room + PACKET_OVERHEAD) + (16UL << 20),
			       fly_ports_watch);
	if (status)
		goto fail_memory;
	status = register_thread();
	if (status)
		goto fail_memory;
	if (!fly_eal_state()->hugepage_bytes)
		fly_runtime_notice(r, "%s", fly_eal_state()->why_no_huge);

	snprintf(name, sizeof name, "fly%u", atomic_fetch_add(&runtimes_ever, 1));
	status = make_pool(r, name, room);
	if (status)
		goto fail_thread;

	status = make_pollers(r, o, name);
	if (!status)
		status = fly_binder_export(r);
	if (!status)
		status = open_ports(r, specs, n_specs);
	if (!status && rte_mempool_avail_count(r->pool) < r->n_pollers * PACKETS_SPARE)
		status =
			fly_fail(FLY_EINVAL,
				 "%u packets are too few: the drivers of the links keep %u of them "
				 "to receive into",
				 r->packets, r->packets - rte_mempool_avail_count(r->pool));
	if (!status)
		status = fly_ports_add(r);
	if (!status && o->pollers)
		status = fly_pollers_start(r, cores);
	if (!status)
		status = open_locals(r, specs, n_specs);
	if (status) {
		stop(r);
		return status;
	}
	*runtime = r;
	if (r->threads) {
		unregister_thread(); /* it has made them, and has no further part in them */
		return 0;
	}
	r->next_here = runtimes;
	runtimes = r;
	return 0;

fail_thread:
	unregister_thread();
fail_memory:
	numa_free(r, sizeof *r);
	return status;
}

static void forget_here(const struct fly_runtime *r)
{
	struct fly_runtime **at = &runtimes;

	while (*at && *at != r)
		at = &(*at)->next_here;
	if (*at)
		*at = r->next_here;
}

static void turn_all(struct fly_runtime *r)
{
	for (unsigned i = 0; i < r->n_pollers; i++)
		fly_poller_turn(r->pollers[i], fly_poller_time(r->pollers[i]));
}

/* Return: how many packets were missing. Leaves no sentence: it ends what could not start, too. */
static unsigned stop(struct fly_runtime *r)
{
	unsigned missing;

	forget_here(r);
	fly_shutdown(r);
	for (unsigned i = 0; i < r->n_pollers; i++)
		fly_workers_stop(r->pollers[i]);
	fly_clerk_stop(r);
	fly_pollers_stop(r);
	for (unsigned i = 0; i < r->n_pollers; i++)
		fly_ask_close(r->pollers[i]);
	for (unsigned i = 0; i < STOP_TURNS; i++) /* that the calls are cancelled goes out */
		turn_all(r);
	fly_ports_remove(r);
	fly_clerk_free(r);
	free(r->local);
	while (r->rules) {
		struct fly_export_rule *rule = r->rules;

		r->rules = rule->next;
		free(rule);
	}
	for (unsigned i = 0; i < r->n_pollers; i++) {
		struct fly_poller *p = r->pollers[i];

		while (!LIST_EMPTY(&p->imports))
			fly_import_unbind(&LIST_FIRST(&p->imports)->head);
		while (p->n_links)
			fly_poller_detach(p, p->links[p->n_links - 1]);
	}
	while (r->n_ports)
		fly_port_close(r->ports[--r->n_ports]);
	while (r->n_pollers) {
		struct fly_poller *p = r->pollers[--r->n_pollers];

		close(p->desk.wake_fd);
		fly_poller_fini(p);
		if (p != &r->poller)
			numa_free(p, sizeof *p);
	}
	missing = r->packets - rte_mempool_avail_count(r->pool);
	rte_mempool_free(r->pool);
	unregister_thread();
	numa_free(r, sizeof *r);
	return missing;
}

static int shut_poller(struct fly_poller *p, void *unused)
{
	struct fly_import *import;

	(void)unused;
	if (p->turning)
		return -FLY_ECONFLICT;
	for (uint32_t i = 0; i < FLY_EXPORTS; i++)
		p->exports[i] = (struct fly_export){.id = ~i};
	p->exports_since_ms = p->now_ms;
	p->is_shut = true;
	LIST_FOREACH(import, &p->imports, next)
	fly_import_shut(import);
	return 0;
}

/* Is this a thread of the runtime's, or inside of a turn of its only poller? */
static bool is_within(const struct fly_runtime *r)
{
	const struct fly_worker *w = fly_worker_here();

	if (w && w->pool->runtime == r)
		return true;
	for (unsigned i = 0; i < r->n_pollers; i++) {
		if (fly_poller_is_here(r->pollers[i]) && (r->threads || r->pollers[i]->turning))
			return true;
	}
	return false;
}

void fly_shutdown(struct fly_runtime *r)
{
	if (is_within(r))
		return;
	pthread_mutex_lock(&r->lock);
	memset(r->exports, 0, sizeof r->exports);
	pthread_mutex_unlock(&r->lock);
	fly_local_shut(r);
	for (unsigned i = 0; i < r->n_pollers; i++)
		fly_ask(r->pollers[i], shut_poller, NULL);
}

int fly_start(const struct fly_options *options, struct fly_runtime **runtime)
{
	struct fly_options o;
	struct quiet quiet;
	int status;

	if (!options || !runtime)
		return fly_fail(FLY_EINVAL, "fly_start: options and runtime are needed");
	status = fly_sized_take(&o, sizeof o, FLY_SIZED_UP_TO(struct fly_options, links), options,
				"struct fly_options");
	if (status)
		return status;
	quiet_begin(&quiet);
	status = start(&o, runtime);
	quiet_end(&quiet);
	return status;
}

static int end_on_poller(struct fly_poller *p, void *unused)
{
	(void)unused;
	fly_owned_end_mine(p->runtime);
	return 0;
}

/* Those of the calling thread, and those that procedures on the runtime's pollers have made. */
static void end_bindings(struct fly_runtime *r)
{
	fly_owned_end_mine(r);
	for (unsigned i = 0; r->threads && i < r->n_pollers; i++)
		fly_ask(r->pollers[i], end_on_poller, NULL);
}

int fly_stop(struct fly_runtime *r)
{
	struct quiet quiet;
	unsigned packets;
	unsigned missing;
	unsigned n;

	if (!r)
		return fly_fail(FLY_EINVAL, "stop: there is no runtime");
	if (is_within(r))
		return fly_fail(FLY_ECONFLICT, "stop: not from within a procedure");
	n = fly_owned_by_others(r);
	if (n)
		return fly_fail(FLY_ECONFLICT,
				"stop: other threads still have %u binding(s); fly_shutdown() ends "
				"their calls, and each has to end its own bindings",
				n);
	end_bindings(r);
	quiet_begin(&quiet);
	if (r->threads)
		register_thread(); /* without it stopping is slower, and works */
	packets = r->packets;
	missing = stop(r);
	quiet_end(&quiet);
	if (missing)
		return fly_fail(FLY_EPACKETS,
				"stop: %u of %u packet buffers are missing from the pool; this is "
				"a bug in the runtime or in a driver",
				missing, packets);
	return 0;
}

/* ---- turning ---- */

unsigned fly_turn(struct fly_runtime *r)
{
	if (r->threads)
		return 0;
	return fly_poller_turn(&r->poller, fly_poller_time(&r->poller));
}

int fly_serve(struct fly_runtime *r)
{
	struct fly_nap nap = {0};

	if (r->threads) {
		fly_pollers_wait(r);
		return 0;
	}
	while (!atomic_load_explicit(&r->quit, memory_order_relaxed)) /* carries no data */
		fly_nap_poller(&nap, &r->poller, r->wait, fly_turn(r));
	atomic_store_explicit(&r->quit, false, memory_order_relaxed);
	return 0;
}

void fly_quit(struct fly_runtime *r)
{
	if (r->threads) {
		fly_pollers_quit(r);
		return;
	}
	atomic_store_explicit(&r->quit, true, memory_order_relaxed);
}

void fly_slow_attention(struct fly_poller *p)
{
	if (p->runtime)
		fly_ports_attend(p->runtime, p);
	fly_ask_attend(p);
}

/* Does it run a procedure: of a call in packets, or over the local link? */
static bool is_serving(const struct fly_poller *p)
{
	const struct fly_conversation *c = p->serving;

	return p->turning && (p->serving_slot || (c && c->state == FLY_CONVERSATION_RUNNING));
}

/* A runtime that is turned within another's turn is newer. */
struct fly_poller *fly_runtime_serving_here(void)
{
	struct fly_poller *own = fly_pollers_here();

	if (own)
		return is_serving(own) ? own : NULL;
	for (struct fly_runtime *r = runtimes; r; r = r->next_here) {
		if (is_serving(&r->poller))
			return &r->poller;
	}
	return NULL;
}

/* ---- exports and bindings ---- */

/* What the options say about peers over local links. Return: 0 and *rule, or a negative status. */
static int make_rule(struct fly_runtime *r, const struct fly_export_options *o,
		     struct fly_export_rule **rule)
{
	struct fly_export_rule *new;

	*rule = NULL;
	if (!o)
		return 0;
	if (o->a_stacks > FLY_ASTACK_SLOTS)
		return fly_fail(FLY_EINVAL, "export: at most %d A-stacks", FLY_ASTACK_SLOTS);
	/* An empty list may well mean nobody: who means everybody says so by having none. */
	if (!o->uids != (o->n_uids == 0) || !o->gids != (o->n_gids == 0))
		return fly_fail(
			FLY_EINVAL,
			"export: a list of users or groups and its length belong together; for "
			"everybody leave out both, for nobody use allow");
	if (o->n_uids > 65536 || o->n_gids > 65536)
		return fly_fail(FLY_EINVAL, "export: at most 65536 users and groups");
	new = malloc(sizeof *new + ((size_t)o->n_uids + o->n_gids) * sizeof new->ids[0]);
	if (!new)
		return fly_fail(FLY_ENOMEM, "export: out of memory");
	*new = (struct fly_export_rule){
		.a_stacks = o->a_stacks ? o->a_stacks : FLY_ASTACK_SLOTS_DEFAULT,
		.n_uids = o->n_uids,
		.n_gids = o->n_gids,
		.allow = o->allow,
	};
	if (o->n_uids)
		memcpy(new->ids, o->uids, o->n_uids * sizeof new->ids[0]);
	if (o->n_gids)
		memcpy(new->ids + o->n_uids, o->gids, o->n_gids * sizeof new->ids[0]);
	pthread_mutex_lock(&r->lock);
	new->next = r->rules;
	r->rules = new;
	pthread_mutex_unlock(&r->lock);
	*rule = new;
	return 0;
}

static_assert(sizeof(uid_t) == sizeof(id_t) && sizeof(gid_t) == sizeof(id_t), "copied as they are");

/* Is there something in its way? Return: 0 and its place, or a negative status with a sentence. */
static int find_place(const struct fly_export *exports, const struct fly_interface *interface,
		      uint32_t *place)
{
	uint32_t at = FLY_EXPORT_BINDER;

	for (uint32_t i = 0; i < FLY_EXPORTS; i++) {
		if (exports[i].n_procedures &&
		    exports[i].interface->version == interface->version &&
		    strcmp(exports[i].interface->name, interface->name) == 0)
			return fly_fail(FLY_EINUSE, "export %s: it is exported already",
					interface->name);
	}
	while (at < FLY_EXPORTS && exports[at].n_procedures)
		at++;
	*place = at;
	return at < FLY_EXPORTS
		       ? 0
		       : fly_fail(FLY_ENOMEM, "export %s: a runtime exports at most %d interfaces",
				  interface->name, FLY_EXPORTS - 1);
}

struct offer {
	uint32_t at;
	struct fly_export export;
};

static int export_on_poller(struct fly_poller *p, void *argument)
{
	const struct offer *offer = argument;

	if (offer->export.pool && fly_worker_pool_open(p, offer->export.pool))
		return fly_fail(FLY_ENOMEM, "export %s: out of memory",
				offer->export.interface->name);
	p->exports[offer->at] = offer->export;
	return 0;
}

static int withdraw_on_poller(struct fly_poller *p, void *argument)
{
	const struct offer *offer = argument;

	p->exports[offer->at] = (struct fly_export){.id = ~offer->at};
	if (offer->export.pool)
		fly_worker_pool_remove(p, offer->export.pool);
	return 0;
}

/*
 * Each poller has workers of its own. The first poller is the one whose binder is asked: it must
 * not be ahead of the others, and until it has the export nobody can know it.
 */
static int export_on_all(struct fly_runtime *r, struct offer *offer,
			 const struct fly_export_options *o)
{
	struct offer offers[FLY_POLLERS];
	unsigned i = r->n_pollers;
	int status = 0;

	while (i > 0 && !status) {
		offers[--i] = *offer;
		status = fly_workers_start(r, r->pollers[i], o, i, r->n_pollers, &offers[i].export);
		if (status)
			break;
		status = fly_ask(r->pollers[i], export_on_poller, &offers[i]);
		if (status)
			fly_workers_drop(offers[i].export.pool);
	}
	if (!status)
		return 0;
	while (++i < r->n_pollers) {
		fly_ask(r->pollers[i], withdraw_on_poller, &offers[i]);
		fly_workers_drop(offers[i].export.pool);
	}
	return status;
}

int fly_export_with(struct fly_runtime *r, const struct fly_interface *interface,
		    const void *procedures, void *context, const struct fly_export_options *options)
{
	struct fly_export_options known;
	const struct fly_export_options *o = options ? &known : NULL;
	struct offer offer = {0};
	struct fly_export_rule *rule;
	int status = 0;

	if (interface && fly_stub_version_check(interface))
		return -FLY_EVERSION;
	if (!interface || !procedures || strlen(interface->name) > 63 ||
	    interface->n_procedures == 0)
		return fly_fail(FLY_EINVAL, "export: an interface with procedures is needed");
	if (r->n_pollers > 1 && is_within(r)) /* two that ask each other would wait for ever */
		return fly_fail(FLY_ECONFLICT, "export %s: not from within a procedure",
				interface->name);
	if (o)
		status = fly_sized_take(&known, sizeof known,
					FLY_SIZED_UP_TO(struct fly_export_options, workers),
					options, "struct fly_export_options");
	if (!status)
		status = fly_workers_check(interface, o);
	if (!status)
		status = make_rule(r, o, &rule);
	if (status)
		return status;
	pthread_mutex_lock(&r->lock);
	status = find_place(r->exports, interface, &offer.at);
	if (!status) {
		offer.export = (struct fly_export){
			/* The binder's is known to all; the others' change with each start. */
			.id = offer.at == FLY_EXPORT_BINDER
				      ? FLY_EXPORT_BINDER
				      : (fly_import_random32() & ~(FLY_EXPORTS - 1U)) + offer.at,
			.n_procedures = interface->n_procedures,
			.stubs = interface->procedures,
			.procedures = procedures,
			.context = context,
			.interface = interface,
			.rule = rule,
		};
		r->exports[offer.at] = offer.export;
	}
	pthread_mutex_unlock(&r->lock);
	if (status)
		return status;
	status = export_on_all(r, &offer, o);
	if (status) {
		pthread_mutex_lock(&r->lock);
		r->exports[offer.at] = (struct fly_export){0};
		pthread_mutex_unlock(&r->lock);
	}
	return status;
}

int fly_export(struct fly_runtime *r, const struct fly_interface *interface, const void *procedures,
	       void *context)
{
	return fly_export_with(r, interface, procedures, context, NULL);
}

int fly_runtime_peer(struct fly_runtime *r, unsigned poller, const char *peer,
		     struct fly_link **link, struct fly_address *address)
{
	const struct fly_port *port = r->ports[0];
	uint16_t udp_port;

	if (r->n_ports == 0)
		return fly_fail(FLY_EINVAL,
				"'%s': this runtime has local links only, as in local:NAME",
				peer ? peer : "");
	udp_port = port->spec.peer_port;

	*address = (struct fly_address){.ip = port->peer_ip};
	*link = fly_port_link(r->ports[0], poller);
	if (peer && fly_link_spec_address(peer, &address->ip, &udp_port))
		return fly_fail(FLY_EINVAL, "'%s' is not an address, as in 10.0.0.2 or 10.0.0.2:%d",
				peer, FLY_UDP_PORT_DEFAULT);
	if (address->ip == 0)
		return fly_fail(
			FLY_EINVAL,
			"link %s: whom to call is not said; add peer=, as in %s,peer=10.0.0.2",
			port->spec.text, port->spec.text);
	address->port = htons(udp_port);
	return 0;
}

/* ---- looking ---- */

const struct fly_link *fly_runtime_link(const struct fly_runtime *r, unsigned index)
{
	return index < r->n_ports ? &r->ports[index]->link : NULL;
}

static int count_packets(struct fly_poller *p, void *argument)
{
	struct fly_packet_census *census = argument;

	census->free += p->cache.n;
	census->retained += p->conversations.n_retained;
	for (uint32_t i = 0; i < p->calls.n; i++) {
		if (p->calls.entries[i].packet)
			census->retained++;
	}
	for (uint32_t i = 0; i < p->n_links; i++)
		census->queued += p->links[i]->n_queued;
	return 0;
}

int fly_packets(const struct fly_runtime *r, struct fly_packet_census *census)
{
	struct fly_packet_census ours = {
		.total = r->packets,
		.free = rte_mempool_avail_count(r->pool),
	};
	int status = fly_sized_check(census, sizeof ours,
				     FLY_SIZED_UP_TO(struct fly_packet_census, total),
				     "struct fly_packet_census");

	for (unsigned i = 0; i < r->n_pollers && !status; i++)
		status = fly_ask(r->pollers[i], count_packets, &ours);
	if (!status)
		fly_sized_give(census, &ours, sizeof ours);
	return status;
}

void fly_counters(const struct fly_runtime *r,
		  void (*each)(void *context, const char *name, const char *about, uint64_t value),
		  void *context)
{
	for (unsigned i = 0; i < FLY_N_COUNTERS; i++) {
		uint64_t sum = 0;

		for (unsigned j = 0; j < r->n_pollers; j++)
			sum += fly_stats_get(&r->pollers[j]->stats, i);
		if (i == FLY_COUNT_local_refused && r->clerk)
			sum += fly_clerk_refused(r->clerk);
		each(context, fly_stats_name(i), fly_stats_about(i), sum);
	}
}

int fly_platform(const struct fly_runtime *r, struct fly_platform *platform)
{
	const struct fly_platform ours = {
		.dpdk = rte_version(),
		.hugepage_bytes = fly_eal_state()->hugepage_bytes,
		.tsc_hz = rte_get_tsc_hz(),
	};
	const int status =
		fly_sized_check(platform, sizeof ours, FLY_SIZED_UP_TO(struct fly_platform, dpdk),
				"struct fly_platform");

	(void)r;
	if (!status)
		fly_sized_give(platform, &ours, sizeof ours);
	return status;
}
