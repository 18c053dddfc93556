/* SPDX-License-Identifier: MIT */
/*
 * token_add: make a token.
 *
 * The token is printed once and stored nowhere; its file holds the verifier.
 * What narrows it is checked by the code that will load the file.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/fdio.h"
#include "common/json.h"
#include "common/log.h"
#include "executor/ctl/token/client_config.h"
#include "executor/ctl/ctl.h"
#include "executor/ctl/token/token_force.h"
#include "executor/audit/loginuid.h"
#include "executor/conf/keys.h"

#define VERB "token add"

struct options {
	const char *policy, *directory, *expires, *timeout_max, *comment;
	const char *from[TOKEN_MAX_SOURCES];
	size_t from_count;
	enum { AS_POLICY, STRUCTURED, TEXT_ONLY } results;
};

static int
set_from(void *at, const char *text, struct err *e)
{
	struct options *o = at;

	if (o->from_count == TOKEN_MAX_SOURCES)
		return err_set(e, ERR_BAD, "--from may be given %d times",
		    TOKEN_MAX_SOURCES);
	o->from[o->from_count++] = text;
	return 0;
}

static const struct cmdline_option options[] = {
	CMDLINE_NEEDED(0, "policy", "POLICY", struct options, policy,
	    "what the token grants: policies.d/POLICY.json"),
	CMDLINE_TEXT(0, "directory", "DIR", struct options, directory,
	    "narrows it to a directory within the policy's"),
	CMDLINE_TEXT(0, "expires", "WHEN", struct options, expires,
	    "30d, 12h, 90m, 2w, or 2026-12-31T23:59:59Z"),
	CMDLINE_SET_EACH(0, "from", "CIDR", set_from,
	    "where it may be used from, such as 10.0.0.0/8"),
	CMDLINE_TEXT(0, "timeout-max", "MS", struct options, timeout_max,
	    "narrows the time that a run may take"),
	CMDLINE_VALUE(0, "structured", struct options, results, STRUCTURED,
	    "results have structuredContent in addition to text, whatever the policy says"),
	CMDLINE_VALUE(0, "no-structured", struct options, results, TEXT_ONLY,
	    "text only, whatever the policy says"),
	CMDLINE_TEXT(0, "comment", "TEXT", struct options, comment,
	    "a remark, shown by token list"),
	CMDLINE_LAST
};

static const struct ctl_verb verb = {
	.name = VERB,
	.operands = "NAME",
	.about =
	    "Creates a token, prints it once, and stores only a hash of it. Where mcp-execd runs, the token is in force when this ends.",
	.options = options,
};

static uint64_t
unit_seconds(uint8_t letter)
{
	static const struct {
		uint8_t letter;
		uint32_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 },
		{ 'w', 604800 } };

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (units[i].letter == letter)
			return units[i].seconds;
	return 0;
}

/* "30d" from now on, or a time as it is. */
static int
parse_expiry(const char *text, uint64_t now_s, uint64_t *out, struct err *e)
{
	struct bytes b = bytes_of(text);
	uint64_t n, unit = b.len > 1 ? unit_seconds(b.p[b.len - 1]) : 0;
	struct err none;

	if (unit > 0 && bytes_to_u64(bytes_make(b.p, b.len - 1), 1, 1000000, &n,
			    &none) == 0) {
		*out = now_s + n * unit;
		return 0;
	}
	if (token_parse_time(b, out, &none) != 0)
		return err_set(e, ERR_BAD,
		    "--expires: write it as 30d, 12h, 90m or 2026-12-31T23:59:59Z");
	if (*out <= now_s)
		return err_set(e, ERR_BAD, "--expires: that time has passed");
	return 0;
}

static void
put_line(struct buf *b, const char *key, const char *value)
{
	if (value == NULL)
		return;
	buf_printf(b, ",\n  \"%s\": ", key);
	json_put_string(b, bytes_of(value));
}

/* RFC 3339 in whole seconds. */
static void
put_time(struct buf *b, const char *key, uint64_t seconds)
{
	char text[CLOCK_MAX_TEXT];

	clock_format(seconds * 1000000, text);
	memcpy(text + strcspn(text, "."), "Z", sizeof("Z"));
	put_line(b, key, text);
}

