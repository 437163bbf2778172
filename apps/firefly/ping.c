/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ping.c - `firefly ping`: call Null now and then, and say how long it took, like ping(8).
 *
 * Owns the loop and the summary. A call that fails is a line of output with the outcome of the
 * call, never the end: the server is looked for again until it is back.
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>

#include <firefly/firefly.h>

#include "cli.h"
#include "commands.h"
#include "bench/measure/ticks.h"
#include "bench/report/text.h"
#include "target.h"
#include "test.h"
#include "times.h"

enum {
	KEY_FLOOD = CLI_KEY_OWN,
	KEY_TIMEOUT,
	KEY_JSON,
};

struct ping_options {
	struct target target;
	uint64_t count; /* 0: until ^C */
	double interval_s;
	bool flood;
	const char *json;    /* a file, or "-"; NULL: none */
	unsigned timeout_ms; /* 0: the runtime's default */
	int core;            /* -1: wherever the system puts us */
	enum fly_wait wait;
	const char *eal;
	unsigned packets;
};

struct ping_summary {
	uint64_t sent, returned;
	double seconds; /* from the first call to the last */
	struct times times;
};

static volatile sig_atomic_t stop_wanted;
static FILE *talk; /* standard output, unless that is JSON */

static const struct argp_option options[] = {
	{"count", 'c', "N", 0, "Stop after N calls", 0},
	{"interval", 'i', "SECONDS", 0, "From one call to the next (default 1)", 0},
	{"flood", KEY_FLOOD, NULL, 0,
	 "One call after the other, as fast as answers come; only failures are printed", 0},
	{"json", KEY_JSON, "FILE", 0,
	 "Write the summary as JSON; to stdout, and nothing else there, with -", 0},
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
	case KEY_JSON:
		o->json = text;
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

static double rate(const struct ping_summary *s)
{
	return s->seconds > 0 ? (double)s->returned / s->seconds : 0;
}

static void print_summary(const struct ping_summary *s, const char *link, bool flood)
{
	fprintf(talk,
		"--- Test.Null over %s ---\n"
		"%" PRIu64 " sent, %" PRIu64 " returned, %" PRIu64 " lost\n",
		link, s->sent, s->returned, s->sent - s->returned);
	times_print(&s->times, talk);
	if (flood && s->returned)
		fprintf(talk, "%.0f calls/s for %.2f s\n", rate(s), s->seconds);
}

/* Return: 0; or CLI_FAILED after complaining. */
static int write_summary(const struct ping_summary *s, const struct ping_options *o)
{
	struct json_object *all = json_object_new_object();
	int failed;

	json_object_object_add(all, "procedure", json_object_new_string("null"));
	json_object_object_add(all, "link", json_object_new_string(o->target.name));
	json_object_object_add(all, "flood", json_object_new_boolean(o->flood));
	json_object_object_add(all, "sent", json_object_new_int64((int64_t)s->sent));
	json_object_object_add(all, "returned", json_object_new_int64((int64_t)s->returned));
	json_object_object_add(all, "lost",
			       json_object_new_int64((int64_t)(s->sent - s->returned)));
	json_object_object_add(all, "seconds", text_number(s->seconds, 3));
	json_object_object_add(all, "calls_per_s", text_number(rate(s), 1));
	times_json(&s->times, all);
	failed = text_write(all, o->json);
	json_object_put(all);
	if (!failed)
		return 0;
	cli_complain("ping", "%s cannot be written: %s", o->json, strerror(errno));
	return CLI_FAILED;
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
	const uint64_t tsc_hz = summary->times.tsc_hz, began = ticks_now();
	bool lost = false; /* the binding is to be made again */

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
			fprintf(talk, "seq=%" PRIu64 " still no server: %s\n", summary->sent,
				cli_reason(status));
		} else if (status) {
			lost = cli_is_about_peer(status);
			fprintf(talk, "seq=%" PRIu64 " %s (%s, %s)\n", summary->sent,
				fly_strerror(status), fly_status_name(status),
				fly_outcome_name(fly_outcome(status)));
		} else {
			summary->returned++;
			times_add(&summary->times, ticks);
			if (o->flood)
				continue;
			fprintf(talk, "seq=%" PRIu64 " time=%.2f us\n", summary->sent,
				(double)ticks * 1e6 / (double)tsc_hz);
		}
		fflush(talk);
		if (status && o->flood)
			rest(runtime, 0.1, tsc_hz); /* a failure a time is enough */
		else if (!o->flood && summary->sent != o->count)
			rest(runtime, o->interval_s, tsc_hz);
	}
	summary->seconds = (double)(ticks_now() - began) / (double)tsc_hz;
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
	struct fly_platform platform = {.size = sizeof platform};
	static struct ping_summary summary;
	struct fly_binding *binding;
	struct fly_runtime *runtime;
	int status, failed = 0;

	argp_parse(&argp, argc, argv, 0, NULL, &o);
	talk = o.json && strcmp(o.json, "-") == 0 ? stderr : stdout;
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

	fly_platform(runtime, &platform);
	summary.times.tsc_hz = platform.tsc_hz;
	summary.times.step = ticks_step();
	fprintf(talk, "calling Test.Null over %s; ^C stops\n", o.target.name);
	fflush(talk);
	ping(runtime, binding, &o, &summary);
	print_summary(&summary, o.target.name, o.flood);
	if (o.json)
		failed = write_summary(&summary, &o);

	fly_unbind(binding);
	fly_stop(runtime);
	return summary.returned ? failed : CLI_FAILED;
}
