/* SPDX-License-Identifier: BSD-3-Clause */
/* throw_caller LINK WHAT - call Do(WHAT), or DoSafely() for 0, and print how that ended. cxx.py. */
#include <stdio.h>
#include <stdlib.h>

#include "thrower.h"

int main(int argc, char **argv)
{
	const char *const links[] = {argc > 2 ? argv[1] : "", NULL};
	const struct fly_options o = {.size = sizeof o, .links = links, .call_timeout_ms = 1000};
	struct fly_binding *binding;
	struct fly_runtime *r;
	uint32_t result = 0;
	uint32_t what;
	int status;

	if (argc < 3)
		return 2;
	what = (uint32_t)atoi(argv[2]);
	if (fly_start(&o, &r) || Thrower_import(r, NULL, &binding)) {
		fprintf(stderr, "%s\n", fly_error());
		return 1;
	}
	status = what ? Thrower_Do(binding, what, &result) : Thrower_DoSafely(binding, 0, &result);
	printf("%s, %s, %u, %s\n", fly_status_name(status), fly_outcome_name(fly_outcome(status)),
	       result, status == -FLY_ERAISED ? fly_raised()->text : "");
	return fly_stop(r) != 0;
}
