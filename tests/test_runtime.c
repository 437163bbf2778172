/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_runtime.c - runtimes come and go in one process, alone and together, and leave the starting
 * thread as it was. Two of them talk over vhost, each on a thread of its own.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_lcore.h>
#include <rte_malloc.h>

#include <firefly/topology.h>

#include "case.h"
#include "fastpath/clock.h"
#include "pair.h"

#define SA_RESTORER 0x04000000
/*
 * Memory that neither grows nor shrinks. When memory changes, DPDK's virtio-user tells its server
 * and waits for it with a lock held that a server in the same process needs.
 */
#define EAL  "--no-huge -m 256"
#define SELF "vdev:net_ring_a,ip=10.9.8.7,peer=10.9.8.7"
#define MANY 200 /* exports */

static char directory[] = "/tmp/firefly-runtime-XXXXXX";
static char server_spec[96];
static char client_spec[96];

static void begin(void)
{
	cr_assert(mkdtemp(directory) != NULL);
	setenv("RUNTIME_DIRECTORY", directory, 1); /* DPDK would leave files there */
	snprintf(server_spec, sizeof server_spec, "vhost:%s/v,server", directory);
	snprintf(client_spec, sizeof client_spec, "vhost:%s/v,wait=3", directory);
}

static void end(void)
{
	char command[128];

	/* Directories may stay; files and sockets must not. */
	snprintf(command, sizeof command, "test -z \"$(find %s ! -type d | tee /dev/stderr)\"",
		 directory);
	cr_expect(system(command) == 0, "files are left");
	snprintf(command, sizeof command, "rm -r %s", directory);
	cr_expect(system(command) == 0);
}

TestSuite(runtime, .timeout = HANG);

static int start(const char *spec, struct fly_runtime **r)
{
	const char *const links[] = {spec, NULL};
	const struct fly_options options = {.size = sizeof options,
					    .links = links,
					    .packets = 4095,
					    .calls = 64,
					    .call_timeout_ms = 2000,
					    .eal = EAL};

	return fly_start(&options, r);
}

/* ---- a server on a thread of its own ---- */

struct server {
	pthread_t thread;
	pthread_barrier_t up;
	struct fly_runtime *r;
	int status;
	int missing;
	struct probe_service service;
};

static void *serve(void *context)
{
	struct server *s = context;

	s->status = start(server_spec, &s->r);
	if (s->status == 0)
		s->status = Probe_export(s->r, &probe_procedures, &s->service);
	pthread_barrier_wait(&s->up);
	if (s->status)
		return NULL;
	fly_serve(s->r);
	s->missing = fly_stop(s->r);
	return NULL;
}

static void start_server(struct server *s)
{
	memset(s, 0, sizeof *s);
	pthread_barrier_init(&s->up, NULL, 2);
	pthread_create(&s->thread, NULL, serve, s);
	pthread_barrier_wait(&s->up);
	cr_assert(s->status == 0, "the server does not start");
}

static void stop_server(struct server *s)
{
	fly_quit(s->r);
	pthread_join(s->thread, NULL);
	cr_expect(s->missing == 0, "%s", fly_strerror(s->missing));
}

/* ---- what a program keeps ---- */

static void handler(int signal)
{
	(void)signal;
}

Case(runtime, fly_start__leaves_affinity_signals_and_mask_as_they_were)
{
	struct sigaction before[NSIG];
	struct fly_runtime *r;
	cpu_set_t cpus;
	cpu_set_t cpus_after;
	sigset_t mask;
	sigset_t mask_after;

	signal(SIGUSR1, handler);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR2);
	sigaddset(&mask, SIGTERM);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	for (int i = 1; i < NSIG; i++)
		sigaction(i, NULL, &before[i]);
	sched_getaffinity(0, sizeof cpus, &cpus);

	cr_assert(start(SELF, &r) == 0, "%s", fly_error());
	for (unsigned i = 0; i < 1000; i++)
		fly_turn(r);
	for (unsigned round = 0; round < 2; round++) {
		sched_getaffinity(0, sizeof cpus_after, &cpus_after);
		cr_expect(CPU_EQUAL(&cpus, &cpus_after));
		pthread_sigmask(SIG_SETMASK, NULL, &mask_after);
		for (int i = 1; i < NSIG; i++)
			cr_expect(sigismember(&mask, i) == sigismember(&mask_after, i), "%d", i);
		for (int i = 1; i < NSIG; i++) {
			struct sigaction after;

			if (sigaction(i, NULL, &after) != 0)
				continue;
			cr_expect(after.sa_handler == before[i].sa_handler, "signal %d", i);
			/* Ignore the flag that glibc adds for the kernel. */
			cr_expect((after.sa_flags & ~SA_RESTORER) ==
					  (before[i].sa_flags & ~SA_RESTORER),
				  "signal %d", i);
		}
		if (round == 0)
			cr_expect(fly_stop(r) == 0);
	}
	cr_expect(rte_lcore_id() == LCORE_ID_ANY, "the thread is unregistered");
}

/* All other threads are DPDK's or the control thread: none may take signals. */
static void expect_no_signals_taken(void)
{
	char command[200];

	snprintf(command, sizeof command,
		 "for t in /proc/%d/task/*; do test $t = /proc/%d/task/%d || "
		 "awk '/^Name/ {n=$2} /^SigBlk/ && !/fffffff/ {print n, $2; exit 1}' $t/status "
		 "|| exit 1; done",
		 getpid(), getpid(), getpid());
	cr_expect(system(command) == 0, "a thread takes signals");
}

Case(runtime, fly_start__its_threads_leave_signals_to_the_program)
{
	struct fly_runtime *r;

	cr_assert(start(server_spec, &r) == 0, "%s", fly_error());
	expect_no_signals_taken();
	cr_expect(fly_stop(r) == 0);
}

/* ---- without DPDK ---- */

/* The names of this process's threads, each between blanks. */
static const char *thread_names(void)
{
	static char names[1024];
	FILE *f = popen("cat /proc/$PPID/task/*/comm | tr '\\n' ' '", "r");

	cr_assert(f != NULL);
	names[0] = ' ';
	names[1] = '\0';
	cr_expect(fgets(names + 1, sizeof names - 1, f) != NULL);
	pclose(f);
	return names;
}

static struct fly_runtime *start_local(const char *link, unsigned pollers)
{
	const char *const links[] = {link, NULL};
	const struct fly_options options = {.size = sizeof options,
					    .links = links,
					    .pollers = pollers,
					    .wait = FLY_WAIT_YIELD,
					    .eal = "--nonesuch"}; /* not looked at */
	struct fly_runtime *r = NULL;

	cr_assert(fly_start(&options, &r) == 0, "%s", fly_error());
	return r;
}

static void take_sum(void *context, const char *name, const char *about, uint64_t value)
{
	(void)about;
	if (strncmp(name, "drop_", 5) == 0)
		*(uint64_t *)context += value;
}

