/* SPDX-License-Identifier: MIT */
/* facts: the values, the sentences, and how one is put into the other. */
#include "executor/policy/facts.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "executor/confine/probe.h"
#include "executor/confine/profiles.h"
#include "executor/policy/capability.h"

enum {
	MAX_SENTENCE = 65536 /* bytes, with a list of paths or names */
};

/* --- values --------------------------------------------------------------- */

static void
put_host(struct buf *out, const struct facts *f)
{
	char host[256] = "this server";

	(void)f;
	(void)gethostname(host, sizeof(host) - 1);
	buf_put_str(out, host);
}

/* By its path in the instructions, which belong to no tool; elsewhere by its
 * name, because scanners of tools take a program's path for an attack. */
static void
put_shell(struct buf *out, const struct facts *f)
{
	const char *slash = strrchr(f->policy->shell, '/');
	bool whole = f->reader == FACTS_BRIEF || slash == NULL;

	buf_put_str(out, whole ? f->policy->shell : slash + 1);
}

static void
put_groups(struct buf *out, const struct facts *f)
{
	const struct policy *p = f->policy;

	for (size_t i = 0; i < p->group_count; i++)
		buf_printf(
		    out, "%s%u", i > 0 ? ", " : "", (unsigned)p->groups[i]);
	buf_put_str(out, p->group_count == 0 ? "none" : "");
}

/* A word as its reader quotes it. */
static void
put_quoted(struct buf *out, const struct facts *f, size_t i, const char *word)
{
	const char *quote = f->reader == FACTS_MODEL ? "`" : "";

	buf_printf(out, "%s%s%s%s", i > 0 ? ", " : "", quote, word, quote);
}

static void
put_sockets(struct buf *out, const struct facts *f)
{
	char *const *path = f->policy->confine.socket;

	for (size_t i = 0; path[i] != NULL; i++)
		put_quoted(out, f, i, path[i]);
}

static void
put_settable(struct buf *out, const struct facts *f)
{
	const struct policy *p = f->policy;

	for (size_t i = 0; i < p->env_allowed_count; i++)
		put_quoted(out, f, i, p->env_allowed[i]);
	buf_put_str(out, p->env_allowed_count == 0 ? "nothing" : "");
}

static uint32_t
longest_ms(const struct facts *f)
{
	uint32_t most = f->policy->timeout_max_ms;
	uint32_t own = f->token != NULL ? f->token->timeout_max_ms : 0;

	return own != 0 && own < most ? own : most;
}

static uint32_t
usual_ms(const struct facts *f)
{
	uint32_t most = longest_ms(f);

	return f->policy->timeout_ms < most ? f->policy->timeout_ms : most;
}

static void
put_longest(struct buf *out, const struct facts *f)
{
	buf_printf(out, "%u", longest_ms(f));
}

static void
put_usual(struct buf *out, const struct facts *f)
{
	buf_printf(out, "%u", usual_ms(f));
}

static void
put_summary(struct buf *out, const struct facts *f)
{
	const struct profile *p = profile_find(bytes_of(f->policy->profile));

	buf_put_str(out, p != NULL ? p->summary : "?");
}

static void
put_network(struct buf *out, const struct facts *f)
{
	buf_put_str(out, confine_network_name(f->policy->confine.network));
}

static void
put_capabilities(struct buf *out, const struct facts *f)
{
	capability_list(f->policy->capabilities, out);
}

static void
put_rlimits(struct buf *out, const struct facts *f)
{
	buf_printf(out, "%zu", f->policy->rlimit_count);
}

static void
put_umask(struct buf *out, const struct facts *f)
{
	buf_printf(out, "%04o", (unsigned)f->policy->umask);
}

static void
put_no_cgroup(struct buf *out, const struct facts *f)
{
	(void)f;
	buf_put_str(out, cgroup_supposed() ? ", if mcp-execd has one" : "");
}

enum form { TEXT, NUMBER, WORDS };

#define MEMBER(member)                                                         \
	.offset = offsetof(struct policy, member),                             \
	.size = sizeof(((struct policy *)0)->member)

