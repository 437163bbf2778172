#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""errors.py FIREFLY - whatever is wrong, one line in plain words says what, and the exit status is not 0.

A row: the command, the exit status, the line on standard error. S, T... in a command are paths
in the test's directory; in the line they stand for themselves as well.
"""
import os
import re
import shutil
import socket
import time

import e2e

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
ROOT = os.geteuid() == 0
S = e2e.path("s")  # a server is there
T = e2e.path("t")  # nobody is there
LONG = "/tmp/" + "x" * 110


def refused(command, status, line, before=(), program=None, seconds=15):
    process = e2e.Process(command.split(), before=before, program=program or e2e.FIREFLY)
    process.wait(seconds)
    text = process.text()
    said = [l for l in text.splitlines() if "no hugepages" not in l and "packets: " not in l]
    e2e.check(process.popen.returncode == status and
              [bool(re.search(line, l)) for l in said] == [True],
              "firefly %s\n  wanted: exit status %d, /%s/\n  got: %s, %s" %
              (command, status, line, process.popen.returncode, text))


# ---- the command line ----
refused("serve", 2, "on which link\\?")
refused("call", 2, "over which link\\?")
refused("serve vhost:x", 2, "not expected")
refused("call --window 0 vhost:x", 2, "--window takes a whole number from 1")
refused("call --procedure nix vhost:x", 2, "null, maxresult, maxarg or echo, not 'nix'")

# ---- link specs ----
refused("serve --link carrier-pigeon:x", 1, "'carrier-pigeon' is not a kind of link; there are vhost")
refused("serve --link vhost", 1, "what comes after 'vhost:' is missing")
refused("serve --link vhost:,server", 1, "what comes after 'vhost:' is missing")
refused("serve --link vhost:%s,server" % LONG, 1, "longer than 107 characters")
refused("serve --link vhost:x,speed=9", 1, "'speed=9' is not a key; there are server, clients=")
refused("serve --link vhost:x,server=1", 1, "server takes no value")
refused("serve --link vhost:x,server,clients=33", 1, "clients= takes 1 to 32")
refused("serve --link vhost:x,clients=2", 1, "clients= is for the server's end")
refused("call memif:x,ip=300.1.1.1", 1, "ip= takes an address")
refused("call memif:x,peer=nobody", 1, "peer= takes an address")
refused("call memif:x,port=65536", 1, "port= takes a UDP port")
refused("call memif:x,mac=01:00:00:00:00:01", 1, "mac= takes a unicast address")
refused("call memif:x,mtu=10", 1, "mtu= takes 128 to 65280 bytes")
refused("call memif:x,wait=-1", 1, "wait= takes seconds")
refused("call memif:x,checksum=yes", 1, "checksum= takes on or off")

# ---- sockets ----
for kind in "vhost", "memif":
    refused("serve --link %s:%s/no/t,server" % (kind, e2e.directory), 1,
            "there is no directory %s/no$" % e2e.directory)
    took = []
    for wait in 0, 1:
        began = time.monotonic()
        refused("call %s:%s,wait=%d" % (kind, T, wait), 1, "no server is there")
        took.append(time.monotonic() - began)
    refused("call %s:%s,wait=1" % (kind, T), 1, "%s,wait=1: no server is there \\(waited 1 s" % T)
    e2e.check(took[1] < 4 + 4 * took[0], "wait=1 takes longer: %.1f s, without it %.1f s" % (took[1], took[0]))

    server = e2e.serve(kind + ":" + S + ",server")
    refused("serve --link %s:%s,server" % (kind, S), 1, "another Firefly serves on that socket")
    client = e2e.Process(["ping", e2e.patient(kind + ":" + S)])
    client.wait_for("^seq=\\d+ time=")
    refused("ping %s:%s,wait=1" % (kind, S), 1,
            "all its places are taken; start the server with a larger clients=")
    e2e.check(client.popen.poll() is None, "a client in a place is not disturbed by another")
    client.stop()
    server.stop()

with socket.socket(socket.AF_UNIX) as other:
    other.bind(T)
    other.listen()
    refused("serve --link vhost:%s,server" % T, 1, "another program \(process \d+\) listens on that socket")
os.unlink(T)
with open(T, "w"):
    pass
refused("serve --link vhost:%s,server" % T, 1, "a file of that name, and it is no socket")
e2e.check(os.path.exists(T), "a file that is no socket is left alone")
os.unlink(T)

# ---- devices ----
refused("serve --link af_packet:no-such", 1, "there is no interface no-such; 'ip link' shows")
refused("serve --link pci:0000:99:00.0,ip=10.0.0.1", 1, "there is no PCI device 0000:99:00.0; 'lspci -D'")
refused("serve --link pci:0000:99:00.0", 1, "there is no PCI device|our own address is not known; add ip=")
refused("serve --link vdev:net_nothing0", 1, "DPDK cannot open net_nothing0")
if ROOT:
    refused("call af_packet:lo", 1, "whom to call is not said; add peer=")
    refused("serve --link tap:fly0", 1, "our own address is not known; add ip=")

# ---- EAL ----
refused("serve --link memif:%s,server --eal --nonsense" % S, 1,
        "firefly serve: DPDK does not start: unrecognized option '--nonsense'")
refused("serve --link memif:%s,server --eal -m99999999" % S, 1, "-m 99999999 is more memory than")
server = e2e.Process(["serve", "--link", "memif:" + S + ",server", "--eal", "--no-huge"])
e2e.check(server.wait_for("no hugepages, as --no-huge says: running on ordinary pages, which is slower"),
          "no remark about hugepages\n" + server.text())
client = e2e.Process(["call", e2e.patient("memif:" + S), "--calls", "100", "--eal", "--no-huge"])
e2e.called_well(client, "without hugepages", 100)
server.stop()
server.ended_well("without hugepages")

# ---- not as root ----
if ROOT:
    program = os.path.join(e2e.outputs, "firefly")
    shutil.copy(e2e.FIREFLY, program)
    os.chmod(e2e.outputs, 0o755)
    os.chmod(program, 0o755)

    def nobody(command, status, line):
        refused(command, status, line, before=NOBODY, program=program)

    nobody("serve --link vhost:%s,server" % S, 1, "no permission to create files in %s" % e2e.directory)
    nobody("serve --link memif:%s,server" % S, 1, "no permission to create files in %s" % e2e.directory)
    nobody("serve --link af_packet:lo", 1, "af_packet needs root or CAP_NET_RAW")
    nobody("serve --link tap:fly0,ip=10.0.0.1", 1, "tap needs root and /dev/net/tun")
    for kind in "vhost", "memif":
        server = e2e.serve(kind + ":" + S + ",server")
        os.chmod(e2e.directory, 0o755)
        nobody("call %s:%s,wait=1" % (kind, S), 1, "no permission to use its socket")
        server.stop()

    # It works without root, in a directory of its own.
    os.chmod(e2e.directory, 0o777)
    for kind in "vhost", "memif":
        server = e2e.Process(["serve", "--check", "--link", kind + ":" + S + ",server"],
                             before=NOBODY, program=program)
        e2e.check(server.wait_for("^serving Test"), "as nobody: " + server.text())
        client = e2e.Process(["call", "--check", e2e.patient(kind + ":" + S), "--calls", "400"], before=NOBODY,
                             program=program)
        e2e.called_well(client, kind + " as nobody", 400)
        server.stop()
        server.ended_well(kind + " as nobody")
e2e.finish()
