#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""examples.py FIREFLYC DOCS - do the examples in language.md and encoding.md still hold?

Interfaces in language.md must compile, the procedures there and in the tables of encoding.md too,
and each prototype, struct, enum, typedef and macro shown must be in the header that comes of them.
The places of results in encoding.md must be those in the generated table.
"""
import os
import re
import subprocess
import sys
import tempfile


ADDRESS = None  # the text of address.fly, which another interface includes


def compile_interface(fireflyc, text):
    """What fireflyc makes of it: the header and the server's stubs, in one string."""
    with tempfile.TemporaryDirectory() as scratch:
        path = os.path.join(scratch, 'example.fly')
        for name, content in (('address.fly', ADDRESS), ('example.fly', text)):
            with open(os.path.join(scratch, name), 'w') as f:
                f.write(content)
        subprocess.run([fireflyc, '-o', scratch, path], check=True)
        written = ''
        for suffix in ('.h', '_server.c'):
            if os.path.exists(os.path.join(scratch, 'example' + suffix)):
                with open(os.path.join(scratch, 'example' + suffix)) as f:
                    written += f.read()
        return written


def one_line(text):
    return re.sub(r'\s+', ' ', text)


def declarations(text):
    """What a C example declares: prototypes, structs and enums, typedefs, macros."""
    found = re.findall(r'^(?:int|void) \w+\([^;{]*\);$', text, re.M)
    found += re.findall(r'^(?:struct|enum) \w+ \{\n.*?^\};$', text, re.M | re.S)
    found += re.findall(r'^typedef .*;$', text, re.M)
    found += re.findall(r'^#define .*$', text, re.M)
    for enum in re.findall(r'^enum \{\n(.*?)^\};$', text, re.M | re.S):
        found += enum.split('\n')
    return [one_line(f).strip() for f in found if f.strip()]


def check_language(fireflyc, text):
    global ADDRESS
    blocks = re.findall(r'^```(\w*)\n(.*?)^```$', text, re.M | re.S)
    plain = [t for kind, t in blocks if not kind]
    ADDRESS = next(t for t in plain if t.startswith('/// Where something came from.'))
    interfaces = [t for t in plain if re.search(r'^interface \w+ v', t, re.M)] + [ADDRESS]
    procedures = [t for t in plain if re.fullmatch(r'\w+\(.*;\n', t)]
    procedures += ['MaxResult(out byte buffer[1440]);', 'Add(in u32 a, in u32 b) -> u32;']
    shown = [d for kind, t in blocks if kind == 'c' for d in declarations(t)]
    assert len(interfaces) >= 12 and len(procedures) >= 5 and len(shown) >= 40

    for procedure in procedures:
        interfaces.append(f'interface Test version 1 {{ {procedure} }}')
    header = one_line(''.join(compile_interface(fireflyc, t) for t in interfaces))
    for declaration in shown:
        assert declaration in header, f'no header has: {declaration}'
    return len(interfaces), len(shown)


def check_encoding(fireflyc, text):
    rows = re.findall(r'^\| `(\w+)(\(.*?\))` *\| ([\d to]+?) *\| ([\d to]+?) *\| (.*?) *\|$', text,
                      re.M)
    assert len(rows) >= 7
    for name, parameters, arguments, results, where in rows:
        written = compile_interface(fireflyc, f'interface T version 1 {{ {name}{parameters}; }}')
        offset, layout = re.search(r'(\d+), FLY_RESULTS_(\w+), 0}', one_line(written)).groups()
        for what, bytes_ in (('ARGUMENT', arguments), ('RESULT', results)):
            least, _, most = bytes_.partition(' to ')
            assert f'T_{name}_{what}_BYTES = {least},' in written, name
            assert not most or f'T_{name}_{what}_BYTES_MAX = {most},' in written, name
        assert layout.lower() in where, f'{name}: {where}, but {layout}'
        assert layout != 'BEHIND' or f'at {offset}' in where, f'{name}: {where}'
        # a copy over a local link does not count
        written = re.sub(r'if \(results != arguments\)\n\t\tmemcpy\(.*\);', '', written)
        assert 'no copy' not in where or not re.search('mem(cpy|move)', written), name
    return len(rows)


def main():
    fireflyc, docs = sys.argv[1:]
    with open(os.path.join(docs, 'language.md')) as f:
        interfaces, shown = check_language(fireflyc, f.read())
    with open(os.path.join(docs, 'encoding.md')) as f:
        rows = check_encoding(fireflyc, f.read())
    print(f'{interfaces} interfaces, {shown} declarations, {rows} layouts')


if __name__ == '__main__':
    main()
