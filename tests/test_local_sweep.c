/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_local_sweep.c - what the server's local link does now and then: calls that were missed, far
 * memory and blocks that are not used. A runtime that the test turns, and clients made by hand.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "case.h"
#include "fastpath/slow.h"
#include "hand_client.h"
#include "local/life.h"
#include "local/server.h"
#include "runtime/runtime.h"

#define EAL "--no-huge -m 256"

static char name[48];
static struct fly_runtime *runtime;
static struct fly_poller *p;
static struct fly_local_server *d;

static unsigned runs;
static _Atomic bool release;

static int swallow(struct fly_served *served)
{
	runs++;
	served->result_bytes = 0;
	return 0;
}

static int give(struct fly_served *served)
{
	memset(served->results, 1, 1 << 20);
	served->result_bytes = 1 << 20;
	return 0;
}

static int stay(struct fly_served *served)
{
	while (!atomic_load(&release))
		usleep(1000);
	served->result_bytes = 0;
	return 0;
}

/* Its poller receives meanwhile, but looks at no slots. */
static int take_long(struct fly_served *served)
{
	const uint64_t since_ms = fly_system_clock_ms();

	while (fly_system_clock_ms() - since_ms < 3500)
		fly_cancelled();
	return swallow(served);
}

enum {
	SWALLOW,
	GIVE,
	WORKER_STAY,
	TAKE_LONG
};

static const struct fly_procedure table[] = {
	{"Swallow", swallow, 4 << 20, 0, 0, FLY_RESULTS_OVER, FLY_PROCEDURE_INLINE},
	{"Give", give, 0, 1 << 20, 0, FLY_RESULTS_OVER, FLY_PROCEDURE_INLINE},
	{"WorkerStay", stay, 4 << 20, 0, 0, FLY_RESULTS_OVER, 0},
	{"TakeLong", take_long, 0, 0, 0, FLY_RESULTS_OVER, FLY_PROCEDURE_INLINE},
};
static const struct fly_interface interface = {FLY_STUB_VERSION, "Sweep", 1, 4, table};

static void begin(void)
{
	char link[96];
	const char *const links[] = {link, NULL};
	const struct fly_options o = {.size = sizeof o,
				      .links = links,
				      .packets = 1023,
				      .eal = EAL};
	const struct fly_export_options e = {.size = sizeof e,
					     .workers = 1,
					     .wait = FLY_WAIT_SLEEP};

	snprintf(name, sizeof name, "test-lsweep-%d", (int)getpid());
	snprintf(link, sizeof link, "local:%s,server", name);
	cr_assert(fly_start(&o, &runtime) == 0, "%s", fly_error());
	cr_assert(fly_export_with(runtime, &interface, "", NULL, &e) == 0, "%s", fly_error());
	p = &runtime->poller;
	d = p->local;
	runs = 0;
	atomic_store(&release, false);
}

static void end(void)
{
	atomic_store(&release, true);
	cr_expect(fly_stop(runtime) == 0, "%s", fly_error());
}

TestSuite(local_sweep, .timeout = HANG);

static unsigned missed(void)
{
	return (unsigned)fly_stats_get(&p->stats, FLY_COUNT_slots_missed);
}

/* A sweep in which each client is looked at once, as after a second. */
static void sweep(void)
{
	d->sweep_tsc = p->now_tsc - 1100 * p->tsc_per_ms;
	d->sweep_at = d->n;
	fly_slow_local_sweep(p);
}

/* The sweeps that are made by the time come a second later. */
static struct hand bind_one(void)
{
	struct hand h = hand_turn_bind(runtime, name, "Sweep");

	sweep();
	return h;
}

static void turn(unsigned turns)
{
	while (turns-- > 0)
		fly_turn(runtime);
}

/* ---- calls that were missed ---- */

Case(local_sweep, look_for_missed__a_call_that_nobody_rang_for_is_found_and_counted)
{
	struct hand h = bind_one();
	struct fly_slot *slot = fly_astack_slot(h.m.near, 3);

	slot->kind = FLY_ASTACK_IN_LINE;
	slot->length = 0;
	slot->procedure = SWALLOW;
	hand_say_call(&h, 3);
	turn(10);
	cr_expect(runs == 0);
	sweep();
	turn(10);
	cr_expect(runs == 0 && missed() == 0, "it may just have come");
	hand_say_call(&h, 3); /* another one */
	sweep();
	turn(10);
	cr_expect(runs == 0 && missed() == 0);
	sweep();
	hand_turn_finish(runtime, &h, 3);
	cr_expect(runs == 1 && missed() == 1);
	hand_leave(&h);
}

