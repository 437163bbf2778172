/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_local_server.c - the server's half of a plain call over the local link, and the memory that
 * it gives its clients: a runtime that the test turns by itself, and clients made by hand.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "case.h"
#include "fastpath/slow.h"
#include "hand_client.h"
#include "local/clerk.h"
#include "local/map.h"
#include "local/server.h"
#include "runtime/runtime.h"

#define EAL "--no-huge -m 256"

static char name[48];
static struct fly_runtime *runtime;
static struct fly_poller *p;
static struct fly_local_server *d;

/* ---- the server ---- */

static unsigned runs;
static struct fly_slot *again; /* Again: the slot of its own call */

static int count(struct fly_served *served)
{
	runs++;
	served->result_bytes = 0;
	return 0;
}

/* Its client calls once more in the same slot, before there is a result. */
static int call_again(struct fly_served *served)
{
	atomic_store(&again->state, fly_slot_next(again, FLY_SLOT_CALL));
	fly_turn(runtime);
	return count(served);
}

static struct hand *other_one;

/* Another client calls meanwhile. */
static int let_another_call(struct fly_served *served)
{
	hand_call(other_one, 0, 0);
	return count(served);
}

static const uint8_t *arguments_at;
static uint32_t argument_bytes;
static uint8_t last_byte;

static int note_arguments(struct fly_served *served)
{
	arguments_at = served->arguments;
	argument_bytes = served->argument_bytes;
	last_byte = served->arguments[argument_bytes - 1];
	return count(served);
}

static uint32_t n_within;

/* Its client goes, and the clerk has seen that: it must not be removed yet. */
static int lose_client(struct fly_served *served)
{
	hand_leave(other_one);
	while (fly_clerk_clients(runtime->clerk) != 0)
		usleep(1000);
	for (unsigned i = 0; i < 100; i++)
		fly_turn(runtime);
	n_within = d->n;
	return count(served);
}

enum {
	COUNT,
	SMALL,
	AGAIN,
	LET_ANOTHER_CALL,
	NOTE_ARGUMENTS,
	NOTE_INPLACE,
	LOSE_CLIENT,
	LONG
};

static const struct fly_procedure table[] = {
	{"Count", count, FLY_ASTACK_AREA, 0, 0, FLY_RESULTS_OVER, 0},
	{"Small", count, 100, 0, 0, FLY_RESULTS_OVER, 0},
	{"Again", call_again, 0, 0, 0, FLY_RESULTS_OVER, 0},
	{"LetAnotherCall", let_another_call, 0, 0, 0, FLY_RESULTS_OVER, 0},
	{"NoteArguments", note_arguments, 4 << 20, 0, 0, FLY_RESULTS_OVER, 0},
	{"NoteInplace", note_arguments, 4 << 20, 0, 0, FLY_RESULTS_OVER, FLY_PROCEDURE_INPLACE},
	{"LoseClient", lose_client, 0, 0, 0, FLY_RESULTS_OVER, 0},
	{"Long", count, 4 << 20, 0, 0, FLY_RESULTS_OVER, 0},
};
static const struct fly_interface interface = {FLY_STUB_VERSION, "Plain", 1, LONG + 1, table};

static void begin(void)
{
	char link[96];
	const char *const links[] = {link, NULL};
	const struct fly_options o = {.size = sizeof o,
				      .links = links,
				      .packets = 1023,
				      .eal = EAL};
	const struct fly_export_options e = {.size = sizeof e, .a_stacks = 40};

	snprintf(name, sizeof name, "test-plain-%d", (int)getpid());
	snprintf(link, sizeof link, "local:%s,server", name);
	cr_assert(fly_start(&o, &runtime) == 0, "%s", fly_error());
	cr_assert(fly_export_with(runtime, &interface, "", NULL, &e) == 0, "%s", fly_error());
	p = &runtime->poller;
	d = p->local;
	runs = 0;
}

static void end(void)
{
	cr_expect(fly_stats_get(&p->stats, FLY_COUNT_slots_missed) == 0);
	cr_expect(fly_stop(runtime) == 0, "%s", fly_error());
}

