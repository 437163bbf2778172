/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * runtime.h - starting and stopping a runtime, exporting, importing, turning its pollers.
 *
 * Threads
 *
 * A runtime has links, a packet pool, and one or more pollers. A poller receives, serves, sends and
 * resends.
 *   - Without threads of its own (`pollers` 0) a runtime has one poller. The thread that started
 *     the runtime owns it, and turns it in fly_serve() or while it waits for a result: an inline
 *     caller. Only that thread may use the runtime and what came from it, except where a function
 *     says "any thread". On another thread most functions return -FLY_ECONFLICT.
 *   - With `pollers` 1 or more a runtime has so many threads that only poll, each on its own core.
 *     Every thread of the program may use the runtime.
 *   - A `shared` runtime has one poller and no thread for it. Every thread of the program may use
 *     the runtime. A thread that waits, and finds nobody turning the poller, turns it for all:
 *     while it waits for a result, in fly_serve(), and once in fly_turn(), fly_ready() and
 *     fly_next_ready(). Procedures without workers run on such a thread. For threads that share a
 *     core, or have no core to spare for a poller.
 * A binding always belongs to one thread: the thread that imported it, or the thread that got it
 * from fly_attach(). With fly_attach() any thread can call through a poller that another thread
 * turns.
 *
 * Forks
 *
 * A runtime and its bindings belong to the process that made them. In a child that this process
 * forks, calls return -FLY_EFORKED, calls that were started before end with -FLY_EFORKED_MAYBE, and
 * all other functions on them return -FLY_EFORKED or do nothing. Nothing of the parent's changes.
 * So call fly_start() after fork() or daemon(). A child may have runtimes of its own: those with
 * local links only, and others if DPDK was not started in the parent. Children that execute another
 * program, as system() makes them, need no care. A child has no memory of packets: what a view or a
 * procedure's arguments lie in is not there.
 *
 * Sizes
 *
 * A struct that a program fills in, or has filled in, begins with its size. The program sets the
 * size: `struct fly_options o = {.size = sizeof o}`. Later releases add fields at the end. 0 in a
 * new field means the behaviour of the releases before.
 *   - A shorter struct is from a program that was built for an older release. The library takes the
 *     missing fields as 0, and does not fill them in.
 *   - A longer struct is from a program that was built for a newer release. All that the library
 *     does not know must be 0. Otherwise: -FLY_EINVAL.
 *   - A size of 0, or smaller than in any release: -FLY_EINVAL.
 * fly_error() says which. The library sets the size of a struct that it owns and shows to a
 * program: nothing may be read behind that.
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
	FLY_WAIT_DEFAULT, /* as the runtime; for a runtime: FLY_WAIT_SPIN */
	FLY_WAIT_SPIN,    /* polls all the time: the fastest, takes a core */
	FLY_WAIT_YIELD,   /* yields between polls: for more threads than cores */
	FLY_WAIT_SLEEP,   /* polls for a while, then sleeps until woken: shares its core */
};

