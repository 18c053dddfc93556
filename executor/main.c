/* SPDX-License-Identifier: MIT */
/*
 * main: mcp-execd, the executor.  Owns policy, tokens and audit; wires the
 * modules, handles signals, stops in order.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/notify.h"
#include "common/plural.h"
#include "common/rest.h"
#include "common/sigreset.h"
#include "executor/confine/cgroup.h"
#include "executor/confine/probe.h"
#include "executor/conf/accountdb.h"
#include "executor/conf/conf_audit.h"
#include "executor/conf/conf_redact.h"
#include "executor/control/control.h"
#include "executor/conf/instance.h"
#include "executor/service/listen.h"
#include "executor/options.h"
#include "executor/service/service_rlimits.h"
#include "executor/service/watchdog.h"
#include "executor/service/recover.h"
#include "executor/service/reload.h"
#include "executor/run/launch.h"
#include "executor/run/plansend.h"
#include "executor/service/launcher.h"
#include "executor/service/loader.h"
#include "executor/service/orphans.h"
#include "executor/service/plans.h"
#include "executor/service/power.h"
#include "executor/service/programs.h"
#include "executor/service/supervise.h"
#include "executor/service/survivors.h"
#include "executor/audit/log_budget.h"
#include "executor/audit/to_journal.h"
#include "executor/audit/to_kernel.h"
#include "executor/audit/to_syslog.h"
#include "executor/policy/policydiff.h"
#include "executor/policy/tokenwatch.h"
#include "executor/power/ownchild.h"

/*
 * Exit statuses that a service manager need not repeat, as sysexits.h has them
 * (RestartPreventExitStatus= of the units); wrong usage is 2.
 */
enum {
	EXIT_UNFIT = 71, /* EX_OSERR: the machine does not let us do our work */
	EXIT_REFUSED = 78 /* EX_CONFIG: a configuration or policy is refused */
};

enum {
	SWEEP_SOON_MS = 50, /* while there is something to remove */
	SWEEP_MS = 600000, /* between two looks at the age of recordings */
	RETRY_MS = 1000, /* until what could not be recorded is tried again */
	SYNC_MS = 200, /* until records that no run waits for are synced */
	LAST_ANSWERS_MS = 5000, /* for the frontend, after the last KILL */
	DAY_MS = 24 * 3600 * 1000,
	MAX_SPARED = 2 * 4096 + OWNCHILD_MOST, /* guards and our own children */
	APART = 65536 /* bytes: tables of that size cost what they hold */
};

static struct executor {
	struct loop *loop;
	struct store store;
	struct audit *audit;
	struct log_budget *log_budget;
	struct receivers *receivers;
	struct redact *redact;
	struct recordings *recordings;
	struct fetches *fetches;
	struct ledger *ledger;
	struct jobs *jobs;
	struct jobcalls *jobcalls;
	struct monitor *monitor;
	struct supervise *supervise;
	struct reload *reload;
	struct control *control;
	struct activation inherited;
	int listeners[CONF_MAX_LISTENERS];
	size_t listener_count;
	struct loop_watch signals, keeper;
	struct tokenwatch tokens;
	struct loop_timer sync, stop, sweep, daily, retry, copies;
	struct watchdog watchdog;
	bool stopping, handing; /* handing: jobs that last are left */
	bool keeper_lost;
	struct err helpless; /* why keeper or launcher did not start */
	bool ready_owed; /* READY=1 is owed to the service manager */
} self;

/* --- reload ----------------------------------------------------------- */

/* By which policies of two times can be compared. */
static void
put_policies(struct buf *b)
{
	uint8_t sum[DIGEST_BYTES];
	char hex[2 * DIGEST_BYTES + 1];

	policydiff_digest(&self.store.policies, sum);
	digest_hex(sum, sizeof(sum), hex);
	audit_put_i64(b, "policy.count", (int64_t)self.store.policies.count);
	audit_put_own(b, "policy.sha256", hex);
}

