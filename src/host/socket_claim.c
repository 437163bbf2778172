/* SPDX-License-Identifier: BSD-3-Clause */
/* socket_claim.c - see socket_claim.h. Called by port.c. Any thread; no DPDK. */
#include "host/socket_claim.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <firefly/status.h>

#include "base/clofork.h"
#include "base/error.h"

/* The byte of the lock file that a server locks; each client locks the byte of its number. */
#define SERVER_BYTE 1000

static void lock_path(char *to, size_t bytes, const char *path)
{
	snprintf(to, bytes, "%s.lock", path);
}

void fly_socket_claim_name(char *to, unsigned long bytes, const char *path, unsigned client)
{
	if (client == 0)
		snprintf(to, bytes, "%s", path);
	else
		snprintf(to, bytes, "%s.%u", path, client);
}

/* Locks of the open file description: owned by the descriptor, not by the process. */
static int lock_byte(int fd, int command, off_t byte, short *type)
{
	struct flock l = {.l_type = *type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
	const int result = fcntl(fd, command, &l);

	*type = l.l_type;
	return result;
}

static int try_lock(int fd, off_t byte)
{
	short type = F_WRLCK;

	return lock_byte(fd, F_OFD_SETLK, byte, &type);
}

static bool is_locked(int fd, off_t byte)
{
	short type = F_WRLCK;

	return lock_byte(fd, F_OFD_GETLK, byte, &type) == 0 && type != F_UNLCK;
}

/* Is there such a process, and is it more than an entry that nobody has waited for? */
static bool lives(pid_t pid)
{
	char path[32];
	char text[128] = {0};
	const char *state;
	FILE *f;

	if (kill(pid, 0) != 0 && errno == ESRCH)
		return false;
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return true;
	state = fgets(text, sizeof text, f) ? strrchr(text, ')') : NULL;
	fclose(f);
	return !state || strncmp(state, ") Z", 3) != 0;
}

/*
 * Whose socket is it?
 *
 * A socket of a dead program refuses to connect, unless a child has inherited it: then it takes
 * connections, and nobody ever answers. The kernel names the process that listens; for a socket
 * that was inherited it is the dead one.
 * Return: 0: nobody's; the number of a process that lives; -1: of one that we cannot see.
 */
static pid_t listener(const char *path)
{
	static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET}; /* of vhost-user and of memif */
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct ucred peer = {.pid = 0};
	socklen_t bytes = sizeof peer;
	int error = EPROTOTYPE;

	if (strlen(path) >= sizeof address.sun_path)
		return -1;
	strcpy(address.sun_path, path);
	for (unsigned i = 0; i < 2 && error == EPROTOTYPE; i++) {
		/* Not blocking: a dead one's queue of connections may be full. */
		const int fd = socket(AF_UNIX, types[i] | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		if (fd < 0)
			return -1;
		error = connect(fd, (const struct sockaddr *)&address, sizeof address) ? errno : 0;
		if (error == 0)
			getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes);
		close(fd);
	}
	if (error == ECONNREFUSED || error == ENOENT)
		return 0;
	if (peer.pid > 0 && !lives(peer.pid))
		return 0;
	return peer.pid > 0 ? peer.pid : -1;
}

