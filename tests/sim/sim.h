/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sim.h - a few pollers in one process, joined by simulated links, on virtual time.
 *
 * The pollers are the ones that ship; only their links and their time are not. A call is started
 * through a generated stub's _start, all pollers are turned until fly_ready(), and _finish then
 * returns without waiting: waiting would turn one poller alone, by the real clock.
 */
#ifndef SIM_H
#define SIM_H

#include "probe_service.h"
#include "sim_link.h"
#include "runtime/import.h"
#include "runtime/runtime.h"

#define SIM_NODES      4
#define SIM_NODE_LINKS 4
#define SIM_BINDINGS   256
#define SIM_PORT       61989
#define SIM_ABSENT_MS  2 /* a step of time longer than that: the pollers are told of an absence */

struct sim_node_config {
	unsigned packets;       /* 0: 511 */
	unsigned calls;         /* 0: 64 */
	unsigned conversations; /* 0: 64 */
	unsigned timeout_ms;    /* 0: 1000 */
};

/* One poller with its pool. The runtime around it has no ports. */
struct sim_node {
	struct fly_runtime runtime;
	unsigned index;
	unsigned n_links;
	struct sim_link *links[SIM_NODE_LINKS];
	struct probe_service service;
	uint32_t export_id; /* of Probe, once sim_export() was called */
};

struct sim {
	uint64_t now_tsc;
	unsigned step_us; /* between two turns of all pollers; 10 at first */
	unsigned n_nodes;
	struct sim_node *nodes[SIM_NODES];
	unsigned n_open;
	struct sim_link *open[SIM_NODE_LINKS]; /* ends that no poller has */
	unsigned n_bindings;
	struct fly_binding *bindings[SIM_BINDINGS];
};

/* sim_eal() - initialise EAL for this process: ordinary memory, no devices, no files. */
void sim_eal(void);

/* sim_new() - an empty simulation. It aborts the process when something cannot be had. */
struct sim *sim_new(void);

struct sim_node *sim_add(struct sim *s, const struct sim_node_config *config);

/* sim_poller() - the node's. */
static inline struct fly_poller *sim_poller(struct sim_node *node)
{
	return &node->runtime.poller;
}

/* sim_count() - a counter of the node's. */
static inline uint64_t sim_count(struct sim_node *node, enum fly_counter which)
{
	return fly_stats_get(&node->runtime.poller.stats, which);
}

/* sim_join() - a link between two nodes. Return: @a's end; its `far` is @b's. */
struct sim_link *sim_join(struct sim *s, struct sim_node *a, struct sim_node *b);

/* sim_join_open() - a link of @a whose far end no poller has: the test is the peer there. */
struct sim_link *sim_join_open(struct sim *s, struct sim_node *a);

/* sim_address() - where a link's end is, as a peer sees it. */
struct fly_address sim_address(const struct sim_link *l);

/* sim_export() - the node exports Probe; its procedures are those of probe_service.c. */
void sim_export(struct sim_node *node);

/* sim_import() - bind to an export at the far end of a link of @node. Ended by sim_end(). */
struct fly_binding *sim_import(struct sim *s, struct sim_node *node, struct sim_link *link,
			       uint32_t export_id);

/* sim_unbind() - end a binding earlier. */
void sim_unbind(struct sim *s, struct fly_binding *binding);

/* sim_turn() - all pollers once, in the order in which they were added; then time goes on. */
void sim_turn(struct sim *s);

/* sim_run() - so many milliseconds of virtual time. */
void sim_run(struct sim *s, unsigned ms);

/* sim_until() - run until a call has ended, or for @ms. Return: has it? */
bool sim_until(struct sim *s, struct fly_call *call, unsigned ms);

/*
 * sim_end() - unbind, detach, free everything.
 * Return: what is wrong at the end: packets missing from pools, packets written while a driver
 * had them, call-table entries and conversation records that did not come back, memory of large
 * calls that was not freed. 0, or a bug.
 */
unsigned sim_end(struct sim *s);

#endif
