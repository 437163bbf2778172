/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * badframes.c - a peer that breaks every rule, and counts what it sends.
 *
 * 	badframes send vhost|memif PATH PLACE COUNT SEED     a client of `firefly serve`
 * 	badframes fake vhost|memif PATH protocol|version|absent    a false server
 *
 * `send` sends COUNT frames of the kinds in the table below. It then prints for each kind how many
 * frames it sent, and the counter under which the server must have counted them. It begins and ends
 * with a proper call of the binder: the last result shows that the server has received everything
 * before.
 *
 * `fake` answers calls until it is killed: as a server of another protocol version, or of another
 * version of the interface, or without the interface.
 *
 * Uses DPDK, and of Firefly only the offsets of the wire format.
 */
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <rte_arp.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <firefly/status.h>

#include "fastpath/wire.h"
#include "patience.h"

#define LONGEST 9000
#define BURST   32
#define PORT    61989

static const uint8_t server_ip[4] = {169, 254, 70, 1};
static const uint8_t client_ip[4] = {169, 254, 70, 2};
static const uint8_t server_mac[6] = {2, 0, 0, 0, 0, 1};
static const uint8_t client_mac[6] = {2, 0, 0, 0, 0, 2};

static struct rte_mempool *pool;
static uint16_t port;

/* The good conversation with the binder; the kinds abuse its identity. */
static uint64_t activity;
static uint32_t seq;

/* ---- numbers: xorshift64* (Vigna 2016), so that a seed means the same frames everywhere ------ */

static uint64_t random_state;

static uint64_t any(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * UINT64_C(2685821657736338717);
}

static uint32_t between(uint32_t least, uint32_t most)
{
	return least + (uint32_t)(any() >> 33) % (most - least + 1);
}

static void noise(uint8_t *to, uint32_t bytes)
{
	for (uint32_t i = 0; i < bytes; i++)
		to[i] = (uint8_t)(any() >> 56);
}

/* ---- a proper frame, to be spoilt ---- */

static void set_lengths(uint8_t *frame, uint32_t payload)
{
	fly_put_be16(frame + FLY_IP_LENGTH, (uint16_t)(FLY_IP_OVERHEAD + payload));
	fly_put_be16(frame + FLY_UDP_LENGTH, (uint16_t)(FLY_IP_OVERHEAD - 20 + payload));
	fly_put_u16(frame + FLY_RPC + 28, (uint16_t)payload);
}

/* A packet of any type with random identity, to export 0. Return: bytes. */
static uint32_t packet(uint8_t *frame, enum fly_packet_type type, uint32_t payload)
{
	memset(frame, 0, FLY_PAYLOAD);
	memcpy(frame + FLY_ETHER_DESTINATION, server_mac, 6);
	memcpy(frame + FLY_ETHER_SOURCE, client_mac, 6);
	fly_put_be16(frame + FLY_ETHER_TYPE, 0x0800);
	frame[FLY_IP] = 0x45;
	frame[FLY_IP + 8] = 64;
	frame[FLY_IP_PROTOCOL] = 17;
	memcpy(frame + FLY_IP_SOURCE, client_ip, 4);
	memcpy(frame + FLY_IP_DESTINATION, server_ip, 4);
	fly_put_be16(frame + FLY_UDP_SOURCE, PORT);
	fly_put_be16(frame + FLY_UDP_DESTINATION, PORT);
	frame[FLY_RPC] = (uint8_t)(FLY_WIRE_VERSION << 4 | type);
	fly_put_u64(frame + FLY_RPC + 8, any() | 1);
	fly_put_u32(frame + FLY_RPC + 16, (uint32_t)any());
	fly_put_u16(frame + FLY_RPC + 22, 1);
	fly_put_u32(frame + FLY_RPC + 24, FLY_HINT_NONE);
	set_lengths(frame, payload);
	noise(frame + FLY_PAYLOAD, payload);
	return FLY_PAYLOAD + payload;
}

