/* SPDX-License-Identifier: BSD-3-Clause */
/* topology.h - where a link belongs; the rest of topology.c is in <firefly/topology.h>. */
#ifndef FLY_HOST_TOPOLOGY_H
#define FLY_HOST_TOPOLOGY_H

#include <firefly/topology.h>

#include "host/link_spec.h"

/*
 * fly_topology_node() - the NUMA node of a link's device if it has one, else of the calling thread.
 * @spec: NULL: no link. @is_device: set to whether it was the device's.
 */
int fly_topology_node(const struct fly_link_spec *spec, bool *is_device);

#endif
