/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * eal_check.c - see eal_check.h. Called by eal.c, under its lock. Changes nothing that lasts; no
 * DPDK.
 *
 * What DPDK 22.11 does without each of these: without a descriptor for its epoll instance, or
 * without /proc/meminfo or /proc/mounts when it is to use hugepages, it aborts the process. Without
 * /sys it takes its arguments for wrong, and prints how it is used. Without threads or memory it
 * fails for good. Where a container's hugepages are limited to none, memory that was there a moment
 * ago raises SIGBUS.
 */
#include "host/eal_check.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <firefly/status.h>

#include "base/error.h"
#include "host/limits.h"

#define DESCRIPTORS    16 /* open at a time while EAL starts: 10, and some to spare */
#define THREADS        4  /* EAL's and ours: 2, and those of the first drivers */
#define LCORES         128
#define RESERVED_BYTES (130UL << 30) /* addresses that EAL reserves for hugepages */

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* ---- the extra arguments --------------------------------------------------------------------- */

/* A number without more behind it. Return: 0: it is none. */
static unsigned long number(const char *text)
{
	char *end;
	const unsigned long n = strtoul(text, &end, 10);

	return text[0] >= '0' && text[0] <= '9' && *end == '\0' ? n : 0;
}

/* Take one argument; @rest: those behind it. Return: false: -m without a number. */
static bool take_word(const char *word, char **rest, struct fly_eal_plan *plan)
{
	const char *value;

	if (strcmp(word, "--no-huge") == 0) {
		plan->says_no_huge = true;
		return true;
	}
	if (strncmp(word, "-m", 2) == 0) {
		value = word[2] ? word + 2 : strtok_r(NULL, " ", rest);
		plan->mb = value ? number(value) : 0;
		return plan->mb != 0;
	}
	/* EAL keeps the name, and looks at it when a pool is made. */
	if (strcmp(word, "--mbuf-pool-ops-name") != 0 || !strtok_r(NULL, " ", rest))
		plan->says_more = true;
	return true;
}

static int read_extra(const char *extra, struct fly_eal_plan *plan)
{
	char *const words = strdup(extra ? extra : "");
	bool is_good = true;
	char *rest = NULL;

	if (!words)
		return fly_fail(FLY_ENOMEM, "out of memory");
	for (char *w = strtok_r(words, " ", &rest); w && is_good; w = strtok_r(NULL, " ", &rest))
		is_good = take_word(w, &rest, plan);
	free(words);
	return is_good ? 0
		       : fly_fail(FLY_EINVAL, "--eal \"%s\": -m needs a number of megabytes",
				  extra);
}

/* ---- the system ------------------------------------------------------------------------------ */

/* EAL finds its lcores here, and nowhere else. */
static int check_cpu(struct fly_eal_plan *plan)
{
	char path[80];
	cpu_set_t set;
	int cpu = 0;

	if (sched_getaffinity(0, sizeof set, &set) == 0) {
		while (cpu < CPU_SETSIZE && !CPU_ISSET(cpu, &set))
			cpu++;
	}
	plan->cpu = (unsigned)cpu;
	if (cpu >= LCORES)
		return fly_fail(FLY_ESYSTEM,
				"DPDK uses none of the cores from %d on, and this process may run "
				"on those only (taskset)",
				LCORES);
	snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/core_id", cpu);
	return access(path, F_OK) == 0
		       ? 0
		       : fly_fail(FLY_ESYSTEM,
				  "DPDK finds the cores of this machine in /sys, and %s cannot be "
				  "read (%s); mount sysfs there",
				  path, strerror(errno));
}

static bool has_address_space(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		return false;
	munmap(at, bytes);
	return true;
}

/* ---- hugepages ------------------------------------------------------------------------------- */

#define SLOWER "running on ordinary pages, which is slower; "

/* Free hugepages of 2 MiB, in bytes. */
static size_t free_hugepages(void)
{
	FILE *f = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "re");
	unsigned long pages = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%lu", &pages) != 1)
		pages = 0;
	fclose(f);
	return pages * FLY_EAL_HUGE_BYTES;
}

/*
 * Can so many hugepages be touched? A control group may have a limit that mmap(2) does not know,
 * and touching them is a SIGBUS then. madvise(2) says it with an error (since Linux 5.14: before,
 * what the system says is believed).
 */
static bool can_touch(size_t bytes)
{
	void *at;
	bool can;

	bytes = (bytes + FLY_EAL_HUGE_BYTES - 1) & ~(FLY_EAL_HUGE_BYTES - 1);
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | 21 << MAP_HUGE_SHIFT, -1, 0);
	if (at == MAP_FAILED)
		return false;
	can = madvise(at, bytes, MADV_POPULATE_WRITE) == 0 || errno == EINVAL;
	munmap(at, bytes);
	return can;
}

/* Return: NULL: there are @bytes of hugepages that EAL can use. Else why not, and what to do. */
static const char *why_no_huge(size_t bytes)
{
	if (free_hugepages() < bytes)
		return "no hugepages: " SLOWER "as root, 'echo 512 > "
		       "/proc/sys/vm/nr_hugepages' reserves some";
	if (access("/proc/meminfo", R_OK) != 0 || access("/proc/mounts", R_OK) != 0)
		return "no hugepages, because /proc lacks meminfo and mounts, where DPDK reads of "
		       "them: " SLOWER "mount all of /proc (ProcSubset=all)";
	if (!has_address_space(RESERVED_BYTES))
		return "no hugepages, because DPDK reserves 128 GB of addresses for them, and the "
		       "address space of this process is limited: " SLOWER
		       "lift the limit (ulimit -v, LimitAS=)";
	if (!can_touch(bytes))
		return "no hugepages: the system has some free, but not for this process: " SLOWER
		       "let its control group (container) use them, hugetlb.2MB.max";
	return NULL;
}

static int check_ordinary(const struct fly_eal_plan *plan)
{
	const unsigned long mb = plan->mb ? plan->mb : FLY_EAL_ORDINARY_MB;
	const unsigned long there_mb = (unsigned long)sysconf(_SC_PHYS_PAGES) / 1024 *
				       (unsigned long)sysconf(_SC_PAGESIZE) / 1024;

	if (plan->mb > there_mb)
		return fly_fail(FLY_ENOMEM,
				"--eal: -m %lu is more memory than the %lu MB of this machine",
				plan->mb, there_mb);
	if (!has_address_space((mb + 64) << 20))
		return fly_fail(FLY_ENOMEM,
				"DPDK needs %lu MB of address space, and this process may have "
				"no more; raise its limit (ulimit -v, LimitAS=)%s",
				mb + 64, plan->mb ? "" : ", or say less with --eal \"-m MB\"");
	return 0;
}

int fly_eal_plan(const char *extra, size_t need_bytes, struct fly_eal_plan *plan)
{
	size_t bytes = need_bytes;
	int status;

	*plan = (struct fly_eal_plan){0};
	status = read_extra(extra, plan);
	if (!status)
		status = fly_limits_descriptors(DESCRIPTORS, "DPDK");
	if (!status)
		status = fly_limits_threads(THREADS, "DPDK");
	if (!status)
		status = check_cpu(plan);
	if (status)
		return status;
	if (bytes >> 20 < plan->mb)
		bytes = plan->mb << 20;
	plan->why_no_huge = plan->says_no_huge ? "no hugepages, as --no-huge says: running on "
						 "ordinary pages, which is slower"
					       : why_no_huge(bytes);
	plan->is_huge = plan->why_no_huge == NULL;
	return plan->is_huge ? 0 : check_ordinary(plan);
}
