/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local/map.h - how a client and a server of one machine connect and share memory: the address, the
 * two messages, the mapping (local/map.c).
 *
 * A client connects to the server's UNIX socket and sends a request. The server answers with a
 * status and, if the status is 0, with four descriptors: near memory, far memory and that of
 * results (local/astack.h), and the life page. Both sides are on one machine: integers have the
 * host's order. The connection stays open; the binding ends with it. docs/protocol.md, "The local
 * link".
 */
#ifndef FLY_MAP_H
#define FLY_MAP_H

#include <sys/socket.h>
#include <sys/un.h>

#include "local/astack.h"

#define FLY_BIND_MAGIC    0x4c594c46u /* "FLYL" */
#define FLY_BIND_PROTOCOL 5

/* The descriptors that come with an answer. */
enum fly_bind_fd {
	FLY_BIND_NEAR,
	FLY_BIND_FAR,
	FLY_BIND_RESULTS, /* the client can only read it */
	FLY_BIND_LIFE,    /* the server's life page: local/life.h */
	FLY_BIND_FDS
};

#define FLY_ASTACK_FDS (FLY_BIND_RESULTS + 1) /* those of memory */

struct fly_bind_request {
	uint32_t magic;
	uint16_t protocol;
	uint16_t zero;
	uint32_t version; /* of the interface */
	uint32_t zero_again;
	char name[64]; /* of the interface, with a NUL */
};

/* Why a server refuses with -FLY_EBUSY. */
enum fly_bind_busy {
	FLY_BIND_NO_PLACE,      /* clients=, or half of that of one user */
	FLY_BIND_CROWD,         /* too many connections are not bound yet */
	FLY_BIND_POLLER_SILENT, /* no poller has answered the clerk */
	FLY_BIND_ALLOW_SILENT,  /* the export's allow() has not returned */
};

struct fly_bind_answer {
	uint32_t magic;
	uint16_t protocol; /* that the server speaks */
	uint16_t slots;    /* of the binding */
	int32_t status;    /* 0, or the negative status of the import */
	/* With -FLY_EVERSION: the interface's; with -FLY_EBUSY: enum above; with -FLY_ENOMEM and
	 * -FLY_ESYSTEM: the errno behind it, or 0. */
	uint32_t version;
	uint64_t near_bytes;
	uint64_t far_bytes; /* and of the memory of results */
};

static_assert(sizeof(struct fly_bind_request) == 80, "see docs/protocol.md");
static_assert(sizeof(struct fly_bind_answer) == 32, "see docs/protocol.md");

/*
 * fly_astack_address() - the socket of local:NAME: abstract, unless the name has a slash.
 * Return: the length of the address.
 */
socklen_t fly_astack_address(const char *name, struct sockaddr_un *address);

/*
 * fly_astack_make() - make and map the memory of a binding.
 * @huge: put near memory into a hugepage, if one is free. @m: set on success; ended by
 * fly_astack_unmap(). @fds: near, far, and results, which this one can only read, for the client;
 * the caller closes them.
 * Return: 0; with errno set: -FLY_ENOMEM, -FLY_ESYSTEM (no descriptor is left, or no /proc).
 */
int fly_astack_make(struct fly_astack_memory *m, uint32_t slots, bool huge,
		    int fds[FLY_ASTACK_FDS]);

/*
 * fly_astack_map() - map what the server has sent. The caller keeps the descriptors.
 * Return: 0; -FLY_EINVAL: the memory is not as the answer says, or could be shrunk; -FLY_ENOMEM,
 * with errno set.
 */
int fly_astack_map(struct fly_astack_memory *m, const struct fly_bind_answer *answer,
		   const int fds[FLY_ASTACK_FDS]);

void fly_astack_unmap(struct fly_astack_memory *m);

/* fly_astack_has_fault() - has there been a fault in this memory (base/fault.h)? Any thread. */
bool fly_astack_has_fault(const struct fly_astack_memory *m);

/*
 * fly_astack_page_bytes() - the size of the pages of a memfd: ordinary pages or hugepages of 2 MiB,
 * whatever transparent hugepages make of it. Return: 0: neither, or no memfd.
 */
size_t fly_astack_page_bytes(int fd);

/* fly_bind_busy_text() - an enum fly_bind_busy in words; any other number is none of them. */
const char *fly_bind_busy_text(uint32_t why);

/*
 * fly_astack_is_deserted() - of a connected socket: is the process dead that listened there? Then
 * the listening socket lives on in a child of it, and nobody answers.
 */
bool fly_astack_is_deserted(int socket);

/* fly_bind_send() - send an answer; @fds: its descriptors, or NULL. Never blocks. 0 or -1. */
int fly_bind_send(int socket, const struct fly_bind_answer *answer, const int fds[FLY_BIND_FDS]);

/*
 * fly_bind_receive() - receive an answer; @fds: -1: none. Never blocks.
 * Return: as recvmsg(2); -1 with EMFILE or ENFILE also if there was no room for its descriptors.
 */
ssize_t fly_bind_receive(int socket, struct fly_bind_answer *answer, int fds[FLY_BIND_FDS]);

#endif
