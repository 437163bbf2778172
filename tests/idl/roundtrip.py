#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Random interfaces through fireflyc, a C compiler and a call of every procedure.

For each procedure this script, not the stub compiler, works out what the wire must look like
(docs/encoding.md), and what becomes of messages that are spoilt on their way. fuzz_roundtrip.c
makes the calls, each in each way there is: plain, start and finish, start and view; it checks what
the procedure sees before and after it writes, what is on the wire, and what the caller gets, under
AddressSanitizer and UndefinedBehaviorSanitizer.

    fly_types.py    types, their encoding and decoding in Python, values
    fly_random.py   random interfaces
    fly_tables.py   the C between generated code and fuzz_roundtrip.c

Interface N of a seed does not depend on the others: --only N makes it alone.
"""
import argparse
import concurrent.futures
import os
import random
import struct
import subprocess
import sys
import tempfile
import time

import fly_random
import fly_tables
from fly_types import (Field, Number, String, Struct, TooMany, Union, decode, encode,
                       random_discriminant, random_field, random_text, stream, u32)

LONG = 20000  # bytes of a message of which there is less to do
# Half of the time goes into the C compiler, which optimises nothing here.
FLAGS = ['-D_GNU_SOURCE', '-g1', '-O0']
SANITIZE = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all']
GENERATED = ['-std=c11', '-Wall', '-Wextra', '-Wpedantic', '-Wconversion', '-Wshadow',
             '-Wmissing-prototypes', '-Werror']
OURS = ['-std=c17', '-Wall', '-Wextra', '-Werror']


def blob(data):
    return u32(len(data)) + data


# ---- messages that are spoilt on their way -----------------------------------------------------


def spoil(rng, offset, length, note):
    """(offset, bytes) that make something wrong, or else, of what lies there."""
    kind = note if isinstance(note, str) else note[0]
    if kind in ('bool', 'text', 'nul'):
        offset += rng.randrange(length)
        return [(offset, bytes([rng.choice({'bool': [2, 255, 0, 1], 'text': [0],
                                            'nul': [1, 255]}[kind])]))]
    if kind == 'count':
        return [(offset, u32(n & 0xffffffff)) for n in
                rng.sample([note[1] + 1, 0xffffffff, 0x80000000, note[1], 0, note[1] + 256], 2)]
    if kind == 'enum':
        numbers = note[1].numbers()
        n = rng.choice([numbers[0] + 1, rng.choice(numbers), max(numbers) + 1, -7, 0])
        return [(offset, (n & 0xffffffff).to_bytes(4, 'little'))]
    union = note[1]
    values = [random_discriminant(rng, union, chosen)
              for chosen in [None] + list(range(len(union.arms)))]
    chosen = [v for v in values if v is not None] or [0]
    return [(offset, union.pack(rng.choice(chosen))), (offset, rng.randbytes(union.switch.size))]


def make_edits(rng, encoder, longer, judge):
    """judge(bytes): None, or what the message means then: (exception, stream). longer: messages of
    values that are longer than their bounds."""
    wire = encoder.bytes()
    spots = list(encoder.spots())
    is_long = len(wire) > LONG
    patches = []
    for spot in rng.sample(spots, min(len(spots), 3 if is_long else 10)):
        patches += spoil(rng, *spot)
    for _ in range(2 if is_long or not wire else 4):
        if wire:
            patches.append((rng.randrange(len(wire)), rng.randbytes(1)))
    edits = [(len(wire), offset, data) for offset, data in patches]
    edits += [(len(data), 0, data) for data in longer if len(data) < LONG]
    out = u32(len(edits))
    for length, offset, data in edits:
        meaning = judge(wire[:offset] + data + wire[offset + len(data):length])
        exception, values = meaning if meaning else (0, b'')
        out += struct.pack('<II', length, offset) + blob(data) + u32(meaning is not None) + \
            u32(exception) + blob(values)
    return out


def longer_values(rng, f, v):
    """Values like v of which one array or string is one longer than its bound."""
    if v is None:
        return
    if f.array == 'variable':
        yield random_field(rng, Field('', f.type, 'fixed', f.length + 1), 'random')
    if not f.array:
        yield from longer_of_type(rng, f.type, v)
    elif v and not isinstance(f.type, Number):
        i = rng.choice([0, len(v) - 1])
        for longer in longer_of_type(rng, f.type, v[i]):
            yield v[:i] + [longer] + v[i + 1:]


def longer_of_type(rng, kind, v):
    if isinstance(kind, String):
        yield random_text(rng, kind.most + 1)
    elif isinstance(kind, Struct):
        for i, f in enumerate(kind.fields):
            for longer in longer_values(rng, f, v[i]):
                yield v[:i] + [longer] + v[i + 1:]
    elif isinstance(kind, Union) and kind.arms[v[1]].field:
        for longer in longer_values(rng, kind.arms[v[1]].field, v[2]):
            yield v[0], v[1], longer


def longer_messages(rng, fields, values):
    out = []
    for i, f in enumerate(fields):
        for longer in longer_values(rng, f, values[i]):
            out.append(values[:i] + [longer] + values[i + 1:])
    return [encode(fields, v).bytes() for v in rng.sample(out, min(len(out), 4))]


# ---- values that must not be -------------------------------------------------------------------


def bad_values(rng, f, v, full):
    """Values like v of which one thing is too long, or, full, not an enum's or a union's."""
    if v is None:
        return
    if f.array == 'variable':
        most = random_field(rng, Field('', f.type, 'fixed', f.length), 'random')
        for n in (f.length + 1, 0xffffffff):
            yield TooMany(n, most)
    if f.array and isinstance(f.type, Number):
        return
    if not f.array:
        yield from bad_of_type(rng, f.type, v, full)
    elif v:
        i = rng.choice([0, len(v) - 1])
        for bad in bad_of_type(rng, f.type, v[i], full):
            yield v[:i] + [bad] + v[i + 1:]


def bad_of_type(rng, kind, v, full):
    if isinstance(kind, String):
        yield random_text(rng, kind.most + 1)
    elif isinstance(kind, Struct):
        for i, f in enumerate(kind.fields):
            for bad in bad_values(rng, f, v[i], full):
                yield v[:i] + [bad] + v[i + 1:]
    elif isinstance(kind, Union):
        f = kind.arms[v[1]].field
        if f:
            for bad in bad_values(rng, f, v[2], full):
                yield v[0], v[1], bad
        value = random_discriminant(rng, kind, None)
        if full and value is not None:
            yield value, None, None
    elif full and not isinstance(kind, Number):  # an enum
        n = max(kind.numbers()) + 1
        if n < 1 << 31:
            yield n


def bad_messages(rng, fields, full):
    """Streams of all fields, one of them bad; a few of those there are."""
    values = [random_field(rng, f, 'full' if rng.random() < 0.7 else 'random') for f in fields]
    out = []
    for i, f in enumerate(fields):
        for bad in bad_values(rng, f, values[i], full):
            out.append(values[:i] + [bad] + values[i + 1:])
    return [stream(fields, v) for v in rng.sample(out, min(len(out), 5))]


# ---- the cases of a procedure ------------------------------------------------------------------


def value_cases(rng, p, argument_mode, result_mode):
    arguments = [random_field(rng, f, argument_mode) for f in p.arguments()]
    results = [random_field(rng, f, result_mode) for f in p.results()]
    fields = p.to_wire(p.results())
    argument_wire = encode(p.arguments(), arguments)
    result_wire = encode(fields, p.to_wire(results))

    def judge_arguments(data):
        values = decode(p.arguments(), data)
        return None if values is None else (0, stream(p.arguments(), values))

    def judge_results(data):
        values = decode(fields, data)
        return None if values is None else (0, stream(p.results(), p.from_wire(values)))

    # Does the other half of this file agree with itself?
    assert judge_arguments(argument_wire.bytes()) == (0, stream(p.arguments(), arguments))
    assert judge_results(result_wire.bytes()) == (0, stream(p.results(), results))
    return (blob(stream(p.arguments(), arguments)) + blob(argument_wire.bytes()) +
            blob(stream(p.results(), results)) + blob(result_wire.bytes()) +
            make_edits(rng, argument_wire, longer_messages(rng, p.arguments(), arguments),
                       judge_arguments) +
            make_edits(rng, result_wire, longer_messages(rng, fields, p.to_wire(results)),
                       judge_results))


def exception_cases(rng, p):
    number = Field('', Number('u32'))

    def judge(data):
        for i, e in enumerate(p.errors):
            if data[:4] == u32(e.number):
                values = decode([number] + e.fields, data)
                return None if values is None else (i, stream(e.fields, values[1:]))
        return None

    out = u32(len(p.errors))
    for i, e in enumerate(p.errors):
        values = [random_field(rng, f, 'random') for f in e.fields]
        wire = encode([number] + e.fields, [u32(e.number)] + values)
        out += u32(i) + blob(stream(e.fields, values)) + blob(wire.bytes())
        longer = longer_messages(rng, [number] + e.fields, [u32(e.number)] + values)
        out += make_edits(rng, wire, longer, judge)
    bad = [(i, s) for i, e in enumerate(p.errors) for s in bad_messages(rng, e.fields, True)]
    return out + u32(len(bad)) + b''.join(u32(i) + blob(s) for i, s in bad)


def raise_cases(rng, interface, p):
    mine = {e.number for e in p.errors}
    numbers = [1, 2, -1, 7, 1000, 2147483647, -2147483648] + [e.number for e in interface.errors]
    out = []
    for number in rng.sample([n for n in numbers if n not in mine], 2):
        words = rng.choice([None, b'', b'the disk is full', b'x' * 55, b'y' * 56, b'z' * 200])
        kept = (words or b'')[:55]
        wire = struct.pack('<iI', number, len(kept)) + kept + b'\0'
        out.append(struct.pack('<iI', number, words is not None) + blob(words or b'') + blob(wire))
    return u32(len(out)) + b''.join(out)


def procedure_cases(rng, interface, p, features):
    modes = [('random', 'random'), ('full', 'full'), ('empty', 'empty')]
    if p.argument_bytes() + p.result_bytes() < LONG:
        modes += [('random', 'full'), ('empty', 'full')]
    out = u32(len(modes)) + b''.join(value_cases(rng, p, *mode) for mode in modes)
    for fields in (p.arguments(), p.results()):
        out += blob(stream(fields, [random_field(rng, f, 'random') for f in fields]))
    for fields, full in ((p.arguments(), False), (p.results(), True)):
        bad = bad_messages(rng, fields, full)
        out += u32(len(bad)) + b''.join(map(blob, bad))
    raises = raise_cases(rng, interface, p) if 'raises' in features else u32(0)
    return out + exception_cases(rng, p) + raises


def self_test():
    """The example in docs/encoding.md."""
    entry = Struct('Entry', 'Entry', [Field('key', String(20)),
                                      Field('age', Number('u16'), optional=True),
                                      Field('value', Number('byte'), 'variable', 100)])
    fields = [Field('entries', entry, 'variable', 8), Field('flags', Number('u32'))]
    values = [[[b'ab', b'\7\0', b'\1\2\3'], [b'', None, b'']], u32(5)]
    wire = bytes.fromhex('02000000 05000000 02000000 01 03000000 00000000 00 00000000'
                         '616200 0700 010203 00')
    assert encode(fields, values).bytes() == wire and decode(fields, wire) == values


# ---- making the program ------------------------------------------------------------------------


class Maker:
    def __init__(self, args, directory):
        self.args, self.directory = args, directory
        self.here = os.path.dirname(os.path.abspath(__file__))
        self.include = args.include
        self.sanitize = [] if args.no_sanitizers else SANITIZE
        self.flags = FLAGS + args.flag + ['-I', directory, '-I', self.here, '-isystem',
                                          self.include, '-isystem',
                                          os.path.join(self.include, '../src')]

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text):
        with open(self.path(name), 'wb' if isinstance(text, bytes) else 'w') as f:
            f.write(text)

    def compile_interface(self, interface):
        for base, text in interface.includes + [(interface.base, interface.text)]:
            self.write(base + '.fly', text)
        for base, _ in interface.includes + [(interface.base, None)]:
            run = subprocess.run([self.args.fireflyc, '-o', self.directory,
                                  self.path(base + '.fly')], capture_output=True, text=True)
            if run.returncode:
                return run.stderr or f'fireflyc died of {run.returncode}'
        self.write(f'{interface.base}_tables.c', fly_tables.tables(interface))
        return None

    def units(self, interfaces):
        """C files that include those of many interfaces. A file of client stubs and one of server
        stubs may have functions of the same name, so they go into different units."""
        units = []
        for suffix in ('_client.c', '_server.c', '_tables.c'):
            n = (len(interfaces) + self.args.batch - 1) // self.args.batch
            for k in range(n):
                name = f'unit{suffix[:-2]}_{k}.c'
                self.write(name, ''.join(f'#include "{i.base}{suffix}"\n'
                                         for i in interfaces[k::n]))
                units.append(self.path(name))
        main = '#include "fuzz_calls.h"\n\n' + \
            ''.join(f'extern const struct call_interface call_{i.name};\n' for i in interfaces) + \
            'extern const struct call_interface *const call_interfaces[];\n' \
            'extern const uint32_t call_n_interfaces;\n' \
            'const struct call_interface *const call_interfaces[] = {\n' + \
            ''.join(f'\t&call_{i.name},\n' for i in interfaces) + \
            f'}};\nconst uint32_t call_n_interfaces = {len(interfaces)};\n'
        self.write('list.c', main)
        # Generated tables name everything, needed or not.
        return units + [self.path('list.c')] + [os.path.join(self.here, name) for name in (
            'fuzz_roundtrip.c', 'fuzz_calls.c', 'fuzz_values.c', 'loopback.c',
            '../../src/marshal/raise.c', '../../src/base/status.c')]

    def build(self, interfaces):
        def compile_unit(unit):
            obj = self.path(os.path.basename(unit) + '.o')
            is_stubs = os.path.basename(unit).startswith(('unit_client', 'unit_server'))
            is_tables = os.path.basename(unit).startswith('unit_tables')
            flags = (GENERATED if is_stubs else OURS) + ([] if is_tables else self.sanitize)
            run = subprocess.run([self.args.cc, *flags, *self.flags, '-c', unit, '-o', obj])
            return obj if run.returncode == 0 else None

        with concurrent.futures.ThreadPoolExecutor(self.args.jobs) as pool:
            objects = list(pool.map(compile_unit, self.units(interfaces)))
        if None in objects:
            return None
        program = self.path('roundtrip')
        subprocess.run([self.args.cc, *self.sanitize, *self.flags, *objects, '-o', program],
                       check=True)
        return program


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--fireflyc', required=True)
    parser.add_argument('--include', required=True, help="Firefly's headers")
    parser.add_argument('--cc', default='gcc')
    parser.add_argument('--flag', action='append', default=[], help='for the C compiler')
    parser.add_argument('--no-sanitizers', action='store_true')
    parser.add_argument('--run', default='', help='the program that runs the program, an emulator')
    parser.add_argument('--seed', type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument('--interfaces', type=int, default=500)
    parser.add_argument('--only', type=int, action='append', help='this interface of the seed')
    parser.add_argument('--features', default=','.join(fly_random.FEATURES),
                        help='what the interfaces may have')
    parser.add_argument('--batch', type=int, default=170, help='interfaces in a unit')
    parser.add_argument('--jobs', type=int, default=1)
    parser.add_argument('--keep', help='write to this directory, and leave everything there')
    parser.add_argument('--each', action='store_true',
                        help='compile and run each interface by itself, and go on if one fails')
    return parser.parse_args()


def make_all(args, features):
    """(interface, its cases) for all that are asked for."""
    for i in args.only or range(args.interfaces):
        interface = fly_random.make(args.seed, i, features)
        rng = random.Random(f'{args.seed} {i} cases')
        yield interface, b''.join(procedure_cases(rng, interface, p, features)
                                  for p in interface.procedures)


def run_batch(maker, made):
    """Return: what failed, a list."""
    failed, compiled = [], []
    for interface, cases in made:
        errors = maker.compile_interface(interface)
        if errors:
            failed.append(f'{interface.base}.fly:\n{errors}')
        else:
            compiled.append((interface, cases))
    if not compiled:
        return failed
    took = time.monotonic()
    program = maker.build([interface for interface, _ in compiled])
    if not program:
        return failed + ['the C compiler refuses ' +
                         (made[0][0].base if len(made) == 1 else 'a file, see above')]
    print(f'compiled in {time.monotonic() - took:.1f} s', flush=True)
    maker.write('cases', b''.join(blob(cases) for _, cases in compiled))
    took = time.monotonic()
    run = subprocess.run([*maker.args.run.split(), program, maker.path('cases')])
    print(f'ran in {time.monotonic() - took:.1f} s', flush=True)
    return failed + ([f'a call went wrong, exit code {run.returncode}'] if run.returncode else [])


def main():
    args = parse_arguments()
    self_test()
    features = set(args.features.split(','))
    fly_tables.WIDE_VIEWS = 'views' in features
    n = len(args.only or range(args.interfaces))
    print(f'--seed {args.seed}: {n} interfaces', flush=True)
    failures = 0
    with tempfile.TemporaryDirectory() as scratch:
        directory = args.keep or scratch
        os.makedirs(directory, exist_ok=True)
        maker = Maker(args, directory)
        took = time.monotonic()
        made = list(make_all(args, features))
        print(f'made in {time.monotonic() - took:.1f} s', flush=True)
        for batch in [[m] for m in made] if args.each else [made]:
            for failed in run_batch(maker, batch):
                failures += 1
                print(failed, flush=True)
    if failures:
        sys.exit(f'roundtrip.py: {failures} failed; again with --seed {args.seed} --keep DIR, '
                 'and --only N for interface N alone')
    print('every call came back right')


if __name__ == '__main__':
    main()
