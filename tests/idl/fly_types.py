# SPDX-License-Identifier: BSD-3-Clause
"""The types of the interface language, and what their values are on the wire.

Written from docs/encoding.md and docs/language.md, not from the stub compiler: the tests compare
the two. A value is, in Python:

    a number or bool      its bytes, little-endian
    an array of those     the bytes of all, in one piece
    an enum               an int
    a string              bytes, without the NUL
    a struct              a list with the value of each field
    a union               (discriminant as an int, index of the arm or None, value of the arm)
    another array         a list
    optional              None, or the value

Besides the wire there is the *stream*, which tests/idl/fuzz_values.c reads and writes: the same
values depth first, one after the other, without fixed and variable parts.
"""
import struct

NUMBERS = {  # name: C type, bytes
    'bool': ('bool', 1), 'byte': ('uint8_t', 1), 'u8': ('uint8_t', 1), 'i8': ('int8_t', 1),
    'u16': ('uint16_t', 2), 'i16': ('int16_t', 2), 'u32': ('uint32_t', 4), 'i32': ('int32_t', 4),
    'u64': ('uint64_t', 8), 'i64': ('int64_t', 8), 'f32': ('float', 4), 'f64': ('double', 8),
}
BYTES = ('byte', 'u8', 'i8')
NO_ARM = 0xffffffff


class Malformed(Exception):
    pass


class Number:
    def __init__(self, kind):
        self.kind = kind
        self.c_name, self.size = NUMBERS[kind]


class Enum:
    size = 4

    def __init__(self, name, c_name, values):
        self.name, self.values = name, values  # values: [(label, int)]
        self.c_name = 'enum ' + c_name
        self.prefix = c_name

    def numbers(self):
        return [value for _, value in self.values]


class String:
    def __init__(self, most):
        self.most = most


class Struct:
    def __init__(self, name, c_name, fields):
        self.name, self.fields = name, fields
        self.prefix = c_name
        self.c_name = 'struct ' + c_name


class Arm:
    def __init__(self, cases, field):
        self.cases, self.field = cases, field  # cases: ints, or None: default; field None: void


class Union:
    def __init__(self, name, c_name, switch, switch_name, arms):
        self.name, self.switch, self.switch_name, self.arms = name, switch, switch_name, arms
        self.prefix = c_name
        self.c_name = 'struct ' + c_name

    def arm_of(self, value):
        """The index of the arm; None: there is no such case."""
        default = None
        for i, arm in enumerate(self.arms):
            if arm.cases is None:
                default = i
            elif value in arm.cases:
                return i
        return default

    def possible(self, value):
        """May the discriminant have this value, whether there is an arm or not?"""
        if isinstance(self.switch, Enum):
            return value in self.switch.numbers()
        return self.switch.kind != 'bool' or value in (0, 1)

    def pack(self, value):
        return (value & ((1 << 8 * self.switch.size) - 1)).to_bytes(self.switch.size, 'little')

    def unpack(self, data):
        signed = isinstance(self.switch, Enum) or self.switch.kind[0] == 'i'
        return int.from_bytes(data, 'little', signed=signed)


class Field:
    """A field, parameter, arm, or what a typedef stands for. array: None, 'fixed', 'variable'."""

    def __init__(self, name, kind, array=None, length=0, optional=False):
        self.name, self.type, self.array, self.length = name, kind, array, length
        self.optional = optional

    def bare(self):
        return Field(self.name, self.type, self.array, self.length)

    def is_direct(self):
        """Read and written where it lies in a packet?"""
        return not self.optional and (self.is_bytes() or
                                      isinstance(self.type, String) and not self.array)

    def is_lendable(self):
        """An array of numbers, without bools, which may be longer than a packet."""
        return bool(self.array) and not self.optional and isinstance(self.type, Number) and \
            self.type.kind != 'bool' and self.type.size * self.length > 1968

    def is_bytes(self):
        return bool(self.array) and isinstance(self.type, Number) and self.type.kind in BYTES


# ---- lengths -----------------------------------------------------------------------------------


def most_bytes(it):
    """The longest encoding, fixed and variable parts together."""
    if isinstance(it, (Number, Enum)):
        return it.size
    if isinstance(it, String):
        return 4 + it.most + 1
    if isinstance(it, Struct):
        return sum(most_bytes(f) for f in it.fields)
    if isinstance(it, Union):
        return it.switch.size + max([most_bytes(a.field) for a in it.arms if a.field] or [0])
    n = most_bytes(it.type) * (it.length if it.array else 1)
    return n + (4 if it.array == 'variable' else 0) + (1 if it.optional else 0)


