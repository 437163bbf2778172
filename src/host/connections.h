/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * connections.h - connections of DPDK's drivers over UNIX sockets, seen from outside of the
 * drivers.
 *
 * virtio-user waits in recv(2) without a limit for a server that is stopped or hangs, and holds
 * locks of DPDK meanwhile. A driver does not tell which descriptor its connection has: the path of
 * the socket leads to it. That is the path that the server has bound its socket to, which need not
 * be the one that a client connects to: there are symbolic links, and other mount namespaces.
 * Any thread; no DPDK.
 */
#ifndef FLY_CONNECTIONS_H
#define FLY_CONNECTIONS_H

#include <stdbool.h>

#define FLY_CONNECTIONS_NAME 109 /* bytes of a UNIX socket's name, with a NUL */

/* fly_connections_hang_up() - shut down those that a server's socket of that path has accepted. */
void fly_connections_hang_up(const char *path);

/* fly_connections_close_on_exec() - close them on exec(2). */
void fly_connections_close_on_exec(const char *path);

/* fly_connections_limit() - let no send(2) or recv(2) to the server at a path take longer. */
void fly_connections_limit(const char *path, unsigned ms);

/* fly_connections_close_ours() - close those to the server at a path: a driver has lost them. */
void fly_connections_close_ours(const char *path);

/*
 * fly_connections_probe() - does a vhost-user server at that path speak? Waits for at most @ms.
 * @fd: the connection of the probe: -1 at first; kept while the server has not spoken, so that a
 * server that is stopped gets one and not one for each try. Closed by the caller.
 * @name: set when connected: the path that the server has bound its socket to.
 * Return: 0: it does; -FLY_ETIMEOUT: not yet; -FLY_ELINK: nobody listens; -FLY_EPERM;
 * -FLY_ESYSTEM. No message.
 */
int fly_connections_probe(const char *path, int *fd, int ms, char name[FLY_CONNECTIONS_NAME]);

/*
 * fly_connections_watch_begin(), fly_connections_watch_end() - around calls of a driver that may
 * wait for a server, on one thread. After so many ms, and until the end, connect(2) and the like
 * are interrupted, and connections to the server at @path are shut down; NULL: they are not.
 * Return of begin: NULL if there is no memory: then there is no limit. Of end: were they too slow?
 */
struct fly_connections_watch *fly_connections_watch_begin(const char *path, unsigned ms);
bool fly_connections_watch_end(struct fly_connections_watch *watch);

#endif
