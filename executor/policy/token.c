/* SPDX-License-Identifier: MIT */
/*
 * token: bearer tokens, as loaded from tokens.d/NAME.json.
 *
 * Runs in the executor and in mcp-execctl.  A proof comes from the frontend
 * and is not trusted: it is looked up in constant time and grants nothing
 * that the token's file does not.
 */
#include "executor/policy/token.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/beneath.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "executor/audit/loginuid.h"

#define KEYTABLE_MEMBER t
#include "executor/conf/keytable.h"

/* What is read before anything of it is looked at more closely. */
struct draft {
	struct token t;
	char policy[POLICY_MAX_NAME];
	const struct json_value *root;
	const struct json_value *verifier, *created, *expires, *sources;
};

static const struct key token_keys[] = {
	NEEDED("verifier", verifier,
	    "it comes from mcp-execctl token add; make the token anew"),
	{ "policy", KEYS_STRING, offsetof(struct draft, policy), 1,
	    POLICY_MAX_NAME, NULL, "name the policy that the token grants" },
	NEEDED(
	    "created", created, "say when, such as \"2026-01-01T00:00:00Z\""),
	VALUE("expires", expires),
	VALUE("sources", sources),
	STRING("directory", directory, 1),
	U32("timeout_max_ms", timeout_max_ms, 100, UINT32_MAX),
	U32("login_uid", login_uid, 1, 4294967294),
	STRING("comment", comment, 0),
	LAST,
};

void
token_free(struct token *t)
{
	if (t == NULL)
		return;
	policy_unref(t->policy);
	free(t);
}

/* Two digits at p; -1 if they are none. */
static int
two(const char *p)
{
	if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
		return -1;
	return (p[0] - '0') * 10 + (p[1] - '0');
}

/* "Z" or "+hh:mm" to seconds east; false for anything else. */
static bool
parse_zone(const char *p, long *east)
{
	int hours, minutes;

	*east = 0;
	if ((p[0] == 'Z' || p[0] == 'z') && p[1] == '\0')
		return true;
	if ((p[0] != '+' && p[0] != '-') || strlen(p) != 6 || p[3] != ':')
		return false;
	hours = two(p + 1);
	minutes = two(p + 4);
	if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
		return false;
	*east = (hours * 60L + minutes) * 60;
	if (p[0] == '-')
		*east = -*east;
	return true;
}

/* timegm() would turn 31 February into March: it must give back the same. */
static bool
to_seconds(const struct tm *asked, time_t *out)
{
	struct tm tm = *asked;

	*out = timegm(&tm);
	return tm.tm_year == asked->tm_year && tm.tm_mon == asked->tm_mon &&
	       tm.tm_mday == asked->tm_mday && tm.tm_hour == asked->tm_hour &&
	       tm.tm_min == asked->tm_min && tm.tm_sec == asked->tm_sec;
}

int
token_parse_time(struct bytes text, uint64_t *out, struct err *e)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd";
	const char *p;
	char s[48];
	struct tm tm = { 0 };
	time_t t;
	long east;

	if (text.len < sizeof(form) || bytes_to_str(text, s, sizeof(s), e) != 0)
		return err_set(
		    e, ERR_BAD, "is no time: write it as 2026-12-31T23:59:59Z");
	for (size_t i = 0; i < sizeof(form) - 1; i++) {
		bool digit = s[i] >= '0' && s[i] <= '9';

		if (form[i] == 'd' ? !digit : s[i] != form[i])
			return err_set(e, ERR_BAD,
			    "is no time: write it as 2026-12-31T23:59:59Z");
	}
	tm.tm_year = two(s) * 100 + two(s + 2) - 1900;
	tm.tm_mon = two(s + 5) - 1;
	tm.tm_mday = two(s + 8);
	tm.tm_hour = two(s + 11);
	tm.tm_min = two(s + 14);
	tm.tm_sec = two(s + 17);
	p = s + sizeof(form) - 1;
	if (*p == '.')
		p += 1 + strspn(p + 1, "0123456789");
	if (!parse_zone(p, &east))
		return err_set(
		    e, ERR_BAD, "needs a time zone at its end: Z or +hh:mm");
	if (!to_seconds(&tm, &t) || t - east < 0)
		return err_set(e, ERR_BAD, "is no time in the calendar");
	*out = (uint64_t)(t - east);
	return 0;
}

