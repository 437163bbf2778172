/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * protobuf.c - the calls of `firefly bench marshal` with arguments and results packed
 * by protobuf-c.
 *
 * As a user has it: a message on the stack, packed into the call packet or the result packet;
 * unpacked with the default allocator, and freed. Results are read where unpacking put them: of an
 * array only the first and the last byte go into the caller's variable. Built only where
 * libprotobuf-c and protoc-c are.
 */
#include <marshal.pb-c.h>

#include "ways.h"

#define MOST FLY_PAYLOAD_ROOM /* more than any message here takes */

/* Send @message as the arguments of a call without results. */
static inline int call_in(struct fly_binding *binding, uint16_t number,
			  const ProtobufCMessage *message)
{
	struct fly_call *call;
	const int status = binding->starter(binding, number, MOST, &call);

	if (status)
		return status;
	call->length = (uint32_t)protobuf_c_message_pack(message, call->payload);
	return marshal_end(binding, call);
}

/* Start a call without arguments, and wait for its results. */
static inline int call_out(struct fly_binding *binding, uint16_t number, struct fly_call **call)
{
	int status = binding->starter(binding, number, 0, call);

	if (status)
		return status;
	status = binding->transporter(*call);
	return status ? fly_stub_failed(*call, status) : 0;
}

/* ---- integers ---- */

static int protobuf_Int1(struct fly_binding *binding, uint32_t a)
{
	Marshal__Int1 message = MARSHAL__INT1__INIT;

	message.a = a;
	return call_in(binding, Marshal_Int1_NUMBER, &message.base);
}

static int serve_Int1(struct fly_served *served)
{
	const struct Marshal_procedures *procedures = served->procedures;
	Marshal__Int1 *m = marshal__int1__unpack(NULL, served->argument_bytes, served->arguments);
	int raised;

	if (!m)
		return -FLY_EMALFORMED;
	raised = procedures->Int1(served->context, m->a);
	marshal__int1__free_unpacked(m, NULL);
	served->result_bytes = 0;
	return raised ? -FLY_ERAISED : 0;
}

static int protobuf_Int2(struct fly_binding *binding, uint32_t a, uint32_t b)
{
	Marshal__Int2 message = MARSHAL__INT2__INIT;

	message.a = a;
	message.b = b;
	return call_in(binding, Marshal_Int2_NUMBER, &message.base);
}

static int serve_Int2(struct fly_served *served)
{
	const struct Marshal_procedures *procedures = served->procedures;
	Marshal__Int2 *m = marshal__int2__unpack(NULL, served->argument_bytes, served->arguments);
	int raised;

	if (!m)
		return -FLY_EMALFORMED;
	raised = procedures->Int2(served->context, m->a, m->b);
	marshal__int2__free_unpacked(m, NULL);
	served->result_bytes = 0;
	return raised ? -FLY_ERAISED : 0;
}

static int protobuf_Int4(struct fly_binding *binding, uint32_t a, uint32_t b, uint32_t c,
			 uint32_t d)
{
	Marshal__Int4 message = MARSHAL__INT4__INIT;

	message.a = a;
	message.b = b;
	message.c = c;
	message.d = d;
	return call_in(binding, Marshal_Int4_NUMBER, &message.base);
}

static int serve_Int4(struct fly_served *served)
{
	const struct Marshal_procedures *procedures = served->procedures;
	Marshal__Int4 *m = marshal__int4__unpack(NULL, served->argument_bytes, served->arguments);
	int raised;

	if (!m)
		return -FLY_EMALFORMED;
	raised = procedures->Int4(served->context, m->a, m->b, m->c, m->d);
	marshal__int4__free_unpacked(m, NULL);
	served->result_bytes = 0;
	return raised ? -FLY_ERAISED : 0;
}

/* ---- arrays and strings: in ---- */

static inline int call_data(struct fly_binding *binding, uint16_t number, const uint8_t *data,
			    size_t bytes)
{
	Marshal__Data message = MARSHAL__DATA__INIT;

	message.data.data = (uint8_t *)data;
	message.data.len = bytes;
	return call_in(binding, number, &message.base);
}

/* @fixed: how many bytes there have to be; 0: at most MARSHAL_LONG. */
static inline Marshal__Data *unpack_data(const uint8_t *from, size_t length, size_t fixed)
{
	Marshal__Data *m = marshal__data__unpack(NULL, length, from);

	if (m && (fixed ? m->data.len != fixed : m->data.len > MARSHAL_LONG)) {
		marshal__data__free_unpacked(m, NULL);
		m = NULL;
	}
	return m;
}

static int protobuf_Fixed4(struct fly_binding *binding, const uint8_t *data)
{
	return call_data(binding, Marshal_Fixed4_NUMBER, data, 4);
}

static int serve_Fixed4(struct fly_served *served)
{
	const struct Marshal_procedures *procedures = served->procedures;
	Marshal__Data *m = unpack_data(served->arguments, served->argument_bytes, 4);
	int raised;

	if (!m)
		return -FLY_EMALFORMED;
	raised = procedures->Fixed4(served->context, m->data.data);
	marshal__data__free_unpacked(m, NULL);
	served->result_bytes = 0;
	return raised ? -FLY_ERAISED : 0;
}

static int protobuf_Fixed400(struct fly_binding *binding, const uint8_t *data)
{
	return call_data(binding, Marshal_Fixed400_NUMBER, data, 400);
}

