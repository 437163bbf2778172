/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local/caller.c - the caller's half of a call over the local link: Starter, Transporter, Ender.
 *
 * Runs on the thread that owns the binding. Owns the states of its calls (local/caller.h); the
 * states of slots are in fastpath/slot.h. Checks what the server writes before it uses it: a server
 * that breaks the rules ends the call, not the calling process.
 */
#include "local/caller.h"

#include <rte_pause.h>

#include "fastpath/poller.h"
#include "marshal/raise.h"
#include "threads/request.h"

/*
 * A waiting caller polls its slot LOOKS times, then turns its inline runtime's poller, if there is
 * one. That is one round; the caller reads the clock once in ROUNDS rounds.
 */
#define LOOKS  32
#define ROUNDS 8

#define CHUNK (32U << 10) /* of an array that is copied while the server copies, too */

/* fly_ready() checks deadlines and the server's socket once in so many calls. */
#define READIES 32

/* ---- the slots ------------------------------------------------------------------------------- */

static void give_far(struct fly_local *l, struct fly_local_call *c)
{
	c->is_far = false;
	/* Matches the compare-exchange in fly_local_far_take() and lend_idle(); carries no data. */
	atomic_store_explicit(&fly_astack_head(&l->memory)->far[c->index], FLY_FAR_FREE,
			      memory_order_release);
}

static inline void make_idle(struct fly_local *l, struct fly_local_call *c)
{
	if (unlikely(c->is_far))
		give_far(l, c);
	c->state = FLY_LOCAL_IDLE;
	l->idle[l->n_idle++] = (uint8_t)c->index;
}

/* The caller gave this call up: the server has the slot until it writes the result. */
static __rte_noinline void lose(struct fly_local *l, struct fly_local_call *c)
{
	c->state = FLY_LOCAL_LOST;
	l->n_lost++;
}

static void find_lost(struct fly_local *l)
{
	for (uint32_t i = 0; l->n_lost != 0 && i < l->memory.slots; i++) {
		struct fly_local_call *c = &l->calls[i];

		if (c->state != FLY_LOCAL_LOST || !fly_slot_is(c->slot, FLY_SLOT_RESULT))
			continue;
		if (FLY_ASTACK_READ(c->slot->kind) == FLY_ASTACK_IS_FAR)
			c->is_far = true;
		atomic_store_explicit(&c->slot->gone, 0, memory_order_relaxed);
		l->n_lost--;
		make_idle(l, c);
	}
}

/* ---- arguments that the program lends -------------------------------------------------------- */

/*
 * Copying at the same time
 *
 * Long arrays of the program are copied into far memory after the call was handed over, a chunk at
 * a time, and after each chunk the server is told how far the client is (local/astack.h). So the
 * server copies the chunks before while the client copies the next. What is not lent was written
 * by the stub before. A server that ends the call meanwhile has its answer in the slot: the rest is
 * not copied. Nothing here waits for the server.
 *
 * Fewer than two chunks are copied before the call is handed over.
 */

/* Take the list of what this call lends. Copying less would gain nothing: the stub does it. */
static void borrow(const struct fly_local *l, struct fly_local_call *c, struct fly_loans *loans,
		   uint32_t argument_bytes)
{
	c->n_lent = 0;
	if (!loans || loans->n_arguments == 0)
		return;
	if (argument_bytes < 2 * CHUNK && !fly_stream_is_wanted(&l->stream, fly_clock_now_tsc()))
		return;
	c->n_lent = loans->n_arguments;
	memcpy(c->lent, loans->arguments, sizeof c->lent);
	loans->is_read = true;
}

/* Bytes from the first on are there. */
static void say_come(struct fly_local *l, struct fly_local_call *c, uint32_t bytes)
{
	/* K1: the bytes; pairs with K2 in local/work.c. K3, K4: store, then load; against K5, K6.
	 */
	atomic_store_explicit(fly_astack_come(&l->memory, c->index), bytes, memory_order_seq_cst);
}

static void copy_before(struct fly_local *l, struct fly_local_call *c)
{
	for (uint32_t k = 0; k < c->n_lent; k++)
		fly_stream_copy(&l->stream, c->head.payload + c->lent[k].at, c->lent[k].bytes,
				c->lent[k].length, l->tsc_per_ms);
	c->n_lent = 0;
}

/* Copy an array. @next: behind it, what is there already ends. Return: false: the call has ended.
 */
