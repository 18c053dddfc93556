/* SPDX-License-Identifier: MIT */
/*
 * conf: mcp-execd.json, the main configuration.
 *
 * Runs in the executor and in mcp-execctl.  Trusts nobody: see conf.h.
 */
#include "executor/conf/conf.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/caps.h"
#include "common/cidr.h"
#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/log.h"
#include "executor/conf/account.h"
#include "executor/conf/conf_audit.h"
#include "executor/conf/conf_listen.h"
#include "executor/conf/conf_redact.h"
#include "executor/conf/instance.h"
#include "executor/conf/pemfile.h"

#define KEYTABLE_MEMBER conf
#include "executor/conf/keytable.h"

#ifndef MCP_EXECD_LIBEXECDIR
#define MCP_EXECD_LIBEXECDIR "/usr/libexec/mcp-execd"
#endif
#ifndef MCP_EXECD_LOGDIR
#define MCP_EXECD_LOGDIR "/var/log/mcp-execd"
#endif

#ifndef MCP_EXECD_STATEDIR
#define MCP_EXECD_STATEDIR "/var/lib/mcp-execd"
#endif

#define FRONTEND_USER "mcp-execd"

enum { SECOND = 1000, HOUR = 3600 * SECOND, WEEK = 7 * 24 * HOUR };

/* Values as read, before they are checked. */
struct draft {
	struct conf conf;
	const struct json_value *listen, *hosts, *origins, *ignored, *user,
	    *group;
	const struct json_value *proxies, *exempt, *redact;
	const struct json_value *socket_mode, *socket_group, *plaintext;
	const struct json_value *templates, *reuse_guards;
	bool to_read;
};

static const struct key limit_keys[] = {
	U32("body_bytes", limits.body_bytes, 1024, 16 << 20),
	U32("header_bytes", limits.header_bytes, 1024, 256 << 10),
	U32("connections", limits.connections, 1, 65536),
	U32("connections_per_address", limits.connections_per_address, 1,
	    65536),
	U32("idle_timeout_ms", limits.idle_timeout_ms, SECOND, HOUR),
	U32("header_timeout_ms", limits.header_timeout_ms, 100, HOUR),
	U32("body_timeout_ms", limits.body_timeout_ms, 100, HOUR),
	U32("sessions", limits.sessions, 1, 65536),
	U32("sessions_per_token", limits.sessions_per_token, 1, 65536),
	U32("session_idle_ms", limits.session_idle_ms, SECOND, WEEK),
	U32("replay_bytes", limits.replay_bytes, 0, 64 << 20),
	U32("replay_total_bytes", limits.replay_total_bytes, 64 << 10, 1 << 30),
	U32("stream_ms", limits.stream_ms, 0, WEEK),
	U32("runs", limits.runs, 1, 4096),
	LAST,
};

static const struct key audit_keys[] = {
	STRING("file", audit_file, 1),
	STRING("seal", audit_seal, 1),
	STRING("seal_state", audit_seal_state, 1),
	U64("rotate_bytes", audit_rotate_bytes, 0, 1ULL << 40),
	U32("rotate_seconds", audit_rotate_seconds, 0, 10 * 365 * 24 * 3600),
	U32("keep", audit_keep, 0, 1000000),
	STRING("journal", audit_journal, 1),
	STRING("syslog", audit_syslog, 1),
	U64("reserve_bytes", audit_reserve_bytes, 0, 1ULL << 40),
	U64("bytes_per_second", audit_bytes_per_second, 4096, 1ULL << 30),
	STRING("kernel", audit_kernel, 1),
	STRING("journal_socket", audit_journal_socket, 1),
	STRING("syslog_socket", audit_syslog_socket, 1),
	VALUE("redact", redact),
	STRING("redact_key", redact_key, 1),
	U32("login_uid_first", login_uid_first, 1, 4294967294),
	U32("login_uid_last", login_uid_last, 1, 4294967294),
	LAST,
};

static const struct key recordings_keys[] = {
	STRING("directory", recordings_dir, 1),
	U64("max_bytes", recordings_max_bytes, 1 << 20, 1ULL << 50),
	U32("max_seconds", recordings_max_seconds, 0, 10 * 365 * 24 * 3600),
	LAST,
};

