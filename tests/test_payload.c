/* SPDX-License-Identifier: BSD-3-Clause */
/* test_payload.c - how much payload one packet may have: what both ends of a link agree on. */
#include <criterion/criterion.h>

#include "case.h"
#include "fastpath/binding.h"
#include "pair.h"
#include "slowpath/payload.h"
#include "slowpath/sweep.h"

#define OURS 8940

static struct fly_link link_to_one(uint16_t own)
{
	struct fly_link link = {.has_one_peer = true};

	fly_payload_init(&link, own);
	return link;
}

static void says(struct fly_link *link, uint32_t ip, uint32_t theirs, bool is_proven)
{
	fly_payload_heard(link, &(struct fly_payload_word){theirs, ip, is_proven, 0});
}

Test(payload, fly_payload_agree__the_smaller_one_wins)
{
	cr_expect(fly_payload_agree(OURS, 1440) == 1440);
	cr_expect(fly_payload_agree(1440, OURS) == 1440);
	cr_expect(fly_payload_agree(OURS, OURS) == OURS);
}

Test(payload, fly_payload_agree__who_says_nothing_takes_what_anybody_does)
{
	cr_expect(fly_payload_agree(OURS, 0) == FLY_PAYLOAD_UNSAID);
	cr_expect(fly_payload_agree(240, 0) == 240);
}

Test(payload, fly_payload_agree__nonsense_is_between_the_least_and_ours)
{
	cr_expect(fly_payload_agree(OURS, 1) == FLY_PAYLOAD_LEAST);
	cr_expect(fly_payload_agree(OURS, FLY_PAYLOAD_LEAST - 1) == FLY_PAYLOAD_LEAST);
	cr_expect(fly_payload_agree(OURS, FLY_PAYLOAD_LEAST + 1) == FLY_PAYLOAD_LEAST + 1);
	cr_expect(fly_payload_agree(OURS, 65536) == OURS, "not cut to 16 bits");
	cr_expect(fly_payload_agree(OURS, 65537) == OURS);
	cr_expect(fly_payload_agree(OURS, UINT32_MAX) == OURS);
	cr_expect(fly_payload_agree(FLY_PAYLOAD_LEAST, 1) == FLY_PAYLOAD_LEAST);
}

Test(payload, fly_payload_init__nobody_has_said_anything)
{
	struct fly_link one = link_to_one(OURS);
	struct fly_link many = {0};

	fly_payload_init(&many, OURS);
	cr_expect(one.payload_own == OURS && fly_link_payload(&one) == FLY_PAYLOAD_UNSAID);
	cr_expect(many.payload_own == OURS && fly_link_payload(&many) == FLY_PAYLOAD_UNSAID);
	cr_expect(fly_payload_to(&one, 7) == FLY_PAYLOAD_UNSAID);
	cr_expect(fly_payload_to(&many, 7) == FLY_PAYLOAD_UNSAID);
}

Test(payload, fly_payload_heard__each_time_anew)
{
	struct fly_link link = link_to_one(OURS);

	says(&link, 0, 2000, false);
	cr_expect(fly_link_payload(&link) == 2000 && fly_payload_to(&link, 7) == 2000);
	says(&link, 0, 65000, false);
	cr_expect(fly_link_payload(&link) == OURS, "the peer of now, not the least that ever was");
	says(&link, 0, 0, false);
	cr_expect(fly_link_payload(&link) == FLY_PAYLOAD_UNSAID);
	cr_expect(link.payload_own == OURS);
}

Test(payload, fly_payload_to__one_of_many_peers)
{
	struct fly_link link = {0};

	fly_payload_init(&link, OURS);
	says(&link, 7, 65000, false);
	cr_expect(fly_payload_to(&link, 7) == OURS);
	cr_expect(fly_payload_to(&link, 8) == FLY_PAYLOAD_UNSAID, "another one");
	cr_expect(fly_link_payload(&link) == FLY_PAYLOAD_UNSAID, "what anybody takes");
	says(&link, 8, 100, true);
	cr_expect(fly_payload_to(&link, 8) == FLY_PAYLOAD_UNSAID, "anybody takes that");
	says(&link, 7, 0, true);
	cr_expect(fly_payload_to(&link, 7) == FLY_PAYLOAD_UNSAID);
}

/* Whoever forges an address must not make packets longer than the peer there has said. */
Test(payload, fly_payload_heard__without_proof_it_makes_nothing_longer)
{
	struct fly_link link = {0};

	fly_payload_init(&link, OURS);
	says(&link, 7, 4000, false);
	says(&link, 7, OURS, false);
	cr_expect(fly_payload_to(&link, 7) == 4000);
	says(&link, 7, 3000, false);
	cr_expect(fly_payload_to(&link, 7) == 3000);
	says(&link, 7, 5000, true);
	cr_expect(fly_payload_to(&link, 7) == 5000);
	for (uint32_t ip = 8; ip < 8 + 100 * FLY_LINK_HEARD; ip++)
		says(&link, ip, OURS, false);
	says(&link, 7, OURS, false);
	cr_expect(fly_payload_to(&link, 7) == 5000, "nor does it take its place");
	for (uint32_t ip = 8; ip < 8 + 100 * FLY_LINK_HEARD; ip++)
		says(&link, ip, OURS, true);
	cr_expect(fly_payload_to(&link, 7) == FLY_PAYLOAD_UNSAID);
}

/* A binding, as a program has it, and another over another link, which stay as they are. */
Test(payload, fly_payload_forget__the_next_peer_may_take_less)
{
	static struct pair w;
	struct fly_import *import;
	struct fly_link *link;

	pair_begin(&w, NULL, NULL);
	import = fly_import_of(w.binding);
	link = import->link;
	link->has_one_peer = true;
	fly_payload_init(link, OURS);
	says(link, 0, OURS, false);
	import->argument_max = OURS;
	LIST_INSERT_HEAD(&sim_poller(w.caller)->imports, import, next);

	link->has_one_peer = false;
	fly_payload_forget(sim_poller(w.caller), link);
	cr_expect(import->argument_max == OURS && fly_link_payload(link) == OURS);
	link->has_one_peer = true;
	fly_payload_forget(sim_poller(w.caller), &w.at_server->link);
	cr_expect(import->argument_max == OURS && fly_link_payload(link) == OURS);
	fly_link_lost(sim_poller(w.caller), link);
	link->up = true;
	cr_expect(import->argument_max == FLY_PAYLOAD_UNSAID);
	cr_expect(fly_link_payload(link) == FLY_PAYLOAD_UNSAID);
	import->argument_max = 100;
	fly_payload_forget(sim_poller(w.caller), link);
	cr_expect(import->argument_max == 100, "never more than before");

	LIST_REMOVE(import, next);
	cr_expect(sim_end(w.sim) == 0);
}
