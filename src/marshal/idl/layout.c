/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * idl/layout.c - the place of each byte of a call, and whether results may overlap arguments.
 *
 * Arguments are the in and inout parameters; results are the value behind ->, then the out and
 * inout parameters. Fixed parts come first, packed in order of declaration, then variable parts.
 * docs/encoding.md describes the encoding.
 *
 * May the results overlap the arguments?
 *
 * A server stub works in this order. It loads everything but byte arrays and strings into its own
 * variables. It copies inout byte arrays and strings from the arguments to the results, in order of
 * declaration. The procedure runs. The stub stores its variables into the results. Only data that
 * is read after some write can be overwritten:
 *
 *   - an in byte array or string, which the procedure reads in the call packet: by the copy of an
 *     inout one, or by what the procedure writes to an out or inout one;
 *   - the source of a copy: by an earlier copy. The copy itself is a memmove.
 *
 * The source of a copy is not read any more when the procedure runs, and results do not overlap
 * each other. An inout byte array of fixed length at the same offset on both sides is not copied at
 * all. Everything else is read before the first write, or written after the last read.
 *
 * A variable part lies between the offsets that the shortest and the longest parts before it leave.
 * In the results, the procedure writes it at the greatest offset (staged_at), where it overlaps
 * nothing; the stub moves it left when the lengths are known.
 *
 * Which arrays does a caller's stub lend to the library, instead of copying them?
 *
 * Arrays of numbers that can be long and have nothing to be checked: they lie in C as on the wire.
 * An argument may lie anywhere: its place is known when all before it has been measured. Results
 * come from a peer. The variable for one is lent only if nothing but its array can lie at its
 * place, whatever the lengths are: a fixed array, or the only variable part of the results.
 *
 * An inout array is lent as an argument only. Its results may begin to arrive, and then the server
 * may be lost, or may have forgotten the call: the arguments are sent once more, and must be what
 * they were.
 */
#include <firefly/stub.h>

#include "ast.h"
#include "marshal/raise.h"

struct range {
	uint32_t begin;
	uint32_t end;
};

static bool overlap(struct range a, struct range b)
{
	return a.begin < b.end && b.begin < a.end;
}

static bool is_variable(const struct idl_field *param)
{
	return idl_varies(param->type);
}

static bool is_read(const struct idl_field *param)
{
	return param->direction != IDL_OUT;
}

static bool is_written(const struct idl_field *param)
{
	return param->direction != IDL_IN;
}

/* Where a direct parameter may lie in the arguments. */
static struct range argument_range(const struct idl_procedure *procedure,
				   const struct idl_field *param)
{
	uint64_t least = procedure->arguments.fixed_bytes;
	uint64_t most = least;

	if (!is_variable(param))
		return (struct range){param->argument_offset,
				      param->argument_offset + (uint32_t)param->type->fixed_bytes};
	for (const struct idl_field *p = procedure->params; p != param; p = p->next) {
		if (!is_read(p))
			continue;
		least += p->type->tail_min;
		most += p->type->tail_max;
	}
	return (struct range){(uint32_t)least, (uint32_t)(most + param->type->tail_max)};
}

/* Where a procedure writes a direct parameter. */
static struct range result_range(const struct idl_field *param)
{
	const uint64_t bytes =
		is_variable(param) ? param->type->tail_max : param->type->fixed_bytes;
	const uint32_t begin = is_variable(param) ? param->staged_at : param->result_offset;

	return (struct range){begin, begin + (uint32_t)bytes};
}

static bool stays(const struct idl_field *param)
{
	return !is_variable(param) && param->argument_offset == param->result_offset;
}

/*
 * The bytes that copying an inout parameter overwrites, as seen by a later copy. The longer the
 * first parameter is, the further back the later one lies in the arguments. So if the shortest
 * first parameter does not reach the later one, no longer one does.
 */
static struct range copy_range(const struct idl_field *param, const struct idl_field *later)
{
	struct range range = result_range(param);

	if (is_variable(param) && is_variable(later))
		range.end = range.begin + (uint32_t)param->type->tail_min;
	return range;
}

