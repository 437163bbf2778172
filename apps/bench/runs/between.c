/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * between.c - `firefly bench --to`: calls between two hosts, between blocks of bare frames.
 *
 * Owns the command line, what is asked of `firefly bench --server` (stage/far_end.c) between
 * two blocks, and the report. There is no control page: the far end is told by calls of Between,
 * and says each time what it has done so far. The floor is bare frames of the same sizes to another
 * UDP port of the same server (measure/floor_far.c), or none.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <sys/random.h>

#include <json-c/json.h>

#include "bench/measure/floor_far.h"
#include "bench/stage/between.h"
#include "bench/stage/bulk_calls.h"
#include "bench/stage/figures.h"
#include "firefly/pattern.h"
#include "firefly/target.h"
#include "run.h"

#define NAME         "bench --to"
#define HEADERS      42 /* of a frame, in front of what a datagram has */
#define SPOILED_MOST 20 /* floors in a row: then nothing comes back at all */

/* What is measured: those of Test, then those of Bulk. */
enum {
	PUT = CALLS_PROCEDURES + BULK_PUT,
	GET = CALLS_PROCEDURES + BULK_GET,
	PROCEDURES = CALLS_PROCEDURES + BULK_PROCEDURES,
};

static const char *const words[PROCEDURES] = {"null", "maxresult", "maxarg", "put", "get"};

/* What one side did during the blocks of a row. */
struct both {
	struct Between_Figures here, there;
};

static struct {
	struct target target;
	bool wanted[PROCEDURES];
	bool any_wanted, has_no_floor;
	unsigned window; /* 0: 1 and 64 */
	uint32_t bytes;  /* of Put and Get */
	int core;        /* -1: wherever the system puts us */
	struct fly_binding *between;
	struct bulk_caller bulk;
	struct floor_far floor;
	struct Between_Host here, there;
	uint64_t key;     /* ours, at the server */
	bool has_begun;   /* the server serves us */
	uint16_t port;    /* of the bare frames; 0: not known yet */
	unsigned spoiled; /* floors in a row */
	uint64_t floors, floors_spoiled;
	struct both rows[ROUNDS_ROWS_MOST]; /* by the number of the row */
} own = {.bytes = 1U << 20, .core = -1};

/* ---- the command line ---- */

enum {
	KEY_TO = STAGE_KEY_OWN,
	KEY_SIZE,
	KEY_NO_FLOOR,
	KEY_VIEW,
	KEY_JSON,
	KEY_BLOCK,
};

static const struct argp_option options[] = {
	{"to", KEY_TO, "ADDRESS", 0,
	 "Where `firefly bench --server` runs: an address, a name, or a link as for `firefly ping`",
	 0},
	{"link", CLI_KEY_LINK, "LINK", 0,
	 "A link of this program (default: udp:); given several times: routes choose one", 0},
	{"window", 'w', "N", 0, "Calls under way from one thread (default: first 1, then 64)", 0},
	{"size", KEY_SIZE, "BYTES", 0, "Of each Put and Get (default 1M)", 0},
	{"view", KEY_VIEW, NULL, 0,
	 "Read the results of MaxResult in the packet, instead of having them copied out", 0},
	{"no-floor", KEY_NO_FLOOR, NULL, 0, "Measure no bare frames: calls alone", 0},
	{"seconds", 's', "S", 0, "How long to measure, all rows together (default 24)", 0},
	{"json", KEY_JSON, "FILE", 0, "Write the figures as JSON; to stdout, and no table, with -",
	 0},
	{"core", CLI_KEY_CORE, "N", 0, "Run on this core only", 1},
	{"wait", CLI_KEY_WAIT, "HOW", 0, "How to wait for results: spin (default), yield or sleep",
	 1},
	{"block", KEY_BLOCK, "MS", 0, "Length of a block in milliseconds (default 4)", 1},
	{"packets", CLI_KEY_PACKETS, "N", 0, "Packet buffers in the pool (default 4095)", 1},
	{"eal", CLI_KEY_EAL, "ARGUMENTS", 0, "Further DPDK EAL arguments, separated by blanks", 1},
	{0},
};

