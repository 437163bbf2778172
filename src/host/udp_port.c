/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * udp_port.c - opens and closes the sockets of a udp: link.
 *
 * Called by port.c on the thread that starts or stops a runtime, and by fly_import(). Owns what the
 * kernel is asked for: addresses, options, buffers. The poller moves the packets
 * (fastpath/link_udp.c). Needs no right.
 */
#include "host/udp_port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clofork.h"
#include "base/error.h"
#include "base/mapped_ip.h"
#include "base/notice.h"
#include "base/random.h"
#include "fastpath/link_udp.h"
#include "host/limits.h"
#include "host/port_device.h"
#include "slowpath/payload.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

#define BUFFER_BYTES (4 << 20) /* asked for in each direction; the kernel gives what it allows */
#define FREE_TRIES   64        /* for consecutive free ports */
#define INTERFACES   16        /* of which addresses are looked at */
#define MTU_DEFAULT  9000      /* as where both ends share memory, if an interface has it */

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* ---- the address ---- */

/* Where the sockets of a spec are. */
struct place {
	union address at;
	socklen_t bytes;
	bool is_v6;
	bool is_every; /* all addresses of this machine */
};

static bool has_v6(void)
{
	const int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void place_v4(struct place *p, uint32_t ip)
{
	p->is_v6 = false;
	p->bytes = sizeof p->at.v4;
	p->at.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = ip};
	p->is_every = ip == 0;
}

/* A spec without an address calls, by IPv6 if the kernel has it, and by IPv4. */
static void find_place(const struct fly_link_spec *spec, struct place *p)
{
	struct in6_addr address = {0};
	uint32_t scope = 0;
	uint16_t no_port = 0;

	if (spec->what[0])
		fly_peer_address_parse(spec->what, &address, &scope, &no_port);
	else if (!has_v6())
		fly_map_ip(&address, 0);
	if (IN6_IS_ADDR_V4MAPPED(&address)) {
		place_v4(p, fly_mapped_ip(&address));
		return;
	}
	p->is_v6 = true;
	p->bytes = sizeof p->at.v6;
	p->at.v6 = (struct sockaddr_in6){
		.sin6_family = AF_INET6,
		.sin6_addr = address,
		.sin6_scope_id = scope,
	};
	p->is_every = IN6_IS_ADDR_UNSPECIFIED(&address);
}

void fly_udp_port_address(const struct fly_port *port, struct in6_addr *address, uint32_t *scope)
{
	struct place p = {0};

	find_place(&port->spec, &p);
	*scope = 0;
	if (p.is_v6) {
		*address = p.at.v6.sin6_addr;
		*scope = p.at.v6.sin6_scope_id;
	} else {
		fly_map_ip(address, p.at.v4.sin_addr.s_addr);
	}
}

static void set_udp_port(struct place *p, uint16_t udp_port)
{
	if (p->is_v6)
		p->at.v6.sin6_port = htons(udp_port);
	else
		p->at.v4.sin_port = htons(udp_port);
}

static uint16_t udp_port_of(int fd)
{
	union address a = {0};
	socklen_t bytes = sizeof a;

	if (getsockname(fd, &a.any, &bytes) < 0)
		return 0;
	return ntohs(a.any.sa_family == AF_INET6 ? a.v6.sin6_port : a.v4.sin_port);
}

/* ---- sockets ---- */

static void set(int fd, int level, int option, int value)
{
	(void)setsockopt(fd, level, option, &value, sizeof value);
}

/* What an old kernel does not have, the link does without. */
static void set_options(int fd, const struct place *p, struct fly_udp_socket *s, bool serves)
{
	const int one = 1;
	const int no_segment = 0;

	s->tells_where = serves && p->is_every;
	set(fd, SOL_SOCKET, SO_RCVBUF, BUFFER_BYTES);
	set(fd, SOL_SOCKET, SO_SNDBUF, BUFFER_BYTES);
	set(fd, SOL_SOCKET, SO_RXQ_OVFL, one);
	set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
	if (p->is_v6)
		set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO);
	if (s->tells_where && p->is_v6)
		set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, one);
	else if (s->tells_where)
		set(fd, IPPROTO_IP, IP_PKTINFO, one);
	s->has_segments =
		setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &no_segment, sizeof no_segment) == 0;
}

