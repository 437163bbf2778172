/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_local_work.c - long calls over the local link, and those on workers: a runtime that the test
 * turns by itself, and clients made by hand, so that what happens in a turn can be counted.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "case.h"
#include "count_mappings.h"
#include "hand_client.h"
#include "local/server.h"
#include "local/share.h"
#include "local/work.h"
#include "runtime/drain.h"
#include "runtime/runtime.h"
#include "threads/worker.h"

#define EAL   "--no-huge -m 256"
#define MOST  FLY_MESSAGE_MAX
#define TURNS 20000000 /* more than any of these needs */

static char name[48];
static struct fly_runtime *runtime;
static struct fly_poller *p;
static struct fly_local_server *d;

/* ---- the server ---- */

static uint8_t byte_of(uint32_t at)
{
	return (uint8_t)(at * 2654435761u >> 24);
}

static _Atomic uint32_t taken; /* bytes of arguments of the last call */
static _Atomic bool was_wrong; /* they were not byte_of() */
static _Atomic unsigned runs;
static _Atomic bool release;
static uint32_t to_give;
static uint8_t *without_page; /* there is none here when it gives something; NULL */

/* As the kernel reports that there is no page. */
static void fault_at(void *at)
{
	siginfo_t info = {.si_signo = SIGBUS, .si_code = BUS_ADRERR, .si_addr = at};

	cr_assert(syscall(SYS_rt_tgsigqueueinfo, getpid(), (pid_t)syscall(SYS_gettid), SIGBUS,
			  &info) == 0);
}

static int take(struct fly_served *served)
{
	bool is_zero = true;
	bool is_right = true;

	for (uint32_t i = 0; i < served->argument_bytes; i++) {
		is_zero &= served->arguments[i] == 0;
		is_right &= served->arguments[i] == byte_of(i);
	}
	atomic_store(&taken, served->argument_bytes);
	atomic_store(&was_wrong, !is_zero && !is_right);
	atomic_fetch_add(&runs, 1);
	served->result_bytes = 0;
	return 0;
}

/* Looks at nothing: fast. */
static int swallow(struct fly_served *served)
{
	atomic_store(&taken, served->argument_bytes);
	atomic_fetch_add(&runs, 1);
	served->result_bytes = 0;
	return 0;
}

static int give(struct fly_served *served)
{
	for (uint32_t i = 0; i < to_give; i++)
		served->results[i] = byte_of(i);
	served->result_bytes = to_give;
	if (without_page)
		fault_at(without_page);
	without_page = NULL;
	return 0;
}

static int stay(struct fly_served *served)
{
	while (!atomic_load(&release))
		usleep(1000);
	return swallow(served);
}

static int give_late(struct fly_served *served)
{
	while (!atomic_load(&release))
		usleep(1000);
	atomic_fetch_add(&runs, 1);
	return give(served);
}

static unsigned depth;
static unsigned deepest;

/* Turns the poller that it runs on, as a procedure does that waits for a call of its own. */
static int turn_within(struct fly_served *served)
{
	if (++depth > deepest)
		deepest = depth;
	for (unsigned i = 0; i < 100; i++)
		fly_poller_turn(p, fly_poller_time(p));
	depth--;
	return swallow(served);
}

static int to_return;

static int fail(struct fly_served *served)
{
	served->result_bytes = 1 << 20; /* more than goes with such a status */
	return to_return;
}

/* Takes 2.2 s; calls in the slots before and behind come meanwhile, with 2 s left. */
static struct hand *late_hand;
static int call_late(struct fly_served *served)
{
	const uint64_t since_ms = fly_system_clock_ms();

	while (fly_system_clock_ms() - since_ms < 2200)
		usleep(1000);
	for (uint32_t i = 0; i < 3; i += 2) {
		fly_astack_slot(late_hand->m.near, i)->left_us = 2000000;
		hand_call(late_hand, i, 4); /* WORKER_TAKE */
	}
	served->result_bytes = 0;
	return 0;
}

enum {
	TAKE,
	SWALLOW,
	GIVE,
	INPLACE,
	WORKER_TAKE,
	WORKER_GIVE,
	WORKER_STAY,
	TURN,
	FAIL,
	GIVE_LONG,
	WORKER_GIVE_LATE,
	CALL_LATE
};

static const struct fly_procedure table[] = {
	{"Take", take, MOST, 0, 0, FLY_RESULTS_OVER, FLY_PROCEDURE_INLINE},
	{"Swallow", swallow, MOST, 0, 0, FLY_RESULTS_OVER, FLY_PROCEDURE_INLINE},
	{"Give", give, 0, 4 << 20, 0, FLY_RESULTS_OVER, FLY_PROCEDURE_INLINE},
	{"Inplace", take, MOST, 0, 0, FLY_RESULTS_OVER,
	 FLY_PROCEDURE_INLINE | FLY_PROCEDURE_INPLACE},
	{"WorkerTake", take, MOST, 0, 0, FLY_RESULTS_OVER, 0},
	{"WorkerGive", give, 0, 4 << 20, 0, FLY_RESULTS_OVER, 0},
	{"WorkerStay", stay, MOST, 0, 0, FLY_RESULTS_OVER, 0},
	{"Turn", turn_within, MOST, 0, 0, FLY_RESULTS_OVER, FLY_PROCEDURE_INLINE},
	{"Fail", fail, 0, 4 << 20, 0, FLY_RESULTS_OVER, FLY_PROCEDURE_INLINE},
	{"GiveLong", give, 0, MOST, 0, FLY_RESULTS_OVER, FLY_PROCEDURE_INLINE},
	{"WorkerGiveLate", give_late, 0, MOST, 0, FLY_RESULTS_OVER, 0},
	{"CallLate", call_late, 0, 0, 0, FLY_RESULTS_OVER, FLY_PROCEDURE_INLINE},
};
static const struct fly_interface interface = {FLY_STUB_VERSION, "Long", 1, CALL_LATE + 1, table};

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
					     .wait = FLY_WAIT_SLEEP,
					     .a_stacks = 20};

	snprintf(name, sizeof name, "test-work-%d", (int)getpid());
	snprintf(link, sizeof link, "local:%s,server", name);
	cr_assert(fly_start(&o, &runtime) == 0, "%s", fly_error());
	cr_assert(fly_export_with(runtime, &interface, "", NULL, &e) == 0, "%s", fly_error());
	p = &runtime->poller;
	d = p->local;
	atomic_store(&runs, 0);
	atomic_store(&release, false);
}

