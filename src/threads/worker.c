/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * worker.c - both halves of a call on a worker: choosing the worker, and running the call.
 *
 * The poller's half owns the lists of idle workers and of waiting calls, and sends the results that
 * workers hand back. The worker's half touches its slot and the memory that the call points to, and
 * rings the poller's handoff queue. src/runtime/worker_threads.c starts and ends the threads.
 */
#include "threads/worker.h"

#include <stdlib.h>

#include "base/node_memory.h"
#include "base/unwind.h"
#include "fastpath/server.h"

static struct fly_worker *of_handoff(struct fly_handoff *handoff)
{
	return (struct fly_worker *)(void *)((uint8_t *)handoff -
					     offsetof(struct fly_worker, handoff));
}

static struct fly_packet_work *of_work(struct fly_work *work)
{
	return (struct fly_packet_work *)(void *)((uint8_t *)work -
						  offsetof(struct fly_packet_work, work));
}

/* Aliasing: only memcpy() reads and writes the typed contents of a slot's bytes. */
static inline struct fly_worker_order get_order(const struct fly_slot *s)
{
	struct fly_worker_order order;

	memcpy(&order, s->bytes, sizeof order);
	return order;
}

static inline void put_order(struct fly_slot *s, const struct fly_worker_order *order)
{
	memcpy(s->bytes, order, sizeof *order);
}

/* ---- any call ---- */

static void hand_over(struct fly_worker *w)
{
	if (unlikely(fly_slot_from_poller(&w->handoff.slot, FLY_SLOT_CALL)))
		fly_slow_wake_handoff(&w->handoff);
}

static void give(struct fly_poller *p, struct fly_worker *w, struct fly_work *work)
{
	struct fly_slot *s = &w->handoff.slot;
	const struct fly_worker_order order = {
		.arguments = work->served.arguments,
		.results = work->served.results,
		.result = work->result,
		.deadline_tsc = work->deadline_tsc == FLY_NEVER
					? FLY_NEVER
					: work->deadline_tsc - p->clock.offset_tsc,
	};

	w->work = work;
	work->worker = w;
	fly_handoff_watch(&p->handoffs, &w->handoff); /* the worker then need not ring */
	/* Relaxed: published with the state. Its line is written only if it must be. */
	if (unlikely(atomic_load_explicit(&s->gone, memory_order_relaxed)))
		atomic_store_explicit(&s->gone, 0, memory_order_relaxed);
	/* From here on without a pause: the worker may be looking at this line. */
	put_order(s, &order);
	s->kind = FLY_WORKER_RUN;
	s->procedure = (uint16_t)(work->stub - w->stubs);
	s->length = work->served.argument_bytes;
	hand_over(w);
}

static void tell_to_quit(struct fly_poller *p, struct fly_worker *w)
{
	fly_handoff_watch(&p->handoffs, &w->handoff);
	w->handoff.slot.kind = FLY_WORKER_QUIT;
	hand_over(w);
}

static struct fly_worker_share *find_share(struct fly_worker_pool *pool, const void *peer)
{
	struct fly_worker_share *share;

	TAILQ_FOREACH(share, &pool->shares, next)
	{
		if (share->peer == peer)
			break;
	}
	return share;
}

static void start_waiting(struct fly_worker_pool *pool, struct fly_work *work)
{
	struct fly_worker_share *share = find_share(pool, work->peer);

	if (!share) {
		share = TAILQ_FIRST(&pool->unused);
		TAILQ_REMOVE(&pool->unused, share, next);
		TAILQ_INSERT_TAIL(&pool->shares, share, next);
		share->peer = work->peer;
		TAILQ_INIT(&share->waiting);
	}
	work->share = share;
	TAILQ_INSERT_TAIL(&share->waiting, work, next);
	share->n++;
	pool->n_waiting++;
}

static void stop_waiting(struct fly_work *work)
{
	struct fly_worker_share *share = work->share;

	TAILQ_REMOVE(&share->waiting, work, next);
	work->pool->n_waiting--;
	if (--share->n > 0)
		return;
	TAILQ_REMOVE(&work->pool->shares, share, next);
	TAILQ_INSERT_HEAD(&work->pool->unused, share, next);
}

/* The call that has waited longest, of the peer whose turn it is. Return: NULL: none waits. */
static struct fly_work *first_waiting(struct fly_worker_pool *pool)
{
	struct fly_worker_share *share = TAILQ_FIRST(&pool->shares);

	if (!share)
		return NULL;
	TAILQ_REMOVE(&pool->shares, share, next);
	TAILQ_INSERT_TAIL(&pool->shares, share, next);
	return TAILQ_FIRST(&share->waiting);
}

