/* SPDX-License-Identifier: BSD-3-Clause */
/* test_buffer.c - memory of large messages: shares, spare blocks, and blocks that are freed. */
#include <criterion/criterion.h>

#include "case.h"
#include "sim.h"
#include "slowpath/bulk/buffer.h"
#include "slowpath/bulk/bulk.h"
#include "slowpath/peers.h"

#define MIB (1U << 20)

static struct sim *s;
static struct fly_poller *p;
static struct fly_peer *peers[3];

static void begin(void)
{
	struct sim_link *l;

	sim_eal();
	s = sim_new();
	p = sim_poller(sim_add(s, NULL));
	l = sim_join_open(s, s->nodes[0]);
	for (unsigned i = 0; i < RTE_DIM(peers); i++)
		peers[i] = fly_peers_get(p->peers, l->link.index, 1 + i);
}

static void end(void)
{
	for (unsigned i = 0; i < RTE_DIM(peers); i++) {
		cr_expect(peers[i]->bulk_bytes == 0);
		fly_peers_put(p->peers, peers[i]);
	}
	cr_expect(p->bulk.bytes == 0);
	cr_expect(sim_end(s) == 0);
}

static unsigned spares(void)
{
	unsigned n = 0;

	fly_buffer_sweep(p);
	for (unsigned i = 0; i < 100; i++) {
		struct fly_buffer b;

		/* Only a spare block holds what was written before. */
		cr_assert(fly_buffer_get(p, &b, MIB, NULL));
		n += b.bytes[MIB - 1] == 0x77;
		b.bytes[MIB - 1] = 0x77;
		fly_buffer_free(p, &b);
		if (n <= i)
			break;
	}
	return n;
}

Case(buffer, fly_buffer_get__no_peer_takes_all)
{
	struct fly_buffer held[3][8] = {0};
	unsigned n[3] = {0};

	/* Each gets what is left, one after the other. */
	for (unsigned i = 0; i < 3; i++) {
		while (n[i] < 8 && fly_buffer_get(p, &held[i][n[i]], 30 * MIB, peers[i]))
			n[i]++;
		cr_expect(p->bulk.bytes <= p->bulk.max);
	}
	cr_expect(n[0] == 5, "two thirds of all: %u", n[0]);
	cr_expect(n[1] >= 1 && n[2] >= 1, "and there is some left: %u, %u", n[1], n[2]);
	for (unsigned i = 0; i < 3; i++) {
		cr_expect(peers[i]->bulk_bytes == n[i] * 30 * MIB);
		while (n[i])
			fly_buffer_free(p, &held[i][--n[i]]);
	}
	cr_expect(!fly_buffer_get(p, &held[0][0], 171 * MIB, peers[0]));
	cr_expect(fly_buffer_get(p, &held[0][0], 170 * MIB, peers[0]));
	cr_expect(!fly_buffer_resize(p, &held[0][0], 171 * MIB));
	fly_buffer_free(p, &held[0][0]);
}

Case(buffer, fly_buffer_resize__keeps_what_is_there)
{
	static const uint32_t rooms[] = {100, 200000, 199999, 5 * MIB, 300000, 64, 3 * MIB, 1};
	struct fly_buffer b;
	uint32_t kept = 50;

	cr_assert(fly_buffer_get(p, &b, kept, peers[0]));
	for (uint32_t i = 0; i < kept; i++)
		b.bytes[i] = (uint8_t)(i * 7 + 1);
	for (unsigned i = 0; i < RTE_DIM(rooms); i++) {
		cr_assert(fly_buffer_resize(p, &b, rooms[i]));
		kept = RTE_MIN(kept, rooms[i]);
		cr_assert(b.room == rooms[i] && peers[0]->bulk_bytes == rooms[i]);
		cr_assert((uintptr_t)b.bytes % 16 == 0);
		b.bytes[rooms[i] - 1] = rooms[i] > 50 ? 9 : b.bytes[rooms[i] - 1];
		for (uint32_t j = 0; j < kept; j++)
			cr_assert(b.bytes[j] == (uint8_t)(j * 7 + 1), "%u of %u", j, rooms[i]);
	}
	fly_buffer_free(p, &b);
	cr_expect(!b.bytes);
}

Case(buffer, fly_buffer_free__blocks_are_kept_for_a_second)
{
	struct fly_buffer b;

	cr_expect(spares() == 0);
	cr_expect(spares() > 0, "the one of just now");
	cr_assert(fly_buffer_get(p, &b, 20 * MIB, NULL));
	memset(b.bytes, 1, 20 * MIB);
	fly_buffer_free(p, &b);
	cr_assert(fly_buffer_get(p, &b, MIB, NULL));
	cr_expect(b.bytes[MIB - 1] == 0x77, "not one that is twenty times as long");
	fly_buffer_free(p, &b);
	sim_run(s, FLY_SPARE_MS + 10);
	cr_expect(p->bulk.spare == NULL);
	for (unsigned i = 0; i < 3; i++) {
		struct fly_buffer many[12];

		for (unsigned j = 0; j < 12; j++)
			cr_assert(fly_buffer_get(p, &many[j], (8 + j) * MIB, NULL));
		for (unsigned j = 0; j < 12; j++)
			fly_buffer_free(p, &many[j]);
	}
	fly_buffer_drain(p);
	cr_expect(p->bulk.spare == NULL);
}

Case(buffer, fly_buffer_free__around_the_least_room_of_a_block)
{
	static const uint32_t rooms[] = {128 * 1024 - 1, 128 * 1024, 128 * 1024 + 1};

	for (unsigned i = 0; i < RTE_DIM(rooms); i++) {
		struct fly_buffer b;

		cr_assert(fly_buffer_get(p, &b, rooms[i], peers[0]));
		memset(b.bytes, 1, rooms[i]);
		fly_buffer_free(p, &b);
		cr_expect((p->bulk.spare != NULL) == (i > 0), "%u bytes", rooms[i]);
	}
}

Case(buffer, fly_bulk_fini__gives_spare_blocks_back)
{
	struct fly_buffer b;

	cr_assert(fly_buffer_get(p, &b, MIB, NULL));
	fly_buffer_free(p, &b);
	cr_assert(p->bulk.spare != NULL);
	fly_bulk_fini(p);
	cr_expect(p->bulk.spare == NULL);
}
