/* SPDX-License-Identifier: BSD-3-Clause */
/* clofork.c - the set of descriptors that a forked child closes: a bit for each, under a lock.
 */
#include "base/clofork.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORD_BITS (CHAR_BIT * sizeof(unsigned long))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned long *words; /* under lock */
static size_t n_words;       /* under lock */

/* Make room for a bit. Without memory for it the child keeps the descriptor. */
static int grow(size_t at)
{
	unsigned long *more;

	if (at < n_words)
		return 0;
	more = realloc(words, (at + 1) * sizeof *words);
	if (!more)
		return -1;
	memset(more + n_words, 0, (at + 1 - n_words) * sizeof *words);
	words = more;
	n_words = at + 1;
	return 0;
}

int fly_clofork_add(int fd)
{
	if (fd < 0)
		return fd;
	pthread_mutex_lock(&lock);
	if (grow((size_t)fd / WORD_BITS) == 0)
		words[(size_t)fd / WORD_BITS] |= 1UL << (size_t)fd % WORD_BITS;
	pthread_mutex_unlock(&lock);
	return fd;
}

/* Under the lock: a child never closes what has got the number next. */
void fly_clofork_close(int fd)
{
	if (fd < 0)
		return;
	pthread_mutex_lock(&lock);
	if ((size_t)fd / WORD_BITS < n_words)
		words[(size_t)fd / WORD_BITS] &= ~(1UL << (size_t)fd % WORD_BITS);
	close(fd);
	pthread_mutex_unlock(&lock);
}

void fly_clofork_fork_lock(void)
{
	pthread_mutex_lock(&lock);
}

void fly_clofork_fork_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

void fly_clofork_forked(void)
{
	for (size_t at = 0; at < n_words; at++) {
		for (; words[at] != 0; words[at] &= words[at] - 1)
			close((int)(at * WORD_BITS) + __builtin_ctzl(words[at]));
	}
	pthread_mutex_unlock(&lock);
}
