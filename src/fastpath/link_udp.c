/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * link_udp.c - the burst functions of a link over a UDP socket of the kernel.
 *
 * Called by the poller through struct fly_link. src/host/udp_port.c opens the socket. Owns struct
 * fly_udp: the socket, packets to receive into, and the arguments of its system calls. Never waits:
 * what the kernel does not take now stays queued. What the kernel will never take (no route, too
 * long) is dropped and counted, and stops nobody else's packets.
 */
#include "fastpath/link_udp.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_ether.h>

#include <firefly/status.h>

#include "base/mapped_ip.h"
#include "base/mix.h"
#include "fastpath/poller.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

/*
 * A socket that has been empty for so many looks is looked at once in LOOK_EVERY: each is a system
 * call, for which other links of the poller would wait.
 */
#define LOOKS_IDLE 1024
#define LOOK_EVERY 16

#define ASK_EVERY   64  /* datagrams that come one by one: then it is asked what was dropped */
#define ROUTES      64  /* peers of which the MTU of the way is known */
#define ROUTE_ASKS  256 /* then the kernel is asked again */
#define V6_OVERHEAD (FLY_IP_OVERHEAD + 20)
#define LOCALS      16 /* addresses of ours, IPv6, that replies have come from lately */

/* Byte 1 of a MAC that stands for one of our addresses. Byte 0 is 2: locally administered. */
#define MAC_KIND  0x02
#define MAC_V4    4 /* bytes 2 to 5: the address */
#define MAC_V6    6 /* byte 5: index in locals */
#define MAC_BYTES 6

/* Room for what the kernel says with a datagram: our address, and how many it has dropped. */
#define RX_CONTROL (CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(uint32_t)))
#define TX_CONTROL (CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(uint16_t)))

union rx_control {
	struct cmsghdr header;
	uint8_t bytes[RX_CONTROL];
};

union tx_control {
	struct cmsghdr header;
	uint8_t bytes[TX_CONTROL];
};

/* What one packet to a peer may have, by the MTU that the kernel knows of the way there. */
struct route {
	uint32_t ip; /* 0: none */
	uint16_t payload;
	uint16_t asks; /* that this was the answer to */
};

struct fly_udp {
	struct fly_udp_socket socket;
	uint32_t empty;   /* looks in a row that found nothing, at most LOOKS_IDLE */
	uint32_t skipped; /* looks that were left out since then */
	bool tx_cuts;     /* the kernel may cut packets into fragments: until the burst's end */
	bool had_one;     /* the last burst had a packet */
	bool rx_many;     /* ask for many at once: receive() */
	bool tx_single;   /* each datagram by itself, until all of a burst has been sent */
	uint32_t singles; /* datagrams that came one by one */
	uint32_t kernel_drops;   /* as last heard from the kernel */
	uint8_t header[FLY_RPC]; /* in front of what is received, but for source and lengths */
	int group_fd;            /* where questions to all come; -1: none */
	int route_fd;            /* to ask for routes; -1: not yet */
	struct route routes[ROUTES];
	uint32_t next_local;
	struct in6_pktinfo locals[LOCALS];
	struct rte_mbuf *ready[FLY_BURST]; /* to receive into, each of its own message; NULL */
	struct mmsghdr in[FLY_BURST];
	struct iovec in_at[FLY_BURST];
	struct sockaddr_in6 in_from[FLY_BURST]; /* of an IPv4 socket: struct sockaddr_in */
	union rx_control in_control[FLY_BURST];
	struct mmsghdr out[FLY_BURST];
	struct iovec out_at[FLY_BURST];
	struct sockaddr_in6 out_to[FLY_BURST];
	union tx_control out_control[FLY_BURST];
	uint16_t out_packets[FLY_BURST]; /* of each message */
};

/* ---- addresses ---- */

bool fly_link_udp_peer(const struct fly_link *link, uint32_t ip, uint16_t port,
		       struct sockaddr_in6 *to)
{
	const struct fly_udp_peers *peers = link->udp->socket.peers;

	if (unlikely(fly_udp_peers_is_number(ip))) {
		const struct sockaddr_in6 *found = peers ? fly_udp_peers_find(peers, ip) : NULL;

		if (!found)
			return false;
		*to = *found;
	} else {
		to->sin6_family = AF_INET6;
		to->sin6_flowinfo = 0;
		to->sin6_scope_id = 0;
		fly_map_ip(&to->sin6_addr, ip);
	}
	to->sin6_port = port;
	return true;
}

