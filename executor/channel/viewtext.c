/* SPDX-License-Identifier: MIT */
/* viewtext: made from the policy as it was loaded, not from its file. */
#include "executor/channel/viewtext.h"

#include <string.h>

#include "common/cleanup.h"

enum {
	MAX_PLACES = 8, /* that are named; exec://policy has them all */
	MAX_PLACES_BYTES = 160,
	MAX_SENTENCE = 1024
};

static const char last[] = "The whole policy: resource exec://policy.";

static bool
has_mounts(const struct policy *p)
{
	return (p->confine.layers & CONFINE_MOUNTS) != 0;
}

static void
put_place(const struct token *t, struct buf *out)
{
	const struct policy *p = t->policy;
	const char *slash = strrchr(p->shell, '/');
	const char *shell = slash != NULL ? slash + 1 : p->shell;

	/* by its name: scanners of tools take a path for an attack */
	if (policy_offers(p, BYTES_LIT("exec_cmd")))
		buf_printf(out, "Shell: %s%s. ", shell,
		    strcmp(shell, "sh") == 0 ? " (POSIX)" : "");
	buf_printf(
	    out, "Commands start in %s as user %s. ", p->directory, p->user);
}

static void
put_time(const struct token *t, struct buf *out)
{
	const struct policy *p = t->policy;
	uint32_t most = p->timeout_max_ms, usual = p->timeout_ms;

	if (t->timeout_max_ms != 0 && t->timeout_max_ms < most)
		most = t->timeout_max_ms;
	if (usual > most)
		usual = most;
	buf_printf(out,
	    "Time limit: %u ms%s, with timeout_ms up to %u ms; background processes end with the command. ",
	    usual, p->jobs.offered ? " unless the call becomes a job" : "",
	    most);
}

static void
put_processes(const struct token *t, struct buf *out)
{
	const struct confine *c = &t->policy->confine;

	if ((c->layers & CONFINE_PIDS) == 0)
		return;
	buf_put_str(out,
	    c->processes
		? "ps, top and /proc show the machine's processes; only the command's own can be signalled, by the ids that the shell gives ($$, $!). "
		: "ps and top show the command's own processes, never the machine's. ");
}

/* "a, b and 3 more" */
static void
put_paths(
    const struct policy *p, bool (*has)(enum mounts_kind), struct buf *out)
{
	const struct mounts *m = &p->confine.mounts;
	size_t i, n = 0, more = 0, from = out->len;

	for (i = 0; i < m->count; i++)
		if (!has(m->op[i].kind) ||
		    !confine_shows(&p->confine, &m->op[i]))
			continue;
		else if (n < MAX_PLACES &&
			 out->len - from + strlen(m->op[i].path) <=
			     MAX_PLACES_BYTES)
			buf_printf(
			    out, "%s%s", n++ == 0 ? "" : ", ", m->op[i].path);
		else
			more++;
	if (more > 0)
		buf_printf(out, n == 0 ? "%zu places" : " and %zu more", more);
	else if (n == 0)
		buf_put_str(out, "none");
}

static bool
is_read(enum mounts_kind kind)
{
	return kind == MOUNTS_READ;
}

static bool
is_shown(enum mounts_kind kind)
{
	return is_read(kind) || mounts_is_writable(kind);
}

static void
put_files(const struct token *t, struct buf *out)
{
	const struct policy *p = t->policy;

	if ((p->confine.layers & CONFINE_WALLS) == 0)
		return;
	if (has_mounts(p) && p->confine.mounts.whole_root) {
		buf_put_str(out,
		    "The machine's files are shown, except for hidden places (permission denied may mean that); /tmp and /dev are the command's own. Can be written: ");
		put_paths(p, mounts_is_writable, out);
		buf_put_str(out, ". ");
		return;
	}
	buf_put_str(out, "In view of the machine's files: ");
	put_paths(p, is_shown, out);
	buf_put_str(out, "; others may exist. ");
}

static void
put_programs(const struct token *t, struct buf *out)
{
	if (!t->policy->confine.listed_programs)
		return;
	buf_printf(out, "Only these programs run: %s. ", t->policy->programs);
}

static void
put_network(const struct token *t, struct buf *out)
{
	const struct policy *p = t->policy;
	static const char *const words[] = {
		[CONFINE_NONE] = "There is no network, not even 127.0.0.1. ",
		[CONFINE_LOOPBACK] =
		    "The network is an empty 127.0.0.1 of the command's own. ",
		[CONFINE_LOOK] =
		    "ss and ip show the machine's network; nothing can be connected to. ",
		[CONFINE_HOST] = "The network is the machine's. ",
	};

	buf_put_str(out, words[p->confine.network]);
}

static void
put_services(const struct token *t, struct buf *out)
{
	const struct policy *p = t->policy;

	if (!p->confine.sockets && !p->any_socket)
		buf_put_str(out,
		    "Services behind UNIX sockets (D-Bus, systemctl, containers, databases) are not reached. ");
}

static void
put_jobs(const struct token *t, struct buf *out)
{
	const struct policy_jobs *j = &t->policy->jobs;

	if (!j->offered)
		return;
	buf_printf(out,
	    "A call is answered after %u ms at most; then it is a job: %u at once, each %u s at most, its output kept %u s. ",
	    j->wait_ms, j->at_once, j->max_seconds, j->keep_seconds);
}

/* What is put into out as a whole if there is room for it, or left out. */
static void
put_sentence(void (*put)(const struct token *, struct buf *),
    const struct token *t, struct buf *out)
{
	CLEANUP_BUF struct buf text;

	buf_init(&text, MAX_SENTENCE);
	put(t, &text);
	if (!text.overflow &&
	    out->len + text.len + sizeof(last) <= VIEWTEXT_MAX)
		buf_put_bytes(out, buf_bytes(&text));
}

void
viewtext_write(const struct token *t, struct buf *out)
{
	/* the most needed first */
	static void (*const put[])(const struct token *,
	    struct buf *) = { put_place, put_time, put_programs, put_files,
		put_network, put_processes, put_services, put_jobs };

	for (size_t i = 0; i < sizeof(put) / sizeof(put[0]); i++)
		put_sentence(put[i], t, out);
	buf_put_str(out, last);
}

void
viewtext_brief(const struct policy *p, struct buf *out)
{
	buf_printf(
	    out, "Runs in %s, %u ms at most.", p->directory, p->timeout_ms);
	if ((p->confine.layers & CONFINE_PIDS) != 0 && !p->confine.processes)
		buf_put_str(out, " Sees its own processes only.");
	if ((p->confine.layers & CONFINE_WALLS) != 0 &&
	    !p->confine.mounts.whole_root)
		buf_put_str(out, " Sees a part of the machine's files.");
	if (p->confine.network == CONFINE_NONE ||
	    p->confine.network == CONFINE_LOOPBACK)
		buf_put_str(out, " No network.");
	else if (p->confine.network == CONFINE_LOOK)
		buf_put_str(out, " Connects to nothing.");
}
