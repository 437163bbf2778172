/* SPDX-License-Identifier: BSD-3-Clause */
/* link_eth.h - make a link move packets over queue 0 of a DPDK ethdev port. */
#ifndef FLY_LINK_ETH_H
#define FLY_LINK_ETH_H

#include "fastpath/link.h"

/* fly_link_eth() - @port: started, one receive and one transmit queue. */
void fly_link_eth(struct fly_link *link, uint16_t port);

#endif
