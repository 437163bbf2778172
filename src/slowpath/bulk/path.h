/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * path.h - the way to a peer that messages of several packets take: what is under way on it, how
 * much may be, and whose turn it is.
 *
 * Where both ends share memory, the far end's ring is what fills: all messages of a link are one
 * path, with at most FLY_RING fragments on it, so that a small call between them does not wait.
 * Elsewhere a path is a peer's address, and congestion.h decides. A path that nobody uses is kept
 * for what it has learned, as one of a few.
 */
#ifndef FLY_PATH_H
#define FLY_PATH_H

#include "fastpath/poller.h"
#include "slowpath/bulk/congestion.h"

#define FLY_RING       32 /* fragments in a far ring at most */
#define FLY_IDLE_PATHS 32 /* kept though nobody uses them */

struct fly_bulk;

struct fly_path {
	TAILQ_ENTRY(fly_path) all;    /* the poller's list: first the one used last */
	TAILQ_HEAD(, fly_bulk) ready; /* messages that have something to send, in turn */
	struct fly_link *link;
	uint32_t ip;         /* the peer's, network order; 0: all of the link */
	uint16_t port;       /* the same */
	uint32_t n;          /* messages that use it */
	uint32_t bytes;      /* memory of theirs that FLY_BULK_MAX limits */
	uint32_t n_flight;   /* fragments under way */
	uint64_t heard_tsc;  /* when an acknowledgement came last */
	uint64_t resume_tsc; /* when to look again whether more may be sent; FLY_NEVER */
	struct fly_congestion congestion;
};

/*
 * fly_path_get() - the path to a peer, for one more message.
 * @ip, @port: network order. Return: NULL: no memory. Given back by fly_path_put().
 */
struct fly_path *fly_path_get(struct fly_poller *p, struct fly_link *link, uint32_t ip,
			      uint16_t port);
void fly_path_put(struct fly_poller *p, struct fly_path *path);

/* fly_path_room() - how many fragments may be sent on it now. */
uint32_t fly_path_room(const struct fly_poller *p, const struct fly_path *path);

/* fly_path_every() - after how many fragments an acknowledgement is asked for. */
uint32_t fly_path_every(const struct fly_path *path);

/* fly_paths_forget_link() - what was learned of a link that is lost. */
void fly_paths_forget_link(struct fly_poller *p, const struct fly_link *link);

/* fly_paths_drain() - let idle ones go; nobody uses any. */
void fly_paths_drain(struct fly_poller *p);

#endif
