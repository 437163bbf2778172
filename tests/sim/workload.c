/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * workload.c - callers: choose procedure, time and data of each call, and check how it ended. See
 * world.h.
 *
 * A struct desk is a binding, with as many calls in flight as its window has slots. The workload
 * runs between two turns of a process's poller, on the same thread, as a real caller does.
 */
#include "world.h"
#include "base/random.h"

#define BIND_AGAIN  (2 * MS)   /* the binder did not answer */
#define START_AGAIN (50 * US)  /* no packet, no entry */
#define BUSY_AGAIN  (200 * US) /* the server had no room */
#define CHECK_AGAIN (300 * US)
#define LOCAL_POLLS 32         /* of a call over the local link, at each look */
#define HOLD        (200 * US) /* longest time that a result is kept */

const char *const procedure_names[TRIAL_N] = {
	"Null", "Add",  "Fill",   "Sum",  "Mirror", "Swap", "Store",         "Fetch", "Exchange",
	"Look", "Scan", "Refuse", "Fail", "Not",    "Work", "Not_malformed", "none",
};

/* ---- memory that calls lend ---- */

/* Memory of just this size, which is freed when the call has ended: AddressSanitizer watches it. */
static uint8_t *lend(struct slot *slot, uint32_t bytes)
{
	free(slot->lent);
	slot->lent = malloc(bytes ? bytes : 1);
	return slot->lent;
}

static void take_back(struct slot *slot)
{
	free(slot->lent);
	slot->lent = NULL;
	slot->loans.n_results = 0;
}

/* ---- bindings ---- */

static struct plug *plug_to_server(struct world *w, struct node *node)
{
	struct plug *servers[NODE_PLUGS];
	unsigned n = 0;

	for (unsigned i = 0; i < node->n_plugs; i++) {
		if (node->plugs[i].far->node->index < w->plan.n_servers)
			servers[n++] = &node->plugs[i];
	}
	return n ? servers[world_below(w, n)] : NULL;
}

void workload_plan(struct world *w)
{
	for (unsigned i = 0; i < w->n_nodes; i++) {
		struct node *node = &w->nodes[i];
		unsigned n = 1 + (unsigned)world_below(w, 3);

		if (i < w->plan.n_servers)
			n = world_chance(w, PPM / 3) ? n - 1 : 0;
		for (unsigned j = 0; j < n; j++) {
			struct plug *plug = plug_to_server(w, node);
			struct desk *desk = &node->desks[node->n_desks];

			if (!plug)
				break;
			desk->node = node;
			desk->plug = plug;
			desk->is_local = w->plan.has_local && world_chance(w, PPM * 3 / 4);
			desk->wake_at = w->now + world_below(w, 100 * MS);
			desk->window = world_chance(w, PPM / 4)
					       ? 1
					       : (unsigned)world_spread(w, 1, DESK_WINDOW);
			desk->is_attached = !desk->is_local && w->plan.has_attached &&
					    world_chance(w, PPM * 3 / 4);
			desk->look_at = NEVER;
			if (desk->is_local && world_chance(w, PPM * 3 / 4))
				desk->window = RTE_MIN(desk->window, w->plan.a_stacks);
			node->n_desks++;
		}
	}
}

static void set_deadline(struct desk *desk)
{
	struct world *w = desk->node->world;

	desk->deadline_us = 0;
	if (w->plan.has_deadlines && world_chance(w, PPM / 2))
		desk->deadline_us = (uint32_t)world_spread(w, 20, 100000);
	if (desk->is_local || desk->deadline_us)
		fly_set_deadline(desk->binding, desk->deadline_us);
}