/* Keys of the policy's file, where it has one. */
static const struct value {
	const char *key;
	enum form form;
	size_t offset, size; /* in struct policy */
	void (*put)(struct buf *out, const struct facts *f); /* of WORDS */
	/* in records: where, and the key in "posture"; NULL: not there */
	enum facts_topic topic;
	const char *record;
} values[] = {
	{ "name", TEXT, MEMBER(name) },
	{ "description", TEXT, MEMBER(description) },
	{ "user", TEXT, MEMBER(user) },
	{ "home", TEXT, MEMBER(home) },
	{ "directory", TEXT, MEMBER(directory) },
	{ "shell", WORDS, .put = put_shell },
	{ "profile", TEXT, MEMBER(profile) },
	{ "host", WORDS, .put = put_host },
	{ "groups", WORDS, .put = put_groups },
	{ "settable", WORDS, .put = put_settable },
	{ "timeout_ms", WORDS, .put = put_usual },
	{ "timeout_max_ms", WORDS, .put = put_longest },
	{ "summary", WORDS, .put = put_summary },
	{ "network", WORDS, .put = put_network },
	{ "unix_sockets", WORDS, .put = put_sockets },
	{ "capabilities", WORDS, .put = put_capabilities },
	{ "rlimits", WORDS, .put = put_rlimits },
	{ "umask", WORDS, .put = put_umask },
	{ "if_cgroup", WORDS, .put = put_no_cgroup },
	{ "uid", NUMBER, MEMBER(uid), .topic = FACTS_IDENTITY,
	    .record = "uid" },
	{ "gid", NUMBER, MEMBER(gid), .topic = FACTS_IDENTITY,
	    .record = "gid" },
	{ "kill_grace_ms", NUMBER, MEMBER(kill_grace_ms) },
	{ "runs", NUMBER, MEMBER(runs) },
	{ "runs_per_minute", NUMBER, MEMBER(runs_per_minute) },
	{ "output_bytes", NUMBER, MEMBER(output_bytes) },
	{ "memory_bytes", NUMBER, MEMBER(cgroup.memory_bytes),
	    .topic = FACTS_CGROUP, .record = "cgroup.memory_bytes" },
	{ "processes", NUMBER, MEMBER(cgroup.processes), .topic = FACTS_CGROUP,
	    .record = "cgroup.processes" },
	{ "cpu_percent", NUMBER, MEMBER(cgroup.cpu_percent),
	    .topic = FACTS_CGROUP, .record = "cgroup.cpu_percent" },
	{ "output_max_bytes", NUMBER, MEMBER(output_max) },
	{ "jobs.at_once", NUMBER, MEMBER(jobs.at_once) },
	{ "jobs.max_seconds", NUMBER, MEMBER(jobs.max_seconds) },
	{ "jobs.keep_seconds", NUMBER, MEMBER(jobs.keep_seconds) },
	{ "jobs.keep", NUMBER, MEMBER(jobs.keep) },
	{ "jobs.wait_ms", NUMBER, MEMBER(jobs.wait_ms) },
	{ "jobs.repeat_window_ms", NUMBER, MEMBER(jobs.repeat_window_ms) },
	{ "jobs.output_bytes", NUMBER, MEMBER(jobs.output_bytes) },
};
#undef MEMBER

static uint64_t
number_of(const struct value *v, const struct policy *p)
{
	const char *at = (const char *)p + v->offset;
	uint32_t small;
	uint64_t large;

	if (v->size == sizeof(small)) {
		memcpy(&small, at, sizeof(small));
		return small;
	}
	memcpy(&large, at, sizeof(large));
	return large;
}

static const struct value *
find_value(struct bytes key)
{
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		if (bytes_eq_str(key, values[i].key))
			return &values[i];
	return NULL;
}

static void
put_value(struct buf *out, const struct facts *f, const struct value *v)
{
	if (v->form == WORDS)
		v->put(out, f);
	else if (v->form == TEXT)
		buf_put_str(out, (const char *)f->policy + v->offset);
	else
		buf_printf(
		    out, "%llu", (unsigned long long)number_of(v, f->policy));
}

/* --- when a sentence holds --------------------------------------------------- */

static size_t
count_defined(const struct policy *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->tool_count; i++)
		n += p->defined[i] != NULL;
	return n;
}

static bool
offers_builtin(const struct policy *p)
{
	return count_defined(p) < p->tool_count;
}

static bool
has_layer(const struct policy *p, unsigned layers)
{
	return (p->confine.layers & layers) != 0;
}

#define WHEN(name, condition)                                                  \
	static bool name(const struct policy *p)                               \
	{                                                                      \
		return condition;                                              \
	}
