/* SPDX-License-Identifier: BSD-3-Clause */
/* test_cores.c - which cores are chosen, on imaginary machines. */
#include <criterion/criterion.h>
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
	/* 0: the caller runs there; 4: the same physical core */
	expect_order(0, NULL, "1 4 5 0 2 3 6 7");
	expect_order(1, NULL, "2 3 6 7 1 4 5 0");
	expect_order(0, taken, "4 5 0 2 3 6 7 1");
	machine.cores[4].polled_by = -1;
	expect_order(0, taken, "5 0 2 3 6 7 1 4");
	machine.cores[4].polled_by = 0;
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

/* libnuma parses lists, and accepts only cores of this machine. */
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
