/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * payload.h - how much payload one packet to the far end of a link may have (payload.c). The essay
 * "How long packets are" in docs/protocol.md has the rules.
 */
#ifndef FLY_PAYLOAD_H
#define FLY_PAYLOAD_H

#include "fastpath/poller.h"

#define FLY_PAYLOAD_LEAST  68   /* of an MTU of 128: whoever says less means this */
#define FLY_PAYLOAD_UNSAID 1440 /* what anybody takes: of a peer that has said nothing */

/*
 * fly_payload_agree() - the largest payload that both ends take. Pure.
 * @ours: by our MTU. @theirs: as the peer says, unchecked; 0: it says nothing.
 * Return: at most @ours; at least FLY_PAYLOAD_LEAST, unless @ours is less.
 */
uint16_t fly_payload_agree(uint16_t ours, uint32_t theirs);

/* fly_payload_init() - a link whose peers have said nothing. @own: by our MTU. */
void fly_payload_init(struct fly_link *link, uint16_t own);

/* Who says what it takes. */
struct fly_payload_word {
	uint32_t theirs;    /* unchecked; 0: it says nothing */
	uint32_t ip;        /* network order; not looked at if the link has one peer */
	bool is_proven;     /* that the address is the peer's */
	uint32_t checksums; /* as fly_checksum_say() of the peer; 0: it says nothing */
};

/* fly_payload_heard() - from now on packets to that peer are as it says. Any poller's thread. */
void fly_payload_heard(struct fly_link *link, const struct fly_payload_word *word);

/*
 * fly_payload_agreed_to() - bytes of payload in one packet that this peer takes, and we. @ip:
 * network order.
 */
uint32_t fly_payload_agreed_to(const struct fly_link *link, uint32_t ip);

/* fly_payload_to() - the same, and the path to it as well, as far as it is known: path_mtu.h. */
uint32_t fly_payload_to(const struct fly_link *link, uint32_t ip);

/*
 * fly_payload_own() - bytes of payload in one packet of this peer that we take: payload_own, or
 * less if the way there is known to take less. What the peer is told. On the link's poller.
 */
uint16_t fly_payload_own(const struct fly_link *link, uint32_t ip);

/*
 * fly_payload_unsaid() - what a peer that has said nothing takes, and we; of a link with one peer,
 * what that one has said.
 */
uint32_t fly_payload_unsaid(const struct fly_link *link);

/*
 * fly_payload_narrow() - plain packets of a link with many peers have at most @least bytes of
 * payload from now on; UINT32_MAX: as many as anybody takes. On the link's poller.
 */
void fly_payload_narrow(struct fly_link *link, uint32_t least);

/* fly_payload_forget() - the peer is gone; the next one may take less. On the link's poller. */
void fly_payload_forget(struct fly_poller *p, struct fly_link *link);

#endif
