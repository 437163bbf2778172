/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * link_spec.c - parses KIND:WHAT[,KEY[=VALUE]]... with getsubopt(3), inet_pton(3), sscanf(3).
 *
 * Called by fly_start() and fly_import(). Pure, but for the message that it leaves for
 * fly_error().
 */
#include "host/link_spec.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <firefly/status.h>

#include "base/error.h"
#include "host/peer_address.h"

static const char *const kinds[FLY_N_LINK_KINDS] = {
	[FLY_LINK_VHOST] = "vhost",
	[FLY_LINK_MEMIF] = "memif",
	[FLY_LINK_AF_PACKET] = "af_packet",
	[FLY_LINK_AF_XDP] = "af_xdp",
	[FLY_LINK_TAP] = "tap",
	[FLY_LINK_PCI] = "pci",
	[FLY_LINK_VDEV] = "vdev",
	[FLY_LINK_LOCAL] = "local",
	[FLY_LINK_UDP] = "udp",
};

enum key {
	SERVER,
	CLIENTS,
	QUEUES,
	IP,
	PEER,
	PORT,
	MAC,
	MTU,
	WAIT,
	CHECKSUM,
	HUGE,
	UID,
	MODE,
	OWNER,
	GROUP,
	GATEWAY,
	VLAN
};

static char *const keys[] = {
	[SERVER] = "server", [CLIENTS] = "clients",
	[QUEUES] = "queues", [IP] = "ip",
	[PEER] = "peer",     [PORT] = "port",
	[MAC] = "mac",       [MTU] = "mtu",
	[WAIT] = "wait",     [CHECKSUM] = "checksum",
	[HUGE] = "huge",     [UID] = "uid",
	[MODE] = "mode",     [OWNER] = "owner",
	[GROUP] = "group",   [GATEWAY] = "gateway",
	[VLAN] = "vlan",     NULL,
};

const char *fly_link_kind_name(enum fly_link_kind kind)
{
	return kinds[kind];
}

/* The kind whose name is in front of a colon; or FLY_N_LINK_KINDS. */
static int kind_of(const char *text)
{
	int kind;

	for (kind = 0; kind < FLY_N_LINK_KINDS; kind++) {
		const size_t n = strlen(kinds[kind]);

		if (strncmp(text, kinds[kind], n) == 0 && text[n] == ':')
			break;
	}
	return kind;
}

bool fly_link_spec_is(const char *text)
{
	return kind_of(text) != FLY_N_LINK_KINDS;
}

/* An integer between two bounds, or -1. */
static long number(const char *text, long least, long most)
{
	char *end;
	long value;

	if (!text || *text < '0' || *text > '9')
		return -1;
	errno = 0;
	value = strtol(text, &end, 10);
	return *end || errno || value < least || value > most ? -1 : value;
}

int fly_link_spec_address(const char *text, uint32_t *ip, uint16_t *port)
{
	char host[INET_ADDRSTRLEN];
	const char *colon = strchr(text, ':');
	const size_t bytes = colon ? (size_t)(colon - text) : strlen(text);
	long p = 0;

	if (bytes >= sizeof host)
		return -FLY_EINVAL;
	memcpy(host, text, bytes);
	host[bytes] = '\0';
	if (inet_pton(AF_INET, host, ip) != 1 || *ip == 0)
		return -FLY_EINVAL;
	if (colon) {
		p = number(colon + 1, 1, 65535);
		if (p < 0)
			return -FLY_EINVAL;
		*port = (uint16_t)p;
	}
	return 0;
}

/* Parse a MAC address. Nothing may follow it, which ether_aton(3) would ignore. */
static int mac(const char *text, uint8_t to[6])
{
	int end = 0;

	if (text[strspn(text, "0123456789abcdefABCDEF:")] != '\0' ||
	    sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &to[0], &to[1], &to[2], &to[3],
		   &to[4], &to[5], &end) != 6 ||
	    text[end] != '\0')
		return -FLY_EINVAL;
	return 0;
}

static int bad(const struct fly_link_spec *s, const char *what)
{
	return fly_fail(FLY_EINVAL, "link %s: %s", s->text, what);
}

