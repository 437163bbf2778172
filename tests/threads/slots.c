/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * slots.c - slots between bare threads: a handoff queue, callers and workers, and no runtime.
 *
 * Callers come and go, call, withdraw calls, spin, yield or sleep. The poller's thread answers
 * calls, gives calls to workers and withdraws some, stops polling slots, and sleeps. No sleep has a
 * time limit: after a lost wakeup the program hangs.
 */
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "fastpath/handoff.h"
#include "fastpath/poller.h"
#include "fastpath/slow.h"
#include "threads/request.h"
#include "threads.h"

#define CALLERS 3
#define WORKERS 2

static struct fly_poller poller;

/* The other side of a handoff; `handoff` first. */
struct end {
	struct fly_handoff handoff;
	pthread_t thread;
	unsigned number;
	uint64_t random;
	/* Fields of a caller's thread. */
	uint64_t calls;
	uint64_t withdrawn;
	uint64_t slept;
	/* Fields of the poller's thread. */
	uint64_t last; /* number of the newest call run or given */
	uint64_t n;    /* calls run; of a worker: results */
	uint64_t taken_back;
	bool is_out;   /* of a worker: it has a call, or its result was not taken yet */
	uint64_t said; /* calls that the worker counts; read after its end */
};

static struct end workers[WORKERS];
static _Atomic unsigned n_callers;
static _Atomic uint64_t answered; /* sum of callers that have left */
static _Atomic uint64_t called;
static _Atomic uint64_t slept;
static _Atomic uint64_t withdrawn;
static uint64_t sleeps;

static uint64_t number_in(const struct fly_slot *s)
{
	uint64_t number;

	memcpy(&number, s->bytes, sizeof number);
	return number;
}

static void put_number(struct fly_slot *s, uint64_t number)
{
	for (unsigned i = 0; i < FLY_SLOT_BYTES; i += (unsigned)sizeof number)
		memcpy(s->bytes + i, &number, sizeof number);
}

static bool is_number(const struct fly_slot *s, uint64_t number)
{
	for (unsigned i = 0; i < FLY_SLOT_BYTES; i += (unsigned)sizeof number) {
		if (memcmp(s->bytes + i, &number, sizeof number) != 0)
			return false;
	}
	return true;
}

/* Nothing is in the slot: go on, yield, or sleep until the slot is handed over. */
static void rest(struct end *e, uint32_t word)
{
	struct fly_slot *s = &e->handoff.slot;
	const uint32_t how = threads_random(&e->random, 100);

	if (how < 10) {
		sched_yield();
	} else if (how < 12 && fly_slot_go_asleep(s, FLY_ASLEEP_FUTEX, word)) {
		e->slept++;
		syscall(SYS_futex, &s->state, FUTEX_WAIT_PRIVATE, word, NULL, NULL, 0);
		atomic_store_explicit(&s->asleep, FLY_AWAKE, memory_order_relaxed);
	}
}

static void hand_over(struct end *e, enum fly_slot_state state)
{
	const bool must_ring = fly_slot_to_poller(&e->handoff.slot, state);

	if (must_ring)
		fly_handoff_ring(&poller.handoffs, &e->handoff);
}

/* ---- callers ---- */

static void answer(struct fly_poller *p, struct fly_handoff *handoff)
{
	struct end *e = (struct end *)(void *)handoff;
	struct fly_slot *s = &handoff->slot;
	uint64_t mine;

	(void)p;
	if (!fly_slot_claim(s, handoff->acted))
		return;
	mine = number_in(s);
	threads_check(is_number(s, mine), "caller %u: arguments of two calls", e->number);
	threads_check(mine > e->last, "caller %u: call %lu after %lu", e->number,
		      (unsigned long)mine, (unsigned long)e->last);
	e->last = mine;
	e->n++;
	put_number(s, ~mine);
	if (fly_slot_from_poller(s, FLY_SLOT_RESULT))
		fly_slow_wake_handoff(handoff);
}

static int join(struct fly_poller *p, void *argument)
{
	struct end *e = argument;
	const int status = fly_handoff_add(p, &e->handoff);

	if (status == 0 && e->number % 2)
		fly_handoff_watch(&p->handoffs, &e->handoff);
	return status;
}

