/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of what the ledger knows after a restart: executor/recording/
 * pastruns, jobfile, spoolhead and spooldir.  A child that is ended at each of
 * its writes in turn, before, within and after it; each byte of the files
 * damaged, each length of them; and what else may lie in the directory.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "common/cleanup.h"
#include "executor/recording/jobfile.h"
#include "executor/recording/ledger.h"
#include "executor/recording/pastruns.h"
#include "tests/unit/fixture_executor.h"

static struct {
	struct recordings *recordings;
	struct loop *loop;
	struct ledger *ledger;
} b;

static const uint8_t tokens[2][DIGEST_BYTES] = { { 1 }, { 2 } };

#define ALICE tokens[0]
#define BOB   tokens[1]

/* --- a child that dies at a write --------------------------------------------- */

enum death { NEVER, BEFORE, WITHIN, AFTER, FULL, HEADLESS, DEATHS };

static enum death death;
static unsigned writes_left;
static int refused_way; /* of linkat(2), by its flag */

/* Is it this one?  -1: it fails, as the disk is full from now on. */
static int
count_step(bool counts)
{
	if (death == NEVER || !counts || writes_left == 0 || --writes_left > 0)
		return 0;
	if (death == BEFORE)
		_exit(0);
	if (death != FULL && death != HEADLESS)
		return 1;
	writes_left = 1;
	errno = ENOSPC;
	return -1;
}

static long
take_step(int now, long done)
{
	if (now == 1)
		_exit(0);
	return done;
}

/* In the C library's place, as are the next ones. */
ssize_t
pwrite(int fd, const void *p, size_t n, off_t at)
{
	int now = count_step(death != HEADLESS || at < SPOOLHEAD_BYTES);

	if (now == -1)
		return -1;
	if (now == 1 && death == WITHIN)
		n /= 2;
	return (ssize_t)take_step(now, syscall(SYS_pwrite64, fd, p, n, at));
}

/* Entries; not what is logged. */
ssize_t
write(int fd, const void *p, size_t n)
{
	int now = count_step(fd > 2 && death != HEADLESS);

	if (now == -1)
		return -1;
	if (now == 1 && death == WITHIN)
		n /= 2;
	return (ssize_t)take_step(now, syscall(SYS_write, fd, p, n));
}

int
linkat(int from, const char *old, int to, const char *new, int flags)
{
	int now = count_step(death != HEADLESS);

	if (now == -1)
		return -1;
	if ((flags & refused_way) != 0) {
		errno = ENOENT; /* as of AT_EMPTY_PATH without the capability */
		return -1;
	}
	return (int)take_step(
	    now, syscall(SYS_linkat, from, old, to, new, flags));
}

int
renameat(int from, const char *old, int to, const char *new)
{
	int now = count_step(death != HEADLESS);

	if (now == -1)
		return -1;
	return (int)take_step(
	    now, syscall(SYS_renameat2, from, old, to, new, 0));
}

static unsigned syncs;

/* As well; a disk takes its time. */
int
fsync(int fd)
{
	(void)fd;
	syncs++;
	return 0;
}

static const char *boot_file; /* instead of the kernel's; NULL: that */

int
open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if ((flags & O_CREAT) != 0)
		mode = va_arg(ap, mode_t);
	va_end(ap);
	if (boot_file != NULL && strstr(path, "/boot_id") != NULL)
		path = boot_file;
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

/* --- a ledger, again and again ------------------------------------------------ */

static void
open_ledger(void)
{
	struct recordings_limits l = { .bytes = 64 << 20 };
	struct err e = { 0 };

	b.recordings = recordings_new(NULL, &e);
	b.loop = loop_new(&e);
	if (recordings_open(b.recordings, fixture_path("rec"), &e) != 0)
		fail_msg("%s", e.what);
	recordings_adjust(b.recordings, &l);
	b.ledger = ledger_new(b.loop, b.recordings, &e);
	assert_non_null(b.ledger);
}

static void
close_ledger(void)
{
	ledger_free(b.ledger);
	loop_free(b.loop);
	recordings_free(b.recordings);
}

