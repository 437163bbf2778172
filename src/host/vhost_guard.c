/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vhost_guard.c - keeps base/fault.h informed about the memory of the clients of vhost servers.
 *
 * DPDK handles all vhost-user messages on one thread, "vhost-events". There it also calls
 * on_link(), when a client is ready and when it leaves, and before_message() and after_message().
 * A poller may use the memory a moment before on_link() has run: fly_fault_late_begin().
 * Memory that a client sends again replaces what it has sent before; pollers stay out meanwhile.
 *
 * Owns the table of memory. DPDK knows a client by a number, which it does not tell with a port:
 * the path of the socket leads to it.
 */
#include "host/vhost_guard.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/vhost_types.h>
#include <rte_ethdev.h>
#include <rte_vhost.h>

#include <firefly/status.h>

#include "base/descriptors.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/yield.h"
#include "host/bell.h"
#include "host/connections.h"
#include "host/eal.h"

#define SHARED        512  /* memory regions; DPDK takes 8 of a client */
#define NUMBERS       1024 /* DPDK's clients are 0 to 1023 */
#define SET_MEM_TABLE 5    /* of vhost-user's messages */

/* Writing a client's log of dirty pages, DPDK trusts the client's offset into it. */
#define REFUSED (1ULL << VHOST_F_LOG_ALL)

static struct shared {
	struct fly_vhost_guard *guard; /* NULL: free */
	int number;
	void *start;
} shared[SHARED];
static struct fly_vhost_guard *guards[NUMBERS]; /* by DPDK's number of the client */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- descriptors that DPDK has of a client ---- */

static void close_rings_on_exec(int number)
{
	for (uint16_t i = 0; i < rte_vhost_get_vring_num(number); i++) {
		struct rte_vhost_vring ring = {.kickfd = -1, .callfd = -1};

		rte_vhost_get_vhost_vring(number, i, &ring);
		fly_descriptor_close_on_exec(ring.kickfd);
		fly_descriptor_close_on_exec(ring.callfd);
	}
}

/* ---- waking ---- */

/*
 * Waking
 *
 * A client that sends reads the flags of the device, in the ring that it sends by, and writes to
 * its eventfd unless they say no (virtio 1.1, 2.6.7 and 2.7.10). The poller that goes to sleep
 * sets them. rte_vhost_enable_guest_notification() would do that under a lock which DPDK's thread
 * holds while it handles a message of the client, however long the client makes that. So we set
 * them ourselves. Until DPDK's thread has waited for the poller to be outside it changes nothing
 * that they need: Dekker's algorithm, on `asks` and `inside`; the poller is inside for a store.
 *
 * A message takes the flags away, and what they say. A poller that sleeps meanwhile is woken: it
 * looks for packets, and asks once more. Dekker again: it stores `sleeps`, then reads `asks`, and
 * DPDK's thread stores `asks`, then reads `sleeps`. Either the poller asks, or it is woken.
 */
#define TO_US               1 /* the number of the ring */
#define PACKED_DISABLE      1 /* RING_EVENT_FLAGS_DISABLE */
#define SPLIT_NO_NOTIFY     1 /* VIRTQ_USED_F_NO_NOTIFY */
#define FEATURE_EVENT_INDEX (1ULL << 29)
#define FEATURE_PACKED      (1ULL << 34)

/* On DPDK's thread. Return after the poller has left. */
static void ask_nobody(struct fly_vhost_guard *guard, bool is_there)
{
	atomic_store_explicit(&guard->is_mute, is_there, memory_order_relaxed);
	atomic_store_explicit(&guard->asks, NULL, memory_order_seq_cst);
	while (atomic_load_explicit(&guard->inside, memory_order_seq_cst))
		fly_yield();
}

