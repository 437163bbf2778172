/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * call.c - `firefly call`: many calls, every byte checked, every execution accounted for.
 *
 * Owns the window of calls under way and the books: what was returned, what was wrong, what
 * failed with which outcome, and whether the server counted as many executions. Uses the public
 * interface only; the end-to-end tests are built on this program.
 *
 * How executions are accounted for
 *
 * Count before the first call and after the last one tells how many procedures ran in between:
 * at least as many as calls returned, and at most that plus the calls that ended with "maybe
 * executed". So a call that ran twice shows, and so does one that ran although it was reported
 * as not executed. After a failure the server may be another one: the books are opened again
 * when the binding is, and what had an unknown outcome before stays in the upper bound, because
 * it may still be on its way. With other clients on the same server nothing can be compared.
 */
#include <argp.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <firefly/firefly.h>

#include "cli.h"
#include "commands.h"
#include "counters.h"
#include "bench/measure/ticks.h"
#include "pattern.h"
#include "target.h"
#include "test.h"
#include "times.h"

#define WINDOW_MOST 4096

enum {
	KEY_CHECK = CLI_KEY_OWN,
	KEY_CALLS,
	KEY_UNTIL_ERROR,
	KEY_RECONNECT,
	KEY_PATIENCE,
	KEY_SHARED,
	KEY_TIMEOUT,
	KEY_STATS,
};

enum procedure {
	NULL_CALL,
	MAX_RESULT,
	MAX_ARG,
	ECHO,
	PROCEDURES,
};

static const char *const procedure_names[PROCEDURES] = {"null", "maxresult", "maxarg", "echo"};

struct call_options {
	struct target target;
	bool checking;
	uint64_t calls; /* 0: no end */
	unsigned window;
	enum procedure procedures[PROCEDURES]; /* made in turn */
	unsigned n_procedures;
	bool until_error;
	bool reconnect;
	double patience_s; /* how long a server may be away */
	bool shared;       /* other clients use the server: executions cannot be compared */
	unsigned timeout_ms;
	enum counters_wanted stats;
	int core; /* -1: wherever the system puts us */
	enum fly_wait wait;
	const char *eal;
	unsigned packets;
};

/* One call under way. */
struct slot {
	struct fly_call *call; /* NULL: none */
	enum procedure procedure;
	uint64_t number; /* of the call, from 1 */
	uint64_t began;  /* ticks */
};

#define SEEN_BITS 65536 /* execution numbers that are remembered, below the highest */

struct caller {
	const struct call_options *options;
	struct fly_runtime *runtime;
	struct fly_binding *binding;
	struct slot *slots; /* a ring of options->window */
	uint64_t started;   /* calls made; slot started % window is the oldest one */

	/* The books of the whole run. */
	uint64_t returned;  /* calls that ended with status 0 */
	uint64_t wrong;     /* of these: other data than they had to bring */
	uint64_t failed[3]; /* by enum fly_outcome */
	uint64_t uncounted; /* executions that no call explains, or calls that none does */
	int first_failure;  /* a status; 0: none */
	uint64_t reconnections;
	struct times times;   /* of those that returned */
	uint64_t calls_ticks; /* while calls were made */

	/* The books since the newest import. */
	uint64_t count_before; /* what Count said */
	uint64_t executed;     /* returned or failed as executed since then */

	uint64_t seen[SEEN_BITS / 64]; /* numbers of MaxResult that came, modulo SEEN_BITS */
	uint64_t seen_highest;
};

static volatile sig_atomic_t stop_wanted;

