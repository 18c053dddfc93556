/* SPDX-License-Identifier: MIT */
/* store: load, reload and swap of what is configured.  Executor. */
#include "executor/policy/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "executor/conf/conf_fixed.h"
#include "executor/conf/keys.h"
#include "executor/audit/loginuid.h"
#include "executor/confine/confine_load.h"
#include "executor/confine/filtercache.h"
#include "executor/confine/ownpaths.h"
#include "executor/policy/policydir.h"

static int
load_certificate(const struct conf *c, struct certificate *out,
    struct conf_report *r, struct err *e)
{
	if (certificate_load(c, out, e) == 0)
		return 0;
	keys_complain_path(r, c->path, "%s", e->what);
	return err_set(e, ERR_BAD, "invalid TLS configuration");
}

static int
load_policies(const struct conf *c, struct tooldef_table *tools,
    struct policy_table *policies, struct conf_report *r, struct err *e)
{
	int rc = tooldef_load_dir(c->tool_dir, tools, r, e);

	confine_load_posture(c->posture);
	return rc != 0 ? rc
		       : policydir_load(c->policy_dir, tools, policies, r, e);
}

int
store_load_conf(
    struct store *s, const char *path, struct conf_report *r, struct err *e)
{
	if (conf_load(path, &s->conf, r, e) != 0)
		return e->code;
	ownpaths_set(&s->conf);
	loginuid_reserve(s->conf.login_uid_first, s->conf.login_uid_last);
	if (load_certificate(&s->conf, &s->certificate, r, e) != 0)
		return e->code;
	return cgroup_setup(s->conf.cgroup, e);
}

int
store_load_rest(struct store *s, struct conf_report *r, struct err *e)
{
	if (load_policies(&s->conf, &s->tools, &s->policies, r, e) != 0)
		return e->code;
	return tokendir_load(
	    s->conf.token_dir, &s->policies, NULL, &s->tokens, r, e);
}

int
store_load(
    struct store *s, const char *path, struct conf_report *r, struct err *e)
{
	if (store_load_conf(s, path, r, e) != 0)
		return e->code;
	return store_load_rest(s, r, e);
}

/* Without it from the start, there is no capability for it any more. */
static bool
keep_kernel_off(struct conf *fresh, const struct conf *old)
{
	if (strcmp(old->audit_kernel, "off") != 0 ||
	    strcmp(fresh->audit_kernel, "off") == 0)
		return false;
	log_warn(
	    "reload: audit.kernel was off at the start, so mcp-execd gave its capability for that away: it stays off until the next restart");
	memcpy(
	    fresh->audit_kernel, old->audit_kernel, sizeof(old->audit_kernel));
	return true;
}

/* What a reload does not change. */
static void
take_fixed(struct conf *fresh, const struct conf *old)
{
	memcpy(fresh->listen, old->listen, sizeof(old->listen));
	fresh->listen_count = old->listen_count;
	fresh->socket_mode = old->socket_mode;
	fresh->socket_gid = old->socket_gid;
	memcpy(fresh->audit_file, old->audit_file, sizeof(old->audit_file));
	memcpy(fresh->audit_seal_state, old->audit_seal_state,
	    sizeof(old->audit_seal_state));
	memcpy(fresh->audit_seal, old->audit_seal, sizeof(old->audit_seal));
	memcpy(fresh->token_dir, old->token_dir, sizeof(old->token_dir));
	memcpy(fresh->control, old->control, sizeof(old->control));
	memcpy(fresh->recordings_dir, old->recordings_dir,
	    sizeof(old->recordings_dir));
	memcpy(fresh->frontend_path, old->frontend_path,
	    sizeof(old->frontend_path));
	memcpy(fresh->launcher_path, old->launcher_path,
	    sizeof(old->launcher_path));
	fresh->frontend_uid = old->frontend_uid;
	fresh->frontend_gid = old->frontend_gid;
	fresh->limits.runs = old->limits.runs;
	fresh->limits.connections = old->limits.connections;
	fresh->limits.header_bytes = old->limits.header_bytes;
}

/* Keep what was fixed at start; report if the file now differs. */
static void
keep_fixed(struct conf *fresh, const struct conf *old)
{
	CLEANUP_BUF struct buf names;

	buf_init(&names, sizeof(fresh->waiting) - 1);
	if (keep_kernel_off(fresh, old))
		buf_put_str(&names, "audit.kernel");
	if (!conf_fixed_differ(fresh, old, &names)) {
		buf_reset(&names);
		buf_put_str(&names, "keys that could not be compared");
	}
	(void)snprintf(
	    fresh->waiting, sizeof(fresh->waiting), "%s", buf_cstr(&names));
	if (names.len > 0)
		log_warn(
		    "reload: changed, and in force only from the next restart on: %s",
		    fresh->waiting);
	take_fixed(fresh, old);
}