/* On DPDK's thread, which leaves the rings as they are until ask_nobody(). */
static void ask_client(struct fly_vhost_guard *guard, int number)
{
	struct rte_vhost_vring ring = {.kickfd = -1};
	_Atomic uint16_t *flags = NULL;
	uint64_t features;

	atomic_store_explicit(&guard->is_mute, true, memory_order_relaxed);
	if (rte_vhost_get_negotiated_features(number, &features) ||
	    rte_vhost_get_vhost_vring(number, TO_US, &ring) || !ring.desc)
		return;
	if (!ring.used)
		return;
	if (features & FEATURE_PACKED) {
		flags = (void *)&ring.device_event->flags;
		guard->says_no = PACKED_DISABLE;
	} else if (!(features & FEATURE_EVENT_INDEX)) { /* else it is asked by an index */
		flags = (void *)&ring.used->flags;
		guard->says_no = SPLIT_NO_NOTIFY;
	}
	if (!fly_bell_add(guard->bell, ring.kickfd) && errno != EEXIST)
		return;
	if (flags)
		atomic_store_explicit(&guard->is_mute, false, memory_order_relaxed);
	/* The poller may have left them at yes, when it could not reach them. */
	if (flags)
		atomic_store_explicit(flags, guard->says_no, memory_order_relaxed);
	atomic_store_explicit(&guard->asks, flags, memory_order_seq_cst);
	if (atomic_load_explicit(&guard->sleeps, memory_order_seq_cst))
		fly_bell_again(guard->bell, ring.kickfd);
}

static bool say(struct fly_vhost_guard *guard, bool wake)
{
	_Atomic uint16_t *flags;

	atomic_store_explicit(&guard->inside, true, memory_order_seq_cst);
	flags = atomic_load_explicit(&guard->asks, memory_order_seq_cst);
	if (flags)
		atomic_store_explicit(flags, wake ? 0 : guard->says_no, memory_order_relaxed);
	atomic_store_explicit(&guard->inside, false, memory_order_release);
	return flags != NULL;
}

bool fly_vhost_guard_ask(struct fly_vhost_guard *guard)
{
	fly_bell_forget(guard->bell);
	atomic_store_explicit(&guard->sleeps, true, memory_order_seq_cst);
	/* A client that comes kicks when it is ready, whatever the flags say. */
	return say(guard, true) || !atomic_load_explicit(&guard->is_mute, memory_order_relaxed);
}

void fly_vhost_guard_ask_no_more(struct fly_vhost_guard *guard)
{
	atomic_store_explicit(&guard->sleeps, false, memory_order_relaxed);
	say(guard, false);
}

/* ---- under the lock ---- */

static void forget(struct shared *s)
{
	s->guard->gone |= fly_fault_has(s->start);
	fly_fault_remove(s->start);
	s->guard = NULL;
}

static void forget_client(const struct fly_vhost_guard *guard, int number)
{
	for (unsigned i = 0; i < SHARED; i++) {
		if (shared[i].guard == guard && shared[i].number == number)
			forget(&shared[i]);
	}
}

static void forget_all(const struct fly_vhost_guard *guard)
{
	for (unsigned i = 0; i < SHARED; i++) {
		if (shared[i].guard == guard)
			forget(&shared[i]);
	}
	for (unsigned i = 0; i < NUMBERS; i++) {
		if (guards[i] == guard)
			guards[i] = NULL;
	}
}

/* Return: is it in the tables? */
static bool note(struct fly_vhost_guard *guard, int number, const struct rte_vhost_mem_region *r)
{
	unsigned i = 0;

	while (i < SHARED && shared[i].guard)
		i++;
	if (i == SHARED || fly_fault_add(r->mmap_addr, r->mmap_size, 0))
		return false;
	shared[i] = (struct shared){guard, number, r->mmap_addr};
	return true;
}

/* On DPDK's thread: the client's memory stays while we look at it. */
static void note_client(struct fly_vhost_guard *guard, int number)
{
	struct rte_vhost_memory *memory;

	if (rte_vhost_get_mem_table(number, &memory)) {
		guard->gone = true;
		return;
	}
	for (uint32_t i = 0; i < memory->nregions; i++) {
		fly_descriptor_close_on_exec(memory->regions[i].fd);
		guard->gone |= !note(guard, number, &memory->regions[i]);
	}
	free(memory);
}

/* ---- on DPDK's thread ---- */

static enum rte_vhost_msg_result before_message(int number, void *unused)
{
	(void)unused;
	pthread_mutex_lock(&lock);
	if (guards[number])
		ask_nobody(guards[number], true);
	pthread_mutex_unlock(&lock);
	return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
}

static enum rte_vhost_msg_result after_message(int number, void *message)
{
	uint32_t type;

	memcpy(&type, message, sizeof type);
	pthread_mutex_lock(&lock);
	if (guards[number] && type == SET_MEM_TABLE) {
		forget_client(guards[number], number);
		note_client(guards[number], number);
	}
	if (guards[number])
		ask_client(guards[number], number);
	pthread_mutex_unlock(&lock);
	return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
}

