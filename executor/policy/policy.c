/* SPDX-License-Identifier: MIT */
/*
 * policy: what a token may do, as loaded from policies.d/NAME.json.
 *
 * Runs in the executor and in mcp-execctl.  The files are root's; what they
 * ask for and this machine cannot give is refused here, not at run time.
 */
#include "executor/policy/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/beneath.h"
#include "common/caps.h"
#include "common/cleanup.h"
#include "common/closest.h"
#include "common/log.h"
#include "executor/conf/account.h"
#include "executor/confine/confine_load.h"
#include "executor/confine/probe.h"
#include "executor/confine/profiles.h"
#include "executor/confine/syscall_group.h"
#include "executor/policy/capability.h"
#include "executor/policy/envname.h"

#define KEYTABLE_MEMBER p
#include "executor/conf/keytable.h"

#define NOT_SET UINT64_MAX

enum { SECOND = 1000, DAY = 24 * 3600 * SECOND, TMP_BYTES = 64 << 20 };

/* A directory that a policy is compiled again for, policy_narrow(). */
struct narrow {
	const struct policy *whole;
	const char *directory;
	int dir_fd;
};

/* Values as read, before they are checked. */
struct draft {
	struct policy p;
	const struct narrow *narrow; /* NULL: as it is written */
	const struct tooldef_table *known; /* tools; NULL: none */
	const struct json_value *root;
	const struct json_value *user, *group, *groups, *capabilities, *tools,
	    *shell, *set, *allow, *umask, *directory, *profile;
	const struct json_value *allow_calls, *deny_calls, *log_only;
	const struct json_value *audit_exec, *audit_output;
	const struct json_value *structured, *streams, *text, *disconnect,
	    *elevates, *abandoned, *pty, *survive;
	uint64_t rlimits[RLIM_NLIMITS]; /* by their resource */
	struct confine_keys confine;
};

struct call_names {
	char text[PROFILE_MAX_CHANGES + 1][40];
};

/* A resource limit of setrlimit(2): key, resource, default, least, most. */
#define RLIMITS(ROW)                                                           \
	ROW("open_files", RLIMIT_NOFILE, 1024, 8, INT64_MAX)                   \
	ROW("file_size_bytes", RLIMIT_FSIZE, NOT_SET, 0, INT64_MAX)            \
	ROW("processes", RLIMIT_NPROC, NOT_SET, 1, INT64_MAX)                  \
	ROW("memory_bytes", RLIMIT_AS, NOT_SET, 16 << 20, INT64_MAX)           \
	ROW("cpu_seconds", RLIMIT_CPU, NOT_SET, 1, INT64_MAX)                  \
	ROW("core_bytes", RLIMIT_CORE, 0, 0, INT64_MAX)                        \
	ROW("stack_bytes", RLIMIT_STACK, NOT_SET, 128 << 10, INT64_MAX)        \
	ROW("locked_bytes", RLIMIT_MEMLOCK, NOT_SET, 0, INT64_MAX)

static const struct rlimit_row {
	const char *key;
	int resource;
	uint64_t by_default;
} rlimit_rows[] = {
#define AS_ROW(key, resource, by_default, least, most)                         \
	{ key, resource, by_default },
	RLIMITS(AS_ROW)
};

enum { RLIMIT_ROWS = sizeof(rlimit_rows) / sizeof(rlimit_rows[0]) };

_Static_assert(
    (int)RLIMIT_ROWS <= (int)POLICY_MAX_RLIMITS, "a policy holds them all");

static const struct key limit_keys[] = {
	U32("timeout_ms", timeout_ms, 100, DAY),
	U32("timeout_max_ms", timeout_max_ms, 100, DAY),
	U32("kill_grace_ms", kill_grace_ms, 0, 60 * SECOND),
	U32("output_bytes", output_bytes, 1024, 16 << 20),
	U32("cpu_percent", cgroup.cpu_percent, 1, 100000),
	U32("runs", runs, 1, 4096),
	U32("runs_per_minute", runs_per_minute, 0, 1000000),
#define AS_KEY(key, resource, by_default, least, most)                         \
	{ key, KEYS_U64, offsetof(struct draft, rlimits[resource]), least,     \
		most, NULL, NULL },
	RLIMITS(AS_KEY) LAST,
};

static const struct key environment_keys[] = {
	VALUE("set", set),
	VALUE("allow", allow),
	LAST,
};

static const struct key syscall_keys[] = {
	VALUE("profile", profile),
	VALUE("allow", allow_calls),
	VALUE("deny", deny_calls),
	VALUE("log_only", log_only),
	LAST,
};

static const struct key audit_keys[] = {
	VALUE("exec", audit_exec),
	VALUE("output", audit_output),
	U32("output_bytes", output_max, 8192, 1 << 30),
	LAST,
};

static const struct key file_keys[] = {
	VALUE("read", confine.read),
	VALUE("write", confine.write),
	VALUE("hide", confine.hide),
	VALUE("protect", confine.protect),
	VALUE("private_tmp", confine.private_tmp),
	VALUE("noexec", confine.noexec),
	{ "tmp_bytes", KEYS_U64, offsetof(struct draft, confine.tmp_bytes),
	    4096, INT64_MAX, NULL, NULL },
	LAST,
};

static const struct key job_keys[] = {
	U32("at_once", jobs.at_once, 1, 4096),
	U32("max_seconds", jobs.max_seconds, 1, 30 * 24 * 3600),
	U32("keep_seconds", jobs.keep_seconds, 10, 30 * 24 * 3600),
	U32("keep", jobs.keep, 1, 1000),
	U32("wait_ms", jobs.wait_ms, 100, 600 * SECOND),
	U64("output_bytes", jobs.output_bytes, 64 << 10, 1ULL << 40),
	U32("repeat_window_ms", jobs.repeat_window_ms, 0, 3600 * SECOND),
	VALUE("abandoned", abandoned),
	VALUE("pty", pty),
	VALUE("survive", survive),
	LAST,
};

static const struct key policy_keys[] = {
	STRING("description", description, 0),
	VALUE("user", user),
	VALUE("group", group),
	VALUE("groups", groups),
	VALUE("capabilities", capabilities),
	NEEDED("directory", directory,
	    "name the directory that commands work in, such as \"/srv/app\""),
	VALUE("tools", tools),
	VALUE("elevates", elevates),
	VALUE("shell", shell),
	OBJECT("environment", environment_keys),
	OBJECT("limits", limit_keys),
	VALUE("umask", umask),
	OBJECT("syscalls", syscall_keys),
	OBJECT("files", file_keys),
	OBJECT("audit", audit_keys),
	OBJECT("jobs", job_keys),
	VALUE("structured", structured),
	VALUE("streams", streams),
	VALUE("text", text),
	VALUE("on_disconnect", disconnect),
	VALUE("network", confine.network),
	VALUE("processes", confine.processes),
	VALUE("unix_sockets", confine.unix_sockets),
	VALUE("programs", confine.programs),
	VALUE("require", confine.require),
	VALUE("disable", confine.disable),
	VALUE("posture", confine.posture),
	LAST,
};

/* Offered where a policy does not say. */
static const char *const tool_names[] = { "exec_cmd", "cli_command", NULL };

