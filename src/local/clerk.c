/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local/clerk.c - admits clients of this machine to a runtime, and removes them.
 *
 * The clerk is one thread per runtime. It sleeps in epoll_wait(2), so a flood of connections costs
 * the clerk's time and no poller's. The clerk owns the sockets, the connections and the memory of
 * the bindings. A poller uses a binding between fly_local_client_add() and
 * fly_local_client_remove(), which run on the poller's thread. The clerk also frees the pages of
 * far memory: those that a poller has lent (local/sweep.c), and those of clients that have gone.
 *
 * The clerk waits for nobody
 *
 * A poller may be inside a procedure for ever, an export's allow() may block, and a client's memory
 * may take long to free. So a request to a poller is posted, allow() has a thread of its own, and
 * memory is freed a piece at a time. What is done comes back through `finished`, and the next step
 * follows (go_on()). A poller that does not answer for SILENT_MS gets no new clients as long as
 * there is another one. A client that was not admitted within FLY_LOCAL_ADMIT_MS is told why.
 *
 * Limits: clients= of the link for all bindings; half of that for any other user than our own;
 * FLY_LOCAL_HALF_MAX connections without a binding, for FLY_LOCAL_HALF_MS each until they have sent
 * a request.
 */
#include "local/clerk.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fastpath/poller.h"
#include "fastpath/slow.h"
#include "threads/request.h"
#include "local/admit.h"
#include "local/listener.h"
#include "local/life.h"
#include "local/map.h"
#include "base/clofork.h"
#include "base/error.h"
#include "base/signals.h"
#include "base/system_clock.h"
#include "local/server.h"
#include "threads/poller_group.h"

#define LISTENERS 16  /* per runtime */
#define SHUT_MS   100 /* time without accepting when no descriptor is left */
#define SILENT_MS 100 /* a poller that takes so long to answer gets no new clients */
#define PIECE_BYTES                                                                  \
	(8U << 20) /* of far memory that is freed at a time; FLY_ASTACK_FAR has many \
		    */

/* What an epoll event belongs to: first member of the struct that the event points to. */
enum subject {
	THE_BELL,
	A_LISTENER,
	A_CLIENT,
};

/* A socket that the clerk listens at. */
struct listener {
	enum subject subject;
	bool is_shut; /* not accepting for SHUT_MS: no descriptor was left */
	int socket;
	struct fly_link_spec spec;
	struct fly_clerk *clerk;
	unsigned n; /* places taken of clients= */
};

/*
 * Legal orders: CONNECTED -> ASKING -> ALLOWING -> ADDING -> BOUND -> REMOVING -> FREEING; ASKING
 * -> ADDING without allow(). From each of the first four it may end, refused; from ALLOWING,
 * REFUSED comes first, until allow() has returned.
 */
enum client_state {
	CONNECTED, /* no request yet */
	ASKING,    /* its poller looks the export up */
	ALLOWING,  /* allow() runs */
	REFUSED,   /* allow() runs, but the client was told to go */
	ADDING,    /* it has a place; its poller adds it */
	BOUND,
	REMOVING, /* its poller removes it; the place is free */
	FREEING,  /* its memory is freed, a piece at a time */
};

/* A connection. In `half` until it is BOUND, then in `bound`, then in `leaving`. */
struct client {
	enum subject subject;
	enum client_state state;
	int socket;
	struct listener *listener;
	struct ucred who;
	uint64_t came_ms;   /* when it connected; once it has sent its request, when it did */
	uint64_t posted_ms; /* when `work` was posted */
	struct fly_bind_request request;
	uint32_t export_at;
	uint32_t version; /* of the export found, also if it does not match */
	unsigned poller;  /* its index in the group; from ASKING on */
	struct fly_request work;
	struct fly_admit admit;          /* its export: from ASKING on */
	int result;                      /* of the step that is finished */
	int fds[FLY_ASTACK_FDS];         /* of the memory, for the client: only while ADDING */
	struct fly_local_client *stacks; /* from ADDING on */
	/* Written by the poller, in `work`. */
	bool is_served; /* the poller has it */
	bool was_ended; /* by the poller: the client may still read results */
	size_t freed;   /* FREEING, or giving back: so far, of the memory or slot */
	TAILQ_ENTRY(client) next;
	TAILQ_ENTRY(client) next_finished;
};

TAILQ_HEAD(clients, client);

/* What the clerk knows of a poller. */
struct seat {
	unsigned n;             /* clients that it has, or shall have */
	unsigned n_removing;    /* clients that have gone, and that it has not removed yet */
	_Atomic bool is_silent; /* `probe` is posted. Cleared where it is done */
	struct fly_request probe;
};