/* Bind without a binder: use the export's current identifier. */
static bool bind(struct desk *desk)
{
	struct world *w = desk->node->world;
	const struct node *server = desk->plug->far->node;
	const struct fly_link *there = &desk->plug->far->link;
	struct fly_address peer = {.ip = there->ip, .port = there->udp_port};
	uint32_t export_id = server->export_id;
	struct fly_import *import;
	uint64_t activity;

	if (!server->is_up || server->is_dead || server->is_stopping ||
	    server->paused_until > w->now || desk->plug->cut_until > w->now ||
	    desk->plug->far->cut_until > w->now)
		return false;
	desk->is_stale = false;
	if (desk->is_local) {
		desk->is_bound = local_bind(desk);
		if (!desk->is_bound)
			return false;
		desk->server_life = server->life;
		set_deadline(desk);
		trace_line(w, "%s binds to %s over the local link, %u calls at a time",
			   desk->node->name, server->name, desk->window);
		return true;
	}
	memcpy(peer.mac, there->mac, 6);
	desk->is_wrong = w->plan.strange_per_10000 && world_chance(w, PPM / 20);
	if (desk->is_wrong)
		export_id ^= (uint32_t)(1 + world_below(w, 1U << 28)) << 4;
	if (desk->is_attached)
		thread_leave(w->thread); /* the poller's, for a moment */
	import = fly_import_make(world_poller(desk->node), &desk->plug->link, &peer, export_id,
				 fly_random_activity());
	if (desk->is_attached)
		thread_enter(desk);
	if (!import)
		return false;
	desk->binding = &import->head;
	desk->server_life = desk->is_wrong ? 0 : server->life;
	activity = import->activity;
	if (desk->is_attached) {
		desk->binding = NULL;
		if (!attached_bind(desk, import))
			return false;
	}
	set_deadline(desk);
	trace_line(w, "%s binds to %s, export %08x%s, activity %012jx, %u calls at a time",
		   desk->node->name, server->name, export_id,
		   desk->is_wrong ? " (there is none)" : "", (uintmax_t)(activity >> 16),
		   desk->window);
	return true;
}

static void end_slot(struct desk *desk, struct slot *slot)
{
	if (slot->call) {
		desk->node->n_out--;
		desk->node->world->n_out--;
	}
	/* What it has lent is taken back when the library has let go of it. */
	*slot = (struct slot){.loans = slot->loans, .lent = slot->lent};
}

void workload_unbind(struct desk *desk, bool is_crash)
{
	struct world *w = desk->node->world;
	uint64_t outer;

	/* Ending it sends packets, and whatever ends bindings may be due when one is sent. */
	if (!desk->binding || desk->is_ending)
		return;
	desk->is_ending = true;
	if (!is_crash)
		trace_line(w, "%s ends its binding to %s", desk->node->name,
			   desk->plug->far->node->name);
	for (unsigned i = 0; i < desk->window; i++) {
		struct slot *slot = &desk->slots[i];

		if (slot->call && !slot->is_held)
			oracle_gone(w, slot->number);
		end_slot(desk, slot);
	}
	outer = fly_thread_mine;
	if (desk->is_local || desk->is_attached)
		thread_enter(desk);
	if (desk->is_attached)
		attached_unbind(desk);
	else
		fly_unbind(desk->binding);
	thread_leave(outer);
	for (unsigned i = 0; i < desk->window; i++)
		take_back(&desk->slots[i]);
	desk->binding = NULL;
	desk->is_ending = false;
	desk->is_bound = false;
	if (desk->is_local)
		local_unbound(desk);
	desk->wake_at = w->now;
	world_want(desk->node, w->now);
}

void workload_crash(struct node *node)
{
	for (unsigned i = 0; i < node->n_desks; i++)
		workload_unbind(&node->desks[i], true);
	memset(node->current, 0, sizeof node->current);
}

void workload_was_away(struct desk *desk)
{
	struct world *w = desk->node->world;

	for (unsigned i = 0; i < desk->window; i++) {
		const struct slot *slot = &desk->slots[i];

		if (slot->call && !slot->is_held)
			w->calls[slot->number].heard = w->now;
	}
}

