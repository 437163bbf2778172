#include "bytes.h"
#include "unions.h"

static int show(void *context, const struct Unions_Shape *shape, struct Unions_Shape *result)
{
	(void)context;
	*result = *shape;
	if (shape->kind == Unions_Kind_CIRCLE)
		result->kind = Unions_Kind_SQUARE;
	return 0;
}

static int ask(void *context, const struct Unions_Code *code, struct Unions_Answer *answer)
{
	(void)context;
	if (code->code == 7) {
		*answer = code->as.answer;
		return 0;
	}
	answer->is_good = code->code == 0;
	if (answer->is_good)
		strcpy(answer->as.words, "fine");
	else
		answer->as.error = code->code;
	return 0;
}

static int tag(void *context, struct Unions_Wide *wide, const struct Unions_Silent *silent)
{
	(void)context;
	if (silent->which == 1) {
		wide->tag = 5;
		wide->as.kind = Unions_Kind_PATH;
	}
	return 0;
}

static int draw(void *context, const struct Unions_Drawing *drawing, struct Unions_Code codes[2],
		bool *has_last, struct Unions_Shape *last)
{
	(void)context;
	codes[0] = drawing->code;
	codes[1].code = -300;
	codes[1].as.detail = drawing->has_wide;
	*has_last = drawing->shapes_count > 0;
	if (*has_last)
		*last = drawing->shapes[drawing->shapes_count - 1];
	return 0;
}

static const struct Unions_procedures procedures = {
	.Show = show,
	.Ask = ask,
	.Tag = tag,
	.Draw = draw,
};

void make_calls(void)
{
	const struct Unions_Shape circle = {Unions_Kind_CIRCLE, {.size = 1.5f}};
	const struct Unions_Shape label = {Unions_Kind_LABEL, {.text = {2, {0x61, 0x62}}}};
	const struct Unions_Shape nothing = {.kind = Unions_Kind_NOTHING};
	const struct Unions_Shape path = {Unions_Kind_PATH, {.points = {2, {{1, -1}, {2, 3}}}}};
	const struct Unions_Code good = {.code = 0};
	const struct Unions_Code worst = {-300, {.detail = 0x0102030405060708}};
	const struct Unions_Code answer = {7, {.answer = {true, {.words = "yes"}}}};
	const struct Unions_Code other = {8, {.at = {{1, 2}, {3, 4}}}};
	const struct Unions_Silent one = {1};
	const struct Unions_Silent two = {2};
	const struct Unions_Drawing drawing = {
		.shapes_count = 3,
		.shapes = {label, nothing, circle},
		.code = {-1, {.detail = 9}},
		.has_wide = true,
		.wide = {5, {.kind = Unions_Kind_LABEL}},
	};
	struct Unions_Wide wide = {0xffffffff, {.words = {2, {"a", "bcde"}}}};
	struct Unions_Shape shape;
	struct Unions_Answer answered;
	struct Unions_Code codes[2];
	bool has_last;
	struct fly_binding *binding;

	BIND(Unions, &binding);
	SHOW(Unions_Show(binding, &circle, &shape));
	SHOW(Unions_Show(binding, &label, &shape));
	SHOW(Unions_Show(binding, &nothing, &shape));
	SHOW(Unions_Show(binding, &path, &shape));
	SHOW(Unions_Ask(binding, &good, &answered));
	SHOW(Unions_Ask(binding, &worst, &answered));
	SHOW(Unions_Ask(binding, &answer, &answered));
	SHOW(Unions_Ask(binding, &other, &answered));
	SHOW(Unions_Tag(binding, &wide, &two));
	SHOW(Unions_Tag(binding, &wide, &one));
	SHOW(Unions_Draw(binding, &drawing, codes, &has_last, &shape));
}
