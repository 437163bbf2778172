/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * floor_udp.c - see floor_udp.h. Owns a socket and the buffers of its datagrams. Called by
 * runs/calls.c and stage/server.c between blocks of calls. Knows nothing of the library.
 *
 * Whoever sends a datagram with a payload writes all of it each time, as a procedure or a caller
 * does.
 */
#include "floor_udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <firefly/status.h>

#define BURST        64
#define ROOM         2048
#define HEADER       32 /* of a call, in a datagram: not written again */
#define BUFFER_BYTES (4 << 20)
#define IDLE_POLLS   16384 /* empty receptions before others may run */
#define SILENCE_IDLE 2000  /* of those in a row: datagrams are lost */

struct floor_udp {
	int fd;
	struct sockaddr_in peers[BURST];
	struct iovec at[BURST];
	struct mmsghdr messages[BURST];
	uint8_t bytes[BURST][ROOM];
};

struct floor_udp *floor_udp_open(uint16_t *port)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t bytes = sizeof a;
	const int room = BUFFER_BYTES;
	struct floor_udp *f = calloc(1, sizeof *f);

	if (!f)
		return NULL;
	f->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (f->fd < 0 || bind(f->fd, (const struct sockaddr *)&a, sizeof a) < 0 ||
	    getsockname(f->fd, (struct sockaddr *)&a, &bytes) < 0) {
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
	*port = ntohs(a.sin_port);
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

		return recvfrom(f->fd, f->bytes[0], ROOM, 0, (struct sockaddr *)&f->peers[0],
				&bytes) >= 0;
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
		f->messages[i].msg_hdr.msg_namelen = sizeof f->peers[i];
	while (sent < n) {
		const int got =
			many ? sendmmsg(f->fd, f->messages + sent, n - sent, 0)
			: sendto(f->fd, f->bytes[0], f->at[0].iov_len, 0,
				 (const struct sockaddr *)&f->peers[0], sizeof f->peers[0]) < 0
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
			f->peers[i] = server;
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
