/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of executor/monitor and job, in a real loop with real guards:
 * the peer of the channel is this test, polite or hijacked.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <malloc.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "common/clock.h"
#include "executor/audit/log_budget.h"
#include "executor/channel/monitor.h"
#include "executor/service/launcher.h"
#include "executor/view/brief.h"
#include "tests/unit/fixture_executor.h"
#include "tests/unit/fixture_fds.h"

#define BARE                                                                   \
	",\"syscalls\":{\"profile\":\"none\"},\"network\":\"host\""            \
	",\"disable\":[\"mounts\","                                            \
	"\"pids\",\"ipc\",\"network\",\"user\",\"landlock\",\"seccomp\"]"

enum {
	DEADLINE_MS = 20000,
	MOST_RUNS = 8,
	LOCKED = PROTO_LOCK_CAPS | PROTO_LOCK_NNP | PROTO_LOCK_RLIMITS
};

/* Time that nobody waited for. */
static time_t skipped_s;

/* Of the program: libc's, in a later time. */
int
clock_gettime(clockid_t id, struct timespec *now)
{
	int rc = (int)syscall(SYS_clock_gettime, id, now);

	if (id == CLOCK_MONOTONIC)
		now->tv_sec += skipped_s;
	return rc;
}

/* What came back about one call. */
struct seen {
	int started, done;
	char run[33];
	struct msg_done end;
	bool told; /* RIGHTS, too */
	char message[1025];
	uint64_t skipped;
	char text[1 << 16]; /* of both streams */
	size_t len;
};

#define RIGHTS "commands run as the user "

static char audit_path[128]; /* another for each bench */

static struct bench {
	struct loop *loop;
	struct loop_timer deadline;
	struct store store;
	struct audit *audit;
	struct recordings *recordings;
	struct ledger *ledger; /* NULL: no jobs */
	struct fetches *fetches;
	struct jobs *jobs;
	struct monitor *monitor;
	struct chan *peer;
	int peer_fd; /* the chan's */
	bool lost, ready;
	struct err why; /* of lost */
	uint32_t commits; /* the generation of the last */
	uint32_t asks, nonce; /* of the last ASK */
	unsigned commit_frames, fetched;
	uint8_t fetched_state; /* of the last */
	uint64_t fetched_total; /* likewise */
	bool fetched_more;
	char fetched_why[512];
	struct seen seen[16]; /* by call */
	bool (*until)(void);
} b;

/* --- the peer ----------------------------------------------------------- */

static struct seen *
see(uint64_t call)
{
	assert_in_range(call, 1, 15);
	assert_int_equal(b.seen[call].done, 0); /* nothing after DONE */
	return &b.seen[call];
}

static int
on_frame(void *arg, const struct msg *m, struct err *e)
{
	struct seen *s;
	(void)arg;
	(void)e;

	if (m->code == PROTO_COMMIT) {
		b.commits = m->commit.generation;
		b.commit_frames++;
	} else if (m->code == PROTO_ASK) {
		b.asks++;
		b.nonce = m->ask.nonce;
	} else if (m->code == PROTO_FETCHED) {
		b.fetched++;
		b.fetched_state = m->fetched.state;
		b.fetched_total = m->fetched.total;
		b.fetched_more = m->fetched.more != 0;
		assert_int_equal(bytes_to_str(m->fetched.message, b.fetched_why,
				     sizeof(b.fetched_why), e),
		    0);
	} else if (m->code == PROTO_STARTED) {
		s = see(m->started.call);
		s->started++;
		assert_int_equal(
		    bytes_to_str(m->started.run, s->run, sizeof(s->run), e), 0);
	} else if (m->code == PROTO_OUTPUT) {
		s = see(m->output.call);
		s->skipped += m->output.skipped;
		if (s->len + m->output.data.len >= sizeof(s->text))
			return 0; /* a flood: nobody looks at its text */
		memcpy(s->text + s->len, m->output.data.p, m->output.data.len);
		s->len += m->output.data.len;
	} else if (m->code == PROTO_DONE) {
		s = see(m->done.call);
		s->end = m->done;
		s->told = memmem(m->done.denials.p, m->done.denials.len, RIGHTS,
			      strlen(RIGHTS)) != NULL;
		assert_int_equal(bytes_to_str(m->done.message, s->message,
				     sizeof(s->message), e),
		    0);
		s->done++;
	}
	return 0;
}

static void
on_peer_closed(void *arg, const struct err *why)
{
	(void)arg;
	(void)why;
}

static void
on_lost(void *arg, const struct err *why)
{
	(void)arg;
	assert_false(b.lost); /* once */
	b.lost = true;
	b.why = *why;
}

static void
on_ready(void *arg)
{
	(void)arg;
	b.ready = true;
}

static void
too_late(void *arg)
{
	(void)arg;
	fail_msg("nothing happens any more");
}

static int
on_idle(void *arg)
{
	(void)arg;
	if (b.until != NULL && b.until())
		loop_stop(b.loop);
	else
		jobs_flush(b.jobs);
	return 10;
}

static void
run_until(bool (*until)(void))
{
	struct err e = { 0 };

	b.until = until;
	loop_timer_set(b.loop, &b.deadline, DEADLINE_MS);
	assert_int_equal(loop_run(b.loop, &e), 0);
	loop_timer_cancel(b.loop, &b.deadline);
}

static uint64_t until_ms;

static bool
time_is_up(void)
{
	return clock_mono_ms() >= until_ms;
}

static void
run_for(uint64_t ms)
{
	until_ms = clock_mono_ms() + ms;
	run_until(time_is_up);
}

static bool
is_lost(void)
{
	return b.lost;
}

static bool
all_done(void)
{
	return jobs_quiet(b.jobs);
}

static bool
has_commit(void)
{
	return b.commits > 0;
}

static bool
is_ready(void)
{
	return b.ready;
}

static void
say(const struct msg *m)
{
	struct err e = { 0 };

	if (chan_send(b.peer, m, &e) != 0)
		fail_msg("%s: %s", proto_name((unsigned)m->code), e.what);
}

/* --- set-up ------------------------------------------------------------- */

static const uint8_t proof[DIGEST_BYTES] = "it is me, and I was here before";

static void
attach(void)
{
	static const struct chan_ops ops = { on_frame, on_peer_closed, NULL };
	struct err e = { 0 };
	int pair[2];

	assert_int_equal(chan_pair(pair, &e), 0);
	assert_int_equal(monitor_attach(b.monitor, pair[0], &e), 0);
	b.peer = chan_new(b.loop, pair[1], E2F, &ops, NULL, &e);
	assert_non_null(b.peer);
	b.peer_fd = pair[1];
	b.lost = b.ready = false;
	b.commits = b.commit_frames = b.fetched = 0;
	b.asks = b.nonce = 0;
	memset(b.seen, 0, sizeof(b.seen));
}

static void
begin_with(const char *more)
{
	static const struct monitor_ops ops = { .lost = on_lost,
		.ready = on_ready };
	static struct token t;
	static unsigned count;
	struct launcher_deps launcher = { .path = launch_beside() };
	struct err e = { 0 };

	memset(&b, 0, sizeof(b));
	b.loop = loop_new(&e);
	(void)snprintf(audit_path, sizeof(audit_path), "%s/audit%u.jsonl",
	    fixture_top, count++);
	b.audit = audit_open(audit_path, &e);
	assert_non_null(b.audit);
	fixture_token(&t, fixture_policy(fixture_top, more));
	bearer_verifier(proof, t.verifier);
	assert_int_equal(policy_table_add(&b.store.policies, t.policy, &e), 0);
	assert_int_equal(token_table_add(&b.store.tokens, &t, &e), 0);
	b.monitor = monitor_new(b.loop, &b.store, b.audit, &ops, NULL, &e);
	b.recordings = recordings_new(b.audit, &e);
	assert_non_null(b.recordings);
	b.jobs = jobs_new(b.loop, b.audit, b.recordings, MOST_RUNS,
	    monitor_job_ops(), b.monitor, &e);
	monitor_set_jobs(b.monitor, b.jobs);
	launcher.loop = b.loop;
	launcher.audit = b.audit;
	launcher.jobs = b.jobs;
	assert_int_equal(launcher_start(&launcher, &e), 0);
	b.fetches = fetches_new(
	    b.loop, b.audit, b.recordings, monitor_fetch_ops(), b.monitor, &e);
	monitor_set_fetches(b.monitor, b.fetches);
	b.deadline.handler = too_late;
	loop_on_idle(b.loop, on_idle, NULL);
	attach();
}

static void
begin(void)
{
	begin_with(BARE
	    ",\"limits\":{\"runs\":3,\"kill_grace_ms\":200,\"output_bytes\":4096}");
}

/* Greeted and ready, as a frontend is that serves. */
static void
greet(void)
{
	struct msg m = { .code = PROTO_HELLO,
		.hello = { PROTO_VERSION, LOCKED } };

	say(&m);
	run_until(has_commit);
	m = (struct msg){ .code = PROTO_READY, .ready = { b.commits } };
	say(&m);
	run_until(is_ready);
}

static void
end(void)
{
	struct err e = { 0 };

	jobs_cancel_all(b.jobs, "the test ends", true);
	run_until(all_done);
	assert_int_equal(audit_flush(b.audit, &e), 0);
	launcher_stop();
	monitor_free(b.monitor);
	fetches_free(b.fetches);
	jobs_free(b.jobs);
	chan_free(b.peer);
	ledger_free(b.ledger);
	loop_free(b.loop);
	audit_close(b.audit);
	recordings_free(b.recordings);
	policy_table_fini(&b.store.policies);
	b.store.tokens.count = 0; /* its token is not allocated */
	token_table_fini(&b.store.tokens);
	assert_int_equal(unlink(audit_path), 0);
}

/* --- what it says ------------------------------------------------------- */

