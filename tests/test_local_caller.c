/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_local_caller.c - the caller's half of a local call, at a server made by hand: what a server
 * can say and do, and how calls end then. The test is both sides, on one thread.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/system_clock.h"
#include "case.h"
#include "fastpath/clock.h"
#include "hand_server.h"
#include "local/caller.h"
#include "marshal/raise.h"
#include "runtime/runtime.h"

#define PROCEDURE 3
#define LONG      20000 /* bytes, more than an area has */

static char name[48];
static char spec[64];
static struct hand_server server;
static struct fly_runtime *client;
static struct fly_binding *binding;

static const struct fly_interface interface = {FLY_STUB_VERSION, "Hand", 1, 0, NULL};

static void begin(void)
{
	const char *const links[] = {spec, NULL};
	const struct fly_options o = {.size = sizeof o,
				      .links = links,
				      .call_timeout_ms = 1000 * patience(2)};

	snprintf(name, sizeof name, "test-lcaller-%d", (int)getpid());
	snprintf(spec, sizeof spec, "local:%s,wait=0", name);
	cr_assert(fly_start(&o, &client) == 0, "%s", fly_error());
}

static void join(uint32_t slots)
{
	hand_server_listen(&server, name, slots);
	cr_assert(fly_import(client, &interface, NULL, &binding) == 0, "%s", fly_error());
	hand_server_join(&server);
}

static void end(void)
{
	cr_expect(fly_stop(client) == 0, "%s", fly_error());
	hand_server_end(&server);
}

TestSuite(local_caller, .timeout = HANG);

static struct fly_local *local(void)
{
	return fly_local_of(binding);
}

static bool is_idle(void)
{
	return local()->n_idle == local()->memory.slots;
}

static uint8_t far_of(uint32_t i)
{
	return atomic_load(&fly_astack_head(&server.m)->far[i]);
}

static void set_far(uint32_t i, uint8_t owner)
{
	atomic_store(&fly_astack_head(&server.m)->far[i], owner);
}

static int start(uint32_t bytes, struct fly_call **call)
{
	return binding->starter(binding, PROCEDURE, bytes, call);
}

static struct fly_call *send_call(uint32_t bytes)
{
	struct fly_call *call;

	cr_assert(start(bytes, &call) == 0);
	binding->send(call);
	return call;
}

/* Its slot. */
static uint32_t slot_of(const struct fly_call *call)
{
	return ((const struct fly_local_call *)(const void *)call)->index;
}

/* Start a call, answer it, and wait for it. */
static int call_answered(int status, uint32_t place, uint32_t bytes, struct fly_call **call)
{
	*call = send_call(0);
	hand_server_claim(&server, slot_of(*call));
	hand_server_answer(&server, slot_of(*call), status, place, bytes);
	return binding->wait(*call);
}

Case(local_caller, fly_local_ready__not_before_it_was_sent)
{
	struct fly_call *call;

	join(2);
	cr_assert(start(0, &call) == 0);
	cr_expect(!fly_local_ready(fly_local_call_of(call)));
	binding->send(call);
	cr_expect(!fly_local_ready(fly_local_call_of(call)));
	hand_server_claim(&server, slot_of(call));
	hand_server_answer(&server, slot_of(call), 0, FLY_ASTACK_IN_LINE, 0);
	cr_expect(fly_local_ready(fly_local_call_of(call)));
	cr_expect(binding->wait(call) == 0);
	binding->ender(call);
	cr_expect(is_idle());
}

/* ---- what a server says ---- */

