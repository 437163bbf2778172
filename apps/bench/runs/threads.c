/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * threads.c - `firefly bench --threads`: Table I of 1989, calls by several threads at once.
 *
 * Owns the command line, the places of the threads, what was measured in 1989, and the table. Each
 * thread is an attached caller (stage/callers.c): of a poller that another thread turns; and of
 * a shared runtime, whose poller the threads turn themselves. The floor is one inline
 * caller with the window that each of the threads has, to the same server: in the same runtime, or
 * beside the shared one over another port of the link.
 *
 * Workers have no floor: idle ones would take their share of the server's core from it. They are
 * measured in the end, with another server process, and their figures are calls per second.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/stage/callers.h"
#include "run.h"

#define NAME       "bench --threads"
#define WINDOW     16  /* calls under way from each, in the rows that have more than one */
#define GOAL_FLOOR 0.7 /* of one inline caller, with 2 threads or more */
#define GOAL_MANY  0.8 /* the same of the elected poller, with many calls under way */
#define GOAL_ONE   0.5 /* and with one */
#define GOAL_FALL  0.9 /* 8 threads, of 2 */

/* Table I: by threads, from 1. */
static const char *const in_1989[CALLS_PROCEDURES][9] = {
	[CALLS_NULL] = {"", "375/s", "595/s", "615/s", "647/s", "662/s", "680/s", "741/s", "732/s"},
	[CALLS_MAX_RESULT] = {"", "1.82 Mb/s", "3.28 Mb/s", "4.25 Mb/s", "4.65 Mb/s", "4.69 Mb/s",
			      "4.70 Mb/s", "4.69 Mb/s", "4.69 Mb/s"},
};

/* Who runs the procedures; a phase of the run for each. */
enum {
	ON_POLLER,
	ELECTED, /* and the callers have no poller but the elected one */
	ON_WORKERS,
	PHASES,
};

static const struct {
	const char *name;
	double part; /* of the time */
	const char *callers, *served_by;
} phases[PHASES] = {
	[ON_POLLER] = {"procedures on the poller", 0.45, "attached", "poller"},
	[ELECTED] = {"with an elected poller", 0.35, "elected", "poller"},
	[ON_WORKERS] = {"on workers", 0.2, "attached", "workers"},
};

static struct {
	bool wanted[CALLERS_MOST + 1]; /* numbers of threads */
	unsigned most;                 /* of them */
	bool has_no_workers;
	unsigned cores[CALLERS_MOST]; /* where the callers are */
	unsigned caller_cores; /* that the callers have to themselves; 0: they share the poller's */
	unsigned worker_cores; /* the same, of workers */
	enum fly_wait wait;    /* of the callers and the client's poller */
	struct callers *callers;
	struct fly_runtime *shared; /* of the elected poller; else NULL */
	struct fly_binding *through;
} own;

/* ---- the command line ---- */

enum {
	KEY_THREADS = STAGE_KEY_OWN,
	KEY_NO_WORKERS,
};

static const struct argp_option options[] = {
	{"threads", KEY_THREADS, "LIST", 0, "How many call, for instance 1..8 or 1,2,4 or both", 0},
	{"no-workers", KEY_NO_WORKERS, NULL, 0, "Only procedures that run on the server's poller",
	 0},
	{0},
};

/* "1,2,4..8". */
static void want(const char *text)
{
	char *list = strdup(text), *rest = list, *word;

	while (list && (word = strsep(&rest, ","))) {
		char *dots = strstr(word, "..");
		unsigned first, last;

		if (dots)
			*dots = 0;
		first = last = (unsigned)cli_number(NAME, "--threads", word, 1, CALLERS_MOST);
		if (dots)
			last = (unsigned)cli_number(NAME, "--threads", dots + 2, first,
						    CALLERS_MOST);
		for (unsigned n = first; n <= last; n++)
			own.wanted[n] = true;
		own.most = last > own.most ? last : own.most;
	}
	free(list);
}

