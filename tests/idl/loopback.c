/* SPDX-License-Identifier: BSD-3-Clause */
/* loopback.c - see loopback.h. Part of tests of generated code; a wrong call of it aborts. */
#include <stdio.h>
#include <stdlib.h>

#include "loopback.h"

#define MUST(condition)                                                               \
	do {                                                                          \
		if (!(condition)) {                                                   \
			fprintf(stderr, "loopback.c:%d: %s\n", __LINE__, #condition); \
			abort();                                                      \
		}                                                                     \
	} while (0)

struct loopback loopback;

/* A call with its buffer; the payload lies one byte behind it, at an odd address. */
struct loopback_call {
	struct fly_call head;
	const struct fly_procedure *procedure;
	uint8_t *buffer;
	bool is_sent;
	bool is_done;
};

/* Room for exactly n bytes at an odd address, with anything in it. */
static uint8_t *new_buffer(size_t n)
{
	uint8_t *buffer = malloc(n + 1);

	MUST(buffer);
	for (size_t i = 0; i <= n; i++)
		buffer[i] = (uint8_t)(0xa5 + 31 * i);
	return buffer;
}

static void end(struct loopback_call *call)
{
	free(call->buffer);
	free(call);
	MUST(loopback.calls-- > 0);
}

static int starter(struct fly_binding *binding, uint16_t procedure, uint32_t argument_bytes,
		   struct fly_call **call)
{
	struct loopback_call *started = calloc(1, sizeof *started);

	MUST(started);
	MUST(procedure < loopback.interface->n_procedures);
	started->procedure = &loopback.interface->procedures[procedure];
	MUST(argument_bytes == started->procedure->argument_bytes);
	started->buffer = new_buffer(argument_bytes);
	started->head.binding = binding;
	started->head.payload = started->buffer + 1;
	started->head.length = argument_bytes;
	loopback.calls++;
	*call = &started->head;
	return 0;
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* Run the server stub over packets of its own. The results replace the call's buffer. */
static int serve(struct loopback_call *call)
{
	const struct fly_procedure *procedure = call->procedure;
	const size_t sent = call->head.length;
	const size_t received = (size_t)((int)sent + loopback.more_arguments);
	const size_t returned = procedure->result_bytes;
	size_t room = received;
	uint8_t *packet;
	uint8_t *second = NULL;
	struct fly_served served = {
		.procedures = loopback.procedures,
		.context = loopback.context,
		.argument_bytes = (uint32_t)received,
	};
	int status;

	MUST(!procedure->result_offset || procedure->layout == FLY_RESULTS_BEHIND);
	if (procedure->layout == FLY_RESULTS_OVER)
		room = larger(received, returned);
	else if (procedure->layout == FLY_RESULTS_BEHIND)
		room = larger(received, procedure->result_offset + returned);
	MUST(larger(sent, procedure->result_offset + returned) <= FLY_PAYLOAD_ROOM);
	packet = new_buffer(room);
	memcpy(packet + 1, call->head.payload, received < sent ? received : sent);
	if (loopback.spoilt_argument >= 0)
		packet[1 + loopback.spoilt_argument] = 2;
	served.arguments = packet + 1;
	served.results = packet + 1 + procedure->result_offset;
	if (procedure->layout == FLY_RESULTS_SECOND) {
		second = new_buffer(returned);
		served.results = second + 1;
	}
	status = procedure->stub(&served);
	MUST(status == 0 || status == -FLY_EMALFORMED || status == -FLY_ERAISED);
	loopback.executed += status != -FLY_EMALFORMED;
	if (!status) {
		MUST(served.result_bytes <= procedure->result_bytes);
		loopback.result_bytes = served.result_bytes;
		memcpy(loopback.results, served.results, served.result_bytes);
	}
	free(packet);
	free(second);
	return status;
}

static void receive(struct loopback_call *call)
{
	const uint32_t length = (uint32_t)((int)loopback.result_bytes + loopback.more_results);

	free(call->buffer);
	call->buffer = new_buffer(length);
	call->head.payload = call->buffer + 1;
	call->head.length = length;
	memcpy(call->head.payload, loopback.results,
	       length < loopback.result_bytes ? length : loopback.result_bytes);
	if (loopback.spoilt_result >= 0)
		call->head.payload[loopback.spoilt_result] = 2;
}

static void send_call(struct fly_call *head)
{
	struct loopback_call *call = (struct loopback_call *)head;

	MUST(!call->is_sent);
	call->is_sent = true;
}

static int wait_call(struct fly_call *head)
{
	struct loopback_call *call = (struct loopback_call *)head;
	int status;

	MUST(call->is_sent && !call->is_done);
	call->is_done = true;
	loopback.argument_bytes = head->length;
	memcpy(loopback.arguments, head->payload, head->length);
	status = serve(call);
	if (status)
		end(call);
	else
		receive(call);
	return status;
}

static int transporter(struct fly_call *call)
{
	send_call(call);
	return wait_call(call);
}

static void ender(struct fly_call *head)
{
	struct loopback_call *call = (struct loopback_call *)head;

	MUST(call->is_done);
	end(call);
}

static struct fly_binding binding_to_itself = {
	.starter = starter,
	.transporter = transporter,
	.send = send_call,
	.wait = wait_call,
	.ender = ender,
};

void loopback_reset(void)
{
	loopback.more_arguments = 0;
	loopback.more_results = 0;
	loopback.spoilt_argument = -1;
	loopback.spoilt_result = -1;
	loopback.executed = 0;
}

/* ---- what generated code calls ------------------------------------------------------------ */

int fly_export(struct fly_runtime *runtime, const struct fly_interface *interface,
	       const void *procedures, void *context)
{
	(void)runtime;
	loopback.interface = interface;
	loopback.procedures = procedures;
	loopback.context = context;
	return 0;
}

int fly_import(struct fly_runtime *runtime, const char *name, uint32_t version, const char *peer,
	       struct fly_binding **binding)
{
	(void)runtime;
	(void)peer;
	if (!loopback.interface || strcmp(name, loopback.interface->name) != 0)
		return -FLY_ENOEXPORT;
	if (version != loopback.interface->version)
		return -FLY_EVERSION;
	*binding = &binding_to_itself;
	return 0;
}

void fly_release(struct fly_call *call)
{
	ender(call);
}
