/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local.c - bindings over the local link, on virtual time. See world.h.
 *
 * Both halves are those that ship, and the memory that they share, the connection and the life page
 * are the system's: what is simulated is when each side looks. A call is seen when its server's
 * poller turns, a result when its client looks; the seed chooses when the clerk reads a byte, gives
 * far memory back, or finds that a client has gone. The clerk's thread is here: what it does
 * between two waits is done in an event. A process that crashes closes its connections.
 *
 * Owns the clients of all nodes. Besides what the oracle checks: a call that was handed over is
 * polled or was rung for, and a poller that sleeps gets a byte.
 */
#include "world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "local/import.h"
#include "local/map.h"
#include "local/work.h"

#define CLERK_MOST   (30 * US)
#define CLERK_LATE   (5 * MS)  /* when it had no core */
#define REMOVE_AGAIN (20 * US) /* the poller runs a procedure: it removes nobody */

/* The program's own threads have numbers behind those of the simulation's. */
#define CALLER 1000000

/* Whose thread runs now, and the server that it binds to. */
static struct desk *here;
static struct node *binding_to;

/* ---- threads --------------------------------------------------------------------------------- */

uint64_t thread_enter(struct desk *desk)
{
	const uint64_t outer = fly_thread_mine;

	here = desk;
	fly_thread_mine =
		CALLER + desk->node->index * NODE_DESKS + (uint64_t)(desk - desk->node->desks);
	return outer;
}

struct desk *thread_here(void)
{
	return here;
}

void thread_leave(uint64_t outer)
{
	fly_thread_mine = outer;
}

/* ---- the clerk ------------------------------------------------------------------------------- */

void local_want_clerk(struct node *node, uint64_t when)
{
	if (!node->is_up || when >= node->clerk_at)
		return;
	node->clerk_at = when;
	world_event(node->world, when, EVENT_CLERK, node);
}

static void want_clerk(struct node *node)
{
	struct world *w = node->world;

	local_want_clerk(node,
			 w->now + (world_chance(w, w->plan.late_ppm) ? world_below(w, CLERK_LATE)
								     : world_below(w, CLERK_MOST)));
}

/* Linked around the library's: the client has sent a byte to its server. */
void __real_fly_local_wake_server(struct fly_local *l);
void __wrap_fly_local_wake_server(struct fly_local *l);

void __wrap_fly_local_wake_server(struct fly_local *l)
{
	struct world *w = world_here();

	__real_fly_local_wake_server(l);
	for (unsigned i = 0; i < w->plan.n_servers; i++) {
		struct node *node = &w->nodes[i];

		for (unsigned j = 0; j < node->n_clients; j++) {
			if (node->clients[j].desk->binding == &l->head) {
				node->clients[j].has_byte = true;
				want_clerk(node);
			}
		}
	}
}

/* As free_client() of src/local/clerk.c. */
static void free_client(struct fly_local_client *of)
{
	fly_astack_unmap(&of->memory);
	close(of->far_fd);
	close(of->socket);
	free(of);
}

/* Workers run calls of a client that has gone. There are no more such clients than workers. */
static void keep_client(struct node *node, struct fly_local_client *of)
{
	for (unsigned i = 0; i < NODE_WORKERS; i++) {
		if (!node->left[i]) {
			node->left[i] = of;
			return;
		}
	}
	world_fail(node->world, "%s keeps more clients than it has workers", node->name);
}

/* As free_some() of src/local/clerk.c. */
static void free_left(struct node *node)
{
	for (unsigned i = 0; i < NODE_WORKERS; i++) {
		struct fly_local_client *of = node->left[i];

		if (!of || atomic_load_explicit(&of->n_left, memory_order_acquire) != 0)
			continue;
		node->left[i] = NULL;
		free_client(of);
	}
}

static void remove_client(struct node *node, struct client *c)
{
	trace_line(node->world, "%s: client %s.%u has gone", node->name, c->desk->node->name,
		   (unsigned)(c->desk - c->desk->node->desks));
	world_wake(node);
	fly_local_client_remove(world_poller(node), c->as);
	if (atomic_load_explicit(&c->as->n_left, memory_order_acquire) == 0)
		free_client(c->as);
	else
		keep_client(node, c->as);
	*c = node->clients[--node->n_clients];
}

/* As give_back() of src/local/clerk.c, a slot at once. Return: more is left to give back. */
static bool give_back(struct fly_local_client *of)
{
	const uint64_t given = atomic_load_explicit(&of->far_given, memory_order_acquire);
	uint32_t i;

	if (given == 0)
		return false;
	i = (uint32_t)__builtin_ctzll(given);
	madvise(fly_astack_bytes(&of->memory, i, FLY_ASTACK_IS_FAR), FLY_ASTACK_FAR, MADV_REMOVE);
	madvise(fly_astack_results(&of->memory, i, FLY_ASTACK_IS_FAR), FLY_ASTACK_FAR, MADV_REMOVE);
	atomic_fetch_and_explicit(&of->far_given, ~(UINT64_C(1) << i), memory_order_release);
	atomic_store_explicit(&fly_astack_head(&of->memory)->far[i], FLY_FAR_FREE,
			      memory_order_release);
	return (given & (given - 1)) != 0;
}

