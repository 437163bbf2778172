/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * soak.c - a client of the soak: binds, calls in all ways, unbinds, and begins again.
 *
 * soak LINK SEED. Every result is checked: its bytes, or that its status is one that may be where a
 * server may stop and go. It says once a second "did CALLS CHECKED FAILED WRONG", and "wrong: ..."
 * what was not as it must be. It ends on SIGTERM, or is killed.
 */
#include <firefly/firefly.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "trial.h"

#define LONGEST 8388608

static volatile sig_atomic_t has_quit;
static uint64_t state;
static unsigned long calls, checked, failed, wrong;
static uint8_t there[LONGEST], back[LONGEST];

static void on_signal(int number)
{
	(void)number;
	has_quit = 1;
}

/* xorshift64* (Vigna 2016) */
static uint32_t chance(uint32_t below)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint32_t)((state * UINT64_C(2685821657736338717)) >> 33) % below;
}

/* From 1 byte to 8 MiB; every order of magnitude as often as the others. */
static uint32_t length(void)
{
	return 1 + chance(UINT32_C(1) << chance(24));
}

static void say_wrong(const char *what, int status)
{
	wrong++;
	fprintf(stderr, "wrong: %s: %s\n", what, fly_status_name(status));
}

/* A call has ended without a result: may it, where servers stop and are stopped? */
static int note(const char *what, int status)
{
	checked++;
	if (status == 0)
		return 0;
	failed++;
	switch (-status) {
	case FLY_EPEER:
	case FLY_ELINK:
	case FLY_ESTALE:
	case FLY_EBUSY:
	case FLY_EDEADLINE:
	case FLY_ECANCELLED:
	case FLY_EWITHDRAWN:
	case FLY_ECALLS:
	case FLY_EPACKETS:
	case FLY_ENOEXPORT:
		break;
	default:
		say_wrong(what, status);
	}
	return status;
}

static int ping(struct fly_binding *b)
{
	const uint32_t n = chance(UINT32_MAX);
	uint32_t answer = 0;
	const int status = note("Ping", Trial_Ping(b, n, &answer));

	if (status == 0 && answer != n + 1)
		say_wrong("Ping's result", 0);
	return status;
}

static int carry(struct fly_binding *b)
{
	const uint32_t n = length();
	const uint32_t wanted = length();
	uint32_t got = 0;
	int status;

	there[0] = (uint8_t)chance(256);
	status = note("Carry", Trial_Carry(b, there, n, wanted, back, &got));
	if (status == 0 && (got != wanted || back[0] != there[0] || back[wanted - 1] != there[0]))
		say_wrong("Carry's result", 0);
	return status;
}

static int increase(struct fly_binding *b)
{
	uint8_t block[16];
	int status;

	memset(block, (int)chance(100), sizeof block);
	there[0] = block[0];
	status = note("Increase", Trial_Increase(b, block));
	if (status == 0 && (block[0] != there[0] + 1 || block[15] != there[0] + 1))
		say_wrong("Increase's result", 0);
	return status;
}

/* A procedure on a worker, with a deadline that it may miss; or it is cancelled. */
static int nap(struct fly_binding *b)
{
	struct fly_call *call;
	uint32_t ms;
	int status;

	fly_set_deadline(b, 1 + chance(20000));
	status = Trial_Sleep_start(b, chance(20), &call);
	if (status == 0) {
		if (chance(2))
			fly_cancel(call);
		status = Trial_Sleep_finish(call, &ms);
	}
	fly_set_deadline(b, 0);
	status = note("Sleep", status);
	return status == -FLY_EDEADLINE || status == -FLY_ECANCELLED || status == -FLY_EWITHDRAWN
		       ? 0
		       : status;
}

static int one_call(struct fly_binding *b)
{
	calls++;
	switch (chance(64)) {
	case 0:
		return note("Do", Trial_Do(b, Trial_Deed_LEAVE_CHILD));
	case 1:
	case 2:
		return nap(b);
	case 3:
	case 4:
	case 5:
	case 6:
		return carry(b);
	case 7:
		return increase(b);
	default:
		return ping(b);
	}
}

static void say_did(void)
{
	static time_t last;
	const time_t now = time(NULL);

	if (now == last)
		return;
	last = now;
	fprintf(stderr, "did %lu %lu %lu %lu\n", calls, checked, failed, wrong);
}

int main(int argc, char **argv)
{
	const char *links[] = {argc > 1 ? argv[1] : NULL, NULL};
	const struct fly_options options = {
		.size = sizeof options,
		.links = links,
		.wait = FLY_WAIT_SLEEP,
		.packets = 2047,
	};
	struct fly_runtime *runtime;
	struct fly_binding *binding;
	int status;

	if (argc < 3)
		return 2;
	state = strtoull(argv[2], NULL, 0) * 2 + 1;
	signal(SIGTERM, on_signal);
	if (fly_start(&options, &runtime)) {
		fprintf(stderr, "start: %s\n", fly_error());
		return 3; /* the server may be away */
	}
	while (!has_quit) {
		say_did();
		if (note("import", Trial_import(runtime, NULL, &binding))) {
			usleep(50000);
			fly_turn(runtime);
			continue;
		}
		for (uint32_t n = 1 + chance(2000); n > 0 && !has_quit; n--) {
			say_did();
			if (one_call(binding) && fly_rebind(binding))
				break;
		}
		fly_unbind(binding);
	}
	status = fly_stop(runtime);
	fprintf(stderr, "did %lu %lu %lu %lu\n", calls, checked, failed, wrong);
	fprintf(stderr, "stopped %d%s%s\n", status, status ? ": " : "", status ? fly_error() : "");
	return status != 0 || wrong != 0;
}
