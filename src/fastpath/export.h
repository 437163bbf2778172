/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * export.h - the interfaces that a poller serves.
 *
 * An export identifier is 24 random bits and the index of the export. Each start of the exporter
 * draws new bits: a call to an earlier start is refused. The binder is export 0 everywhere. Changed
 * on the poller's thread between turns (src/runtime/export.c).
 */
#ifndef FLY_EXPORT_H
#define FLY_EXPORT_H

#include <stdint.h>

#include <firefly/stub.h>

#define FLY_EXPORTS       256 /* an index is the low byte of an identifier */
#define FLY_EXPORT_BINDER 0

/* Who may bind to an export over local links; made by fly_export_with(), then constant. */
struct fly_export_rule {
	struct fly_export_rule *next; /* the runtime's next rule: freed with the runtime */
	unsigned a_stacks;
	unsigned n_uids;
	unsigned n_gids;
	bool (*allow)(void *context, const struct fly_caller *caller);
	id_t ids[]; /* first the users, then the groups */
};

struct fly_worker_pool;

struct fly_export {
	uint32_t id;           /* free: an id that leads to another index */
	uint32_t n_procedures; /* 0: free */
	const struct fly_procedure *stubs;
	const void *procedures;
	void *context;
	const struct fly_interface *interface;
	const struct fly_export_rule *rule; /* NULL: everybody may bind */
	struct fly_worker_pool *pool;       /* runs what is not inline; NULL: the poller runs all */
};

static inline const struct fly_export *fly_export_find(const struct fly_export *exports,
						       uint32_t id)
{
	const struct fly_export *e = &exports[id % FLY_EXPORTS];

	return e->id == id ? e : NULL;
}

#endif
