/* SPDX-License-Identifier: MIT */
/* audit_replay: play what a run wrote, at its pace.  mcp-execctl. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "executor/ctl/audit/audit.h"
#include "executor/ctl/audit/auditarg.h"
#include "executor/ctl/audit/auditcast.h"
#include "executor/ctl/audit/read_audit.h"
#include "executor/ctl/terminal.h"

#define VERB "audit replay"

struct replay {
	const char *log, *dir, *run;
	double speed; /* 0: no pauses */
	unsigned stream; /* 0: both */
	bool raw, unverified, colour;
	uint64_t at_us; /* of what was shown last */
	uint64_t shown[ASCIICAST_STREAMS]; /* bytes */
	bool ended; /* the recording has its last line */
	int status;
};

/* --- play -------------------------------------------------------------------- */

static void
wait_until(struct replay *r, uint64_t at_us)
{
	double s;

	if (r->speed > 0 && at_us > r->at_us) {
		s = (double)(at_us - r->at_us) / 1e6 / r->speed;
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0,
		    &(struct timespec){
			(time_t)s, (long)((s - (double)(time_t)s) * 1e9) },
		    NULL);
	}
	r->at_us = at_us;
}

static void
on_head(void *arg, const struct asciicast_head *h)
{
	const struct replay *r = arg;

	if (!r->raw && h->skipped[0] + h->skipped[1] > 0)
		(void)fprintf(stderr,
		    "mcp-execctl: only the end was recorded; %llu bytes of stdout and %llu of stderr came before it\n",
		    (unsigned long long)h->skipped[0],
		    (unsigned long long)h->skipped[1]);
}

static void
on_output(void *arg, uint64_t at_us, unsigned stream, struct bytes data)
{
	CLEANUP_BUF struct buf out = { 0 };
	struct replay *r = arg;
	bool colour = r->colour && stream == 2 && r->stream == 0;

	if ((r->stream != 0 && r->stream != stream) || r->status != CTL_OK)
		return;
	wait_until(r, at_us);
	r->shown[stream - 1] += data.len;
	if (r->raw) {
		r->status = ctl_print(data);
		return;
	}
	buf_init(&out, 16 * ASCIICAST_MAX_PIECE);
	terminal_style(&out, colour, TERMINAL_WARN);
	auditcast_put_safe(&out, data);
	terminal_plain(&out, colour);
	r->status = ctl_print_buf(&out);
}

static void
on_end(void *arg, uint64_t at_us, const struct asciicast_end *end)
{
	struct replay *r = arg;

	(void)end;
	wait_until(r, at_us);
	r->ended = true;
}

static int
play_cast(struct replay *r, struct auditcast *c)
{
	static const struct asciicast_read_ops ops = { on_head, on_output,
		on_end };
	struct err e;

	if (auditcast_open(c, r->dir, &e) != 0)
		return ctl_error("%s", e.what);
	if (auditcast_verify(c, &e) != 0) {
		if (!r->unverified)
			return ctl_error(
			    "%s; to play it anyway, add --unverified", e.what);
		(void)ctl_error("%s", e.what);
	}
	if (auditcast_read(c, &ops, r, &e) != 0)
		return ctl_error("%s: %s", c->path, e.what);
	if (!r->ended && r->status == CTL_OK)
		(void)ctl_error("the recording ends before the run did");
	return r->status;
}

/* --- the verb ------------------------------------------------------------------ */

static int
set_stream(void *at, const char *text, struct err *e)
{
	unsigned stream = strcmp(text, "stdout") == 0   ? 1
			  : strcmp(text, "stderr") == 0 ? 2
							: 0;

	if (stream == 0)
		return err_set(e, ERR_BAD, "--stream is stdout or stderr");
	*(unsigned *)at = stream;
	return 0;
}

static int
set_speed(void *at, const char *text, struct err *e)
{
	char *end;
	double speed = strtod(text, &end);

	if (end == text || *end != '\0' || !(speed >= 0 && speed <= 1e6))
		return err_set(e, ERR_BAD,
		    "--speed is a number such as 2 or 0.5, or 0 for no pause");
	*(double *)at = speed;
	return 0;
}

static const struct cmdline_option options[] = {
	CMDLINE_SET(0, "speed", "N", struct replay, speed, set_speed,
	    "N times as fast; 0: without any pause"),
	CMDLINE_SET(0, "stream", "NAME", struct replay, stream, set_stream,
	    "only stdout or stderr"),
	CMDLINE_FLAG(0, "raw", struct replay, raw,
	    "the bytes as they are; they may command your terminal"),
	CMDLINE_FLAG(0, "unverified", struct replay, unverified,
	    "play it even if it was changed or cut"),
	CMDLINE_TEXT(0, "log", "FILE", struct replay, log,
	    "by this log, with its rotated files"),
	CMDLINE_TEXT(
	    0, "recordings", "DIR", struct replay, dir, "from this directory"),
	CMDLINE_LAST
};

static const struct ctl_verb verb = {
	.name = VERB,
	.operands = "RUN",
	.about =
	    "Plays what a run wrote, at its pace; stderr in another colour. The recording must be what the audit log says of it. The beginning of the run's id is enough.",
	.options = options,
};

static int
replay_run(struct replay *r, struct ctl *c)
{
	bool copied = r->log != NULL;
	struct auditcast cast;
	struct err e;
	int status;

	if (copied && r->dir == NULL && !ctl_load_log(c))
		return CTL_FAILED;
	r->log = auditarg_log(c, r->log);
	if (r->log == NULL)
		return CTL_FAILED;
	/* by whatever log: recordings of this machine are read */
	if (copied && r->dir == NULL && read_audit_log(c) != CTL_OK)
		return CTL_FAILED;
	if (r->dir == NULL)
		r->dir = c->conf.recordings_dir;
	if (r->dir[0] == '\0')
		return ctl_usage(VERB, "--recordings is needed with --log");
	auditcast_init(&cast);
	status = auditcast_find(&cast, r->log, r->run, &e) != 0
		     ? ctl_error("%s", e.what)
		     : play_cast(r, &cast);
	auditcast_fini(&cast);
	return status;
}

int
audit_replay_run(struct ctl *c, int argc, char **argv)
{
	struct replay r = { .speed = 1 };
	int status;
	char **operands = ctl_options(&verb, &r, argc, argv, &status);

	if (operands == NULL)
		return status;
	r.run = ctl_run_id(VERB, operands);
	if (r.run == NULL)
		return CTL_USAGE;
	r.colour = !r.raw && terminal_colours();
	return replay_run(&r, c);
}
