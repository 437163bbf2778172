/* SPDX-License-Identifier: BSD-3-Clause */
/* sim.c - see sim.h. Owns the nodes, their pools and links; one thread. */
#include "sim.h"
#include "base/random.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_eal.h>

static void *must(void *p)
{
	if (!p) {
		fputs("sim: out of memory\n", stderr);
		abort();
	}
	return p;
}

static void *new_aligned(size_t bytes)
{
	void *p = must(aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_CACHE_LINE_ROUNDUP(bytes)));

	memset(p, 0, bytes);
	return p;
}

void sim_eal(void)
{
	static char *argv[] = {"test",
			       "--no-huge",
			       "--no-shconf",
			       "-m",
			       "128",
			       "--no-pci",
			       "--no-telemetry",
			       "--lcores",
			       "0@0",
			       "--log-level=4",
			       "--file-prefix=firefly-test",
			       NULL};

	if (rte_eal_init((int)RTE_DIM(argv) - 1, argv) < 0) {
		fputs("sim: EAL does not start\n", stderr);
		abort();
	}
}

struct sim *sim_new(void)
{
	struct sim *s = must(calloc(1, sizeof *s));

	s->now_tsc = UINT64_C(5000) * SIM_TSC_PER_MS;
	s->step_us = 10;
	return s;
}

struct sim_node *sim_add(struct sim *s, const struct sim_node_config *c)
{
	static unsigned nodes_ever;
	struct sim_node *node = new_aligned(sizeof *node);
	char name[16];

	snprintf(name, sizeof name, "sim%u", nodes_ever++);
	node->index = s->n_nodes;
	node->runtime.group.pollers[0] = sim_poller(node);
	node->runtime.group.n = 1;
	node->runtime.thread = fly_thread_number();
	node->runtime.group.packets = c && c->packets ? c->packets : 511;
	node->runtime.group.pool =
		must(rte_pktmbuf_pool_create(name, node->runtime.group.packets, 0, 0,
					     RTE_PKTMBUF_HEADROOM + 2048, SOCKET_ID_ANY));

	const struct fly_poller_config config = {
		.pool = node->runtime.group.pool,
		.packets = node->runtime.group.packets,
		.calls = c && c->calls ? c->calls : 64,
		.conversations = c && c->conversations ? c->conversations : 64,
		.call_timeout_ms = c && c->timeout_ms ? c->timeout_ms : 1000,
		.tsc_per_ms = SIM_TSC_PER_MS,
		.name = name,
		.socket = SOCKET_ID_ANY,
	};

	must(fly_poller_init(sim_poller(node), &config, s->now_tsc) == 0 ? node : NULL);
	s->nodes[s->n_nodes++] = node;
	return node;
}

/* Addresses name the node and the link: 10.0.0.N, 02:00:00:00:LINK:N. */
static void address(struct sim_link *l, unsigned node, unsigned link)
{
	l->link.ip = htonl(0x0a000001 + node);
	l->link.udp_port = htons(SIM_PORT);
	memcpy(l->link.mac, (uint8_t[]){2, 0, 0, 0, (uint8_t)link, (uint8_t)(node + 1)}, 6);
	l->link.payload_own = 1500 - FLY_IP_OVERHEAD;
	l->link.payload_max = l->link.payload_own;
	l->link.checksum = FLY_CHECKSUM_NONE;
	l->link.answers_arp = true;
	l->link.is_private = true;
	l->link.has_one_peer = true;
}

static void attach(struct sim_node *node, struct sim_link *l)
{
	address(l, node->index, node->n_links);
	l->link.pool = node->runtime.group.pool;
	must(fly_poller_attach(sim_poller(node), &l->link) == 0 ? l : NULL);
	node->links[node->n_links++] = l;
}

struct sim_link *sim_join(struct sim *s, struct sim_node *a, struct sim_node *b)
{
	struct sim_link *at_a = new_aligned(sizeof *at_a);
	struct sim_link *at_b = new_aligned(sizeof *at_b);

	sim_link_init(at_a, at_b, &s->now_tsc, 1989);
	attach(a, at_a);
	attach(b, at_b);
	return at_a;
}

struct sim_link *sim_join_open(struct sim *s, struct sim_node *a)
{
	struct sim_link *at_a = new_aligned(sizeof *at_a);
	struct sim_link *far = new_aligned(sizeof *far);

