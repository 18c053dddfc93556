/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of executor/resume and of what executor/audit does with it: a
 * sealed log goes on after a crash at any point between its writes, and one
 * that was tampered with is told of or refused.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "executor/audit/audit.h"
#include "executor/audit/resume.h"
#include "tests/unit/fixture_executor.h"
#include "tests/unit/fixture_fds.h"
#include "tests/unit/fixture_skip.h"
#include "tests/unit/set_clock.h"

enum { STATE_BYTES = 2 * SEAL_SLOT, COPIES = 12 };

static const uint8_t first_key[DIGEST_BYTES] = { 7, 7, 7 };

/* A directory of its own for each test. */
struct place {
	char log[128], state[128];
};

static struct audit_setup
setup(struct place *p, const char *name)
{
	struct err e = { 0 };

	assert_int_equal(mkdir(fixture_path(name), 0700), 0);
	(void)snprintf(p->log, sizeof(p->log), "%s/%s/log", fixture_top, name);
	(void)snprintf(
	    p->state, sizeof(p->state), "%s/%s/state", fixture_top, name);
	assert_int_equal(seal_create(p->state, first_key, false, &e), 0);
	return (struct audit_setup){ .path = p->log, .seal_state = p->state };
}

static struct audit *
must_open(const struct audit_setup *s)
{
	struct err e = { 0 };
	struct audit *a = audit_new(s, &e);

	if (a == NULL)
		fail_msg("%s", e.what);
	return a;
}

static void
must_put(struct audit *a, const char *action, const char *run)
{
	struct buf *b = audit_begin(a, action);
	struct err e = { 0 };

	if (run != NULL)
		audit_put_str(b, "run.id", run);
	audit_end(a, true);
	if (audit_flush(a, &e) != 0)
		fail_msg("%s", e.what);
}

/* The chain from its first key through the whole text: its last number. */
static uint64_t
check_chain(const char *text)
{
	struct seal_point p;
	struct logline l;
	const char *nl;
	uint8_t seal[DIGEST_BYTES];
	uint64_t last = 0;

	seal_start(&p, first_key);
	for (; *text != '\0'; text = nl + 1) {
		nl = strchr(text, '\n');
		assert_non_null(nl);
		if (!logline_parse(bytes_make(text, (size_t)(nl - text)), &l))
			fail_msg("no record: %.*s", (int)(nl - text), text);
		assert_int_equal(l.sequence, ++last);
		if (!seal_check(&p, l.sealed, l.seal))
			fail_msg("record %d", (int)l.sequence);
		seal_make(&p, l.sealed, seal);
		seal_step(&p, l.sequence, seal);
	}
	return last;
}

static size_t
count(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)) != NULL; text++)
		n++;
	return n;
}

static void
save(const char *path, uint8_t out[STATE_BYTES])
{
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	assert_int_equal(fread(out, 1, STATE_BYTES, f), STATE_BYTES);
	(void)fclose(f);
}

static void
restore(const char *path, const uint8_t text[STATE_BYTES])
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, STATE_BYTES, f), STATE_BYTES);
	(void)fclose(f);
}

static void
test_sealed(void **state)
{
	struct place at;
	struct audit_setup s = setup(&at, "sealed");
	struct audit *a;
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		a = must_open(&s);
		assert_int_equal(audit_resumed(a)->gap, RESUME_FITS);
		must_put(a, "one", NULL);
		must_put(a, "two", NULL);
		audit_close(a);
	}
	assert_int_equal(check_chain(fixture_read(at.log)), 7);
	assert_int_equal(count(fixture_read(at.log), "\"seal-begin\""), 1);
}

