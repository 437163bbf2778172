/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * oracle.c - the record of each call, and what makes a run fail. See world.h.
 *
 * The procedures report executions, the workload reports how calls ended. The rules:
 *   - a procedure runs at most once per call, unless it is idempotent; with the arguments that
 *     were sent; if the caller was bound, only in the life of the process that it was bound to
 *   - a call that returned ran exactly once, and its results are right
 *   - a call that ended as "not executed" has not run, and does not run later
 *   - the procedure can end with that status
 *   - a call ends within its time bound, and takes a bounded number of packets
 *   - when all is over, nobody remembers anything
 */
#include "world.h"

#include <stdlib.h>

#include "slowpath/bulk/bulk.h"
#include "slowpath/bulk/path.h"

/*
 * Twice the longest wait between two copies, since a call that is sent again only then is sent once
 * more before it is given up; and some time for late turns.
 */
#define LAST_WAIT        (2 * FLY_RESEND_MOST_MS * MS + 100 * MS)
#define PROBES_TIME      ((FLY_PROBES + 1) * FLY_RESEND_MOST_MS * MS) /* the RTO may be so long */
#define THREAD_LATE      (3 * MS) /* until a thread without a core looks */
#define LOCAL_LATE       (50 * MS)
#define DEADLINE_LATE    (3 * MS)
#define PACKETS_SMALL    128 /* per call of one packet with a result of one */
#define PACKETS_FRAGMENT 40  /* per fragment */

#define TABLE (256 * 1024) /* random bytes; data begins somewhere in the first half */

const uint8_t *oracle_data(uint32_t number, unsigned way)
{
	static uint8_t table[TABLE + BYTES_MAX];
	static bool is_filled;
	uint64_t random = 1984;

	if (!is_filled) {
		for (size_t i = 0; i < sizeof table; i++)
			table[i] = (uint8_t)(sim_random(&random) >> 32);
		is_filled = true;
	}
	random = ((uint64_t)number * 2 + way) * UINT64_C(0x9e3779b97f4a7c15);
	return table + (random >> 40) % TABLE;
}

static const char *name_of(const struct call *c)
{
	return procedure_names[c->procedure];
}

static bool is_idempotent(const struct call *c)
{
	return c->procedure == TRIAL_LOOK || c->procedure == TRIAL_SCAN;
}

/* ---- while it runs ---- */

struct call *oracle_call(struct world *w, uint32_t number)
{
	return number < w->n_calls ? &w->calls[number] : NULL;
}

void oracle_ran(struct node *node, uint32_t number, enum procedure which, bool is_right)
{
	struct world *w = node->world;
	struct call *c = oracle_call(w, number);

	trace_line(w, "%s runs #%u %s", node->name, number, procedure_names[which]);
	world_digest(w, number);
	if (!c) {
		world_fail(w, "%s ran for a call that nobody made, #%u", procedure_names[which],
			   number);
		return;
	}
	c->runs++;
	if (c->procedure != which)
		world_fail(w, "call #%u of %s ran %s", number, name_of(c), procedure_names[which]);
	else if (!is_right)
		world_fail(w, "call #%u of %s ran with wrong arguments", number, name_of(c));
	else if (c->runs > 1 && !is_idempotent(c))
		world_fail(w, "call #%u of %s ran %u times", number, name_of(c), c->runs);
	else if (c->server != node->index)
		world_fail(w, "call #%u of %s ran at %s, and is for n%u", number, name_of(c),
			   node->name, c->server);
	else if (c->server_life == 0)
		world_fail(w, "call #%u of %s ran, to an export that there is not", number,
			   name_of(c));
	else if (c->server_life != node->life)
		world_fail(w, "call #%u of %s is for %s's %u. start, and ran in its %u.", number,
			   name_of(c), node->name, c->server_life, node->life);
	else if (c->is_withdrawn)
		world_fail(w, "call #%u of %s ran, though it was cancelled before a worker had it",
			   number, name_of(c));
	else if (c->state == CALL_ENDED && fly_outcome(c->status) == FLY_NOT_EXECUTED)
		world_fail(w, "call #%u of %s ran after its caller was told %s, not executed",
			   number, name_of(c), fly_status_name(c->status));
}

static int expected_status(const struct call *c)
{
	switch (c->procedure) {
	case TRIAL_REFUSE:
		return -FLY_EEXCEPTION;
	case TRIAL_FAIL:
		return -FLY_ERAISED;
	case TRIAL_MALFORMED:
		return -FLY_EMALFORMED;
	case TRIAL_NONE:
		return -FLY_ENOPROC;
	default:
		return 0;
	}
}

