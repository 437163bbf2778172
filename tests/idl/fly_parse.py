# SPDX-License-Identifier: BSD-3-Clause
"""Reads interface files into fly_types.Interface. Believes that they are right."""
import os
import re

from fly_types import (Arm, Enum, Error, FLAGS, Field, Interface, NUMBERS, Number, Parameter,
                       Procedure, String, Struct, Union)

TOKEN = re.compile(r'\s+|//[^\n]*|/\*.*?\*/|'
                   r'(0x[0-9a-fA-F]+|\d+\.\d+(?:e[+-]?\d+)?|\w+|"[^"]*"|->|.)', re.S)


class Declaration:
    """One that is not yet resolved: its order is free. tokens: behind its name."""

    def __init__(self, keyword, name, c_name, tokens):
        self.keyword, self.name, self.c_name, self.tokens = keyword, name, c_name, tokens
        self.meaning = None


class Tokens:
    def __init__(self, tokens):
        self.tokens, self.at = tokens, 0

    def peek(self, ahead=0):
        return self.tokens[self.at + ahead] if self.at + ahead < len(self.tokens) else None

    def next(self):
        self.at += 1
        return self.tokens[self.at - 1]

    def take(self, *words):
        """The next one, if it is one of these."""
        return self.next() if self.peek() in words else None

    def must(self, word):
        token = self.next()
        assert token == word, f'{token} where {word} was expected'

    def until_end_of_declaration(self):
        """Up to a semicolon, or the brace that closes the first one that opens."""
        depth, out = 0, []
        while True:
            token = self.next()
            out.append(token)
            depth += (token == '{') - (token == '}')
            if depth == 0 and token in ';}':
                return Tokens(out)


