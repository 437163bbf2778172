/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * runtime/export.c - exporting an interface: its index in every poller's table, the rule for its
 * clients, its workers.
 *
 * Any thread. Each poller changes its own table, by fly_request() (threads/request.h).
 */
#include <stdlib.h>

#include "base/error.h"
#include "base/random.h"
#include "base/sized.h"
#include "base/stub_version.h"
#include "local/astack.h"
#include "runtime/runtime.h"
#include "runtime/worker_threads.h"
#include "threads/lease.h"
#include "threads/request.h"
#include "threads/worker.h"

/* The rule for clients of local links. Return: 0 and *rule, or a negative status. */
static int make_rule(struct fly_runtime *r, const struct fly_export_options *o,
		     struct fly_export_rule **rule)
{
	struct fly_export_rule *new;

	*rule = NULL;
	if (!o)
		return 0;
	if (o->a_stacks > FLY_ASTACK_SLOTS)
		return fly_fail(FLY_EINVAL, "export: at most %d A-stacks", FLY_ASTACK_SLOTS);
	/* Reject an empty list: it could mean nobody or everybody. */
	if (!o->uids != (o->n_uids == 0) || !o->gids != (o->n_gids == 0))
		return fly_fail(
			FLY_EINVAL,
			"export: a list of users or groups and its length belong together; for "
			"everybody leave out both, for nobody use allow");
	if (o->n_uids > 65536 || o->n_gids > 65536)
		return fly_fail(FLY_EINVAL, "export: at most 65536 users and groups");
	new = malloc(sizeof *new + ((size_t)o->n_uids + o->n_gids) * sizeof new->ids[0]);
	if (!new)
		return fly_fail(FLY_ENOMEM, "export: out of memory");
	*new = (struct fly_export_rule){
		.a_stacks = o->a_stacks ? o->a_stacks : FLY_ASTACK_SLOTS_DEFAULT,
		.n_uids = o->n_uids,
		.n_gids = o->n_gids,
		.allow = o->allow,
	};
	if (o->n_uids)
		memcpy(new->ids, o->uids, o->n_uids * sizeof new->ids[0]);
	if (o->n_gids)
		memcpy(new->ids + o->n_uids, o->gids, o->n_gids * sizeof new->ids[0]);
	pthread_mutex_lock(&r->lock);
	new->next = r->rules;
	r->rules = new;
	pthread_mutex_unlock(&r->lock);
	*rule = new;
	return 0;
}

static_assert(sizeof(uid_t) == sizeof(id_t) && sizeof(gid_t) == sizeof(id_t), "copied as they are");

/* Find a free index. Return: 0 and *place, or a negative status with a sentence. */
static int find_place(const struct fly_export *exports, const struct fly_interface *interface,
		      uint32_t *place)
{
	uint32_t at = FLY_EXPORT_BINDER;

	for (uint32_t i = 0; i < FLY_EXPORTS; i++) {
		if (exports[i].n_procedures &&
		    exports[i].interface->version == interface->version &&
		    strcmp(exports[i].interface->name, interface->name) == 0)
			return fly_fail(FLY_EINUSE, "export %s: it is exported already",
					interface->name);
	}
	while (at < FLY_EXPORTS && exports[at].n_procedures)
		at++;
	*place = at;
	return at < FLY_EXPORTS
		       ? 0
		       : fly_fail(FLY_ENOMEM, "export %s: a runtime exports at most %d interfaces",
				  interface->name, FLY_EXPORTS - 1);
}

struct offer {
	uint32_t at;
	struct fly_export export;
};

/* All that can fail at a poller. */
static int prepare_on_poller(struct fly_poller *p, void *argument)
{
	const struct offer *offer = argument;

	if (p->is_shut)
		return fly_fail(FLY_ESHUT, "export %s: the runtime was shut down",
				offer->export.interface->name);
	if (p->lease && offer->at != FLY_EXPORT_BINDER)
		fly_lease_forbid(p->lease);
	if (offer->export.pool && fly_worker_pool_open(p, offer->export.pool))
		return fly_fail(FLY_ENOMEM, "export %s: out of memory",
				offer->export.interface->name);
	return 0;
}

static int publish_on_poller(struct fly_poller *p, void *argument)
{
	const struct offer *offer = argument;

	p->exports[offer->at] = offer->export;
	return 0;
}

/* Undo prepare_on_poller(). Nobody could call: the export was not published. */
static int forget_on_poller(struct fly_poller *p, void *argument)
{
	const struct offer *offer = argument;

	if (offer->export.pool)
		fly_worker_pool_remove(p, offer->export.pool);
	return 0;
}

/* Give each poller its own workers. On failure no poller has any. */
static int prepare_all(struct fly_runtime *r, struct offer *offers,
		       const struct fly_export_options *o)
{
	int status = 0;
	unsigned i;

	for (i = 0; i < r->group.n && !status; i++) {
		status = fly_workers_start(r, r->group.pollers[i], o, i, r->group.n,
					   &offers[i].export);
		if (status)
			break;
		status = fly_request(r->group.pollers[i], prepare_on_poller, &offers[i]);
		if (status) {
			fly_workers_drop(offers[i].export.pool);
			break;
		}
	}
	while (status && i-- > 0) {
		/* A poller that ends just now keeps the pool in its list. */
		if (fly_request(r->group.pollers[i], forget_on_poller, &offers[i]) == 0)
			fly_workers_drop(offers[i].export.pool);
	}
	return status;
}

