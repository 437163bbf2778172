/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_memif_guard.c - EAL's interrupt thread and a poller that is inside a burst: no callback of a
 * driver runs meanwhile. Without memif: an alarm of EAL's stands for what a driver does.
 */
#define ALLOW_EXPERIMENTAL_API /* rte_intr_instance_alloc() */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_alarm.h>
#include <rte_interrupts.h>

#include "case.h"
#include "host/memif_guard.h"
#include "pair.h"

static struct fly_memif_guarded guarded;
static _Atomic unsigned alarms;

static void begin(void)
{
	sim_eal();
	cr_assert(fly_memif_guard_start() == 0, "%s", fly_error());
	cr_assert(fly_memif_guard_start() == 0, "again");
}

static void end(void)
{
}

TestSuite(memif_guard, .timeout = HANG);

static void on_alarm(void *unused)
{
	(void)unused;
	atomic_fetch_add(&alarms, 1);
}

static bool come_to(unsigned n)
{
	for (unsigned i = 0; i < 1000 * patience(10) && atomic_load(&alarms) != n; i++)
		usleep(1000);
	return atomic_load(&alarms) == n;
}

Case(memif_guard, open_window__not_while_a_poller_is_inside_a_burst)
{
	fly_memif_guard_add(&guarded);
	cr_assert(rte_eal_alarm_set(1000, on_alarm, NULL) == 0);
	cr_expect(come_to(1));
	atomic_store(&guarded.in, 1);
	cr_assert(rte_eal_alarm_set(1000, on_alarm, NULL) == 0);
	usleep(100000);
	cr_expect(atomic_load(&alarms) == 1, "the poller is inside");
	atomic_store(&guarded.in, 0);
	cr_expect(come_to(2));
	/* What was removed is not waited for. */
	fly_memif_guard_remove(&guarded);
	atomic_store(&guarded.in, 1);
	cr_assert(rte_eal_alarm_set(1000, on_alarm, NULL) == 0);
	cr_expect(come_to(3));
}

Case(memif_guard, fly_memif_guard_hold__no_window_meanwhile)
{
	fly_memif_guard_hold();
	cr_assert(rte_eal_alarm_set(1000, on_alarm, NULL) == 0);
	usleep(100000);
	cr_expect(atomic_load(&alarms) == 0);
	fly_memif_guard_drop();
	cr_expect(come_to(1));
}

static void on_message(void *fd)
{
	char byte;

	(void)!recv(*(const int *)fd, &byte, 1, MSG_DONTWAIT);
	atomic_fetch_add(&alarms, 1);
}

static struct rte_intr_handle *watch(int *fd)
{
	struct rte_intr_handle *handle = rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE);

	cr_assert(handle && rte_intr_fd_set(handle, *fd) == 0 &&
		  rte_intr_type_set(handle, RTE_INTR_HANDLE_EXT) == 0 &&
		  rte_intr_callback_register(handle, on_message, fd) == 0);
	return handle;
}

static bool blocks(int fd)
{
	return !(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

/* A read that blocks would keep the window open until the peer sends. */
Case(memif_guard, wait_for_a_source__control_channels_do_not_block)
{
	int channel[2];
	int stream[2];
	char byte = 0;

	cr_assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) == 0);
	cr_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stream) == 0);
	watch(&stream[0]);
	watch(&channel[0]);
	cr_assert(send(channel[1], &byte, 1, 0) == 1);
	cr_expect(come_to(1));
	for (unsigned i = 0; i < 1000 * patience(10) && blocks(channel[0]); i++)
		usleep(1000);
	cr_expect(!blocks(channel[0]));
	cr_expect(blocks(stream[0]), "it is none of memif's");
}

/* ---- waking ---- */

/* What memif's client makes: a ring that begins with this. Its receiver has said: do not wake me.
 */
static uint16_t *make_ring(void)
{
	const uint32_t cookie = 0x3E31F20U;
	const int fd = memfd_create("memif_region_0", MFD_CLOEXEC);
	uint16_t *at;

	cr_assert(fd >= 0 && ftruncate(fd, 1 << 20) == 0);
	at = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	cr_assert(at != MAP_FAILED);
	close(fd);
	memcpy(at, &cookie, sizeof cookie);
	at[2] = 1;
	return at;
}

static void have_window(void)
{
	const unsigned n = atomic_load(&alarms);

	cr_assert(rte_eal_alarm_set(1000, on_alarm, NULL) == 0);
	cr_assert(come_to(n + 1));
}

static int arm(struct fly_memif_guarded *g)
{
	int fd = -1;
	int n = -1;

	/* The interrupt thread may still be about to close the window. */
	for (unsigned i = 0; i < 1000 * patience(10) && n < 0; i++) {
		n = g->link.arm(&g->link, &fd);
		if (n < 0)
			usleep(1000);
	}
	cr_expect(n < 1 || fd >= 0);
	return n;
}

Case(memif_guard, guarded_arm__asks_in_all_rings_and_takes_it_back)
{
	static struct fly_memif_guarded second;
	uint16_t *ring = make_ring();
	uint16_t *later;

	guarded.owner = second.owner = &guarded;
	guarded.server = second.server = true;
	fly_memif_guard_add(&guarded);
	fly_memif_guard_add(&second);
	cr_expect(arm(&guarded) == 0 && arm(&second) == 1, "one does it for all");
	cr_expect(ring[2] == 0);
	guarded.link.disarm(&guarded.link);
	second.link.disarm(&second.link);
	cr_expect(ring[2] == 1);
	/* A connection that comes is found after the window in which it came. */
	later = make_ring();
	cr_expect(arm(&second) == 1 && later[2] == 1);
	have_window();
	cr_expect(arm(&second) == 1 && later[2] == 0 && ring[2] == 0);
	/* In a window one goes: it is used no more, and the other is not forgotten. */
	munmap(ring, 1 << 20);
	have_window();
	for (unsigned i = 0; i < 1000 * patience(10) && later[2] != 1; i++)
		second.link.disarm(&second.link);
	cr_expect(later[2] == 1);
	cr_expect(arm(&second) == 1 && later[2] == 0);
	fly_memif_guard_remove(&second);
	second.link.disarm(&second.link);
	cr_expect(arm(&guarded) == 1);
	guarded.link.disarm(&guarded.link);
	cr_expect(later[2] == 1);
	fly_memif_guard_remove(&guarded);
	munmap(later, 1 << 20);
}

/* Whose ring it is nobody says. */
Case(memif_guard, guarded_arm__not_beside_the_ports_of_others)
{
	static struct fly_memif_guarded other;
	uint16_t *ring = make_ring();
	int fd;

	guarded.owner = &guarded;
	guarded.server = true;
	other.owner = &other;
	other.server = true;
	fly_memif_guard_add(&guarded);
	fly_memif_guard_add(&other);
	cr_expect(guarded.link.arm(&guarded.link, &fd) == -1 && ring[2] == 1);
	fly_memif_guard_remove(&other);
	other.owner = &guarded;
	other.server = false;
	fly_memif_guard_add(&other);
	cr_expect(guarded.link.arm(&guarded.link, &fd) == -1 && ring[2] == 1, "nor of a client");
	fly_memif_guard_remove(&other);
	cr_expect(arm(&guarded) == 1 && ring[2] == 0);
	fly_memif_guard_remove(&guarded);
	munmap(ring, 1 << 20);
}
