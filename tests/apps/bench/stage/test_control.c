/* SPDX-License-Identifier: BSD-3-Clause */
/* test_control.c - orders between two processes: each is carried out, a dead server is noticed. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "bench/stage/control.h"
#include "patience.h"

static struct control control;

/* A server that does what it is told and no more. */
static void serve(void)
{
	uint64_t order = 0;

	for (;;) {
		order = control_next(control.page, order);
		if (control_mode(order) == CONTROL_QUIT) {
			control.page->missing = 3;
			control_acknowledge(control.page, order);
			_exit(0);
		}
		if (control_mode(order) == CONTROL_FLOOR && control_argument(order) == 99)
			_exit(1); /* dies before it has acknowledged */
		control_acknowledge(control.page, order);
		if (control_mode(order) == CONTROL_PINGPONG)
			control_answer(control.page, order);
	}
}

static void start_server(void)
{
	cr_assert(control_open(&control) == 0);
	control.server = fork();
	if (control.server == 0)
		serve();
	cr_assert(control.server > 0);
}

TestSuite(control, .init = start_server, .timeout = HANG);

Test(control, control_order__is_acknowledged_with_its_argument)
{
	for (uint32_t i = 100; i < 2000; i++) {
		cr_assert(control_order(&control, CONTROL_FLOOR, i) == 0);
		cr_assert(control_argument(control.page->acknowledged) == i);
		cr_assert(control_mode(control.page->acknowledged) == CONTROL_FLOOR);
	}
	cr_expect(control_close(&control) == 3);
}

Test(control, control_order__the_same_twice_is_two_orders)
{
	uint64_t first;

	cr_assert(control_order(&control, CONTROL_CALLS, 0) == 0);
	first = control.page->order;
	cr_assert(control_order(&control, CONTROL_CALLS, 0) == 0);
	cr_expect(control.page->order != first);
	control_close(&control);
}

Test(control, control_distance__is_measured_time_and_again)
{
	for (unsigned i = 0; i < 20; i++) {
		double ticks = 0;

		cr_assert(control_distance(&control, &ticks) == 0);
		cr_expect(ticks > 0);
	}
	control_close(&control);
}

Test(control, control_order__notices_a_server_that_dies)
{
	cr_expect(control_order(&control, CONTROL_FLOOR, 99) == -1);
	cr_expect(control.server == 0);
	cr_expect(control_order(&control, CONTROL_CALLS, 0) == -1);
	cr_expect(control_close(&control) == 0);
}

Test(control, control_distance__notices_a_server_that_is_killed)
{
	double ticks;

	cr_assert(control_order(&control, CONTROL_CALLS, 0) == 0);
	kill(control.server, SIGKILL);
	while (control_distance(&control, &ticks) == 0)
		sched_yield();
	cr_expect(control.server == 0);
	control_close(&control);
}

Test(control, control_close__after_nothing_was_opened)
{
	struct control none = {.fd = -1};

	cr_expect(control_close(&none) == 0);
	control_close(&control);
}