/* Turn until all that clients have held is free, and the clients are gone. */
static void end(void)
{
	atomic_store(&release, true);
	for (unsigned i = 0; i < TURNS && (d->n != 0 || !LIST_EMPTY(&d->works)); i++) {
		fly_turn(runtime);
		if (d->n == 0)
			sched_yield();
	}
	cr_expect(d->n == 0 && LIST_EMPTY(&d->works) && LIST_EMPTY(&d->users));
	cr_expect(TAILQ_EMPTY(&d->moving) && TAILQ_EMPTY(&d->waiting) && TAILQ_EMPTY(&d->stalled));
	cr_expect(d->held == 0, "%lu bytes", (unsigned long)d->held);
	cr_expect(fly_stop(runtime) == 0, "%s", fly_error());
}

TestSuite(local_work, .timeout = HANG);

/* ---- clients ---- */

static struct hand bind_one(void)
{
	return hand_turn_bind(runtime, name, "Long");
}

static unsigned finish(struct hand *h, uint32_t i)
{
	return hand_turn_finish(runtime, h, i);
}

static void fill(struct hand *h, uint32_t i, uint32_t bytes)
{
	uint8_t *to = fly_astack_bytes(&h->m, i, FLY_ASTACK_IS_FAR);

	for (uint32_t k = 0; k < bytes; k++)
		to[k] = byte_of(k);
}

/* As its library does, between reading a result and the next call. */
static void free_far(struct hand *h, uint32_t i)
{
	atomic_store(&fly_astack_head(&h->m)->far[i], FLY_FAR_FREE);
}

/* A client of its own user, for the shares alone. */
static struct fly_local_client *client_of(uid_t uid)
{
	struct fly_local_client *of = aligned_alloc(64, RTE_CACHE_LINE_ROUNDUP(sizeof *of));

	cr_assert(of != NULL);
	*of = (struct fly_local_client){.uid = uid};
	cr_assert(fly_local_share_join(p, of) == 0);
	return of;
}

static void part(struct fly_local_client *of)
{
	fly_local_share_leave(p, of);
	free(of);
}

/* ---- what is copied ---- */

static void expect_taken(struct hand *h, uint16_t procedure, uint32_t bytes)
{
	fill(h, 0, bytes);
	hand_call_far(h, 0, procedure, bytes);
	finish(h, 0);
	cr_expect(hand_status(h, 0) == 0 && atomic_load(&taken) == bytes &&
			  !atomic_load(&was_wrong),
		  "procedure %u, %u bytes: %d", procedure, bytes, hand_status(h, 0));
}

static void expect_given(struct hand *h, uint16_t procedure, uint32_t bytes)
{
	const struct fly_slot *slot = fly_astack_slot(h->m.near, 1);
	const uint8_t *got;
	uint32_t wrong = 0;

	to_give = bytes;
	hand_call(h, 1, procedure);
	finish(h, 1);
	cr_assert(slot->status == 0 && slot->length == bytes &&
		  slot->kind == fly_astack_place(bytes));
	got = fly_astack_results(&h->m, 1, (enum fly_astack_place)slot->kind);
	for (uint32_t i = 0; i < bytes; i++)
		wrong += got[i] != byte_of(i);
	cr_expect(wrong == 0, "procedure %u, %u bytes", procedure, bytes);
	if (slot->kind == FLY_ASTACK_IS_FAR)
		cr_expect(atomic_load(&fly_astack_head(&h->m)->far[1]) == FLY_FAR_USED);
	free_far(h, 1);
}

Case(local_work, fly_local_work_begin__bytes_of_any_length_on_a_poller_and_on_a_worker)
{
	static const uint32_t lengths[] = {8193,
					   FLY_LOCAL_PIECE - 1,
					   FLY_LOCAL_PIECE,
					   FLY_LOCAL_PIECE + 1,
					   2 * FLY_LOCAL_PIECE,
					   1000003,
					   4 << 20};
	struct hand h = bind_one();

	for (unsigned i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		expect_taken(&h, TAKE, lengths[i]);
		expect_taken(&h, INPLACE, lengths[i]);
		expect_taken(&h, WORKER_TAKE, lengths[i]);
		expect_given(&h, GIVE, lengths[i]);
		expect_given(&h, WORKER_GIVE, lengths[i]);
	}
	expect_given(&h, GIVE, 0);
	expect_given(&h, GIVE, 40);
	expect_given(&h, WORKER_GIVE, 41);
	expect_given(&h, GIVE, 8192);
	hand_leave(&h);
}