uint32_t fly_link_udp_number(struct fly_link *link, const struct sockaddr_in6 *address)
{
	struct fly_udp_peers *peers = link->udp->socket.peers;

	if (IN6_IS_ADDR_V4MAPPED(&address->sin6_addr))
		return fly_mapped_ip(&address->sin6_addr);
	return peers ? fly_udp_peers_number(peers, address) : 0;
}

void fly_link_udp_hold_number(struct fly_link *link, uint32_t ip, bool keep)
{
	struct fly_udp_peers *peers = link->udp ? link->udp->socket.peers : NULL;

	if (!peers)
		return;
	if (keep)
		fly_udp_peers_hold(peers, ip);
	else
		fly_udp_peers_let_go(peers, ip);
}

/* ---- receiving ---- */

/* Where a datagram came to, as the source MAC of its packet. */
static void note_local(struct fly_udp *u, const struct in6_pktinfo *at, uint8_t mac[MAC_BYTES])
{
	unsigned i;

	mac[0] = MAC_KIND;
	if (IN6_IS_ADDR_V4MAPPED(&at->ipi6_addr)) {
		mac[1] = MAC_V4;
		fly_store_raw32(mac + 2, fly_mapped_ip(&at->ipi6_addr));
		return;
	}
	for (i = 0; i < LOCALS && memcmp(&u->locals[i], at, sizeof *at) != 0; i++)
		;
	if (i == LOCALS) {
		i = u->next_local++ % LOCALS;
		u->locals[i] = *at;
	}
	mac[1] = MAC_V6;
	mac[5] = (uint8_t)i;
}

/* What the kernel says beside a datagram. */
static void read_control(struct fly_link *link, struct msghdr *h, uint8_t *frame)
{
	struct fly_udp *u = link->udp;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		struct in6_pktinfo at = {0};

		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
			const uint32_t drops = fly_load_raw32(CMSG_DATA(c));

			fly_stats_add(link->stats, FLY_COUNT_drop_socket_full,
				      (uint32_t)(drops - u->kernel_drops));
			u->kernel_drops = drops;
		} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo v4;

			memcpy(&v4, CMSG_DATA(c), sizeof v4);
			fly_map_ip(&at.ipi6_addr, v4.ipi_addr.s_addr);
			note_local(u, &at, frame + FLY_ETHER_SOURCE);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&at, CMSG_DATA(c), sizeof at);
			note_local(u, &at, frame + FLY_ETHER_SOURCE);
		}
	}
}

/* The ip of who sent a datagram; 0: it is dropped, and counted. */
static uint32_t source(struct fly_link *link, unsigned i, uint16_t *port)
{
	const struct fly_udp *u = link->udp;
	const struct sockaddr_in6 *from = &u->in_from[i];
	uint32_t ip;

	if (!u->socket.is_v6) {
		const struct sockaddr_in *v4 = (const void *)from;

		ip = v4->sin_addr.s_addr;
		*port = v4->sin_port;
	} else {
		*port = from->sin6_port;
		if (!IN6_IS_ADDR_V4MAPPED(&from->sin6_addr)) {
			ip = fly_udp_peers_number(u->socket.peers, from);
			if (unlikely(ip == 0))
				fly_stats_add(link->stats, FLY_COUNT_drop_peers_full, 1);
			return ip;
		}
		ip = fly_mapped_ip(&from->sin6_addr);
	}
	if (unlikely(fly_udp_peers_is_number(ip) || ip == 0)) {
		fly_stats_add(link->stats, FLY_COUNT_drop_source, 1);
		return 0;
	}
	return ip;
}

