/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * netlink.c - see netlink.h. Called when a port is opened, by the control thread when the kernel
 * tells of a change, and by pollers that look for a neighbour. Keeps nothing.
 */
#include "host/netlink.h"

#include <errno.h>
#include <net/if.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <firefly/status.h>

#include "base/error.h"

#define AGAIN 5 /* times that a list is read which changes meanwhile */

/* Each attribute behind the @bytes of a message's own header; libmnl's loop converts signs. */
#define EACH_ATTRIBUTE(attribute, message, bytes)                                              \
	for (attribute = mnl_nlmsg_get_payload_offset(message, bytes);                         \
	     mnl_attr_ok(attribute, bytes_to(attribute, mnl_nlmsg_get_payload_tail(message))); \
	     attribute = mnl_attr_next(attribute))

static int bytes_to(const void *from, const void *to)
{
	return (int)((const char *)to - (const char *)from);
}

struct talk {
	struct mnl_socket *socket;
	char *bytes; /* room for a request, and then for its answers */
	size_t room;
	struct nlmsghdr *request;
};

static void end(struct talk *t)
{
	if (t->socket)
		mnl_socket_close(t->socket);
	free(t->bytes);
}

/* Return: 0, or a negative status with a message. */
static int begin(struct talk *t)
{
	const int on = 1;

	*t = (struct talk){.room = (size_t)MNL_SOCKET_BUFFER_SIZE};
	t->bytes = malloc(t->room);
	if (!t->bytes)
		return fly_fail(FLY_ENOMEM, "out of memory");
	t->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!t->socket || mnl_socket_bind(t->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return fly_fail(FLY_ESYSTEM,
				"a netlink socket, to ask the kernel for addresses: %s",
				strerror(errno));
	/* The kernel sorts out what was asked for. One that cannot says more: we look again. */
	mnl_socket_setsockopt(t->socket, NETLINK_GET_STRICT_CHK, (void *)(uintptr_t)&on, sizeof on);
	return 0;
}

/* A request without attributes yet. @bytes: of what follows the header. Return: what follows. */
static void *ask(struct talk *t, uint16_t type, uint16_t flags, size_t bytes)
{
	static _Atomic uint32_t ever;

	t->request = mnl_nlmsg_put_header(t->bytes);
	t->request->nlmsg_type = type;
	t->request->nlmsg_flags = NLM_F_REQUEST | flags;
	t->request->nlmsg_seq = atomic_fetch_add(&ever, 1) + 1;
	return mnl_nlmsg_put_extra_header(t->request, bytes);
}

/* Send the request; @take gets each answer. Return: 0, or -1 and errno. */
static int answers(struct talk *t, mnl_cb_t take, void *context)
{
	const uint32_t seq = t->request->nlmsg_seq;
	const bool is_list = (t->request->nlmsg_flags & NLM_F_DUMP) != 0;
	int more = 1;

	if (mnl_socket_sendto(t->socket, t->request, t->request->nlmsg_len) < 0)
		return -1;
	while (more > 0) {
		const ssize_t n = mnl_socket_recvfrom(t->socket, t->bytes, t->room);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		more = mnl_cb_run(t->bytes, (size_t)n, seq, mnl_socket_get_portid(t->socket), take,
				  context);
		if (!is_list && more > 0)
			more = 0;
	}
	return more;
}

/* ---- one interface ---- */

static int take_link(const struct nlmsghdr *message, void *context)
{
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(message);
	struct fly_netlink_facts *f = context;
	const struct nlattr *attribute;

	f->index = link->ifi_index;
	f->is_up = (link->ifi_flags & IFF_UP) && (link->ifi_flags & IFF_RUNNING);
	f->is_loopback = (link->ifi_flags & IFF_LOOPBACK) != 0;
	EACH_ATTRIBUTE(attribute, message, sizeof *link)
	{
		switch (mnl_attr_get_type(attribute)) {
		case IFLA_MTU:
			f->mtu = mnl_attr_get_u32(attribute);
			break;
		case IFLA_MASTER:
			f->master = (int)mnl_attr_get_u32(attribute);
			break;
		case IFLA_ADDRESS:
			if (mnl_attr_get_payload_len(attribute) == sizeof f->mac)
				memcpy(f->mac, mnl_attr_get_payload(attribute), sizeof f->mac);
			break;
		default:
			break;
		}
	}
	return MNL_CB_OK;
}

/* A point-to-point address has two: IFA_LOCAL is ours. */
static int take_address(const struct nlmsghdr *message, void *context)
{
	const struct ifaddrmsg *address = mnl_nlmsg_get_payload(message);
	struct fly_netlink_facts *f = context;
	const struct nlattr *attribute;
	uint32_t ip = 0;
	bool is_local = false;

	if ((int)address->ifa_index != f->index || f->n_addresses == FLY_NETLINK_ADDRESSES)
		return MNL_CB_OK;
	EACH_ATTRIBUTE(attribute, message, sizeof *address)
	{
		const uint16_t type = mnl_attr_get_type(attribute);

		if (type != IFA_LOCAL && (type != IFA_ADDRESS || is_local))
			continue;
		is_local = type == IFA_LOCAL;
		ip = mnl_attr_get_u32(attribute);
	}
	if (ip)
		f->addresses[f->n_addresses++] =
			(struct fly_netlink_address){ip, address->ifa_prefixlen};
	return MNL_CB_OK;
}

/* One of several next hops of a route, if it leaves by our interface. */
static bool take_hops(const struct nlattr *hops, int index, uint32_t *gateway)
{
	const struct rtnexthop *hop = mnl_attr_get_payload(hops);
	int left = mnl_attr_get_payload_len(hops);

	for (; RTNH_OK(hop, left); left -= RTNH_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop)) {
		const struct nlattr *attribute = (const void *)RTNH_DATA(hop);
		const char *end = (const char *)hop + hop->rtnh_len;

		if (hop->rtnh_ifindex != index)
			continue;
		for (; mnl_attr_ok(attribute, bytes_to(attribute, end));
		     attribute = mnl_attr_next(attribute)) {
			if (mnl_attr_get_type(attribute) == RTA_GATEWAY)
				*gateway = mnl_attr_get_u32(attribute);
		}
		return true;
	}
	return false;
}

