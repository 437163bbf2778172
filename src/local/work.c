/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local/work.c - see local/work.h. Owns the stages of these calls, and copies far memory.
 *
 * Pieces
 *
 * Arguments of 64 MiB would hold up the other clients of their poller for as long as they take to
 * copy, and for a page fault per page that is not there yet: a client that writes none of its
 * arguments can make that seconds. So a poller copies FLY_LOCAL_PIECE a turn, of one long call
 * after the other, and frees large blocks in the same way. Pages that are there it copies as any
 * memory, which is the fastest. Others it reads by the descriptor of the far memory: a hole reads
 * as zeros, and no page is made for it. Only `inplace` procedures have all pages mapped, by pieces,
 * too.
 *
 * The client may still write its arguments when it hands the call over ("Arguments that come" in
 * local/astack.h). The poller copies what has come, and does other things while nothing does. It
 * never waits for a client: a call of which nothing came for STALL_US is looked at once in a
 * millisecond. Such a call ends by its deadline, with its client, or when it has waited for too
 * long and another call needs the memory that it holds.
 *
 * Results are not copied. Where they may be long, the procedure writes them into the slot's memory
 * of results. The client can only read that: whatever the procedure reads there again is its own.
 * If a worker still writes there when the client has gone, the memory stays until it has returned.
 *
 * A call waits until its client may hold what it needs (local/share.c), oldest first, but one user
 * does not wait for another. A worker's call is read into the poller's memory in the same way.
 * Whoever gives up, or goes, while its call waits or is copied leaves nothing behind.
 */
#include "local/work.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fastpath/poller.h"
#include "fastpath/slow.h"
#include "local/map.h"
#include "local/share.h"
#include "marshal/raise.h"
#include "threads/worker.h"

#define FEW_BYTES   (16U << 10)
#define STALL_US    250  /* the poller looks at a call in each turn, but no longer than this */
#define STALL_BYTES 4096 /* fewer, that are not the last, are nothing */
#define GONE_MS     100  /* between two checks, at most: more is an absence */

/*
 * Legal orders: WAITING -> READING -> READY -> BEGUN; READING and READY may be passed through
 * within a turn. READING -> STALLED -> READING. A work ends from any stage. FREEING is the end of
 * one with a large block.
 */
enum stage {
	WAITING, /* for its share; in `waiting`, and without a block */
	READING, /* arguments are copied; in `moving`, as are the others but STALLED and BEGUN */
	STALLED, /* no more of them have come; in `stalled` */
	READY,   /* no procedure may begin within the procedure that runs */
	BEGUN,   /* here, or a worker has it or will have it */
	FREEING, /* over: its block is given back */
};

struct fly_local_work {
	struct fly_work work;
	LIST_ENTRY(fly_local_work) next; /* in `works` */
	TAILQ_ENTRY(fly_local_work) turn;
	enum stage stage;
	struct fly_local_client *of;   /* the client; NULL: it has gone, */
	struct fly_local_client *left; /* and left its memory for the worker's results; NULL */
	struct fly_local_user *user;   /* as long as this work is there; NULL: nobody's */
	uint32_t i;
	enum fly_astack_place place; /* of its arguments */
	bool is_inplace;             /* the procedure reads them in shared memory */
	uint32_t come;               /* bytes of arguments that the client has written so far */
	uint32_t moved;              /* of these, bytes copied */
	uint64_t came_tsc;           /* when more came, or reading began */
	uint64_t waited_tsc; /* WAITING, STALLED: so long, but for times when nothing turned */
	uint64_t held;       /* bytes accounted for; 0: WAITING */
	uint8_t *block;      /* arguments, then room for short results; NULL: none */
	size_t block_bytes;
};

static struct fly_slot *slot_of(const struct fly_local_work *w)
{
	return fly_astack_slot(w->of->memory.near, w->i);
}

static size_t arguments_room(const struct fly_local_work *w)
{
	return w->is_inplace ? 0 : RTE_CACHE_LINE_ROUNDUP((size_t)w->work.served.argument_bytes);
}