static uint32_t any_call(uint8_t *frame)
{
	return packet(frame, FLY_PACKET_CALL, between(0, 1440));
}

/* A call in the good conversation. */
static uint32_t our_call(uint8_t *frame, uint32_t sequence, uint16_t procedure, uint32_t payload)
{
	const uint32_t bytes = packet(frame, FLY_PACKET_CALL, payload);

	fly_put_u16(frame + FLY_RPC + 2, procedure);
	fly_put_u64(frame + FLY_RPC + 8, activity);
	fly_put_u32(frame + FLY_RPC + 16, sequence);
	return bytes;
}

/* Binder.Import("Test", 1) */
static uint32_t good_call(uint8_t *frame, uint32_t sequence)
{
	const uint32_t bytes = our_call(frame, sequence, 0, 68);

	memset(frame + FLY_PAYLOAD, 0, 68);
	memcpy(frame + FLY_PAYLOAD, "Test", 4);
	fly_put_u32(frame + FLY_PAYLOAD + 64, 1);
	return bytes;
}

/* ---- the kinds: each fills a frame and returns its length ---- */

static uint32_t truncated(uint8_t *frame)
{
	any_call(frame);
	return between(1, FLY_PAYLOAD - 1);
}

static uint32_t random_bytes(uint8_t *frame)
{
	const uint32_t bytes = between(FLY_PAYLOAD, 1514);

	noise(frame, bytes);
	frame[FLY_ETHER_TYPE] |= 0x80; /* neither IPv4 nor ARP */
	return bytes;
}

static uint32_t broken_arp(uint8_t *frame)
{
	const uint32_t bytes = any_call(frame);

	fly_put_be16(frame + FLY_ETHER_TYPE, 0x0806);
	return bytes;
}

static uint32_t over_long(uint8_t *frame)
{
	return packet(frame, FLY_PACKET_CALL, between(4000, LONGEST - FLY_PAYLOAD));
}

static uint32_t ip_options(uint8_t *frame)
{
	const uint32_t bytes = any_call(frame);

	frame[FLY_IP] = (uint8_t)between(0, 255);
	if (frame[FLY_IP] == 0x45)
		frame[FLY_IP] = 0x46;
	return bytes;
}

static uint32_t ip_fragment(uint8_t *frame)
{
	const uint32_t bytes = any_call(frame);

	fly_put_be16(frame + FLY_IP_FRAGMENT, (uint16_t)(any() & 1 ? 0x2000 : between(1, 0x1fff)));
	return bytes;
}

static uint32_t not_udp(uint8_t *frame)
{
	const uint32_t bytes = any_call(frame);

	frame[FLY_IP_PROTOCOL] = (uint8_t)between(18, 255);
	return bytes;
}

static uint32_t other_address(uint8_t *frame)
{
	const uint32_t bytes = any_call(frame);

	frame[FLY_IP_DESTINATION + between(0, 3)] ^= (uint8_t)between(1, 255);
	return bytes;
}

static uint32_t other_port(uint8_t *frame)
{
	const uint32_t bytes = any_call(frame);

	fly_put_be16(frame + FLY_UDP_DESTINATION, (uint16_t)between(1, PORT - 1));
	return bytes;
}

static uint32_t broadcast(uint8_t *frame)
{
	const uint32_t bytes = any_call(frame);

	memset(frame + FLY_ETHER_DESTINATION, 0xff, any() & 1 ? 6 : 1);
	return bytes;
}

