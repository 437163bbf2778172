/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * floor_udp.h - bare UDP datagrams over sockets of the kernel: what no call over a udp: link can be
 * faster than.
 *
 * Plain sockets: sendto() and recvfrom() for one at a time, sendmmsg() and recvmmsg() for many.
 * Both ends poll. Between two processes of this machine the datagrams go over the loopback
 * interface, by IPv4, and none is lost; between two hosts they are numbered: numbered.h.
 */
#ifndef FIREFLY_BENCH_FLOOR_UDP_H
#define FIREFLY_BENCH_FLOOR_UDP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "block.h"
#include "numbered.h"

#define FLOOR_UDP_HEADERS 42 /* bytes of a packet in front of what a datagram has */

struct floor_udp;

/* floor_udp_open_here() - a socket at 127.0.0.1. *port: host order. Return: NULL with errno. */
struct floor_udp *floor_udp_open_here(uint16_t *port);

/*
 * floor_udp_open() - a socket at @address, as fly_address() has it, but for the port.
 * @port: host order; 0: any. Return: NULL with errno.
 */
struct floor_udp *floor_udp_open(const char *address, uint16_t port);
void floor_udp_close(struct floor_udp *floor);

/*
 * floor_udp_bounce() - the client's end: keep a window of datagrams going there and back.
 * @port: of floor_udp_echo(), host order. @call_bytes: of a packet with its headers.
 * Return: 0; -FLY_EPEER when none came back for long; -FLY_ESYSTEM.
 */
int floor_udp_bounce(struct floor_udp *floor, uint16_t port, unsigned call_bytes,
		     struct block_clock *clock);

/*
 * floor_udp_echo() - the server's end: send each datagram back at the size of a result.
 * @many: more than one comes at a time. @go_on: asked after every burst; false ends it.
 */
void floor_udp_echo(struct floor_udp *floor, unsigned result_bytes, bool many,
		    bool (*go_on)(void *context), void *context);

/* ---- between two hosts ---- */

/*
 * floor_udp_far_bounce() - the client's end: keep a window of numbered datagrams going.
 * @to: the far end's address, IPv4 mapped or IPv6, which @floor has to be of.
 * @numbered: begun. The block has no figures if anything was lost.
 * Return: 0; or -FLY_ESYSTEM.
 */
int floor_udp_far_bounce(struct floor_udp *floor, const struct sockaddr_in6 *to,
			 unsigned call_bytes, struct numbered *numbered, uint64_t tsc_hz);

/*
 * floor_udp_echo_some() - the server's end: what has come with this key goes back, at the size of a
 * result. Return: whether anything did.
 */
bool floor_udp_echo_some(struct floor_udp *floor, uint64_t key, unsigned result_bytes, bool many);

#endif
