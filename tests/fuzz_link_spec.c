/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz_link_spec.c - libFuzzer on link specs: each is refused with one line, or within bounds. */
#include <stdlib.h>
#include <string.h>

#include <firefly/status.h>

#include "host/link_spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void must(bool so)
{
	if (!so)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct fly_link_spec s;
	uint16_t port = 0;
	uint32_t ip;
	char *text = malloc(bytes + 1);

	if (!text)
		return 0;
	memcpy(text, data, bytes);
	text[bytes] = '\0';
	if (fly_link_spec_parse(text, &s) == 0) {
		must(s.kind < FLY_N_LINK_KINDS);
		if (s.kind == FLY_LINK_LOCAL)
			must(s.clients >= 1 && s.clients <= 4096);
		else
			must(s.clients >= 1 && s.clients <= 32 && (s.server || s.clients == 1));
		must(s.mtu == 0 || (s.mtu >= 128 && s.mtu <= 65280));
		must(s.kind != FLY_LINK_AF_XDP ||
		     (s.mtu <= FLY_MTU_MOST_OF_XDP && s.vlan == 0 && !s.has_mac));
		must(s.wait_ms <= 86400000 && s.peer_port != 0);
		must(s.kind == FLY_LINK_UDP || strnlen(s.what, sizeof s.what) > 0);
		must(strnlen(s.peer, sizeof s.peer) < sizeof s.peer);
		must(strnlen(s.what, sizeof s.what) < sizeof s.what);
		must(strnlen(s.arguments, sizeof s.arguments) < sizeof s.arguments);
		must(!s.has_mac || !(s.mac[0] & 1));
	} else {
		must(fly_error()[0] != '\0');
	}
	if (fly_link_spec_address(text, &ip, &port) == 0)
		must(ip != 0);
	free(text);
	return 0;
}
