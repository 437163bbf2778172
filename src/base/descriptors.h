/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * descriptors.h - closing on exec(2) what others have opened for us (descriptors.c).
 *
 * A descriptor that a program inherits keeps what it stands for alive: a socket that listens though
 * its server is dead, a connection of which nobody sees the end. DPDK opens most of its descriptors
 * without FD_CLOEXEC.
 */
#ifndef FLY_DESCRIPTORS_H
#define FLY_DESCRIPTORS_H

#include <stdbool.h>
#include <stdint.h>

/* Descriptors of larger numbers are left alone. */
#define FLY_DESCRIPTORS_MAX 16384

struct fly_descriptors {
	bool is_known; /* false: they could not be listed, for want of a descriptor for instance */
	uint64_t open[FLY_DESCRIPTORS_MAX / 64];
};

/*
 * fly_descriptors_note() - note which descriptors of the process are open. Any thread.
 * fly_descriptors_note_one() - note that this one is.
 */
void fly_descriptors_note(struct fly_descriptors *now);
void fly_descriptors_note_one(struct fly_descriptors *now, int fd);

/*
 * fly_descriptors_close_on_exec() - close on exec(2) all descriptors that were not open before. Any
 * thread. What other threads open meanwhile is closed on exec(2) as well: be quick. If it is not
 * known which were open before nothing changes: the program's own must stay what they are.
 */
void fly_descriptors_close_on_exec(const struct fly_descriptors *before);

/*
 * fly_descriptors_each_new() - call a function for each descriptor that was not open before. If it
 * is not known which were, for none. Any thread.
 */
void fly_descriptors_each_new(const struct fly_descriptors *before,
			      void (*each)(int fd, void *context), void *context);

/* fly_descriptor_close_on_exec() - close this one on exec(2), if it is open. Any thread. */
void fly_descriptor_close_on_exec(int fd);

/*
 * fly_descriptors_each() - call a function for each open descriptor. Any thread.
 * Return: false: they could not be listed; nothing was called.
 */
bool fly_descriptors_each(void (*each)(int fd, void *context), void *context);

#endif
