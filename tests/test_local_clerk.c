/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_local_clerk.c - who is let in at a local link, and when: a runtime with pollers of its own,
 * and clients made by hand, which send requests and wait for answers as they like. What blocks one
 * of them, a procedure, an allow() or an import, must not block the others.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "count_descriptors.h"
#include "count_mappings.h"
#include "case.h"
#include "hand_client.h"
#include "base/system_clock.h"
#include "host/link_spec.h"
#include "local/admit.h"
#include "local/clerk.h"
#include "local/listener.h"
#include "local/map.h"
#include "local/server.h"
#include "runtime/runtime.h"
#include "threads/request.h"

#define EAL "--no-huge -m 256"

static char name[48];
static char link_spec[96];
static struct fly_runtime *runtime;

/* ---- the server ---- */

static _Atomic unsigned blocked; /* procedures and allow()s that wait for `release` */
static _Atomic bool release;

static void block(void)
{
	atomic_fetch_add(&blocked, 1);
	while (!atomic_load(&release))
		usleep(1000);
	atomic_fetch_sub(&blocked, 1);
}

static void wait_for_blocked(unsigned n)
{
	for (unsigned i = 0; i < 1000 * patience(10) && atomic_load(&blocked) != n; i++)
		usleep(1000);
	cr_assert(atomic_load(&blocked) == n);
}

/* Stays, and has its poller receive meanwhile. */
static void block_and_listen(void)
{
	atomic_fetch_add(&blocked, 1);
	while (!atomic_load(&release)) {
		fly_cancelled();
		usleep(100);
	}
	atomic_fetch_sub(&blocked, 1);
}

static int nothing(struct fly_served *served)
{
	served->result_bytes = 0;
	return 0;
}

static int stay(struct fly_served *served)
{
	block();
	return nothing(served);
}

static int listen_and_stay(struct fly_served *served)
{
	block_and_listen();
	return nothing(served);
}

enum {
	NOTHING,
	STAY,
	LISTEN
};

static const struct fly_procedure table[] = {
	{"Nothing", nothing, 0, 0, 0, FLY_RESULTS_OVER, 0},
	{"Stay", stay, 0, 0, 0, FLY_RESULTS_OVER, 0},
	{"Listen", listen_and_stay, 0, 0, 0, FLY_RESULTS_OVER, 0},
};
static const struct fly_interface open_to_all = {FLY_STUB_VERSION, "Open", 1, 3, table};
static const struct fly_interface asks = {FLY_STUB_VERSION, "Asks", 1, 3, table};

static void start(unsigned pollers, const char *keys, const char *other_link)
{
	const char *const links[] = {link_spec, other_link, NULL};
	const struct fly_options o = {.size = sizeof o,
				      .links = links,
				      .packets = 2047,
				      .pollers = pollers,
				      .call_timeout_ms = 1000 * patience(2),
				      .wait = FLY_WAIT_SLEEP,
				      .eal = EAL};

	strcat(link_spec, keys);
	cr_assert(fly_start(&o, &runtime) == 0, "%s", fly_error());
	cr_assert(fly_export(runtime, &open_to_all, "", NULL) == 0, "%s", fly_error());
}

static uint64_t sum(enum fly_counter which)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < runtime->group.n; i++)
		all += fly_stats_get(&runtime->group.pollers[i]->stats, which);
	return all;
}

static bool comes_to(enum fly_counter which, uint64_t value)
{
	for (unsigned i = 0; i < 1000 * patience(10) && sum(which) != value; i++)
		usleep(1000);
	return sum(which) == value;
}

/* The clerk closes its descriptors after the client has been told. */
static bool descriptors_come_to(unsigned n)
{
	for (unsigned i = 0; i < 1000 * patience(10) && count_descriptors() != n; i++)
		usleep(1000);
	return count_descriptors() == n;
}

/* ---- clients ---- */

static struct hand ask(const char *interface)
{
	return hand_ask(name, interface);
}

static struct hand bind_to(const char *interface)
{
	return hand_bind(name, interface);
}

static void call(struct hand *h)
{
	hand_call(h, 0, NOTHING);
	cr_expect(hand_finish(h, 0) == 0);
}

/* ---- between the tests ---- */

static void begin(void)
{
	atomic_store(&release, false);
	snprintf(name, sizeof name, "test-clerk-%d", (int)getpid());
	snprintf(link_spec, sizeof link_spec, "local:%s,server", name);
}