/* When a flush of what must last returns, the key that sealed it is gone. */
static void
test_state_follows(void **state)
{
	struct place at;
	struct audit_setup s = setup(&at, "follows");
	struct audit *a = must_open(&s);
	struct seal_point p;
	struct err e = { 0 };
	bool there = false;

	(void)state;
	for (int i = 0; i < 4; i++) {
		must_put(a, "intent", NULL);
		assert_false(audit_unsynced(a));
		assert_int_equal(seal_read(at.state, &p, &there, &e), 0);
		assert_true(there);
		assert_int_equal(p.sequence, audit_status(a).sequence);
	}
	/* nor is the state before the log, which is not on disk yet */
	(void)audit_begin(a, "note");
	audit_end(a, false);
	assert_int_equal(audit_flush(a, &e), 0);
	assert_int_equal(seal_read(at.state, &p, &there, &e), 0);
	assert_int_equal(p.sequence, audit_status(a).sequence - 1);
	audit_sync(a);
	assert_int_equal(seal_read(at.state, &p, &there, &e), 0);
	assert_int_equal(p.sequence, audit_status(a).sequence);
	audit_close(a);
}

/* How often a process has it in memory that it may write to. */
static unsigned
find_in(pid_t pid, const uint8_t key[DIGEST_BYTES])
{
	static uint8_t piece[1 << 20];
	unsigned long at, end;
	char path[64], line[512], how[8];
	unsigned found = 0;
	FILE *maps;
	ssize_t n;
	int mem;

	(void)snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	(void)snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	assert_true(mem != -1 && maps != NULL);
	while (fgets(line, sizeof(line), maps) != NULL) {
		if (sscanf(line, "%lx-%lx %7s", &at, &end, how) != 3 ||
		    how[1] != 'w')
			continue;
		for (; at < end; at += (unsigned long)n) {
			n = pread(mem, piece,
			    end - at < sizeof(piece) ? end - at : sizeof(piece),
			    (off_t)at);
			if (n <= 0)
				break; /* never touched */
			for (ssize_t i = 0; i + DIGEST_BYTES <= n; i++)
				found +=
				    memcmp(piece + i, key, DIGEST_BYTES) == 0;
		}
	}
	(void)fclose(maps);
	(void)close(mem);
	return found;
}

/* A log of a chain that no other test has, and the state of some records before its end. */
static void
leave_behind(const struct audit_setup *s)
{
	static const uint8_t other[DIGEST_BYTES] = { 8, 8, 8 };
	static uint8_t text[STATE_BYTES];
	struct audit *a;
	struct err e = { 0 };

	if (seal_create(s->seal_state, other, true, &e) != 0)
		_exit(1);
	a = must_open(s);
	must_put(a, "one", NULL);
	save(s->seal_state, text);
	for (int i = 0; i < 4; i++)
		must_put(a, "step", NULL);
	audit_close(a);
	restore(s->seal_state, text);
	_exit(0);
}

static void
await(int word)
{
	char c = 'o';

	if (read(word, &c, 1) != 1)
		_exit(1);
}

static void
tell(int word)
{
	char c = 'o';

	if (write(word, &c, 1) != 1)
		_exit(1);
}

/* Reads the state when told to, then the log; and stays. */
static void
go_on(const struct audit_setup *s, int word)
{
	static struct seal_point p;
	static struct resume out;
	struct err e = { 0 };
	bool there = false;
	int fd = open(s->path, O_RDONLY | O_CLOEXEC);

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* if a test fails */
	await(word);
	if (seal_read(s->seal_state, &p, &there, &e) != 0 || !there)
		_exit(1);
	tell(word);
	await(word);
	if (resume_read(s->path, fd, &p, &out, &e) != 0)
		_exit(1);
	tell(word); /* nothing else has used the stack */
	(void)pause();
}

/* An older key would let its reader write that part of the log again. */
static void
test_older_key_is_gone(void **state)
{
#ifdef __SANITIZE_ADDRESS__
	(void)state;
	(void)go_on;
	(void)leave_behind;
	(void)find_in;
	SKIP("the sanitizer's memory is too large to be searched");
#else
	struct seal_point old;
	struct place at;
	struct audit_setup s = setup(&at, "older");
	struct err e = { 0 };
	bool there = false;
	int word[2], status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		leave_behind(&s);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, word), 0);
	pid = fork(); /* before this one has seen a key */
	if (pid == 0)
		go_on(&s, word[1]);
	(void)close(word[1]);
	assert_int_equal(seal_read(at.state, &old, &there, &e), 0);
	tell(word[0]);
	await(word[0]);
	assert_int_equal(find_in(pid, old.key), 1); /* the control */
	tell(word[0]);
	await(word[0]);
	assert_int_equal(find_in(pid, old.key), 0);
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	(void)close(word[0]);
#endif
}

