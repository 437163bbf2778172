/* SPDX-License-Identifier: BSD-3-Clause */
/* test_limits.c - limits of descriptors and threads are noticed, and named. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <firefly/status.h>

#include "host/limits.h"
#include "patience.h"

TestSuite(limits, .timeout = HANG);

static int error_of_open; /* 0: it opens as always */

/* In the place of the C library's: the whole system has no descriptor left. */
int open(const char *path, int flags, ...)
{
	if (error_of_open) {
		errno = error_of_open;
		return -1;
	}
	return openat(AT_FDCWD, path, flags, 0600);
}

static bool says(const char *what)
{
	return strstr(fly_error(), what) != NULL;
}

static rlim_t set(int resource, rlim_t to)
{
	struct rlimit limit;
	rlim_t before;

	cr_assert(getrlimit((__rlimit_resource_t)resource, &limit) == 0);
	before = limit.rlim_cur;
	limit.rlim_cur = to;
	cr_assert(setrlimit((__rlimit_resource_t)resource, &limit) == 0);
	return before;
}

/* Use all descriptors below the highest one in use. Return: the lowest that is free. */
static int fill(void)
{
	int highest = 1023;
	int fd;

	while (fcntl(highest, F_GETFD) < 0)
		highest--;
	while ((fd = dup(0)) <= highest)
		cr_assert(fd >= 0);
	close(fd);
	return fd;
}

Test(limits, fly_limits_descriptors__says_how_many_are_missing_and_closes_its_own)
{
	const int lowest = fill();
	const rlim_t before = set(RLIMIT_NOFILE, (rlim_t)lowest + 5);
	cr_expect(fly_limits_descriptors(5, "it") == 0, "%s", fly_error());
	cr_expect(fly_limits_descriptors(8, "the thing") == -FLY_ESYSTEM);
	cr_expect(says("the thing needs 3 more") && says("ulimit -n"), "%s", fly_error());
	cr_expect(fly_limits_descriptors(5, "it") == 0, "none is left open: %s", fly_error());
	set(RLIMIT_NOFILE, before);
	cr_expect(fly_limits_descriptors(8, "the thing") == 0);
}

Test(limits, fly_limits_threads__says_which_limits_there_are)
{
	rlim_t before;

	cr_expect(fly_limits_threads(4, "it") == 0, "%s", fly_error());
	/* Root has no limit. Nobody else's processes count for this user, in most places. */
	if (geteuid() == 0)
		cr_assert(setuid(60123) == 0);
	prctl(PR_SET_DUMPABLE, 1); /* for LeakSanitizer */
	before = set(RLIMIT_NPROC, 1);
	cr_expect(fly_limits_threads(4, "the thing") == -FLY_ESYSTEM);
	cr_expect(says("the thing needs 4 threads") && says("ulimit -u") && says("pids.max"), "%s",
		  fly_error());
	set(RLIMIT_NPROC, before);
	cr_expect(fly_limits_threads(4, "it") == 0, "%s", fly_error());
}

Test(limits, fly_limits_no_thread__two_causes_two_texts)
{
	cr_expect(strstr(fly_limits_no_thread(EAGAIN), "ulimit -u") != NULL);
	cr_expect(strcmp(fly_limits_no_thread(EINVAL), strerror(EINVAL)) == 0);
}

Test(limits, no_descriptors__two_causes_two_texts)
{
	error_of_open = EMFILE;
	cr_expect(fly_limits_descriptors(3, "it") == -FLY_ESYSTEM);
	cr_expect(says("ulimit -n") && !says("fs.file-max"), "%s", fly_error());
	error_of_open = ENFILE;
	cr_expect(fly_limits_descriptors(3, "it") == -FLY_ESYSTEM);
	cr_expect(says("fs.file-max") && !says("ulimit -n"), "%s", fly_error());
	error_of_open = EACCES;
	cr_expect(fly_limits_descriptors(3, "it") == -FLY_ESYSTEM);
	cr_expect(says(strerror(EACCES)) && !says("limit"), "%s", fly_error());
	error_of_open = 0;
	cr_expect(fly_limits_descriptors(3, "it") == 0);
}
