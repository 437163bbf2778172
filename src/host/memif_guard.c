/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * memif_guard.c - when EAL's interrupt thread may run the callbacks of drivers.
 *
 * net_memif unmaps the rings on the interrupt thread as soon as its peer goes, even while a poller
 * uses them. So the interrupt thread spends its time inside on_interrupt(), the callback of an
 * eventfd of ours that is always ready when the callback returns. A driver's callback can only run
 * between a return of on_interrupt(), with the window open, and its next entry, which closes the
 * window. See "The window" and "When to open the window".
 *
 * Called by the control side, and by pollers through the two burst functions. Must not touch
 * private data of EAL or a driver. Of their descriptors it only sets O_NONBLOCK on memif's control
 * channels, has those that were opened in a window closed on exec(2), and occupies free descriptor
 * numbers (plug_stale()).
 */
#define ALLOW_EXPERIMENTAL_API /* rte_intr_instance_alloc() etc., stable in DPDK 23.11 */
#include "host/memif_guard.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <rte_ethdev.h>
#include <rte_interrupts.h>
#include <rte_pause.h>

#include <firefly/status.h>

#include "base/descriptors.h"
#include "base/error.h"
#include "base/yield.h"
#include "host/bell.h"
#include "host/memif_rings.h"

#define BLIND_MS     10  /* interval of windows if EAL's epoll descriptor cannot be found */
#define BUSY_ROUNDS  256 /* windows in a row, for a source that never calms down, ... */
#define BUSY_MS      1   /* ... before each further one waits */
#define FREE_ONES    64  /* free descriptor numbers in a row: behind them is no stale source */
#define SPINS        200
#define YIELDS       200
#define SLEEP_MIN_NS 20000
#define SLEEP_MAX_NS 500000

/*
 * The window
 *
 * Dekker's algorithm, between one requester and any number of pollers. Each variable is written by
 * one side:
 *
 *	requester: want = 1; barrier; wait until each in == 0; ... window ...; want = 0
 *	poller:    in = 1; if (want) { in = 0; wait until want == 0; again } burst; in = 0
 *
 * Store-then-load needs sequential consistency on both sides. The requester pays for both: its
 * membarrier(2) makes every running thread of the process pass a full barrier. A poller's store of
 * `in` is either before that barrier, and the requester sees it, or its load of `want` is after
 * it, and the poller sees `want`. The poller's two stores and its load are plain moves; exchanges
 * would cost more, twice a turn. Procedures run outside of bursts, so they never block the
 * interrupt thread.
 */
static _Alignas(RTE_CACHE_LINE_SIZE) _Atomic unsigned want = 1; /* until on_interrupt() has run */

/* Held by a thread that works on devices: the interrupt thread in a window, or a control thread. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static struct fly_memif_guarded *all; /* under gate */

/*
 * Grows when rings may have come or gone: with each window, and with each guarded port. Never 0.
 * Published by G3, or by the gate.
 */
static _Atomic uint32_t changes = 1;

static pthread_mutex_t starting = PTHREAD_MUTEX_INITIALIZER;
static bool running; /* under starting */

/* Set by fly_memif_guard_start() before the callback exists; then owned by the callback. */
static struct {
	struct rte_intr_handle *source; /* of doorbell */
	struct rte_intr_handle *probe;  /* never registered; for looking up numbers in EAL */
	int doorbell;                   /* readable whenever on_interrupt() has returned */
	int plug;                       /* never readable */
	int bell;                       /* of all connections: host/bell.h */
	int epoll;                      /* EAL's, as last found; -1 */
	bool open;                      /* the window is open; we hold the gate */
	struct fly_descriptors before;  /* open before the window */
	struct fly_descriptors bells;   /* of them, eventfds */
	unsigned busy;                  /* windows in a row */
} thread = {.doorbell = -1, .plug = -1, .bell = -1, .epoll = -1};

/* Wait a little longer each time: the other thread may need our core. */
static void relax(unsigned *times)
{
	const unsigned n = (*times)++;
	const struct timespec delay = {.tv_nsec = n < SPINS + YIELDS + 32 ? SLEEP_MIN_NS
									  : SLEEP_MAX_NS};

	if (n < SPINS)
		rte_pause();
	else if (n < SPINS + YIELDS)
		fly_yield();
	else
		nanosleep(&delay, NULL);
}

/* ---- the poller's side ---- */

