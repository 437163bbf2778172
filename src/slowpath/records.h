/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * records.h - opening, finding and forgetting conversation records (records.c).
 */
#ifndef FLY_RECORDS_H
#define FLY_RECORDS_H

#include "fastpath/poller.h"

/*
 * Forgetting safely (DESIGN, "At most once"). L: no packet lives longer than this, host queues
 * included. K: a record is kept at least so long after its last call. A call without a record
 * runs only if its age + L < K: a copy that comes after the record went was sent at least K - L
 * after the first transmission, so its age gives it away.
 */
#define FLY_PACKET_LIFE_MS 10000 /* L */
#define FLY_RECORD_KEEP_MS 60000 /* K, at least 2 L */

/*
 * A poller's clock stands still while nobody turns it, so that a record may be stamped too early
 * by as much as this; records are kept for so much longer. A longer absence does not count.
 */
#define FLY_ABSENCE_MS (FLY_PACKET_LIFE_MS / 2)

/*
 * fly_conversations_init() - @n free records and the hash table behind missed hints.
 * @retained_max: packets that results may hold. @name: makes the hash table's name unique.
 * Return: 0 or -FLY_ENOMEM, nothing left behind.
 */
int fly_conversations_init(struct fly_conversation_table *t, uint32_t n, uint32_t retained_max,
			   const char *name, int socket);

/* fly_conversations_free() - let go of retained packets, then of the tables. */
void fly_conversations_free(struct fly_poller *p);

/* fly_conversation_find() - by activity alone, through the hash table; NULL: none. */
struct fly_conversation *fly_conversation_find(const struct fly_conversation_table *t,
					       uint64_t activity);

/* fly_conversation_lookup() - a caller's record: by the hint or through the hash table; NULL. */
struct fly_conversation *fly_conversation_lookup(struct fly_poller *p, const struct fly_header *h);

/*
 * fly_conversation_of_peer() - the same, of a packet that must come from where the record's caller
 * lives. Return: NULL: *why says why there is none.
 */
struct fly_conversation *fly_conversation_of_peer(struct fly_poller *p, const struct fly_link *link,
						  const struct rte_mbuf *m,
						  const struct fly_header *h,
						  enum fly_counter *why);

/*
 * fly_conversation_open() - a record for a new activity that called from @frame's source.
 * Return: KNOWN, its seq just before @h's; NULL: the table is full.
 */
struct fly_conversation *fly_conversation_open(struct fly_poller *p, const struct fly_link *link,
					       const uint8_t *frame, const struct fly_header *h);

/*
 * fly_conversation_refuse() - a later call than the newest will not run, nor will a copy of it.
 * What is kept of earlier ones goes. Not while RUNNING.
 */
void fly_conversation_refuse(struct fly_poller *p, struct fly_conversation *c, uint32_t seq);

/* fly_conversation_forget() - let go of its packet, make it FREE. Not while RUNNING. */
void fly_conversation_forget(struct fly_poller *p, struct fly_conversation *c);

/* fly_conversations_forget_link() - all that came over a link whose peer is gone. */
void fly_conversations_forget_link(struct fly_poller *p, const struct fly_link *link);

/*
 * fly_conversations_absent() - the poller was not turned for so long. Copies of calls may have
 * waited for it all the time: an absence above FLY_ABSENCE_MS makes no record older.
 */
void fly_conversations_absent(struct fly_poller *p, uint32_t absent_ms);

/* fly_conversations_sweep() - forget what is older than K, looking at a bounded piece. */
void fly_conversations_sweep(struct fly_poller *p);

#endif
