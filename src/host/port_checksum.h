/* SPDX-License-Identifier: BSD-3-Clause */
/* port_checksum.h - who computes the UDP checksums of a link (port_checksum.c). For port.c. */
#ifndef FLY_PORT_CHECKSUM_H
#define FLY_PORT_CHECKSUM_H

#include <rte_ethdev.h>

#include "fastpath/link.h"
#include "host/link_spec.h"

/*
 * fly_port_checksum() - set a link's checksums by its spec and what the device offers, and ask the
 * device for what is used of that. Called before the device is configured.
 * @shares_memory: both ends are on one machine, and see the same bytes.
 */
void fly_port_checksum(struct fly_link *link, const struct fly_link_spec *spec, bool shares_memory,
		       const struct rte_eth_dev_info *info, struct rte_eth_conf *conf);

#endif