static void want(const char *word)
{
	bool known = false;

	for (unsigned p = 0; p < PROCEDURES; p++) {
		if (strcmp(word, "all") != 0 && strcmp(word, words[p]) != 0)
			continue;
		own.wanted[p] = known = true;
	}
	if (!known)
		cli_refuse(NAME, "there is null, maxresult, maxarg, put, get and all, but not '%s'",
			   word);
	own.any_wanted = true;
}

/* Does it begin as a link does, and not with a host? */
static bool is_link(const char *text)
{
	static const char *const kinds[] = {"vhost:", "memif:", "af_packet:", "af_xdp:", "udp:",
					    "tap:",   "pci:",   "vdev:",      "local:"};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strncmp(text, kinds[i], strlen(kinds[i])) == 0)
			return true;
	return false;
}

static void complete(struct rounds *r)
{
	struct target *t = &own.target;

	if (!t->peer)
		cli_refuse(NAME, "--to whom? For instance --to 10.0.0.2");
	if (t->n_links == 0 && !is_link(t->peer))
		target_add_link(t, NAME, "udp:");
	target_complete(t, NAME);
	for (unsigned i = 0; i < t->n_links; i++)
		if (strncmp(t->links[i], "local:", 6) == 0)
			cli_refuse(NAME, "a local link leads to no other host; `firefly bench "
					 "local` measures it");
	if (!own.any_wanted)
		want("all");
	r->stage.options.link = t->name;
}