struct fly_clerk {
	enum subject subject; /* THE_BELL: events of `wake` */
	struct fly_poller_group *group;
	pthread_t thread;
	int epoll;
	int wake; /* an eventfd: far memory was lent, a step is finished, or the clerk must quit */
	struct fly_life *life; /* the process's word is the clerk's; never NULL */
	int life_fd;
	_Atomic bool quit;
	_Atomic unsigned n_bound;
	_Atomic uint64_t n_refused;
	uint64_t shut_ms; /* since when a listener is shut; 0: none is */
	unsigned n_sources;
	struct listener listeners[LISTENERS];
	struct clients half; /* connections that are not bound; oldest first */
	struct clients bound;
	struct clients leaving;
	unsigned n_half;
	bool has_lent; /* a client may have far memory to give back */
	struct seat seats[FLY_POLLERS];
	pthread_mutex_t lock;
	TAILQ_HEAD(, client) finished; /* under lock: their steps are done */
};

/* ---- steps that others do -------------------------------------------------------------------- */

static void ring_clerk(struct fly_clerk *k)
{
	const uint64_t one = 1;

	(void)!write(k->wake, &one, sizeof one); /* the counter does not overflow */
}

/* A step of this client is done. Any thread, which must not touch the client any more. */
static void finish(struct client *c, int result)
{
	struct fly_clerk *k = c->listener->clerk;

	pthread_mutex_lock(&k->lock);
	c->result = result;
	TAILQ_INSERT_TAIL(&k->finished, c, next_finished);
	pthread_mutex_unlock(&k->lock);
	ring_clerk(k);
}

static struct client *take_finished(struct fly_clerk *k)
{
	struct client *c;

	pthread_mutex_lock(&k->lock);
	c = TAILQ_FIRST(&k->finished);
	if (c)
		TAILQ_REMOVE(&k->finished, c, next_finished);
	pthread_mutex_unlock(&k->lock);
	return c;
}

static void on_posted(struct fly_request *request, int result)
{
	finish(request->argument, result);
}

static void on_admitted(struct fly_admit *admit)
{
	struct client *c =
		(struct client *)(void *)((uint8_t *)admit - offsetof(struct client, admit));

	finish(c, admit->is_allowed ? 0 : -FLY_EPERM);
}

/* Return: 0, -FLY_ENOEXPORT, -FLY_EVERSION. */
static int look_up(struct fly_poller *p, void *argument)
{
	struct client *c = argument;
	int status = -FLY_ENOEXPORT;

	for (uint32_t i = 0; i < FLY_EXPORTS; i++) {
		const struct fly_export *e = &p->exports[i];

		if (i == FLY_EXPORT_BINDER || !e->n_procedures ||
		    strcmp(e->interface->name, c->request.name) != 0)
			continue;
		c->version = e->interface->version;
		status = -FLY_EVERSION;
		if (c->version == c->request.version) {
			c->admit.export = *e;
			c->export_at = i;
			return 0;
		}
	}
	return status;
}

static int serve(struct fly_poller *p, void *argument)
{
	struct client *c = argument;
	const int status = fly_local_client_add(p, c->stacks);

	if (status == 0)
		fly_stats_add(&p->stats, FLY_COUNT_local_bound, 1);
	c->is_served = status == 0;
	return status;
}

static int serve_no_more(struct fly_poller *p, void *argument)
{
	struct client *c = argument;

	c->was_ended = c->stacks->ending;
	fly_local_client_remove(p, c->stacks);
	fly_stats_add(&p->stats, FLY_COUNT_local_ended, 1);
	c->is_served = false;
	return 0;
}

static struct fly_poller *poller_of(const struct fly_clerk *k, const struct client *c)
{
	return k->group->pollers[c->poller];
}

static void post(struct fly_clerk *k, struct client *c, enum client_state state,
		 int (*function)(struct fly_poller *p, void *argument))
{
	c->state = state;
	c->posted_ms = fly_system_clock_ms();
	c->work.function = function;
	c->work.done = on_posted;
	c->work.argument = c;
	/* A client is removed between turns: its call may be running in this one. */
	fly_request_post(poller_of(k, c), &c->work,
			 state == REMOVING ? FLY_REQUEST_BETWEEN : FLY_REQUEST_WITHIN);
}

/* ---- pollers that do not answer -------------------------------------------------------------- */

static bool is_silent(const struct fly_clerk *k, unsigned poller)
{
	/* Carries no data. */
	return atomic_load_explicit(&k->seats[poller].is_silent, memory_order_relaxed);
}

static int do_nothing(struct fly_poller *p, void *argument)
{
	(void)p;
	(void)argument;
	return 0;
}

