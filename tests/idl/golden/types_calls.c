#include "bytes.h"
#include "types.h"

/* A number: what goes in comes back in all three places. */
#define NUMBER(name, type)                                                               \
	static int serve_##name(void *context, type a, type *b, type *c, type *result)   \
	{                                                                                \
		(void)context;                                                           \
		*b = a;                                                                  \
		*result = *c;                                                            \
		*c = a;                                                                  \
		return 0;                                                                \
	}                                                                                \
                                                                                         \
	static int serve_##name##s(void *context, const type a[3], type b[3], type c[3]) \
	{                                                                                \
		(void)context;                                                           \
		for (int i = 0; i < 3; i++) {                                            \
			b[i] = c[i];                                                     \
			c[i] = a[2 - i];                                                 \
		}                                                                        \
		return 0;                                                                \
	}

NUMBER(Bool, bool)
NUMBER(Byte, uint8_t)
NUMBER(I8, int8_t)
NUMBER(I16, int16_t)
NUMBER(I32, int32_t)
NUMBER(I64, int64_t)
NUMBER(U8, uint8_t)
NUMBER(U16, uint16_t)
NUMBER(U32, uint32_t)
NUMBER(U64, uint64_t)
NUMBER(F32, float)
NUMBER(F64, double)

#define PAIR(name) .name = serve_##name, .name##s = serve_##name##s

static const struct Types_procedures procedures = {
	PAIR(Bool), PAIR(Byte), PAIR(I8),  PAIR(I16), PAIR(I32), PAIR(I64),
	PAIR(U8),   PAIR(U16),  PAIR(U32), PAIR(U64), PAIR(F32), PAIR(F64),
};

/* Three values, one by one and as an array. */
#define CALL(name, type, ...)                                          \
	do {                                                           \
		const type values[3] = {__VA_ARGS__};                  \
		type c[3] = {values[1], values[1], values[1]};         \
		type b[3];                                             \
		type result;                                           \
                                                                       \
		SHOW(Types_##name(binding, values[0], b, c, &result)); \
		SHOW(Types_##name##s(binding, values, b, c));          \
		MUST(memcmp(&c[2], &values[0], sizeof c[2]) == 0);     \
	} while (0)

void make_calls(void)
{
	struct fly_binding *binding;

	BIND(Types, &binding);
	CALL(Bool, bool, true, false, true);
	CALL(Byte, uint8_t, 1, 0x80, 0xff);
	CALL(I8, int8_t, 1, -128, 127);
	CALL(I16, int16_t, 0x0102, -2, INT16_MIN);
	CALL(I32, int32_t, 0x01020304, -2, INT32_MIN);
	CALL(I64, int64_t, 0x0102030405060708, -2, INT64_MIN);
	CALL(U8, uint8_t, 1, 0x80, 0xff);
	CALL(U16, uint16_t, 0x0102, 0xff00, 3);
	CALL(U32, uint32_t, 0x01020304, 0xff000000, 5);
	CALL(U64, uint64_t, 0x0102030405060708, 0xff00000000000000, 9);
	CALL(F32, float, 1.0f, -0.0f, 3.14159274f);
	CALL(F64, double, 1.0, -0.0, 3.141592653589793);
}