WHEN(is_root, p->uid == 0)
WHEN(is_unfinished, bytes_is_open_sentence(bytes_of(p->description)))
WHEN(is_finished, p->description[0] != '\0' && !is_unfinished(p))
WHEN(offers_cli, policy_offers(p, BYTES_LIT("cli_command")))
WHEN(offers_exec, policy_offers(p, BYTES_LIT("exec_cmd")))
WHEN(adds_defined, count_defined(p) > 0 && offers_builtin(p))
WHEN(replaces_builtin, count_defined(p) > 0 && !offers_builtin(p))
WHEN(has_own_root, has_layer(p, CONFINE_MOUNTS))
WHEN(has_no_wall, !has_layer(p, CONFINE_WALLS))
WHEN(has_landlock_only, has_layer(p, CONFINE_WALLS) && !has_own_root(p))
WHEN(lists_programs, p->confine.listed_programs)
WHEN(ends_loaders_late,
    p->confine.listed_programs && !p->log_only && !probe_get()->tracer)
WHEN(runs_loaders, p->confine.listed_programs && p->log_only)
WHEN(has_noexec, p->confine.noexec && !p->confine.listed_programs)
WHEN(executes_all, !p->confine.noexec && !p->confine.listed_programs)
WHEN(has_no_network, p->confine.network == CONFINE_NONE)
WHEN(has_loopback, p->confine.network == CONFINE_LOOPBACK)
WHEN(has_host_network, p->confine.network == CONFINE_HOST)
WHEN(has_look, p->confine.network == CONFINE_LOOK)
WHEN(lacks_net_layer,
    !confine_shares_network(&p->confine) && !has_layer(p, CONFINE_NET))
WHEN(has_no_pids, !has_layer(p, CONFINE_PIDS))
WHEN(sees_all, has_layer(p, CONFINE_PIDS) && p->confine.processes)
WHEN(sees_own, has_layer(p, CONFINE_PIDS) && !p->confine.processes)
WHEN(withholds, p->confine.withheld)
WHEN(has_no_rights, p->capabilities == 0)
WHEN(has_rights, p->capabilities != 0)
WHEN(can_escape, (p->capabilities & capability_escapes()) != 0)
WHEN(elevates, p->elevates)
WHEN(has_sockets, p->confine.sockets && !p->confine.own_sockets)
WHEN(has_named_sockets, p->confine.sockets && p->confine.own_sockets)
WHEN(has_own_sockets, !p->confine.sockets && p->confine.own_sockets)
WHEN(has_any_socket, p->any_socket)
WHEN(has_no_sockets,
    !p->confine.sockets && !p->confine.own_sockets && !p->any_socket)
WHEN(has_filter, p->filter.prog.len > 0)
WHEN(has_no_filter, p->filter.prog.len == 0)
WHEN(only_logs, has_filter(p) && p->log_only)
WHEN(explains, has_filter(p) && p->explained)
WHEN(explains_nothing, has_filter(p) && !p->explained)
WHEN(records_programs, p->execs != POLICY_EXECS_OFF)
WHEN(records_none, p->execs == POLICY_EXECS_OFF)
WHEN(holds_programs, p->execs == POLICY_EXECS_HELD)
WHEN(holds_none, p->execs == POLICY_EXECS_UNHELD)
WHEN(keeps_nothing, p->output == RECORDER_OFF && !p->jobs.offered)
WHEN(keeps_for_jobs, p->output == RECORDER_OFF && p->jobs.offered)
WHEN(keeps_output, p->output != RECORDER_OFF)
WHEN(keeps_tail, p->output == RECORDER_TAIL)
WHEN(keeps_all, p->output == RECORDER_ALL)
WHEN(has_jobs, p->jobs.offered)
WHEN(has_no_jobs, !p->jobs.offered)
WHEN(knows_repeats, p->jobs.repeat_window_ms > 0)
WHEN(goes_on, p->jobs.offered && (p->jobs.go_on || knows_repeats(p)))
WHEN(ends_alone, p->jobs.offered && !goes_on(p))
WHEN(has_terminals, p->jobs.pty)
WHEN(survives, p->jobs.survive &&recorder_may_move(p->output))
WHEN(has_mortal_terminals, survives(p) && keeps_all(p) && has_terminals(p))
WHEN(is_recorded_instead, p->jobs.survive && !recorder_may_move(p->output))
WHEN(has_mortal_jobs, p->jobs.offered && !survives(p))
WHEN(has_no_terminals, p->jobs.offered && !p->jobs.pty)
#undef WHEN

/* --- sentences ----------------------------------------------------------------- */

