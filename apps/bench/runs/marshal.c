/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * marshal.c - `firefly bench marshal`: what putting arguments into packets and getting them out
 * again costs, on one core, without a runtime.
 *
 * Owns the command line, the binding that leads from client stubs straight to server stubs, the
 * procedures, and the order of the blocks. What is between a Starter and a procedure is in the
 * generated stubs, and in copy.c, protobuf.c and xdr.c of marshal/; what becomes of the times in
 * pairs.c and report.c there.
 */
#include <argp.h>
#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include <unistd.h>

#include "bench/marshal/ways.h"
#include "firefly/cli.h"
#include "firefly/commands.h"

#define NAME            "bench marshal"
#define WARM_UP         200  /* calls before a block is timed */
#define BLOCK_CALLS     2000 /* in a block */
#define PAIRS_PER_TURN  8
#define SECONDS_DEFAULT 12

/* ---- the cases ---- */

static const struct marshal_case cases[] = {
	{"1 integer", "int1", Marshal_Int1_NUMBER, false, 4, 8},
	{"2 integers", "int2", Marshal_Int2_NUMBER, false, 8, 16},
	{"4 integers", "int4", Marshal_Int4_NUMBER, false, 16, 32},
	{"byte[4]", "fixed4", Marshal_Fixed4_NUMBER, false, 4, 0},
	{"byte[400]", "fixed400", Marshal_Fixed400_NUMBER, false, 400, 0},
	{"1 of byte<1440>", "variable1", Marshal_Variable_NUMBER, false, 1, 0},
	{"1440 of byte<1440>", "variable1440", Marshal_Variable_NUMBER, false, 1440, 0},
	{"string, empty", "string0", Marshal_Text_NUMBER, false, 1, 89},
	{"string, 1", "string1", Marshal_Text_NUMBER, false, 2, 378},
	{"string, 128", "string128", Marshal_Text_NUMBER, false, 129, 659},
	{"byte[4]", "fixed4_out", Marshal_FixedOut4_NUMBER, true, 4, 20},
	{"byte[400]", "fixed400_out", Marshal_FixedOut400_NUMBER, true, 400, 140},
	{"1 of byte<1440>", "variable1_out", Marshal_VariableOut_NUMBER, true, 1, 115},
	{"1440 of byte<1440>", "variable1440_out", Marshal_VariableOut_NUMBER, true, 1440, 550},
};

#define N_CASES (sizeof cases / sizeof *cases)

static const struct marshal_case null_case = {"Null", "null", Marshal_Null_NUMBER, false, 0, 0};

uint32_t marshal_integers[4] = {MARSHAL_INT_A, MARSHAL_INT_B, MARSHAL_INT_C, MARSHAL_INT_D};

/*
 * What is copied from and to. The packet's payload lies as it does behind the headers of a frame:
 * 10 bytes behind a cache line's begin. Source and destination of no copy are a multiple of 4096
 * bytes apart, or nearly: a processor takes such a load for one of what was just stored.
 */
static struct {
	_Alignas(4096) uint8_t packet[2048];
	uint8_t data[MARSHAL_LONG];
	char text[MARSHAL_TEXT + 1];
	_Alignas(4096) uint8_t second[2048];
	uint8_t got[MARSHAL_LONG];
} memory;

#define PAYLOAD_OFFSET 10

_Static_assert(PAYLOAD_OFFSET + FLY_PAYLOAD_ROOM <= sizeof memory.packet, "room behind the offset");

/* ---- the procedures ---- */

#define NOTHING __asm__ volatile("" ::: "memory")

/*
 * Those that are measured do nothing but be called. Each is another function for the compiler, and
 * the server stubs know them only by their pointers. The results are whatever is in the packet.
 */
#define IDLE(name, ...)                                      \
	static int idle_##name(void *context, ##__VA_ARGS__) \
	{                                                    \
		(void)context;                               \
		NOTHING;                                     \
		return 0;                                    \
	}

/*
 * The same, with a look at what they get: a way that loses a byte would be fast. They return 1 for
 * what is not as the caller sent it, and their results are memory.data.
 */
