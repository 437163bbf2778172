/* SPDX-License-Identifier: BSD-3-Clause */
/* test_fragments.c - which fragment is next, has arrived, or is lost: without packets. */
#include <criterion/criterion.h>
#include <string.h>

#include "sim_link.h"
#include "slowpath/bulk/fragments.h"

static struct fly_scatter s;

Test(fragments, fly_scatter_length__all_but_the_last_are_of_one_length)
{
	for (uint32_t bytes = 1; bytes < 400; bytes++) {
		for (uint32_t unit = 1; unit < 100; unit += 7) {
			uint32_t sum = 0;

			fly_scatter_begin(&s, bytes, unit, 32);
			for (uint32_t i = 0; i < s.fragments; i++) {
				const uint32_t n = fly_scatter_length(&s, i);

				cr_assert(i + 1 < s.fragments ? n == unit : n >= 1 && n <= unit);
				sum += n;
			}
			cr_assert(sum == bytes);
		}
	}
	cr_expect(fly_scatter_fragments(UINT32_MAX, 1) == UINT32_MAX, "no overflow");
}

/* Send at most @n fragments. Return: how many; *asked: those that want an acknowledgement. */
static unsigned send_some(unsigned n, uint64_t now_tsc, unsigned *asked)
{
	unsigned sent = 0;

	*asked = 0;
	while (sent < n && fly_scatter_is_ready(&s)) {
		sent++;
		*asked += fly_scatter_sent(&s, fly_scatter_pick(&s), now_tsc, 8, sent == n);
	}
	return sent;
}

/* An acknowledgement; @ahead: bits. */
static bool ack(uint32_t arrived, uint32_t credit, uint32_t echo, uint64_t ahead, uint64_t now_tsc,
		struct fly_acked *what)
{
	uint8_t bytes[8];
	const struct fly_ack a = {
		.arrived = arrived,
		.credit = credit,
		.echo = echo,
		.n_ahead = 8,
		.ahead = bytes,
	};