bool
policy_name_ok(struct bytes name)
{
	return name.len > 0 && name.len < POLICY_MAX_NAME && name.p[0] != '.' &&
	       bytes_only(name, "_.-");
}

bool
policy_env_ok(const struct policy *p, struct bytes name)
{
	if (!envname_is_name(name) || envname_check(name) != ENVNAME_FREE)
		return false;
	for (size_t i = 0; i < p->env_allowed_count; i++)
		if (bytes_eq_str(name, p->env_allowed[i]))
			return true;
	return false;
}

bool
policy_is_elevated(const struct policy *p, const struct tooldef *def)
{
	return def->policy[0] != '\0' && strcmp(def->policy, p->name) != 0;
}

bool
policy_offers(const struct policy *p, struct bytes tool)
{
	for (size_t i = 0; i < p->tool_count; i++)
		if (bytes_eq_str(tool, p->tools[i]))
			return true;
	return false;
}

const struct tooldef *
policy_tool(const struct policy *p, struct bytes tool)
{
	for (size_t i = 0; i < p->tool_count; i++)
		if (bytes_eq_str(tool, p->tools[i]))
			return p->defined[i];
	return NULL;
}

static void
copy_text(char *out, size_t size, const char *text)
{
	(void)snprintf(out, size, "%s", text);
}

static void
fini_policy(struct policy *p)
{
	for (size_t i = 0; i < p->env_count; i++)
		free(p->env[i]);
	for (size_t i = 0; i < p->env_allowed_count; i++)
		free(p->env_allowed[i]);
	for (size_t i = 0; i < p->tool_count; i++)
		tooldef_unref(p->defined[i]);
	for (size_t i = 0; i < p->tool_count; i++)
		policy_unref(p->as[i]);
	if (p->forget != NULL)
		p->forget(p);
	if (p->dir_fd >= 0)
		(void)close(p->dir_fd);
	filter_fini(&p->filter);
	confine_fini(&p->confine);
	free(p->source);
}

struct policy *
policy_ref(struct policy *p)
{
	p->refs++;
	return p;
}

void
policy_unref(struct policy *p)
{
	if (p == NULL || --p->refs > 0)
		return;
	fini_policy(p);
	free(p);
}

static void
set_defaults(struct policy *p)
{
	p->dir_fd = -1;
	confine_init(&p->confine);
	p->timeout_ms = 50 * SECOND;
	p->timeout_max_ms = 600 * SECOND;
	p->kill_grace_ms = 2 * SECOND;
	p->output_bytes = 128 << 10;
	p->runs = 4;
	p->runs_per_minute = 120;
	p->jobs = (struct policy_jobs){ .at_once = 4,
		.max_seconds = 3600,
		.keep_seconds = 3600,
		.keep = 16,
		.wait_ms = 25 * SECOND,
		.output_bytes = 16 << 20 };
	p->umask = 0077;
	copy_text(p->shell, sizeof(p->shell), "/bin/sh");
	copy_text(p->profile, sizeof(p->profile), "default");
}

/* Those of the account itself, as login(1) would give it. */
static void
read_account_groups(
    const struct keys *k, const struct draft *d, struct policy *p)
{
	int n = account_groups(p->user, p->gid, p->groups, POLICY_MAX_GROUPS);

	if (n == ACCOUNTDB_NO_ANSWER)
		account_unknown(k, d->groups);
	else if (n < 0)
		keys_complain(k, d->groups,
		    "\"groups\": \"%s\" is in more than %d: list those that commands need",
		    p->user, POLICY_MAX_GROUPS);
	else
		p->group_count = (size_t)n;
}

static void
read_groups(const struct keys *k, const struct draft *d, struct policy *p)
{
	const struct json_value *v;

	if (d->groups != NULL && json_is(d->groups, JSON_STRING) &&
	    bytes_eq_str(d->groups->text, "account")) {
		read_account_groups(k, d, p);
		return;
	}
	if (d->groups == NULL || !keys_array(k, d->groups, "\"groups\""))
		return;
	if (d->groups->count > POLICY_MAX_GROUPS) {
		keys_complain(
		    k, d->groups, "\"groups\": at most %d", POLICY_MAX_GROUPS);
		return;
	}
	for (v = d->groups->child; v != NULL; v = v->next)
		if (account_group(k, v, &p->groups[p->group_count]))
			p->group_count++;
}

static bool
is_one_of(gid_t gid, const gid_t *of, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (of[i] == gid)
			return true;
	return false;
}

/* Each of these is the policy's group or in the other list. */
static bool
are_among(const struct policy *p, const gid_t *some, size_t count,
    const gid_t *all, size_t n)
{
	for (size_t i = 0; i < count; i++)
		if (some[i] != p->gid && !is_one_of(some[i], all, n))
			return false;
	return true;
}

/* Groups that we cannot leave: they are shown, and no others can be named. */
static void
read_own_groups(const struct keys *k, const struct draft *d, struct policy *p)
{
	gid_t own[POLICY_MAX_GROUPS];
	int got = getgroups(POLICY_MAX_GROUPS, own);
	size_t n = got > 0 ? (size_t)got : 0;

	if (got < 0) {
		keys_complain(k, d->root,
		    "you are in more than %d groups, which commands would keep: start mcp-execd as an account that is in fewer",
		    POLICY_MAX_GROUPS);
		return;
	}
	if (d->groups != NULL && !json_is(d->groups, JSON_STRING) &&
	    !(are_among(p, own, n, p->groups, p->group_count) &&
		are_among(p, p->groups, p->group_count, own, n)))
		keys_complain(k, d->groups,
		    "commands keep your own supplementary groups, which only root can change: leave \"groups\" out, or write \"account\"");
	memcpy(p->groups, own, n * sizeof(own[0]));
	p->group_count = n;
}

/*
 * Without privileges there is only one identity: ours.  Naming another is a
 * finding.
 */
static void
check_own_identity(
    const struct keys *k, const struct draft *d, struct policy *p)
{

	if (p->uid != geteuid())
		keys_complain(k, d->user,
		    "only root can run commands as \"%s\": start mcp-execd as root, or leave \"user\" out",
		    p->user);
	if (p->gid != getegid())
		keys_complain(k, d->group != NULL ? d->group : d->user,
		    "only root can run commands in group %u: start mcp-execd as root, or leave \"group\" out",
		    (unsigned)p->gid);
	read_own_groups(k, d, p);
}

static void
read_identity(const struct keys *k, const struct draft *d, struct policy *p)
{
	struct account who;

	if (!account_self(k, &who))
		return;
	if (d->user != NULL) {
		if (!account_user(k, d->user, &who))
			return;
	} else if (caps_can_change_ids()) {
		keys_complain(k, d->root,
		    "\"user\" is missing: name the account that commands run as (\"root\" only if that is what you want)");
		return;
	}
	if (!who.has_gid && d->group == NULL) {
		keys_complain(k, d->user,
		    "uid %u has no account, so \"group\" is needed as well",
		    (unsigned)who.uid);
		return;
	}
	p->uid = who.uid;
	p->gid = who.gid;
	copy_text(p->user, sizeof(p->user), who.name);
	copy_text(p->home, sizeof(p->home), who.home);
	if (d->group != NULL && !account_group(k, d->group, &p->gid))
		return;
	read_groups(k, d, p);
	if (!caps_can_change_ids())
		check_own_identity(k, d, p);
}

