/* SPDX-License-Identifier: BSD-3-Clause */
/* plugin.c - a shared object that uses the library: loaded and unloaded by trial.c. */
#include <firefly/firefly.h>

#include "trial.h"

int plugin_run(const char *link);

/* Return: 0, or the number of the step that failed. */
int plugin_run(const char *link)
{
	const char *links[] = {link, NULL};
	const struct fly_options options = {.size = sizeof options, .links = links};
	struct fly_runtime *runtime;
	struct fly_binding *binding;
	uint32_t answer = 0;

	if (fly_start(&options, &runtime))
		return 1;
	if (Trial_import(runtime, NULL, &binding))
		return 2;
	if (Trial_Ping(binding, 1, &answer) || answer != 2)
		return 3;
	return fly_stop(runtime) ? 4 : 0;
}