/* How to start a runtime. Zero in any field but `size` and `links` is the default. */
struct fly_options {
	size_t size; /* sizeof(struct fly_options): see "Sizes" above */
	/*
	 * Link specs, at least one, ended by NULL. KIND:WHAT[,KEY[=VALUE]]...
	 *   vhost:PATH[,server][,clients=N]   vhost-user server, or virtio-user client; a server
	 *     for a virtual machine with several pairs of queues: queues=N
	 *   memif:PATH[,server][,clients=N]   shared memory packet interface
	 *   af_packet:IFACE                   a kernel interface, beside the kernel's own stack
	 *   af_xdp:IFACE                      the same by AF_XDP sockets
	 *   tap:IFACE                         a tap interface, which is created
	 *   pci:DOMAIN:BUS:DEV.FN             a NIC that is bound to a DPDK driver
	 *   vdev:NAME[,DRIVER ARGUMENTS]      any DPDK virtual device; it gets all other keys
	 *   udp:ADDRESS                       a kernel socket that serves there; no right needed
	 *   udp:                              the same, to call only, from any free UDP port
	 *   local:NAME,server[,clients=N][,huge]  calls without packets, from this machine
	 *   local:NAME[,uid=N][,wait=SECONDS]     a server of this machine; as the first link.
	 *     uid=: whose server; default: our own user's or root's; uid=any: anybody's
	 * Keys for all others: ip=A.B.C.D[/BITS], gateway=A.B.C.D, vlan=N, peer=A.B.C.D, port=UDP
	 * (0: a free one), mac=XX:XX:XX:XX:XX:XX, mtu=BYTES, wait=SECONDS (how long to wait for a
	 * server that is not up), checksum=on|off. BITS of an address are those that all on the
	 * link have; others are behind the gateway. af_packet takes all of it from the kernel.
	 * mtu=: 128 to 9000, on vhost and memif to 65280; default there 9000, on af_packet the
	 * interface's, at most 9000, else the device's. Both ends use the smaller one of theirs.
	 * udp: ADDRESS is 0.0.0.0, [::] (both families), or an address of this machine. Keys:
	 * port= (0: a free one: fly_address()), peer=, which may be a name, or [IPv6%SCOPE]:PORT,
	 * and mtu=, to 65280; default: that of the interfaces, at most 9000.
	 * Keys for servers of vhost and memif: mode=OCTAL, owner=USER, group=GROUP, of the socket
	 * and the lock file beside it; without them both belong to who starts the server, by its
	 * umask. A path of vhost has at most 104 characters. A relative path stays what it is at
	 * the start.
	 */
	const char *const *links;
	const char *eal;  /* further EAL arguments, separated by blanks; NULL: none */
	unsigned packets; /* in the pool; default 4095 of 9 kB or 8191 of 2 kB. Local links: none */
	unsigned calls;   /* entries of the call table, at most 65536; default 1024 */
	unsigned conversations; /* callers that the server side remembers; default 4096 */
	/*
	 * Timeouts. An unanswered call is sent again after a time that follows from measured round
	 * trips, then after twice that time, and so on; at last it fails. Once its server has said
	 * that the call runs, the call may take for ever. It is probed at growing intervals, and
	 * fails when several probes in a row are not answered.
	 */
	unsigned call_timeout_ms; /* an unanswered call fails after this, over every link; default
				     5000 */
	unsigned resend_first_us; /* the first wait until a round trip is measured; default 20000 */
	unsigned resend_least_us; /* the shortest measured first wait; default 1000 */
	unsigned resend_most_ms;  /* the longest wait between two copies; default 1000 */
	unsigned probe_most_ms;   /* the longest interval between probes; default 300000 */
	unsigned probes; /* unanswered probes before a call fails; default 8, at most 255 */
	/*
	 * Threads that poll: see "Threads" above. With more of them than cores, `wait` must not be
	 * FLY_WAIT_SPIN. Poller i of a runtime has the UDP port of its links plus i.
	 */
	unsigned pollers;   /* 0: none, the calling thread polls; at most 16 */
	const char *cores;  /* their cores, one each, as "2,4-5"; NULL: see fly_topology() */
	enum fly_wait wait; /* of pollers, and of bindings and workers that do not choose */
	/* One-line messages for a person (no hugepages, a link that came back); NULL: none. */
	void (*notice)(void *context, const char *line); /* may be called on any thread */
	void *notice_context;
	/*
	 * No thread only polls, and every thread of the program may use the runtime: see "Threads"
	 * above. Only with `pollers` 0.
	 */
	bool shared;
};

/*
 * fly_start() - start a runtime. It belongs to the calling thread, or has threads of its own.
 * @options: read during the call only.
 * @runtime: set on success; ended by fly_stop().
 *
 * The first runtime of a process that has other links than local ones initialises DPDK, on a
 * separate thread: the calling thread keeps its affinity, signal mask and handlers. A program that
 * has called rte_eal_init() itself lends its DPDK: it is used as it is, and `eal` must be NULL. If
 * DPDK does not start, fly_error() says what to mend, and the next fly_start() tries again. `eal`
 * is tried in a child process first: see fly_start(3).
 *
 * Blocks until each link is up, at most `wait=` seconds for each link whose server is not there
 * yet.
 * Return: 0, or a negative status with fly_error() set: EINVAL (a bad spec; cores or a NUMA node
 * that are not available), ETIMEOUT (a server did not come up), EINUSE, EPERM, ENOMEM, ECONFLICT
 * (other EAL options than the process has already), EFORKED (DPDK was started in the parent),
 * ESYSTEM (a limit of descriptors or threads, for instance).
 */