static struct msg
call_frame(uint64_t call)
{
	struct msg m = { .code = PROTO_CALL,
		.call = { .call = call,
		    .peer = BYTES_LIT("127.0.0.1"),
		    .session = BYTES_LIT("s1"),
		    .tool = BYTES_LIT("exec_cmd"),
		    .window = 1 << 20 } };

	memcpy(m.call.proof, proof, sizeof(proof));
	return m;
}

static struct msg
arg_frame(uint64_t call, const char *name, const char *value)
{
	return (struct msg){ .code = PROTO_ARG,
		.arg = { .call = call,
		    .name = bytes_of(name),
		    .value = bytes_of(value) } };
}

static struct msg
exec_frame(uint64_t call)
{
	return (struct msg){ .code = PROTO_EXEC, .exec = { call } };
}

static void
ask_windowed(uint64_t call, const char *command, uint32_t window)
{
	struct msg m = call_frame(call);

	m.call.window = window;
	say(&m);
	m = arg_frame(call, "command", command);
	say(&m);
	m = exec_frame(call);
	say(&m);
}

static void
ask(uint64_t call, const char *command)
{
	ask_windowed(call, command, 1 << 20);
}

static void
credit(uint64_t call, uint32_t bytes)
{
	struct msg m = { .code = PROTO_CREDIT, .credit = { call, bytes } };

	say(&m);
}

static void
cancel(uint64_t call)
{
	struct msg m = { .code = PROTO_CANCEL,
		.cancel = { .id = call, .reason = BYTES_LIT("\x1b[2J") } };

	say(&m);
}

static uint64_t waited;

static bool
call_done(void)
{
	return b.seen[waited].done > 0 || b.lost;
}

static bool
call_started(void)
{
	return b.seen[waited].started > 0 || b.lost;
}

static size_t wanted; /* bytes of output */

static bool
call_has_output(void)
{
	return b.seen[waited].len >= wanted || b.lost;
}

static struct seen *
wait_done(uint64_t call)
{
	waited = call;
	run_until(call_done);
	if (b.lost)
		fail_msg("lost: %s", b.why.what);
	return &b.seen[call];
}

static void
wait_started(uint64_t call)
{
	waited = call;
	run_until(call_started);
	assert_false(b.lost);
}

/* At least so much; or the frontend is lost. */
static void
wait_output(uint64_t call, size_t len)
{
	waited = call;
	wanted = len;
	run_until(call_has_output);
}

/* After this frame the channel is broken, for this reason. */
static void
breaks(const struct msg *m, const char *says)
{
	say(m);
	run_until(is_lost);
	assert_int_equal(b.why.code, ERR_PROTO);
	if (strstr(b.why.what, says) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", b.why.what, says);
}

static size_t
in_log(const char *what)
{
	const char *p = fixture_read(audit_path);
	size_t n = 0;

	for (; (p = strstr(p, what)) != NULL; p++)
		n++;
	return n;
}

static const char *awaited;
static size_t awaited_count;

static bool
is_logged(void)
{
	return in_log(awaited) >= awaited_count;
}

/* It is there so often, as soon as it is written. */
static void
expect_in_log(const char *what, size_t n)
{
	awaited = what;
	awaited_count = n;
	run_until(is_logged);
	assert_int_equal(in_log(what), n);
}

static bool
is_committed(void)
{
	return b.commit_frames >= awaited_count;
}

static bool
is_second(void)
{
	return b.lost || b.commits == 2;
}

static void
expect_commits(size_t n)
{
	awaited_count = n;
	run_until(is_committed);
	assert_int_equal(b.commit_frames, n);
}

static bool
is_asked(void)
{
	return b.lost || b.asks >= awaited_count;
}

static bool
is_known(void)
{
	return b.lost || monitor_vitals(b.monitor).sessions == awaited_count;
}

static void
answer_vitals(uint32_t nonce, uint32_t sessions)
{
	const struct msg m = { .code = PROTO_VITALS,
		.vitals = { .nonce = nonce, .sessions = sessions } };

	say(&m);
}

/* One question at a time, of a frontend that serves, and one answer to each. */
static void
test_vitals(void **state)
{
	struct msg m = { .code = PROTO_VITALS, .vitals = { .nonce = 2 } };
	(void)state;

	begin();
	monitor_ask(b.monitor);
	greet();
	assert_int_equal(b.asks, 0);
	assert_int_equal(monitor_silent_ms(b.monitor), 0);
	for (size_t n = 1; n <= 3; n++) {
		awaited_count = n;
		monitor_ask(b.monitor);
		run_until(is_asked);
		monitor_ask(b.monitor);
		answer_vitals(b.nonce, (uint32_t)n);
		run_until(is_known);
		assert_int_equal(monitor_silent_ms(b.monitor), 0);
		/* a second question would have come before that */
		monitor_configure(b.monitor, PUSH_TOKENS);
		expect_commits(n + 1);
		assert_int_equal(b.asks, n);
	}
	assert_false(b.lost);
	monitor_ask(b.monitor);
	m.vitals.nonce = b.nonce; /* of the one before */
	breaks(&m, "VITALS that were not asked for");
	end();
}

/* --- the order of frames ------------------------------------------------- */

/* All that a frontend can say; a new frame is one of them by itself. */
static const enum proto_code spoken[] = {
#define SPOKEN_F2E(NAME) PROTO_##NAME,
#define SPOKEN_E2F(NAME)
#define MSG(NAME, name, code, dir) SPOKEN_##dir(NAME)
#define U8(f)
#define U32(f)
#define U64(f)
#define I32(f)
#define FIXED(f, n)
#define BYTES(f, max)
#define END(NAME, name)
#include "proto/msgs.def"
#undef MSG
#undef U8
#undef U32
#undef U64
#undef I32
#undef FIXED
#undef BYTES
#undef END
};

enum said { SAID_NOTHING, SAID_HELLO, SAID_CALL };

/* PROTOCOL.md: one greeting, then anything, but a call is not interrupted. */
static bool
is_permitted(enum proto_code code, enum said said)
{
	bool greeting = code == PROTO_HELLO || code == PROTO_UNFIT;
	bool part = code == PROTO_ARG || code == PROTO_EXEC;

	return said == SAID_NOTHING ? greeting
	       : said == SAID_CALL  ? part
				    : !greeting && !part;
}

static void
check_permit(enum proto_code code, enum said said)
{
	struct msg m = { .code = code }, call = call_frame(1);

	if (code == PROTO_CALL)
		m = call;
	begin();
	if (said != SAID_NOTHING)
		greet();
	if (said == SAID_CALL)
		say(&call);
	say(&m);
	if (is_permitted(code, said))
		run_for(10);
	else
		run_until(is_lost);
	if ((b.lost && strstr(b.why.what, "not permitted now") != NULL) ==
	    is_permitted(code, said))
		fail_msg("%s in state %d: %s", proto_name((unsigned)code),
		    (int)said, b.lost ? b.why.what : "was taken");
	end();
}

static void
test_permits(void **state)
{
	size_t i;

	(void)state;
	assert_true(sizeof(spoken) / sizeof(spoken[0]) >= 13);
	for (i = 0; i < sizeof(spoken) / sizeof(spoken[0]); i++) {
		check_permit(spoken[i], SAID_NOTHING);
		check_permit(spoken[i], SAID_HELLO);
		check_permit(spoken[i], SAID_CALL);
	}
}

static void
test_hello(void **state)
{
	struct msg m = { .code = PROTO_HELLO,
		.hello = { PROTO_VERSION + 1, LOCKED } };
	uint32_t bit;

	(void)state;
	begin();
	breaks(&m, "same package");
	end();
	for (bit = 1; bit <= LOCKED; bit <<= 1) {
		if ((LOCKED & bit) == 0)
			continue;
		begin();
		m.hello.version = PROTO_VERSION;
		m.hello.lockdown = LOCKED & ~bit;
		breaks(&m, "not locked down");
		end();
	}
	begin();
	greet();
	m.hello.lockdown = LOCKED;
	breaks(&m, "HELLO is not permitted now");
	end();
}

/* A configuration is committed once. */
static void
test_commit(void **state)
{
	(void)state;
	begin();
	greet();
	expect_commits(1);
	monitor_configure(b.monitor, PUSH_TOKENS);
	expect_commits(2);
	end();
}

static void
test_ready(void **state)
{
	static const uint32_t wrong[] = { 0, 1, 2, UINT32_MAX };
	struct msg m = { .code = PROTO_READY };
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		begin();
		greet(); /* READY 1 was said */
		m.ready.generation = wrong[i];
		breaks(&m, "READY for configuration");
		end();
	}
	begin();
	greet();
	monitor_configure(b.monitor, PUSH_ALL);
	m.ready.generation = 2;
	say(&m);
	run_until(is_second);
	assert_false(b.lost);
	end();
}

static void
test_call_order(void **state)
{
	struct msg m;

	(void)state;
	begin(); /* ARG and EXEC of nothing */
	greet();
	m = arg_frame(1, "command", "true");
	breaks(&m, "ARG is not permitted now");
	end();
	begin();
	greet();
	m = exec_frame(1);
	breaks(&m, "EXEC is not permitted now");
	end();
	begin(); /* of another call */
	greet();
	m = call_frame(1);
	say(&m);
	m = arg_frame(2, "command", "true");
	breaks(&m, "ARG of another call");
	end();
	begin();
	greet();
	m = call_frame(1);
	say(&m);
	m = exec_frame(2);
	breaks(&m, "EXEC out of order");
	end();
	begin(); /* one inside another */
	greet();
	m = call_frame(1);
	say(&m);
	m = call_frame(2);
	breaks(&m, "CALL is not permitted now");
	end();
	begin(); /* an argument that is not complete */
	greet();
	m = call_frame(1);
	say(&m);
	m = arg_frame(1, "command", "true");
	m.arg.more = 1;
	say(&m);
	m = exec_frame(1);
	breaks(&m, "EXEC out of order");
	end();
	begin(); /* twice */
	greet();
	ask(1, "true");
	m = exec_frame(1);
	breaks(&m, "EXEC is not permitted now");
	end();
}

