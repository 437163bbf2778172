/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local/astack.h - A-stacks: the memory that one client and one server of this machine share.
 *
 * Each binding over the local link has three pieces of memory. The near memory has a head with the
 * bell, a line per slot (fastpath/slot.h) and an area per slot, for arguments or results that do
 * not fit into the line. The far memory has room for the longest arguments per slot, the memory of
 * results for the longest results. Both have pages only from the first write until the clerk
 * (local/clerk.c) gives them back. The layout is in docs/protocol.md.
 *
 * The other side may change anything in near and far memory at any time. The client cannot write
 * the memory of results, so a procedure writes them there. A value that decides something is
 * read once, into a local variable, and checked there. The server keeps its own state of a slot
 * elsewhere: local/server.h.
 */
#ifndef FLY_ASTACK_H
#define FLY_ASTACK_H

#include <firefly/stub.h>

#include "fastpath/slot.h"

#define FLY_ASTACK_SLOTS         64   /* of one binding, at most: the bell has 64 bits */
#define FLY_ASTACK_SLOTS_DEFAULT 16   /* if the export does not say */
#define FLY_ASTACK_AREA          8192 /* bytes for arguments or results, beside each slot */
#define FLY_ASTACK_FAR           FLY_MESSAGE_MAX
#define FLY_ASTACK_STRIDE        128 /* a pair of cache lines: processors fetch lines in pairs */
#define FLY_ASTACK_SLOT          sizeof(struct fly_slot)
#define FLY_ASTACK_PAGE          4096

/* Where the arguments or results of a slot are: fly_slot.kind. */
enum fly_astack_place {
	FLY_ASTACK_IN_LINE, /* in the slot's line: up to FLY_SLOT_BYTES */
	FLY_ASTACK_IN_AREA, /* up to FLY_ASTACK_AREA */
	FLY_ASTACK_IS_FAR,  /* up to FLY_MESSAGE_MAX: arguments in far memory, results in theirs */
	FLY_ASTACK_PLACES
};

/* The owner of a slot's far memory, and of that of its results. */
enum fly_astack_far {
	FLY_FAR_FREE,
	FLY_FAR_USED,  /* the client, from the Starter to the Ender; or it holds a result */
	FLY_FAR_TAKEN, /* the clerk, while it gives the pages back */
};

/* The first page of the near memory. */
struct fly_astack_head {
	/* A bit per slot that has a call and that the server did not poll. */
	_Alignas(FLY_ASTACK_STRIDE) _Atomic uint64_t bell;
	/* Written by the server: its poller sleeps. A client that rings must also send a byte. */
	_Alignas(FLY_ASTACK_STRIDE) _Atomic uint32_t asleep;
	_Alignas(FLY_ASTACK_STRIDE) _Atomic uint8_t far[FLY_ASTACK_SLOTS]; /* enum fly_astack_far */
	uint32_t poller; /* its index in the life page; set before the client has the memory */
};

static_assert(sizeof(struct fly_astack_head) == 384, "see docs/protocol.md");

static inline struct fly_slot *fly_astack_slot(uint8_t *near, uint32_t i)
{
	return (struct fly_slot *)(void *)(near + FLY_ASTACK_PAGE + i * FLY_ASTACK_SLOT);
}

/* Offset of the areas in a binding of @slots slots. */
static inline size_t fly_astack_areas_at(uint32_t slots)
{
	const size_t bytes = FLY_ASTACK_PAGE + slots * FLY_ASTACK_SLOT;

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

/* Size of a place in bytes. @place: below FLY_ASTACK_PLACES. */
static inline uint32_t fly_astack_room(uint32_t place)
{
	static const uint32_t rooms[FLY_ASTACK_PLACES] = {FLY_SLOT_BYTES, FLY_ASTACK_AREA,
							  FLY_ASTACK_FAR};

	return rooms[place];
}

/* The place for a message of @bytes bytes. */
static inline enum fly_astack_place fly_astack_place(uint32_t bytes)
{
	if (bytes <= FLY_SLOT_BYTES)
		return FLY_ASTACK_IN_LINE;
	return bytes <= FLY_ASTACK_AREA ? FLY_ASTACK_IN_AREA : FLY_ASTACK_IS_FAR;
}

/* A binding's memory, as one side has mapped it. Not shared itself. */
struct fly_astack_memory {
	uint8_t *near;
	uint8_t *far;
	uint8_t *results;  /* as long as far memory; at the client's only to be read */
	size_t near_bytes; /* as mapped: a multiple of the page size */
	size_t far_bytes;
	uint32_t slots;
};

static inline struct fly_astack_head *fly_astack_head(const struct fly_astack_memory *m)
{
	return (struct fly_astack_head *)(void *)m->near;
}

/* Address of the arguments of a slot, or of results that are near. */
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

/* Address of the results of a slot. */
static inline uint8_t *fly_astack_results(const struct fly_astack_memory *m, uint32_t i,
					  enum fly_astack_place place)
{
	return place == FLY_ASTACK_IS_FAR ? m->results + (size_t)i * FLY_ASTACK_FAR
					  : fly_astack_bytes(m, i, place);
}

/*
 * Arguments that come
 *
 * A client may hand a call over before all of its far arguments are written: both sides copy at the
 * same time. The slot's line says how many bytes from the first on are there. If these are not
 * all, a number in the slot's area, which holds nothing else meanwhile, says how many are there by
 * now. It only grows. fly_astack_come() is that number; the client sets it before each such call.
 */
static inline void fly_astack_set_there(struct fly_slot *slot, uint32_t bytes)
{
	fly_put_u32(slot->bytes, bytes);
}

static inline uint32_t fly_astack_there(const struct fly_slot *slot)
{
	return fly_take_u32(slot->bytes);
}

static inline _Atomic uint32_t *fly_astack_come(const struct fly_astack_memory *m, uint32_t i)
{
	return (_Atomic uint32_t *)(void *)fly_astack_bytes(m, i, FLY_ASTACK_IN_AREA);
}

/* Read a field that the other side can change: once. */
#define FLY_ASTACK_READ(field)         __atomic_load_n(&(field), __ATOMIC_RELAXED)
#define FLY_ASTACK_WRITE(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELAXED)

/* fly_astack_copy() - memcpy() from or to memory that the other side may write meanwhile. */
#if defined(__SANITIZE_THREAD__)
#define FLY_ASTACK_WORDWISE 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define FLY_ASTACK_WORDWISE 1
#endif
#endif
#ifdef FLY_ASTACK_WORDWISE
/* The race is intended: the receiver checks what it copied, or the side that wrote loses. */
void fly_astack_copy(uint8_t *to, const uint8_t *from, size_t bytes);
#else
static inline void fly_astack_copy(uint8_t *to, const uint8_t *from, size_t bytes)
{
	fly_copy(to, from, bytes);
}
#endif

#endif