	sim_link_init(at_a, far, &s->now_tsc, 1989);
	attach(a, at_a);
	address(far, SIM_NODES + s->n_open, 0);
	s->open[s->n_open++] = far;
	return at_a;
}

struct fly_address sim_address(const struct sim_link *l)
{
	struct fly_address a = {.ip = l->link.ip, .port = l->link.udp_port};

	memcpy(a.mac, l->link.mac, 6);
	return a;
}

void sim_export(struct sim_node *node)
{
	/* Index 0 belongs to the binder, which is missing here: Probe comes after it. */
	static const struct fly_interface binder = {.name = "Binder"};
	struct fly_export *exports = node->runtime.exports;

	exports[FLY_EXPORT_BINDER].n_procedures = 1;
	exports[FLY_EXPORT_BINDER].interface = &binder;
	must(Probe_export(&node->runtime, &probe_procedures, &node->service) == 0 ? node : NULL);
	exports[FLY_EXPORT_BINDER].n_procedures = 0;
	exports[FLY_EXPORT_BINDER].interface = NULL;
	node->export_id = sim_poller(node)->exports[1].id;
}

struct fly_binding *sim_import(struct sim *s, struct sim_node *node, struct sim_link *link,
			       uint32_t export_id)
{
	const struct fly_address peer = sim_address(link->far);
	struct fly_import *import = must(fly_import_make(sim_poller(node), &link->link, &peer,
							 export_id, fly_random_activity()));

	must(s->n_bindings < SIM_BINDINGS ? s : NULL);
	s->bindings[s->n_bindings++] = &import->head;
	return &import->head;
}

void sim_unbind(struct sim *s, struct fly_binding *binding)
{
	for (unsigned i = 0; i < s->n_bindings; i++) {
		if (s->bindings[i] == binding)
			s->bindings[i] = s->bindings[--s->n_bindings];
	}
	fly_unbind(binding);
}

void sim_turn(struct sim *s)
{
	for (unsigned i = 0; i < s->n_nodes; i++) {
		struct fly_poller *p = sim_poller(s->nodes[i]);

		if (s->now_tsc - p->now_tsc > SIM_ABSENT_MS * SIM_TSC_PER_MS)
			fly_slow_absent(p, p->now_tsc, s->now_tsc);
		fly_poller_turn(p, s->now_tsc);
	}
	s->now_tsc += s->step_us;
}

void sim_run(struct sim *s, unsigned ms)
{
	const uint64_t end_tsc = s->now_tsc + (uint64_t)ms * SIM_TSC_PER_MS;

	while (s->now_tsc < end_tsc)
		sim_turn(s);
}

bool sim_until(struct sim *s, struct fly_call *call, unsigned ms)
{
	const uint64_t end_tsc = s->now_tsc + (uint64_t)ms * SIM_TSC_PER_MS;

	while (!fly_ready(call) && s->now_tsc < end_tsc)
		sim_turn(s);
	return fly_ready(call);
}

static unsigned end_node(struct sim_node *node)
{
	struct fly_poller *p = sim_poller(node);
	unsigned wrong = 0;

	while (p->n_links)
		fly_poller_detach(p, p->links[p->n_links - 1]);
	wrong += p->calls.n - p->calls.n_unbound;
	wrong += p->conversations.n - p->conversations.n_free;
	wrong += p->conversations.n_retained;
	wrong += p->bulk.n + (p->bulk.bytes != 0);
	fly_poller_fini(p);
	for (unsigned i = 0; i < node->n_links; i++) {
		sim_link_fini(node->links[i]);
		wrong += node->links[i]->overwritten;
		free(node->links[i]);
	}
	wrong += node->runtime.group.packets - rte_mempool_avail_count(node->runtime.group.pool);
	rte_mempool_free(node->runtime.group.pool);
	free(node);
	return wrong;
}

unsigned sim_end(struct sim *s)
{
	unsigned wrong = 0;

	while (s->n_bindings)
		sim_unbind(s, s->bindings[0]);
	for (unsigned i = 0; i < s->n_nodes; i++)
		wrong += end_node(s->nodes[i]);
	for (unsigned i = 0; i < s->n_open; i++) {
		sim_link_fini(s->open[i]);
		free(s->open[i]);
	}
	free(s);
	return wrong;
}
