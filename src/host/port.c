/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port.c - opening and closing the DPDK port of a link.
 *
 * Called by the thread that starts or stops a runtime, and by the control thread when it brings a
 * client's port back (port_watch.c). Owns struct fly_port, and the claims on socket paths and UDP
 * ports. Must not touch a link while a poller has it.
 */
#include "host/port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_flow.h>

#include "fastpath/link_eth.h"
#include "fastpath/link_shared.h"
#include "fastpath/link_vlan.h"
#include "fastpath/link_xdp.h"
#include "host/bell.h"
#include "host/connections.h"
#include "host/eal.h"
#include "base/descriptors.h"
#include "base/error.h"
#include "base/signals.h"
#include "base/system_clock.h"
#include "host/limits.h"
#include "host/netlink.h"
#include "host/memif_rings.h"
#include "host/port_checksum.h"
#include "host/socket_access.h"
#include "host/socket_claim.h"
#include "host/port_device.h"
#include "slowpath/checksum.h"
#include "host/udp_port.h"
#include "host/xdp_pool.h"

#define DESCRIPTORS        1024 /* requested for each queue; the driver may use fewer */
#define DESCRIPTORS_LONG   256  /* of long packets: those of a ring stay in a core's cache */
#define DESCRIPTORS_LEAST  64   /* for each queue, however small the pool is */
#define REFILL_MS          100  /* for the pool to have packets for a queue again */
#define TRY_AGAIN_MS       20
#define ANSWER_MS          20   /* for a server to answer a probe; then it is asked again */
#define CONNECT_MS         100  /* for connect(2) of memif, with interrupts held */
#define GRACE_MS           1200 /* whatever wait= says: DPDK looks at new listeners once a second */
#define DRIVER_MS          2000 /* for a server to answer a driver, each time */
#define DEVICE_DESCRIPTORS 12   /* that a driver opens at once: 8, and some to spare */
#define DEVICE_THREADS     2
#define MTU_DEFAULT        1500
#define MTU_SHARED         9000 /* where both ends share memory: docs/performance.md has why */

/* Of af_packet's rings: as DPDK has them, and how longer frames lie in them. */
#define RING_FRAME        2048
#define RING_FRAME_HEAD   66 /* bytes of a ring's frame in front of the Ethernet frame */
#define RING_FRAME_KEPT   32 /* of these, those that the driver takes off */
#define RING_FRAME_ALIGN  1024
#define RING_BLOCK_FRAMES 4 /* a block is whole pages */

/* The two ends of a point-to-point link, link-local (RFC 3927). */
#define SERVER_IP RTE_BE32(169U << 24 | 254U << 16 | 70U << 8 | 1U)
#define CLIENT_IP RTE_BE32(169U << 24 | 254U << 16 | 70U << 8 | 2U)

/* The kinds of links, a row each. */
static const struct kind {
	const char *bus;
	const char *device;  /* DPDK's name of the device, with a number for %u; NULL: as given */
	bool shares_memory;  /* both ends are on one machine: no checksums */
	bool point_to_point; /* our role tells the far end: default addresses */
	bool has_server;     /* a client waits for its server; either may die */
	bool starts_again;   /* the device of a client can be stopped and started again */
	bool sets_mtu;       /* the device is told its MTU; af_packet's would change the kernel's */
} kinds[FLY_N_LINK_KINDS] = {
	[FLY_LINK_VHOST] = {"vdev", NULL, true, true, true, false, false},
	[FLY_LINK_MEMIF] = {"vdev", "net_memif%u", true, true, true, true, false},
	[FLY_LINK_AF_PACKET] = {"vdev", "net_af_packet%u", false, false, false, false, false},
	[FLY_LINK_AF_XDP] = {"vdev", "net_af_xdp%u", false, false, false, false, false},
	[FLY_LINK_TAP] = {"vdev", "net_tap%u", false, false, false, false, true},
	[FLY_LINK_PCI] = {"pci", NULL, false, false, false, false, true},
	[FLY_LINK_VDEV] = {"vdev", NULL, false, true, false, false, true},
};

static _Atomic unsigned devices_ever;

static const char silent[] = "the server does not answer: it is stopped or hangs";

/* ---- checks before the device is added ---- */

static int check_system(struct fly_port *port)
{
	const struct fly_link_spec *s = &port->spec;
	char path[FLY_SOCKET_PATH_BYTES + 32];

	if (s->vlan && port->group->n > 1)
		return fly_fail(FLY_EINVAL,
				"link %s: vlan= is for runtimes with one poller; the kernel's "
				"interface of a VLAN, as af_packet:eth0.5, takes several",
				s->text);
	if (s->udp_port + port->group->n - 1 > UINT16_MAX)
		return fly_fail(FLY_EINVAL,
				"link %s: %u pollers need as many UDP ports, from %u on", s->text,
				port->group->n, s->udp_port);
	switch (s->kind) {
	case FLY_LINK_AF_PACKET:
	case FLY_LINK_AF_XDP:
		return fly_netdev_check(port);
	case FLY_LINK_TAP:
		if (access("/dev/net/tun", R_OK | W_OK) != 0 || geteuid() != 0)
			return fly_fail(FLY_EPERM, "link %s: tap needs root and /dev/net/tun",
					s->text);
		break;
	case FLY_LINK_PCI:
		snprintf(path, sizeof path, "/sys/bus/pci/devices/%s", s->what);
		if (access(path, F_OK) != 0)
			return fly_fail(FLY_EINVAL,
					"link %s: there is no PCI device %s; 'lspci -D' shows "
					"those there are",
					s->text, s->what);
		break;
	default:
		break;
	}
	if (s->udp_port == 0) /* nobody else has this end */
		port->spec.udp_port = FLY_UDP_PORT_DEFAULT;
	if (s->ip == 0 && !kinds[s->kind].point_to_point)
		return fly_fail(FLY_EINVAL,
				"link %s: our own address is not known; add ip=", s->text);
	return 0;
}

