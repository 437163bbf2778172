/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * server.c - the server process of `firefly bench`: a hidden subcommand.
 *
 * Owns a runtime with the interfaces Test and Bulk exported, and does what the control page says:
 * serve calls, echo, send or receive bare frames, answer the ping-pong, quit. Started by
 * bench_stage.c and by nobody else; it dies with it.
 */
#include <argp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <sys/prctl.h>

#include <firefly/firefly.h>

#include "bulk_service.h"
#include "firefly/cli.h"
#include "firefly/commands.h"
#include "control.h"
#include "bench/measure/floor.h"
#include "firefly/test_service.h"
#include "bench/measure/ticks.h"

#define TURNS_PER_SECOND 10000 /* at the least, if nobody interferes */
#define WORKER_QUEUE     4096  /* nobody is to be refused */
#define A_STACKS         64    /* calls at a time over a local link: as many as there can be */

enum {
	KEY_CONTROL = CLI_KEY_OWN,
	KEY_CONVERSATIONS,
	KEY_WORKERS,
	KEY_WORKER_CORES,
	KEY_YIELD,
};

struct server_options {
	const char *links[2]; /* one, and NULL */
	int core;             /* -1: wherever the system puts us */
	int control;          /* descriptor of the control page */
	const char *eal;
	unsigned packets;
	unsigned conversations;
	struct fly_export_options of_test; /* its workers */
	bool yield;                        /* others run on this core as well */
};

struct server {
	struct control_page *page;
	uint64_t order; /* the one that is being carried out */
	struct fly_runtime *runtime;
	struct test_service test;
	struct bulk_service bulk;
	bool yield;
};

