/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * neighbour.h - the hardware addresses of a link's peers and gateways (neighbour.c, which has the
 * essay "Neighbours").
 */
#ifndef FLY_NEIGHBOUR_H
#define FLY_NEIGHBOUR_H

#include "fastpath/binding.h"

/* When an address is asked for. */
#define FLY_ASK_FIRST_MS 10    /* from the first question to the second; then twice as long */
#define FLY_ASK_MOST_MS  1000  /* at most, from one question to the next */
#define FLY_ASK_AGAIN_MS 200   /* from an answer to the next question */
#define FLY_ASK_LATE_MS  3000  /* an answer that comes later is one that nobody asked for */
#define FLY_ASK_CALM_MS  10000 /* who was not asked for so long is asked quickly again */
#define FLY_KNOWN_MS     5000  /* for so long an import believes an answer of before */

/*
 * fly_neighbour_want() - look for the address of a neighbour, which stays in the table from now on.
 * fly_neighbour_give() gives it back. @ip: on the link, network order.
 * Return: is_known: its address is fresh. NULL: as many are being looked for already.
 */
struct fly_neighbour *fly_neighbour_want(struct fly_poller *p, struct fly_link *link, uint32_t ip);
void fly_neighbour_give(struct fly_neighbour *n);

/* fly_neighbour_ask() - ask for it, if it is time to. For whoever waits, in each turn. */
void fly_neighbour_ask(struct fly_poller *p, struct fly_neighbour *n);

/*
 * fly_neighbour_answer() - somebody says who has an address. Believed if it was asked for: bindings
 * and calls under way then send there. Return: was it believed?
 */
bool fly_neighbour_answer(struct fly_poller *p, struct fly_link *link, uint32_t ip,
			  const uint8_t mac[6]);

/*
 * fly_neighbour_rumour() - a frame that answers no question says who has an address. If we know
 * the address with another owner, that is a reason to ask.
 */
void fly_neighbour_rumour(struct fly_poller *p, struct fly_link *link, uint32_t ip,
			  const uint8_t mac[6]);

/* fly_neighbour_silent() - a call of this binding is sent again, not for the first time. */
void fly_neighbour_silent(struct fly_poller *p, struct fly_import *import);

/* fly_neighbours_forget() - nothing is known of a link's neighbours any more. */
void fly_neighbours_forget(struct fly_poller *p, const struct fly_link *link);

#endif