static void
put_difference(struct buf *b, const struct policy_table *before)
{
	static const struct {
		enum policydiff what;
		const char *key;
	} kinds[] = { { POLICYDIFF_ADDED, "policy.added" },
		{ POLICYDIFF_CHANGED, "policy.changed" },
		{ POLICYDIFF_REMOVED, "policy.removed" } };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		CLEANUP_BUF struct buf names;

		buf_init(&names, POLICY_MAX_POLICIES * POLICY_MAX_NAME);
		policydiff_names(
		    before, &self.store.policies, kinds[i].what, &names);
		if (names.len > 0)
			audit_put_words(
			    b, kinds[i].key, buf_bytes(&names), names.overflow);
	}
}

static void
record_reload(const struct reload_end *end)
{
	struct buf *b = audit_begin(
	    self.audit, end->kind == STORE_ALL ? "reload" : "reload-tokens");

	audit_put_own(
	    b, "event.outcome", end->failure == NULL ? "success" : "failure");
	if (end->report->count > 0)
		audit_put(b, "event.reason", buf_bytes(&end->report->text));
	audit_put_i64(b, "token.count", (int64_t)self.store.tokens.count);
	put_policies(b);
	if (end->before != NULL)
		put_difference(b, end->before);
	audit_end(self.audit, false);
}

static void
use_receivers(void)
{
	const struct conf *c = &self.store.conf;

	receivers_use(self.receivers, to_journal_kind(),
	    conf_audit_mode(c->audit_journal), c->audit_journal_socket);
	receivers_use(self.receivers, to_syslog_kind(),
	    conf_audit_mode(c->audit_syslog), c->audit_syslog_socket);
	receivers_use(self.receivers, to_kernel_kind(),
	    conf_audit_mode(c->audit_kernel), NULL);
}

/* Errors name what a client or a command asked for. */
static size_t
filter_line(char *line, size_t len, size_t size)
{
	CLEANUP_BUF struct buf shown = { 0 };

	if (!redact_any(self.redact))
		return len;
	buf_init(&shown, size);
	redact_show(self.redact, &shown, bytes_make(line, len), len);
	memcpy(line, shown.p, shown.len);
	return shown.len;
}

/* The rules in force stay where the new ones cannot be used. */
static int
use_redact(struct err *e)
{
	struct redact *fresh = conf_redact_make(&self.store.conf, e);

	if (fresh == NULL)
		return e->code;
	redact_free(self.redact);
	self.redact = fresh;
	log_set_filter(filter_line);
	return 0;
}

static struct audit_setup
audit_setup(void)
{
	const struct conf *c = &self.store.conf;

	use_receivers();
	return (struct audit_setup){
		.path = c->audit_file,
		.seal_state = c->audit_seal_state,
		.seal = strcmp(c->audit_seal, "require") == 0
			    ? AUDIT_SEAL_REQUIRE
			: strcmp(c->audit_seal, "off") == 0 ? AUDIT_SEAL_OFF
							    : AUDIT_SEAL_AUTO,
		.rotate_bytes = c->audit_rotate_bytes,
		.rotate_seconds = c->audit_rotate_seconds,
		.keep = c->audit_keep,
		.reserve_bytes = c->audit_reserve_bytes,
		.redact = self.redact,
		.wrote = receivers_take,
		.ready = receivers_ready,
		.arg = self.receivers,
	};
}

/*
 * What was not there when the policies were loaded they do not hide; a reload
 * sees to that itself.
 */
static int
hide_recordings(struct err *e)
{
	struct store_load *l;
	struct conf_report r;
	int rc;

	conf_report_init(&r);
	l = store_load_begin(&self.store, STORE_ALL, &r, e);
	while (l != NULL && !store_load_step(l, UINT32_MAX))
		;
	rc = l == NULL ? e->code : store_load_end(l, e);
	while (l != NULL && !store_load_tidy(l, UINT32_MAX))
		;
	conf_report_fini(&r);
	accountdb_end();
	return rc;
}