static void
complain_capabilities(const struct keys *k, const struct json_value *at,
    uint64_t bits, const char *why)
{
	CLEANUP_BUF struct buf text = { 0 };

	if (bits == 0)
		return;
	buf_init(&text, 1024);
	capability_list(bits, &text);
	keys_complain(k, at, "%s: %s", buf_cstr(&text), why);
}

/* What they would undo, or what this process cannot give. */
static void
check_capabilities(
    const struct keys *k, const struct draft *d, const struct policy *p)
{
	const uint64_t escapes = capability_escapes();
	const uint64_t handles =
	    capability_find(BYTES_LIT("cap_dac_read_search"));
	const struct json_value *at = d->capabilities;

	if (p->capabilities == 0)
		return;
	if (!caps_can_change_ids()) {
		keys_complain(k, at,
		    "only root can keep capabilities: start mcp-execd as root, or leave \"capabilities\" out");
		return;
	}
	complain_capabilities(k, at, p->capabilities & ~caps_of_runs(),
	    "mcp-execd has none of these to give: systemctl edit mcp-execd, then the lines [Service] and CapabilityBoundingSet= with their names (for @packages see examples/systemd/packages.conf), and restart it");
	if ((p->confine.layers & CONFINE_WALLS) != 0) {
		complain_capabilities(k, at,
		    p->capabilities & escapes & handles,
		    "it opens files past every path: name CAP_DAC_OVERRIDE, which reads each file in view, or \"disable\" the layers mounts and landlock if it is not to be confined");
		complain_capabilities(k, at,
		    p->capabilities & escapes & ~handles,
		    "with these a command leaves its confinement: leave them out, or \"disable\" the layers mounts and landlock if it is not to have one");
	}
	if (p->confine.network == CONFINE_LOOK)
		complain_capabilities(k, at,
		    p->capabilities &
			capability_find(BYTES_LIT("cap_net_admin")),
		    "it changes the network that \"network\": \"look\" only shows: leave it out, or say \"host\"");
}

static void
read_capabilities(const struct keys *k, const struct draft *d, struct policy *p)
{
	const struct json_value *v;
	uint64_t bits;

	if (d->capabilities == NULL ||
	    !keys_array(k, d->capabilities, "\"capabilities\""))
		return;
	for (v = d->capabilities->child; v != NULL; v = v->next) {
		bits = json_is(v, JSON_STRING) ? capability_find(v->text) : 0;
		if (bits == 0)
			keys_complain(k, v,
			    "\"capabilities\" has names of capabilities(7), such as \"CAP_NET_RAW\", and the sets @packages, @services and @network-tools");
		p->capabilities |= bits;
	}
	p->confine.net_changeable = p->capabilities != 0;
	check_capabilities(k, d, p);
}

static void
read_directory(const struct keys *k, const struct draft *d, struct policy *p)
{
	int fd;

	if (d->narrow != NULL) {
		copy_text(
		    p->directory, sizeof(p->directory), d->narrow->directory);
		p->dir_fd = d->narrow->dir_fd;
		return;
	}
	if (d->directory == NULL || !keys_string(k, d->directory, 1,
					p->directory, sizeof(p->directory)))
		return;
	if (p->directory[0] != '/') {
		keys_complain(k, d->directory,
		    "\"directory\" must be an absolute path, such as \"/srv/app\"");
		return;
	}
	fd = beneath_open_real(p->directory, BENEATH_DIRECTORY);
	if (fd == -1) {
		keys_complain(k, d->directory,
		    "the directory \"%s\" cannot be used: %s",
		    log_text(d->directory->text).s, strerror(errno));
		return;
	}
	p->dir_fd = fd;
}

/* Nothing has that name: one that comes near, or else what to do. */
static void
complain_unknown(const struct keys *k, const struct json_value *v,
    const char *what, const char *close, const char *advice)
{
	if (close == NULL)
		keys_complain(k, v, "there is no %s \"%s\": %s", what,
		    log_text(v->text).s, advice);
	else
		keys_complain(k, v,
		    "there is no %s \"%s\": did you mean \"%s\"?", what,
		    log_text(v->text).s, close);
}

/* Suggest the closest known tool name. */
static void
complain_tool(
    const struct keys *k, const struct draft *d, const struct json_value *v)
{
	const char *names[TOOLDEF_MAX_TOOLS + 3], *close;
	size_t n = 0;

	for (; tool_names[n] != NULL; n++)
		names[n] = tool_names[n];
	for (size_t i = 0; d->known != NULL && i < d->known->count; i++)
		names[n++] = d->known->t[i]->name;
	names[n] = NULL;
	close = closest_word(v->text, names);
	complain_unknown(k, v, "tool", close,
	    "use exec_cmd, cli_command, define it in \"tool_dir\" (mcp-execd-tool(5)), or enable its pack (mcp-execctl tools enable)");
}

/*
 * def: NULL for a tool that is built in.  Without a shell exec_cmd cannot be
 * offered: said aloud if it was asked for.
 */
static void
add_tool(const struct keys *k, const struct json_value *v, const char *name,
    struct tooldef *def, struct policy *p)
{
	if (p->tool_count == POLICY_MAX_TOOLS)
		keys_complain(k, v,
		    "\"tools\" come to more than %d: %s is one too many",
		    POLICY_MAX_TOOLS, name);
	else if (policy_offers(p, bytes_of(name)))
		keys_complain(k, v, "\"%s\" is there twice", name);
	else if (strcmp(name, "exec_cmd") == 0 && p->shell[0] == '\0')
		keys_complain(k, v,
		    "exec_cmd needs a shell: set \"shell\", or offer only cli_command");
	else if (def != NULL && !policy_is_elevated(p, def) &&
		 def->timeout_ms > p->timeout_max_ms)
		keys_complain(k, v,
		    "%s may take %u ms, \"timeout_max_ms\" is %u: raise it, or lower \"timeout_ms\" in the tool's definition",
		    name, def->timeout_ms, p->timeout_max_ms);
	else {
		copy_text(p->tools[p->tool_count], sizeof(p->tools[0]), name);
		p->defined[p->tool_count++] =
		    def != NULL ? tooldef_ref(def) : NULL;
	}
}

/* "@NAME": the tools whose definitions name this pack. */
static void
add_pack(const struct keys *k, const struct draft *d,
    const struct json_value *v, const char *pack, struct policy *p)
{
	bool found = false;

	for (size_t i = 0; d->known != NULL && i < d->known->count; i++) {
		struct tooldef *def = d->known->t[i];

		if (strcmp(def->pack, pack) != 0)
			continue;
		found = true;
		add_tool(k, v, def->name, def, p);
	}
	if (!found)
		keys_complain(k, v,
		    "no tool of the pack \"%s\" is enabled: mcp-execctl tools enable %s, or take \"@%s\" out",
		    pack, pack, pack);
}

