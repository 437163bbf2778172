/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * calls.c - `firefly bench`: Null, MaxResult and MaxArg between blocks of bare frames.
 *
 * Owns the command line, the floor and the report. The floor is what the same link does with bare
 * frames of the same sizes.
 */
#include <stdio.h>
#include <string.h>

#include "bench/measure/floor.h"
#include "bench/measure/floor_udp.h"
#include "run.h"

#define NAME "bench"

static const struct {
	const char *word;            /* on the command line */
	const char *latency_1989;    /* one call by one thread */
	const char *throughput_1989; /* the best there was, with several */
} procedures[CALLS_PROCEDURES] = {
	[CALLS_NULL] = {"null", "2.66 ms", "741/s"},
	[CALLS_MAX_RESULT] = {"maxresult", "6.35 ms", "4.65 Mb/s"},
	[CALLS_MAX_ARG] = {"maxarg", "about 6.35 ms", "about 4.65 Mb/s"},
};

static struct {
	bool wanted[CALLS_PROCEDURES];
	bool any_wanted;
	unsigned window;             /* 0: 1 and 64 */
	struct floor_udp *floor_udp; /* of a udp: link; NULL */
} own;

/* ---- the command line ---- */

enum {
	KEY_VIEW = STAGE_KEY_OWN,
};

static const struct argp_option options[] = {
	{"window", 'w', "N", 0, "Calls under way from one thread (default: first 1, then 64)", 0},
	{"view", KEY_VIEW, NULL, 0,
	 "Read the results of MaxResult in the packet, instead of having them copied out", 0},
	{0},
};

static void want(const char *word)
{
	bool known = false;

	for (unsigned p = 0; p < CALLS_PROCEDURES; p++) {
		if (strcmp(word, "all") != 0 && strcmp(word, procedures[p].word) != 0)
			continue;
		own.wanted[p] = known = true;
	}
	if (!known)
		cli_refuse(NAME,
			   "there is null, maxresult, maxarg and all, and bulk, beside, "
			   "conversations, handoff, local, marshal and processors as the first "
			   "word, but not '%s'",
			   word);
	own.any_wanted = true;
}