static void
read_time(const struct keys *k, const struct json_value *v, uint64_t *out)
{
	struct err e;

	if (v == NULL)
		return;
	if (!json_is(v, JSON_STRING))
		keys_complain(k, v,
		    "a time in quotes is needed here, such as \"2026-12-31T23:59:59Z\"");
	else if (token_parse_time(v->text, out, &e) != 0)
		keys_complain(k, v, "\"%s\" %s", log_text(v->text).s, e.what);
}

static void
read_verifier(const struct keys *k, const struct json_value *v, struct token *t)
{
	struct err e;

	if (v == NULL)
		return;
	if (!json_is(v, JSON_STRING) ||
	    digest_unhex(v->text, t->verifier, DIGEST_BYTES, &e) != 0)
		keys_complain(k, v,
		    "\"verifier\" must be %d hex digits in quotes: make the token anew with mcp-execctl token add",
		    2 * DIGEST_BYTES);
}

static void
read_source(const struct keys *k, const struct json_value *v, struct token *t)
{
	char *text = t->source_text[t->source_count];
	struct err e;

	if (!keys_string(k, v, 1, text, CIDR_TEXT))
		return;
	if (cidr_parse(v->text, &t->sources[t->source_count], &e) != 0)
		keys_complain(k, v, "\"%s\" %s", log_text(v->text).s, e.what);
	else
		t->source_count++;
}

static void
read_sources(
    const struct keys *k, const struct json_value *list, struct token *t)
{
	const struct json_value *v;

	if (list == NULL || !keys_array(k, list, "\"sources\""))
		return;
	/* An empty list could be meant as "nobody" or as "anybody". */
	if (list->count == 0 || list->count > TOKEN_MAX_SOURCES) {
		keys_complain(k, list,
		    "\"sources\" needs 1 to %d networks, such as \"10.0.0.0/8\"; leave it out to allow any",
		    TOKEN_MAX_SOURCES);
		return;
	}
	for (v = list->child; v != NULL; v = v->next)
		read_source(k, v, t);
}

/* "sub/dir" of "/srv/app/sub/dir" in "/srv/app"; NULL if it is elsewhere. */
static const char *
beneath(const char *directory, const char *of)
{
	size_t len = strlen(of);

	while (len > 1 && of[len - 1] == '/')
		len--;
	if (strncmp(directory, of, len) != 0)
		return NULL;
	directory += len;
	if (len > 1 && directory[0] != '/' && directory[0] != '\0')
		return NULL;
	directory += strspn(directory, "/");
	return directory[0] == '\0' ? "." : directory;
}

/* An unusual spelling is replaced by what the kernel calls the directory. */
static void
spell_out(char directory[PATH_MAX], int fd)
{
	size_t len = strlen(directory);
	char link[64];
	ssize_t n;

	if (strstr(directory, "/.") == NULL &&
	    strstr(directory, "//") == NULL && directory[len - 1] != '/')
		return;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, directory, PATH_MAX - 1);
	if (n > 0)
		directory[n] = '\0';
}

/* The name alone proves nothing (links, ".."): the kernel checks as well. */
static int
narrow_to_directory(struct token *t, struct err *e)
{
	struct policy *narrow;
	const char *rest;
	int fd;

	if (t->policy == NULL) /* its name was a finding already */
		return err_set(e, ERR_BAD, "the token has no policy");
	rest = beneath(t->directory, t->policy->directory);
	if (rest == NULL)
		return err_set(e, ERR_BAD,
		    "\"%s\" is not within %s, the directory of policy \"%s\"",
		    log_text(bytes_of(t->directory)).s, t->policy->directory,
		    t->policy->name);
	fd = beneath_open(
	    t->policy->dir_fd, rest, BENEATH_LINKS | BENEATH_DIRECTORY);
	if (fd == -1 && errno == EXDEV)
		return err_set(e, ERR_BAD,
		    "\"%s\" leads out of %s, the directory of policy \"%s\"",
		    log_text(bytes_of(t->directory)).s, t->policy->directory,
		    t->policy->name);
	if (fd == -1)
		return err_set(e, ERR_BAD,
		    "the directory \"%s\" cannot be used: %s",
		    log_text(bytes_of(t->directory)).s, strerror(errno));
	spell_out(t->directory, fd);
	if (policy_narrow(t->policy, t->directory, fd, &narrow, e) != 0)
		return e->code;
	policy_unref(t->policy);
	t->policy = narrow;
	return 0;
}