static void on_probed(struct fly_request *probe, int result)
{
	struct seat *seat = probe->argument;

	(void)result;
	atomic_store_explicit(&seat->is_silent, false, memory_order_relaxed);
}

/* A poller does not answer: give it no clients until it has answered a probe. */
static void note_silence(struct fly_clerk *k, unsigned poller)
{
	struct seat *seat = &k->seats[poller];

	if (is_silent(k, poller))
		return;
	atomic_store_explicit(&seat->is_silent, true, memory_order_relaxed);
	seat->probe = (struct fly_request){
		.function = do_nothing,
		.done = on_probed,
		.argument = seat,
	};
	fly_request_post(k->group->pollers[poller], &seat->probe, FLY_REQUEST_WITHIN);
}

static unsigned load(const struct fly_clerk *k, unsigned poller)
{
	return k->seats[poller].n + k->seats[poller].n_removing;
}

/* Index of the poller with the fewest clients, of those that answer if there is one. */
static unsigned choose_poller(const struct fly_clerk *k)
{
	unsigned best = 0;

	for (unsigned i = 1; i < k->group->n; i++) {
		if (is_silent(k, i) == is_silent(k, best) ? load(k, i) < load(k, best)
							  : !is_silent(k, i))
			best = i;
	}
	return best;
}

static void take_seat(struct fly_clerk *k, struct client *c, unsigned poller)
{
	c->poller = poller;
	k->seats[poller].n++;
}

static void leave_seat(struct fly_clerk *k, const struct client *c)
{
	k->seats[c->poller].n--;
}

/* ---- places ---------------------------------------------------------------------------------- */

/* Connections of a user in a list; @placed: only those with a place of clients=. */
static unsigned of_user(const struct clients *list, const struct listener *listener, uid_t uid,
			bool placed)
{
	const struct client *c;
	unsigned n = 0;

	TAILQ_FOREACH(c, list, next)
	n += c->listener == listener && c->who.uid == uid && (!placed || c->state >= ADDING);
	return n;
}

/* May this user have one more binding? */
static bool has_place(const struct fly_clerk *k, const struct listener *listener, uid_t uid)
{
	const unsigned most = listener->spec.clients;

	if (listener->n >= most)
		return false;
	return uid == geteuid() ||
	       of_user(&k->bound, listener, uid, true) + of_user(&k->half, listener, uid, true) <
		       RTE_MAX(most / 2, 1U);
}

/* ---- the end of a connection ----------------------------------------------------------------- */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void close_socket(struct client *c)
{
	fly_clofork_close(c->socket); /* also removes it from the epoll set */
	c->socket = -1;
}

/* No step is under way, and no poller has it. */
static void free_client(struct client *c)
{
	for (unsigned i = 0; i < FLY_ASTACK_FDS; i++)
		close_fd(&c->fds[i]);
	if (c->stacks) {
		fly_astack_unmap(&c->stacks->memory);
		free(c->stacks);
	}
	close_socket(c);
	free(c);
}

/* End a connection that is not bound, and for which no step is under way. */
static void drop(struct fly_clerk *k, struct client *c)
{
	if (c->state != CONNECTED)
		leave_seat(k, c);
	if (c->state == ADDING)
		c->listener->n--;
	TAILQ_REMOVE(&k->half, c, next);
	k->n_half--;
	free_client(c);
}

/*
 * Does this client's poller remove nobody? A procedure that waits in its turn lets clients in, but
 * removes them only when it has returned. So clients that come and go would pile up, whose places
 * are free: no more than there are places.
 */
static bool is_clogged(const struct fly_clerk *k, const struct client *c)
{
	return k->seats[c->poller].n_removing >= c->listener->spec.clients;
}

/* End a binding. Its place is free at once, its memory when the poller has removed it. */
static void disconnect(struct fly_clerk *k, struct client *c)
{
	epoll_ctl(k->epoll, EPOLL_CTL_DEL, c->socket, NULL);
	TAILQ_REMOVE(&k->bound, c, next);
	TAILQ_INSERT_TAIL(&k->leaving, c, next);
	leave_seat(k, c);
	k->seats[c->poller].n_removing++;
	c->listener->n--;
	c->freed = 0;
	atomic_fetch_sub_explicit(&k->n_bound, 1, memory_order_relaxed);
	post(k, c, REMOVING, serve_no_more);
}

