/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fragments.h - a message of several fragments, on its way out and on its way in: which fragment
 * is next, which ones are there, which ones were lost. Pure: no packets, no memory, no clock.
 *
 * All fragments but the last have the same length, the unit; the receiver learns it from the first
 * one that it gets, so that fragment I lies at I * unit. What the receiver has is acknowledged as a
 * number, from the first on without a gap, and a bit for each fragment behind the first gap.
 *
 * The sender numbers its transmissions. What was sent well before something that has arrived, and
 * has not arrived itself, is lost: three later transmissions, or a time that reordering does not
 * take. That finds lost retransmissions as well (RACK, RFC 8985). How many may be under way is
 * not decided here, but by the receiver's credit, and by congestion.h.
 */
#ifndef FLY_FRAGMENTS_H
#define FLY_FRAGMENTS_H

#include <stdbool.h>
#include <stdint.h>

#define FLY_FRAGMENTS_MAX 65535 /* in a message: what the header can say */
#define FLY_SPAN          512 /* fragments from the first missing one on that are taken, and sent */
#define FLY_ORDERS        1024 /* transmissions that are remembered */
#define FLY_REORDER       3    /* so many later ones have arrived: it is lost */

#define FLY_ECHO_NONE 0xffff /* an acknowledgement that no fragment has caused */

/* What an acknowledgement says. */
struct fly_ack {
	uint32_t arrived; /* fragments, from the first on without a gap */
	uint32_t credit;  /* fragments from there on that the receiver takes; 0: it does not say */
	uint32_t echo;    /* the fragment that has caused it; FLY_ECHO_NONE */
	bool echo_again;  /* that one was sent again */
	bool is_idle;     /* nothing has come for a while */
	uint32_t n_ahead; /* bytes at ahead, at most FLY_SPAN / 8 */
	const uint8_t *ahead; /* bit I: fragment arrived + 1 + I is there */
};

/* What became of an acknowledgement. */
struct fly_acked {
	uint32_t n_arrived; /* fragments that had not been known to have arrived */
	uint32_t n_lost;    /* found to be lost */
	uint32_t rtt_tsc;   /* a round trip; 0: it does not tell */
	bool is_restart;    /* the receiver has forgotten what it had: all is sent once more */
};

/* A message on its way out. The arrays are rings: only what is under way has a meaning. */
struct fly_scatter {
	uint32_t bytes;     /* of the message */
	uint32_t unit;      /* bytes of each fragment but the last */
	uint32_t fragments; /* at least 1; 0: there is no message */
	uint32_t acked;     /* that the receiver has, from the first on */
	uint32_t next;      /* never sent from here on; at least acked */
	uint32_t most;      /* next was never higher: what is below has been sent before */
	uint32_t limit;     /* the receiver takes those below */
	uint32_t n_flight;  /* sent, and neither known to have arrived nor to be lost */
	uint32_t n_lost;    /* lost, and not yet sent again */
	uint32_t unasked;   /* sent since one has asked for an acknowledgement */
	uint32_t orders;    /* transmissions; the number of the next one */
	uint32_t oldest;    /* those before are settled */
	uint32_t newest;    /* one more than the latest that is known to have arrived; 0: none */
	uint32_t grown;     /* orders, when acked grew last */
	uint32_t least_tsc; /* the shortest round trip; 0: none was measured */
	uint64_t there[FLY_SPAN / 64]; /* behind acked, has arrived */
	uint64_t lost[FLY_SPAN / 64];
	uint64_t again[FLY_SPAN / 64]; /* was sent more than once */
	uint16_t order[FLY_SPAN];      /* of its last transmission, the low half */
	struct {
		uint32_t
			at_tsc; /* the low half: 1.4 s at 3 GHz, older ones were settled long ago */
		uint32_t fragment;
	} sent[FLY_ORDERS];
};

/* fly_scatter_fragments() - how many a message of @bytes, not 0, takes. May be above the maximum.
 */
static inline uint32_t fly_scatter_fragments(uint32_t bytes, uint32_t unit)
{
	return (bytes - 1) / unit + 1;
}

