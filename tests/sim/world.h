/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * world.h - one run of the campaign: processes with the pollers that ship, joined by simulated
 * links, on virtual time; the faults; the record of each call.
 *
 *   world.c      events in order of time; processes that live, pause, crash, restart
 *   air.c        links: latency, bandwidth, queues, and what happens to each frame
 *   mix.c        choices made by the seed
 *   workload.c   callers: procedure, time and data of each call; how it ended
 *   workers.c    worker threads: when each looks at its slot, and how long it runs
 *   local.c      bindings over the local link: connections, the clerk, the memory between both
 *   attached.c   callers on threads that turn no poller
 *   tsc.c        the time-stamp counter on virtual time
 *   stop.c       servers that end in order
 *   oracle.c     the record of each call, and what is a failure
 *   trial_service.c  the procedures, which report to the oracle
 *   trace.c      a readable trace
 *   campaign.c   many runs, and their table
 *
 * Everything follows from the seed: no real clock, no addresses, and getrandom() belongs to the
 * run. One thread, one run at a time; the next run reuses memory and pools.
 *
 * Time: a tick is a nanosecond everywhere, also of the pollers' TSC.
 */
#ifndef WORLD_H
#define WORLD_H

#include "sim_link.h"
#include "runtime/import.h"
#include "local/caller.h"
#include "local/server.h"
#include "runtime/drain.h"
#include "runtime/runtime.h"
#include "slowpath/mtu_search.h"
#include "threads/worker.h"
#include "trial.h"

#define US     UINT64_C(1000)
#define MS     (1000 * US)
#define SECOND (1000 * MS)
#define NEVER  UINT64_MAX
#define PPM    1000000U

#define NODES        6
#define NODE_PLUGS   NODES
#define NODE_DESKS   8
#define DESK_WINDOW  16
#define NODE_WORKERS 4
#define NODE_CLIENTS 32
#define NODE_CALLS   256 /* call-table entries */
#define RING         256 /* frames that arrived and that the poller has not taken */
#define HELD         64  /* sent packets that a driver gives back late */
#define CALLS_MAX    1000000
#define BYTES_MAX    200000 /* of arguments or results */

/* ---- what a seed chooses ---- */

enum fault {
	FAULT_LOSS = 1 << 0,
	FAULT_BURST = 1 << 1,
	FAULT_DUPLICATE = 1 << 2,
	FAULT_REORDER = 1 << 3,
	FAULT_CORRUPT = 1 << 4,
	FAULT_PARTITION = 1 << 5,
	FAULT_PAUSE = 1 << 6,
	FAULT_CRASH = 1 << 7,
	FAULT_LIMITS = 1 << 8,
	FAULT_LONG = 1 << 9,    /* procedures that take long */
	FAULT_IDLE = 1 << 10,   /* callers that pause until they are forgotten */
	FAULT_CANCEL = 1 << 11, /* cancelled calls, deadlines */
	FAULT_UNBIND = 1 << 12, /* bindings that end and are made anew */
	FAULT_ALL = (1 << 13) - 1,
	FAULT_STOP = 1 << 13,   /* servers that end in order, and start again */
	FAULT_NARROW = 1 << 14, /* paths take less than their ends, and not always the same */
	FAULT_CHOICE = 1 << 15, /* any of the above, chosen by the seed */
};

/* Under one of these a call may fail for want of an answer or of room. */
#define FAULTS_UNKIND \
	(FAULT_LOSS | FAULT_BURST | FAULT_PARTITION | FAULT_PAUSE | FAULT_CRASH | FAULT_LIMITS)

/* Between which threads and processes calls go, besides the links. */
enum medium {
	MEDIUM_WORKERS = 1 << 0,  /* procedures run on worker threads */
	MEDIUM_LOCAL = 1 << 1,    /* callers bind over the local link, too */
	MEDIUM_ATTACHED = 1 << 2, /* callers have threads of their own, too */
};

struct mix {
	const char *name;
	unsigned faults; /* enum fault */
	unsigned media;  /* enum medium */
};

#define MIXES 27
extern const struct mix mixes[MIXES];