/*
 * Each state that there was, with each log that there was at that time or
 * later: as a crash between the log's sync and the state's write leaves them.
 */
static void
test_state_behind(void **state)
{
	static uint8_t states[COPIES][STATE_BYTES];
	static char *logs[COPIES];
	struct place at;
	struct audit_setup s = setup(&at, "behind");
	struct audit *a = must_open(&s);
	int i, k;

	(void)state;
	for (i = 0; i < COPIES; i++) {
		save(at.state, states[i]);
		logs[i] = strdup(fixture_read(at.log));
		must_put(a, "step", NULL);
	}
	audit_close(a);
	for (i = 0; i < COPIES; i++)
		for (k = i; k < COPIES; k++) {
			restore(at.state, states[i]);
			fixture_write(at.log, logs[k], 0600);
			a = must_open(&s);
			assert_int_equal(audit_resumed(a)->gap, RESUME_FITS);
			must_put(a, "again", NULL);
			audit_close(a);
			(void)check_chain(fixture_read(at.log));
		}
	/* The other way round it was cut. */
	for (i = 2; i < COPIES; i++) {
		restore(at.state, states[i]);
		fixture_write(at.log, logs[i - 1], 0600);
		a = must_open(&s);
		assert_int_equal(audit_resumed(a)->gap, RESUME_LACKS);
		must_put(a, "again", NULL);
		audit_close(a);
		assert_int_equal(
		    count(fixture_read(at.log), "\"seal-broken\""), 1);
	}
	for (i = 0; i < COPIES; i++)
		free(logs[i]);
}

/* A write that a crash cut at each of its bytes; all but the newline is all. */
static void
test_torn_tail(void **state)
{
	static uint8_t before[STATE_BYTES];
	struct place at;
	struct audit_setup s = setup(&at, "torn");
	struct audit *a = must_open(&s);
	char *whole, *part;
	size_t from, cut, torn;

	(void)state;
	must_put(a, "first", NULL);
	save(at.state, before);
	from = strlen(fixture_read(at.log));
	must_put(a, "second", NULL);
	audit_close(a);
	whole = strdup(fixture_read(at.log));
	for (cut = from + 1; cut < strlen(whole); cut++) {
		restore(at.state, before);
		part = strndup(whole, cut);
		fixture_write(at.log, part, 0600);
		free(part);
		a = must_open(&s);
		assert_int_equal(audit_resumed(a)->gap, RESUME_FITS);
		torn = cut + 1 < strlen(whole) ? cut - from : 0;
		assert_int_equal(audit_resumed(a)->torn.len, torn);
		must_put(a, "third", NULL);
		audit_close(a);
		assert_int_equal(
		    count(fixture_read(at.log), "\"log-torn\""), torn > 0);
		if (torn == 0)
			assert_int_equal(check_chain(fixture_read(at.log)), 4);
	}
	free(whole);
}

static void
test_foreign(void **state)
{
	struct place at;
	struct audit_setup s = setup(&at, "foreign");
	struct audit *a = must_open(&s);
	struct err e = { 0 };
	FILE *f;

	(void)state;
	must_put(a, "first", NULL);
	audit_close(a);
	f = fopen(at.log, "a");
	assert_non_null(f);
	(void)fputs(
	    "{\"v\":1,\"event.sequence\":3,\"@timestamp\":\"x\",\"monotonic_ns\":1,\"event.action\":\"forged\"}\n",
	    f);
	assert_int_equal(fclose(f), 0);
	s.seal = AUDIT_SEAL_REQUIRE;
	assert_null(audit_new(&s, &e));
	assert_non_null(strstr(e.what, "did not make"));
	s.seal = AUDIT_SEAL_AUTO;
	a = must_open(&s);
	assert_int_equal(audit_resumed(a)->gap, RESUME_FOREIGN);
	must_put(a, "second", NULL);
	audit_close(a);
	assert_int_equal(count(fixture_read(at.log), "\"seal-broken\""), 1);
	assert_int_equal(
	    count(fixture_read(at.log), resume_gap_text(RESUME_FOREIGN)), 1);
}

