/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * runtime.h - starting and stopping a runtime, exporting, importing, turning its pollers.
 *
 * Threads
 *
 * A runtime has links, a packet pool, and one poller or more: who receives, serves, sends, and
 * looks after what is overdue.
 *   - Without threads of its own (`pollers` 0) the runtime's only poller belongs to the thread that
 *     started it, which turns it while it waits for a result, or in fly_serve(): an inline
 *     caller. Only that thread may use the runtime and what came from it, except where a function
 *     says "any thread".
 *   - With `pollers` 1 or more the runtime has so many threads that do nothing else, each on a core
 *     of its own, and every thread of the program may use the runtime.
 * A binding always belongs to one thread at a time, the one that imported it, or the one that got
 * it from fly_attach(): by that any thread can call through a poller that another thread turns.
 *
 * Sizes
 *
 * A struct that a program fills in, or has filled in, begins with its size, which the program sets:
 * `struct fly_options o = {.size = sizeof o}`. Later releases add fields at the end, and 0 in a new
 * field means what was done before.
 *   - A shorter struct comes from a program that was built for an older release: fields that are
 *     missing are 0 for the library, and are not filled in.
 *   - A longer struct comes from a program that was built for a newer release. Unless it is 0 in
 *     everything that the library does not know: -FLY_EINVAL.
 *   - A size of 0, or one that is too small for any release: -FLY_EINVAL.
 * fly_error() says so. A struct that the library owns and shows to a program has its size set by
 * the library: there are no fields behind that.
 */
#ifndef FIREFLY_RUNTIME_H
#define FIREFLY_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <firefly/status.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fly_runtime;
struct fly_binding;
struct fly_call;
struct fly_interface;

/* How a thread waits for a result, a poller for packets, a worker for calls. */
enum fly_wait {
	FLY_WAIT_DEFAULT, /* as the runtime does; of a runtime: FLY_WAIT_SPIN */
	FLY_WAIT_SPIN,    /* looks all the time: the fastest, and takes a core */
	FLY_WAIT_YIELD,   /* lets others run in between: more threads than cores */
	FLY_WAIT_SLEEP,   /* looks for a while, then sleeps until woken: shares its core with others
			   */
};

/* How to start a runtime. Zero in every field but `size` and `links` means: the default. */
struct fly_options {
	size_t size; /* sizeof(struct fly_options): see "Sizes" above */
	/*
	 * Link specs, at least one, ended by NULL. KIND:WHAT[,KEY[=VALUE]]...
	 *   vhost:PATH[,server][,clients=N]   vhost-user server, or virtio-user client
	 *   memif:PATH[,server][,clients=N]   shared memory packet interface
	 *   af_packet:IFACE                   a kernel interface, beside the kernel's own stack
	 *   tap:IFACE                         a tap interface that is created
	 *   pci:DOMAIN:BUS:DEV.FN             a NIC that is bound to a DPDK driver
	 *   vdev:NAME[,DRIVER ARGUMENTS]      any DPDK virtual device; it gets all other keys
	 * Keys for all: ip=A.B.C.D, peer=A.B.C.D, port=UDP, mac=XX:XX:XX:XX:XX:XX, mtu=BYTES,
	 * wait=SECONDS (how long to wait for a server that is not up), checksum=on|off.
	 */
	const char *const *links;
	const char *eal;        /* further EAL arguments, separated by blanks; NULL: none */
	unsigned packets;       /* packet buffers in the pool; default 8191 */
	unsigned calls;         /* entries of the call table, at most 65536; default 1024 */
	unsigned conversations; /* callers the server side remembers; default 4096 */
	/*
	 * How long to wait. A call of which nothing is heard is sent again after a time that
	 * follows from measured round trips, then after twice as long and so on, and given up in
	 * the end. Once its server has said that it works on it, it may take for ever: it is
	 * probed, at growing intervals, and given up when several probes in a row are not answered.
	 */
	unsigned call_timeout_ms; /* a call that is never answered ends after this; default 5000 */
	unsigned resend_first_us; /* the first wait, as long as nothing was measured; default 20000
				   */
	unsigned resend_least_us; /* and never less than; default 1000 */
	unsigned resend_most_ms;  /* the longest wait between two copies; default 1000 */
	unsigned probe_most_ms;   /* the longest interval between probes; default 300000 */
	unsigned probes; /* unanswered ones before a call is given up; default 8, at most 255 */
	/*
	 * Threads that poll: see "Threads" above. More of them than cores need another way to wait
	 * than FLY_WAIT_SPIN. Poller i of a runtime has the UDP port of its links, plus i.
	 */
	unsigned pollers;   /* 0: none, whoever calls polls; at most 16 */
	const char *cores;  /* where they run, one each, as "2,4-5"; NULL: see fly_topology() */
	enum fly_wait wait; /* of the pollers, and of all who do not choose for themselves */
	/* One-line remarks for a person (no hugepages, a link that came back); NULL: to nobody. */
	void (*notice)(void *context, const char *line); /* may be called on any thread */
	void *notice_context;
};

