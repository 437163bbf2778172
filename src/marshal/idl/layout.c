/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * layout.c - where each byte of a call lies, and whether results may lie over the arguments.
 *
 * Arguments are the in and inout parameters, results what stands behind ->, then the out and
 * inout parameters: packed, in order of declaration. docs/encoding.md says the same to a reader.
 *
 * May the results lie over the arguments?
 *
 * The server stub works in this order: it loads every scalar, every array of wider elements and
 * every bool array into variables of its own; it copies inout byte arrays from the arguments to
 * the results, in order of declaration; the procedure runs; it stores its variables into the
 * results. So what can be spoilt is only what is read later than something else was written:
 *
 *   - an in byte array, which the procedure reads in the call packet, by the copy of an inout
 *     byte array or by what the procedure writes to an out or inout byte array;
 *   - the source of a copy, by an earlier copy. By itself it cannot: it is a memmove.
 *
 * The source of a copy is not read any more when the procedure runs, and results do not overlap
 * each other. An inout byte array at the same offset on both sides is not copied at all.
 * Everything else is either read before the first write, or written after the last read.
 */
#include <firefly/stub.h>

#include "ast.h"

struct range {
	uint32_t begin;
	uint32_t end;
};

static bool overlap(struct range a, struct range b)
{
	return a.begin < b.end && b.begin < a.end;
}

static struct range argument_range(const struct idl_param *param)
{
	return (struct range){param->argument_offset,
			      param->argument_offset + idl_param_bytes(param)};
}

static struct range result_range(const struct idl_param *param)
{
	return (struct range){param->result_offset, param->result_offset + idl_param_bytes(param)};
}

/* If the results lay over the arguments, would the stub or the procedure read spoilt bytes? */
static bool spoils(const struct idl_procedure *procedure)
{
	for (const struct idl_param *w = procedure->params; w; w = w->next) {
		const bool is_copied =
			w->direction == IDL_INOUT && w->argument_offset != w->result_offset;
		bool is_later = false;

		if (w->direction == IDL_IN || !idl_param_is_bytes(w))
			continue;
		for (const struct idl_param *r = procedure->params; r; r = r->next) {
			const bool is_read = idl_param_is_bytes(r) &&
					     (r->direction == IDL_IN ||
					      (r->direction == IDL_INOUT && is_copied && is_later));

			if (r == w)
				is_later = true;
			else if (is_read && overlap(result_range(w), argument_range(r)))
				return true;
		}
	}
	return false;
}

static void choose_layout(struct idl_procedure *procedure)
{
	const uint32_t behind = (procedure->argument_bytes + 7) & ~7u;

	if (!spoils(procedure)) {
		procedure->layout = IDL_RESULTS_OVER;
	} else if (behind + procedure->result_bytes <= FLY_PAYLOAD_ROOM) {
		procedure->layout = IDL_RESULTS_BEHIND;
		procedure->result_offset = behind;
	} else {
		procedure->layout = IDL_RESULTS_SECOND;
	}
	for (struct idl_param *param = procedure->params; param; param = param->next)
		param->copied = param->direction == IDL_INOUT && idl_param_is_bytes(param) &&
				(procedure->layout != IDL_RESULTS_OVER ||
				 param->argument_offset != param->result_offset);
}

static bool is_sound(const struct idl_param *param)
{
	return param->type && param->count;
}

/* The sum cannot overflow: each term is at most FLY_PAYLOAD_ROOM + 1, in a file of 16 MiB. */
static uint64_t add_bytes(uint64_t sum, const struct idl_param *param)
{
	const uint64_t most = FLY_PAYLOAD_ROOM + 1;

	return sum + (param->count > most ? most * param->type->bytes
					  : param->count * param->type->bytes);
}

static void report_length(struct idl_file *file, const struct idl_procedure *procedure,
			  const char *what)
{
	idl_error(file, procedure->name.span,
		  "the %s of '%s' are longer than the %u bytes that fit into a packet "
		  "(larger messages come with multi-packet calls)",
		  what, procedure->name.text, FLY_PAYLOAD_ROOM);
}

static void lay_out(struct idl_file *file, struct idl_procedure *procedure)
{
	uint64_t argument_bytes = 0;
	uint64_t result_bytes = 0;

	if (procedure->result) {
		if (!is_sound(procedure->result))
			return;
		result_bytes = add_bytes(0, procedure->result);
	}
	for (struct idl_param *param = procedure->params; param; param = param->next) {
		if (!is_sound(param))
			return;
		if (param->direction != IDL_OUT) {
			param->argument_offset = (uint32_t)argument_bytes;
			argument_bytes = add_bytes(argument_bytes, param);
		}
		if (param->direction != IDL_IN) {
			param->result_offset = (uint32_t)result_bytes;
			result_bytes = add_bytes(result_bytes, param);
		}
	}
	if (argument_bytes > FLY_PAYLOAD_ROOM)
		report_length(file, procedure, "arguments");
	if (result_bytes > FLY_PAYLOAD_ROOM)
		report_length(file, procedure, "results");
	if (argument_bytes > FLY_PAYLOAD_ROOM || result_bytes > FLY_PAYLOAD_ROOM)
		return;
	procedure->argument_bytes = (uint32_t)argument_bytes;
	procedure->result_bytes = (uint32_t)result_bytes;
	choose_layout(procedure);
}

void idl_layout(struct idl_file *file)
{
	struct idl_procedure *procedure = file->interface->procedures;

	for (; procedure; procedure = procedure->next)
		lay_out(file, procedure);
}
