/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ways.h - ways of marshalling that `firefly bench marshal` compares.
 *
 * A way is client stubs, and an interface of server stubs. Those of Firefly are generated from
 * marshal.fly, as they are in any program. Those of the other ways are written here, in the same
 * shape: they call the same Starter, the same Transporter, the same procedures, and only what is
 * between differs. So whatever differs in time is marshalling.
 */
#ifndef FIREFLY_BENCH_WAYS_H
#define FIREFLY_BENCH_WAYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <firefly/stub.h>

#include "marshal.h"
#include "pairs.h"

#define MARSHAL_LONG 1440 /* bytes of the longest array */
#define MARSHAL_TEXT 128  /* characters of the longest string */

/* The binding of all ways: to the server stubs of this process, without a packet between. */
struct marshal_binding {
	struct fly_binding head;
	const struct fly_interface *interface;
	const struct Marshal_procedures *procedures;
	uint32_t bytes; /* of the value of the case that is measured; see struct marshal_case */
	struct fly_call call;
	const struct fly_procedure *called; /* by that call */
};

/* All procedures of Marshal but Null. */
#define MARSHAL_EACH(X) \
	X(Int1)         \
	X(Int2)         \
	X(Int4) X(Fixed4) X(Fixed400) X(Variable) X(Text) X(FixedOut4) X(FixedOut400) X(VariableOut)

/* The client stubs of a way, each with the signature that fireflyc gives it. */
struct marshal_client {
#define MARSHAL_STUB(name) __typeof__(Marshal_##name) *name;
	MARSHAL_STUB(Null) /* only Firefly's */
	MARSHAL_EACH(MARSHAL_STUB)
#undef MARSHAL_STUB
};

/* What the integers are, and where memcpy finds them. protobuf-c sends small ones in fewer bytes.
 */
#define MARSHAL_INT_A 100u
#define MARSHAL_INT_B 10000u
#define MARSHAL_INT_C 1000000u
#define MARSHAL_INT_D 1000000000u
extern uint32_t marshal_integers[4];

struct marshal_way {
	const char *name;
	struct marshal_client client;
	const struct fly_interface *interface; /* Marshal's numbers and procedures */
};

/* The ways. Those whose library was not there when this was built are NULL. */
enum marshal_ways {
	MARSHAL_WAY_COPY, /* the floor: memcpy */
	MARSHAL_WAY_FIREFLY,
	MARSHAL_WAY_PROTOBUF,
	MARSHAL_WAY_XDR,
	MARSHAL_WAYS,
};

extern const struct marshal_way marshal_copy;
#ifdef FLY_MARSHAL_PROTOBUF
extern const struct marshal_way marshal_protobuf;
#endif
#ifdef FLY_MARSHAL_XDR
extern const struct marshal_way marshal_xdr;
#endif

/* A row of the table, as far as it is known beforehand. */
struct marshal_case {
	const char *name;
	const char *word;   /* in JSON */
	uint16_t procedure; /* its number */
	bool is_out;        /* from procedure to caller; else from caller to procedure */
	uint32_t bytes;     /* of the value itself: what memcpy copies; a string's NUL counts */
	uint32_t us_1989;   /* what the Firefly took; 0: not among its tables */
};

struct marshal_row {
	const struct marshal_case *is;
	struct marshal_pairs pairs;
};

/* All that a report needs. */
struct marshal_result {
	struct marshal_row *rows;
	size_t n_rows;
	bool has[MARSHAL_WAYS];
	unsigned core;
	unsigned calls; /* in a block */
};

/* "(a, b)" without its parentheses. */
#define MARSHAL_LIST(...) __VA_ARGS__

/* ---- parts of client stubs: as fireflyc has them ---- */