Case(local_caller, take__a_result_fits_into_its_place)
{
	static const struct {
		uint32_t place;
		uint32_t bytes;
		int status;
	} bad[] = {
		{FLY_ASTACK_IN_LINE, FLY_SLOT_BYTES + 1, 0},
		{FLY_ASTACK_IN_AREA, FLY_ASTACK_AREA + 1, 0},
		{FLY_ASTACK_IS_FAR, FLY_ASTACK_FAR + 1, 0},
		{FLY_ASTACK_IN_LINE, UINT32_MAX, 0},
		{FLY_ASTACK_PLACES, 0, 0},
		{255, 8, 0},
		{FLY_ASTACK_IN_LINE, 8, 1},
		{FLY_ASTACK_IN_LINE, 8, INT16_MAX},
		{FLY_ASTACK_IN_LINE, FLY_SLOT_BYTES + 1, -FLY_EEXCEPTION},
	};
	static const uint32_t good[][2] = {{FLY_ASTACK_IN_LINE, FLY_SLOT_BYTES},
					   {FLY_ASTACK_IN_AREA, FLY_ASTACK_AREA},
					   {FLY_ASTACK_IS_FAR, FLY_ASTACK_FAR}};
	struct fly_call *call;

	join(3);
	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		cr_expect(call_answered(bad[i].status, bad[i].place, bad[i].bytes, &call) ==
				  -FLY_ERESULT,
			  "%u: %u bytes in place %u", i, bad[i].bytes, bad[i].place);
		cr_expect(is_idle(), "%u", i);
	}
	for (unsigned i = 0; i < 3; i++) {
		cr_expect(call_answered(0, good[i][0], good[i][1], &call) == 0);
		cr_expect(call->length == good[i][1]);
		binding->ender(call);
	}
	cr_expect(is_idle());
}

Case(local_caller, take_unplain__raised_more_than_there_is_room_for)
{
	struct fly_call *call;

	join(1);
	memset(fly_astack_bytes(&server.m, 0, FLY_ASTACK_IN_AREA), 'x', FLY_ASTACK_AREA);
	cr_expect(call_answered(-FLY_ERAISED, FLY_ASTACK_IN_AREA, FLY_ASTACK_AREA, &call) ==
		  -FLY_ERAISED);
	cr_expect(is_idle());
	cr_expect(strlen(fly_raised()->text) < FLY_RAISED_BYTES_MAX);
}

Case(local_caller, take_unplain__the_far_memory_of_a_result_is_free_after_it)
{
	struct fly_call *call;

	join(1);
	set_far(0, FLY_FAR_USED); /* as a server does that writes results there */
	cr_expect(call_answered(0, FLY_ASTACK_IS_FAR, LONG, &call) == 0);
	cr_expect(far_of(0) == FLY_FAR_USED, "it is being read");
	binding->ender(call);
	cr_expect(far_of(0) == FLY_FAR_FREE);
	/* Arguments: from the Starter to the Ender. */
	call = send_call(LONG);
	cr_expect(far_of(0) == FLY_FAR_USED);
	hand_server_claim(&server, 0);
	hand_server_answer(&server, 0, 0, FLY_ASTACK_IN_LINE, 0);
	cr_expect(binding->wait(call) == 0 && far_of(0) == FLY_FAR_USED);
	binding->ender(call);
	cr_expect(far_of(0) == FLY_FAR_FREE && is_idle());
}

/* ---- arguments that the program lends ---- */

static uint8_t array[2][3 << 20];
static struct fly_loans loans;

static uint32_t come_of(uint32_t i)
{
	return atomic_load(fly_astack_come(&server.m, i));
}

/* As a stub does: a number, an array, four bytes, an array. Return: bytes of arguments. */
static uint32_t lend(uint32_t bytes, uint8_t with, struct fly_call **call)
{
	const uint32_t all = 4 + bytes + 4 + bytes;

	for (uint32_t i = 0; i < bytes; i++) {
		array[0][i] = (uint8_t)(i * 7 + with);
		array[1][i] = (uint8_t)(i * 11 + with);
	}
	fly_loans_init(&loans);
	fly_lend_argument(&loans, 4, array[0], bytes, 1);
	fly_lend_argument(&loans, 8 + bytes, array[1], bytes, 1);
	cr_assert(fly_loans_start(&loans, binding, PROCEDURE, all, call) == 0);
	fly_put_u32((*call)->payload, bytes);
	fly_put_u32((*call)->payload + 4 + bytes, with);
	if (!fly_is_lent(&loans, 4)) {
		fly_put_u8s((*call)->payload + 4, array[0], bytes);
		fly_put_u8s((*call)->payload + 8 + bytes, array[1], bytes);
	}
	return all;
}