bool fly_worker_make_room(struct fly_poller *p, struct fly_worker_pool *pool, const void *peer)
{
	const struct fly_worker_share *most = NULL;
	const struct fly_worker_share *share;
	struct fly_work *work;
	uint32_t n = 0;

	if (fly_worker_has_room(pool))
		return true;
	TAILQ_FOREACH(share, &pool->shares, next)
	{
		if (share->peer == peer)
			n = share->n;
		if (!most || share->n > most->n)
			most = share;
	}
	if (!most || most->n <= n + 1)
		return false;
	work = TAILQ_LAST(&most->waiting, fly_works);
	stop_waiting(work);
	fly_stats_add(&p->stats, FLY_COUNT_calls_evicted, 1);
	work->done(p, work, -FLY_EBUSY);
	return fly_worker_has_room(pool);
}

void fly_worker_take(struct fly_poller *p, struct fly_worker_pool *pool, struct fly_work *work)
{
	struct fly_worker *w = pool->idle;

	work->pool = pool;
	if (likely(w != NULL)) {
		pool->idle = w->next_idle;
		give(p, w, work);
		return;
	}
	work->worker = NULL;
	start_waiting(pool, work);
	fly_stats_add(&p->stats, FLY_COUNT_calls_queued, 1);
}

/* A worker is idle: give it the next call that waits, if there is one. */
static void next(struct fly_poller *p, struct fly_worker_pool *pool, struct fly_worker *w)
{
	struct fly_work *work;

	while ((work = first_waiting(pool)) != NULL) {
		stop_waiting(work);
		if (likely(p->now_tsc < work->deadline_tsc)) {
			give(p, w, work);
			return;
		}
		work->done(p, work, -FLY_EDEADLINE);
	}
	if (unlikely(pool->is_closing)) {
		tell_to_quit(p, w);
		return;
	}
	w->next_idle = pool->idle;
	pool->idle = w;
}

/* fly_handoff.act: a worker has handed its slot back. */
static void act(struct fly_poller *p, struct fly_handoff *handoff)
{
	struct fly_worker *w = of_handoff(handoff);
	struct fly_work *work = w->work;
	struct fly_slot *s = &handoff->slot;
	int status = s->status;

	work->served.results = get_order(s).results;
	work->served.result_bytes = s->length;
	w->work = NULL;
	next(p, work->pool, w);
	fly_stats_add(&p->stats, FLY_COUNT_calls_on_workers, 1);
	if (likely(status == 0))
		fly_stats_add(&p->stats, FLY_COUNT_calls_served, 1);
	else
		status = fly_slow_served_by_worker(p, &work->served, status);
	work->done(p, work, status);
}

bool fly_worker_withdraw(struct fly_poller *p, struct fly_work *work)
{
	struct fly_worker *w = work->worker;

	if (!w) {
		stop_waiting(work);
		return true;
	}
	if (fly_slot_withdraw(&w->handoff.slot)) { /* the worker had not claimed it yet */
		w->work = NULL;
		next(p, work->pool, w);
		return true;
	}
	/* Relaxed: a hint to the procedure, which publishes nothing. */
	atomic_store_explicit(&w->handoff.slot.gone, 1, memory_order_relaxed);
	return false;
}

/* ---- calls in packets ---- */

/* These calls hold packets, as retained results do. Drivers need packets to receive into. */
bool fly_worker_has_packet_room(const struct fly_poller *p, const struct fly_worker_pool *pool)
{
	return !LIST_EMPTY(&pool->spare) && fly_worker_has_room(pool) &&
	       p->conversations.n_retained + p->n_on_workers < p->conversations.retained_max;
}

static struct fly_packet_work *begin(struct fly_poller *p, struct fly_link *link,
				     struct rte_mbuf *m, const struct fly_export *export,
				     const struct fly_procedure *stub, struct fly_conversation *c,
				     bool is_repeat)
{
	struct fly_worker_pool *pool = export->pool;
	struct fly_packet_work *w = LIST_FIRST(&pool->spare);

	LIST_REMOVE(w, next);
	LIST_INSERT_HEAD(&pool->packets, w, next);
	p->n_on_workers++;
	w->work.stub = stub;
	w->work.deadline_tsc = p->running.deadline_tsc;
	w->work.done = fly_worker_packet_done;
	if (!pool->idle)
		w->work.peer = fly_slow_peer(p, c);
	w->m = m;
	w->link = link;
	w->c = c;
	w->export_id = export->id;
	w->is_repeat = is_repeat;
	c->work = &w->work;
	c->touched_ms = p->now_ms;
	return w;
}

