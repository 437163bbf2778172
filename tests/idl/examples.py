#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""examples.py FIREFLYC DOCS - do the examples in language.md and encoding.md still hold?

Interfaces in language.md must compile, the procedures there and in the tables of encoding.md too,
and each prototype shown must be in the header that comes of them. The places of results in
encoding.md must be those in the generated table.
"""
import os
import re
import subprocess
import sys
import tempfile


def compile_interface(fireflyc, text):
    """What fireflyc makes of it: the header and the server's stubs, in one string."""
    with tempfile.TemporaryDirectory() as scratch:
        path = os.path.join(scratch, 'example.fly')
        with open(path, 'w') as f:
            f.write(text)
        subprocess.run([fireflyc, '-o', scratch, path], check=True)
        written = ''
        for suffix in ('.h', '_server.c'):
            with open(os.path.join(scratch, 'example' + suffix)) as f:
                written += f.read()
        return written


def one_line(text):
    return re.sub(r'\s+', ' ', text)


def check_language(fireflyc, text):
    blocks = re.findall(r'^```(\w*)\n(.*?)^```$', text, re.M | re.S)
    interfaces = [t for kind, t in blocks if not kind and re.search(r'^interface \w+ v', t, re.M)]
    procedures = [t for kind, t in blocks if not kind and re.fullmatch(r'\w+\(.*;\n', t)]
    prototypes = [p for kind, t in blocks if kind == 'c'
                  for p in re.findall(r'^int \w+\([^;{]*\);$', t, re.M)]
    assert len(interfaces) >= 3 and len(procedures) >= 3 and len(prototypes) >= 6

    for procedure in procedures:
        interfaces.append(f'interface Test version 1 {{ {procedure} }}')
    header = one_line(''.join(compile_interface(fireflyc, t) for t in interfaces))
    for prototype in prototypes:
        assert one_line(prototype) in header, f'no header has: {prototype}'
    return len(interfaces), len(prototypes)


def check_encoding(fireflyc, text):
    rows = re.findall(r'^\| `(\w+)(\(.*?\))` *\| (\d+) *\| (\d+) *\| (.*?) *\|$', text, re.M)
    assert len(rows) >= 4
    for name, parameters, arguments, results, where in rows:
        written = compile_interface(fireflyc, f'interface T version 1 {{ {name}{parameters}; }}')
        offset, layout = re.search(r'(\d+), FLY_RESULTS_(\w+), 0}', one_line(written)).groups()
        assert f'T_{name}_ARGUMENT_BYTES = {arguments},' in written, name
        assert f'T_{name}_RESULT_BYTES = {results},' in written, name
        assert layout.lower() in where, f'{name}: {where}, but {layout}'
        assert layout != 'BEHIND' or f'at {offset}' in where, f'{name}: {where}'
        assert 'no copy' not in where or not re.search('mem(cpy|move)', written), name
    return len(rows)


def main():
    fireflyc, docs = sys.argv[1:]
    with open(os.path.join(docs, 'language.md')) as f:
        interfaces, prototypes = check_language(fireflyc, f.read())
    with open(os.path.join(docs, 'encoding.md')) as f:
        rows = check_encoding(fireflyc, f.read())
    print(f'{interfaces} interfaces, {prototypes} prototypes, {rows} layouts')


if __name__ == '__main__':
    main()
