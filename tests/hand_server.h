/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hand_server.h - a server of a local link made by hand: it lets one client in, and answers its
 * calls as a test says. For tests with Criterion.
 */
#ifndef HAND_SERVER_H
#define HAND_SERVER_H

#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "local/astack.h"
#include "local/life.h"
#include "local/map.h"
#include "patience.h"

struct hand_server {
	char name[48];
	uint32_t slots;
	int listener; /* -1: none */
	int socket;   /* of the client; -1: none */
	struct fly_astack_memory m;
	struct fly_life *life;
	int life_fd;
	pthread_t thread;
};

static inline void *hand_server_bind(void *argument)
{
	struct hand_server *s = argument;
	struct fly_bind_answer answer = {
		.magic = FLY_BIND_MAGIC,
		.protocol = FLY_BIND_PROTOCOL,
		.slots = (uint16_t)s->slots,
	};
	struct fly_bind_request request;
	struct pollfd p;
	int fds[FLY_BIND_FDS];

	s->socket = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
	p = (struct pollfd){.fd = s->socket, .events = POLLIN};
	if (poll(&p, 1, 1000 * (int)patience(10)) != 1 ||
	    recv(s->socket, &request, sizeof request, 0) != sizeof request ||
	    fly_astack_make(&s->m, s->slots, false, fds) != 0)
		return NULL;
	s->life = fly_life_make(&s->life_fd);
	fds[FLY_BIND_LIFE] = s->life_fd;
	answer.near_bytes = s->m.near_bytes;
	answer.far_bytes = s->m.far_bytes;
	fly_bind_send(s->socket, &answer, fds);
	close(fds[FLY_BIND_NEAR]);
	close(fds[FLY_BIND_FAR]);
	close(fds[FLY_BIND_RESULTS]);
	return NULL;
}

/* hand_server_listen() - from now on a client is let in. hand_server_join(): it has been. */
static inline void hand_server_listen(struct hand_server *s, const char *name, uint32_t slots)
{
	struct sockaddr_un address;
	const socklen_t length = fly_astack_address(name, &address);

	*s = (struct hand_server){.slots = slots, .socket = -1, .life_fd = -1};
	snprintf(s->name, sizeof s->name, "%s", name);
	s->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	cr_assert(bind(s->listener, (struct sockaddr *)&address, length) == 0);
	cr_assert(listen(s->listener, 4) == 0);
	cr_assert(pthread_create(&s->thread, NULL, hand_server_bind, s) == 0);
}

static inline void hand_server_join(struct hand_server *s)
{
	pthread_join(s->thread, NULL);
	cr_assert(s->life != NULL, "nobody was let in");
}

static inline void hand_server_hang_up(struct hand_server *s)
{
	shutdown(s->socket, SHUT_RDWR);
	close(s->socket);
	close(s->listener);
	s->socket = -1;
	s->listener = -1;
}

static inline void hand_server_end(struct hand_server *s)
{
	if (s->socket >= 0)
		hand_server_hang_up(s);
	fly_astack_unmap(&s->m);
	fly_life_free(s->life, s->life_fd);
	s->life = NULL;
}

static inline struct fly_slot *hand_server_slot(const struct hand_server *s, uint32_t i)
{
	return fly_astack_slot(s->m.near, i);
}

/* hand_server_claim() - begin the call in a slot. */
static inline void hand_server_claim(const struct hand_server *s, uint32_t i)
{
	struct fly_slot *slot = hand_server_slot(s, i);

	cr_assert(fly_slot_claim(slot, fly_slot_word(slot)));
}

/* hand_server_answer() - give a result, whose bytes are in place, to a call that was begun. */
static inline void hand_server_answer(const struct hand_server *s, uint32_t i, int status,
				      uint32_t place, uint32_t bytes)
{
	struct fly_slot *slot = hand_server_slot(s, i);

	slot->status = (int16_t)status;
	slot->kind = (uint8_t)place;
	slot->length = bytes;
	fly_slot_from_poller(slot, FLY_SLOT_RESULT);
}

#endif
