/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * udp_peers.h - IPv6 peers of a udp: link, each under a number that stands for its address.
 *
 * The rest of the library knows peers by 32 bits. An IPv6 peer gets a number of 240.0.0.0/4, which
 * no IPv4 peer has: a keyed hash of its address. So the same address has the same number again
 * after its entry was replaced, and conversations stay what they are; nobody outside can choose
 * two addresses of one number.
 *
 * Entries that are held (by bindings and conversation records) stay. Of the others the one that was
 * looked up least recently gives way: forged sources replace each other, and nobody who is in use.
 */
#ifndef FLY_UDP_PEERS_H
#define FLY_UDP_PEERS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct fly_udp_peers;

#define FLY_UDP_PEERS_KEY_BYTES 16

/* fly_udp_peers_is_number() - is this the number of an IPv6 peer? @ip: network order. */
static inline bool fly_udp_peers_is_number(uint32_t ip)
{
	return (((const uint8_t *)&ip)[0] & 0xf0) == 0xf0;
}

/*
 * fly_udp_peers_new() - for at least @n peers that are held at a time.
 * @key: the same for all links of a port: an address has one number on all of them, nearly always.
 * Return: NULL: out of memory.
 */
struct fly_udp_peers *fly_udp_peers_new(uint32_t n, const uint8_t key[FLY_UDP_PEERS_KEY_BYTES]);
void fly_udp_peers_free(struct fly_udp_peers *t);

/*
 * fly_udp_peers_number() - the number of an address; it gets an entry if it has none. The port does
 * not matter; the scope does.
 * Return: network order; 0: all entries in question are held.
 */
uint32_t fly_udp_peers_number(struct fly_udp_peers *t, const struct sockaddr_in6 *address);

/* fly_udp_peers_find() - the address of a number, with port 0; NULL: it has no entry (any more). */
const struct sockaddr_in6 *fly_udp_peers_find(const struct fly_udp_peers *t, uint32_t number);

/* fly_udp_peers_hold(), _let_go() - an entry that is held stays. A number without one: nothing. */
void fly_udp_peers_hold(struct fly_udp_peers *t, uint32_t number);
void fly_udp_peers_let_go(struct fly_udp_peers *t, uint32_t number);

#endif
