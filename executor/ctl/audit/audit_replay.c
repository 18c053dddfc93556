/* SPDX-License-Identifier: MIT */
/* audit_replay: play what a run wrote, at its pace.  mcp-execctl. */
#include <getopt.h>
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

static const char help[] =
    "usage: mcp-execctl [-c CONFIG] audit replay [--speed N]\n"
    "           [--stream stdout|stderr] [--raw] [--unverified]\n"
    "           [--log FILE] [--recordings DIR] RUN\n\n"
    "Plays what a run wrote, at its pace; stderr in another colour. The\n"
    "recording must be what the audit log says of it. Of the run's id the\n"
    "beginning is enough.\n\n"
    "      --speed N          so many times as fast; 0: without any pause\n"
    "      --stream NAME      only stdout or stderr\n"
    "      --raw              the very bytes; they may command your terminal\n"
    "      --unverified       play it even if it was changed or cut\n"
    "      --log FILE         by this log, with its rotated files\n"
    "      --recordings DIR   from this directory\n";

static const struct option options[] = {
	{ "speed", required_argument, NULL, 's' },
	{ "stream", required_argument, NULL, 't' },
	{ "raw", no_argument, NULL, 'r' },
	{ "unverified", no_argument, NULL, 'u' },
	{ "log", required_argument, NULL, 'l' },
	{ "recordings", required_argument, NULL, 'd' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

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
		    "mcp-execctl: only the end was recorded: before it were %llu bytes of stdout and %llu of stderr\n",
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
	r->status = ctl_print(buf_bytes(&out));
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
			    "%s; to see it all the same, add --unverified",
			    e.what);
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
set_stream(struct replay *r, const char *text)
{
	r->stream = strcmp(text, "stdout") == 0   ? 1
		    : strcmp(text, "stderr") == 0 ? 2
						  : 0;
	return r->stream != 0 ? CTL_OK
			      : ctl_usage(VERB, "--stream is stdout or stderr");
}

static int
set_speed(struct replay *r, const char *text)
{
	char *end;

	r->speed = strtod(text, &end);
	if (end != text && *end == '\0' && r->speed >= 0 && r->speed <= 1e6)
		return CTL_OK;
	return ctl_usage(
	    VERB, "--speed is a number such as 2 or 0.5, or 0 for no pause");
}

static int
set_option(struct replay *r, int opt)
{
	switch (opt) {
	case 's':
		return set_speed(r, optarg);
	case 't':
		return set_stream(r, optarg);
	case 'r':
		r->raw = true;
		return CTL_OK;
	case 'u':
		r->unverified = true;
		return CTL_OK;
	case 'l':
		r->log = optarg;
		return CTL_OK;
	case 'd':
		r->dir = optarg;
		return CTL_OK;
	default:
		return ctl_usage(VERB, "see above");
	}
}

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

static bool
is_id(const char *text)
{
	size_t n = strlen(text);

	return n > 0 && n < ASCIICAST_ID &&
	       strspn(text, "0123456789abcdef") == n;
}

int
audit_replay_run(struct ctl *c, int argc, char **argv)
{
	struct replay r = { .speed = 1 };
	int opt, status;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt == 'h')
			return ctl_print(bytes_of(help));
		status = set_option(&r, opt);
		if (status != CTL_OK)
			return status;
	}
	if (argc - optind != 1 || !is_id(argv[optind]))
		return ctl_usage(VERB,
		    "one RUN is needed: an id, or its beginning, of 0-9 and a-f");
	r.run = argv[optind];
	r.colour = !r.raw && terminal_colours();
	return replay_run(&r, c);
}
