/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * link_vlan.h - a link whose frames have a VLAN tag (IEEE 802.1Q): put in when they are sent, taken
 * off when they come. Links without one have other burst functions, and pay nothing.
 */
#ifndef FLY_LINK_VLAN_H
#define FLY_LINK_VLAN_H

#include "fastpath/link.h"

#define FLY_VLAN_BYTES 4 /* what a tag adds to a frame */

/* fly_link_vlan() - after fly_link_eth(). @vlan: 1 to 4094. One poller only. */
void fly_link_vlan(struct fly_link *link, uint16_t vlan);

/*
 * fly_vlan_tag() - make @to, which is FLY_VLAN_BYTES longer, the same frame with a tag.
 *
 * fly_vlan_untag() - take the tag off. Return: false: it has none, or another; nothing has changed.
 */
void fly_vlan_tag(struct rte_mbuf *to, const struct rte_mbuf *from, uint16_t vlan);
bool fly_vlan_untag(struct rte_mbuf *m, uint16_t vlan);

#endif
