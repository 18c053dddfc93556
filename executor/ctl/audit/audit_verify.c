/* SPDX-License-Identifier: MIT */
/* audit_verify: check the audit log, live and rotated, against its seals. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/plural.h"
#include "common/sort.h"
#include "executor/ctl/ctl.h"
#include "executor/ctl/audit/read_audit.h"
#include "executor/ctl/audit/verify.h"
#include "executor/audit/logfile.h"
#include "executor/audit/logread.h"

#define VERB "audit verify"

struct verification {
	struct verify_setup setup;
	uint8_t key[DIGEST_BYTES];
	struct seal_point state;
	const char *key_path, *state_path;
	bool no_state;
	struct input *input;
	size_t count;
};

/* One file to be read. */
struct input {
	char *path;
	uint64_t first; /* sequence of its first record; 0: there is none */
	dev_t dev;
	ino_t ino;
	int fd; /* the live file, which may be renamed meanwhile; or -1 */
};

/* --- options --------------------------------------------------------------- */

static int
set_key(void *at, const char *text, struct err *e)
{
	struct verification *j = at;

	if (seal_key_parse(bytes_of(text), j->key, e) != 0)
		return e->code;
	j->setup.key = j->key;
	return 0;
}

static int
read_key(struct verification *j, const char *path)
{
	char text[1024];
	CLEANUP_FD int fd = strcmp(path, "-") == 0
				? dup(STDIN_FILENO)
				: open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	struct err e;
	ssize_t n;
	int rc;

	if (fd == -1)
		return ctl_error("%s: %s", path, strerror(errno));
	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	rc = set_key(j, text, &e);
	explicit_bzero(text, sizeof(text));
	return rc == 0 ? CTL_OK : ctl_usage(VERB, "%s: %s", path, e.what);
}

static const struct cmdline_option options[] = {
	CMDLINE_TEXT(0, "key-file", "FILE", struct verification, key_path,
	    "the verification key that seal-init showed, - reads standard input; without a key nothing is proven"),
	CMDLINE_SET_ALL(0, "key", "KEY", set_key,
	    "the same; anyone who lists processes sees it"),
	CMDLINE_TEXT(0, "state", "FILE", struct verification, state_path,
	    "compare with this state of the seal; without FILEs, the configured one"),
	CMDLINE_FLAG(0, "no-state", struct verification, no_state,
	    "do not compare with a state"),
	CMDLINE_NUMBER(0, "expect-seq", struct verification, setup.expect, 1,
	    INT64_MAX, "the log must reach record N"),
	CMDLINE_NUMBER(0, "first", struct verification, setup.first, 1,
	    INT64_MAX, "records before record N are not examined or missed"),
	CMDLINE_FLAG(0, "pruned", struct verification, setup.pruned,
	    "what audit.keep removed is not missed"),
	CMDLINE_LAST
};

static const struct ctl_verb verb = {
	.name = VERB,
	.operands = "[FILE...]",
	.about =
	    "Reads the audit log, the live file and those rotated away (compressed ones too), or the FILEs, in any order, and names the first bad record and what was done: changed, inserted, deleted, reordered, tail cut, file missing, other chain.",
	.options = options,
	.more = "Exit status: 0 if it is clean, 1 if not, 2 for wrong usage.",
};

/* --- which files ------------------------------------------------------------- */

static int
open_input(const struct input *in, struct logread *r, struct err *e)
{
	return in->fd >= 0 ? logread_from(r, in->fd, e)
			   : logread_open(r, in->path, e);
}

/* The number of the first record in it. */
static int
read_first_number(struct input *in)
{
	struct logread r;
	struct logline l;
	struct bytes line;
	struct err e;
	bool whole;
	int rc;

	if (open_input(in, &r, &e) != 0)
		return ctl_error("%s", e.what);
	while ((rc = logread_line(&r, &line, &whole, &e)) == 1)
		if (logline_parse(line, &l)) {
			in->first = l.sequence;
			break;
		}
	if (rc < 0)
		(void)ctl_error("%s: %s", in->path, e.what);
	if (logread_close(&r, &e) != 0)
		(void)ctl_error("%s: %s", in->path, e.what);
	return rc < 0 ? CTL_FAILED : CTL_OK;
}