static bool may_be_long(const struct fly_local_work *w)
{
	return w->work.stub->result_bytes > FLY_ASTACK_AREA;
}

/* In the block. */
static size_t results_room(const struct fly_local_work *w)
{
	return may_be_long(w)
		       ? 0
		       : RTE_MAX((size_t)w->work.stub->result_bytes, (size_t)FLY_RAISED_BYTES_MAX);
}

/* Bytes that this call may come to hold: its block, and pages that we make for its client. */
static uint64_t needed(const struct fly_local_work *w)
{
	const uint32_t there = w->of->far_held[w->i]; /* accounted for already */
	uint32_t far = 0;

	if (may_be_long(w))
		far = w->work.stub->result_bytes;
	if (w->is_inplace && w->place == FLY_ASTACK_IS_FAR)
		far = RTE_MAX(far, w->work.served.argument_bytes);
	return arguments_room(w) + results_room(w) + (far > there ? far - there : 0);
}

/* ---- the end of a work ----------------------------------------------------------------------- */

static void move_later(struct fly_poller *p, struct fly_local_work *w)
{
	TAILQ_INSERT_TAIL(&p->local->moving, w, turn);
	p->sweep_at_tsc = 0; /* this turn ends with a sweep, which moves the next piece */
}

/* The worker has returned: the clerk may free what it wrote to. */
static void let_go(struct fly_local_work *w)
{
	struct fly_local_client *left = w->left;

	if (!left)
		return;
	const int clerk_fd = left->clerk_fd; /* the last one's client is gone at once */

	w->left = NULL;
	atomic_fetch_sub_explicit(&left->n_left, 1, memory_order_release); /* W4 */
	fly_slow_wake_poller(clerk_fd);
}

/* It is in no queue. Free it, now or piece by piece. */
static void retire(struct fly_poller *p, struct fly_local_work *w)
{
	if (w->user) {
		fly_local_share_free(p, w->user, w->of, w->held);
		fly_local_share_drop(w->user);
		w->user = NULL;
	}
	w->of = NULL;
	let_go(w);
	if (w->block && !fly_local_block_put(p, &w->block, &w->block_bytes)) {
		w->stage = FREEING;
		move_later(p, w);
		return;
	}
	LIST_REMOVE(w, next);
	free(w);
}

/* The client gets its result, which is in place. */
static void answer(struct fly_poller *p, struct fly_local_work *w, int status,
		   enum fly_astack_place place, uint32_t bytes)
{
	struct fly_local_client *of = w->of;
	struct fly_slot *slot = slot_of(w);

	of->busy &= ~(UINT64_C(1) << w->i);
	retire(p, w);
	fly_local_answer(of, slot, status, place, bytes);
}

/* The procedure has not run, and will not. */
static void refuse(struct fly_poller *p, struct fly_local_work *w, enum fly_status status,
		   enum fly_counter what)
{
	fly_stats_add(&p->stats, what, 1);
	answer(p, w, -(int)status, FLY_ASTACK_IN_LINE, 0);
}

/* We make pages of the slot's far memory: what the work held for that is held by the slot now. */
static void make_far(struct fly_poller *p, struct fly_local_work *w, uint32_t bytes)
{
	const uint32_t before = w->of->far_held[w->i];
	const uint32_t more = bytes > before ? bytes - before : 0;

	w->held -= more;
	fly_local_share_free(p, w->user, w->of, more);
	fly_local_far_write(p, w->of, w->i, bytes);
}

/* ---- results --------------------------------------------------------------------------------- */

/* There was no page for the results, or the client took one away: the binding ends. */
static void end_binding(struct fly_poller *p, struct fly_local_work *w)
{
	struct fly_local_client *of = w->of;

	fly_stats_add(&p->stats, FLY_COUNT_local_faults, 1);
	of->busy &= ~(UINT64_C(1) << w->i);
	retire(p, w);
	fly_local_client_end(p, of);
}

