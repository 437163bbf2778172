/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control.h - a page shared by `firefly bench` and the server process that it starts.
 *
 * The client says what the server is to do now, and the server says when it does it, so that
 * both switch between calls and bare frames within a microsecond. The page also has the two
 * cache lines of a bare ping-pong, which tells how far apart the two cores are at the moment.
 *
 * An order is one word: a number that grows by one per order, an argument and a mode. Modes may
 * follow each other in any order but CONTROL_START, which comes first, and CONTROL_QUIT, which
 * comes last.
 */
#ifndef FIREFLY_BENCH_CONTROL_H
#define FIREFLY_BENCH_CONTROL_H

#include <signal.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <firefly/firefly.h>

#include "bench/measure/line.h"
#include "bench/measure/pipe.h"

enum control_mode {
	CONTROL_START,     /* bring the runtime up; acknowledged when Test is exported */
	CONTROL_CALLS,     /* turn the poller; argument: an enum control_calls */
	CONTROL_FLOOR,     /* echo bare frames; argument: the size to send back */
	CONTROL_FLOOR_UDP, /* echo bare datagrams; the same, and CONTROL_MANY */
	CONTROL_SEND,      /* send bare frames of full size, one way */
	CONTROL_RECEIVE,   /* receive them, and say so now and then */
	CONTROL_PINGPONG,  /* answer on the other line */
	CONTROL_LINE,      /* answer on the same line; argument: an enum line_answer */
	CONTROL_PIPE,      /* be a side of the pipe; argument: an enum pipe_side */
	CONTROL_QUIT,      /* stop the runtime; acknowledged when it has stopped */
};

#define CONTROL_MANY (1U << 23) /* more than one datagram comes at a time */

/* What CONTROL_CALLS counts, for the client to read once there is another order. */
enum control_calls {
	CONTROL_CALLS_PLAIN,   /* nothing */
	CONTROL_CALLS_CHECKED, /* nothing; procedures of Bulk check what they get */
	CONTROL_CALLS_WORK,    /* ticks in procedures of Bulk, and their calls */
	CONTROL_CALLS_BUSY,    /* ticks in turns that received packets, and those packets */
	CONTROL_CALLS_YIELD,   /* nothing, and let others run while there is nothing to do */
};

/* What the server is to be. Written by the client before CONTROL_START. */
struct control_server {
	char link[4200]; /* the specification */
	unsigned core;
	unsigned packets;       /* in the pool; 0: the default */
	unsigned conversations; /* callers that it remembers; 0: the default */
	unsigned workers;       /* for Test; 0: its procedures run on its poller */
	char worker_cores[64];  /* where those run */
	bool yields; /* others run on its core as well: let them while nothing is to do */
};

/* Pairs of lines are fetched together: what two cores write is two lines apart. */
#define CONTROL_APART 128

struct control_page {
	alignas(CONTROL_APART) _Atomic uint64_t order;        /* written by the client */
	alignas(CONTROL_APART) _Atomic uint64_t acknowledged; /* by the server: an order */
	alignas(CONTROL_APART) _Atomic uint64_t ping;         /* by the client */
	alignas(CONTROL_APART) _Atomic uint64_t pong;         /* by the server */
	struct line line;                                     /* by both: CONTROL_LINE */
	struct pipe pipe;                                     /* by both: CONTROL_PIPE */

	/* Written by the server before it acknowledges; read by the client after that. */
	alignas(CONTROL_APART) int32_t missing; /* of CONTROL_QUIT: 0, or a status */
	struct block_sum counted;               /* by CONTROL_CALLS */
	char address[FLY_ADDRESS_BYTES];        /* of CONTROL_START: of the link, or "" */
	uint16_t floor_port;                    /* the same: of CONTROL_FLOOR_UDP, or 0 */
	char trouble[512];                      /* of CONTROL_START: what went wrong, or "" */
	struct control_server server;           /* by the client */
};

#define CONTROL_PATIENCE_S 60 /* for an order; starting DPDK may take long on a busy machine */
#define CONTROL_HASTE_S    2  /* when the user wants it to end */

/* The client's end. */
struct control {
	struct control_page *page;
	int fd;                            /* of the page; the server inherits it */
	int server;                        /* process id; 0: none is running */
	int exit_status;                   /* as waitpid() gives it, once the server has gone */
	const volatile sig_atomic_t *stop; /* NULL, or non-zero there: waste no time on waiting */
};

/*
 * control_open() - make the page. Return: 0, or -1 with errno set.
 */
int control_open(struct control *control);

/* control_map() - the server's way to the page, by the descriptor it inherited; NULL: errno. */
struct control_page *control_map(int fd);

/*
 * control_order() - tell the server what to do, and wait until it does.
 * Return: 0; -1 when the server process has ended, or has not obeyed within CONTROL_PATIENCE_S
 * (or CONTROL_HASTE_S after *stop was set).
 */
int control_order(struct control *control, enum control_mode mode, uint32_t argument);

/*
 * control_close() - let the server go: CONTROL_QUIT if it runs, or SIGKILL if it does not obey;
 * wait for it, give up the page. Safe after a control_open() that failed.
 * Return: what fly_stop() returned at the server; 0 when it ended before it could.
 */
int control_close(struct control *control);

/*
 * control_distance() - how long a cache line takes to the other core and back.
 * @ticks: of one round trip over two lines: the median of a few short series.
 * Return: as control_order().
 */
int control_distance(struct control *control, double *ticks);

/* ---- the server's end ---- */

/* control_next() - wait for an order that is not @done. Return: that order. */
uint64_t control_next(const struct control_page *page, uint64_t done);

/* control_acknowledge() - tell the client that @order is being carried out. */
void control_acknowledge(struct control_page *page, uint64_t order);

/* control_answer() - be the other side of control_distance() until there is another order. */
void control_answer(struct control_page *page, uint64_t order);

/* control_stands() - is @order still what the client wants? A line that is nearly always ours. */
static inline bool control_stands(const struct control_page *page, uint64_t order)
{
	/* A plain hint: what follows a new order is read after control_next() has acquired it. */
	return atomic_load_explicit(&page->order, memory_order_relaxed) == order;
}

static inline enum control_mode control_mode(uint64_t order)
{
	return (enum control_mode)(order & 0xff);
}

static inline uint32_t control_argument(uint64_t order)
{
	return (uint32_t)(order >> 8) & 0xffffff;
}

#endif
