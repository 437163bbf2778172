/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_export.c - exports that fail: at a runtime with two pollers, clients of this machine that
 * ask meanwhile, and too little memory for the workers of both pollers.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/stub_version.h"
#include "case.h"
#include "hand_client.h"
#include "probe_service.h"
#include "runtime/runtime.h"
#include "runtime/worker_threads.h"

#define EAL  "--no-huge -m 256"
#define MANY 200 /* exports */

static char name[48];
static struct fly_runtime *runtime;

static int nothing(struct fly_served *served)
{
	served->result_bytes = 0;
	return 0;
}

static const struct fly_procedure table[] = {{"Nothing", nothing, 0, 0, 0, FLY_RESULTS_OVER, 0}};
static const struct fly_interface always = {FLY_STUB_VERSION, "Always", 1, 1, table};
static const struct fly_interface fails = {FLY_STUB_VERSION, "Fails", 1, 1, table};

static void begin(void)
{
	char link[96];
	const char *const links[] = {link, NULL};
	const struct fly_options o = {.size = sizeof o,
				      .links = links,
				      .packets = 2047,
				      .pollers = 2,
				      .wait = FLY_WAIT_SLEEP,
				      .eal = EAL};

	snprintf(name, sizeof name, "test-export-%d", (int)getpid());
	snprintf(link, sizeof link, "local:%s,server", name);
	cr_assert(fly_start(&o, &runtime) == 0, "%s", fly_error());
	cr_assert(fly_export(runtime, &always, "", NULL) == 0, "%s", fly_error());
}

static void end(void)
{
	cr_expect(fly_stop(runtime) == 0, "%s", fly_error());
}

TestSuite(export, .timeout = HANG);

Case(export, fly_stub_version_check__older_and_newer_stubs_are_refused)
{
	struct fly_interface other = {FLY_STUB_VERSION, "Other", 1, 1, table};
	struct fly_binding *binding;

	for (uint32_t version = FLY_STUB_VERSION - 1; version <= FLY_STUB_VERSION + 1; version++) {
		const int status = version == FLY_STUB_VERSION ? 0 : -FLY_EVERSION;

		other.stub_version = version;
		cr_expect(fly_stub_version_check(&other) == status, "version %u", version);
		cr_expect(status == 0 || fly_import(runtime, &other, NULL, &binding) == status);
		cr_expect(fly_export(runtime, &other, "", NULL) == status, "version %u", version);
	}
}

static size_t mapped_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long pages = 0;

	cr_assert(f && fscanf(f, "%lu", &pages) == 1);
	fclose(f);
	return pages * 4096;
}

static _Atomic bool quit;
static _Atomic unsigned asked;
static _Atomic unsigned admitted;

static void *ask_for_it(void *unused)
{
	(void)unused;
	while (!atomic_load(&quit)) {
		struct hand h = hand_ask(name, "Fails");

		if (hand_answer(&h) != -FLY_ENOEXPORT)
			atomic_fetch_add(&admitted, 1);
		atomic_fetch_add(&asked, 1);
		hand_leave(&h);
	}
	return NULL;
}

