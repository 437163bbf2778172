/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * netdev.h - the kernel's interface under a link of af_packet, af_xdp or tap: what the kernel knows
 * of it when the port is opened, and what changes later (netdev.c).
 */
#ifndef FLY_NETDEV_H
#define FLY_NETDEV_H

#include "slowpath/next_hop.h"
#include "slowpath/readdress.h"

struct fly_port;

/* Part of struct fly_port; the control thread's while the port is watched. */
struct fly_netdev {
	int watch_fd;            /* tells of changes; -1: nothing is followed */
	_Atomic bool is_removed; /* pci: the driver says so, on DPDK's interrupt thread */
	int tun_fd;              /* tap: of its driver; -1: not known */
	int group_fd;            /* the interface takes questions to all; -1: not */
	bool is_up;              /* as last seen */
	bool is_loopback;
	bool is_stale;             /* it has changed since it was looked at */
	bool has_said;             /* why the link does not come back */
	bool is_bare;              /* it has no address any more: we keep the last one */
	uint64_t look_at_ms;       /* not looked at before */
	unsigned mtu_most;         /* that packet buffers have room for */
	struct fly_routes *routes; /* that the links have */
	struct fly_routes
		*routes_before; /* that pollers may still have, while they have requests */
	struct fly_link_settings settings;
};

/* fly_netdev_is_kernels() - is the link over an interface of the kernel's: af_packet, af_xdp? */
bool fly_netdev_is_kernels(const struct fly_port *port);

/*
 * fly_netdev_check() - before the device is opened: is there such an interface, does it have an
 * address and the MTU? Claims our UDP ports in the kernel. af_packet and af_xdp only.
 * Return: 0 or a negative status with a message.
 */
int fly_netdev_check(struct fly_port *port);

/*
 * fly_netdev_start() - rte_eth_dev_start(), and what it does to the interface is undone: it sets
 * the hardware address that af_packet's interface has already, upon which the kernel forgets all
 * neighbours, also those that somebody has written down. Return: as rte_eth_dev_start().
 */
int fly_netdev_start(struct fly_port *port);

/*
 * fly_netdev_settle() - after the device was started, any kind of link: our address, and which
 * addresses are on the link, go into the first poller's link. Begins to follow the interface.
 * @usual_ip: our address if nobody says one. Return: 0 or a negative status with a message.
 */
int fly_netdev_settle(struct fly_port *port, uint32_t usual_ip);

/*
 * fly_netdev_follow() - look at what has changed, on the control thread; no poller has a
 * request. Return: the request that all pollers are to get now: FLY_PORT_NONE, FLY_PORT_READDRESS,
 * FLY_PORT_DETACH or FLY_PORT_ATTACH.
 */
int fly_netdev_follow(struct fly_port *port);

/* fly_netdev_forget() - before the device is closed: its driver tells us no more. */
void fly_netdev_forget(struct fly_port *port);

/* fly_netdev_end() - no poller has the links any more. */
void fly_netdev_end(struct fly_port *port);

#endif