static const struct key frontend_keys[] = {
	STRING("path", frontend_path, 1),
	VALUE("user", user),
	VALUE("group", group),
	LAST,
};

static const struct key socket_keys[] = {
	VALUE("mode", socket_mode),
	VALUE("group", socket_group),
	LAST,
};

static const struct key tls_keys[] = {
	STRING("certificate", tls_certificate, 1),
	STRING("key", tls_key, 1),
	LAST,
};

static const struct key penalty_keys[] = {
	U32("failure_ms", penalties.failure_ms, 0, HOUR),
	U32("missing_ms", penalties.missing_ms, 0, HOUR),
	U32("threshold_ms", penalties.threshold_ms, 1, HOUR),
	U32("max_ms", penalties.max_ms, 1, 24 * HOUR),
	U32("delay_ms", penalties.delay_ms, 0, 10 * SECOND),
	U32("sources", penalties.sources, 1, 65536),
	VALUE("exempt", exempt),
	LAST,
};

static const struct key conf_keys[] = {
	VALUE("listen", listen),
	OBJECT("unix_socket", socket_keys),
	OBJECT("tls", tls_keys),
	VALUE("insecure_plaintext", plaintext),
	STRING("policy_dir", policy_dir, 1),
	STRING("token_dir", token_dir, 1),
	STRING("tool_dir", tool_dir, 1),
	OBJECT("audit", audit_keys),
	OBJECT("recordings", recordings_keys),
	OBJECT("frontend", frontend_keys),
	STRING("public_url", public_url, 0),
	STRING("cgroup", cgroup, 1),
	STRING("posture", posture, 1),
	VALUE("templates", templates),
	VALUE("reuse_guards", reuse_guards),
	STRING("control", control, 1),
	VALUE("allowed_hosts", hosts),
	VALUE("allowed_origins", origins),
	VALUE("ignored_arguments", ignored),
	VALUE("trusted_proxies", proxies),
	STRING("forwarded_header", forwarded_header, 1),
	U32("stop_grace_ms", stop_grace_ms, 0, HOUR),
	U32("survive_grace_ms", survive_grace_ms, 0, HOUR),
	OBJECT("penalties", penalty_keys),
	OBJECT("limits", limit_keys),
	LAST,
};

static const struct conf_limits default_limits = {
	.body_bytes = 1 << 20,
	.header_bytes = 16 << 10,
	.connections = 1024,
	.connections_per_address = 256,
	.idle_timeout_ms = 120 * SECOND,
	.header_timeout_ms = 10 * SECOND,
	.body_timeout_ms = 30 * SECOND,
	.sessions = 4096,
	.sessions_per_token = 512,
	.session_idle_ms = HOUR,
	.replay_bytes = 1 << 20,
	.replay_total_bytes = 64 << 20,
	.stream_ms = 0,
	.runs = 64,
};

/* Six wrong tokens within a moment, or thirty requests without one. */
static const struct conf_penalties default_penalties = {
	.failure_ms = 5 * SECOND,
	.missing_ms = SECOND,
	.threshold_ms = 30 * SECOND,
	.max_ms = 600 * SECOND,
	.delay_ms = SECOND,
	.sources = 4096,
};

static void
copy_text(char *out, size_t size, const char *text)
{
	(void)snprintf(out, size, "%s", text);
}

static void
set_defaults(struct conf *c)
{
	copy_text(c->policy_dir, sizeof(c->policy_dir), "policies.d");
	copy_text(c->cgroup, sizeof(c->cgroup), "auto");
	copy_text(c->posture, sizeof(c->posture), "strict");
	copy_text(c->token_dir, sizeof(c->token_dir), "tokens.d");
	copy_text(c->tool_dir, sizeof(c->tool_dir), "tools.d");
	copy_text(c->audit_seal, sizeof(c->audit_seal), "auto");
	c->recordings_max_bytes = 1 << 30;
	c->recordings_max_seconds = 30 * 24 * 3600;
	c->audit_rotate_bytes = 100 << 20;
	c->audit_reserve_bytes = 8 << 20;
	c->audit_bytes_per_second = 4 << 20;
	conf_audit_defaults(c);
	copy_text(c->frontend_path, sizeof(c->frontend_path),
	    MCP_EXECD_LIBEXECDIR "/mcp-execd-frontend");
	copy_text(c->forwarded_header, sizeof(c->forwarded_header),
	    "x-forwarded-for");
	c->stop_grace_ms = 5 * SECOND;
	c->survive_grace_ms = 60 * SECOND;
	c->limits = default_limits;
	c->penalties = default_penalties;
}

