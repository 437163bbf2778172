/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_roundtrip.c - the program of roundtrip.py: it calls every procedure of random interfaces.
 *
 * The script wrote the tables that this is linked with, and a file that says what to pass, what
 * must be on the wire, and what must come of it; this file knows neither types nor encoding.
 */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

#include "fuzz_calls.h"
#include "loopback.h"
#include "marshal/raise.h"

#define MANY    64   /* parameters of a procedure */
#define FILL    0x5a /* in variables of the caller that have no value */
#define SAMPLES 40   /* lengths to which a message is cut */

extern const struct call_interface *const call_interfaces[];
extern const uint32_t call_n_interfaces;

struct blob {
	const uint8_t *at;
	uint32_t length;
};

enum way {
	PLAIN,
	FINISH,
	VIEW,
	FROM, /* _start_from, and then finish or view */
	WAYS,
};

enum action {
	RETURN,    /* with the results */
	EXCEPTION, /* with one of those that it declares */
	RAISE,     /* with a number that it does not declare */
};

/* What goes on. The procedure looks here for what it must see and what it has to do. */
static struct {
	const struct call_interface *interface;
	const struct call_procedure *procedure;
	struct fly_binding *binding;
	struct fly_loans loans; /* what calls around this one lend */
	const char *what;       /* which kind of case, and the how-manieth */
	unsigned nth;
	enum way way;
	unsigned runs; /* of the procedure */

	struct blob seen;
	enum action action;
	struct blob results;
	uint32_t exception; /* index */
	struct blob fields;
	int number;
	bool with_words;
	char words[256];
	bool writes_first; /* before it raises */
} now;

/* How a call must end for its caller. */
struct outcome {
	int status;
	uint32_t exception; /* index, with FLY_EEXCEPTION */
	struct blob values; /* results, or fields of the exception */
};

static unsigned long n_calls;
static unsigned long n_lent; /* arrays */

void call_bug(const char *file, int line, const char *what)
{
	static const char *const ways[] = {"plain", "finish", "view", "from"};

	fprintf(stderr, "%s:%d: %s\n", file, line, what);
	if (now.procedure)
		fprintf(stderr, "in %s_%s, %s %u, %s\n", now.interface->name, now.procedure->name,
			now.what, now.nth, ways[now.way]);
	exit(1);
}

/* ---- the file ------------------------------------------------------------------------------- */

static const uint8_t *cursor;

static uint32_t take_u32(void)
{
	uint32_t n;

	memcpy(&n, cursor, sizeof n);
	cursor += sizeof n;
	return le32toh(n);
}

static struct blob take_blob(void)
{
	struct blob blob = {.length = take_u32()};

	blob.at = cursor;
	cursor += blob.length;
	return blob;
}

static uint8_t *read_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *bytes;
	size_t n;

	CALL_CHECK(file);
	CALL_CHECK(!fseek(file, 0, SEEK_END));
	n = (size_t)ftell(file);
	rewind(file);
	bytes = malloc(n + 1);
	CALL_CHECK(bytes && fread(bytes, 1, n, file) == n);
	fclose(file);
	return bytes;
}

/* ---- what is expected ----------------------------------------------------------------------- */

static struct call_variables variables;
static struct value_stream captured;

static bool is_captured(struct blob expected)
{
	return captured.length == expected.length &&
	       (!expected.length || !memcmp(captured.at, expected.at, expected.length));
}

static void check_results(struct blob results)
{
	call_capture(now.procedure, CALL_ALL_OUT, variables.places, &captured);
	CALL_CHECK(is_captured(results));
	call_check_absent(&variables);
	call_check_not_raised(&variables);
}

static void check_unchanged(void)
{
	if (now.way == PLAIN)
		call_check_unchanged_but_lent(&variables);
	else
		call_check_unchanged(&variables);
}

static void check_exception(uint32_t index, struct blob fields)
{
	check_unchanged();
	if (!variables.raised)
		return;
	CALL_CHECK(call_capture_raised(&variables, &captured) == &now.procedure->exceptions[index]);
	CALL_CHECK(is_captured(fields));
}

/* ---- the procedure -------------------------------------------------------------------------- */

