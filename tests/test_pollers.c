/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_pollers.c - runtimes with poller threads: they serve, stop, and start again; wrong options
 * are refused in one line.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case.h"
#include "pair.h"
#include "runtime/pollers.h"
#include "runtime/runtime.h"

#define EAL  "--no-huge -m 256"
#define SELF "vdev:net_ring_a,ip=10.9.8.7,peer=10.9.8.7"

static char directory[] = "/tmp/firefly-pollers-XXXXXX";
static char server_spec[96];
static char client_spec[96];

static void begin(void)
{
	cr_assert(mkdtemp(directory) != NULL);
	setenv("RUNTIME_DIRECTORY", directory, 1);
	snprintf(server_spec, sizeof server_spec, "vhost:%s/v,server", directory);
	snprintf(client_spec, sizeof client_spec, "vhost:%s/v,wait=3", directory);
}

static void end(void)
{
	char command[128];

	snprintf(command, sizeof command, "test -z \"$(find %s ! -type d | tee /dev/stderr)\"",
		 directory);
	cr_expect(system(command) == 0, "files are left");
	snprintf(command, sizeof command, "rm -r %s", directory);
	cr_expect(system(command) == 0);
}

TestSuite(pollers, .timeout = HANG);

static struct fly_options options_for(const char *const *links, unsigned pollers)
{
	return (struct fly_options){
		.size = sizeof(struct fly_options),
		.links = links,
		.packets = 4095,
		.calls = 64,
		.call_timeout_ms = 2000,
		.eal = EAL,
		.pollers = pollers,
		.wait = FLY_WAIT_YIELD,
	};
}

static uint64_t counter_value;

static void take_counter(void *wanted, const char *name, const char *about, uint64_t value)
{
	(void)about;
	if (strcmp(name, wanted) == 0)
		counter_value = value;
}

static uint64_t counter(const struct fly_runtime *r, const char *name)
{
	counter_value = UINT64_MAX;
	fly_counters(r, take_counter, (void *)(uintptr_t)name);
	return counter_value;
}

Case(pollers, fly_pollers_stop__the_core_is_free_again)
{
	static const char *const links[] = {SELF, NULL};
	const struct fly_options o = options_for(links, 1);
	struct fly_topology *topology;
	struct fly_runtime *r;
	unsigned before = 0;
	unsigned after = 0;

	cr_assert(fly_topology_read(&topology) == 0, "%s", fly_error());
	cr_assert(fly_pollers_choose(&o, topology, 0, &before) == 0, "%s", fly_error());
	fly_pollers_leave(&before, 1);
	cr_assert(fly_start(&o, &r) == 0, "%s", fly_error());
	cr_expect(fly_stop(r) == 0, "%s", fly_error());
	cr_expect(fly_pollers_choose(&o, topology, 0, &after) == 0, "%s", fly_error());
	cr_expect(before == after, "%u, then %u", before, after);
	fly_pollers_leave(&after, 1);
	fly_topology_free(topology);
}

static char remark[256];

static void keep_remark(void *context, const char *line)
{
	(void)context;
	snprintf(remark, sizeof remark, "%s", line);
}

