/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * poller.h - the thread that does everything: what it owns, and its turn.
 *
 * A poller and all that it points to belong to one thread, registered with DPDK. Other threads
 * may only read its stats and raise `attention`; they hand over changes at its quiescence point,
 * once a turn, where no packet is under way.
 */
#ifndef FLY_POLLER_H
#define FLY_POLLER_H

#include <sys/queue.h>

#include "fastpath/clock.h"
#include "fastpath/conversation.h"
#include "fastpath/export.h"

#define FLY_LINKS 32

/* Calls of several packets: src/slowpath/bulk.h. */
struct fly_bulks {
	TAILQ_HEAD(, fly_bulk) all; /* in the order in which the sweep looks at them */
	uint32_t n;                 /* in it */
	uint32_t n_sending;         /* of them, have fragments under way */
	uint32_t bytes;             /* that they hold, of those that are limited */
	uint32_t max;               /* at most so many */
};

struct fly_poller {
	/* ---- each turn ---- */
	uint64_t now_tsc;       /* the time of this turn */
	uint64_t sweep_at_tsc;  /* when the slow path looks at retries and old records again */
	uint32_t now_ms;        /* since the poller began; stands still between sweeps */
	struct fly_clock clock; /* of whoever turns us; the turn itself does not look at it */
	uint32_t n_links;
	struct fly_link *links[FLY_LINKS];
	/*
	 * Somebody wants the quiescence point: fly_slow_attention(). Set by any thread, see
	 * runtime.c; read once a turn.
	 */
	_Atomic uint32_t attention;
	bool turning; /* inside a turn: a procedure that calls out is refused */
	struct fly_call_table calls;
	struct fly_conversation_table conversations;
	struct fly_export exports[FLY_EXPORTS];
	struct fly_packet_cache cache;
	struct fly_stats stats;
	/* ---- seldom ---- */
	uint64_t began_tsc;
	uint64_t tsc_per_ms;
	uint32_t call_timeout_ms;
	uint32_t calls_swept;           /* where the next sweep of the call table goes on */
	uint32_t reject_budget;         /* refusals that may still be sent before the next sweep */
	void *runtime;                  /* for fly_slow_attention(); NULL in a simulation */
	struct fly_arp_question *asked; /* the address that is being resolved; NULL: none */
	struct fly_bulks bulk;
};

struct fly_poller_config {
	struct rte_mempool *pool;
	uint32_t packets; /* in pool */
	uint32_t calls;
	uint32_t conversations;
	uint32_t call_timeout_ms;
	uint64_t tsc_per_ms;
	const char *name; /* at most 15 characters; unique in the process */
	int socket;       /* NUMA node */
};

/*
 * fly_poller_init() - tables and caches; no links yet.
 * Return: 0 or -FLY_ENOMEM (then nothing is left behind).
 */
int fly_poller_init(struct fly_poller *p, const struct fly_poller_config *config, uint64_t now_tsc);

/* fly_poller_fini() - let every packet go and free the tables. No link is attached any more. */
void fly_poller_fini(struct fly_poller *p);

/*
 * fly_poller_attach() - poll a link from the next turn on. Sets what the poller owns in it.
 * Return: 0, or -FLY_ENOMEM: there are FLY_LINKS already.
 */
int fly_poller_attach(struct fly_poller *p, struct fly_link *link);

/*
 * fly_poller_detach() - stop polling a link: what is queued is dropped, calls over it fail with
 * FLY_EPEER, its conversations are forgotten. Between turns or at the quiescence point.
 */
void fly_poller_detach(struct fly_poller *p, struct fly_link *link);

/*
 * fly_poller_turn() - receive, handle, send, look after what is overdue.
 * @now_tsc: not before that of the last turn.
 * Return: packets received.
 */
unsigned fly_poller_turn(struct fly_poller *p, uint64_t now_tsc);

/* fly_demux() - decide what a packet is, whatever it is, and hand it on; takes it. In demux.c. */
void fly_demux(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m);

#endif
