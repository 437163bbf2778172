/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_congestion.c - how the window grows and shrinks, and how flows share a queue: a model of one
 * link with one queue, in nanoseconds, without packets.
 */
#include <criterion/criterion.h>

#include "sim_link.h"
#include "slowpath/bulk/congestion.h"

#define US UINT64_C(1000) /* a tick is a nanosecond */

static struct fly_congestion c;

static uint32_t window(const struct fly_congestion *of)
{
	return of->window / FLY_WINDOW_ONE;
}

Test(congestion, fly_congestion_acked__doubles_until_something_speaks_against_it)
{
	uint64_t now = 0;

	fly_congestion_init(&c, US, now);
	cr_expect(fly_congestion_room(&c, 0, now) == 16);
	for (unsigned i = 0; i < 3; i++) {
		const uint32_t before = window(&c);

		now += 10 * US;
		fly_congestion_acked(&c, before, before, 10 * US, now);
		cr_expect(window(&c) == 2 * before);
	}
	cr_expect(fly_congestion_room(&c, 100, now) == 28 &&
		  fly_congestion_room(&c, 128, now) == 0);
	now += 60 * US;
	fly_congestion_acked(&c, 10, 128, 60 * US, now);
	cr_expect(window(&c) < 64 + 10 && window(&c) >= 64, "too long: at most by half");
	const uint32_t closed = window(&c);
	fly_congestion_acked(&c, 10, 100, 60 * US, now);
	cr_expect(window(&c) == closed, "once in a round trip");
	now += 60 * US;
	fly_congestion_acked(&c, closed, closed, 10 * US, now);
	cr_expect(window(&c) == closed + 1 || window(&c) == closed, "by one in a round trip");
}

Test(congestion, fly_congestion_acked__what_is_not_used_does_not_grow)
{
	fly_congestion_init(&c, US, 0);
	for (unsigned i = 1; i < 100; i++)
		fly_congestion_acked(&c, 2, 4, 10 * US, i * 10 * US);
	cr_expect(window(&c) == 16);
}

Test(congestion, fly_congestion_lost__costs_what_was_lost_and_at_most_half)
{
	fly_congestion_init(&c, US, 0);
	fly_congestion_acked(&c, 16, 16, 10 * US, 10 * US);
	cr_expect(window(&c) == 32);
	fly_congestion_lost(&c, 1, 30 * US);
	cr_expect(window(&c) == 31);
	for (unsigned i = 0; i < 40; i++)
		fly_congestion_lost(&c, 2, 31 * US);
	cr_expect(window(&c) == 16, "%u", window(&c));
	fly_congestion_lost(&c, 100, 50 * US);
	cr_expect(window(&c) == 8);
	for (unsigned i = 0; i < 40; i++)
		fly_congestion_lost(&c, 100, 100 * US * i);
	cr_expect(c.window == FLY_WINDOW_ONE, "no loss makes it wait");
}

Test(congestion, fly_congestion_silent__begins_with_one)
{
	fly_congestion_init(&c, US, 0);
	fly_congestion_acked(&c, 16, 16, 10 * US, 10 * US);
	fly_congestion_silent(&c, 1000 * US);
	cr_expect(fly_congestion_room(&c, 0, 1000 * US) == 1);
	for (unsigned i = 0; i < 4; i++)
		fly_congestion_acked(&c, window(&c), window(&c), 10 * US, (1010 + 10 * i) * US);
	cr_expect(window(&c) == 16, "and doubles up to half of what it was");
	fly_congestion_acked(&c, 16, 16, 10 * US, 1100 * US);
	cr_expect(window(&c) <= 17);
}

Test(congestion, fly_congestion_room__below_one_there_are_pauses)
{
	uint64_t now = 0;

	fly_congestion_init(&c, US, 0);
	fly_congestion_acked(&c, 1, 1, 10 * US, now += 10 * US);
	for (unsigned i = 0; i < 200; i++)
		fly_congestion_acked(&c, 1, 1, 400 * US, now += 400 * US);
	cr_expect(c.window >= FLY_WINDOW_LEAST && c.window < FLY_WINDOW_ONE);
	cr_expect(fly_congestion_room(&c, 0, now) == 1 && fly_congestion_room(&c, 1, now) == 0);
	fly_congestion_sent(&c, now);
	cr_expect(fly_congestion_room(&c, 0, now + 400 * US) == 0);
	cr_expect(fly_congestion_room(&c, 0, now + FLY_PACE_US * US) == 1);
	fly_congestion_acked(&c, 1, 1, 10 * US, now += 10 * US);
	cr_expect(window(&c) >= 1, "one good round trip ends that");
}