/* The procedure has run. */
static void deliver(struct fly_poller *p, struct fly_local_work *w, int status)
{
	const struct fly_served *served = &w->work.served;
	const enum fly_astack_place place = fly_astack_place(served->result_bytes);

	if (place != FLY_ASTACK_IS_FAR) {
		fly_astack_copy(fly_astack_bytes(&w->of->memory, w->i, place), served->results,
				served->result_bytes);
		answer(p, w, status, place, served->result_bytes);
		return;
	}
	if (fly_astack_has_fault(&w->of->memory)) {
		end_binding(p, w);
		return;
	}
	/* The client frees it after reading the results. */
	atomic_store_explicit(&fly_astack_head(&w->of->memory)->far[w->i], FLY_FAR_USED,
			      memory_order_relaxed);
	make_far(p, w, served->result_bytes);
	answer(p, w, status, FLY_ASTACK_IS_FAR, served->result_bytes);
}

/* fly_work.done */
static void work_done(struct fly_poller *p, struct fly_work *work, int status)
{
	struct fly_local_work *w = (struct fly_local_work *)(void *)work;

	if (w->of)
		deliver(p, w, status);
	else
		retire(p, w);
}

/* ---- running --------------------------------------------------------------------------------- */

static void run_here(struct fly_poller *p, struct fly_local_work *w,
		     const struct fly_export *export)
{
	const struct fly_running outer = p->running;
	struct fly_served *served = &w->work.served;
	int status;

	served->procedures = export->procedures;
	served->context = export->context;
	p->running = (struct fly_running){.slot = slot_of(w), .deadline_tsc = w->work.deadline_tsc};
	status = w->work.stub->stub(served);
	p->running = outer;
	if (likely(status == 0))
		fly_stats_add(&p->stats, FLY_COUNT_calls_served, 1);
	else
		status = fly_slow_served(p, NULL, served, status);
	deliver(p, w, status);
}

/* All arguments are there. Things may have changed since the call came. */
static void run(struct fly_poller *p, struct fly_local_work *w)
{
	const struct fly_export *export = &p->exports[w->of->export_at];

	if (export->id != w->of->export_id) {
		refuse(p, w, FLY_ESTALE, FLY_COUNT_reject_stale);
	} else if (p->now_tsc >= w->work.deadline_tsc) {
		answer(p, w, -FLY_EDEADLINE, FLY_ASTACK_IN_LINE, 0);
	} else if (!fly_procedure_is_on_worker(w->work.stub)) {
		w->stage = BEGUN;
		run_here(p, w, export);
	} else if (!fly_worker_make_room(p, export->pool, w->of)) {
		fly_stats_add(&p->stats, FLY_COUNT_reject_busy, 1);
		refuse(p, w, FLY_EBUSY, FLY_COUNT_reject_full);
	} else {
		w->stage = BEGUN;
		fly_worker_take(p, export->pool, &w->work);
	}
}

/* ---- arguments ------------------------------------------------------------------------------- */

/* Are all pages of these bytes there? @bytes: at most FLY_LOCAL_PIECE. */
static bool is_resident(const uint8_t *at, uint32_t bytes)
{
	uint8_t *const from = (uint8_t *)RTE_ALIGN_FLOOR((uintptr_t)at, FLY_ASTACK_PAGE);
	const size_t length = (size_t)(at - from) + bytes;
	unsigned char pages[FLY_LOCAL_PIECE / FLY_ASTACK_PAGE + 1];
	unsigned char all = 1;

	if (mincore(from, length, pages) != 0)
		return false;
	for (size_t i = 0; i < (length + FLY_ASTACK_PAGE - 1) / FLY_ASTACK_PAGE; i++)
		all &= pages[i];
	return (all & 1) != 0;
}