static bool copy_array(struct fly_local *l, struct fly_local_call *c, const struct fly_loan *loan,
		       uint32_t next)
{
	for (uint32_t at = 0; at < loan->length;) {
		const uint32_t n = RTE_MIN(loan->length - at, CHUNK);

		if (fly_slot_is(c->slot, FLY_SLOT_RESULT))
			return false;
		fly_stream_copy(&l->stream, c->head.payload + loan->at + at, loan->bytes + at, n,
				l->tsc_per_ms);
		at += n;
		say_come(l, c, at == loan->length ? next : loan->at + at);
	}
	return true;
}

static void copy_meanwhile(struct fly_local *l, struct fly_local_call *c)
{
	for (uint32_t k = 0; k < c->n_lent; k++) {
		const bool is_last = k + 1 == c->n_lent;

		if (!copy_array(l, c, &c->lent[k], is_last ? c->head.length : c->lent[k + 1].at))
			return;
	}
	/* K4: a server that went to sleep because nothing came sees all now, or is woken. */
	if (atomic_load_explicit(&fly_astack_head(&l->memory)->asleep, memory_order_seq_cst) != 0)
		fly_local_wake_server(l);
}

/* ---- Starter --------------------------------------------------------------------------------- */

static inline void begin(struct fly_local_call *c, uint16_t procedure, uint32_t argument_bytes)
{
	c->procedure = procedure;
	c->state = FLY_LOCAL_STARTED;
	c->is_lost = false;
	c->place = FLY_ASTACK_IN_LINE;
	c->head.payload = c->line;
	c->head.length = argument_bytes;
	if (unlikely(argument_bytes > FLY_SLOT_BYTES)) {
		c->place = FLY_ASTACK_IN_AREA;
		c->head.payload = c->area;
	}
}

/* The deadline of the call that begins now. Rebinding for it was part of its time. */
static uint64_t take_deadline(struct fly_local *l)
{
	const uint64_t began_tsc = l->lost_tsc ? l->lost_tsc : fly_clock_now_tsc();

	l->lost_tsc = 0;
	if (l->deadline_us == 0)
		return FLY_NEVER;
	return began_tsc + l->deadline_us * l->tsc_per_ms / 1000;
}

static __rte_noinline int starter_checked(struct fly_local *l, uint16_t procedure,
					  uint32_t argument_bytes, struct fly_call **call)
{
	const uint64_t deadline_tsc = take_deadline(l);
	struct fly_loans *const loans = fly_loans_of_start(&l->head);
	struct fly_local_call *c;
	int status = 0;

	if (l->event)
		fly_local_event_look(l); /* may find that the server has gone */
	if (l->has_deadlines && l->deadline_us == 0)
		fly_local_check(l); /* may find that the last call with a deadline has ended */
	if (atomic_load_explicit(&l->shut, memory_order_relaxed))
		return -FLY_ESHUT;
	if (l->stopped)
		return l->stopped;
	if (fly_poller_is_deepest)
		return -FLY_ECONFLICT;
	if (argument_bytes > FLY_MESSAGE_MAX)
		return -FLY_ETOOBIG;
	if (l->n_idle == 0)
		find_lost(l);
	if (l->n_idle == 0)
		return -FLY_ECALLS;
	/* Before the wait: procedures may make calls in it, and must not end the binding. */
	c = &l->calls[l->idle[--l->n_idle]];
	c->state = FLY_LOCAL_STARTED;
	c->deadline_tsc = deadline_tsc;
	if (argument_bytes > FLY_ASTACK_AREA) {
		fly_loans_hide(&l->head);
		status = fly_local_far_take(l, c->index, deadline_tsc);
		fly_loans_show(&l->head, loans);
	}
	if (status) {
		make_idle(l, c);
		return status;
	}
	begin(c, procedure, argument_bytes);
	if (argument_bytes > FLY_ASTACK_AREA) {
		c->is_far = true;
		c->place = FLY_ASTACK_IS_FAR;
		c->head.payload = fly_astack_bytes(&l->memory, c->index, FLY_ASTACK_IS_FAR);
		borrow(l, c, loans, argument_bytes);
	}
	if (l->event)
		fly_local_event_started(l, deadline_tsc);
	*call = &c->head;
	return 0;
}

int fly_local_start(struct fly_binding *binding, uint16_t procedure, uint32_t argument_bytes,
		    struct fly_call **call)
{
	struct fly_local *l = fly_local_of(binding);

	if (unlikely(l->n_idle == 0 || argument_bytes > FLY_ASTACK_AREA || fly_poller_is_deepest ||
		     atomic_load_explicit(&l->is_checked, memory_order_relaxed)))
		return starter_checked(l, procedure, argument_bytes, call);
	/* ---- committed: nothing below can fail ---- */
	struct fly_local_call *c = &l->calls[l->idle[--l->n_idle]];

	begin(c, procedure, argument_bytes);
	*call = &c->head;
	return 0;
}

