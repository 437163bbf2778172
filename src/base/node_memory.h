/* SPDX-License-Identifier: BSD-3-Clause */
/* node_memory.h - ordinary memory on a NUMA node (node_memory.c). Any thread. No DPDK. */
#ifndef FLY_NODE_MEMORY_H
#define FLY_NODE_MEMORY_H

#include <stddef.h>

/*
 * fly_node_alloc() - whole pages on a node, or anywhere if the system does not know of nodes.
 * Return: zeroed memory, for fly_node_free(); NULL: there is none.
 */
void *fly_node_alloc(size_t bytes, int node);

/* fly_node_free() - @bytes as for fly_node_alloc(). NULL: nothing is done. */
void fly_node_free(void *memory, size_t bytes);

#endif
