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

static inline void copy(void *to, const void *from, size_t bytes)
{
	__asm__("" : "+r"(bytes));
	memcpy(to, from, bytes);
}

/*
 * ---- integers: in and out ----
 *
 * From where they have been for long: out of variables that were stored one by one just before, a
 * copy of all at once would have to wait for the stores.
 */

static inline int copy_integers(struct fly_binding *binding, uint16_t number, uint32_t bytes)
{
	struct fly_call *call;
	const int status = binding->starter(binding, number, bytes, &call);

	if (status)
		return status;
	memcpy(call->payload, marshal_integers, bytes);
	return marshal_end(binding, call);
}

static int copy_Int1(struct fly_binding *binding, uint32_t a)
{
	(void)a;
	return copy_integers(binding, Marshal_Int1_NUMBER, 4);
}

static int serve_Int1(struct fly_served *served)
{
	const struct Marshal_procedures *procedures = served->procedures;
	uint32_t all[1];

	if (served->argument_bytes != sizeof all)
		return -FLY_EMALFORMED;
	memcpy(all, served->arguments, sizeof all);
	if (procedures->Int1(served->context, all[0]))
		return -FLY_ERAISED;
	served->result_bytes = 0;
	return 0;
}

static int copy_Int2(struct fly_binding *binding, uint32_t a, uint32_t b)
{
	(void)a, (void)b;
	return copy_integers(binding, Marshal_Int2_NUMBER, 8);
}

static int serve_Int2(struct fly_served *served)
{
	const struct Marshal_procedures *procedures = served->procedures;
	uint32_t all[2];

	if (served->argument_bytes != sizeof all)
		return -FLY_EMALFORMED;
	memcpy(all, served->arguments, sizeof all);
	if (procedures->Int2(served->context, all[0], all[1]))
		return -FLY_ERAISED;
	served->result_bytes = 0;
	return 0;
}

static int copy_Int4(struct fly_binding *binding, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
	(void)a, (void)b, (void)c, (void)d;
	return copy_integers(binding, Marshal_Int4_NUMBER, 16);
}

static int serve_Int4(struct fly_served *served)
{
	const struct Marshal_procedures *procedures = served->procedures;
	uint32_t all[4];

	if (served->argument_bytes != sizeof all)
		return -FLY_EMALFORMED;
	memcpy(all, served->arguments, sizeof all);
	if (procedures->Int4(served->context, all[0], all[1], all[2], all[3]))
		return -FLY_ERAISED;
	served->result_bytes = 0;
	return 0;
}

/* ---- arrays and strings: in ---- */

static int copy_Fixed4(struct fly_binding *binding, const uint8_t *data)
{
	struct fly_call *call;
	const int status = binding->starter(binding, Marshal_Fixed4_NUMBER, 4, &call);

	if (status)
		return status;
	memcpy(call->payload, data, 4);
	return marshal_end(binding, call);
}

static int serve_Fixed4(struct fly_served *served)
{
	const struct Marshal_procedures *procedures = served->procedures;

	if (served->argument_bytes != 4)
		return -FLY_EMALFORMED;
	if (procedures->Fixed4(served->context, served->arguments))
		return -FLY_ERAISED;
	served->result_bytes = 0;
	return 0;
}

static int copy_Fixed400(struct fly_binding *binding, const uint8_t *data)
{
	struct fly_call *call;
	const int status = binding->starter(binding, Marshal_Fixed400_NUMBER, 400, &call);

	if (status)
		return status;
	copy(call->payload, data, 400);
	return marshal_end(binding, call);
}

static int serve_Fixed400(struct fly_served *served)
{
	const struct Marshal_procedures *procedures = served->procedures;

	if (served->argument_bytes != 400)
		return -FLY_EMALFORMED;
	if (procedures->Fixed400(served->context, served->arguments))
		return -FLY_ERAISED;
	served->result_bytes = 0;
	return 0;
}

static int copy_Variable(struct fly_binding *binding, const uint8_t *data, uint32_t data_count)
{
	struct fly_call *call;
	const int status = binding->starter(binding, Marshal_Variable_NUMBER, data_count, &call);

	if (status)
		return status;
	copy(call->payload, data, data_count);
	return marshal_end(binding, call);
}