/* Recordings: only a directory that some policy needs is made. */
static int
open_recordings(struct err *e)
{
	const struct policy_table *t = &self.store.policies;
	const struct conf *c = &self.store.conf;
	struct recordings_limits l = { .bytes = c->recordings_max_bytes,
		.seconds = c->recordings_max_seconds };
	size_t i;

	recordings_adjust(self.recordings, &l);
	for (i = 0; i < t->count && t->p[i]->output == RECORDER_OFF &&
		    !t->p[i]->jobs.offered;
	     i++)
		;
	if (i == t->count)
		return 0;
	if (mkdir(c->recordings_dir, 0700) == 0 && hide_recordings(e) != 0)
		return e->code;
	return recordings_open(self.recordings, c->recordings_dir, e);
}

/* What the executor before us kept for those who may ask for it. */
static void
load_ledger(void)
{
	static uint8_t verifier[TOKEN_MAX_TOKENS][DIGEST_BYTES];
	const struct token_table *t = &self.store.tokens;
	size_t count = 0;

	for (size_t i = 0; i < t->count; i++)
		if (t->t[i]->policy->jobs.offered)
			memcpy(
			    verifier[count++], t->t[i]->verifier, DIGEST_BYTES);
	ledger_load(
	    self.ledger, (const uint8_t(*)[DIGEST_BYTES])verifier, count);
}

/* Of all but tokens. */
static void
apply_conf(void)
{
	struct audit_setup setup;
	struct err e;

	if (use_redact(&e) != 0)
		log_err("reload: %s; the rules of redaction stay", e.what);
	setup = audit_setup();
	audit_adjust(self.audit, &setup);
	log_budget_adjust(
	    self.log_budget, self.store.conf.audit_bytes_per_second);
	if (open_recordings(&e) != 0)
		log_err("reload: %s; runs that are to be recorded are refused",
		    e.what);
	load_ledger();
	ledger_lose_open(self.ledger);
	certificate_warn(&self.store.certificate);
	launch_keep_for_runs(plansend_kept(
	    self.store.conf.templates, self.store.conf.reuse_guards));
}

/* Tell everybody what is in force now. */
static void
apply_store(enum store_kind kind)
{
	if (kind == STORE_ALL)
		apply_conf();
	jobs_cancel_revoked(self.jobs, &self.store.tokens);
	jobcalls_stop_revoked(self.jobcalls, &self.store.tokens);
	fetches_stop_revoked(self.fetches, &self.store.tokens);
	monitor_configure(
	    self.monitor, kind == STORE_ALL ? PUSH_ALL : PUSH_TOKENS);
}

/* Once a day, so that an expiry shows in the log before it comes. */
static void
on_daily(void *arg)
{
	(void)arg;
	certificate_warn(&self.store.certificate);
	self.daily.handler = on_daily;
	loop_timer_set(self.loop, &self.daily, DAY_MS);
}

static void
log_report(const struct conf_report *r)
{
	const char *p = (const char *)r->text.p, *end = p + r->text.len, *nl;

	for (; p != NULL && p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == NULL)
			nl = end;
		log_err("config: %.*s", (int)(nl - p), p);
	}
}

static void
on_reload_begins(void *arg)
{
	(void)arg;
	notify_reloading();
	accountdb_end();
	tokenwatch_forget(&self.tokens); /* each load reads them */
}

/* Findings go into the journal and the audit log, and to who asked. */
static void
on_reload_ended(void *arg, const struct reload_end *end)
{
	(void)arg;
	accountdb_end();
	self.ready_owed = true; /* until on_settled */
	log_report(end->report);
	if (end->failure != NULL)
		log_err("reload: %s; the old configuration stays in force",
		    end->failure->what);
	else
		log_notice("reload: in force tokens=%zu policies=%zu",
		    self.store.tokens.count, self.store.policies.count);
	record_reload(end);
	apply_store(end->kind);
	control_loaded(self.control, end->ticket, end->report, end->failure);
}

/* mcp-execctl reload */
static uint64_t
reload_asked(enum store_kind kind)
{
	return reload_ask(self.reload, kind);
}

