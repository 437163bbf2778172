#include "bytes.h"
#include "enums.h"

static int mix(void *context, enum Enums_Color a, enum Enums_Color *b, enum Enums_Color *c,
	       enum Enums_Color *result)
{
	(void)context;
	*c = a;
	*result = *b;
	*b = Enums_Color_GREEN;
	return 0;
}

static int edges(void *context, const enum Enums_Edge edges[4], enum Enums_Edge back[4],
		 uint32_t *back_count, enum Enums_Edge *result)
{
	(void)context;
	back[0] = edges[3];
	back[1] = edges[0];
	*back_count = 2;
	*result = edges[1];
	return 0;
}

static int deal(void *context, const enum Suit *suits, uint32_t suits_count, enum Enums_One one,
		enum Enums_Down down[2], bool *has_best, enum Suit *best)
{
	(void)context;
	down[0] = down[1];
	down[1] = one == Enums_One_ONLY ? Enums_Down_A : Enums_Down_B;
	*has_best = suits_count > 0;
	if (*has_best)
		*best = suits[suits_count - 1];
	return 0;
}

static const struct Enums_procedures procedures = {.Mix = mix, .Edges = edges, .Deal = deal};

void make_calls(void)
{
	const enum Enums_Edge all[4] = {Enums_Edge_LOWEST, Enums_Edge_MINUS, Enums_Edge_ZERO,
					Enums_Edge_HIGHEST};
	const enum Suit suits[2] = {Suit_SPADES, Suit_DIAMONDS};
	enum Enums_Color b = Enums_Color_BLUE;
	enum Enums_Color c;
	enum Enums_Color mixed;
	enum Enums_Edge back[4];
	enum Enums_Edge edge;
	enum Enums_Down down[2] = {Enums_Down_B, Enums_Down_C};
	enum Suit best;
	uint32_t count;
	bool has_best;
	struct fly_binding *binding;

	BIND(Enums, &binding);
	SHOW(Enums_Mix(binding, Enums_Color_RED, &b, &c, &mixed));
	SHOW(Enums_Edges(binding, all, back, &count, &edge));
	SHOW(Enums_Deal(binding, suits, 2, Enums_One_ONLY, down, &has_best, &best));
	SHOW(Enums_Deal(binding, NULL, 0, Enums_One_ONLY, down, &has_best, &best));
}
