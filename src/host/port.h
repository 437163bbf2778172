/* SPDX-License-Identifier: BSD-3-Clause */
/* port.h - the control side of a link: opening, watching, reopening and closing its DPDK port. */
#ifndef FLY_PORT_H
#define FLY_PORT_H

#include "base/descriptors.h"
#include "fastpath/link_eth.h"
#include "host/connections.h"
#include "host/device_counts.h"
#include "host/netdev.h"
#include "host/memif_guard.h"
#include "host/vhost_guard.h"
#include "host/link_spec.h"
#include "host/xdp.h"
#include "slowpath/payload.h"
#include "threads/poller_group.h"

/* The ports of one runtime. Constant while they are watched. */
struct fly_ports {
	struct fly_poller_group *group;
	unsigned n;
	struct fly_port *at[FLY_LINKS];
};

/*
 * The control thread's request to a poller. The control thread sets it when it is NONE. The poller
 * carries it out at its quiescence point and sets NONE. When all pollers have, the port is the
 * control thread's again.
 *   UP -> LOST -> UP    server: the peer went away; the driver takes the next client
 *   UP -> ROBBED -> UP  server: a peer went away that had taken away memory; it is counted
 *   UP -> DETACH -> (stopped, started again) -> ATTACH -> UP    client; an interface of the kernel
 *   UP -> READDRESS -> UP    an interface of the kernel has another address, MTU or route
 */
enum fly_port_request {
	FLY_PORT_NONE,
	FLY_PORT_LOST,
	FLY_PORT_ROBBED,
	FLY_PORT_DETACH,
	FLY_PORT_ATTACH,
	FLY_PORT_READDRESS,
};

struct fly_port {
	union {
		struct fly_link link;             /* the first poller's, while it is attached */
		struct fly_memif_guarded guarded; /* begins with the link; for memif only */
	};
	struct fly_vhost_guard memory;        /* of the client; vhost servers only */
	struct fly_link *others[FLY_POLLERS]; /* the other pollers' links; [0] is NULL */
	struct fly_shared *shared;            /* shared by all pollers; NULL: one poller */
	struct fly_link_spec spec;
	struct fly_poller_group *group; /* the pollers that have its links */
	unsigned number;                /* of its spec in fly_options.links */
	unsigned client;      /* server: the client that it is for; client: its own number */
	uint32_t peer_ip;     /* network order: peer of an import without an address; 0: unknown */
	char device[32];      /* DPDK's name of the device */
	unsigned n_queues;    /* pairs of queues in use */
	bool fills_two_rings; /* vmxnet3: of packets to receive, for each queue */
	struct fly_eth_queues
		queues;         /* vhost server, queues=: the guest's pairs, all polled as one */
	bool open;              /* the ethdev exists */
	bool started;           /* the ethdev was started, and may be polled */
	unsigned device_number; /* client: the client number in the arguments of the device */
	uint32_t ended;   /* server: fly_vhost_guard_ended() as last seen by the control thread */
	bool was_up;      /* link state as last seen by the control thread */
	bool detached;    /* client, interface: the pollers have given it up, or will */
	bool reaching;    /* client: started again; the connection is not complete */
	uint64_t next_ms; /* when detached, time of the next step */
	int probe_fd;     /* vhost client: asks whether its server speaks; -1: none */
	unsigned probe_client;                  /* the client number that it asks for */
	char server_name[FLY_CONNECTIONS_NAME]; /* once probed: fly_connections_probe() */
	int lock_fd; /* holds the claim on the socket path or client number; -1: none */
	int bell;    /* vhost: rings when the far end tells of packets: host/bell.h; -1: none */
	struct fly_xdp xdp;                            /* af_xdp only */
	struct rte_mempool *xdp_pools[FLY_XDP_QUEUES]; /* its driver receives into; NULL: none */
	int packet_fd; /* af_packet: the socket that its driver receives from; af_xdp: wakes for all
			  of its sockets; -1: not known */
	int kernel_port_fds[FLY_POLLERS]; /* kernel sockets for our UDP ports; -1: none */
	struct fly_netdev netdev;
	struct fly_device_counts counts;
	/* By poller: enum fly_port_request. All pollers get the same request. */
	_Atomic int request[FLY_POLLERS];
	struct fly_descriptors before; /* open before the device was started */
};

/*
 * fly_port_open() - open the port of a spec for a group of pollers, and wait until its link is up
 * (a client waits at most spec->wait_ms for its server). fly_poller_attach() then gives it to the
 * pollers.
 * @client: the client number, for a server with several clients.
 * Return: 0 and *port, or a negative status with a message.
 */
int fly_port_open(struct fly_poller_group *group, const struct fly_link_spec *spec, unsigned client,
		  struct fly_port **port);

/* fly_port_is_of() - is it a port of the link that has this kind and name? Keys are ignored. */
bool fly_port_is_of(const struct fly_port *port, const struct fly_link_spec *spec);

/* fly_port_link() - the link of one of the runtime's pollers. */
struct fly_link *fly_port_link(struct fly_port *port, unsigned poller);

/* fly_ports_of() - the port of one of a poller's links; NULL: of none of these. */
struct fly_port *fly_ports_of(const struct fly_ports *ports, const struct fly_link *link,
			      unsigned poller);

/*
 * fly_port_choose_mtu() - set the MTU of a spec that names none, if it is known before there is a
 * device; else it stays 0.
 * fly_port_packet_room() - bytes of a packet buffer that takes any frame of the link, by its MTU.
 */
void fly_port_choose_mtu(struct fly_link_spec *spec);
uint32_t fly_port_packet_room(const struct fly_link_spec *spec);

/*
 * fly_ports_heard() - a peer says which payload one packet to it may have, and whether it demands
 * checksums: tell the links of all pollers. On the poller of that number. @link: of that poller.
 */
void fly_ports_heard(struct fly_ports *ports, const struct fly_link *link, unsigned poller,
		     const struct fly_payload_word *word);

/* fly_port_close() - stop and remove the port, drop its claims, free it. No poller has it. */
void fly_port_close(struct fly_port *port);

/*
 * fly_ports_add(), fly_ports_remove() - begin and end watching a runtime's ports on the control
 * thread. Return: 0 or -FLY_ENOMEM with a message.
 */
int fly_ports_add(struct fly_ports *ports);
void fly_ports_remove(struct fly_ports *ports);

/* fly_ports_watch() - check all watched ports once. On the control thread. */
void fly_ports_watch(void);

/* fly_ports_forked() - in a child: the parent's ports are not watched here. */
void fly_ports_forked(void);

/* fly_ports_apply() - carry out the requests to this poller. At its quiescence point. */
void fly_ports_apply(struct fly_ports *ports, struct fly_poller *p);

#endif