static void
read_tool(const struct keys *k, const struct draft *d,
    const struct json_value *v, struct policy *p)
{
	char name[sizeof(p->tools[0])];
	struct tooldef *def;

	if (!keys_string(k, v, 1, name, sizeof(name)))
		return;
	def = tooldef_find(d->known, v->text);
	if (bytes_starts(v->text, "job_") && tooldef_is_built_in(v->text))
		keys_complain(k, v,
		    "%s is offered by the key \"jobs\": leave it out here",
		    name);
	else if (name[0] == '@')
		add_pack(k, d, v, name + 1, p);
	else if (def == NULL && !tooldef_is_built_in(v->text))
		complain_tool(k, d, v);
	else
		add_tool(k, v, name, def, p);
}

static void
read_tools(const struct keys *k, const struct draft *d, struct policy *p)
{
	const struct json_value *v;

	if (d->tools == NULL) {
		for (size_t i = 0; tool_names[i] != NULL; i++)
			if (i > 0 || p->shell[0] != '\0')
				copy_text(p->tools[p->tool_count++],
				    sizeof(p->tools[0]), tool_names[i]);
		return;
	}
	if (!keys_array(k, d->tools, "\"tools\""))
		return;
	if (d->tools->count == 0 || d->tools->count > POLICY_MAX_TOOLS) {
		keys_complain(k, d->tools,
		    "\"tools\" needs at least one name, such as \"cli_command\", and at most %d",
		    POLICY_MAX_TOOLS);
		return;
	}
	for (v = d->tools->child; v != NULL; v = v->next)
		read_tool(k, d, v, p);
}

static void
read_shell(const struct keys *k, const struct draft *d, struct policy *p)
{
	struct stat st;

	if (json_is(d->shell, JSON_NULL)) {
		p->shell[0] = '\0';
		return;
	}
	if (d->shell != NULL &&
	    !keys_string(k, d->shell, 1, p->shell, sizeof(p->shell)))
		return;
	if (p->shell[0] != '/')
		keys_complain(k, d->shell,
		    "\"shell\" must be an absolute path, such as \"/bin/sh\", or null for none");
	else if (stat(p->shell, &st) != 0)
		keys_complain(k, d->shell, "the shell %s cannot be used: %s",
		    log_text(bytes_of(p->shell)).s, strerror(errno));
	else if (!S_ISREG(st.st_mode) || access(p->shell, X_OK) != 0)
		keys_complain(k, d->shell, "%s is not an executable file",
		    log_text(bytes_of(p->shell)).s);
}

static bool
variable_ok(const struct keys *k, const struct json_value *v, struct bytes name,
    bool fixed)
{
	enum envname_rule rule = envname_check(name);

	if (!envname_is_name(name)) {
		keys_complain(k, v,
		    "\"%s\" is not a variable name: use letters, digits and \"_\"",
		    log_text(name).s);
		return false;
	}
	if (rule == ENVNAME_FREE || (fixed && rule == ENVNAME_FIXED))
		return true;
	keys_complain(k, v,
	    "%s changes what programs run or load, so %s: remove it",
	    log_text(name).s,
	    fixed ? "it is never set" : "a caller may never set it");
	return false;
}

static void
set_variable(const struct keys *k, const struct json_value *v, struct policy *p)
{
	char value[4096];

	if (!variable_ok(k, v, v->key, true) ||
	    !keys_string(k, v, 0, value, sizeof(value)))
		return;
	if (asprintf(&p->env[p->env_count], "%.*s=%s", (int)v->key.len,
		(const char *)v->key.p, value) == -1)
		keys_complain(k, v, "no memory");
	else
		p->env_count++;
}

static void
allow_variable(
    const struct keys *k, const struct json_value *v, struct policy *p)
{
	char name[CONF_MAX_NAME];

	if (!keys_string(k, v, 1, name, sizeof(name)) ||
	    !variable_ok(k, v, v->text, false))
		return;
	p->env_allowed[p->env_allowed_count] = strdup(name);
	if (p->env_allowed[p->env_allowed_count] == NULL)
		keys_complain(k, v, "no memory");
	else
		p->env_allowed_count++;
}

static bool
list_ok(const struct keys *k, const struct json_value *v, enum json_type type,
    const char *example)
{
	if (v == NULL)
		return false;
	if (json_is(v, type) && v->count <= POLICY_MAX_ENV)
		return true;
	keys_complain(k, v, "must be %s with at most %d entries", example,
	    POLICY_MAX_ENV);
	return false;
}

static void
read_environment(const struct keys *k, const struct draft *d, struct policy *p)
{
	const struct json_value *v;

	if (list_ok(k, d->set, JSON_OBJECT, "{\"NAME\": \"value\"}"))
		for (v = d->set->child; v != NULL; v = v->next)
			set_variable(k, v, p);
	if (list_ok(k, d->allow, JSON_ARRAY, "[\"NAME\"]"))
		for (v = d->allow->child; v != NULL; v = v->next)
			allow_variable(k, v, p);
}

static const struct json_value *
limit_at(const struct draft *d, const char *key)
{
	const struct json_value *v = json_get(json_get(d->root, "limits"), key);

	return v != NULL ? v : d->root;
}

/*
 * A user's processes send no descriptor while more than the sender's limit are
 * on their way from all of them, unix(7), which mcp-execd does for each run: one
 * of its own user may have half of what it has, or it could stop all others.
 */
static rlim_t
beside_service(const struct keys *k, const struct draft *d,
    const struct policy *p, const struct rlimit_row *row, rlim_t value)
{
	struct rlimit own;
	rlim_t most;

	if (row->resource != RLIMIT_NOFILE || p->uid != geteuid() ||
	    getrlimit(RLIMIT_NOFILE, &own) != 0)
		return value;
	if (value > own.rlim_max && !caps_can_raise_limits())
		return value; /* within_hard_limit said so */
	most = own.rlim_max < POLICY_SERVICE_FILES ? own.rlim_max
						   : POLICY_SERVICE_FILES;
	if (value <= most / 2)
		return value;
	if (limit_at(d, row->key) == d->root)
		return most / 2;
	if (most == POLICY_SERVICE_FILES)
		keys_complain(k, limit_at(d, row->key),
		    "\"%s\" is above %llu, half of what mcp-execd ever has, whose user this is, too, so that a run could keep all others from starting: set it lower",
		    row->key, (unsigned long long)(most / 2));
	else
		keys_complain(k, limit_at(d, row->key),
		    "\"%s\" is above %llu, half of what mcp-execd has, whose user this is, too, so that a run could keep all others from starting: set it lower, or the limit of mcp-execd higher (ulimit -n, LimitNOFILE= of the unit)",
		    row->key, (unsigned long long)(most / 2));
	return value;
}

/* Only the privileged may raise a hard limit: say so now, not at each run. */
static rlim_t
within_hard_limit(const struct keys *k, const struct draft *d,
    const struct rlimit_row *row, rlim_t value)
{
	struct rlimit own;

	if (caps_can_raise_limits() ||
	    getrlimit((__rlimit_resource_t)row->resource, &own) != 0 ||
	    value <= own.rlim_max)
		return value;
	/* No core file is had with less than was meant, too (limit_of). */
	if (limit_at(d, row->key) == d->root ||
	    (row->resource == RLIMIT_CORE && d->rlimits[RLIMIT_CORE] == 0))
		return own.rlim_max;
	keys_complain(k, limit_at(d, row->key),
	    "\"%s\" is above this process's own limit of %llu, which takes CAP_SYS_RESOURCE to raise: set the limit of mcp-execd higher (ulimit, Limit...= of the unit), or this one lower",
	    row->key, (unsigned long long)own.rlim_max);
	return value;
}

