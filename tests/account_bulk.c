/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * account_bulk.c - the cost of a fragment by itself, in TSC ticks: sending and receiving it.
 *
 * A program, not a test. As account.c: two pollers of the shipping library on one core, joined by a
 * link that passes pointers. What is left of a turn's time when its copies are subtracted, which
 * are measured in between, is the fragment's. Run it under callgrind to count instructions:
 *
 *     valgrind --tool=callgrind --collect-atstart=no --toggle-collect=fly_poller_turn ...
 *
 * Usage: account_bulk [ROUNDS [OPEN]]; OPEN: messages that wait at both ends meanwhile
 */
#include <stdio.h>
#include <stdlib.h>

#include "fastpath/clock.h"
#include "sim.h"
#include "slowpath/bulk/bulk.h"

#define BYTES  (1U << 20) /* of a message */
#define EXPORT (0x1234560U + 3)

enum {
	SEND,
	RECEIVE,
	COPY,
	STEPS
};

enum {
	PUT, /* long arguments */
	GET, /* long results */
	WAYS
};

static const char *const names[WAYS][STEPS] = {
	{"arguments: caller's turns", "arguments: server's turns", "a copy"},
	{"results: server's turns", "results: caller's turns", "a copy"},
};

static uint8_t data[BYTES];

#define QUEUE 4096
static struct rte_mbuf *under_way[2][QUEUE];
static uint16_t n_under_way[2];

/* The caller's link has port 0. */
static uint16_t rx(struct fly_link *link, struct rte_mbuf **packets, uint16_t n)
{
	struct rte_mbuf **queue = under_way[link->port];
	uint16_t *had = &n_under_way[link->port];

	n = n < *had ? n : *had;
	memcpy(packets, queue, n * sizeof packets[0]);
	*had = (uint16_t)(*had - n);
	memmove(queue, queue + n, *had * sizeof packets[0]);
	return n;
}

static uint16_t tx(struct fly_link *link, struct rte_mbuf **packets, uint16_t n)
{
	uint16_t *had = &n_under_way[!link->port];

	if (*had + n > QUEUE)
		abort();
	memcpy(under_way[!link->port] + *had, packets, n * sizeof packets[0]);
	*had = (uint16_t)(*had + n);
	return n;
}

static int put(struct fly_served *served)
{
	served->result_bytes = 0;
	return 0;
}

static int get(struct fly_served *served)
{
	served->result_bytes = BYTES;
	return 0;
}

static const struct fly_procedure procedures[WAYS] = {
	{"Put", put, BYTES, 0, 0, FLY_RESULTS_SECOND, 0},
	{"Get", get, 0, BYTES, 0, FLY_RESULTS_SECOND, 0},
};
static const struct fly_interface interface = {FLY_STUB_VERSION, "Account", 1, WAYS, procedures};

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a;
	const double y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *of, unsigned n)
{
	qsort(of, n, sizeof of[0], compare);
	return of[n / 2];
}

/* The copies of a message's fragments, into packets and out of them. */
static uint64_t copy_ticks(const struct fly_link *link)
{
	static struct rte_mbuf *packets[32];
	const uint32_t unit = link->payload_max;
	uint64_t at;

	if (rte_pktmbuf_alloc_bulk(link->pool, packets, RTE_DIM(packets)))
		abort();
	at = fly_clock_now_tsc();
	for (uint32_t i = 0; i < BYTES / unit; i++)
		memcpy(fly_packet_frame(packets[i % 32]) + FLY_PAYLOAD, data + i * unit, unit);
	at = fly_clock_now_tsc() - at;
	rte_pktmbuf_free_bulk(packets, RTE_DIM(packets));
	return at;
}

/* One call. ticks[]: of the side that sends the fragments, of the other, of the copies. */
static void call(struct sim *s, struct sim_node *const nodes[2], struct fly_binding *binding,
		 unsigned way, uint64_t ticks[STEPS])
{
	struct fly_loans loans;
	struct fly_call *call;

	fly_loans_init(&loans);
	if (way == PUT)
		fly_lend_argument(&loans, 0, data, BYTES, 1);
	else
		fly_lend_result(&loans, 0, data, BYTES, 1);
	if (fly_loans_start(&loans, binding, (uint16_t)way, way == PUT ? BYTES : 0, &call))
		abort();
	if (way == PUT && !loans.is_read)
		abort();
	binding->send(call);
	while (!fly_ready(call)) {
		for (unsigned i = 0; i < 2; i++) {
			const uint64_t at = fly_clock_now_tsc();

			fly_poller_turn(sim_poller(nodes[i]), s->now_tsc++);
			ticks[i == way ? SEND : RECEIVE] += fly_clock_now_tsc() - at;
		}
	}
	if (binding->wait(call) || (way == GET && !loans.is_stored))
		abort();
	fly_loans_end(&loans, binding);
	binding->ender(call);
}

int main(int argc, char **argv)
{
	const unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 501;
	const unsigned open = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	const struct sim_node_config config = {.packets = 255};
	double *ns[STEPS];
	struct fly_binding *binding;
	struct sim_node *nodes[2];
	struct sim_link *link;
	uint32_t fragments;
	struct sim *s;

	if (rounds == 0) {
		fprintf(stderr, "usage: account_bulk [ROUNDS [OPEN]]\n");
		return 1;
	}
	sim_eal();
	s = sim_new();
	nodes[0] = sim_add(s, &config);
	nodes[1] = sim_add(s, &config);
	link = sim_join(s, nodes[0], nodes[1]);
	sim_poller(nodes[1])->exports[EXPORT % FLY_EXPORTS] = (struct fly_export){
		.id = EXPORT,
		.n_procedures = WAYS,
		.stubs = procedures,
		.procedures = procedures,
		.interface = &interface,
	};
	/* Pointers pass between the nodes: both use one pool. */
	sim_poller(nodes[1])->cache.pool = sim_poller(nodes[0])->cache.pool;
	binding = sim_import(s, nodes[0], link, EXPORT);
	for (uint16_t i = 0; i < 2; i++) {
		struct sim_link *end = i ? link->far : link;

		end->link.port = i;
		end->link.rx_burst = rx;
		end->link.tx_burst = tx;
	}
	for (unsigned i = 0; i < 2 * open; i++) {
		struct fly_poller *p = sim_poller(nodes[i % 2]);
		struct sim_link *end = i % 2 ? link->far : link;
		struct fly_bulk *b = fly_bulk_new(p, &end->link, i, 1);

		if (!b)
			abort();
		fly_bulk_wait(p, b, (i + 1) * p->tsc_per_ms);
	}
	fragments = fly_scatter_fragments(BYTES, link->link.payload_max);
	for (unsigned step = 0; step < STEPS; step++)
		ns[step] = calloc(rounds, sizeof ns[0][0]);
	printf("%-32s %12s\n", "per fragment", "ns");
	for (unsigned way = 0; way < WAYS; way++) {
		for (unsigned round = 0; round < rounds; round++) {
			uint64_t ticks[STEPS] = {0};

			call(s, nodes, binding, way, ticks);
			ticks[COPY] = copy_ticks(&link->link);
			for (unsigned step = 0; step < STEPS; step++)
				ns[step][round] = (double)ticks[step] * 1e6 /
						  (double)fly_clock_tsc_per_ms() / fragments;
		}
		for (unsigned step = 0; step < STEPS; step++)
			printf("%-32s %12.1f\n", names[way][step], median(ns[step], rounds));
	}
	return 0;
}
