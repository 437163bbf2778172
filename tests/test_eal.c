/* SPDX-License-Identifier: BSD-3-Clause */
/* test_eal.c - EAL starts once, on a thread of its own; a second start must want the same. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
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
	cr_expect(strstr(fly_eal_state()->why_no_huge, "nr_hugepages") != NULL);
}

Test(eal, fly_eal_start__options_that_dpdk_does_not_take)
{
	cr_expect(fly_eal_start("--nonesuch", 1 << 20, tick) == -FLY_ESYSTEM);
	cr_expect(strstr(fly_error(), "DPDK does not start") != NULL, "%s", fly_error());
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
