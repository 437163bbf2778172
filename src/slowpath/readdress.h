/* SPDX-License-Identifier: BSD-3-Clause */
/* readdress.h - a link gets another address, MTU or routes while it is in use (readdress.c). */
#ifndef FLY_READDRESS_H
#define FLY_READDRESS_H

#include "fastpath/poller.h"

/* What the control side says of a link of the kernel's. Constant until all pollers have taken it.
 */
struct fly_link_settings {
	uint32_t ip; /* ours, network order */
	uint8_t prefix;
	uint8_t mac[6];
	int interface;
	bool answers_arp;
	uint16_t payload; /* that we take, by the MTU */
	const struct fly_routes *routes;
};

/*
 * fly_link_settle() - put the settings into a link that no poller has.
 *
 * fly_link_readdress() - into a link of this poller, at its quiescence point. With another address
 * of ours the calls under way end with FLY_EPEER: their results would come to the old one. Bindings
 * stay good, and call from the new address.
 */
void fly_link_settle(struct fly_link *link, const struct fly_link_settings *s);
void fly_link_readdress(struct fly_poller *p, struct fly_link *link,
			const struct fly_link_settings *s);

#endif
