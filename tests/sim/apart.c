/* SPDX-License-Identifier: BSD-3-Clause */
/* apart.c - see apart.h. The server's thread is the child's main thread. */
#include "apart.h"

#include <err.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe_service.h"

void apart_init(struct apart *a, const char *name)
{
	*a = (struct apart){.a_stacks = 4};
	snprintf(a->link, sizeof a->link, "local:%s-%d", name, (int)getpid());
	a->page = mmap(NULL, sizeof *a->page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	if (a->page == MAP_FAILED)
		err(1, "mmap");
}

static void during(void *context)
{
	struct apart_page *page = context;

	atomic_fetch_add(&page->executions, 1);
	while (atomic_load(&page->stay))
		sched_yield();
}

/* The server's process. */
static void serve(const struct apart *a, unsigned life)
{
	static struct probe_service service = {.during = during};
	const struct fly_export_options export = {.size = sizeof export, .a_stacks = a->a_stacks};
	char link[sizeof a->link + 8];
	const char *const links[] = {link, NULL};
	const struct fly_options o = {
		.size = sizeof o,
		.links = links,
		.packets = 1023,
		.eal = APART_EAL,
	};
	struct fly_runtime *r;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (atomic_load(&a->page->life) != life)
		usleep(1000);
	if (a->uid && (setgid(a->uid) || setuid(a->uid)))
		err(1, "setuid");
	service.during_context = a->page;
	snprintf(link, sizeof link, "%s,server", a->link);
	if (fly_start(&o, &r) || Probe_export_with(r, &probe_procedures, &service, &export))
		errx(1, "%s", fly_error());
	atomic_store(&a->page->is_up, true);
	for (;;) {
		atomic_store(&a->page->held, atomic_load(&a->page->hold));
		if (!atomic_load(&a->page->held))
			fly_turn(r);
	}
}

void apart_fork(struct apart *a, unsigned n)
{
	for (; a->n < n; a->n++) {
		a->pid[a->n] = fork();
		if (a->pid[a->n] < 0)
			err(1, "fork");
		if (a->pid[a->n] == 0)
			serve(a, a->n + 1);
	}
}

static pid_t now(const struct apart *a)
{
	return a->pid[a->life - 1];
}

void apart_start(struct apart *a)
{
	a->life++;
	atomic_store(&a->page->is_up, false);
	atomic_store(&a->page->executions, 0);
	atomic_store(&a->page->stay, false);
	atomic_store(&a->page->hold, false);
	atomic_store(&a->page->life, a->life);
	while (!atomic_load(&a->page->is_up)) {
		if (waitpid(now(a), NULL, WNOHANG) == now(a))
			errx(1, "the server has ended");
		usleep(1000);
	}
}

void apart_stop(const struct apart *a)
{
	int status;

	if (kill(now(a), SIGSTOP) || waitpid(now(a), &status, WUNTRACED) != now(a) ||
	    !WIFSTOPPED(status))
		err(1, "SIGSTOP");
}

void apart_continue(const struct apart *a)
{
	kill(now(a), SIGCONT);
}

void apart_hold(const struct apart *a)
{
	atomic_store(&a->page->hold, true);
	while (!atomic_load(&a->page->held))
		usleep(1000);
}

void apart_release(const struct apart *a)
{
	atomic_store(&a->page->hold, false);
}

void apart_kill(struct apart *a)
{
	kill(now(a), SIGKILL);
	waitpid(now(a), NULL, 0);
}

void apart_end(struct apart *a)
{
	for (unsigned i = 0; i < a->n; i++)
		kill(a->pid[i], SIGKILL);
}

void apart_wait_for(const struct apart *a, unsigned executions)
{
	while (atomic_load(&a->page->executions) < executions)
		usleep(1000);
}
