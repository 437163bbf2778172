/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * main.c - asynchronous calls from a program whose loop is epoll's: Hello's client, once more.
 *
 *     ./epoll vhost:/tmp/hello.sock Ada Grace
 *
 * The runtime polls on a thread of its own. This thread sleeps in epoll_wait(); a timer wakes it to
 * start a call, and the runtime to finish those that have ended.
 */
#include <errno.h>
#include <firefly/firefly.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "hello.h" /* written by fireflyc */

#define AT_ONCE  16 /* calls under way */
#define EVERY_MS 10 /* a call is started */

struct program {
	struct fly_binding *hello;
	char **names; /* who is still to be greeted; ended by NULL */
	int n;        /* calls under way */
	int failed;
};

/* The timer. */
static void start_one(struct program *p)
{
	struct fly_call *call;
	int status;

	if (!*p->names || p->n == AT_ONCE)
		return;
	/* Hands the call to the runtime's thread, and comes back at once. */
	status = Hello_Greet_start(p->hello, *p->names, &call);
	if (status) {
		fprintf(stderr, "epoll: '%s': %s\n", *p->names, fly_strerror(status));
		p->failed = 1;
	} else {
		fly_set_cookie(call, *p->names); /* to know it by when it has ended */
		p->n++;
	}
	p->names++;
}

static void finish(struct program *p, struct fly_call *call, const char *name)
{
	struct Hello_Greet_raised raised;
	char greeting[64 + 1];
	uint64_t greeted;
	const int status = Hello_Greet_finish(call, greeting, &greeted, &raised);

	if (status == 0) {
		printf("%s (%" PRIu64 " so far)\n", greeting, greeted);
		return;
	}
	p->failed = 1;
	fprintf(stderr, "epoll: '%s': %s\n", name,
		status == -FLY_EEXCEPTION ? raised.as.Refused.why : fly_strerror(status));
}

/* The runtime: some have ended. Each is returned once. */
static void finish_some(struct program *p)
{
	struct fly_call *call;

	while ((call = fly_next_ready(p->hello)) != NULL) {
		p->n--;
		finish(p, call, fly_cookie(call));
	}
}

static int watch(int epoll, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

/* Return: 0, or -1 with errno set. */
static int loop(struct program *p, int epoll, int timer, int ended)
{
	while (*p->names || p->n) {
		struct epoll_event events[4];
		const int n = epoll_wait(epoll, events, 4, -1);

		if (n < 0 && errno != EINTR)
			return -1;
		for (int i = 0; i < n; i++) {
			uint64_t count;

			/* Eight bytes from either, before looking at what they are about. */
			if (read(events[i].data.fd, &count, sizeof count) < 0)
				continue;
			if (events[i].data.fd == timer)
				start_one(p);
			else if (events[i].data.fd == ended)
				finish_some(p);
		}
	}
	return 0;
}

/* Return: as loop(). */
static int run(struct program *p)
{
	const struct itimerspec every = {
		.it_value.tv_nsec = EVERY_MS * 1000000L,
		.it_interval.tv_nsec = EVERY_MS * 1000000L,
	};
	const int ended = fly_event_fd(p->hello); /* belongs to the binding */
	const int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	const int epoll = epoll_create1(EPOLL_CLOEXEC);
	int failed = -1;

	if (ended < 0)
		fprintf(stderr, "epoll: %s\n", fly_error());
	else if (timer < 0 || epoll < 0 || watch(epoll, timer) || watch(epoll, ended) ||
		 timerfd_settime(timer, 0, &every, NULL) || loop(p, epoll, timer, ended))
		perror("epoll");
	else
		failed = 0;
	if (epoll >= 0)
		close(epoll);
	if (timer >= 0)
		close(timer);
	return failed;
}

int main(int argc, char **argv)
{
	const char *links[] = {argc > 1 ? argv[1] : "vhost:/tmp/hello.sock", NULL};
	/* One thread of its own; it naps while nothing happens, and leaves its core to others. */
	const struct fly_options options = {
		.size = sizeof options,
		.links = links,
		.pollers = 1,
		.wait = FLY_WAIT_SLEEP,
	};
	struct program p = {.names = argv + (argc > 1 ? 2 : argc)};
	struct fly_runtime *runtime;

	if (fly_start(&options, &runtime)) {
		fprintf(stderr, "epoll: %s\n", fly_error());
		return 1;
	}
	if (Hello_import(runtime, NULL, &p.hello)) {
		fprintf(stderr, "epoll: %s\n", fly_error());
		fly_stop(runtime);
		return 1;
	}
	if (run(&p))
		p.failed = 1;
	fly_unbind(p.hello);
	fly_stop(runtime);
	return p.failed;
}
