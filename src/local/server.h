/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local/server.h - what a poller keeps of its clients on this machine, outside of the memory that
 * it shares with them (astack.h).
 *
 * Owned by the poller, but for what is said to be the clerk's. The turn and the sweep reach it
 * through slow.h: fly_slow_local_turn() and the others there are in local/server.c and
 * local/sweep.c.
 */
#ifndef FLY_LOCAL_SERVER_H
#define FLY_LOCAL_SERVER_H

#include <sys/queue.h>

#include "fastpath/poller.h"
#include "local/astack.h"

struct fly_clerk;

/* One client. The poller's while it is among its clients, before and after that the clerk's. */
struct fly_local_client {
	struct fly_astack_memory memory;
	uint32_t export_at; /* index and identifier of the export that it is bound to */
	uint32_t export_id;
	uint32_t polled; /* of its slots, so many are looked at in each turn */
	uint32_t at;     /* its index among the poller's clients */
	uint64_t busy;   /* a bit per slot whose procedure runs */
	bool ending;     /* nobody looks at it any more; calls may still run */
	int socket;      /* to wake the client by, and to part from it; the clerk closes it */
	/* ---- once in a while: local/sweep.c ---- */
	uint64_t lying; /* a bit per slot in which the sweep found a call that nobody looked at, */
	uint32_t lying_seq[FLY_ASTACK_SLOTS];   /* namely that one */
	uint32_t lying_turn;                    /* in which turn */
	uint32_t far_written[FLY_ASTACK_SLOTS]; /* bytes of far memory that hold pages */
	uint64_t far_reserved; /* bytes that results of calls on workers may come to */
	uint64_t work_bytes;   /* that such calls hold of our own memory */
	uint64_t far_used;     /* a bit per slot that used it since the last look, */
	uint64_t far_lent;     /* and per slot whose far memory the clerk has, as far as we know */
	int clerk_fd;          /* an eventfd: there is something for the clerk to give back, */
	_Atomic uint64_t
		far_given; /* namely this; the clerk takes a bit back when it has done so */
};

/* Slots that a poller looks at in each turn: in all, and of one client. */
#define FLY_LOCAL_POLLED        64
#define FLY_LOCAL_POLLED_OF_ONE 16
/* A slot in which nothing was found for so many turns is to be rung for again: some 50 us. */
#define FLY_LOCAL_PATIENCE 4096
/* Bells that are looked at in a turn: so idle clients cost no more, however many they are. */
#define FLY_LOCAL_BELLS 2
/* Bytes that clients can make a poller keep in far memory, all of them together. */
#define FLY_LOCAL_FAR_MAX (256u << 20)
/* A client whose calls on workers hold more memory than this has to wait for one to end. */
#define FLY_LOCAL_WORK_MAX (64u << 20)

struct fly_local_polled {
	struct fly_slot *slot;
	struct fly_local_client *of;
	uint32_t index; /* of the slot */
	uint32_t found; /* the turn in which there was a call last */
};

/* What a poller has of the local link: fly_poller.local. */
struct fly_local_server {
	uint32_t n_polled;
	uint32_t n;    /* clients */
	uint32_t next; /* whose bell is looked at next */
	uint32_t turn;
	struct fly_local_client **clients;
	struct fly_local_polled polled[FLY_LOCAL_POLLED];
	/* ---- seldom ---- */
	struct fly_clerk *clerk;           /* who lets clients in; NULL: none may come */
	LIST_HEAD(, fly_local_work) works; /* calls that workers have, or are to have */
	uint32_t room;                     /* at clients */
	uint32_t sweep_at;                 /* who is swept next */
	uint64_t sweep_tsc;                /* when */
	uint8_t *spare; /* memory for long arguments and results, kept for the next; or NULL */
	size_t spare_bytes;
	bool spare_used;      /* since the last look */
	uint32_t faults;      /* in all the process, as we last saw */
	uint64_t far_written; /* as in struct fly_local_client, of all clients; and what the results
			       */
	uint64_t far_reserved; /* of calls that workers have may come to */
};

/*
 * fly_local_server_init() - no clients yet. Return: 0 or -FLY_ENOMEM. fly_local_server_fini(): none
 * is left.
 */
int fly_local_server_init(struct fly_poller *p);
void fly_local_server_fini(struct fly_poller *p);

/*
 * fly_local_client_add() - look at the slots of this client from the next turn on. Return: 0 or
 * -FLY_ENOMEM. fly_local_client_remove(): no more. Both between turns; none of its calls may be
 * running.
 */
int fly_local_client_add(struct fly_poller *p, struct fly_local_client *of);
void fly_local_client_remove(struct fly_poller *p, struct fly_local_client *of);

/* fly_local_work_cancel() - once in a while: tell workers whose client waits no longer. */
void fly_local_work_cancel(struct fly_poller *p);

/* fly_local_client_end() - look at nothing of this client any more, and let its clerk know. */
void fly_local_client_end(struct fly_poller *p, struct fly_local_client *of);

/*
 * fly_local_client_watch() - look at a slot from the next turn on, if there is a place for it:
 * without one its client rings each time.
 */
void fly_local_client_watch(struct fly_poller *p, struct fly_local_client *of, uint32_t i);

/* ---- what it needs of local/sweep.c ---------------------------------------------------------- */

/* fly_local_client_wake() - a result is in a slot whose client sleeps. */
void fly_local_client_wake(struct fly_local_client *of, struct fly_slot *slot);

/* fly_local_client_disconnect() - hang up: the clerk will see to the rest. */
void fly_local_client_disconnect(struct fly_local_client *of);

/*
 * fly_local_block_get() - memory for a call with long arguments or results; it is spare
 * again after fly_local_block_put(). @bytes: set to what there is, for that. Return: NULL:
 * none.
 */
uint8_t *fly_local_block_get(struct fly_poller *p, size_t *bytes);
void fly_local_block_put(struct fly_poller *p, uint8_t *block, size_t bytes);

/*
 * fly_local_far_may() - may this slot have so many bytes in far memory? Not while the clerk has
 * it.
 */
bool fly_local_far_may(struct fly_poller *p, struct fly_local_client *of, uint32_t i,
		       uint32_t bytes);

/* fly_local_far_written() - so many bytes of far memory hold pages, and are the slot's. */
void fly_local_far_written(struct fly_poller *p, struct fly_local_client *of, uint32_t i,
			   uint32_t bytes);

#endif
