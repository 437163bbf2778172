/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stub.h - what generated stubs need, and nothing else: no DPDK type, no system call.
 *
 * A caller stub asks the binding's Starter for a call packet, assigns the arguments at constant
 * offsets, hands it to the Transporter, assigns the results out of the result packet, and gives
 * that to the Ender. The procedure variables are set when the binding is made: that is how the
 * same stub calls over any kind of link. A server stub gets the arguments where they lie in the
 * call packet and writes the results where they will lie in the result packet.
 *
 * The wire is little-endian, and payloads have no alignment: everything goes through the fly_put
 * and fly_get functions, which a compiler turns into single moves.
 */
#ifndef FIREFLY_STUB_H
#define FIREFLY_STUB_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <firefly/runtime.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Bytes of payload that fit into every packet buffer behind the headers, whatever the link. The
 * stub compiler lays results out behind the arguments when both together are no longer than
 * this, and otherwise asks for a second buffer. What may be sent depends on the link's MTU and
 * is checked by the Starter.
 */
#define FLY_PAYLOAD_ROOM 1968

/* The longest arguments and the longest results, in bytes. */
#define FLY_MESSAGE_MAX (64u << 20)

/* ---- caller ------------------------------------------------------------------------------ */

/* The head of a call-table entry, as the stub sees it. Owned by the runtime. */
struct fly_call {
	struct fly_binding *binding;
	uint8_t *
		payload; /* from Starter to Transporter: room for the arguments; then the results */
	uint32_t length; /* bytes at payload: of arguments, then of results */
};

/* The head of a binding. All on the thread that owns the runtime. */
struct fly_binding {
	/*
	 * Starter: a call packet with a partially filled-in header and room for the arguments.
	 * Return: 0 and *call, or EPACKETS, ECALLS, ETOOBIG, ELINK, or ECONFLICT (from within a
	 * procedure that this poller runs): nothing to undo then.
	 */
	int (*starter)(struct fly_binding *binding, uint16_t procedure, uint32_t argument_bytes,
		       struct fly_call **call);
	/*
	 * Transporter: send the call packet, wait for the result packet.
	 * Return: 0: call->payload holds call->length bytes of results until the Ender.
	 * -FLY_EEXCEPTION: the same, but they are an exception: its number, a u32, and its fields.
	 * Any other negative status: the call is over and the handle dead, no Ender.
	 */
	int (*transporter)(struct fly_call *call);
	/* The Transporter's two halves, for asynchronous calls. send cannot fail: it queues. */
	void (*send)(struct fly_call *call);
	int (*wait)(struct fly_call *call);
	/* Ender: the result packet goes back to its pool, the entry becomes free. */
	void (*ender)(struct fly_call *call);
};

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
 * A server stub. Return:
 * 0: results are complete.
 * -FLY_EEXCEPTION: the procedure raised an exception that it declares; the results are its number
 * and its fields, result_bytes of them.
 * -FLY_ERAISED: the procedure returned something else, which is in raised; no results.
 * -FLY_ERESULT: the procedure ran, and its results break their own bounds; no results.
 * -FLY_EMALFORMED: the arguments could not be read, and the procedure did not run.
 * -FLY_ENOMEM: no memory for arguments of many bytes; the procedure did not run.
 * -FLY_ENOPROC: there is no such procedure.
 */
typedef int (*fly_server_stub)(struct fly_served *served);

/* Where the results of a procedure lie. Decided by the stub compiler, never at run time. */
enum fly_layout {
	FLY_RESULTS_OVER,   /* over the arguments: nothing that is still read is overwritten */
	FLY_RESULTS_BEHIND, /* in the same packet, from result_offset on */
	FLY_RESULTS_SECOND, /* in a second packet buffer */
};

/* What an interface says about how a procedure may be run: fly_procedure.flags. */
enum fly_procedure_flag {
	FLY_PROCEDURE_INLINE = 0x01,     /* short: runs on the poller */
	FLY_PROCEDURE_WORKER = 0x02,     /* computes or blocks: runs on a worker */
	FLY_PROCEDURE_IDEMPOTENT = 0x04, /* may run twice */
	FLY_PROCEDURE_INPLACE = 0x08,    /* reads arguments in memory that its caller can change */
};

/* One procedure of an interface, as its generated server stub describes it. */
struct fly_procedure {
	const char *name;
	fly_server_stub stub;    /* never NULL; fly_stub_none() for a number that is not used */
	uint32_t argument_bytes; /* the longest arguments */
	uint32_t result_bytes;   /* the longest results or exception */
	uint16_t result_offset;  /* FLY_RESULTS_BEHIND: a multiple of 8; else 0 */
	uint8_t layout;          /* enum fly_layout */
	uint8_t flags;           /* enum fly_procedure_flag */
};

