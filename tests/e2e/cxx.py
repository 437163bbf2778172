#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""cxx.py FIREFLY CALLER [SERVER]... - a procedure in C++ that throws ends its process at the throw, in each C++
standard, on a poller and on a worker; what it catches itself is an error of the call. Its caller's call has a true
outcome, and the next server serves.
"""
import signal
import sys

import e2e

CALLER, SERVERS = sys.argv[2], sys.argv[3:]


def call(link, what):
    caller = e2e.Process([link, str(what)], program=CALLER)
    caller.wait(60)
    return caller.text().splitlines()[-1]


def serve(program, where):
    server = e2e.Process(["local:%s,server" % e2e.path("s"), where], program=program)
    e2e.check(server.wait_for("^serving$"), server.text())
    return server


def throw(program, where):
    link = e2e.patient("local:" + e2e.path("s"))
    server = serve(program, where)
    e2e.check(call(link, 7) == "FLY_OK, executed, 8, ", "a call before")
    said = call(link, 0)
    e2e.check(said == "FLY_ERAISED, executed, 0, the disk is full", "caught by the procedure: " + said)
    e2e.check(call(link, 7) == "FLY_OK, executed, 8, ", "a call after that")
    said = call(link, 1)
    e2e.check(said == "FLY_EPEER, maybe executed, 0, ", "thrown out of the procedure: " + said)
    e2e.check(server.wait(60) == -signal.SIGABRT, "ends by abort(): %s" % server.popen.returncode)
    text = server.text()
    e2e.check("the disk is on fire" in text and "terminate" in text, text)
    e2e.check("caught" not in text and text.count("left") == 2, "unwound, besides two calls that returned: " + text)
    server = serve(program, where)
    e2e.check(call(link, 7) == "FLY_OK, executed, 8, ", "a call to the next server")
    server.popen.terminate()
    e2e.check(server.wait(60) == 0, server.text())


if not SERVERS:
    e2e.skip("no C++ compiler")
for program in SERVERS:
    throw(program, "poller")
throw(SERVERS[0], "worker")
e2e.finish()
