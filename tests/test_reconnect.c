/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_reconnect.c - binding again before a call: after which failures, for how long, and which
 * calls are started once more. The binding and its kind are made up.
 */
#include <criterion/criterion.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/reconnect.h"
#include "base/system_clock.h"
#include "patience.h"

TestSuite(reconnect, .timeout = HANG);

/* ---- rebinding ---- */

static const int *script; /* what tries end with; the last one for all that follow */
static unsigned tries;
static unsigned pauses;
static uint64_t longest_us; /* that a try was allowed */
static unsigned pause_us;

static int rebind(struct fly_binding *binding, uint64_t most_us)
{
	const int status = *script;

	(void)binding;
	tries++;
	longest_us = most_us > longest_us ? most_us : longest_us;
	if (script[1] != INT_MAX)
		script++;
	return status;
}

static void pause_a_while(struct fly_binding *binding)
{
	(void)binding;
	pauses++;
	usleep(pause_us);
}

static const struct fly_reconnect how = {.rebind = rebind, .pause = pause_a_while};

static int reconnect(const int *statuses, uint64_t most_us)
{
	struct fly_binding binding = {0};

	script = statuses;
	tries = 0;
	pauses = 0;
	longest_us = 0;
	return fly_reconnect(&binding, &how, most_us);
}

Test(reconnect, fly_reconnect_is_due__after_which_failures)
{
	for (int status = -FLY_ESTALE_MAYBE - 100; status <= 0; status++)
		cr_expect(fly_reconnect_is_due(status) ==
				  (status == -FLY_ESTALE || status == -FLY_ESTALE_MAYBE ||
				   status == -FLY_EPEER || status == -FLY_ELINK),
			  "%d", status);
	cr_expect(fly_reconnect_is_due(-FLY_EPEER) && fly_reconnect_is_due(-FLY_ELINK));
	cr_expect(fly_reconnect_is_due(-FLY_ESTALE) && fly_reconnect_is_due(-FLY_ESTALE_MAYBE));
}

Test(reconnect, may_change__a_server_that_comes_back_slowly)
{
	static const int coming[] = {-FLY_EPEER,      -FLY_ELINK,    -FLY_ENOEXPORT,
				     -FLY_EBUSY,      -FLY_EPACKETS, -FLY_ETIMEOUT,
				     -FLY_EFORGOTTEN, -FLY_ESTALE,   0,
				     INT_MAX};

	cr_expect(reconnect(coming, 60000000) == 0);
	cr_expect(tries == 9 && pauses == 8);
}

Test(reconnect, may_change__what_another_try_does_not_change)
{
	static const int finally[] = {-FLY_EPERM, -FLY_EVERSION, -FLY_ENOMEM, -FLY_ECONFLICT,
				      -FLY_ESTOPPED};

	for (unsigned i = 0; i < sizeof finally / sizeof finally[0]; i++) {
		const int statuses[] = {finally[i], INT_MAX};
		const int status = reconnect(statuses, 60000000);

		cr_expect(tries == 1, "%d", finally[i]);
		cr_expect(status < 0 && fly_outcome(status) == FLY_NOT_EXECUTED,
			  "%d: no call was started", status);
		if (fly_outcome(finally[i]) == FLY_NOT_EXECUTED)
			cr_expect(status == finally[i], "%d", status);
	}
}

Test(reconnect, not_started__at_the_end_of_the_runtime)
{
	static const int stopped[] = {-FLY_ESTOPPED, INT_MAX};

	cr_expect(reconnect(stopped, 60000000) == -FLY_ESHUT);
}

Test(reconnect, fly_reconnect__takes_no_longer_than_it_may)
{
	static const int away[] = {-FLY_EPEER, INT_MAX};
	const uint64_t since_us = fly_system_clock_us();
	int status;

	pause_us = 1000;
	status = reconnect(away, 30000);
	cr_expect(status == -FLY_ETIMEOUT, "maybe executed is not true of it; %d", status);
	cr_expect(fly_system_clock_us() - since_us >= 30000);
	cr_expect(tries > 1 && longest_us <= 30000);
	/* Of a long time, a try gets a part: the poller has other requests. */
	static const int soon[] = {-FLY_EPEER, 0, INT_MAX};

	cr_expect(reconnect(soon, 60000000) == 0);
	cr_expect(longest_us < 1000000);
}

