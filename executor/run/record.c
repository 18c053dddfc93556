/* SPDX-License-Identifier: MIT */
/* record: audit records of runs.  Executor. */
#include "executor/run/record.h"

#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/json.h"
#include "executor/audit/loginuid.h"
#include "executor/policy/capability.h"
#include "executor/policy/facts.h"

/* Of a traceparent, "00-TRACE-SPAN-FLAGS" (W3C Trace Context, 3.2). */
static struct bytes
trace_id(const char *parent)
{
	static const char hex[] = "0123456789abcdef";

	if (strlen(parent) < 55 || parent[2] != '-' || parent[35] != '-' ||
	    strspn(parent + 3, hex) != 32)
		return bytes_make(NULL, 0);
	return bytes_make(parent + 3, 32);
}

/* Client, source and transport of a request. */
static void
put_caller(struct buf *b, const struct request *r)
{
	struct bytes id;

	audit_put_str(b, "source.ip", r->peer);
	audit_put_str(b, "mcp.session.id", r->session);
	audit_put_str(b, "mcp.client", r->client);
	audit_put_str(b, "mcp.revision", r->revision);
	audit_put_str(b, "mcp.tool", r->tool);
	if (r->trace[0] == '\0')
		return;
	audit_put_str(b, "trace.parent", r->trace);
	id = trace_id(r->trace);
	if (id.len > 0)
		audit_put(b, "trace.id", id);
}

/* As one text, a NUL after each word; no more than a record looks at. */
static void
put_args(struct buf *b, char *const *argv)
{
	CLEANUP_BUF struct buf words;
	size_t i;

	buf_init(&words, 2 * AUDIT_MAX_VALUE + REQUEST_MAX_COMMAND + 1);
	for (i = 0; argv[i] != NULL; i++)
		if (words.len <= 2 * AUDIT_MAX_VALUE)
			buf_put(&words, argv[i], strlen(argv[i]) + 1);
	audit_put_words(b, "process.args", buf_bytes(&words), false);
	audit_put_i64(b, "process.args_count", (int64_t)i);
}

/* Names only: values may be secrets. */
static void
put_env_names(struct buf *b, const struct request *r)
{
	CLEANUP_BUF struct buf names;
	size_t i;

	buf_init(&names, 2 * AUDIT_MAX_VALUE + REQUEST_MAX_COMMAND);
	for (i = 0; i < r->arg_count; i++) {
		struct bytes v = request_value(r, &r->arg[i]);
		const uint8_t *eq = v.len == 0 ? NULL : memchr(v.p, '=', v.len);

		if (strcmp(r->arg[i].name, "env") != 0 || eq == NULL)
			continue;
		buf_put(&names, v.p, (size_t)(eq - v.p));
		buf_put_u8(&names, '\0');
	}
	if (names.len > 0)
		audit_put_words(
		    b, "process.env_names", buf_bytes(&names), names.overflow);
}

static void
put_digest(struct buf *b, const char *key, const uint8_t sum[DIGEST_BYTES])
{
	char hex[DIGEST_HEX];

	digest_hex(sum, DIGEST_BYTES, hex);
	audit_put_own(b, key, hex);
}

static void
put_layers(struct buf *b, const char *key, unsigned layers)
{
	json_put_key(b, key);
	buf_put_u8(b, '[');
	facts_put_layers(b, layers);
	buf_put_u8(b, ']');
}

/* What this kernel lacks for it, by layer and by parts of Landlock. */
static void
put_strength(struct buf *b, const struct confine *c)
{
	const struct confine_gap *gap;
	size_t i;

	audit_put_own(b, "level", confine_posture_name(c->posture));
	if (c->missing != 0)
		put_layers(b, "missing", c->missing);
	audit_put_i64(b, "landlock.abi", c->landlock.abi);
	if (c->landlock.abi == 0 || confine_gap(&c->landlock, 0) == NULL)
		return;
	json_put_key(b, "landlock.lacks");
	buf_put_u8(b, '[');
	for (i = 0; (gap = confine_gap(&c->landlock, i)) != NULL; i++)
		buf_printf(b, "%s\"%s\"", i > 0 ? "," : "", gap->name);
	buf_put_u8(b, ']');
}

