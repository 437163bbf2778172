/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * table.h - the figures of a run as a table and as JSON, both by one description of the columns.
 */
#ifndef FIREFLY_BENCH_TABLE_H
#define FIREFLY_BENCH_TABLE_H

#include "bench/stage/rounds.h"
#include "text.h"

struct json_object;

/* A row in one state: what a column is asked about. */
struct cell {
	const struct rounds *rounds;
	const struct row *row;
	struct figures *figures; /* of that row in that state */
	enum pairs_state state;
	const char *label; /* the row's, or "  far" for its second line */
};

/* Of a column. @room: may be used for the result. */
typedef double column_value(const struct cell *cell, double with);
typedef const char *column_text(const struct cell *cell, char room[TEXT_ROOM]);

/* How a value is written. In JSON it is a number or null, but for the last two. */
enum column_as {
	AS_COUNT,
	AS_CALLS, /* a count; where there is none the rest of the line is not printed */
	AS_US,    /* nanoseconds, in microseconds in the table */
	AS_NS,
	AS_RATE, /* per second */
	AS_GIGABYTES,
	AS_RATIO,
	AS_SHARE, /* of 1, in percent in the table */
	AS_SIZE,  /* bytes */
	AS_BOOL,
	AS_TEXT,
};

struct column {
	const char *key;  /* in JSON; "floor.what" is in an object "floor"; NULL: not there */
	const char *head; /* above the table; NULL: not there */
	int width;        /* below 0: to the left; 0: the last one, in the first line of a row */
	enum column_as as;
	column_value *value; /* NAN: not to be said */
	double with;         /* handed to it */
	column_text *text;   /* for AS_TEXT */
};

/* Which states of a row are printed. */
enum table_states {
	TABLE_MAIN, /* that which has enough pairs; the other one as well if it has them too */
	TABLE_ONE,  /* the same of all rows: that which has more blocks */
	TABLE_BOTH, /* those that were met */
};

/* JSON objects of rows also have state, pairs, pairs_dropped, and with TABLE_ONE blocks. */
struct table {
	const struct column *columns;
	size_t n_columns;
	enum table_states states;
	/* NULL, or the lines of the rows, instead of columns. */
	void (*body)(const struct rounds *rounds, enum pairs_state state);
	const char *legend; /* what the columns mean; NULL: note() says it */
	/* NULL, or what is to be said about all rows together. @state: if there is one of all. */
	void (*note)(const struct rounds *rounds, enum pairs_state state);
	void (*end)(const struct rounds *rounds); /* NULL, or instead of states and machine */
	/* NULL, or adds to the JSON object of a run. */
	void (*more)(const struct rounds *rounds, struct json_object *all);
	/* JSON has no state of a row, and no "machine": more() has both hosts. */
	bool between_hosts;
};

/* table_print() - for people, on stdout. */
void table_print(const struct table *table, const struct rounds *rounds);

/* table_write() - JSON. @path: a file, or "-": stdout. Return: 0, or -1 with errno set. */
int table_write(const struct table *table, const struct rounds *rounds, const char *path);

/* table_main_state() - near, unless only far has enough pairs. */
enum pairs_state table_main_state(const struct row *row);

/* table_per_second() - a sum, by the second; 0 if there is nothing in it. */
double table_per_second(const struct rounds *rounds, const struct block_sum *sum);

/*
 * bulk_plot() - times over sizes, both logarithmic, as SVG: those of @rounds, and of what
 * bulk_plot_add() was given. Rows: number: an enum bulk_procedure.
 * Return: 0, or -1 with errno set.
 */
int bulk_plot(const struct rounds *rounds, const char *path);

/*
 * bulk_plot_add() - what an earlier run has written as JSON to @path is to be drawn as well.
 * Return: NULL, or what is wrong with the file.
 */
const char *bulk_plot_add(const char *path);

/* ---- values of columns that several tables have ---- */

column_value column_threads, column_window, column_bytes;
column_value column_calls, column_rate, column_floor_rate; /* of calls, per second */
column_value column_time, column_floor_time;               /* in ns; percentile @with */
column_value column_ratio, column_pairs, column_dropped;
column_text column_label, column_procedure, column_link, column_state;

/* A function for a column: its name, and what it is of struct cell *c. */
#define COLUMN_VALUE(name, what)                       \
	double name(const struct cell *c, double with) \
	{                                              \
		(void)c, (void)with;                   \
		return (what);                         \
	}                                              \
	column_value name
#define COLUMN_TEXT(name, what)                                      \
	const char *name(const struct cell *c, char room[TEXT_ROOM]) \
	{                                                            \
		(void)c, (void)room;                                 \
		return (what);                                       \
	}                                                            \
	column_text name

#endif