static void
test_state_gone(void **state)
{
	struct place at;
	struct audit_setup s = setup(&at, "gone");
	struct audit *a = must_open(&s);
	struct err e = { 0 };

	(void)state;
	must_put(a, "first", NULL);
	audit_close(a);
	assert_int_equal(unlink(at.state), 0);
	s.seal = AUDIT_SEAL_REQUIRE;
	assert_null(audit_new(&s, &e));
	assert_non_null(strstr(e.what, "seal-init"));
	s.seal = AUDIT_SEAL_AUTO;
	a = must_open(&s);
	assert_int_equal(audit_resumed(a)->gap, RESUME_UNSEALED);
	must_put(a, "second", NULL);
	audit_close(a);
	assert_int_equal(count(fixture_read(at.log), "\"seal-broken\""), 1);
}

/* All files of the log in order of their names, the live one last. */
static const char *
read_all(const struct place *at)
{
	static char text[1 << 20];
	struct logfile_list l;
	struct err e = { 0 };
	size_t i, n = 0;

	assert_int_equal(logfile_list(at->log, &l, &e), 0);
	for (i = 0; i <= l.count; i++)
		n += strlen(strcpy(text + n,
		    fixture_read(i < l.count ? l.file[i].path : at->log)));
	logfile_list_free(&l);
	return text;
}

static size_t
file_count(const struct place *at)
{
	struct logfile_list l;
	struct err e = { 0 };
	size_t n;

	assert_int_equal(logfile_list(at->log, &l, &e), 0);
	n = l.count;
	logfile_list_free(&l);
	return n;
}

/* As the first record that says it does: the chain's own number. */
static const char *
its_chain(const struct place *at)
{
	static const char name[] = "\"seal.chain\":\"";
	static char text[sizeof(name) + 2 * SEAL_ID_BYTES];
	const char *p = strstr(read_all(at), name);

	assert_non_null(p);
	(void)snprintf(text, sizeof(text), "%s", p);
	return text;
}

static void
test_rotation(void **state)
{
	struct place at;
	struct audit_setup s = setup(&at, "rotation");
	struct audit *a;
	int i;

	(void)state;
	s.rotate_bytes = 2000;
	for (i = 0; i < 40; i++) {
		a = must_open(&s);
		must_put(a, "one", NULL);
		must_put(a, "two", NULL);
		audit_close(a);
	}
	assert_true(file_count(&at) > 5);
	(void)check_chain(read_all(&at));
	assert_int_equal(
	    count(read_all(&at), "\"log-rotate\""), file_count(&at));
	assert_int_equal(
	    count(read_all(&at), "\"log-continue\""), file_count(&at));
	/* where one file ends and the next begins, of the same chain */
	assert_int_equal(count(read_all(&at), its_chain(&at)),
	    2 * file_count(&at) + count(read_all(&at), "\"seal-begin\""));
	s.keep = 3;
	a = must_open(&s);
	for (i = 0; i < 10; i++)
		must_put(a, "three", NULL);
	audit_close(a);
	assert_int_equal(file_count(&at), 3);
	assert_true(count(read_all(&at), "\"log-prune\"") > 0);
}

enum { NAMES = 9 };

/* Those that its next files would get. */
static void
take_names(const struct place *at, bool taken)
{
	char path[160];

	for (int i = 1; i <= NAMES; i++) {
		(void)snprintf(path, sizeof(path), "%s.%012d", at->log, i);
		if (taken)
			fixture_write(path, "", 0600);
		else
			assert_int_equal(unlink(path), 0);
	}
}

