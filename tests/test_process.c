/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_process.c - forks: what a child can do with what its parent has made, and what the parent
 * notices of it. The server of each case is a process of its own, made before any runtime was.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case.h"
#include "probe_service.h"
#include "runtime/runtime.h"

#define EAL "--no-huge -m 256"

static char directory[] = "/tmp/firefly-process-XXXXXX";
static char vhost_server[96];
static char vhost_client[96];
static char local_server[96];
static char local_client[96];
static struct probe_service service;

static void begin(void)
{
	cr_assert(mkdtemp(directory) != NULL);
	setenv("RUNTIME_DIRECTORY", directory, 1); /* DPDK would leave files there */
	snprintf(vhost_server, sizeof vhost_server, "vhost:%s/v,server", directory);
	snprintf(vhost_client, sizeof vhost_client, "vhost:%s/v,wait=%u", directory, patience(20));
	snprintf(local_server, sizeof local_server, "local:%s/l,server", directory);
	snprintf(local_client, sizeof local_client, "local:%s/l,wait=%u", directory, patience(20));
}

static void end(void)
{
	char command[128];

	snprintf(command, sizeof command, "rm -r %s", directory);
	cr_expect(system(command) == 0);
}

TestSuite(process, .timeout = HANG);

static int start(const char *spec, unsigned pollers, struct fly_runtime **r)
{
	const char *const links[] = {spec, NULL};
	const struct fly_options options = {.size = sizeof options,
					    .links = links,
					    .packets = 4095,
					    .calls = 64,
					    .eal = EAL,
					    .pollers = pollers,
					    .wait = FLY_WAIT_SLEEP};

	return fly_start(&options, r);
}

/* ---- processes ------------------------------------------------------------------------------- */

/* In a child: end with the line that failed. Cases of Criterion end in the parent only. */
#define MUST(condition)                                                                           \
	do {                                                                                      \
		if (!(condition)) {                                                               \
			fprintf(stderr, "process %d: line %d: %s; %s\n", (int)getpid(), __LINE__, \
				#condition, fly_error());                                         \
			_exit(1);                                                                 \
		}                                                                                 \
	} while (0)

/* Run a function in a child. It may take HANG seconds; a child that hangs is ended by SIGALRM. */
static pid_t begin_child(void (*function)(void))
{
	const pid_t child = fork();

	cr_assert(child >= 0);
	if (child != 0)
		return child;
	alarm(patience(60));
	function();
	_exit(0);
}

static void expect_ended_well(int status)
{
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a child ended with %#x",
		  (unsigned)status);
}

static void end_child(pid_t child)
{
	int status;

	cr_assert(waitpid(child, &status, 0) == child);
	expect_ended_well(status);
}

/* ---- a server -------------------------------------------------------------------------------- */

static const char *server_spec;
static struct fly_export_options server_options;
static struct fly_runtime *serving;

static void stop_serving(int number)
{
	(void)number;
	fly_quit(serving);
}

static void serve(void)
{
	signal(SIGTERM, stop_serving);
	MUST(start(server_spec, 0, &serving) == 0);
	MUST(Probe_export_with(serving, &probe_procedures, &service, &server_options) == 0);
	MUST(fly_serve(serving) == 0);
	MUST(service.wrong == 0);
	MUST(fly_stop(serving) == 0);
}

static pid_t begin_server(const char *spec)
{
	server_spec = spec;
	server_options.size = sizeof server_options;
	return begin_child(serve);
}

static void end_server(pid_t server)
{
	kill(server, SIGTERM);
	end_child(server);
}

/* ---- what a child can do with its parent's runtime --------------------------------------------
 */

static struct fly_runtime *r;
static struct fly_binding *binding;
static struct fly_call *call; /* started before the fork */

static bool is_about_a_fork(void)
{
	char parent[32];

	snprintf(parent, sizeof parent, "belongs to process %d", (int)getppid());
	return strstr(fly_error(), parent) != NULL;
}

static void each_counter(void *context, const char *name, const char *about, uint64_t value)
{
	(void)name;
	(void)about;
	(void)value;
	(*(unsigned *)context)++;
}

