/* SPDX-License-Identifier: MIT */
/* input: what a run reads.  Executor. */
#include "executor/run/input.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "executor/power/stall.h"
#include "executor/run/ending.h"
#include "executor/run/keynames.h"
#include "executor/run/lasting.h"
#include "executor/run/tty.h"

/* What is to be written next: the call's own input, then what was typed. */
struct bytes
input_next(const struct job *j)
{
	struct bytes in = j->plan.input;

	if (j->in_sent < in.len)
		return bytes_make(in.p + j->in_sent, in.len - j->in_sent);
	return buf_bytes(&j->typed);
}

static void
take_written(struct job *j, size_t n)
{
	if (j->in_sent < j->plan.input.len)
		j->in_sent += n;
	else
		buf_consume(&j->typed, n);
}

/* What a policy wants recorded and cannot be ends the run, as output does. */
static void
record_typed(struct job *j, struct bytes typed, bool withheld)
{
	struct err e;

	if (recorder_input(j->recorder, typed, withheld, &e) != 0)
		ending_unrecorded(j, "input", &e);
}

/* As write(2). */
static ssize_t
write_input(struct job *j, struct bytes in)
{
	ssize_t n;
	int error;

	stall_begin(j->sp.guard);
	n = write(j->sp.in, in.p, in.len);
	error = errno;
	ending_turn(j);
	errno = error;
	return n;
}

/* Does its terminal?  The kernel's locks of it are the run's, too. */
static bool
has_echo(struct job *j)
{
	bool echo;

	stall_begin(j->sp.guard);
	echo = tty_echoes(j->sp.in);
	ending_turn(j);
	return echo;
}

static int
resize_terminal(struct job *j, const struct terminal_size *size, struct err *e)
{
	int rc;

	stall_begin(j->sp.guard);
	rc = tty_resize(j->sp.in, size, e);
	ending_turn(j);
	return rc;
}

/* All is written, or nobody reads. */
static void
close_input(struct job *j)
{
	stall_begin(j->sp.guard);
	cleanup_fd(&j->sp.in);
	j->sp.in = -1;
	ending_turn(j);
}

void
input_on_ready(void *arg, uint32_t events)
{
	struct job *j = arg;
	struct bytes in = input_next(j);
	ssize_t n = 0;
	bool shown;
	(void)events;

	shown = j->sp.terminal && has_echo(j);
	if (in.len > 0)
		n = write_input(j, in);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && j->sp.terminal)
		record_typed(j, bytes_make(in.p, (size_t)n), !shown);
	if (n > 0)
		take_written(j, (size_t)n);
	lasting_commit(j);
	if (n != -1 && input_next(j).len > 0)
		return;
	loop_del(j->jobs->loop, &j->in); /* all written, or nobody reads */
	if (n != -1 && j->in_open)
		return;
	if (j->held != NULL)
		held_eof(j->held);
	close_input(j);
}

void
input_watch(struct job *j)
{
	struct err e = { 0 };

	if (j->in.fd != -1)
		return;
	j->in.fd = j->sp.in;
	if (loop_add(j->jobs->loop, &j->in, EPOLLOUT, &e) != 0)
		log_err("job: %s", e.what);
}

/* Its bytes, also for keys, and for what ends the input of a terminal. */
static int
put_typed(
    struct job *j, const struct job_input *in, struct buf *out, struct err *e)
{
	buf_put_bytes(out, in->data);
	if (keynames_put(in->keys, j->keys.application, out, e) != 0)
		return e->code;
	stall_begin(j->sp.guard);
	if (in->eof && j->sp.terminal)
		tty_put_eof(j->sp.in, out);
	ending_turn(j);
	if (out->len > JOB_TYPED_MAX - j->typed.len)
		return err_set(e, ERR_BUSY,
		    "%zu bytes wait for it to read them; send more when it has",
		    j->typed.len);
	return out->overflow ? err_memory(e) : 0;
}

static int
check_input(const struct job *j, const struct job_input *in, struct err *e)
{
	if (j == NULL || j->state != RUNNING)
		return err_set(e, ERR_BAD,
		    "it does not run, so that it reads nothing: job_output says how it ended, job_start begins another");
	if (!j->sp.terminal && (in->keys.len > 0 || in->size.columns != 0))
		return err_set(e, ERR_BAD,
		    "it has no terminal, so that it takes data and eof only: start it with job_start and \"pty\": true");
	if (j->in_open && j->sp.in != -1)
		return 0;
	return j->sp.terminal
		   ? err_set(e, ERR_BUSY,
			 "its terminal is not there (any more); look with job_output")
		   : err_set(e, ERR_BAD,
			 "its standard input is closed: start it with job_start and \"input\": true, and do not send eof before the end");
}

/*
 * At once, so that what the terminal shows of it is what it showed when this
 * was asked; of what has to wait nobody knows.
 */
static void
type_input(struct job *j, struct job_typed *out)
{
	out->withheld = !has_echo(j);
	input_on_ready(j, 0);
	out->withheld |= j->typed.len > 0;
}

int
input_take(struct job *j, const struct job_input *in, struct job_typed *out,
    struct err *e)
{
	if (check_input(j, in, e) != 0)
		return e->code;
	if (in->size.columns != 0 && tty_check_size(&in->size, e) != 0)
		return e->code;
	if (put_typed(j, in, &out->bytes, e) != 0)
		return e->code;
	if (in->size.columns != 0) {
		if (resize_terminal(j, &in->size, e) != 0)
			return e->code;
		ledger_resize(
		    j->jobs->ledger, j->entry, in->size.columns, in->size.rows);
	}
	buf_put_bytes(&j->typed, buf_bytes(&out->bytes));
	if (j->typed.overflow)
		return err_memory(e);
	j->in_open = !in->eof || j->sp.terminal;
	lasting_commit(j);
	if (j->sp.terminal && out->bytes.len > 0)
		type_input(j, out);
	if (j->sp.in != -1 && (!j->sp.terminal || j->typed.len > 0))
		input_watch(j);
	return 0;
}
