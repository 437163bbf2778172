/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port_watch.c - links whose peer dies and comes back, and those over interfaces of the kernel.
 *
 * fly_ports_watch() runs on the control thread every FLY_CONTROL_TICK_MS; fly_ports_apply() on
 * each poller, at its quiescence point. Owns the list of watched ports. port->request alone
 * decides which thread may touch a link. A poller with a request owns its link. If no poller has a
 * request the control thread may look at the port and make requests; then a detached port is owned
 * by the control thread.
 */
#include <pthread.h>

#include "fastpath/poller.h"
#include "fastpath/slow.h"
#include "base/error.h"
#include "base/system_clock.h"
#include "host/connections.h"
#include "host/port_device.h"
#include "slowpath/sweep.h"

#define RUNTIMES       64   /* runtimes watched in one process */
#define START_AGAIN_MS 50   /* interval of tries to reach a server that is away */
#define CONNECT_MS     100  /* for connect(2) to end */
#define TAKES_US_MS    1000 /* time for a server to complete a connection */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t looked = PTHREAD_COND_INITIALIZER;
static struct fly_ports *watched[RUNTIMES]; /* under lock */
static struct fly_ports *looked_at; /* by the control thread now, without the lock; or NULL */

int fly_ports_add(struct fly_ports *ports)
{
	int status = -FLY_ENOMEM;

	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < RUNTIMES && status; i++) {
		if (!watched[i]) {
			watched[i] = ports;
			status = 0;
		}
	}
	pthread_mutex_unlock(&lock);
	return status ? fly_fail(FLY_ENOMEM, "more than %d runtimes in one process", RUNTIMES) : 0;
}

void fly_ports_remove(struct fly_ports *ports)
{
	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < RUNTIMES; i++) {
		if (watched[i] == ports)
			watched[i] = NULL;
	}
	while (looked_at == ports)
		pthread_cond_wait(&looked, &lock);
	pthread_mutex_unlock(&lock);
}

void fly_ports_forked(void)
{
	pthread_mutex_init(&lock, NULL); /* a thread of the parent may have held it */
	memset(watched, 0, sizeof watched);
	fly_device_counts_forked();
}

static void send_request(struct fly_port *port, enum fly_port_request request)
{
	const struct fly_poller_group *g = port->group;

	for (unsigned i = 0; i < g->n; i++) {
		/* P1: hands the link to its poller; pairs with P2 in fly_ports_apply(). */
		atomic_store_explicit(&port->request[i], request, memory_order_release);
		/* Only a hint: P1 publishes the request. */
		atomic_store_explicit(&g->pollers[i]->attention, 1, memory_order_seq_cst);
		fly_slow_wake_poller(g->pollers[i]->handoffs.wake_fd);
	}
}

static void watch_our_server(struct fly_port *port)
{
	const bool up = fly_port_is_up(port);
	const uint32_t ended = fly_vhost_guard_ended(&port->memory);

	if (port->was_up && !up) {
		/* First: the driver may take the next client at any moment. */
		send_request(port, FLY_PORT_LOST);
		fly_notice(&port->group->notice, "link %s: a client went away", port->spec.text);
	} else if (ended != port->ended) {
		send_request(port, FLY_PORT_ROBBED);
		fly_notice(&port->group->notice,
			   "link %s: a client was disconnected: it took away memory that it shared",
			   port->spec.text);
		port->ended = ended;
	} else if (up && fly_vhost_guard_is_gone(&port->memory)) {
		fly_vhost_guard_disconnect(&port->memory);
	}
	port->was_up = up;
}

/* memif connects when it is asked whether its link is up, and waits while others wait. */
static bool is_up_soon(const struct fly_port *port)
{
	struct fly_connections_watch *watch = fly_connections_watch_begin(NULL, CONNECT_MS);
	const bool up = fly_port_is_up(port);

	fly_connections_watch_end(watch);
	return up;
}

