/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stub.h - what generated stubs need, and nothing else: no DPDK type, no system call.
 *
 * A caller stub gets a call packet from the binding's Starter and stores the arguments at constant
 * offsets. It hands the packet to the Transporter, loads the results from the result packet, and
 * gives that to the Ender. These procedure variables are set when the binding is made: the same
 * stub calls over any kind of link. A server stub reads the arguments in the call packet, and
 * writes the results where they will be in the result packet.
 *
 * The wire is little-endian, and payloads have no alignment. All access is through the fly_put and
 * fly_get functions, here and in access.h, which a compiler turns into single moves.
 */
#ifndef FIREFLY_STUB_H
#define FIREFLY_STUB_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <firefly/access.h>
#include <firefly/runtime.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Bytes of payload that fit into every packet buffer behind the headers, on any link. If arguments
 * and results together are no longer, the stub compiler puts the results behind the arguments.
 * Otherwise they need a second buffer. The link's MTU limits what may be sent: the Starter checks.
 */
#define FLY_PAYLOAD_ROOM 1968

/* The longest arguments and the longest results, in bytes. */
#define FLY_MESSAGE_MAX (64u << 20)

/*
 * The number of the interface between generated code and the library: of all that this header and
 * access.h declare. fireflyc writes its number into what it generates. A library with another
 * number refuses to import and to export: -FLY_EVERSION.
 */
#define FLY_STUB_VERSION 2

/* ---- caller ------------------------------------------------------------------------------ */

/* The head of a call-table entry, as the stub sees it. Owned by the runtime. */
struct fly_call {
	struct fly_binding *binding;
	uint8_t *
		payload; /* from Starter to Transporter: room for the arguments; then the results */
	uint32_t length; /* bytes at payload: of arguments, then of results */
};

/*
 * The head of a binding: all that stubs call. Only the library changes it. Used on the binding's
 * thread only: see "Threads" in runtime.h.
 */
struct fly_binding {
	/*
	 * Starter: get a call packet with a partially filled-in header and room for the arguments.
	 * Return: 0 and *call; or, with nothing to undo: EPACKETS, ECALLS, ETOOBIG, ELINK,
	 * ECONFLICT (from within a procedure that this poller runs).
	 */
	int (*starter)(struct fly_binding *binding, uint16_t procedure, uint32_t argument_bytes,
		       struct fly_call **call);
	/*
	 * Transporter: send the call packet, wait for the result packet.
	 * Return: 0: call->payload holds call->length bytes of results until the Ender.
	 *   -FLY_EEXCEPTION: the same, but of an exception: its number, a u32, and its fields.
	 *   Any other negative status: the call is over and the handle dead: no Ender.
	 */
	int (*transporter)(struct fly_call *call);
	/* The two halves of the Transporter, for asynchronous calls. send only queues. */
	void (*send)(struct fly_call *call);
	int (*wait)(struct fly_call *call);
	/* Ender: free the result packet and the entry. */
	void (*ender)(struct fly_call *call);
	/* Set by stubs: what the thread's calls lend, the innermost call first; NULL: nothing. */
	struct fly_loans *loans;
};

/* ---- long arrays of the caller --------------------------------------------------------------- */

/* An array of numbers of so many bytes or more is long: it is lent. */
#define FLY_LOAN_LEAST (FLY_PAYLOAD_ROOM + 1)

/* Arrays that a call may lend in each direction; the others are copied as small ones are. */
#define FLY_LOANS 4

/* One array: a long argument, or the variable for a long result. */
struct fly_loan {
	uint8_t *bytes;  /* the program's; an argument is only read */
	uint32_t at;     /* where it lies in the arguments, or in the results */
	uint32_t length; /* of an argument; of a result at most */
};

/*
 * Long arrays that the runtime reads and writes where the program has them, instead of in a buffer
 * of its own. A stub says where they lie before it calls the Starter, and withdraws them before it
 * returns.
 *
 * Arguments: if the Starter sets `is_read`, the stub leaves their places at call->payload as they
 * are; otherwise it writes them there. Good until the call has ended: the Starter copies the list,
 * not the arrays.
 * Results: good until the Transporter returns. If `is_stored` is set then, they are in the
 * program's variables, and their places at call->payload must not be touched: there may be no
 * memory. Otherwise the stub takes them from there. When a call has failed, they hold anything.
 */