static void
test_old_ids(void **state)
{
	struct msg m;

	(void)state;
	begin();
	greet();
	m = call_frame(0);
	breaks(&m, "old id");
	end();
	begin();
	greet();
	ask(5, "true");
	(void)wait_done(5);
	m = call_frame(5);
	breaks(&m, "old id");
	end();
	begin();
	greet();
	ask(5, "true");
	(void)wait_done(5);
	m = call_frame(4);
	breaks(&m, "old id");
	end();
}

#define FETCH(kind, of, len, credit, at)                                       \
	{                                                                      \
		.code = PROTO_FETCH, .fetch = {                                \
			.fetch = 1,                                            \
			.peer = BYTES_LIT("127.0.0.1"),                        \
			.what = (kind),                                        \
			.stream = (of),                                        \
			.length = (len),                                       \
			.window = (credit),                                    \
			.offset = (at)                                         \
		}                                                              \
	}

static void
test_bad_values(void **state)
{
	const struct msg wrong[] = {
		{ .code = PROTO_CANCEL,
		    .cancel = { .id = 1, .why = PROTO_WHY_SESSION + 1 } },
		{ .code = PROTO_AUTHFAIL,
		    .authfail = { .reason = PROTO_AUTH_SOURCE + 1 } },
		{ .code = PROTO_SESSION, .session = { .began = 2 } },
		{ .code = PROTO_PRESENCE,
		    .presence = { .call = 1, .away = 2 } },
		{ .code = PROTO_CALL,
		    .call = { .call = 1, .tool = BYTES_LIT("a\0b") } },
		FETCH(PROTO_FETCH_OUTPUT + 1, 1, 1, 1, 0),
		FETCH(PROTO_FETCH_OUTPUT, 1, PROTO_MAX_FETCH + 1, 1, 0),
		FETCH(PROTO_FETCH_OUTPUT, 1, 1, PROTO_MAX_FETCH + 1, 0),
		FETCH(PROTO_FETCH_OUTPUT, 1, 1, 1, INT64_MAX + 1ULL),
		FETCH(PROTO_FETCH_OUTPUT, 0, 1, 1, 0),
		FETCH(PROTO_FETCH_OUTPUT, 3, 1, 1, 0),
		FETCH(PROTO_FETCH_POLICY, 1, 1, 1, 0),
	};
	static const char *const says[] = { "CANCEL for", "AUTHFAIL for",
		"SESSION neither", "PRESENCE neither", "CALL", "FETCH beyond",
		"FETCH beyond", "FETCH beyond", "FETCH beyond", "FETCH of no",
		"FETCH of no", "FETCH of no" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		begin();
		greet();
		breaks(&wrong[i], says[i]);
		end();
	}
}

/* Bytes that are not a frame, or frames of our own direction. */
static void
test_no_frames(void **state)
{
	static const char junk[3][8] = { "junk...", { 40, 0, 0, 0, 1, 0, 0, 0 },
		{ 1, 0, 1, 0 } };
	const struct msg ours = { .code = PROTO_STARTED,
		.started = { .call = 1 } };
	struct buf frame;
	struct err e = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		begin();
		greet();
		assert_int_equal(send(b.peer_fd, junk[i], 8, 0), 8);
		run_until(is_lost);
		assert_int_equal(b.why.code, ERR_PROTO);
		end();
	}
	begin();
	greet();
	buf_init(&frame, PROTO_MAX_FRAME);
	assert_int_equal(proto_encode(&ours, &frame, &e), 0);
	assert_true(send(b.peer_fd, frame.p, frame.len, 0) > 0);
	run_until(is_lost);
	assert_int_equal(b.why.code, ERR_PROTO);
	buf_fini(&frame);
	end();
}

/* The end of a frontend is not a violation, and another may come. */
static void
test_end_and_again(void **state)
{
	(void)state;
	begin();
	greet();
	chan_free(b.peer);
	b.peer = NULL;
	run_until(is_lost);
	assert_int_equal(b.why.code, ERR_EOF);
	assert_false(monitor_is_ready(b.monitor));
	attach();
	greet();
	assert_int_equal(b.commits, 1); /* as to one that knows nothing */
	ask(1, "echo again"); /* ids start again */
	assert_string_equal(wait_done(1)->text, "again\n");
	end();
}

/* --- reading, and records of what it says -------------------------------- */

static unsigned wanted_fetched;

static bool
has_fetched(void)
{
	return b.fetched >= wanted_fetched || b.lost;
}

static void
wait_fetched(unsigned n)
{
	wanted_fetched = n;
	run_until(has_fetched);
	assert_false(b.lost);
	assert_int_equal(b.fetched, n);
}

static uint64_t last_fetch = 100; /* of fetch(): after all calls */

static void
fetch_policy(uint64_t id, const uint8_t *with, uint32_t window)
{
	struct msg m = FETCH(PROTO_FETCH_POLICY, 0, 1000, window, 0);

	m.fetch.fetch = id;
	memcpy(m.fetch.proof, with, DIGEST_BYTES);
	say(&m);
}

/* All places are taken by reads of which nothing is taken in: the last's id. */
static uint64_t
begin_full(void)
{
	uint64_t id = 0;

	begin();
	greet();
	while (id < FETCH_MAX)
		fetch_policy(++id, proof, 0);
	return id;
}

/* A frontend that asks and takes nothing in has its places for a while. */
static void
test_nobody_takes_it_in(void **state)
{
	uint64_t id = begin_full();

	(void)state;
	fetch_policy(++id, proof, 1000);
	wait_fetched(1);
	assert_int_equal(b.fetched_state, PROTO_DENIED);
	assert_non_null(strstr(b.fetched_why, "at the same time"));
	skipped_s += 29;
	run_for(20);
	assert_int_equal(b.fetched, 1);
	skipped_s += 2;
	wait_fetched(1 + FETCH_MAX);
	assert_int_equal(b.fetched_state, PROTO_DENIED);
	assert_non_null(strstr(b.fetched_why, "nobody took it in"));
	fetch_policy(++id, proof, 1 << 20);
	wait_fetched(2 + FETCH_MAX);
	assert_int_equal(b.fetched_state, PROTO_FOUND);
	end();
}

/* What its client no longer wants gives its place back at once. */
static void
test_fetch_is_cancelled(void **state)
{
	uint64_t id = begin_full();

	(void)state;
	cancel(1);
	wait_fetched(1);
	assert_string_equal(b.fetched_why, "stopped");
	fetch_policy(++id, proof, 1 << 20);
	wait_fetched(2);
	assert_int_equal(b.fetched_state, PROTO_FOUND);
	end();
}

/* All that was said so far was taken, and is in the log. */
static void
settle(uint64_t id)
{
	struct err e = { 0 };

	fetch_policy(id, proof, 1 << 20);
	wait_fetched(b.fetched + 1);
	assert_int_equal(audit_flush(b.audit, &e), 0);
}

/* All numbers of that field. */
static uint64_t
sum_of(const char *field)
{
	const char *p = fixture_read(audit_path);
	uint64_t sum = 0;

	for (; (p = strstr(p, field)) != NULL; p++)
		sum += strtoull(p + strlen(field), NULL, 10);
	return sum;
}

static struct log_budget *
begin_budgeted(void)
{
	struct err e = { 0 };
	struct log_budget *r;

	begin();
	r = log_budget_new(b.loop, b.audit, &e);
	assert_non_null(r);
	audit_use_log_budget(b.audit, r);
	greet();
	return r;
}

static void
end_budgeted(struct log_budget *r)
{
	run_for(20);
	audit_use_log_budget(b.audit, NULL);
	log_budget_free(r);
	end();
}

/* Proofs of nobody: their records are rationed, and all are counted. */
static void
test_flood_of_fetches(void **state)
{
	enum { MANY = 12000, AT_ONCE = 500 };
	static const uint8_t nobody[DIGEST_BYTES] = "nobody";
	struct log_budget *r = begin_budgeted();
	uint64_t id = 0, told, untold;

	(void)state;
	while (id < MANY) {
		for (int i = 0; i < AT_ONCE; i++)
			fetch_policy(++id, nobody, 1000);
		wait_fetched((unsigned)id);
		assert_int_equal(b.fetched_state, PROTO_DENIED);
	}
	skipped_s += 11; /* then it is said how many are missing */
	run_for(1);
	settle(++id);
	told = in_log("\"recording-refused\"");
	untold = sum_of("\"records\":");
	assert_in_range(told, 1000, MANY - 1000);
	assert_int_equal(told + untold, MANY);
	end_budgeted(r);
}

static bool
intent_made(void)
{
	return in_log("\"run-intent\"") > 0 || b.lost;
}

/* A run's first record counts before it has any other. */
static void
test_intent_is_charged(void **state)
{
	struct log_budget *r = begin_budgeted();
	const uint8_t *verifier = b.store.tokens.t[0]->verifier;

	(void)state;
	log_budget_adjust(r, 1);
	assert_int_equal(log_budget_wait_run(r, verifier, false), 0);
	ask(1, "sleep 1000");
	run_until(intent_made);
	assert_in_range(
	    log_budget_wait_run(r, verifier, false), 100000, UINT32_MAX);
	log_budget_adjust(r, 1 << 20);
	wait_started(1);
	cancel(1);
	assert_int_equal(wait_done(1)->end.state, PROTO_CANCELLED);
	end_budgeted(r);
}

static void
say_authfail(uint32_t n)
{
	char peer[32];
	struct msg m = { .code = PROTO_AUTHFAIL,
		.authfail = { .reason = PROTO_AUTH_UNKNOWN, .count = 1 } };

	(void)snprintf(peer, sizeof(peer), "10.%u.%u.%u", n >> 16 & 255,
	    n >> 8 & 255, n & 255);
	m.authfail.peer = bytes_of(peer);
	say(&m);
}