/* Copy @n bytes of arguments from far memory. Return: false: they cannot be read. */
static bool read_bytes(struct fly_local_work *w, const uint8_t *shared, uint32_t n)
{
	/* A few pages are not worth a system call. */
	if (w->work.served.argument_bytes <= FEW_BYTES || is_resident(shared + w->moved, n)) {
		fly_astack_copy(w->block + w->moved, shared + w->moved, n);
		return true;
	}
	return pread(w->of->far_fd, w->block + w->moved, n,
		     (off_t)w->i * FLY_ASTACK_FAR + w->moved) == (ssize_t)n;
}

/* Is there something to copy, or nothing any more? */
static bool has_come(const struct fly_poller *p, struct fly_local_work *w)
{
	const uint32_t bytes = w->work.served.argument_bytes;
	uint32_t come;

	if (w->moved < w->come || w->come == bytes)
		return true;
	/* K2: the bytes; pairs with K1. K6: with K5. Read once: the client may write anything. */
	come = atomic_load_explicit(fly_astack_come(&w->of->memory, w->i), memory_order_seq_cst);
	if (come <= w->come)
		return false;
	/* Who writes a few bytes at a time is stalled as well: each look costs more than they do.
	 */
	if (come < bytes && come - w->come < STALL_BYTES)
		return false;
	w->come = RTE_MIN(come, bytes);
	w->came_tsc = p->now_tsc;
	return true;
}

/* Map the pages of these bytes. */
static void populate(uint8_t *at, size_t bytes)
{
	uint8_t *from = RTE_PTR_ALIGN_FLOOR(at, FLY_ASTACK_PAGE);

	madvise(from, (size_t)(at - from) + bytes, MADV_POPULATE_READ);
}

/* Copy a piece of the arguments that have come. Return: false: they cannot be read. */
static bool read_piece(struct fly_local_work *w)
{
	const uint32_t bytes = w->work.served.argument_bytes;
	uint8_t *shared = fly_astack_bytes(&w->of->memory, w->i, w->place);
	const uint32_t n = RTE_MIN(w->come - w->moved, FLY_LOCAL_PIECE);
	bool is_read = true;

	if (bytes == 0) /* and perhaps no block */
		return true;
	if (w->place != FLY_ASTACK_IS_FAR && !w->is_inplace)
		fly_astack_copy(w->block, shared, bytes);
	else if (w->place == FLY_ASTACK_IS_FAR && !w->is_inplace)
		is_read = read_bytes(w, shared, n);
	else if (bytes > FLY_LOCAL_PIECE) /* else the procedure's faults are few */
		populate(shared + w->moved, n);
	w->moved += n;
	return is_read;
}

/* It has its share: begin to read. Return: false: it has ended. */
static bool begin_reading(struct fly_poller *p, struct fly_local_work *w)
{
	struct fly_served *served = &w->work.served;

	w->held = needed(w);
	fly_local_share_hold(p, w->of, w->held);
	w->block_bytes = arguments_room(w) + results_room(w);
	if (w->block_bytes != 0)
		w->block = fly_local_block_get(p, &w->block_bytes);
	if (w->block_bytes != 0 && !w->block) {
		refuse(p, w, FLY_ENOMEM, FLY_COUNT_calls_no_memory);
		return false;
	}
	served->arguments =
		w->is_inplace ? fly_astack_bytes(&w->of->memory, w->i, w->place) : w->block;
	if (may_be_long(w)) {
		served->results = fly_astack_results(&w->of->memory, w->i, FLY_ASTACK_IS_FAR);
		/* Relaxed: M3, or the removal of the client, tells who frees the pages. */
		atomic_store_explicit(&w->of->has_results, true, memory_order_relaxed);
		fly_local_far_read(w->of, w->i, 1); /* the procedure may write more than it says */
	} else {
		served->results = w->block + arguments_room(w);
	}
	if (w->is_inplace && w->place == FLY_ASTACK_IS_FAR)
		make_far(p, w, served->argument_bytes);
	w->stage = READING;
	w->came_tsc = p->now_tsc;
	w->waited_tsc = 0;
	return true;
}

/* ---- waiting --------------------------------------------------------------------------------- */