int fly_start(const struct fly_options *options, struct fly_runtime **runtime);

/*
 * fly_stop() - end a runtime: its bindings, exports, links and pool.
 *
 * Outstanding calls end as with fly_shutdown(), and their handles are dead afterwards. If other
 * threads wait for calls, call fly_shutdown() first. Not from within a procedure. Only the owning
 * thread, or any thread once that has ended; any thread, if the runtime has threads of its own,
 * which end with it. Bindings of threads that have ended without unbinding them end as well.
 *
 * Calls that wait for a worker are refused. fly_stop() waits for procedures that run on workers,
 * however long they take, and for a second at most until their results have arrived. A procedure
 * can return sooner if it checks fly_cancelled(). fly_drain() ends a runtime more gently.
 * Return: 0, or a negative status with fly_error() set. EINVAL (NULL), ECONFLICT (from within a
 * procedure; on a thread that does not own the runtime; or other threads of the program still have
 * bindings, which they must end first) and EFORKED change nothing. EPACKETS: the runtime has ended
 * and is freed, but packet buffers were missing from its pool, which is a bug; fly_error() says how
 * many.
 */
int fly_stop(struct fly_runtime *runtime);

/*
 * fly_drain() - let the last calls end before fly_stop(). From now on the runtime exports nothing,
 * and importing what it exported fails with FLY_ENOEXPORT. New calls of peers end with FLY_ESTALE,
 * not executed. The function returns when no call of a peer runs, or waits for a worker, and the
 * callers have the last results.
 *
 * A result is sent again if it is lost. A caller that does not say that it has its result is waited
 * for, for a second at most. The runtime's own calls go on, and calls can be started: procedures
 * may need them. Turns the poller if the runtime has no threads of its own. fly_quit() makes the
 * function return early. Only the owning thread; any thread, if the runtime has threads of its own.
 * @most_ms: how long to wait for calls to end; 0: however long they take.
 * Return: 0, or with fly_error() set: ETIMEOUT (calls still run or wait: fly_stop() refuses those
 * that wait, and waits for those that run), EINVAL (NULL), ECONFLICT (from within a procedure;
 * nothing has changed).
 */
int fly_drain(struct fly_runtime *runtime, uint32_t most_ms);

/*
 * fly_turn() - one turn of the runtime's poller: receive, serve, deliver, send. Only the owning
 * thread. Of a shared runtime: any thread; does nothing while another thread turns the poller.
 * Return: packets received in this turn; 0 if the runtime has threads of its own, which do that; 0
 * with fly_error() set if it belongs to another thread or process.
 */
unsigned fly_turn(struct fly_runtime *runtime);

/*
 * fly_serve() - turn the poller until fly_quit(). If the runtime has threads of its own: just wait
 * until then. Only the owning thread. Of a shared runtime: any thread, but one at a time.
 * Return: 0, or ECONFLICT or EFORKED with fly_error() set.
 */
int fly_serve(struct fly_runtime *runtime);

/*
 * fly_quit() - make fly_serve() or fly_drain() return. Any thread, and any signal handler. A
 * fly_quit() before either of them is kept.
 */
void fly_quit(struct fly_runtime *runtime);

/*
 * fly_export() - let peers call an interface. Generated code wraps it: NAME_export().
 * @interface: from the generated server stub; static.
 * @procedures: the generated struct of function pointers; must outlive the runtime.
 * @context: handed to each procedure; not touched.
 * Return: 0, or with fly_error() set: EINVAL, EINUSE (that interface is exported already), ENOMEM,
 * ECONFLICT (from within a procedure of a runtime with several pollers; or not on the owning
 * thread), EVERSION (the stub was generated for another release of the library), ESHUT (after
 * fly_shutdown()), EFORKED.
 */