static void *call_attached(void *context)
{
	struct fly_binding *mine;
	uint8_t data[1200];
	uint8_t back[1200];
	int status = fly_attach(context, &mine);

	probe_fill(data, sizeof data, 7);
	for (unsigned i = 0; i < 10 && !status; i++)
		status = Probe_Swap(mine, 7, data, back);
	if (!status)
		fly_unbind(mine);
	return (void *)(intptr_t)status;
}

/* What the procedure on the poller of a local runtime does: a call of its own. */
static void call_on(void *link)
{
	struct fly_runtime *r = start_local(link, 0);
	struct fly_binding *binding;

	cr_expect(Probe_import(r, NULL, &binding) == 0, "%s", fly_error());
	cr_expect(Probe_Null(binding) == 0);
	cr_expect(fly_stop(r) == 0, "%s", fly_error());
}

Case(runtime, fly_start__with_local_links_only_starts_no_dpdk)
{
	static struct probe_service services[2];
	const struct fly_export_options workers = {.size = sizeof workers, .workers = 2};
	struct fly_packet_census census = {.size = sizeof census};
	struct fly_platform platform = {.size = sizeof platform};
	struct fly_runtime *server[2];
	struct fly_runtime *packets;
	struct fly_runtime *client;
	struct fly_binding *b[2];
	uint64_t dropped = 0;
	uint8_t data[1440];
	pthread_t thread;
	void *result;
	int status;

	server[0] = start_local("local:eal-runtime-a,server", 1);
	server[1] = start_local("local:eal-runtime-b,server", 2);
	client = start_local("local:eal-runtime-a", 0);
	cr_assert(Probe_export(server[0], &probe_procedures, &services[0]) == 0, "%s", fly_error());
	cr_assert(Probe_export_with(server[1], &probe_procedures, &services[1], &workers) == 0,
		  "%s", fly_error());
	cr_assert(Probe_import(client, NULL, &b[0]) == 0, "%s", fly_error());
	cr_assert(Probe_import(client, "local:eal-runtime-b", &b[1]) == 0, "%s", fly_error());
	for (unsigned i = 0; i < 1000; i++) {
		cr_assert(Probe_Null(b[i % 2]) == 0);
		status = Probe_Fill(b[i % 2], i, data);
		cr_assert(status == 0, "%u: %s", i, fly_strerror(status));
	}
	pthread_create(&thread, NULL, call_attached, b[1]);
	pthread_join(thread, &result);
	cr_expect(result == NULL, "%s", fly_strerror((int)(intptr_t)result));
	services[0].during_context = "local:eal-runtime-b";
	services[0].during = call_on;
	cr_expect(Probe_Null(b[0]) == 0);
	services[0].during = NULL;
	cr_expect(services[0].wrong == 0 && services[1].wrong == 0);

	cr_expect(rte_get_tsc_hz() == 0, "EAL did not start");
	cr_expect(!strstr(thread_names(), "fly-control") && !strstr(thread_names(), " eal-"), "%s",
		  thread_names());
	cr_expect(fly_packets(server[1], &census) == 0 && census.total == 0 && census.free == 0 &&
		  census.retained == 0 && census.queued == 0);
	cr_expect(fly_platform(client, &platform) == 0 && platform.hugepage_bytes == 0);
	cr_expect(platform.tsc_hz > 100000000 && strstr(platform.dpdk, "DPDK") != NULL);
	fly_counters(server[1], take_sum, &dropped);
	cr_expect(dropped == 0);
	cr_expect(Probe_import(client, "10.0.0.1", &b[0]) == -FLY_EINVAL);
	cr_expect(strstr(fly_error(), "local links only") != NULL, "%s", fly_error());

	/* Packets in the same process, later. */
	cr_assert(start(SELF, &packets) == 0, "%s", fly_error());
	cr_expect(strstr(thread_names(), "fly-control") != NULL);
	cr_expect(Probe_Null(b[1]) == 0);
	cr_expect(fly_stop(client) == 0 && fly_stop(server[0]) == 0, "%s", fly_error());
	cr_expect(fly_stop(packets) == 0, "%s", fly_error());
	cr_expect(fly_stop(server[1]) == 0, "%s", fly_error());
}

/* ---- coming and going ---- */

Case(runtime, fly_stop__says_how_many_packets_are_missing)
{
	struct fly_runtime *r;

	for (unsigned i = 0; i < 2; i++) {
		cr_assert(start(SELF, &r) == 0, "%s", fly_error());
		cr_assert(rte_pktmbuf_alloc(r->group.pool) && rte_pktmbuf_alloc(r->group.pool));
		cr_expect(fly_stop(r) == -FLY_EPACKETS);
		cr_expect(strstr(fly_error(), "2 of 4095 packet buffers are missing"), "%s",
			  fly_error());
		cr_expect(rte_lcore_id() == LCORE_ID_ANY, "it has ended all the same");
	}
	cr_assert(start(SELF, &r) == 0, "%s", fly_error());
	cr_expect(fly_stop(r) == 0, "%s", fly_error());
}

struct elsewhere {
	struct fly_binding *binding;
	int wait;
	int deadline;
};

static void *set_elsewhere(void *context)
{
	struct elsewhere *e = context;

	e->wait = fly_set_wait(e->binding, FLY_WAIT_YIELD);
	e->deadline = fly_set_deadline(e->binding, 1);
	return NULL;
}

Case(runtime, fly_set_wait__and_fly_set_deadline_on_the_bindings_thread)
{
	static struct probe_service service;
	struct elsewhere elsewhere = {0};
	struct fly_runtime *r;
	pthread_t thread;

	cr_assert(start(SELF, &r) == 0, "%s", fly_error());
	cr_assert(Probe_export(r, &probe_procedures, &service) == 0);
	cr_assert(Probe_import(r, NULL, &elsewhere.binding) == 0, "%s", fly_error());
	cr_expect(fly_set_wait(elsewhere.binding, FLY_WAIT_SLEEP + 1) == -FLY_EINVAL);
	cr_expect(strstr(fly_error(), "no way 4 to wait") != NULL, "%s", fly_error());
	cr_expect(fly_set_wait(elsewhere.binding, (enum fly_wait) - 1) == -FLY_EINVAL);
	cr_expect(fly_set_wait(elsewhere.binding, FLY_WAIT_YIELD) == 0);
	cr_expect(fly_set_wait(elsewhere.binding, FLY_WAIT_DEFAULT) == 0);
	cr_expect(fly_set_deadline(elsewhere.binding, 5000000) == 0);
	pthread_create(&thread, NULL, set_elsewhere, &elsewhere);
	pthread_join(thread, NULL);
	cr_expect(elsewhere.wait == -FLY_ECONFLICT && elsewhere.deadline == -FLY_ECONFLICT);
	cr_expect(Probe_Null(elsewhere.binding) == 0);
	cr_expect(fly_stop(r) == 0);
}