static void
load_again(void)
{
	close_ledger();
	open_ledger();
	ledger_load(b.ledger, tokens, 2);
}

static int
setup(void **state)
{
	if (fixture_setup(state) != 0)
		return -1;
	memset(&b, 0, sizeof(b));
	death = NEVER;
	refused_way = 0;
	syncs = 0;
	boot_file = NULL;
	open_ledger();
	return 0;
}

static int
teardown(void **state)
{
	close_ledger();
	return fixture_teardown(state);
}

static uint32_t made_ms; /* of keys */

static struct ledger_entry *
begin_run(unsigned n, const uint8_t *owner, const char *key)
{
	char id[ASCIICAST_ID];
	struct err e = { 0 };
	struct ledger_begin x = { .id = id,
		.token = "t",
		.tool = "exec_cmd",
		.verifier = owner,
		.name = BYTES_LIT("build"),
		.command = BYTES_LIT("make all"),
		.view = BYTES_LIT("{\"head\": 3}"),
		.text = true,
		.most_ms = 1000,
		.keep_s = 100,
		.keep = 3,
		.output_bytes = SPOOL_LEAST };
	struct ledger_entry *out;

	(void)snprintf(id, sizeof(id), "%032x", n);
	x.key.given = key != NULL;
	x.key.window_ms = made_ms;
	if (key != NULL)
		digest_sha256(bytes_of(key), x.key.key);
	out = ledger_begin(b.ledger, &x, &e);
	assert_non_null(out);
	return out;
}

static struct ledger_entry *
begin_job(unsigned n, const uint8_t *owner)
{
	struct ledger_entry *x = begin_run(n, owner, NULL);

	x->job = true;
	ledger_keep(b.ledger, x);
	return x;
}

static void
end_run(struct ledger_entry *x, int status)
{
	x->state = PROTO_EXITED;
	x->exit_code = status;
	x->duration_us = 77;
	(void)snprintf(x->message, sizeof(x->message), "told %d", status);
	buf_put_str(&x->denials, "denied\n");
	x->bytes[0] = spool_total(x->spool);
	ledger_end(b.ledger, x);
}

static struct ledger_entry *
find_run(unsigned n, const uint8_t *owner)
{
	char id[ASCIICAST_ID];

	(void)snprintf(id, sizeof(id), "%032x", n);
	return ledger_find(b.ledger, bytes_of(id), owner);
}

static uint8_t
byte_at(uint64_t at)
{
	return (uint8_t)(at * 7 + at / 251);
}

static void
put_bytes(struct ledger_entry *x, unsigned stream, size_t n)
{
	static uint8_t part[1 << 17];
	uint64_t at = spool_total(x->spool);

	for (size_t i = 0; i < n; i++)
		part[i] = byte_at(at + i);
	ledger_output(x, stream, bytes_make(part, n));
}

/* How many of its bytes are there, each of them the right one. */
static uint64_t
check_output(const struct ledger_entry *x)
{
	uint8_t part[5000];
	uint64_t at = 0, lost, got = 0;
	unsigned stream;
	size_t n;

	while ((n = spool_read(
		    x->spool, &at, part, sizeof(part), &lost, &stream)) > 0) {
		for (size_t i = 0; i < n; i++)
			assert_int_equal(part[i], byte_at(at + i));
		at += n;
		got += n;
	}
	assert_int_equal(at, spool_total(x->spool));
	return got;
}

static size_t
count_files(void)
{
	DIR *dir = opendir(fixture_path("rec/jobs"));
	struct dirent *d;
	size_t n = 0;

	while (dir != NULL && (d = readdir(dir)) != NULL)
		n += d->d_name[0] != '.';
	if (dir != NULL)
		(void)closedir(dir);
	return n;
}

static bool
keep_none(const void *arg, const struct ledger_entry *x)
{
	(void)arg;
	(void)x;
	return false;
}

/* --- what is known again -------------------------------------------------------- */

