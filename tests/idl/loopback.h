/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * loopback.h - a runtime without packets: a call goes through the server stub of this process.
 *
 * It honours what the generated tables say about layout, in buffers of exactly the size they ask
 * for and at odd addresses, so that a sanitizer sees every byte too much. Messages may be of any
 * length. The knobs spoil a call on its way. It borrows long arrays as the library may, and aborts
 * if a stub writes what it lends or lends what cannot be.
 */
#ifndef FIREFLY_TESTS_IDL_LOOPBACK_H
#define FIREFLY_TESTS_IDL_LOOPBACK_H

#include <firefly/stub.h>

/* What happens to a message on its way: it gets another length, and then other bytes somewhere. */
struct loopback_edit {
	uint32_t length;
	uint32_t offset;
	uint32_t n;
	const uint8_t *bytes;
};

struct loopback {
	/* set by export */
	const struct fly_interface *interface;
	const void *procedures;
	void *context;

	/* knobs; loopback_reset() makes them NULL and 0 */
	const struct loopback_edit *argument_edit;
	const struct loopback_edit *result_edit; /* of an exception too */
	const uint8_t *answer;                   /* what the caller gets; the server is not asked */
	uint32_t answer_bytes;
	int answer_status;    /* 0 or -FLY_EEXCEPTION */
	bool reads_loans;     /* arguments are read where the caller has them, when it waits */
	bool stores_loans;    /* results are stored in the caller's variables */
	int starter_status;   /* the Starter fails with it */
	int transport_status; /* the call ends with it; the server is not asked */
	/* Where a received message lies while a stub reads it; NULL: in a buffer of its own. */
	uint8_t *(*lend)(const uint8_t *message, uint32_t bytes);
	void (*take_back)(void);

	/* what was seen */
	unsigned executed;     /* stubs that ran a procedure, since the reset */
	struct fly_loans lent; /* of the newest call; none: it lends nothing */
	unsigned calls;        /* handed out by the Starter and not yet ended */
	uint8_t *arguments;    /* of the newest call, as sent; ours */
	uint32_t argument_bytes;
	uint8_t *results; /* of the newest call, exception or raised, as the stub left them; ours */
	uint32_t result_bytes;
};

extern struct loopback loopback;

void loopback_reset(void);

/*
 * loopback_serve() - these arguments arrive for the procedure of this number.
 * Return: what its stub returned; then loopback.results hold what goes back, if anything does.
 */
int loopback_serve(uint32_t number, const uint8_t *arguments, uint32_t bytes);

/* loopback_free() - at the end of the program, so that nothing leaks. */
void loopback_free(void);

#endif
