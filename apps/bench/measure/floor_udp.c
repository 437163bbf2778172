/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * floor_udp.c - see floor_udp.h. Owns a socket and the buffers of its datagrams. Called by
 * runs/calls.c, runs/between.c, stage/server.c and floor_far_echo.c between blocks of calls. Knows
 * nothing of the library.
 *
 * Whoever sends a datagram with a payload writes all of it each time, as a procedure or a caller
 * does.
 */
#include "floor_udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <firefly/status.h>

#define ADDRESS_BYTES 80
#define BURST         64
#define ROOM          2048
#define HEADER        32 /* of a call, in a datagram: not written again */
#define BUFFER_BYTES  (4 << 20)
#define IDLE_POLLS    16384 /* empty receptions before others may run */
#define SILENCE_IDLE  2000  /* of those in a row: datagrams are lost */

struct floor_udp {
	int fd;
	struct sockaddr_in6 peers[BURST]; /* of an IPv4 socket: struct sockaddr_in */
	socklen_t peer_bytes;
	struct iovec at[BURST];
	struct mmsghdr messages[BURST];
	uint8_t bytes[BURST][ROOM];
};

static struct floor_udp *open_at(const struct sockaddr *at, socklen_t bytes)
{
	const int room = BUFFER_BYTES;
	struct floor_udp *f = calloc(1, sizeof *f);

	if (!f)
		return NULL;
	f->peer_bytes = bytes;
	f->fd = socket(at->sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (f->fd < 0 || bind(f->fd, at, bytes) < 0) {
		floor_udp_close(f);
		return NULL;
	}
	(void)setsockopt(f->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	(void)setsockopt(f->fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	for (unsigned i = 0; i < BURST; i++) {
		f->at[i].iov_base = f->bytes[i];
		f->messages[i].msg_hdr = (struct msghdr){
			.msg_name = &f->peers[i],
			.msg_iov = &f->at[i],
			.msg_iovlen = 1,
		};
	}
	return f;
}

struct floor_udp *floor_udp_open_here(uint16_t *port)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct floor_udp *f = open_at((const struct sockaddr *)&a, sizeof a);
	socklen_t bytes = sizeof a;

	if (f && getsockname(f->fd, (struct sockaddr *)&a, &bytes) < 0) {
		floor_udp_close(f);
		return NULL;
	}
	*port = ntohs(a.sin_port);
	return f;
}

struct floor_udp *floor_udp_open(const char *address, uint16_t port)
{
	const struct addrinfo hints = {
		.ai_socktype = SOCK_DGRAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
	};
	const bool is_v6 = address[0] == '[';
	char host[ADDRESS_BYTES], service[8];
	struct addrinfo *found;
	struct floor_udp *f;

	snprintf(host, sizeof host, "%.*s", (int)strcspn(address + is_v6, is_v6 ? "]" : ":"),
		 address + is_v6);
	snprintf(service, sizeof service, "%u", port);
	if (getaddrinfo(host, service, &hints, &found)) {
		errno = EINVAL;
		return NULL;
	}
	f = open_at(found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return f;
}

void floor_udp_close(struct floor_udp *f)
{
	const int error = errno;

	if (!f)
		return;
	if (f->fd >= 0)
		close(f->fd);
	free(f);
	errno = error;
}

static void write_payload(struct floor_udp *f, unsigned i, unsigned bytes)
{
	f->at[i].iov_len = bytes;
	if (bytes > HEADER)
		memset(f->bytes[i] + HEADER, 'F', bytes - HEADER);
}

/* Receive what has come. Return: datagrams, to the peers' entries. */
static unsigned receive(struct floor_udp *f, bool many)
{
	int n;

	if (!many) {
		socklen_t bytes = sizeof f->peers[0];
		const ssize_t got = recvfrom(f->fd, f->bytes[0], ROOM, 0,
					     (struct sockaddr *)&f->peers[0], &bytes);

		f->messages[0].msg_len = got < 0 ? 0 : (unsigned)got;
		return got >= 0;
	}
	for (unsigned i = 0; i < BURST; i++) {
		f->at[i].iov_len = ROOM;
		f->messages[i].msg_hdr.msg_namelen = sizeof f->peers[i];
	}
	n = recvmmsg(f->fd, f->messages, BURST, 0, NULL);
	return n > 0 ? (unsigned)n : 0;
}

/* Send the first @n to their peers. Return: -1: the kernel takes none. */
static int send_all(struct floor_udp *f, unsigned n, bool many)
{
	unsigned sent = 0;

	for (unsigned i = 0; i < n; i++)
		f->messages[i].msg_hdr.msg_namelen = f->peer_bytes;
	while (sent < n) {
		const int got = many ? sendmmsg(f->fd, f->messages + sent, n - sent, 0)
				: sendto(f->fd, f->bytes[0], f->at[0].iov_len, 0,
					 (const struct sockaddr *)&f->peers[0], f->peer_bytes) < 0
					? -1
					: 1;

		if (got < 0 && errno != EAGAIN && errno != EINTR)
			return -1;
		sent += got > 0 ? (unsigned)got : 0;
	}
	return 0;
}

/* Has nothing come for too long? Others may run meanwhile. */
static bool is_silent(unsigned got, unsigned *idle)
{
	if (got) {
		*idle = 0;
		return false;
	}
	if (++*idle % IDLE_POLLS == 0)
		sched_yield();
	return *idle / IDLE_POLLS > SILENCE_IDLE;
}

int floor_udp_bounce(struct floor_udp *f, uint16_t port, unsigned call_bytes,
		     struct block_clock *clock)
{
	const struct sockaddr_in server = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const unsigned bytes = call_bytes - FLOOR_UDP_HEADERS;
	const bool many = clock->window > 1;
	unsigned to_come = clock->window;
	uint64_t arrived = 0;
	unsigned idle = 0;

	for (unsigned left = clock->window; left;) {
		const unsigned n = left < BURST ? left : BURST;

		for (unsigned i = 0; i < n; i++) {
			memcpy(&f->peers[i], &server, sizeof server);
			write_payload(f, i, bytes);
		}
		if (send_all(f, n, many))
			return -FLY_ESYSTEM;
		left -= n;
	}
	while (to_come) {
		const unsigned n = receive(f, many);
		unsigned again = 0;

		for (unsigned i = 0; i < n; i++) {
			block_ended(clock, arrived++);
			if (clock->over)
				to_come--;
			else
				write_payload(f, again++, bytes);
		}
		if (again && send_all(f, again, many))
			return -FLY_ESYSTEM;
		if (is_silent(n, &idle))
			return -FLY_EPEER;
	}
	return 0;
}

void floor_udp_echo(struct floor_udp *f, unsigned result_bytes, bool many,
		    bool (*go_on)(void *context), void *context)
{
	const unsigned bytes = result_bytes - FLOOR_UDP_HEADERS;
	unsigned idle = 0;

	while (go_on(context)) {
		const unsigned n = receive(f, many);

		for (unsigned i = 0; i < n; i++)
			write_payload(f, i, bytes);
		if (n)
			(void)send_all(f, n, many);
		(void)is_silent(n, &idle);
	}
}

/* ---- between two hosts ---- */

/* Keep what is one of ours as the first ones. Return: how many, and their numbers. */
static unsigned keep_ours(struct floor_udp *f, unsigned n, uint64_t key, uint64_t numbers[BURST])
{
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++) {
		if (f->messages[i].msg_len < HEADER ||
		    !numbered_get(f->bytes[i], key, &numbers[kept]))
			continue;
		if (kept != i) {
			memcpy(f->bytes[kept], f->bytes[i], HEADER);
			f->peers[kept] = f->peers[i];
		}
		kept++;
	}
	return kept;
}

static void address(struct floor_udp *f, unsigned i, const struct sockaddr_in6 *to)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = to->sin6_port};