def has_one_length(it):
    if isinstance(it, (Number, Enum)):
        return True
    if isinstance(it, Struct):
        return all(has_one_length(f) for f in it.fields)
    if isinstance(it, Union):
        return not any(a.field for a in it.arms)
    if isinstance(it, Field):
        return not it.optional and it.array != 'variable' and has_one_length(it.type)
    return False


# ---- encoding ----------------------------------------------------------------------------------


def u32(n):
    return struct.pack('<I', n)


class Encoder:
    """fixed and variable are the two columns of the table in docs/encoding.md."""

    def __init__(self):
        self.chunks = []  # (bytes, what a test may spoil there)

    def add(self, data, note=None):
        self.chunks.append((data, note))

    def bytes(self):
        return b''.join(data for data, _ in self.chunks)

    def spots(self):
        """(offset, length, note) of everything that can be spoilt."""
        offset = 0
        for data, note in self.chunks:
            if note and data:
                yield offset, len(data), note
            offset += len(data)

    def message(self, fields, values):
        for f, v in zip(fields, values):
            self.fixed(f, v)
        for f, v in zip(fields, values):
            self.variable(f, v)
        return self

    def fixed(self, f, v):
        if f.optional:
            self.add(b'\0' if v is None else b'\1', 'bool')
        else:
            self.bare_fixed(f, v)

    def variable(self, f, v):
        if not f.optional:
            self.bare_variable(f, v)
        elif v is not None:
            self.bare_fixed(f, v)
            self.bare_variable(f, v)

    def bare_fixed(self, f, v):
        if f.array == 'variable':
            self.add(u32(elements(f, v)), ('count', f.length))
        elif f.array:
            self.all_fixed(f.type, v)
        else:
            self.type_fixed(f.type, v)

    def bare_variable(self, f, v):
        if f.array == 'variable':
            self.all_fixed(f.type, v)
        if not f.array:
            self.type_variable(f.type, v)
        elif not isinstance(f.type, Number):
            for element in v:
                self.type_variable(f.type, element)

    def all_fixed(self, kind, values):
        if isinstance(kind, Number):
            self.add(values, 'bool' if kind.kind == 'bool' else None)
            return
        for v in values:
            self.type_fixed(kind, v)

    def type_fixed(self, kind, v):
        if isinstance(kind, Number):
            self.add(v, 'bool' if kind.kind == 'bool' else None)
        elif isinstance(kind, Enum):
            self.add(struct.pack('<i', v), ('enum', kind))
        elif isinstance(kind, String):
            self.add(u32(len(v)), ('count', kind.most))
        elif isinstance(kind, Struct):
            for f, x in zip(kind.fields, v):
                self.fixed(f, x)
        else:
            self.add(kind.pack(v[0]), ('union', kind))

    def type_variable(self, kind, v):
        if isinstance(kind, String):
            self.add(v, 'text')
            self.add(b'\0', 'nul')
        elif isinstance(kind, Struct):
            for f, x in zip(kind.fields, v):
                self.variable(f, x)
        elif isinstance(kind, Union):
            f = kind.arms[v[1]].field
            if f:
                self.bare_fixed(f, v[2])
                self.bare_variable(f, v[2])


def elements(f, v):
    return len(v) // f.type.size if isinstance(f.type, Number) else len(v)


def encode(fields, values):
    return Encoder().message(fields, values)


# ---- decoding: says of any bytes what they mean, or that they are malformed --------------------


