# SPDX-License-Identifier: BSD-3-Clause
"""C for an interface: its tables of fuzz_calls.h, and functions between them and generated code.

The prototypes that docs/language.md promises are written down here once more; a compiler sees them
beside the generated header, and refuses what differs.
"""
from fly_types import Enum, Number, String, Struct, Union, has_one_length, most_bytes

DIRECTIONS = {'in': 'CALL_IN', 'out': 'CALL_OUT', 'inout': 'CALL_INOUT'}
WIDE_VIEWS = True  # of arrays of more than bytes
ARRAYS = {None: 'VALUE_ONE', 'fixed': 'VALUE_FIXED', 'variable': 'VALUE_VARIABLE'}


def is_plain(f):
    """Passed by value?"""
    return not f.array and isinstance(f.type, (Number, Enum))


def is_text(f):
    return isinstance(f.type, String)


# ---- prototypes --------------------------------------------------------------------------------


def declare_in(f, name):
    out = [f'bool has_{name}'] if f.optional else []
    kind = 'char' if is_text(f) else f.type.c_name
    room = f'[{f.type.most} + 1]' if is_text(f) else ''
    if f.array == 'variable':
        out += [f'const char (*{name}){room}' if is_text(f) else f'const {kind} *{name}',
                f'uint32_t {name}_count']
    elif f.array:
        out.append(f'const {kind} {name}[{f.length}]{room}')
    elif is_plain(f):
        out.append(f'{kind} {name}')
    else:
        out.append(f'const {kind} *{name}')
    return out


def declare_out(f, name):
    out = [f'bool *has_{name}'] if f.optional else []
    kind = 'char' if is_text(f) else f.type.c_name
    room = f'[{f.type.most} + 1]' if is_text(f) else ''
    if f.array:
        out.append(f'{kind} {name}[{f.length}]{room}')
    elif is_text(f):
        out.append(f'char {name}{room}')
    else:
        out.append(f'{kind} *{name}')
    if f.array == 'variable':
        out.append(f'uint32_t *{name}_count')
    return out


def view_of(f):
    """How a view hands it out: None: as _finish does; else 'bytes', 'string', or a struct."""
    if f.optional:
        return None
    if is_text(f):
        return None if f.array else 'string'
    if f.is_bytes():
        return 'bytes'
    if not f.array or not has_one_length(f.type) or not WIDE_VIEWS:
        return None
    if isinstance(f.type, (Struct, Union)):
        return f'struct @_{f.type.name}_view'  # @: the name of the interface
    if isinstance(f.type, Enum):
        return 'struct fly_i32_view'
    return f'struct fly_{f.type.kind}_view'


def declare_view(f, name):
    kind = view_of(f)
    if not kind:
        return declare_out(f, name)
    if kind == 'string':
        return [f'const char **{name}']
    if kind != 'bytes':
        return [f'{kind} *{name}']
    count = [f'uint32_t *{name}_count'] if f.array == 'variable' else []
    return [f'const {f.type.c_name} **{name}'] + count


def raised_parameter(interface, p):
    return [f'struct {interface.name}_{p.name}_raised *raised'] if p.errors else []


def each(p):
    return [(f'p{i}', q.direction, q.field) for i, q in enumerate(p.all_parameters())]


def has_view(p):
    return any(d != 'in' and view_of(f) for _, d, f in each(p))


def has_start_from(p):
    return any(p.lends_argument(q) for q in p.all_parameters())


def prototypes(interface, p):
    head = f'int {interface.name}_{p.name}'
    raised = raised_parameter(interface, p)
    plain, start, finish, view = ['struct fly_binding *binding'], ['struct fly_binding *binding'], \
        ['struct fly_call *call'], ['struct fly_call *call']
    for name, direction, f in each(p):
        plain += declare_in(f, name) if direction == 'in' else declare_out(f, name)
        if direction != 'out':
            start += declare_in(f, name)
        if direction != 'in':
            finish += declare_out(f, name)
            view += declare_view(f, name)
    out = [f"{head}({', '.join(plain + raised)});\n",
           f"{head}_start({', '.join(start + ['struct fly_call **call'])});\n",
           f"{head}_finish({', '.join(finish + raised)});\n"]
    if has_start_from(p):
        out.append(f"{head}_start_from({', '.join(start + ['struct fly_call **call'])});\n")
    if has_view(p):
        out.append(f"{head}_view({', '.join(view + raised)});\n".replace('@', interface.name))
    return ''.join(out)


# ---- tables ------------------------------------------------------------------------------------