/* A token may narrow what its policy grants and never widen it. */
static int
check_time(const struct token *t, struct err *e)
{
	if (t->policy == NULL || t->timeout_max_ms <= t->policy->timeout_max_ms)
		return 0;
	return err_set(e, ERR_BAD,
	    "\"timeout_max_ms\" is above the %u of policy \"%s\"",
	    t->policy->timeout_max_ms, t->policy->name);
}

static int
bind_policy(struct token *t, const char *name,
    const struct policy_table *policies, struct err *e)
{
	struct policy *p = policy_find(policies, bytes_of(name));

	if (p == NULL)
		return err_set(e, ERR_BAD,
		    "there is no policy \"%s\": create policies.d/%s.json, or name another",
		    log_text(bytes_of(name)).s, log_text(bytes_of(name)).s);
	t->policy = policy_ref(p);
	return 0;
}

static void
read_policy(
    const struct keys *k, struct draft *d, const struct policy_table *policies)
{
	struct err e;

	if (d->policy[0] == '\0')
		return;
	if (bind_policy(&d->t, d->policy, policies, &e) != 0) {
		keys_complain(k, json_get(d->root, "policy"), "%s", e.what);
		return;
	}
	if (check_time(&d->t, &e) != 0)
		keys_complain(
		    k, json_get(d->root, "timeout_max_ms"), "%s", e.what);
	if (d->t.directory[0] != '\0' && narrow_to_directory(&d->t, &e) != 0)
		keys_complain(k, json_get(d->root, "directory"), "%s", e.what);
}

/* Else the kernel's audit would take its runs for somebody's. */
static void
read_login_uid(const struct keys *k, struct draft *d)
{
	if (d->t.login_uid == 0)
		d->t.login_uid = loginuid_of(d->t.name);
	else if (!loginuid_reserved(d->t.login_uid))
		keys_complain(k, json_get(d->root, "login_uid"),
		    "\"login_uid\" must be in the range that mcp-execd.json reserves (audit.login_uid_first to login_uid_last)");
}

static void
read_root(const struct keys *k, const struct json_value *root,
    const struct policy_table *policies, struct draft *d)
{
	d->root = root;
	keys_read(k, root, token_keys, d);
	read_verifier(k, d->verifier, &d->t);
	read_time(k, d->created, &d->t.created);
	read_time(k, d->expires, &d->t.expires);
	read_sources(k, d->sources, &d->t);
	read_policy(k, d, policies);
	read_login_uid(k, d);
}

struct token *
token_parse(const char *path, const char *name, struct bytes text,
    const struct policy_table *policies, struct conf_report *r)
{
	struct keys k = { path, text, r };
	unsigned before = r->count;
	struct json_doc *doc;
	struct draft *d;
	struct token *t;
	struct err e;

	if (keys_parse(path, text, &doc, r, &e) != 0)
		return NULL;
	d = calloc(1, sizeof(*d));
	t = calloc(1, sizeof(*t));
	if (d == NULL || t == NULL) {
		keys_complain(&k, NULL, "no memory");
	} else {
		(void)snprintf(d->t.name, sizeof(d->t.name), "%s", name);
		read_root(&k, json_root(doc), policies, d);
		*t = d->t;
	}
	json_free(doc);
	free(d);
	if (r->count == before)
		return t;
	token_free(t);
	return NULL;
}

struct loader {
	const struct policy_table *policies;
	const struct token_table *old;
	struct token_table *out;
	struct conf_report *report;
};

/* The token as it was before its file went bad, within today's policies. */
static struct token *
keep_old(const struct loader *l, const char *name)
{
	const struct token *old;
	struct token *t;
	struct err e;

	if (l->old == NULL)
		return NULL;
	old = token_find(l->old, bytes_of(name));
	t = old == NULL ? NULL : malloc(sizeof(*t));
	if (t == NULL)
		return NULL;
	*t = *old;
	t->policy = NULL;
	if (bind_policy(t, old->policy->name, l->policies, &e) == 0 &&
	    check_time(t, &e) == 0 &&
	    (t->directory[0] == '\0' || narrow_to_directory(t, &e) == 0))
		return t;
	token_free(t);
	return NULL;
}

