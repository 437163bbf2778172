/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stage.c - what the benchmarks with a server process have in common before and after they
 * measure, and between two blocks.
 *
 * Owns the choice of cores, the private directory, the server process, the client's runtime, and
 * the ping-pong that tells which state the machine is in. Called by bench.c, bench_bulk.c,
 * bench_beside.c and bench_conversations.c; knows nothing of what they measure.
 */
#include "stage.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/measure/block.h"

#define NEAR_NS         250  /* a round trip of a cache line below this: near */
#define SHARED_NS       5000 /* no core is that far away: somebody else has one of ours */
#define SECONDS_DEFAULT 24
#define BLOCK_MS        4

enum {
	KEY_LINK = CLI_KEY_OWN,
	KEY_JSON,
	KEY_CORES,
	KEY_BLOCK,
};

volatile sig_atomic_t bench_stop_wanted;

/* ---- the command line ---- */

static const struct argp_option options[] = {
	{"link", KEY_LINK, "vhost|memif", 0, "What connects the two processes (default vhost)", 0},
	{"seconds", 's', "S", 0, "How long to measure, all rows together (default 24)", 0},
	{"json", KEY_JSON, "FILE", 0, "Write the figures as JSON; to stdout, and no table, with -",
	 0},
	{"cores", KEY_CORES, "CLIENT,SERVER", 0, "Which two cores to use (default: the last two)",
	 1},
	{"block", KEY_BLOCK, "MS", 0, "Length of a block in milliseconds (default 4)", 1},
	{"packets", CLI_KEY_PACKETS, "N", 0, "Packet buffers in each pool (default 8191)", 1},
	{"eal", CLI_KEY_EAL, "ARGUMENTS", 0,
	 "Further DPDK EAL arguments for both processes, separated by blanks", 1},
	{0},
};

