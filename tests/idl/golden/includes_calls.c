#include "bytes.h"
#include "includes.h"

static int resolve(void *context, const char *name, Port port, struct Includes_Route *route,
		   enum Family *result, struct Includes_Resolve_raised *raised)
{
	(void)context;
	if (!*name) {
		raised->as.Nobody.asked = (struct Address){Family_INET6, 0, port};
		return Nobody_NUMBER;
	}
	route->hops_count = 2;
	route->hops[0] = (struct Address){Family_INET, 0x7f000001, port};
	route->hops[1] = (struct Address){Family_INET6, 1, 2};
	route->has_last = true;
	route->last = route->hops[0];
	*result = Family_INET;
	return 0;
}

static int count(void *context, const struct Address addresses[ADDRESSES], uint32_t *result)
{
	(void)context;
	*result = addresses[ADDRESSES - 1].ip;
	return 0;
}

static int nearest(void *context, uint32_t ip, struct Address all[ADDRESSES], uint32_t *all_count)
{
	(void)context;
	all[0] = (struct Address){Family_INET, ip - 1, 1};
	all[1] = (struct Address){Family_INET, ip + 1, 0x0203};
	*all_count = 2;
	return 0;
}

static const struct Includes_procedures procedures = {
	.Resolve = resolve,
	.Count = count,
	.Nearest = nearest,
};

/* Read where they lie. */
static int view_nearest(struct fly_binding *binding, uint32_t ip)
{
	struct Includes_Address_view all;
	struct Address second;
	struct fly_call *call;
	int status = Includes_Nearest_start(binding, ip, &call);

	if (!status)
		status = Includes_Nearest_view(call, &all);
	if (status)
		return status;
	MUST(all.count == 2);
	Includes_Address_at(all, 1, &second);
	MUST(second.family == Family_INET && second.ip == ip + 1 && second.port == 0x0203);
	fly_release(call);
	return 0;
}

void make_calls(void)
{
	const struct Address addresses[ADDRESSES] = {{Family_INET, 1, 2},
						     {Family_INET, 3, 4},
						     {Family_INET, 5, 6},
						     {Family_INET6, 7, 8}};
	struct Includes_Route route;
	struct Includes_Resolve_raised raised;
	enum Family family;
	uint32_t n;
	struct fly_binding *binding;

	BIND(Includes, &binding);
	SHOW(Includes_Resolve(binding, "host", 0x1f90, &route, &family, &raised));
	SHOW(Includes_Resolve(binding, "", 0x1f90, &route, &family, &raised));
	SHOW(Includes_Resolve(binding, "", 0x1f90, &route, &family, NULL));
	MUST(raised.number == 77 && raised.as.Nobody.asked.port == 0x1f90);
	SHOW(Includes_Count(binding, addresses, &n));
	SHOW(view_nearest(binding, 0x01020304));
}