struct fly_loans {
	struct fly_loans *outer; /* of a call that waits while this one is made; NULL */
	struct fly_call *call;   /* NULL: it has not begun */
	uint32_t n_arguments;
	uint32_t n_results;
	bool is_read;                         /* set by the Starter */
	bool is_stored;                       /* set when the results come */
	struct fly_loan arguments[FLY_LOANS]; /* by `at`; so are results */
	struct fly_loan results[FLY_LOANS];
};

/* fly_loans_init() - nothing is lent. */
static inline void fly_loans_init(struct fly_loans *l)
{
	l->outer = NULL;
	l->call = NULL;
	l->n_arguments = 0;
	l->n_results = 0;
	l->is_read = false;
	l->is_stored = false;
}

/* On a big-endian machine numbers lie otherwise than on the wire: there only bytes are lent. */
static inline bool fly_may_lend(uint32_t bytes, uint32_t element_bytes)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	return bytes >= FLY_LOAN_LEAST && element_bytes == 1;
#else
	(void)element_bytes;
	return bytes >= FLY_LOAN_LEAST;
#endif
}

/*
 * fly_lend_argument() - lend an array if it is long, in the order of @at: where it will lie in the
 * arguments.
 */
static inline void fly_lend_argument(struct fly_loans *l, uint32_t at, const void *array,
				     uint32_t bytes, uint32_t element_bytes)
{
	if (!fly_may_lend(bytes, element_bytes) || l->n_arguments == FLY_LOANS)
		return;
	l->arguments[l->n_arguments].bytes = (uint8_t *)(uintptr_t)array;
	l->arguments[l->n_arguments].at = at;
	l->arguments[l->n_arguments++].length = bytes;
}

/*
 * Does an argument lie there? Arguments may be sent once more when results have begun to arrive,
 * and must be what they were.
 */
static inline bool fly_holds_argument(const struct fly_loans *l, const void *array, uint32_t bytes)
{
	const uintptr_t begin = (uintptr_t)array;

	for (uint32_t i = 0; i < l->n_arguments; i++) {
		const uintptr_t argument = (uintptr_t)l->arguments[i].bytes;

		if (begin < argument + l->arguments[i].length && argument < begin + bytes)
			return true;
	}
	return false;
}

/*
 * fly_lend_result() - lend a variable for a result of at most @bytes, unless an argument is lent
 * from it. Behind all arguments; in the order of @at.
 */
static inline void fly_lend_result(struct fly_loans *l, uint32_t at, void *array, uint32_t bytes,
				   uint32_t element_bytes)
{
	if (!fly_may_lend(bytes, element_bytes) || l->n_results == FLY_LOANS ||
	    fly_holds_argument(l, array, bytes))
		return;
	l->results[l->n_results].bytes = (uint8_t *)array;
	l->results[l->n_results].at = at;
	l->results[l->n_results++].length = bytes;
}

/* fly_loans_start() - the Starter, of a call that lends. */
static inline int fly_loans_start(struct fly_loans *l, struct fly_binding *binding,
				  uint16_t procedure, uint32_t argument_bytes,
				  struct fly_call **call)
{
	int status;

	l->outer = binding->loans;
	binding->loans = l;
	status = binding->starter(binding, procedure, argument_bytes, call);
	if (status)
		binding->loans = l->outer;
	else
		l->call = *call;
	return status;
}

/* fly_loans_end() - withdraw what is lent: behind the Transporter, or behind `send`. */
static inline void fly_loans_end(const struct fly_loans *l, struct fly_binding *binding)
{
	binding->loans = l->outer;
}

/* fly_is_lent() - does the runtime read the argument at @at where the program has it? */
static inline bool fly_is_lent(const struct fly_loans *l, uint32_t at)
{
	for (uint32_t i = 0; l->is_read && i < l->n_arguments; i++) {
		if (l->arguments[i].at == at)
			return true;
	}
	return false;
}