/* {key}: that value.  NULL: that reader is told nothing of it. */
static const struct sentence {
	enum facts_topic topic;
	bool (*when)(const struct policy *p); /* NULL: always */
	bool counts; /* holds if the numbers in it are not 0 */
	const char *people, *model, *brief, *line; /* by reader */
} sentences[] = {
	{ FACTS_IDENTITY, NULL,
	    .people =
		"user {user} (uid {uid}), group {gid}, further groups {groups}; home {home}.  no_new_privs: set-user-ID programs gain nothing.",
	    .brief =
		"You run commands on the Linux host {host} as user {user}, under policy \"{name}\".",
	    .line = "policy {name}: as {user} (uid {uid}, gid {gid})" },
	{ FACTS_IDENTITY, has_no_rights,
	    .people = "No capability in any set, also for root." },
	{ FACTS_IDENTITY, has_rights,
	    .people =
		"CAPABILITIES KEPT, by all that it starts: {capabilities}" },
	{ FACTS_IDENTITY, can_escape,
	    .people = "WITH THESE A COMMAND CAN LEAVE ANY CONFINEMENT" },
	{ FACTS_IDENTITY, is_root,
	    .people =
		"This is root: files of root are its own, and only the layers below stand between them and the command." },
	{ FACTS_IDENTITY, is_finished, .brief = " {description}" },
	{ FACTS_IDENTITY, is_unfinished, .brief = " {description}." },
	{ FACTS_PLACE, NULL,
	    .people =
		"{directory}: commands start here or in a directory inside, without links that lead out of it" },
	{ FACTS_PLACE, NULL, .brief = " Commands start in {directory}." },
	{ FACTS_PLACE, offers_builtin,
	    .model =
		"commands start in `{directory}`; a working directory must lie inside it" },
	{ FACTS_TOOLS, elevates,
	    .people =
		"tools of other policies whose definitions name this one run under it" },
	{ FACTS_TOOLS, offers_cli,
	    .model =
		"cli_command runs one program without a shell: nothing is expanded" },
	{ FACTS_TOOLS, offers_exec,
	    .model =
		"exec_cmd runs a line with `{shell}`: pipelines, redirections, variables",
	    .brief = " exec_cmd runs a line with {shell}." },
	{ FACTS_TOOLS, adds_defined,
	    .model =
		"other tools run one program each, with the parameters that they list; there is no shell in between" },
	{ FACTS_TOOLS, replaces_builtin,
	    .model =
		"each tool runs one program, with the parameters that it lists",
	    .brief = " There is no shell and no other command." },
	{ FACTS_FILES, has_no_wall,
	    .people =
		"NOTHING IN FORCE: neither mounts nor landlock is, so the permissions of the policy's user decide alone",
	    .model = "as the permissions of the user allow" },
	{ FACTS_FILES, has_own_root,
	    .people =
		"a root of the run's own, in which there is only what follows" },
	{ FACTS_FILES, has_landlock_only,
	    .people =
		"the host's root, of which Landlock lets the run use only what follows; names and sizes of other files show" },
	{ FACTS_FILES_END, NULL,
	    .model = "anything else is not there or is refused" },
	{ FACTS_PROGRAMS, lists_programs,
	    .people =
		"only those named \"read and execute\" above, wherever in the run's process tree; no file that can be written executes",
	    .model = "only those that are listed as \"read and execute\"" },
	{ FACTS_PROGRAMS, ends_loaders_late,
	    .people =
		"a dynamic loader that is started itself is ended once it has loaded something, by its call of arch_prctl(2), as no process can be held at its execve here" },
	{ FACTS_PROGRAMS, runs_loaders,
	    .people =
		"NOT WHOLLY IN FORCE: with log_only a dynamic loader that is started itself runs what is not listed, and so do files in memory" },
	{ FACTS_PROGRAMS, has_noexec,
	    .people =
		"any that can be read; no file that can be written executes",
	    .model = "any that can be read, and none that can be written" },
	{ FACTS_PROGRAMS, executes_all,
	    .people =
		"any that can be read, including those that the run writes itself",
	    .model = "any that can be read" },
	{ FACTS_PROCESSES, has_no_pids,
	    .people =
		"without the layer pids the machine's are seen, and those of the same user can be signalled unless Landlock keeps that out",
	    .model = "the machine's are seen" },
	{ FACTS_PROCESSES, sees_all,
	    .people =
		"the machine's can be seen, with their command lines and, in /proc/PID/net, connections; only the run's own can be signalled or traced",
	    .model =
		"the machine's are seen, by the machine's ids; a command's own, which alone it can signal and trace, have ids of their own" },
	{ FACTS_PROCESSES, sees_own, .people = "the run's own, and no others",
	    .model = "only a command's own are seen" },
	{ FACTS_PROCESSES, withholds,
	    .people =
		"\"see\" IS NOT IN FORCE: this kernel has no Landlock, without which files of other processes could be reached through /proc" },
	{ FACTS_PROCESSES, NULL,
	    .model = "all of a command's processes end with it" },
	{ FACTS_NETWORK, NULL,
	    .line =
		", network {network}; no_new_privs, capabilities {capabilities}, {rlimits} resource limits" },
	{ FACTS_NETWORK, has_no_network,
	    .people = "none: no address, not even 127.0.0.1", .model = "none" },
	{ FACTS_NETWORK, has_loopback,
	    .people =
		"loopback: an empty one of the run's own; nothing outside is reached, nor the host's 127.0.0.1",
	    .model = "a loopback interface of the run's own, nothing else" },
	{ FACTS_NETWORK, has_look,
	    .people =
		"look: addresses, routes, listeners and connections of the host can be listed; no socket of IPv4 or IPv6 can be made",
	    .model =
		"addresses, routes, listeners and connections of the host can be listed (ip, ss, /proc/net); nothing is connected to, and nothing listens" },
	{ FACTS_NETWORK, has_host_network,
	    .people =
		"host: as the host's, its 127.0.0.1 and whatever listens there as well",
	    .model = "as the host's" },
	{ FACTS_NETWORK, lacks_net_layer,
	    .people =
		"without the layer network this rests on the families of sockets below and, for TCP, on Landlock from ABI 4 on" },
	{ FACTS_NETWORK, has_sockets,
	    .people =
		"UNIX sockets: any listener in view, as here no connect is decided by its address; named: {unix_sockets}",
	    .model = "UNIX sockets may be used" },
	{ FACTS_NETWORK, has_named_sockets,
	    .people =
		"UNIX sockets: those of the run's own, and of others these: {unix_sockets}",
	    .model =
		"UNIX sockets of a command's own may be used, and those of others that the policy names" },
	{ FACTS_NETWORK, has_own_sockets,
	    .people = "UNIX sockets: those of the run's own, none of others",
	    .model =
		"UNIX sockets of a command's own may be used, none of others" },
	{ FACTS_NETWORK, has_any_socket,
	    .people =
		"UNIX sockets: any listener in view, as no filter keeps from them",
	    .model = "UNIX sockets may be used" },
	{ FACTS_NETWORK, has_no_sockets,
	    .people = "UNIX sockets: none, except for pairs, socketpair(2)",
	    .model = "UNIX sockets may not be used" },
	{ FACTS_CALLS, NULL, .model = "profile {profile}" },
	{ FACTS_CALLS, has_no_filter,
	    .people = "all: profile none, no filter" },
	{ FACTS_CALLS, has_filter, .people = "profile {profile}: {summary}" },
	{ FACTS_CALLS, only_logs,
	    .people =
		"NOT IN FORCE: log_only lets what is refused below go on, and only logs it" },
	{ FACTS_CALLS_END, has_filter,
	    .people =
		"calls in no group fail as if the kernel did not have them; programs of a foreign ABI (32 bits, x32) are killed" },
	{ FACTS_CALLS_END, explains,
	    .people = "a refusal is explained to the caller and recorded" },
	{ FACTS_CALLS_END, explains_nothing,
	    .people = "refusals cannot be explained on this kernel" },
	{ FACTS_CALLS_END, records_none,
	    .people =
		"commands are recorded, the programs that they start are not" },
	{ FACTS_CALLS_END, holds_programs,
	    .people =
		"each program that starts is recorded, as the kernel started it" },
	{ FACTS_CALLS_END, holds_none,
	    .people =
		"each program that starts is recorded or counted, but unconfirmed: none can be held at its execve here" },
	{ FACTS_ENVIRONMENT, NULL,
	    .people =
		"built from nothing: PATH, HOME, USER, LOGNAME, SHELL, LANG, TERM and PWD" },
	{ FACTS_SETTABLE, NULL, .people = "a caller may set: {settable}",
	    .model = "env may set: {settable}" },
	{ FACTS_TIMES, NULL,
	    .people =
		"{timeout_ms} ms, if the caller names no time, at most {timeout_max_ms} ms; then SIGTERM and, {kill_grace_ms} ms later, SIGKILL to the whole process tree" },
	{ FACTS_TIMES, NULL,
	    .people =
		"{runs} runs at the same time, of one token; of standard output and of standard error, {output_bytes} bytes each are returned" },
	{ FACTS_TIMES, has_no_jobs,
	    .model =
		"milliseconds of a command, unless timeout_ms is given: {timeout_ms}" },
	{ FACTS_TIMES, NULL,
	    .model = "milliseconds at most: {timeout_max_ms}" },
	{ FACTS_TIMES, .counts = true,
	    .model = "commands at the same time: {runs}" },
	{ FACTS_TIMES, .counts = true,
	    .people = "{runs_per_minute} runs a minute, of one token",
	    .model = "commands a minute: {runs_per_minute}" },
	{ FACTS_TIMES, .counts = true,
	    .model =
		"bytes returned of stdout and stderr each: {output_bytes}" },
	{ FACTS_TIMES, has_jobs,
	    .people =
		"jobs outlive their call: {jobs.at_once} at the same time, of one token, for {jobs.max_seconds} s each; a call becomes one after {jobs.wait_ms} ms at most" },
	{ FACTS_TIMES, has_jobs, .people = "the last {jobs.output_bytes} bytes of output of the last {jobs.keep} runs are kept on disk for {jobs.keep_seconds} s after their end, for their token" },
	{ FACTS_TIMES, ends_alone,
	    .people =
		"a call is ended with its session, the frontend or, where that ends it, its connection, unless it is a job or has an idempotency key" },
	{ FACTS_TIMES, goes_on,
	    .people =
		"a call that would be ended with its connection, session or the frontend becomes a job instead" },
	{ FACTS_TIMES, knows_repeats,
	    .people =
		"the same call again, before the first was answered or within {jobs.repeat_window_ms} ms after the end of one whose answer had nobody to go to, gets that one's result and is not run",
	    .model =
		"a call that broke off without an answer may be made again just as it was: it gets the first one's result, and says so, for {jobs.repeat_window_ms} ms after its end" },
	{ FACTS_TIMES, has_terminals,
	    .people =
		"a job may have a terminal (pty), as interactive programs need one" },
	{ FACTS_TIMES, survives,
	    .people =
		"a job goes on after a crash or hand-over of mcp-execd, for the next one to take over, where its service manager leaves it",
	    .model =
		"a job may go on after a crash or a restart of the server; what it wrote is kept in any case" },
	{ FACTS_TIMES, has_mortal_terminals,
	    .people =
		"a job with a terminal ends with mcp-execd, although jobs.survive is true: its output is recorded (audit.output)",
	    .model =
		"a restart of the server ends a job with a terminal (pty)" },
	{ FACTS_TIMES, is_recorded_instead,
	    .people =
		"a job ends with mcp-execd, although jobs.survive is true: the tail of its output is recorded (audit.output), which is in memory" },
	{ FACTS_TIMES, has_no_terminals,
	    .people = "a job may not have a terminal",
	    .model = "a job cannot have a terminal (pty)" },
	{ FACTS_TIMES, has_jobs,
	    .model =
		"jobs (job_start) at the same time: {jobs.at_once}, of {jobs.max_seconds} s each at most; a call that takes long becomes one after {jobs.wait_ms} ms at most, or where it cannot is ended after {timeout_ms} ms, unless timeout_ms is given" },
	{ FACTS_TIMES, has_jobs,
	    .model =
		"output kept for job_output: the last {jobs.output_bytes} bytes of each of the last {jobs.keep} runs, for {jobs.keep_seconds} s after the end" },
	{ FACTS_TIMES, has_mortal_jobs,
	    .model =
		"a restart of the server ends all jobs; what they wrote is kept" },
	{ FACTS_TIMES, has_jobs,
	    .brief =
		" A command that takes long goes on as a job after {jobs.wait_ms} ms at most; job_output reads its output." },
	{ FACTS_TIMES, NULL,
	    .brief =
		" Of longer output than {output_bytes} bytes a stream, the beginning and the end are returned. At most {runs} commands run at the same time; every command is recorded." },
	{ FACTS_CGROUP, .counts = true,
	    .people =
		"memory_bytes: {memory_bytes}, of the whole run by its cgroup{if_cgroup}",
	    .model = "bytes of memory: {memory_bytes}" },
	{ FACTS_CGROUP, .counts = true,
	    .people =
		"processes: {processes}, of the whole run by its cgroup{if_cgroup}",
	    .model = "processes: {processes}" },
	{ FACTS_CGROUP, .counts = true,
	    .people =
		"cpu_percent: {cpu_percent}, of the whole run by its cgroup{if_cgroup}",
	    .model = "percent of a processor: {cpu_percent}" },
	{ FACTS_UMASK, NULL, .people = "umask: {umask}" },
	{ FACTS_RECORDS, NULL,
	    .model =
		"every command is recorded, with who asked and how it ended",
	    .brief = " The resource exec://policy says more." },
	{ FACTS_RECORDS, records_programs,
	    .model = "so is every program that it starts" },
	{ FACTS_RECORDS, keeps_output,
	    .brief =
		" What was cut of a command's output is kept for a while." },
	{ FACTS_RECORDS, keeps_nothing,
	    .people = "not recorded: what is cut is lost",
	    .model = "output is not kept: what is cut cannot be read later" },
	{ FACTS_RECORDS, keeps_for_jobs,
	    .people =
		"not recorded: what is cut can be read by job_output, as long as it is kept",
	    .model =
		"output is not recorded; job_output returns what is cut, as long as it is kept" },
	{ FACTS_RECORDS, keeps_tail,
	    .people =
		"the last {output_max_bytes} bytes of a run are recorded, and its token can read them",
	    .model =
		"the end of its output is kept for a while, at most {output_max_bytes} bytes of a command: read exec://runs/RUN/stdout and exec://runs/RUN/stderr" },
	{ FACTS_RECORDS, keeps_all,
	    .people =
		"all is recorded, and its token can read it; a run that writes more than {output_max_bytes} bytes, or that cannot be recorded, is ended",
	    .model =
		"all output is kept for a while, at most {output_max_bytes} bytes of a command, which is ended beyond that: read exec://runs/RUN/stdout and exec://runs/RUN/stderr" },
};

