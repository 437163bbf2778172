#include "bytes.h"
#include "inout.h"

static int scalars(void *context, bool *a, int8_t *b, uint16_t *c, enum Inout_Kind *d, double *e)
{
	(void)context;
	*a = !*a;
	*b = (int8_t) - *b;
	*c += 1;
	*d = Inout_Kind_SMALL;
	*e = -*e;
	return 0;
}

static int stays(void *context, uint8_t block[4], uint8_t more[2])
{
	(void)context;
	block[0] = more[1];
	more[0] = block[3];
	return 0;
}

static int moves(void *context, uint16_t x, uint8_t block[4], uint8_t tail[6], uint32_t *tail_count)
{
	(void)context;
	block[3] = (uint8_t)x;
	tail[*tail_count] = (uint8_t)(x >> 8);
	*tail_count += 1;
	return 0;
}

static int pushed(void *context, char a[6 + 1], uint8_t b[4], uint32_t *b_count,
		  const uint8_t key[4], uint32_t *result)
{
	(void)context;
	strcat(a, "+");
	b[0] ^= key[0];
	*b_count -= 1;
	*result = key[3];
	return 0;
}

static int filled(void *context, const uint8_t *first, uint32_t first_count, uint8_t a[4],
		  uint32_t *a_count, char b[4 + 1], int8_t c[4], uint32_t *c_count, char d[4 + 1])
{
	(void)context;
	memcpy(a, first, first_count);
	*a_count = first_count;
	strcpy(d, b);
	strcpy(b, "");
	c[0] = (int8_t)-c[0];
	*c_count = 1;
	return 0;
}

static int copied(void *context, struct Inout_Pair *pair, uint32_t numbers[3],
		  uint32_t *numbers_count, char words[2][3 + 1], uint32_t *words_count)
{
	(void)context;
	pair->a += 1;
	strcpy(pair->b, words[0]);
	numbers[*numbers_count] = 9;
	*numbers_count += 1;
	*words_count -= 1;
	return 0;
}

static const struct Inout_procedures procedures = {
	.Scalars = scalars,
	.Stays = stays,
	.Moves = moves,
	.Pushed = pushed,
	.Filled = filled,
	.Copied = copied,
};

void make_calls(void)
{
	const uint8_t key[4] = {0xf0, 2, 3, 4};
	bool a = true;
	int8_t b = 1;
	uint16_t c = 0x0102;
	enum Inout_Kind d = Inout_Kind_LARGE;
	double e = 1;
	uint8_t block[4] = {1, 2, 3, 4};
	uint8_t more[2] = {5, 6};
	uint8_t tail[6] = {7, 8};
	char text[6 + 1] = "abc";
	char empty[4 + 1] = "four";
	char back[4 + 1];
	int8_t levels[4] = {1, 2, 3, 4};
	struct Inout_Pair pair = {1, "xy"};
	uint32_t numbers[3] = {0x01020304, 5};
	char words[2][3 + 1] = {"abc", "d"};
	uint32_t n = 2;
	uint32_t m;
	uint32_t result;
	struct fly_binding *binding;

	BIND(Inout, &binding);
	SHOW(Inout_Scalars(binding, &a, &b, &c, &d, &e));
	SHOW(Inout_Stays(binding, block, more));
	SHOW(Inout_Moves(binding, 0x0102, block, tail, &n));
	SHOW(Inout_Pushed(binding, text, tail, &n, key, &result));
	SHOW(Inout_Pushed(binding, text, tail, &n, key, &result));
	m = 4;
	SHOW(Inout_Filled(binding, key, 3, tail, &n, empty, levels, &m, back));
	n = 2;
	m = 2;
	SHOW(Inout_Copied(binding, &pair, numbers, &n, words, &m));
}