/* enum cgroup_controller bits that runs of this policy have. */
static unsigned
controllers_of(const struct policy *p)
{
	return (p->confine.layers & CONFINE_CGROUP) != 0 ? cgroup_controllers()
							 : 0;
}

/* What a control group limits better than an rlimit would. */
static bool
by_cgroup(int resource, uint64_t value, struct policy *p)
{
	unsigned has = controllers_of(p);

	if (resource == RLIMIT_AS && (has & CGROUP_MEMORY) != 0)
		p->cgroup.memory_bytes = value;
	else if (resource == RLIMIT_NPROC && (has & CGROUP_PIDS) != 0)
		p->cgroup.processes = value;
	else
		return false;
	return true;
}

/* No core file, and no core handler of the machine either, core(5). */
static rlim_t
limit_of(const struct rlimit_row *row, uint64_t value)
{
	return row->resource == RLIMIT_CORE && value == 0 ? 1 : (rlim_t)value;
}

static const char *
by_default(const struct draft *d, const char *name)
{
	return limit_at(d, name) == d->root ? ", the default" : "";
}

/* What is there is what was read; else that is a finding already. */
static bool
is_read(const struct draft *d, const char *name, uint32_t value)
{
	const struct json_value *v = limit_at(d, name);
	int64_t n;

	return v == d->root || (json_to_i64(v, &n) && n == (int64_t)value);
}

static void
read_limits(const struct keys *k, const struct draft *d, struct policy *p)
{
	if (p->timeout_ms > p->timeout_max_ms &&
	    is_read(d, "timeout_ms", p->timeout_ms) &&
	    is_read(d, "timeout_max_ms", p->timeout_max_ms))
		keys_complain(k,
		    limit_at(d, limit_at(d, "timeout_ms") != d->root
				    ? "timeout_ms"
				    : "timeout_max_ms"),
		    "\"timeout_ms\" (%u%s) is above \"timeout_max_ms\" (%u%s): set both",
		    p->timeout_ms, by_default(d, "timeout_ms"),
		    p->timeout_max_ms, by_default(d, "timeout_max_ms"));
	if (p->cgroup.cpu_percent > 0 && (controllers_of(p) & CGROUP_CPU) == 0)
		keys_complain(k, limit_at(d, "cpu_percent"),
		    "\"cpu_percent\" needs the layer cgroup with the cpu controller: see \"cgroup\" in mcp-execd.json(5)");
	if ((controllers_of(p) & CGROUP_PIDS) != 0)
		p->cgroup.processes = cgroup_fair_processes();
	for (size_t i = 0; i < RLIMIT_ROWS; i++) {
		const struct rlimit_row *row = &rlimit_rows[i];
		uint64_t value = d->rlimits[row->resource];

		if (value == NOT_SET || by_cgroup(row->resource, value, p))
			continue;
		p->rlimits[p->rlimit_count++] = (struct policy_rlimit){
			row->resource, row->key,
			beside_service(k, d, p, row,
			    within_hard_limit(k, d, row, limit_of(row, value)))
		};
	}
}

static void
read_umask(const struct keys *k, const struct json_value *v, struct policy *p)
{
	char text[8];
	mode_t mask = 0;

	if (v == NULL)
		return;
	if (!json_is(v, JSON_STRING) || v->text.len < 3 || v->text.len > 4 ||
	    bytes_to_str(v->text, text, sizeof(text), &(struct err){ 0 }) !=
		0 ||
	    strspn(text, "01234567") != v->text.len) {
		keys_complain(k, v,
		    "\"umask\" must be octal digits in quotes, such as \"0077\"");
		return;
	}
	for (size_t i = 0; i < v->text.len; i++)
		mask = mask << 3 | (mode_t)(text[i] - '0');
	if (mask > 0777)
		keys_complain(k, v, "\"umask\" is above \"0777\"");
	else
		p->umask = mask;
}

static void
complain_profile(const struct keys *k, const struct json_value *v)
{
	char known[256];
	size_t len;

	copy_text(known, sizeof(known), "none");
	for (size_t i = 0; profile_at(i) != NULL; i++) {
		len = strlen(known);
		(void)snprintf(known + len, sizeof(known) - len, ", %s",
		    profile_at(i)->name);
	}
	keys_complain(k, v, "there is no profile \"%s\": use one of %s",
	    v != NULL ? log_text(v->text).s : "default", known);
}

static void
read_profile(const struct keys *k, const struct json_value *v, struct policy *p)
{
	if (v != NULL && !keys_string(k, v, 1, p->profile, sizeof(p->profile)))
		return;
	if (strcmp(p->profile, "none") != 0 &&
	    profile_find(bytes_of(p->profile)) == NULL)
		complain_profile(k, v);
}

/* Of the groups and what is in them; other calls have no list of ours. */
static void
complain_call(const struct keys *k, const struct json_value *v)
{
	const char *names[1024], *close;
	const struct syscall_group *g;
	size_t n = 0;

	for (size_t i = 0; (g = syscall_group_at(i)) != NULL && n < 1023; i++) {
		names[n++] = g->name;
		for (size_t j = 0; g->calls[j] != NULL && n < 1023; j++)
			names[n++] = g->calls[j];
	}
	names[n] = NULL;
	close = closest_word(v->text, names);
	complain_unknown(k, v, "system call or group", close,
	    "write its name as in syscalls(2), such as \"personality\", or a group, such as \"@ipc\"; mcp-execd-policy(5) lists those");
}

/*
 * Names of calls or groups for the filter, into list, which NULL ends; they
 * live in *names.
 */
static void
read_calls(const struct keys *k, const struct json_value *v, const char *what,
    struct call_names *names, const char *list[PROFILE_MAX_CHANGES + 1])
{
	size_t n = 0;
	char *name;

	memset(names, 0, sizeof(*names));
	if (v == NULL || !keys_array(k, v, what))
		return;
	for (v = v->child; v != NULL; v = v->next) {
		name = names->text[n];
		if (n == PROFILE_MAX_CHANGES) {
			keys_complain(k, v, "%s: at most %d names", what,
			    PROFILE_MAX_CHANGES);
			return;
		}
		if (!keys_string(k, v, 1, name, sizeof(names->text[0])))
			continue;
		if (profile_knows(name))
			list[n++] = name;
		else
			complain_call(k, v);
	}
}

static bool
is_true(const struct keys *k, const struct json_value *v)
{
	if (v == NULL)
		return false;
	if (!json_is(v, JSON_BOOL))
		keys_complain(k, v, "\"%.*s\" must be true or false",
		    (int)v->key.len, (const char *)v->key.p);
	return v->type == JSON_BOOL && v->boolean;
}

