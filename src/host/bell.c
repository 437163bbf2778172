/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bell.c - see bell.h.
 *
 * An epoll instance. Its descriptors are edge-triggered: each write is told once, also if nobody
 * has read the one before. So it does not matter who reads an eventfd, and a driver's own reads
 * take nothing away from us. A descriptor that is closed, at both ends, leaves by itself.
 *
 * What a peer has sent as an eventfd may be anything: of a file whose file system its owner serves,
 * even a poll(2) might wait. Hence the look at its name.
 */
#include "host/bell.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clofork.h"

#define FORGOTTEN_AT_ONCE 64

int fly_bell_open(void)
{
	return fly_clofork_add(epoll_create1(EPOLL_CLOEXEC));
}

void fly_bell_close(int bell)
{
	if (bell >= 0)
		fly_clofork_close(bell);
}

static bool is_eventfd(int fd)
{
	char name[64];
	char what[32] = "";

	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	return readlink(name, what, sizeof what - 1) > 0 &&
	       strcmp(what, "anon_inode:[eventfd]") == 0;
}

bool fly_bell_add(int bell, int fd)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};

	if (bell < 0 || fd < 0 || !is_eventfd(fd)) {
		errno = EINVAL;
		return false;
	}
	return epoll_ctl(bell, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void note(int fd, void *before)
{
	if (is_eventfd(fd))
		fly_descriptors_note_one(before, fd);
}

void fly_bell_note(struct fly_descriptors *before)
{
	*before = (struct fly_descriptors){0};
	before->is_known = fly_descriptors_each(note, before);
}

static void add(int fd, void *bell)
{
	fly_bell_add(*(const int *)bell, fd);
}

void fly_bell_add_new(int bell, const struct fly_descriptors *before)
{
	if (bell >= 0)
		fly_descriptors_each_new(before, add, &bell);
}

void fly_bell_again(int bell, int fd)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};

	epoll_ctl(bell, EPOLL_CTL_MOD, fd, &event); /* looks at the descriptor, and tells */
}

void fly_bell_forget(int bell)
{
	struct epoll_event events[FORGOTTEN_AT_ONCE];

	while (epoll_wait(bell, events, FORGOTTEN_AT_ONCE, 0) == FORGOTTEN_AT_ONCE)
		;
}
