/* SPDX-License-Identifier: BSD-3-Clause */
/* local/map.c - see local/map.h. Owns nothing; both sides call it, on any thread. */
#include "local/map.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/memfd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <firefly/status.h>

#include "base/fault.h"

#define HUGE_BYTES (2UL << 20)
#define SEALS      (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

socklen_t fly_astack_address(const char *name, struct sockaddr_un *address)
{
	char *path = address->sun_path;
	int bytes;

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strchr(name, '/')) {
		snprintf(path, sizeof address->sun_path, "%s", name);
		return sizeof *address;
	}
	/* An abstract address: the first byte is NUL, and the length counts. */
	bytes = snprintf(path + 1, sizeof address->sun_path - 1, "firefly/%s", name);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)bytes);
}

static void close_keeping_errno(int fd)
{
	const int error = errno;

	close(fd);
	errno = error;
}

/* Descriptors that ran out, and a file system that is missing, are not memory that ran out. */
static int status_of_errno(void)
{
	return errno == EMFILE || errno == ENFILE || errno == ENOENT ? -FLY_ESYSTEM : -FLY_ENOMEM;
}

static int sealed(const char *name, unsigned flags, size_t bytes)
{
	const int fd = memfd_create(name, flags | MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0 && ftruncate(fd, (off_t)bytes) == 0 && fcntl(fd, F_ADD_SEALS, SEALS) == 0)
		return fd;
	if (fd >= 0)
		close_keeping_errno(fd);
	return -1;
}

/*
 * Another descriptor of this memory, which can only be read by. The mode keeps other users from
 * opening it anew, to write. Return: -1 with errno set.
 */
static int read_only(int fd)
{
	char path[sizeof "/proc/self/fd/" + 3 * sizeof fd];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return fchmod(fd, S_IRUSR) == 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
}

static uint8_t *map(int fd, size_t bytes, int protection)
{
	uint8_t *at = mmap(NULL, bytes, protection, MAP_SHARED | MAP_NORESERVE, fd, 0);

	if (at == MAP_FAILED)
		return NULL;
	madvise(at, bytes, MADV_DONTDUMP);
	madvise(at, bytes, MADV_DONTFORK);
	return at;
}

/* Map all memories, and register them with the SIGBUS handler. @of_results: protection. */
static int map_all(struct fly_astack_memory *m, const int fds[FLY_ASTACK_FDS], size_t near_page,
		   int of_results)
{
	int error;

	m->near = map(fds[FLY_BIND_NEAR], m->near_bytes, PROT_READ | PROT_WRITE);
	m->far = m->near ? map(fds[FLY_BIND_FAR], m->far_bytes, PROT_READ | PROT_WRITE) : NULL;
	m->results = m->far ? map(fds[FLY_BIND_RESULTS], m->far_bytes, of_results) : NULL;
	if (m->results) {
		if (fly_fault_add(m->near, m->near_bytes, near_page) == 0 &&
		    fly_fault_add(m->far, m->far_bytes, FLY_ASTACK_PAGE) == 0 &&
		    fly_fault_add(m->results, m->far_bytes, FLY_ASTACK_PAGE) == 0)
			return 0;
		errno = EMLINK; /* "Too many links": the handler's table is full */
	}
	error = errno;
	fly_astack_unmap(m);
	errno = error;
	return -FLY_ENOMEM;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close_keeping_errno(*fd);
	*fd = -1;
}

static int map_made(struct fly_astack_memory *m, const int fds[FLY_ASTACK_FDS], size_t near_page)
{
	return map_all(m, fds, near_page, PROT_READ | PROT_WRITE);
}

/* Near memory in a hugepage. fallocate() takes the page now; the client can still punch it away. */
static int make_huge(struct fly_astack_memory *m, int fds[FLY_ASTACK_FDS])
{
	int *near = &fds[FLY_BIND_NEAR];

	m->near_bytes = (fly_astack_near_bytes(m->slots) + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1);
	*near = sealed("firefly-near", MFD_HUGETLB | MFD_HUGE_2MB, m->near_bytes);
	if (*near >= 0 && fallocate(*near, 0, 0, (off_t)m->near_bytes) == 0 &&
	    map_made(m, fds, HUGE_BYTES) == 0)
		return 0;
	close_fd(near);
	return -FLY_ENOMEM;
}

