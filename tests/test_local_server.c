/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_local_server.c - the memory that a server gives its clients.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "case.h"
#include "local/map.h"

static void begin(void)
{
}

static void end(void)
{
}

TestSuite(local_server, .timeout = HANG);

/* ---- the pages of the memory ---- */

Case(local_server, fly_astack_page_bytes__says_what_kind_of_memory_it_is)
{
	const int plain = memfd_create("test", MFD_CLOEXEC);
	const int huge = memfd_create("test", MFD_CLOEXEC | MFD_HUGETLB | MFD_HUGE_2MB);
	const int huger = memfd_create("test", MFD_CLOEXEC | MFD_HUGETLB | MFD_HUGE_1GB);
	const int file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

	cr_expect(fly_astack_page_bytes(plain) == 4096);
	cr_expect(huge < 0 || fly_astack_page_bytes(huge) == 2UL << 20);
	cr_expect(huger < 0 || fly_astack_page_bytes(huger) == 0, "no server has such ones");
	cr_expect(file >= 0 && fly_astack_page_bytes(file) == 0);
	cr_expect(fly_astack_page_bytes(-1) == 0);
	close(plain);
	close(huge);
	close(huger);
	close(file);
}

/*
 * A tmpfs of its own with transparent hugepages, as all memory is where shmem_enabled is `always`:
 * its files name the size of a hugepage as their block size.
 */
Case(local_server, fly_astack_page_bytes__transparent_hugepages_are_ordinary_pages)
{
	char directory[] = "/tmp/firefly-thp-XXXXXX";
	char path[64];
	struct stat s;
	int fd;

	cr_assert(mkdtemp(directory) != NULL);
	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", directory, "tmpfs", 0, "huge=always,size=8m") != 0) {
		rmdir(directory);
		cr_skip("only root can have such a tmpfs");
	}
	snprintf(path, sizeof path, "%s/file", directory);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	cr_assert(fd >= 0 && fstat(fd, &s) == 0);
	cr_expect(s.st_blksize > 4096, "%ld: what this test is about", (long)s.st_blksize);
	cr_expect(fly_astack_page_bytes(fd) == 4096);
	close(fd);
	umount(directory);
	rmdir(directory);
}