static void
on_tokens(void)
{
	(void)reload_ask(self.reload, STORE_TOKENS);
}

/* --- stop ------------------------------------------------------------- */

static void
on_frontend_gone(void *arg)
{
	(void)arg;
	loop_stop(self.loop);
}

static void
stop_when_quiet(void)
{
	/* closing the channel drops what waits in it: answers may be there */
	if (self.stopping && jobs_quiet(self.jobs) &&
	    monitor_is_flushed(self.monitor) && self.stop.handler != NULL) {
		self.stop.handler = NULL;
		loop_timer_cancel(self.loop, &self.stop);
		supervise_stop(self.supervise, on_frontend_gone, NULL);
	}
}

/* Runs that neither TERM nor KILL ended in time: go anyway. */
static void
on_stop_late(void *arg)
{
	(void)arg;
	log_err("stop: runs that did not end: %zu", jobs_count(self.jobs));
	self.stop.handler = NULL;
	supervise_stop(self.supervise, on_frontend_gone, NULL);
}

static void
begin_stop(const char *why)
{
	uint32_t grace = self.store.conf.stop_grace_ms;

	if (self.stopping)
		return;
	self.stopping = true;
	if (self.handing)
		jobs_leave_lasting(self.jobs);
	log_notice("stop: %s runs=%zu handed_over=%zu", why,
	    jobs_count(self.jobs), self.handing ? jobs_lasting(self.jobs) : 0);
	notify_send("STOPPING=1\nSTATUS=ending runs");
	self.stop = (struct loop_timer){ .handler = on_stop_late };
	loop_timer_set(self.loop, &self.stop, 2 * grace + 15000);
	/* those that KILL ends at the end of it are answered as well */
	monitor_drain(self.monitor, grace + LAST_ANSWERS_MS);
	jobs_stop(self.jobs, "the server is stopping", grace);
}

/* --- signals ---------------------------------------------------------- */

static void
end_strays(void)
{
	static pid_t spared[MAX_SPARED + ORPHANS_MAX_INHERITED];
	size_t n = jobs_guards(self.jobs, spared, MAX_SPARED - OWNCHILD_MOST);

	n += ownchild_list(spared + n);
	orphans_end(spared, n);
}

static void
on_signal(void *arg, uint32_t events)
{
	struct signalfd_siginfo si;
	(void)arg;
	(void)events;

	while (read(self.signals.fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
		switch (si.ssi_signo) {
		case SIGHUP:
			(void)reload_ask(self.reload, STORE_ALL);
			break;
		case SIGCHLD:
			end_strays();
			break;
		case SIGTERM:
			if (!self.stopping)
				self.handing = survivors_are_handed_over();
			begin_stop("SIGTERM");
			break;
		default:
			begin_stop(sigabbrev_np((int)si.ssi_signo));
			break;
		}
}

static int
watch_signals(struct err *e)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	self.signals = (struct loop_watch){ .handler = on_signal,
		.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC) };
	if (self.signals.fd == -1)
		return err_sys(e, "signalfd");
	return loop_add(self.loop, &self.signals, EPOLLIN, e);
}

/* --- wiring ----------------------------------------------------------- */

static void
on_sync(void *arg)
{
	(void)arg;
	audit_sync(self.audit);
}

static void
on_copies(void *arg)
{
	(void)arg;
	receivers_again(self.receivers);
}

/* As soon as a receiver may take what waits for it. */
static void
plan_copies(void)
{
	int ms = receivers_wait_ms(self.receivers);

	if (ms >= 0 && self.copies.at_ms == 0)
		loop_timer_set(self.loop, &self.copies, (uint32_t)ms);
}

static void
on_sweep(void *arg)
{
	(void)arg;
	loop_timer_set(self.loop, &self.sweep, SWEEP_MS); /* on_idle does it */
}

static void
on_retry(void *arg)
{
	(void)arg; /* on_idle does it */
}

