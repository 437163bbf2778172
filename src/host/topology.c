/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * topology.c - reads cores, nodes and hugepages from libnuma and sysfs.
 *
 * Called by programs, and when a runtime starts. Must not choose cores: cores.c does.
 */
#include "host/topology.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <numa.h>

#include <firefly/status.h>

#include "host/core_claim.h"
#include "host/cores.h"
#include "base/error.h"
#include "base/sized.h"

#define CPU  "/sys/devices/system/cpu"
#define NODE "/sys/devices/system/node"

/* Read the first line of a file. Return: is there one? */
static bool read_line(const char *path, char *line, int bytes)
{
	FILE *f = fopen(path, "re");
	const bool is_there = f && fgets(line, bytes, f);

	if (f)
		fclose(f);
	if (is_there)
		line[strcspn(line, "\n")] = '\0';
	return is_there;
}

/* Read a number from a file. Return: -1: there is none. */
static int read_number(const char *path)
{
	char line[32];
	int n;

	return read_line(path, line, sizeof line) && sscanf(line, "%d", &n) == 1 ? n : -1;
}

/* Read a list of cores or nodes from a file. Return: to be freed; NULL: there is none. */
static struct bitmask *read_list(const char *path, struct bitmask *(*parse)(const char *))
{
	char line[4096];

	return read_line(path, line, sizeof line) && line[0] ? parse(line) : NULL;
}

static int of_core(unsigned core, const char *what)
{
	char path[96];

	snprintf(path, sizeof path, CPU "/cpu%u/topology/%s", core, what);
	return read_number(path);
}

static void read_cores(struct fly_topology *t, const struct bitmask *present,
		       const struct bitmask *online)
{
	for (unsigned i = 0; i < present->size && t->n_cores < FLY_TOPOLOGY_CORES; i++) {
		const int node = numa_available() < 0 ? 0 : numa_node_of_cpu((int)i);

		if (!numa_bitmask_isbitset(present, i))
			continue;
		t->cores[t->n_cores++] = (struct fly_core){
			.number = i,
			.is_online = !online || numa_bitmask_isbitset(online, i),
			.is_allowed = numa_bitmask_isbitset(numa_all_cpus_ptr, i),
			.polled_by = fly_core_claim_holder(i),
			.node = node < 0 ? 0 : node,
			.package = of_core(i, "physical_package_id"),
			.die = of_core(i, "die_id"),
			.core = of_core(i, "core_id"),
		};
	}
}

static void read_hugepages(struct fly_node *node, struct fly_hugepages *huge)
{
	static const size_t sizes_kb[] = {64, 2048, 32768, 524288, 1048576, 16777216};

	for (unsigned i = 0; i < sizeof sizes_kb / sizeof *sizes_kb; i++) {
		char path[128];
		int total;
		int free;

		snprintf(path, sizeof path, NODE "/node%d/hugepages/hugepages-%zukB/nr_hugepages",
			 node->number, sizes_kb[i]);
		total = read_number(path);
		snprintf(path, sizeof path, NODE "/node%d/hugepages/hugepages-%zukB/free_hugepages",
			 node->number, sizes_kb[i]);
		free = read_number(path);
		if (total < 0 || free < 0 || node->n_huge == FLY_TOPOLOGY_HUGE)
			continue;
		huge[node->n_huge++] = (struct fly_hugepages){
			.page_bytes = sizes_kb[i] << 10,
			.total = (unsigned)total,
			.free = (unsigned)free,
		};
	}
}

static void read_nodes(struct fly_topology *t)
{
	struct bitmask *possible;
	struct bitmask *online;

	if (numa_available() < 0) { /* one node; nothing else is known about it */
		t->nodes[t->n_nodes++] = (struct fly_node){
			.is_online = true,
			.memory_bytes =
				(uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE),
			.free_bytes = (uint64_t)sysconf(_SC_AVPHYS_PAGES) *
				      (uint64_t)sysconf(_SC_PAGESIZE),
		};
		return;
	}
	possible = read_list(NODE "/possible", numa_parse_nodestring_all);
	online = read_list(NODE "/online", numa_parse_nodestring_all);
	for (int i = 0; i <= numa_max_possible_node() && t->n_nodes < FLY_TOPOLOGY_NODES; i++) {
		struct fly_node node = {
			.number = i,
			.is_online = online && numa_bitmask_isbitset(online, (unsigned)i),
		};
		long long free_bytes = 0;
		long long bytes = node.is_online ? numa_node_size64(i, &free_bytes) : 0;

		if (!node.is_online && !(possible && numa_bitmask_isbitset(possible, (unsigned)i)))
			continue;
		node.memory_bytes = bytes > 0 ? (uint64_t)bytes : 0;
		node.free_bytes = bytes > 0 && free_bytes > 0 ? (uint64_t)free_bytes : 0;
		read_hugepages(&node, t->huge[t->n_nodes]);
		t->nodes[t->n_nodes++] = node;
	}
	if (possible)
		numa_bitmask_free(possible);
	if (online)
		numa_bitmask_free(online);
}