Case(runtime, fly_start__again_and_again)
{
	for (unsigned i = 0; i < 12; i++) {
		static struct probe_service service;
		struct fly_binding *binding;
		struct fly_runtime *r;
		struct fly_packet_census census = {.size = sizeof census};

		cr_assert(start(SELF, &r) == 0, "start %u: %s", i, fly_error());
		cr_assert(Probe_export(r, &probe_procedures, &service) == 0);
		cr_assert(Probe_import(r, NULL, &binding) == 0, "%s", fly_error());
		cr_expect(Probe_Null(binding) == 0);
		cr_expect(fly_packets(r, &census) == 0, "%s", fly_error());
		cr_expect(census.total == 4095);
		cr_expect(census.free + census.retained + census.queued <= census.total);
		cr_expect(fly_stop(r) == 0, "stop %u", i);
	}
}

Case(runtime, fly_start__two_at_a_time_on_one_thread)
{
	static struct probe_service services[2];
	struct fly_runtime *r[2];
	struct fly_binding *b[2];

	cr_assert(start("vdev:net_ring_a,ip=10.9.8.1,peer=10.9.8.1", &r[0]) == 0, "%s",
		  fly_error());
	cr_assert(start("vdev:net_ring_b,ip=10.9.8.2,peer=10.9.8.2", &r[1]) == 0, "%s",
		  fly_error());
	for (unsigned i = 0; i < 2; i++) {
		cr_assert(Probe_export(r[i], &probe_procedures, &services[i]) == 0);
		cr_assert(Probe_import(r[i], NULL, &b[i]) == 0, "%s", fly_error());
	}
	for (unsigned n = 0; n < 100; n++)
		cr_assert(Probe_Null(b[n % 2]) == 0);
	cr_expect(fly_stop(r[0]) == 0);
	cr_expect(Probe_Null(b[1]) == 0, "the other one goes on");
	cr_expect(rte_lcore_id() != LCORE_ID_ANY, "and is still registered");
	cr_expect(fly_stop(r[1]) == 0);
	cr_expect(services[0].executions == 50 && services[1].executions == 51);
}

Case(runtime, fly_start__with_several_links)
{
	static const char *const links[] = {"vdev:net_null0,ip=10.9.8.1",
					    "vdev:net_ring_b,ip=10.9.8.2,peer=10.9.8.2", NULL};
	const struct fly_options options = {.size = sizeof options,
					    .links = links,
					    .packets = 4095,
					    .calls = 64};
	struct fly_runtime *r;

	cr_assert(fly_start(&options, &r) == 0, "%s", fly_error());
	cr_expect(fly_runtime_link(r, 0) && fly_runtime_link(r, 1) && !fly_runtime_link(r, 2));
	cr_expect(fly_stop(r) == 0);
}

Case(runtime, fly_stop__with_bindings_calls_and_exports)
{
	static struct probe_service service;
	struct fly_binding *b[3];
	struct fly_call *call;
	struct fly_runtime *r;

	cr_assert(start(SELF, &r) == 0, "%s", fly_error());
	cr_assert(Probe_export(r, &probe_procedures, &service) == 0);
	for (unsigned i = 0; i < 3; i++)
		cr_assert(Probe_import(r, NULL, &b[i]) == 0, "%s", fly_error());
	for (unsigned i = 0; i < 10; i++) {
		cr_assert(Probe_Fill_start(b[i % 3], i, &call) == 0);
	}
	/* Packets in the ring are lost with it: let them out, and leave the calls open. */
	for (unsigned i = 0; i < 10; i++)
		fly_turn(r);
	cr_assert(Probe_Null_start(b[0], &call) == 0);
	cr_expect(fly_stop(r) == 0);
	cr_expect(fly_stop(NULL) == -FLY_EINVAL);
	cr_expect(strstr(fly_error(), "no runtime") != NULL, "%s", fly_error());
}

/* ---- refused ---- */

Case(runtime, fly_start__what_cannot_be_says_why_and_leaves_nothing)
{
	static const struct {
		const char *spec;
		int status;
		const char *says;
	} rows[] = {
		{"nonesuch:x", FLY_EINVAL, "not a kind of link"},
		{"vhost:/nonexistent/d/s,server", FLY_EINVAL, "there is no directory"},
		{"vhost:/nonexistent/s,wait=0", FLY_ETIMEOUT, "no server is there"},
		{"memif:/nonexistent/s,wait=0", FLY_ETIMEOUT, "no server is there"},
		{"af_packet:nonesuch0", FLY_EINVAL, "there is no interface nonesuch0"},
		{"pci:ffff:ff:1f.6", FLY_EINVAL, "there is no PCI device"},
		{"tap:t0", FLY_EINVAL, "ip="},
		{"vdev:net_nonesuch0", FLY_ESYSTEM, "DPDK cannot open net_nonesuch0"},
		{"vdev:net_af_packet_e,iface=nonesuch0", FLY_ESYSTEM, "driver does not say why"},
	};

	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		struct fly_runtime *r = (struct fly_runtime *)(uintptr_t)1;
		const int status = start(rows[i].spec, &r);

		if (strncmp(rows[i].spec, "tap:", 4) == 0 && status == -FLY_EPERM)
			continue; /* without root, that error comes first */
		cr_expect(status == -rows[i].status, "%s: %s", rows[i].spec,
			  fly_status_name(status));
		cr_expect(strstr(fly_error(), rows[i].says) != NULL, "%s: %s", rows[i].spec,
			  fly_error());
		cr_expect(r == NULL, "%s", rows[i].spec);
	}
	cr_expect(rte_lcore_id() == LCORE_ID_ANY);
}

static void expect_refused(int status, const char *words)
{
	cr_expect(status == -FLY_EINVAL, "%s", fly_status_name(status));
	cr_expect(strstr(fly_error(), words) != NULL, "%s", fly_error());
}

Case(runtime, fly_start__says_that_a_size_is_missing)
{
	static const char *const links[] = {"vdev:net_null0", NULL};
	struct fly_options options = {.links = links};
	struct fly_runtime *r;

	expect_refused(fly_start(&options, &r), "set .size = sizeof(struct fly_options)");
	options.size = sizeof(struct fly_options *);
	expect_refused(fly_start(&options, &r), "set .size = sizeof(struct fly_options)");
}

/* Bytes behind the caller's size may be anything; fields unknown to the library must be 0. */
Case(runtime, fly_start__takes_options_of_older_and_newer_programs)
{
	static const char *const links[] = {SELF, NULL};
	struct newer {
		struct fly_options known;
		uint64_t more;
	} newer = {.known = {.size = sizeof newer, .links = links, .packets = 1023}};
	struct fly_options older;
	struct fly_platform platform;
	struct fly_packet_census census = {0};
	struct fly_runtime *r;

	memset(&older, 0xff, sizeof older);
	older.size = offsetof(struct fly_options, calls);
	older.links = links;
	older.eal = EAL;
	older.packets = 1023;
	cr_assert(fly_start(&older, &r) == 0, "%s", fly_error());

	expect_refused(fly_packets(r, &census), "set .size = sizeof(struct fly_packet_census)");
	cr_expect(census.total == 0);
	census.size = offsetof(struct fly_packet_census, free);
	census.free = 4711;
	cr_expect(fly_packets(r, &census) == 0, "%s", fly_error());
	cr_expect(census.total == 1023 && census.free == 4711);
	platform.size = 0;
	expect_refused(fly_platform(r, &platform), "set .size = sizeof(struct fly_platform)");
	cr_expect(fly_stop(r) == 0);

	cr_assert(fly_start(&newer.known, &r) == 0, "%s", fly_error());
	cr_expect(fly_stop(r) == 0);
	newer.more = 1;
	expect_refused(fly_start(&newer.known, &r), "newer");
}