static int serve_Variable(struct fly_served *served)
{
	const struct Marshal_procedures *procedures = served->procedures;

	if (served->argument_bytes > MARSHAL_LONG)
		return -FLY_EMALFORMED;
	if (procedures->Variable(served->context, served->arguments, served->argument_bytes))
		return -FLY_ERAISED;
	served->result_bytes = 0;
	return 0;
}

/* Its length is told: to find it is work of the stub that copies a string. */
static int copy_Text(struct fly_binding *binding, const char *text)
{
	const uint32_t bytes = ((struct marshal_binding *)binding)->bytes;
	struct fly_call *call;
	const int status = binding->starter(binding, Marshal_Text_NUMBER, bytes, &call);

	if (status)
		return status;
	copy(call->payload, text, bytes);
	return marshal_end(binding, call);
}

static int serve_Text(struct fly_served *served)
{
	const struct Marshal_procedures *procedures = served->procedures;

	if (served->argument_bytes > MARSHAL_TEXT + 1)
		return -FLY_EMALFORMED;
	if (procedures->Text(served->context, (const char *)served->arguments))
		return -FLY_ERAISED;
	served->result_bytes = 0;
	return 0;
}

/* ---- arrays: out ---- */

static int copy_FixedOut4(struct fly_binding *binding, uint8_t *data)
{
	struct fly_call *call;
	int status = binding->starter(binding, Marshal_FixedOut4_NUMBER, 0, &call);

	if (status)
		return status;
	status = binding->transporter(call);
	if (status)
		return fly_stub_failed(call, status);
	if (call->length != 4) {
		binding->ender(call);
		return -FLY_ERESULT;
	}
	memcpy(data, call->payload, 4);
	binding->ender(call);
	return 0;
}

static int serve_FixedOut4(struct fly_served *served)
{
	const struct Marshal_procedures *procedures = served->procedures;

	if (served->argument_bytes != 0)
		return -FLY_EMALFORMED;
	if (procedures->FixedOut4(served->context, served->results))
		return -FLY_ERAISED;
	served->result_bytes = 4;
	return 0;
}

static int copy_FixedOut400(struct fly_binding *binding, uint8_t *data)
{
	struct fly_call *call;
	int status = binding->starter(binding, Marshal_FixedOut400_NUMBER, 0, &call);

	if (status)
		return status;
	status = binding->transporter(call);
	if (status)
		return fly_stub_failed(call, status);
	if (call->length != 400) {
		binding->ender(call);
		return -FLY_ERESULT;
	}
	copy(data, call->payload, 400);
	binding->ender(call);
	return 0;
}

static int serve_FixedOut400(struct fly_served *served)
{
	const struct Marshal_procedures *procedures = served->procedures;

	if (served->argument_bytes != 0)
		return -FLY_EMALFORMED;
	if (procedures->FixedOut400(served->context, served->results))
		return -FLY_ERAISED;
	served->result_bytes = 400;
	return 0;
}

static int copy_VariableOut(struct fly_binding *binding, uint8_t *data, uint32_t *data_count)
{
	struct fly_call *call;
	int status = binding->starter(binding, Marshal_VariableOut_NUMBER, 0, &call);

	if (status)
		return status;
	status = binding->transporter(call);
	if (status)
		return fly_stub_failed(call, status);
	if (call->length > MARSHAL_LONG) {
		binding->ender(call);
		return -FLY_ERESULT;
	}
	copy(data, call->payload, call->length);
	*data_count = call->length;
	binding->ender(call);
	return 0;
}

static int serve_VariableOut(struct fly_served *served)
{
	const struct Marshal_procedures *procedures = served->procedures;
	uint32_t count;

	if (served->argument_bytes != 0)
		return -FLY_EMALFORMED;
	if (procedures->VariableOut(served->context, served->results, &count))
		return -FLY_ERAISED;
	served->result_bytes = count;
	return 0;
}

/* ---- the way ---- */

static const struct fly_procedure procedures[] = MARSHAL_PROCEDURES;

static const struct fly_interface interface = {"Marshal", Marshal_VERSION,
					       sizeof procedures / sizeof *procedures, procedures};

const struct marshal_way marshal_copy = {
	.name = "memcpy",
	.client = MARSHAL_CLIENT(copy),
	.interface = &interface,
};