/* Has its deadline passed? A poller's clock may lag by less than an absence. */
static bool is_late(const struct world *w, const struct call *c)
{
	return c->deadline_us && w->now + FLY_ABSENT_US * US >= c->started + c->deadline_us * US;
}

/* Can a call end with this status in these circumstances? */
static bool is_possible(const struct world *w, const struct call *c)
{
	if (c->status == expected_status(c) && c->server_life != 0)
		return true;
	switch (c->status) {
	case -FLY_ESTALE:
	case -FLY_ESTALE_MAYBE:
		if (c->server_life == 0 || (w->plan.faults & FAULT_CRASH))
			return true;
		/* A server that ends in order has sent the results of the calls that it has run. */
		return (w->plan.faults & FAULT_STOP) &&
		       (c->runs == 0 || !w->plan.is_kind ||
			(w->plan.faults & (FAULT_CORRUPT | FAULT_REORDER)));
	case -FLY_ELINK:
		return c->is_local && (w->plan.faults & (FAULT_CRASH | FAULT_STOP));
	case -FLY_EWITHDRAWN:
		if (c->is_attached)
			return c->is_cancelled || is_late(w, c);
		return c->is_local && (c->is_cancelled || is_late(w, c) ||
				       (w->plan.faults & (FAULT_CRASH | FAULT_PAUSE)) ||
				       w->plan.work_most > 100 * MS);
	case -FLY_EPACKETS:
	case -FLY_ECALLS:
		/* More at a time than it has slots. */
		if (c->is_local && c->status == -FLY_ECALLS)
			return true;
		/* fall through */
	case -FLY_ENOMEM:
	case -FLY_EBUSY: /* also: a caller that gave up many calls holds all records */
		return !w->plan.is_kind || (w->plan.faults & FAULT_CANCEL) ||
		       (c->status == -FLY_EBUSY &&
			(w->plan.workers || (c->is_local && w->plan.local_held)));
	case -FLY_EPEER:
		/* A long procedure is no silence: the clerk is heard. */
		if (c->is_local)
			return (w->plan.faults & (FAULT_CRASH | FAULT_PAUSE)) != 0;
		/*
		 * A server drops a call whose record is busy: with an earlier call that its caller
		 * gave up before it heard of it, or with a copy of one that may run twice. On a
		 * worker either may run, or wait, for longer than the caller waits.
		 */
		if (w->plan.workers && 2 * w->plan.work_most > w->nodes[c->node].timeout_ms * MS)
			return true;
		/* Its procedure has acknowledged all the time that it runs. */
		if (c->us && c->runs && c->is_running && w->plan.attend_every &&
		    !(w->plan.faults & FAULTS_UNKIND))
			return false;
		return !w->plan.is_kind;
	case -FLY_EFORGOTTEN: /* also: refused after a call in doubt */
		return !w->plan.is_kind || (w->plan.faults & FAULT_CANCEL);
	case -FLY_ECANCELLED:
		return c->is_cancelled;
	case -FLY_EDEADLINE:
		return is_late(w, c);
	default:
		return false;
	}
}

/* Over the local link a call has all the time that its server is heard. */
static uint64_t local_bound_of(const struct world *w, const struct call *c)
{
	const struct node *server = &w->nodes[c->server];
	const uint64_t timeout = w->nodes[c->node].timeout_ms * MS;
	const uint64_t since = RTE_MAX(c->heard, c->started);

	if (server->life != c->server_life || !server->is_up) /* its connection has ended */
		return RTE_MAX(since, server->down_at) + LOCAL_LATE;
	if (server->silent_from == NEVER)
		return NEVER;
	return RTE_MAX(since, server->silent_from) + 2 * timeout + LOCAL_LATE;
}

/*
 * The latest end of a call, as far as known now. A call that the server works on is probed at
 * growing intervals, none longer than the call has taken so far. It is given up when FLY_PROBES in
 * a row get no answer. Absences of the caller do not count towards a deadline.
 */
static uint64_t bound_of(const struct world *w, const struct call *c)
{
	const struct node *node = &w->nodes[c->node];
	const uint64_t away = node->away + node->desks[c->desk].away - c->away +
			      (node->away_from == NEVER ? 0 : w->now - node->away_from);
	uint64_t bound = c->heard + node->timeout_ms * MS + LAST_WAIT;

	if (c->is_local)
		bound = local_bound_of(w, c);
	else if (c->is_running)
		bound = RTE_MAX(bound, 2 * c->heard - c->started + PROBES_TIME);
	if (c->deadline_us)
		bound = RTE_MIN(bound, c->started + c->deadline_us * US + away + DEADLINE_LATE +
					       (c->is_attached ? THREAD_LATE : 0));
	return bound;
}