Case(export, fly_export_with__nobody_is_let_in_by_an_export_that_fails)
{
	const struct fly_export_options o = {.size = sizeof o,
					     .workers = FLY_WORKERS,
					     .wait = FLY_WAIT_SLEEP,
					     .a_stacks = 1};
	const size_t stacks = FLY_WORKERS / 2 * (8UL << 20);
	struct rlimit before;
	struct rlimit few;
	pthread_t thread;
	struct hand first;

	/* The clerk asks the other poller for the next ones: it has no client. */
	first = hand_bind(name, "Always");
	cr_assert(pthread_create(&thread, NULL, ask_for_it, NULL) == 0);
	while (atomic_load(&asked) == 0)
		usleep(1000);
	cr_assert(getrlimit(RLIMIT_STACK, &before) == 0 && before.rlim_cur == 8UL << 20,
		  "the stacks of threads are as large as this test thinks");
	cr_assert(getrlimit(RLIMIT_AS, &before) == 0);
	few = before;
	few.rlim_cur = mapped_bytes() + stacks + stacks / 2;
	cr_assert(setrlimit(RLIMIT_AS, &few) == 0);
	cr_expect(fly_export_with(runtime, &fails, "", NULL, &o) == -FLY_ESYSTEM, "%s",
		  fly_error());
	cr_assert(setrlimit(RLIMIT_AS, &before) == 0);
	atomic_store(&quit, true);
	pthread_join(thread, NULL);
	cr_expect(atomic_load(&admitted) == 0, "%u of %u", atomic_load(&admitted),
		  atomic_load(&asked));
	for (unsigned i = 0; i < 2; i++)
		cr_expect(LIST_EMPTY(&runtime->group.pollers[i]->pools));
	/* Nothing is in the way of the next try. */
	cr_expect(fly_export_with(runtime, &fails, "", NULL, &o) == 0, "%s", fly_error());
	hand_leave(&first);
	first = hand_bind(name, "Fails");
	hand_call(&first, 0, 0);
	cr_expect(hand_finish(&first, 0) == 0);
}

Case(export, fly_export__two_hundred_and_clients_of_this_machine_call_each)
{
	static struct probe_service services[MANY];
	static struct fly_interface many[MANY];
	static char names[MANY][8];
	struct fly_binding *binding;
	char link[64];

	snprintf(link, sizeof link, "local:%s", name);
	cr_assert(Probe_export(runtime, &probe_procedures, &services[0]) == 0);
	many[0] = *runtime->exports[2].interface;
	for (unsigned i = 1; i < MANY; i++) {
		many[i] = many[0];
		snprintf(names[i], sizeof names[i], "I%u", i);
		many[i].name = names[i];
		cr_assert(fly_export(runtime, &many[i], &probe_procedures, &services[i]) == 0,
			  "%u: %s", i, fly_error());
	}
	for (unsigned i = 0; i < MANY; i++) {
		cr_assert(fly_import(runtime, &many[i], link, &binding) == 0, "%u: %s", i,
			  fly_error());
		cr_expect(Probe_Null(binding) == 0 && services[i].executions == 1, "number %u", i);
		cr_expect(fly_unbind(binding) == 0);
	}
}

Case(export, fly_export_with__a_rule_of_an_export_that_fails_is_freed)
{
	const struct fly_export_options o = {.size = sizeof o, .a_stacks = 3};

	cr_expect(fly_export_with(runtime, &always, "", NULL, &o) == -FLY_EINUSE);
	cr_expect(runtime->rules == NULL);
	cr_expect(fly_export_with(runtime, &fails, "", NULL, &o) == 0);
	cr_expect(runtime->rules != NULL && runtime->rules->a_stacks == 3 &&
		  runtime->rules->next == NULL);
}

Case(export, fly_export__after_a_shutdown)
{
	cr_assert(fly_shutdown(runtime) == 0, "%s", fly_error());
	for (unsigned i = 0; i < 2; i++) {
		cr_expect(fly_export(runtime, &fails, "", NULL) == -FLY_ESHUT);
		cr_expect(strstr(fly_error(), "was shut down") != NULL, "%s", fly_error());
	}
}

Case(export, fly_export_lacks__says_which_procedure)
{
	struct Probe_procedures procedures = probe_procedures;

	procedures.Add = NULL;
	cr_expect(Probe_export(runtime, &procedures, NULL) == -FLY_EINVAL);
	cr_expect(strstr(fly_error(), "Probe") && strstr(fly_error(), "Add"), "%s", fly_error());
	cr_expect(Probe_export(runtime, NULL, NULL) == -FLY_EINVAL);
	cr_expect(strstr(fly_error(), "struct Probe_procedures"), "%s", fly_error());
	cr_expect(!strstr(fly_error(), "NULL"), "%s", fly_error());
}
