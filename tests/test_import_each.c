/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_import_each.c - two servers and a client on the loopback interface: finding both, binding to
 * both, and what cannot be asked. Other processes ask there as well: the interface has a name of
 * its own.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "case.h"
#include "patience.h"
#include "probe_service.h"
#include "runtime/runtime.h"

#define EAL "--no-huge -m 256"

static char name[48];
static struct fly_interface exported;
static struct fly_interface wanted;
static struct fly_runtime *servers[2];
static struct probe_service services[2];
static struct fly_runtime *client;

static struct fly_runtime *start(const char *link, unsigned pollers, bool shared)
{
	const char *const links[] = {link, NULL};
	const struct fly_options o = {.size = sizeof o,
				      .links = links,
				      .packets = 1023,
				      .calls = 64,
				      .conversations = 64,
				      .pollers = pollers,
				      .wait = FLY_WAIT_SLEEP,
				      .shared = shared,
				      .call_timeout_ms = 2000 * patience(2),
				      .eal = EAL};
	struct fly_runtime *r = NULL;

	cr_assert(fly_start(&o, &r) == 0, "%s", fly_error());
	return r;
}

static void begin(void)
{
	snprintf(name, sizeof name, "Each%d", (int)getpid());
	for (unsigned i = 0; i < 2; i++) {
		servers[i] = start("udp:127.0.0.1,port=0", i + 1, false);
		cr_assert(Probe_export(servers[i], &probe_procedures, &services[i]) == 0);
		exported = *servers[i]->exports[1].interface;
		exported.name = name;
		cr_assert(fly_export(servers[i], &exported, &probe_procedures, &services[i]) == 0);
	}
	wanted = (struct fly_interface){FLY_STUB_VERSION, name, exported.version, 0, NULL};
}

static void end(void)
{
	for (unsigned i = 0; i < 2; i++)
		cr_expect(!servers[i] || fly_stop(servers[i]) == 0, "%s", fly_error());
	cr_expect(!client || fly_stop(client) == 0, "%s", fly_error());
}

TestSuite(import_each, .timeout = HANG);

/* As often as it takes on a busy machine, where an answer may come too late. */
static int import_both(const char *link, struct fly_binding **bindings, unsigned most)
{
	int n = 0;

	for (unsigned i = 0; i < 10 && n >= 0 && n < (int)RTE_MIN(most, 2U); i++) {
		while (n > 0)
			cr_expect(fly_unbind(bindings[--n]) == 0);
		n = fly_import_each(client, &wanted, link, 400, bindings, most);
	}
	return n;
}

static void call_both(struct fly_binding **bindings)
{
	const unsigned before = services[0].executions + services[1].executions;

	for (unsigned i = 0; i < 2; i++)
		cr_expect(Probe_Null(bindings[i]) == 0);
	cr_expect(services[0].executions == services[1].executions);
	cr_expect(services[0].executions + services[1].executions == before + 2);
	for (unsigned i = 0; i < 2; i++)
		cr_expect(fly_unbind(bindings[i]) == 0);
}

Case(import_each, fly_import_each__binds_to_both)
{
	struct fly_binding *bindings[4];

	client = start("udp:127.0.0.1,port=0", 0, false);
	cr_assert(import_both(NULL, bindings, 4) == 2, "%s", fly_error());
	call_both(bindings);
	cr_expect(import_both("udp:127.0.0.1", bindings, 4) == 2, "%s", fly_error());
	call_both(bindings);
	/* No more than there is room for. */
	cr_assert(import_both(NULL, bindings, 1) == 1, "%s", fly_error());
	cr_expect(Probe_Null(bindings[0]) == 0 && fly_unbind(bindings[0]) == 0);
}

Case(import_each, fly_import_each__for_a_thread_that_turns_no_poller)
{
	struct fly_binding *bindings[4];

	client = start("udp:", 1, false); /* over the interfaces that there are, lo among them */
	cr_assert(import_both(NULL, bindings, 4) == 2, "%s", fly_error());
	call_both(bindings);
}

Case(import_each, fly_import_each__of_a_shared_runtime)
{
	struct fly_binding *bindings[4];

	client = start("udp:127.0.0.1,port=0", 0, true);
	cr_assert(import_both(NULL, bindings, 4) == 2, "%s", fly_error());
	call_both(bindings);
}

static unsigned told;

static void check_found(void *context, const struct fly_found *found)
{
	struct fly_binding *binding;

	cr_expect(context == &told && found->size == sizeof *found);
	cr_expect(found->version == exported.version);
	cr_expect(fly_import(client, &wanted, found->peer, &binding) == 0, "%s: %s", found->peer,
		  fly_error());
	cr_expect(Probe_Null(binding) == 0 && fly_unbind(binding) == 0);
	told++;
}