/*
 * fly_scatter_begin() - none is sent. @bytes and @unit: not 0.
 * @credit: fragments that any receiver takes before it has said anything.
 */
void fly_scatter_begin(struct fly_scatter *s, uint32_t bytes, uint32_t unit, uint32_t credit);

/* Bytes of a fragment. */
static inline uint32_t fly_scatter_length(const struct fly_scatter *s, uint32_t fragment)
{
	return fragment + 1 < s->fragments ? s->unit : s->bytes - fragment * s->unit;
}

/* fly_scatter_is_ready() - is there one that may be sent, as far as the receiver is concerned? */
static inline bool fly_scatter_is_ready(const struct fly_scatter *s)
{
	return (s->n_lost != 0 ||
		(s->next < s->fragments && s->next < s->limit && s->next < s->acked + FLY_SPAN)) &&
	       s->orders - s->oldest < FLY_ORDERS;
}

/* fly_scatter_pick() - of a message that is ready, the fragment to be sent now. */
uint32_t fly_scatter_pick(const struct fly_scatter *s);

/*
 * fly_scatter_sent() - that one was sent.
 * @every: ask for an acknowledgement after so many. @is_end: nothing more is sent for now.
 * Return: it is to ask for an acknowledgement.
 */
bool fly_scatter_sent(struct fly_scatter *s, uint32_t fragment, uint64_t now_tsc, uint32_t every,
		      bool is_end);

/* fly_scatter_shown() - one was sent besides, whether or not it was its turn. */
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
 * fly_scatter_acked() - the receiver says what it has.
 * Return: false: that is nothing new, or it is impossible; nothing has changed.
 */
bool fly_scatter_acked(struct fly_scatter *s, const struct fly_ack *ack, uint64_t now_tsc,
		       struct fly_acked *what);

/* fly_scatter_lost_all() - what was sent @age_tsc ago or earlier is lost. Return: how many. */
uint32_t fly_scatter_lost_all(struct fly_scatter *s, uint64_t now_tsc, uint64_t age_tsc);

/*
 * fly_scatter_probe() - nothing is heard: the first fragment under way is taken for lost, so that
 * it is sent again and asks for an acknowledgement, which tells the rest. Return: was there one?
 */
bool fly_scatter_probe(struct fly_scatter *s);

/* fly_scatter_shift() - what is under way was sent @tsc later: nobody looked at the clock. */
void fly_scatter_shift(struct fly_scatter *s, uint64_t tsc);

/* fly_scatter_stop() - the receiver is known to have all of it. */
void fly_scatter_stop(struct fly_scatter *s);

/* fly_scatter_end() - there is no message. */
static inline void fly_scatter_end(struct fly_scatter *s)
{
	s->fragments = s->acked = s->next = s->n_flight = s->n_lost = 0;
}

/* A message on its way in. */
struct fly_gather {
	uint32_t fragments;            /* 0: nothing has come yet */
	uint32_t unit;                 /* bytes of each but the last */
	uint32_t limit;                /* bytes of the message at most */
	uint32_t arrived;              /* fragments, from the first on without a gap */
	uint32_t top;                  /* one more than the last that is there */
	uint32_t last_bytes;           /* of the last one; 0: it is not there */
	uint64_t ahead[FLY_SPAN / 64]; /* ring; those behind the first gap that are there */
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

/*
 * fly_gather_take() - account for a fragment.
 * @is_odd: set for NEW: the sender should know: it fills a gap, or there is one in front of it.
 * Return: what became of it; only NEW changes *g.
 */
enum fly_gathered fly_gather_take(struct fly_gather *g, uint32_t fragment, uint32_t fragments,
				  uint32_t bytes, bool *is_odd);

/*
 * fly_gather_ahead() - what an acknowledgement says of the fragments behind the first gap.
 * @bytes: FLY_SPAN / 8 of them. Return: how many have a meaning.
 */
uint32_t fly_gather_ahead(const struct fly_gather *g, uint8_t *bytes);

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
