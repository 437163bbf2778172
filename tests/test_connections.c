/* SPDX-License-Identifier: BSD-3-Clause */
/* test_connections.c - connections of drivers over UNIX sockets, found by path. */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <firefly/status.h>

#include "host/connections.h"
#include "patience.h"

static char path[64];
static char other_path[64];
static char name[FLY_CONNECTIONS_NAME];

/* A socket that listens; nobody accepts what waits there. */
static int listener(char *at, const char *which, int backlog)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(at, 64, "/tmp/firefly-host-%s-%d", which, (int)getpid());
	strcpy(address.sun_path, at);
	unlink(at);
	cr_assert(bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
	cr_assert(listen(fd, backlog) == 0);
	return fd;
}

static int connected(const char *at)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, at);
	cr_assert(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
	return fd;
}

static bool is_shut(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT) == 0;
}

static void end(void)
{
	unlink(path);
	unlink(other_path);
}

TestSuite(connections, .timeout = HANG, .fini = end);

Test(connections, fly_connections_hang_up__those_of_that_path)
{
	const int server = listener(path, "a", 8);
	const int other = listener(other_path, "b", 8);
	const int client = connected(path);
	const int client_of_other = connected(other_path);

	cr_assert(accept(server, NULL, NULL) >= 0 && accept(other, NULL, NULL) >= 0);
	const int waiting = connected(path); /* here is only its own end */
	fly_connections_hang_up(path);
	cr_expect(is_shut(client) && !is_shut(client_of_other) && !is_shut(waiting));
	cr_expect(connected(path) >= 0, "the server listens on");
}

Test(connections, fly_connections_close_on_exec__those_that_were_accepted)
{
	const int server = listener(path, "a", 8);
	const int client = connected(path);
	const int accepted = accept(server, NULL, NULL);

	fly_connections_close_on_exec(path);
	cr_expect(fcntl(accepted, F_GETFD) == FD_CLOEXEC);
	cr_expect(fcntl(client, F_GETFD) == 0 && fcntl(server, F_GETFD) == 0);
}

Test(connections, fly_connections_limit__a_server_that_is_silent)
{
	const int server = listener(path, "a", 8);
	const int client = connected(path);
	struct timeval t = {0};
	socklen_t bytes = sizeof t;
	char c;

	cr_assert(server >= 0);
	fly_connections_limit(path, 20);
	cr_assert(getsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &t, &bytes) == 0);
	cr_assert(t.tv_sec == 0 && t.tv_usec > 0 && t.tv_usec <= 40000);
	cr_expect(recv(client, &c, 1, 0) == -1 && errno == EAGAIN);
	cr_assert(getsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &t, &bytes) == 0);
	cr_expect(t.tv_sec == 0 && t.tv_usec > 0 && t.tv_usec <= 40000, "sending as well");
}

Test(connections, fly_connections_close_ours__and_nothing_else)
{
	const int server = listener(path, "a", 8);
	const int other = listener(other_path, "b", 8);
	const int client = connected(path);
	const int client_of_other = connected(other_path);
	const int accepted = accept(server, NULL, NULL);

	fly_connections_close_ours(path);
	cr_expect(fcntl(client, F_GETFD) == -1 && fcntl(client_of_other, F_GETFD) >= 0);
	cr_expect(fcntl(accepted, F_GETFD) >= 0 && is_shut(accepted) && other >= 0);
}

Test(connections, fly_connections_probe__a_server_that_is_silent_gets_one)
{
	const int server = listener(path, "a", 8);
	const uint32_t answer[] = {1, 5, 8, 0, 0};
	uint32_t asked[3];
	int fd = -1;
	int first;
	int at;

	cr_expect(fly_connections_probe(path, &fd, 10, name) == -FLY_ETIMEOUT && fd >= 0);
	first = fd;
	cr_expect(fly_connections_probe(path, &fd, 10, name) == -FLY_ETIMEOUT && fd == first);
	at = accept(server, NULL, NULL);
	cr_assert(recv(at, asked, sizeof asked, 0) == sizeof asked);
	cr_expect(asked[0] == 1 && asked[1] == 1 && asked[2] == 0, "GET_FEATURES");
	cr_assert(send(at, answer, sizeof answer, 0) == sizeof answer);
	cr_expect(fly_connections_probe(path, &fd, 10000, name) == 0 && fd == -1);
	cr_expect(fcntl(first, F_GETFD) == -1, "it is closed");
}

