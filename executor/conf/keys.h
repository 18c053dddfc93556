/* SPDX-License-Identifier: MIT */
/*
 * keys: typed reading of configuration files, driven by const tables.
 *
 * Each object of a file format is one table of struct key.  Reading never
 * stops at the first finding: all of them go into the conf_report as
 * "file:line:col: text", and text says what to do about it.
 */
#ifndef EXECUTOR_KEYS_H
#define EXECUTOR_KEYS_H

#include "common/json.h"
#include "executor/conf/conf_report.h"

enum {
	KEYS_MAX_FILE = 1 << 20 /* bytes of a configuration file */
};

/* The file that is being read. */
struct keys {
	const char *path; /* for messages */
	struct bytes text; /* its source */
	struct conf_report *report;
	const char *manual; /* that describes this kind of file */
};

enum keys_type {
	KEYS_U32, /* uint32_t, lo to hi */
	KEYS_U64, /* uint64_t, lo to hi */
	KEYS_STRING, /* char[hi], with the NUL; at least lo bytes */
	KEYS_OBJECT, /* an object with a table of its own: sub */
	KEYS_VALUE /* const struct json_value *, left to the caller */
};

struct key {
	const char *name; /* NULL ends a table */
	enum keys_type type;
	size_t offset; /* in the caller's struct (KEYS_OBJECT: none) */
	uint64_t lo, hi;
	const struct key *sub; /* offsets count in the same struct */
	const char *missing; /* advice when it is missing; NULL: optional */
};

/*
 * Read the file at path (trusted: see fdio_read_file) into *text, which the
 * caller initialises; false after a finding.
 */
bool keys_read_file(const char *path, struct buf *text, struct conf_report *r);
/* Parse text, which came from path; ERR_BAD after a finding. */
int keys_parse(const char *path, struct bytes text, struct json_doc **doc,
    struct conf_report *r, struct err *e) MUST_CHECK;
/* Read an object by its table into the struct at out. */
void keys_read(const struct keys *k, const struct json_value *object,
    const struct key *table, void *out);
/* A finding at v (NULL: in the file as a whole). */
void keys_complain(const struct keys *k, const struct json_value *v,
    const char *fmt, ...) PRINTF_LIKE(3, 4);
/* A finding about a file or directory that could not be looked into. */
void keys_complain_path(struct conf_report *r, const char *path,
    const char *fmt, ...) PRINTF_LIKE(3, 4);
/*
 * v as text of lo to size - 1 bytes without control characters into out;
 * a finding, and false, if it is not.
 */
bool keys_string(const struct keys *k, const struct json_value *v, size_t lo,
    char *out, size_t size);
/* true if v is an array; else a finding that calls it `what`. */
bool keys_array(
    const struct keys *k, const struct json_value *v, const char *what);
/* ERR_BAD if there is any finding in r since it held `before` of them. */
int keys_verdict(const struct conf_report *r, unsigned before, const char *what,
    struct err *e) MUST_CHECK;

/* NAME.json, but no editor's leftovers such as .NAME.json.swp. */
bool keys_is_file(const char *name);
/*
 * Call fn for every NAME.json in dir, in byte order of the names, until it
 * returns false.  ERR_SYS if the directory cannot be read.
 */
int keys_each_file(const char *dir,
    bool (*fn)(void *arg, const char *path, struct bytes name), void *arg,
    struct err *e) MUST_CHECK;

#endif