/* ---- the keys: each function reads one, and returns NULL or what is wrong ---- */

static const char *read_server(struct fly_link_spec *s, const char *value)
{
	s->server = true;
	return value ? "server takes no value" : NULL;
}

static const char *read_clients(struct fly_link_spec *s, const char *value)
{
	const long n = number(value, 1, 32);

	if (n < 0 || (s->kind != FLY_LINK_VHOST && s->kind != FLY_LINK_MEMIF))
		return "clients= takes 1 to 32, on vhost and memif: each client is a port of "
		       "DPDK, which has 32";
	s->clients = (unsigned)n;
	return NULL;
}

static const char *read_queues(struct fly_link_spec *s, const char *value)
{
	const long n = number(value, 1, FLY_QUEUES_MAX);

	if (n < 0 || s->kind != FLY_LINK_VHOST)
		return "queues= takes 1 to 16, on vhost: as many as its guest has";
	s->queues = (unsigned)n;
	return NULL;
}

static const char *read_local_clients(struct fly_link_spec *s, const char *value)
{
	const long n = number(value, 1, FLY_LOCAL_CLIENTS_MAX);

	if (n < 0)
		return "clients= takes 1 to 4096";
	s->clients = (unsigned)n;
	return NULL;
}

static const char *read_ip(struct fly_link_spec *s, const char *value)
{
	const char *slash = value ? strchr(value, '/') : NULL;
	char address[INET_ADDRSTRLEN] = "";
	uint16_t no_port = 0;
	long prefix = 0;

	if (slash && slash - value < INET_ADDRSTRLEN)
		memcpy(address, value, (size_t)(slash - value));
	if (!value || fly_link_spec_address(slash ? address : value, &s->ip, &no_port) || no_port)
		return "ip= takes an address, as in ip=10.0.0.1 or ip=10.0.0.1/24";
	if (slash) {
		prefix = number(slash + 1, 1, 32);
		if (prefix < 0)
			return "ip= takes 1 to 32 bits behind the slash, as in ip=10.0.0.1/24";
	}
	s->prefix = (uint8_t)prefix;
	return NULL;
}

static const char *read_vlan(struct fly_link_spec *s, const char *value)
{
	const long n = number(value, 1, 4094);

	if (n < 0)
		return "vlan= takes the number of a VLAN, 1 to 4094";
	s->vlan = (uint16_t)n;
	return NULL;
}

static const char *read_gateway(struct fly_link_spec *s, const char *value)
{
	uint16_t no_port = 0;

	if (!value || fly_link_spec_address(value, &s->gateway, &no_port) || no_port)
		return "gateway= takes an address, as in gateway=10.0.0.1";
	return NULL;
}

/* Looked up by whoever imports: names change, and their look-up waits. */
static const char *read_udp_peer(struct fly_link_spec *s, const char *value)
{
	if (!value || !*value || strlen(value) >= sizeof s->peer)
		return "peer= takes an address or a name, as in peer=10.0.0.2, "
		       "peer=[fe80::1%eth0]:61989 or peer=host:61989";
	strcpy(s->peer, value);
	return NULL;
}

static const char *read_peer(struct fly_link_spec *s, const char *value)
{
	if (!value || fly_link_spec_address(value, &s->peer_ip, &s->peer_port))
		return "peer= takes an address, as in peer=10.0.0.2 or peer=10.0.0.2:61989";
	return NULL;
}

static const char *read_port(struct fly_link_spec *s, const char *value)
{
	const long n = number(value, 0, 65535);

	if (n < 0)
		return "port= takes a UDP port, 1 to 65535, or 0 for a free one";
	s->udp_port = (uint16_t)n;
	return NULL;
}

static const char *read_mac(struct fly_link_spec *s, const char *value)
{
	if (s->kind == FLY_LINK_AF_XDP)
		return "mac= is not for af_xdp: frames have the interface's hardware address";
	if (!value || mac(value, s->mac) || (s->mac[0] & 1))
		return "mac= takes a unicast address, as in mac=02:00:00:00:00:01";
	s->has_mac = true;
	return NULL;
}

