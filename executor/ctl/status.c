/* SPDX-License-Identifier: MIT */
/* status: the state of the mcp-execd that runs, for people. */
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/plural.h"
#include "executor/ctl/remote.h"
#include "executor/ctl/terminal.h"
#include "executor/ctl/wrapped_text.h"

#define VERB "status"

enum { MAX_OUT = 1 << 20 };

static const struct cmdline_option options[] = { CTL_JSON("as an object") };

static const struct ctl_verb verb = {
	.name = VERB,
	.about =
	    "Asks the running mcp-execd that has this configuration: versions, uptime, listeners, frontend, sessions, runs, limits, audit log, and what confines the runs of each policy. The question is recorded.",
	.options = options,
	.more =
	    "Exit status: 1 if none runs, its frontend does not answer, or the audit log cannot be written.",
};

static bool
is_true(const struct json_value *o, const char *key)
{
	const struct json_value *v = json_get(o, key);

	return json_is(v, JSON_BOOL) && v->boolean;
}

static long long
number_of(const struct json_value *o, const char *key)
{
	return (long long)remote_number(o, key);
}

/* A list of texts: "a, b". */
static const char *
join_list(const struct json_value *o, const char *key, struct buf *scratch)
{
	const struct json_value *l = json_get(o, key), *v;

	buf_reset(scratch);
	for (v = l != NULL ? l->child : NULL; v != NULL; v = v->next)
		wrapped_text_item(scratch, "%s", log_text(v->text).s);
	return scratch->len > 0 ? buf_cstr(scratch) : "none";
}

static void
put_service(struct buf *b, const struct json_value *o, struct buf *scratch)
{
	const struct json_value *c = json_get(o, "configuration");
	char uptime[24];

	if (number_of(o, "uptime_s") < 60)
		(void)snprintf(
		    uptime, sizeof(uptime), "%lld s", number_of(o, "uptime_s"));
	else
		terminal_duration(
		    uptime, (uint64_t)number_of(o, "uptime_s") * 1000000000ULL);
	wrapped_text_row(b, "mcp-execd", "%s, for %s (since %s)",
	    remote_text(o, "version").s, uptime, remote_text(o, "started").s);
	wrapped_text_row(b, "process", "%lld, uid %lld, kernel %s",
	    number_of(o, "pid"), number_of(o, "uid"),
	    remote_text(o, "kernel").s);
	wrapped_text_row(b, "listening", "%s", join_list(c, "listen", scratch));
	wrapped_text_row(b, "config", "%s, generation %lld",
	    remote_text(c, "path").s, number_of(c, "generation"));
	wrapped_text_row(b, "", "%lld token%s, %lld polic%s",
	    number_of(c, "tokens"), plural_s((uint64_t)number_of(c, "tokens")),
	    number_of(c, "policies"),
	    plural_y((uint64_t)number_of(c, "policies")));
	if (remote_text(c, "waiting").s[0] != '\0')
		wrapped_text_row(b, "",
		    "changed, and in force only after a restart: %s",
		    remote_text(c, "waiting").s);
}

static void
put_frontend(struct buf *b, const struct json_value *f, struct buf *scratch)
{
	if (number_of(f, "pid") == 0)
		wrapped_text_row(
		    b, "frontend", "not there: it is being started again");
	else
		wrapped_text_row(b, "frontend", "process %lld, %s",
		    number_of(f, "pid"),
		    is_true(f, "answers") ? "answers"
					  : "DOES NOT ANSWER; see the journal");
	wrapped_text_row(b, "",
	    "connections: %lld, sessions: %lld, calls: %lld",
	    number_of(f, "connections"), number_of(f, "sessions"),
	    number_of(f, "calls"));
	wrapped_text_row(b, "", "locked down by: %s; restarts: %lld",
	    join_list(f, "lockdown", scratch), number_of(f, "restarts"));
}

static void
put_certificate(struct buf *b, const struct json_value *c)
{
	if (c != NULL)
		wrapped_text_row(b, "certificate", "%s%s",
		    remote_text(c, "text").s,
		    is_true(c, "good") ? ""
				       : ": renew it, then mcp-execctl reload");
}

static void
put_numbers(struct buf *b, const struct json_value *o)
{
	const struct json_value *r = json_get(o, "runs");
	const struct json_value *l = json_get(o, "limits");

	wrapped_text_row(b, "runs",
	    "%lld now, at most %lld; %lld since the start, %lld refused",
	    number_of(r, "now"), number_of(r, "max"), number_of(r, "total"),
	    number_of(r, "refused"));
	if (number_of(r, "kept") > 0)
		wrapped_text_row(b, "jobs",
		    "%lld now; %lld runs can be asked for, %lld bytes of output on disk",
		    number_of(r, "jobs"), number_of(r, "kept"),
		    number_of(r, "kept_bytes"));
	if (number_of(r, "room_bytes") > 0)
		wrapped_text_row(b, "recordings",
		    "%lld bytes on disk, output of jobs included, of at most %lld",
		    number_of(r, "room_bytes"), number_of(r, "room_max_bytes"));
	wrapped_text_row(b, "limits",
	    "%lld connections (%lld an address), %lld sessions (%lld a token), %lld bytes a request",
	    number_of(l, "connections"),
	    number_of(l, "connections_per_address"), number_of(l, "sessions"),
	    number_of(l, "sessions_per_token"), number_of(l, "body_bytes"));
}

