/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plugin.c - a plugin that uses Firefly: serves and calls itself over a link with packets, and over
 * a local link, and stops both runtimes. unload.c loads and unloads it.
 */
#include <stdio.h>
#include <unistd.h>

#include <firefly/firefly.h>

#include "plugin.h"

int plugin_run(void);

static int null(void *context)
{
	++*(unsigned *)context;
	return 0;
}

static const struct Plugin_procedures procedures = {.Null = null};
static unsigned calls;
static char last_notice[256];

static void notice(void *context, const char *line)
{
	snprintf(context, sizeof last_notice, "%s", line);
}

static int start(const char *link, unsigned pollers, struct fly_runtime **r)
{
	const char *const links[] = {link, NULL};
	const struct fly_options options = {.size = sizeof options,
					    .links = links,
					    .packets = 2047,
					    .eal = "--no-huge -m 64",
					    .pollers = pollers,
					    .wait = FLY_WAIT_YIELD,
					    .notice = notice,
					    .notice_context = last_notice};

	return fly_start(&options, r);
}

/* Call through a binding, @n times over. Return: 0, or a negative status. */
static int call(struct fly_runtime *server, struct fly_runtime *client, const char *peer)
{
	const struct fly_export_options workers = {.size = sizeof workers, .workers = 1};
	struct fly_binding *binding;
	int status = Plugin_export_with(server, &procedures, &calls, &workers);

	if (!status)
		status = Plugin_import(client, peer, &binding);
	for (unsigned i = 0; i < 100 && !status; i++)
		status = Plugin_Null(binding);
	return status;
}

/* Return: 0; or 1 and a line on stderr. */
int plugin_run(void)
{
	struct fly_runtime *packets = NULL;
	struct fly_runtime *local = NULL;
	char peer[32];
	char server[48];
	int status = start("vdev:net_ring_plugin,ip=10.9.8.7,peer=10.9.8.7", 0, &packets);

	calls = 0;
	snprintf(peer, sizeof peer, "local:eal-plugin-%d", (int)getpid());
	snprintf(server, sizeof server, "%s,server", peer);
	if (!status)
		status = start(server, 1, &local);
	if (!status)
		status = call(packets, packets, NULL);
	if (!status)
		status = call(local, packets, peer);
	if (!status)
		status = fly_stop(packets);
	if (!status)
		status = fly_stop(local);
	if (!status && calls == 200)
		return 0;
	fprintf(stderr, "plugin: %u calls: %s: %s\n", calls, fly_strerror(status), fly_error());
	return 1;
}
