#include "bytes.h"
#include "attributes.h"

static int data_only(void *context, const uint8_t *data, uint32_t data_count)
{
	(void)context;
	(void)data;
	(void)data_count;
	return 0;
}

static int nothing(void *context)
{
	(void)context;
	return 0;
}

static int number(void *context, uint32_t *result)
{
	(void)context;
	*result = 0x01020304;
	return 0;
}

static int worker(void *context, uint32_t n)
{
	(void)context;
	(void)n;
	return 0;
}

static int inplace(void *context, const uint8_t *data, uint32_t data_count, const char *text)
{
	(void)context;
	return data_count == 1 && data[0] == 0xd1 && !strcmp(text, "in") ? 0 : 1;
}

static int all(void *context, const uint8_t *data, uint32_t data_count, uint8_t *result)
{
	(void)context;
	*result = data[data_count - 1];
	return 0;
}

static int parameter(void *context, const uint8_t *data, uint32_t data_count, const char *text,
		     uint32_t n)
{
	(void)context;
	return data_count == 2 && data[1] == 0xd2 && !strcmp(text, "") && n == 5 ? 0 : 1;
}

static int half(void *context, const uint8_t *data, uint32_t data_count, const uint8_t more[4])
{
	(void)context;
	(void)data;
	return data_count == 0 && more[3] == 0xd4 ? 0 : 1;
}

static int both(void *context, uint8_t data[4], uint32_t *result)
{
	(void)context;
	*result = data[0];
	data[0] = 0xff;
	return 0;
}

static int words(void *context, uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint8_t e, uint8_t f,
		 uint8_t g, uint8_t h)
{
	(void)context;
	return a + b + c + d + e + f + g + h == 36 ? 0 : 1;
}

static const struct Attributes_procedures procedures = {
	.Nothing = data_only,
	.Idempotent = nothing,
	.Inline = number,
	.Worker = worker,
	.Inplace = inplace,
	.All = all,
	.Parameter = parameter,
	.Half = half,
	.Both = both,
	.worker = words,
};

static uint8_t flags(uint32_t number)
{
	return loopback.interface->procedures[number].flags;
}

void make_calls(void)
{
	const uint8_t data[4] = {0xd1, 0xd2, 0xd3, 0xd4};
	uint8_t changed[4] = {1, 2, 3, 4};
	uint8_t byte;
	uint32_t n;
	struct fly_binding *binding;

	BIND(Attributes, &binding);
	MUST(flags(Attributes_Nothing_NUMBER) == 0);
	MUST(flags(Attributes_Idempotent_NUMBER) == FLY_PROCEDURE_IDEMPOTENT);
	MUST(flags(Attributes_Inline_NUMBER) == FLY_PROCEDURE_INLINE);
	MUST(flags(Attributes_Worker_NUMBER) == FLY_PROCEDURE_WORKER);
	MUST(flags(Attributes_Inplace_NUMBER) == FLY_PROCEDURE_INPLACE);
	MUST(flags(Attributes_Half_NUMBER) == 0);
	MUST(flags(5) == 0);
	SHOW(Attributes_Nothing(binding, data, 2));
	SHOW(Attributes_Idempotent(binding));
	SHOW(Attributes_Inline(binding, &n));
	SHOW(Attributes_Worker(binding, 7));
	SHOW(Attributes_Inplace(binding, data, 1, "in"));
	SHOW(Attributes_All(binding, data, 3, &byte));
	SHOW(Attributes_Parameter(binding, data, 2, "", 5));
	SHOW(Attributes_Half(binding, NULL, 0, data));
	SHOW(Attributes_Both(binding, changed, &n));
	SHOW(Attributes_worker(binding, 1, 2, 3, 4, 5, 6, 7, 8));
}
