/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * clofork.h - descriptors that are closed on fork(2): sockets and locks (clofork.c). POSIX will
 * have FD_CLOFORK for that.
 *
 * As long as a child holds a copy of a socket or of a lock's descriptor, the death of the parent
 * goes unnoticed: peers wait for it, and no other process can take its place. So they are closed in
 * a child. Programs that are executed do not get them (O_CLOEXEC). Any thread.
 */
#ifndef FLY_CLOFORK_H
#define FLY_CLOFORK_H

/*
 * fly_clofork_add() - a descriptor was opened: a child closes its copy. Ignored below 0.
 * Return: @fd.
 *
 * fly_clofork_close() - close one of these.
 */
int fly_clofork_add(int fd);
void fly_clofork_close(int fd);

/* A fork: as in base/thread.h. fly_clofork_forked() closes them all. */
void fly_clofork_fork_lock(void);
void fly_clofork_fork_unlock(void);
void fly_clofork_forked(void);

#endif
