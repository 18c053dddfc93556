/* SPDX-License-Identifier: MIT */
/* token_list: show the tokens, as a table or as JSON. */
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "executor/ctl/audit/auditarg.h"
#include "executor/ctl/token/lastuse.h"

#define VERB "token list"

enum {
	MAX_OUTPUT = 4 << 20,
	USE_TEXT = CLOCK_MAX_TEXT + 16,
	MAX_SOURCES = TOKEN_MAX_SOURCES * (CIDR_TEXT + 1)
};

struct asked {
	bool json, used;
};

/* What is shown: with `use`, when each was last used. */
struct list {
	const struct token_table *t;
	const struct lastuse *use; /* NULL: that was not asked for */
};

static const struct cmdline_option options[] = {
	CMDLINE_FLAG(0, "used", struct asked, used,
	    "also when each was last used, by the audit log; that read is recorded"),
	CMDLINE_FLAG(0, "json", struct asked, json,
	    "an array of objects instead of a table"),
	CMDLINE_LAST
};

static const struct ctl_verb verb = {
	.name = VERB,
	.about =
	    "Shows each token's name, policy, times, sources, state and comment. The state is \"active\" or \"expired\".",
	.options = options,
	.more =
	    "Exit status: 1 if a file of a token or a policy is bad; tokens of the others are shown anyway.",
};

static const char *
state_of(const struct token *t)
{
	uint64_t now = clock_wall_us() / 1000000;

	return t->expires != 0 && now >= t->expires ? "expired" : "active";
}

/* "2026-11-22T10:11:12Z", or `never` for 0. */
static void
format_time(uint64_t seconds, const char *never, char out[CLOCK_MAX_TEXT])
{
	if (seconds == 0) {
		(void)snprintf(out, CLOCK_MAX_TEXT, "%s", never);
		return;
	}
	clock_format(seconds * 1000000, out);
	memcpy(out + strcspn(out, "."), "Z", sizeof("Z"));
}

static void
join_sources(const struct token *t, char out[MAX_SOURCES])
{
	size_t len = 0;

	(void)snprintf(out, MAX_SOURCES, "any");
	for (size_t i = 0; i < t->source_count; i++)
		len += (size_t)snprintf(out + len, MAX_SOURCES - len, "%s%s",
		    i > 0 ? "," : "", t->source_text[i]);
}

/*
 * "2026-11-22T10:11:12Z", "never", or what the log does not tell: whether it
 * was used before the first record that is still there.
 */
static void
format_use(const struct list *l, size_t i, char out[USE_TEXT])
{
	uint64_t first = l->use->first;

	out[0] = '\0';
	if (l->use->used[i] != 0)
		format_time(l->use->used[i], "", out);
	else if (first != 0 && first <= l->t->t[i]->created)
		(void)snprintf(out, USE_TEXT, "never");
	else if (first == 0)
		(void)snprintf(out, USE_TEXT, "unknown: log empty");
	else {
		(void)snprintf(out, USE_TEXT, "not since ");
		format_time(first, "", out + strlen(out));
	}
}

static void
put_row(struct buf *b, const struct list *l, size_t i)
{
	const struct token *t = l->t->t[i];
	char created[CLOCK_MAX_TEXT], expires[CLOCK_MAX_TEXT], used[USE_TEXT];
	char sources[MAX_SOURCES];

	format_time(t->created, "-", created);
	format_time(t->expires, "never", expires);
	join_sources(t, sources);
	buf_printf(b, "%-20s %-16s %-20s  %-20s  ", t->name, t->policy->name,
	    created, expires);
	if (l->use != NULL) {
		format_use(l, i, used);
		buf_printf(b, "%-30s  ", used);
	}
	buf_printf(b, "%-8s %-18s %s\n", state_of(t), sources,
	    log_text(bytes_of(t->comment)).s);
}

static void
put_table(struct buf *b, const struct list *l)
{
	buf_printf(b, "%-20s %-16s %-20s  %-20s  ", "NAME", "POLICY", "CREATED",
	    "EXPIRES");
	if (l->use != NULL)
		buf_printf(b, "%-30s  ", "LAST USED");
	buf_printf(b, "%-8s %-18s %s\n", "STATE", "SOURCES", "COMMENT");
	for (size_t i = 0; i < l->t->count; i++)
		put_row(b, l, i);
}

