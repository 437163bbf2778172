/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * worker.h - threads for procedures that compute or block, and how a poller hands calls to them.
 *
 * A pool of workers belongs to one export at one poller. Idle workers are in a list, the one used
 * last in front. The demux hands a call to the slot of the first idle worker. That worker reads the
 * arguments where they arrived, writes the results where they will be sent from, and hands the slot
 * back. While all workers are busy calls wait. Peers take turns, and each peer's calls wait oldest
 * first. When too many wait, further calls are refused: those of the peer of which most wait.
 *
 * A pool does not depend on how a call came: worker.c makes those of one packet, bulk/server.c
 * those of several, local/server.c those over the local link. All runs on the poller's thread, but
 * for what is said to be the worker's.
 */
#ifndef FLY_WORKER_H
#define FLY_WORKER_H

#include <pthread.h>

#include "fastpath/poller.h"

struct fly_worker;
struct fly_worker_pool;

/*
 * A pool's flag in fly_procedure.layout, in its own copy of an interface's table, for procedures
 * that run on a worker. The fast path tests the layout in any case.
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
 * One call for a worker. Its maker fills in the first part, and keeps it and the memory that it
 * points to until the call is done or withdrawn. Meanwhile it is the pool's.
 */
struct fly_work {
	struct fly_served served; /* procedures and context stay unset: the pool knows them */
	const struct fly_procedure *stub; /* a row of the export's */
	struct rte_mbuf *result; /* the packet that served.results points into; NULL: other memory,
				    with room for FLY_RAISED_BYTES_MAX */
	uint64_t deadline_tsc;   /* in the poller's time; FLY_NEVER */
	/*
	 * The call is over. @status: 0 or negative, with work->served.result_bytes at
	 * work->served.results, and counted. Or it has not begun and will not: -FLY_EDEADLINE: it
	 * waited for too long; -FLY_EBUSY: its export ends.
	 */
	void (*done)(struct fly_poller *p, struct fly_work *work, int status);
	const void *peer; /* whose call it is: any pointer; NULL: nobody's in particular. Only
			     calls that wait need it */
	/* ---- the pool's ---- */
	struct fly_worker_pool *pool;
	struct fly_worker *worker;      /* that runs it; NULL: the call waits */
	struct fly_worker_share *share; /* it waits with these */
	TAILQ_ENTRY(fly_work) next;
};

/* The calls of one peer that wait for a worker of a pool. */
struct fly_worker_share {
	const void *peer;
	TAILQ_HEAD(fly_works, fly_work) waiting; /* oldest first */
	uint32_t n;                              /* of them; 0: unused */
	TAILQ_ENTRY(fly_worker_share) next;
};

/* A call that came in packets: struct fly_conversation.work. */
struct fly_packet_work {
	struct fly_work work;
	struct rte_mbuf *m;    /* the call packet; of several, the last one */
	struct fly_link *link; /* it came over this link; NULL: detached, nobody gets the result */
	struct fly_conversation *c; /* RUNNING until this is done */
	uint32_t export_id;
	bool is_repeat;                   /* it has run before, and may run again */
	bool is_bulk;                     /* arguments or results are in memory of c->bulk */
	LIST_ENTRY(fly_packet_work) next; /* in the pool's `packets` or `spare` */
};

/* The contents of a worker's slot: struct fly_slot.bytes. */
struct fly_worker_order {
	const uint8_t *arguments;
	uint8_t *results; /* the worker may move them */
	struct rte_mbuf *result;
	uint64_t deadline_tsc; /* in ticks of the TSC itself */
};

static_assert(sizeof(struct fly_worker_order) <= FLY_SLOT_BYTES, "no other line is needed");

/* What a worker is to do: struct fly_slot.kind. */
enum fly_worker_wanted {
	FLY_WORKER_RUN,
	FLY_WORKER_QUIT, /* end the thread; there is no result */
};

struct fly_worker {
	/* ---- lines 0 to 5: the slot; the poller's; ringing ---- */
	struct fly_handoff handoff;
	/* ---- line 6: the thread's; constant, but for deadline_tsc and is_quitting ---- */
	struct fly_poller *poller; /* for ringing its handoff queue only */
	const struct fly_procedure *stubs;
	const void *procedures;
	void *context;
	uint64_t tsc_per_ms;
	uint64_t deadline_tsc; /* of the call that runs; FLY_NEVER */
	struct fly_worker_pool *pool;
	enum fly_wait wait;
	bool is_quitting;
	/* ---- line 7: the poller's ---- */
	struct fly_work *work __rte_cache_aligned; /* that the worker runs; NULL: idle */
	struct fly_worker *next_idle;
	pthread_t thread; /* src/runtime/worker_threads.c */
	bool has_thread;
};