/* Which of a run's output is recorded, and how much of it. */
static void
read_recording(
    const struct keys *k, const struct json_value *v, struct policy *p)
{
	static const uint32_t by_default[] = { 0, 64 << 10, 64 << 20 };
	enum recorder_mode m = RECORDER_OFF;

	while (v != NULL && m <= RECORDER_ALL &&
	       (v->type != JSON_STRING ||
		   !bytes_eq_str(v->text, recorder_mode_name(m))))
		m++;
	if (m > RECORDER_ALL) {
		keys_complain(
		    k, v, "\"output\" must be \"off\", \"tail\" or \"all\"");
		return;
	}
	p->output = m;
	if (p->output_max == 0)
		p->output_max = by_default[m];
	if (m == RECORDER_TAIL && p->output_max > RECORDER_MAX_TAIL)
		keys_complain(k, v,
		    "\"output_bytes\": at most %d with \"tail\", which is held in memory; or use \"all\"",
		    RECORDER_MAX_TAIL);
}

/* Which of two words v is: true for the second; neither is a finding. */
static bool
is_second(const struct keys *k, const struct json_value *v, const char *key,
    const char *first, const char *second)
{
	if (v == NULL ||
	    (v->type == JSON_STRING && bytes_eq_str(v->text, first)))
		return false;
	if (v->type == JSON_STRING && bytes_eq_str(v->text, second))
		return true;
	keys_complain(
	    k, v, "\"%s\" must be \"%s\" or \"%s\"", key, first, second);
	return false;
}

/* What answers to the model look like. */
static void
read_answers(const struct keys *k, const struct draft *d, struct policy *p)
{
	p->structured = is_true(k, d->structured);
	p->separate =
	    is_second(k, d->streams, "streams", "together", "separate");
	p->raw_text = is_second(k, d->text, "text", "clean", "raw");
	p->ends_calls =
	    is_second(k, d->disconnect, "on_disconnect", "continue", "end");
}

/* Without the key there are none. */
static void
read_jobs(const struct keys *k, const struct draft *d, struct policy *p)
{
	if (json_get(d->root, "jobs") == NULL) {
		p->jobs = (struct policy_jobs){ 0 };
		return;
	}
	p->jobs.offered = true;
	p->jobs.go_on =
	    is_second(k, d->abandoned, "abandoned", "end", "continue");
	p->jobs.pty = d->pty == NULL || is_true(k, d->pty);
	p->jobs.survive = is_true(k, d->survive);
}

/* Compiling takes milliseconds; directories have no part in it. */
static int
make_filter(const struct draft *d, const struct profile_choice *c,
    struct policy *p, struct err *e)
{
	if (d->narrow != NULL) {
		filter_copy(&d->narrow->whole->filter, &p->filter);
		return 0;
	}
	return profile_compile(c,
	    p->log_only    ? FILTER_LOG_ONLY
	    : p->explained ? FILTER_TELL
			   : FILTER_ENFORCE,
	    &p->filter, e);
}

/*
 * Could a run change mounts in a mount namespace of its own?  Landlock lets it
 * change none, in whichever namespace.
 */
static bool
may_mount(const struct policy *p, const struct profile_choice *c)
{
	static const char *const makers[] = { "unshare", "clone", "clone3" };
	const char *const *call = syscall_group_find("@mount")->calls;
	bool makes = false, changes = false;

	if ((p->confine.layers & CONFINE_LANDLOCK) != 0)
		return false;
	if ((p->confine.layers & CONFINE_SECCOMP) == 0 || p->log_only)
		return true;
	if (c->profile == NULL) /* a name that is reported already */
		return false;
	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++)
		makes |= profile_allows(c, makers[i]);
	for (; makes && *call != NULL; call++)
		changes |= profile_allows(c, *call);
	return changes;
}

/* A file system of a run's own executes, and so does a file in memory. */
static void
check_noexec(const struct keys *k, const struct draft *d,
    const struct policy *p, const struct profile_choice *c)
{
	const struct json_value *at =
	    d->confine.noexec != NULL ? d->confine.noexec : d->confine.programs;

	if (!p->confine.noexec)
		return;
	if ((p->confine.layers & CONFINE_SECCOMP) == 0)
		keys_complain(k, at,
		    "\"noexec\", which \"programs\" implies, needs the layer seccomp, without which files in memory execute, memfd_create(2): choose a profile other than none");
	else if (may_mount(p, c))
		keys_complain(k, at,
		    "\"noexec\" cannot be kept where a run may mount a file system of its own: it needs the layer landlock, or a profile that allows neither @mount nor @namespace");
}

/* What takes something away of the writable place that it is in. */
static bool
is_narrower(const struct mounts_op *op, const struct mounts_op *in)
{
	return in != NULL && mounts_is_writable(in->kind) && !op->pin &&
	       (op->kind == MOUNTS_READ || op->kind == MOUNTS_PROGRAM ||
		   op->kind == MOUNTS_HIDE || op->kind == MOUNTS_PROTECT);
}

/*
 * A mount keeps its place from being renamed, but in its own namespace only:
 * a run could rename it from another one, in which it took the mount off.
 */
static void
check_pins(const struct keys *k, const struct draft *d, const struct policy *p,
    const struct profile_choice *c)
{
	const struct mounts *m = &p->confine.mounts;
	const struct mounts_op *in;

	if ((p->confine.layers & CONFINE_MOUNTS) == 0 || !may_mount(p, c))
		return;
	for (size_t i = 0; i < m->count; i++) {
		in = mounts_above(m, m->op[i].path);
		if (is_narrower(&m->op[i], in))
			keys_complain(k, json_get(d->root, "syscalls"),
			    "%s is inside %s, which may be written, and a run that changes mounts in a namespace of its own could move it: that needs the layer landlock, or a profile that allows neither @mount nor @namespace",
			    log_text(bytes_of(m->op[i].path)).s,
			    log_text(bytes_of(in->path)).s);
	}
}

/* Only the filter stands between such a run and the host's network. */
static void
check_look(const struct keys *k, const struct draft *d, const struct policy *p,
    const struct profile_choice *c)
{
	static const char *const makers[] = { "socket", "@socket",
		"io_uring_setup", "@io-uring" };

	if (p->confine.network != CONFINE_LOOK)
		return;
	if (p->log_only)
		keys_complain(k, d->log_only,
		    "\"log_only\" would let sockets be made, which \"network\": \"look\" rules out: leave one of them out");
	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++)
		for (size_t n = 0; c->allow[n] != NULL; n++)
			if (strcmp(c->allow[n], makers[i]) == 0)
				keys_complain(k, d->allow_calls,
				    "\"allow\": \"%s\" makes sockets of every family, which \"network\": \"look\" rules out: leave it out, or say \"host\"",
				    makers[i]);
}

const char *
policy_execs_name(enum policy_execs e)
{
	static const char *const names[] = { "off", "unheld", "held" };

	return names[e];
}

/* Who asks for it by name is not left with less. */
static void
check_execs(const struct keys *k, const struct draft *d, const struct policy *p)
{
	if (d->audit_exec == NULL || !is_true(k, d->audit_exec))
		return;
	if (p->execs == POLICY_EXECS_OFF)
		keys_complain(k, d->audit_exec,
		    "programs cannot be recorded without a filter that describes them: it needs the layer seccomp with a listener (run mcp-execctl doctor), a profile that is not none, and no log_only; leave \"exec\" out if you accept that only commands are recorded");
	else if (p->execs == POLICY_EXECS_UNHELD)
		keys_complain(k, d->audit_exec,
		    "no process can be held at its execve here, so that what is recorded of programs would be unconfirmed: allow ptrace(2) to mcp-execd (run mcp-execctl doctor), or leave \"exec\" out if you accept that");
}