static void
test_ended_is_known_again(void **state)
{
	struct ledger_entry *x = begin_job(1, ALICE);
	uint8_t key[DIGEST_BYTES];
	(void)state;

	put_bytes(x, 1, 1000);
	put_bytes(x, 2, 50);
	ledger_resize(b.ledger, x, 80, 24);
	end_run(x, 3);
	put_bytes(
	    begin_run(2, ALICE, NULL), 1, 10); /* no job: it is forgotten */
	x = begin_run(3, BOB, "k");
	put_bytes(x, 1, 10);
	end_run(x, 0);
	load_again();
	assert_int_equal(ledger_count(b.ledger), 2);
	x = find_run(1, ALICE);
	assert_non_null(x);
	assert_null(find_run(1, BOB));
	assert_true(x->over && x->job && x->text && !x->open);
	assert_int_equal(x->state, PROTO_EXITED);
	assert_int_equal(x->exit_code, 3);
	assert_int_equal(x->duration_us, 77);
	assert_string_equal(x->message, "told 3");
	assert_string_equal(x->name, "build");
	assert_string_equal(x->command, "make all");
	assert_true(bytes_eq_str(buf_bytes(&x->denials), "denied\n"));
	assert_true(bytes_eq_str(buf_bytes(&x->view), "{\"head\": 3}"));
	assert_int_equal(x->sizes, 1);
	assert_int_equal(x->size[0].from, 1050);
	assert_int_equal(x->size[0].columns, 80);
	assert_int_equal(check_output(x), 1050);
	assert_int_equal(spool_bytes(x->spool, 2), 50);
	assert_null(ledger_open_next(b.ledger, NULL));
	digest_sha256(BYTES_LIT("k"), key);
	assert_ptr_equal(ledger_find_key(b.ledger, key, BOB), find_run(3, BOB));
	assert_null(ledger_find_key(b.ledger, key, ALICE));
	assert_int_equal(count_files(), 4);
}

/* Its output gets a name either way, or it is told that it got none. */
static void
test_two_ways_to_a_name(void **state)
{
	static const int ways[] = { AT_EMPTY_PATH, AT_SYMLINK_FOLLOW };
	struct ledger_entry *x;
	struct err e = { 0 };
	(void)state;

	for (unsigned i = 0; i < 2; i++) {
		refused_way = ways[i];
		x = begin_job(1 + i, ALICE);
		put_bytes(x, 1, 1000);
		end_run(x, 0);
	}
	refused_way = ways[0] | ways[1];
	x = begin_run(3, ALICE, NULL);
	put_bytes(x, 1, 10);
	assert_true(spool_keep(x->spool, &e) != 0);
	assert_non_null(strstr(e.what, "a name for the output of run"));
	refused_way = 0;
	load_again();
	for (unsigned i = 0; i < 2; i++) {
		x = find_run(1 + i, ALICE);
		assert_non_null(x);
		assert_int_equal(check_output(x), 1000);
	}
}

/* One that was made from a request, until it was told, also in the file. */
static void
test_made_keys(void **state)
{
	struct ledger_entry *x = begin_run(1, ALICE, "k");
	uint8_t key[DIGEST_BYTES];
	(void)state;

	digest_sha256(BYTES_LIT("k"), key);
	ledger_withdraw(b.ledger, x, "");
	made_ms = 60000;
	end_run(begin_run(2, ALICE, "k"), 0);
	(void)begin_run(3, BOB, "k");
	load_again();
	x = ledger_find_key(b.ledger, key, ALICE);
	assert_non_null(x);
	assert_int_equal(x->key.window_ms, 60000);
	ledger_told(b.ledger, x);
	x = ledger_find_key(b.ledger, key, BOB);
	assert_non_null(x);
	assert_null(strstr(x->message, "idempotency_key"));
	ledger_lose_open(b.ledger);
	assert_ptr_equal(ledger_find_key(b.ledger, key, BOB), x);
	load_again();
	assert_null(ledger_find_key(b.ledger, key, ALICE));
	assert_null(ledger_find_past(b.ledger, key, ALICE));
	assert_non_null(ledger_find_past(b.ledger, key, BOB));
	x = ledger_find_key(b.ledger, key, BOB);
	assert_non_null(x);
	x->job = true; /* its file stays, without its key */
	ledger_told(b.ledger, x);
	load_again();
	assert_non_null(find_run(3, BOB));
	assert_null(ledger_find_key(b.ledger, key, BOB));
	made_ms = 0;
}