static void use_the_binding(void)
{
	struct fly_binding *another = NULL;
	struct fly_call *new = NULL;
	uint64_t sum = 99;

	for (unsigned i = 0; i < 3; i++)
		MUST(Probe_Add(binding, 5, 6, &sum) == -FLY_EFORKED && sum == 99);
	MUST(fly_outcome(-FLY_EFORKED) == FLY_NOT_EXECUTED);
	MUST(Probe_Add_start(binding, 5, 6, &new) == -FLY_EFORKED && !new);
	MUST(fly_ready(call));
	MUST(fly_cancel(call) == -FLY_EFORKED && is_about_a_fork());
	MUST(Probe_Add_finish(call, &sum) == -FLY_EFORKED_MAYBE && sum == 99);
	MUST(fly_outcome(-FLY_EFORKED_MAYBE) == FLY_MAYBE_EXECUTED);
	MUST(fly_set_deadline(binding, 1000) == -FLY_EFORKED && is_about_a_fork());
	MUST(fly_set_wait(binding, FLY_WAIT_SPIN) == -FLY_EFORKED && is_about_a_fork());
	MUST(fly_event_fd(binding) == -FLY_EFORKED && is_about_a_fork());
	MUST(fly_attach(binding, &another) == -FLY_EFORKED && is_about_a_fork());
	MUST(fly_rebind(binding) == -FLY_EFORKED && is_about_a_fork());
	MUST(fly_unbind(binding) == -FLY_EFORKED && is_about_a_fork());
	MUST(Probe_Add(binding, 5, 6, &sum) == -FLY_EFORKED);
}

static void use_the_runtime(void)
{
	struct fly_packet_census census = {.size = sizeof census};
	struct fly_binding *another = NULL;
	unsigned n = 0;

	fly_quit(r);
	MUST(fly_serve(r) == -FLY_EFORKED && is_about_a_fork());
	MUST(Probe_import(r, NULL, &another) == -FLY_EFORKED && is_about_a_fork());
	MUST(Probe_export(r, &probe_procedures, &service) == -FLY_EFORKED && is_about_a_fork());
	MUST(fly_packets(r, &census) == -FLY_EFORKED && is_about_a_fork());
	fly_counters(r, each_counter, &n);
	MUST(n > 0);
	MUST(fly_shutdown(r) == -FLY_EFORKED && is_about_a_fork());
	MUST(fly_stop(r) == -FLY_EFORKED && is_about_a_fork());
	MUST(fly_stop(NULL) == -FLY_EINVAL);
	MUST(fly_turn(r) == 0 && is_about_a_fork());
	MUST(fly_remaining() == UINT64_MAX && !fly_cancelled());
}

static void use_all(void)
{
	use_the_binding();
	use_the_runtime();
}

/* Call while a child lives: each result must be that of its call. */
static void call_beside(pid_t child)
{
	int status;
	pid_t ended;
	uint64_t sum;

	for (uint64_t n = 0; (ended = waitpid(child, &status, WNOHANG)) == 0; n++)
		cr_assert(Probe_Add(binding, n, 1, &sum) == 0 && sum == n + 1);
	cr_assert(ended == child);
	expect_ended_well(status);
}

static void fork_beside_calls(const char *client, unsigned pollers)
{
	uint64_t sum = 0;

	cr_assert(start(client, pollers, &r) == 0, "%s", fly_error());
	cr_assert(Probe_import(r, NULL, &binding) == 0, "%s", fly_error());
	cr_assert(Probe_Add(binding, 1, 2, &sum) == 0 && sum == 3);
	cr_assert(Probe_Add_start(binding, 3, 4, &call) == 0);
	call_beside(begin_child(use_all));
	cr_expect(Probe_Add_finish(call, &sum) == 0 && sum == 7, "the parent gets its result");
	cr_expect(Probe_Add(binding, 5, 6, &sum) == 0 && sum == 11);
	cr_expect(fly_unbind(binding) == 0);
	cr_expect(fly_stop(r) == 0, "%s", fly_error());
}

Case(process, fork_beside_calls__over_vhost)
{
	const pid_t server = begin_server(vhost_server);

	fork_beside_calls(vhost_client, 0);
	end_server(server);
}

Case(process, fork_beside_calls__over_vhost_by_an_attached_caller)
{
	const pid_t server = begin_server(vhost_server);

	fork_beside_calls(vhost_client, 1);
	end_server(server);
}