/* fly_is_stored() - has the runtime stored the result at @at where the program wants it? */
static inline bool fly_is_stored(const struct fly_loans *l, uint32_t at)
{
	for (uint32_t i = 0; l->is_stored && i < l->n_results; i++) {
		if (l->results[i].at == at)
			return true;
	}
	return false;
}

/* ---- server ------------------------------------------------------------------------------ */

/* One call on its way through a server stub. */
struct fly_served {
	const void *procedures;   /* the generated struct of function pointers */
	void *context;            /* as given to fly_export() */
	const uint8_t *arguments; /* in the call packet; hostile: check argument_bytes first */
	uint32_t argument_bytes;
	uint32_t result_bytes; /* set by the stub, at most fly_procedure.result_bytes */
	uint8_t *results;      /* in the result packet; room for fly_procedure.result_bytes */
	int32_t raised;        /* set by the stub with FLY_ERAISED: what the procedure returned */
};

/*
 * A server stub.
 * Return: 0: the results are complete.
 *   -FLY_EEXCEPTION: the procedure raised an exception that it declares. The results are its
 *   number and its fields, result_bytes of them.
 *   -FLY_ERAISED: the procedure returned another number, which is in raised; no results.
 *   -FLY_ERESULT: the procedure ran, but its results break their own bounds; no results.
 *   -FLY_EMALFORMED: the arguments could not be read, and the procedure did not run.
 *   -FLY_ENOMEM: no memory for large arguments; the procedure did not run.
 *   -FLY_ENOPROC: there is no such procedure.
 */
typedef int (*fly_server_stub)(struct fly_served *served);

/* Where the results of a procedure lie. The stub compiler decides. */
enum fly_layout {
	FLY_RESULTS_OVER,   /* over the arguments: each is read before it is overwritten */
	FLY_RESULTS_BEHIND, /* in the same packet, from result_offset on */
	FLY_RESULTS_SECOND, /* in a second packet buffer */
};

/* How a procedure may be run, by its interface: fly_procedure.flags. */
enum fly_procedure_flag {
	FLY_PROCEDURE_INLINE = 0x01,     /* short: runs on the poller */
	FLY_PROCEDURE_WORKER = 0x02,     /* computes or blocks: runs on a worker */
	FLY_PROCEDURE_IDEMPOTENT = 0x04, /* may run twice */
	FLY_PROCEDURE_INPLACE = 0x08,    /* reads arguments in memory that the caller can change */
};

/* One procedure of an interface, as its generated server stub describes it. Constant. */
struct fly_procedure {
	const char *name;
	fly_server_stub stub;    /* never NULL; fly_stub_none() for an unused number */
	uint32_t argument_bytes; /* the longest arguments */
	uint32_t result_bytes;   /* the longest results or exception */
	uint16_t result_offset;  /* FLY_RESULTS_BEHIND: a multiple of 8; else 0 */
	uint8_t layout;          /* enum fly_layout */
	uint8_t flags;           /* enum fly_procedure_flag */
};

/*
 * An interface, static and constant in the generated stubs. The caller's has no procedures. The
 * first two fields are the same in every version: the library can name what it refuses.
 */
struct fly_interface {
	uint32_t stub_version; /* FLY_STUB_VERSION of the fireflyc that generated this */
	const char *name;      /* at most 63 characters */
	uint32_t version;
	uint32_t n_procedures;                  /* one more than the highest number; or 0 */
	const struct fly_procedure *procedures; /* by number */
};

/*
 * fly_export_lacks() - for generated code: an export whose table of procedures is not complete.
 * @procedure: the name of one that is NULL; NULL: there is no table at all. Any thread.
 * Return: -FLY_EINVAL, with fly_error() set.
 */
int fly_export_lacks(const struct fly_interface *interface, const char *procedure);

/* The stub of an unused number. */
static inline int fly_stub_none(struct fly_served *served)
{
	(void)served;
	return -FLY_ENOPROC;
}

/* ---- calls that failed --------------------------------------------------------------------- */

/*
 * fly_stub_failed() - a call of a procedure that declares no exception ended with this status.
 * Return: the status for the caller. The handle is dead.
 */
