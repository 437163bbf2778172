/* SPDX-License-Identifier: BSD-3-Clause */
/* port_device.h - the parts of port.c that port_watch.c needs to bring a client's port back. */
#ifndef FLY_PORT_DEVICE_H
#define FLY_PORT_DEVICE_H

#include "host/port.h"

/*
 * fly_port_start_device() - make the port ready for a poller: add and configure its DPDK device,
 * unless it is there, and start it. Return: 0 or a negative status with a sentence.
 */
int fly_port_start_device(struct fly_port *port);

/*
 * fly_port_stop_device() - the opposite, between two tries of a client; gives up its place at its
 * server. memif's device stays, stopped: adding and removing one costs DPDK's heap 27 kB each
 * time, which never come back. The others do not start twice.
 */
void fly_port_stop_device(struct fly_port *port);

/*
 * fly_port_reach() - one try of a client's port to take a place at its server and start.
 * @why: on failure, for a person. Return: 0 or a negative status.
 */
int fly_port_reach(struct fly_port *port, const char **why);

/* fly_port_is_up() - what the driver says of the link. */
bool fly_port_is_up(const struct fly_port *port);

/* fly_port_has_peer() - is this a kind of link whose peer may die and come back? */
bool fly_port_has_peer(const struct fly_port *port);

#endif