static void
put_number(void *arg, const char *key, uint64_t value)
{
	audit_put_i64(arg, key, (int64_t)value);
}

static void
put_capabilities(struct buf *b, uint64_t bits)
{
	CLEANUP_BUF struct buf text;

	buf_init(&text, 1024);
	capability_list(bits, &text);
	audit_put_own(b, "capabilities", buf_cstr(&text));
}

/* Layers in force when the child executes the command. */
static void
put_posture(struct buf *b, const struct plan *p)
{
	const struct policy *pol = p->policy;
	size_t i;

	json_put_key(b, "posture");
	buf_put_u8(b, '{');
	facts_each_number(pol, FACTS_IDENTITY, put_number, b);
	json_put_key(b, "groups");
	buf_put_u8(b, '[');
	for (i = 0; i < pol->group_count; i++)
		buf_printf(
		    b, "%s%u", i > 0 ? "," : "", (unsigned)pol->groups[i]);
	buf_put_u8(b, ']');
	json_put_member_bool(b, "no_new_privs", true);
	put_capabilities(b, pol->capabilities);
	put_layers(b, "layers", pol->confine.layers);
	audit_put_str(b, "directory", pol->directory);
	audit_put_own(b, "network", confine_network_name(pol->confine.network));
	audit_put_own(
	    b, "processes.seen", confine_processes_name(&pol->confine));
	put_strength(b, &pol->confine);
	facts_each_number(pol, FACTS_CGROUP, put_number, b);
	audit_put_own(b, "seccomp", pol->profile);
	if (pol->log_only)
		json_put_member_bool(b, "seccomp.log_only", true);
	audit_put_own(b, "execs", policy_execs_name(pol->execs));
	if (pol->filter.prog.len > 0)
		put_digest(b, "seccomp.sha256", pol->filter.digest);
	facts_each_number(pol, FACTS_RLIMITS, put_number, b);
	buf_put_u8(b, '}');
}

void
record_intent(struct audit *a, const char *id, const struct request *r,
    const struct plan *p)
{
	struct buf *b = audit_begin(a, "run-intent");

	audit_put_own(b, "run.id", id);
	audit_put_own(b, "token.name", p->token);
	audit_put_own(b, "policy.name", p->policy->name);
	if (p->from[0] != '\0')
		audit_put_own(b, "token.policy", p->from);
	put_caller(b, r);
	audit_put(b, "process.command_line", p->command);
	put_args(b, p->argv);
	if (!p->defined)
		put_env_names(b, r);
	audit_put_str(b, "process.working_directory", p->cwd);
	if (p->terminal.columns != 0) {
		audit_put_i64(b, "process.tty.columns", p->terminal.columns);
		audit_put_i64(b, "process.tty.rows", p->terminal.rows);
	}
	audit_put_own(b, "user.name", p->policy->user);
	if ((p->policy->confine.layers & CONFINE_LOGINUID) != 0)
		audit_put_i64(b, "user.audit.id", p->login_uid);
	audit_put_i64(b, "timeout_ms", p->timeout_ms);
	if (p->policy->output != RECORDER_OFF)
		audit_put_own(b, "recording.output",
		    recorder_mode_name(p->policy->output));
	if (p->has_input) {
		audit_put_i64(b, "stdin.bytes", (int64_t)p->input.len);
		audit_put_digest(b, "stdin", p->input);
	}
	if (p->ignored.len > 0)
		audit_put_words(
		    b, "mcp.ignored_arguments", buf_bytes(&p->ignored), false);
	put_posture(b, p);
	audit_end(a, true);
}

static void
put_stream(struct buf *b, const char *name, struct output *o)
{
	uint8_t sum[DIGEST_BYTES];
	char key[32];

	(void)snprintf(key, sizeof(key), "%s.bytes", name);
	audit_put_i64(b, key, (int64_t)o->total);
	(void)snprintf(key, sizeof(key), "%s.returned_bytes", name);
	audit_put_i64(b, key, (int64_t)o->sent);
	digest_final(&o->digest, sum);
	(void)snprintf(key, sizeof(key), "%s.sha256", name);
	put_digest(b, key, sum);
}

static int64_t
to_microseconds(const struct timeval *tv)
{
	return (int64_t)tv->tv_sec * 1000000 + tv->tv_usec;
}