/*
 * fly_start() - bring up a runtime that belongs to the calling thread, or has threads of its own.
 * @options: read during the call only.
 * @runtime: set on success; ended by fly_stop().
 *
 * DPDK is initialised by the first runtime of a process, on a thread of its own; the calling
 * thread keeps its affinity, signal mask and handlers. Blocks until each link is up, at most
 * `wait=` seconds for each one whose server is not there yet.
 * Return: 0, or a negative status with fly_error() set: EINVAL (a bad spec; cores or a NUMA node
 * that are not to be had), ETIMEOUT (server never came up), EINUSE, EPERM, ENOMEM, ECONFLICT (other
 * EAL options than the process already has), ESYSTEM.
 */
int fly_start(const struct fly_options *options, struct fly_runtime **runtime);

/*
 * fly_stop() - end a runtime: its bindings, exports, links and pool.
 *
 * Outstanding calls end, as with fly_shutdown(), which should come first where somebody waits for
 * them: their handles are dead afterwards. Not from within a procedure. Only the owning thread; any
 * one, if the runtime has threads of its own, which end with it.
 *
 * Calls that wait for a worker are refused. Procedures that run on workers are waited for, however
 * long they take: fly_cancelled() tells them, and who does not ask does not return sooner.
 * Return: 0, or a negative status with fly_error() set. EINVAL (NULL) and ECONFLICT (from within a
 * procedure, or other threads of the program still have bindings, which they have to end first)
 * change nothing. EPACKETS: the runtime has ended and all of it is freed, but packet buffers were
 * missing from its pool, which is a bug; the sentence says how many.
 */
int fly_stop(struct fly_runtime *runtime);

/*
 * fly_turn() - one turn of the runtime's poller: receive, serve, deliver, send.
 * Return: packets received in this turn; 0 if the runtime has threads of its own, which do that.
 * Only the owning thread.
 */
unsigned fly_turn(struct fly_runtime *runtime);

/*
 * fly_serve() - turn the poller until fly_quit(); or just wait until then, if the runtime has
 * threads of its own. Return: 0. Only the owning thread.
 */
int fly_serve(struct fly_runtime *runtime);

/*
 * fly_quit() - make fly_serve() return. Any thread, and any signal handler; a request that comes
 * before fly_serve() is kept.
 */
void fly_quit(struct fly_runtime *runtime);

/*
 * fly_export() - let peers call an interface. Generated code wraps it: NAME_export().
 * @interface: from the generated server stub; static.
 * @procedures: the generated struct of function pointers; must outlive the runtime.
 * @context: handed to each procedure; not touched.
 * Return: 0, or EINVAL, EINUSE (that interface is exported already), ENOMEM, ECONFLICT (from within
 * a procedure of a runtime with several pollers), EVERSION (the stub was generated for another
 * release of the library); fly_error() says more.
 */
int fly_export(struct fly_runtime *runtime, const struct fly_interface *interface,
	       const void *procedures, void *context);

/* Who calls, as the kernel says: of a peer on this machine, over a local link. */
struct fly_caller {
	size_t size; /* of what the library fills in */
	uid_t uid;
	gid_t gid;
	pid_t pid;
};

/* How an interface is exported. Zero in every field but `size`: as by fly_export(). */
struct fly_export_options {
	size_t size; /* sizeof(struct fly_export_options) */
	/*
	 * Threads for its procedures that compute or block: those that are marked `worker`, and if
	 * there are workers those that are not marked `inline`. While all are busy calls wait, and
	 * if too many do, others are refused with FLY_EBUSY. Without workers all run on the poller.
	 */
	unsigned workers;         /* at most 256; shared out among the pollers */
	const char *worker_cores; /* where they may run, as "3,5-7"; NULL: anywhere on their node */
	unsigned queue;           /* calls that may wait for a worker, at each poller; default 64 */
	enum fly_wait wait;       /* of idle workers */
	/* For peers over local links. */
	unsigned a_stacks; /* calls that one binding can have under way; at most 64, default 16 */
	const uid_t *uids; /* who may bind, n_uids of them; with both NULL: everybody */
	const gid_t *gids;
	unsigned n_uids;
	unsigned n_gids;
	bool (*allow)(void *context, const struct fly_caller *caller); /* or NULL; may be called
									  on any thread */
};