static void end(void)
{
	atomic_store(&release, true);
	if (runtime)
		cr_expect(fly_stop(runtime) == 0, "%s", fly_error());
	cr_expect(atomic_load(&blocked) == 0);
}

TestSuite(local_clerk, .timeout = HANG);

/* ---- pollers that do not answer ---- */

Case(local_clerk, choose_poller__a_procedure_that_stays_keeps_nobody_out_of_other_pollers)
{
	struct hand first;
	struct hand others[6];

	start(2, "", NULL);
	first = bind_to("Open");
	hand_call(&first, 0, STAY);
	wait_for_blocked(1);
	for (unsigned i = 0; i < 6; i++) {
		others[i] = bind_to("Open");
		call(&others[i]);
	}
	cr_expect(atomic_load(&blocked) == 1, "it stays");
	atomic_store(&release, true);
	cr_expect(hand_finish(&first, 0) == 0);
	/* The poller answers again, and gets the next clients: it has the fewest. */
	for (unsigned i = 0; i < 1000 * patience(10); i++) {
		struct hand next = bind_to("Open");

		call(&next);
		if (runtime->group.pollers[0]->local->n > 1)
			break;
		hand_leave(&next);
		usleep(1000);
	}
	cr_expect(runtime->group.pollers[0]->local->n == 2);
	hand_leave(&first);
	for (unsigned i = 0; i < 6; i++)
		hand_leave(&others[i]);
}

Case(local_clerk, give_up__a_client_is_told_that_its_poller_does_not_answer)
{
	struct hand first;
	struct hand second;

	start(1, "", NULL);
	first = bind_to("Open");
	hand_call(&first, 0, STAY);
	wait_for_blocked(1);
	second = ask("Open");
	cr_expect(hand_answer(&second) == -FLY_EBUSY &&
		  second.answer.version == FLY_BIND_POLLER_SILENT);
	close(second.socket);
	cr_expect(strstr(fly_bind_busy_text(second.answer.version), "does not answer") != NULL);
	atomic_store(&release, true);
	cr_expect(hand_finish(&first, 0) == 0);
	second = bind_to("Open");
	call(&second);
	cr_expect(runtime->group.pollers[0]->local->n == 2, "the one that gave up is not there");
}

Case(local_clerk, disconnect__the_place_of_a_client_is_free_though_its_procedure_stays)
{
	struct hand first;
	struct hand second;

	start(2, ",clients=1", NULL);
	first = bind_to("Open");
	hand_call(&first, 0, STAY);
	wait_for_blocked(1);
	hand_leave(&first);
	while (fly_clerk_clients(runtime->clerk) != 0)
		usleep(1000);
	second = bind_to("Open");
	call(&second);
	cr_expect(sum(FLY_COUNT_local_ended) == 0, "the first one is still there");
	atomic_store(&release, true);
	cr_expect(comes_to(FLY_COUNT_local_ended, 1));
	hand_leave(&second);
}

static int unanswered;
static _Atomic bool is_importing;

static void *import_from_nobody(void *unused)
{
	struct fly_binding *none;

	(void)unused;
	unanswered = fly_import(runtime, &open_to_all, "10.9.8.6", &none);
	atomic_store(&is_importing, false);
	return NULL;
}

Case(local_clerk, fly_requests_serve__an_import_without_an_answer_keeps_no_client_out)
{
	pthread_t thread;
	struct hand h;

	start(1, "", "vdev:net_ring_clerk,ip=10.9.8.7,peer=10.9.8.7");
	atomic_store(&is_importing, true);
	cr_assert(pthread_create(&thread, NULL, import_from_nobody, NULL) == 0);
	while (sum(FLY_COUNT_arp_asked) == 0)
		usleep(1000);
	h = bind_to("Open");
	call(&h);
	hand_leave(&h);
	cr_expect(comes_to(FLY_COUNT_local_ended, 1), "removed as well");
	cr_expect(atomic_load(&is_importing), "it still waits");
	pthread_join(thread, NULL);
	cr_expect(unanswered == -FLY_EPEER, "%d", unanswered);
}

/* ---- clients that have gone ---- */

Case(local_clerk, free_leaving__clients_that_come_and_go_leave_nothing_behind)
{
	unsigned before;
	unsigned most = 0;

	start(1, "", NULL);
	before = count_descriptors();
	for (unsigned i = 0; i < 500; i++) {
		struct hand h = bind_to("Open");

		hand_leave(&h);
		most = RTE_MAX(most, count_descriptors() - before);
	}
	cr_expect(most < 50, "%u descriptors", most);
	cr_expect(comes_to(FLY_COUNT_local_ended, 500));
	cr_expect(descriptors_come_to(before));
}