/* One that failed is tried again a minute later, whatever the clock is set to. */
static void
test_rotation_again(void **state)
{
	struct place at;
	struct audit_setup s = setup(&at, "again");
	struct audit *a = must_open(&s);

	(void)state;
	must_put(a, "one", NULL);
	take_names(&at, true);
	s.rotate_bytes = 1;
	audit_adjust(a, &s);
	must_put(a, "two", NULL);
	assert_int_equal(file_count(&at), NAMES);
	take_names(&at, false);
	set_clock.wall_s = -86400;
	must_put(a, "three", NULL);
	assert_int_equal(file_count(&at), 0);
	set_clock.mono_s = 61;
	must_put(a, "four", NULL);
	set_clock.wall_s = set_clock.mono_s = 0;
	assert_int_equal(file_count(&at), 1);
	audit_close(a);
}

/* Of a time that the clock was set back from, it is as old as since then. */
static void
test_rotation_of_the_future(void **state)
{
	struct place at;
	struct audit_setup s = setup(&at, "future");
	struct audit *a;

	(void)state;
	s.rotate_seconds = 3600;
	set_clock.wall_s = 86400;
	a = must_open(&s);
	must_put(a, "one", NULL);
	set_clock.wall_s = 0;
	must_put(a, "two", NULL);
	set_clock.wall_s = 3000;
	must_put(a, "three", NULL);
	assert_int_equal(file_count(&at), 0);
	set_clock.wall_s = 3601;
	must_put(a, "four", NULL);
	set_clock.wall_s = 0;
	assert_int_equal(file_count(&at), 1);
	audit_close(a);
}

/* Moved away, while it runs and while it does not. */
static void
test_moved(void **state)
{
	struct place at;
	struct audit_setup s = setup(&at, "moved");
	struct audit *a = must_open(&s);
	char away[160];

	(void)state;
	must_put(a, "one", NULL);
	(void)snprintf(away, sizeof(away), "%s-1", at.log);
	assert_int_equal(rename(at.log, away), 0);
	must_put(a, "two", NULL);
	audit_close(a);
	(void)snprintf(away, sizeof(away), "%s-2", at.log);
	assert_int_equal(rename(at.log, away), 0);
	a = must_open(&s);
	assert_int_equal(audit_resumed(a)->gap, RESUME_FITS);
	must_put(a, "three", NULL);
	audit_close(a);
	(void)check_chain(read_all(&at));
	assert_int_equal(count(fixture_read(at.log), "\"log-continue\""), 1);
}

static void
test_cut_while_running(void **state)
{
	struct place at;
	struct audit_setup s = setup(&at, "copytruncate");
	struct audit *a = must_open(&s);

	(void)state;
	must_put(a, "one", NULL);
	assert_int_equal(truncate(at.log, 0), 0);
	must_put(a, "two", NULL);
	audit_close(a);
	assert_int_equal(count(fixture_read(at.log), "cut short"), 1);
}

static void
test_open_runs(void **state)
{
	struct place at;
	struct audit_setup s = setup(&at, "runs");
	struct audit *a = must_open(&s);
	const struct runset *open;

	(void)state;
	s.rotate_bytes = 1;
	must_put(a, "run-intent", "aaaa");
	must_put(a, "run-intent", "bbbb");
	must_put(a, "run-intent", "cccc");
	audit_adjust(a, &s); /* rotate after each record */
	must_put(a, "run-result", "bbbb");
	must_put(a, "other", NULL);
	must_put(a, "run-intent", "dddd");
	must_put(a, "run-result", "cccc");
	audit_close(a);
	a = must_open(&s);
	open = &audit_resumed(a)->open;
	assert_int_equal(open->count, 2);
	assert_string_equal(open->run[0].id, "aaaa");
	assert_string_equal(open->run[1].id, "dddd");
	/* a life that closes neither, and rotates, hands them on */
	must_put(a, "other", NULL);
	must_put(a, "other", NULL);
	audit_close(a);
	a = must_open(&s);
	open = &audit_resumed(a)->open;
	assert_int_equal(open->count, 2);
	assert_string_equal(open->run[1].id, "dddd");
	audit_close(a);
}

