/* SPDX-License-Identifier: MIT */
/* notes: what is told of a run besides its output.  Executor. */
#include "executor/run/notes.h"

#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "common/cleanup.h"
#include "executor/recording/spool.h"
#include "executor/run/edited.h"
#include "executor/run/shelltest.h"
#include "executor/run/wordsplit.h"

enum {
	NOTES_MAX = 2048, /* bytes, as DONE carries them */
	TOLD_MAX = 8192, /* of what only a run's end tells, before that */
	VIEW_MOST = 768 /* bytes about what is left out, as DONE carries them */
};

void
notes_init(struct notes *n)
{
	buf_init(&n->lines, NOTES_MAX);
}

void
notes_fini(struct notes *n)
{
	buf_fini(&n->lines);
	buf_fini(&n->view);
}

void
notes_add(struct notes *n, struct bytes line)
{
	if (n->lines.len > 0 &&
	    memmem(n->lines.p, n->lines.len, line.p, line.len) != NULL)
		return;
	if (n->lines.len + line.len + 1 > NOTES_MAX)
		return;
	if (n->lines.len > 0)
		buf_put_u8(&n->lines, '\n');
	buf_put_bytes(&n->lines, line);
}

/* The same of several. */
static void
add_lines(struct notes *n, struct bytes lines)
{
	const uint8_t *nl;
	size_t len;

	while (lines.len > 0) {
		nl = memchr(lines.p, '\n', lines.len);
		len = nl != NULL ? (size_t)(nl - lines.p) : lines.len;
		notes_add(n, bytes_make(lines.p, len));
		if (nl == NULL)
			break;
		lines = bytes_make(nl + 1, lines.len - len - 1);
	}
}

void
notes_start(struct notes *n, const struct image *i)
{
	unseen_note_image(&n->unseen, i);
	edited_look(i, &n->hints);
}

/* libaudit's, which useradd(8), login(1) and others report by. */
static bool
is_for_audit(const struct denial *d)
{
	return d->rule == DENIAL_FILTER && d->nr == SYS_socket &&
	       (uint32_t)d->args[0] == AF_NETLINK &&
	       (uint32_t)d->args[2] == NETLINK_AUDIT;
}

void
notes_denial(struct notes *n, const struct denial *d, const struct policy *p)
{
	CLEANUP_BUF struct buf line = { 0 };

	if (d->routine) {
		n->looked_up = n->looked_up || d->rule == DENIAL_FILTER;
		return;
	}
	if (is_for_audit(d)) {
		n->audit = *d;
		return;
	}
	if (explain_is_network(d, p)) {
		if (n->network_told)
			return;
		n->network_told = true;
	}
	n->rights_told = n->rights_told || d->rule == DENIAL_CAPABILITY ||
			 d->rule == DENIAL_SET_ID;
	n->unseen.log_explained =
	    n->unseen.log_explained || d->nr == SYS_syslog;
	buf_init(&line, NOTES_MAX);
	explain_denial(d, p, &line);
	notes_add(n, buf_bytes(&line));
}

void
notes_limits(
    struct notes *n, const struct policy *p, const struct cgroup_usage *u)
{
	CLEANUP_BUF struct buf lines = { 0 };

	buf_init(&lines, NOTES_MAX);
	explain_limits(p, u, &lines);
	add_lines(n, buf_bytes(&lines));
}

/* Of vim -es, which says nothing of a file that it could not write. */
static bool
editor_failed(const struct hints *h, int code)
{
	return code > 0 && hints_has(h, HINT_EDITED) &&
	       h->stream[0].looked == 0 && h->stream[1].looked == 0;
}

