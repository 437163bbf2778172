/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bulk.c - `firefly bench bulk`: large arguments and results between blocks of bare frames that go
 * one way, or over a local link of chunks that are copied twice.
 *
 * Owns the command line, the caller's data and the report. The frames are in measure/floor.c, the
 * chunks in measure/pipe.c, the calls in stage/bulk_calls.c, the plot in report/bulk_plot.c.
 *
 * Before anything is measured each row makes a call whose every byte is checked on the side that
 * gets it.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <firefly/stub.h>
#include <json-c/json.h>

#include "bench/measure/fit.h"
#include "bench/measure/floor.h"
#include "bench/stage/bulk_calls.h"
#include "firefly/pattern.h"
#include "run.h"

#define NAME             "bench bulk"
#define FLOOR_WARM_UP    1024  /* frames before a block of them begins */
#define COPIES_SHARE     4     /* of a block, for copies on one core beside it */
#define LOOKS_PER_CLOCK  65536 /* idle rounds of a floor's loop between two looks at the clock */
#define ONE_SIZE_SECONDS 24
#define TABLE_SECONDS    60
#define SIZES            14          /* 1 byte to 64 MiB, each 4 times the one before */
#define RATIO_BYTES      (64U << 10) /* the ratio to a stream means something from here on */

static struct {
	uint32_t bytes;   /* 0: a table of sizes */
	const char *plot; /* NULL: none */
	bool with;        /* another run is in the picture */
	struct bulk_caller caller;
	uint8_t *copy; /* where data is copied to on one core: BULK_MOST bytes */
} own;

/* ---- the command line ---- */

enum {
	KEY_SIZE = STAGE_KEY_OWN,
	KEY_VIEW,
	KEY_PLOT,
	KEY_WITH,
};

static const struct argp_option options[] = {
	{"size", KEY_SIZE, "BYTES", 0,
	 "Only this size, for instance 8M, 64k or 1 (default: a table from 1 byte to 64 MiB, and a "
	 "line through its times)",
	 0},
	{"view", KEY_VIEW, NULL, 0,
	 "Read the results of Get where they lie, instead of having them copied out", 0},
	{"plot", KEY_PLOT, "FILE", 0, "Draw times over sizes, as SVG", 0},
	{"with", KEY_WITH, "FILE", 0,
	 "Draw also what another run, over another link, wrote with --json; may be repeated", 0},
	{0},
};

/* Before anything is measured: a mistake is said at once. */
static void add_to_plot(const char *path)
{
	const char *trouble = bulk_plot_add(path);

	if (trouble)
		cli_refuse(NAME, "--with %s: %s", path, trouble);
	own.with = true;
}

