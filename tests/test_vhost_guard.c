/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_vhost_guard.c - a server over vhost that sleeps, on a thread of its own, and a client that
 * sends its driver messages of vhost-user: over the socket of the client's driver, by hand.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/system_clock.h"
#include "case.h"
#include "probe_service.h"
#include "runtime/runtime.h"

#define EAL          "--no-huge -m 256"
#define GET_FEATURES 1 /* of vhost-user's messages */
#define VERSION      1 /* its flags */

static char directory[] = "/tmp/firefly-vhost-guard-XXXXXX";
static struct probe_service service;
static struct fly_runtime *client;
static struct fly_binding *binding;

static struct {
	pthread_t thread;
	pthread_barrier_t up;
	struct fly_runtime *r;
} server;

static struct fly_runtime *start(const char *role, enum fly_wait wait)
{
	char spec[128];
	const char *const links[] = {spec, NULL};
	const struct fly_options options = {
		.size = sizeof options,
		.links = links,
		.packets = 2047,
		.eal = EAL,
		.wait = wait,
	};
	struct fly_runtime *r;

	snprintf(spec, sizeof spec, "vhost:%s/v,%s", directory, role);
	cr_assert(fly_start(&options, &r) == 0, "%s", fly_error());
	return r;
}

static void *serve(void *context)
{
	server.r = start("server", FLY_WAIT_SLEEP);
	cr_assert(Probe_export(server.r, &probe_procedures, &service) == 0, "%s", fly_error());
	pthread_barrier_wait(&server.up);
	fly_serve(server.r);
	cr_expect(fly_stop(server.r) == 0, "%s", fly_error());
	return context;
}

static void begin(void)
{
	cr_assert(mkdtemp(directory) != NULL);
	setenv("RUNTIME_DIRECTORY", directory, 1);
	pthread_barrier_init(&server.up, NULL, 2);
	pthread_create(&server.thread, NULL, serve, NULL);
	pthread_barrier_wait(&server.up);
	client = start("wait=20", FLY_WAIT_SPIN);
	cr_assert(Probe_import(client, NULL, &binding) == 0, "%s", fly_error());
}

static void end(void)
{
	char command[128];

	cr_expect(fly_stop(client) == 0, "%s", fly_error());
	fly_quit(server.r);
	pthread_join(server.thread, NULL);
	snprintf(command, sizeof command, "rm -r %s", directory);
	cr_expect(system(command) == 0);
}

TestSuite(vhost_guard, .timeout = HANG);

/* The client's driver has the only socket here that is connected to the server's path. */
static int find_socket(void)
{
	char path[64];

	snprintf(path, sizeof path, "%s/v", directory);
	for (int fd = 3; fd < 1024; fd++) {
		struct sockaddr_un there = {0};
		socklen_t bytes = sizeof there;

		if (getpeername(fd, (struct sockaddr *)&there, &bytes) == 0 &&
		    there.sun_family == AF_UNIX && strcmp(there.sun_path, path) == 0)
			return fd;
	}
	return -1;
}

/* One that changes nothing, and its answer. */
static void send_message(int fd)
{
	const uint32_t message[3] = {GET_FEATURES, VERSION, 0};
	uint8_t answer[sizeof message + sizeof(uint64_t)];

	cr_assert(send(fd, message, sizeof message, MSG_NOSIGNAL) == sizeof message);
	cr_assert(recv(fd, answer, sizeof answer, MSG_WAITALL) == sizeof answer);
}

static uint64_t sleeps_ended(void)
{
	return fly_stats_get(&server.r->poller.stats, FLY_COUNT_sleeps_ended);
}

/*
 * While a message is handled the poller is out of the client's memory, and the client is told not
 * to wake it. A poller that sleeps has asked for that before: it has to ask again.
 */
Case(vhost_guard, fly_vhost_guard_ask__once_more_after_a_message)
{
	const uint64_t end_ms = fly_system_clock_ms() + 1000 * patience(5);
	const int fd = find_socket();
	uint64_t before;

	cr_assert(fd >= 0);
	cr_expect(Probe_Null(binding) == 0);
	before = sleeps_ended();
	while (sleeps_ended() < before + 8 && fly_system_clock_ms() < end_ms) {
		send_message(fd);
		usleep(3000); /* it goes to sleep */
	}
	cr_expect(sleeps_ended() >= before + 8, "a packet now would wait until it wakes by itself");
	cr_expect(Probe_Null(binding) == 0);
}
