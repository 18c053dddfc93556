/* SPDX-License-Identifier: MIT */
/*
 * policy_explain: a policy's plan in plain words; nothing is run.
 *
 * Said from what was loaded and compiled, not from the file: this is what
 * stands around a run.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "common/cleanup.h"
#include "executor/confine/cgroup.h"
#include "executor/ctl/policy/dry_run.h"
#include "executor/ctl/policy/posture.h"
#include "executor/ctl/wrapped_text.h"
#include "executor/ctl/policy/filter_eval.h"
#include "executor/ctl/policy/sandbox_path.h"
#include "executor/confine/execlog.h"
#include "executor/confine/profiles.h"
#include "executor/confine/syscall_group.h"

#define VERB "policy explain"

enum {
	MAX_OUTPUT = 4 << 20,
	MAX_CALL = 1024, /* system calls have numbers below */
	MAX_SCRIPTS = 4 /* interpreters that are scripts themselves */
};

static const char help[] =
    "usage: mcp-execctl [-c CONFIG] policy explain POLICY [--shell]\n"
    "           [--dir DIR] [--timeout-ms N] [-- COMMAND...]\n"
    "       mcp-execctl [-c CONFIG] policy explain POLICY --tool NAME\n"
    "           [--arg NAME=VALUE]...\n\n"
    "Says what a run under the policy may do and what stands around it, and\n"
    "runs nothing.  With a COMMAND also which file would be executed,\n"
    "whether it may be, where, and with which environment and time.\n\n"
    "  --shell          as exec_cmd: the words, joined, are a line for the\n"
    "                   policy's shell; else as cli_command\n"
    "  --dir DIR        the working directory, inside the policy's\n"
    "  --timeout-ms N   as a caller may ask for\n"
    "  --tool NAME      a tool that the administrator defined\n"
    "  --arg NAME=VALUE a parameter of it\n\n"
    "Exit status: 1 if the command would be refused or not found.\n";

/* --- who, where, with what -------------------------------------------- */

static void
put_identity(struct buf *b, const struct policy *p)
{
	CLEANUP_BUF struct buf groups;

	buf_init(&groups, 1024);
	for (size_t i = 0; i < p->group_count; i++)
		wrapped_text_item(&groups, "%u", (unsigned)p->groups[i]);
	wrapped_text_row(b, "Identity",
	    "user %s (uid %u), group %u, further groups %s; home %s.  No capability in any set, and no_new_privs: set-user-ID programs gain nothing.",
	    p->user, (unsigned)p->uid, (unsigned)p->gid,
	    groups.len > 0 ? buf_cstr(&groups) : "none", p->home);
	if (p->uid == 0)
		wrapped_text_put(b, "",
		    "This is root: files of root are its own, and only the layers below stand between them and the command.");
}

static void
put_defined(struct buf *b, const char *label, const struct tooldef *t)
{
	CLEANUP_BUF struct buf text;

	buf_init(&text, 2 * TOOLARGV_MAX_TEXT);
	toolargv_describe(&t->argv, t->param, &text);
	wrapped_text_row(b, label, "%s: %s", t->name, buf_cstr(&text));
}

static void
put_tools(struct buf *b, const struct policy *p)
{
	for (size_t i = 0; i < p->tool_count; i++) {
		const char *label = i == 0 ? "Tools" : "";

		if (p->defined[i] != NULL)
			put_defined(b, label, p->defined[i]);
		else if (strcmp(p->tools[i], "exec_cmd") == 0)
			wrapped_text_row(
			    b, label, "exec_cmd: a line for %s -c", p->shell);
		else
			wrapped_text_put(b, label,
			    "cli_command: a program with arguments, without a shell");
	}
}

static void
put_environment(struct buf *b, const struct policy *p)
{
	CLEANUP_BUF struct buf allowed;

	buf_init(&allowed, 16384);
	for (size_t i = 0; i < p->env_allowed_count; i++)
		wrapped_text_item(&allowed, "%s", p->env_allowed[i]);
	wrapped_text_put(b, "Environment",
	    "built from nothing: PATH, HOME, USER, LOGNAME, SHELL, LANG, TERM and PWD");
	for (size_t i = 0; i < p->env_count; i++)
		wrapped_text_row(b, "", "set: %s", p->env[i]);
	wrapped_text_row(b, "", "a caller may set: %s",
	    allowed.len > 0 ? buf_cstr(&allowed) : "nothing");
}