static int leave(struct fly_poller *p, void *argument)
{
	struct end *e = argument;

	fly_handoff_remove(p, &e->handoff);
	return 0;
}

static void call(struct end *e, uint64_t number)
{
	struct fly_slot *s = &e->handoff.slot;
	bool may_withdraw = threads_random(&e->random, 10) == 0;

	put_number(s, number);
	hand_over(e, FLY_SLOT_CALL);
	while (!fly_slot_is(s, FLY_SLOT_RESULT)) {
		const uint32_t word = fly_slot_word(s);

		if (may_withdraw && threads_random(&e->random, 10) == 0) {
			if (fly_slot_withdraw(s)) {
				e->withdrawn++;
				return;
			}
			may_withdraw = false;
		}
		if (!fly_slot_says(word, FLY_SLOT_RESULT))
			rest(e, word);
	}
	threads_check(is_number(s, ~number), "caller %u: another result", e->number);
	e->calls++;
}

static void *be_caller(void *argument)
{
	const unsigned place = (unsigned)(uintptr_t)argument;
	const unsigned rounds = threads_many(40);

	for (unsigned round = 0; round < rounds; round++) {
		struct end e = {
			.handoff = {.act = answer, .wanted = FLY_SLOT_CALL},
			.number = round * CALLERS + place,
			.random = threads_random_init(round * CALLERS + place),
		};

		threads_must(fly_request(&poller, join, &e) == 0, "no room in the queue");
		for (uint64_t number = 1; number <= 10000; number++)
			call(&e, number);
		threads_must(fly_request(&poller, leave, &e) == 0, "cannot leave");
		threads_check(e.calls == e.n, "caller %u: %lu results, but %lu calls were run",
			      e.number, (unsigned long)e.calls, (unsigned long)e.n);
		atomic_fetch_add(&answered, e.n);
		atomic_fetch_add(&called, e.calls);
		atomic_fetch_add(&withdrawn, e.withdrawn);
		atomic_fetch_add(&slept, e.slept);
	}
	if (atomic_fetch_sub(&n_callers, 1) == 1)
		eventfd_write(poller.handoffs.wake_fd, 1);
	return NULL;
}

/* ---- workers ---- */

#define NO_MORE UINT64_MAX

static void *be_worker(void *argument)
{
	struct end *e = argument;
	struct fly_slot *s = &e->handoff.slot;
	uint64_t number = 0;

	while (number != NO_MORE) {
		const uint32_t word = fly_slot_word(s);

		if (!fly_slot_says(word, FLY_SLOT_CALL)) {
			rest(e, word);
			continue;
		}
		if (!fly_slot_claim(s, word))
			continue;
		threads_check(number_in(s) > number, "worker %u: call %lu after %lu", e->number,
			      (unsigned long)number_in(s), (unsigned long)number);
		number = number_in(s);
		threads_check(is_number(s, number), "worker %u: arguments of two calls", e->number);
		e->said++;
		put_number(s, ~number);
		hand_over(e, FLY_SLOT_RESULT);
	}
	atomic_fetch_add(&slept, e->slept);
	return NULL;
}

static void take_result(struct fly_poller *p, struct fly_handoff *handoff)
{
	struct end *e = (struct end *)(void *)handoff;

	(void)p;
	threads_check(is_number(&handoff->slot, ~e->last), "worker %u: another result", e->number);
	e->n++;
	e->is_out = false;
}

static void give(struct end *e, uint64_t number)
{
	struct fly_slot *s = &e->handoff.slot;

	e->last = number;
	e->is_out = true;
	put_number(s, number);
	if (fly_slot_from_poller(s, FLY_SLOT_CALL))
		fly_slow_wake_handoff(&e->handoff);
}

static void keep_busy(uint64_t *random)
{
	for (unsigned i = 0; i < WORKERS; i++) {
		struct end *e = &workers[i];

		if (!e->is_out && threads_random(random, 4) == 0) {
			give(e, e->last + 1);
			if (threads_random(random, 2))
				fly_handoff_watch(&poller.handoffs, &e->handoff);
		} else if (threads_random(random, 50) == 0 && fly_slot_withdraw(&e->handoff.slot)) {
			e->taken_back++;
			e->is_out = false;
		}
	}
}

