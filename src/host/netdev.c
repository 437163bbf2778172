/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * netdev.c - see netdev.h. Called by port.c when a port is opened and closed, and by
 * port_watch.c on the control thread. Owns struct fly_netdev and the port's kernel_port_fds.
 * Must not touch a link that a poller has: it makes settings, and the poller takes them over
 * (slowpath/readdress.h).
 */
#include "host/netdev.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_ethdev.h>

#include "base/error.h"
#include "base/system_clock.h"
#include "fastpath/packet.h"
#include "host/kernel_port.h"
#include "host/netlink.h"
#include "host/port_address.h"
#include "host/port_device.h"
#include "slowpath/payload.h"

#define LOOK_MS      20   /* between two looks, however often the kernel tells of changes */
#define AGAIN_MS     1000 /* between two tries to open a device anew */
#define LOOK_CARD_MS 200  /* between two looks at a card */

bool fly_netdev_is_kernels(const struct fly_port *port)
{
	return port->spec.kind == FLY_LINK_AF_PACKET || port->spec.kind == FLY_LINK_AF_XDP;
}

static bool is_followed(const struct fly_port *port)
{
	return fly_netdev_is_kernels(port) || port->spec.kind == FLY_LINK_TAP;
}

/* Its addresses, routes and neighbours are those of frames without a tag. */
static bool has_kernels_addresses(const struct fly_port *port)
{
	return fly_netdev_is_kernels(port) && port->spec.vlan == 0;
}

/* ---- what the kernel knows of neighbours ---- */

static enum fly_link_neighbour neighbour(struct fly_link *link, uint32_t ip, uint8_t mac[6])
{
	static const enum fly_link_neighbour as[] = {
		[FLY_NETLINK_UNKNOWN] = FLY_LINK_UNKNOWN,
		[FLY_NETLINK_SEEN] = FLY_LINK_SEEN,
		[FLY_NETLINK_FIXED] = FLY_LINK_FIXED,
	};

	return as[fly_netlink_neighbour(link->interface, ip, mac)];
}

/* Frames come back, and nobody has a hardware address. */
static enum fly_link_neighbour loopback(struct fly_link *link, uint32_t ip, uint8_t mac[6])
{
	(void)link;
	(void)ip;
	memset(mac, 0, 6);
	return FLY_LINK_FIXED;
}

/* ---- our UDP ports in the kernel ---- */

static void drop_claims(struct fly_port *port)
{
	for (unsigned i = 0; i < FLY_POLLERS; i++) {
		if (port->kernel_port_fds[i] >= 0)
			close(port->kernel_port_fds[i]);
		port->kernel_port_fds[i] = -1;
	}
}

/* Return: 0, or a negative status with a message. */
static int claim(struct fly_port *port, uint32_t ip)
{
	drop_claims(port);
	return fly_kernel_port_take(ip, port->group->n, &port->spec.udp_port,
				    port->kernel_port_fds);
}

/* ---- when a port is opened ---- */

static int check_xdp(const struct fly_port *port, const struct fly_netlink_facts *facts)
{
	const struct fly_link_spec *s = &port->spec;
	const unsigned n = fly_xdp_queues(s->what);

	if (facts->is_loopback)
		return fly_fail(FLY_EINVAL,
				"link %s: over %s both ends would need a program of their own, and "
				"an interface takes one; af_packet:%s does, and local:",
				s->text, s->what, s->what);
	if (n > FLY_XDP_QUEUES)
		return fly_fail(FLY_EINVAL,
				"link %s: %s has %u queues, of which a link receives from %d at "
				"most: ethtool -L %s combined %d",
				s->text, s->what, n, FLY_XDP_QUEUES, s->what, FLY_XDP_QUEUES);
	return fly_xdp_check(s->text, s->what, facts->index);
}

static int check_socket(const struct fly_port *port)
{
	const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0 && (errno == EPERM || errno == EACCES))
		return fly_fail(FLY_EPERM, "link %s: af_packet needs root or CAP_NET_RAW",
				port->spec.text);
	if (fd < 0)
		return fly_fail(FLY_ESYSTEM, "link %s: af_packet: %s", port->spec.text,
				strerror(errno));
	close(fd);
	return 0;
}

static int check_facts(const struct fly_port *port, const struct fly_netlink_facts *facts)
{
	const struct fly_link_spec *s = &port->spec;

	if (s->ip == 0 && facts->n_addresses == 0)
		return fly_fail(FLY_EINVAL,
				"link %s: %s has no IPv4 address; give it one, or say ip=", s->text,
				s->what);
	if (s->mtu > facts->mtu)
		return fly_fail(FLY_EINVAL,
				"link %s: %s has an MTU of %u; say mtu=%u, or give the interface "
				"more: ip link set %s mtu %u",
				s->text, s->what, facts->mtu, facts->mtu, s->what, s->mtu);
	return 0;
}

