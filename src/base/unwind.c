/* SPDX-License-Identifier: BSD-3-Clause */
/* unwind.c - what the unwinder asks about a function with FLY_STOPS_UNWINDING(). */
#include "base/unwind.h"

#include <unwind.h>

/* Referred to by the unwind tables only. The C++ ABI calls such a function a personality routine.
 */
_Unwind_Reason_Code
fly_unwind_stop(int version, _Unwind_Action actions, _Unwind_Exception_Class kind,
		struct _Unwind_Exception *exception, struct _Unwind_Context *context)
	__attribute__((used, visibility("hidden")));

_Unwind_Reason_Code fly_unwind_stop(int version, _Unwind_Action actions,
				    _Unwind_Exception_Class kind,
				    struct _Unwind_Exception *exception,
				    struct _Unwind_Context *context)
{
	(void)version;
	(void)kind;
	(void)exception;
	(void)context;
	return actions & _UA_FORCE_UNWIND ? _URC_CONTINUE_UNWIND : _URC_FATAL_PHASE1_ERROR;
}
