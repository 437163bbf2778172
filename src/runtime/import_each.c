/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * runtime/import_each.c - all who export an interface on the networks of a runtime's links: asking
 * for them, and binding to each.
 *
 * Any thread that may import. The question is asked and waited for on a poller's thread
 * (slowpath/find.c); that poller also gets the bindings. Owns nothing that outlives a call.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <firefly/stub.h>

#include "base/error.h"
#include "base/mapped_ip.h"
#include "base/stub_version.h"
#include "fastpath/clock.h"
#include "fastpath/link_udp.h"
#include "host/link_spec.h"
#include "host/peer_address.h"
#include "host/udp_port.h"
#include "runtime/import.h"
#include "runtime/process.h"
#include "runtime/runtime.h"
#include "slowpath/find.h"
#include "threads/request.h"

#define MOST            256 /* found by one question */
#define TRIES           3 /* how many servers may answer and not be bound to: others wait for them */
#define DEFAULT_WAIT_MS 1000
#define NAP_NS          500000

/* What a caller wants to find, and what was found. */
struct wish {
	struct fly_runtime *runtime;
	const char *what; /* function, for sentences */
	const char *name;
	const struct fly_link_spec *over; /* the link; NULL: all */
	uint32_t wait_ms;
	struct fly_search search;
	struct fly_finding found[MOST];
};

/* ---- on which links ---- */

/* Several ways over one link: from an address of each interface that a udp: link may send over. */
static void add_ways(struct fly_search *s, struct fly_port *port, unsigned poller)
{
	struct fly_link *link = fly_port_link(port, poller);
	uint32_t ips[FLY_FIND_WAYS];
	unsigned n = 1;

	if (!link->up)
		return;
	ips[0] = 0;
	if (port->spec.kind == FLY_LINK_UDP)
		n = fly_udp_port_each(port, ips, FLY_FIND_WAYS);
	for (unsigned i = 0; i < n && s->n_ways < FLY_FIND_WAYS; i++)
		s->ways[s->n_ways++] = (struct fly_find_way){link, ips[i]};
}

/* Return: 0; or a negative status with a sentence: there is nowhere to ask. */
static int choose_ways(struct wish *w, unsigned poller)
{
	const struct fly_ports *ports = &w->runtime->ports;
	unsigned n = 0;

	w->search.n_ways = 0;
	for (unsigned i = 0; i < ports->n; i++) {
		if (w->over && !fly_port_is_of(ports->at[i], w->over))
			continue;
		n++;
		add_ways(&w->search, ports->at[i], poller);
	}
	if (w->search.n_ways)
		return 0;
	if (n)
		return fly_fail(FLY_ELINK, "%s %s: %s", w->what, w->name,
				w->over ? "the link is down, or has no IPv4 address"
					: "all links are down, or have no IPv4 address");
	if (w->over)
		return fly_fail(FLY_EINVAL,
				"%s %s: this runtime has no link %s:%s; add it to the links that "
				"it starts with",
				w->what, w->name, fly_link_kind_name(w->over->kind), w->over->what);
	return fly_fail(FLY_EINVAL,
			"%s %s: this runtime has local links only, which have no network; import "
			"from local:NAME",
			w->what, w->name);
}

/* Which link it is that the caller names. Return: 0 or a negative status with a sentence. */
static int read_link(struct wish *w, const char *link, struct fly_link_spec *spec)
{
	int status;

	if (!link)
		return 0;
	status = fly_link_spec_parse(link, spec);
	if (status)
		return status;
	if (spec->kind == FLY_LINK_LOCAL)
		return fly_fail(FLY_EINVAL,
				"%s %s: a local link has no network to ask; import from %s",
				w->what, w->name, link);
	w->over = spec;
	return 0;
}

/* ---- asking ---- */

/* Nobody's answer is in a hurry; who shares a core gives it away meanwhile. */
static void rest(const struct fly_poller *p, unsigned received)
{
	const struct timespec nap = {.tv_nsec = NAP_NS};

	if (received == 0 && p->group->wait != FLY_WAIT_SPIN)
		nanosleep(&nap, NULL);
}

static int ask_on_poller(struct fly_poller *p, void *argument)
{
	struct wish *w = argument;
	struct fly_search *s = &w->search;
	int status;

	if (p->is_shut)
		return fly_fail(FLY_ESTOPPED, "%s %s: the runtime was shut down", w->what, w->name);
	status = choose_ways(w, p->number);
	if (status)
		return status;
	p->clock.turns = 0; /* read the TSC now: do not use the cached time */
	fly_poller_turn(p, fly_poller_time(p));
	s->end_tsc = p->now_tsc + w->wait_ms * p->tsc_per_ms;
	fly_search_begin(p, s);
	while (!fly_search_step(p, s)) {
		const unsigned received = fly_poller_turn(p, fly_poller_time(p));

		rest(p, received);
		if (received == 0 && p->group->wait != FLY_WAIT_SPIN)
			p->clock.turns = 0;
	}
	fly_search_end(s);
	return 0;
}

