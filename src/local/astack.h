/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * astack.h - A-stacks: the memory that one client and one server of this machine share, and what
 * the server's poller keeps of it.
 *
 * A binding over the local link is two pieces of memory of its own. The near one has a line with
 * the bell, a line per slot (slot.h) and behind them an area per slot for arguments or results
 * that do not fit into the line. The far one has room for the longest message per slot, of which no
 * memory exists until something is written, nor after the clerk (local/clerk.c) has given
 * it back. The layout is in docs/protocol.md.
 *
 * Everything in there may be changed by the other side at any time: what decides something is read
 * once, into a local variable, and checked there. The server's own knowledge of a slot is
 * outside, in struct fly_local_client.
 */
#ifndef FLY_ASTACK_H
#define FLY_ASTACK_H

#include <sys/queue.h>

#include <firefly/stub.h>

#include "fastpath/slot.h"

#define FLY_ASTACK_SLOTS         64   /* of one binding, at most: the bits of a bell */
#define FLY_ASTACK_SLOTS_DEFAULT 16   /* if its export does not say */
#define FLY_ASTACK_AREA          8192 /* bytes for arguments or results, beside each slot */
#define FLY_ASTACK_FAR           FLY_MESSAGE_MAX
#define FLY_ASTACK_STRIDE        128 /* a slot has a pair of lines: processors fetch them in pairs */
#define FLY_ASTACK_PAGE          4096

/* Where arguments and results are: fly_slot.kind. */
enum fly_astack_place {
	FLY_ASTACK_IN_LINE, /* in the slot: up to FLY_SLOT_BYTES */
	FLY_ASTACK_IN_AREA, /* up to FLY_ASTACK_AREA */
	FLY_ASTACK_IS_FAR,  /* up to FLY_MESSAGE_MAX */
	FLY_ASTACK_PLACES
};

/* Who has the far memory of a slot. */
enum fly_astack_far {
	FLY_FAR_FREE,
	FLY_FAR_USED,  /* the client, from the Starter to the Ender; or a result is in it */
	FLY_FAR_TAKEN, /* the clerk, while it gives its pages back */
};

/* The first page of the near memory. */
struct fly_astack_head {
	/* A bit per slot that was handed to the server while it did not look at it. */
	_Alignas(FLY_ASTACK_STRIDE) _Atomic uint64_t bell;
	/* Written by the server: its poller sleeps; whoever rings sends a byte over the socket. */
	_Alignas(FLY_ASTACK_STRIDE) _Atomic uint32_t asleep;
	_Alignas(FLY_ASTACK_STRIDE) _Atomic uint8_t far[FLY_ASTACK_SLOTS]; /* enum fly_astack_far */
};

static_assert(sizeof(struct fly_astack_head) == 384, "see docs/protocol.md");

static inline struct fly_slot *fly_astack_slot(uint8_t *near, uint32_t i)
{
	return (struct fly_slot *)(void *)(near + FLY_ASTACK_PAGE + (size_t)i * FLY_ASTACK_STRIDE);
}

/* Where the areas begin, for a binding of so many slots. */
static inline size_t fly_astack_areas_at(uint32_t slots)
{
	const size_t bytes = FLY_ASTACK_PAGE + (size_t)slots * FLY_ASTACK_STRIDE;

	return (bytes + FLY_ASTACK_PAGE - 1) & ~(size_t)(FLY_ASTACK_PAGE - 1);
}

static inline size_t fly_astack_near_bytes(uint32_t slots)
{
	return fly_astack_areas_at(slots) + (size_t)slots * FLY_ASTACK_AREA;
}

static inline size_t fly_astack_far_bytes(uint32_t slots)
{
	return (size_t)slots * FLY_ASTACK_FAR;
}

/* How many bytes there is room for. @place: below FLY_ASTACK_PLACES. */
static inline uint32_t fly_astack_room(uint32_t place)
{
	static const uint32_t rooms[FLY_ASTACK_PLACES] = {FLY_SLOT_BYTES, FLY_ASTACK_AREA,
							  FLY_ASTACK_FAR};

	return rooms[place];
}

/* Where so many bytes go. */
static inline enum fly_astack_place fly_astack_place(uint32_t bytes)
{
	if (bytes <= FLY_SLOT_BYTES)
		return FLY_ASTACK_IN_LINE;
	return bytes <= FLY_ASTACK_AREA ? FLY_ASTACK_IN_AREA : FLY_ASTACK_IS_FAR;
}

/* What both sides know of a binding's memory; made when it is bound, and not shared itself. */
struct fly_astack_memory {
	uint8_t *near;
	uint8_t *far;
	size_t near_bytes; /* as mapped: whole pages of its kind */
	size_t far_bytes;
	uint32_t slots;
};

static inline struct fly_astack_head *fly_astack_head(const struct fly_astack_memory *m)
{
	return (struct fly_astack_head *)(void *)m->near;
}

/* Where the arguments or results of a slot lie. */
static inline uint8_t *fly_astack_bytes(const struct fly_astack_memory *m, uint32_t i,
					enum fly_astack_place place)
{
	switch (place) {
	case FLY_ASTACK_IN_LINE:
		return fly_astack_slot(m->near, i)->bytes;
	case FLY_ASTACK_IN_AREA:
		return m->near + fly_astack_areas_at(m->slots) + (size_t)i * FLY_ASTACK_AREA;
	default:
		return m->far + (size_t)i * FLY_ASTACK_FAR;
	}
}

/* Read a field of the slot that the other side can change: once. */
#define FLY_ASTACK_READ(field)         __atomic_load_n(&(field), __ATOMIC_RELAXED)
#define FLY_ASTACK_WRITE(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELAXED)

/* fly_astack_copy() - memcpy from or to memory that the other side may be writing to meanwhile. */
#if defined(__SANITIZE_THREAD__)
#define FLY_ASTACK_WORDWISE 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define FLY_ASTACK_WORDWISE 1
#endif
#endif
#ifdef FLY_ASTACK_WORDWISE
/* That is a data race, and meant to be: what was copied is checked, or is the other side's loss. */
void fly_astack_copy(uint8_t *to, const uint8_t *from, size_t bytes);
#else
static inline void fly_astack_copy(uint8_t *to, const uint8_t *from, size_t bytes)
{
	fly_copy(to, from, bytes);
}
#endif

/* ---- the server's side ---------------------------------------------------------------------- */

struct fly_poller;

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

/* What a poller has of the local link. */
struct fly_astack_desk {
	uint32_t n_polled;
	uint32_t n;    /* clients */
	uint32_t next; /* whose bell is looked at next */
	uint32_t turn;
	struct fly_local_client **clients;
	struct fly_local_polled polled[FLY_LOCAL_POLLED];
	/* ---- seldom ---- */
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
 * fly_slow_local_turn() - look at the slots that were used lately, and at the next bells; run the
 * procedures of what is found. Return: how many ran.
 */
unsigned fly_slow_local_turn(struct fly_poller *p);

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

/*
 * fly_slow_local_prepare_sleep() - the poller is about to sleep: it looks at nothing any more, and
 * who rings is to wake it by its socket. Return: false: there is something to do, it stays awake.
 * fly_slow_local_end_sleep(): it is awake.
 */
bool fly_slow_local_prepare_sleep(struct fly_poller *p);
void fly_slow_local_end_sleep(struct fly_poller *p);

/* ---- what it needs of the slow path --------------------------------------------------------- */

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
