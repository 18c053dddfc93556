/* SPDX-License-Identifier: MIT */
/* control_status: what is in force and what happens.  Executor. */
#include "executor/control/control_status.h"

#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/json.h"
#include "executor/conf/conf_fixed.h"
#include "executor/confine/confine.h"
#include "executor/confine/probe.h"
#include "executor/audit/log_budget.h"
#include "executor/audit/redact.h"
#include "executor/policy/facts.h"

enum {
	MAX_COMMAND = 4096, /* bytes of a command that are shown */
	SHORT_COMMAND = 200 /* where there are very many */
};

static void
put_u64(struct buf *b, const char *key, uint64_t v)
{
	json_put_member_i64(b, key, (int64_t)v);
}

static void
put_text(struct buf *b, const char *key, const char *text)
{
	json_put_key(b, key);
	json_put_audit(b, bytes_of(text)); /* nothing that moves a cursor */
}

static void
begin_value(struct buf *b, const char *key, char bracket)
{
	json_put_key(b, key);
	buf_put_u8(b, (uint8_t)bracket);
}

static void
begin_item(struct buf *b)
{
	if (b->len > 0 && b->p[b->len - 1] != '[')
		buf_put_u8(b, ',');
}

/* --- status ----------------------------------------------------------- */

static void
put_process(struct buf *b, uint64_t started_us)
{
	char when[CLOCK_MAX_TEXT];
	struct utsname u;

	clock_format(started_us, when);
	put_text(b, "version", MCP_EXECD_VERSION);
	put_u64(b, "protocol", PROTO_VERSION);
	put_text(b, "kernel", uname(&u) == 0 ? u.release : "");
	put_u64(b, "pid", (uint64_t)getpid());
	put_u64(b, "uid", geteuid());
	put_text(b, "started", when);
	put_u64(b, "uptime_s", (clock_wall_us() - started_us) / 1000000);
}

static void
put_digest(struct buf *b, const uint8_t sum[DIGEST_BYTES])
{
	char hex[2 * DIGEST_BYTES + 1];

	digest_hex(sum, DIGEST_BYTES, hex);
	json_put_member(b, "sha256", bytes_of(hex));
}

/* What only a restart changes, by key: enough for a comparison. */
static void
put_fixed(struct buf *b, const struct conf *c)
{
	CLEANUP_BUF struct buf value;
	const char *key;

	buf_init(&value, b->max);
	begin_value(b, "fixed", '{');
	for (size_t i = 0; (key = conf_fixed_key(c, i, &value)) != NULL; i++) {
		put_text(b, key, buf_cstr(&value));
		buf_reset(&value);
	}
	if (strcmp(c->audit_kernel, "off") == 0) /* else a reload does */
		put_text(b, "audit.kernel", "off");
	buf_put_u8(b, '}');
	json_put_member(b, "waiting", bytes_of(c->waiting));
}

static void
put_configuration(struct buf *b, const struct store *s, uint32_t generation)
{
	const struct conf *c = &s->conf;
	size_t i;

	begin_value(b, "configuration", '{');
	put_text(b, "path", c->path);
	put_u64(b, "generation", generation);
	begin_value(b, "listen", '[');
	for (i = 0; i < c->listen_count; i++) {
		begin_item(b);
		json_put_string(b, bytes_of(c->listen[i].text));
	}
	buf_put_u8(b, ']');
	put_u64(b, "tokens", s->tokens.count);
	put_u64(b, "policies", s->policies.count);
	put_digest(b, c->text_digest);
	put_fixed(b, c);
	buf_put_u8(b, '}');
}

/* The one in force, which its file may have left behind. */
static void
put_certificate(struct buf *b, const struct certificate *c)
{
	int64_t now_s = (int64_t)(clock_wall_us() / 1000000);
	char text[128];

	if (c->chain.len == 0)
		return;
	certificate_describe(c, now_s, text, sizeof(text));
	begin_value(b, "certificate", '{');
	put_text(b, "text", text);
	put_u64(b, "until_s", (uint64_t)c->until);
	json_put_member_bool(
	    b, "good", certificate_state_at(c, now_s) == CERTIFICATE_GOOD);
	buf_put_u8(b, '}');
}

static const struct {
	unsigned bit;
	const char *name;
} locks[] = {
	{ PROTO_LOCK_IDS, "ids" },
	{ PROTO_LOCK_CAPS, "capabilities" },
	{ PROTO_LOCK_NNP, "no_new_privs" },
	{ PROTO_LOCK_CHROOT, "chroot" },
	{ PROTO_LOCK_LANDLOCK, "landlock" },
	{ PROTO_LOCK_RLIMITS, "rlimits" },
	{ PROTO_LOCK_SECCOMP, "seccomp" },
};

