/* SPDX-License-Identifier: BSD-3-Clause */
/* test_descriptor.c - descriptors that a child closes. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/descriptor.h"

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static int open_at(int fd)
{
	cr_assert(dup2(STDERR_FILENO, fd) == fd);
	return fd;
}

Test(descriptor, fly_descriptor_forked__closes_what_is_owned_and_no_more)
{
	const int low = fly_descriptor_own(open_at(63));
	const int next = fly_descriptor_own(open_at(64));
	const int high = fly_descriptor_own(open_at(900));
	const int other = open_at(65);
	const int closed = fly_descriptor_own(open_at(66));

	cr_expect(low == 63);
	fly_descriptor_close(closed);
	cr_expect(!is_open(closed));
	open_at(66); /* the number is another's now */
	fly_descriptor_fork_lock();
	fly_descriptor_forked();
	cr_expect(!is_open(low) && !is_open(next) && !is_open(high));
	cr_expect(is_open(other) && is_open(closed) && is_open(STDERR_FILENO));
	/* A child owns nothing at first. */
	open_at(63);
	fly_descriptor_fork_lock();
	fly_descriptor_forked();
	cr_expect(is_open(63));
}

Test(descriptor, fly_descriptor_own__of_none)
{
	cr_expect(fly_descriptor_own(-1) == -1);
	fly_descriptor_close(-1);
	fly_descriptor_fork_lock();
	fly_descriptor_fork_unlock();
	cr_expect(is_open(STDERR_FILENO));
}