static bool is_spoilt_by(const struct idl_procedure *procedure, const struct idl_field *writer,
			 const struct idl_field *reader, bool is_later)
{
	const struct range read = argument_range(procedure, reader);

	if (reader->direction == IDL_IN)
		return overlap(result_range(writer), read);
	if (reader->direction != IDL_INOUT || writer->direction != IDL_INOUT || stays(writer) ||
	    !is_later)
		return false;
	return overlap(copy_range(writer, reader), read);
}

/* If results overlapped arguments, would the stub or the procedure read overwritten bytes? */
static bool spoils(const struct idl_procedure *procedure)
{
	const struct idl_field *w = procedure->result ? procedure->result : procedure->params;

	for (; w; w = w == procedure->result ? procedure->params : w->next) {
		bool is_later = false;

		if (!is_written(w) || !idl_is_direct(w->type))
			continue;
		for (const struct idl_field *r = procedure->params; r; r = r->next) {
			if (r == w)
				is_later = true;
			else if (idl_is_direct(r->type) && is_spoilt_by(procedure, w, r, is_later))
				return true;
		}
	}
	return false;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static void choose_layout(struct idl_procedure *procedure)
{
	const uint32_t results = larger(procedure->results.max_bytes, procedure->exception_bytes);
	const uint32_t behind = (procedure->arguments.max_bytes + 7) & ~7u;

	if (procedure->arguments.max_bytes > FLY_PAYLOAD_ROOM || results > FLY_PAYLOAD_ROOM) {
		procedure->layout = IDL_RESULTS_SECOND;
	} else if (!spoils(procedure)) {
		procedure->layout = IDL_RESULTS_OVER;
	} else if (behind + larger(results, FLY_RAISED_BYTES_MAX) <= FLY_PAYLOAD_ROOM) {
		procedure->layout = IDL_RESULTS_BEHIND;
		procedure->result_offset = behind;
	} else {
		procedure->layout = IDL_RESULTS_SECOND;
	}
	for (struct idl_field *param = procedure->params; param; param = param->next)
		param->copied = param->direction == IDL_INOUT && idl_is_direct(param->type) &&
				(procedure->layout != IDL_RESULTS_OVER || !stays(param));
}

/* Is it an array that may be lent, if its place is right? */
static bool is_lendable(const struct idl_type *type)
{
	if ((type->kind != IDL_ARRAY && type->kind != IDL_LIST) ||
	    type->element->kind != IDL_SCALAR || !type->element->any_bits)
		return false;
	return type->bound * type->element->fixed_bytes >= FLY_LOAN_LEAST;
}

static void choose_loan(struct idl_procedure *procedure, struct idl_field *param)
{
	const uint32_t tails = procedure->results.max_bytes - procedure->results.fixed_bytes;

	if (!is_lendable(param->type))
		return;
	param->lends_argument = is_read(param);
	param->lends_result = param->direction == IDL_OUT &&
			      (!is_variable(param) || param->type->tail_max == tails);
	procedure->lends_arguments = procedure->lends_arguments || param->lends_argument;
	procedure->lends_results = procedure->lends_results || param->lends_result;
}

static bool report_length(struct idl_file *file, const struct idl_procedure *procedure,
			  uint64_t bytes, const char *what)
{
	if (bytes <= FLY_MESSAGE_MAX)
		return false;
	idl_error(file, procedure->name.span,
		  "the %s of '%.64s' may take %llu bytes, and the largest message has %u", what,
		  procedure->name.text, (unsigned long long)bytes, FLY_MESSAGE_MAX);
	return true;
}

/* Sizes of a message. The sums cannot overflow: each type has at most FLY_MESSAGE_MAX bytes. */
struct sum {
	uint64_t fixed_bytes;
	uint64_t tail_bytes;
};

static void add(struct sum *sum, const struct idl_type *type)
{
	sum->fixed_bytes += type->fixed_bytes;
	sum->tail_bytes += type->tail_max;
}

static void place_argument(struct sum *sum, struct idl_field *param)
{
	param->argument_offset = (uint32_t)sum->fixed_bytes;
	add(sum, param->type);
}

static void place_result(struct sum *sum, struct idl_field *param)
{
	param->result_offset = (uint32_t)sum->fixed_bytes;
	param->staged_at = (uint32_t)sum->tail_bytes; /* still without the fixed part */
	add(sum, param->type);
}

static struct idl_message message(const struct sum *sum)
{
	return (struct idl_message){(uint32_t)sum->fixed_bytes,
				    (uint32_t)(sum->fixed_bytes + sum->tail_bytes)};
}

static uint64_t variable_bytes(const struct idl_field *param)
{
	return idl_is_direct(param->type) && !param->is_loaded ? 16 : param->type->c_bytes + 16;
}

/*
 * idl_is_inplace() - may the server stub read arguments in memory that the caller can change? So it
 * is if the procedure, or every argument that is read in place, is marked `inplace`.
 */
bool idl_is_inplace(const struct idl_procedure *procedure)
{
	bool is_any = false;

	if (procedure->attributes & IDL_INPLACE)
		return true;
	for (const struct idl_field *p = procedure->params; p; p = p->next) {
		if (!is_read(p) || !idl_is_direct(p->type))
			continue;
		if (!p->is_inplace)
			return false;
		is_any = true;
	}
	return is_any;
}

/* Are all types known? If not, that has been reported. */
static bool is_resolved(const struct idl_procedure *procedure)
{
	for (const struct idl_field *param = procedure->params; param; param = param->next)
		if (!param->type)
			return false;
	for (const struct idl_raise *r = procedure->raises; r; r = r->next)
		if (!r->exception || !r->exception->type)
			return false;
	return !procedure->result || procedure->result->type;
}

static void lay_out(struct idl_file *file, struct idl_procedure *procedure)
{
	struct sum arguments = {0};
	struct sum results = {0};
	uint64_t exception_bytes = 0;

	if (!is_resolved(procedure))
		return;
	/* The caller could overwrite the NUL of a string in place. */
	for (struct idl_field *param = procedure->params; param; param = param->next)
		param->is_loaded = param->direction == IDL_IN && param->type->kind == IDL_STRING &&
				   idl_is_inplace(procedure);
	if (procedure->result)
		place_result(&results, procedure->result);
	for (struct idl_field *param = procedure->params; param; param = param->next) {
		if (is_read(param))
			place_argument(&arguments, param);
		if (is_written(param))
			place_result(&results, param);
		procedure->variable_bytes += variable_bytes(param);
	}
	for (const struct idl_raise *r = procedure->raises; r; r = r->next) {
		const struct idl_type *type = r->exception->type;
		const uint64_t bytes = 4 + type->fixed_bytes + type->tail_max;

		if (bytes > exception_bytes)
			exception_bytes = bytes;
		procedure->variable_bytes += type->c_bytes;
	}
	if (report_length(file, procedure, arguments.fixed_bytes + arguments.tail_bytes,
			  "arguments") ||
	    report_length(file, procedure, results.fixed_bytes + results.tail_bytes, "results") ||
	    report_length(file, procedure, exception_bytes, "exceptions"))
		return;
	procedure->arguments = message(&arguments);
	procedure->results = message(&results);
	procedure->exception_bytes = (uint32_t)exception_bytes;
	for (struct idl_field *param = procedure->params; param; param = param->next)
		param->staged_at += procedure->results.fixed_bytes;
	if (procedure->result) {
		procedure->result->staged_at += procedure->results.fixed_bytes;
		procedure->variable_bytes += variable_bytes(procedure->result);
	}
	choose_layout(procedure);
	if (procedure->result)
		choose_loan(procedure, procedure->result);
	for (struct idl_field *param = procedure->params; param; param = param->next)
		choose_loan(procedure, param);
}

void idl_layout(struct idl_file *file)
{
	struct idl_procedure *procedure = file->interface->procedures;

	for (; procedure; procedure = procedure->next)
		lay_out(file, procedure);
}
