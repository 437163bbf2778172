#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Does generated code read a number of a message twice? See rereads.c.

Compiles what fireflyc writes for fuzz/*.fly, some of golden/*.fly and random interfaces with gcc and clang,
without optimization and with much of it, and lets it read messages whose counts, lengths, flags,
enums and discriminants change as soon as they have been read.
"""
import argparse
import glob
import os
import platform
import random
import re
import shutil
import subprocess
import sys
import tempfile

import fly_parse
import fly_random
import fly_tables
from fly_types import FLAGS, Enum, Field, Number, encode, random_field, stream, u32

GOLDEN = ('arrays', 'attributes', 'enums', 'exceptions', 'inout', 'lists', 'optionals', 'strings',
          'structs', 'unions')
LONG = 3000  # bytes of a message that is tried
SERVER, FINISH, VIEW, EXCEPTION, UNWANTED = range(5)
WAYS = 3  # ALTERED in rereads.c


def blob(data):
    return u32(len(data)) + data


def altered(rng, data, note):
    """Other values for what lies there, one for each way."""
    kind = note if isinstance(note, str) else note[0]
    if kind == 'bool':
        return [bytes(b ^ 1 for b in data), bytes(2 for _ in data), bytes(255 for _ in data)]
    if kind == 'nul':
        return [b'x', b'y', b'\xff']
    if kind == 'count':
        return [u32(0xffffffff), u32(note[1]), u32(note[1] + rng.choice([1, 16, 256]))]
    if kind == 'enum':
        numbers = note[1].numbers()
        out = [rng.choice(numbers), max(numbers) + 1, -2]
        return [(n & 0xffffffff).to_bytes(4, 'little') for n in out]
    union = note[1]
    cases = [c for arm in union.arms if arm.cases for c in arm.cases]
    return [union.pack(rng.choice(cases or [0])), rng.randbytes(union.switch.size),
            union.pack(rng.choice(cases or [1]))]


def spots(rng, encoder, side, inplace):
    """What changes. The NUL of a string that is read in place is read by the procedure, too, and
    so are the elements of a view by the caller."""
    out, n = b'', 0
    for offset, length, note in encoder.spots():
        kind = note if isinstance(note, str) else note[0]
        if kind == 'text' or kind == 'nul' and (side == VIEW or side == SERVER and not inplace) or \
                side == VIEW and kind != 'count' or side == UNWANTED and kind == 'nul':
            continue
        data = encoder.bytes()[offset:offset + length]
        out += u32(offset) + u32(kind == 'bool')
        out += b''.join(map(blob, altered(rng, data, note)))
        n += 1
    return u32(n) + out


def samples(rng, p):
    rows = []
    inplace = bool(p.all_flags() & FLAGS['inplace'])
    for mode in ('full', 'random', 'random', 'random'):
        arguments = [random_field(rng, f, mode) for f in p.arguments()]
        results = [random_field(rng, f, mode) for f in p.results()]
        messages = [(SERVER, encode(p.arguments(), arguments))]
        wire = encode(p.to_wire(p.results()), p.to_wire(results))
        messages += [(FINISH, wire), (VIEW, wire)]
        for e in p.errors:
            values = [u32(e.number)] + [random_field(rng, f, mode) for f in e.fields]
            wire = encode([Field('', Number('u32'))] + e.fields, values)
            messages += [(EXCEPTION, wire), (UNWANTED, wire)]
        for side, encoder in messages:
            if len(encoder.bytes()) <= LONG:
                rows.append(u32(side) + blob(stream(p.arguments(), arguments)) +
                            blob(stream(p.results(), results)) + blob(encoder.bytes()) +
                            spots(rng, encoder, side, inplace))
    return u32(len(rows)) + b''.join(rows)


def interfaces(args, here, directory):
    """All interfaces, each of another name; writes their files."""
    found = {}
    for path in sorted(glob.glob(os.path.join(here, 'fuzz/*.fly'))) + \
            [os.path.join(here, f'golden/{name}.fly') for name in GOLDEN]:
        with open(path) as f:
            if not re.search(r'^interface ', f.read(), re.M):
                continue
        interface = fly_parse.parse(path)
        if interface.name not in found:
            found[interface.name] = interface
            for each in [path] + interface.includes:
                subprocess.run([args.fireflyc, '-o', directory, each], check=True)
    for i in range(args.interfaces):
        interface = fly_random.make(args.seed, i, set(fly_random.FEATURES) - {'long'})
        for base, text in interface.includes + [(interface.base, interface.text)]:
            with open(os.path.join(directory, base + '.fly'), 'w') as f:
                f.write(text)
        for base, _ in interface.includes + [(interface.base, None)]:
            subprocess.run([args.fireflyc, '-o', directory,
                            os.path.join(directory, base + '.fly')], check=True)
        found[interface.name] = interface
    return list(found.values())


class Maker:
    def __init__(self, here, root, directory):
        self.directory = directory
        self.flags = ['-D_GNU_SOURCE', '-std=c17', '-g1', '-w', '-I', directory, '-I', here, '-I',
                      os.path.join(root, 'include'), '-I', os.path.join(root, 'src')]

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, 'wb' if isinstance(text, bytes) else 'w') as f:
            f.write(text)
        return path

    def compile(self, compiler, level, path):
        obj = os.path.join(self.directory, f'{os.path.basename(path)}.{compiler}{level}.o')
        subprocess.run([compiler, f'-O{level}', *self.flags, '-c', path, '-o', obj], check=True)
        return obj


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--fireflyc', required=True)
    parser.add_argument('--interfaces', type=int, default=6, help='random ones')
    parser.add_argument('--seed', type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument('--levels', default='0,2,3')
    parser.add_argument('--keep', help='write to this directory, and leave everything there')
    parser.add_argument('--compilers', default='gcc,clang')
    args = parser.parse_args()
    if platform.machine() != 'x86_64':
        print('single steps are for x86-64 only')
        sys.exit(77)
    here = os.path.dirname(os.path.abspath(__file__))
    root = os.path.dirname(os.path.dirname(here))
    failed = 0
    print(f'--seed {args.seed}', flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        directory = args.keep or scratch
        os.makedirs(directory, exist_ok=True)
        maker = Maker(here, root, directory)
        all_of_them = interfaces(args, here, directory)
        rng = random.Random(args.seed)
        cases = maker.write('cases', b''.join(samples(rng, p) for i in all_of_them
                                              for p in i.procedures))
        text = '#include "fuzz_calls.h"\n' + \
            ''.join(f'extern const struct call_interface call_{i.name};\n' for i in all_of_them) + \
            'const struct call_interface *const call_interfaces[] = {' + \
            ', '.join(f'&call_{i.name}' for i in all_of_them) + \
            f'}};\nconst uint32_t call_n_interfaces = {len(all_of_them)};\n'
        tables = ''.join(fly_tables.tables(i) for i in all_of_them)
        common = [maker.compile('gcc', 0, path) for path in (
            maker.write('list.c', text), maker.write('tables.c', tables),
            *(os.path.join(here, name) for name in (
                'rereads.c', 'fuzz_calls.c', 'fuzz_values.c', 'loopback.c')),
            os.path.join(root, 'src/marshal/raise.c'), os.path.join(root, 'src/base/status.c'))]
        stubs = [maker.write(side + '.c', ''.join(f'#include "{i.base}_{side}.c"\n'
                                                  for i in all_of_them))
                 for side in ('client', 'server')]
        for compiler in args.compilers.split(','):
            if not shutil.which(compiler):
                print(f'no {compiler}')
                continue
            for level in args.levels.split(','):
                program = os.path.join(directory, f'rereads_{compiler}{level}')
                subprocess.run(['gcc', *common, *(maker.compile(compiler, level, path)
                                                  for path in stubs), '-o', program], check=True)
                run = subprocess.run([program, cases], capture_output=True, text=True,
                                     errors='replace')
                print(f'{compiler} -O{level}: {run.stdout or run.stderr or run.returncode}'.rstrip(),
                      flush=True)
                failed += run.returncode != 0
    if failed:
        sys.exit(f'a number was read twice by {failed} programs; again with --seed {args.seed}')


if __name__ == '__main__':
    main()
