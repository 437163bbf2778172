/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * netlink.h - what the kernel knows of an interface and its neighbours (rtnetlink, by libmnl). No
 * DPDK. Each question opens a socket of its own: any thread.
 */
#ifndef FLY_NETLINK_H
#define FLY_NETLINK_H

#include <stdbool.h>
#include <stdint.h>

#define FLY_NETLINK_ADDRESSES 32 /* of an interface, at most; there may be more */

/* Addresses are in network order. */
struct fly_netlink_address {
	uint32_t ip;
	uint8_t prefix; /* 0 to 32 */
};

/* A route of the main table that leaves by the interface. */
struct fly_netlink_route {
	uint32_t to;
	uint32_t gateway; /* 0: whom it leads to is on the link itself */
	uint32_t metric;  /* of two to the same prefix the smaller one counts */
	uint8_t prefix;
};

struct fly_netlink_facts {
	int index;  /* of the interface: another one if it was deleted and made again */
	int master; /* index of the bridge or bond that it belongs to; 0: none */
	unsigned mtu;
	uint8_t mac[6];
	bool is_up;       /* set up, with a carrier */
	bool is_loopback; /* lo: frames come back, and there are no hardware addresses */
	unsigned n_addresses;
	struct fly_netlink_address addresses[FLY_NETLINK_ADDRESSES]; /* first the primary one */
	unsigned n_routes;
	struct fly_netlink_route *routes; /* fly_netlink_forget() frees them */
};

/*
 * fly_netlink_look() - all that is said above. fly_netlink_look_at() - by index.
 * Return: 0; -FLY_EINVAL: there is no such interface; another negative status with a message.
 * Whatever it is, fly_netlink_forget() may be called.
 */
int fly_netlink_look(const char *interface, struct fly_netlink_facts *facts);
int fly_netlink_look_at(int index, struct fly_netlink_facts *facts);
void fly_netlink_forget(struct fly_netlink_facts *facts);

/*
 * fly_netlink_dropped() - frames that an interface has dropped since it was made, received and to
 * be sent, of whatever program. Return: is there such an interface, and does the kernel say it?
 */
bool fly_netlink_dropped(const char *interface, uint64_t *n);

enum fly_netlink_neighbour {
	FLY_NETLINK_UNKNOWN, /* the kernel does not know it, or knows that it does not answer */
	FLY_NETLINK_SEEN,    /* it has answered at some time */
	FLY_NETLINK_FIXED,   /* somebody has written it down: it is not asked for */
};

/* fly_netlink_neighbour() - a neighbour's hardware address, by the kernel's table. */
enum fly_netlink_neighbour fly_netlink_neighbour(int index, uint32_t ip, uint8_t mac[6]);

/* The kernel's table of neighbours of an interface, IPv4 and IPv6. */
struct fly_netlink_neighbours {
	unsigned n;
	struct fly_netlink_entry {
		uint8_t family;
		uint8_t ip[16];
		uint8_t mac[6];
		bool is_fixed;
	} * at;
};

/*
 * fly_netlink_neighbours() - read it, as far as it is known. fly_netlink_put_neighbours() - write
 * what is missing by now, and free the copy: who may not write it has not lost it either.
 */
void fly_netlink_neighbours(int index, struct fly_netlink_neighbours *to);
void fly_netlink_put_neighbours(int index, struct fly_netlink_neighbours *from);

/* fly_netlink_take_program_off() - an XDP program, if it is that one. */
void fly_netlink_take_program_off(int index, int program_fd);

/* fly_netlink_is_ours() - is it an address of any interface here? */
bool fly_netlink_is_ours(uint32_t ip);

/*
 * fly_netlink_watch() - a descriptor that tells of changes of interfaces, addresses and routes.
 * Return: negative: a status with a message.
 *
 * fly_netlink_heard() - has anything changed since the last time? Does not wait.
 */
int fly_netlink_watch(void);
bool fly_netlink_heard(int fd);

#endif