Case(local_work, read_piece__arguments_that_nobody_has_written_are_zeros_and_cost_no_page)
{
	struct hand h = bind_one();
	struct stat s;

	hand_call_far(&h, 0, TAKE, 4 << 20);
	finish(&h, 0);
	cr_expect(hand_status(&h, 0) == 0 && atomic_load(&taken) == 4 << 20);
	cr_expect(!atomic_load(&was_wrong), "zeros");
	cr_assert(fstat(d->clients[0]->far_fd, &s) == 0);
	cr_expect(s.st_blocks == 0, "%ld blocks", (long)s.st_blocks);
	/* Read where they are, they cost pages: these are held, until they are given back. */
	hand_call_far(&h, 0, INPLACE, 4 << 20);
	finish(&h, 0);
	cr_expect(hand_status(&h, 0) == 0 && !atomic_load(&was_wrong));
	cr_expect(d->held == 4 << 20 && d->clients[0]->held == 4 << 20);
	hand_leave(&h);
}

static void expect_failed(struct hand *h, int status, int wanted, enum fly_counter what)
{
	const uint64_t before = fly_stats_get(&p->stats, what);

	to_return = status;
	hand_call(h, 0, FAIL);
	finish(h, 0);
	cr_expect(hand_status(h, 0) == wanted && fly_astack_slot(h->m.near, 0)->length == 0,
		  "%d: %d", status, hand_status(h, 0));
	cr_expect(fly_stats_get(&p->stats, what) == before + 1, "%d is not counted", status);
}

Case(local_work, run_here__what_a_procedure_returns_is_looked_at)
{
	struct hand h = bind_one();

	expect_failed(&h, -FLY_EMALFORMED, -FLY_EMALFORMED, FLY_COUNT_calls_unreadable);
	expect_failed(&h, -FLY_ENOMEM, -FLY_ENOMEM, FLY_COUNT_calls_no_memory);
	expect_failed(&h, -FLY_EBUSY, -FLY_ERESULT, FLY_COUNT_calls_wrong_results);
	expect_failed(&h, 7, -FLY_ERESULT, FLY_COUNT_calls_wrong_results);
	cr_expect(fly_stats_get(&p->stats, FLY_COUNT_calls_served) == 4);
	hand_leave(&h);
}

/* ---- others ---- */

Case(local_work, fly_slow_local_move__other_clients_wait_for_a_piece_and_not_for_all)
{
	struct hand large = bind_one();
	struct hand small = bind_one();
	unsigned calls = 0;
	unsigned most = 0;

	hand_call_far(&large, 0, SWALLOW, MOST);
	while (!hand_is_done(&large, 0)) {
		unsigned turns;

		hand_call(&small, 0, SWALLOW);
		turns = finish(&small, 0);
		cr_assert(hand_status(&small, 0) == 0);
		most = turns > most ? turns : most;
		calls++;
	}
	cr_expect(hand_status(&large, 0) == 0);
	cr_expect(most <= 4, "a call took %u turns", most);
	cr_expect(calls >= MOST / FLY_LOCAL_PIECE / 4, "%u calls meanwhile", calls);
	hand_leave(&large);
	hand_leave(&small);
}

Case(local_work, grant__five_clients_with_the_longest_calls_all_proceed)
{
	struct hand h[5];

	for (unsigned i = 0; i < 5; i++)
		h[i] = bind_one();
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 5; i++)
			hand_call_far(&h[i], 0, SWALLOW, MOST);
		for (unsigned i = 0; i < 5; i++) {
			finish(&h[i], 0);
			cr_expect(hand_status(&h[i], 0) == 0, "client %u: %d", i,
				  hand_status(&h[i], 0));
		}
		cr_expect(d->held == 0);
	}
	cr_expect(atomic_load(&runs) == 10);
	cr_expect(fly_stats_get(&p->stats, FLY_COUNT_reject_full) == 0);
	for (unsigned i = 0; i < 5; i++)
		hand_leave(&h[i]);
}

/* Calls on a worker that stays hold what they have: the rest waits. */
static struct hand hold_much(void)
{
	struct hand h = bind_one();

	hand_call_far(&h, 0, WORKER_STAY, MOST);
	hand_call_far(&h, 1, WORKER_STAY, 48 << 20);
	for (unsigned i = 0; i < TURNS && (d->held < (112 << 20) || !TAILQ_EMPTY(&d->moving)); i++)
		fly_turn(runtime);
	cr_assert(d->held >= 112 << 20);
	return h;
}

Case(local_work, check__who_waits_in_vain_is_refused_and_who_gives_up_waits_no_more)
{
	struct hand much = hold_much();
	uint64_t since_ms;

	hand_call_far(&much, 2, SWALLOW, MOST);
	hand_call_far(&much, 3, SWALLOW, MOST);
	for (unsigned i = 0; i < 100; i++)
		fly_turn(runtime);
	cr_expect(!hand_is_done(&much, 2) && !TAILQ_EMPTY(&d->waiting));
	atomic_store(&fly_astack_slot(much.m.near, 3)->gone, 1);
	finish(&much, 3);
	cr_expect(hand_status(&much, 3) == -FLY_ECANCELLED);
	since_ms = fly_system_clock_ms();
	finish(&much, 2);
	cr_expect(hand_status(&much, 2) == -FLY_EBUSY);
	cr_expect(fly_system_clock_ms() - since_ms > FLY_LOCAL_SHARE_MS / 2);
	cr_expect(atomic_load(&runs) == 0);
	atomic_store(&release, true);
	finish(&much, 0);
	finish(&much, 1);
	hand_call_far(&much, 2, SWALLOW, MOST);
	finish(&much, 2);
	cr_expect(hand_status(&much, 2) == 0);
	hand_leave(&much);
}