	if (f->peer_bytes == sizeof *to) {
		f->peers[i] = *to;
		return;
	}
	memcpy(&v4.sin_addr, to->sin6_addr.s6_addr + 12, sizeof v4.sin_addr);
	memcpy(&f->peers[i], &v4, sizeof v4);
}

int floor_udp_far_bounce(struct floor_udp *f, const struct sockaddr_in6 *to, unsigned call_bytes,
			 struct numbered *numbered, uint64_t tsc_hz)
{
	const unsigned bytes = call_bytes - FLOOR_UDP_HEADERS;
	const unsigned window = numbered->clock->window;
	const bool many = window > 1;
	const uint64_t key = numbered->key;
	unsigned n;

	for (unsigned sent = 0; sent < window; sent += n) {
		n = window - sent < BURST ? window - sent : BURST;
		for (unsigned i = 0; i < n; i++) {
			address(f, i, to);
			numbered_put(f->bytes[i], key, sent + i);
			write_payload(f, i, bytes);
		}
		if (send_all(f, n, many))
			return -FLY_ESYSTEM;
	}
	do {
		uint64_t numbers[BURST], next;
		unsigned again = 0;

		n = keep_ours(f, receive(f, many), key, numbers);
		for (unsigned i = 0; i < n; i++) {
			if (!numbered_came(numbered, numbers[i], &next))
				continue;
			address(f, again, to);
			numbered_put(f->bytes[again], key, next);
			write_payload(f, again++, bytes);
		}
		if (again && send_all(f, again, many))
			return -FLY_ESYSTEM;
		if (!n && numbered_may_yield(numbered))
			sched_yield();
	} while (!numbered_is_over(numbered, n, tsc_hz));
	(void)numbered_end(numbered);
	return 0;
}

bool floor_udp_echo_some(struct floor_udp *f, uint64_t key, unsigned result_bytes, bool many)
{
	const unsigned bytes = result_bytes - FLOOR_UDP_HEADERS;
	uint64_t numbers[BURST];
	const unsigned n = keep_ours(f, receive(f, many), key, numbers);

	for (unsigned i = 0; i < n; i++)
		write_payload(f, i, bytes < ROOM ? bytes : ROOM);
	if (n)
		(void)send_all(f, n, many);
	return n > 0;
}