/* Told where nothing else tells why: it would hide what does. */
static void
tell_rest(struct notes *n, const struct plan *p, int code, struct buf *lines)
{
	const struct hints *h = &n->hints;
	bool told = n->lines.len > 0 || lines->len > 0;
	bool refused = hints_has(h, HINT_DENIED) ||
		       hints_has(h, HINT_REFUSED) ||
		       hints_has(h, HINT_NO_SIGNAL);
	/* As shells end where a file is there and does not execute. */
	bool no_program = code == 126 && hints_has(h, HINT_DENIED);

	if (no_program && !told && p->policy->confine.noexec)
		explain_noexec(p->policy, lines);
	else if ((hints_has(h, HINT_RIGHTS) && !n->rights_told && !told) ||
		 (refused && code != 0 && !told && !no_program))
		explain_rights(p->policy, lines);
	else if (hints_has(h, HINT_PRIORITY) && !told)
		explain_priority(p->policy, lines);
	else if (editor_failed(h, code) && !told)
		explain_editor(p->policy, lines);
	else if (n->audit.nr != 0 && !told)
		explain_denial(&n->audit, p->policy, lines);
}

void
notes_end(struct notes *n, const struct plan *p, const struct explain_end *end)
{
	CLEANUP_BUF struct buf lines = { 0 };
	struct explain_end how = *end;
	struct bytes word;

	buf_init(&lines, TOLD_MAX);
	hints_end(&n->hints);
	if (p->shell)
		shelltest_look(p->command, &n->hints);
	n->unseen.timed_out = end->timed_out && p->terminal.columns == 0;
	how.waits = unseen_waits(&n->unseen);
	explain_end(&how, p->policy, &lines);
	explain_hints(&n->hints, p->policy, p->cwd, &lines);
	n->unseen.refused = hints_has(&n->hints, HINT_REFUSED) ||
			    hints_has(&n->hints, HINT_PRIORITY) ||
			    hints_has(&n->hints, HINT_NO_FAMILY);
	unseen_tell(&n->unseen, p->policy, &lines);
	if (n->looked_up && end->exit_code != 0)
		explain_no_socket(p->policy, &lines);
	tell_rest(n, p, end->exit_code, &lines);
	if (!p->shell && wordsplit_operator(p->command, &word))
		explain_operator(word, p->policy, &lines);
	add_lines(n, buf_bytes(&lines));
}

static uint8_t
put_stream_words(struct notes *n, const struct output *o, const char *name)
{
	CLEANUP_BUF struct buf words = { 0 };
	bool viewed;

	buf_init(&words, VIEW_MOST);
	viewed = output_put_words(o, &words);
	if (words.len > 0)
		buf_printf(&n->view, "%s%s%s%s", n->view.len > 0 ? "; " : "",
		    name, name[0] != '\0' ? ": " : "", buf_cstr(&words));
	return (uint8_t)((viewed ? 1u : 0u) << o->stream);
}

/* How much of its output can be asked for later. */
static void
put_kept(struct buf *out, uint64_t all, const struct spool *s)
{
	uint64_t total = spool_total(s), first = spool_first(s);

	if (spool_lost(s) > 0)
		buf_printf(
		    out, "what is kept of %llu bytes", (unsigned long long)all);
	else if (first > 0)
		buf_printf(out, "the last %llu of %llu bytes",
		    (unsigned long long)(total - first),
		    (unsigned long long)all);
	else
		buf_printf(out, "all %llu bytes", (unsigned long long)all);
}

uint8_t
notes_view(struct notes *n, const struct output *o, const struct output *err,
    const char *id, const struct spool *kept)
{
	uint64_t all = o->total + err->total;
	bool two = err->total > 0;
	uint8_t viewed;

	buf_init(&n->view, VIEW_MOST);
	viewed = put_stream_words(n, o, two ? "stdout" : "");
	viewed |= put_stream_words(n, err, two ? "stderr" : "");
	if (kept == NULL || (viewed == 0 && o->sent + err->sent >= all))
		return viewed;
	if (n->view.len > 0)
		buf_put_str(&n->view, "; ");
	put_kept(&n->view, all, kept);
	if (two && o->total > 0) /* unlike the numbers in a stream's gaps */
		buf_put_str(&n->view, " of both streams, counted together");
	buf_printf(
	    &n->view, ", by view or cursor: job_output {\"job\": \"%s\"}", id);
	return viewed;
}