/* --- the loader's --------------------------------------------------------- */

int
store_load_plans(struct store *s, const struct conf *start,
    struct conf_report *r, struct err *e)
{
	struct policydir *d;

	memset(s, 0, sizeof(*s));
	if (conf_load(start->path, &s->conf, r, e) == 0)
		take_fixed(&s->conf, start);
	else
		s->conf = *start;
	ownpaths_set(&s->conf);
	loginuid_reserve(s->conf.login_uid_first, s->conf.login_uid_last);
	confine_load_posture(s->conf.posture);
	if (tooldef_load_dir(s->conf.tool_dir, &s->tools, r, e) != 0)
		log_debug("tools: %s", e->what);
	d = policydir_begin(s->conf.policy_dir, &s->tools, r, e);
	if (d == NULL)
		return e->code;
	while (!policydir_step(d, UINT32_MAX))
		;
	policydir_end_with(d, &s->policies);
	if (tokendir_load(
		s->conf.token_dir, &s->policies, NULL, &s->tokens, r, e) != 0)
		log_debug("tokens: %s", e->what);
	return 0;
}

/* --- a reload in steps --------------------------------------------------- */

enum phase { CONF, POLICIES, TOKENS, LOADED, OVER };

struct store_load {
	struct store *store;
	enum store_kind kind;
	struct conf_report *report;
	enum phase phase;
	bool fresh; /* what follows is loaded, and valid */
	struct err why; /* code 0: it is as asked */
	struct conf conf;
	struct certificate certificate;
	struct tooldef_table tools;
	struct policy_table policies;
	struct token_table tokens;
	struct policydir *policydir;
	struct tokendir *tokendir;
};

struct store_load *
store_load_begin(
    struct store *s, enum store_kind kind, struct conf_report *r, struct err *e)
{
	struct store_load *l = err_alloc(1, sizeof(*l), e);

	if (l == NULL)
		return NULL;
	l->store = s;
	l->kind = kind;
	l->report = r;
	l->phase = kind == STORE_ALL ? CONF : TOKENS;
	return l;
}

static void
drop_fresh(struct store_load *l)
{
	policydir_free(l->policydir);
	l->policydir = NULL;
	policy_table_fini(&l->policies);
	tooldef_table_fini(&l->tools);
	certificate_fini(&l->certificate);
	l->certificate = (struct certificate){ .memory = NULL };
	l->fresh = false;
}

/* The old stays in force; tokens are loaded against what is in force then. */
static void
fall_back(struct store_load *l)
{
	drop_fresh(l);
	ownpaths_set(&l->store->conf); /* tokens narrow */
	confine_load_posture(l->store->conf.posture);
	l->phase = TOKENS;
}

static void
load_conf(struct store_load *l)
{
	if (conf_load(l->store->conf.path, &l->conf, l->report, &l->why) != 0 ||
	    load_certificate(&l->conf, &l->certificate, l->report, &l->why) !=
		0 ||
	    tooldef_load_dir(l->conf.tool_dir, &l->tools, l->report, &l->why) !=
		0) {
		fall_back(l);
		return;
	}
	keep_fixed(&l->conf, &l->store->conf);
	ownpaths_set(&l->conf);
	confine_load_posture(l->conf.posture);
	l->phase = POLICIES;
}

static bool
any_records(const struct policy_table *t)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->p[i]->output != RECORDER_OFF)
			return true;
	return false;
}

/*
 * Policies that were loaded before the directory of recordings was there do
 * not hide it: then they are loaded once more.
 */
static bool
made_recordings(const struct store_load *l)
{
	return any_records(&l->policies) &&
	       mkdir(l->conf.recordings_dir, 0700) == 0;
}

static void
step_policies(struct store_load *l, uint32_t microseconds)
{
	if (l->policydir == NULL)
		l->policydir = policydir_begin(
		    l->conf.policy_dir, &l->tools, l->report, &l->why);
	if (l->policydir == NULL) {
		fall_back(l);
		return;
	}
	if (!policydir_step(l->policydir, microseconds))
		return;
	if (policydir_end(l->policydir, &l->policies, &l->why) != 0) {
		l->policydir = NULL;
		fall_back(l);
		return;
	}
	l->policydir = NULL;
	if (made_recordings(l)) {
		policy_table_fini(&l->policies);
		return;
	}
	l->fresh = true;
	l->phase = TOKENS;
	loginuid_reserve(l->conf.login_uid_first, l->conf.login_uid_last);
}