static uint32_t wrong_length(uint8_t *frame)
{
	const uint32_t bytes = any_call(frame);

	switch (between(0, 4)) {
	case 0: /* a packet longer than the frame */
		fly_put_be16(frame + FLY_IP_LENGTH, (uint16_t)between(bytes - FLY_IP + 1, 65535));
		break;
	case 1: /* a packet shorter than its headers */
		fly_put_be16(frame + FLY_IP_LENGTH, (uint16_t)between(0, FLY_IP_OVERHEAD - 1));
		break;
	case 2:
		fly_put_be16(frame + FLY_UDP_LENGTH,
			     fly_get_be16(frame + FLY_UDP_LENGTH) ^ (uint16_t)between(1, 65535));
		break;
	case 3:
		fly_put_u16(frame + FLY_RPC + 28,
			    fly_get_u16(frame + FLY_RPC + 28) ^ (uint16_t)between(1, 65535));
		break;
	default: /* a frame cut off */
		return FLY_PAYLOAD + between(0, bytes - FLY_PAYLOAD) / 2 +
		       (bytes == FLY_PAYLOAD ? (frame[FLY_UDP_LENGTH] ^= 0x40, 0) : 0);
	}
	return bytes;
}

static uint32_t other_version_call(uint8_t *frame)
{
	const uint32_t bytes = any_call(frame);

	frame[FLY_RPC] = (uint8_t)(between(2, 15) << 4 | FLY_PACKET_CALL);
	return bytes;
}

static uint32_t other_version(uint8_t *frame)
{
	const uint32_t bytes = any_call(frame);

	noise(frame + FLY_RPC, FLY_RPC_BYTES);
	frame[FLY_RPC] = (uint8_t)(between(2, 15) << 4 | between(4, 15));
	return bytes;
}

static uint32_t unknown_type(uint8_t *frame)
{
	const uint32_t bytes = any_call(frame);

	frame[FLY_RPC] = (uint8_t)(FLY_WIRE_VERSION << 4 | (between(11, 15) + 1) % 16);
	return bytes;
}

static uint32_t fragmented(uint8_t *frame)
{
	const uint32_t bytes = any_call(frame);

	const uint32_t fragments = between(0, 65535);

	fly_put_u16(frame + FLY_RPC + 20, (uint16_t)between(fragments, 65535));
	fly_put_u16(frame + FLY_RPC + 22, (uint16_t)fragments);
	return bytes;
}

static uint32_t wrong_export(uint8_t *frame)
{
	const uint32_t bytes = any_call(frame);

	/* The low bits are an index of the table; no export has these upper bits. */
	fly_put_u32(frame + FLY_RPC + 4, (uint32_t)any() | 0x80000000);
	return bytes;
}

static uint32_t unknown_procedure(uint8_t *frame)
{
	return our_call(frame, ++seq, (uint16_t)between(2, 65535), between(0, 1440));
}

static uint32_t unreadable(uint8_t *frame)
{
	const uint32_t payload = between(0, 1440);

	return our_call(frame, ++seq, 0, payload == 68 ? 69 : payload);
}

static uint32_t old_call(uint8_t *frame)
{
	return our_call(frame, seq - between(1, 0x7fffffff), 0, between(0, 1440));
}

static uint32_t repeated(uint8_t *frame)
{
	return our_call(frame, seq, 0, between(0, 1440));
}

static uint32_t spoofed(uint8_t *frame)
{
	const uint32_t bytes = our_call(frame, seq + 1, 0, between(0, 1440));

	if (any() & 1)
		frame[FLY_IP_SOURCE + between(0, 3)] ^= (uint8_t)between(1, 255);
	else
		fly_put_be16(frame + FLY_UDP_SOURCE, (uint16_t)between(1, PORT - 1));
	return bytes;
}

static uint32_t no_activity(uint8_t *frame)
{
	const uint32_t bytes = any_call(frame);

	fly_put_u64(frame + FLY_RPC + 8, 0);
	return bytes;
}

static uint32_t too_old(uint8_t *frame)
{
	const uint32_t bytes = any_call(frame);

	fly_put_u16(frame + FLY_RPC + 30, (uint16_t)between(50000, 65535));
	return bytes;
}

/*
 * New callers without end: they fill the table, then are refused. Admitted ones call nothing: the
 * binder has procedures 0 and 1.
 */
static uint32_t flood(uint8_t *frame)
{
	const uint32_t bytes = any_call(frame);

	fly_put_u16(frame + FLY_RPC + 2, (uint16_t)between(2, 65535));
	return bytes;
}