class Parser:
    def __init__(self):
        self.declarations = {}
        self.interface = None
        self.errors = {}  # of each scope, in order of declaration
        self.files = []

    def read(self, path):
        if path in self.files:
            return
        self.files.append(path)
        with open(path) as f:
            tokens = Tokens([t for t in TOKEN.findall(f.read()) if t])
        while tokens.peek():
            if tokens.peek() == 'include':
                tokens.next()
                self.read(os.path.join(os.path.dirname(path), tokens.next()[1:-1]))
                tokens.must(';')
            elif tokens.peek() == 'interface':
                self.read_interface(tokens)
            else:
                self.read_declaration(tokens, '', path)

    def read_interface(self, tokens):
        tokens.next()
        self.interface = Interface(tokens.next(), 0)
        tokens.must('version')
        self.interface.version = int(tokens.next(), 0)
        tokens.must('{')
        procedures = []
        while not tokens.take('}'):
            if tokens.peek(1) == '(':
                procedures.append(tokens.until_end_of_declaration())
            else:
                self.read_declaration(tokens, self.interface.name + '_', None)
        self.interface_procedures = procedures

    def read_declaration(self, tokens, prefix, scope):
        keyword = tokens.next()
        if keyword == ';':
            return
        body = tokens.until_end_of_declaration()
        if keyword == 'typedef':
            name = body.tokens[4 if body.tokens[:2] == ['string', '<'] else 1]
        elif keyword == 'const':
            name = body.tokens[1]
        else:
            name = body.next()
        d = Declaration(keyword, name, prefix + name, body)
        self.declarations[name] = d
        if keyword == 'exception':
            self.errors.setdefault(scope, []).append(d)

    # ---- what declarations mean

    def value(self, tokens, names=()):
        """A number, or what stands for one; names: of the enumerators of a switch."""
        sign = -1 if tokens.take('-') else 1
        token = tokens.next()
        if token in dict(names):
            return dict(names)[token]
        if token in ('true', 'false'):
            return int(token == 'true')
        if token[0].isdigit():
            return sign * int(token, 0)
        body = Tokens(self.declarations[token].tokens.tokens)
        body.at = 3  # type, name, =
        return self.value(body)

    def type(self, tokens):
        """A type, or the Field that a typedef stands for."""
        word = tokens.next()
        if word == 'string' and tokens.peek() == '<':
            tokens.next()
            most = self.value(tokens)
            tokens.must('>')
            return String(most)
        if word in NUMBERS:
            return Number(word)
        return self.resolve(self.declarations[word])

    def resolve(self, d):
        if d.meaning is None:
            d.tokens.at = 1 if d.tokens.tokens[0] == d.name else 0
            d.meaning = getattr(self, 'make_' + d.keyword)(d, d.tokens)
        return d.meaning

    def make_enum(self, d, tokens):
        values, last = [], -1
        tokens.must('{')
        while not tokens.take('}'):
            label = tokens.next()
            last = self.value(tokens) if tokens.take('=') else last + 1
            values.append((label, last))
            tokens.take(',')
        return Enum(d.name, d.c_name, values)

    def fields(self, tokens):
        out = []
        tokens.must('{')
        while not tokens.take('}'):
            out.append(self.field(tokens))
            tokens.must(';')
        return out

    def make_struct(self, d, tokens):
        return Struct(d.name, d.c_name, self.fields(tokens))

    def make_typedef(self, d, tokens):
        return self.field(tokens)

    def make_union(self, d, tokens):
        for word in ('switch', '('):
            tokens.must(word)
        switch, switch_name = self.type(tokens), tokens.next()
        if isinstance(switch, Field):
            switch = switch.type
        tokens.must(')')
        tokens.must('{')
        arms = []
        while not tokens.take('}'):
            cases = None
            if tokens.next() == 'case':
                cases = [self.value(tokens, getattr(switch, 'values', ()))]
                while tokens.take(','):
                    cases.append(self.value(tokens, getattr(switch, 'values', ())))
            tokens.must(':')
            arms.append(Arm(cases, None if tokens.take('void') else self.field(tokens)))
            tokens.must(';')
        return Union(d.name, d.c_name, switch, switch_name, arms)

    def field(self, tokens):
        optional = tokens.peek() == 'optional' and tokens.peek(1) not in tuple(';,)[=') and \
            bool(tokens.next())
        kind = self.type(tokens)
        name = tokens.next()
        if isinstance(kind, Field):
            f = Field(name, kind.type, kind.array, kind.length, optional or kind.optional)
        else:
            f = Field(name, kind, None, 0, optional)
        bracket = tokens.take('[', '<')
        if bracket:
            f.array = 'fixed' if bracket == '[' else 'variable'
            f.length = self.value(tokens)
            tokens.must(']' if bracket == '[' else '>')
        return f

    def make_errors(self):
        out = {}
        for scope in self.errors.values():
            number = 0
            for d in scope:
                tokens = d.tokens
                tokens.at = 1
                number = self.value(tokens) if tokens.take('=') else number + 1
                out[d.name] = Error(d.name, d.c_name, number, self.fields(tokens))
        return out

    def procedure(self, tokens, number, errors):
        name = tokens.next()
        p = Procedure(name, number, [], None, [])
        tokens.must('(')
        while not tokens.take(')'):
            direction = tokens.next()
            inplace = tokens.peek() == 'inplace' and tokens.peek(1) not in tuple(',)[<') and \
                bool(tokens.next())
            p.parameters.append(Parameter(direction, self.field(tokens), inplace))
            tokens.take(',')
        if tokens.take('->'):
            kind = self.type(tokens)
            p.result = kind if isinstance(kind, Field) else Field('', kind)
        while tokens.peek() not in ('=', ';'):
            word = tokens.next()
            if word == 'raises':
                tokens.must('(')
                while not tokens.take(')'):
                    p.errors.append(errors[tokens.next()])
                    tokens.take(',')
            else:
                p.flags |= FLAGS[word]
        if tokens.take('='):
            p.number = self.value(tokens)
        return p


def parse(path):
    """The interface of a file. Its includes are the paths of all files that it needs."""
    parser = Parser()
    parser.read(path)
    interface = parser.interface
    interface.base = os.path.splitext(os.path.basename(path))[0]
    interface.includes = parser.files[1:]
    errors = parser.make_errors()
    interface.errors = list(errors.values())
    interface.types = [parser.resolve(d) for d in parser.declarations.values()
                       if d.keyword in ('enum', 'struct', 'union')]
    number = 0
    for tokens in parser.interface_procedures:
        p = parser.procedure(tokens, number, errors)
        interface.procedures.append(p)
        number = p.number + 1
    return interface
