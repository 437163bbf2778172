/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_local_import.c - importing over the local link: whose server is accepted, and what each
 * failure says. Servers are other processes, or sockets that are no servers.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apart.h"
#include "case.h"
#include "local/life.h"
#include "local/map.h"
#include "probe_service.h"

#define NOBODY 65534

static struct apart server;
static struct fly_runtime *client;
static struct fly_binding *binding;
static char peer[128];

static void begin(void)
{
	apart_init(&server, "local-import");
	apart_fork(&server, 1);
}

static void start_client(void)
{
	const char *const links[] = {server.link, NULL};
	const struct fly_options o = {.size = sizeof o,
				      .links = links,
				      .packets = 1023,
				      .call_timeout_ms = 500 * patience(1),
				      .eal = APART_EAL};

	cr_assert(fly_start(&o, &client) == 0, "%s", fly_error());
}

static void join(void)
{
	apart_start(&server);
	start_client();
}

static void end(void)
{
	cr_expect(!client || fly_stop(client) == 0);
	apart_end(&server);
}

/* Import, with more behind the name. Return: the status; the binding has ended again. */
static int import(const char *more)
{
	int status;

	snprintf(peer, sizeof peer, "%s%s", server.link, more);
	status = Probe_import(client, peer, &binding);
	if (status == 0)
		fly_unbind(binding);
	return status;
}

static bool is_said(const char *what)
{
	cr_expect(strstr(fly_error(), what) != NULL, "%s", fly_error());
	cr_expect(strchr(fly_error(), '\n') == NULL);
	return strstr(fly_error(), what) != NULL;
}

TestSuite(local_import, .timeout = HANG);

/* ---- whose server ---- */

Case(local_import, check_server__of_another_user_only_if_it_is_named)
{
	char said[64];

	if (getuid() != 0)
		cr_skip("only root can run a server of another user");
	apart_end(&server);
	apart_init(&server, "local-import-nobody");
	server.uid = NOBODY;
	apart_fork(&server, 1);
	join();
	cr_expect(import("") == -FLY_EPERM);
	snprintf(said, sizeof said, ",uid=%u", NOBODY);
	cr_expect(is_said("neither ours") && is_said(said));
	cr_expect(import(said) == 0, "%s", fly_error());
	cr_expect(import(",uid=any") == 0, "%s", fly_error());
	cr_expect(import(",uid=0") == -FLY_EPERM && is_said("is not of user 0, but 65534"));
	cr_expect(Probe_import(client, NULL, &binding) == -FLY_EPERM, "as the link says");
}

Case(local_import, check_server__of_our_user_and_of_root)
{
	join();
	cr_expect(import("") == 0, "%s", fly_error());
	if (getuid() != 0)
		return;
	cr_assert(seteuid(NOBODY) == 0);
	cr_expect(import("") == 0, "%s", fly_error());
	cr_assert(seteuid(0) == 0);
}

/* The kernel tells who called listen(2), which a server may do before it becomes another user. */
Case(local_import, check_server__is_about_the_user_that_listened)
{
	struct sockaddr_un address;
	const int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (getuid() != 0)
		cr_skip("only root can become another user");
	start_client();
	cr_assert(bind(s, (struct sockaddr *)&address,
		       fly_astack_address(server.link + 6, &address)) == 0);
	cr_assert(listen(s, 5) == 0);
	cr_assert(seteuid(NOBODY) == 0);
	cr_expect(import(",uid=0") == -FLY_EPEER && is_said("has not answered for"));
	cr_expect(import(",uid=65534") == -FLY_EPERM);
	cr_assert(seteuid(0) == 0);
	close(s);
}

/* For another thread the same server is wanted as for this one. */
Case(local_import, attach__not_at_a_server_of_another_user)
{
	struct sockaddr_un address;
	struct fly_binding *mine;
	int s;

	if (getuid() != 0)
		cr_skip("only root can become another user");
	join();
	cr_assert(Probe_import(client, NULL, &binding) == 0, "%s", fly_error());
	cr_expect(fly_attach(binding, &mine) == 0);
	fly_unbind(mine);
	apart_kill(&server);
	s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	cr_assert(bind(s, (struct sockaddr *)&address,
		       fly_astack_address(server.link + 6, &address)) == 0);
	cr_assert(seteuid(NOBODY) == 0);
	cr_assert(listen(s, 5) == 0);
	cr_assert(seteuid(0) == 0);
	cr_expect(fly_attach(binding, &mine) == -FLY_EPERM && is_said("neither ours"));
	cr_expect(fly_rebind(binding) == -FLY_EPERM);
	close(s);
}

/* ---- a path ---- */

