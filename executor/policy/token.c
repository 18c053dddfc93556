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
#include "common/path.h"
#include "executor/audit/loginuid.h"

#define KEYTABLE_MEMBER t
#include "executor/conf/keytable.h"

/* A token with room for all that its file may say. */
struct wide {
	struct token head;
	char directory[PATH_MAX];
	char comment[256];
	struct cidr sources[TOKEN_MAX_SOURCES];
	char source_text[TOKEN_MAX_SOURCES][CIDR_TEXT];
};

/* Values as read, before they are checked. */
struct draft {
	struct wide t;
	char policy[POLICY_MAX_NAME];
	const struct json_value *root;
	const struct json_value *verifier, *created, *expires, *sources;
	const struct json_value *structured;
};

static const struct key token_keys[] = {
	NEEDED("verifier", verifier,
	    "it comes from mcp-execctl token add; create the token again"),
	{ "policy", KEYS_STRING, offsetof(struct draft, policy), 1,
	    POLICY_MAX_NAME, NULL, "name the policy that the token grants" },
	NEEDED(
	    "created", created, "say when, such as \"2026-01-01T00:00:00Z\""),
	VALUE("expires", expires),
	VALUE("sources", sources),
	STRING("directory", directory, 1),
	U32("timeout_max_ms", head.timeout_max_ms, 100, UINT32_MAX),
	U32("login_uid", head.login_uid, 1, 4294967294),
	VALUE("structured", structured),
	STRING("comment", comment, 0),
	LAST,
};

struct token *
token_ref(struct token *t)
{
	t->refs++;
	return t;
}

static void
drop_policies(struct token *t)
{
	policy_unref(t->policy);
	policy_unref(t->whole);
}

void
token_free(struct token *t)
{
	if (t == NULL || --t->refs > 0)
		return;
	drop_policies(t);
	free(t);
}

/*
 * In one piece, and no larger than it is: there are many, and a run's fork
 * pays for all memory.  Takes over the references to the policies.
 */
static struct token *
pack_token(const struct token *head, const char *directory, const char *comment,
    const struct cidr *sources, const char source_text[][CIDR_TEXT])
{
	size_t texts = head->source_count * sizeof(source_text[0]);
	size_t nets = head->source_count * sizeof(sources[0]);
	size_t dir = strlen(directory) + 1, words = strlen(comment) + 1;
	struct token *t = malloc(sizeof(*t) + texts + nets + dir + words);
	char *p;

	if (t == NULL)
		return NULL;
	*t = *head;
	t->refs = 1;
	p = (char *)(t + 1);
	t->source_text = (char(*)[CIDR_TEXT])(void *)p;
	memcpy(p, source_text, texts);
	p += texts;
	t->sources = (struct cidr *)(void *)p;
	memcpy(p, sources, nets);
	p += nets;
	t->directory = memcpy(p, directory, dir);
	t->comment = memcpy(p + dir, comment, words);
	return t;
}

/* Two digits at p; -1 if they are none. */
static int
two_digits(const char *p)
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
	hours = two_digits(p + 1);
	minutes = two_digits(p + 4);
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
		return err_set(e, ERR_BAD,
		    "is not a valid time; use RFC 3339, such as 2026-12-31T23:59:59Z");
	for (size_t i = 0; i < sizeof(form) - 1; i++) {
		bool digit = s[i] >= '0' && s[i] <= '9';

		if (form[i] == 'd' ? !digit : s[i] != form[i])
			return err_set(e, ERR_BAD,
			    "is not a valid time; use RFC 3339, such as 2026-12-31T23:59:59Z");
	}
	tm.tm_year = two_digits(s) * 100 + two_digits(s + 2) - 1900;
	tm.tm_mon = two_digits(s + 5) - 1;
	tm.tm_mday = two_digits(s + 8);
	tm.tm_hour = two_digits(s + 11);
	tm.tm_min = two_digits(s + 14);
	tm.tm_sec = two_digits(s + 17);
	p = s + sizeof(form) - 1;
	if (*p == '.')
		p += 1 + strspn(p + 1, "0123456789");
	if (!parse_zone(p, &east))
		return err_set(
		    e, ERR_BAD, "needs a time zone at its end: Z or +hh:mm");
	if (!to_seconds(&tm, &t) || t - east < 0)
		return err_set(e, ERR_BAD, "is not a time in the calendar");
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
		    "must be a time in quotes, such as \"2026-12-31T23:59:59Z\"");
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
		    "\"verifier\" must be %d hex digits in quotes: create the token again with mcp-execctl token add",
		    2 * DIGEST_BYTES);
}

