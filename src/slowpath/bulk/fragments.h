/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fragments.h - the fragments of a message that is being sent or received: which is next, which
 * have arrived, which are lost. Pure: no packets, no memory, no clock.
 *
 * All fragments but the last have the same length, the unit. The receiver learns the unit from the
 * first fragment that arrives; fragment I lies at I * unit. An acknowledgement says how many
 * fragments have arrived, from the first on without a gap, and has a bit for each fragment behind
 * the first gap.
 *
 * The sender numbers its transmissions. A transmission is lost if a later one has arrived that was
 * sent well after it: three transmissions later, or later than reordering explains. This finds
 * lost retransmissions as well (RACK, RFC 8985). The receiver's credit and congestion.h decide how
 * many fragments may be in flight.
 */
#ifndef FLY_FRAGMENTS_H
#define FLY_FRAGMENTS_H

#include <stdbool.h>
#include <stdint.h>

#define FLY_FRAGMENTS_MAX 65535 /* in a message: the field in the header has 16 bits */
#define FLY_SPAN          512   /* window of fragments from the first missing one on */
#define FLY_ORDERS        1024  /* transmissions remembered */
#define FLY_REORDER       3     /* a transmission is lost if one so many later has arrived */

#define FLY_ECHO_NONE 0xffff /* no fragment has caused the acknowledgement */

/* The contents of an acknowledgement. */
struct fly_ack {
	uint32_t arrived;     /* fragments, from the first on without a gap */
	uint32_t credit;      /* fragments taken from there on; 0: not said */
	uint32_t echo;        /* the fragment that caused it; FLY_ECHO_NONE */
	bool echo_again;      /* that fragment was a retransmission */
	bool is_idle;         /* the receiver has got nothing for a while */
	uint32_t n_ahead;     /* bytes at ahead, at most FLY_SPAN / 8 */
	const uint8_t *ahead; /* bit I: fragment arrived + 1 + I has arrived */
};

/* What an acknowledgement has changed. */
struct fly_acked {
	uint32_t n_arrived; /* fragments newly known to have arrived */
	uint32_t n_lost;    /* fragments newly known to be lost */
	uint32_t rtt_tsc;   /* a round trip; 0: not measured */
	bool is_restart;    /* the receiver has forgotten all: everything is sent once more */
};

/* A message that is being sent. Each array is a ring; only fragments in flight have a meaning. */
struct fly_scatter {
	uint32_t bytes;     /* of the message */
	uint32_t unit;      /* bytes of each fragment but the last */
	uint32_t fragments; /* at least 1; 0: there is no message */
	uint32_t acked;     /* fragments that the receiver has, from the first on without a gap */
	uint32_t next;      /* the first fragment not yet sent; at least acked */
	uint32_t most;      /* 1 + the last fragment that was ever sent */
	uint32_t limit;     /* the receiver takes fragments below it */
	uint32_t n_flight;  /* in flight: sent, neither arrived nor lost */
	uint32_t n_lost;    /* lost, not yet sent again */
	uint32_t unasked;   /* sent since the last request for an acknowledgement */
	uint32_t orders;    /* number of the next transmission */
	uint32_t oldest;    /* transmissions before it have arrived or are lost */
	uint32_t newest;    /* 1 + the latest transmission that has arrived; 0: none */
	uint32_t grown;     /* value of orders when acked grew last */
	uint32_t least_tsc; /* the shortest round trip; 0: none was measured */
	/*
	 * All is as it is without losses: the fragments from acked to next were sent once, one
	 * behind the other, and none of them is known to be there. Then acknowledgements of many
	 * fragments are handled at once.
	 */
	bool is_plain;
	uint64_t there[FLY_SPAN / 64]; /* has arrived, behind acked */
	uint64_t lost[FLY_SPAN / 64];
	uint64_t again[FLY_SPAN / 64]; /* was sent more than once */
	uint16_t order[FLY_SPAN];      /* low half of the number of its last transmission */
	struct {
		uint32_t at_tsc; /* low half: wraps after 1.4 s at 3 GHz, long after it settled */
		uint32_t fragment;
	} sent[FLY_ORDERS];
};

/*
 * fly_scatter_fragments() - fragments of a message of @bytes, not 0. May exceed FLY_FRAGMENTS_MAX.
 */