/*
 * Publishing
 *
 * A poller lets clients in as soon as its table has the export: clients of this machine are asked
 * at any poller, while others have no export yet. An export that a client uses must not be
 * withdrawn, so all that can fail comes first, at every poller. Then nothing fails but a runtime
 * that ends meanwhile: that is reported, and what was published ends with the runtime.
 *
 * The first poller is last: clients over links ask its binder, and must not learn of the export
 * before all pollers have it.
 */
static int export_on_all(struct fly_runtime *r, const struct offer *offer,
			 const struct fly_export_options *o)
{
	struct offer offers[FLY_POLLERS];
	unsigned i = r->group.n;
	int status;

	for (unsigned k = 0; k < r->group.n; k++)
		offers[k] = *offer;
	status = prepare_all(r, offers, o);
	while (i-- > 0 && !status)
		status = fly_request(r->group.pollers[i], publish_on_poller, &offers[i]);
	return status;
}

/* Nobody has seen the rule. */
static void drop_rule(struct fly_runtime *r, struct fly_export_rule *rule)
{
	struct fly_export_rule **at = &r->rules;

	if (!rule)
		return;
	pthread_mutex_lock(&r->lock);
	while (*at != rule)
		at = &(*at)->next;
	*at = rule->next;
	pthread_mutex_unlock(&r->lock);
	free(rule);
}

/* Reserve an index. Return: 0 and *offer, or a negative status with a sentence. */
static int reserve(struct fly_runtime *r, const struct fly_interface *interface,
		   const void *procedures, void *context, struct fly_export_rule *rule,
		   struct offer *offer)
{
	int status;

	pthread_mutex_lock(&r->lock);
	status = find_place(r->exports, interface, &offer->at);
	if (!status) {
		offer->export = (struct fly_export){
			/* The binder's identifier is fixed; the others change with each start. */
			.id = offer->at == FLY_EXPORT_BINDER
				      ? FLY_EXPORT_BINDER
				      : (fly_random32() & ~(FLY_EXPORTS - 1U)) + offer->at,
			.n_procedures = interface->n_procedures,
			.stubs = interface->procedures,
			.procedures = procedures,
			.context = context,
			.interface = interface,
			.rule = rule,
		};
		r->exports[offer->at] = offer->export;
	}
	pthread_mutex_unlock(&r->lock);
	return status;
}

int fly_export_with(struct fly_runtime *r, const struct fly_interface *interface,
		    const void *procedures, void *context, const struct fly_export_options *options)
{
	struct fly_export_options known;
	const struct fly_export_options *o = options ? &known : NULL;
	struct offer offer = {0};
	struct fly_export_rule *rule;
	int status = 0;

	if (interface && fly_stub_version_check(interface))
		return -FLY_EVERSION;
	if (!interface || !procedures || strlen(interface->name) > 63 ||
	    interface->n_procedures == 0)
		return fly_fail(FLY_EINVAL, "export: an interface with procedures is needed");
	status = fly_runtime_check_thread(r, "export");
	if (status)
		return status;
	/* Two procedures that request this of each other's pollers would deadlock. */
	if (r->group.n > 1 && fly_runtime_is_within(r))
		return fly_fail(FLY_ECONFLICT, "export %s: not from within a procedure",
				interface->name);
	if (o)
		status = fly_sized_take(&known, sizeof known,
					FLY_SIZED_UP_TO(struct fly_export_options, workers),
					options, "struct fly_export_options");
	if (!status)
		status = fly_workers_check(interface, o);
	if (!status)
		status = make_rule(r, o, &rule);
	if (status)
		return status;
	status = reserve(r, interface, procedures, context, rule, &offer);
	if (status) {
		drop_rule(r, rule);
		return status;
	}
	status = export_on_all(r, &offer, o);
	if (status && status != -FLY_ESTOPPED) {
		pthread_mutex_lock(&r->lock);
		r->exports[offer.at] = (struct fly_export){0};
		pthread_mutex_unlock(&r->lock);
		drop_rule(r, rule);
	}
	return status;
}

int fly_export_lacks(const struct fly_interface *interface, const char *procedure)
{
	const char *name = interface->name;

	if (!procedure)
		return fly_fail(FLY_EINVAL, "export %s: there is no struct %s_procedures", name,
				name);
	return fly_fail(FLY_EINVAL,
			"export %s: the procedure %s is missing: its member of struct "
			"%s_procedures is NULL",
			name, procedure, name);
}

int fly_export(struct fly_runtime *r, const struct fly_interface *interface, const void *procedures,
	       void *context)
{
	return fly_export_with(r, interface, procedures, context, NULL);
}