/* Who tries out what a filter would refuse has none that ends a loader. */
static void
check_loaders(const struct keys *k, const struct draft *d,
    const struct policy *p, const struct profile_choice *c)
{
	if (p->confine.listed_programs && !c->watch_exec && !p->log_only &&
	    (p->confine.layers & CONFINE_SECCOMP) != 0)
		keys_complain(k, d->confine.programs,
		    "\"programs\" cannot be kept where no program is seen to start, as the dynamic loader then runs what is not listed: it needs the layer seccomp with a listener (run mcp-execctl doctor)");
}

/* Is a call that depends on its arguments allowed with any? */
static bool
has_call(const struct profile_choice *c, const char *name)
{
	for (size_t i = 0; c->allow[i] != NULL; i++)
		if (strcmp(c->allow[i], name) == 0 ||
		    strcmp(c->allow[i], "@process") == 0)
			return true;
	return false;
}

static bool
denies_pairs(const struct profile_choice *c)
{
	for (size_t i = 0; c->deny[i] != NULL; i++)
		if (strcmp(c->deny[i], "socketpair") == 0)
			return true;
	return false;
}

/* Is socket(2) allowed with any, or is there no filter at all? */
static bool
leaves_sockets(const struct profile_choice *c, const struct policy *p)
{
	if (p->confine.sockets || p->confine.own_sockets || p->log_only)
		return false;
	if (p->filter.prog.len == 0)
		return true;
	for (size_t i = 0; c->allow[i] != NULL; i++)
		if (strcmp(c->allow[i], "socket") == 0)
			return true;
	return false;
}

/*
 * Can its runs hand a descriptor to a process that goes on after them, without
 * that the guard hears of it (guard.c: take_listen)?  By a socket of others,
 * by a datagram, or by calls that no filter sees.
 */
static bool
hands_out(const struct profile_choice *c, const struct policy *p)
{
	static const char *const calls[] = { "socket", "socketpair", "connect",
		"listen", "sendmsg", "sendmmsg", "sendto" };
	size_t i, j;

	if (p->confine.sockets || p->any_socket || p->log_only ||
	    p->filter.prog.len == 0 || profile_allows(c, "io_uring_setup"))
		return true;
	for (i = 0; c->allow[i] != NULL; i++)
		for (j = 0; j < sizeof(calls) / sizeof(calls[0]); j++)
			if (strcmp(c->allow[i], calls[j]) == 0)
				return true;
	return false;
}

/* Can each connect be decided by its address? */
static bool
keeps_sockets(const struct profile_choice *c, const struct policy *p)
{
	return p->explained && !p->confine.no_sockets &&
	       probe_get()->killable && probe_get()->beneath &&
	       c->profile != NULL &&
	       (p->confine.layers & CONFINE_SECCOMP) != 0 &&
	       profile_allows(c, "connect") &&
	       !profile_allows(c, "io_uring_setup");
}

static void
check_denied(
    const struct keys *k, const struct draft *d, const struct profile_choice *c)
{
	if (c->profile != NULL && c->deny[0] != NULL &&
	    !profile_allows(c, "execve"))
		keys_complain(k, d->deny_calls,
		    "execve starts the command itself and cannot be denied: say with \"programs\" what may be run");
}

static void
compile_filter(const struct keys *k, const struct draft *d, struct policy *p)
{
	static struct call_names allow, deny;
	static struct profile_choice choice;
	struct err e;
	bool watches;

	memset(&choice, 0, sizeof(choice));
	choice.profile = profile_find(bytes_of(p->profile));
	choice.internet = p->confine.network == CONFINE_LOOPBACK ||
			  p->confine.network == CONFINE_HOST;
	choice.look = p->confine.network == CONFINE_LOOK;
	choice.sockets = p->confine.sockets;
	choice.noexec = p->confine.noexec;
	read_calls(k, d->allow_calls, "\"allow\"", &allow, choice.allow);
	read_calls(k, d->deny_calls, "\"deny\"", &deny, choice.deny);
	check_denied(k, d, &choice);
	p->log_only = is_true(k, d->log_only);
	p->explained = probe_get()->listener && !p->log_only;
	watches = p->explained && strcmp(p->profile, "none") != 0 &&
		  (p->confine.layers & CONFINE_SECCOMP) != 0;
	if (watches && (d->audit_exec == NULL || is_true(k, d->audit_exec)))
		p->execs = probe_get()->tracer ? POLICY_EXECS_HELD
					       : POLICY_EXECS_UNHELD;
	choice.watch_rights = p->explained && choice.profile != NULL &&
			      !profile_allows(&choice, "unshare") &&
			      !profile_allows(&choice, "setns") &&
			      !has_call(&choice, "clone");
	p->confine.own_sockets = keeps_sockets(&choice, p);
	choice.own_sockets = p->confine.own_sockets;
	choice.datagrams = p->confine.datagrams;
	choice.watch_exec =
	    p->execs != POLICY_EXECS_OFF ||
	    (watches && p->confine.listed_programs); /* loaders: dynloader.h */
	choice.confirm_exec = choice.watch_exec && !probe_get()->tracer;
	choice.watch_pid =
	    p->explained && p->confine.processes && probe_get()->killable;
	if (d->narrow != NULL)
		p->confine.watched = d->narrow->whole->confine.watched;
	else if (choice.profile != NULL)
		p->confine.watched = profile_watched(&choice);
	check_noexec(k, d, p, &choice);
	check_pins(k, d, p, &choice);
	check_look(k, d, p, &choice);
	check_execs(k, d, p);
	check_loaders(k, d, p, &choice);
	if ((p->confine.layers & CONFINE_SECCOMP) == 0)
		copy_text(p->profile, sizeof(p->profile), "none");
	else if (choice.profile != NULL && make_filter(d, &choice, p, &e) != 0)
		keys_complain(
		    k, d->profile, "profile \"%s\": %s", p->profile, e.what);
	p->no_pairs = denies_pairs(&choice);
	p->any_socket = leaves_sockets(&choice, p);
	p->hands_out = hands_out(&choice, p);
	p->no_namespaces = p->filter.prog.len > 0 && !p->log_only &&
			   !profile_allows(&choice, "unshare");
}

_Static_assert((int)CONFINE_MAX_TOOLS >= (int)TOOLDEF_MAX_TOOLS,
    "each definition has a place");

/* Each once: a policy may list a tool that names it, too. */
static void
add_program(const struct tooldef *t, struct confine_input *in)
{
	for (size_t i = 0; i < in->tool_count; i++)
		if (in->tools[i] == t->program)
			return;
	in->tools[in->tool_count++] = t->program;
}