static const char *
text_for(const struct sentence *s, enum facts_reader reader)
{
	const char *const texts[FACTS_READERS] = { [FACTS_PEOPLE] = s->people,
		[FACTS_MODEL] = s->model,
		[FACTS_BRIEF] = s->brief,
		[FACTS_LINE] = s->line };

	return texts[reader];
}

/* The next {key} of a text, and where it begins and ends; NULL: none. */
static const struct value *
next_value(const char *text, const char **brace, const char **end)
{
	*brace = strchr(text, '{');
	*end = *brace != NULL ? strchr(*brace, '}') : NULL;
	if (*end == NULL)
		return NULL;
	return find_value(bytes_make(
	    (const uint8_t *)*brace + 1, (size_t)(*end - *brace - 1)));
}

/* false: it does not hold, as its number is 0. */
static bool
put_sentence(struct buf *out, const struct facts *f, const struct sentence *s)
{
	const char *text = text_for(s, f->reader), *brace, *end;
	const struct value *v;

	for (; (v = next_value(text, &brace, &end)) != NULL; text = end + 1) {
		if (s->counts && v->form == NUMBER &&
		    number_of(v, f->policy) == 0)
			return false;
		buf_put(out, text, (size_t)(brace - text));
		put_value(out, f, v);
	}
	buf_put_str(out, text);
	return true;
}

