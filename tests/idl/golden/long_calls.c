#include "bytes.h"
#include "long.h"

static int store(void *context, const char *name, const uint8_t *image, uint32_t image_count,
		 uint64_t *result)
{
	(void)context;
	*result = (uint64_t)strlen(name) << 32 | image_count << 8 | image[image_count - 1];
	return 0;
}

static int load(void *context, const char *name, uint8_t image[1000000], uint32_t *image_count)
{
	(void)context;
	*image_count = (uint32_t)strtoul(name, NULL, 10);
	for (uint32_t i = 0; i < *image_count; i++)
		image[i] = (uint8_t)(i % 251);
	return 0;
}

static int sort(void *context, uint64_t numbers[100000], uint32_t *numbers_count)
{
	(void)context;
	for (uint32_t i = 0; i < *numbers_count / 2; i++) {
		const uint64_t number = numbers[i];

		numbers[i] = numbers[*numbers_count - 1 - i];
		numbers[*numbers_count - 1 - i] = number;
	}
	return 0;
}

static int rows(void *context, const struct Long_Row *rows, uint32_t rows_count,
		struct Long_Row back[1000], uint32_t *back_count, bool *has_best,
		struct Long_Row *best, uint32_t *result)
{
	(void)context;
	*back_count = 1;
	back[0] = rows[rows_count - 1];
	*has_best = rows_count == 2;
	*best = rows[0];
	*result = rows_count;
	return 0;
}

static int table(void *context, const double table[5000], double sums[5000])
{
	double sum = 0;

	(void)context;
	for (int i = 0; i < 5000; i++)
		sums[i] = sum += table[i];
	return 0;
}

static int largest(void *context, uint8_t everything[67108864])
{
	(void)context;
	everything[0] ^= 0xff;
	everything[67108863] ^= 0xff;
	return 0;
}

static const struct Long_procedures procedures = {
	.Store = store,
	.Load = load,
	.Sort = sort,
	.Rows = rows,
	.Table = table,
	.Largest = largest,
};

void make_calls(void)
{
	static uint8_t image[1000000];
	static uint64_t numbers[100000];
	static struct Long_Row many[1000];
	static struct Long_Row back[1000];
	static double doubles[5000];
	static double sums[5000];
	static uint8_t everything[67108864];
	struct Long_Row best;
	bool has_best;
	uint64_t number;
	uint32_t n;
	uint32_t count;
	struct fly_binding *binding;

	for (uint32_t i = 0; i < 1000000; i++)
		image[i] = (uint8_t)(i % 251);
	for (uint32_t i = 0; i < 100000; i++)
		numbers[i] = i;
	for (uint32_t i = 0; i < 1000; i++) {
		many[i].number = i;
		snprintf(many[i].name, sizeof many[i].name, "row %u", i);
		many[i].values[3] = i;
	}
	for (uint32_t i = 0; i < 5000; i++)
		doubles[i] = 1;
	BIND(Long, &binding);
	for (uint32_t i = 0; i < loopback.interface->n_procedures; i++)
		MUST(loopback.interface->procedures[i].layout == FLY_RESULTS_SECOND);
	SHOW(Long_Store(binding, "name", image, 1000000, &number));
	SHOW(Long_Store(binding, "name", image, 1000001, &number));
	SHOW(Long_Load(binding, "1000", image, &n));
	SHOW(Long_Load(binding, "1000000", image, &n));
	n = 3;
	SHOW(Long_Sort(binding, numbers, &n));
	n = 100000;
	SHOW(Long_Sort(binding, numbers, &n));
	SHOW(Long_Rows(binding, many, 2, back, &n, &has_best, &best, &count));
	SHOW(Long_Rows(binding, many, 1000, back, &n, &has_best, &best, &count));
	SHOW(Long_Table(binding, doubles, sums));
	MUST(sums[4999] == 5000);
	SHOW(Long_Largest(binding, everything));
}