static void
test_open_is_adopted_or_lost(void **state)
{
	struct ledger_entry *x;
	(void)state;

	put_bytes(begin_job(1, ALICE), 1, 100000);
	put_bytes(begin_job(2, ALICE), 2, 10);
	load_again();
	x = ledger_open_next(b.ledger, NULL);
	assert_non_null(x);
	assert_non_null(ledger_open_next(b.ledger, x));
	assert_null(ledger_open_next(b.ledger, ledger_open_next(b.ledger, x)));
	x = find_run(1, ALICE);
	assert_int_equal(check_output(x), SPOOL_LEAST);
	ledger_adopt(x);
	put_bytes(x, 1, 5000);
	ledger_lose_open(b.ledger);
	assert_false(x->over);
	assert_true(find_run(2, ALICE)->over);
	assert_int_equal(find_run(2, ALICE)->state, PROTO_LOST);
	assert_int_equal(find_run(2, ALICE)->bytes[1], 10);
	assert_non_null(
	    strstr(find_run(2, ALICE)->message, "server was restarted"));
	load_again(); /* the one that was adopted goes on once more */
	x = find_run(1, ALICE);
	assert_true(x->open);
	assert_int_equal(spool_total(x->spool), 105000);
	assert_int_equal(check_output(x), SPOOL_LEAST);
	assert_true(find_run(2, ALICE)->over);
	ledger_adopt(x);
	end_run(x, 0);
	load_again();
	assert_string_equal(find_run(1, ALICE)->message, "told 0");
}

/* It says which of the two ended it. */
static void
test_machine_was_restarted(void **state)
{
	const struct ledger_entry *x;
	(void)state;

	put_bytes(begin_job(1, ALICE), 1, 10);
	fixture_write(fixture_path("boot"),
	    "00000000-0000-0000-0000-000000000000\n", 0600);
	load_again();
	x = find_run(1, ALICE);
	assert_non_null(strstr(x->message, "the server was restarted"));
	boot_file = fixture_path("boot");
	load_again();
	x = find_run(1, ALICE);
	assert_true(x->open);
	assert_non_null(strstr(x->message, "the machine was restarted"));
	assert_int_equal(check_output(x), 10);
	ledger_lose_open(b.ledger);
	assert_true(x->over);
	assert_non_null(strstr(x->message, "the machine was restarted"));
}

static void
test_what_goes_leaves_no_file(void **state)
{
	struct ledger_entry *x = begin_job(1, ALICE);
	(void)state;

	assert_int_equal(syncs, 2); /* of the file, and of its name */
	put_bytes(x, 1, 10);
	put_bytes(begin_job(2, BOB), 1, 10);
	assert_int_equal(count_files(), 4);
	ledger_withdraw(b.ledger, x, "refused");
	assert_int_equal(count_files(), 2);
	close_ledger();
	open_ledger();
	ledger_load(b.ledger, &tokens[0], 1); /* bob's token is revoked */
	assert_int_equal(ledger_count(b.ledger), 0);
	assert_int_equal(count_files(), 0);
	for (unsigned i = 10; i < 20; i++) { /* it keeps 3 */
		x = begin_job(i, ALICE);
		put_bytes(x, 1, 10);
		end_run(x, 0);
	}
	assert_int_equal(count_files(), 6);
	load_again();
	assert_int_equal(ledger_count(b.ledger), 3);
	assert_non_null(find_run(19, ALICE));
	assert_int_equal(ledger_bytes(b.ledger),
	    3 * (SPOOLHEAD_BYTES + 10 + jobfile_bytes()));
}