struct fly_worker_pool {
	struct fly_worker *idle;                                /* first the one used last */
	TAILQ_HEAD(fly_worker_shares, fly_worker_share) shares; /* in turn: the next one first */
	struct fly_worker_shares unused;                        /* of shares_at */
	LIST_HEAD(, fly_packet_work) spare;   /* unused; as many in all as can run and wait */
	LIST_HEAD(, fly_packet_work) packets; /* running or waiting */
	uint32_t n_waiting;
	uint32_t waiting_max;
	bool is_closing; /* workers that become idle quit */
	uint32_t n;
	struct fly_worker *workers;
	struct fly_packet_work *works;
	struct fly_worker_share *shares_at; /* as many as calls can wait */
	struct fly_procedure *stubs;        /* the interface's, with FLY_LAYOUT_ON_WORKER */
	struct fly_poller *poller;
	LIST_ENTRY(fly_worker_pool) next; /* p->pools */
	_Atomic uint32_t n_alive;         /* its threads: src/runtime/worker_threads.c */
	struct fly_poller_group *group;
};

/* ---- a pool ---- */

/*
 * fly_worker_pool_new() - @workers idle workers without threads. @export: what they run; its stubs
 * are those of the interface. @waiting_max: as options->queue. @node: NUMA node.
 * Return: NULL: no memory.
 */
struct fly_worker_pool *fly_worker_pool_new(struct fly_poller *p, const struct fly_export *export,
					    uint32_t workers, uint32_t waiting_max, int node);
void fly_worker_pool_free(struct fly_worker_pool *pool);

/*
 * fly_worker_pool_open() - add the workers to the poller's handoff queue. Return: 0 or -FLY_ENOMEM.
 *
 * fly_worker_pool_close() - refuse waiting calls, and tell each worker to quit once its call has
 * returned.
 *
 * fly_worker_pool_remove() - all workers have quit: remove them from the queue.
 */
int fly_worker_pool_open(struct fly_poller *p, struct fly_worker_pool *pool);
void fly_worker_pool_close(struct fly_poller *p, struct fly_worker_pool *pool);
void fly_worker_pool_remove(struct fly_poller *p, struct fly_worker_pool *pool);

/* ---- any call ---- */

/* fly_worker_has_room() - would a call run, or may it wait? Else refuse it. */
static inline bool fly_worker_has_room(const struct fly_worker_pool *pool)
{
	return pool->idle || pool->n_waiting < pool->waiting_max;
}

/*
 * fly_worker_make_room() - the same for a call of @peer, as in struct fly_work. If no more may
 * wait, the newest call of the peer of which most wait is refused, unless that is this peer.
 */
bool fly_worker_make_room(struct fly_poller *p, struct fly_worker_pool *pool, const void *peer);

/* fly_worker_take() - run a call, for which there is room. work->done follows in a later turn. */
void fly_worker_take(struct fly_poller *p, struct fly_worker_pool *pool, struct fly_work *work);

/*
 * fly_worker_withdraw() - the caller of a call has gone.
 * Return: true: it has not begun and will not, done is not called; false: it runs, fly_cancelled()
 * tells its procedure.
 */
bool fly_worker_withdraw(struct fly_poller *p, struct fly_work *work);

/* ---- calls in packets ---- */

/* fly_worker_has_packet_room() - fly_worker_has_room() for a call that keeps its packets. */
bool fly_worker_has_packet_room(const struct fly_poller *p, const struct fly_worker_pool *pool);

/*
 * fly_worker_serve() - fly_serve_run(), on a worker. There is room for the call.
 * @is_repeat: as in struct fly_packet_work.
 */
void fly_worker_serve(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		      uint32_t argument_bytes, struct rte_mbuf *result, uint8_t *to,
		      const struct fly_export *export, const struct fly_procedure *stub,
		      struct fly_conversation *c, bool is_repeat);

/*
 * fly_worker_serve_bulk() - the same for a call in memory of c->bulk. @served: its arguments and
 * results. fly_slow_packet_work_done() follows.
 */
void fly_worker_serve_bulk(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
			   const struct fly_served *served, const struct fly_export *export,
			   const struct fly_procedure *stub, struct fly_conversation *c,
			   bool is_repeat);

/* fly_worker_packet_done() - fly_work.done of calls in packets: send and retain the result. */
void fly_worker_packet_done(struct fly_poller *p, struct fly_work *work, int status);

/* fly_worker_packet_end() - free @w, after its record and packets were dealt with. */
void fly_worker_packet_end(struct fly_poller *p, struct fly_packet_work *w);

/* ---- the worker's ---- */

/*
 * fly_worker_run() - run the call in the worker's slot, if there is one, and hand it back.
 * Return: true: there was one.
 */
bool fly_worker_run(struct fly_worker *w);

/* fly_worker_here() - the worker that the calling thread is, while a procedure runs; NULL: none. */
struct fly_worker *fly_worker_here(void);

/* fly_worker_forked() - in a child: the calling thread is no worker. */
void fly_worker_forked(void);

#endif