static int take_route(const struct nlmsghdr *message, void *context)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(message);
	struct fly_netlink_route r = {.prefix = route->rtm_dst_len};
	struct fly_netlink_facts *f = context;
	const struct nlattr *attribute;
	struct fly_netlink_route *more;
	uint32_t table = route->rtm_table;
	bool is_here = false;

	EACH_ATTRIBUTE(attribute, message, sizeof *route)
	{
		switch (mnl_attr_get_type(attribute)) {
		case RTA_TABLE:
			table = mnl_attr_get_u32(attribute);
			break;
		case RTA_DST:
			r.to = mnl_attr_get_u32(attribute);
			break;
		case RTA_GATEWAY:
			r.gateway = mnl_attr_get_u32(attribute);
			break;
		case RTA_PRIORITY:
			r.metric = mnl_attr_get_u32(attribute);
			break;
		case RTA_OIF:
			is_here = (int)mnl_attr_get_u32(attribute) == f->index;
			break;
		case RTA_MULTIPATH:
			is_here = take_hops(attribute, f->index, &r.gateway);
			break;
		default:
			break;
		}
	}
	if (!is_here || table != RT_TABLE_MAIN || route->rtm_type != RTN_UNICAST ||
	    route->rtm_family != AF_INET)
		return MNL_CB_OK;
	more = realloc(f->routes, (f->n_routes + 1) * sizeof *more);
	if (!more) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	f->routes = more;
	f->routes[f->n_routes++] = r;
	return MNL_CB_OK;
}

static int look_for_link(struct talk *t, const char *interface, int index,
			 struct fly_netlink_facts *f)
{
	struct ifinfomsg *link = ask(t, RTM_GETLINK, 0, sizeof *link);