static bool may_begin(struct fly_poller *p, const struct fly_local_work *w)
{
	/* Arguments are in it, or results may come into it. */
	if ((w->place == FLY_ASTACK_IS_FAR || may_be_long(w)) &&
	    fly_local_far_is_lent(p, w->of, w->i))
		return false;
	return fly_local_share_allows(p, w->of, needed(w));
}

static void wait(struct fly_poller *p, struct fly_local_work *w)
{
	TAILQ_INSERT_TAIL(&p->local->waiting, w, turn);
	w->of->n_waiting++;
}

static void wait_no_more(struct fly_poller *p, struct fly_local_work *w)
{
	TAILQ_REMOVE(&p->local->waiting, w, turn);
	w->of->n_waiting--;
}

/* Who gets a share now? A call that gets none holds up the later ones of its user. */
static void grant(struct fly_poller *p)
{
	struct fly_local_server *d = p->local;
	struct fly_local_work *w = TAILQ_FIRST(&d->waiting);

	d->has_freed = false;
	d->grants++;
	while (w) {
		struct fly_local_work *next = TAILQ_NEXT(w, turn);

		if (w->user->held_up == d->grants) {
			;
		} else if (!may_begin(p, w)) {
			w->user->held_up = d->grants;
		} else {
			wait_no_more(p, w);
			if (begin_reading(p, w))
				move_later(p, w);
		}
		w = next;
	}
}

unsigned fly_local_work_begin(struct fly_poller *p, struct fly_local_client *of, uint32_t i,
			      const struct fly_local_said *said, const struct fly_procedure *stub)
{
	const bool is_on_worker = fly_procedure_is_on_worker(stub);
	struct fly_slot *slot = fly_astack_slot(of->memory.near, i);
	struct fly_local_work *w;

	if (is_on_worker && !fly_worker_make_room(p, p->exports[of->export_at].pool, of)) {
		fly_stats_add(&p->stats, FLY_COUNT_reject_busy, 1);
		return fly_local_refuse(p, of, slot, FLY_EBUSY, FLY_COUNT_reject_full);
	}
	if (of->n_waiting == FLY_LOCAL_WAITING)
		return fly_local_refuse(p, of, slot, FLY_EBUSY, FLY_COUNT_reject_full);
	w = malloc(sizeof *w);
	if (!w)
		return fly_local_refuse(p, of, slot, FLY_ENOMEM, FLY_COUNT_calls_no_memory);
	*w = (struct fly_local_work){
		.work.served.argument_bytes = said->bytes,
		.work.stub = stub,
		.work.deadline_tsc = FLY_NEVER,
		.work.done = work_done,
		.work.peer = of,
		.stage = WAITING,
		.of = of,
		.user = fly_local_share_keep(of),
		.i = i,
		.place = (enum fly_astack_place)said->place,
		.is_inplace = (stub->flags & FLY_PROCEDURE_INPLACE) && !is_on_worker,
	};
	if (said->left_us != 0)
		w->work.deadline_tsc = fly_local_deadline_tsc(p, said->left_us);
	w->come = said->bytes;
	if (w->place == FLY_ASTACK_IS_FAR) {
		w->come = RTE_MIN(fly_astack_there(slot), said->bytes);
		fly_local_far_read(of, i, said->bytes);
	}
	of->busy |= UINT64_C(1) << i;
	LIST_INSERT_HEAD(&p->local->works, w, next);
	if (!TAILQ_EMPTY(&p->local->waiting) || !may_begin(p, w)) {
		wait(p, w);
		p->local->has_freed = true; /* look again: it may be the first of its user */
		p->sweep_at_tsc = 0;
		return 1;
	}
	if (!begin_reading(p, w))
		return 0;
	if (said->bytes > FLY_LOCAL_PIECE || w->come < said->bytes)
		move_later(p, w);
	else if (read_piece(w))
		run(p, w);
	else
		refuse(p, w, FLY_ENOMEM, FLY_COUNT_calls_no_memory);
	return 1;
}

/* ---- pieces ---------------------------------------------------------------------------------- */