static void expect_there(uint32_t bytes, uint8_t with)
{
	const uint8_t *far = fly_astack_bytes(&server.m, 0, FLY_ASTACK_IS_FAR);

	cr_expect(fly_get_u32(far) == bytes && fly_get_u32(far + 4 + bytes) == with);
	cr_expect(memcmp(far + 4, array[0], bytes) == 0 &&
			  memcmp(far + 8 + bytes, array[1], bytes) == 0,
		  "%u bytes", bytes);
}

static void expect_lent(uint32_t bytes, bool is_read, bool is_early)
{
	static uint8_t with;
	struct fly_call *call;
	const uint32_t all = lend(bytes, ++with, &call);
	const struct fly_slot *slot = hand_server_slot(&server, 0);

	cr_expect(loans.is_read == is_read, "%u bytes", bytes);
	binding->send(call);
	fly_loans_end(&loans, binding);
	cr_expect(binding->loans == NULL);
	cr_expect(slot->kind == FLY_ASTACK_IS_FAR && slot->length == all);
	cr_expect(fly_astack_there(slot) == (is_early ? 4 : all), "%u bytes: %u", bytes,
		  fly_astack_there(slot));
	cr_expect(!is_early || come_of(0) == all, "all have come");
	expect_there(bytes, with);
	hand_server_claim(&server, 0);
	hand_server_answer(&server, 0, 0, FLY_ASTACK_IN_LINE, 0);
	cr_expect(binding->wait(call) == 0);
	binding->ender(call);
	cr_expect(is_idle());
}

Case(local_caller, borrow__long_arrays_are_copied_when_the_call_was_handed_over)
{
	join(1);
	for (uint32_t bytes = 40000; bytes < 3 << 20; bytes = bytes * 3 + 1) {
		expect_lent(bytes, true, true);
		local()->stream = (struct fly_stream){.is_on = true, .look_at_tsc = UINT64_MAX};
		expect_lent(bytes, true, true);
		local()->stream = (struct fly_stream){.look_at_tsc = UINT64_MAX};
		expect_lent(bytes, true, true);
	}
	/* Shorter ones before, and only if that is faster or is to be found out. */
	expect_lent(10000, false, false);
	local()->stream.is_on = true;
	expect_lent(10000, true, false);
	local()->stream = (struct fly_stream){0};
	expect_lent(10000, true, false);
}

Case(local_caller, borrow__nothing_of_a_call_that_waits_around_this_one)
{
	struct fly_call *outer;
	struct fly_call *inner;
	const uint32_t all = (join(2), lend(100000, 1, &outer));

	loans.is_read = false;
	cr_assert(start(all, &inner) == 0);
	cr_expect(!loans.is_read && fly_local_call_of(inner)->n_lent == 0);
	binding->ender(inner);
	binding->ender(outer);
	fly_loans_end(&loans, binding);
	cr_expect(is_idle());
}

Case(local_caller, copy_meanwhile__wakes_a_server_that_sleeps)
{
	struct fly_call *call;
	char byte;

	join(1);
	atomic_store(&fly_astack_head(&server.m)->asleep, 0);
	atomic_store(&hand_server_slot(&server, 0)->polled, 1);
	expect_lent(100000, true, true);
	cr_expect(recv(server.socket, &byte, 1, MSG_DONTWAIT) < 0, "it is awake");
	atomic_store(&fly_astack_head(&server.m)->asleep, 1);
	lend(100000, 1, &call);
	binding->send(call);
	fly_loans_end(&loans, binding);
	cr_expect(recv(server.socket, &byte, 1, MSG_DONTWAIT) == 1);
	hand_server_claim(&server, 0);
	hand_server_answer(&server, 0, 0, FLY_ASTACK_IN_LINE, 0);
	cr_expect(binding->wait(call) == 0);
	binding->ender(call);
}

static _Atomic bool refuses_no_more;

/* Ends each call as soon as it is there. */
static void *refuse_at_once(void *argument)
{
	struct fly_slot *slot = hand_server_slot(&server, 0);

	(void)argument;
	while (!atomic_load(&refuses_no_more)) {
		const uint32_t word = fly_slot_word(slot);

		if (fly_slot_says(word, FLY_SLOT_CALL) && fly_slot_claim(slot, word))
			hand_server_answer(&server, 0, -FLY_EBUSY, FLY_ASTACK_IN_LINE, 0);
	}
	return NULL;
}