/* ---- how long packets are ---- */

void fly_port_choose_mtu(struct fly_link_spec *spec)
{
	struct fly_netlink_facts facts;

	if (spec->mtu || spec->kind == FLY_LINK_LOCAL)
		return;
	if (spec->kind == FLY_LINK_UDP) {
		spec->mtu = fly_udp_port_mtu(spec);
	} else if (kinds[spec->kind].shares_memory) {
		spec->mtu = MTU_SHARED;
	} else if (spec->kind == FLY_LINK_AF_PACKET || spec->kind == FLY_LINK_AF_XDP) {
		const unsigned most =
			spec->kind == FLY_LINK_AF_XDP ? FLY_MTU_MOST_OF_XDP : FLY_MTU_MOST_OF_WIRES;

		if (fly_netlink_look(spec->what, &facts) == 0)
			spec->mtu = RTE_MIN(facts.mtu, most);
		fly_netlink_forget(&facts);
	}
}

static unsigned tag_bytes(const struct fly_link_spec *spec)
{
	return spec->vlan ? FLY_VLAN_BYTES : 0;
}

/* Bytes of a frame in af_packet's rings; 0: as the driver has it. */
static unsigned ring_frame(const struct fly_link_spec *spec)
{
	const unsigned bytes = spec->mtu + FLY_IP + tag_bytes(spec) + RING_FRAME_HEAD;

	return spec->kind == FLY_LINK_AF_PACKET && bytes > RING_FRAME
		       ? RTE_ALIGN(bytes, (unsigned)RING_FRAME_ALIGN)
		       : 0;
}

uint32_t fly_port_packet_room(const struct fly_link_spec *spec)
{
	const unsigned frame = ring_frame(spec);

	/* af_packet's driver refuses buffers that the longest frame of its ring does not fit into.
	 */
	return frame ? frame - RING_FRAME_KEPT : spec->mtu + FLY_IP + tag_bytes(spec);
}

/* ---- the device ---- */

/*
 * descriptors() - the length of a queue. A driver that does not copy keeps what it has sent until
 * its queue is full, and virtio-user fills the queue that it receives into with one request to the
 * pool, or not at all: with less than that left in the pool it would receive nothing any more. All
 * ports together keep at most half of the pool.
 */
static uint16_t descriptors(const struct fly_port *port)
{
	const struct fly_poller_group *group = port->group;
	const unsigned queues = (port->fills_two_rings ? 4 : 2) * RTE_MAX(port->n_queues, 1U) *
				RTE_MAX(group->n_keeping, 1U);
	unsigned n = kinds[port->spec.kind].shares_memory && port->spec.mtu > MTU_DEFAULT
			     ? DESCRIPTORS_LONG
			     : DESCRIPTORS;

	while (n > DESCRIPTORS_LEAST && n * queues > (group->packets + 1) / 2)
		n /= 2;
	return (uint16_t)n;
}

/*
 * Bytes of memif's buffers, of which a packet takes one: a multiple of half a page, so that a small
 * packet never lies in two pages.
 */
static unsigned memif_buffer(const struct fly_port *port)
{
	const unsigned room =
		rte_pktmbuf_data_room_size(port->group->pool) - (unsigned)RTE_PKTMBUF_HEADROOM;

	const unsigned bytes = RTE_ALIGN(room, 2048U);

	return bytes <= UINT16_MAX ? bytes : room;
}

static void device_arguments(struct fly_port *port, char *to, size_t bytes)
{
	const struct fly_link_spec *s = &port->spec;
	const unsigned id = atomic_fetch_add(&devices_ever, 1);
	const unsigned frame = ring_frame(s);
	char path[FLY_SOCKET_PATH_BYTES];
	int n;

	fly_socket_claim_name(path, sizeof path, s->what, port->client);
	*to = '\0';
	if (kinds[s->kind].device) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(port->device, sizeof port->device, kinds[s->kind].device, id);
#pragma GCC diagnostic pop
	} else {
		snprintf(port->device, sizeof port->device, "%.31s", s->what);
	}
	switch (s->kind) {
	case FLY_LINK_VHOST:
		snprintf(port->device, sizeof port->device,
			 s->server ? "net_vhost%u" : "net_virtio_user%u", id);
		if (s->server)
			snprintf(to, bytes, "iface=%s,queues=%u", path, s->queues);
		else
			snprintf(to, bytes, "path=%s,queues=1,queue_size=%u,packed_vq=1", path,
				 descriptors(port));
		break;
	case FLY_LINK_MEMIF:
		snprintf(to, bytes, "role=%s,socket=%s,socket-abstract=no,id=%u,rsize=%u,bsize=%u",
			 s->server ? "server" : "client", s->what, port->client,
			 FLY_MEMIF_LOG2_LENGTH, memif_buffer(port));
		break;
	case FLY_LINK_AF_PACKET:
		/* The kernel chooses the queue of each packet. */
		n = snprintf(to, bytes, "iface=%s,qpairs=%u", s->what, port->group->n);
		if (frame) /* else it drops what is longer, both ways, and does not say so */
			snprintf(to + n, bytes - (size_t)n, ",framesz=%u,blocksz=%u", frame,
				 RING_BLOCK_FRAMES * frame);
		break;
	case FLY_LINK_AF_XDP:
		/*
		 * By default the driver has the card polled by each receive that finds nothing,
		 * with a system call. Where there is none that is for nothing.
		 */
		snprintf(to, bytes, "iface=%s,queue_count=%u,xdp_prog=/proc/self/fd/%d%s", s->what,
			 port->xdp.frames.n_queues, port->xdp.object_fd,
			 fly_xdp_is_card(s->what) ? "" : ",busy_budget=0");
		break;
	case FLY_LINK_TAP:
		snprintf(to, bytes, "iface=%s", s->what);
		break;
	default:
		snprintf(to, bytes, "%s", s->arguments);
	}
}

