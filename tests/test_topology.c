/* SPDX-License-Identifier: BSD-3-Clause */
/* test_topology.c - the topology of this machine. */
#include <criterion/criterion.h>
#include <sched.h>
#include <unistd.h>

#include <firefly/firefly.h>

Test(topology, fly_topology_read__is_what_the_system_says)
{
	struct fly_topology *t;
	struct fly_node node = {.size = sizeof node};
	struct fly_hugepages huge = {.size = sizeof huge};
	cpu_set_t allowed;
	unsigned online = 0;

	cr_assert(fly_topology_read(&t) == 0, "%s", fly_error());
	sched_getaffinity(0, sizeof allowed, &allowed);
	for (unsigned i = 0; i < fly_topology_count_cores(t); i++) {
		struct fly_core core = {.size = sizeof core};

		cr_assert(fly_topology_get_core(t, i, &core) == 0, "%s", fly_error());
		online += core.is_online;
		cr_expect(core.number >= CPU_SETSIZE ||
			  core.is_allowed == !!CPU_ISSET(core.number, &allowed));
	}
	cr_expect((long)online == sysconf(_SC_NPROCESSORS_ONLN), "%u online", online);
	cr_assert(fly_topology_count_nodes(t) >= 1);
	cr_assert(fly_topology_get_node(t, 0, &node) == 0, "%s", fly_error());
	cr_expect(node.is_online && node.memory_bytes > node.free_bytes);
	for (unsigned i = 0; i < node.n_huge; i++) {
		cr_assert(fly_topology_get_hugepages(t, 0, i, &huge) == 0, "%s", fly_error());
		cr_expect(huge.page_bytes >= 65536 && huge.free <= huge.total);
	}
	cr_expect(fly_topology_get_hugepages(t, 0, node.n_huge, &huge) == -FLY_EINVAL);
	fly_topology_free(t);
	fly_topology_free(NULL);
}

Test(topology, fly_topology_get_core__refuses_an_index_and_a_struct_without_a_size)
{
	struct fly_topology *t;
	struct fly_core core = {.number = 4711};
	struct fly_node node = {.number = 4711};
	struct fly_hugepages huge = {.page_bytes = 4711};
	struct fly_choice choice = {.node = 4711};

	cr_assert(fly_topology_read(&t) == 0, "%s", fly_error());
	cr_expect(fly_topology_get_core(t, 0, &core) == -FLY_EINVAL);
	cr_expect(strstr(fly_error(), "set .size = sizeof(struct fly_core)"), "%s", fly_error());
	cr_expect(fly_topology_get_node(t, 0, &node) == -FLY_EINVAL);
	cr_expect(fly_topology_get_hugepages(t, 0, 0, &huge) == -FLY_EINVAL);
	cr_expect(fly_topology_choose(t, NULL, &choice) == -FLY_EINVAL);
	core.size = sizeof core;
	node.size = sizeof node;
	huge.size = sizeof huge;
	cr_expect(fly_topology_get_core(t, fly_topology_count_cores(t), &core) == -FLY_EINVAL);
	cr_expect(strstr(fly_error(), "there is no core"), "%s", fly_error());
	cr_expect(fly_topology_get_node(t, fly_topology_count_nodes(t), &node) == -FLY_EINVAL);
	cr_expect(fly_topology_get_hugepages(t, fly_topology_count_nodes(t), 0, &huge) ==
		  -FLY_EINVAL);
	cr_expect(core.number == 4711 && node.number == 4711 && huge.page_bytes == 4711 &&
		  choice.node == 4711);
	fly_topology_free(t);
}

Test(topology, fly_topology_choose__a_link_without_a_device_is_where_we_are)
{
	struct fly_choice choice = {.size = sizeof choice};
	struct fly_topology *t;

	cr_assert(fly_topology_read(&t) == 0, "%s", fly_error());
	cr_assert(fly_topology_choose(t, "vhost:/tmp/x", &choice) == 0, "%s", fly_error());
	cr_expect(!choice.is_device);
	cr_expect(choice.n_cores >= 1 && choice.cores && choice.n_worker_cores >= 1 &&
		  choice.worker_cores);
	cr_expect(fly_topology_choose(t, NULL, &choice) == 0);
	cr_expect(fly_topology_choose(t, "nonsense", &choice) == -FLY_EINVAL);
	fly_topology_free(t);
}