static bool
is_whole(const char *text)
{
	const char *brace, *end;

	while (next_value(text, &brace, &end) != NULL)
		text = end + 1;
	return brace == NULL;
}

bool
facts_are_whole(void)
{
	const char *text;

	for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++)
		for (enum facts_reader r = 0; r < FACTS_READERS; r++) {
			text = text_for(&sentences[i], r);
			if (text != NULL && !is_whole(text))
				return false;
		}
	return true;
}

/* 0 is what a server's own limit made of 1. */
static void
put_core(rlim_t value, struct buf *out)
{
	if (value == 1)
		buf_put_str(
		    out, " (no file, and no core handler of the machine)");
	else if (value == 0)
		buf_put_str(out,
		    " (no file; a core handler of the machine may start, as mcp-execd's own limit is 0 and not 1)");
}

static bool
tell_rlimits(const struct facts *f, facts_fn *fn, void *arg)
{
	const struct policy *p = f->policy;
	CLEANUP_BUF struct buf text;
	bool whole = true;

	buf_init(&text, 256);
	for (size_t i = 0; i < p->rlimit_count; i++) {
		buf_reset(&text);
		buf_printf(&text, "%s: %llu", p->rlimits[i].key,
		    (unsigned long long)p->rlimits[i].value);
		if (p->rlimits[i].resource == RLIMIT_CORE)
			put_core(p->rlimits[i].value, &text);
		/* to the model a limit of 0 is none */
		if (f->reader == FACTS_PEOPLE || p->rlimits[i].value > 0)
			fn(arg, buf_cstr(&text));
		whole &= !text.overflow;
	}
	return whole;
}