	for (unsigned i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(ahead >> 8 * i);
	return fly_scatter_acked(&s, &a, now_tsc, what);
}

Test(fragments, fly_scatter_sent__asks_now_and_then_and_at_the_end)
{
	unsigned asked;

	fly_scatter_begin(&s, 100, 1, 32);
	cr_expect(send_some(16, 0, &asked) == 16 && asked == 2);
	cr_expect(send_some(3, 0, &asked) == 3 && asked == 1, "the last for now");
	cr_expect(send_some(100, 0, &asked) == 13 && asked == 2, "credit ends");
	cr_expect(!fly_scatter_is_ready(&s) && s.n_flight == 32);
	fly_scatter_begin(&s, 5, 1, 32);
	cr_expect(send_some(100, 0, &asked) == 5 && asked == 1, "the message ends");
}

Test(fragments, fly_scatter_acked__opens_the_window)
{
	struct fly_acked what;
	unsigned asked;

	fly_scatter_begin(&s, 2000, 1, 16);
	send_some(100, 1000, &asked);
	cr_expect(!ack(0, 16, FLY_ECHO_NONE, 0, 1100, &what), "nothing new");
	cr_expect(!ack(17, 16, FLY_ECHO_NONE, 0, 1100, &what), "never sent");
	cr_expect(ack(8, 16, 7, 0, 1100, &what));
	cr_expect(what.n_arrived == 8 && what.n_lost == 0 && what.rtt_tsc == 100);
	cr_expect(s.n_flight == 8 && s.limit == 24);
	cr_expect(!ack(8, 16, 7, 0, 1200, &what) && !ack(3, 16, 2, 0, 1200, &what), "old");
	cr_expect(ack(8, 2000, 7, 0, 1200, &what) && what.n_arrived == 0, "credit alone");
	cr_expect(send_some(2000, 1200, &asked) == 504 && s.next == 8 + FLY_SPAN,
		  "no more than both sides remember");
	cr_expect(ack(8 + FLY_SPAN, 0, FLY_ECHO_NONE, 0, 1300, &what) && what.n_arrived == 512);
	cr_expect(s.limit == 2008 && s.n_flight == 0, "a credit that is not said stays");
}

Test(fragments, fly_scatter_acked__three_later_ones_have_arrived)
{
	struct fly_acked what;
	unsigned asked;

	fly_scatter_begin(&s, 100, 1, 32);
	send_some(10, 1000, &asked);
	cr_expect(ack(2, 30, 4, 0x3, 1100, &what), "3 and 4, but not 2");
	cr_expect(what.n_arrived == 4 && what.n_lost == 0, "these may have overtaken it");
	cr_expect(ack(2, 30, 5, 0x7, 1101, &what) && what.n_lost == 1);
	cr_expect(s.n_lost == 1 && s.n_flight == 4 && fly_scatter_pick(&s) == 2);
	cr_expect(send_some(1, 1200, &asked) == 1 && asked == 1, "a copy asks");
	cr_expect(s.n_flight == 5 && s.n_lost == 0 && fly_scatter_pick(&s) == 10);
	cr_expect(ack(10, 30, 9, 0, 1250, &what) && what.n_arrived == 5 && what.n_lost == 0);
	cr_expect(what.rtt_tsc == 250 && s.n_flight == 0);
}

/* In the order of sending, not of fragments: the loss of a copy is found as well. */
Test(fragments, fly_scatter_acked__a_copy_is_lost)
{
	struct fly_acked what;
	unsigned asked;

	fly_scatter_begin(&s, 100, 1, 32);
	send_some(5, 1000, &asked);
	cr_expect(ack(0, 30, 4, 0xf, 1100, &what) && what.n_lost == 1);
	send_some(1, 1100, &asked);
	send_some(3, 1110, &asked);
	cr_expect(ack(0, 30, 7, 0x7f, 1210, &what) && what.n_lost == 1, "0 once more");
	cr_expect(fly_scatter_pick(&s) == 0);
	send_some(1, 1210, &asked);
	cr_expect(ack(8, 30, 0, 0, 1310, &what) && what.rtt_tsc == 0, "of which copy?");
	cr_expect(s.n_flight == 0 && s.n_lost == 0);
}

/* Fragments sent long before one that has arrived are lost, however few: the tail's probe. */
Test(fragments, fly_scatter_probe__tells_the_rest)
{
	struct fly_acked what;
	unsigned asked;

	fly_scatter_begin(&s, 6, 1, 32);
	send_some(3, 1000, &asked);
	cr_expect(ack(3, 30, 2, 0, 1010, &what));
	send_some(3, 1010, &asked);
	cr_expect(fly_scatter_probe(&s) && s.n_lost == 1 && s.n_flight == 2);
	cr_expect(fly_scatter_pick(&s) == 3 && send_some(1, 1200, &asked) == 1 && asked == 1);
	cr_expect(ack(4, 30, 3, 0, 1210, &what) && what.n_arrived == 1 && what.n_lost == 2);
	cr_expect(send_some(9, 1220, &asked) == 2);
	cr_expect(ack(6, 0, 5, 0, 1230, &what));
	cr_expect(!fly_scatter_probe(&s), "nothing is under way");
}

Test(fragments, fly_scatter_lost_all__what_is_old)
{
	struct fly_acked what;
	unsigned asked;

	fly_scatter_begin(&s, 100, 1, 32);
	send_some(4, 1000, &asked);
	send_some(4, 2000, &asked);
	cr_expect(fly_scatter_lost_all(&s, 2100, 1101) == 0);
	cr_expect(fly_scatter_lost_all(&s, 2100, 1000) == 4 && s.n_lost == 4 && s.n_flight == 4);
	cr_expect(ack(2, 30, 1, 0, 2200, &what) && s.n_lost == 2, "after all");
	fly_scatter_shift(&s, 5000);
	cr_expect(fly_scatter_lost_all(&s, 7100, 200) == 0, "nobody was there to see them come");
	cr_expect(fly_scatter_lost_all(&s, 7100, 0) == 4);
	fly_scatter_stop(&s);
	cr_expect(s.n_flight == 0 && s.n_lost == 0 && !fly_scatter_is_ready(&s));
}

/* The receiver starts anew, and says so about a fragment sent after it had known more. */
Test(fragments, fly_scatter_acked__the_receiver_has_forgotten)
{
	struct fly_acked what;
	unsigned asked;

	fly_scatter_begin(&s, 100, 1, 32);
	send_some(20, 1000, &asked);
	cr_expect(ack(10, 30, 9, 0, 1100, &what));
	cr_expect(!ack(5, 30, 12, 0x40, 1110, &what), "overtaken by the one before");
	cr_expect(s.acked == 10);
	fly_scatter_lost_all(&s, 2000, 0);
	send_some(1, 2000, &asked);
	cr_expect(!ack(0, 30, 10, 0x200, 2050, &what), "not the copy");

	const uint8_t bits[2] = {0x00, 0x02};
	const struct fly_ack anew = {0, 30, 10, true, false, 2, bits};

	cr_expect(fly_scatter_acked(&s, &anew, 2100, &what) && what.is_restart);
	cr_expect(s.acked == 0 && s.next == 0 && s.n_flight == 0 && s.n_lost == 0);
	cr_expect(fly_scatter_is_again(&s, 0) && fly_scatter_is_again(&s, 19) &&
		  !fly_scatter_is_again(&s, 20));
	cr_expect(send_some(5, 2100, &asked) == 5 && s.next == 5);
	cr_expect(ack(20, 30, FLY_ECHO_NONE, 0, 2200, &what) && s.acked == 20, "or not");
	cr_expect(s.next == 20 && s.n_flight == 0);
}

Test(fragments, fly_gather_begin__what_no_message_begins_with)
{
	struct fly_gather g;

	cr_expect(fly_gather_begin(&g, 0, 2, 0, 100) == FLY_GATHER_WRONG);
	cr_expect(fly_gather_begin(&g, 1, 2, 10, 100) == FLY_GATHER_WRONG, "the last one");
	cr_expect(fly_gather_begin(&g, 0, 2, 10, 10) == FLY_GATHER_LONG);
	cr_expect(fly_gather_begin(&g, 0, 2, 10, 11) == FLY_GATHER_NEW);
	cr_expect(fly_gather_room(&g) == 11, "room for what is allowed, not for what is claimed");
	cr_expect(fly_gather_begin(&g, 0, 65535, 65535, UINT32_MAX) == FLY_GATHER_NEW);
	cr_expect(fly_gather_begin(&g, 0, 65535, 1440, 64u << 20) == FLY_GATHER_LONG);
	cr_expect(fly_gather_begin(&g, 0, 65535, 1024, 64u << 20) == FLY_GATHER_NEW);
	cr_expect(fly_gather_room(&g) == 65535 * 1024);
}

Test(fragments, fly_gather_take__what_does_not_fit)
{
	struct fly_gather g;
	bool news;

	cr_assert(fly_gather_begin(&g, 0, 5, 10, 45) == FLY_GATHER_NEW);
	cr_expect(fly_gather_take(&g, 0, 5, 10, &news) == FLY_GATHER_NEW && !news);
	cr_expect(fly_gather_take(&g, 0, 5, 10, &news) == FLY_GATHER_AGAIN);
	cr_expect(fly_gather_take(&g, 1, 6, 10, &news) == FLY_GATHER_WRONG, "another count");
	cr_expect(fly_gather_take(&g, 1, 5, 9, &news) == FLY_GATHER_WRONG);
	cr_expect(fly_gather_take(&g, 1, 5, 11, &news) == FLY_GATHER_WRONG);
	cr_expect(fly_gather_take(&g, 5, 5, 10, &news) == FLY_GATHER_WRONG);
	cr_expect(fly_gather_take(&g, 4, 5, 0, &news) == FLY_GATHER_WRONG);
	cr_expect(fly_gather_take(&g, 4, 5, 11, &news) == FLY_GATHER_WRONG);
	cr_expect(fly_gather_take(&g, 4, 5, 6, &news) == FLY_GATHER_LONG);
	cr_expect(fly_gather_take(&g, 4, 5, 5, &news) == FLY_GATHER_NEW && news, "a gap");
	cr_expect(fly_gather_take(&g, 4, 5, 5, &news) == FLY_GATHER_AGAIN);
	cr_expect(g.arrived == 1 && !fly_gather_is_whole(&g));
	cr_expect(fly_gather_take(&g, 2, 5, 10, &news) == FLY_GATHER_NEW && !news);
	cr_expect(fly_gather_take(&g, 1, 5, 10, &news) == FLY_GATHER_NEW && news, "filled");
	cr_expect(g.arrived == 3);
	cr_expect(fly_gather_take(&g, 3, 5, 10, &news) == FLY_GATHER_NEW && news);
	cr_expect(fly_gather_is_whole(&g) && fly_gather_bytes(&g) == 45);
	cr_assert(fly_gather_begin(&g, 0, 1000, 10, 10000) == FLY_GATHER_NEW);
	cr_expect(fly_gather_take(&g, 512, 1000, 10, &news) == FLY_GATHER_WRONG, "too far ahead");
	cr_expect(fly_gather_take(&g, 511, 1000, 10, &news) == FLY_GATHER_NEW);
}

Test(fragments, fly_gather_ahead__at_each_place_of_the_ring)
{
	uint64_t random = 3;

	for (uint32_t at = 0; at < 2 * FLY_SPAN; at++) {
		const uint32_t n = 1 + (uint32_t)(sim_random(&random) % 20);
		bool there[FLY_SPAN] = {0};
		uint8_t bits[FLY_SPAN / 8];
		struct fly_gather g;
		uint32_t last = 0;
		uint32_t bytes;
		bool news;

		cr_assert(fly_gather_begin(&g, 0, 3000, 10, 30000) == FLY_GATHER_NEW);
		g.arrived = at;
		g.top = at;
		cr_assert(fly_gather_ahead(&g, bits) == 0);
		for (uint32_t i = 0; i < n; i++) {
			const uint32_t ahead = 1 + (uint32_t)(sim_random(&random) % (FLY_SPAN - 1));

			fly_gather_take(&g, at + ahead, 3000, 10, &news);
			there[ahead] = true;
			last = RTE_MAX(last, ahead);
		}
		bytes = fly_gather_ahead(&g, bits);
		cr_assert(bytes == (last + 7) / 8, "%u bytes to %u", bytes, last);
		for (uint32_t i = 0; i < bytes * 8; i++)
			cr_assert((bits[i / 8] >> i % 8 & 1) == (i + 1 < FLY_SPAN && there[i + 1]));
	}
}

/* Write an acknowledgement and let the sender read it. */
static bool tell(const struct fly_gather *g, uint32_t echo, bool again, uint64_t now_tsc,
		 struct fly_acked *what)
{
	uint8_t bits[FLY_SPAN / 8];
	const struct fly_ack a = {
		.arrived = g->arrived,
		.credit = FLY_SPAN,
		.echo = echo,
		.echo_again = again,
		.n_ahead = fly_gather_ahead(g, bits),
		.ahead = bits,
	};