Case(local_caller, copy_array__not_for_a_call_that_has_ended)
{
	const uint64_t end_ms = fly_system_clock_ms() + 1000 * patience(10);
	bool was_cut = false;
	pthread_t thread;

	join(1);
	atomic_store(&refuses_no_more, false);
	cr_assert(pthread_create(&thread, NULL, refuse_at_once, NULL) == 0);
	/* The other thread may have to wait for its core: until it comes in time once. */
	while (!was_cut && fly_system_clock_ms() < end_ms) {
		struct fly_call *call;
		const uint32_t all = lend(3 << 20, 1, &call);

		binding->send(call);
		fly_loans_end(&loans, binding);
		was_cut = come_of(0) < all;
		cr_expect(binding->wait(call) == -FLY_EBUSY);
	}
	atomic_store(&refuses_no_more, true);
	pthread_join(thread, NULL);
	cr_expect(was_cut && is_idle());
}

/* ---- starting ---- */

Case(local_caller, starter_checked__no_longer_arguments_than_there_are)
{
	struct fly_call *call;

	join(1);
	cr_expect(start(FLY_MESSAGE_MAX + 1, &call) == -FLY_ETOOBIG);
	cr_expect(is_idle() && far_of(0) == FLY_FAR_FREE);
	cr_expect(start(FLY_MESSAGE_MAX, &call) == 0);
	binding->ender(call);
}

/* The other one's call would have to end first: on this thread. */
Case(local_caller, fly_local_far_take__does_not_wait_for_our_own)
{
	struct fly_call *call;

	join(2);
	set_far(0, FLY_FAR_USED);
	set_far(1, FLY_FAR_USED);
	cr_expect(start(LONG, &call) == -FLY_ECALLS);
	cr_expect(is_idle(), "the slot is not lost");
	set_far(0, FLY_FAR_FREE);
	set_far(1, FLY_FAR_FREE);
	cr_expect(start(LONG, &call) == 0);
	binding->ender(call);
}

Case(local_caller, transporter_send__wakes_a_poller_that_sleeps)
{
	char byte;

	join(2);
	send_call(0);
	cr_expect(recv(server.socket, &byte, 1, MSG_DONTWAIT) < 0, "nobody sleeps");
	cr_expect(atomic_load(&fly_astack_head(&server.m)->bell) == UINT64_C(1) << 0);
	atomic_store(&fly_astack_head(&server.m)->asleep, 1);
	send_call(0);
	cr_expect(recv(server.socket, &byte, 1, MSG_DONTWAIT) == 1);
	hand_server_hang_up(&server);
}

Case(local_caller, transporter_send__says_what_is_called)
{
	const struct fly_slot *slot;
	struct fly_call *call;

	join(1);
	cr_expect(fly_set_deadline(binding, 60000000) == 0);
	cr_assert(start(FLY_SLOT_BYTES, &call) == 0);
	memset(call->payload, 7, FLY_SLOT_BYTES);
	binding->send(call);
	slot = hand_server_slot(&server, 0);
	cr_expect(slot->procedure == PROCEDURE && slot->kind == FLY_ASTACK_IN_LINE &&
		  slot->length == FLY_SLOT_BYTES && slot->left_us == 60000000 &&
		  fly_slot_seq(slot) == 1);
	for (unsigned i = 0; i < FLY_SLOT_BYTES; i++)
		cr_expect(slot->bytes[i] == 7);
	hand_server_claim(&server, 0);
	hand_server_answer(&server, 0, 0, FLY_ASTACK_IN_LINE, 0);
	cr_expect(binding->wait(call) == 0);
	binding->ender(call);
}

static void *answer_later(void *unused)
{
	(void)unused;
	usleep(20000);
	hand_server_answer(&server, 0, 0, FLY_ASTACK_IN_LINE, 0);
	return NULL;
}

