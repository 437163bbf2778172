/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local/clerk.c - admits clients of this machine to a runtime, and removes them.
 *
 * The clerk is one thread per runtime. It sleeps in epoll_wait(2), so a flood of connections costs
 * the clerk's time and no poller's. The clerk owns the sockets, the connections and the memory of
 * the bindings. A poller uses a binding between fly_local_client_add() and
 * fly_local_client_remove(), which run on the poller's thread by fly_request(). The clerk also
 * frees the pages of far memory that a poller has lent: local/sweep.c.
 *
 * Limits: clients= of the link for all bindings; half of that for any other user than our own;
 * FLY_LOCAL_HALF_MAX connections without a binding, for FLY_LOCAL_HALF_MS each.
 */
#include "local/clerk.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

#include "fastpath/poller.h"
#include "fastpath/slow.h"
#include "threads/request.h"
#include "local/map.h"
#include "local/life.h"
#include "base/error.h"
#include "base/signals.h"
#include "base/system_clock.h"
#include "local/server.h"
#include "threads/poller_group.h"

#define LISTENERS 16 /* per runtime */
#define BACKLOG   128
#define SHUT_MS   100 /* time without accepting when no descriptor is left */

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
	unsigned n; /* bindings made through it */
};

/* A connection; a binding once is_bound. */
struct client {
	enum subject subject;
	bool is_bound;
	int socket;
	struct listener *listener;
	struct ucred who;
	uint64_t came_ms;
	unsigned poller;                 /* its index in the group */
	struct fly_local_client *stacks; /* NULL while not bound */
	TAILQ_ENTRY(client) next;
};

struct fly_clerk {
	enum subject subject; /* THE_BELL: events of `wake` */
	struct fly_poller_group *group;
	pthread_t thread;
	int epoll;
	int wake; /* an eventfd: a poller has lent far memory, or the clerk must quit */
	struct fly_life *life; /* the process's word is the clerk's; never NULL */
	int life_fd;
	_Atomic bool quit;
	_Atomic unsigned n_bound;
	_Atomic uint64_t n_refused;
	uint64_t shut_ms; /* since when a listener is shut; 0: none is */
	unsigned n_sources;
	struct listener listeners[LISTENERS];
	TAILQ_HEAD(clients, client) half; /* connections that are not bound; oldest first */
	struct clients bound;
	unsigned n_half;
	unsigned n_of[FLY_POLLERS]; /* bindings per poller */
};

/* ---- requests to a poller -------------------------------------------------------------------- */

/* Argument of the requests below. */
struct wish {
	const struct fly_bind_request *request;
	const struct client *client;
	struct fly_local_client *stacks;
	struct fly_export export; /* copy of the export found */
	uint32_t at;
	uint32_t version; /* of the export found, also if it does not match */
};

/* Return: 0, -FLY_ENOEXPORT, -FLY_EVERSION. */
static int look_up(struct fly_poller *p, void *argument)
{
	struct wish *w = argument;
	int status = -FLY_ENOEXPORT;

	for (uint32_t i = 0; i < FLY_EXPORTS; i++) {
		const struct fly_export *e = &p->exports[i];

		if (i == FLY_EXPORT_BINDER || !e->n_procedures ||
		    strcmp(e->interface->name, w->request->name) != 0)
			continue;
		w->version = e->interface->version;
		status = -FLY_EVERSION;
		if (w->version == w->request->version) {
			w->export = *e;
			w->at = i;
			return 0;
		}
	}
	return status;
}

static int serve(struct fly_poller *p, void *argument)
{
	struct wish *w = argument;
	const int status = fly_local_client_add(p, w->stacks);

	if (status == 0)
		fly_stats_add(&p->stats, FLY_COUNT_local_bound, 1);
	return status;
}

static int serve_no_more(struct fly_poller *p, void *argument)
{
	struct wish *w = argument;

	fly_local_client_remove(p, w->stacks);
	fly_stats_add(&p->stats, FLY_COUNT_local_ended, 1);
	return 0;
}

/* Index of the poller with the fewest clients. */
static unsigned choose_poller(const struct fly_clerk *k)
{
	unsigned best = 0;

	for (unsigned i = 1; i < k->group->n; i++) {
		if (k->n_of[i] < k->n_of[best])
			best = i;
	}
	return best;
}

static struct fly_poller *poller_of(const struct fly_clerk *k, const struct client *c)
{
	return k->group->pollers[c->poller];
}

/* ---- connections ----------------------------------------------------------------------------- */

