/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * descriptor.h - descriptors that a forked child must not keep: sockets and locks (descriptor.c).
 *
 * As long as a child holds a copy of a socket or of a lock's descriptor, the death of the parent
 * goes unnoticed: peers wait for it, and no other process can take its place. So they are closed in
 * a child. Programs that are executed do not get them (O_CLOEXEC). Any thread.
 */
#ifndef FLY_DESCRIPTOR_H
#define FLY_DESCRIPTOR_H

/*
 * fly_descriptor_own() - a descriptor was opened: a child closes its copy. Ignored below 0.
 * Return: @fd.
 *
 * fly_descriptor_close() - close one of these.
 */
int fly_descriptor_own(int fd);
void fly_descriptor_close(int fd);

/* A fork: as in base/thread.h. fly_descriptor_forked() closes them all. */
void fly_descriptor_fork_lock(void);
void fly_descriptor_fork_unlock(void);
void fly_descriptor_forked(void);

#endif
