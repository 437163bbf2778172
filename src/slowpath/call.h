/* SPDX-License-Identifier: BSD-3-Clause */
/* call.h - admission of calls (call.c). */
#ifndef FLY_CALL_H
#define FLY_CALL_H

#include "fastpath/poller.h"

struct fly_worker_pool;

/*
 * fly_call_admit() - the checks of docs/protocol.md up to "is this call new?", for a call of one
 * packet or a fragment of a call.
 * Return: the record, and *export, of a call that is new or may run again; NULL: the packet is
 * gone.
 */
struct fly_conversation *fly_call_admit(struct fly_poller *p, struct fly_link *link,
					struct rte_mbuf *m, const struct fly_header *h,
					const struct fly_export **export);

/*
 * fly_call_has_worker_room() - would a call run on a worker, or may it wait? Refuses a waiting call
 * of a peer that has more than its share, if need be.
 */
bool fly_call_has_worker_room(struct fly_poller *p, const struct fly_conversation *c,
			      struct fly_worker_pool *pool);

/* Runs when a call names a procedure number that the export does not have. */
extern const struct fly_procedure fly_call_no_procedure;

#endif
