/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * unwind.h - C++ exceptions do not leave a program's function through the library (unwind.c).
 *
 * An exception that passed through a poller's turn would leave the call running for ever, and the
 * poller within a turn. A C++ program that catches the exception around fly_serve() would go on
 * with that. So the search for a handler ends in the library, and fails: the C++ runtime calls
 * std::terminate() at the throw, before any destructor runs, as for a noexcept function. The stack
 * still shows who threw.
 *
 * FLY_STOPS_UNWINDING, a statement, does that for the function that it is in, whatever the
 * program's compiler and C++ standard are. It costs no instruction: it is a row in the tables that
 * only unwinding reads. A function without these tables ends the search as well. The end of a
 * thread, as by pthread_exit(), passes.
 */
#ifndef FLY_UNWIND_H
#define FLY_UNWIND_H

#if defined(__GCC_HAVE_DWARF2_CFI_ASM) && __GCC_HAVE_DWARF2_CFI_ASM
#define FLY_STOPS_UNWINDING() __asm__ volatile(".cfi_personality 0x1b, fly_unwind_stop")
#else
#define FLY_STOPS_UNWINDING() ((void)0)
#endif

#endif
