/* SPDX-License-Identifier: BSD-3-Clause */
/* link_spec.h - parsing link specs (link_spec.c). No DPDK. */
#ifndef FLY_LINK_SPEC_H
#define FLY_LINK_SPEC_H

#include <stdbool.h>
#include <stdint.h>

/* UDP port of a runtime whose spec names none, and of a peer whose address names none. */
#define FLY_UDP_PORT_DEFAULT 61989

#define FLY_LOCAL_CLIENTS_DEFAULT 64
#define FLY_LOCAL_CLIENTS_MAX     4096
#define FLY_QUEUES_MAX            16
#define FLY_VHOST_PATH_MAX        104 /* sun_path, and .1 to .31 of the further clients */
#define FLY_LOCAL_NAME_MAX        96  /* of a name without a slash: sun_path has 108 bytes */

#define FLY_MTU_LEAST         128
#define FLY_MTU_MOST          65280 /* with the headroom of a packet buffer not over 65535 */
#define FLY_MTU_MOST_OF_WIRES 9000  /* of links that leave the machine */
#define FLY_MTU_MOST_OF_XDP   3506  /* of a frame that lies in a page, behind what is in front */

/* fly_link_spec.uid, if it is no user. */
#define FLY_LOCAL_UID_USUAL (-1) /* the client's own user, or root */
#define FLY_LOCAL_UID_ANY   (-2) /* uid=any */

/* Kinds of links. A table in port.c says how they differ. */
enum fly_link_kind {
	FLY_LINK_VHOST,
	FLY_LINK_MEMIF,
	FLY_LINK_AF_PACKET,
	FLY_LINK_AF_XDP,
	FLY_LINK_TAP,
	FLY_LINK_PCI,
	FLY_LINK_VDEV,
	FLY_LINK_LOCAL,
	FLY_LINK_UDP,
	FLY_N_LINK_KINDS
};

enum fly_checksum_wish {
	FLY_CHECKSUM_DEFAULT,
	FLY_CHECKSUM_ON,
	FLY_CHECKSUM_OFF,
};

struct fly_link_spec {
	enum fly_link_kind kind;
	bool server;        /* vhost, memif, local: owns the socket */
	bool huge;          /* local: memory in hugepages, for clients of our own user */
	unsigned clients;   /* server: ports to open; 1 to 32. local: bindings; 1 to 4096 */
	unsigned queues;    /* vhost server: pairs of queues of a guest; 1 to 16 */
	unsigned wait_ms;   /* how long to wait for a server that is not up */
	unsigned mtu;       /* 0: what the device says */
	uint32_t ip;        /* our address, network order; 0: the default of the kind */
	uint8_t prefix;     /* bits of ip that all on the link have: 1 to 32; 0: not said */
	uint16_t vlan;      /* 1 to 4094; 0: frames have no tag */
	uint32_t gateway;   /* of what is not on the link, network order; 0: not said */
	uint32_t peer_ip;   /* network order; 0: the far end's default */
	uint16_t peer_port; /* host order */
	uint16_t udp_port;  /* host order; 0: a free one */
	char peer[256];     /* udp: address or name of the peer, as given; "": none */
	uint8_t mac[6];
	bool has_mac;
	int64_t uid; /* local: the user that the server must be, or FLY_LOCAL_UID_... */
	enum fly_checksum_wish checksum;
	int mode;       /* server of vhost, memif: of its socket and lock file; -1: as made */
	char owner[33]; /* of them: a name or a number; "": as made */
	char group[33];
	char what[108]; /* path, interface, device or address; udp: "": calls only. A UNIX socket's
			   path has 107 characters */
	char arguments[256]; /* vdev: arguments of the driver, comma-separated; else "" */
	char text[256];      /* the spec as it was given, for messages */
};

/* fly_link_kind_name() - "vhost"; static storage. */
const char *fly_link_kind_name(enum fly_link_kind kind);

/*
 * fly_link_spec_parse() - parse a spec as described at struct fly_options.
 * Return: 0, or -FLY_EINVAL with a message for fly_error().
 */
int fly_link_spec_parse(const char *text, struct fly_link_spec *spec);

/* fly_link_spec_is() - does a text begin as a spec does, with a kind of links? */
bool fly_link_spec_is(const char *text);

/*
 * fly_link_spec_address() - parse "A.B.C.D" or "A.B.C.D:PORT".
 * @ip: network order. @port: host order; unchanged if there is none.
 * Return: 0 or -FLY_EINVAL, without a message.
 */
int fly_link_spec_address(const char *text, uint32_t *ip, uint16_t *port);

#endif
