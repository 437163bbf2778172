/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local/import.c - the client's end of binding over the local link: connecting, mapping the memory,
 * the operations of such a binding, and the waits that sleep or yield.
 *
 * Runs on the thread that owns the binding. The runtime's list of bindings has a lock. local/map.c
 * checks what the server sends.
 */
#include "local/import.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "local/caller.h"
#include "fastpath/poller.h"
#include "fastpath/slow.h"
#include "threads/elected.h"
#include "threads/request.h"
#include "local/map.h"
#include "local/clerk.h"
#include "base/binding_kind.h"
#include "base/clofork.h"
#include "base/error.h"
#include "base/reconnect.h"
#include "base/system_clock.h"
#include "threads/waiting.h"
#include "base/owned.h"
#include "local/server.h"
#include "threads/poller_group.h"

#define LOCAL           "local:"
#define OUR_DESCRIPTORS "; a local binding takes two descriptors, see ulimit -n"
#define SLEEP_LOOKS     256 /* looks at the slot between two sleeps: fly_wait_for_slot() counts one */

bool fly_local_is(const char *peer)
{
	return peer && strncmp(peer, LOCAL, sizeof LOCAL - 1) == 0;
}

static void close_fd(int *fd)
{
	fly_clofork_close(*fd);
	*fd = -1;
}

/* ---- connecting ------------------------------------------------------------------------------ */

/* Pause between two looks at a socket; turns the thread's pollers, if it has any. */
static void idle(const struct fly_local *l)
{
	const struct timespec nap = {.tv_nsec = 100000};

	fly_poller_turn_ours(l->turned ? l->turned : fly_poller_mine());
	if (!l->turned || l->turned->n_links == 0)
		nanosleep(&nap, NULL);
}