int fly_export(struct fly_runtime *runtime, const struct fly_interface *interface,
	       const void *procedures, void *context);

/* The process that calls over a local link, as the kernel reports it. */
struct fly_caller {
	size_t size; /* set by the library */
	uid_t uid;
	gid_t gid;
	pid_t pid;
};

/* How to export an interface. Zero in any field but `size`: as fly_export(). */
struct fly_export_options {
	size_t size; /* sizeof(struct fly_export_options) */
	/*
	 * Threads for procedures that compute or block: those marked `worker`, and, if there are
	 * workers, those not marked `inline`. While all workers are busy calls wait; when too many
	 * wait, further calls are refused with FLY_EBUSY. Without workers the poller runs all.
	 */
	unsigned workers;         /* at most 256; divided among the pollers */
	const char *worker_cores; /* their cores, as "3,5-7"; NULL: any core of their node */
	unsigned queue;           /* calls that may wait for a worker, at each poller; default 64 */
	enum fly_wait wait;       /* of idle workers */
	/* For peers over local links. */
	/* Calls that one binding can have in progress; further ones end with FLY_ECALLS. */
	unsigned a_stacks; /* at most 64, default 16 */
	const uid_t *uids; /* may bind, n_uids of them; with both NULL: everybody */
	const gid_t *gids;
	unsigned n_uids;
	unsigned n_gids;
	bool (*allow)(void *context,
		      const struct fly_caller *caller); /* NULL: not called; any thread */
};

/*
 * fly_export_with() - fly_export() with options. Generated code wraps it: NAME_export_with().
 * @options: read during the call only. @options->allow: runs on a thread of its own for each client
 * that asks, several at a time. It may block: only that client waits, and after four seconds ends
 * with FLY_EBUSY. fly_stop() waits until it has returned.
 * Return: as fly_export(), or EINVAL (workers or a core that are not available), ESYSTEM. On
 * failure no client has seen the export.
 */
int fly_export_with(struct fly_runtime *runtime, const struct fly_interface *interface,
		    const void *procedures, void *context,
		    const struct fly_export_options *options);

#define FLY_ADDRESS_BYTES 80 /* room for any address, and its end */

/*
 * fly_address() - where peers reach this runtime over a link: "10.0.0.1:61989",
 * "[fe80::1%eth0]:80", "0.0.0.0:61989" (any address of this machine). With port=0: which port it
 * is.
 * @link: index in struct fly_options.links. @text: for FLY_ADDRESS_BYTES. Any thread.
 * Return: 0; -FLY_EINVAL with fly_error() set: no such link, or a local one, which has no address.
 */
int fly_address(const struct fly_runtime *runtime, unsigned link, char *text);

/*
 * fly_import() - bind to an interface at a peer. Generated code wraps it: NAME_import().
 * @interface: from the generated stub of the caller; static.
 * @peer: whom to call.
 *   "A.B.C.D[:PORT]"             over the link that leads there: see "Routes" in fly_import(3)
 *   "A.B.C.D[:PORT],via=LINK"    over that link
 *   "[IPv6]:PORT", "[IPv6%SCOPE]", "HOST[:PORT]"  the same; HOST is looked up, and its addresses
 *                                tried in turn; IPv6 over udp: links
 *   LINK                         the far end of one of the runtime's links, or the peer= in LINK
 *   "local:NAME[,uid=N][,wait=SECONDS]"  a server of this machine, whatever links the runtime has
 *   NULL                         the far end of the runtime's first link
 * LINK is the kind and the name of a link, as in "vhost:/tmp/f.sock"; other keys are ignored.
 * @binding: set on success; ended by fly_unbind(). It can have as many calls in progress as the
 * runtime has entries (`calls`); over a local link as many as the export's `a_stacks`, 16 by
 * default.
 *
 * Asks for the peer's address and then its binder, each for at most about `call_timeout_ms`;
 * turns the poller meanwhile. Over a local link it connects to the server, and tries again for at
 * most `wait=` seconds (default 5) while nobody listens there.
 * Return: 0, or ENOEXPORT, EVERSION (another version of the interface, of the protocol, or of the
 * stub interface), EPEER (nobody answers), ELINK, EINVAL, EBUSY (no room for another caller),
 * ECONFLICT (from within a procedure that would wait for its own poller), ESTOPPED, ECALLS,
 * EPACKETS, ENOMEM, EFORKED; over a local link also EPERM and ESYSTEM. fly_error() says more.
 */
