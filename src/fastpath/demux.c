/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * demux.c - what a received packet is, and whose: one row per packet type.
 *
 * Called by the poller for each packet; hands it on, or leaves through slow.h. Changes nothing
 * itself.
 */
#include "fastpath/slow.h"

/* type    handler for a packet that passed the checks */
#define FLY_PACKETS(X)                               \
	X(CALL, fly_server_call(p, link, m, &h))     \
	X(RESULT, fly_caller_result(p, link, m, &h)) \
	X(REJECT, fly_slow_packet(p, link, m, &h, 0))

void fly_demux(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m)
{
	const uint8_t *frame = fly_packet_frame(m);
	struct fly_header h;
	int why;

	fly_packet_fence(m);
	if (unlikely(!fly_packet_is_plain(m))) {
		fly_slow_frame(p, link, m, -(int)FLY_COUNT_drop_segments);
		return;
	}
	why = fly_wire_check_outer(frame, m->data_len, link->ip, link->udp_port);
	if (unlikely(why)) {
		fly_slow_frame(p, link, m, why);
		return;
	}
	if (unlikely(link->checksum != FLY_CHECKSUM_NONE && !fly_link_intact(link, m))) {
		fly_slow_frame(p, link, m, -(int)FLY_COUNT_drop_checksum);
		return;
	}
	why = fly_wire_decode(frame + FLY_RPC, fly_get_be16(frame + FLY_IP_LENGTH) - 28U, &h);
	if (unlikely(why)) {
		fly_slow_packet(p, link, m, &h, why);
		return;
	}
	switch (h.type) {
#define FLY_PACKET_CASE(type, handler) \
	case FLY_PACKET_##type:        \
		handler;               \
		return;
		FLY_PACKETS(FLY_PACKET_CASE)
#undef FLY_PACKET_CASE
	default:
		fly_slow_packet(p, link, m, &h, -(int)FLY_COUNT_drop_type);
	}
}