bool
facts_tell(
    const struct facts *f, enum facts_topic topic, facts_fn *fn, void *arg)
{
	const struct sentence *s;
	CLEANUP_BUF struct buf text;
	bool whole = true;

	buf_init(&text, MAX_SENTENCE);
	for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++) {
		s = &sentences[i];
		if (s->topic != topic || text_for(s, f->reader) == NULL ||
		    (s->when != NULL && !s->when(f->policy)))
			continue;
		buf_reset(&text);
		if (put_sentence(&text, f, s))
			fn(arg, buf_cstr(&text));
		whole &= !text.overflow;
	}
	if (topic == FACTS_RLIMITS && f->reader <= FACTS_MODEL)
		whole &= tell_rlimits(f, fn, arg);
	return whole;
}

/* --- paths --------------------------------------------------------------------- */

#define ROW(kind, people, model)                                               \
	{                                                                      \
		kind,                                                          \
		{                                                              \
			people, model, NULL                                    \
		}                                                              \
	}

/* What each kind is called, in the order it is told. */
static const struct {
	enum mounts_kind kind;
	const char *words[FACTS_READERS];
} kinds[] = {
	{ MOUNTS_READ, { "read", "read" } },
	{ MOUNTS_PROGRAM, { "read and execute", "read and execute" } },
	{ MOUNTS_WRITE, { "read and write", "read and write" } },
	{ MOUNTS_WRITE_NOEXEC, { "read and write, nothing in it executes",
				   "read and write; nothing in it executes" } },
	{ MOUNTS_TMPFS, { "private, empty at the start, gone at the end",
			    "private to each run, empty at its start" } },
	{ MOUNTS_TMPFS_NOEXEC,
	    { "private, and nothing in it executes",
		"private to each run, empty at its start; nothing in it executes" } },
	{ MOUNTS_DEV, { "private, with the devices below", NULL } },
	{ MOUNTS_PROC, { "processes of this run only, read-only", NULL } },
	{ MOUNTS_PROC_ALL,
	    { "the machine's processes, to be read as far as permissions go",
		NULL } },
	{ MOUNTS_PTS, { "terminals of the run's own, 64 at most", NULL } },
	{ MOUNTS_PLACE,
	    { "an empty directory, except for what is named below it", NULL } },
	{ MOUNTS_DEVICE, { "devices", NULL } },
	{ MOUNTS_PROTECT,
	    { "not to be changed nor made", "not to be changed nor made" } },
	{ MOUNTS_EMPTY, { "emptied except for what is named below it", NULL } },
	{ MOUNTS_HIDE, { "hidden", NULL } },
};