static void tally(struct world *w, const struct call *c)
{
	switch (fly_outcome(c->status)) {
	case FLY_EXECUTED:
		w->tally.returned += c->status == 0;
		w->tally.raised += c->status != 0;
		break;
	case FLY_NOT_EXECUTED:
		w->tally.not_executed++;
		break;
	case FLY_MAYBE_EXECUTED:
		w->tally.maybe++;
		break;
	}
}

void oracle_ended(struct world *w, uint32_t number, int status, bool is_right)
{
	struct call *c = &w->calls[number];
	const bool is_counted = c->procedure != TRIAL_NULL && c->procedure != TRIAL_NOT;

	c->state = CALL_ENDED;
	c->status = (int16_t)status;
	tally(w, c);
	trace_line(w, "n%u's #%u %s ended: %s, %s; it ran %u times, took %u packets and %.3f us",
		   c->node, number, name_of(c), status ? fly_status_name(status) : "FLY_OK",
		   fly_outcome_name(fly_outcome(status)), c->runs, c->packets,
		   (double)(w->now - c->started) / (double)US);
	world_digest(w, number ^ (uint64_t)(uint32_t)status << 32);
	if (!is_possible(w, c))
		world_fail(w, "call #%u of %s ended with %s", number, name_of(c),
			   fly_status_name(status));
	else if (!is_right)
		world_fail(w, "call #%u of %s ended with %s and wrong data", number, name_of(c),
			   status ? fly_status_name(status) : "FLY_OK");
	else if (w->now > bound_of(w, c))
		world_fail(w, "call #%u of %s ended %.3f ms too late", number, name_of(c),
			   (double)(w->now - bound_of(w, c)) / (double)MS);
	if (!is_counted)
		return;
	if (fly_outcome(status) == FLY_EXECUTED && c->runs == 0)
		world_fail(w, "call #%u of %s ended with %s and did not run", number, name_of(c),
			   status ? fly_status_name(status) : "FLY_OK");
	if (fly_outcome(status) == FLY_NOT_EXECUTED && c->runs != 0)
		world_fail(w, "call #%u of %s ended with %s, not executed, but it ran", number,
			   name_of(c), fly_status_name(status));
}

void oracle_gone(struct world *w, uint32_t number)
{
	struct call *c = &w->calls[number];

	c->state = CALL_GONE;
	w->tally.gone++;
	trace_line(w, "n%u's #%u %s is gone with its caller", c->node, number, name_of(c));
}

static uint32_t fragments(const struct world *w, uint32_t bytes)
{
	uint32_t unit = w->plan.payload_max;

	/* They may be sent in whole ones before the path is known, and then in shorter ones. */
	if (w->plan.faults & FAULT_NARROW)
		unit = RTE_MIN(unit / 2, (uint32_t)FLY_MTU_FLOOR / 2);
	return bytes / unit;
}

struct call *oracle_packet(struct plug *from, const uint8_t *frame, uint32_t bytes,
			   uint32_t *number)
{
	struct world *w = from->world;
	struct node *ends[] = {from->node, from->far->node};
	const uint64_t activity = fly_get_u64(frame + FLY_RPC + 8);
	const uint32_t seq = fly_get_u32(frame + FLY_RPC + 16);
	const unsigned index = activity & 0xffff;

	if (bytes < FLY_PAYLOAD || index >= NODE_CALLS)
		return NULL;
	for (unsigned i = 0; i < 2; i++) {
		struct call *c;

		if (ends[i]->current[index].activity != activity ||
		    ends[i]->current[index].seq != seq)
			continue;
		*number = ends[i]->current[index].number;
		c = &w->calls[*number];
		if (c->packets > PACKETS_SMALL + PACKETS_FRAGMENT * (fragments(w, c->bytes_in) +
								     fragments(w, c->bytes_out)))
			world_fail(w, "call #%u of %s took %u packets so far", *number, name_of(c),
				   c->packets);
		return c;
	}
	return NULL;
}

