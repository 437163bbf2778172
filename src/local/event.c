/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local/event.c - see local/event.h.
 *
 * One descriptor for several causes
 *
 * A program waits for one descriptor, and reads eight bytes from it. A local call ends by a result,
 * for which the server sends a byte over the socket; by its deadline or a silent server, which only
 * a timer can tell; or by fly_cancel() and fly_shutdown(). An epoll descriptor would hold them all,
 * but cannot be read, and would stay readable until the socket was. A thread that waits for them
 * all would delay each result. So the kernel is asked to poll socket and timer once, and to write
 * to an eventfd when either is readable: io_submit(2) with IOCB_CMD_POLL.
 *
 * A poll that has completed is repeated in the first fly_ready() afterwards, before that looks at a
 * slot, and when a call starts. What comes after that completes the new poll: the eventfd is
 * readable again, and the program looks again. So no end goes unnoticed, whatever the order in
 * which the program looks at its calls. What comes while no call is under way wakes it once.
 */
#include "local/event.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/error.h"
#include "fastpath/clock.h"
#include "fastpath/poller.h"
#include "local/caller.h"

#define COMPLETIONS 8 /* two are under way, and one of each earlier socket */

enum subject {
	THE_SOCKET,
	THE_TIMER
};

/* The kernel's ring of completions, as it is mapped here: the context is its address. */
struct ring {
	uint32_t id;
	uint32_t n;
	uint32_t head;
	uint32_t tail;
	uint32_t magic;
};

#define RING_MAGIC 0xa10a10a1u

/* Has a poll completed? Without a system call, unless the kernel has another kind of ring. */
static bool has_completed(const struct fly_local_event *e)
{
	const struct ring *ring = (const struct ring *)e->context;

	/* Acquire: as io_getevents(2) does in libaio; what completed is read by a system call. */
	return ring->magic != RING_MAGIC ||
	       __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE) != ring->head;
}

static bool watch(struct fly_local_event *e, enum subject subject, int fd)
{
	struct iocb poll = {
		.aio_lio_opcode = IOCB_CMD_POLL,
		.aio_fildes = (uint32_t)fd,
		.aio_buf = POLLIN | POLLRDHUP,
		.aio_data = (uint64_t)e->generation << 1 | (uint64_t)subject,
		.aio_flags = IOCB_FLAG_RESFD,
		.aio_resfd = (uint32_t)e->fd,
	};
	struct iocb *all[] = {&poll};

	if (syscall(SYS_io_submit, e->context, 1, all) == 1)
		return true;
	fly_local_event_tell(e); /* no memory now: the program looks again */
	return false;
}

static void note_completed(struct fly_local_event *e)
{
	struct timespec none = {0};
	struct io_event events[COMPLETIONS];
	const long n = syscall(SYS_io_getevents, e->context, 0, COMPLETIONS, events, &none);

	for (long i = 0; i < n; i++) {
		if ((events[i].data & 1) == THE_TIMER)
			e->is_timer_watched = false;
		else if (events[i].data >> 1 == e->generation)
			e->is_socket_watched = false;
	}
}

static void set_timer(struct fly_local *l, uint64_t due_tsc, uint64_t now_tsc)
{
	const uint64_t ticks = due_tsc > now_tsc ? due_tsc - now_tsc : 0;
	const uint64_t us = ticks * 1000 / l->tsc_per_ms + 1; /* never early, never 0: not set */
	const struct itimerspec at = {
		.it_value = {.tv_sec = (time_t)(us / 1000000),
			     .tv_nsec = (long)(us % 1000000) * 1000},
	};

	l->event->due_tsc = due_tsc;
	timerfd_settime(l->event->timer, 0, &at, NULL);
}

/* The earliest time at which a call that is under way may have to end. */
static uint64_t find_due(const struct fly_local *l, uint64_t now_tsc)
{
	uint64_t due_tsc = FLY_NEVER;

	for (uint32_t i = 0; i < l->memory.slots; i++) {
		const struct fly_local_call *c = &l->calls[i];

		if (c->state != FLY_LOCAL_OUT)
			continue;
		due_tsc = RTE_MIN(due_tsc, c->deadline_tsc);
		due_tsc = RTE_MIN(due_tsc, RTE_MAX(l->listen_tsc, now_tsc + l->tsc_per_ms));
	}
	return due_tsc;
}