/* Two tokens that the kernel's audit could not tell apart. */
static bool
shares_login(const struct loader *l, const char *path, const struct token *t)
{
	for (size_t i = 0; i < l->out->count; i++) {
		if (l->out->t[i]->login_uid != t->login_uid)
			continue;
		keys_complain_path(l->report, path,
		    "its audit login uid %u is that of token \"%s\": give one of them a \"login_uid\" of its own",
		    (unsigned)t->login_uid, l->out->t[i]->name);
		return true;
	}
	return false;
}

/* Two names for one secret would make the audit ambiguous. */
static bool
is_duplicate(const struct loader *l, const char *path, const struct token *t)
{
	for (size_t i = 0; i < l->out->count; i++) {
		if (!bytes_eq_secret(
			l->out->t[i]->verifier, t->verifier, DIGEST_BYTES))
			continue;
		keys_complain_path(l->report, path,
		    "has the verifier of token \"%s\": make one of them anew with mcp-execctl token add",
		    l->out->t[i]->name);
		return true;
	}
	return false;
}

static bool
load_file(void *arg, const char *path, struct bytes name)
{
	struct loader *l = arg;
	CLEANUP_BUF struct buf text;
	char plain[POLICY_MAX_NAME];
	struct token *t = NULL;
	struct err e;

	buf_init(&text, KEYS_MAX_FILE);
	if (!policy_name_ok(name) ||
	    bytes_to_str(name, plain, sizeof(plain), &e) != 0) {
		keys_complain_path(l->report, path,
		    "a token's name is 1 to 63 of A-Z a-z 0-9 _ . - : rename the file");
		return true;
	}
	if (l->out->count == TOKEN_MAX_TOKENS) {
		keys_complain_path(l->report, path,
		    "more than %d tokens: revoke some", TOKEN_MAX_TOKENS);
		return false;
	}
	if (keys_read_file(path, &text, l->report))
		t = token_parse(
		    path, plain, buf_bytes(&text), l->policies, l->report);
	if (t == NULL)
		t = keep_old(l, plain);
	if (t != NULL && (is_duplicate(l, path, t) || shares_login(l, path, t)))
		token_free(t);
	else if (t != NULL)
		l->out->t[l->out->count++] = t;
	return true;
}

int
token_load_dir(const char *dir, const struct policy_table *policies,
    const struct token_table *old, struct token_table *out,
    struct conf_report *r, struct err *e)
{
	struct loader l = { policies, old, out, r };

	out->count = 0;
	return keys_each_file(dir, load_file, &l, e);
}

void
token_table_fini(struct token_table *t)
{
	for (size_t i = 0; i < t->count; i++)
		token_free(t->t[i]);
	t->count = 0;
}

struct token *
token_find(const struct token_table *t, struct bytes name)
{
	for (size_t i = 0; i < t->count; i++)
		if (bytes_eq_str(name, t->t[i]->name))
			return t->t[i];
	return NULL;
}

static bool
source_ok(const struct token *t, struct bytes peer)
{
	for (size_t i = 0; i < t->source_count; i++)
		if (cidr_match(&t->sources[i], peer))
			return true;
	return t->source_count == 0;
}

enum token_verdict
token_check(const struct token_table *t, const uint8_t proof[DIGEST_BYTES],
    struct bytes peer, uint64_t now_s, const struct token **out)
{
	uint8_t verifier[DIGEST_BYTES];
	const struct token *found = NULL;

	bearer_verifier(proof, verifier);
	/* Every token is compared, so time does not tell which one it was. */
	for (size_t i = 0; i < t->count; i++)
		if (bytes_eq_secret(t->t[i]->verifier, verifier, DIGEST_BYTES))
			found = t->t[i];
	if (found == NULL)
		return TOKEN_UNKNOWN;
	*out = found;
	if (found->expires != 0 && now_s >= found->expires)
		return TOKEN_EXPIRED;
	return source_ok(found, peer) ? TOKEN_OK : TOKEN_WRONG_SOURCE;
}
