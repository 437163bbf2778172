/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * handoff.c - `firefly bench handoff`: what it costs that a call changes hands inside a
 * process.
 *
 * Owns the command line, the order of the blocks, the other thread, and the report. One process
 * with two threads on two cores: the poller's, with a link that leads back to itself, so that it
 * calls and is called; and either an attached caller or a worker. Blocks go round, a bare cache
 * line between the two cores (line.h), calls that the poller's thread makes and serves by itself,
 * the same with a hand-off in them, a bare cache line. What the hand-off adds is set against the
 * line.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include <firefly/firefly.h>

#include "bench/stage/stage.h"
#include "bench/report/text.h"
#include "firefly/cli.h"
#include "firefly/commands.h"
#include "handoff.h"
#include "bench/measure/line.h"

#define NAME            "bench handoff"
#define PAIRS_PER_VISIT 8
#define BLOCK_MS        2
#define SECONDS_DEFAULT 12
#define LINK            "vdev:net_ring_handoff,ip=10.9.8.7,peer=10.9.8.7"
#define NEAR_LINE_NS    125  /* a round trip of one line below this: near */
#define SHARED_LINE_NS  2500 /* no core is that far away: somebody else has one of ours */
#define GOAL            2.0

enum path {
	HANDOFF_ATTACHED, /* attached caller to poller and back */
	HANDOFF_WORKER,   /* poller to worker and back */
	PATHS,
};

static const char *const names[PATHS] = {
	[HANDOFF_ATTACHED] = "attached caller to poller and back",
	[HANDOFF_WORKER] = "poller to worker and back",
};
static const char *const words[PATHS] = {"attached", "worker"};

/* What the other thread is to do. */
enum task {
	TASK_NONE,
	TASK_LINE, /* ask, while the poller's thread answers */
	TASK_CALL, /* call, while it serves */
	TASK_END,
};

/* One row in one state: all of it from the pairs that were kept. */
struct figures {
	struct pairs pairs;
	struct histogram lines, plain, through; /* ticks of LINE_GROUP together */
};

struct handoff {
	struct bench_stage stage; /* its options and its machine; it is not opened */
	struct fly_runtime *runtime;
	struct fly_binding *binding; /* the poller's thread's own */
	struct figures *rows[PATHS][PAIRS_STATES];
	struct histogram *scratch[4]; /* of a line, calls without and with a hand-off, a line */
	uint64_t block_ticks;
	struct line line;

	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* task */
	enum task task;
	struct histogram *times; /* for the task */
	int status;              /* of the task */
	_Atomic bool is_done;    /* the task */
};

/* ---- the command line ---- */

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct handoff *h = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &h->stage;
		return 0;
	case ARGP_KEY_ARG:
		cli_refuse(NAME, "'%s' is not expected", text);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {{&bench_stage_argp, 0, NULL, 0}, {0}};

static const struct argp argp = {
	.children = children,
	.parser = parse,
	.doc = "Measure what it costs that a call changes hands inside a process: from an attached "
	       "caller to the poller and back, and from the poller to a worker and back."
	       "\v  firefly bench handoff\n"
	       "  firefly bench handoff --seconds 5 --json -\n\n"
	       "The ratio is that of the time which a hand-off adds to a call, to that of a bare "
	       "cache line that goes to the other core and back (lower is better). There is no "
	       "server process: of --cores the poller has the second, and --link has no meaning.",
};

/* ---- the other thread ---- */

static int call_on_poller(void *binding)
{
	return Handoff_OnPoller(binding);
}

static int call_on_worker(void *binding)
{
	return Handoff_OnWorker(binding);
}

static int carry_out(struct handoff *h, enum task task, struct fly_binding **mine)
{
	struct block_sum sum;

	if (task == TASK_LINE)
		return line_ask(&h->line, h->block_ticks, h->stage.machine.platform.tsc_hz,
				h->times, &sum)
			       ? -FLY_EPEER
			       : 0;
	if (task != TASK_CALL)
		return 0;
	if (!*mine) {
		const int status = fly_attach(h->binding, mine);

		if (status)
			return status;
	}
	return line_calls(call_on_poller, *mine, h->block_ticks, h->times, &sum);
}