static size_t
put_paths(struct buf *out, const struct facts *f, enum mounts_kind kind)
{
	const struct confine *c = &f->policy->confine;
	size_t n = 0;

	for (size_t i = 0; i < c->mounts.count; i++)
		if (c->mounts.op[i].kind == kind &&
		    confine_shows(c, &c->mounts.op[i]))
			put_quoted(out, f, n++, c->mounts.op[i].path);
	return n;
}

bool
facts_tell_paths(const struct facts *f, facts_fn *fn, void *arg)
{
	CLEANUP_BUF struct buf paths, text;
	bool whole = true;

	buf_init(&paths, MAX_SENTENCE);
	buf_init(&text, 2 * MAX_SENTENCE);
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		const char *words = kinds[k].words[f->reader];

		buf_reset(&paths);
		buf_reset(&text);
		if (words == NULL || put_paths(&paths, f, kinds[k].kind) == 0)
			continue;
		if (kinds[k].kind == MOUNTS_PROC && !has_own_root(f->policy))
			words =
			    "the machine's processes, as far as permissions show them";
		if (f->reader == FACTS_MODEL)
			buf_printf(&text, "%s: %s", buf_cstr(&paths), words);
		else
			buf_printf(&text, "%s: %s", words, buf_cstr(&paths));
		fn(arg, buf_cstr(&text));
		whole &= !paths.overflow && !text.overflow;
	}
	return whole;
}

/* --- records ------------------------------------------------------------------- */

void
facts_each_number(const struct policy *p, enum facts_topic topic,
    void (*fn)(void *arg, const char *key, uint64_t value), void *arg)
{
	const struct value *v;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		v = &values[i];
		/* an id may be 0; a limit that is 0 is none */
		if (v->topic == topic && v->record != NULL &&
		    (topic == FACTS_IDENTITY || number_of(v, p) > 0))
			fn(arg, v->record, number_of(v, p));
	}
	for (size_t i = 0; topic == FACTS_RLIMITS && i < p->rlimit_count; i++)
		fn(arg, p->rlimits[i].key, p->rlimits[i].value);
}

void
facts_put_layers(struct buf *out, unsigned layers)
{
	const char *name;
	unsigned any = 0;

	for (unsigned bit = 1; (name = confine_layer_name(bit)) != NULL;
	     bit <<= 1) {
		if ((layers & bit) == 0)
			continue;
		buf_put_str(out, any++ > 0 ? ",\"" : "\"");
		buf_put_str(out, name);
		buf_put_u8(out, '"');
	}
}