	link->ifi_family = AF_UNSPEC;
	link->ifi_index = index;
	if (interface)
		mnl_attr_put_strz(t->request, IFLA_IFNAME, interface);
	return answers(t, take_link, f);
}

static int look_for_addresses(struct talk *t, struct fly_netlink_facts *f)
{
	struct ifaddrmsg *address = ask(t, RTM_GETADDR, NLM_F_DUMP, sizeof *address);

	f->n_addresses = 0;
	address->ifa_family = AF_INET;
	address->ifa_index = (uint32_t)f->index;
	return answers(t, take_address, f);
}

static int look_for_routes(struct talk *t, struct fly_netlink_facts *f)
{
	struct rtmsg *route = ask(t, RTM_GETROUTE, NLM_F_DUMP, sizeof *route);

	f->n_routes = 0;
	route->rtm_family = AF_INET;
	route->rtm_table = RT_TABLE_MAIN;
	mnl_attr_put_u32(t->request, RTA_OIF, (uint32_t)f->index);
	return answers(t, take_route, f);
}

/* A list that changes while it is read is read again. */
static int look_for(struct talk *t, struct fly_netlink_facts *f,
		    int (*what)(struct talk *t, struct fly_netlink_facts *f))
{
	int status = -1;

	errno = EINTR;
	for (unsigned i = 0; i < AGAIN && status && errno == EINTR; i++)
		status = what(t, f);
	return status;
}

static int look(const char *interface, int index, struct fly_netlink_facts *f)
{
	struct talk t;
	int status;

	*f = (struct fly_netlink_facts){0};
	status = begin(&t);
	if (status) {
		end(&t);
		return status;
	}
	if (look_for_link(&t, interface, index, f))
		status = errno == ENODEV || errno == EINVAL || errno == ERANGE
				 ? -FLY_EINVAL
				 : fly_fail(FLY_ESYSTEM, "netlink: %s", strerror(errno));
	else if (look_for(&t, f, look_for_addresses) || look_for(&t, f, look_for_routes))
		status = fly_fail(FLY_ESYSTEM, "netlink: %s", strerror(errno));
	end(&t);
	return status;
}

int fly_netlink_look(const char *interface, struct fly_netlink_facts *facts)
{
	if (strlen(interface) < IFNAMSIZ && *interface)
		return look(interface, 0, facts);
	*facts = (struct fly_netlink_facts){0};
	return -FLY_EINVAL;
}

int fly_netlink_look_at(int index, struct fly_netlink_facts *facts)
{
	return look(NULL, index, facts);
}

void fly_netlink_forget(struct fly_netlink_facts *facts)
{
	free(facts->routes);
	facts->routes = NULL;
	facts->n_routes = 0;
}

/* ---- what was dropped ---- */

static int take_dropped(const struct nlmsghdr *message, void *context)
{
	const struct nlattr *attribute;
	struct rtnl_link_stats64 said;
	uint64_t *n = context;

	EACH_ATTRIBUTE(attribute, message, sizeof(struct ifinfomsg))
	{
		/* Old kernels say less, new ones more; and it is not aligned. */
		if (mnl_attr_get_type(attribute) != IFLA_STATS64 ||
		    mnl_attr_get_payload_len(attribute) <
			    offsetof(struct rtnl_link_stats64, tx_aborted_errors))
			continue;
		memcpy(&said, mnl_attr_get_payload(attribute),
		       offsetof(struct rtnl_link_stats64, tx_aborted_errors));
		*n = said.rx_dropped + said.rx_missed_errors + said.tx_dropped;
		return MNL_CB_STOP;
	}
	errno = ENODATA;
	return MNL_CB_ERROR;
}

