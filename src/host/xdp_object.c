/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * xdp_object.c - see xdp_object.h. Called by xdp.c. Pure.
 *
 * The driver takes a program only from an object file, by libbpf, and it must have a map of AF_XDP
 * sockets with the name xsks_map. A compiler for BPF would make such a file of
 *
 *	struct {
 *		__uint(type, BPF_MAP_TYPE_XSKMAP);
 *		__uint(key_size, 4);
 *		__uint(value_size, 4);
 *		__uint(max_entries, 16);
 *	} xsks_map SEC(".maps");
 *
 *	SEC("xdp") int fly_pass(struct xdp_md *frame)
 *	{
 *		return XDP_PASS;
 *	}
 *
 * Here it is written down, so that building needs none. In the description of types the numbers are
 * lengths of arrays, to which the members of the structure point.
 */
#include "host/xdp_object.h"

#include <elf.h>
#include <stdint.h>

#include <linux/bpf.h>
#include <linux/btf.h>

#include "host/xdp.h"

/* ---- types ---- */

enum type {
	VOID,
	INT,
	MAP_TYPE,
	TO_MAP_TYPE,
	FOUR,
	TO_FOUR,
	ENTRIES,
	TO_ENTRIES,
	MAP,
	MAP_VARIABLE,
	MAPS
};

struct array {
	struct btf_type type;
	struct btf_array array;
	struct btf_type pointer; /* to it */
};

#define NAMES                            \
	NAME(int_type, "int")            \
	NAME(type, "type")               \
	NAME(key_size, "key_size")       \
	NAME(value_size, "value_size")   \
	NAME(max_entries, "max_entries") \
	NAME(map, FLY_XDP_OBJECT_MAP)    \
	NAME(maps, ".maps")

struct type_names {
	char none;
#define NAME(name, text) char name[sizeof text];
	NAMES
#undef NAME
};

struct types {
	struct btf_header head;
	struct btf_type integer;
	uint32_t integer_bits;
	struct array arrays[3];
	struct btf_type map;
	struct btf_member members[4];
	struct btf_type variable;
	struct btf_var variable_scope;
	struct btf_type section;
	struct btf_var_secinfo section_variable;
	struct type_names names;
};

#define KIND(kind, n) ((uint32_t)(kind) << 24 | (n))
#define NAME_AT(name) (uint32_t) offsetof(struct type_names, name)
#define MAP_BYTES     32 /* four pointers */
#define ARRAY_OF(n, of)                                                   \
	{                                                                 \
		.type = {.info = KIND(BTF_KIND_ARRAY, 0)},                \
		.array = {.type = INT, .index_type = INT, .nelems = (n)}, \
		.pointer = {.info = KIND(BTF_KIND_PTR, 0), .type = (of)}, \
	}
#define MEMBER(at, field, is)                                               \
	{                                                                   \
		.name_off = NAME_AT(field), .type = (is), .offset = (at)*64 \
	}

/* ---- the file ---- */

enum section {
	NO_SECTION,
	NAMES_SECTION,
	SYMBOLS,
	PROGRAM,
	MAPS_SECTION,
	TYPES,
	N_SECTIONS
};

struct names {
	char none;
	char strtab[sizeof ".strtab"];
	char symtab[sizeof ".symtab"];
	char xdp[sizeof "xdp"];
	char maps[sizeof ".maps"];
	char btf[sizeof ".BTF"];
	char program[sizeof FLY_XDP_OBJECT_PROGRAM];
	char map[sizeof FLY_XDP_OBJECT_MAP];
};

