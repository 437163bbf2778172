/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * protobuf.c - the calls of `firefly bench marshal` with arguments and results packed by
 * protobuf-c.
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

/* ---- integers and strings ---- */

/* A client stub: the fields of its message are what follows. */
#define CLIENT(name, message, parameters, ...)                                                   \
	static int client_##name(struct fly_binding *binding, MARSHAL_LIST parameters)           \
	{                                                                                        \
		Marshal__##name m = {PROTOBUF_C_MESSAGE_INIT(&marshal__##message##__descriptor), \
				     __VA_ARGS__};                                               \
                                                                                                 \
		return call_in(binding, Marshal_##name##_NUMBER, &m.base);                       \
	}

CLIENT(Int1, int1, (uint32_t a), a)
CLIENT(Int2, int2, (uint32_t a, uint32_t b), a, b)
CLIENT(Int4, int4, (uint32_t a, uint32_t b, uint32_t c, uint32_t d), a, b, c, d)
CLIENT(Text, text, (const char *text), (char *)text)

#define SERVE(name, message, ...)                                                        \
	MARSHAL_SERVE(name,                                                              \
		      Marshal__##name *m =                                               \
			      marshal__##message##__unpack(NULL, served->argument_bytes, \
							   served->arguments),           \
		      m, marshal__##message##__free_unpacked(m, NULL), __VA_ARGS__)

SERVE(Int1, int1, m->a)
SERVE(Int2, int2, m->a, m->b)
SERVE(Int4, int4, m->a, m->b, m->c, m->d)
SERVE(Text, text, m->text)

/* ---- arrays ---- */

static inline int data_in(struct fly_binding *binding, uint16_t number, const uint8_t *data,
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

static inline int results(struct fly_served *served, uint8_t *data, size_t bytes)
{
	Marshal__Data message = MARSHAL__DATA__INIT;

	message.data.data = data;
	message.data.len = bytes;
	served->result_bytes = (uint32_t)marshal__data__pack(&message, served->results);
	return 0;
}

/* Into @data goes what a caller might look at. @fixed: as above. */
static inline int data_out(struct fly_binding *binding, uint16_t number, uint8_t *data,
			   uint32_t *count, size_t fixed)
{
	struct fly_call *call;
	Marshal__Data *m;
	int status = marshal_fetch(binding, number, &call);

	if (status)
		return status;
	m = unpack_data(call->payload, call->length, fixed);
	if (m) {
		*count = (uint32_t)m->data.len;
		if (*count) {
			data[0] = m->data.data[0];
			data[*count - 1] = m->data.data[*count - 1];
		}
		marshal__data__free_unpacked(m, NULL);
	} else {
		status = -FLY_ERESULT;
	}
	binding->ender(call);
	return status;
}

#define SERVE_DATA(name, fixed, ...)                                                         \
	MARSHAL_SERVE(name,                                                                  \
		      Marshal__Data *m =                                                     \
			      unpack_data(served->arguments, served->argument_bytes, fixed), \
		      m, marshal__data__free_unpacked(m, NULL), __VA_ARGS__)

#define FIXED(n)                                                                         \
	static int client_Fixed##n(struct fly_binding *binding, const uint8_t *data)     \
	{                                                                                \
		return data_in(binding, Marshal_Fixed##n##_NUMBER, data, n);             \
	}                                                                                \
	static int client_FixedOut##n(struct fly_binding *binding, uint8_t *data)        \
	{                                                                                \
		uint32_t count;                                                          \
                                                                                         \
		return data_out(binding, Marshal_FixedOut##n##_NUMBER, data, &count, n); \
	}                                                                                \
	SERVE_DATA(Fixed##n, n, m->data.data)                                            \
	MARSHAL_SERVE_OUT(FixedOut##n, uint8_t data[n], true, results(served, data, n), data)

FIXED(4)
FIXED(400)

static int client_Variable(struct fly_binding *binding, const uint8_t *data, uint32_t data_count)
{
	return data_in(binding, Marshal_Variable_NUMBER, data, data_count);
}

static int client_VariableOut(struct fly_binding *binding, uint8_t *data, uint32_t *data_count)
{
	return data_out(binding, Marshal_VariableOut_NUMBER, data, data_count, 0);
}

SERVE_DATA(Variable, 0, m->data.data, (uint32_t)m->data.len)
MARSHAL_SERVE_OUT(VariableOut, uint8_t data[MARSHAL_LONG];
		  uint32_t count = 0, true, results(served, data, count), data, &count)

MARSHAL_WAY(marshal_protobuf, "protobuf-c");
