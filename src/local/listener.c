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
#include <sys/stat.h>
#include <unistd.h>

#include <firefly/status.h>

#include "base/clofork.h"
#include "base/error.h"
#include "host/link_spec.h"
#include "local/map.h"

#define BACKLOG 128

enum holder {
	NOBODY,      /* nobody listens */
	A_SERVER,    /* or something that listens in another way */
	DEAD_SERVER, /* its socket lives on in another process */
	UNKNOWN,     /* we may not connect */
};

static bool is_denied(int error)
{
	return error == EACCES || error == EPERM;
}

static enum holder holder_of(const struct sockaddr_un *address, socklen_t length)
{
	const int probe = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	enum holder holder = A_SERVER;

	if (probe < 0)
		return UNKNOWN;
	if (connect(probe, (const struct sockaddr *)address, length) == 0) {
		if (fly_astack_is_deserted(probe))
			holder = DEAD_SERVER;
	} else if (errno == ECONNREFUSED) {
		holder = NOBODY;
	} else if (is_denied(errno)) {
		holder = UNKNOWN;
	}
	close(probe);
	return holder;
}

static int fail(const struct fly_link_spec *spec, int error)
{
	return fly_fail(is_denied(error) ? FLY_EPERM : FLY_ESYSTEM,
			"link %s: cannot listen there: %s", spec->text, strerror(error));
}

/* The name is taken. Remove the path of a dead server. Return: 0: it is free now. */
static int make_free(const struct fly_link_spec *spec, const struct sockaddr_un *address,
		     socklen_t length)
{
	const enum holder holder = holder_of(address, length);
	const bool is_path = address->sun_path[0] != '\0';
	struct stat s;

	/* To connect to a file that is no socket is refused, too. */
	if (is_path && lstat(spec->what, &s) == 0 && !S_ISSOCK(s.st_mode))
		return fly_fail(FLY_EINUSE,
				"link %s: there is a file of that name, and it is no socket",
				spec->text);
	switch (holder) {
	case A_SERVER:
		return fly_fail(FLY_EINUSE, "link %s: another server has that name", spec->text);
	case UNKNOWN:
		return fly_fail(FLY_EINUSE,
				"link %s: there is a socket of that name, and we have no "
				"permission to see whose",
				spec->text);
	case DEAD_SERVER:
		if (is_path)
			break;
		return fly_fail(
			FLY_EINUSE,
			"link %s: a process that an earlier server has forked still has that "
			"name, though the server is dead; end that process",
			spec->text);
	case NOBODY:
		break;
	}
	if (is_path && unlink(spec->what) != 0 && errno != ENOENT)
		return fly_fail(is_denied(errno) ? FLY_EPERM : FLY_ESYSTEM,
				"link %s: the socket of a dead server cannot be removed: %s",
				spec->text, strerror(errno));
	return 0;
}

int fly_listener_open(const struct fly_link_spec *spec, int *result)
{
	struct sockaddr_un address;
	const socklen_t length = fly_astack_address(spec->what, &address);
	const int s =
		fly_clofork_add(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	int status = 0;

	if (s < 0)
		return fail(spec, errno);
	if (bind(s, (const struct sockaddr *)&address, length) != 0) {
		status =
			errno == EADDRINUSE ? make_free(spec, &address, length) : fail(spec, errno);
		if (status == 0 && bind(s, (const struct sockaddr *)&address, length) != 0)
			status = fail(spec, errno);
	}
	if (status == 0 && listen(s, BACKLOG) != 0)
		status = fail(spec, errno);
	if (status)
		fly_clofork_close(s);
	else
		*result = s;
	return status;
}

void fly_listener_close(const struct fly_link_spec *spec, int socket)
{
	fly_clofork_close(socket);
	if (strchr(spec->what, '/'))
		unlink(spec->what);
}
