/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_eal.c - EAL starts once, on a thread of its own; a second start must want the same; one that
 * failed may be tried again; a program that has initialised EAL lends it.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>

#include <firefly/status.h>

#include "host/eal.h"
#include "patience.h"

static _Atomic unsigned ticks;
static sigset_t tick_mask;
static cpu_set_t tick_cpus;

static void tick(void)
{
	if (ticks++ == 0) {
		pthread_sigmask(SIG_SETMASK, NULL, &tick_mask);
		sched_getaffinity(0, sizeof tick_cpus, &tick_cpus);
	}
}

TestSuite(eal, .timeout = HANG);

Test(eal, fly_eal_start__the_control_thread_ticks_with_signals_blocked_and_unpinned)
{
	cpu_set_t cpus;

	sched_getaffinity(0, sizeof cpus, &cpus);
	cr_assert(fly_eal_start(NULL, 1 << 20, tick) == 0, "%s", fly_error());
	for (unsigned i = 0; i < 1000 && ticks < 3; i++)
		usleep(2000);
	cr_assert(ticks >= 3);
	cr_expect(sigismember(&tick_mask, SIGINT) == 1 && sigismember(&tick_mask, SIGTERM) == 1);
	cr_expect(CPU_EQUAL(&cpus, &tick_cpus), "it may run where the program may");
	cr_expect(rte_eal_process_type() == RTE_PROC_PRIMARY);
}

Test(eal, fly_eal_start__repeated)
{
	cr_assert(fly_eal_start("-m 100", 1 << 20, tick) == 0, "%s", fly_error());
	cr_expect(fly_eal_start("-m 100", 1 << 20, tick) == 0);
	cr_expect(fly_eal_start(NULL, 1 << 20, tick) == 0);
	cr_expect(fly_eal_start("", 1 << 20, tick) == 0);
	cr_expect(fly_eal_start("-m 101", 1 << 20, tick) == -FLY_ECONFLICT);
	cr_expect(strstr(fly_error(), "only once") != NULL, "%s", fly_error());
}

Test(eal, fly_eal_start__first_without_and_then_with_options)
{
	cr_assert(fly_eal_start(NULL, 1 << 20, tick) == 0, "%s", fly_error());
	cr_expect(fly_eal_start("-m 101", 1 << 20, tick) == -FLY_ECONFLICT);
}

static void *one_of_many(void *status)
{
	*(int *)status = fly_eal_start("-m 100", 1 << 20, tick);
	return NULL;
}

Test(eal, fly_eal_start__by_several_threads_at_once)
{
	pthread_t threads[8];
	int status[8];

	for (unsigned i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, one_of_many, &status[i]);
	for (unsigned i = 0; i < 8; i++) {
		pthread_join(threads[i], NULL);
		cr_expect(status[i] == 0);
	}
}

Test(eal, fly_eal_start__ordinary_pages_when_asked)
{
	cr_assert(fly_eal_start("--no-huge -m 64", 1 << 20, tick) == 0, "%s", fly_error());
	cr_expect(fly_eal_state()->hugepage_bytes == 0);
	cr_expect(strstr(fly_eal_state()->why_no_huge, "as --no-huge says") != NULL);
}

/* What the process writes to stdout goes to this file from now on. */
static int take_stdout(void)
{
	const int fd = memfd_create("stdout", 0);

	fflush(stdout);
	cr_assert(fd >= 0 && dup2(fd, STDOUT_FILENO) >= 0);
	return fd;
}

static void expect_refused(const char *extra, int status, const char *why)
{
	cr_expect(fly_eal_start(extra, 1 << 20, tick) == status, "%s", extra);
	cr_expect(strstr(fly_error(), why) && !strchr(fly_error(), '\n'), "%s: %s", extra,
		  fly_error());
}

Test(eal, fly_eal_start__options_that_dpdk_does_not_take)
{
	const int out = take_stdout();

	expect_refused("--nonesuch", -FLY_ESYSTEM, "unrecognized option '--nonesuch'");
	expect_refused("-m 99999999", -FLY_ENOMEM, "is more memory");
	expect_refused("-l 77", -FLY_ESYSTEM, "lcore 77 unavailable");
	expect_refused("-d /nonesuch.so", -FLY_ESYSTEM, "/nonesuch.so");
	expect_refused("--vdev=net_nonesuch0", -FLY_ESYSTEM, "net_nonesuch0");
	expect_refused("--help", -FLY_ESYSTEM, "it ended the process that tried it");
	fflush(stdout);
	cr_expect(lseek(out, 0, SEEK_END) == 0, "nothing of this is on stdout");
	cr_expect(rte_eal_has_hugepages() == 1 && rte_get_tsc_hz() == 0, "nothing has happened");
	cr_expect(fly_eal_start("--log-level=4 -m 100", 1 << 20, tick) == 0, "%s", fly_error());
	cr_expect(rte_get_tsc_hz() != 0);
}