void fly_worker_serve(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		      uint32_t argument_bytes, struct rte_mbuf *result, uint8_t *to,
		      const struct fly_export *export, const struct fly_procedure *stub,
		      struct fly_conversation *c, bool is_repeat)
{
	struct fly_packet_work *w = begin(p, link, m, export, stub, c, is_repeat);

	fly_serve_let_go(p, c);
	fly_packet_expose(result, (uint32_t)(to - fly_packet_frame(result)) + FLY_PAYLOAD +
					  stub->result_bytes);
	w->is_bulk = false;
	w->work.result = result;
	w->work.served = (struct fly_served){
		.arguments = fly_packet_frame(m) + FLY_PAYLOAD,
		.argument_bytes = argument_bytes,
		.results = to + FLY_PAYLOAD,
	};
	fly_worker_take(p, export->pool, &w->work);
}

void fly_worker_serve_bulk(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
			   const struct fly_served *served, const struct fly_export *export,
			   const struct fly_procedure *stub, struct fly_conversation *c,
			   bool is_repeat)
{
	struct fly_packet_work *w = begin(p, link, m, export, stub, c, is_repeat);

	w->is_bulk = true;
	w->work.result = NULL;
	w->work.served = *served;
	fly_worker_take(p, export->pool, &w->work);
}

bool fly_slow_serve_worker(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
			   uint32_t argument_bytes, const struct fly_export *export,
			   const struct fly_procedure *stub, struct fly_conversation *c)
{
	uint8_t *frame = fly_packet_frame(m);

	/* A call that has to wait goes the slow way. */
	if (!fly_procedure_is_on_worker(stub) || fly_procedure_layout(stub) == FLY_RESULTS_SECOND ||
	    !export->pool->idle || !fly_worker_has_packet_room(p, export->pool) ||
	    (stub->result_bytes > FLY_RETAIN_BYTES && !c->is_proven) ||
	    !fly_serve_has_room(p, link, c, stub, fly_packet_room(m) - stub->result_offset) ||
	    !fly_conversation_accept_next(c, fly_get_u32(frame + FLY_RPC + 16)))
		return false;
	/* ---- committed: the call runs, and nothing below can fail ---- */
	fly_worker_serve(p, link, m, argument_bytes, m, frame + stub->result_offset, export, stub,
			 c, false);
	return true;
}

void fly_worker_packet_done(struct fly_poller *p, struct fly_work *work, int status)
{
	struct fly_packet_work *w = of_work(work);
	struct fly_served *served = &work->served;
	struct fly_conversation *c = w->c;

	if (unlikely(!w->link || w->is_bulk || status == -FLY_EDEADLINE || status == -FLY_EBUSY)) {
		fly_slow_packet_work_done(p, w, status);
	} else {
		c->touched_ms = p->now_ms;
		fly_serve_send(p, w->link, w->m, fly_packet_frame(w->m), served->argument_bytes,
			       work->result, served->results - FLY_PAYLOAD, work->stub, c,
			       served->result_bytes, status);
	}
	fly_worker_packet_end(p, w);
}

void fly_worker_packet_end(struct fly_poller *p, struct fly_packet_work *w)
{
	w->c->work = NULL;
	p->n_on_workers--;
	LIST_REMOVE(w, next);
	LIST_INSERT_HEAD(&w->work.pool->spare, w, next);
}

/* ---- the worker's ---- */

static _Thread_local struct fly_worker *here;

struct fly_worker *fly_worker_here(void)
{
	return here;
}

void fly_worker_forked(void)
{
	here = NULL;
}

bool fly_worker_run(struct fly_worker *w)
{
	struct fly_slot *s = &w->handoff.slot;
	const uint32_t word = fly_slot_word(s);
	struct fly_worker_order order;
	struct fly_served served;
	int status;

	FLY_STOPS_UNWINDING();
	if (!fly_slot_says(word, FLY_SLOT_CALL) || !fly_slot_claim(s, word))
		return false;
	if (unlikely(s->kind == FLY_WORKER_QUIT)) {
		w->is_quitting = true;
		return true;
	}
	order = get_order(s);
	served = (struct fly_served){
		.procedures = w->procedures,
		.context = w->context,
		.arguments = order.arguments,
		.argument_bytes = s->length,
		.results = order.results,
	};
	w->deadline_tsc = order.deadline_tsc;
	here = w;
	status = w->stubs[s->procedure].stub(&served);
	here = NULL;
	if (unlikely(status == -FLY_ERAISED)) /* its text is thread-local here */
		fly_slow_raised(order.result, &served);
	order.results = served.results;
	put_order(s, &order);
	s->status = (int16_t)status;
	s->length = served.result_bytes;
	if (unlikely(fly_slot_to_poller(s, FLY_SLOT_RESULT)))
		fly_handoff_ring(&w->poller->handoffs, &w->handoff);
	return true;
}