/* An answer to a call that nobody made; one in four for activity 0, as unbound entries have. */
static uint32_t unasked(uint8_t *frame, uint8_t type)
{
	const uint32_t bytes = packet(frame, type, between(0, 1440));

	if (between(0, 3) == 0)
		fly_put_u64(frame + FLY_RPC + 8, 0);
	return bytes;
}

static uint32_t unasked_result(uint8_t *frame)
{
	return unasked(frame, FLY_PACKET_RESULT);
}

static uint32_t unasked_refusal(uint8_t *frame)
{
	const uint32_t bytes = unasked(frame, FLY_PACKET_REJECT);

	fly_put_u16(frame + FLY_RPC + 2, (uint16_t)any());
	return bytes;
}

static uint32_t unasked_exception(uint8_t *frame)
{
	const uint32_t bytes = unasked(frame, FLY_PACKET_EXCEPTION);

	fly_put_u16(frame + FLY_RPC + 2, (uint16_t)any());
	return bytes;
}

static uint32_t unasked_challenge(uint8_t *frame)
{
	return unasked(frame, FLY_PACKET_CHALLENGE);
}

/* An acknowledgement of a call or of a result. */
static uint32_t unasked_acknowledgement(uint8_t *frame)
{
	const uint32_t bytes = unasked(frame, FLY_PACKET_ACK);

	fly_put_u16(frame + FLY_RPC + 2, (uint16_t)between(1, 2));
	fly_put_u16(frame + FLY_RPC + 20, 1);
	return bytes;
}

static uint32_t unasked_cancel(uint8_t *frame)
{
	return unasked(frame, FLY_PACKET_CANCEL);
}

/* An acknowledgement of neither a call nor a result. */
static uint32_t about_nothing(uint8_t *frame)
{
	const uint32_t bytes = packet(frame, any() & 1 ? FLY_PACKET_PROBE : FLY_PACKET_ACK, 0);

	fly_put_u16(frame + FLY_RPC + 2, (uint16_t)between(3, 65535));
	return bytes;
}

static uint32_t about(uint8_t *frame, uint8_t type, uint16_t what)
{
	const uint32_t bytes = packet(frame, type, 0);

	fly_put_u16(frame + FLY_RPC + 2, what);
	return bytes;
}

static uint32_t forgotten_probe(uint8_t *frame)
{
	return about(frame, FLY_PACKET_PROBE, FLY_ABOUT_CALL);
}

static uint32_t result_probe(uint8_t *frame)
{
	return about(frame, FLY_PACKET_PROBE, FLY_ABOUT_RESULT);
}

/* In the good conversation: a probe of an earlier call, or of the newest, which has run. */
static uint32_t old_probe(uint8_t *frame)
{
	const uint32_t bytes = our_call(frame, seq - between(1, 0x7fffffff), FLY_ABOUT_CALL, 0);

	frame[FLY_RPC] = FLY_WIRE_VERSION << 4 | FLY_PACKET_PROBE;
	return bytes;
}

static uint32_t done_probe(uint8_t *frame)
{
	const uint32_t bytes = our_call(frame, seq, FLY_ABOUT_CALL, 0);

	frame[FLY_RPC] = FLY_WIRE_VERSION << 4 | FLY_PACKET_PROBE;
	return bytes;
}

static uint32_t late_cancel(uint8_t *frame)
{
	const uint32_t bytes = our_call(frame, seq - between(0, 0x7fffffff), FLY_ABOUT_CALL, 0);

	frame[FLY_RPC] = FLY_WIRE_VERSION << 4 | FLY_PACKET_CANCEL;
	return bytes;
}

