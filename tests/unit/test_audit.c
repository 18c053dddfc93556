/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of executor/audit, on real files: continuation, rotation, full
 * disks (a small tmpfs when root, RLIMIT_FSIZE otherwise), hostile places.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "common/digest.h"
#include "common/json.h"
#include "executor/audit/audit.h"
#include "executor/audit/seal.h"
#include "tests/unit/fixture_executor.h"
#include "tests/unit/fixture_fds.h"
#include "tests/unit/fixture_skip.h"
#include "tests/unit/vectors.h"

static unsigned syncs, syncs_that_fail, cuts_that_fail;
static unsigned writes_that_fail, ends_that_fail;

/* Those of one byte end a line that was torn. */
ssize_t
write(int fd, const void *p, size_t n)
{
	if (n == 1 && ends_that_fail > 0) {
		ends_that_fail--;
		errno = ENOSPC;
		return -1;
	}
	if (n > 1 && writes_that_fail > 0) {
		writes_that_fail--;
		errno = EIO;
		return -1;
	}
	return syscall(SYS_write, fd, p, n);
}

/* Of the program: libc's, or one that fails. */
int
fdatasync(int fd)
{
	syncs++;
	if (syncs_that_fail > 0) {
		syncs_that_fail--;
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

int
ftruncate(int fd, off_t to)
{
	if (cuts_that_fail > 0) {
		cuts_that_fail--;
		errno = EPERM;
		return -1;
	}
	return (int)syscall(SYS_ftruncate, fd, to);
}

static struct audit *
must_open(const char *path)
{
	struct err e = { 0 };
	struct audit *a = audit_open(path, &e);

	if (a == NULL)
		fail_msg("%s", e.what);
	return a;
}

static void
refused(const char *path, const char *says)
{
	struct err e = { 0 };

	assert_null(audit_open(path, &e));
	if (strstr(e.what, says) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", e.what, says);
}

static void
put_record(struct audit *a, const char *action)
{
	(void)audit_begin(a, action);
	audit_end(a, true);
}

static void
must_flush(struct audit *a)
{
	struct err e = { 0 };

	if (audit_flush(a, &e) != 0)
		fail_msg("%s", e.what);
	assert_false(audit_unsynced(a));
}

/* Check that each line is a record, and that numbers grow; their count. */
static size_t
check_lines(const char *path, int64_t *first, int64_t *last)
{
	const char *p = fixture_read(path), *nl;
	struct json_doc *doc;
	int64_t seq, before = 0;
	size_t n = 0;
	struct err e;

	for (; *p != '\0'; p = nl + 1, n++) {
		nl = strchr(p, '\n');
		assert_non_null(nl); /* no torn end */
		if (json_parse(bytes_make(p, (size_t)(nl - p)), JSON_STRICT,
			&doc, &e) != 0)
			fail_msg("%.*s: %s", (int)(nl - p), p, e.what);
		assert_true(json_to_i64(
		    json_get(json_root(doc), "event.sequence"), &seq));
		json_free(doc);
		assert_true(seq > before);
		if (n == 0 && first != NULL)
			*first = seq;
		before = seq;
	}
	if (last != NULL)
		*last = before;
	return n;
}

static size_t
count(const char *path, const char *what)
{
	const char *p = fixture_read(path);
	size_t n = 0;

	for (; (p = strstr(p, what)) != NULL; p++)
		n++;
	return n;
}

static void
test_record(void **state)
{
	const char *path = fixture_path("record");
	struct audit *a = must_open(path);
	struct stat st;
	struct buf *b;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_false(audit_pending(a));
	b = audit_begin(a, "run-intent");
	audit_put_str(b, "text", "quote \" backslash \\ newline \n tab \t");
	audit_put(b, "bytes", BYTES_LIT("\xff\x00\x1b[31m\xc0\xaf"));
	/* right-to-left override, zero width space, a tag, a line separator */
	audit_put_str(b, "hidden",
	    "\xe2\x80\xae\xe2\x80\x8b\xf3\xa0\x81\x81\xe2\x80\xa8\x7f");
	audit_put_i64(b, "number", INT64_MIN);
	audit_end(a, false);
	assert_true(audit_pending(a));
	audit_close(a);
	assert_int_equal(check_lines(path, NULL, NULL), 1);
	assert_int_equal(count(path, "\"event.action\":\"run-intent\""), 1);
	assert_int_equal(
	    count(path, "quote \\\" backslash \\\\ newline \\n tab "), 1);
	assert_int_equal(count(path, "\\\\xff\\u0000\\u001b[31m\\\\xc0"), 1);
	assert_int_equal(
	    count(path,
		"\"hidden\":\"\\u202e\\u200b\\udb40\\udc41\\u2028\\u007f\""),
	    1);
	assert_int_equal(count(path, "\"number\":-9223372036854775808"), 1);
}

static void
test_cut(void **state)
{
	static uint8_t text[AUDIT_MAX_VALUE + 1];
	const char *path = fixture_path("cut");
	struct audit *a = must_open(path);
	uint8_t sum[DIGEST_BYTES];
	char hex[DIGEST_HEX], want[128];
	struct buf *b;

	(void)state;
	memset(text, 'x', sizeof(text));
	b = audit_begin(a, "x");
	audit_put(b, "fits", bytes_make(text, AUDIT_MAX_VALUE));
	audit_put(b, "over", bytes_make(text, sizeof(text)));
	audit_end(a, false);
	audit_close(a);
	assert_int_equal(check_lines(path, NULL, NULL), 1);
	assert_int_equal(count(path, "fits.length"), 0);
	assert_int_equal(count(path, "\"over.length\":8193"), 1);
	digest_sha256(bytes_make(text, sizeof(text)), sum);
	digest_hex(sum, sizeof(sum), hex);
	(void)snprintf(want, sizeof(want), "\"over.sha256\":\"%s\"", hex);
	assert_int_equal(count(path, want), 1);
	assert_int_equal(count(path, "xxxx"), 2 * (AUDIT_MAX_VALUE - 3));
}

static void
test_continues(void **state)
{
	const char *path = fixture_path("continues");
	struct audit *a;
	int64_t last;
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		a = must_open(path);
		put_record(a, "one");
		put_record(a, "two");
		audit_close(a);
	}
	assert_int_equal(check_lines(path, NULL, &last), 6);
	assert_int_equal(last, 6);
}

/* What a value says is not a sequence number. */
static void
test_not_misled(void **state)
{
	const char *path = fixture_path("misled");
	struct audit *a = must_open(path);
	struct buf *b;
	int64_t last;

	(void)state;
	b = audit_begin(a, "x");
	audit_put_str(b, "claim", "\"event.sequence\":900,");
	audit_end(a, true);
	audit_close(a);
	a = must_open(path);
	put_record(a, "y");
	audit_close(a);
	assert_int_equal(check_lines(path, NULL, &last), 2);
	assert_int_equal(last, 2);
}

/* The sequence number of the last line. */
static int64_t
last_number(const char *path)
{
	char *text = strdup(fixture_read(path)), *line;
	struct json_doc *doc;
	int64_t seq;
	struct err e;

	assert_non_null(text);
	text[strlen(text) - 1] = '\0';
	line = strrchr(text, '\n') + 1;
	assert_int_equal(json_parse(bytes_of(line), JSON_STRICT, &doc, &e), 0);
	assert_true(
	    json_to_i64(json_get(json_root(doc), "event.sequence"), &seq));
	json_free(doc);
	free(text);
	return seq;
}

/* A last line that a crash cut anywhere is closed, and numbers only grow. */
static void
test_torn(void **state)
{
	const char *path = fixture_path("torn");
	char *whole, *line;
	size_t len, cut;
	struct audit *a;

	(void)state;
	a = must_open(path);
	for (len = 0; len < 124; len++)
		put_record(a, "early");
	audit_close(a);
	whole = strdup(fixture_read(path));
	assert_non_null(whole);
	len = strlen(whole);
	line = strrchr(whole, '{'); /* number 124 */
	for (cut = (size_t)(line - whole); cut < len; cut++) {
		line = strndup(whole, cut);
		fixture_write(path, line, 0600);
		free(line);
		a = must_open(path);
		put_record(a, "later");
		audit_close(a);
		assert_memory_equal(fixture_read(path), whole, cut);
		assert_in_range(last_number(path), 124, 125);
		if (whole[cut - 1] != '\n')
			assert_int_equal(fixture_read(path)[cut], '\n');
	}
	free(whole);
}

static void
test_hostile_places(void **state)
{
	const char *file = fixture_path("hostile");

	(void)state;
	audit_close(must_open(file));
	assert_int_equal(symlink("hostile", fixture_path("link")), 0);
	refused(fixture_path("link"), "open");
	refused(fixture_top, "open");
	refused(fixture_path("none/audit"), "open");
	assert_int_equal(mkfifo(fixture_path("fifo"), 0600), 0);
	refused(fixture_path("fifo"), "not a regular file");
	assert_int_equal(chmod(file, 0620), 0);
	refused(file, "writable by nobody else");
	assert_int_equal(chmod(file, 0602), 0);
	refused(file, "writable by nobody else");
	assert_int_equal(chmod(file, 0640), 0);
	audit_close(must_open(file));
	if (geteuid() == 0) {
		assert_int_equal(
		    chown(file, FIXTURE_NOBODY, FIXTURE_NOBODY), 0);
		refused(file, "owned by uid 65534");
	}
}

static void
test_second_writer(void **state)
{
	const char *path = fixture_path("second");
	struct audit *a = must_open(path);

	(void)state;
	refused(path, "another process");
	audit_close(a);
	audit_close(must_open(path));
}

/* Rotation: renamed, removed, replaced. */
static void
test_reopens(void **state)
{
	const char *path = fixture_path("log"), *old = fixture_path("log.1");
	struct audit *a = must_open(path);
	int64_t first, last;

	(void)state;
	put_record(a, "before");
	must_flush(a);
	assert_int_equal(rename(path, old), 0);
	put_record(a, "after-rename");
	must_flush(a);
	assert_int_equal(check_lines(old, &first, &last), 1);
	/* log-continue comes first */
	assert_int_equal(check_lines(path, &first, &last), 2);
	assert_int_equal(first, 2); /* goes on, so that a gap would show */
	assert_int_equal(unlink(path), 0);
	put_record(a, "after-unlink");
	must_flush(a);
	assert_int_equal(check_lines(path, &first, &last), 2);
	assert_int_equal(first, 4);
	refused(path, "another process"); /* the new one is locked as well */
	audit_close(a);
}

/* Another file at the path, as rotation makes one; the mode that it got. */
static mode_t
next_mode(struct audit *a, mode_t before)
{
	struct stat st;

	assert_int_equal(chmod(fixture_path("group/log"), before), 0);
	assert_int_equal(
	    rename(fixture_path("group/log"), fixture_path("group/log.1")), 0);
	put_record(a, "goes-on");
	must_flush(a);
	assert_int_equal(stat(fixture_path("group/log"), &st), 0);
	return st.st_mode & 07777;
}

/* What its group could read, it can, as long as it is the same. */
static void
test_group_of_readers(void **state)
{
	struct audit *a;
	struct stat st;

	(void)state;
	assert_int_equal(mkdir(fixture_path("group"), 0700), 0);
	a = must_open(fixture_path("group/log"));
	assert_int_equal(next_mode(a, 0600), 0600);
	assert_int_equal(next_mode(a, 0644), 0640);
	assert_int_equal(next_mode(a, 0640), 0640);
	/* but if somebody else begins the next (logrotate's create) */
	assert_int_equal(
	    rename(fixture_path("group/log"), fixture_path("group/log.2")), 0);
	fixture_write(fixture_path("group/log"), "", 0600);
	put_record(a, "goes-on");
	must_flush(a);
	assert_int_equal(stat(fixture_path("group/log"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	if (geteuid() == 0) {
		assert_int_equal(chown(fixture_path("group/log"), 0, 64123), 0);
		assert_int_equal(next_mode(a, 0640), 0600);
		/* that of the directory is inherited */
		assert_int_equal(chown(fixture_path("group"), 0, 64123), 0);
		assert_int_equal(chmod(fixture_path("group"), 02750), 0);
		assert_int_equal(chown(fixture_path("group/log"), 0, 64123), 0);
		assert_int_equal(next_mode(a, 0640), 0640);
	}
	audit_close(a);
}

/* Put back later, nothing is lost; a symbolic link is never followed. */
static void
test_reopen_refused(void **state)
{
	const char *path = fixture_path("swap"), *away = fixture_path("swap.1");
	struct audit *a = must_open(path);
	struct err e = { 0 };

	(void)state;
	assert_int_equal(rename(path, away), 0);
	assert_int_equal(symlink(fixture_path("bait"), path), 0);
	put_record(a, "kept");
	assert_int_equal(audit_flush(a, &e), ERR_SYS);
	assert_int_equal(access(fixture_path("bait"), F_OK), -1);
	assert_int_equal(unlink(path), 0);
	must_flush(a);
	assert_int_equal(count(path, "kept"), 1);
	audit_close(a);
}

/* --- no room ----------------------------------------------------------- */

/* Fill up, free, and check that every record is there once, in order. */
static void
recover(const char *path, void (*fill)(const char *), void (*empty)(void))
{
	struct audit *a = must_open(path);
	struct err e = { 0 };
	int64_t first, last;
	int i, failed = 0;

	fill(path);
	for (i = 0; i < 400; i++) {
		struct buf *b = audit_begin(a, "full");

		audit_put(b, "pad", bytes_make("................", 16));
		audit_put_i64(b, "nr", i);
		audit_end(a, i % 3 == 0);
		failed += audit_flush(a, &e) != 0;
		/* Whole lines only, at any time. */
		if (failed > 0 && failed < 5)
			(void)check_lines(path, NULL, NULL);
	}
	assert_true(failed > 0);
	assert_int_equal(e.code, ERR_SYS);
	assert_true(audit_pending(a));
	empty();
	must_flush(a);
	assert_false(audit_pending(a));
	audit_close(a);
	assert_int_equal(check_lines(path, &first, &last), 400);
	assert_int_equal(first, 1);
	assert_int_equal(last, 400);
}

static void
fill_disk(const char *path)
{
	static char junk[4096];
	int fd = open(fixture_path("small/junk"), O_WRONLY | O_CREAT, 0600);
	ssize_t n;

	(void)path;
	assert_true(fd >= 0);
	do
		n = write(fd, junk, sizeof(junk));
	while (n > 0);
	assert_int_equal(errno, ENOSPC);
	/* One page, in which some records fit, and then the end. */
	assert_int_equal(
	    ftruncate(fd, lseek(fd, 0, SEEK_END) - (off_t)sizeof(junk)), 0);
	(void)close(fd);
}

static void
free_disk(void)
{
	assert_int_equal(unlink(fixture_path("small/junk")), 0);
}

static void
mount_small(void)
{
	assert_int_equal(mkdir(fixture_path("small"), 0700), 0);
	assert_int_equal(mount("none", fixture_path("small"), "tmpfs", 0,
			     "size=16m,mode=0700"),
	    0);
}

static void
unmount_small(void)
{
	assert_int_equal(umount2(fixture_path("small"), MNT_DETACH), 0);
	assert_int_equal(rmdir(fixture_path("small")), 0);
}

static void
test_disk_full(void **state)
{
	(void)state;
	if (geteuid() != 0)
		SKIP("only root may mount a small file system");
	mount_small();
	recover(fixture_path("small/log"), fill_disk, free_disk);
	unmount_small();
}

static void
set_flags(const char *path, int flags)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ioctl(fd, FS_IOC_SETFLAGS, &flags), 0);
	(void)close(fd);
}

static void
fill_append_only(const char *path)
{
	set_flags(path, FS_APPEND_FL);
	fill_disk(path);
}

/* What receivers are handed. */
static struct buf copies;

static void
take_copies(void *arg, struct bytes lines)
{
	(void)arg;
	buf_put_bytes(&copies, lines);
}

/* The copies are the log's whole lines: each once, in order. */
static void
check_copies(const char *path)
{
	const char *p = fixture_read(path), *nl;
	const char *at = buf_cstr(&copies);

	for (; (nl = strchr(p, '\n')) != NULL; p = nl + 1) {
		size_t n = (size_t)(nl + 1 - p);

		if (strncmp(at, p, n) == 0)
			at += n;
		else if (nl[-1] == '}' && *p == '{')
			fail_msg("not copied: %.*s", (int)n, p);
	}
	assert_string_equal(at, "");
}

/*
 * chattr +a: nothing can be taken back, so a torn line stays, but it is
 * closed, and each record comes whole exactly once.
 */
static void
test_append_only(void **state)
{
	const struct audit_setup copied = { .wrote = take_copies };
	char path[256], nr[32];
	struct audit *a;
	struct err e;
	int i, failed = 0;

	(void)state;
	if (geteuid() != 0)
		SKIP("only root may mount a small file system");
	mount_small();
	(void)strcpy(path, fixture_path("small/log"));
	a = must_open(path);
	buf_init(&copies, 1 << 20);
	audit_adjust(a, &copied);
	fill_append_only(path);
	for (i = 0; i < 60; i++) {
		struct buf *b = audit_begin(a, "full");

		audit_put_i64(b, "nr", i);
		audit_end(a, true);
		if (i % 7 == 0)
			failed += audit_flush(a, &e) != 0;
	}
	assert_true(failed > 0);
	free_disk();
	ends_that_fail = 1; /* then nothing is put behind the torn line */
	assert_int_equal(audit_flush(a, &e), ERR_SYS);
	assert_int_equal(ends_that_fail, 0);
	must_flush(a);
	audit_close(a);
	check_copies(path);
	buf_fini(&copies);
	for (i = 0; i < 60; i++) {
		(void)snprintf(nr, sizeof(nr), "\"nr\":%d}\n{", i);
		if (i == 59)
			*strrchr(nr, '{') = '\0';
		if (count(path, nr) != 1)
			fail_msg(
			    "record %d is %zu times there", i, count(path, nr));
	}
	set_flags(path, 0);
	unmount_small();
}

static void
fill_rlimit(const char *path)
{
	struct rlimit r = { 4096 + 100, RLIM_INFINITY };

	(void)path;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

static void
free_rlimit(void)
{
	struct rlimit r = { RLIM_INFINITY, RLIM_INFINITY };

	assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

static void
test_file_size_limit(void **state)
{
	(void)state;
	(void)signal(SIGXFSZ, SIG_IGN);
	recover(fixture_path("limited"), fill_rlimit, free_rlimit);
}

/*
 * More waits than may: what did not fit is counted, and the flush after it
 * fails once, as a run's intent may be among it.
 */
static void
test_lost(void **state)
{
	static uint8_t pad[AUDIT_MAX_VALUE];
	const char *path = fixture_path("lost");
	struct audit *a = must_open(path);
	struct err e = { 0 };
	int i, records = AUDIT_MAX_PENDING / AUDIT_MAX_VALUE + 10;
	unsigned long lost;
	int64_t last;

	(void)state;
	memset(pad, 'x', sizeof(pad));
	(void)signal(SIGXFSZ, SIG_IGN);
	fill_rlimit(path);
	for (i = 0; i < records; i++) {
		audit_put(
		    audit_begin(a, "big"), "pad", bytes_make(pad, sizeof(pad)));
		audit_end(a, true);
	}
	assert_int_equal(audit_flush(a, &e), ERR_SYS);
	free_rlimit();
	assert_int_not_equal(audit_flush(a, &e), 0);
	must_flush(a);
	audit_close(a);
	lost =
	    strtoul(strstr(fixture_read(path), "\"records\":") + 10, NULL, 10);
	assert_in_range(lost, 10, records / 2);
	assert_int_equal(
	    check_lines(path, NULL, &last), (size_t)records - lost + 1);
	assert_int_equal(last, (int64_t)records - (int64_t)lost + 1);
}

static int
teardown(void **state)
{
	(void)umount2(fixture_path("small"), MNT_DETACH); /* a test failed */
	return fixture_teardown(state);
}

/* What asks for it is on disk when a flush returns 0, and only that. */
static void
test_synced(void **state)
{
	struct audit *a = must_open(fixture_path("synced"));
	struct err e = { 0 };

	(void)state;
	syncs = 0;
	(void)audit_begin(a, "note");
	audit_end(a, false);
	assert_int_equal(audit_flush(a, &e), 0);
	assert_int_equal(syncs, 0);
	assert_true(audit_unsynced(a));
	put_record(a, "intent");
	must_flush(a);
	assert_int_equal(syncs, 1);
	assert_false(audit_unsynced(a));
	(void)audit_begin(a, "note");
	audit_end(a, false);
	assert_int_equal(audit_flush(a, &e), 0);
	audit_sync(a);
	assert_int_equal(syncs, 2);
	assert_false(audit_unsynced(a));
	audit_close(a);
}

/* Until it is there, each flush says so: with and without further records. */
static void
check_failed_sync(const char *path, unsigned cuts)
{
	struct audit *a = must_open(path);
	struct err e = { 0 };

	put_record(a, "intent");
	syncs = 0;
	syncs_that_fail = 3;
	cuts_that_fail = cuts;
	assert_int_not_equal(audit_flush(a, &e), 0);
	assert_non_null(strstr(e.what, "fdatasync"));
	assert_int_not_equal(audit_flush(a, &e), 0);
	put_record(a, "other");
	assert_int_not_equal(audit_flush(a, &e), 0);
	assert_int_equal(syncs, 3);
	must_flush(a);
	assert_true(syncs > 3);
	audit_close(a);
	syncs_that_fail = cuts_that_fail = 0;
	assert_non_null(strstr(fixture_read(path), "\"intent\""));
	assert_non_null(strstr(fixture_read(path), "\"other\""));
}

static void
test_failed_sync(void **state)
{
	char path[256];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s", fixture_path("failed"));
	check_failed_sync(path, 0);
	(void)snprintf(path, sizeof(path), "%s", fixture_path("kept"));
	check_failed_sync(path, 9);
}

enum { FAILED_WRITE, FAILED_SYNC, WRITTEN, STORED };

/* What becomes of a flush, and of the seal's state with it. */
static void
commit_as(const char *is, long want, const char *path, const char *state)
{
	const struct audit_setup s = { .path = path, .seal_state = state };
	const uint8_t key[DIGEST_BYTES] = { 1 };
	bool durable = is[2] == 'T' || is[4] == 'T' || is[5] == 'F';
	struct seal_point p;
	struct err e = { 0 };
	struct audit *a;
	bool there;

	assert_int_equal(seal_create(state, key, false, &e), 0);
	a = audit_new(&s, &e);
	assert_non_null(a);
	put_record(a, "first");
	must_flush(a);
	(void)audit_begin(a, "second");
	audit_end(a, durable);
	if (is[0] == 'F') { /* it is in the log, and not known to be on disk */
		syncs_that_fail = cuts_that_fail = 1;
		assert_int_not_equal(audit_flush(a, &e), 0);
		assert_false(audit_pending(a));
	}
	writes_that_fail = is[1] == 'T';
	syncs_that_fail = is[3] == 'T';
	assert_int_equal(audit_flush(a, &e),
	    want == FAILED_WRITE || want == FAILED_SYNC ? ERR_SYS : 0);
	if (want < WRITTEN)
		assert_non_null(strstr(
		    e.what, want == FAILED_WRITE ? ": write" : "fdatasync"));
	assert_int_equal(seal_read(state, &p, &there, &e), 0);
	assert_int_equal(
	    p.sequence == audit_status(a).sequence, want == STORED);
	assert_int_equal(writes_that_fail + syncs_that_fail, 0);
	audit_close(a);
}

/*
 * There is something to write; it fails; it must be on disk; that fails; so
 * it is synced; something is not.
 */
static void
test_vectors(void **state)
{
	static const struct vector rows[] = {
		{ "TT----", FAILED_WRITE },
		{ "F-TF--", STORED },
		{ "TFTT--", FAILED_SYNC },
		{ "TFTF--", STORED },
		{ "TFF---", WRITTEN },
		{ "TF--T-", STORED },
		{ "TF--F-", WRITTEN },
		{ "TF---T", WRITTEN },
		{ "TF---F", STORED },
	};
	char path[256], seal[256];

	(void)state;
	vectors_complete("executor/audit/audit.c", "commit_pending", 6, rows,
	    VECTORS_COUNT(rows));
	for (size_t i = 0; i < VECTORS_COUNT(rows); i++) {
		(void)snprintf(
		    path, sizeof(path), "%s/vector%zu", fixture_top, i);
		(void)snprintf(
		    seal, sizeof(seal), "%s/vector%zu.seal", fixture_top, i);
		commit_as(rows[i].is, rows[i].want, path, seal);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FDS_KEPT(test_record),
		FDS_KEPT(test_cut),
		FDS_KEPT(test_continues),
		FDS_KEPT(test_not_misled),
		FDS_KEPT(test_torn),
		FDS_KEPT(test_hostile_places),
		FDS_KEPT(test_second_writer),
		FDS_KEPT(test_reopens),
		FDS_KEPT(test_group_of_readers),
		FDS_KEPT(test_reopen_refused),
		FDS_KEPT(test_disk_full),
		FDS_KEPT(test_append_only),
		FDS_KEPT(test_file_size_limit),
		FDS_KEPT(test_lost),
		FDS_KEPT(test_synced),
		FDS_KEPT(test_failed_sync),
		FDS_KEPT(test_vectors),
	};

	return cmocka_run_group_tests(tests, fixture_setup, teardown);
}
