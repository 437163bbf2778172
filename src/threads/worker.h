/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * worker.h - threads that run procedures which compute or block, and how a poller hands calls to
 * them.
 *
 * A pool of workers belongs to one export at one poller. Idle workers stand in a list, the one that
 * was used last in front; the demux hands a call straight into the slot of the first one, which
 * reads the arguments where they arrived, writes the results where they will be sent from, and
 * hands the slot back. While all are busy calls wait, in the order in which they came; when too
 * many do, others are refused.
 *
 * A pool does not care what a call came in: worker.c has those of one packet, bulk/server.c those
 * of several, local/server.c those over the local link. Everything is on the poller's thread, but
 * for what is said to be the worker's.
 */
#ifndef FLY_WORKER_H
#define FLY_WORKER_H

#include <pthread.h>

#include "fastpath/poller.h"

struct fly_worker;
struct fly_worker_pool;

/*
 * What a pool adds to fly_procedure.layout, in its own copy of an interface's table, for those that
 * are to run on a worker. The fast path looks at the layout anyway.
 */
#define FLY_LAYOUT_ON_WORKER 0x80

static inline bool fly_procedure_is_on_worker(const struct fly_procedure *stub)
{
	return (stub->layout & FLY_LAYOUT_ON_WORKER) != 0;
}

static inline enum fly_layout fly_procedure_layout(const struct fly_procedure *stub)
{
	return (enum fly_layout)(stub->layout & ~FLY_LAYOUT_ON_WORKER);
}

/*
 * One call for a worker. Whoever makes it fills in the first part and keeps it, and the memory that
 * it points to, until it is done or was withdrawn; meanwhile it is the pool's.
 */
struct fly_work {
	struct fly_served served;         /* without procedures and context, which the pool knows */
	const struct fly_procedure *stub; /* a row of the export's */
	struct rte_mbuf *result;          /* the packet that served.results points into; NULL: other
					   * memory, with room for FLY_RAISED_BYTES_MAX at least */
	uint64_t deadline_tsc;            /* of the poller's time; FLY_NEVER */
	/*
	 * It is over. @status: 0 or negative, with work->served.result_bytes at
	 * work->served.results, and counted; or it has not begun and will not: -FLY_EDEADLINE: it
	 * waited for too long; -FLY_EBUSY: its export ends.
	 */
	void (*done)(struct fly_poller *p, struct fly_work *work, int status);
	/* ---- the pool's ---- */
	struct fly_worker_pool *pool;
	struct fly_worker *worker; /* that has it; NULL: it waits */
	TAILQ_ENTRY(fly_work) next;
};

/* A call that came in packets: struct fly_conversation.work. */
struct fly_packet_work {
	struct fly_work work;
	struct rte_mbuf *m;         /* that came, the last one if they are several */
	struct fly_link *link;      /* over which; NULL: it is gone, nobody gets the result */
	struct fly_conversation *c; /* RUNNING until this is done */
	uint32_t export_id;
	bool is_repeat;                   /* it has run before, and may do so again */
	bool is_bulk;                     /* arguments or results are in the memory of c->bulk */
	LIST_ENTRY(fly_packet_work) next; /* of those that are used, or are not */
};

/* What is in the slot of a worker: struct fly_slot.bytes. */
struct fly_worker_order {
	const uint8_t *arguments;
	uint8_t *results; /* the worker may move them */
	struct rte_mbuf *result;
	uint64_t deadline_tsc; /* of the time stamp counter */
};

static_assert(sizeof(struct fly_worker_order) <= FLY_SLOT_BYTES, "no other line is needed");

/* What is wanted of a worker: struct fly_slot.kind. */
enum fly_worker_wanted {
	FLY_WORKER_RUN,
	FLY_WORKER_QUIT, /* there is no result: the thread ends */
};

struct fly_worker {
	/* ---- lines 0 to 2: the slot; the poller's; the bell ---- */
	struct fly_handoff handoff;
	/* ---- line 3: the thread's; written before it begins, but for deadline_tsc ---- */
	struct fly_poller *poller; /* whose desk it is at: ours to ring, and no more */
	const struct fly_procedure *stubs;
	const void *procedures;
	void *context;
	uint64_t tsc_per_ms;
	uint64_t deadline_tsc; /* of the call that it runs; FLY_NEVER */
	struct fly_worker_pool *pool;
	enum fly_wait wait;
	bool is_quitting;
	/* ---- line 4: the poller's ---- */
	struct fly_work *work __rte_cache_aligned; /* that it has; NULL: it is idle */
	struct fly_worker *next_idle;
	pthread_t thread; /* whoever starts and joins it: src/runtime/worker_threads.c */
	bool has_thread;
};

