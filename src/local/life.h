/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local/life.h - the life page: by it the clients of a runtime see that its process runs, and that
 * its pollers turn (local/life.c).
 *
 * One page per runtime, written by the server alone. Its clerk makes it, and gives its descriptor
 * to each client at binding. A client that has waited long reads the page: what has not changed for
 * call_timeout_ms is silent. local/silence.c says what follows.
 *
 * Nobody writes while nobody waits, but for a poller's own word: idle costs nothing. A client that
 * waits sends a byte, as to a poller that sleeps. The clerk beats for the process when it reads a
 * byte.
 *
 * The page is sealed: only the mapping that the server made before may write. Otherwise a hostile
 * client could make the server look dead, or alive, to others. Clients do not map the page but
 * read(2) it: a server that punches it away cannot make them fault.
 */
#ifndef FLY_LIFE_H
#define FLY_LIFE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "threads/poller_group.h"

/* A word that changes while its writer lives. One writer; on a pair of cache lines of its own. */
struct fly_life_word {
	_Alignas(128) _Atomic uint32_t beats; /* wraps */
};

/* The page. Its size and layout are in docs/protocol.md. */
struct fly_life {
	struct fly_life_word process;              /* the clerk's thread */
	struct fly_life_word pollers[FLY_POLLERS]; /* each poller, once a millisecond it turns in */
};

/* What a client has read. */
struct fly_life_look {
	uint32_t process; /* changes if anything in the process does: the sum of all words */
	uint32_t poller;  /* changes if the client's own poller turns */
};

/*
 * fly_life_make() - make and map the page. @fd: for the clients; -1 on failure.
 * Return: NULL, with errno set.
 * fly_life_free() - no poller writes to it any more. NULL: nothing happens.
 */
struct fly_life *fly_life_make(int *fd);
void fly_life_free(struct fly_life *life, int fd);

/* fly_life_beat() - say that the word's writer lives. Only on the writer's thread. */
static inline void fly_life_beat(struct fly_life_word *word)
{
	/* Plain for the writer; relaxed: no other data depends on it. */
	atomic_store_explicit(&word->beats,
			      atomic_load_explicit(&word->beats, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

/* fly_life_is_usable() - on the client: may this descriptor be a life page? */
bool fly_life_is_usable(int fd);

/*
 * fly_life_read() - on the client. @fd: of the page; @poller: index of the client's poller. Return:
 * all zeros if the page cannot be read, which is as silent as a page that does not change.
 */
struct fly_life_look fly_life_read(int fd, unsigned poller);

#endif