void workload_absent(struct node *node)
{
	for (unsigned i = 0; i < node->n_desks; i++)
		workload_was_away(&node->desks[i]);
}

/* ---- a call begins ---- */

static enum procedure choose(struct world *w)
{
	static const enum procedure small[] = {
		TRIAL_NULL, TRIAL_NULL,   TRIAL_ADD,    TRIAL_ADD,  TRIAL_ADD,  TRIAL_ADD,
		TRIAL_ADD,  TRIAL_ADD,    TRIAL_FILL,   TRIAL_FILL, TRIAL_SUM,  TRIAL_SUM,
		TRIAL_SWAP, TRIAL_MIRROR, TRIAL_MIRROR, TRIAL_LOOK, TRIAL_LOOK, TRIAL_NOT,
	};
	static const enum procedure bulk[] = {
		TRIAL_STORE,
		TRIAL_FETCH,
		TRIAL_EXCHANGE,
		TRIAL_SCAN,
	};
	const struct plan *p = &w->plan;
	const unsigned drawn = (unsigned)world_below(w, 10000);
	unsigned below = p->bulk_per_10000;

	if (drawn < below)
		return bulk[world_below(w, RTE_DIM(bulk))];
	below += p->error_per_10000;
	if (drawn < below)
		return world_chance(w, PPM / 2) ? TRIAL_REFUSE : TRIAL_FAIL;
	below += p->strange_per_10000;
	if (drawn < below)
		return world_chance(w, PPM / 2) ? TRIAL_MALFORMED : TRIAL_NONE;
	below += p->work_per_10000;
	if (drawn < below)
		return TRIAL_WORK;
	return small[world_below(w, RTE_DIM(small))];
}

/* Choose the data of a call. */
static void fill_in(struct world *w, struct call *c)
{
	const uint32_t large = (uint32_t)world_spread(w, 1, w->plan.bulk_most);
	const bool is_large = c->procedure == TRIAL_STORE || c->procedure == TRIAL_FETCH ||
			      c->procedure == TRIAL_EXCHANGE;

	if (c->procedure == TRIAL_WORK ||
	    (is_large && w->plan.work_per_10000 && world_chance(w, PPM / 8)))
		c->us = (uint32_t)(world_spread(w, 10 * US, w->plan.work_most) / US);
	switch (c->procedure) {
	case TRIAL_FILL:
		c->bytes_out = 1440;
		return;
	case TRIAL_SUM:
		c->bytes_in = 1400;
		return;
	case TRIAL_MIRROR:
		c->bytes_in = c->bytes_out = 500;
		return;
	case TRIAL_SWAP:
		c->bytes_in = c->bytes_out = 1200;
		return;
	case TRIAL_STORE:
		c->bytes_in = large;
		return;
	case TRIAL_EXCHANGE:
		c->bytes_in = large;
		c->bytes_out = (uint32_t)world_spread(w, 1, w->plan.bulk_most);
		return;
	case TRIAL_FETCH:
	case TRIAL_SCAN:
		c->bytes_out = large;
		return;
	case TRIAL_LOOK:
		c->bytes_out = (uint32_t)world_below(w, 1401);
		return;
	case TRIAL_REFUSE:
		c->bytes_out = (uint32_t)world_below(w, 1001);
		return;
	default:
		return;
	}
}

/* Start a malformed call without a stub: an unknown procedure number, or an invalid bool. */
static int start_strange(struct fly_binding *binding, const struct call *c, struct fly_call **call)
{
	const bool is_none = c->procedure == TRIAL_NONE;
	const int status = binding->starter(binding, is_none ? 1000 : Trial_Not_NUMBER, 1, call);

	if (status)
		return status;
	(*call)->payload[0] = 7;
	binding->send(*call);
	return 0;
}

/* ---- calls that lend ---- */