/* Another process has a core: the next ones take others, and who names it is told. */
Case(pollers, fly_pollers_choose__avoids_cores_on_which_other_processes_spin)
{
	static const char *const links[] = {SELF, NULL};
	struct fly_options o = options_for(links, 1);
	struct fly_topology *topology;
	char list[16];
	unsigned core = 0;
	unsigned other = 0;
	int up[2];
	pid_t child;

	o.wait = FLY_WAIT_SPIN;
	o.notice = keep_remark;
	cr_assert(pipe(up) == 0);
	child = fork();
	if (child == 0) {
		if (fly_topology_read(&topology) || fly_pollers_choose(&o, topology, 0, &core) ||
		    write(up[1], &core, sizeof core) != sizeof core)
			_exit(1);
		pause();
		_exit(0);
	}
	close(up[1]); /* a child that ends is heard */
	cr_assert(read(up[0], &core, sizeof core) == sizeof core);
	cr_assert(fly_topology_read(&topology) == 0);
	cr_assert(fly_pollers_choose(&o, topology, 0, &other) == 0);
	if (fly_topology_count_cores(topology) > 1) /* if others poll here as well, none is free */
		cr_expect(other != core || *remark, "%u", core);
	fly_pollers_leave(&other, 1);
	*remark = '\0';
	snprintf(list, sizeof list, "%u", core);
	o.cores = list;
	cr_assert(fly_pollers_choose(&o, topology, 0, &other) == 0 && other == core);
	cr_expect(strstr(remark, "another Firefly process") != NULL, "%s", remark);
	fly_pollers_leave(&other, 1);
	*remark = '\0';
	o.wait = FLY_WAIT_YIELD;
	cr_assert(fly_pollers_choose(&o, topology, 0, &other) == 0 && other == core);
	cr_expect(*remark == '\0', "it may share: %s", remark);
	fly_pollers_leave(&other, 1);
	fly_topology_free(topology);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

Case(pollers, fly_start__a_runtime_that_polls_by_itself_serves)
{
	const char *const at_server[] = {server_spec, NULL};
	const char *const at_client[] = {client_spec, NULL};
	const struct fly_options serves = options_for(at_server, 1);
	const struct fly_options calls = options_for(at_client, 0);
	struct probe_service service = {0};
	struct fly_runtime *server;
	struct fly_runtime *client;
	struct fly_binding *binding;
	uint64_t sum;

	cr_assert(fly_start(&serves, &server) == 0, "%s", fly_error());
	cr_assert(Probe_export(server, &probe_procedures, &service) == 0, "%s", fly_error());
	cr_assert(fly_start(&calls, &client) == 0, "%s", fly_error());
	cr_assert(Probe_import(client, NULL, &binding) == 0, "%s", fly_error());
	for (uint32_t i = 0; i < 200; i++) {
		cr_assert(Probe_Add(binding, i, 1, &sum) == 0);
		cr_expect(sum == i + 1);
	}
	cr_expect(fly_turn(server) == 0, "it is not ours to turn");
	cr_expect(counter(server, "calls_served") >= 200);
	cr_expect(fly_stop(client) == 0);
	cr_expect(fly_stop(server) == 0, "all packets are back");
	cr_expect(service.executions == 200, "%u", service.executions);
}

struct caller {
	pthread_t thread;
	struct fly_runtime *client;
	uint32_t first;
	unsigned wrong;
};

static void *call(void *context)
{
	struct caller *c = context;
	struct fly_binding *binding;
	uint8_t data[1440];
	uint64_t sum;

	if (Probe_import(c->client, NULL, &binding)) {
		c->wrong = UINT32_MAX;
		return NULL;
	}
	for (uint32_t i = c->first; i < c->first + 200; i++) {
		c->wrong += Probe_Add(binding, i, 1, &sum) != 0 || sum != i + 1;
		c->wrong += Probe_Fill(binding, i, data) != 0;
	}
	fly_unbind(binding);
	return NULL;
}

/* Two threads call through a client, each with its own binding. */
static void calls_from_threads(struct fly_runtime *client)
{
	struct caller callers[2] = {{.client = client}, {.client = client, .first = 1000}};

	for (unsigned i = 0; i < 2; i++)
		pthread_create(&callers[i].thread, NULL, call, &callers[i]);
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(callers[i].thread, NULL);
		cr_expect(callers[i].wrong == 0, "%u wrong", callers[i].wrong);
	}
}

Case(pollers, fly_import__any_thread_calls_through_a_runtime_that_polls_by_itself)
{
	const char *const at_server[] = {server_spec, NULL};
	const char *const at_client[] = {client_spec, NULL};
	const struct fly_options serves = options_for(at_server, 1);
	const struct fly_options calls = options_for(at_client, 1);
	struct probe_service service = {0};
	struct fly_runtime *server;
	struct fly_runtime *client;

	cr_assert(fly_start(&serves, &server) == 0, "%s", fly_error());
	cr_assert(Probe_export(server, &probe_procedures, &service) == 0, "%s", fly_error());
	cr_assert(fly_start(&calls, &client) == 0, "%s", fly_error());
	calls_from_threads(client);
	cr_expect(fly_stop(client) == 0);
	cr_expect(fly_stop(server) == 0);
	cr_expect(service.executions == 800, "%u", service.executions);
}

