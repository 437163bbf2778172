/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * core_claim.c - see core_claim.h. Called by runtime/pollers.c. Owns the descriptor of the file,
 * which stays open: closing any descriptor of a file drops a process's locks on it. No DPDK.
 */
#include "host/core_claim.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "/dev/shm/firefly-cores"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int file = -1; /* stored once */

/*
 * Any user may have made it, and any user may lock it: what is at stake is a hint. Where files in
 * such directories are protected, only their owner may open them with O_CREAT (proc(5)).
 */
static void open_file(void)
{
	const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
	struct stat st;

	file = open(FILE_NAME, flags);
	if (file < 0 && errno == ENOENT) {
		file = open(FILE_NAME, flags | O_CREAT | O_EXCL, 0666);
		if (file >= 0)
			fchmod(file, 0666); /* whatever the umask says */
		else if (errno == EEXIST)
			file = open(FILE_NAME, flags);
	}
	if (file >= 0 && (fstat(file, &st) || !S_ISREG(st.st_mode))) {
		close(file);
		file = -1;
	}
}

/* Return: false: there is no file. */
static bool has_file(void)
{
	pthread_once(&once, open_file);
	return file >= 0;
}

/* A process's lock on the byte of a core. */
static struct flock lock_of(unsigned core, short type)
{
	return (struct flock){
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = (off_t)core,
		.l_len = 1,
	};
}

pid_t fly_core_claim_holder(unsigned core)
{
	struct flock lock = lock_of(core, F_WRLCK);

	if (!has_file() || fcntl(file, F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK)
		return 0;
	return lock.l_pid > 0 ? lock.l_pid : -1;
}

pid_t fly_core_claim(unsigned core)
{
	struct flock lock = lock_of(core, F_WRLCK);

	if (!has_file() || fcntl(file, F_SETLK, &lock) == 0)
		return 0;
	return fly_core_claim_holder(core);
}

void fly_core_claim_drop(unsigned core)
{
	struct flock lock = lock_of(core, F_UNLCK);

	if (file >= 0)
		fcntl(file, F_SETLK, &lock);
}