static const char *read_mtu(struct fly_link_spec *s, const char *value)
{
	/* The loopback interface takes 65536. */
	const bool may_be_long =
		s->kind == FLY_LINK_VHOST || s->kind == FLY_LINK_MEMIF || s->kind == FLY_LINK_UDP;
	const bool is_xdp = s->kind == FLY_LINK_AF_XDP;
	const long n = number(value, FLY_MTU_LEAST,
			      may_be_long ? FLY_MTU_MOST
			      : is_xdp    ? FLY_MTU_MOST_OF_XDP
					  : FLY_MTU_MOST_OF_WIRES);

	if (n < 0 && is_xdp)
		return "mtu= takes 128 to 3506 bytes on af_xdp, whose frames lie in a page each";
	if (n < 0)
		return may_be_long ? "mtu= takes 128 to 65280 bytes"
				   : "mtu= takes 128 to 9000 bytes; on vhost, memif and udp 65280";
	s->mtu = (unsigned)n;
	return NULL;
}

static const char *read_wait(struct fly_link_spec *s, const char *value)
{
	const long n = number(value, 0, 86400);

	if (n < 0)
		return "wait= takes seconds, 0 to 86400";
	s->wait_ms = (unsigned)n * 1000;
	return NULL;
}

static const char *read_checksum(struct fly_link_spec *s, const char *value)
{
	if (value && !strcmp(value, "on"))
		s->checksum = FLY_CHECKSUM_ON;
	else if (value && !strcmp(value, "off"))
		s->checksum = FLY_CHECKSUM_OFF;
	else
		return "checksum= takes on or off";
	return NULL;
}

static const char *read_huge(struct fly_link_spec *s, const char *value)
{
	s->huge = true;
	return value ? "huge takes no value" : NULL;
}

static const char *read_uid(struct fly_link_spec *s, const char *value)
{
	const long n = number(value, 0, UINT32_MAX - 1L);

	s->uid = n;
	if (value && strcmp(value, "any") == 0)
		s->uid = FLY_LOCAL_UID_ANY;
	else if (n < 0)
		return "uid= takes the number of a user, or any";
	return NULL;
}

static const char only_servers[] = "mode=, owner= and group= are for servers of vhost and memif";

static bool has_socket(const struct fly_link_spec *s)
{
	return s->kind == FLY_LINK_VHOST || s->kind == FLY_LINK_MEMIF;
}

static const char *read_mode(struct fly_link_spec *s, const char *value)
{
	const size_t n = value ? strlen(value) : 0;

	if (!has_socket(s))
		return only_servers;
	if (n < 3 || n > 4 || strspn(value, "01234567") != n || (n == 4 && *value != '0'))
		return "mode= takes three octal digits, as in mode=660";
	s->mode = (int)strtol(value, NULL, 8);
	return NULL;
}

static const char *read_name(struct fly_link_spec *s, const char *value, char to[33])
{
	const size_t n = value ? strlen(value) : 0;

	if (!has_socket(s))
		return only_servers;
	if (n == 0 || n > 32)
		return "owner= and group= take a name of at most 32 characters, or a number";
	strcpy(to, value);
	return NULL;
}

static const char *read_owner(struct fly_link_spec *s, const char *value)
{
	return read_name(s, value, s->owner);
}

static const char *read_group(struct fly_link_spec *s, const char *value)
{
	return read_name(s, value, s->group);
}

static const char *refuse_access(struct fly_link_spec *s, const char *value)
{
	(void)s;
	(void)value;
	return "mode=, owner= and group= are for vhost and memif; who may call over a local link "
	       "is "
	       "said with each export (fly_export_with)";
}

static const char *refuse_udp_server(struct fly_link_spec *s, const char *value)
{
	(void)s;
	(void)value;
	return "server is not for udp: it serves at the address behind udp:, as in udp:0.0.0.0";
}

static const char *refuse_udp_interface(struct fly_link_spec *s, const char *value)
{
	(void)s;
	(void)value;
	return "its own address stands behind udp:, as in udp:10.0.0.1; the kernel has the "
	       "interfaces";
}

