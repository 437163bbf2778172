#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""guests.py FIREFLY BULK vhost|nics - guests in QEMU: one and its host over vhost-user, and two over emulated NICs.

A guest takes its network device from the kernel (uio_pci_generic) and names it pci:. No key says anything
about checksums: what both ends send is accepted, and verified where it is there.
"""
import os
import re
import sys
import time

import e2e
import guest

BULK, WHAT = os.path.abspath(sys.argv[2]), sys.argv[3]  # the guest is in another directory


def boot(devices, **how):
    try:
        return guest.Guest(devices, **how)
    except guest.Missing as why:
        e2e.skip(str(why).splitlines()[0])


def called_well(what, text, calls):
    """Did `firefly call`, somewhere, return all calls and lose no packet?"""
    books = e2e.Books(text)
    packets = re.search(r"^packets: (\d+) of (\d+) back in the pool$", text, re.M)
    counted = e2e.counters(text)
    for name in "drop_checksum", "drop_no_checksum":
        e2e.check(counted.get(name) == 0, "%s: %s: %s" % (what, name, counted.get(name)))
    good = books.calls == books.returned == calls and books.wrong == 0 and packets and packets[1] == packets[2]
    e2e.check(good, "%s: %d calls wanted\n%s" % (what, calls, text))
    return good


def guest_calls(g, what, link, calls, options=""):
    began = time.monotonic()
    status, text = g.run("%s call --check --stats=all --calls %d %s %s" % (e2e.FIREFLY, calls, options, link), 60)
    e2e.check(status == 0, "%s: status %s" % (what, status))
    called_well(what, text, calls)
    print("%s: %.1f s" % (what, time.monotonic() - began), flush=True)


def guest_pings(g, link):
    status, text = g.run("%s ping --count 3 %s" % (e2e.FIREFLY, link))
    e2e.check(status == 0 and "3 sent, 3 returned, 0 lost" in text, "ping: %s" % text)


def guest_bulk(g, what, link, bytes_each, calls):
    status, text = g.run("%s call %s %d %d" % (BULK, link, bytes_each, calls))
    e2e.check(status == 0 and re.search(r"^calls %d, wrong 0" % calls, text, re.M),
              "%s: %d bytes: status %s\n%s" % (what, bytes_each, status, text))


def guest_serves(g, name, link, options=""):
    g.begin(name, "exec %s serve --check --stats=all %s --link %s" % (e2e.FIREFLY, options, link))
    return e2e.check(g.wait_for(name, r"^serving Test on", 60), "%s: no server: %s" % (name, g.output(name)))


def served_well(what, text, calls):
    found = re.search(e2e.WORK, text, re.M)
    e2e.check(found and int(found[1]) >= calls, "%s: %d calls wanted\n%s" % (what, calls, text))
    counted = e2e.counters(text)
    for name in "drop_checksum", "drop_no_checksum":
        e2e.check(counted.get(name) == 0, "%s: %s: %s" % (what, name, counted.get(name)))


# ---- a guest and its host ----

def vhost_device(socket, number=0, queues=1):
    """The guest's end connects, and does so again when the host's program was started anew."""
    return ["-chardev", "socket,id=c%d,path=%s,reconnect=1" % (number, socket),
            "-netdev", "vhost-user,id=n%d,chardev=c%d,queues=%d" % (number, number, queues),
            "-device", "virtio-net-pci,netdev=n%d,addr=0x%x%s" % (
                number, 0x10 + number, ",mq=on,vectors=%d" % (2 * queues + 2) if queues > 1 else "")]


def vhost():
    socket = e2e.path("guests-vhost")
    host_link = "vhost:%s,server" % socket
    guest_link = "pci:0000:00:10.0,ip=169.254.70.2,peer=169.254.70.1"
    wide_socket = e2e.path("guests-wide")
    wide = e2e.serve("vhost:%s,server,queues=4" % wide_socket, "--wait", "yield")
    server = e2e.serve(host_link, "--stats=all")
    g = boot(vhost_device(socket) + vhost_device(wide_socket, 1, 4))
    print("boot: %.1f s" % g.boot_seconds, flush=True)
    e2e.check(g.take("0000:00:10.0")[0] == 0, "the guest does not give its device away")
    guest_pings(g, guest_link)
    guest_calls(g, "guest calls host", guest_link, 200)
    guest_calls(g, "guest demands checksums", guest_link + ",checksum=on", 200)
    server.stop()
    server.ended_well("the host's server")
    served_well("the host's server", server.text(), 400)
    # Long ones: the guest's packets have 1500 bytes, and the host's could have 9000.
    large = e2e.Process(["serve", host_link], program=BULK)
    e2e.check(large.wait_for("^up$"), large.text())
    guest_bulk(g, "guest calls host", guest_link, 300000, 5)
    large.stop()
    large.ended_well("the host's server of long calls")
    # The other way round: the guest serves. Its device must be set up while the host's end is there: QEMU 7.2
    # forgets what was agreed on otherwise. From then on the host's program may come and go.
    there = e2e.serve(host_link)
    guest_serves(g, "serve", guest_link)
    there.stop()
    for what, more, calls in ("host calls guest", "", 200), ("host demands checksums", ",checksum=on", 200):
        caller = e2e.call(host_link + more, "--stats=all", "--calls", str(calls), "--timeout", "20000")
        caller.wait(60)
        called_well(what, caller.text(), calls)
    served_well("the guest's server", g.end("serve"), 400)
    several_queues(g, wide_socket, wide)
    g.stop()


def several_queues(g, socket, server):
    """A guest with four pollers, each with a pair of queues, and a host with one that polls all of them."""
    address = "0000:00:11.0"
    guest_link = "pci:%s,ip=169.254.70.2,peer=169.254.70.1" % address
    e2e.check(g.take(address)[0] == 0, "the guest does not give its device with four queues away")
    guest_serves(g, "wide", guest_link, "--pollers 4 --wait yield")
    server.stop()
    for number in range(4):
        what = "host calls poller %d of the guest" % number
        caller = e2e.call("vhost:%s,server,queues=4" % socket, "--stats=all", "--calls", "100", "--shared",
                          "--window", "4", "--timeout", "20000")
        caller.wait(60)
        called_well(what, caller.text(), 100)
    text = g.end("wide")
    served_well("the guest's server with four pollers", text, 400)
    passed_on = e2e.counters(text).get("passed_on", 0)
    print("four queues: %d packets passed on" % passed_on, flush=True)
    e2e.check(0 < passed_on < 200, "the host does not learn by which queue: %d passed on" % passed_on)


# ---- two guests over emulated NICs ----

NICS = ("e1000e", "0000:00:10.0"), ("vmxnet3", "0000:00:11.0")


def nics():
    paths = []
    devices = [], []
    for number, (model, address) in enumerate(NICS):
        path = e2e.path("guests-%s" % model)
        paths.append(path)
        for end, server in (0, "on"), (1, "off"):
            devices[end].extend([
                "-netdev", "stream,id=n%d,server=%s,addr.type=unix,addr.path=%s" % (number, server, path),
                "-device", "%s,netdev=n%d,addr=0x%x,mac=52:54:00:00:%02x:%02x" % (
                    model, number, 0x10 + number, number, end + 1)])
    guests = [boot(d) for d in devices]
    print("boot: %s s" % ", ".join("%.1f" % g.boot_seconds for g in guests), flush=True)
    for model, address in NICS:
        for g in guests:
            e2e.check(g.take(address)[0] == 0, "%s: the guest does not give it away" % model)
        nic(model, address, *guests)
    for g in guests:
        g.stop()
    for path in paths:
        os.unlink(path)


def nic(model, address, here, there):
    number = [m for m, _ in NICS].index(model)
    link = "pci:%s,ip=10.7.%d.1,peer=10.7.%d.2" % (address, number, number)
    far = "pci:%s,ip=10.7.%d.2,checksum=on" % (address, number)  # the card here has to compute them
    if not guest_serves(there, model, far):
        return
    guest_calls(here, "%s: calls" % model, link, 200, "--timeout 20000")
    # The cable is pulled out while calls are made, and put in again: none is lost.
    here.begin("calls", "exec %s call --check --stats=all --calls 3000 --timeout 60000 %s" % (e2e.FIREFLY, link))
    before = time.monotonic()
    here.monitor("set_link n%d off" % number)
    time.sleep(0.5)
    here.monitor("set_link n%d on" % number)
    e2e.check(here.wait_for("calls", r"^packets: ", 60), "%s: no end after the link was down" % model)
    called_well("%s: link down and up" % model, here.output("calls"), 3000)
    print("%s: link down and up: %.1f s" % (model, time.monotonic() - before))
    served_well("%s: server" % model, there.end(model), 3200)
    vlan = ",vlan=70"
    if guest_serves(there, model, far + vlan):
        guest_calls(here, "%s: VLAN" % model, link + vlan, 100, "--timeout 20000")
        served_well("%s: VLAN" % model, there.end(model), 100)
    jumbo = ",mtu=9000"
    there.begin("bulk", "exec %s serve %s%s" % (BULK, far, jumbo))
    e2e.check(there.wait_for("bulk", "^up$"), there.output("bulk"))
    guest_bulk(here, "%s: jumbo frames" % model, link + jumbo, 1 << 20, 5)
    there.end("bulk")
    what = model + ", 2 pollers"
    if guest_serves(there, model, far, "--pollers 2 --wait yield"):
        for _ in range(2):  # they are shared out
            guest_calls(here, what, link, 100, "--timeout 20000 --window 4 --shared")
        served_well(what, there.end(model), 200)


if WHAT == "vhost":
    vhost()
else:
    nics()
e2e.finish()