Case(local_clerk, is_clogged__a_poller_that_removes_nobody_gets_no_more_than_it_has_places)
{
	struct hand first;
	struct hand h;
	unsigned n = 0;

	start(1, ",clients=8", NULL);
	first = bind_to("Open");
	hand_call(&first, 0, LISTEN); /* its poller lets clients in all the while */
	wait_for_blocked(1);
	for (;;) {
		h = ask("Open");
		if (hand_answer(&h) != 0)
			break;
		hand_leave(&h);
		cr_assert(++n < 100, "they pile up");
		while (fly_clerk_clients(runtime->clerk) != 1)
			usleep(1000);
	}
	cr_expect(n == 8 && h.answer.status == -FLY_EBUSY &&
			  h.answer.version == FLY_BIND_POLLER_SILENT,
		  "%u: %d", n, h.answer.status);
	close(h.socket);
	cr_expect(sum(FLY_COUNT_local_ended) == 0);
	atomic_store(&release, true);
	cr_expect(hand_finish(&first, 0) == 0);
	cr_expect(comes_to(FLY_COUNT_local_ended, 8));
	h = bind_to("Open");
	call(&h);
	hand_leave(&h);
	hand_leave(&first);
}

/* ---- allow() ---- */

static _Atomic unsigned allowed; /* calls of allow() */

static bool allow_but_the_first(void *context, const struct fly_caller *caller)
{
	(void)context;
	cr_expect(caller->size == sizeof *caller && caller->pid == getpid() &&
		  caller->uid == getuid());
	if (atomic_fetch_add(&allowed, 1) == 0)
		block();
	return true;
}

static void export_asking(void)
{
	const struct fly_export_options o = {.size = sizeof o, .allow = allow_but_the_first};

	atomic_store(&allowed, 0);
	cr_assert(fly_export_with(runtime, &asks, "", NULL, &o) == 0, "%s", fly_error());
}

Case(local_clerk, fly_admit_ask__an_allow_that_blocks_holds_up_its_own_client_only)
{
	struct hand first;
	struct hand others[3];

	start(1, "", NULL);
	export_asking();
	first = ask("Asks");
	wait_for_blocked(1);
	others[0] = bind_to("Open");
	others[1] = bind_to("Asks");
	hand_leave(&others[0]);
	cr_expect(comes_to(FLY_COUNT_local_ended, 1));
	others[2] = bind_to("Asks");
	cr_expect(!hand_has_answer(&first, 0), "it waits");
	atomic_store(&release, true);
	cr_expect(hand_answer(&first) == 0);
	call(&first);
	call(&others[1]);
	call(&others[2]);
	cr_expect(atomic_load(&allowed) == 3);
}

Case(local_clerk, give_up__a_client_is_told_that_allow_has_not_decided)
{
	struct hand first;

	start(1, "", NULL);
	export_asking();
	first = ask("Asks");
	wait_for_blocked(1);
	cr_expect(hand_answer(&first) == -FLY_EBUSY &&
		  first.answer.version == FLY_BIND_ALLOW_SILENT);
	cr_expect(fly_clerk_refused(runtime->clerk) == 1);
	atomic_store(&release, true);
	while (atomic_load(&blocked) != 0)
		usleep(1000);
	/* What allow() says now comes too late. */
	first = bind_to("Open");
	cr_expect(sum(FLY_COUNT_local_bound) == 1);
}

static void *release_later(void *unused)
{
	(void)unused;
	usleep(50000);
	atomic_store(&release, true);
	return NULL;
}

Case(local_clerk, fly_clerk_stop__waits_for_an_allow_that_runs)
{
	pthread_t thread;

	start(1, "", NULL);
	export_asking();
	ask("Asks");
	wait_for_blocked(1);
	cr_assert(pthread_create(&thread, NULL, release_later, NULL) == 0);
	cr_expect(fly_stop(runtime) == 0);
	runtime = NULL;
	cr_expect(atomic_load(&blocked) == 0 && atomic_load(&release));
	pthread_join(thread, NULL);
}

/* Its binding is of a thread that ends. */
static bool allow_and_bind(void *context, const struct fly_caller *caller)
{
	struct fly_binding *left;
	char peer[64];

	(void)context;
	(void)caller;
	snprintf(peer, sizeof peer, "local:%s", name);
	return fly_import(runtime, &open_to_all, peer, &left) == 0;
}