static int no_device(const struct fly_port *port, int error)
{
	/* Many drivers return -1 for whatever fails. It is not EPERM. */
	const bool is_number = error != -1;
	const char *mend = port->spec.kind == FLY_LINK_PCI
				   ? "; is it bound to vfio-pci (dpdk-devbind.py --bind=vfio-pci)?"
				   : "";

	return fly_fail(error == -EACCES ? FLY_EPERM : FLY_ESYSTEM,
			"link %s: DPDK cannot open %s: %s%s%s", port->spec.text, port->device,
			is_number ? strerror(error < 0 ? -error : ENODEV)
				  : "the driver does not say why",
			mend, fly_eal_last_log());
}

/* Does the driver free on the interrupt thread what its bursts use? */
static bool needs_kernel_port(const struct fly_port *port)
{
	return strncmp(port->device, "net_memif", 9) == 0;
}

/*
 * One pair of queues for each poller if the device has as many; else one pair. Links between
 * processes have one pair, whatever the driver says: the far end decides to which queue it sends.
 */
static unsigned queues_of(const struct fly_port *port, const struct rte_eth_dev_info *info)
{
	const unsigned n = port->group->n;

	return info->max_rx_queues >= n && info->max_tx_queues >= n &&
			       !kinds[port->spec.kind].has_server && !needs_kernel_port(port) &&
			       port->spec.kind != FLY_LINK_AF_XDP
		       ? n
		       : 1;
}

static int set_up_queues(struct fly_port *port, uint16_t id, const struct rte_eth_conf *conf)
{
	const unsigned socket = (unsigned)rte_eth_dev_socket_id(id);
	const bool is_xdp = port->spec.kind == FLY_LINK_AF_XDP;
	const uint16_t n = is_xdp ? port->xdp.frames.n_queues
				  : (uint16_t)RTE_MAX(port->n_queues, port->spec.queues);
	uint16_t n_rx = descriptors(port);
	uint16_t n_tx = n_rx;
	int error;

	error = rte_eth_dev_configure(id, n, n, conf);
	if (!error)
		error = rte_eth_dev_adjust_nb_rx_tx_desc(id, &n_rx, &n_tx);
	for (uint16_t i = 0; i < n && !error; i++) {
		error = rte_eth_rx_queue_setup(id, i, n_rx, socket, NULL,
					       is_xdp ? port->xdp_pools[i] : port->group->pool);
		if (!error)
			error = rte_eth_tx_queue_setup(id, i, n_tx, socket, NULL);
	}
	return error;
}

/* Configure offloads, queues and MTU by what the device has. */
static int configure(struct fly_port *port, uint16_t id)
{
	struct rte_eth_conf conf = {0};
	struct rte_eth_dev_info info;
	uint16_t mtu = MTU_DEFAULT;
	int error;

	error = rte_eth_dev_info_get(id, &info);
	if (error)
		return no_device(port, error);
	fly_port_checksum(&port->link, &port->spec, kinds[port->spec.kind].shares_memory, &info,
			  &conf);
	port->fills_two_rings = strcmp(info.driver_name, "net_vmxnet3") == 0;
	port->n_queues = queues_of(port, &info);
	if (port->n_queues > 1 && (info.flow_type_rss_offloads & RTE_ETH_RSS_NONFRAG_IPV4_UDP)) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = RTE_ETH_RSS_NONFRAG_IPV4_UDP;
	}
	error = set_up_queues(port, id, &conf);
	if (error && port->n_queues > 1) {
		/* Some take not every number: vmxnet3 only powers of two. One does for all pollers.
		 */
		port->n_queues = 1;
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_NONE;
		error = set_up_queues(port, id, &conf);
	}
	if (error)
		return no_device(port, error);
	if (port->spec.mtu && kinds[port->spec.kind].sets_mtu) {
		/* Many virtual devices take packets of any length but refuse to set an MTU. */
		error = rte_eth_dev_set_mtu(id, (uint16_t)port->spec.mtu);
		if (error && port->spec.kind == FLY_LINK_PCI)
			return fly_fail(FLY_EINVAL, "link %s: the card does not take an MTU of %u",
					port->spec.text, port->spec.mtu);
	}
	if (port->spec.mtu)
		mtu = (uint16_t)port->spec.mtu;
	else if (rte_eth_dev_get_mtu(id, &mtu) != 0)
		mtu = MTU_DEFAULT;
	mtu = (uint16_t)RTE_MIN((unsigned)mtu, rte_pktmbuf_data_room_size(port->group->pool) -
						       RTE_PKTMBUF_HEADROOM - (unsigned)FLY_IP -
						       tag_bytes(&port->spec));
	port->link.comes_in_pieces = port->spec.kind == FLY_LINK_PCI;
	port->link.has_one_peer = kinds[port->spec.kind].has_server;
	fly_payload_init(&port->link, (uint16_t)(mtu - FLY_IP_OVERHEAD));
	return 0;
}

static bool serves_vhost(const struct fly_port *port)
{
	return port->spec.kind == FLY_LINK_VHOST && port->spec.server;
}