Case(local_import, keep_name__the_program_changes_its_directory)
{
	char directory[] = "/tmp/fly-local-import-XXXXXX";

	cr_assert(mkdtemp(directory) && chdir(directory) == 0);
	apart_end(&server);
	apart_init(&server, "local-import-path");
	snprintf(server.link, sizeof server.link, "local:./s");
	apart_fork(&server, 1);
	join();
	cr_assert(Probe_import(client, NULL, &binding) == 0, "%s", fly_error());
	cr_assert(chdir("/") == 0);
	cr_expect(fly_rebind(binding) == 0, "%s", fly_error());
	cr_expect(Probe_Null(binding) == 0);
	cr_assert(chdir(directory) == 0 && unlink("s") == 0 && rmdir(directory) == 0);
}

Case(local_import, keep_name__that_is_too_long_from_the_root)
{
	char directory[256];
	struct fly_binding *none;

	snprintf(directory, sizeof directory, "/tmp/firefly-local-%d-%0100d", (int)getpid(), 0);
	join();
	cr_assert(mkdir(directory, 0700) == 0 && chdir(directory) == 0);
	cr_expect(Probe_import(client, "local:./s", &none) == -FLY_EINVAL);
	cr_expect(strstr(fly_error(), "too long for a socket") != NULL, "%s", fly_error());
	cr_expect(chdir("/") == 0 && rmdir(directory) == 0);
}

/* ---- what is wrong ---- */

Case(local_import, unreachable__says_what_is_not_there)
{
	start_client();
	cr_expect(import(",wait=0") == -FLY_EPEER && is_said("nobody listens at"));
	cr_expect(is_said("in this network namespace"));
	cr_expect(Probe_import(client, "local:/nowhere/x,wait=0", &binding) == -FLY_EPEER);
	cr_expect(is_said("there is no socket"));
}

/* A socket at the server's name that is no server. */
static int squat(int backlog)
{
	struct sockaddr_un address;
	const int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	cr_assert(bind(s, (struct sockaddr *)&address,
		       fly_astack_address(server.link + 6, &address)) == 0);
	cr_assert(listen(s, backlog) == 0);
	return s;
}

Case(local_import, unreachable__a_server_that_accepts_nobody)
{
	struct sockaddr_un address;
	const socklen_t length = fly_astack_address(server.link + 6, &address);
	const int s = squat(1);
	int waiting[8];

	start_client();
	for (unsigned i = 0; i < 8; i++) {
		waiting[i] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)!connect(waiting[i], (struct sockaddr *)&address, length);
	}
	cr_expect(import(",wait=0") == -FLY_EPEER && is_said("lets nobody in"));
	for (unsigned i = 0; i < 8; i++)
		close(waiting[i]);
	close(s);
}

static void *answer(void *context)
{
	const int *s = context;

	for (unsigned i = 0; i < 2; i++) {
		const int peer_socket = accept(*s, NULL, NULL);

		if (i == 0)
			(void)!send(peer_socket, "220 mail ESMTP", 14, 0);
		usleep(10000);
		close(peer_socket);
	}
	return NULL;
}

Case(local_import, receive__what_is_no_server)
{
	pthread_t thread;
	int s = squat(5);

	start_client();
	cr_expect(import("") == -FLY_EPEER && is_said("has not answered for"));
	close(accept(s, NULL, NULL));
	cr_assert(pthread_create(&thread, NULL, answer, &s) == 0);
	cr_expect(import("") == -FLY_EPEER && is_said("is no Firefly server"));
	cr_expect(import("") == -FLY_EPEER && is_said("ended the connection without an answer"));
	pthread_join(thread, NULL);
	close(s);
}

/* ---- what a server says ---- */

struct saying {
	int listener;
	struct fly_bind_answer answer;
	bool has_memory;
	int life_fd;
};

static void *say(void *context)
{
	const struct saying *s = context;
	const int at = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
	struct fly_bind_answer answer = s->answer;
	struct fly_astack_memory m = {0};
	struct fly_bind_request request;
	int fds[FLY_BIND_FDS];

	(void)!recv(at, &request, sizeof request, 0);
	if (s->has_memory && fly_astack_make(&m, 2, false, fds) == 0) {
		answer.slots = 2;
		answer.near_bytes = m.near_bytes;
		answer.far_bytes = m.far_bytes;
		fds[FLY_BIND_LIFE] = s->life_fd;
		fly_bind_send(at, &answer, fds);
		close(fds[FLY_BIND_NEAR]);
		close(fds[FLY_BIND_FAR]);
		close(fds[FLY_BIND_RESULTS]);
		fly_astack_unmap(&m);
	} else {
		fly_bind_send(at, &answer, NULL);
	}
	(void)!recv(at, &request, sizeof request, 0); /* until the client has gone */
	close(at);
	return NULL;
}