TestSuite(local_server, .timeout = HANG);

static struct hand bind_one(void)
{
	return hand_turn_bind(runtime, name, "Plain");
}

/* ---- what a client says ---- */

static int call_with(struct hand *h, uint16_t procedure, uint8_t place, uint32_t bytes,
		     uint32_t left_us)
{
	struct fly_slot *slot = fly_astack_slot(h->m.near, 0);

	slot->kind = place;
	slot->length = bytes;
	slot->procedure = procedure;
	slot->left_us = left_us;
	if (place == FLY_ASTACK_IS_FAR)
		fly_astack_set_there(slot, bytes);
	hand_ring(h, 0);
	hand_turn_finish(runtime, h, 0);
	return hand_status(h, 0);
}

Case(local_server, serve__arguments_fit_into_their_place_and_their_procedure)
{
	struct hand h = bind_one();

	/* Without and with a deadline: two ways through the server. */
	for (uint32_t left_us = 0; left_us <= 60000000; left_us += 60000000) {
		const unsigned before = runs;

		cr_expect(call_with(&h, COUNT, FLY_ASTACK_IN_LINE, 40, left_us) == 0);
		cr_expect(call_with(&h, COUNT, FLY_ASTACK_IN_LINE, 41, left_us) == -FLY_EMALFORMED);
		cr_expect(call_with(&h, COUNT, FLY_ASTACK_IN_AREA, 8192, left_us) == 0);
		cr_expect(call_with(&h, COUNT, FLY_ASTACK_IN_AREA, 8193, left_us) ==
			  -FLY_EMALFORMED);
		cr_expect(call_with(&h, SMALL, FLY_ASTACK_IN_AREA, 100, left_us) == 0);
		cr_expect(call_with(&h, SMALL, FLY_ASTACK_IN_AREA, 101, left_us) ==
			  -FLY_EMALFORMED);
		cr_expect(call_with(&h, SMALL, FLY_ASTACK_IS_FAR, 100, left_us) == 0);
		cr_expect(call_with(&h, SMALL, FLY_ASTACK_IS_FAR, 101, left_us) == -FLY_EMALFORMED);
		cr_expect(call_with(&h, SMALL, FLY_ASTACK_PLACES, 0, left_us) == -FLY_EMALFORMED);
		cr_expect(call_with(&h, LONG + 1, FLY_ASTACK_IN_LINE, 0, left_us) == -FLY_ENOPROC);
		cr_expect(runs == before + 4, "%u", runs - before);
	}
	cr_expect(fly_stats_get(&p->stats, FLY_COUNT_drop_local_header) == 2 * 3);
	cr_expect(fly_stats_get(&p->stats, FLY_COUNT_calls_unreadable) == 2 * 2);
	hand_leave(&h);
}

Case(local_server, serve__a_procedure_gets_as_many_bytes_as_came)
{
	struct hand h = bind_one();

	for (uint32_t left_us = 0; left_us <= 60000000; left_us += 60000000) {
		for (uint8_t place = FLY_ASTACK_IN_LINE; place <= FLY_ASTACK_IN_AREA; place++) {
			const uint32_t bytes = place == FLY_ASTACK_IN_LINE ? 13 : 1003;
			uint8_t *at = fly_astack_bytes(&h.m, 0, (enum fly_astack_place)place);

			memset(at, 0, bytes + 1);
			at[bytes - 1] = 0x5a;
			cr_expect(call_with(&h, NOTE_ARGUMENTS, place, bytes, left_us) == 0);
			cr_expect(argument_bytes == bytes, "%u in place %u", argument_bytes, place);
			cr_expect(last_byte == 0x5a);
		}
	}
	hand_leave(&h);
}

/* Is it in memory that the client can write? */
static bool is_shared(const uint8_t *at)
{
	const struct fly_astack_memory *m = &d->clients[0]->memory;

	return (at >= m->near && at < m->near + m->near_bytes) ||
	       (at >= m->far && at < m->far + m->far_bytes);
}

