#include "bytes.h"
#include "strings.h"

static int length(void *context, const char *text, uint32_t *result)
{
	(void)context;
	*result = (uint32_t)strlen(text);
	return 0;
}

static int upper(void *context, const char *text, char upper[31 + 1])
{
	(void)context;
	while (*text)
		*upper++ = (char)(*text++ - 'a' + 'A');
	*upper = '\0';
	return 0;
}

static int join(void *context, const char *a, const char *b, char result[16 + 1])
{
	(void)context;
	strcpy(result, a);
	strcat(result, b);
	return 0;
}

static int rename_card(void *context, const struct Strings_Card *card, struct Strings_Card *renamed,
		       const char *name)
{
	(void)context;
	*renamed = *card;
	strcpy(renamed->name, name);
	return 0;
}

/* It leaves the result alone, which is "" then. */
static int bare(void *context, char result[1 + 1])
{
	(void)context;
	(void)result;
	return 0;
}

static const struct Strings_procedures procedures = {
	.Length = length,
	.Upper = upper,
	.Join = join,
	.Rename = rename_card,
	.Bare = bare,
};

void make_calls(void)
{
	const struct Strings_Card card = {"old", "xyz!"};
	struct Strings_Card renamed;
	char text[31 + 1];
	uint32_t n;
	struct fly_binding *binding;

	BIND(Strings, &binding);
	SHOW(Strings_Length(binding, "gr\303\274n", &n));
	SHOW(Strings_Length(binding, "", &n));
	SHOW(Strings_Length(binding, "0123456789012345678901234567890", &n));
	SHOW(Strings_Length(binding, "01234567890123456789012345678901", &n));
	SHOW(Strings_Upper(binding, "firefly", text));
	SHOW(Strings_Join(binding, "abcdefgh", "ij", text));
	SHOW(Strings_Rename(binding, &card, &renamed, "newer"));
	SHOW(Strings_Bare(binding, text));
}
