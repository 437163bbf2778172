/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * xdr.c - the calls of `firefly bench marshal` with arguments and results in XDR.
 *
 * As a user of rpcgen has it: its functions on an xdrmem stream, here in the call packet and in the
 * result packet; what decoding allocates is given back by xdr_free(), as rpcgen's own server stubs
 * do for all types. Built only where libtirpc and rpcgen are.
 */
#include <string.h>

#include <marshal_xdr.h>

#include "ways.h"

#define MOST FLY_PAYLOAD_ROOM /* more than any encoding here takes */

/* Send @value, encoded by @encode, as the arguments of a call without results. */
static inline int call_in(struct fly_binding *binding, uint16_t number, xdrproc_t encode,
			  void *value)
{
	struct fly_call *call;
	XDR stream;
	const int status = binding->starter(binding, number, MOST, &call);

	if (status)
		return status;
	xdrmem_create(&stream, (char *)call->payload, MOST, XDR_ENCODE);
	if (!encode(&stream, value)) {
		binding->ender(call);
		return -FLY_EINVAL;
	}
	call->length = xdr_getpos(&stream);
	return marshal_end(binding, call);
}

/* The arguments of a call, decoded by @decode into @value. Return: are they good? */
static inline bool take(struct fly_served *served, xdrproc_t decode, void *value)
{
	XDR stream;

	xdrmem_create(&stream, (char *)served->arguments, served->argument_bytes, XDR_DECODE);
	return decode(&stream, value);
}

/* A call without arguments, and its results decoded by @decode into @value. */
static inline int call_out(struct fly_binding *binding, uint16_t number, xdrproc_t decode,
			   void *value)
{
	struct fly_call *call;
	XDR stream;
	int status = marshal_fetch(binding, number, &call);

	if (status)
		return status;
	xdrmem_create(&stream, (char *)call->payload, call->length, XDR_DECODE);
	if (!decode(&stream, value))
		status = -FLY_ERESULT;
	binding->ender(call);
	return status;
}

/* Make @value, encoded by @encode, the results. Return: as a server stub. */
static inline int results(struct fly_served *served, xdrproc_t encode, void *value)
{
	XDR stream;

	xdrmem_create(&stream, (char *)served->results, MOST, XDR_ENCODE);
	if (!encode(&stream, value))
		return -FLY_ERESULT;
	served->result_bytes = xdr_getpos(&stream);
	return 0;
}

/* ---- integers ---- */

/* A client stub: what is encoded follows. */
#define CLIENT(name, parameters, ...)                                                             \
	static int client_##name(struct fly_binding *binding, MARSHAL_LIST parameters)            \
	{                                                                                         \
		Xdr##name all = {__VA_ARGS__};                                                    \
                                                                                                  \
		return call_in(binding, Marshal_##name##_NUMBER, (xdrproc_t)xdr_Xdr##name, &all); \
	}

CLIENT(Int1, (uint32_t a), a)
CLIENT(Int2, (uint32_t a, uint32_t b), a, b)
CLIENT(Int4, (uint32_t a, uint32_t b, uint32_t c, uint32_t d), a, b, c, d)

/* All zeros first: XDR allocates only where there is no room yet. */
#define SERVE(name, ...)                                                                         \
	MARSHAL_SERVE(name, Xdr##name all;                                                       \
		      memset(&all, 0, sizeof all), take(served, (xdrproc_t)xdr_Xdr##name, &all), \
		      xdr_free((xdrproc_t)xdr_Xdr##name, (char *)&all), __VA_ARGS__)

SERVE(Int1, all.a)
SERVE(Int2, all.a, all.b)
SERVE(Int4, all.a, all.b, all.c, all.d)

/* ---- arrays of fixed length, in and out ---- */

#define FIXED(n)                                                                                   \
	static int client_Fixed##n(struct fly_binding *binding, const uint8_t *data)               \
	{                                                                                          \
		return call_in(binding, Marshal_Fixed##n##_NUMBER, (xdrproc_t)xdr_XdrFixed##n,     \
			       (void *)data);                                                      \
	}                                                                                          \
	static int client_FixedOut##n(struct fly_binding *binding, uint8_t *data)                  \
	{                                                                                          \
		return call_out(binding, Marshal_FixedOut##n##_NUMBER, (xdrproc_t)xdr_XdrFixed##n, \
				data);                                                             \
	}                                                                                          \
	MARSHAL_SERVE(Fixed##n, XdrFixed##n data, take(served, (xdrproc_t)xdr_XdrFixed##n, data),  \
		      xdr_free((xdrproc_t)xdr_XdrFixed##n, data), (const uint8_t *)data)           \
	MARSHAL_SERVE_OUT(FixedOut##n, XdrFixed##n data, true,                                     \
			  results(served, (xdrproc_t)xdr_XdrFixed##n, data), (uint8_t *)data)

FIXED(4)
FIXED(400)

/* ---- arrays and strings of variable length ---- */

CLIENT(Variable, (const uint8_t *data, uint32_t data_count), data_count, (char *)data)
CLIENT(Text, (const char *text), (char *)text)

/* Into the caller's variable: there is room. */
static int client_VariableOut(struct fly_binding *binding, uint8_t *data, uint32_t *data_count)
{
	XdrVariable all = {0, (char *)data};
	const int status =
		call_out(binding, Marshal_VariableOut_NUMBER, (xdrproc_t)xdr_XdrVariable, &all);

	*data_count = all.XdrVariable_len;
	return status;
}

SERVE(Variable, (const uint8_t *)all.XdrVariable_val, all.XdrVariable_len)
SERVE(Text, all)
MARSHAL_SERVE_OUT(VariableOut, uint8_t data[MARSHAL_LONG];
		  XdrVariable all = {.XdrVariable_val = (char *)data}, true,
		  results(served, (xdrproc_t)xdr_XdrVariable, &all), data, &all.XdrVariable_len)

MARSHAL_WAY(marshal_xdr, "XDR");