static __attribute__((cold, noinline)) void wait_outside(struct fly_memif_guarded *g)
{
	do {
		unsigned times = 0;

		/* G1: the rings are the interrupt thread's; pairs with G2 in open_window(). */
		atomic_store_explicit(&g->in, 0, memory_order_release);
		while (atomic_load_explicit(&want, memory_order_relaxed))
			relax(&times);
		atomic_store_explicit(&g->in, 1, memory_order_seq_cst);
	} while (atomic_load_explicit(&want, memory_order_seq_cst)); /* G4, as in enter() */
}

static inline void enter(struct fly_memif_guarded *g)
{
	atomic_store_explicit(&g->in, 1, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst); /* compiler; membarrier(2) orders the CPU */
	/* G4: what the interrupt thread did to the rings is ours to see; pairs with G3. */
	if (unlikely(atomic_load_explicit(&want, memory_order_acquire)))
		wait_outside(g);
}

static inline void leave(struct fly_memif_guarded *g)
{
	/* G1: the rings are the interrupt thread's; pairs with G2 in open_window(). */
	atomic_store_explicit(&g->in, 0, memory_order_release);
}

static uint16_t guarded_rx_burst(struct fly_link *link, struct rte_mbuf **packets, uint16_t n)
{
	struct fly_memif_guarded *g = (struct fly_memif_guarded *)link;

	enter(g);
	n = rte_eth_rx_burst(link->port, 0, packets, n);
	leave(g);
	return n;
}

static uint16_t guarded_tx_burst(struct fly_link *link, struct rte_mbuf **packets, uint16_t n)
{
	struct fly_memif_guarded *g = (struct fly_memif_guarded *)link;

	enter(g);
	n = rte_eth_tx_burst(link->port, 0, packets, n);
	leave(g);
	return n;
}

/*
 * Waking
 *
 * See memif_rings.c. A ring is not told from those of another port of this process. So one port
 * asks for all, and it only does if all are polled by the same poller and receive from the same
 * ring of their pair: others would be made to wake when they need not. The rings stay while we are
 * inside as in a burst.
 *
 * DPDK's driver stores into a ring and looks at its flags without a barrier in between. It may miss
 * that it was asked if that happens within some nanoseconds; then the sleep is as long as without.
 */
static void find_rings(struct fly_memif_guarded *g)
{
	/* Whoever has the gate may work on devices for long: then another time. */
	if (pthread_mutex_trylock(&gate) != 0)
		return;
	g->is_alone = true;
	for (const struct fly_memif_guarded *other = all; other; other = other->next)
		g->is_alone &= other->owner == g->owner && other->server == g->server;
	g->asks = g->is_alone && all == g;
	g->n_rings = g->asks ? fly_memif_rings_find(g->server, g->rings, FLY_MEMIF_RINGS) : 0;
	g->looked = atomic_load_explicit(&changes, memory_order_relaxed);
	pthread_mutex_unlock(&gate);
}

static bool has_looked(const struct fly_memif_guarded *g)
{
	return g->looked == atomic_load_explicit(&changes, memory_order_relaxed);
}

static void set_flags(const struct fly_memif_guarded *g, uint16_t flags)
{
	for (uint32_t i = 0; i < g->n_rings; i++)
		atomic_store_explicit(g->rings[i], flags, memory_order_relaxed);
}

/* fly_link.arm */
static int guarded_arm(struct fly_link *link, int *fds)
{
	struct fly_memif_guarded *g = (struct fly_memif_guarded *)link;
	int n = -1;

	if (thread.bell < 0)
		return -1;
	fly_bell_forget(thread.bell);
	enter(g);
	if (!has_looked(g))
		find_rings(g);
	if (has_looked(g) && g->is_alone) {
		set_flags(g, 0);
		n = 0;
		if (g->asks)
			fds[n++] = thread.bell;
	}
	leave(g);
	return n;
}

/* fly_link.disarm */
static void guarded_disarm(struct fly_link *link)
{
	struct fly_memif_guarded *g = (struct fly_memif_guarded *)link;

	enter(g);
	if (!has_looked(g)) /* something came or went while we slept: the others are still asked */
		find_rings(g);
	if (has_looked(g))
		set_flags(g, FLY_MEMIF_MASK_INT);
	leave(g);
}

/* ---- the interrupt thread's side ---- */

