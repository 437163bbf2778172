/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local/server.h - what a poller keeps of its clients on this machine, outside of shared memory
 * (local/astack.h).
 *
 * The poller owns it, except fields that are said to be the clerk's. The turn and the sweep call
 * local/server.c and local/sweep.c through fastpath/slow.h: fly_slow_local_turn() and others.
 */
#ifndef FLY_LOCAL_SERVER_H
#define FLY_LOCAL_SERVER_H

#include <sys/queue.h>

#include "fastpath/poller.h"
#include "local/astack.h"

struct fly_clerk;
struct fly_life_word;
struct fly_local_work;

/* A user with clients here: what they hold of the poller's memory for long calls together. */
struct fly_local_user {
	uid_t uid;
	uint32_t n;       /* clients and works that point here */
	uint64_t held;    /* bytes */
	uint32_t held_up; /* in this pass over the waiting calls one got nothing */
	LIST_ENTRY(fly_local_user) next;
};

/* One client. Owned by the poller while in its `clients`; before and after that by the clerk. */
struct fly_local_client {
	struct fly_astack_memory memory;
	uint32_t export_at; /* index and identifier of the export it is bound to */
	uint32_t export_id;
	uint32_t polled; /* how many of its slots are polled */
	uint32_t at;     /* its index in `clients` */
	uint64_t busy;   /* a bit per slot whose procedure runs */
	bool ending;     /* its slots are not served any more; calls may still run */
	int socket;      /* to wake or disconnect the client; the clerk closes it */
	int far_fd;      /* its far memory, to read and write; the clerk closes it */
	uid_t uid;
	struct fly_local_user *user;
	/* ---- used by local/sweep.c ---- */
	uint64_t lying; /* a bit per slot with a call that nobody polled at the last sweep */
	uint32_t lying_word[FLY_ASTACK_SLOTS]; /* the state word of that slot */
	uint32_t lying_turn;                   /* the turn of that sweep */
	/* ---- used by local/work.c and local/share.c ---- */
	uint32_t n_waiting; /* of its calls */
	uint64_t held;      /* bytes that its calls hold, and results in its far memory */
	uint32_t far_written[FLY_ASTACK_SLOTS]; /* bytes of far memory that may have pages */
	uint32_t far_held[FLY_ASTACK_SLOTS];    /* of these, bytes that we have made, in `held` */
	_Atomic bool has_results;               /* in their memory, which has no pages until then */
	uint64_t far_used; /* a bit per slot that used far memory since the last sweep */
	uint64_t far_lent; /* a bit per slot whose far memory the clerk has, as the poller knows */
	int clerk_fd;      /* an eventfd: tells the clerk to look at far_given */
	_Atomic uint64_t far_given; /* a bit per slot to give back; the clerk clears it */
	_Atomic uint32_t n_left;    /* the client has gone, and so many workers run calls of it */
};

/* Polled slots: of all clients, and of one client. */
#define FLY_LOCAL_POLLED        64
#define FLY_LOCAL_POLLED_OF_ONE 16
/* A slot without a call for so many turns is polled no more: about 50 us. */
#define FLY_LOCAL_PATIENCE 4096
/* Bells checked per turn: the cost of a turn does not grow with idle clients. */
#define FLY_LOCAL_BELLS 2
/* Bytes that a poller has for long calls of all clients: copies of arguments, results. */
#define FLY_LOCAL_HELD_MAX ((uint64_t)256 << 20)
/* A call that has waited for so long for its share of these is refused. */
#define FLY_LOCAL_SHARE_MS 5000
/* Calls of one client that may wait for it. */
#define FLY_LOCAL_WAITING 16
/* Bytes of a long call that are copied in one turn: other clients wait no longer than for that. */
#define FLY_LOCAL_PIECE (64u << 10)

struct fly_local_polled {
	struct fly_slot *slot;
	struct fly_local_client *of;
	uint32_t index; /* of the slot */
	uint32_t acted; /* the state word that was acted on last */
	uint32_t found; /* the turn that last found a call in it */
};