/* From many sources: those beyond a minute's records are counted in one. */
static void
test_flood_of_failures(void **state)
{
	enum { MANY = 3600, A_MINUTE = 3000 };
	struct log_budget *r = begin_budgeted();
	uint64_t id = 0;

	(void)state;
	for (uint32_t i = 0; i < MANY; i++) {
		say_authfail(i);
		if (i % 300 == 0)
			settle(++id);
	}
	settle(++id);
	assert_int_equal(in_log("\"auth-failure\""), A_MINUTE);
	assert_int_equal(in_log("\"event.suppressed\""), 0);
	skipped_s += 61;
	say_authfail(MANY);
	settle(++id);
	assert_int_equal(in_log("\"auth-failure\""), A_MINUTE + 1);
	assert_int_equal(sum_of("\"event.suppressed\":"), MANY - A_MINUTE);
	end_budgeted(r);
}

/* What died with a request in hand may lie about its source, or have none. */
static void
test_blame_without_a_source(void **state)
{
	struct note n = { .in_hand = 1, .has_proof = 1 };
	struct buf *record;
	struct err e = { 0 };

	(void)state;
	begin();
	greet();
	memcpy(n.proof, proof, sizeof(n.proof));
	for (size_t i = 0; i < 3; i++) {
		static const char *const peer[] = { "", "not one", "10.1.2.3" };

		(void)strcpy(n.peer, peer[i]);
		record = audit_begin(b.audit, "frontend-exit");
		monitor_blame(b.monitor, &n, record);
		audit_end(b.audit, true);
		assert_int_equal(audit_flush(b.audit, &e), 0);
		assert_int_equal(in_log("\"token.name\":\"t\""), i + 1);
		assert_int_equal(in_log("\"penalty.seconds\""), i + 1);
		assert_int_equal(in_log("\"source.ip\""), i == 2);
	}
	assert_int_equal(in_log("\"source.ip\":\"10.1.2.3\""), 1);
	n.has_proof = 0; /* of nobody's token */
	record = audit_begin(b.audit, "frontend-exit");
	monitor_blame(b.monitor, &n, record);
	audit_end(b.audit, true);
	assert_int_equal(audit_flush(b.audit, &e), 0);
	assert_int_equal(in_log("\"source.ip\":\"10.1.2.3\""), 2);
	assert_int_equal(in_log("\"token.name\":\"t\""), 3);
	n.in_hand = 0; /* nobody is to blame */
	record = audit_begin(b.audit, "frontend-exit");
	monitor_blame(b.monitor, &n, record);
	audit_end(b.audit, true);
	assert_int_equal(audit_flush(b.audit, &e), 0);
	assert_int_equal(in_log("\"penalty.seconds\""), 4);
	end();
}

/* It begins and ends, and is nothing else. */
static void
test_penalty(void **state)
{
	struct msg m = { .code = PROTO_PENALTY,
		.penalty = { .peer = BYTES_LIT("10.1.2.3"),
		    .began = 1,
		    .failures = 3,
		    .refused = 7,
		    .seconds = 60 } };

	(void)state;
	begin();
	greet();
	say(&m);
	expect_in_log("\"penalty-begin\"", 1);
	assert_int_equal(in_log("\"event.count\":3,\"penalty.seconds\":60"), 1);
	m.penalty.began = 0;
	say(&m);
	expect_in_log("\"penalty-end\"", 1);
	assert_int_equal(in_log("\"event.count\":3,\"penalty.refused\":7"), 1);
	assert_int_equal(in_log("\"source.ip\":\"10.1.2.3\""), 2);
	m.penalty.began = 2;
	breaks(&m, "neither began nor ended");
	end();
}

/* Whose it is stands in it, if that is known. */
static void
test_authfail(void **state)
{
	struct msg m = { .code = PROTO_AUTHFAIL,
		.authfail = { .reason = PROTO_AUTH_SOURCE,
		    .peer = BYTES_LIT("10.1.2.3"),
		    .token = BYTES_LIT("t"),
		    .count = 2 } };

	(void)state;
	begin();
	greet();
	say(&m);
	expect_in_log("\"auth-failure\"", 1);
	assert_int_equal(in_log("\"source.ip\":\"10.1.2.3\""), 1);
	assert_int_equal(in_log("\"event.count\":2"), 1);
	assert_int_equal(in_log("\"token.name\":\"t\""), 1);
	m.authfail.token = (struct bytes){ 0 };
	say(&m);
	expect_in_log("\"auth-failure\"", 2);
	assert_int_equal(in_log("\"token.name\""), 1);
	end();
}

/* One that began with no valid proof is a failure to authenticate. */
static void
test_session(void **state)
{
	struct msg m = { .code = PROTO_SESSION,
		.session = { .began = 1,
		    .session = BYTES_LIT("s9"),
		    .peer = BYTES_LIT("10.1.2.3"),
		    .client = BYTES_LIT("a client"),
		    .revision = BYTES_LIT("2025-11-25") } };

	(void)state;
	begin();
	greet();
	say(&m);
	expect_in_log("\"auth-failure\"", 1);
	assert_int_equal(in_log("\"mcp.session.id\":\"s9\""), 1);
	assert_int_equal(in_log("\"session-begin\""), 0);
	memcpy(m.session.proof, proof, sizeof(proof));
	say(&m);
	expect_in_log("\"session-begin\"", 1);
	assert_int_equal(in_log("\"token.name\":\"t\""), 1);
	m.session.began = 0;
	say(&m);
	expect_in_log("\"session-end\"", 1);
	assert_int_equal(in_log("\"token.name\":\"t\""), 2);
	memset(m.session.proof, 0, sizeof(m.session.proof));
	say(&m); /* of a token that was revoked meanwhile */
	expect_in_log("\"session-end\"", 2);
	assert_int_equal(in_log("\"token.name\":\"t\""), 2);
	assert_int_equal(in_log("\"auth-failure\""), 1);
	end();
}

/* --- authentication ------------------------------------------------------ */

static void
refused_with(struct msg *call, const char *says)
{
	struct msg m = arg_frame(
	    call->call.call, "command", "touch /tmp/never-made-by-a-test");

	say(call);
	say(&m);
	m = exec_frame(call->call.call);
	say(&m);
	(void)wait_done(call->call.call);
	assert_int_equal(b.seen[call->call.call].end.state, PROTO_REFUSED);
	assert_int_equal(b.seen[call->call.call].end.exit_code, -1);
	assert_int_equal(b.seen[call->call.call].started, 0);
	if (strstr(b.seen[call->call.call].message, says) == NULL)
		fail_msg("\"%s\" does not say \"%s\"",
		    b.seen[call->call.call].message, says);
	assert_false(b.lost); /* that is not a violation */
	assert_int_equal(access("/tmp/never-made-by-a-test", F_OK), -1);
}

static void
test_wrong_proof(void **state)
{
	struct msg m = call_frame(1);

	(void)state;
	begin();
	greet();
	m.call.proof[31] ^= 1;
	refused_with(&m, "not valid");
	m = call_frame(2);
	memset(m.call.proof, 0, sizeof(m.call.proof));
	refused_with(&m, "not valid");
	/* the verifier itself, which every frontend knows, is not a proof */
	m = call_frame(3);
	memcpy(m.call.proof, b.store.tokens.t[0]->verifier, DIGEST_BYTES);
	refused_with(&m, "not valid");
	expect_in_log("run-refused", 3);
	assert_int_equal(in_log("token.name"), 0);
	assert_int_equal(in_log("run-intent"), 0);
	ask(4, "echo fine");
	assert_string_equal(wait_done(4)->text, "fine\n");
	end();
}

static void
test_expired(void **state)
{
	struct msg m = call_frame(1);

	(void)state;
	begin();
	greet();
	b.store.tokens.t[0]->expires = 1;
	refused_with(&m, "expired");
	b.store.tokens.t[0]->expires = 0;
	b.store.tokens.t[0]->source_count = 1;
	assert_int_equal(cidr_parse(BYTES_LIT("10.0.0.0/8"),
			     &b.store.tokens.t[0]->sources[0], &b.why),
	    0);
	m = call_frame(2);
	refused_with(&m, "not be used from this address");
	m = call_frame(3);
	m.call.peer = BYTES_LIT("not an address");
	refused_with(&m, "not be used from this address");
	expect_in_log("\"token.name\":\"t\"", 3);
	/* nor is anything read with it, and its record says whose it is */
	m = (struct msg)FETCH(PROTO_FETCH_POLICY, 0, 1, 1, 0);
	m.fetch.fetch = 4;
	memcpy(m.fetch.proof, proof, sizeof(proof));
	m.fetch.peer = BYTES_LIT("11.0.0.1");
	say(&m);
	expect_in_log("\"recording-refused\"", 1);
	expect_in_log("\"token.name\":\"t\"", 4);
	end();
}

static bool
has_proof(const struct msg *m)
{
	return memmem(b.monitor, malloc_usable_size(b.monitor), m->call.proof,
		   sizeof(m->call.proof)) != NULL;
}

/* Each call proves itself: the last one's proof is forgotten. */
static void
test_proof_is_forgotten(void **state)
{
	struct msg m = call_frame(1);

	(void)state;
	begin();
	greet();
	say(&m);
	run_for(20);
	assert_true(has_proof(&m)); /* of a call that is not whole yet */
	end();
	begin();
	greet();
	m = call_frame(2);
	ask(1, "true");
	(void)wait_done(1);
	assert_false(has_proof(&m));
	memset(m.call.proof, 0, sizeof(m.call.proof));
	refused_with(&m, "not valid");
	end();
}

static void
test_bad_request(void **state)
{
	struct msg m = call_frame(1);

	(void)state;
	begin();
	greet();
	m.call.tool = BYTES_LIT("no_such_tool");
	refused_with(&m, "not offered");
	end();
}

