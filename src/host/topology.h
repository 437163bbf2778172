/* SPDX-License-Identifier: BSD-3-Clause */
/* topology.h - cores, nodes and hugepages, and the node of a link; see <firefly/topology.h>. */
#ifndef FLY_HOST_TOPOLOGY_H
#define FLY_HOST_TOPOLOGY_H

#include <firefly/topology.h>

#include "host/link_spec.h"

#define FLY_TOPOLOGY_CORES 1024
#define FLY_TOPOLOGY_NODES 64
#define FLY_TOPOLOGY_HUGE  4 /* sizes of hugepages */

/* Constant after fly_topology_read(), but for choice. The size fields in it are not used. */
struct fly_topology {
	int here;
	unsigned n_cores;
	unsigned n_nodes;
	struct fly_core cores[FLY_TOPOLOGY_CORES]; /* the present ones, by number */
	struct fly_node nodes[FLY_TOPOLOGY_NODES]; /* by number */
	struct fly_hugepages huge[FLY_TOPOLOGY_NODES][FLY_TOPOLOGY_HUGE]; /* by node, by size */
	unsigned choice[2][FLY_TOPOLOGY_CORES]; /* newest choice: for pollers, for workers */
};

/*
 * fly_topology_node() - the NUMA node of a link's device if it has one, else of the calling
 * thread.
 * @spec: NULL: no link. @is_device: set: is it the device's?
 */
int fly_topology_node(const struct fly_link_spec *spec, bool *is_device);

#endif