Case(local_caller, wait_longer__turns_no_poller_where_procedures_are_too_deep)
{
	struct fly_poller *p = &client->poller;
	pthread_t thread;
	struct fly_call *call;
	uint64_t turns;

	join(1);
	cr_assert(local()->turned == p);
	call = send_call(0);
	hand_server_claim(&server, 0);
	fly_poller_is_deepest = true; /* as if so many procedures were nested */
	turns = p->clock.turns;
	cr_assert(pthread_create(&thread, NULL, answer_later, NULL) == 0);
	cr_expect(binding->wait(call) == 0);
	cr_expect(p->clock.turns == turns);
	pthread_join(thread, NULL);
	fly_poller_is_deepest = false;
	binding->ender(call);
	call = send_call(0);
	hand_server_claim(&server, 0);
	cr_assert(pthread_create(&thread, NULL, answer_later, NULL) == 0);
	cr_expect(binding->wait(call) == 0);
	cr_expect(p->clock.turns != turns, "else it does");
	pthread_join(thread, NULL);
	binding->ender(call);
}

/* ---- giving up ---- */

Case(local_caller, fly_local_give_up__not_when_the_result_is_there)
{
	struct fly_call *call;

	join(1);
	call = send_call(0);
	hand_server_claim(&server, 0);
	hand_server_answer(&server, 0, 0, FLY_ASTACK_IN_LINE, 8);
	cr_expect(fly_cancel(call) == -FLY_EINVAL);
	cr_expect(hand_server_slot(&server, 0)->gone == 0);
	cr_expect(binding->wait(call) == 0 && call->length == 8);
	cr_expect(fly_cancel(call) == -FLY_EINVAL, "it is being read");
	binding->ender(call);
	cr_expect(is_idle());
}

Case(local_caller, find_lost__its_far_memory_is_free_again)
{
	struct fly_call *call;

	join(1);
	call = send_call(0);
	hand_server_claim(&server, 0);
	cr_expect(fly_cancel(call) == 0 && hand_server_slot(&server, 0)->gone == 1);
	cr_expect(binding->wait(call) == -FLY_ECANCELLED);
	cr_expect(start(0, &call) == -FLY_ECALLS, "the server has the slot");
	set_far(0, FLY_FAR_USED);
	hand_server_answer(&server, 0, 0, FLY_ASTACK_IS_FAR, LONG);
	cr_expect(start(LONG, &call) == 0);
	cr_expect(hand_server_slot(&server, 0)->gone == 0);
	binding->ender(call);
	cr_expect(far_of(0) == FLY_FAR_FREE && is_idle() && local()->n_lost == 0);
}

/* ---- a server that says nothing ---- */

/* The end of a quarter. Return: was the server asked whether it lives? */
static bool quarter(void)
{
	char byte;

	fly_local_listen(local(), fly_clock_now_tsc());
	return recv(server.socket, &byte, 1, MSG_DONTWAIT) == 1;
}

static bool is_over(const struct fly_call *call)
{
	return ((const struct fly_local_call *)(const void *)call)->state == FLY_LOCAL_FAILED;
}

Case(local_caller, fly_local_listen__so_many_silent_quarters_in_a_row)
{
	struct fly_call *begun;
	struct fly_call *not_begun;
	struct fly_call *later;

	join(4);
	begun = send_call(0);
	not_begun = send_call(0);
	hand_server_claim(&server, slot_of(begun));
	for (unsigned i = 0; i < 4; i++)
		cr_expect(quarter() && !is_over(begun) && !is_over(not_begun));
	fly_life_beat(&server.life->pollers[0]);
	cr_expect(quarter() && !is_over(begun) && !is_over(not_begun), "it was heard");
	for (unsigned i = 0; i < 3; i++)
		cr_expect(quarter() && !is_over(begun) && !is_over(not_begun));
	later = send_call(0);
	cr_expect(quarter() && is_over(begun) && is_over(not_begun) && !is_over(later));
	cr_expect(binding->wait(begun) == -FLY_EPEER);
	cr_expect(binding->wait(not_begun) == -FLY_EWITHDRAWN);
	for (unsigned i = 0; i < 3; i++)
		cr_expect(quarter() && !is_over(later), "the silence before it does not count");
	cr_expect(quarter() && is_over(later));
	cr_expect(binding->wait(later) == -FLY_EWITHDRAWN);
}

