/* SPDX-License-Identifier: MIT */
/*
 * test_schema_defaults: a key that is left out is its documented default.
 *
 * For each key of packaging/schema that has a "default": a file without the key
 * and one that says the default load alike, in every field of what the program
 * works with; one with another value does not.  A key without a default stands
 * in `derived`, with the reason; so a new key cannot be forgotten here.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <pwd.h>
#include <cmocka.h>

#include "common/caps.h"
#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/json.h"
#include "executor/conf/conf.h"
#include "executor/policy/facts.h"

enum { PATH = 160, TEXT = 1024 };

/* Another value of a key whose type does not give one away. */
struct other {
	const char *key, *value;
};

static const struct other others[] = {
	{ "mcp-execd.listen", "[\"127.0.0.1:8002\"]" },
	{ "mcp-execd.unix_socket.mode", "\"0600\"" },
	{ "mcp-execd.policy_dir", "\"p\"" },
	{ "mcp-execd.token_dir", "\"t\"" },
	{ "mcp-execd.tool_dir", "\"o\"" },
	{ "mcp-execd.audit.file", "\"/tmp/other.jsonl\"" },
	{ "mcp-execd.audit.journal_socket", "\"/tmp/j\"" },
	{ "mcp-execd.audit.syslog_socket", "\"/tmp/s\"" },
	{ "mcp-execd.recordings.directory", "\"/tmp/r\"" },
	{ "mcp-execd.public_url", "\"https://example.com/mcp\"" },
	{ "mcp-execd.cgroup", "\"off\"" },
	{ "mcp-execd.allowed_hosts", "[\"example.com\"]" },
	{ "mcp-execd.allowed_origins", "[\"https://example.com\"]" },
	{ "mcp-execd.ignored_arguments", "[]" },
	{ "mcp-execd.trusted_proxies", "[\"10.0.0.1\"]" },
	{ "mcp-execd.penalties.exempt", "[\"10.0.0.1\"]" },
	{ "mcp-execd.audit.login_uid_last", "2147483646" },
	{ "mcp-execd.audit.rotate_seconds", "86400" },
	{ "mcp-execd.limits.stream_ms", "60000" },
	{ "policy.description", "\"x\"" },
	{ "policy.groups", "[12345]" },
	{ "policy.capabilities", "[\"cap_net_raw\"]" },
	{ "policy.tools", "[\"cli_command\"]" },
	{ "policy.shell", "\"/bin/bash\"" },
	{ "policy.environment.allow", "[\"CI\"]" },
	{ "policy.umask", "\"0022\"" },
	{ "policy.files.read", "[\"/usr\"]" },
	{ "policy.syscalls.allow", "[\"@debug\"]" },
	{ "policy.syscalls.deny", "[\"getppid\"]" },
	{ "policy.limits.open_files", "512" },
	{ "policy.limits.core_bytes", "4096" },
	{ "token.comment", "\"x\"" },
};

/* Keys that have no default in the schema: why, or what stands for it. */
static const struct other derived[] = {
	{ "mcp-execd.unix_socket.group", "as it is made" },
	{ "mcp-execd.tls.certificate", "no TLS" },
	{ "mcp-execd.tls.key", "no TLS" },
	{ "mcp-execd.control", "by the user: test_ctl" },
	{ "mcp-execd.audit.seal_state", "next to the log: test_paths" },
	{ "mcp-execd.audit.redact", "no rule" },
	{ "mcp-execd.audit.redact_key", "next to the log: test_paths" },
	{ "mcp-execd.frontend.group", "that of the user: test_conf" },
	{ "policy.user", "required of root: test_policy" },
	{ "policy.group", "that of the account: test_policy" },
	{ "policy.directory", "required: test_policy" },
	{ "policy.environment.set", "none" },
	{ "policy.files.write", "none" },
	{ "policy.files.hide", "none" },
	{ "policy.files.protect", "none" },
	{ "policy.programs", "not set: everything that can be read" },
	{ "policy.unix_sockets", "none of others" },
	{ "policy.audit.output_bytes", "by audit.output: test_output_bytes" },
	{ "policy.limits.cpu_percent", "not set" },
	{ "policy.limits.file_size_bytes", "not set" },
	{ "policy.limits.processes", "not set" },
	{ "policy.limits.memory_bytes", "not set" },
	{ "policy.limits.cpu_seconds", "not set" },
	{ "policy.limits.stack_bytes", "not set" },
	{ "policy.limits.locked_bytes", "not set" },
	{ "policy.posture", "the configuration's" },
	{ "policy.require", "none" },
	{ "policy.disable", "none" },
	{ "token.verifier", "required: test_token" },
	{ "token.policy", "required: test_token" },
	{ "token.created", "required: test_token" },
	{ "token.expires", "never: test_token" },
	{ "token.sources", "any: test_token" },
	{ "token.directory", "the policy's: test_token" },
	{ "token.timeout_max_ms", "the policy's: test_token" },
	{ "token.login_uid", "a hash of the name: test_token" },
	{ "token.structured", "as the policy says: test_token" },
};