static const char *refuse_udp_mac(struct fly_link_spec *s, const char *value)
{
	(void)s;
	(void)value;
	return "mac= is for links that are an interface of their own";
}

static const char *refuse_udp_checksum(struct fly_link_spec *s, const char *value)
{
	(void)s;
	(void)value;
	return "checksum= is not for udp: the kernel computes and checks them";
}

/*
 * A local link has no addresses, nor packets; a udp: link leaves interfaces to the kernel: NULL in
 * its column is as for other links. Else NULL: there is no such key for that kind of link.
 */
static const struct {
	const char *(*packets)(struct fly_link_spec *s, const char *value);
	const char *(*local)(struct fly_link_spec *s, const char *value);
	const char *(*udp)(struct fly_link_spec *s, const char *value);
} readers[] = {
	[SERVER] = {read_server, read_server, refuse_udp_server},
	[CLIENTS] = {read_clients, read_local_clients, NULL},
	[QUEUES] = {read_queues, NULL, NULL},
	[IP] = {read_ip, NULL, refuse_udp_interface},
	[PEER] = {read_peer, NULL, read_udp_peer},
	[PORT] = {read_port, NULL, NULL},
	[MAC] = {read_mac, NULL, refuse_udp_mac},
	[MTU] = {read_mtu, NULL, NULL},
	[WAIT] = {read_wait, read_wait, NULL},
	[CHECKSUM] = {read_checksum, NULL, refuse_udp_checksum},
	[HUGE] = {NULL, read_huge, NULL},
	[UID] = {NULL, read_uid, NULL},
	[MODE] = {read_mode, refuse_access, NULL},
	[OWNER] = {read_owner, refuse_access, NULL},
	[GROUP] = {read_group, refuse_access, NULL},
	[GATEWAY] = {read_gateway, NULL, refuse_udp_interface},
	[VLAN] = {read_vlan, NULL, refuse_udp_interface},
};

/* What is no key of ours: of a vdev it is the driver's. */
static int set_argument(struct fly_link_spec *s, const char *value)
{
	if (s->kind != FLY_LINK_VDEV)
		return fly_fail(
			FLY_EINVAL,
			"link %s: '%s' is not a key; there are server, clients=, queues=, ip=, "
			"peer=, port=, mac=, mtu=, wait=, checksum=, mode=, owner=, "
			"group=, gateway=, vlan=",
			s->text, value);
	if (strlen(s->arguments) + strlen(value) + 2 > sizeof s->arguments)
		return bad(s, "too many arguments");
	strcat(strcat(s->arguments, s->arguments[0] ? "," : ""), value);
	return 0;
}

static int set(struct fly_link_spec *s, int key, const char *value)
{
	const bool is_local = s->kind == FLY_LINK_LOCAL;
	const char *(*reader)(struct fly_link_spec * s, const char *value) = NULL;
	const char *what;

	if (s->kind == FLY_LINK_VDEV &&
	    (key == MODE || key == OWNER || key == GROUP || key == QUEUES)) {
		char argument[sizeof s->text];

		snprintf(argument, sizeof argument, "%s%s%s", keys[key], value ? "=" : "",
			 value ? value : "");
		return set_argument(s, argument);
	}
	if (key >= 0)
		reader = is_local ? readers[key].local : readers[key].packets;
	if (key >= 0 && s->kind == FLY_LINK_UDP && readers[key].udp)
		reader = readers[key].udp;
	if (!reader && is_local)
		return bad(s, "a local link has the keys server, clients=, huge, uid=, wait=");
	if (key < 0)
		return set_argument(s, value);
	if (!reader)
		return bad(s, "huge and uid= are for local links");
	what = reader(s, value);
	return what ? bad(s, what) : 0;
}

static int check_local(struct fly_link_spec *s)
{
	if (strchr(s->what, '/') == NULL && strlen(s->what) > FLY_LOCAL_NAME_MAX)
		return bad(s, "a name has at most 96 characters");
	if (!s->server && (s->clients || s->huge))
		return bad(s, "clients= and huge are for the server's end");
	if (s->server && s->uid != FLY_LOCAL_UID_USUAL)
		return bad(s, "uid= is for the client's end: whom the server must be");
	if (s->clients == 0)
		s->clients = FLY_LOCAL_CLIENTS_DEFAULT;
	return 0;
}