Case(local_work, run__a_deadline_that_has_passed_is_noticed_before_the_procedure_runs)
{
	struct hand h = bind_one();
	uint64_t since_ms;

	hand_call_far(&h, 0, WORKER_STAY, 0);
	fly_astack_slot(h.m.near, 1)->left_us = 1000;
	hand_call_far(&h, 1, WORKER_STAY, 0);
	fly_astack_slot(h.m.near, 2)->left_us = 1000;
	hand_call_far(&h, 2, SWALLOW, MOST); /* takes longer to copy */
	finish(&h, 2);
	cr_expect(hand_status(&h, 2) == -FLY_EDEADLINE && atomic_load(&runs) == 0);
	since_ms = fly_system_clock_ms();
	while (fly_system_clock_ms() - since_ms < 5)
		fly_turn(runtime);
	atomic_store(&release, true);
	finish(&h, 0);
	finish(&h, 1);
	cr_expect(hand_status(&h, 0) == 0 && hand_status(&h, 1) == -FLY_EDEADLINE);
	cr_expect(atomic_load(&runs) == 1);
	hand_leave(&h);
}

/* The time that a call has left counts from when it came, not from when the turn began. */
Case(local_work, fly_local_work_begin__a_deadline_after_a_long_procedure_in_the_same_turn)
{
	struct hand h = bind_one();

	late_hand = &h;
	for (uint32_t i = 0; i < 3; i++) { /* these slots are polled in each turn from now on */
		hand_call(&h, i, WORKER_TAKE);
		finish(&h, i);
	}
	hand_call(&h, 1, CALL_LATE);
	finish(&h, 1);
	finish(&h, 0);
	finish(&h, 2);
	cr_expect(hand_status(&h, 0) == 0 && hand_status(&h, 2) == 0, "%d, %d", hand_status(&h, 0),
		  hand_status(&h, 2));
	hand_leave(&h);
}

/* ---- arguments that come while the call is under way ---- */

/* As a client does that copies: so many bytes are there when it begins. */
static void call_early(struct hand *h, uint32_t i, uint16_t procedure, uint32_t bytes,
		       uint32_t there)
{
	struct fly_slot *slot = fly_astack_slot(h->m.near, i);

	slot->kind = FLY_ASTACK_IS_FAR;
	slot->length = bytes;
	slot->procedure = procedure;
	atomic_store(fly_astack_come(&h->m, i), there);
	fly_astack_set_there(slot, there);
	hand_ring(h, i);
}

static void say_come(struct hand *h, uint32_t i, uint32_t bytes)
{
	atomic_store(fly_astack_come(&h->m, i), bytes);
}

/* Long enough for the poller to look at nothing but this. */
static void turn_for(uint64_t ms)
{
	const uint64_t end_ms = fly_system_clock_ms() + ms;

	do
		fly_turn(runtime);
	while (fly_system_clock_ms() < end_ms);
}

static void expect_come(struct hand *h, uint16_t procedure, uint32_t bytes)
{
	const unsigned before = atomic_load(&runs);

	memset(fly_astack_bytes(&h->m, 0, FLY_ASTACK_IS_FAR), 1, bytes);
	call_early(h, 0, procedure, bytes, 4);
	turn_for(2);
	fill(h, 0, bytes / 3);
	say_come(h, 0, bytes / 3);
	turn_for(2);
	fill(h, 0, bytes);
	say_come(h, 0, bytes - 1);
	turn_for(2);
	cr_expect(atomic_load(&runs) == before && !hand_is_done(h, 0), "not before all is there");
	say_come(h, 0, bytes);
	finish(h, 0);
	/* The first bytes were copied before they were right. */
	cr_expect(hand_status(h, 0) == 0 && atomic_load(&taken) == bytes &&
			  atomic_load(&runs) == before + 1,
		  "procedure %u: %d", procedure, hand_status(h, 0));
}

Case(local_work, has_come__a_procedure_runs_when_all_has_come)
{
	struct hand h = bind_one();

	for (uint32_t bytes = 10000; bytes < 2000000; bytes = bytes * 7 + 3) {
		expect_come(&h, TAKE, bytes);
		expect_come(&h, INPLACE, bytes);
		expect_come(&h, WORKER_TAKE, bytes);
	}
	hand_leave(&h);
}

Case(local_work, has_come__each_byte_is_copied_when_it_is_there)
{
	const uint32_t bytes = 500000;
	struct hand h = bind_one();
	uint8_t *to = fly_astack_bytes(&h.m, 0, FLY_ASTACK_IS_FAR);

	memset(to, 1, bytes);
	call_early(&h, 0, TAKE, bytes, 0);
	for (uint32_t at = 0; at < bytes; at += 20000) {
		fly_turn(runtime);
		for (uint32_t k = at; k < at + 20000; k++)
			to[k] = byte_of(k);
		say_come(&h, 0, at + 20000);
		fly_turn(runtime);
	}
	finish(&h, 0);
	cr_expect(hand_status(&h, 0) == 0 && atomic_load(&taken) == bytes);
	cr_expect(!atomic_load(&was_wrong));
	hand_leave(&h);
}

