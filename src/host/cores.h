/* SPDX-License-Identifier: BSD-3-Clause */
/* cores.h - on which cores threads are to run (cores.c). Pure, but for the sentence on failure. */
#ifndef FLY_CORES_H
#define FLY_CORES_H

#include "host/topology.h"

struct fly_cores_wish {
	unsigned n;           /* threads */
	const char *list;     /* cores for them, as "2,4-5"; NULL: to be chosen */
	int node;             /* where they should be */
	bool may_share;       /* a core: they let others run while they wait */
	const uint8_t *taken; /* by core: not 0: another thread polls there; NULL: none */
};

/*
 * fly_cores_choose() - a core for each thread.
 * @cores: room for wish->n numbers. Threads that may share and outnumber the cores go round.
 * Return: 0, or -FLY_EINVAL with a sentence.
 */
int fly_cores_choose(const struct fly_topology *t, const struct fly_cores_wish *wish,
		     unsigned *cores);

/*
 * fly_cores_list() - the cores of a list, each of which must be there, online and allowed.
 * @cores: room for FLY_TOPOLOGY_CORES. Return: how many, or -FLY_EINVAL with a sentence.
 */
int fly_cores_list(const struct fly_topology *t, const char *list, unsigned *cores);

/*
 * fly_cores_order() - all cores that may be used, the best for a poller first.
 * @cores: room for FLY_TOPOLOGY_CORES. Return: how many.
 */
unsigned fly_cores_order(const struct fly_topology *t, int node, const uint8_t *taken,
			 unsigned *cores);

/*
 * fly_cores_of_node() - all cores of a node that may be used, by number; of all nodes if it has
 * none.
 * @cores: room for FLY_TOPOLOGY_CORES. Return: how many.
 */
unsigned fly_cores_of_node(const struct fly_topology *t, int node, unsigned *cores);

/* fly_cores_node() - can memory be had on this node? Return: 0, or -FLY_EINVAL with a sentence. */
int fly_cores_node(const struct fly_topology *t, int node);

#endif