static int import_of(struct saying s)
{
	pthread_t thread;
	int status;

	cr_assert(pthread_create(&thread, NULL, say, &s) == 0);
	status = import("");
	pthread_join(thread, NULL);
	return status;
}

Case(local_import, receive__answers_of_others)
{
	const struct fly_bind_answer good = {.magic = FLY_BIND_MAGIC,
					     .protocol = FLY_BIND_PROTOCOL};
	struct saying s = {.listener = squat(5), .answer = good};

	start_client();
	s.answer.magic++;
	s.answer.status = -FLY_ENOEXPORT;
	cr_expect(import_of(s) == -FLY_EPEER && is_said("is no Firefly server"));
	s.answer = good;
	s.answer.status = -FLY_ENOEXPORT;
	cr_expect(import_of(s) == -FLY_ENOEXPORT);
	s.answer.status = -100000;
	cr_expect(import_of(s) == -FLY_EVERSION);
	s.answer.status = 1;
	cr_expect(import_of(s) == -FLY_EVERSION, "no status is positive");
	close(s.listener);
}

Case(local_import, map_answer__what_a_binding_is_made_of)
{
	const struct fly_bind_answer good = {.magic = FLY_BIND_MAGIC,
					     .protocol = FLY_BIND_PROTOCOL};
	struct fly_life *life;
	struct saying s = {.listener = squat(5), .answer = good, .has_memory = true};

	start_client();
	life = fly_life_make(&s.life_fd);
	cr_assert(life != NULL);
	cr_expect(import_of(s) == 0, "%s", fly_error());
	s.answer.protocol++;
	cr_expect(import_of(s) == -FLY_EVERSION && is_said("run the same release"));
	s.answer = good;
	s.has_memory = false;
	cr_expect(import_of(s) == -FLY_EINVAL && is_said("offers memory"));
	s.has_memory = true;
	fly_life_free(life, s.life_fd);
	s.life_fd = eventfd(0, EFD_CLOEXEC);
	cr_expect(import_of(s) == -FLY_EINVAL, "that is no life page");
	close(s.life_fd);
	close(s.listener);
}

static unsigned n_descriptors(const char *path)
{
	DIR *all = opendir(path);
	unsigned n = 0;

	while (readdir(all))
		n++;
	closedir(all);
	return n;
}

Case(local_import, receive__no_descriptor_is_left_here)
{
	struct rlimit limit;
	unsigned before;
	rlim_t was;
	int lowest;

	join();
	cr_assert(import("") == 0);
	before = n_descriptors("/proc/self/fd");
	lowest = dup(0);
	close(lowest);
	getrlimit(RLIMIT_NOFILE, &limit);
	was = limit.rlim_cur;
	for (rlim_t left = 0; left < 4; left++) { /* the socket, and the three that come */
		limit.rlim_cur = (rlim_t)lowest + left;
		setrlimit(RLIMIT_NOFILE, &limit);
		cr_expect(import("") == -FLY_ESYSTEM, "%u", (unsigned)left);
		cr_expect(is_said("ulimit -n") && is_said("Too many open files"));
	}
	limit.rlim_cur = was;
	setrlimit(RLIMIT_NOFILE, &limit);
	cr_expect(n_descriptors("/proc/self/fd") == before, "%u %u", n_descriptors("/proc/self/fd"),
		  before);
	cr_expect(import("") == 0, "%s", fly_error());
}

/* Its next descriptors: one for the connection, two for the memory. */
Case(local_import, refused__no_descriptor_is_left_there)
{
	unsigned refusals = 0;
	struct rlimit limit;
	struct rlimit was;
	char path[64];
	int status = -FLY_EPEER;

	join();
	cr_assert(import("") == 0);
	snprintf(path, sizeof path, "/proc/%d/fd", (int)server.pid[0]);
	cr_assert(prlimit(server.pid[0], RLIMIT_NOFILE, NULL, &was) == 0);
	limit = was;
	/* Its numbers are dense; n_descriptors() counts two of the directory. */
	for (limit.rlim_cur = n_descriptors(path) - 3; status != 0; limit.rlim_cur++) {
		prlimit(server.pid[0], RLIMIT_NOFILE, &limit, NULL);
		usleep(200000); /* it accepts again */
		status = import("");
		if (status == -FLY_ESYSTEM) {
			refusals++;
			cr_expect(is_said("Too many open files; raise its limit"));
		} else {
			cr_expect(status == 0 || status == -FLY_EPEER, "%d", status);
		}
	}
	prlimit(server.pid[0], RLIMIT_NOFILE, &was, NULL);
	cr_expect(refusals > 0);
}