/* In a sweep, which may be that of a turn within a turn. */
static void run_in_sweep(struct fly_poller *p, struct fly_local_work *w)
{
	const bool was_turning = p->turning;
	bool was_deepest = false;

	if (was_turning)
		was_deepest = fly_poller_deeper(p);
	p->turning = true;
	run(p, w);
	p->turning = was_turning;
	if (was_turning)
		fly_poller_back(p, was_deepest);
}

static void stall(struct fly_poller *p, struct fly_local_work *w)
{
	w->stage = STALLED;
	TAILQ_INSERT_TAIL(&p->local->stalled, w, turn);
}

bool fly_local_works_resume(struct fly_poller *p)
{
	struct fly_local_work *w = TAILQ_FIRST(&p->local->stalled);
	bool any = false;

	while (w) {
		struct fly_local_work *next = TAILQ_NEXT(w, turn);

		if (has_come(p, w)) {
			TAILQ_REMOVE(&p->local->stalled, w, turn);
			w->stage = READING;
			move_later(p, w);
			any = true;
		}
		w = next;
	}
	return any;
}

/* The work at the head of `moving` does its next piece. It was taken out. */
static void move(struct fly_poller *p, struct fly_local_work *w, bool may_run)
{
	if (w->stage == READING && !has_come(p, w)) {
		if (p->now_tsc - w->came_tsc > STALL_US * p->tsc_per_ms / 1000)
			stall(p, w);
		else
			move_later(p, w);
		return;
	}
	if (w->stage == READING && !read_piece(w)) {
		refuse(p, w, FLY_ENOMEM, FLY_COUNT_calls_no_memory);
		return;
	}
	if (w->stage == READING && w->moved == w->work.served.argument_bytes)
		w->stage = READY;
	if (w->stage == READY && may_run) {
		run_in_sweep(p, w);
		return;
	}
	if (w->stage == FREEING) {
		w->block_bytes = fly_local_block_shrink(w->block, w->block_bytes);
		if (w->block_bytes == 0) {
			LIST_REMOVE(w, next);
			free(w->block);
			free(w);
			return;
		}
	}
	move_later(p, w);
}

bool fly_slow_local_move(struct fly_poller *p, bool may_run)
{
	struct fly_local_server *d = p->local;
	struct fly_local_work *w;

	if (likely(LIST_EMPTY(&d->works)))
		return false;
	if (d->has_freed)
		grant(p);
	w = TAILQ_FIRST(&d->moving);
	if (!w)
		return false; /* those that wait are looked at each millisecond */
	TAILQ_REMOVE(&d->moving, w, turn);
	move(p, w, may_run && (!p->turning || p->nested < FLY_NESTED_MAX));
	return !TAILQ_EMPTY(&d->moving) || (d->has_freed && !TAILQ_EMPTY(&d->waiting));
}

void fly_local_work_free_spare(struct fly_poller *p)
{
	size_t bytes;
	uint8_t *block = fly_local_block_take_spare(p, &bytes);
	struct fly_local_work *w = block ? malloc(sizeof *w) : NULL;

	if (!w) {
		free(block);
		return;
	}
	*w = (struct fly_local_work){.stage = FREEING, .block = block, .block_bytes = bytes};
	LIST_INSERT_HEAD(&p->local->works, w, next);
	move_later(p, w);
}

/* ---- calls that nobody waits for ------------------------------------------------------------- */

/* Take a work out of its queue. Return: false: it is BEGUN, on a worker that has begun. */
static bool take_out(struct fly_poller *p, struct fly_local_work *w)
{
	if (w->stage == BEGUN)
		return w->work.pool && fly_worker_withdraw(p, &w->work);
	if (w->stage == WAITING)
		wait_no_more(p, w);
	else if (w->stage == STALLED)
		TAILQ_REMOVE(&p->local->stalled, w, turn);
	else
		TAILQ_REMOVE(&p->local->moving, w, turn);
	return true;
}

static struct fly_local_work *find_of(struct fly_poller *p, const struct fly_local_client *of)
{
	struct fly_local_work *w;

