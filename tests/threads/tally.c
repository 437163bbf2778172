/* SPDX-License-Identifier: BSD-3-Clause */
/* tally.c - see tally.h. The procedures are the server's half; all else is the callers'. */
#include "tally.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "threads.h"

#define PAGE   1200
#define LONG   20000
#define WINDOW 16

struct tally *tally_open(const char *path, uint64_t room)
{
	const size_t bytes = sizeof(struct tally) + room;
	const int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
	struct tally *tally;

	threads_must(!path || (fd >= 0 && ftruncate(fd, (off_t)bytes) == 0),
		     "the tally cannot be opened");
	tally = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		     path ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, fd, 0);
	threads_must(tally != MAP_FAILED, "no memory for the tally");
	if (path)
		close(fd);
	tally->room = room;
	return tally;
}

/* ---- the server ---- */

/* Data made from the number: differs in its first and last bytes. */
static void fill(uint8_t *data, size_t bytes, uint64_t number)
{
	memset(data, (int)(number * 31 & 0xff), bytes);
	memcpy(data, &number, sizeof number);
	memcpy(data + bytes - sizeof number, &number, sizeof number);
}

static bool is_filled(const uint8_t *data, size_t bytes, uint64_t number)
{
	const uint8_t value = number * 31 & 0xff;

	if (memcmp(data, &number, sizeof number) != 0 ||
	    memcmp(data + bytes - sizeof number, &number, sizeof number) != 0)
		return false;
	for (size_t i = sizeof number; i < bytes - sizeof number; i++) {
		if (data[i] != value)
			return false;
	}
	return true;
}

static void ran(struct tally *t, uint64_t number, bool good)
{
	if (number >= t->room || !good)
		atomic_fetch_add(&t->wrong_arguments, 1);
	else if (atomic_fetch_or(&t->at[number], TALLY_RAN) & TALLY_RAN)
		atomic_fetch_add(&t->twice, 1);
}

static int small(void *context, uint64_t call, uint64_t *result)
{
	ran(context, call, true);
	*result = ~call;
	return 0;
}

static int page(void *context, uint64_t call, const uint8_t data[PAGE], uint8_t back[PAGE])
{
	ran(context, call, is_filled(data, PAGE, call));
	fill(back, PAGE, ~call);
	return 0;
}

static int several(void *context, uint64_t call, const uint8_t data[LONG], uint8_t back[LONG])
{
	ran(context, call, is_filled(data, LONG, call));
	fill(back, LONG, ~call);
	return 0;
}

static int block(void *context, uint64_t call, uint32_t us, uint64_t *result)
{
	const struct timespec step = {.tv_nsec = 100000};

	ran(context, call, true);
	for (; us > 100 && !fly_cancelled() && fly_remaining(); us -= 100)
		nanosleep(&step, NULL);
	*result = ~call;
	return 0;
}

const struct Tally_procedures tally_procedures = {
	.Small = small,
	.Page = page,
	.Long = several,
	.Block = block,
};

/* ---- callers ---- */

enum kind {
	SMALL,
	PAGES,
	LONGS,
	BLOCKS,
};

struct out {
	struct fly_call *call;
	uint64_t number;
	enum kind kind;
};

static void say(struct tally *t, uint64_t number, int status)
{
	const unsigned said = TALLY_SAID | (unsigned)fly_outcome(status) << TALLY_OUTCOME_SHIFT;

	atomic_fetch_add(&t->ended[-status < TALLY_STATUSES ? -status : 0], 1);
	threads_check(-status < TALLY_STATUSES, "status %d", status);
	atomic_fetch_or(&t->at[number], (uint8_t)said);
}

/* Is another binding needed, or more patience? */
static bool is_gone(int status)
{
	switch (-status) {
	case FLY_OK:
	case FLY_EBUSY:
	case FLY_ECALLS:
	case FLY_EDEADLINE:
	case FLY_ECANCELLED:
	case FLY_EWITHDRAWN:
		return false;
	default:
		return true;
	}
}

static void ended(struct tally_caller *c, uint64_t number, int status)
{
	say(c->tally, number, status);
	c->calls++;
	c->gave_up = is_gone(status);
}

static enum kind choose(struct tally_caller *c)
{
	const uint32_t at = threads_random(&c->random, 100);

	if (at < c->pages)
		return PAGES;
	if (at < c->pages + c->longs)
		return LONGS;
	return at < c->pages + c->longs + c->blocks ? BLOCKS : SMALL;
}

static bool start(struct tally_caller *c, struct out *o)
{
	uint8_t data[LONG];
	int status;

	o->number = atomic_fetch_add(&c->tally->next, 1);
	threads_must(o->number < c->tally->room, "no numbers are left");
	o->kind = choose(c);
	switch (o->kind) {
	case PAGES:
		fill(data, PAGE, o->number);
		status = Tally_Page_start(c->binding, o->number, data, &o->call);
		break;
	case LONGS:
		fill(data, LONG, o->number);
		status = Tally_Long_start(c->binding, o->number, data, &o->call);
		break;
	case BLOCKS:
		status = Tally_Block_start(c->binding, o->number,
					   threads_random(&c->random, c->block_us), &o->call);
		break;
	default:
		status = Tally_Small_start(c->binding, o->number, &o->call);
		break;
	}
	if (status)
		ended(c, o->number, status);
	return status == 0;
}

