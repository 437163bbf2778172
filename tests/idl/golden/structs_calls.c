#include "bytes.h"
#include "structs.h"

static int length(void *context, const struct Structs_Line *line, double *result)
{
	(void)context;
	*result = line->to.x - line->from.x;
	return 0;
}

static int move(void *context, struct Structs_Line *line, const struct Point *by)
{
	(void)context;
	line->from.x += by->x;
	line->to.y += by->y;
	line->style.is_dashed = !line->style.is_dashed;
	return 0;
}

static int draw(void *context, const struct Structs_Picture *picture, struct Structs_Label *label,
		struct Structs_Style *result)
{
	(void)context;
	*label = picture->labels[1];
	*result = picture->frame[1].style;
	return 0;
}

static int turn(void *context, struct Structs_Picture *picture, struct Structs_Label *result)
{
	(void)context;
	*result = picture->title;
	picture->title = picture->labels[0];
	picture->labels_count = 0;
	return 0;
}

static const struct Structs_procedures procedures = {
	.Length = length,
	.Move = move,
	.Draw = draw,
	.Turn = turn,
};

void make_calls(void)
{
	const struct Point by = {1, -1};
	struct Structs_Line line = {{0, 1}, {2, -2}, {7, true, Structs_Color_WHITE}};
	struct Structs_Picture picture = {
		.number = 0x0102,
		.labels_count = 2,
		.labels = {{"ab", {1, 2}, 1, {{3, false, Structs_Color_BLACK}}},
			   {"", {0, 0}, 0, {{0}}}},
		.frame = {{{0, 0}, {0, 0}, {4, true, Structs_Color_BLACK}},
			  {{0, 0}, {0, 0}, {5, false, Structs_Color_WHITE}}},
		.raw = {0xa1, 0xa2, 0xa3},
		.title = {"title", {-1, 0}, 2, {{8, true, Structs_Color_WHITE}, {9}}},
	};
	struct Structs_Label label;
	struct Structs_Style style;
	struct fly_binding *binding;
	double result;

	BIND(Structs, &binding);
	SHOW(Structs_Length(binding, &line, &result));
	SHOW(Structs_Move(binding, &line, &by));
	SHOW(Structs_Draw(binding, &picture, &label, &style));
	SHOW(Structs_Turn(binding, &picture, &label));
}