/* By its option, as no file has a line that could be named. */
static int
check_text(const char *option, const char *text, struct err *e)
{
	if (text == NULL)
		return 0;
	if (text[0] == '\0')
		return err_set(e, ERR_BAD,
		    "--%s is empty: give it a value, or leave it out", option);
	for (; *text != '\0'; text++)
		if ((uint8_t)*text < ' ' || *text == 0x7f)
			return err_set(e, ERR_BAD,
			    "--%s holds a control character: remove it",
			    option);
	return 0;
}

static int
check_texts(const struct options *o, struct err *e)
{
	for (size_t i = 0; i < o->from_count; i++)
		if (check_text("from", o->from[i], e) != 0)
			return e->code;
	if (check_text("policy", o->policy, e) != 0 ||
	    check_text("directory", o->directory, e) != 0)
		return e->code;
	return 0;
}

static int
write_json(const struct options *o, const uint8_t verifier[DIGEST_BYTES],
    uint32_t login_uid, struct buf *b, struct err *e)
{
	uint64_t now = clock_wall_us() / 1000000, expires, ms;
	char hex[DIGEST_HEX];

	digest_hex(verifier, DIGEST_BYTES, hex);
	buf_printf(b, "{\n  \"verifier\": \"%s\"", hex);
	put_line(b, "policy", o->policy);
	put_time(b, "created", now);
	if (o->expires != NULL) {
		if (parse_expiry(o->expires, now, &expires, e) != 0)
			return e->code;
		put_time(b, "expires", expires);
	}
	for (size_t i = 0; i < o->from_count; i++) {
		buf_put_str(b, i == 0 ? ",\n  \"sources\": [" : ", ");
		json_put_string(b, bytes_of(o->from[i]));
	}
	if (o->from_count > 0)
		buf_put_u8(b, ']');
	put_line(b, "directory", o->directory);
	if (o->timeout_max != NULL) {
		if (bytes_to_u64(
			bytes_of(o->timeout_max), 100, UINT32_MAX, &ms, e) != 0)
			return err_set(e, ERR_BAD,
			    "--timeout-max: a number of milliseconds from 100 on is needed");
		buf_printf(b, ",\n  \"timeout_max_ms\": %" PRIu64, ms);
	}
	if (login_uid != 0)
		buf_printf(b, ",\n  \"login_uid\": %" PRIu32, login_uid);
	if (o->results != AS_POLICY)
		buf_printf(b, ",\n  \"structured\": %s",
		    o->results == STRUCTURED ? "true" : "false");
	put_line(b, "comment", o->comment);
	buf_put_str(b, "\n}\n");
	return 0;
}

/* Findings without a position: the file is not written yet. */
static void
print_findings(struct conf_report *r)
{
	char *save, *line, *text;
	CLEANUP_STR char *all = strdup(buf_cstr(&r->text));

	for (line = all == NULL ? NULL : strtok_r(all, "\n", &save);
	     line != NULL; line = strtok_r(NULL, "\n", &save)) {
		text = strstr(line, ": ");
		(void)ctl_error("%s", text == NULL ? line : text + 2);
	}
}

/*
 * Among all others: one token too many would not be in force, nor one whose
 * login uid another has.  What is wrong with the others is not said here.
 */
static bool
load_others(struct ctl *c)
{
	struct conf_report r;
	struct err e;
	int rc;

	conf_report_init(&r);
	rc = tokendir_load(
	    c->conf.token_dir, &c->policies, NULL, &c->tokens, &r, &e);
	conf_report_fini(&r);
	/* that it is not there is said when the file is written */
	if (rc == 0 || e.sysno == ENOENT)
		return true;
	(void)ctl_error("%s", e.what);
	return false;
}

static bool
has_room(struct ctl *c, const char *name)
{
	if (c->tokens.count < TOKEN_MAX_TOKENS ||
	    token_find(&c->tokens, bytes_of(name)) != NULL)
		return true;
	(void)ctl_error(
	    "there are %d tokens, which is the most: revoke one that is not needed (%s token list shows them)",
	    TOKEN_MAX_TOKENS, ctl_self(c));
	return false;
}

/* 0: that of its name is free; else a free one to write down. */
static uint32_t
login_uid_for(const struct ctl *c, const char *name)
{
	uint32_t first = loginuid_of(name), uid = first;

	do {
		const struct token *other = token_find_login(&c->tokens, uid);

		if (other == NULL || strcmp(other->name, name) == 0)
			return uid == first ? 0 : uid;
		uid = loginuid_reserved(uid + 1) ? uid + 1
						 : c->conf.login_uid_first;
	} while (uid != first);
	return 0;
}