/* Bytes of before count: what does not fit goes, the oldest first. */
static void
test_quota_counts_what_was_before(void **state)
{
	struct recordings_limits l = {
		.bytes = 3 * (SPOOLHEAD_BYTES + jobfile_bytes()) + 2000
	};
	struct ledger_entry *x;
	(void)state;

	for (unsigned i = 1; i <= 3; i++) {
		x = begin_job(i, ALICE);
		x->begin_us += i;
		ledger_keep(b.ledger, x);
		put_bytes(x, 1, 1000);
		end_run(x, 0);
	}
	close_ledger();
	open_ledger();
	recordings_adjust(b.recordings, &l);
	ledger_load(b.ledger, tokens, 2);
	assert_int_equal(ledger_count(b.ledger), 3);
	assert_int_equal(check_output(find_run(1, ALICE)), 0);
	assert_int_equal(spool_total(find_run(1, ALICE)->spool), 1000);
	assert_int_equal(check_output(find_run(2, ALICE)), 1000);
	assert_int_equal(check_output(find_run(3, ALICE)), 1000);
	assert_int_equal(count_files(), 5);
	load_again(); /* and that it is gone is still known */
	assert_int_equal(spool_total(find_run(1, ALICE)->spool), 1000);
}

/* Of all files in the folder. */
static uint64_t
sum_files(void)
{
	DIR *dir = opendir(fixture_path("rec/jobs"));
	struct dirent *d;
	struct stat st;
	uint64_t sum = 0;

	assert_non_null(dir);
	while ((d = readdir(dir)) != NULL) {
		if (d->d_name[0] == '.')
			continue;
		assert_int_equal(fstatat(dirfd(dir), d->d_name, &st, 0), 0);
		sum += (uint64_t)st.st_size;
	}
	(void)closedir(dir);
	return sum;
}

/* Output gives way to entries, which are counted once and given back. */
static void
test_quota_counts_entries(void **state)
{
	struct recordings_limits l = { .bytes = 100 << 10 };
	struct ledger_entry *x;
	uint64_t all = 0;
	(void)state;

	for (int again = 0; again < 2; again++) {
		for (unsigned i = 1; i <= 6; i++) {
			recordings_adjust(b.recordings, &l);
			x = begin_job(
			    i + 6U * (unsigned)again, i % 2 ? ALICE : BOB);
			ledger_resize(b.ledger, x, 80, 24); /* not twice */
			put_bytes(x, 1, 1000);
			end_run(x, 0);
			assert_true(sum_files() <= l.bytes);
			assert_int_equal(ledger_bytes(b.ledger), sum_files());
		}
		assert_int_equal(ledger_count(b.ledger), 6);
		assert_true(all == 0 || all == sum_files());
		all = sum_files();
		assert_true(all > 6 * jobfile_bytes()); /* some output */
		close_ledger();
		open_ledger();
		recordings_adjust(b.recordings, &l);
		ledger_load(b.ledger, tokens, 2);
		assert_int_equal(ledger_count(b.ledger), 6);
		assert_int_equal(ledger_bytes(b.ledger), all);
	}
}

/* --- death ------------------------------------------------------------------ */

/* What the child had been told was done. */
static struct progress {
	bool job, ended;
	uint64_t put;
} * progress;

static void
live_and_die(enum death how, unsigned at)
{
	struct ledger_entry *x;

	close_ledger();
	open_ledger();
	death = how;
	writes_left = at;
	x = begin_run(1, ALICE, NULL);
	put_bytes(x, 1, 3000);
	x->job = true;
	ledger_keep(b.ledger, x);
	progress->job = x->filed;
	ledger_resize(b.ledger, x, 80, 24); /* written again */
	for (unsigned i = 0; i < 30; i++) {
		put_bytes(x, 1 + i % 3 / 2, 1000 + i * 400);
		progress->put = spool_total(x->spool);
	}
	end_run(x, 9);
	progress->ended = x->filed;
	_exit(1);
}

static void
check_survivor(enum death how)
{
	struct ledger_entry *x = find_run(1, ALICE);

	if (x == NULL) {
		assert_false(progress->job);
		assert_int_equal(count_files(), 0);
		return;
	}
	if (how < FULL) {
		assert_true(spool_total(x->spool) >= 3000);
		assert_true(spool_total(x->spool) >= progress->put);
		assert_int_equal(check_output(x),
		    spool_total(x->spool) < SPOOL_LEAST ? spool_total(x->spool)
							: SPOOL_LEAST);
	} else {
		(void)check_output(x);
	}
	if (progress->ended && how < FULL)
		assert_true(x->over);
	if (x->over)
		assert_int_equal(x->exit_code, 9);
	else
		assert_true(x->open);
}