static error_t option(struct rounds *r, int key, char *text)
{
	switch (key) {
	case 'w':
		own.window = (unsigned)cli_number(NAME, "--window", text, 1, BLOCK_WINDOW);
		return 0;
	case KEY_VIEW:
		r->view = true;
		return 0;
	case ARGP_KEY_ARG:
		want(text);
		return 0;
	case ARGP_KEY_END:
		if (!own.any_wanted)
			want("all");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void prepare(struct rounds *r)
{
	snprintf(r->title, sizeof r->title, "Calls over %s, 1 thread%s", r->stage.options.link,
		 r->view ? ", results of MaxResult read in the packet" : "");
	for (unsigned p = 0; p < CALLS_PROCEDURES; p++)
		for (unsigned w = 0; own.wanted[p] && w < (own.window ? 1 : 2); w++) {
			struct row *row = rounds_add(r, calls_profiles[p].name);

			row->procedure = (enum calls_procedure)p;
			row->window = own.window ? own.window : w ? 64 : 1;
			snprintf(row->name, sizeof row->name, "%s at window %u",
				 calls_profiles[p].name, row->window);
		}
}

/* ---- blocks ---- */

static bool is_udp(const struct rounds *r)
{
	return strcmp(r->stage.options.link, "udp") == 0;
}

static int bounce_datagrams(struct rounds *r, const struct calls_profile *profile,
			    struct block_clock *clock)
{
	const uint32_t many = clock->window > 1 ? CONTROL_MANY : 0;

	if (stage_order(&r->stage, CONTROL_FLOOR_UDP, profile->result_bytes | many))
		return -1;
	return stage_failed(&r->stage, "a bare datagram did not come back",
			    floor_udp_bounce(own.floor_udp, r->stage.control.page->floor_port,
					     profile->call_bytes, clock));
}

static int open_floor(struct rounds *r)
{
	uint16_t port;

	if (is_udp(r))
		own.floor_udp = floor_udp_open_here(&port);
	return is_udp(r) && !own.floor_udp
		       ? stage_give_up(&r->stage, "no socket for bare datagrams", 0)
		       : 0;
}

static int close_floor(struct rounds *r)
{
	(void)r;
	floor_udp_close(own.floor_udp);
	own.floor_udp = NULL;
	return 0;
}

static int measure_floor(struct rounds *r, const struct row *row, struct sample *sample)
{
	const struct calls_profile *profile = &calls_profiles[row->procedure];
	struct block_clock clock =
		block_clock(row->window, stage_block_ticks(&r->stage), &sample->times);
	int status;

	if (is_udp(r)) {
		status = bounce_datagrams(r, profile, &clock);
		sample->sum = clock.sum;
		return status;
	}
	if (stage_order(&r->stage, CONTROL_FLOOR, profile->result_bytes))
		return -1;
	status = floor_bounce(r->stage.runtime, profile->call_bytes, &clock);
	sample->sum = clock.sum;
	return stage_failed(&r->stage, "a bare frame did not come back", status);
}

/* ---- the report ---- */

static unsigned payload_bytes(const struct cell *c)
{
	return calls_profiles[c->row->procedure].payload_bytes;
}

static COLUMN_VALUE(bits, column_rate(c, with) * 8 * payload_bytes(c));
static COLUMN_TEXT(bits_text, payload_bytes(c) ? text_scaled(room, bits(c, 0)) : "-");

static const char *floor_what(const struct cell *c, char room[TEXT_ROOM])
{
	const struct calls_profile *profile = &calls_profiles[c->row->procedure];

	if (is_udp(c->rounds))
		snprintf(room, TEXT_ROOM, "bare datagrams, %u bytes there and %u back",
			 profile->call_bytes - FLOOR_UDP_HEADERS,
			 profile->result_bytes - FLOOR_UDP_HEADERS);
	else
		snprintf(room, TEXT_ROOM, "bare frames, %u bytes there and %u back",
			 profile->call_bytes, profile->result_bytes);
	return room;
}

static const char *floor_text(const struct cell *c, char room[TEXT_ROOM])
{
	char text[TEXT_ROOM];

	if (c->row->window == 1)
		snprintf(room, TEXT_ROOM, "%.20s us", text_us(text, column_floor_time(c, 50)));
	else
		snprintf(room, TEXT_ROOM, "%.20s/s", text_scaled(text, column_floor_rate(c, 0)));
	return room;
}

static COLUMN_TEXT(in_1989, c->row->window == 1 ? procedures[c->row->procedure].latency_1989
						: procedures[c->row->procedure].throughput_1989);

static const struct column columns[] = {
	{NULL, "procedure", -9, AS_TEXT, .text = column_label},
	{"procedure", .as = AS_TEXT, .text = column_procedure},
	{"link", .as = AS_TEXT, .text = column_link},
	{"threads", .value = column_threads},
	{"window", "window", 6, AS_COUNT, .value = column_window},
	{"calls", "calls", 10, AS_CALLS, .value = column_calls},
	{"p50_ns", "p50", 6, AS_US, .value = column_time, .with = 50},
	{"p99_ns", "p99", 6, AS_US, .value = column_time, .with = 99},
	{"p999_ns", "p99.9", 6, AS_US, .value = column_time, .with = 99.9},
	{"calls_per_s", "calls/s", 7, AS_RATE, .value = column_rate},
	{"payload_bits_per_s", .as = AS_RATE, .value = bits},
	{NULL, "bit/s", 7, AS_TEXT, .text = bits_text},
	{"floor.what", .as = AS_TEXT, .text = floor_what},
	{"floor.p50_ns", .as = AS_US, .value = column_floor_time, .with = 50},
	{"floor.per_s", .as = AS_RATE, .value = column_floor_rate},
	{NULL, "floor", 9, AS_TEXT, .text = floor_text},
	{"ratio", "ratio", 6, AS_RATIO, .value = column_ratio},
	{NULL, "in 1989", 0, AS_TEXT, .text = in_1989},
};

const struct run_word run_calls = {
	.name = NAME,
	.options = options,
	.option = option,
	.args_doc = "[null|maxresult|maxarg|all]...",
	.doc = "Measure what calls between two processes of this machine cost, and how that "
	       "compares with bare frames over the same link in the same moment."
	       "\vThe server process is started on another core, over a socket in a private "
	       "directory, and ends with this one. Nothing has to be prepared; with hugepages "
	       "it is faster.\n\n"
	       "  firefly bench\n"
	       "  firefly bench --link udp               over sockets of the kernel\n"
	       "  firefly bench maxresult --link memif --window 64 --seconds 5 --json -\n"
	       "  firefly bench --threads 1..8 --help  other measurements: several threads,\n"
	       "  firefly bench processors --help      fewer cores,\n"
	       "  firefly bench local --help           calls without packets,\n"
	       "  firefly bench handoff --help         from thread to thread,\n"
	       "  firefly bench bulk --help            large calls,\n"
	       "  firefly bench beside --help          Null beside large calls,\n"
	       "  firefly bench conversations --help   servers that know many callers,\n"
	       "  firefly bench marshal --help         what marshalling costs,\n"
	       "  firefly bench --to HOST --help       calls between two hosts\n\n"
	       "The floor is what the same link does with bare frames of the same sizes and no "
	       "calls; over udp, bare datagrams over plain sockets. At window 1 the ratio compares "
	       "times (1.00x would be free, lower is "
	       "better), at larger windows calls per second with frames per second (higher is "
	       "better). firefly(1) says how the figures come about.",
	.seconds = 24,
	.may_be_udp = true,
	.open = open_floor,
	.close = close_floor,
	.prepare = prepare,
	.method = {8, measure_floor, rounds_calls, .worth = rounds_worth_time},
	.table = {columns, sizeof columns / sizeof *columns, TABLE_MAIN,
		  .legend = "Times in us. Floor: bare frames (udp: datagrams) of the same sizes "
			    "over the same link, "
			    "in the same moments;\nratio: of times at window 1 (lower is better), "
			    "of calls to frames per second above (higher)."},
};
