/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * demux.c - what a received packet is, check by check, and the counter if it is dropped.
 *
 * Called from demux.h for packets that are not plain: on links with checksums for all, on others
 * for those that have a checksum. Hands the packet to its handler, or to the slow path through
 * slow.h. Changes no state itself.
 */
#include "fastpath/demux.h"

/* Return: 0: the packet is for us, *h is filled in; else the failed check's counter, negated. */
static int check(const struct fly_link *link, const struct rte_mbuf *m, struct fly_header *h)
{
	const uint8_t *frame = fly_packet_frame(m);
	int why;

	if (!fly_packet_is_plain(m))
		return -(int)FLY_COUNT_drop_segments;
	why = fly_wire_check_outer(frame, m->data_len, link->ip, link->udp_port);
	if (why)
		return why;
	why = fly_link_verify(link, m);
	if (why)
		return why;
	why = fly_wire_decode(frame + FLY_RPC, fly_get_be16(frame + FLY_IP_LENGTH) - 28U, h);
	if (why)
		return why;
	/* In an acknowledgement `fragment` is a count, which may be that of all fragments. */
	if (h->fragment >= h->fragments &&
	    !(h->type == FLY_PACKET_ACK && h->fragment == h->fragments && h->fragment != 0))
		return -(int)FLY_COUNT_drop_fragments;
	return 0;
}

void fly_demux(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m)
{
	struct fly_header h = {0};
	int why;

	if (unlikely(m->nb_segs > 1) && link->comes_in_pieces)
		fly_packet_join(m);
	why = check(link, m, &h);
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
#define FLY_PACKET_CASE(type, plain, slow, several)                \
	case FLY_PACKET_##type:                                    \
		if (h.fragments != 1)                              \
			several;                                   \
		else if ((h.flags & ~FLY_FLAG_RESENT) || !(plain)) \
			slow;                                      \
		return;
		FLY_PACKETS(FLY_PACKET_CASE)
#undef FLY_PACKET_CASE
	default:
		fly_slow_frame(p, link, m, -(int)FLY_COUNT_drop_type);
	}
}
