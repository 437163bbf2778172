#include "bytes.h"
#include "exceptions.h"

static int withdraw(void *context, uint32_t account, int64_t amount, int64_t *result,
		    struct Exceptions_Withdraw_raised *raised)
{
	struct Exceptions_Refused *refused = &raised->as.Refused;

	(void)context;
	switch (account) {
	case 0:
		*result = -amount;
		return 0;
	case 1:
		raised->as.Broke.balance = amount;
		return Exceptions_Broke_NUMBER;
	case 2:
		return Exceptions_Closed_NUMBER;
	default:
		strcpy(refused->reason, "no");
		refused->steps_count = 2;
		refused->steps[0] = 0x0102;
		refused->steps[1] = 3;
		refused->has_kind = true;
		refused->kind = Exceptions_Kind_HARD;
		/* 4: more than there may be */
		if (account == 4)
			refused->steps_count = 4;
		return Exceptions_Refused_NUMBER;
	}
}

static int close_it(void *context, const char *why, struct Exceptions_Close_raised *raised)
{
	(void)context;
	(void)raised;
	return *why ? Outside_NUMBER : Exceptions_Closed_NUMBER;
}

static int poll(void *context, uint8_t *result, struct Exceptions_Poll_raised *raised)
{
	(void)context;
	(void)result;
	raised->as.Overload.calls = 0x01020304;
	return Overload_NUMBER;
}

static int judge(void *context, const uint8_t data[4], uint8_t copy[4],
		 struct Exceptions_Judge_raised *raised)
{
	(void)context;
	memcpy(copy, data, 4);
	if (data[0] == 0)
		return 0;
	raised->as.Plain.kind = Exceptions_Kind_SOFT;
	raised->as.Plain.is_final = true;
	return data[0];
}

static int raise_it(void *context, int32_t number, const char *words)
{
	(void)context;
	return *words ? fly_raise(number, words) : number;
}

static const struct Exceptions_procedures procedures = {
	.Withdraw = withdraw,
	.Close = close_it,
	.Poll = poll,
	.Judge = judge,
	.Raise = raise_it,
};

void make_calls(void)
{
	static const char long_words[] =
		"these words are longer than an error may be, they are cut at 55";
	const uint8_t plain[4] = {Exceptions_Plain_NUMBER, 2, 3, 4};
	const uint8_t good[4] = {0, 2, 3, 4};
	const uint8_t undeclared[4] = {Exceptions_Broke_NUMBER, 2, 3, 4};
	struct Exceptions_Withdraw_raised withdraw_raised;
	struct Exceptions_Close_raised close_raised;
	struct Exceptions_Poll_raised poll_raised;
	struct Exceptions_Judge_raised judge_raised;
	int64_t result;
	uint8_t byte;
	uint8_t copy[4] = {0};
	struct fly_binding *binding;

	BIND(Exceptions, &binding);
	SHOW(Exceptions_Withdraw(binding, 0, 258, &result, &withdraw_raised));
	SHOW(Exceptions_Withdraw(binding, 1, -2, &result, &withdraw_raised));
	MUST(withdraw_raised.number == 5 && withdraw_raised.as.Broke.balance == -2);
	SHOW(Exceptions_Withdraw(binding, 2, 0, &result, &withdraw_raised));
	MUST(withdraw_raised.number == 6);
	SHOW(Exceptions_Withdraw(binding, 3, 0, &result, &withdraw_raised));
	MUST(withdraw_raised.number == 100 && withdraw_raised.as.Refused.steps[1] == 3);
	SHOW(Exceptions_Withdraw(binding, 4, 0, &result, &withdraw_raised));
	MUST(result == -258);
	SHOW(Exceptions_Close(binding, "", &close_raised));
	SHOW(Exceptions_Close(binding, "because", &close_raised));
	MUST(close_raised.number == 20);
	SHOW(Exceptions_Poll(binding, &byte, &poll_raised));
	MUST(poll_raised.as.Overload.calls == 0x01020304);
	SHOW(Exceptions_Judge(binding, good, copy, NULL));
	SHOW(Exceptions_Judge(binding, plain, copy, &judge_raised));
	MUST(judge_raised.number == 101 && judge_raised.as.Plain.is_final && copy[0] == 0);
	SHOW(Exceptions_Judge(binding, undeclared, copy, &judge_raised));
	MUST(fly_raised()->number == 5 && !*fly_raised()->text);
	SHOW(Exceptions_Raise(binding, -2, "words"));
	MUST(fly_raised()->number == -2 && strcmp(fly_raised()->text, "words") == 0);
	SHOW(Exceptions_Raise(binding, 0x01020304, ""));
	SHOW(Exceptions_Raise(binding, 1, long_words + 4));
	MUST(strlen(fly_raised()->text) == 55);
	SHOW(Exceptions_Raise(binding, 0, ""));
}