int call_serve(const struct call_procedure *procedure, void *context, const struct value_place *v,
	       void *fields)
{
	CALL_CHECK(procedure == now.procedure);
	CALL_CHECK(context == &loopback);
	CALL_CHECK(!procedure->raised_bytes == !fields);
	now.runs++;
	call_capture(procedure, CALL_ALL_IN, v, &captured);
	CALL_CHECK(is_captured(now.seen));
	call_check_defaults(procedure, v);
	if (now.action == RETURN || now.writes_first) {
		struct value_stream before = {0};

		call_capture(procedure, CALL_IN_ONLY, v, &captured);
		value_append(&before, captured.at, captured.length);
		call_fill_results(procedure, v, now.results.at, now.results.length);
		/* What it reads is still what it was. */
		call_capture(procedure, CALL_IN_ONLY, v, &captured);
		CALL_CHECK(is_captured((struct blob){before.at, (uint32_t)before.length}));
		free(before.at);
	}
	switch (now.action) {
	case EXCEPTION:
		return call_fill_raised(&procedure->exceptions[now.exception], fields,
					now.fields.at);
	case RAISE:
		return now.with_words ? fly_raise(now.number, now.words) : now.number;
	case RETURN:
		break;
	}
	return 0;
}

/* ---- one call ------------------------------------------------------------------------------- */

/*
 * Calls that wait around this one have lent what they have lent. It begins neither now nor does it
 * change.
 */
static struct fly_call outer_call;
static const struct fly_loans outer = {.call = &outer_call};

/* Each call by itself draws what the library does with what is lent. */
static void begin(void)
{
	loopback.reads_loans = n_calls % 2 == 0;
	loopback.stores_loans = n_calls / 2 % 2 == 0;
	now.loans = outer;
	now.binding->loans = &now.loans;
}

static void check_loans(enum way way, int status)
{
	const bool are_arguments = way == PLAIN || way == FROM;

	CALL_CHECK(now.binding->loans == &now.loans);
	CALL_CHECK(!memcmp(&now.loans, &outer, sizeof outer));
	if (status == -FLY_EINVAL)
		return;
	CALL_CHECK(loopback.lent.n_arguments ==
		   (are_arguments ? call_n_lent_arguments(&variables) : 0));
	CALL_CHECK(loopback.lent.n_results == (way == PLAIN ? call_n_lent_results(&variables) : 0));
	n_lent += loopback.lent.n_arguments + loopback.lent.n_results;
}

static int call_it(enum way way)
{
	const struct call_procedure *p = now.procedure;
	const struct value_place *v = variables.places;
	void *raised = variables.raised;
	struct fly_call *call = NULL;
	int status;

	now.way = way;
	now.runs = 0;
	n_calls++;
	begin();
	if (way == PLAIN)
		return p->plain(now.binding, v, raised);
	status = (way == FROM ? p->start_from : p->start)(now.binding, v, &call);
	if (status)
		return status;
	call_spoil(&variables, way == FROM); /* they are ours again */
	if (way == FINISH || !p->view || (way == FROM && n_calls % 3 == 0))
		return p->finish(call, v, raised);
	status = p->view(call, v, raised);
	if (!status) {
		CALL_CHECK(loopback.calls == 1);
		fly_release(call);
	}
	return status;
}

/* Call, and see whether it ends so. */
static void run(enum way way, struct blob arguments, struct outcome expected)
{
	int status;

	if (way == FROM && !now.procedure->start_from)
		way = PLAIN;
	if (way == VIEW && !now.procedure->view)
		way = FINISH;
	call_set(&variables, now.procedure, arguments.at, arguments.length, n_calls % 3 != 0);
	status = call_it(way);
	if (status != expected.status)
		fprintf(stderr, "returned %s, and not %s\n", fly_status_name(status),
			fly_status_name(expected.status));
	CALL_CHECK(status == expected.status);
	CALL_CHECK(loopback.calls == 0);
	check_loans(way, status);
	CALL_CHECK(now.runs == (fly_outcome(status) == FLY_EXECUTED));
	CALL_CHECK(now.runs == loopback.executed);
	if (status == 0) {
		check_results(expected.values);
	} else if (status == -FLY_EEXCEPTION) {
		check_exception(expected.exception, expected.values);
	} else {
		if (status == -FLY_ERESULT)
			call_check_bounded(&variables);
		else
			check_unchanged();
		call_check_not_raised(&variables);
	}
	call_free(&variables);
	loopback_reset();
}

