/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stats.h - the counters of a poller. Every packet that is not delivered is counted under a name.
 *
 * Written by the poller's thread only, read by any thread. Each increment is a relaxed load and a
 * relaxed store: as cheap as a plain increment, and no data race.
 */
#ifndef FLY_STATS_H
#define FLY_STATS_H

#include <stdatomic.h>
#include <stdint.h>

/*   name                 about */
#define FLY_COUNTERS(X)                                                                            \
	X(rx_packets, "packets received")                                                          \
	X(tx_packets, "packets handed to a driver")                                                \
	X(calls_started, "calls sent for the first time")                                          \
	X(calls_returned, "calls that ended with a result packet")                                 \
	X(calls_failed, "calls that ended without a result packet")                                \
	X(calls_served, "calls whose server stub ran here")                                        \
	X(calls_unreadable, "served calls whose arguments could not be read")                      \
	X(calls_no_memory, "served calls for whose arguments there was no memory")                 \
	X(calls_excepted, "served calls that raised an exception of their interface")              \
	X(calls_raised, "served calls that ended with another error of the procedure")             \
	X(calls_wrong_results, "served calls whose results broke their own bounds")                \
	X(calls_no_procedure, "calls for a procedure that the interface does not have")            \
	X(resent_calls, "call packets sent again")                                                 \
	X(probes_sent, "probes: does the server still work on a call, has a caller its result")    \
	X(path_probes_sent, "probes: does a packet of this length arrive")                         \
	X(paths_narrowed, "paths that were found to take shorter packets than before")             \
	X(paths_widened, "paths that were found to take longer packets than before")               \
	X(round_trips, "calls of which the round trip was measured")                               \
	X(resent_results, "results sent again for a repeated call")                                \
	X(fragments_sent, "packets of large calls and results")                                    \
	X(fragments_resent, "of them, sent again")                                                 \
	X(fragments_received, "packets of large calls and results that were taken")                \
	X(acks_sent, "acknowledgements of such packets")                                           \
	X(acks_received, "acknowledgements that said something new")                               \
	X(cancels_sent, "calls of which the server was told that the caller has gone")             \
	X(cancels_received, "calls that were cancelled before or while they ran")                  \
	X(challenges_sent, "callers asked to prove their address")                                 \
	X(challenges_answered, "calls sent again with the token that was asked for")               \
	X(calls_parked, "calls that came while a procedure let its poller receive")                \
	X(calls_on_workers, "of the served calls, run by workers")                                 \
	X(calls_queued, "calls that waited for a worker")                                          \
	X(slots_missed, "calls between threads that nobody was told of: must be 0")                \
	X(local_bound, "clients of this machine that were let in")                                 \
	X(local_ended, "clients of this machine that have gone")                                   \
	X(local_refused, "clients of this machine that were not let in")                           \
	X(local_rings, "times that a client of this machine has rung")                             \
	X(local_revoked, "clients of this machine that broke the rules")                           \
	X(local_faults, "clients of this machine whose memory was not there")                      \
	X(conversations_opened, "callers that got a conversation record")                          \
	X(conversations_ended, "conversation records forgotten")                                   \
	X(conversations_closed, "of them, whose callers ended their bindings")                     \
	X(conversations_evicted, "of them, of a peer that had more than its share")                \
	X(results_evicted, "results let go early, of a peer that had more than its share")         \
	X(bulk_evicted, "large calls and results let go early, as above")                          \
	X(calls_evicted, "calls that waited for a worker and were refused, as above")              \
	X(closes_sent, "activities whose servers were told that they have ended")                  \
	X(closes_received, "activities whose callers said that they have ended")                   \
	X(hint_misses, "calls whose hint did not lead to their record")                            \
	X(arp_answered, "ARP requests answered")                                                   \
	X(arp_ignored, "ARP that asks for another address, or answers what was not asked")         \
	X(arp_learned, "ARP replies that resolved an address")                                     \
	X(arp_asked, "ARP requests sent")                                                          \
	X(questions_sent, "times that all of a network were asked who exports an interface")       \
	X(questions_ignored, "such questions of others, for what is not exported here")            \
	X(answers_sent, "such questions of others that were answered")                             \
	X(answers_received, "answers to such questions of ours")                                   \
	X(peers_moved, "peers or gateways that were found at another hardware address")            \
	X(links_changed, "times that a link got another address, MTU or route")                    \
	X(sleeps_ended, "sleeps of the poller that a packet ended")                                \
	X(turns_lent, "times that a waiting thread turned the poller for its own thread")          \
	X(passed_on, "packets received for another poller of ours, and passed on to it")           \
	X(tx_fragmented, "packets longer than their way, which the kernel has cut into fragments") \
	X(links_lost, "links whose peer went away")                                                \
	X(links_robbed, "peers that took away memory that they had shared")                        \
	X(links_returned, "links that came back")                                                  \
	X(reject_stale, "calls refused: export identifier of an earlier start")                    \
	X(reject_version, "calls refused: another protocol version")                               \
	X(reject_full, "calls refused: no room for another conversation, call or result")          \
	X(reject_busy, "of them, because all workers were busy and too many calls waited")         \
	X(reject_forgotten, "calls refused: too old to tell whether they ran")                     \
	X(reject_limited, "refusals, challenges, repeated results not sent: over a limit")         \
	X(drop_short, "frame shorter than its headers")                                            \
	X(drop_not_ip, "neither IPv4 nor ARP")                                                     \
	X(drop_other_vlan, "frame of another VLAN, or of none")                                    \
	X(drop_not_udp, "IPv4, but not UDP")                                                       \
	X(drop_ip_options, "IPv4 with options or a bad header length")                             \
	X(drop_ip_fragment, "part of a fragmented IPv4 packet")                                    \
	X(drop_other_address, "IPv4 for another address")                                          \
	X(drop_other_port, "UDP for another port")                                                 \
	X(drop_broadcast, "UDP sent to a broadcast or multicast address")                          \
	X(drop_length, "lengths of frame, IPv4, UDP and RPC header disagree")                      \
	X(drop_segments, "packet in several buffers")                                              \
	X(drop_checksum, "wrong checksum")                                                         \
	X(drop_no_checksum, "no checksum, on a link that demands one (checksum=on)")               \
	X(drop_version, "another protocol version, and not a call")                                \
	X(drop_type, "unknown packet type")                                                        \
	X(drop_fragments, "part of a large call or result that does not fit to the others")        \
	X(drop_fragment_again, "part of a large call or result that was there already")            \
	X(drop_too_long, "part of a result that is longer than any may be")                        \
	X(drop_local_header, "call over the local link whose header is impossible")                \
	X(drop_no_memory, "part of a large result for which there is no memory now")               \
	X(drop_ack, "acknowledgement that says nothing new, or something impossible")              \
	X(drop_activity, "result or refusal for a call that nobody here made")                     \
	X(drop_sequence, "result or refusal for a call that is over")                              \
	X(drop_wrong_peer, "right activity, but from another address")                             \
	X(drop_old_call, "call older than its conversation's newest")                              \
	X(drop_late, "call whose deadline had passed when it arrived")                             \
	X(drop_parked, "call for which there was no place to wait for a procedure to end")         \
	X(drop_probe, "probe for a call that is over, or a result that is still waited for")       \
	X(drop_cancel, "cancellation of a call that is over, or unknown")                          \
	X(drop_close, "end of an activity that is unknown, or that goes on")                       \
	X(drop_question, "question to all of a network: malformed, or more than are answered")     \
	X(drop_answer, "answer to no question of ours, or one that is impossible")                 \
	X(drop_tx_full, "packet not sent: the link's queue is full")                               \
	X(drop_tx_refused, "packet not sent: the kernel has no way to its peer now")               \
	X(drop_socket_full, "packet that came while the socket's buffer was full")                 \
	X(drop_source, "packet from an address that no peer has, as 240.0.0.1")                    \
	X(drop_peers_full, "packet of an IPv6 peer for which there is no place")                   \
	X(drop_ring_full, "packet for another poller of ours, which does not take it")             \
	X(drop_link_down, "packet not sent: the link is down")

enum fly_counter {
#define FLY_COUNTER_ENUM(name, about) FLY_COUNT_##name,
	FLY_COUNTERS(FLY_COUNTER_ENUM)
#undef FLY_COUNTER_ENUM
	FLY_N_COUNTERS
};

struct fly_stats {
	_Atomic uint64_t count[FLY_N_COUNTERS];
};

static inline void fly_stats_add(struct fly_stats *s, enum fly_counter which, uint64_t n)
{
	const uint64_t old = atomic_load_explicit(&s->count[which], memory_order_relaxed);

	atomic_store_explicit(&s->count[which], old + n, memory_order_relaxed);
}

static inline uint64_t fly_stats_get(const struct fly_stats *s, enum fly_counter which)
{
	return atomic_load_explicit(&s->count[which], memory_order_relaxed);
}

/* fly_stats_name(), fly_stats_about() - static storage; for fly_counters(). */
const char *fly_stats_name(enum fly_counter which);
const char *fly_stats_about(enum fly_counter which);

#endif
