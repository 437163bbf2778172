# SPDX-License-Identifier: BSD-3-Clause
"""Random interfaces of the whole language: their text, and what they mean."""
import random

from fly_types import (Arm, Enum, Error, FLAGS, Field, Interface, NUMBERS, Number, Parameter,
                       Procedure, String, Struct, Union, most_bytes)

FEATURES = ['arrays', 'attributes', 'bounded', 'consts', 'docs', 'enums', 'exceptions', 'includes',
            'long', 'numbers', 'optionals',
            'raises', 'strings', 'structs', 'typedefs', 'unions', 'views']
MESSAGE_ROOM = 250000  # bytes of the longest messages here
# Names that generated code uses itself, words of the language, and ordinary ones.
PARAMETERS = ['binding', 'call', 'context', 'served', 'status', 'result', 'runtime', 'peer', 'i',
              'arguments', 'results', 'procedures', 'version', 'index', 'x', 'y', 'buffer',
              'length', 'raised', 'number', 'count', 'at', 'end', 'n', 'j', 'k', 'include',
              'string', 'optional', 'exception', 'raises', 'idempotent', 'worker', 'inplace',
              'cursor', 'view', 'bytes', 'variable', 'size', 'payload', 'scratch', 'heap',
              'e0', 'from', 'to', 'out', 'value', 'values', 'text', 'fixed', 'offset', 'place',
              'loans']
FIELDS = ['a', 'b', 'x', 'y', 'value', 'text', 'size', 'count', 'length', 'status', 'as', 'number',
          'raised', 'version', 'string', 'optional', 'worker', 'i', 'n', 'data', 'at']
PROCEDURES = ['Get', 'Put', 'List', 'Sum', 'Null', 'a', 'read', 'status', 'Do_it', 'X9']
SWITCHES = ['kind', 'which', 'tag', 'd', 'n', 'i']
RESERVED = {'out', 'in', 'inout', 'bool', 'byte', 'string', 'optional'}
DOCS = ['a word', 'what would end it: */ and begin it: /* and //', 'ends in a backslash \\',
        '@name: %s %d ??/', 'Grüße, ½ → ∞', '', '  indented', '"quoted" \'text\'', '* a star',
        'a long line ' * 12, '#include <nothing.h>', '/', '*/']


