/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local/silence.c - a client's call to a server that says nothing: when it is given up.
 *
 * Runs on the thread that owns the binding, in the slow part of a wait or of fly_ready().
 *
 * Silence
 *
 * Nothing heard for call_timeout_ms ends a call, as over every link. A server that runs a long
 * procedure is not silent: local/life.h says how it is heard. Two things can be silent:
 * - the poller: it has not turned. A call that it has not claimed is taken back, exactly.
 * - the process: no thread of it was heard. The procedure of a claimed call may be running.
 *
 * Time is counted in quarters of call_timeout_ms. At the end of a quarter the client compares the
 * life page with what it was at the beginning, and asks again. A call ends after QUARTERS silent
 * ones in a row, all of them within its own time. A client that was away itself (stopped with its
 * server, suspended, busy) so finds one silent quarter, however long it was, and the server has the
 * others to be heard.
 */
#include "local/caller.h"

#include "fastpath/clock.h"
#include "fastpath/poller.h"
#include "local/life.h"
#include "threads/poller_group.h"

#define QUARTERS         4
#define QUARTER_LEAST_MS 10 /* a poller that sleeps turns no more often */

void fly_local_silence_init(struct fly_local *l)
{
	const struct fly_poller *p = l->group->pollers[0];

	l->tsc_per_ms = p->tsc_per_ms;
	l->timeout_ms = (unsigned)(p->waits.timeout_tsc / p->tsc_per_ms);
	l->quarter_tsc = p->waits.timeout_tsc / QUARTERS;
	if (l->quarter_tsc < QUARTER_LEAST_MS * p->tsc_per_ms)
		l->quarter_tsc = QUARTER_LEAST_MS * p->tsc_per_ms;
}

/* One more quarter is over, in which @now followed @before. Return: silent quarters in a row. */
static uint8_t count(uint8_t silent, uint32_t before, uint32_t now)
{
	if (before != now)
		return 0;
	return silent < QUARTERS ? (uint8_t)(silent + 1) : silent;
}

static void look_at_call(struct fly_local *l, struct fly_local_call *c)
{
	if (c->quarters_seq != c->seq) { /* it began in this quarter */
		c->quarters_seq = c->seq;
		c->quarters = 0;
		return;
	}
	if (c->quarters < QUARTERS)
		c->quarters++;
	if (c->quarters < QUARTERS)
		return;
	if (l->silent_process == QUARTERS)
		fly_local_give_up(c, -FLY_EWITHDRAWN, -FLY_EPEER);
	else if (l->silent_poller == QUARTERS)
		fly_local_take_back(c, -FLY_EWITHDRAWN);
}

void fly_local_listen(struct fly_local *l, uint64_t now_tsc)
{
	const struct fly_life_look look = fly_life_read(l->life_fd, l->poller);

	l->listen_tsc = now_tsc + l->quarter_tsc;
	l->silent_process = count(l->silent_process, l->heard.process, look.process);
	l->silent_poller = count(l->silent_poller, l->heard.poller, look.poller);
	l->heard = look;
	for (uint32_t i = 0; i < l->memory.slots; i++) {
		if (l->calls[i].state == FLY_LOCAL_OUT)
			look_at_call(l, &l->calls[i]);
	}
	fly_local_wake_server(l); /* "do you live?" */
}