/* One direction of a link. */
struct weather {
	uint64_t latency;
	uint64_t jitter;
	uint32_t ps_per_byte; /* picoseconds: bandwidth */
	uint32_t queue_bytes; /* capacity of the queue before the wire */
	uint32_t loss_ppm;
	uint32_t to_bad_ppm;  /* Gilbert-Elliott: from the good state to the bad one, per frame */
	uint32_t to_good_ppm; /* and back */
	uint32_t bad_loss_ppm;
	uint32_t duplicate_ppm;
	uint32_t reorder_ppm;
	uint64_t reorder_by; /* at most */
	uint32_t late_ppm;   /* of copies and of reordered frames: almost the longest life */
	uint32_t corrupt_ppm;
};

/* The choices for a run. */
struct plan {
	unsigned faults;
	unsigned workers; /* of each server; 0: procedures run on its poller */
	unsigned queue;   /* calls that may wait for them */
	uint32_t inlines; /* a bit per procedure that runs on the poller all the same */
	bool has_attached;
	bool has_local;
	unsigned a_stacks;   /* slots of a binding over the local link */
	uint64_t local_held; /* bytes for long calls over it that are not free */
	uint32_t late_ppm;   /* of looks of workers and clerks that are late */
	unsigned n_servers;  /* nodes 0 to n_servers - 1; 1 to 3 */
	unsigned n_nodes;
	unsigned payload_max;
	bool checksums;
	bool is_private;     /* links stay within the machine: nobody proves an address */
	bool is_promiscuous; /* NICs accept frames for other MACs */
	bool zero_copy;
	unsigned holds;      /* sent packets that are given back late */
	uint32_t takes_ppm;  /* a driver takes only part of a burst */
	uint32_t ring;       /* frames */
	uint32_t bulk_bytes; /* 0: default */
	unsigned bulk_per_10000;
	uint32_t bulk_most;         /* longest large call */
	unsigned strange_per_10000; /* malformed calls, or calls of no procedure */
	unsigned error_per_10000;   /* calls that end with an exception or error */
	unsigned work_per_10000;
	uint64_t work_most;
	uint64_t attend_every; /* a long procedure turns its poller at this interval; 0: never */
	unsigned cancel_per_10000;
	bool has_deadlines;
	bool is_kind;   /* no call may fail for want of an answer or of room */
	uint64_t think; /* pause between two calls; 0: none */
	unsigned sleep_per_10000;
	uint64_t sleep_most;
	uint64_t fault_every; /* mean number of frames between two faults */
	uint64_t pause_most;
	uint64_t partition_most;
};

/* ---- links ---- */

struct frame {
	struct frame *next; /* in the list of free frames */
	struct plug *to;
	uint32_t bytes;
	uint8_t data[2048];
};

/* An end of a link. The weather applies to what it sends. */
struct plug {
	struct fly_link link; /* first: the poller's link */
	struct world *world;
	struct node *node;
	struct plug *far;
	struct weather weather;
	uint64_t wire_free_at;
	uint64_t last_due;
	unsigned longest;   /* bytes of frames that get through; 0: all */
	uint64_t cut_until; /* end of a partition in this direction */
	bool is_bad;        /* Gilbert-Elliott */
	unsigned ring_first;
	unsigned n_ring;
	struct frame *ring[RING];
	unsigned n_held;
	struct {
		struct rte_mbuf *m;
		uint64_t sum; /* checksum of the packet when it was sent */
	} held[HELD];
};

/* ---- calls ---- */

enum procedure {
	TRIAL_NULL,
	TRIAL_ADD,
	TRIAL_FILL,
	TRIAL_SUM,
	TRIAL_MIRROR,
	TRIAL_SWAP,
	TRIAL_STORE,
	TRIAL_FETCH,
	TRIAL_EXCHANGE,
	TRIAL_LOOK,
	TRIAL_SCAN,
	TRIAL_REFUSE,
	TRIAL_FAIL,
	TRIAL_NOT,
	TRIAL_WORK,
	TRIAL_MALFORMED, /* Not, with an invalid bool */
	TRIAL_NONE,      /* a number of no procedure */
	TRIAL_N
};

enum call_state {
	CALL_OUT,
	CALL_ENDED, /* status is set */
	CALL_GONE,  /* its caller crashed or ended the binding */
};

