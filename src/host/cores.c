/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cores.c - which cores may be used, in which order, and the checks of a list of cores.
 *
 * Called when a runtime starts, and by fly_topology_choose(). Must read nothing but the topology
 * that it is given: the tests give it invented machines.
 */
#include "host/cores.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <numa.h>

#include <firefly/status.h>

#include "base/error.h"

static const struct fly_core *core_of(const struct fly_topology *t, unsigned long number)
{
	for (unsigned i = 0; i < t->n_cores; i++) {
		if (t->cores[i].number == number)
			return &t->cores[i];
	}
	return NULL;
}

static bool is_usable(const struct fly_core *c)
{
	return c->is_online && c->is_allowed;
}

static int check_core(const struct fly_topology *t, const char *list, unsigned long number)
{
	const struct fly_core *c = core_of(t, number);

	if (!c)
		return fly_fail(FLY_EINVAL,
				"cores %s: there is no core %lu; the last one is %u; `firefly "
				"topology` shows them",
				list, number, t->n_cores ? t->cores[t->n_cores - 1].number : 0);
	if (!c->is_online)
		return fly_fail(FLY_EINVAL, "cores %s: core %lu is offline", list, number);
	if (!c->is_allowed)
		return fly_fail(FLY_EINVAL,
				"cores %s: this process may not run on core %lu (its affinity mask "
				"or cpuset)",
				list, number);
	return fly_cores_node(t, c->node);
}

/* Check a list before libnuma parses it: libnuma has messages of its own for missing cores. */
static int check_list(const struct fly_topology *t, const char *list)
{
	if (*list == '\0' || list[strspn(list, "0123456789,-")] != '\0')
		return fly_fail(FLY_EINVAL, "cores '%s': a list is wanted, as in 2,4-5", list);
	for (const char *c = list; *c; c++) {
		char *end;
		int status;

		if (!isdigit((unsigned char)*c))
			continue;
		status = check_core(t, list, strtoul(c, &end, 10));
		if (status)
			return status;
		c = end - 1;
	}
	return 0;
}

int fly_cores_list(const struct fly_topology *t, const char *list, unsigned *cores)
{
	struct bitmask *mask;
	int status = check_list(t, list);
	int n = 0;

	if (status)
		return status;
	mask = numa_parse_cpustring_all(list);
	if (!mask)
		return fly_fail(FLY_EINVAL, "cores '%s': a list is wanted, as in 2,4-5", list);
	for (unsigned i = 0; i < mask->size && n < FLY_TOPOLOGY_CORES && !status; i++) {
		if (!numa_bitmask_isbitset(mask, i))
			continue;
		status = check_core(t, list, i); /* those within ranges */
		cores[n++] = i;
	}
	numa_bitmask_free(mask);
	return status ? status : n;
}

int fly_cores_node(const struct fly_topology *t, int node)
{
	for (unsigned i = 0; i < t->n_nodes; i++) {
		if (t->nodes[i].number != node)
			continue;
		if (!t->nodes[i].is_online)
			return fly_fail(FLY_EINVAL, "NUMA node %d is offline", node);
		if (t->nodes[i].memory_bytes == 0)
			return fly_fail(FLY_EINVAL, "NUMA node %d has no memory", node);
		return 0;
	}
	return node <= 0 ? 0 : fly_fail(FLY_EINVAL, "there is no NUMA node %d", node);
}

static bool are_siblings(const struct fly_core *a, const struct fly_core *b)
{
	return a->core >= 0 && a->core == b->core && a->die == b->die && a->package == b->package;
}

/*
 * How unsuitable a core is for a poller. The reasons, worst first: another poller has it; it is
 * far from the memory; the thread that starts the runtime is on it; it is a second thread of a
 * physical core.
 */
static unsigned badness(const struct fly_topology *t, const struct fly_core *c, int node,
			const uint8_t *taken)
{
	const struct fly_core *here = t->here < 0 ? NULL : core_of(t, (unsigned)t->here);
	bool is_second = here && here != c && are_siblings(here, c);

	for (const struct fly_core *other = t->cores; other < c; other++)
		is_second |= is_usable(other) && are_siblings(other, c);
	return ((taken && taken[c->number]) || c->polled_by ? 8U : 0) + (c->node != node ? 4U : 0) +
	       (c == here ? 2U : 0) + (is_second ? 1U : 0);
}

unsigned fly_cores_order(const struct fly_topology *t, int node, const uint8_t *taken,
			 unsigned *cores)
{
	unsigned n = 0;

	for (unsigned bad = 0; bad < 16; bad++) {
		for (unsigned i = 0; i < t->n_cores; i++) {
			if (is_usable(&t->cores[i]) && badness(t, &t->cores[i], node, taken) == bad)
				cores[n++] = t->cores[i].number;
		}
	}
	return n;
}

unsigned fly_cores_of_node(const struct fly_topology *t, int node, unsigned *cores)
{
	unsigned n = 0;

	for (unsigned near = 2; near-- > 0 && n == 0;) {
		for (unsigned i = 0; i < t->n_cores; i++) {
			if (is_usable(&t->cores[i]) && (!near || t->cores[i].node == node))
				cores[n++] = t->cores[i].number;
		}
	}
	return n;
}

int fly_cores_choose(const struct fly_topology *t, const struct fly_cores_wish *wish,
		     unsigned *cores)
{
	unsigned all[FLY_TOPOLOGY_CORES] = {0};
	int n = wish->list ? fly_cores_list(t, wish->list, all)
			   : (int)fly_cores_order(t, wish->node, wish->taken, all);

	if (n < 0)
		return n;
	if (n == 0)
		return fly_fail(FLY_EINVAL, "there is no core that this process may run on");
	if (wish->n > (unsigned)n && !wish->may_share)
		return fly_fail(
			FLY_EINVAL,
			"%u pollers that spin need as many cores, and %s %d; ask for fewer, "
			"or let them wait by yield or sleep",
			wish->n, wish->list ? "the list has" : "this process may run on", n);
	for (unsigned i = 0; i < wish->n; i++)
		cores[i] = all[i % (unsigned)n];
	return 0;
}
