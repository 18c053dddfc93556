/* SPDX-License-Identifier: MIT */
/* read_audit: note each read of the audit log before anything is shown. */
#include "executor/ctl/audit/read_audit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "executor/audit/audit.h"
#include "executor/ctl/remote.h"
#include "executor/control/peer.h"
#include "executor/audit/resume.h"

enum { PAUSE_MS = 50, TRIES = 20 };

/* --- arguments -------------------------------------------------------- */

static void
add_word(struct ctl *c, const char *word)
{
	size_t len = strlen(c->arguments);

	(void)snprintf(c->arguments + len, sizeof(c->arguments) - len, "%s%s",
	    len > 0 ? " " : "", word);
}

void
read_audit_arguments(struct ctl *c, char **argv)
{
	bool key = false; /* the word before was --key */

	for (; *argv != NULL; argv++) {
		add_word(c, key                                ? "..."
			    : strncmp(*argv, "--key=", 6) == 0 ? "--key=..."
							       : *argv);
		key = strcmp(*argv, "--key") == 0;
	}
}

/* --- by the executor -------------------------------------------------- */

static int
ask_executor(struct ctl *c, struct err *e)
{
	struct control_request r = { .verb = CONTROL_NOTE };
	struct remote_answer a;
	int rc;

	(void)snprintf(r.what, sizeof(r.what), "%s", c->verb);
	(void)snprintf(r.filter, sizeof(r.filter), "%s", c->arguments);
	rc = remote_ask(c, &r, &a, e);
	remote_fini(&a);
	return rc;
}

/* --- by ourselves ----------------------------------------------------- */

/* Does an executor write this file?  Its lock tells. */
static bool
is_live(const char *path)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	return fd != -1 && flock(fd, LOCK_SH | LOCK_NB) == -1;
}

/*
 * An executor that just starts has the lock and does not answer yet, and
 * another mcp-execctl has it for a moment.
 */
static int
ask_patiently(struct ctl *c, struct err *e)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };
	int rc = ERR_EOF, tries;

	for (tries = 0; tries < TRIES; tries++) {
		rc = ask_executor(c, e);
		if (rc != ERR_EOF || !is_live(c->conf.audit_file))
			break;
		(void)nanosleep(&pause, NULL);
	}
	return rc;
}

/* Reason not to append; NULL: none. */
static const char *
obstacle_of(const struct conf *c)
{
	struct stat st;

	if (lstat(c->audit_file, &st) != 0 || !S_ISREG(st.st_mode))
		return "it is not a regular file";
	if (st.st_uid != geteuid())
		return "it belongs to another user";
	if (access(c->audit_file, W_OK) != 0)
		return "it cannot be written";
	return NULL;
}

/* Never a rotation, and nothing at all if the chain is broken: evidence. */
static struct audit_setup
setup_of(const struct conf *c)
{
	return (struct audit_setup){
		.path = c->audit_file,
		.seal_state = c->audit_seal_state,
		.seal = strcmp(c->audit_seal, "off") == 0 ? AUDIT_SEAL_OFF
			: access(c->audit_seal_state, F_OK) == 0
			    ? AUDIT_SEAL_REQUIRE
			    : AUDIT_SEAL_AUTO,
	};
}

static int
append_record(const struct ctl *c, struct err *e)
{
	const struct audit_setup s = setup_of(&c->conf);
	struct audit *a = audit_new(&s, e);
	struct peer self;
	struct buf *b;
	int rc;

	if (a == NULL)
		return e->code;
	if (audit_resumed(a)->gap != RESUME_FITS) {
		audit_close(a);
		return err_set(e, ERR_BAD, "it does not match its seal");
	}
	b = audit_begin(a, "audit-read");
	audit_put_str(b, "control.verb", c->verb);
	audit_put_str(b, "control.arguments", c->arguments);
	audit_put_str(b, "event.outcome", "success");
	peer_self(&self);
	peer_put(b, &self);
	audit_end(a, true);
	rc = audit_flush(a, e);
	audit_close(a);
	return rc;
}

/* --- the outside ------------------------------------------------------ */

static int
refuse_reading(const struct ctl *c, const char *why)
{
	if (c->unrecorded) {
		(void)ctl_error("this read is not recorded: %s", why);
		return CTL_OK;
	}
	(void)ctl_error(
	    "this read of the audit log cannot be recorded: %s", why);
	(void)fputs(
	    "To read it anyway: mcp-execctl --unrecorded audit ...\n", stderr);
	return CTL_FAILED;
}

int
read_audit_log(struct ctl *c)
{
	const char *file = c->conf.audit_file;
	const char *why;
	struct err e = { 0 };

	if (ask_patiently(c, &e) == 0)
		return CTL_OK;
	if (is_live(file) || e.code == ERR_BAD)
		return refuse_reading(c, e.what);
	why = obstacle_of(&c->conf);
	if (why == NULL && append_record(c, &e) == 0)
		return CTL_OK;
	(void)ctl_error(
	    "this read is not recorded: no mcp-execd runs, and %s is not appended to: %s",
	    file, why != NULL ? why : e.what);
	return CTL_OK;
}

static bool
same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

int
read_audit_file(struct ctl *c, const char *path)
{
	struct err e = { 0 };
	bool known =
	    c->conf.audit_file[0] == '/' ||
	    conf_load_to_read(c->config, &c->conf, &c->report, &e) == 0;

	conf_report_fini(&c->report);
	conf_report_init(&c->report);
	if (known && same_file(path, c->conf.audit_file))
		return read_audit_log(c);
	if (!is_live(path))
		return CTL_OK;
	return refuse_reading(c,
	    "it is the log of an mcp-execd that runs: run mcp-execctl as root, or name its configuration with -c");
}
