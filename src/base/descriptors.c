/* SPDX-License-Identifier: BSD-3-Clause */
/* descriptors.c - see descriptors.h. Owns nothing. */
#include "base/descriptors.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>

bool fly_descriptors_each(void (*each)(int fd, void *context), void *context)
{
	DIR *directory = opendir("/proc/self/fd");
	const struct dirent *entry;

	if (!directory)
		return false;
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(directory))
			each(atoi(entry->d_name), context);
	}
	closedir(directory);
	return true;
}

void fly_descriptor_close_on_exec(int fd)
{
	const int flags = fcntl(fd, F_GETFD);

	if (flags >= 0 && !(flags & FD_CLOEXEC))
		fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
}

void fly_descriptors_note_one(struct fly_descriptors *now, int fd)
{
	if (fd < FLY_DESCRIPTORS_MAX)
		now->open[fd / 64] |= UINT64_C(1) << fd % 64;
}

static void note(int fd, void *context)
{
	fly_descriptors_note_one(context, fd);
}

void fly_descriptors_note(struct fly_descriptors *now)
{
	*now = (struct fly_descriptors){0};
	now->is_known = fly_descriptors_each(note, now);
}

struct news {
	const struct fly_descriptors *before;
	void (*each)(int fd, void *context);
	void *context;
};

static void if_new(int fd, void *context)
{
	const struct news *news = context;

	if (fd < FLY_DESCRIPTORS_MAX && !(news->before->open[fd / 64] >> fd % 64 & 1))
		news->each(fd, news->context);
}

void fly_descriptors_each_new(const struct fly_descriptors *before,
			      void (*each)(int fd, void *context), void *context)
{
	struct news news = {before, each, context};

	if (before->is_known)
		fly_descriptors_each(if_new, &news);
}

static void close_on_exec(int fd, void *unused)
{
	(void)unused;
	fly_descriptor_close_on_exec(fd);
}

void fly_descriptors_close_on_exec(const struct fly_descriptors *before)
{
	fly_descriptors_each_new(before, close_on_exec, NULL);
}