int fly_import(struct fly_runtime *runtime, const struct fly_interface *interface, const char *peer,
	       struct fly_binding **binding);

#define FLY_ANY_VERSION 0 /* of an interface: for fly_find() */

/* A server that fly_find() has found. */
struct fly_found {
	size_t size;      /* set by the library */
	const char *peer; /* for fly_import(): "10.0.0.2:61989,via=af_packet:eth0"; until each() has
			     returned */
	uint32_t version; /* of the interface that it exports; of several the highest */
};

/*
 * fly_find() - ask all on the networks of this runtime's links who exports an interface. Needs no
 * registry and no address; reaches no further than the networks themselves. See "Finding servers"
 * in docs/protocol.md.
 * @name: of the interface. @version: that version only; FLY_ANY_VERSION: any.
 * @link: NULL: on all links that have a network; else on the one that has this kind and name, as
 * "af_packet:eth0". Local links have none.
 * @wait_ms: how long to wait for answers; 0: 1000, in which the question is sent three times. Each
 * server waits for up to 100 ms before it answers.
 * @each: called on the calling thread for each server, after the last answer; may call
 * fly_import(). NULL: they are counted only. Who answers is whoever says so: nothing is proven.
 *
 * Blocks for wait_ms; turns the poller meanwhile. A server that has several links, or addresses, is
 * found once; this runtime itself is not found. At most 256 are.
 * Return: how many were found, which may be 0; or with fly_error() set: EINVAL (a name of more than
 * 63 characters; no such link; a local link, or no other), ELINK (the links are down), ECONFLICT,
 * ESTOPPED, EFORKED, ENOMEM.
 */
int fly_find(struct fly_runtime *runtime, const char *name, uint32_t version, const char *link,
	     uint32_t wait_ms, void (*each)(void *context, const struct fly_found *found),
	     void *context);

/*
 * fly_import_each() - fly_find(), then fly_import() of each server that was found. Generated code
 * wraps it: NAME_import_each().
 * @interface: from the generated stub of the caller; static. @link, @wait_ms: as for fly_find().
 * @bindings: room for @most; those that were made come first, in no order. Each belongs to the
 * calling thread, as one of fly_import(), and is ended by fly_unbind().
 * Return: how many bindings were made, which may be 0: nobody has answered. A server that answers,
 * and then cannot be imported from, is left out; if there is no other, what fly_import() said of
 * the last one. Else as fly_find(), or EVERSION (of the stub interface).
 */
int fly_import_each(struct fly_runtime *runtime, const struct fly_interface *interface,
		    const char *link, uint32_t wait_ms, struct fly_binding **bindings,
		    unsigned most);

/*
 * fly_rebind() - import again through an existing binding, after FLY_ESTALE or a link that came
 * back. Outstanding calls of the binding end with FLY_EPEER: they went to the old export. Turns the
 * poller, also while the link is down: then it returns ELINK after one turn, and may be called in a
 * loop until the link is back. fly_set_reconnect() rebinds by itself.
 * Return: as fly_import(); also ECONFLICT, where fly_unbind() would return it.
 */
int fly_rebind(struct fly_binding *binding);

/*
 * fly_set_reconnect() - should this binding rebind by itself? Off by default.
 *
 * When a call has ended because the server restarted, withdrew its export or is not heard any more,
 * or because the link was down, the next call that is started rebinds first: it tries until that
 * succeeds, for at most its deadline, or call_timeout_ms without one. Outstanding calls of the
 * binding end as with fly_rebind(). A call that then cannot be started ends with FLY_ETIMEOUT (no
 * server came), FLY_ELINK (the link is down), FLY_ENOEXPORT (a server came without that export) or
 * as fly_import() does, not executed. Starting an asynchronous call waits, too: an event loop that
 * must not wait sets a short deadline, or calls fly_rebind() at a time of its own. A poller that
 * rebinds goes on with all other calls.
 *
 * A plain call that finds out itself, and was not executed, is started again once, if its arguments
 * have at most 64 KiB; over a local link it ends with FLY_ELINK. A call that may have run is never
 * started again. Calls through a binding that reconnects do not take the fastest path.
 * Return: 0, or with fly_error() set and nothing changed: ECONFLICT (the binding belongs to another
 * thread).
 */