/* RFC 6298, section 2.3: the deviation is absolute. */
Test(congestion, fly_congestion_patience__grows_with_samples_that_are_shorter_as_well)
{
	uint64_t now = 0;

	fly_congestion_init(&c, US, now);
	for (unsigned i = 0; i < 100; i++)
		fly_congestion_acked(&c, 1, 1, 1000 * US, now += 1000 * US);
	cr_expect(fly_congestion_patience(&c) < 2010 * US, "it has settled");
	fly_congestion_acked(&c, 1, 1, 200 * US, now += 200 * US);
	cr_expect(c.srtt_tsc == 900 * US);
	cr_expect(fly_congestion_patience(&c) >= 2600 * US, "2 * 900 + 4 * 200");
}

#define PERIOD_US 5000000 /* of congestion.c */

/* The way has become longer: the shortest round trip of old does not count for ever. */
Test(congestion, fly_congestion_target__follows_a_way_that_became_longer)
{
	uint64_t now = 0;

	fly_congestion_init(&c, US, now);
	fly_congestion_acked(&c, 1, 1, 50 * US, now += 50 * US);
	for (unsigned i = 0; i < 2; i++) {
		cr_expect(fly_congestion_target(&c) < 300 * US, "period %u", i);
		now += PERIOD_US * US + 1;
		fly_congestion_acked(&c, 1, 1, 400 * US, now);
	}
	cr_expect(c.least_tsc == 400 * US && c.last_least_tsc == 400 * US);
	cr_expect(fly_congestion_target(&c) >= 600 * US);
}

/* Jitter, a shift of the clock: all numbers stay within their bounds. */
Test(congestion, fly_congestion_acked__anything)
{
	uint64_t random = 5;
	uint64_t now = 0;

	fly_congestion_init(&c, US, 0);
	for (unsigned i = 0; i < 200000; i++) {
		const uint32_t n = sim_random(&random) % 1024;
		const unsigned bits = sim_random(&random) % 33;

		now += sim_random(&random) % (100 * US);
		if (sim_random(&random) % 10 == 0)
			fly_congestion_lost(&c, n, now);
		else if (sim_random(&random) % 100 == 0)
			fly_congestion_silent(&c, now);
		else
			fly_congestion_acked(&c, n, n,
					     (uint32_t)sim_random(&random) >> (32 - bits) / 2, now);
		fly_congestion_sent(&c, now);
		cr_assert(c.window >= FLY_WINDOW_LEAST && c.window <= FLY_WINDOW_MOST);
		cr_assert(fly_congestion_room(&c, 0, now + 5000 * 1000 * US) >= 1);
		cr_assert(fly_congestion_target(&c) >= FLY_TARGET_US * US);
		cr_assert(fly_congestion_patience(&c) >= FLY_PROBE_US * US);
	}
}

/* ---- a queue that flows share ---- */

#define FLOWS    64
#define IN_QUEUE 65536

struct flow {
	struct fly_congestion c;
	uint32_t n_flight;
	uint64_t begins;
	uint64_t done;  /* fragments that arrived in the second half */
	uint64_t delay; /* sum of their delays */
};

struct flying {
	uint64_t back; /* when its acknowledgement arrives */
	uint64_t sent;
	unsigned flow;
	bool lost;
};

static struct flow flows[FLOWS];
static struct flying flying[IN_QUEUE];
static unsigned long drops;

/*
 * Run @n flows that always have more to send through one link. @frame: ns per fragment. @room:
 * fragments that the queue holds. @rtt: ns there and back. @loss: every @loss-th is lost; 0: none.
 * Return: percent of the link's capacity that arrived in the second half of @ms.
 */
static unsigned share_link(unsigned n, uint64_t frame, uint64_t rtt, unsigned room, unsigned loss,
			   unsigned ms)
{
	const uint64_t end = ms * 1000 * US;
	uint64_t free_at = 0; /* when the queue is empty */
	uint64_t random = 11;
	unsigned head = 0;
	unsigned tail = 0;
	uint64_t carried = 0;

	drops = 0;
	for (unsigned i = 0; i < n; i++) {
		fly_congestion_init(&flows[i].c, US, 0);
		flows[i].n_flight = 0;
		flows[i].done = 0;
		flows[i].delay = 0;
	}
	for (uint64_t now = 0; now < end; now += 100) {
		/* The way back takes the same time for all: acknowledgements come in order. */
		for (; head != tail && flying[head % IN_QUEUE].back <= now; head++) {
			struct flying *f = &flying[head % IN_QUEUE];
			struct flow *w = &flows[f->flow];
			const uint32_t before = w->n_flight--;

			if (f->lost) {
				fly_congestion_lost(&w->c, 1, now);
				continue;
			}
			fly_congestion_acked(&w->c, 1, before, f->back - f->sent, now);
			if (now > end / 2) {
				w->done++;
				w->delay += f->back - f->sent;
				carried++;
			}
		}
		for (unsigned k = 0; k < n; k++) {
			const unsigned i = (unsigned)(now / 100 + k) % n;
			struct flow *w = &flows[i];

			if (now < w->begins)
				continue;
			while (fly_congestion_room(&w->c, w->n_flight, now)) {
				struct flying *f = &flying[tail++ % IN_QUEUE];
				const uint64_t begin = free_at > now ? free_at : now;

				cr_assert(tail - head < IN_QUEUE);
				f->flow = i;
				f->sent = now;
				f->lost = (begin - now) / frame >= room;
				drops += f->lost;
				if (!f->lost)
					free_at = begin + frame;
				if (loss && sim_random(&random) % loss == 0)
					f->lost = true;
				f->back = free_at + rtt;
				w->n_flight++;
				fly_congestion_sent(&w->c, now);
			}
		}
	}
	return (unsigned)(carried * frame * 100 / (end / 2));
}