static void finish(struct tally_caller *c, const struct out *o)
{
	uint8_t back[LONG];
	uint64_t result = ~o->number;
	bool good = true;
	int status;

	if (threads_random(&c->random, 100) < c->cancels)
		fly_cancel(o->call);
	switch (o->kind) {
	case PAGES:
		status = Tally_Page_finish(o->call, back);
		good = status || is_filled(back, PAGE, ~o->number);
		break;
	case LONGS:
		status = Tally_Long_finish(o->call, back);
		good = status || is_filled(back, LONG, ~o->number);
		break;
	case BLOCKS:
		status = Tally_Block_finish(o->call, &result);
		break;
	default:
		status = Tally_Small_finish(o->call, &result);
		break;
	}
	if (!good || (status == 0 && result != ~o->number))
		atomic_fetch_add(&c->tally->wrong_results, 1);
	ended(c, o->number, status);
}

void tally_call(struct tally_caller *c, unsigned n, unsigned window, bool leave)
{
	struct out outs[WINDOW];
	unsigned first = 0;
	unsigned n_out = 0;

	c->gave_up = false;
	threads_must(window <= WINDOW, "a window of %u", window);
	while (n > 0 && !c->gave_up && !(c->stop && atomic_load(c->stop))) {
		if (n_out < window) {
			n--;
			if (start(c, &outs[(first + n_out) % WINDOW]))
				n_out++;
			else if (n_out > 0)
				window = n_out; /* there may be no room for more calls */
		} else {
			finish(c, &outs[first++ % WINDOW]);
			n_out--;
		}
	}
	for (; n_out > 0 && !leave; n_out--)
		finish(c, &outs[first++ % WINDOW]);
	atomic_fetch_add(&c->tally->left, n_out);
}

void tally_call_as_ready(struct tally_caller *c, unsigned n, unsigned window)
{
	struct out outs[WINDOW] = {0};
	unsigned n_out = 0;

	c->gave_up = false;
	threads_must(window <= WINDOW, "a window of %u", window);
	for (;;) {
		const bool ends = n == 0 || c->gave_up || (c->stop && atomic_load(c->stop));
		struct fly_call *call;
		struct out *o = outs;

		if (!ends && n_out < window) {
			while (o->call)
				o++;
			n--;
			if (start(c, o)) {
				fly_set_cookie(o->call, o);
				n_out++;
				if (threads_random(&c->random, 100) < c->cancels)
					fly_cancel(o->call);
			} else {
				o->call = NULL;
				window = n_out ? n_out : window;
			}
		} else if (n_out == 0) {
			return;
		} else if ((call = fly_next_ready(c->binding)) == NULL) {
			sched_yield();
		} else {
			o = fly_cookie(call);
			threads_must(o >= outs && o < outs + WINDOW && o->call == call,
				     "fly_next_ready() returned no call that is out");
			finish(c, o);
			o->call = NULL;
			n_out--;
		}
	}
}

/* ---- the verdict ---- */

void tally_verify(const struct tally *t, uint64_t expected)
{
	const uint64_t n = atomic_load(&t->next);
	uint64_t not_run = 0;
	uint64_t not_executed = 0;

	for (uint64_t i = 0; i < n; i++) {
		const unsigned at = atomic_load(&t->at[i]);
		const unsigned outcome = at >> TALLY_OUTCOME_SHIFT;

		if (!(at & TALLY_SAID))
			continue;
		not_run += outcome == FLY_EXECUTED && !(at & TALLY_RAN);
		not_executed += outcome == FLY_NOT_EXECUTED && (at & TALLY_RAN);
	}
	threads_check(not_run == 0, "%lu calls were said to have been executed, and were not",
		      (unsigned long)not_run);
	threads_check(not_executed == 0, "%lu calls were said not to have been executed, and were",
		      (unsigned long)not_executed);
	threads_check(!atomic_load(&t->twice), "%lu calls ran twice",
		      (unsigned long)atomic_load(&t->twice));
	threads_check(!atomic_load(&t->wrong_arguments), "%lu times other arguments came",
		      (unsigned long)atomic_load(&t->wrong_arguments));
	threads_check(!atomic_load(&t->wrong_results), "%lu times other results came",
		      (unsigned long)atomic_load(&t->wrong_results));
	for (int i = 0; i < TALLY_STATUSES; i++)
		threads_check(!atomic_load(&t->ended[i]) || expected >> i & 1,
			      "%lu calls ended with \"%s\"",
			      (unsigned long)atomic_load(&t->ended[i]), fly_strerror(-i));
}

void tally_print(const struct tally *t, char *line, unsigned bytes)
{
	const char *const names[TALLY_STATUSES] = {[0] = "ok",
#define FLY_NAME(name, number, outcome, about) [number] = #name,
						   FLY_STATUSES(FLY_NAME)
#undef FLY_NAME
	};
	int at = snprintf(line, bytes, "%lu calls:", (unsigned long)atomic_load(&t->next));

	for (int i = 0; i < TALLY_STATUSES; i++) {
		const uint64_t n = atomic_load(&t->ended[i]);

		if (n && at < (int)bytes)
			at += snprintf(line + at, bytes - (unsigned)at, " %lu %s", (unsigned long)n,
				       names[i] ? names[i] : "?");
	}
	if (at < (int)bytes)
		snprintf(line + at, bytes - (unsigned)at, ", %lu left",
			 (unsigned long)atomic_load(&t->left));
}
