#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""bench_marshal.py FIREFLY - `firefly bench marshal` measures all of its cases, in each way that it
was built with, without a link. What it measures is not judged: the machine is busy with tests.
"""
import json

import e2e

CASES = ["int1", "int2", "int4", "fixed4", "fixed400", "variable1", "variable1440", "string0",
         "string1", "string128", "fixed4_out", "fixed400_out", "variable1_out", "variable1440_out"]


def run(*arguments):
    process = e2e.Process(["bench", "marshal", "--seconds", "1"] + list(arguments))
    e2e.check(process.wait(60) == 0, "exit status of %s\n%s" % (arguments, process.text()))
    return process.text()


def as_json():
    rows = json.loads(run("--json"))["marshalling"]
    e2e.check([row["case"] for row in rows] == CASES, "cases: %s" % rows)
    for row in rows:
        what = "%s: %s" % (row["case"], row)
        e2e.check(row["pairs"] + row["pairs_dropped"] > 0, what)
        if row["pairs"]:
            e2e.check(row["null_ns"] > 0 and row["call_ns"] > 0, what)
            e2e.check(isinstance(row["marshalling_ns"], float), what)
            e2e.check(isinstance(row["memcpy_ns"], float), what)
        for other in "protobuf_c_ns", "xdr_ns":
            e2e.check((row[other] is None) == (rows[0][other] is None) or not row["pairs"], what)


def as_table():
    lines = run().splitlines()
    for word in "4 integers", "byte[400]", "1440 of byte<1440>", "string, empty":
        e2e.check(any(line.startswith(word) for line in lines), "no %s in\n%s" % (word, lines))
    e2e.check(max(len(line) for line in lines) <= 100, "wider than 100 columns:\n%s" % lines)


as_json()
as_table()
e2e.finish()