/* Lend a variable for the results of a Fetch, as a stub does that waits for them. */
static void lend_results(struct slot *slot)
{
	struct fly_binding *b = slot->call->binding;

	fly_loans_init(&slot->loans);
	fly_lend_result(&slot->loans, Trial_Fetch_RESULT_BYTES, lend(slot, BYTES_MAX), BYTES_MAX,
			1);
	slot->loans.call = slot->call;
	slot->loans.outer = b->loans;
	b->loans = &slot->loans;
}

/* The end of such a call. Other calls of the binding may have begun since. */
static int finish_lent(struct slot *slot, const struct call *c, bool *is_right)
{
	struct fly_call *call = slot->call;
	struct fly_binding *b = call->binding;
	struct fly_loans **at = &b->loans;
	const uint8_t *data;
	int status;

	status = b->wait(call);
	while (*at != &slot->loans)
		at = &(*at)->outer;
	*at = slot->loans.outer;
	*is_right = true;
	if (status)
		return fly_stub_failed(call, status);
	data = slot->loans.is_stored ? slot->lent : call->payload + Trial_Fetch_RESULT_BYTES;
	*is_right = call->length == Trial_Fetch_RESULT_BYTES + c->bytes_out &&
		    fly_get_u32(call->payload) == c->bytes_out &&
		    memcmp(data, oracle_data(slot->number, 1), c->bytes_out) == 0;
	b->ender(call);
	return 0;
}

/* Start a call that borrows its long argument. */
static int start_from(struct fly_binding *b, struct slot *slot, const struct call *c,
		      uint32_t number)
{
	const uint8_t *data = memcpy(lend(slot, c->bytes_in), oracle_data(number, 0), c->bytes_in);

	if (c->procedure == TRIAL_STORE)
		return Trial_Store_start_from(b, number, data, c->bytes_in, &slot->call);
	return Trial_Exchange_start_from(b, number, data, c->bytes_in, &slot->call);
}

static int start_call(struct fly_binding *b, const struct call *c, uint32_t number,
		      struct fly_call **call)
{
	const uint8_t *in = oracle_data(number, 0);

	switch ((enum procedure)c->procedure) {
	case TRIAL_NULL:
		return Trial_Null_start(b, call);
	case TRIAL_ADD:
		return Trial_Add_start(b, number, number, ~(uint64_t)number, call);
	case TRIAL_FILL:
		return Trial_Fill_start(b, number, call);
	case TRIAL_SUM:
		return Trial_Sum_start(b, number, in, call);
	case TRIAL_MIRROR:
		return Trial_Mirror_start(b, number, in, call);
	case TRIAL_SWAP:
		return Trial_Swap_start(b, number, in, call);
	case TRIAL_STORE:
		return Trial_Store_start(b, number, in, c->bytes_in, call);
	case TRIAL_FETCH:
		return Trial_Fetch_start(b, number, c->bytes_out, call);
	case TRIAL_EXCHANGE:
		return Trial_Exchange_start(b, number, in, c->bytes_in, call);
	case TRIAL_LOOK:
		return Trial_Look_start(b, number, c->bytes_out, call);
	case TRIAL_SCAN:
		return Trial_Scan_start(b, number, c->bytes_out, call);
	case TRIAL_REFUSE:
		return Trial_Refuse_start(b, number, c->bytes_out, call);
	case TRIAL_FAIL:
		return Trial_Fail_start(b, number, call);
	case TRIAL_NOT:
		return Trial_Not_start(b, true, call);
	case TRIAL_WORK:
		return Trial_Work_start(b, number, c->us, call);
	case TRIAL_MALFORMED:
	case TRIAL_NONE:
	case TRIAL_N:
		break;
	}
	return start_strange(b, c, call);
}