static void serve_and_call(unsigned servers, unsigned clients)
{
	const char *const at_server[] = {server_spec, NULL};
	const char *const at_client[] = {client_spec, NULL};
	const struct fly_options serves = options_for(at_server, servers);
	const struct fly_options calls = options_for(at_client, clients);
	struct probe_service service = {0};
	struct fly_runtime *server;
	struct fly_runtime *client;

	cr_assert(fly_start(&serves, &server) == 0, "%s", fly_error());
	cr_assert(Probe_export(server, &probe_procedures, &service) == 0, "%s", fly_error());
	cr_assert(fly_start(&calls, &client) == 0, "%s", fly_error());
	calls_from_threads(client);
	for (unsigned i = 0; i < servers; i++)
		cr_expect(fly_stats_get(&server->group.pollers[i]->stats, FLY_COUNT_calls_served) >=
				  800 / servers,
			  "poller %u has its share", i);
	for (unsigned i = 0; i < clients; i++)
		cr_expect(fly_stats_get(&client->group.pollers[i]->stats,
					FLY_COUNT_calls_returned) >= 800 / clients,
			  "poller %u has its share", i);
	cr_expect(counter(server, "drop_ring_full") == 0);
	cr_expect(fly_stop(client) == 0);
	cr_expect(fly_stop(server) == 0);
}

Case(pollers, fly_start__two_of_a_server_share_its_callers)
{
	serve_and_call(2, 1);
}

Case(pollers, fly_start__two_of_a_client_share_its_bindings)
{
	serve_and_call(1, 2);
}

Case(pollers, fly_start__two_at_both_ends)
{
	serve_and_call(2, 2);
}

/* Import until the server is back, for some seconds at most. */
static int come_back(struct fly_binding *binding)
{
	int status = -1;

	for (unsigned i = 0; i < 20 * patience(5) && status != 0; i++) {
		usleep(50000);
		status = fly_rebind(binding);
	}
	return status;
}

Case(pollers, fly_ports_apply__a_server_goes_and_another_one_comes)
{
	const char *const at_server[] = {server_spec, NULL};
	const char *const at_client[] = {client_spec, NULL};
	const struct fly_options serves = options_for(at_server, 2);
	const struct fly_options calls = options_for(at_client, 2);
	struct probe_service service = {0};
	struct fly_binding *bindings[2];
	struct fly_runtime *server;
	struct fly_runtime *client;
	uint64_t sum;

	cr_assert(fly_start(&serves, &server) == 0, "%s", fly_error());
	cr_assert(Probe_export(server, &probe_procedures, &service) == 0, "%s", fly_error());
	cr_assert(fly_start(&calls, &client) == 0, "%s", fly_error());
	for (unsigned i = 0; i < 2; i++) {
		cr_assert(Probe_import(client, NULL, &bindings[i]) == 0, "%s", fly_error());
		cr_expect(Probe_Add(bindings[i], 1, 2, &sum) == 0);
	}
	for (unsigned round = 0; round < 3; round++) {
		cr_expect(fly_stop(server) == 0);
		for (unsigned i = 0; i < 2; i++)
			cr_expect(Probe_Add(bindings[i], 1, 2, &sum) != 0, "nobody is there");
		cr_assert(fly_start(&serves, &server) == 0, "%s", fly_error());
		cr_assert(Probe_export(server, &probe_procedures, &service) == 0);
		for (unsigned i = 0; i < 2; i++) {
			cr_assert(come_back(bindings[i]) == 0, "%s", fly_error());
			cr_expect(Probe_Add(bindings[i], round, 2, &sum) == 0);
			cr_expect(sum == round + 2);
		}
	}
	cr_expect(counter(client, "links_lost") == 6, "each poller has lost its link");
	cr_expect(counter(client, "links_returned") == 6, "and got it back");
	for (unsigned i = 0; i < 2; i++)
		fly_unbind(bindings[i]);
	cr_expect(fly_stop(client) == 0);
	cr_expect(fly_stop(server) == 0);
}