Case(local_server, serve__arguments_are_out_of_reach_while_the_procedure_runs)
{
	struct hand h = bind_one();

	for (uint32_t left_us = 0; left_us <= 60000000; left_us += 60000000) {
		for (uint8_t place = FLY_ASTACK_IN_LINE; place <= FLY_ASTACK_IS_FAR; place++) {
			cr_expect(call_with(&h, NOTE_ARGUMENTS, place, 40, left_us) == 0);
			cr_expect(!is_shared(arguments_at), "in place %u", place);
			cr_expect(call_with(&h, NOTE_INPLACE, place, 40, left_us) == 0);
			cr_expect(is_shared(arguments_at) ==
				  (place != FLY_ASTACK_IN_LINE || left_us != 0));
		}
	}
	hand_leave(&h);
}

Case(local_server, serve__an_export_that_took_the_place_of_another_is_not_called)
{
	struct hand h = bind_one();

	cr_expect(call_with(&h, COUNT, FLY_ASTACK_IN_LINE, 0, 0) == 0);
	cr_expect(fly_drain(runtime, 1000) == 0);
	cr_expect(call_with(&h, COUNT, FLY_ASTACK_IN_LINE, 0, 0) == -FLY_ESTALE);
	cr_assert(fly_export(runtime, &interface, "", NULL) == 0, "%s", fly_error());
	cr_assert(p->exports[d->clients[0]->export_at].n_procedures != 0, "in its place");
	cr_expect(call_with(&h, COUNT, FLY_ASTACK_IN_LINE, 0, 0) == -FLY_ESTALE);
	cr_expect(call_with(&h, COUNT, FLY_ASTACK_IN_LINE, 0, 60000000) == -FLY_ESTALE);
	cr_expect(runs == 1);
	hand_leave(&h);
}

/* ---- clients that go ---- */

static void wait_for_clients(uint32_t n)
{
	for (unsigned i = 0; i < 1000 * patience(10) && d->n != n; i++) {
		fly_turn(runtime);
		usleep(1000);
	}
	cr_assert(d->n == n);
}

Case(local_server, fly_local_client_remove__the_others_stay_where_they_are)
{
	struct hand h[4];

	for (unsigned i = 0; i < 4; i++)
		h[i] = bind_one();
	hand_leave(&h[0]); /* the last one moves to its place, and goes next */
	wait_for_clients(3);
	hand_leave(&h[3]);
	wait_for_clients(2);
	for (unsigned i = 0; i < d->n; i++)
		cr_expect(d->clients[i]->at == i);
	for (unsigned i = 1; i <= 2; i++) {
		hand_call(&h[i], 0, COUNT);
		hand_turn_finish(runtime, &h[i], 0);
	}
	cr_expect(runs == 2);
	/* The next bell is that of one which is there. */
	again = NULL;
	fly_local_client_end(p, d->clients[1]);
	wait_for_clients(1);
	for (unsigned i = 0; i < 3; i++) {
		fly_turn(runtime);
		cr_expect(d->next < d->n);
	}
	hand_leave(&h[1]);
	hand_leave(&h[2]);
	wait_for_clients(0);
	cr_expect(d->n_polled == 0);
}

Case(local_server, fly_local_client_remove__the_next_bell_is_of_one_that_is_there)
{
	struct hand h[2];

	for (unsigned i = 0; i < 2; i++)
		h[i] = bind_one();
	d->next = 1;
	fly_local_client_remove(p, d->clients[1]);
	cr_expect(d->next == 0 && d->n == 1);
	cr_assert(fly_local_client_add(p, d->clients[1]) == 0); /* the clerk removes it */
	hand_leave(&h[0]);
	hand_leave(&h[1]);
}

Case(local_server, fly_local_client_end__the_client_is_told)
{
	struct hand h = bind_one();
	char byte;

	fly_local_client_end(p, d->clients[0]);
	cr_expect(hand_has_answer(&h, 1000 * (int)patience(10)));
	cr_expect(recv(h.socket, &byte, 1, MSG_DONTWAIT) == 0);
	hand_leave(&h);
}