static void start(struct desk *desk, struct slot *slot)
{
	struct node *node = desk->node;
	struct world *w = node->world;
	const uint32_t number = w->n_calls++;
	struct call *c = &w->calls[number];
	const struct fly_call_entry *e;
	unsigned index;
	int status;

	*c = (struct call){
		.procedure = (uint8_t)choose(w),
		.node = (uint8_t)node->index,
		.server = (uint8_t)desk->plug->far->node->index,
		.server_life = desk->server_life,
		.deadline_us = desk->deadline_us,
		.is_local = desk->is_local,
		.is_attached = desk->is_attached,
		.started = w->now,
		.desk = (uint8_t)(desk - node->desks),
		.away = node->away + desk->away,
		.heard = w->now,
	};
	fill_in(w, c);
	slot->number = number;
	if ((c->procedure == TRIAL_STORE || c->procedure == TRIAL_EXCHANGE) &&
	    world_chance(w, PPM / 2))
		status = start_from(desk->binding, slot, c, number);
	else
		status = start_call(desk->binding, c, number, &slot->call);
	if (!status && c->procedure == TRIAL_FETCH && !desk->is_local && !desk->is_attached &&
	    world_chance(w, PPM / 2))
		lend_results(slot);
	if (status) {
		take_back(slot);
		slot->call = NULL;
		slot->wake_at = w->now + 1 + world_below(w, START_AGAIN);
		oracle_ended(w, number, status, true);
		if (status == -FLY_ELINK)
			desk->is_stale = true;
		return;
	}
	node->n_out++;
	w->n_out++;
	if (w->plan.cancel_per_10000 && world_below(w, 10000) < w->plan.cancel_per_10000)
		slot->cancel_at = w->now + world_spread(w, US, 10 * MS);
	if (desk->is_local) {
		trace_line(w, "%s calls %s: #%u %s, over the local link", node->name,
			   desk->plug->far->node->name, number, procedure_names[c->procedure]);
		local_sent(desk, slot->call);
		return;
	}
	if (desk->is_attached) {
		trace_line(w, "a thread of %s calls %s: #%u %s", node->name,
			   desk->plug->far->node->name, number, procedure_names[c->procedure]);
		attached_sent(desk, slot->call);
		return;
	}
	e = fly_entry_of(slot->call);
	index = e->activity & 0xffff;
	node->current[index].activity = e->activity;
	node->current[index].seq = e->seq;
	node->current[index].number = number;
	trace_line(w, "%s calls %s: #%u %s, %012jx.%u seq %u", node->name,
		   desk->plug->far->node->name, number, procedure_names[c->procedure],
		   (uintmax_t)(e->activity >> 16), index, e->seq);
}

/* ---- a call ends ---- */

static bool is_result(const uint8_t *data, uint32_t bytes, const struct call *c, uint32_t number)
{
	return bytes == c->bytes_out && memcmp(data, oracle_data(number, 1), bytes) == 0;
}

static bool is_raised(uint32_t number)
{
	const struct fly_raised *raised = fly_raised();

	return raised->number == (int)(number % 1000) + 1 && strcmp(raised->text, "so it is") == 0;
}