static bool calls_vhost(const struct fly_port *port)
{
	return port->spec.kind == FLY_LINK_VHOST && !port->spec.server;
}

/* Its clients' memory is looked after from the moment on at which it listens. */
static int configure_guarded(struct fly_port *port, uint16_t id)
{
	char path[FLY_SOCKET_PATH_BYTES];
	int status;

	fly_socket_claim_name(path, sizeof path, port->spec.what, port->client);
	status = fly_vhost_guard_begin(&port->memory, id, path, port->bell);
	if (status)
		return status;
	status = configure(port, id);
	if (status == 0)
		fly_vhost_guard_listens(&port->memory);
	return status;
}

/* ---- af_xdp ---- */

static void close_xdp(struct fly_port *port)
{
	fly_xdp_end(&port->xdp);
	for (unsigned i = 0; i < FLY_XDP_QUEUES; i++) {
		fly_xdp_pool_free(port->xdp_pools[i]);
		port->xdp_pools[i] = NULL;
	}
}

/* What the device needs before there is one. Return: 0, or a negative status with a message. */
static int prepare_xdp(struct fly_port *port)
{
	int status;

	port->xdp.frames.n_queues = /* fewer were checked, and may be more now */
		(uint8_t)RTE_MIN(fly_xdp_queues(port->spec.what), (unsigned)FLY_XDP_QUEUES);
	for (unsigned i = 0; i < port->xdp.frames.n_queues; i++) {
		port->xdp_pools[i] = fly_xdp_pool_new(port->group->node);
		if (!port->xdp_pools[i]) {
			close_xdp(port);
			return fly_fail(
				FLY_ENOMEM,
				"link %s: no memory in one piece, of 18 MB, for the frames of a "
				"queue%s",
				port->spec.text, fly_eal_last_log());
		}
	}
	status = fly_xdp_object(&port->xdp, port->spec.text);
	if (status)
		close_xdp(port);
	return status;
}

static void close_device(struct fly_port *port, uint16_t id)
{
	fly_vhost_guard_quit(&port->memory);
	fly_xdp_take_off(&port->xdp);
	rte_eth_dev_close(id);
	rte_eal_hotplug_remove(kinds[port->spec.kind].bus, port->device);
	fly_vhost_guard_end(&port->memory);
	close_xdp(port);
}

/* ---- waking a poller that sleeps ---- */

/* The first poller's link, which has the device, is the first member of its port. */
static struct fly_port *port_of(struct fly_link *link)
{
	return (struct fly_port *)(void *)link;
}

static int arm_server(struct fly_link *link, int *fds)
{
	struct fly_port *port = port_of(link);

	/* A guest is asked to ring by one of its queues only. */
	if (port->bell < 0 || port->spec.queues > 1 || !fly_vhost_guard_ask(&port->memory))
		return -1;
	fds[0] = port->bell;
	return 1;
}

static void disarm_server(struct fly_link *link)
{
	fly_vhost_guard_ask_no_more(&port_of(link)->memory);
}

static int arm_client(struct fly_link *link, int *fds)
{
	struct fly_port *port = port_of(link);

	if (port->bell < 0)
		return -1;
	fly_bell_forget(port->bell);
	if (rte_eth_dev_rx_intr_enable(link->port, 0) != 0)
		return -1;
	fds[0] = port->bell;
	return 1;
}

static void disarm_client(struct fly_link *link)
{
	rte_eth_dev_rx_intr_disable(link->port, 0);
}

/* The kernel makes it readable for each frame that the driver has not taken yet, asked or not. */
static int arm_socket(struct fly_link *link, int *fds)
{
	fds[0] = port_of(link)->packet_fd;
	return fds[0] < 0 ? -1 : 1;
}

static void find_packet_socket(int fd, void *context)
{
	int domain = 0;
	socklen_t bytes = sizeof domain;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &bytes) == 0 && domain == AF_PACKET)
		*(int *)context = fd;
}

/* What the driver has opened when it was started. */
static void find_bells(struct fly_port *port, const struct fly_descriptors *eventfds_before)
{
	if (calls_vhost(port))
		fly_bell_add_new(port->bell, eventfds_before);
	port->packet_fd = -1;
	/* Several pollers have a socket each, and nobody says whose is which. */
	if (port->spec.kind == FLY_LINK_AF_PACKET && port->n_queues == 1)
		fly_descriptors_each_new(&port->before, find_packet_socket, &port->packet_fd);
	else if (port->spec.kind == FLY_LINK_AF_XDP)
		port->packet_fd = port->xdp.wake_fd;
}

/*
 * How the driver wakes (memif: memif_guard.c). Not by intr_conf.rxq: with it virtio-user 22.11
 * closes its eventfds twice, and DPDK's interrupt thread uses a device that may be gone. The
 * descriptor of a queue is not told without it, but its flags can be set.
 */
static void wake_by_device(struct fly_port *port)
{
	if (fly_netdev_is_kernels(port))
		port->link.arm = arm_socket;
	if (port->spec.kind != FLY_LINK_VHOST)
		return;
	port->link.arm = port->spec.server ? arm_server : arm_client;
	port->link.disarm = port->spec.server ? disarm_server : disarm_client;
}