/* An interface, static in the generated server stub. */
struct fly_interface {
	const char *name; /* at most 63 characters */
	uint32_t version;
	uint32_t n_procedures;                  /* one more than the highest number */
	const struct fly_procedure *procedures; /* by number */
};

/* The stub of a number that no procedure has. */
static inline int fly_stub_none(struct fly_served *served)
{
	(void)served;
	return -FLY_ENOPROC;
}

/* ---- calls that failed --------------------------------------------------------------------- */

/*
 * fly_stub_failed() - a call of a procedure that declares no exception ended with this status.
 * Return: what its caller is told. The handle is dead.
 */
static inline int fly_stub_failed(struct fly_call *call, int status)
{
	if (status != -FLY_EEXCEPTION)
		return status;
	call->binding->ender(call);
	return -FLY_ERESULT;
}

/* ---- assignment to and from the wire: little-endian, any alignment --------------------------- */

/*
 * A compiler turns memcpy of a whole integer into one move. Shifting bytes out one by one says
 * the same, but gcc 12 mixes up the bytes of neighbouring integers and misses the moves.
 */
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define FLY_WIRE16(v) __builtin_bswap16(v)
#define FLY_WIRE32(v) __builtin_bswap32(v)
#define FLY_WIRE64(v) __builtin_bswap64(v)
#else
#define FLY_WIRE16(v) (v)
#define FLY_WIRE32(v) (v)
#define FLY_WIRE64(v) (v)
#endif

static inline void fly_put_u8(uint8_t *p, uint8_t v)
{
	p[0] = v;
}

static inline uint8_t fly_get_u8(const uint8_t *p)
{
	return p[0];
}

static inline void fly_put_u16(uint8_t *p, uint16_t v)
{
	const uint16_t wire = FLY_WIRE16(v);

	memcpy(p, &wire, sizeof wire);
}

static inline uint16_t fly_get_u16(const uint8_t *p)
{
	uint16_t wire;

	memcpy(&wire, p, sizeof wire);
	return FLY_WIRE16(wire);
}

static inline void fly_put_u32(uint8_t *p, uint32_t v)
{
	const uint32_t wire = FLY_WIRE32(v);

	memcpy(p, &wire, sizeof wire);
}

static inline uint32_t fly_get_u32(const uint8_t *p)
{
	uint32_t wire;

	memcpy(&wire, p, sizeof wire);
	return FLY_WIRE32(wire);
}

static inline void fly_put_u64(uint8_t *p, uint64_t v)
{
	const uint64_t wire = FLY_WIRE64(v);

	memcpy(p, &wire, sizeof wire);
}

static inline uint64_t fly_get_u64(const uint8_t *p)
{
	uint64_t wire;

	memcpy(&wire, p, sizeof wire);
	return FLY_WIRE64(wire);
}

static inline void fly_put_i8(uint8_t *p, int8_t v)
{
	fly_put_u8(p, (uint8_t)v);
}

static inline void fly_put_i16(uint8_t *p, int16_t v)
{
	fly_put_u16(p, (uint16_t)v);
}

static inline void fly_put_i32(uint8_t *p, int32_t v)
{
	fly_put_u32(p, (uint32_t)v);
}

static inline void fly_put_i64(uint8_t *p, int64_t v)
{
	fly_put_u64(p, (uint64_t)v);
}

static inline int8_t fly_get_i8(const uint8_t *p)
{
	return (int8_t)fly_get_u8(p);
}

static inline int16_t fly_get_i16(const uint8_t *p)
{
	return (int16_t)fly_get_u16(p);
}

static inline int32_t fly_get_i32(const uint8_t *p)
{
	return (int32_t)fly_get_u32(p);
}

static inline int64_t fly_get_i64(const uint8_t *p)
{
	return (int64_t)fly_get_u64(p);
}

static inline void fly_put_f32(uint8_t *p, float v)
{
	uint32_t bits;

	memcpy(&bits, &v, sizeof bits);
	fly_put_u32(p, bits);
}

static inline void fly_put_f64(uint8_t *p, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof bits);
	fly_put_u64(p, bits);
}

static inline float fly_get_f32(const uint8_t *p)
{
	const uint32_t bits = fly_get_u32(p);
	float v;

	memcpy(&v, &bits, sizeof v);
	return v;
}

static inline double fly_get_f64(const uint8_t *p)
{
	const uint64_t bits = fly_get_u64(p);
	double v;

	memcpy(&v, &bits, sizeof v);
	return v;
}

static inline void fly_put_bool(uint8_t *p, bool v)
{
	p[0] = v ? 1 : 0;
}

/* A bool off the wire is 0 or 1; the stub checks fly_is_bool() before it reads one. */
static inline bool fly_is_bool(const uint8_t *p)
{
	return p[0] <= 1;
}

static inline bool fly_get_bool(const uint8_t *p)
{
	return p[0] != 0;
}

#ifdef __cplusplus
}
#endif
#endif
