/* SPDX-License-Identifier: BSD-3-Clause */
/* test_core_claim.c - cores on which another process polls. The other process is a child. */
#include <criterion/criterion.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/core_claim.h"

/* No machine has it, and no other test: they run at the same time. Set by choose_core(). */
static unsigned core;

static pid_t child;
static int to_child[2];
static int from_child[2];

/* Both sides: one byte each way. */
static void tell(int fd)
{
	cr_assert(write(fd, "x", 1) == 1);
}

static void hear(int fd)
{
	char byte;

	cr_assert(read(fd, &byte, 1) == 1);
}

static void choose_core(void)
{
	core = 1000000 + 2 * (unsigned)getpid();
}

/* A child that claims the core, tells us, and drops it when it is told to. */
static void start_child(void)
{
	choose_core();
	cr_assert(pipe(to_child) == 0 && pipe(from_child) == 0);
	child = fork();
	if (child == 0) {
		if (fly_core_claim(core) != 0)
			_exit(1);
		tell(from_child[1]);
		hear(to_child[0]);
		fly_core_claim_drop(core);
		tell(from_child[1]);
		pause();
		_exit(0);
	}
	close(from_child[1]); /* a child that ends is heard */
	hear(from_child[0]);
}

static void end_child(void)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

Test(core_claim, fly_core_claim__another_process_sees_it)
{
	start_child();
	cr_expect(fly_core_claim_holder(core) == child);
	cr_expect(fly_core_claim(core) == child, "and keeps it");
	cr_expect(fly_core_claim_holder(core + 1) == 0);
	tell(to_child[1]);
	hear(from_child[0]);
	cr_expect(fly_core_claim_holder(core) == 0, "it was dropped");
	cr_expect(fly_core_claim(core) == 0);
	end_child();
}

Test(core_claim, fly_core_claim__a_process_that_dies_has_none)
{
	start_child();
	end_child();
	cr_expect(fly_core_claim_holder(core) == 0);
	cr_expect(fly_core_claim(core) == 0 && fly_core_claim(core) == 0, "twice is ours, too");
}

Test(core_claim, fly_core_claim__a_child_has_not_what_its_parent_has)
{
	int status = 1;

	choose_core();
	cr_assert(fly_core_claim(core) == 0);
	child = fork();
	if (child == 0)
		_exit(fly_core_claim_holder(core) == getppid() ? 0 : 1);
	waitpid(child, &status, 0);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	cr_expect(fly_core_claim_holder(core) == 0, "our own is none of another process");
}