/* Make a packet of datagram @i. Return: false: it is dropped, and counted. */
static bool make_packet(struct fly_link *link, unsigned i)
{
	struct fly_udp *u = link->udp;
	struct msghdr *h = &u->in[i].msg_hdr;
	const uint32_t bytes = u->in[i].msg_len;
	struct rte_mbuf *m = u->ready[i];
	uint8_t *frame = fly_packet_frame(m);
	uint16_t port;
	uint32_t ip;

	memcpy(frame, u->header, FLY_RPC);
	if (unlikely(h->msg_controllen != 0))
		read_control(link, h, frame);
	if (unlikely(h->msg_flags & MSG_TRUNC)) {
		fly_stats_add(link->stats, FLY_COUNT_drop_length, 1);
		return false;
	}
	ip = source(link, i, &port);
	if (unlikely(ip == 0))
		return false;
	fly_put_be16(frame + FLY_IP_LENGTH, (uint16_t)(bytes + FLY_RPC - FLY_IP));
	fly_store_raw32(frame + FLY_IP_SOURCE, ip);
	fly_store_raw16(frame + FLY_UDP_SOURCE, port);
	fly_put_be16(frame + FLY_UDP_LENGTH, (uint16_t)(bytes + FLY_RPC - FLY_UDP_SOURCE));
	fly_packet_set_bytes(m, bytes + FLY_RPC);
	return true;
}

/* Make message @i ready to be received into. Return: false: there is no packet for it. */
static bool prepare(struct fly_link *link, unsigned i)
{
	struct fly_udp *u = link->udp;
	struct msghdr *h = &u->in[i].msg_hdr;

	if (!u->ready[i]) {
		struct rte_mbuf *m = fly_packet_get(link->cache, 0);

		if (unlikely(!m))
			return false;
		fly_packet_expose_all(m);
		u->ready[i] = m;
		u->in_at[i].iov_base = fly_packet_frame(m) + FLY_RPC;
		u->in_at[i].iov_len = RTE_MIN(fly_packet_room(m), (uint32_t)UINT16_MAX) - FLY_RPC;
	}
	h->msg_namelen = sizeof u->in_from[i];
	h->msg_controllen = sizeof u->in_control[i];
	h->msg_flags = 0;
	return true;
}

/*
 * Receive one datagram. By recvfrom(), which is faster, where nobody needs to know to which address
 * it came; now and then by recvmsg(), which also says what the kernel has dropped.
 */
static unsigned receive_one(struct fly_udp *u)
{
	struct msghdr *h = &u->in[0].msg_hdr;
	ssize_t bytes;

	if (u->socket.tells_where || u->singles % ASK_EVERY == 0) {
		bytes = recvmsg(u->socket.fd, h, MSG_DONTWAIT);
	} else {
		bytes = recvfrom(u->socket.fd, u->in_at[0].iov_base, u->in_at[0].iov_len,
				 MSG_DONTWAIT | MSG_TRUNC, h->msg_name, &h->msg_namelen);
		h->msg_controllen = 0;
		if (bytes > (ssize_t)u->in_at[0].iov_len)
			h->msg_flags = MSG_TRUNC;
	}
	if (bytes < 0)
		return 0;
	u->in[0].msg_len = (unsigned)bytes;
	u->singles++;
	return 1;
}

/*
 * One datagram at a time while they come one by one: that is the faster system call, and looks only
 * once. Several at a time after two bursts in a row had one, until a burst has one or none.
 */
static unsigned receive(struct fly_link *link, unsigned n)
{
	struct fly_udp *u = link->udp;
	unsigned ready = 0;
	int got;

	if (!u->rx_many)
		n = 1;
	while (ready < n && prepare(link, ready))
		ready++;
	if (unlikely(ready == 0))
		return 0;
	if (n == 1)
		return receive_one(u);
	got = recvmmsg(u->socket.fd, u->in, ready, MSG_DONTWAIT, NULL);
	return got > 0 ? (unsigned)got : 0;
}

static uint16_t udp_rx_burst(struct fly_link *link, struct rte_mbuf **packets, uint16_t n)
{
	struct fly_udp *u = link->udp;
	unsigned got;
	uint16_t kept = 0;

	if (u->empty >= LOOKS_IDLE && ++u->skipped % LOOK_EVERY != 0)
		return 0;
	got = receive(link, RTE_MIN(n, (uint16_t)FLY_BURST));
	u->empty = got ? 0 : RTE_MIN(u->empty + 1, (uint32_t)LOOKS_IDLE);
	u->rx_many = u->rx_many ? got > 1 : got != 0 && u->had_one;
	u->had_one = got != 0;
	for (unsigned i = 0; i < got; i++) {
		if (unlikely(!make_packet(link, i)))
			continue; /* its buffer stays ready */
		packets[kept++] = u->ready[i];
		u->ready[i] = NULL;
	}
	return kept;
}

