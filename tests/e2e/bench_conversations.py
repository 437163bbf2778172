#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""bench_conversations.py FIREFLY LINK - `firefly bench conversations` makes a server know many callers
and calls it in their names; it fails by itself unless every call ran once. What that cost is not
judged: the machine is busy with tests.
"""
import json
import sys

import e2e

LINK = sys.argv[2]


def run(*arguments, status=0):
    process = e2e.Process(["bench", "conversations", "--link", LINK, "--block", "1"] +
                          list(arguments))
    e2e.check(process.wait(60) == status, "exit status of %s\n%s" % (arguments, process.text()))
    return process.text()


def as_json(known, window):
    runs = json.loads(run("--known", str(known), "--window", str(window), "--seconds", "0.3",
                          "--json", "-"))["runs"]
    e2e.check({each["hints"] for each in runs} == {"hints", "none"}, str(runs))
    for each in runs:
        what = str(each)
        e2e.check(each["known"] == known and each["window"] == window, what)
        e2e.check(each["record_bytes"] <= 128, what)
        e2e.check(each["pairs"] + each["pairs_dropped"] > 0, what)
        if each["pairs"]:
            for cost in each["all"], each["one"]:
                e2e.check(cost["calls"] > 0 and cost["server_ns"] > 0, what)
                e2e.check(0 < cost["server_busy"] <= 1, what)


def as_table():
    lines = run("--known", "5000", "--seconds", "0.2").splitlines()
    for word in "with hints ", "without ":
        e2e.check(any(line.startswith(word) for line in lines),
                  "no %s in\n%s" % (word, "\n".join(lines)))


as_json(20000, 64)
as_json(3, 2)
as_table()
for arguments in ["--known", "0"], ["--known", "2000000"], ["many"]:
    e2e.check(len(run(*arguments, status=2).splitlines()) == 1, str(arguments))
e2e.finish()
