/* SPDX-License-Identifier: BSD-3-Clause */
/* port_device.h - parts of port.c for port_watch.c, which brings a client's port back. */
#ifndef FLY_PORT_DEVICE_H
#define FLY_PORT_DEVICE_H

#include "host/port.h"

/*
 * fly_port_start_device() - add and configure the DPDK device, unless it exists, and start it.
 * Return: 0 or a negative status with a message.
 */
int fly_port_start_device(struct fly_port *port);

/*
 * fly_port_stop_device() - the reverse, between two tries of a client; drops its client number. A
 * memif device stays, stopped: adding and removing one leaks 27 kB of DPDK's heap. Other devices
 * do not start twice, and are removed.
 */
void fly_port_stop_device(struct fly_port *port);

/*
 * fly_port_reach() - try once to claim a client number at the server, and to start the port.
 * @why: on failure, a message. Return: 0 or a negative status.
 */
int fly_port_reach(struct fly_port *port, const char **why);

/* fly_port_make_links() - the links of the pollers but the first. Return: 0, or -FLY_ENOMEM with a
 * message. */
int fly_port_make_links(struct fly_port *port);

/* fly_port_tell_others() - copy the first poller's link to the others'. No poller has them. */
void fly_port_tell_others(struct fly_port *port);

/* fly_port_is_up() - does the driver say that the link is up? */
bool fly_port_is_up(const struct fly_port *port);

/* fly_port_has_peer() - may the peer of this kind of link die and come back? */
bool fly_port_has_peer(const struct fly_port *port);

#endif