/* @detail: the version there, an enum fly_bind_busy, an errno: struct fly_bind_answer. */
static void tell(struct fly_clerk *k, const struct client *c, int status, uint32_t detail)
{
	const struct fly_bind_answer answer = {
		.magic = FLY_BIND_MAGIC,
		.protocol = FLY_BIND_PROTOCOL,
		.status = status,
		.version = detail,
	};

	/* First: who has the answer finds it counted. */
	atomic_fetch_add_explicit(&k->n_refused, 1, memory_order_relaxed);
	fly_bind_send(c->socket, &answer, NULL);
}

static void refuse(struct fly_clerk *k, struct client *c, int status, uint32_t detail)
{
	tell(k, c, status, detail);
	drop(k, c);
}

/* ---- a binding, step by step ----------------------------------------------------------------- */

/* Admitted: give the client a place and memory, and have its poller add it. */
static void add(struct fly_clerk *k, struct client *c)
{
	const struct fly_export *e = &c->admit.export;
	struct fly_local_client *stacks;
	int status;

	if (!has_place(k, c->listener, c->who.uid)) {
		refuse(k, c, -FLY_EBUSY, FLY_BIND_NO_PLACE);
		return;
	}
	if (is_clogged(k, c)) {
		refuse(k, c, -FLY_EBUSY, FLY_BIND_POLLER_SILENT);
		return;
	}
	stacks = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_CACHE_LINE_ROUNDUP(sizeof *stacks));
	if (!stacks) {
		refuse(k, c, -FLY_ENOMEM, 0);
		return;
	}
	*stacks = (struct fly_local_client){
		.export_at = c->export_at,
		.export_id = e->id,
		.socket = c->socket,
		.far_fd = -1,
		.uid = c->who.uid,
		.clerk_fd = k->wake,
	};
	status = fly_astack_make(&stacks->memory,
				 e->rule ? e->rule->a_stacks : FLY_ASTACK_SLOTS_DEFAULT,
				 c->listener->spec.huge && c->who.uid == geteuid(), c->fds);
	if (status) {
		const int error = errno;

		free(stacks);
		refuse(k, c, status, (uint32_t)error);
		return;
	}
	stacks->far_fd = c->fds[FLY_BIND_FAR];
	fly_astack_head(&stacks->memory)->poller = c->poller;
	c->stacks = stacks;
	c->listener->n++;
	post(k, c, ADDING, serve);
}

/* The poller serves the client: let it begin. */
static void bind_client(struct fly_clerk *k, struct client *c)
{
	const struct fly_astack_memory *m = &c->stacks->memory;
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = c};
	const struct fly_bind_answer answer = {
		.magic = FLY_BIND_MAGIC,
		.protocol = FLY_BIND_PROTOCOL,
		.slots = (uint16_t)m->slots,
		.near_bytes = m->near_bytes,
		.far_bytes = m->far_bytes,
	};
	const int fds[FLY_BIND_FDS] = {
		[FLY_BIND_NEAR] = c->fds[FLY_BIND_NEAR],
		[FLY_BIND_FAR] = c->fds[FLY_BIND_FAR],
		[FLY_BIND_RESULTS] = c->fds[FLY_BIND_RESULTS],
		[FLY_BIND_LIFE] = k->life_fd,
	};
	bool is_told;

	TAILQ_REMOVE(&k->half, c, next);
	k->n_half--;
	TAILQ_INSERT_TAIL(&k->bound, c, next);
	c->state = BOUND;
	atomic_fetch_add_explicit(&k->n_bound, 1, memory_order_relaxed);
	fly_astack_head(m)->poller = c->poller; /* another one may have added it */
	is_told = fly_bind_send(c->socket, &answer, fds) == 0;
	close_fd(&c->fds[FLY_BIND_NEAR]);
	close_fd(&c->fds[FLY_BIND_RESULTS]); /* the poller reads by the descriptor of far memory */
	if (!is_told || epoll_ctl(k->epoll, EPOLL_CTL_ADD, c->socket, &event))
		disconnect(k, c);
}

static void on_looked_up(struct fly_clerk *k, struct client *c)
{
	const struct fly_export_rule *rule = c->admit.export.rule;

	if (c->result) {
		refuse(k, c, c->result, c->version);
	} else if (!fly_admit_listed(&c->admit.export, &c->who)) {
		refuse(k, c, -FLY_EPERM, 0);
	} else if (rule && rule->allow) {
		c->admit.group = k->group;
		c->admit.who = c->who;
		c->admit.done = on_admitted;
		c->state = ALLOWING;
		if (fly_admit_ask(&c->admit))
			refuse(k, c, -FLY_ESYSTEM, 0);
	} else {
		add(k, c);
	}
}

/* The poller does not use the client any more. */
static void on_removed(struct fly_clerk *k, struct client *c)
{
	k->seats[c->poller].n_removing--;
	close_socket(c);
	c->state = FREEING;
}

