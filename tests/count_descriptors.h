/* SPDX-License-Identifier: BSD-3-Clause */
/* count_descriptors.h - how many descriptors this process has: what a test does must leave none. */
#ifndef COUNT_DESCRIPTORS_H
#define COUNT_DESCRIPTORS_H

#include <criterion/criterion.h>
#include <dirent.h>

/* count_descriptors() - compare it with another count: three more than there are. */
static inline unsigned count_descriptors(void)
{
	DIR *all = opendir("/proc/self/fd");
	unsigned n = 0;

	cr_assert(all != NULL);
	while (readdir(all))
		n++;
	closedir(all);
	return n;
}

#endif