class Maker:
    """One file, with or without an interface: declarations in the order in which they are made."""

    def __init__(self, rng, features, prefix, outside):
        self.rng, self.features, self.prefix = rng, features, prefix
        self.outside = outside  # names in C are those of the file
        self.declarations = []  # texts; their order in the file is free
        self.types, self.typedefs, self.constants, self.numbers = [], [], [], []
        self.errors = []
        self.taken = set()

    def has(self, feature, probability=1.0):
        return feature in self.features and self.rng.random() < probability

    def name(self, stem):
        """A name for a declaration."""
        n = len(self.taken)
        name = f'{self.prefix}{stem}{n}' if self.outside else f'{stem}{n}'
        self.taken.add(name)
        return name

    def c_name(self, name):
        return name if self.outside else f'{self.prefix}_{name}'

    def doc(self, indent):
        if not self.has('docs', 0.08):
            return ''
        lines = self.rng.choices(DOCS, k=self.rng.choice([1, 1, 2, 3]))
        return ''.join(f'{indent}///{self.rng.choice(["", " "])}{line}\n' for line in lines)

    def number(self, n):
        """n, as it may be written."""
        if self.has('consts', 0.15):
            same = [name for name, value in self.numbers if value == n]
            if same:
                return self.rng.choice(same)
            if self.rng.random() < 0.5:
                return self.constant(n)
        return f'{n:#x}' if n >= 0 and self.rng.random() < 0.2 else str(n)

    # ---- declarations

    def declare(self, text):
        self.declarations.append(self.doc('\t') + text)

    def constant(self, n):
        bits = [b for b in (8, 16, 32, 64) if -(1 << b - 1) <= n < 1 << b]
        kind = f'u{self.rng.choice([b for b in bits if n < 1 << b])}' if n >= 0 else \
            f'i{self.rng.choice([b for b in bits if -(1 << b - 1) <= n])}'
        name = self.name('MAX')
        written = f'{n:#x}' if n >= 0 and self.rng.random() < 0.3 else str(n)
        if n >= 0 and self.numbers and self.rng.random() < 0.2:
            same = [other for other, value in self.numbers if value == n]
            written = same[0] if same else written
        self.declare(f'const {kind} {name} = {written};')
        self.numbers.append((name, n))
        self.constants.append((self.c_name(name), kind, c_integer(n)))
        return name

    def other_constant(self):
        kind = self.rng.choice(['f32', 'f64', 'string', 'bool', 'i64', 'u64', 'i32', 'i8'])
        if kind in ('f32', 'f64'):
            text = self.rng.choice(['0.5', '-12.25', '1.0e10', '2.5e-3', '0.0', '3.0e+2'])
            c_text = f'{text}f' if kind == 'f32' else text
        elif kind == 'string':
            text = c_text = self.rng.choice(['""', '"good day"', '"% ??/ //"', '"/*"'])
            c_text = c_text.replace('??/', '?" "?/')
        elif kind == 'bool':
            text = c_text = self.rng.choice(['true', 'false'])
        else:
            bits = int(kind[1:])
            low, high = (0, (1 << bits) - 1) if kind[0] == 'u' else \
                (-(1 << bits - 1), (1 << bits - 1) - 1)
            n = self.rng.choice([low, high, self.rng.randint(low, high), 0])
            text, c_text = str(n), c_integer(n)
        name = self.name('CONST')
        self.declare(f'const {kind} {name} = {text};')
        self.constants.append((self.c_name(name), kind, c_text))

    def enum(self):
        name = self.name('Kind')
        values, rows = [], []
        last = -1
        for i in range(self.rng.choice([1, 2, 3, 3, 6])):
            value = last + 1
            written = ''
            if self.rng.random() < 0.4 or value in [v for _, v in values] or value > 0x7fffffff:
                value = self.rng.choice([0, 1, 10, 255, -1, -2147483648, 2147483646,
                                         self.rng.randint(-100, 1000)])
                while value in [v for _, v in values]:
                    value = self.rng.randint(-2**31, 2**31 - 2)
                written = f' = {self.number(value)}'
            label = self.rng.choice(['RED', 'plain', 'Some', 'NONE']) + str(i)
            values.append((label, value))
            rows.append(self.doc('\t\t') + f'\t\t{label}{written}')
            last = value
        self.declare(f'enum {name} {{\n' + ',\n'.join(rows) + self.rng.choice([',', '']) + '\n\t}')
        self.types.append(Enum(name, self.c_name(name), values))
        return self.types[-1]

    def fields(self, n, room, optional=True):
        """n fields: (Field, text) of each."""
        names = self.rng.sample([f for f in FIELDS if f not in RESERVED], n)
        return [self.field(name, room // n, optional) for name in names]

    def struct(self, room):
        name = self.name('Entry')
        made = self.fields(self.rng.choice([1, 1, 2, 2, 3, 4]), room)
        self.declare(f'struct {name} {{\n' +
                     ''.join(f'{self.doc(2 * chr(9))}\t\t{text};\n' for _, text in made) + '\t}')
        self.types.append(Struct(name, self.c_name(name), [f for f, _ in made]))
        return self.types[-1]

    def union(self, room):
        rng = self.rng
        name = self.name('Choice')
        enums = [t for t in self.types if isinstance(t, Enum)]
        if 'enums' in self.features and (rng.random() < 0.5 or enums):
            switch = rng.choice(enums) if enums else self.enum()
            cases = list(switch.values)
        else:
            switch = Number(rng.choice(['bool', 'byte', 'u8', 'i8', 'u16', 'i16', 'u32', 'i32']))
            if switch.kind == 'bool':
                cases = [('true', 1), ('false', 0)]
            else:
                bits = 8 * switch.size
                low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if switch.kind[0] == 'i' else \
                    (0, (1 << bits) - 1)
                values = {rng.choice([0, 1, 2, 3, low, high, rng.randint(low, high)])
                          for _ in range(rng.choice([1, 2, 3, 4]))}
                cases = [(self.number(v), v) for v in sorted(values)]
        rng.shuffle(cases)
        groups = []
        while cases:
            n = rng.choice([1, 1, 1, 2])
            groups.append(cases[:n])
            del cases[:n]
        if len(groups) > 1 and rng.random() < 0.5:
            groups.pop()  # a value without a case
        if rng.random() < 0.4:
            groups.insert(rng.randrange(len(groups) + 1), None)
        switch_name = rng.choice(SWITCHES)
        arms, rows = [], []
        names = rng.sample([f for f in FIELDS if f not in RESERVED], len(groups))
        for group, arm_name in zip(groups, names):
            field, text = (None, 'void') if rng.random() < 0.25 else \
                self.field(arm_name, room, False)
            arms.append(Arm(None if group is None else [v for _, v in group], field))
            head = 'default' if group is None else 'case ' + ', '.join(t for t, _ in group)
            rows.append(f'{self.doc(2 * chr(9))}\t\t{head}: {text};\n')
        switch_text = switch.name if isinstance(switch, Enum) else switch.kind
        self.declare(f'union {name} switch ({switch_text} {switch_name}) {{\n' +
                     ''.join(rows) + '\t}')
        self.types.append(Union(name, self.c_name(name), switch, switch_name, arms))
        return self.types[-1]

    def typedef(self, room):
        name = self.name('Type')
        field, text = self.field(name, room, False)
        self.declare(f'typedef {text};')
        self.typedefs.append(field)

    def error(self, room):
        """An exception, and its text."""
        name = self.name('Bad')
        made = self.fields(self.rng.choice([0, 1, 1, 2, 3]), room)
        taken = [e.number for e in self.errors]
        number, written = taken[-1] + 1 if taken else 1, ''
        if number in taken or number >= 1 << 31 or self.rng.random() < 0.3:
            number = self.rng.choice([9, 100, 65536, 0x7fffffff, self.rng.randint(1, 1 << 30)])
            while number in taken:
                number = self.rng.randint(1, (1 << 31) - 1)
            written = f' = {self.number(number)}'
        text = (f'exception {name}{written} {{' +
                ''.join(f'\n{self.doc(2 * chr(9))}\t\t{t};' for _, t in made) +
                ('\n\t}' if made else ' }'))
        self.errors.append(Error(name, self.c_name(name), number, [f for f, _ in made]))
        return self.errors[-1], self.doc('\t') + text

    # ---- declarators

    def element(self, room):
        """A type of at most room bytes, and how it is written."""
        rng = self.rng
        known = [t for t in self.types if most_bytes(t) <= room]
        if known and rng.random() < 0.4:
            kind = rng.choice(known)
            return kind, kind.name
        if self.has('strings', 0.2) and room >= 6:
            most = rng.choice([1, rng.randint(1, min(room - 5, 20)), rng.randint(1, room - 5)])
            return String(most), f'string<{self.number(most)}>'
        kind = rng.choice([k for k, (_, size) in NUMBERS.items() if size <= room] or ['u8'])
        return Number(kind), kind

    def field(self, name, room, optional=True):
        """A declarator: what it is, and how it is written."""
        rng = self.rng
        is_optional = optional and self.has('optionals', 0.25)
        word = 'optional ' if is_optional else ''
        room = max(room - 5, 1)
        typedefs = [t for t in self.typedefs if most_bytes(t) <= room]
        if typedefs and rng.random() < 0.2:
            known = rng.choice(typedefs)
            if known.array or rng.random() < 0.5:
                return Field(name, known.type, known.array, known.length, is_optional), \
                    f'{word}{known.name} {name}'
            kind, text = known.type, known.name
        else:
            kind, text = self.element(room if rng.random() < 0.5 else min(room, 24))
        array, length, suffix = None, 0, ''
        most = room // max(most_bytes(kind), 1)
        if self.has('arrays', 0.5) and most >= 1:
            length = rng.choice([1, rng.randint(1, min(most, 9)), rng.randint(1, most), most])
            array = 'variable' if self.has('bounded', 0.6) else 'fixed'
            brackets = '<>' if array == 'variable' else '[]'
            suffix = brackets[0] + self.number(length) + brackets[1]
        return Field(name, kind, array, length, is_optional), f'{word}{text} {name}{suffix}'

    def direct_field(self, name, room):
        n = self.rng.randint(1, min(room, 600))
        if self.has('strings', 0.3):
            return Field(name, String(n)), f'string<{self.number(n)}> {name}'
        kind = self.rng.choice(['byte', 'u8', 'i8'])
        if self.has('bounded', 0.5):
            return Field(name, Number(kind), 'variable', n), f'{kind} {name}<{self.number(n)}>'
        return Field(name, Number(kind), 'fixed', n), f'{kind} {name}[{self.number(n)}]'

    def long_field(self, name):
        """An array of numbers about as long as a packet, or longer: may it be lent?"""
        kind = self.rng.choice(list(NUMBERS))
        limit = 1968 // NUMBERS[kind][1]
        n = self.rng.choice([limit, limit + 1, self.rng.randint(limit - 9, 2 * limit)])
        if self.has('bounded', 0.5):
            return Field(name, Number(kind), 'variable', n), f'{kind} {name}<{self.number(n)}>'
        return Field(name, Number(kind), 'fixed', n), f'{kind} {name}[{self.number(n)}]'


def c_integer(n):
    if n == -(1 << 63):
        return '(-INT64_C(9223372036854775807) - 1)'
    return f'UINT64_C({n})' if n >= 1 << 63 else f'INT64_C({n})'


def make_types(maker, rng, room, some):
    """A few declarations; some: what share of them."""
    if maker.has('consts', 0.4 * some):
        maker.other_constant()
    for feature, make, probability in (
            ('enums', lambda: maker.enum(), 0.5), ('structs', lambda: maker.struct(room), 0.6),
            ('typedefs', lambda: maker.typedef(room), 0.4), ('enums', lambda: maker.enum(), 0.2),
            ('unions', lambda: maker.union(room), 0.5),
            ('structs', lambda: maker.struct(room), 0.4),
            ('unions', lambda: maker.union(room), 0.2),
            ('typedefs', lambda: maker.typedef(room), 0.2)):
        if maker.has(feature, probability * some):
            make()


def make_procedure(maker, rng, interface, name, errors, room):
    while True:
        names = rng.sample([n for n in PARAMETERS if n not in RESERVED], 8)
        parameters, texts = [], []
        # Bytes and strings alone: what the results may spoil if they lie over the arguments.
        is_direct = maker.has('arrays', 0.25)
        is_long = maker.has('long', 0.12)
        counts = [2, 3, 4, 5, 6] if is_direct else [0, 1, 1, 2, 2, 2, 3, 3, 4, 5]
        for i in range(rng.choice(counts)):
            field, text = maker.long_field(names[i]) if is_long and rng.random() < 0.6 else \
                maker.direct_field(names[i], room) if is_direct else \
                maker.field(names[i], rng.choice([room, room, 12]))
            direction = rng.choice(['in', 'out', 'inout'])
            inplace = direction != 'out' and field.is_direct() and maker.has('attributes', 0.2)
            word = 'inplace ' if inplace else ''
            parameters.append(Parameter(direction, field, inplace))
            doc = maker.doc('\t\t')
            texts.append((f'\n{doc}\t\t' if doc else '') + f'{direction} {word}{text}')
        result, arrow = None, ''
        if rng.random() < 0.4:
            result, text = maker.field('result', room, False)
            if result.array or rng.random() < 0.1:
                # Behind the arrow stands a type: an array has a name there.
                if 'typedefs' not in maker.features:
                    result, text = Field('result', Number('u32')), 'u32 result'
                else:
                    alias = maker.name('Type')
                    maker.declare('typedef ' + text[:text.rindex(' result')] + ' ' + alias +
                                  text[text.rindex(' result') + 7:] + ';')
                    text = alias + ' result'
            arrow = ' -> ' + text[:text.rindex(' result')]
        p = Procedure(name, 0, parameters, result, [])
        most = MESSAGE_ROOM if 'long' in maker.features else 1968
        if p.argument_bytes() <= most and p.result_bytes() <= most:
            break
    attributes = []
    if errors and rng.random() < 0.7:
        chosen = rng.sample(errors, rng.randint(1, len(errors)))
        p.errors = list({e.number: e for e in chosen}.values())  # of two scopes, maybe
        attributes.append(f"raises ({', '.join(e.name for e in p.errors)})")
    if maker.has('attributes', 0.2):
        for word in rng.sample([rng.choice(['inline', 'worker']), 'idempotent', 'inplace'],
                               rng.randint(1, 3)):
            attributes.append(word)
            p.flags |= FLAGS[word]
    rng.shuffle(attributes)
    text = f"{name}({', '.join(texts)}){arrow}{''.join(' ' + a for a in attributes)}"
    return p, text


def make_include(rng, features, prefix, room, includes):
    """A file of declarations; includes: makers of files that it knows."""
    maker = Maker(rng, features, prefix, True)
    for other in includes:
        borrow(maker, other)
    make_types(maker, rng, room, 1.0)
    if not maker.declarations:
        maker.constant(rng.randrange(100))
    errors = []
    if maker.has('exceptions', 0.4):
        _, text = maker.error(room)
        errors.append(text)
    texts = maker.declarations + errors
    rng.shuffle(texts)
    return maker, ''.join(f'include "{other.prefix.lower()}.fly";\n' for other in includes) + \
        ''.join(t.lstrip('\t') + '\n' for t in texts)


def borrow(maker, other):
    """What another file declares can be used."""
    maker.types += other.types
    maker.typedefs += other.typedefs
    maker.numbers += other.numbers


def make_interface(rng, number, features):
    name = f'R{number}'
    room = rng.choice([12, 30, 60, 100, 200, 400, 1000, 2200])
    n_procedures = rng.choice([1, 1, 1, 2, 2, 3])
    if 'long' in features and rng.random() < 0.03:
        room, n_procedures = 100000, 1
    interface = Interface(name, rng.choice([1, 2, 42, 4294967295]))
    maker = Maker(rng, features, name, False)
    included = []
    if maker.has('includes', 0.15):
        first, text = make_include(rng, features, f'First{number}', room, [])
        interface.includes.append((f'first{number}', text))
        included.append(first)
        if rng.random() < 0.4:
            second, text = make_include(rng, features, f'Second{number}', room, [first])
            interface.includes.append((f'second{number}', text))
            included = [second] + ([first] if rng.random() < 0.5 else [])
    for other in included:
        for kind in other.types:
            if kind not in maker.types:
                maker.types.append(kind)
        maker.typedefs += [t for t in other.typedefs if t not in maker.typedefs]
        maker.numbers += [n for n in other.numbers if n not in maker.numbers]
    make_types(maker, rng, room, 0.6)
    errors, error_texts = [], []
    if maker.has('exceptions', 0.35):
        foreign = [e for other in included for e in other.errors]
        errors += {e.c_name: e for e in foreign}.values()
        for i in range(rng.choice([1, 1, 2, 3])):
            error, text = maker.error(room)
            errors.append(error)
            error_texts.append(text)
    procedure_texts = []
    taken, last = set(), -1
    for procedure_name in rng.sample(PROCEDURES, n_procedures):
        p, text = make_procedure(maker, rng, interface, procedure_name, errors, room)
        p.number, written = last + 1, ''
        if p.number in taken or maker.has('numbers', 0.2):
            p.number = rng.choice([n for n in range(40) if n not in taken])
            if rng.random() < 0.03 and not taken:
                p.number = 4096
            written = f' = {maker.number(p.number)}'
        last = p.number
        taken.add(p.number)
        interface.procedures.append(p)
        procedure_texts.append(maker.doc('\t') + f'\t{text}{written}')

    # The order of declarations is free, but for numbers that follow from it.
    lines = [(rng.random(), f'\t{t};\n' if not t.endswith(';') else f'\t{t}\n')
             for t in maker.declarations]
    for texts in (error_texts, procedure_texts):
        places = sorted(rng.random() for _ in texts)
        lines += [(place, f'\t{t}{";" if texts is procedure_texts else ""}\n')
                  for place, t in zip(places, texts)]
    interface.types = maker.types
    interface.errors = errors
    interface.constants = maker.constants + [c for o in included for c in o.constants]
    interface.text = ''.join(f'include "{o.prefix.lower()}.fly";\n' for o in included) + \
        maker.doc('') + f'interface {name} version {interface.version} {{\n' + \
        ''.join(t for _, t in sorted(lines, key=lambda line: line[0])) + '}\n'
    return interface


def make(seed, number, features):
    """The same interface for the same seed, number and features."""
    return make_interface(random.Random(f'{seed} {number}'), number, features)