void oracle_look(struct world *w)
{
	for (unsigned i = 0; i < w->n_nodes && w->n_out; i++) {
		const struct node *node = &w->nodes[i];

		/* An absent process cannot end anything. */
		if (!node->is_up || node->is_inside || node->away_from != NEVER)
			continue;
		for (unsigned j = 0; j < node->n_desks; j++) {
			const struct desk *desk = &node->desks[j];

			if (desk->is_looking)
				continue;

			for (unsigned k = 0; k < desk->window; k++) {
				const struct slot *slot = &desk->slots[k];

				if (slot->call && !slot->is_held &&
				    w->now > bound_of(w, &w->calls[slot->number]))
					world_fail(w, "call #%u of %s does not end", slot->number,
						   name_of(&w->calls[slot->number]));
			}
		}
	}
}

/* ---- when it is over ---- */

/* Packets held by drivers; a result that was sent twice may count twice. */
static unsigned held_by_drivers(const struct node *node)
{
	unsigned n = 0;

	for (unsigned i = 0; i < node->n_plugs; i++) {
		const struct plug *plug = &node->plugs[i];

		for (unsigned j = 0; j < plug->n_held; j++) {
			bool is_first = true;

			for (unsigned k = 0; k < j; k++)
				is_first &= plug->held[k].m != plug->held[j].m;
			n += is_first;
		}
	}
	return n;
}

static void quiet_node(struct world *w, struct node *node)
{
	const struct fly_poller *p = world_poller(node);
	const unsigned held = held_by_drivers(node) + attached_packets(node);
	const struct fly_path *path;
	unsigned busy = 0;

	for (uint32_t i = 0; i < p->calls.n; i++) {
		const struct fly_call_entry *e = &p->calls.entries[i];

		busy += e->state > FLY_CALL_IDLE || (e->state == FLY_CALL_IDLE && e->packet) ||
			e->bulk;
	}
	if (busy)
		world_fail(w, "%s: %u call-table entries are in use at the end", node->name, busy);
	if (p->conversations.n_free != p->conversations.n)
		world_fail(w, "%s: %u conversation records are left at the end", node->name,
			   p->conversations.n - p->conversations.n_free);
	if (p->conversations.n_retained)
		world_fail(w, "%s: %u results are retained at the end", node->name,
			   p->conversations.n_retained);
	if (p->n_on_workers || (node->pool && node->pool->n_waiting))
		world_fail(w, "%s: %u calls are on workers at the end", node->name,
			   p->n_on_workers);
	if (p->bulk.n || p->bulk.bytes)
		world_fail(w, "%s: %u large messages of %u bytes are left at the end", node->name,
			   p->bulk.n, p->bulk.bytes);
	if (p->bulk.due_tsc != FLY_NEVER || p->n_parked)
		world_fail(w, "%s: a timer is armed, or %u calls are parked, at the end",
			   node->name, p->n_parked);
	TAILQ_FOREACH(path, &p->bulk.paths, all)
	{
		if (path->n || path->n_flight || path->resume_tsc != FLY_NEVER)
			world_fail(w, "%s: something is under way on a path at the end",
				   node->name);
	}
	for (unsigned i = 0; i < node->n_plugs; i++) {
		if (node->plugs[i].link.n_queued || node->plugs[i].n_ring)
			world_fail(w, "%s: packets wait at the end", node->name);
	}
	if (rte_mempool_avail_count(node->runtime.group.pool) + p->cache.n + held != node->packets)
		world_fail(w, "%s: of %u packets there are %u at the end", node->name,
			   node->packets,
			   rte_mempool_avail_count(node->runtime.group.pool) + p->cache.n + held);
}

/* Calls of Null have no number: only their executions can be counted. */
static void quiet_nulls(struct world *w)
{
	uint64_t certain = 0;
	uint64_t possible = 0;

	for (uint32_t i = 0; i < w->n_calls; i++) {
		const struct call *c = &w->calls[i];

		if (c->procedure != TRIAL_NULL)
			continue;
		certain += c->state == CALL_ENDED && c->status == 0;
		possible += c->state == CALL_GONE || fly_outcome(c->status) == FLY_MAYBE_EXECUTED;
	}
	if (w->null_runs < certain || w->null_runs > certain + possible)
		world_fail(w, "Null ran %ju times, for %ju calls that returned and %ju that may",
			   (uintmax_t)w->null_runs, (uintmax_t)certain, (uintmax_t)possible);
}

void oracle_quiet(struct world *w)
{
	for (unsigned i = 0; i < w->n_nodes; i++)
		quiet_node(w, &w->nodes[i]);
	if (w->n_frames)
		world_fail(w, "%u frames are under way at the end", w->n_frames);
	quiet_nulls(w);
}
