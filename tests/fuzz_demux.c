/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_demux.c - libFuzzer on a whole poller: frames arrive at a poller that exports Probe and has
 * calls in flight. Whatever arrives, no packet is lost and every frame is counted.
 *
 * The input is a row of frames, each behind a length of two bytes. The highest bit of the length
 * asks for values that a forger cannot guess (export, activity, sequence, lengths): they get the
 * fuzzer past the comparisons.
 */
#include <stdlib.h>

#include "pair.h"

#define CALLS 4
#define LARGE 0x2000002

static struct sim *s;
static struct sim_node *node;
static struct sim_link *at_node;
static struct fly_binding *binding;
static struct fly_call *calls[CALLS];

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void must(bool so)
{
	if (!so)
		abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	sim_eal();
	return 0;
}

/* A procedure beside Probe's whose arguments and results may take several packets. */
static int large_stub(struct fly_served *served)
{
	memset(served->results, 7, 5000);
	served->result_bytes = served->argument_bytes % 5001;
	return served->argument_bytes % 5 == 4 ? -FLY_EEXCEPTION : 0;
}

static const struct fly_procedure large[] = {
	{"Large", large_stub, 6000, 5000, 0, FLY_RESULTS_SECOND, 0},
	{"Over", large_stub, 5000, 5000, 0, FLY_RESULTS_OVER, 0},
};

static void export_large(void)
{
	sim_poller(node)->exports[2] = (struct fly_export){
		.id = LARGE,
		.n_procedures = RTE_DIM(large),
		.stubs = large,
		.procedures = large,
	};
}

/* The last frame arrives again, a few times at most, when a procedure turns its poller. */
static uint8_t last[2048];
static unsigned last_bytes;
static unsigned attends;
static uint64_t frames;

static void attend(void *context)
{
	if (attends++ < 8 && last_bytes > 0) {
		sim_link_put(at_node, last, last_bytes);
		frames++;
	}
	fly_slow_turn_parking(context, s->now_tsc);
}

static void begin(void)
{
	attends = 0;
	last_bytes = 0;
	frames = 0;
	s = sim_new();
	node = sim_add(s, &(const struct sim_node_config){.packets = 127,
							  .calls = 8,
							  .conversations = 8});
	at_node = sim_join_open(s, node);
	sim_export(node);
	node->service.during = attend;
	node->service.during_context = sim_poller(node);
	export_large();
	binding = sim_import(s, node, at_node, 0x1000001);
	sim_turn(s);
	for (unsigned i = 0; i < CALLS; i++) {
		if (i % 2) {
			must(Probe_Fill_start(binding, i, &calls[i]) == 0);
			continue;
		}
		must(binding->starter(binding, 0, 8000, &calls[i]) == 0);
		memset(calls[i]->payload, 0, 8000);
		binding->send(calls[i]);
	}
	sim_turn(s);
}

/* Fit a frame to the calls in flight. Its first bits choose the type, and one packet or several. */
static void make_likely(uint8_t *frame, unsigned bytes)
{
	const struct fly_address self = sim_address(at_node);
	const struct fly_address peer = sim_address(at_node->far);
	uint8_t *rpc = frame + FLY_RPC;
	const unsigned type = (rpc[0] & 7) ? rpc[0] & 7U : (unsigned)FLY_PACKET_EXCEPTION;
	const struct fly_call_entry *e;

	fly_wire_put_outer(frame, &peer, &self);
	fly_wire_set_lengths(frame, bytes - FLY_PAYLOAD);
	fly_put_u16(rpc + 28, (uint16_t)(bytes - FLY_PAYLOAD));
	rpc[0] = (uint8_t)(FLY_WIRE_VERSION << 4 | type);
	if (type == FLY_PACKET_CALL || type == FLY_PACKET_CANCEL ||
	    (type == FLY_PACKET_ACK && rpc[2] == FLY_ABOUT_RESULT) ||
	    (type == FLY_PACKET_PROBE && rpc[2] == FLY_ABOUT_CALL)) {
		fly_put_u32(rpc + 4, rpc[4] & 1 ? LARGE : node->export_id);
		fly_put_u64(rpc + 8, fly_get_u64(rpc + 8) & 0xf); /* a few callers */
		fly_put_u32(rpc + 16, fly_get_u32(rpc + 16) & 7);
	} else {
		e = &sim_poller(node)->calls.entries[rpc[8] % 8];
		fly_put_u64(rpc + 8, e->activity);
		fly_put_u32(rpc + 16, e->seq - (rpc[16] & 1));
	}
	if (rpc[20] & 0x80) {
		fly_put_u16(rpc + 20, rpc[20] & 7);
		fly_put_u16(rpc + 22, rpc[22] & 7);
	} else {
		fly_put_u16(rpc + 20, 0);
		fly_put_u16(rpc + 22, 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	begin();
	/* Also on a link with strangers at its far end. */
	at_node->link.is_private = bytes % 2 == 0;
	while (bytes >= 2 && frames < 64) {
		const bool likely_one = data[1] & 0x80;
		const unsigned want = (data[0] | (data[1] & 0x07u) << 8) % 2000;
		const unsigned n = want < bytes - 2 ? want : (unsigned)(bytes - 2);
		uint8_t frame[2048];

		data += 2;
		bytes -= 2;
		if (n > 0) {
			memcpy(frame, data, n);
			if (likely_one && n >= FLY_PAYLOAD)
				make_likely(frame, n);
			sim_link_put(at_node, frame, n);
			memcpy(last, frame, n);
			last_bytes = n;
			frames++;
		}
		data += n;
		bytes -= n;
		if (frames % 8 == 7)
			sim_turn(s);
	}
	sim_run(s, 3);
	must(sim_count(node, FLY_COUNT_rx_packets) == frames);
	for (unsigned i = 0; i < CALLS; i++) {
		int status;

		if (!fly_ready(calls[i]))
			continue;
		status = binding->wait(calls[i]);
		if (status == 0 || status == -FLY_EEXCEPTION)
			binding->ender(calls[i]);
	}
	must(sim_end(s) == 0);
	return 0;
}
