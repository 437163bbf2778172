/* SPDX-License-Identifier: BSD-3-Clause */
/* loopback.c - see loopback.h. Part of tests of generated code; a wrong call of it aborts. */
#include <stdio.h>
#include <stdlib.h>

#include "loopback.h"
#include "marshal/raise.h"

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

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* Room for exactly n bytes at an odd address, with anything in it. */
static uint8_t *new_buffer(size_t n)
{
	uint8_t *buffer = malloc(n + 1);

	MUST(buffer);
	memset(buffer, 0xa5, n + 1);
	return buffer;
}

/* The length of a message when it arrives. */
static uint32_t edited_bytes(uint32_t length, const struct loopback_edit *edit)
{
	return edit ? edit->length : length;
}

/* A message arrives. @to: has room for its edited length. */
static void deliver(uint8_t *to, const uint8_t *from, uint32_t length,
		    const struct loopback_edit *edit)
{
	memcpy(to, from, edit && edit->length < length ? edit->length : length);
	if (edit && edit->n)
		memcpy(to + edit->offset, edit->bytes, edit->n);
}

static void remember(uint8_t **to, uint32_t *length, const uint8_t *from, uint32_t n)
{
	free(*to);
	*to = malloc(n + 1);
	MUST(*to);
	memcpy(*to, from, n);
	*length = n;
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
	MUST(argument_bytes <= started->procedure->argument_bytes);
	started->buffer = new_buffer(argument_bytes);
	started->head.binding = binding;
	started->head.payload = started->buffer + 1;
	started->head.length = argument_bytes;
	loopback.calls++;
	*call = &started->head;
	return 0;
}

/* What the server stub may return, and what it must have left then. */
static void check_served(int status, const struct fly_served *served,
			 const struct fly_procedure *procedure)
{
	MUST(status == 0 || status == -FLY_EEXCEPTION || status == -FLY_ERAISED ||
	     status == -FLY_ERESULT || status == -FLY_EMALFORMED);
	if (status == 0 || status == -FLY_EEXCEPTION)
		MUST(served->result_bytes <= procedure->result_bytes);
	if (status == -FLY_ERAISED)
		MUST(served->raised != 0);
}

/* Run the server stub over packets of its own, and remember the results. */
static int serve(const struct fly_procedure *procedure, const uint8_t *arguments, uint32_t sent)
{
	const uint32_t received = edited_bytes(sent, loopback.argument_edit);
	const size_t returned = procedure->result_bytes;
	size_t room = received;
	uint8_t raised[FLY_RAISED_BYTES_MAX];
	uint8_t *packet;
	uint8_t *second = NULL;
	struct fly_served served = {
		.procedures = loopback.procedures,
		.context = loopback.context,
		.argument_bytes = received,
	};
	int status;

	MUST(!procedure->result_offset || procedure->layout == FLY_RESULTS_BEHIND);
	if (procedure->layout == FLY_RESULTS_OVER)
		room = larger(received, returned);
	else if (procedure->layout == FLY_RESULTS_BEHIND)
		room = larger(received, procedure->result_offset + returned);
	packet = new_buffer(room);
	deliver(packet + 1, arguments, sent, loopback.argument_edit);
	served.arguments = packet + 1;
	served.results = packet + 1 + procedure->result_offset;
	if (procedure->layout == FLY_RESULTS_SECOND || loopback.lend) {
		second = new_buffer(returned);
		served.results = second + 1;
	}
	if (loopback.lend)
		served.arguments = loopback.lend(served.arguments, received);
	status = procedure->stub(&served);
	if (loopback.lend)
		loopback.take_back();
	check_served(status, &served, procedure);
	loopback.executed += status != -FLY_EMALFORMED;
	if (status == -FLY_ERAISED) {
		served.results = raised;
		served.result_bytes = fly_raised_put(raised, served.raised);
	}
	if (status != -FLY_EMALFORMED && status != -FLY_ERESULT)
		remember(&loopback.results, &loopback.result_bytes, served.results,
			 served.result_bytes);
	free(packet);
	free(second);
	return status;
}

static void receive(struct loopback_call *call)
{
	const uint32_t length = edited_bytes(loopback.result_bytes, loopback.result_edit);

	free(call->buffer);
	call->buffer = new_buffer(length);
	call->head.payload = call->buffer + 1;
	call->head.length = length;
	deliver(call->head.payload, loopback.results, loopback.result_bytes, loopback.result_edit);
	if (loopback.lend)
		call->head.payload = loopback.lend(call->head.payload, length);
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
	remember(&loopback.arguments, &loopback.argument_bytes, head->payload, head->length);
	if (loopback.answer) {
		remember(&loopback.results, &loopback.result_bytes, loopback.answer,
			 loopback.answer_bytes);
		status = loopback.answer_status;
	} else {
		status = serve(call->procedure, head->payload, head->length);
	}
	if (status == 0 || status == -FLY_EEXCEPTION) {
		receive(call);
		return status;
	}
	if (status == -FLY_ERAISED)
		fly_raised_get(loopback.results, loopback.result_bytes);
	end(call);
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
	if (loopback.lend)
		loopback.take_back();
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
	loopback.argument_edit = NULL;
	loopback.result_edit = NULL;
	loopback.answer = NULL;
	loopback.answer_bytes = 0;
	loopback.answer_status = 0;
	loopback.lend = NULL;
	loopback.take_back = NULL;
	loopback.executed = 0;
}

int loopback_serve(uint32_t number, const uint8_t *arguments, uint32_t bytes)
{
	MUST(number < loopback.interface->n_procedures);
	return serve(&loopback.interface->procedures[number], arguments, bytes);
}

void loopback_free(void)
{
	free(loopback.arguments);
	free(loopback.results);
	loopback.arguments = NULL;
	loopback.results = NULL;
}

/* ---- what generated code calls ------------------------------------------------------------ */

int fly_export_with(struct fly_runtime *runtime, const struct fly_interface *interface,
		    const void *procedures, void *context, const struct fly_export_options *options)
{
	(void)runtime;
	(void)options;
	MUST(interface->stub_version == FLY_STUB_VERSION);
	loopback.interface = interface;
	loopback.procedures = procedures;
	loopback.context = context;
	return 0;
}

int fly_export_lacks(const struct fly_interface *interface, const char *procedure)
{
	(void)interface;
	(void)procedure;
	return -FLY_EINVAL;
}

int fly_import(struct fly_runtime *runtime, const struct fly_interface *interface, const char *peer,
	       struct fly_binding **binding)
{
	(void)runtime;
	(void)peer;
	MUST(interface->stub_version == FLY_STUB_VERSION);
	if (!loopback.interface || strcmp(interface->name, loopback.interface->name) != 0)
		return -FLY_ENOEXPORT;
	if (interface->version != loopback.interface->version)
		return -FLY_EVERSION;
	*binding = &binding_to_itself;
	return 0;
}

void fly_release(struct fly_call *call)
{
	ender(call);
}
