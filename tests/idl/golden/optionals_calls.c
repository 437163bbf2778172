#include "bytes.h"
#include "optionals.h"

static int scalars(void *context, bool has_a, uint32_t a, bool has_b, bool b, bool has_c,
		   enum Optionals_Kind c, bool has_d, double d, bool *has_e, uint16_t *e,
		   bool *has_f, enum Optionals_Kind *f, bool *result)
{
	(void)context;
	/* what is not there is 0 */
	MUST((has_a || a == 0) && (has_b || !b) && (has_c || c == 0) && (has_d || d == 0));
	*has_e = has_a;
	if (has_a)
		*e = (uint16_t)a;
	*has_f = has_c;
	if (has_c)
		*f = c;
	*result = b;
	return 0;
}

static int arrays(void *context, bool has_a, const uint8_t a[3], bool has_b, const uint8_t *b,
		  uint32_t b_count, bool has_c, const uint16_t *c, uint32_t c_count, bool *has_d,
		  uint8_t d[5], uint32_t *d_count, bool *has_e, uint16_t e[2])
{
	(void)context;
	MUST((has_b || b_count == 0) && (has_c || c_count == 0));
	*has_d = has_a;
	if (has_a) {
		memcpy(d, a, 3);
		*d_count = 3;
	}
	*has_e = has_b && has_c;
	if (*has_e) {
		e[0] = (uint16_t)(c[c_count - 1] + b_count);
		e[1] = b[0];
	}
	return 0;
}

static int texts(void *context, bool has_a, const char *a, bool has_b, const char b[][3 + 1],
		 uint32_t b_count, bool *has_c, char c[9 + 1], bool *has_d, char d[2][3 + 1])
{
	(void)context;
	MUST((has_a || !*a) && (has_b || b_count == 0));
	*has_c = has_a;
	strcpy(c, a);
	*has_d = has_b;
	if (has_b) {
		strcpy(d[0], "");
		strcpy(d[1], b_count ? b[b_count - 1] : "");
	}
	return 0;
}

static int structs(void *context, bool has_pair, const struct Optionals_Pair *pair,
		   const struct Optionals_Note *note, bool *has_back, struct Optionals_Note *back,
		   bool *has_pairs, struct Optionals_Pair pairs[2], uint32_t *pairs_count)
{
	(void)context;
	*has_back = note->has_text;
	*back = *note;
	back->has_fixed = !note->has_fixed;
	back->fixed[0] = back->fixed[1] = 0xffff;
	*has_pairs = has_pair;
	if (has_pair) {
		pairs[0] = *pair;
		*pairs_count = 1;
	}
	return 0;
}

/* What was there goes, what was not there comes. */
static int change(void *context, bool *has_a, uint32_t *a, bool *has_b, char b[9 + 1], bool *has_c,
		  uint8_t c[4], uint32_t *c_count, bool *has_d, struct Optionals_Note *d)
{
	(void)context;
	*has_a = !*has_a;
	*has_b = !*has_b;
	*has_c = !*has_c;
	*has_d = !*has_d;
	if (*has_a)
		*a = 0xa1a2a3a4;
	if (*has_b)
		strcpy(b, "there");
	if (*has_c) {
		c[0] = 0xc1;
		*c_count = 1;
	}
	if (*has_d)
		*d = (struct Optionals_Note){.last = 0xdd};
	return 0;
}

static const struct Optionals_procedures procedures = {
	.Scalars = scalars,
	.Arrays = arrays,
	.Texts = texts,
	.Structs = structs,
	.Change = change,
};

void make_calls(void)
{
	const uint8_t a[3] = {0xa1, 0xa2, 0xa3};
	const uint8_t b[2] = {0xb1, 0xb2};
	const uint16_t c[2] = {0xc1, 0xc2c3};
	const char words[2][3 + 1] = {"on", "off"};
	const struct Optionals_Pair pair = {1, 0x0203};
	struct Optionals_Note note = {
		.has_number = true,
		.number = 0x01020304,
		.has_text = true,
		.text = "text",
		.has_pairs = true,
		.pairs_count = 2,
		.pairs = {{4, 0x0506}, {7, 0x0809}},
		.has_fixed = true,
		.fixed = {10, 11},
		.last = 0xff,
	};
	const struct Optionals_Note empty = {.last = 0xee};
	bool has[4];
	uint16_t e;
	enum Optionals_Kind f;
	bool result;
	uint8_t d[5];
	uint16_t fixed[2];
	char text[9 + 1];
	char both[2][3 + 1];
	struct Optionals_Note back;
	struct Optionals_Pair pairs[2];
	uint32_t n;
	uint32_t number = 9;
	struct fly_binding *binding;

	BIND(Optionals, &binding);
	SHOW(Optionals_Scalars(binding, true, 0x01020304, true, true, true, Optionals_Kind_LARGE,
			       true, 1.0, &has[0], &e, &has[1], &f, &result));
	SHOW(Optionals_Scalars(binding, false, 5, true, false, false, Optionals_Kind_LARGE, false,
			       2.0, &has[0], &e, &has[1], &f, &result));
	SHOW(Optionals_Arrays(binding, true, a, true, b, 2, true, c, 2, &has[0], d, &n, &has[1],
			      fixed));
	SHOW(Optionals_Arrays(binding, false, NULL, false, NULL, 7, false, NULL, 7, &has[0], d, &n,
			      &has[1], fixed));
	SHOW(Optionals_Texts(binding, true, "there", true, words, 2, &has[0], text, &has[1], both));
	SHOW(Optionals_Texts(binding, false, NULL, true, NULL, 0, &has[0], text, &has[1], both));
	SHOW(Optionals_Structs(binding, true, &pair, &note, &has[0], &back, &has[1], pairs, &n));
	SHOW(Optionals_Structs(binding, false, NULL, &empty, &has[0], &back, &has[1], pairs, &n));
	has[0] = has[2] = true;
	has[1] = has[3] = false;
	n = 2;
	SHOW(Optionals_Change(binding, &has[0], &number, &has[1], text, &has[2], d, &n, &has[3],
			      &note));
	SHOW(Optionals_Change(binding, &has[0], &number, &has[1], text, &has[2], d, &n, &has[3],
			      &note));
}
