/* SPDX-License-Identifier: MIT */
/*
 * policy_explain: a policy's plan in plain words; nothing is run.
 *
 * Said from what was loaded and compiled, not from the file: this is what
 * confines a run.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "common/cleanup.h"
#include "executor/policy/capability.h"
#include "executor/launcher/connector.h"
#include "executor/launcher/ownid.h"
#include "executor/launcher/rights.h"
#include "executor/ctl/policy/dry_run.h"
#include "executor/ctl/policy/posture.h"
#include "executor/ctl/wrapped_text.h"
#include "executor/ctl/policy/filter_eval.h"
#include "executor/ctl/policy/sandbox_path.h"
#include "executor/launcher/execlog.h"
#include "executor/confine/syscall_group.h"
#include "executor/policy/facts.h"

#define VERB "policy explain"

enum {
	MAX_OUTPUT = 4 << 20,
	MAX_CALL = 1024, /* system calls have numbers below */
	MAX_SCRIPTS = 4 /* interpreters that are scripts themselves */
};

static const struct ctl_verb verb = {
	.name = VERB,
	.about =
	    "Says what a run under the policy may do and what confines it, and runs nothing. With a COMMAND also which file would be executed, whether it may be, where, and with which environment and time.",
	.more = "Exit status: 1 if the command would be refused or not found.",
};

/* --- who, where, with what -------------------------------------------- */

/* Rows of a label; it stands before the first. */
struct rows {
	struct buf *b;
	const char *label;
};

static void
add_row(void *arg, const char *text)
{
	struct rows *rows = arg;

	wrapped_text_put(rows->b, rows->label, text);
	rows->label = "";
}

static void
put_topic(struct buf *b, const struct policy *p, const char *label,
    enum facts_topic topic)
{
	const struct facts f = { p, NULL, FACTS_PEOPLE };
	struct rows rows = { b, label };

	b->overflow |= !facts_tell(&f, topic, add_row, &rows);
}

/* What each set that is whole among them gives away. */
static void
put_rights(struct buf *b, const struct policy *p)
{
	const struct capability_set *s;

	for (size_t i = 0; (s = capability_set_at(i)) != NULL; i++)
		if ((p->capabilities & s->bits) == s->bits)
			wrapped_text_row(
			    b, "", "%s gives away %s", s->name, s->gives);
}

/* Is there a tool before this one that runs under the same policy? */
static bool
is_explained(const struct policy *p, size_t tool)
{
	for (size_t i = 0; i < tool; i++)
		if (p->as[i] == p->as[tool])
			return true;
	return false;
}

/* What a token reaches by it in the end; of each policy once. */
static void
put_elevation(struct buf *b, const struct policy *p, size_t tool)
{
	const struct policy *to = p->as[tool];
	CLEANUP_BUF struct buf rights;

	buf_init(&rights, MAX_OUTPUT);
	if (is_explained(p, tool)) {
		wrapped_text_row(
		    b, "", "  ELEVATED: under policy %s too", to->name);
		return;
	}
	capability_list(to->capabilities, &rights);
	wrapped_text_row(b, "",
	    "  ELEVATED: it runs under policy %s, as user %s (uid %u), in %s, capabilities %s, network %s; mcp-execctl policy explain %s explains it",
	    to->name, to->user, (unsigned)to->uid, to->directory,
	    buf_cstr(&rights), confine_network_name(to->confine.network),
	    to->name);
	b->overflow |= rights.overflow;
}

static void
put_defined(struct buf *b, const char *label, const struct tooldef *t)
{
	CLEANUP_BUF struct buf text;

	buf_init(&text, MAX_OUTPUT);
	toolargv_describe(&t->argv, t->param, &text);
	wrapped_text_row(b, label, "%s: %s", t->name, buf_cstr(&text));
	b->overflow |= text.overflow;
}

static void
put_tools(struct buf *b, const struct policy *p)
{
	put_topic(b, p, "Tools", FACTS_TOOLS);
	for (size_t i = 0; i < p->tool_count; i++) {
		const char *label = i == 0 && !p->elevates ? "Tools" : "";

		if (p->defined[i] != NULL)
			put_defined(b, label, p->defined[i]);
		if (p->as[i] != NULL)
			put_elevation(b, p, i);
		if (p->defined[i] != NULL)
			continue;
		if (strcmp(p->tools[i], "exec_cmd") == 0)
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
	put_topic(b, p, "Environment", FACTS_ENVIRONMENT);
	for (size_t i = 0; i < p->env_count; i++)
		wrapped_text_row(b, "", "set: %s", p->env[i]);
	put_topic(b, p, "", FACTS_SETTABLE);
}

/* --- files ------------------------------------------------------------ */

static void
put_files(struct buf *b, const struct policy *p)
{
	const struct facts f = { p, NULL, FACTS_PEOPLE };
	struct rows rows = { b, "" };

	put_topic(b, p, "Files", FACTS_FILES);
	if ((p->confine.layers & CONFINE_WALLS) != 0)
		b->overflow |= !facts_tell_paths(&f, add_row, &rows);
}

/* Verdict on a call; the guard continues calls that it only records. */
static enum filter_eval
outcome_of(const struct policy *p, int nr, const uint64_t args[6])
{
	enum filter_eval v = filter_eval_of(&p->filter, nr, args);
	const struct rights r = { .watched = p->confine.watched };
	struct unotify_call n = { .nr = nr };

	memcpy(n.args, args, sizeof(n.args));
	if (v != FILTER_EVAL_TOLD)
		return v;
	return rights_goes_on(&n, &r) ? FILTER_EVAL_ALLOWED
				      : FILTER_EVAL_REFUSED;
}

static void
put_programs(struct buf *b, const struct policy *p)
{
	const uint64_t none[6] = { 0 };

	put_topic(b, p, "Programs", FACTS_PROGRAMS);
	if (p->confine.noexec &&
	    outcome_of(p, SYS_memfd_create, none) == FILTER_EVAL_ALLOWED)
		wrapped_text_put(b, "",
		    "but files in memory, memfd_create(2), can be written and execute");
	if (p->confine.noexec && (p->confine.layers & CONFINE_MOUNTS) == 0)
		wrapped_text_put(b, "",
		    "but without the layer mounts the dynamic loader runs what it can read");
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
	uint64_t args[6] = { 0, SOCK_STREAM };

	buf_init(&may, MAX_OUTPUT);
	buf_init(&not, MAX_OUTPUT);
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		/* Of AF_UNIX each kind has a rule, and streams are the first. */
		args[0] = (uint64_t)families[i].family;
		wrapped_text_item(
		    outcome_of(p, SYS_socket, args) == FILTER_EVAL_ALLOWED
			? &may
			: &not,
		    "%s", families[i].name);
	}
	wrapped_text_row(b, "Sockets", "of these families can be created: %s",
	    may.len > 0 ? buf_cstr(&may) : "none");
	if (not .len > 0)
		wrapped_text_row(b, "", "refused: %s", buf_cstr(&not ));
	b->overflow |= may.overflow || not .overflow;
}