/* marshal_end() - the end of one whose procedure has no results. */
static inline int marshal_end(struct fly_binding *binding, struct fly_call *call)
{
	const int status = binding->transporter(call);

	if (status)
		return fly_stub_failed(call, status);
	if (call->length != 0) {
		binding->ender(call);
		return -FLY_ERESULT;
	}
	binding->ender(call);
	return 0;
}

/* marshal_fetch() - the begin of one whose procedure has no arguments. 0: the Ender is next. */
static inline int marshal_fetch(struct fly_binding *binding, uint16_t number,
				struct fly_call **call)
{
	int status = binding->starter(binding, number, 0, call);

	if (status)
		return status;
	status = binding->transporter(*call);
	return status ? fly_stub_failed(*call, status) : 0;
}

/* ---- server stubs ---- */

/*
 * Of a procedure that takes something. @variable: is declared; @is_good: takes the arguments out of
 * the packet; @release: is done after the procedure has run; then what is handed to it.
 */
#define MARSHAL_SERVE(name, variable, is_good, release, ...)                      \
	static int serve_##name(struct fly_served *served)                        \
	{                                                                         \
		const struct Marshal_procedures *procedures = served->procedures; \
		variable;                                                         \
		int raised;                                                       \
                                                                                  \
		if (!(is_good))                                                   \
			return -FLY_EMALFORMED;                                   \
		raised = procedures->name(served->context, __VA_ARGS__);          \
		release;                                                          \
		served->result_bytes = 0;                                         \
		return raised ? -FLY_ERAISED : 0;                                 \
	}

/* Of one that has results. @results: puts them into the packet, and is the stub's status. */
#define MARSHAL_SERVE_OUT(name, variable, is_good, results, ...)                  \
	static int serve_##name(struct fly_served *served)                        \
	{                                                                         \
		const struct Marshal_procedures *procedures = served->procedures; \
		variable;                                                         \
                                                                                  \
		if (!(is_good))                                                   \
			return -FLY_EMALFORMED;                                   \
		if (procedures->name(served->context, __VA_ARGS__))               \
			return -FLY_ERAISED;                                      \
		return results;                                                   \
	}

#define MARSHAL_PROCEDURE(name)       \
	[Marshal_##name##_NUMBER] = { \
		#name, serve_##name, FLY_PAYLOAD_ROOM, FLY_PAYLOAD_ROOM, 0, FLY_RESULTS_OVER, 0},

/* The way itself; its client stubs are named client_Int1() and so on. */
#define MARSHAL_CLIENT(name) .name = client_##name,
#define MARSHAL_WAY(variable, way_name)                                                          \
	static const struct fly_procedure procedures_of_way[] = {                                \
		[Marshal_Null_NUMBER] = {"Null", fly_stub_none, 0, 0, 0, FLY_RESULTS_OVER, 0},   \
		MARSHAL_EACH(MARSHAL_PROCEDURE)};                                                \
	static const struct fly_interface interface_of_way = {FLY_STUB_VERSION, "Marshal",       \
							      Marshal_VERSION,                   \
							      sizeof procedures_of_way /         \
								      sizeof *procedures_of_way, \
							      procedures_of_way};                \
	const struct marshal_way variable = {                                                    \
		.name = (way_name),                                                              \
		.client = {MARSHAL_EACH(MARSHAL_CLIENT)},                                        \
		.interface = &interface_of_way,                                                  \
	}

/*
 * bench_marshal_export() - what the generated Marshal_export() of this program calls instead of
 * fly_export_with(), by -Dfly_export_with=bench_marshal_export in meson.build. The tables of an
 * interface are static in generated code, and so they can be had without a runtime.
 */
int bench_marshal_export(struct fly_runtime *runtime, const struct fly_interface *interface,
			 const void *procedures, void *context,
			 const struct fly_export_options *options);

/* marshal_print() - a table for people, on stdout. */
void marshal_print(const struct marshal_result *result);

/* marshal_print_json() - for programs, on stdout. Return: 0, or -1 with errno set. */
int marshal_print_json(const struct marshal_result *result);

#endif
