/* SPDX-License-Identifier: BSD-3-Clause */
/* test_socket_claim.c - one server per path, one client per place; claims end with processes. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <firefly/status.h>

#include "case.h"
#include "host/socket_claim.h"

static char directory[] = "/tmp/firefly-place-XXXXXX";
static char path[64];

static void begin(void)
{
	cr_assert(mkdtemp(directory) != NULL);
	snprintf(path, sizeof path, "%s/f.sock", directory);
}

static void end(void)
{
	char command[80];

	snprintf(command, sizeof command, "rm -r %s", directory);
	cr_expect(system(command) == 0);
}

TestSuite(socket_claim, .timeout = HANG);

static bool exists(const char *suffix)
{
	char name[80];

	snprintf(name, sizeof name, "%s%s", path, suffix);
	return access(name, F_OK) == 0;
}

/* Make a socket at a path; not @listening: as a dead process leaves one behind. */
static int make_socket(const char *at, bool listening)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, at);
	cr_assert(bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
	if (listening)
		cr_assert(listen(fd, 1) == 0);
	else
		close(fd);
	return fd;
}

static int take(unsigned *place, int *fd)
{
	*place = 0;
	return fly_socket_claim_client(path, place, fd);
}

Case(socket_claim, fly_socket_claim_name__the_first_is_the_path_itself)
{
	char name[100];

	fly_socket_claim_name(name, sizeof name, "/a/b", 0);
	cr_expect(strcmp(name, "/a/b") == 0);
	fly_socket_claim_name(name, sizeof name, "/a/b", 7);
	cr_expect(strcmp(name, "/a/b.7") == 0);
}

Case(socket_claim, fly_socket_claim_path__a_second_server_is_told)
{
	const int first = fly_socket_claim_path(path, 1);
	int again;

	cr_assert(first >= 0);
	cr_expect(fly_socket_claim_path(path, 1) == -FLY_EINUSE);
	cr_expect(strstr(fly_error(), "another Firefly") != NULL, "%s", fly_error());
	cr_expect(exists(".lock"), "the one that was refused leaves the other's claim alone");
	fly_socket_claim_drop(first, path);
	cr_expect(!exists(".lock"));
	again = fly_socket_claim_path(path, 1);
	cr_expect(again >= 0);
	fly_socket_claim_drop(again, path);
}

Case(socket_claim, fly_socket_claim_path__left_over_sockets_go_and_live_ones_stay)
{
	char second[80];
	int fd;
	int live;

	snprintf(second, sizeof second, "%s.1", path);
	make_socket(path, false);
	make_socket(second, false);
	fd = fly_socket_claim_path(path, 2);
	cr_assert(fd >= 0);
	cr_expect(!exists("") && !exists(".1"));
	fly_socket_claim_drop(fd, path);

	live = make_socket(second, true);
	cr_expect(fly_socket_claim_path(path, 2) == -FLY_EINUSE);
	cr_expect(strstr(fly_error(), "another program") != NULL, "%s", fly_error());
	cr_expect(exists(".1") && !exists(".lock"));
	close(live);
}

Case(socket_claim, fly_socket_claim_path__a_file_that_is_no_socket_is_not_removed)
{
	close(open(path, O_CREAT | O_RDWR, 0600));
	cr_expect(fly_socket_claim_path(path, 1) == -FLY_EINUSE);
	cr_expect(strstr(fly_error(), "it is no socket") != NULL, "%s", fly_error());
	cr_expect(exists(""));
}

Case(socket_claim, fly_socket_claim_path__no_such_directory)
{
	cr_expect(fly_socket_claim_path("/nonexistent/f.sock", 1) == -FLY_EINVAL);
	cr_expect(strstr(fly_error(), "there is no directory /nonexistent") != NULL, "%s",
		  fly_error());
}

Case(socket_claim, fly_socket_claim_path__no_permission)
{
	if (geteuid() == 0) {
		cr_assert(chmod(directory, 0755) == 0);
		cr_assert(seteuid(65534) == 0);
	} else {
		cr_assert(chmod(directory, 0555) == 0);
	}
	cr_expect(fly_socket_claim_path(path, 1) == -FLY_EPERM);
	cr_expect(strstr(fly_error(), "no permission") != NULL, "%s", fly_error());
	if (getuid() == 0)
		cr_assert(seteuid(0) == 0);
	chmod(directory, 0755);
}

Case(socket_claim, fly_socket_claim_client__each_client_another_place_and_then_none)
{
	const int server = fly_socket_claim_path(path, 3);
	unsigned place[4];
	int fd[4];

	cr_assert(server >= 0);
	for (unsigned i = 0; i < 3; i++) {
		cr_expect(take(&place[i], &fd[i]) == 0);
		cr_expect(place[i] == i && fd[i] >= 0);
	}
	cr_expect(take(&place[3], &fd[3]) == -FLY_EINUSE);
	cr_expect(fd[3] == -1);
	fly_socket_claim_drop(fd[1], NULL);
	cr_expect(exists(".lock"), "a client that leaves does not take the server's file along");
	cr_expect(take(&place[3], &fd[3]) == 0 && place[3] == 1);
	fly_socket_claim_drop(fd[0], NULL);
	fly_socket_claim_drop(fd[2], NULL);
	fly_socket_claim_drop(fd[3], NULL);
	fly_socket_claim_drop(server, path);
}

Case(socket_claim, fly_socket_claim_client__without_a_server)
{
	unsigned place;
	int server;
	int fd;

	cr_expect(take(&place, &fd) == -FLY_ELINK && fd == -1);
	server = fly_socket_claim_path(path, 1);
	fly_socket_claim_drop(server,
			      NULL); /* the server died: the lock file stays, the lock does not */
	cr_expect(exists(".lock"));
	cr_expect(take(&place, &fd) == -FLY_ELINK && fd == -1);
}