/* ---- Transporter ----------------------------------------------------------------------------- */

static __rte_noinline void ring(struct fly_local *l, struct fly_local_call *c)
{
	struct fly_astack_head *head = fly_astack_head(&l->memory);

	/*
	 * B1: the bit; pairs with B6. B2, B3: store, then load; against B4, B5 in local/server.c.
	 */
	atomic_fetch_or_explicit(&head->bell, UINT64_C(1) << c->index,
				 memory_order_seq_cst);                     /* B1, B2 */
	if (atomic_load_explicit(&head->asleep, memory_order_seq_cst) != 0) /* B3 */
		fly_local_wake_server(l);
}

static void fail(struct fly_local_call *c, int status)
{
	const struct fly_local *l = fly_local_of(c->head.binding);

	c->status = (int16_t)status;
	c->state = FLY_LOCAL_FAILED;
	if (l->event)
		fly_local_event_tell(l->event);
}

/* The slot's line is written but for the number of arguments that are there. */
static __rte_noinline void send_far(struct fly_local *l, struct fly_local_call *c)
{
	uint32_t there = c->head.length;

	if (there < 2 * CHUNK)
		copy_before(l, c);
	if (c->n_lent != 0) {
		there = c->lent[0].at;
		say_come(l, c, there);
	}
	fly_astack_set_there(c->slot, there);
	if (fly_slot_to_poller(c->slot, FLY_SLOT_CALL))
		ring(l, c);
	if (c->n_lent != 0)
		copy_meanwhile(l, c);
}

/* Writes all fields of the slot's line together: the line is fetched once. */
static inline void transporter_send(struct fly_call *call)
{
	struct fly_local *l = fly_local_of(call->binding);
	struct fly_local_call *c = fly_local_call_of(call);
	struct fly_slot *slot = c->slot;

	c->state = FLY_LOCAL_OUT;
	FLY_ASTACK_WRITE(slot->kind, c->place);
	FLY_ASTACK_WRITE(slot->procedure, c->procedure);
	FLY_ASTACK_WRITE(slot->length, call->length);
	FLY_ASTACK_WRITE(slot->left_us, l->deadline_us);
	c->seq++;
	if (c->place == FLY_ASTACK_IN_LINE) {
		if (call->length != 0)
			fly_astack_copy(slot->bytes, c->line, FLY_SLOT_BYTES);
	} else if (unlikely(c->place == FLY_ASTACK_IS_FAR)) {
		send_far(l, c);
		return;
	}
	if (unlikely(fly_slot_to_poller(slot, FLY_SLOT_CALL)))
		ring(l, c);
}

static void transporter_send_only(struct fly_call *call)
{
	transporter_send(call);
}

/* A result that is far, an error, or malformed. */
static __rte_noinline int take_unplain(struct fly_local *l, struct fly_local_call *c, int status,
				       uint32_t place, uint32_t bytes)
{
	if (place >= FLY_ASTACK_PLACES || bytes > fly_astack_room(place) || status > 0) {
		make_idle(l, c);
		return -FLY_ERESULT;
	}
	c->head.payload = fly_astack_results(&l->memory, c->index, (enum fly_astack_place)place);
	c->head.length = bytes;
	if (place == FLY_ASTACK_IN_LINE) {
		fly_astack_copy(c->line, c->slot->bytes, FLY_SLOT_BYTES);
		c->head.payload = c->line;
	} else if (place == FLY_ASTACK_IS_FAR) {
		c->is_far = true;
	}
	if (status == 0 || status == -FLY_EEXCEPTION)
		return status;
	l->is_stale |= status == -FLY_ESTALE;
	if (status == -FLY_ERAISED) {
		uint8_t raised[FLY_RAISED_BYTES_MAX];

		bytes = RTE_MIN(bytes, (uint32_t)sizeof raised);
		fly_astack_copy(raised, c->head.payload, bytes);
		fly_raised_get(raised, bytes);
	}
	make_idle(l, c);
	return status;
}

/* The slot says RESULT. Return: the call's status. */
static inline int take(struct fly_local *l, struct fly_local_call *c)
{
	const struct fly_slot *slot = c->slot;
	const int status = (int16_t)FLY_ASTACK_READ(slot->status);
	const uint32_t place = FLY_ASTACK_READ(slot->kind);
	const uint32_t bytes = FLY_ASTACK_READ(slot->length);

	c->state = FLY_LOCAL_DONE;
	if (unlikely(status != 0 || place > FLY_ASTACK_IN_AREA || bytes > fly_astack_room(place)))
		return take_unplain(l, c, status, place, bytes);
	c->head.length = bytes;
	if (place == FLY_ASTACK_IN_AREA) {
		c->head.payload = c->area;
	} else if (bytes != 0) {
		fly_astack_copy(c->line, slot->bytes, FLY_SLOT_BYTES);
		c->head.payload = c->line;
	}
	return 0;
}

