/* SPDX-License-Identifier: MIT */
/* store: load, reload and swap of what is configured.  Executor. */
#include "executor/policy/store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "executor/conf/keys.h"
#include "executor/audit/loginuid.h"
#include "executor/confine/confine_load.h"
#include "executor/confine/ownpaths.h"

static int
load_tokens(const struct conf *c, const struct policy_table *policies,
    struct token_table *tokens, struct conf_report *r, struct err *e)
{
	static struct token_table fresh;

	memset(&fresh, 0, sizeof(fresh));
	if (tokendir_load(c->token_dir, policies, tokens, &fresh, r, e) != 0)
		return e->code;
	token_table_fini(tokens);
	*tokens = fresh;
	return 0;
}

static int
load_certificate(const struct conf *c, struct certificate *out,
    struct conf_report *r, struct err *e)
{
	if (certificate_load(c, out, e) == 0)
		return 0;
	keys_complain_path(r, c->path, "%s", e->what);
	return err_set(e, ERR_BAD, "TLS cannot be had as it is configured");
}

static int
load_policies(const struct conf *c, struct tooldef_table *tools,
    struct policy_table *policies, struct conf_report *r, struct err *e)
{
	int rc = tooldef_load_dir(c->tool_dir, tools, r, e);

	confine_load_posture(c->posture);
	return rc != 0 ? rc
		       : policy_load_dir(c->policy_dir, tools, policies, r, e);
}

int
store_load(
    struct store *s, const char *path, struct conf_report *r, struct err *e)
{
	memset(s, 0, sizeof(*s));
	if (conf_load(path, &s->conf, r, e) != 0)
		return e->code;
	ownpaths_set(&s->conf);
	loginuid_reserve(s->conf.login_uid_first, s->conf.login_uid_last);
	if (load_certificate(&s->conf, &s->certificate, r, e) != 0)
		return e->code;
	if (cgroup_setup(s->conf.cgroup, e) != 0)
		return e->code;
	if (load_policies(&s->conf, &s->tools, &s->policies, r, e) != 0)
		return e->code;
	return load_tokens(&s->conf, &s->policies, &s->tokens, r, e);
}

static bool
same_listeners(const struct conf *a, const struct conf *b)
{
	size_t i;

	for (i = 0; i < a->listen_count && i < b->listen_count; i++)
		if (strcmp(a->listen[i].text, b->listen[i].text) != 0)
			return false;
	return a->listen_count == b->listen_count;
}

/* What was fixed at start stays; say so when the file now differs. */
static void
keep_fixed(struct conf *fresh, const struct conf *old)
{
	if (!same_listeners(fresh, old) ||
	    fresh->socket_mode != old->socket_mode ||
	    fresh->socket_gid != old->socket_gid ||
	    strcmp(fresh->audit_file, old->audit_file) != 0 ||
	    strcmp(fresh->audit_seal_state, old->audit_seal_state) != 0 ||
	    strcmp(fresh->audit_seal, old->audit_seal) != 0 ||
	    strcmp(fresh->token_dir, old->token_dir) != 0 ||
	    strcmp(fresh->control, old->control) != 0 ||
	    strcmp(fresh->recordings_dir, old->recordings_dir) != 0 ||
	    fresh->limits.runs != old->limits.runs ||
	    fresh->limits.connections != old->limits.connections ||
	    fresh->limits.header_bytes != old->limits.header_bytes)
		log_warn(
		    "reload: changes of listen, unix_socket, audit.file, audit.seal, audit.seal_state, recordings.directory, token_dir, control, limits.runs, limits.connections and limits.header_bytes take effect at the next restart");
	memcpy(fresh->listen, old->listen, sizeof(old->listen));
	fresh->listen_count = old->listen_count;
	memcpy(fresh->audit_file, old->audit_file, sizeof(old->audit_file));
	memcpy(fresh->audit_seal_state, old->audit_seal_state,
	    sizeof(old->audit_seal_state));
	memcpy(fresh->audit_seal, old->audit_seal, sizeof(old->audit_seal));
	memcpy(fresh->token_dir, old->token_dir, sizeof(old->token_dir));
	memcpy(fresh->control, old->control, sizeof(old->control));
	memcpy(fresh->recordings_dir, old->recordings_dir,
	    sizeof(old->recordings_dir));
	fresh->limits.runs = old->limits.runs;
	fresh->limits.connections = old->limits.connections;
	fresh->limits.header_bytes = old->limits.header_bytes;
}

int
store_reload(struct store *s, struct conf_report *r, struct err *e)
{
	static struct conf conf;
	struct certificate certificate = { .memory = NULL };
	struct policy_table policies = { .count = 0 };
	struct tooldef_table tools = { .count = 0 };

	ownpaths_set(&s->conf);
	if (conf_load(s->conf.path, &conf, r, e) != 0 ||
	    load_certificate(&conf, &certificate, r, e) != 0 ||
	    load_policies(&conf, &tools, &policies, r, e) != 0) {
		struct err te = { 0 };

		tooldef_table_fini(&tools);
		confine_load_posture(s->conf.posture); /* tokens narrow */
		if (store_reload_tokens(s, r, &te) != 0)
			log_err("reload: tokens: %s", te.what);
		certificate_fini(&certificate);
		return e->code;
	}
	keep_fixed(&conf, &s->conf);
	policy_table_fini(&s->policies);
	tooldef_table_fini(&s->tools);
	/* a listener of the start needs one, also if "tls" is gone */
	if (certificate.chain.len > 0) {
		certificate_fini(&s->certificate);
		s->certificate = certificate;
	}
	s->conf = conf;
	s->tools = tools;
	s->policies = policies;
	loginuid_reserve(conf.login_uid_first, conf.login_uid_last);
	return store_reload_tokens(s, r, e);
}

/* Who removes the directory removes the tokens: none is left in force. */
int
store_reload_tokens(struct store *s, struct conf_report *r, struct err *e)
{
	if (load_tokens(&s->conf, &s->policies, &s->tokens, r, e) == 0)
		return 0;
	if (e->sysno != ENOENT)
		return e->code;
	token_table_fini(&s->tokens);
	keys_complain_path(r, s->conf.token_dir,
	    "the directory is gone, so no token is accepted: make it again");
	return 0;
}

void
store_fini(struct store *s)
{
	token_table_fini(&s->tokens);
	policy_table_fini(&s->policies);
	tooldef_table_fini(&s->tools);
	certificate_fini(&s->certificate);
}