def type_reference(kind):
    if isinstance(kind, Number):
        return f'&value_{kind.size}'
    if isinstance(kind, Enum):
        return '&value_4'
    if isinstance(kind, String):
        return (f'&(const struct value_type){{.kind = VALUE_STRING, .most = {kind.most}, '
                f'.size = {kind.most} + 1}}')
    return f'&{kind.prefix}_type'


def field_table(f, offsets=''):
    optional = 'true' if f.optional else 'false'
    return (f'{{.type = {type_reference(f.type)}, .array = {ARRAYS[f.array]}, '
            f'.optional = {optional}, .length = {f.length}{offsets}}}')


def offsets_in_struct(s, f):
    out = f', .at = offsetof({s.c_name}, {f.name})'
    if f.array == 'variable':
        out += f', .count_at = offsetof({s.c_name}, {f.name}_count)'
    if f.optional:
        out += f', .has_at = offsetof({s.c_name}, has_{f.name})'
    return out


def arm_table(u, arm):
    f = arm.field
    if not f:
        return '{.type = NULL}'
    if f.array != 'variable':
        return field_table(f, f', .at = offsetof({u.c_name}, as.{f.name})')
    return field_table(f, f', .at = offsetof({u.c_name}, as.{f.name}.{f.name}), '
                          f'.count_at = offsetof({u.c_name}, as.{f.name}.{f.name}_count)')


def type_tables(kind, done):
    """Tables of a type and of all in it that are not yet done."""
    if not isinstance(kind, (Struct, Union)) or kind.prefix in done:
        return ''
    done.add(kind.prefix)
    fields = kind.fields if isinstance(kind, Struct) else [a.field for a in kind.arms if a.field]
    out = ''.join(type_tables(f.type, done) for f in fields)
    name = kind.prefix
    if isinstance(kind, Struct):
        rows = [field_table(f, offsets_in_struct(kind, f)) for f in kind.fields]
        more = '.kind = VALUE_STRUCT'
    else:
        rows = [arm_table(kind, arm) for arm in kind.arms]
        cases = [(value, i) for i, arm in enumerate(kind.arms) for value in arm.cases or []]
        default = [i for i, arm in enumerate(kind.arms) if arm.cases is None]
        mask = (1 << 8 * kind.switch.size) - 1
        listed = ', '.join(f'{{{value & mask}u, {i}}}' for value, i in cases)
        out += f'static const struct value_case {name}_cases[] = {{{listed}}};\n'
        more = (f'.kind = VALUE_UNION, .switch_bytes = {kind.switch.size}, '
                f'.n_cases = {len(cases)}, .cases = {name}_cases, '
                f".default_arm = {default[0] if default else 'VALUE_NO_ARM'}")
        out += (f'_Static_assert(offsetof({kind.c_name}, {kind.switch_name}) == 0, "");\n'
                f'_Static_assert(sizeof((({kind.c_name} *)NULL)->{kind.switch_name}) == '
                f'{kind.switch.size}, "");\n')
    out += f'static const struct value_field {name}_fields[] = {{\n'
    out += ''.join(f'\t{row},\n' for row in rows) + '};\n'
    return out + (f'static const struct value_type {name}_type = {{{more}, '
                  f'.size = sizeof({kind.c_name}), .n = {len(rows)}, '
                  f'.fields = {name}_fields}};\n')


# ---- functions ---------------------------------------------------------------------------------


def pass_in(f, i):
    out = [f'*v[{i}].has'] if f.optional else []
    out.append(f'*({f.type.c_name} *)v[{i}].data' if is_plain(f) else f'v[{i}].data')
    return out + ([f'*v[{i}].count'] if f.array == 'variable' else [])


def pass_out(f, i):
    return ([f'v[{i}].has'] if f.optional else []) + [f'v[{i}].data'] + \
        ([f'v[{i}].count'] if f.array == 'variable' else [])


def pass_view(f, i):
    kind = view_of(f)
    if not kind:
        return pass_out(f, i)
    return [f'&view{i}'] + ([f'v[{i}].count'] if kind == 'bytes' and f.array == 'variable' else [])