static void disconnect(struct fly_clerk *k, struct client *c)
{
	if (c->is_bound) {
		struct wish w = {.stacks = c->stacks};

		TAILQ_REMOVE(&k->bound, c, next);
		fly_request(poller_of(k, c), serve_no_more, &w);
		k->n_of[c->poller]--;
		fly_astack_unmap(&c->stacks->memory);
		free(c->stacks);
		c->listener->n--;
		atomic_fetch_sub_explicit(&k->n_bound, 1, memory_order_relaxed);
	} else {
		TAILQ_REMOVE(&k->half, c, next);
		k->n_half--;
	}
	close(c->socket); /* also removes it from the epoll set */
	free(c);
}

static void refuse(struct fly_clerk *k, int socket, int status, uint32_t version)
{
	const struct fly_bind_answer answer = {
		.magic = FLY_BIND_MAGIC,
		.protocol = FLY_BIND_PROTOCOL,
		.status = status,
		.version = version,
	};

	fly_bind_send(socket, &answer, NULL);
	atomic_fetch_add_explicit(&k->n_refused, 1, memory_order_relaxed);
}

static unsigned of_user(const struct clients *list, const struct listener *listener, uid_t uid)
{
	const struct client *c;
	unsigned n = 0;

	/* The analyzer does not see that disconnect() removes a client before it frees it. */
	TAILQ_FOREACH(c, list, next) /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
	n += c->listener == listener && c->who.uid == uid;
	return n;
}

/* May this user have one more binding? */
static bool is_free(const struct fly_clerk *k, const struct listener *listener, uid_t uid)
{
	const unsigned most = listener->spec.clients;

	if (listener->n >= most)
		return false;
	return uid == geteuid() || of_user(&k->bound, listener, uid) < RTE_MAX(most / 2, 1U);
}

/* Does the rule of an export let this client in? */
static bool may_bind(const struct fly_export *e, const struct ucred *who)
{
	const struct fly_export_rule *rule = e->rule;
	const struct fly_caller caller = {
		.size = sizeof caller,
		.uid = who->uid,
		.gid = who->gid,
		.pid = who->pid,
	};
	bool is_named;

	if (!rule)
		return true;
	is_named = rule->n_uids + rule->n_gids == 0;
	for (unsigned i = 0; i < rule->n_uids; i++)
		is_named |= rule->ids[i] == who->uid;
	for (unsigned i = 0; i < rule->n_gids; i++)
		is_named |= rule->ids[rule->n_uids + i] == who->gid;
	return is_named && (!rule->allow || rule->allow(e->context, &caller));
}

/* Serve a client's request. Return: 0, or the negative status to refuse it with. */
static int bind_client(struct fly_clerk *k, struct client *c, const struct fly_bind_request *r,
		       uint32_t *version)
{
	const unsigned poller = choose_poller(k);
	struct fly_poller *p = k->group->pollers[poller];
	struct wish w = {.request = r, .client = c};
	struct fly_bind_answer answer = {
		.magic = FLY_BIND_MAGIC,
		.protocol = FLY_BIND_PROTOCOL,
	};
	struct fly_local_client *stacks;
	int fds[FLY_BIND_FDS] = {[FLY_BIND_LIFE] = k->life_fd};
	int status;

	status = fly_request(p, look_up, &w);
	*version = w.version;
	if (status)
		return status;
	*version = 0;
	if (!may_bind(&w.export, &c->who))
		return -FLY_EPERM;
	if (!is_free(k, c->listener, c->who.uid))
		return -FLY_EBUSY;
	stacks = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_CACHE_LINE_ROUNDUP(sizeof *stacks));
	if (!stacks)
		return -FLY_ENOMEM;
	*stacks = (struct fly_local_client){
		.export_at = w.at,
		.export_id = w.export.id,
		.socket = c->socket,
		.clerk_fd = k->wake,
	};
	status = fly_astack_make(&stacks->memory,
				 w.export.rule ? w.export.rule->a_stacks : FLY_ASTACK_SLOTS_DEFAULT,
				 c->listener->spec.huge && c->who.uid == geteuid(), fds);
	if (status) {
		*version = (uint32_t)errno;
		free(stacks);
		return status;
	}
	fly_astack_head(&stacks->memory)->poller = poller;
	answer.slots = (uint16_t)stacks->memory.slots;
	answer.near_bytes = stacks->memory.near_bytes;
	answer.far_bytes = stacks->memory.far_bytes;
	w.stacks = stacks;
	status = fly_request(p, serve, &w);
	if (status == 0) {
		TAILQ_REMOVE(&k->half, c, next);
		k->n_half--;
		TAILQ_INSERT_TAIL(&k->bound, c, next);
		c->is_bound = true;
		c->poller = poller;
		k->n_of[poller]++;
		c->stacks = stacks;
		c->listener->n++;
		atomic_fetch_add_explicit(&k->n_bound, 1, memory_order_relaxed);
		if (fly_bind_send(c->socket, &answer, fds))
			shutdown(c->socket, SHUT_RDWR); /* the hang-up event ends the binding */
	} else {
		fly_astack_unmap(&stacks->memory);
		free(stacks);
	}
	close(fds[FLY_BIND_NEAR]);
	close(fds[FLY_BIND_FAR]);
	return status;
}

