/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * elected.c - the turn of a poller: taking, giving, and waiting for it.
 *
 * Any thread that waits calls this. Owns struct fly_election. Must not touch what the poller owns
 * without the turn.
 *
 * Electing
 *
 * There is one word, `turner`. Who finds it 0 and puts its number there has the turn, and all that
 * the poller owns. Nobody queues for the turn: each thread that waits tries again whenever it runs.
 * A thread whose result another one delivers never needs the turn.
 *
 * The turn is given before a thread yields or returns to its program. So no thread of the same
 * core finds the turn taken by one that does not run, unless the system has interrupted it. A
 * thread that has its result calls again, most likely, and has the turn again: nobody is switched
 * to. Only if another thread wants the core as well, the thread lets it run, after
 * FLY_ELECTED_STREAK turns in a row: a result that was delivered waits no longer for its thread
 * than some ten microseconds for each of the threads.
 *
 * A thread that sleeps tries nothing. Giving wakes the one that has slept longest. It stores, then
 * looks for sleepers; who goes to sleep enters the list, then looks at the turn (Dekker: D17, D18
 * against D19, D20, see slot.h).
 *
 * DPDK's number
 *
 * A pool has a cache for each thread that is registered with DPDK, by the thread's number. The
 * poller has a number of its own, and lends it to the thread that has the turn: so the packets in
 * that cache stay with the poller. A number for each thread would leave some hundred packets with
 * each.
 */
#include "threads/elected.h"

#include <linux/futex.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <rte_lcore.h>
#include <rte_pause.h>

#include "base/yield.h"
#include "fastpath/handoff.h"
#include "fastpath/poller.h"
#include "threads/waiting.h"

#define YIELD_TURNS 32   /* with results of others, and not our own */
#define ALONE_TURNS 256  /* without any result: some 20 us */
#define SPINS       2000 /* tries before going to sleep: some 20 us */
#define LOOK        4096 /* tries until a thread that does not sleep looks for the turner's end */

/* The turn that this thread took last. */
static _Thread_local struct fly_election *held;

struct fly_election *fly_election_new(struct fly_poller *p, unsigned lcore)
{
	struct fly_election *e = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof *e);

	if (!e)
		return NULL;
	*e = (struct fly_election){.poller = p, .lcore = lcore};
	atomic_init(&e->turner, fly_thread_number());
	pthread_mutex_init(&e->lock, NULL);
	TAILQ_INIT(&e->sleepers);
	return e;
}

void fly_election_free(struct fly_election *e)
{
	if (!e)
		return;
	pthread_mutex_destroy(&e->lock);
	free(e);
}

struct fly_poller *fly_elected_here(void)
{
	return held ? held->poller : NULL;
}

bool fly_elected_is_turning(void)
{
	const struct fly_election *e = held;

	while (e && !e->poller->turning)
		e = e->outer;
	return e != NULL;
}

void fly_elected_forked(void)
{
	held = NULL;
}

/* ---- taking and giving ---- */

static void enter(struct fly_election *e)
{
	e->outer = held;
	held = e;
	if (e->lcore == LCORE_ID_ANY)
		return;
	e->own_lcore = rte_lcore_id();
	RTE_PER_LCORE(_lcore_id) = e->lcore;
}

static void leave(struct fly_election *e)
{
	if (e->lcore != LCORE_ID_ANY)
		RTE_PER_LCORE(_lcore_id) = e->own_lcore;
	held = e->outer;
}

/* T1: all that threads with the turn did before is ours to see; pairs with T2. */
static bool try_take(struct fly_election *e, uint64_t from)
{
	const uint64_t me = fly_thread_mine ? fly_thread_mine : fly_thread_number();

	return atomic_load_explicit(&e->turner, memory_order_relaxed) == from &&
	       atomic_compare_exchange_strong_explicit(&e->turner, &from, me, memory_order_seq_cst,
						       memory_order_relaxed);
}

bool fly_elected_take(struct fly_election *e)
{
	if (!try_take(e, 0))
		return false;
	e->streak = e->last == fly_thread_mine ? e->streak + 1 : 0;
	e->last = fly_thread_mine;
	enter(e);
	return true;
}

static void futex(_Atomic uint32_t *word, int what, uint32_t value, const struct timespec *most)
{
	syscall(SYS_futex, word, what, value, most, NULL, 0);
}

void fly_elected_wake(struct fly_sleeper *sleeper)
{
	/* Carries no data. The futex compares it. */
	atomic_store_explicit(&sleeper->woken, 1, memory_order_seq_cst);
	futex(&sleeper->woken, FUTEX_WAKE_PRIVATE, 1, NULL);
}

/* Under lock. */
static void unlist(struct fly_election *e, struct fly_sleeper *sleeper)
{
	if (!sleeper->is_listed)
		return;
	sleeper->is_listed = false;
	TAILQ_REMOVE(&e->sleepers, sleeper, next);
	atomic_fetch_sub_explicit(&e->n_asleep, 1, memory_order_relaxed);
}