Case(socket_claim, fly_socket_claim_client__at_a_server_that_is_no_firefly)
{
	const int live = make_socket(path, true);
	unsigned place = 0;
	int fd;

	cr_expect(fly_socket_claim_client(path, &place, &fd) == 0);
	cr_expect(place == 0 && fd == -1, "there is nothing to hold");
	fly_socket_claim_drop(fd, NULL);
	close(live);
}

Case(socket_claim, fly_socket_claim_client__a_lock_file_with_nonsense_in_it)
{
	static const char *const texts[] = {"", "0", "-1", "33", "99999999999999999999", "x"};
	const int server = fly_socket_claim_path(path, 1);
	unsigned place;
	int fd;

	for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		cr_assert(ftruncate(server, 0) == 0);
		cr_assert(pwrite(server, texts[i], strlen(texts[i]), 0) >= 0);
		cr_expect(take(&place, &fd) == -FLY_ELINK, "'%s'", texts[i]);
		cr_expect(fd == -1);
	}
	fly_socket_claim_drop(server, path);
}

/* However a process dies, the kernel releases its claims. */
Case(socket_claim, fly_socket_claim_client__a_client_that_is_killed_frees_its_place)
{
	const int server = fly_socket_claim_path(path, 1);
	unsigned place;
	int ready[2];
	int status;
	pid_t child;
	char c;
	int fd;

	cr_assert(pipe(ready) == 0);
	child = fork();
	if (child == 0) {
		close(server);
		if (fly_socket_claim_client(path, &place, &fd) == 0)
			status = (int)write(ready[1], "x", 1);
		pause();
	}
	cr_assert(read(ready[0], &c, 1) == 1);
	cr_expect(take(&place, &fd) == -FLY_EINUSE);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	cr_expect(take(&place, &fd) == 0);
	fly_socket_claim_drop(fd, NULL);
	fly_socket_claim_drop(server, path);
}

Case(socket_claim, fly_socket_claim_path__after_a_server_that_was_killed)
{
	unsigned place;
	int ready[2];
	int status;
	pid_t child;
	char c;
	int fd;

	cr_assert(pipe(ready) == 0);
	child = fork();
	if (child == 0) {
		if (fly_socket_claim_path(path, 1) >= 0)
			status = (int)write(ready[1], "x", 1);
		pause();
	}
	cr_assert(read(ready[0], &c, 1) == 1);
	cr_expect(fly_socket_claim_path(path, 1) == -FLY_EINUSE);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	cr_expect(take(&place, &fd) == -FLY_ELINK);
	fd = fly_socket_claim_path(path, 1);
	cr_expect(fd >= 0);
	fly_socket_claim_drop(fd, path);
}

/*
 * A server that died, and whose child lives on with its socket. Return: the child.
 * @type: of socket. @waited_for: has somebody waited for the dead one?
 */
static pid_t inherited(int type, bool waited_for)
{
	const struct timespec ms = {.tv_nsec = 1000000};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	siginfo_t end;
	int ready[2];
	pid_t server;
	pid_t child;

	strcpy(address.sun_path, path);
	cr_assert(pipe(ready) == 0);
	server = fork();
	if (server == 0) {
		const int lock = fly_socket_claim_path(path, 1);
		const int fd = socket(AF_UNIX, type, 0);

		if (lock < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
		    listen(fd, 1) != 0)
			_exit(1);
		if (fork() != 0)
			_exit(0);
		close(lock); /* as exec(2) does: it is held until then */
		child = getpid();
		if (write(ready[1], &child, sizeof child) != sizeof child)
			_exit(1);
		for (;;)
			nanosleep(&ms, NULL);
	}
	cr_assert(read(ready[0], &child, sizeof child) == sizeof child);
	cr_assert(waitid(P_PID, server, &end, WEXITED | (waited_for ? 0 : WNOWAIT)) == 0);
	close(ready[0]);
	close(ready[1]);
	return child;
}

static void take_over(int type, bool waited_for)
{
	const pid_t child = inherited(type, waited_for);
	int fd = -1;

	/* Also when nobody has taken the connection of the first who looked. */
	for (unsigned i = 0; i < 3; i++) {
		unsigned client;
		int none;

		cr_expect(fly_socket_claim_client(path, &client, &none) == -FLY_ELINK);
	}
	fd = fly_socket_claim_path(path, 1);
	cr_expect(fd >= 0, "%s", fly_error());
	cr_expect(!exists(""));
	fly_socket_claim_drop(fd, path);
	kill(child, SIGKILL);
}

Case(socket_claim, listener__a_child_of_a_dead_server_is_none)
{
	take_over(SOCK_STREAM, true);
}

Case(socket_claim, listener__a_child_of_a_dead_memif_server_is_none)
{
	take_over(SOCK_SEQPACKET, true);
}

Case(socket_claim, lives__nobody_has_waited_for_the_dead_one)
{
	take_over(SOCK_STREAM, false);
}

Case(socket_claim, listener__another_program_is_named)
{
	const int live = make_socket(path, true);
	char number[24];

	cr_expect(fly_socket_claim_path(path, 1) == -FLY_EINUSE);
	snprintf(number, sizeof number, "process %d", (int)getpid());
	cr_expect(strstr(fly_error(), number) != NULL, "%s", fly_error());
	close(live);
}

Case(socket_claim, fly_socket_claim_drop__nothing)
{
	fly_socket_claim_drop(-1, path);
}
