/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trace.c - a readable trace of a run: a line per event, with virtual time in microseconds. See
 * world.h.
 *
 *   5000012.345 n1>n0 CALL    3f9a01c27d44.2 seq 17 1/1 16 bytes, #45 Add: arrives at 5000014.120
 *   5000014.120 n0: 1 packet; calls_served 1, conversations_opened 1
 */
#include "world.h"

#include <stdarg.h>
#include <stdio.h>

static void begin(const struct world *w)
{
	printf("%15.3f ", (double)w->now / (double)US);
}

void trace_line(struct world *w, const char *format, ...)
{
	va_list arguments;

	if (!w->is_traced)
		return;
	begin(w);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
}

void trace_frame(struct world *w, const struct plug *from, const uint8_t *frame, uint32_t bytes,
		 uint32_t number, const char *format, ...)
{
	static const char *const types[16] = {
		"0",         "CALL",  "RESULT", "REJECT", "ACK", "PROBE", "CANCEL", "CHALLENGE",
		"EXCEPTION", "CLOSE", "10",     "11",     "12",  "13",    "14",     "15",
	};
	struct fly_header h = {0};
	va_list arguments;

	begin(w);
	printf("%s>%s ", from->node->name, from->far->node->name);
	if (bytes >= FLY_PAYLOAD)
		fly_wire_read(frame + FLY_RPC, &h);
	printf("%-7s %012jx.%u seq %u %u/%u", types[h.type], (uintmax_t)(h.activity >> 16),
	       (unsigned)(h.activity & 0xffff), h.seq, h.fragment, h.fragments);
	if (h.flags)
		printf(" flags %02x", h.flags);
	if (h.type != FLY_PACKET_CALL && h.procedure)
		printf(" %s %u", h.type == FLY_PACKET_ACK ? "of" : "status", h.procedure);
	if (h.type == FLY_PACKET_CALL && h.age)
		printf(" age %u", h.age);
	printf(", %u bytes", h.length);
	if (number != UINT32_MAX)
		printf(", #%u %s", number, procedure_names[w->calls[number].procedure]);
	printf(": ");
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
}

void trace_turn(struct node *node, unsigned received)
{
	const struct fly_stats *stats = &world_poller(node)->stats;
	bool is_begun = false;

	for (unsigned i = 0; i < FLY_N_COUNTERS; i++) {
		const uint64_t count = fly_stats_get(stats, i);
		const uint64_t more = count - node->seen[i];

		node->seen[i] = count;
		if (more == 0 || i == FLY_COUNT_rx_packets || i == FLY_COUNT_tx_packets ||
		    i == FLY_COUNT_calls_started)
			continue;
		if (!is_begun) {
			begin(node->world);
			printf("%s: %u packet%s; ", node->name, received, received == 1 ? "" : "s");
		}
		printf("%s%s %ju", is_begun ? ", " : "", fly_stats_name(i), (uintmax_t)more);
		is_begun = true;
	}
	if (is_begun)
		putchar('\n');
}