Case(local_work, has_come__a_client_may_say_any_number)
{
	const uint32_t bytes = 300000;
	struct hand h = bind_one();

	/* Backwards: what was there stays there, and nothing else is copied. */
	memset(fly_astack_bytes(&h.m, 0, FLY_ASTACK_IS_FAR), 1, bytes);
	fill(&h, 0, 200000);
	call_early(&h, 0, TAKE, bytes, 200000);
	for (unsigned i = 0; i < 8; i++) /* not so long that the call is stalled */
		fly_turn(runtime);
	say_come(&h, 0, 1000);
	turn_for(5);
	cr_expect(!hand_is_done(&h, 0) && atomic_load(&runs) == 0);
	fill(&h, 0, bytes);
	say_come(&h, 0, bytes);
	finish(&h, 0);
	cr_expect(hand_status(&h, 0) == 0 && atomic_load(&taken) == bytes);
	cr_expect(!atomic_load(&was_wrong));
	/* More than there is, at once and later. */
	call_early(&h, 0, TAKE, bytes, UINT32_MAX);
	finish(&h, 0);
	cr_expect(hand_status(&h, 0) == 0 && atomic_load(&taken) == bytes);
	call_early(&h, 0, TAKE, bytes, 0);
	turn_for(2);
	say_come(&h, 0, UINT32_MAX);
	finish(&h, 0);
	cr_expect(hand_status(&h, 0) == 0 && atomic_load(&taken) == bytes);
	cr_expect(!atomic_load(&was_wrong));
	hand_leave(&h);
}

/* Turn until the poller looks at no call any longer. */
static void await_stall(void)
{
	for (unsigned i = 0; i < TURNS && (TAILQ_EMPTY(&d->stalled) || !TAILQ_EMPTY(&d->moving));
	     i++)
		fly_turn(runtime);
	cr_assert(!TAILQ_EMPTY(&d->stalled) && TAILQ_EMPTY(&d->moving));
}

Case(local_work, stall__a_client_that_writes_nothing_holds_up_nobody)
{
	struct hand h = bind_one();
	struct hand other = bind_one();

	call_early(&h, 0, TAKE, 300000, 100000);
	await_stall();
	cr_expect(p->sweep_at_tsc != 0, "there is nothing to do at once");
	expect_taken(&other, TAKE, 300000);
	for (unsigned i = 0; i < 3; i++) { /* it may go on at any time */
		fill(&h, 0, 300000);
		say_come(&h, 0, 200000 + i);
		turn_for(3);
		await_stall();
	}
	say_come(&h, 0, 300000);
	finish(&h, 0);
	cr_expect(hand_status(&h, 0) == 0 && atomic_load(&taken) == 300000);
	/* Its client goes: end() sees that nothing is left. */
	call_early(&h, 0, TAKE, 300000, 0);
	call_early(&h, 1, INPLACE, 300000, 0);
	await_stall();
	hand_leave(&h);
	hand_leave(&other);
}

Case(local_work, fly_local_works_resume__a_poller_sleeps_but_not_when_more_has_come)
{
	struct hand h = bind_one();

	call_early(&h, 0, TAKE, 300000, 0);
	await_stall();
	for (unsigned i = 0; i < TURNS && !fly_slow_local_prepare_sleep(p); i++)
		fly_turn(runtime);
	cr_expect(atomic_load(&fly_astack_head(&h.m)->asleep) != 0);
	fly_slow_local_end_sleep(p);
	await_stall();
	fill(&h, 0, 300000);
	say_come(&h, 0, 300000);
	cr_expect(!fly_slow_local_prepare_sleep(p));
	cr_expect(atomic_load(&fly_astack_head(&h.m)->asleep) == 0);
	finish(&h, 0);
	cr_expect(hand_status(&h, 0) == 0 && !atomic_load(&was_wrong));
	hand_leave(&h);
}

Case(local_work, check__a_deadline_ends_a_call_whose_arguments_do_not_come)
{
	struct hand h = bind_one();

	fly_astack_slot(h.m.near, 0)->left_us = 3000;
	call_early(&h, 0, TAKE, 300000, 100000);
	finish(&h, 0);
	cr_expect(hand_status(&h, 0) == -FLY_EDEADLINE);
	fly_astack_slot(h.m.near, 0)->left_us = 0;
	call_early(&h, 0, TAKE, 300000, 100000);
	await_stall();
	atomic_store(&fly_astack_slot(h.m.near, 0)->gone, 1);
	finish(&h, 0);
	cr_expect(hand_status(&h, 0) == -FLY_ECANCELLED);
	cr_expect(atomic_load(&runs) == 0 && d->held == 0);
	hand_leave(&h);
}

Case(local_work, check__who_writes_nothing_keeps_no_memory_that_another_call_needs)
{
	struct hand h = bind_one();

	call_early(&h, 0, SWALLOW, MOST, 100000);
	call_early(&h, 1, SWALLOW, 48 << 20, 100000);
	turn_for(FLY_LOCAL_SHARE_MS + 500);
	cr_expect(!hand_is_done(&h, 0) && !hand_is_done(&h, 1), "nobody else needs it");
	hand_call_far(&h, 2, SWALLOW, MOST);
	finish(&h, 2);
	cr_expect(hand_status(&h, 2) == 0);
	cr_expect(hand_is_done(&h, 0) && hand_status(&h, 0) == -FLY_EBUSY);
	hand_leave(&h);
}