static inline uint32_t fly_scatter_fragments(uint32_t bytes, uint32_t unit)
{
	return (bytes - 1) / unit + 1;
}

/*
 * fly_scatter_begin() - a new message, of which nothing was sent. @bytes and @unit: not 0.
 * @credit: fragments that any receiver takes before it has said anything.
 */
void fly_scatter_begin(struct fly_scatter *s, uint32_t bytes, uint32_t unit, uint32_t credit);

/* fly_scatter_length() - the bytes of a fragment. */
static inline uint32_t fly_scatter_length(const struct fly_scatter *s, uint32_t fragment)
{
	return fragment + 1 < s->fragments ? s->unit : s->bytes - fragment * s->unit;
}

/* fly_scatter_is_ready() - does the receiver allow to send a fragment now? */
static inline bool fly_scatter_is_ready(const struct fly_scatter *s)
{
	return (s->n_lost != 0 ||
		(s->next < s->fragments && s->next < s->limit && s->next < s->acked + FLY_SPAN)) &&
	       s->orders - s->oldest < FLY_ORDERS;
}

/* fly_scatter_pick() - the fragment to be sent next. The message is ready. */
uint32_t fly_scatter_pick(const struct fly_scatter *s);

/*
 * fly_scatter_sent() - the picked fragment was sent.
 * @every: request an acknowledgement after so many fragments. @is_end: nothing more is sent now.
 * Return: should this fragment request an acknowledgement?
 */
bool fly_scatter_sent(struct fly_scatter *s, uint32_t fragment, uint64_t now_tsc, uint32_t every,
		      bool is_end);

/* fly_scatter_run() - how many fragments, from `next` on, may be sent now for the first time. */
static inline uint32_t fly_scatter_run(const struct fly_scatter *s)
{
	uint32_t end = s->fragments < s->limit ? s->fragments : s->limit;
	const uint32_t orders = FLY_ORDERS - (s->orders - s->oldest);

	if (s->n_lost != 0 || s->next < s->most)
		return 0;
	end = end < s->acked + FLY_SPAN ? end : s->acked + FLY_SPAN;
	if (end <= s->next)
		return 0;
	return end - s->next < orders ? end - s->next : orders;
}

/* fly_scatter_sent_next() - as fly_scatter_sent(), for the next fragment of a run. */
static inline bool fly_scatter_sent_next(struct fly_scatter *s, uint64_t now_tsc, uint32_t every,
					 bool is_end)
{
	const uint32_t fragment = s->next++;
	bool asks;

	s->most = s->next;
	s->order[fragment % FLY_SPAN] = (uint16_t)s->orders;
	s->sent[s->orders % FLY_ORDERS].at_tsc = (uint32_t)now_tsc;
	s->sent[s->orders++ % FLY_ORDERS].fragment = fragment;
	s->n_flight++;
	asks = ++s->unasked >= every || is_end;
	if (asks)
		s->unasked = 0;
	return asks;
}

/* fly_scatter_shown() - a fragment was sent that is not counted as in flight. */
static inline void fly_scatter_shown(struct fly_scatter *s, uint32_t fragment)
{
	if (s->most <= fragment)
		s->most = fragment + 1;
}

/* fly_scatter_is_again() - was this fragment sent before? */
static inline bool fly_scatter_is_again(const struct fly_scatter *s, uint32_t fragment)
{
	return fragment < s->most;
}

/*
 * fly_scatter_acked() - an acknowledgement has come. @what: set to what it has changed.
 * Return: false: it is impossible or says nothing new; nothing has changed.
 */
bool fly_scatter_acked(struct fly_scatter *s, const struct fly_ack *ack, uint64_t now_tsc,
		       struct fly_acked *what);

/*
 * fly_scatter_lost_all() - take fragments for lost that were sent @age_tsc ago or earlier.
 * Return: how many.
 */
uint32_t fly_scatter_lost_all(struct fly_scatter *s, uint64_t now_tsc, uint64_t age_tsc);

/*
 * fly_scatter_probe() - nothing is heard: take the oldest fragment in flight for lost. It will be
 * sent again, and its acknowledgement tells what else is lost. Return: was there one?
 */
bool fly_scatter_probe(struct fly_scatter *s);

