/* SPDX-License-Identifier: BSD-3-Clause */
/* test_clofork.c - descriptors that a child closes. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clofork.h"

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static int open_at(int fd)
{
	cr_assert(dup2(STDERR_FILENO, fd) == fd);
	return fd;
}

Test(clofork, fly_clofork_forked__closes_what_is_owned_and_no_more)
{
	const int low = fly_clofork_add(open_at(63));
	const int next = fly_clofork_add(open_at(64));
	const int high = fly_clofork_add(open_at(900));
	const int other = open_at(65);
	const int closed = fly_clofork_add(open_at(66));

	cr_expect(low == 63);
	fly_clofork_close(closed);
	cr_expect(!is_open(closed));
	open_at(66); /* the number is another's now */
	fly_clofork_fork_lock();
	fly_clofork_forked();
	cr_expect(!is_open(low) && !is_open(next) && !is_open(high));
	cr_expect(is_open(other) && is_open(closed) && is_open(STDERR_FILENO));
	/* A child owns nothing at first. */
	open_at(63);
	fly_clofork_fork_lock();
	fly_clofork_forked();
	cr_expect(is_open(63));
}

Test(clofork, fly_clofork_add__of_none)
{
	cr_expect(fly_clofork_add(-1) == -1);
	fly_clofork_close(-1);
	fly_clofork_fork_lock();
	fly_clofork_fork_unlock();
	cr_expect(is_open(STDERR_FILENO));
}
