/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local/caller.h - the caller's side of a binding over the local link.
 *
 * The calling thread writes its call into the memory that it shares with the server, and waits
 * there for the result. No poller on the caller's side takes part, and no runtime with links is
 * needed. A binding belongs to the thread that made it. local/import.c makes and ends bindings.
 */
#ifndef FLY_LOCAL_CALLER_H
#define FLY_LOCAL_CALLER_H

#include <firefly/stub.h>

#include "base/binding_kind.h"
#include "base/loans.h"
#include "base/owned.h"
#include "local/astack.h"
#include "local/event.h"
#include "local/life.h"
#include "local/stream.h"

struct fly_poller;
struct fly_poller_group;
struct fly_local;

/*
 * Legal orders: IDLE -> STARTED -> OUT -> DONE -> IDLE; OUT -> FAILED -> IDLE; OUT -> FAILED ->
 * LOST -> IDLE if the procedure still runs: the slot is free when its result has come. Nobody reads
 * that result.
 */
enum fly_local_state {
	FLY_LOCAL_IDLE,
	FLY_LOCAL_STARTED, /* the stub writes the arguments */
	FLY_LOCAL_OUT,     /* the call is in the slot, whose state says more */
	FLY_LOCAL_DONE,    /* the stub reads the result */
	FLY_LOCAL_FAILED,  /* there will be no result */
	FLY_LOCAL_LOST,
};

/* One slot, and the call that uses it. */
struct fly_local_call {
	struct fly_call head; /* what the stub sees */
	struct fly_slot *slot;
	uint8_t *area;
	uint32_t index;
	uint32_t seq;
	uint16_t procedure;
	int16_t status; /* FAILED, DONE */
	uint8_t state;  /* enum fly_local_state */
	uint8_t place;  /* enum fly_astack_place of the arguments */
	bool is_far;    /* this call owns the slot's far memory */
	bool is_lost;   /* FAILED: the server still has the slot */
	/* Copy of the slot's line, which is always read and written as a whole. */
	_Alignas(8) uint8_t line[FLY_SLOT_BYTES];
	uint64_t deadline_tsc; /* FLY_NEVER: none */
	uint32_t quarters_seq; /* the seq that `quarters` belongs to */
	uint8_t quarters;      /* whole quarters that the call has waited: local/silence.c */
	void *cookie;          /* of the call cookie_seq */
	uint32_t cookie_seq;
	uint32_t returned_seq; /* of the call that fly_next_ready() returned last */
	/* Long arguments where the program has them, by `at`. Far calls only; fly_loans in stub.h.
	 */
	uint32_t n_lent;
	struct fly_loan lent[FLY_LOANS];
};

struct fly_local {
	/* ---- each call ---- */
	struct fly_binding head;
	const struct fly_binding_kind *kind;
	struct fly_local_call *calls;
	uint32_t n_idle;
	/* The Starter must take its slow path: deadline, shutdown, ... Set by any thread. */
	_Atomic bool is_checked;
	uint8_t idle[FLY_ASTACK_SLOTS]; /* a stack: the slot used last is taken first */
	struct fly_astack_memory memory;
	struct fly_poller *turned; /* its inline runtime's poller, which a wait turns; else NULL */
	/* ---- seldom ---- */
	uint64_t looked_tsc; /* last check of the socket */
	uint64_t tsc_per_ms;
	unsigned timeout_ms;        /* call_timeout_ms */
	uint64_t quarter_tsc;       /* a quarter of call_timeout_ms */
	uint64_t listen_tsc;        /* when the present quarter ends: fly_local_listen() */
	struct fly_life_look heard; /* at its beginning */
	uint8_t silent_process;     /* quarters in a row in which nothing changed */
	uint8_t silent_poller;
	uint32_t poller;      /* its index in the life page */
	int life_fd;          /* of the server's life page; -1: none */
	uint32_t deadline_us; /* of fly_set_deadline(); 0: none */
	bool has_deadlines;   /* there is one, or a call has one of before */
	bool is_stale;     /* a call has ended with FLY_ESTALE: the export is another one by now */
	uint64_t lost_tsc; /* when rebinding for the next call began; 0: did not */
	struct fly_stream stream; /* how arguments that the program lends are copied */
	uint32_t n_lost;
	uint32_t next;     /* slot that fly_next_ready() looks at first */
	uint32_t readies;  /* calls of fly_ready() that found no result */
	int stopped;       /* negative: the status of every new call; 0: calls may start */
	uint8_t wait;      /* enum fly_wait of runtime.h */
	_Atomic bool shut; /* set by fly_shutdown(), on any thread: all calls end */
	bool is_rebinding; /* turns the poller meanwhile: it must not be ended now */
	struct fly_local_event
		*event; /* of fly_event_fd(): each result comes with a byte; or NULL */
	int socket;     /* -1: none */
	struct fly_poller_group *group;
	struct fly_owned owned;
	char *server;     /* NAME of local:NAME */
	const char *name; /* of the interface; not owned */
	uint32_t version;
	int64_t uid; /* the user that the server must run as, or FLY_LOCAL_UID_... */
};

