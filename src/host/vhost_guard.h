/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vhost_guard.h - a vhost server survives clients that take away the memory that they share.
 *
 * The client makes the memory, and DPDK maps it here. The client can shorten the file at any time,
 * even before it is mapped. base/fault.h survives the faults; here it learns of the memory.
 */
#ifndef FLY_VHOST_GUARD_H
#define FLY_VHOST_GUARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* One port. Under the lock of vhost_guard.c. */
struct fly_vhost_guard {
	bool active;
	uint16_t port;
	bool gone;      /* memory of this client was found missing */
	uint32_t ended; /* clients of which memory was missing; grows */
	char path[128]; /* of the socket of this port */
	int bell;       /* rings when the client tells of packets: host/bell.h; -1: there is none */
	/* Between DPDK's thread and the poller: "Waking", in vhost_guard.c. */
	_Atomic(_Atomic uint16_t *) asks; /* flags of the ring that we receive from; NULL */
	_Atomic bool inside;              /* the poller uses them */
	_Atomic bool sleeps;              /* the poller wants to be woken, or is about to */
	_Atomic bool is_mute; /* the client cannot be asked; false: it can, or there is none */
	uint16_t says_no;     /* the value of the flags to not wake us; 0 otherwise */
};

/*
 * fly_vhost_guard_begin() - to be called when the device exists and does not listen yet. Control
 * side. The guard stays where it is until fly_vhost_guard_end(). @bell: host/bell.h; or -1.
 * Return: 0 or a negative status with a message.
 */
int fly_vhost_guard_begin(struct fly_vhost_guard *guard, uint16_t port, const char *path, int bell);

/* fly_vhost_guard_listens() - to be called when the device listens. Control side. */
void fly_vhost_guard_listens(struct fly_vhost_guard *guard);

/*
 * fly_vhost_guard_quit(), fly_vhost_guard_end() - to be called before and after the device is
 * closed; do nothing without a begin. No poller has the port.
 */
void fly_vhost_guard_quit(struct fly_vhost_guard *guard);
void fly_vhost_guard_end(struct fly_vhost_guard *guard);

/* fly_vhost_guard_is_gone() - has memory of the client that is there gone away? Any thread. */
bool fly_vhost_guard_is_gone(struct fly_vhost_guard *guard);

/* fly_vhost_guard_ended() - the clients of which memory had gone away and that have left. */
uint32_t fly_vhost_guard_ended(struct fly_vhost_guard *guard);

/*
 * fly_vhost_guard_ask(), fly_vhost_guard_ask_no_more() - shall the client ring the bell when it
 * sends? On the poller's thread, which does not wait.
 * Return: false: it cannot be asked now. If there is none, one that comes rings.
 */
bool fly_vhost_guard_ask(struct fly_vhost_guard *guard);
void fly_vhost_guard_ask_no_more(struct fly_vhost_guard *guard);

/* fly_vhost_guard_disconnect() - hang up on the client. DPDK notices, and frees what it has. */
void fly_vhost_guard_disconnect(const struct fly_vhost_guard *guard);

#endif
