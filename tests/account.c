/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * account.c - the cost of each step of a Null call by itself, in TSC ticks.
 *
 * A program, not a test. Two pollers of the shipping library run on one core. Their link passes
 * pointers: nothing waits, and everything is warm. Steps are timed in batches of BATCH calls; the
 * program prints the median of ROUNDS batches, per call. A real call also pays for its link:
 * `firefly bench` measures that floor.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fastpath/clock.h"
#include "probe.h"
#include "sim.h"

#define BATCH  16
#define ROUNDS 20001

enum {
	START,
	SEND,
	SERVE,
	RECEIVE,
	FINISH,
	STEPS
};

static const char *const names[STEPS] = {
	[START] = "caller: stub, Starter, Transporter up to the send queue",
	[SEND] = "caller: a turn that sends",
	[SERVE] = "server: a turn that receives, runs the stub, sends",
	[RECEIVE] = "caller: a turn that receives",
	[FINISH] = "caller: Transporter finds it done, stub, Ender",
};

static struct rte_mbuf *under_way[2][BATCH];
static uint16_t n_under_way[2];

/* Receive what the other end has sent. The caller's link has port 0. */
static uint16_t rx(struct fly_link *link, struct rte_mbuf **packets, uint16_t n)
{
	const uint16_t had = n_under_way[link->port];

	if (had == 0 || n < had)
		return 0;
	memcpy(packets, under_way[link->port], had * sizeof packets[0]);
	n_under_way[link->port] = 0;
	return had;
}

static uint16_t tx(struct fly_link *link, struct rte_mbuf **packets, uint16_t n)
{
	uint16_t *had = &n_under_way[!link->port];

	memcpy(under_way[!link->port] + *had, packets, n * sizeof packets[0]);
	*had = (uint16_t)(*had + n);
	return n;
}

static int compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a;
	const uint64_t y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Pointers pass between the nodes: both must use one pool. */
static void join(struct sim_link *at_caller)
{
	struct sim_link *ends[2] = {at_caller, at_caller->far};

	for (uint16_t i = 0; i < 2; i++) {
		ends[i]->link.port = i;
		ends[i]->link.rx_burst = rx;
		ends[i]->link.tx_burst = tx;
	}
}

int main(void)
{
	static uint64_t ticks[STEPS][ROUNDS];
	struct fly_call *calls[BATCH];
	struct fly_binding *binding;
	struct sim_node *caller;
	struct sim_node *server;
	struct sim_link *link;
	struct sim *s;
	double sum = 0;

	sim_eal();
	s = sim_new();
	caller = sim_add(s, NULL);
	server = sim_add(s, NULL);
	link = sim_join(s, caller, server);
	sim_export(server);
	binding = sim_import(s, caller, link, server->export_id);
	join(link);

	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t at[STEPS + 1];

		at[START] = fly_clock_now_tsc();
		for (unsigned i = 0; i < BATCH; i++) {
			if (Probe_Null_start(binding, &calls[i]))
				abort();
		}
		at[SEND] = fly_clock_now_tsc();
		fly_poller_turn(sim_poller(caller), s->now_tsc);
		at[SERVE] = fly_clock_now_tsc();
		fly_poller_turn(sim_poller(server), s->now_tsc);
		at[RECEIVE] = fly_clock_now_tsc();
		fly_poller_turn(sim_poller(caller), s->now_tsc);
		at[FINISH] = fly_clock_now_tsc();
		for (unsigned i = 0; i < BATCH; i++) {
			if (!fly_ready(calls[i]) || Probe_Null_finish(calls[i]))
				abort();
		}
		at[STEPS] = fly_clock_now_tsc();
		for (unsigned step = 0; step < STEPS; step++)
			ticks[step][round] = at[step + 1] - at[step];
	}
	printf("%-58s %8s %8s\n", "step", "ticks", "ns");
	for (unsigned step = 0; step < STEPS; step++) {
		double per_call;

		qsort(ticks[step], ROUNDS, sizeof ticks[step][0], compare);
		per_call = (double)ticks[step][ROUNDS / 2] / BATCH;
		sum += per_call;
		printf("%-58s %8.1f %8.1f\n", names[step], per_call,
		       per_call * 1e6 / (double)fly_clock_tsc_per_ms());
	}
	printf("%-58s %8.1f %8.1f\n", "sum", sum, sum * 1e6 / (double)fly_clock_tsc_per_ms());
	return 0;
}