/* A poller's part of the local link: fly_poller.local. */
struct fly_local_server {
	uint32_t n_polled;
	uint32_t n;    /* length of `clients` */
	uint32_t next; /* index of the client whose bell is next */
	uint32_t turn;
	struct fly_local_client **clients;
	struct fly_local_polled polled[FLY_LOCAL_POLLED];
	/* ---- seldom ---- */
	struct fly_clerk *clerk;              /* NULL: no local link */
	struct fly_life_word *life;           /* the poller's word of the life page; NULL: none */
	LIST_HEAD(, fly_local_work) works;    /* all: long calls, and those on workers */
	TAILQ_HEAD(, fly_local_work) waiting; /* for their share, oldest first */
	TAILQ_HEAD(, fly_local_work) moving;  /* a piece is copied of one after the other */
	TAILQ_HEAD(, fly_local_work) stalled; /* whose client writes no arguments at the moment */
	LIST_HEAD(, fly_local_user) users;
	uint64_t held;        /* bytes, sum over all users */
	bool has_freed;       /* of these, since the waiting calls were looked at */
	uint32_t grants;      /* passes over the waiting calls */
	uint32_t room;        /* capacity of `clients` */
	uint32_t sweep_at;    /* index of the client to sweep next */
	uint64_t sweep_tsc;   /* last sweep */
	uint64_t checked_tsc; /* when long calls were looked at last */
	uint8_t *spare;       /* a free block for long calls, kept for the next one; or NULL */
	size_t spare_bytes;
	bool spare_used; /* since drop_spare() looked */
	uint32_t faults; /* last value of fly_fault_ever() */
};

/*
 * fly_local_server_init() - start with no clients. Return: 0 or -FLY_ENOMEM.
 * fly_local_server_fini(): no client is left.
 */
int fly_local_server_init(struct fly_poller *p);
void fly_local_server_fini(struct fly_poller *p);

/*
 * fly_local_client_add() - serve this client from the next turn on. Return: 0 or -FLY_ENOMEM.
 * fly_local_client_remove() - serve it no more. Call both between turns; remove a client only while
 * none of its procedures runs on the poller.
 */
int fly_local_client_add(struct fly_poller *p, struct fly_local_client *of);
void fly_local_client_remove(struct fly_poller *p, struct fly_local_client *of);

/*
 * fly_local_works() - number of local calls that are under way over several turns: long ones, and
 * those that wait for workers or run on them. In local/work.c.
 */
unsigned fly_local_works(const struct fly_poller *p);

/* fly_local_client_end() - stop serving this client, and disconnect it: the clerk sees that. */
void fly_local_client_end(struct fly_poller *p, struct fly_local_client *of);

/*
 * fly_local_client_watch() - poll a slot from the next turn on. If too many slots are polled, the
 * client must ring each time. @acted: its state word that needs nothing any more; 0: none.
 */
void fly_local_client_watch(struct fly_poller *p, struct fly_local_client *of, uint32_t i,
			    uint32_t acted);

/* What a client says about its call: each field read once, not checked yet. */
struct fly_local_said {
	uint32_t procedure;
	uint32_t place; /* enum fly_astack_place, or any other number */
	uint32_t bytes;
	uint32_t left_us;
};

/* ---- defined in local/sweep.c ---------------------------------------------------------------- */

/* fly_local_client_wake() - wake the client that sleeps until this slot has a result. */
void fly_local_client_wake(struct fly_local_client *of, struct fly_slot *slot);

/* fly_local_client_disconnect() - shut the socket down: the clerk does the rest. */
void fly_local_client_disconnect(struct fly_local_client *of);

/*
 * fly_local_answer() - return the result, whose bytes are in place. If the client has changed the
 * slot meanwhile, only the client loses.
 */
static __rte_always_inline void fly_local_answer(struct fly_local_client *of, struct fly_slot *slot,
						 int status, enum fly_astack_place place,
						 uint32_t bytes)
{
	FLY_ASTACK_WRITE(slot->kind, (uint8_t)place);
	FLY_ASTACK_WRITE(slot->status, (int16_t)status);
	FLY_ASTACK_WRITE(slot->length, bytes);
	if (unlikely(fly_slot_from_poller(slot, FLY_SLOT_RESULT)))
		fly_local_client_wake(of, slot);
}

/* fly_local_refuse() - answer without running the procedure. Return: 0, procedures run. */
static inline unsigned fly_local_refuse(struct fly_poller *p, struct fly_local_client *of,
					struct fly_slot *slot, enum fly_status status,
					enum fly_counter what)
{
	fly_stats_add(&p->stats, what, 1);
	fly_local_answer(of, slot, -(int)status, FLY_ASTACK_IN_LINE, 0);
	return 0;
}

/*
 * fly_local_deadline_tsc() - the deadline of a call that has come. It may have come at any moment
 * of this turn, whose time is far behind if a procedure took long in it.
 */
static inline uint64_t fly_local_deadline_tsc(struct fly_poller *p, uint32_t left_us)
{
	return fly_clock_read(&p->clock, p->now_tsc) + left_us * p->tsc_per_ms / 1000;
}

#endif