static void *live(void *context)
{
	struct handoff *h = context;
	struct fly_binding *mine = NULL;
	enum task task;

	h->status = cli_pin(NAME, h->stage.machine.client_core) ? -FLY_EINVAL : 0;
	do {
		pthread_mutex_lock(&h->lock);
		while (h->task == TASK_NONE)
			pthread_cond_wait(&h->changed, &h->lock);
		task = h->task;
		h->task = TASK_NONE;
		pthread_mutex_unlock(&h->lock);
		if (!h->status)
			h->status = carry_out(h, task, &mine);
		if (task == TASK_END && mine)
			fly_unbind(mine);
		/* H1: the status and the times; pairs with H2. */
		atomic_store_explicit(&h->is_done, true, memory_order_release);
		fly_quit(h->runtime);
	} while (task != TASK_END);
	return NULL;
}

/* ---- the poller's thread ---- */

static void give(struct handoff *h, enum task task, struct histogram *times)
{
	/* Plain: who does it takes the lock. */
	atomic_store_explicit(&h->is_done, false, memory_order_relaxed);
	h->times = times;
	pthread_mutex_lock(&h->lock);
	h->task = task;
	pthread_cond_signal(&h->changed);
	pthread_mutex_unlock(&h->lock);
}

/* H2: pairs with H1. */
static bool is_under_way(void *context)
{
	struct handoff *h = context;

	return !atomic_load_explicit(&h->is_done, memory_order_acquire);
}

static void serve(struct handoff *h)
{
	while (is_under_way(h))
		fly_serve(h->runtime);
}

static int complain(struct handoff *h, const char *what, int status)
{
	return status ? bench_stage_give_up(&h->stage, what, status) : 0;
}

static int measure_line(struct handoff *h, struct histogram *times)
{
	histogram_clear(times);
	give(h, TASK_LINE, times);
	line_answer(&h->line, LINE_BARE, is_under_way, h);
	return complain(h, "a cache line did not come back", h->status);
}

static int measure_plain(struct handoff *h, struct histogram *times)
{
	struct block_sum sum;

	histogram_clear(times);
	return complain(h, "a call failed",
			line_calls(call_on_poller, h->binding, h->block_ticks, times, &sum));
}

static int measure_through(struct handoff *h, enum path path, struct histogram *times)
{
	struct block_sum sum;

	histogram_clear(times);
	if (path == HANDOFF_WORKER)
		return complain(h, "a worker's call failed",
				line_calls(call_on_worker, h->binding, h->block_ticks, times,
					   &sum));
	give(h, TASK_CALL, times);
	serve(h);
	return complain(h, "an attached caller's call failed", h->status);
}

static double median(const struct handoff *h, const struct histogram *times)
{
	return histogram_percentile(times, 50, h->stage.machine.step);
}

static bool is_ours(const struct handoff *h, const struct histogram *line)
{
	return bench_ns(&h->stage.machine, median(h, line) / LINE_GROUP) < SHARED_LINE_NS;
}

static enum pairs_state state_of(const struct handoff *h, const struct histogram *line)
{
	return bench_ns(&h->stage.machine, median(h, line) / LINE_GROUP) < NEAR_LINE_NS ? PAIRS_NEAR
											: PAIRS_FAR;
}

/* A line, then several times calls without and with a hand-off, and a line. */
static int visit(struct handoff *h, enum path path)
{
	struct histogram **times = h->scratch;

	if (measure_line(h, times[0]))
		return -1;
	for (unsigned i = 0; i < PAIRS_PER_VISIT && !bench_stop_wanted; i++) {
		const enum pairs_state state = state_of(h, times[0]);
		struct figures *f = h->rows[path][state];
		struct histogram *spare = times[0];

		if (measure_plain(h, times[1]) || measure_through(h, path, times[2]) ||
		    measure_line(h, times[3]))
			return -1;
		if (pairs_add(&f->pairs, median(h, times[0]),
			      median(h, times[2]) - median(h, times[1]), median(h, times[3]),
			      state_of(h, times[3]) == state && is_ours(h, times[0]) &&
				      is_ours(h, times[3]))) {
			histogram_merge(&f->lines, times[0]);
			histogram_merge(&f->lines, times[3]);
			histogram_merge(&f->plain, times[1]);
			histogram_merge(&f->through, times[2]);
		}
		times[0] = times[3];
		times[3] = spare;
	}
	return 0;
}

