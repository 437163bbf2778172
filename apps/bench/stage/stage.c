/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stage.c - what the runs with a server process have in common before and after they measure, and
 * between two blocks.
 *
 * Owns the choice of cores, the private directory, the server process, the client's runtime, and
 * the ping-pong that tells which state the machine is in. Called by rounds.c and the runs; knows
 * nothing of what they measure.
 */
#include "stage.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/prctl.h>
#include <unistd.h>

#include <firefly/topology.h>

#include "bench/measure/block.h"

#define NEAR_NS   250  /* a round trip of a cache line below this: near */
#define SHARED_NS 5000 /* no core is that far away: somebody else has one of ours */
#define BLOCK_MS  4

enum {
	KEY_LINK = CLI_KEY_OWN,
	KEY_JSON,
	KEY_CORES,
	KEY_BLOCK,
};

volatile sig_atomic_t stage_stop_wanted;

/* ---- the command line ---- */

static const struct argp_option options[] = {
	{"link", KEY_LINK, "KIND", 0,
	 "What connects the two processes: vhost or memif; for bulk also local; for calls also udp "
	 "(default vhost)",
	 0},
	{"seconds", 's', "S", 0, "How long to measure, all rows together (default 24)", 0},
	{"json", KEY_JSON, "FILE", 0, "Write the figures as JSON; to stdout, and no table, with -",
	 0},
	{"cores", KEY_CORES, "CLIENT,SERVER", 0, "Which two cores to use (default: the last two)",
	 1},
	{"block", KEY_BLOCK, "MS", 0, "Length of a block in milliseconds (default 4)", 1},
	{"packets", CLI_KEY_PACKETS, "N", 0, "Packet buffers in each pool (default 4095)", 1},
	{"eal", CLI_KEY_EAL, "ARGUMENTS", 0,
	 "Further DPDK EAL arguments for both processes, separated by blanks", 1},
	{0},
};

static void set_cores(struct stage *s, char *text)
{
	char *comma = strchr(text, ',');

	if (!comma)
		cli_refuse(s->name, "--cores takes two cores, for instance 0,1, not '%s'", text);
	*comma = 0;
	s->options.client_core = (int)cli_number(s->name, "--cores", text, 0, 1023);
	s->options.server_core = (int)cli_number(s->name, "--cores", comma + 1, 0, 1023);
	*comma = ',';
}