FLY_BINDING_HAS_KIND(struct fly_local);

static inline struct fly_local *fly_local_of(struct fly_binding *binding)
{
	return (struct fly_local *)(void *)binding;
}

static inline struct fly_local_call *fly_local_call_of(struct fly_call *call)
{
	return (struct fly_local_call *)(void *)call;
}

/* fly_local_bind() - set the binding's pointers to Starter, Transporter and Ender. */
void fly_local_bind(struct fly_local *l);

/* fly_local_start() - the plain Starter. */
int fly_local_start(struct fly_binding *binding, uint16_t procedure, uint32_t argument_bytes,
		    struct fly_call **call);

/* fly_local_reset() - make all slots of newly bound memory idle. */
void fly_local_reset(struct fly_local *l);

/* fly_local_set_checked() - set is_checked from the fields that it depends on. */
static inline void fly_local_set_checked(struct fly_local *l)
{
	atomic_store_explicit(&l->is_checked,
			      l->has_deadlines || l->stopped != 0 || l->event ||
				      atomic_load_explicit(&l->shut, memory_order_relaxed),
			      memory_order_relaxed);
}

/* fly_local_ready() - has this call ended? */
bool fly_local_ready(struct fly_local_call *c);

/*
 * fly_local_give_up() - end a call that is OUT and has no result yet.
 * @withdrawn: its status if the server has not begun it; @maybe: its status if the procedure runs.
 * Return: false: the result is there.
 */
bool fly_local_give_up(struct fly_local_call *c, int withdrawn, int maybe);

/* fly_local_take_back() - end a call that the server has not claimed. Return: false: it has. */
bool fly_local_take_back(struct fly_local_call *c, int status);

/* fly_local_hung_up() - the server has gone: end all calls of the binding. */
void fly_local_hung_up(struct fly_local *l);

/* ---- defined in local/silence.c -------------------------------------------------------------- */

/* fly_local_silence_init() - set the binding's times from its runtime's options. */
void fly_local_silence_init(struct fly_local *l);

/* fly_local_listen() - listen_tsc has come: end the calls whose server was silent for too long. */
void fly_local_listen(struct fly_local *l, uint64_t now_tsc);

/* ---- defined in local/import.c --------------------------------------------------------------- */

/*
 * fly_local_wait() - part of a long wait: check the server and the deadlines, then wait in the
 * binding's way. @rounds: number of earlier calls of fly_local_wait() for this call.
 */
void fly_local_wait(struct fly_local *l, struct fly_local_call *c, uint32_t rounds);

/* fly_local_check() - check shutdown, the server's socket, and the deadlines of all calls. */
void fly_local_check(struct fly_local *l);

/* fly_local_wake_server() - the server's poller sleeps: wake it. */
void fly_local_wake_server(struct fly_local *l);

/*
 * fly_local_far_take() - take the far memory of a slot, or wait until the server has given it back.
 * @deadline_tsc: of the call; FLY_NEVER.
 * Return: 0, or the negative status of the call: FLY_ECALLS: another call has it.
 */
int fly_local_far_take(struct fly_local *l, uint32_t index, uint64_t deadline_tsc);

#endif