/* Of tools that run under this policy, those of other policies too. */
static void
find_programs(
    const struct draft *d, const struct policy *p, struct confine_input *in)
{
	in->tool_count = 0;
	for (size_t i = 0; i < p->tool_count; i++)
		if (p->defined[i] != NULL &&
		    !policy_is_elevated(p, p->defined[i]))
			add_program(p->defined[i], in);
	for (size_t i = 0;
	     p->elevates && d->known != NULL && i < d->known->count; i++)
		if (strcmp(d->known->t[i]->policy, p->name) == 0)
			add_program(d->known->t[i], in);
}

static void
read_root(const struct keys *k, const struct json_value *root, struct draft *d)
{
	struct policy *p = &d->p;
	struct confine_input input = { .groups = p->groups };

	d->root = root;
	for (size_t i = 0; i < RLIMIT_ROWS; i++)
		d->rlimits[rlimit_rows[i].resource] = rlimit_rows[i].by_default;
	d->confine.tmp_bytes = TMP_BYTES;
	keys_read(k, root, policy_keys, d);
	read_identity(k, d, p);
	read_directory(k, d, p);
	read_shell(k, d, p);
	read_tools(k, d, p);
	p->elevates = is_true(k, d->elevates);
	read_environment(k, d, p);
	read_umask(k, d->umask, p);
	read_profile(k, d->profile, p);
	read_recording(k, d->audit_output, p);
	read_answers(k, d, p);
	read_jobs(k, d, p);
	input.uid = p->uid;
	input.gid = p->gid;
	input.group_count = p->group_count;
	input.directory = p->dir_fd >= 0 ? p->directory : NULL;
	if (d->narrow != NULL) {
		input.directory = d->narrow->whole->directory;
		input.narrow = p->directory;
		input.whole = &d->narrow->whole->confine.mounts;
	}
	input.shell =
	    p->shell[0] != '\0' && policy_offers(p, BYTES_LIT("exec_cmd"))
		? p->shell
		: NULL;
	find_programs(d, p, &input);
	input.filtered = strcmp(p->profile, "none") != 0;
	confine_load(k, &d->confine, &input, &p->confine);
	programnames_write(d->confine.programs, &input, p->programs);
	read_capabilities(k, d, p);
	read_limits(k, d, p);
	compile_filter(k, d, p);
}

/* Each with its end, so that no two policies have one digest. */
static void
add_text(struct digest *sum, const char *text)
{
	digest_update(sum, bytes_make(text, strlen(text) + 1));
}

static void
sum_texts(struct policy *p, const struct narrow *n)
{
	struct digest sum;

	digest_init(&sum);
	add_text(&sum, p->name);
	add_text(&sum, p->source);
	for (size_t i = 0; i < p->tool_count; i++) {
		if (p->defined[i] == NULL)
			continue;
		add_text(&sum, p->defined[i]->name);
		digest_update(
		    &sum, bytes_make(p->defined[i]->text_digest, DIGEST_BYTES));
	}
	if (n != NULL)
		add_text(&sum, n->directory);
	digest_final(&sum, p->text_digest);
}

static int
keep_policy(struct policy *p, struct policy **out, struct err *e)
{
	struct policy *kept = malloc(sizeof(*kept));

	if (kept == NULL)
		return err_sys(e, "policy %s", p->name);
	*kept = *p;
	kept->refs = 1;
	*out = kept;
	return 0;
}

/* d: all zero, except known and narrow. */
static int
parse_policy(const struct keys *k, const char *name, struct draft *d,
    struct policy **out, struct err *e)
{
	unsigned before = k->report->count;
	struct json_doc *doc;
	int rc = keys_parse(k->path, k->text, &doc, k->report, e);

	if (rc != 0) {
		if (d->narrow != NULL) /* taken over, see policy_narrow */
			(void)close(d->narrow->dir_fd);
		return rc;
	}
	set_defaults(&d->p);
	copy_text(d->p.name, sizeof(d->p.name), name);
	d->p.source = strndup((const char *)k->text.p, k->text.len);
	read_root(k, json_root(doc), d);
	json_free(doc);
	rc = keys_verdict(k->report, before, k->path, e);
	if (rc == 0 && d->p.source == NULL) {
		rc = err_set(e, ERR_BUSY, "policy %s: out of memory", name);
	} else if (rc == 0) {
		sum_texts(&d->p, d->narrow);
		rc = keep_policy(&d->p, out, e);
	}
	if (rc != 0)
		fini_policy(&d->p);
	return rc;
}

int
policy_parse(const char *path, const char *name, struct bytes text,
    const struct tooldef_table *tools, struct policy **out,
    struct conf_report *r, struct err *e)
{
	struct keys k = { path, text, r, "mcp-execd-policy(5)" };
	struct draft d;

	memset(&d, 0, sizeof(d));
	d.known = tools;
	return parse_policy(&k, name, &d, out, e);
}

/* The tools that it offers and that are not built in, sorted by name. */
static void
defined_tools(const struct policy *p, struct tooldef_table *out)
{
	size_t at;

	out->count = 0;
	for (size_t i = 0; i < p->tool_count; i++) {
		if (p->defined[i] == NULL)
			continue;
		for (at = out->count++; at > 0 && strcmp(out->t[at - 1]->name,
						      p->defined[i]->name) > 0;
		     at--)
			out->t[at] = out->t[at - 1];
		out->t[at] = p->defined[i];
	}
}

int
policy_narrow(const struct policy *p, const char *directory, int dir_fd,
    struct policy **out, struct err *e)
{
	struct narrow narrow = { p, directory, dir_fd };
	static struct tooldef_table known;
	struct conf_report report;
	struct keys k = { p->name, bytes_of(p->source), &report,
		"mcp-execd-policy(5)" };
	struct draft d;
	int rc;

	defined_tools(p, &known);
	memset(&d, 0, sizeof(d));
	d.known = &known;
	d.narrow = &narrow;
	conf_report_init(&report);
	rc = parse_policy(&k, p->name, &d, out, e);
	if (rc != 0 && report.count > 0)
		(void)err_set(e, ERR_BAD, "policy %.*s",
		    (int)strcspn((const char *)report.text.p, "\n"),
		    (const char *)report.text.p);
	conf_report_fini(&report);
	return rc;
}

int
policy_table_add(struct policy_table *t, struct policy *p, struct err *e)
{
	int rc;

	if (t->count == POLICY_MAX_POLICIES)
		rc = err_set(
		    e, ERR_BAD, "more than %d policies", POLICY_MAX_POLICIES);
	else
		rc = hashindex_add(&t->by_name, bytes_of(p->name), t->count, e);
	if (rc == 0)
		t->p[t->count++] = p;
	else
		policy_unref(p);
	return rc;
}

void
policy_table_fini(struct policy_table *t)
{
	for (size_t i = 0; i < t->count; i++)
		policy_unref(t->p[i]);
	t->count = 0;
	hashindex_fini(&t->by_name);
}

struct policy *
policy_find(const struct policy_table *t, struct bytes name)
{
	struct hashindex_walk w = hashindex_find(&t->by_name, name);
	size_t i;

	while (hashindex_next(&w, &i))
		if (i < t->count && bytes_eq_str(name, t->p[i]->name))
			return t->p[i];
	return NULL;
}

const struct key *
policy_key_table(void)
{
	return policy_keys;
}