static void set_cores(struct bench_stage *s, const char *text)
{
	char client[8], server[8];
	const char *comma = strchr(text, ',');

	if (!comma || comma - text >= (ptrdiff_t)sizeof client ||
	    strlen(comma + 1) >= sizeof server)
		cli_refuse(s->name, "--cores takes two cores, for instance 0,1, not '%s'", text);
	snprintf(client, sizeof client, "%.*s", (int)(comma - text), text);
	snprintf(server, sizeof server, "%s", comma + 1);
	s->options.client_core = (int)cli_number(s->name, "--cores", client, 0, 1023);
	s->options.server_core = (int)cli_number(s->name, "--cores", server, 0, 1023);
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct bench_stage *s = state->input;
	struct bench_stage_options *o = &s->options;

	switch (key) {
	case KEY_LINK:
		if (strcmp(text, "vhost") != 0 && strcmp(text, "memif") != 0)
			cli_refuse(s->name, "--link takes vhost or memif, not '%s'", text);
		o->link = text;
		return 0;
	case 's':
		o->seconds = cli_seconds(s->name, "--seconds", text, 0.1, 86400);
		return 0;
	case KEY_JSON:
		o->json = text;
		return 0;
	case KEY_CORES:
		set_cores(s, text);
		return 0;
	case KEY_BLOCK:
		o->block_s = (double)cli_number(s->name, "--block", text, 1, 1000) / 1000;
		return 0;
	case CLI_KEY_PACKETS:
		o->packets = (unsigned)cli_number(s->name, "--packets", text, 64, 4194303);
		return 0;
	case CLI_KEY_EAL:
		o->eal = text;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp bench_stage_argp = {.options = options, .parser = parse};

void bench_stage_init(struct bench_stage *stage, const char *name)
{
	*stage = (struct bench_stage){
		.name = name,
		.options =
			{
				.link = "vhost",
				.seconds = SECONDS_DEFAULT,
				.block_s = BLOCK_MS / 1000.0,
				.client_core = -1,
				.server_core = -1,
				.calls = BLOCK_WINDOW + 64,
			},
		.control.fd = -1,
	};
}

static void on_signal(int number)
{
	(void)number;
	bench_stop_wanted = 1;
}

/* ---- cores ---- */

/* Do two CPUs share one core? What the system does not say counts as no. */
static bool are_siblings(unsigned a, unsigned b)
{
	char path[128], list[256] = "";
	FILE *file;

	snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%u/topology/thread_siblings_list",
		 a);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (!fgets(list, sizeof list, file))
		list[0] = 0;
	fclose(file);
	for (char *at = list; isdigit((unsigned char)*at);) {
		unsigned long first = strtoul(at, &at, 10), last = first;

		if (*at == '-')
			last = strtoul(at + 1, &at, 10);
		if (b >= first && b <= last)
			return true;
		if (*at == ',')
			at++;
	}
	return false;
}

/* Are both cores that the user named ours to use? */
static int check_cores(const struct bench_stage *s, const cpu_set_t *allowed)
{
	const int cores[] = {s->options.client_core, s->options.server_core};

	for (unsigned i = 0; i < 2; i++) {
		if (CPU_ISSET((size_t)cores[i], allowed))
			continue;
		cli_complain(s->name,
			     "this process may not run on core %d; `taskset -cp $$` says "
			     "where it may",
			     cores[i]);
		return CLI_FAILED;
	}
	return 0;
}

/* Unless the user named two: the last ones that we may use; interrupts prefer the first. */
int bench_stage_choose_cores(struct bench_stage *s)
{
	struct bench_stage_options *o = &s->options;
	int server = -1, client = -1;

	if (sched_getaffinity(0, sizeof s->allowed, &s->allowed)) {
		cli_complain(s->name, "which cores are there? %s", strerror(errno));
		return CLI_FAILED;
	}
	if (o->client_core >= 0)
		return check_cores(s, &s->allowed);
	for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--) {
		if (!CPU_ISSET((size_t)cpu, &s->allowed))
			continue;
		if (server < 0)
			server = cpu;
		else if (client < 0 && !are_siblings((unsigned)server, (unsigned)cpu))
			client = cpu;
	}
	if (client < 0) {
		cli_complain(s->name,
			     "two cores are needed, and this process may use one; `taskset "
			     "-cp $$` says where it may run");
		return CLI_FAILED;
	}
	o->client_core = client;
	o->server_core = server;
	return 0;
}

/* ---- the server process and its directory ---- */

static int make_directory(struct bench_stage *s)
{
	const char *parent = getenv("XDG_RUNTIME_DIR");

	if (!parent || !*parent || access(parent, W_OK | X_OK) || strlen(parent) > 64)
		parent = "/tmp"; /* and a long one would leave no room in a socket's address */
	snprintf(s->directory, sizeof s->directory, "%s/firefly-bench-XXXXXX", parent);
	if (mkdtemp(s->directory))
		return 0;
	cli_complain(s->name, "no directory for the socket in %s: %s", parent, strerror(errno));
	s->directory[0] = 0;
	return CLI_FAILED;
}

