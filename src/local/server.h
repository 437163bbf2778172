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
	/* ---- used by local/sweep.c ---- */
	uint64_t lying; /* a bit per slot with a call that nobody polled at the last sweep */
	uint32_t lying_seq[FLY_ASTACK_SLOTS];   /* the seq of that call */
	uint32_t lying_turn;                    /* the turn of that sweep */
	uint32_t far_written[FLY_ASTACK_SLOTS]; /* bytes of far memory that hold pages */
	uint64_t far_reserved; /* bytes of far memory reserved for results of calls on workers */
	uint64_t work_bytes;   /* bytes of our own memory that calls on workers hold */
	uint64_t far_used;     /* a bit per slot that used far memory since the last sweep */
	uint64_t far_lent_tsc; /* when the clerk was given far memory the last time */
	uint64_t far_lent; /* a bit per slot whose far memory the clerk has, as the poller knows */
	int clerk_fd;      /* an eventfd: tells the clerk to look at far_given */
	_Atomic uint64_t far_given; /* a bit per slot to give back; the clerk clears it */
};

/* Polled slots: of all clients, and of one client. */
#define FLY_LOCAL_POLLED        64
#define FLY_LOCAL_POLLED_OF_ONE 16
/* A slot without a call for so many turns is polled no more: about 50 us. */
#define FLY_LOCAL_PATIENCE 4096
/* Bells checked per turn: the cost of a turn does not grow with idle clients. */
#define FLY_LOCAL_BELLS 2
/* Bytes of far memory in use by all clients of a poller. */
#define FLY_LOCAL_FAR_MAX (256u << 20)
/* A client whose calls on workers hold more bytes than this is refused another one. */
#define FLY_LOCAL_WORK_MAX (64u << 20)

struct fly_local_polled {
	struct fly_slot *slot;
	struct fly_local_client *of;
	uint32_t index; /* of the slot */
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
	struct fly_clerk *clerk;           /* NULL: no local link */
	struct fly_life_word *life;        /* the poller's word of the life page; NULL: none */
	LIST_HEAD(, fly_local_work) works; /* calls that workers have, or will have */
	uint32_t room;                     /* capacity of `clients` */
	uint32_t sweep_at;                 /* index of the client to sweep next */
	uint64_t sweep_tsc;                /* last sweep */
	uint8_t *spare; /* a free block for long calls, kept for the next one; or NULL */
	size_t spare_bytes;
	bool spare_used;      /* since drop_spare() looked */
	uint32_t faults;      /* last value of fly_fault_ever() */
	uint64_t far_written; /* sums over all clients */
	uint64_t far_reserved;
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

/* fly_local_work_cancel() - in the sweep: tell workers whose client waits no longer. */
void fly_local_work_cancel(struct fly_poller *p);

/* fly_local_works() - number of local calls that wait for workers or run on them. */
unsigned fly_local_works(const struct fly_poller *p);

/* fly_local_client_end() - stop serving this client, and disconnect it: the clerk sees that. */
void fly_local_client_end(struct fly_poller *p, struct fly_local_client *of);

/*
 * fly_local_client_watch() - poll a slot from the next turn on. If too many slots are polled, the
 * client must ring each time.
 */
void fly_local_client_watch(struct fly_poller *p, struct fly_local_client *of, uint32_t i);

/* ---- defined in local/sweep.c ---------------------------------------------------------------- */

/* fly_local_client_wake() - wake the client that sleeps until this slot has a result. */
void fly_local_client_wake(struct fly_local_client *of, struct fly_slot *slot);

/* fly_local_client_disconnect() - shut the socket down: the clerk does the rest. */
void fly_local_client_disconnect(struct fly_local_client *of);

/*
 * fly_local_block_get() - memory for a call with long arguments or results. @bytes: wanted; set to
 * the block's size, which fly_local_block_put() wants back. Return: NULL: none.
 */
uint8_t *fly_local_block_get(struct fly_poller *p, size_t *bytes);
void fly_local_block_put(struct fly_poller *p, uint8_t *block, size_t bytes);

/*
 * fly_local_far_is_away() - has the clerk the far memory of this slot, for a short time? Return:
 * false also if the clerk has had it for call_timeout_ms: fly_local_far_may() refuses it then.
 */
bool fly_local_far_is_away(struct fly_poller *p, struct fly_local_client *of, uint32_t i);

/* fly_local_far_may() - may this slot use @bytes of far memory? Not while the clerk has it. */
bool fly_local_far_may(struct fly_poller *p, struct fly_local_client *of, uint32_t i,
		       uint32_t bytes);

/* fly_local_far_written() - account for so many bytes of a slot's far memory as used. */
void fly_local_far_written(struct fly_poller *p, struct fly_local_client *of, uint32_t i,
			   uint32_t bytes);

#endif
