/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ping.c - `firefly ping`: call Null now and then, and say how long it took, like ping(8).
 *
 * Owns the loop and the summary. A call that fails is a line of output with the outcome of the
 * call, never the end: the server is looked for again until it is back.
 */
#include <argp.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <firefly/firefly.h>

#include "cli.h"
#include "commands.h"
#include "target.h"
#include "test.h"
#include "bench/measure/ticks.h"

enum {
	KEY_FLOOD = CLI_KEY_OWN,
	KEY_TIMEOUT,
};

struct ping_options {
	struct target target;
	uint64_t count; /* 0: until ^C */
	double interval_s;
	bool flood;
	unsigned timeout_ms; /* 0: the runtime's default */
	int core;            /* -1: wherever the system puts us */
	enum fly_wait wait;
	const char *eal;
	unsigned packets;
};

struct ping_summary {
	uint64_t sent, returned;
	double min_us, max_us, sum_us, sum_squares_us;
};

static volatile sig_atomic_t stop_wanted;

static const struct argp_option options[] = {
	{"count", 'c', "N", 0, "Stop after N calls", 0},
	{"interval", 'i', "SECONDS", 0, "From one call to the next (default 1)", 0},
	{"flood", KEY_FLOOD, NULL, 0, "One call after the other; only failures are printed", 0},
	{"timeout", KEY_TIMEOUT, "MS", 0,
	 "How long an answer may take, in milliseconds (default 5000)", 0},
	{"link", CLI_KEY_LINK, "LINK", 0,
	 "A link of this program; given several times: routes, or PEER, choose one", 1},
	{"core", CLI_KEY_CORE, "N", 0, "Run on this core only", 1},
	{"wait", CLI_KEY_WAIT, "HOW", 0, "How to wait for results: spin (default), yield or sleep",
	 1},
	{"packets", CLI_KEY_PACKETS, "N", 0, "Packet buffers in the pool (default 4095)", 1},
	{"eal", CLI_KEY_EAL, "ARGUMENTS", 0, "Further DPDK EAL arguments, separated by blanks", 1},
	{0},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct ping_options *o = state->input;

	switch (key) {
	case 'c':
		o->count = cli_number("ping", "--count", text, 1, UINT64_MAX);
		return 0;
	case 'i':
		o->interval_s = cli_seconds("ping", "--interval", text, 0, 86400);
		return 0;
	case KEY_FLOOD:
		o->flood = true;
		return 0;
	case KEY_TIMEOUT:
		o->timeout_ms = (unsigned)cli_number("ping", "--timeout", text, 1, 3600000);
		return 0;
	case CLI_KEY_WAIT:
		o->wait = cli_wait("ping", text);
		return 0;
	case CLI_KEY_CORE:
		o->core = (int)cli_number("ping", "--core", text, 0, 1023);
		return 0;
	case CLI_KEY_PACKETS:
		o->packets = (unsigned)cli_number("ping", "--packets", text, 64, 4194303);
		return 0;
	case CLI_KEY_EAL:
		o->eal = text;
		return 0;
	case CLI_KEY_LINK:
		target_add_link(&o->target, "ping", text);
		return 0;
	case ARGP_KEY_ARG:
		target_set_peer(&o->target, "ping", text);
		return 0;
	case ARGP_KEY_END:
		target_complete(&o->target, "ping");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "LINK\n[PEER] --link LINK...",
	.doc = "Call Null at a server of the Test interface (`firefly serve`) and print how long "
	       "each call took."
	       "\vLINK is a link specification, with peer=A.B.C.D where the link leads to more "
	       "than one machine. PEER is an address, or one of several links:\n\n"
	       "  firefly ping vhost:/tmp/f.sock\n"
	       "  firefly ping udp:10.0.0.2           (over the kernel's own sockets)\n"
	       "  firefly ping host.example --link udp:\n"
	       "  firefly ping af_packet:eth1,ip=10.0.0.1,peer=10.0.0.2 --count 10\n"
	       "  firefly ping 10.0.0.2 --link af_packet:eth1 --link af_packet:eth2\n"
	       "  firefly ping vhost:/tmp/b.sock --link vhost:/tmp/a.sock --link "
	       "vhost:/tmp/b.sock\n\n"
	       "When the server goes away the calls fail, one line each that says whether the "
	       "procedure may have run, until it is back. Exit status 0 if any call returned.",
};

static void on_signal(int number)
{
	(void)number;
	stop_wanted = 1;
}

/*
 * One call, through the asynchronous pair so that ^C ends the wait for a server that is gone.
 * Return: its status; -FLY_ESTOPPED after ^C, with the call still under way.
 */
static int call_once(struct fly_runtime *runtime, struct fly_binding *binding, uint64_t *ticks)
{
	const uint64_t began = ticks_now();
	struct fly_call *call;
	int status;

	status = Test_Null_start(binding, &call);
	if (status)
		return status;
	while (!fly_ready(call)) {
		if (stop_wanted)
			return -FLY_ESTOPPED;
		fly_turn(runtime);
	}
	status = Test_Null_finish(call);
	*ticks = ticks_now() - began;
	return status;
}

static void take_in(struct ping_summary *s, double us)
{
	if (s->returned == 0 || us < s->min_us)
		s->min_us = us;
	if (s->returned == 0 || us > s->max_us)
		s->max_us = us;
	s->sum_us += us;
	s->sum_squares_us += us * us;
	s->returned++;
}

static void print_summary(const struct ping_summary *s, const char *link)
{
	const double n = (double)s->returned;

	printf("--- Test.Null over %s ---\n"
	       "%" PRIu64 " sent, %" PRIu64 " returned, %" PRIu64 " lost\n",
	       link, s->sent, s->returned, s->sent - s->returned);
	if (s->returned) {
		const double mean = s->sum_us / n;

		printf("min/avg/max/stddev %.2f/%.2f/%.2f/%.2f us\n", s->min_us, mean, s->max_us,
		       sqrt(fmax(0, s->sum_squares_us / n - mean * mean)));
	}
}

/* Until the next call is due: keep the link served, without taking the core for it. */
static void rest(struct fly_runtime *runtime, double seconds, uint64_t tsc_hz)
{
	const uint64_t until = ticks_now() + (uint64_t)(seconds * (double)tsc_hz);
	const struct timespec nap = {.tv_nsec = 1000000};

	while (!stop_wanted && ticks_now() < until) {
		fly_turn(runtime);
		nanosleep(&nap, NULL);
	}
}

static void ping(struct fly_runtime *runtime, struct fly_binding *binding,
		 const struct ping_options *o, struct ping_summary *summary)
{
	struct fly_platform platform = {.size = sizeof platform};
	bool lost = false; /* the binding is to be made again */

	fly_platform(runtime, &platform);
	while (!stop_wanted && (o->count == 0 || summary->sent < o->count)) {
		uint64_t ticks = 0;
		int status;

		status = lost ? fly_rebind(binding) : 0;
		lost = status != 0;
		if (!lost)
			status = call_once(runtime, binding, &ticks);
		if (stop_wanted && status)
			break;
		summary->sent++;
		if (lost) {
			printf("seq=%" PRIu64 " still no server: %s\n", summary->sent,
			       cli_reason(status));
		} else if (status) {
			lost = cli_is_about_peer(status);
			printf("seq=%" PRIu64 " %s (%s, %s)\n", summary->sent, fly_strerror(status),
			       fly_status_name(status), fly_outcome_name(fly_outcome(status)));
		} else {
			const double us = (double)ticks * 1e6 / (double)platform.tsc_hz;

			take_in(summary, us);
			if (!o->flood)
				printf("seq=%" PRIu64 " time=%.2f us\n", summary->sent, us);
		}
		fflush(stdout);
		if (status && o->flood)
			rest(runtime, 0.1, platform.tsc_hz); /* a failure a time is enough */
		else if (!o->flood && summary->sent != o->count)
			rest(runtime, o->interval_s, platform.tsc_hz);
	}
}

int ping_main(int argc, char **argv)
{
	struct ping_options o = {.interval_s = 1, .core = -1};
	struct sigaction action = {.sa_handler = on_signal};
	struct fly_options start = {
		.size = sizeof start,
		.notice = cli_notice,
		.notice_context = (char *)"ping",
	};
	struct ping_summary summary = {0};
	struct fly_binding *binding;
	struct fly_runtime *runtime;
	int status;

	argp_parse(&argp, argc, argv, 0, NULL, &o);
	start.links = o.target.links;
	start.eal = o.eal;
	start.packets = o.packets;
	start.call_timeout_ms = o.timeout_ms;
	start.wait = o.wait;
	if (o.core >= 0 && cli_pin("ping", (unsigned)o.core))
		return CLI_FAILED;
	if (cli_start("ping", &start, &runtime))
		return CLI_FAILED;
	status = Test_import(runtime, o.target.peer, &binding);
	if (status) {
		cli_complain("ping", "%s", cli_reason(status));
		fly_stop(runtime);
		return CLI_FAILED;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);

	printf("calling Test.Null over %s; ^C stops\n", o.target.name);
	ping(runtime, binding, &o, &summary);
	print_summary(&summary, o.target.name);

	fly_unbind(binding);
	fly_stop(runtime);
	return summary.returned ? 0 : CLI_FAILED;
}