static void open_window(void)
{
	/* G5: what a control thread did to the devices is ours to see; pairs with itself. */
	pthread_mutex_lock(&gate);
	atomic_store_explicit(&want, 1, memory_order_seq_cst);
	syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
	for (struct fly_memif_guarded *g = all; g; g = g->next) {
		unsigned times = 0;

		/* G2: what the poller did to the rings is ours to see; pairs with G1. */
		while (atomic_load_explicit(&g->in, memory_order_seq_cst))
			relax(&times);
	}
	/* With the gate: nobody looks for rings, for which a descriptor is opened for a moment. */
	fly_descriptors_note(&thread.before);
	fly_bell_note(&thread.bells);
	thread.open = true;
}

static void changed(void)
{
	if (atomic_fetch_add_explicit(&changes, 1, memory_order_relaxed) == UINT32_MAX)
		atomic_fetch_add_explicit(&changes, 1, memory_order_relaxed);
}

static void close_window(void)
{
	changed();
	/* G3: gives the rings back to the pollers; pairs with G4. */
	atomic_store_explicit(&want, 0, memory_order_release);
	if (thread.open)
		pthread_mutex_unlock(&gate); /* G5 */
	thread.open = false;
}

/*
 * Make a memif control channel non-blocking. If a stale callback has its number (plug_stale()) the
 * driver reads twice: a blocking read would keep the window open until the peer sends.
 */
static void unblock(int fd)
{
	int type = 0;
	socklen_t bytes = sizeof type;
	int flags;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &bytes) || type != SOCK_SEQPACKET)
		return;
	flags = fcntl(fd, F_GETFL);
	if (flags >= 0 && !(flags & O_NONBLOCK))
		fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/* Does this epoll descriptor watch our doorbell? Calls each() for all that it watches. */
static bool watches_us(int fd, void (*each)(int fd))
{
	char text[128];
	bool hit = false;
	int watched;
	FILE *f;

	snprintf(text, sizeof text, "/proc/self/fdinfo/%d", fd);
	f = fopen(text, "re");
	if (!f)
		return false;
	while (fgets(text, sizeof text, f)) {
		if (sscanf(text, "tfd: %d", &watched) != 1)
			continue;
		hit |= watched == thread.doorbell;
		if (each)
			each(watched);
	}
	fclose(f);
	return hit;
}

/*
 * Find the epoll descriptor that EAL's thread waits on. EAL makes a new one when its set of
 * sources changes, mostly with the old number. It cannot go while EAL's thread is in here.
 */
static int find_epoll(void)
{
	const struct dirent *entry;
	DIR *directory;
	int fd = -1;

	if (thread.epoll >= 0 && watches_us(thread.epoll, NULL))
		return thread.epoll;
	directory = opendir("/proc/self/fdinfo");
	if (!directory)
		return -1;
	while (fd < 0 && (entry = readdir(directory))) {
		if (entry->d_name[0] != '.' && watches_us(atoi(entry->d_name), NULL))
			fd = atoi(entry->d_name);
	}
	closedir(directory);
	return fd;
}

static void on_nothing(void *unused)
{
	(void)unused;
}

/*
 * If a client goes before its hello message, memif's listener leaves its callback registered: the
 * number of a closed descriptor stays a source, and EAL aborts the process when its set of sources
 * changes next. So look up in EAL the numbers that are free. One that is a stale source gets a
 * descriptor that is never readable, for good.
 * It need not be the lowest free one: another client may have gone in the same batch of events.
 * This does not always help: our doorbell must come before EAL's own pipe in a batch of events. It
 * nearly always does, by the order in which they become ready.
 */
static bool plug_stale(void)
{
	bool found = false;
	unsigned free_ones = 0;

	for (int fd = 3; free_ones < FREE_ONES; fd++) {
		if (fcntl(fd, F_GETFD) >= 0) {
			free_ones = 0;
		} else if (rte_intr_fd_set(thread.probe, fd) == 0 &&
			   rte_intr_callback_unregister(thread.probe, on_nothing, NULL) !=
				   -ENOENT) {
			const int plug = fcntl(thread.plug, F_DUPFD_CLOEXEC, fd);

			if (plug >= 0 && plug != fd)
				close(plug); /* another thread has it: it is no stale source now */
			found = true;
		} else {
			free_ones++;
		}
	}
	return found;
}

/*
 * Clients that connected while we were stopped, and went away, stand in the listener's queue one
 * behind the other. EAL takes the next one in the batch in which it changes its set of sources,
 * and we could not plug the number in between. So after a stale source all that wait are turned
 * away: those that live come again.
 */