/* Wait for the result. Return: false: the call has failed instead. */
static __rte_noinline bool wait_longer(struct fly_local *l, struct fly_local_call *c)
{
	struct fly_poller *turned = l->turned ? l->turned : fly_poller_mine();

	for (uint32_t rounds = 0; c->state == FLY_LOCAL_OUT; rounds++) {
		for (uint32_t looks = 0; looks < LOOKS; looks++) {
			if (fly_slot_is(c->slot, FLY_SLOT_RESULT))
				return true;
			rte_pause();
		}
		/* Turning serves calls back into this process, up to the nesting limit. */
		if (!fly_poller_is_deepest)
			fly_poller_turn_ours(turned);
		if (rounds % ROUNDS == ROUNDS - 1 || l->wait == FLY_WAIT_YIELD)
			fly_local_wait(l, c, rounds / ROUNDS);
	}
	return false;
}

static __rte_noinline int wait_failed(struct fly_local *l, struct fly_local_call *c)
{
	const int status = c->status;

	if (c->is_lost)
		lose(l, c);
	else
		make_idle(l, c);
	return status;
}

static inline int transporter_wait(struct fly_call *call)
{
	struct fly_local *l = fly_local_of(call->binding);
	struct fly_local_call *c = fly_local_call_of(call);

	if (likely(c->state == FLY_LOCAL_OUT)) {
		for (uint32_t looks = 0; looks < LOOKS; looks++) {
			if (fly_slot_is(c->slot, FLY_SLOT_RESULT))
				return take(l, c);
			rte_pause();
		}
		if (wait_longer(l, c))
			return take(l, c);
	}
	return wait_failed(l, c);
}

static int transporter_wait_only(struct fly_call *call)
{
	return transporter_wait(call);
}

static int transporter(struct fly_call *call)
{
	transporter_send(call);
	return transporter_wait(call);
}

static void ender(struct fly_call *call)
{
	make_idle(fly_local_of(call->binding), fly_local_call_of(call));
}

/* ---- the rest -------------------------------------------------------------------------------- */

void fly_local_bind(struct fly_local *l)
{
	l->head.starter = fly_local_start;
	l->head.transporter = transporter;
	l->head.send = transporter_send_only;
	l->head.wait = transporter_wait_only;
	l->head.ender = ender;
}

void fly_local_reset(struct fly_local *l)
{
	l->n_idle = 0;
	l->n_lost = 0;
	l->next = 0;
	for (uint32_t i = l->memory.slots; i-- > 0;) {
		l->calls[i] = (struct fly_local_call){
			.head.binding = &l->head,
			.slot = fly_astack_slot(l->memory.near, i),
			.area = fly_astack_bytes(&l->memory, i, FLY_ASTACK_IN_AREA),
			.index = i,
			.deadline_tsc = FLY_NEVER,
		};
		l->idle[l->n_idle++] = (uint8_t)i;
	}
}

bool fly_local_ready(struct fly_local_call *c)
{
	struct fly_local *l = fly_local_of(c->head.binding);

	if (c->state != FLY_LOCAL_OUT)
		return c->state != FLY_LOCAL_STARTED;
	if (fly_slot_is(c->slot, FLY_SLOT_RESULT))
		return true;
	if (l->readies++ % READIES != 0)
		return false;
	fly_local_check(l);
	return c->state != FLY_LOCAL_OUT;
}

bool fly_local_take_back(struct fly_local_call *c, int status)
{
	if (!fly_slot_withdraw(c->slot))
		return false;
	fail(c, status);
	return true;
}

bool fly_local_give_up(struct fly_local_call *c, int withdrawn, int maybe)
{
	struct fly_slot *slot = c->slot;

	if (fly_local_take_back(c, withdrawn))
		return true;
	if (fly_slot_is(slot, FLY_SLOT_RESULT))
		return false;
	atomic_store_explicit(&slot->gone, 1, memory_order_relaxed);
	c->is_lost = true;
	fail(c, maybe);
	return true;
}

void fly_local_hung_up(struct fly_local *l)
{
	l->stopped = l->stopped ? l->stopped : -FLY_ELINK;
	fly_local_set_checked(l);
	for (uint32_t i = 0; i < l->memory.slots; i++) {
		if (l->calls[i].state == FLY_LOCAL_OUT)
			fly_local_give_up(&l->calls[i], -FLY_ELINK, -FLY_EPEER);
	}
}