Case(import_each, fly_find__says_whom_to_import_from)
{
	client = start("udp:127.0.0.1,port=0", 0, false);
	for (unsigned i = 0; i < 10 && told < 2; i++) {
		told = 0;
		cr_assert(fly_find(client, name, FLY_ANY_VERSION, NULL, 400, check_found, &told) ==
			  (int)told);
	}
	cr_expect(told == 2);
	cr_expect(fly_find(client, name, exported.version + 1, NULL, 50, NULL, NULL) == 0);
	/* Itself is not found, nor who has gone. */
	cr_assert(fly_export(client, &exported, &probe_procedures, &services[0]) == 0);
	cr_expect(fly_stop(servers[0]) == 0);
	servers[0] = NULL;
	for (unsigned i = 0; i < 10 && told != 1; i++)
		told = (unsigned)fly_find(client, name, FLY_ANY_VERSION, NULL, 400, NULL, NULL);
	cr_expect(told == 1);
	cr_expect(fly_drain(servers[1], 0) == 0);
	cr_expect(fly_find(client, name, FLY_ANY_VERSION, NULL, 400, NULL, NULL) == 0);
}

/* To the group, from a socket that is no Firefly's. */
static void send_to_group(const void *data, size_t bytes)
{
	const struct in_addr lo = {.s_addr = htonl(INADDR_LOOPBACK)};
	const struct sockaddr_in group = {.sin_family = AF_INET,
					  .sin_port = htons(FLY_GROUP_PORT),
					  .sin_addr.s_addr = FLY_GROUP_IP};
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	cr_assert(fd >= 0);
	cr_assert(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &lo, sizeof lo) == 0);
	cr_assert(sendto(fd, data, bytes, 0, (const void *)&group, sizeof group) == (ssize_t)bytes);
	close(fd);
}

static uint64_t count(enum fly_counter which)
{
	return fly_stats_get(&servers[0]->poller.stats, which);
}

static void wait_for_count(enum fly_counter which, uint64_t n)
{
	for (unsigned i = 0; i < 2000 * patience(5) && count(which) < n; i++)
		usleep(1000);
	cr_expect(count(which) >= n, "%s: %lu, not %lu", fly_stats_name(which), count(which), n);
}

Case(import_each, fly_link_udp_group__what_is_no_question_is_dropped)
{
	static uint8_t data[60000];
	struct fly_binding *bindings[4];

	send_to_group(data, 0);
	send_to_group(data, FLY_RPC_BYTES - 1);
	wait_for_count(FLY_COUNT_drop_short, 2);
	send_to_group(data, FLY_RPC_BYTES);
	data[0] = FLY_WIRE_VERSION << 4 | FLY_PACKET_QUESTION;
	data[22] = 1;
	data[28] = 67;
	send_to_group(data, FLY_RPC_BYTES + 67);
	wait_for_count(FLY_COUNT_drop_question, 2);
	send_to_group(data, sizeof data);
	wait_for_count(FLY_COUNT_drop_length, 1);
	client = start("udp:127.0.0.1,port=0", 0, false);
	cr_assert(import_both(NULL, bindings, 4) == 2, "%s", fly_error());
	call_both(bindings);
}

Case(import_each, fly_find__what_cannot_be_asked)
{
	static const char too_long[] =
		"a234567890b234567890c234567890d234567890e234567890f234567890g234";
	struct fly_interface other = wanted;
	struct fly_binding *b;
	struct fly_runtime *local;
	char link[64];

	client = start("udp:127.0.0.1,port=0", 0, false);
	cr_expect(fly_find(client, too_long, 1, NULL, 1, NULL, NULL) == -FLY_EINVAL);
	cr_expect(fly_find(client, NULL, 1, NULL, 1, NULL, NULL) == -FLY_EINVAL);
	cr_expect(fly_find(client, name, 1, "local:x", 1, NULL, NULL) == -FLY_EINVAL);
	cr_expect(strstr(fly_error(), "a local link has no network") != NULL, "%s", fly_error());
	cr_expect(fly_find(client, name, 1, "nonsense:x", 1, NULL, NULL) == -FLY_EINVAL);
	cr_expect(fly_find(client, name, 1, "udp:127.0.0.2", 1, NULL, NULL) == -FLY_EINVAL);
	cr_expect(strstr(fly_error(), "has no link udp:127.0.0.2") != NULL, "%s", fly_error());
	cr_expect(fly_import_each(client, NULL, NULL, 1, &b, 1) == -FLY_EINVAL);
	cr_expect(fly_import_each(client, &wanted, NULL, 1, NULL, 1) == -FLY_EINVAL);
	cr_expect(fly_import_each(client, &wanted, NULL, 1, &b, 0) == -FLY_EINVAL);
	other.stub_version++;
	cr_expect(fly_import_each(client, &other, NULL, 1, &b, 1) == -FLY_EVERSION);
	other = wanted;
	other.name = "NobodyExportsThis";
	cr_expect(fly_import_each(client, &other, NULL, 50, &b, 1) == 0);
	cr_expect(fly_shutdown(client) == 0);
	cr_expect(fly_find(client, name, 1, NULL, 1, NULL, NULL) == -FLY_ESTOPPED);

	snprintf(link, sizeof link, "local:each-%d,server", (int)getpid());
	local = start(link, 1, false);
	cr_expect(fly_find(local, name, 1, NULL, 1, NULL, NULL) == -FLY_EINVAL);
	cr_expect(strstr(fly_error(), "local links only") != NULL, "%s", fly_error());
	cr_expect(fly_stop(local) == 0);
}