/* --- files ------------------------------------------------------------ */

/* What each kind of operation is called, in the order it is shown. */
static const struct {
	enum mounts_kind kind;
	const char *words;
} kinds[] = {
	{ MOUNTS_READ, "read" },
	{ MOUNTS_PROGRAM, "read and execute" },
	{ MOUNTS_WRITE, "read and write" },
	{ MOUNTS_WRITE_NOEXEC, "read and write, nothing in it executes" },
	{ MOUNTS_TMPFS, "private, empty at the start, gone at the end" },
	{ MOUNTS_TMPFS_NOEXEC, "private, and nothing in it executes" },
	{ MOUNTS_DEV, "private, with the devices below" },
	{ MOUNTS_PROC, "processes of this run only, read-only" },
	{ MOUNTS_DEVICE, "devices" },
	{ MOUNTS_PROTECT, "not to be changed nor made" },
	{ MOUNTS_EMPTY, "emptied but for what is named below it" },
	{ MOUNTS_HIDE, "hidden" },
};

static void
put_files(struct buf *b, const struct policy *p)
{
	const struct mounts *m = &p->confine.mounts;
	bool root = (p->confine.layers & CONFINE_MOUNTS) != 0;
	CLEANUP_BUF struct buf paths = { 0 };

	if ((p->confine.layers & CONFINE_WALLS) == 0) {
		wrapped_text_put(b, "Files",
		    "NOTHING IN FORCE: neither mounts nor landlock is, so the permissions of the policy's user decide alone");
		return;
	}
	wrapped_text_put(b, "Files",
	    root
		? "a root of the run's own, in which there is only what follows"
		: "the host's root, of which Landlock lets the run use only what follows; names and sizes of other files show");
	buf_init(&paths, 65536);
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		buf_reset(&paths);
		for (size_t i = 0; i < m->count; i++)
			if (m->op[i].kind == kinds[k].kind &&
			    confine_shows(&p->confine, &m->op[i]))
				wrapped_text_item(&paths, "%s", m->op[i].path);
		if (paths.len > 0)
			wrapped_text_row(b, "", "%s: %s",
			    !root && kinds[k].kind == MOUNTS_PROC
				? "the machine's processes, as far as permissions show them"
				: kinds[k].words,
			    buf_cstr(&paths));
	}
}

/* What comes of a call; the guard lets go on what it only records. */
static enum filter_eval
outcome_of(const struct policy *p, int nr, const uint64_t args[6])
{
	enum filter_eval v = filter_eval_of(&p->filter, nr, args);
	struct unotify_call n = { .nr = nr };

	memcpy(n.args, args, sizeof(n.args));
	if (v != FILTER_EVAL_TOLD)
		return v;
	return execlog_wants(&n) ? FILTER_EVAL_ALLOWED : FILTER_EVAL_REFUSED;
}

static void
put_programs(struct buf *b, const struct policy *p)
{
	const uint64_t none[6] = { 0 };

	if (p->confine.listed_programs)
		wrapped_text_put(b, "Programs",
		    "only those named \"read and execute\" above, wherever in the run's process tree; no file that can be written executes");
	else if (p->confine.noexec)
		wrapped_text_put(b, "Programs",
		    "any that may be read; no file that can be written executes");
	else
		wrapped_text_put(b, "Programs",
		    "any that may be read, those that the run writes itself as well");
	if (p->confine.noexec &&
	    outcome_of(p, SYS_memfd_create, none) == FILTER_EVAL_ALLOWED)
		wrapped_text_put(b, "",
		    "but files in memory, memfd_create(2), can be written and execute");
	if (p->confine.noexec && (p->confine.layers & CONFINE_MOUNTS) == 0)
		wrapped_text_put(b, "",
		    "but without the layer mounts the dynamic loader runs what it may read");
}

/* --- network and system calls ----------------------------------------- */

