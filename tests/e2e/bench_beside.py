#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""bench_beside.py FIREFLY - `firefly bench beside` calls Null while transfers with the right data are
under way, and says what came of it. How long that took is not judged: the machine is busy with tests.
"""
import json

import e2e


def run(*arguments, status=0):
    process = e2e.Process(["bench", "beside", "--block", "1"] + list(arguments))
    e2e.check(process.wait(60) == status, "exit status of %s\n%s" % (arguments, process.text()))
    return process.text()


for link in "vhost", "memif":
    runs = json.loads(run("--seconds", "0.5", "--size", "300k", "--link", link, "--json", "-"))["runs"]
    e2e.check({each["transfer"] for each in runs} == {"Put", "Get"}, str(runs))
    for each in runs:
        e2e.check(each["link"] == link and each["bytes"] == 300 << 10, str(each))
        e2e.check(each["pairs"] + each["pairs_dropped"] > 0, str(each))
        if each["pairs"]:
            e2e.check(each["bytes_per_s"] > 0, str(each))
            for times in each["beside"], each["alone"]:
                e2e.check(0 < times["p50_ns"] <= times["p99_ns"] <= times["most_ns"], str(each))

lines = run("--seconds", "0.1", "--size", "100k").splitlines()
for word in "Put ", "Get ":
    e2e.check(any(line.startswith(word) for line in lines), "no %s in\n%s" % (word, "\n".join(lines)))
e2e.check(len(run("--size", "1G", status=2).splitlines()) == 1, "a size that is too large")
e2e.finish()