Case(process, fork_beside_calls__over_a_local_link)
{
	const pid_t server = begin_server(local_server);

	fork_beside_calls(local_client, 0);
	end_server(server);
}

Case(process, fork_beside_calls__over_a_local_link_with_pollers)
{
	const pid_t server = begin_server(local_server);

	fork_beside_calls(local_client, 1);
	end_server(server);
}

/* ---- a runtime that was stopped before the fork ------------------------------------------------
 */

static void start_links(void)
{
	char from[64];

	snprintf(from, sizeof from, "DPDK was started in process %d", (int)getppid());
	MUST(start(vhost_client, 0, &r) == -FLY_EFORKED && strstr(fly_error(), from));
	MUST(start(vhost_client, 1, &r) == -FLY_EFORKED && !r);
}

Case(process, fly_start__of_links_in_a_child_of_a_process_that_had_some)
{
	const pid_t server = begin_server(vhost_server);

	cr_assert(start(vhost_client, 0, &r) == 0, "%s", fly_error());
	cr_expect(fly_stop(r) == 0);
	end_child(begin_child(start_links));
	fork_beside_calls(vhost_client, 0);
	end_server(server);
}

/* What failed in the parent before DPDK started is no obstacle. */
static void start_with_good_options(void)
{
	MUST(start("vdev:net_ring_b,ip=10.9.8.7,peer=10.9.8.7", 0, &r) == 0);
	MUST(fly_stop(r) == 0);
}

Case(process, fly_start__in_a_child_of_a_process_that_had_wrong_options)
{
	const char *const links[] = {"vdev:net_ring_a,ip=10.9.8.7,peer=10.9.8.7", NULL};
	const struct fly_options wrong = {.size = sizeof wrong,
					  .links = links,
					  .eal = "--nonesuch"};

	cr_assert(fly_start(&wrong, &r) == -FLY_ESYSTEM);
	end_child(begin_child(start_with_good_options));
	start_with_good_options();
	end_child(begin_child(start_links));
}

/* Local links need nothing of DPDK. */
static void call_locally(void)
{
	uint64_t sum = 0;

	MUST(start(local_server, 1, &serving) == 0);
	MUST(Probe_export(serving, &probe_procedures, &service) == 0);
	MUST(start(local_client, 0, &r) == 0);
	MUST(Probe_import(r, NULL, &binding) == 0);
	MUST(Probe_Add(binding, 1, 2, &sum) == 0 && sum == 3);
	MUST(fly_stop(r) == 0);
	MUST(fly_stop(serving) == 0);
}

Case(process, fly_start__of_local_links_in_a_child)
{
	const char *const self = "vdev:net_ring_a,ip=10.9.8.7,peer=10.9.8.7";

	cr_assert(start(self, 0, &r) == 0, "%s", fly_error());
	end_child(begin_child(call_locally)); /* beside a runtime of the parent */
	cr_expect(fly_stop(r) == 0, "%s", fly_error());
	end_child(begin_child(call_locally));
	call_locally();
	end_child(begin_child(call_locally));
}

static void serve_some(void)
{
	const pid_t server = begin_server(vhost_server);

	fork_beside_calls(vhost_client, 0);
	end_server(server);
}

Case(process, fly_start__in_two_children_of_a_process_without_a_runtime)
{
	end_child(begin_child(serve_some));
	end_child(begin_child(serve_some));
}

/* ---- daemon() after fly_start() ----------------------------------------------------------------
 */

static int told[2];
static int go[2];

/* As a program does that becomes a daemon too late. Its own parent has ended by then. */
static void become_a_daemon(void)
{
	int status;

	MUST(start(vhost_server, 0, &r) == 0);
	MUST(Probe_export(r, &probe_procedures, &service) == 0);
	MUST(daemon(1, 1) == 0);
	alarm(patience(60));
	status = fly_serve(r);
	MUST(write(told[1], &status, sizeof status) == sizeof status);
	MUST(write(told[1], fly_error(), strlen(fly_error())) > 0);
	MUST(fly_stop(r) == -FLY_EFORKED);
}

