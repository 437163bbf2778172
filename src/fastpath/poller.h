/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * poller.h - a poller: what it owns, and its turn.
 *
 * A poller and all that it points to belong to one thread, registered with DPDK. Other threads may
 * only read its stats, set `attention`, and ring. Their requests are served at the quiescence
 * point, once a turn, when no packet is under way.
 */
#ifndef FLY_POLLER_H
#define FLY_POLLER_H

#include <sys/queue.h>

#include "fastpath/clock.h"
#include "fastpath/conversation.h"
#include "fastpath/handoff.h"
#include "fastpath/export.h"
#include "fastpath/slow.h"

#define FLY_LINKS 32

/* Procedures of one poller that may wait for calls of their own, one within the other. */
#define FLY_NESTED_MAX 8

#define FLY_DUE_SLOTS  64 /* of a wheel: due.h */
#define FLY_PATH_LISTS 64 /* of paths, by address */

/* Messages whose next fragments take the short way. */
#define FLY_BULKS_KNOWN 8

/* Calls of several packets: src/slowpath/bulk/bulk.h, path.h, buffer.h. */
struct fly_bulks {
	TAILQ_HEAD(, fly_bulk) all;            /* in the order of the sweep */
	TAILQ_HEAD(fly_paths, fly_path) paths; /* paths to peers: first the one used last */
	LIST_HEAD(, fly_path) by_address[FLY_PATH_LISTS]; /* the same: path.c */
	LIST_HEAD(, fly_path) pausing;            /* of them, those that go on by themselves */
	LIST_HEAD(, fly_bulk) due[FLY_DUE_SLOTS]; /* the wheel, with due_bits and due_slot: due.c */
	uint64_t due_bits;                        /* bit I: due[I] is not empty */
	uint64_t due_slot;                        /* number of the present slot */
	struct fly_block *spare;                  /* free memory: first the warmest */
	struct fly_bulk *idle;                    /* freed structs */
	uint32_t n_idle;
	uint64_t due_tsc;     /* when fly_bulk_due() is to be called; FLY_NEVER */
	uint32_t n;           /* all of them */
	uint32_t n_gathering; /* of them, still arriving */
	struct fly_bulk *known[FLY_BULKS_KNOWN]; /* of them: next.c */
	uint32_t n_idle_paths;
	uint32_t bytes;    /* held by those that are limited */
	uint32_t max;      /* limit of bytes */
	uint32_t n_keys;   /* in keys */
	uint32_t keys[32]; /* random numbers, one for each result */
};

/* Timeouts, in ticks: src/slowpath/retry.h. */
struct fly_waits {
	uint64_t first_tsc;       /* RTO of a binding that has not measured a round trip */
	uint64_t least_tsc;       /* the smallest RTO */
	uint64_t most_tsc;        /* the longest wait between two copies */
	uint64_t timeout_tsc;     /* a call that is not answered for so long fails */
	uint64_t probe_again_tsc; /* a probe that is not answered is repeated after so long */
	uint64_t probe_most_tsc;  /* the longest interval between two probes that are answered */
	unsigned probes;          /* so many unanswered probes in a row: the call fails */
};

/* A pass over the call table for calls that are due. src/slowpath/resend.c. */
struct fly_pass {
	uint64_t due_tsc;  /* when the next pass begins, or this one continues */
	uint64_t next_tsc; /* the earliest due time seen in this pass */
	uint32_t at;       /* entries seen in this pass; 0: none is under way */
	bool is_graced;    /* due_tsc was put off because of an absence */
};

/* A call parked until the running procedure ends: src/slowpath/park.c. */
struct fly_parked {
	struct rte_mbuf *m;
	struct fly_link *link;
	uint64_t came_tsc;
};

#define FLY_PARKED 128

/*
 * What a poller runs now. Code that runs another call within this one saves the whole struct and
 * restores it afterwards: a procedure that waits for a call turns its poller.
 */
struct fly_running {
	struct fly_conversation *conversation; /* of the current or last call; NULL */
	struct fly_slot *slot;                 /* of a call over the local link; else NULL */
	uint64_t deadline_tsc;                 /* of the call; FLY_NEVER */
	uint32_t held_ms;                      /* how long the call was parked */
};

#define FLY_NEIGHBOURS 64