/* A procedure may take long. What its poller has not begun can be had from elsewhere. */
Case(local_caller, fly_local_listen__a_poller_that_does_not_turn)
{
	struct fly_call *begun;
	struct fly_call *not_begun;

	join(2);
	begun = send_call(0);
	not_begun = send_call(0);
	hand_server_claim(&server, slot_of(begun));
	for (unsigned i = 0; i < 12; i++) {
		cr_expect(is_over(not_begun) == (i > 4), "%u", i);
		fly_life_beat(&server.life->process);
		cr_expect(quarter());
	}
	cr_expect(!is_over(begun), "the process is heard");
	cr_expect(binding->wait(not_begun) == -FLY_EWITHDRAWN);
	hand_server_answer(&server, slot_of(begun), 0, FLY_ASTACK_IN_LINE, 0);
	cr_expect(binding->wait(begun) == 0);
	binding->ender(begun);
}

/* ---- a server that goes ---- */

Case(local_caller, fly_local_hung_up__what_it_has_begun_may_have_run)
{
	struct fly_call *begun;
	struct fly_call *not_begun;
	struct fly_call *none;

	join(3);
	begun = send_call(0);
	not_begun = send_call(0);
	hand_server_claim(&server, slot_of(begun));
	hand_server_hang_up(&server);
	cr_expect(binding->wait(not_begun) == -FLY_ELINK);
	cr_expect(binding->wait(begun) == -FLY_EPEER);
	cr_expect(fly_outcome(-FLY_EPEER) == FLY_MAYBE_EXECUTED &&
		  fly_outcome(-FLY_ELINK) == FLY_NOT_EXECUTED);
	cr_expect(start(0, &none) == -FLY_ELINK);
	cr_expect(local()->n_lost == 1 && local()->n_idle == 2);
}

/* A fault in the memory of a peer, as the kernel reports it. */
static void fault_at(void *at)
{
	siginfo_t info = {.si_signo = SIGBUS, .si_code = BUS_ADRERR};

	info.si_addr = at;
	cr_assert(syscall(SYS_rt_tgsigqueueinfo, getpid(), (pid_t)syscall(SYS_gettid), SIGBUS,
			  &info) == 0);
}

Case(local_caller, fly_local_check__memory_that_was_taken_away_ends_the_binding)
{
	struct fly_call *call;

	join(2);
	call = send_call(0);
	hand_server_claim(&server, 0);
	fault_at(local()->memory.far + 4096);
	cr_expect(fly_astack_has_fault(&local()->memory));
	cr_expect(!fly_astack_has_fault(&server.m));
	cr_expect(binding->wait(call) == -FLY_EPEER);
	cr_expect(start(0, &call) == -FLY_ELINK);
}

Case(local_caller, fly_local_check__what_runs_at_the_shutdown_may_have_run)
{
	struct fly_call *begun;
	struct fly_call *not_begun;
	struct fly_call *none;

	join(3);
	begun = send_call(0);
	not_begun = send_call(0);
	hand_server_claim(&server, slot_of(begun));
	fly_shutdown(client);
	cr_expect(binding->wait(begun) == -FLY_ESTOPPED);
	cr_expect(binding->wait(not_begun) == -FLY_ESHUT);
	cr_expect(start(0, &none) == -FLY_ESHUT);
}

/* ---- another server ---- */

Case(local_caller, rebind__not_while_calls_are_under_way)
{
	struct hand_server first;
	struct fly_call *call;

	join(2);
	call = send_call(0);
	cr_expect(fly_rebind(binding) == -FLY_ECONFLICT);
	cr_expect(strstr(fly_error(), "under way") != NULL, "%s", fly_error());
	hand_server_claim(&server, 0);
	hand_server_answer(&server, 0, 0, FLY_ASTACK_IN_LINE, 0);
	cr_expect(fly_rebind(binding) == -FLY_ECONFLICT, "its result was not read");
	cr_expect(binding->wait(call) == 0);
	binding->ender(call);
	close(server.listener);
	first = server;
	hand_server_listen(&server, name, 5);
	cr_expect(fly_rebind(binding) == 0, "%s", fly_error());
	hand_server_join(&server);
	cr_expect(local()->memory.slots == 5 && is_idle());
	hand_server_end(&first);
}

