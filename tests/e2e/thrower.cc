// SPDX-License-Identifier: BSD-3-Clause
// thrower LINK poller|worker - a server in C++ whose procedure may throw: Do(1) does. It catches
// what comes out of fly_serve(), as a program that wants to go on would. cxx.py runs it.
#include <firefly/firefly.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <unistd.h>

#include "thrower.h"

static fly_runtime *runtime;

// Says that the procedure was left: by a return, or by unwinding.
struct Guard {
	~Guard()
	{
		std::fputs("left\n", stderr);
	}
};

static int act(void *, uint32_t what, uint32_t *result)
{
	Guard guard;

	if (what == 1)
		throw std::runtime_error("the disk is on fire");
	*result = what + 1;
	return 0;
}

// How an exception becomes an error of the call.
static int act_safely(void *, uint32_t what, uint32_t *result) noexcept
{
	try {
		*result = what;
		throw std::runtime_error("the disk is full");
	} catch (const std::exception &e) {
		return fly_raise(-1, e.what());
	}
}

static void stop(int)
{
	fly_quit(runtime);
}

int main(int argc, char **argv)
{
	const char *links[] = {argv[1], nullptr};
	Thrower_procedures procedures = Thrower_procedures();
	fly_export_options e = fly_export_options();
	fly_options o = fly_options();

	if (argc < 3)
		return 2;
	procedures.Do = act;
	procedures.DoSafely = act_safely;
	o.size = sizeof o;
	o.links = links;
	e.size = sizeof e;
	e.workers = std::strcmp(argv[2], "worker") == 0;
	if (fly_start(&o, &runtime) || Thrower_export_with(runtime, &procedures, nullptr, &e)) {
		std::fprintf(stderr, "%s\n", fly_error());
		return 1;
	}
	std::signal(SIGTERM, stop);
	std::fprintf(stderr, "serving\n");
	for (bool goes_on = true; goes_on;) {
		try {
			fly_serve(runtime);
			goes_on = false;
		} catch (const std::exception &x) {
			std::fprintf(stderr, "caught %s\n", x.what());
		}
	}
	return fly_stop(runtime) != 0;
}
