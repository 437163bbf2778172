/* SPDX-License-Identifier: BSD-3-Clause */
/* connections.c - see connections.h. Called by port.c and vhost_guard.c. */
#include "host/connections.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <firefly/status.h>

#include "base/descriptors.h"
#include "base/fault.h"
#include "base/signals.h"

#define AGAIN_MS 50 /* interval of shutting down, once the time is over */

/* A wish, for each descriptor of the process. */
struct wish {
	const char *path;
	bool is_ours; /* we are the client */
	unsigned ms;
	void (*act)(int fd, const struct wish *wish);
};

static bool is_connection(int fd, const struct wish *w)
{
	struct sockaddr_un at = {0};
	socklen_t bytes = sizeof at;
	int listens = 1;
	socklen_t n = sizeof listens;

	return (w->is_ours ? getpeername(fd, (struct sockaddr *)&at, &bytes)
			   : getsockname(fd, (struct sockaddr *)&at, &bytes)) == 0 &&
	       at.sun_family == AF_UNIX && bytes > offsetof(struct sockaddr_un, sun_path) &&
	       strncmp(at.sun_path, w->path, sizeof at.sun_path) == 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &n) == 0 && !listens;
}

static void look(int fd, void *context)
{
	const struct wish *w = context;

	if (is_connection(fd, w))
		w->act(fd, w);
}

static void each(const char *path, bool is_ours, unsigned ms,
		 void (*act)(int fd, const struct wish *wish))
{
	struct wish w = {path, is_ours, ms, act};

	fly_descriptors_each(look, &w);
}

static void hang_up(int number, const struct wish *w)
{
	/* A copy: the number may be another file's by the time of shutdown(2). */
	const int fd = fcntl(number, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return;
	if (is_connection(fd, w))
		shutdown(fd, SHUT_RDWR);
	close(fd);
}

void fly_connections_hang_up(const char *path)
{
	each(path, false, 0, hang_up);
}

static void close_on_exec(int fd, const struct wish *w)
{
	(void)w;
	fly_descriptor_close_on_exec(fd);
}

void fly_connections_close_on_exec(const char *path)
{
	each(path, false, 0, close_on_exec);
}

static void limit(int fd, const struct wish *w)
{
	const struct timeval t = {.tv_sec = w->ms / 1000,
				  .tv_usec = (suseconds_t)(w->ms % 1000) * 1000};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
}

void fly_connections_limit(const char *path, unsigned ms)
{
	each(path, true, ms, limit);
}

static void close_it(int fd, const struct wish *w)
{
	(void)w;
	close(fd);
}

void fly_connections_close_ours(const char *path)
{
	each(path, true, 0, close_it);
}

/* ---- a probe ---- */

static int connect_probe(const char *path, int *fd)
{
	static const uint32_t get_features[] = {1, 1, 0}; /* request, version, bytes that follow */
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int error = 0;

	if (strlen(path) >= sizeof at.sun_path)
		return -FLY_ELINK;
	strcpy(at.sun_path, path);
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd >= 0 && connect(*fd, (struct sockaddr *)&at, sizeof at) == 0 &&
	    send(*fd, get_features, sizeof get_features, MSG_NOSIGNAL) == sizeof get_features)
		return 0;
	error = errno;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	if (error == EAGAIN) /* too many wait there already */
		return -FLY_ETIMEOUT;
	if (error == EACCES || error == EPERM)
		return -FLY_EPERM;
	return error == ECONNREFUSED || error == ENOENT || error == EPIPE ? -FLY_ELINK
									  : -FLY_ESYSTEM;
}

/* What the server's socket was bound to: another way to @path, or seen from another directory. */
static void take_name(int fd, const char *path, char name[FLY_CONNECTIONS_NAME])
{
	struct sockaddr_un at = {0};
	socklen_t bytes = sizeof at;

	if (getpeername(fd, (struct sockaddr *)&at, &bytes) == 0 && at.sun_path[0])
		path = at.sun_path;
	snprintf(name, FLY_CONNECTIONS_NAME, "%.*s", (int)sizeof at.sun_path, path);
}

int fly_connections_probe(const char *path, int *fd, int ms, char name[FLY_CONNECTIONS_NAME])
{
	struct pollfd p = {.events = POLLIN};
	char answer[64];
	ssize_t n;
	int status = *fd < 0 ? connect_probe(path, fd) : 0;

	if (status)
		return status;
	take_name(*fd, path, name);
	p.fd = *fd;
	if (poll(&p, 1, ms) <= 0)
		return -FLY_ETIMEOUT;
	n = recv(*fd, answer, sizeof answer, MSG_DONTWAIT);
	close(*fd);
	*fd = -1;
	return n > 0 ? 0 : -FLY_ELINK; /* it died, or hung up */
}

/* ---- a limit for a driver's call ---- */

struct fly_connections_watch {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	pthread_t watched;
	char path[FLY_CONNECTIONS_NAME];
	unsigned ms;
	bool over; /* under lock */
	bool slow; /* under lock */
};

static void after(struct timespec *t, unsigned ms)
{
	clock_gettime(CLOCK_MONOTONIC, t);
	t->tv_sec += ms / 1000;
	t->tv_nsec += ms % 1000 * 1000000L;
	if (t->tv_nsec >= 1000000000L) {
		t->tv_sec++;
		t->tv_nsec -= 1000000000L;
	}
}

static void *watch_main(void *at)
{
	struct fly_connections_watch *w = at;
	struct timespec end;

	pthread_setname_np(pthread_self(), "fly-watch");
	pthread_mutex_lock(&w->lock);
	after(&end, w->ms);
	while (!w->over) {
		if (pthread_cond_timedwait(&w->changed, &w->lock, &end) != ETIMEDOUT || w->over)
			continue;
		w->slow = true;
		if (w->path[0])
			each(w->path, true, 0, hang_up);
		fly_fault_interrupt(w->watched);
		after(&end, AGAIN_MS);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

struct fly_connections_watch *fly_connections_watch_begin(const char *path, unsigned ms)
{
	struct fly_connections_watch *w = calloc(1, sizeof *w);
	pthread_condattr_t monotonic;
	sigset_t before;
	int error;

	if (!w)
		return NULL;
	snprintf(w->path, sizeof w->path, "%s", path ? path : "");
	w->ms = ms;
	w->watched = pthread_self();
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&w->changed, &monotonic);
	fly_signals_block(&before);
	error = pthread_create(&w->thread, NULL, watch_main, w);
	fly_signals_restore(&before);
	if (!error)
		return w;
	free(w);
	return NULL;
}

bool fly_connections_watch_end(struct fly_connections_watch *w)
{
	bool slow;

	if (!w)
		return false;
	pthread_mutex_lock(&w->lock);
	w->over = true;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	slow = w->slow;
	free(w);
	return slow;
}