#define CHECK(name, is_wrong, ...)                               \
	static int check_##name(void *context, ##__VA_ARGS__)    \
	{                                                        \
		const struct marshal_binding *binding = context; \
                                                                 \
		(void)binding;                                   \
		return (is_wrong);                               \
	}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
IDLE(null)
IDLE(int1, uint32_t a)
IDLE(int2, uint32_t a, uint32_t b)
IDLE(int4, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
IDLE(data, const uint8_t *data)
IDLE(variable, const uint8_t *data, uint32_t data_count)
IDLE(text, const char *text)
IDLE(data_out, uint8_t *data)
#pragma GCC diagnostic pop

static int idle_variable_out(void *context, uint8_t *data, uint32_t *data_count)
{
	*data_count = ((const struct marshal_binding *)context)->bytes;
	return idle_data_out(context, data);
}

CHECK(int1, a != MARSHAL_INT_A, uint32_t a)
CHECK(int2, a != MARSHAL_INT_A || b != MARSHAL_INT_B, uint32_t a, uint32_t b)
CHECK(int4, a != MARSHAL_INT_A || b != MARSHAL_INT_B || c != MARSHAL_INT_C || d != MARSHAL_INT_D,
      uint32_t a, uint32_t b, uint32_t c, uint32_t d)
CHECK(data, memcmp(data, memory.data, binding->bytes) != 0, const uint8_t *data)
CHECK(variable, data_count != binding->bytes || check_data(context, data), const uint8_t *data,
      uint32_t data_count)
CHECK(text, strlen(text) + 1 != binding->bytes || strcmp(text, memory.text) != 0, const char *text)

static int check_data_out(void *context, uint8_t *data)
{
	memcpy(data, memory.data, ((const struct marshal_binding *)context)->bytes);
	return 0;
}

static int check_variable_out(void *context, uint8_t *data, uint32_t *data_count)
{
	*data_count = ((const struct marshal_binding *)context)->bytes;
	return check_data_out(context, data);
}

#define PROCEDURES(kind)                                                                           \
	{                                                                                          \
		.Null = idle_null, .Int1 = kind##_int1, .Int2 = kind##_int2, .Int4 = kind##_int4,  \
		.Fixed4 = kind##_data, .Fixed400 = kind##_data, .Variable = kind##_variable,       \
		.Text = kind##_text, .FixedOut4 = kind##_data_out, .FixedOut400 = kind##_data_out, \
		.VariableOut = kind##_variable_out,                                                \
	}

static const struct Marshal_procedures idle = PROCEDURES(idle), checking = PROCEDURES(check);

/* ---- the binding ---- */

static int starter(struct fly_binding *head, uint16_t procedure, uint32_t argument_bytes,
		   struct fly_call **call)
{
	struct marshal_binding *binding = (struct marshal_binding *)head;

	binding->called = &binding->interface->procedures[procedure];
	binding->call.binding = head;
	binding->call.payload = memory.packet + PAYLOAD_OFFSET;
	binding->call.length = argument_bytes;
	*call = &binding->call;
	return 0;
}

static int transporter(struct fly_call *call)
{
	struct marshal_binding *binding = (struct marshal_binding *)call->binding;
	const struct fly_procedure *called = binding->called;
	struct fly_served served = {
		.procedures = binding->procedures,
		.context = binding,
		.arguments = call->payload,
		.argument_bytes = call->length,
		.results = called->layout == FLY_RESULTS_SECOND
				   ? memory.second
				   : call->payload + called->result_offset,
	};
	const int status = called->stub(&served);

	if (status)
		return status;
	call->payload = served.results;
	call->length = served.result_bytes;
	return 0;
}

static void ender(struct fly_call *call)
{
	(void)call;
	NOTHING;
}

/* ---- the ways ---- */

#define CLIENT(name) .name = Marshal_##name,

static struct marshal_way firefly = {
	.name = "Firefly",
	.client = {CLIENT(Null) MARSHAL_EACH(CLIENT)},
	.interface = NULL, /* from bench_marshal_export() */
};

static const struct marshal_way *const ways[MARSHAL_WAYS] = {
	[MARSHAL_WAY_COPY] = &marshal_copy,
	[MARSHAL_WAY_FIREFLY] = &firefly,
#ifdef FLY_MARSHAL_PROTOBUF
	[MARSHAL_WAY_PROTOBUF] = &marshal_protobuf,
#endif
#ifdef FLY_MARSHAL_XDR
	[MARSHAL_WAY_XDR] = &marshal_xdr,
#endif
};

int bench_marshal_export(struct fly_runtime *runtime, const struct fly_interface *interface,
			 const void *procedures, void *context,
			 const struct fly_export_options *options)
{
	(void)runtime, (void)procedures, (void)context, (void)options;
	firefly.interface = interface;
	return 0;
}

/* ---- blocks ---- */

/*
 * Call @n times, one after the other. All ways are called by the same instructions; only the
 * pointer differs. Return: 0, or the first status that is not.
 */
static int repeat(struct marshal_binding *binding, const struct marshal_way *way,
		  const struct marshal_case *is, unsigned n)
{
	const struct marshal_client *client = &way->client;
	struct fly_binding *head = &binding->head;
	uint32_t count = 0;
	int status = 0;

	binding->interface = way->interface;
	binding->bytes = is->bytes;
	if (is->procedure == Marshal_Text_NUMBER)
		memory.text[is->bytes - 1] = 0;

#define TIMES(name, ...)                                            \
	case Marshal_##name##_NUMBER:                               \
		for (unsigned i = 0; i < n && status == 0; i++)     \
			status = client->name(head, ##__VA_ARGS__); \
		break
	switch (is->procedure) {
		TIMES(Null);
		TIMES(Int1, MARSHAL_INT_A);
		TIMES(Int2, MARSHAL_INT_A, MARSHAL_INT_B);
		TIMES(Int4, MARSHAL_INT_A, MARSHAL_INT_B, MARSHAL_INT_C, MARSHAL_INT_D);
		TIMES(Fixed4, memory.data);
		TIMES(Fixed400, memory.data);
		TIMES(Variable, memory.data, is->bytes);
		TIMES(Text, memory.text);
		TIMES(FixedOut4, memory.got);
		TIMES(FixedOut400, memory.got);
		TIMES(VariableOut, memory.got, &count);
	}
#undef TIMES
	return status;
}

static void fill(void)
{
	for (size_t i = 0; i < sizeof memory.data; i++)
		memory.data[i] = (uint8_t)(1 + 7 * i);
	for (size_t i = 0; i < sizeof memory.text - 1; i++)
		memory.text[i] = (char)('a' + i % 26);
}

/* Does this way bring over what it is given? What a procedure returned is in its ends at least. */
static bool is_right(struct marshal_binding *binding, const struct marshal_way *way,
		     const struct marshal_case *is)
{
	bool right;

	fill();
	memset(memory.got, 0, sizeof memory.got);
	binding->procedures = &checking;
	right = repeat(binding, way, is, 1) == 0;
	if (is->is_out)
		right = right && memory.got[0] == memory.data[0] &&
			memory.got[is->bytes - 1] == memory.data[is->bytes - 1];
	binding->procedures = &idle;
	return right;
}

/* Nanoseconds of one call. @way: NULL: NAN. */
static double block(struct marshal_binding *binding, const struct marshal_way *way,
		    const struct marshal_case *is)
{
	double began;

	if (!way)
		return NAN;
	fill();
	repeat(binding, way, is, WARM_UP);
	began = cli_seconds_now();
	repeat(binding, way, is, BLOCK_CALLS);
	return (cli_seconds_now() - began) * 1e9 / BLOCK_CALLS;
}

/* One turn of a row. The Null and the floor after a case are those before the next one. */
static void turn(struct marshal_binding *binding, struct marshal_row *row)
{
	struct marshal_pair pair = {
		.null[1] = block(binding, &firefly, &null_case),
		.copy[1] = block(binding, &marshal_copy, row->is),
	};

	for (unsigned i = 0; i < PAIRS_PER_TURN; i++) {
		pair.null[0] = pair.null[1];
		pair.copy[0] = pair.copy[1];
		pair.firefly = block(binding, &firefly, row->is);
		pair.protobuf = block(binding, ways[MARSHAL_WAY_PROTOBUF], row->is);
		pair.xdr = block(binding, ways[MARSHAL_WAY_XDR], row->is);
		pair.null[1] = block(binding, &firefly, &null_case);
		pair.copy[1] = block(binding, &marshal_copy, row->is);
		marshal_pairs_add(&row->pairs, &pair);
	}
}

/* ---- from start to end ---- */

enum {
	KEY_JSON = CLI_KEY_OWN,
};

struct marshal_options {
	double seconds;
	bool json;
};

static const struct argp_option options[] = {
	{"seconds", 's', "S", 0, "How long to measure, all rows together (default 12)", 0},
	{"json", KEY_JSON, NULL, 0, "Write the figures as JSON to stdout, and no table", 0},
	{0},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct marshal_options *o = state->input;

	switch (key) {
	case 's':
		o->seconds = cli_seconds(NAME, "--seconds", text, 0.1, 86400);
		return 0;
	case KEY_JSON:
		o->json = true;
		return 0;
	case ARGP_KEY_ARG:
		cli_refuse(NAME, "'%s' is too much: there are only options", text);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Measure what it costs that arguments are put into packets and taken out of them, "
	       "by generated stubs, by protobuf-c and by XDR, and how that compares with memcpy "
	       "of the same bytes."
	       "\vOn one core, without a link. Figures are nanoseconds that a call takes beyond a "
	       "call of Null(), client's and server's stub together. firefly(1) says how they "
	       "come about.",
};

/* The last core that we may use; interrupts prefer the first. */
static int choose_core(unsigned *core)
{
	cpu_set_t allowed;

	if (sched_getaffinity(0, sizeof allowed, &allowed)) {
		cli_complain(NAME, "which cores are there? %s", strerror(errno));
		return CLI_FAILED;
	}
	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &allowed))
			*core = cpu;
	return cli_pin(NAME, *core);
}

static int check(struct marshal_binding *binding)
{
	for (size_t c = 0; c < N_CASES; c++)
		for (unsigned w = 0; w < MARSHAL_WAYS; w++) {
			if (!ways[w] || is_right(binding, ways[w], &cases[c]))
				continue;
			cli_complain(NAME, "%s does not bring over '%s'; this is a bug",
				     ways[w]->name, cases[c].word);
			return CLI_FAILED;
		}
	return 0;
}

static void run(struct marshal_binding *binding, struct marshal_row *rows, double seconds)
{
	const bool progress = isatty(STDERR_FILENO);
	const double began = cli_seconds_now();
	double elapsed = 0;

	while (elapsed < seconds) {
		for (size_t i = 0; i < N_CASES; i++)
			turn(binding, &rows[i]);
		elapsed = cli_seconds_now() - began;
		if (progress)
			fprintf(stderr, "\r%.0f of %.0f s\033[K", elapsed, seconds);
	}
	if (progress)
		fprintf(stderr, "\r\033[K");
}

int bench_marshal_main(int argc, char **argv)
{
	struct marshal_binding binding = {
		.head = {.starter = starter, .transporter = transporter, .ender = ender},
		.procedures = &idle,
	};
	struct marshal_row rows[N_CASES] = {0};
	struct marshal_result result = {.rows = rows, .n_rows = N_CASES, .calls = BLOCK_CALLS};
	struct marshal_options o = {.seconds = SECONDS_DEFAULT};
	int failed = 0;

	argp_parse(&argp, argc, argv, 0, NULL, &o);
	(void)Marshal_export(NULL, &idle, NULL);
	for (unsigned w = 0; w < MARSHAL_WAYS; w++)
		result.has[w] = ways[w] != NULL;
	for (size_t i = 0; i < N_CASES; i++)
		rows[i].is = &cases[i];
	if (choose_core(&result.core) || check(&binding))
		return CLI_FAILED;
	run(&binding, rows, o.seconds);
	if (!o.json) {
		marshal_print(&result);
	} else if (marshal_print_json(&result)) {
		cli_complain(NAME, "stdout cannot be written: %s", strerror(errno));
		failed = CLI_FAILED;
	}
	for (size_t i = 0; i < N_CASES; i++)
		marshal_pairs_free(&rows[i].pairs);
	return failed;
}
