/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_link_udp.c - two links over sockets of the loopback interface: what one sends the other
 * receives, in order, of any length; what the kernel does not take is counted and stops nobody
 * else's; no packet is ever missing.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "case.h"
#include "fastpath/link_udp.h"
#include "pair.h"

#define PACKETS 1023

static const uint8_t key[FLY_UDP_PEERS_KEY_BYTES];
static struct rte_mempool *pool;
static struct fly_packet_cache cache;
static struct fly_stats stats;
static struct fly_link links[2];
static const char *addresses[2];

static void set(int fd, int level, int option, int value)
{
	cr_assert(setsockopt(fd, level, option, &value, sizeof value) == 0);
}

static int descriptor(struct fly_link *link)
{
	int fds[FLY_LINK_BELLS] = {-1};

	cr_assert(link->arm(link, fds) == 1);
	return fds[0];
}

/* A bound socket: of IPv6 if the address has a colon. "": all addresses, of IPv4. */
static void open_link(struct fly_link *link, const char *address)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct fly_udp_socket s = {.is_v6 = strchr(address, ':') != NULL};
	socklen_t bytes = s.is_v6 ? sizeof v6 : sizeof v4;
	struct sockaddr *at = s.is_v6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4;

	s.fd = socket(s.is_v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	cr_assert(s.fd >= 0);
	if (*address)
		cr_assert(inet_pton(at->sa_family, address,
				    s.is_v6 ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr) == 1);
	s.tells_where = !*address || !strcmp(address, "::");
	if (s.tells_where && s.is_v6)
		set(s.fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	else if (s.tells_where)
		set(s.fd, IPPROTO_IP, IP_PKTINFO, 1);
	set(s.fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
	set(s.fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
	cr_assert(bind(s.fd, at, bytes) == 0, "%s: %s", address, strerror(errno));
	cr_assert(getsockname(s.fd, at, &bytes) == 0);
	s.has_segments = true;
	s.peers = s.is_v6 ? fly_udp_peers_new(16, key) : NULL;
	*link = (struct fly_link){
		.ip = s.is_v6 ? 0 : v4.sin_addr.s_addr,
		.udp_port = s.is_v6 ? v6.sin6_port : v4.sin_port,
		.stats = &stats,
		.cache = &cache,
		.pool = pool,
		.up = true,
	};
	cr_assert(fly_link_udp(link, &s) == 0);
}

static void begin(const char *a, const char *b)
{
	sim_eal();
	pool = rte_pktmbuf_pool_create("udp", PACKETS, 0, 0, RTE_PKTMBUF_HEADROOM + 9216,
				       SOCKET_ID_ANY);
	cr_assert(pool);
	cache = (struct fly_packet_cache){.pool = pool, .most = FLY_PACKET_CACHE};
	memset(&stats, 0, sizeof stats);
	addresses[0] = a;
	addresses[1] = b;
	open_link(&links[0], a);
	open_link(&links[1], b);
}

static void end(void)
{
	for (unsigned i = 0; i < 2; i++) {
		fly_link_drop_queued(&links[i], FLY_COUNT_drop_link_down);
		close(fly_link_udp_end(&links[i]));
	}
	fly_packet_drain(&cache);
	cr_expect(rte_mempool_avail_count(pool) == PACKETS, "%u of %u are there",
		  rte_mempool_avail_count(pool), PACKETS);
	rte_mempool_free(pool);
}

TestSuite(link_udp, .timeout = HANG);

/* A packet from links[0] to an address and a port, with @bytes behind its RPC header. */
static struct rte_mbuf *packet_to(const char *to, uint16_t port, uint32_t number, uint32_t bytes)
{
	struct rte_mbuf *m = fly_packet_get(&cache, FLY_PAYLOAD + bytes);
	const struct fly_address self = {.ip = links[0].ip, .port = links[0].udp_port};
	struct fly_address peer = {.port = port};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

	cr_assert(m);
	if (strchr(to, ':')) {
		inet_pton(AF_INET6, to, &v6.sin6_addr);
		peer.ip = fly_link_udp_number(&links[0], &v6);
	} else {
		inet_pton(AF_INET, to, &peer.ip);
	}
	fly_wire_put_outer(fly_packet_frame(m), &self, &peer);
	fly_wire_set_lengths(fly_packet_frame(m), bytes);
	memset(fly_packet_frame(m) + FLY_RPC, (int)number, FLY_RPC_BYTES + bytes);
	fly_put_u32(fly_packet_frame(m) + FLY_RPC, number);
	return m;
}

/* Receive @n packets at a link. */
static unsigned receive(struct fly_link *link, struct rte_mbuf **packets, unsigned n)
{
	const time_t end = time(NULL) + patience(10);
	unsigned got = 0;

	while (got < n && time(NULL) < end)
		got += link->rx_burst(link, packets + got,
				      (uint16_t)RTE_MIN(n - got, (unsigned)FLY_BURST));
	return got;
}

static void put_all(struct rte_mbuf **packets, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		fly_packet_put(&cache, packets[i]);
}

/* What was sent is what has come: a packet for us, with the same bytes. */
static void check_packet(const struct rte_mbuf *m, uint32_t number, uint32_t bytes)
{
	const uint8_t *frame = fly_packet_frame(m);

	cr_expect(m->data_len == FLY_PAYLOAD + bytes, "%u", m->data_len);
	cr_expect(fly_wire_check_outer(frame, m->data_len, links[1].ip, links[1].udp_port) == 0);
	cr_expect(fly_load_raw16(frame + FLY_UDP_SOURCE) == links[0].udp_port);
	cr_expect(fly_get_u32(frame + FLY_RPC) == number);
	for (uint32_t i = 4; i < FLY_RPC_BYTES + bytes; i++)
		cr_assert(frame[FLY_RPC + i] == (uint8_t)number);
}

/* Send packets of these lengths at once, and receive them. */
static void go(const uint32_t *lengths, unsigned n)
{
	const char *to = *addresses[1] ? addresses[1] : "127.0.0.1";
	struct rte_mbuf *packets[256];

	for (unsigned i = 0; i < n; i++)
		packets[i] = packet_to(to, links[1].udp_port, i, lengths[i]);
	cr_expect(links[0].tx_burst(&links[0], packets, (uint16_t)n) == n);
	cr_assert(receive(&links[1], packets, n) == n);
	for (unsigned i = 0; i < n; i++)
		check_packet(packets[i], i, lengths[i]);
	put_all(packets, n);
}

static void go_any_lengths(void)
{
	static const uint32_t mixed[] = {0, 0, 0, 7, 7, 3, 0, 1400, 1400, 1400, 20, 1200, 1200, 0};
	uint32_t same[100] = {0};

	go(mixed, 1);
	go(mixed, sizeof mixed / sizeof mixed[0]);
	go(same, 100);
	for (unsigned i = 0; i < 100; i++)
		same[i] = 700 + (i == 63); /* a run ends at a longer one, too */
	go(same, 100);
}

Test(link_udp, udp_tx_burst__what_is_sent_comes)
{
	begin("127.0.0.1", "127.0.0.1");
	go_any_lengths();
	end();
}

Test(link_udp, udp_tx_burst__what_is_sent_comes_over_ipv6)
{
	begin("::1", "::1");
	go_any_lengths();
	end();
}

Test(link_udp, udp_tx_burst__one_by_one_without_segments)
{
	uint32_t same[80] = {0};

	begin("127.0.0.1", "127.0.0.1");
	set(descriptor(&links[0]), SOL_SOCKET, SO_NO_CHECK, 1); /* EINVAL for several at once */
	go(same, 80);
	end();
}

/* IPv4 peers of a socket that takes both have their IPv4 addresses. */
Test(link_udp, udp_rx_burst__ipv4_at_a_socket_of_ipv6)
{
	struct rte_mbuf *packets[2];

	begin("127.0.0.1", "::");
	packets[0] = packet_to("127.0.0.1", links[1].udp_port, 5, 12);
	cr_expect(links[0].tx_burst(&links[0], packets, 1) == 1);
	cr_assert(receive(&links[1], packets, 1) == 1);
	check_packet(packets[0], 5, 12);
	cr_expect(fly_load_raw32(fly_packet_frame(packets[0]) + FLY_IP_SOURCE) == links[0].ip);
	put_all(packets, 1);
	end();
}

/* Turn what has come around, as a reply, and receive it at links[0]. */
static void reply(struct rte_mbuf **packets)
{
	uint8_t *frame = fly_packet_frame(packets[0]);

	fly_wire_swap(frame, links[1].mac);
	cr_expect(links[1].tx_burst(&links[1], packets, 1) == 1);
	cr_assert(receive(&links[0], packets, 1) == 1);
}

/* A server at all addresses of its machine replies from the one that it was called at. */
static void go_reply_from(const char *client, const char *server, const char *called)
{
	struct rte_mbuf *packets[1];
	struct sockaddr_in6 from = {0};
	char text[INET6_ADDRSTRLEN];

	begin(client, server);
	packets[0] = packet_to(called, links[1].udp_port, 5, 12);
	cr_expect(links[0].tx_burst(&links[0], packets, 1) == 1);
	cr_assert(receive(&links[1], packets, 1) == 1);
	reply(packets);
	cr_expect(fly_link_udp_peer(&links[0],
				    fly_load_raw32(fly_packet_frame(packets[0]) + FLY_IP_SOURCE), 0,
				    &from));
	inet_ntop(AF_INET6, &from.sin6_addr, text, sizeof text);
	cr_expect(strstr(text, called) != NULL, "called at %s, reply from %s", called, text);
	put_all(packets, 1);
	end();
}

Test(link_udp, udp_tx_burst__a_reply_comes_from_the_address_called)
{
	go_reply_from("127.0.0.1", "", "127.0.0.77");
}

Test(link_udp, udp_tx_burst__a_reply_comes_from_the_address_called_of_both_families)
{
	go_reply_from("127.0.0.1", "::", "127.0.0.78");
}

Test(link_udp, udp_tx_burst__a_reply_comes_from_the_address_called_of_ipv6)
{
	go_reply_from("::1", "::", "::1");
}

/* A packet that is kept for sending it again: only the link's reference goes. */
Test(link_udp, udp_tx_burst__a_packet_that_is_kept_stays)
{
	struct rte_mbuf *packets[1];
	struct rte_mbuf *kept;

	begin("127.0.0.1", "127.0.0.1");
	kept = packets[0] = packet_to("127.0.0.1", links[1].udp_port, 1, 100);
	fly_packet_share(kept);
	cr_expect(links[0].tx_burst(&links[0], packets, 1) == 1);
	cr_expect(rte_mbuf_refcnt_read(kept) == 1);
	cr_assert(receive(&links[1], packets, 1) == 1);
	check_packet(packets[0], 1, 100);
	put_all(packets, 1);
	put_all(&kept, 1);
	end();
}

/* Nowhere to go, no such peer, too long: each is counted, and the others go. */
Test(link_udp, udp_tx_burst__what_cannot_go_stops_nobody)
{
	struct rte_mbuf *packets[16];
	unsigned n = 0;

	begin("127.0.0.1", "127.0.0.1");
	packets[n++] = packet_to("127.0.0.1", links[1].udp_port, 0, 10);
	packets[n++] = packet_to("8.8.8.8", links[1].udp_port, 1, 10); /* not from 127.0.0.1 */
	packets[n++] = packet_to("8.8.8.8", links[1].udp_port, 1, 10);
	packets[n++] = packet_to("255.255.255.255", links[1].udp_port, 2, 10); /* a number */
	packets[n++] = packet_to("127.0.0.1", links[1].udp_port, 3, 10);
	cr_expect(links[0].tx_burst(&links[0], packets, (uint16_t)n) == n);
	cr_expect(fly_stats_get(&stats, FLY_COUNT_drop_tx_refused) == 3);
	cr_assert(receive(&links[1], packets, 2) == 2);
	check_packet(packets[0], 0, 10);
	check_packet(packets[1], 3, 10);
	put_all(packets, 2);
	end();
}

Test(link_udp, udp_rx_burst__short_and_long_datagrams)
{
	static char text[20000];
	const struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = inet_addr("127.0.0.1"),
	};
	struct sockaddr_in at = to;
	struct rte_mbuf *packets[4];
	int fd;

	begin("127.0.0.1", "127.0.0.1");
	at.sin_port = links[1].udp_port;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	cr_assert(sendto(fd, text, 0, 0, (const struct sockaddr *)&at, sizeof at) == 0);
	cr_assert(sendto(fd, text, 20000, 0, (const struct sockaddr *)&at, sizeof at) == 20000);
	cr_assert(sendto(fd, text, 31, 0, (const struct sockaddr *)&at, sizeof at) == 31);
	cr_assert(receive(&links[1], packets, 2) == 2, "the one between fits into no packet");
	cr_expect(packets[0]->data_len == FLY_RPC && packets[1]->data_len == FLY_RPC + 31);
	cr_expect(fly_stats_get(&stats, FLY_COUNT_drop_length) == 1);
	put_all(packets, 2);
	close(fd);
	end();
}

/* What the kernel drops because its buffer is full is counted. */
Test(link_udp, udp_rx_burst__what_the_kernel_has_dropped_is_counted)
{
	const time_t end_of_patience = time(NULL) + patience(10);
	struct rte_mbuf *packets[FLY_BURST];
	unsigned sent = 0;
	unsigned came = 0;

	begin("127.0.0.1", "127.0.0.1");
	set(descriptor(&links[1]), SOL_SOCKET, SO_RCVBUF, 4096);
	for (; sent < 100; sent++) {
		packets[0] = packet_to("127.0.0.1", links[1].udp_port, sent, 1000);
		cr_expect(links[0].tx_burst(&links[0], packets, 1) == 1);
	}
	/* The kernel says so with the next one that it keeps. */
	do {
		unsigned n = links[1].rx_burst(&links[1], packets, FLY_BURST);

		came += n;
		put_all(packets, n);
		if (n)
			continue;
		packets[0] = packet_to("127.0.0.1", links[1].udp_port, 0, 0);
		sent += links[0].tx_burst(&links[0], packets, 1);
	} while (fly_stats_get(&stats, FLY_COUNT_drop_socket_full) != sent - came &&
		 time(NULL) < end_of_patience);
	cr_expect(came < sent);
	cr_expect(fly_stats_get(&stats, FLY_COUNT_drop_socket_full) == sent - came);
	end();
}

/* An empty pool: what has come waits in the kernel. */
Test(link_udp, udp_rx_burst__without_packets_nothing_is_lost)
{
	struct rte_mbuf *all[PACKETS + 1]; /* the last one is none */
	struct rte_mbuf *packets[1];
	unsigned n = 0;

	begin("127.0.0.1", "127.0.0.1");
	packets[0] = packet_to("127.0.0.1", links[1].udp_port, 9, 0);
	cr_expect(links[0].tx_burst(&links[0], packets, 1) == 1);
	while ((all[n] = fly_packet_get(&cache, 0)))
		n++;
	for (unsigned polls = 0; polls < 4; polls++)
		cr_expect(links[1].rx_burst(&links[1], packets, 1) == 0);
	put_all(all, n);
	cr_assert(receive(&links[1], packets, 1) == 1);
	check_packet(packets[0], 9, 0);
	put_all(packets, 1);
	end();
}

/* An idle socket is looked at seldom, until something comes. */
Test(link_udp, udp_rx_burst__after_a_long_silence)
{
	const time_t end_of_patience = time(NULL) + patience(10);
	struct rte_mbuf *packets[1];

	begin("127.0.0.1", "127.0.0.1");
	for (unsigned i = 0; i < 5000; i++)
		cr_expect(links[1].rx_burst(&links[1], packets, 1) == 0);
	for (unsigned i = 0; i < 3; i++) {
		unsigned looks = 0;

		packets[0] = packet_to("127.0.0.1", links[1].udp_port, i, 0);
		cr_expect(links[0].tx_burst(&links[0], packets, 1) == 1);
		while (links[1].rx_burst(&links[1], packets, 1) == 0 &&
		       time(NULL) < end_of_patience)
			looks++;
		check_packet(packets[0], i, 0);
		put_all(packets, 1);
	}
	end();
}

Test(link_udp, fly_link_udp_payload__by_the_mtu_of_the_way)
{
	const uint32_t ip = inet_addr("127.0.0.1");
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	uint32_t v4_payload;

	begin("127.0.0.1", "::");
	v4_payload = fly_link_udp_payload(&links[0], ip);
	cr_expect(v4_payload > 1000, "the loopback interface has an MTU");
	cr_expect(fly_link_udp_payload(&links[1], ip) == v4_payload, "of both families");
	inet_pton(AF_INET6, "::1", &v6.sin6_addr);
	/* Its MTU for IPv6 may be another one. */
	cr_expect(fly_link_udp_payload(&links[1], fly_link_udp_number(&links[1], &v6)) >= 1200);
	cr_expect(fly_link_udp_payload(&links[0], inet_addr("8.8.8.8")) == UINT16_MAX ||
			  fly_link_udp_payload(&links[0], inet_addr("8.8.8.8")) < 65000,
		  "no way there, or another interface");
	end();
}

/* Longer than the interface: the kernel cuts it, and it comes whole. */
Test(link_udp, udp_tx_burst__what_is_too_long_comes_in_fragments)
{
	const uint32_t mtu = 8900;
	struct rte_mbuf *packets[3];

	begin("127.0.0.1", "127.0.0.1");
	for (unsigned i = 0; i < 3; i++)
		packets[i] = packet_to("127.0.0.1", links[1].udp_port, i, i == 1 ? mtu : 10);
	cr_expect(links[0].tx_burst(&links[0], packets, 3) == 3);
	cr_assert(receive(&links[1], packets, 3) == 3);
	for (unsigned i = 0; i < 3; i++)
		check_packet(packets[i], i, i == 1 ? mtu : 10);
	cr_expect(fly_stats_get(&stats, FLY_COUNT_tx_fragmented) ==
		  (fly_link_udp_payload(&links[0], inet_addr("127.0.0.1")) < mtu));
	put_all(packets, 3);
	end();
}

Test(link_udp, arm_socket__readable_when_something_has_come)
{
	struct rte_mbuf *packets[1];
	fd_set set;
	struct timeval none = {0};
	int fds[FLY_LINK_BELLS];

	begin("127.0.0.1", "127.0.0.1");
	cr_assert(links[1].arm(&links[1], fds) == 1);
	FD_ZERO(&set);
	FD_SET(fds[0], &set);
	cr_expect(select(fds[0] + 1, &set, NULL, NULL, &none) == 0);
	packets[0] = packet_to("127.0.0.1", links[1].udp_port, 9, 0);
	cr_expect(links[0].tx_burst(&links[0], packets, 1) == 1);
	FD_SET(fds[0], &set);
	cr_expect(select(fds[0] + 1, &set, NULL, NULL, &none) == 1);
	cr_assert(receive(&links[1], packets, 1) == 1);
	put_all(packets, 1);
	end();
}