static void
read_source(const struct keys *k, const struct json_value *v, struct wide *t)
{
	size_t n = t->head.source_count;
	char *text = t->source_text[n];
	struct err e;

	if (!keys_string(k, v, 1, text, CIDR_TEXT))
		return;
	if (cidr_parse(v->text, &t->sources[n], &e) != 0)
		keys_complain(k, v, "\"%s\" %s", log_text(v->text).s, e.what);
	else
		t->head.source_count++;
}

static void
read_sources(
    const struct keys *k, const struct json_value *list, struct wide *t)
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

static int
refuse_directory(
    const struct token *t, const char *directory, int error, struct err *e)
{
	if (error == EXDEV)
		return err_set(e, ERR_BAD,
		    "\"%s\" leads out of %s, the directory of policy \"%s\"",
		    log_text(bytes_of(directory)).s, t->policy->directory,
		    t->policy->name);
	return err_set(e, ERR_BAD, "the directory \"%s\" cannot be used: %s",
	    log_text(bytes_of(directory)).s, strerror(error));
}

/* The name alone proves nothing (links, ".."): the kernel checks as well. */
static int
narrow_to_directory(struct token *t, char directory[PATH_MAX], struct err *e)
{
	struct policy *narrow;
	const char *rest;
	int fd;

	rest = path_below(directory, t->policy->directory);
	if (rest == NULL)
		return err_set(e, ERR_BAD,
		    "\"%s\" is not within %s, the directory of policy \"%s\"",
		    log_text(bytes_of(directory)).s, t->policy->directory,
		    t->policy->name);
	fd = beneath_open(t->policy->dir_fd, rest[0] != '\0' ? rest : ".",
	    BENEATH_LINKS | BENEATH_DIRECTORY);
	if (fd == -1)
		return refuse_directory(t, directory, errno, e);
	spell_out(directory, fd);
	if (policy_narrow(t->policy, directory, fd, &narrow, e) != 0)
		return e->code;
	policy_unref(t->policy);
	t->policy = narrow;
	return 0;
}

/* A token may narrow what its policy grants and never widen it. */
static int
check_time(const struct token *t, struct err *e)
{
	if (t->timeout_max_ms <= t->policy->timeout_max_ms)
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
	t->whole = policy_ref(p);
	return 0;
}

static void
read_policy(
    const struct keys *k, struct draft *d, const struct policy_table *policies)
{
	struct token *t = &d->t.head;
	struct err e;

	if (d->policy[0] == '\0')
		return;
	if (bind_policy(t, d->policy, policies, &e) != 0) {
		keys_complain(k, json_get(d->root, "policy"), "%s", e.what);
		return;
	}
	if (check_time(t, &e) != 0)
		keys_complain(
		    k, json_get(d->root, "timeout_max_ms"), "%s", e.what);
	if (d->t.directory[0] != '\0' &&
	    narrow_to_directory(t, d->t.directory, &e) != 0)
		keys_complain(k, json_get(d->root, "directory"), "%s", e.what);
}

static void
read_structured(const struct keys *k, struct draft *d)
{
	if (d->structured == NULL)
		return;
	if (d->structured->type != JSON_BOOL)
		keys_complain(
		    k, d->structured, "\"structured\" must be true or false");
	d->t.head.has_structured = true;
	d->t.head.structured = d->structured->boolean;
}

bool
token_structured(const struct token *t)
{
	return t->has_structured ? t->structured : t->policy->structured;
}

/* Otherwise auditd would attribute its runs to a real user. */
static void
read_login_uid(const struct keys *k, struct draft *d)
{
	struct token *t = &d->t.head;

	if (t->login_uid == 0)
		t->login_uid = loginuid_of(t->name);
	else if (!loginuid_reserved(t->login_uid))
		keys_complain(k, json_get(d->root, "login_uid"),
		    "\"login_uid\" must be in the range that mcp-execd.json reserves (audit.login_uid_first to login_uid_last)");
}

static void
read_root(const struct keys *k, const struct json_value *root,
    const struct policy_table *policies, struct draft *d)
{
	d->root = root;
	keys_read(k, root, token_keys, d);
	read_verifier(k, d->verifier, &d->t.head);
	read_time(k, d->created, &d->t.head.created);
	read_time(k, d->expires, &d->t.head.expires);
	read_sources(k, d->sources, &d->t);
	read_policy(k, d, policies);
	read_login_uid(k, d);
	read_structured(k, d);
}