/* --- runs ----------------------------------------------------------------- */

static void
plain_run(const char *more)
{
	struct seen *s;

	begin_with(more);
	greet();
	ask(1, "echo out; echo err >&2; exit 3");
	s = wait_done(1);
	assert_int_equal(s->started, 1);
	assert_int_equal(s->end.state, PROTO_EXITED);
	assert_int_equal(s->end.exit_code, 3);
	assert_int_equal(s->end.signal, 0);
	assert_int_equal(s->end.stdout_bytes, 4);
	assert_int_equal(s->end.stderr_bytes, 4);
	assert_int_equal(s->len, 8);
	expect_in_log("run-intent", 1);
	expect_in_log("run-result", 1);
	expect_in_log("\"process.exit_code\":3", 1);
	expect_in_log("\"stdout.bytes\":4", 1);
	end();
}

static void
test_run(void **state)
{
	(void)state;
	plain_run(BARE);
	plain_run("");
}

/* Also of the quickest command everything is recorded. */
static void
quick_runs(const char *more)
{
	int i;

	begin_with(more);
	greet();
	for (i = 1; i <= 12; i++) {
		ask((uint64_t)i, ":");
		assert_int_equal(
		    wait_done((uint64_t)i)->end.state, PROTO_EXITED);
	}
	expect_in_log("\"process.exit_code\":0", 12);
	expect_in_log("\"stdout.sha256\"", 12);
	end();
}

static void
test_quick_runs(void **state)
{
	(void)state;
	quick_runs(BARE);
	quick_runs("");
}

/* The intent is in the log when the command looks. */
static void
test_intent_first(void **state)
{
	char command[512];

	(void)state;
	begin();
	greet();
	(void)snprintf(
	    command, sizeof(command), "grep -c run-intent %s", audit_path);
	ask(1, command);
	assert_string_equal(wait_done(1)->text, "1\n");
	end();
}

static bool held; /* by a receiver that must have the records first */

static int
say_when(void *arg, struct err *e)
{
	(void)arg;
	return held ? err_set(e, ERR_AGAIN, "a receiver is busy") : 0;
}

/* A receiver that is required and busy: the command waits for it. */
static void
test_receiver_is_busy(void **state)
{
	const struct audit_setup s = { .ready = say_when };
	char flag[200], command[256];

	(void)state;
	begin();
	audit_adjust(b.audit, &s);
	greet();
	(void)snprintf(flag, sizeof(flag), "%s/begun", fixture_top);
	(void)snprintf(command, sizeof(command), ": >%s", flag);
	held = true;
	ask(1, command);
	expect_in_log("run-intent", 1);
	run_for(100);
	assert_int_equal(b.seen[1].done, 0);
	assert_int_equal(access(flag, F_OK), -1);
	held = false;
	assert_int_equal(wait_done(1)->end.state, PROTO_EXITED);
	assert_int_equal(unlink(flag), 0);
	end();
}

static void
test_not_found(void **state)
{
	struct msg m = call_frame(1);
	struct seen *s;

	(void)state;
	begin();
	greet();
	m.call.tool = BYTES_LIT("cli_command");
	say(&m);
	m = arg_frame(1, "command", "no-such-program-here x");
	say(&m);
	m = exec_frame(1);
	say(&m);
	s = wait_done(1);
	assert_int_equal(s->end.state, PROTO_REFUSED);
	assert_string_equal(
	    s->message, "command not found: no-such-program-here");
	assert_int_equal(s->started, 0);
	end();
}

static void
test_cancel(void **state)
{
	struct seen *s;

	(void)state;
	begin();
	greet();
	cancel(99); /* unknown calls are fine */
	ask(1, "echo x; sleep 1000");
	wait_output(1, 1);
	cancel(1);
	cancel(1);
	s = wait_done(1);
	assert_int_equal(s->end.state, PROTO_CANCELLED);
	assert_int_equal(s->end.signal, SIGTERM);
	assert_int_equal(s->end.exit_code, -1);
	assert_null(strchr(s->message, '\x1b'));
	assert_int_equal(s->len, 2); /* what there was */
	end();
}

static size_t fds_before;

static bool
has_fewer_fds(void)
{
	return open_fds() < fds_before || b.lost;
}

/*
 * A command that closes its input, most of which waits until the pipe has
 * room: nothing is tried any more, while the command goes on.
 */
static void
test_input_is_closed(void **state)
{
	enum { PIECES = 12 }; /* more than a pipe holds */
	static char piece[PROTO_MAX_DATA];
	struct msg m;

	(void)state;
	memset(piece, 'x', sizeof(piece));
	(void)signal(SIGPIPE, SIG_IGN); /* as in main */
	begin();
	greet();
	m = call_frame(1);
	say(&m);
	m = arg_frame(1, "command",
	    "echo x; until [ -e go ]; do sleep 0.02; done; exec <&-; sleep 1000");
	say(&m);
	for (int i = 0; i < PIECES; i++) {
		m = arg_frame(1, "stdin", "");
		m.arg.value = bytes_make(piece, sizeof(piece));
		m.arg.more = i < PIECES - 1;
		say(&m);
	}
	m = exec_frame(1);
	say(&m);
	wait_output(1, 2);
	fds_before = open_fds();
	run_for(50);
	assert_int_equal(open_fds(), fds_before); /* it is read from yet */
	fixture_write(fixture_path("go"), "", 0644);
	run_until(has_fewer_fds);
	assert_int_equal(b.seen[1].done, 0);
	assert_int_equal(open_fds(), fds_before - 1);
	cancel(1);
	assert_int_equal(wait_done(1)->end.state, PROTO_CANCELLED);
	assert_int_equal(unlink(fixture_path("go")), 0);
	end();
}

/* Before it was started: nothing is executed. */
static void
test_cancel_at_once(void **state)
{
	struct seen *s;

	(void)state;
	begin();
	greet();
	ask(1, "echo never");
	cancel(1);
	s = wait_done(1);
	assert_int_equal(s->end.state, PROTO_CANCELLED);
	assert_int_equal(s->len, 0);
	expect_in_log("run-intent", 1);
	expect_in_log("run-result", 1);
	end();
}

static void
test_time_out(void **state)
{
	struct msg m = call_frame(1);
	uint64_t start = clock_mono_ms();
	struct seen *s;

	(void)state;
	begin();
	greet();
	say(&m);
	m = arg_frame(1, "command",
	    "trap '' TERM; setsid sh -c 'trap \"\" TERM; sleep 1000' & echo x; while :; do sleep 1; done");
	say(&m);
	m = arg_frame(1, "timeout_ms", "300");
	m.arg.kind = PROTO_NUMBER;
	say(&m);
	m = exec_frame(1);
	say(&m);
	s = wait_done(1);
	assert_int_equal(s->end.state, PROTO_TIMED_OUT);
	assert_int_equal(s->end.signal, SIGKILL);
	assert_string_equal(s->text, "x\n");
	assert_non_null(strstr(s->message, "300 ms"));
	assert_in_range(clock_mono_ms() - start, 500, 5000);
	end();
}

static void
test_revoked(void **state)
{
	(void)state;
	begin();
	greet();
	ask(1, "sleep 1000");
	wait_started(1);
	jobs_cancel_revoked(b.jobs, &b.store.tokens); /* it is there */
	run_for(100);
	assert_int_equal(b.seen[1].done, 0);
	b.store.tokens.count = 0;
	jobs_cancel_revoked(b.jobs, &b.store.tokens);
	assert_int_equal(wait_done(1)->end.state, PROTO_CANCELLED);
	assert_non_null(strstr(b.seen[1].message, "revoked"));
	b.store.tokens.count = 1;
	/* another token of the same name is another token */
	ask(2, "sleep 1000");
	wait_started(2);
	b.store.tokens.t[0]->verifier[0] ^= 1;
	token_table_unindex(&b.store.tokens);
	assert_int_equal(token_table_index(&b.store.tokens, 0, &b.why), 0);
	jobs_cancel_revoked(b.jobs, &b.store.tokens);
	assert_int_equal(wait_done(2)->end.state, PROTO_CANCELLED);
	end();
}

/* Of a token that had no end when its run began, and whose file was changed. */
static void
test_expires_meanwhile(void **state)
{
	(void)state;
	begin();
	greet();
	ask(1, "sleep 1000");
	wait_started(1);
	b.store.tokens.t[0]->expires = 1;
	jobs_cancel_revoked(b.jobs, &b.store.tokens);
	assert_int_equal(wait_done(1)->end.state, PROTO_CANCELLED);
	assert_string_equal(b.seen[1].message, "the token expired");
	b.store.tokens.t[0]->expires = 0;
	end();
}

static void
test_limits(void **state)
{
	int i;

	(void)state;
	begin();
	greet();
	for (i = 1; i <= 4; i++)
		ask((uint64_t)i, "sleep 1000");
	assert_int_equal(wait_done(4)->end.state, PROTO_REFUSED);
	assert_non_null(strstr(b.seen[4].message, "3 commands"));
	cancel(2);
	(void)wait_done(2);
	ask(5, "echo room");
	assert_string_equal(wait_done(5)->text, "room\n");
	end();
}

/* The server's own limit, with a token for each run. */
static void
test_limit_of_all(void **state)
{
	static struct token others[MOST_RUNS];
	struct err e = { 0 };

	(void)state;
	begin();
	greet();
	for (int i = 0; i < MOST_RUNS; i++) {
		uint8_t own[DIGEST_BYTES] = { (uint8_t)(i + 1) };
		struct msg m = call_frame((uint64_t)i + 1);

		others[i] = *b.store.tokens.t[0];
		(void)snprintf(
		    others[i].name, sizeof(others[i].name), "other%d", i);
		bearer_verifier(own, others[i].verifier);
		assert_int_equal(
		    token_table_add(&b.store.tokens, &others[i], &e), 0);
		memcpy(m.call.proof, own, sizeof(own));
		say(&m);
		m = arg_frame((uint64_t)i + 1, "command", "sleep 1000");
		say(&m);
		m = exec_frame((uint64_t)i + 1);
		say(&m);
		wait_started((uint64_t)i + 1);
	}
	ask(MOST_RUNS + 1, "true");
	assert_int_equal(wait_done(MOST_RUNS + 1)->end.state, PROTO_REFUSED);
	assert_non_null(
	    strstr(b.seen[MOST_RUNS + 1].message, "its limit of commands"));
	cancel(3);
	(void)wait_done(3);
	ask(MOST_RUNS + 2, "echo room");
	assert_string_equal(wait_done(MOST_RUNS + 2)->text, "room\n");
	end();
}