/*
 * fly_export_with() - fly_export(), with options, which are read during the call only. Generated
 * code wraps it: NAME_export_with(). Return: as fly_export(), or EINVAL (workers that cannot be
 * had, a core that is not there), ESYSTEM; fly_error() says more.
 *
 * @options->allow: runs on the one thread that lets clients of this machine in and sees them off,
 * and must not block: nobody else gets in or is parted from until it returns.
 */
int fly_export_with(struct fly_runtime *runtime, const struct fly_interface *interface,
		    const void *procedures, void *context,
		    const struct fly_export_options *options);

/*
 * fly_import() - bind to an interface at a peer. Generated code wraps it: NAME_import().
 * @interface: from the generated stub of the caller; static.
 * @peer: "A.B.C.D" or "A.B.C.D:PORT", over the runtime's first link that is not local;
 * "local:NAME[,uid=N][,wait=SECONDS]", a server of this machine, whatever links the runtime has;
 * NULL: the far end of the runtime's first link.
 * @binding: set on success; ended by fly_unbind().
 *
 * Asks for the peer's address and then its binder, each for at most about `call_timeout_ms`;
 * turns the poller meanwhile. Over a local link it connects to the server, and tries again for at
 * most `wait=` seconds (default 5) while nobody listens there.
 * Return: 0, or ENOEXPORT, EVERSION (another version of the interface, of the protocol, or of the
 * stub interface), EPEER (nobody answers), ELINK, EINVAL, EBUSY (no room for another caller),
 * ECONFLICT (from within a procedure that would wait for its own poller), ESTOPPED, ECALLS,
 * EPACKETS, ENOMEM; over a local link also EPERM and ESYSTEM. fly_error() says more.
 */
int fly_import(struct fly_runtime *runtime, const struct fly_interface *interface, const char *peer,
	       struct fly_binding **binding);

/*
 * fly_rebind() - import again through an existing binding, after FLY_ESTALE or a link that came
 * back. Outstanding calls of the binding end with FLY_EPEER: they went to the old export.
 * Return: as fly_import().
 */
int fly_rebind(struct fly_binding *binding);

/*
 * fly_unbind() - end a binding. Its outstanding calls end with it; their handles are dead.
 */
void fly_unbind(struct fly_binding *binding);

/*
 * fly_attach() - another binding to the same export, for the calling thread. Any thread, as long as
 * the binding is not being ended.
 * @mine: set on success: belongs to the calling thread, and is ended by fly_unbind().
 *
 * Of a binding over a link it needs somebody who turns its poller: a thread of the runtime, or an
 * inline caller in fly_serve() or a wait. Calls are handed to that poller; on the thread that turns
 * it itself they would wait for ever, and end with FLY_ECONFLICT, not executed. Return: 0, or
 * EPEER, ENOMEM, ECALLS, ESTOPPED, ECONFLICT with fly_error() set.
 */
int fly_attach(struct fly_binding *binding, struct fly_binding **mine);

/*
 * fly_set_wait() - how to wait for the results of calls through this binding, from now on.
 * FLY_WAIT_DEFAULT: as its runtime does.
 * Return: 0, or EINVAL (there is no such way to wait), ECONFLICT (the binding is another thread's),
 * with fly_error() set, and then nothing has changed.
 */
int fly_set_wait(struct fly_binding *binding, enum fly_wait wait);

/*
 * fly_event_fd() - for event loops: a file descriptor that becomes readable when calls that were
 * started through this binding have ended.
 *
 * Belongs to the binding, and is closed with it. When it is readable read(2) eight bytes from it
 * first, and then ask fly_ready() about every call that is under way: it says that there is
 * something to see, not how much. Not for the binding of an inline caller, who has to turn the
 * poller anyway; attach to one, or have the runtime poll by itself. Of a local link it is the
 * connection itself, and another one after fly_rebind().
 * Return: the descriptor, or EINVAL (an inline caller's), ESYSTEM with fly_error() set.
 */
int fly_event_fd(struct fly_binding *binding);