static error_t option(struct rounds *r, int key, char *text)
{
	(void)r;
	switch (key) {
	case KEY_THREADS:
		want(text);
		return 0;
	case KEY_NO_WORKERS:
		own.has_no_workers = true;
		return 0;
	case ARGP_KEY_END:
		if (!own.most)
			cli_refuse(NAME, "how many threads? For instance --threads 1..8");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/*
 * Cores that neither poller has: the first half of them for the callers, the others for workers.
 * Without them each shares the core of its poller.
 */
static void choose_places(struct rounds *r)
{
	struct stage_options *o = &r->stage.options;
	unsigned spare[CPU_SETSIZE];
	const unsigned n = stage_spare_cores(&r->stage, spare), callers = n - n / 2;
	char *list = o->server.worker_cores;
	size_t length = 0;

	for (unsigned i = 0; i < own.most; i++)
		own.cores[i] = callers ? spare[i % callers] : (unsigned)o->client_core;
	for (unsigned i = callers; i < n && length < sizeof o->server.worker_cores - 8; i++)
		length += (size_t)snprintf(list + length, sizeof o->server.worker_cores - length,
					   "%s%u", length ? "," : "", spare[i]);
	own.caller_cores = callers;
	own.worker_cores = n - callers;
	own.wait = own.most > callers ? FLY_WAIT_YIELD : FLY_WAIT_SPIN;
	o->wait = own.wait;
}

static void add_rows(struct rounds *r, enum calls_procedure procedure, unsigned threads)
{
	for (unsigned server = 0; server < (own.has_no_workers ? ON_WORKERS : PHASES); server++)
		for (unsigned w = 0; w < 2; w++) {
			struct row *row = rounds_add(r, "");

			row->procedure = procedure;
			row->threads = threads;
			row->phase = server;
			row->has_no_floor = server == ON_WORKERS;
			row->window = w ? WINDOW : 1;
		}
}

static void prepare(struct rounds *r)
{
	static const enum calls_procedure procedures[] = {CALLS_NULL, CALLS_MAX_RESULT};

	snprintf(r->title, sizeof r->title,
		 "Calls over %s by several threads of one program (Table I, 1989)",
		 r->stage.options.link);
	choose_places(r);
	r->stage.options.calls = own.most * WINDOW + 64;
	for (unsigned p = 0; p < 2; p++)
		for (unsigned n = 1; n <= CALLERS_MOST; n++)
			if (own.wanted[n])
				add_rows(r, procedures[p], n);
}

static double phase(struct rounds *r, unsigned number)
{
	r->phase_name = phases[number].name;
	r->stage.options.clients = number == ELECTED ? ",clients=2" : "";
	if (number == ON_WORKERS) {
		if (own.has_no_workers)
			return 0;
		r->stage.options.server.workers = own.most;
		r->stage.options.server.yields = own.most > own.worker_cores;
	}
	return phases[number].part;
}

/* ---- blocks ---- */

/* Another runtime beside that of the inline caller, over another port of the server's link. */
static int open_shared(struct rounds *r)
{
	const struct stage_options *o = &r->stage.options;
	char link[sizeof r->stage.directory + 64];
	const char *const links[] = {link, NULL};
	const struct fly_options with = {
		.size = sizeof with,
		.links = links,
		.eal = o->eal,
		.packets = o->packets,
		.calls = o->calls,
		.wait = own.wait,
		.notice = cli_notice,
		.notice_context = (void *)(uintptr_t)NAME,
		.shared = true,
	};

	snprintf(link, sizeof link, "%s:%s/bench.sock", o->link, r->stage.directory);
	return cli_start(NAME, &with, &own.shared) ? -FLY_ESYSTEM
						   : Test_import(own.shared, NULL, &own.through);
}

static int open_callers(struct rounds *r)
{
	int status = 0;

	fly_set_wait(r->test, FLY_WAIT_SPIN); /* the floor is as fast as it can be */
	own.shared = NULL;
	own.through = r->test;
	if (r->phase == ELECTED)
		status = open_shared(r);
	if (!status)
		own.callers =
			callers_open(own.shared ? own.shared : r->stage.runtime, own.through,
				     own.most, own.cores, own.wait, own.shared != NULL, &status);
	return status;
}

static int close_callers(struct rounds *r)
{
	callers_close(own.callers);
	own.callers = NULL;
	fly_unbind(r->test);
	if (!own.shared)
		return 0;
	fly_unbind(own.through);
	return fly_stop(own.shared);
}

static int measure_threads(struct rounds *r, const struct row *row, struct sample *sample)
{
	int status;

	if (stage_order(&r->stage, CONTROL_CALLS, CONTROL_CALLS_PLAIN))
		return -1;
	status = callers_block(own.callers, row->threads, row->procedure, row->window,
			       stage_block_ticks(&r->stage), &sample->sum);
	return stage_failed(&r->stage, "a thread's call failed", status);
}

/* ---- the table ---- */

static const struct row *find(const struct rounds *r, enum calls_procedure procedure,
			      unsigned threads, unsigned server, unsigned window)
{
	for (size_t i = 0; i < r->n_rows; i++) {
		const struct row *row = &r->rows[i];

		if (row->procedure == procedure && row->threads == threads &&
		    row->phase == server && row->window == window)
			return row;
	}
	return NULL;
}

/* Calls of Null, bits of MaxResult. */
static void print_rate(const struct rounds *r, enum calls_procedure procedure,
		       const struct block_sum *sum)
{
	const double factor =
		procedure == CALLS_NULL ? 1 : 8.0 * calls_profiles[procedure].payload_bytes;
	char text[TEXT_ROOM];

	printf(" %8s", sum->ticks ? text_scaled(text, factor * table_per_second(r, sum)) : "-");
}

/* @row: NULL: it was not to be measured. */
static void print_cell(const struct rounds *r, const struct row *row, enum pairs_state state)
{
	char text[TEXT_ROOM];

	if (!row) {
		printf(" %8s", "-");
		return;
	}
	print_rate(r, row->procedure, &row->in[state]->calls.sum);
	if (!row->has_no_floor)
		printf(" %7s", text_ratio(text, pairs_judge(&row->in[state]->pairs).ratio));
}

/* The floor of all rows of a procedure and a window. */
static void print_inline(const struct rounds *r, enum calls_procedure procedure, unsigned phase,
			 unsigned window, enum pairs_state state)
{
	struct block_sum sum = {0};

	for (size_t i = 0; i < r->n_rows; i++) {
		const struct row *row = &r->rows[i];

		if (row->procedure != procedure || row->window != window || row->phase != phase)
			continue;
		sum.count += row->in[state]->floors.sum.count;
		sum.ticks += row->in[state]->floors.sum.ticks;
	}
	print_rate(r, procedure, &sum);
	printf(" %7s", "1");
}

static void print_procedure(const struct rounds *r, enum calls_procedure procedure,
			    enum pairs_state state)
{
	const char *unit = procedure == CALLS_NULL ? "calls/s" : "bit/s";

	printf("\n%-9s attached, 1 each   attached, %2u each   elected, 1 each    elected, %2u "
	       "each   "
	       "on workers, 1    %2u each\n",
	       calls_profiles[procedure].name, WINDOW, WINDOW, WINDOW);
	printf("%9s %8s %7s   %8s %7s   %8s %7s   %8s %7s %16s %10s   %s\n%9s", "threads", unit,
	       "ratio", unit, "ratio", unit, "ratio", unit, "ratio", unit, unit, "in 1989",
	       "inline");
	for (unsigned p = ON_POLLER; p <= ELECTED; p++) {
		print_inline(r, procedure, p, 1, state);
		printf("  ");
		print_inline(r, procedure, p, WINDOW, state);
		printf("  ");
	}
	printf("\n");
	for (unsigned n = 1; n <= CALLERS_MOST; n++) {
		if (!own.wanted[n])
			continue;
		printf("%9u", n);
		print_cell(r, find(r, procedure, n, ON_POLLER, 1), state);
		printf("  ");
		print_cell(r, find(r, procedure, n, ON_POLLER, WINDOW), state);
		printf("  ");
		print_cell(r, find(r, procedure, n, ELECTED, 1), state);
		printf("  ");
		print_cell(r, find(r, procedure, n, ELECTED, WINDOW), state);
		printf("        ");
		print_cell(r, find(r, procedure, n, ON_WORKERS, 1), state);
		printf("  ");
		print_cell(r, find(r, procedure, n, ON_WORKERS, WINDOW), state);
		printf("   %s\n", n < 9 ? in_1989[procedure][n] : "");
	}
}

/* The worst ratio of 2 to 8 threads, and what was to be reached, if it was measured. */
static void print_least(const struct rounds *r, enum calls_procedure procedure,
			enum pairs_state state, unsigned phase, unsigned window, double goal)
{
	double least = NAN;

	for (unsigned n = 2; n <= 8; n++) {
		const struct row *row = find(r, procedure, n, phase, window);

		if (row)
			least = fmin(least, pairs_judge(&row->in[state]->pairs).ratio);
	}
	if (!isnan(least))
		printf("%s, %s, %u each, 2 threads and more: %.2fx of one inline caller at the "
		       "least (goal %.1fx)\n",
		       calls_profiles[procedure].name, phases[phase].callers, window, least, goal);
}

static void print_goal(const struct rounds *r, enum calls_procedure procedure,
		       enum pairs_state state)
{
	double two = NAN, most = NAN;
	unsigned n_most = 0;

	print_least(r, procedure, state, ON_POLLER, WINDOW, GOAL_FLOOR);
	print_least(r, procedure, state, ELECTED, WINDOW, GOAL_MANY);
	print_least(r, procedure, state, ELECTED, 1, GOAL_ONE);
	for (unsigned n = 2; n <= 8; n++) {
		const struct row *row = find(r, procedure, n, ON_POLLER, WINDOW);
		const double ratio = row ? pairs_judge(&row->in[state]->pairs).ratio : NAN;

		if (isnan(ratio))
			continue;
		if (n == 2)
			two = ratio;
		most = ratio;
		n_most = n;
	}
	if (!isnan(two) && n_most > 2)
		printf("%s, attached: %u threads %.2fx of 2 (goal %.1fx)\n",
		       calls_profiles[procedure].name, n_most, most / two, GOAL_FALL);
}

static void print_wait(void)
{
	if (own.wait != FLY_WAIT_YIELD && own.worker_cores >= own.most) {
		printf("every thread has a core of its own\n");
		return;
	}
	printf("fewer cores than threads: who shares a core yields while it waits; ");
	if (own.caller_cores)
		printf("%u cores for the callers", own.caller_cores);
	else
		printf("the callers share their poller's core");
	if (own.worker_cores)
		printf(", %u for the workers\n", own.worker_cores);
	else
		printf(", the workers theirs\n");
}

static void body(const struct rounds *r, enum pairs_state state)
{
	print_procedure(r, CALLS_NULL, state);
	print_procedure(r, CALLS_MAX_RESULT, state);
}

static void note(const struct rounds *r, enum pairs_state state)
{
	print_wait();
	print_goal(r, CALLS_NULL, state);
	print_goal(r, CALLS_MAX_RESULT, state);
}

/* ---- JSON ---- */

static double or_null(const struct rounds *r, const struct block_sum *sum)
{
	return sum->ticks ? table_per_second(r, sum) : NAN;
}

static COLUMN_VALUE(calls_per_s, or_null(c->rounds, &c->figures->calls.sum));
static COLUMN_VALUE(bits_per_s,
		    calls_per_s(c, 0) * 8 * calls_profiles[c->row->procedure].payload_bytes);
static COLUMN_VALUE(inline_calls_per_s, or_null(c->rounds, &c->figures->floors.sum));
static COLUMN_TEXT(callers, phases[c->row->phase].callers);
static COLUMN_TEXT(served_by, phases[c->row->phase].served_by);
static COLUMN_TEXT(wait, own.wait == FLY_WAIT_YIELD ? "yield" : "spin");

static const struct column columns[] = {
	{"procedure", .as = AS_TEXT, .text = column_procedure},
	{"link", .as = AS_TEXT, .text = column_link},
	{"callers", .as = AS_TEXT, .text = callers},
	{"threads", .value = column_threads},
	{"window", .value = column_window},
	{"served_by", .as = AS_TEXT, .text = served_by},
	{"wait", .as = AS_TEXT, .text = wait},
	{"calls_per_s", .as = AS_RATE, .value = calls_per_s},
	{"payload_bits_per_s", .as = AS_RATE, .value = bits_per_s},
	{"inline_calls_per_s", .as = AS_RATE, .value = inline_calls_per_s},
	{"ratio", .as = AS_RATIO, .value = column_ratio},
};

const struct run_word run_threads = {
	.name = NAME,
	.options = options,
	.option = option,
	.unexpected = ": Null and MaxResult are measured",
	.doc = "Measure calls by several threads at once, as Table I of the paper of 1989 has "
	       "them, beside what was measured then."
	       "\v  firefly bench --threads 1..8\n"
	       "  firefly bench --threads 1,2,8 --seconds 30 --json -\n\n"
	       "Each thread is an attached caller: it hands its calls to the one poller of the "
	       "client, with one call under way and with 16. That poller has a thread of its own, "
	       "or is elected: the callers turn it. The ratio is of calls per second "
	       "of all threads to those of one inline caller with as many under way (higher is "
	       "better). Where there are fewer cores than threads, threads that wait yield.",
	.seconds = 96,
	.block_s = 0.010, /* so that every thread has had many turns */
	.prepare = prepare,
	.method = {4, rounds_calls, measure_threads, .worth = rounds_worth_rate},
	.n_phases = PHASES,
	.phase = phase,
	.open = open_callers,
	.close = close_callers,
	.table = {columns, sizeof columns / sizeof *columns, TABLE_ONE, body,
		  .legend = "Of all threads together. Ratio: to one inline caller with as many "
			    "calls under way as each thread,\nin the same moments (higher is "
			    "better). On workers: the same callers, as many workers at the server.",
		  .note = note},
};