int fly_set_reconnect(struct fly_binding *binding, bool on);

/*
 * fly_unbind() - end a binding. Its outstanding calls end; their handles are dead.
 * @binding: NULL: nothing to do.
 * Return: 0, or with fly_error() set and nothing changed: ECONFLICT (the binding belongs to another
 * thread that has not ended; or its thread is in a procedure, and waits in this binding, or has not
 * finished all calls of it), EFORKED.
 */
int fly_unbind(struct fly_binding *binding);

/*
 * fly_attach() - get another binding to the same export, for the calling thread. Any thread, while
 * the binding is not being ended.
 * @mine: set on success: belongs to the calling thread; ended by fly_unbind().
 *
 * For a binding over a link, another thread must turn its poller: a thread of the runtime, or an
 * inline caller in fly_serve() or a wait. Calls are handed to that poller. On the thread that turns
 * it they would wait for ever: there they end with FLY_ECONFLICT, not executed.
 * Return: 0, or EPEER, ENOMEM, ECALLS, ESTOPPED, ECONFLICT, EFORKED with fly_error() set.
 */
int fly_attach(struct fly_binding *binding, struct fly_binding **mine);

/*
 * fly_set_wait() - choose how to wait for the results of calls through this binding, from now on.
 * FLY_WAIT_DEFAULT: as its runtime.
 * Return: 0, or with fly_error() set and nothing changed: EINVAL (no such way to wait), ECONFLICT
 * (the binding belongs to another thread).
 */
int fly_set_wait(struct fly_binding *binding, enum fly_wait wait);

/*
 * fly_event_fd() - for event loops: a file descriptor that becomes readable when calls that were
 * started through this binding have ended.
 *
 * Belongs to the binding, and is closed with it. When it is readable, first read(2) eight bytes
 * from it, then call fly_next_ready() until that returns NULL: the descriptor does not say how many
 * calls have ended. However a call ends: by a result, its deadline, fly_cancel(), fly_shutdown(), a
 * peer that is silent or gone. Not for the binding of an inline caller, which has to turn the
 * poller anyway: attach to it, or give the runtime its own pollers. The first descriptor of a
 * shared runtime starts a thread that turns the poller, and sleeps in between. Only the binding's
 * thread.
 * Return: the descriptor, or with fly_error() set: EINVAL (an inline caller's), ESYSTEM, ECONFLICT,
 * EFORKED.
 */
int fly_event_fd(struct fly_binding *binding);

/*
 * fly_set_deadline() - set a time limit for each call that is started through this binding from now
 * on.
 * @us: microseconds from start to result; 0, the default: no limit.
 *
 * A call that has not ended by then ends with FLY_EDEADLINE, maybe executed. The server is told how
 * much time is left, and does not begin a late call. A procedure can check fly_remaining(). A call
 * with a deadline does not take the fastest path.
 * Return: 0, or with fly_error() set and nothing changed: ECONFLICT (the binding belongs to another
 * thread).
 */
int fly_set_deadline(struct fly_binding *binding, uint32_t us);

/*
 * fly_cancel() - end a call that was started. It ends with FLY_ECANCELLED, maybe executed, and must
 * still be finished. The server is told: a call that has not begun there will not, and a procedure
 * that runs can check fly_cancelled().
 * Return: 0; -FLY_EINVAL: the call has ended already; ECONFLICT (the binding belongs to another
 * thread) or EFORKED, with fly_error() set.
 */
int fly_cancel(struct fly_call *call);

/*
 * fly_remaining() - for procedures: how much time the caller has left for this call.
 * Return: microseconds; 0: the deadline has passed; UINT64_MAX: there is no deadline, or no call
 * runs on this thread.
 */
uint64_t fly_remaining(void);

