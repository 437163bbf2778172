/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * socket_claim.h - claims on a socket path: one server, and a number for each of its clients.
 *
 * vhost-user and memif do not refuse a second client: it disturbs the first. So the server keeps a
 * lock file beside its socket, PATH.lock, which contains the number of clients that it takes. The
 * server locks one byte of the file, each client the byte of its number. The kernel drops these
 * locks when a process dies. So a socket of a dead server can be told from a live one.
 */
#ifndef FLY_SOCKET_CLAIM_H
#define FLY_SOCKET_CLAIM_H

/* Room for the path of a socket or lock file: a link's path has at most 107 characters. */
#define FLY_SOCKET_PATH_BYTES 128

/*
 * fly_socket_claim_path() - claim a path for a server; removes the sockets of a dead server.
 * @clients: how many clients it takes.
 * Return: a file descriptor that holds the claim, or a negative status with a message: EINUSE,
 * EPERM, EINVAL, ESYSTEM.
 */
int fly_socket_claim_path(const char *path, unsigned clients);

/*
 * fly_socket_claim_client() - claim a client number at a server.
 * @client: in: the preferred number; out: the claimed one. 0 without a claim if there is a socket
 * but no lock file: the server is no Firefly.
 * @fd: holds the claim; -1: there is none.
 * Return: 0; -FLY_ELINK: there is no server; -FLY_EINUSE: all numbers are taken; -FLY_EPERM. No
 * message: the caller tries again.
 */
int fly_socket_claim_client(const char *path, unsigned *client, int *fd);

/*
 * fly_socket_claim_drop() - drop a claim. @server_path: of a server: remove its lock file; or
 * NULL.
 */
void fly_socket_claim_drop(int fd, const char *server_path);

/* fly_socket_claim_name() - the socket of a client number: PATH for 0, then PATH.1, PATH.2, ... */
void fly_socket_claim_name(char *to, unsigned long bytes, const char *path, unsigned client);

#endif