/* What follows "http://" or "https://"; NULL if text begins with neither. */
static const char *
after_scheme(const char *text)
{
	if (strncmp(text, "https://", 8) == 0)
		return text + 8;
	if (strncmp(text, "http://", 7) == 0)
		return text + 7;
	return NULL;
}

static bool
is_host(const char *text)
{
	return text[0] != '\0' && bytes_only(bytes_of(text), "-._:[]");
}

static bool
is_origin(const char *text)
{
	const char *host = after_scheme(text);

	return host != NULL && is_host(host);
}

static bool
is_argument(const char *text)
{
	static const char okay[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

	return strspn(text, okay) == strlen(text) && strlen(text) <= 63;
}

/* One of "allowed_hosts" and "allowed_origins". */
struct name_list {
	const char *key;
	bool (*okay)(const char *text);
	const char *advice;
};

static void
read_names(const struct keys *k, const struct json_value *list,
    const struct name_list *kind, char out[][CONF_MAX_NAME], size_t *count)
{
	const struct json_value *v;
	size_t n = 0;

	if (list == NULL || !keys_array(k, list, kind->key))
		return;
	if (list->count > CONF_MAX_NAMES) {
		keys_complain(k, list, "%s: at most %d entries", kind->key,
		    CONF_MAX_NAMES);
		return;
	}
	for (v = list->child; v != NULL; v = v->next) {
		if (!keys_string(k, v, 1, out[n], CONF_MAX_NAME))
			continue;
		if (kind->okay(out[n]))
			n++;
		else
			keys_complain(k, v, "\"%s\": %s", log_text(v->text).s,
			    kind->advice);
	}
	*count = n;
}

/* Arguments that a client adds to each call, whatever the tool. */
static void
read_ignored(
    const struct keys *k, const struct json_value *list, struct conf *c)
{
	static const char *const added[] = { "sessionId", "action", "chatInput",
		"toolCallId", "tool" }; /* by n8n */
	static const struct name_list kind = {
		"\"ignored_arguments\"", is_argument,
		"the name of an argument is needed, such as \"sessionId\": letters, digits, \".\", \"_\" and \"-\", 63 at most"
	};

	read_names(k, list, &kind, c->ignored, &c->ignored_count);
	if (list != NULL)
		return;
	for (size_t i = 0; i < sizeof(added) / sizeof(added[0]); i++)
		(void)snprintf(c->ignored[c->ignored_count++], CONF_MAX_NAME,
		    "%s", added[i]);
}

/* Nothing that would end a line of an event stream, or a shell's word. */
static bool
is_address(const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~' || strchr("\"'\\<>", *p) != NULL)
			return false;
	return true;
}

static void
check_public_url(
    const struct keys *k, const struct json_value *v, const struct conf *c)
{
	const char *rest = after_scheme(c->public_url);

	if (c->public_url[0] == '\0')
		return;
	if (rest == NULL || rest[0] == '\0' || !is_address(rest))
		keys_complain(k, v,
		    "\"public_url\" must be the address that clients use, such as \"https://host.example\"");
}

static void
unprivileged_frontend(
    const struct keys *k, const struct draft *d, struct account *who, gid_t gid)
{
	struct account self;

	if (!account_self(k, &self))
		return;
	if (d->user != NULL && who->uid != self.uid && !d->to_read)
		keys_complain(k, d->user,
		    "only root can run the frontend as another user: start as root, or leave \"user\" out");
	if (d->group != NULL && gid != self.gid && !d->to_read)
		keys_complain(k, d->group,
		    "only root can run the frontend in another group: start as root, or leave \"group\" out");
	*who = self;
}

static bool
default_frontend_user(const struct keys *k, struct account *out)
{
	switch (accountdb_user(FRONTEND_USER, out)) {
	case ACCOUNTDB_FOUND:
		return true;
	case ACCOUNTDB_UNKNOWN:
		account_unknown(k, NULL);
		return false;
	case ACCOUNTDB_NONE:
	default:
		keys_complain(k, NULL,
		    "the frontend's user \"" FRONTEND_USER
		    "\" does not exist: create it (systemd-sysusers, or useradd --system " FRONTEND_USER
		    "), or set \"frontend\": {\"user\": ...}");
		return false;
	}
}

/* The frontend faces the network: as root it is never run. */
static void
read_frontend_ids(const struct keys *k, const struct draft *d, struct conf *c)
{
	struct account who;
	gid_t gid = 0;

	if (!account_self(k, &who))
		return;
	if (d->user != NULL) {
		if (!account_user(k, d->user, &who))
			return;
	} else if (caps_can_change_ids() && !default_frontend_user(k, &who))
		return;
	if (!who.has_gid)
		who.gid = who.uid;
	gid = who.gid;
	if (d->group != NULL && !account_group(k, d->group, &gid))
		return;
	if (!caps_can_change_ids()) {
		unprivileged_frontend(k, d, &who, gid);
		gid = who.gid;
		if (who.uid == 0)
			keys_complain(k, d->user,
			    "root needs CAP_SETUID and CAP_SETGID to run the frontend as another user: let the unit have them, or start as an ordinary user");
	} else if (who.uid == 0 || gid == 0) {
		keys_complain(k, d->user != NULL ? d->user : d->group,
		    "the frontend must not run as root: name an account of its own, such as \"" FRONTEND_USER
		    "\"");
	}
	c->frontend_uid = who.uid;
	c->frontend_gid = gid;
}

/* We exec it with our own privileges. */
static void
check_program(const struct keys *k, const struct json_value *v,
    const char *path, const char *advice)
{
	struct stat st;

	if (stat(path, &st) != 0)
		keys_complain(
		    k, v, "%s: %s: %s", path, strerror(errno), advice);
	else if (!S_ISREG(st.st_mode) || access(path, X_OK) != 0)
		keys_complain(k, v, "%s is not an executable file", path);
	else if ((st.st_uid != 0 && st.st_uid != geteuid()) ||
		 (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		keys_complain(k, v,
		    "%s can be changed by others: chown it to root and chmod go-w it",
		    path);
}

static void
check_programs(
    const struct keys *k, const struct json_value *v, const struct conf *c)
{
	check_program(k, v, c->frontend_path,
	    "install it, or set \"frontend\": {\"path\": ...}");
	check_program(k, v, c->launcher_path,
	    "install it next to the frontend: no command can be started without it");
}

/* The launcher next to that program; false: there is none. */
static bool
take_launcher(struct conf *c, const char *frontend)
{
	static const char name[] = "mcp-execd-launcher";
	const char *slash = strrchr(frontend, '/');
	size_t n = slash == NULL ? 0 : (size_t)(slash + 1 - frontend);

	if (n == 0 || n + sizeof(name) > sizeof(c->launcher_path))
		return false;
	memcpy(c->launcher_path, frontend, n);
	memcpy(c->launcher_path + n, name, sizeof(name));
	return access(c->launcher_path, F_OK) == 0;
}

/* They come from one build; an own frontend may lie anywhere. */
static void
find_launcher(struct conf *c)
{
	char self[PATH_MAX];

	if (take_launcher(c, c->frontend_path) ||
	    (realpath("/proc/self/exe", self) != NULL &&
		take_launcher(c, self)))
		return;
	copy_text(c->launcher_path, sizeof(c->launcher_path),
	    MCP_EXECD_LIBEXECDIR "/mcp-execd-launcher");
}

/* Relative paths start from the configuration file's directory. */
static void
anchor_path(const struct keys *k, const struct json_value *v, const char *dir,
    char path[PATH_MAX])
{
	char joined[PATH_MAX];
	struct err e;

	if (fdio_join(joined, sizeof(joined), dir, path, &e) != 0)
		keys_complain(k, v, "%s", e.what);
	else
		memcpy(path, joined, strlen(joined) + 1);
}

/* A file in the log's directory, unless configured. */
static void
anchor_beside(const struct keys *k, const struct json_value *v, const char *dir,
    const struct conf *c, const char *name, char *path)
{
	char log_dir[PATH_MAX];
	char *slash;

	if (path[0] != '\0') {
		anchor_path(k, v, dir, path);
		return;
	}
	copy_text(log_dir, sizeof(log_dir), c->audit_file);
	slash = strrchr(log_dir, '/');
	if (slash != NULL)
		slash[slash == log_dir] = '\0';
	copy_text(path, PATH_MAX, name);
	anchor_path(k, v, log_dir, path);
}

static void
check_seal(
    const struct keys *k, const struct json_value *v, const struct conf *c)
{
	if (strcmp(c->audit_seal, "auto") != 0 &&
	    strcmp(c->audit_seal, "require") != 0 &&
	    strcmp(c->audit_seal, "off") != 0)
		keys_complain(k, json_get(v, "seal"),
		    "\"seal\" must be \"auto\", \"require\" or \"off\"");
}

static void
anchor_pem(const struct keys *k, const struct json_value *v, const char *dir,
    char path[PATH_MAX])
{
	const size_t n = sizeof(PEMFILE_CREDENTIAL) - 1;

	if (path[0] != '\0' && strncmp(path, PEMFILE_CREDENTIAL, n) != 0)
		anchor_path(k, v, dir, path);
}

static void
check_control(
    const struct keys *k, const struct json_value *v, const struct conf *c)
{
	size_t n = strlen(strrchr(c->control, '/') + 1);

	if (n == 0 || n >= CONF_MAX_SOCKET)
		keys_complain(k, v,
		    "the last part of \"control\", the socket's name, must have 1 to %d bytes",
		    CONF_MAX_SOCKET - 1);
}

static void
check_cgroup(
    const struct keys *k, const struct json_value *v, const struct conf *c)
{
	if (strcmp(c->cgroup, "auto") != 0 && strcmp(c->cgroup, "off") != 0 &&
	    c->cgroup[0] != '/')
		keys_complain(k, v,
		    "\"cgroup\" must be \"auto\", \"off\" or the absolute path of a control group for this service alone, such as \"/sys/fs/cgroup/mcp-execd\"");
}

static void
anchor_all(const struct keys *k, const struct json_value *root, struct conf *c)
{
	char dir[PATH_MAX];

	copy_text(dir, sizeof(dir), c->path);
	*strrchr(dir, '/') = '\0';
	if (dir[0] == '\0')
		copy_text(dir, sizeof(dir), "/");
	anchor_path(k, json_get(root, "policy_dir"), dir, c->policy_dir);
	anchor_path(k, json_get(root, "token_dir"), dir, c->token_dir);
	anchor_path(k, json_get(root, "tool_dir"), dir, c->tool_dir);
	anchor_path(k, json_get(root, "control"), dir, c->control);
	check_control(k, json_get(root, "control"), c);
	anchor_path(k, json_get(root, "audit"), dir, c->audit_file);
	anchor_beside(k, json_get(root, "audit"), dir, c, "seal.state",
	    c->audit_seal_state);
	anchor_beside(
	    k, json_get(root, "audit"), dir, c, "redact.key", c->redact_key);
	check_seal(k, json_get(root, "audit"), c);
	check_cgroup(k, json_get(root, "cgroup"), c);
	anchor_path(k, json_get(root, "recordings"), dir, c->recordings_dir);
	anchor_path(k, json_get(root, "frontend"), dir, c->frontend_path);
	find_launcher(c);
	anchor_pem(k, json_get(root, "tls"), dir, c->tls_certificate);
	anchor_pem(k, json_get(root, "tls"), dir, c->tls_key);
}

static void
check_tls(
    const struct keys *k, const struct json_value *v, const struct conf *c)
{
	if (v != NULL &&
	    (c->tls_certificate[0] == '\0' || c->tls_key[0] == '\0'))
		keys_complain(k, v,
		    "\"tls\" needs \"certificate\" and \"key\", the paths of two files");
}

/* Trusting every proxy would let clients forge their address. */
static bool
is_proxy(const char *text)
{
	struct cidr c;
	struct err e;

	return cidr_parse(bytes_of(text), &c, &e) == 0 &&
	       (c.local || strstr(text, "/0") == NULL);
}

static void
check_posture(
    const struct keys *k, const struct json_value *v, const struct conf *c)
{
	if (strcmp(c->posture, "strict") != 0 &&
	    strcmp(c->posture, "kernel") != 0)
		keys_complain(k, v,
		    "\"posture\" is \"strict\" (all that a current kernel has) or \"kernel\" (the strongest that this kernel has)");
}

static void
check_forwarded(
    const struct keys *k, const struct json_value *v, const struct conf *c)
{
	if (strcmp(c->forwarded_header, "x-forwarded-for") != 0 &&
	    strcmp(c->forwarded_header, "forwarded") != 0)
		keys_complain(k, v,
		    "\"forwarded_header\" must be \"x-forwarded-for\" or \"forwarded\", the one that the proxies write");
}

static bool
is_network(const char *text)
{
	struct cidr c;
	struct err e;

	return cidr_parse(bytes_of(text), &c, &e) == 0;
}

static void
check_penalties(const struct keys *k, const struct json_value *v,
    const struct conf_penalties *p)
{
	if (p->max_ms < p->threshold_ms)
		keys_complain(k, v,
		    "\"max_ms\" must not be below \"threshold_ms\", or nobody is ever refused");
}

static void
check_limits(const struct keys *k, const struct json_value *v,
    const struct conf_limits *l)
{
	if (l->replay_bytes > l->replay_total_bytes)
		keys_complain(k, v,
		    "\"replay_bytes\" of one session (%u) is above \"replay_total_bytes\" of all (%u): lower it, or raise that",
		    l->replay_bytes, l->replay_total_bytes);
}

static void
read_root(const struct keys *k, const struct json_value *root, struct draft *d)
{
	static const struct name_list hosts = {
		"\"allowed_hosts\"", is_host,
		"a host as in the Host header is needed, such as \"host.example\" or \"host.example:8001\""
	};
	static const struct name_list origins = {
		"\"allowed_origins\"", is_origin,
		"an origin as browsers send it is needed, such as \"https://host.example\", without a path"
	};
	static const struct name_list proxies = {
		"\"trusted_proxies\"", is_proxy,
		"an address or network of proxies is needed, such as \"10.0.0.5\", \"127.0.0.1\" or \"unix\", and not all that there are"
	};
	static const struct name_list exempt = { "\"exempt\"", is_network,
		"an address or network is needed, such as \"10.0.0.0/8\"" };
	struct conf *c = &d->conf;

	keys_read(k, root, conf_keys, d);
	check_tls(k, json_get(root, "tls"), c);
	anchor_all(k, root, c);
	conf_audit_check(k, json_get(root, "audit"), c);
	conf_redact_read(k, d->redact, c);
	if (d->plaintext != NULL && d->plaintext->type != JSON_BOOL)
		keys_complain(k, d->plaintext,
		    "\"insecure_plaintext\" must be true or false");
	c->insecure_plaintext = d->plaintext != NULL && d->plaintext->boolean;
	if (d->templates != NULL && d->templates->type != JSON_BOOL)
		keys_complain(
		    k, d->templates, "\"templates\" must be true or false");
	c->templates = d->templates == NULL || d->templates->boolean;
	if (d->reuse_guards != NULL && d->reuse_guards->type != JSON_BOOL)
		keys_complain(k, d->reuse_guards,
		    "\"reuse_guards\" must be true or false");
	c->reuse_guards = d->reuse_guards == NULL || d->reuse_guards->boolean;
	conf_listen_read(k, d->listen, c);
	conf_listen_read_mode(k, d->socket_mode, c);
	c->socket_gid = (uint32_t)-1;
	if (d->socket_group != NULL)
		(void)account_group(k, d->socket_group, &c->socket_gid);
	read_names(k, d->hosts, &hosts, c->hosts, &c->host_count);
	read_names(k, d->origins, &origins, c->origins, &c->origin_count);
	read_ignored(k, d->ignored, c);
	read_names(k, d->proxies, &proxies, c->proxies, &c->proxy_count);
	read_names(k, d->exempt, &exempt, c->penalties.exempt,
	    &c->penalties.exempt_count);
	check_limits(k, json_get(root, "limits"), &c->limits);
	check_penalties(k, json_get(root, "penalties"), &c->penalties);
	check_forwarded(k, json_get(root, "forwarded_header"), c);
	check_posture(k, json_get(root, "posture"), c);
	check_public_url(k, json_get(root, "public_url"), c);
	read_frontend_ids(k, d, c);
	check_programs(k, json_get(root, "frontend"), c);
}

/* Absolute, so that it holds after a change of directory. */
static int
make_absolute(const char *path, char out[PATH_MAX], struct err *e)
{
	char cwd[PATH_MAX];

	if (getcwd(cwd, sizeof(cwd)) == NULL)
		return err_sys(e, "current directory");
	return fdio_join(out, PATH_MAX, cwd, path, e);
}

/*
 * Of the installed service the socket is in /run; of any other configuration
 * next to the file, so that mcp-execctl -c finds it and two never meet.  Known
 * even if the file is broken: what runs can be asked then, too.
 *
 * An account's service has places of its own, which its unit makes.  It may
 * write its tokens, and never its configuration.
 */
static void
default_places(struct conf *c)
{
	char *slash = strrchr(c->path, '/');
	char name[INSTANCE_NAME], at[INSTANCE_NAME + 1] = "";
	bool instance = instance_of(c->path, name);

	if (instance)
		(void)snprintf(at, sizeof(at), "@%s", name);
	(void)snprintf(c->audit_file, sizeof(c->audit_file),
	    MCP_EXECD_LOGDIR "%s/audit.jsonl", at);
	(void)snprintf(c->recordings_dir, sizeof(c->recordings_dir),
	    MCP_EXECD_STATEDIR "%s/recordings", at);
	if (instance)
		(void)snprintf(c->token_dir, sizeof(c->token_dir),
		    MCP_EXECD_STATEDIR "%s/tokens.d", at);
	if (instance || strcmp(c->path, MCP_EXECD_CONFIG) == 0)
		(void)snprintf(c->control, sizeof(c->control),
		    MCP_EXECD_RUNDIR "%s/control.sock", at);
	else
		(void)snprintf(c->control, sizeof(c->control),
		    "%.*s/control.sock", (int)(slash - c->path), c->path);
}

static int
load_file(
    const char *path, struct draft *d, struct conf_report *r, struct err *e)
{
	CLEANUP_BUF struct buf text;
	struct keys k = {
		.path = d->conf.path, .report = r, .manual = "mcp-execd.json(5)"
	};
	unsigned before = r->count;
	struct json_doc *doc;

	buf_init(&text, KEYS_MAX_FILE);
	set_defaults(&d->conf);
	if (make_absolute(path, d->conf.path, e) != 0)
		return e->code;
	default_places(&d->conf);
	if (!keys_read_file(k.path, &text, r))
		return err_set(e, ERR_BAD, "%s cannot be read", path);
	k.text = buf_bytes(&text);
	digest_sha256(k.text, d->conf.text_digest);
	if (keys_parse(k.path, k.text, &doc, r, e) != 0)
		return e->code;
	read_root(&k, json_root(doc), d);
	json_free(doc);
	return keys_verdict(r, before, path, e);
}

/* Most of it is empty, which takes no memory if nobody writes to it. */
static void
copy_conf(struct conf *to, const struct conf *from)
{
	const size_t part = 4096;
	const char *f = (const char *)from;
	char *t = (char *)to;

	for (size_t i = 0, n; i < sizeof(*to); i += n) {
		n = sizeof(*to) - i < part ? sizeof(*to) - i : part;
		if (memcmp(t + i, f + i, n) != 0)
			memcpy(t + i, f + i, n);
	}
}

static int
load_as(const char *path, bool to_read, struct conf *out, struct conf_report *r,
    struct err *e)
{
	struct draft *d = err_alloc(1, sizeof(*d), e);
	int rc;

	if (d == NULL)
		return e->code;
	d->to_read = to_read;
	rc = load_file(path, d, r, e);
	copy_conf(out, &d->conf);
	free(d);
	return rc;
}

int
conf_load(
    const char *path, struct conf *out, struct conf_report *r, struct err *e)
{
	return load_as(path, false, out, r, e);
}

int
conf_load_to_read(
    const char *path, struct conf *out, struct conf_report *r, struct err *e)
{
	return load_as(path, true, out, r, e);
}

const struct key *
conf_key_table(void)
{
	return conf_keys;
}