Case(local_work, fly_local_work_begin__a_client_has_so_many_calls_that_wait)
{
	struct hand much = hold_much();
	unsigned refused = 0;

	for (uint32_t i = 2; i < 20; i++)
		hand_call_far(&much, i, SWALLOW, MOST);
	for (unsigned i = 0; i < 100; i++)
		fly_turn(runtime);
	for (uint32_t i = 2; i < 20; i++) {
		if (hand_is_done(&much, i)) {
			cr_expect(hand_status(&much, i) == -FLY_EBUSY);
			refused++;
		}
	}
	cr_expect(refused == 18 - FLY_LOCAL_WAITING, "%u", refused);
	/* It goes: what waits, is copied or runs leaves nothing behind. */
	hand_leave(&much);
}

Case(local_work, fly_local_works_forget__a_client_that_goes_leaves_nothing_behind)
{
	struct hand h = bind_one();
	struct hand other = bind_one();

	hand_call_far(&h, 0, TAKE, MOST);
	fly_turn(runtime);
	fly_turn(runtime);
	cr_expect(!TAILQ_EMPTY(&d->moving) && d->held >= MOST);
	hand_leave(&h);
	for (unsigned i = 0; i < TURNS && d->n == 2; i++)
		fly_turn(runtime);
	cr_expect(d->held == 0 && atomic_load(&runs) == 0);
	to_give = 4 << 20;
	hand_call(&other, 0, GIVE);
	fly_turn(runtime);
	cr_expect(hand_is_done(&other, 0), "nothing is copied");
	cr_expect(d->held == 4 << 20, "its pages; %lu", (unsigned long)d->held);
	hand_leave(&other);
}

Case(local_work, run__not_if_its_export_was_withdrawn_while_it_was_read)
{
	struct hand h = bind_one();

	hand_call_far(&h, 0, SWALLOW, 4 << 20);
	hand_call_far(&h, 1, WORKER_TAKE, 4 << 20);
	fly_turn(runtime);
	fly_turn(runtime);
	cr_assert(!TAILQ_EMPTY(&d->moving) && !hand_is_done(&h, 0));
	fly_drain_withdraw(p, FLY_EXPORT_BINDER + 1);
	finish(&h, 0);
	finish(&h, 1);
	cr_expect(hand_status(&h, 0) == -FLY_ESTALE && hand_status(&h, 1) == -FLY_ESTALE);
	cr_expect(atomic_load(&runs) == 0);
	hand_leave(&h);
}

Case(local_work, run__not_if_the_queue_has_become_full_while_it_was_read)
{
	struct hand h = bind_one();
	const struct fly_local_client *of = d->clients[0];

	hand_call_far(&h, 0, WORKER_STAY, 4 << 20);
	fly_turn(runtime);
	cr_assert(!TAILQ_EMPTY(&d->moving));
	p->exports[of->export_at].pool->waiting_max = 0;
	hand_call_far(&h, 1, WORKER_STAY, 100000); /* it has been read sooner */
	finish(&h, 0);
	cr_expect(hand_status(&h, 0) == -FLY_EBUSY);
	atomic_store(&release, true);
	finish(&h, 1);
	cr_expect(hand_status(&h, 1) == 0 && atomic_load(&runs) == 1);
	hand_leave(&h);
}

Case(local_work, fly_local_work_begin__what_a_full_queue_refuses_is_not_read)
{
	struct hand h = bind_one();
	const struct fly_local_client *of = d->clients[0];
	unsigned turns;

	hand_call(&h, 0, WORKER_STAY);
	for (unsigned i = 0; i < 100; i++)
		fly_turn(runtime);
	p->exports[of->export_at].pool->waiting_max = 0;
	hand_call_far(&h, 1, WORKER_STAY, MOST);
	turns = finish(&h, 1);
	cr_expect(hand_status(&h, 1) == -FLY_EBUSY);
	cr_expect(turns < MOST / FLY_LOCAL_PIECE / 4, "%u turns", turns);
	atomic_store(&release, true);
	finish(&h, 0);
	cr_expect(hand_status(&h, 0) == 0 && atomic_load(&runs) == 1);
	hand_leave(&h);
}

Case(local_work, move__so_deep_and_no_deeper)
{
	struct hand h = bind_one();

	depth = 0;
	deepest = 0;
	for (uint32_t i = 0; i < 14; i++)
		hand_call_far(&h, i, TURN, 2 * FLY_LOCAL_PIECE);
	for (uint32_t i = 0; i < 14; i++)
		finish(&h, i);
	cr_expect(atomic_load(&runs) == 14);
	cr_expect(deepest > 1 && deepest <= FLY_NESTED_MAX + 1, "%u", deepest);
	cr_expect(p->nested == 0 && !p->turning);
	hand_leave(&h);
}

/* The procedure wrote into a page that nobody else has: the client must not take it for a result.
 */
Case(local_work, deliver__a_client_without_a_page_is_ended)
{
	struct hand h = bind_one();
	struct hand other = bind_one();

	to_give = 4 << 20;
	without_page = d->clients[0]->memory.results + FLY_ASTACK_PAGE;
	hand_call(&h, 0, GIVE);
	/* From when it is ended on, it may be freed at any moment. */
	for (unsigned i = 0; i < TURNS && d->n == 2; i++)
		fly_turn(runtime);
	cr_expect(d->n == 1 && !hand_is_done(&h, 0));
	cr_expect(fly_stats_get(&p->stats, FLY_COUNT_local_faults) == 1);
	hand_call(&other, 0, GIVE);
	finish(&other, 0);
	cr_expect(hand_status(&other, 0) == 0);
	hand_leave(&h);
	hand_leave(&other);
}

