/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local/listener.c - see local/listener.h. Owns nothing; the clerk calls it.
 *
 * Sockets of dead servers
 *
 * A server that was killed leaves its socket's path behind. The socket itself can live on, too, in
 * a child that the server forked: then it still lets clients connect, whom nobody will answer. The
 * kernel says which process began to listen (SO_PEERCRED). If there is no such process, the socket
 * is a dead one's, whoever holds it: a path is taken over, and clients go on looking for a server
 * (local/import.c). An abstract name cannot be taken over while anybody holds the socket.
 */
#include "local/listener.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <firefly/status.h>

#include "base/error.h"
#include "host/link_spec.h"
#include "local/map.h"

#define BACKLOG 128

enum holder {
	NOBODY,     /* nobody listens */
	A_SERVER,   /* or it cannot be known */
	DEAD_SERVER /* its socket lives on in another process */
};

static enum holder holder_of(const struct sockaddr_un *address, socklen_t length)
{
	const int probe = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	enum holder holder = A_SERVER;

	if (probe < 0)
		return A_SERVER;
	if (connect(probe, (const struct sockaddr *)address, length) == 0) {
		if (fly_astack_is_deserted(probe))
			holder = DEAD_SERVER;
	} else if (errno == ECONNREFUSED) {
		holder = NOBODY;
	}
	close(probe);
	return holder;
}

static int fail(const struct fly_link_spec *spec, int error, enum holder holder)
{
	if (error == EADDRINUSE && holder == DEAD_SERVER)
		return fly_fail(
			FLY_EINUSE,
			"link %s: a process that an earlier server has forked still has that "
			"name, though the server is dead; end that process",
			spec->text);
	if (error == EADDRINUSE)
		return fly_fail(FLY_EINUSE, "link %s: another server has that name", spec->text);
	return fly_fail(error == EACCES || error == EPERM ? FLY_EPERM : FLY_ESYSTEM,
			"link %s: cannot listen there: %s", spec->text, strerror(error));
}

int fly_listener_open(const struct fly_link_spec *spec, int *result)
{
	struct sockaddr_un address;
	const socklen_t length = fly_astack_address(spec->what, &address);
	const int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	enum holder holder = A_SERVER;
	int status;
	int error;

	if (s < 0)
		return fly_fail(FLY_ESYSTEM, "link %s: %s", spec->text, strerror(errno));
	status = bind(s, (const struct sockaddr *)&address, length);
	if (status && errno == EADDRINUSE) {
		holder = holder_of(&address, length);
		if (holder != A_SERVER && address.sun_path[0] != '\0')
			unlink(spec->what);
		status = bind(s, (const struct sockaddr *)&address, length);
	}
	if (status == 0 && listen(s, BACKLOG) == 0) {
		*result = s;
		return 0;
	}
	error = errno;
	close(s);
	return fail(spec, error, holder);
}

void fly_listener_close(const struct fly_link_spec *spec, int socket)
{
	close(socket);
	if (strchr(spec->what, '/'))
		unlink(spec->what);
}
