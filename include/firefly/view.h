/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * view.h - arrays of numbers, read in a result packet.
 *
 * C cannot point to such an array: it is not aligned, and may be in another byte order.
 * NAME_PROCEDURE_view() fills in a struct fly_TYPE_view for each. fly_TYPE_at() reads an element,
 * and does not check that i is less than count. Any thread. A view is dead after fly_release().
 */
#ifndef FIREFLY_VIEW_H
#define FIREFLY_VIEW_H

#include <firefly/access.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FLY_VIEW(access, type)                                                            \
	struct fly_##access##_view {                                                      \
		const uint8_t *at; /* the first byte of the first element */              \
		uint32_t count;    /* of elements */                                      \
	};                                                                                \
                                                                                          \
	static inline type fly_##access##_at(struct fly_##access##_view view, uint32_t i) \
	{                                                                                 \
		return fly_get_##access(view.at + (size_t)i * sizeof(type));              \
	}

FLY_VIEW(bool, bool)
FLY_VIEW(u8, uint8_t)
FLY_VIEW(u16, uint16_t)
FLY_VIEW(u32, uint32_t)
FLY_VIEW(u64, uint64_t)
FLY_VIEW(i8, int8_t)
FLY_VIEW(i16, int16_t)
FLY_VIEW(i32, int32_t)
FLY_VIEW(i64, int64_t)
FLY_VIEW(f32, float)
FLY_VIEW(f64, double)
#undef FLY_VIEW

#ifdef __cplusplus
}
#endif
#endif
