/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_binding_kind.c - public functions on bindings and calls in the wrong place: on another
 * thread, or in a procedure that runs while its own thread waits in the binding.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>

#include "case.h"
#include "probe_service.h"
#include "runtime/runtime.h"

#define EAL  "--no-huge -m 256"
#define SELF "vdev:net_ring_a,ip=10.9.8.7,peer=10.9.8.7"
#define NAME "process-binding-kind"

static struct fly_runtime *r; /* inline; it calls itself */
static struct fly_binding *binding;
static struct probe_service service;

static struct fly_runtime *start(const char *spec, unsigned pollers)
{
	const char *const links[] = {spec, NULL};
	const struct fly_options o = {.size = sizeof o,
				      .links = links,
				      .packets = 2047,
				      .calls = 64,
				      .eal = EAL,
				      .pollers = pollers,
				      .wait = FLY_WAIT_YIELD};
	struct fly_runtime *started;

	cr_assert(fly_start(&o, &started) == 0, "%s", fly_error());
	return started;
}

static void begin(void)
{
	r = start(SELF, 0);
	cr_assert(Probe_export(r, &probe_procedures, &service) == 0, "%s", fly_error());
	cr_assert(Probe_import(r, NULL, &binding) == 0, "%s", fly_error());
}

static void end(void)
{
	cr_expect(fly_stop(r) == 0, "%s", fly_error());
}

TestSuite(binding_kind, .timeout = HANG);

static bool is_about(const char *what)
{
	return strstr(fly_error(), what) != NULL;
}

/* ---- within a wait --------------------------------------------------------------------------- */

static struct fly_binding *used;
static unsigned n_refused;

/* A procedure that ends the binding in which its thread waits. */
static void end_it(void *unused)
{
	(void)unused;
	n_refused += fly_unbind(used) == -FLY_ECONFLICT && is_about("fly_unbind: not from within");
	n_refused += fly_rebind(used) == -FLY_ECONFLICT && is_about("fly_rebind: not from within");
}

Case(binding_kind, fly_unbind__of_what_its_thread_waits_in)
{
	uint64_t sum;

	used = binding;
	service.during = end_it;
	cr_expect(Probe_Null(binding) == 0);
	cr_expect(n_refused == 2);
	cr_expect(Probe_Add(binding, 1, 2, &sum) == 0 && sum == 3);
	cr_expect(fly_unbind(binding) == 0 && r->poller.calls.n_unbound == r->poller.calls.n);
}

static void end_another(void *another)
{
	n_refused += fly_unbind(another) != 0;
}

Case(binding_kind, fly_unbind__of_another_in_a_procedure)
{
	struct fly_binding *another;
	struct fly_call *call;

	cr_assert(Probe_import(r, NULL, &another) == 0);
	service.during = end_another;
	service.during_context = another;
	cr_assert(Probe_Null_start(another, &call) == 0);
	cr_expect(Probe_Null(binding) == 0);
	cr_expect(n_refused >= 1, "a call of it may have a wait below this procedure");
	cr_expect(Probe_Null_finish(call) == 0);
	n_refused = 0;
	cr_expect(Probe_Null(binding) == 0);
	cr_expect(n_refused == 0);
}

static void try_while_bound_again(void *unused)
{
	(void)unused;
	service.during = NULL;
	end_it(NULL);
}

/* Another thread calls into the runtime, whose thread is in fly_rebind() and turns the poller. */
static void *call_attached(void *unused)
{
	struct fly_binding *mine;

	(void)unused;
	cr_assert(fly_attach(binding, &mine) == 0, "%s", fly_error());
	cr_expect(Probe_Null(mine) == 0);
	cr_expect(fly_unbind(mine) == 0);
	return NULL;
}

Case(binding_kind, fly_unbind__of_what_is_bound_again_below)
{
	pthread_t thread;

	used = binding;
	service.during = try_while_bound_again;
	cr_assert(pthread_create(&thread, NULL, call_attached, NULL) == 0);
	/* The procedure runs in one of these turns, within fly_rebind(). */
	while (n_refused == 0)
		cr_expect(fly_rebind(binding) == 0, "%s", fly_error());
	cr_expect(n_refused == 2);
	while (pthread_tryjoin_np(thread, NULL) != 0)
		fly_turn(r);
}

/* ---- within a wait over a local link ----------------------------------------------------------
 */

static struct fly_runtime *at_server;
static struct probe_service far_service;
static _Atomic bool may_end;