class Decoder:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        if len(self.data) - self.at < n:
            raise Malformed('too short')
        self.at += n
        return self.data[self.at - n:self.at]

    def take_bounded(self, most):
        n, = struct.unpack('<I', self.take(4))
        if n > most:
            raise Malformed('too many')
        return n

    def message(self, fields):
        halves = [self.fixed(f) for f in fields]
        values = [self.variable(f, h) for f, h in zip(fields, halves)]
        if self.at != len(self.data):
            raise Malformed('too long')
        return values

    def flag(self):
        flag = self.take(1)[0]
        if flag > 1:
            raise Malformed('flag')
        return bool(flag)

    def fixed(self, f):
        return self.flag() if f.optional else self.bare_fixed(f)

    def variable(self, f, half):
        if not f.optional:
            return self.bare_variable(f, half)
        return self.bare_variable(f, self.bare_fixed(f)) if half else None

    def bare_fixed(self, f):
        if f.array == 'variable':
            return self.take_bounded(f.length)
        return self.all_fixed(f.type, f.length) if f.array else self.type_fixed(f.type)

    def bare_variable(self, f, half):
        if f.array == 'variable':
            half = self.all_fixed(f.type, half)
        if not f.array:
            return self.type_variable(f.type, half)
        if isinstance(f.type, Number):
            return half
        return [self.type_variable(f.type, h) for h in half]

    def all_fixed(self, kind, n):
        if not isinstance(kind, Number):
            return [self.type_fixed(kind) for _ in range(n)]
        data = self.take(n * kind.size)
        if kind.kind == 'bool' and data.strip(b'\0\1'):
            raise Malformed('bool')
        return data

    def type_fixed(self, kind):
        if isinstance(kind, Number):
            return self.all_fixed(kind, 1)
        if isinstance(kind, Enum):
            value, = struct.unpack('<i', self.take(4))
            if value not in kind.numbers():
                raise Malformed('enum')
            return value
        if isinstance(kind, String):
            return self.take_bounded(kind.most)
        if isinstance(kind, Struct):
            return [self.fixed(f) for f in kind.fields]
        value = kind.unpack(self.take(kind.switch.size))
        if not kind.possible(value) or kind.arm_of(value) is None:
            raise Malformed('discriminant')
        return value

    def type_variable(self, kind, half):
        if isinstance(kind, String):
            text = self.take(half + 1)
            if text.index(b'\0') != half if b'\0' in text else True:
                raise Malformed('string')
            return text[:-1]
        if isinstance(kind, Struct):
            return [self.variable(f, h) for f, h in zip(kind.fields, half)]
        if isinstance(kind, Union):
            arm = kind.arm_of(half)
            f = kind.arms[arm].field
            return half, arm, self.bare_variable(f, self.bare_fixed(f)) if f else None
        return half


def decode(fields, data):
    """The values, or None if the message is malformed."""
    try:
        return Decoder(data).message(fields)
    except Malformed:
        return None


# ---- the stream --------------------------------------------------------------------------------


def stream(fields, values):
    out = []
    for f, v in zip(fields, values):
        stream_field(f, v, out)
    return b''.join(out)


def stream_field(f, v, out):
    if f.optional:
        out.append(b'\0' if v is None else b'\1')
        if v is None:
            return
    if isinstance(v, TooMany):
        out.append(u32(v.count))
        v = v.values
    elif f.array == 'variable':
        out.append(u32(elements(f, v)))
    if not f.array:
        stream_type(f.type, v, out)
    elif isinstance(f.type, Number):
        out.append(v)
    else:
        for element in v:
            stream_type(f.type, element, out)


def stream_type(kind, v, out):
    if isinstance(kind, Number):
        out.append(v)
    elif isinstance(kind, Enum):
        out.append(struct.pack('<i', v))
    elif isinstance(kind, String):
        out += [u32(len(v)), v]
    elif isinstance(kind, Struct):
        for f, x in zip(kind.fields, v):
            stream_field(f, x, out)
    else:
        out += [kind.pack(v[0]), u32(NO_ARM if v[1] is None else v[1])]
        if v[1] is not None and kind.arms[v[1]].field:
            stream_field(kind.arms[v[1]].field, v[2], out)


class TooMany:
    """An array with a count above its bound: as many elements as the bound, and the count."""

    def __init__(self, count, values):
        self.count, self.values = count, values


# ---- random values -----------------------------------------------------------------------------


def random_count(rng, most, mode):
    if mode == 'empty':
        return 0
    if mode == 'full':
        return most
    return rng.choice([0, 1, most, rng.randint(0, most), rng.randint(0, min(most, 5))])


def random_field(rng, f, mode):
    """mode: 'empty', as short as it goes; 'full', as long; 'random'."""
    if f.optional and (mode == 'empty' or mode == 'random' and rng.random() < 0.4):
        return None
    if not f.array:
        return random_type(rng, f.type, mode)
    n = f.length if f.array == 'fixed' else random_count(rng, f.length, mode)
    if isinstance(f.type, Number):
        return random_numbers(rng, f.type, n)
    return [random_type(rng, f.type, mode) for _ in range(n)]


def random_numbers(rng, kind, n):
    if kind.kind == 'bool':
        return bytes(b & 1 for b in rng.randbytes(n))
    if n == 1 and rng.random() < 0.2:
        return rng.choice([b'\0' * kind.size, b'\xff' * kind.size,
                           b'\0' * (kind.size - 1) + b'\x80'])
    return rng.randbytes(kind.size * n)