static inline int fly_stub_failed(struct fly_call *call, int status)
{
	if (status != -FLY_EEXCEPTION)
		return status;
	call->binding->ender(call);
	return -FLY_ERESULT;
}

/* ---- arrays ---------------------------------------------------------------------------------- */

/*
 * memcpy(), but never as "rep movs". gcc emits that for a constant length above 256 bytes, and for
 * a length with a known bound, as behind a check. It takes longer to begin than the C library to
 * end. docs/performance.md, "Marshalling".
 */
static inline void fly_copy_piece(void *to, const void *from, size_t bytes)
{
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__)
	if (!__builtin_constant_p(bytes) || bytes > 256)
		__asm__("" : "+r"(bytes));
#endif
	memcpy(to, from, bytes);
}

#define FLY_COPY_PIECE 2048u

/*
 * Is `to` just behind `from`, but for whole pages? The C library copies longer pieces by "rep
 * movsb", and some processors take twenty times as long for it then. That is no rare case: large
 * blocks of malloc() begin 16 bytes behind a page. docs/performance.md, "Copying".
 */
static inline int fly_copy_is_slow(const void *to, const void *from, size_t bytes)
{
	return bytes > FLY_COPY_PIECE && (((uintptr_t)to - (uintptr_t)from) & 4095u) - 1u < 63u;
}

static inline void fly_copy(void *to, const void *from, size_t bytes)
{
	uint8_t *t = (uint8_t *)to;
	const uint8_t *f = (const uint8_t *)from;

	if (fly_copy_is_slow(to, from, bytes)) {
		for (; bytes > FLY_COPY_PIECE; bytes -= FLY_COPY_PIECE) {
			fly_copy_piece(t, f, FLY_COPY_PIECE);
			t += FLY_COPY_PIECE;
			f += FLY_COPY_PIECE;
		}
	}
	fly_copy_piece(t, f, bytes);
}

/*
 * Arrays: n values to or from p. Return: behind them. The C array may be NULL if n is 0. On a
 * little-endian machine the bytes are the same on both sides.
 */
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define FLY_ARRAYS(access, type)                                                                \
	static inline uint8_t *fly_put_##access##s(uint8_t *p, const type *v, uint32_t n)       \
	{                                                                                       \
		for (uint32_t i = 0; i < n; i++, p += sizeof *v)                                \
			fly_put_##access(p, v[i]);                                              \
		return p;                                                                       \
	}                                                                                       \
                                                                                                \
	static inline const uint8_t *fly_get_##access##s(type *v, const uint8_t *p, uint32_t n) \
	{                                                                                       \
		for (uint32_t i = 0; i < n; i++, p += sizeof *v)                                \
			v[i] = fly_get_##access(p);                                             \
		return p;                                                                       \
	}
#else
#define FLY_ARRAYS(access, type)                                                                \
	static inline uint8_t *fly_put_##access##s(uint8_t *p, const type *v, uint32_t n)       \
	{                                                                                       \
		if (n)                                                                          \
			fly_copy(p, v, n * sizeof *v);                                          \
		return p + n * sizeof *v;                                                       \
	}                                                                                       \
                                                                                                \
	static inline const uint8_t *fly_get_##access##s(type *v, const uint8_t *p, uint32_t n) \
	{                                                                                       \
		if (n)                                                                          \
			fly_copy(v, p, n * sizeof *v);                                          \
		return p + n * sizeof *v;                                                       \
	}
#endif

FLY_ARRAYS(u8, uint8_t)
FLY_ARRAYS(u16, uint16_t)
FLY_ARRAYS(u32, uint32_t)
FLY_ARRAYS(u64, uint64_t)
FLY_ARRAYS(i8, int8_t)
FLY_ARRAYS(i16, int16_t)
FLY_ARRAYS(i32, int32_t)
FLY_ARRAYS(i64, int64_t)
FLY_ARRAYS(f32, float)
FLY_ARRAYS(f64, double)
#undef FLY_ARRAYS

static inline uint8_t *fly_put_bools(uint8_t *p, const bool *v, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		fly_put_bool(p + i, v[i]);
	return p + n;
}