/* Removing the directory removes the tokens: none stays in force. */
static void
no_tokens(struct store_load *l, const struct err *e)
{
	l->phase = LOADED;
	if (e->sysno == ENOENT) {
		keys_complain_path(l->report, l->store->conf.token_dir,
		    "the directory is missing, so no token is accepted: create it again");
		return;
	}
	if (l->why.code == 0)
		l->why = *e;
	/* those in force stay */
	for (size_t i = 0; i < l->store->tokens.count; i++)
		if (token_table_add(&l->tokens,
			token_ref(l->store->tokens.t[i]), &l->why) != 0)
			return;
}

static void
step_tokens(struct store_load *l, uint32_t microseconds)
{
	struct store *s = l->store;
	struct err e = { 0 };

	if (l->tokendir == NULL)
		l->tokendir = tokendir_begin(s->conf.token_dir,
		    l->fresh ? &l->policies : &s->policies, &s->tokens,
		    l->report, &e);
	if (l->tokendir == NULL) {
		no_tokens(l, &e);
		return;
	}
	if (!tokendir_step(l->tokendir, microseconds))
		return;
	if (tokendir_end(l->tokendir, &l->tokens, &e) != 0)
		no_tokens(l, &e);
	l->tokendir = NULL;
	l->phase = LOADED;
}

bool
store_load_step(struct store_load *l, uint32_t microseconds)
{
	switch (l->phase) {
	case CONF:
		load_conf(l);
		break;
	case POLICIES:
		step_policies(l, microseconds);
		break;
	case TOKENS:
		step_tokens(l, microseconds);
		break;
	case LOADED:
	case OVER:
		break;
	}
	return l->phase == LOADED;
}

bool
store_load_is_fresh(const struct store_load *l)
{
	return l->fresh;
}

const struct policy_table *
store_load_before(const struct store_load *l)
{
	return &l->policies;
}

void
store_load_refuse(struct store_load *l, const struct err *why)
{
	token_table_fini(&l->tokens);
	l->tokens = (struct token_table){ .count = 0 };
	l->why = *why;
	fall_back(l);
}

/* All at once: nobody sees one of them without the others. */
static void
swap_tables(struct store_load *l)
{
	struct store *s = l->store;
	struct token_table tokens = s->tokens;
	struct policy_table policies = s->policies;
	struct tooldef_table tools = s->tools;

	s->tokens = l->tokens;
	l->tokens = tokens;
	if (!l->fresh)
		return;
	/* a listener of the start needs one, also if "tls" is gone */
	if (l->certificate.chain.len > 0) {
		certificate_fini(&s->certificate);
		s->certificate = l->certificate;
		l->certificate = (struct certificate){ .memory = NULL };
	}
	s->conf = l->conf;
	s->tools = l->tools;
	s->policies = l->policies;
	l->tools = tools;
	l->policies = policies;
}

int
store_load_end(struct store_load *l, struct err *e)
{
	int rc = l->why.code;

	swap_tables(l);
	if (rc != 0)
		*e = l->why;
	l->phase = OVER;
	return rc;
}

/* One at a time, from the end. */
static bool
free_one(struct store_load *l)
{
	if (l->tokens.count > 0)
		token_free(l->tokens.t[--l->tokens.count]);
	else if (l->policies.count > 0)
		policy_unref(l->policies.p[--l->policies.count]);
	else
		return false;
	return true;
}

bool
store_load_tidy(struct store_load *l, uint32_t microseconds)
{
	uint64_t end = clock_mono_ns() + (uint64_t)microseconds * 1000;

	while (free_one(l))
		if (clock_mono_ns() >= end)
			return false;
	store_load_free(l);
	filtercache_sweep();
	return true;
}

void
store_load_free(struct store_load *l)
{
	if (l == NULL)
		return;
	drop_fresh(l);
	tokendir_free(l->tokendir);
	token_table_fini(&l->tokens);
	free(l);
}

bool
store_load_wants_filters(const struct store_load *l)
{
	return l->phase == POLICIES && l->policydir == NULL;
}

void
store_load_compile(const struct store_load *l)
{
	struct policy_table policies = { .count = 0 };
	struct conf_report r;
	struct err e;

	conf_report_init(&r);
	if (policydir_load(l->conf.policy_dir, &l->tools, &policies, &r, &e) !=
	    0)
		log_debug("filters: %s", e.what);
	policy_table_fini(&policies);
	conf_report_fini(&r);
}

void
store_fini(struct store *s)
{
	token_table_fini(&s->tokens);
	policy_table_fini(&s->policies);
	tooldef_table_fini(&s->tools);
	certificate_fini(&s->certificate);
}