/* fd, unless it is -1, is taken over. */
static int
add_input(
    struct verification *j, const char *path, const struct stat *st, int fd)
{
	CLEANUP_FD int own = fd;
	struct input *in;
	size_t i;

	for (i = 0; i < j->count; i++)
		if (j->input[i].dev == st->st_dev &&
		    j->input[i].ino == st->st_ino)
			return CTL_OK; /* rotated while we looked */
	in = reallocarray(j->input, j->count + 1, sizeof(*in));
	if (in == NULL)
		return ctl_no_memory();
	j->input = in;
	in += j->count;
	memset(in, 0, sizeof(*in));
	in->path = strdup(path);
	if (in->path == NULL)
		return ctl_no_memory();
	in->dev = st->st_dev;
	in->ino = st->st_ino;
	in->fd = steal_fd(&own);
	j->count++;
	return read_first_number(in);
}

static int
add_named(struct verification *j, char **paths)
{
	struct stat st;

	for (; *paths != NULL; paths++) {
		if (stat(*paths, &st) == -1)
			return ctl_error("%s: %s", *paths, strerror(errno));
		if (add_input(j, *paths, &st, -1) != CTL_OK)
			return CTL_FAILED;
	}
	return CTL_OK;
}

static int
add_rotated(struct verification *j, const char *path)
{
	struct logfile_list l;
	struct stat st;
	struct err e;
	size_t i;
	int rc = CTL_OK;

	if (logfile_list(path, &l, &e) != 0)
		return ctl_error("%s", e.what);
	for (i = 0; i < l.count && rc == CTL_OK; i++)
		if (stat(l.file[i].path, &st) == 0)
			rc = add_input(j, l.file[i].path, &st, -1);
	logfile_list_free(&l);
	return rc;
}

/* The configured log: rotated files, then the live one, each only once. */
static int
add_configured(struct verification *j, const char *path)
{
	CLEANUP_FD int live = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	int rc = CTL_OK;

	if (live == -1 && errno != ENOENT)
		return ctl_error("%s: %s", path, strerror(errno));
	if (add_rotated(j, path) != CTL_OK)
		return CTL_FAILED;
	if (live >= 0 && fstat(live, &st) == 0 && logfile_is(path, live))
		rc = add_input(j, path, &st, steal_fd(&live));
	else if (live >= 0)
		rc = add_rotated(j, path); /* it has been rotated since */
	return rc;
}

static int
by_first(const void *a, const void *b)
{
	const struct input *x = a, *y = b;

	if (x->first == y->first)
		return strcmp(x->path, y->path);
	if (x->first == 0 || y->first == 0) /* without a record: last */
		return x->first == 0 ? 1 : -1;
	return x->first < y->first ? -1 : 1;
}

/* --- the check ------------------------------------------------------------- */

/* Before the log, so that the log has at least what the state covers. */
static int
read_state(struct verification *j)
{
	bool there = false;
	struct err e;

	if (j->no_state || j->state_path == NULL)
		return CTL_OK;
	if (seal_read(j->state_path, &j->state, &there, &e) != 0)
		return ctl_error("%s%s", e.what,
		    e.sysno == EACCES
			? ": run mcp-execctl as root, or with --no-state, which does not tell whether the log's end was cut"
			: "");
	if (there)
		j->setup.state = &j->state;
	else if (j->setup.key != NULL)
		return ctl_error(
		    "seal state: %s is missing, so whether the log's end was cut cannot be verified: if the log was moved, move its seal.state along (see Moving the log in mcp-execd-audit(5)); if it never was sealed, leave the key out; --no-state skips that",
		    j->state_path);
	return CTL_OK;
}

static int
read_file(struct verify *v, const struct input *in)
{
	const char *path = in->path;
	struct logread r;
	struct bytes line;
	struct err e;
	bool whole;
	int rc;

	if (open_input(in, &r, &e) != 0)
		return ctl_error("%s", e.what);
	verify_file(v, path);
	while (
	    (rc = logread_line(&r, &line, &whole, &e)) == 1 && !verify_done(v))
		verify_line(v, line, whole);
	if (rc < 0)
		(void)ctl_error("%s: %s", path, e.what);
	if (logread_close(&r, &e) != 0)
		rc = ctl_error("%s: %s", path, e.what);
	return rc == CTL_OK || rc == 1 ? CTL_OK : CTL_FAILED;
}