static int serve_Fixed400(struct fly_served *served)
{
	const struct Marshal_procedures *procedures = served->procedures;
	Marshal__Data *m = unpack_data(served->arguments, served->argument_bytes, 400);
	int raised;

	if (!m)
		return -FLY_EMALFORMED;
	raised = procedures->Fixed400(served->context, m->data.data);
	marshal__data__free_unpacked(m, NULL);
	served->result_bytes = 0;
	return raised ? -FLY_ERAISED : 0;
}

static int protobuf_Variable(struct fly_binding *binding, const uint8_t *data, uint32_t data_count)
{
	return call_data(binding, Marshal_Variable_NUMBER, data, data_count);
}

static int serve_Variable(struct fly_served *served)
{
	const struct Marshal_procedures *procedures = served->procedures;
	Marshal__Data *m = unpack_data(served->arguments, served->argument_bytes, 0);
	int raised;

	if (!m)
		return -FLY_EMALFORMED;
	raised = procedures->Variable(served->context, m->data.data, (uint32_t)m->data.len);
	marshal__data__free_unpacked(m, NULL);
	served->result_bytes = 0;
	return raised ? -FLY_ERAISED : 0;
}

static int protobuf_Text(struct fly_binding *binding, const char *text)
{
	Marshal__Text message = MARSHAL__TEXT__INIT;

	message.text = (char *)text;
	return call_in(binding, Marshal_Text_NUMBER, &message.base);
}

static int serve_Text(struct fly_served *served)
{
	const struct Marshal_procedures *procedures = served->procedures;
	Marshal__Text *m = marshal__text__unpack(NULL, served->argument_bytes, served->arguments);
	int raised;

	if (!m)
		return -FLY_EMALFORMED;
	raised = procedures->Text(served->context, m->text);
	marshal__text__free_unpacked(m, NULL);
	served->result_bytes = 0;
	return raised ? -FLY_ERAISED : 0;
}

/* ---- arrays: out ---- */

static inline int results(struct fly_served *served, uint8_t *data, size_t bytes)
{
	Marshal__Data message = MARSHAL__DATA__INIT;

	message.data.data = data;
	message.data.len = bytes;
	served->result_bytes = (uint32_t)marshal__data__pack(&message, served->results);
	return 0;
}

/* What a caller might look at. */
static inline void read_results(uint8_t *data, const ProtobufCBinaryData *from)
{
	if (from->len == 0)
		return;
	data[0] = from->data[0];
	data[from->len - 1] = from->data[from->len - 1];
}

static inline int call_fixed_out(struct fly_binding *binding, uint16_t number, uint8_t *data,
				 size_t bytes)
{
	struct fly_call *call;
	Marshal__Data *m;
	int status = call_out(binding, number, &call);

	if (status)
		return status;
	m = unpack_data(call->payload, call->length, bytes);
	if (m) {
		read_results(data, &m->data);
		marshal__data__free_unpacked(m, NULL);
	} else {
		status = -FLY_ERESULT;
	}
	binding->ender(call);
	return status;
}

static int protobuf_FixedOut4(struct fly_binding *binding, uint8_t *data)
{
	return call_fixed_out(binding, Marshal_FixedOut4_NUMBER, data, 4);
}

static int serve_FixedOut4(struct fly_served *served)
{
	const struct Marshal_procedures *procedures = served->procedures;
	uint8_t data[4];

	if (procedures->FixedOut4(served->context, data))
		return -FLY_ERAISED;
	return results(served, data, sizeof data);
}

static int protobuf_FixedOut400(struct fly_binding *binding, uint8_t *data)
{
	return call_fixed_out(binding, Marshal_FixedOut400_NUMBER, data, 400);
}

static int serve_FixedOut400(struct fly_served *served)
{
	const struct Marshal_procedures *procedures = served->procedures;
	uint8_t data[400];

	if (procedures->FixedOut400(served->context, data))
		return -FLY_ERAISED;
	return results(served, data, sizeof data);
}

static int protobuf_VariableOut(struct fly_binding *binding, uint8_t *data, uint32_t *data_count)
{
	struct fly_call *call;
	Marshal__Data *m;
	int status = call_out(binding, Marshal_VariableOut_NUMBER, &call);

	if (status)
		return status;
	m = unpack_data(call->payload, call->length, 0);
	if (m) {
		read_results(data, &m->data);
		*data_count = (uint32_t)m->data.len;
		marshal__data__free_unpacked(m, NULL);
	} else {
		status = -FLY_ERESULT;
	}
	binding->ender(call);
	return status;
}

static int serve_VariableOut(struct fly_served *served)
{
	const struct Marshal_procedures *procedures = served->procedures;
	uint8_t data[MARSHAL_LONG];
	uint32_t count = 0;

	if (procedures->VariableOut(served->context, data, &count))
		return -FLY_ERAISED;
	return results(served, data, count);
}

/* ---- the way ---- */

static const struct fly_procedure procedures[] = MARSHAL_PROCEDURES;

static const struct fly_interface interface = {"Marshal", Marshal_VERSION,
					       sizeof procedures / sizeof *procedures, procedures};

const struct marshal_way marshal_protobuf = {
	.name = "protobuf-c",
	.client = MARSHAL_CLIENT(protobuf),
	.interface = &interface,
};
