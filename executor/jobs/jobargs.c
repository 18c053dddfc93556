/* SPDX-License-Identifier: MIT */
/* jobargs: arguments of calls about runs.  Executor; they are a client's. */
#include "executor/jobs/jobargs.h"

#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "executor/run/tty.h"

enum {
	NAME_MAX_BYTES = LEDGER_NAME - 1,
	PREFIX_LEAST = 8, /* digits of an id that stand for it */
	NAMED = 5, /* of those that are called the same */
	COLUMNS = 80, /* of a terminal, unless others are asked for */
	ROWS = 24
};

static int
refuse_argument(const char *name, const char *what, struct err *e)
{
	return err_set(e, ERR_BAD, "%s must be %s", name, what);
}

int
jobargs_number(struct request *r, const char *name, uint64_t most,
    uint64_t *out, struct err *e)
{
	struct bytes text;

	if (!request_take(r, name, &text))
		return 0;
	if (bytes_to_u64(text, 0, most, out, e) != 0)
		return err_set(e, ERR_BAD,
		    "%s must be a whole number from 0 to %llu", name,
		    (unsigned long long)most);
	return 0;
}

int
jobargs_bool(struct request *r, const char *name, bool *out, struct err *e)
{
	struct bytes text;

	if (!request_take(r, name, &text))
		return 0;
	*out = bytes_eq_str(text, "true");
	if (!*out && !bytes_eq_str(text, "false"))
		return refuse_argument(name, "true or false", e);
	return 0;
}

/* None is too large for the check of it. */
static uint16_t
size_of(uint64_t n)
{
	return n > UINT16_MAX ? UINT16_MAX : (uint16_t)n;
}

/* A terminal's size, as far as it is given. */
static int
take_size(
    struct request *r, struct terminal_size *out, bool *given, struct err *e)
{
	uint64_t columns = out->columns, rows = out->rows;

	if (jobargs_number(r, "job.columns", INT64_MAX, &columns, e) != 0 ||
	    jobargs_number(r, "job.rows", INT64_MAX, &rows, e) != 0)
		return e->code;
	*given = columns != out->columns || rows != out->rows;
	*out = (struct terminal_size){ size_of(columns), size_of(rows) };
	return 0;
}

int
jobargs_view(struct request *r, struct viewspec *out, struct err *e)
{
	struct bytes text;

	if (!request_take(r, "view", &text))
		return 0;
	if (text.len > VIEWSPEC_MAX)
		return refuse_argument("view", "shorter", e);
	return viewspec_parse(text, out, e);
}

/* Which of the words; the first is the default. */
int
jobargs_word(struct request *r, const char *name, const char *const words[2],
    bool *second, struct err *e)
{
	struct bytes text;

	*second = false;
	if (!request_take(r, name, &text) || bytes_eq_str(text, words[0]))
		return 0;
	*second = bytes_eq_str(text, words[1]);
	if (*second)
		return 0;
	return err_set(e, ERR_BAD, "%s must be \"%s\" or \"%s\"", name,
	    words[0], words[1]);
}

/* By its name, or how its id begins. */
static bool
is_called(const struct ledger_entry *x, struct bytes word)
{
	return (x->name[0] != '\0' && bytes_eq_str(word, x->name)) ||
	       (word.len >= PREFIX_LEAST && word.len <= strlen(x->id) &&
		   memcmp(word.p, x->id, word.len) == 0);
}

/* *count: how many there are. */
static struct ledger_entry *
find_called(const struct ledger *l, struct bytes word, const struct token *t,
    size_t *count)
{
	struct ledger_entry *x = NULL, *found = NULL;

	*count = 0;
	while ((x = ledger_before(l, x, t->verifier)) != NULL) {
		if (!is_called(x, word))
			continue;
		found = x;
		(*count)++;
	}
	return found;
}