static void read_socket(struct fly_local *l)
{
	char byte;
	ssize_t n;

	while ((n = recv(l->socket, &byte, 1, MSG_DONTWAIT)) > 0)
		;
	if (n == 0 || errno != EAGAIN) {
		l->looked_tsc = 0; /* hung up: do not wait for the next look */
		fly_local_check(l);
	}
}

static void read_timer(struct fly_local *l)
{
	struct fly_local_event *e = l->event;
	const uint64_t now_tsc = fly_clock_now_tsc();
	uint64_t due_tsc;
	uint64_t n;

	(void)!read(e->timer, &n, sizeof n);
	e->due_tsc = FLY_NEVER;
	fly_local_check(l);
	due_tsc = find_due(l, now_tsc);
	if (due_tsc != FLY_NEVER)
		set_timer(l, due_tsc, now_tsc);
}

void fly_local_event_look(struct fly_local *l)
{
	struct fly_local_event *e = l->event;

	if (atomic_load_explicit(&l->shut, memory_order_relaxed) && !l->stopped)
		fly_local_check(l);
	if (has_completed(e))
		note_completed(e);
	if (!e->is_socket_watched && !l->stopped) {
		read_socket(l);
		e->is_socket_watched = !l->stopped && watch(e, THE_SOCKET, l->socket);
	}
	if (!e->is_timer_watched) {
		read_timer(l);
		e->is_timer_watched = watch(e, THE_TIMER, e->timer);
	}
}

void fly_local_event_started(struct fly_local *l, uint64_t deadline_tsc)
{
	const uint64_t now_tsc = fly_clock_now_tsc();
	uint64_t due_tsc = now_tsc + l->quarter_tsc;

	due_tsc = RTE_MIN(due_tsc, deadline_tsc);
	/* A timer that expires earlier is set anew then. */
	if (due_tsc < l->event->due_tsc)
		set_timer(l, due_tsc, now_tsc);
}

void fly_local_event_tell(const struct fly_local_event *e)
{
	eventfd_write(e->fd, 1);
}

static void announce(struct fly_local *l)
{
	/* A result from now on comes with a byte; one that came meanwhile does not. */
	for (uint32_t i = 0; i < l->memory.slots; i++)
		atomic_store_explicit(&l->calls[i].slot->asleep, FLY_ASLEEP_EVENT,
				      memory_order_seq_cst);
	if (l->n_idle + l->n_lost != l->memory.slots)
		fly_local_event_tell(l->event);
}

void fly_local_event_moved(struct fly_local *l)
{
	l->event->generation++;
	l->event->is_socket_watched = false;
	announce(l);
	fly_local_event_look(l);
}

static void close_all(struct fly_local_event *e)
{
	if (e->context)
		syscall(SYS_io_destroy, e->context); /* ends its polls */
	if (e->timer >= 0)
		close(e->timer);
	if (e->fd >= 0)
		close(e->fd);
	free(e);
}

static const char *hint(int error)
{
	switch (error) {
	case EAGAIN:
		return "; see /proc/sys/fs/aio-max-nr";
	case EMFILE:
	case ENFILE:
		return "; it takes two descriptors, see ulimit -n";
	default:
		return "; it takes eventfd(2), timerfd_create(2) and io_setup(2)";
	}
}

/* Return: false, with errno set. */
static bool open_all(struct fly_local_event *e)
{
	e->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	e->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	return e->fd >= 0 && e->timer >= 0 && syscall(SYS_io_setup, COMPLETIONS, &e->context) == 0;
}

int fly_local_event_open(const struct fly_local *l, struct fly_local_event **event)
{
	struct fly_local_event *e = calloc(1, sizeof *e);
	int error;

	if (!e)
		return fly_fail(FLY_ENOMEM, "fly_event_fd of %s: out of memory", l->name);
	e->due_tsc = FLY_NEVER;
	if (open_all(e)) {
		*event = e;
		return 0;
	}
	error = errno;
	close_all(e);
	return fly_fail(FLY_ESYSTEM, "fly_event_fd of %s: %s%s", l->name, strerror(error),
			hint(error));
}

void fly_local_event_close(struct fly_local_event *e)
{
	if (e)
		close_all(e);
}
