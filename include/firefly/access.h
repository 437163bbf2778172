/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * access.h - store one value to the wire, or load it: little-endian, at any alignment. get loads a
 * value that may be anything; take loads a value that is checked.
 *
 * Pure functions, for generated code and for views.
 */
#ifndef FIREFLY_ACCESS_H
#define FIREFLY_ACCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A compiler turns memcpy() of a whole integer into one move. gcc 12 does not find the moves in
 * byte-wise shifts of neighbouring integers.
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

/* A bool on the wire is 0 or 1. */
static inline bool fly_is_bool(const uint8_t *p)
{
	return p[0] <= 1;
}

static inline bool fly_get_bool(const uint8_t *p)
{
	return p[0] != 0;
}

/*
 * Read once: a value that decides something, such as a count, a length, a flag or a discriminant.
 * The other side of a local link can change the memory between a check and a use. With a plain
 * load a compiler may read again instead of keeping the value. A volatile load happens exactly
 * once.
 */
struct fly_once16 {
	uint16_t wire;
} __attribute__((packed, may_alias));

struct fly_once32 {
	uint32_t wire;
} __attribute__((packed, may_alias));

static inline uint8_t fly_take_u8(const uint8_t *p)
{
	return *(const volatile uint8_t *)p;
}

static inline uint16_t fly_take_u16(const uint8_t *p)
{
	const uint16_t wire = ((const volatile struct fly_once16 *)p)->wire;

	return FLY_WIRE16(wire);
}

static inline uint32_t fly_take_u32(const uint8_t *p)
{
	const uint32_t wire = ((const volatile struct fly_once32 *)p)->wire;

	return FLY_WIRE32(wire);
}

static inline int8_t fly_take_i8(const uint8_t *p)
{
	return (int8_t)fly_take_u8(p);
}

static inline int16_t fly_take_i16(const uint8_t *p)
{
	return (int16_t)fly_take_u16(p);
}

static inline int32_t fly_take_i32(const uint8_t *p)
{
	return (int32_t)fly_take_u32(p);
}

/* Return: false: it is no bool, and *v has not changed. */
static inline bool fly_take_bool(const uint8_t *p, bool *v)
{
	const uint8_t wire = fly_take_u8(p);

	if (wire > 1)
		return false;
	*v = wire != 0;
	return true;
}

#ifdef __cplusplus
}
#endif
#endif
