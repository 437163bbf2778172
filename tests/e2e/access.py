#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""access.py FIREFLY vhost|memif - mode=, owner= and group= of a server's link are those of its sockets and lock
file, and a relative path stays what it is when the program changes its directory.
"""
import os
import stat
import sys

import e2e

LINK = sys.argv[2]
link = LINK + ":" + e2e.path("s")
ROOT = os.geteuid() == 0
keys = ",mode=664" + (",owner=1234,group=4321" if ROOT else "")
server = e2e.serve(link + ",server,clients=2" + keys)
if server:
    names = ["s", "s.lock"] + (["s.1"] if LINK == "vhost" else [])
    for name in names:
        st = os.lstat(e2e.path(name))
        e2e.check(stat.S_IMODE(st.st_mode) == 0o664, "%s: mode %o" % (name, st.st_mode))
        if ROOT:
            e2e.check((st.st_uid, st.st_gid) == (1234, 4321), "%s: %d, %d" % (name, st.st_uid, st.st_gid))
    e2e.called_well(e2e.call(link, "--calls", "100"), "a client", 100)
    server.stop()
    server.ended_well("the server")
wrong = e2e.Process(["serve", "--link", link + ",server,owner=no-such-user"])
e2e.check(wrong.wait() == 1 and "there is no user no-such-user" in wrong.text(), wrong.text())

os.chdir(e2e.directory)
server = e2e.serve(LINK + ":r,server")
if server:
    found = [f for f in os.listdir("/proc/%d/fd" % server.popen.pid)
             if os.readlink("/proc/%d/fd/%s" % (server.popen.pid, f)) == os.path.join(
                 os.path.realpath(e2e.directory), "r.lock")]
    e2e.check(found, "no lock file")
    with open("/proc/net/unix") as f:
        e2e.check(os.path.realpath(e2e.directory) + "/r\n" in f.read(), "the path of the socket is relative")
    e2e.called_well(e2e.call(LINK + ":r", "--calls", "100"), "a client", 100)
    server.stop()
    server.ended_well("the server")
os.chdir("/")
e2e.finish()
