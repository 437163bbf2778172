/* SPDX-License-Identifier: BSD-3-Clause */
/* node_memory.c - see node_memory.h. */
#include "base/node_memory.h"

#include <numa.h>

void *fly_node_alloc(size_t bytes, int node)
{
	return numa_available() < 0 ? numa_alloc(bytes) : numa_alloc_onnode(bytes, node);
}

void fly_node_free(void *memory, size_t bytes)
{
	if (memory)
		numa_free(memory, bytes);
}