/* Before each wait: records to disk, accepted runs started. */
static int
on_idle(void *arg)
{
	bool written;
	int rc;

	(void)arg;
	receivers_tell(self.receivers, self.audit);
	rc = jobs_flush(self.jobs);
	written = rc == 0 || rc == ERR_AGAIN;
	control_flushed(self.control, written);
	monitor_set_health(self.monitor, written);
	if (!written && self.retry.at_ms == 0)
		loop_timer_set(self.loop, &self.retry, RETRY_MS);
	if (recordings_sweep(self.recordings) && self.sweep.at_ms != 0)
		loop_timer_set(self.loop, &self.sweep, SWEEP_SOON_MS);
	plan_copies();
	if (audit_unsynced(self.audit) && self.sync.at_ms == 0)
		loop_timer_set(self.loop, &self.sync, SYNC_MS);
	stop_when_quiet();
	return jobs_busy(self.jobs) ? 0 : -1;
}

static void
on_ready(void *arg)
{
	char name[INSTANCE_NAME];
	bool instance = instance_of(self.store.conf.path, name);
	size_t i;
	(void)arg;

	for (i = 0; i < self.listener_count; i++)
		log_notice(
		    "ready: listening on %s", self.store.conf.listen[i].text);
	if (self.store.tokens.count == 0)
		log_notice(
		    "ready: there is no token yet, so every client is refused; add one: mcp-execctl%s%s token add NAME --policy POLICY",
		    instance ? " -i " : "", name);
}

/* STATUS= for systemctl status, with READY=1 at start and after a reload. */
static void
tell_manager(void)
{
	char text[160];

	(void)snprintf(text, sizeof(text),
	    "READY=1\nSTATUS=%zu token%s, %zu polic%s, configuration %u",
	    self.store.tokens.count, plural_s(self.store.tokens.count),
	    self.store.policies.count, plural_y(self.store.policies.count),
	    (unsigned)monitor_vitals(self.monitor).generation);
	notify_send(text);
}

/* The frontend has put in force what was sent last. */
static void
on_settled(void *arg)
{
	(void)arg;
	control_settled(self.control);
	if (!self.ready_owed)
		return;
	self.ready_owed = false;
	(void)malloc_trim(0); /* what the load took, most of it for filters */
	rest_touch();
	if (!self.stopping)
		tell_manager();
}

static void
on_alive(void *arg)
{
	(void)arg;
	watchdog_answered(&self.watchdog);
	control_alive(self.control);
}

static struct control *
open_control(struct err *e)
{
	struct control_deps d = {
		.loop = self.loop,
		.store = &self.store,
		.audit = self.audit,
		.jobs = self.jobs,
		.monitor = self.monitor,
		.supervise = self.supervise,
		.reload = reload_asked,
		.hand_over = survivors_hand_over,
	};

	return control_new(&d, e);
}

/* Clients go on with sessions of the process before this one. */
static void
use_session_key(void)
{
	struct sessionkey key;

	sessionkey_load(
	    &key, self.store.conf.audit_file, clock_wall_us() / 1000000);
	monitor_set_session_key(self.monitor, &key);
	explicit_bzero(&key, sizeof(key));
}

static int
wire_log_budget(struct err *e)
{
	self.log_budget = log_budget_new(self.loop, self.audit, e);
	if (self.log_budget == NULL)
		return e->code;
	log_budget_adjust(
	    self.log_budget, self.store.conf.audit_bytes_per_second);
	audit_use_log_budget(self.audit, self.log_budget);
	return 0;
}

/* What outlives its call. */
static int
wire_jobcalls(struct err *e)
{
	struct jobcall_deps d = {
		.loop = self.loop,
		.audit = self.audit,
		.jobs = self.jobs,
		.ops = monitor_job_ops(),
		.arg = self.monitor,
	};

	self.ledger = ledger_new(self.loop, self.recordings, e);
	if (self.ledger == NULL)
		return e->code;
	load_ledger();
	jobs_use_ledger(self.jobs, self.ledger);
	d.ledger = self.ledger;
	self.jobcalls = jobcalls_new(&d, e);
	if (self.jobcalls == NULL)
		return e->code;
	monitor_set_jobcalls(self.monitor, self.jobcalls);
	return 0;
}