static void
test_drain(void **state)
{
	(void)state;
	begin();
	greet();
	ask(1, "echo before; sleep 0.3; exit 4");
	wait_started(1);
	monitor_drain(b.monitor, 1000);
	ask(2, "echo never");
	assert_int_equal(wait_done(2)->end.state, PROTO_REFUSED);
	assert_non_null(strstr(b.seen[2].message, "stopping"));
	assert_int_equal(wait_done(1)->end.exit_code, 4);
	end();
}

/* --- output --------------------------------------------------------------- */

/* So much of it, and no more. */
static void
expect_output(uint64_t call, size_t len)
{
	wait_output(call, len);
	run_for(300);
	assert_false(b.lost);
	assert_int_equal(b.seen[call].len, len);
}

static void
test_credit(void **state)
{
	struct seen *s = &b.seen[1];

	(void)state;
	begin();
	greet();
	ask_windowed(1, "printf 0123456789; printf abcdef >&2; exit 2", 4);
	expect_output(1, 4);
	assert_int_equal(s->done, 0);
	credit(1, 3);
	expect_output(1, 7);
	credit(1, 100);
	(void)wait_done(1);
	assert_int_equal(s->len, 16);
	assert_int_equal(s->end.exit_code, 2);
	credit(1, 5); /* late credit is fine */
	run_for(20);
	assert_false(b.lost);
	end();
}

/* One read does not take all that it left in its pipe. */
static void
test_credit_after_the_end(void **state)
{
	struct seen *s = &b.seen[1];

	(void)state;
	begin();
	greet();
	ask_windowed(1, "head -c 60000 /dev/zero; exit 3", 4);
	expect_output(1, 4); /* by now it has ended */
	credit(1, 100000);
	(void)wait_done(1);
	assert_int_equal(s->len + s->skipped, 60000);
	assert_int_equal(s->end.stdout_bytes, 60000);
	assert_int_equal(s->end.exit_code, 3);
	end();
}

/* A cancel after the command has exited changes nothing of the result. */
static void
test_cancel_too_late(void **state)
{
	struct seen *s = &b.seen[1];

	(void)state;
	begin();
	greet();
	ask_windowed(1, "printf 0123456789; exit 2", 4);
	expect_output(1, 4);
	cancel(1);
	credit(1, 100);
	(void)wait_done(1);
	assert_int_equal(s->end.state, PROTO_EXITED);
	assert_int_equal(s->end.exit_code, 2);
	expect_in_log("\"process.exit_code\":2", 1);
	end();
}

/*
 * What has used up its credit, and may say no more of what goes out as it
 * comes, is over when it ends: nobody owes anything.
 */
static void
test_credit_is_just_enough(void **state)
{
	uint32_t head = (uint32_t)brief_head(4096);
	struct seen *s = &b.seen[1];
	char command[128];

	(void)state;
	begin();
	greet();
	/* with credit left, so that the end of its errors is seen */
	(void)snprintf(command, sizeof(command),
	    "exec 2>&-; sleep 0.2; head -c %u /dev/zero; exit 3", head);
	ask_windowed(1, command, head);
	(void)wait_done(1);
	assert_int_equal(s->len, head);
	assert_int_equal(s->end.exit_code, 3);
	(void)snprintf(command, sizeof(command),
	    "exec 2>&-; sleep 0.2; head -c %u /dev/zero; exit 3", head + 1);
	ask_windowed(2, command, head); /* control: one that is owed a byte */
	expect_output(2, head);
	assert_int_equal(b.seen[2].done, 0);
	credit(2, 1);
	assert_int_equal(wait_done(2)->len, head + 1);
	end();
}

static void
test_credit_beyond_reason(void **state)
{
	struct msg m = { .code = PROTO_CREDIT, .credit = { 1, UINT32_MAX } };

	(void)state;
	begin();
	greet();
	ask(1, "sleep 1000");
	breaks(&m, "CREDIT beyond reason");
	end();
	begin();
	greet();
	ask_windowed(1, "sleep 1000", UINT32_MAX);
	m.credit.bytes = 1;
	breaks(&m, "CREDIT beyond reason");
	end();
	/* what is used up of the most there is can be given again */
	begin();
	greet();
	ask_windowed(1, "echo x; sleep 1000", UINT32_MAX);
	wait_output(1, 2);
	credit(1, 2);
	settle(2);
	end();
}

/* What root could do is told, where nothing else says why it failed. */
static void
test_rights_are_told(void **state)
{
	(void)state;

	begin();
	greet();
	ask(1, "echo 'it: must be root' >&2; exit 1");
	assert_true(wait_done(1)->told);
	ask(2, "echo 'it: nothing' >&2; exit 1");
	assert_false(wait_done(2)->told);
	end();
}

static void
test_head_and_tail(void **state)
{
	struct seen *s;

	(void)state;
	begin();
	greet();
	ask(1,
	    "i=0; while [ $i -lt 1500 ]; do echo $((10000+i)); i=$((i+1)); done");
	s = wait_done(1);
	assert_int_equal(s->end.stdout_bytes, 9000);
	assert_int_equal(s->len, 4095); /* the end begins with a line */
	assert_int_equal(s->skipped, 9000 - 4095);
	assert_memory_equal(s->text, "10000\n10001\n", 12);
	assert_memory_equal(s->text + 4095 - 12, "11498\n11499\n", 12);
	end();
}

/* A frontend that does not read is replaced; nobody waits for it. */
static void
test_does_not_read(void **state)
{
	(void)state;
	begin_with(BARE ",\"limits\":{\"output_bytes\":16777216}");
	greet();
	ask_windowed(1, "yes & yes >&2", UINT32_MAX);
	wait_output(1, 1);
	chan_pause(b.peer, true);
	run_until(is_lost);
	assert_int_equal(b.why.code, ERR_PROTO);
	assert_non_null(strstr(b.why.what, "does not read"));
	end();
}

/* --- reading what runs wrote ---------------------------------------------- */

/* As in begin, with recordings: of all output, or of none. */
static void
begin_recorded(const char *output)
{
	static const struct recordings_limits room = { .bytes = 1 << 26 };
	static unsigned count;
	char more[512], kept[256];
	struct err e = { 0 };

	(void)snprintf(
	    more, sizeof(more), BARE ",\"audit\":{\"output\":\"%s\"}", output);
	begin_with(more);
	(void)snprintf(kept, sizeof(kept), "%s/kept%u", fixture_top, count++);
	recordings_adjust(b.recordings, &room);
	if (recordings_open(b.recordings, kept, &e) != 0)
		fail_msg("%s", e.what);
	greet();
}

/* One frame of whatever kind, and its end. */
static void
fetch(enum proto_fetch what, const char *run, uint64_t at, uint32_t length)
{
	struct msg m = FETCH((uint8_t)what, what == PROTO_FETCH_OUTPUT ? 1 : 0,
	    length, 1 << 20, at);

	m.fetch.fetch = ++last_fetch;
	m.fetch.run = bytes_of(run);
	memcpy(m.fetch.proof, proof, sizeof(proof));
	say(&m);
	wait_fetched(b.fetched + 1);
}

/* There is more behind what was read, or not: also at the very end. */
static void
test_more_is_there(void **state)
{
	static const struct {
		uint64_t at;
		uint32_t length;
		bool more;
	} rows[] = { { 0, 9, true }, { 0, 10, false }, { 0, 11, false },
		{ 4, 5, true }, { 4, 6, false }, { 10, 1, false },
		{ 11, 1, false } };
	char go[256], command[512];

	(void)state;
	begin_recorded("all");
	ask(1, "printf 0123456789");
	(void)wait_done(1);
	(void)snprintf(go, sizeof(go), "%s/go", fixture_top);
	(void)snprintf(command, sizeof(command),
	    "printf 0123456789; until [ -e %s ]; do sleep 0.01; done", go);
	ask(2, command);
	wait_output(2, 10);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fetch(PROTO_FETCH_OUTPUT, b.seen[1].run, rows[i].at,
		    rows[i].length);
		assert_int_equal(b.fetched_state, PROTO_FOUND);
		assert_int_equal(b.fetched_total, 10);
		if (b.fetched_more != rows[i].more)
			fail_msg("%u bytes from %u: more %d", rows[i].length,
			    (unsigned)rows[i].at, b.fetched_more);
	}
	do /* until it is in the file */
		fetch(PROTO_FETCH_OUTPUT, b.seen[2].run, 9, 1);
	while (!b.fetched_more);
	assert_int_equal(b.fetched_total, 0); /* who goes on may say more */
	fetch(PROTO_FETCH_OUTPUT, b.seen[2].run, 0, 11);
	assert_false(b.fetched_more); /* which was not asked for */
	fixture_write(go, "", 0644);
	(void)wait_done(2);
	fetch(PROTO_FETCH_OUTPUT, b.seen[2].run, 0, 10);
	assert_int_equal(b.fetched_total, 10);
	assert_false(b.fetched_more);
	assert_int_equal(unlink(go), 0);
	end();
}

