/* SPDX-License-Identifier: BSD-3-Clause */
/* topology.h - what the machine is made of, and where a link belongs; <firefly/topology.h>. */
#ifndef FLY_HOST_TOPOLOGY_H
#define FLY_HOST_TOPOLOGY_H

#include <firefly/topology.h>

#include "host/link_spec.h"

#define FLY_TOPOLOGY_CORES 1024
#define FLY_TOPOLOGY_NODES 64
#define FLY_TOPOLOGY_HUGE  4 /* sizes of hugepages */

/* Constant from fly_topology_read() on, but for the choice. The sizes in it are not used. */
struct fly_topology {
	int here;
	unsigned n_cores;
	unsigned n_nodes;
	struct fly_core cores[FLY_TOPOLOGY_CORES]; /* that are present, by number */
	struct fly_node nodes[FLY_TOPOLOGY_NODES]; /* by number */
	struct fly_hugepages huge[FLY_TOPOLOGY_NODES][FLY_TOPOLOGY_HUGE]; /* of nodes; by size */
	unsigned choice[2][FLY_TOPOLOGY_CORES]; /* the newest: for pollers, for workers */
};

/*
 * fly_topology_node() - the NUMA node of a link's device if it has one, else of the calling thread.
 * @spec: NULL: no link. @is_device: set to whether it was the device's.
 */
int fly_topology_node(const struct fly_link_spec *spec, bool *is_device);

#endif
