#include "bytes.h"
#include "typedefs.h"

static int read_block(void *context, Sector sector, uint8_t block[16], Typedefs_Flag *result)
{
	(void)context;
	memset(block, (int)sector, 16);
	*result = sector > 0;
	return 0;
}

static int name(void *context, const char *label, Place place, char result[8 + 1])
{
	(void)context;
	strcpy(result, label);
	result[0] = (char)place;
	return 0;
}

static int tables(void *context, uint16_t table[4], uint32_t *table_count,
		  const char names[][8 + 1], uint32_t names_count, const Typedefs_Sort *sorts,
		  uint32_t sorts_count)
{
	(void)context;
	table[*table_count] = (uint16_t)(names_count << 8 | strlen(names[0]));
	table[*table_count + 1] = sorts[sorts_count - 1];
	*table_count += 2;
	return 0;
}

static int direct(void *context, const Typedefs_Level levels[3], const Typedefs_Octet *octets,
		  uint32_t octets_count, Typedefs_Level back[3], uint32_t *back_count,
		  Typedefs_Octet last[2])
{
	(void)context;
	memcpy(back, levels, 3);
	*back_count = 3;
	last[0] = octets[0];
	last[1] = octets[octets_count - 1];
	return 0;
}

static int find(void *context, const Typedefs_Extent *extent, bool has_like, const uint8_t like[16],
		Typedefs_Result *result, bool *has_table, uint16_t table[4], uint32_t *table_count)
{
	(void)context;
	result->is_found = has_like;
	if (has_like) {
		result->as.range.first = extent->first + like[15];
		result->as.range.last = extent->last;
	}
	*has_table = !has_like;
	if (*has_table) {
		table[0] = 0x0102;
		*table_count = 1;
	}
	return 0;
}

static const struct Typedefs_procedures procedures = {
	.Read = read_block,
	.Name = name,
	.Tables = tables,
	.Direct = direct,
	.Find = find,
};

void make_calls(void)
{
	const Sector sector = 0x01020304050607ab;
	const Typedefs_Extent extent = {1, 0x0200};
	const char names[2][8 + 1] = {"n", "names"};
	const Typedefs_Sort sorts[2] = {Typedefs_Kind_DATA, Typedefs_Kind_FREE};
	const Typedefs_Level levels[3] = {-1, 0, 1};
	const Typedefs_Octet octets[2] = {0xc1, 0xc2};
	uint8_t block[16];
	uint16_t table[4] = {0x0102, 3};
	char label[8 + 1];
	Typedefs_Flag flag;
	Typedefs_Level back[3];
	Typedefs_Octet last[2];
	Typedefs_Result result;
	bool has_table;
	uint32_t n = 2;
	struct fly_binding *binding;

	BIND(Typedefs, &binding);
	SHOW(Typedefs_Read(binding, sector, block, &flag));
	SHOW(Typedefs_Name(binding, "label", 'L', label));
	SHOW(Typedefs_Tables(binding, table, &n, names, 2, sorts, 2));
	SHOW(Typedefs_Direct(binding, levels, octets, 2, back, &n, last));
	SHOW(Typedefs_Find(binding, &extent, true, block, &result, &has_table, table, &n));
	SHOW(Typedefs_Find(binding, &extent, false, NULL, &result, &has_table, table, &n));
}