static const struct argp_option options[] = {
	{"link", 'l', "SPEC", 0, "The link to serve on", 0},
	{"core", CLI_KEY_CORE, "N", 0, "The core to run on", 0},
	{"control", KEY_CONTROL, "FD", 0, "Descriptor of the control page", 0},
	{"packets", CLI_KEY_PACKETS, "N", 0, "Packet buffers in the pool", 0},
	{"conversations", KEY_CONVERSATIONS, "N", 0, "Callers that it remembers", 0},
	{"workers", KEY_WORKERS, "N", 0, "Workers for the procedures of Test", 0},
	{"worker-cores", KEY_WORKER_CORES, "LIST", 0, "Where they run", 0},
	{"yield", KEY_YIELD, NULL, 0, "Let others run while there is nothing to do", 0},
	{"eal", CLI_KEY_EAL, "ARGUMENTS", 0, "Further DPDK EAL arguments", 0},
	{0},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct server_options *o = state->input;

	switch (key) {
	case 'l':
		o->links[0] = text;
		return 0;
	case CLI_KEY_CORE:
		o->core = (int)cli_number("bench-server", "--core", text, 0, 1023);
		return 0;
	case KEY_CONTROL:
		o->control = (int)cli_number("bench-server", "--control", text, 0, 1 << 20);
		return 0;
	case CLI_KEY_PACKETS:
		o->packets = (unsigned)cli_number("bench-server", "--packets", text, 64, 4194303);
		return 0;
	case KEY_CONVERSATIONS:
		o->conversations =
			(unsigned)cli_number("bench-server", "--conversations", text, 1, 1 << 24);
		return 0;
	case KEY_WORKERS:
		o->of_test.workers =
			(unsigned)cli_number("bench-server", "--workers", text, 1, 256);
		return 0;
	case KEY_WORKER_CORES:
		o->of_test.worker_cores = text;
		return 0;
	case KEY_YIELD:
		o->yield = true;
		return 0;
	case CLI_KEY_EAL:
		o->eal = text;
		return 0;
	case ARGP_KEY_END:
		if (!o->links[0] || o->control < 0)
			cli_refuse("bench-server", "`firefly bench` starts this by itself");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "The server side of `firefly bench`, which starts it by itself.",
};

static bool order_stands(void *context)
{
	const struct server *s = context;

	return control_stands(s->page, s->order);
}

/* Nothing that belongs to the calls so far may turn up among the frames of a floor. */
static void settle(struct server *s)
{
	while (fly_turn(s->runtime))
		;
}

/* floor_send() and floor_receive() tell how far they are; that is for the client to count. */
static bool order_stands_still(void *context, unsigned n)
{
	(void)n;
	return order_stands(context);
}

static void turn_plainly(struct server *s, bool yield)
{
	if (yield) {
		while (order_stands(s))
			if (!fly_turn(s->runtime))
				sched_yield();
		return;
	}
	while (order_stands(s))
		fly_turn(s->runtime);
}

/*
 * What turns that found something took; those that found nothing are not work. A turn handles 32
 * packets at most: when one took long, somebody else had the core, and it does not count.
 */
static void turn_and_count(struct server *s)
{
	uint64_t packets = 0, ticks = 0, before = ticks_now(), long_ticks;
	struct fly_platform platform;

	fly_platform(s->runtime, &platform);
	long_ticks = platform.tsc_hz / TURNS_PER_SECOND;

	while (order_stands(s)) {
		const unsigned n = fly_turn(s->runtime);
		const uint64_t after = ticks_now();

		if (n && after - before < long_ticks) {
			packets += n;
			ticks += after - before;
		}
		before = after;
	}
	s->page->counted = packets;
	s->page->counted_ticks = ticks;
}

static void turn_for_calls(struct server *s, enum control_calls what)
{
	if (what == CONTROL_CALLS_BUSY) {
		turn_and_count(s);
		return;
	}
	s->bulk.checking = what == CONTROL_CALLS_CHECKED;
	s->bulk.calls = 0;
	s->bulk.ticks = 0;
	turn_plainly(s, s->yield || what == CONTROL_CALLS_YIELD);
	s->page->counted = s->bulk.calls;
	s->page->counted_ticks = s->bulk.ticks;
}

static void carry_out_orders(struct server *s)
{
	for (;;) {
		s->order = control_next(s->page, s->order);
		if (control_mode(s->order) == CONTROL_QUIT)
			return;
		settle(s);
		control_acknowledge(s->page, s->order);
		switch (control_mode(s->order)) {
		case CONTROL_CALLS:
			turn_for_calls(s, (enum control_calls)control_argument(s->order));
			break;
		case CONTROL_FLOOR:
			floor_echo(s->runtime, (uint16_t)control_argument(s->order), order_stands,
				   s);
			break;
		case CONTROL_SEND:
			floor_send(s->runtime, order_stands_still, s);
			break;
		case CONTROL_RECEIVE:
			floor_receive(s->runtime, order_stands_still, s);
			break;
		case CONTROL_PINGPONG:
			control_answer(s->page, s->order);
			break;
		case CONTROL_LINE:
			line_answer(&s->page->line, (enum line_answer)control_argument(s->order),
				    order_stands, s);
			break;
		case CONTROL_START:
		case CONTROL_QUIT:
			break;
		}
	}
}

/* Return: 0, or a status with trouble said on the page. */
static int start(struct server *s, const struct server_options *o)
{
	const enum fly_wait wait = o->yield ? FLY_WAIT_YIELD : FLY_WAIT_SPIN;
	const struct fly_options with = {
		.links = o->links,
		.eal = o->eal,
		.packets = o->packets,
		.conversations = o->conversations,
		.wait = wait,
	};
	struct fly_export_options of_test = o->of_test;
	int status;

	if (o->core >= 0 && cli_pin("bench-server", (unsigned)o->core))
		return -FLY_EINVAL;
	status = fly_start(&with, &s->runtime);
	if (!status) {
		of_test.wait = wait;
		of_test.queue = WORKER_QUEUE;
		of_test.a_stacks = A_STACKS;
		status = test_service_export_with(s->runtime, &s->test, &of_test);
		if (!status)
			status = bulk_service_export(s->runtime, &s->bulk);
		if (status)
			fly_stop(s->runtime);
	}
	if (status)
		snprintf(s->page->trouble, sizeof s->page->trouble, "%s", cli_reason(status));
	return status;
}

int bench_server_main(int argc, char **argv)
{
	struct server_options o = {.core = -1, .control = -1};
	struct server server = {0};

	argp_parse(&argp, argc, argv, 0, NULL, &o);
	prctl(PR_SET_NAME, "firefly-server"); /* for ps(1); it would say "exe" */
	signal(SIGINT, SIG_IGN);              /* ^C goes to both; the client says when it is over */
	server.page = control_map(o.control);
	if (!server.page) {
		cli_complain("bench-server", "descriptor %d is no control page", o.control);
		return CLI_FAILED;
	}
	server.yield = o.yield;
	server.order = control_next(server.page, 0);
	if (start(&server, &o))
		return CLI_FAILED;
	control_acknowledge(server.page, server.order);
	carry_out_orders(&server);
	server.page->missing = fly_stop(server.runtime);
	control_acknowledge(server.page, server.order);
	return 0;
}