Case(local_server, post__a_client_is_not_removed_while_its_procedure_runs)
{
	struct hand h = bind_one();

	other_one = &h;
	hand_call(&h, 0, LOSE_CLIENT);
	for (unsigned i = 0; i < 1000 * patience(10) && runs == 0; i++)
		fly_turn(runtime);
	cr_expect(runs == 1 && n_within == 1, "%u", n_within);
	wait_for_clients(0);
}

Case(local_server, on_bound__a_byte_wakes_the_poller)
{
	struct pollfd told = {.fd = p->handoffs.wake_fd, .events = POLLIN};
	struct hand h = bind_one();
	eventfd_t count;

	cr_assert(told.fd >= 0);
	eventfd_read(told.fd, &count); /* of the binding */
	cr_expect(poll(&told, 1, 0) == 0);
	cr_assert(send(h.socket, "", 1, MSG_NOSIGNAL) == 1);
	cr_expect(poll(&told, 1, 1000 * (int)patience(10)) == 1);
	hand_leave(&h);
}

/* ---- polling ---- */

Case(local_server, fly_local_client_watch__a_slot_has_one_place)
{
	struct hand a = bind_one();
	struct hand b = bind_one();

	hand_call(&a, 0, COUNT);
	hand_turn_finish(runtime, &a, 0);
	cr_expect(d->n_polled == 1);
	/* It rings again behind the back of the polling: from the other one's procedure. */
	other_one = &a;
	d->next = 1;
	hand_call(&b, 0, LET_ANOTHER_CALL);
	hand_turn_finish(runtime, &b, 0);
	hand_turn_finish(runtime, &a, 0);
	cr_expect(runs == 3 && d->n_polled == 2 && d->clients[0]->polled == 1);
	hand_leave(&a);
	hand_leave(&b);
}

Case(local_server, answer_bell__a_slot_that_the_client_has_not_got)
{
	struct hand h = bind_one();

	cr_assert(h.m.slots == 40 && fly_astack_areas_at(40) > FLY_ASTACK_PAGE + 42 * 128);
	hand_call(&h, 41, COUNT);
	hand_call(&h, 1, COUNT);
	hand_turn_finish(runtime, &h, 1);
	for (unsigned i = 0; i < 10; i++)
		fly_turn(runtime);
	cr_expect(runs == 1 && !hand_is_done(&h, 41));
	hand_leave(&h);
}

Case(local_server, fly_local_client_watch__one_client_is_polled_in_so_many_slots)
{
	struct hand greedy = bind_one();
	struct hand modest = bind_one();

	for (uint32_t i = 0; i < 40; i++)
		hand_call(&greedy, i, COUNT);
	for (uint32_t i = 0; i < 40; i++)
		hand_turn_finish(runtime, &greedy, i);
	hand_call(&modest, 0, COUNT);
	hand_turn_finish(runtime, &modest, 0);
	cr_expect(runs == 41);
	cr_expect(d->clients[0]->polled == FLY_LOCAL_POLLED_OF_ONE);
	cr_expect(d->clients[1]->polled == 1 && d->n_polled == FLY_LOCAL_POLLED_OF_ONE + 1);
	for (unsigned i = 0; i < 2 * FLY_LOCAL_PATIENCE; i++)
		fly_turn(runtime);
	cr_expect(d->n_polled == 0 && d->clients[0]->polled == 0, "they are left");
	hand_leave(&greedy);
	hand_leave(&modest);
}

Case(local_server, answer_bell__nothing_more_of_a_client_that_was_ended)
{
	struct hand h = bind_one();
	struct hand other = bind_one();

	again = fly_astack_slot(h.m.near, 0);
	hand_call(&h, 0, AGAIN);
	hand_call(&h, 1, COUNT);
	for (unsigned i = 0; i < 16; i++)
		fly_turn(runtime);
	cr_expect(fly_stats_get(&p->stats, FLY_COUNT_local_revoked) == 1);
	cr_expect(runs == 1, "Again itself; %u", runs);
	cr_expect(!hand_is_done(&h, 1));
	hand_call(&other, 0, COUNT);
	hand_turn_finish(runtime, &other, 0);
	cr_expect(runs == 2);
	hand_leave(&h);
	hand_leave(&other);
}