def random_text(rng, n):
    return rng.randbytes(n).replace(b'\0', b'x')


def random_type(rng, kind, mode):
    if isinstance(kind, Number):
        return random_numbers(rng, kind, 1)
    if isinstance(kind, Enum):
        return rng.choice(kind.numbers())
    if isinstance(kind, String):
        return random_text(rng, random_count(rng, kind.most, mode))
    if isinstance(kind, Struct):
        return [random_field(rng, f, mode) for f in kind.fields]
    return random_union(rng, kind, mode)


def random_union(rng, kind, mode):
    sizes = [most_bytes(a.field) if a.field else 0 for a in kind.arms]
    chosen = rng.randrange(len(kind.arms))
    if mode == 'full':
        chosen = sizes.index(max(sizes))
    value = random_discriminant(rng, kind, chosen)
    if value is None:  # the default arm is out of reach
        chosen = next(i for i, a in enumerate(kind.arms) if a.cases)
        value = rng.choice(kind.arms[chosen].cases)
    f = kind.arms[chosen].field
    return value, chosen, random_field(rng, f, mode) if f else None


def random_discriminant(rng, kind, chosen):
    """A discriminant that leads to this arm, or, chosen None, to none; None: there is none."""
    if chosen is not None and kind.arms[chosen].cases is not None:
        return rng.choice(kind.arms[chosen].cases)
    if isinstance(kind.switch, Enum):
        candidates = kind.switch.numbers()
    elif kind.switch.kind == 'bool':
        candidates = [0, 1]
    else:
        candidates = [kind.unpack(rng.randbytes(kind.switch.size)) for _ in range(8)]
        candidates += [kind.unpack(kind.pack(n)) for n in (0, 1, 2, 3, 100, -1)]
    candidates = [c for c in candidates if kind.arm_of(c) == chosen]
    return rng.choice(candidates) if candidates else None


# ---- interfaces --------------------------------------------------------------------------------


class Error:
    """An exception: name is that in C behind `as.`, c_name that of its struct and number."""

    def __init__(self, name, c_name, number, fields):
        self.name, self.c_name, self.number, self.fields = name, c_name, number, fields
        self.struct = Struct(name, c_name, fields)


class Parameter:
    def __init__(self, direction, field, inplace=False):
        self.direction, self.field, self.inplace = direction, field, inplace


FLAGS = {'inline': 1, 'worker': 2, 'idempotent': 4, 'inplace': 8}


class Procedure:
    def __init__(self, name, number, parameters, result, errors, flags=0):
        self.name, self.number, self.parameters, self.result = name, number, parameters, result
        self.errors, self.flags = errors, flags

    def all_parameters(self):
        """As they stand in C: the result is the last one."""
        return self.parameters + ([Parameter('out', self.result)] if self.result else [])

    def arguments(self):
        return [p.field for p in self.parameters if p.direction != 'out']

    def results(self):
        """As they stand in C; on the wire the result comes first."""
        return [p.field for p in self.all_parameters() if p.direction != 'in']

    def to_wire(self, results):
        return results[-1:] + results[:-1] if self.result else results

    def from_wire(self, results):
        return results[1:] + results[:1] if self.result else results

    def all_flags(self):
        """'inplace' holds also if it is said of each parameter that is read in place."""
        direct = [p for p in self.parameters if p.direction != 'out' and p.field.is_direct()]
        marked = direct and all(p.inplace for p in direct)
        return self.flags | (FLAGS['inplace'] if marked else 0)

    def lends_argument(self, p):
        """May the caller's stub lend this parameter, when it is long?"""
        return p.direction != 'out' and p.field.is_lendable()

    def lends_result(self, p):
        others = [f for f in self.results() if f is not p.field]
        return p.direction == 'out' and p.field.is_lendable() and \
            (p.field.array == 'fixed' or all(has_one_length(f) for f in others))

    def argument_bytes(self):
        return sum(most_bytes(f) for f in self.arguments())

    def result_bytes(self):
        return max([sum(most_bytes(f) for f in self.results())] +
                   [4 + most_bytes(e.struct) for e in self.errors])


class Interface:
    """includes: [(base name of the file, its text)]; constants: [(name in C, type, text in C)]."""

    def __init__(self, name, version):
        self.name, self.version = name, version
        self.text = ''
        self.base = name.lower()
        self.includes, self.constants, self.types, self.errors = [], [], [], []
        self.procedures = []