/* Add and configure the device; do not start it. Return: 0 or a status with a message. */
static int add_device(struct fly_port *port)
{
	const char *bus = kinds[port->spec.kind].bus;
	char arguments[512];
	uint16_t id = RTE_MAX_ETHPORTS;
	int status;
	int error;

	if (port->spec.kind == FLY_LINK_AF_XDP) {
		status = prepare_xdp(port);
		if (status)
			return status;
	}
	device_arguments(port, arguments, sizeof arguments);
	/* Drivers that cannot have these say "not permitted", abort, or crash. */
	status = fly_limits_descriptors(DEVICE_DESCRIPTORS, port->spec.text);
	if (!status)
		status = fly_limits_threads(DEVICE_THREADS, port->spec.text);
	if (!status && needs_kernel_port(port))
		status = fly_memif_guard_start();
	if (!status && rte_eth_dev_count_total() == RTE_MAX_ETHPORTS)
		status = fly_fail(FLY_EINVAL,
				  "link %s: this process has %d ports, which is all that its DPDK "
				  "has room for; use another process for more",
				  port->spec.text, RTE_MAX_ETHPORTS);
	if (status) {
		close_xdp(port);
		return status;
	}
	fly_memif_guard_hold();
	error = rte_eal_hotplug_add(bus, port->device, arguments);
	if (!error)
		error = rte_eth_dev_get_port_by_name(port->device, &id);
	if (error)
		status = no_device(port, error);
	else
		status = serves_vhost(port) ? configure_guarded(port, id) : configure(port, id);
	if (!status && port->spec.kind == FLY_LINK_AF_XDP)
		status = fly_xdp_take(&port->xdp, port->spec.text, &port->before);
	if (status && !error)
		close_device(port, id);
	else if (status) {
		rte_eal_hotplug_remove(bus, port->device);
		close_xdp(port);
	}
	fly_memif_guard_drop();
	if (status)
		return status;
	fly_link_eth(&port->link, id);
	if (port->spec.kind == FLY_LINK_AF_XDP)
		fly_link_xdp(&port->link, &port->xdp.frames);
	if (port->spec.vlan)
		fly_link_vlan(&port->link, port->spec.vlan);
	port->queues = (struct fly_eth_queues){.n = (uint8_t)port->spec.queues};
	if (port->spec.queues > 1)
		fly_link_eth_queues(&port->link, &port->queues);
	wake_by_device(port);
	if (needs_kernel_port(port)) {
		port->guarded.owner = port->group;
		port->guarded.server = port->spec.server;
		fly_memif_guard_add(&port->guarded);
	}
	if (port->shared)
		fly_shared_join(port->shared, &port->link, 0, port->n_queues);
	port->device_number = port->client;
	port->open = true;
	return 0;
}

/*
 * refill() - what virtio-user has received is replaced before it is closed. DPDK 22.11 forgets to
 * take it off its list (virtqueue_dequeue_burst_rx_packed()): what could not be replaced is freed
 * again then.
 */
static void refill(const struct fly_port *port)
{
	struct rte_mbuf *packets[FLY_BURST];
	struct rte_eth_stats before;
	struct rte_eth_stats after;

	for (unsigned ms = 0; ms < REFILL_MS; ms++) {
		uint16_t n;

		rte_eth_stats_get(port->link.port, &before);
		n = rte_eth_rx_burst(port->link.port, 0, packets, FLY_BURST);
		rte_pktmbuf_free_bulk(packets, n);
		rte_eth_stats_get(port->link.port, &after);
		if (n == 0 && after.rx_nombuf == before.rx_nombuf)
			return;
		if (after.rx_nombuf != before.rx_nombuf)
			rte_delay_us_sleep(1000);
	}
}

static void remove_device(struct fly_port *port)
{
	fly_device_counts_end(port);
	fly_memif_guard_remove(&port->guarded);
	fly_memif_guard_hold();
	if (port->started && calls_vhost(port))
		refill(port);
	fly_netdev_forget(port);
	if (port->started)
		rte_eth_dev_stop(port->link.port);
	close_device(port, port->link.port);
	fly_memif_guard_drop();
	port->open = port->started = false;
}

static void take_mac(struct fly_port *port)
{
	struct rte_ether_addr mac;

	rte_eth_macaddr_get(port->link.port, &mac);
	if (port->spec.kind == FLY_LINK_TAP) {
		/* The kernel's end has the device's: a bridge must be able to tell us apart. */
		mac.addr_bytes[0] |= RTE_ETHER_LOCAL_ADMIN_ADDR;
		mac.addr_bytes[5] ^= 1;
	}
	memcpy(port->link.mac, port->spec.has_mac ? port->spec.mac : mac.addr_bytes, 6);
	if (port->spec.has_mac && port->spec.kind != FLY_LINK_TAP)
		rte_eth_dev_default_mac_addr_set(port->link.port,
						 (struct rte_ether_addr *)port->spec.mac);
}

/*
 * Steer the packets for each poller's UDP port to its queue, if the device supports such a rule.
 * Packets that arrive at another queue are passed on.
 */
static void steer(struct fly_port *port)
{
	const struct rte_flow_item_udp any_port = {.hdr.dst_port = UINT16_MAX};
	const struct rte_flow_attr attributes = {.ingress = 1};

	for (unsigned i = 0; i < port->n_queues; i++) {
		const uint16_t udp_port = htons((uint16_t)(port->spec.udp_port + i));
		const struct rte_flow_item_udp udp = {.hdr.dst_port = udp_port};
		const struct rte_flow_action_queue queue = {.index = (uint16_t)i};
		const struct rte_flow_item pattern[] = {
			{.type = RTE_FLOW_ITEM_TYPE_ETH},
			{.type = RTE_FLOW_ITEM_TYPE_IPV4},
			{.type = RTE_FLOW_ITEM_TYPE_UDP, .spec = &udp, .mask = &any_port},
			{.type = RTE_FLOW_ITEM_TYPE_END},
		};
		const struct rte_flow_action actions[] = {
			{.type = RTE_FLOW_ACTION_TYPE_QUEUE, .conf = &queue},
			{.type = RTE_FLOW_ACTION_TYPE_END},
		};
		struct rte_flow_error why;

		if (rte_flow_validate(port->link.port, &attributes, pattern, actions, &why) == 0)
			rte_flow_create(port->link.port, &attributes, pattern, actions, &why);
	}
}

