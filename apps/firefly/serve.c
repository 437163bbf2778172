/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * serve.c - `firefly serve`: export Test until somebody says stop, then say what was done.
 *
 * Owns the command line, the signals and the last lines of output. The procedures themselves are
 * in test_service.c.
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <firefly/firefly.h>

#include "cli.h"
#include "commands.h"
#include "counters.h"
#include "test_service.h"

#define LINKS_MOST 16
#define DRAIN_MS   10000

enum {
	KEY_STATS = CLI_KEY_OWN,
	KEY_CHECK,
	KEY_TALLY,
	KEY_LOCAL,
	KEY_POLLERS,
	KEY_CORES,
	KEY_DRAIN,
};

struct serve_options {
	const char *links[LINKS_MOST + 1]; /* ended by NULL */
	unsigned n_links;
	int core; /* -1: wherever the system puts us */
	const char *eal;
	unsigned packets;
	enum counters_wanted stats;
	bool checking;
	const char *tally; /* a file; NULL: none */
	unsigned pollers;  /* 0: we poll */
	const char *cores;
	enum fly_wait wait;
	unsigned drain_ms; /* for the last calls to end */
};

/* For the signal handler, which can do no more than ask fly_serve() to return. */
static struct fly_runtime *serving;
static volatile sig_atomic_t stop_wanted, stats_now;

static const struct argp_option options[] = {
	{"link", 'l', "SPEC", 0,
	 "Serve on this link, for instance vhost:/tmp/f.sock,server; may be given several times",
	 0},
	{"local", KEY_LOCAL, "NAME", 0,
	 "Serve callers of this machine as local:NAME; short for --link local:NAME,server", 0},
	{"core", 'c', "N", 0, "Run on this core only", 0},
	{"pollers", KEY_POLLERS, "N", 0,
	 "Have N threads poll, each on a core and a UDP port of its own (default: this one polls)",
	 0},
	{"cores", KEY_CORES, "LIST", 0,
	 "Where they run, as 2,4-5 (default: as `firefly topology` shows)", 0},
	{"wait", CLI_KEY_WAIT, "HOW", 0,
	 "What they do while there is nothing to do: spin (default), yield or sleep", 0},
	{"drain", KEY_DRAIN, "MS", 0,
	 "When told to stop, let calls that run or wait end, for so many milliseconds at most "
	 "(default 10000); a second signal ends the program at once",
	 0},
	{"stats", KEY_STATS, "all", OPTION_ARG_OPTIONAL,
	 "At the end, and on SIGUSR1, print the counters that are not zero (with =all: every one)",
	 0},
	{"check", KEY_CHECK, NULL, 0,
	 "Check every byte of arguments and send results that can be checked, for `firefly call "
	 "--check`; slower",
	 0},
	{"tally", KEY_TALLY, "FILE", 0,
	 "Keep the counts of executions in this file, where they outlive a server that is killed",
	 1},
	{"packets", CLI_KEY_PACKETS, "N", 0, "Packet buffers in the pool (default 4095)", 1},
	{"eal", CLI_KEY_EAL, "ARGUMENTS", 0, "Further DPDK EAL arguments, separated by blanks", 1},
	{0},
};

static void add_link(struct serve_options *o, const char *link)
{
	if (o->n_links == LINKS_MOST)
		cli_refuse("serve", "at most %d links; start another server for the rest",
			   LINKS_MOST);
	o->links[o->n_links++] = link;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct serve_options *o = state->input;
	char *link;

	switch (key) {
	case 'l':
		add_link(o, text);
		return 0;
	case KEY_LOCAL:
		if (asprintf(&link, "local:%s,server", text) < 0)
			cli_refuse("serve", "out of memory");
		add_link(o, link); /* for as long as we live */
		return 0;
	case 'c':
		o->core = (int)cli_number("serve", "--core", text, 0, 1023);
		return 0;
	case KEY_STATS:
		o->stats = counters_option("serve", text);
		return 0;
	case KEY_CHECK:
		o->checking = true;
		return 0;
	case KEY_TALLY:
		o->tally = text;
		return 0;
	case KEY_POLLERS:
		o->pollers = (unsigned)cli_number("serve", "--pollers", text, 1, 16);
		return 0;
	case KEY_CORES:
		o->cores = text;
		return 0;
	case KEY_DRAIN:
		o->drain_ms = (unsigned)cli_number("serve", "--drain", text, 1, 86400000);
		return 0;
	case CLI_KEY_WAIT:
		o->wait = cli_wait("serve", text);
		return 0;
	case CLI_KEY_PACKETS:
		o->packets = (unsigned)cli_number("serve", "--packets", text, 64, 4194303);
		return 0;
	case CLI_KEY_EAL:
		o->eal = text;
		return 0;
	case ARGP_KEY_ARG:
		cli_refuse("serve", "'%s' is not expected; a link is named with --link %s", text,
			   text);
	case ARGP_KEY_END:
		if (o->n_links == 0)
			cli_refuse("serve", "on which link? For instance "
					    "--link vhost:/tmp/f.sock,server");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Export the Test interface and serve calls until ^C."
	       "\vThe core is busy from start to end: the server polls.\n\n"
	       "  firefly serve --link vhost:/tmp/f.sock,server --core 1\n"
	       "  firefly ping vhost:/tmp/f.sock          (in another terminal)\n\n"
	       "  firefly serve --link udp:0.0.0.0        (over the kernel's own sockets)\n"
	       "  firefly ping udp:10.0.0.2               (on another machine)\n\n"
	       "At the end it prints how often each procedure ran, and whether all packet "
	       "buffers are back; exit status 1 if some are missing. firefly(1) lists the kinds "
	       "of links.",
};

static void on_signal(int number)
{
	if (number == SIGUSR1)
		stats_now = 1;
	else
		stop_wanted = 1;
	fly_quit(serving);
}

static void handle_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
}

