/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * demux.c - what a received packet is, check by check, and under which name it is dropped.
 *
 * Called from demux.h for what is not plain at first sight, and on links with checksums for all.
 * Hands the packet on, or leaves through slow.h. Changes nothing itself.
 */
#include "fastpath/demux.h"

/* The first check that a frame fails, as a negated counter; 0: it is ours, and *h is filled in. */
static int check(const struct fly_link *link, const struct rte_mbuf *m, struct fly_header *h)
{
	const uint8_t *frame = fly_packet_frame(m);
	int why;

	if (!fly_packet_is_plain(m))
		return -(int)FLY_COUNT_drop_segments;
	why = fly_wire_check_outer(frame, m->data_len, link->ip, link->udp_port);
	if (why)
		return why;
	if (link->checksum != FLY_CHECKSUM_NONE && !fly_link_intact(link, m))
		return -(int)FLY_COUNT_drop_checksum;
	why = fly_wire_decode(frame + FLY_RPC, fly_get_be16(frame + FLY_IP_LENGTH) - 28U, h);
	if (why)
		return why;
	/* An acknowledgement says how many there are: that may be all of them. */
	if (h->fragment >= h->fragments &&
	    !(h->type == FLY_PACKET_ACK && h->fragment == h->fragments && h->fragment != 0))
		return -(int)FLY_COUNT_drop_fragments;
	return 0;
}

void fly_demux(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m)
{
	struct fly_header h = {0};
	const int why = check(link, m, &h);

	fly_packet_fence(m);
	if (why == -(int)FLY_COUNT_drop_version) {
		fly_slow_version(p, link, m, &h);
		return;
	}
	if (why) {
		fly_slow_frame(p, link, m, why);
		return;
	}
	switch (h.type) {
#define FLY_PACKET_CASE(type, plain, odd, part)                    \
	case FLY_PACKET_##type:                                    \
		if (h.fragments != 1)                              \
			part;                                      \
		else if ((h.flags & ~FLY_FLAG_RESENT) || !(plain)) \
			odd;                                       \
		return;
		FLY_PACKETS(FLY_PACKET_CASE)
#undef FLY_PACKET_CASE
	default:
		fly_slow_frame(p, link, m, -(int)FLY_COUNT_drop_type);
	}
}
