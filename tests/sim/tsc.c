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
 *
 * Some virtual machines take that request and read the counter all the same. There this program
 * looks for the instruction in its own code, with the system's disassembler, and puts one in its
 * place that is always a fault, as long, and what no compiler writes: UD0.
 */
#include "world.h"

#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

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

static enum {
	UNKNOWN,
	BY_SYSTEM, /* PR_SET_TSC */
	BY_CODE,   /* UD0 */
	NOT,
} how;

static uint64_t counter(unsigned *processor)
{
	return __builtin_ia32_rdtscp(processor); /* which stays in the code */
}

static void answer(int number, siginfo_t *info, void *context)
{
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
	const uint8_t *at = (const uint8_t *)registers[REG_RIP];
	unsigned processor;

	(void)info;
	if (at[0] == 0x0f && (at[1] == 0x31 || at[1] == 0xff)) { /* RDTSC, or UD0 in its place */
		set_counter(registers, is_virtual ? world_here()->now : counter(&processor));
		registers[REG_RIP] += 2;
	} else if (at[0] == 0x0f && at[1] == 0x01 && at[2] == 0xf9) { /* RDTSCP */
		prctl(PR_SET_TSC, PR_TSC_ENABLE);
		set_counter(registers, counter(&processor));
		prctl(PR_SET_TSC, PR_TSC_SIGSEGV);
		registers[REG_RCX] = (greg_t)processor;
		registers[REG_RIP] += 3;
	} else { /* a fault like any other */
		signal(number, SIG_DFL);
	}
}

static bool catches(int number)
{
	const struct sigaction action = {.sa_sigaction = answer, .sa_flags = SA_SIGINFO};

	return sigaction(number, &action, NULL) == 0;
}

/* The first object is the program. Addresses of the disassembler are relative to where it lies. */
static int note_base(struct dl_phdr_info *object, size_t bytes, void *base)
{
	(void)bytes;
	*(uintptr_t *)base = object->dlpi_addr;
	return 1;
}

static bool put_ud0(uintptr_t at)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uint8_t *code = (uint8_t *)at;
	void *begin = (void *)(at & ~(page - 1));
	const size_t bytes = at + 2 - (uintptr_t)begin;

	if (mprotect(begin, bytes, PROT_READ | PROT_WRITE | PROT_EXEC))
		return false;
	if (code[0] != 0x0f || code[1] != 0x31)
		return false;
	code[1] = 0xff;
	return mprotect(begin, bytes, PROT_READ | PROT_EXEC) == 0;
}

static bool change_code(void)
{
	char path[256], command[320], line[256];
	const ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
	uintptr_t base = 0;
	unsigned changed = 0;
	FILE *lines;
	bool is_well = true;

	if (n < 0 || !catches(SIGILL))
		return false;
	path[n] = '\0';
	snprintf(command, sizeof command, "objdump -d --no-show-raw-insn '%s'", path);
	dl_iterate_phdr(note_base, &base);
	lines = popen(command, "r");
	while (lines && is_well && fgets(line, sizeof line, lines)) {
		char instruction[8];
		unsigned long at;

		if (sscanf(line, " %lx: %7s", &at, instruction) == 2 &&
		    strcmp(instruction, "rdtsc") == 0) {
			is_well = put_ud0(base + at);
			changed++;
		}
	}
	return lines && pclose(lines) == 0 && is_well && changed;
}

/* Does the counter read as the time of the run? */
static bool reads_virtual(void)
{
	return __builtin_ia32_rdtsc() == world_here()->now;
}

bool tsc_virtual(bool on)
{
	if (on && !catches(SIGSEGV))
		return false;
	is_virtual = on;
	if (on && how == UNKNOWN) {
		if (prctl(PR_SET_TSC, PR_TSC_SIGSEGV) == 0 && reads_virtual())
			how = BY_SYSTEM;
		else if (prctl(PR_SET_TSC, PR_TSC_ENABLE) == 0 && change_code() && reads_virtual())
			how = BY_CODE;
		else
			how = NOT;
	}
	if (how == BY_SYSTEM)
		return prctl(PR_SET_TSC, on ? PR_TSC_SIGSEGV : PR_TSC_ENABLE) == 0;
	return !on || how == BY_CODE;
}

#else

bool tsc_virtual(bool on)
{
	return !on;
}

#endif