struct token *
token_parse(const char *path, const char *name, struct bytes text,
    const struct policy_table *policies, struct conf_report *r)
{
	struct keys k = { path, text, r, "mcp-execd-token(5)" };
	unsigned before = r->count;
	struct token *t = NULL;
	struct json_doc *doc;
	struct draft d;
	struct err e;

	if (keys_parse(path, text, &doc, r, &e) != 0)
		return NULL;
	memset(&d, 0, sizeof(d));
	(void)snprintf(d.t.head.name, sizeof(d.t.head.name), "%s", name);
	read_root(&k, json_root(doc), policies, &d);
	json_free(doc);
	if (r->count == before) {
		t = pack_token(&d.t.head, d.t.directory, d.t.comment,
		    d.t.sources, (const char(*)[CIDR_TEXT])d.t.source_text);
		if (t == NULL)
			keys_complain(&k, NULL, "out of memory");
	}
	if (t == NULL)
		drop_policies(&d.t.head);
	return t;
}

struct token *
token_rebind(const struct token *old, const struct policy_table *policies)
{
	struct token head = *old, *t = NULL;
	char directory[PATH_MAX];
	struct err e;

	head.policy = head.whole = NULL;
	(void)snprintf(directory, sizeof(directory), "%s", old->directory);
	if (bind_policy(&head, old->policy->name, policies, &e) == 0 &&
	    head.policy != NULL && check_time(&head, &e) == 0 &&
	    (directory[0] == '\0' ||
		narrow_to_directory(&head, directory, &e) == 0))
		t = pack_token(&head, directory, old->comment, old->sources,
		    (const char(*)[CIDR_TEXT])old->source_text);
	if (t == NULL)
		drop_policies(&head);
	return t;
}

/* --- the table -------------------------------------------------------- */

static struct bytes
verifier_of(const struct token *t)
{
	return bytes_make(t->verifier, sizeof(t->verifier));
}

static struct bytes
login_of(const struct token *t)
{
	return bytes_make(&t->login_uid, sizeof(t->login_uid));
}

int
token_table_index(struct token_table *table, size_t i, struct err *e)
{
	const struct token *t = table->t[i];

	if (hashindex_add(&table->by_verifier, verifier_of(t), i, e) != 0 ||
	    hashindex_add(&table->by_name, bytes_of(t->name), i, e) != 0)
		return e->code;
	return hashindex_add(&table->by_login, login_of(t), i, e);
}

int
token_table_add(struct token_table *table, struct token *t, struct err *e)
{
	if (table->count == TOKEN_MAX_TOKENS)
		return err_set(
		    e, ERR_BUSY, "more than %d tokens", TOKEN_MAX_TOKENS);
	table->t[table->count] = t;
	if (token_table_index(table, table->count, e) != 0)
		return e->code;
	table->count++;
	return 0;
}

void
token_table_unindex(struct token_table *table)
{
	hashindex_clear(&table->by_verifier);
	hashindex_clear(&table->by_name);
	hashindex_clear(&table->by_login);
}

void
token_table_fini(struct token_table *t)
{
	for (size_t i = 0; i < t->count; i++)
		token_free(t->t[i]);
	t->count = 0;
	hashindex_fini(&t->by_verifier);
	hashindex_fini(&t->by_name);
	hashindex_fini(&t->by_login);
}

struct token *
token_find(const struct token_table *t, struct bytes name)
{
	struct hashindex_walk w = hashindex_find(&t->by_name, name);
	size_t i;

	while (hashindex_next(&w, &i))
		if (i < t->count && bytes_eq_str(name, t->t[i]->name))
			return t->t[i];
	return NULL;
}

/*
 * Verifiers are digests, and where one is looked for depends on a random key
 * of this process: the time tells nothing of another token's.  What is
 * compared at last is compared in constant time.
 */
struct token *
token_find_verifier(
    const struct token_table *t, const uint8_t verifier[DIGEST_BYTES])
{
	struct hashindex_walk w =
	    hashindex_find(&t->by_verifier, bytes_make(verifier, DIGEST_BYTES));
	size_t i;

	while (hashindex_next(&w, &i))
		if (i < t->count &&
		    bytes_eq_secret(t->t[i]->verifier, verifier, DIGEST_BYTES))
			return t->t[i];
	return NULL;
}

struct token *
token_find_login(const struct token_table *t, uint32_t login_uid)
{
	struct hashindex_walk w = hashindex_find(
	    &t->by_login, bytes_make(&login_uid, sizeof(login_uid)));
	size_t i;

	while (hashindex_next(&w, &i))
		if (i < t->count && t->t[i]->login_uid == login_uid)
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
	const struct token *found;

	bearer_verifier(proof, verifier);
	found = token_find_verifier(t, verifier);
	if (found == NULL)
		return TOKEN_UNKNOWN;
	*out = found;
	if (found->expires != 0 && now_s >= found->expires)
		return TOKEN_EXPIRED;
	return source_ok(found, peer) ? TOKEN_OK : TOKEN_WRONG_SOURCE;
}

const struct key *
token_key_table(void)
{
	return token_keys;
}