static void turn_away(int fd)
{
	int listens = 0;
	socklen_t bytes = sizeof listens;
	int client;

	unblock(fd);
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &bytes) || !listens ||
	    !(fcntl(fd, F_GETFL) & O_NONBLOCK))
		return;
	while ((client = accept4(fd, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		close(client);
}

/*
 * When to open the window
 *
 * The doorbell was drained, so EAL's epoll descriptor, which can itself be polled, is readable
 * exactly when another source is: a control channel, a listener, an alarm, or the pipe that
 * reports a changed set of sources. If its number is not found in /proc, a window opens every
 * BLIND_MS.
 */
static void wait_for_a_source(void)
{
	struct pollfd p = {.events = POLLIN};

	p.fd = thread.epoll = find_epoll();
	if (p.fd < 0) {
		poll(NULL, 0, BLIND_MS);
		return;
	}
	fly_descriptor_close_on_exec(p.fd);
	watches_us(p.fd, unblock);
	if (poll(&p, 1, 0) > 0) {
		if (thread.busy < BUSY_ROUNDS)
			thread.busy++;
		else
			poll(NULL, 0, BUSY_MS);
		return;
	}
	thread.busy = 0;
	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
}

static void on_interrupt(void *unused)
{
	eventfd_t count;
	bool was_open;
	int fd;

	(void)unused;
	eventfd_read(thread.doorbell, &count);
	if (plug_stale() && (fd = find_epoll()) >= 0)
		watches_us(fd, turn_away);
	was_open = thread.open;
	if (was_open)
		fly_bell_add_new(thread.bell, &thread.bells);
	close_window();
	if (was_open)
		fly_descriptors_close_on_exec(&thread.before);
	wait_for_a_source();
	open_window();
	eventfd_write(thread.doorbell, 1);
}

/* ---- the control side ---- */

static int own_the_thread(void)
{
	unsigned times = 0;

	if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0))
		return -errno;
	thread.doorbell = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
	thread.plug = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	thread.bell = fly_bell_open(); /* without it pollers are not woken */
	thread.source = rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE);
	thread.probe = rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE);
	if (thread.doorbell < 0 || thread.plug < 0 || !thread.source || !thread.probe ||
	    rte_intr_fd_set(thread.source, thread.doorbell) ||
	    rte_intr_type_set(thread.source, RTE_INTR_HANDLE_EXT) ||
	    rte_intr_callback_register(thread.source, on_interrupt, NULL)) {
		rte_intr_instance_free(thread.source);
		rte_intr_instance_free(thread.probe);
		close(thread.doorbell);
		close(thread.plug);
		fly_bell_close(thread.bell);
		thread.bell = -1;
		return -ENOMEM;
	}
	/* The first run of on_interrupt() clears the initial `want`. */
	while (atomic_load_explicit(&want, memory_order_acquire))
		relax(&times);
	return 0;
}

int fly_memif_guard_start(void)
{
	int error = 0;

	pthread_mutex_lock(&starting);
	if (!running) {
		error = own_the_thread();
		running = error == 0;
	}
	pthread_mutex_unlock(&starting);
	return error ? fly_fail(FLY_ESYSTEM,
				"memif: DPDK's interrupt thread cannot be kept in check (%s), and "
				"unchecked it would crash us when a peer dies; use vhost",
				strerror(-error))
		     : 0;
}

void fly_memif_guard_add(struct fly_memif_guarded *guarded)
{
	guarded->in = 0;
	guarded->link.rx_burst = guarded_rx_burst;
	guarded->link.tx_burst = guarded_tx_burst;
	guarded->link.arm = guarded_arm;
	guarded->link.disarm = guarded_disarm;
	guarded->looked = 0;
	guarded->n_rings = 0;
	pthread_mutex_lock(&gate);
	guarded->next = all;
	all = guarded;
	changed();
	pthread_mutex_unlock(&gate);
}

void fly_memif_guard_remove(struct fly_memif_guarded *guarded)
{
	pthread_mutex_lock(&gate);
	for (struct fly_memif_guarded **at = &all; *at; at = &(*at)->next) {
		if (*at == guarded) {
			*at = guarded->next;
			changed();
			break;
		}
	}
	pthread_mutex_unlock(&gate);
}

void fly_memif_guard_hold(void)
{
	/* G5: as in open_window(). */
	pthread_mutex_lock(&gate);
}

void fly_memif_guard_drop(void)
{
	pthread_mutex_unlock(&gate);
}