static void wait_there(void *unused)
{
	(void)unused;
	while (!may_end)
		;
}

static void end_it_and_go_on(void *unused)
{
	end_it(unused);
	may_end = true;
}

/* The thread waits for a procedure of another runtime, which ends once one of its own has run. */
Case(binding_kind, fly_unbind__of_a_local_binding_that_its_thread_waits_in)
{
	const struct fly_export_options options = {.size = sizeof options, .workers = 1};
	pthread_t thread;

	at_server = start("local:" NAME ",server", 1);
	far_service.during = wait_there;
	cr_assert(Probe_export_with(at_server, &probe_procedures, &far_service, &options) == 0);
	cr_assert(Probe_import(r, "local:" NAME, &used) == 0, "%s", fly_error());
	service.during = end_it_and_go_on;
	cr_assert(pthread_create(&thread, NULL, call_attached, NULL) == 0);
	cr_expect(Probe_Null(used) == 0);
	cr_expect(n_refused == 2);
	while (pthread_tryjoin_np(thread, NULL) != 0)
		fly_turn(r);
	cr_expect(fly_unbind(used) == 0);
	cr_expect(fly_stop(at_server) == 0);
}

/* The same thread attached to a poller of another runtime. */
Case(binding_kind, fly_unbind__of_an_attached_binding_that_its_thread_waits_in)
{
	const struct fly_export_options options = {.size = sizeof options, .workers = 1};
	pthread_t thread;

	at_server = start("vdev:net_ring_b,ip=10.9.8.6,peer=10.9.8.6", 1);
	far_service.during = wait_there;
	cr_assert(Probe_export_with(at_server, &probe_procedures, &far_service, &options) == 0);
	cr_assert(Probe_import(at_server, NULL, &used) == 0, "%s", fly_error());
	service.during = end_it_and_go_on;
	cr_assert(pthread_create(&thread, NULL, call_attached, NULL) == 0);
	cr_expect(Probe_Null(used) == 0);
	cr_expect(n_refused == 2);
	while (pthread_tryjoin_np(thread, NULL) != 0)
		fly_turn(r);
	cr_expect(fly_unbind(used) == 0);
	cr_expect(fly_stop(at_server) == 0);
}

/* ---- within a wait for a server ----------------------------------------------------------------
 */

static int other(struct fly_served *served)
{
	served->result_bytes = 0;
	if (service.during)
		service.during(NULL);
	return 0;
}

static const struct fly_procedure other_table[] = {
	{"Other", other, 0, 0, 0, FLY_RESULTS_OVER, 0},
};
static const struct fly_interface other_interface = {FLY_STUB_VERSION, "Other", 1, 1, other_table};

/* Another thread has this one run the procedure, again and again. */
static void *call_other(void *to_other)
{
	struct fly_binding *mine;
	struct fly_call *c;

	cr_assert(fly_attach(to_other, &mine) == 0, "%s", fly_error());
	while (!may_end) {
		cr_assert(mine->starter(mine, 0, 0, &c) == 0);
		cr_expect(mine->transporter(c) == 0);
		mine->ender(c);
	}
	cr_expect(fly_unbind(mine) == 0);
	return NULL;
}

/* A procedure that ends the binding whose server its thread looks for. */
static void end_it_once(void *unused)
{
	service.during = NULL;
	end_it_and_go_on(unused);
}

/* `used` reconnects, and its server exports nothing any more. */
static void look_for_a_server(struct fly_runtime *of)
{
	struct fly_binding *to_other;
	pthread_t thread;

	cr_expect(fly_set_reconnect(used, true) == 0);
	cr_expect(Probe_Null(used) == 0);
	cr_expect(fly_drain(of, 0) == 0);
	fly_set_deadline(used, 50000);
	while (Probe_Null(used) != -FLY_ENOEXPORT)
		;
	cr_assert(fly_export(r, &other_interface, "", NULL) == 0, "%s", fly_error());
	cr_assert(fly_import(r, &other_interface, NULL, &to_other) == 0, "%s", fly_error());
	service.during = end_it_once;
	cr_assert(pthread_create(&thread, NULL, call_other, to_other) == 0);
	while (!may_end)
		cr_expect(Probe_Null(used) == -FLY_ENOEXPORT);
	cr_expect(n_refused == 2, "%u", n_refused);
	while (pthread_tryjoin_np(thread, NULL) != 0)
		fly_turn(r);
	cr_expect(fly_unbind(used) == 0);
}