static const struct argp_option options[] = {
	{"calls", KEY_CALLS, "N", 0, "How many calls to make (default 10000)", 0},
	{"window", 'w', "W", 0, "How many to have under way (default 1)", 0},
	{"procedure", 'p', "NAME", 0,
	 "null, maxresult, maxarg or echo; given several times: in turn (default: all four)", 0},
	{"check", KEY_CHECK, NULL, 0,
	 "Check every byte in both directions; the server has to run with --check as well", 0},
	{"until-error", KEY_UNTIL_ERROR, NULL, 0,
	 "Go on until a call fails, which is then no failure of this program", 1},
	{"reconnect", KEY_RECONNECT, NULL, 0,
	 "After a call failed wait until the server is back, and go on", 1},
	{"patience", KEY_PATIENCE, "SECONDS", 0,
	 "How long the server may be away with --reconnect (default 10)", 1},
	{"shared", KEY_SHARED, NULL, 0,
	 "Other clients call the same server: do not compare its count of executions", 1},
	{"timeout", KEY_TIMEOUT, "MS", 0,
	 "How long an answer may take, in milliseconds (default 5000)", 1},
	{"stats", KEY_STATS, "all", OPTION_ARG_OPTIONAL,
	 "At the end print the counters that are not zero (with =all: every one)", 2},
	{"link", CLI_KEY_LINK, "LINK", 0,
	 "A link of this program; given several times: routes, or PEER, choose one", 2},
	{"core", CLI_KEY_CORE, "N", 0, "Run on this core only", 2},
	{"wait", CLI_KEY_WAIT, "HOW", 0, "How to wait for results: spin (default), yield or sleep",
	 2},
	{"packets", CLI_KEY_PACKETS, "N", 0, "Packet buffers in the pool (default 4095)", 2},
	{"eal", CLI_KEY_EAL, "ARGUMENTS", 0, "Further DPDK EAL arguments, separated by blanks", 2},
	{0},
};

static void add_procedure(struct call_options *o, const char *name)
{
	for (unsigned i = 0; i < PROCEDURES; i++) {
		if (strcmp(name, procedure_names[i]) != 0)
			continue;
		if (o->n_procedures == PROCEDURES)
			cli_refuse("call", "--procedure at most %d times", PROCEDURES);
		o->procedures[o->n_procedures++] = (enum procedure)i;
		return;
	}
	cli_refuse("call", "--procedure takes null, maxresult, maxarg or echo, not '%s'", name);
}

