/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * find.h - who exports an interface on the network of a link? The question, which goes to all, and
 * the answers (find.c). docs/protocol.md, "Finding servers".
 */
#ifndef FLY_FIND_H
#define FLY_FIND_H

#include "fastpath/poller.h"

#define FLY_FIND_ASKS     3   /* times that a question is sent, at most */
#define FLY_FIND_PAUSE_MS 200 /* from the first time to the second; then twice as long */
#define FLY_FIND_WAIT_MS  100 /* an answer waits for less than this, at random */

#define FLY_FIND_WAYS        64  /* of one question */
#define FLY_FIND_PER_ADDRESS 32  /* findings at one address, at most */
#define FLY_FIND_ANSWER      128 /* answers of a poller in a second, at most */
#define FLY_FIND_LOOKS       16  /* questions that a poller reads in a millisecond, at most */

/* What the payloads of a question and of an answer hold, little-endian. */
#define FLY_FIND_NAME           64 /* then the version, 4 bytes */
#define FLY_FIND_QUESTION_BYTES 68
#define FLY_FIND_ANSWER_BYTES   16 /* instance 8, version 4, UDP port 2, 0: 2 */

static_assert(FLY_FIND_ANSWER_BYTES <= FLY_FIND_QUESTION_BYTES, "nobody can use us to amplify");

/* A link on which a question is sent. */
struct fly_find_way {
	struct fly_link *link;
	uint32_t from; /* udp: link at all addresses: the one it is sent from; else 0 */
};

/* Somebody who exports what is asked for. */
struct fly_finding {
	struct fly_link *link; /* that the answer came over */
	uint32_t ip;           /* network order */
	uint16_t port;         /* of its binder, network order */
	uint32_t version;
	uint64_t instance; /* of its runtime */
};

/* A question of ours. Its owner makes it, and turns the poller until fly_search_step() says so. */
struct fly_search {
	uint8_t name[FLY_FIND_NAME]; /* padded with 0 */
	uint32_t version;            /* FLY_ANY_VERSION: any */
	unsigned n_ways;
	struct fly_find_way ways[FLY_FIND_WAYS];
	uint64_t end_tsc;
	unsigned most; /* findings that there is room for */
	unsigned n;    /* findings */
	struct fly_finding *found;
	/* ---- find.c's ---- */
	uint64_t nonce;
	uint64_t ask_at_tsc;
	unsigned asks;
	LIST_ENTRY(fly_search) next;
};

/*
 * fly_search_begin() - the first part of @s is filled in; answers are taken from now on, until
 * fly_search_end(). On the poller's thread, as the next ones.
 *
 * fly_search_step() - in each turn: ask if it is time to. Return: the search is over.
 */
void fly_search_begin(struct fly_poller *p, struct fly_search *s);
bool fly_search_step(struct fly_poller *p, struct fly_search *s);
void fly_search_end(struct fly_search *s);

/*
 * fly_find_frame() - a frame for another address: is it for the group? Takes it then.
 * @m: passed fly_wire_check_outer() up to the address.
 */
bool fly_find_frame(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m);

/* fly_find_sweep() - once a millisecond: send the answers that are due. */
void fly_find_sweep(struct fly_poller *p);

/* fly_find_forget() - the link is lost: nobody is answered over it. */
void fly_find_forget(struct fly_poller *p, const struct fly_link *link);

#endif
