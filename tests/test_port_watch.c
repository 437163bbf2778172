/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_port_watch.c - requests of the control thread to the pollers of a link. The link is one
 * whose peer never goes, so that the test makes all requests.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <unistd.h>

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
