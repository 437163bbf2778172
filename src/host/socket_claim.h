/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * socket_claim.h - who may use a socket path: one server, and each of its clients another place.
 *
 * Neither vhost-user nor memif says "taken" to a second client: it disturbs the first. So the
 * server keeps a lock file beside its socket, PATH.lock, with the number of places in it; it
 * holds a lock on it, and each client holds the byte of its place. The kernel lets go of both when
 * a process dies, however it dies: that is also how a left-over socket is told from a live one.
 */
#ifndef FLY_SOCKET_CLAIM_H
#define FLY_SOCKET_CLAIM_H

/*
 * fly_socket_claim_path() - claim a path for a server; removes what a dead server left there.
 * @places: how many clients it takes.
 * Return: a file descriptor that holds the claim, or a negative status with a sentence: EINUSE,
 * EPERM, EINVAL.
 */
int fly_socket_claim_path(const char *path, unsigned places);

/*
 * fly_socket_claim_client() - claim a place at a server.
 * @place: which; before the call, which one it would rather have. Place 0 without a claim if the
 * server is no Firefly (there is no lock file).
 * @fd: holds the claim; -1: there is none to hold.
 * Return: 0; -FLY_ELINK: no server is there; -FLY_EINUSE: all places are taken; -FLY_EPERM. No
 * sentence: the caller tries again.
 */
int fly_socket_claim_client(const char *path, unsigned *place, int *fd);

/* fly_socket_claim_drop() - give a claim up. @server_path: for a server, removes the lock file. */
void fly_socket_claim_drop(int fd, const char *server_path);

/* fly_socket_claim_name() - the socket of a place: PATH itself for place 0, then PATH.1, PATH.2...
 */
void fly_socket_claim_name(char *to, unsigned long bytes, const char *path, unsigned place);

#endif