static void
put_one(struct buf *out, const struct ledger_entry *x)
{
	buf_printf(out, "%s%s (", out->len > 0 ? ", " : "", x->id);
	if (!x->over)
		buf_put_str(out, x->started ? "running" : "waiting");
	else if (x->state == PROTO_EXITED)
		buf_printf(out, "exited with status %d", x->exit_code);
	else
		buf_put_str(out, proto_state_name(x->state));
	buf_put_u8(out, ')');
}

/* Which they are, newest first: one of them can be asked for then. */
static void
refuse_several(const struct ledger *l, struct bytes word, const struct token *t,
    size_t count, struct err *e)
{
	const struct ledger_entry *x = NULL;
	CLEANUP_BUF struct buf list = { 0 };
	char older[64] = "";
	size_t n = 0;

	buf_init(&list, ERR_MAX_WHAT);
	while (n < NAMED && (x = ledger_before(l, x, t->verifier)) != NULL)
		if (is_called(x, word)) {
			put_one(&list, x);
			n++;
		}
	if (count > n)
		(void)snprintf(older, sizeof(older),
		    ", and %zu older, which job_list shows", count - n);
	(void)err_set(e, ERR_BAD,
	    "%zu jobs are called so: %s%s; use the id of one", count,
	    buf_cstr(&list), older);
}

/* Another token's is none; the words are the same. */
struct ledger_entry *
jobargs_job(const struct ledger *l, struct request *r, const struct token *t,
    struct err *e)
{
	struct ledger_entry *x = NULL;
	struct bytes id;
	size_t count;

	if (!request_take(r, "job", &id)) {
		(void)err_set(e, ERR_BAD,
		    "job is required: the id that job_start or the call gave, or job_list shows");
		return NULL;
	}
	x = ledger_find(l, id, t->verifier);
	if (x != NULL)
		return x;
	x = find_called(l, id, t, &count);
	if (count == 1)
		return x;
	if (count > 1)
		refuse_several(l, id, t, count, e);
	else
		(void)err_set(e, ERR_BAD,
		    "there is no such job: its id is wrong or has fewer than %d digits, no job has this name, or it is kept no longer; job_list shows what there is",
		    PREFIX_LEAST);
	return NULL;
}

int
jobargs_rest(const struct request *r, struct err *e)
{
	for (size_t i = 0; i < r->arg_count; i++)
		if (!request_drops(r, r->arg[i].name))
			return err_set(e, ERR_BAD, "%s has no argument \"%s\"",
			    r->tool, r->arg[i].name);
	return 0;
}

/* --- what a tool is given ---------------------------------------------- */

int
jobargs_screen(struct request *r, const struct ledger_entry *x, bool viewed,
    bool *out, struct err *e)
{
	if (jobargs_bool(r, "screen", out, e) != 0)
		return e->code;
	if (!*out)
		return 0;
	if (x->sizes == 0)
		return err_set(e, ERR_BAD,
		    "it has no terminal and so no screen: start it with job_start and \"pty\": true, or read its output without screen");
	return viewed ? err_set(e, ERR_BAD,
			    "a screen has no view: leave one of the two out")
		      : 0;
}

/* What is not given of a size is as it is. */
int
jobargs_input(struct request *r, const struct ledger_entry *x,
    struct job_input *out, struct err *e)
{
	bool given = request_take(r, "data", &out->data), sized = false;

	given |= request_take(r, "keys", &out->keys);
	if (x->sizes > 0) {
		const struct ledger_size *s = &x->size[x->sizes - 1];

		out->size = (struct terminal_size){ s->columns, s->rows };
	}
	if (jobargs_bool(r, "eof", &out->eof, e) != 0 ||
	    take_size(r, &out->size, &sized, e) != 0 || jobargs_rest(r, e) != 0)
		return e->code;
	if (!sized)
		out->size = (struct terminal_size){ 0, 0 };
	if ((given || out->eof || sized) && out->data.len <= JOBARGS_INPUT_MAX)
		return 0;
	return err_set(e, ERR_BAD,
	    "job_input needs data, a string of at most %d bytes, keys, a new size, or eof: true",
	    JOBARGS_INPUT_MAX);
}