static int make_near(struct fly_astack_memory *m, int fds[FLY_ASTACK_FDS])
{
	m->near_bytes = fly_astack_near_bytes(m->slots);
	fds[FLY_BIND_NEAR] = sealed("firefly-near", 0, m->near_bytes);
	if (fds[FLY_BIND_NEAR] < 0 || map_made(m, fds, FLY_ASTACK_PAGE))
		return -1;
	/* Every call uses these pages: fault them in now. Failure costs only time. */
	madvise(m->near, fly_astack_areas_at(m->slots), MADV_POPULATE_WRITE);
	return 0;
}

int fly_astack_make(struct fly_astack_memory *m, uint32_t slots, bool huge, int fds[FLY_ASTACK_FDS])
{
	int readable = -1;

	*m = (struct fly_astack_memory){.slots = slots, .far_bytes = fly_astack_far_bytes(slots)};
	fds[FLY_BIND_NEAR] = -1;
	fds[FLY_BIND_FAR] = sealed("firefly-far", 0, m->far_bytes);
	fds[FLY_BIND_RESULTS] = sealed("firefly-results", 0, m->far_bytes);
	if (fds[FLY_BIND_FAR] >= 0 && fds[FLY_BIND_RESULTS] >= 0)
		readable = read_only(fds[FLY_BIND_RESULTS]);
	if (readable >= 0 && ((huge && make_huge(m, fds) == 0) || make_near(m, fds) == 0)) {
		close(fds[FLY_BIND_RESULTS]); /* the mapping is what we write by */
		fds[FLY_BIND_RESULTS] = readable;
		return 0;
	}
	close_fd(&readable);
	for (unsigned i = 0; i < FLY_ASTACK_FDS; i++)
		close_fd(&fds[i]);
	return status_of_errno();
}

/*
 * The file system says it. st_blksize does not: where transparent hugepages are on for shared
 * memory
 * (/sys/kernel/mm/transparent_hugepage/shmem_enabled), ordinary memory has that of a hugepage, too.
 */
size_t fly_astack_page_bytes(int fd)
{
	struct statfs s;

	if (fstatfs(fd, &s))
		return 0;
	if (s.f_type == HUGETLBFS_MAGIC)
		return (size_t)s.f_bsize == HUGE_BYTES ? HUGE_BYTES : 0;
	return s.f_type == TMPFS_MAGIC ? FLY_ASTACK_PAGE : 0;
}

/* Is the memory as long as the answer says, and sealed? Return: its page size; 0: no. */
static size_t check(int fd, uint64_t bytes)
{
	const int seals = fd >= 0 ? fcntl(fd, F_GET_SEALS) : -1;
	struct stat s;

	if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstat(fd, &s) || s.st_size < 0 ||
	    (uint64_t)s.st_size < bytes)
		return 0;
	return fly_astack_page_bytes(fd);
}

int fly_astack_map(struct fly_astack_memory *m, const struct fly_bind_answer *answer,
		   const int fds[FLY_ASTACK_FDS])
{
	const size_t near_page = check(fds[FLY_BIND_NEAR], answer->near_bytes);

	*m = (struct fly_astack_memory){
		.slots = answer->slots,
		.near_bytes = answer->near_bytes,
		.far_bytes = answer->far_bytes,
	};
	if (m->slots == 0 || m->slots > FLY_ASTACK_SLOTS || near_page == 0 ||
	    check(fds[FLY_BIND_FAR], m->far_bytes) != FLY_ASTACK_PAGE ||
	    check(fds[FLY_BIND_RESULTS], m->far_bytes) != FLY_ASTACK_PAGE ||
	    m->near_bytes % near_page != 0 || m->near_bytes < fly_astack_near_bytes(m->slots) ||
	    m->near_bytes > fly_astack_near_bytes(m->slots) + HUGE_BYTES ||
	    m->far_bytes != fly_astack_far_bytes(m->slots))
		return -FLY_EINVAL;
	return map_all(m, fds, near_page, PROT_READ);
}