static const struct {
	const char *name;
	int family;
} families[] = {
	{ "local (AF_UNIX)", AF_UNIX },
	{ "IPv4", AF_INET },
	{ "IPv6", AF_INET6 },
	{ "routing (netlink)", AF_NETLINK },
	{ "raw packets", AF_PACKET },
	{ "virtual machine (vsock)", AF_VSOCK },
	{ "kernel crypto (AF_ALG)", AF_ALG },
};

static void
put_families(struct buf *b, const struct policy *p)
{
	CLEANUP_BUF struct buf may, not ;
	uint64_t args[6] = { 0 };

	buf_init(&may, 1024);
	buf_init(&not, 1024);
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		args[0] = (uint64_t)families[i].family;
		wrapped_text_item(
		    outcome_of(p, SYS_socket, args) == FILTER_EVAL_ALLOWED
			? &may
			: &not,
		    "%s", families[i].name);
	}
	wrapped_text_row(b, "Sockets", "of these families may be made: %s",
	    may.len > 0 ? buf_cstr(&may) : "none");
	if (not .len > 0)
		wrapped_text_row(b, "", "refused: %s", buf_cstr(&not ));
}

static void
put_network(struct buf *b, const struct policy *p)
{
	static const char *const words[] = {
		"none: no address, not even 127.0.0.1",
		"loopback: an empty one of the run's own; nothing outside is reached, nor the host's 127.0.0.1",
		"host: as the host's, its 127.0.0.1 and whatever listens there as well",
	};

	wrapped_text_put(b, "Network", words[p->confine.network]);
	if (p->confine.network != CONFINE_HOST &&
	    (p->confine.layers & CONFINE_NET) == 0)
		wrapped_text_put(b, "",
		    "without the layer network this rests on the families of sockets below and, for TCP, on Landlock from ABI 4 on");
	put_families(b, p);
}

struct call_name {
	char text[32];
};

static enum filter_eval
verdict_by_name(const struct policy *p, const struct call_name names[MAX_CALL],
    const char *name)
{
	const uint64_t args[6] = { 0 };

	for (int nr = 0; nr < MAX_CALL; nr++)
		if (strcmp(names[nr].text, name) == 0)
			return outcome_of(p, nr, args);
	return FILTER_EVAL_UNKNOWN; /* of another architecture */
}

/* The calls of a group by what the filter says to them. */
static void
put_group(struct buf *b, const struct policy *p, const struct syscall_group *g,
    const struct call_name names[MAX_CALL])
{
	CLEANUP_BUF struct buf refused;
	size_t allowed = 0;
	enum filter_eval v;

	buf_init(&refused, 8192);
	for (size_t i = 0; g->calls[i] != NULL; i++) {
		v = verdict_by_name(p, names, g->calls[i]);
		if (v == FILTER_EVAL_ALLOWED)
			allowed++;
		else if (v != FILTER_EVAL_UNKNOWN)
			wrapped_text_item(&refused, "%s", g->calls[i]);
	}
	if (refused.len == 0)
		return;
	if (allowed == 0)
		wrapped_text_row(
		    b, "", "refused: %s (%s)", g->name, g->purpose);
	else
		wrapped_text_row(b, "", "refused of %s (%s): %s", g->name,
		    g->purpose, buf_cstr(&refused));
}

static void
put_calls(struct buf *b, const struct policy *p)
{
	static struct call_name names[MAX_CALL];
	const struct profile *profile = profile_find(bytes_of(p->profile));
	const struct syscall_group *g;

	if (p->filter.prog.len == 0) {
		wrapped_text_put(
		    b, "System calls", "all: profile none, no filter");
		return;
	}
	wrapped_text_row(b, "System calls", "profile %s: %s", p->profile,
	    profile != NULL ? profile->summary : "?");
	if (p->log_only)
		wrapped_text_put(b, "",
		    "NOT IN FORCE: log_only lets what is refused below go on, and only logs it");
	for (int nr = 0; nr < MAX_CALL; nr++)
		filter_call_name(nr, names[nr].text);
	for (size_t i = 0; (g = syscall_group_at(i)) != NULL; i++)
		put_group(b, p, g, names);
	wrapped_text_put(b, "",
	    "calls in no group fail as if the kernel did not have them; programs of a foreign ABI (32 bits, x32) are killed");
	wrapped_text_put(b, "",
	    p->explained ? "a refusal is explained to the caller and recorded"
			 : "refusals cannot be explained on this kernel");
	if (p->audit_exec)
		wrapped_text_put(b, "", "each program that starts is recorded");
}

