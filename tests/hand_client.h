/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hand_client.h - a client of a local link made by hand: it asks, waits, writes and reads as a test
 * says, and needs no runtime. For tests with Criterion.
 */
#ifndef HAND_CLIENT_H
#define HAND_CLIENT_H

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <firefly/runtime.h>

#include "base/system_clock.h"
#include "local/astack.h"
#include "local/map.h"
#include "patience.h"

struct hand {
	int socket;
	struct fly_bind_answer answer;
	struct fly_astack_memory m; /* once the answer is 0 */
};

/* hand_ask() - connect to local:NAME, and ask for an interface of version 1. */
static inline struct hand hand_ask(const char *name, const char *interface)
{
	struct fly_bind_request r = {
		.magic = FLY_BIND_MAGIC,
		.protocol = FLY_BIND_PROTOCOL,
		.version = 1,
	};
	struct sockaddr_un address;
	const socklen_t length = fly_astack_address(name, &address);
	struct hand h = {.socket = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};

	snprintf(r.name, sizeof r.name, "%s", interface);
	cr_assert(connect(h.socket, (struct sockaddr *)&address, length) == 0);
	cr_assert(send(h.socket, &r, sizeof r, MSG_NOSIGNAL) == sizeof r);
	return h;
}

static inline bool hand_has_answer(const struct hand *h, int ms)
{
	struct pollfd p = {.fd = h->socket, .events = POLLIN};

	return poll(&p, 1, ms) == 1;
}

/* hand_answer() - wait for the answer. Return: its status. */
static inline int hand_answer(struct hand *h)
{
	int fds[FLY_BIND_FDS];
	ssize_t n;

	cr_assert(hand_has_answer(h, 1000 * (int)patience(10)), "no answer");
	n = fly_bind_receive(h->socket, &h->answer, fds);
	/* If the server refused before reading, its answer is behind the error. */
	if (n < 0 && errno == ECONNRESET)
		n = fly_bind_receive(h->socket, &h->answer, fds);
	cr_assert(n == sizeof h->answer, "%s", strerror(errno));
	if (h->answer.status == 0)
		cr_assert(fly_astack_map(&h->m, &h->answer, fds) == 0);
	for (unsigned i = 0; i < sizeof fds / sizeof fds[0]; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	return h->answer.status;
}

static inline struct hand hand_bind(const char *name, const char *interface)
{
	struct hand h = hand_ask(name, interface);

	cr_assert(hand_answer(&h) == 0, "%d", h.answer.status);
	return h;
}

/* hand_leave() - end the connection; of a client that was bound, the memory too. */
static inline void hand_leave(struct hand *h)
{
	fly_astack_unmap(&h->m);
	close(h->socket);
}

/* hand_say_call() - slot @i says that it has another call; nobody is told. */
static inline void hand_say_call(struct hand *h, uint32_t i)
{
	struct fly_slot *slot = fly_astack_slot(h->m.near, i);

	atomic_store(&slot->state, fly_slot_next(slot, FLY_SLOT_CALL));
}

/* hand_ring() - slot @i has a call; its poller may sleep. */
static inline void hand_ring(struct hand *h, uint32_t i)
{
	const char byte = 0;

	hand_say_call(h, i);
	atomic_fetch_or(&fly_astack_head(&h->m)->bell, UINT64_C(1) << i);
	(void)!send(h->socket, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* hand_call_far() - start a call in slot @i, with @bytes of arguments in its far memory. */
static inline void hand_call_far(struct hand *h, uint32_t i, uint16_t procedure, uint32_t bytes)
{
	struct fly_slot *slot = fly_astack_slot(h->m.near, i);

	slot->kind = bytes ? FLY_ASTACK_IS_FAR : FLY_ASTACK_IN_LINE;
	slot->length = bytes;
	slot->procedure = procedure;
	fly_astack_set_there(slot, bytes);
	hand_ring(h, i);
}

static inline void hand_call(struct hand *h, uint32_t i, uint16_t procedure)
{
	hand_call_far(h, i, procedure, 0);
}

static inline bool hand_is_done(const struct hand *h, uint32_t i)
{
	return fly_slot_is(fly_astack_slot(h->m.near, i), FLY_SLOT_RESULT);
}

static inline int hand_status(const struct hand *h, uint32_t i)
{
	return fly_astack_slot(h->m.near, i)->status;
}

/* hand_finish() - wait for the result. Return: its status. */
static inline int hand_finish(const struct hand *h, uint32_t i)
{
	for (unsigned n = 0; n < 1000 * patience(20) && !hand_is_done(h, i); n++)
		usleep(1000);
	cr_assert(hand_is_done(h, i), "no result");
	return hand_status(h, i);
}

/* ---- at a runtime that the calling thread turns ---- */

/* hand_turn_bind() - as hand_bind(). */
static inline struct hand hand_turn_bind(struct fly_runtime *r, const char *name,
					 const char *interface)
{
	const uint64_t end_ms = fly_system_clock_ms() + 1000 * patience(10);
	struct hand h = hand_ask(name, interface);

	while (!hand_has_answer(&h, 0) && fly_system_clock_ms() < end_ms)
		fly_turn(r);
	cr_assert(hand_answer(&h) == 0, "%d", h.answer.status);
	return h;
}

/* hand_turn_finish() - turn until the call has ended. Return: turns that this took. */
static inline unsigned hand_turn_finish(struct fly_runtime *r, const struct hand *h, uint32_t i)
{
	const uint64_t end_ms = fly_system_clock_ms() + 1000 * patience(60);
	unsigned turns = 0;

	for (; !hand_is_done(h, i); turns++) {
		fly_turn(r);
		if (turns % 64 != 63)
			continue;
		sched_yield(); /* to a worker, the clerk */
		cr_assert(fly_system_clock_ms() < end_ms, "no result");
	}
	return turns;
}

#endif
