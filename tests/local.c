/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local.c - local [CORE CORE [IDLE]]: what a call over the local link costs, in terms of what the
 * machine takes to move a cache line between the same two cores and back.
 *
 * To be run on a quiet machine. Two processes; short blocks of the floor and of calls alternate,
 * and each block of calls is compared with the floors before and after it. IDLE further clients are
 * bound and do nothing. "+copy": the time above the floor in units of a memcpy() of 1440 bytes that
 * the other core has just written.
 */
#include <err.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <signal.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "test.h"

#define ROUNDS 4000
#define BLOCKS 400
#define NEAR   1.4 /* two floors of a pair that differ by more are not compared */

enum mode {
	SERVE,
	PING,
	COPY,
};

/* What the processes share besides the local link. */
struct shared {
	_Alignas(128) _Atomic uint32_t line;
	_Alignas(128) _Atomic uint32_t mode;
	_Atomic uint32_t is_in;
	_Alignas(128) uint8_t data[1440];
};

static struct shared *s;
static uint8_t buffer[1440];

static int null(void *context)
{
	(void)context;
	return 0;
}

static int max_result(void *context, uint8_t to[1440])
{
	(void)context;
	memset(to, 7, 1440);
	return 0;
}

static int max_arg(void *context, const uint8_t from[1440])
{
	(void)context;
	(void)from;
	return 0;
}

static const struct Test_procedures procedures = {.Null = null,
						  .MaxResult = max_result,
						  .MaxArg = max_arg};

static void pin(unsigned core)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(core, &set);
	if (sched_setaffinity(0, sizeof set, &set))
		err(1, "core %u", core);
}

static struct fly_runtime *start(const char *link)
{
	const char *const links[] = {link, NULL};
	const struct fly_options options = {.links = links, .eal = "--no-huge -m 128"};
	struct fly_runtime *r;

	if (fly_start(&options, &r))
		errx(1, "%s", fly_error());
	return r;
}

/* The server's core, in whichever mode the other one wants. */
static void serve(const char *link)
{
	struct fly_runtime *r = start(link);

	if (Test_export(r, &procedures, NULL))
		errx(1, "export");
	for (;;) {
		const uint32_t mode = atomic_load(&s->mode);

		atomic_store(&s->is_in, mode);
		if (mode == SERVE) {
			while (atomic_load_explicit(&s->mode, memory_order_relaxed) == SERVE) {
				for (unsigned i = 0; i < 64; i++)
					fly_turn(r);
			}
			continue;
		}
		for (unsigned i = 0; i < ROUNDS; i++) {
			while (atomic_load_explicit(&s->line, memory_order_acquire) != 1)
				;
			if (mode == COPY)
				memcpy(s->data, buffer, sizeof s->data);
			atomic_store_explicit(&s->line, 2, memory_order_release);
		}
		while (atomic_load(&s->mode) == mode)
			;
	}
}

static void set_mode(enum mode mode)
{
	atomic_store(&s->mode, mode);
	while (atomic_load(&s->is_in) != mode)
		;
}

/* Ticks for a line to go and come back; or for a copy of what the other core has written. */
static double floor_ticks(enum mode mode)
{
	uint64_t copies = 0;
	uint64_t began;

	set_mode(mode);
	began = rte_rdtsc();
	for (unsigned i = 0; i < ROUNDS; i++) {
		atomic_store_explicit(&s->line, 1, memory_order_release);
		while (atomic_load_explicit(&s->line, memory_order_acquire) != 2)
			;
		if (mode == COPY) {
			const uint64_t t = rte_rdtsc();

			memcpy(buffer, s->data, sizeof buffer);
			__asm__ volatile("" ::: "memory");
			copies += rte_rdtsc() - t;
		}
	}
	return (double)(mode == COPY ? copies : rte_rdtsc() - began) / ROUNDS;
}

static double call_ticks(struct fly_binding *b, unsigned procedure)
{
	static uint8_t data[1440];
	uint64_t began;
	int status = 0;

	set_mode(SERVE);
	for (unsigned i = 0; i < 100; i++)
		status |= Test_Null(b);
	began = rte_rdtsc();
	for (unsigned i = 0; i < ROUNDS; i++) {
		if (procedure == 0)
			status |= Test_Null(b);
		else if (procedure == 1)
			status |= Test_MaxResult(b, data);
		else
			status |= Test_MaxArg(b, data);
	}
	if (status)
		errx(1, "a call failed");
	return (double)(rte_rdtsc() - began) / ROUNDS;
}

static int ascending(const void *a, const void *b)
{
	const double x = *(const double *)a;
	const double y = *(const double *)b;

	return (x > y) - (x < y);
}

static double quantile(double *v, unsigned n, double q)
{
	qsort(v, n, sizeof *v, ascending);
	return n ? v[(unsigned)(q * (n - 1))] : 0;
}

static void measure(struct fly_binding *b, unsigned procedure, double ns)
{
	static const char *const names[] = {"Null", "MaxResult", "MaxArg"};
	static double ratios[BLOCKS];
	static double floors[BLOCKS];
	static double copies[BLOCKS];
	static double calls[BLOCKS];
	unsigned n = 0;

	for (unsigned i = 0; i < BLOCKS; i++) {
		const double before = floor_ticks(PING);
		const double call = call_ticks(b, procedure);
		const double copy = floor_ticks(COPY);
		const double after = floor_ticks(PING);

		if (before > NEAR * after || after > NEAR * before || before * ns > 200)
			continue; /* the state changed, or is far */
		floors[n] = (before + after) / 2;
		calls[n] = call;
		ratios[n] = call / floors[n];
		copies[n] = (call - floors[n]) / copy;
		n++;
	}
	printf("%-9s %3u of %u blocks near: floor %4.0f ns, call %4.0f ns, ratio p10 %.2f median "
	       "%.2f p90 %.2f, +copy median %.2f\n",
	       names[procedure], n, BLOCKS, quantile(floors, n, 0.5) * ns,
	       quantile(calls, n, 0.5) * ns, quantile(ratios, n, 0.1), quantile(ratios, n, 0.5),
	       quantile(ratios, n, 0.9), quantile(copies, n, 0.5));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	const unsigned cores[] = {argc > 2 ? (unsigned)atoi(argv[1]) : 0,
				  argc > 2 ? (unsigned)atoi(argv[2]) : 1};
	const unsigned idle = argc > 3 ? (unsigned)atoi(argv[3]) : 0;
	struct fly_binding *b;
	struct fly_binding *other;
	struct fly_runtime *r;
	char server[64];
	char client[64];
	double ns;
	pid_t child;

	s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED)
		err(1, "mmap");
	snprintf(server, sizeof server, "local:probe-%d,server,clients=4096", (int)getpid());
	snprintf(client, sizeof client, "local:probe-%d", (int)getpid());
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pin(cores[1]);
		serve(server);
	}
	pin(cores[0]);
	r = start(client);
	if (Test_import(r, NULL, &b))
		errx(1, "%s", fly_error());
	for (unsigned i = 0; i < idle; i++) {
		if (Test_import(r, NULL, &other) || Test_Null(other))
			errx(1, "%s", fly_error());
	}
	ns = 1e9 / (double)rte_get_tsc_hz();
	printf("%u idle clients\n", idle);
	for (unsigned procedure = 0; procedure < 3; procedure++)
		measure(b, procedure, ns);
	kill(child, SIGKILL);
	return 0;
}