/* ---- a pool ---- */

/* An unused number needs no hand-off. */
static bool is_for_worker(const struct fly_procedure *stub)
{
	return stub->name[0] != '\0' && !(stub->flags & FLY_PROCEDURE_INLINE);
}

static void mark(struct fly_procedure *stubs, const struct fly_export *export)
{
	for (uint32_t i = 0; i < export->n_procedures; i++) {
		stubs[i] = export->interface->procedures[i];
		if (is_for_worker(&stubs[i]))
			stubs[i].layout |= FLY_LAYOUT_ON_WORKER;
	}
}

static void make_worker(struct fly_poller *p, struct fly_worker_pool *pool, struct fly_worker *w,
			const struct fly_export *export)
{
	*w = (struct fly_worker){
		.handoff = {.act = act, .wanted = FLY_SLOT_RESULT, .polled_at = FLY_NOT_POLLED},
		.poller = p,
		.stubs = pool->stubs,
		.procedures = export->procedures,
		.context = export->context,
		.tsc_per_ms = p->tsc_per_ms,
		.deadline_tsc = FLY_NEVER,
		.pool = pool,
		.next_idle = pool->idle,
	};
	pool->idle = w;
}

struct fly_worker_pool *fly_worker_pool_new(struct fly_poller *p, const struct fly_export *export,
					    uint32_t workers, uint32_t waiting_max, int node)
{
	struct fly_worker_pool *pool = calloc(1, sizeof *pool);

	if (!pool)
		return NULL;
	pool->poller = p;
	pool->n = workers;
	pool->waiting_max = waiting_max;
	TAILQ_INIT(&pool->shares);
	TAILQ_INIT(&pool->unused);
	LIST_INIT(&pool->spare);
	LIST_INIT(&pool->packets);
	pool->stubs = calloc(export->n_procedures, sizeof *pool->stubs);
	pool->works = calloc((size_t)workers + waiting_max, sizeof *pool->works);
	pool->workers = fly_node_alloc(workers * sizeof *pool->workers, node);
	pool->shares_at = calloc(RTE_MAX(waiting_max, 1U), sizeof *pool->shares_at);
	if (!pool->stubs || !pool->works || !pool->workers || !pool->shares_at) {
		fly_worker_pool_free(pool);
		return NULL;
	}
	for (uint32_t i = 0; i < waiting_max; i++)
		TAILQ_INSERT_TAIL(&pool->unused, &pool->shares_at[i], next);
	mark(pool->stubs, export);
	for (uint32_t i = workers; i-- > 0;)
		make_worker(p, pool, &pool->workers[i], export);
	for (uint32_t i = 0; i < workers + waiting_max; i++)
		LIST_INSERT_HEAD(&pool->spare, &pool->works[i], next);
	return pool;
}

void fly_worker_pool_free(struct fly_worker_pool *pool)
{
	if (!pool)
		return;
	fly_node_free(pool->workers, pool->n * sizeof *pool->workers);
	free(pool->works);
	free(pool->shares_at);
	free(pool->stubs);
	free(pool);
}

int fly_worker_pool_open(struct fly_poller *p, struct fly_worker_pool *pool)
{
	uint32_t i;

	for (i = 0; i < pool->n; i++) {
		if (fly_handoff_add(p, &pool->workers[i].handoff))
			break;
	}
	if (i < pool->n) {
		while (i-- > 0)
			fly_handoff_remove(p, &pool->workers[i].handoff);
		return -FLY_ENOMEM;
	}
	LIST_INSERT_HEAD(&p->pools, pool, next);
	return 0;
}

void fly_worker_pool_close(struct fly_poller *p, struct fly_worker_pool *pool)
{
	struct fly_work *work;
	struct fly_worker *w;

	pool->is_closing = true;
	pool->waiting_max = 0;
	while ((work = first_waiting(pool)) != NULL) {
		stop_waiting(work);
		work->done(p, work, -FLY_EBUSY);
	}
	for (uint32_t i = 0; i < pool->n; i++) {
		if (pool->workers[i].work)
			atomic_store_explicit(&pool->workers[i].handoff.slot.gone, 1,
					      memory_order_relaxed);
	}
	while ((w = pool->idle) != NULL) {
		pool->idle = w->next_idle;
		tell_to_quit(p, w);
	}
}

void fly_worker_pool_remove(struct fly_poller *p, struct fly_worker_pool *pool)
{
	for (uint32_t i = 0; i < pool->n; i++)
		fly_handoff_remove(p, &pool->workers[i].handoff);
	LIST_REMOVE(pool, next);
}
