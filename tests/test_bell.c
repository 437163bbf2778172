/* SPDX-License-Identifier: BSD-3-Clause */
/* test_bell.c - one descriptor for eventfds that nobody need read. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "case.h"
#include "host/bell.h"

static int bell;
static int fd;

static void begin(void)
{
	bell = fly_bell_open();
	fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	cr_assert(bell >= 0 && fd >= 0);
}

static void end(void)
{
	close(fd);
	fly_bell_close(bell);
	fly_bell_close(-1);
}

TestSuite(bell, .timeout = HANG);

static bool rings(void)
{
	struct pollfd p = {.fd = bell, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

Case(bell, fly_bell_forget__each_write_rings_though_nobody_reads)
{
	cr_expect(fly_bell_add(bell, fd) && !rings());
	for (unsigned i = 0; i < 3; i++) {
		eventfd_write(fd, 1);
		cr_expect(rings() && rings());
		fly_bell_forget(bell);
		cr_expect(!rings());
	}
}

Case(bell, fly_bell_forget__a_read_of_the_driver_takes_nothing_away)
{
	eventfd_t count;

	fly_bell_add(bell, fd);
	eventfd_write(fd, 1);
	eventfd_read(fd, &count);
	fly_bell_forget(bell);
	eventfd_write(fd, 1);
	cr_expect(rings());
}

Case(bell, fly_bell_again__rings_for_what_was_written_before)
{
	cr_expect(fly_bell_add(bell, fd));
	fly_bell_again(bell, fd);
	cr_expect(!rings(), "nobody has written");
	eventfd_write(fd, 1);
	fly_bell_forget(bell);
	cr_expect(!rings());
	fly_bell_again(bell, fd);
	cr_expect(rings());
}

Case(bell, fly_bell_add__eventfds_only)
{
	int ends[2];

	cr_assert(pipe2(ends, O_CLOEXEC) == 0);
	cr_expect(!fly_bell_add(bell, ends[0]) && !fly_bell_add(bell, -1));
	cr_expect(!fly_bell_add(-1, fd), "no descriptor was left for the bell");
	cr_expect(write(ends[1], "x", 1) == 1 && !rings());
	close(ends[0]);
	close(ends[1]);
}

Case(bell, fly_bell_add_new__those_that_were_opened_since)
{
	static struct fly_descriptors before;
	const int other = dup(0); /* somebody's for a moment, while the eventfds are noted */
	int later;

	cr_assert(other >= 0);
	fly_bell_note(&before);
	close(other);
	later = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	cr_expect(later == other);
	fly_bell_add_new(bell, &before);
	fly_bell_add_new(-1, &before);
	eventfd_write(fd, 1);
	cr_expect(!rings());
	eventfd_write(later, 1);
	cr_expect(rings());
	close(later);
	cr_expect(!rings(), "it has left by itself");
}