/*
 * Cards take questions to all of a network only if they are told. What a driver cannot do it does
 * for all frames. The interface of af_packet is the kernel's: netdev.c.
 */
static void join_group(const struct fly_port *port)
{
	struct rte_ether_addr group = {.addr_bytes = FLY_GROUP_MAC};

	if (port->spec.kind == FLY_LINK_AF_PACKET || kinds[port->spec.kind].has_server)
		return;
	if (rte_eth_dev_set_mc_addr_list(port->link.port, &group, 1) != 0)
		rte_eth_allmulticast_enable(port->link.port);
}

/* All but the UDP port. */
void fly_port_tell_others(struct fly_port *port)
{
	const struct fly_link *first = &port->link;

	for (unsigned i = 1; i < port->group->n; i++) {
		struct fly_link *link = port->others[i];

		link->port = first->port;
		link->ip = first->ip;
		link->udp_port = htons((uint16_t)(port->spec.udp_port + i));
		memcpy(link->mac, first->mac, 6);
		link->takes_partial = first->takes_partial;
		link->demands_checksum = first->demands_checksum;
		fly_link_set_checksum(link, first->checksum);
		link->zero_copy = first->zero_copy;
		link->answers_arp = first->answers_arp;
		link->is_private = first->is_private;
		link->pool = first->pool;
		link->peers_move = first->peers_move;
		link->routes = first->routes;
		link->prefix = first->prefix;
		link->interface = first->interface;
		link->neighbour = first->neighbour;
		link->has_one_peer = first->has_one_peer;
		link->comes_in_pieces = first->comes_in_pieces;
		fly_payload_init(link, first->payload_own);
		fly_shared_join(port->shared, link, i, port->n_queues);
	}
}

static void socket_path(const struct fly_port *port, char path[FLY_SOCKET_PATH_BYTES])
{
	fly_socket_claim_name(path, FLY_SOCKET_PATH_BYTES, port->spec.what, port->client);
}

static int start_device(struct fly_port *port)
{
	int status;
	int error;

	fly_eal_forget_log();
	if (port->open && port->device_number != port->client)
		remove_device(port); /* its arguments name the other client number */
	status = port->open ? 0 : add_device(port);
	if (status)
		return status;
	fly_memif_guard_hold();
	error = fly_netdev_start(port);
	fly_memif_guard_drop();
	if (error) {
		status = no_device(port, error);
		if (!kinds[port->spec.kind].starts_again)
			remove_device(port);
		return status;
	}
	port->started = true;
	take_mac(port);
	join_group(port);
	if (port->n_queues > 1)
		steer(port);
	fly_port_tell_others(port);
	return 0;
}

/*
 * A server that is stopped or hangs
 *
 * virtio-user waits for its answers, when it starts and stops and when DPDK's memory grows. memif
 * waits in connect(2) if others already do. Starting has a limit from outside; then a connection
 * of virtio-user gets one of its own. A start that fails leaves virtio-user's connection behind.
 */
static int start_client(struct fly_port *port)
{
	const bool is_vhost = port->spec.kind == FLY_LINK_VHOST;
	struct fly_connections_watch *watch;
	char path[FLY_SOCKET_PATH_BYTES];
	bool slow;
	int status;

	socket_path(port, path);
	if (is_vhost && port->lock_fd >= 0) /* it was probed */
		snprintf(path, sizeof path, "%s", port->server_name);
	watch = fly_connections_watch_begin(is_vhost ? path : NULL,
					    is_vhost ? DRIVER_MS : CONNECT_MS);
	status = start_device(port);
	slow = fly_connections_watch_end(watch);
	if (status == 0 && is_vhost)
		fly_connections_limit(path, DRIVER_MS);
	else if (is_vhost && port->lock_fd >= 0 && path[0] == '/') /* else it may not be alone */
		fly_connections_close_ours(path); /* they were its own: it has the claim */
	return status && slow ? fly_fail(FLY_ETIMEOUT, "%s", silent) : status;
}

/*
 * Drivers start threads, which inherit the signal mask: signals are left to the program, but for
 * those of faults in memory that a peer shares (base/fault.h).
 */
int fly_port_start_device(struct fly_port *port)
{
	struct fly_descriptors eventfds;
	sigset_t before;
	int status;

	fly_descriptors_note(&port->before);
	fly_bell_note(&eventfds);
	fly_signals_block_but_faults(&before);
	status = fly_port_has_peer(port) && !port->spec.server ? start_client(port)
							       : start_device(port);
	fly_signals_restore(&before);
	if (status == 0) {
		find_bells(port, &eventfds);
		fly_device_counts_begin(port);
	}
	fly_descriptors_close_on_exec(&port->before);
	return status;
}

void fly_port_stop_device(struct fly_port *port)
{
	if (port->shared)
		fly_shared_drain(port->shared);
	fly_device_counts_end(port);
	if (kinds[port->spec.kind].starts_again) {
		fly_memif_guard_hold();
		rte_eth_dev_stop(port->link.port);
		fly_memif_guard_drop();
		port->started = false;
	} else {
		remove_device(port);
	}
	fly_socket_claim_drop(port->lock_fd, NULL);
	port->lock_fd = -1;
}

bool fly_port_is_up(const struct fly_port *port)
{
	struct rte_eth_link state;

	return rte_eth_link_get_nowait(port->link.port, &state) == 0 &&
	       state.link_status == RTE_ETH_LINK_UP;
}