/* ---- questions to all of a network ---- */

/* Return: false: nothing has come. */
static bool receive_question(struct fly_poller *p, struct fly_link *link)
{
	struct fly_udp *u = link->udp;
	struct sockaddr_in from = {0};
	socklen_t from_bytes = sizeof from;
	struct rte_mbuf *m = fly_packet_get(link->cache, 0);
	uint8_t *frame;
	size_t room;
	ssize_t bytes;

	if (!m)
		return false;
	fly_packet_expose_all(m);
	frame = fly_packet_frame(m);
	room = RTE_MIN(fly_packet_room(m), (uint32_t)UINT16_MAX) - FLY_RPC;
	bytes = recvfrom(u->group_fd, frame + FLY_RPC, room, MSG_DONTWAIT | MSG_TRUNC,
			 (struct sockaddr *)&from, &from_bytes);
	if (bytes < 0 || (size_t)bytes > room) {
		if (bytes >= 0)
			fly_stats_add(link->stats, FLY_COUNT_drop_length, 1);
		fly_packet_put(link->cache, m);
		return bytes >= 0;
	}
	memcpy(frame, u->header, FLY_RPC);
	fly_put_be16(frame + FLY_IP_LENGTH, (uint16_t)((size_t)bytes + FLY_RPC - FLY_IP));
	fly_store_raw32(frame + FLY_IP_SOURCE, from.sin_addr.s_addr);
	fly_store_raw32(frame + FLY_IP_DESTINATION, FLY_GROUP_IP);
	fly_store_raw16(frame + FLY_UDP_SOURCE, from.sin_port);
	fly_store_raw16(frame + FLY_UDP_DESTINATION, RTE_BE16(FLY_GROUP_PORT));
	fly_put_be16(frame + FLY_UDP_LENGTH, (uint16_t)((size_t)bytes + FLY_RPC - FLY_UDP_SOURCE));
	fly_packet_set_bytes(m, (uint32_t)bytes + FLY_RPC);
	fly_stats_add(link->stats, FLY_COUNT_rx_packets, 1);
	fly_demux(p, link, m);
	return true;
}

void fly_link_udp_group(struct fly_poller *p, struct fly_link *link)
{
	if (link->udp->group_fd < 0)
		return;
	for (unsigned i = 0; i < FLY_BURST && receive_question(p, link); i++)
		;
}

void fly_link_udp_join(struct fly_link *link, int fd)
{
	link->udp->group_fd = fd;
}

int fly_link_udp_leave(struct fly_link *link)
{
	int fd = -1;

	if (link->udp) {
		fd = link->udp->group_fd;
		link->udp->group_fd = -1;
	}
	return fd;
}

/* ---- sending ---- */

void fly_link_udp_from(uint32_t ip, uint8_t mac[MAC_BYTES])
{
	memset(mac, 0, MAC_BYTES);
	if (ip == 0)
		return;
	mac[0] = MAC_KIND;
	mac[1] = MAC_V4;
	fly_store_raw32(mac + 2, ip);
}

static bool is_ours(const struct rte_mbuf *m)
{
	return m->nb_segs == 1 && m->data_len >= FLY_PAYLOAD &&
	       fly_get_be16(fly_packet_frame(m) + FLY_ETHER_TYPE) == RTE_ETHER_TYPE_IPV4;
}

/* Do both go to the same peer, from the same address of ours? */
static bool is_same_way(const uint8_t *a, const uint8_t *b)
{
	return fly_load_raw32(a + FLY_IP_DESTINATION) == fly_load_raw32(b + FLY_IP_DESTINATION) &&
	       fly_load_raw16(a + FLY_UDP_DESTINATION) == fly_load_raw16(b + FLY_UDP_DESTINATION) &&
	       memcmp(a, b, MAC_BYTES) == 0;
}

static void add_control(struct msghdr *h, int level, int type, const void *data, size_t bytes)
{
	struct cmsghdr *c = (void *)((uint8_t *)h->msg_control + h->msg_controllen);

	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(bytes);
	memcpy(CMSG_DATA(c), data, bytes);
	h->msg_controllen += CMSG_SPACE(bytes);
}

