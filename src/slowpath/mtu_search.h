/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mtu_search.h - the search for how much payload a path takes, after RFC 8899 (packetization layer
 * path MTU discovery), without ICMP. Pure: reads no clock, sends nothing.
 *
 * A path is taken to pass what both ends take, until packets of that size seem to get lost. The
 * search then goes in rounds. In each, two probes are sent: one of the size in question, one
 * without payload. Only a round in which the small one alone is answered says something about the
 * size: a dead peer, an outage or a full queue loses both.
 */
#ifndef FLY_MTU_SEARCH_H
#define FLY_MTU_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#define FLY_MTU_FLOOR 516  /* payload over an MTU of 576: paths that take less are not found */
#define FLY_MTU_BASE  1140 /* over an MTU of 1200, RFC 8899's BASE_PLPMTU: tried first */
#define FLY_MTU_STEP  8    /* the search ends when it knows the size as well as that */

#define FLY_MTU_CONFIRMS 8 /* failed rounds until a size that was in use is given up */
#define FLY_MTU_PROBES   3 /* failed rounds until another size is given up: MAX_PROBES */
#define FLY_MTU_SILENT   8 /* rounds without any answer until the peer is taken for gone */

/* clang-format off */
/*
 * Legal orders of a phase:
 *   CONFIRM -> BASE    the size in use does not arrive
 *   CONFIRM -> SEARCH  it does: a false alarm; the search goes on, if it had not ended
 *   BASE -> SEARCH     a size that arrives was found: the limit falls to it
 *   SEARCH -> DONE     the limit is known well enough
 *   SEARCH or DONE -> CONFIRM  packets of the limit seem to get lost
 *   DONE -> SEARCH     after a while: does the path take more now?
 */
/* clang-format on */
enum fly_mtu_phase {
	FLY_MTU_CONFIRM,
	FLY_MTU_BASING,
	FLY_MTU_SEARCHING,
	FLY_MTU_DONE,
};

/* What a round has changed. */
enum fly_mtu_news {
	FLY_MTU_SAME,
	FLY_MTU_NARROWED, /* messages under way that are longer than the limit begin anew */
	FLY_MTU_WIDENED,  /* later messages may be longer */
	FLY_MTU_OVER,     /* the path takes what both ends take, or nobody is there: forget it */
};

struct fly_mtu_search {
	uint32_t top;   /* payload that both ends take */
	uint32_t limit; /* that messages use: top, or what is known to arrive */
	uint32_t low;   /* the most that is known to arrive */
	uint32_t high;  /* the least that is known not to */
	uint32_t size;  /* of the probe of this round; 0: none, DONE */
	uint8_t phase;  /* enum fly_mtu_phase */
	uint8_t fails;  /* rounds in which the small probe alone was answered, of this size */
	uint8_t silent; /* rounds without an answer, in a row */
	bool is_raise;  /* SEARCHING, after a while: nothing is known to fail */
};

/* fly_mtu_begin() - packets of @top bytes of payload, more than FLY_MTU_FLOOR, seem to get lost. */
void fly_mtu_begin(struct fly_mtu_search *s, uint32_t top);

/* fly_mtu_suspect() - packets of the limit seem to get lost. Return: does a round begin by that? */
bool fly_mtu_suspect(struct fly_mtu_search *s);

/* fly_mtu_raise() - the time has come to look for more; in DONE only. */
void fly_mtu_raise(struct fly_mtu_search *s);

/* fly_mtu_round() - a round has ended. @big, @small: which probes were answered. */
enum fly_mtu_news fly_mtu_round(struct fly_mtu_search *s, bool big, bool small);

#endif