static bool has_address(const struct fly_netlink_facts *facts, uint32_t ip)
{
	for (unsigned i = 0; i < facts->n_addresses; i++) {
		if (facts->addresses[i].ip == ip)
			return true;
	}
	return false;
}

/* The spec's, else @usual if the interface has it, else its first. */
static uint32_t choose_ip(const struct fly_port *port, const struct fly_netlink_facts *facts,
			  uint32_t usual)
{
	if (port->spec.ip)
		return port->spec.ip;
	if (has_kernels_addresses(port) && facts && facts->n_addresses &&
	    !has_address(facts, usual))
		return facts->addresses[0].ip;
	return usual;
}

static int address_of(const struct fly_port *port, const struct fly_netlink_facts *facts,
		      uint32_t ip, struct fly_port_address *to)
{
	return fly_port_address(&port->spec, port->spec.vlan ? NULL : facts,
				has_kernels_addresses(port), ip, to);
}

int fly_netdev_check(struct fly_port *port)
{
	struct fly_port_address address = {0};
	struct fly_netlink_facts facts;
	int status = fly_netlink_look(port->spec.what, &facts);

	if (status == -FLY_EINVAL)
		return fly_fail(
			FLY_EINVAL,
			"link %s: there is no interface %s; 'ip link' shows those there are",
			port->spec.text, port->spec.what);
	if (!status)
		status = port->spec.kind == FLY_LINK_AF_XDP ? check_xdp(port, &facts)
							    : check_socket(port);
	if (!status)
		status = check_facts(port, &facts);
	if (!status)
		status = address_of(port, &facts, choose_ip(port, &facts, 0), &address);
	if (!status && has_kernels_addresses(port))
		status = claim(port, address.ip);
	free(address.routes);
	fly_netlink_forget(&facts);
	return status;
}

int fly_netdev_start(struct fly_port *port)
{
	const int index = fly_netdev_is_kernels(port) ? (int)if_nametoindex(port->spec.what) : 0;
	struct fly_netlink_neighbours before = {0};
	int error;

	if (index)
		fly_netlink_neighbours(index, &before);
	error = rte_eth_dev_start(port->link.port);
	if (index)
		fly_netlink_put_neighbours(index, &before);
	return error;
}

/* Of the bridge that a tap belongs to: the addresses are its, not the tap's. */
static void add_masters(struct fly_netlink_facts *facts)
{
	struct fly_netlink_facts master;

	if (facts->master && fly_netlink_look_at(facts->master, &master) == 0) {
		for (unsigned i = 0; i < master.n_addresses; i++) {
			if (facts->n_addresses < FLY_NETLINK_ADDRESSES)
				facts->addresses[facts->n_addresses++] = master.addresses[i];
		}
		fly_netlink_forget(&master);
	}
}

static int look(const struct fly_port *port, struct fly_netlink_facts *facts)
{
	const int status = fly_netlink_look(port->spec.what, facts);

	if (status == 0 && !fly_netdev_is_kernels(port))
		add_masters(facts);
	return status;
}

static void find_tun(int fd, void *context)
{
	struct ifreq request = {0};

	if (ioctl(fd, TUNGETIFF, &request) == 0)
		*(int *)context = fd;
}

static uint16_t payload_of(const struct fly_port *port, unsigned mtu)
{
	mtu = RTE_MAX(RTE_MIN(mtu, port->netdev.mtu_most), (unsigned)FLY_MTU_LEAST);
	return (uint16_t)(mtu - FLY_IP_OVERHEAD);
}

/*
 * An interface that was made again has no members. An af_xdp link gets only what is sent to its own
 * address.
 */
static void join_group(struct fly_port *port, int interface)
{
	struct fly_netdev *i = &port->netdev;

	if (i->group_fd >= 0)
		close(i->group_fd);
	i->group_fd = port->spec.kind == FLY_LINK_AF_PACKET
			      ? fly_kernel_port_join(interface, FLY_GROUP_IP)
			      : -1;
}

/* An af_xdp link: from now on packets to this address are ours. */
static int aim(struct fly_port *port, const struct fly_netlink_facts *facts, uint32_t ip)
{
	const struct fly_xdp_target target = {
		.ip = ip,
		.udp_port = port->spec.udp_port,
		.n_ports = (uint16_t)port->group->n,
	};

	if (!facts || port->spec.kind != FLY_LINK_AF_XDP)
		return 0;
	return fly_xdp_aim(&port->xdp, port->spec.text, port->spec.what, facts->index, &target);
}