/* All runs are described; ids are of those whose output can be read. */
static void
test_what_is_listed(void **state)
{
	(void)state;
	for (int kept = 0; kept < 2; kept++) {
		begin_recorded(kept ? "all" : "off");
		ask(1, "echo a");
		(void)wait_done(1);
		ask(2, "echo b");
		(void)wait_done(2);
		fetch(PROTO_FETCH_RUNS, "", 0, 10);
		assert_int_equal(b.fetched_total, 2);
		assert_false(b.fetched_more);
		fetch(PROTO_FETCH_IDS, "", 0, 10);
		assert_int_equal(b.fetched_total, kept ? 2 : 0);
		fetch(PROTO_FETCH_IDS, b.seen[1].run, 0, 10);
		assert_int_equal(b.fetched_total, kept ? 1 : 0);
		fetch(PROTO_FETCH_RUNS, "", 0, 2);
		assert_false(b.fetched_more);
		fetch(PROTO_FETCH_RUNS, "", 0, 1);
		assert_int_equal(b.fetched_total, 1);
		assert_true(b.fetched_more);
		fetch(PROTO_FETCH_OUTPUT, b.seen[1].run, 0, 10);
		assert_int_equal(
		    b.fetched_state, kept ? PROTO_FOUND : PROTO_NOT_KEPT);
		end();
	}
}

/* Who reads very often: as many records as there may be, then their number. */
static void
test_flood_of_reads(void **state)
{
	enum { RECORDED = 600 };

	(void)state;
	begin_recorded("all");
	ask(1, "echo a");
	(void)wait_done(1);
	for (int i = 0; i < RECORDED + 3; i++)
		fetch(PROTO_FETCH_OUTPUT, b.seen[1].run, 0, 10);
	expect_in_log("\"event.action\":\"recording-read\"", RECORDED);
	assert_int_equal(in_log("\"event.suppressed\""), 0);
	skipped_s += 61;
	fetch(PROTO_FETCH_OUTPUT, b.seen[1].run, 0, 10);
	fetch(PROTO_FETCH_OUTPUT, b.seen[1].run, 0, 10);
	expect_in_log("\"event.action\":\"recording-read\"", RECORDED + 2);
	assert_int_equal(in_log("\"event.suppressed\":3"), 1);
	assert_int_equal(in_log("\"event.suppressed\""), 1);
	end();
}

/* --- trouble -------------------------------------------------------------- */