/* ---- calls that are started again ---- */

#define MOST 70000

static uint8_t payload[MOST];
static uint8_t sent[2][MOST];
static struct fly_call handle;
static struct fly_call other_handle;
static struct fly_call *next_handle;
static const int *ends;
static unsigned sendings;
static unsigned starts;
static unsigned endings;
static int start_status;

static int transporter(struct fly_call *call)
{
	memcpy(sent[sendings % 2], call->payload, call->length);
	memset(call->payload, 0xee, call->length); /* results, or nothing */
	sendings++;
	return *ends++;
}

static int starter(struct fly_binding *binding, uint16_t procedure, uint32_t bytes,
		   struct fly_call **call)
{
	cr_expect(binding == handle.binding && procedure == 7 && bytes == handle.length);
	starts++;
	*call = next_handle;
	return start_status;
}

static void ender(struct fly_call *call)
{
	cr_expect(call == &other_handle);
	endings++;
}

static struct fly_binding made_up = {.starter = starter, .ender = ender};

static int call_of(uint32_t bytes, const int *statuses)
{
	for (uint32_t i = 0; i < bytes; i++)
		payload[i] = (uint8_t)(i * 7 + 1);
	handle = (struct fly_call){.binding = &made_up, .payload = payload, .length = bytes};
	other_handle = handle;
	next_handle = next_handle ? next_handle : &handle;
	ends = statuses;
	sendings = starts = endings = 0;
	return fly_reconnect_call(&handle, transporter, 7, bytes);
}

Test(reconnect, fly_reconnect_call__arguments_are_those_of_the_first_time)
{
	static const uint32_t lengths[] = {0, 1, 256, 257, 1000, 65536};
	static const int statuses[] = {-FLY_ESTALE, 0};

	for (unsigned i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		cr_expect(call_of(lengths[i], statuses) == 0, "%u bytes", lengths[i]);
		cr_expect(sendings == 2 && starts == 1 && endings == 0);
		cr_expect(memcmp(sent[0], sent[1], lengths[i]) == 0, "%u bytes", lengths[i]);
	}
}

Test(reconnect, fly_reconnect_call__what_was_not_kept_is_not_sent_again)
{
	static const int statuses[] = {-FLY_ESTALE, 0};

	cr_expect(call_of(65537, statuses) == -FLY_ESTALE);
	cr_expect(sendings == 1 && starts == 0);
}

Test(reconnect, may_start_again__never_what_may_have_run)
{
	static const int final[] = {0,          -FLY_ESTALE_MAYBE, -FLY_EPEER, -FLY_ERAISED,
				    -FLY_EBUSY, -FLY_EDEADLINE};

	for (unsigned i = 0; i < sizeof final / sizeof final[0]; i++) {
		const int statuses[] = {final[i], 0};

		cr_expect(call_of(8, statuses) == final[i]);
		cr_expect(sendings == 1 && starts == 0, "%d", final[i]);
	}
	static const int link[] = {-FLY_ELINK, -FLY_ESTALE};

	cr_expect(call_of(8, link) == -FLY_ESTALE, "once, and not twice");
	cr_expect(sendings == 2 && starts == 1);
}

/* The stub reads its results by the handle that it has. */
Test(reconnect, start_again__not_with_another_handle)
{
	static const int statuses[] = {-FLY_ESTALE, 0};

	next_handle = &other_handle;
	cr_expect(call_of(8, statuses) == -FLY_ESTALE);
	cr_expect(starts == 1 && endings == 1 && sendings == 1);
}

Test(reconnect, start_again__cannot_be_started)
{
	static const int statuses[] = {-FLY_ESTALE, 0};

	start_status = -FLY_ECALLS;
	cr_expect(call_of(8, statuses) == -FLY_ECALLS);
	cr_expect(starts == 1 && endings == 0 && sendings == 1);
}