/* @facts: NULL: the link is over no interface. Return: 0 or a negative status with a message. */
static int settle(struct fly_port *port, const struct fly_netlink_facts *facts, uint32_t usual_ip)
{
	struct fly_netdev *i = &port->netdev;
	struct fly_port_address address;
	int status;

	status = address_of(port, facts, choose_ip(port, facts, usual_ip), &address);
	if (!status)
		status = aim(port, facts, address.ip);
	if (status) {
		free(address.routes);
		return status;
	}
	free(i->routes);
	i->routes = address.routes;
	i->mtu_most = RTE_MAX(i->mtu_most, (unsigned)port->link.payload_own + FLY_IP_OVERHEAD);
	i->settings = (struct fly_link_settings){
		.ip = address.ip,
		.prefix = address.prefix,
		.interface = facts ? facts->index : 0,
		.answers_arp = port->kernel_port_fds[0] < 0,
		.payload = port->link.payload_own,
		.routes = i->routes,
	};
	memcpy(i->settings.mac, port->link.mac, sizeof i->settings.mac);
	if (facts) {
		i->is_up = facts->is_up;
		i->is_loopback = facts->is_loopback;
		join_group(port, facts->index);
	}
	fly_link_settle(&port->link, &i->settings);
	port->link.peers_move = !fly_port_has_peer(port) && !i->is_loopback;
	port->link.neighbour = i->is_loopback                ? loopback
			       : has_kernels_addresses(port) ? neighbour
							     : NULL;
	return 0;
}

/* ---- cards that are unplugged ---- */

static int removed(uint16_t id, enum rte_eth_event_type type, void *context, void *unused)
{
	struct fly_port *port = context;

	(void)id;
	(void)type;
	(void)unused;
	/* Relaxed: it publishes nothing but itself. */
	atomic_store_explicit(&port->netdev.is_removed, true, memory_order_relaxed);
	return 0;
}

/* Not every driver tells; the kernel's list of devices is looked at, too. */
static void expect_removal(struct fly_port *port)
{
	atomic_store_explicit(&port->netdev.is_removed, false, memory_order_relaxed);
	rte_eth_dev_callback_register(port->link.port, RTE_ETH_EVENT_INTR_RMV, removed, port);
	port->netdev.is_up = fly_port_is_up(port);
}

void fly_netdev_forget(struct fly_port *port)
{
	if (port->spec.kind == FLY_LINK_PCI)
		rte_eth_dev_callback_unregister(port->link.port, RTE_ETH_EVENT_INTR_RMV, removed,
						port);
}

int fly_netdev_settle(struct fly_port *port, uint32_t usual_ip)
{
	struct fly_netdev *i = &port->netdev;
	struct fly_netlink_facts facts;
	int status;

	if (port->spec.kind == FLY_LINK_PCI)
		expect_removal(port);
	if (!is_followed(port))
		return settle(port, NULL, usual_ip);
	/* First, or a change would be missed. */
	if (i->watch_fd < 0)
		i->watch_fd = fly_netlink_watch();
	if (i->watch_fd < 0)
		return i->watch_fd;
	i->tun_fd = -1;
	if (port->spec.kind == FLY_LINK_TAP)
		fly_descriptors_each_new(&port->before, find_tun, &i->tun_fd);
	status = look(port, &facts);
	if (status == -FLY_EINVAL) /* a tap that was moved at once */
		status = settle(port, NULL, usual_ip);
	else if (status == 0)
		status = settle(port, &facts, usual_ip);
	fly_netlink_forget(&facts);
	return status;
}

void fly_netdev_end(struct fly_port *port)
{
	struct fly_netdev *i = &port->netdev;

	drop_claims(port);
	if (i->watch_fd >= 0)
		close(i->watch_fd);
	if (i->group_fd >= 0)
		close(i->group_fd);
	free(i->routes);
	free(i->routes_before);
}

/* ---- when something changes ---- */

#define NOTICE(port, ...) fly_notice(&(port)->group->notice, __VA_ARGS__)

static const char *noun(const struct fly_port *port)
{
	return port->spec.kind == FLY_LINK_PCI ? "the card" : "the interface";
}

/* The interface is gone, or is another one of the same name. */
static int detach(struct fly_port *port, const char *why)
{
	NOTICE(port, "link %s: %s %s %s", port->spec.text, noun(port), port->spec.what, why);
	port->detached = true;
	port->next_ms = 0;
	port->netdev.has_said = false;
	port->netdev.is_stale = true;
	return FLY_PORT_DETACH;
}

