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
static inline bool arguments(struct fly_served *served, xdrproc_t decode, void *value)
{
	XDR stream;

	served->result_bytes = 0;
	xdrmem_create(&stream, (char *)served->arguments, served->argument_bytes, XDR_DECODE);
	return decode(&stream, value);
}

/* Start a call without arguments, and decode its results into @value. Return: 0: the Ender is next.
 */
static inline int call_out(struct fly_binding *binding, uint16_t number, xdrproc_t decode,
			   void *value, struct fly_call **call)
{
	XDR stream;
	int status = binding->starter(binding, number, 0, call);

	if (status)
		return status;
	status = binding->transporter(*call);
	if (status)
		return fly_stub_failed(*call, status);
	xdrmem_create(&stream, (char *)(*call)->payload, (*call)->length, XDR_DECODE);
	if (decode(&stream, value))
		return 0;
	binding->ender(*call);
	return -FLY_ERESULT;
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

static int xdr_call_Int1(struct fly_binding *binding, uint32_t a)
{
	XdrInt1 all = {a};

	return call_in(binding, Marshal_Int1_NUMBER, (xdrproc_t)xdr_XdrInt1, &all);
}

static int serve_Int1(struct fly_served *served)
{
	const struct Marshal_procedures *procedures = served->procedures;
	XdrInt1 all;
	int raised;

	memset(&all, 0, sizeof all);
	if (!arguments(served, (xdrproc_t)xdr_XdrInt1, &all))
		return -FLY_EMALFORMED;
	raised = procedures->Int1(served->context, all.a);
	xdr_free((xdrproc_t)xdr_XdrInt1, (char *)&all);
	return raised ? -FLY_ERAISED : 0;
}

static int xdr_call_Int2(struct fly_binding *binding, uint32_t a, uint32_t b)
{
	XdrInt2 all = {a, b};

	return call_in(binding, Marshal_Int2_NUMBER, (xdrproc_t)xdr_XdrInt2, &all);
}

static int serve_Int2(struct fly_served *served)
{
	const struct Marshal_procedures *procedures = served->procedures;
	XdrInt2 all;
	int raised;

	memset(&all, 0, sizeof all);
	if (!arguments(served, (xdrproc_t)xdr_XdrInt2, &all))
		return -FLY_EMALFORMED;
	raised = procedures->Int2(served->context, all.a, all.b);
	xdr_free((xdrproc_t)xdr_XdrInt2, (char *)&all);
	return raised ? -FLY_ERAISED : 0;
}

static int xdr_call_Int4(struct fly_binding *binding, uint32_t a, uint32_t b, uint32_t c,
			 uint32_t d)
{
	XdrInt4 all = {a, b, c, d};

	return call_in(binding, Marshal_Int4_NUMBER, (xdrproc_t)xdr_XdrInt4, &all);
}

static int serve_Int4(struct fly_served *served)
{
	const struct Marshal_procedures *procedures = served->procedures;
	XdrInt4 all;
	int raised;

	memset(&all, 0, sizeof all);
	if (!arguments(served, (xdrproc_t)xdr_XdrInt4, &all))
		return -FLY_EMALFORMED;
	raised = procedures->Int4(served->context, all.a, all.b, all.c, all.d);
	xdr_free((xdrproc_t)xdr_XdrInt4, (char *)&all);
	return raised ? -FLY_ERAISED : 0;
}

/* ---- arrays and strings: in ---- */

static int xdr_call_Fixed4(struct fly_binding *binding, const uint8_t *data)
{
	return call_in(binding, Marshal_Fixed4_NUMBER, (xdrproc_t)xdr_XdrFixed4, (void *)data);
}

static int serve_Fixed4(struct fly_served *served)
{
	const struct Marshal_procedures *procedures = served->procedures;
	XdrFixed4 data;
	int raised;

	if (!arguments(served, (xdrproc_t)xdr_XdrFixed4, data))
		return -FLY_EMALFORMED;
	raised = procedures->Fixed4(served->context, (const uint8_t *)data);
	xdr_free((xdrproc_t)xdr_XdrFixed4, data);
	return raised ? -FLY_ERAISED : 0;
}

static int xdr_call_Fixed400(struct fly_binding *binding, const uint8_t *data)
{
	return call_in(binding, Marshal_Fixed400_NUMBER, (xdrproc_t)xdr_XdrFixed400, (void *)data);
}

static int serve_Fixed400(struct fly_served *served)
{
	const struct Marshal_procedures *procedures = served->procedures;
	XdrFixed400 data;
	int raised;

	if (!arguments(served, (xdrproc_t)xdr_XdrFixed400, data))
		return -FLY_EMALFORMED;
	raised = procedures->Fixed400(served->context, (const uint8_t *)data);
	xdr_free((xdrproc_t)xdr_XdrFixed400, data);
	return raised ? -FLY_ERAISED : 0;
}

static int xdr_call_Variable(struct fly_binding *binding, const uint8_t *data, uint32_t data_count)
{
	XdrVariable all = {data_count, (char *)data};

	return call_in(binding, Marshal_Variable_NUMBER, (xdrproc_t)xdr_XdrVariable, &all);
}

static int serve_Variable(struct fly_served *served)
{
	const struct Marshal_procedures *procedures = served->procedures;
	XdrVariable all;
	int raised;

	memset(&all, 0, sizeof all);
	if (!arguments(served, (xdrproc_t)xdr_XdrVariable, &all))
		return -FLY_EMALFORMED;
	raised = procedures->Variable(served->context, (const uint8_t *)all.XdrVariable_val,
				      all.XdrVariable_len);
	xdr_free((xdrproc_t)xdr_XdrVariable, (char *)&all);
	return raised ? -FLY_ERAISED : 0;
}

static int xdr_call_Text(struct fly_binding *binding, const char *text)
{
	XdrText value = (char *)text;

	return call_in(binding, Marshal_Text_NUMBER, (xdrproc_t)xdr_XdrText, &value);
}

static int serve_Text(struct fly_served *served)
{
	const struct Marshal_procedures *procedures = served->procedures;
	XdrText text = NULL;
	int raised;

	if (!arguments(served, (xdrproc_t)xdr_XdrText, &text))
		return -FLY_EMALFORMED;
	raised = procedures->Text(served->context, text);
	xdr_free((xdrproc_t)xdr_XdrText, (char *)&text);
	return raised ? -FLY_ERAISED : 0;
}

/* ---- arrays: out ---- */

static int xdr_call_FixedOut4(struct fly_binding *binding, uint8_t *data)
{
	struct fly_call *call;
	const int status =
		call_out(binding, Marshal_FixedOut4_NUMBER, (xdrproc_t)xdr_XdrFixed4, data, &call);

	if (!status)
		binding->ender(call);
	return status;
}

static int serve_FixedOut4(struct fly_served *served)
{
	const struct Marshal_procedures *procedures = served->procedures;
	XdrFixed4 data;

	if (procedures->FixedOut4(served->context, (uint8_t *)data))
		return -FLY_ERAISED;
	return results(served, (xdrproc_t)xdr_XdrFixed4, data);
}

static int xdr_call_FixedOut400(struct fly_binding *binding, uint8_t *data)
{
	struct fly_call *call;
	const int status = call_out(binding, Marshal_FixedOut400_NUMBER, (xdrproc_t)xdr_XdrFixed400,
				    data, &call);

	if (!status)
		binding->ender(call);
	return status;
}

static int serve_FixedOut400(struct fly_served *served)
{
	const struct Marshal_procedures *procedures = served->procedures;
	XdrFixed400 data;

	if (procedures->FixedOut400(served->context, (uint8_t *)data))
		return -FLY_ERAISED;
	return results(served, (xdrproc_t)xdr_XdrFixed400, data);
}

/* Into the caller's variable: XDR allocates only where there is no room yet. */
static int xdr_call_VariableOut(struct fly_binding *binding, uint8_t *data, uint32_t *data_count)
{
	XdrVariable all = {0, (char *)data};
	struct fly_call *call;
	const int status = call_out(binding, Marshal_VariableOut_NUMBER, (xdrproc_t)xdr_XdrVariable,
				    &all, &call);

	if (status)
		return status;
	*data_count = all.XdrVariable_len;
	binding->ender(call);
	return 0;
}

static int serve_VariableOut(struct fly_served *served)
{
	const struct Marshal_procedures *procedures = served->procedures;
	uint8_t data[MARSHAL_LONG];
	XdrVariable all = {0, (char *)data};

	if (procedures->VariableOut(served->context, data, &all.XdrVariable_len))
		return -FLY_ERAISED;
	return results(served, (xdrproc_t)xdr_XdrVariable, &all);
}

/* ---- the way ---- */

static const struct fly_procedure procedures[] = MARSHAL_PROCEDURES;

static const struct fly_interface interface = {"Marshal", Marshal_VERSION,
					       sizeof procedures / sizeof *procedures, procedures};

const struct marshal_way marshal_xdr = {
	.name = "XDR",
	.client = MARSHAL_CLIENT(xdr_call),
	.interface = &interface,
};