Case(local_clerk, ask__bindings_that_allow_has_made_end_with_it)
{
	const struct fly_export_options o = {.size = sizeof o, .allow = allow_and_bind};
	struct hand h;

	start(1, "", NULL);
	cr_assert(fly_export_with(runtime, &asks, "", NULL, &o) == 0, "%s", fly_error());
	h = bind_to("Asks");
	cr_expect(comes_to(FLY_COUNT_local_bound, 2));
	cr_expect(comes_to(FLY_COUNT_local_ended, 1));
	hand_leave(&h);
}

static bool allow_nobody(void *context, const struct fly_caller *caller)
{
	(void)context;
	(void)caller;
	return false;
}

Case(local_clerk, fly_admit_listed__the_lists_are_asked_before_allow)
{
	const uid_t others[] = {getuid() + 1};
	const gid_t groups[] = {getgid() + 1, getgid()};
	struct fly_export_options o = {.size = sizeof o,
				       .allow = allow_nobody,
				       .gids = groups,
				       .n_gids = 2};
	struct hand h;

	start(1, "", NULL);
	cr_assert(fly_export_with(runtime, &asks, "", NULL, &o) == 0);
	h = ask("Asks");
	cr_expect(hand_answer(&h) == -FLY_EPERM, "the list names it, allow() says no");
	cr_expect(fly_admit_listed(&runtime->exports[2],
				   &(struct ucred){.uid = getuid(), .gid = getgid()}));
	cr_expect(!fly_admit_listed(&runtime->exports[2],
				    &(struct ucred){.uid = getgid(), .gid = getgid() + 2}),
		  "a user is not compared with groups");
	fly_stop(runtime);
	start(1, "", NULL);
	o = (struct fly_export_options){.size = sizeof o,
					.allow = allow_but_the_first,
					.uids = others,
					.n_uids = 1};
	atomic_store(&allowed, 0);
	cr_assert(fly_export_with(runtime, &asks, "", NULL, &o) == 0);
	h = ask("Asks");
	cr_expect(hand_answer(&h) == -FLY_EPERM && atomic_load(&allowed) == 0,
		  "allow() is not asked");
	cr_expect(!fly_admit_listed(&runtime->exports[2],
				    &(struct ucred){.uid = getuid(), .gid = getuid() + 1}),
		  "a group is not compared with users");
	/* Users and groups. */
	fly_stop(runtime);
	start(1, "", NULL);
	o.gids = groups;
	o.n_gids = 2;
	cr_assert(fly_export_with(runtime, &asks, "", NULL, &o) == 0);
	cr_expect(fly_admit_listed(&runtime->exports[2], &(struct ucred){.uid = others[0]}));
	for (unsigned i = 0; i < 2; i++)
		cr_expect(fly_admit_listed(&runtime->exports[2],
					   &(struct ucred){.uid = 77777, .gid = groups[i]}));
	cr_expect(!fly_admit_listed(&runtime->exports[2],
				    &(struct ucred){.uid = 77777, .gid = others[0] + 7}));
}

Case(local_clerk, fly_admit_listed__a_group_has_its_own_numbers)
{
	const uid_t users[] = {1001, 1002};
	const gid_t groups[] = {2001};
	const struct fly_export_options o = {
		.size = sizeof o, .uids = users, .n_uids = 2, .gids = groups, .n_gids = 1};
	const struct fly_export *e = NULL;

	start(1, "", NULL);
	cr_assert(fly_export_with(runtime, &asks, "", NULL, &o) == 0);
	e = &runtime->exports[2];
	cr_expect(fly_admit_listed(e, &(struct ucred){.uid = 1001, .gid = 1}));
	cr_expect(fly_admit_listed(e, &(struct ucred){.uid = 1002, .gid = 1}));
	cr_expect(fly_admit_listed(e, &(struct ucred){.uid = 1, .gid = 2001}));
	cr_expect(!fly_admit_listed(e, &(struct ucred){.uid = 2001, .gid = 1}));
	cr_expect(!fly_admit_listed(e, &(struct ucred){.uid = 1, .gid = 1001}));
	cr_expect(!fly_admit_listed(e, &(struct ucred){.uid = 1, .gid = 1002}));
}

/* ---- steps that take long ---- */

static _Atomic bool may_decide;

static bool allow_in_a_while(void *context, const struct fly_caller *caller)
{
	(void)context;
	(void)caller;
	atomic_fetch_add(&allowed, 1);
	while (!atomic_load(&may_decide))
		usleep(1000);
	return true;
}

