/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * path.c - see path.h. Called by the other files of bulk/, on the poller's thread. Owns the
 * poller's list of paths. Must not touch path->ready: bulk.c owns it.
 */
#include "slowpath/bulk/path.h"

#include <stdlib.h>

#include "base/mix.h"

#define EVERY_MOST 16 /* fragments per acknowledgement at most */

static unsigned list_of(const struct fly_link *link, uint32_t ip, uint16_t port)
{
	const uint32_t key = ip ^ (uint32_t)port << 16 ^ link->index;

	return fly_mix(key) & (FLY_PATH_LISTS - 1);
}

static void let_go(struct fly_poller *p, struct fly_path *path)
{
	TAILQ_REMOVE(&p->bulk.paths, path, all);
	LIST_REMOVE(path, by_address);
	p->bulk.n_idle_paths--;
	free(path);
}

static struct fly_path *make(struct fly_poller *p, struct fly_link *link, uint32_t ip,
			     uint16_t port)
{
	struct fly_path *path = calloc(1, sizeof *path);

	if (!path)
		return NULL;
	path->link = link;
	path->ip = ip;
	path->port = port;
	path->resume_tsc = FLY_NEVER;
	TAILQ_INIT(&path->ready);
	fly_congestion_init(&path->congestion, RTE_MAX(p->tsc_per_ms / 1000, UINT64_C(1)),
			    p->now_tsc);
	return path;
}

struct fly_path *fly_path_get(struct fly_poller *p, struct fly_link *link, uint32_t ip,
			      uint16_t port)
{
	struct fly_path *path;
	unsigned list;

	if (link->checksum == FLY_CHECKSUM_NONE && !link->udp) {
		ip = 0;
		port = 0;
	}
	list = list_of(link, ip, port);
	LIST_FOREACH(path, &p->bulk.by_address[list], by_address)
	{
		if (path->link == link && path->ip == ip && path->port == port)
			break;
	}
	if (path) {
		TAILQ_REMOVE(&p->bulk.paths, path, all);
		p->bulk.n_idle_paths -= path->n == 0;
	} else {
		path = make(p, link, ip, port);
		if (!path)
			return NULL;
		LIST_INSERT_HEAD(&p->bulk.by_address[list], path, by_address);
	}
	TAILQ_INSERT_HEAD(&p->bulk.paths, path, all);
	path->n++;
	return path;
}

void fly_path_put(struct fly_poller *p, struct fly_path *path)
{
	if (--path->n > 0)
		return;
	fly_path_pause(p, path, FLY_NEVER);
	p->bulk.n_idle_paths++;
	if (p->bulk.n_idle_paths <= FLY_IDLE_PATHS)
		return;
	TAILQ_FOREACH_REVERSE(path, &p->bulk.paths, fly_paths, all)
	{
		if (path->n == 0)
			break;
	}
	let_go(p, path);
}

void fly_path_pause(struct fly_poller *p, struct fly_path *path, uint64_t at_tsc)
{
	if (path->resume_tsc != FLY_NEVER)
		LIST_REMOVE(path, pause);
	path->resume_tsc = at_tsc;
	if (at_tsc != FLY_NEVER)
		LIST_INSERT_HEAD(&p->bulk.pausing, path, pause);
}

uint32_t fly_path_room(const struct fly_poller *p, const struct fly_path *path)
{
	const uint32_t room = fly_congestion_room(&path->congestion, path->n_flight, p->now_tsc);

	if (path->ip != 0)
		return room;
	return RTE_MIN(room, path->n_flight < FLY_RING ? FLY_RING - path->n_flight : 0);
}

/*
 * The fragments that one acknowledgement releases are sent in one burst, and wait in the queue
 * whose delay is measured. With half a window per acknowledgement, the window closes because of
 * its own bursts: a 25 Gb/s link with a round trip of 10 us is used to 81 % instead of 97 %. In
 * the ring of a far end nothing waits for a wire, and fewer acknowledgements cost less.
 */
uint32_t fly_path_every(const struct fly_path *path)
{
	const uint32_t window = path->congestion.window / FLY_WINDOW_ONE;
	const uint32_t part = path->ip == 0 ? window / 2 : window / 4;

	return RTE_MAX(1U, RTE_MIN(part, (uint32_t)EVERY_MOST));
}

void fly_paths_forget_link(struct fly_poller *p, const struct fly_link *link)
{
	struct fly_path *path = TAILQ_FIRST(&p->bulk.paths);

	while (path) {
		struct fly_path *next = TAILQ_NEXT(path, all);

		if (path->link == link && path->n == 0)
			let_go(p, path);
		path = next;
	}
}

void fly_paths_drain(struct fly_poller *p)
{
	struct fly_path *path = TAILQ_FIRST(&p->bulk.paths);

	while (path) {
		struct fly_path *next = TAILQ_NEXT(path, all);

		let_go(p, path);
		path = next;
	}
}
