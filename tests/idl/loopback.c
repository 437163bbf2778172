/* SPDX-License-Identifier: BSD-3-Clause */
/* loopback.c - see loopback.h. Part of tests of generated code; a wrong call of it aborts. */
#include <stdio.h>
#include <stdlib.h>

#include "loopback.h"
#include "marshal/raise.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#endif
#endif
#ifndef ASAN_POISON_MEMORY_REGION
#define ASAN_POISON_MEMORY_REGION(at, bytes)   ((void)(at), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(at, bytes) ((void)(at), (void)(bytes))
#endif

#define UNTOUCHED 0xa5 /* in new buffers */
#define GARBAGE   0xdd /* where nobody may look, and in variables that are lent when a call fails */

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
	struct fly_loans lent; /* a copy; of results, the plain call's variables */
	bool is_read;
	bool is_stored;
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
	memset(buffer, UNTOUCHED, n + 1);
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

/* Loans of one direction: long, in a message of this length, none over another, in order. */
static void check_loans(const struct fly_loan *loans, uint32_t n, uint32_t message_bytes)
{
	uint64_t end = 0;

	MUST(n <= FLY_LOANS);
	for (uint32_t i = 0; i < n; i++) {
		MUST(loans[i].bytes && loans[i].length >= FLY_LOAN_LEAST);
		MUST(loans[i].at >= end);
		end = (uint64_t)loans[i].at + loans[i].length;
		MUST(end <= message_bytes);
	}
}

/* What the call lends that begins now, if it lends anything. */
static void borrow(struct loopback_call *call, struct fly_loans *loans)
{
	fly_loans_init(&loopback.lent);
	if (!loans || loans->call)
		return;
	MUST(!loans->is_read && !loans->is_stored);
	call->lent = *loans;
	check_loans(loans->arguments, loans->n_arguments, call->head.length);
	check_loans(loans->results, loans->n_results, call->procedure->result_bytes);
	loopback.lent = *loans;
	call->is_read = loopback.reads_loans && loans->n_arguments;
	loans->is_read = call->is_read;
}

/* As late as it may be: until now, nobody may have written to the places of what is lent. */
static void read_loans(struct loopback_call *call)
{
	for (uint32_t i = 0; call->is_read && i < call->lent.n_arguments; i++) {
		const struct fly_loan *loan = &call->lent.arguments[i];
		uint8_t *place = call->head.payload + loan->at;

		for (uint32_t k = 0; k < loan->length; k++)
			MUST(place[k] == UNTOUCHED);
		memcpy(place, loan->bytes, loan->length);
	}
}

/* The loans of a plain call that is waiting; NULL: it lends no variables. */
static struct fly_loans *waiting_loans(struct loopback_call *call)
{
	struct fly_loans *loans = call->head.binding->loans;

	if (!loopback.stores_loans || !call->lent.n_results)
		return NULL;
	MUST(loans && loans->call == &call->head);
	MUST(loans->n_results == call->lent.n_results);
	return loans;
}

/* Results that have arrived go to the variables, and where they were nobody may look. */
static void store_loans(struct loopback_call *call)
{
	struct fly_loans *loans = waiting_loans(call);

	if (!loans || loopback.lend)
		return;
	call->is_stored = loans->is_stored = true;
	for (uint32_t i = 0; i < loans->n_results; i++) {
		const struct fly_loan *loan = &loans->results[i];
		const uint32_t left =
			call->head.length > loan->at ? call->head.length - loan->at : 0;
		const uint32_t n = left < loan->length ? left : loan->length;
		uint8_t *place = call->head.payload + loan->at;

		if (!n)
			continue;
		memcpy(loan->bytes, place, n);
		memset(place, GARBAGE, n);
		ASAN_POISON_MEMORY_REGION(place, n);
	}
}

/* A call has failed: its variables hold anything. */
static void spoil_loans(struct loopback_call *call)
{
	struct fly_loans *loans = waiting_loans(call);

	for (uint32_t i = 0; loans && i < loans->n_results; i++)
		memset(loans->results[i].bytes, GARBAGE, loans->results[i].length);
}

static void end(struct loopback_call *call)
{
	if (call->is_stored)
		ASAN_UNPOISON_MEMORY_REGION(call->head.payload, call->head.length);
	free(call->buffer);
	free(call);
	MUST(loopback.calls-- > 0);
}

static int starter(struct fly_binding *binding, uint16_t procedure, uint32_t argument_bytes,
		   struct fly_call **call)
{
	struct loopback_call *started;

	if (loopback.starter_status)
		return loopback.starter_status;
	started = calloc(1, sizeof *started);
	MUST(started);
	MUST(procedure < loopback.interface->n_procedures);
	started->procedure = &loopback.interface->procedures[procedure];
	MUST(argument_bytes <= started->procedure->argument_bytes);
	started->buffer = new_buffer(argument_bytes);
	started->head.binding = binding;
	started->head.payload = started->buffer + 1;
	started->head.length = argument_bytes;
	borrow(started, binding->loans);
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
	read_loans(call);
	remember(&loopback.arguments, &loopback.argument_bytes, head->payload, head->length);
	if (loopback.answer) {
		remember(&loopback.results, &loopback.result_bytes, loopback.answer,
			 loopback.answer_bytes);
		status = loopback.answer_status;
	} else if (loopback.transport_status) {
		status = loopback.transport_status;
	} else {
		status = serve(call->procedure, head->payload, head->length);
	}
	if (status)
		spoil_loans(call);
	if (status == 0 || status == -FLY_EEXCEPTION) {
		receive(call);
		if (!status)
			store_loans(call);
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
	loopback.reads_loans = false;
	loopback.stores_loans = false;
	loopback.starter_status = 0;
	loopback.transport_status = 0;
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

int fly_import_each(struct fly_runtime *runtime, const struct fly_interface *interface,
		    const char *link, uint32_t wait_ms, struct fly_binding **bindings,
		    unsigned most)
{
	const int status = fly_import(runtime, interface, link, &bindings[0]);

	(void)wait_ms;
	(void)most;
	return status ? status : 1;
}

void fly_release(struct fly_call *call)
{
	ender(call);
}