/* kind, weight, counter at the server */
static struct {
	const char *name;
	unsigned weight;
	const char *counter;
	uint32_t (*make)(uint8_t *frame);
	uint64_t sent;
} kinds[] = {
	{"truncated", 2, "drop_short", truncated, 0},
	{"random_bytes", 4, "drop_not_ip", random_bytes, 0},
	{"broken_arp", 1, "drop_not_ip", broken_arp, 0},
	{"over_long", 1, "drop_segments", over_long, 0},
	{"ip_options", 1, "drop_ip_options", ip_options, 0},
	{"ip_fragment", 1, "drop_ip_fragment", ip_fragment, 0},
	{"not_udp", 1, "drop_not_udp", not_udp, 0},
	{"other_address", 1, "drop_other_address", other_address, 0},
	{"other_port", 1, "drop_other_port", other_port, 0},
	{"broadcast", 1, "drop_broadcast", broadcast, 0},
	{"wrong_length", 4, "drop_length", wrong_length, 0},
	{"other_version_call", 2, "reject_version", other_version_call, 0},
	{"other_version", 2, "drop_version", other_version, 0},
	{"unknown_type", 2, "drop_type", unknown_type, 0},
	{"fragmented", 2, "drop_fragments", fragmented, 0},
	{"wrong_export", 2, "reject_stale", wrong_export, 0},
	{"unknown_procedure", 2, "calls_no_procedure", unknown_procedure, 0},
	{"unreadable", 2, "calls_unreadable", unreadable, 0},
	{"old_call", 2, "drop_old_call", old_call, 0},
	{"repeated", 2, "resent_results", repeated, 0},
	{"spoofed", 2, "drop_wrong_peer", spoofed, 0},
	{"no_activity", 1, "drop_activity", no_activity, 0},
	{"too_old", 1, "reject_forgotten", too_old, 0},
	{"flood", 3, "calls_no_procedure+reject_full", flood, 0},
	{"unasked_result", 2, "drop_activity", unasked_result, 0},
	{"unasked_refusal", 2, "drop_activity", unasked_refusal, 0},
	{"unasked_exception", 1, "drop_activity", unasked_exception, 0},
	{"unasked_challenge", 1, "drop_activity", unasked_challenge, 0},
	{"unasked_acknowledgement", 2, "drop_activity", unasked_acknowledgement, 0},
	{"unasked_cancel", 1, "drop_activity", unasked_cancel, 0},
	{"about_nothing", 1, "drop_type", about_nothing, 0},
	{"forgotten_probe", 1, "reject_forgotten", forgotten_probe, 0},
	{"result_probe", 1, "acks_sent", result_probe, 0},
	{"old_probe", 1, "drop_probe", old_probe, 0},
	{"done_probe", 1, "resent_results", done_probe, 0},
	{"late_cancel", 1, "drop_cancel", late_cancel, 0},
};

/* ---- the port ---- */

static void die(const char *what)
{
	fprintf(stderr, "badframes: %s\n", what);
	exit(1);
}

static void open_port(const char *link, const char *path, unsigned place, bool server)
{
	char device[256];
	char cpu[16];
	const char *arguments[] = {"badframes",   "--no-huge",      "-m",       "128",
				   "--no-shconf", "--no-telemetry", "--no-pci", "-l",
				   cpu,           "--log-level=3",  "--vdev",   device};
	const int n = (int)RTE_DIM(arguments);
	struct rte_eth_conf conf = {0};
	char suffix[16] = "";

	if (place)
		snprintf(suffix, sizeof suffix, ".%u", place);
	/*
	 * memif: keep each frame within one slot. When a frame takes the ring's last slots, the
	 * driver's count of free slots wraps, and the far end reads the ring round and round.
	 */
	if (strcmp(link, "memif") == 0)
		snprintf(
			device, sizeof device,
			"net_memif0,role=%s,socket=%s,socket-abstract=no,id=%u,rsize=10,bsize=9216",
			server ? "server" : "client", path, place);
	else if (server)
		snprintf(device, sizeof device, "net_vhost0,iface=%s%s,queues=1", path, suffix);
	else
		snprintf(device, sizeof device,
			 "net_virtio_user0,path=%s%s,queues=1,queue_size=1024,packed_vq=1", path,
			 suffix);
	snprintf(cpu, sizeof cpu, "%d", sched_getcpu());
	if (rte_eal_init(n, (char **)arguments) < 0)
		die("DPDK does not start");
	pool = rte_pktmbuf_pool_create("frames", 4095, 0, 0, RTE_PKTMBUF_HEADROOM + LONGEST,
				       SOCKET_ID_ANY);
	if (!pool || rte_eth_dev_configure(port, 1, 1, &conf) ||
	    rte_eth_rx_queue_setup(port, 0, 1024, 0, NULL, pool) ||
	    rte_eth_tx_queue_setup(port, 0, 1024, 0, NULL) || rte_eth_dev_start(port))
		die("no port");
}

