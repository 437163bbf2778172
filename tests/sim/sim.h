/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sim.h - some pollers in one process, joined by simulated links, on virtual time.
 *
 * The pollers are those that ship; only links and time are simulated. A test starts a call by a
 * generated stub's _start, turns all pollers until fly_ready(), and then calls _finish, which
 * returns at once. A blocking call would turn one poller alone, by the real clock.
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
#define SIM_ABSENT_MS  2 /* pollers are told of an absence if time steps by more */

struct sim_node_config {
	unsigned packets;       /* 0: 511 */
	unsigned calls;         /* 0: 64 */
	unsigned conversations; /* 0: 64 */
	unsigned timeout_ms;    /* 0: 1000 */
};

/* A poller with its pool. Its runtime has no ports. */
struct sim_node {
	struct fly_runtime runtime;
	unsigned index;
	unsigned n_links;
	struct sim_link *links[SIM_NODE_LINKS];
	struct probe_service service;
	uint32_t export_id; /* of Probe, after sim_export() */
};

struct sim {
	uint64_t now_tsc;
	unsigned step_us; /* time between two turns; 10 at first */
	unsigned n_nodes;
	struct sim_node *nodes[SIM_NODES];
	unsigned n_open;
	struct sim_link *open[SIM_NODE_LINKS]; /* ends without a poller */
	unsigned n_bindings;
	struct fly_binding *bindings[SIM_BINDINGS];
};

/* sim_eal() - start EAL for this process: ordinary memory, no devices, no files. */
void sim_eal(void);

/* sim_new() - an empty simulation. Aborts the process on failure. */
struct sim *sim_new(void);

struct sim_node *sim_add(struct sim *s, const struct sim_node_config *config);

static inline struct fly_poller *sim_poller(struct sim_node *node)
{
	return &node->runtime.poller;
}

/* sim_count() - a counter of a node. */
static inline uint64_t sim_count(struct sim_node *node, enum fly_counter which)
{
	return fly_stats_get(&node->runtime.poller.stats, which);
}

/* sim_join() - make a link between two nodes. Return: @a's end; its `far` is @b's end. */
struct sim_link *sim_join(struct sim *s, struct sim_node *a, struct sim_node *b);

/* sim_join_open() - make a link of @a whose far end has no poller: the test is the peer. */
struct sim_link *sim_join_open(struct sim *s, struct sim_node *a);

/* sim_address() - the address of a link's end. */
struct fly_address sim_address(const struct sim_link *l);

/* sim_export() - export Probe at a node, with the procedures of probe_service.c. */
void sim_export(struct sim_node *node);

/* sim_import() - bind to an export at the far end of a link of @node, until sim_end(). */
struct fly_binding *sim_import(struct sim *s, struct sim_node *node, struct sim_link *link,
			       uint32_t export_id);

/* sim_unbind() - end a binding before sim_end(). */
void sim_unbind(struct sim *s, struct fly_binding *binding);

/* sim_turn() - turn all pollers once, in the order of sim_add(); then advance time by step_us. */
void sim_turn(struct sim *s);

/* sim_run() - turn for @ms of virtual time. */
void sim_run(struct sim *s, unsigned ms);

/* sim_until() - turn until a call has ended, at most for @ms. Return: has it ended? */
bool sim_until(struct sim *s, struct fly_call *call, unsigned ms);

/*
 * sim_end() - unbind, detach, free everything.
 * Return: number of defects: packets missing from pools, packets written while a driver had them,
 * call-table entries and conversation records that did not come back, memory of large calls that
 * was not freed. Must be 0.
 */
unsigned sim_end(struct sim *s);

#endif