/* ---- serving ---- */

static void print_work(const struct test_service *service, bool checking, double seconds)
{
	printf("served %" PRIu64 " calls in %.1f s: Null %" PRIu64 ", MaxResult %" PRIu64
	       ", MaxArg %" PRIu64 ", Echo %" PRIu64 "\n",
	       test_service_executions(service), seconds, service->nulls, service->max_results,
	       service->max_args, service->echoes);
	if (checking)
		printf("arguments that were wrong: %" PRIu64 "\n", service->wrong);
}

/*
 * The counts that the procedures keep: in a file of its own if there is to be a tally, since
 * shared memory is what SIGKILL leaves as it was. Return: NULL after saying why not.
 */
static struct test_service *make_service(const char *tally)
{
	static struct test_service plain;
	struct test_service *service = MAP_FAILED;
	int fd;

	if (!tally)
		return &plain;
	fd = open(tally, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd >= 0 && ftruncate(fd, sizeof *service) == 0)
		service = mmap(NULL, sizeof *service, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (service == MAP_FAILED)
		cli_complain("serve", "--tally %s: %s", tally, strerror(errno));
	if (fd >= 0)
		close(fd);
	return service == MAP_FAILED ? NULL : service;
}

/* With the address where a UDP port was chosen, or all addresses are served. */
static void announce(const struct serve_options *o)
{
	char address[FLY_ADDRESS_BYTES];

	printf("serving Test on");
	for (unsigned i = 0; i < o->n_links; i++) {
		printf("%s %s", i ? " and" : "", o->links[i]);
		if ((strncmp(o->links[i], "udp:", 4) == 0 || strstr(o->links[i], ",port=0")) &&
		    fly_address(serving, i, address) == 0)
			printf(" at %s", address);
	}
	printf("; ^C stops\n");
	fflush(stdout);
}

int serve_main(int argc, char **argv)
{
	struct serve_options o = {.core = -1, .drain_ms = DRAIN_MS};
	struct test_service *service;
	struct fly_options start = {
		.size = sizeof start,
		.notice = cli_notice,
		.notice_context = (char *)"serve",
	};
	double began;
	int failed;

	argp_parse(&argp, argc, argv, 0, NULL, &o);
	start.links = o.links;
	start.eal = o.eal;
	start.packets = o.packets;
	start.pollers = o.pollers;
	start.cores = o.cores;
	start.wait = o.wait;
	if (o.core >= 0 && cli_pin("serve", (unsigned)o.core))
		return CLI_FAILED;
	service = make_service(o.tally);
	if (!service)
		return CLI_FAILED;
	if (cli_start("serve", &start, &serving))
		return CLI_FAILED;
	service->is_shared = o.pollers > 1;
	if (test_service_export(serving, service, o.checking)) {
		cli_complain("serve", "%s", fly_error());
		fly_stop(serving);
		return CLI_FAILED;
	}
	handle_signals();
	announce(&o);

	began = cli_seconds_now();
	while (!stop_wanted) {
		fly_serve(serving);
		if (stats_now) {
			stats_now = 0;
			counters_print(serving, o.stats ? o.stats : COUNTERS_COUNTED);
		}
	}

	/* From now on a second signal ends the program; nor must it meet a runtime that stopped. */
	signal(SIGUSR1, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	if (fly_drain(serving, o.drain_ms))
		cli_complain("serve", "%s", fly_error());
	print_work(service, o.checking, cli_seconds_now() - began);
	counters_print(serving, o.stats);
	failed = cli_stop(serving);
	return failed || service->wrong ? CLI_FAILED : 0;
}