bool fly_port_has_peer(const struct fly_port *port)
{
	return kinds[port->spec.kind].has_server;
}

/* Does the server of our client number speak? Without a claim it is no Firefly: not asked. */
static int probe(struct fly_port *port)
{
	char path[FLY_SOCKET_PATH_BYTES];

	if (!calls_vhost(port) || port->lock_fd < 0)
		return 0;
	if (port->probe_fd >= 0 && port->probe_client != port->client) {
		close(port->probe_fd);
		port->probe_fd = -1;
	}
	port->probe_client = port->client;
	socket_path(port, path);
	return fly_connections_probe(path, &port->probe_fd, ANSWER_MS, port->server_name);
}

static void drop_claim(struct fly_port *port)
{
	fly_socket_claim_drop(port->lock_fd, NULL);
	port->lock_fd = -1;
}

int fly_port_reach(struct fly_port *port, const char **why)
{
	int status = fly_socket_claim_client(port->spec.what, &port->client, &port->lock_fd);

	*why = status == -FLY_EINUSE
		       ? "all its places are taken; start the server with a larger clients=, "
			 "up to 32"
	       : status == -FLY_EPERM ? "no permission to use its socket"
				      : "no server is there";
	if (status)
		return status;
	/* A server in this process could not accept the probe. */
	status = fly_limits_descriptors(DEVICE_DESCRIPTORS, port->spec.text);
	if (status) {
		*why = fly_error();
		drop_claim(port);
		return status;
	}
	status = probe(port);
	if (status) {
		*why = status == -FLY_ETIMEOUT
			       ? "the server does not answer: it is stopped or hangs"
		       : status == -FLY_EPERM ? "no permission to use its socket"
					      : "no server is there";
		drop_claim(port);
		return status;
	}
	status = fly_port_start_device(port);
	if (status) {
		*why = fly_error();
		drop_claim(port);
	}
	return status;
}

/*
 * Wait for the driver to connect: memif connects when it is asked whether its link is up. While
 * others wait to be accepted, connect(2) waits, too.
 */
static bool wait_up(const struct fly_port *port, uint64_t end_ms)
{
	struct fly_connections_watch *watch;
	const uint64_t now_ms = fly_system_clock_ms();
	bool up;

	watch = fly_connections_watch_begin(NULL, (unsigned)(end_ms - RTE_MIN(now_ms, end_ms)));
	while (!(up = fly_port_is_up(port)) && fly_system_clock_ms() < end_ms)
		usleep(1000);
	fly_connections_watch_end(watch);
	return up;
}

static int open_client(struct fly_port *port)
{
	const uint64_t end_ms = fly_system_clock_ms() + port->spec.wait_ms;
	const char *why;
	char reason[384];

	for (;;) {
		int status = fly_port_reach(port, &why);

		if (status == 0 && wait_up(port, RTE_MAX(end_ms, fly_system_clock_ms() + 200)))
			return 0;
		if (status == 0) {
			why = "the server does not take the connection: it is stopped or hangs";
			fly_port_stop_device(port);
		}
		if (fly_system_clock_ms() >= end_ms + (status == -FLY_ETIMEOUT ? GRACE_MS : 0)) {
			snprintf(reason, sizeof reason, "%s", why);
			if (strncmp(reason, "link ", 5) == 0) /* a whole sentence */
				return fly_fail(-status, "%s (tried for %u s)", reason,
						port->spec.wait_ms / 1000);
			return fly_fail(status == -FLY_EINUSE || status == -FLY_EPERM
						? -status
						: FLY_ETIMEOUT,
					"link %s: %s (waited %u s; wait= changes that)",
					port->spec.text, reason, port->spec.wait_ms / 1000);
		}
		usleep(TRY_AGAIN_MS * 1000);
	}
}

/* The lock file and its first port's socket; the socket of each further port. */
static int give_access(const struct fly_port *port)
{
	struct fly_socket_access access;
	char path[FLY_SOCKET_PATH_BYTES];
	int status = fly_socket_access_find(&port->spec, &access);

	socket_path(port, path);
	if (!status && (port->spec.kind == FLY_LINK_VHOST || port->client == 0))
		status = fly_socket_access_give(&access, path);
	if (!status && port->client == 0) {
		snprintf(path, sizeof path, "%s.lock", port->spec.what);
		status = fly_socket_access_give(&access, path);
	}
	return status;
}

static int open_server(struct fly_port *port)
{
	struct fly_socket_access access;
	int status = fly_socket_access_find(&port->spec, &access); /* before anything is made */

	if (status)
		return status;
	if (port->client == 0) {
		port->lock_fd = fly_socket_claim_path(port->spec.what, port->spec.clients);
		if (port->lock_fd < 0)
			return port->lock_fd;
	}
	status = fly_port_start_device(port);
	return status ? status : give_access(port);
}

/*
 * A path from the root, so that the link comes back also after chdir(2). Return: 0, or -FLY_EINVAL
 * with a message: it is too long for a socket then.
 */
static int from_root(struct fly_link_spec *spec)
{
	const size_t most =
		spec->kind == FLY_LINK_VHOST ? FLY_VHOST_PATH_MAX : sizeof spec->what - 1;
	char path[FLY_SOCKET_PATH_BYTES + sizeof spec->what];

	if (!kinds[spec->kind].has_server || spec->what[0] == '/')
		return 0;
	if (getcwd(path, FLY_SOCKET_PATH_BYTES)) {
		strcat(strcat(path, path[1] ? "/" : ""), spec->what);
		if (strlen(path) <= most) {
			strcpy(spec->what, path);
			return 0;
		}
	} else if (errno != ERANGE) {
		return fly_fail(FLY_EINVAL, "link %s: the current directory: %s", spec->text,
				strerror(errno));
	}
	return fly_fail(FLY_EINVAL,
			"link %s: in the current directory this path has more than %zu characters "
			"from the root, which is too long for a socket: use a shorter directory",
			spec->text, most);
}