/* @is_ours: the server that left it was a Firefly: its lock file was there. */
static int remove_left_over(const char *path, bool is_ours)
{
	struct stat st;
	pid_t pid;

	if (lstat(path, &st) != 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return fly_fail(FLY_EINUSE, "%s: there is a file of that name, and it is no socket",
				path);
	pid = listener(path);
	if (pid > 0)
		return fly_fail(FLY_EINUSE,
				"%s: another program (process %d) listens on that socket", path,
				(int)pid);
	if (pid < 0 && !is_ours)
		return fly_fail(FLY_EINUSE, "%s: another program listens on that socket", path);
	if (unlink(path) != 0 && errno != ENOENT)
		return fly_fail(errno == EACCES || errno == EPERM ? FLY_EPERM : FLY_ESYSTEM,
				"%s: the socket of a dead server cannot be removed: %s", path,
				strerror(errno));
	return 0;
}

static int cannot_create(const char *path)
{
	char copy[FLY_SOCKET_PATH_BYTES];
	const int error = errno;

	snprintf(copy, sizeof copy, "%s", path);
	if (error == EACCES || error == EPERM)
		return fly_fail(FLY_EPERM, "%s: no permission to create files in %s", path,
				dirname(copy));
	if (error == ELOOP)
		return fly_fail(FLY_EPERM,
				"%s: the lock file beside it is a symbolic link; remove it", path);
	if (error == ENOENT || error == ENOTDIR)
		return fly_fail(FLY_EINVAL, "%s: there is no directory %s", path, dirname(copy));
	return fly_fail(FLY_ESYSTEM, "%s: %s", path, strerror(error));
}

/* Does the name still lead to this file? A server that ends removes its lock file. */
static bool is_current(int fd, const char *name)
{
	struct stat here;
	struct stat there;

	return fstat(fd, &here) == 0 && stat(name, &there) == 0 && here.st_dev == there.st_dev &&
	       here.st_ino == there.st_ino;
}

int fly_socket_claim_path(const char *path, unsigned clients)
{
	char name[FLY_SOCKET_PATH_BYTES];
	struct stat left;
	int fd;

	lock_path(name, sizeof name, path);
	for (;;) {
		/* Who else may write to the directory must not have us write to another file. */
		fd = fly_clofork_add(open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666));
		if (fd < 0)
			return cannot_create(path);
		if (try_lock(fd, SERVER_BYTE) != 0) {
			const int error = errno;

			fly_clofork_close(fd);
			if (error != EAGAIN && error != EACCES)
				return fly_fail(FLY_ESYSTEM, "%s: it cannot be locked: %s", name,
						strerror(error));
			return fly_fail(FLY_EINUSE, "%s: another Firefly serves on that socket",
					path);
		}
		if (is_current(fd, name))
			break;
		fly_clofork_close(
			fd); /* the earlier server removed it meanwhile: create the next one */
	}
	if (fstat(fd, &left) != 0)
		left.st_size = 0;
	for (unsigned i = 0; i < clients; i++) {
		char socket_path[FLY_SOCKET_PATH_BYTES];
		int status;

		fly_socket_claim_name(socket_path, sizeof socket_path, path, i);
		status = remove_left_over(socket_path, left.st_size > 0);
		if (status) {
			fly_socket_claim_drop(fd, path);
			return status;
		}
	}
	if (ftruncate(fd, 0) != 0 || dprintf(fd, "%u\n", clients) < 0) {
		const int error = errno;

		fly_socket_claim_drop(fd, path);
		return fly_fail(FLY_ESYSTEM, "%s: %s", name, strerror(error));
	}
	return fd;
}

/* Claim number *client if it is free, else any: a client that comes back keeps its device. */
static int take_any(int fd, unsigned clients, unsigned *client)
{
	if (*client < clients && try_lock(fd, (off_t)*client) == 0)
		return 0;
	for (unsigned i = 0; i < clients; i++) {
		if (try_lock(fd, (off_t)i) == 0) {
			*client = i;
			return 0;
		}
	}
	return -FLY_EINUSE;
}

int fly_socket_claim_client(const char *path, unsigned *client, int *fd)
{
	char name[FLY_SOCKET_PATH_BYTES];
	char text[16] = {0};
	unsigned long clients;
	int status;

	*fd = -1;
	lock_path(name, sizeof name, path);
	const int lock = fly_clofork_add(open(name, O_RDWR | O_CLOEXEC));

	if (lock < 0) {
		*client = 0;
		if (errno == EACCES || errno == EPERM)
			return -FLY_EPERM;
		return access(path, F_OK) == 0 ? 0 : -FLY_ELINK;
	}
	clients = read(lock, text, sizeof text - 1) > 0 ? strtoul(text, NULL, 10) : 0;
	if (!is_locked(lock, SERVER_BYTE) || clients == 0 || clients > 32)
		status = -FLY_ELINK; /* the server is dead, or is just starting */
	else
		status = take_any(lock, (unsigned)clients, client);
	if (status)
		fly_clofork_close(lock);
	else
		*fd = lock;
	return status;
}

void fly_socket_claim_drop(int fd, const char *server_path)
{
	char name[FLY_SOCKET_PATH_BYTES];

	if (fd < 0)
		return;
	if (server_path) {
		lock_path(name, sizeof name, server_path);
		unlink(name);
	}
	fly_clofork_close(fd);
}