/* The reply to what came to one of our addresses comes from there. */
static void say_from(const struct fly_udp *u, struct msghdr *h, const uint8_t *mac)
{
	struct in6_pktinfo from = {0};

	if (mac[1] == MAC_V6) {
		from = u->locals[mac[5] % LOCALS];
		if (!IN6_IS_ADDR_LINKLOCAL(&from.ipi6_addr))
			from.ipi6_ifindex = 0;
		add_control(h, IPPROTO_IPV6, IPV6_PKTINFO, &from, sizeof from);
	} else if (u->socket.is_v6) {
		fly_map_ip(&from.ipi6_addr, fly_load_raw32(mac + 2));
		add_control(h, IPPROTO_IPV6, IPV6_PKTINFO, &from, sizeof from);
	} else {
		const struct in_pktinfo v4 = {.ipi_spec_dst.s_addr = fly_load_raw32(mac + 2)};

		add_control(h, IPPROTO_IP, IP_PKTINFO, &v4, sizeof v4);
	}
}

/* Address message @k as the packet says. Return: false: to an IPv6 peer that is not known. */
static bool address(struct fly_link *link, unsigned k, const uint8_t *frame)
{
	struct fly_udp *u = link->udp;
	struct msghdr *h = &u->out[k].msg_hdr;
	const uint32_t ip = fly_load_raw32(frame + FLY_IP_DESTINATION);
	const uint16_t port = fly_load_raw16(frame + FLY_UDP_DESTINATION);

	h->msg_control = &u->out_control[k];
	h->msg_controllen = 0;
	if (u->socket.is_v6) {
		if (unlikely(!fly_link_udp_peer(link, ip, port, &u->out_to[k])))
			return false;
	} else {
		struct sockaddr_in *v4 = (void *)&u->out_to[k];

		v4->sin_family = AF_INET;
		v4->sin_port = port;
		v4->sin_addr.s_addr = ip;
	}
	if (frame[FLY_ETHER_DESTINATION] == MAC_KIND)
		say_from(u, h, frame + FLY_ETHER_DESTINATION);
	return true;
}

/*
 * How many packets the kernel may take as one: a run to one peer, of one length, but for the last,
 * which may be shorter.
 */
static unsigned run_length(const struct fly_udp *u, struct rte_mbuf *const *packets, unsigned n)
{
	const uint8_t *first = fly_packet_frame(packets[0]);
	const uint32_t bytes = packets[0]->data_len;
	uint32_t sum = bytes;
	unsigned run = 1;

	if (!u->socket.has_segments || u->tx_single)
		return 1;
	while (run < RTE_MIN(n, (unsigned)FLY_UDP_SEGMENTS)) {
		const struct rte_mbuf *m = packets[run];

		if (m->data_len > bytes || sum + m->data_len > FLY_UDP_SEND || !is_ours(m) ||
		    !is_same_way(first, fly_packet_frame(m)))
			break;
		sum += m->data_len;
		run++;
		if (m->data_len < bytes)
			break;
	}
	return run;
}

static void free_packets(struct fly_link *link, struct rte_mbuf **packets, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		fly_packet_put(link->cache, packets[i]);
}

/*
 * Make messages of packets, at most FLY_BURST of them. Return: messages. *taken: packets in them.
 * 0 messages: the first packet can go nowhere.
 */
static unsigned make_messages(struct fly_link *link, struct rte_mbuf *const *packets, unsigned n,
			      unsigned *taken)
{
	struct fly_udp *u = link->udp;
	unsigned at = 0;
	unsigned k;

	for (k = 0; at < n; k++) {
		struct msghdr *h = &u->out[k].msg_hdr;
		const unsigned run = run_length(u, packets + at, n - at);

		if (unlikely(!is_ours(packets[at]) ||
			     !address(link, k, fly_packet_frame(packets[at]))))
			break;
		h->msg_iov = &u->out_at[at];
		h->msg_iovlen = run;
		for (unsigned i = at; i < at + run; i++) {
			u->out_at[i].iov_base = fly_packet_frame(packets[i]) + FLY_RPC;
			u->out_at[i].iov_len = (size_t)packets[i]->data_len - FLY_RPC;
		}
		if (run > 1) {
			const uint16_t bytes = (uint16_t)(packets[at]->data_len - FLY_RPC);

			add_control(h, IPPROTO_UDP, UDP_SEGMENT, &bytes, sizeof bytes);
		}
		u->out_packets[k] = (uint16_t)run;
		at += run;
	}
	*taken = at;
	return k;
}

