/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local/server.c - the server's half of a call over the local link: from a client's slot to the
 * procedure and back.
 *
 * Runs on the poller's thread. Trusts nothing in shared memory: see local/astack.h. Arguments are
 * copied into the poller's memory before the stub checks them, and results are copied out after the
 * stub has written them. A procedure marked `inplace` in the interface reads its arguments in
 * shared memory.
 */
#include "local/server.h"

#include <stdlib.h>

#include "fastpath/poller.h"
#include "fastpath/slow.h"
#include "threads/worker.h"
#include "marshal/raise.h"

/* Arguments and results of a call are copied to the stack, 8 KiB each. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wstack-usage="
#endif

#ifdef FLY_ASTACK_WORDWISE
void fly_astack_copy(uint8_t *to, const uint8_t *from, size_t bytes)
{
	for (; bytes >= 8 && ((uintptr_t)to & 7) == 0 && ((uintptr_t)from & 7) == 0; bytes -= 8) {
		__atomic_store_n((uint64_t *)(void *)to,
				 __atomic_load_n((const uint64_t *)(const void *)from,
						 __ATOMIC_RELAXED),
				 __ATOMIC_RELAXED);
		to += 8;
		from += 8;
	}
	for (size_t i = 0; i < bytes; i++)
		__atomic_store_n(&to[i], __atomic_load_n(&from[i], __ATOMIC_RELAXED),
				 __ATOMIC_RELAXED);
}
#endif

static void forget_works(struct fly_poller *p, struct fly_local_client *of);

/* ---- polled slots ---------------------------------------------------------------------------- */

void fly_local_client_watch(struct fly_poller *p, struct fly_local_client *of, uint32_t i)
{
	struct fly_local_server *d = p->local;
	struct fly_slot *slot = fly_astack_slot(of->memory.near, i);

	if (d->n_polled == FLY_LOCAL_POLLED || of->polled == FLY_LOCAL_POLLED_OF_ONE)
		return;
	for (uint32_t k = 0; k < d->n_polled; k++) {
		if (d->polled[k].slot == slot)
			return; /* the client rang before it could see `polled` */
	}
	d->polled[d->n_polled++] = (struct fly_local_polled){
		.slot = slot,
		.of = of,
		.index = i,
		.found = d->turn,
	};
	of->polled++;
	/* A hint: a client that reads the old value rings once too often. */
	atomic_store_explicit(&slot->polled, 1, memory_order_relaxed);
}

static void forget(struct fly_local_server *d, uint32_t k)
{
	d->polled[k].of->polled--;
	d->polled[k] = d->polled[--d->n_polled];
}

/* Stop polling a slot. Return: false: it has a call. */
static __rte_noinline bool leave(struct fly_local_server *d, uint32_t k)
{
	if (!fly_slot_stop_polling(d->polled[k].slot, FLY_SLOT_CALL)) {
		d->polled[k].found = d->turn;
		return false;
	}
	forget(d, k);
	return true;
}

void fly_local_client_end(struct fly_poller *p, struct fly_local_client *of)
{
	struct fly_local_server *d = p->local;

	if (of->ending)
		return;
	of->ending = true;
	for (uint32_t k = d->n_polled; k-- > 0;) {
		if (d->polled[k].of == of)
			forget(d, k);
	}
	fly_local_client_disconnect(of);
}

int fly_local_client_add(struct fly_poller *p, struct fly_local_client *of)
{
	struct fly_local_server *d = p->local;

	if (d->n == d->room) {
		const uint32_t room = RTE_MAX(2 * d->room, 64U);
		struct fly_local_client **clients =
			realloc(d->clients, room * sizeof(struct fly_local_client *));

		if (!clients)
			return -FLY_ENOMEM;
		d->clients = clients;
		d->room = room;
	}
	of->at = d->n;
	d->clients[d->n++] = of;
	p->n_sources++;
	return 0;
}

