/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * topology.c - `firefly topology`: the machine as the runtime sees it, and what it would choose.
 *
 * Owns the command line and the layout of the tables; what is in them is the runtime's. Nothing is
 * started: it needs no root, no hugepages and no core of its own.
 */
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>

#include <firefly/firefly.h>
#include <json-c/json.h>

#include "cli.h"
#include "commands.h"

#define LINKS_MOST 16

enum {
	KEY_JSON = CLI_KEY_OWN,
};

struct topology_options {
	const char *links[LINKS_MOST];
	unsigned n_links;
	bool json;
};

static const struct argp_option options[] = {
	{"link", 'l', "SPEC", 0,
	 "Say what a runtime with this link would choose; may be given several times", 0},
	{"json", KEY_JSON, NULL, 0, "As JSON, to standard output", 0},
	{0},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct topology_options *o = state->input;

	switch (key) {
	case 'l':
		if (o->n_links == LINKS_MOST)
			cli_refuse("topology", "at most %d links", LINKS_MOST);
		o->links[o->n_links++] = text;
		return 0;
	case KEY_JSON:
		o->json = true;
		return 0;
	case ARGP_KEY_ARG:
		cli_refuse("topology", "'%s' is not expected; a link is named with --link %s", text,
			   text);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Print the cores and NUMA nodes of this machine as the runtime sees them, and where "
	       "it "
	       "would put pollers, workers and memory.",
};

/* ---- facts: below the counts there is nothing that can fail ---- */

static struct fly_core get_core(const struct fly_topology *t, unsigned i)
{
	struct fly_core core = {.size = sizeof core};

	fly_topology_get_core(t, i, &core);
	return core;
}

static struct fly_node get_node(const struct fly_topology *t, unsigned i)
{
	struct fly_node node = {.size = sizeof node};

	fly_topology_get_node(t, i, &node);
	return node;
}

static struct fly_hugepages get_hugepages(const struct fly_topology *t, unsigned node, unsigned i)
{
	struct fly_hugepages hugepages = {.size = sizeof hugepages};

	fly_topology_get_hugepages(t, node, i, &hugepages);
	return hugepages;
}

/* ---- tables ---- */

static void print_use(const struct fly_topology *t, const struct fly_core *c)
{
	if (!c->is_online)
		printf("offline");
	else if (!c->is_allowed)
		printf("not for this process");
	else if (c->polled_by > 0)
		printf("process %d polls there", (int)c->polled_by);
	else if (c->polled_by < 0)
		printf("a process of another container polls there");
	else
		printf("free to use");
	puts((int)c->number == fly_topology_here(t) ? "; this thread runs here" : "");
}

static void print_cores(const struct fly_topology *t)
{
	printf("%-6s %4s %7s %4s %8s  %s\n", "core", "node", "package", "die", "physical", "use");
	for (unsigned i = 0; i < fly_topology_count_cores(t); i++) {
		const struct fly_core c = get_core(t, i);

		printf("%-6u %4d %7d %4d %8d  ", c.number, c.node, c.package, c.die, c.core);
		print_use(t, &c);
	}
}

static double mib(uint64_t bytes)
{
	return (double)bytes / (1 << 20);
}

static void print_nodes(const struct fly_topology *t)
{
	printf("\n%-6s %13s %13s  %s\n", "node", "memory MiB", "free MiB",
	       "hugepages: free of all, by size");
	for (unsigned i = 0; i < fly_topology_count_nodes(t); i++) {
		const struct fly_node n = get_node(t, i);

		printf("%-6d", n.number);
		if (!n.is_online) {
			printf(" offline\n");
			continue;
		}
		printf(" %13.0f %13.0f ", mib(n.memory_bytes), mib(n.free_bytes));
		for (unsigned j = 0; j < n.n_huge; j++) {
			const struct fly_hugepages h = get_hugepages(t, i, j);

			printf("%s %u of %u of %.6g MiB", j ? "," : "", h.free, h.total,
			       mib(h.page_bytes));
		}
		printf("%s\n", n.n_huge ? "" : " none");
	}
}

static void print_list(const unsigned *cores, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		printf("%s%u", i ? ", " : " ", cores[i]);
	printf("\n");
}

static void print_choice(const char *link, const struct fly_choice *choice)
{
	printf("\n%s\n", link ? link : "a link without a device");
	printf("  memory   on node %d, %s\n", choice->node,
	       choice->is_device ? "where the device is" : "where the thread is that starts it");
	printf("  pollers  on cores, the first one first:");
	print_list(choice->cores, choice->n_cores);
	printf("  workers  anywhere on cores:");
	print_list(choice->worker_cores, choice->n_worker_cores);
}

/* ---- the same as JSON ---- */

static void add_int(struct json_object *to, const char *name, int64_t value)
{
	json_object_object_add(to, name, json_object_new_int64(value));
}

static void add_bool(struct json_object *to, const char *name, bool value)
{
	json_object_object_add(to, name, json_object_new_boolean(value));
}

static struct json_object *core_json(const struct fly_core *c)
{
	struct json_object *core = json_object_new_object();

	add_int(core, "number", c->number);
	add_bool(core, "online", c->is_online);
	add_bool(core, "allowed", c->is_allowed);
	add_int(core, "polled_by", c->polled_by);
	add_int(core, "node", c->node);
	add_int(core, "package", c->package);
	add_int(core, "die", c->die);
	add_int(core, "physical", c->core);
	return core;
}

static struct json_object *node_json(const struct fly_topology *t, unsigned index)
{
	const struct fly_node n = get_node(t, index);
	struct json_object *node = json_object_new_object();
	struct json_object *huge = json_object_new_array();

	add_int(node, "number", n.number);
	add_bool(node, "online", n.is_online);
	add_int(node, "memory_bytes", (int64_t)n.memory_bytes);
	add_int(node, "free_bytes", (int64_t)n.free_bytes);
	for (unsigned i = 0; i < n.n_huge; i++) {
		const struct fly_hugepages h = get_hugepages(t, index, i);
		struct json_object *pages = json_object_new_object();

		add_int(pages, "page_bytes", (int64_t)h.page_bytes);
		add_int(pages, "total", h.total);
		add_int(pages, "free", h.free);
		json_object_array_add(huge, pages);
	}
	json_object_object_add(node, "hugepages", huge);
	return node;
}

static struct json_object *list_json(const unsigned *cores, unsigned n)
{
	struct json_object *list = json_object_new_array();

	for (unsigned i = 0; i < n; i++)
		json_object_array_add(list, json_object_new_int64(cores[i]));
	return list;
}

static struct json_object *choice_json(const char *link, const struct fly_choice *choice)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "link", link ? json_object_new_string(link) : NULL);
	add_int(object, "node", choice->node);
	add_bool(object, "node_of_device", choice->is_device);
	json_object_object_add(object, "poller_cores", list_json(choice->cores, choice->n_cores));
	json_object_object_add(object, "worker_cores",
			       list_json(choice->worker_cores, choice->n_worker_cores));
	return object;
}