/* The client has gone: the worker writes its results all the same, and harms nobody. */
Case(local_work, fly_local_works_forget__the_memory_that_a_worker_writes_stays)
{
	struct hand h = bind_one();
	struct hand other = bind_one();

	to_give = 1 << 20;
	hand_call(&h, 0, WORKER_GIVE_LATE);
	for (unsigned i = 0; i < TURNS && LIST_EMPTY(&d->works); i++)
		fly_turn(runtime);
	usleep(20000); /* it has begun, most likely */
	fly_turn(runtime);
	hand_leave(&h);
	for (unsigned i = 0; i < TURNS && d->n == 2; i++)
		fly_turn(runtime);
	usleep(20000); /* the clerk would free it */
	cr_expect(count_mappings("firefly-results") == 3, "%u", count_mappings("firefly-results"));
	atomic_store(&release, true);
	for (unsigned i = 0; i < TURNS && !LIST_EMPTY(&d->works); i++)
		fly_turn(runtime);
	for (unsigned i = 0; i < 1000 * patience(10) && count_mappings("firefly-results") != 2; i++)
		usleep(1000);
	cr_expect(count_mappings("firefly-results") == 2, "the clerk frees it at last");
	expect_given(&other, GIVE, 100000);
	hand_leave(&other);
}

/* ---- far memory ---- */

Case(local_work, may_begin__not_while_the_clerk_has_its_far_memory)
{
	struct hand h = bind_one();
	const struct fly_local_client *like = d->clients[0];
	struct fly_local_client *of = aligned_alloc(64, RTE_CACHE_LINE_ROUNDUP(sizeof *of));
	const struct fly_local_said said = {.place = FLY_ASTACK_IS_FAR, .bytes = 100000};
	int fds[FLY_BIND_FDS];

	/* A client that no clerk knows. */
	cr_assert(of != NULL);
	*of = (struct fly_local_client){.export_at = like->export_at,
					.export_id = like->export_id,
					.socket = -1,
					.clerk_fd = -1};
	cr_assert(fly_astack_make(&of->memory, 2, false, fds) == 0);
	of->far_fd = fds[FLY_BIND_FAR];
	cr_assert(fly_local_client_add(p, of) == 0);
	of->far_lent = 1;
	atomic_store(&of->far_given, 1);
	for (uint32_t i = 0; i < 2; i++) {
		fly_astack_set_there(fly_astack_slot(of->memory.near, i), said.bytes);
		fly_local_work_begin(p, of, i, &said, &table[SWALLOW]);
	}
	for (unsigned i = 0; i < 1000; i++)
		fly_turn(runtime);
	cr_expect(atomic_load(&runs) == 0, "the second one waits behind it");
	atomic_store(&of->far_given, 0);
	for (unsigned i = 0; i < TURNS && atomic_load(&runs) != 2; i++)
		fly_turn(runtime);
	cr_expect(atomic_load(&runs) == 2);
	fly_local_client_remove(p, of);
	fly_astack_unmap(&of->memory);
	for (unsigned i = 0; i < FLY_ASTACK_FDS; i++)
		close(fds[i]);
	free(of);
	hand_leave(&h);
}

/* Of this memory, those that are there, mapped or not. */
static size_t n_pages(const uint8_t *at, size_t bytes)
{
	static unsigned char pages[FLY_ASTACK_FAR / FLY_ASTACK_PAGE];
	size_t n = 0;

	cr_assert(mincore((void *)(uintptr_t)at, bytes, pages) == 0);
	for (size_t i = 0; i < bytes / FLY_ASTACK_PAGE; i++)
		n += pages[i] & 1;
	return n;
}

/* The poller holds no results any more, or it takes too long. */
static void until_given_back(void)
{
	const uint64_t since_ms = fly_system_clock_ms();

	while (d->held != 0 && fly_system_clock_ms() - since_ms < 1000 * patience(10)) {
		fly_turn(runtime);
		sched_yield();
	}
}

Case(local_work, fly_local_far_lend__idle_results_are_given_back_after_a_while)
{
	struct hand h = bind_one();
	const uint64_t since_ms = fly_system_clock_ms();

	to_give = 1 << 20;
	hand_call(&h, 0, GIVE);
	finish(&h, 0);
	cr_expect(d->held == 1 << 20 && d->clients[0]->far_held[0] == 1 << 20);
	/* The client reads it still. */
	while (fly_system_clock_ms() - since_ms < 2500)
		fly_turn(runtime);
	cr_expect(d->held == 1 << 20);
	free_far(&h, 0);
	until_given_back();
	cr_expect(d->held == 0 && d->clients[0]->far_written[0] == 0);
	cr_expect(d->clients[0]->far_held[0] == 0);
	cr_expect(n_pages(d->clients[0]->memory.results, FLY_ASTACK_FAR) == 0);
	cr_expect(atomic_load(&fly_astack_head(&h.m)->far[0]) == FLY_FAR_FREE);
	hand_leave(&h);
}