bool fly_netlink_dropped(const char *interface, uint64_t *n)
{
	struct ifinfomsg *link;
	struct talk t;
	bool said = false;

	if (strlen(interface) >= IFNAMSIZ || !*interface)
		return false;
	if (begin(&t) == 0) {
		link = ask(&t, RTM_GETLINK, 0, sizeof *link);
		link->ifi_family = AF_UNSPEC;
		mnl_attr_put_strz(t.request, IFLA_IFNAME, interface);
		said = answers(&t, take_dropped, n) >= 0;
	}
	end(&t);
	return said;
}

/* ---- neighbours ---- */

#define HAS_ADDRESS (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE)

struct neighbour {
	uint8_t *mac;
	enum fly_netlink_neighbour state;
};

static int take_neighbour(const struct nlmsghdr *message, void *context)
{
	const struct ndmsg *n = mnl_nlmsg_get_payload(message);
	struct neighbour *to = context;
	const struct nlattr *attribute;
	bool has_mac = false;

	EACH_ATTRIBUTE(attribute, message, sizeof *n)
	{
		if (mnl_attr_get_type(attribute) != NDA_LLADDR ||
		    mnl_attr_get_payload_len(attribute) != 6)
			continue;
		memcpy(to->mac, mnl_attr_get_payload(attribute), 6);
		has_mac = true;
	}
	if (has_mac && (n->ndm_state & (NUD_PERMANENT | NUD_NOARP)))
		to->state = FLY_NETLINK_FIXED;
	else if (has_mac && (n->ndm_state & HAS_ADDRESS))
		to->state = FLY_NETLINK_SEEN;
	return MNL_CB_OK;
}

enum fly_netlink_neighbour fly_netlink_neighbour(int index, uint32_t ip, uint8_t mac[6])
{
	struct neighbour n = {.mac = mac, .state = FLY_NETLINK_UNKNOWN};
	struct talk t;
	struct ndmsg *request;

	if (begin(&t) == 0) {
		request = ask(&t, RTM_GETNEIGH, 0, sizeof *request);
		request->ndm_family = AF_INET;
		request->ndm_ifindex = index;
		mnl_attr_put_u32(t.request, NDA_DST, ip);
		/* Kernels before 5.0 answer only with whole lists: we ask the network then. */
		answers(&t, take_neighbour, &n);
	}
	end(&t);
	return n.state;
}

struct reading {
	struct fly_netlink_neighbours *to;
	int index;
};

static int take_entry(const struct nlmsghdr *message, void *context)
{
	const struct ndmsg *n = mnl_nlmsg_get_payload(message);
	const struct reading *r = context;
	struct fly_netlink_entry e = {.family = n->ndm_family};
	struct fly_netlink_entry *more;
	const struct nlattr *attribute;
	bool has_ip = false;
	bool has_mac = false;

	EACH_ATTRIBUTE(attribute, message, sizeof *n)
	{
		const uint16_t type = mnl_attr_get_type(attribute);
		const uint16_t bytes = mnl_attr_get_payload_len(attribute);

		if (type == NDA_DST && bytes <= sizeof e.ip) {
			memcpy(e.ip, mnl_attr_get_payload(attribute), bytes);
			has_ip = true;
		} else if (type == NDA_LLADDR && bytes == sizeof e.mac) {
			memcpy(e.mac, mnl_attr_get_payload(attribute), sizeof e.mac);
			has_mac = true;
		}
	}
	if (n->ndm_ifindex != r->index || !has_ip || !has_mac || !(n->ndm_state & HAS_ADDRESS) ||
	    n->ndm_type != RTN_UNICAST || (n->ndm_family != AF_INET && n->ndm_family != AF_INET6))
		return MNL_CB_OK;
	e.is_fixed = (n->ndm_state & NUD_PERMANENT) != 0;
	more = realloc(r->to->at, (r->to->n + 1) * sizeof *more);
	if (more) {
		r->to->at = more;
		r->to->at[r->to->n++] = e;
	}
	return MNL_CB_OK;
}

