/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * peers.h - who uses how much of a poller's tables: a count for each peer (peers.c). The essay
 * "Shares" in docs/protocol.md has the rules.
 */
#ifndef FLY_PEERS_H
#define FLY_PEERS_H

#include "fastpath/poller.h"

/*
 * A peer: an address that is proven; or all that came over a link with one peer at its far end; or
 * all callers of a link that have not proven their addresses. It exists while anything is counted
 * to it.
 */
struct fly_peer {
	uint32_t ip;         /* network order; 0: of the link, see above */
	uint8_t link;        /* index of the link */
	uint32_t chain;      /* the next one with the same hash; unused: the next unused one */
	uint32_t n_records;  /* conversation records */
	uint32_t first;      /* its records, linked by `next` of their owners: the oldest */
	uint32_t last;       /* and the newest; FLY_NO_ENTRY: none */
	uint32_t prev, next; /* peers with as many records */
	uint32_t n_gone;     /* activities in p->gone that it closed, in the present generation */
	uint32_t n_bulk;     /* messages of several packets */
	uint32_t bulk_bytes; /* memory of those messages that FLY_BULK_MAX limits */
};

/* The peer of a conversation record, and its neighbours in the list of that peer. By record. */
struct fly_record_owner {
	uint32_t peer;
	uint32_t prev, next;
};

struct fly_peers {
	struct fly_peer *peers;
	struct fly_record_owner *owners;
	uint32_t *hash;       /* heads of chains, by hash */
	uint32_t *by_records; /* heads of lists: the peers with so many records */
	uint32_t mask;        /* of hash */
	uint32_t seed;
	uint32_t n;      /* peers, used or not */
	uint32_t n_free; /* of them, unused */
	uint32_t free;
	uint32_t most;           /* records of the peer that has most */
	uint32_t n_with_records; /* peers that have any */
	uint32_t n_with_bulk;    /* peers with memory of messages */
};

/* fly_peers_new() - for @records conversation records. Return: NULL: no memory. */
struct fly_peers *fly_peers_new(uint32_t records, int socket);
void fly_peers_free(struct fly_peers *t); /* NULL: nothing */

/*
 * fly_peers_get() - find a peer, or begin to count for it. @ip: network order; 0: the link's.
 * Never fails: if no peer is free it is that of the link.
 * fly_peers_put() - it may have nothing any more: then it is forgotten.
 */
struct fly_peer *fly_peers_get(struct fly_peers *t, uint8_t link, uint32_t ip);
void fly_peers_put(struct fly_peers *t, struct fly_peer *peer);

/* fly_peers_ip() - as whom an address counts. */
static inline uint32_t fly_peers_ip(const struct fly_link *link, uint32_t ip, bool is_proven)
{
	return link->is_private || !is_proven ? 0 : ip;
}

/* fly_peers_add_record(), fly_peers_remove_record() - @record: its index. */
void fly_peers_add_record(struct fly_peers *t, struct fly_peer *peer, uint32_t record);
void fly_peers_remove_record(struct fly_peers *t, uint32_t record);

static inline struct fly_peer *fly_peers_of_record(const struct fly_peers *t, uint32_t record)
{
	return &t->peers[t->owners[record].peer];
}

/* fly_peers_most_records() - the peer that has most records; NULL: nobody has any. */
struct fly_peer *fly_peers_most_records(const struct fly_peers *t);

/* fly_peers_newest() - move a record to the end of its peer's list. */
void fly_peers_newest(struct fly_peers *t, uint32_t record);

/* fly_peers_count_bulk() - @before, @now: bytes of one buffer. */
void fly_peers_count_bulk(struct fly_peers *t, struct fly_peer *peer, uint32_t before,
			  uint32_t now);

/* fly_peers_generation() - p->gone begins a generation: nobody has closed anything in it. */
void fly_peers_generation(struct fly_peers *t);

#endif