Test(eal, fly_eal_start__again_when_there_are_descriptors)
{
	struct rlimit many;
	struct rlimit few;

	cr_assert(getrlimit(RLIMIT_NOFILE, &many) == 0);
	few = many;
	few.rlim_cur = 9;
	cr_assert(setrlimit(RLIMIT_NOFILE, &few) == 0);
	for (unsigned i = 0; i < 3; i++)
		expect_refused(NULL, -FLY_ESYSTEM, "ulimit -n");
	cr_assert(setrlimit(RLIMIT_NOFILE, &many) == 0);
	cr_expect(fly_eal_start(NULL, 1 << 20, tick) == 0, "%s", fly_error());
}

/* ---- a program that has initialised EAL ---- */

static void initialise(void)
{
	char *arguments[] = {"program",        "--no-huge", "-m64",        "--no-shconf",
			     "--no-telemetry", "--no-pci",  "--lcores=3@0"};

	cr_assert(rte_eal_init(7, arguments) >= 0);
}

static void wait_for_ticks(void)
{
	for (unsigned i = 0; i < 500 * patience(2) && ticks < 3; i++)
		usleep(2000);
	cr_assert(ticks >= 3);
}

Test(eal, fly_eal_start__what_the_program_has_initialised_is_used)
{
	FILE *stream;

	initialise();
	stream = rte_log_get_stream();
	cr_assert(fly_eal_start(NULL, 1 << 20, tick) == 0, "%s", fly_error());
	cr_expect(fly_eal_state()->is_lent && fly_eal_state()->hugepage_bytes == 0);
	cr_expect(rte_log_get_stream() == stream, "its log stays where it is");
	cr_expect(rte_lcore_id() == 3, "this thread stays its lcore");
	wait_for_ticks();
	cr_expect(fly_eal_start("", 1 << 20, tick) == 0, "%s", fly_error());
	expect_refused("-m 64", -FLY_ECONFLICT, "this program has initialised DPDK itself");
}

static void *start_elsewhere(void *status)
{
	*(int *)status = fly_eal_start(NULL, 1 << 20, tick);
	return NULL;
}

Test(eal, fly_eal_start__on_a_thread_that_the_programs_dpdk_does_not_know)
{
	pthread_t thread;
	int status = 1;

	initialise();
	pthread_create(&thread, NULL, start_elsewhere, &status);
	pthread_join(thread, NULL);
	cr_expect(status == 0 && fly_eal_state()->is_lent);
	wait_for_ticks();
}

Test(eal, fly_eal_start__options_for_what_the_program_has_initialised)
{
	initialise();
	expect_refused("-m 64", -FLY_ECONFLICT, "leave these out");
	cr_expect(fly_eal_start(NULL, 1 << 20, tick) == 0, "%s", fly_error());
}

Test(eal, fly_eal_start__options_without_end)
{
	char much[600];

	memset(much, 'x', sizeof much - 1);
	much[sizeof much - 1] = '\0';
	cr_expect(fly_eal_start(much, 1 << 20, tick) == -FLY_EINVAL);
	cr_expect(fly_eal_start(NULL, 1 << 20, tick) == 0, "it did not come to anything: %s",
		  fly_error());
}

Test(eal, fly_eal_start__more_options_than_fit)
{
	char many[256] = "";

	for (unsigned i = 0; i < 40; i++)
		strcat(many, "-m 64 ");
	cr_expect(fly_eal_start(many, 1 << 20, tick) == -FLY_EINVAL, "none is left out in silence");
	cr_expect(strstr(fly_error(), "--eal: more words than") != NULL, "%s", fly_error());
	cr_expect(fly_eal_start("-m 64", 1 << 20, tick) == 0, "%s", fly_error());
}

Test(eal, fly_eal_last_log__keeps_the_newest_line_and_prints_nothing)
{
	cr_assert(fly_eal_start(NULL, 1 << 20, tick) == 0, "%s", fly_error());
	fly_eal_forget_log();
	cr_expect(strcmp(fly_eal_last_log(), "") == 0);
	rte_log(RTE_LOG_ERR, RTE_LOGTYPE_USER1, "one\n");
	rte_log(RTE_LOG_ERR, RTE_LOGTYPE_USER1, "two\n");
	fflush(rte_log_get_stream());
	cr_expect(strcmp(fly_eal_last_log(), " (two)") == 0, "'%s'", fly_eal_last_log());
	fly_eal_forget_log();
	cr_expect(strcmp(fly_eal_last_log(), "") == 0);
}
