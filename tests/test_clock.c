/* SPDX-License-Identifier: BSD-3-Clause */
/* test_clock.c - the rate of the TSC, with and without DPDK. */
#include <criterion/criterion.h>
#include <rte_eal.h>

#include "fastpath/clock.h"
#include "patience.h"

TestSuite(clock, .timeout = HANG);

Test(clock, fly_clock_hz__as_dpdk_measures_it)
{
	char *arguments[] = {"test",           "--no-huge", "-m64",        "--no-shconf",
			     "--no-telemetry", "--no-pci",  "--lcores=0@0"};
	const uint64_t hz = fly_clock_hz();

	cr_assert(rte_get_tsc_hz() == 0, "it was measured without EAL");
	cr_assert(rte_eal_init(7, arguments) >= 0);
	/* DPDK rounds to 10 MHz, and measures for longer. */
	cr_expect(hz > rte_get_tsc_hz() * 0.98 && hz < rte_get_tsc_hz() * 1.02, "%lu, not %lu", hz,
		  rte_get_tsc_hz());
	cr_expect(fly_clock_hz() == hz, "it is measured once");
	cr_expect(fly_clock_tsc_per_ms() == hz / 1000);
}