/* Try to bring a detached client's port back. */
static void look_for_server(struct fly_port *port)
{
	const uint64_t now_ms = fly_system_clock_ms();
	const char *why;

	if (port->reaching && is_up_soon(port)) {
		fly_notice(&port->group->notice, "link %s: a server is back", port->spec.text);
		port->detached = false;
		port->reaching = false;
		send_request(port, FLY_PORT_ATTACH);
		return;
	}
	if (port->reaching && now_ms < port->next_ms)
		return;
	if (port->started)
		fly_port_stop_device(port); /* connected to a dead server, or not accepted */
	else if (now_ms < port->next_ms)
		return;
	port->reaching = fly_port_reach(port, &why) == 0;
	port->next_ms = now_ms + (port->reaching ? TAKES_US_MS : START_AGAIN_MS);
}

static void watch_our_client(struct fly_port *port)
{
	if (port->detached) {
		/* All requests are NONE: the pollers have detached it. */
		look_for_server(port);
	} else if (!fly_port_is_up(port)) {
		fly_notice(&port->group->notice, "link %s: the server is gone", port->spec.text);
		port->detached = true;
		send_request(port, FLY_PORT_DETACH);
	}
}

static bool has_no_request(struct fly_port *port)
{
	for (unsigned i = 0; i < port->group->n; i++) {
		/* P4: what the poller did to its link is ours to see; pairs with P3. */
		if (atomic_load_explicit(&port->request[i], memory_order_acquire) != FLY_PORT_NONE)
			return false;
	}
	return true;
}

static void watch_interface(struct fly_port *port)
{
	const int request = fly_netdev_follow(port);

	if (request != FLY_PORT_NONE)
		send_request(port, (enum fly_port_request)request);
}

static void watch(struct fly_ports *ports)
{
	for (unsigned i = 0; i < ports->n; i++) {
		struct fly_port *port = ports->at[i];

		if (!has_no_request(port))
			continue;
		if (!fly_port_has_peer(port))
			watch_interface(port);
		else if (port->spec.server)
			watch_our_server(port);
		else
			watch_our_client(port);
	}
}

/* Without the lock: a driver may wait for a server, and other runtimes start and stop meanwhile. */
void fly_ports_watch(void)
{
	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < RUNTIMES; i++) {
		looked_at = watched[i];
		if (!looked_at)
			continue;
		pthread_mutex_unlock(&lock);
		watch(looked_at);
		pthread_mutex_lock(&lock);
		looked_at = NULL;
		pthread_cond_broadcast(&looked);
	}
	pthread_mutex_unlock(&lock);
}

void fly_ports_apply(struct fly_ports *ports, struct fly_poller *p)
{
	/* Before the requests are read: a request that comes later sets it again. */
	atomic_exchange_explicit(&p->attention, 0, memory_order_acq_rel);
	for (unsigned i = 0; i < ports->n; i++) {
		struct fly_port *port = ports->at[i];
		struct fly_link *link = fly_port_link(port, p->number);

		/* P2: what the control thread did to the link is ours to see; pairs with P1. */
		switch (atomic_load_explicit(&port->request[p->number], memory_order_acquire)) {
		case FLY_PORT_ROBBED:
			if (p->number == 0)
				fly_stats_add(&p->stats, FLY_COUNT_links_robbed, 1);
			break;
		case FLY_PORT_LOST:
			fly_link_lost(p, link);
			link->up = true; /* the driver takes the next client by itself */
			break;
		case FLY_PORT_DETACH:
			fly_poller_detach(p, link);
			break;
		case FLY_PORT_ATTACH:
			fly_poller_attach(p, link);
			fly_stats_add(&p->stats, FLY_COUNT_links_returned, 1);
			break;
		case FLY_PORT_READDRESS:
			fly_link_readdress(p, link, &port->netdev.settings);
			break;
		default:
			continue;
		}
		/* P3: gives the link back to the control thread; pairs with P4. */
		atomic_store_explicit(&port->request[p->number], FLY_PORT_NONE,
				      memory_order_release);
	}
}