struct call {
	uint8_t procedure;
	uint8_t state;
	uint8_t node;
	uint8_t server;
	uint8_t desk;
	uint16_t server_life; /* the server's only life in which the call may run; 0: none */
	int16_t status;
	uint16_t runs;
	uint16_t packets; /* with its activity and sequence number, both ways */
	uint32_t bytes_in;
	uint32_t bytes_out;
	uint32_t us;          /* Work */
	uint32_t deadline_us; /* 0: none */
	bool is_cancelled;
	bool is_local;
	bool is_attached;
	bool is_withdrawn; /* the server heard of its cancellation before a worker had begun it */
	bool is_running;   /* the server has acknowledged that it works on the call */
	uint64_t started;
	uint64_t away;  /* the caller's total absence when the call began */
	uint64_t heard; /* when a packet about the call arrived last; at first, when it began */
};

/* One call in flight of a desk, or none. */
struct slot {
	struct fly_call *call; /* NULL: none */
	uint32_t number;
	uint64_t wake_at;    /* without a call: do not start one before this */
	const uint8_t *view; /* of a result that is kept until wake_at */
	uint32_t view_bytes;
	uint64_t cancel_at;     /* 0: never */
	bool is_held;           /* the call has ended, its result is kept */
	struct fly_loans loans; /* variables that it lends for its results; none: n_results is 0 */
	uint8_t *lent; /* memory that the call uses until it has ended, and which is freed then;
			  NULL */
};

/* A binding and the calls through it. */
struct desk {
	struct node *node;
	struct plug *plug;
	struct fly_binding *binding; /* NULL: to be made */
	bool is_ending;              /* workload_unbind() is under way */
	bool is_attached;            /* it is a thread of its own: */
	bool is_looking;             /* which runs, or waits for its poller */
	uint64_t away;               /* how long it has waited for that */
	uint64_t look_at;            /* time of its valid CALLER event; NEVER */
	bool is_local;               /* it binds over the local link, as a thread of its own */
	uint64_t check_at; /* is_local: when it looks at more than its slots, the next time */
	bool is_bound;     /* is_local: with memory that it shares; else bind it again */
	uint16_t server_life;
	uint32_t deadline_us; /* 0: none */
	bool is_wrong;        /* bound to an export that does not exist */
	bool is_stale;        /* bind anew when no call is in flight */
	uint64_t wake_at;     /* without a binding: do not bind before this */
	unsigned window;
	struct slot slots[DESK_WINDOW];
};

/* ---- processes ---- */

/* A client over the local link, at its server. */
struct client {
	struct desk *desk; /* that it is */
	struct fly_local_client *as;
	bool has_byte; /* the clerk will read one */
	uint32_t
		seen[FLY_ASTACK_SLOTS]; /* the seq of the last result that its caller was told of */
};

/* A worker thread. */
struct worker {
	struct node *node;
	struct fly_worker *as;   /* in the node's pool */
	uint64_t at;             /* time of its valid WORKER event; NEVER */
	bool is_running;         /* it has claimed a call, whose procedure runs until then */
	uint32_t claimed_before; /* slot.claimed before that */
	bool sleeps;             /* until its poller wakes it */
	bool is_woken;
};