/*
 * fly_set_deadline() - give each call that is started through this binding from now on so long.
 * @us: microseconds, from its start to its result; 0: as long as it takes, which is the default.
 *
 * A call that has not ended by then ends with FLY_EDEADLINE, maybe executed. The server is told how
 * much time is left, and does not begin what is late; a procedure can ask: fly_remaining(). A call
 * with a deadline does not take the fastest way.
 * Return: 0, or ECONFLICT (the binding is another thread's), ESTOPPED (of an attached binding: its
 * poller is not turned any more), with fly_error() set, and then nothing has changed.
 */
int fly_set_deadline(struct fly_binding *binding, uint32_t us);

/*
 * fly_cancel() - end a call that was started: it ends with FLY_ECANCELLED, maybe executed, and is
 * still to be finished. The server is told; if the call has not begun there it will not, and a
 * procedure that runs can ask: fly_cancelled(). Return: 0; -FLY_EINVAL: it has ended already.
 */
int fly_cancel(struct fly_call *call);

/*
 * fly_remaining() - for procedures: how much time their caller has left for this call.
 * Return: microseconds, 0 when it is over; UINT64_MAX: there is no deadline, or no call is running
 * on this thread.
 */
uint64_t fly_remaining(void);

/*
 * fly_cancelled() - for procedures: has their caller gone, because it cancelled the call or its
 * deadline has passed? Then nobody reads the results.
 *
 * A procedure that takes longer than a millisecond or so should ask now and then, whatever it does
 * with the answer: its poller attends to its links meanwhile, so that its caller, which asks
 * whether the server is still there, is told so. Other calls wait until the procedure has returned.
 * On a worker neither is needed, and nothing is done but look.
 */
bool fly_cancelled(void);

/*
 * fly_shutdown() - end everything but the runtime itself: nothing is exported any more, calls that
 * are outstanding end with FLY_ESTOPPED, maybe executed, and are still to be finished; starting
 * another one returns FLY_ESTOPPED. fly_stop() does the same, and then frees what was to be
 * finished. Not from within a procedure. Only the owning thread.
 */
void fly_shutdown(struct fly_runtime *runtime);

/*
 * fly_ready() - has this call ended, so that finishing it will not wait? Does not turn the
 * poller of an inline caller; call fly_turn() in between.
 */
bool fly_ready(struct fly_call *call);

/*
 * fly_release() - give back the result packet behind a view (NAME_PROCEDURE_view()). The handle
 * and the view are dead afterwards.
 */
void fly_release(struct fly_call *call);

/* Where the packet buffers of a runtime are. */
struct fly_packet_census {
	size_t size;       /* sizeof(struct fly_packet_census); the program sets it */
	unsigned total;    /* buffers in the pool, by construction */
	unsigned free;     /* in the pool or a cache of it */
	unsigned retained; /* kept for resending, calls and results */
	unsigned queued;   /* waiting to be sent */
};

/*
 * fly_packets() - count the packet buffers. `total - free - retained - queued` are in the hands
 * of drivers (posted for reception, or sent and not yet given back). Slow; owning thread. Not from
 * within a procedure.
 * @census: begins with its size, which the program sets.
 * Return: 0, or EINVAL (no size), ECONFLICT (from within a procedure of a runtime with several
 * pollers), with fly_error() set and nothing filled in.
 */
int fly_packets(const struct fly_runtime *runtime, struct fly_packet_census *census);

/*
 * fly_counters() - hand every counter of the runtime to a function, in a fixed order.
 * @each: name is a word like "drop_version", about is one line; static storage.
 * Any thread.
 */
void fly_counters(const struct fly_runtime *runtime,
		  void (*each)(void *context, const char *name, const char *about, uint64_t value),
		  void *context);

/* What the runtime runs on; strings in static storage or owned by the runtime. */
struct fly_platform {
	size_t size;           /* sizeof(struct fly_platform); the program sets it */
	const char *dpdk;      /* DPDK's version */
	size_t hugepage_bytes; /* page size of the packet memory; 0: ordinary pages */
	uint64_t tsc_hz;       /* ticks of the TSC in a second */
};

/*
 * fly_platform() - fill @platform, which begins with its size. Only after fly_start(); any thread.
 * Return: 0, or -FLY_EINVAL with fly_error() set: no size.
 */
int fly_platform(const struct fly_runtime *runtime, struct fly_platform *platform);

/* fly_version() - "0.1.0". Any thread. */
const char *fly_version(void);

#ifdef __cplusplus
}
#endif
#endif