/* A step of this client is done: the next one. */
static void go_on(struct fly_clerk *k, struct client *c)
{
	switch (c->state) {
	case ASKING:
		on_looked_up(k, c);
		break;
	case ALLOWING:
		fly_admit_join(&c->admit);
		if (c->result)
			refuse(k, c, c->result, 0);
		else
			add(k, c);
		break;
	case REFUSED:
		fly_admit_join(&c->admit);
		drop(k, c);
		break;
	case ADDING:
		if (c->result)
			refuse(k, c, c->result, 0);
		else
			bind_client(k, c);
		break;
	case REMOVING:
		if (c->result == 0) /* else all pollers end: fly_clerk_free() removes it */
			on_removed(k, c);
		break;
	default:
		break; /* no step is under way */
	}
}

/* An event of a connection that is not bound: a request, garbage, or the end. */
static void on_connected(struct fly_clerk *k, struct client *c)
{
	struct fly_bind_request *r = &c->request;
	const ssize_t n = recv(c->socket, r, sizeof *r, MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n == sizeof *r && r->magic == FLY_BIND_MAGIC && r->protocol == FLY_BIND_PROTOCOL &&
	    memchr(r->name, '\0', sizeof r->name)) {
		/* The end of the connection is noticed when it is bound, or at the time limit. */
		epoll_ctl(k->epoll, EPOLL_CTL_DEL, c->socket, NULL);
		c->came_ms = fly_system_clock_ms();
		take_seat(k, c, choose_poller(k));
		post(k, c, ASKING, look_up);
	} else if (n > 0) {
		refuse(k, c,
		       n == sizeof *r && r->magic == FLY_BIND_MAGIC &&
				       r->protocol != FLY_BIND_PROTOCOL
			       ? -FLY_EVERSION
			       : -FLY_EINVAL,
		       0);
	} else {
		drop(k, c);
	}
}

/* An event of a binding: a byte, because the poller sleeps or the client waits long; or the end. */
static void on_bound(struct fly_clerk *k, struct client *c, uint32_t events)
{
	char bytes[64];
	ssize_t n = 0;

	if (!(events & (EPOLLHUP | EPOLLRDHUP | EPOLLERR)))
		n = recv(c->socket, bytes, sizeof bytes, MSG_DONTWAIT);
	if (n > 0) {
		fly_life_beat(&k->life->process);
		fly_slow_wake_poller(poller_of(k, c)->handoffs.wake_fd);
	} else if (n == 0 || errno != EAGAIN) {
		disconnect(k, c);
	}
}

/* ---- what takes too long --------------------------------------------------------------------- */

/* Its poller does not answer: try another one. */
static void try_another(struct fly_clerk *k, struct client *c)
{
	unsigned other;

	note_silence(k, c->poller);
	other = choose_poller(k);
	if (is_silent(k, other) || !fly_request_withdraw(poller_of(k, c), &c->work))
		return;
	leave_seat(k, c);
	take_seat(k, c, other);
	post(k, c, c->state, c->work.function);
}

/* No time is left for this client. It may end here. */
static void give_up(struct fly_clerk *k, struct client *c)
{
	switch (c->state) {
	case CONNECTED:
		drop(k, c);
		break;
	case ASKING:
	case ADDING:
		if (fly_request_withdraw(poller_of(k, c), &c->work))
			refuse(k, c, -FLY_EBUSY, FLY_BIND_POLLER_SILENT);
		break;
	case ALLOWING:
		tell(k, c, -FLY_EBUSY, FLY_BIND_ALLOW_SILENT);
		shutdown(c->socket, SHUT_RDWR);
		c->state = REFUSED;
		break;
	default:
		break;
	}
}

/* Check a connection that is not bound. Return: ms until the next check. */
static int check_time(struct fly_clerk *k, struct client *c, uint64_t now_ms)
{
	const uint64_t limit_ms = c->state == CONNECTED ? FLY_LOCAL_HALF_MS : FLY_LOCAL_ADMIT_MS;

	if (c->state == REFUSED)
		return INT_MAX;
	if (now_ms >= c->came_ms + limit_ms) {
		give_up(k, c);
		return SILENT_MS; /* if a step is being done just now */
	}
	if (c->state == ASKING || c->state == ADDING) {
		if (now_ms >= c->posted_ms + SILENT_MS)
			try_another(k, c);
		return SILENT_MS;
	}
	return (int)(c->came_ms + limit_ms - now_ms);
}

