/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_server.c - the server process of `firefly bench`: a hidden subcommand.
 *
 * Owns a runtime with the Test interface exported, and does what the control page says: serve
 * calls, echo bare frames, answer the ping-pong, quit. Started by bench.c and by nobody else; it
 * dies with it.
 */
#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <sys/prctl.h>

#include <firefly/firefly.h>

#include "cli.h"
#include "commands.h"
#include "control.h"
#include "floor.h"
#include "test_service.h"

enum {
	KEY_CONTROL = CLI_KEY_OWN,
};

struct server_options {
	const char *links[2]; /* one, and NULL */
	int core;             /* -1: wherever the system puts us */
	int control;          /* descriptor of the control page */
	const char *eal;
	unsigned packets;
};

struct server {
	struct control_page *page;
	uint64_t order; /* the one that is being carried out */
	struct fly_runtime *runtime;
};

static const struct argp_option options[] = {
	{"link", 'l', "SPEC", 0, "The link to serve on", 0},
	{"core", CLI_KEY_CORE, "N", 0, "The core to run on", 0},
	{"control", KEY_CONTROL, "FD", 0, "Descriptor of the control page", 0},
	{"packets", CLI_KEY_PACKETS, "N", 0, "Packet buffers in the pool", 0},
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
			while (order_stands(s))
				fly_turn(s->runtime);
			break;
		case CONTROL_FLOOR:
			floor_echo(s->runtime, (uint16_t)control_argument(s->order), order_stands,
				   s);
			break;
		case CONTROL_PINGPONG:
			control_answer(s->page, s->order);
			break;
		case CONTROL_START:
		case CONTROL_QUIT:
			break;
		}
	}
}

/* Return: 0, or a status with trouble said on the page. */
static int start(struct server *s, const struct server_options *o, struct test_service *service)
{
	const struct fly_options with = {.links = o->links, .eal = o->eal, .packets = o->packets};
	int status;

	if (o->core >= 0 && cli_pin("bench-server", (unsigned)o->core))
		return -FLY_EINVAL;
	status = fly_start(&with, &s->runtime);
	if (!status) {
		status = test_service_export(s->runtime, service, false);
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
	struct test_service service = {0};
	struct server server = {0};

	argp_parse(&argp, argc, argv, 0, NULL, &o);
	prctl(PR_SET_NAME, "firefly-server"); /* for ps(1); it would say "exe" */
	signal(SIGINT, SIG_IGN);              /* ^C goes to both; the client says when it is over */
	server.page = control_map(o.control);
	if (!server.page) {
		cli_complain("bench-server", "descriptor %d is no control page", o.control);
		return CLI_FAILED;
	}
	server.order = control_next(server.page, 0);
	if (start(&server, &o, &service))
		return CLI_FAILED;
	control_acknowledge(server.page, server.order);
	carry_out_orders(&server);
	server.page->missing = fly_stop(server.runtime);
	control_acknowledge(server.page, server.order);
	return 0;
}
