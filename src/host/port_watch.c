/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port_watch.c - links whose peer dies and comes back: the control thread notices, the poller
 * agrees.
 *
 * fly_ports_watch() runs on the control thread every FLY_CONTROL_TICK_MS; fly_ports_apply() on
 * each poller, at its quiescence point. What one may touch of a port at a time is decided by
 * port->request alone: all NONE, the control thread may look at it and ask for a change, and has it
 * to itself while it is detached; anything else, and that poller's link is the poller's.
 */
#include <pthread.h>

#include "fastpath/slow.h"
#include "base/error.h"
#include "host/port_device.h"
#include "runtime/runtime.h"
#include "slowpath/sweep.h"

#define RUNTIMES       64   /* watched in one process */
#define START_AGAIN_MS 50   /* from one look for a server that is away to the next */
#define TAKES_US_MS    1000 /* so long a server may take to complete a connection */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct fly_runtime *watched[RUNTIMES]; /* under lock */

int fly_ports_add(struct fly_runtime *runtime)
{
	int status = -FLY_ENOMEM;

	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < RUNTIMES && status; i++) {
		if (!watched[i]) {
			watched[i] = runtime;
			status = 0;
		}
	}
	pthread_mutex_unlock(&lock);
	return status ? fly_fail(FLY_ENOMEM, "more than %d runtimes in one process", RUNTIMES) : 0;
}

void fly_ports_remove(struct fly_runtime *runtime)
{
	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < RUNTIMES; i++) {
		if (watched[i] == runtime)
			watched[i] = NULL;
	}
	pthread_mutex_unlock(&lock);
}

static void ask(struct fly_port *port, enum fly_port_request request)
{
	struct fly_runtime *r = port->runtime;

	for (unsigned i = 0; i < r->n_pollers; i++) {
		/* W1: hands the link to its poller; pairs with W2 in fly_ports_apply(). */
		atomic_store_explicit(&port->request[i], request, memory_order_release);
		/* Only a hint that there is something to see: the request is what carries data. */
		atomic_store_explicit(&r->group.pollers[i]->attention, 1, memory_order_seq_cst);
		fly_slow_wake_poller(r->group.pollers[i]->handoffs.wake_fd);
	}
}

static void watch_server(struct fly_port *port)
{
	const bool up = fly_port_is_up(port);

	if (port->was_up && !up) {
		ask(port, FLY_PORT_LOST); /* first: the driver takes the next client any moment */
		fly_runtime_notice(port->runtime, "link %s: a client went away", port->spec.text);
	}
	port->was_up = up;
}

/* A client's port, after its server has gone, and while the poller does not have it. */
static void look_for_server(struct fly_port *port)
{
	const uint64_t now_ms = fly_port_now_ms();
	const char *why;

	if (port->reaching && fly_port_is_up(port)) {
		fly_runtime_notice(port->runtime, "link %s: a server is back", port->spec.text);
		port->detached = false;
		port->reaching = false;
		ask(port, FLY_PORT_ATTACH);
		return;
	}
	if (port->reaching && now_ms < port->next_ms)
		return;
	if (port->started)
		fly_port_stop_device(port); /* of the dead server, or one that does not take us */
	else if (now_ms < port->next_ms)
		return;
	port->reaching = fly_port_reach(port, &why) == 0;
	port->next_ms = now_ms + (port->reaching ? TAKES_US_MS : START_AGAIN_MS);
}

static void watch_client(struct fly_port *port)
{
	if (port->detached) {
		/* The poller has given it up, or the request would still be there. */
		look_for_server(port);
	} else if (!fly_port_is_up(port)) {
		fly_runtime_notice(port->runtime, "link %s: the server is gone", port->spec.text);
		port->detached = true;
		ask(port, FLY_PORT_DETACH);
	}
}

static bool is_ours(struct fly_port *port)
{
	for (unsigned i = 0; i < port->runtime->n_pollers; i++) {
		/* W4: what the poller did to its link is ours to see; pairs with W3. */
		if (atomic_load_explicit(&port->request[i], memory_order_acquire) != FLY_PORT_NONE)
			return false;
	}
	return true;
}

void fly_ports_watch(void)
{
	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < RUNTIMES; i++) {
		for (unsigned j = 0; watched[i] && j < watched[i]->n_ports; j++) {
			struct fly_port *port = watched[i]->ports[j];

			if (!fly_port_has_peer(port) || !is_ours(port))
				continue;
			if (port->spec.server)
				watch_server(port);
			else
				watch_client(port);
		}
	}
	pthread_mutex_unlock(&lock);
}

void fly_ports_apply(struct fly_runtime *runtime, struct fly_poller *p)
{
	/* Before the requests are read: one that comes meanwhile sets it again. */
	atomic_exchange_explicit(&p->attention, 0, memory_order_acq_rel);
	for (unsigned i = 0; i < runtime->n_ports; i++) {
		struct fly_port *port = runtime->ports[i];
		struct fly_link *link = fly_port_link(port, p->number);

		/* W2: what the control thread did to the link is ours to see; pairs with W1. */
		switch (atomic_load_explicit(&port->request[p->number], memory_order_acquire)) {
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
		default:
			continue;
		}
		/* W3: gives the link back to the control thread; pairs with W4. */
		atomic_store_explicit(&port->request[p->number], FLY_PORT_NONE,
				      memory_order_release);
	}
}
