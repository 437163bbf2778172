#include "bytes.h"
#include "lists.h"

static int bytes(void *context, const uint8_t *data, uint32_t data_count, uint8_t back[100],
		 uint32_t *back_count)
{
	(void)context;
	for (uint32_t i = 0; i < data_count; i++)
		back[i] = data[data_count - 1 - i];
	*back_count = data_count;
	return 0;
}

static int numbers(void *context, const uint16_t *a, uint32_t a_count, const bool *flags,
		   uint32_t flags_count, int64_t b[3], uint32_t *b_count, uint32_t *result)
{
	(void)context;
	b[0] = -(int64_t)a[0];
	b[1] = flags[flags_count - 1];
	*b_count = 2;
	*result = a_count << 16 | flags_count;
	return 0;
}

static int reals(void *context, const float *a, uint32_t a_count, double b[3], uint32_t *b_count)
{
	(void)context;
	for (uint32_t i = 0; i < a_count; i++)
		b[i] = a[i];
	*b_count = a_count;
	return 0;
}

static int enums(void *context, const enum Lists_Kind *kinds, uint32_t kinds_count,
		 enum Lists_Kind back[5], uint32_t *back_count)
{
	(void)context;
	back[0] = kinds[kinds_count - 1];
	*back_count = 1;
	return 0;
}

static int structs(void *context, const struct Lists_Pair *pairs, uint32_t pairs_count,
		   const struct Lists_Word *words, uint32_t words_count, struct Lists_Word back[3],
		   uint32_t *back_count, struct Lists_Pair last[1], uint32_t *last_count)
{
	(void)context;
	for (uint32_t i = 0; i < words_count; i++)
		back[i] = words[words_count - 1 - i];
	*back_count = words_count;
	if (pairs_count) {
		last[0] = pairs[pairs_count - 1];
		*last_count = 1;
	}
	return 0;
}

static int strings(void *context, const char words[][10 + 1], uint32_t words_count,
		   char back[4][10 + 1], uint32_t *back_count)
{
	(void)context;
	strcpy(back[0], words[words_count - 1]);
	strcpy(back[1], "");
	*back_count = 2;
	return 0;
}

static int several(void *context, const uint8_t *a, uint32_t a_count, const uint8_t *b,
		   uint32_t b_count, const int8_t *c, uint32_t c_count, uint8_t d[4],
		   uint32_t *d_count, int8_t e[4], uint32_t *e_count, uint8_t f[4],
		   uint32_t *f_count)
{
	(void)context;
	memcpy(d, c, c_count);
	*d_count = c_count;
	memcpy(e, a, a_count);
	*e_count = a_count;
	memcpy(f, b, b_count);
	*f_count = b_count;
	return 0;
}

static const struct Lists_procedures procedures = {
	.Bytes = bytes,
	.Numbers = numbers,
	.Reals = reals,
	.Enums = enums,
	.Structs = structs,
	.Strings = strings,
	.Several = several,
};

void make_calls(void)
{
	const uint8_t data[4] = {0xd1, 0xd2, 0xd3, 0xd4};
	const uint16_t a[3] = {0x0102, 3, 0xffff};
	const bool flags[2] = {false, true};
	const float floats[2] = {1.5f, -0.0f};
	const enum Lists_Kind kinds[3] = {Lists_Kind_SMALL, Lists_Kind_LARGE, Lists_Kind_LARGE};
	const struct Lists_Pair pairs[2] = {{1, 0x0203}, {4, 0x0506}};
	const struct Lists_Word words[3] = {{"one", 1}, {"", 2}, {"seven..", 3}};
	const char texts[3][10 + 1] = {"a", "", "0123456789"};
	const int8_t negative[2] = {-1, -2};
	uint8_t back[100];
	uint8_t more[4];
	int8_t less[4];
	int64_t b[3];
	double doubles[3];
	enum Lists_Kind kind[5];
	struct Lists_Word word[3];
	struct Lists_Pair pair[1];
	char text[4][10 + 1];
	uint32_t n;
	uint32_t m;
	uint32_t result;
	struct fly_binding *binding;

	BIND(Lists, &binding);
	SHOW(Lists_Bytes(binding, data, 4, back, &n));
	SHOW(Lists_Bytes(binding, NULL, 0, back, &n));
	SHOW(Lists_Bytes(binding, back, 101, back, &n));
	SHOW(Lists_Numbers(binding, a, 3, flags, 2, b, &n, &result));
	SHOW(Lists_Reals(binding, floats, 2, doubles, &n));
	SHOW(Lists_Enums(binding, kinds, 3, kind, &n));
	SHOW(Lists_Structs(binding, pairs, 2, words, 3, word, &n, pair, &m));
	SHOW(Lists_Structs(binding, NULL, 0, words, 1, word, &n, pair, &m));
	SHOW(Lists_Strings(binding, texts, 3, text, &n));
	SHOW(Lists_Several(binding, data, 1, data + 1, 3, negative, 2, back, &n, less, &m, more,
			   &result));
}