static error_t option(struct rounds *r, int key, char *text)
{
	switch (key) {
	case KEY_SIZE:
		own.bytes = (uint32_t)cli_bytes(NAME, "--size", text, 1, 64U << 20);
		if (own.bytes > BULK_MOST)
			own.bytes = BULK_MOST;
		return 0;
	case KEY_VIEW:
		r->view = true;
		return 0;
	case KEY_PLOT:
		own.plot = text;
		return 0;
	case KEY_WITH:
		add_to_plot(text);
		return 0;
	case ARGP_KEY_ARG:
		cli_refuse(NAME, "'%s' is not expected; a size is given as --size %s", text, text);
	case ARGP_KEY_END:
		if (own.plot && own.bytes)
			cli_refuse(NAME, "--plot draws the table of sizes: not with --size");
		if (own.with && !own.plot)
			cli_refuse(NAME, "--with adds to a picture: --plot says where it goes");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void add_row(struct rounds *r, enum bulk_procedure procedure, uint32_t bytes)
{
	struct row *row = rounds_add(r, bulk_names[procedure]);
	char size[TEXT_ROOM];

	row->number = procedure;
	row->bytes = bytes < BULK_MOST ? bytes : BULK_MOST;
	row->name[0] = 0;
	if (row->bytes >= RATIO_BYTES)
		snprintf(row->name, sizeof row->name, "%s of %.20s", bulk_names[procedure],
			 text_size(size, row->bytes));
}

static void prepare(struct rounds *r)
{
	struct stage_options *o = &r->stage.options;

	snprintf(r->title, sizeof r->title, "Large calls over %s, 1 thread, results %s",
		 r->stage.options.link, r->view ? "read where they lie" : "copied to the caller");
	if (o->seconds <= 0 && own.bytes)
		o->seconds = ONE_SIZE_SECONDS;
	for (unsigned i = 0; i < (own.bytes ? 1 : SIZES); i++)
		for (unsigned p = 0; p < BULK_PROCEDURES; p++)
			add_row(r, (enum bulk_procedure)p, own.bytes ? own.bytes : 1U << 2 * i);
	own.caller.data = rounds_zeros(NAME, BULK_MOST, 1);
	own.copy = rounds_zeros(NAME, BULK_MOST, 1);
	memset(own.caller.data, PATTERN_PLAIN, BULK_MOST); /* pages that are there */
	memset(own.copy, PATTERN_PLAIN, BULK_MOST);
}

/* And one call of each row whose every byte is looked at. */
static int open_bulk(struct rounds *r)
{
	int status = Bulk_import(r->stage.runtime, NULL, &own.caller.binding);

	for (size_t i = 0; i < r->n_rows && !status && !stage_stop_wanted; i++) {
		const struct row *row = &r->rows[i];

		if (stage_order(&r->stage, CONTROL_CALLS, CONTROL_CALLS_CHECKED))
			return -1;
		status = bulk_check(&own.caller, (enum bulk_procedure)row->number, row->bytes);
		status = bulk_failed(&r->stage, status);
	}
	return status;
}

/* ---- blocks of what goes one way ---- */

struct flow {
	uint64_t block_ticks, patience_ticks;
	uint64_t warm_up;  /* frames or bytes before the block begins */
	uint64_t least;    /* of them in a block */
	uint64_t seen;     /* so far */
	uint64_t begin;    /* when the block began; 0: still warming up */
	uint64_t began_at; /* what had been seen then */
	uint64_t last;     /* when one was seen; 0: not yet */
	uint32_t idle;
	bool lost; /* nothing came any more */
	struct block_sum sum;
};

static bool flow_goes_on(void *context, unsigned n)
{
	struct flow *f = context;
	uint64_t now;

	if (n == 0 && ++f->idle % LOOKS_PER_CLOCK != 0)
		return true;
	now = ticks_now();
	if (n == 0) {
		if (f->last == 0)
			f->last = now;
		f->lost = now - f->last > f->patience_ticks;
		return !f->lost;
	}
	f->last = now;
	f->seen += n;
	if (!f->begin) {
		if (f->seen >= f->warm_up) {
			f->begin = now;
			f->began_at = f->seen;
		}
		return true;
	}
	f->sum.count = f->seen - f->began_at;
	f->sum.ticks = now - f->begin;
	return f->sum.ticks < f->block_ticks || f->sum.count < f->least;
}

static bool is_local(const struct rounds *r)
{
	return strcmp(r->stage.options.link, "local") == 0;
}

static bool is_compared(const struct row *row)
{
	return row->bytes >= RATIO_BYTES;
}

static int measure_frames(struct rounds *r, const struct row *row, struct flow *flow)
{
	flow->warm_up = FLOOR_WARM_UP;
	if (stage_order(&r->stage, row->number == BULK_PUT ? CONTROL_RECEIVE : CONTROL_SEND, 0))
		return -1;
	if (row->number == BULK_PUT)
		floor_send(r->stage.runtime, flow_goes_on, flow);
	else
		floor_receive(r->stage.runtime, flow_goes_on, flow);
	flow->sum.count *= floor_full_bytes(r->stage.runtime);
	return flow->lost ? stage_give_up(&r->stage, "bare frames were lost", 0) : 0;
}

/*
 * One message to warm up, as the calls have one call. Short ones are sent as if they were of
 * RATIO_BYTES: as frames, what goes one way does not stop between two calls.
 */
static int measure_pipe(struct rounds *r, const struct row *row, struct flow *flow)
{
	struct pipe *pipe = &r->stage.control.page->pipe;
	const bool is_put = row->number == BULK_PUT;
	const uint32_t bytes = row->bytes > RATIO_BYTES ? row->bytes : RATIO_BYTES;

	flow->warm_up = flow->least = bytes;
	pipe_open(pipe, bytes);
	if (stage_order(&r->stage, CONTROL_PIPE, is_put ? PIPE_TAKES : PIPE_GIVES))
		return -1;
	pipe_move(pipe, is_put ? PIPE_GIVES : PIPE_TAKES, own.caller.data, flow_goes_on, flow);
	return flow->lost ? stage_give_up(&r->stage, "the other side of the pipe has stopped", 0)
			  : 0;
}

/* The same bytes from one place to another by this core alone: at least once. */
static void measure_copies(const struct rounds *r, const struct row *row, struct sample *sample)
{
	const uint64_t most = stage_block_ticks(&r->stage) / COPIES_SHARE, begin = ticks_now();
	uint64_t before, now;

	do {
		before = ticks_done();
		fly_copy(own.copy, own.caller.data, row->bytes);
		__asm__ volatile("" : : "r"(own.copy) : "memory"); /* it is made, and now */
		now = ticks_done();
		histogram_add(&sample->others, now - before);
	} while (now - begin < most);
}

/* The sum is of bytes of payload. */
static int measure_floor(struct rounds *r, const struct row *row, struct sample *sample)
{
	struct flow flow = {
		.block_ticks = stage_block_ticks(&r->stage),
		.patience_ticks = FLOOR_SILENCE_S * r->stage.machine.platform.tsc_hz,
	};
	const int failed =
		is_local(r) ? measure_pipe(r, row, &flow) : measure_frames(r, row, &flow);

	sample->sum = flow.sum;
	if (!failed && is_compared(row))
		measure_copies(r, row, sample);
	return failed;
}

/* ---- blocks of calls ---- */

/* One call to warm up, then at least one. */
static int measure_calls(struct rounds *r, const struct row *row, struct sample *sample)
{
	const enum bulk_procedure procedure = (enum bulk_procedure)row->number;
	const uint64_t block_ticks = stage_block_ticks(&r->stage);
	uint64_t begin, last, now;
	int status;

	if (stage_order(&r->stage, CONTROL_CALLS, CONTROL_CALLS_WORK))
		return -1;
	status = bulk_call(&own.caller, procedure, row->bytes, r->view);
	stage_settle(&r->stage);
	/* The same order again: the server counts from here on. */
	if (!status && stage_order(&r->stage, CONTROL_CALLS, CONTROL_CALLS_WORK))
		return -1;
	begin = last = ticks_now();
	while (!status && last - begin < block_ticks) {
		status = bulk_call(&own.caller, procedure, row->bytes, r->view);
		now = ticks_now();
		histogram_add(&sample->times, now - last);
		last = now;
		sample->sum.count++;
	}
	sample->sum.ticks = last - begin;
	return bulk_failed(&r->stage, status);
}

/* Bytes per tick, with the time in the server's procedure. */
static double whole(const struct rounds *r, const struct row *row, const struct sample *sample)
{
	(void)r;
	return block_rate(&sample->sum) * (sample->is_floor ? 1 : row->bytes);
}

/* And without it. */
static double moving(const struct rounds *r, const struct row *row, const struct sample *sample)
{
	struct block_sum sum = sample->sum;

	(void)r;
	if (!sample->is_floor && sample->work.ticks < sum.ticks)
		sum.ticks -= sample->work.ticks;
	return block_rate(&sum) * (sample->is_floor ? 1 : row->bytes);
}

/* ---- the report ---- */

/* Bytes per second of one copy by one core. */
static double copy_rate(const struct cell *c)
{
	const double ns = text_ns(&c->rounds->stage.machine,
				  rounds_median(c->rounds, &c->figures->floors.others));

	return ns > 0 ? c->row->bytes * 1e9 / ns : NAN;
}

/* Of calls without the time in the procedure, as the ratio has it. */
static double copy_ratio(const struct cell *c)
{
	return moving(c->rounds, c->row, &c->figures->calls) *
	       (double)c->rounds->stage.machine.platform.tsc_hz / copy_rate(c);
}

static COLUMN_TEXT(procedure, bulk_names[c->row->number]);
static COLUMN_VALUE(is_view, c->rounds->view && c->row->number == BULK_GET);
static COLUMN_VALUE(in_procedure,
		    text_ns(&c->rounds->stage.machine,
			    block_cost(&(struct block_sum){c->figures->calls.sum.count,
							   c->figures->calls.work.ticks})));
static COLUMN_VALUE(rate, column_rate(c, 0) * c->row->bytes);
static COLUMN_VALUE(ratio, is_compared(c->row) ? column_ratio(c, 0) : NAN);
static COLUMN_VALUE(whole_ratio, is_compared(c->row) ? pairs_judge(&c->figures->whole).ratio : NAN);

static COLUMN_VALUE(memcpy_rate, copy_rate(c));
static COLUMN_VALUE(memcpy_ratio, copy_ratio(c));

static const char *what_floor(const struct rounds *r, char room[TEXT_ROOM])
{
	if (is_local(r))
		snprintf(room, TEXT_ROOM, "two copies at a time, through %u chunks of %u KiB",
			 PIPE_CHUNKS, PIPE_CHUNK >> 10);
	else
		snprintf(room, TEXT_ROOM, "bare frames of %u + 74 bytes, one way",
			 floor_full_bytes(r->stage.runtime));
	return room;
}

static const char *floor_what(const struct cell *c, char room[TEXT_ROOM])
{
	return what_floor(c->rounds, room);
}

static const struct column columns[] = {
	{NULL, "procedure", -9, AS_TEXT, .text = column_label},
	{NULL, "size", 10, AS_SIZE, .value = column_bytes},
	{"procedure", .as = AS_TEXT, .text = procedure},
	{"link", .as = AS_TEXT, .text = column_link},
	{"threads", .value = column_threads},
	{"bytes", .value = column_bytes},
	{"view", .as = AS_BOOL, .value = is_view},
	{"calls", "calls", 8, AS_CALLS, .value = column_calls},
	{"p50_ns", "p50", 8, AS_US, .value = column_time, .with = 50},
	{"p99_ns", "p99", 8, AS_US, .value = column_time, .with = 99},
	{"procedure_ns", "of it", 8, AS_US, .value = in_procedure},
	{"bytes_per_s", "GB/s", 7, AS_GIGABYTES, .value = rate},
	{"floor.what", .as = AS_TEXT, .text = floor_what},
	{"floor.bytes_per_s", "floor", 7, AS_GIGABYTES, .value = column_floor_rate},
	{"floor.memcpy_bytes_per_s", "memcpy", 7, AS_GIGABYTES, .value = memcpy_rate},
	{"ratio", "ratio", 7, AS_RATIO, .value = ratio},
	{"whole_ratio", "whole", 7, AS_RATIO, .value = whole_ratio},
	{"memcpy_ratio", .as = AS_RATIO, .value = memcpy_ratio},
};

/* A line through the median times of a procedure. */
static struct fit fit(const struct rounds *r, unsigned procedure)
{
	struct fit_point points[SIZES];
	size_t n = 0;

	for (size_t i = 0; i < r->n_rows; i++) {
		const struct row *row = &r->rows[i];
		const struct histogram *times = &row->in[table_main_state(row)]->calls.times;

		if (row->number != procedure || times->total == 0)
			continue;
		points[n++] = (struct fit_point){
			.bytes = row->bytes,
			.time = text_ns(&r->stage.machine, rounds_median(r, times)),
		};
	}
	return fit_line(points, n);
}

static void note(const struct rounds *r, enum pairs_state state)
{
	char size[TEXT_ROOM], floor[TEXT_ROOM];

	(void)state;
	printf("\nTimes in us; \"of it\": in the server's procedure, which reads or writes the "
	       "data.\n"
	       "Floor: GB/s of %s%s,\n"
	       "in the same moments; memcpy: of one copy by one core.\n"
	       "Ratio: of bytes per second to the floor, without the time in the procedure; whole: "
	       "with it;\nhigher is better.\n",
	       is_local(r) ? "" : "payload in ", what_floor(r, floor));
	for (unsigned p = 0; !own.bytes && p < BULK_PROCEDURES; p++) {
		const struct fit f = fit(r, p);

		if (!isnan(f.alpha))
			printf("%s: T(n) = alpha + n beta, alpha %.3f us, beta %.4f ns (%.2f GB/s);"
			       " at most %.0f%% off, at %s\n",
			       bulk_names[p], f.alpha / 1000, f.beta, 1 / f.beta, 100 * f.worst,
			       text_size(size, (uint32_t)f.worst_bytes));
	}
}

static void more(const struct rounds *r, struct json_object *all)
{
	struct json_object *fits = json_object_new_array();

	for (unsigned p = 0; !own.bytes && p < BULK_PROCEDURES; p++) {
		struct json_object *object = json_object_new_object();
		const struct fit f = fit(r, p);

		json_object_object_add(object, "procedure", json_object_new_string(bulk_names[p]));
		json_object_object_add(object, "alpha_ns", text_number(f.alpha, 1));
		json_object_object_add(object, "beta_ns_per_byte", text_number(f.beta, 5));
		json_object_object_add(object, "worst_deviation", text_number(f.worst, 4));
		json_object_object_add(object, "worst_bytes",
				       text_number(isnan(f.worst) ? NAN : f.worst_bytes, 0));
		json_object_array_add(fits, object);
	}
	json_object_object_add(all, "fits", fits);
}

static const char *draw(const struct rounds *r)
{
	return own.plot && bulk_plot(r, own.plot) ? own.plot : NULL;
}

const struct run_word run_bulk = {
	.name = NAME,
	.options = options,
	.option = option,
	.doc = "Measure calls with large arguments (Put) and with large results (Get) between two "
	       "processes of this machine, and compare them with bare frames of full size that go "
	       "one way over the same link in the same moment; over a local link, with chunks that "
	       "both cores copy at the same time."
	       "\v  firefly bench bulk --size 8M\n"
	       "  firefly bench bulk --link local --json local.json\n"
	       "  firefly bench bulk --link memif --plot times.svg --with local.json\n\n"
	       "The ratio is that of bytes per second (1.00x would be free, higher is better), "
	       "without the time that the server's procedure takes to read or write the data; "
	       "`whole` is the ratio with it. The table of sizes takes 60 s unless --seconds says "
	       "otherwise. firefly(1) says what is counted.",
	.seconds = TABLE_SECONDS,
	.may_be_local = true,
	.prepare = prepare,
	.method = {4, measure_floor, measure_calls, .worth = moving, .whole = whole},
	.open = open_bulk,
	.table = {columns, sizeof columns / sizeof *columns, TABLE_MAIN, .note = note,
		  .more = more},
	.also = draw,
};
