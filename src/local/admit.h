/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local/admit.h - does an export's rule let a client of this machine in? (local/admit.c)
 */
#ifndef FLY_ADMIT_H
#define FLY_ADMIT_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "fastpath/export.h"

struct fly_poller_group;

/* fly_admit_listed() - do the rule's lists name this client? Without lists they name everybody. */
bool fly_admit_listed(const struct fly_export *export, const struct ucred *who);

/* A question to the export's allow(). Who asks sets the first part, and keeps it until joined. */
struct fly_admit {
	struct fly_poller_group *group;
	struct fly_export export; /* a copy; its rule has allow() */
	struct ucred who;
	void (*done)(struct fly_admit *admit); /* on the thread that has called allow() */
	/* ---- set before done ---- */
	bool is_allowed;
	pthread_t thread;
};

/*
 * fly_admit_ask() - call allow() on a thread of its own: however long it takes, only this client
 * waits. Return: 0; done() follows, and then fly_admit_join() must. Or -FLY_ESYSTEM: no thread.
 */
int fly_admit_ask(struct fly_admit *admit);

/* fly_admit_join() - wait for the thread. Waits for allow() if done() was not called yet. */
void fly_admit_join(struct fly_admit *admit);

#endif
