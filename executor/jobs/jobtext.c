/* SPDX-License-Identifier: MIT */
/* jobtext: words about runs.  Executor; output and names are untrusted. */
#include "executor/jobs/jobtext.h"

#include <stdio.h>
#include <string.h>

#include "common/utf8.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/told.h"

enum {
	PIECE = 16384, /* bytes that are read at once */
	MAX_TEXT = 64 << 20
};

static uint64_t
age_ms(const struct ledger_entry *x)
{
	return (x->over ? x->end_ms : clock_mono_ms()) - x->begin_ms;
}

static void
put_seconds(struct buf *out, uint64_t ms)
{
	buf_printf(out, "%llu.%llu s", (unsigned long long)(ms / 1000),
	    (unsigned long long)(ms % 1000 / 100));
}

/* "running for 3.2 s", "exited with status 0 after 3.2 s" */
static void
put_how(struct buf *out, const struct ledger_entry *x)
{
	if (!x->over) {
		buf_printf(out, "%s ",
		    x->started ? "running for" : "waiting to be started for");
		put_seconds(out, age_ms(x));
		return;
	}
	if (x->state == PROTO_EXITED)
		buf_printf(out, "exited with status %d", x->exit_code);
	else if (x->state == PROTO_SIGNALLED)
		buf_printf(out, "killed by signal %d", x->signal);
	else
		buf_put_str(out, proto_state_name(x->state));
	buf_put_str(out, " after ");
	put_seconds(out, x->duration_us / 1000);
	if (x->message[0] != '\0')
		buf_printf(out, ": %s", x->message);
}

static void
put_id(struct buf *out, const struct ledger_entry *x)
{
	buf_put_str(out, x->id);
	if (x->name[0] != '\0')
		buf_printf(out, " (%s)", x->name);
}

void
jobtext_put_status(struct buf *out, const struct ledger_entry *x)
{
	put_how(out, x);
	buf_printf(out, "; %llu bytes of output %s",
	    (unsigned long long)spool_total(x->spool),
	    x->over ? "in all" : "so far");
}

void
jobtext_put_state(struct buf *out, const struct ledger_entry *x)
{
	buf_printf(out, "%s ", x->job ? "job" : "run");
	put_id(out, x);
	buf_put_str(out, ": ");
	jobtext_put_status(out, x);
	buf_put_u8(out, '\n');
}

void
jobtext_put_end(struct buf *out, const struct ledger_entry *x)
{
	if (x->over && x->ended[0] != '\0')
		buf_printf(out, "ended with it: %s\n", x->ended);
	if (x->over)
		told_put(out, buf_bytes(&x->denials));
}

void
jobtext_put_row(struct buf *out, const struct ledger_entry *x)
{
	put_id(out, x);
	buf_printf(out, "  %s, ", x->job ? "job" : "run");
	put_how(out, x);
	buf_printf(out, ", %llu bytes of output%s: %s: %s\n",
	    (unsigned long long)spool_total(x->spool),
	    x->away && x->key.given ? ", its call was not answered" : "",
	    x->tool, x->command);
}

/* Up to a gap: after it another call goes on.  Where it ends. */
static uint64_t
read_range(struct buf *out, const struct ledger_entry *x, uint64_t *from,
    size_t max, uint64_t *lost)
{
	uint64_t at = *from, skipped;
	uint8_t part[PIECE];
	unsigned stream;
	size_t n;

	*lost = 0;
	while (max > 0) {
		n = spool_read(x->spool, &at, part,
		    max < sizeof(part) ? max : sizeof(part), &skipped, &stream);
		if (skipped > 0 && out->len > 0)
			return at - skipped;
		*lost += skipped;
		if (out->len == 0)
			*from = at;
		if (n == 0)
			break;
		buf_put(out, part, n);
		at += n;
		max -= n;
	}
	return at;
}

static void
put_lost(struct buf *out, uint64_t lost, uint64_t from)
{
	if (lost > 0)
		buf_printf(out,
		    "%llu bytes before byte %llu are not kept (any more)\n",
		    (unsigned long long)lost, (unsigned long long)from);
}

void
jobtext_put_view(struct buf *out, const struct ledger_entry *x,
    struct bytes words, uint64_t from, uint64_t to, uint64_t lost)
{
	const char *these = x->over && to == spool_total(x->spool)
				? "the last there are"
				: "all so far";

	if (lost > 0)
		buf_printf(out,
		    "%llu of the bytes are not kept (any more), and lines are counted without them\n",
		    (unsigned long long)lost);
	if (words.len == 0)
		buf_printf(out, "bytes %llu to %llu follow, %s",
		    (unsigned long long)from, (unsigned long long)to, these);
	else
		buf_printf(out, "of bytes %llu to %llu, %s, a part follows: ",
		    (unsigned long long)from, (unsigned long long)to, these);
	buf_put_bytes(out, words);
	buf_put_str(out, "\n\n");
}

void
jobtext_put_range(
    struct buf *out, const struct ledger_entry *x, uint64_t cursor, size_t max)
{
	CLEANUP_BUF struct buf text;
	uint64_t from = cursor, to, lost, total = spool_total(x->spool);
	size_t whole;

	buf_init(&text, MAX_TEXT);
	to = read_range(&text, x, &from, max, &lost);
	whole = utf8_whole(buf_bytes(&text));
	if (to < total || !x->over) {
		to -= text.len - whole;
		text.len = whole;
	}
	if (cursor > total)
		buf_printf(out,
		    "there is no output at byte %llu%s: use a cursor of %llu at most\n",
		    (unsigned long long)cursor, x->over ? "" : " yet",
		    (unsigned long long)total);
	put_lost(out, lost, from);
	if (x->over && to == total)
		buf_printf(out,
		    "bytes %llu to %llu follow, the last there are\n",
		    (unsigned long long)from, (unsigned long long)to);
	else
		buf_printf(out,
		    "bytes %llu to %llu follow; go on with cursor %llu\n",
		    (unsigned long long)from, (unsigned long long)to,
		    (unsigned long long)to);
	buf_put_u8(out, '\n');
	buf_put_bytes(out, buf_bytes(&text));
	out->overflow = out->overflow || text.overflow;
}
