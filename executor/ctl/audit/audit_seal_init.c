/* SPDX-License-Identifier: MIT */
/*
 * audit_seal_init: begin the forward-secure chain of the audit log.
 *
 * The first key is made here, shown once, and kept nowhere on this machine but
 * in the state of the seal, where the first record replaces it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "executor/ctl/ctl.h"
#include "executor/ctl/qr.h"
#include "executor/audit/resume.h"

#define VERB "audit seal-init"

struct choice {
	bool force, qr;
};

static const struct cmdline_option options[] = {
	CMDLINE_FLAG(0, "force", struct choice, force,
	    "begin a new chain although there is one; the log's files must have been moved away before"),
	CMDLINE_FLAG(0, "qr", struct choice, qr,
	    "show the key as a QR code on standard error although that is not a terminal"),
	CMDLINE_LAST
};

static const struct ctl_verb verb = {
	.name = VERB,
	.about =
	    "Makes the first key of the audit log's seal and prints the verification key, once, on standard output. Keep it off this machine: on paper, in a password store. Anyone who has it can forge the log. mcp-execd seals from its next start on.",
	.options = options,
};

/* A chain begins in a log that no other chain sealed. */
static int
check_log(const char *path, bool force)
{
	CLEANUP_FD int fd = -1;
	struct resume r;
	struct stat st;
	struct err e;
	bool sealed;

	if (stat(path, &st) == -1)
		return CTL_OK;
	if (force && st.st_size > 0)
		return ctl_error(
		    "%s is not empty: with --force, move the log's files to another directory first (stop mcp-execd before)",
		    path);
	if (st.st_size == 0)
		return CTL_OK;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd == -1)
		return ctl_error("%s: %m", path);
	if (resume_read(path, fd, NULL, &r, &e) != 0)
		return ctl_error("%s: %s", path, e.what);
	sealed = r.sealed;
	resume_fini(&r);
	if (sealed)
		return ctl_error(
		    "%s is sealed already, but its state file is missing: keep the log's files as evidence, move them to another directory, and run this again",
		    path);
	return CTL_OK;
}

/* For a telephone's camera; the text stays the key. */
static void
print_qr(const char *text)
{
	struct buf b;
	struct qr q;
	struct err e;

	buf_init(&b, 65536);
	if (qr_make(bytes_of(text), &q, &e) == 0) {
		qr_put(&b, &q);
		(void)fputs(buf_cstr(&b), stderr);
	}
	explicit_bzero(&q, sizeof(q));
	buf_wipe(&b);
}

static int
print_key(const struct ctl *c, const uint8_t key[DIGEST_BYTES], bool qr)
{
	char text[SEAL_KEY_TEXT], id[SEAL_ID_HEX];
	struct seal_point p;
	int n;

	seal_start(&p, key);
	digest_hex(p.chain, sizeof(p.chain), id);
	explicit_bzero(&p, sizeof(p));
	seal_key_format(key, text);
	(void)fprintf(stderr,
	    "The audit log %s\nis sealed from the next start of mcp-execd on (systemctl restart %s).\nChain %s.\n\n"
	    "This is the verification key.  It is shown only now: keep it off this machine.\nCheck the log with: %s audit verify --key-file -\n\n",
	    c->conf.audit_file, ctl_unit(c), id, ctl_self(c));
	if (qr || isatty(STDERR_FILENO))
		print_qr(text);
	n = printf("%s\n", text);
	explicit_bzero(text, sizeof(text));
	if (n < 0 || fflush(stdout) != 0)
		return ctl_error(
		    "the key could not be printed: run this again with --force");
	return CTL_OK;
}

static int
init_seal(const struct ctl *c, bool force, bool qr)
{
	const char *path = c->conf.audit_seal_state;
	uint8_t key[DIGEST_BYTES];
	struct stat st;
	struct err e;
	int rc;

	if (!force && lstat(path, &st) == 0)
		return ctl_error(
		    "%s exists: the log is sealed already.  To begin a new chain, stop mcp-execd, move the log's files to another directory, and use --force",
		    path);
	if (check_log(c->conf.audit_file, force) != CTL_OK)
		return CTL_FAILED;
	digest_random(key, sizeof(key));
	if (seal_create(path, key, force, &e) != 0)
		rc = ctl_error("%s", e.what);
	else
		rc = print_key(c, key, qr);
	explicit_bzero(key, sizeof(key));
	return rc;
}

int
audit_seal_init_run(struct ctl *c, int argc, char **argv)
{
	struct choice choice = { .force = false };
	int status;

	if (ctl_options(&verb, &choice, argc, argv, &status) == NULL)
		return status;
	if (!ctl_load_conf(c))
		return CTL_FAILED;
	if (strcmp(c->conf.audit_seal, "off") == 0)
		return ctl_error(
		    "\"audit\": {\"seal\": \"off\"} is in %s: remove it first",
		    c->config);
	return init_seal(c, choice.force, choice.qr);
}