static const char *
find_row(const struct other *row, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(row[i].key, key) == 0)
			return row[i].value;
	return NULL;
}

#define FIND(table, key)                                                       \
	find_row(table, sizeof(table) / sizeof((table)[0]), key)

/* --- the three kinds of file ------------------------------------------------ */

/* What was loaded; NULL with why in said[]. */
struct loaded {
	struct conf *conf;
	struct policy *policy;
	struct token *token;
};

static char dir[64], said[4096];
static struct policy_table policies;

/* Root also has to name whose the frontend is. */
static const char *
base_of(const char *kind)
{
	static char text[512];

	if (strcmp(kind, "mcp-execd") == 0)
		(void)snprintf(text, sizeof(text),
		    "\"frontend\":{\"path\":\"/bin/true\"%s}",
		    caps_can_change_ids() ? ",\"user\":64123" : "");
	else if (strcmp(kind, "policy") == 0)
		(void)snprintf(text, sizeof(text),
		    "\"user\":%u,\"group\":%u,\"directory\":\"/tmp\"",
		    (unsigned)geteuid(), (unsigned)getegid());
	else
		(void)snprintf(text, sizeof(text),
		    "\"verifier\":\"%064d\",\"policy\":\"p\",\"created\":\"2026-01-01T00:00:00Z\"",
		    1);
	return text;
}

static struct conf *
load_conf(const char *text, struct conf_report *r)
{
	struct conf *c = calloc(1, sizeof(*c));
	char path[96];
	FILE *f;
	struct err e;

	assert_non_null(c);
	(void)snprintf(path, sizeof(path), "%s/c.json", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	(void)fputs(text, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0600), 0);
	if (conf_load(path, c, r, &e) == 0)
		return c;
	free(c);
	return NULL;
}

static bool
load(const char *kind, const char *text, struct loaded *out)
{
	struct conf_report r;
	struct err e;

	memset(out, 0, sizeof(*out));
	conf_report_init(&r);
	if (strcmp(kind, "mcp-execd") == 0)
		out->conf = load_conf(text, &r);
	else if (strcmp(kind, "token") == 0)
		out->token =
		    token_parse("t", "t", bytes_of(text), &policies, &r);
	else if (policy_parse(
		     "p", "p", bytes_of(text), NULL, &out->policy, &r, &e) != 0)
		out->policy = NULL;
	(void)snprintf(said, sizeof(said), "%s", buf_cstr(&r.text));
	conf_report_fini(&r);
	return out->conf != NULL || out->policy != NULL || out->token != NULL;
}

static void
unload(struct loaded *l)
{
	free(l->conf);
	policy_unref(l->policy);
	token_free(l->token);
}

/* --- alike, in every field -------------------------------------------------- */

static void
note_line(void *arg, const char *text)
{
	buf_put_str(arg, text);
	buf_put_u8(arg, '\n');
}

/* What is owned by pointers: as people are told of it. */
static void
describe(const struct policy *p, struct buf *out)
{
	struct facts f = { .policy = p, .reader = FACTS_PEOPLE };

	for (int t = 0; t < FACTS_TOPICS; t++)
		facts_tell(&f, (enum facts_topic)t, note_line, out);
	facts_tell_paths(&f, note_line, out);
	for (size_t i = 0; i < p->env_count; i++)
		note_line(out, p->env[i]);
	for (size_t i = 0; i < p->env_allowed_count; i++)
		note_line(out, p->env_allowed[i]);
}

static bool
is_pointer(uint64_t word)
{
	return word >= 1ULL << 32 && word < 1ULL << 48;
}

/* All plain fields; an address is an address. */
static bool
words_alike(const void *a, const void *b, size_t size)
{
	for (size_t i = 0; i + 8 <= size; i += 8) {
		uint64_t x, y;

		memcpy(&x, (const char *)a + i, 8);
		memcpy(&y, (const char *)b + i, 8);
		if (x != y && !(is_pointer(x) && is_pointer(y)))
			return false;
	}
	return true;
}

static bool
policies_alike(struct policy *a, struct policy *b)
{
	CLEANUP_BUF struct buf x, y;
	int fd = b->dir_fd;
	bool alike;

	buf_init(&x, 1 << 20);
	buf_init(&y, 1 << 20);
	describe(a, &x);
	describe(b, &y);
	b->dir_fd = a->dir_fd;
	/* of the text, which is not the same */
	memcpy(b->text_digest, a->text_digest, sizeof(b->text_digest));
	alike = words_alike(a, b, sizeof(*a)) &&
		strcmp(buf_cstr(&x), buf_cstr(&y)) == 0;
	b->dir_fd = fd;
	return alike;
}