static struct outcome fails(int status)
{
	return (struct outcome){.status = status};
}

/* The caller gets what the procedure does. */
static struct outcome as_it_is(void)
{
	if (now.action == EXCEPTION)
		return (struct outcome){-FLY_EEXCEPTION, now.exception, now.fields};
	return (struct outcome){.values = now.results};
}

/* ---- messages that are spoilt on their way -------------------------------------------------- */

struct edit {
	struct loopback_edit edit;
	bool is_sound; /* it means something else then: */
	uint32_t exception;
	struct blob values;
};

static struct edit take_edit(void)
{
	struct edit e;
	struct blob bytes;

	e.edit.length = take_u32();
	e.edit.offset = take_u32();
	bytes = take_blob();
	e.edit.n = bytes.length;
	e.edit.bytes = bytes.at;
	e.is_sound = take_u32();
	e.exception = take_u32();
	e.values = take_blob();
	return e;
}

/* The message of this length, in no right length. @which: &loopback.argument_edit or so. */
static void run_lengths(const struct loopback_edit **which, uint32_t length, struct blob arguments,
			int status)
{
	const struct outcome expected = fails(status);
	const uint32_t step = length / SAMPLES + 1;
	struct loopback_edit edit = {.length = length + 1};

	now.what = which == &loopback.argument_edit ? "arguments of length" : "results of length";
	*which = &edit;
	now.nth = edit.length;
	run(PLAIN, arguments, expected);
	for (uint32_t cut = 1; cut <= length; cut += cut < 8 ? 1 : step) {
		edit.length = now.nth = length - cut;
		*which = &edit;
		run((enum way)(cut % WAYS), arguments, expected);
	}
	if (length) {
		edit.length = now.nth = 0;
		*which = &edit;
		run(PLAIN, arguments, expected);
	}
}

static void run_argument_edits(struct blob arguments)
{
	const struct blob seen = now.seen;

	now.what = "spoilt arguments";
	for (uint32_t n = take_u32(), i = 0; i < n; i++) {
		const struct edit e = take_edit();

		now.nth = i;
		loopback.argument_edit = &e.edit;
		now.seen = e.values;
		run((enum way)(i % WAYS), arguments,
		    e.is_sound ? as_it_is() : fails(-FLY_EMALFORMED));
	}
	now.seen = seen;
}

static void run_result_edits(struct blob arguments, const char *what)
{
	now.what = what;
	for (uint32_t n = take_u32(), i = 0; i < n; i++) {
		const struct edit e = take_edit();
		struct outcome expected = fails(-FLY_ERESULT);

		now.nth = i;
		loopback.result_edit = &e.edit;
		if (e.is_sound)
			expected = (struct outcome){as_it_is().status, e.exception, e.values};
		run((enum way)(i % WAYS), arguments, expected);
	}
}

/* ---- a procedure ---------------------------------------------------------------------------- */

static void check_wire(struct blob arguments, struct blob results)
{
	CALL_CHECK(loopback.argument_bytes == arguments.length);
	CALL_CHECK(!memcmp(loopback.arguments, arguments.at, arguments.length));
	CALL_CHECK(loopback.result_bytes == results.length);
	CALL_CHECK(!memcmp(loopback.results, results.at, results.length));
}

/* Values that come and go as they should, and messages of them that are spoilt. */
static void run_values(unsigned nth)
{
	const struct blob arguments = take_blob();
	const struct blob argument_wire = take_blob();
	struct blob result_wire;

	now.action = RETURN;
	now.seen = arguments;
	now.results = take_blob();
	result_wire = take_blob();
	now.what = "values";
	now.nth = nth;
	for (int way = PLAIN; way < WAYS; way++) {
		run((enum way)way, arguments, as_it_is());
		check_wire(argument_wire, result_wire);
	}
	run_argument_edits(arguments);
	run_lengths(&loopback.argument_edit, argument_wire.length, arguments, -FLY_EMALFORMED);
	run_result_edits(arguments, "spoilt results");
	run_lengths(&loopback.result_edit, result_wire.length, arguments, -FLY_ERESULT);
}