Test(connections, fly_connections_probe__a_server_that_hangs_up)
{
	const int server = listener(path, "a", 8);
	char asked[12];
	int fd = -1;
	int at;

	cr_expect(fly_connections_probe(path, &fd, 0, name) == -FLY_ETIMEOUT);
	at = accept(server, NULL, NULL);
	cr_assert(recv(at, asked, sizeof asked, 0) == sizeof asked);
	close(at);
	cr_expect(fly_connections_probe(path, &fd, 10000, name) == -FLY_ELINK && fd == -1);
}

/* A connection has the name that the server's socket was bound to, not the one of its client. */
Test(connections, fly_connections_probe__by_another_path)
{
	const int server = listener(path, "a", 8);
	int fd = -1;
	int client;
	char c;

	snprintf(other_path, sizeof other_path, "%.50s-link", path);
	unlink(other_path);
	cr_assert(server >= 0 && symlink(path, other_path) == 0);
	cr_expect(fly_connections_probe(other_path, &fd, 0, name) == -FLY_ETIMEOUT);
	cr_expect_str_eq(name, path);
	client = connected(other_path);
	fly_connections_limit(name, 20);
	cr_expect(recv(client, &c, 1, 0) == -1 && errno == EAGAIN);
	fly_connections_close_ours(name);
	cr_expect(fcntl(client, F_GETFD) == -1);
}

Test(connections, fly_connections_probe__a_server_that_dies)
{
	const int server = listener(path, "a", 8);
	int fd = -1;

	cr_expect(fly_connections_probe(path, &fd, 0, name) == -FLY_ETIMEOUT);
	close(server);
	cr_expect(fly_connections_probe(path, &fd, 10000, name) == -FLY_ELINK && fd == -1);
	cr_expect(fly_connections_probe(path, &fd, 10000, name) == -FLY_ELINK && fd == -1);
}

Test(connections, fly_connections_probe__where_too_many_wait)
{
	const int server = listener(path, "a", 0);
	int fd[4] = {-1, -1, -1, -1};

	cr_assert(server >= 0);
	for (unsigned i = 0; i < 4; i++)
		cr_expect(fly_connections_probe(path, &fd[i], 0, name) == -FLY_ETIMEOUT);
	cr_expect(fd[3] == -1, "it does not wait to be accepted");
}

Test(connections, fly_connections_watch_end__of_a_call_that_was_soon_over)
{
	struct fly_connections_watch *watch = fly_connections_watch_begin(path, 1000000);

	cr_assert(watch != NULL);
	cr_expect(!fly_connections_watch_end(watch));
	cr_expect(!fly_connections_watch_end(NULL));
}

Test(connections, watch_main__ends_recv)
{
	const int server = listener(path, "a", 8);
	const int client = connected(path);
	struct fly_connections_watch *watch = fly_connections_watch_begin(path, 20);
	char c;

	cr_expect(recv(client, &c, 1, 0) <= 0 && server >= 0);
	cr_expect(fly_connections_watch_end(watch));
}

static volatile sig_atomic_t is_late;

static void on_alarm(int number)
{
	is_late = number == SIGALRM;
}

Test(connections, watch_main__ends_connect)
{
	const struct sigaction late = {.sa_handler = on_alarm};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const int server = listener(path, "a", 0);
	struct fly_connections_watch *watch;
	int fd = connected(path);

	cr_assert(server >= 0 && fd >= 0);
	strcpy(address.sun_path, path);
	watch = fly_connections_watch_begin(NULL, 20);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	/* Also if whoever is interrupted tries again. */
	sigaction(SIGALRM, &late, NULL);
	alarm(patience(5));
	for (unsigned i = 0; i < 3 && !is_late; i++)
		cr_expect(connect(fd, (struct sockaddr *)&address, sizeof address) == -1 &&
			  errno == EINTR);
	alarm(0);
	cr_expect(!is_late);
	cr_expect(fly_connections_watch_end(watch));
	cr_expect(!is_shut(fd));
}