static void
test_dies_at_any_write(void **state)
{
	int status = 0;
	pid_t pid;
	(void)state;

	progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int how = BEFORE; how < DEATHS; how++)
		for (unsigned at = 1;; at += how < FULL ? 1 : 3) {
			memset(progress, 0, sizeof(*progress));
			pid = fork();
			if (pid == 0)
				live_and_die((enum death)how, at);
			/* the lock of the directory is the child's */
			close_ledger();
			assert_int_equal(waitpid(pid, &status, 0), pid);
			assert_true(WIFEXITED(status));
			open_ledger();
			ledger_load(b.ledger, tokens, 2);
			check_survivor((enum death)how);
			ledger_lose_open(b.ledger);
			ledger_purge(b.ledger, keep_none, NULL);
			assert_int_equal(count_files(), 0);
			if (at > 100 ||
			    (WEXITSTATUS(status) == 1 && how < FULL))
				break;
		}
	(void)munmap(progress, sizeof(*progress));
}

/* --- damage ----------------------------------------------------------------- */

static const char *
path_of(unsigned n, const char *end)
{
	static char path[256];

	(void)snprintf(path, sizeof(path), "%s/%032x.%s",
	    fixture_path("rec/jobs"), n, end);
	return path;
}

static void
make_one(void)
{
	struct ledger_entry *x = begin_job(1, ALICE);

	put_bytes(x, 1, 700);
	put_bytes(x, 2, 300);
	end_run(x, 5);
}

static void
change_byte(const char *end, off_t at)
{
	CLEANUP_FD int fd = open(path_of(1, end), O_RDWR | O_CLOEXEC);
	uint8_t c;

	assert_int_equal(pread(fd, &c, 1, at), 1);
	c ^= 0x55;
	assert_int_equal(pwrite(fd, &c, 1, at), 1);
}

/* Whatever byte it is: the entry is right, or cut off, or gone; never wrong. */
static void
test_damaged_bytes(void **state)
{
	static const char *const end[] = { "job", "out" };
	static const off_t most[] = { 4096 + 3232, 4096 + 16 };
	const struct ledger_entry *x;
	(void)state;

	for (size_t i = 0; i < 2; i++)
		for (off_t at = 0; at < most[i]; at += at < 300 ? 1 : 101) {
			if (i == 0 && at >= 2112 && at < 4096)
				continue;
			make_one();
			close_ledger();
			change_byte(end[i], at);
			open_ledger();
			ledger_load(b.ledger, tokens, 2);
			x = find_run(1, ALICE);
			assert_true(x != NULL || i == 0);
			if (x != NULL && x->over)
				assert_int_equal(x->exit_code, 5);
			if (x != NULL && (i == 0 || at < 4096))
				(void)check_output(x);
			ledger_lose_open(b.ledger);
			ledger_purge(b.ledger, keep_none, NULL);
			assert_int_equal(count_files(), 0);
		}
}

static void
change_head(void (*change)(struct spoolhead *h))
{
	CLEANUP_FD int fd = open(path_of(1, "out"), O_RDWR | O_CLOEXEC);
	uint8_t owner[DIGEST_BYTES];
	struct spoolhead h;
	char run[ASCIICAST_ID];
	struct err e;

	(void)snprintf(run, sizeof(run), "%032x", 1);
	recordings_owner(ALICE, owner);
	assert_int_equal(spoolhead_read(fd, run, owner, &h, &e), 0);
	for (int i = 0; i < 2; i++) {
		change(&h);
		assert_int_equal(spoolhead_write(fd, &h, &e), 0);
	}
}

static void
forget_bytes(struct spoolhead *h)
{
	h->total = h->bytes[0] = 600;
	h->bytes[1] = h->segment_count = 0;
}