static void
print_where(const struct verify_result *r)
{
	if (r->file[0] != '\0' && r->line > 0)
		(void)printf("%s:%llu: ", r->file, (unsigned long long)r->line);
	if (r->sequence > 0)
		(void)printf("record %llu: ", (unsigned long long)r->sequence);
}

static int
print_result(const struct verification *j, const struct verify_result *r)
{
	if (r->what == VERIFY_FINE && r->records == 0 && j->setup.first > 0)
		return ctl_error(
		    "no record from number %llu on is there, so nothing was verified: give --first a smaller number, or name the files that hold it",
		    (unsigned long long)j->setup.first);
	if (r->notes.len > 0)
		(void)printf(
		    "%.*s", (int)r->notes.len, (const char *)r->notes.p);
	if (r->what != VERIFY_FINE) {
		print_where(r);
		(void)printf("%s: %s\n", verify_name(r->what), r->text);
	}
	if (r->what == VERIFY_FINE && r->records == 0)
		(void)printf("no record\n");
	else if (r->records > 0)
		(void)printf("%s%llu record%s, %llu to %llu, %s to %s%s\n",
		    r->what == VERIFY_FINE ? "" : "in order before that: ",
		    (unsigned long long)r->records, plural_s(r->records),
		    (unsigned long long)r->begin, (unsigned long long)r->end,
		    r->from, r->to,
		    j->setup.key == NULL ? "" : ", seals right");
	if (j->setup.key == NULL)
		(void)printf(
		    "No key was given: numbers and form were checked, which proves nothing.\n");
	else if (j->setup.state == NULL && j->setup.expect == 0)
		(void)printf(
		    "Neither a state nor --expect-seq was given: records cut off the end are not missed.\n");
	return r->what == VERIFY_FINE ? CTL_OK : CTL_FAILED;
}

static int
check_logs(struct verification *j)
{
	struct verify *v;
	struct err e;
	size_t i;
	int rc = CTL_OK;

	if (j->count > 0)
		sort_items(j->input, j->count, sizeof(j->input[0]), by_first);
	v = verify_new(&j->setup, &e);
	if (v == NULL)
		return ctl_error("%s", e.what);
	for (i = 0; i < j->count && rc == CTL_OK; i++)
		rc = read_file(v, &j->input[i]);
	if (print_result(j, verify_end(v)) != CTL_OK)
		rc = CTL_FAILED;
	verify_free(v);
	return rc;
}

static int
record_reading(struct ctl *c, char **paths)
{
	int rc = CTL_OK;

	if (*paths == NULL)
		return access(c->conf.audit_file, R_OK) == 0 ? read_audit_log(c)
							     : CTL_OK;
	for (; *paths != NULL && rc == CTL_OK; paths++)
		rc = read_audit_file(c, *paths);
	return rc;
}

static int
run_job(struct ctl *c, struct verification *j, char **paths)
{
	const char *log = NULL; /* the configured one */
	int rc;

	if (*paths == NULL) {
		if (!ctl_load_log(c))
			return CTL_FAILED;
		log = c->conf.audit_file;
		if (j->state_path == NULL)
			j->state_path = c->conf.audit_seal_state;
	}
	if (record_reading(c, paths) != CTL_OK || read_state(j) != CTL_OK)
		return CTL_FAILED;
	rc = log != NULL ? add_configured(j, log) : add_named(j, paths);
	return rc == CTL_OK ? check_logs(j) : rc;
}

int
audit_verify_run(struct ctl *c, int argc, char **argv)
{
	struct verification j = { .count = 0 };
	int rc = CTL_OK;
	char **paths = ctl_options(&verb, &j, argc, argv, &rc);

	if (paths != NULL && j.key_path != NULL)
		rc = read_key(&j, j.key_path);
	if (paths != NULL && rc == CTL_OK)
		rc = run_job(c, &j, paths);
	while (j.count > 0) {
		free(j.input[--j.count].path);
		cleanup_fd(&j.input[j.count].fd);
	}
	free(j.input);
	explicit_bzero(&j, sizeof(j));
	return rc;
}