static void remove_directory(struct bench_stage *s)
{
	DIR *directory = *s->directory ? opendir(s->directory) : NULL;
	struct dirent *entry;

	if (!directory)
		return;
	while ((entry = readdir(directory)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			unlinkat(dirfd(directory), entry->d_name, 0);
	closedir(directory);
	rmdir(s->directory);
}

/* In the child: become the server. Returns only if that fails. */
static void become_server(const struct bench_stage *s, pid_t parent)
{
	const struct bench_stage_options *o = &s->options;
	char link[sizeof s->directory + 64], core[16], control[16], packets[16];
	char conversations[16], workers[16];
	char *argv[28];
	int n = 0;

	(void)sched_setaffinity(0, sizeof s->allowed, &s->allowed); /* we may be on one of them */
	/* Never outlive the client; it may have died before the request was made. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		return;
	snprintf(link, sizeof link, "%s:%s/bench.sock,server%s", o->link, s->directory,
		 o->clients ? o->clients : "");
	snprintf(core, sizeof core, "%d", o->server_core);
	snprintf(control, sizeof control, "%d", s->control.fd);
	snprintf(packets, sizeof packets, "%u", o->packets);
	argv[n++] = (char *)"firefly";
	argv[n++] = (char *)"bench-server";
	argv[n++] = (char *)"--link";
	argv[n++] = link;
	argv[n++] = (char *)"--core";
	argv[n++] = core;
	argv[n++] = (char *)"--control";
	argv[n++] = control;
	if (o->packets) {
		argv[n++] = (char *)"--packets";
		argv[n++] = packets;
	}
	if (o->conversations) {
		snprintf(conversations, sizeof conversations, "%u", o->conversations);
		argv[n++] = (char *)"--conversations";
		argv[n++] = conversations;
	}
	if (o->server_yields)
		argv[n++] = (char *)"--yield";
	if (o->workers) {
		snprintf(workers, sizeof workers, "%u", o->workers);
		argv[n++] = (char *)"--workers";
		argv[n++] = workers;
		argv[n++] = (char *)"--worker-cores";
		argv[n++] = (char *)(*o->worker_cores ? o->worker_cores : core);
	}
	if (o->eal) {
		argv[n++] = (char *)"--eal";
		argv[n++] = (char *)o->eal;
	}
	argv[n] = NULL;
	execv("/proc/self/exe", argv);
}

static int start_server(struct bench_stage *s)
{
	const pid_t parent = getpid();

	if (control_open(&s->control)) {
		cli_complain(s->name, "no shared page: %s", strerror(errno));
		return CLI_FAILED;
	}
	s->control.stop = &bench_stop_wanted;
	s->control.server = fork();
	if (s->control.server == 0) {
		become_server(s, parent);
		_exit(127);
	}
	if (s->control.server < 0) {
		cli_complain(s->name, "no server process: %s", strerror(errno));
		s->control.server = 0;
		return CLI_FAILED;
	}
	if (control_order(&s->control, CONTROL_START, 0)) {
		if (*s->control.page->trouble)
			cli_complain(s->name, "the server did not start: %s",
				     s->control.page->trouble);
		else
			cli_complain(s->name, "the server process %s",
				     s->control.server ? "was not ready in time"
						       : "ended before it was ready");
		return CLI_FAILED;
	}
	return 0;
}

static int start_client(struct bench_stage *s)
{
	const struct bench_stage_options *o = &s->options;
	char link[sizeof s->directory + 64];
	const char *const links[] = {link, NULL};
	const struct fly_options with = {
		.links = links,
		.eal = o->eal,
		.packets = o->packets,
		.calls = o->calls,
		.wait = o->wait,
		.notice = cli_notice,
		.notice_context = (void *)s->name,
	};

	snprintf(link, sizeof link, "%s:%s/bench.sock", o->link, s->directory);
	if (cli_pin(s->name, (unsigned)o->client_core) || cli_start(s->name, &with, &s->runtime))
		return CLI_FAILED;
	fly_platform(s->runtime, &s->machine.platform);
	if (bench_stage_order(s, CONTROL_CALLS, 0))
		return bench_stage_complain(s);
	return 0;
}

/* ---- from start to end ---- */

void *bench_zeros(const char *name, size_t n, size_t bytes)
{
	void *memory = calloc(n, bytes);

	if (!memory) {
		cli_complain(name, "out of memory");
		exit(CLI_FAILED);
	}
	return memory;
}

static int start_both(struct bench_stage *s)
{
	return make_directory(s) || start_server(s) || start_client(s) ? CLI_FAILED : 0;
}

int bench_stage_begin_alone(struct bench_stage *s)
{
	/* The second ^C ends it at once. */
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

	for (unsigned i = 0; i < PAIRS_STATES; i++)
		s->machine.distance[i] = bench_zeros(s->name, 1, sizeof *s->machine.distance[i]);
	if (bench_stage_choose_cores(s))
		return CLI_FAILED;
	s->machine.link = s->options.link;
	s->machine.step = ticks_step();
	s->machine.client_core = (unsigned)s->options.client_core;
	s->machine.server_core = (unsigned)s->options.server_core;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	return 0;
}

void bench_stage_end_alone(struct bench_stage *s)
{
	for (unsigned i = 0; i < PAIRS_STATES; i++)
		free(s->machine.distance[i]);
}

int bench_stage_open(struct bench_stage *s)
{
	return bench_stage_begin_alone(s) || start_both(s) ? CLI_FAILED : 0;
}

/* Both pools have to be whole. */
static int end_both(struct bench_stage *s)
{
	int server_missing, missing = 0;

	/* While this end of the link goes, the server keeps its hands off the other one. */
	if (s->runtime) {
		(void)control_order(&s->control, CONTROL_PINGPONG, 0);
		missing = fly_stop(s->runtime);
		s->runtime = NULL;
	}
	server_missing = control_close(&s->control);
	remove_directory(s);
	if (missing == 0 && server_missing == 0)
		return 0;
	cli_complain(s->name,
		     "packet buffers that are missing at the end: %d here, %d at the "
		     "server; this is a bug",
		     missing, server_missing);
	return CLI_FAILED;
}

int bench_stage_again(struct bench_stage *s)
{
	return end_both(s) || start_both(s) ? CLI_FAILED : 0;
}

int bench_stage_close(struct bench_stage *s)
{
	const int failed = end_both(s);

	bench_stage_end_alone(s);
	return failed;
}

int bench_stage_give_up(struct bench_stage *s, const char *trouble, int status)
{
	s->trouble = trouble;
	s->trouble_status = status;
	return -1;
}

int bench_stage_complain(const struct bench_stage *s)
{
	if (!s->trouble)
		return 0;
	cli_complain(s->name, "%s%s%s", s->trouble, s->trouble_status ? ": " : "",
		     s->trouble_status ? fly_strerror(s->trouble_status) : "");
	return CLI_FAILED;
}

/* ---- between two blocks ---- */

int bench_stage_order(struct bench_stage *s, enum control_mode mode, uint32_t argument)
{
	if (!control_order(&s->control, mode, argument))
		return 0;
	return bench_stage_give_up(s, "the server process does not answer any more", 0);
}

void bench_stage_settle(struct bench_stage *s)
{
	while (fly_turn(s->runtime))
		;
}

int bench_stage_look(struct bench_stage *s, struct bench_sight *sight)
{
	double ticks, ns;

	if (control_distance(&s->control, &ticks))
		return bench_stage_give_up(s, "the server process does not answer any more", 0);
	ns = ticks * 1e9 / (double)s->machine.platform.tsc_hz;
	sight->state = ns < NEAR_NS ? PAIRS_NEAR : PAIRS_FAR;
	sight->ours = ns < SHARED_NS;
	if (sight->ours)
		histogram_add(s->machine.distance[sight->state], (uint64_t)ticks);
	return 0;
}

bool bench_is_steady(const struct bench_sight sights[4])
{
	for (unsigned i = 0; i < 4; i++)
		if (!sights[i].ours || sights[i].state != sights[0].state)
			return false;
	return true;
}

double bench_stage_run(struct bench_stage *s, int (*round)(void *context),
		       void (*progress)(const void *context, char *line, size_t bytes),
		       void *context)
{
	const bool on_terminal = isatty(STDERR_FILENO);
	const double began = cli_seconds_now();
	double elapsed = 0, last = 0;
	char line[128];

	while (!bench_stop_wanted && elapsed + last / 2 < s->options.seconds && !round(context)) {
		last = cli_seconds_now() - began - elapsed;
		elapsed += last;
		if (!on_terminal)
			continue;
		progress(context, line, sizeof line);
		fprintf(stderr, "\r%.0f of %.0f s, %s\033[K", elapsed, s->options.seconds, line);
	}
	if (on_terminal)
		fprintf(stderr, "\r\033[K");
	return elapsed;
}