/* Return: the call's status. *is_right: are the results right? */
static int finish_call(const struct call *c, uint32_t number, struct fly_call *call, uint8_t *data,
		       bool *is_right)
{
	struct Trial_Refuse_raised raised;
	uint64_t result = 0;
	uint32_t bytes = c->bytes_out;
	bool truth = true;
	int status;

	*is_right = true;
	switch ((enum procedure)c->procedure) {
	case TRIAL_NULL:
		return Trial_Null_finish(call);
	case TRIAL_ADD:
		status = Trial_Add_finish(call, &result);
		break;
	case TRIAL_SUM:
		status = Trial_Sum_finish(call, &result);
		break;
	case TRIAL_STORE:
		status = Trial_Store_finish(call, &result);
		break;
	case TRIAL_WORK:
		status = Trial_Work_finish(call, &result);
		break;
	case TRIAL_FILL:
		status = Trial_Fill_finish(call, data);
		*is_right = status || is_result(data, bytes, c, number);
		return status;
	case TRIAL_MIRROR:
		status = Trial_Mirror_finish(call, data);
		*is_right = status || is_result(data, bytes, c, number);
		return status;
	case TRIAL_SWAP:
		status = Trial_Swap_finish(call, data);
		*is_right = status || is_result(data, bytes, c, number);
		return status;
	case TRIAL_FETCH:
		status = Trial_Fetch_finish(call, data, &bytes);
		*is_right = status || is_result(data, bytes, c, number);
		return status;
	case TRIAL_EXCHANGE:
		status = Trial_Exchange_finish(call, data, &bytes);
		*is_right = status || is_result(data, bytes, c, number);
		return status;
	case TRIAL_LOOK:
		status = Trial_Look_finish(call, data, &bytes);
		*is_right = status || is_result(data, bytes, c, number);
		return status;
	case TRIAL_SCAN:
		status = Trial_Scan_finish(call, data, &bytes);
		*is_right = status || is_result(data, bytes, c, number);
		return status;
	case TRIAL_REFUSE:
		status = Trial_Refuse_finish(call, &raised);
		*is_right =
			status != -FLY_EEXCEPTION ||
			(raised.number == Trial_Refused_NUMBER &&
			 raised.as.Refused.number == number &&
			 is_result(raised.as.Refused.why, raised.as.Refused.why_count, c, number));
		return status;
	case TRIAL_FAIL:
		status = Trial_Fail_finish(call, data);
		*is_right = status != -FLY_ERAISED || is_raised(number);
		return status;
	default:
		status = Trial_Not_finish(call, &truth);
		*is_right = status || !truth;
		return status;
	}
	*is_right = status || result == TRIAL_SUM_OF(number);
	return status;
}

/* Get a view of the result and keep it for a while. Return: false: the call has ended. */
static bool hold(struct world *w, struct slot *slot, const struct call *c, int *status)
{
	if (c->procedure == TRIAL_FILL) {
		*status = Trial_Fill_view(slot->call, &slot->view);
		slot->view_bytes = 1440;
	} else {
		*status = Trial_Fetch_view(slot->call, &slot->view, &slot->view_bytes);
	}
	if (*status)
		return false;
	slot->is_held = true;
	slot->wake_at = w->now + world_below(w, HOLD);
	return true;
}

/* When to use the slot again, by the status of its call. */
static uint64_t next_at(struct world *w, int status)
{
	uint64_t at = w->now;

	if (w->plan.think)
		at += world_below(w, w->plan.think);
	if (status == -FLY_EBUSY)
		at += world_below(w, BUSY_AGAIN);
	if (w->plan.sleep_per_10000 && world_below(w, 10000) < w->plan.sleep_per_10000)
		at += world_spread(w, MS, w->plan.sleep_most);
	return at;
}

static void finish(struct desk *desk, struct slot *slot)
{
	static uint8_t buffers[NODES * NODE_DESKS][BYTES_MAX];
	static unsigned depth;
	struct world *w = desk->node->world;
	const uint32_t number = slot->number;
	const struct call *c = &w->calls[number];
	const bool can_view = c->procedure == TRIAL_FILL || c->procedure == TRIAL_FETCH;
	bool is_right = true;
	bool is_held = false;
	int status;

	if (slot->loans.n_results) {
		status = finish_lent(slot, c, &is_right);
	} else if (can_view && world_chance(w, PPM / 2)) {
		is_held = hold(w, slot, c, &status);
		is_right = !is_held || is_result(slot->view, slot->view_bytes, c, number);
	} else {
		/* Other threads may finish calls meanwhile, one within the other. */
		status = finish_call(c, number, slot->call, buffers[depth++], &is_right);
		depth--;
	}
	take_back(slot);
	oracle_ended(w, number, status, is_right);
	if (status == -FLY_ESTALE || status == -FLY_ESTALE_MAYBE || status == -FLY_EPEER ||
	    status == -FLY_ELINK)
		desk->is_stale = true;
	if (is_held)
		return;
	end_slot(desk, slot);
	slot->wake_at = next_at(w, status);
}