/* A client that allow() lets in when its poller does not answer any more. */
static struct hand ask_and_block(struct hand *first)
{
	const struct fly_export_options o = {.size = sizeof o, .allow = allow_in_a_while};
	struct hand h;

	atomic_store(&allowed, 0);
	atomic_store(&may_decide, false);
	cr_assert(fly_export_with(runtime, &asks, "", NULL, &o) == 0);
	h = ask("Asks");
	for (unsigned i = 0; i < 1000 * patience(10) && atomic_load(&allowed) != 1; i++)
		usleep(1000);
	hand_call(first, 0, STAY);
	wait_for_blocked(1);
	atomic_store(&may_decide, true);
	return h;
}

Case(local_clerk, bind_client__is_watched_at_the_poller_that_took_it)
{
	struct hand first;
	struct hand second;
	struct hand third;

	start(2, "", NULL);
	first = bind_to("Open");
	second = bind_to("Open");
	third = ask_and_block(&first);
	cr_expect(hand_answer(&third) == 0);
	cr_expect(fly_astack_head(&first.m)->poller == 0);
	cr_expect(fly_astack_head(&second.m)->poller == 1);
	cr_expect(fly_astack_head(&third.m)->poller == 1);
	cr_expect(runtime->group.pollers[1]->local->n == 2);
	call(&third);
	atomic_store(&release, true);
	cr_expect(hand_finish(&first, 0) == 0);
}

Case(local_clerk, drop__the_place_of_a_client_that_was_not_added_is_free)
{
	struct hand first;
	struct hand second;

	start(1, ",clients=2", NULL);
	first = bind_to("Open");
	second = ask_and_block(&first);
	cr_expect(hand_answer(&second) == -FLY_EBUSY &&
		  second.answer.version == FLY_BIND_POLLER_SILENT);
	atomic_store(&release, true);
	cr_expect(hand_finish(&first, 0) == 0);
	second = bind_to("Open");
	call(&second);
	cr_expect(fly_clerk_clients(runtime->clerk) == 2);
}

/* ---- requests ---- */

static struct hand send_request(const void *request, size_t bytes)
{
	struct sockaddr_un address;
	const socklen_t length = fly_astack_address(name, &address);
	struct hand h = {.socket = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};

	cr_assert(connect(h.socket, (struct sockaddr *)&address, length) == 0);
	cr_assert(send(h.socket, request, bytes, MSG_NOSIGNAL) == (ssize_t)bytes);
	return h;
}

static int answer_to(const struct fly_bind_request *request, size_t bytes)
{
	struct hand h = send_request(request, bytes);
	const int status = hand_answer(&h);

	hand_leave(&h);
	return status;
}

Case(local_clerk, on_connected__what_is_no_request)
{
	const struct fly_bind_request good = {
		.magic = FLY_BIND_MAGIC,
		.protocol = FLY_BIND_PROTOCOL,
		.version = 1,
		.name = "Open",
	};
	struct fly_bind_request r[2] = {good, good};

	start(1, "", NULL);
	cr_expect(answer_to(r, sizeof r[0]) == 0);
	cr_expect(answer_to(r, sizeof r[0] - 1) == -FLY_EINVAL);
	cr_expect(answer_to(r, sizeof r[0] + 1) == -FLY_EINVAL);
	r[0].magic++;
	cr_expect(answer_to(r, sizeof r[0]) == -FLY_EINVAL);
	r[0] = good;
	r[0].protocol++;
	cr_expect(answer_to(r, sizeof r[0]) == -FLY_EVERSION);
	r[0] = good;
	memset(r[0].name, 'O', sizeof r[0].name);
	cr_expect(answer_to(r, sizeof r[0]) == -FLY_EINVAL, "its name has no end");
	r[0] = good;
	r[0].version = 2;
	cr_expect(answer_to(r, sizeof r[0]) == -FLY_EVERSION);
	strcpy(r[0].name, "Binder");
	r[0].version = runtime->exports[FLY_EXPORT_BINDER].interface->version;
	cr_expect(answer_to(r, sizeof r[0]) == -FLY_ENOEXPORT, "the binder is not for local links");
}

/* ---- other users ---- */

#define NOBODY 65534

/* The kernel notes who connects: only this thread becomes another user, and not its libc. */
static struct hand ask_as(uid_t uid, const char *interface)
{
	struct hand h;