/* The machine failed before all of it was on the disk: what was there is known. */
static void
test_older_head(void **state)
{
	struct ledger_entry *x;
	(void)state;

	make_one();
	close_ledger();
	change_head(forget_bytes);
	open_ledger();
	ledger_load(b.ledger, tokens, 2);
	x = find_run(1, ALICE);
	assert_int_equal(spool_total(x->spool), 1000);
	assert_int_equal(spool_lost(x->spool), 400);
	assert_int_equal(check_output(x), 600);
}

static void
test_cut_files(void **state)
{
	static const char *const end[] = { "job", "out" };
	static const off_t most[] = { 4096 + 3232, SPOOLHEAD_BYTES + 1000 };
	const struct ledger_entry *x;
	(void)state;

	for (size_t i = 0; i < 2; i++)
		for (off_t at = 0; at < most[i]; at += 211) {
			make_one();
			close_ledger();
			assert_int_equal(truncate(path_of(1, end[i]), at), 0);
			open_ledger();
			ledger_load(b.ledger, tokens, 2);
			x = find_run(1, ALICE);
			assert_true((x != NULL) == (i == 1 || at >= 2112));
			if (x != NULL)
				assert_true(check_output(x) <= 1000);
			ledger_lose_open(b.ledger);
			ledger_purge(b.ledger, keep_none, NULL);
			assert_int_equal(count_files(), 0);
		}
}

static void
claim_huge(struct spoolhead *h)
{
	h->total = h->bytes[0] = (uint64_t)1 << 63;
	h->bytes[1] = 0;
	h->first = h->total - 100;
}

static void
claim_room(struct spoolhead *h)
{
	h->max = (uint64_t)1 << 63;
}

static void
claim_more(struct spoolhead *h)
{
	h->total += 5000;
	h->bytes[0] += 5000;
}

static void
claim_gaps(struct spoolhead *h)
{
	h->gap_count = 3;
	h->gap[0] = (struct spoolhead_gap){ 10, UINT64_MAX };
}

static void
claim_segments(struct spoolhead *h)
{
	h->segment_count = UINT32_MAX;
}

static void
claim_owner(struct spoolhead *h)
{
	recordings_owner(BOB, h->owner);
}

static void
claim_format(struct spoolhead *h)
{
	h->format = 2;
}

/* Whole by their digest, and not true; the first is the control. */
static void
test_lying_heads(void **state)
{
	static const struct {
		void (*change)(struct spoolhead *h);
		uint64_t readable;
	} cases[] = { { claim_more, 1000 }, { claim_huge, 0 },
		{ claim_room, 0 }, { claim_gaps, 0 }, { claim_segments, 0 },
		{ claim_owner, 0 }, { claim_format, 0 } };
	const struct ledger_entry *x;
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make_one();
		close_ledger();
		change_head(cases[i].change);
		open_ledger();
		ledger_load(b.ledger, tokens, 2);
		x = find_run(1, ALICE);
		assert_non_null(x);
		assert_int_equal(x->exit_code, 5);
		assert_int_equal(check_output(x), cases[i].readable);
		ledger_purge(b.ledger, keep_none, NULL);
		assert_int_equal(count_files(), 0);
	}
}

/* --- strangers --------------------------------------------------------------- */

static void
make_file(const char *path)
{
	CLEANUP_FD int fd =
	    open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, "secret", 6), 6);
}

static void
copy_file(const char *from, const char *to)
{
	CLEANUP_FD int in = open(from, O_RDONLY | O_CLOEXEC);
	CLEANUP_FD int out =
	    open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	char part[4096];
	ssize_t n;

	while ((n = read(in, part, sizeof(part))) > 0)
		assert_int_equal(write(out, part, (size_t)n), n);
	assert_int_equal(n, 0);
}

/* What says that it is another run's, whole as it is, is nobody's. */
static void
test_another_name(void **state)
{
	char from[256];
	(void)state;

	make_one();
	close_ledger();
	(void)strcpy(from, path_of(1, "job"));
	copy_file(from, path_of(9, "job"));
	open_ledger();
	ledger_load(b.ledger, tokens, 2);
	assert_int_equal(ledger_count(b.ledger), 1);
	assert_non_null(find_run(1, ALICE));
	assert_null(find_run(9, ALICE));
}

