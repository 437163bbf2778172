#include "bytes.h"
#include "arrays.h"

static int scalars(void *context, const bool a[2], const uint8_t b[3], const int8_t c[2],
		   const uint16_t d[2], const int32_t e[2], const uint64_t f[1], const float g[2],
		   double sums[2])
{
	(void)context;
	sums[0] = (double)a[0] + b[0] + c[0] + d[0] + e[0] + f[0] + g[0];
	sums[1] = (double)a[1] + b[1] + c[1] + d[1] + e[1] + g[1];
	return 0;
}

static int named(void *context, const enum Arrays_Kind kinds[2], const struct Arrays_Pair pairs[2],
		 const Arrays_Sample samples[3], enum Arrays_Kind back[2],
		 struct Arrays_Pair last[1])
{
	(void)context;
	back[0] = kinds[1];
	back[1] = kinds[0];
	last[0] = pairs[1];
	last[0].b += (uint16_t)-samples[0];
	return 0;
}

static int varying(void *context, const char words[3][5 + 1], const struct Arrays_Word more[2],
		   const struct Arrays_Number numbers[2], char back[3][5 + 1],
		   struct Arrays_Word last[2], struct Arrays_Number first[1])
{
	(void)context;
	for (int i = 0; i < 3; i++)
		strcpy(back[i], words[2 - i]);
	last[0] = more[1];
	last[1] = more[0];
	first[0] = numbers[1];
	return 0;
}

static int both(void *context, int32_t a[2], uint8_t b[4], char c[2][3 + 1],
		struct Arrays_Pair d[1])
{
	(void)context;
	a[0] = -a[0];
	b[3] = 0xb9;
	strcpy(c[1], c[0]);
	c[0][0] = '\0';
	d[0].a = 0xdd;
	return 0;
}

static const struct Arrays_procedures procedures = {
	.Scalars = scalars,
	.Named = named,
	.Varying = varying,
	.Both = both,
};

void make_calls(void)
{
	const bool a[2] = {true, false};
	const uint8_t b[3] = {0xb1, 0xb2, 0xb3};
	const int8_t c[2] = {-1, 1};
	const uint16_t d[2] = {0xd1d2, 2};
	const int32_t e[2] = {-3, 0x01020304};
	const uint64_t f[1] = {0xf1};
	const float g[2] = {0.5f, -2};
	const enum Arrays_Kind kinds[2] = {Arrays_Kind_LARGE, Arrays_Kind_SMALL};
	const struct Arrays_Pair pairs[2] = {{1, 0x0203}, {4, 0x0506}};
	const Arrays_Sample samples[3] = {-1, 0, 0x7fff};
	const char words[3][5 + 1] = {"a", "", "abcde"};
	const struct Arrays_Word more[2] = {{"x"}, {"1234567"}};
	const struct Arrays_Number numbers[2] = {{true, {.real = 1.0}}, {false, {.whole = -2}}};
	int32_t both_a[2] = {1, 2};
	uint8_t both_b[4] = {1, 2, 3, 4};
	char both_c[2][3 + 1] = {"abc", "d"};
	struct Arrays_Pair pair[1] = {{1, 0x0203}};
	double sums[2];
	enum Arrays_Kind kind[2];
	char back[3][5 + 1];
	struct Arrays_Word last[2];
	struct Arrays_Number first[1];
	struct fly_binding *binding;

	BIND(Arrays, &binding);
	SHOW(Arrays_Scalars(binding, a, b, c, d, e, f, g, sums));
	SHOW(Arrays_Both(binding, both_a, both_b, both_c, pair));
	SHOW(Arrays_Named(binding, kinds, pairs, samples, kind, pair));
	SHOW(Arrays_Varying(binding, words, more, numbers, back, last, first));
}