	/* The analyzer does not see that retire() takes a work out before it frees it. */
	LIST_FOREACH(w, &p->local->works, next)
	{
		if (w->of == of) /* NOLINT(clang-analyzer-unix.Malloc) */
			return w;
	}
	return NULL;
}

void fly_local_works_forget(struct fly_poller *p, struct fly_local_client *of)
{
	struct fly_local_work *w;

	while ((w = find_of(p, of)) != NULL) {
		if (take_out(p, w)) {
			retire(p, w);
		} else { /* a worker runs it: until then its user holds the memory */
			of->held -= w->held;
			w->of = NULL;
			w->left = of;
			/* Relaxed: the clerk looks when we have removed the client. */
			atomic_fetch_add_explicit(&of->n_left, 1, memory_order_relaxed);
		}
	}
}

/* Somebody waits for memory: lend what is idle, instead of keeping it warm. */
static void lend_all(struct fly_poller *p)
{
	for (uint32_t k = 0; k < p->local->n; k++) {
		struct fly_local_client *of = p->local->clients[k];

		if (of->held != 0 && !of->ending)
			fly_local_far_lend(p, of, 0);
	}
}

/* @gone_tsc: since the last check. Return: true: others may have ended, too: a worker that is free
 * refuses calls that are late. */
static bool check(struct fly_poller *p, struct fly_local_work *w, uint64_t gone_tsc)
{
	const bool is_running = w->stage == BEGUN;

	/* A hint: no data of the client is read because of it. */
	if (atomic_load_explicit(&slot_of(w)->gone, memory_order_relaxed)) {
		if (!take_out(p, w))
			return false;
		answer(p, w, -FLY_ECANCELLED, FLY_ASTACK_IN_LINE, 0);
		return is_running;
	}
	if (w->stage != WAITING && w->stage != STALLED)
		return false;
	if (w->stage == STALLED && p->now_tsc >= w->work.deadline_tsc) {
		take_out(p, w);
		answer(p, w, -FLY_EDEADLINE, FLY_ASTACK_IN_LINE, 0);
		return false;
	}
	w->waited_tsc += gone_tsc;
	/* Memory that nobody else needs may be held for longer. */
	if (w->waited_tsc > FLY_LOCAL_SHARE_MS * p->tsc_per_ms &&
	    (w->stage == WAITING || !TAILQ_EMPTY(&p->local->waiting))) {
		take_out(p, w);
		refuse(p, w, FLY_EBUSY, FLY_COUNT_reject_full);
	}
	return false;
}

void fly_local_works_check(struct fly_poller *p)
{
	struct fly_local_work *w = LIST_FIRST(&p->local->works);
	/* A process that is stopped gives nothing back, and gets nothing. */
	const uint64_t gone_tsc =
		RTE_MIN(p->now_tsc - p->local->checked_tsc, GONE_MS * p->tsc_per_ms);

	p->local->checked_tsc = p->now_tsc;
	fly_local_works_resume(p);
	while (w) {
		struct fly_local_work *next = LIST_NEXT(w, next);

		if (w->of && check(p, w, gone_tsc))
			next = LIST_FIRST(&p->local->works);
		w = next;
	}
	if (TAILQ_EMPTY(&p->local->waiting))
		return;
	lend_all(p);
	p->local->has_freed = true; /* the clerk may have given something back */
	p->sweep_at_tsc = 0;
}

unsigned fly_local_works(const struct fly_poller *p)
{
	const struct fly_local_work *w;
	unsigned n = 0;

	LIST_FOREACH(w, &p->local->works, next)
	n += w->stage != FREEING;
	return n;
}

void fly_local_works_free(struct fly_poller *p)
{
	struct fly_local_work *w;

	while ((w = LIST_FIRST(&p->local->works)) != NULL) {
		LIST_REMOVE(w, next);
		if (w->user)
			fly_local_share_drop(w->user);
		free(w->block);
		free(w);
	}
}
