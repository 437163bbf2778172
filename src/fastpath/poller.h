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

#include "local/astack.h"
#include "fastpath/clock.h"
#include "fastpath/conversation.h"
#include "fastpath/handoff.h"
#include "fastpath/export.h"

#define FLY_LINKS 32

/* So many procedures may wait for calls of theirs, one within the other, on one poller. */
#define FLY_NESTED_MAX 8

/* Calls of several packets: src/slowpath/bulk/bulk.h, path.h, buffer.h. */
struct fly_bulks {
	TAILQ_HEAD(, fly_bulk) all;            /* in the order in which the sweep looks at them */
	TAILQ_HEAD(fly_paths, fly_path) paths; /* ways to peers: first the one used last */
	struct fly_block *spare;               /* memory for the next ones: first the warmest */
	uint64_t due_tsc;                      /* when fly_bulk_due() is to be called; FLY_NEVER */
	uint32_t n;                            /* in all */
	uint32_t n_sending;                    /* of them, have fragments under way */
	uint32_t n_gathering;                  /* of them, are arriving */
	uint32_t n_idle_paths;
	uint32_t bytes;    /* that they hold, of those that are limited */
	uint32_t max;      /* at most so many */
	uint32_t n_keys;   /* in keys */
	uint32_t keys[32]; /* random numbers, each for one result */
};

/* How long to wait for answers, in ticks: src/slowpath/retry.h. */
struct fly_waits {
	uint64_t first_tsc;       /* RTO of a binding that has not measured a round trip */
	uint64_t least_tsc;       /* RTO at the least, */
	uint64_t most_tsc;        /* and the longest wait between two copies */
	uint64_t timeout_tsc;     /* a call that is not answered for so long is given up */
	uint64_t probe_again_tsc; /* a probe that is not answered is repeated after so long */
	uint64_t probe_most_tsc;  /* the longest interval between two probes that are answered */
	unsigned probes;          /* so many in a row without an answer: the call is given up */
};

/* A pass over the call table: who is overdue? src/slowpath/resend.c. */
struct fly_pass {
	uint64_t due_tsc;  /* when the next one begins, or this one goes on */
	uint64_t next_tsc; /* the earliest time seen in this one at which a call is due */
	uint32_t at;       /* entries seen in this one; 0: none is under way */
	bool is_graced;    /* put off because of an absence */
};

/* A call that came while a procedure ran and let its poller attend to its links. */
struct fly_parked {
	struct rte_mbuf *m;
	struct fly_link *link;
	uint64_t came_tsc;
};

#define FLY_PARKED 128

struct fly_poller {
	/* ---- each turn ---- */
	uint64_t now_tsc;       /* the time of this turn */
	uint64_t sweep_at_tsc;  /* when the slow path wants a turn, though no packet comes */
	uint32_t now_ms;        /* since the poller began; stands still between sweeps */
	struct fly_clock clock; /* of whoever turns us; the turn itself does not look at it */
	uint32_t n_links;
	struct fly_link *links[FLY_LINKS];
	/*
	 * Somebody wants the quiescence point: fly_slow_attention(). Set by any thread, see
	 * start.c; read once a turn.
	 */
	_Atomic uint32_t attention;
	uint32_t n_sources;               /* slots of other threads and processes: 0: only links */
	uint16_t nested;                  /* turns within turns: procedures that wait for calls */
	bool turning;                     /* inside a turn */
	struct fly_conversation *serving; /* whose call is being run, or was last */
	struct fly_call_table calls;
	struct fly_conversation_table conversations;
	struct fly_export exports[FLY_EXPORTS];
	struct fly_packet_cache cache;
	struct fly_slot *serving_slot;     /* the same, of a call over the local link; NULL */
	struct fly_astack_desk astacks;    /* clients of this machine */
	struct fly_handoff_queue handoffs; /* other threads of this process */
	struct fly_stats stats;
	/* ---- seldom ---- */
	uint64_t began_tsc;
	uint64_t tsc_per_ms;
	uint64_t absent_tsc;       /* FLY_ABSENT_US */
	uint32_t exports_since_ms; /* no export of an earlier identifier was called here since */
	uint64_t sweep_ms_at_tsc;  /* once a millisecond: budgets, links, old records */
	struct fly_waits waits;
	struct fly_pass pass;
	uint32_t reject_budget;        /* refusals that may still be sent in this millisecond */
	uint32_t again_budget;         /* results that may still be sent again in it */
	struct fly_requests *requests; /* what other threads want: src/threads/request.h */
	uint32_t number;               /* of its runtime's pollers, this is */
	void *runtime;                 /* for fly_slow_attention(); NULL in a simulation */
	struct fly_arp_question *arp_question; /* the address that is being resolved; NULL: none */
	bool is_shut;                          /* fly_shutdown(): nothing new is imported */
	LIST_HEAD(, fly_import) imports;       /* bindings; ended with it */
	struct fly_bulks bulk;
	struct fly_refused *refused;   /* calls that were refused without a record */
	uint8_t token_key[16];         /* of the tokens that we give out: src/slowpath/token.h */
	uint64_t serving_deadline_tsc; /* of the call that is being run; FLY_NEVER */
	LIST_HEAD(, fly_worker_pool) pools; /* worker.h */
	uint32_t n_on_workers; /* calls in packets that run on workers, or wait for one */
	uint32_t held_ms;      /* how long the call that is being handled was parked; else 0 */
	uint32_t parked_max;   /* at most FLY_PARKED: others need packets, too */
	uint32_t n_parked;
	struct fly_parked parked[FLY_PARKED]; /* in the order in which they came */
};

