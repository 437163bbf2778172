/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * demux.h - dispatches received packets: one row per packet type, the hit inlined.
 *
 * All that is not plainly a call or result for us goes to fly_demux() (demux.c).
 */
#ifndef FLY_DEMUX_H
#define FLY_DEMUX_H

#include "fastpath/receiver.h"
#include "fastpath/server.h"

/* clang-format off */
/* type        true: it took a plain packet  otherwise                          one of several packets */
#define FLY_PACKETS(X)                                                                              \
	X(CALL,   fly_serve_plain(p, link, m),   fly_slow_call(p, link, m, &h), fly_slow_call_fragment(p, link, m, &h)) \
	X(RESULT, fly_receive_plain(p, link, m), fly_slow_result(p, m, &h),     fly_slow_result_fragment(p, link, m, &h))     \
	X(EXCEPTION, false,                      fly_slow_result(p, m, &h),     fly_slow_result_fragment(p, link, m, &h))     \
	X(REJECT, false,                         fly_slow_rejected(p, m, &h),   fly_slow_frame(p, link, m, -(int)FLY_COUNT_drop_fragments)) \
	X(ACK,    false,                         fly_slow_ack(p, link, m, &h),  fly_slow_ack(p, link, m, &h)) \
	X(PROBE,  false,                         fly_slow_probe(p, link, m, &h), fly_slow_probe(p, link, m, &h)) \
	X(CANCEL, false,                         fly_slow_cancel(p, link, m, &h), fly_slow_cancel(p, link, m, &h)) \
	X(CHALLENGE, false,                      fly_slow_challenge(p, m, &h),  fly_slow_challenge(p, m, &h)) \
	X(ANSWER, false,                         fly_slow_answer(p, link, m, &h), fly_slow_frame(p, link, m, -(int)FLY_COUNT_drop_fragments)) \
	X(CLOSE,  false,                         fly_slow_close(p, link, m, &h), fly_slow_frame(p, link, m, -(int)FLY_COUNT_drop_fragments))
/* clang-format on */

static_assert(FLY_RPC == FLY_UDP_CHECKSUM + 2, "both are compared at once");

/* fly_demux_plain() - hand a packet to its handler, which takes it. */
static __rte_always_inline void fly_demux_plain(struct fly_poller *p, struct fly_link *link,
						struct rte_mbuf *m)
{
	const uint8_t *frame = fly_packet_frame(m);

	fly_packet_fence(m);
	if (likely(fly_wire_is_plain(frame, m->data_len, link->ip, link->udp_port) &&
		   m->nb_segs == 1 && link->checksum == FLY_CHECKSUM_NONE)) {
		/*
		 * UDP checksum, version, type and flags in one comparison, but for FLY_FLAG_RESENT.
		 * A checksum that is there is verified: fly_demux().
		 */
		switch (fly_get_u32(frame + FLY_UDP_CHECKSUM) &
			~((uint32_t)FLY_FLAG_RESENT << 24)) {
#define FLY_PACKET_HIT(type, plain, slow, several)              \
	case (FLY_WIRE_VERSION << 4 | FLY_PACKET_##type) << 16: \
		if (likely(plain))                              \
			return;                                 \
		break;
			FLY_PACKETS(FLY_PACKET_HIT)
#undef FLY_PACKET_HIT
		}
	}
	fly_demux(p, link, m);
}

#endif