	cr_assert(syscall(SYS_setresuid, -1, uid, -1) == 0);
	h = ask(interface);
	cr_assert(syscall(SYS_setresuid, -1, 0, -1) == 0);
	return h;
}

Case(local_clerk, has_place__half_of_them_for_another_user)
{
	struct hand h[4];

	if (getuid() != 0)
		cr_skip("only root can become another user");
	start(1, ",clients=4", NULL);
	for (unsigned i = 0; i < 2; i++) {
		h[i] = ask_as(NOBODY, "Open");
		cr_expect(hand_answer(&h[i]) == 0);
	}
	h[2] = ask_as(NOBODY, "Open");
	cr_expect(hand_answer(&h[2]) == -FLY_EBUSY && h[2].answer.version == FLY_BIND_NO_PLACE);
	for (unsigned i = 2; i < 4; i++)
		h[i] = bind_to("Open"); /* the others are ours */
	hand_leave(&h[0]);
	cr_expect(comes_to(FLY_COUNT_local_ended, 1));
	h[0] = ask_as(NOBODY, "Open");
	cr_expect(hand_answer(&h[0]) == 0);
}

Case(local_clerk, has_place__of_another_user_that_comes_several_times_at_once)
{
	struct hand first;
	struct hand h[4];
	unsigned bound = 0;

	if (getuid() != 0)
		cr_skip("only root can become another user");
	start(1, ",clients=4", NULL);
	first = bind_to("Open");
	hand_call(&first, 0, STAY);
	wait_for_blocked(1);
	for (unsigned i = 0; i < 4; i++)
		h[i] = ask_as(NOBODY, "Open");
	usleep(50000); /* all of them wait for the poller */
	atomic_store(&release, true);
	for (unsigned i = 0; i < 4; i++)
		bound += hand_answer(&h[i]) == 0;
	cr_expect(bound == 2, "%u", bound);
}

Case(local_clerk, add__hugepages_are_for_our_own_user)
{
	const size_t huge = 2UL << 20;
	struct hand ours;
	struct hand other;

	if (getuid() != 0)
		cr_skip("only root can become another user");
	start(1, ",huge", NULL);
	ours = bind_to("Open");
	if (ours.m.near_bytes % huge != 0)
		cr_skip("no hugepage is free");
	other = ask_as(NOBODY, "Open");
	cr_expect(hand_answer(&other) == 0 && other.m.near_bytes % huge != 0);
	call(&ours);
	call(&other);
	hand_leave(&ours);
	hand_leave(&other);
}

/* ---- places ---- */

Case(local_clerk, has_place__as_many_as_the_link_says_of_those_that_come_at_once)
{
	struct hand h[8];
	unsigned bound = 0;

	start(2, ",clients=3", NULL);
	for (unsigned i = 0; i < 8; i++)
		h[i] = ask("Open");
	for (unsigned i = 0; i < 8; i++) {
		if (hand_answer(&h[i]) == 0)
			bound++;
		else
			cr_expect(h[i].answer.status == -FLY_EBUSY &&
				  h[i].answer.version == FLY_BIND_NO_PLACE);
	}
	cr_expect(bound == 3 && fly_clerk_clients(runtime->clerk) == 3, "%u", bound);
}

Case(local_clerk, choose_poller__clients_that_have_left_leave_room_at_their_poller)
{
	struct hand h[4];

	start(2, "", NULL);
	for (unsigned i = 0; i < 3; i++)
		h[i] = bind_to("Open");
	cr_expect(runtime->group.pollers[0]->local->n == 2 &&
		  runtime->group.pollers[1]->local->n == 1);
	hand_leave(&h[0]);
	hand_leave(&h[2]);
	cr_assert(comes_to(FLY_COUNT_local_ended, 2));
	h[0] = bind_to("Open");
	cr_expect(runtime->group.pollers[0]->local->n == 1 &&
		  runtime->group.pollers[1]->local->n == 1);
}