static int
wire_modules(struct err *e)
{
	static const struct monitor_ops ops = { supervise_lost, on_ready,
		on_settled, on_alive, supervise_unfit };
	static const struct reload_ops reload_ops = { on_reload_begins,
		on_reload_ended };
	struct supervise_deps d = {
		.conf = &self.store.conf,
		.listeners = self.listeners,
		.listener_count = self.listener_count,
		.audit = self.audit,
		.prepare = watchdog_prepare,
		.prepare_arg = &self.watchdog,
	};

	d.loop = self.loop = loop_new(e);
	if (self.loop == NULL || watch_signals(e) != 0 ||
	    wire_log_budget(e) != 0)
		return e->code;
	rest_begin(self.loop);
	self.supervise = supervise_new(&d, e);
	if (self.supervise == NULL)
		return e->code;
	self.monitor = monitor_new(
	    self.loop, &self.store, self.audit, &ops, self.supervise, e);
	if (self.monitor == NULL)
		return e->code;
	use_session_key();
	self.jobs = jobs_new(self.loop, self.audit, self.recordings,
	    self.store.conf.limits.runs, monitor_job_ops(), self.monitor, e);
	if (self.jobs == NULL)
		return e->code;
	monitor_set_jobs(self.monitor, self.jobs);
	if (wire_jobcalls(e) != 0)
		return e->code;
	self.fetches = fetches_new(self.loop, self.audit, self.recordings,
	    monitor_fetch_ops(), self.monitor, e);
	if (self.fetches == NULL)
		return e->code;
	monitor_set_fetches(self.monitor, self.fetches);
	supervise_connect(self.supervise, self.monitor, self.jobs);
	self.reload = reload_new(self.loop, &self.store, &reload_ops, NULL, e);
	if (self.reload == NULL)
		return e->code;
	self.control = open_control(e);
	if (self.control == NULL)
		return e->code;
	watchdog_start(&self.watchdog, self.loop, self.monitor,
	    &self.store.conf, self.listeners, self.listener_count);
	self.sync.handler = on_sync;
	self.copies.handler = on_copies;
	self.sweep.handler = on_sweep;
	on_sweep(NULL);
	self.retry.handler = on_retry;
	loop_on_idle(self.loop, on_idle, NULL);
	return tokenwatch_open(
	    &self.tokens, self.loop, self.store.conf.token_dir, on_tokens, e);
}

static void
record_life(const char *action, bool start)
{
	struct buf *b = audit_begin(self.audit, action);

	audit_put_i64(b, "process.pid", getpid());
	audit_put_i64(b, "user.id", geteuid());
	audit_put_own(b, "service.version", MCP_EXECD_VERSION);
	audit_put_str(b, "config.path", self.store.conf.path);
	audit_put_i64(b, "token.count", (int64_t)self.store.tokens.count);
	put_policies(b);
	if (start)
		recover_put(b, audit_resumed(self.audit),
		    recover_count(audit_resumed(self.audit), survivors_has));
	audit_end(self.audit, true);
}

static struct audit *
open_audit(struct err *e)
{
	struct audit_setup s;

	self.receivers = receivers_new(e);
	if (self.receivers == NULL || use_redact(e) != 0)
		return NULL;
	s = audit_setup();
	return audit_new(&s, e);
}

static void
on_plans(void)
{
	reload_plans_came(self.reload);
}

static void
load_again(void)
{
	(void)reload_ask(self.reload, STORE_ALL);
}

static int
start_launcher(struct err *e)
{
	const struct loader_deps plans = { self.loop, on_plans, load_again };

	struct launcher_deps d = { .loop = self.loop,
		.audit = self.audit,
		.jobs = self.jobs,
		.path = self.store.conf.launcher_path };

	launch_keep_for_runs(plansend_kept(
	    self.store.conf.templates, self.store.conf.reuse_guards));
	loader_init(&plans);
	return launcher_start(&d, e);
}