static bool
alike(const struct loaded *a, const struct loaded *b)
{
	if (a->conf != NULL) {
		/* of the text, which is not the same */
		memcpy(b->conf->text_digest, a->conf->text_digest,
		    sizeof(b->conf->text_digest));
		return memcmp(a->conf, b->conf, sizeof(*a->conf)) == 0;
	}
	if (a->policy != NULL)
		return policies_alike(a->policy, b->policy);
	return words_alike(a->token, b->token, sizeof(*a->token)) &&
	       strcmp(a->token->comment, b->token->comment) == 0;
}

/* --- a key of the schema ---------------------------------------------------- */

/*
 * The whole file's text with "a.b": value; next to it, members of the same
 * object that the file has to have.
 */
static void
put_file(struct buf *b, const char *kind, const char *key, const char *value)
{
	const char *dot = strchr(key, '.'), *base = base_of(kind);

	buf_put_u8(b, '{');
	if (strncmp(key, "jobs.", 5) == 0 && value == NULL)
		buf_printf(b, "%s,\"jobs\":{}", base);
	else if (value == NULL)
		buf_put_str(b, base);
	else if (dot != NULL)
		buf_printf(b, "%s,\"%.*s\":{\"%s\":%s}", base, (int)(dot - key),
		    key, dot + 1, value);
	else
		buf_printf(b, "%s,\"%s\":%s", base, key, value);
	buf_put_u8(b, '}');
}

static bool
load_key(
    const char *kind, const char *key, const char *value, struct loaded *out)
{
	CLEANUP_BUF struct buf text;

	buf_init(&text, 8192);
	put_file(&text, kind, key, value);
	return load(kind, buf_cstr(&text), out);
}

/* Another value than that, as its type has them; false: it has to be named. */
static bool
other_than(
    const struct json_value *schema, const char *now, char *out, size_t size)
{
	const struct json_value *v = json_get(schema, "enum");
	int64_t n;

	if (v == NULL && (v = json_get(schema, "default")) != NULL) {
		if (v->type == JSON_BOOL)
			(void)snprintf(
			    out, size, "%s", v->boolean ? "false" : "true");
		else if (json_to_i64(v, &n))
			(void)snprintf(
			    out, size, "%lld", (long long)n + (n > 0 ? -1 : 1));
		return v->type == JSON_BOOL || v->type == JSON_NUMBER;
	}
	for (v = v == NULL ? NULL : v->child; v != NULL; v = v->next) {
		(void)snprintf(
		    out, size, "\"%.*s\"", (int)v->text.len, v->text.p);
		if (strcmp(out, now) != 0)
			return true;
	}
	return false;
}

/* A value that this machine or user cannot have is not a control. */
static bool
is_refused_here(const char *words)
{
	return strstr(words, "privilege") != NULL ||
	       strstr(words, "root") != NULL ||
	       strstr(words, "is not available") != NULL;
}

static const char *
default_text(const struct json_value *v)
{
	static char text[TEXT];
	CLEANUP_BUF struct buf now;

	buf_init(&now, sizeof(text));
	json_put_value(&now, json_get(v, "default"));
	(void)snprintf(text, sizeof(text), "%s", buf_cstr(&now));
	return text;
}

/* The frontend, and whose it is: its package brings both. */
static void
check_installed(const char *key, const char *now)
{
	bool path = strcmp(key, "frontend.path") == 0;
	char text[256], word[128];
	struct loaded l;

	(void)snprintf(
	    word, sizeof(word), "%.*s", (int)strlen(now) - 2, now + 1);
	(void)snprintf(text, sizeof(text), "{\"frontend\":{%s}}",
	    path ? "\"user\":64123" : "\"path\":\"/bin/true\"");
	/* below the prefix of this build */
	if (path)
		memmove(word, strstr(word, "/libexec/"),
		    strlen(strstr(word, "/libexec/")) + 1);
	if (!path && !caps_can_change_ids())
		return; /* it stays the user's own */
	if (load("mcp-execd", text, &l)) {
		if (path)
			assert_non_null(strstr(l.conf->frontend_path, word));
		else
			assert_int_equal(
			    l.conf->frontend_uid, getpwnam(word)->pw_uid);
		unload(&l);
	} else if (strstr(said, word) == NULL) {
		fail_msg("%s: not %s: %s", key, word, said);
	}
}

