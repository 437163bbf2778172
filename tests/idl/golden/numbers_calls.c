#include "bytes.h"
#include "numbers.h"

static int first(void *context)
{
	(void)context;
	return 0;
}

/* Each answers with its number and what it was given. */
#define PROCEDURE(name)                                                \
	static int name(void *context, uint8_t a, uint8_t *result)     \
	{                                                              \
		(void)context;                                         \
		*result = (uint8_t)(Numbers_##name##_NUMBER << 4 | a); \
		return 0;                                              \
	}

PROCEDURE(Second)
PROCEDURE(Jump)
PROCEDURE(Next)
PROCEDURE(Back)
PROCEDURE(AfterBack)
PROCEDURE(Named)
PROCEDURE(Hex)

static const struct Numbers_procedures procedures = {
	.First = first,
	.Second = Second,
	.Jump = Jump,
	.Next = Next,
	.Back = Back,
	.AfterBack = AfterBack,
	.Named = Named,
	.Hex = Hex,
};

/* What the stub of a number that no procedure has returns. */
static int call_unused(uint32_t number)
{
	struct fly_served served = {.procedures = &procedures};

	return loopback.interface->procedures[number].stub(&served);
}

void make_calls(void)
{
	uint8_t result;
	struct fly_binding *binding;

	BIND(Numbers, &binding);
	MUST(Numbers_VERSION == UINT32_MAX && loopback.interface->n_procedures == 13);
	SHOW(Numbers_First(binding));
	SHOW(Numbers_Second(binding, 1, &result));
	SHOW(Numbers_Jump(binding, 2, &result));
	SHOW(Numbers_Next(binding, 3, &result));
	SHOW(Numbers_Back(binding, 4, &result));
	SHOW(Numbers_AfterBack(binding, 5, &result));
	SHOW(Numbers_Named(binding, 6, &result));
	SHOW(Numbers_Hex(binding, 7, &result));
	MUST(call_unused(2) == -FLY_ENOPROC && call_unused(11) == -FLY_ENOPROC);
}