/* An event of a connection that is not bound: a request, garbage, or the end. */
static void on_half(struct fly_clerk *k, struct client *c)
{
	struct fly_bind_request r;
	const ssize_t n = recv(c->socket, &r, sizeof r, MSG_DONTWAIT | MSG_TRUNC);
	uint32_t version = 0;
	int status = -FLY_EINVAL;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n == sizeof r && r.magic == FLY_BIND_MAGIC && r.protocol != FLY_BIND_PROTOCOL)
		status = -FLY_EVERSION;
	else if (n == sizeof r && r.magic == FLY_BIND_MAGIC && memchr(r.name, '\0', sizeof r.name))
		status = bind_client(k, c, &r, &version);
	if (status == 0)
		return;
	if (n > 0)
		refuse(k, c->socket, status, version);
	disconnect(k, c);
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
	const int socket = accept4(listener->socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
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
		close(socket);
		return;
	}
	*c = (struct client){
		.subject = A_CLIENT,
		.socket = socket,
		.listener = listener,
		.came_ms = fly_system_clock_ms(),
	};
	event.data.ptr = c;
	TAILQ_INSERT_TAIL(&k->half, c, next);
	k->n_half++;
	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &c->who, &bytes) ||
	    epoll_ctl(k->epoll, EPOLL_CTL_ADD, socket, &event)) {
		disconnect(k, c);
	} else if (k->n_half > FLY_LOCAL_HALF_MAX ||
		   of_user(&k->half, listener, c->who.uid) > FLY_LOCAL_HALF_MAX / 4 ||
		   listener->n >= listener->spec.clients) {
		refuse(k, socket, -FLY_EBUSY, 0);
		disconnect(k, c);
	}
}

static void give_back(struct fly_local_client *of)
{
	/* M4: the poller does not use this memory any more; pairs with M3. */
	uint64_t given = atomic_load_explicit(&of->far_given, memory_order_acquire);

	for (; given != 0; given &= given - 1) {
		const uint32_t i = (uint32_t)__builtin_ctzll(given);

		/* The client can make this take long: hence on the clerk's thread. */
		madvise(fly_astack_bytes(&of->memory, i, FLY_ASTACK_IS_FAR), FLY_ASTACK_FAR,
			MADV_REMOVE);
		/* M1: the memory is the poller's again; pairs with M2. */
		atomic_fetch_and_explicit(&of->far_given, ~(UINT64_C(1) << i),
					  memory_order_release);
		/* Last: a client that finds it FREE calls at once, and the poller must know. */
		atomic_store_explicit(&fly_astack_head(&of->memory)->far[i], FLY_FAR_FREE,
				      memory_order_release);
	}
}

/* A poller has lent far memory, or the clerk must quit. */
static void on_bell(struct fly_clerk *k)
{
	struct client *c;
	uint64_t n;

	(void)!read(k->wake, &n, sizeof n);
	TAILQ_FOREACH(c, &k->bound, next)
	give_back(c->stacks);
}

/* ---- the thread ------------------------------------------------------------------------------ */

/* Disconnect clients that made no request in time. Return: ms until the next check; -1: none. */
static int disconnect_late(struct fly_clerk *k)
{
	const uint64_t now = fly_system_clock_ms();
	struct client *c = TAILQ_FIRST(&k->half);

	while (c) {
		struct client *next = TAILQ_NEXT(c, next);

		if (now < c->came_ms + FLY_LOCAL_HALF_MS)
			return (int)(c->came_ms + FLY_LOCAL_HALF_MS - now);
		disconnect(k, c);
		c = next;
	}
	return -1;
}

/* Timed work. Return: ms until there is more; -1: none. */
static int check_times(struct fly_clerk *k)
{
	const int late_ms = disconnect_late(k);

	if (k->shut_ms == 0)
		return late_ms;
	if (fly_system_clock_ms() - k->shut_ms >= SHUT_MS) {
		open_listeners(k);
		return late_ms;
	}
	return late_ms >= 0 ? RTE_MIN(late_ms, SHUT_MS) : SHUT_MS;
}