Case(runtime, fly_start__bad_options)
{
	static const char *const none[] = {NULL};
	const char *many[FLY_LINKS + 2] = {NULL};
	struct fly_options options = {.size = sizeof options};
	struct fly_runtime *r;

	cr_expect(fly_start(NULL, &r) == -FLY_EINVAL);
	cr_expect(fly_start(&options, &r) == -FLY_EINVAL);
	options.links = none;
	cr_expect(fly_start(&options, &r) == -FLY_EINVAL);
	cr_expect(strstr(fly_error(), "at least one link") != NULL, "%s", fly_error());
	cr_expect(fly_start(&options, NULL) == -FLY_EINVAL);
	for (unsigned i = 0; i < FLY_LINKS + 1; i++)
		many[i] = "vdev:net_null0";
	options.links = many;
	cr_expect(fly_start(&options, &r) == -FLY_EINVAL);
	cr_expect(strstr(fly_error(), "more than") != NULL, "%s", fly_error());
	many[1] = NULL;
	options.calls = 65537;
	cr_expect(fly_start(&options, &r) == -FLY_EINVAL);
}

Case(runtime, fly_start__other_eal_options_than_the_process_has)
{
	static const char *const links[] = {SELF, NULL};
	struct fly_options options = {.size = sizeof options,
				      .links = links,
				      .packets = 1023,
				      .eal = "-m 200 --log-level=4"};
	struct fly_runtime *r;

	cr_assert(fly_start(&options, &r) == 0, "%s", fly_error());
	cr_expect(fly_stop(r) == 0);
	options.eal = "-m 300";
	cr_expect(fly_start(&options, &r) == -FLY_ECONFLICT);
	cr_expect(strstr(fly_error(), "-m 200") && strstr(fly_error(), "-m 300"), "%s",
		  fly_error());
	options.eal = "-m 200 --log-level=4";
	cr_expect(fly_start(&options, &r) == 0, "the same again");
	cr_expect(fly_stop(r) == 0);
	options.eal = NULL;
	cr_expect(fly_start(&options, &r) == 0, "nothing said");
	cr_expect(fly_stop(r) == 0);
}

Case(runtime, fly_start__fewer_packets_than_the_driver_takes)
{
	static struct server server;
	const char *const links[] = {client_spec, NULL};
	const struct fly_options options = {.size = sizeof options,
					    .links = links,
					    .packets = 511,
					    .eal = EAL};
	struct fly_runtime *r;

	start_server(&server);
	cr_expect(fly_start(&options, &r) == -FLY_EINVAL);
	cr_expect(strstr(fly_error(), "511 packets are too few") != NULL, "%s", fly_error());
	stop_server(&server);
}

/* More calls than it has packets: the driver keeps some of them, and others come in time. */
Case(runtime, fly_start__a_small_pool_goes_round)
{
	static struct server server;
	const char *const links[] = {client_spec, NULL};

	start_server(&server);
	for (unsigned packets = 1023; packets <= 2047; packets += 1024) {
		const struct fly_options options = {.size = sizeof options,
						    .links = links,
						    .packets = packets,
						    .calls = 64,
						    .call_timeout_ms = 1000 * patience(2),
						    .eal = EAL};
		struct fly_runtime *r;
		struct fly_binding *binding;
		unsigned done = 0;

		cr_assert(fly_start(&options, &r) == 0, "%s", fly_error());
		cr_assert(Probe_import(r, NULL, &binding) == 0, "%s", fly_error());
		while (done < 5 * packets && Probe_Null(binding) == 0)
			done++;
		cr_expect(done == 5 * packets, "%u calls with %u packets", done, packets);
		fly_unbind(binding);
		cr_expect(fly_stop(r) == 0, "%s", fly_error());
	}
	stop_server(&server);
}

Case(runtime, fly_start__more_packets_than_memory)
{
	static const char *const links[] = {SELF, NULL};
	struct fly_options options = {.size = sizeof options,
				      .links = links,
				      .packets = 50000000,
				      .eal = "--no-huge -m 64"};
	struct fly_runtime *r;

	cr_expect(fly_start(&options, &r) == -FLY_ENOMEM);
	cr_expect(strstr(fly_error(), "ask for fewer packets") != NULL, "%s", fly_error());
	options.packets = 1023;
	options.calls = 64;
	options.conversations = 64;
	cr_expect(fly_start(&options, &r) == 0, "%s", fly_error());
	cr_expect(fly_stop(r) == 0);
}

/* With @n free descriptors. Return: as fly_start(). */
static int start_with_few(const char *spec, unsigned n, struct fly_runtime **r)
{
	struct rlimit before;
	struct rlimit few;
	int highest = 1023;
	int status;
	int fd;

	while (fcntl(highest, F_GETFD) < 0)
		highest--;
	while ((fd = dup(0)) <= highest) /* use those below */
		cr_assert(fd >= 0);
	close(fd);
	cr_assert(getrlimit(RLIMIT_NOFILE, &before) == 0);
	few = before;
	few.rlim_cur = (rlim_t)fd + n;
	cr_assert(setrlimit(RLIMIT_NOFILE, &few) == 0);
	status = start(spec, r);
	cr_assert(setrlimit(RLIMIT_NOFILE, &before) == 0);
	return status;
}

/* Drivers that run out of descriptors crash, abort, or say "operation not permitted". */
static void expect_room_for_descriptors(const char *spec)
{
	struct fly_runtime *r;

	for (unsigned n = 1; n <= 9; n += 2) {
		cr_expect(start_with_few(spec, n, &r) < 0, "%s with %u", spec, n);
		cr_expect(strstr(fly_error(), "file") != NULL, "%s with %u: %s", spec, n,
			  fly_error());
	}
	cr_expect(start_with_few(spec, 24, &r) == 0, "%s: %s", spec, fly_error());
	cr_expect(fly_stop(r) == 0, "%s", fly_error());
}

Case(runtime, fly_start__links_without_descriptors)
{
	static struct server server;
	struct fly_runtime *first;
	char memif[96];

	cr_assert(start(SELF, &first) == 0, "%s", fly_error());
	expect_room_for_descriptors(server_spec);
	snprintf(memif, sizeof memif, "memif:%s/m,server", directory);
	expect_room_for_descriptors(memif);
	start_server(&server);
	snprintf(strchr(client_spec, ','), 8, ",wait=0");
	expect_room_for_descriptors(client_spec);
	stop_server(&server);
	cr_expect(fly_stop(first) == 0);
}

