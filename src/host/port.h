/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port.h - the control side of a link: opening, watching, reopening and closing a DPDK port.
 */
#ifndef FLY_PORT_H
#define FLY_PORT_H

#include "host/memif_guard.h"
#include "host/link_spec.h"
#include "runtime/pollers.h"

struct fly_poller;
struct fly_runtime;

/*
 * What the control thread asks of each poller. Set by the control thread when it is NONE, set
 * back by the poller at its quiescence point when it is done. The port is the control thread's
 * again when all have. UP -> LOST    server's end: the peer went away, the port stays (the driver
 * takes the next) UP -> DETACH -> (stopped, started anew) -> ATTACH -> UP    client's end
 */
enum fly_port_request {
	FLY_PORT_NONE,
	FLY_PORT_LOST,
	FLY_PORT_DETACH,
	FLY_PORT_ATTACH,
};

struct fly_port {
	union {
		struct fly_link link;       /* the first poller's, while it is attached */
		struct fly_guarded guarded; /* begins with it; of use to memif only */
	};
	struct fly_link *others[FLY_POLLERS]; /* of the other pollers; [0] is NULL */
	struct fly_shared *shared;            /* what they share; NULL: there is one poller */
	struct fly_link_spec spec;
	struct fly_runtime *runtime;
	unsigned client;       /* server: which of its clients' ports; client: the place it took */
	uint32_t peer_ip;      /* network order: whom an import without address calls; 0: unknown */
	char device[32];       /* DPDK's name of the device */
	unsigned n_queues;     /* pairs of them, in use */
	bool open;             /* the ethdev exists */
	bool started;          /* and may be polled */
	unsigned device_place; /* client: the place that the device was made for */
	bool was_up;           /* link state as last seen by the control thread */
	bool detached;         /* client: given up by the poller, to be started again */
	bool reaching; /* client: started anew, waits for its server to complete the connection */
	uint64_t next_ms; /* client: what comes next when it is away is not due before */
	int lock_fd;      /* claim on the socket path or on a place there; -1: none */
	int kernel_port_fds[FLY_POLLERS]; /* keep the kernel from answering for our UDP ports; -1:
					     none */
	/* By poller: enum fly_port_request. The control thread asks all of them for the same. */
	_Atomic int request[FLY_POLLERS];
};

/*
 * fly_port_open() - open the port of a spec for a runtime, and wait until its link is up (client:
 * at most spec->wait_ms for the server). The poller gets it by fly_poller_attach() afterwards.
 * @client: which one, for a server with several.
 * Return: 0 and *port, or a negative status with a sentence.
 */
int fly_port_open(struct fly_runtime *runtime, const struct fly_link_spec *spec, unsigned client,
		  struct fly_port **port);

/* fly_port_link() - a port as one of its runtime's pollers sees it. */
struct fly_link *fly_port_link(struct fly_port *port, unsigned poller);

/* fly_port_close() - stop and remove the port, give up its claims, free it. Detached before. */
void fly_port_close(struct fly_port *port);

/*
 * fly_ports_add(), fly_ports_remove() - have a runtime's ports watched by the control thread, and
 * no more. Return: 0 or -FLY_ENOMEM with a sentence.
 */
int fly_ports_add(struct fly_runtime *runtime);
void fly_ports_remove(struct fly_runtime *runtime);

/* fly_ports_watch() - one look at all watched ports; on the control thread. */
void fly_ports_watch(void);

/*
 * fly_ports_apply() - do what the control thread asked of this poller; at its quiescence point.
 */
void fly_ports_apply(struct fly_runtime *runtime, struct fly_poller *p);

#endif