/* Return: a bound socket; -1 with errno. */
static int open_socket(const struct place *p)
{
	const int fd =
		socket(p->is_v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error;

	if (fd < 0)
		return -1;
	if (p->is_v6) /* whatever the system's default is: [::] is all addresses, and only that */
		set(fd, IPPROTO_IPV6, IPV6_V6ONLY, !p->is_every);
	if (bind(fd, &p->at.any, p->bytes) == 0)
		return fly_clofork_add(fd);
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static int no_socket(const struct fly_port *port, unsigned udp_port)
{
	const struct fly_link_spec *s = &port->spec;

	switch (errno) {
	case EADDRINUSE:
		return fly_fail(
			FLY_EINUSE,
			"link %s: UDP port %u is in use by another program on this machine; "
			"choose another with port=, or a free one with port=0",
			s->text, udp_port);
	case EADDRNOTAVAIL:
		return fly_fail(
			FLY_EINVAL,
			"link %s: %s is no address of this machine; 'ip address' shows those "
			"there are",
			s->text, s->what);
	case EACCES:
		return fly_fail(FLY_EPERM,
				"link %s: UDP port %u is kept for root; choose one above 1023 with "
				"port=",
				s->text, udp_port);
	case EAFNOSUPPORT:
		return fly_fail(FLY_ESYSTEM, "link %s: this kernel has no IPv6", s->text);
	default:
		return fly_fail(FLY_ESYSTEM, "link %s: UDP socket: %s", s->text, strerror(errno));
	}
}

static void close_all(const int *fds, unsigned n)
{
	while (n-- > 0)
		fly_clofork_close(fds[n]);
}

/* Sockets on consecutive ports from @first on; 0: any. Return: 0; -1 with errno; *failed: which. */
static int bind_all(struct place *p, unsigned first, unsigned n, int *fds, unsigned *failed)
{
	for (unsigned i = 0; i < n; i++) {
		*failed = first ? first + i : 0;
		if (*failed > UINT16_MAX) {
			errno = EADDRINUSE;
			close_all(fds, i);
			return -1;
		}
		set_udp_port(p, (uint16_t)*failed);
		fds[i] = open_socket(p);
		if (fds[i] < 0) {
			const int error = errno;

			close_all(fds, i);
			errno = error;
			return -1;
		}
		if (first == 0)
			first = udp_port_of(fds[0]);
	}
	return 0;
}

static int bind_sockets(struct fly_port *port, struct place *p, int *fds)
{
	const unsigned n = port->group->n;
	unsigned failed = 0;
	int tries = port->spec.udp_port ? 1 : FREE_TRIES;

	while (tries-- > 0) {
		if (bind_all(p, port->spec.udp_port, n, fds, &failed) == 0) {
			port->spec.udp_port = udp_port_of(fds[0]);
			return 0;
		}
		if (errno != EADDRINUSE)
			break;
	}
	return no_socket(port, failed);
}

/* ---- links ---- */

static int make_link(struct fly_port *port, unsigned i, int fd, const struct place *p,
		     const uint8_t *key)
{
	struct fly_link *link = fly_port_link(port, i);
	const struct fly_poller *poller = port->group->pollers[i];
	struct fly_udp_socket s = {.fd = fd, .is_v6 = p->is_v6};
	int status = -FLY_ENOMEM;

	link->ip = p->is_v6 ? 0 : p->at.v4.sin_addr.s_addr;
	link->udp_port = htons((uint16_t)(port->spec.udp_port + i));
	link->pool = port->group->pool;
	link->checksum = FLY_CHECKSUM_NONE; /* the kernel computes and checks them */
	fly_payload_init(link, (uint16_t)(port->spec.mtu - FLY_IP_OVERHEAD));
	set_options(fd, p, &s, port->spec.what[0] != '\0');
	if (p->is_v6)
		s.peers = fly_udp_peers_new(poller->conversations.n + poller->calls.n, key);
	if (!p->is_v6 || s.peers)
		status = fly_link_udp(link, &s);
	if (status) {
		fly_udp_peers_free(s.peers);
		return fly_fail(FLY_ENOMEM, "link %s: out of memory", port->spec.text);
	}
	return 0;
}

/* ---- questions to all of a network: slowpath/find.c ---- */

/* The first IPv4 address of each interface that is up. */
static unsigned each_interface(uint32_t *ips, unsigned most)
{
	struct ifaddrs *list = NULL;
	const char *last = "";
	unsigned n = 0;

	if (getifaddrs(&list) < 0)
		return 0;
	for (const struct ifaddrs *i = list; i && n < most; i = i->ifa_next) {
		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET || !(i->ifa_flags & IFF_UP) ||
		    strcmp(i->ifa_name, last) == 0)
			continue;
		last = i->ifa_name;
		ips[n++] = ((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr.s_addr;
	}
	freeifaddrs(list);
	return n;
}

static unsigned each_of(const struct place *p, uint32_t *ips, unsigned most)
{
	if (p->is_every)
		return each_interface(ips, most);
	if (p->is_v6)
		return 0;
	ips[0] = p->at.v4.sin_addr.s_addr;
	return 1;
}

unsigned fly_udp_port_each(const struct fly_port *port, uint32_t *ips, unsigned most)
{
	struct place p = {0};

	find_place(&port->spec, &p);
	return each_of(&p, ips, most);
}

/*
 * A socket for what is sent to the group. All sockets of this machine that have joined get a copy
 * of each datagram. Without one nobody finds this link, and all else works.
 */
static void join_group(struct fly_port *port, const struct place *p)
{
	const struct sockaddr_in group = {
		.sin_family = AF_INET,
		.sin_port = htons(FLY_GROUP_PORT),
		.sin_addr.s_addr = FLY_GROUP_IP,
	};
	uint32_t ips[INTERFACES];
	const unsigned n = each_of(p, ips, INTERFACES);
	const int fd = n ? socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) : -1;

	if (fd < 0)
		return;
	set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	set(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
	if (bind(fd, (const struct sockaddr *)&group, sizeof group) < 0) {
		fly_notice(&port->group->notice,
			   "link %s: nobody finds it by a question to all: UDP port %d: %s",
			   port->spec.text, FLY_GROUP_PORT, strerror(errno));
		close(fd);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		const struct ip_mreq join = {
			.imr_multiaddr.s_addr = FLY_GROUP_IP,
			.imr_interface.s_addr = ips[i],
		};

		(void)setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof join);
	}
	fly_link_udp_join(&port->link, fly_clofork_add(fd));
}

int fly_udp_port_open(struct fly_port *port)
{
	const unsigned n = port->group->n;
	uint8_t key[FLY_UDP_PEERS_KEY_BYTES];
	struct place p = {0};
	int fds[FLY_POLLERS] = {-1};
	int status = fly_port_make_links(port);

	fly_random_fill(key, sizeof key);
	if (!status)
		status = fly_limits_descriptors(n, port->spec.text);
	if (status)
		return status;
	find_place(&port->spec, &p);
	status = bind_sockets(port, &p, fds);
	if (status)
		return status;
	for (unsigned i = 0; i < n; i++) {
		status = make_link(port, i, fds[i], &p, key);
		if (status) {
			close_all(fds + i, n - i);
			return status;
		}
	}
	if (port->spec.what[0]) /* else it only calls */
		join_group(port, &p);
	return 0;
}

void fly_udp_port_close(struct fly_port *port)
{
	if (port->spec.kind != FLY_LINK_UDP)
		return;
	fly_clofork_close(fly_link_udp_leave(&port->link));
	fly_clofork_close(fly_link_udp_end(&port->link));
	for (unsigned i = 1; i < FLY_POLLERS; i++) {
		if (port->others[i])
			fly_clofork_close(fly_link_udp_end(port->others[i]));
	}
}

/* ---- the way to a peer, and its MTU ---- */

struct fly_port *fly_udp_port_of_v6(const struct fly_ports *ports)
{
	for (unsigned i = 0; i < ports->n; i++) {
		struct place p = {0};

		if (ports->at[i]->spec.kind != FLY_LINK_UDP)
			continue;
		find_place(&ports->at[i]->spec, &p);
		if (p.is_v6)
			return ports->at[i];
	}
	return NULL;
}

static bool is_at(const struct sockaddr *a, const struct place *p)
{
	union address b;

	if (!a || p->is_every || a->sa_family != p->at.any.sa_family)
		return p->is_every;
	memcpy(&b, a, p->bytes);
	return p->is_v6 ? memcmp(&b.v6.sin6_addr, &p->at.v6.sin6_addr, 16) == 0
			: b.v4.sin_addr.s_addr == p->at.v4.sin_addr.s_addr;
}

/* The largest MTU of the interfaces that are up and have the address: more never gets through. */
unsigned fly_udp_port_mtu(const struct fly_link_spec *spec)
{
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifaddrs *list = NULL;
	struct place p = {0};
	unsigned most = 0;

	find_place(spec, &p);
	if (fd < 0 || getifaddrs(&list) < 0)
		list = NULL;
	for (const struct ifaddrs *i = list; i; i = i->ifa_next) {
		struct ifreq request = {0};

		strncpy(request.ifr_name, i->ifa_name, sizeof request.ifr_name - 1);
		if ((i->ifa_flags & IFF_UP) && is_at(i->ifa_addr, &p) &&
		    ioctl(fd, SIOCGIFMTU, &request) == 0)
			most = RTE_MAX(most, (unsigned)request.ifr_mtu);
	}
	freeifaddrs(list);
	if (fd >= 0)
		close(fd);
	return RTE_MIN(RTE_MAX(most, 1500U), (unsigned)MTU_DEFAULT);
}

int fly_udp_port_check_peer(const struct fly_port *port, const struct sockaddr_in6 *peer)
{
	const bool is_v4 = IN6_IS_ADDR_V4MAPPED(&peer->sin6_addr);
	char text[FLY_PEER_TEXT_BYTES];
	union address to = {.v6 = *peer};
	struct place p = {0};
	int error = 0;
	int fd;

	fly_peer_address_text(&peer->sin6_addr, peer->sin6_scope_id, text);
	find_place(&port->spec, &p);
	if (!is_v4 && !p.is_v6)
		return fly_fail(FLY_EINVAL,
				"link %s: its address is of IPv4, that of the peer (%s) of IPv6; "
				"use udp: or udp:[::]",
				port->spec.text, text);
	if (is_v4 && p.is_v6 && !p.is_every)
		return fly_fail(FLY_EINVAL,
				"link %s: its address is of IPv6, that of the peer (%s) of IPv4; "
				"use udp: or udp:[::]",
				port->spec.text, text);
	if (is_v4 && !p.is_v6) {
		to.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = peer->sin6_port};
		memcpy(&to.v4.sin_addr, peer->sin6_addr.s6_addr + 12, 4);
	}
	set_udp_port(&p, 0);
	fd = open_socket(&p);
	if (fd < 0 || connect(fd, &to.any, p.bytes) < 0)
		error = errno;
	if (fd >= 0)
		fly_clofork_close(fd);
	return error ? fly_fail(FLY_EPEER, "link %s: no way to %s from here: %s", port->spec.text,
				text, strerror(error))
		     : 0;
}
