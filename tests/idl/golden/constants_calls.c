#include "bytes.h"
#include "constants.h"

static int sum(void *context, const uint16_t numbers[3], const char *text,
	       const struct Constants_Choice *choice, double row[3], uint32_t *row_count,
	       enum Constants_Level *result, struct Constants_Sum_raised *raised)
{
	(void)context;
	(void)raised;
	if (choice->which == Constants_LAST)
		return Constants_Broken_NUMBER;
	for (uint32_t i = 0; i < COLUMNS; i++)
		row[i] = numbers[i] + choice->as.small[i];
	*row_count = COLUMNS;
	*result = *text ? Constants_Level_MORE : Constants_Level_NONE;
	return 0;
}

static int numbered(void *context)
{
	(void)context;
	return 0;
}

static const struct Constants_procedures procedures = {.Sum = sum, .Numbered = numbered};

/* Each has its type, and its value. */
static void check_constants(void)
{
	const int64_t low = Constants_LOW64;
	const uint64_t all = Constants_ALL;

	MUST(ROWS == 3 && COLUMNS == 3 &&
	     strcmp(MOTTO, "what?"
			   "?! 100%") == 0);
	MUST(Constants_YES == true && Constants_NO == false);
	MUST(Constants_PORT == 65535 && Constants_MASK == UINT32_MAX && all == UINT64_MAX);
	MUST(Constants_LOW8 == INT8_MIN && Constants_LOW16 == INT16_MIN);
	MUST(Constants_LOW32 == INT32_MIN && Constants_HIGH32 == INT32_MAX && low == INT64_MIN);
	MUST(1 - Constants_LOW8 == 129 && 1 - Constants_BELOW == 8);
	MUST(Constants_ALIAS == Constants_MINUS64 && Constants_ALIAS == -9000000000);
	MUST(sizeof Constants_HALF == 4 && Constants_TINY == -0.00125);
	MUST(Constants_WHOLE / 8 == 1.5);
	MUST(strcmp(Constants_GREETING, "good day") == 0 && sizeof Constants_NOTHING == 1);
}

void make_calls(void)
{
	const uint16_t numbers[3] = {1, 2, Constants_PORT};
	struct Constants_Choice choice = {Constants_FIRST, {{7, 0x0809, 10}}};
	struct Constants_Sum_raised raised;
	enum Constants_Level level;
	double row[3];
	uint32_t n;
	struct fly_binding *binding;

	check_constants();
	BIND(Constants, &binding);
	SHOW(Constants_Sum(binding, numbers, "", &choice, row, &n, &level, &raised));
	choice.which = Constants_LAST;
	SHOW(Constants_Sum(binding, numbers, "xy", &choice, row, &n, &level, &raised));
	SHOW(Constants_Numbered(binding));
}
