/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * server.c - the server process of `firefly bench`: a hidden subcommand.
 *
 * Owns a runtime with the interfaces Test and Bulk exported, and does what the control page says:
 * serve calls, echo, send or receive bare frames, give or take chunks, answer the ping-pong, quit.
 * What the runtime is to be is in the page as well. Started by stage.c and by nobody else; it dies
 * with it.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/prctl.h>

#include <firefly/firefly.h>

#include "bench/measure/floor.h"
#include "bench/measure/floor_udp.h"
#include "bench/measure/ticks.h"
#include "bulk_calls.h"
#include "control.h"
#include "rounds.h"
#include "firefly/cli.h"
#include "firefly/commands.h"
#include "firefly/test_service.h"

#define NAME             "bench-server"
#define TURNS_PER_SECOND 10000 /* at the least, if nobody interferes */
#define WORKER_QUEUE     4096  /* nobody is to be refused */
#define A_STACKS         64    /* calls at a time over a local link: as many as there can be */

struct server {
	struct control_page *page;
	uint64_t order; /* the one that is being carried out */
	struct fly_runtime *runtime;
	struct floor_udp *floor_udp; /* of a udp: link; NULL */
	struct test_service test;
	struct bulk_service bulk;
	uint8_t *message;       /* of the pipe, room for BULK_MOST; NULL: not yet */
	uint32_t message_bytes; /* of it that were written: pages that are there */
};

static bool order_stands(void *context)
{
	const struct server *s = context;

	return control_stands(s->page, s->order);
}

/* floor_send(), floor_receive() and pipe_move() tell how far they are; that is for the client to
 * count. */
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
	struct fly_platform platform = {.size = sizeof platform};

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
	s->page->counted = (struct block_sum){packets, ticks};
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
	turn_plainly(s, s->page->server.yields || what == CONTROL_CALLS_YIELD);
	s->page->counted = (struct block_sum){s->bulk.calls, s->bulk.ticks};
}

/* Memory as the caller has it. Before the order is acknowledged: it takes time. */
static void prepare_message(struct server *s)
{
	const uint32_t bytes = s->page->pipe.bytes;

	if (!s->message)
		s->message = rounds_zeros(NAME, BULK_MOST, 1);
	if (bytes > s->message_bytes) {
		memset(s->message + s->message_bytes, 'f', bytes - s->message_bytes);
		s->message_bytes = bytes;
	}
}

static void carry_out_orders(struct server *s)
{
	for (;;) {
		s->order = control_next(s->page, s->order);
		if (control_mode(s->order) == CONTROL_QUIT)
			return;
		/* Nothing of the calls so far may turn up among the frames of a floor. */
		while (fly_turn(s->runtime))
			;
		if (control_mode(s->order) == CONTROL_PIPE)
			prepare_message(s);
		control_acknowledge(s->page, s->order);
		switch (control_mode(s->order)) {
		case CONTROL_CALLS:
			turn_for_calls(s, (enum control_calls)control_argument(s->order));
			break;
		case CONTROL_FLOOR:
			floor_echo(s->runtime, (uint16_t)control_argument(s->order), order_stands,
				   s);
			break;
		case CONTROL_FLOOR_UDP:
			floor_udp_echo(s->floor_udp, control_argument(s->order) & ~CONTROL_MANY,
				       control_argument(s->order) & CONTROL_MANY, order_stands, s);
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
		case CONTROL_PIPE:
			pipe_move(&s->page->pipe, (enum pipe_side)control_argument(s->order),
				  s->message, order_stands_still, s);
			break;
		case CONTROL_START:
		case CONTROL_QUIT:
			break;
		}
	}
}

/* Say where the link is, and where its floor. */
static int open_udp(struct server *s)
{
	const int status = fly_address(s->runtime, 0, s->page->address);

	if (!status)
		s->floor_udp = floor_udp_open_here(&s->page->floor_port);
	if (s->floor_udp)
		return 0;
	fly_stop(s->runtime);
	return status ? status : -FLY_ESYSTEM;
}

/* @eal: NULL: none. Return: 0, or a status with trouble said on the page. */
static int start(struct server *s, const char *eal)
{
	const struct control_server *is = &s->page->server;
	const enum fly_wait wait = is->yields ? FLY_WAIT_YIELD : FLY_WAIT_SPIN;
	const char *const links[] = {is->link, NULL};
	const struct fly_options with = {
		.size = sizeof with,
		.links = links,
		.eal = eal,
		.packets = is->packets,
		.conversations = is->conversations,
		.wait = wait,
	};
	const struct fly_export_options of_test = {
		.size = sizeof of_test,
		.workers = is->workers,
		.worker_cores = is->workers ? is->worker_cores : NULL,
		.wait = wait,
		.queue = WORKER_QUEUE,
		.a_stacks = A_STACKS,
	};
	int status;

	if (cli_pin(NAME, is->core))
		return -FLY_EINVAL;
	status = fly_start(&with, &s->runtime);
	if (!status) {
		status = test_service_export_with(s->runtime, &s->test, &of_test);
		if (!status)
			status = Bulk_export(s->runtime, &bulk_procedures, &s->bulk);
		if (status)
			fly_stop(s->runtime);
	}
	if (!status && strncmp(is->link, "udp:", 4) == 0)
		status = open_udp(s);
	if (status)
		snprintf(s->page->trouble, sizeof s->page->trouble, "%s", cli_reason(status));
	return status;
}

/* firefly bench-server CONTROL [EAL]: the descriptor of the page, further EAL arguments. */
int bench_server_main(int argc, char **argv)
{
	struct server server = {0};

	if (argc < 2 || argv[1][0] == '-')
		cli_refuse(NAME, "`firefly bench` starts this by itself");
	prctl(PR_SET_NAME, "firefly-server"); /* for ps(1); it would say "exe" */
	signal(SIGINT, SIG_IGN);              /* ^C goes to both; the client says when it is over */
	server.page = control_map((int)cli_number(NAME, "CONTROL", argv[1], 0, 1 << 20));
	if (!server.page) {
		cli_complain(NAME, "descriptor %s is no control page", argv[1]);
		return CLI_FAILED;
	}
	server.order = control_next(server.page, 0);
	if (start(&server, argc > 2 ? argv[2] : NULL))
		return CLI_FAILED;
	control_acknowledge(server.page, server.order);
	carry_out_orders(&server);
	server.page->missing = fly_stop(server.runtime);
	control_acknowledge(server.page, server.order);
	floor_udp_close(server.floor_udp);
	free(server.message);
	return 0;
}