void fly_netlink_neighbours(int index, struct fly_netlink_neighbours *to)
{
	struct reading reading = {to, index};
	struct talk t;
	struct ndmsg *request;

	*to = (struct fly_netlink_neighbours){0};
	if (begin(&t) == 0) {
		request = ask(&t, RTM_GETNEIGH, NLM_F_DUMP, sizeof *request);
		request->ndm_family = AF_UNSPEC;
		mnl_attr_put_u32(t.request, NDA_IFINDEX, (uint32_t)index);
		answers(&t, take_entry, &reading);
	}
	end(&t);
}

void fly_netlink_put_neighbours(int index, struct fly_netlink_neighbours *from)
{
	struct talk t;

	if (begin(&t) == 0) {
		for (unsigned i = 0; i < from->n; i++) {
			const struct fly_netlink_entry *e = &from->at[i];
			struct ndmsg *n =
				ask(&t, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_ACK, sizeof *n);

			n->ndm_family = e->family;
			n->ndm_ifindex = index;
			n->ndm_state = e->is_fixed ? NUD_PERMANENT : NUD_STALE;
			mnl_attr_put(t.request, NDA_DST, e->family == AF_INET ? 4 : 16, e->ip);
			mnl_attr_put(t.request, NDA_LLADDR, sizeof e->mac, e->mac);
			answers(&t, NULL, NULL);
		}
	}
	end(&t);
	free(from->at);
	*from = (struct fly_netlink_neighbours){0};
}

/* ---- XDP programs ---- */

void fly_netlink_take_program_off(int index, int program_fd)
{
	struct talk t;
	struct ifinfomsg *request;
	struct nlattr *nest;

	if (begin(&t) == 0) {
		request = ask(&t, RTM_SETLINK, NLM_F_ACK, sizeof *request);
		request->ifi_family = AF_UNSPEC;
		request->ifi_index = index;
		nest = mnl_attr_nest_start(t.request, IFLA_XDP);
		mnl_attr_put_u32(t.request, IFLA_XDP_FD, UINT32_MAX); /* none */
		mnl_attr_put_u32(t.request, IFLA_XDP_EXPECTED_FD, (uint32_t)program_fd);
		mnl_attr_put_u32(t.request, IFLA_XDP_FLAGS, XDP_FLAGS_REPLACE);
		mnl_attr_nest_end(t.request, nest);
		answers(&t, NULL, NULL);
	}
	end(&t);
}

/* ---- our own addresses ---- */

struct own {
	uint32_t ip;
	bool is_found;
};

static int take_own(const struct nlmsghdr *message, void *context)
{
	const struct nlattr *attribute;
	struct own *own = context;

	EACH_ATTRIBUTE(attribute, message, sizeof(struct ifaddrmsg))
	{
		if (mnl_attr_get_type(attribute) == IFA_LOCAL &&
		    mnl_attr_get_u32(attribute) == own->ip)
			own->is_found = true;
	}
	return MNL_CB_OK;
}

bool fly_netlink_is_ours(uint32_t ip)
{
	struct own own = {.ip = ip};
	struct talk t;
	struct ifaddrmsg *request;

	if (begin(&t) == 0) {
		request = ask(&t, RTM_GETADDR, NLM_F_DUMP, sizeof *request);
		request->ifa_family = AF_INET;
		answers(&t, take_own, &own);
	}
	end(&t);
	return own.is_found;
}

/* ---- changes ---- */

int fly_netlink_watch(void)
{
	const struct sockaddr_nl groups = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE,
	};
	const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	int error;

	if (fd >= 0 && bind(fd, (const struct sockaddr *)&groups, sizeof groups) == 0)
		return fd;
	error = errno;
	if (fd >= 0)
		close(fd);
	return fly_fail(FLY_ESYSTEM, "a netlink socket, to hear of changes: %s", strerror(error));
}

/* What has changed is looked up: here it is thrown away. ENOBUFS: more than was kept for us. */
bool fly_netlink_heard(int fd)
{
	char bytes[256];
	bool heard = false;

	for (;;) {
		if (recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) >= 0 || errno == ENOBUFS)
			heard = true;
		else if (errno != EINTR)
			return heard;
	}
}
