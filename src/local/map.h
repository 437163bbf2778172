/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local/map.h - how a client and a server of one machine find each other and come to share
 * memory: the name, the two messages, the memory (local/map.c).
 *
 * A client connects to the server's UNIX socket and sends what it wants to bind to; the server
 * answers with a status and, if that is 0, with two descriptors of memory: the near and the far one
 * (local/astack.h). Both sides are on one machine: integers are as it has them. The connection
 * stays: when it ends the binding ends. docs/protocol.md, "The local link".
 */
#ifndef FLY_MAP_H
#define FLY_MAP_H

#include <sys/socket.h>
#include <sys/un.h>

#include "local/astack.h"

#define FLY_BIND_MAGIC    0x4c594c46u /* "FLYL" */
#define FLY_BIND_PROTOCOL 1

struct fly_bind_request {
	uint32_t magic;
	uint16_t protocol;
	uint16_t zero;
	uint32_t version; /* of the interface */
	uint32_t zero_again;
	char name[64]; /* of the interface, with a NUL */
};

struct fly_bind_answer {
	uint32_t magic;
	uint16_t protocol; /* that the server speaks */
	uint16_t slots;    /* of the binding */
	int32_t status;    /* 0, or the negative status of the import */
	uint32_t version;  /* of the interface there; with -FLY_EVERSION */
	uint64_t near_bytes;
	uint64_t far_bytes;
};

static_assert(sizeof(struct fly_bind_request) == 80, "see docs/protocol.md");
static_assert(sizeof(struct fly_bind_answer) == 32, "see docs/protocol.md");

/*
 * fly_astack_address() - the socket of local:NAME: abstract, unless the name has a slash.
 * Return: the length of the address.
 */
socklen_t fly_astack_address(const char *name, struct sockaddr_un *address);

/*
 * fly_astack_make() - memory for a binding, mapped here, and its descriptors for the client.
 * @huge: the near memory in a hugepage, if there is one. @m: set on success; ended by
 * fly_astack_unmap(). @fds: near, far; to be closed by the caller.
 * Return: 0 or -FLY_ENOMEM.
 */
int fly_astack_make(struct fly_astack_memory *m, uint32_t slots, bool huge, int fds[2]);

/*
 * fly_astack_map() - map what the server has sent. The descriptors stay the caller's.
 * Return: 0; -FLY_EINVAL: it is not what the answer says, or could be shrunk; -FLY_ENOMEM.
 */
int fly_astack_map(struct fly_astack_memory *m, const struct fly_bind_answer *answer,
		   const int fds[2]);

void fly_astack_unmap(struct fly_astack_memory *m);

/* fly_bind_send() - an answer with its descriptors; @fds: NULL: none. Never waits. 0 or -1. */
int fly_bind_send(int socket, const struct fly_bind_answer *answer, const int *fds);

/* fly_bind_receive() - an answer. @fds: -1 where there was none. Never waits. As recvmsg(2). */
ssize_t fly_bind_receive(int socket, struct fly_bind_answer *answer, int fds[2]);

#endif
