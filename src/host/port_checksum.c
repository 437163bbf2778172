/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port_checksum.c - see port_checksum.h. Pure: decides, and fills in what port.c configures.
 *
 * By default a wire has checksums, and links whose ends share memory have none. Only checksum=on,
 * said explicitly, demands one of each call and result (slowpath/checksum.h).
 */
#include "host/port_checksum.h"

/* Links at whose other end, or between whose ends, a kernel may be: fly_link_intact(). */
static bool takes_partial(const struct fly_link_spec *spec)
{
	return spec->kind == FLY_LINK_AF_PACKET || spec->kind == FLY_LINK_AF_XDP ||
	       spec->kind == FLY_LINK_TAP || spec->kind == FLY_LINK_VHOST;
}

/*
 * What is received. A virtio device that is asked, vhost among them, says of a packet that never
 * leaves memory that its checksum is not complete; one that is not asked computes it. virtio offers
 * nothing for IPv4 headers: these are then verified in software.
 */
static uint64_t received(const struct fly_link_spec *spec, const struct rte_eth_dev_info *info)
{
	const uint64_t sums = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
	const bool is_asked =
		spec->kind == FLY_LINK_PCI || (spec->kind == FLY_LINK_VHOST && spec->server);

	return is_asked ? info->rx_offload_capa & sums : 0;
}

void fly_port_checksum(struct fly_link *link, const struct fly_link_spec *spec, bool shares_memory,
		       const struct rte_eth_dev_info *info, struct rte_eth_conf *conf)
{
	const bool is_none = spec->checksum == FLY_CHECKSUM_OFF ||
			     (spec->checksum == FLY_CHECKSUM_DEFAULT && shares_memory);
	const uint64_t udp = RTE_ETH_TX_OFFLOAD_UDP_CKSUM;

	conf->rxmode.offloads |= received(spec, info);
	link->takes_partial = takes_partial(spec);
	link->demands_checksum = spec->checksum == FLY_CHECKSUM_ON;
	fly_link_set_checksum(link, is_none ? FLY_CHECKSUM_NONE : FLY_CHECKSUM_SOFTWARE);
	if (!is_none && spec->kind == FLY_LINK_PCI && (info->tx_offload_capa & udp)) {
		fly_link_set_checksum(link, FLY_CHECKSUM_HARDWARE);
		conf->txmode.offloads |= udp;
	}
}
