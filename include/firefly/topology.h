/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * topology.h - the machine as the runtime sees it, and what it would choose.
 *
 * Numbers of cores and nodes are the kernel's. Needs no runtime; any thread.
 */
#ifndef FIREFLY_TOPOLOGY_H
#define FIREFLY_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FLY_TOPOLOGY_CORES 1024
#define FLY_TOPOLOGY_NODES 64
#define FLY_TOPOLOGY_HUGE  4 /* sizes of hugepages */

struct fly_core {
	unsigned number;
	bool is_online;
	bool is_allowed; /* to this process, by the affinity and the cpuset that it began with */
	int node;        /* of its memory */
	int package;     /* these three are the same for the threads of one physical core; */
	int die;         /* -1: the system does not say */
	int core;
};

struct fly_hugepages {
	size_t page_bytes;
	unsigned total;
	unsigned free;
};

struct fly_node {
	int number;
	bool is_online;
	uint64_t memory_bytes; /* 0: it has cores only */
	uint64_t free_bytes;
	unsigned n_huge;
	struct fly_hugepages huge[FLY_TOPOLOGY_HUGE]; /* by size, the smallest first */
};

struct fly_topology {
	int here; /* the core that the calling thread ran on */
	unsigned n_cores;
	unsigned n_nodes;
	struct fly_core cores[FLY_TOPOLOGY_CORES]; /* that are present, by number */
	struct fly_node nodes[FLY_TOPOLOGY_NODES]; /* by number */
};

/*
 * fly_topology() - look at the machine.
 * Return: 0, or -FLY_ESYSTEM with fly_error() set: the system does not say what cores it has.
 */
int fly_topology(struct fly_topology *topology);

/* What a runtime would do about a link. */
struct fly_choice {
	int node;       /* where its packets, tables and threads belong */
	bool is_device; /* because the device is there; else because the calling thread is */
	unsigned n_cores;
	unsigned cores[FLY_TOPOLOGY_CORES]; /* for pollers, the first one first */
	unsigned n_worker_cores;
	unsigned worker_cores[FLY_TOPOLOGY_CORES]; /* where workers may run, by number */
};

/*
 * fly_topology_choose() - the node of a link, and in which order pollers would get cores.
 * @link: a spec, as in struct fly_options; NULL: no link in particular.
 * Return: 0, or -FLY_EINVAL with fly_error() set: not a spec.
 */
int fly_topology_choose(const struct fly_topology *topology, const char *link,
			struct fly_choice *choice);

#ifdef __cplusplus
}
#endif
#endif