static const struct file {
	Elf64_Ehdr head;
	Elf64_Shdr sections[N_SECTIONS];
	Elf64_Sym symbols[3];
	struct bpf_insn program[2];
	uint8_t maps[MAP_BYTES];
	struct types types;
	struct names names;
} file = {
	.head =
		{
			.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
				    ELFDATA2LSB,
#else
				    ELFDATA2MSB,
#endif
				    EV_CURRENT},
			.e_type = ET_REL,
			.e_machine = EM_BPF,
			.e_version = EV_CURRENT,
			.e_shoff = offsetof(struct file, sections),
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_shentsize = sizeof(Elf64_Shdr),
			.e_shnum = N_SECTIONS,
			.e_shstrndx = NAMES_SECTION,
		},
	.sections =
		{
			[NAMES_SECTION] =
				{
					.sh_name = offsetof(struct names, strtab),
					.sh_type = SHT_STRTAB,
					.sh_offset = offsetof(struct file, names),
					.sh_size = sizeof(struct names),
					.sh_addralign = 1,
				},
			[SYMBOLS] =
				{
					.sh_name = offsetof(struct names, symtab),
					.sh_type = SHT_SYMTAB,
					.sh_offset = offsetof(struct file, symbols),
					.sh_size = sizeof file.symbols,
					.sh_link = NAMES_SECTION,
					.sh_info = 1, /* the first global one */
					.sh_addralign = 8,
					.sh_entsize = sizeof(Elf64_Sym),
				},
			[PROGRAM] =
				{
					.sh_name = offsetof(struct names, xdp),
					.sh_type = SHT_PROGBITS,
					.sh_flags = SHF_ALLOC | SHF_EXECINSTR,
					.sh_offset = offsetof(struct file, program),
					.sh_size = sizeof file.program,
					.sh_addralign = 8,
				},
			[MAPS_SECTION] =
				{
					.sh_name = offsetof(struct names, maps),
					.sh_type = SHT_PROGBITS,
					.sh_flags = SHF_ALLOC | SHF_WRITE,
					.sh_offset = offsetof(struct file, maps),
					.sh_size = MAP_BYTES,
					.sh_addralign = 8,
				},
			[TYPES] =
				{
					.sh_name = offsetof(struct names, btf),
					.sh_type = SHT_PROGBITS,
					.sh_offset = offsetof(struct file, types),
					.sh_size = sizeof(struct types),
					.sh_addralign = 4,
				},
		},
	.symbols =
		{
			[1] =
				{
					.st_name = offsetof(struct names, program),
					.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
					.st_shndx = PROGRAM,
					.st_size = sizeof file.program,
				},
			[2] =
				{
					.st_name = offsetof(struct names, map),
					.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT),
					.st_shndx = MAPS_SECTION,
					.st_size = MAP_BYTES,
				},
		},
	.program =
		{
			{.code = BPF_ALU64 | BPF_MOV | BPF_K,
			 .dst_reg = BPF_REG_0,
			 .imm = XDP_PASS},
			{.code = BPF_JMP | BPF_EXIT},
		},
	.types =
		{
			.head =
				{
					.magic = BTF_MAGIC,
					.version = BTF_VERSION,
					.hdr_len = sizeof(struct btf_header),
					.type_len = offsetof(struct types, names) -
						    sizeof(struct btf_header),
					.str_off = offsetof(struct types, names) -
						   sizeof(struct btf_header),
					.str_len = sizeof(struct types) -
						   offsetof(struct types, names), /* all */
				},
			.integer = {.name_off = NAME_AT(int_type),
				    .info = KIND(BTF_KIND_INT, 0),
				    .size = 4},
			.integer_bits = BTF_INT_SIGNED << 24 | 32,
			.arrays =
				{
					ARRAY_OF(BPF_MAP_TYPE_XSKMAP, MAP_TYPE),
					ARRAY_OF(4, FOUR),
					ARRAY_OF(FLY_XDP_QUEUES, ENTRIES),
				},
			.map = {.info = KIND(BTF_KIND_STRUCT, 4), .size = MAP_BYTES},
			.members =
				{
					MEMBER(0, type, TO_MAP_TYPE),
					MEMBER(1, key_size, TO_FOUR),
					MEMBER(2, value_size, TO_FOUR),
					MEMBER(3, max_entries, TO_ENTRIES),
				},
			.variable = {.name_off = NAME_AT(map),
				     .info = KIND(BTF_KIND_VAR, 0),
				     .type = MAP},
			.variable_scope = {.linkage = BTF_VAR_GLOBAL_ALLOCATED},
			.section =
				{
					.name_off = NAME_AT(maps),
					.info = KIND(BTF_KIND_DATASEC, 1),
					.size = MAP_BYTES,
				},
			.section_variable = {.type = MAP_VARIABLE, .offset = 0, .size = MAP_BYTES},
			.names =
				{
#define NAME(name, text) .name = text,
					NAMES
#undef NAME
				},
		},
	.names =
		{
			.strtab = ".strtab",
			.symtab = ".symtab",
			.xdp = "xdp",
			.maps = ".maps",
			.btf = ".BTF",
			.program = FLY_XDP_OBJECT_PROGRAM,
			.map = FLY_XDP_OBJECT_MAP,
		},
};

const void *fly_xdp_object_file(size_t *bytes)
{
	*bytes = sizeof file;
	return &file;
}

const void *fly_xdp_object_types(size_t *bytes)
{
	*bytes = sizeof file.types;
	return &file.types;
}