struct node {
	struct fly_runtime runtime; /* with the poller; first, for alignment */
	struct world *world;
	unsigned index;
	char name[12];
	bool is_up;
	bool is_dead;     /* going down: sends nothing any more */
	bool is_inside;   /* inside its poller's turn, or the work after it */
	bool sleeps;      /* between two turns: its poller polls no slot, threads wake it */
	bool is_woken;    /* by a thread of its own */
	bool is_stopping; /* it takes no new calls, and ends */
	unsigned flushed; /* turns since its last call ended */
	bool lingers;     /* nothing runs any more: the last results may still arrive */
	struct fly_linger linger;
	uint16_t life; /* number of its starts */
	uint32_t export_id;
	uint64_t clock_offset;
	uint64_t turn_at;   /* time of the valid TURN event; NEVER */
	uint64_t attend_at; /* time of the valid ATTEND event; NEVER */
	bool is_cancelled;  /* the call that it runs is cancelled */
	uint64_t busy_until;
	uint64_t paused_until;
	uint64_t away_from; /* when its absence began; NEVER: it is not absent */
	uint64_t turned_at;
	uint64_t away;       /* total absence */
	uint64_t turn_ticks; /* cost of a turn, and of each packet */
	/* configuration of its starts */
	unsigned packets;
	unsigned calls;
	unsigned conversations;
	unsigned timeout_ms;
	unsigned n_plugs;
	struct plug plugs[NODE_PLUGS];
	unsigned n_desks;
	struct desk desks[NODE_DESKS];
	unsigned n_out;
	unsigned n_looking;           /* threads that run, or wait for its poller */
	struct fly_worker_pool *pool; /* NULL: procedures run on its poller */
	unsigned n_workers;
	struct worker workers[NODE_WORKERS];
	int listener; /* of the local link; -1: none */
	int life_fd;
	struct fly_life *page; /* of life */
	uint64_t clerk_at;     /* time of the valid CLERK event; NEVER */
	uint64_t down_at;      /* when it ended last */
	uint64_t silent_from;  /* it is down, or paused, since; NEVER: it is not */
	unsigned n_clients;
	struct client clients[NODE_CLIENTS];
	struct fly_local_client *left[NODE_WORKERS]; /* clients that have gone, while workers run
							their calls; NULL: none */
	/* by call-table entry: the call that uses it */
	struct {
		uint64_t activity;
		uint32_t seq;
		uint32_t number;
	} current[NODE_CALLS];
	uint64_t seen[FLY_N_COUNTERS]; /* trace: counters when last printed */
	struct rte_mempool *pools[4];
};

enum event_kind {
	EVENT_FRAME,  /* a frame arrives */
	EVENT_TURN,   /* a node's poller is turned */
	EVENT_ATTEND, /* a running procedure turns its poller */
	EVENT_START,  /* a node that is down starts */
	EVENT_CLERK,  /* a server's clerk looks at its connections */
	EVENT_CALLER, /* a thread that calls runs */
	EVENT_WORKER, /* a worker looks at its slot, or its procedure returns */
	EVENT_LOOK,   /* the oracle looks for late calls */
};

struct event {
	uint64_t when;
	uint64_t order; /* among events of the same time, the one made first */
	enum event_kind kind;
	void *what;
};

/* Results of one run, or of many. */
struct tally {
	uint64_t seeds;
	uint64_t calls;
	uint64_t returned; /* with status 0 */
	uint64_t raised;   /* EXECUTED with another status */
	uint64_t not_executed;
	uint64_t maybe;
	uint64_t gone;
	uint64_t frames;  /* sent by pollers */
	uint64_t lost;    /* frames lost by any fault */
	uint64_t resends; /* calls, results and fragments sent again */
	uint64_t faults;  /* partitions, pauses, crashes */
	uint64_t failures;
	uint64_t virtual_ms;
};

/* Deliberate errors, to see that the oracle finds them. */
enum sabotage {
	SABOTAGE_NONE,
	SABOTAGE_FORGET, /* a server forgets a caller at once */
	SABOTAGE_RESULT, /* a retained result changes */
	SABOTAGE_PACKET, /* a packet is lost */
};

struct world {
	enum sabotage sabotage;
	uint64_t seed;
	const struct mix *mix;
	struct plan plan;
	uint64_t now;
	uint64_t busy_at;   /* when a poller last received a packet */
	uint64_t random;    /* the run's own */
	uint64_t thread;    /* number of the thread that turns all pollers */
	uint64_t os_random; /* state of getrandom() */
	uint64_t digest;    /* of all trace lines, printed or not */
	bool is_traced;
	bool is_calm; /* the workload is over: no more faults */
	uint64_t events;
	uint64_t order;
	unsigned n_heap;
	unsigned heap_room;
	struct event *heap;
	struct frame *free_frames;
	unsigned n_frames; /* in flight or in rings */
	unsigned n_nodes;
	struct node *nodes;  /* NODES elements */
	uint64_t next_fault; /* as a count of frames */
	uint32_t n_calls;
	uint32_t calls_wanted;
	unsigned n_out; /* calls in flight, of all nodes */
	struct call *calls;
	uint64_t null_runs;
	struct tally tally;
	char failure[400]; /* "": no failure */
};

