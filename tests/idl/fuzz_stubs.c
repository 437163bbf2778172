/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_stubs.c - libFuzzer: any bytes as a message to the stubs of one interface.
 *
 * fuzz_stubs.py makes a program per interface of this and of tables; seeds are in
 * tests/corpus/stubs_NAME/. Byte 0 of the input chooses the procedure and byte 1 the side, how it
 * is called, and whether the library borrows what stubs lend; the rest is the message. What a stub
 * accepts is captured, which touches every byte of it, and encoded again by the stub of the other
 * side: that must give the same bytes, because an encoding is canonical.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz_calls.h"
#include "fuzz_stubs.h"
#include "loopback.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum side {
	SERVER,
	FINISH,
	VIEW,
	EXCEPTION,
};

/* What the procedure does, and what it was given. */
static struct {
	const uint8_t *results;
	size_t result_bytes;
	const struct call_exception *raises; /* NULL: it returns the results */
	struct value_stream seen;
	unsigned runs;
} served;

/* How the procedure is called. */
static struct {
	bool wants_raised;
	bool is_plain; /* where a start and a finish would do */
	bool is_lent;  /* the library reads and stores what stubs lend */
} how;

static struct fly_binding *binding;

_Noreturn void call_bug(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: %s\n", file, line, what);
	abort();
}

int call_serve(const struct call_procedure *procedure, void *context, const struct value_place *v,
	       void *raised)
{
	CALL_CHECK(context == &loopback);
	served.runs++;
	call_capture(procedure, CALL_ALL_IN, v, &served.seen);
	call_check_defaults(procedure, v);
	if (served.raises)
		return call_fill_raised(served.raises, raised, served.results);
	call_fill_results(procedure, v, served.results, served.result_bytes);
	return 0;
}

static void borrow(void)
{
	loopback.reads_loans = how.is_lent;
	loopback.stores_loans = how.is_lent;
}

/* The arguments that are sent for these values. Return: how the call ended. */
static int call_with(const struct call_procedure *p, const uint8_t *arguments, size_t bytes)
{
	struct call_variables variables;
	int status;

	loopback_reset();
	borrow();
	served.runs = 0;
	call_set(&variables, p, arguments, bytes, true);
	status = p->plain(binding, variables.places, variables.raised);
	CALL_CHECK(served.runs == 1 && loopback.calls == 0 && !binding->loans);
	CALL_CHECK(loopback.lent.n_arguments == call_n_lent_arguments(&variables));
	CALL_CHECK(loopback.lent.n_results == call_n_lent_results(&variables));
	call_free(&variables);
	return status;
}

static bool is_same(const uint8_t *a, size_t a_bytes, const uint8_t *b, size_t b_bytes)
{
	return a_bytes == b_bytes && (!a_bytes || !memcmp(a, b, a_bytes));
}

static void as_arguments(const struct call_procedure *p, const struct fuzz_sample *sample,
			 const uint8_t *message, size_t bytes)
{
	struct value_stream seen = {0};
	int status;

	served.results = sample->results;
	served.result_bytes = sample->result_bytes;
	status = loopback_serve(p->number, message, (uint32_t)bytes);
	CALL_CHECK(status == 0 || status == -FLY_EMALFORMED);
	CALL_CHECK(served.runs == (status == 0));
	if (status)
		return;
	value_append(&seen, served.seen.at, served.seen.length);
	CALL_CHECK(call_with(p, seen.at, seen.length) == 0);
	CALL_CHECK(is_same(loopback.arguments, loopback.argument_bytes, message, bytes));
	CALL_CHECK(is_same(served.seen.at, served.seen.length, seen.at, seen.length));
	free(seen.at);
}

/* A call of any form. Return: its status; its variables are assigned. */
static int call_it(const struct call_procedure *p, enum side side,
		   const struct call_variables *variables)
{
	const bool has_view = side == VIEW && p->view;
	struct fly_call *call;
	int status;

	if (how.is_plain && !has_view)
		return p->plain(binding, variables->places, variables->raised);
	if (how.is_lent && p->start_from)
		CALL_CHECK(p->start_from(binding, variables->places, &call) == 0);
	else
		CALL_CHECK(p->start(binding, variables->places, &call) == 0);
	if (!has_view)
		return p->finish(call, variables->places, variables->raised);
	status = p->view(call, variables->places, variables->raised);
	if (status == 0)
		fly_release(call);
	return status;
}

static void as_results(const struct call_procedure *p, const struct fuzz_sample *sample,
		       enum side side, const uint8_t *message, size_t bytes)
{
	struct call_variables variables;
	struct value_stream got = {0};
	int status;

	loopback.answer = message;
	loopback.answer_bytes = (uint32_t)bytes;
	loopback.answer_status = side == EXCEPTION ? -FLY_EEXCEPTION : 0;
	borrow();
	call_set(&variables, p, sample->arguments, sample->argument_bytes, how.wants_raised);
	status = call_it(p, side, &variables);
	CALL_CHECK(loopback.calls == 0 && !binding->loans);
	if (status == 0) {
		CALL_CHECK(side != EXCEPTION);
		call_check_not_raised(&variables);
		call_capture(p, CALL_ALL_OUT, variables.places, &got);
		call_check_absent(&variables);
	} else {
		CALL_CHECK(status == -FLY_ERESULT ||
			   (side == EXCEPTION && p->n_exceptions && status == -FLY_EEXCEPTION));
		if (status == -FLY_ERESULT)
			call_check_bounded(&variables);
		else if (how.is_plain)
			call_check_unchanged_but_lent(&variables);
		else
			call_check_unchanged(&variables);
	}
	if (status == -FLY_ERESULT)
		call_check_not_raised(&variables);
	if (status == -FLY_EEXCEPTION && variables.raised)
		served.raises = call_capture_raised(&variables, &got);
	if (status == 0 || served.raises) {
		served.results = got.at;
		served.result_bytes = got.length;
		CALL_CHECK(call_with(p, sample->arguments, sample->argument_bytes) == status);
		CALL_CHECK(is_same(loopback.results, loopback.result_bytes, message, bytes));
	}
	call_free(&variables);
	free(got.at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct call_interface *interface = fuzz_interface;
	const struct call_procedure *p;
	const struct fuzz_samples *samples;
	const struct fuzz_sample *sample;
	enum side side;

	if (!binding) {
		CALL_CHECK(interface->export_it(interface->table, &loopback) == 0);
		CALL_CHECK(interface->import_it(&binding) == 0);
	}
	if (size < 2)
		return 0;
	p = &interface->procedures[data[0] % interface->n_procedures];
	samples = &fuzz_samples[data[0] % interface->n_procedures];
	side = (enum side)(data[1] % 4);
	sample = &samples->all[data[1] / 4 % 4 % samples->n];
	how.is_plain = data[1] & 0x10;
	how.is_lent = data[1] & 0x20;
	how.wants_raised = data[1] < 0xc0;
	loopback_reset();
	served.runs = 0;
	served.raises = NULL;
	if (side == SERVER)
		as_arguments(p, sample, data + 2, size - 2);
	else
		as_results(p, sample, side, data + 2, size - 2);
	return 0;
}
