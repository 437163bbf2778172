/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * topology.h - the machine as the runtime sees it, and what the runtime would choose.
 *
 * Core and node numbers are the kernel's. Needs no runtime. Any thread; one topology on one thread
 * at a time. The structs begin with their size: see "Sizes" in runtime.h.
 */
#ifndef FIREFLY_TOPOLOGY_H
#define FIREFLY_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fly_topology;

/*
 * fly_topology_read() - read the machine's topology.
 * @topology: set on success; ended by fly_topology_free(). Does not follow later changes.
 * Return: 0, or with fly_error() set: ESYSTEM (the system does not tell its cores), ENOMEM.
 */
int fly_topology_read(struct fly_topology **topology);

/* fly_topology_free() - free a topology, and lists that it has handed out. NULL: does nothing. */
void fly_topology_free(struct fly_topology *topology);

/* fly_topology_here() - the core that the reading thread ran on; -1: not known. */
int fly_topology_here(const struct fly_topology *topology);

/* fly_topology_count_cores(), fly_topology_count_nodes() - how many are present. */
unsigned fly_topology_count_cores(const struct fly_topology *topology);
unsigned fly_topology_count_nodes(const struct fly_topology *topology);

struct fly_core {
	size_t size; /* sizeof(struct fly_core); the program sets it */
	unsigned number;
	bool is_online;
	bool is_allowed; /* the process may use it, by the affinity and cpuset that it began with */
	int node;        /* NUMA node */
	int package;     /* these three are equal for the threads of one physical core; */
	int die;         /* -1: unknown */
	int core;
	/*
	 * Another process, a poller of whose spins there; 0: none is known; -1: one that cannot be
	 * seen from here. Processes know of each other by a file in /dev/shm.
	 */
	pid_t polled_by;
};

/*
 * fly_topology_get_core() - the properties of one core.
 * @index: below fly_topology_count_cores(); in order of number.
 * Return: 0, or -FLY_EINVAL with fly_error() set: no such index, no size.
 */
int fly_topology_get_core(const struct fly_topology *topology, unsigned index,
			  struct fly_core *core);

struct fly_node {
	size_t size; /* sizeof(struct fly_node); the program sets it */
	int number;
	bool is_online;
	uint64_t memory_bytes; /* 0: cores only */
	uint64_t free_bytes;
	unsigned n_huge; /* sizes of hugepages */
};

/*
 * fly_topology_get_node() - the properties of one NUMA node.
 * @index: below fly_topology_count_nodes(); in order of number. Return: as fly_topology_get_core().
 */
int fly_topology_get_node(const struct fly_topology *topology, unsigned index,
			  struct fly_node *node);

struct fly_hugepages {
	size_t size; /* sizeof(struct fly_hugepages); the program sets it */
	size_t page_bytes;
	unsigned total;
	unsigned free;
};

/*
 * fly_topology_get_hugepages() - hugepages of one size on a node.
 * @node: an index, as for fly_topology_get_node(). @index: below n_huge of the node; smallest size
 * first.
 * Return: as fly_topology_get_core().
 */
int fly_topology_get_hugepages(const struct fly_topology *topology, unsigned node, unsigned index,
			       struct fly_hugepages *hugepages);

/* What a runtime would choose for a link. */
struct fly_choice {
	size_t size;    /* sizeof(struct fly_choice); the program sets it */
	int node;       /* for its packets, tables and threads */
	bool is_device; /* true: node of the device; false: node of the calling thread */
	unsigned n_cores;
	unsigned n_worker_cores;
	const unsigned *cores;        /* for pollers, in this order */
	const unsigned *worker_cores; /* for workers, in order of number */
};

/*
 * fly_topology_choose() - the node for a link, and the order in which pollers would get cores.
 * @link: a spec, as in struct fly_options; NULL: no link in particular.
 * @choice: its lists belong to the topology, until the next choice or its end.
 * Return: 0, or -FLY_EINVAL with fly_error() set: not a spec, no size.
 */
int fly_topology_choose(struct fly_topology *topology, const char *link, struct fly_choice *choice);

#ifdef __cplusplus
}
#endif
#endif
