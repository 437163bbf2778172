/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_map.c - the memory of a local binding and the message that brings it: what a client accepts
 * of its server, which may be anybody's program.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <firefly/status.h>

#include "count_descriptors.h"
#include "count_mappings.h"
#include "local/map.h"

#define SLOTS 4
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

Test(map, fly_astack_unmap__twice_as_once)
{
	struct fly_astack_memory m;
	int fds[FLY_BIND_FDS] = {-1, -1, -1, -1};

	cr_assert(fly_astack_make(&m, SLOTS, false, fds) == 0);
	fly_astack_unmap(&m);
	cr_expect(!m.near && !m.far && !m.results, "what comes to lie there is not ours");
	fly_astack_unmap(&m);
	for (unsigned i = 0; i < FLY_BIND_FDS; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
}

static int of_results; /* of the memory that was made last */

/* A memory, and an answer that describes it. */
static struct fly_bind_answer make(int fds[FLY_BIND_FDS])
{
	struct fly_astack_memory m;
	struct fly_bind_answer answer;

	cr_assert(fly_astack_make(&m, SLOTS, false, fds) == 0);
	answer = (struct fly_bind_answer){
		.slots = SLOTS,
		.near_bytes = m.near_bytes,
		.far_bytes = m.far_bytes,
	};
	fly_astack_unmap(&m);
	of_results = fds[FLY_BIND_RESULTS];
	return answer;
}

static int memory(unsigned flags, size_t bytes, int seals)
{
	const int fd = memfd_create("test-map", flags | MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -1;
	cr_assert(ftruncate(fd, (off_t)bytes) == 0 && fcntl(fd, F_ADD_SEALS, seals) == 0);
	return fd;
}

static int map(const struct fly_bind_answer *answer, int near, int far)
{
	const int fds[] = {near, far, of_results};
	struct fly_astack_memory m;
	const int status = fly_astack_map(&m, answer, fds);

	if (status == 0)
		fly_astack_unmap(&m);
	return status;
}

Test(map, fly_astack_map__as_it_was_made)
{
	int fds[FLY_BIND_FDS];
	struct fly_bind_answer answer = make(fds);

	cr_expect(map(&answer, fds[0], fds[1]) == 0);
	cr_expect(map(&answer, fds[1], fds[0]) == -FLY_EINVAL, "one for the other");
	cr_expect(map(&answer, -1, fds[1]) == -FLY_EINVAL);
	cr_expect(map(&answer, fds[0], -1) == -FLY_EINVAL);
	of_results = -1;
	cr_expect(map(&answer, fds[0], fds[1]) == -FLY_EINVAL);
	of_results = fds[0];
	cr_expect(map(&answer, fds[0], fds[1]) == -FLY_EINVAL);
}

/* A procedure may read again what it has written there. */
Test(map, fly_astack_map__results_can_only_be_read)
{
	int fds[FLY_BIND_FDS];
	struct fly_bind_answer answer = make(fds);
	const int fd = fds[FLY_BIND_RESULTS];
	struct fly_astack_memory m;
	struct stat s;

	cr_assert(fly_astack_map(&m, &answer, fds) == 0);
	cr_expect(*m.results == 0);
	cr_expect(mprotect(m.results, 4096, PROT_READ | PROT_WRITE) != 0 && errno == EACCES);
	cr_expect(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
	cr_expect(pwrite(fd, "x", 1, 0) < 0 && ftruncate(fd, 0) != 0);
	cr_expect(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) != 0);
	cr_expect(madvise(m.results, 4096, MADV_REMOVE) != 0);
	/* Nor can other users open it anew. */
	cr_assert(fstat(fd, &s) == 0);
	cr_expect((s.st_mode & 07777) == S_IRUSR, "%o", s.st_mode);
	fly_astack_unmap(&m);
}

Test(map, fly_astack_map__not_if_it_can_shrink)
{
	int fds[FLY_BIND_FDS];
	struct fly_bind_answer answer = make(fds);

	for (int seals = 0; seals <= SEALS; seals++) {
		int near;
		int far;

		if (seals & ~SEALS)
			continue;
		near = memory(0, answer.near_bytes, seals);
		far = memory(0, answer.far_bytes, seals);
		cr_expect((map(&answer, near, fds[1]) == 0) == ((seals & F_SEAL_SHRINK) != 0));
		cr_expect((map(&answer, fds[0], far) == 0) == ((seals & F_SEAL_SHRINK) != 0));
		of_results = far;
		cr_expect((map(&answer, fds[0], fds[1]) == 0) == ((seals & F_SEAL_SHRINK) != 0));
		of_results = fds[FLY_BIND_RESULTS];
		close(near);
		close(far);
	}
}

Test(map, fly_astack_map__not_if_it_is_shorter_than_it_says)
{
	int fds[FLY_BIND_FDS];
	struct fly_bind_answer answer = make(fds);

	cr_expect(map(&answer, memory(0, answer.near_bytes - 1, SEALS), fds[1]) == -FLY_EINVAL);
	cr_expect(map(&answer, fds[0], memory(0, answer.far_bytes - 1, SEALS)) == -FLY_EINVAL);
	cr_expect(map(&answer, fds[0], memory(0, 0, SEALS)) == -FLY_EINVAL);
	cr_expect(map(&answer, memory(0, answer.near_bytes + 1, SEALS), fds[1]) == 0);
	of_results = memory(0, answer.far_bytes - 1, SEALS);
	cr_expect(map(&answer, fds[0], fds[1]) == -FLY_EINVAL);
}

Test(map, fly_astack_map__numbers_that_do_not_fit_each_other)
{
	int fds[FLY_BIND_FDS];
	const struct fly_bind_answer good = make(fds);
	const int near = memory(0, 4UL << 20, SEALS);
	const int far = memory(0, (FLY_ASTACK_SLOTS + 1) * (size_t)FLY_ASTACK_FAR, SEALS);
	struct fly_bind_answer answer = good;

	of_results = far;
	answer.slots = 0;
	cr_expect(map(&answer, near, far) == -FLY_EINVAL);
	answer.slots = SLOTS + 1; /* there is neither near nor far memory for it */
	cr_expect(map(&answer, near, far) == -FLY_EINVAL);
	answer.far_bytes = fly_astack_far_bytes(SLOTS + 1);
	cr_expect(map(&answer, near, far) == -FLY_EINVAL);
	answer.near_bytes = fly_astack_near_bytes(SLOTS + 1);
	cr_expect(map(&answer, near, far) == 0);

	answer = good;
	answer.far_bytes += 4096;
	cr_expect(map(&answer, near, far) == -FLY_EINVAL);
	answer = good;
	answer.near_bytes += 1; /* not whole pages */
	cr_expect(map(&answer, near, far) == -FLY_EINVAL);
	answer.near_bytes = good.near_bytes + (2UL << 20) + 4096;
	cr_expect(map(&answer, near, far) == -FLY_EINVAL, "more than a hugepage too long");

	answer.slots = FLY_ASTACK_SLOTS;
	answer.near_bytes = fly_astack_near_bytes(answer.slots);
	answer.far_bytes = fly_astack_far_bytes(answer.slots);
	cr_expect(map(&answer, near, far) == 0);
	answer.slots = FLY_ASTACK_SLOTS + 1;
	answer.near_bytes = fly_astack_near_bytes(answer.slots);
	answer.far_bytes = fly_astack_far_bytes(answer.slots);
	cr_expect(map(&answer, near, far) == -FLY_EINVAL, "the bell has no bit for it");
}

/* A hole in it would be a fault, each time. */
Test(map, fly_astack_map__far_memory_has_ordinary_pages)
{
	int fds[FLY_BIND_FDS];
	struct fly_bind_answer answer = make(fds);
	const int huge = memory(MFD_HUGETLB | MFD_HUGE_2MB, answer.far_bytes, SEALS);

	if (huge < 0)
		cr_skip("no hugepages here");
	cr_expect(map(&answer, fds[0], huge) == -FLY_EINVAL);
	of_results = huge;
	cr_expect(map(&answer, fds[0], fds[1]) == -FLY_EINVAL);
}

Test(map, fly_astack_map__faults_in_all_memories_are_survived)
{
	int fds[FLY_BIND_FDS];
	struct fly_bind_answer answer = make(fds);

	for (unsigned i = 0; i < 3; i++) {
		siginfo_t info = {.si_signo = SIGBUS, .si_code = BUS_ADRERR};
		struct fly_astack_memory m;

		cr_assert(fly_astack_map(&m, &answer, fds) == 0);
		cr_expect(!fly_astack_has_fault(&m));
		/* As the kernel reports it. */
		info.si_addr =
			i == 0 ? m.near + 4096 : (i == 1 ? m.far : m.results) + m.far_bytes - 1;
		cr_assert(syscall(SYS_rt_tgsigqueueinfo, getpid(), (pid_t)syscall(SYS_gettid),
				  SIGBUS, &info) == 0);
		cr_expect(fly_astack_has_fault(&m));
		fly_astack_unmap(&m);
	}
}

Test(map, fly_astack_map__a_child_has_none_of_it)
{
	int fds[FLY_BIND_FDS];
	struct fly_bind_answer answer = make(fds);
	struct fly_astack_memory m;
	int status;
	pid_t child;

	cr_assert(fly_astack_map(&m, &answer, fds) == 0);
	cr_expect(count_mappings("firefly-near") == 1 && count_mappings("firefly-far") == 1);
	child = fork();
	if (child == 0)
		_exit(count_mappings("firefly-near") != 0 || count_mappings("firefly-far") != 0);
	cr_assert(waitpid(child, &status, 0) == child);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	fly_astack_unmap(&m);
	cr_expect(count_mappings("firefly-near") == 0 && count_mappings("firefly-far") == 0);
}

/* ---- the message ---- */

static void send_descriptors(int socket, unsigned n)
{
	struct fly_bind_answer answer = {.magic = FLY_BIND_MAGIC};
	struct iovec bytes = {.iov_base = &answer, .iov_len = sizeof answer};
	union {
		char room[CMSG_SPACE(8 * sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct msghdr m = {
		.msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = CMSG_SPACE(n * sizeof(int)),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	const int one = 0;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	for (unsigned i = 0; i < n; i++)
		memcpy(CMSG_DATA(c) + i * sizeof one, &one, sizeof one);
	cr_assert(sendmsg(socket, &m, 0) == sizeof answer);
}

Test(map, fly_bind_receive__as_many_descriptors_as_there_are_names_for)
{
	struct fly_bind_answer answer;
	int fds[FLY_BIND_FDS];
	unsigned before;
	int ends[2];

	cr_assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
	before = count_descriptors();
	for (unsigned n = 1; n <= 7; n++) {
		unsigned there = 0;

		send_descriptors(ends[0], n);
		cr_expect(fly_bind_receive(ends[1], &answer, fds) == sizeof answer);
		for (unsigned i = 0; i < FLY_BIND_FDS; i++) {
			if (fds[i] < 0)
				continue;
			there++;
			cr_expect(fcntl(fds[i], F_GETFD) == FD_CLOEXEC);
			close(fds[i]);
		}
		cr_expect(there == (n < FLY_BIND_FDS ? n : FLY_BIND_FDS));
		cr_expect(count_descriptors() == before, "%u of %u", count_descriptors(), n);
	}
	close(ends[0]);
	cr_expect(fly_bind_receive(ends[1], &answer, fds) == 0 && fds[0] == -1);
	close(ends[1]);
}

Test(map, fly_bind_send__to_nobody)
{
	const struct fly_bind_answer answer = {.magic = FLY_BIND_MAGIC};
	int ends[2];

	cr_assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
	cr_expect(fly_bind_send(ends[0], &answer, NULL) == 0);
	close(ends[1]);
	cr_expect(fly_bind_send(ends[0], &answer, NULL) == -1, "and no signal");
	close(ends[0]);
}