void fly_local_client_remove(struct fly_poller *p, struct fly_local_client *of)
{
	struct fly_local_server *d = p->local;

	fly_local_client_end(p, of);
	forget_works(p, of);
	d->clients[of->at] = d->clients[--d->n];
	d->clients[of->at]->at = of->at;
	if (d->next >= d->n)
		d->next = 0;
	for (uint32_t i = 0; i < of->memory.slots; i++)
		d->far_written -= of->far_written[i];
	p->n_sources--;
}

bool fly_slow_local_prepare_sleep(struct fly_poller *p)
{
	struct fly_local_server *d = p->local;

	for (uint32_t k = d->n_polled; k-- > 0;) {
		if (!leave(d, k))
			return false;
	}
	for (uint32_t i = 0; i < d->n; i++) {
		struct fly_astack_head *head = fly_astack_head(&d->clients[i]->memory);

		/* B4: as in fastpath/handoff.c; B4, B5: against B2, B3 in local/caller.c. */
		atomic_exchange_explicit(&head->asleep, 1, memory_order_seq_cst);
		if (d->clients[i]->ending ||
		    atomic_load_explicit(&head->bell, memory_order_seq_cst) == 0) /* B5 */
			continue;
		fly_slow_local_end_sleep(p);
		return false;
	}
	return true;
}

void fly_slow_local_end_sleep(struct fly_poller *p)
{
	const struct fly_local_server *d = p->local;

	for (uint32_t i = 0; i < d->n; i++)
		atomic_store_explicit(&fly_astack_head(&d->clients[i]->memory)->asleep, 0,
				      memory_order_relaxed);
}

/* ---- a call ---------------------------------------------------------------------------------- */

/* What a client says about its call: each field read once, not checked yet. */
struct said {
	uint32_t procedure;
	uint32_t place; /* enum fly_astack_place, or any other number */
	uint32_t bytes;
	uint32_t left_us;
};

/* Return the result. If the client has changed the slot meanwhile, only the client loses. */
static __rte_always_inline void answer(struct fly_local_client *of, struct fly_slot *slot,
				       int status, enum fly_astack_place place, uint32_t bytes)
{
	FLY_ASTACK_WRITE(slot->kind, (uint8_t)place);
	FLY_ASTACK_WRITE(slot->status, (int16_t)status);
	FLY_ASTACK_WRITE(slot->length, bytes);
	if (unlikely(fly_slot_from_poller(slot, FLY_SLOT_RESULT)))
		fly_local_client_wake(of, slot);
}

/* Results longer than a line: into the slot's area or far memory. */
static __rte_noinline void answer_long(struct fly_poller *p, struct fly_local_client *of,
				       uint32_t i, struct fly_slot *slot, int status,
				       const uint8_t *results, uint32_t bytes)
{
	const enum fly_astack_place place = fly_astack_place(bytes);

	if (place == FLY_ASTACK_IS_FAR) {
		/* The client frees it after reading the results. */
		atomic_store_explicit(&fly_astack_head(&of->memory)->far[i], FLY_FAR_USED,
				      memory_order_relaxed);
		fly_local_far_written(p, of, i, bytes);
	}
	fly_astack_copy(fly_astack_bytes(&of->memory, i, place), results, bytes);
	answer(of, slot, status, place, bytes);
}

/* The stub has run: return its results. */
static __rte_always_inline void finish(struct fly_poller *p, struct fly_local_client *of,
				       uint32_t i, struct fly_slot *slot, struct fly_served *served,
				       int status)
{
	if (likely(status == 0))
		fly_stats_add(&p->stats, FLY_COUNT_calls_served, 1);
	else
		status = fly_slow_served(p, NULL, served, status);
	of->busy &= ~(UINT64_C(1) << i);
	if (likely(served->result_bytes <= FLY_SLOT_BYTES)) {
		fly_astack_copy(slot->bytes, served->results, served->result_bytes);
		answer(of, slot, status, FLY_ASTACK_IN_LINE, served->result_bytes);
	} else {
		answer_long(p, of, i, slot, status, served->results, served->result_bytes);
	}
}