def view_function(interface, head, p, raised):
    arguments, unchanged, copies, locals_ = ['call'], '', '', ''
    for i, (_, direction, f) in enumerate(each(p)):
        if direction == 'in':
            continue
        arguments += pass_view(f, i)
        kind = view_of(f)
        if not kind:
            continue
        if kind in ('bytes', 'string'):
            c_name = 'char' if kind == 'string' else f.type.c_name
            locals_ += f'\tconst {c_name} *view{i} = NULL;\n'
            unchanged += f'\t\tCALL_CHECK(status == -FLY_ERESULT || !view{i});\n'
            n = f'strlen(view{i}) + 1' if kind == 'string' else \
                f'*v[{i}].count' if f.array == 'variable' else f.length
            copy = f'memcpy(v[{i}].data, view{i}, {n});'
        else:
            accessor = kind.split(' ')[1][:-len('view')] + 'at'
            locals_ += f'\t{kind} view{i} = {{0}};\n'
            unchanged += f'\t\tCALL_CHECK(status == -FLY_ERESULT || !view{i}.count);\n'
            count = f'*v[{i}].count = view{i}.count' if f.array == 'variable' else \
                f'CALL_CHECK(view{i}.count == {f.length})'
            place = f'(({f.type.c_name} *)v[{i}].data)[k]'
            read = f'{accessor}(view{i}, k, &{place})' if isinstance(f.type, (Struct, Union)) else \
                f'{place} = ({f.type.c_name}){accessor}(view{i}, k)'
            copy = (f'{{\n\t\t{count};\n\t\tfor (uint32_t k = 0; k < view{i}.count; k++)\n'
                    f'\t\t\t{read};\n\t}}')
        copies += f'\t{copy}\n'
    return (f'static int view_{head}(struct fly_call *call, const struct value_place *v, '
            f'void *raised)\n{{\n{locals_}\tint status;\n\n\t(void)raised;\n'
            f"\tstatus = {head}_view({', '.join(arguments + raised)});\n"
            f'\tif (status) {{\n{unchanged}\t\treturn status;\n\t}}\n{copies}\treturn 0;\n}}\n\n'
            ).replace('@', interface)


def serve_function(interface, head, p):
    parameters, places = ['void *context'], []
    for name, direction, f in each(p):
        if direction == 'in':
            parameters += declare_in(f, name)
            has, count = f'&has_{name}', f'&{name}_count'
            data = f'&{name}' if is_plain(f) else f'(void *){name}'
        else:
            parameters += declare_out(f, name)
            has, count, data = f'has_{name}', f'{name}_count', name
        places.append(f"\t\t{{{has if f.optional else 'NULL'}, "
                      f"{count if f.array == 'variable' else 'NULL'}, {data}}},\n")
    parameters += raised_parameter(interface, p)
    raised = 'raised' if p.errors else 'NULL'
    out = f"static int serve_{head}({', '.join(parameters)})\n{{\n"
    if places:
        out += f"\tstruct value_place v[] = {{\n{''.join(places)}\t}};\n\n"
    return out + (f"\treturn call_serve(&{interface.name}_table[{interface.procedures.index(p)}], "
                  f"context, {'v' if places else 'NULL'}, {raised});\n}}\n\n")


def functions(interface, p):
    head = f'{interface.name}_{p.name}'
    raised = ['raised'] if p.errors else []
    plain, start, finish = ['binding'], ['binding'], ['call']
    for i, (_, direction, f) in enumerate(each(p)):
        plain += pass_in(f, i) if direction == 'in' else pass_out(f, i)
        if direction != 'out':
            start += pass_in(f, i)
        if direction != 'in':
            finish += pass_out(f, i)
    unused = '\t(void)v;\n\t(void)raised;\n'
    starts = ['start', 'start_from'] if has_start_from(p) else ['start']
    out = (f'static int plain_{head}(struct fly_binding *binding, const struct value_place *v, '
           f"void *raised)\n{{\n{unused}\treturn {head}({', '.join(plain + raised)});\n}}\n\n" +
           ''.join(f'static int {name}_{head}(struct fly_binding *binding, '
                   f'const struct value_place *v, struct fly_call **call)\n{{\n\t(void)v;\n'
                   f"\treturn {head}_{name}({', '.join(start + ['call'])});\n}}\n\n"
                   for name in starts) +
           f'static int finish_{head}(struct fly_call *call, const struct value_place *v, '
           f"void *raised)\n{{\n{unused}\treturn {head}_finish({', '.join(finish + raised)});\n}}\n\n")
    if has_view(p):
        out += view_function(interface.name, head, p, raised)
    return out + serve_function(interface, head, p)