static void set_link(struct stage *s, const char *text)
{
	const bool is_local = strcmp(text, "local") == 0;
	const bool is_udp = strcmp(text, "udp") == 0;

	if (strcmp(text, "vhost") != 0 && strcmp(text, "memif") != 0 &&
	    !(is_local && s->options.may_be_local) && !(is_udp && s->options.may_be_udp))
		cli_refuse(s->name, "--link takes %s, not '%s'%s",
			   s->options.may_be_local ? "vhost, memif or local"
			   : s->options.may_be_udp ? "vhost, memif or udp"
						   : "vhost or memif",
			   text,
			   is_local ? "; local links are measured by `firefly bench local` and "
				      "`firefly bench bulk`"
			   : is_udp ? "; udp links are measured by `firefly bench`"
				    : "");
	s->options.link = text;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct stage *s = state->input;
	struct stage_options *o = &s->options;

	switch (key) {
	case KEY_LINK:
		set_link(s, text);
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

const struct argp stage_argp = {.options = options, .parser = parse};

void stage_init(struct stage *stage, const char *name)
{
	*stage = (struct stage){
		.name = name,
		.options =
			{
				.link = "vhost",
				.clients = "",
				.block_s = BLOCK_MS / 1000.0,
				.client_core = -1,
				.server_core = -1,
				.calls = BLOCK_WINDOW + 64,
			},
		.control.fd = -1,
	};
}

/* ---- cores ---- */

/* Do two CPUs share one core? What the system does not say counts as no. */
static bool are_siblings(const struct fly_core *a, const struct fly_core *b)
{
	return a->core >= 0 && a->core == b->core && a->die == b->die && a->package == b->package;
}

/* Are both cores that the user named ours to use? */
static int check_cores(const struct stage *s)
{
	const int cores[] = {s->options.client_core, s->options.server_core};

	for (unsigned i = 0; i < 2; i++) {
		if (CPU_ISSET((size_t)cores[i], &s->allowed))
			continue;
		cli_complain(s->name,
			     "this process may not run on core %d; `taskset -cp $$` says "
			     "where it may",
			     cores[i]);
		return CLI_FAILED;
	}
	return 0;
}

/* The last ones that we may use; interrupts prefer the first. */
static int choose_two(struct stage *s)
{
	struct fly_topology *topology;
	struct fly_core core = {.size = sizeof core}, server;
	unsigned n = 0;

	if (fly_topology_read(&topology)) {
		cli_complain(s->name, "which cores are there? %s", fly_error());
		return CLI_FAILED;
	}
	for (unsigned i = fly_topology_count_cores(topology); i-- > 0 && n < 2;) {
		fly_topology_get_core(topology, i, &core);
		if (core.number >= CPU_SETSIZE || !CPU_ISSET(core.number, &s->allowed))
			continue;
		if (n == 0)
			server = core;
		n += n == 0 || !are_siblings(&server, &core);
	}
	fly_topology_free(topology);
	if (n < 2) {
		cli_complain(s->name,
			     "two cores are needed, and this process may use one; `taskset "
			     "-cp $$` says where it may run");
		return CLI_FAILED;
	}
	s->options.client_core = (int)core.number;
	s->options.server_core = (int)server.number;
	return 0;
}

static void on_signal(int number)
{
	(void)number;
	stage_stop_wanted = 1;
}

int stage_choose_none(struct stage *s)
{
	/* The second ^C ends it at once. */
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

	s->machine.step = ticks_step();
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	return 0;
}

int stage_choose_cores(struct stage *s)
{
	if (sched_getaffinity(0, sizeof s->allowed, &s->allowed)) {
		cli_complain(s->name, "which cores are there? %s", strerror(errno));
		return CLI_FAILED;
	}
	if (s->options.client_core >= 0 ? check_cores(s) : choose_two(s))
		return CLI_FAILED;
	s->machine.client_core = (unsigned)s->options.client_core;
	s->machine.server_core = (unsigned)s->options.server_core;
	return stage_choose_none(s);
}

unsigned stage_spare_cores(const struct stage *s, unsigned cores[CPU_SETSIZE])
{
	unsigned n = 0;

	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET((size_t)cpu, &s->allowed) && cpu != s->options.client_core &&
		    cpu != s->options.server_core)
			cores[n++] = (unsigned)cpu;
	return n;
}

/* ---- the server process and its directory ---- */

static int make_directory(struct stage *s)
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

static void remove_directory(struct stage *s)
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
static void become_server(const struct stage *s, pid_t parent)
{
	char control[16];

	(void)sched_setaffinity(0, sizeof s->allowed, &s->allowed); /* we may be on one of them */
	/* Never outlive the client; it may have died before the request was made. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		return;
	snprintf(control, sizeof control, "%d", s->control.fd);
	execl("/proc/self/exe", "firefly", "bench-server", control, s->options.eal, NULL);
}

static void describe_server(const struct stage *s, struct control_server *server)
{
	const struct stage_options *o = &s->options;

	*server = o->server;
	server->core = s->machine.server_core;
	server->packets = o->packets;
	if (strcmp(o->link, "udp") == 0)
		snprintf(server->link, sizeof server->link, "udp:127.0.0.1,port=0");
	else
		snprintf(server->link, sizeof server->link, "%s:%s/bench.sock,server%s", o->link,
			 s->directory, o->clients);
	if (!*server->worker_cores)
		snprintf(server->worker_cores, sizeof server->worker_cores, "%u", server->core);
}

static int start_server(struct stage *s)
{
	const pid_t parent = getpid();

	if (control_open(&s->control)) {
		cli_complain(s->name, "no shared page: %s", strerror(errno));
		return CLI_FAILED;
	}
	s->control.stop = &stage_stop_wanted;
	describe_server(s, &s->control.page->server);
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

int stage_start(struct stage *s, unsigned core, const char *link)
{
	const char *const links[] = {link, NULL};
	const struct fly_options with = {
		.size = sizeof with,
		.links = links,
		.eal = s->options.eal,
		.packets = s->options.packets,
		.calls = s->options.calls,
		.wait = s->options.wait,
		.notice = cli_notice,
		.notice_context = (void *)s->name,
	};

	if (cli_pin(s->name, core) || cli_start(s->name, &with, &s->runtime))
		return CLI_FAILED;
	s->machine.platform.size = sizeof s->machine.platform;
	fly_platform(s->runtime, &s->machine.platform);
	return 0;
}

static int start_client(struct stage *s)
{
	char link[sizeof s->directory + 64];

	if (strcmp(s->options.link, "udp") == 0)
		snprintf(link, sizeof link, "udp:,peer=%s", s->control.page->address);
	else
		snprintf(link, sizeof link, "%s:%s/bench.sock", s->options.link, s->directory);
	if (stage_start(s, s->machine.client_core, link))
		return CLI_FAILED;
	return stage_order(s, CONTROL_CALLS, 0) ? stage_complain(s) : 0;
}

/* ---- from start to end ---- */

int stage_open(struct stage *s)
{
	return make_directory(s) || start_server(s) || start_client(s) ? CLI_FAILED : 0;
}

/* Both pools have to be whole. */
int stage_close(struct stage *s)
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
	cli_complain(s->name, "stopping at the end: here %s, at the server %s; this is a bug",
		     fly_status_name(missing), fly_status_name(server_missing));
	return CLI_FAILED;
}

int stage_give_up(struct stage *s, const char *trouble, int status)
{
	s->trouble = trouble;
	s->trouble_status = status;
	return -1;
}

int stage_failed(struct stage *s, const char *trouble, int status)
{
	return status ? stage_give_up(s, trouble, status) : 0;
}

int stage_call_failed(struct stage *s, int status)
{
	return stage_failed(s, "a call failed", status);
}

int stage_complain(const struct stage *s)
{
	if (!s->trouble)
		return 0;
	cli_complain(s->name, "%s%s%s", s->trouble, s->trouble_status ? ": " : "",
		     s->trouble_status ? fly_strerror(s->trouble_status) : "");
	return CLI_FAILED;
}

/* ---- between two blocks ---- */

int stage_order(struct stage *s, enum control_mode mode, uint32_t argument)
{
	if (!control_order(&s->control, mode, argument))
		return 0;
	return stage_give_up(s, "the server process does not answer any more", 0);
}

void stage_settle(struct stage *s)
{
	while (fly_turn(s->runtime))
		;
}

int stage_measure_distance(struct stage *s, struct stage_distance *distance)
{
	double ticks, ns;

	if (control_distance(&s->control, &ticks))
		return stage_give_up(s, "the server process does not answer any more", 0);
	ns = ticks * 1e9 / (double)s->machine.platform.tsc_hz;
	distance->state = ns < NEAR_NS ? PAIRS_NEAR : PAIRS_FAR;
	distance->ours = ns < SHARED_NS;
	if (distance->ours)
		histogram_add(&s->machine.distance[distance->state], (uint64_t)ticks);
	return 0;
}

uint64_t stage_block_ticks(const struct stage *s)
{
	return (uint64_t)(s->options.block_s * (double)s->machine.platform.tsc_hz);
}