/* Values that a caller must not pass, and results that a procedure must not return. */
static void run_bad_values(struct blob arguments)
{
	struct blob good = now.results;

	now.what = "too much passed";
	for (uint32_t n = take_u32(), i = 0; i < n; i++) {
		now.nth = i;
		run((enum way)(i % WAYS), take_blob(), fails(-FLY_EINVAL));
	}
	now.what = "bad results";
	for (uint32_t n = take_u32(), i = 0; i < n; i++) {
		now.nth = i;
		now.results = take_blob();
		run((enum way)(i % WAYS), arguments, fails(-FLY_ERESULT));
	}
	now.results = good;
}

static void run_exceptions(struct blob arguments)
{
	for (uint32_t n = take_u32(), i = 0; i < n; i++) {
		struct blob wire;

		now.what = "exception";
		now.nth = i;
		now.action = EXCEPTION;
		now.exception = take_u32();
		now.fields = take_blob();
		wire = take_blob();
		for (int way = PLAIN; way < WAYS; way++) {
			now.writes_first = way == FINISH;
			run((enum way)way, arguments, as_it_is());
			CALL_CHECK(loopback.result_bytes == wire.length);
			CALL_CHECK(!memcmp(loopback.results, wire.at, wire.length));
		}
		run_result_edits(arguments, "spoilt exception");
		run_lengths(&loopback.result_edit, wire.length, arguments, -FLY_ERESULT);
	}
	/* Exceptions that cannot be: too many elements and the like. */
	now.what = "bad exception";
	for (uint32_t n = take_u32(), i = 0; i < n; i++) {
		now.nth = i;
		now.action = EXCEPTION;
		now.exception = take_u32();
		now.fields = take_blob();
		run((enum way)(i % WAYS), arguments, fails(-FLY_ERESULT));
	}
}

static void run_raises(struct blob arguments)
{
	now.what = "raise";
	for (uint32_t n = take_u32(), i = 0; i < n; i++) {
		struct blob words;
		struct blob wire;
		size_t kept;

		now.nth = i;
		now.action = RAISE;
		now.number = (int32_t)take_u32();
		now.with_words = take_u32();
		words = take_blob();
		wire = take_blob();
		CALL_CHECK(words.length < sizeof now.words);
		memcpy(now.words, words.at, words.length);
		now.words[words.length] = '\0';
		for (int way = PLAIN; way < WAYS; way++) {
			now.writes_first = way == FINISH;
			run((enum way)way, arguments, fails(-FLY_ERAISED));
			CALL_CHECK(loopback.result_bytes == wire.length);
			CALL_CHECK(!memcmp(loopback.results, wire.at, wire.length));
			kept = words.length < FLY_RAISED_TEXT_MAX ? words.length
								  : FLY_RAISED_TEXT_MAX;
			CALL_CHECK(fly_raised()->number == now.number);
			CALL_CHECK(strlen(fly_raised()->text) == kept);
			CALL_CHECK(!memcmp(fly_raised()->text, now.words, kept));
		}
	}
	now.action = RETURN;
}

static void run_procedure(const struct call_procedure *procedure)
{
	struct blob arguments;

	now.procedure = procedure;
	now.writes_first = false;
	for (uint32_t n = take_u32(), i = 0; i < n; i++)
		run_values(i);
	arguments = take_blob();
	now.seen = arguments;
	now.results = take_blob();
	run_bad_values(arguments);
	run_exceptions(arguments);
	run_raises(arguments);
	now.procedure = NULL;
}

/* ---- an interface --------------------------------------------------------------------------- */

static void check_place_of_results(const struct fly_procedure *p)
{
	const uint32_t behind = (p->argument_bytes + 7) / 8 * 8;
	const bool is_long =
		p->argument_bytes > FLY_PAYLOAD_ROOM || p->result_bytes > FLY_PAYLOAD_ROOM;
	/* What is raised is a result as well. */
	const uint32_t results =
		p->result_bytes > FLY_RAISED_BYTES_MAX ? p->result_bytes : FLY_RAISED_BYTES_MAX;
	const bool fits_behind = behind + results <= FLY_PAYLOAD_ROOM;

	CALL_CHECK(p->result_offset == (p->layout == FLY_RESULTS_BEHIND ? behind : 0));
	switch (p->layout) {
	case FLY_RESULTS_OVER:
		CALL_CHECK(!is_long);
		break;
	case FLY_RESULTS_BEHIND:
		CALL_CHECK(!is_long && fits_behind);
		break;
	case FLY_RESULTS_SECOND:
		CALL_CHECK(is_long || !fits_behind);
		break;
	default:
		CALL_CHECK(!"a layout");
	}
}