/* fly_scatter_shift() - after an absence: count fragments in flight as sent @tsc later. */
void fly_scatter_shift(struct fly_scatter *s, uint64_t tsc);

/* fly_scatter_stop() - the receiver has the whole message. */
void fly_scatter_stop(struct fly_scatter *s);

/* fly_scatter_end() - there is no message. */
static inline void fly_scatter_end(struct fly_scatter *s)
{
	s->fragments = s->acked = s->next = s->n_flight = s->n_lost = 0;
}

/* A message that is being received. */
struct fly_gather {
	uint32_t fragments;            /* 0: nothing has come yet */
	uint32_t unit;                 /* bytes of each fragment but the last */
	uint32_t limit;                /* bytes of the message at most */
	uint32_t arrived;              /* fragments, from the first on without a gap */
	uint32_t top;                  /* 1 + the last fragment that has arrived */
	uint32_t last_bytes;           /* bytes of the last fragment; 0: not arrived */
	uint64_t ahead[FLY_SPAN / 64]; /* ring: fragments behind the first gap that have arrived */
};

/* What a fragment means. */
enum fly_gathered {
	FLY_GATHER_NEW,   /* new: copy it to fragment * unit */
	FLY_GATHER_AGAIN, /* it has arrived before */
	FLY_GATHER_WRONG, /* does not fit the others, or too far ahead: nothing changed */
	FLY_GATHER_LONG,  /* the message is longer than its limit: nothing changed */
};

/*
 * fly_gather_begin() - begin a message with the first fragment that arrives.
 * @fragment: below @fragments, which is at least 2. @bytes: of this fragment. @limit: of the
 * message.
 * Return: NEW: *g is ready for fly_gather_take(), which is still to be called; LONG; WRONG, also
 * for the last fragment, which does not tell the unit.
 */
enum fly_gathered fly_gather_begin(struct fly_gather *g, uint32_t fragment, uint32_t fragments,
				   uint32_t bytes, uint32_t limit);

/*
 * fly_gather_take() - account for a fragment.
 * @gap_changed: set for NEW: the fragment fills a gap, or has one in front of it. The sender is to
 * be told.
 * Return: what it means; only NEW changes *g.
 */
enum fly_gathered fly_gather_take(struct fly_gather *g, uint32_t fragment, uint32_t fragments,
				  uint32_t bytes, bool *gap_changed);

/*
 * fly_gather_is_shortened() - does this fragment begin the message anew, in more and shorter ones?
 * Never the last one, which does not tell the unit. A message that was shortened is not lengthened
 * again: late fragments of before change nothing.
 */
static inline bool fly_gather_is_shortened(const struct fly_gather *g, uint32_t fragment,
					   uint32_t fragments, uint32_t bytes)
{
	return fragments > g->fragments && fragment + 1 < fragments && bytes < g->unit &&
	       bytes != 0;
}

/*
 * fly_gather_next() - account for a whole fragment of a message in which nothing is missing.
 * Return: was it the next one, and not the last? If not, nothing has changed.
 */
static inline bool fly_gather_next(struct fly_gather *g, uint32_t fragment)
{
	if (fragment != g->arrived || fragment != g->top || fragment + 1 >= g->fragments)
		return false;
	g->arrived = g->top = fragment + 1;
	return true;
}

/*
 * fly_gather_ahead() - the bits of an acknowledgement: the fragments behind the first gap.
 * @bytes: room for FLY_SPAN / 8. Return: how many of them have a meaning.
 */
uint32_t fly_gather_ahead(const struct fly_gather *g, uint8_t *bytes);

/* fly_gather_room() - the bytes of the whole message, at most. */
static inline uint32_t fly_gather_room(const struct fly_gather *g)
{
	const uint64_t room = (uint64_t)g->fragments * g->unit;

	return room < g->limit ? (uint32_t)room : g->limit;
}

static inline bool fly_gather_is_whole(const struct fly_gather *g)
{
	return g->fragments != 0 && g->arrived == g->fragments;
}

/* fly_gather_bytes() - the bytes of a message that is whole. */
static inline uint32_t fly_gather_bytes(const struct fly_gather *g)
{
	return (g->fragments - 1) * g->unit + g->last_bytes;
}

#endif