/* Return: ms until the next check; -1: none. */
static int check_half(struct fly_clerk *k)
{
	const uint64_t now_ms = fly_system_clock_ms();
	struct client *c = TAILQ_FIRST(&k->half);
	int due_ms = INT_MAX;

	while (c) {
		struct client *next = TAILQ_NEXT(c, next);

		due_ms = RTE_MIN(due_ms, check_time(k, c, now_ms));
		c = next;
	}
	return due_ms < INT_MAX ? due_ms : -1;
}

/* ---- listening ------------------------------------------------------------------------------- */

/* Leave new connections in the backlog. Otherwise epoll would report the listener in a loop. */
static void shut_listener(struct fly_clerk *k, struct listener *listener)
{
	struct epoll_event none = {.data.ptr = listener};

	if (epoll_ctl(k->epoll, EPOLL_CTL_MOD, listener->socket, &none))
		return;
	listener->is_shut = true;
	k->shut_ms = fly_system_clock_ms();
}

static void open_listeners(struct fly_clerk *k)
{
	for (unsigned i = 0; i < k->n_sources; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = &k->listeners[i]};

		if (k->listeners[i].is_shut &&
		    epoll_ctl(k->epoll, EPOLL_CTL_MOD, k->listeners[i].socket, &event) == 0)
			k->listeners[i].is_shut = false;
	}
	k->shut_ms = 0;
}

static void on_listener(struct fly_clerk *k, struct listener *listener)
{
	const int socket = fly_clofork_add(
		accept4(listener->socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP};
	struct client *c;
	socklen_t bytes = sizeof c->who;

	if (socket < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			shut_listener(k, listener);
		return;
	}
	c = calloc(1, sizeof *c);
	if (!c) {
		fly_clofork_close(socket);
		return;
	}
	*c = (struct client){
		.subject = A_CLIENT,
		.state = CONNECTED,
		.socket = socket,
		.listener = listener,
		.came_ms = fly_system_clock_ms(),
		.fds = {-1, -1, -1},
	};
	event.data.ptr = c;
	TAILQ_INSERT_TAIL(&k->half, c, next);
	k->n_half++;
	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &c->who, &bytes) ||
	    epoll_ctl(k->epoll, EPOLL_CTL_ADD, socket, &event))
		drop(k, c);
	else if (k->n_half > FLY_LOCAL_HALF_MAX ||
		 of_user(&k->half, listener, c->who.uid, false) > FLY_LOCAL_HALF_MAX / 4)
		refuse(k, c, -FLY_EBUSY, FLY_BIND_CROWD);
	else if (listener->n >= listener->spec.clients)
		refuse(k, c, -FLY_EBUSY, FLY_BIND_NO_PLACE);
}

/* ---- freeing far memory ---------------------------------------------------------------------- */

/*
 * Freeing takes long if there is much, or if the client works on it. So it is done a piece at a
 * time, in turn with all else, one client after the other. @at: so much was freed: of @far, then of
 * @results, which have these bytes each.
 */
static void free_piece(uint8_t *far, uint8_t *results, size_t at, size_t bytes)
{
	uint8_t *const memory = at < bytes ? far : results;
	const size_t from = at % bytes;

	madvise(memory + from, RTE_MIN(PIECE_BYTES, bytes - from), MADV_REMOVE);
}

static bool has_results(const struct fly_local_client *of)
{
	return atomic_load_explicit(&of->has_results, memory_order_relaxed);
}

/*
 * Is there something to free? Most clients have made no long call. One that the poller has ended
 * keeps its memory while it lives.
 */
static bool has_pages(const struct client *c)
{
	const size_t bytes = c->stacks->memory.far_bytes;
	struct stat s;

	if (c->was_ended && !(c->who.pid > 0 && kill(c->who.pid, 0) != 0 && errno == ESRCH))
		return false;
	if (c->freed < bytes && fstat(c->fds[FLY_BIND_FAR], &s) == 0 && s.st_blocks != 0)
		return true;
	return c->freed < 2 * bytes && has_results(c->stacks);
}

/* W3: no worker writes its results into this memory any more; pairs with W4 in local/work.c. */
static bool has_workers(const struct client *c)
{
	return atomic_load_explicit(&c->stacks->n_left, memory_order_acquire) != 0;
}

/* A client that has gone: free a piece of its memory, or the rest. */
static void free_leaving(struct fly_clerk *k, struct client *c)
{
	const struct fly_astack_memory *m = &c->stacks->memory;

	TAILQ_REMOVE(&k->leaving, c, next);
	if (!has_pages(c)) {
		free_client(c);
		return;
	}
	free_piece(m->far, m->results, c->freed, m->far_bytes);
	c->freed += PIECE_BYTES;
	TAILQ_INSERT_TAIL(&k->leaving, c, next);
}