/* Only where there is anything to say. */
static void
put_budgets(struct buf *b, const struct json_value *o)
{
	if (number_of(o, "runs_waiting") > 0)
		wrapped_text_row(b, "budgets",
		    "%lld runs wait, because their tokens exceed their shares of the log",
		    number_of(o, "runs_waiting"));
	if (number_of(o, "records_suppressed") > 0 ||
	    number_of(o, "answers_slowed") > 0)
		wrapped_text_row(b, "budgets",
		    "%lld answers to refused calls waited, %lld records were left out (records-suppressed in the log says whose)",
		    number_of(o, "answers_slowed"),
		    number_of(o, "records_suppressed"));
}

static void
put_audit(struct buf *b, const struct json_value *a)
{
	char size[24];

	terminal_size(size, (uint64_t)number_of(a, "bytes"));
	wrapped_text_row(b, "audit log", "%s, record %lld, %s, %s",
	    remote_text(a, "file").s, number_of(a, "sequence"), size,
	    is_true(a, "sealed") ? "sealed" : "not sealed");
	if (!is_true(a, "writable"))
		wrapped_text_row(b, "",
		    "CANNOT BE WRITTEN: runs are refused; see the journal");
	if (is_true(a, "on_reserve"))
		wrapped_text_row(b, "",
		    "ITS DISK IS FULL: the reserve is in use, and the tokens that wrote most are refused; make room");
	if (number_of(a, "lost") > 0)
		wrapped_text_row(
		    b, "", "%lld records did not fit", number_of(a, "lost"));
}

/* In plain words, what this kernel does not give to the policy's runs. */
static void
put_strength(struct buf *b, const struct json_value *p)
{
	const struct json_value *l = json_get(p, "missing"), *v;
	bool kernel = strcmp(remote_text(p, "posture").s, "kernel") == 0;

	if (kernel)
		wrapped_text_put(b, "",
		    "posture kernel: the strongest that this kernel has");
	for (v = l != NULL ? l->child : NULL; v != NULL; v = v->next)
		wrapped_text_row(b, "", "without the layer %s: %s",
		    remote_text(v, "layer").s, remote_text(v, "why").s);
	l = json_get(p, "landlock_lacks");
	for (v = l != NULL ? l->child : NULL; v != NULL; v = v->next)
		wrapped_text_row(b, "",
		    "Landlock does not enforce here: %s; %s%s",
		    remote_text(v, "what").s,
		    remote_text(v, "kept_by").s[0] != '\0'
			? "that is kept by the layer "
			: "nor does another layer",
		    remote_text(v, "kept_by").s);
}

static void
put_policies(struct buf *b, const struct json_value *list_, struct buf *scratch)
{
	const struct json_value *p = list_ != NULL ? list_->child : NULL;

	for (; p != NULL; p = p->next) {
		wrapped_text_row(b, "policy",
		    "%s: as %s, network %s, system calls %s%s; layers: %s",
		    remote_text(p, "name").s, remote_text(p, "user").s,
		    remote_text(p, "network").s, remote_text(p, "syscalls").s,
		    is_true(p, "log_only") ? " (only logged)" : "",
		    join_list(p, "layers", scratch));
		put_strength(b, p);
	}
}

/* As it came, without "ok". */
static void
put_json(struct buf *b, const struct remote_answer *a)
{
	static const char ok[] = "{\"ok\":true,";
	struct bytes text = buf_bytes(&a->text);

	if (bytes_starts(text, ok)) {
		buf_put_u8(b, '{');
		text.p += sizeof(ok) - 1;
		text.len -= sizeof(ok) - 1;
	}
	buf_put_bytes(b, text);
}

static int
show_status(const struct remote_answer *a, bool as_json)
{
	const struct json_value *o = json_root(a->doc);
	CLEANUP_BUF struct buf b, scratch;
	bool well = is_true(json_get(o, "frontend"), "answers") &&
		    is_true(json_get(o, "audit"), "writable");
	int status;

	buf_init(&b, MAX_OUT);
	buf_init(&scratch, MAX_OUT);
	if (as_json) {
		put_json(&b, a);
	} else {
		put_service(&b, o, &scratch);
		put_frontend(&b, json_get(o, "frontend"), &scratch);
		put_certificate(&b, json_get(o, "certificate"));
		put_numbers(&b, o);
		put_budgets(&b, json_get(o, "budgets"));
		put_audit(&b, json_get(o, "audit"));
		put_policies(&b, json_get(o, "policies"), &scratch);
	}
	if (b.overflow)
		return ctl_error("the answer is too long");
	status = ctl_print(buf_bytes(&b));
	return well ? status : CTL_FAILED;
}

int
status_run(struct ctl *c, int argc, char **argv)
{
	struct ctl_json as = { false };
	int status;

	if (ctl_options(&verb, &as, argc, argv, &status) != NULL)
		status = remote_show(c, CONTROL_STATUS, show_status, as.json);
	return status;
}