/*
 * A thread that was woken already, by its result, may still be in the list. It does not take the
 * turn: another one has to be woken.
 */
static void wake_one(struct fly_election *e)
{
	struct fly_sleeper *sleeper;

	pthread_mutex_lock(&e->lock);
	TAILQ_FOREACH(sleeper, &e->sleepers, next)
	{
		/* Relaxed: by us, or by a thread that had the turn before us (T1). */
		if (!atomic_load_explicit(&sleeper->woken, memory_order_relaxed))
			break;
	}
	if (sleeper) {
		unlist(e, sleeper);
		fly_elected_wake(sleeper);
	}
	pthread_mutex_unlock(&e->lock);
}

/* T2: publishes what this thread did to the poller; pairs with T1. D17, D18: against D19, D20. */
static void free_turn(struct fly_election *e)
{
	atomic_exchange_explicit(&e->turner, 0, memory_order_seq_cst);          /* T2, D17 */
	if (unlikely(atomic_load_explicit(&e->n_asleep, memory_order_seq_cst))) /* D18 */
		wake_one(e);
}

void fly_elected_give(struct fly_election *e)
{
	leave(e);
	free_turn(e);
}

void fly_elected_end_streak(struct fly_election *e)
{
	e->streak = 0;
}

/* Letting others run is for nothing while no result has come for them. */
bool fly_elected_is_enough(const struct fly_election *e, unsigned turns, uint64_t returned)
{
	return turns % YIELD_TURNS == 0 &&
	       (turns >= ALONE_TURNS ||
		fly_stats_get(&e->poller->stats, FLY_COUNT_calls_returned) != returned);
}

void fly_election_set_lcore(struct fly_election *e, unsigned lcore)
{
	e->lcore = lcore;
}

void fly_election_open(struct fly_election *e)
{
	free_turn(e);
}

void fly_election_seize(struct fly_election *e)
{
	/* Relaxed: starting or joining a thread orders it. */
	atomic_store_explicit(&e->turner, fly_thread_number(), memory_order_relaxed);
}

void fly_election_close(struct fly_election *e)
{
	struct fly_sleeper sleeper = {0};

	while (!fly_elected_is_here(e) && !try_take(e, 0)) {
		fly_elected_prepare(&sleeper);
		fly_elected_sleep(e, &sleeper);
	}
}

static unsigned turn(struct fly_poller *p)
{
	return fly_poller_turn(p, fly_poller_time(p));
}

void fly_elected_turn_held(void)
{
	for (const struct fly_election *e = held; e; e = e->outer)
		turn(e->poller);
}

unsigned fly_elected_turn(struct fly_election *e)
{
	static _Thread_local uint32_t tries;
	unsigned received;

	if (fly_elected_is_here(e))
		return turn(e->poller);
	if (!fly_elected_take(e)) {
		fly_elected_look(e, &tries);
		return 0;
	}
	received = turn(e->poller);
	fly_elected_give(e);
	return received;
}

/* ---- sleeping ---- */

void fly_elected_prepare(struct fly_sleeper *sleeper)
{
	atomic_store_explicit(&sleeper->woken, 0, memory_order_seq_cst);
}

/*
 * A thread that has ended in a procedure has kept the turn. Who waits for the turn notices. Its
 * poller is as that of an inline runtime whose thread has ended: runtime/start.c, take_over().
 */
static bool take_over(struct fly_election *e)
{
	const uint64_t turner = fly_elected_turner(e);

	if (turner == 0 || !fly_thread_has_ended(turner) || !try_take(e, turner))
		return false;
	e->poller->turning = false;
	e->poller->nested = 0;
	return true;
}

void fly_elected_look(struct fly_election *e, uint32_t *tries)
{
	if (++*tries % LOOK == 0 && take_over(e))
		free_turn(e);
}

void fly_elected_sleep(struct fly_election *e, struct fly_sleeper *sleeper)
{
	const struct timespec most = {.tv_nsec = FLY_WAIT_MS * 1000000L};
	bool is_free;

	pthread_mutex_lock(&e->lock);
	sleeper->is_listed = true;
	TAILQ_INSERT_TAIL(&e->sleepers, sleeper, next);
	atomic_fetch_add_explicit(&e->n_asleep, 1, memory_order_seq_cst); /* D19 */
	pthread_mutex_unlock(&e->lock);
	is_free = atomic_load_explicit(&e->turner, memory_order_seq_cst) == 0; /* D20 */
	if (!is_free)
		futex(&sleeper->woken, FUTEX_WAIT_PRIVATE, 0, &most);
	pthread_mutex_lock(&e->lock);
	unlist(e, sleeper);
	pthread_mutex_unlock(&e->lock);
	if (take_over(e))
		free_turn(e);
}

/* ---- waiting ---- */