/* A neighbour on a link: its hardware address, or the search for it. src/slowpath/neighbour.c. */
struct fly_neighbour {
	struct fly_link *link; /* NULL: the place is free */
	uint32_t ip;           /* network order */
	uint8_t mac[6];
	bool is_known;         /* mac is its address */
	bool is_asked;         /* it was asked for, and has not answered */
	uint32_t users;        /* that wait for it */
	uint64_t used_tsc;     /* when somebody last looked for it */
	uint64_t known_tsc;    /* when it last answered */
	uint64_t asked_tsc;    /* when it was last asked for */
	uint64_t ask_at_tsc;   /* it is not asked for before */
	uint64_t interval_tsc; /* from one question to the next; 0: it has answered */
};

#define FLY_ASKERS 32

/* Who has asked all of a network for what is exported here, until the answer is sent. */
struct fly_asker {
	struct fly_link *link;
	uint64_t nonce;
	uint64_t due_tsc;
	uint32_t export_id;
	struct fly_address to;
};

/* Questions to all of a network, others' and ours: src/slowpath/find.c. */
struct fly_finder {
	uint64_t instance;                /* random; the same at all pollers of a runtime */
	LIST_HEAD(, fly_search) searches; /* ours */
	uint32_t n_looks;                 /* questions read in this millisecond */
	uint32_t n_answers;               /* promised since second_ms */
	uint32_t second_ms;               /* as now_ms */
	uint32_t n_askers;
	struct fly_asker askers[FLY_ASKERS]; /* in no order */
};

static const struct fly_running fly_running_nothing = {.deadline_tsc = FLY_NEVER};

struct fly_poller {
	/* ---- each turn ---- */
	uint64_t now_tsc;       /* the time of this turn */
	uint64_t sweep_at_tsc;  /* when the slow path is due, even without a packet */
	uint32_t now_ms;        /* since the poller began; updated by sweeps only */
	struct fly_clock clock; /* of the loop that turns the poller; not read in the turn */
	uint32_t n_links;
	struct fly_link *links[FLY_LINKS];
	/*
	 * Requests wait for the quiescence point: fly_slow_attention(). Set by any thread
	 * (request.c, port_watch.c); read once a turn.
	 */
	_Atomic uint32_t attention;
	uint32_t n_sources; /* slots of other threads and processes; 0: only links */
	uint16_t nested;    /* procedures that wait for calls: turns within turns */
	bool turning;       /* inside a turn */
	bool gathers;       /* messages of several packets are being received */
	struct fly_running running;
	struct fly_call_table calls;
	struct fly_conversation_table conversations;
	struct fly_export exports[FLY_EXPORTS];
	struct fly_packet_cache cache;
	struct fly_local_server *local;    /* clients of this machine: local/server.h */
	struct fly_handoff_queue handoffs; /* other threads of this process */
	struct fly_stats stats;
	/* ---- seldom ---- */
	uint64_t began_tsc;
	uint64_t tsc_per_ms;
	uint64_t absent_tsc;       /* FLY_ABSENT_US */
	uint32_t exports_since_ms; /* no export with an earlier identifier was called here since */
	uint32_t withdrawn[FLY_EXPORTS]; /* identifiers that exports here had last; 0: none */
	uint64_t sweep_ms_at_tsc; /* each millisecond's sweep is due: budgets, links, records */
	struct fly_waits waits;
	struct fly_pass pass;
	uint32_t reject_budget;         /* refusals that may still be sent in this millisecond */
	uint32_t again_budget;          /* results that may still be sent again in it */
	struct fly_requests *requests;  /* requests of other threads: src/threads/request.h */
	struct fly_election *election;  /* who turns the poller: threads/elected.h; NULL: it has a
					   thread of its own */
	struct fly_lease *lease;        /* who else turns it: threads/lease.h; NULL: nobody */
	uint32_t number;                /* index in its runtime's pollers */
	struct fly_poller_group *group; /* threads/poller_group.h; NULL in a simulation */
	struct fly_neighbour neighbours[FLY_NEIGHBOURS]; /* being looked for, or lately found */
	bool is_shut;                    /* fly_shutdown(): nothing new is imported */
	LIST_HEAD(, fly_import) imports; /* bindings; they end with the poller */
	struct fly_bulks bulk;
	uint64_t path_mtu_due_tsc;   /* when fly_path_mtu_due() is to be called; FLY_NEVER */
	struct fly_refused *refused; /* calls that were refused without a record */
	struct fly_refused *gone;    /* activities without their records: records.c */
	struct fly_finder find;
	struct fly_peers *peers;            /* who uses how much: slowpath/peers.h */
	uint8_t token_key[16];              /* key of our tokens: src/slowpath/token.h */
	LIST_HEAD(, fly_worker_pool) pools; /* worker.h */
	uint32_t n_on_workers; /* calls from packets that run on workers or wait for one */
	uint32_t parked_max;   /* limit of n_parked, at most FLY_PARKED: others need packets, too */
	bool is_parking;       /* within a procedure that only receives: nothing new may run */
	uint32_t n_parked;
	struct fly_parked parked[FLY_PARKED]; /* oldest first */
};

