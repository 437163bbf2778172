/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tsc.c - the time-stamp counter on virtual time. See world.h.
 *
 * A caller that turns no poller reads the counter itself, by an instruction. The system can make
 * that instruction a fault (PR_SET_TSC); the handler answers with the time of the run. So the
 * objects that ship are run here, too, and nothing is changed in them.
 *
 * The other instruction that reads it, RDTSCP, is the system's in its clock_gettime(), which the
 * allocators of sanitizers call as well: that one gets the counter itself.
 */
#include "world.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <ucontext.h>

static bool is_virtual;

/* Linked around the system's, which reads the counter, too. */
int __real_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);

int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
	const uint64_t now = is_virtual ? world_here()->now : 0;

	if (!is_virtual)
		return __real_clock_gettime(clock, time);
	*time = (struct timespec){.tv_sec = (time_t)(now / SECOND),
				  .tv_nsec = (long)(now % SECOND)};
	return 0;
}

#ifdef __x86_64__

static void set_counter(greg_t *registers, uint64_t tsc)
{
	registers[REG_RAX] = (greg_t)(uint32_t)tsc;
	registers[REG_RDX] = (greg_t)(tsc >> 32);
}

static void answer(int number, siginfo_t *info, void *context)
{
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
	const uint8_t *at = (const uint8_t *)registers[REG_RIP];
	const uint64_t now_tsc = world_here()->now;
	unsigned processor;

	(void)info;
	if (at[0] == 0x0f && at[1] == 0x31) { /* RDTSC */
		set_counter(registers, now_tsc);
		registers[REG_RIP] += 2;
	} else if (at[0] == 0x0f && at[1] == 0x01 && at[2] == 0xf9) { /* RDTSCP */
		prctl(PR_SET_TSC, PR_TSC_ENABLE);
		set_counter(registers, __builtin_ia32_rdtscp(&processor));
		prctl(PR_SET_TSC, PR_TSC_SIGSEGV);
		registers[REG_RCX] = (greg_t)processor;
		registers[REG_RIP] += 3;
	} else { /* a fault like any other */
		signal(number, SIG_DFL);
	}
}

bool tsc_virtual(bool on)
{
	const struct sigaction action = {.sa_sigaction = answer, .sa_flags = SA_SIGINFO};

	if (on && sigaction(SIGSEGV, &action, NULL))
		return false;
	is_virtual = on;
	return prctl(PR_SET_TSC, on ? PR_TSC_SIGSEGV : PR_TSC_ENABLE) == 0;
}

#else

bool tsc_virtual(bool on)
{
	return !on;
}

#endif