static void
put_sources(struct buf *b, const struct token *t)
{
	json_put_key(b, "sources");
	buf_put_u8(b, '[');
	for (size_t i = 0; i < t->source_count; i++) {
		if (i > 0)
			buf_put_u8(b, ',');
		json_put_string(b, bytes_of(t->source_text[i]));
	}
	buf_put_u8(b, ']');
}

/* With "unused_since", nothing before that is known. */
static void
put_use(struct buf *b, const struct list *l, size_t i)
{
	uint64_t created = l->t->t[i]->created, first = l->use->first;
	char text[CLOCK_MAX_TEXT];

	if (l->use->used[i] == 0 && first == 0)
		return;
	format_time(l->use->used[i] != 0 ? l->use->used[i]
		    : first > created    ? first
					 : created,
	    "", text);
	json_put_member(b, l->use->used[i] != 0 ? "last_used" : "unused_since",
	    bytes_of(text));
}

static void
put_object(struct buf *b, const struct list *l, size_t i)
{
	const struct token *t = l->t->t[i];
	char text[CLOCK_MAX_TEXT];

	buf_put_u8(b, '{');
	json_put_member(b, "name", bytes_of(t->name));
	json_put_member(b, "policy", bytes_of(t->policy->name));
	format_time(t->created, "", text);
	json_put_member(b, "created", bytes_of(text));
	if (t->expires != 0) {
		format_time(t->expires, "", text);
		json_put_member(b, "expires", bytes_of(text));
	}
	if (l->use != NULL)
		put_use(b, l, i);
	json_put_member(b, "state", bytes_of(state_of(t)));
	put_sources(b, t);
	json_put_member(b, "directory",
	    bytes_of(
		t->directory[0] != '\0' ? t->directory : t->policy->directory));
	json_put_member_i64(b, "timeout_max_ms",
	    t->timeout_max_ms != 0 ? t->timeout_max_ms
				   : t->policy->timeout_max_ms);
	json_put_member(b, "comment", bytes_of(t->comment));
	buf_put_u8(b, '}');
}

static void
put_json(struct buf *b, const struct list *l)
{
	buf_put_u8(b, '[');
	for (size_t i = 0; i < l->t->count; i++) {
		buf_put_str(b, i > 0 ? ",\n " : "");
		put_object(b, l, i);
	}
	buf_put_str(b, "]\n");
}

static int
list_tokens(struct ctl *c, const struct lastuse *use, bool as_json)
{
	const struct list l = { &c->tokens, use };
	CLEANUP_BUF struct buf out;
	int status;

	buf_init(&out, MAX_OUTPUT);
	if (as_json)
		put_json(&out, &l);
	else
		put_table(&out, &l);
	if (!as_json && c->tokens.count == 0)
		(void)fprintf(stderr,
		    "There is no token yet: %s token add NAME --policy POLICY\n",
		    ctl_self(c));
	if (out.overflow)
		return ctl_error("the list is too long");
	status = ctl_print(buf_bytes(&out));
	return c->report.count > 0 ? CTL_FAILED : status;
}

static int
list_with_uses(struct ctl *c, bool as_json)
{
	const char *log = auditarg_log(c, NULL);
	struct lastuse use;
	struct err e;
	int status;

	if (log == NULL) { /* who has access is shown anyway */
		(void)list_tokens(c, NULL, as_json);
		return CTL_FAILED;
	}
	status = lastuse_read(&use, &c->tokens, log, &e) != 0
		     ? ctl_error("audit log: %s", e.what)
		     : CTL_OK;
	if (list_tokens(c, status == CTL_OK ? &use : NULL, as_json) != CTL_OK)
		status = CTL_FAILED;
	if (use.damaged > 0)
		(void)ctl_error(
		    "lines that are not records: %llu; see mcp-execctl audit verify",
		    (unsigned long long)use.damaged);
	lastuse_fini(&use);
	return status;
}

int
token_list_run(struct ctl *c, int argc, char **argv)
{
	struct asked asked = { false, false };
	int status;

	if (ctl_options(&verb, &asked, argc, argv, &status) == NULL)
		return status;
	if (!ctl_load_conf(c) || !ctl_load_good_policies(c) ||
	    !ctl_load_tokens(c))
		return CTL_FAILED;
	return asked.used ? list_with_uses(c, asked.json)
			  : list_tokens(c, NULL, asked.json);
}
