/* SPDX-License-Identifier: BSD-3-Clause */
/* local/life.c - see local/life.h. Owns nothing; both sides call it, on any thread. */
#include "local/life.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)

static_assert(sizeof(struct fly_life) <= 4096, "one page");

struct fly_life *fly_life_make(int *fd)
{
	struct fly_life *life = MAP_FAILED;
	int error;

	*fd = memfd_create("firefly-life", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*fd >= 0 && ftruncate(*fd, sizeof *life) == 0)
		life = mmap(NULL, sizeof *life, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	/* From now on nobody maps it to write. */
	if (life != MAP_FAILED && fcntl(*fd, F_ADD_SEALS, SEALS) == 0)
		return life;
	error = errno;
	if (life != MAP_FAILED)
		munmap(life, sizeof *life);
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = error;
	return NULL;
}

void fly_life_free(struct fly_life *life, int fd)
{
	if (!life)
		return;
	munmap(life, sizeof *life);
	close(fd);
}

/* Only memory: a file of a file system that the server runs could block whoever reads it. */
bool fly_life_is_usable(int fd)
{
	struct stat s;

	return fd >= 0 && fcntl(fd, F_GET_SEALS) >= 0 && fstat(fd, &s) == 0 &&
	       s.st_size >= (off_t)sizeof(struct fly_life);
}

struct fly_life_look fly_life_read(int fd, unsigned poller)
{
	struct fly_life_look look = {0};
	struct fly_life life;

	if (pread(fd, &life, sizeof life, 0) != sizeof life)
		return look;
	look.process = life.process.beats;
	for (unsigned i = 0; i < FLY_POLLERS; i++)
		look.process += life.pollers[i].beats;
	look.poller = poller < FLY_POLLERS ? life.pollers[poller].beats : 0;
	return look;
}