Case(binding_kind, fly_unbind__of_what_looks_for_a_server)
{
	used = binding;
	look_for_a_server(r);
}

Case(binding_kind, fly_unbind__of_a_local_binding_that_looks_for_a_server)
{
	at_server = start("local:" NAME ",server", 1);
	cr_assert(Probe_export(at_server, &probe_procedures, &far_service) == 0);
	cr_assert(Probe_import(r, "local:" NAME, &used) == 0, "%s", fly_error());
	look_for_a_server(at_server);
	cr_expect(fly_stop(at_server) == 0);
}

Case(binding_kind, fly_unbind__of_an_attached_binding_that_looks_for_a_server)
{
	at_server = start("vdev:net_ring_b,ip=10.9.8.6,peer=10.9.8.6", 1);
	cr_assert(Probe_export(at_server, &probe_procedures, &far_service) == 0);
	cr_assert(Probe_import(at_server, NULL, &used) == 0, "%s", fly_error());
	look_for_a_server(at_server);
	cr_expect(fly_stop(at_server) == 0);
}

/* ---- on another thread ------------------------------------------------------------------------
 */

static struct fly_call *call;

static void *use_elsewhere(void *unused)
{
	(void)unused;
	cr_expect(fly_unbind(binding) == -FLY_ECONFLICT && is_about("belongs to another thread"));
	cr_expect(fly_rebind(binding) == -FLY_ECONFLICT && is_about("belongs to another thread"));
	cr_expect(fly_cancel(call) == -FLY_ECONFLICT && is_about("belongs to another thread"));
	cr_expect(fly_event_fd(binding) == -FLY_ECONFLICT);
	cr_expect(fly_set_deadline(binding, 1) == -FLY_ECONFLICT);
	cr_expect(fly_set_wait(binding, FLY_WAIT_SPIN) == -FLY_ECONFLICT);
	return NULL;
}

static void use_on_another_thread(void)
{
	pthread_t thread;

	cr_assert(Probe_Null_start(binding, &call) == 0);
	cr_assert(pthread_create(&thread, NULL, use_elsewhere, NULL) == 0);
	pthread_join(thread, NULL);
	cr_expect(Probe_Null_finish(call) == 0);
	cr_expect(fly_unbind(binding) == 0);
}

Case(binding_kind, use_on_another_thread__of_an_inline_callers)
{
	use_on_another_thread();
}

Case(binding_kind, use_on_another_thread__of_an_attached_one)
{
	struct fly_runtime *polled = start("vdev:net_ring_b,ip=10.9.8.6,peer=10.9.8.6", 1);

	cr_assert(Probe_export(polled, &probe_procedures, &far_service) == 0);
	cr_expect(fly_unbind(binding) == 0);
	cr_assert(Probe_import(polled, NULL, &binding) == 0, "%s", fly_error());
	use_on_another_thread();
	cr_expect(fly_stop(polled) == 0);
}

Case(binding_kind, use_on_another_thread__of_a_local_one)
{
	at_server = start("local:" NAME ",server", 1);
	cr_assert(Probe_export(at_server, &probe_procedures, &far_service) == 0);
	cr_expect(fly_unbind(binding) == 0);
	cr_assert(Probe_import(r, "local:" NAME, &binding) == 0, "%s", fly_error());
	use_on_another_thread();
	cr_expect(fly_stop(at_server) == 0);
}

/* ---- of a thread that has ended ----------------------------------------------------------------
 */

static void *bind_and_end(void *polled)
{
	uint64_t sum;

	cr_assert(Probe_import(polled, NULL, &binding) == 0, "%s", fly_error());
	cr_expect(Probe_Add(binding, 1, 2, &sum) == 0 && sum == 3);
	return NULL;
}

Case(binding_kind, fly_unbind__for_a_thread_that_has_ended)
{
	struct fly_runtime *polled = start("vdev:net_ring_b,ip=10.9.8.6,peer=10.9.8.6", 1);
	pthread_t thread;

	cr_assert(Probe_export(polled, &probe_procedures, &far_service) == 0);
	cr_assert(pthread_create(&thread, NULL, bind_and_end, polled) == 0);
	pthread_join(thread, NULL);
	cr_expect(fly_unbind(binding) == 0, "%s", fly_error());
	cr_expect(LIST_EMPTY(&polled->group.owned.all));
	cr_expect(fly_stop(polled) == 0);
}

Case(binding_kind, fly_unbind__of_none)
{
	cr_expect(fly_unbind(NULL) == 0);
}