static void
put_recording(struct buf *b, const struct policy *p)
{
	if (p->output == RECORDER_OFF)
		wrapped_text_put(
		    b, "Output", "not recorded: what is cut is gone");
	else if (p->output == RECORDER_TAIL)
		wrapped_text_row(b, "Output",
		    "the last %u bytes of a run are recorded, and its token can read them",
		    p->output_max);
	else
		wrapped_text_row(b, "Output",
		    "all is recorded, and its token can read it; a run that writes more than %u bytes, or that cannot be recorded, is ended",
		    p->output_max);
}

/* --- limits and layers ------------------------------------------------ */

static void
put_limit(struct buf *b, const char *key, uint64_t value)
{
	if (value > 0)
		wrapped_text_row(b, "",
		    "%s: %llu, of the whole run by its cgroup%s", key,
		    (unsigned long long)value,
		    cgroup_supposed() ? ", if mcp-execd has one" : "");
}

static void
put_limits(struct buf *b, const struct policy *p)
{
	wrapped_text_row(b, "Limits",
	    "%u ms, if the caller names no time, at most %u ms; then SIGTERM and, %u ms later, SIGKILL to the whole process tree",
	    p->timeout_ms, p->timeout_max_ms, p->kill_grace_ms);
	wrapped_text_row(b, "",
	    "%u runs at the same time and %u a minute, of one token; of each output %u bytes are returned",
	    p->runs, p->runs_per_minute, p->output_bytes);
	for (size_t i = 0; i < p->rlimit_count; i++)
		wrapped_text_row(b, "", "%s: %llu", p->rlimits[i].key,
		    (unsigned long long)p->rlimits[i].value);
	put_limit(b, "memory_bytes", p->cgroup.memory_bytes);
	put_limit(b, "processes", p->cgroup.processes);
	put_limit(b, "cpu_percent", p->cgroup.cpu_percent);
	wrapped_text_row(b, "", "umask: %04o", (unsigned)p->umask);
}

static void
put_layers(struct buf *b, const struct policy *p)
{
	CLEANUP_BUF struct buf in, out;

	buf_init(&in, 1024);
	buf_init(&out, 4096);
	posture_layers(&in, p);
	posture_missing(&out, p);
	wrapped_text_row(b, "Layers", "in force: %s", buf_cstr(&in));
	if (out.len > 0)
		wrapped_text_row(b, "", "not in force: %s", buf_cstr(&out));
	wrapped_text_put(b, "",
	    "each run's audit record repeats them under \"posture\"; a layer in force that fails ends the run before the command starts");
}

static void
put_policy(struct buf *b, const struct policy *p)
{
	wrapped_text_row(b, "Policy", "%s%s%s", p->name,
	    p->description[0] != '\0' ? ": " : "", p->description);
	put_identity(b, p);
	wrapped_text_row(b, "Directory",
	    "%s: commands start here or in a directory inside, without links that lead out of it",
	    p->directory);
	put_tools(b, p);
	put_files(b, p);
	put_programs(b, p);
	put_network(b, p);
	put_calls(b, p);
	put_recording(b, p);
	put_limits(b, p);
	put_environment(b, p);
	put_layers(b, p);
}

/* --- a command -------------------------------------------------------- */

/* A script's interpreter has to be executable as well, and so on. */
static bool
put_script(struct buf *b, const struct policy *p, const char *real)
{
	char interpreter[PATH_MAX], file[PATH_MAX];
	struct sandbox_path v;
	int depth;

	(void)snprintf(file, sizeof(file), "%s", real);
	for (depth = 0; depth < MAX_SCRIPTS; depth++) {
		if (!sandbox_path_interpreter(file, interpreter))
			return true;
		sandbox_path_find(&p->confine, interpreter, &v);
		if (!sandbox_path_executable(p, &v)) {
			wrapped_text_row(b, "",
			    "but it is a script, and its interpreter %s cannot be executed: %s",
			    interpreter, v.why);
			return false;
		}
		wrapped_text_row(b, "", "it is a script for %s", v.real);
		(void)snprintf(file, sizeof(file), "%s", v.real);
	}
	return true;
}

