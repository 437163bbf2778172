/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hostile_local.c - hostile_local NAME SECONDS SEED: a client of this machine that binds to Test at
 * local:NAME, and then attacks the server through their shared memory and the socket.
 *
 * It writes garbage into every field, changes states in any order, changes arguments during a call,
 * rings for slots without a call, punches holes, tries to shrink and grow the memory, and floods
 * the server with connections that send nothing or garbage. When it is disconnected it binds again.
 * It prints what it did. The server and its other clients must not be harmed: e2e/hostile_local.py.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "local/astack.h"
#include "local/map.h"

static const char *name;
static unsigned long binds, refusals, calls, answers, thrown_out, garbage, holes, shrinks, floods;

/* Reproducible from its seed: xorshift. */
static uint64_t state;

static uint32_t chance(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)((state >> 20) % below);
}

static int reach(void)
{
	struct sockaddr_un address;
	const socklen_t length = fly_astack_address(name, &address);
	const int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (s >= 0 && connect(s, (const struct sockaddr *)&address, length) == 0)
		return s;
	if (s >= 0)
		close(s);
	return -1;
}

/* Bind properly. Return: a socket; or -1. The descriptors stay open for later attacks. */
static int bind_well(struct fly_astack_memory *m, int fds[FLY_BIND_FDS])
{
	struct fly_bind_request r = {
		.magic = FLY_BIND_MAGIC,
		.protocol = FLY_BIND_PROTOCOL,
		.version = 1,
		.name = "Test",
	};
	const struct timeval patience = {.tv_sec = 2};
	struct fly_bind_answer answer = {0};
	const int s = reach();
	char byte;

	if (s < 0)
		return -1;
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (send(s, &r, sizeof r, MSG_NOSIGNAL) == sizeof r) {
		(void)!recv(s, &byte, 1, MSG_PEEK); /* wait for the result */
		if (fly_bind_receive(s, &answer, fds) == sizeof answer && answer.status == 0 &&
		    fly_astack_map(m, &answer, fds) == 0) {
			binds++;
			return s;
		}
	}
	refusals++;
	close(s);
	return -1;
}

/* A field: garbage, or nearly right. */
static uint32_t odd(void)
{
	static const uint32_t values[] = {0,          1,          2,          39,
					  40,         41,         1440,       8191,
					  8192,       8193,       1U << 26,   (1U << 26) + 1,
					  0x7fffffff, 0x80000000, UINT32_MAX, 0xffff};

	return chance(3) ? values[chance(16)] : (uint32_t)state;
}

static void scribble(struct fly_astack_memory *m)
{
	struct fly_astack_head *head = fly_astack_head(m);
	const uint32_t i = chance(m->slots);
	struct fly_slot *slot = fly_astack_slot(m->near, i);

	switch (chance(12)) {
	case 0:
		FLY_ASTACK_WRITE(slot->kind, (uint8_t)odd());
		break;
	case 1:
		FLY_ASTACK_WRITE(slot->length, odd());
		break;
	case 2:
		FLY_ASTACK_WRITE(slot->procedure, (uint16_t)odd());
		break;
	case 3:
		FLY_ASTACK_WRITE(slot->left_us, odd());
		break;
	case 4:
		atomic_store_explicit(&slot->claimed, odd(), memory_order_relaxed);
		break;
	case 5:
		atomic_store_explicit(&slot->polled, (uint8_t)odd(), memory_order_relaxed);
		break;
	case 6:
		atomic_store_explicit(&slot->asleep, (uint8_t)odd(), memory_order_relaxed);
		break;
	case 7:
		atomic_store_explicit(&slot->gone, (uint8_t)odd(), memory_order_relaxed);
		break;
	case 8:
		atomic_store_explicit(&head->asleep, odd(), memory_order_relaxed);
		break;
	case 9:
		atomic_store_explicit(&head->far[i], (uint8_t)odd(), memory_order_relaxed);
		break;
	case 10:
		atomic_store(&slot->state, odd());
		break;
	default:
		atomic_fetch_or(&head->bell, (uint64_t)odd() << chance(32));
	}
	garbage++;
}

