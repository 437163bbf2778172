/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_handoff.c - which slots a poller polls, which it must be rung for, and what its sweep finds.
 * The other sides have no threads: the test writes to the slots.
 */
#include <criterion/criterion.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "case.h"
#include "sim.h"

#define HANDOFFS 3

static struct sim *s;
static struct fly_poller *p;
static struct fly_handoff handoffs[HANDOFFS];
static unsigned acted[HANDOFFS];

static void act(struct fly_poller *of, struct fly_handoff *handoff)
{
	cr_expect(of == p);
	acted[handoff - handoffs]++;
}

static void begin(void)
{
	sim_eal();
	s = sim_new();
	p = sim_poller(sim_add(s, NULL));
	for (unsigned i = 0; i < HANDOFFS; i++) {
		handoffs[i] = (struct fly_handoff){
			.act = act,
			.wanted = FLY_SLOT_CALL,
		};
		cr_assert(fly_handoff_add(p, &handoffs[i]) == 0);
	}
	cr_expect(p->n_sources == HANDOFFS);
}

static void end(void)
{
	while (p->n_sources)
		fly_handoff_remove(p, TAILQ_FIRST(&p->handoffs.all));
	cr_expect(p->handoffs.n_polled == 0 && TAILQ_EMPTY(&p->handoffs.all));
	cr_expect(sim_end(s) == 0);
}

TestSuite(handoff, .timeout = HANG);

/* What a thread does that hands its slot over. */
static void hand_over(struct fly_handoff *handoff)
{
	if (fly_slot_to_poller(&handoff->slot, FLY_SLOT_CALL))
		fly_handoff_ring(&p->handoffs, handoff);
}

static unsigned turn(void)
{
	return fly_handoff_turn(p, &p->handoffs);
}

Case(handoff, fly_handoff_ring__a_slot_that_rang_is_polled_from_then_on)
{
	hand_over(&handoffs[1]);
	cr_expect(p->handoffs.rung == &handoffs[1] && handoffs[1].is_rung);
	cr_expect(turn() == 1 && acted[1] == 1 && p->handoffs.n_polled == 1);
	cr_expect(p->handoffs.rung == NULL && !handoffs[1].is_rung);
	hand_over(&handoffs[1]);
	cr_expect(p->handoffs.rung == NULL, "it need not ring");
	cr_expect(turn() == 1 && acted[1] == 2);
	cr_expect(turn() == 0 && acted[0] == 0 && acted[2] == 0);
}

Case(handoff, fly_handoff_ring__twice_is_once)
{
	hand_over(&handoffs[0]);
	fly_handoff_ring(&p->handoffs, &handoffs[0]);
	hand_over(&handoffs[2]);
	fly_handoff_ring(&p->handoffs, &handoffs[0]);
	cr_expect(p->handoffs.rung == &handoffs[2] && handoffs[2].next_rung == &handoffs[0] &&
		  handoffs[0].next_rung == NULL);
	cr_expect(turn() == 2 && acted[0] == 1 && acted[2] == 1);
}

Case(handoff, fly_handoff_turn__polls_no_longer_what_is_not_used)
{
	hand_over(&handoffs[0]);
	turn();
	for (unsigned i = 0; i < FLY_HANDOFF_PATIENCE; i++)
		turn();
	cr_expect(p->handoffs.n_polled == 1 && handoffs[0].slot.polled == 1);
	turn();
	cr_expect(p->handoffs.n_polled == 0 && handoffs[0].slot.polled == 0);
	hand_over(&handoffs[0]);
	cr_expect(p->handoffs.rung == &handoffs[0]);
	cr_expect(turn() == 1 && acted[0] == 2);
}

static unsigned nested_in_act;

static void note_nested(struct fly_poller *of, struct fly_handoff *handoff)
{
	nested_in_act = of->nested;
	act(of, handoff);
}

Case(handoff, fly_poller_handoffs_within__calls_of_other_threads_are_not_nested)
{
	nested_in_act = 99;
	atomic_store(&handoffs[0].act, note_nested);
	p->nested = FLY_NESTED_MAX; /* as if so many procedures were nested */
	hand_over(&handoffs[0]);
	cr_expect(fly_poller_handoffs_within(p) == 1 && acted[0] == 1);
	cr_expect(nested_in_act == 0, "%u", nested_in_act);
	cr_expect(p->nested == FLY_NESTED_MAX);
	p->nested = 0;
}

Case(handoff, fly_handoff_unwatch__not_if_it_was_handed_over_meanwhile)
{
	fly_handoff_watch(&p->handoffs, &handoffs[0]);
	hand_over(&handoffs[0]); /* polled: it does not ring */
	fly_handoff_unwatch(&p->handoffs, &handoffs[0]);
	cr_expect(p->handoffs.n_polled == 1 && handoffs[0].slot.polled == 1);
	cr_expect(turn() == 1 && acted[0] == 1);
}

Case(handoff, fly_handoff_unwatch__the_others_stay)
{
	for (unsigned i = 0; i < HANDOFFS; i++)
		fly_handoff_watch(&p->handoffs, &handoffs[i]);
	fly_handoff_unwatch(&p->handoffs, &handoffs[0]);
	cr_expect(p->handoffs.n_polled == 2);
	for (unsigned i = 1; i < HANDOFFS; i++) {
		hand_over(&handoffs[i]);
		cr_expect(p->handoffs.polled[handoffs[i].polled_at] == &handoffs[i]);
	}
	cr_expect(turn() == 2 && acted[1] == 1 && acted[2] == 1);
}

