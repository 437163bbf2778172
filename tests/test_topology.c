/* SPDX-License-Identifier: BSD-3-Clause */
/* test_topology.c - this machine, as it is. */
#include <criterion/criterion.h>
#include <sched.h>
#include <unistd.h>

#include <firefly/firefly.h>

Test(topology, fly_topology__is_what_the_system_says)
{
	static struct fly_topology t;
	cpu_set_t allowed;
	unsigned online = 0;

	cr_assert(fly_topology(&t) == 0, "%s", fly_error());
	sched_getaffinity(0, sizeof allowed, &allowed);
	for (unsigned i = 0; i < t.n_cores; i++) {
		online += t.cores[i].is_online;
		cr_expect(t.cores[i].number >= CPU_SETSIZE ||
			  t.cores[i].is_allowed == !!CPU_ISSET(t.cores[i].number, &allowed));
	}
	cr_expect((long)online == sysconf(_SC_NPROCESSORS_ONLN), "%u online", online);
	cr_assert(t.n_nodes >= 1);
	cr_expect(t.nodes[0].is_online && t.nodes[0].memory_bytes > t.nodes[0].free_bytes);
}

Test(topology, fly_topology_choose__a_link_without_a_device_is_where_we_are)
{
	static struct fly_topology t;
	static struct fly_choice choice;

	cr_assert(fly_topology(&t) == 0, "%s", fly_error());
	cr_assert(fly_topology_choose(&t, "vhost:/tmp/x", &choice) == 0, "%s", fly_error());
	cr_expect(!choice.is_device);
	cr_expect(choice.n_cores >= 1);
	cr_expect(fly_topology_choose(&t, NULL, &choice) == 0);
	cr_expect(fly_topology_choose(&t, "nonsense", &choice) == -FLY_EINVAL);
}