/* ---- world.c ---- */

/* world_new() - call once per process, after sim_eal(). */
struct world *world_new(void);

/*
 * world_run() - make one run. @calls: to be made. Return: did all hold? If not, w->failure says
 * why, and no further run is possible: the state is left as it was.
 */
bool world_run(struct world *w, uint64_t seed, const struct mix *mix, uint32_t calls,
	       bool is_traced);

/* world_fail() - note the first failure. */
void world_fail(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

void world_event(struct world *w, uint64_t when, enum event_kind kind, void *what);

/* world_here() - the world of this process. */
struct world *world_here(void);

/* world_want() - turn this node at that time or earlier. */
void world_want(struct node *node, uint64_t when);

/* world_wake() - its poller is about to do something other than a turn. */
void world_wake(struct node *node);

/* world_work() - a procedure of this node takes so long, unless cancelled; other nodes go on. */
void world_work(struct node *node, uint64_t ticks);

/* world_step() - a thread waits inside the library: the next event happens. */
void world_step(struct world *w);

/* world_pause() - a caller waits so long inside the library; all others go on. */
void world_pause(struct world *w, uint64_t ticks);

/* world_fault() - cause a fault, as the plan says. Called after a frame was sent. */
void world_fault(struct world *w);

static inline struct fly_poller *world_poller(struct node *node)
{
	return &node->runtime.poller;
}

/* Random numbers: below n; true for ppm in a million; from low to high on a logarithmic scale. */
static inline uint64_t world_below(struct world *w, uint64_t n)
{
	return sim_random(&w->random) % n;
}

static inline bool world_chance(struct world *w, uint32_t ppm)
{
	return ppm && world_below(w, PPM) < ppm;
}

uint64_t world_spread(struct world *w, uint64_t low, uint64_t high);

/* world_digest() - add to the digest. */
static inline void world_digest(struct world *w, uint64_t x)
{
	w->digest = (w->digest ^ x) * UINT64_C(0x9e3779b97f4a7c15);
	w->digest ^= w->digest >> 29;
}

/* ---- mix.c ---- */

const struct mix *mix_find(const char *name);
void mix_plan(struct world *w);
void mix_weather(struct world *w, struct weather *weather);
/* mix_longest() - of the frames of one direction that get through; 0: all do. */
unsigned mix_longest(struct world *w);
void mix_node(struct world *w, struct node *node);

/* ---- air.c ---- */

void air_join(struct world *w, struct node *a, struct node *b);
void air_arrive(struct world *w, struct frame *f);
void air_free(struct world *w, struct frame *f);
/* air_clear() - the host drops received frames and those that a driver held. */
void air_clear(struct plug *plug);

/* ---- workload.c ---- */

void workload_plan(struct world *w);
/* workload_look() - between two turns of a node: end calls that are ready, begin new ones. */
void workload_look(struct node *node);
/* workload_was_away() - the same, of a thread alone. */
void workload_was_away(struct desk *desk);
/* workload_turn() - the same, for a caller with a thread of its own. */
void workload_turn(struct desk *desk);
void workload_crash(struct node *node);
void workload_unbind(struct desk *desk, bool is_crash);
/* workload_absent() - the process was absent: bounds of its calls count from now on. */
void workload_absent(struct node *node);
bool workload_is_over(const struct world *w);
extern const char *const procedure_names[TRIAL_N];

/* ---- workers.c ---- */

/* workers_start() - make the workers of a server that starts, if it has any. */
void workers_start(struct node *node);
/* workers_crash() - no procedure returns any more. Then the links go, then workers_stop(). */
void workers_crash(struct node *node);
/* workers_stop() - end all of them; no call runs or waits. */
void workers_stop(struct node *node);
/* workers_look() - the node's poller was active: which workers have a call now? */
void workers_look(struct node *node);
/* workers_turn() - of a WORKER event. */
void workers_turn(struct worker *worker);
/* workers_have_results() - has any handed its slot back? */
bool workers_have_results(const struct node *node);
/* workers_cancelled() - the node is about to hear that a call is cancelled. */
void workers_cancelled(struct node *node, uint64_t activity, uint32_t seq, struct call *call);

/* ---- local.c ---- */

/* thread_enter() - be the thread of this caller. Return: who it was, for thread_leave(). */
uint64_t thread_enter(struct desk *desk);
void thread_leave(uint64_t outer);
/* thread_here() - the caller whose thread was entered last. */
struct desk *thread_here(void);

/* local_start() - a process starts. */
void local_start(struct node *node);
/* local_stop() - its connections as a server end. Then local_end(), when nothing runs any more. */
void local_stop(struct node *node);
void local_end(struct node *node);
/* local_bind() - bind, or bind again. Return: bound? */
bool local_bind(struct desk *desk);
/* local_unbound() - its binding has ended. */
void local_unbound(struct desk *desk);
/* local_sent() - a call was handed over. */
void local_sent(struct desk *desk, const struct fly_call *call);
/* local_look() - the poller or a worker was active: who has a result? */
void local_look(struct node *node);
/* local_has_calls() - is there a call that the server's poller would find in a turn? */
bool local_has_calls(const struct node *node);
/* local_is_awaited() - does any client of this server wait? */
bool local_is_awaited(const struct node *node);
/* local_clerk() - of a CLERK event. local_want_clerk() - have it look then. */
void local_clerk(struct node *node);
void local_want_clerk(struct node *node, uint64_t when);

/* ---- attached.c ---- */

/* attached_bind() - bind on the desk's thread. Takes the import. Return: bound? */
bool attached_bind(struct desk *desk, struct fly_import *import);
void attached_unbind(struct desk *desk);
/* attached_sent() - a call was handed over. */
void attached_sent(struct desk *desk, const struct fly_call *call);
/* attached_note() - a packet of a call is sent: whose is it? @index: of its call-table entry. */
void attached_note(struct node *node, unsigned index, uint64_t activity, uint32_t seq);
/* attached_has_calls() - would the poller find a call or a request in a turn? */
bool attached_has_calls(const struct node *node);
/* attached_packets() - that threads have for arguments, or with results. */
unsigned attached_packets(const struct node *node);
/* attached_look() - after a turn: which threads have something to do? */
void attached_look(struct node *node);
/* attached_turn() - of a CALLER event. */
void attached_turn(struct desk *desk);

/* ---- tsc.c ---- */

/* tsc_virtual() - the counter reads as the time of the run from now on. Return: false: it cannot.
 */
bool tsc_virtual(bool on);

/* ---- stop.c ---- */

/* stop_begin() - a server ends. @is_drained: calls that wait for workers run, too. */
void stop_begin(struct node *node, bool is_drained);
/* stop_step() - after a turn of a server that ends. Return: it may go. */
bool stop_step(struct node *node);

/* ---- oracle.c ---- */

/* oracle_data() - the data of a call. @way: 0: arguments, 1: results. */
const uint8_t *oracle_data(uint32_t number, unsigned way);
struct call *oracle_call(struct world *w, uint32_t number);
/* oracle_ran() - a procedure has run at a node. */
void oracle_ran(struct node *node, uint32_t number, enum procedure which, bool is_right);
void oracle_ended(struct world *w, uint32_t number, int status, bool is_right);
void oracle_gone(struct world *w, uint32_t number);
/* oracle_look() - is any call late? */
void oracle_look(struct world *w);
/* oracle_quiet() - the run is over, and all nodes have had the time to forget. */
void oracle_quiet(struct world *w);
/* oracle_packet() - a packet of a call was sent, or was received by the caller. */
struct call *oracle_packet(struct plug *from, const uint8_t *frame, uint32_t bytes,
			   uint32_t *number);

/* ---- trial_service.c ---- */

extern const struct Trial_procedures trial_procedures;
#define TRIAL_SUM_OF(number) ((uint64_t)(number)*UINT64_C(0xd6e8feb86659fd93))

/* ---- trace.c ---- */

void trace_line(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
void trace_frame(struct world *w, const struct plug *from, const uint8_t *frame, uint32_t bytes,
		 uint32_t number, const char *format, ...) __attribute__((format(printf, 6, 7)));
void trace_turn(struct node *node, unsigned received);

#endif