static void release(struct desk *desk, struct slot *slot)
{
	struct world *w = desk->node->world;

	if (!is_result(slot->view, slot->view_bytes, &w->calls[slot->number], slot->number))
		world_fail(w, "the result of call #%u changed while its caller had it",
			   slot->number);
	fly_release(slot->call);
	end_slot(desk, slot);
	slot->wake_at = next_at(w, 0);
}

/* ---- between two turns ---- */

static bool has_out(const struct desk *desk)
{
	for (unsigned i = 0; i < desk->window; i++) {
		if (desk->slots[i].call)
			return true;
	}
	return false;
}

/*
 * A caller polls all the time. Over the local link it looks at more than its slot once in
 * LOCAL_POLLS polls only.
 */
static bool is_ready(struct desk *desk, struct fly_call *call, uint64_t due)
{
	const uint64_t now = desk->node->world->now;
	unsigned polls = 1;

	if (desk->is_local && now >= RTE_MIN(desk->check_at, due)) {
		polls = LOCAL_POLLS;
		desk->check_at = now + CHECK_AGAIN;
	}
	while (polls-- > 0) {
		if (fly_ready(call))
			return true;
	}
	return false;
}

/* Watch a call that is in flight or has ended. */
static void watch(struct desk *desk, struct slot *slot)
{
	struct world *w = desk->node->world;
	const struct call *c = &w->calls[slot->number];
	const uint64_t due = c->deadline_us ? c->started + c->deadline_us * US : NEVER;

	if (slot->cancel_at && w->now >= slot->cancel_at && fly_cancel(slot->call) == 0) {
		trace_line(w, "%s cancels #%u", desk->node->name, slot->number);
		w->calls[slot->number].is_cancelled = true;
	}
	if (is_ready(desk, slot->call, due))
		finish(desk, slot);
	else if (slot->cancel_at)
		world_want(desk->node, slot->cancel_at);
	if (desk->is_local && slot->call && due != NEVER)
		world_want(desk->node, RTE_MAX(w->now + 1, due));
}

static void look_at(struct desk *desk)
{
	struct node *node = desk->node;
	struct world *w = node->world;

	if (!desk->binding || (desk->is_local && !desk->is_bound)) {
		if (w->n_calls == w->calls_wanted)
			return;
		if (w->now < desk->wake_at || !bind(desk)) {
			desk->wake_at = RTE_MAX(desk->wake_at, w->now + BIND_AGAIN);
			world_want(node, desk->wake_at);
			return;
		}
	}
	for (unsigned i = 0; i < desk->window; i++) {
		struct slot *slot = &desk->slots[i];

		if (slot->is_held && w->now >= slot->wake_at)
			release(desk, slot);
		else if (slot->call && !slot->is_held)
			watch(desk, slot);
		if (!slot->call && !desk->is_stale && w->now >= slot->wake_at &&
		    w->n_calls < w->calls_wanted)
			start(desk, slot);
		if (slot->wake_at > w->now)
			world_want(node, slot->wake_at);
	}
	if (!desk->is_stale || has_out(desk))
		return;
	if (desk->is_local && world_chance(w, PPM / 2))
		desk->is_bound = false; /* fly_rebind() */
	else
		workload_unbind(desk, false);
}

void workload_look(struct node *node)
{
	for (unsigned i = 0; i < node->n_desks; i++) {
		const uint64_t outer = fly_thread_mine;

		if (node->desks[i].is_attached)
			continue;
		if (node->desks[i].is_local)
			thread_enter(&node->desks[i]);
		look_at(&node->desks[i]);
		thread_leave(outer);
	}
}

void workload_turn(struct desk *desk)
{
	look_at(desk);
}

bool workload_is_over(const struct world *w)
{
	return w->n_calls == w->calls_wanted && w->n_out == 0;
}
