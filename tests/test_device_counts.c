/* SPDX-License-Identifier: BSD-3-Clause */
/* test_device_counts.c - counts of devices that begin anew, and those that are not asked. */
#include <criterion/criterion.h>
#include <string.h>

#include "host/port.h"

static struct fly_device_counts c;

Test(device_counts, fly_device_counts_take__grows_by_what_is_new)
{
	fly_device_counts_take(&c, FLY_DEVICE_device_errors, 5);
	fly_device_counts_take(&c, FLY_DEVICE_device_errors, 5);
	fly_device_counts_take(&c, FLY_DEVICE_device_errors, 7);
	cr_expect(c.total[FLY_DEVICE_device_errors] == 7);
	cr_expect(c.total[FLY_DEVICE_device_missed] == 0);
}

Test(device_counts, fly_device_counts_take__a_device_that_begins_anew)
{
	fly_device_counts_take(&c, FLY_DEVICE_device_missed, 100);
	fly_device_counts_take(&c, FLY_DEVICE_device_missed, 3);
	fly_device_counts_take(&c, FLY_DEVICE_device_missed, 4);
	cr_expect(c.total[FLY_DEVICE_device_missed] == 104, "%lu",
		  c.total[FLY_DEVICE_device_missed]);
}

Test(device_counts, fly_device_counts_sum__of_ports_whose_devices_are_stopped)
{
	static struct fly_port ports[2];
	const struct fly_ports both = {.n = 2, .at = {&ports[0], &ports[1]}};
	uint64_t sum[FLY_N_DEVICE_COUNTS];

	memset(sum, 0xff, sizeof sum);
	ports[0].link.port = ports[1].link.port =
		UINT16_MAX; /* to ask it would say so in the log */
	ports[0].counts.total[FLY_DEVICE_device_no_buffer] = 2;
	ports[1].counts.total[FLY_DEVICE_device_no_buffer] = 40;
	fly_device_counts_end(&ports[0]); /* twice: harmless */
	fly_device_counts_sum(&both, sum);
	cr_expect(sum[FLY_DEVICE_device_no_buffer] == 42 && sum[FLY_DEVICE_device_missed] == 0);
}

Test(device_counts, fly_device_counts_name__of_each)
{
	for (unsigned i = 0; i < FLY_N_DEVICE_COUNTS; i++)
		cr_expect(fly_device_counts_name(i) && fly_device_counts_about(i));
	cr_expect(strcmp(fly_device_counts_name(FLY_DEVICE_interface_dropped),
			 "interface_dropped") == 0);
}
