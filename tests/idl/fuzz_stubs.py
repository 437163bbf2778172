#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Fuzzes the decoders that fireflyc writes for fuzz/*.fly: see fuzz_stubs.c.

Builds a program for each interface with clang, AddressSanitizer, LeakSanitizer and
UndefinedBehaviorSanitizer, runs it over its corpus, tests/corpus/stubs_NAME/, and then for a while
over what it makes of it. New inputs go nowhere, unless --merge brings them into the corpus; one that
fails stays in the current directory.
"""
import argparse
import glob
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

import fly_parse
import fly_tables
from fly_types import Field, Number, encode, random_field, stream, u32

COMPILE = ['clang', '-D_GNU_SOURCE', '-std=c17', '-g1', '-O1',
           '-fsanitize=fuzzer-no-link,address,undefined', '-fno-sanitize-recover=all']
SAMPLES = 4  # values of each procedure, to call with and to return
LONG = 4000  # bytes of a value or message that does not become a sample or seed
SERVER, FINISH, VIEW, EXCEPTION = range(4)


def c_bytes(name, data):
    return f"static const uint8_t {name}[] = {{{', '.join(map(str, data or bytes(1)))}}};\n"


def short_stream(rng, fields, mode):
    out = stream(fields, [random_field(rng, f, mode) for f in fields])
    return out if len(out) < LONG else short_stream(rng, fields, 'empty')


def samples(interface, rng):
    out, rows = '', ''
    for p in interface.procedures:
        name, row = f'sample_{p.name}', ''
        for i in range(SAMPLES):
            a, r = (short_stream(rng, fields, 'empty' if i == 1 else 'random')
                    for fields in (p.arguments(), p.results()))
            out += c_bytes(f'{name}{i}_arguments', a)
            out += c_bytes(f'{name}{i}_results', r)
            row += f'\t{{{name}{i}_arguments, {len(a)}, {name}{i}_results, {len(r)}}},\n'
        out += f'static const struct fuzz_sample {name}[] = {{\n{row}}};\n'
        rows += f'\t{{{name}, {SAMPLES}}},\n'
    return (f'#include "fuzz_stubs.h"\n\n{out}'
            f'const struct fuzz_samples fuzz_samples[] = {{\n{rows}}};\n'
            f'extern const struct call_interface call_{interface.name};\n'
            f'const struct call_interface *const fuzz_interface = &call_{interface.name};\n')


def seeds(interface, rng, directory):
    """Good messages of each procedure, on each side."""
    n = 0
    for i, p in enumerate(interface.procedures):
        wires = []
        results = p.to_wire(p.results())
        for mode in ('empty', 'random', 'random', 'full'):
            for side, fields in ((SERVER, p.arguments()), (FINISH, results), (VIEW, results)):
                wires.append((side, encode(fields, [random_field(rng, f, mode) for f in fields])))
            for e in p.errors:
                values = [u32(e.number)] + [random_field(rng, f, mode) for f in e.fields]
                wires.append((EXCEPTION, encode([Field('', Number('u32'))] + e.fields, values)))
        for side, wire in wires:
            if len(wire.bytes()) < LONG:
                with open(os.path.join(directory, f'seed{n}'), 'wb') as f:
                    f.write(bytes([i, side + 4 * rng.randrange(4 * SAMPLES)]) + wire.bytes())
                n += 1


class Target:
    def __init__(self, args, root, scratch, path):
        self.args, self.root, self.scratch = args, root, scratch
        self.interface = fly_parse.parse(path)
        self.base = self.interface.base
        self.program = os.path.join(scratch, 'fuzz_stubs_' + self.base)
        self.corpus = os.path.join(root, 'tests/corpus/stubs_' + self.base)
        self.path = path

    def build(self, common):
        for path in [self.path] + self.interface.includes:
            subprocess.run([self.args.fireflyc, '-o', self.scratch, path], check=True)
        rng = random.Random(1)
        for suffix, text in (('_tables', fly_tables.tables(self.interface)),
                             ('_samples', samples(self.interface, rng))):
            with open(os.path.join(self.scratch, self.base + suffix + '.c'), 'w') as f:
                f.write(text)
        objects = [compile_file(self.root, self.scratch, os.path.join(self.scratch,
                                                                      self.base + suffix + '.c'))
                   for suffix in ('_client', '_server', '_tables', '_samples')]
        subprocess.run(['clang', '-fsanitize=fuzzer,address,undefined', *objects, *common,
                        '-o', self.program], check=True)

    def run(self, options, *corpora):
        """Run it. Return: what it printed, or None after it printed what went wrong."""
        run = subprocess.run([self.program, '-timeout=10', '-max_len=4096', *options, *corpora],
                             capture_output=True, text=True, errors='replace')
        if run.returncode:
            print(f'{self.base}: failed\n' + '\n'.join(run.stderr.splitlines()[-60:]))
            return None
        return run.stderr

    def fuzz(self, seconds):
        new = os.path.join(self.scratch, 'new_' + self.base)
        os.makedirs(new)
        if self.args.merge:
            seeds(self.interface, random.Random(2), new)
        corpora = [new] + ([self.corpus] if os.path.isdir(self.corpus) else [])
        output = self.run([f'-max_total_time={seconds}', '-print_final_stats=1',
                           f'-artifact_prefix=stubs_{self.base}_'], *corpora)
        if output is None:
            return False
        if self.args.merge:
            merged = os.path.join(self.scratch, 'merged_' + self.base)
            os.makedirs(merged)
            if self.run(['-merge=1', '-use_counters=0'], merged, *corpora) is None:
                return False
            shutil.rmtree(self.corpus, ignore_errors=True)
            shutil.copytree(merged, self.corpus)
        executed = re.search(r'number_of_executed_units: *(\d+)', output).group(1)
        covered = re.findall(r'cov: (\d+) ft: (\d+)', output)[-1]
        print(f'{self.base}: {executed} inputs, coverage {covered[0]}, '
              f'{len(os.listdir(self.corpus)) if os.path.isdir(self.corpus) else 0} in the corpus',
              flush=True)
        return True


def compile_file(root, scratch, path):
    obj = os.path.join(scratch, os.path.basename(path) + '.o')
    subprocess.run([*COMPILE, '-I', scratch, '-I', os.path.join(root, 'tests/idl'), '-I',
                    os.path.join(root, 'include'), '-I', os.path.join(root, 'src'), '-c', path,
                    '-o', obj], check=True)
    return obj


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--fireflyc', required=True)
    parser.add_argument('--merge', action='store_true', help='renew the corpora')
    parser.add_argument('--only', action='append', help='the interface of this file, without .fly')
    parser.add_argument('seconds', nargs='?', type=int, default=2, help='for each interface')
    args = parser.parse_args()
    if not shutil.which('clang'):
        print('no clang')
        sys.exit(77)
    here = os.path.dirname(os.path.abspath(__file__))
    root = os.path.dirname(os.path.dirname(here))
    with tempfile.TemporaryDirectory() as scratch:
        common = [compile_file(root, scratch, os.path.join(root, path)) for path in (
            'tests/idl/fuzz_stubs.c', 'tests/idl/fuzz_calls.c', 'tests/idl/fuzz_values.c',
            'tests/idl/loopback.c', 'src/marshal/raise.c', 'src/base/status.c')]
        failed = False
        for path in sorted(glob.glob(os.path.join(here, 'fuzz/*.fly'))):
            base = os.path.basename(path)[:-4]
            with open(path) as f:
                is_interface = re.search(r'^interface ', f.read(), re.M)
            if not is_interface or args.only and base not in args.only:
                continue
            target = Target(args, root, scratch, path)
            target.build(common)
            failed = not target.fuzz(args.seconds) or failed
    sys.exit(failed)


if __name__ == '__main__':
    main()
