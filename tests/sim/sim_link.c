/* SPDX-License-Identifier: BSD-3-Clause */
/* sim_link.c - see sim_link.h. Called by a poller through the two burst functions of its link. */
#include "sim_link.h"

#include <stdlib.h>

#define MOST 2048 /* bytes of a frame */

static void must(bool so)
{
	if (!so)
		abort();
}

uint64_t sim_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static bool happens(struct sim_link *l, uint64_t mask, unsigned percent)
{
	const bool drawn = percent && sim_random(&l->random) % 100 < percent;

	return drawn || (l->sent < 64 && (mask >> l->sent & 1));
}

static struct sim_frame *new_frame(const uint8_t *data, unsigned bytes)
{
	struct sim_frame *f = malloc(sizeof *f + bytes);

	must(f && bytes <= MOST);
	f->due_tsc = 0;
	f->bytes = bytes;
	memcpy(f->data, data, bytes);
	return f;
}

static void arrive(struct sim_link *l, struct sim_frame *f)
{
	must(l->n_in < SIM_IN_FLIGHT);
	l->in[l->n_in++] = f;
}

void sim_link_put(struct sim_link *l, const uint8_t *frame, unsigned bytes)
{
	arrive(l, new_frame(frame, bytes));
}

static bool is_for(const struct sim_link *l, const uint8_t *frame)
{
	return (frame[FLY_ETHER_DESTINATION] & 1) ||
	       memcmp(frame + FLY_ETHER_DESTINATION, l->link.mac, 6) == 0;
}

/* Put one copy of a packet on its way to the far end. */
static void fly(struct sim_link *l, struct rte_mbuf *m)
{
	const struct sim_faults *faults = &l->faults;
	uint8_t bytes[MOST];
	struct sim_frame *f;

	must(m->pkt_len <= MOST);
	if (faults->longest && m->pkt_len > faults->longest)
		return;
	if (l->far->filters && !is_for(l->far, fly_packet_frame(m)))
		return;
	f = new_frame(rte_pktmbuf_read(m, 0, m->pkt_len, bytes), m->pkt_len);
	f->due_tsc = *l->now_tsc + faults->latency_us * SIM_TSC_PER_MS / 1000;
	if (happens(l, faults->delay_mask, faults->delay_percent))
		f->due_tsc += 1 + sim_random(&l->random) % (faults->delay_us + 1);
	if (happens(l, faults->corrupt_mask, 0) && faults->corrupt_at < f->bytes)
		f->data[faults->corrupt_at] ^= 0xff;
	arrive(l->far, f);
}

/* Packets that a driver keeps must be unchanged when it gives them back. */
static void give_back(struct sim_link *l)
{
	struct rte_mbuf *m = l->held[0].m;
	struct sim_frame *f = l->held[0].as_sent;

	if (m->pkt_len != f->bytes || memcmp(fly_packet_frame(m), f->data, f->bytes) != 0)
		l->overwritten++;
	free(f);
	rte_pktmbuf_free(m);
	memmove(&l->held[0], &l->held[1], --l->n_held * sizeof l->held[0]);
}

static uint16_t sim_tx_burst(struct fly_link *link, struct rte_mbuf **packets, uint16_t n)
{
	struct sim_link *l = (struct sim_link *)(void *)link;
	const struct sim_faults *faults = &l->faults;

	if (faults->stuck)
		return 0;
	if (faults->takes && n > faults->takes)
		n = faults->takes;
	for (uint16_t i = 0; i < n; i++, l->sent++) {
		struct rte_mbuf *m = packets[i];

		if (!happens(l, faults->drop_mask, faults->drop_percent))
			fly(l, m);
		if (happens(l, faults->duplicate_mask, faults->duplicate_percent))
			fly(l, m);
		must(l->n_held < SIM_HELD);
		l->held[l->n_held].m = m;
		l->held[l->n_held++].as_sent = new_frame(fly_packet_frame(m), m->data_len);
		while (l->n_held > faults->holds)
			give_back(l);
	}
	return n;
}

static uint16_t sim_rx_burst(struct fly_link *link, struct rte_mbuf **packets, uint16_t n)
{
	struct sim_link *l = (struct sim_link *)(void *)link;
	unsigned kept = 0;
	uint16_t got = 0;

	for (unsigned i = 0; i < l->n_in; i++) {
		struct sim_frame *f = l->in[i];
		struct rte_mbuf *m;

		if (got == n || f->due_tsc > *l->now_tsc) {
			l->in[kept++] = f;
			continue;
		}
		m = rte_pktmbuf_alloc(link->pool);
		if (m) { /* else the frame is lost, as at a NIC without buffers */
			memcpy(rte_pktmbuf_append(m, (uint16_t)f->bytes), f->data, f->bytes);
			packets[got++] = m;
		}
		free(f);
	}
	l->n_in = kept;
	return got;
}

unsigned sim_link_take(struct sim_link *l, uint8_t *frame)
{
	struct sim_frame *f;
	unsigned bytes;

	if (l->n_in == 0)
		return 0;
	f = l->in[0];
	bytes = f->bytes;
	memcpy(frame, f->data, bytes);
	free(f);
	memmove(&l->in[0], &l->in[1], --l->n_in * sizeof l->in[0]);
	return bytes;
}

void sim_link_init(struct sim_link *a, struct sim_link *b, const uint64_t *now_tsc, uint64_t seed)
{
	struct sim_link *const ends[] = {a, b};

	for (unsigned i = 0; i < 2; i++) {
		struct sim_link *l = ends[i];

		memset(l, 0, sizeof *l);
		l->link.rx_burst = sim_rx_burst;
		l->link.tx_burst = sim_tx_burst;
		l->far = ends[1 - i];
		l->now_tsc = now_tsc;
		l->random = seed + i;
	}
}

void sim_link_fini(struct sim_link *l)
{
	while (l->n_held)
		give_back(l);
	while (l->n_in)
		free(l->in[--l->n_in]);
}