static __rte_always_inline int run(struct fly_poller *p, struct fly_local_client *of, uint32_t i,
				   struct fly_slot *slot, const struct fly_procedure *stub,
				   struct fly_served *served, uint64_t deadline_tsc)
{
	const struct fly_running outer = p->running;
	int status;

	of->busy |= UINT64_C(1) << i;
	p->running = (struct fly_running){.slot = slot, .deadline_tsc = deadline_tsc};
	status = stub->stub(served);
	p->running = outer;
	return status;
}

/* Answer without running the procedure. */
static unsigned refuse(struct fly_poller *p, struct fly_local_client *of, struct fly_slot *slot,
		       enum fly_status status, enum fly_counter what)
{
	fly_stats_add(&p->stats, what, 1);
	answer(of, slot, -(int)status, FLY_ASTACK_IN_LINE, 0);
	return 0;
}

/* The clerk gives the slot's far memory back to the system: the call waits. */
static unsigned put_back(struct fly_local_client *of, uint32_t i, struct fly_slot *slot)
{
	fly_slot_put_back(slot);
	/* As if the client had rung: whether the slot is polled or not, a later turn finds it. */
	atomic_fetch_or_explicit(&fly_astack_head(&of->memory)->bell, UINT64_C(1) << i,
				 memory_order_relaxed);
	return 0;
}

/* ---- on workers ------------------------------------------------------------------------------ */

/* A call that a worker has, or will have. Its arguments and results are in the same block. */
struct fly_local_work {
	struct fly_work work;
	LIST_ENTRY(fly_local_work) next; /* in p->local->works */
	struct fly_local_client *of;     /* the client; NULL: it has gone */
	uint32_t i;
	uint32_t far;   /* bytes of far memory reserved for its results */
	uint64_t bytes; /* of the whole block */
};

/* Release what this call has charged to its client. */
static void let_go(struct fly_poller *p, struct fly_local_work *w)
{
	struct fly_local_client *of = w->of;

	w->of = NULL;
	if (!of)
		return;
	p->local->far_reserved -= w->far;
	of->far_reserved -= w->far;
	of->work_bytes -= w->bytes;
}

static void work_done(struct fly_poller *p, struct fly_work *work, int status)
{
	struct fly_local_work *w = (struct fly_local_work *)(void *)work;
	struct fly_served *served = &work->served;
	struct fly_local_client *of = w->of;

	LIST_REMOVE(w, next);
	let_go(p, w);
	if (of) {
		struct fly_slot *slot = fly_astack_slot(of->memory.near, w->i);

		of->busy &= ~(UINT64_C(1) << w->i);
		if (served->result_bytes <= FLY_SLOT_BYTES) {
			fly_astack_copy(slot->bytes, served->results, served->result_bytes);
			answer(of, slot, status, FLY_ASTACK_IN_LINE, served->result_bytes);
		} else {
			answer_long(p, of, w->i, slot, status, served->results,
				    served->result_bytes);
		}
	}
	free(w);
}