static bool is_up(void)
{
	struct rte_eth_link state;

	return rte_eth_link_get_nowait(port, &state) == 0 && state.link_status == RTE_ETH_LINK_UP;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Receive. Return: has the result of our call with this sequence come? */
static bool receive(uint32_t sequence)
{
	struct rte_mbuf *packets[BURST];
	const uint16_t n = rte_eth_rx_burst(port, 0, packets, BURST);
	bool there = false;

	for (uint16_t i = 0; i < n; i++) {
		const uint8_t *rpc = rte_pktmbuf_mtod_offset(packets[i], uint8_t *, FLY_RPC);

		if (packets[i]->data_len >= FLY_PAYLOAD &&
		    rpc[0] == (FLY_WIRE_VERSION << 4 | FLY_PACKET_RESULT) &&
		    fly_get_u64(rpc + 8) == activity && fly_get_u32(rpc + 16) == sequence)
			there = true;
	}
	if (n)
		rte_pktmbuf_free_bulk(packets, n);
	else
		sched_yield();
	return there;
}

static struct rte_mbuf *new_packet(void)
{
	struct rte_mbuf *m;

	while (!(m = rte_pktmbuf_alloc(pool)))
		receive(0);
	return m;
}

static void transmit(struct rte_mbuf **packets, uint16_t n)
{
	const double until = now() + 10;
	uint16_t sent = 0;

	while (sent < n) {
		sent = (uint16_t)(sent +
				  rte_eth_tx_burst(port, 0, packets + sent, (uint16_t)(n - sent)));
		receive(0);
		if (now() > until)
			die("the server takes no frames any more");
	}
}

static void call_properly(const char *complaint)
{
	struct rte_mbuf *m = new_packet();
	const double until = now() + 20;

	m->data_len = (uint16_t)good_call(rte_pktmbuf_mtod(m, uint8_t *), ++seq);
	m->pkt_len = m->data_len;
	transmit(&m, 1);
	while (!receive(seq)) {
		if (now() > until)
			die(complaint);
	}
}

static void make(struct rte_mbuf *m, unsigned weights)
{
	unsigned at = between(0, weights - 1);
	unsigned kind = 0;

	while (at >= kinds[kind].weight)
		at -= kinds[kind++].weight;
	m->pkt_len = kinds[kind].make(rte_pktmbuf_mtod(m, uint8_t *));
	m->data_len = (uint16_t)m->pkt_len;
	kinds[kind].sent++;
}

static void send_all(uint64_t count)
{
	unsigned weights = 0;

	for (unsigned i = 0; i < RTE_DIM(kinds); i++)
		weights += kinds[i].weight;
	activity = any() | 1;
	seq = (uint32_t)any();
	call_properly("no answer to the first, proper call");
	while (count) {
		struct rte_mbuf *packets[BURST];
		const uint16_t n = (uint16_t)RTE_MIN(count, (uint64_t)BURST);

		for (uint16_t i = 0; i < n; i++) {
			packets[i] = new_packet();
			make(packets[i], weights);
		}
		transmit(packets, n);
		count -= n;
	}
	call_properly("no answer to the last, proper call");
	for (unsigned i = 0; i < RTE_DIM(kinds); i++)
		printf("%s %lu %s\n", kinds[i].name, (unsigned long)kinds[i].sent,
		       kinds[i].counter);
}

/* ---- a server, of sorts ---- */

static bool answer_arp(uint8_t *frame)
{
	struct rte_arp_hdr *arp = (struct rte_arp_hdr *)(void *)(frame + FLY_IP);

	if (fly_get_be16(frame + FLY_ETHER_TYPE) != 0x0806)
		return false;
	arp->arp_opcode = rte_cpu_to_be_16(RTE_ARP_OP_REPLY);
	arp->arp_data.arp_tha = arp->arp_data.arp_sha;
	arp->arp_data.arp_tip = arp->arp_data.arp_sip;
	memcpy(&arp->arp_data.arp_sha, server_mac, 6);
	memcpy(&arp->arp_data.arp_sip, server_ip, 4);
	memcpy(frame + FLY_ETHER_DESTINATION, &arp->arp_data.arp_tha, 6);
	memcpy(frame + FLY_ETHER_SOURCE, server_mac, 6);
	return true;
}

/* Return: bytes of the answer; 0: none. */
static uint32_t answer(uint8_t *frame, uint32_t bytes, const char *as)
{
	uint8_t *rpc = frame + FLY_RPC;

	if (answer_arp(frame))
		return bytes;
	if (bytes < FLY_PAYLOAD || (rpc[0] & 15) != FLY_PACKET_CALL)
		return 0;
	fly_wire_swap(frame, server_mac);
	if (strcmp(as, "protocol") == 0) {
		rpc[0] = 15 << 4 | FLY_PACKET_REJECT;
		fly_put_u16(rpc + 2, FLY_EVERSION);
		set_lengths(frame, 0);
		return FLY_PAYLOAD;
	}
	if (fly_get_u16(rpc + 2) != 0) { /* Bind: this is a server that only knows Import */
		rpc[0] = FLY_WIRE_VERSION << 4 | FLY_PACKET_EXCEPTION;
		fly_put_u16(rpc + 2, FLY_ENOPROC);
		set_lengths(frame, 0);
		return FLY_PAYLOAD;
	}
	rpc[0] = FLY_WIRE_VERSION << 4 | FLY_PACKET_RESULT;
	fly_put_u16(rpc + 2, FLY_OK);
	fly_put_u32(frame + FLY_PAYLOAD, strcmp(as, "version") == 0 ? FLY_EVERSION : FLY_ENOEXPORT);
	fly_put_u32(frame + FLY_PAYLOAD + 4, 0);
	fly_put_u32(frame + FLY_PAYLOAD + 8, 7);
	fly_put_u16(frame + FLY_PAYLOAD + 12, 61989);
	set_lengths(frame, 14);
	return FLY_PAYLOAD + 14;
}

static void serve(const char *as)
{
	printf("up\n");
	fflush(stdout);
	for (;;) {
		struct rte_mbuf *m;

		if (rte_eth_rx_burst(port, 0, &m, 1) == 0) {
			sched_yield();
			continue;
		}
		m->data_len = (uint16_t)answer(rte_pktmbuf_mtod(m, uint8_t *), m->data_len, as);
		m->pkt_len = m->data_len;
		if (m->data_len == 0 || rte_eth_tx_burst(port, 0, &m, 1) == 0)
			rte_pktmbuf_free(m);
	}
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "fake") == 0) {
		open_port(argv[2], argv[3], 0, true);
		serve(argv[4]);
	}
	if (argc != 7 || strcmp(argv[1], "send") != 0)
		die("send vhost|memif PATH PLACE COUNT SEED, or fake vhost|memif PATH ANSWER");
	random_state = strtoull(argv[6], NULL, 10) * 2 + 1;
	open_port(argv[2], argv[3], (unsigned)atoi(argv[4]), false);
	for (double until = now() + patience(20); !is_up(); usleep(1000)) {
		if (now() > until)
			die("the server does not take the connection");
	}
	send_all(strtoull(argv[5], NULL, 10));
	rte_eth_dev_stop(port);
	rte_eth_dev_close(port);
	return 0;
}
