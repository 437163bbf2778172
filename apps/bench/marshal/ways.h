/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ways.h - what `firefly bench marshal` measures, between its files.
 *
 * A way of marshalling is a pair: client stubs, and an interface of server stubs. Those of Firefly
 * are generated from marshal.fly, as they are in any program. Those of the other ways are written
 * here, in the same shape: they call the same Starter, the same Transporter, the same procedures,
 * and only what is between differs. So whatever differs in time is marshalling.
 */
#ifndef FIREFLY_APP_BENCH_MARSHAL_H
#define FIREFLY_APP_BENCH_MARSHAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <firefly/stub.h>

#include "pairs.h"
#include "marshal.h"

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

/* The client stubs of a way, each with the signature that fireflyc gives it. */
struct marshal_client {
	int (*Null)(struct fly_binding *binding); /* only Firefly's */
	int (*Int1)(struct fly_binding *binding, uint32_t a);
	int (*Int2)(struct fly_binding *binding, uint32_t a, uint32_t b);
	int (*Int4)(struct fly_binding *binding, uint32_t a, uint32_t b, uint32_t c, uint32_t d);
	int (*Fixed4)(struct fly_binding *binding, const uint8_t *data);
	int (*Fixed400)(struct fly_binding *binding, const uint8_t *data);
	int (*Variable)(struct fly_binding *binding, const uint8_t *data, uint32_t data_count);
	int (*Text)(struct fly_binding *binding, const char *text);
	int (*FixedOut4)(struct fly_binding *binding, uint8_t *data);
	int (*FixedOut400)(struct fly_binding *binding, uint8_t *data);
	int (*VariableOut)(struct fly_binding *binding, uint8_t *data, uint32_t *data_count);
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

enum marshal_direction {
	MARSHAL_IN,  /* from caller to procedure */
	MARSHAL_OUT, /* from procedure to caller */
};

enum marshal_procedure {
	MARSHAL_PROC_NULL,
	MARSHAL_PROC_INT1,
	MARSHAL_PROC_INT2,
	MARSHAL_PROC_INT4,
	MARSHAL_PROC_FIXED4,
	MARSHAL_PROC_FIXED400,
	MARSHAL_PROC_VARIABLE,
	MARSHAL_PROC_TEXT,
	MARSHAL_PROC_FIXED_OUT4,
	MARSHAL_PROC_FIXED_OUT400,
	MARSHAL_PROC_VARIABLE_OUT,
};

/* A row of the table, as far as it is known beforehand. */
struct marshal_case {
	const char *name;
	const char *word; /* in JSON */
	enum marshal_procedure procedure;
	enum marshal_direction direction;
	uint32_t bytes;   /* of the value itself: what memcpy copies; a string's NUL counts */
	uint32_t us_1989; /* what the Firefly took; 0: not among its tables */
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

/* marshal_end() - the end of a client stub whose procedure has no results: as fireflyc has it. */
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

/* The tables of a way: its client stubs are way_Int1() and so on, its server stubs serve_Int1(). */
#define MARSHAL_CLIENT(way)                                                                     \
	{                                                                                       \
		.Int1 = way##_Int1, .Int2 = way##_Int2, .Int4 = way##_Int4,                     \
		.Fixed4 = way##_Fixed4, .Fixed400 = way##_Fixed400, .Variable = way##_Variable, \
		.Text = way##_Text, .FixedOut4 = way##_FixedOut4,                               \
		.FixedOut400 = way##_FixedOut400, .VariableOut = way##_VariableOut,             \
	}

#define MARSHAL_PROCEDURE(name)       \
	[Marshal_##name##_NUMBER] = { \
		#name, serve_##name, FLY_PAYLOAD_ROOM, FLY_PAYLOAD_ROOM, 0, FLY_RESULTS_OVER, 0}

#define MARSHAL_PROCEDURES                                                                     \
	{                                                                                      \
		[Marshal_Null_NUMBER] = {"Null", fly_stub_none, 0, 0, 0, FLY_RESULTS_OVER, 0}, \
		MARSHAL_PROCEDURE(Int1), MARSHAL_PROCEDURE(Int2), MARSHAL_PROCEDURE(Int4),     \
		MARSHAL_PROCEDURE(Fixed4), MARSHAL_PROCEDURE(Fixed400),                        \
		MARSHAL_PROCEDURE(Variable), MARSHAL_PROCEDURE(Text),                          \
		MARSHAL_PROCEDURE(FixedOut4), MARSHAL_PROCEDURE(FixedOut400),                  \
		MARSHAL_PROCEDURE(VariableOut),                                                \
	}

/*
 * bench_marshal_export() - what the generated Marshal_export() of this program calls instead of
 * fly_export_with(), by -Dfly_export_with=bench_marshal_export in meson.build. The tables of an
 * interface are static in generated code, and so they can be had without a runtime. In
 * bench_marshal.c.
 */
int bench_marshal_export(struct fly_runtime *runtime, const struct fly_interface *interface,
			 const void *procedures, void *context,
			 const struct fly_export_options *options);

/* bench_marshal_print_table() - for people, on stdout. In bench_marshal_report.c. */
void bench_marshal_print_table(const struct marshal_result *result);

/* bench_marshal_print_json() - for programs, on stdout. Return: 0, or -1 with errno set. */
int bench_marshal_print_json(const struct marshal_result *result);

#endif
