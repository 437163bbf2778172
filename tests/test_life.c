/* SPDX-License-Identifier: BSD-3-Clause */
/* test_life.c - the life page: what is read of it, and what nobody but the server can do. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "local/life.h"

Test(life, fly_life_beat__changes_what_is_read)
{
	struct fly_life_look before;
	struct fly_life_look now;
	struct fly_life *life;
	int fd;

	life = fly_life_make(&fd);
	cr_assert(life && fly_life_is_usable(fd));
	before = fly_life_read(fd, 3);
	fly_life_beat(&life->process);
	now = fly_life_read(fd, 3);
	cr_expect(now.process != before.process && now.poller == before.poller);
	before = now;
	fly_life_beat(&life->pollers[3]);
	now = fly_life_read(fd, 3);
	cr_expect(now.process != before.process && now.poller != before.poller);
	before = now;
	fly_life_beat(&life->pollers[FLY_POLLERS - 1]);
	now = fly_life_read(fd, 3);
	cr_expect(now.process != before.process && now.poller == before.poller);
	cr_expect(fly_life_read(fd, FLY_POLLERS).poller == 0, "there is no such poller");
	cr_expect(fly_life_read(fd, UINT32_MAX).poller == 0, "there is no such poller");
	fly_life_free(life, fd);
}

Test(life, fly_life_make__nobody_else_writes)
{
	const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	const uint32_t word = 1;
	struct fly_life *life;
	char path[64];
	int again;
	int fd;

	life = fly_life_make(&fd);
	cr_assert(life != NULL);
	cr_expect(pwrite(fd, &word, sizeof word, 0) < 0);
	cr_expect(ftruncate(fd, 0) < 0 && ftruncate(fd, 1 << 20) < 0);
	cr_expect(fallocate(fd, punch, 0, 4096) < 0);
	cr_expect(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	again = open(path, O_RDWR | O_CLOEXEC);
	cr_expect(again < 0 ||
		  mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, again, 0) == MAP_FAILED);
	cr_expect(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	fly_life_beat(&life->process); /* the server does */
	cr_expect(fly_life_read(fd, 0).process == 1);
	fly_life_free(life, fd);
}

Test(life, fly_life_is_usable__what_is_no_page)
{
	const int shorter = memfd_create("short", MFD_CLOEXEC);
	const int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int pair[2];

	cr_assert(shorter >= 0 && pipe2(pair, O_CLOEXEC) == 0);
	cr_expect(!fly_life_is_usable(-1));
	cr_expect(!fly_life_is_usable(shorter));
	cr_expect(!fly_life_is_usable(pair[0]), "which a read would wait for");
	cr_assert(file >= 0);
	cr_expect(!fly_life_is_usable(file), "a file system may never answer");
	cr_expect(fly_life_read(shorter, 0).process == 0);
}

Test(life, fly_life_free__none)
{
	fly_life_free(NULL, -1);
}