/* A proper call, except that its arguments and its state change while it runs. */
static void call(struct fly_astack_memory *m)
{
	static const uint32_t lengths[] = {0, 0, 1440, 520};
	const uint32_t i = chance(m->slots);
	struct fly_slot *slot = fly_astack_slot(m->near, i);
	const uint32_t procedure = chance(4);
	const uint32_t length = lengths[procedure];
	const enum fly_astack_place place =
		chance(8) ? fly_astack_place(length) : FLY_ASTACK_IS_FAR;
	uint8_t *bytes = fly_astack_bytes(m, i, place);

	FLY_ASTACK_WRITE(slot->procedure, (uint16_t)procedure);
	FLY_ASTACK_WRITE(slot->length, length);
	FLY_ASTACK_WRITE(slot->kind, (uint8_t)place);
	FLY_ASTACK_WRITE(slot->left_us, chance(4) ? 0 : odd());
	if (place == FLY_ASTACK_IS_FAR) {
		atomic_store(fly_astack_come(m, i), chance(2) ? 0 : odd());
		fly_astack_set_there(slot, chance(2) ? length : chance(length + 1));
	}
	atomic_store(&slot->state, fly_slot_next(slot, FLY_SLOT_CALL));
	atomic_fetch_or(&fly_astack_head(m)->bell, UINT64_C(1) << i);
	calls++;
	for (unsigned k = 0; k < 2000 && !fly_slot_is(slot, FLY_SLOT_RESULT); k++) {
		if (length)
			FLY_ASTACK_WRITE(bytes[chance(length)], (uint8_t)k);
		if (place == FLY_ASTACK_IS_FAR && chance(4) == 0) /* some calls never have all */
			atomic_store(fly_astack_come(m, i), chance(8) ? chance(length + 1) : odd());
		if (chance(500) == 0)
			scribble(m);
	}
	answers += fly_slot_is(slot, FLY_SLOT_RESULT);
}

static void punch(struct fly_astack_memory *m, const int fds[FLY_BIND_FDS])
{
	const int which = (int)chance(2);
	const off_t size = (off_t)(which ? m->far_bytes : m->near_bytes);
	const off_t at = (off_t)chance((uint32_t)(size / FLY_ASTACK_PAGE)) * FLY_ASTACK_PAGE;

	if (fallocate(fds[which], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at,
		      (off_t)(1 + chance(16)) * FLY_ASTACK_PAGE) == 0)
		holes++;
	if (ftruncate(fds[which], at) == 0 || ftruncate(fds[which], size + 4096) == 0)
		shrinks++; /* must never happen */
	for (unsigned i = FLY_BIND_RESULTS; i <= FLY_BIND_LIFE; i++) {
		if (pwrite(fds[i], &at, sizeof at, 0) >= 0 ||
		    mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fds[i], 0) != MAP_FAILED ||
		    fallocate(fds[i], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) == 0)
			shrinks++; /* nor this */
	}
}

/* Connections that send nothing, or garbage. */
static void flood(void)
{
	uint8_t nonsense[200];
	int sockets[20];

	for (unsigned i = 0; i < 20; i++) {
		struct fly_bind_request r = {.magic = FLY_BIND_MAGIC, .protocol = (uint16_t)odd()};

		sockets[i] = reach();
		if (sockets[i] < 0)
			continue;
		floods++;
		for (unsigned k = 0; k < sizeof nonsense; k++)
			nonsense[k] = (uint8_t)chance(256);
		memset(r.name, 'T', chance(65));
		if (chance(3) == 0)
			(void)!send(sockets[i], nonsense, 1 + chance(sizeof nonsense),
				    MSG_NOSIGNAL | MSG_DONTWAIT);
		else if (chance(2))
			(void)!send(sockets[i], &r, sizeof r, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	for (unsigned i = 0; i < 20; i++) {
		if (sockets[i] >= 0)
			close(sockets[i]);
	}
}

static bool is_thrown_out(int s)
{
	char byte;

	return recv(s, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
}

int main(int argc, char **argv)
{
	struct fly_astack_memory m;
	time_t end;
	int fds[FLY_BIND_FDS] = {-1, -1, -1, -1};

	if (argc != 4)
		errx(2, "hostile_local NAME SECONDS SEED");
	name = argv[1];
	end = time(NULL) + atoi(argv[2]);
	state = strtoull(argv[3], NULL, 0) | 1;
	while (time(NULL) < end) {
		const int s = bind_well(&m, fds);

		if (s < 0) {
			flood();
			usleep(1000);
			continue;
		}
		for (unsigned i = 0; i < 20000 && time(NULL) < end; i++) {
			const uint32_t what = chance(1000);

			if (what < 2)
				punch(&m, fds);
			else if (what < 3)
				flood();
			else if (what < 700)
				scribble(&m);
			else
				call(&m);
			if (i % 64 == 0 && is_thrown_out(s)) {
				thrown_out++;
				break;
			}
		}
		fly_astack_unmap(&m);
		for (unsigned i = 0; i < FLY_BIND_FDS; i++)
			close(fds[i]);
		close(s);
	}
	printf("binds %lu, refused %lu, thrown out %lu; calls %lu, answers %lu, garbage %lu, "
	       "holes %lu, floods %lu; shrunk %lu\n",
	       binds, refusals, thrown_out, calls, answers, garbage, holes, floods, shrinks);
	return shrinks != 0;
}