Case(pollers, fly_set_reconnect__a_server_goes_and_calls_go_to_the_next_one)
{
	const char *const at_server[] = {server_spec, NULL};
	const char *const at_client[] = {client_spec, NULL};
	const struct fly_options serves = options_for(at_server, 1);
	const struct fly_options calls = options_for(at_client, 1);
	struct probe_service service = {0};
	struct fly_binding *binding;
	struct fly_runtime *server;
	struct fly_runtime *client;
	uint64_t sum;
	int status;

	cr_assert(fly_start(&serves, &server) == 0, "%s", fly_error());
	cr_assert(Probe_export(server, &probe_procedures, &service) == 0, "%s", fly_error());
	cr_assert(fly_start(&calls, &client) == 0, "%s", fly_error());
	cr_assert(Probe_import(client, NULL, &binding) == 0, "%s", fly_error());
	cr_expect(fly_set_reconnect(binding, true) == 0);
	for (unsigned round = 0; round < 3; round++) {
		cr_expect(Probe_Add(binding, round, 2, &sum) == 0 && sum == round + 2);
		cr_expect(fly_stop(server) == 0);
		fly_set_deadline(binding, 100000);
		do /* until the loss of the link has been noticed */
			status = Probe_Add(binding, 1, 2, &sum);
		while (status == -FLY_EPEER || status == -FLY_EDEADLINE ||
		       status == -FLY_EWITHDRAWN); /* the poller had no core until the deadline */
		cr_expect(status == -FLY_ELINK || status == -FLY_ETIMEOUT, "%s",
			  fly_status_name(status));
		fly_set_deadline(binding, 1000000 * patience(5));
		cr_assert(fly_start(&serves, &server) == 0, "%s", fly_error());
		cr_assert(Probe_export(server, &probe_procedures, &service) == 0);
	}
	cr_expect(Probe_Add(binding, 7, 2, &sum) == 0 && sum == 9);
	cr_expect(service.executions == 4);
	fly_unbind(binding);
	cr_expect(fly_stop(client) == 0);
	cr_expect(fly_stop(server) == 0);
}

/* fly_import() of an interface without stubs. */
static int import_by_name(struct fly_runtime *from, const char *name, uint32_t version,
			  const char *peer, struct fly_binding **to)
{
	const struct fly_interface interface = {FLY_STUB_VERSION, name, version, 0, NULL};

	return fly_import(from, &interface, peer, to);
}

Case(pollers, fly_import__of_ones_own_interface_over_a_loop_with_queues)
{
	const char *const links[] = {SELF, NULL};
	const struct fly_options options = options_for(links, 2);
	struct probe_service service = {0};
	struct fly_binding *binding;
	struct fly_runtime *r;
	uint64_t sum;

	cr_assert(fly_start(&options, &r) == 0, "%s", fly_error());
	cr_assert(Probe_export(r, &probe_procedures, &service) == 0, "%s", fly_error());
	cr_expect(r->ports.at[0]->n_queues == 2, "a pair for each");
	/* From here on, the calling poller and the serving poller are different ones. */
	cr_expect(import_by_name(r, "Nothing", 1, NULL, &binding) == -FLY_ENOEXPORT);
	for (unsigned i = 0; i < 4; i++) {
		const uint64_t before = counter(r, "passed_on");

		cr_assert(Probe_import(r, NULL, &binding) == 0, "%s", fly_error());
		for (uint32_t j = 0; j < 100; j++)
			cr_expect(Probe_Add(binding, j, i, &sum) == 0 && sum == i + j);
		/* Packets come back by the queue that they left by: to the wrong poller. */
		cr_expect(counter(r, "passed_on") >= before + 200);
		fly_unbind(binding);
	}
	cr_expect(counter(r, "drop_ring_full") == 0);
	cr_expect(fly_stop(r) == 0);
}

struct inside {
	struct fly_runtime *server;
	int stopped;
	int exported;
};

static void try_from_inside(void *context)
{
	struct inside *inside = context;

	inside->stopped = fly_stop(inside->server);
	inside->exported = Probe_export(inside->server, &probe_procedures, NULL);
}

Case(pollers, fly_stop__not_from_within_a_procedure_nor_an_export_where_there_are_several)
{
	const char *const at_server[] = {server_spec, NULL};
	const char *const at_client[] = {client_spec, NULL};
	const struct fly_options serves = options_for(at_server, 2);
	const struct fly_options calls = options_for(at_client, 0);
	struct inside inside = {0};
	struct probe_service service = {.during = try_from_inside, .during_context = &inside};
	struct fly_runtime *client;
	struct fly_binding *binding;

	cr_assert(fly_start(&serves, &inside.server) == 0, "%s", fly_error());
	cr_assert(Probe_export(inside.server, &probe_procedures, &service) == 0, "%s", fly_error());
	cr_assert(fly_start(&calls, &client) == 0, "%s", fly_error());
	for (unsigned i = 0; i < 2; i++) { /* at either poller */
		inside.stopped = inside.exported = 0;
		cr_assert(Probe_import(client, NULL, &binding) == 0, "%s", fly_error());
		cr_expect(Probe_Null(binding) == 0);
		cr_expect(inside.stopped == -FLY_ECONFLICT);
		cr_expect(inside.exported == -FLY_ECONFLICT);
	}
	cr_expect(fly_stop(client) == 0);
	cr_expect(fly_stop(inside.server) == 0);
}