/* Without it nothing can be started or ended: another start has another. */
static void
on_keeper_gone(void *arg, uint32_t events)
{
	(void)arg;
	(void)events;
	loop_del(self.loop, &self.keeper);
	if (self.stopping)
		return;
	self.keeper_lost = true;
	log_err(
	    "keeper: it ended, and without it nothing can be started: stopping, to be started again");
	begin_stop("the keeper ended");
}

static int
start_keeper(struct err *e)
{
	if (programs_keep(&self.store.conf, self.store.conf.listen_count,
		survivors_keep(), e) != 0)
		return e->code;
	self.keeper =
	    (struct loop_watch){ .fd = keeper_fd(), .handler = on_keeper_gone };
	return 0;
}

/* What the executor before left open goes on, or is closed as lost. */
static void
take_over_runs(void)
{
	const struct runset *open = &audit_resumed(self.audit)->open;

	survivors_adopt(self.jobs, &self.store, open);
	ledger_lose_open(self.ledger);
	recover_runs(
	    self.audit, self.recordings, survivors_has, survivors_lost);
}

/* While policies are read here, the loader does that for the launcher. */
static int
start_helpers(struct err *e)
{
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	if (service_rlimits_raise_files(&self.store.conf, e) != 0)
		return e->code;
	survivors_find(&self.store.conf);
	if (start_keeper(e) != 0 ||
	    launch_open(self.store.conf.launcher_path, e) != 0)
		return e->code;
	loader_begin();
	return 0;
}

/* Everything that may fail before the first frontend is started. */
static int
prepare_start(struct err *e)
{
	*e = self.helpless;
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (e->code != 0)
		return e->code;
	self.audit = open_audit(e);
	if (self.audit == NULL)
		return e->code;
	self.recordings = recordings_new(self.audit, e);
	if (self.recordings == NULL || open_recordings(e) != 0)
		return e->code;
	if (listen_open(&self.store.conf, &self.inherited, self.listeners, e) !=
	    0)
		return e->code;
	self.listener_count = self.store.conf.listen_count;
	if (wire_modules(e) != 0)
		return e->code;
	self.ready_owed = true;
	record_life("start", true);
	cgroup_clear(survivors_has);
	on_daily(NULL);
	take_over_runs();
	if (loop_add(self.loop, &self.keeper, EPOLLIN, e) != 0 ||
	    start_launcher(e) != 0 || power_give_up(&self.store.conf, e) != 0)
		return e->code;
	return supervise_start(self.supervise, e);
}

static void
tear_down(void)
{
	if (self.handing) /* of what is on disk the next one is not told again */
		(void)jobs_flush(self.jobs);
	if (self.audit != NULL && self.jobs != NULL)
		record_life("stop", false);
	watchdog_stop(&self.watchdog);
	rest_end();
	reload_free(self.reload);
	control_free(self.control);
	supervise_free(self.supervise);
	loader_stop();
	if (self.handing)
		launcher_leave();
	else
		launcher_stop();
	jobs_free(self.jobs);
	survivors_stop(self.stopping && !self.handing);
	cgroup_sweep();
	monitor_free(self.monitor);
	jobcalls_free(self.jobcalls);
	ledger_free(self.ledger);
	fetches_free(self.fetches);
	cleanup_fd(&self.signals.fd);
	tokenwatch_close(&self.tokens);
	log_budget_free(self.log_budget);
	loop_free(self.loop);
	audit_close(self.audit);
	receivers_free(self.receivers);
	log_set_filter(NULL);
	redact_free(self.redact);
	recordings_free(self.recordings);
	listen_close(&self.store.conf, &self.inherited, self.listeners,
	    self.listener_count);
	self.listener_count = 0;
	store_fini(&self.store);
	activation_fini(&self.inherited);
	(void)keeper_close();
}

/* Descriptors 0 to 2 are open, so that no other file becomes one of them. */
static void
open_stdio(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		(void)close(fd);
}

/*
 * Reset signal dispositions; the parent may have ignored SIGCHLD.  What ends
 * before watch_signals is heard of there.
 */