/* Far memory that the poller has lent: of the first slot in @given. */
static void give_back(struct fly_local_client *of, size_t *freed, uint64_t given)
{
	const uint32_t i = (uint32_t)__builtin_ctzll(given);

	free_piece(fly_astack_bytes(&of->memory, i, FLY_ASTACK_IS_FAR),
		   fly_astack_results(&of->memory, i, FLY_ASTACK_IS_FAR), *freed, FLY_ASTACK_FAR);
	*freed += PIECE_BYTES;
	if (*freed < (has_results(of) ? 2 : 1) * (size_t)FLY_ASTACK_FAR)
		return;
	*freed = 0;
	/* M1: the memory is the poller's again; pairs with M2. */
	atomic_fetch_and_explicit(&of->far_given, ~(UINT64_C(1) << i), memory_order_release);
	/* Last: a client that finds it FREE calls at once, and the poller must know. */
	atomic_store_explicit(&fly_astack_head(&of->memory)->far[i], FLY_FAR_FREE,
			      memory_order_release);
}

/* Return: false: no client has lent anything. */
static bool give_back_one(struct fly_clerk *k)
{
	struct client *c;

	TAILQ_FOREACH(c, &k->bound, next)
	{
		/* M4: the poller does not use this memory any more; pairs with M3. */
		const uint64_t given =
			atomic_load_explicit(&c->stacks->far_given, memory_order_acquire);

		if (given == 0)
			continue;
		give_back(c->stacks, &c->freed, given);
		TAILQ_REMOVE(&k->bound, c, next);
		TAILQ_INSERT_TAIL(&k->bound, c, next);
		return true;
	}
	return false;
}

/* Free one piece. Return: true: there is more to free. */
static bool free_some(struct fly_clerk *k)
{
	struct client *c;

	if (k->has_lent)
		k->has_lent = give_back_one(k);
	TAILQ_FOREACH(c, &k->leaving, next)
	{
		if (c->state == FREEING && !has_workers(c)) {
			free_leaving(k, c);
			return true;
		}
	}
	return k->has_lent;
}

/* ---- the thread ------------------------------------------------------------------------------ */

/* A poller has lent far memory, a step is finished, or the clerk must quit. */
static void on_bell(struct fly_clerk *k)
{
	struct client *c;
	uint64_t n;

	(void)!read(k->wake, &n, sizeof n);
	k->has_lent = true;
	while ((c = take_finished(k)) != NULL)
		go_on(k, c);
}

/* Timed work. Return: ms until there is more; -1: none. */
static int check_times(struct fly_clerk *k)
{
	const int half_ms = check_half(k);

	if (k->shut_ms == 0)
		return half_ms;
	if (fly_system_clock_ms() - k->shut_ms >= SHUT_MS) {
		open_listeners(k);
		return half_ms;
	}
	return half_ms >= 0 ? RTE_MIN(half_ms, SHUT_MS) : SHUT_MS;
}

static void on_event(struct fly_clerk *k, const struct epoll_event *event)
{
	struct client *c = event->data.ptr;

	switch (c->subject) {
	case THE_BELL:
		on_bell(k);
		break;
	case A_LISTENER:
		on_listener(k, event->data.ptr);
		break;
	case A_CLIENT:
		if (c->state == BOUND)
			on_bound(k, c, event->events);
		else
			on_connected(k, c);
	}
}

/* allow() may use what the program frees after fly_stop(): wait for it, as for a procedure. */
static void wait_for_allow(struct fly_clerk *k)
{
	struct client *c;

	TAILQ_FOREACH(c, &k->half, next)
	{
		if (c->state == ALLOWING || c->state == REFUSED)
			fly_admit_join(&c->admit);
	}
}

static void *clerk_main(void *argument)
{
	struct fly_clerk *k = argument;
	struct epoll_event event;
	bool is_more = false;

	pthread_setname_np(pthread_self(), "fly-clerk");
	while (!atomic_load_explicit(&k->quit, memory_order_acquire)) {
		const int due_ms = check_times(k);

		/* One event at a time: handling one event may free the subject of another. */
		if (epoll_wait(k->epoll, &event, 1, is_more ? 0 : due_ms) == 1)
			on_event(k, &event);
		is_more = free_some(k);
	}
	wait_for_allow(k);
	return NULL;
}

static int run(struct fly_clerk *k)
{
	sigset_t before;
	int error;

	fly_signals_block_but_faults(&before);
	error = pthread_create(&k->thread, NULL, clerk_main, k);
	fly_signals_restore(&before);
	return error ? fly_fail(FLY_ESYSTEM, "local link: no thread: %s", strerror(error)) : 0;
}