Case(local_sweep, look_for_missed__a_call_is_not_missed_while_the_poller_looks_at_no_bells)
{
	struct hand busy = bind_one();
	struct hand h = bind_one();

	hand_call(&busy, 0, TAKE_LONG);
	hand_call(&h, 0, SWALLOW);
	d->next = 0; /* the bell of the busy one comes first: the other one lies for some sweeps */
	fly_turn(runtime);
	hand_turn_finish(runtime, &busy, 0);
	hand_turn_finish(runtime, &h, 0);
	cr_expect(runs == 2 && missed() == 0, "%u runs, %u missed", runs, missed());
	hand_leave(&busy);
	hand_leave(&h);
}

/* ---- what is not used ---- */

Case(local_sweep, look_at__far_memory_is_lent_when_no_call_has_used_it_for_a_sweep)
{
	struct hand h = bind_one();
	struct fly_local_client *of = d->clients[0];

	hand_call(&h, 0, GIVE);
	hand_turn_finish(runtime, &h, 0);
	sweep();
	sweep();
	cr_expect(of->far_lent == 0, "the client reads the result");
	hand_call(&h, 0, GIVE);
	hand_turn_finish(runtime, &h, 0);
	atomic_store(&fly_astack_head(&h.m)->far[0], FLY_FAR_FREE);
	sweep();
	cr_expect(of->far_lent == 0, "it was used since the last sweep");
	sweep();
	cr_expect(of->far_lent == 1);
	hand_leave(&h);
}

Case(local_sweep, look_at__far_memory_of_a_call_that_runs_is_not_lent)
{
	struct hand h = bind_one();
	struct fly_local_client *of = d->clients[0];

	hand_call_far(&h, 0, WORKER_STAY, 1 << 20);
	for (unsigned i = 0; i < 1000000 && !TAILQ_EMPTY(&d->moving); i++)
		fly_turn(runtime);
	turn(1);
	cr_expect((of->busy & 1) != 0 && of->far_written[0] == 1 << 20);
	/* The client did not say that it uses it. */
	cr_expect(atomic_load(&fly_astack_head(&h.m)->far[0]) == FLY_FAR_FREE);
	sweep();
	sweep();
	cr_expect(of->far_lent == 0);
	atomic_store(&release, true);
	hand_turn_finish(runtime, &h, 0);
	sweep();
	cr_expect(of->far_lent == 1);
	hand_leave(&h);
}

Case(local_sweep, fly_local_work_free_spare__a_block_that_is_not_used_is_freed)
{
	struct hand h = bind_one();

	hand_call_far(&h, 0, SWALLOW, 4 << 20);
	hand_turn_finish(runtime, &h, 0);
	cr_expect(d->spare != NULL && d->spare_bytes >= 4 << 20);
	sweep();
	cr_expect(d->spare != NULL, "it was used since");
	sweep();
	cr_expect(d->spare == NULL && !LIST_EMPTY(&d->works), "it is freed piece by piece");
	turn(1000);
	cr_expect(LIST_EMPTY(&d->works));
	hand_leave(&h);
}

/* ---- how often ---- */

Case(local_sweep, fly_slow_local_sweep__looks_at_each_client_once_a_second)
{
	struct hand h[3];

	for (unsigned i = 0; i < 3; i++)
		h[i] = bind_one();
	sweep();
	cr_expect(d->sweep_at == 3, "all of them; %u", d->sweep_at);
	d->sweep_tsc = p->now_tsc - 700 * p->tsc_per_ms;
	d->sweep_at = 0;
	fly_slow_local_sweep(p);
	cr_expect(d->sweep_at == 2, "two thirds of a second: %u", d->sweep_at);
	for (unsigned i = 0; i < 3; i++)
		hand_leave(&h[i]);
}

Case(local_sweep, fly_slow_local_sweep__says_that_the_poller_lives)
{
	struct hand h = bind_one();
	uint32_t before;

	cr_assert(d->life != NULL);
	before = atomic_load(&d->life->beats);
	fly_slow_local_sweep(p);
	cr_expect(atomic_load(&d->life->beats) == before + 1);
	hand_leave(&h);
}