/* A count that is left out while nothing was counted. */
static void
put_count(struct buf *b, const char *key, uint64_t n)
{
	if (n > 0)
		audit_put_i64(b, key, (int64_t)n);
}

/* Result of the command, once it ran. */
static void
put_executed(
    struct buf *b, const struct job_result *r, const struct record_end *end)
{
	put_count(b, "process.pid", (uint64_t)end->pid);
	if (end->audit_session != LOGINUID_UNSET)
		audit_put_i64(b, "auditd.session", end->audit_session);
	if (r->exit_code >= 0)
		audit_put_i64(b, "process.exit_code", r->exit_code);
	put_count(b, "process.signal", (uint64_t)r->signal);
	put_stream(b, "stdout", end->out);
	put_stream(b, "stderr", end->err);
	audit_put_i64(
	    b, "rusage.user_us", to_microseconds(&end->usage->ru_utime));
	audit_put_i64(
	    b, "rusage.system_us", to_microseconds(&end->usage->ru_stime));
	audit_put_i64(b, "rusage.max_rss_kib", end->usage->ru_maxrss);
	audit_put_i64(b, "run.processes_left", end->left);
	put_count(b, "cgroup.memory_peak", end->cgroup->memory_peak);
	put_count(b, "cgroup.oom_kills", end->cgroup->oom_kills);
	put_count(b, "cgroup.processes_denied", end->cgroup->pids_denied);
	put_count(b, "run.execs", end->execs);
	put_count(b, "run.execs_not_recorded", end->execs_untold);
	put_count(b, "run.execs_unknown", end->execs_unknown);
	put_count(b, "run.execs_failed", end->execs_failed);
	put_count(b, "run.denials", end->denials);
	put_count(b, "run.processes_ended", end->findings->ended);
	if (r->denials.len > 0)
		audit_put(b, "run.explained", r->denials);
	put_count(b, "run.slowed_ms", end->slowed_ms);
}

void
record_result(
    struct audit *a, const struct job_result *r, const struct record_end *end)
{
	struct buf *b = audit_begin(a, "run-result");
	bool ok = r->state == PROTO_EXITED && r->exit_code == 0;

	audit_put_own(b, "run.id", r->id);
	audit_put_own(b, "token.name", end->plan->token);
	audit_put_own(b, "policy.name", end->plan->policy->name);
	audit_put_own(b, "event.outcome", ok ? "success" : "failure");
	audit_put_own(b, "run.state", proto_state_name(r->state));
	if (r->message[0] != '\0')
		audit_put_reason(b, r->message);
	audit_put_i64(b, "event.duration", (int64_t)r->duration_us * 1000);
	if (end->executed)
		put_executed(b, r, end);
	if (end->detached)
		json_put_member_bool(b, "job.detached", true);
	put_count(b, "job.output_lost_bytes", end->lost);
	if (end->ended[0] != '\0')
		audit_put_str(b, "job.ended", end->ended);
	if (end->recorder != NULL)
		recorder_put_result(end->recorder, b);
	audit_end(a, false);
}

void
record_denial(struct audit *a, const char *id, const struct plan *p,
    const struct denial *d)
{
	struct buf *b = audit_begin(a, "run-denial");
	char name[32];
	size_t i;

	audit_put_own(b, "run.id", id);
	audit_put_own(b, "token.name", p->token);
	audit_put_own(b, "policy.name", p->policy->name);
	audit_put_own(b, "event.outcome", "failure");
	audit_put_own(b, "denial.rule", explain_rule_name(d->rule));
	explain_call_name(d, name);
	audit_put_own(b, "denial.syscall", name);
	audit_put_i64(b, "denial.syscall_number", d->nr);
	json_put_key(b, "denial.args");
	for (i = 0; i < 6; i++)
		buf_printf(b, "%s\"0x%llx\"", i == 0 ? "[" : ",",
		    (unsigned long long)d->args[i]);
	buf_put_u8(b, ']');
	if (d->path[0] != '\0')
		audit_put_array(b, "file.path", d->path, sizeof(d->path));
	audit_put_i64(b, "process.namespace_pid", d->pid);
	audit_put_array(b, "process.name", d->comm, sizeof(d->comm));
	audit_end(a, false);
}

