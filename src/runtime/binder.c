/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * runtime/binder.c - the procedures of binder.fly: which interfaces this runtime exports.
 *
 * Called by the generated server stub on a poller's thread. Reads that poller's export table, which
 * is the same at all pollers. Distributes the callers over the pollers.
 */
#include "binder.h"

#include <arpa/inet.h>

#include <firefly/stub.h>

#include "runtime/runtime.h"
#include "slowpath/checksum.h"

/* The link that this call came over. */
static const struct fly_link *link_of_call(const struct fly_poller *p)
{
	const struct fly_link *link = p->links[0];

	for (uint32_t i = 0; i < p->n_links; i++) {
		if (p->links[i]->index == p->running.conversation->link)
			link = p->links[i];
	}
	return link;
}

/* The UDP port, host order, of the next poller, on the link that this call came over. */
static uint16_t next_port(const struct fly_poller *p)
{
	struct fly_runtime *r = fly_runtime_of(p);
	const unsigned next =
		atomic_fetch_add_explicit(&r->shared_out, 1, memory_order_relaxed) % r->group.n;

	return (uint16_t)(ntohs(link_of_call(p)->udp_port) - p->number + next);
}

static int import(void *context, const uint8_t name[64], uint32_t version, uint32_t *export_id,
		  uint32_t *version_there, uint16_t *udp_port, uint32_t *result)
{
	struct fly_poller *p = context;
	char wanted[65] = {0};

	memcpy(wanted, name, 64);
	*export_id = 0;
	*version_there = 0;
	*udp_port = 0;
	*result = FLY_ENOEXPORT;
	for (unsigned i = FLY_EXPORT_BINDER + 1; i < FLY_EXPORTS; i++) {
		const struct fly_export *e = &p->exports[i];

		if (e->n_procedures == 0 || strcmp(e->interface->name, wanted) != 0)
			continue;
		*version_there = e->interface->version;
		*result = FLY_EVERSION;
		if (e->interface->version == version) {
			*export_id = e->id;
			*result = FLY_OK;
			*udp_port = next_port(p);
			break;
		}
	}
	return 0;
}

static int bind_to(void *context, const uint8_t name[64], uint32_t version, uint32_t payload,
		   uint32_t checksums, uint32_t *export_id, uint32_t *version_there,
		   uint16_t *udp_port, uint32_t *payload_there, uint32_t *checksums_there,
		   uint32_t *result)
{
	struct fly_poller *p = context;
	const struct fly_conversation *caller = p->running.conversation;
	const struct fly_link *link = link_of_call(p);
	const struct fly_payload_word word = {payload, caller->peer_ip, caller->is_proven,
					      checksums};

	fly_ports_heard(&fly_runtime_of(p)->ports, link, p->number, &word);
	*payload_there = fly_payload_own(link, caller->peer_ip);
	*checksums_there = fly_checksum_say(link);
	return import(context, name, version, export_id, version_there, udp_port, result);
}

int fly_binder_export(struct fly_runtime *runtime)
{
	static const struct Binder_procedures procedures = {.Import = import, .Bind = bind_to};

	const int status = Binder_export(runtime, &procedures, NULL);

	for (unsigned i = 0; i < runtime->group.n; i++)
		runtime->group.pollers[i]->exports[FLY_EXPORT_BINDER].context =
			runtime->group.pollers[i];
	return status;
}
