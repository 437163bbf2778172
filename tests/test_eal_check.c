/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_eal_check.c - what EAL would fail for, or abort for, is found before, and named.
 *
 * Each case is a process. Most need root: they take /sys or /proc away from their own mount
 * namespace, or hugepages from a control group of their own.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <firefly/status.h>

#include "host/eal_check.h"
#include "patience.h"

#define NEED (8UL << 20)

TestSuite(eal_check, .timeout = HANG);

static struct fly_eal_plan plan;

static bool says(const char *what)
{
	return strstr(fly_error(), what) != NULL;
}

static bool is_ordinary_because(const char *what)
{
	return !plan.is_huge && plan.why_no_huge && strstr(plan.why_no_huge, what) != NULL;
}

/* Mounts from here on are this process's own. */
static void leave_mounts(void)
{
	if (geteuid() != 0)
		cr_skip_test("this test needs root");
	cr_assert(unshare(CLONE_NEWNS) == 0);
	cr_assert(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
}

/* Return: the limit before. */
static rlim_t limit(int resource, rlim_t to)
{
	struct rlimit r;
	rlim_t before;

	cr_assert(getrlimit((__rlimit_resource_t)resource, &r) == 0);
	before = r.rlim_cur;
	r.rlim_cur = to;
	cr_assert(setrlimit((__rlimit_resource_t)resource, &r) == 0);
	return before;
}

/* ---- extra arguments ---- */

Test(eal_check, fly_eal_plan__which_arguments_it_knows)
{
	cr_expect(fly_eal_plan(NULL, NEED, &plan) == 0, "%s", fly_error());
	cr_expect(!plan.says_more && !plan.says_no_huge && plan.mb == 0);
	cr_expect(fly_eal_plan("--no-huge -m 64", NEED, &plan) == 0, "%s", fly_error());
	cr_expect(!plan.says_more && plan.says_no_huge && plan.mb == 64);
	cr_expect(!plan.is_huge && is_ordinary_because("as --no-huge says"));
	cr_expect(fly_eal_plan(" -m65", NEED, &plan) == 0, "%s", fly_error());
	cr_expect(!plan.says_more && plan.mb == 65);
	cr_expect(fly_eal_plan("--mbuf-pool-ops-name stack -m65", NEED, &plan) == 0);
	cr_expect(!plan.says_more && plan.mb == 65);
	cr_expect(fly_eal_plan("--mbuf-pool-ops-name", NEED, &plan) == 0 && plan.says_more);
	cr_expect(fly_eal_plan("-m 64 --no-huge --log-level=4", NEED, &plan) == 0);
	cr_expect(plan.says_more && plan.says_no_huge && plan.mb == 64);
}

Test(eal_check, fly_eal_plan__no_number_of_megabytes)
{
	static const char *const wrong[] = {"-m", "-m x", "-m 12x", "-m -1", "-m 0", "-mm"};

	for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		cr_expect(fly_eal_plan(wrong[i], NEED, &plan) == -FLY_EINVAL, "%s", wrong[i]);
		cr_expect(says("number of megabytes"), "%s", fly_error());
	}
}

Test(eal_check, fly_eal_plan__more_memory_than_the_machine_has)
{
	cr_expect(fly_eal_plan("-m 99999999", NEED, &plan) == -FLY_ENOMEM);
	cr_expect(says("-m 99999999 is more memory than"), "%s", fly_error());
}

/* ---- the system ---- */

Test(eal_check, fly_eal_plan__too_few_descriptors)
{
	const rlim_t before = limit(RLIMIT_NOFILE, 9);

	cr_expect(fly_eal_plan(NULL, NEED, &plan) == -FLY_ESYSTEM);
	cr_expect(says("more file descriptors") && says("ulimit -n"), "%s", fly_error());
	limit(RLIMIT_NOFILE, before);
	cr_expect(fly_eal_plan(NULL, NEED, &plan) == 0, "%s", fly_error());
}

Test(eal_check, fly_eal_plan__too_few_threads)
{
	rlim_t before;

	if (geteuid() == 0) /* root has no limit */
		cr_assert(setuid(60124) == 0);
	prctl(PR_SET_DUMPABLE, 1); /* for LeakSanitizer */
	before = limit(RLIMIT_NPROC, 1);
	cr_expect(fly_eal_plan(NULL, NEED, &plan) == -FLY_ESYSTEM);
	cr_expect(says("threads") && says("ulimit -u"), "%s", fly_error());
	limit(RLIMIT_NPROC, before);
	cr_expect(fly_eal_plan(NULL, NEED, &plan) == 0, "%s", fly_error());
}

