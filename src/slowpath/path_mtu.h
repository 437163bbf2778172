/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * path_mtu.h - paths that may take less than both of their ends: what they take, and the probes
 * that find it out (path_mtu.c). The essay "Paths that take less" in docs/protocol.md has the
 * rules.
 */
#ifndef FLY_PATH_MTU_H
#define FLY_PATH_MTU_H

#include "fastpath/binding.h"
#include "fastpath/poller.h"
#include "slowpath/mtu_search.h"

/* A path under suspicion, or known to take less. In its link's list `narrow`; the poller's. */
struct fly_path_mtu {
	LIST_ENTRY(fly_path_mtu) next;
	uint32_t ip;       /* of the peer, network order */
	uint32_t round;    /* number of the round under way, or of the last one */
	uint64_t nonce;    /* in probes and their answers: nobody else knows it */
	uint64_t sent_tsc; /* when the probes of the round were sent */
	uint64_t due_tsc;  /* when the round ends, or the limit is looked at again */
	uint64_t rtt_tsc;  /* of a probe; 0: none was answered yet */
	bool small_came;   /* the small probe of the round was answered */
	bool is_graced;    /* the round was put off by an absence */
	struct fly_mtu_search search;
	uint8_t front[FLY_RPC]; /* outer headers of probes */
};

/*
 * fly_path_mtu_limit() - bytes of payload in one packet to this peer, as far as the path is known;
 * UINT32_MAX: nothing is.
 */
uint32_t fly_path_mtu_limit(const struct fly_link *link, uint32_t ip);

/* fly_path_mtu_settle() - both ends of a binding take @agreed bytes of payload. */
void fly_path_mtu_settle(struct fly_import *import, uint32_t agreed);

/*
 * fly_path_mtu_suspect() - a packet of @bytes of payload seems to get lost, again and again. Its
 * peer may be sent more than came from it. @front: the outer headers of packets to it.
 */
void fly_path_mtu_suspect(struct fly_poller *p, struct fly_link *link, const uint8_t *front,
			  uint32_t bytes);

/*
 * fly_path_mtu_suspect_caller() - the same, of a result. If its caller's address is not proven, the
 * next copy of the call is challenged first.
 */
void fly_path_mtu_suspect_caller(struct fly_poller *p, struct fly_link *link,
				 struct fly_conversation *c, const uint8_t *front, uint32_t bytes);

/* fly_path_mtu_suspect_repeat() - of a result that was not kept. @m: the copy of its call. */
void fly_path_mtu_suspect_repeat(struct fly_poller *p, struct fly_link *link,
				 const struct rte_mbuf *m, struct fly_conversation *c);

/* fly_path_mtu_answered() - an answer to a probe. Return: does it say anything new? */
bool fly_path_mtu_answered(struct fly_poller *p, struct fly_link *link, const uint8_t *frame,
			   const struct fly_header *h);

/* fly_path_mtu_due() - p->path_mtu_due_tsc has come. */
void fly_path_mtu_due(struct fly_poller *p);

/* fly_path_mtu_absent() - the poller was not turned for @absent_tsc: no round ends by that. */
void fly_path_mtu_absent(struct fly_poller *p, uint64_t absent_tsc);

/* fly_path_mtu_forget() - of a link that is lost, or has another address. */
void fly_path_mtu_forget(struct fly_poller *p, struct fly_link *link);

#endif
