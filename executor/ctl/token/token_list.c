/* SPDX-License-Identifier: MIT */
/* token_list: show the tokens, as a table or as JSON. */
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "executor/ctl/ctl.h"

#define VERB "token list"

enum {
	MAX_OUTPUT = 4 << 20,
	MAX_SOURCES = TOKEN_MAX_SOURCES * (CIDR_TEXT + 1)
};

static const struct cmdline_option options[] = { CTL_JSON(
    "an array of objects instead of a table") };

static const struct ctl_verb verb = {
	.name = VERB,
	.about =
	    "Shows each token's name, policy, times, sources, state and comment. The state is \"active\" or \"expired\".",
	.options = options,
	.more =
	    "Exit status: 1 if a token's file is bad; the others are shown anyway.",
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

static void
put_row(struct buf *b, const struct token *t)
{
	char created[CLOCK_MAX_TEXT], expires[CLOCK_MAX_TEXT];
	char sources[MAX_SOURCES];

	format_time(t->created, "-", created);
	format_time(t->expires, "never", expires);
	join_sources(t, sources);
	buf_printf(b, "%-20s %-16s %-20s  %-20s  %-8s %-18s %s\n", t->name,
	    t->policy->name, created, expires, state_of(t), sources,
	    log_text(bytes_of(t->comment)).s);
}

static void
put_table(struct buf *b, const struct token_table *t)
{
	buf_printf(b, "%-20s %-16s %-20s  %-20s  %-8s %-18s %s\n", "NAME",
	    "POLICY", "CREATED", "EXPIRES", "STATE", "SOURCES", "COMMENT");
	for (size_t i = 0; i < t->count; i++)
		put_row(b, t->t[i]);
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

static void
put_object(struct buf *b, const struct token *t)
{
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
put_json(struct buf *b, const struct token_table *t)
{
	buf_put_u8(b, '[');
	for (size_t i = 0; i < t->count; i++) {
		buf_put_str(b, i > 0 ? ",\n " : "");
		put_object(b, t->t[i]);
	}
	buf_put_str(b, "]\n");
}

static int
list_tokens(struct ctl *c, bool as_json)
{
	CLEANUP_BUF struct buf out;
	int status;

	buf_init(&out, MAX_OUTPUT);
	if (as_json)
		put_json(&out, &c->tokens);
	else
		put_table(&out, &c->tokens);
	if (!as_json && c->tokens.count == 0)
		(void)fprintf(stderr,
		    "There is no token yet: %s token add NAME --policy POLICY\n",
		    ctl_self(c));
	if (out.overflow)
		return ctl_error("the list is too long");
	status = ctl_print(buf_bytes(&out));
	return c->report.count > 0 ? CTL_FAILED : status;
}

int
token_list_run(struct ctl *c, int argc, char **argv)
{
	struct ctl_json as = { false };
	int status;

	if (ctl_options(&verb, &as, argc, argv, &status) == NULL)
		return status;
	if (!ctl_load_conf(c) || !ctl_load_policies(c) || !ctl_load_tokens(c))
		return CTL_FAILED;
	return list_tokens(c, as.json);
}