static void
test_log_full(void **state)
{
	struct rlimit none = { 0, RLIM_INFINITY },
		      all = { RLIM_INFINITY, RLIM_INFINITY };
	const char *mark = fixture_path("mark");
	char command[300];
	struct seen *s;

	(void)state;
	(void)signal(SIGXFSZ, SIG_IGN);
	begin();
	greet();
	(void)snprintf(command, sizeof(command), "echo x >%s", mark);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	ask(1, command);
	s = wait_done(1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
	assert_int_equal(s->end.state, PROTO_REFUSED);
	assert_non_null(strstr(s->message, "audit log cannot be written"));
	assert_int_equal(access(mark, F_OK), -1);
	ask(2, command);
	assert_int_equal(wait_done(2)->end.exit_code, 0);
	expect_in_log("run-intent", 2); /* none was lost */
	expect_in_log("run-result", 2);
	assert_int_equal(unlink(mark), 0);
	end();
}

/* Out of descriptors: refused, with its record written without delay. */
static void
test_no_descriptors(void **state)
{
	struct rlimit old, low;
	struct seen *s;
	int next = dup(0);

	(void)state;
	(void)close(next);
	begin();
	greet();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	next = dup(0);
	(void)close(next);
	low.rlim_cur = (rlim_t)next + 3; /* the directory, and not much more */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	ask(1, "echo never");
	s = wait_done(1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(s->end.state, PROTO_REFUSED);
	assert_non_null(strstr(s->message, "Too many open files"));
	assert_int_equal(in_log("run-result"), 1);
	ask(2, "echo fine");
	assert_string_equal(wait_done(2)->text, "fine\n");
	end();
}

/* What the administrator ends, by as much of its id as names one. */
static void
test_ended_by_id(void **state)
{
	const char *defiant =
	    "trap '' TERM; echo up; while :; do sleep 0.05; done";
	char id[JOB_ID] = "";
	uint64_t start;
	struct err e = { 0 };

	(void)state;
	begin_with(BARE
	    ",\"limits\":{\"runs\":3,\"kill_grace_ms\":10000,\"output_bytes\":4096}");
	greet();
	ask(1, defiant);
	ask(2, "echo up; sleep 1000");
	ask(3, defiant);
	for (uint64_t n = 1; n <= 3; n++)
		wait_output(n, 3);
	assert_int_equal(jobs_kill(b.jobs, id, "of all", &e), ERR_BAD);
	assert_non_null(strstr(e.what, "ambiguous"));
	(void)strcpy(id, "no such");
	assert_int_equal(jobs_kill(b.jobs, id, "of none", &e), ERR_BAD);
	assert_non_null(strstr(e.what, "no run with that id"));
	(void)snprintf(id, sizeof(id), "%.16s", b.seen[2].run);
	assert_int_equal(jobs_kill(b.jobs, id, "by its id", &e), 0);
	assert_string_equal(id, b.seen[2].run);
	assert_string_equal(wait_done(2)->message, "by its id");
	assert_false(jobs_end(b.jobs, b.seen[2].run, "again", true));
	/* TERM, which they ignore, or KILL as well */
	start = clock_mono_ms();
	assert_true(jobs_end(b.jobs, b.seen[1].run, "asked", false));
	assert_true(jobs_end(b.jobs, b.seen[3].run, "at once", true));
	assert_string_equal(wait_done(3)->message, "at once");
	assert_int_equal(b.seen[1].done, 0);
	assert_true(jobs_end(b.jobs, b.seen[1].run, "now", true));
	assert_string_equal(wait_done(1)->message, "asked");
	assert_true(clock_mono_ms() - start < 9000);
	end();
}

static pid_t
only_guard(void)
{
	pid_t pid[2];

	assert_int_equal(jobs_guards(b.jobs, pid, 2), 1);
	return pid[0];
}

/*
 * The guard is killed while the command floods its output: the run is lost,
 * and what the rest of the tree writes does not keep us.
 */
static void
test_guard_killed(void **state)
{
	uint64_t start;
	struct seen *s;

	(void)state;
	begin();
	greet();
	ask(1, "for i in 1 2 3 4; do cat /dev/zero & done; cat /dev/zero");
	wait_output(1, 1);
	start = clock_mono_ms();
	assert_int_equal(kill(only_guard(), SIGKILL), 0);
	s = wait_done(1);
	assert_true(clock_mono_ms() - start < 5000);
	assert_int_equal(s->end.state, PROTO_LOST);
	expect_in_log("\"run.state\":\"lost\"", 1);
	end();
}

/* The frontend dies: its runs end, are recorded, and nothing is told. */
static void
test_frontend_dies(void **state)
{
	(void)state;
	begin();
	greet();
	ask(1, "sleep 1000");
	ask_windowed(2, "yes | head -c 100000; exit 1", 10);
	wait_started(1);
	wait_started(2);
	chan_free(b.peer);
	b.peer = NULL;
	run_until(is_lost);
	jobs_cancel_all(b.jobs, "the frontend ended", true);
	run_until(all_done);
	expect_in_log("\"run.state\":\"cancelled\"", 2);
	end();
}

/* --- runs that outlive their call ----------------------------------------- */

static char released[256]; /* what they wait for */

/* One that may be a job: two at a time, if that many. */
static void
begin_with_jobs(const char *abandoned)
{
	static unsigned count;
	char more[512], rec[256];
	struct err e = { 0 };

	(void)snprintf(more, sizeof(more),
	    BARE ",\"limits\":{\"runs\":3,\"kill_grace_ms\":10000},"
		 "\"jobs\":{\"at_once\":2%s}",
	    abandoned);
	begin_with(more);
	(void)snprintf(
	    rec, sizeof(rec), "%s/recordings%u", fixture_top, count++);
	if (recordings_open(b.recordings, rec, &e) != 0)
		fail_msg("%s", e.what);
	b.ledger = ledger_new(b.loop, b.recordings, &e);
	assert_non_null(b.ledger);
	jobs_use_ledger(b.jobs, b.ledger);
	(void)snprintf(released, sizeof(released), "%s/go", fixture_top);
	greet();
}

static void
ask_waiting(uint64_t call, const char *before)
{
	char command[512];

	(void)snprintf(command, sizeof(command),
	    "%secho up; until [ -e %s ]; do sleep 0.01; done; exit 7", before,
	    released);
	ask(call, command);
	wait_output(call, 3);
	assert_false(b.lost);
}

/* Its input is open, until somebody says that it ends, or it reads no more. */
static const struct seen *
begin_reader(uint64_t call, const char *command)
{
	const struct job_wish w = { .open_input = true };
	struct request r;

	fixture_begin(&r, "exec_cmd");
	r.call = call;
	fixture_text(&r, "command", command);
	assert_non_null(jobs_submit_as(b.jobs, &r, b.store.tokens.t[0], &w));
	wait_output(call, 3);
	return &b.seen[call];
}

/* What jobs_input says. */
static int
type_in(const struct seen *s, const char *text, bool eof, struct err *e)
{
	const struct job_input in = { .data = bytes_of(text), .eof = eof };
	struct job_typed out = { 0 };
	int rc;

	buf_init(&out.bytes, 1 << 10);
	rc = jobs_input(b.jobs, s->run, &in, &out, e);
	buf_fini(&out.bytes);
	return rc;
}

/*
 * Nothing follows the end of the input, also as long as what came before it is
 * not written; nor is anything taken for who has closed it.
 */
static void
test_input_has_ended(void **state)
{
	const struct seen *s;
	struct err e = { 0 };

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN); /* as in main */
	begin_with_jobs("");
	s = begin_reader(1, "echo up; cat");
	assert_int_equal(type_in(s, "one ", false, &e), 0);
	assert_int_equal(type_in(s, "two", true, &e), 0);
	assert_int_equal(type_in(s, "three", false, &e), ERR_BAD);
	assert_non_null(strstr(e.what, "its standard input is closed"));
	assert_string_equal(wait_done(1)->text, "up\none two");
	s = begin_reader(2, "exec <&-; echo up; sleep 1000");
	while (type_in(s, "x", false, &e) == 0)
		run_for(20);
	assert_int_equal(e.code, ERR_BAD);
	assert_non_null(strstr(e.what, "its standard input is closed"));
	end();
}

/* As when the frontend has ended. */
static void
leave_all(void)
{
	jobs_cancel_all(b.jobs, "the frontend ended", true);
}

static void
let_go(void)
{
	fixture_write(released, "", 0644);
	run_until(all_done);
	assert_int_equal(unlink(released), 0);
}

static size_t
results(const char *state)
{
	struct err e = { 0 };

	assert_int_equal(audit_flush(b.audit, &e), 0);
	return in_log(state);
}

/* Of a policy that lets them: as many as its token may have, and no other. */
static void
test_abandoned_goes_on(void **state)
{
	(void)state;
	begin_with_jobs(",\"abandoned\":\"continue\"");
	for (uint64_t n = 1; n <= 3; n++)
		ask_waiting(n, "");
	leave_all();
	leave_all(); /* those that are jobs are not asked again */
	assert_int_equal(b.seen[1].done + b.seen[2].done + b.seen[3].done, 0);
	let_go();
	assert_int_equal(results("\"run.state\":\"cancelled\""), 1);
	assert_int_equal(results("\"run.state\":\"exited\""), 2);
	assert_int_equal(results("\"event.action\":\"job-begin\""), 2);
	assert_int_equal(b.seen[1].done + b.seen[2].done + b.seen[3].done, 0);
	end();
}

/* Of one that says "end" or nothing. */
static void
test_abandoned_ends(void **state)
{
	static const char *const says[] = { "", ",\"abandoned\":\"end\"" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(says) / sizeof(says[0]); i++) {
		begin_with_jobs(says[i]);
		ask_waiting(1, "");
		leave_all();
		run_until(all_done);
		assert_int_equal(results("\"run.state\":\"cancelled\""), 1);
		assert_int_equal(results("\"event.action\":\"job-begin\""), 0);
		end();
	}
}

/* One that was told to end does not become a job, and does not go on. */
static void
test_ended_is_no_job(void **state)
{
	(void)state;
	begin_with_jobs(",\"abandoned\":\"continue\"");
	ask_waiting(1, "trap '' TERM; ");
	ask_waiting(2, ""); /* control */
	assert_true(jobs_end(b.jobs, b.seen[1].run, "asked", false));
	assert_false(jobs_detach(b.jobs, b.seen[1].run, "wait_ms"));
	leave_all();
	let_go();
	assert_int_equal(results("\"event.action\":\"job-begin\""), 1);
	assert_int_equal(results("\"run.state\":\"cancelled\""), 1);
	assert_int_equal(results("\"run.state\":\"exited\""), 1);
	end();
}

/* By its id, and while its token has a place for a job. */
static void
test_detached_by_id(void **state)
{
	(void)state;
	begin_with_jobs("");
	for (uint64_t n = 1; n <= 3; n++)
		ask_waiting(n, "");
	assert_false(jobs_detach(b.jobs, "no such run", "wait_ms"));
	assert_true(jobs_detach(b.jobs, b.seen[1].run, "wait_ms"));
	assert_true(jobs_detach(b.jobs, b.seen[2].run, "wait_ms"));
	assert_false(jobs_detach(b.jobs, b.seen[3].run, "wait_ms"));
	assert_true(jobs_detach(b.jobs, b.seen[1].run, "wait_ms")); /* is one */
	assert_int_equal(wait_done(1)->end.state, PROTO_RUNNING);
	assert_int_equal(wait_done(2)->end.state, PROTO_RUNNING);
	leave_all(); /* the frontend's end is none of theirs */
	let_go();
	assert_int_equal(b.seen[3].done, 0);
	assert_int_equal(results("\"event.action\":\"job-begin\""), 2);
	assert_int_equal(results("\"run.state\":\"exited\""), 2);
	assert_int_equal(results("\"run.state\":\"cancelled\""), 1);
	end();
}

static void
refuse_call(uint64_t call)
{
	struct request r;

	request_init(&r);
	r.call = call;
	jobs_refuse(b.jobs, &r, NULL, "refused by the test");
}

/* The next frontend is not told of calls of the one before. */
static void
test_refusals_silenced(void **state)
{
	(void)state;
	begin();
	greet();
	refuse_call(1);
	leave_all();
	refuse_call(2); /* control: of the next one */
	assert_string_equal(wait_done(2)->message, "refused by the test");
	run_until(all_done);
	refuse_call(3); /* which would come after an answer to 1 */
	(void)wait_done(3);
	assert_int_equal(b.seen[1].done, 0);
	expect_in_log("refused by the test", 3); /* all are recorded */
	end();
}

/*
 * A guard that is stopped, as any process of the command's user may do, goes on
 * when it is told of the end: the command is asked before it is killed.
 */
static void
test_guard_is_stopped(void **state)
{
	const struct seen *s;

	(void)state;
	begin();
	greet();
	ask(1,
	    "trap 'echo over; exit 5' TERM; echo up; while :; do sleep 0.01; done");
	wait_output(1, 3);
	assert_int_equal(kill(only_guard(), SIGSTOP), 0);
	cancel(1);
	s = wait_done(1);
	assert_int_equal(s->end.state, PROTO_CANCELLED);
	assert_non_null(strstr(s->text, "over\n"));
	end();
}

static pid_t killed_launcher;

static bool
has_next_launcher(void)
{
	return launch_pid() > 0 && launch_pid() != killed_launcher;
}

/*
 * The launcher is killed: it is recorded, runs go on under guards that are our
 * children then, and the next launcher starts the next one.
 */
static void
test_launcher_killed(void **state)
{
	char go[256], command[512];

	(void)state;
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	begin();
	greet();
	(void)snprintf(go, sizeof(go), "%s/go", fixture_top);
	(void)snprintf(command, sizeof(command),
	    "echo begun; until [ -e %s ]; do sleep 0.01; done; exit 7", go);
	ask(1, command);
	wait_output(1, 1);
	killed_launcher = launch_pid();
	assert_int_equal(kill(killed_launcher, SIGKILL), 0);
	run_until(has_next_launcher); /* what the dying one takes is lost */
	ask(2, "echo fine");
	assert_string_equal(wait_done(2)->text, "fine\n");
	fixture_write(go, "", 0644);
	assert_int_equal(wait_done(1)->end.exit_code, 7);
	assert_int_equal(in_log("\"event.action\":\"launcher-exit\""), 1);
	assert_int_equal(in_log("killed by signal 9 (KILL)"), 1);
	assert_int_equal(in_log("\"run.state\":\"lost\""), 0);
	assert_int_equal(unlink(go), 0);
	end();
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FDS_KEPT(test_permits),
		FDS_KEPT(test_hello),
		FDS_KEPT(test_commit),
		FDS_KEPT(test_vitals),
		FDS_KEPT(test_ready),
		FDS_KEPT(test_call_order),
		FDS_KEPT(test_old_ids),
		FDS_KEPT(test_bad_values),
		FDS_KEPT(test_no_frames),
		FDS_KEPT(test_end_and_again),
		FDS_KEPT(test_nobody_takes_it_in),
		FDS_KEPT(test_fetch_is_cancelled),
		FDS_KEPT(test_flood_of_fetches),
		FDS_KEPT(test_intent_is_charged),
		FDS_KEPT(test_flood_of_failures),
		FDS_KEPT(test_wrong_proof),
		FDS_KEPT(test_expired),
		FDS_KEPT(test_proof_is_forgotten),
		FDS_KEPT(test_bad_request),
		FDS_KEPT(test_run),
		FDS_KEPT(test_quick_runs),
		FDS_KEPT(test_intent_first),
		FDS_KEPT(test_receiver_is_busy),
		FDS_KEPT(test_blame_without_a_source),
		FDS_KEPT(test_penalty),
		FDS_KEPT(test_authfail),
		FDS_KEPT(test_session),
		FDS_KEPT(test_not_found),
		FDS_KEPT(test_cancel),
		FDS_KEPT(test_input_is_closed),
		FDS_KEPT(test_cancel_at_once),
		FDS_KEPT(test_time_out),
		FDS_KEPT(test_revoked),
		FDS_KEPT(test_expires_meanwhile),
		FDS_KEPT(test_limits),
		FDS_KEPT(test_limit_of_all),
		FDS_KEPT(test_drain),
		FDS_KEPT(test_credit),
		FDS_KEPT(test_credit_after_the_end),
		FDS_KEPT(test_cancel_too_late),
		FDS_KEPT(test_credit_is_just_enough),
		FDS_KEPT(test_credit_beyond_reason),
		FDS_KEPT(test_more_is_there),
		FDS_KEPT(test_what_is_listed),
		FDS_KEPT(test_flood_of_reads),
		FDS_KEPT(test_rights_are_told),
		FDS_KEPT(test_head_and_tail),
		FDS_KEPT(test_does_not_read),
		FDS_KEPT(test_log_full),
		FDS_KEPT(test_no_descriptors),
		FDS_KEPT(test_ended_by_id),
		FDS_KEPT(test_guard_killed),
		FDS_KEPT(test_guard_is_stopped),
		FDS_KEPT(test_launcher_killed),
		FDS_KEPT(test_frontend_dies),
		FDS_KEPT(test_abandoned_goes_on),
		FDS_KEPT(test_abandoned_ends),
		FDS_KEPT(test_ended_is_no_job),
		FDS_KEPT(test_detached_by_id),
		FDS_KEPT(test_refusals_silenced),
		FDS_KEPT(test_input_has_ended),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