bool fly_port_is_of(const struct fly_port *port, const struct fly_link_spec *spec)
{
	struct fly_link_spec like = *spec;

	return from_root(&like) == 0 && like.kind == port->spec.kind &&
	       strcmp(like.what, port->spec.what) == 0;
}

int fly_port_make_links(struct fly_port *port)
{
	for (unsigned i = 1; i < port->group->n; i++) {
		port->others[i] = aligned_alloc(RTE_CACHE_LINE_SIZE,
						RTE_CACHE_LINE_ROUNDUP(sizeof *port->others[i]));
		if (!port->others[i])
			return fly_fail(FLY_ENOMEM, "link %s: out of memory", port->spec.text);
		*port->others[i] = (struct fly_link){0};
	}
	return 0;
}

static int make_others(struct fly_port *port)
{
	static _Atomic unsigned ever;
	struct fly_poller_group *g = port->group;
	char name[21];

	snprintf(name, sizeof name, "flyport%u", atomic_fetch_add(&ever, 1));
	port->shared = fly_shared_new(g->n, port->spec.udp_port, name, g->node);
	if (!port->shared)
		return fly_fail(FLY_ENOMEM, "link %s: out of memory", port->spec.text);
	for (unsigned i = 0; i < g->n; i++)
		port->shared->queues[i] = &g->pollers[i]->handoffs;
	return fly_port_make_links(port);
}

int fly_port_open(struct fly_poller_group *group, const struct fly_link_spec *spec, unsigned client,
		  struct fly_port **to)
{
	struct fly_port *port =
		aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_CACHE_LINE_ROUNDUP(sizeof *port));
	int status;

	if (!port)
		return fly_fail(FLY_ENOMEM, "link %s: out of memory", spec->text);
	*port = (struct fly_port){
		.spec = *spec,
		.group = group,
		.client = client,
		.lock_fd = -1,
		.probe_fd = -1,
		.packet_fd = -1,
		.netdev = {.watch_fd = -1, .tun_fd = -1, .group_fd = -1},
		.bell = spec->kind == FLY_LINK_VHOST ? fly_bell_open() : -1,
	};
	fly_xdp_init(&port->xdp);
	for (unsigned i = 0; i < FLY_POLLERS; i++)
		port->kernel_port_fds[i] = -1;
	if (spec->kind == FLY_LINK_UDP) { /* no device */
		status = fly_udp_port_open(port);
		if (status)
			fly_port_close(port);
		else
			*to = port;
		return status;
	}
	status = from_root(&port->spec);
	if (!status)
		status = check_system(port);
	if (!status && group->n > 1)
		status = make_others(port);
	if (status) {
		fly_port_close(port);
		return status;
	}
	if (kinds[spec->kind].has_server)
		status = spec->server ? open_server(port) : open_client(port);
	else
		status = fly_port_start_device(port);
	if (status) {
		fly_port_close(port);
		return status;
	}
	status = fly_netdev_settle(port, !kinds[spec->kind].point_to_point ? 0
					 : spec->server                    ? SERVER_IP
									   : CLIENT_IP);
	if (status) {
		fly_port_close(port);
		return status;
	}
	port->link.udp_port = htons(port->spec.udp_port);
	port->link.zero_copy =
		spec->kind == FLY_LINK_PCI || (spec->kind == FLY_LINK_VHOST && !spec->server);
	port->link.is_private = kinds[spec->kind].point_to_point;
	port->link.pool = group->pool;
	port->peer_ip = spec->peer_ip;
	if (port->peer_ip == 0 && kinds[spec->kind].point_to_point)
		port->peer_ip = spec->server ? CLIENT_IP : SERVER_IP;
	port->was_up = fly_port_has_peer(port) && fly_port_is_up(port);
	fly_port_tell_others(port);
	*to = port;
	return 0;
}

struct fly_link *fly_port_link(struct fly_port *port, unsigned poller)
{
	return poller ? port->others[poller] : &port->link;
}

struct fly_port *fly_ports_of(const struct fly_ports *ports, const struct fly_link *link,
			      unsigned poller)
{
	for (unsigned i = 0; i < ports->n; i++) {
		if (fly_port_link(ports->at[i], poller) == link)
			return ports->at[i];
	}
	return NULL;
}

static void hear(struct fly_link *link, const struct fly_payload_word *word)
{
	fly_payload_heard(link, word);
	fly_checksum_heard(link, word->checksums);
}

void fly_ports_heard(struct fly_ports *ports, const struct fly_link *link, unsigned poller,
		     const struct fly_payload_word *word)
{
	for (unsigned i = 0; i < ports->n; i++) {
		if (fly_port_link(ports->at[i], poller) != link)
			continue;
		for (unsigned j = 0; j < ports->group->n; j++)
			hear(fly_port_link(ports->at[i], j), word);
	}
}

void fly_port_close(struct fly_port *port)
{
	if (port->open)
		remove_device(port);
	fly_udp_port_close(port);
	fly_socket_claim_drop(port->lock_fd,
			      port->spec.server && port->client == 0 ? port->spec.what : NULL);
	fly_netdev_end(port);
	for (unsigned i = 0; i < FLY_POLLERS; i++)
		free(port->others[i]);
	if (port->probe_fd >= 0)
		close(port->probe_fd);
	fly_bell_close(port->bell);
	fly_shared_free(port->shared);
	free(port);
}