/* The worker touches no shared memory: the client may go away while it runs. */
static __rte_noinline unsigned serve_on_worker(struct fly_poller *p, struct fly_local_client *of,
					       uint32_t i, struct fly_slot *slot,
					       const struct said *said,
					       const struct fly_export *export,
					       const struct fly_procedure *stub)
{
	const size_t head = RTE_CACHE_LINE_ROUNDUP(sizeof(struct fly_local_work));
	const size_t arguments = RTE_CACHE_LINE_ROUNDUP((size_t)said->bytes);
	const size_t results = RTE_MAX((size_t)stub->result_bytes, (size_t)FLY_RAISED_BYTES_MAX);
	const size_t bytes = RTE_CACHE_LINE_ROUNDUP(head + arguments + results);
	struct fly_local_work *w;
	uint8_t *block;

	if (!fly_worker_has_room(export->pool) || of->work_bytes > FLY_LOCAL_WORK_MAX) {
		fly_stats_add(&p->stats, FLY_COUNT_reject_busy, 1);
		return refuse(p, of, slot, FLY_EBUSY, FLY_COUNT_reject_full);
	}
	block = aligned_alloc(RTE_CACHE_LINE_SIZE, bytes);
	if (!block)
		return refuse(p, of, slot, FLY_ENOMEM, FLY_COUNT_calls_no_memory);
	fly_astack_copy(block + head,
			fly_astack_bytes(&of->memory, i, (enum fly_astack_place)said->place),
			said->bytes);
	w = (struct fly_local_work *)(void *)block;
	*w = (struct fly_local_work){
		.work.served.arguments = block + head,
		.work.served.argument_bytes = said->bytes,
		.work.served.results = block + head + arguments,
		.work.stub = stub,
		.work.deadline_tsc = FLY_NEVER,
		.work.done = work_done,
		.of = of,
		.i = i,
		.far = stub->result_bytes > FLY_ASTACK_AREA ? stub->result_bytes : 0,
		.bytes = bytes,
	};
	p->local->far_reserved += w->far;
	of->far_reserved += w->far;
	of->work_bytes += bytes;
	if (said->left_us != 0)
		w->work.deadline_tsc = p->now_tsc + said->left_us * p->tsc_per_ms / 1000;
	of->busy |= UINT64_C(1) << i;
	LIST_INSERT_HEAD(&p->local->works, w, next);
	fly_worker_take(p, export->pool, &w->work);
	return 1;
}

static struct fly_local_work *find_work(struct fly_poller *p, const struct fly_local_client *of)
{
	struct fly_local_work *w;

	LIST_FOREACH(w, &p->local->works, next)
	{
		if (w->of == of)
			return w;
	}
	return NULL;
}

/* The client has gone: free calls that no worker has begun, and tell the workers of the others. */
static void forget_works(struct fly_poller *p, struct fly_local_client *of)
{
	struct fly_local_work *w;

	while ((w = find_work(p, of)) != NULL) {
		let_go(p, w);
		if (!fly_worker_withdraw(p, &w->work))
			continue;
		LIST_REMOVE(w, next);
		free(w);
	}
}

unsigned fly_local_works(const struct fly_poller *p)
{
	const struct fly_local_work *w;
	unsigned n = 0;

	LIST_FOREACH(w, &p->local->works, next)
	n++;
	return n;
}

void fly_local_work_cancel(struct fly_poller *p)
{
	struct fly_local_work *w = LIST_FIRST(&p->local->works);

	while (w) {
		struct fly_local_work *next = LIST_NEXT(w, next);
		const struct fly_slot *slot =
			w->of ? fly_astack_slot(w->of->memory.near, w->i) : NULL;

		/* A hint: no data of the client is read because of it. */
		if (slot && atomic_load_explicit(&slot->gone, memory_order_relaxed) &&
		    fly_worker_withdraw(p, &w->work)) {
			work_done(p, &w->work, -FLY_ECANCELLED);
			next = LIST_FIRST(&p->local->works); /* work_done() may have ended others */
		}
		w = next;
	}
}

/* ---- on the poller --------------------------------------------------------------------------- */

