/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * socket_access.h - who may use a server's socket and lock file: mode=, owner= and group= of a
 * link.
 *
 * A client writes to both. DPDK makes the socket; so it is changed a moment later, and until then
 * nobody gets more access than the umask of the process gives.
 */
#ifndef FLY_SOCKET_ACCESS_H
#define FLY_SOCKET_ACCESS_H

#include <sys/types.h>

#include "host/link_spec.h"

struct fly_socket_access {
	int mode;    /* -1: as made */
	uid_t owner; /* (uid_t)-1: as made */
	gid_t group; /* (gid_t)-1: as made */
};

/*
 * fly_socket_access_find() - look up the names in a spec. Any thread.
 * Return: 0, or -FLY_EINVAL with a message.
 */
int fly_socket_access_find(const struct fly_link_spec *spec, struct fly_socket_access *access);

/*
 * fly_socket_access_give() - give this access to a file that is a socket or a lock file of ours.
 * Follows no symbolic link. Any thread.
 * Return: 0, -FLY_EPERM or -FLY_ESYSTEM with a message.
 */
int fly_socket_access_give(const struct fly_socket_access *access, const char *path);

#endif