/* Return: false: one is no bool, and from it on nothing has changed. */
static inline bool fly_take_bools(bool *v, const uint8_t *p, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (!fly_take_bool(p + i, &v[i]))
			return false;
	return true;
}

/* ---- what has no fixed length: docs/encoding.md ---------------------------------------------- */

/* The length of a string, or more than @max if it is longer than @max bytes. */
static inline uint32_t fly_length(const char *string, uint32_t max)
{
	const char *end;

	if (string[0] == '\0')
		return 0;
	/* memchr() stops at the NUL: it does not read behind the string, whatever max is */
	end = (const char *)memchr(string, '\0', (size_t)max + 1);
	return end ? (uint32_t)(end - string) : max + 1;
}

/* Store a string: its length at @at, its bytes and a NUL at @tail. Return: behind them. */
static inline uint8_t *fly_put_string(uint8_t *at, uint8_t *tail, const char *string,
				      uint32_t length)
{
	fly_put_u32(at, length);
	if (length)
		fly_copy(tail, string, length);
	tail[length] = '\0';
	return tail + length + 1;
}

/*
 * What is received may lie in memory that the sender can still change: the results of a local link,
 * and arguments that are `inplace`. The functions below read each number that decides something
 * once, into a variable of their own, and check and use that variable.
 */

/* Are @bytes left? Return: behind them, or NULL. */
static inline const uint8_t *fly_check_room(const uint8_t *tail, const uint8_t *end, size_t bytes)
{
	return (size_t)(end - tail) < bytes ? NULL : tail + bytes;
}

/*
 * The number of elements at @at: is it at most @max, and are their fixed parts all there?
 * @element_bytes: of one fixed part. Return: behind them, and *count; or NULL.
 */
static inline const uint8_t *fly_take_list(const uint8_t *at, const uint8_t *tail,
					   const uint8_t *end, uint32_t max, uint32_t element_bytes,
					   uint32_t *count)
{
	const uint32_t n = fly_take_u32(at);

	/* 64 bits: each factor may have 26 */
	if (n > max || (uint64_t)(end - tail) < (uint64_t)n * element_bytes)
		return NULL;
	*count = n;
	return tail + (size_t)n * element_bytes;
}

/* The same check; the number is not needed. */
static inline const uint8_t *fly_check_list(const uint8_t *at, const uint8_t *tail,
					    const uint8_t *end, uint32_t max,
					    uint32_t element_bytes)
{
	uint32_t count;

	return fly_take_list(at, tail, end, max, element_bytes, &count);
}

/*
 * The length of a string, at @at: is it at most @max, and is the string all there, with a NUL
 * behind it and none in it? Return: behind the NUL, and *length; or NULL.
 */
static inline const uint8_t *fly_take_length(const uint8_t *at, const uint8_t *tail,
					     const uint8_t *end, uint32_t max, uint32_t *length)
{
	const uint32_t n = fly_take_u32(at);

	if (n > max || (size_t)(end - tail) <= n || tail[n] != '\0' || (n && memchr(tail, '\0', n)))
		return NULL;
	*length = n;
	return tail + n + 1;
}

/* The same check; the length is not needed. */
static inline const uint8_t *fly_check_string(const uint8_t *at, const uint8_t *tail,
					      const uint8_t *end, uint32_t max)
{
	uint32_t length;

	return fly_take_length(at, tail, end, max, &length);
}

/*
 * Load a string; the checks are those of fly_take_length(). What is in @string ends with a NUL,
 * whatever becomes of the bytes at @tail.
 * @string: room for @max bytes and a NUL. Return: behind the NUL at @tail, or NULL.
 */
static inline const uint8_t *fly_take_string(const uint8_t *at, const uint8_t *tail,
					     const uint8_t *end, uint32_t max, char *string)
{
	const uint32_t n = fly_take_u32(at);

	if (n > max || (size_t)(end - tail) <= n || fly_take_u8(tail + n) != '\0')
		return NULL;
	if (n)
		fly_copy(string, tail, n);
	string[n] = '\0';
	if (n && memchr(string, '\0', n))
		return NULL;
	return tail + n + 1;
}

#ifdef __cplusplus
}
#endif
#endif
