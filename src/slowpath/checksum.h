/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * checksum.h - what the two ends of a binding tell each other about UDP checksums (checksum.c).
 *
 * A link sends them or not by its kind, and accepts packets without. Only a link that is told
 * checksum=on demands them: it drops calls and results without. Whoever makes a binding with it
 * learns that from the binder. A link with one peer (vhost, memif), which sends none, computes
 * them from then on. A link with many peers sends none only if it is told checksum=off; then the
 * import fails.
 */
#ifndef FLY_SLOWPATH_CHECKSUM_H
#define FLY_SLOWPATH_CHECKSUM_H

#include "fastpath/link.h"

/* In Bind of the binder. */
#define FLY_CHECKSUM_SAYS_DEMANDED 1 /* what has none is dropped */
#define FLY_CHECKSUM_SAYS_NONE     2 /* none are sent, also to those that demand them */

enum fly_checksum_agreement {
	FLY_CHECKSUM_AGREED,
	FLY_CHECKSUM_THEY_SEND_NONE, /* and we demand them */
	FLY_CHECKSUM_WE_SEND_NONE,   /* and they do */
};

/* fly_checksum_say() - what a peer of this link is told. */
uint32_t fly_checksum_say(const struct fly_link *link);

/* fly_checksum_agree() - by what both said; bits that are not known say nothing. Pure. */
enum fly_checksum_agreement fly_checksum_agree(uint32_t ours, uint32_t theirs);

/*
 * fly_checksum_heard() - from now on packets to the only peer of this link are as it says. If it
 * goes away that stays: its bindings may come back without saying it again. Any poller's thread.
 */
void fly_checksum_heard(struct fly_link *link, uint32_t theirs);

#endif