static void
check_default(const char *kind, const char *key, const struct json_value *v)
{
	const char *now = default_text(v), *named;
	char full[PATH], another[TEXT];
	struct loaded absent, explicit_, control;

	(void)snprintf(full, sizeof(full), "%s.%s", kind, key);
	if (!load_key(kind, key, NULL, &absent))
		fail_msg("%s left out: %s", full, said);
	if (!load_key(kind, key, now, &explicit_)) {
		/* only root may say it, even as it is */
		if (caps_can_change_ids() || !is_refused_here(said))
			fail_msg("%s as by default: %s", full, said);
		unload(&absent);
		return;
	}
	if (!alike(&absent, &explicit_))
		fail_msg("%s: left out it is not %s", full, now);
	named = FIND(others, full);
	if (named != NULL)
		(void)snprintf(another, sizeof(another), "%s", named);
	else if (!other_than(v, now, another, sizeof(another)))
		fail_msg("%s: name another value in `others`", full);
	if (load_key(kind, key, another, &control)) {
		if (alike(&absent, &control))
			fail_msg("%s: %s makes no difference", full, another);
		unload(&control);
	} else if (!is_refused_here(said)) {
		fail_msg("%s: %s: %s", full, another, said);
	}
	unload(&absent);
	unload(&explicit_);
}

static unsigned
walk(const char *kind, const char *prefix, const struct json_value *schema)
{
	const struct json_value *v = json_get(schema, "properties");
	char key[PATH - 32], full[PATH];
	unsigned n = 0;

	for (v = v == NULL ? NULL : v->child; v != NULL; v = v->next) {
		if (bytes_eq_str(v->key, "$schema"))
			continue;
		(void)snprintf(key, sizeof(key), "%s%s%.*s", prefix,
		    prefix[0] != '\0' ? "." : "", (int)v->key.len, v->key.p);
		(void)snprintf(full, sizeof(full), "%s.%s", kind, key);
		if (strncmp(full, "mcp-execd.frontend.", 19) == 0 &&
		    json_get(v, "default") != NULL) {
			check_installed(key, default_text(v));
			n++;
		} else if (json_get(v, "default") != NULL) {
			check_default(kind, key, v);
			n++;
		} else if (json_get(v, "properties") != NULL) {
			n += walk(kind, key, v);
		} else if (FIND(derived, full) == NULL) {
			fail_msg(
			    "%s has no default: say why in `derived`", full);
		}
	}
	return n;
}

static void
check_schema(const char *kind, unsigned least)
{
	CLEANUP_BUF struct buf text = { 0 };
	struct json_doc *doc;
	char path[PATH];
	struct err e;

	(void)snprintf(
	    path, sizeof(path), "packaging/schema/%s.schema.json", kind);
	buf_init(&text, 1 << 20);
	assert_int_equal(fdio_read_file(path, false, &text, &e), 0);
	assert_int_equal(json_parse(buf_bytes(&text), 0, &doc, &e), 0);
	assert_true(walk(kind, "", json_root(doc)) >= least);
	json_free(doc);
}

static void
test_configuration(void **state)
{
	(void)state;
	check_schema("mcp-execd", 50);
}

static void
test_policy(void **state)
{
	(void)state;
	check_schema("policy", 35);
}

static void
test_token(void **state)
{
	(void)state;
	check_schema("token", 1);
}

/* What is not a value of the schema: files next to the log. */
static void
test_paths(void **state)
{
	struct loaded l;

	(void)state;
	assert_true(
	    load_key("mcp-execd", "audit.file", "\"/tmp/l.jsonl\"", &l));
	assert_string_equal(l.conf->audit_seal_state, "/tmp/seal.state");
	assert_string_equal(l.conf->redact_key, "/tmp/redact.key");
	assert_int_equal(l.conf->redact_count, 0);
	assert_string_equal(l.conf->tls_certificate, "");
	unload(&l);
}

static void
test_output_bytes(void **state)
{
	static const struct {
		const char *output;
		uint32_t bytes;
	} rows[] = { { "\"off\"", 0 }, { "\"tail\"", 65536 },
		{ "\"all\"", 67108864 } };
	struct loaded l;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(
		    load_key("policy", "audit.output", rows[i].output, &l));
		assert_int_equal(l.policy->output_max, rows[i].bytes);
		unload(&l);
	}
}

static int
setup(void **state)
{
	struct loaded l;
	struct err e;

	(void)state;
	(void)strcpy(dir, "/tmp/test_schema_defaults.XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_true(load_key("policy", "umask", NULL, &l));
	assert_int_equal(policy_table_add(&policies, l.policy, &e), 0);
	return 0;
}

static int
teardown(void **state)
{
	char path[96];

	(void)state;
	policy_table_fini(&policies);
	(void)snprintf(path, sizeof(path), "%s/c.json", dir);
	(void)unlink(path);
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_configuration),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_token),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_output_bytes),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