/* The log as it was when the process died while it began a file. */
struct begun {
	struct place at;
	struct audit_setup s;
	uint8_t
	    state[STATE_BYTES]; /* names the last record of the file before */
	char *live;
};

/* Three runs are open when the log is rotated; then one more record. */
static void
begin_file(struct begun *g, const char *name, bool sealed)
{
	uint8_t before[STATE_BYTES];
	struct audit *a;

	g->s = setup(&g->at, name);
	if (!sealed)
		g->s.seal_state = NULL;
	a = must_open(&g->s);
	must_put(a, "run-intent", "aaaa");
	must_put(a, "run-intent", "bbbb");
	must_put(a, "run-intent", "cccc");
	save(g->at.state, before);
	g->s.rotate_bytes = 1;
	audit_adjust(a, &g->s);
	must_put(a, "one", NULL);
	g->s.rotate_bytes = 0;
	audit_adjust(a, &g->s);
	must_put(a, "two", NULL);
	audit_close(a);
	g->live = strdup(fixture_read(g->at.log));
	assert_non_null(g->live);
	/* what a start finds between the rename and the first write */
	assert_int_equal(truncate(g->at.log, 0), 0);
	restore(g->at.state, before);
	audit_close(must_open(&g->s));
	save(g->at.state, g->state);
}

static void
put_file(const char *path, const char *text, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	(void)fclose(f);
}

static struct audit *
open_with_all(struct begun *g, size_t cut)
{
	struct audit *a = must_open(&g->s);
	const struct resume *r = audit_resumed(a);

	if (r->open.count != 3 || r->gap != RESUME_FITS)
		fail_msg("cut at %zu: %zu runs, %s", cut, r->open.count,
		    resume_gap_text(r->gap));
	return a;
}

/* Of what is there each line is a record, or the end of one that was cut. */
static void
check_numbers(const char *text, size_t cut)
{
	const char *nl;
	struct logline l;
	uint64_t last = 0;

	for (; *text != '\0'; text = nl + 1) {
		nl = strchr(text, '\n');
		assert_non_null(nl);
		if (!logline_parse(bytes_make(text, (size_t)(nl - text)), &l))
			continue;
		if (l.sequence != last + 1)
			fail_msg("cut at %zu: %d behind %d", cut,
			    (int)l.sequence, (int)last);
		last = l.sequence;
	}
}

/* Dies with that much of a new file; then again, with that much of the next. */
static void
check_cuts(struct begun *g)
{
	size_t cut, again, n, len = strlen(g->live);
	struct audit *a;
	char *first;

	for (cut = 0; cut <= len; cut++) {
		put_file(g->at.log, g->live, cut);
		restore(g->at.state, g->state);
		a = open_with_all(g, cut);
		must_put(a, "three", NULL);
		audit_close(a);
		check_numbers(read_all(&g->at), cut);
		if (cut % 50 != 0)
			continue;
		first = strdup(fixture_read(g->at.log));
		assert_non_null(first);
		n = strlen(first);
		for (again = cut; again < n; again += 17) {
			put_file(g->at.log, first, again);
			restore(g->at.state, g->state);
			audit_close(open_with_all(g, again));
		}
		free(first);
	}
	free(g->live);
}

static void
test_cut_as_a_file_begins(void **state)
{
	struct begun g;

	(void)state;
	begin_file(&g, "begun", true);
	check_cuts(&g);
	begin_file(&g, "begun-unsealed", false);
	check_cuts(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FDS_KEPT(test_sealed),
		FDS_KEPT(test_state_follows),
		FDS_KEPT(test_state_behind),
		FDS_KEPT(test_older_key_is_gone),
		FDS_KEPT(test_torn_tail),
		FDS_KEPT(test_foreign),
		FDS_KEPT(test_state_gone),
		FDS_KEPT(test_rotation),
		FDS_KEPT(test_rotation_again),
		FDS_KEPT(test_rotation_of_the_future),
		FDS_KEPT(test_moved),
		FDS_KEPT(test_cut_while_running),
		FDS_KEPT(test_open_runs),
		FDS_KEPT(test_cut_as_a_file_begins),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