static struct json_object *topology_json(const struct fly_topology *t)
{
	struct json_object *all = json_object_new_object();
	struct json_object *cores = json_object_new_array();
	struct json_object *nodes = json_object_new_array();

	for (unsigned i = 0; i < fly_topology_count_cores(t); i++) {
		const struct fly_core core = get_core(t, i);

		json_object_array_add(cores, core_json(&core));
	}
	for (unsigned i = 0; i < fly_topology_count_nodes(t); i++)
		json_object_array_add(nodes, node_json(t, i));
	add_int(all, "here", fly_topology_here(t));
	json_object_object_add(all, "cores", cores);
	json_object_object_add(all, "nodes", nodes);
	return all;
}

int topology_main(int argc, char **argv)
{
	struct fly_topology *topology = NULL;
	struct fly_choice choice = {.size = sizeof choice};
	struct topology_options o = {0};
	struct json_object *all = NULL;
	struct json_object *choices = NULL;
	int status;

	argp_parse(&argp, argc, argv, 0, NULL, &o);
	if (o.n_links == 0)
		o.n_links = 1; /* which is NULL: no link in particular */
	status = fly_topology_read(&topology);
	for (unsigned i = 0; i < o.n_links && !status; i++)
		status = fly_topology_choose(topology, o.links[i], &choice);
	if (status) {
		cli_complain("topology", "%s", fly_error());
		fly_topology_free(topology);
		return CLI_FAILED;
	}
	if (o.json) {
		all = topology_json(topology);
		choices = json_object_new_array();
		json_object_object_add(all, "choices", choices);
	} else {
		print_cores(topology);
		print_nodes(topology);
	}
	for (unsigned i = 0; i < o.n_links; i++) {
		fly_topology_choose(topology, o.links[i], &choice);
		if (o.json)
			json_object_array_add(choices, choice_json(o.links[i], &choice));
		else
			print_choice(o.links[i], &choice);
	}
	if (o.json)
		puts(json_object_to_json_string_ext(all, JSON_C_TO_STRING_PRETTY));
	json_object_put(all);
	fly_topology_free(topology);
	return 0;
}
