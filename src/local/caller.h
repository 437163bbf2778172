/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local/caller.h - the caller's side of a binding over the local link.
 *
 * The calling thread writes into the memory that it shares with the server and waits there for the
 * result: no poller of its own is in between, nor does it need a runtime with links. A binding
 * belongs to the thread that made it. Made and ended by local/import.c.
 */
#ifndef FLY_CALLER_H
#define FLY_CALLER_H

#include <firefly/stub.h>

#include "base/binding_kind.h"
#include "base/owned.h"
#include "local/astack.h"

struct fly_poller;
struct fly_poller_group;
struct fly_local;

/*
 * Legal orders: IDLE -> STARTED -> OUT -> DONE -> IDLE; OUT -> FAILED -> IDLE, or LOST, if the
 * procedure still runs; LOST -> IDLE when its result has come, which nobody reads.
 */
enum fly_local_state {
	FLY_LOCAL_IDLE,
	FLY_LOCAL_STARTED, /* the stub writes its arguments */
	FLY_LOCAL_OUT,     /* the slot says more */
	FLY_LOCAL_DONE,    /* there is a result, which is being read */
	FLY_LOCAL_FAILED,  /* there will be none */
	FLY_LOCAL_LOST,
};

/* One slot, and the call in it. */
struct fly_local_call {
	struct fly_call head; /* what the stub sees */
	struct fly_slot *slot;
	uint8_t *area;
	uint32_t index;
	uint32_t seq;
	uint16_t procedure;
	int16_t status; /* FAILED, DONE */
	uint8_t state;  /* enum fly_local_state */
	uint8_t place;  /* enum fly_astack_place: of the arguments */
	bool is_far;    /* far memory is this call's */
	bool is_lost;   /* FAILED: the slot is still the server's */
	/* Small arguments and results: the shared line is written, and read, all at once. */
	_Alignas(8) uint8_t line[FLY_SLOT_BYTES];
	uint64_t deadline_tsc; /* FLY_NEVER */
};

struct fly_local {
	/* ---- each call ---- */
	struct fly_binding head;
	const struct fly_binding_kind *kind;
	struct fly_local_call *calls;
	uint32_t n_idle;
	/* The Starter has more to look at: a deadline, a server that has gone. Others may set it.
	 */
	_Atomic bool is_checked;
	uint8_t idle[FLY_ASTACK_SLOTS]; /* the slot that was used last comes first */
	struct fly_astack_memory memory;
	struct fly_poller *turned; /* by us, while we wait: of an inline runtime; else NULL */
	/* ---- seldom ---- */
	uint64_t looked_tsc; /* at the socket */
	uint64_t tsc_per_ms;
	uint32_t deadline_us; /* as fly_set_deadline() said */
	uint32_t n_lost;
	uint32_t readies;  /* how often fly_ready() was asked */
	int stopped;       /* status of calls that are started now: negative; 0: go on */
	uint8_t wait;      /* enum fly_wait of runtime.h */
	_Atomic bool shut; /* by fly_shutdown(), on any thread: calls are to end */
	bool has_event;    /* fly_event_fd() was asked for: see to it that the server sends bytes */
	int socket;        /* -1: none */
	struct fly_poller_group *group;
	struct fly_owned owned;
	char *server;     /* NAME, as in local:NAME */
	const char *name; /* of the interface; static */
	uint32_t version;
	int64_t uid; /* whom the server must be; -1: anybody */
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

/* fly_local_bind() - fill in the procedure variables. */
void fly_local_bind(struct fly_local *l);

/* fly_local_reset() - all slots are idle: of memory that was just bound. */
void fly_local_reset(struct fly_local *l);

/* fly_local_set_checked() - whether it is, by what it says of itself. */
static inline void fly_local_set_checked(struct fly_local *l)
{
	atomic_store_explicit(&l->is_checked,
			      l->deadline_us != 0 || l->stopped != 0 ||
				      atomic_load_explicit(&l->shut, memory_order_relaxed),
			      memory_order_relaxed);
}

/* fly_local_ready() - has this call ended? */
bool fly_local_ready(struct fly_local_call *c);

/*
 * fly_local_give_up() - end a call that is OUT, if it is not over by itself.
 * @withdrawn: its status if it has not begun, and is taken back; @maybe: if it runs.
 * Return: false: its result is there.
 */
bool fly_local_give_up(struct fly_local_call *c, int withdrawn, int maybe);

/* fly_local_hung_up() - the server has gone: every call of the binding ends. */
void fly_local_hung_up(struct fly_local *l);

/* ---- what it needs of local/import.c --------------------------------------------------------- */

/*
 * fly_slow_local_wait() - a call is waited for, and has not ended for a while: look whether the
 * server is there, whether time is over; wait in the way that the binding says. @rounds: how often
 * this was called for the call before; grows.
 */
void fly_local_wait(struct fly_local *l, struct fly_local_call *c, uint32_t rounds);

/* fly_local_check() - look whether the server is there, and whose time is over. */
void fly_local_check(struct fly_local *l);

/* fly_slow_local_wake() - the server's poller sleeps. */
void fly_local_wake_server(struct fly_local *l);

/* fly_local_far_take() - have the far memory of a slot. Return: false: it is taken for now. */
bool fly_local_far_take(struct fly_local *l, uint32_t index);

#endif