static void *clerk_main(void *argument)
{
	struct fly_clerk *k = argument;
	struct epoll_event event;

	pthread_setname_np(pthread_self(), "fly-clerk");
	while (!atomic_load_explicit(&k->quit, memory_order_acquire)) {
		/* One event at a time: handling one event may free the subject of another. */
		const int n = epoll_wait(k->epoll, &event, 1, check_times(k));
		struct client *c = event.data.ptr;

		if (n < 1)
			continue;
		switch (c->subject) {
		case THE_BELL:
			on_bell(k);
			break;
		case A_LISTENER:
			on_listener(k, event.data.ptr);
			break;
		case A_CLIENT:
			if (c->is_bound)
				on_bound(k, c, event.events);
			else
				on_half(k, c);
		}
	}
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

/* Is this path a leftover? A server that was killed leaves its socket behind. */
static bool is_deserted(const struct sockaddr_un *address, socklen_t length)
{
	const int probe = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool deserted = false;

	if (address->sun_path[0] != '\0' && probe >= 0)
		deserted = connect(probe, (const struct sockaddr *)address, length) != 0 &&
			   errno == ECONNREFUSED;
	if (probe >= 0)
		close(probe);
	return deserted;
}

static int listen_at(const struct fly_link_spec *spec, int *result)
{
	struct sockaddr_un address;
	const socklen_t length = fly_astack_address(spec->what, &address);
	const int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int status;

	if (s < 0)
		return fly_fail(FLY_ESYSTEM, "link %s: %s", spec->text, strerror(errno));
	status = bind(s, (const struct sockaddr *)&address, length);
	if (status && errno == EADDRINUSE && is_deserted(&address, length) &&
	    unlink(spec->what) == 0)
		status = bind(s, (const struct sockaddr *)&address, length);
	if (status == 0 && listen(s, BACKLOG) == 0) {
		*result = s;
		return 0;
	}
	status = errno;
	close(s);
	if (status == EADDRINUSE)
		return fly_fail(FLY_EINUSE, "link %s: another server has that name", spec->text);
	return fly_fail(status == EACCES || status == EPERM ? FLY_EPERM : FLY_ESYSTEM,
			"link %s: cannot listen there: %s", spec->text, strerror(status));
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
	status = listen_at(spec, &s);
	if (status)
		return status;
	listener = &k->listeners[k->n_sources];
	*listener =
		(struct listener){.subject = A_LISTENER, .socket = s, .spec = *spec, .clerk = k};
	event.data.ptr = listener;
	if (epoll_ctl(k->epoll, EPOLL_CTL_ADD, s, &event)) {
		close(s);
		return fly_fail(FLY_ESYSTEM, "link %s: %s", spec->text, strerror(errno));
	}
	k->n_sources++;
	return 0;
}

void fly_clerk_stop(struct fly_clerk *k)
{
	const uint64_t one = 1;
	struct fly_poller *p;

	if (!k)
		return;
	p = k->group->pollers[0];
	/* The clerk may be waiting for a request to a poller: keep an inline poller turning. */
	atomic_store_explicit(&k->quit, true, memory_order_release);
	if (write(k->wake, &one, sizeof one) < 0)
		return; /* impossible: the counter cannot overflow */
	while (pthread_tryjoin_np(k->thread, NULL) != 0) {
		const struct timespec nap = {.tv_nsec = 100000};

		if (fly_poller_is_here(p))
			fly_poller_turn(p, fly_poller_time(p));
		else
			nanosleep(&nap, NULL);
	}
	for (unsigned i = 0; i < k->n_sources; i++) {
		close(k->listeners[i].socket);
		if (strchr(k->listeners[i].spec.what, '/'))
			unlink(k->listeners[i].spec.what);
	}
}

void fly_clerk_free(struct fly_clerk *k)
{
	struct client *c;
	struct client *next;

	if (!k)
		return;
	for (c = TAILQ_FIRST(&k->half); c; c = next) {
		next = TAILQ_NEXT(c, next);
		disconnect(k, c);
	}
	for (c = TAILQ_FIRST(&k->bound); c; c = next) {
		next = TAILQ_NEXT(c, next);
		TAILQ_REMOVE(&k->bound, c, next);
		fly_local_client_remove(poller_of(k, c), c->stacks);
		fly_astack_unmap(&c->stacks->memory);
		free(c->stacks);
		close(c->socket);
		free(c);
	}
	close(k->epoll);
	close(k->wake);
	for (unsigned i = 0; i < k->group->n; i++) {
		k->group->pollers[i]->local->clerk = NULL;
		k->group->pollers[i]->local->life = NULL;
	}
	fly_life_free(k->life, k->life_fd);
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
