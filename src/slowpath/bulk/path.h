/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * path.h - the path to a peer, shared by all messages of several packets to it: how many fragments
 * are in flight, how many may be, and which message is next.
 *
 * Where both ends share memory the far end's ring fills up. All messages of such a link are one
 * path, with at most FLY_RING fragments in flight: a small call does not wait behind more.
 * Elsewhere a path is a peer's address, and congestion.h decides. The last few idle paths are kept
 * for what they have learned.
 */
#ifndef FLY_PATH_H
#define FLY_PATH_H

#include "fastpath/poller.h"
#include "slowpath/bulk/congestion.h"

#define FLY_RING       32 /* fragments in the ring of the far end at most */
#define FLY_IDLE_PATHS 32 /* idle paths kept */

struct fly_bulk;

struct fly_path {
	TAILQ_ENTRY(fly_path) all;    /* the poller's list; first the one that was used last */
	TAILQ_HEAD(, fly_bulk) ready; /* messages with fragments to send, in turn */
	struct fly_link *link;
	uint32_t ip;         /* the peer's, network order; 0: all of the link */
	uint16_t port;       /* the peer's, network order; 0: all of the link */
	uint32_t n;          /* messages that use the path */
	uint32_t n_flight;   /* fragments in flight */
	uint64_t heard_tsc;  /* when the last acknowledgement came */
	uint64_t resume_tsc; /* when to try again to send; FLY_NEVER: not in the list of pauses */
	LIST_ENTRY(fly_path) by_address;
	LIST_ENTRY(fly_path) pause;
	struct fly_congestion congestion;
};

/*
 * fly_path_get() - the path to a peer, for one more message.
 * @ip, @port: network order. Return: NULL: no memory. fly_path_put() gives it back.
 */
struct fly_path *fly_path_get(struct fly_poller *p, struct fly_link *link, uint32_t ip,
			      uint16_t port);
void fly_path_put(struct fly_poller *p, struct fly_path *path);

/* fly_path_pause() - try again to send at a time; FLY_NEVER: when something happens. */
void fly_path_pause(struct fly_poller *p, struct fly_path *path, uint64_t at_tsc);

/* fly_path_room() - how many more fragments may be sent on the path now. */
uint32_t fly_path_room(const struct fly_poller *p, const struct fly_path *path);

/* fly_path_every() - after how many fragments to request an acknowledgement. */
uint32_t fly_path_every(const struct fly_path *path);

/* fly_paths_forget_link() - free the idle paths of a lost link. */
void fly_paths_forget_link(struct fly_poller *p, const struct fly_link *link);

/* fly_paths_drain() - free all paths; all are idle. */
void fly_paths_drain(struct fly_poller *p);

#endif