Case(local_caller, rebind__the_event_descriptor_is_of_the_next_server)
{
	struct pollfd told = {.events = POLLIN};
	struct hand_server first;
	struct fly_call *call;
	uint64_t n;

	join(2);
	told.fd = fly_event_fd(binding);
	cr_assert(told.fd >= 0, "%s", fly_error());
	close(server.listener);
	first = server;
	hand_server_listen(&server, name, 2);
	cr_assert(fly_rebind(binding) == 0, "%s", fly_error());
	hand_server_join(&server);
	hand_server_end(&first);
	cr_expect(fly_event_fd(binding) == told.fd);
	while (poll(&told, 1, 50) == 1) /* what became of the first may wake it */
		cr_assert(read(told.fd, &n, sizeof n) == sizeof n);
	call = send_call(0);
	hand_server_claim(&server, slot_of(call));
	cr_expect(hand_server_slot(&server, slot_of(call))->asleep == FLY_ASLEEP_EVENT);
	hand_server_answer(&server, slot_of(call), 0, FLY_ASTACK_IN_LINE, 0);
	cr_assert(send(server.socket, "", 1, MSG_NOSIGNAL) == 1);
	cr_expect(poll(&told, 1, 1000 * (int)patience(10)) == 1);
	cr_expect(fly_ready(call) && binding->wait(call) == 0);
	binding->ender(call);
}

Case(local_caller, rebind__what_there_was_stays_if_nobody_is_there)
{
	struct fly_call *call;

	join(2);
	close(server.listener);
	cr_expect(fly_rebind(binding) == -FLY_EPEER);
	cr_expect(is_idle());
	cr_expect(call_answered(0, FLY_ASTACK_IN_LINE, 0, &call) == 0, "the old server is");
	binding->ender(call);
}

Case(local_caller, starter_reconnecting__not_while_calls_are_not_finished)
{
	struct fly_call *call;
	struct fly_call *next;

	join(2);
	cr_expect(fly_set_reconnect(binding, true) == 0);
	call = send_call(0);
	hand_server_hang_up(&server);
	usleep(2000); /* the socket is looked at once a millisecond */
	cr_expect(start(0, &next) == -FLY_ELINK);
	cr_expect(binding->wait(call) == -FLY_ELINK);
}

static void *come_back(void *context)
{
	usleep(50000);
	hand_server_listen(context, name, 2);
	return NULL;
}

Case(local_caller, starter_reconnecting__rebinding_is_part_of_the_time)
{
	const uint32_t us = 60000000;
	struct hand_server first;
	pthread_t thread;
	struct fly_call *call;
	uint64_t latest_tsc;

	join(2);
	fly_set_reconnect(binding, true);
	fly_set_deadline(binding, us);
	hand_server_hang_up(&server);
	first = server;
	usleep(2000);
	latest_tsc =
		fly_clock_now_tsc() + us * local()->tsc_per_ms / 1000 + 20 * local()->tsc_per_ms;
	cr_assert(pthread_create(&thread, NULL, come_back, &server) == 0);
	cr_assert(start(0, &call) == 0);
	pthread_join(thread, NULL);
	hand_server_join(&server);
	cr_expect(((struct fly_local_call *)(void *)call)->deadline_tsc <= latest_tsc);
	binding->ender(call);
	hand_server_end(&first);
}

/* ---- ending the binding ---- */

Case(local_caller, is_in_use__by_a_wait_that_turns_its_poller)
{
	struct fly_call *call;

	join(2);
	call = send_call(0);
	client->poller.turning = true; /* as if a procedure ran */
	cr_expect(fly_unbind(binding) == -FLY_ECONFLICT);
	hand_server_claim(&server, 0);
	hand_server_answer(&server, 0, 0, FLY_ASTACK_IN_LINE, 0);
	cr_expect(binding->wait(call) == 0);
	cr_expect(fly_unbind(binding) == -FLY_ECONFLICT, "its result is being read");
	binding->ender(call);
	client->poller.turning = false;
	cr_expect(fly_unbind(binding) == 0);
}