/* Another's output under this run's name, links, pipes and folders. */
static void
test_strangers(void **state)
{
	struct ledger_entry *x;
	char from[256];
	struct stat st;
	(void)state;

	make_one();
	x = begin_job(2, BOB);
	put_bytes(x, 1, 2000);
	end_run(x, 0);
	close_ledger();
	assert_int_equal(unlink(path_of(1, "out")), 0);
	(void)strcpy(from, path_of(2, "out"));
	assert_int_equal(rename(from, path_of(1, "out")), 0);
	make_file(fixture_path("secret"));
	assert_int_equal(symlink(fixture_path("secret"), path_of(3, "job")), 0);
	assert_int_equal(symlink(fixture_path("secret"), path_of(3, "out")), 0);
	assert_int_equal(link(fixture_path("secret"), path_of(4, "job")), 0);
	assert_int_equal(mkfifo(path_of(5, "job"), 0600), 0);
	assert_int_equal(mkdir(path_of(6, "job"), 0700), 0);
	make_file(path_of(7, "new"));
	make_file(path_of(8, "out"));
	make_file(fixture_path("rec/jobs/readme"));
	open_ledger();
	ledger_load(b.ledger, tokens, 2);
	assert_int_equal(ledger_count(b.ledger), 2);
	assert_int_equal(check_output(find_run(1, ALICE)), 0);
	assert_int_equal(check_output(find_run(2, BOB)), 0);
	assert_int_equal(stat(fixture_path("secret"), &st), 0);
	assert_int_equal(st.st_size, 6);
	/* two entries, the folder and a name that is not ours */
	assert_int_equal(count_files(), 4);
}

static void
test_many_files(void **state)
{
	(void)state;

	make_one();
	close_ledger();
	for (unsigned i = 100; i < 10100; i++)
		make_file(path_of(i, i % 2 == 0 ? "job" : "out"));
	open_ledger();
	ledger_load(b.ledger, tokens, 2);
	assert_int_equal(ledger_count(b.ledger), 1);
	assert_int_equal(count_files(), 2);
	assert_int_equal(check_output(find_run(1, ALICE)), 1000);
}

/* The one that is too many is gone with its file, whichever it is. */
static void
test_most_entries(void **state)
{
	struct ledger_entry x = *begin_run(0, ALICE, NULL);
	struct spooldir d;
	struct err e = { 0 };
	(void)state;

	spooldir_init(&d, b.recordings);
	x.job = x.over = true;
	x.state = PROTO_EXITED;
	x.keep = PASTRUNS_MAX;
	x.keep_s = 1000000;
	for (unsigned i = 0; i <= PASTRUNS_MAX; i++) {
		(void)snprintf(x.id, sizeof(x.id), "%032x", i);
		x.exit_code = (int)i;
		if (jobfile_write(&d, &x, false, &e) != 0)
			fail_msg("%s", e.what);
	}
	assert_int_equal(count_files(), PASTRUNS_MAX + 1);
	spooldir_fini(&d);
	load_again();
	assert_int_equal(ledger_count(b.ledger), PASTRUNS_MAX);
	assert_int_equal(count_files(), PASTRUNS_MAX);
	load_again(); /* as many as there may be */
	assert_int_equal(ledger_count(b.ledger), PASTRUNS_MAX);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_ended_is_known_again),
		TEST(test_two_ways_to_a_name),
		TEST(test_made_keys),
		TEST(test_open_is_adopted_or_lost),
		TEST(test_machine_was_restarted),
		TEST(test_what_goes_leaves_no_file),
		TEST(test_quota_counts_what_was_before),
		TEST(test_quota_counts_entries),
		TEST(test_dies_at_any_write),
		TEST(test_damaged_bytes),
		TEST(test_older_head),
		TEST(test_cut_files),
		TEST(test_lying_heads),
		TEST(test_another_name),
		TEST(test_strangers),
		TEST(test_many_files),
		TEST(test_most_entries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
