#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Random interfaces through fireflyc, a C compiler and a call of every procedure.

For each procedure this script, not the stub compiler, works out what the wire must look like
(docs/encoding.md), and writes a C program that calls it in each way there is: plain, start and
finish, start and view; that spoils lengths and bools on the way; that lets the procedure raise.
The program checks what the procedure sees before and after it writes, what is on the wire, and
what the caller gets, under AddressSanitizer and UndefinedBehaviorSanitizer.
"""
import argparse
import concurrent.futures
import os
import random
import struct
import subprocess
import sys
import tempfile

ROOM = 1968
TYPES = {  # name: C type, bytes, struct code
    'bool': ('bool', 1, None), 'byte': ('uint8_t', 1, 'B'), 'u8': ('uint8_t', 1, 'B'),
    'i8': ('int8_t', 1, 'b'), 'u16': ('uint16_t', 2, 'H'), 'i16': ('int16_t', 2, 'h'),
    'u32': ('uint32_t', 4, 'I'), 'i32': ('int32_t', 4, 'i'), 'u64': ('uint64_t', 8, 'Q'),
    'i64': ('int64_t', 8, 'q'), 'f32': ('float', 4, 'f'), 'f64': ('double', 8, 'd'),
}
BYTES = ('byte', 'u8', 'i8')
NAMES = ['binding', 'call', 'context', 'served', 'status', 'result', 'runtime', 'peer', 'i',
         'arguments', 'results', 'procedures', 'version', 'index', 'x', 'y', 'buffer', 'length']


class Param:
    def __init__(self, direction, kind, name, count):
        self.direction, self.kind, self.name, self.count = direction, kind, name, count
        self.ctype, self.size, self.code = TYPES[kind]
        self.bytes = self.size * (count or 1)
        self.is_bytes = bool(count) and kind in BYTES
        self.argument = self.result = None  # offsets

    def value(self, rng):
        def one():
            if self.kind == 'bool':
                return bytes([rng.randrange(2)])
            if self.code in 'fd':
                return struct.pack('<' + self.code, rng.uniform(-1e6, 1e6))
            return rng.randbytes(self.size)
        return b''.join(one() for _ in range(self.count or 1))

    def text(self):
        array = '' if not self.count else f'[{self.count}]' if self.count % 2 else f'[{self.count:#x}]'
        return f'{self.direction} {self.kind} {self.name}{array}'


class Procedure:
    def __init__(self, rng, name):
        self.name = name
        most = rng.choice([8, 40, 40, 1400])
        names = rng.sample(NAMES, len(NAMES))
        while True:
            self.params = []
            for i in range(rng.choice([0, 1, 1, 2, 2, 3, 3, 4, 5, 6])):
                if rng.random() < 0.5:  # what may overlap
                    kind, count = rng.choice(BYTES), rng.randint(1, most)
                else:
                    kind, count = rng.choice(list(TYPES)), rng.choice([0, 0, rng.randint(1, 17)])
                self.params.append(Param(rng.choice(['in', 'out', 'inout']), kind, names[i], count))
            self.result = None
            if rng.random() < 0.4:
                self.result = Param('out', rng.choice(list(TYPES)), None, 0)
                self.result.name = 'the_result'
            if self.lay_out():
                break
        self.arguments = b''.join(p.value(rng) for p in self.params if p.direction != 'out')
        self.results = b''.join(p.value(rng) for p in self.all_results())

    def all_results(self):
        return ([self.result] if self.result else []) + \
            [p for p in self.params if p.direction != 'in']

    def lay_out(self):
        arguments = results = 0
        for p in self.params:
            if p.direction != 'out':
                p.argument, arguments = arguments, arguments + p.bytes
        for p in self.all_results():
            p.result, results = results, results + p.bytes
        return arguments <= ROOM and results <= ROOM

    def bools(self, which):
        for p in self.params if which == 'argument' else self.all_results():
            offset = getattr(p, which)
            if p.kind == 'bool' and offset is not None:
                yield offset
                if p.count:
                    yield offset + p.count - 1

    def text(self):
        arrow = f' -> {self.result.kind}' if self.result else ''
        return f"\t{self.name}({', '.join(p.text() for p in self.params)}){arrow};\n"


def c_bytes(name, data):
    lines = [', '.join(map(str, data[i:i + 24])) for i in range(0, len(data), 24)] or ['0']
    return f'static const uint8_t {name}[] = {{' + ',\n\t'.join(lines) + '};\n'


def declare_parameter(p):
    const = 'const ' if p.direction == 'in' else ''
    if p.count:
        return f'{const}{p.ctype} {p.name}[{p.count}]'
    return f"{p.ctype} {'' if p.direction == 'in' else '*'}{p.name}"


def address(p, in_procedure):
    """Where the bytes of a parameter are, in the procedure or in the caller."""
    by_value = not p.count and (not in_procedure or p.direction == 'in')
    return f"{'&' if by_value else ''}{p.name}"


def write_procedure(rng, interface, proc):
    inputs = [p for p in proc.params if p.direction != 'out']
    outputs = proc.all_results()
    signature = ', '.join(['void *the_context'] + [declare_parameter(p) for p in proc.params] +
                          ([f'{proc.result.ctype} *the_result'] if proc.result else []))
    out = c_bytes(f'{proc.name}_arguments', proc.arguments)
    out += c_bytes(f'{proc.name}_results', proc.results)
    out += f'\nstatic int serve_{proc.name}({signature})\n{{\n\tCHECK(the_context == &loopback);\n'
    for p in inputs:
        out += f'\tSAME({address(p, True)}, {proc.name}_arguments + {p.argument}, {p.bytes});\n'
    out += '\tif (raising == 1)\n\t\treturn 7;\n'
    for p in rng.sample(outputs, len(outputs)):
        out += f'\tmemcpy({p.name}, {proc.name}_results + {p.result}, {p.bytes});\n'
    for p in inputs:
        if p.direction == 'in':
            out += f'\tSAME({address(p, True)}, {proc.name}_arguments + {p.argument}, {p.bytes});\n'
    out += '\treturn raising == 2 ? -1 : 0;\n}\n\n'

    # the ways to call it; each takes all variables of the caller
    def caller(way):
        head = f'{interface}_{proc.name}'
        plain = ['the_binding'] + [p.name if p.count or p.direction == 'in' else '&' + p.name
                                   for p in proc.params]
        last = ['&the_result'] if proc.result else []
        start = ['the_binding'] + [p.name for p in inputs] + ['&the_call']
        finish = ['the_call'] + [p.name if p.count else '&' + p.name for p in proc.params
                                 if p.direction != 'in'] + last
        if way == 'plain':
            return f"\tthe_status = {head}({', '.join(plain + last)});\n"
        begin = f"\tCHECK({head}_start({', '.join(start)}) == 0);\n"
        if way == 'finish':
            return begin + f"\tthe_status = {head}_finish({', '.join(finish)});\n"
        view = ['the_call']
        for p in proc.params:
            if p.direction != 'in':
                view.append(f'&view_{p.name}' if p.is_bytes else p.name if p.count else '&' + p.name)
        return begin + f"\tthe_status = {head}_view({', '.join(view + last)});\n"

    out += f'static void call_{proc.name}(struct fly_binding *the_binding, int way, int expected)\n{{\n'
    has_view = any(p.is_bytes for p in proc.params if p.direction != 'in')
    for p in proc.params + ([proc.result] if proc.result else []):
        out += f"\t{p.ctype} {p.name}{f'[{p.count}]' if p.count else ''};\n"
        if p.is_bytes and p.direction != 'in':
            out += f'\tconst {p.ctype} *view_{p.name} = NULL;\n'
    out += '\tstruct fly_call *the_call = NULL;\n\tint the_status;\n\n'
    for p in proc.params:
        if p.direction != 'out':
            out += f'\tmemcpy({address(p, False)}, {proc.name}_arguments + {p.argument}, {p.bytes});\n'
    for p in outputs:
        if p.direction == 'out':
            out += f'\tmemset({address(p, False)}, 0x5a, {p.bytes});\n'
    out += '\tif (way == 0) {\n\t' + caller('plain') + '\t} else if (way == 1) {\n\t'
    out += caller('finish').replace('\n\t', '\n\t\t')
    if has_view:
        out += '\t} else {\n\t' + caller('view').replace('\n\t', '\n\t\t')
    else:
        out += '\t} else {\n\t\treturn;\n'
    out += '\t}\n\tCHECK(the_status == expected);\n\tif (the_status) {\n'
    for p in outputs:  # nothing was assigned
        if p.direction == 'out':
            out += f'\t\tSAME_FILL({address(p, False)}, {p.bytes});\n'
        else:
            out += f'\t\tSAME({address(p, False)}, {proc.name}_arguments + {p.argument}, {p.bytes});\n'
        if p.is_bytes:
            out += f'\t\tCHECK(!view_{p.name});\n'
    out += '\t\tCHECK(loopback.calls == 0);\n\t\treturn;\n\t}\n'
    out += f'\tCHECK(loopback.argument_bytes == {len(proc.arguments)});\n'
    out += f'\tSAME(loopback.arguments, {proc.name}_arguments, {len(proc.arguments)});\n'
    out += f'\tCHECK(loopback.result_bytes == {len(proc.results)});\n'
    out += f'\tSAME(loopback.results, {proc.name}_results, {len(proc.results)});\n'
    for p in outputs:
        if p.is_bytes:
            out += (f'\tSAME(way == 2 ? view_{p.name} : {p.name}, '
                    f'{proc.name}_results + {p.result}, {p.bytes});\n')
        else:
            out += f'\tSAME({address(p, False)}, {proc.name}_results + {p.result}, {p.bytes});\n'
    out += '\tif (way == 2) {\n\t\tCHECK(loopback.calls == 1);\n\t\tfly_release(the_call);\n\t}\n'
    out += '\tCHECK(loopback.calls == 0);\n}\n\n'

    out += f'static void test_{proc.name}(struct fly_binding *binding)\n{{\n'
    out += '\tfor (int way = 0; way < 3; way++) {\n'

    def case(knobs, expected, executed):
        text = '\t\tloopback_reset();\n'
        for knob in knobs:
            text += f'\t\t{knob};\n'
        text += f'\t\tcall_{proc.name}(binding, way, {expected});\n\t\traising = 0;\n'
        if has_view:
            text += f'\t\tCHECK(loopback.executed == {executed});\n'
        else:
            text += f'\t\tCHECK(loopback.executed == (way < 2 ? {executed} : 0));\n'
        return text

    out += case([], 0, 1)
    out += case(['raising = 1'], '-FLY_ERAISED', 1)
    out += case(['raising = 2'], '-FLY_ERAISED', 1)
    for which, expected, executed in (('argument', '-FLY_EMALFORMED', 0),
                                      ('result', '-FLY_ERESULT', 1)):
        size = len(proc.arguments if which == 'argument' else proc.results)
        out += case([f'loopback.more_{which}s = 1'], expected, executed)
        if size:
            out += case([f'loopback.more_{which}s = -1'], expected, executed)
            out += case([f'loopback.more_{which}s = -{size}'], expected, executed)
        for offset in proc.bools(which):
            out += case([f'loopback.spoilt_{which} = {offset}'], expected, executed)
    return out + '\t}\n}\n\n'


DRIVER = '''/* Written by roundtrip.py. */
#include <stdio.h>
#include <stdlib.h>

#include "loopback.h"
#include "{base}_client.c"
#include "{base}_server.c"

#define CHECK(condition)                                                        \\
	do {{                                                                    \\
		if (!(condition)) {{                                             \\
			fprintf(stderr, "%s:%d: %s: %s\\n", __FILE__, __LINE__,  \\
				__func__, #condition);                          \\
			exit(1);                                                \\
		}}                                                               \\
	}} while (0)
#define SAME(a, b, n) CHECK(!memcmp(a, b, n))
#define SAME_FILL(a, n)                                                         \\
	do {{                                                                    \\
		for (size_t at = 0; at < (n); at++)                             \\
			CHECK(((const uint8_t *)(a))[at] == 0x5a);              \\
	}} while (0)

static int raising; /* 1: before the procedure writes, 2: after */

'''


def write_interface(rng, number, n_procedures, directory):
    name = f'R{number}'
    base = f'r{number}'
    procedures = [Procedure(rng, f'P{i}') for i in range(n_procedures)]
    with open(os.path.join(directory, base + '.fly'), 'w') as f:
        f.write(f'interface {name} version {number + 1} {{\n')
        f.writelines(p.text() for p in procedures)
        f.write('}\n')
    with open(os.path.join(directory, base + '_driver.c'), 'w') as f:
        f.write(DRIVER.format(base=base))
        for p in procedures:
            f.write(write_procedure(rng, name, p))
        f.write(f'void test_{name}(void);\n\nvoid test_{name}(void)\n{{\n')
        f.write(f'\tstruct {name}_procedures procedures = {{\n')
        f.writelines(f'\t\t.{p.name} = serve_{p.name},\n' for p in procedures)
        f.write('\t};\n\tstruct fly_binding *binding;\n\n')
        f.write(f'\tCHECK({name}_export(NULL, NULL, &loopback) == -FLY_EINVAL);\n')
        for p in procedures:
            f.write(f'\tprocedures.{p.name} = NULL;\n'
                    f'\tCHECK({name}_export(NULL, &procedures, &loopback) == -FLY_EINVAL);\n'
                    f'\tprocedures.{p.name} = serve_{p.name};\n')
        f.write(f'\tCHECK({name}_import(NULL, NULL, &binding) == -FLY_ENOEXPORT);\n')
        f.write(f'\tCHECK({name}_export(NULL, &procedures, &loopback) == 0);\n')
        f.write(f'\tCHECK({name}_import(NULL, NULL, &binding) == 0);\n')
        f.writelines(f'\ttest_{p.name}(binding);\n' for p in procedures)
        f.write('}\n')
    return name, base


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--fireflyc', required=True)
    parser.add_argument('--include', required=True, help="Firefly's headers")
    parser.add_argument('--cc', default='gcc')
    parser.add_argument('--seed', type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument('--interfaces', type=int, default=4)
    parser.add_argument('--procedures', type=int, default=20, help='of each interface')
    parser.add_argument('--keep', help='write to this directory, and leave everything there')
    args = parser.parse_args()
    here = os.path.dirname(os.path.abspath(__file__))
    rng = random.Random(args.seed)
    print(f'seed {args.seed} ({args.interfaces} interfaces of {args.procedures} procedures)',
          flush=True)

    with tempfile.TemporaryDirectory() as scratch:
        directory = args.keep or scratch
        os.makedirs(directory, exist_ok=True)
        made = [write_interface(rng, i, args.procedures, directory)
                for i in range(args.interfaces)]
        with open(os.path.join(directory, 'main.c'), 'w') as f:
            f.writelines(f'void test_{name}(void);\n' for name, _ in made)
            f.write('\nint main(void)\n{\n')
            f.writelines(f'\ttest_{name}();\n' for name, _ in made)
            f.write('\treturn 0;\n}\n')
        flags = ['-std=c11', '-g1', '-O1', '-Wall', '-Wextra', '-Werror', '-I', here, '-isystem',
                 args.include, '-fsanitize=address,undefined', '-fno-sanitize-recover=all']

        def build(unit):
            base = unit[0]
            if base:
                subprocess.run([args.fireflyc, '-o', directory,
                                os.path.join(directory, base + '.fly')], check=True)
            obj = os.path.join(directory, os.path.basename(unit[1]) + '.o')
            subprocess.run([args.cc, *flags, '-c', unit[1], '-o', obj], check=True)
            return obj

        units = [(base, os.path.join(directory, base + '_driver.c')) for _, base in made]
        units += [(None, os.path.join(here, 'loopback.c')), (None, os.path.join(directory, 'main.c'))]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            objects = list(pool.map(build, units))
        program = os.path.join(directory, 'roundtrip')
        subprocess.run([args.cc, *flags, *objects, '-o', program], check=True)
        result = subprocess.run([program])
    if result.returncode:
        sys.exit(f'roundtrip.py: failed; again with --seed {args.seed} --keep DIR')
    print('every call came back right')


if __name__ == '__main__':
    main()