int fly_topology_read(struct fly_topology **topology)
{
	struct fly_topology *t = calloc(1, sizeof *t);
	struct bitmask *present;
	struct bitmask *online;

	*topology = NULL;
	if (!t)
		return fly_fail(FLY_ENOMEM, "topology: out of memory");
	present = read_list(CPU "/present", numa_parse_cpustring_all);
	online = read_list(CPU "/online", numa_parse_cpustring_all);
	t->here = sched_getcpu();
	if (present)
		read_cores(t, present, online);
	read_nodes(t);
	if (present)
		numa_bitmask_free(present);
	if (online)
		numa_bitmask_free(online);
	if (t->n_cores == 0) {
		free(t);
		return fly_fail(FLY_ESYSTEM, "%s does not say what cores there are", CPU);
	}
	*topology = t;
	return 0;
}

void fly_topology_free(struct fly_topology *t)
{
	free(t);
}

int fly_topology_here(const struct fly_topology *t)
{
	return t->here;
}

unsigned fly_topology_count_cores(const struct fly_topology *t)
{
	return t->n_cores;
}

unsigned fly_topology_count_nodes(const struct fly_topology *t)
{
	return t->n_nodes;
}

static int no_index(const char *what, unsigned index, unsigned n)
{
	return fly_fail(FLY_EINVAL, "topology: there is no %s %u, but %u of them", what, index, n);
}

int fly_topology_get_core(const struct fly_topology *t, unsigned index, struct fly_core *core)
{
	const int status =
		fly_sized_check(core, sizeof *core, FLY_SIZED_UP_TO(struct fly_core, number),
				"struct fly_core");

	if (status)
		return status;
	if (index >= t->n_cores)
		return no_index("core", index, t->n_cores);
	fly_sized_give(core, &t->cores[index], sizeof *core);
	return 0;
}

int fly_topology_get_node(const struct fly_topology *t, unsigned index, struct fly_node *node)
{
	const int status =
		fly_sized_check(node, sizeof *node, FLY_SIZED_UP_TO(struct fly_node, number),
				"struct fly_node");

	if (status)
		return status;
	if (index >= t->n_nodes)
		return no_index("node", index, t->n_nodes);
	fly_sized_give(node, &t->nodes[index], sizeof *node);
	return 0;
}

int fly_topology_get_hugepages(const struct fly_topology *t, unsigned node, unsigned index,
			       struct fly_hugepages *hugepages)
{
	const int status = fly_sized_check(hugepages, sizeof *hugepages,
					   FLY_SIZED_UP_TO(struct fly_hugepages, page_bytes),
					   "struct fly_hugepages");

	if (status)
		return status;
	if (node >= t->n_nodes)
		return no_index("node", node, t->n_nodes);
	if (index >= t->nodes[node].n_huge)
		return no_index("size of hugepages", index, t->nodes[node].n_huge);
	fly_sized_give(hugepages, &t->huge[node][index], sizeof *hugepages);
	return 0;
}

int fly_topology_node(const struct fly_link_spec *spec, bool *is_device)
{
	char path[256];
	int node = -1;

	if (spec && spec->kind == FLY_LINK_PCI) {
		snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/numa_node", spec->what);
		node = read_number(path);
	} else if (spec && (spec->kind == FLY_LINK_AF_PACKET || spec->kind == FLY_LINK_AF_XDP)) {
		snprintf(path, sizeof path, "/sys/class/net/%s/device/numa_node", spec->what);
		node = read_number(path);
	}
	*is_device = node >= 0;
	if (node < 0 && numa_available() == 0)
		node = numa_node_of_cpu(sched_getcpu());
	return node < 0 ? 0 : node;
}

int fly_topology_choose(struct fly_topology *t, const char *link, struct fly_choice *choice)
{
	struct fly_choice ours = {.cores = t->choice[0], .worker_cores = t->choice[1]};
	struct fly_link_spec spec;
	int status = fly_sized_check(choice, sizeof *choice,
				     FLY_SIZED_UP_TO(struct fly_choice, node), "struct fly_choice");

	if (!status && link)
		status = fly_link_spec_parse(link, &spec);
	if (status)
		return status;
	ours.node = fly_topology_node(link ? &spec : NULL, &ours.is_device);
	ours.n_cores = fly_cores_order(t, ours.node, NULL, t->choice[0]);
	ours.n_worker_cores = fly_cores_of_node(t, ours.node, t->choice[1]);
	fly_sized_give(choice, &ours, sizeof ours);
	return 0;
}
