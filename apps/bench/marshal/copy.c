/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * copy.c - the floor of `firefly bench marshal`: memcpy of the same bytes.
 *
 * One copy for each that marshalling makes: integers into the call packet and out of it into
 * variables; arrays and strings into the call packet, where the procedure reads them, or out of
 * the result packet, where the procedure wrote them. All else is as in a generated stub of Null():
 * one length is checked, and nothing in the bytes; no count is sent, and no end searched for.
 *
 * The size is a constant where the generated stub has a small one. Of a larger constant, or of a
 * size that it knows a bound of, gcc makes "rep movsq", and for 400 bytes that takes four times as
 * long as a call of the C library's memcpy (Zen 5, gcc 12). A floor is memcpy at its best: so
 * copy() keeps the compiler from knowing.
 */
#include <string.h>

#include "ways.h"

#define SMALL 16 /* bytes at the most */

#define COPY_INLINE static inline __attribute__((always_inline))

COPY_INLINE void copy(void *to, const void *from, size_t bytes)
{
	if (!__builtin_constant_p(bytes) || bytes > SMALL)
		__asm__("" : "+r"(bytes));
	memcpy(to, from, bytes);
}

COPY_INLINE int call_in(struct fly_binding *binding, uint16_t number, const void *from,
			uint32_t bytes)
{
	struct fly_call *call;
	const int status = binding->starter(binding, number, bytes, &call);

	if (status)
		return status;
	copy(call->payload, from, bytes);
	return marshal_end(binding, call);
}

/* @count: NULL: there have to be @bytes; else at most so many, and it says how many. */
COPY_INLINE int call_out(struct fly_binding *binding, uint16_t number, void *to, uint32_t bytes,
			 uint32_t *count)
{
	struct fly_call *call;
	const int status = marshal_fetch(binding, number, &call);

	if (status)
		return status;
	if (count ? call->length > bytes : call->length != bytes) {
		binding->ender(call);
		return -FLY_ERESULT;
	}
	copy(to, call->payload, count ? call->length : bytes);
	if (count)
		*count = call->length;
	binding->ender(call);
	return 0;
}

/* Integers out of the packet. Return: are there so many bytes? */
COPY_INLINE bool take(const struct fly_served *served, void *to, uint32_t bytes)
{
	if (served->argument_bytes != bytes)
		return false;
	memcpy(to, served->arguments, bytes);
	return true;
}

/* What the procedure wrote is in the packet. */
COPY_INLINE int results(struct fly_served *served, uint32_t bytes)
{
	served->result_bytes = bytes;
	return 0;
}

/*
 * ---- integers ----
 *
 * From where they have been for long: out of variables that were stored one by one just before, a
 * copy of all at once would have to wait for the stores.
 */

#define CLIENT_INTEGERS(n, ...)                                                              \
	static int client_Int##n(struct fly_binding *binding, __VA_ARGS__)                   \
	{                                                                                    \
		return call_in(binding, Marshal_Int##n##_NUMBER, marshal_integers, 4 * (n)); \
	}
#define SERVE_INTEGERS(n, ...) \
	MARSHAL_SERVE(Int##n, uint32_t i[n], take(served, i, sizeof i), (void)0, __VA_ARGS__)

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
CLIENT_INTEGERS(1, uint32_t a)
CLIENT_INTEGERS(2, uint32_t a, uint32_t b)
CLIENT_INTEGERS(4, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
#pragma GCC diagnostic pop

SERVE_INTEGERS(1, i[0])
SERVE_INTEGERS(2, i[0], i[1])
SERVE_INTEGERS(4, i[0], i[1], i[2], i[3])

/* ---- arrays of fixed length, in and out ---- */

#define FIXED(n)                                                                                  \
	static int client_Fixed##n(struct fly_binding *binding, const uint8_t *data)              \
	{                                                                                         \
		return call_in(binding, Marshal_Fixed##n##_NUMBER, data, n);                      \
	}                                                                                         \
	static int client_FixedOut##n(struct fly_binding *binding, uint8_t *data)                 \
	{                                                                                         \
		return call_out(binding, Marshal_FixedOut##n##_NUMBER, data, n, NULL);            \
	}                                                                                         \
	MARSHAL_SERVE(Fixed##n, (void)0, served->argument_bytes == n, (void)0, served->arguments) \
	MARSHAL_SERVE_OUT(FixedOut##n, (void)0, served->argument_bytes == 0, results(served, n),  \
			  served->results)

FIXED(4)
FIXED(400)

/* ---- arrays and strings of variable length ---- */

static int client_Variable(struct fly_binding *binding, const uint8_t *data, uint32_t data_count)
{
	return call_in(binding, Marshal_Variable_NUMBER, data, data_count);
}

/* Its length is told: to find it is work of the stub that copies a string. */
static int client_Text(struct fly_binding *binding, const char *text)
{
	return call_in(binding, Marshal_Text_NUMBER, text,
		       ((struct marshal_binding *)binding)->bytes);
}

static int client_VariableOut(struct fly_binding *binding, uint8_t *data, uint32_t *data_count)
{
	return call_out(binding, Marshal_VariableOut_NUMBER, data, MARSHAL_LONG, data_count);
}

MARSHAL_SERVE(Variable, (void)0, served->argument_bytes <= MARSHAL_LONG, (void)0, served->arguments,
	      served->argument_bytes)
MARSHAL_SERVE(Text, (void)0, served->argument_bytes <= MARSHAL_TEXT + 1, (void)0,
	      (const char *)served->arguments)
MARSHAL_SERVE_OUT(VariableOut, uint32_t count, served->argument_bytes == 0, results(served, count),
		  served->results, &count)

MARSHAL_WAY(marshal_copy, "memcpy");
