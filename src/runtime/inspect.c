/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * runtime/inspect.c - what a program can see of a running runtime: packets, counters, platform.
 *
 * Any thread. Changes nothing. Each poller counts its own packets, by fly_request().
 */
#include <stdio.h>

#include <rte_version.h>

#include "base/error.h"
#include "base/mapped_ip.h"
#include "base/sized.h"
#include "fastpath/clock.h"
#include "host/device_counts.h"
#include "host/eal.h"
#include "host/peer_address.h"
#include "host/udp_port.h"
#include "local/clerk.h"
#include "runtime/runtime.h"
#include "threads/request.h"

const char *fly_version(void)
{
	return FLY_VERSION;
}

static_assert(FLY_ADDRESS_BYTES >= FLY_PEER_TEXT_BYTES, "room for any address");

const struct fly_link *fly_runtime_link(const struct fly_runtime *r, unsigned index)
{
	return index < r->ports.n ? &r->ports.at[index]->link : NULL;
}

static int count_packets(struct fly_poller *p, void *argument)
{
	struct fly_packet_census *census = argument;

	census->free += p->cache.n;
	census->retained += p->conversations.n_retained;
	for (uint32_t i = 0; i < p->calls.n; i++) {
		if (p->calls.entries[i].packet)
			census->retained++;
	}
	for (uint32_t i = 0; i < p->n_links; i++)
		census->queued += p->links[i]->n_queued;
	return 0;
}

int fly_packets(const struct fly_runtime *r, struct fly_packet_census *census)
{
	struct fly_packet_census ours = {
		.total = r->group.packets,
		.free = r->group.pool ? rte_mempool_avail_count(r->group.pool) : 0,
	};
	int status = fly_sized_check(census, sizeof ours,
				     FLY_SIZED_UP_TO(struct fly_packet_census, total),
				     "struct fly_packet_census");

	if (!status)
		status = fly_runtime_check_thread(r, "fly_packets");
	for (unsigned i = 0; i < r->group.n && !status; i++)
		status = fly_request(r->group.pollers[i], count_packets, &ours);
	/* Pollers go on meanwhile: what one takes out of the pool now may be counted twice. */
	ours.free = RTE_MIN(ours.free, ours.total);
	if (!status)
		fly_sized_give(census, &ours, sizeof ours);
	return status;
}

void fly_counters(const struct fly_runtime *r,
		  void (*each)(void *context, const char *name, const char *about, uint64_t value),
		  void *context)
{
	uint64_t devices[FLY_N_DEVICE_COUNTS];

	for (unsigned i = 0; i < FLY_N_COUNTERS; i++) {
		uint64_t sum = 0;

		for (unsigned j = 0; j < r->group.n; j++)
			sum += fly_stats_get(&r->group.pollers[j]->stats, i);
		if (i == FLY_COUNT_local_refused && r->clerk)
			sum += fly_clerk_refused(r->clerk);
		each(context, fly_stats_name(i), fly_stats_about(i), sum);
	}
	fly_device_counts_sum(&r->ports, devices);
	for (unsigned i = 0; i < FLY_N_DEVICE_COUNTS; i++)
		each(context, fly_device_counts_name(i), fly_device_counts_about(i), devices[i]);
}

int fly_address(const struct fly_runtime *r, unsigned link, char *text)
{
	for (unsigned i = 0; i < r->ports.n; i++) {
		const struct fly_port *port = r->ports.at[i];
		struct in6_addr address;
		uint32_t scope = 0;

		if (port->number != link)
			continue;
		if (port->spec.kind == FLY_LINK_UDP)
			fly_udp_port_address(port, &address, &scope);
		else
			fly_map_ip(&address, port->link.ip);
		fly_peer_address_text(&address, scope, text);
		snprintf(text + strlen(text), FLY_ADDRESS_BYTES - strlen(text), ":%u",
			 port->spec.udp_port);
		return 0;
	}
	return fly_fail(FLY_EINVAL,
			"fly_address: link %u is none of this runtime's, or a local one, which has "
			"no address",
			link);
}

int fly_platform(const struct fly_runtime *r, struct fly_platform *platform)
{
	const struct fly_platform ours = {
		.dpdk = rte_version(),
		.hugepage_bytes = r->group.pool ? fly_eal_state()->hugepage_bytes : 0,
		.tsc_hz = fly_clock_hz(),
	};
	const int status =
		fly_sized_check(platform, sizeof ours, FLY_SIZED_UP_TO(struct fly_platform, dpdk),
				"struct fly_platform");

	if (!status)
		fly_sized_give(platform, &ours, sizeof ours);
	return status;
}
