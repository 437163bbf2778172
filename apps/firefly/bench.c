/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench.c - `firefly bench`: blocks of calls between blocks of bare frames, for half a minute.
 *
 * Owns the command line, the private directory, the server process and the order of the blocks.
 * What is inside a block is in bench_calls.c and floor.c, what becomes of the figures in pairs.c
 * and bench_report.c.
 *
 * The order of the blocks
 *
 * The rows of the table (a procedure at a window) take turns of PAIRS_PER_VISIT pairs, round and
 * round until the time is over. So all rows see the same share of whatever the machine is going
 * through. Within a turn blocks alternate, floor, case, floor; a floor in the middle belongs to
 * two pairs. Before and after every block a cache line is sent to the other core and back, to
 * tell which state the machine is in.
 */
#include <argp.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <firefly/firefly.h>

#include "bench.h"
#include "cli.h"
#include "commands.h"
#include "control.h"
#include "floor.h"
#include "test.h"

#define PAIRS_PER_VISIT 8
#define NEAR_NS         250  /* a round trip of a cache line below this: near */
#define SHARED_NS       5000 /* no core is that far away: somebody else has one of ours */
#define SECONDS_DEFAULT 24
#define BLOCK_MS        4

const struct bench_profile bench_profiles[BENCH_PROCEDURES] = {
	[BENCH_NULL] = {"Null", "null", 74, 74, 0, "2.66 ms", "741/s"},
	[BENCH_MAX_RESULT] = {"MaxResult", "maxresult", 74, 1514, 1440, "6.35 ms", "4.65 Mb/s"},
	[BENCH_MAX_ARG] = {"MaxArg", "maxarg", 1514, 74, 1440, "about 6.35 ms", "about 4.65 Mb/s"},
};

enum {
	KEY_LINK = CLI_KEY_OWN,
	KEY_JSON,
	KEY_CORES,
	KEY_VIEW,
	KEY_BLOCK,
};

struct bench_options {
	bool wanted[BENCH_PROCEDURES];
	bool any_wanted;
	const char *link; /* "vhost" or "memif" */
	unsigned window;  /* 0: 1 and 64 */
	double seconds;
	double block_s;
	const char *json;             /* NULL: a table */
	int client_core, server_core; /* -1: choose */
	bool view;
	const char *eal;
	unsigned packets;
};

struct bench {
	const struct bench_options *options;
	char directory[4096]; /* ""; or ours, to be removed */
	struct control control;
	struct fly_runtime *runtime;
	struct fly_binding *binding;
	struct bench_result result;
	struct histogram *scratch[3]; /* of the floor before, the calls, the floor after */
	const char *trouble;          /* what ended the run early; NULL: nothing */
	int trouble_status;           /* with it; 0: none */
};

static volatile sig_atomic_t stop_wanted;

/* ---- the command line ---- */