/* Has the far end of a tap's descriptors gone? A tap that was moved to another namespace works. */
static bool is_gone(const struct fly_port *port)
{
	struct ifreq request = {0};

	return port->spec.kind != FLY_LINK_TAP || port->netdev.tun_fd < 0 ||
	       ioctl(port->netdev.tun_fd, TUNGETIFF, &request) != 0;
}

static void say_once(struct fly_port *port, const char *why)
{
	if (!port->netdev.has_said)
		NOTICE(port, "link %s: %s", port->spec.text, why);
	port->netdev.has_said = true;
}

/* Can the device be opened on the interface as it is now? */
static bool may_return(struct fly_port *port, const struct fly_netlink_facts *facts)
{
	char why[sizeof port->spec.what + 64];

	if (!facts->is_up)
		snprintf(why, sizeof why, "%s is there again, and not up", port->spec.what);
	else if (port->spec.ip == 0 && facts->n_addresses == 0)
		snprintf(why, sizeof why, "%s is there again, without an IPv4 address",
			 port->spec.what);
	else
		return true;
	/* Whoever makes an interface sets it up in a moment. */
	if (port->next_ms == 0)
		port->next_ms = fly_system_clock_ms() + AGAIN_MS;
	else if (fly_system_clock_ms() >= port->next_ms)
		say_once(port, why);
	return false;
}

/* A tap makes its interface itself. */
static int come_back(struct fly_port *port, const struct fly_netlink_facts *facts)
{
	struct fly_netdev *i = &port->netdev;
	int status;

	if (port->started || port->open)
		fly_port_stop_device(port);
	if (facts && !may_return(port, facts))
		return FLY_PORT_NONE;
	if (i->has_said && fly_system_clock_ms() < port->next_ms)
		return FLY_PORT_NONE;
	if (facts)
		port->spec.mtu = RTE_MIN(facts->mtu, i->mtu_most);
	status = facts ? fly_netdev_check(port) : 0;
	if (!status)
		status = fly_port_start_device(port);
	if (!status)
		status = fly_netdev_settle(port, i->settings.ip);
	if (status) {
		say_once(port, fly_error());
		if (port->started)
			fly_port_stop_device(port);
		port->next_ms = fly_system_clock_ms() + AGAIN_MS;
		return FLY_PORT_NONE;
	}
	fly_port_tell_others(port);
	port->detached = false;
	NOTICE(port, "link %s: %s %s is back", port->spec.text, noun(port), port->spec.what);
	return FLY_PORT_ATTACH;
}

static void say_state(struct fly_port *port, bool is_up)
{
	if (is_up != port->netdev.is_up)
		NOTICE(port, "link %s: %s %s is %s", port->spec.text, noun(port), port->spec.what,
		       is_up ? "up" : "down; calls wait for it");
	port->netdev.is_up = is_up;
}

/* Our address, as long as the interface has it; else its first. Return: 0: it has none. */
static uint32_t own_ip(struct fly_port *port, const struct fly_netlink_facts *facts)
{
	struct fly_netdev *i = &port->netdev;
	char text[20];

	if (port->spec.ip || !has_kernels_addresses(port) || has_address(facts, i->settings.ip)) {
		i->is_bare = false;
		return i->settings.ip;
	}
	if (facts->n_addresses) {
		i->is_bare = false;
		return facts->addresses[0].ip;
	}
	fly_port_address_text(i->settings.ip, 0, text);
	if (!i->is_bare)
		NOTICE(port,
		       "link %s: the interface %s has no IPv4 address any more; %s stays ours",
		       port->spec.text, port->spec.what, text);
	i->is_bare = true;
	return 0;
}

/* The kernel has got our address, or lost it. Return: does it answer ARP for us? */
static bool claim_again(struct fly_port *port, const struct fly_netlink_facts *facts, uint32_t ip)
{
	const bool has_claim = port->kernel_port_fds[0] >= 0;

	if (!has_kernels_addresses(port))
		return false;
	if (ip != port->netdev.settings.ip || has_address(facts, ip) != has_claim) {
		if (claim(port, ip))
			NOTICE(port, "link %s: %s", port->spec.text, fly_error());
	}
	return port->kernel_port_fds[0] >= 0;
}

