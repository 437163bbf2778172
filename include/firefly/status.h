/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * status.h - statuses of calls and set-up functions, and what each says about the procedure.
 *
 * Every function that can fail returns 0 (FLY_OK) or one of these values, negated. A status that
 * ends a call has exactly one outcome. A cause with two possible outcomes has two statuses
 * (FLY_ESTALE and FLY_ESTALE_MAYBE): the outcome is never a guess.
 */
#ifndef FIREFLY_STATUS_H
#define FIREFLY_STATUS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What is known about the procedure of a call that ended. */
enum fly_outcome {
	FLY_EXECUTED,       /* it ran, exactly once */
	FLY_NOT_EXECUTED,   /* it did not run and will not */
	FLY_MAYBE_EXECUTED, /* it ran once or not at all; the caller cannot tell */
};

/* clang-format off */
/*   name           value outcome             one-line text */
#define FLY_STATUSES(X)                                                                            \
	X(EINVAL,        1, FLY_NOT_EXECUTED,   "an argument is not valid")                        \
	X(ENOMEM,        2, FLY_NOT_EXECUTED,   "out of memory")                                   \
	X(EPACKETS,      3, FLY_NOT_EXECUTED,   "there are too few packet buffers")                \
	X(ECALLS,        4, FLY_NOT_EXECUTED,   "as many calls are under way as may be: see calls, and a_stacks of a local export") \
	X(ETOOBIG,       5, FLY_NOT_EXECUTED,   "the message is longer than what can be sent")        \
	X(ELINK,         6, FLY_NOT_EXECUTED,   "the link is down")                                \
	X(ENOPROC,       7, FLY_NOT_EXECUTED,   "the interface has no such procedure")             \
	X(ENOEXPORT,     8, FLY_NOT_EXECUTED,   "the peer does not export that interface")         \
	X(EVERSION,      9, FLY_NOT_EXECUTED,   "the versions do not match")                       \
	X(EMALFORMED,   10, FLY_NOT_EXECUTED,   "the server could not read the arguments")         \
	X(EBUSY,        11, FLY_NOT_EXECUTED,   "the server has no room for another caller or call") \
	X(ESTALE,       12, FLY_NOT_EXECUTED,   "the server restarted or withdrew its export before the call came") \
	X(ESTALE_MAYBE, 13, FLY_MAYBE_EXECUTED, "the server restarted while the call was under way") \
	X(EPEER,        14, FLY_MAYBE_EXECUTED, "no answer from the peer")                         \
	X(EFORGOTTEN,   15, FLY_MAYBE_EXECUTED, "the server has forgotten this caller")            \
	X(ESTOPPED,     16, FLY_MAYBE_EXECUTED, "the runtime was stopped during the call")         \
	X(ERAISED,      17, FLY_EXECUTED,       "the procedure ended with an error of its own")    \
	X(ERESULT,      18, FLY_EXECUTED,       "the results could not be read")                   \
	X(ETIMEOUT,     19, FLY_NOT_EXECUTED,   "it was not done in time")                         \
	X(EINUSE,       20, FLY_NOT_EXECUTED,   "it is in use by somebody else")                   \
	X(EPERM,        21, FLY_NOT_EXECUTED,   "permission denied")                               \
	X(ESYSTEM,      22, FLY_NOT_EXECUTED,   "the system or DPDK refused")                      \
	X(ECONFLICT,    23, FLY_NOT_EXECUTED,   "it conflicts with what this process already uses") \
	X(EEXCEPTION,   24, FLY_EXECUTED,       "the procedure raised an exception of its interface") \
	X(EDEADLINE,    25, FLY_MAYBE_EXECUTED, "the deadline of the call has passed")             \
	X(ECANCELLED,   26, FLY_MAYBE_EXECUTED, "the call was cancelled")                          \
	X(EWITHDRAWN,   27, FLY_NOT_EXECUTED,   "the call was taken back before it began")         \
	X(ESHUT,        30, FLY_NOT_EXECUTED,   "the runtime was shut down before the call began")
/* clang-format on */

/* FLY_OK and FLY_E...: positive values; functions return them negated. */
enum fly_status {
	FLY_OK = 0,
#define FLY_STATUS_ENUM(name, value, outcome, text) FLY_##name = value,
	FLY_STATUSES(FLY_STATUS_ENUM)
#undef FLY_STATUS_ENUM
};

/*
 * fly_outcome() - the outcome of a call that returned this status.
 * @status: 0 or a negative FLY_E...; an unknown value counts as FLY_MAYBE_EXECUTED. Any thread.
 */
enum fly_outcome fly_outcome(int status);

/* fly_outcome_name() - "executed", "not executed" or "maybe executed"; static. Any thread. */
const char *fly_outcome_name(enum fly_outcome outcome);

/*
 * fly_strerror() - one line for a status, without a full stop or newline.
 * @status: 0 or a negative FLY_E...
 * Return: static storage, never NULL. Any thread.
 */
const char *fly_strerror(int status);

/* fly_status_name() - the name of a status in a program, "FLY_EPEER"; static storage. */
const char *fly_status_name(int status);

/*
 * fly_error() - a sentence about the newest failure of a set-up function on this thread.
 *
 * Functions that set it say so. It tells on one line what went wrong and what to do. Calls do not
 * set it: their status says all.
 * Return: thread-local storage, valid until this thread's next set-up call; "" if none failed.
 */
const char *fly_error(void);

/* The longest text of an undeclared error: with its number it fits into every packet. */
#define FLY_RAISED_TEXT_MAX 55

/* The error behind the newest FLY_ERAISED. */
struct fly_raised {
	size_t size; /* set by the library: fields of later releases are behind it */
	int number;  /* what the procedure returned: not 0 */
	char text[FLY_RAISED_TEXT_MAX + 1];
};

/*
 * fly_raise() - for procedures: raise an error that the interface does not declare, as in `return
 * fly_raise(7, "the disk is full")`. On the thread that runs the procedure.
 * @number: not 0, and not of an exception that the procedure declares.
 * @text: copied, and cut after FLY_RAISED_TEXT_MAX bytes; NULL: none.
 * Return: @number, which the procedure must return at once. The text stays with the thread until
 * some procedure on it ends with FLY_ERAISED. It is sent if the number is the same.
 */
int fly_raise(int number, const char *text);

/*
 * fly_raised() - number and text behind the newest FLY_ERAISED on this thread; text is "" if there
 * was none. Thread-local storage, valid until this thread's next call ends with FLY_ERAISED.
 */
const struct fly_raised *fly_raised(void);

#ifdef __cplusplus
}
#endif
#endif
