/* SPDX-License-Identifier: BSD-3-Clause */
/* Descriptors that others opened for us are closed on exec(2), and no others. */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/descriptors.h"
#include "patience.h"

static bool is_inherited(int fd)
{
	return !(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

Test(descriptors, fly_descriptors_close_on_exec__those_that_are_new, .timeout = HANG)
{
	struct fly_descriptors before;
	const int old = open("/dev/null", O_RDONLY);
	const int far_old = fcntl(old, F_DUPFD, 700);
	int new;
	int far_new;

	cr_assert(old >= 0 && far_old >= 700);
	fly_descriptors_note(&before);
	new = open("/dev/null", O_RDONLY);
	far_new = fcntl(old, F_DUPFD, 900);
	cr_assert(new >= 0 && far_new >= 900 && is_inherited(new));
	fly_descriptors_close_on_exec(&before);
	cr_expect(!is_inherited(new) && !is_inherited(far_new));
	cr_expect(is_inherited(old) && is_inherited(far_old) && is_inherited(1));
}

Test(descriptors, fly_descriptors_close_on_exec__nothing_if_the_old_ones_are_not_known,
     .timeout = HANG)
{
	struct fly_descriptors before;
	struct rlimit none;
	struct rlimit most;

	cr_assert(getrlimit(RLIMIT_NOFILE, &most) == 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = most.rlim_max};
	cr_assert(setrlimit(RLIMIT_NOFILE, &none) == 0);
	fly_descriptors_note(&before);
	cr_assert(setrlimit(RLIMIT_NOFILE, &most) == 0);
	cr_assert(is_inherited(1) && is_inherited(2));
	fly_descriptors_close_on_exec(&before);
	cr_expect(is_inherited(1) && is_inherited(2), "the program's own");
}

static void count(int fd, void *context)
{
	unsigned *n = context;

	cr_expect(fcntl(fd, F_GETFD) >= 0, "%d is open", fd);
	++*n;
}

Test(descriptors, fly_descriptors_each__once_and_not_its_own, .timeout = HANG)
{
	unsigned before = 0;
	unsigned after = 0;

	fly_descriptors_each(count, &before);
	cr_assert(open("/dev/null", O_RDONLY) >= 0);
	fly_descriptors_each(count, &after);
	cr_expect(before >= 3 && after == before + 1);
}