/* What struct fly_poller_config, and struct fly_options, mean by 0. */
#define FLY_RESEND_FIRST_US 20000
#define FLY_RESEND_LEAST_US 1000
#define FLY_RESEND_MOST_MS  1000
#define FLY_CALL_TIMEOUT_MS 5000
#define FLY_PROBE_AGAIN_MS  50 /* not to be chosen */
#define FLY_PROBE_MOST_MS   300000
#define FLY_PROBES          8

struct fly_poller_config {
	struct rte_mempool *pool;
	uint32_t packets; /* in pool */
	uint32_t calls;
	uint32_t conversations;
	uint32_t call_timeout_ms; /* of this and the next ones, 0: the default */
	uint32_t resend_first_us;
	uint32_t resend_least_us;
	uint32_t resend_most_ms;
	uint32_t probe_most_ms;
	unsigned probes;
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
 * Return: packets received, and slots of other threads that were seen to.
 */
unsigned fly_poller_turn(struct fly_poller *p, uint64_t now_tsc);

/*
 * fly_slow_absent() - nobody turned this poller between two times: see "Absence", absence.c. To
 * be called before the turn at @now_tsc, by whoever owns its clock, if that was FLY_ABSENT_US or
 * more.
 */
void fly_slow_absent(struct fly_poller *p, uint64_t before_tsc, uint64_t now_tsc);

#define FLY_ABSENT_US 250

/*
 * fly_poller_time() - for the outermost loops: the time to turn a poller at. Reads the clock once
 * in FLY_CLOCK_TURNS calls.
 */
static inline uint64_t fly_poller_time(struct fly_poller *p)
{
	if (fly_clock_is_due(&p->clock)) {
		const uint64_t before_tsc = p->now_tsc;

		if (unlikely(fly_clock_read(&p->clock, before_tsc) - before_tsc >= p->absent_tsc))
			fly_slow_absent(p, before_tsc, p->clock.now_tsc);
	}
	return p->clock.now_tsc;
}

/*
 * fly_slow_turn_parking() - within a turn, from a procedure that takes long: receive and send, but
 * begin no other call: those are parked until the turn is over.
 */
void fly_slow_turn_parking(struct fly_poller *p, uint64_t now_tsc);

/*
 * fly_poller_handoffs_within() - within a turn: see to the threads of this process, and do what
 * they ask for. Return: slots that were seen to.
 */
unsigned fly_poller_handoffs_within(struct fly_poller *p);

/* fly_demux() - decide what a packet is, whatever it is, and hand it on; takes it. In demux.c. */
void fly_demux(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m);

#endif
