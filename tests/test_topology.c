/* SPDX-License-Identifier: BSD-3-Clause */
/* test_topology.c - this machine, as it is; and choices on machines that are not there. */
#include <criterion/criterion.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <firefly/firefly.h>

#include "host/cores.h"

/* Two nodes of four cores, in pairs of threads of one physical core: 0 and 4, 1 and 5, ... */
static struct fly_topology machine;

static void make_machine(void)
{
	memset(&machine, 0, sizeof machine);
	machine.here = 0;
	for (unsigned i = 0; i < 8; i++) {
		machine.cores[machine.n_cores++] = (struct fly_core){
			.number = i,
			.is_online = true,
			.is_allowed = true,
			.node = i % 4 / 2,
			.package = (int)(i % 4 / 2),
			.die = 0,
			.core = (int)(i % 4 % 2),
		};
	}
	for (int i = 0; i < 2; i++)
		machine.nodes[machine.n_nodes++] = (struct fly_node){.number = i,
								     .is_online = true,
								     .memory_bytes = 1UL << 30};
}

static void expect_order(int node, const uint8_t *taken, const char *wanted)
{
	unsigned cores[FLY_TOPOLOGY_CORES];
	char text[64] = "";
	const unsigned n = fly_cores_order(&machine, node, taken, cores);

	for (unsigned i = 0; i < n; i++)
		sprintf(text + strlen(text), "%s%u", i ? " " : "", cores[i]);
	cr_expect(strcmp(text, wanted) == 0, "%s, not %s", text, wanted);
}

Test(cores, fly_cores_order__near_first_then_one_thread_of_each_physical_core)
{
	const uint8_t taken[8] = {[1] = 1};

	make_machine();
	/* 0 is where the caller runs, 4 is the same physical core */
	expect_order(0, NULL, "1 4 5 0 2 3 6 7");
	expect_order(1, NULL, "2 3 6 7 1 4 5 0");
	expect_order(0, taken, "4 5 0 2 3 6 7 1");
	machine.cores[1].is_online = false;
	machine.cores[2].is_allowed = false;
	expect_order(0, NULL, "5 4 0 3 6 7");
	machine.here = -1;
	expect_order(0, NULL, "0 5 4 3 6 7");
}

Test(cores, fly_cores_of_node__those_that_may_be_used)
{
	unsigned cores[FLY_TOPOLOGY_CORES];

	make_machine();
	machine.cores[2].is_online = false;
	cr_expect(fly_cores_of_node(&machine, 1, cores) == 3 && cores[0] == 3 && cores[2] == 7);
	cr_expect(fly_cores_of_node(&machine, 5, cores) == 7, "it has none: any");
}

static void refused(const char *list, unsigned n, const char *word)
{
	unsigned cores[16];
	const struct fly_cores_wish wish = {.n = n, .list = list};

	cr_expect(fly_cores_choose(&machine, &wish, cores) == -FLY_EINVAL, "%s", list);
	cr_expect(strstr(fly_error(), word) != NULL, "'%s' is not about '%s'", fly_error(), word);
	cr_expect(strchr(fly_error(), '\n') == NULL);
}

/* libnuma reads lists, and knows of the cores of this machine only. */
static void need_two_cores(void)
{
	if (sysconf(_SC_NPROCESSORS_CONF) < 2)
		cr_skip_test("this machine has one core");
	make_machine();
}

Test(cores, fly_cores_choose__takes_a_list_as_it_is)
{
	unsigned cores[16];
	struct fly_cores_wish wish = {.n = 2, .list = "1,0"};

	need_two_cores();
	cr_assert(fly_cores_choose(&machine, &wish, cores) == 0, "%s", fly_error());
	cr_expect(cores[0] == 0 && cores[1] == 1);
	wish.list = "0-1";
	cr_assert(fly_cores_choose(&machine, &wish, cores) == 0, "%s", fly_error());
	cr_expect(cores[0] == 0 && cores[1] == 1);
	wish.n = 3;
	wish.may_share = true;
	cr_assert(fly_cores_choose(&machine, &wish, cores) == 0, "%s", fly_error());
	cr_expect(cores[2] == 0);
	wish.list = NULL;
	wish.n = 9;
	cr_assert(fly_cores_choose(&machine, &wish, cores) == 0, "%s", fly_error());
	cr_expect(cores[8] == cores[0]);
}

Test(cores, fly_cores_choose__says_what_is_wrong)
{
	need_two_cores();
	refused("1,x", 1, "a list is wanted");
	refused("", 1, "a list is wanted");
	refused("0 1", 1, "a list is wanted");
	refused("8", 1, "no core 8");
	refused("0-8", 1, "no core 8");
	refused("99999999999999999999", 1, "no core");
	refused("0-1", 3, "3 pollers that spin need as many cores");
	refused(NULL, 9, "9 pollers that spin need as many cores");
	machine.cores[1].is_allowed = false;
	refused("1", 1, "may not run on core 1");
	machine.cores[1].is_online = false;
	refused("1", 1, "core 1 is offline");
	refused("0-1", 1, "core 1 is offline");
	machine.nodes[0].memory_bytes = 0;
	refused("0", 1, "NUMA node 0 has no memory");
	machine.nodes[0].is_online = false;
	refused("0", 1, "NUMA node 0 is offline");
	cr_expect(fly_cores_node(&machine, 2) == -FLY_EINVAL);
	cr_expect(fly_cores_node(&machine, 1) == 0);
}

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

Test(topology, fly_topology_get__refuses_an_index_and_a_struct_without_a_size)
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