def procedure_row(interface, p):
    head = f'{interface.name}_{p.name}'
    view = f'view_{head}' if has_view(p) else 'NULL'
    raised = f'sizeof(struct {head}_raised)' if p.errors else '0'
    start_from = f'start_from_{head}' if has_start_from(p) else 'NULL'
    n = len(p.all_parameters())
    return (f'\t{{.name = "{p.name}", .number = {p.number}, .argument_bytes = {p.argument_bytes()}, '
            f'.result_bytes = {p.result_bytes()}, .flags = {p.all_flags()}, .n_parameters = {n}, '
            f".parameters = {head + '_parameters' if n else 'NULL'}, "
            f'.n_exceptions = {len(p.errors)}, '
            f".exceptions = {head + '_exceptions' if p.errors else 'NULL'}, "
            f'.raised_bytes = {raised}, .plain = plain_{head}, .start = start_{head}, '
            f'.start_from = {start_from}, .finish = finish_{head}, .view = {view}}},\n')


def parameter_tables(interface, p):
    head = f'{interface.name}_{p.name}'
    out = ''
    if p.all_parameters():
        out += f'static const struct call_parameter {head}_parameters[] = {{\n'
        for q in p.all_parameters():
            lends = ', '.join('true' if is_lent else 'false'
                              for is_lent in (p.lends_argument(q), p.lends_result(q)))
            out += f'\t{{{DIRECTIONS[q.direction]}, {field_table(q.field)}, {lends}}},\n'
        out += '};\n'
    if p.errors:
        out += f'static const struct call_exception {head}_exceptions[] = {{\n'
        for e in p.errors:
            field = (f'{{.type = &{e.c_name}_type, .at = offsetof(struct {head}_raised, as.{e.name})}}'
                     if e.fields else '{.type = NULL}')
            out += f'\t{{"{e.name}", {e.number}u, {field}}},\n'
        out += '};\n'
    return out


def tables(interface):
    """The C file; struct call_interface call_NAME is what it has for others."""
    name = interface.name
    out = f'/* Written by a test. */\n#include "fuzz_calls.h"\n#include "{interface.base}.h"\n\n'
    done = set()
    for kind in interface.types:
        if isinstance(kind, Enum):
            for label, value in kind.values:
                out += f'_Static_assert({kind.prefix}_{label} == {value}, "");\n'
    for e in interface.errors:
        out += f'_Static_assert({e.c_name}_NUMBER == {e.number}, "");\n'
    for p in interface.procedures:
        head = f'{name}_{p.name}'
        for kind in [q.field.type for q in p.all_parameters()] + \
                [e.struct for e in p.errors if e.fields]:
            out += type_tables(kind, done)
        out += f'_Static_assert({head}_NUMBER == {p.number}, "");\n'
        if all(has_one_length(f) for f in p.arguments()):
            out += f'_Static_assert({head}_ARGUMENT_BYTES == {p.argument_bytes()}, "");\n'
        if all(has_one_length(f) for f in p.results()):
            bytes_ = sum(most_bytes(f) for f in p.results())
            out += f'_Static_assert({head}_RESULT_BYTES == {bytes_}, "");\n'
        out += prototypes(interface, p) + parameter_tables(interface, p)
    out += f'static const struct call_procedure {name}_table[{len(interface.procedures)}];\n\n'
    out += ''.join(functions(interface, p) for p in interface.procedures)
    out += f'static const struct call_procedure {name}_table[{len(interface.procedures)}] = {{\n'
    out += ''.join(procedure_row(interface, p) for p in interface.procedures) + '};\n\n'
    out += f'static const struct {name}_procedures {name}_served = {{\n'
    out += ''.join(f'\t.{p.name} = serve_{name}_{p.name},\n' for p in interface.procedures)
    out += '};\n\n'
    out += (f'static int export_{name}(const void *table, void *context)\n{{\n'
            f'\treturn {name}_export(NULL, table, context);\n}}\n\n'
            f'static int import_{name}(struct fly_binding **binding)\n{{\n'
            f'\treturn {name}_import(NULL, NULL, binding);\n}}\n\n'
            f'static bool constants_{name}(void)\n{{\n')
    for c_name, kind, text in interface.constants:
        out += (f'\tif (strcmp({c_name}, {text}) != 0)\n' if kind == 'string' else
                f'\tif (!({c_name} == {text}))\n') + '\t\treturn false;\n'
    return out + (f'\treturn {name}_VERSION == {interface.version}u;\n}}\n\n'
                  f'extern const struct call_interface call_{name};\n'
                  f'const struct call_interface call_{name} = {{\n'
                  f'\t.name = "{name}", .version = {interface.version}u, '
                  f'.n_procedures = {len(interface.procedures)}, .procedures = {name}_table,\n'
                  f'\t.table = &{name}_served, .table_bytes = sizeof {name}_served,\n'
                  f'\t.export_it = export_{name}, .import_it = import_{name}, '
                  f'.constants_are_right = constants_{name},\n}};\n')