static error_t option(struct rounds *r, int key, char *text)
{
	struct stage_options *o = &r->stage.options;

	switch (key) {
	case KEY_TO:
		target_set_peer(&own.target, NAME, text);
		return 0;
	case CLI_KEY_LINK:
		target_add_link(&own.target, NAME, text);
		return 0;
	case 'w':
		own.window = (unsigned)cli_number(NAME, "--window", text, 1, BLOCK_WINDOW);
		return 0;
	case KEY_SIZE:
		own.bytes = (uint32_t)cli_bytes(NAME, "--size", text, 1, 64U << 20);
		if (own.bytes > BULK_MOST)
			own.bytes = BULK_MOST;
		return 0;
	case KEY_VIEW:
		r->view = true;
		return 0;
	case KEY_NO_FLOOR:
		own.has_no_floor = true;
		return 0;
	case 's':
		o->seconds = cli_seconds(NAME, "--seconds", text, 0.1, 86400);
		return 0;
	case KEY_JSON:
		o->json = text;
		return 0;
	case KEY_BLOCK:
		o->block_s = (double)cli_number(NAME, "--block", text, 1, 1000) / 1000;
		return 0;
	case CLI_KEY_CORE:
		own.core = (int)cli_number(NAME, "--core", text, 0, 1023);
		return 0;
	case CLI_KEY_WAIT:
		o->wait = cli_wait(NAME, text);
		return 0;
	case CLI_KEY_PACKETS:
		o->packets = (unsigned)cli_number(NAME, "--packets", text, 64, 4194303);
		return 0;
	case CLI_KEY_EAL:
		o->eal = text;
		return 0;
	case ARGP_KEY_ARG:
		want(text);
		return 0;
	case ARGP_KEY_END:
		complete(r);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void add_row(struct rounds *r, unsigned procedure, unsigned window)
{
	const bool is_bulk = procedure >= CALLS_PROCEDURES;
	struct row *row = rounds_add(r, is_bulk ? bulk_names[procedure - CALLS_PROCEDURES]
						: calls_profiles[procedure].name);

	row->number = (unsigned)(r->n_rows - 1);
	row->is = &words[procedure];
	row->procedure = is_bulk ? CALLS_NULL : (enum calls_procedure)procedure;
	row->window = window;
	row->bytes = is_bulk ? own.bytes : calls_profiles[procedure].payload_bytes;
	row->has_no_floor = is_bulk || own.has_no_floor;
	if (row->has_no_floor)
		row->name[0] = 0; /* no ratio, and no reason to be given */
	else
		snprintf(row->name, sizeof row->name, "%s at window %u", row->label, window);
}

/* Large calls one at a time: what is under way is many packets as it is. */
static void prepare(struct rounds *r)
{
	for (unsigned p = 0; p < PROCEDURES; p++) {
		if (!own.wanted[p])
			continue;
		if (p >= CALLS_PROCEDURES) {
			add_row(r, p, 1);
			continue;
		}
		add_row(r, p, own.window ? own.window : 1);
		if (!own.window)
			add_row(r, p, 64);
	}
}

static unsigned procedure_of(const struct row *row)
{
	return (unsigned)((const char *const *)row->is - words);
}

/* ---- the far end ---- */

static int far_failed(struct rounds *r, int status)
{
	own.has_begun = own.has_begun && !status; /* it need not be told that we have ended */
	if (status == -FLY_EEXCEPTION)
		return stage_give_up(&r->stage, "the server has another client now", 0);
	if (cli_is_about_peer(status))
		return stage_give_up(&r->stage, "the server has gone", status);
	return stage_call_failed(&r->stage, status);
}

/* What both sides have done so far; calls are measured from now on. */
static int figures(struct rounds *r, struct both *now)
{
	figures_now(r->stage.runtime, &now->here);
	return far_failed(r, Between_Calls(own.between, own.key, &now->there, NULL));
}

/* ---- blocks ---- */

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* A floor without figures is one of which a frame was lost. */
static int judge_floor(struct rounds *r, const struct sample *sample)
{
	static char trouble[160];

	own.floors++;
	if (sample->sum.count) {
		own.spoiled = 0;
		return 0;
	}
	own.floors_spoiled++;
	if (++own.spoiled < SPOILED_MOST)
		return 0;
	snprintf(trouble, sizeof trouble,
		 "no bare frame comes back from UDP port %u of the server, though calls do: is "
		 "there a firewall? --no-floor measures calls alone",
		 own.port);
	return stage_give_up(&r->stage, trouble, 0);
}

static int measure_floor(struct rounds *r, const struct row *row, struct sample *sample)
{
	const struct calls_profile *profile = &calls_profiles[row->procedure];
	const unsigned most = floor_far_most(&own.floor);
	struct block_clock clock =
		block_clock(row->window, stage_block_ticks(&r->stage), &sample->times);
	struct floor_far_block block = {.bytes = least(profile->call_bytes, most)};
	struct Between_Figures unused;
	int status;

	status = Between_Floor(own.between, own.key, (uint16_t)least(profile->result_bytes, most),
			       row->window > 1, &block.port, &block.key, &unused, NULL);
	if (status)
		return far_failed(r, status);
	own.port = block.port;
	status = floor_far_bounce(&own.floor, &block, &clock);
	if (status)
		return stage_failed(&r->stage, "bare frames cannot be sent", status);
	sample->sum = clock.sum;
	return judge_floor(r, sample);
}

/* Calls of Put or Get, one after the other: at least one. */
static int bulk_block(struct rounds *r, const struct row *row, struct sample *sample)
{
	const enum bulk_procedure which = procedure_of(row) == PUT ? BULK_PUT : BULK_GET;
	const uint64_t block_ticks = stage_block_ticks(&r->stage), begin = ticks_now();
	uint64_t before = begin;
	int status;

	do {
		uint64_t now;

		status = bulk_call(&own.bulk, which, own.bytes, false);
		now = ticks_now();
		histogram_add(&sample->times, now - before);
		before = now;
		sample->sum.count++;
		sample->sum.ticks = now - begin;
	} while (!status && sample->sum.ticks < block_ticks);
	return status;
}

static int measure_calls(struct rounds *r, const struct row *row, struct sample *sample)
{
	struct both before, after, *sum = &own.rows[row->number];
	int status;

	if (figures(r, &before))
		return -1;
	if (procedure_of(row) >= CALLS_PROCEDURES)
		status = bulk_block(r, row, sample);
	else
		status = calls_block(r->test, row->procedure, row->window, r->view,
				     stage_block_ticks(&r->stage), sample);
	if (status == BULK_WRONG)
		return bulk_failed(&r->stage, status);
	if (status)
		return far_failed(r, status);
	if (figures(r, &after))
		return -1;
	figures_add(&sum->here, &before.here, &after.here);
	figures_add(&sum->there, &before.there, &after.there);
	return 0;
}

/* Nobody can see how far apart two hosts are: all blocks count. */
static struct stage_distance distance(const struct rounds *r, const struct sample *sample)
{
	(void)r, (void)sample;
	return (struct stage_distance){.state = PAIRS_NEAR, .ours = true};
}

/* ---- from start to end ---- */

/* Why there is nobody to measure with. */
static int complain_of_import(int status)
{
	const char *reason = cli_reason(status);

	if (status == -FLY_ENOEXPORT)
		cli_complain(NAME,
			     "a Firefly server is there, but it is no `firefly bench --server`; "
			     "start one on that host");
	else if (status == -FLY_EVERSION && !strstr(reason, "same release"))
		cli_complain(NAME, "%s; run the same release of Firefly on both hosts", reason);
	else
		cli_complain(NAME, "%s", reason);
	return CLI_FAILED;
}

static int begin(void)
{
	struct Between_Begin_raised raised;
	int status;

	(void)getrandom(&own.key, sizeof own.key, 0);
	status = Between_Begin(own.between, own.key, &own.here, &own.there, &raised);
	figures_clean(&own.there);
	if (!status) {
		own.has_begun = true;
		return 0;
	}
	if (status == -FLY_EEXCEPTION) {
		figures_clean_text(raised.as.Taken.who);
		cli_complain(NAME,
			     "the server has been measuring with %s for %u s, and with one client "
			     "at a time; try again later",
			     raised.as.Taken.who, raised.as.Taken.seconds);
	} else {
		cli_complain(NAME, "the server does not begin: %s", fly_strerror(status));
	}
	return CLI_FAILED;
}

static int import_all(struct rounds *r)
{
	struct fly_runtime *runtime = r->stage.runtime;
	const char *peer = own.target.peer;
	int status;

	status = Between_import(runtime, peer, &own.between);
	if (!status)
		status = Test_import(runtime, peer, &r->test);
	if (!status)
		status = Bulk_import(runtime, peer, &own.bulk.binding);
	if (status)
		return complain_of_import(status);
	if (begin())
		return CLI_FAILED;
	if (floor_far_open(&own.floor, runtime, r->test)) {
		cli_complain(NAME, "no socket for bare datagrams");
		return CLI_FAILED;
	}
	own.floor.yields = r->stage.options.wait > FLY_WAIT_SPIN;
	return 0;
}

static int start(struct rounds *r)
{
	const struct stage_options *o = &r->stage.options;
	const struct fly_options with = {
		.size = sizeof with,
		.links = own.target.links,
		.eal = o->eal,
		.packets = o->packets,
		.calls = o->calls,
		.wait = o->wait,
		.notice = cli_notice,
		.notice_context = (char *)NAME,
	};

	if (own.core >= 0 && cli_pin(NAME, (unsigned)own.core))
		return CLI_FAILED;
	if (own.wanted[PUT] || own.wanted[GET]) {
		own.bulk.data = rounds_zeros(NAME, own.bytes, 1);
		memset(own.bulk.data, PATTERN_PLAIN, own.bytes);
	}
	if (cli_start(NAME, &with, &r->stage.runtime))
		return CLI_FAILED;
	r->stage.machine.platform.size = sizeof r->stage.machine.platform;
	fly_platform(r->stage.runtime, &r->stage.machine.platform);
	figures_host(r->stage.runtime, &own.here);
	if (import_all(r))
		return CLI_FAILED;
	snprintf(r->title, sizeof r->title, "Calls over %.40s, from %.30s to %.30s, 1 thread%s",
		 o->link, own.here.name, own.there.name,
		 r->view ? ", results of MaxResult in the packet" : "");
	return 0;
}

static int end_measuring(struct rounds *r)
{
	(void)r;
	if (own.has_begun)
		(void)Between_End(own.between, own.key, NULL);
	own.has_begun = false;
	return 0;
}

static int stop(struct rounds *r)
{
	int status;

	floor_far_close(&own.floor);
	free(own.bulk.data);
	own.bulk.data = NULL;
	if (!r->stage.runtime)
		return 0;
	status = fly_stop(r->stage.runtime);
	r->stage.runtime = NULL;
	if (!status)
		return 0;
	cli_complain(NAME, "stopping at the end: %s; this is a bug", fly_error());
	return CLI_FAILED;
}

/* ---- the report ---- */

static const struct both *both_of(const struct cell *c)
{
	return &own.rows[c->row->number];
}

static COLUMN_TEXT(word, words[procedure_of(c->row)]);
static COLUMN_VALUE(floor_time, c->row->has_no_floor ? NAN : column_floor_time(c, with));
static COLUMN_VALUE(floor_rate, c->row->has_no_floor ? NAN : column_floor_rate(c, with));
static COLUMN_VALUE(bits, column_rate(c, with) * 8 * c->row->bytes);
static COLUMN_TEXT(bits_text, c->row->bytes ? text_scaled(room, bits(c, 0)) : "-");
static COLUMN_VALUE(cpu_here, figures_cpu(&both_of(c)->here));
static COLUMN_VALUE(resent_here, (double)both_of(c)->here.resent);
static COLUMN_VALUE(drops_here, (double)both_of(c)->here.drops);
static COLUMN_VALUE(cpu_there, figures_cpu(&both_of(c)->there));
static COLUMN_VALUE(busy_there, figures_busy(&both_of(c)->there));
static COLUMN_VALUE(calls_there, (double)both_of(c)->there.calls);
static COLUMN_VALUE(received_there, (double)both_of(c)->there.received);
static COLUMN_VALUE(sent_there, (double)both_of(c)->there.sent);
static COLUMN_VALUE(resent_there, (double)both_of(c)->there.resent);
static COLUMN_VALUE(drops_there, (double)both_of(c)->there.drops);

static const char *floor_what(const struct cell *c, char room[TEXT_ROOM])
{
	const struct calls_profile *profile = &calls_profiles[c->row->procedure];
	const bool is_udp = floor_far_is_udp(&own.floor);
	const unsigned most = floor_far_most(&own.floor);

	if (c->row->has_no_floor)
		return "none";
	snprintf(room, TEXT_ROOM, "bare %s, %u bytes there and %u back",
		 is_udp ? "datagrams" : "frames",
		 least(profile->call_bytes, most) - (is_udp ? HEADERS : 0),
		 least(profile->result_bytes, most) - (is_udp ? HEADERS : 0));
	return room;
}

static const char *floor_text(const struct cell *c, char room[TEXT_ROOM])
{
	char text[TEXT_ROOM];

	if (c->row->has_no_floor)
		return "-";
	if (c->row->window == 1)
		snprintf(room, TEXT_ROOM, "%.20s us", text_us(text, column_floor_time(c, 50)));
	else
		snprintf(room, TEXT_ROOM, "%.20s/s", text_scaled(text, column_floor_rate(c, 0)));
	return room;
}

/* A poller that spins is never idle: what counts is how long its turns had something to do. */
static const char *load_text(const struct cell *c, char room[TEXT_ROOM])
{
	const double busy = busy_there(c, 0), load = isnan(busy) ? cpu_there(c, 0) : busy;

	if (isnan(load))
		return "-";
	snprintf(room, TEXT_ROOM, "%.0f%%", 100 * load);
	return room;
}

static const struct column columns[] = {
	{NULL, "procedure", -9, AS_TEXT, .text = column_label},
	{"procedure", .as = AS_TEXT, .text = word},
	{"link", .as = AS_TEXT, .text = column_link},
	{"window", "window", 6, AS_COUNT, .value = column_window},
	{"bytes", .as = AS_COUNT, .value = column_bytes},
	{"calls", "calls", 9, AS_CALLS, .value = column_calls},
	{"p50_ns", "p50", 6, AS_US, .value = column_time, .with = 50},
	{"p99_ns", "p99", 6, AS_US, .value = column_time, .with = 99},
	{"p999_ns", "p99.9", 6, AS_US, .value = column_time, .with = 99.9},
	{"calls_per_s", "calls/s", 7, AS_RATE, .value = column_rate},
	{"payload_bits_per_s", .as = AS_RATE, .value = bits},
	{NULL, "bit/s", 7, AS_TEXT, .text = bits_text},
	{"floor.what", .as = AS_TEXT, .text = floor_what},
	{"floor.p50_ns", .as = AS_US, .value = floor_time, .with = 50},
	{"floor.p99_ns", .as = AS_US, .value = floor_time, .with = 99},
	{"floor.per_s", .as = AS_RATE, .value = floor_rate},
	{NULL, "floor", 9, AS_TEXT, .text = floor_text},
	{"ratio", "ratio", 6, AS_RATIO, .value = column_ratio},
	{NULL, "server", 6, AS_TEXT, .text = load_text},
	{"client.cpu_share", .as = AS_SHARE, .value = cpu_here},
	{"client.resent", .as = AS_COUNT, .value = resent_here},
	{"client.drops", .as = AS_COUNT, .value = drops_here},
	{"server.cpu_share", .as = AS_SHARE, .value = cpu_there},
	{"server.busy_share", .as = AS_SHARE, .value = busy_there},
	{"server.calls", .as = AS_COUNT, .value = calls_there},
	{"server.received", .as = AS_COUNT, .value = received_there},
	{"server.sent", .as = AS_COUNT, .value = sent_there},
	{"server.resent", .as = AS_COUNT, .value = resent_there},
	{"server.drops", .as = AS_COUNT, .value = drops_there},
};

static struct both all_rows(const struct rounds *r)
{
	static const struct Between_Figures none;
	struct both sum = {{0}, {0}};

	for (size_t i = 0; i < r->n_rows; i++) {
		figures_add(&sum.here, &none, &own.rows[r->rows[i].number].here);
		figures_add(&sum.there, &none, &own.rows[r->rows[i].number].there);
	}
	return sum;
}

static void print_side(const char *side, const char *calls, const struct Between_Host *host,
		       const struct Between_Figures *f)
{
	const double cpu = figures_cpu(f);

	printf("%s  %s, %s, firefly %s, DPDK %s\n", side, host->name, host->cpu, host->firefly,
	       host->dpdk);
	printf("        %llu calls %s, %.0f%% of a core, %llu packets received, %llu sent, %llu "
	       "dropped, %llu sent again\n",
	       (unsigned long long)f->calls, calls, isnan(cpu) ? 0 : 100 * cpu,
	       (unsigned long long)f->received, (unsigned long long)f->sent,
	       (unsigned long long)f->drops, (unsigned long long)f->resent);
}

static void end(const struct rounds *r)
{
	const struct both sum = all_rows(r);

	if (own.floors_spoiled)
		printf("of %llu blocks of bare frames %llu lost some, and do not count\n",
		       (unsigned long long)own.floors, (unsigned long long)own.floors_spoiled);
	if (strcmp(own.here.firefly, own.there.firefly) != 0)
		printf("the two hosts have different releases of Firefly\n");
	print_side("client", "returned", &own.here, &sum.here);
	print_side("server", "served", &own.there, &sum.there);
}

static struct json_object *side_json(const struct Between_Host *host,
				     const struct Between_Figures *f)
{
	struct json_object *side = json_object_new_object();

	json_object_object_add(side, "host", json_object_new_string(host->name));
	json_object_object_add(side, "cpu", json_object_new_string(host->cpu));
	json_object_object_add(side, "firefly", json_object_new_string(host->firefly));
	json_object_object_add(side, "dpdk", json_object_new_string(host->dpdk));
	json_object_object_add(side, "cpu_share", text_number(figures_cpu(f), 3));
	json_object_object_add(side, "busy_share", text_number(figures_busy(f), 3));
	json_object_object_add(side, "calls", json_object_new_int64((int64_t)f->calls));
	json_object_object_add(side, "received", json_object_new_int64((int64_t)f->received));
	json_object_object_add(side, "sent", json_object_new_int64((int64_t)f->sent));
	json_object_object_add(side, "drops", json_object_new_int64((int64_t)f->drops));
	json_object_object_add(side, "resent", json_object_new_int64((int64_t)f->resent));
	return side;
}

static void more(const struct rounds *r, struct json_object *all)
{
	const struct both sum = all_rows(r);
	struct json_object *floors = json_object_new_object();

	json_object_object_add(all, "client", side_json(&own.here, &sum.here));
	json_object_object_add(all, "server", side_json(&own.there, &sum.there));
	json_object_object_add(floors, "port", json_object_new_int(own.port));
	json_object_object_add(floors, "blocks", json_object_new_int64((int64_t)own.floors));
	json_object_object_add(floors, "spoiled",
			       json_object_new_int64((int64_t)own.floors_spoiled));
	json_object_object_add(all, "floors", floors);
}

const struct run_word run_between = {
	.name = NAME,
	.options = options,
	.option = option,
	.has_no_stage = true,
	.args_doc = "[null|maxresult|maxarg|put|get|all]...",
	.doc = "Measure what calls between two hosts cost, and how that compares with bare frames "
	       "between them in the same moments. `firefly bench --server` runs on the other one."
	       "\v  firefly bench --server                        on one host\n"
	       "  firefly bench --to 10.0.0.2                   on another\n\n"
	       "  firefly bench --server --link af_packet:eth1\n"
	       "  firefly bench --to 10.0.0.2 --link af_packet:eth1\n"
	       "  firefly bench --to vhost:/tmp/b.sock null --window 64 --json -\n\n"
	       "The floor is bare frames of the same sizes that the same server sends back from "
	       "another UDP port; over udp, datagrams. At window 1 the ratio compares times (lower "
	       "is better), at larger windows calls per second with frames per second (higher is "
	       "better). Both ends' figures are printed. firefly(1) says what they are.",
	.seconds = 24,
	.prepare = prepare,
	.method = {8, measure_floor, measure_calls, .worth = rounds_worth_time,
		   .distance = distance},
	.start = start,
	.stop = stop,
	.close = end_measuring,
	.table = {columns, sizeof columns / sizeof *columns, TABLE_MAIN, .between_hosts = true,
		  .legend =
			  "Times in us. Floor: bare frames (udp: datagrams) of the same sizes, in "
			  "the same moments; ratio: of\ntimes at window 1 (lower is better), of "
			  "calls to frames per second above (higher). Server: how long its\n"
			  "poller had something to do, or, if it sleeps, how much of a core its "
			  "process took.",
		  .end = end, .more = more},
};