static void
put_frontend(struct buf *b, const struct control_deps *d)
{
	struct monitor_vitals v = monitor_vitals(d->monitor);
	size_t i;

	begin_value(b, "frontend", '{');
	put_u64(b, "pid", (uint64_t)supervise_pid(d->supervise));
	put_u64(b, "restarts", supervise_restarts(d->supervise));
	json_put_member_bool(b, "ready", monitor_is_ready(d->monitor));
	json_put_member_bool(
	    b, "answers", v.known && monitor_silent_ms(d->monitor) == 0);
	if (v.known) {
		put_u64(b, "connections", v.connections);
		put_u64(b, "sessions", v.sessions);
		put_u64(b, "calls", v.calls);
	}
	begin_value(b, "lockdown", '[');
	for (i = 0; i < sizeof(locks) / sizeof(locks[0]); i++)
		if ((v.lockdown & locks[i].bit) != 0) {
			begin_item(b);
			json_put_string(b, bytes_of(locks[i].name));
		}
	buf_put_str(b, "]}");
}

static void
put_counts(struct buf *b, const struct jobs *j)
{
	struct jobs_counts n = jobs_counts(j);

	begin_value(b, "runs", '{');
	put_u64(b, "now", n.now);
	put_u64(b, "max", n.max);
	put_u64(b, "total", n.total);
	put_u64(b, "refused", n.refused);
	put_u64(b, "jobs", n.jobs);
	put_u64(b, "kept", n.kept);
	put_u64(b, "kept_bytes", n.kept_bytes);
	put_u64(b, "room_bytes", n.room_bytes);
	put_u64(b, "room_max_bytes", n.room_max_bytes);
	buf_put_u8(b, '}');
}

/* Counts of what had to wait or was left out because of excessive requests. */
static void
put_budgets(struct buf *b, const struct control_deps *d)
{
	struct log_budget_counts n =
	    log_budget_counts(audit_log_budget(d->audit));
	struct jobs_counts j = jobs_counts(d->jobs);

	begin_value(b, "budgets", '{');
	put_u64(b, "runs_waiting", j.waiting);
	put_u64(b, "run_waits", n.waits);
	put_u64(b, "answers_slowed", n.slowed);
	put_u64(b, "records_suppressed", n.suppressed);
	put_u64(b, "tasks_queued", j.turns.queued);
	put_u64(b, "longest_turn_us", j.turns.longest_turn_us);
	put_u64(b, "longest_step_us", j.turns.longest_step_us);
	buf_put_u8(b, '}');
}

static void
put_limits(struct buf *b, const struct conf *c)
{
	const struct conf_limits *l = &c->limits;

	begin_value(b, "limits", '{');
	put_u64(b, "connections", l->connections);
	put_u64(b, "connections_per_address", l->connections_per_address);
	put_u64(b, "sessions", l->sessions);
	put_u64(b, "sessions_per_token", l->sessions_per_token);
	put_u64(b, "body_bytes", l->body_bytes);
	put_u64(b, "stop_grace_ms", c->stop_grace_ms);
	put_u64(b, "survive_grace_ms", c->survive_grace_ms);
	buf_put_u8(b, '}');
}

static void
put_audit(struct buf *b, const struct control_deps *d, bool on_disk)
{
	struct audit_status s = audit_status(d->audit);

	begin_value(b, "audit", '{');
	put_text(b, "file", d->store->conf.audit_file);
	json_put_member_bool(b, "writable", on_disk);
	json_put_member_bool(b, "sealed", s.sealed);
	put_u64(b, "sequence", s.sequence);
	put_u64(b, "bytes", s.bytes);
	put_u64(b, "lost", s.lost);
	json_put_member_bool(b, "on_reserve", s.scarce);
	buf_put_u8(b, '}');
}

/* Layers that a strict policy would require and this machine lacks. */
static void
put_missing(struct buf *b, const struct confine *c)
{
	const char *why;
	unsigned bit;

	begin_value(b, "missing", '[');
	for (bit = 1; confine_layer_name(bit) != NULL; bit <<= 1) {
		if ((c->missing & bit) == 0)
			continue;
		why = probe_why(bit);
		begin_item(b);
		buf_put_u8(b, '{');
		put_text(b, "layer", confine_layer_name(bit));
		put_text(b, "why", why != NULL ? why : "");
		buf_put_u8(b, '}');
	}
	buf_put_u8(b, ']');
}