/* The defaults of struct fly_poller_config and struct fly_options. */
#define FLY_RESEND_FIRST_US 20000
#define FLY_RESEND_LEAST_US 1000
#define FLY_RESEND_MOST_MS  1000
#define FLY_CALL_TIMEOUT_MS 5000
#define FLY_PROBE_AGAIN_MS  50 /* not an option */
#define FLY_PROBE_MOST_MS   300000
#define FLY_PROBES          8

struct fly_poller_config {
	struct rte_mempool *pool;
	uint32_t packets; /* in pool */
	uint32_t calls;
	uint32_t conversations;
	uint32_t call_timeout_ms; /* 0 in this and the next ones: the default */
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
 * On a poller of the calling thread FLY_NESTED_MAX procedures wait, one within the other: it starts
 * no call that it could only wait for without turning that poller. Of the thread, and not of a
 * poller: a procedure may call through bindings that know nothing of its poller. Stored below only.
 */
extern _Thread_local bool fly_poller_is_deepest
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

/*
 * fly_poller_deeper() - procedures that begin now are nested in the one that runs. Return: for
 * fly_poller_back(), when they are over.
 */
static inline bool fly_poller_deeper(struct fly_poller *p)
{
	const bool was_deepest = fly_poller_is_deepest;

	if (++p->nested >= FLY_NESTED_MAX)
		fly_poller_is_deepest = true;
	return was_deepest;
}

static inline void fly_poller_back(struct fly_poller *p, bool was_deepest)
{
	p->nested--;
	fly_poller_is_deepest = was_deepest;
}

/* fly_poller_forked() - in a child: the calling thread runs no procedure of a poller. */
void fly_poller_forked(void);

/*
 * fly_poller_init() - tables and caches; no links yet.
 * Return: 0 or -FLY_ENOMEM (nothing is left behind).
 */
int fly_poller_init(struct fly_poller *p, const struct fly_poller_config *config, uint64_t now_tsc);

/* fly_poller_fini() - free all packets and tables. No link is attached. */
void fly_poller_fini(struct fly_poller *p);

/*
 * fly_poller_attach() - poll a link from the next turn on. Sets the poller's fields in it.
 * Return: 0, or -FLY_ENOMEM: FLY_LINKS are attached already.
 */
int fly_poller_attach(struct fly_poller *p, struct fly_link *link);

/*
 * fly_poller_detach() - stop polling a link: queued packets are dropped, calls over it fail with
 * FLY_EPEER, its conversations are forgotten. Between turns or at the quiescence point.
 */
void fly_poller_detach(struct fly_poller *p, struct fly_link *link);

/*
 * fly_poller_turn() - receive, handle, send, run the sweep if it is due.
 * @now_tsc: not before the last turn's.
 * Return: packets received, plus slots of other threads handled.
 */
unsigned fly_poller_turn(struct fly_poller *p, uint64_t now_tsc);

/*
 * fly_poller_time() - the time for a turn, for the outermost loops. Reads the clock once in
 * FLY_CLOCK_TURNS calls only.
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
 * fly_poller_handoffs_within() - within a turn: handle slots of this process's threads, and their
 * requests that may be served within a turn. Return: slots handled.
 */
unsigned fly_poller_handoffs_within(struct fly_poller *p);

/*
 * fly_poller_handoffs_first() - before a turn: handle slots of this process's threads. The turn
 * then sends their calls before it receives. Return: slots handled.
 */
unsigned fly_poller_handoffs_first(struct fly_poller *p);

/* fly_demux() - dispatch any packet; takes it. In demux.c. */
void fly_demux(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m);

#endif