static void
put_network(struct buf *b, const struct policy *p)
{
	put_topic(b, p, "Network", FACTS_NETWORK);
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

	buf_init(&refused, MAX_OUTPUT);
	for (size_t i = 0; g->calls[i] != NULL; i++) {
		v = verdict_by_name(p, names, g->calls[i]);
		if (v == FILTER_EVAL_ALLOWED)
			allowed++;
		else if (v != FILTER_EVAL_UNKNOWN)
			wrapped_text_item(&refused, "%s", g->calls[i]);
	}
	b->overflow |= refused.overflow;
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
	const struct syscall_group *g;

	put_topic(b, p, "System calls", FACTS_CALLS);
	for (int nr = 0; nr < MAX_CALL; nr++)
		filter_call_name(nr, names[nr].text);
	for (size_t i = 0;
	     p->filter.prog.len > 0 && (g = syscall_group_at(i)) != NULL; i++)
		put_group(b, p, g, names);
	put_topic(b, p, "", FACTS_CALLS_END);
}

static void
put_answers(struct buf *b, const struct policy *p)
{
	wrapped_text_put(b, "Answers",
	    p->structured
		? "text and structured content; a token may say otherwise"
		: "text alone; a token may say otherwise");
	wrapped_text_put(b, "",
	    p->separate
		? "each stream has a pipe, so their order is roughly that of arrival"
		: "both streams share a pipe, which keeps their order, unless structured");
	wrapped_text_put(b, "",
	    p->raw_text
		? "control characters are passed on as they are"
		: "control characters and invisible ones are made harmless");
	wrapped_text_put(b, "",
	    p->ends_calls
		? "a command ends if its client drops the connection"
		: "a command goes on if its client drops the connection of a session");
}

/* --- limits and layers ------------------------------------------------ */

static void
put_limits(struct buf *b, const struct policy *p)
{
	put_topic(b, p, "Limits", FACTS_TIMES);
	put_topic(b, p, "", FACTS_RLIMITS);
	put_topic(b, p, "", FACTS_CGROUP);
	put_topic(b, p, "", FACTS_UMASK);
}

static void
put_layers(struct buf *b, const struct policy *p)
{
	CLEANUP_BUF struct buf in, out;

	buf_init(&in, MAX_OUTPUT);
	buf_init(&out, MAX_OUTPUT);
	posture_layers(&in, p);
	posture_missing(&out, p);
	wrapped_text_row(b, "Layers", "in force: %s", buf_cstr(&in));
	if (out.len > 0)
		wrapped_text_row(b, "", "not in force: %s", buf_cstr(&out));
	b->overflow |= in.overflow || out.overflow;
	wrapped_text_put(b, "",
	    "each run's audit record repeats them under \"posture\"; a layer in force that fails ends the run before the command starts");
}

static void
put_policy(struct buf *b, const struct policy *p)
{
	wrapped_text_row(b, "Policy", "%s%s%s", p->name,
	    p->description[0] != '\0' ? ": " : "", p->description);
	put_topic(b, p, "Identity", FACTS_IDENTITY);
	put_rights(b, p);
	put_topic(b, p, "Directory", FACTS_PLACE);
	put_tools(b, p);
	put_files(b, p);
	put_programs(b, p);
	put_topic(b, p, "Processes", FACTS_PROCESSES);
	put_network(b, p);
	put_calls(b, p);
	put_topic(b, p, "Output", FACTS_RECORDS);
	put_answers(b, p);
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
	    "nothing: \"%s\" would not be found or cannot be executed",
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
		return ctl_error(
		    "the explanation is too long, or there is no memory for it");
	if (ctl_print(buf_bytes(&out)) != CTL_OK)
		return CTL_FAILED;
	return ok ? CTL_OK : CTL_FAILED;
}

int
policy_explain_run(struct ctl *ctl, int argc, char **argv)
{
	struct policy *p;
	struct dry_run c;
	int status;

	if (!dry_run_parse(&verb, argc, argv, &c, &status))
		return status;
	p = ctl_load_conf(ctl) && ctl_find_cgroup(ctl) ? dry_run_policy(ctl, &c)
						       : NULL;
	return p == NULL ? CTL_FAILED : explain_policy(&c, p);
}