	return fly_scatter_acked(&s, &a, now_tsc, what);
}

/*
 * Random order, losses and copies, also of acknowledgements: complete data is right, the count in
 * flight is right, and little is sent twice.
 */
Test(fragments, fly_gather_take__random_losses)
{
	uint64_t random = 1;
	uint64_t sent_in_all = 0;
	uint64_t needed_in_all = 0;

	for (unsigned round = 0; round < 2000; round++) {
		const uint32_t bytes = 2 + (uint32_t)(sim_random(&random) % 3000);
		const uint32_t unit = 1 + (uint32_t)(sim_random(&random) % 9 % (bytes - 1));
		const unsigned loss = sim_random(&random) % 30;
		struct fly_gather g = {0};
		struct fly_acked what;
		bool there[3000] = {0};
		uint64_t now_tsc = 1;

		fly_scatter_begin(&s, bytes, unit, 32);
		needed_in_all += s.fragments;
		while (s.acked < s.fragments) {
			unsigned n = 1 + sim_random(&random) % 20;
			uint32_t flight[20];
			unsigned sent = 0;

			now_tsc += 10;
			for (; sent < n && fly_scatter_is_ready(&s); sent++) {
				flight[sent] = fly_scatter_pick(&s);
				cr_assert(flight[sent] >= s.acked && flight[sent] < s.fragments);
				fly_scatter_sent(&s, flight[sent], now_tsc, 8, false);
			}
			sent_in_all += sent;
			cr_assert(s.n_flight + s.n_lost <= s.next - s.acked);
			for (unsigned i = 0; i < sent; i++) {
				const uint32_t at =
					i + (uint32_t)(sim_random(&random) % RTE_MIN(2U, sent - i));
				const uint32_t f = flight[at];
				const uint32_t length = fly_scatter_length(&s, f);
				bool news;

				flight[at] = flight[i];
				if (sim_random(&random) % 100 < loss)
					continue;
				if (g.fragments == 0 &&
				    fly_gather_begin(&g, f, s.fragments, length, bytes))
					continue;
				if (fly_gather_take(&g, f, s.fragments, length, &news) ==
				    FLY_GATHER_NEW) {
					cr_assert(!there[f]);
					there[f] = true;
				} else {
					cr_assert(there[f]);
				}
				if (sim_random(&random) % 100 >= loss && g.fragments)
					tell(&g, f, fly_scatter_is_again(&s, f), now_tsc + 5,
					     &what);
			}
			if (!fly_scatter_is_ready(&s) && s.n_flight &&
			    sim_random(&random) % 3 == 0) {
				now_tsc += 100;
				fly_scatter_probe(&s);
			}
			if (g.fragments == 0 && s.n_flight)
				fly_scatter_lost_all(&s, now_tsc, 0);
			cr_assert(now_tsc < 1000000, "it does not end");
		}
		for (uint32_t i = 0; i < s.fragments; i++)
			cr_assert(there[i]);
		cr_assert(fly_gather_is_whole(&g) && s.n_flight == 0 && s.n_lost == 0);
		cr_assert(fly_gather_bytes(&g) == bytes && fly_gather_room(&g) == bytes);
	}
	cr_expect(sent_in_all < needed_in_all * 13 / 10, "%lu for %lu", sent_in_all, needed_in_all);
}

/*
 * Runs of fragments, and acknowledgements of many, have a short way each. Whatever is lost, it says
 * what the long way says.
 */
Test(fragments, fly_scatter_run__says_what_single_fragments_say)
{
	static struct fly_scatter single;
	uint64_t random = 3;
	unsigned short_ways = 0;

	for (unsigned round = 0; round < 300; round++) {
		const unsigned loss = round % 3 == 0 ? 0 : round % 4;
		const uint32_t bytes = 2000 + (uint32_t)(sim_random(&random) % 3000);
		struct fly_gather g = {0};
		struct fly_gather long_g = {0};
		uint64_t now_tsc = 1;

		memset(&s, 0, sizeof s);
		memset(&single, 0, sizeof single);
		fly_scatter_begin(&s, bytes, 1, 32);
		fly_scatter_begin(&single, bytes, 1, 32);
		while (s.acked < s.fragments) {
			const uint32_t n = 1 + (uint32_t)(sim_random(&random) % 40);
			const uint32_t run = RTE_MIN(n, fly_scatter_run(&s));
			struct fly_acked what;
			struct fly_acked single_what;
			uint32_t flight[40];
			uint32_t sent = 0;

			now_tsc += 10;
			for (; sent < n && fly_scatter_is_ready(&single); sent++) {
				bool asks;

				flight[sent] = fly_scatter_pick(&single);
				if (sent < run)
					asks = fly_scatter_sent_next(&s, now_tsc, 8, sent + 1 == n);
				else
					asks = fly_scatter_sent(&s, fly_scatter_pick(&s), now_tsc,
								8, sent + 1 == n);
				cr_assert(asks == fly_scatter_sent(&single, flight[sent], now_tsc,
								   8, sent + 1 == n) ||
						  sent + 1 == run,
					  "a run that ends the credit may ask once less");
				single.unasked = s.unasked;
			}
			short_ways += run;
			cr_assert(sent >= run);
			for (uint32_t i = 0; i < sent; i++) {
				uint8_t bits[FLY_SPAN / 8 + 8];
				struct fly_ack a = {.ahead = bits};
				bool news = false;

				if (sim_random(&random) % 100 < loss)
					continue;
				if (g.fragments == 0) {
					if (fly_gather_begin(&g, flight[i], s.fragments, 1, bytes))
						continue;
					long_g = g;
				}
				if (!fly_gather_next(&g, flight[i]))
					fly_gather_take(&g, flight[i], s.fragments, 1, &news);
				fly_gather_take(&long_g, flight[i], s.fragments, 1, &news);
				cr_assert(memcmp(&g, &long_g, sizeof g) == 0);
				if (sim_random(&random) % 5)
					continue;
				a.arrived = g.arrived;
				a.credit = 300;
				a.echo = flight[i];
				a.echo_again = fly_scatter_is_again(&single, flight[i]) &&
					       sim_random(&random) % 2;
				a.n_ahead = fly_gather_ahead(&g, bits);
				single.is_plain = false;
				cr_assert(
					fly_scatter_acked(&s, &a, now_tsc + 5, &what) ==
					fly_scatter_acked(&single, &a, now_tsc + 5, &single_what));
				cr_assert(what.n_arrived == single_what.n_arrived &&
					  what.n_lost == single_what.n_lost &&
					  what.rtt_tsc == single_what.rtt_tsc &&
					  what.is_restart == single_what.is_restart);
			}
			if (s.n_flight && sim_random(&random) % 8 == 0) {
				fly_scatter_lost_all(&s, now_tsc, 0);
				fly_scatter_lost_all(&single, now_tsc, 0);
			}
			single.is_plain = s.is_plain;
			cr_assert(memcmp(&s, &single, sizeof s) == 0, "round %u", round);
			cr_assert(now_tsc < 1000000, "it does not end");
		}
	}
	cr_expect(short_ways > 100000, "the short way was taken %u times", short_ways);
}