/* A call with long arguments, possibly long results, or a deadline; or one to refuse. */
static __rte_noinline unsigned serve_unplain(struct fly_poller *p, struct fly_local_client *of,
					     uint32_t i, struct fly_slot *slot,
					     const struct said *said)
{
	const struct fly_export *export = &p->exports[of->export_at];
	uint64_t deadline_tsc = FLY_NEVER;
	struct fly_served served = {.argument_bytes = said->bytes};
	const struct fly_procedure *stub;
	uint8_t raised[FLY_ASTACK_AREA];
	size_t arguments_room = 0;
	size_t results_room = 0;
	uint32_t far = 0;
	size_t room;
	uint8_t *block = NULL;
	int status;

	if (export->id != of->export_id)
		return refuse(p, of, slot, FLY_ESTALE, FLY_COUNT_reject_stale);
	if (said->place >= FLY_ASTACK_PLACES || said->bytes > fly_astack_room(said->place))
		return refuse(p, of, slot, FLY_EMALFORMED, FLY_COUNT_drop_local_header);
	if (said->procedure >= export->n_procedures)
		return refuse(p, of, slot, FLY_ENOPROC, FLY_COUNT_calls_no_procedure);
	stub = &export->stubs[said->procedure];
	if (said->bytes > stub->argument_bytes)
		return refuse(p, of, slot, FLY_EMALFORMED, FLY_COUNT_calls_unreadable);
	if (said->place == FLY_ASTACK_IS_FAR)
		far = said->bytes;
	if (stub->result_bytes > FLY_ASTACK_AREA)
		far = RTE_MAX(far, stub->result_bytes);
	if (far != 0 && fly_local_far_is_away(p, of, i))
		return put_back(of, i, slot);
	/* Before reading the arguments: reading memory that was never written makes pages, too. */
	if (far != 0 && !fly_local_far_may(p, of, i, far))
		return refuse(p, of, slot, FLY_EBUSY, FLY_COUNT_reject_full);
	if (said->place == FLY_ASTACK_IS_FAR)
		fly_local_far_written(p, of, i, said->bytes);

	if (fly_procedure_is_on_worker(stub))
		return serve_on_worker(p, of, i, slot, said, export, stub);
	served.procedures = export->procedures;
	served.context = export->context;
	served.arguments = fly_astack_bytes(&of->memory, i, (enum fly_astack_place)said->place);
	if (!(stub->flags & FLY_PROCEDURE_INPLACE))
		arguments_room = RTE_ALIGN_CEIL((size_t)said->bytes, 64);
	served.results = raised;
	if (stub->result_bytes > sizeof raised)
		results_room = stub->result_bytes;
	room = arguments_room + results_room;
	if (room != 0) {
		block = fly_local_block_get(p, &room);
		if (!block)
			return refuse(p, of, slot, FLY_ENOMEM, FLY_COUNT_calls_no_memory);
		if (arguments_room != 0) {
			fly_astack_copy(block, served.arguments, said->bytes);
			served.arguments = block;
		}
		if (results_room != 0)
			served.results = block + arguments_room;
	}
	if (said->left_us != 0)
		deadline_tsc = p->now_tsc + said->left_us * p->tsc_per_ms / 1000;
	status = run(p, of, i, slot, stub, &served, deadline_tsc);
	finish(p, of, i, slot, &served, status);
	if (block)
		fly_local_block_put(p, block, room);
	return 1;
}

/* The slot of a running call says CALL again: the client breaks the rules. */
static __rte_noinline unsigned revoke(struct fly_poller *p, struct fly_local_client *of)
{
	fly_stats_add(&p->stats, FLY_COUNT_local_revoked, 1);
	fly_local_client_end(p, of);
	return 0;
}

