/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * apart.h - a server of the Probe interface over the local link, in a process of its own, which a
 * test can stop, hold and kill. Its procedure Null does what the shared page says.
 */
#ifndef APART_H
#define APART_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include <firefly/firefly.h>

#define APART_EAL   "--no-huge -m 256"
#define APART_LIVES 8

/* Shared by both processes. */
struct apart_page {
	_Atomic unsigned life; /* the process that may begin now: 1, 2, ... */
	_Atomic bool is_up;
	_Atomic bool hold; /* the poller does not turn */
	_Atomic bool held;
	_Atomic bool stay;           /* Null does not return */
	_Atomic unsigned executions; /* of Null: begun */
};

struct apart {
	struct apart_page *page;
	char link[64]; /* local:NAME, for the client */
	unsigned a_stacks;
	uid_t uid; /* that the server becomes before it starts; 0: none */
	unsigned n;
	unsigned life; /* the process that runs, or was the last to run */
	pid_t pid[APART_LIVES];
};

/* apart_init() - nothing runs yet. @name: of the test; the process's number is added to it. */
void apart_init(struct apart *a, const char *name);

/*
 * apart_fork() - make so many processes that wait to be the server, one after the other. Before any
 * runtime begins in this one: none can begin in a child of a process that has one.
 */
void apart_fork(struct apart *a, unsigned n);

/* apart_start() - the next of them is the server; returns when it listens. */
void apart_start(struct apart *a);

/* apart_end() - kill all of them. */
void apart_end(struct apart *a);

/* apart_stop() - SIGSTOP; returns when it has stopped. apart_continue() - SIGCONT. */
void apart_stop(const struct apart *a);
void apart_continue(const struct apart *a);

/* apart_hold() - its poller turns no more, but its other threads run. */
void apart_hold(const struct apart *a);
void apart_release(const struct apart *a);

/* apart_kill() - SIGKILL to the server; returns when it has ended. */
void apart_kill(struct apart *a);

/* apart_wait_for() - until Null has begun so many times. */
void apart_wait_for(const struct apart *a, unsigned executions);

#endif