static unsigned asleep(const struct hand *h)
{
	return atomic_load(&fly_astack_head(&h->m)->asleep);
}

Case(local_server, fly_slow_local_prepare_sleep__not_while_anybody_calls)
{
	struct hand a = bind_one();
	struct hand b = bind_one();

	cr_expect(fly_slow_local_prepare_sleep(p));
	cr_expect(asleep(&a) == 1 && asleep(&b) == 1);
	fly_slow_local_end_sleep(p);
	cr_expect(asleep(&a) == 0 && asleep(&b) == 0);
	/* One that has rung. */
	hand_call(&b, 0, COUNT);
	cr_expect(!fly_slow_local_prepare_sleep(p));
	cr_expect(asleep(&a) == 0 && asleep(&b) == 0);
	hand_turn_finish(runtime, &b, 0);
	/* One whose slot is polled: it need not ring. */
	cr_expect(d->n_polled == 1);
	hand_say_call(&b, 0);
	cr_expect(!fly_slow_local_prepare_sleep(p) && d->n_polled == 1);
	hand_turn_finish(runtime, &b, 0);
	cr_expect(fly_slow_local_prepare_sleep(p) && d->n_polled == 0);
	fly_slow_local_end_sleep(p);
	/* A long call whose arguments are being copied. */
	hand_call_far(&b, 1, LONG, 1 << 20);
	for (unsigned i = 0; i < 100 && TAILQ_EMPTY(&d->moving); i++)
		fly_turn(runtime);
	cr_assert(!TAILQ_EMPTY(&d->moving) && !hand_is_done(&b, 1));
	for (unsigned i = 0; i < 8; i++)
		cr_expect(!fly_slow_local_prepare_sleep(p), "a slot less is polled each time");
	hand_turn_finish(runtime, &b, 1);
	hand_leave(&a);
	hand_leave(&b);
}

/* ---- the pages of the memory ---- */

Case(local_server, fly_astack_page_bytes__says_what_kind_of_memory_it_is)
{
	const int plain = memfd_create("test", MFD_CLOEXEC);
	const int huge = memfd_create("test", MFD_CLOEXEC | MFD_HUGETLB | MFD_HUGE_2MB);
	const int huger = memfd_create("test", MFD_CLOEXEC | MFD_HUGETLB | MFD_HUGE_1GB);
	const int file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

	cr_expect(fly_astack_page_bytes(plain) == 4096);
	cr_expect(huge < 0 || fly_astack_page_bytes(huge) == 2UL << 20);
	cr_expect(huger < 0 || fly_astack_page_bytes(huger) == 0, "no server has such ones");
	cr_expect(file >= 0 && fly_astack_page_bytes(file) == 0);
	cr_expect(fly_astack_page_bytes(-1) == 0);
	close(plain);
	close(huge);
	close(huger);
	close(file);
}

/*
 * A tmpfs of its own with transparent hugepages, as all memory is where shmem_enabled is `always`:
 * its files name the size of a hugepage as their block size.
 */
Case(local_server, fly_astack_page_bytes__transparent_hugepages_are_ordinary_pages)
{
	char directory[] = "/tmp/firefly-thp-XXXXXX";
	char path[64];
	struct stat s;
	int fd;

	cr_assert(mkdtemp(directory) != NULL);
	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", directory, "tmpfs", 0, "huge=always,size=8m") != 0) {
		rmdir(directory);
		cr_skip("only root can have such a tmpfs");
	}
	snprintf(path, sizeof path, "%s/file", directory);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	cr_assert(fd >= 0 && fstat(fd, &s) == 0);
	cr_expect(s.st_blksize > 4096, "%ld: what this test is about", (long)s.st_blksize);
	cr_expect(fly_astack_page_bytes(fd) == 4096);
	close(fd);
	umount(directory);
	rmdir(directory);
}