static int round_of_rows(void *context)
{
	struct handoff *h = context;
	int failed = 0;

	for (unsigned i = 0; i < PATHS && !failed && !bench_stop_wanted; i++)
		failed = visit(h, (enum path)i);
	return failed;
}

static void tell_progress(const void *context, char *line, size_t bytes)
{
	const struct handoff *h = context;

	snprintf(line, bytes, "%zu pairs a row",
		 h->rows[PATHS - 1][PAIRS_NEAR]->pairs.kept +
			 h->rows[PATHS - 1][PAIRS_FAR]->pairs.kept);
}

/* ---- the report ---- */

static void print_row(const struct handoff *h, enum path path, enum pairs_state state)
{
	const struct bench_machine *m = &h->stage.machine;
	struct figures *f = h->rows[path][state];
	char plain[16], through[16], line[16], ratio[16];

	if (f->pairs.kept == 0)
		return;
	printf("%-36s %-5s %6zu %8u %8s %8s %8s %8s  at most %.1fx\n", names[path],
	       bench_state_names[state], f->pairs.kept, f->pairs.dropped,
	       bench_us(plain, m, median(h, &f->plain) / LINE_GROUP),
	       bench_us(through, m, median(h, &f->through) / LINE_GROUP),
	       bench_us(line, m, median(h, &f->lines) / LINE_GROUP),
	       bench_ratio(ratio, pairs_judge(&f->pairs).ratio), GOAL);
}

static void print_table(const struct handoff *h)
{
	const struct bench_machine *m = &h->stage.machine;

	printf("Hand-offs inside a process, calls over a link that leads back to it\n\n");
	printf("%-36s %-5s %6s %8s %8s %8s %8s %8s  %s\n", "", "state", "pairs", "dropped",
	       "without", "with", "floor", "ratio", "goal");
	for (unsigned i = 0; i < PATHS; i++)
		for (unsigned s = 0; s < PAIRS_STATES; s++)
			print_row(h, (enum path)i, (enum pairs_state)s);
	printf("%-36s unmeasured: it needs three cores, and this uses two\n",
	       "attached caller, poller, worker");
	printf("\nMedian times of a call in us, without and with the hand-off; of %u calls in a "
	       "row, "
	       "divided by %u.\nFloor: one cache line to the other core and back. Ratio: what the "
	       "hand-off adds, in floors (lower is better).\n",
	       LINE_GROUP, LINE_GROUP);
	for (unsigned i = 0; i < PATHS; i++) {
		const size_t kept[] = {h->rows[i][PAIRS_NEAR]->pairs.kept,
				       h->rows[i][PAIRS_FAR]->pairs.kept};

		bench_print_doubt(&h->rows[i][bench_main_state(kept)]->pairs, names[i]);
	}
	printf("the poller is on core %u, the other thread on core %u\n", m->server_core,
	       m->client_core);
	fflush(stdout);
}

static struct json_object *row_json(const struct handoff *h, enum path path, enum pairs_state state)
{
	const struct bench_machine *m = &h->stage.machine;
	struct figures *f = h->rows[path][state];
	struct json_object *run = json_object_new_object(), *under = json_object_new_object();

	json_object_object_add(under, "what",
			       json_object_new_string("a cache line there and back"));
	json_object_object_add(under, "p50_ns",
			       bench_number(bench_ns(m, median(h, &f->lines)) / LINE_GROUP, 1));
	json_object_object_add(run, "handoff", json_object_new_string(words[path]));
	json_object_object_add(run, "without_p50_ns",
			       bench_number(bench_ns(m, median(h, &f->plain)) / LINE_GROUP, 1));
	json_object_object_add(run, "with_p50_ns",
			       bench_number(bench_ns(m, median(h, &f->through)) / LINE_GROUP, 1));
	json_object_object_add(run, "floor", under);
	json_object_object_add(run, "ratio", bench_number(pairs_judge(&f->pairs).ratio, 4));
	json_object_object_add(run, "state", json_object_new_string(bench_state_names[state]));
	json_object_object_add(run, "pairs", json_object_new_int64((int64_t)f->pairs.kept));
	json_object_object_add(run, "pairs_dropped", json_object_new_int64(f->pairs.dropped));
	return run;
}