static int connect_once(const struct fly_local *l)
{
	struct sockaddr_un address;
	const socklen_t length = fly_astack_address(l->server, &address);
	const int s =
		fly_clofork_add(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	int error;

	if (s < 0)
		return -1;
	error = connect(s, (const struct sockaddr *)&address, length) == 0 ? 0 : errno;
	if (error == 0 && fly_astack_is_deserted(s))
		error = ECONNREFUSED;
	if (error == 0)
		return s;
	fly_clofork_close(s);
	errno = error;
	return -1;
}

static bool is_no_descriptor(int error)
{
	return error == EMFILE || error == ENFILE;
}

static bool is_path(const struct fly_local *l)
{
	return strchr(l->server, '/') != NULL;
}

/* Connecting has failed with this errno, for as long as it may. Return: the status. */
static int unreachable(const struct fly_local *l, int error)
{
	switch (error) {
	case EAGAIN:
		return fly_fail(FLY_EPEER,
				"import %s: the server at " LOCAL "%s lets nobody in: it is "
				"stopped, or more wait than it has room for",
				l->name, l->server);
	case ENOENT:
		return fly_fail(FLY_EPEER,
				"import %s: there is no socket " LOCAL "%s; is the server up?",
				l->name, l->server);
	case ECONNREFUSED:
		return fly_fail(FLY_EPEER,
				"import %s: nobody listens at " LOCAL "%s%s; is the server up?",
				l->name, l->server, is_path(l) ? "" : " in this network namespace");
	default:
		return fly_fail(error == EACCES || error == EPERM ? FLY_EPERM : FLY_ESYSTEM,
				"import %s: cannot connect to " LOCAL "%s: %s%s", l->name,
				l->server, strerror(error),
				is_no_descriptor(error) ? OUR_DESCRIPTORS : "");
	}
}

/*
 * Whose server
 *
 * Whoever takes an abstract name, or may write to the socket's directory, while the server is down
 * is the server for all who come. So the client asks the kernel who it is: the user that called
 * listen(2), whatever the process has become since. Without uid= it must be the client's own user,
 * or root, who could read the client's memory anyway.
 */
static int check_server(const struct fly_local *l)
{
	struct ucred who;
	socklen_t bytes = sizeof who;

	if (l->uid == FLY_LOCAL_UID_ANY)
		return 0;
	if (getsockopt(l->socket, SOL_SOCKET, SO_PEERCRED, &who, &bytes))
		return fly_fail(FLY_ESYSTEM, "import %s: who the server at " LOCAL "%s is: %s",
				l->name, l->server, strerror(errno));
	if (l->uid >= 0 && who.uid != (uid_t)l->uid)
		return fly_fail(FLY_EPERM,
				"import %s: the server at " LOCAL "%s is not of user %u, but %u",
				l->name, l->server, (unsigned)l->uid, (unsigned)who.uid);
	if (l->uid == FLY_LOCAL_UID_USUAL && who.uid != 0 && who.uid != geteuid())
		return fly_fail(FLY_EPERM,
				"import %s: the server at " LOCAL "%s is of user %u, neither ours "
				"(%u) nor root; if it is to be trusted, say " LOCAL "%s,uid=%u",
				l->name, l->server, (unsigned)who.uid, (unsigned)geteuid(),
				l->server, (unsigned)who.uid);
	return 0;
}

/* Connect. Return: 0 and l->socket, or a negative status with a sentence. */
static int reach(struct fly_local *l, unsigned wait_ms)
{
	const uint64_t end_us = fly_system_clock_us() + wait_ms * UINT64_C(1000);

	while ((l->socket = connect_once(l)) < 0) {
		const int error = errno;

		if ((error != ECONNREFUSED && error != ENOENT && error != EAGAIN) ||
		    fly_system_clock_us() >= end_us)
			return unreachable(l, error);
		idle(l);
	}
	return check_server(l);
}

static int refused(const struct fly_local *l, const struct fly_bind_answer *answer)
{
	switch (answer->status) {
	case -FLY_ENOEXPORT:
		return fly_fail(FLY_ENOEXPORT,
				"import %s from " LOCAL
				"%s: no interface of that name is exported there",
				l->name, l->server);
	case -FLY_EVERSION:
		if (answer->protocol != FLY_BIND_PROTOCOL)
			break;
		return fly_fail(FLY_EVERSION,
				"import %s from " LOCAL
				"%s: version %u is exported there, %u is wanted",
				l->name, l->server, answer->version, l->version);
	case -FLY_EPERM:
		return fly_fail(FLY_EPERM,
				"import %s from " LOCAL
				"%s: access denied: its export does not let user %u in",
				l->name, l->server, (unsigned)geteuid());
	case -FLY_EBUSY:
		return fly_fail(FLY_EBUSY, "import %s from " LOCAL "%s: %s", l->name, l->server,
				fly_bind_busy_text(answer->version));
	case -FLY_ENOMEM:
	case -FLY_ESYSTEM:
		return fly_fail(-answer->status,
				"import %s from " LOCAL "%s: the server cannot let us in: %s%s",
				l->name, l->server,
				answer->version ? strerror((int)answer->version)
						: fly_strerror(answer->status),
				is_no_descriptor((int)answer->version)
					? "; raise its limit, see ulimit -n"
					: "");
	default:
		if (answer->status < 0 && answer->status > -256)
			return fly_fail(-answer->status, "import %s from " LOCAL "%s: %s", l->name,
					l->server, fly_strerror(answer->status));
		break;
	}
	return fly_fail(FLY_EVERSION,
			"import %s from " LOCAL "%s: it speaks another version of the local "
			"link's protocol; run the same release on both sides",
			l->name, l->server);
}

/* Receive the server's answer. Return: 0, or a negative status with a sentence. */
static int receive(struct fly_local *l, struct fly_bind_answer *answer, int fds[FLY_BIND_FDS])
{
	const uint64_t end_us = fly_system_clock_us() + l->timeout_ms * UINT64_C(1000);
	ssize_t n;

	for (;;) {
		n = fly_bind_receive(l->socket, answer, fds);
		/* If the server refused before reading, its answer is behind the error. */
		if (n < 0 && errno == ECONNRESET)
			n = fly_bind_receive(l->socket, answer, fds);
		if (n >= 0 || errno != EAGAIN)
			break;
		if (fly_system_clock_us() >= end_us)
			return fly_fail(FLY_EPEER,
					"import %s: the server at " LOCAL
					"%s has not answered for %u ms: it is stopped or busy",
					l->name, l->server, l->timeout_ms);
		idle(l);
	}
	if (n < 0 && errno != ECONNRESET)
		return fly_fail(FLY_ESYSTEM, "import %s: the answer of " LOCAL "%s: %s%s", l->name,
				l->server, strerror(errno),
				is_no_descriptor(errno) ? OUR_DESCRIPTORS : "");
	if (n <= 0)
		return fly_fail(FLY_EPEER,
				"import %s: the server at " LOCAL
				"%s ended the connection without an answer",
				l->name, l->server);
	if (n != sizeof *answer || answer->magic != FLY_BIND_MAGIC)
		return fly_fail(FLY_EPEER,
				"import %s: what listens at " LOCAL "%s is no Firefly server",
				l->name, l->server);
	return answer->status == 0 && answer->protocol == FLY_BIND_PROTOCOL ? 0
									    : refused(l, answer);
}

/* Map what the server has sent, and keep its life page. Return: 0, or a negative status. */
static int map_answer(struct fly_local *l, const struct fly_bind_answer *answer,
		      int fds[FLY_BIND_FDS])
{
	int status = fly_life_is_usable(fds[FLY_BIND_LIFE]) ? 0 : -FLY_EINVAL;

	if (status == 0)
		status = fly_astack_map(&l->memory, answer, fds);
	if (status == -FLY_EINVAL)
		return fly_fail(FLY_EINVAL,
				"import %s: " LOCAL
				"%s offers memory that it can shrink, or of another length than "
				"it says",
				l->name, l->server);
	if (status)
		return fly_fail(-status,
				"import %s: the memory of " LOCAL
				"%s cannot be mapped: %s; %zu MiB of addresses are needed",
				l->name, l->server, strerror(errno),
				(l->memory.near_bytes + 2 * l->memory.far_bytes) >> 20);
	l->poller = FLY_ASTACK_READ(fly_astack_head(&l->memory)->poller);
	l->life_fd = fds[FLY_BIND_LIFE];
	fds[FLY_BIND_LIFE] = -1;
	return 0;
}

/* Connect and map the memory. Return: 0, or a negative status with a sentence. */
static int connect_and_map(struct fly_local *l, unsigned wait_ms)
{
	struct fly_bind_request request = {
		.magic = FLY_BIND_MAGIC,
		.protocol = FLY_BIND_PROTOCOL,
		.version = l->version,
	};
	struct fly_bind_answer answer = {0};
	int fds[FLY_BIND_FDS] = {-1, -1, -1, -1};
	int status;

	memcpy(request.name, l->name, strnlen(l->name, sizeof request.name - 1));
	status = reach(l, wait_ms);
	if (status == 0 &&
	    send(l->socket, &request, sizeof request, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
	    errno != EPIPE) /* EPIPE: refused at once; the answer can still be read */
		status = fly_fail(FLY_EPEER, "import %s: " LOCAL "%s: %s", l->name, l->server,
				  strerror(errno));
	if (status == 0)
		status = receive(l, &answer, fds);
	if (status == 0)
		status = map_answer(l, &answer, fds);
	for (unsigned i = 0; i < FLY_BIND_FDS; i++)
		close_fd(&fds[i]);
	if (status)
		close_fd(&l->socket);
	return status;
}

/* Does this poller, in a procedure, wait for a poller of its own runtime? NULL: no. */
static bool is_within(const struct fly_poller *p, const struct fly_local *l)
{
	const struct fly_clerk *clerk = p ? p->local->clerk : NULL;

	return clerk && p->turning && fly_clerk_has(clerk, l->server);
}

static void end(struct fly_local *l)
{
	close_fd(&l->socket);
	close_fd(&l->life_fd);
	free(l->calls);
	l->calls = NULL;
	fly_astack_unmap(&l->memory);
	l->memory.slots = 0;
}

static int begin(struct fly_local *l, unsigned wait_ms)
{
	int status;

	if (is_within(fly_poller_mine(), l) || is_within(fly_elected_here(), l))
		return fly_fail(FLY_ECONFLICT,
				"import %s: a procedure cannot bind to its own runtime over " LOCAL
				"%s: its poller would wait for itself",
				l->name, l->server);
	status = connect_and_map(l, wait_ms);
	if (status)
		return status;
	l->calls = calloc(l->memory.slots, sizeof *l->calls);
	if (!l->calls) {
		end(l);
		return fly_fail(FLY_ENOMEM, "import %s: out of memory", l->name);
	}
	l->stopped = 0;
	l->is_stale = false;
	fly_local_reset(l);
	fly_local_set_checked(l);
	return 0;
}

/* ---- the kind of binding --------------------------------------------------------------------- */

static bool ready(struct fly_call *call)
{
	struct fly_local *l = fly_local_of(call->binding);

	if (l->event)
		fly_local_event_look(l);
	return fly_local_ready(fly_local_call_of(call));
}

static int cancel(struct fly_call *call)
{
	struct fly_local_call *c = fly_local_call_of(call);

	if (c->state != FLY_LOCAL_OUT || !fly_local_give_up(c, -FLY_EWITHDRAWN, -FLY_ECANCELLED))
		return -FLY_EINVAL;
	return 0;
}

static void set_cookie(struct fly_call *call, void *cookie)
{
	struct fly_local_call *c = fly_local_call_of(call);

	c->cookie = cookie;
	c->cookie_seq = c->seq;
}

static void *cookie(const struct fly_call *call)
{
	const struct fly_local_call *c = (const struct fly_local_call *)(const void *)call;

	return c->cookie_seq == c->seq ? c->cookie : NULL;
}

/* A call that has ended, and was not returned before. The server does not say which have. */
static struct fly_call *find_ended(struct fly_local *l)
{
	for (uint32_t n = 0; n < l->memory.slots; n++) {
		struct fly_local_call *c = &l->calls[l->next];

		l->next = l->next + 1 < l->memory.slots ? l->next + 1 : 0;
		if (c->returned_seq == c->seq ||
		    !(c->state == FLY_LOCAL_FAILED ||
		      (c->state == FLY_LOCAL_OUT && fly_slot_is(c->slot, FLY_SLOT_RESULT))))
			continue;
		c->returned_seq = c->seq;
		return &c->head;
	}
	return NULL;
}

static struct fly_call *next_ready(struct fly_binding *binding)
{
	struct fly_local *l = fly_local_of(binding);
	struct fly_call *call;

	if (l->event)
		fly_local_event_look(l);
	call = find_ended(l);
	if (call || l->n_idle == l->memory.slots)
		return call;
	fly_local_check(l);
	return find_ended(l);
}

static uint64_t thread(const struct fly_binding *binding)
{
	return ((const struct fly_local *)(const void *)binding)->owned.thread;
}

/* As of a binding of an inline caller: runtime/import.c. */
static bool is_in_use(const struct fly_binding *binding)
{
	const struct fly_local *l = (const struct fly_local *)(const void *)binding;

	if (l->is_rebinding)
		return true;
	for (uint32_t i = 0; fly_poller_is_in_procedure() && i < l->memory.slots; i++) {
		if (l->calls[i].state != FLY_LOCAL_IDLE && l->calls[i].state != FLY_LOCAL_LOST)
			return true;
	}
	return false;
}

/* Calls that have begun keep their deadline. Without any, the plain Starter looks at none. */
static void note_deadlines(struct fly_local *l)
{
	l->has_deadlines = l->deadline_us != 0;
	for (uint32_t i = 0; i < l->memory.slots; i++) {
		struct fly_local_call *c = &l->calls[i];

		if (c->state != FLY_LOCAL_STARTED && c->state != FLY_LOCAL_OUT)
			c->deadline_tsc = FLY_NEVER;
		l->has_deadlines |= c->deadline_tsc != FLY_NEVER;
	}
	fly_local_set_checked(l);
}

static int set_deadline(struct fly_binding *binding, uint32_t us)
{
	struct fly_local *l = fly_local_of(binding);

	l->deadline_us = us;
	note_deadlines(l);
	return 0;
}

static void set_wait(struct fly_binding *binding, enum fly_wait wait)
{
	struct fly_local *l = fly_local_of(binding);

	l->wait = (uint8_t)(wait != FLY_WAIT_DEFAULT ? wait : l->group->wait);
}

/* Fails while calls are in flight: their results could not be read in the new memory. */
static int rebind(struct fly_binding *binding)
{
	struct fly_local *l = fly_local_of(binding);
	struct fly_astack_memory memory = l->memory;
	struct fly_local_call *calls = l->calls;
	const bool was_rebinding = l->is_rebinding; /* starter_reconnecting() is */
	const int stopped = l->stopped;
	int socket = l->socket;
	int life_fd = l->life_fd;
	int status;

	for (uint32_t i = 0; i < memory.slots; i++) {
		if (calls[i].state != FLY_LOCAL_IDLE && calls[i].state != FLY_LOCAL_LOST)
			return fly_fail(FLY_ECONFLICT,
					"rebind %s: calls are under way; finish them first: they "
					"end when the server has gone, or is told to stop",
					l->name);
	}
	/* A procedure that this thread runs meanwhile finds no memory to call through. */
	l->is_rebinding = true;
	l->stopped = -FLY_ECONFLICT;
	fly_local_set_checked(l);
	l->memory.slots = 0;
	l->calls = NULL;
	l->life_fd = -1;
	status = begin(l, 0);
	l->is_rebinding = was_rebinding;
	if (status) { /* restore */
		l->memory = memory;
		l->calls = calls;
		l->socket = socket;
		l->life_fd = life_fd;
		l->stopped = stopped;
		fly_local_set_checked(l);
		return status;
	}
	fly_astack_unmap(&memory);
	free(calls);
	if (socket >= 0)
		shutdown(socket, SHUT_RDWR); /* a poll of local/event.c holds it, too */
	close_fd(&socket);
	close_fd(&life_fd);
	if (l->event)
		fly_local_event_moved(l);
	fly_notice(&l->group->notice, "link " LOCAL "%s: a server is back", l->server);
	return 0;
}

static int rebind_once(struct fly_binding *binding, uint64_t most_us)
{
	(void)most_us;
	return rebind(binding);
}

static void pause_a_while(struct fly_binding *binding)
{
	idle(fly_local_of(binding));
}

/* Rebind for a call that begins, also between two tries not to be ended by a procedure. */
static int reconnect(struct fly_local *l)
{
	static const struct fly_reconnect how = {.rebind = rebind_once, .pause = pause_a_while};
	const uint64_t timeout_us = l->timeout_ms * UINT64_C(1000);
	const bool was_rebinding = l->is_rebinding;
	int status;

	l->is_rebinding = true;
	status = fly_reconnect(&l->head, &how, l->deadline_us ? l->deadline_us : timeout_us);
	l->is_rebinding = was_rebinding;
	if (status != -FLY_ECONFLICT)
		return status;
	/* Calls that are not finished keep the memory of the old server. */
	return l->is_stale ? -FLY_ESTALE : -FLY_ELINK;
}

/*
 * The Starter of a binding that reconnects: has the server gone since, or its export? The socket is
 * looked at once a millisecond at most.
 */
static int starter_reconnecting(struct fly_binding *binding, uint16_t procedure,
				uint32_t argument_bytes, struct fly_call **call)
{
	struct fly_local *l = fly_local_of(binding);
	const uint64_t began_tsc = fly_clock_now_tsc();
	int status = 0;

	fly_local_check(l);
	if (l->stopped == -FLY_ELINK || (l->is_stale && !l->stopped)) {
		struct fly_loans *const loans = fly_loans_hide(binding);

		status = reconnect(l);
		fly_loans_show(binding, loans);
	}
	if (status)
		return status;
	l->lost_tsc = l->deadline_us ? began_tsc : 0;
	return fly_local_start(binding, procedure, argument_bytes, call);
}

static int set_reconnect(struct fly_binding *binding, bool on)
{
	binding->starter = on ? starter_reconnecting : fly_local_start;
	return 0;
}

static void unbind(struct fly_binding *binding)
{
	struct fly_local *l = fly_local_of(binding);

	fly_owned_remove(&l->owned);
	fly_local_event_close(l->event);
	end(l);
	free(l->server);
	free(l);
}

static int attach(struct fly_binding *binding, struct fly_binding **mine);

static int event_fd(struct fly_binding *binding)
{
	struct fly_local *l = fly_local_of(binding);

	struct fly_local_event *e;
	int status;

	if (l->event)
		return l->event->fd;
	status = fly_local_event_open(l, &e);
	if (status)
		return status;
	pthread_mutex_lock(&l->group->owned.lock); /* against fly_local_shut() */
	l->event = e;
	pthread_mutex_unlock(&l->group->owned.lock);
	fly_local_set_checked(l);
	fly_local_event_moved(l);
	return e->fd;
}

static const struct fly_binding_kind kind = {
	.ready = ready,
	.cancel = cancel,
	.thread = thread,
	.is_in_use = is_in_use,
	.set_cookie = set_cookie,
	.cookie = cookie,
	.next_ready = next_ready,
	.set_deadline = set_deadline,
	.set_wait = set_wait,
	.set_reconnect = set_reconnect,
	.rebind = rebind,
	.unbind = unbind,
	.attach = attach,
	.event_fd = event_fd,
};

/*
 * A copy of NAME of local:NAME, for fly_rebind(): a relative path as it is seen from here, because
 * the program may change its directory. Return: 0, or a negative status with a message; then *kept
 * is NULL.
 */
static int keep_name(const char *name, char **kept)
{
	struct sockaddr_un address;
	char *directory;
	char *path = NULL;

	*kept = NULL;
	if (name[0] == '/' || !strchr(name, '/')) {
		*kept = strdup(name);
		return *kept ? 0 : fly_fail(FLY_ENOMEM, "out of memory");
	}
	directory = getcwd(NULL, 0);
	if (!directory)
		return fly_fail(FLY_EINVAL, "local:%s: the current directory: %s", name,
				strerror(errno));
	if (asprintf(&path, "%s/%s", directory, name) < 0)
		path = NULL;
	free(directory);
	if (!path)
		return fly_fail(FLY_ENOMEM, "out of memory");
	if (strlen(path) < sizeof address.sun_path) {
		*kept = path;
		return 0;
	}
	free(path);
	return fly_fail(FLY_EINVAL,
			"local:%s: in the current directory this path has more than %zu characters "
			"from the root, which is too long for a socket: use a shorter directory",
			name, sizeof address.sun_path - 1);
}

static int make(struct fly_poller_group *group, const char *name, uint32_t version,
		const char *server, int64_t uid, unsigned wait_ms, struct fly_binding **binding)
{
	struct fly_local *l = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_CACHE_LINE_ROUNDUP(sizeof *l));
	int status;

	if (!l)
		return fly_fail(FLY_ENOMEM, "import %s: out of memory", name);
	*l = (struct fly_local){
		.kind = &kind,
		.socket = -1,
		.life_fd = -1,
		.group = group,
		.name = name,
		.version = version,
		.uid = uid,
		.wait = (uint8_t)group->wait,
	};
	fly_local_silence_init(l);
	l->turned = fly_poller_group_own(group);
	fly_local_bind(l);
	status = keep_name(server, &l->server);
	if (!status)
		status = begin(l, wait_ms);
	if (status) {
		free(l->server);
		free(l);
		return status;
	}
	fly_owned_add(&group->owned, &l->owned, &l->head, fly_poller_group_has_thread(group));
	*binding = &l->head;
	return 0;
}

static int attach(struct fly_binding *binding, struct fly_binding **mine)
{
	const struct fly_local *l = fly_local_of(binding);

	return make(l->group, l->name, l->version, l->server, l->uid, 0, mine);
}

int fly_local_import(struct fly_poller_group *group, const char *name, uint32_t version,
		     const char *peer, const struct fly_link_spec *usual,
		     struct fly_binding **binding)
{
	const struct fly_link_spec *spec = usual;
	struct fly_link_spec parsed;

	if (peer) {
		const int status = fly_link_spec_parse(peer, &parsed);

		if (status)
			return status;
		spec = &parsed;
	}
	return make(group, name, version, spec->what, spec->uid, spec->wait_ms, binding);
}

/* ---- ending ---------------------------------------------------------------------------------- */

void fly_local_shut(struct fly_poller_group *group)
{
	struct fly_owned *owned;

	pthread_mutex_lock(&group->owned.lock);
	LIST_FOREACH(owned, &group->owned.all, next)
	{
		struct fly_local *l = fly_local_of(owned->binding);

		if (fly_binding_kind_of(owned->binding) != &kind)
			continue; /* the pollers end those calls */
		/* The owner sees this when it starts a call, or during a wait. */
		atomic_store_explicit(&l->shut, true, memory_order_relaxed);
		atomic_store_explicit(&l->is_checked, true, memory_order_relaxed);
		if (fly_owned_is_mine(owned))
			fly_local_check(l);
		if (l->event)
			fly_local_event_tell(l->event);
	}
	pthread_mutex_unlock(&group->owned.lock);
}

/* ---- waiting --------------------------------------------------------------------------------- */

void fly_local_wake_server(struct fly_local *l)
{
	const char byte = 0;

	/* If the socket is full, the clerk has bytes to read anyway. */
	(void)!send(l->socket, &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/*
 * The server's clerk holds it for some microseconds at a time: local/sweep.c. A server that was
 * stopped at that moment does not give it back.
 */
int fly_local_far_take(struct fly_local *l, uint32_t index, uint64_t deadline_tsc)
{
	_Atomic uint8_t *far = &fly_astack_head(&l->memory)->far[index];
	const uint64_t silent_tsc = fly_clock_now_tsc() + l->timeout_ms * l->tsc_per_ms;
	const uint64_t end_tsc = RTE_MIN(silent_tsc, deadline_tsc);
	uint8_t expected = FLY_FAR_FREE;

	/* Matches the stores of FREE in local/caller.c and local/clerk.c. */
	while (!atomic_compare_exchange_strong_explicit(far, &expected, FLY_FAR_USED,
							memory_order_acquire,
							memory_order_relaxed)) {
		if (expected != FLY_FAR_TAKEN)
			return -FLY_ECALLS;
		if (fly_clock_now_tsc() >= end_tsc)
			return -FLY_EWITHDRAWN;
		expected = FLY_FAR_FREE;
		fly_local_check(l);
		if (l->stopped) /* the call has not begun */
			return l->stopped == -FLY_ESTOPPED ? -FLY_ESHUT : l->stopped;
		idle(l);
	}
	return 0;
}

/* Has the server hung up? Does not read: the bytes are for an event loop. */
static bool is_hung_up(const struct fly_local *l)
{
	struct pollfd p = {.fd = l->socket, .events = POLLRDHUP};

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0;
}

static void look_at_deadlines(struct fly_local *l, uint64_t now_tsc)
{
	if (l->deadline_us == 0)
		note_deadlines(l);
	for (uint32_t i = 0; i < l->memory.slots; i++) {
		struct fly_local_call *c = &l->calls[i];

		if (c->state == FLY_LOCAL_OUT && now_tsc >= c->deadline_tsc)
			fly_local_give_up(c, -FLY_EWITHDRAWN, -FLY_EDEADLINE);
	}
}

void fly_local_check(struct fly_local *l)
{
	const uint64_t now_tsc = fly_clock_now_tsc();

	if (l->has_deadlines)
		look_at_deadlines(l, now_tsc);
	if (unlikely(atomic_load_explicit(&l->shut, memory_order_relaxed)) && !l->stopped) {
		l->stopped = -FLY_ESTOPPED;
		for (uint32_t i = 0; i < l->memory.slots; i++) {
			if (l->calls[i].state == FLY_LOCAL_OUT)
				fly_local_give_up(&l->calls[i], -FLY_ESHUT, -FLY_ESTOPPED);
		}
	}
	if (now_tsc - l->looked_tsc < l->tsc_per_ms)
		return;
	l->looked_tsc = now_tsc;
	if (l->stopped)
		return;
	if (is_hung_up(l) || fly_astack_has_fault(&l->memory)) {
		fly_notice(&l->group->notice, "link " LOCAL "%s: the server is gone", l->server);
		fly_local_hung_up(l);
	} else if (now_tsc >= l->listen_tsc) {
		fly_local_listen(l, now_tsc);
	}
}

void fly_local_wait(struct fly_local *l, struct fly_local_call *c, uint32_t rounds)
{
	struct fly_poller *turned = l->turned ? l->turned : fly_elected_here();
	struct fly_waiting waiting = {.empty = rounds * SLEEP_LOOKS};
	uint32_t word;

	fly_local_check(l);
	if (c->state != FLY_LOCAL_OUT || l->wait <= FLY_WAIT_SPIN)
		return;
	if (turned && turned->n_links && l->wait == FLY_WAIT_SLEEP) {
		/* Packets do not wake who sleeps on a slot, and a slot does not wake a poller. */
		fly_wait_unwoken(&waiting, turned);
		return;
	}
	word = fly_slot_word(c->slot);
	if (fly_slot_says(word, FLY_SLOT_CALL))
		fly_wait_for_slot(&waiting, c->slot, word, l->wait, true);
	if (l->event)
		atomic_store_explicit(&c->slot->asleep, FLY_ASLEEP_EVENT, memory_order_relaxed);
}
