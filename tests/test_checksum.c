/* SPDX-License-Identifier: BSD-3-Clause */
/* test_checksum.c - what both ends of a link tell each other about UDP checksums. */
#include <criterion/criterion.h>

#include "slowpath/checksum.h"

static struct fly_link link_of(enum fly_checksum how, bool has_one_peer, bool demands)
{
	struct fly_link link = {.has_one_peer = has_one_peer, .demands_checksum = demands};

	fly_link_set_checksum(&link, how);
	return link;
}

static unsigned seal_of(const struct fly_link *link)
{
	return atomic_load_explicit(&link->seal, memory_order_relaxed);
}

Test(checksum, fly_checksum_say__nothing_unless_it_is_out_of_the_ordinary)
{
	const struct fly_link vhost = link_of(FLY_CHECKSUM_NONE, true, false);
	const struct fly_link nic = link_of(FLY_CHECKSUM_HARDWARE, false, false);
	const struct fly_link off = link_of(FLY_CHECKSUM_NONE, false, false);
	const struct fly_link on = link_of(FLY_CHECKSUM_SOFTWARE, false, true);
	const struct fly_link vhost_on = link_of(FLY_CHECKSUM_SOFTWARE, true, true);

	cr_expect(fly_checksum_say(&vhost) == 0 && fly_checksum_say(&nic) == 0);
	cr_expect(fly_checksum_say(&off) == FLY_CHECKSUM_SAYS_NONE);
	cr_expect(fly_checksum_say(&on) == FLY_CHECKSUM_SAYS_DEMANDED);
	cr_expect(fly_checksum_say(&vhost_on) == FLY_CHECKSUM_SAYS_DEMANDED);
}

Test(checksum, fly_checksum_agree__unless_one_demands_what_the_other_never_sends)
{
	const uint32_t words[] = {0, FLY_CHECKSUM_SAYS_DEMANDED, FLY_CHECKSUM_SAYS_NONE, 4};

	for (unsigned i = 0; i < 4; i++) {
		for (unsigned j = 0; j < 4; j++) {
			enum fly_checksum_agreement want = FLY_CHECKSUM_AGREED;

			if (i == 1 && j == 2)
				want = FLY_CHECKSUM_THEY_SEND_NONE;
			if (i == 2 && j == 1)
				want = FLY_CHECKSUM_WE_SEND_NONE;
			cr_expect(fly_checksum_agree(words[i], words[j]) == want, "%u, %u", i, j);
		}
	}
}

Test(checksum, fly_checksum_heard__the_only_peer_gets_what_it_demands)
{
	struct fly_link link = link_of(FLY_CHECKSUM_NONE, true, false);

	fly_checksum_heard(&link, FLY_CHECKSUM_SAYS_DEMANDED | 4);
	cr_expect(seal_of(&link) == FLY_CHECKSUM_SOFTWARE);
	cr_expect(link.checksum == FLY_CHECKSUM_NONE, "nothing more is verified");
	fly_checksum_heard(&link, 0);
	cr_expect(seal_of(&link) == FLY_CHECKSUM_NONE, "the next peer does not");
}

Test(checksum, fly_checksum_heard__one_of_many_changes_nothing)
{
	struct fly_link off = link_of(FLY_CHECKSUM_NONE, false, false);
	struct fly_link nic = link_of(FLY_CHECKSUM_HARDWARE, false, false);
	struct fly_link on = link_of(FLY_CHECKSUM_SOFTWARE, true, true);

	fly_checksum_heard(&off, FLY_CHECKSUM_SAYS_DEMANDED);
	fly_checksum_heard(&nic, 0);
	fly_checksum_heard(&on, 0);
	cr_expect(seal_of(&off) == FLY_CHECKSUM_NONE);
	cr_expect(seal_of(&nic) == FLY_CHECKSUM_HARDWARE);
	cr_expect(seal_of(&on) == FLY_CHECKSUM_SOFTWARE, "as it was told");
}