/* The clerk frees them by pieces. */
Case(local_work, fly_local_far_lend__all_of_the_results_is_given_back)
{
	struct hand h = bind_one();
	const uint8_t *results;
	struct stat s = {0};

	fill(&h, 0, 20 << 20);
	to_give = 20 << 20;
	hand_call(&h, 0, GIVE_LONG);
	finish(&h, 0);
	results = d->clients[0]->memory.results;
	d->clients[0]->far_written[0] = 20 << 20; /* there were arguments, too */
	cr_expect(n_pages(results, 20 << 20) == (20 << 20) / FLY_ASTACK_PAGE);
	free_far(&h, 0);
	until_given_back();
	cr_expect(d->held == 0);
	cr_expect(n_pages(results, FLY_ASTACK_FAR) == 0, "results are left");
	cr_assert(fstat(d->clients[0]->far_fd, &s) == 0);
	cr_expect(s.st_blocks == 0, "%ld blocks are left", (long)s.st_blocks);
	hand_leave(&h);
}

/* ---- shares ---- */

#define MIB ((uint64_t)1 << 20)

Case(local_work, grant__who_waits_longer_is_first_of_its_user)
{
	struct hand much = hold_much();

	hand_call_far(&much, 2, SWALLOW, MOST);
	for (unsigned i = 0; i < 100; i++)
		fly_turn(runtime);
	cr_assert(!hand_is_done(&much, 2) && !TAILQ_EMPTY(&d->waiting));
	/* It would get what it needs now. */
	cr_expect(fly_local_share_allows(p, d->clients[0], 200000));
	hand_call_far(&much, 3, SWALLOW, 100000);
	for (unsigned i = 0; i < 1000; i++) {
		p->sweep_at_tsc = 0;
		d->has_freed = true;
		fly_turn(runtime);
	}
	cr_expect(!hand_is_done(&much, 3), "small calls would keep the long one waiting");
	atomic_store(&release, true);
	for (uint32_t i = 0; i < 4; i++) {
		finish(&much, i);
		cr_expect(hand_status(&much, i) == 0);
	}
	hand_leave(&much);
}

/* A process that was stopped: time has passed, and nobody could give anything back. */
Case(local_work, check__a_server_that_was_stopped_refuses_nobody_for_that)
{
	struct hand h = bind_one();
	struct fly_local_client *others = client_of(1);

	fly_local_share_hold(p, others, 255 * MIB);
	hand_call_far(&h, 0, SWALLOW, 3 << 20);
	for (unsigned i = 0; i < 1000; i++)
		fly_turn(runtime);
	cr_assert(!hand_is_done(&h, 0) && !TAILQ_EMPTY(&d->waiting));
	usleep((FLY_LOCAL_SHARE_MS + 200) * 1000);
	for (unsigned i = 0; i < 10000; i++)
		fly_turn(runtime);
	cr_expect(!hand_is_done(&h, 0), "%d", hand_status(&h, 0));
	part(others);
	finish(&h, 0);
	cr_expect(hand_status(&h, 0) == 0);
	hand_leave(&h);
}

Case(local_work, lend_all__idle_results_make_room_for_who_waits)
{
	struct hand idle = bind_one();
	struct hand h = bind_one();
	struct fly_local_client *others = client_of(1);

	to_give = 4 << 20;
	hand_call(&idle, 0, GIVE);
	finish(&idle, 0);
	free_far(&idle, 0);
	fly_local_share_hold(p, others, 251 * MIB);
	cr_assert(d->held == 255 * MIB);
	hand_call_far(&h, 0, SWALLOW, 3 << 20);
	for (unsigned i = 0; i < TURNS && !hand_is_done(&h, 0); i++) {
		d->sweep_tsc = p->now_tsc; /* it does not come by the sweep that is due */
		fly_turn(runtime);
		if (i % 64 == 0)
			sched_yield();
	}
	cr_expect(hand_status(&h, 0) == 0 && atomic_load(&runs) == 1);
	part(others);
	hand_leave(&idle);
	hand_leave(&h);
}

Case(local_work, fly_local_share_allows__no_client_and_no_user_takes_what_others_need)
{
	struct fly_local_client *one = client_of(1);
	struct fly_local_client *again = client_of(1);
	struct fly_local_client *two = client_of(2);
	struct fly_local_client *three = client_of(3);

	cr_expect(one->user == again->user && one->user != two->user);
	cr_expect(fly_local_share_allows(p, one, 192 * MIB), "the longest call there is");
	cr_expect(!fly_local_share_allows(p, one, 257 * MIB));
	/* One client: as much as it leaves free, with what it asks for. */
	fly_local_share_hold(p, one, 64 * MIB);
	cr_expect(fly_local_share_allows(p, one, 64 * MIB));
	cr_expect(!fly_local_share_allows(p, one, 65 * MIB));
	fly_local_share_hold(p, one, 64 * MIB);
	cr_expect(!fly_local_share_allows(p, one, 1));
	/* Another one of its user: three quarters, and not more by a third client. */
	cr_expect(fly_local_share_allows(p, again, 64 * MIB));
	cr_expect(!fly_local_share_allows(p, again, 65 * MIB));
	fly_local_share_hold(p, again, 64 * MIB);
	cr_expect(!fly_local_share_allows(p, again, 1));
	/* Others have the rest, first come first served. */
	cr_expect(fly_local_share_allows(p, two, 64 * MIB));
	cr_expect(!fly_local_share_allows(p, two, 65 * MIB));
	fly_local_share_hold(p, two, 48 * MIB);
	cr_expect(!fly_local_share_allows(p, two, 1), "it has more than it leaves");
	cr_expect(fly_local_share_allows(p, three, 16 * MIB));
	cr_expect(d->held == 240 * MIB);
	part(one);
	cr_expect(d->held == 112 * MIB);
	part(again);
	part(two);
	cr_expect(d->held == 0);
	part(three);
}