Case(runtime, fly_start__over_a_dpdk_that_the_program_has_initialised)
{
	static struct probe_service service;
	char *arguments[] = {"program",        "--no-huge", "-m128",       "--no-shconf",
			     "--no-telemetry", "--no-pci",  "--lcores=5@0"};
	const char *const links[] = {SELF, NULL};
	const struct fly_options options = {.size = sizeof options,
					    .links = links,
					    .packets = 4095};
	struct fly_binding *binding;
	struct fly_runtime *r;
	cpu_set_t before;
	cpu_set_t after;

	cr_assert(rte_eal_init(RTE_DIM(arguments), arguments) >= 0);
	sched_getaffinity(0, sizeof before, &before);
	for (unsigned i = 0; i < 2; i++) {
		cr_assert(fly_start(&options, &r) == 0, "%s", fly_error());
		cr_assert(Probe_export(r, &probe_procedures, &service) == 0);
		cr_assert(Probe_import(r, NULL, &binding) == 0, "%s", fly_error());
		cr_expect(Probe_Null(binding) == 0);
		cr_expect(strstr(thread_names(), "fly-control") != NULL, "%s", thread_names());
		cr_expect(fly_stop(r) == 0, "%s", fly_error());
		cr_expect(rte_lcore_id() == 5, "still the program's lcore");
	}
	sched_getaffinity(0, sizeof after, &after);
	cr_expect(CPU_EQUAL(&before, &after));
	cr_expect(rte_malloc("own", 64, 0) != NULL, "the program goes on with it");
	cr_expect(start(SELF, &r) == -FLY_ECONFLICT, "which has options");
}

Case(runtime, fly_export__limits)
{
	static struct probe_service service;
	static struct fly_interface many[FLY_EXPORTS];
	static char names[FLY_EXPORTS][8];
	static const struct fly_interface empty = {FLY_STUB_VERSION, "Empty", 1, 0, NULL};
	struct fly_runtime *r;

	cr_assert(start(SELF, &r) == 0, "%s", fly_error());
	cr_expect(Probe_export(r, &probe_procedures, &service) == 0);
	cr_expect(Probe_export(r, &probe_procedures, &service) == -FLY_EINUSE);
	cr_expect(fly_export(r, &empty, &probe_procedures, NULL) == -FLY_EINVAL);
	cr_expect(fly_export(r, NULL, &probe_procedures, NULL) == -FLY_EINVAL);
	for (unsigned i = 0; i < FLY_EXPORTS; i++) {
		int status;

		many[i] = *r->poller.exports[1].interface;
		snprintf(names[i], sizeof names[i], "I%u", i);
		many[i].name = names[i];
		status = fly_export(r, &many[i], &probe_procedures, &service);
		cr_expect(status == (i < FLY_EXPORTS - 2 ? 0 : -FLY_ENOMEM), "number %u", i);
	}
	for (unsigned i = 0; i < FLY_EXPORTS; i++)
		cr_expect(fly_export_find(r->poller.exports, r->poller.exports[i].id) ==
			  &r->poller.exports[i]);
	cr_expect(fly_stop(r) == 0);
}

Case(runtime, fly_export__two_hundred_and_each_is_called)
{
	static struct probe_service services[MANY];
	static struct fly_interface many[MANY];
	static char names[MANY][8];
	struct fly_binding *binding;
	struct fly_runtime *r;

	cr_assert(start(SELF, &r) == 0, "%s", fly_error());
	cr_assert(Probe_export(r, &probe_procedures, &services[0]) == 0);
	many[0] = *r->poller.exports[1].interface;
	for (unsigned i = 1; i < MANY; i++) {
		many[i] = many[0];
		snprintf(names[i], sizeof names[i], "I%u", i);
		many[i].name = names[i];
		cr_assert(fly_export(r, &many[i], &probe_procedures, &services[i]) == 0, "%u: %s",
			  i, fly_error());
	}
	for (unsigned i = 0; i < MANY; i++) {
		cr_assert(fly_import(r, &many[i], NULL, &binding) == 0, "%u: %s", i, fly_error());
		cr_expect(Probe_Null(binding) == 0 && services[i].executions == 1, "number %u", i);
		cr_expect(fly_unbind(binding) == 0);
	}
	cr_expect(fly_stop(r) == 0);
}

/* ---- a small stack ---- */

#define SMALL_STACK 65536 /* of which glibc takes some for thread-local variables */

struct on_small_stack {
	const char *client;
	const char *what; /* what failed */
	char why[256];
};

#define TRY(call)                                                           \
	do {                                                                \
		if (!s->what && (call) != 0) {                              \
			s->what = #call;                                    \
			snprintf(s->why, sizeof s->why, "%s", fly_error()); \
		}                                                           \
	} while (0)

/* All that a program does with a runtime. */
static void *use(void *context)
{
	static struct probe_service service;
	const struct fly_export_options workers = {.size = sizeof workers, .workers = 1};
	struct on_small_stack *s = context;
	struct fly_topology *topology = NULL;
	struct fly_choice choice = {.size = sizeof choice};
	struct fly_runtime *r = NULL;
	struct fly_binding *binding;

	TRY(fly_topology_read(&topology));
	TRY(fly_topology_choose(topology, s->client, &choice));
	fly_topology_free(topology);
	TRY(start(s->client, &r));
	TRY(Probe_export_with(r, &probe_procedures, &service, &workers));
	TRY(Probe_import(r, NULL, &binding));
	for (unsigned i = 0; i < 10; i++)
		TRY(Probe_Null(binding));
	TRY(fly_rebind(binding));
	TRY(fly_stop(r));
	return NULL;
}