static const struct rte_vhost_user_extern_ops hooks = {
	.pre_msg_handle = before_message,
	.post_msg_handle = after_message,
};

/* Has the client of this number sent all that makes it ready, its memory above all? */
static bool is_ready(int number)
{
	struct rte_vhost_vring ring = {0};

	return rte_vhost_get_vhost_vring(number, 0, &ring) == 0 && ring.desc;
}

static void client_came(struct fly_vhost_guard *guard)
{
	char path[sizeof guard->path];
	uint64_t features;

	for (int i = 0; i < NUMBERS; i++) {
		if (rte_vhost_get_ifname(i, path, sizeof path) || strcmp(path, guard->path) != 0 ||
		    !is_ready(i))
			continue;
		forget_client(guard, i);
		note_client(guard, i);
		guards[i] = guard;
		close_rings_on_exec(i);
		rte_vhost_extern_callback_register(i, &hooks, NULL);
		ask_client(guard, i);
		if (rte_vhost_get_negotiated_features(i, &features) || (features & REFUSED))
			guard->gone = true;
	}
	fly_connections_close_on_exec(guard->path);
	fly_eal_forget_log(); /* of numbers that there are not */
}

static int on_link(uint16_t port, enum rte_eth_event_type event, void *at, void *unused)
{
	struct fly_vhost_guard *guard = at;
	struct rte_eth_link link = {0};

	(void)event;
	(void)unused;
	pthread_mutex_lock(&lock);
	if (rte_eth_link_get_nowait(port, &link) == 0 && link.link_status == RTE_ETH_LINK_UP) {
		client_came(guard);
	} else {
		ask_nobody(guard, false);
		forget_all(guard);
		guard->ended += guard->gone;
		guard->gone = false;
	}
	pthread_mutex_unlock(&lock);
	return 0;
}

/* ---- the control side ---- */

/* Threads of DPDK have names. */
static void find_thread(void)
{
	DIR *directory = opendir("/proc/self/task");
	const struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		char path[300];
		char name[32] = "";
		FILE *f;

		snprintf(path, sizeof path, "/proc/self/task/%s/comm", entry->d_name);
		f = fopen(path, "re");
		if (!f)
			continue;
		if (fgets(name, sizeof name, f) && strcmp(name, "vhost-events\n") == 0)
			fly_fault_driver_thread((pid_t)atoi(entry->d_name));
		fclose(f);
	}
	if (directory)
		closedir(directory);
}

int fly_vhost_guard_begin(struct fly_vhost_guard *guard, uint16_t port, const char *path, int bell)
{
	*guard = (struct fly_vhost_guard){.port = port, .ended = guard->ended, .bell = bell};
	snprintf(guard->path, sizeof guard->path, "%s", path);
	if (rte_eth_dev_callback_register(port, RTE_ETH_EVENT_INTR_LSC, on_link, guard))
		return fly_fail(FLY_ENOMEM, "%s: DPDK is out of memory", path);
	guard->active = true;
	fly_fault_late_begin();
	return 0;
}

void fly_vhost_guard_listens(struct fly_vhost_guard *guard)
{
	rte_vhost_driver_disable_features(guard->path, REFUSED);
	find_thread();
}

void fly_vhost_guard_quit(struct fly_vhost_guard *guard)
{
	while (guard->active && rte_eth_dev_callback_unregister(guard->port, RTE_ETH_EVENT_INTR_LSC,
								on_link, guard) == -EAGAIN)
		usleep(100);
}

void fly_vhost_guard_end(struct fly_vhost_guard *guard)
{
	if (!guard->active)
		return;
	pthread_mutex_lock(&lock);
	forget_all(guard);
	pthread_mutex_unlock(&lock);
	fly_fault_late_end();
	guard->active = false;
}

bool fly_vhost_guard_is_gone(struct fly_vhost_guard *guard)
{
	bool gone;

	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < SHARED && fly_fault_ever() != 0; i++)
		guard->gone |= shared[i].guard == guard && fly_fault_has(shared[i].start);
	gone = guard->gone;
	pthread_mutex_unlock(&lock);
	return gone;
}

uint32_t fly_vhost_guard_ended(struct fly_vhost_guard *guard)
{
	uint32_t ended;

	pthread_mutex_lock(&lock);
	ended = guard->ended;
	pthread_mutex_unlock(&lock);
	return ended;
}

void fly_vhost_guard_disconnect(const struct fly_vhost_guard *guard)
{
	fly_connections_hang_up(guard->path);
}
