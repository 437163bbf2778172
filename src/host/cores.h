/* SPDX-License-Identifier: BSD-3-Clause */
/* cores.h - choosing cores for threads (cores.c). Pure, but for the message on failure. */
#ifndef FLY_CORES_H
#define FLY_CORES_H

#include "host/topology.h"

struct fly_cores_wish {
	unsigned n;           /* threads */
	const char *list;     /* cores for them, as "2,4-5"; NULL: to be chosen */
	int node;             /* the node that is preferred */
	bool may_share;       /* several threads may share a core: they yield while they wait */
	const uint8_t *taken; /* by core: 1: another thread polls there; NULL: none does */
};

/*
 * fly_cores_choose() - a core for each thread.
 * @cores: room for wish->n numbers. With may_share, a core may get several threads.
 * Return: 0, or -FLY_EINVAL with a message.
 */
int fly_cores_choose(const struct fly_topology *t, const struct fly_cores_wish *wish,
		     unsigned *cores);

/*
 * fly_cores_list() - the cores of a list; each must be present, online and allowed.
 * @cores: room for FLY_TOPOLOGY_CORES. Return: how many, or -FLY_EINVAL with a message.
 */
int fly_cores_list(const struct fly_topology *t, const char *list, unsigned *cores);

/*
 * fly_cores_order() - all usable cores, the best for a poller first.
 * @cores: room for FLY_TOPOLOGY_CORES. Return: how many.
 */
unsigned fly_cores_order(const struct fly_topology *t, int node, const uint8_t *taken,
			 unsigned *cores);

/*
 * fly_cores_of_node() - all usable cores of a node, by number; if it has none, of all nodes.
 * @cores: room for FLY_TOPOLOGY_CORES. Return: how many.
 */
unsigned fly_cores_of_node(const struct fly_topology *t, int node, unsigned *cores);

/* fly_cores_node() - does this node have memory? Return: 0, or -FLY_EINVAL with a message. */
int fly_cores_node(const struct fly_topology *t, int node);

#endif