static void *quit_soon(void *runtime)
{
	usleep(20000);
	fly_quit(runtime);
	return NULL;
}

Case(pollers, fly_serve__waits_until_somebody_says_so)
{
	const char *const links[] = {SELF, NULL};
	const struct fly_options options = options_for(links, 1);
	struct fly_runtime *r;
	pthread_t thread;

	cr_assert(fly_start(&options, &r) == 0, "%s", fly_error());
	fly_quit(r);
	fly_quit(r);
	cr_expect(fly_serve(r) == 0, "a request that came before is kept");
	pthread_create(&thread, NULL, quit_soon, r);
	cr_expect(fly_serve(r) == 0, "and it is one");
	pthread_join(thread, NULL);
	cr_expect(fly_stop(r) == 0);
}

/* Wrong options: refused in one line. */
static void refused(unsigned pollers, const char *cores, enum fly_wait wait, const char *word)
{
	const char *const links[] = {SELF, NULL};
	struct fly_options options = options_for(links, pollers);
	struct fly_runtime *r = NULL;

	options.cores = cores;
	options.wait = wait;
	cr_expect(fly_start(&options, &r) == -FLY_EINVAL, "%s", cores);
	cr_expect(r == NULL);
	cr_expect(strstr(fly_error(), word) != NULL, "'%s' is not about '%s'", fly_error(), word);
	cr_expect(strchr(fly_error(), '\n') == NULL);
}

Case(pollers, fly_start__says_what_is_wrong_with_the_cores)
{
	refused(17, NULL, FLY_WAIT_YIELD, "at most 16");
	refused(2, "0", FLY_WAIT_SPIN, "2 pollers that spin");
	refused(2, "0", FLY_WAIT_DEFAULT, "2 pollers that spin");
	refused(1, "1023", FLY_WAIT_SPIN, "no core 1023");
	refused(1, "0-1023", FLY_WAIT_SPIN, "no core 1023");
	refused(1, "zero", FLY_WAIT_SPIN, "a list is wanted");
	refused(1, "", FLY_WAIT_SPIN, "a list is wanted");
	refused(0, "0", FLY_WAIT_SPIN, "how many");
}

/* Find a poller's thread by name: its core and CPU mask, from /proc. */
static bool thread_is_there(const char *name, char *cores, size_t bytes,
			    unsigned long long *blocked)
{
	char command[256];
	FILE *f;
	bool is_there;

	snprintf(command, sizeof command,
		 "for t in /proc/%d/task/*; do grep -q '^%s$' $t/comm && sed -n "
		 "-e 's/^SigBlk:[^0-9a-f]*//p' -e 's/^Cpus_allowed_list:[^0-9]*//p' $t/status; "
		 "done; true",
		 (int)getpid(), name);
	f = popen(command, "r");
	cr_assert(f != NULL);
	is_there = fscanf(f, "%llx", blocked) == 1 && fscanf(f, "%31s", cores) == 1;
	(void)bytes;
	pclose(f);
	return is_there;
}

Case(pollers, fly_start__pins_them_and_leaves_signals_to_the_program)
{
	const char *const links[] = {SELF, NULL};
	struct fly_options options = options_for(links, 1);
	unsigned long long blocked = 0;
	char cores[32] = "";
	cpu_set_t before;
	cpu_set_t after;
	struct fly_runtime *r;

	options.cores = "0";
	sched_getaffinity(0, sizeof before, &before);
	cr_assert(fly_start(&options, &r) == 0, "%s", fly_error());
	cr_assert(thread_is_there("fly-poller0", cores, sizeof cores, &blocked));
	cr_expect(strcmp(cores, "0") == 0, "on %s", cores);
	cr_expect((blocked & 1ULL << (SIGTERM - 1)) && (blocked & 1ULL << (SIGUSR1 - 1)));
	sched_getaffinity(0, sizeof after, &after);
	cr_expect(CPU_EQUAL(&before, &after));
	cr_expect(fly_stop(r) == 0);
	cr_expect(!thread_is_there("fly-poller0", cores, sizeof cores, &blocked));
}

Case(pollers, fly_stop__and_start_again_many_times)
{
	const char *const links[] = {SELF, NULL};
	const struct fly_options options = options_for(links, 1);

	for (unsigned i = 0; i < 20; i++) {
		struct fly_runtime *r;

		cr_assert(fly_start(&options, &r) == 0, "%s", fly_error());
		cr_expect(fly_stop(r) == 0);
	}
}