/* Report now what the executor would report about this file. */
static bool
is_acceptable(struct ctl *c, const char *name, struct bytes json)
{
	struct token *t =
	    token_parse("new", name, json, &c->policies, &c->report);

	if (t == NULL)
		print_findings(&c->report);
	token_free(t);
	return t != NULL;
}

/* How to use it; with UNIX sockets alone there is no address for most. */
static void
put_client(const struct ctl *c, const char *name, struct buf *out)
{
	struct client_config w = { .name = name };
	struct err e;

	if (client_config_url(
		&c->conf, NULL, false, w.url, sizeof(w.url), &e) != 0) {
		buf_printf(out, "Server: %s\n\n", e.what);
		return;
	}
	buf_printf(out,
	    "Server: %s\n\n"
	    "Claude Code (.mcp.json, with the token in the environment as MCP_TOKEN):\n\n",
	    w.url);
	/* the token has been made: what is missing here does not matter to it */
	if (client_config_write(c->config, "claude-code", &w, out, &e) != 0)
		buf_printf(out, "%s\n", e.what);
	buf_put_u8(out, '\n');
}

static int
print_token(
    const struct ctl *c, const char *name, const char *policy, const char *text)
{
	struct buf out;
	int status;

	buf_init(&out, 16384);
	buf_printf(&out,
	    "Token \"%s\", which grants policy \"%s\":\n\n"
	    "    %s\n\n"
	    "It is shown this once and stored nowhere: give it to the client now.\n",
	    name, policy, text);
	put_client(c, name, &out);
	buf_printf(&out,
	    "Other clients: %s client-config %s --client CLIENT, see --help there\n"
	    "To end it: %s token revoke %s\n",
	    ctl_self(c), name, ctl_self(c), name);
	status = ctl_print_buf(&out);
	buf_wipe(&out);
	return status;
}

/* Its file could not be written. */
static int
refuse_file(const struct ctl *c, const char *name, const char *path,
    const struct err *e)
{
	struct stat st;

	if (e->sysno == 0 && lstat(path, &st) == 0)
		return ctl_error(
		    "there is a token \"%s\": choose another name, or end it first by %s token revoke %s",
		    name, ctl_self(c), name);
	return ctl_error("%s%s", e->what,
	    c->instance != NULL && e->sysno == ENOENT
		? ": its unit makes it when it starts"
		: "");
}

static int
add_token(struct ctl *c, const char *name, const struct options *o)
{
	CLEANUP_BUF struct buf json;
	uint8_t verifier[DIGEST_BYTES];
	char text[BEARER_TEXT], path[PATH_MAX];
	enum token_force force;
	struct err e;
	int status;

	buf_init(&json, KEYS_MAX_FILE);
	if (!load_others(c) || !has_room(c, name))
		return CTL_FAILED;
	bearer_make(text, verifier);
	if (check_texts(o, &e) != 0 ||
	    write_json(o, verifier, login_uid_for(c, name), &json, &e) != 0)
		return ctl_error("%s", e.what);
	if (json.overflow)
		return ctl_error("that is too long for a token's file");
	if (!is_acceptable(c, name, buf_bytes(&json)))
		return CTL_FAILED;
	if (ctl_token_path(c, name, path, &e) != 0)
		return ctl_error("%s", e.what);
	if (fdio_write_file(path, 0600, buf_bytes(&json), true, &e) != 0)
		return refuse_file(c, name, path, &e);
	force = token_force_wait(c, name, &e);
	status = print_token(c, name, o->policy, text);
	explicit_bzero(text, sizeof(text));
	if (status != CTL_OK) /* nobody has it */
		return unlink(path) == -1
			   ? ctl_error(
				 "%s: remove it: %s", path, strerror(errno))
			   : ctl_error("so the token was removed again");
	if (force == TOKEN_NOT_IN_FORCE)
		return ctl_error(
		    "the token is not in force: see %s check", ctl_self(c));
	if (force == TOKEN_LATE)
		(void)fprintf(
		    stderr, "The token may not be in force yet: %s\n", e.what);
	return status;
}

int
token_add_run(struct ctl *c, int argc, char **argv)
{
	struct options o = { .from_count = 0 };
	const char *name;
	int status;
	char **operands = ctl_options(&verb, &o, argc, argv, &status);

	if (operands == NULL)
		return status;
	name = ctl_name(VERB, operands);
	if (name == NULL)
		return CTL_USAGE;
	if (!ctl_load_conf(c) || !ctl_load_policies(c))
		return CTL_FAILED;
	return add_token(c, name, &o);
}