/*
 * fly_cancelled() - for procedures: has the caller cancelled the call, or has its deadline passed?
 * Then nobody reads the results.
 *
 * A procedure on a poller that takes longer than a millisecond or so should call this now and then,
 * whatever it does with the answer. The poller serves its links meanwhile: it answers the caller's
 * probes. Other calls wait until the procedure has returned. On a worker the function only checks.
 */
bool fly_cancelled(void);

/*
 * fly_shutdown() - end everything but the runtime itself. Nothing is exported any more. Outstanding
 * calls end with FLY_ESTOPPED, maybe executed, and must still be finished. A call that is started
 * later, or was not sent yet, ends with FLY_ESHUT, not executed. fly_stop() does the same, and
 * frees the calls that were not finished. Not from within a procedure. Only the owning thread.
 * Return: 0, or with fly_error() set and nothing changed: ECONFLICT, EFORKED.
 */
int fly_shutdown(struct fly_runtime *runtime);

/*
 * fly_ready() - has this call ended? Then finishing it does not wait. Does not turn the poller of
 * an inline caller: call fly_turn() in between.
 */
bool fly_ready(struct fly_call *call);

/*
 * fly_next_ready() - for event loops: a call through this binding that was started, has ended, and
 * was not returned before. Each ended call is returned once, unless it is finished first. Takes no
 * longer if more calls are under way; over a local link it looks at each of them, of which there
 * are 64 at most. Does not turn the poller of an inline caller: call fly_turn() in between.
 * Return: NULL: there is none now.
 */
struct fly_call *fly_next_ready(struct fly_binding *binding);

/*
 * fly_set_cookie() - keep a pointer of the program with a call that was started, until the call is
 * finished. The library does not touch what it points to.
 *
 * fly_cookie() - the pointer that was set for this call; NULL: none.
 */
void fly_set_cookie(struct fly_call *call, void *cookie);
void *fly_cookie(const struct fly_call *call);

/*
 * fly_release() - free the result packet behind a view (NAME_PROCEDURE_view()). The handle and the
 * view are dead afterwards.
 */
void fly_release(struct fly_call *call);

/* How many packet buffers of a runtime are where. */
struct fly_packet_census {
	size_t size;       /* sizeof(struct fly_packet_census); the program sets it */
	unsigned total;    /* buffers that the pool was made with */
	unsigned free;     /* in the pool or a cache of it */
	unsigned retained; /* kept for resending, calls and results */
	unsigned queued;   /* waiting to be sent */
};

/*
 * fly_packets() - count the packet buffers. Drivers hold `total - free - retained - queued` of
 * them: for reception, or sent and not yet freed. Slow; owning thread. Not from within a procedure.
 * @census: begins with its size, which the program sets.
 * Return: 0, or with fly_error() set and nothing filled in: EINVAL (no size), ECONFLICT (from
 * within a procedure of a runtime with several pollers; or not on the owning thread), EFORKED.
 */
int fly_packets(const struct fly_runtime *runtime, struct fly_packet_census *census);

/*
 * fly_counters() - call a function with every counter of the runtime, in a fixed order.
 * @each: name is a word like "drop_version", about is one line; both in static storage. Any thread.
 */
void fly_counters(const struct fly_runtime *runtime,
		  void (*each)(void *context, const char *name, const char *about, uint64_t value),
		  void *context);

/* What the runtime runs on. Strings are in static storage or owned by the runtime. */
struct fly_platform {
	size_t size;           /* sizeof(struct fly_platform); the program sets it */
	const char *dpdk;      /* DPDK's version */
	size_t hugepage_bytes; /* page size of packet memory; 0: ordinary pages, or no packets */
	uint64_t tsc_hz;       /* ticks of the TSC in a second */
};

/*
 * fly_platform() - fill in @platform, which begins with its size. Only after fly_start(); any
 * thread.
 * Return: 0, or -FLY_EINVAL (no size) with fly_error() set.
 */
int fly_platform(const struct fly_runtime *runtime, struct fly_platform *platform);

/* fly_version() - "0.1.0". Any thread. */
const char *fly_version(void);

#ifdef __cplusplus
}
#endif
#endif
