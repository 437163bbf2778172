/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * checksum.c - see checksum.h. Owns seal of struct fly_link once the link is open, also of other
 * pollers' links. Called when a binder is asked or answers.
 */
#include "slowpath/checksum.h"

uint32_t fly_checksum_say(const struct fly_link *link)
{
	if (link->demands_checksum)
		return FLY_CHECKSUM_SAYS_DEMANDED;
	return link->checksum == FLY_CHECKSUM_NONE && !link->has_one_peer && !link->udp
		       ? FLY_CHECKSUM_SAYS_NONE
		       : 0;
}

enum fly_checksum_agreement fly_checksum_agree(uint32_t ours, uint32_t theirs)
{
	if ((ours & FLY_CHECKSUM_SAYS_DEMANDED) && (theirs & FLY_CHECKSUM_SAYS_NONE))
		return FLY_CHECKSUM_THEY_SEND_NONE;
	if ((theirs & FLY_CHECKSUM_SAYS_DEMANDED) && (ours & FLY_CHECKSUM_SAYS_NONE))
		return FLY_CHECKSUM_WE_SEND_NONE;
	return FLY_CHECKSUM_AGREED;
}

void fly_checksum_heard(struct fly_link *link, uint32_t theirs)
{
	const bool demands = theirs & FLY_CHECKSUM_SAYS_DEMANDED;

	if (link->has_one_peer && link->checksum == FLY_CHECKSUM_NONE)
		atomic_store_explicit(&link->seal,
				      demands ? FLY_CHECKSUM_SOFTWARE : FLY_CHECKSUM_NONE,
				      memory_order_relaxed);
}