struct fly_worker_pool {
	struct fly_worker *idle;              /* the one that was used last comes first */
	TAILQ_HEAD(, fly_work) waiting;       /* in the order in which they came */
	LIST_HEAD(, fly_packet_work) spare;   /* as many as can run and wait */
	LIST_HEAD(, fly_packet_work) packets; /* that run and wait */
	uint32_t n_waiting;
	uint32_t waiting_max;
	bool is_closing; /* workers that become idle are told to quit */
	uint32_t n;
	struct fly_worker *workers;
	struct fly_packet_work *works;
	struct fly_procedure *stubs; /* the interface's, marked: FLY_LAYOUT_ON_WORKER */
	struct fly_poller *poller;
	LIST_ENTRY(fly_worker_pool) next; /* p->pools */
	_Atomic uint32_t n_alive;         /* threads: src/runtime/worker_threads.c */
	void *runtime;
};

/* ---- a pool ---------------------------------------------------------------------------------- */

/*
 * fly_worker_pool_new() - @workers workers without threads, idle. @export: what they run; its
 * stubs are those of the interface. @waiting_max: as options->queue. @socket: NUMA node.
 * Return: NULL: no memory.
 */
struct fly_worker_pool *fly_worker_pool_new(struct fly_poller *p, const struct fly_export *export,
					    uint32_t workers, uint32_t waiting_max, int socket);
void fly_worker_pool_free(struct fly_worker_pool *pool);

/*
 * fly_worker_pool_open() - its workers are at the poller's desk from now on. Return: 0 or
 * -FLY_ENOMEM. fly_worker_pool_close(): calls that wait are not begun, workers are told to quit
 * when they have returned. fly_worker_pool_remove(): they have.
 */
int fly_worker_pool_open(struct fly_poller *p, struct fly_worker_pool *pool);
void fly_worker_pool_close(struct fly_poller *p, struct fly_worker_pool *pool);
void fly_worker_pool_remove(struct fly_poller *p, struct fly_worker_pool *pool);

/* ---- any call -------------------------------------------------------------------------------- */

/* fly_worker_has_place() - would a call be run, or may it wait? Else it is to be refused. */
static inline bool fly_worker_has_place(const struct fly_worker_pool *pool)
{
	return pool->idle || pool->n_waiting < pool->waiting_max;
}

/* fly_worker_take() - have a call run. There is a place for it. work->done follows, in a later
 * turn.
 */
void fly_worker_take(struct fly_poller *p, struct fly_worker_pool *pool, struct fly_work *work);

/*
 * fly_worker_withdraw() - nobody waits for its result any more.
 * Return: true: it has not begun and will not; done is not called; false: it runs, fly_cancelled()
 * tells its procedure.
 */
bool fly_worker_withdraw(struct fly_poller *p, struct fly_work *work);

/* ---- calls in packets -------------------------------------------------------------------------
 */

/* fly_worker_has_packet_place() - the same of a call that came in packets, which it would keep. */
bool fly_worker_has_packet_place(const struct fly_poller *p, const struct fly_worker_pool *pool);

/*
 * fly_slow_serve_worker() - fly_serve_plain(), from where it has found that the procedure is one
 * for a worker, or has its results in a second packet, which it does not take.
 */
bool fly_slow_serve_worker(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
			   uint32_t argument_bytes, const struct fly_export *export,
			   const struct fly_procedure *stub, struct fly_conversation *c);

/*
 * fly_worker_serve() - fly_serve_run(), on a worker, which is found now or later: there is a place
 * for it. @is_repeat: see struct fly_packet_work.
 */
void fly_worker_serve(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		      uint32_t argument_bytes, struct rte_mbuf *result, uint8_t *to,
		      const struct fly_export *export, const struct fly_procedure *stub,
		      struct fly_conversation *c, bool is_repeat);

/*
 * fly_worker_serve_bulk() - the same for what lies in memory of c->bulk: @served has arguments and
 * results. fly_slow_bulk_served() follows.
 */
void fly_worker_serve_bulk(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
			   const struct fly_served *served, const struct fly_export *export,
			   const struct fly_procedure *stub, struct fly_conversation *c,
			   bool is_repeat);

/* fly_worker_packet_end() - its record and what it held have been seen to. */
void fly_worker_packet_end(struct fly_poller *p, struct fly_packet_work *w);

/* ---- the worker's -----------------------------------------------------------------------------
 */

/*
 * fly_worker_run() - is there something in its slot? Then it is run and handed back.
 * Return: there was.
 */
bool fly_worker_run(struct fly_worker *w);

/* fly_worker_here() - the worker that the calling thread is, while it runs a procedure; NULL. */
struct fly_worker *fly_worker_here(void);

#endif