/* As execvp(3) goes along PATH: what cannot be executed is passed over. */
static bool
put_program(struct buf *b, const struct plan *plan)
{
	const struct policy *p = plan->policy;
	struct sandbox_path v;

	for (size_t i = 0; plan->path[i] != NULL; i++) {
		/* A name with a slash counts from the working directory. */
		char path[2 * PATH_MAX];

		(void)snprintf(path, sizeof(path), "%s%s%s",
		    plan->path[i][0] == '/' ? "" : plan->cwd,
		    plan->path[i][0] == '/' ? "" : "/", plan->path[i]);
		sandbox_path_find(&p->confine, path, &v);
		if (sandbox_path_executable(p, &v)) {
			wrapped_text_row(b, "Executes", "%s%s%s", plan->path[i],
			    strcmp(plan->path[i], v.real) != 0 ? ", which is "
							       : "",
			    strcmp(plan->path[i], v.real) != 0 ? v.real : "");
			return put_script(b, p, v.real);
		}
		wrapped_text_row(b, i == 0 ? "Looked for" : "", "%s: %s",
		    plan->path[i], v.why);
	}
	wrapped_text_row(b, "Executes",
	    "nothing: \"%s\" would not be found or may not be executed",
	    plan->argv[0]);
	return false;
}

static bool
put_command(struct buf *b, const struct plan *plan)
{
	bool ok;

	for (size_t i = 0; plan->argv[i] != NULL; i++)
		wrapped_text_row(
		    b, i == 0 ? "Command" : "", "%s", plan->argv[i]);
	ok = put_program(b, plan);
	wrapped_text_row(b, "In", "%s", plan->cwd);
	wrapped_text_row(b, "Time", "%u ms", plan->timeout_ms);
	for (size_t i = 0; plan->envp[i] != NULL; i++)
		wrapped_text_row(b, i == 0 ? "With" : "", "%s", plan->envp[i]);
	return ok;
}

/* As an administrator, who may look; a run asks with its own rights. */
static int
check_directory(const struct plan *plan, struct err *e)
{
	CLEANUP_FD int fd = plan_open_directory(plan, plan->policy->dir_fd);

	return fd == -1 ? plan_refuse_directory(plan, errno, e) : 0;
}

static int
explain_policy(const struct dry_run *c, struct policy *p)
{
	CLEANUP_BUF struct buf out;
	struct plan plan;
	struct err e;
	bool ok = true;

	buf_init(&out, MAX_OUTPUT);
	put_policy(&out, p);
	if (dry_run_given(c)) {
		buf_put_u8(&out, '\n');
		if (dry_run_plan(c, p, false, &plan, &e) == 0) {
			ok = check_directory(&plan, &e) == 0;
			if (ok)
				ok = put_command(&out, &plan);
			else
				wrapped_text_row(
				    &out, "Command", "refused: %s", e.what);
			plan_fini(&plan);
		} else {
			wrapped_text_row(
			    &out, "Command", "refused: %s", e.what);
			ok = false;
		}
	}
	if (out.overflow)
		return ctl_error("the explanation is too long");
	if (ctl_print(buf_bytes(&out)) != CTL_OK)
		return CTL_FAILED;
	return ok ? CTL_OK : CTL_FAILED;
}

int
policy_explain_run(struct ctl *ctl, int argc, char **argv)
{
	struct policy *p;
	struct dry_run c;

	if (dry_run_parse(VERB, argc, argv, &c) != CTL_OK)
		return CTL_USAGE;
	if (c.help)
		return ctl_print(bytes_of(help));
	p = ctl_load_conf(ctl) && ctl_find_cgroup(ctl) ? dry_run_policy(ctl, &c)
						       : NULL;
	return p == NULL ? CTL_FAILED : explain_policy(&c, p);
}
