/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local/server.c - the server's half of a call over the local link: from a client's slot to the
 * procedure and back.
 *
 * Runs on the poller's thread. Trusts nothing in shared memory: see local/astack.h. Arguments are
 * copied into the poller's memory before the stub checks them, and results are copied out after the
 * stub has written them. A procedure marked `inplace` in the interface reads its arguments in
 * shared memory. Calls that may take several turns are in local/work.c.
 */
#include "local/server.h"

#include <stdlib.h>

#include <rte_pause.h>

#include "fastpath/poller.h"
#include "fastpath/slow.h"
#include "threads/worker.h"
#include "local/share.h"
#include "local/work.h"

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

/* ---- polled slots ---------------------------------------------------------------------------- */

void fly_local_client_watch(struct fly_poller *p, struct fly_local_client *of, uint32_t i,
			    uint32_t acted)
{
	struct fly_local_server *d = p->local;
	struct fly_slot *slot = fly_astack_slot(of->memory.near, i);

	if (d->n_polled == FLY_LOCAL_POLLED || of->polled == FLY_LOCAL_POLLED_OF_ONE)
		return;
	for (uint32_t k = 0; k < d->n_polled; k++) {
		if (d->polled[k].slot == slot) {
			d->polled[k].acted = acted;
			return; /* the client rang before it could see `polled` */
		}
	}
	d->polled[d->n_polled++] = (struct fly_local_polled){
		.slot = slot,
		.of = of,
		.index = i,
		.acted = acted,
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

/* Stop polling a slot. Return: false: it has another call. */
static __rte_noinline bool leave(struct fly_local_server *d, uint32_t k)
{
	if (!fly_slot_stop_polling(d->polled[k].slot, FLY_SLOT_CALL, d->polled[k].acted)) {
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
	if (fly_local_share_join(p, of))
		return -FLY_ENOMEM;
	of->at = d->n;
	d->clients[d->n++] = of;
	p->n_sources++;
	return 0;
}

void fly_local_client_remove(struct fly_poller *p, struct fly_local_client *of)
{
	struct fly_local_server *d = p->local;

	fly_local_client_end(p, of);
	fly_local_works_forget(p, of);
	d->clients[of->at] = d->clients[--d->n];
	d->clients[of->at]->at = of->at;
	if (d->next >= d->n)
		d->next = 0;
	fly_local_share_leave(p, of);
	p->n_sources--;
}

bool fly_slow_local_prepare_sleep(struct fly_poller *p)
{
	struct fly_local_server *d = p->local;

	if (!TAILQ_EMPTY(&d->moving))
		return false;
	for (uint32_t k = d->n_polled; k-- > 0;) {
		if (!leave(d, k))
			return false;
	}
	for (uint32_t i = 0; i < d->n; i++) {
		struct fly_astack_head *head = fly_astack_head(&d->clients[i]->memory);

		/*
		 * B4: as in fastpath/handoff.c; B4, B5: against B2, B3 in local/caller.c.
		 * K5: store, then load; against K3, K4.
		 */
		atomic_exchange_explicit(&head->asleep, 1, memory_order_seq_cst);
		if (d->clients[i]->ending ||
		    atomic_load_explicit(&head->bell, memory_order_seq_cst) == 0) /* B5 */
			continue;
		fly_slow_local_end_sleep(p);
		return false;
	}
	/* What comes from here on is said by a wake-up. */
	if (fly_local_works_resume(p)) {
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
	fly_local_works_resume(p);
}

/* ---- a call ---------------------------------------------------------------------------------- */

/* Results longer than a line. Those longer than the area come from local/work.c. */
static __rte_noinline void answer_in_area(struct fly_local_client *of, uint32_t i,
					  struct fly_slot *slot, int status,
					  const struct fly_served *served)
{
	fly_astack_copy(fly_astack_bytes(&of->memory, i, FLY_ASTACK_IN_AREA), served->results,
			served->result_bytes);
	fly_local_answer(of, slot, status, FLY_ASTACK_IN_AREA, served->result_bytes);
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
		fly_local_answer(of, slot, status, FLY_ASTACK_IN_LINE, served->result_bytes);
	} else {
		answer_in_area(of, i, slot, status, served);
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

/* ---- on the poller --------------------------------------------------------------------------- */

/* A call with long arguments, possibly long results, or a deadline; on a worker; or to refuse. */
static __rte_noinline unsigned serve_unplain(struct fly_poller *p, struct fly_local_client *of,
					     uint32_t i, struct fly_slot *slot,
					     const struct fly_local_said *said)
{
	const struct fly_export *export = &p->exports[of->export_at];
	uint64_t deadline_tsc = FLY_NEVER;
	struct fly_served served = {.argument_bytes = said->bytes};
	const struct fly_procedure *stub;
	_Alignas(64) uint8_t arguments[FLY_ASTACK_AREA];
	_Alignas(64) uint8_t results[FLY_ASTACK_AREA];
	int status;

	if (export->id != of->export_id)
		return fly_local_refuse(p, of, slot, FLY_ESTALE, FLY_COUNT_reject_stale);
	if (said->place >= FLY_ASTACK_PLACES || said->bytes > fly_astack_room(said->place))
		return fly_local_refuse(p, of, slot, FLY_EMALFORMED, FLY_COUNT_drop_local_header);
	if (said->procedure >= export->n_procedures)
		return fly_local_refuse(p, of, slot, FLY_ENOPROC, FLY_COUNT_calls_no_procedure);
	stub = &export->stubs[said->procedure];
	if (said->bytes > stub->argument_bytes)
		return fly_local_refuse(p, of, slot, FLY_EMALFORMED, FLY_COUNT_calls_unreadable);
	if (fly_procedure_is_on_worker(stub) || said->place == FLY_ASTACK_IS_FAR ||
	    stub->result_bytes > FLY_ASTACK_AREA)
		return fly_local_work_begin(p, of, i, said, stub);

	served.procedures = export->procedures;
	served.context = export->context;
	served.arguments = fly_astack_bytes(&of->memory, i, (enum fly_astack_place)said->place);
	served.results = results;
	if (!(stub->flags & FLY_PROCEDURE_INPLACE)) {
		fly_astack_copy(arguments, served.arguments, said->bytes);
		served.arguments = arguments;
	}
	if (said->left_us != 0)
		deadline_tsc = fly_local_deadline_tsc(p, said->left_us);
	status = run(p, of, i, slot, stub, &served, deadline_tsc);
	finish(p, of, i, slot, &served, status);
	return 1;
}

/*
 * The slot of a running call says CALL, as it must; with another number the client breaks the
 * rules. Return: 0, procedures run.
 */
static __rte_noinline unsigned look_again(struct fly_poller *p, struct fly_local_client *of,
					  const struct fly_slot *slot, uint32_t word)
{
	if (fly_slot_is_claimed(slot, word))
		return 0;
	fly_stats_add(&p->stats, FLY_COUNT_local_revoked, 1);
	fly_local_client_end(p, of);
	return 0;
}

/* A slot says CALL. @word: its state word. Return: number of procedures run. */
static __rte_always_inline unsigned serve(struct fly_poller *p, struct fly_local_client *of,
					  uint32_t i, struct fly_slot *slot, uint32_t word)
{
	const struct fly_export *export = &p->exports[of->export_at];
	_Alignas(64) uint8_t arguments[FLY_ASTACK_AREA];
	_Alignas(64) uint8_t results[FLY_ASTACK_AREA];
	const struct fly_procedure *stub;
	struct fly_local_said said;
	int status;

	if (unlikely((of->busy >> i & 1) != 0))
		return look_again(p, of, slot, word);
	if (unlikely(!fly_slot_claim(slot, word)))
		return 0; /* withdrawn */
	said = (struct fly_local_said){
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
	const uint32_t word = fly_slot_word(slot);

	if (!fly_slot_says(word, FLY_SLOT_CALL))
		return 0; /* served already, or rung without a call */
	if (!(of->busy >> i & 1))
		fly_local_client_watch(p, of, i, word);
	return serve(p, of, i, slot, word);
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
		uint32_t word;

		if (unlikely(k >= d->n_polled))
			continue;
		word = fly_slot_word(e->slot);
		if (word != e->acted && fly_slot_says(word, FLY_SLOT_CALL)) {
			e->acted = word;
			e->found = turn;
			served += serve(p, e->of, e->index, e->slot, word);
		} else if (unlikely(turn - e->found > FLY_LOCAL_PATIENCE)) {
			leave(d, k);
		}
	}
	if (served == 0 && d->n_polled != 0)
		rte_pause(); /* and leave the lines alone for a moment */
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
