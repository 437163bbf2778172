/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_port_watch.c - requests of the control thread to the pollers of a link. The link is one
 * whose peer never goes, so that the test makes all requests.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/system_clock.h"
#include "case.h"
#include "fastpath/poller.h"
#include "host/port.h"
#include "runtime/runtime.h"

static struct fly_runtime *r;
static struct fly_port *port;
static struct fly_link *l;

static void begin(void)
{
	const char *const links[] = {"vdev:net_ring_watch,ip=10.9.8.7,peer=10.9.8.7", NULL};
	const struct fly_options o = {.size = sizeof o,
				      .links = links,
				      .packets = 1023,
				      .eal = "--no-huge -m 256"};

	cr_assert(fly_start(&o, &r) == 0, "%s", fly_error());
	port = r->ports.at[0];
	l = fly_port_link(port, 0);
}

static void end(void)
{
	cr_expect(fly_stop(r) == 0);
}

TestSuite(port_watch, .timeout = HANG);

static uint64_t counter(enum fly_counter which)
{
	return fly_stats_get(&r->poller.stats, which);
}

static void request(enum fly_port_request what)
{
	atomic_store(&port->request[0], what);
	atomic_store(&r->poller.attention, 1);
	fly_turn(r);
	cr_expect(atomic_load(&port->request[0]) == FLY_PORT_NONE, "it is done");
	cr_expect(atomic_load(&r->poller.attention) == 0);
}

static bool is_polled(void)
{
	bool is = false;

	for (unsigned i = 0; i < r->poller.n_links; i++)
		is |= r->poller.links[i] == l;
	return is;
}

Case(port_watch, fly_ports_apply__a_server_takes_its_next_client)
{
	cr_expect(l->up && is_polled());
	request(FLY_PORT_LOST);
	cr_expect(counter(FLY_COUNT_links_lost) == 1);
	cr_expect(l->up && is_polled(), "the driver takes the next client by itself");
}

Case(port_watch, fly_ports_apply__a_client_leaves_its_link_and_comes_back)
{
	request(FLY_PORT_DETACH);
	cr_expect(!l->up && !is_polled());
	cr_expect(counter(FLY_COUNT_links_lost) == 1 && counter(FLY_COUNT_links_returned) == 0);
	request(FLY_PORT_ATTACH);
	cr_expect(l->up && is_polled());
	cr_expect(counter(FLY_COUNT_links_returned) == 1);
}

Case(port_watch, fly_ports_apply__a_client_that_took_memory_away_is_counted)
{
	request(FLY_PORT_ROBBED);
	cr_expect(counter(FLY_COUNT_links_robbed) == 1 && counter(FLY_COUNT_links_lost) == 0);
	cr_expect(l->up && is_polled());
}

Case(port_watch, fly_ports_apply__nothing_is_asked_for)
{
	request(FLY_PORT_NONE);
	cr_expect(counter(FLY_COUNT_links_robbed) == 0 && counter(FLY_COUNT_links_lost) == 0);
	cr_expect(l->up && is_polled());
}

/* ---- links in a directory of their own ---- */

static char directory[] = "/tmp/firefly-watch-XXXXXX";

static void make_directory(void)
{
	cr_assert(mkdtemp(directory) != NULL);
	setenv("RUNTIME_DIRECTORY", directory, 1); /* DPDK would leave files there */
}

static void remove_directory(void)
{
	char command[64];

	snprintf(command, sizeof command, "rm -r %s", directory);
	cr_expect(system(command) == 0);
}

/* With peers: the client of the second of two links goes. */
Test(port_watch, fly_ports_watch__each_link_of_a_runtime)
{
	char links[2][96];
	const char *const at_server[] = {links[0], links[1], NULL};
	const char *const at_client[] = {links[1], NULL};
	struct fly_options o = {.size = sizeof o,
				.links = at_server,
				.packets = 1023,
				.eal = "--no-huge -m 256"};
	const uint64_t end_ms = fly_system_clock_ms() + 1000 * patience(10);
	struct fly_runtime *client;

	make_directory();
	for (unsigned i = 0; i < 2; i++)
		snprintf(links[i], sizeof links[i], "vhost:%s/%u,server,ip=10.9.%u.1", directory, i,
			 i);
	cr_assert(fly_start(&o, &r) == 0, "%s", fly_error());
	snprintf(links[1], sizeof links[1], "vhost:%s/1,ip=10.9.1.2,peer=10.9.1.1", directory);
	o.links = at_client;
	cr_assert(fly_start(&o, &client) == 0, "%s", fly_error());
	while (!r->ports.at[1]->was_up && fly_system_clock_ms() < end_ms)
		usleep(1000);
	cr_assert(r->ports.at[1]->was_up);
	cr_expect(fly_stop(client) == 0, "%s", fly_error());
	while (counter(FLY_COUNT_links_lost) == 0 && fly_system_clock_ms() < end_ms)
		fly_turn(r);
	cr_expect(counter(FLY_COUNT_links_lost) == 1);
	end();
	remove_directory();
}

/* A link comes back also after the program has changed its directory. */
Test(port_watch, fly_start__the_path_of_a_link_is_from_the_root)
{
	static const char *const links[] = {"vhost:v,server", NULL};
	const struct fly_options o = {.size = sizeof o,
				      .links = links,
				      .packets = 1023,
				      .eal = "--no-huge -m 256"};
	char wanted[64];

	make_directory();
	snprintf(wanted, sizeof wanted, "%s/v", directory);
	cr_assert(chdir(directory) == 0);
	cr_assert(fly_start(&o, &r) == 0, "%s", fly_error());
	cr_expect(strcmp(r->ports.at[0]->spec.what, wanted) == 0, "%s", r->ports.at[0]->spec.what);
	cr_assert(chdir("/") == 0);
	cr_expect(access(wanted, F_OK) == 0);
	end();
	remove_directory();
}
