/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * elected.h - who turns a poller that is not turned by one thread only: the elected poller
 * (elected.c).
 *
 * A thread that waits for a result, and finds nobody turning the poller, takes the turn. It turns
 * the poller for all, and gives the turn when its own result is there. What a poller owns belongs
 * to the thread that has its turn, and to nobody while the turn is free.
 */
#ifndef FLY_ELECTED_H
#define FLY_ELECTED_H

#include <pthread.h>
#include <sys/queue.h>

#include <rte_common.h>

#include <firefly/runtime.h>

#include "base/thread.h"
#include "fastpath/slot.h"

struct fly_poller;

/* The number of no thread: stands for whoever has the turn. */
#define FLY_ELECTED UINT64_MAX

/* So often in a row a thread that yields has the turn, before others of its core run. */
#define FLY_ELECTED_STREAK 16

/* A thread that sleeps until it is woken: by its result, by a request that is done, by the turn. */
struct fly_sleeper {
	_Atomic uint32_t woken;        /* a futex; 0: not yet */
	bool is_listed;                /* under the election's lock */
	TAILQ_ENTRY(fly_sleeper) next; /* under the election's lock */
};

struct fly_election {
	/* ---- line 0: threads that want the turn ---- */
	_Atomic uint64_t turner;    /* number of the thread that has the turn; 0: nobody has */
	_Atomic uint32_t n_resting; /* threads that want to run, and let others run instead */
	_Atomic uint32_t n_asleep;  /* in `sleepers` */
	/* ---- line 1: of the thread that has the turn ---- */
	struct fly_poller *poller __rte_cache_aligned; /* constant */
	struct fly_election *outer; /* the turn that this thread has besides, and had before */
	unsigned lcore;             /* DPDK's number for whoever turns; LCORE_ID_ANY: its own */
	unsigned own_lcore;         /* that of the thread itself */
	uint64_t last;              /* the thread that had the turn last */
	uint32_t streak;            /* how often it had the turn without another one in between */
	/* ---- threads that sleep ---- */
	pthread_mutex_t lock;
	TAILQ_HEAD(, fly_sleeper) sleepers; /* under lock, the oldest first */
};

/*
 * fly_election_new() - an election for this poller, whose turn the calling thread has.
 * @lcore: DPDK's number for the thread that turns the poller; LCORE_ID_ANY: its own.
 * Return: NULL: no memory.
 *
 * fly_election_free() - nobody waits for the turn any more.
 */
struct fly_election *fly_election_new(struct fly_poller *p, unsigned lcore);
void fly_election_free(struct fly_election *e);

/*
 * fly_election_set_lcore() - the number of DPDK's for whoever turns the poller from now on. With
 * the turn, by a thread that has not got it by fly_elected_take().
 *
 * fly_election_open() - the thread that has made the poller, or has the turn by
 * fly_election_close(), gives the turn.
 *
 * fly_election_seize() - the calling thread has the turn from now on: it has ended the thread that
 * had it, or was started by it.
 *
 * fly_election_close() - wait for the turn and keep it. Unlike fly_elected_take() this
 * leaves the thread's number of DPDK alone.
 */
void fly_election_set_lcore(struct fly_election *e, unsigned lcore);
void fly_election_open(struct fly_election *e);
void fly_election_seize(struct fly_election *e);
void fly_election_close(struct fly_election *e);

/* fly_elected_is_here() - has the calling thread the turn? Relaxed: only it stores its number. */
static inline bool fly_elected_is_here(const struct fly_election *e)
{
	return fly_thread_mine != 0 &&
	       atomic_load_explicit(&e->turner, memory_order_relaxed) == fly_thread_mine;
}

/* fly_elected_turner() - the number of the thread that has the turn; 0: nobody. */
static inline uint64_t fly_elected_turner(const struct fly_election *e)
{
	return atomic_load_explicit(&e->turner, memory_order_relaxed);
}

/*
 * fly_elected_here() - the poller whose turn the calling thread took last; NULL: none.
 *
 * fly_elected_is_turning() - is this a procedure, in a turn that the calling thread took?
 *
 * fly_elected_turn_held() - turn each poller whose turn the calling thread has. For a thread that
 * waits for something else: request.c has why.
 */
struct fly_poller *fly_elected_here(void);
bool fly_elected_is_turning(void);
void fly_elected_turn_held(void);

/* fly_elected_forked() - in a child: the calling thread has no turn. */
void fly_elected_forked(void);

/*
 * fly_elected_take() - take the turn, if it is free. Return: true: the poller is the calling
 * thread's until it gives the turn.
 *
 * fly_elected_give() - let another thread have the turn. A thread that sleeps is woken for it.
 *
 * fly_elected_end_streak() - with the turn: the thread lets others run, and counts its turns anew.
 *
 * fly_elected_is_enough() - with the turn: has a thread that yields turned the poller for so long
 * that others run first? Its own result has not come. @returned: calls that had ended before the
 * first of these turns.
 *
 * fly_elected_turn() - a turn, if nobody has the turn, or this thread has it. Return: as
 * fly_poller_turn().
 *
 * fly_elected_look() - the turn is another thread's: has that thread ended? Then the turn is free
 * afterwards. For who waits for the turn without sleeping. @tries: counts; few of them look.
 */
bool fly_elected_take(struct fly_election *e);
void fly_elected_give(struct fly_election *e);
void fly_elected_end_streak(struct fly_election *e);
bool fly_elected_is_enough(const struct fly_election *e, unsigned turns, uint64_t returned);
unsigned fly_elected_turn(struct fly_election *e);
void fly_elected_look(struct fly_election *e, uint32_t *tries);

/*
 * fly_elected_wait() - wait until the slot has its result, and turn the poller while nobody else
 * does. @sleeper: of this slot. @mine: another poller, which the thread turns meanwhile; NULL. It
 * turns those whose turn it has, too.
 */
void fly_elected_wait(struct fly_election *e, struct fly_slot *s, struct fly_sleeper *sleeper,
		      enum fly_wait wait, struct fly_poller *mine);

/*
 * fly_elected_serve() - turn the poller, or wait while another thread does, until @quit is set.
 * Looks at it every FLY_WAIT_MS, at least.
 */
void fly_elected_serve(struct fly_election *e, enum fly_wait wait, const _Atomic bool *quit);

/*
 * fly_elected_prepare() - the calling thread is about to look whether it has to sleep.
 *
 * fly_elected_sleep() - sleep until woken, or until the turn is free, for at most FLY_WAIT_MS. If
 * the thread that has the turn has ended, the turn is free afterwards.
 *
 * fly_elected_wake() - wake this thread, or do not let it sleep. Any thread.
 */
void fly_elected_prepare(struct fly_sleeper *sleeper);
void fly_elected_sleep(struct fly_election *e, struct fly_sleeper *sleeper);
void fly_elected_wake(struct fly_sleeper *sleeper);

#endif