/* Return: is more to be done? */
static bool clerk_looks(struct node *node, struct client *c)
{
	char bytes[64];
	const ssize_t n = recv(c->as->socket, bytes, sizeof bytes, MSG_DONTWAIT);

	if (n > 0) {
		c->has_byte = false;
		fly_life_beat(&node->page->process);
		node->is_woken = true;
		world_want(node, node->world->now);
		return true;
	}
	if (n == 0 || errno != EAGAIN) {
		if (node->is_inside)
			return true;
		remove_client(node, c);
		return false;
	}
	return give_back(c->as);
}

void local_clerk(struct node *node)
{
	struct world *w = node->world;
	bool is_more = false;

	node->clerk_at = NEVER;
	if (!node->is_up || node->is_dead)
		return;
	if (w->now < node->paused_until) {
		local_want_clerk(node, node->paused_until);
		return;
	}
	world_digest(w, node->index);
	free_left(node);
	for (unsigned i = node->n_clients; i-- > 0;)
		is_more |= clerk_looks(node, &node->clients[i]);
	if (is_more)
		local_want_clerk(node, w->now + REMOVE_AGAIN);
}

/* ---- processes ------------------------------------------------------------------------------- */

static void name_of(const struct node *node, char name[64])
{
	snprintf(name, 64, "local:sim-%d-%u", (int)getpid(), node->index);
}

void local_start(struct node *node)
{
	struct world *w = node->world;
	struct fly_poller *p = world_poller(node);
	struct sockaddr_un address;
	socklen_t length;
	char name[64];

	node->n_clients = 0;
	node->clerk_at = NEVER;
	node->listener = -1;
	if (!w->plan.has_local && !w->plan.has_attached)
		return;
	fly_owned_list_init(&node->runtime.group.owned);
	node->runtime.group.wait = FLY_WAIT_SPIN;
	if (node->index >= w->plan.n_servers || !w->plan.has_local)
		return;
	node->page = fly_life_make(&node->life_fd);
	p->local->life = &node->page->pollers[0];
	name_of(node, name);
	length = fly_astack_address(name + strlen("local:"), &address);
	node->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (!node->page || bind(node->listener, (struct sockaddr *)&address, length) ||
	    listen(node->listener, 16)) {
		perror("sim: local link");
		abort();
	}
	p->local->held = w->plan.local_held; /* as if others held it */
}

void local_stop(struct node *node)
{
	struct fly_poller *p = world_poller(node);

	while (node->n_clients)
		remove_client(node, &node->clients[node->n_clients - 1]);
	if (node->listener < 0)
		return;
	close(node->listener);
	node->listener = -1;
	p->local->life = NULL;
	fly_life_free(node->page, node->life_fd);
	node->page = NULL;
}

void local_end(struct node *node)
{
	struct world *w = node->world;
	struct fly_poller *p = world_poller(node);

	if (!w->plan.has_local && !w->plan.has_attached)
		return;
	free_left(node); /* all workers have ended */
	for (unsigned i = 0; i < NODE_WORKERS; i++) {
		if (node->left[i])
			world_fail(w, "%s keeps the memory of a client for nobody", node->name);
	}
	if (fly_local_works(p) || !LIST_EMPTY(&p->local->users) || p->local->n ||
	    (w->plan.has_local && node->index < w->plan.n_servers &&
	     p->local->held != w->plan.local_held))
		world_fail(w, "%s ends with %u long local calls, and %ju bytes held for them",
			   node->name, fly_local_works(p),
			   (uintmax_t)(p->local->held - w->plan.local_held));
	if (!LIST_EMPTY(&node->runtime.group.owned.all))
		world_fail(w, "%s ends with bindings of its threads", node->name);
	fly_owned_list_fini(&node->runtime.group.owned);
}

/* ---- binding --------------------------------------------------------------------------------- */

static struct fly_local_client *make_client(struct node *node, int socket, int fds[FLY_BIND_FDS])
{
	const struct fly_export *export = &world_poller(node)->exports[1];
	struct fly_local_client *as =
		aligned_alloc(RTE_CACHE_LINE_SIZE,
			      RTE_CACHE_LINE_ROUNDUP(sizeof(struct fly_local_client)));

	if (!as)
		abort();
	*as = (struct fly_local_client){
		.export_at = 1,
		.export_id = export->id,
		.socket = socket,
		.uid = (uid_t)here->node->index, /* each node is a user of its own */
		.clerk_fd = NODES + (int)node->index,
	};
	if (fly_astack_make(&as->memory, node->world->plan.a_stacks, false, fds) ||
	    fly_local_client_add(world_poller(node), as))
		abort();
	as->far_fd = dup(fds[FLY_BIND_FAR]);
	return as;
}

/* Linked instead of the library's: the clerk answers at once, or not at all. */
ssize_t __wrap_fly_bind_receive(int socket, struct fly_bind_answer *answer, int fds[FLY_BIND_FDS]);