/* @may: the kernel may cut packets that are longer than the MTU of their way into IP fragments. */
static void let_cut(struct fly_udp *u, bool may)
{
	const int v4 = may ? IP_PMTUDISC_DONT : IP_PMTUDISC_DO;
	const int v6 = may ? IPV6_PMTUDISC_DONT : IPV6_PMTUDISC_DO;

	(void)setsockopt(u->socket.fd, IPPROTO_IP, IP_MTU_DISCOVER, &v4, sizeof v4);
	if (u->socket.is_v6)
		(void)setsockopt(u->socket.fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &v6, sizeof v6);
	u->tx_cuts = may;
}

/*
 * Packets that are too long
 *
 * The kernel knows the MTU of each way: of the interface, and what routers said. Both ends choose
 * the length of their packets by it when a binding is made, and servers for each long result. Then
 * the way may get a smaller one, and packets that are sent again keep their length. The kernel cuts
 * them into fragments: slower, and better than a call that fails.
 */
static void cut(struct fly_link *link)
{
	struct fly_udp *u = link->udp;

	memset(u->routes, 0, sizeof u->routes); /* ask again */
	let_cut(u, true);
}

/* The kernel does not take the first message. Return: packets of it that are given up. */
static unsigned refused(struct fly_link *link, int error)
{
	struct fly_udp *u = link->udp;

	if (u->out_packets[0] > 1) {
		/* EIO: the interface computes no checksums. Else: one of them is at fault. */
		if (error == EIO)
			u->socket.has_segments = false;
		u->tx_single = true;
		return 0;
	}
	if (error == EMSGSIZE && !u->tx_cuts) {
		cut(link);
		u->tx_single = true;
		fly_stats_add(link->stats, FLY_COUNT_tx_fragmented, 1);
		return 0;
	}
	fly_stats_add(link->stats, FLY_COUNT_drop_tx_refused, 1);
	return 1;
}

/* sendto() is faster, where it does. */
static ssize_t send_one(int fd, const struct msghdr *h)
{
	if (h->msg_controllen || h->msg_iovlen != 1)
		return sendmsg(fd, h, MSG_DONTWAIT);
	return sendto(fd, h->msg_iov->iov_base, h->msg_iov->iov_len, MSG_DONTWAIT, h->msg_name,
		      h->msg_namelen);
}

