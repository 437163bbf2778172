/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rereads.c - the program of rereads.py: generated code reads messages that change under it.
 *
 * A message lies in memory that cannot be accessed. Each access traps: the handler lets this one
 * instruction run, and then changes the number that it has read: a count, a length, a flag, an enum
 * or a discriminant. A stub that reads such a number once sees the message as it was, and the call
 * ends as it does in memory that nobody changes. A stub that reads one again does not. The machine
 * says what was read, not the source: also a compiler may read twice.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "fuzz_calls.h"
#include "loopback.h"

#define REGION    (256u << 10) /* bytes for a message */
#define ALTERED   3            /* ways in which a number changes */
#define TRAP_FLAG 0x100        /* of the flags register: single step */

enum side {
	SERVER,
	FINISH,
	VIEW,
	EXCEPTION,
	UNWANTED, /* exception */
};

/* A number in a message. Its bytes change one by one if each is a number of its own. */
struct spot {
	uint32_t offset;
	uint32_t bytes;
	bool is_each;
	const uint8_t *altered[ALTERED];
};

struct sample {
	enum side side;
	const uint8_t *arguments;
	uint32_t argument_bytes;
	const uint8_t *results;
	uint32_t result_bytes;
	const uint8_t *message;
	uint32_t message_bytes;
	uint32_t n_spots;
	struct spot *spots;
};

extern const struct call_interface *const call_interfaces[];
extern const uint32_t call_n_interfaces;

static struct {
	const struct call_interface *interface;
	const struct call_procedure *procedure;
	const struct sample *sample;
	unsigned way; /* in which numbers change; ALTERED: not at all */
	unsigned long accesses;
	unsigned long changes;
} now;

static struct fly_binding *binding;

_Noreturn void call_bug(const char *file, int line, const char *what)
{
	static const char *const sides[] = {"arguments", "results", "results of a view",
					    "exception", "exception that nobody wants"};

	fprintf(stderr, "%s:%d: %s\n", file, line, what);
	if (now.procedure)
		fprintf(stderr, "%s_%s: %s, changed in way %u\n", now.interface->name,
			now.procedure->name, sides[now.sample->side], now.way);
	exit(1);
}

/* ---- memory that changes after it was read -------------------------------------------------- */

static uint8_t *region;
static uint8_t *message;                /* at the end of it */
static const uint8_t *volatile read_at; /* by the instruction that runs now */

static void protect(int how)
{
	if (mprotect(region, REGION, how))
		abort();
}

static void change_read(void)
{
	const uint32_t at = (uint32_t)(read_at - message);

	for (uint32_t i = 0; i < now.sample->n_spots; i++) {
		const struct spot *s = &now.sample->spots[i];

		if (at < s->offset || at >= s->offset + s->bytes)
			continue;
		now.changes++;
		if (s->is_each)
			message[at] = s->altered[now.way][at - s->offset];
		else
			memcpy(message + s->offset, s->altered[now.way], s->bytes);
	}
}

static void on_access(int signal, siginfo_t *info, void *context)
{
	ucontext_t *c = context;
	const uint8_t *at = info->si_addr;

	(void)signal;
	if (at < message || at >= region + REGION)
		call_bug(__FILE__, __LINE__, "an access outside of the message");
	now.accesses++;
	read_at = at;
	protect(PROT_READ | PROT_WRITE);
	c->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
}

static void on_step(int signal, siginfo_t *info, void *context)
{
	ucontext_t *c = context;

	(void)signal;
	(void)info;
	change_read();
	protect(PROT_NONE);
	c->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
}

static void set_up(void)
{
	struct sigaction access = {.sa_sigaction = on_access, .sa_flags = SA_SIGINFO};
	struct sigaction step = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO};

	/* one page more: nothing lies behind a message */
	region = mmap(NULL, REGION + 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CALL_CHECK(region != MAP_FAILED);
	CALL_CHECK(!sigaction(SIGSEGV, &access, NULL) && !sigaction(SIGTRAP, &step, NULL));
}

static uint8_t *lend(const uint8_t *bytes, uint32_t n)
{
	CALL_CHECK(n <= REGION);
	protect(PROT_READ | PROT_WRITE);
	message = region + REGION - n;
	memcpy(message, bytes, n);
	protect(PROT_NONE);
	return message;
}

static void take_back(void)
{
	protect(PROT_READ | PROT_WRITE);
}

/*
 * In place of those of the C library, which read many bytes at once, and also bytes beside them:
 * compiled without optimization.
 */
void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)to)[i] = ((const uint8_t *)from)[i];
	return to;
}

void *memchr(const void *at, int c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (((const uint8_t *)at)[i] == (uint8_t)c)
			return (uint8_t *)(uintptr_t)at + i;
	return NULL;
}

size_t strnlen(const char *s, size_t most)
{
	size_t n = 0;

	while (n < most && s[n])
		n++;
	return n;
}

size_t strlen(const char *s)
{
	return strnlen(s, SIZE_MAX);
}

/* ---- one call ------------------------------------------------------------------------------- */

/* What came of it. */
struct outcome {
	int status;
	struct value_stream values;
};

