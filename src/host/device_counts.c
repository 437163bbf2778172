/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device_counts.c - see device_counts.h. Who stops a device ends its counts first, under the lock
 * that who reads them has: a device that is being removed is not asked.
 */
#include "host/device_counts.h"

#include <linux/if_packet.h>
#include <pthread.h>
#include <sys/socket.h>

#include <rte_ethdev.h>

#include "host/netlink.h"
#include "host/port.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static const char *const names[FLY_N_DEVICE_COUNTS] = {
#define NAME(name, about) [FLY_DEVICE_##name] = #name,
	FLY_DEVICE_COUNTS(NAME)
#undef NAME
};

static const char *const abouts[FLY_N_DEVICE_COUNTS] = {
#define ABOUT(name, about) [FLY_DEVICE_##name] = (about),
	FLY_DEVICE_COUNTS(ABOUT)
#undef ABOUT
};

const char *fly_device_counts_name(enum fly_device_count which)
{
	return names[which];
}

const char *fly_device_counts_about(enum fly_device_count which)
{
	return abouts[which];
}

void fly_device_counts_take(struct fly_device_counts *c, enum fly_device_count which, uint64_t now)
{
	c->total[which] += now < c->last[which] ? now : now - c->last[which];
	c->last[which] = now;
}

/* What the ring of af_packet's driver had no room for. The kernel tells it once, the driver never.
 */
static uint64_t ring_dropped(const struct fly_port *port)
{
	struct tpacket_stats_v3 said = {0};
	socklen_t bytes = sizeof said;

	if (port->spec.kind != FLY_LINK_AF_PACKET || port->packet_fd < 0 ||
	    getsockopt(port->packet_fd, SOL_PACKET, PACKET_STATISTICS, &said, &bytes) != 0)
		return 0;
	return said.tp_drops;
}

/* What cannot be read now, as of an interface that is gone, stays as it was. */
static void ask(struct fly_port *port)
{
	struct fly_device_counts *c = &port->counts;
	struct rte_eth_stats said;
	uint64_t dropped;

	if (rte_eth_stats_get(port->link.port, &said) == 0) {
		fly_device_counts_take(c, FLY_DEVICE_device_missed, said.imissed);
		fly_device_counts_take(c, FLY_DEVICE_device_errors, said.ierrors);
		fly_device_counts_take(c, FLY_DEVICE_device_no_buffer, said.rx_nombuf);
		fly_device_counts_take(c, FLY_DEVICE_device_send_errors, said.oerrors);
	}
	c->total[FLY_DEVICE_device_missed] += ring_dropped(port);
	if (fly_netdev_is_kernels(port) && fly_netlink_dropped(port->spec.what, &dropped))
		fly_device_counts_take(c, FLY_DEVICE_interface_dropped, dropped);
}

void fly_device_counts_begin(struct fly_port *port)
{
	struct fly_device_counts *c = &port->counts;
	struct fly_device_counts before;

	pthread_mutex_lock(&lock);
	before = *c;
	ask(port);
	/* What was counted while we were away is not ours, and a stopped device has counted
	 * nothing. */
	memcpy(c->total, before.total, sizeof c->total);
	c->runs = true;
	pthread_mutex_unlock(&lock);
}

void fly_device_counts_end(struct fly_port *port)
{
	pthread_mutex_lock(&lock);
	if (port->counts.runs)
		ask(port);
	port->counts.runs = false;
	pthread_mutex_unlock(&lock);
}

void fly_device_counts_sum(const struct fly_ports *ports, uint64_t sum[FLY_N_DEVICE_COUNTS])
{
	memset(sum, 0, FLY_N_DEVICE_COUNTS * sizeof *sum);
	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < ports->n; i++) {
		struct fly_port *port = ports->at[i];

		if (port->counts.runs)
			ask(port);
		for (unsigned j = 0; j < FLY_N_DEVICE_COUNTS; j++)
			sum[j] += port->counts.total[j];
	}
	pthread_mutex_unlock(&lock);
}

void fly_device_counts_forked(void)
{
	pthread_mutex_init(&lock, NULL);
}