/* Return: messages sent, or a negative errno. */
static int send_messages(const struct fly_udp *u, struct mmsghdr *out, unsigned n)
{
	int sent;

	do {
		if (n == 1)
			sent = send_one(u->socket.fd, &out->msg_hdr) < 0 ? -1 : 1;
		else
			sent = sendmmsg(u->socket.fd, out, n, MSG_DONTWAIT);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : sent;
}

static uint16_t udp_tx_burst(struct fly_link *link, struct rte_mbuf **packets, uint16_t n)
{
	struct fly_udp *u = link->udp;
	unsigned done = 0;

	while (done < n) {
		const unsigned some = RTE_MIN(n - done, (unsigned)FLY_BURST);
		unsigned taken;
		const unsigned k = make_messages(link, packets + done, some, &taken);
		const int sent = k ? send_messages(u, u->out, k) : -EDESTADDRREQ;
		unsigned gone = 0;

		if (sent == -EAGAIN)
			break; /* its buffer is full: later */
		if (unlikely(sent < 0)) {
			if (k == 0)
				u->out_packets[0] = 1;
			gone = refused(link, -sent);
		}
		for (int i = 0; i < sent; i++)
			gone += u->out_packets[i];
		free_packets(link, packets + done, gone);
		done += gone;
	}
	u->tx_single = false;
	if (unlikely(u->tx_cuts))
		let_cut(u, false);
	return (uint16_t)done;
}

/* ---- the MTU of the way to a peer ---- */

/* Return: 0: the kernel does not say. */
static unsigned ask_mtu(struct fly_udp *u, const struct sockaddr_in6 *to)
{
	const bool is_v4 = IN6_IS_ADDR_V4MAPPED(&to->sin6_addr);
	const struct sockaddr_in v4 = {
		.sin_family = AF_INET,
		.sin_port = to->sin6_port,
		.sin_addr.s_addr = fly_mapped_ip(&to->sin6_addr),
	};
	socklen_t bytes = sizeof(int);
	int mtu = 0;

	if (u->route_fd < 0)
		u->route_fd = socket(u->socket.is_v6 ? AF_INET6 : AF_INET,
				     SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (u->route_fd < 0 ||
	    connect(u->route_fd,
		    u->socket.is_v6 ? (const struct sockaddr *)to : (const struct sockaddr *)&v4,
		    u->socket.is_v6 ? sizeof *to : sizeof v4) < 0 ||
	    getsockopt(u->route_fd, is_v4 ? IPPROTO_IP : IPPROTO_IPV6, is_v4 ? IP_MTU : IPV6_MTU,
		       &mtu, &bytes) < 0)
		return 0;
	return mtu > 0 ? (unsigned)mtu : 0;
}

uint32_t fly_link_udp_payload(const struct fly_link *link, uint32_t ip)
{
	struct fly_udp *u = link->udp;
	struct route *r = &u->routes[fly_mix(ip) & (ROUTES - 1)];
	const uint32_t overhead =
		fly_udp_peers_is_number(ip) ? (uint32_t)V6_OVERHEAD : (uint32_t)FLY_IP_OVERHEAD;
	struct sockaddr_in6 to;
	unsigned mtu;

	if (r->ip == ip && r->asks++ < ROUTE_ASKS)
		return r->payload;
	/* Any port but 0: nothing is sent there. */
	mtu = fly_link_udp_peer(link, ip, RTE_BE16(9), &to) ? ask_mtu(u, &to) : 0;
	*r = (struct route){.ip = ip, .payload = UINT16_MAX};
	if (mtu > overhead && mtu - overhead < UINT16_MAX)
		r->payload = (uint16_t)(mtu - overhead);
	return r->payload;
}

/* ---- sleeping, opening, ending ---- */

/* The kernel makes it readable for each datagram that was not received yet, asked or not. */
static int arm_socket(struct fly_link *link, int *fds)
{
	fds[0] = link->udp->socket.fd;
	link->udp->empty = 0; /* look at once when it wakes */
	if (link->udp->group_fd < 0)
		return 1;
	fds[1] = link->udp->group_fd; /* the next sweep looks at it */
	return 2;
}

/* What of a received packet's headers is always the same. */
static void fill_header(const struct fly_link *link, uint8_t *header)
{
	const struct fly_address nobody = {0};
	const struct fly_address self = {.ip = link->ip, .port = link->udp_port};

	fly_wire_put_outer(header, &nobody, &self);
	header[FLY_ETHER_DESTINATION] = MAC_KIND;
}

int fly_link_udp(struct fly_link *link, const struct fly_udp_socket *socket)
{
	struct fly_udp *u = calloc(1, sizeof *u);

	if (!u)
		return -FLY_ENOMEM;
	u->socket = *socket;
	u->group_fd = -1;
	u->route_fd = -1;
	for (unsigned i = 0; i < FLY_BURST; i++) {
		u->in[i].msg_hdr = (struct msghdr){
			.msg_name = &u->in_from[i],
			.msg_iov = &u->in_at[i],
			.msg_iovlen = 1,
			.msg_control = &u->in_control[i],
		};
		u->out[i].msg_hdr = (struct msghdr){
			.msg_name = &u->out_to[i],
			.msg_namelen = socket->is_v6 ? sizeof(struct sockaddr_in6)
						     : sizeof(struct sockaddr_in),
		};
	}
	fill_header(link, u->header);
	link->udp = u;
	link->rx_burst = udp_rx_burst;
	link->tx_burst = udp_tx_burst;
	link->arm = arm_socket;
	return 0;
}

int fly_link_udp_end(struct fly_link *link)
{
	struct fly_udp *u = link->udp;
	int fd;

	if (!u)
		return -1;
	for (unsigned i = 0; i < FLY_BURST; i++) {
		if (u->ready[i])
			rte_pktmbuf_free(u->ready[i]);
	}
	if (u->route_fd >= 0)
		close(u->route_fd);
	fly_udp_peers_free(u->socket.peers);
	fd = u->socket.fd;
	free(u);
	link->udp = NULL;
	return fd;
}