static void check_table(const struct call_interface *interface)
{
	const struct fly_interface *generated = loopback.interface;
	uint32_t highest = 0;
	uint32_t used = 0;

	CALL_CHECK(!strcmp(generated->name, interface->name));
	CALL_CHECK(generated->version == interface->version);
	for (uint32_t i = 0; i < interface->n_procedures; i++) {
		const struct call_procedure *mine = &interface->procedures[i];
		const struct fly_procedure *p;

		CALL_CHECK(mine->number < generated->n_procedures);
		p = &generated->procedures[mine->number];
		now.procedure = mine;
		CALL_CHECK(!strcmp(p->name, mine->name));
		CALL_CHECK(p->argument_bytes == mine->argument_bytes);
		CALL_CHECK(p->result_bytes == mine->result_bytes);
		CALL_CHECK(p->flags == mine->flags);
		CALL_CHECK(p->stub != fly_stub_none);
		check_place_of_results(p);
		highest = mine->number > highest ? mine->number : highest;
	}
	now.procedure = NULL;
	CALL_CHECK(generated->n_procedures == highest + 1);
	for (uint32_t i = 0; i <= highest; i++) {
		struct fly_served served = {0};

		CALL_CHECK(generated->procedures[i].stub);
		if (generated->procedures[i].name && *generated->procedures[i].name &&
		    generated->procedures[i].stub != fly_stub_none)
			used++;
		else
			CALL_CHECK(generated->procedures[i].stub(&served) == -FLY_ENOPROC);
	}
	CALL_CHECK(used == interface->n_procedures);
}

/* None of the pointers may be NULL. */
static void check_export(const struct call_interface *interface)
{
	uint8_t *table = malloc(interface->table_bytes);

	CALL_CHECK(table);
	memcpy(table, interface->table, interface->table_bytes);
	CALL_CHECK(interface->export_it(NULL, &loopback) == -FLY_EINVAL);
	for (size_t at = 0; at < interface->table_bytes; at += sizeof(void (*)(void))) {
		memset(table + at, 0, sizeof(void (*)(void)));
		CALL_CHECK(interface->export_it(table, &loopback) == -FLY_EINVAL);
		memcpy(table, interface->table, interface->table_bytes);
	}
	free(table);
}

static void run_interface(const struct call_interface *interface)
{
	now.interface = interface;
	now.what = "table";
	now.way = PLAIN;
	loopback_reset();
	CALL_CHECK(interface->constants_are_right());
	check_export(interface);
	CALL_CHECK(interface->import_it(&now.binding) == -FLY_ENOEXPORT);
	CALL_CHECK(interface->export_it(interface->table, &loopback) == 0);
	CALL_CHECK(interface->import_it(&now.binding) == 0);
	check_table(interface);
	for (uint32_t i = 0; i < interface->n_procedures; i++)
		run_procedure(&interface->procedures[i]);
}

int main(int argc, char **argv)
{
	uint8_t *file;

	CALL_CHECK(argc >= 2);
	file = read_file(argv[1]);
	cursor = file;
	for (uint32_t i = 0; i < call_n_interfaces; i++) {
		const struct blob cases = take_blob();

		/* Only the interfaces that are named, if any are. */
		for (int k = 2; k < argc || argc == 2; k++) {
			if (argc > 2 && strcmp(argv[k], call_interfaces[i]->name))
				continue;
			cursor = cases.at;
			run_interface(call_interfaces[i]);
			CALL_CHECK(cursor == cases.at + cases.length);
			break;
		}
		cursor = cases.at + cases.length;
	}
	printf("%lu calls, %lu arrays lent\n", n_calls, n_lent);
	free(file);
	free(captured.at);
	loopback_free();
	return 0;
}
