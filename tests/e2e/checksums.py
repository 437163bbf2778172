#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""checksums.py FIREFLY - links whose ends were told different things about UDP checksums.

Over a link with one peer whatever the ends are told works: an end that sends none computes them for
a peer that demands them. Links with many peers: an import says it if the two do not agree.
"""
import e2e

# vdev: is a link with many peers, whatever the driver.
MANY_SERVER = "vdev:net_vhost7,iface=%s,queues=1,server"
MANY_CLIENT = "vdev:net_virtio_user7,path=%s,queues=1"


def told(word):
    return ",checksum=" + word if word else ""


def one_peer(kind, here, there):
    what = "%s, checksum=%s here, %s there" % (kind, here or "-", there or "-")
    socket = e2e.path("checksums-%s" % kind)
    server = e2e.serve("%s:%s,server%s" % (kind, socket, told(there)), "--stats=all")
    if not server:
        return
    caller = e2e.call("%s:%s%s" % (kind, socket, told(here)), "--calls", "200", "--stats=all")
    e2e.called_well(caller, what, 200)
    server.stop()
    server.ended_well(what + ", server")
    for end, text in ("caller", caller.text()), ("server", server.text()):
        counted = e2e.counters(text)
        for name in "drop_checksum", "drop_no_checksum":
            e2e.check(counted.get(name) == 0, "%s: %s of the %s: %s" % (
                what, name, end, counted.get(name)))


def many_peers(here, there, words):
    socket = e2e.path("checksums-vdev")
    server = e2e.serve(MANY_SERVER % socket + told(there))
    if not server:
        return
    caller = e2e.call(MANY_CLIENT % socket + told(here), "--calls", "20")
    if words:
        e2e.check(caller.wait() == 1 and words in caller.text(),
                  "checksum=%s here, %s there: '%s' wanted\n%s" % (here, there, words, caller.text()))
    else:
        e2e.called_well(caller, "checksum=%s here, %s there" % (here, there), 20)
    server.stop()


for link_kind in "vhost", "memif":
    for ours, theirs in ("on", None), (None, "on"), ("off", "on"), ("on", "off"), ("on", "on"):
        one_peer(link_kind, ours, theirs)
many_peers("off", "on", "its link demands UDP checksums (checksum=on there), and this one sends none")
many_peers("on", "off", "its link sends no UDP checksums (checksum=off there), and this one demands them")
many_peers("off", None, None)
many_peers(None, "off", None)
many_peers("on", None, None)
e2e.finish()