/* ---- the poller ------------------------------------------------------------------------------ */

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool is_over(void)
{
	for (unsigned i = 0; i < WORKERS; i++) {
		if (workers[i].is_out)
			return false;
	}
	return atomic_load(&n_callers) == 0;
}

/*
 * Does not sleep when all is over. The last caller wakes the poller only once: that may have ended
 * an earlier sleep while a worker was busy, and the worker's result may have been taken since.
 */
static void sleep_once(void)
{
	eventfd_t count;

	if (!fly_handoff_prepare_sleep(&poller.handoffs))
		return;
	if (!atomic_load_explicit(&poller.attention, memory_order_seq_cst) && !is_over()) {
		sleeps++;
		eventfd_read(poller.handoffs.wake_fd, &count);
	}
	fly_handoff_end_sleep(&poller.handoffs);
}

static void turn(void)
{
	fly_handoff_turn(&poller, &poller.handoffs);
	if (atomic_load_explicit(&poller.attention, memory_order_relaxed)) {
		atomic_store_explicit(&poller.attention, 0, memory_order_relaxed);
		fly_requests_serve(&poller);
	}
}

int main(int argc, char **argv)
{
	pthread_t callers[CALLERS];
	uint64_t random;
	uint64_t results = 0;
	uint64_t missed = 0;
	uint64_t swept_ms = now_ms();

	threads_begin("slots", argc, argv, 300);
	random = threads_random_init(UINT_MAX);
	fly_handoff_queue_init(&poller.handoffs);
	poller.handoffs.wake_fd = eventfd(0, EFD_CLOEXEC);
	threads_must(poller.handoffs.wake_fd >= 0 && fly_requests_init(&poller) == 0, "no memory");
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i] = (struct end){
			.handoff = {.act = take_result, .wanted = FLY_SLOT_RESULT},
			.number = i,
			.random = threads_random_init(1000 + i),
		};
		threads_must(fly_handoff_add(&poller, &workers[i].handoff) == 0, "no memory");
		pthread_create(&workers[i].thread, NULL, be_worker, &workers[i]);
	}
	atomic_store(&n_callers, CALLERS);
	for (unsigned i = 0; i < CALLERS; i++)
		pthread_create(&callers[i], NULL, be_caller, (void *)(uintptr_t)i);
	while (!is_over()) {
		turn();
		if (atomic_load_explicit(&n_callers, memory_order_relaxed))
			keep_busy(&random);
		if (poller.handoffs.n_polled && threads_random(&random, 20) == 0)
			fly_handoff_unwatch(
				&poller.handoffs,
				poller.handoffs
					.polled[threads_random(&random, poller.handoffs.n_polled)]);
		if (threads_random(&random, 200) == 0)
			sleep_once();
		if (threads_random(&random, 20) == 0)
			sched_yield();
		if (now_ms() > swept_ms + 100) {
			swept_ms = now_ms();
			missed += fly_handoff_sweep(&poller.handoffs, swept_ms);
		}
	}
	for (unsigned i = 0; i < CALLERS; i++)
		pthread_join(callers[i], NULL);
	for (unsigned i = 0; i < WORKERS; i++) {
		const uint64_t given = workers[i].last;

		give(&workers[i], NO_MORE);
		pthread_join(workers[i].thread, NULL);
		threads_check(workers[i].said == workers[i].n + 1 &&
				      workers[i].n + workers[i].taken_back == given,
			      "worker %u: ran %lu, %lu results, %lu taken back, of %lu", i,
			      (unsigned long)workers[i].said, (unsigned long)workers[i].n,
			      (unsigned long)workers[i].taken_back, (unsigned long)given);
		results += workers[i].n;
		fly_handoff_remove(&poller, &workers[i].handoff);
	}
	threads_check(missed == 0, "%lu slots were missed", (unsigned long)missed);
	threads_check(atomic_load(&withdrawn) && atomic_load(&slept) && sleeps,
		      "something was never done");
	fly_requests_fini(&poller);
	fly_handoff_queue_fini(&poller.handoffs);
	close(poller.handoffs.wake_fd);
	return threads_end(
		"%lu calls by callers that came and went, %lu taken back, %lu by workers; "
		"slept %lu times, the poller %lu times",
		(unsigned long)called, (unsigned long)withdrawn, (unsigned long)results,
		(unsigned long)slept, (unsigned long)sleeps);
}