static struct value_stream seen; /* by the procedure */

int call_serve(const struct call_procedure *procedure, void *context, const struct value_place *v,
	       void *raised)
{
	(void)context;
	(void)raised;
	call_capture(procedure, CALL_ALL_IN, v, &seen);
	call_fill_results(procedure, v, now.sample->results, now.sample->result_bytes);
	return 0;
}

static void serve(struct outcome *o)
{
	seen.length = 0;
	o->status = loopback_serve(now.procedure->number, now.sample->message,
				   now.sample->message_bytes);
	value_append(&o->values, seen.at, seen.length);
}

static void receive(struct outcome *o)
{
	const struct call_procedure *p = now.procedure;
	const struct sample *s = now.sample;
	struct call_variables variables;
	struct fly_call *call;

	loopback.answer = s->message;
	loopback.answer_bytes = s->message_bytes;
	loopback.answer_status = s->side >= EXCEPTION ? -FLY_EEXCEPTION : 0;
	call_set(&variables, p, s->arguments, s->argument_bytes, s->side != UNWANTED);
	CALL_CHECK(p->start(binding, variables.places, &call) == 0);
	if (s->side == VIEW && p->view)
		o->status = p->view(call, variables.places, variables.raised);
	else
		o->status = p->finish(call, variables.places, variables.raised);
	if (o->status == 0 && s->side == VIEW && p->view)
		fly_release(call);
	if (o->status == 0)
		call_capture(p, CALL_ALL_OUT, variables.places, &o->values);
	if (o->status == -FLY_EEXCEPTION && variables.raised)
		call_capture_raised(&variables, &o->values);
	call_free(&variables);
}

static struct outcome run(unsigned way)
{
	struct outcome o = {0};

	now.way = way;
	loopback_reset();
	if (way < ALTERED) {
		loopback.lend = lend;
		loopback.take_back = take_back;
	}
	if (now.sample->side == SERVER)
		serve(&o);
	else
		receive(&o);
	CALL_CHECK(loopback.calls == 0);
	return o;
}

static void run_sample(void)
{
	struct outcome expected = run(ALTERED);

	CALL_CHECK(expected.status == (now.sample->side >= EXCEPTION ? -FLY_EEXCEPTION : 0));
	for (unsigned way = 0; way < ALTERED; way++) {
		struct outcome o = run(way);

		CALL_CHECK(o.status == expected.status);
		CALL_CHECK(o.values.length == expected.values.length);
		CALL_CHECK(!o.values.length ||
			   !memcmp(o.values.at, expected.values.at, o.values.length));
		free(o.values.at);
	}
	free(expected.values.at);
}

/* ---- the file ------------------------------------------------------------------------------- */

static const uint8_t *cursor;

static uint32_t take_u32(void)
{
	uint32_t n;

	memcpy(&n, cursor, sizeof n);
	cursor += sizeof n;
	return n;
}

static const uint8_t *take_blob(uint32_t *bytes)
{
	const uint8_t *blob;

	*bytes = take_u32();
	blob = cursor;
	cursor += *bytes;
	return blob;
}

static struct sample take_sample(void)
{
	struct sample s = {.side = (enum side)take_u32()};

	s.arguments = take_blob(&s.argument_bytes);
	s.results = take_blob(&s.result_bytes);
	s.message = take_blob(&s.message_bytes);
	s.n_spots = take_u32();
	s.spots = calloc(s.n_spots + 1, sizeof *s.spots);
	CALL_CHECK(s.spots);
	for (uint32_t i = 0; i < s.n_spots; i++) {
		s.spots[i].offset = take_u32();
		s.spots[i].is_each = take_u32() != 0;
		for (unsigned way = 0; way < ALTERED; way++)
			s.spots[i].altered[way] = take_blob(&s.spots[i].bytes);
	}
	return s;
}

static void read_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *bytes;
	size_t n;

	CALL_CHECK(file && !fseek(file, 0, SEEK_END));
	n = (size_t)ftell(file);
	rewind(file);
	bytes = malloc(n + 1);
	CALL_CHECK(bytes && fread(bytes, 1, n, file) == n);
	fclose(file);
	cursor = bytes;
}

int main(int argc, char **argv)
{
	unsigned long samples = 0;

	CALL_CHECK(argc == 2);
	read_file(argv[1]);
	set_up();
	for (uint32_t i = 0; i < call_n_interfaces; i++) {
		now.interface = call_interfaces[i];
		CALL_CHECK(now.interface->export_it(now.interface->table, &loopback) == 0);
		CALL_CHECK(now.interface->import_it(&binding) == 0);
		for (uint32_t k = 0; k < now.interface->n_procedures; k++) {
			for (uint32_t n = take_u32(); n > 0; n--, samples++) {
				struct sample s = take_sample();

				now.procedure = &now.interface->procedures[k];
				now.sample = &s;
				run_sample();
				free(s.spots);
				now.procedure = NULL;
			}
		}
	}
	CALL_CHECK(now.changes > 0);
	printf("%lu messages, %lu accesses, %lu numbers changed\n", samples, now.accesses,
	       now.changes);
	loopback_free();
	return 0;
}
