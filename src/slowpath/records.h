/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * records.h - opening, finding and forgetting conversation records (records.c).
 */
#ifndef FLY_RECORDS_H
#define FLY_RECORDS_H

#include "fastpath/poller.h"

/*
 * Forgetting safely (docs/protocol.md, "At most once"). L: no packet lives longer, host queues
 * included. K: a record is kept at least so long after its last call. A call without a record runs
 * only if its age + L < K. A copy that arrives after the record was forgotten was sent at least K
 * - L after the first transmission, so its age rejects it.
 */
#define FLY_PACKET_LIFE_MS 10000 /* L */
#define FLY_RECORD_KEEP_MS 60000 /* K, at least 2 L */

/*
 * A poller's clock stands still while nobody turns the poller, so a record may be stamped too
 * early by as much as this. Records are kept for so much longer. A longer absence does not count:
 * see "Absence" in absence.c.
 */
#define FLY_ABSENCE_MS (FLY_PACKET_LIFE_MS / 2)

/*
 * fly_conversations_init() - @n free records and the hash table for calls without a good hint.
 * @retained_max: packets that results may hold. @name: makes the name of the hash table unique.
 * Return: 0 or -FLY_ENOMEM, nothing left behind.
 */
int fly_conversations_init(struct fly_conversation_table *t, uint32_t n, uint32_t retained_max,
			   const char *name, int socket);

/* fly_conversations_free() - free the retained packets, then the tables. */
void fly_conversations_free(struct fly_poller *p);

/* fly_conversation_find() - by activity alone, through the hash table; NULL: none. */
struct fly_conversation *fly_conversation_find(const struct fly_conversation_table *t,
					       uint64_t activity);

/* fly_conversation_lookup() - by the hint, or through the hash table; NULL: none. */
struct fly_conversation *fly_conversation_lookup(struct fly_poller *p, const struct fly_header *h);

/*
 * fly_conversation_of_peer() - the same, for a packet that must come from the address of the
 * record's caller.
 * Return: NULL: *why is the counter of the drop.
 */
struct fly_conversation *fly_conversation_of_peer(struct fly_poller *p, const struct fly_link *link,
						  const struct rte_mbuf *m,
						  const struct fly_header *h,
						  enum fly_counter *why);

/*
 * fly_conversation_open() - a record for a new activity; its peer is the source of @frame. In a
 * full table a peer that has more than its share gives way to one that has less.
 * @is_proven: the peer receives at that address.
 * Return: KNOWN, its seq just before that of @h; NULL: the table is full.
 */
struct fly_conversation *fly_conversation_open(struct fly_poller *p, const struct fly_link *link,
					       const uint8_t *frame, const struct fly_header *h,
					       bool is_proven);

/* fly_conversation_prove() - the caller has proven its address: the record counts as its own. */
void fly_conversation_prove(struct fly_poller *p, struct fly_conversation *c);

/* fly_conversation_peer() - to whom the record is counted. */
struct fly_peer *fly_conversation_peer(const struct fly_poller *p,
				       const struct fly_conversation *c);

/*
 * fly_conversation_close() - the caller sends nothing more of this activity: give its record back,
 * at once or when its call has ended. Return: false: later, by its age.
 */
bool fly_conversation_close(struct fly_poller *p, struct fly_conversation *c);

/* Was the record of an activity given back before its time? No call of it may run then. */
enum fly_gone {
	FLY_GONE_NOT,     /* no */
	FLY_GONE_NOT_RUN, /* yes; this call has not run */
	FLY_GONE_MAYBE,   /* yes; this call may have run */
};

/* fly_conversation_gone() - for a call without a record. */
enum fly_gone fly_conversation_gone(const struct fly_poller *p, const struct fly_header *h);

/*
 * fly_conversations_spare_results() - as many results are retained as may be: let some go of the
 * peer that has most, if that is not the one of @c. Return: did any go?
 */
bool fly_conversations_spare_results(struct fly_poller *p, const struct fly_conversation *c);

/*
 * fly_conversation_refuse() - mark call @seq, later than the newest, as refused: neither it nor a
 * copy of it will run. Frees what is kept of earlier calls. Not while RUNNING.
 */
void fly_conversation_refuse(struct fly_poller *p, struct fly_conversation *c, uint32_t seq);

/* fly_conversation_forget() - free what a record holds, make it FREE. Not while RUNNING. */
void fly_conversation_forget(struct fly_poller *p, struct fly_conversation *c);

/* fly_conversations_forget_link() - forget the records of a link whose peer is gone. */
void fly_conversations_forget_link(struct fly_poller *p, const struct fly_link *link);

/*
 * fly_conversations_absent() - the poller was not turned for @absent_ms. If that is more than
 * FLY_ABSENCE_MS no record becomes older by it: copies of calls may have waited all the time.
 */
void fly_conversations_absent(struct fly_poller *p, uint32_t absent_ms);

/* fly_conversations_sweep() - forget records older than K; looks at a bounded number. */
void fly_conversations_sweep(struct fly_poller *p);

#endif