static void
expect_signals(void)
{
	sigset_t chld;

	(void)sigreset_all();
	(void)sigemptyset(&chld);
	(void)sigaddset(&chld, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &chld, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN); /* a log that may not grow: EFBIG */
}

static int
load_store(const struct options *o)
{
	struct conf_report r;
	struct err e = { 0 };
	int rc;

	conf_report_init(&r);
	if (o->check)
		cgroup_only_look();
	rc = store_load_conf(&self.store, o->config, &r, &e);
	/* Not before: a group with another process in it gets no controllers. */
	if (rc == 0)
		probe_begin();
	if (rc == 0 && (o->check || start_helpers(&self.helpless) == 0))
		rc = store_load_rest(&self.store, &r, &e);
	if (r.count > 0)
		(void)fwrite(r.text.p, 1, r.text.len, stderr);
	if (rc != 0)
		log_err("config: %s", e.what);
	else if (o->check && r.count > 0)
		rc = ERR_BAD;
	else if (o->check)
		(void)printf("%s: fine, %zu polic%s, %zu token%s\n", o->config,
		    self.store.policies.count,
		    plural_y(self.store.policies.count),
		    self.store.tokens.count, plural_s(self.store.tokens.count));
	conf_report_fini(&r);
	return rc;
}

/* Not the administrator's files: memory, say. */
static bool
is_passing(int rc)
{
	return rc == ERR_BUSY || rc == ERR_AGAIN;
}

/* Failures that another start would not cure. */
static int
give_up(int status)
{
	activation_turn_away(&self.inherited);
	return status;
}

/* By this kernel or a filter around us, which will not change its mind. */
static bool
is_refused_call(int rc, const struct err *e)
{
	return rc == ERR_SYS && (e->sysno == ENOSYS || e->sysno == EPERM);
}

/* The exit status, and the reason of a start that failed. */
static int
conclude_service(int rc, const struct err *e)
{
	const char *why =
	    self.supervise != NULL ? supervise_failure(self.supervise) : NULL;
	char text[ERR_MAX_WHAT + 16];

	if (rc != 0)
		log_err("start: %s%s", e->what,
		    is_refused_call(rc, e) ? ": run mcp-execctl doctor" : "");
	if (why == NULL && is_refused_call(rc, e))
		return give_up(EXIT_UNFIT);
	if (why == NULL)
		return rc == 0 && !self.keeper_lost ? 0 : 1;
	log_err("start: %s; it was tried twice: run mcp-execctl doctor", why);
	(void)snprintf(text, sizeof(text), "STATUS=%s", why);
	notify_send(text);
	return give_up(EXIT_UNFIT);
}

int
main(int argc, char **argv)
{
	struct options o;
	struct err e = { 0 };
	int rc;

	open_stdio();
	rest_prepare();
	(void)mallopt(M_MMAP_THRESHOLD, APART);
	expect_signals();
	(void)umask(022); /* each file's mode is given where it is made */
	self.signals.fd = -1;
	log_set_name("executor");
	rc = options_parse(&o, argc, argv);
	if (rc != 0)
		return rc > 0 ? 0 : 2;
	if (o.accounts)
		return accountdb_serve(STDIN_FILENO);
	if (o.plans)
		return plans_serve(o.config);
	if (o.debug)
		log_set_level(LOG_LEVEL_DEBUG);
	if (service_rlimits_check(&e) != 0 || orphans_begin(&e) != 0 ||
	    activation_take(&self.inherited, &e) != 0) {
		log_err("start: %s", e.what);
		return 1;
	}
	rc = load_store(&o);
	if (rc != 0 || o.check) {
		store_fini(&self.store);
		return rc == 0                     ? 0
		       : o.check || is_passing(rc) ? 1
						   : give_up(EXIT_REFUSED);
	}
	rc = prepare_start(&e);
	if (rc == 0)
		rc = loop_run(self.loop, &e);
	rc = conclude_service(rc, &e);
	tear_down();
	return rc;
}