/* Let others run that want to: among them may be the thread whose result was delivered. */
static void yield(struct fly_election *e)
{
	/* A hint. */
	atomic_fetch_add_explicit(&e->n_resting, 1, memory_order_relaxed);
	fly_yield();
	atomic_fetch_sub_explicit(&e->n_resting, 1, memory_order_relaxed);
}

/* With the turn: turn until the result is there, or, to yield, for a while. */
static void turn_for(struct fly_election *e, const struct fly_slot *s, enum fly_wait wait)
{
	const uint64_t returned = fly_stats_get(&e->poller->stats, FLY_COUNT_calls_returned);
	struct fly_waiting waiting = {0};

	fly_poller_handoffs_first(e->poller);
	for (unsigned turns = 1;; turns++) {
		const unsigned received = turn(e->poller);

		if (fly_slot_is(s, FLY_SLOT_RESULT))
			return;
		if (wait != FLY_WAIT_YIELD)
			fly_wait_after_turn(&waiting, e->poller, wait, received);
		else if (fly_elected_is_enough(e, turns, returned))
			return;
	}
}

/* Another thread has the turn: it delivers our result, or gives the turn. */
static void rest(struct fly_election *e, struct fly_slot *s, struct fly_sleeper *sleeper,
		 enum fly_wait wait, struct fly_waiting *waiting)
{
	const uint32_t word = fly_slot_word(s);

	if (wait == FLY_WAIT_YIELD) {
		fly_elected_look(e, &waiting->empty);
		yield(e);
		return;
	}
	if (wait != FLY_WAIT_SLEEP) {
		fly_elected_look(e, &waiting->empty);
		rte_pause();
		return;
	}
	if (waiting->empty++ < SPINS) {
		rte_pause();
		return;
	}
	fly_elected_prepare(sleeper);
	if (fly_slot_says(word, FLY_SLOT_RESULT) || !fly_slot_go_asleep(s, FLY_ASLEEP_TURN, word))
		return;
	fly_elected_sleep(e, sleeper);
	atomic_store_explicit(&s->asleep, FLY_AWAKE, memory_order_relaxed);
}

void fly_elected_wait(struct fly_election *e, struct fly_slot *s, struct fly_sleeper *sleeper,
		      enum fly_wait wait, struct fly_poller *mine)
{
	/* A procedure in a turn of another poller keeps turning that one: request.c has why. */
	const bool has_others = mine || (held && (held != e || held->outer));
	struct fly_waiting waiting = {0};

	while (!fly_slot_is(s, FLY_SLOT_RESULT)) {
		bool is_over;

		if (has_others) {
			if (mine)
				turn(mine);
			fly_elected_turn_held();
		}
		if (fly_elected_is_here(e)) { /* this is a procedure, which runs in the turn */
			const unsigned received = turn(e->poller);

			if (!has_others)
				fly_wait_after_turn(&waiting, e->poller, wait, received);
			continue;
		}
		if (!fly_elected_take(e)) {
			if (!has_others)
				rest(e, s, sleeper, wait, &waiting);
			else
				fly_elected_look(e, &waiting.empty);
			continue;
		}
		if (has_others)
			turn(e->poller);
		else
			turn_for(e, s, wait);
		is_over = !fly_slot_is(s, FLY_SLOT_RESULT) || e->streak >= FLY_ELECTED_STREAK;
		fly_elected_give(e);
		/* A hint, as it is stored. */
		if (wait == FLY_WAIT_YIELD && is_over && !has_others &&
		    (!fly_slot_is(s, FLY_SLOT_RESULT) ||
		     atomic_load_explicit(&e->n_resting, memory_order_relaxed)))
			yield(e);
	}
}

void fly_elected_serve(struct fly_election *e, enum fly_wait wait, const _Atomic bool *quit)
{
	struct fly_sleeper sleeper = {0};
	struct fly_waiting waiting = {0};

	while (!atomic_load_explicit(quit, memory_order_relaxed)) { /* carries no data */
		unsigned turns = 0;

		if (fly_elected_is_here(e)) { /* this is a procedure, which runs in the turn */
			fly_wait_after_turn(&waiting, e->poller, wait, turn(e->poller));
			continue;
		}
		if (!fly_elected_take(e)) {
			if (wait == FLY_WAIT_SLEEP) {
				fly_elected_prepare(&sleeper);
				fly_elected_sleep(e, &sleeper);
				continue;
			}
			fly_elected_look(e, &waiting.empty);
			if (wait == FLY_WAIT_YIELD)
				yield(e);
			else
				rte_pause();
			continue;
		}
		while (!atomic_load_explicit(quit, memory_order_relaxed)) {
			const unsigned received = turn(e->poller);

			if (wait != FLY_WAIT_YIELD)
				fly_wait_after_turn(&waiting, e->poller, wait, received);
			else if (!received || ++turns == YIELD_TURNS)
				break;
		}
		fly_elected_give(e);
		if (wait == FLY_WAIT_YIELD)
			yield(e);
	}
}