/* Return: the bytes of stack that were used. */
static size_t run_on_small_stack(struct on_small_stack *s)
{
	uint8_t *const stack = mmap(NULL, SMALL_STACK + 4096, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	pthread_attr_t attributes;
	pthread_t thread;
	size_t unused = 0;

	cr_assert(stack != MAP_FAILED && mprotect(stack, 4096, PROT_NONE) == 0);
	memset(stack + 4096, 0xa5, SMALL_STACK);
	pthread_attr_init(&attributes);
	cr_assert(pthread_attr_setstack(&attributes, stack + 4096, SMALL_STACK) == 0);
	cr_assert(pthread_create(&thread, &attributes, use, s) == 0);
	pthread_join(thread, NULL);
	while (unused < SMALL_STACK && stack[4096 + unused] == 0xa5)
		unused++;
	munmap(stack, SMALL_STACK + 4096);
	cr_expect(!s->what, "%s: %s: %s", s->client, s->what, s->why);
	return SMALL_STACK - unused;
}

/* The program's own frames, and those of its procedures, need a part of 64 KiB. */
static void expect_room_on_a_small_stack(const char *link)
{
	const size_t used = run_on_small_stack(&(struct on_small_stack){.client = link});

	cr_expect(used <= SMALL_STACK * 2 / 3, "%s: %zu bytes", link, used);
}

Case(runtime, fly_start__on_a_stack_of_64_kib)
{
	static struct probe_service service;
	static struct server server;
	struct fly_runtime *local;

	if (IS_UNDER_ASAN)
		cr_skip_test("its frames are larger");
	expect_room_on_a_small_stack(SELF);
	start_server(&server);
	expect_room_on_a_small_stack(client_spec);
	stop_server(&server);
	local = start_local("local:eal-runtime-small,server", 1);
	cr_assert(Probe_export(local, &probe_procedures, &service) == 0, "%s", fly_error());
	expect_room_on_a_small_stack("local:eal-runtime-small");
	cr_expect(fly_stop(local) == 0, "%s", fly_error());
}

/* ---- notices, counters, platform ---- */

static unsigned notices;

static void take_notice(void *context, const char *line)
{
	cr_expect(context == &notices);
	cr_expect(strchr(line, '\n') == NULL);
	notices++;
}

static void take_counter(void *context, const char *name, const char *about, uint64_t value)
{
	uint64_t *served = context;

	cr_expect(name && about);
	if (strcmp(name, "calls_served") == 0)
		*served = value;
}

Case(runtime, fly_counters__and_the_platform)
{
	static const char *const links[] = {SELF, NULL};
	static struct probe_service service;
	const struct fly_options options = {.size = sizeof options,
					    .links = links,
					    .packets = 1023,
					    .notice = take_notice,
					    .notice_context = &notices};
	struct fly_platform platform = {.size = sizeof platform};
	struct fly_binding *binding;
	struct fly_runtime *r;
	uint64_t served = 0;

	cr_assert(fly_start(&options, &r) == 0, "%s", fly_error());
	cr_assert(fly_platform(r, &platform) == 0, "%s", fly_error());
	cr_expect(platform.tsc_hz > 100000000 && strstr(platform.dpdk, "DPDK") != NULL);
	cr_expect((notices > 0) == (platform.hugepage_bytes == 0));
	cr_assert(Probe_export(r, &probe_procedures, &service) == 0);
	cr_assert(Probe_import(r, NULL, &binding) == 0, "%s", fly_error());
	for (unsigned i = 0; i < 7; i++)
		cr_expect(Probe_Null(binding) == 0);
	fly_counters(r, take_counter, &served);
	cr_expect(served == 8, "7 and one of the binder: %lu", served);
	cr_expect(strlen(fly_version()) > 0);
	cr_expect(fly_stop(r) == 0);
}

/* ---- fly_serve() and fly_quit() ---- */

Case(runtime, fly_quit__before_fly_serve_is_kept_and_then_used_up)
{
	struct fly_runtime *r;

	cr_assert(start(SELF, &r) == 0, "%s", fly_error());
	fly_quit(r);
	cr_expect(fly_serve(r) == 0);
	cr_expect(!r->quit);
	cr_expect(fly_stop(r) == 0);
}

/* ---- deadlines, and who asks about them ---- */

/* One runtime that calls itself: the thread that waits for a call turns the poller that runs it. */
static struct fly_runtime *self;
static struct fly_binding *own;
static struct probe_service own_service;

static void begin_self(void (*during)(void *))
{
	cr_assert(start(SELF, &self) == 0, "%s", fly_error());
	own_service.during = during;
	cr_assert(Probe_export(self, &probe_procedures, &own_service) == 0);
	cr_assert(Probe_import(self, NULL, &own) == 0, "%s", fly_error());
}

static uint64_t us_since(uint64_t tsc)
{
	return (fly_clock_now_tsc() - tsc) * 1000 / fly_clock_tsc_per_ms();
}

/*
 * A result that comes at the deadline, while nobody turned the poller: the call may have ended
 * first. test_deadline.c has the exact times.
 */
static void expect_late(int status)
{
	cr_expect(status == 0 || status == -FLY_EDEADLINE, "%s", fly_status_name(status));
}

static uint64_t first_us;
static uint64_t last_us;
static unsigned asked;

static void wait_for_remaining(void *context)
{
	(void)context;
	first_us = last_us = fly_remaining();
	while (last_us > 0 && last_us != UINT64_MAX) {
		const uint64_t now_us = fly_remaining();

		cr_assert(now_us <= last_us);
		last_us = now_us;
		asked++;
	}
}

Case(runtime, fly_remaining__counts_down_to_the_deadline)
{
	const uint64_t began_tsc = fly_clock_now_tsc();
	uint32_t us = 10000;

	begin_self(wait_for_remaining);
	cr_expect(fly_remaining() == UINT64_MAX && !fly_cancelled(), "no procedure runs");
	cr_expect(Probe_Null(own) == 0 && first_us == UINT64_MAX, "there is no deadline");
	do { /* repeated, because on a busy machine the call is late or does not run */
		us *= 2;
		first_us = 0;
		fly_set_deadline(own, us);
		expect_late(Probe_Null(own));
	} while (first_us == 0 && us < 1000000 * patience(5));
	cr_expect(first_us <= us && first_us > 0, "%lu", first_us);
	cr_expect(last_us == 0 && us_since(began_tsc) >= us);
	fly_set_deadline(own, 0);
	cr_expect(Probe_Null(own) == 0 && first_us == UINT64_MAX);
	cr_expect(fly_remaining() == UINT64_MAX);
	cr_expect(fly_stop(self) == 0);
}

static void wait_until_cancelled(void *context)
{
	(void)context;
	asked = 0;
	while (!fly_cancelled())
		asked++;
	last_us = fly_remaining();
}

Case(runtime, fly_cancelled__when_the_deadline_has_passed)
{
	begin_self(wait_until_cancelled);
	fly_set_deadline(own, 10000);
	for (unsigned i = 1; i <= 3; i++) {
		while (own_service.executions < i) /* unless the call comes too late */
			expect_late(Probe_Null(own));
		cr_expect(last_us == 0 && own_service.executions == i);
	}
	cr_expect(!fly_cancelled());
	cr_expect(fly_stop(self) == 0);
}

static struct fly_call *cancelled_call;

static void cancel_inside(void *context)
{
	(void)context;
	cr_expect(!fly_cancelled());
	cr_expect(fly_cancel(cancelled_call) == 0);
	asked = 0;
	while (!fly_cancelled())
		asked++;
	cr_expect(fly_cancelled());
}

Case(runtime, fly_cancel__is_seen_by_the_procedure)
{
	begin_self(cancel_inside);
	cr_assert(Probe_Null_start(own, &cancelled_call) == 0);
	while (own_service.executions == 0)
		fly_turn(self);
	cr_expect(fly_ready(cancelled_call));
	cr_expect(Probe_Null_finish(cancelled_call) == -FLY_ECANCELLED);
	cr_expect(fly_stats_get(&self->poller.stats, FLY_COUNT_cancels_received) == 1);
	own_service.during = NULL;
	cr_expect(Probe_Null(own) == 0, "the next call is not cancelled");
	cr_expect(fly_stop(self) == 0);
}

/* Time spent in a procedure is time without a turn: it must count. */
static uint64_t clock_after_tsc;
static bool is_graced;

static void take_long(void *context)
{
	const uint64_t began_tsc = fly_clock_now_tsc();
	struct fly_poller *p = &self->poller;

	(void)context;
	while (us_since(began_tsc) < 3000)
		;
	fly_remaining();
	clock_after_tsc = p->clock.now_tsc;
	p->pass.is_graced = false;
	p->pass.due_tsc = p->now_tsc;
	fly_cancelled();
	is_graced = p->pass.is_graced && p->now_tsc > began_tsc;
}

Case(runtime, fly_cancelled__is_told_of_the_time_that_nobody_turned_the_poller)
{
	begin_self(take_long);
	fly_set_deadline(own, 1000000);
	cr_expect(Probe_Null(own) == 0);
	cr_expect(us_since(clock_after_tsc) >= 3000, "fly_remaining() only looks");
	cr_expect(is_graced, "calls would be sent again whose answers wait in the ring");
	cr_expect(fly_stop(self) == 0);
}

static int status_inside;

static void stop_inside(void *context)
{
	(void)context;
	status_inside = fly_stop(self);
}

Case(runtime, fly_stop__not_from_within_a_procedure)
{
	begin_self(stop_inside);
	cr_expect(Probe_Null(own) == 0 && status_inside == -FLY_ECONFLICT);
	cr_expect(fly_stop(self) == 0);
}

/* ---- the end ---- */

Case(runtime, fly_shutdown__ends_calls_and_nothing_can_be_begun)
{
	struct fly_call *calls[5];
	struct fly_call *call;
	uint8_t data[1440];

	begin_self(NULL);
	cr_expect(Probe_Null(own) == 0);
	for (unsigned i = 0; i < RTE_DIM(calls); i++)
		cr_assert(Probe_Fill_start(own, i, &calls[i]) == 0);
	fly_shutdown(self);
	for (unsigned i = 0; i < RTE_DIM(calls); i++) {
		cr_expect(fly_ready(calls[i]));
		cr_expect(Probe_Fill_finish(calls[i], data) == -FLY_ESTOPPED);
	}
	cr_expect(fly_outcome(-FLY_ESTOPPED) == FLY_MAYBE_EXECUTED);
	cr_expect(Probe_Null(own) == -FLY_ESHUT);
	cr_expect(Probe_Null_start(own, &call) == -FLY_ESHUT);
	cr_expect(fly_outcome(-FLY_ESHUT) == FLY_NOT_EXECUTED);
	fly_shutdown(self);
	cr_expect(fly_stats_get(&self->poller.stats, FLY_COUNT_cancels_sent) == RTE_DIM(calls));
	for (unsigned i = 0; i < 100; i++)
		fly_turn(self);
	cr_expect(own_service.executions == 1, "what is under way finds no export");
	cr_expect(Probe_export(self, &probe_procedures, &own_service) == -FLY_ESHUT);
	cr_expect(fly_stop(self) == 0);
}

Case(runtime, fly_shutdown__deadlines_bring_no_call_back)
{
	begin_self(NULL);
	fly_set_deadline(own, 1000000);
	cr_expect(Probe_Null(own) == 0);
	fly_shutdown(self);
	cr_expect(Probe_Null(own) == -FLY_ESHUT);
	fly_set_deadline(own, 0);
	cr_expect(Probe_Null(own) == -FLY_ESHUT);
	fly_set_deadline(own, 500);
	cr_expect(Probe_Null(own) == -FLY_ESHUT);
	fly_set_deadline(own, 0);
	cr_expect(Probe_Null(own) == -FLY_ESHUT);
	cr_expect(fly_stop(self) == 0);
}

/* A call whose arguments are being written during the shutdown. */
Case(runtime, fly_shutdown__a_call_that_was_started_and_not_sent)
{
	struct fly_call *call;

	begin_self(NULL);
	cr_assert(own->starter(own, Probe_Sum_NUMBER, 1404, &call) == 0);
	fly_shutdown(self);
	cr_expect(own->transporter(call) == -FLY_ESHUT, "it was not sent");
	cr_expect(own_service.executions == 0);
	cr_expect(fly_stop(self) == 0);
}

/* The process may be told to end while a call of its own waits for a silent server. */
Case(runtime, fly_stop__with_calls_to_a_peer_that_never_answers)
{
	struct fly_call *call;

	begin_self(NULL);
	for (unsigned i = 0; i < FLY_EXPORTS; i++)
		self->poller.exports[i].id ^= 0x10000; /* of an earlier start */
	self->poller.reject_budget = 0;
	self->poller.sweep_ms_at_tsc = UINT64_MAX; /* no refusal is answered */
	for (unsigned i = 0; i < 20; i++)
		cr_assert(Probe_Null_start(own, &call) == 0);
	for (unsigned i = 0; i < 1000; i++)
		fly_turn(self);
	cr_expect(!fly_ready(call));
	cr_expect(fly_stop(self) == 0);
}

/* ---- two threads ---- */

Case(runtime, fly_start__server_and_client_in_one_process)
{
	static struct server server;
	struct fly_binding *binding;
	struct fly_runtime *r;
	uint8_t data[1440];
	uint64_t sum;

	start_server(&server);
	cr_assert(start(client_spec, &r) == 0, "%s", fly_error());
	cr_assert(Probe_import(r, NULL, &binding) == 0, "%s", fly_error());
	for (uint32_t n = 0; n < 300; n++) {
		cr_assert(Probe_Add(binding, n, 7, &sum) == 0 && sum == n + 7);
		cr_assert(Probe_Fill(binding, n, data) == 0);
		cr_assert(probe_is(data, 1440, probe_sum(n)));
	}
	cr_expect(fly_stop(r) == 0, "packets are missing");
	stop_server(&server);
	cr_expect(server.service.executions == 600);
}

/* The driver says goodbye at a socket that nobody reads any more. */
Case(runtime, fly_stop__after_the_server_is_gone)
{
	static struct server server;
	struct fly_runtime *r;

	for (unsigned i = 0; i < 5; i++) {
		start_server(&server);
		cr_assert(start(client_spec, &r) == 0, "%s", fly_error());
		stop_server(&server);
		cr_expect(fly_stop(r) == 0);
	}
}

Case(runtime, fly_start__the_only_place_is_taken)
{
	static struct server server;
	struct fly_runtime *r;
	struct fly_runtime *second;
	char impatient[96];

	snprintf(impatient, sizeof impatient, "vhost:%s/v,wait=0", directory);
	start_server(&server);
	cr_expect(start(server_spec, &second) == -FLY_EINUSE);
	cr_assert(start(client_spec, &r) == 0, "%s", fly_error());
	cr_expect(start(impatient, &second) == -FLY_EINUSE);
	cr_expect(strstr(fly_error(), "clients=") != NULL, "%s", fly_error());
	cr_expect(fly_stop(r) == 0);
	stop_server(&server);
}

/* The first, which is no port, and the second have as many clients as there are ports. */
Case(runtime, fly_start__more_clients_than_ports)
{
	char links[3][96];
	const char *const specs[] = {links[0], links[1], links[2], NULL};
	const struct fly_options o = {.size = sizeof o, .links = specs, .eal = EAL};
	struct fly_runtime *r;
	struct fly_runtime *second;

	snprintf(links[0], sizeof links[0], "local:%s/l,server", directory);
	snprintf(links[1], sizeof links[1], "memif:%s/m,server,clients=%d", directory, FLY_LINKS);
	snprintf(links[2], sizeof links[2], "vhost:%s/w,server", directory);
	cr_expect(fly_start(&o, &r) == -FLY_EINVAL);
	cr_expect(strstr(fly_error(), "the links have 33 ports") != NULL, "%s", fly_error());
	cr_assert(start(links[1], &r) == 0, "%s", fly_error());
	cr_expect(start(SELF, &second) == -FLY_EINVAL);
	cr_expect(strstr(fly_error(), "this process has 32 ports") != NULL, "%s", fly_error());
	cr_expect(fly_stop(r) == 0);
	cr_assert(start(SELF, &second) == 0, "%s", fly_error());
	cr_expect(fly_stop(second) == 0);
}

Case(runtime, fly_rebind__the_server_goes_and_another_comes)
{
	static struct server server;
	struct fly_binding *binding;
	struct fly_runtime *r;
	unsigned tries;
	int status = 0;

	start_server(&server);
	cr_assert(start(client_spec, &r) == 0, "%s", fly_error());
	cr_assert(Probe_import(r, NULL, &binding) == 0, "%s", fly_error());
	cr_expect(Probe_Null(binding) == 0);
	stop_server(&server);
	for (tries = 0; tries < 1000 && (status = Probe_Null(binding)) != -FLY_ELINK; tries++)
		cr_assert(status == -FLY_EPEER, "%s", fly_status_name(status));
	cr_expect(status == -FLY_ELINK, "it is noticed that the server has gone");
	start_server(&server);
	for (tries = 0; tries < 1000 * patience(5) && Probe_Null(binding) == -FLY_ELINK; tries++) {
		fly_turn(r);
		usleep(1000);
	}
	cr_expect(Probe_Null(binding) == -FLY_ESTALE);
	cr_expect(fly_rebind(binding) == 0, "%s", fly_error());
	cr_expect(Probe_Null(binding) == 0);
	cr_expect(fly_stop(r) == 0);
	stop_server(&server);
	cr_expect(server.service.executions == 1);
}

/* ---- the thread that a runtime belongs to ---- */

static void *use_elsewhere(void *argument)
{
	static const char belongs[] = "the runtime belongs to another thread";
	struct fly_packet_census census = {.size = sizeof census};
	struct fly_runtime *r = argument;

	cr_expect(fly_stop(r) == -FLY_ECONFLICT && strstr(fly_error(), belongs), "%s", fly_error());
	cr_expect(fly_shutdown(r) == -FLY_ECONFLICT && strstr(fly_error(), belongs));
	cr_expect(fly_serve(r) == -FLY_ECONFLICT && strstr(fly_error(), belongs));
	cr_expect(fly_packets(r, &census) == -FLY_ECONFLICT && strstr(fly_error(), belongs));
	cr_expect(Probe_export(r, &probe_procedures, NULL) == -FLY_ECONFLICT &&
		  strstr(fly_error(), belongs));
	cr_expect(fly_turn(r) == 0 &&
		  strstr(fly_error(), "fly_turn: the runtime belongs to another "
				      "thread"));
	return NULL;
}

/* Nobody turns the poller meanwhile: each of these would wait for ever. */
Case(runtime, fly_stop__of_an_inline_runtime_by_another_thread)
{
	struct fly_runtime *r;
	pthread_t thread;

	cr_assert(start(SELF, &r) == 0, "%s", fly_error());
	cr_assert(pthread_create(&thread, NULL, use_elsewhere, r) == 0);
	pthread_join(thread, NULL);
	cr_expect(fly_stop(r) == 0, "%s", fly_error());
}

static struct probe_service own_service;

static void *start_and_end(void *runtime)
{
	struct fly_runtime **r = runtime;
	struct fly_binding *binding;
	struct fly_call *call;
	uint64_t sum;

	cr_assert(start(SELF, r) == 0, "%s", fly_error());
	cr_assert(Probe_export(*r, &probe_procedures, &own_service) == 0);
	cr_assert(Probe_import(*r, NULL, &binding) == 0, "%s", fly_error());
	cr_expect(Probe_Add(binding, 1, 2, &sum) == 0 && sum == 3);
	cr_expect(Probe_Add_start(binding, 1, 2, &call) == 0);
	return NULL;
}

Case(runtime, fly_stop__of_an_inline_runtime_whose_thread_has_ended)
{
	struct fly_runtime *r = NULL;
	struct fly_runtime *another;
	pthread_t thread;

	cr_assert(start("vdev:net_ring_b,ip=10.9.8.6,peer=10.9.8.6", &another) == 0);
	for (unsigned i = 0; i < 3; i++) {
		cr_assert(pthread_create(&thread, NULL, start_and_end, &r) == 0);
		pthread_join(thread, NULL);
		cr_expect(fly_stop(r) == 0, "%s", fly_error());
	}
	fly_turn(another);
	cr_expect(fly_stop(another) == 0, "%s", fly_error());
	cr_expect(rte_lcore_id() == LCORE_ID_ANY, "the thread is registered no more");
}

#define NAME "process-test-runtime"

/* Bindings of each kind, with calls that are not finished. */
static void *bind_and_end(void *r)
{
	static const char *const peers[] = {NULL, "local:" NAME};
	struct fly_call *call;

	for (unsigned i = 0; i < RTE_DIM(peers); i++) {
		struct fly_binding *binding;

		cr_assert(Probe_import(r, peers[i], &binding) == 0, "%s", fly_error());
		cr_expect(Probe_Null(binding) == 0);
		cr_expect(Probe_Null_start(binding, &call) == 0);
	}
	return NULL;
}

Case(runtime, fly_stop__after_threads_that_ended_without_unbinding)
{
	static const char *const links[] = {SELF, "local:" NAME ",server", NULL};
	const struct fly_options options = {.size = sizeof options,
					    .links = links,
					    .packets = 4095,
					    .eal = EAL,
					    .pollers = 1,
					    .wait = FLY_WAIT_YIELD};
	pthread_t threads[3];
	struct fly_runtime *r;

	cr_assert(fly_start(&options, &r) == 0, "%s", fly_error());
	cr_assert(Probe_export(r, &probe_procedures, &own_service) == 0);
	for (unsigned i = 0; i < RTE_DIM(threads); i++)
		cr_assert(pthread_create(&threads[i], NULL, bind_and_end, r) == 0);
	for (unsigned i = 0; i < RTE_DIM(threads); i++)
		pthread_join(threads[i], NULL);
	cr_expect(fly_stop(r) == 0, "%s", fly_error());
}