static void complete(struct call_options *o)
{
	target_complete(&o->target, "call");
	if (o->until_error && o->reconnect)
		cli_refuse("call", "--until-error stops at what --reconnect goes on after: choose");
	if (o->calls == 0 && !o->until_error)
		o->calls = 10000;
	if (o->n_procedures)
		return;
	for (unsigned i = 0; i < PROCEDURES; i++)
		o->procedures[o->n_procedures++] = (enum procedure)i;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct call_options *o = state->input;

	switch (key) {
	case KEY_CALLS:
		o->calls = cli_number("call", "--calls", text, 1, UINT64_MAX);
		return 0;
	case 'w':
		o->window = (unsigned)cli_number("call", "--window", text, 1, WINDOW_MOST);
		return 0;
	case 'p':
		add_procedure(o, text);
		return 0;
	case KEY_CHECK:
		o->checking = true;
		return 0;
	case KEY_UNTIL_ERROR:
		o->until_error = true;
		return 0;
	case KEY_RECONNECT:
		o->reconnect = true;
		return 0;
	case KEY_PATIENCE:
		o->patience_s = cli_seconds("call", "--patience", text, 0, 86400);
		return 0;
	case KEY_SHARED:
		o->shared = true;
		return 0;
	case KEY_TIMEOUT:
		o->timeout_ms = (unsigned)cli_number("call", "--timeout", text, 1, 3600000);
		return 0;
	case KEY_STATS:
		o->stats = counters_option("call", text);
		return 0;
	case CLI_KEY_WAIT:
		o->wait = cli_wait("call", text);
		return 0;
	case CLI_KEY_CORE:
		o->core = (int)cli_number("call", "--core", text, 0, 1023);
		return 0;
	case CLI_KEY_PACKETS:
		o->packets = (unsigned)cli_number("call", "--packets", text, 64, 4194303);
		return 0;
	case CLI_KEY_EAL:
		o->eal = text;
		return 0;
	case CLI_KEY_LINK:
		target_add_link(&o->target, "call", text);
		return 0;
	case ARGP_KEY_ARG:
		target_set_peer(&o->target, "call", text);
		return 0;
	case ARGP_KEY_END:
		complete(o);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "LINK\n[PEER] --link LINK...",
	.doc = "Make many calls to a server of the Test interface, check what comes back, and "
	       "compare with the executions that the server has counted."
	       "\v  firefly serve --check --link vhost:/tmp/f.sock,server\n"
	       "  firefly call --check --calls 1000000 --window 64 vhost:/tmp/f.sock\n\n"
	       "Exit status 1 if anything was wrong: data, the number of executions, a packet "
	       "that is missing, or a call that failed (unless --until-error or --reconnect "
	       "expect that).",
};

static void on_signal(int number)
{
	(void)number;
	stop_wanted = 1;
}

/* ---- one call ---- */

static int start_call(struct caller *c, struct slot *slot)
{
	uint8_t buffer[1440];

	switch (slot->procedure) {
	case NULL_CALL:
		return Test_Null_start(c->binding, &slot->call);
	case MAX_RESULT:
		return Test_MaxResult_start(c->binding, &slot->call);
	case MAX_ARG:
		if (c->options->checking)
			pattern_seal(buffer, sizeof buffer, slot->number);
		else
			memset(buffer, PATTERN_PLAIN, sizeof buffer);
		return Test_MaxArg_start(c->binding, buffer, &slot->call);
	case ECHO:
		pattern_write(buffer, 512, slot->number);
		return Test_Echo_start(c->binding, slot->number, buffer, &slot->call);
	default:
		return -FLY_EINVAL;
	}
}

/* Was this execution number not there before? Far behind the highest nobody can tell: true. */
static bool is_new(struct caller *c, uint64_t number)
{
	const uint64_t bit = UINT64_C(1) << number % 64;
	uint64_t *word = &c->seen[number % SEEN_BITS / 64];

	if (number > c->seen_highest && number - c->seen_highest >= SEEN_BITS) {
		memset(c->seen, 0, sizeof c->seen);
		c->seen_highest = number;
	}
	while (c->seen_highest < number) {
		c->seen_highest++;
		c->seen[c->seen_highest % SEEN_BITS / 64] &= ~(UINT64_C(1) << c->seen_highest % 64);
	}
	if (c->seen_highest - number >= SEEN_BITS)
		return true;
	if (*word & bit)
		return false;
	*word |= bit;
	return true;
}

static bool max_result_is_right(struct caller *c, const uint8_t buffer[1440])
{
	uint64_t execution;

	if (!c->options->checking)
		return true;
	return pattern_is_sealed(buffer, 1440, &execution) && is_new(c, execution);
}

static bool echo_is_right(uint64_t number, uint64_t number_again, const uint8_t data_again[512])
{
	const uint64_t again = pattern_again(number);
	uint8_t data[512];

	for (size_t i = 0; i < sizeof data; i++)
		data[i] = data_again[i] ^ (uint8_t)(again >> 8 * (i % 8));
	return number_again == again && pattern_is(data, sizeof data, number);
}

/* Wait for a call and look at what it brought. Return: its status; *right only if that is 0. */
static int finish_call(struct caller *c, struct slot *slot, bool *right)
{
	uint8_t buffer[1440];
	uint64_t number_again;
	int status;

	*right = true;
	switch (slot->procedure) {
	case NULL_CALL:
		status = Test_Null_finish(slot->call);
		break;
	case MAX_RESULT:
		status = Test_MaxResult_finish(slot->call, buffer);
		*right = status || max_result_is_right(c, buffer);
		break;
	case MAX_ARG:
		status = Test_MaxArg_finish(slot->call);
		break;
	case ECHO:
		status = Test_Echo_finish(slot->call, &number_again, buffer);
		*right = status || echo_is_right(slot->number, number_again, buffer);
		break;
	default:
		status = -FLY_EINVAL;
	}
	slot->call = NULL;
	return status;
}

/* ---- the window ---- */

static void enter_failure(struct caller *c, int status)
{
	const enum fly_outcome outcome = fly_outcome(status);

	c->failed[outcome]++;
	if (outcome == FLY_EXECUTED)
		c->executed++;
	if (!c->first_failure)
		c->first_failure = status;
}

/* End the call in a slot, if there is one, and enter it in the books. Return: its status. */
static int settle(struct caller *c, struct slot *slot)
{
	bool right;
	int status;

	if (!slot->call)
		return 0;
	status = finish_call(c, slot, &right);
	if (status) {
		enter_failure(c, status);
		return status;
	}
	times_add(&c->times, ticks_now() - slot->began);
	c->returned++;
	c->executed++;
	if (!right)
		c->wrong++;
	return 0;
}

/* End all calls under way. Return: 0, or the status of the first one that failed. */
static int settle_all(struct caller *c)
{
	int first = 0;

	for (unsigned i = 0; i < c->options->window; i++) {
		const int status = settle(c, &c->slots[(c->started + i) % c->options->window]);

		if (!first)
			first = status;
	}
	return first;
}

/* Finish the oldest call, start the next. Return: 0, or the status of the one that failed. */
static int step(struct caller *c)
{
	const struct call_options *o = c->options;
	struct slot *slot = &c->slots[c->started % o->window];
	int status;

	status = settle(c, slot);
	if (status)
		return status;
	slot->number = c->started + 1;
	slot->procedure = o->procedures[c->started % o->n_procedures];
	slot->began = ticks_now();
	status = start_call(c, slot);
	if (status == -FLY_EPACKETS || status == -FLY_ECALLS) {
		settle_all(c); /* gives everything back; if that was not enough it is a failure */
		slot->began = ticks_now();
		status = start_call(c, slot);
	}
	c->started++;
	if (status) {
		slot->call = NULL;
		enter_failure(c, status);
	}
	return status;
}

/* ---- the books ---- */

static int open_books(struct caller *c)
{
	c->executed = 0;
	c->seen_highest = 0;
	memset(c->seen, 0, sizeof c->seen);
	return Test_Count(c->binding, &c->count_before);
}

/* Compare with the server. Return: 0, or the status of Count if that failed. */
static int close_books(struct caller *c)
{
	const uint64_t maybe = c->failed[FLY_MAYBE_EXECUTED];
	uint64_t count, ran;
	int status;

	if (c->options->shared)
		return 0;
	status = Test_Count(c->binding, &count);
	if (status)
		return status;
	ran = count - c->count_before;
	if (ran < c->executed)
		c->uncounted = c->executed - ran;
	else if (ran > c->executed + maybe)
		c->uncounted = ran - c->executed - maybe;
	if (c->uncounted)
		printf("executions: the server counted %" PRIu64 ", the calls explain %" PRIu64
		       " to %" PRIu64 "\n",
		       ran, c->executed, c->executed + maybe);
	return 0;
}

/* Import again until there is a server. Return: 0, or the last status when patience is over. */
static int come_back(struct caller *c)
{
	const double until = cli_seconds_now() + c->options->patience_s;
	const struct timespec nap = {.tv_nsec = 1000000};
	int status;

	do {
		status = fly_rebind(c->binding);
		if (!status)
			status = open_books(c);
		if (!status) {
			c->reconnections++;
			return 0;
		}
		fly_turn(c->runtime);
		nanosleep(&nap, NULL);
	} while (!stop_wanted && cli_seconds_now() < until);
	return status;
}

/* Make the calls that are left, until one fails. Return: 0, or its status; none is under way. */
static int make_calls(struct caller *c)
{
	const struct call_options *o = c->options;
	const uint64_t began = ticks_now();
	int status = 0, late;

	while (!status && !stop_wanted && (o->calls == 0 || c->started < o->calls))
		status = step(c);
	late = settle_all(c);
	c->calls_ticks += ticks_now() - began;
	return status ? status : late;
}

/* Return: 0 if the run ended as it was meant to, or CLI_FAILED. */
static int run(struct caller *c)
{
	const struct call_options *o = c->options;
	int status = open_books(c);

	if (status) {
		cli_complain("call", "Count failed: %s", fly_strerror(status));
		return CLI_FAILED;
	}
	while ((status = make_calls(c))) {
		if (o->until_error)
			return 0;
		if (!o->reconnect || !cli_is_about_peer(status))
			return CLI_FAILED;
		status = come_back(c);
		if (status) {
			cli_complain("call", "no server within %g s: %s", o->patience_s,
				     cli_reason(status));
			return CLI_FAILED;
		}
	}
	if (o->until_error) {
		cli_complain("call", "no call failed before the end");
		return CLI_FAILED;
	}
	status = close_books(c);
	if (status)
		cli_complain("call", "Count failed: %s", fly_strerror(status));
	return status ? CLI_FAILED : 0;
}

static void print_books(const struct caller *c)
{
	printf("calls %" PRIu64 ", returned %" PRIu64 ", wrong %" PRIu64
	       ", failed: executed %" PRIu64 ", not executed %" PRIu64 ", maybe executed %" PRIu64
	       "\n",
	       c->started, c->returned, c->wrong, c->failed[FLY_EXECUTED],
	       c->failed[FLY_NOT_EXECUTED], c->failed[FLY_MAYBE_EXECUTED]);
	if (c->first_failure)
		printf("first failure: %s (%s, %s)\n", fly_strerror(c->first_failure),
		       fly_status_name(c->first_failure),
		       fly_outcome_name(fly_outcome(c->first_failure)));
	if (c->reconnections)
		printf("reconnections: %" PRIu64 "\n", c->reconnections);
	if (c->returned) {
		const double seconds = (double)c->calls_ticks / (double)c->times.tsc_hz;

		printf("%.0f calls/s for %.2f s\n", (double)c->returned / seconds, seconds);
		times_print(&c->times, stdout);
	}
}

/* Does the server seal its results? Return: 0; CLI_FAILED after saying what to do. */
static int expect_sealed(struct fly_binding *binding)
{
	uint8_t buffer[1440];
	uint64_t number;
	int status;

	status = Test_MaxResult(binding, buffer);
	if (status) {
		cli_complain("call", "MaxResult failed: %s", fly_strerror(status));
		return CLI_FAILED;
	}
	if (!pattern_is_sealed(buffer, sizeof buffer, &number) && buffer[0] == PATTERN_PLAIN &&
	    buffer[1439] == PATTERN_PLAIN) {
		cli_complain("call", "the server does not check; start it with `firefly serve "
				     "--check`, or leave out --check here");
		return CLI_FAILED;
	}
	return 0;
}

int call_main(int argc, char **argv)
{
	static struct call_options o = {.window = 1, .patience_s = 10, .core = -1};
	struct fly_platform platform = {.size = sizeof platform};
	static struct caller caller;
	struct sigaction action = {.sa_handler = on_signal};
	struct fly_options start = {
		.size = sizeof start,
		.notice = cli_notice,
		.notice_context = (char *)"call",
	};
	int failed, status;

	argp_parse(&argp, argc, argv, 0, NULL, &o);
	caller.options = &o;
	start.links = o.target.links;
	start.eal = o.eal;
	start.packets = o.packets;
	start.call_timeout_ms = o.timeout_ms;
	start.wait = o.wait;
	start.calls = o.window + 64;
	if (o.core >= 0 && cli_pin("call", (unsigned)o.core))
		return CLI_FAILED;
	caller.slots = calloc(o.window, sizeof *caller.slots);
	if (!caller.slots) {
		cli_complain("call", "out of memory for %u calls; take a smaller --window",
			     o.window);
		return CLI_FAILED;
	}
	if (cli_start("call", &start, &caller.runtime)) {
		free(caller.slots);
		return CLI_FAILED;
	}
	fly_platform(caller.runtime, &platform);
	caller.times.tsc_hz = platform.tsc_hz;
	caller.times.step = ticks_step();
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);

	status = Test_import(caller.runtime, o.target.peer, &caller.binding);
	if (status) {
		cli_complain("call", "%s", cli_reason(status));
		failed = CLI_FAILED;
	} else {
		failed = o.checking ? expect_sealed(caller.binding) : 0;
		if (!failed) {
			failed = run(&caller);
			print_books(&caller);
			counters_print(caller.runtime, o.stats);
		}
		fly_unbind(caller.binding);
	}
	if (cli_stop(caller.runtime))
		failed = CLI_FAILED;
	free(caller.slots);
	return failed || caller.wrong || caller.uncounted ? CLI_FAILED : 0;
}