Case(local_clerk, on_listener__so_many_of_one_user_may_connect_and_say_nothing)
{
	struct sockaddr_un address;
	const socklen_t length = fly_astack_address(name, &address);
	int silent[FLY_LOCAL_HALF_MAX / 4];
	struct hand h;
	uint64_t since_ms;
	char byte;

	start(1, "", NULL);
	since_ms = fly_system_clock_ms();
	for (unsigned i = 0; i < FLY_LOCAL_HALF_MAX / 4; i++) {
		silent[i] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
		cr_assert(connect(silent[i], (struct sockaddr *)&address, length) == 0);
	}
	h = ask("Open");
	if (hand_answer(&h) != 0)
		cr_expect(h.answer.status == -FLY_EBUSY && h.answer.version == FLY_BIND_CROWD);
	else /* this machine is so slow that their time was over */
		cr_expect(fly_system_clock_ms() - since_ms >= FLY_LOCAL_HALF_MS);
	/* They are disconnected after a while. */
	for (unsigned i = 0; i < FLY_LOCAL_HALF_MAX / 4; i++)
		cr_expect(recv(silent[i], &byte, 1, 0) == 0);
	cr_expect(fly_system_clock_ms() - since_ms >= FLY_LOCAL_HALF_MS);
	h = bind_to("Open");
	call(&h);
}

Case(local_clerk, free_leaving__memory_of_a_client_that_has_gone_is_freed)
{
	struct hand h;
	unsigned n = 2;

	start(1, "", NULL);
	h = bind_to("Open");
	cr_expect(count_mappings("firefly-far") == 2, "the client's and the server's");
	for (unsigned i = 0; i < 16; i++)
		memset(fly_astack_bytes(&h.m, i, FLY_ASTACK_IS_FAR), 1, 1 << 20);
	hand_leave(&h);
	for (unsigned i = 0; i < 1000 * patience(10) && (n = count_mappings("firefly-far")) != 0;
	     i++)
		usleep(1000);
	cr_expect(n == 0);
	cr_expect(sum(FLY_COUNT_local_ended) == 1);
}

static int end_the_first(struct fly_poller *p, void *unused)
{
	(void)unused;
	fly_local_client_end(p, p->local->clients[0]);
	return 0;
}

/* The poller ends a client that breaks the rules: results that it got before are its own. */
Case(local_clerk, free_leaving__a_client_that_was_ended_keeps_its_results)
{
	struct hand h;
	unsigned n = 2;

	start(1, "", NULL);
	h = bind_to("Open");
	memset(fly_astack_bytes(&h.m, 3, FLY_ASTACK_IS_FAR), 7, 4096);
	cr_expect(fly_request(&runtime->poller, end_the_first, NULL) == 0);
	cr_expect(comes_to(FLY_COUNT_local_ended, 1));
	for (unsigned i = 0; i < 1000 * patience(10) && (n = count_mappings("firefly-far")) != 1;
	     i++)
		usleep(1000);
	cr_expect(n == 1, "the server's is unmapped");
	cr_expect(*fly_astack_bytes(&h.m, 3, FLY_ASTACK_IS_FAR) == 7);
	hand_leave(&h);
}

Case(local_clerk, bind_client__a_client_costs_two_descriptors)
{
	unsigned before;
	struct hand h[5];

	start(1, "", NULL);
	before = count_descriptors();
	for (unsigned round = 1; round <= 2; round++) {
		for (unsigned i = 0; i < 5; i++) {
			h[i] = bind_to("Open");
			call(&h[i]);
		}
		/* Of each client: here its socket; there the other end, and far memory. */
		cr_expect(descriptors_come_to(before + 5 * 3), "%u", count_descriptors() - before);
		for (unsigned i = 0; i < 5; i++)
			hand_leave(&h[i]);
		cr_expect(descriptors_come_to(before));
	}
}

/* ---- the socket ---- */

static char directory[] = "/tmp/firefly-clerk-XXXXXX";

/* A server that is dead: it listened at @name, and has left a child that holds the socket. */
static pid_t die_listening(const char *at)
{
	struct sockaddr_un address;
	const socklen_t length = fly_astack_address(at, &address);
	int ends[2];
	pid_t server;
	pid_t child = 0;

	cr_assert(pipe(ends) == 0);
	server = fork();
	if (server == 0) {
		const int s = socket(AF_UNIX, SOCK_SEQPACKET, 0);

		if (bind(s, (struct sockaddr *)&address, length) || listen(s, 8))
			_exit(1);
		child = fork();
		if (child == 0) {
			for (;;)
				pause();
		}
		(void)!write(ends[1], &child, sizeof child);
		_exit(0);
	}
	cr_assert(server > 0 && waitpid(server, NULL, 0) == server);
	cr_assert(read(ends[0], &child, sizeof child) == sizeof child && child > 0);
	close(ends[0]);
	close(ends[1]);
	return child;
}

/* A link at a path in a new directory: @text is a buffer for its specification. */
static struct fly_link_spec spec_of_path(char text[128])
{
	struct fly_link_spec spec;