/* What the kernel has started. */
static void
put_image(struct buf *b, const struct image *m)
{
	audit_put_i64(b, "process.parent.namespace_pid", m->parent);
	audit_put_array(
	    b, "process.executable", m->executable, sizeof(m->executable));
	audit_put_words(b, "process.args", bytes_make(m->args, m->args_len),
	    m->args_len < m->args_total);
	if (m->args_len < m->args_total) {
		json_put_member_bool(b, "process.args_cut", true);
		audit_put_i64(b, "process.args_bytes", (int64_t)m->args_total);
	}
	if (m->args_summed)
		audit_put_sum(b, "process.args", m->args_sum);
	audit_put_array(
	    b, "process.working_directory", m->directory, sizeof(m->directory));
	if (m->own_mounts)
		json_put_member_bool(b, "process.own_mounts", true);
	if (m->file.inode != 0) {
		audit_put_i64(b, "file.device", (int64_t)m->file.device);
		audit_put_i64(b, "file.inode", (int64_t)m->file.inode);
	}
	if (m->summed)
		put_digest(b, "process.hash.sha256", m->sum);
}

void
record_exec(struct audit *a, const char *id, const struct plan *p,
    const struct exec_event *x)
{
	static const char *const outcomes[] = {
		[EXEC_UNKNOWN] = "unknown",
		[EXEC_STARTED] = "success",
		[EXEC_FAILED] = "failure",
	};
	struct buf *b = audit_begin(a, "process-exec");

	audit_put_own(b, "run.id", id);
	audit_put_own(b, "token.name", p->token);
	audit_put_own(b, "policy.name", p->policy->name);
	audit_put_own(b, "event.outcome", outcomes[x->outcome]);
	audit_put_i64(b, "process.namespace_pid", x->pid);
	if (x->unconfirmed)
		json_put_member_bool(b, "process.unconfirmed", true);
	if (x->traced)
		json_put_member_bool(b, "process.traced", true);
	if (x->error != 0)
		audit_put_reason(b, strerror(x->error));
	if (x->image.asked[0] != '\0')
		audit_put_array(
		    b, "process.asked", x->image.asked, sizeof(x->image.asked));
	if (x->outcome == EXEC_STARTED)
		put_image(b, &x->image);
	audit_end(a, false);
}

void
record_job(
    struct audit *a, const char *id, const struct plan *p, const char *why)
{
	struct buf *b = audit_begin(a, "job-begin");

	audit_put_own(b, "run.id", id);
	audit_put_own(b, "token.name", p->token);
	audit_put_own(b, "policy.name", p->policy->name);
	audit_put_reason(b, why);
	audit_put_i64(b, "timeout_ms", p->job_ms);
	audit_end(a, false);
}

void
record_adopted(struct audit *a, const char *id, const struct plan *p,
    pid_t guard, uint64_t lost)
{
	struct buf *b = audit_begin(a, "run-adopted");

	audit_put_own(b, "run.id", id);
	audit_put_own(b, "token.name", p->token);
	audit_put_own(b, "policy.name", p->policy->name);
	put_count(b, "guard.pid", (uint64_t)guard);
	put_count(b, "stdin.lost_bytes", lost);
	audit_end(a, false);
}

void
record_slowed(struct audit *a, const char *id, const struct plan *p)
{
	struct buf *b = audit_begin(a, "run-slowed");

	audit_put_own(b, "run.id", id);
	audit_put_own(b, "token.name", p->token);
	audit_put_own(b, "policy.name", p->policy->name);
	audit_put_reason(b,
	    "its token is over its share of the log (audit.bytes_per_second)");
	audit_end(a, false);
}

void
record_refused(struct audit *a, const struct request *r,
    const struct refuse_caller *who, const char *why)
{
	struct buf *b = audit_begin(a, "run-refused");
	size_t i;

	if (who->token != NULL) {
		audit_put_own(b, "token.name", who->token);
		audit_put_own(b, "policy.name", who->policy->name);
	}
	put_caller(b, r);
	for (i = 0; i < r->arg_count; i++)
		if (strcmp(r->arg[i].name, "command") == 0)
			audit_put(b, "process.command_line",
			    request_value(r, &r->arg[i]));
	audit_put_own(b, "event.outcome", "failure");
	audit_put_reason(b, why);
	audit_end(a, false);
}