static void say_changes(struct fly_port *port, const struct fly_link_settings *now)
{
	const struct fly_netdev *i = &port->netdev;
	char before[20];
	char after[20];

	fly_port_address_text(i->settings.ip, i->settings.prefix, before);
	fly_port_address_text(now->ip, now->prefix, after);
	if (strcmp(before, after) != 0)
		NOTICE(port, "link %s: our address is now %s, no longer %s", port->spec.text, after,
		       before);
	if (memcmp(i->settings.mac, now->mac, 6) != 0)
		NOTICE(port, "link %s: the interface %s has another hardware address",
		       port->spec.text, port->spec.what);
	if (i->settings.payload != now->payload)
		NOTICE(port, "link %s: packets have an MTU of %u now", port->spec.text,
		       (unsigned)now->payload + FLY_IP_OVERHEAD);
}

static bool are_equal(const struct fly_link_settings *a, const struct fly_link_settings *b)
{
	return a->ip == b->ip && a->prefix == b->prefix && memcmp(a->mac, b->mac, 6) == 0 &&
	       a->answers_arp == b->answers_arp && a->payload == b->payload &&
	       fly_routes_are_equal(a->routes, b->routes);
}

/* Compare with what the pollers have. */
static int compare(struct fly_port *port, const struct fly_netlink_facts *facts)
{
	struct fly_netdev *i = &port->netdev;
	struct fly_link_settings now = i->settings;
	const uint32_t ip = own_ip(port, facts);
	struct fly_port_address address;

	say_state(port, facts->is_up);
	if (ip == 0 || !facts->is_up) /* the kernel keeps no routes of what is down */
		return FLY_PORT_NONE;
	if (address_of(port, facts, ip, &address)) {
		say_once(port, fly_error());
		return FLY_PORT_NONE;
	}
	if (aim(port, facts, ip)) { /* tried again; until then the address is the one before */
		say_once(port, fly_error());
		i->is_stale = true;
		free(address.routes);
		return FLY_PORT_NONE;
	}
	now.answers_arp = !claim_again(port, facts, ip);
	now.ip = address.ip;
	now.prefix = address.prefix;
	now.routes = address.routes;
	if (fly_netdev_is_kernels(port)) {
		now.payload = payload_of(port, facts->mtu);
		if (!port->spec.has_mac)
			memcpy(now.mac, facts->mac, sizeof now.mac);
	}
	if (are_equal(&i->settings, &now)) {
		free(address.routes);
		return FLY_PORT_NONE;
	}
	say_changes(port, &now);
	i->routes_before = i->routes;
	i->routes = address.routes;
	i->settings = now;
	return FLY_PORT_READDRESS;
}

static int follow_card(struct fly_port *port)
{
	struct fly_netdev *i = &port->netdev;
	char path[sizeof port->spec.what + 32];
	bool is_there;

	if (fly_system_clock_ms() < i->look_at_ms)
		return FLY_PORT_NONE;
	i->look_at_ms = fly_system_clock_ms() + LOOK_CARD_MS;
	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s", port->spec.what);
	is_there = access(path, F_OK) == 0;
	if (port->detached)
		return is_there || port->open ? come_back(port, NULL) : FLY_PORT_NONE;
	if (!is_there || atomic_load_explicit(&i->is_removed, memory_order_relaxed))
		return detach(port, "has been unplugged");
	say_state(port, fly_port_is_up(port));
	return FLY_PORT_NONE;
}

int fly_netdev_follow(struct fly_port *port)
{
	struct fly_netdev *i = &port->netdev;
	struct fly_netlink_facts facts;
	int request = FLY_PORT_NONE;
	int status;

	if (port->spec.kind == FLY_LINK_PCI)
		return follow_card(port);
	if (i->watch_fd < 0)
		return FLY_PORT_NONE;
	free(i->routes_before);
	i->routes_before = NULL;
	i->is_stale |= fly_netlink_heard(i->watch_fd);
	if ((!i->is_stale && !port->detached) || fly_system_clock_ms() < i->look_at_ms)
		return FLY_PORT_NONE;
	i->is_stale = false;
	i->look_at_ms = fly_system_clock_ms() + LOOK_MS;
	status = look(port, &facts);
	if (status && status != -FLY_EINVAL)
		i->is_stale = true; /* as without descriptors: tried again */
	else if (port->detached && (status == 0 || port->spec.kind == FLY_LINK_TAP))
		request =
			come_back(port, status || port->spec.kind == FLY_LINK_TAP ? NULL : &facts);
	else if (!port->detached && status && is_gone(port))
		request = detach(port, "is gone: it was deleted or moved");
	else if (!port->detached && status == 0 && facts.index != i->settings.interface &&
		 is_gone(port))
		request = detach(port, "is another one now");
	else if (!port->detached && status == 0 && facts.index == i->settings.interface)
		request = compare(port, &facts);
	fly_netlink_forget(&facts);
	return request;
}
