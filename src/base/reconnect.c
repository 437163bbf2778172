/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * reconnect.c - fly_set_reconnect(): a binding whose server has restarted, or whose link was down,
 * is bound again before the next call.
 *
 * On the binding's thread. Decides which failures end with another server, how long to try, and
 * which calls are started again. The kinds of bindings know how to rebind (fly_rebind()).
 */
#include "base/reconnect.h"

#include <stdlib.h>
#include <string.h>

#include "base/system_clock.h"

#define TRY_US     200000     /* for one try, at most: the poller has other requests, too */
#define COPY_SMALL 256        /* bytes of arguments that are copied to the stack */
#define COPY_MOST  (1u << 16) /* longer arguments are not kept: their call is not started again */

bool fly_reconnect_is_due(int status)
{
	switch (status) {
	case -FLY_ESTALE:
	case -FLY_ESTALE_MAYBE:
	case -FLY_EPEER:
	case -FLY_ELINK:
		return true;
	default:
		return false;
	}
}

/* May another try end in another way? */
static bool may_change(int status)
{
	switch (status) {
	case -FLY_ENOEXPORT: /* the server is starting */
	case -FLY_EBUSY:
	case -FLY_EFORGOTTEN:
	case -FLY_EPACKETS:
	case -FLY_ETIMEOUT:
		return true;
	default:
		return fly_reconnect_is_due(status);
	}
}

/* The status of a call that was not started, because of what rebinding ended with. */
static int not_started(int status)
{
	if (status == -FLY_ESTOPPED)
		return -FLY_ESHUT;
	return status == 0 || fly_outcome(status) == FLY_NOT_EXECUTED ? status : -FLY_ETIMEOUT;
}

int fly_reconnect(struct fly_binding *binding, const struct fly_reconnect *how, uint64_t most_us)
{
	const uint64_t end_us = fly_system_clock_us() + most_us;
	uint64_t left_us = most_us;
	int status;

	for (;;) {
		status = how->rebind(binding, left_us < TRY_US ? left_us : TRY_US);
		if (status == 0 || !may_change(status))
			break;
		how->pause(binding);
		if (fly_system_clock_us() >= end_us)
			break;
		left_us = end_us - fly_system_clock_us();
	}
	return not_started(status);
}

/* A call that has not run, because its server is another one by now, may be started again. */
static bool may_start_again(int status)
{
	return fly_reconnect_is_due(status) && fly_outcome(status) == FLY_NOT_EXECUTED;
}

/* Start the call again, with the arguments kept in @copy. Return: its status. */
static int start_again(struct fly_call *call, int (*transporter)(struct fly_call *call),
		       uint16_t procedure, const uint8_t *copy, uint32_t bytes)
{
	struct fly_binding *binding = call->binding;
	struct fly_loans *loans = binding->loans;
	struct fly_call *again;
	int status;

	/* Its handle may become that of a call that a procedure makes while this one rebinds. */
	if (loans && loans->call == call) {
		loans->is_stored = false;
		binding->loans = loans->outer;
	}
	status = binding->starter(binding, procedure, bytes, &again);
	binding->loans = loans;
	if (status)
		return status;
	if (again != call) { /* the stub reads its results by the old handle */
		binding->ender(again);
		return -FLY_ESTALE;
	}
	memcpy(again->payload, copy, bytes);
	return transporter(again);
}

int fly_reconnect_call(struct fly_call *call, int (*transporter)(struct fly_call *call),
		       uint16_t procedure, uint32_t bytes)
{
	uint8_t small[COPY_SMALL];
	uint8_t *copy = small;
	int status;

	if (bytes > sizeof small)
		copy = bytes <= COPY_MOST ? malloc(bytes) : NULL;
	if (copy)
		memcpy(copy, call->payload, bytes);
	status = transporter(call);
	if (may_start_again(status) && copy)
		status = start_again(call, transporter, procedure, copy, bytes);
	if (copy != small)
		free(copy);
	return status;
}
