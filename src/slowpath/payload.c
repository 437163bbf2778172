/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * payload.c - see payload.h. Owns payload_max and heard of struct fly_link, also of other pollers'
 * links: of these it reads only what stays the same while the port is open. Called when a device is
 * configured, when a binder is asked or answers, and when a peer is lost.
 */
#include "slowpath/payload.h"

#include "base/mix.h"
#include "fastpath/binding.h"
#include "fastpath/link_udp.h"
#include "slowpath/path_mtu.h"

uint16_t fly_payload_agree(uint16_t ours, uint32_t theirs)
{
	if (theirs == 0)
		theirs = FLY_PAYLOAD_UNSAID;
	return (uint16_t)RTE_MIN((uint32_t)ours, RTE_MAX(theirs, (uint32_t)FLY_PAYLOAD_LEAST));
}

static void set(struct fly_link *link, uint16_t payload)
{
	atomic_store_explicit(&link->payload_max, payload, memory_order_relaxed);
}

void fly_payload_init(struct fly_link *link, uint16_t own)
{
	link->payload_own = own;
	set(link, fly_payload_agree(own, 0));
}

static uint32_t place_of(uint32_t ip)
{
	return fly_mix(ip) & (FLY_LINK_HEARD - 1);
}

/*
 * One of many peers. Its address may be forged, which must harm nobody: an address without proof
 * can only make packets to itself shorter, or take a place that is free. Whoever has no place is
 * sent packets that anybody takes. Two pollers that store at a time leave one of two true entries.
 */
static void note(struct fly_link *link, const struct fly_payload_word *word, uint32_t payload)
{
	_Atomic uint64_t *place = &link->heard[place_of(word->ip)];
	const uint64_t now = atomic_load_explicit(place, memory_order_relaxed);

	if (!word->is_proven && now != 0 && (now >> 32 != word->ip || payload >= (uint32_t)now))
		return;
	atomic_store_explicit(place, (uint64_t)word->ip << 32 | payload, memory_order_relaxed);
}

void fly_payload_heard(struct fly_link *link, const struct fly_payload_word *word)
{
	const uint32_t payload = fly_payload_agree(link->payload_own, word->theirs);

	if (link->has_one_peer)
		set(link, (uint16_t)payload);
	else
		note(link, word, payload);
}

uint32_t fly_payload_unsaid(const struct fly_link *link)
{
	return link->has_one_peer ? fly_link_payload(link)
				  : fly_payload_agree(link->payload_own, 0);
}

uint32_t fly_payload_agreed_to(const struct fly_link *link, uint32_t ip)
{
	uint32_t payload = fly_payload_unsaid(link);
	uint64_t heard;

	if (link->has_one_peer)
		return payload;
	heard = atomic_load_explicit(&link->heard[place_of(ip)], memory_order_relaxed);
	if (heard >> 32 == ip)
		payload = RTE_MAX(payload, (uint32_t)heard);
	return link->udp ? RTE_MIN(payload, fly_link_udp_payload(link, ip)) : payload;
}

uint32_t fly_payload_to(const struct fly_link *link, uint32_t ip)
{
	return RTE_MIN(fly_payload_agreed_to(link, ip), fly_path_mtu_limit(link, ip));
}

void fly_payload_narrow(struct fly_link *link, uint32_t least)
{
	if (!link->has_one_peer)
		set(link, (uint16_t)RTE_MIN(least, fly_payload_unsaid(link)));
}

uint16_t fly_payload_own(const struct fly_link *link, uint32_t ip)
{
	const uint32_t own = link->payload_own;

	return (uint16_t)(link->udp ? RTE_MIN(own, fly_link_udp_payload(link, ip)) : own);
}

/*
 * The calls of a binding that has not asked again go to the next peer as well, which may have
 * another MTU. It can refuse only what it can receive.
 */
void fly_payload_forget(struct fly_poller *p, struct fly_link *link)
{
	const struct fly_payload_word nothing = {0};
	const uint32_t unsaid = fly_payload_agree(link->payload_own, 0);
	struct fly_import *import;

	if (!link->has_one_peer)
		return;
	fly_payload_heard(link, &nothing);
	LIST_FOREACH(import, &p->imports, next)
	{
		if (import->link == link) {
			import->argument_max = RTE_MIN(import->argument_max, unsaid);
			import->agreed_max = RTE_MIN(import->agreed_max, unsaid);
		}
	}
}
