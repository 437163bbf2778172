/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * floor_udp.h - bare UDP datagrams over sockets of the loopback interface: what no call over a udp:
 * link can be faster than.
 *
 * Plain sockets of IPv4: sendto() and recvfrom() for one at a time, sendmmsg() and recvmmsg() for
 * many. Both ends poll.
 */
#ifndef FIREFLY_BENCH_FLOOR_UDP_H
#define FIREFLY_BENCH_FLOOR_UDP_H

#include <stdbool.h>
#include <stdint.h>

#include "block.h"

#define FLOOR_UDP_HEADERS 42 /* bytes of a packet in front of what a datagram has */

struct floor_udp;

/* floor_udp_open() - a socket at 127.0.0.1. *port: host order. Return: NULL with errno. */
struct floor_udp *floor_udp_open(uint16_t *port);
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

#endif