static int write_json(const struct handoff *h, const char *path)
{
	struct json_object *all = json_object_new_object(), *runs = json_object_new_array();

	for (unsigned i = 0; i < PATHS; i++)
		for (unsigned s = 0; s < PAIRS_STATES; s++)
			if (h->rows[i][s]->pairs.kept || h->rows[i][s]->pairs.dropped)
				json_object_array_add(runs, row_json(h, (enum path)i,
								     (enum pairs_state)s));
	json_object_object_add(all, "runs", runs);
	return bench_write(&h->stage.machine, all, path);
}

static int report(const struct handoff *h)
{
	const char *json = h->stage.options.json;

	if (!json || strcmp(json, "-") != 0)
		print_table(h);
	if (!json || !write_json(h, json))
		return 0;
	cli_complain(NAME, "%s cannot be written: %s", json, strerror(errno));
	return CLI_FAILED;
}

/* ---- from start to end ---- */

static int nothing(void *context)
{
	(void)context;
	return 0;
}

static const struct Handoff_procedures procedures = {.OnPoller = nothing, .OnWorker = nothing};

/*
 * The worker sleeps while it has nothing to do for a while: the other thread is on the same core.
 * Return: 0, or CLI_FAILED after complaining.
 */
static int start(struct handoff *h)
{
	struct bench_machine *m = &h->stage.machine;
	static const char *const links[] = {LINK, NULL};
	const struct fly_options with = {
		.links = links,
		.eal = h->stage.options.eal,
		.packets = h->stage.options.packets,
		.notice = cli_notice,
		.notice_context = (void *)(uintptr_t)NAME,
	};
	char core[16];
	const struct fly_export_options of_export = {
		.workers = 1,
		.worker_cores = core,
		.wait = FLY_WAIT_SLEEP,
	};
	int status;

	snprintf(core, sizeof core, "%u", m->client_core);
	if (cli_pin(NAME, m->server_core) || cli_start(NAME, &with, &h->runtime))
		return CLI_FAILED;
	fly_platform(h->runtime, &m->platform);
	status = Handoff_export_with(h->runtime, &procedures, NULL, &of_export);
	if (!status)
		status = Handoff_import(h->runtime, NULL, &h->binding);
	if (!status)
		return 0;
	cli_complain(NAME, "%s", cli_reason(status));
	return CLI_FAILED;
}

static int measure_all(struct handoff *h)
{
	int failed;

	h->block_ticks =
		(uint64_t)(h->stage.options.block_s * (double)h->stage.machine.platform.tsc_hz);
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->changed, NULL);
	if (pthread_create(&h->thread, NULL, live, h)) {
		cli_complain(NAME, "there is no other thread: %s", strerror(errno));
		return CLI_FAILED;
	}
	(void)bench_stage_run(&h->stage, round_of_rows, tell_progress, h);
	give(h, TASK_END, NULL);
	serve(h);
	pthread_join(h->thread, NULL);
	failed = bench_stage_complain(&h->stage);
	return report(h) ? CLI_FAILED : failed;
}

int bench_handoff_main(int argc, char **argv)
{
	static struct handoff self; /* with lines of its own */
	struct handoff *h = &self;
	int failed;

	bench_stage_init(&h->stage, NAME);
	h->stage.options.seconds = SECONDS_DEFAULT;
	h->stage.options.block_s = BLOCK_MS / 1000.0;
	argp_parse(&argp, argc, argv, 0, NULL, h);
	for (unsigned i = 0; i < PATHS; i++)
		for (unsigned s = 0; s < PAIRS_STATES; s++)
			h->rows[i][s] = bench_zeros(NAME, 1, sizeof *h->rows[i][s]);
	for (unsigned i = 0; i < 4; i++)
		h->scratch[i] = bench_zeros(NAME, 1, sizeof *h->scratch[i]);
	failed = bench_stage_begin_alone(&h->stage);
	if (!failed)
		failed = start(h);
	if (!failed)
		failed = measure_all(h);
	if (h->runtime && fly_stop(h->runtime)) {
		cli_complain(NAME, "packet buffers are missing at the end; this is a bug");
		failed = CLI_FAILED;
	}
	for (unsigned i = 0; i < PATHS; i++)
		for (unsigned s = 0; s < PAIRS_STATES; s++) {
			pairs_free(&h->rows[i][s]->pairs);
			free(h->rows[i][s]);
		}
	for (unsigned i = 0; i < 4; i++)
		free(h->scratch[i]);
	bench_stage_end_alone(&h->stage);
	return failed;
}