Test(eal_check, fly_eal_plan__without_sys)
{
	leave_mounts();
	cr_assert(mount("none", "/sys", "tmpfs", 0, NULL) == 0);
	cr_expect(fly_eal_plan(NULL, NEED, &plan) == -FLY_ESYSTEM);
	cr_expect(says("/sys") && says("mount sysfs"), "%s", fly_error());
	cr_assert(umount("/sys") == 0);
	cr_expect(fly_eal_plan(NULL, NEED, &plan) == 0, "%s", fly_error());
}

Test(eal_check, fly_eal_plan__a_limited_address_space)
{
	if (IS_UNDER_ASAN)
		cr_skip_test("it reserves more than that");
	limit(RLIMIT_AS, 4UL << 30);
	cr_expect(fly_eal_plan(NULL, NEED, &plan) == 0, "%s", fly_error());
	cr_expect(!plan.is_huge);
	limit(RLIMIT_AS, 400UL << 20);
	cr_expect(fly_eal_plan(NULL, NEED, &plan) == -FLY_ENOMEM);
	cr_expect(says("address space") && says("ulimit -v"), "%s", fly_error());
	cr_expect(fly_eal_plan("-m 64", NEED, &plan) == 0, "less is enough: %s", fly_error());
}

/* ---- hugepages ---- */

/* There are some, and this process gets them. */
static bool has_hugepages(void)
{
	cr_assert(fly_eal_plan(NULL, NEED, &plan) == 0, "%s", fly_error());
	return plan.is_huge;
}

Test(eal_check, fly_eal_plan__more_than_there_are)
{
	cr_expect(fly_eal_plan(NULL, 1UL << 50, &plan) == 0, "%s", fly_error());
	cr_expect(is_ordinary_because("nr_hugepages"));
}

Test(eal_check, fly_eal_plan__a_proc_that_shows_processes_only)
{
	if (!has_hugepages())
		cr_skip_test("no hugepages");
	leave_mounts();
	cr_assert(mount("proc", "/proc", "proc", 0, "subset=pid") == 0);
	cr_assert(access("/proc/meminfo", F_OK) != 0);
	cr_expect(fly_eal_plan(NULL, NEED, &plan) == 0, "%s", fly_error());
	cr_expect(is_ordinary_because("ProcSubset=all"), "%s", plan.why_no_huge);
}

/* A control group of this process, in a mount of our own; it has @pages hugepages. */
static bool join_group(char *path, size_t bytes, unsigned pages)
{
	char file[160];
	FILE *f;

	leave_mounts();
	if (mount("none", "/mnt", "cgroup2", 0, NULL) != 0)
		return false;
	f = fopen("/mnt/cgroup.subtree_control", "w");
	if (!f || fputs("+hugetlb", f) < 0 || fclose(f) != 0)
		return false;
	snprintf(path, bytes, "/mnt/firefly-eal-%d", getpid());
	cr_assert(mkdir(path, 0755) == 0);
	snprintf(file, sizeof file, "%s/hugetlb.2MB.max", path);
	f = fopen(file, "w");
	cr_assert(f && fprintf(f, "%u\n", pages << 21) > 0 && fclose(f) == 0);
	snprintf(file, sizeof file, "%s/cgroup.procs", path);
	f = fopen(file, "w");
	cr_assert(f && fprintf(f, "%d\n", getpid()) > 0 && fclose(f) == 0);
	return true;
}

static void leave_group(const char *path)
{
	FILE *f = fopen("/mnt/cgroup.procs", "w");

	cr_assert(f && fprintf(f, "%d\n", getpid()) > 0 && fclose(f) == 0);
	cr_expect(rmdir(path) == 0);
}

Test(eal_check, fly_eal_plan__a_container_without_a_hugepage_allowance)
{
	char path[64];

	if (!has_hugepages())
		cr_skip_test("no hugepages");
	if (!join_group(path, sizeof path, 0))
		cr_skip_test("no control groups for hugepages (cgroup v2)");
	cr_expect(fly_eal_plan(NULL, NEED, &plan) == 0, "%s", fly_error());
	cr_expect(is_ordinary_because("not for this process"), "%s", plan.why_no_huge);
	leave_group(path);
	cr_expect(has_hugepages());
}

Test(eal_check, fly_eal_plan__an_allowance_that_is_too_small)
{
	char path[64];

	if (!has_hugepages())
		cr_skip_test("no hugepages");
	if (!join_group(path, sizeof path, NEED >> 21))
		cr_skip_test("no control groups for hugepages (cgroup v2)");
	cr_expect(has_hugepages(), "just enough");
	cr_expect(fly_eal_plan(NULL, NEED + 1, &plan) == 0, "%s", fly_error());
	cr_expect(is_ordinary_because("not for this process"), "%s", plan.why_no_huge);
	leave_group(path);
}