/* Of Landlock where it is in force, and which other layer keeps it. */
static void
put_gaps(struct buf *b, const struct confine *c)
{
	const struct confine_gap *g;
	const char *keeper;
	size_t i;

	begin_value(b, "landlock_lacks", '[');
	for (i = 0;
	     c->landlock.abi > 0 && (g = confine_gap(&c->landlock, i)) != NULL;
	     i++) {
		if ((keeper = confine_gap_keeper(c, g)) == NULL)
			continue;
		begin_item(b);
		buf_put_u8(b, '{');
		put_text(b, "name", g->name);
		put_text(b, "what", g->what);
		put_text(b, "kept_by", keeper);
		buf_put_u8(b, '}');
	}
	buf_put_u8(b, ']');
}

/* What confines each policy's runs, and what it asks for at least. */
static void
put_policy(struct buf *b, const struct policy *p)
{
	begin_item(b);
	buf_put_u8(b, '{');
	put_text(b, "name", p->name);
	put_digest(b, p->text_digest);
	put_text(b, "user", p->user);
	put_text(b, "network", confine_network_name(p->confine.network));
	put_text(b, "syscalls", p->profile);
	json_put_member_bool(b, "log_only", p->log_only);
	put_u64(b, "landlock_abi", (uint64_t)p->confine.landlock.abi);
	put_text(b, "posture", confine_posture_name(p->confine.posture));
	put_missing(b, &p->confine);
	put_gaps(b, &p->confine);
	begin_value(b, "layers", '[');
	facts_put_layers(b, p->confine.layers);
	buf_put_str(b, "]}");
}

void
control_status_put(struct buf *b, const struct control_deps *d,
    uint64_t started_us, bool audit_on_disk)
{
	const struct policy_table *t = &d->store->policies;
	size_t i;

	put_process(b, started_us);
	put_configuration(b, d->store, monitor_vitals(d->monitor).generation);
	put_certificate(b, &d->store->certificate);
	put_frontend(b, d);
	put_counts(b, d->jobs);
	put_limits(b, &d->store->conf);
	put_budgets(b, d);
	put_audit(b, d, audit_on_disk);
	begin_value(b, "policies", '[');
	for (i = 0; i < t->count; i++)
		put_policy(b, t->p[i]);
	buf_put_u8(b, ']');
}

/* --- runs ------------------------------------------------------------- */

struct runs_page {
	struct buf *b;
	struct redact *redact;
};

/* As the audit log has it: what is shown is copied as easily. */
static void
put_command(const struct runs_page *p, struct bytes command)
{
	bool many = p->b->len > p->b->max / 2;
	CLEANUP_BUF struct buf shown;

	buf_init(&shown, 4 * MAX_COMMAND);
	redact_show(
	    p->redact, &shown, command, many ? SHORT_COMMAND : MAX_COMMAND);
	json_put_key(p->b, "command");
	json_put_audit(p->b, buf_bytes(&shown));
	put_u64(p->b, "command_bytes", command.len);
}

/* What a client chose. */
static void
put_claim(const struct runs_page *p, const char *key, const char *text)
{
	CLEANUP_BUF struct buf shown;

	buf_init(&shown, 4 * MAX_COMMAND);
	redact_show(p->redact, &shown, bytes_of(text), MAX_COMMAND);
	json_put_key(p->b, key);
	json_put_audit(p->b, buf_bytes(&shown));
}

static void
put_run(void *arg, const struct job_view *v)
{
	const struct runs_page *p = arg;
	struct buf *b = p->b;

	buf_put_u8(b, '{');
	put_text(b, "run", v->id);
	put_text(b, "state", v->state);
	json_put_member_bool(b, "job", v->job);
	put_text(b, "token", v->token);
	put_text(b, "policy", v->policy);
	put_text(b, "user", v->user);
	put_claim(p, "tool", v->tool);
	put_claim(p, "client", v->client);
	put_claim(p, "source", v->peer);
	put_u64(b, "pid", (uint64_t)v->pid);
	put_u64(b, "age_ms", v->age_ms);
	put_u64(b, "timeout_ms", v->timeout_ms);
	put_u64(b, "stdout_bytes", v->stdout_bytes);
	put_u64(b, "stderr_bytes", v->stderr_bytes);
	put_command(p, v->command);
	buf_put_str(b, "}\n");
}

void
control_status_put_runs(struct buf *b, const struct control_deps *d)
{
	struct runs_page p = { .b = b, .redact = audit_redact(d->audit) };

	jobs_each(d->jobs, put_run, &p);
}