/* Jain's fairness index of the flows, in percent. */
static unsigned fairness(unsigned n)
{
	double sum = 0;
	double squares = 0;

	for (unsigned i = 0; i < n; i++) {
		sum += (double)flows[i].done;
		squares += (double)flows[i].done * (double)flows[i].done;
	}
	return (unsigned)(100 * sum * sum / (n * squares));
}

static unsigned delay_us(unsigned i)
{
	return (unsigned)(flows[i].delay / flows[i].done / US);
}

Test(congestion, share_link__one_flow_fills_a_link_and_no_queue)
{
	static const unsigned rtts_us[] = {1, 2, 5, 10, 20, 50, 100};

	memset(flows, 0, sizeof flows);
	for (unsigned i = 0; i < RTE_DIM(rtts_us); i++) {
		/* 25 Gb/s: 1500 bytes in 480 ns. */
		const unsigned used = share_link(1, 480, rtts_us[i] * US, 1000, 0, 40);

		cr_expect(used >= 95, "%u us: %u %%", rtts_us[i], used);
		cr_expect(delay_us(0) <= RTE_MAX(20U, rtts_us[i] * 16 / 10), "%u us: %u us",
			  rtts_us[i], delay_us(0));
	}
}

Test(congestion, share_link__one_flow_fills_faster_and_slower_links)
{
	memset(flows, 0, sizeof flows);
	cr_expect(share_link(1, 120, 10 * US, 1000, 0, 40) >= 95, "100 Gb/s");
	cr_expect(share_link(1, 120, 1 * US, 1000, 0, 40) >= 95, "100 Gb/s, 1 us");
	cr_expect(share_link(1, 1200, 10 * US, 1000, 0, 40) >= 95, "10 Gb/s");
	cr_expect(share_link(1, 12000, 10 * US, 1000, 0, 40) >= 95, "1 Gb/s");
}

Test(congestion, share_link__two_flows_share_whoever_was_first)
{
	static const unsigned rtts_us[] = {1, 10, 100};

	for (unsigned i = 0; i < RTE_DIM(rtts_us); i++) {
		memset(flows, 0, sizeof flows);
		flows[1].begins = 5000 * US;
		const unsigned used = share_link(2, 480, rtts_us[i] * US, 1000, 0, 100);

		cr_expect(used >= 95 && fairness(2) >= 90, "%u us: %u %%, fair to %u %%: %lu, %lu",
			  rtts_us[i], used, fairness(2), flows[0].done, flows[1].done);
	}
}

Test(congestion, share_link__many_flows_more_than_a_window_of_one_has_room_for)
{
	memset(flows, 0, sizeof flows);
	const unsigned used = share_link(64, 480, 10 * US, 1000, 0, 100);

	cr_expect(used >= 90 && fairness(64) >= 80, "%u %%, fair to %u %%", used, fairness(64));
	cr_expect(delay_us(0) < 64, "%u us: less than one fragment of each takes", delay_us(0));
}

/* A queue shorter than the target delay: losses control the window, and are few. */
Test(congestion, share_link__one_flow_a_shallow_queue)
{
	memset(flows, 0, sizeof flows);
	const unsigned used = share_link(1, 480, 20 * US, 8, 0, 40);

	cr_expect(used >= 90, "%u %%", used);
	cr_expect(drops < 40 * 1000 * US / 480 / 20, "%lu of %lu lost", drops,
		  (unsigned long)(40 * 1000 * US / 480));
}

Test(congestion, share_link__one_flow_one_percent_of_loss_costs_little)
{
	memset(flows, 0, sizeof flows);
	const unsigned used = share_link(1, 480, 10 * US, 1000, 100, 40);

	cr_expect(used >= 90, "%u %%", used);
}

/* The other side stood still for a minute: that says nothing about the path. */
Test(congestion, fly_congestion_patience__is_never_longer_than_a_second)
{
	fly_congestion_init(&c, US, 0);
	fly_congestion_acked(&c, 1, 1, 60000000 * US, 60000000 * US);
	cr_expect(fly_congestion_patience(&c) <= 1000000 * US);
	for (uint64_t i = 1; i < 100; i++)
		fly_congestion_acked(&c, 1, 1, 10 * US, 60000000 * US + i * 10 * US);
	cr_expect(fly_congestion_patience(&c) <= 1000 * US, "and soon forgotten");
}
