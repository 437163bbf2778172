/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * far_end.c - `firefly bench --server`: what other hosts measure with `firefly bench --to`.
 *
 * Owns the command line, the runtime with Test, Bulk and Between, and who is being served. One
 * client at a time: two would measure each other. A client that says nothing for LEASE_NS has gone,
 * and the next one may begin. What is measured are ordinary calls of ordinary exports; between two
 * blocks the client asks for figures, and for bare frames to be sent back or not: floor_far_echo.h.
 */
#include <argp.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <sys/random.h>

#include <firefly/firefly.h>

#include "bench/measure/floor_far_echo.h"
#include "bench/measure/ticks.h"
#include "far_end.h"
#include "bulk_calls.h"

#include "figures.h"
#include "firefly/cli.h"
#include "firefly/test_service.h"

#define NAME       "bench --server"
#define LINK       "udp:0.0.0.0"
#define LINKS_MOST 16
#define LEASE_NS   UINT64_C(5000000000)
#define GONE_NS    UINT64_C(30000000000) /* the same, if nobody else comes */
#define SAMPLE     16                    /* of so many turns one is timed */
#define LOOK_EVERY 65536                 /* so many times that, the time is looked at */

enum {
	KEY_SERVER = CLI_KEY_OWN,
};

struct server_options {
	const char *links[LINKS_MOST + 1]; /* ended by NULL */
	unsigned n_links;
	int core; /* -1: wherever the system puts us */
	enum fly_wait wait;
	const char *eal;
	unsigned packets;
};

/* Who is being served. */
struct client {
	uint64_t key;      /* 0: nobody */
	uint64_t heard_ns; /* when it last said something */
	struct Between_Host host;
	struct Between_Figures first; /* when it began */
};

static struct {
	struct fly_runtime *runtime;
	struct test_service test;
	struct bulk_service bulk;
	struct client client;
	uint64_t busy_ticks, turn_ticks; /* of the turns that were timed */
	bool is_echoing;
} own;

static volatile sig_atomic_t stop_wanted;

/* ---- the command line ---- */

static const struct argp_option options[] = {
	{"server", KEY_SERVER, NULL, 0, "Be the far end of `firefly bench --to`, until ^C", 0},
	{"link", 'l', "LINK", 0,
	 "Serve on this link (default " LINK "); may be given several times", 0},
	{"core", 'c', "N", 0, "Run on this core only", 0},
	{"wait", CLI_KEY_WAIT, "HOW", 0,
	 "What to do while there is nothing to do: spin (default), yield or sleep", 0},
	{"packets", CLI_KEY_PACKETS, "N", 0, "Packet buffers in the pool (default 4095)", 1},
	{"eal", CLI_KEY_EAL, "ARGUMENTS", 0, "Further DPDK EAL arguments, separated by blanks", 1},
	{0},
};

