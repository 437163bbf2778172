/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device_counts.h - what drivers and interfaces have dropped before we saw it, or after. Asked for
 * when somebody wants to know, never by a poller.
 */
#ifndef FLY_DEVICE_COUNTS_H
#define FLY_DEVICE_COUNTS_H

#include <stdbool.h>
#include <stdint.h>

struct fly_port;
struct fly_ports;

/*   name                 about */
#define FLY_DEVICE_COUNTS(X)                                                                   \
	X(device_missed, "packets that a device or its driver had no room for when they came") \
	X(device_errors, "packets that a device or its driver received with errors")           \
	X(device_no_buffer, "times that a driver found no packet buffer to receive into")      \
	X(device_send_errors, "packets that a driver could not send")                          \
	X(interface_dropped, "frames of all programs that interfaces below our links dropped")

enum fly_device_count {
#define FLY_DEVICE_COUNT_ENUM(name, about) FLY_DEVICE_##name,
	FLY_DEVICE_COUNTS(FLY_DEVICE_COUNT_ENUM)
#undef FLY_DEVICE_COUNT_ENUM
	FLY_N_DEVICE_COUNTS
};

/* Part of struct fly_port; under device_counts.c's lock. */
struct fly_device_counts {
	bool runs;                           /* the device may be asked */
	uint64_t total[FLY_N_DEVICE_COUNTS]; /* since the port was opened first */
	uint64_t last[FLY_N_DEVICE_COUNTS];  /* what the device said last: it may begin anew */
};

/*
 * fly_device_counts_begin() - the device was started: from now on it is asked.
 * fly_device_counts_end() - before it is stopped: it is asked once more, and then no longer.
 */
void fly_device_counts_begin(struct fly_port *port);
void fly_device_counts_end(struct fly_port *port);

/* fly_device_counts_sum() - of all ports of a runtime, for fly_counters(). Any thread. */
void fly_device_counts_sum(const struct fly_ports *ports, uint64_t sum[FLY_N_DEVICE_COUNTS]);

/* fly_device_counts_name(), fly_device_counts_about() - static storage. */
const char *fly_device_counts_name(enum fly_device_count which);
const char *fly_device_counts_about(enum fly_device_count which);

/* fly_device_counts_take() - add what a source says that has counted on, or has begun anew. Pure.
 */
void fly_device_counts_take(struct fly_device_counts *c, enum fly_device_count which, uint64_t now);

/* fly_device_counts_forked() - in a child: another thread of the parent may have held the lock. */
void fly_device_counts_forked(void);

#endif
