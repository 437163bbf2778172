/* SPDX-License-Identifier: BSD-3-Clause */
/* test_conversation.c - at most once: what a call means, for each state and each distance. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "fastpath/conversation.h"

static const uint32_t bases[] = {0, 1, 1000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};

/* A record with garbage in all other fields: they must not change. */
static struct fly_conversation record(uint32_t seq, enum fly_conversation_state state)
{
	struct fly_conversation c;

	memset(&c, 0x5a, sizeof c);
	c.seq = seq;
	c.state = (uint8_t)state;
	return c;
}

/* For each base: a call at this distance from the newest one, in this state, means this. */
static void expect(enum fly_conversation_state state, uint32_t distance, enum fly_accept what)
{
	for (unsigned i = 0; i < RTE_DIM(bases); i++) {
		const uint32_t seq = bases[i] + distance;
		struct fly_conversation c = record(bases[i], state);
		const struct fly_conversation after =
			what == FLY_RUN ? record(seq, FLY_CONVERSATION_RUNNING) : c;

		cr_expect(fly_conversation_accept(&c, seq) == what,
			  "state %d, call %08x after %08x", state, seq, bases[i]);
		cr_expect(memcmp(&c, &after, sizeof c) == 0,
			  "state %d, call %08x after %08x: the record is not as it should be",
			  state, seq, bases[i]);
	}
}

Test(conversation, fly_conversation_accept__a_later_call_runs)
{
	expect(FLY_CONVERSATION_KNOWN, 1, FLY_RUN);
	expect(FLY_CONVERSATION_DONE, 1, FLY_RUN);
	expect(FLY_CONVERSATION_DONE, 2, FLY_RUN);
	expect(FLY_CONVERSATION_DONE, 0x7fffffff, FLY_RUN);
}

Test(conversation, fly_conversation_accept__the_same_call_again_gets_its_result)
{
	expect(FLY_CONVERSATION_DONE, 0, FLY_RESEND);
}

Test(conversation, fly_conversation_accept__an_earlier_call_is_old)
{
	expect(FLY_CONVERSATION_KNOWN, (uint32_t)-1, FLY_OLD);
	expect(FLY_CONVERSATION_DONE, (uint32_t)-1, FLY_OLD);
	expect(FLY_CONVERSATION_DONE, (uint32_t)-0x7fffffff, FLY_OLD);
	expect(FLY_CONVERSATION_DONE, 0x80000000,
	       FLY_OLD); /* half of the range away: must not run */
}

Test(conversation, fly_conversation_accept__while_one_runs_nothing_else_does)
{
	expect(FLY_CONVERSATION_RUNNING, 0, FLY_BUSY);
	expect(FLY_CONVERSATION_RUNNING, 1, FLY_OLD);
	expect(FLY_CONVERSATION_RUNNING, (uint32_t)-1, FLY_OLD);
}

Test(conversation, fly_conversation_accept__a_record_that_ran_nothing_has_nothing_to_resend)
{
	expect(FLY_CONVERSATION_KNOWN, 0, FLY_OLD);
}

Test(conversation, fly_conversation_accept__a_refused_call_stays_refused)
{
	expect(FLY_CONVERSATION_REFUSED, 0, FLY_REFUSE);
	expect(FLY_CONVERSATION_REFUSED, (uint32_t)-1, FLY_OLD);
	expect(FLY_CONVERSATION_REFUSED, 1, FLY_RUN);
}

Test(conversation, fly_conversation_accept__a_result_that_its_caller_has_is_not_sent_again)
{
	expect(FLY_CONVERSATION_GIVEN, 0, FLY_OLD);
	expect(FLY_CONVERSATION_GIVEN, (uint32_t)-1, FLY_OLD);
	expect(FLY_CONVERSATION_GIVEN, 1, FLY_RUN);
}

Test(conversation, fly_conversation_accept__what_was_not_kept_may_be_done_again)
{
	expect(FLY_CONVERSATION_UNKEPT, 0, FLY_REPEAT);
	expect(FLY_CONVERSATION_UNKEPT, (uint32_t)-1, FLY_OLD);
	expect(FLY_CONVERSATION_UNKEPT, 1, FLY_RUN);
}

Test(conversation, fly_conversation_accept__across_the_wrap_each_call_runs_once)
{
	struct fly_conversation c = record(0xffffff00, FLY_CONVERSATION_KNOWN);

	for (uint32_t seq = 0xffffff01; seq != 0x100; seq++) {
		cr_assert(fly_conversation_accept(&c, seq) == FLY_RUN);
		c.state = FLY_CONVERSATION_DONE;
		cr_assert(fly_conversation_accept(&c, seq) == FLY_RESEND);
		cr_assert(fly_conversation_accept(&c, seq - 1) == FLY_OLD);
	}
}

Test(conversation, fly_conversation_at__only_hints_inside_of_the_table)
{
	struct fly_conversation records[4];
	const struct fly_conversation_table t = {.records = records, .n = 4};

	cr_expect(fly_conversation_at(&t, 0) == &records[0]);
	cr_expect(fly_conversation_at(&t, 3) == &records[3]);
	cr_expect(fly_conversation_at(&t, 4) == NULL);
	cr_expect(fly_conversation_at(&t, FLY_HINT_NONE) == NULL);
}

Test(conversation, fly_conversation_is_peer__address_port_and_link_all_count)
{
	struct fly_link *link = calloc(1, sizeof *link);
	const struct fly_conversation c = {.peer_ip = 0x04030201, .peer_port = 0x1234, .link = 2};
	uint8_t frame[FLY_PAYLOAD] = {0};

	cr_assert(link != NULL);
	link->index = 2;
	fly_store_raw32(frame + FLY_IP_SOURCE, 0x04030201);
	fly_store_raw16(frame + FLY_UDP_SOURCE, 0x1234);
	cr_expect(fly_conversation_is_peer(&c, link, frame));
	link->index = 3;
	cr_expect(!fly_conversation_is_peer(&c, link, frame));
	link->index = 2;
	frame[FLY_IP_SOURCE + 3] ^= 1;
	cr_expect(!fly_conversation_is_peer(&c, link, frame));
	frame[FLY_IP_SOURCE + 3] ^= 1;
	frame[FLY_UDP_SOURCE] ^= 1;
	cr_expect(!fly_conversation_is_peer(&c, link, frame));
	free(link);
}