/* What both functions check. Return: 0 or a negative status with a sentence. */
static int prepare(struct wish *w, const char *link, struct fly_link_spec *spec)
{
	const int status = fly_process_check(w->runtime, w->what);

	if (status)
		return status;
	if (!w->name || strlen(w->name) > FLY_FIND_NAME - 1)
		return fly_fail(FLY_EINVAL, "%s: a name of at most 63 characters is needed",
				w->what);
	if (w->wait_ms == 0)
		w->wait_ms = DEFAULT_WAIT_MS;
	memcpy(w->search.name, w->name, strlen(w->name));
	w->search.found = w->found;
	w->search.most = MOST;
	return read_link(w, link, spec);
}

static struct wish *new_wish(struct fly_runtime *runtime, const char *what, const char *name,
			     uint32_t version, uint32_t wait_ms)
{
	struct wish *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	w->runtime = runtime;
	w->what = what;
	w->name = name;
	w->wait_ms = wait_ms;
	w->search.version = version;
	return w;
}

/* ---- telling ---- */

static void tell(const struct wish *w, unsigned poller, const struct fly_finding *f,
		 void (*each)(void *context, const struct fly_found *found), void *context)
{
	const struct fly_port *port = fly_ports_of(&w->runtime->ports, f->link, poller);
	char ip[FLY_PEER_TEXT_BYTES];
	char peer[FLY_PEER_TEXT_BYTES + sizeof port->spec.what + 32];
	struct fly_found found = {.size = sizeof found, .peer = peer, .version = f->version};
	struct in6_addr address;

	if (!port)
		return;
	fly_map_ip(&address, f->ip);
	fly_peer_address_text(&address, 0, ip);
	snprintf(peer, sizeof peer, "%s:%u,via=%s:%s", ip, rte_be_to_cpu_16(f->port),
		 fly_link_kind_name(port->spec.kind), port->spec.what);
	each(context, &found);
}

int fly_find(struct fly_runtime *runtime, const char *name, uint32_t version, const char *link,
	     uint32_t wait_ms, void (*each)(void *context, const struct fly_found *found),
	     void *context)
{
	struct wish *w = new_wish(runtime, "find", name, version, wait_ms);
	struct fly_link_spec spec;
	struct fly_poller *p = NULL;
	int status;

	if (!w)
		return fly_fail(FLY_ENOMEM, "find: out of memory");
	status = prepare(w, link, &spec);
	if (!status) {
		p = fly_import_poller(runtime);
		status = fly_request(p, ask_on_poller, w);
	}
	for (unsigned i = 0; !status && each && i < w->search.n; i++)
		tell(w, p->number, &w->found[i], each, context);
	if (!status)
		status = (int)w->search.n;
	free(w);
	return status;
}

/* ---- importing ---- */

/* One of those that were found. */
struct one {
	const struct wish *wish;
	const struct fly_finding *found;
	struct fly_import *import;
};

static int import_on_poller(struct fly_poller *p, void *argument)
{
	struct one *o = argument;
	const struct fly_address at = {.ip = o->found->ip, .port = o->found->port};

	if (p->is_shut)
		return fly_fail(FLY_ESTOPPED, "import %s: the runtime was shut down",
				o->wish->name);
	return fly_import_at(p, o->found->link, &at, o->wish->name, o->wish->search.version,
			     &o->import);
}

/*
 * Return: bindings made; 0: none, with the status of the last try in *status. Answers may have come
 * from hosts that answer nothing else: none is tried when all have taken longer than TRIES of
 * those.
 */
static unsigned import_all(const struct wish *w, struct fly_poller *p,
			   struct fly_binding **bindings, unsigned most, int *status)
{
	const uint64_t began_tsc = fly_clock_now_tsc();
	unsigned n = 0;

	for (unsigned i = 0; i < w->search.n && n < most; i++) {
		struct one one = {w, &w->found[i], NULL};

		*status = fly_request(p, import_on_poller, &one);
		if (!*status)
			*status = fly_import_for_here(w->runtime, p, one.import, &bindings[n]);
		if (!*status)
			n++;
		if (fly_clock_now_tsc() - began_tsc > TRIES * p->waits.timeout_tsc)
			break;
	}
	return n;
}

int fly_import_each(struct fly_runtime *runtime, const struct fly_interface *interface,
		    const char *link, uint32_t wait_ms, struct fly_binding **bindings,
		    unsigned most)
{
	struct fly_link_spec spec;
	struct fly_poller *p;
	struct wish *w;
	unsigned n = 0;
	int status;

	if (interface && fly_stub_version_check(interface))
		return -FLY_EVERSION;
	if (!interface || !bindings || most == 0)
		return fly_fail(FLY_EINVAL, "import_each: an interface and room for bindings are "
					    "needed");
	w = new_wish(runtime, "import_each", interface->name, interface->version, wait_ms);
	if (!w)
		return fly_fail(FLY_ENOMEM, "import_each: out of memory");
	status = prepare(w, link, &spec);
	if (!status) {
		p = fly_import_poller(runtime);
		status = fly_request(p, ask_on_poller, w);
		if (!status)
			n = import_all(w, p, bindings, most, &status);
	}
	free(w);
	return n ? (int)n : status;
}
