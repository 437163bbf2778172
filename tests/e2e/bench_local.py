#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""bench_local.py FIREFLY - `firefly bench local` calls without packets, with other clients bound as well, and
says what came of it. How fast that was is not judged: the machine is busy with tests.
"""
import json

import e2e


def run(*arguments, status=0):
    process = e2e.Process(["bench"] + list(arguments))
    e2e.check(process.wait(60) == status, "exit status of %s\n%s" % (arguments, process.text()))
    return process.text()


runs = json.loads(run("local", "--block", "1", "--seconds", "0.5", "--json", "-"))["runs"]
rows = {(each["procedure"], each["window"], each["idle_clients"]) for each in runs}
e2e.check(rows == {("Null", 1, 0), ("Null", 1, 64), ("MaxResult", 1, 0), ("MaxArg", 1, 0), ("Null", 64, 0),
                   ("MaxResult", 64, 0), ("MaxArg", 64, 0)}, str(rows))
for each in runs:
    e2e.check(each["link"] == "local" and each["pairs"] + each["pairs_dropped"] > 0, str(each))
    if each["pairs"]:
        e2e.check(each["calls_per_s"] > 0 and each["floor"]["p50_ns"] > 0, str(each))
        e2e.check(0 < each["p50_ns"] <= each["p99_ns"], str(each))

text = run("--local", "--seconds", "0.1")
for word in "Null ", "MaxResult ", "MaxArg ", "cache line":
    e2e.check(word in text, "no %s in\n%s" % (word, text))
e2e.finish()