ssize_t __wrap_fly_bind_receive(int socket, struct fly_bind_answer *answer, int fds[FLY_BIND_FDS])
{
	struct node *node = binding_to;
	struct fly_bind_request request;
	struct client *c = &node->clients[node->n_clients];
	const int at = accept4(node->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)socket;
	if (at < 0 || recv(at, &request, sizeof request, 0) != sizeof request)
		abort();
	*c = (struct client){.desk = here, .as = make_client(node, at, fds)};
	node->n_clients++;
	fds[FLY_BIND_LIFE] = dup(node->life_fd);
	*answer = (struct fly_bind_answer){
		.magic = FLY_BIND_MAGIC,
		.protocol = FLY_BIND_PROTOCOL,
		.slots = (uint16_t)c->as->memory.slots,
		.near_bytes = c->as->memory.near_bytes,
		.far_bytes = c->as->memory.far_bytes,
	};
	return sizeof *answer;
}

bool local_bind(struct desk *desk)
{
	struct node *server = desk->plug->far->node;
	char name[64];
	int status;

	if (server->is_inside || server->n_clients == NODE_CLIENTS || server->listener < 0)
		return false;
	name_of(server, name);
	world_wake(server);
	binding_to = server;
	if (desk->binding)
		status = fly_rebind(desk->binding);
	else
		status = fly_local_import(&desk->node->runtime.group, "Trial", 1, name, NULL,
					  &desk->binding);
	want_clerk(server); /* the connection before has ended */
	return status == 0;
}

void local_unbound(struct desk *desk)
{
	want_clerk(desk->plug->far->node);
}

/* ---- calls ----------------------------------------------------------------------------------- */

static const struct client *client_of(const struct desk *desk)
{
	struct node *server = desk->plug->far->node;

	/* Of two, the later one: the other has ended. */
	for (unsigned i = server->n_clients; i-- > 0;) {
		if (server->clients[i].desk == desk)
			return &server->clients[i];
	}
	return NULL;
}

void local_sent(struct desk *desk, const struct fly_call *call)
{
	struct world *w = desk->node->world;
	struct node *server = desk->plug->far->node;
	const struct client *c = client_of(desk);
	const uint32_t i = ((const struct fly_local_call *)(const void *)call)->index;
	const struct fly_astack_head *head;

	if (!c || c->as->ending || !server->is_up)
		return;
	head = fly_astack_head(&c->as->memory);
	if (!fly_astack_slot(c->as->memory.near, i)->polled && !(head->bell >> i & 1))
		world_fail(w, "a call of %s in slot %u is neither polled nor rung for",
			   desk->node->name, i);
	if (head->asleep && (head->bell >> i & 1) && !c->has_byte)
		world_fail(w, "%s sleeps, has a call of %s, and nobody wakes it", server->name,
			   desk->node->name);
	if (!server->sleeps)
		world_want(server, w->now);
}

bool local_has_calls(const struct node *node)
{
	for (unsigned i = 0; i < node->n_clients; i++) {
		const struct fly_local_client *as = node->clients[i].as;

		if (as->ending)
			continue;
		if (fly_astack_head(&as->memory)->bell)
			return true;
		for (uint32_t k = 0; as->polled && k < as->memory.slots; k++) {
			const struct fly_slot *s = fly_astack_slot(as->memory.near, k);

			if (s->polled && fly_slot_is(s, FLY_SLOT_CALL) &&
			    !fly_slot_is_claimed(s, fly_slot_word(s)))
				return true;
		}
	}
	return false;
}

bool local_is_awaited(const struct node *node)
{
	for (unsigned i = 0; i < node->n_clients; i++) {
		const struct desk *desk = node->clients[i].desk;

		for (unsigned j = 0; j < desk->window; j++) {
			if (desk->slots[j].call && !desk->slots[j].is_held)
				return true;
		}
	}
	return false;
}

void local_look(struct node *node)
{
	for (unsigned i = 0; i < node->n_clients; i++) {
		struct client *c = &node->clients[i];

		for (uint32_t k = 0; k < c->as->memory.slots; k++) {
			const struct fly_slot *s = fly_astack_slot(c->as->memory.near, k);

			if (!fly_slot_is(s, FLY_SLOT_RESULT) || c->seen[k] == fly_slot_seq(s))
				continue;
			c->seen[k] = fly_slot_seq(s);
			world_want(c->desk->node, node->world->now);
		}
		if (c->as->ending)
			world_want(c->desk->node, node->world->now);
	}
}

/* Linked instead of the system's: a client waits for far memory that the clerk has. */
int __wrap_nanosleep(const struct timespec *time, struct timespec *left);

int __wrap_nanosleep(const struct timespec *time, struct timespec *left)
{
	struct desk *desk = here;
	const uint64_t outer = fly_thread_mine;

	(void)left;
	thread_leave(world_here()->thread);
	world_pause(world_here(), (uint64_t)time->tv_nsec);
	thread_leave(outer);
	here = desk;
	return 0;
}
