/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * runtime/assemble.c - making and freeing a poller; adding and removing its links.
 *
 * Called on the poller's thread, between turns or at the quiescence point. Touches no port:
 * host/port.c opens and closes them.
 */
#include "base/random.h"
#include "fastpath/poller.h"

#include "threads/request.h"
#include "local/server.h"
#include "slowpath/bulk/bulk.h"
#include "slowpath/peers.h"
#include "slowpath/records.h"
#include "slowpath/refused_filter.h"
#include "slowpath/sweep.h"
#include "slowpath/token.h"

static_assert(sizeof((struct fly_poller *)0)->token_key == FLY_TOKEN_KEY_BYTES, "a token's key");

#define OR_DEFAULT(value, usual) ((value) ? (value) : (usual))

static void set_waits(struct fly_waits *w, const struct fly_poller_config *config)
{
	const uint64_t ms = config->tsc_per_ms;

	*w = (struct fly_waits){
		.least_tsc = OR_DEFAULT(config->resend_least_us, FLY_RESEND_LEAST_US) * ms / 1000,
		.first_tsc = OR_DEFAULT(config->resend_first_us, FLY_RESEND_FIRST_US) * ms / 1000,
		.most_tsc = OR_DEFAULT(config->resend_most_ms, FLY_RESEND_MOST_MS) * ms,
		.timeout_tsc = OR_DEFAULT(config->call_timeout_ms, FLY_CALL_TIMEOUT_MS) * ms,
		.probe_again_tsc = FLY_PROBE_AGAIN_MS * ms,
		.probe_most_tsc = OR_DEFAULT(config->probe_most_ms, FLY_PROBE_MOST_MS) * ms,
		.probes = OR_DEFAULT(config->probes, FLY_PROBES),
	};
	w->first_tsc = RTE_MAX(w->first_tsc, w->least_tsc);
	w->most_tsc = RTE_MAX(w->most_tsc, w->least_tsc);
}

/* Limit of retained results: half of the packets outside the cache; the rest is for drivers. */
static uint32_t retained_max(uint32_t packets)
{
	return packets > 2 * FLY_PACKET_CACHE ? (packets - FLY_PACKET_CACHE) / 2 : packets / 8;
}

int fly_poller_init(struct fly_poller *p, const struct fly_poller_config *config, uint64_t now_tsc)
{
	*p = (struct fly_poller){
		.now_tsc = now_tsc,
		.began_tsc = now_tsc,
		.sweep_at_tsc = now_tsc,
		.path_mtu_due_tsc = FLY_NEVER,
		.tsc_per_ms = config->tsc_per_ms,
		.absent_tsc = FLY_ABSENT_US * config->tsc_per_ms / 1000,
		.cache.pool = config->pool,
		.cache.most = RTE_MIN((uint32_t)FLY_PACKET_CACHE, config->packets / 4),
		.parked_max = RTE_MIN((uint32_t)FLY_PARKED, config->packets / 3),
	};
	set_waits(&p->waits, config);
	fly_handoff_queue_init(&p->handoffs);
	LIST_INIT(&p->imports);
	LIST_INIT(&p->pools);
	LIST_INIT(&p->find.searches);
	fly_random_fill(&p->find.instance, sizeof p->find.instance);
	fly_bulk_init(p);
	for (uint32_t i = 0; i < FLY_EXPORTS; i++)
		p->exports[i].id = ~i; /* an identifier of another index: never found */
	p->running = fly_running_nothing;
	fly_token_key(p->token_key);
	if (fly_local_server_init(p))
		return -FLY_ENOMEM;
	if (fly_requests_init(p))
		goto fail_requests;
	if (!config->pool) /* local links only: no packets, and nothing that is about packets */
		return 0;
	p->refused = fly_refused_new(config->socket);
	p->gone = fly_refused_new(config->socket);
	p->peers = fly_peers_new(config->conversations, config->socket);
	if (!p->refused || !p->gone || !p->peers)
		goto fail_refused;
	if (fly_call_table_init(&p->calls, config->calls, config->socket))
		goto fail_calls;
	if (fly_conversations_init(&p->conversations, config->conversations,
				   retained_max(config->packets), config->name, config->socket))
		goto fail_conversations;
	return 0;

fail_conversations:
	fly_call_table_free(&p->calls);
fail_calls:
fail_refused:
	fly_peers_free(p->peers);
	fly_refused_free(p->gone);
	fly_refused_free(p->refused);
	fly_requests_fini(p);
fail_requests:
	fly_local_server_fini(p);
	return -FLY_ENOMEM;
}

void fly_poller_fini(struct fly_poller *p)
{
	fly_conversations_free(p);
	fly_call_table_free(&p->calls);
	fly_refused_free(p->refused);
	fly_refused_free(p->gone);
	fly_bulk_fini(p);
	fly_peers_free(p->peers);
	fly_packet_drain(&p->cache);
	fly_handoff_queue_fini(&p->handoffs);
	fly_local_server_fini(p);
	fly_requests_fini(p);
}

int fly_poller_attach(struct fly_poller *p, struct fly_link *link)
{
	uint32_t at = 0;

	/* A link that comes back takes the lowest free index; nothing depends on which. */
	while (at < p->n_links && p->links[at]->index == at)
		at++;
	if (p->n_links == FLY_LINKS)
		return -FLY_ENOMEM;
	memmove(&p->links[at + 1], &p->links[at], (p->n_links - at) * sizeof p->links[0]);
	p->links[at] = link;
	p->n_links++;
	link->index = (uint8_t)at;
	link->stats = &p->stats;
	link->cache = &p->cache;
	link->n_queued = 0;
	link->stuck_since_tsc = 0;
	link->up = true;
	return 0;
}

void fly_poller_detach(struct fly_poller *p, struct fly_link *link)
{
	fly_link_lost(p, link);
	for (uint32_t i = 0; i < p->n_links; i++) {
		if (p->links[i] != link)
			continue;
		memmove(&p->links[i], &p->links[i + 1], (--p->n_links - i) * sizeof p->links[0]);
		return;
	}
}
