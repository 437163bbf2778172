/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * several.c - several CALLS LINK... -- PEER...: one runtime and one poller that call several peers
 * at the same time, over several links.
 *
 * Each peer gets CALLS calls of Null, up to WINDOW of them under way. Prints "up" when all peers
 * are bound, a line for each peer at the end, and the packets missing from the pool. A line on
 * stdin in between makes it bind anew to peers whose calls have failed, and go on.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

#define PEERS  16
#define WINDOW 4

struct peer {
	const char *name;
	struct fly_binding *binding;
	struct fly_call *calls[WINDOW];
	unsigned long started;
	unsigned long returned;
	unsigned long failed;
	int status; /* of the first call that failed */
};

static struct fly_runtime *runtime;
static struct peer peers[PEERS];
static unsigned n_peers;

static void finish(struct peer *p, struct fly_call **call)
{
	const int status = Test_Null_finish(*call);

	*call = NULL;
	if (status == 0) {
		p->returned++;
		return;
	}
	p->failed++;
	if (p->status == 0)
		p->status = status;
}

/* Return: are calls of this peer under way? */
static bool step(struct peer *p, unsigned long most)
{
	bool is_busy = false;

	for (unsigned i = 0; i < WINDOW; i++) {
		if (p->calls[i] && fly_ready(p->calls[i]))
			finish(p, &p->calls[i]);
		if (!p->calls[i] && !p->status && p->started < most) {
			p->started++;
			if (Test_Null_start(p->binding, &p->calls[i])) {
				p->failed++;
				p->status = -FLY_ELINK;
			}
		}
		is_busy |= p->calls[i] != NULL;
	}
	return is_busy;
}

static void call_all(unsigned long most)
{
	bool is_busy = true;

	while (is_busy) {
		is_busy = false;
		for (unsigned i = 0; i < n_peers; i++)
			is_busy |= step(&peers[i], most);
		fly_turn(runtime);
	}
}

static void print(void)
{
	for (unsigned i = 0; i < n_peers; i++)
		printf("%s: returned %lu, failed %lu%s%s\n", peers[i].name, peers[i].returned,
		       peers[i].failed, peers[i].status ? ": " : "",
		       peers[i].status ? fly_status_name(peers[i].status) : "");
	fflush(stdout);
}

static void bind_again(void)
{
	for (unsigned i = 0; i < n_peers; i++) {
		while (peers[i].status && fly_rebind(peers[i].binding))
			fly_turn(runtime);
		peers[i].status = 0;
	}
}

int main(int argc, char **argv)
{
	const char *links[PEERS + 1] = {NULL};
	struct fly_options options = {.size = sizeof options, .links = links};
	unsigned long calls;
	unsigned long most;
	char line[8];
	int i;

	if (argc < 5)
		errx(2, "usage: several CALLS LINK... -- PEER...");
	calls = most = strtoul(argv[1], NULL, 10);
	for (i = 2; i < argc && strcmp(argv[i], "--") != 0 && i - 2 < PEERS; i++)
		links[i - 2] = argv[i];
	if (fly_start(&options, &runtime))
		errx(1, "%s", fly_error());
	for (i++; i < argc && n_peers < PEERS; i++, n_peers++) {
		peers[n_peers].name = argv[i];
		if (Test_import(runtime, argv[i], &peers[n_peers].binding))
			errx(1, "%s", fly_error());
	}
	puts("up");
	fflush(stdout);
	for (;;) {
		call_all(most);
		print();
		if (!fgets(line, sizeof line, stdin))
			break;
		bind_again();
		most += calls;
	}
	if (fly_stop(runtime))
		errx(1, "%s", fly_error());
	puts("stopped");
	return 0;
}