static int
take_terminal(struct request *r, const struct token *t, struct err *e)
{
	struct terminal_size size = { COLUMNS, ROWS };
	bool wanted = false, sized = false;

	if (jobargs_bool(r, "job.pty", &wanted, e) != 0 ||
	    take_size(r, &size, &sized, e) != 0)
		return e->code;
	if (!wanted)
		return sized
			   ? err_set(e, ERR_BAD,
				 "columns and rows are of a terminal: add \"pty\": true")
			   : 0;
	if (!t->policy->jobs.pty)
		return err_set(e, ERR_DENIED,
		    "jobs of this token may not have a terminal (policy %s, key jobs.pty): leave pty out",
		    t->policy->name);
	if (tty_check_size(&size, e) != 0)
		return e->code;
	r->terminal = size;
	return 0;
}

/* Each list of runs would show it as more than a name. */
static bool
has_control(struct bytes name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.p[i] < ' ' || name.p[i] == 0x7f)
			return true;
	return false;
}

int
jobargs_start(
    struct request *r, const struct token *t, struct job_wish *w, struct err *e)
{
	uint64_t keep_s = w->keep_s;
	struct bytes tool;

	if (!request_take(r, "job.tool", &tool) ||
	    bytes_to_str(tool, r->tool, sizeof(r->tool), e) != 0)
		return err_set(e, ERR_BAD,
		    "job_start needs a command, or a tool and its arguments");
	if (request_take(r, "view", &tool))
		return err_set(
		    e, ERR_BAD, "job_start has no view: give it to job_output");
	if (take_terminal(r, t, e) != 0)
		return e->code;
	(void)request_take(r, "job.name", &w->name);
	if (w->name.len > NAME_MAX_BYTES)
		return err_set(e, ERR_BAD, "name has %zu bytes, %d is the most",
		    w->name.len, NAME_MAX_BYTES);
	if (has_control(w->name))
		return refuse_argument("name", "of visible characters", e);
	if (jobargs_number(r, "job.keep", INT64_MAX, &keep_s, e) != 0)
		return e->code;
	if (keep_s < w->keep_s)
		w->keep_s = (uint32_t)keep_s;
	w->detached = r->detached = true;
	return jobargs_bool(r, "job.input", &w->open_input, e);
}

/* Is it to be a task, at once or if it takes long? */
int
jobargs_task(struct request *r, struct job_wish *w, struct err *e)
{
	static const char *const when[] = { "late", "now" };
	uint64_t ttl_ms = UINT64_MAX;
	bool now;

	for (size_t i = 0; i < r->arg_count; i++)
		if (strcmp(r->arg[i].name, "job.task") == 0)
			w->task = LEDGER_LATE_TASK;
	if (jobargs_word(r, "job.task", when, &now, e) != 0 ||
	    jobargs_number(r, "job.ttl", INT64_MAX, &ttl_ms, e) != 0 ||
	    jobargs_bool(r, "job.base64", &w->base64, e) != 0)
		return e->code;
	if (now) {
		w->task = LEDGER_TASK;
		w->detached = r->detached = true;
	}
	/* the time after its end, as nobody knows when that will be */
	if (ttl_ms / 1000 < w->keep_s)
		w->keep_s = (uint32_t)(ttl_ms / 1000) + 1;
	return 0;
}

/* What of its output will be asked for; a call that waits has it as well. */
int
jobargs_task_view(struct request *r, struct job_wish *w, struct err *e)
{
	struct viewspec spec = { 0 };

	if (w->task == LEDGER_NO_TASK)
		return 0;
	for (size_t i = 0; i < r->arg_count; i++)
		if (strcmp(r->arg[i].name, "view") == 0)
			w->view = request_value(r, &r->arg[i]);
	if (w->task == LEDGER_LATE_TASK)
		return 0;
	if (jobargs_view(r, &spec, e) != 0)
		return e->code;
	viewspec_fini(&spec);
	return 0;
}