	cr_assert(mkdtemp(directory) != NULL && chmod(directory, 0755) == 0);
	snprintf(name, sizeof name, "%s/s", directory);
	snprintf(text, 128, "local:%s,server", name);
	cr_assert(fly_link_spec_parse(text, &spec) == 0, "%s", fly_error());
	return spec;
}

Case(local_clerk, fly_listener_open__a_path_that_a_dead_server_has_left_in_a_child)
{
	char text[128];
	const struct fly_link_spec spec = spec_of_path(text);
	const pid_t child = die_listening(name);
	int s = -1;

	cr_expect(fly_listener_open(&spec, &s) == 0, "%s", fly_error());
	kill(child, SIGKILL);
	/* A socket of a server that lives is nobody's to take. */
	cr_expect(fly_listener_open(&spec, &s) == -FLY_EINUSE);
	cr_expect(strstr(fly_error(), "another server") != NULL, "%s", fly_error());
	fly_listener_close(&spec, s);
	cr_expect(access(name, F_OK) != 0);
	rmdir(directory);
}

Case(local_clerk, fly_listener_open__a_file_that_is_no_socket_stays)
{
	char text[128];
	const struct fly_link_spec spec = spec_of_path(text);
	int s = open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	cr_assert(s >= 0 && close(s) == 0);
	cr_expect(fly_listener_open(&spec, &s) == -FLY_EINUSE);
	cr_expect(strstr(fly_error(), "no socket") != NULL, "%s", fly_error());
	cr_expect(unlink(name) == 0, "it is there");
	cr_assert(symlink("/dev/null", name) == 0);
	cr_expect(fly_listener_open(&spec, &s) == -FLY_EINUSE);
	cr_expect(unlink(name) == 0, "it is there");
	rmdir(directory);
}

Case(local_clerk, fly_listener_open__the_socket_of_another_user)
{
	char text[128];
	const struct fly_link_spec spec = spec_of_path(text);
	struct sockaddr_un address;
	int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (getuid() != 0)
		cr_skip("only root can become another user");
	cr_assert(bind(s, (struct sockaddr *)&address, fly_astack_address(name, &address)) == 0);
	close(s);
	cr_assert(chmod(name, 0600) == 0 && seteuid(65534) == 0);
	cr_expect(fly_listener_open(&spec, &s) == -FLY_EINUSE);
	cr_expect(strstr(fly_error(), "no permission to see whose") != NULL, "%s", fly_error());
	cr_assert(seteuid(0) == 0 && chmod(name, 0666) == 0 && seteuid(65534) == 0);
	cr_expect(fly_listener_open(&spec, &s) == -FLY_EPERM);
	cr_expect(strstr(fly_error(), "cannot be removed") != NULL, "%s", fly_error());
	cr_assert(seteuid(0) == 0);
	cr_expect(fly_listener_open(&spec, &s) == 0, "%s", fly_error());
	fly_listener_close(&spec, s);
	rmdir(directory);
}

Case(local_clerk, fly_listener_open__a_name_that_a_child_holds_is_said_to_be_a_dead_ones)
{
	struct fly_link_spec spec;
	char text[128];
	int s = -1;
	const pid_t child = die_listening(name);

	snprintf(text, sizeof text, "local:%s,server", name);
	cr_assert(fly_link_spec_parse(text, &spec) == 0, "%s", fly_error());
	cr_expect(fly_listener_open(&spec, &s) == -FLY_EINUSE);
	cr_expect(strstr(fly_error(), "forked") != NULL, "%s", fly_error());
	kill(child, SIGKILL);
}

Case(local_clerk, fly_astack_is_deserted__nobody_waits_for_a_dead_server)
{
	const pid_t child = die_listening(name);
	struct fly_runtime *client;
	struct fly_binding *none;
	char text[128];
	uint64_t since_ms;
	const char *const links[] = {text, NULL};
	const struct fly_options o = {.size = sizeof o, .links = links, .eal = EAL};

	snprintf(text, sizeof text, "local:%s,wait=0", name);
	cr_assert(fly_start(&o, &client) == 0, "%s", fly_error());
	since_ms = fly_system_clock_ms();
	cr_expect(fly_import(client, &open_to_all, NULL, &none) == -FLY_EPEER);
	cr_expect(strstr(fly_error(), "nobody listens") != NULL, "%s after %d ms", fly_error(),
		  (int)(fly_system_clock_ms() - since_ms));
	kill(child, SIGKILL);
	cr_expect(fly_stop(client) == 0);
}