Case(handoff, fly_handoff_remove__one_that_rang)
{
	hand_over(&handoffs[0]);
	hand_over(&handoffs[1]);
	fly_handoff_remove(p, &handoffs[0]);
	cr_expect(turn() == 1 && acted[0] == 0 && acted[1] == 1);
	cr_expect(p->handoffs.n_polled == 1 && p->handoffs.polled[0] == &handoffs[1]);
	cr_expect(p->n_sources == HANDOFFS - 1);
}

Case(handoff, fly_handoff_remove__one_that_is_polled)
{
	for (unsigned i = 0; i < HANDOFFS; i++)
		fly_handoff_watch(&p->handoffs, &handoffs[i]);
	fly_handoff_remove(p, &handoffs[0]);
	hand_over(&handoffs[2]);
	cr_expect(turn() == 1 && acted[2] == 1 && p->handoffs.n_polled == 2);
}

Case(handoff, fly_handoff_add__more_than_there_was_room_for)
{
	static struct fly_handoff many[200];

	for (unsigned i = 0; i < 200; i++) {
		many[i] = (struct fly_handoff){.act = act, .wanted = FLY_SLOT_CALL};
		cr_assert(fly_handoff_add(p, &many[i]) == 0);
		fly_handoff_watch(&p->handoffs, &many[i]);
	}
	cr_expect(p->handoffs.n_polled == 200 && p->handoffs.room >= 200 + HANDOFFS);
	for (unsigned i = 0; i < 200; i++)
		fly_handoff_remove(p, &many[i]);
}

/* ---- the sweep ---- */

#define FOUND_MS 1000 /* of handoff.c */

/* Handed over by a thread that did not ring. */
static void forget_to_ring(struct fly_handoff *handoff)
{
	fly_slot_to_poller(&handoff->slot, FLY_SLOT_CALL);
}

Case(handoff, fly_handoff_sweep__finds_what_did_not_ring)
{
	forget_to_ring(&handoffs[1]);
	cr_expect(fly_handoff_sweep(&p->handoffs, 5) == 0, "it may be about to ring");
	for (unsigned i = 0; i < 10; i++)
		cr_expect(turn() == 0);
	cr_expect(fly_handoff_sweep(&p->handoffs, 5 + FOUND_MS) == 0);
	cr_expect(fly_handoff_sweep(&p->handoffs, 6 + FOUND_MS) == 1);
	cr_expect(turn() == 1 && acted[1] == 1);
	cr_expect(fly_handoff_sweep(&p->handoffs, 7 + 2 * FOUND_MS) == 0);
}

Case(handoff, fly_handoff_sweep__not_while_the_poller_stood_still)
{
	forget_to_ring(&handoffs[1]);
	cr_expect(fly_handoff_sweep(&p->handoffs, 5) == 0);
	cr_expect(fly_handoff_sweep(&p->handoffs, 6 + 2 * FOUND_MS) == 0,
		  "the thread may have stood still as well");
	turn();
	turn();
	cr_expect(fly_handoff_sweep(&p->handoffs, 7 + 2 * FOUND_MS) == 1);
	turn();
}

Case(handoff, fly_handoff_sweep__begins_anew_with_the_next_call)
{
	forget_to_ring(&handoffs[1]);
	fly_handoff_sweep(&p->handoffs, 5);
	fly_handoff_ring(&p->handoffs, &handoffs[1]); /* late, but not never */
	cr_expect(turn() == 1);
	fly_handoff_unwatch(&p->handoffs, &handoffs[1]);
	turn();
	turn();
	forget_to_ring(&handoffs[1]);
	cr_expect(fly_handoff_sweep(&p->handoffs, 6 + FOUND_MS) == 0);
	fly_handoff_ring(&p->handoffs, &handoffs[1]);
	turn();
}

/* ---- sleep ---- */

static bool was_woken(int fd)
{
	eventfd_t count;

	return eventfd_read(fd, &count) == 0;
}

Case(handoff, fly_handoff_prepare_sleep__who_rings_wakes_the_poller)
{
	p->handoffs.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	fly_handoff_watch(&p->handoffs, &handoffs[0]);
	cr_expect(fly_handoff_prepare_sleep(&p->handoffs));
	cr_expect(p->handoffs.n_polled == 0 && p->handoffs.asleep == 1);
	hand_over(&handoffs[0]);
	cr_expect(was_woken(p->handoffs.wake_fd));
	fly_handoff_end_sleep(&p->handoffs);
	turn();
	fly_handoff_unwatch(&p->handoffs, &handoffs[0]);
	hand_over(&handoffs[0]);
	cr_expect(!was_woken(p->handoffs.wake_fd), "awake, it polls the list");
	turn();
	close(p->handoffs.wake_fd);
	p->handoffs.wake_fd = -1;
}

Case(handoff, fly_handoff_prepare_sleep__not_if_something_was_handed_over)
{
	fly_handoff_watch(&p->handoffs, &handoffs[0]);
	hand_over(&handoffs[0]); /* polled: it does not ring */
	cr_expect(!fly_handoff_prepare_sleep(&p->handoffs));
	cr_expect(p->handoffs.asleep == 0 && turn() == 1);
	fly_handoff_unwatch(&p->handoffs, &handoffs[0]);
	hand_over(&handoffs[1]);
	cr_expect(!fly_handoff_prepare_sleep(&p->handoffs), "one has rung");
	cr_expect(p->handoffs.asleep == 0 && turn() == 1);
}
