/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fragments.h - a message of several fragments, on its way out and on its way in: which fragment
 * is next, which ones are there. Pure: no packets, no memory, no clock.
 *
 * All fragments but the last have the same length, the unit; the receiver learns it from the first
 * one that it gets, so that fragment I lies at I * unit. What the receiver has without a gap is
 * acknowledged as a number of fragments. For now the window is fixed, and what is lost is sent
 * again from there on: selective acknowledgements, credit and congestion control would replace
 * fly_scatter_window(), fly_scatter_acked() and fly_scatter_rewind(), and nothing else.
 */
#ifndef FLY_FRAGMENTS_H
#define FLY_FRAGMENTS_H

#include <stdbool.h>
#include <stdint.h>

#define FLY_FRAGMENTS_MAX 65535 /* in a message: what the header can say */
#define FLY_WINDOW        16    /* fragments of a message under way, at most; 1: stop and wait */
#define FLY_WINDOWS       32    /* of all messages that a poller sends, as long as each has 2 */
#define FLY_GATHER_AHEAD  64    /* fragments behind a gap that are taken; at least FLY_WINDOW */

/* A message on its way out. */
struct fly_scatter {
	uint32_t bytes;     /* of the message */
	uint32_t unit;      /* bytes of each fragment but the last */
	uint32_t fragments; /* at least 1; 0: there is no message */
	uint32_t acked;     /* that the receiver has, from the first on */
	uint32_t next;      /* the fragment to be sent next; at least acked, or the last one */
	uint32_t most;      /* next was never higher: what is below has been sent before */
};

/* fly_scatter_fragments() - how many a message of @bytes, not 0, takes. May be above the maximum.
 */
static inline uint32_t fly_scatter_fragments(uint32_t bytes, uint32_t unit)
{
	return (bytes - 1) / unit + 1;
}

/* fly_scatter_begin() - none is sent. @bytes and @unit: not 0. */
void fly_scatter_begin(struct fly_scatter *s, uint32_t bytes, uint32_t unit);

/* fly_scatter_window() - fragments that each of @n_sending messages may have under way. */
uint32_t fly_scatter_window(uint32_t n_sending);

/* fly_scatter_ready() - may the fragment `next` be sent? */
static inline bool fly_scatter_ready(const struct fly_scatter *s, uint32_t window)
{
	return s->next < s->fragments && s->next < s->acked + window;
}

/* Bytes of a fragment. */
static inline uint32_t fly_scatter_length(const struct fly_scatter *s, uint32_t fragment)
{
	return fragment + 1 < s->fragments ? s->unit : s->bytes - fragment * s->unit;
}

/* fly_scatter_wants_ack() - should the receiver answer to the one that was just sent? */
bool fly_scatter_wants_ack(const struct fly_scatter *s, uint32_t window);

/*
 * fly_scatter_acked() - the receiver says that it has the first @n.
 * Return: false: that is nothing new, or they were never sent; nothing has changed.
 */
bool fly_scatter_acked(struct fly_scatter *s, uint32_t n);

/*
 * fly_scatter_rewind() - nothing was heard for too long: go on from the first fragment that is not
 * acknowledged; or, if all are, with the last one, to ask for the answer to the whole.
 */
void fly_scatter_rewind(struct fly_scatter *s);

/* fly_scatter_stop() - the receiver is known to have all of it. */
static inline void fly_scatter_stop(struct fly_scatter *s)
{
	s->acked = s->fragments;
	s->next = s->fragments;
	s->most = s->fragments;
}

/* fly_scatter_end() - there is no message. */
static inline void fly_scatter_end(struct fly_scatter *s)
{
	*s = (struct fly_scatter){0};
}

/* A message on its way in. */
struct fly_gather {
	uint32_t fragments;  /* 0: nothing has come yet */
	uint32_t unit;       /* bytes of each but the last */
	uint32_t limit;      /* bytes of the message at most */
	uint32_t arrived;    /* fragments, from the first on without a gap */
	uint32_t last_bytes; /* of the last one; 0: it is not there */
	uint64_t ahead;      /* bit I: fragment arrived + I is there; bit 0 is not set */
};

/* What became of a fragment. */
enum fly_gathered {
	FLY_GATHER_NEW,   /* to be copied to fragment * unit */
	FLY_GATHER_AGAIN, /* it is there already */
	FLY_GATHER_WRONG, /* it does not fit to the others, or is too far ahead: nothing changed */
	FLY_GATHER_LONG,  /* the message is longer than its limit: nothing changed */
};

/*
 * fly_gather_begin() - may a message begin with this fragment, the first to arrive?
 * @fragment: below @fragments, which is 2 at least. @bytes: of this one. @limit: of the message.
 * Return: NEW: *g is ready for fly_gather_take(), which is still to be called; WRONG, also for
 * the last fragment of all, which does not say what the unit is; LONG.
 */
enum fly_gathered fly_gather_begin(struct fly_gather *g, uint32_t fragment, uint32_t fragments,
				   uint32_t bytes, uint32_t limit);

/* fly_gather_take() - account for a fragment. Return: what became of it; only NEW changes *g. */
enum fly_gathered fly_gather_take(struct fly_gather *g, uint32_t fragment, uint32_t fragments,
				  uint32_t bytes);

/* Bytes that the whole takes at most. */
static inline uint32_t fly_gather_room(const struct fly_gather *g)
{
	const uint64_t room = (uint64_t)g->fragments * g->unit;

	return room < g->limit ? (uint32_t)room : g->limit;
}

static inline bool fly_gather_is_whole(const struct fly_gather *g)
{
	return g->fragments != 0 && g->arrived == g->fragments;
}

/* Bytes of a whole message. */
static inline uint32_t fly_gather_bytes(const struct fly_gather *g)
{
	return (g->fragments - 1) * g->unit + g->last_bytes;
}

#endif