/* Without an address it only calls, from a free port. */
static int check_udp(struct fly_link_spec *s)
{
	struct in6_addr address;
	uint32_t scope;
	uint16_t port = 0;

	if (s->what[0] && (fly_peer_address_parse(s->what, &address, &scope, &port) || port))
		return bad(s, "udp: takes an address of this machine, as in udp:0.0.0.0, "
			      "udp:10.0.0.1 or udp:[::]; a port is said with port=");
	return 0;
}

int fly_link_spec_parse(const char *text, struct fly_link_spec *s)
{
	char copy[sizeof s->text];
	char *what;
	char *options;
	int kind;

	*s = (struct fly_link_spec){
		.clients = 1,
		.queues = 1,
		.wait_ms = 5000,
		.udp_port = FLY_UDP_PORT_DEFAULT,
		.peer_port = FLY_UDP_PORT_DEFAULT,
	};
	if (!text || strlen(text) >= sizeof copy)
		return fly_fail(FLY_EINVAL,
				"a link spec is KIND:WHAT[,KEY=VALUE]..., at most 255 characters");
	strcpy(s->text, text);
	strcpy(copy, text);
	what = strchr(copy, ':');
	if (what)
		*what++ = '\0';
	for (kind = 0; kind < FLY_N_LINK_KINDS && strcmp(copy, kinds[kind]) != 0; kind++)
		;
	if (kind == FLY_N_LINK_KINDS)
		return fly_fail(
			FLY_EINVAL,
			"link %s: '%s' is not a kind of link; there are vhost, memif, af_packet, "
			"af_xdp, tap, pci, vdev, local, udp",
			s->text, copy);
	s->kind = (enum fly_link_kind)kind;
	s->uid = FLY_LOCAL_UID_USUAL;
	s->mode = -1;
	if (s->kind == FLY_LINK_LOCAL)
		s->clients = 0;
	if (s->kind == FLY_LINK_UDP && what && (*what == '\0' || *what == ','))
		s->udp_port = 0;
	else if (!what || *what == '\0' || *what == ',')
		return fly_fail(FLY_EINVAL, "link %s: what comes after '%s:' is missing", s->text,
				kinds[kind]);
	options = strchr(what, ',');
	if (options)
		*options++ = '\0';
	if (strlen(what) >= sizeof s->what)
		return bad(s, "the name is longer than 107 characters");
	if (s->kind == FLY_LINK_VHOST && strlen(what) > FLY_VHOST_PATH_MAX)
		return bad(s,
			   "the path of a vhost socket has at most 104 characters: the sockets of "
			   "further clients add .1 to .31, and the system takes 107");
	strcpy(s->what, what);
	while (options && *options) {
		char *value = NULL;
		const int key = getsubopt(&options, keys, &value);
		const int status = set(s, key, value);

		if (status)
			return status;
	}
	if (s->kind == FLY_LINK_LOCAL)
		return check_local(s);
	if (s->kind == FLY_LINK_UDP)
		return check_udp(s);
	if (s->clients > 1 && !s->server)
		return bad(s, "clients= is for the server's end");
	if (s->queues > 1 && !s->server)
		return bad(s, "queues= is for the server's end, which a guest connects to");
	if (!s->server && (s->mode >= 0 || s->owner[0] || s->group[0]))
		return bad(s, only_servers);
	if (s->vlan && s->kind == FLY_LINK_AF_XDP)
		return bad(s, "vlan= is not for af_xdp; the kernel's interface of a VLAN is, as in "
			      "af_xdp:eth0.5");
	if (s->vlan && has_socket(s))
		return bad(s,
			   "vlan= is for links that leave the machine: af_packet, tap, pci, vdev");
	if (s->vlan && s->ip == 0)
		return bad(s, "vlan= needs ip=: the addresses of an interface are those of its "
			      "frames without a tag");
	return 0;
}