/* A slot says CALL. Return: number of procedures run. */
static __rte_always_inline unsigned serve(struct fly_poller *p, struct fly_local_client *of,
					  uint32_t i, struct fly_slot *slot)
{
	const struct fly_export *export = &p->exports[of->export_at];
	_Alignas(64) uint8_t arguments[FLY_ASTACK_AREA];
	_Alignas(64) uint8_t results[FLY_ASTACK_AREA];
	const struct fly_procedure *stub;
	struct said said;
	int status;

	if (unlikely((of->busy >> i & 1) != 0))
		return revoke(p, of);
	if (unlikely(!fly_slot_claim(slot)))
		return 0; /* withdrawn */
	said = (struct said){
		.procedure = FLY_ASTACK_READ(slot->procedure),
		.place = FLY_ASTACK_READ(slot->kind),
		.bytes = FLY_ASTACK_READ(slot->length),
		.left_us = FLY_ASTACK_READ(slot->left_us),
	};
	if (unlikely(said.left_us != 0 || said.place > FLY_ASTACK_IN_AREA ||
		     said.procedure >= export->n_procedures || export->id != of->export_id))
		return serve_unplain(p, of, i, slot, &said);
	stub = &export->stubs[said.procedure];
	if (unlikely(said.bytes > fly_astack_room(said.place) ||
		     said.bytes > stub->argument_bytes || stub->result_bytes > FLY_ASTACK_AREA ||
		     fly_procedure_is_on_worker(stub)))
		return serve_unplain(p, of, i, slot, &said);

	struct fly_served served = {
		.procedures = export->procedures,
		.context = export->context,
		.arguments = arguments,
		.argument_bytes = said.bytes,
		.results = results,
	};

	if (likely(said.place == FLY_ASTACK_IN_LINE))
		fly_astack_copy(arguments, slot->bytes, FLY_SLOT_BYTES);
	else if (stub->flags & FLY_PROCEDURE_INPLACE)
		served.arguments = fly_astack_bytes(&of->memory, i, FLY_ASTACK_IN_AREA);
	else
		fly_astack_copy(arguments, fly_astack_bytes(&of->memory, i, FLY_ASTACK_IN_AREA),
				said.bytes);
	status = run(p, of, i, slot, stub, &served, FLY_NEVER);
	finish(p, of, i, slot, &served, status);
	return 1;
}

/* ---- a turn ---------------------------------------------------------------------------------- */

static __rte_noinline unsigned serve_rung(struct fly_poller *p, struct fly_local_client *of,
					  uint32_t i)
{
	struct fly_slot *slot = fly_astack_slot(of->memory.near, i);

	if (!fly_slot_is(slot, FLY_SLOT_CALL))
		return 0; /* served already, or rung without a call */
	if (!(of->busy >> i & 1))
		fly_local_client_watch(p, of, i);
	return serve(p, of, i, slot);
}

/*
 * A client has rung. B6: the bits; pairs with B1. A bit says only which slot; S2 follows for each
 * slot.
 */
static __rte_noinline unsigned answer_bell(struct fly_poller *p, struct fly_local_client *of)
{
	uint64_t rung = atomic_exchange_explicit(&fly_astack_head(&of->memory)->bell, 0,
						 memory_order_seq_cst);
	unsigned served = 0;

	if (of->ending)
		return 0;
	fly_stats_add(&p->stats, FLY_COUNT_local_rings, 1);
	while (rung != 0 && !of->ending) {
		const uint32_t i = (uint32_t)__builtin_ctzll(rung);

		rung &= rung - 1;
		if (i < of->memory.slots)
			served += serve_rung(p, of, i);
	}
	return served;
}

unsigned fly_slow_local_turn(struct fly_poller *p)
{
	struct fly_local_server *d = p->local;
	const uint32_t turn = ++d->turn;
	unsigned served = 0;

	/* A procedure may turn this poller: n_polled may shrink. */
	for (uint32_t k = d->n_polled; k-- > 0;) {
		struct fly_local_polled *e = &d->polled[k];

		if (unlikely(k >= d->n_polled))
			continue;
		if (fly_slot_is(e->slot, FLY_SLOT_CALL)) {
			e->found = turn;
			served += serve(p, e->of, e->index, e->slot);
		} else if (unlikely(turn - e->found > FLY_LOCAL_PATIENCE)) {
			leave(d, k);
		}
	}
	for (uint32_t bells = 0; bells < FLY_LOCAL_BELLS && bells < d->n; bells++) {
		struct fly_local_client *of = d->clients[d->next];

		d->next = d->next + 1 < d->n ? d->next + 1 : 0;
		/* Only a hint: answer_bell() reads the bell properly. */
		if (unlikely(atomic_load_explicit(&fly_astack_head(&of->memory)->bell,
						  memory_order_relaxed) != 0))
			served += answer_bell(p, of);
	}
	return served;
}