static struct fly_clerk *make_clerk(struct fly_poller_group *group)
{
	struct fly_clerk *k = calloc(1, sizeof *k);
	struct epoll_event event = {.events = EPOLLIN};

	if (!k)
		return NULL;
	*k = (struct fly_clerk){
		.subject = THE_BELL,
		.group = group,
		.epoll = epoll_create1(EPOLL_CLOEXEC),
		.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
	k->life = fly_life_make(&k->life_fd);
	TAILQ_INIT(&k->half);
	TAILQ_INIT(&k->bound);
	TAILQ_INIT(&k->leaving);
	TAILQ_INIT(&k->finished);
	pthread_mutex_init(&k->lock, NULL);
	event.data.ptr = k;
	if (k->life && k->epoll >= 0 && k->wake >= 0 &&
	    epoll_ctl(k->epoll, EPOLL_CTL_ADD, k->wake, &event) == 0 && run(k) == 0) {
		for (unsigned i = 0; i < group->n; i++) {
			group->pollers[i]->local->clerk = k;
			group->pollers[i]->local->life = &k->life->pollers[i];
		}
		return k;
	}
	if (k->epoll >= 0)
		close(k->epoll);
	if (k->wake >= 0)
		close(k->wake);
	fly_life_free(k->life, k->life_fd);
	free(k);
	return NULL;
}

int fly_clerk_open(struct fly_clerk **clerk, struct fly_poller_group *group,
		   const struct fly_link_spec *spec)
{
	struct epoll_event event = {.events = EPOLLIN};
	struct fly_clerk *k;
	struct listener *listener;
	int status;
	int s = -1;

	if (!*clerk)
		*clerk = make_clerk(group);
	k = *clerk;
	if (!k)
		return fly_fail(FLY_ESYSTEM, "link %s: no thread to listen", spec->text);
	if (k->n_sources == LISTENERS)
		return fly_fail(FLY_EINVAL, "more than %d local links", LISTENERS);
	status = fly_listener_open(spec, &s);
	if (status)
		return status;
	listener = &k->listeners[k->n_sources];
	*listener =
		(struct listener){.subject = A_LISTENER, .socket = s, .spec = *spec, .clerk = k};
	event.data.ptr = listener;
	if (epoll_ctl(k->epoll, EPOLL_CTL_ADD, s, &event)) {
		status = fly_fail(FLY_ESYSTEM, "link %s: %s", spec->text, strerror(errno));
		fly_clofork_close(s);
		return status;
	}
	k->n_sources++;
	return 0;
}

void fly_clerk_stop(struct fly_clerk *k)
{
	struct fly_poller *p;

	if (!k)
		return;
	p = k->group->pollers[0];
	atomic_store_explicit(&k->quit, true, memory_order_release);
	ring_clerk(k);
	/* An allow() that runs may wait for a call to this poller: keep an inline poller turning.
	 */
	while (pthread_tryjoin_np(k->thread, NULL) != 0) {
		const struct timespec nap = {.tv_nsec = 100000};

		if (fly_poller_is_here(p))
			fly_poller_turn(p, fly_poller_time(p));
		else
			nanosleep(&nap, NULL);
	}
	for (unsigned i = 0; i < k->n_sources; i++)
		fly_listener_close(&k->listeners[i].spec, k->listeners[i].socket);
}

/* No step is under way any more: the pollers' requests are closed. */
static void free_list(struct fly_clerk *k, struct clients *list)
{
	struct client *c;

	while ((c = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, c, next);
		if (c->is_served)
			fly_local_client_remove(poller_of(k, c), c->stacks);
		free_client(c);
	}
}

void fly_clerk_free(struct fly_clerk *k)
{
	if (!k)
		return;
	free_list(k, &k->half);
	free_list(k, &k->bound);
	free_list(k, &k->leaving);
	close(k->epoll);
	close(k->wake);
	for (unsigned i = 0; i < k->group->n; i++) {
		k->group->pollers[i]->local->clerk = NULL;
		k->group->pollers[i]->local->life = NULL;
	}
	fly_life_free(k->life, k->life_fd);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

uint64_t fly_clerk_refused(const struct fly_clerk *k)
{
	return atomic_load_explicit(&k->n_refused, memory_order_relaxed);
}

unsigned fly_clerk_clients(const struct fly_clerk *k)
{
	return atomic_load_explicit(&k->n_bound, memory_order_relaxed);
}

bool fly_clerk_has(const struct fly_clerk *k, const char *name)
{
	for (unsigned i = 0; i < k->n_sources; i++) {
		if (strcmp(k->listeners[i].spec.what, name) == 0)
			return true;
	}
	return false;
}