static const struct argp_option options[] = {
	{"link", KEY_LINK, "vhost|memif", 0, "What connects the two processes (default vhost)", 0},
	{"window", 'w', "N", 0, "Calls under way from one thread (default: first 1, then 64)", 0},
	{"seconds", 's', "S", 0, "How long to measure, all rows together (default 24)", 0},
	{"view", KEY_VIEW, NULL, 0,
	 "Read the results of MaxResult in the packet, instead of having them copied out", 0},
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

static void want(struct bench_options *o, const char *word)
{
	bool known = !strcmp(word, "all");

	for (unsigned p = 0; p < BENCH_PROCEDURES; p++) {
		if (strcmp(word, "all") != 0 && strcmp(word, bench_profiles[p].word) != 0)
			continue;
		o->wanted[p] = true;
		known = true;
	}
	if (!known)
		cli_refuse("bench",
			   "there is null, maxresult, maxarg and all, and marshal as the first "
			   "word, but not '%s'",
			   word);
	o->any_wanted = true;
}

static void set_cores(struct bench_options *o, const char *text)
{
	char client[8], server[8];
	const char *comma = strchr(text, ',');

	if (!comma || comma - text >= (ptrdiff_t)sizeof client ||
	    strlen(comma + 1) >= sizeof server)
		cli_refuse("bench", "--cores takes two cores, for instance 0,1, not '%s'", text);
	snprintf(client, sizeof client, "%.*s", (int)(comma - text), text);
	snprintf(server, sizeof server, "%s", comma + 1);
	o->client_core = (int)cli_number("bench", "--cores", client, 0, 1023);
	o->server_core = (int)cli_number("bench", "--cores", server, 0, 1023);
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct bench_options *o = state->input;

	switch (key) {
	case KEY_LINK:
		if (strcmp(text, "vhost") != 0 && strcmp(text, "memif") != 0)
			cli_refuse("bench", "--link takes vhost or memif, not '%s'", text);
		o->link = text;
		return 0;
	case 'w':
		o->window = (unsigned)cli_number("bench", "--window", text, 1, BLOCK_WINDOW);
		return 0;
	case 's':
		o->seconds = cli_seconds("bench", "--seconds", text, 0.1, 86400);
		return 0;
	case KEY_VIEW:
		o->view = true;
		return 0;
	case KEY_JSON:
		o->json = text;
		return 0;
	case KEY_CORES:
		set_cores(o, text);
		return 0;
	case KEY_BLOCK:
		o->block_s = (double)cli_number("bench", "--block", text, 1, 1000) / 1000;
		return 0;
	case CLI_KEY_PACKETS:
		o->packets = (unsigned)cli_number("bench", "--packets", text, 64, 4194303);
		return 0;
	case CLI_KEY_EAL:
		o->eal = text;
		return 0;
	case ARGP_KEY_ARG:
		want(o, text);
		return 0;
	case ARGP_KEY_END:
		if (!o->any_wanted)
			want(o, "all");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[null|maxresult|maxarg|all]...",
	.doc = "Measure what calls between two processes of this machine cost, and how that "
	       "compares with bare frames over the same link in the same moment."
	       "\vThe server process is started on another core, over a socket in a private "
	       "directory, and ends with this one. Nothing has to be prepared; with hugepages "
	       "it is faster.\n\n"
	       "  firefly bench\n"
	       "  firefly bench maxresult --link memif --window 64 --seconds 5 --json -\n"
	       "  firefly bench marshal --help   another measurement: what marshalling costs\n\n"
	       "The floor is what the same link does with bare frames of the same sizes and no "
	       "calls. At window 1 the ratio compares times (1.00x would be free, lower is "
	       "better), at larger windows calls per second with frames per second (higher is "
	       "better). firefly(1) says how the figures come about.",
};

static void on_signal(int number)
{
	(void)number;
	stop_wanted = 1;
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
static int check_cores(const struct bench_options *o, const cpu_set_t *allowed)
{
	const int cores[] = {o->client_core, o->server_core};

	for (unsigned i = 0; i < 2; i++) {
		if (CPU_ISSET((size_t)cores[i], allowed))
			continue;
		cli_complain("bench",
			     "this process may not run on core %d; `taskset -cp $$` says "
			     "where it may",
			     cores[i]);
		return CLI_FAILED;
	}
	return 0;
}

/* Unless the user named two: the last ones that we may use; interrupts prefer the first. */
static int choose_cores(struct bench_options *o)
{
	int server = -1, client = -1;
	cpu_set_t allowed;

	if (sched_getaffinity(0, sizeof allowed, &allowed)) {
		cli_complain("bench", "which cores are there? %s", strerror(errno));
		return CLI_FAILED;
	}
	if (o->client_core >= 0)
		return check_cores(o, &allowed);
	for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--) {
		if (!CPU_ISSET((size_t)cpu, &allowed))
			continue;
		if (server < 0)
			server = cpu;
		else if (client < 0 && !are_siblings((unsigned)server, (unsigned)cpu))
			client = cpu;
	}
	if (client < 0) {
		cli_complain("bench",
			     "two cores are needed, and this process may use one; `taskset "
			     "-cp $$` says where it may run");
		return CLI_FAILED;
	}
	o->client_core = client;
	o->server_core = server;
	return 0;
}

/* ---- the server process and its directory ---- */

static int make_directory(struct bench *b)
{
	const char *parent = getenv("XDG_RUNTIME_DIR");

	if (!parent || !*parent || access(parent, W_OK | X_OK) || strlen(parent) > 64)
		parent = "/tmp"; /* and a long one would leave no room in a socket's address */
	snprintf(b->directory, sizeof b->directory, "%s/firefly-bench-XXXXXX", parent);
	if (mkdtemp(b->directory))
		return 0;
	cli_complain("bench", "no directory for the socket in %s: %s", parent, strerror(errno));
	b->directory[0] = 0;
	return CLI_FAILED;
}

static void remove_directory(struct bench *b)
{
	DIR *directory = *b->directory ? opendir(b->directory) : NULL;
	struct dirent *entry;

	if (!directory)
		return;
	while ((entry = readdir(directory)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			unlinkat(dirfd(directory), entry->d_name, 0);
	closedir(directory);
	rmdir(b->directory);
}

/* In the child: become the server. Returns only if that fails. */
static void become_server(const struct bench *b, pid_t parent)
{
	const struct bench_options *o = b->options;
	char link[sizeof b->directory + 64], core[16], control[16], packets[16];
	char *argv[16];
	int n = 0;

	/* Never outlive the client; it may have died before the request was made. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		return;
	snprintf(link, sizeof link, "%s:%s/bench.sock,server", o->link, b->directory);
	snprintf(core, sizeof core, "%d", o->server_core);
	snprintf(control, sizeof control, "%d", b->control.fd);
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
	if (o->eal) {
		argv[n++] = (char *)"--eal";
		argv[n++] = (char *)o->eal;
	}
	argv[n] = NULL;
	execv("/proc/self/exe", argv);
}

static int start_server(struct bench *b)
{
	const pid_t parent = getpid();

	if (control_open(&b->control)) {
		cli_complain("bench", "no shared page: %s", strerror(errno));
		return CLI_FAILED;
	}
	b->control.stop = &stop_wanted;
	b->control.server = fork();
	if (b->control.server == 0) {
		become_server(b, parent);
		_exit(127);
	}
	if (b->control.server < 0) {
		cli_complain("bench", "no server process: %s", strerror(errno));
		b->control.server = 0;
		return CLI_FAILED;
	}
	if (control_order(&b->control, CONTROL_START, 0)) {
		if (*b->control.page->trouble)
			cli_complain("bench", "the server did not start: %s",
				     b->control.page->trouble);
		else
			cli_complain("bench", "the server process %s",
				     b->control.server ? "was not ready in time"
						       : "ended before it was ready");
		return CLI_FAILED;
	}
	return 0;
}

static int start_client(struct bench *b)
{
	const struct bench_options *o = b->options;
	char link[sizeof b->directory + 64];
	const char *const links[] = {link, NULL};
	const struct fly_options with = {
		.links = links,
		.eal = o->eal,
		.packets = o->packets,
		.calls = BLOCK_WINDOW + 64,
		.notice = cli_notice,
		.notice_context = (char *)"bench",
	};
	int status;

	snprintf(link, sizeof link, "%s:%s/bench.sock", o->link, b->directory);
	if (cli_pin("bench", (unsigned)o->client_core) || cli_start("bench", &with, &b->runtime))
		return CLI_FAILED;
	fly_platform(b->runtime, &b->result.platform);
	if (control_order(&b->control, CONTROL_CALLS, 0)) {
		cli_complain("bench", "the server process does not answer any more");
		return CLI_FAILED;
	}
	status = Test_import(b->runtime, NULL, &b->binding);
	if (!status)
		return 0;
	cli_complain("bench", "%s", cli_reason(status));
	return CLI_FAILED;
}

/* ---- blocks ---- */

static int give_up(struct bench *b, const char *trouble, int status)
{
	b->trouble = trouble;
	b->trouble_status = status;
	return -1;
}

/* What look() found. */
struct sight {
	enum pairs_state state;
	bool ours; /* both cores were, and not somebody else's in between */
};

/* How far apart are the cores right now? Return: 0, or -1 with trouble set. */
static int look(struct bench *b, struct sight *sight)
{
	double ticks, ns;

	if (control_distance(&b->control, &ticks))
		return give_up(b, "the server process does not answer any more", 0);
	ns = ticks * 1e9 / (double)b->result.platform.tsc_hz;
	sight->state = ns < NEAR_NS ? PAIRS_NEAR : PAIRS_FAR;
	sight->ours = ns < SHARED_NS;
	if (sight->ours)
		histogram_add(b->result.distance[sight->state], (uint64_t)ticks);
	return 0;
}

static bool is_steady(const struct sight sights[4])
{
	for (unsigned i = 0; i < 4; i++)
		if (!sights[i].ours || sights[i].state != sights[0].state)
			return false;
	return true;
}

static int measure_floor(struct bench *b, const struct bench_row *row,
			 const struct block_plan *plan, struct histogram *times,
			 struct block_sum *sum)
{
	const struct bench_profile *profile = &bench_profiles[row->procedure];
	struct block_clock clock = block_clock(plan, times);
	int status;

	histogram_clear(times);
	while (fly_turn(b->runtime))
		; /* what belongs to the calls before must not turn up among the frames */
	if (control_order(&b->control, CONTROL_FLOOR, profile->result_bytes))
		return give_up(b, "the server process does not answer any more", 0);
	status = floor_bounce(b->runtime, profile->call_bytes, &clock);
	*sum = clock.sum;
	return status ? give_up(b, "a bare frame did not come back", status) : 0;
}

static int measure_calls(struct bench *b, const struct bench_row *row,
			 const struct block_plan *plan, struct histogram *times,
			 struct block_sum *sum)
{
	struct block_clock clock = block_clock(plan, times);
	int status;

	histogram_clear(times);
	if (control_order(&b->control, CONTROL_CALLS, 0))
		return give_up(b, "the server process does not answer any more", 0);
	status = bench_calls(b->binding, row->procedure, b->options->view, &clock);
	*sum = clock.sum;
	return status ? give_up(b, "a call failed", status) : 0;
}

/* What a block is judged by: the median time at window 1, else round trips per tick. */
static double worth(const struct bench_row *row, double step, const struct histogram *times,
		    const struct block_sum *sum)
{
	if (row->window == 1)
		return histogram_percentile(times, 50, step);
	return sum->ticks ? (double)sum->count / (double)sum->ticks : 0;
}

static void add_sum(struct block_sum *into, const struct block_sum *from)
{
	into->count += from->count;
	into->ticks += from->ticks;
}

/* One turn of a row: floor, then PAIRS_PER_VISIT times calls and floor. */
static int visit(struct bench *b, struct bench_row *row)
{
	const struct block_plan plan =
		block_plan(row->window,
			   (uint64_t)(b->options->block_s * (double)b->result.platform.tsc_hz));
	const double step = b->result.step;
	struct histogram **times = b->scratch;
	struct block_sum before, calls, after;
	struct sight sights[4]; /* before and after both floors */

	if (look(b, &sights[0]) || measure_floor(b, row, &plan, times[0], &before) ||
	    look(b, &sights[1]))
		return -1;
	for (unsigned i = 0; i < PAIRS_PER_VISIT && !stop_wanted; i++) {
		struct bench_figures *f = row->in[sights[1].state];

		if (measure_calls(b, row, &plan, times[1], &calls) || look(b, &sights[2]) ||
		    measure_floor(b, row, &plan, times[2], &after) || look(b, &sights[3]))
			return -1;
		if (pairs_add(&f->pairs, worth(row, step, times[0], &before),
			      worth(row, step, times[1], &calls),
			      worth(row, step, times[2], &after), is_steady(sights))) {
			histogram_merge(&f->call_times, times[1]);
			histogram_merge(&f->floor_times, times[0]);
			histogram_merge(&f->floor_times, times[2]);
			add_sum(&f->calls, &calls);
			add_sum(&f->floors, &before);
			add_sum(&f->floors, &after);
		}

		/* The floor after this block is the floor before the next one. */
		struct histogram *spare = times[0];

		times[0] = times[2];
		times[2] = spare;
		before = after;
		sights[0] = sights[2];
		sights[1] = sights[3];
	}
	return 0;
}

static void show_progress(const struct bench *b, double elapsed)
{
	size_t least = SIZE_MAX;

	for (size_t i = 0; i < b->result.n_rows; i++) {
		const struct bench_row *row = &b->result.rows[i];
		const size_t kept =
			row->in[PAIRS_NEAR]->pairs.kept + row->in[PAIRS_FAR]->pairs.kept;

		if (kept < least)
			least = kept;
	}
	fprintf(stderr, "\r%.0f of %.0f s, %zu pairs a row\033[K", elapsed, b->options->seconds,
		least);
}

/* Round after round. A round that would end far behind the time is not begun. */
static int run(struct bench *b)
{
	const bool progress = isatty(STDERR_FILENO);
	const double began = cli_seconds_now();
	double elapsed = 0, round = 0;
	int failed = 0;

	while (!failed && !stop_wanted && elapsed + round / 2 < b->options->seconds) {
		for (size_t i = 0; i < b->result.n_rows && !failed && !stop_wanted; i++)
			failed = visit(b, &b->result.rows[i]);
		round = cli_seconds_now() - began - elapsed;
		elapsed += round;
		if (progress)
			show_progress(b, elapsed);
	}
	if (progress)
		fprintf(stderr, "\r\033[K");
	b->result.seconds = elapsed;
	return failed;
}

/* ---- from start to end ---- */

static void *zeros(size_t n, size_t bytes)
{
	void *memory = calloc(n, bytes);

	if (!memory) {
		cli_complain("bench", "out of memory");
		exit(CLI_FAILED);
	}
	return memory;
}

static void make_rows(struct bench *b)
{
	const struct bench_options *o = b->options;
	struct bench_result *r = &b->result;

	r->rows = zeros((size_t)BENCH_PROCEDURES * 2, sizeof *r->rows);
	for (unsigned p = 0; p < BENCH_PROCEDURES; p++) {
		if (!o->wanted[p])
			continue;
		for (unsigned w = 0; w < (o->window ? 1 : 2); w++) {
			struct bench_row *row = &r->rows[r->n_rows++];

			row->procedure = (enum bench_procedure)p;
			row->window = o->window ? o->window : w ? 64 : 1;
			for (unsigned s = 0; s < PAIRS_STATES; s++)
				row->in[s] = zeros(1, sizeof *row->in[s]);
		}
	}
	for (unsigned s = 0; s < PAIRS_STATES; s++)
		r->distance[s] = zeros(1, sizeof *r->distance[s]);
	for (unsigned i = 0; i < 3; i++)
		b->scratch[i] = zeros(1, sizeof *b->scratch[i]);
}

static void free_rows(struct bench *b)
{
	struct bench_result *r = &b->result;

	for (size_t i = 0; i < r->n_rows; i++)
		for (unsigned s = 0; s < PAIRS_STATES; s++) {
			pairs_free(&r->rows[i].in[s]->pairs);
			free(r->rows[i].in[s]);
		}
	free(r->rows);
	for (unsigned s = 0; s < PAIRS_STATES; s++)
		free(r->distance[s]);
	for (unsigned i = 0; i < 3; i++)
		free(b->scratch[i]);
}

/* Both pools have to be whole. Return: 0, or CLI_FAILED. */
static int stop(struct bench *b)
{
	int server_missing, missing = 0;

	if (b->binding)
		fly_unbind(b->binding);
	/* While this end of the link goes, the server keeps its hands off the other one. */
	if (b->runtime) {
		(void)control_order(&b->control, CONTROL_PINGPONG, 0);
		missing = fly_stop(b->runtime);
	}
	server_missing = control_close(&b->control);
	if (missing == 0 && server_missing == 0)
		return 0;
	cli_complain("bench",
		     "packet buffers that are missing at the end: %d here, %d at the "
		     "server; this is a bug",
		     missing, server_missing);
	return CLI_FAILED;
}

static int report(struct bench *b)
{
	const struct bench_options *o = b->options;

	if (b->trouble) {
		cli_complain("bench", "%s%s%s; what was measured before:", b->trouble,
			     b->trouble_status ? ": " : "",
			     b->trouble_status ? fly_strerror(b->trouble_status) : "");
	}
	if (!o->json || strcmp(o->json, "-") != 0)
		bench_print_table(&b->result);
	if (o->json && bench_write_json(&b->result, o->json)) {
		cli_complain("bench", "%s cannot be written: %s", o->json, strerror(errno));
		return CLI_FAILED;
	}
	return b->trouble ? CLI_FAILED : 0;
}

int bench_main(int argc, char **argv)
{
	/* The second ^C ends it at once. */
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
	struct bench_options o = {
		.link = "vhost",
		.seconds = SECONDS_DEFAULT,
		.block_s = BLOCK_MS / 1000.0,
		.client_core = -1,
		.server_core = -1,
	};
	struct bench b = {.options = &o, .control.fd = -1};
	int failed = CLI_FAILED;

	if (argc > 1 && !strcmp(argv[1], "marshal")) {
		argv[1] = (char *)"firefly bench marshal";
		return bench_marshal_main(argc - 1, argv + 1);
	}
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	if (choose_cores(&o) || make_directory(&b))
		return CLI_FAILED;
	make_rows(&b);
	b.result.link = o.link;
	b.result.view = o.view;
	b.result.step = ticks_step();
	b.result.client_core = (unsigned)o.client_core;
	b.result.server_core = (unsigned)o.server_core;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);

	if (start_server(&b) || start_client(&b))
		goto out;
	run(&b);
	failed = report(&b);
out:
	if (stop(&b))
		failed = CLI_FAILED;
	remove_directory(&b);
	free_rows(&b);
	return failed;
}