Case(process, fly_serve__in_a_daemon_says_what_is_wrong)
{
	char text[512] = "";
	char wanted[128];
	pid_t program;
	int status = 0;

	cr_assert(pipe(told) == 0);
	program = begin_child(become_a_daemon);
	cr_assert(read(told[0], &status, sizeof status) == sizeof status);
	cr_expect(status == -FLY_EFORKED);
	cr_assert(read(told[0], text, sizeof text - 1) > 0);
	snprintf(wanted, sizeof wanted,
		 "fly_serve: the runtime belongs to process %d, which forked this one; call "
		 "fly_start() here, after fork() or daemon()",
		 (int)program);
	cr_expect_str_eq(text, wanted);
	end_child(program);
	close(told[0]);
	close(told[1]);
}

/* ---- procedures that fork ----------------------------------------------------------------------
 */

static void do_as_a_child(void)
{
	if (serving && fly_stop(serving) != -FLY_EFORKED)
		_exit(2);
	_exit(fly_cancelled() || fly_remaining() != UINT64_MAX);
}

static void fork_and_execute(void *unused)
{
	int status = 0;
	pid_t child;

	(void)unused;
	MUST(system("exit 3") == 3 << 8);
	child = fork();
	if (child == 0)
		execl("/bin/sh", "sh", "-c", "exit 4", (char *)NULL);
	MUST(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 4);
	child = fork();
	if (child == 0)
		do_as_a_child();
	MUST(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void call_what_forks(const char *server_link, const char *client, unsigned workers)
{
	pid_t server;
	uint64_t sum;

	service.during = fork_and_execute;
	server_options.workers = workers;
	server = begin_server(server_link);
	cr_assert(start(client, 0, &r) == 0, "%s", fly_error());
	cr_assert(Probe_import(r, NULL, &binding) == 0, "%s", fly_error());
	for (unsigned n = 0; n < 5; n++) {
		cr_expect(Probe_Null(binding) == 0);
		cr_expect(Probe_Add(binding, n, 2, &sum) == 0 && sum == n + 2);
	}
	cr_expect(fly_stop(r) == 0);
	end_server(server);
}

Case(process, call_what_forks__on_a_poller)
{
	call_what_forks(vhost_server, vhost_client, 0);
}

Case(process, call_what_forks__on_a_worker)
{
	call_what_forks(vhost_server, vhost_client, 2);
}

Case(process, call_what_forks__over_a_local_link)
{
	call_what_forks(local_server, local_client, 0);
}

Case(process, call_what_forks__on_a_worker_over_a_local_link)
{
	call_what_forks(local_server, local_client, 2);
}

/* ---- a child that outlives its parent ----------------------------------------------------------
 */

static void wait_for_end(void)
{
	for (;;)
		pause();
}

static void serve_and_leave_a_child(void)
{
	pid_t child;

	MUST(start(server_spec, 0, &serving) == 0);
	MUST(Probe_export(serving, &probe_procedures, &service) == 0);
	child = fork();
	if (child == 0) {
		alarm(patience(60));
		wait_for_end();
	}
	MUST(write(told[1], &child, sizeof child) == sizeof child);
	fly_serve(serving);
}

/* The next server, forked before this process has a runtime. */
static void serve_when_told(void)
{
	char byte;

	MUST(read(go[0], &byte, 1) == 1);
	serve();
}

/* The server dies, its child lives: clients notice, and another server takes the place. */
static void outlive(const char *server_link, const char *client)
{
	uint64_t sum;
	pid_t server;
	pid_t next;
	pid_t child;
	int status;

	cr_assert(pipe(told) == 0 && pipe(go) == 0);
	server_spec = server_link;
	server_options.size = sizeof server_options;
	next = begin_child(serve_when_told);
	server = begin_child(serve_and_leave_a_child);
	cr_assert(read(told[0], &child, sizeof child) == sizeof child);
	cr_assert(start(client, 0, &r) == 0, "%s", fly_error());
	cr_assert(Probe_import(r, NULL, &binding) == 0, "%s", fly_error());
	cr_expect(Probe_Add(binding, 1, 2, &sum) == 0 && sum == 3);
	kill(server, SIGKILL);
	cr_assert(waitpid(server, &status, 0) == server);
	while ((status = Probe_Add(binding, 1, 2, &sum)) == 0)
		;
	cr_expect(status == -FLY_ELINK || status == -FLY_EPEER, "%s", fly_status_name(status));
	cr_expect(fly_stop(r) == 0);
	cr_assert(write(go[1], "", 1) == 1);
	cr_assert(start(client, 0, &r) == 0, "%s", fly_error());
	cr_assert(Probe_import(r, NULL, &binding) == 0, "%s", fly_error());
	cr_expect(Probe_Add(binding, 1, 2, &sum) == 0 && sum == 3);
	cr_expect(fly_stop(r) == 0);
	end_server(next);
	kill(child, SIGKILL);
	close(told[0]);
	close(told[1]);
}

Case(process, outlive__a_server_of_a_local_link)
{
	outlive(local_server, local_client);
}

#define DESCRIPTORS 1024

static bool was_socket[DESCRIPTORS]; /* before the runtimes */

static bool is_socket(int fd)
{
	struct stat s;

	return fstat(fd, &s) == 0 && S_ISSOCK(s.st_mode);
}

static unsigned count_sockets(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < DESCRIPTORS; fd++)
		n += is_socket(fd) && !was_socket[fd];
	return n;
}

static void have_no_sockets(void)
{
	MUST(count_sockets() == 0);
}

/* Otherwise peers would take it for its parent, after the parent's death. */
Case(process, fly_clofork_forked__a_child_has_no_sockets_of_its_parent)
{
	const pid_t server = begin_server(local_server);
	struct fly_runtime *another;
	char spec[64];
	uint64_t sum;

	for (int fd = 0; fd < DESCRIPTORS; fd++)
		was_socket[fd] = is_socket(fd);
	snprintf(spec, sizeof spec, "local:process-sockets-%d,server", (int)getpid());
	cr_assert(start(spec, 0, &another) == 0, "%s", fly_error());
	cr_assert(start(local_client, 0, &r) == 0, "%s", fly_error());
	cr_assert(Probe_import(r, NULL, &binding) == 0, "%s", fly_error());
	cr_expect(count_sockets() == 2, "one listens, one is connected");
	end_child(begin_child(have_no_sockets));
	cr_expect(count_sockets() == 2, "the parent keeps them");
	cr_expect(Probe_Add(binding, 1, 2, &sum) == 0 && sum == 3);
	cr_expect(fly_stop(r) == 0 && fly_stop(another) == 0);
	cr_expect(count_sockets() == 0);
	end_server(server);
}

/* ---- forks beside other threads ----------------------------------------------------------------
 */

static _Atomic bool is_over;

/* Takes all locks that a fork finds held: bindings come and go. */
static void *bind_and_unbind(void *unused)
{
	struct fly_binding *mine;
	uint64_t sum;

	(void)unused;
	while (!is_over) {
		cr_assert(Probe_import(r, NULL, &mine) == 0, "%s", fly_error());
		cr_assert(Probe_Add(mine, 1, 1, &sum) == 0 && sum == 2);
		cr_assert(fly_unbind(mine) == 0);
	}
	return NULL;
}

static void use_at_once(void)
{
	uint64_t sum;

	MUST(Probe_Add(binding, 5, 6, &sum) == -FLY_EFORKED);
	MUST(fly_unbind(binding) == -FLY_EFORKED);
	MUST(fly_stop(r) == -FLY_EFORKED);
}

static void fork_beside_threads(const char *server_link, const char *client)
{
	const pid_t server = begin_server(server_link);
	pthread_t threads[2];

	is_over = false;
	cr_assert(start(client, 1, &r) == 0, "%s", fly_error());
	cr_assert(Probe_import(r, NULL, &binding) == 0, "%s", fly_error());
	for (unsigned i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, bind_and_unbind, NULL);
	for (unsigned i = 0; i < 50; i++)
		end_child(begin_child(use_at_once));
	is_over = true;
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	cr_expect(fly_stop(r) == 0, "%s", fly_error());
	end_server(server);
}

Case(process, fork_beside_threads__that_bind_over_vhost)
{
	fork_beside_threads(vhost_server, vhost_client);
}

Case(process, fork_beside_threads__that_bind_over_a_local_link)
{
	fork_beside_threads(local_server, local_client);
}