static void add_link(struct server_options *o, const char *link)
{
	if (o->n_links == LINKS_MOST)
		cli_refuse(NAME, "at most %d links", LINKS_MOST);
	if (strncmp(link, "local:", 6) == 0)
		cli_refuse(NAME, "a local link leads to no other host; `firefly bench local` "
				 "measures it");
	o->links[o->n_links++] = link;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct server_options *o = state->input;

	switch (key) {
	case KEY_SERVER:
		return 0;
	case 'l':
		add_link(o, text);
		return 0;
	case 'c':
		o->core = (int)cli_number(NAME, "--core", text, 0, 1023);
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
		cli_refuse(NAME, "'%s' is not expected; the client says what is measured", text);
	case ARGP_KEY_END:
		if (o->n_links == 0)
			add_link(o, LINK);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Be the far end of a measurement between two hosts."
	       "\v  firefly bench --server                        on one host\n"
	       "  firefly bench --to 10.0.0.2                   on another\n\n"
	       "  firefly bench --server --link af_packet:eth1\n"
	       "  firefly bench --to 10.0.0.2 --link af_packet:eth1\n\n"
	       "Bare frames come to a UDP port of their own, the link's and one if it is free: a "
	       "firewall in between has to let both pass. One client is served at a time.",
};

/* ---- who is being served ---- */

static void now(struct Between_Figures *figures)
{
	figures_now(own.runtime, figures);
	figures->busy_ticks = own.busy_ticks;
	figures->turn_ticks = own.turn_ticks;
}

static void measure_calls(void)
{
	own.is_echoing = false;
	far_echo_stop();
}

/* The client has gone. @how: behind its name. */
static void forget(const char *how)
{
	struct Between_Figures after, sum = {0};

	if (own.client.key == 0)
		return;
	now(&after);
	figures_add(&sum, &own.client.first, &after);
	printf("%s %s: %" PRIu64 " calls served in %.1f s, %" PRIu64 " packets received, %" PRIu64
	       " sent, %" PRIu64 " dropped, %" PRIu64 " sent again\n",
	       own.client.host.name, how, sum.calls, (double)sum.time_ns / 1e9, sum.received,
	       sum.sent, sum.drops, sum.resent);
	fflush(stdout);
	own.client.key = 0;
	measure_calls();
}

/* Is this the client that is being served? Then it has said something now. */
static bool is_served(uint64_t key, struct Between_Figures *figures)
{
	now(figures);
	if (key == 0 || key != own.client.key)
		return false;
	own.client.heard_ns = figures->time_ns;
	return true;
}

static int begin(void *context, uint64_t key, const struct Between_Host *client,
		 struct Between_Host *server, struct Between_Begin_raised *raised)
{
	struct Between_Figures figures;

	(void)context;
	now(&figures);
	if (own.client.key && own.client.key != key) {
		if (figures.time_ns - own.client.heard_ns < LEASE_NS) {
			struct Between_Taken *taken = &raised->as.Taken;

			snprintf(taken->who, sizeof taken->who, "%s", own.client.host.name);
			taken->seconds = (uint32_t)((figures.time_ns - own.client.first.time_ns) /
						    1000000000);
			return Between_Taken_NUMBER;
		}
		forget("has gone without a word");
	}
	own.client = (struct client){key, figures.time_ns, *client, figures};
	figures_clean(&own.client.host);
	measure_calls();
	own.bulk.checking = false;
	figures_host(own.runtime, server);
	printf("%s measures; firefly %s, %s\n", own.client.host.name, own.client.host.firefly,
	       own.client.host.cpu);
	fflush(stdout);
	return 0;
}

static int calls(void *context, uint64_t key, struct Between_Figures *figures,
		 struct Between_Calls_raised *raised)
{
	(void)context, (void)raised;
	if (!is_served(key, figures))
		return Between_Lost_NUMBER;
	measure_calls();
	return 0;
}

static int echo(void *context, uint64_t key, uint16_t bytes, bool many, uint16_t *port,
		uint64_t *secret, struct Between_Figures *figures,
		struct Between_Floor_raised *raised)
{
	(void)context, (void)raised;
	if (!is_served(key, figures))
		return Between_Lost_NUMBER;
	(void)getrandom(secret, sizeof *secret, 0);
	*port = far_echo_port();
	far_echo_start(*secret, bytes, many);
	own.is_echoing = true;
	fly_quit(own.runtime); /* who sleeps has to look from now on */
	return 0;
}

static int end(void *context, uint64_t key, struct Between_End_raised *raised)
{
	struct Between_Figures figures;

	(void)context, (void)raised;
	if (!is_served(key, &figures))
		return Between_Lost_NUMBER;
	forget("has ended");
	return 0;
}

static const struct Between_procedures procedures = {
	.Begin = begin,
	.Calls = calls,
	.Floor = echo,
	.End = end,
};

/* ---- serving ---- */

static void on_signal(int number)
{
	(void)number;
	stop_wanted = 1;
	fly_quit(own.runtime);
}

/* As `firefly serve` turns; one turn of many is timed, whether it found something or not. */
static void turn(enum fly_wait wait)
{
	unsigned found = 0;
	uint64_t begin_ticks, ticks;

	for (unsigned i = 1; i < SAMPLE; i++) {
		found = fly_turn(own.runtime);
		if (wait != FLY_WAIT_SPIN && !found)
			sched_yield();
	}
	begin_ticks = ticks_now();
	found = fly_turn(own.runtime);
	ticks = ticks_now() - begin_ticks;
	if (wait == FLY_WAIT_SLEEP)
		return; /* it turns by itself while bare frames are sent back only */
	own.turn_ticks += ticks;
	own.busy_ticks += found ? ticks : 0;
}

/* A client that does not come back is not waited for with an echo. */
static void look_for_client(void)
{
	struct Between_Figures figures;

	now(&figures);
	if (figures.time_ns - own.client.heard_ns > GONE_NS)
		forget("has gone without a word");
}

static void serve(enum fly_wait wait)
{
	for (unsigned i = 1; !stop_wanted; i++) {
		if (i % LOOK_EVERY == 0)
			look_for_client();
		if (wait == FLY_WAIT_SLEEP && !own.is_echoing)
			fly_serve(own.runtime);
		else
			turn(wait);
	}
}

static void announce(const struct server_options *o)
{
	char address[FLY_ADDRESS_BYTES];

	printf("measuring with");
	for (unsigned i = 0; i < o->n_links; i++) {
		printf("%s %s", i ? " and" : "", o->links[i]);
		if (fly_address(own.runtime, i, address) == 0)
			printf(" at %s", address);
	}
	printf(", bare frames at UDP port %u; ^C stops\n", far_echo_port());
	fflush(stdout);
}

static int export_all(void)
{
	int status = test_service_export(own.runtime, &own.test, false);

	if (!status)
		status = Bulk_export(own.runtime, &bulk_procedures, &own.bulk);
	if (!status)
		status = Between_export(own.runtime, &procedures, NULL);
	if (status)
		cli_complain(NAME, "%s", cli_reason(status));
	else if ((status = far_echo_open(own.runtime)))
		cli_complain(NAME, "no UDP port is free for bare frames");
	return status;
}

int far_end_main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct server_options o = {.core = -1, .wait = FLY_WAIT_SPIN};
	struct fly_options start = {
		.size = sizeof start,
		.notice = cli_notice,
		.notice_context = (char *)NAME,
	};

	argp_parse(&argp, argc, argv, 0, NULL, &o);
	start.links = o.links;
	start.eal = o.eal;
	start.packets = o.packets;
	start.wait = o.wait;
	if (o.core >= 0 && cli_pin(NAME, (unsigned)o.core))
		return CLI_FAILED;
	if (cli_start(NAME, &start, &own.runtime))
		return CLI_FAILED;
	if (export_all()) {
		fly_stop(own.runtime);
		return CLI_FAILED;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	announce(&o);
	serve(o.wait);
	forget("was left alone");
	far_echo_close();
	return cli_stop(own.runtime);
}