void fly_astack_unmap(struct fly_astack_memory *m)
{
	fly_fault_remove(m->near);
	fly_fault_remove(m->far);
	fly_fault_remove(m->results);
	if (m->near)
		munmap(m->near, m->near_bytes);
	if (m->far)
		munmap(m->far, m->far_bytes);
	if (m->results)
		munmap(m->results, m->far_bytes);
	m->near = NULL;
	m->far = NULL;
	m->results = NULL;
}

bool fly_astack_has_fault(const struct fly_astack_memory *m)
{
	return fly_fault_has(m->near) || fly_fault_has(m->far) || fly_fault_has(m->results);
}

bool fly_astack_is_deserted(int socket)
{
	struct ucred who;
	socklen_t bytes = sizeof who;

	/* Process 0: it is in another PID namespace, and cannot be looked for. */
	return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &who, &bytes) == 0 && who.pid > 0 &&
	       kill(who.pid, 0) != 0 && errno == ESRCH;
}

/* ---- messages -------------------------------------------------------------------------------- */

const char *fly_bind_busy_text(uint32_t why)
{
	switch (why) {
	case FLY_BIND_NO_PLACE:
		return "it has no place for another client, see clients=";
	case FLY_BIND_CROWD:
		return "too many clients are connecting at once; try again";
	case FLY_BIND_POLLER_SILENT:
		return "its poller does not answer: a procedure keeps it busy; try again";
	case FLY_BIND_ALLOW_SILENT:
		return "its allow() has not decided in time; try again";
	default:
		return "it is busy";
	}
}

union descriptors {
	char room[CMSG_SPACE(FLY_BIND_FDS * sizeof(int))];
	struct cmsghdr align;
};

int fly_bind_send(int socket, const struct fly_bind_answer *answer, const int fds[FLY_BIND_FDS])
{
	struct fly_bind_answer copy = *answer;
	struct iovec bytes = {.iov_base = &copy, .iov_len = sizeof copy};
	union descriptors control = {0};
	struct msghdr m = {.msg_iov = &bytes, .msg_iovlen = 1};

	if (fds) {
		struct cmsghdr *c;

		m.msg_control = control.room;
		m.msg_controllen = sizeof control.room;
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(FLY_BIND_FDS * sizeof(int));
		memcpy(CMSG_DATA(c), fds, FLY_BIND_FDS * sizeof(int));
	}
	return sendmsg(socket, &m, MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof copy ? 0 : -1;
}

/* The kernel had no descriptors for all that were sent. Return: -1, with errno. */
static int some_are_missing(int fds[FLY_BIND_FDS])
{
	int spare;

	errno = EMFILE;
	spare = memfd_create("firefly-none", MFD_CLOEXEC); /* says why: EMFILE or ENFILE */
	if (spare >= 0)
		close(spare);
	for (unsigned i = 0; i < FLY_BIND_FDS; i++) {
		if (fds[i] >= 0)
			close_keeping_errno(fds[i]);
		fds[i] = -1;
	}
	return -1;
}

ssize_t fly_bind_receive(int socket, struct fly_bind_answer *answer, int fds[FLY_BIND_FDS])
{
	struct iovec bytes = {.iov_base = answer, .iov_len = sizeof *answer};
	union descriptors control = {0};
	struct msghdr m = {
		.msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = control.room,
		/* Not the whole room: with its padding one more descriptor would fit. */
		.msg_controllen = CMSG_LEN(FLY_BIND_FDS * sizeof(int)),
	};
	const ssize_t n = recvmsg(socket, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	for (unsigned i = 0; i < FLY_BIND_FDS; i++)
		fds[i] = -1;
	if (n < 0)
		return n;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			memcpy(fds, CMSG_DATA(c), (size_t)(c->cmsg_len - CMSG_LEN(0)));
	}
	return (m.msg_flags & MSG_CTRUNC) && fds[FLY_BIND_FDS - 1] < 0 ? some_are_missing(fds) : n;
}
