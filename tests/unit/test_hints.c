/* SPDX-License-Identifier: MIT */
/* test_hints: the words of programs, and lines that only look like them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "executor/run/edited.h"
#include "executor/run/hints.h"
#include "executor/run/shelltest.h"

#define NOTHING HINT_KINDS

static void
feed(struct hints *h, const char *text)
{
	hints_feed(h, 1, bytes_of(text));
	hints_end(h);
}

static void
test_words(void **state)
{
	static const struct {
		const char *text;
		enum hint_kind kind;
		const char *path;
	} rows[] = {
		{ "cat: /root/x: No such file or directory\n", HINT_ABSENT,
		    "/root/x" },
		{ "ls: cannot access '/home/a b': No such file or directory\n",
		    HINT_ABSENT, "/home/a b" },
		{ "open /a/b: no such file or directory", HINT_ABSENT, "/a/b" },
		{ "/bin/sh: 1: ls: not found\n", HINT_PROGRAM, "" },
		{ "bash: line 1: ls: command not found\n", HINT_PROGRAM, "" },
		{ "fatal: tag v1: not found\n", NOTHING, NULL },
		{ "cp: cannot create regular file '/root/': Not a directory\n",
		    HINT_ABSENT, "/root/" },
		{ "remote: unpack failed: unable to create temporary object directory\n",
		    HINT_READ_ONLY, "" },
		{ "2: not found\n", NOTHING, NULL },
		{ "/bin/sh: 1: /usr/bin/id: not found\n", HINT_ABSENT,
		    "/usr/bin/id" },
		{ "IOError: [Errno 2] No such file or directory: '/a'\n",
		    HINT_ABSENT, "/a" },
		{ "Error: ENOENT: no such file or directory, open '/a'\n",
		    HINT_ABSENT, "/a" },
		{ "sh: 1: cannot create /etc/x: Read-only file system\n",
		    HINT_READ_ONLY, "/etc/x" },
		{ "mkdir: cannot create directory \u2018/opt/x\u2019: Read-only file system\n",
		    HINT_READ_ONLY, "/opt/x" },
		{ "touch: cannot touch 'a b': Read-only file system\n",
		    HINT_READ_ONLY, "a b" },
		{ "touch: ./.env: Read-only file system\n", HINT_READ_ONLY,
		    ".env" },
		{ "OSError: [Errno 30] Read-only file system: 'x/y'\n",
		    HINT_READ_ONLY, "x/y" },
		{ "no: it is: Read-only file system at -e line 1.\n",
		    HINT_READ_ONLY, "is" },
		{ "touch: '../a': Read-only file system\n", HINT_READ_ONLY,
		    "" },
		{ "touch: 'a/../b': Read-only file system\n", HINT_READ_ONLY,
		    "" },
		{ "Read-only file system\n", HINT_READ_ONLY, "" },
		{ "IsADirectoryError: [Errno 21] Is a directory: '.env'\n",
		    HINT_IN_PLACE, ".env" },
		{ "sh: 1: cannot create .env: Is a directory\n", HINT_IN_PLACE,
		    ".env" },
		{ "Error: EISDIR: illegal operation on a directory, open '.env'\n",
		    HINT_IN_PLACE, ".env" },
		{ "rm: cannot remove '/a/.ssh': Device or resource busy\n",
		    HINT_IN_PLACE, "/a/.ssh" },
		{ "cat: .env: Permission denied\n", HINT_DENIED, ".env" },
		{ "sh: 1: kill: No such process\n", HINT_NO_PROCESS, "" },
		{ "sh: 1: kill: Operation not permitted\n", HINT_NO_SIGNAL,
		    "" },
		{ "bash: line 1: kill: (1) - Operation not permitted\n",
		    HINT_NO_SIGNAL, "" },
		{ "kill: sending signal to 1 failed: Operation not permitted\n",
		    HINT_NO_SIGNAL, "" },
		{ "sh: 1: ulimit: error setting limit (Operation not permitted)\n",
		    HINT_LIMIT, "" },
		{ "bash: line 1: ulimit: open files: cannot modify limit: Operation not permitted\n",
		    HINT_LIMIT, "" },
		{ "[alert] kill(1440, 1) failed (3: No such process)\n",
		    HINT_NO_PROCESS, "" },
		{ "RTNETLINK answers: Operation not permitted\n",
		    HINT_NET_ADMIN, "" },
		{ "cat: /etc/shadow: Permission denied\n", HINT_DENIED,
		    "/etc/shadow" },
		{ "Permission denied\n", HINT_DENIED, "" },
		{ "Failed to restart nginx.service: Access denied\n",
		    HINT_DENIED, "" },
		{ "ERROR 1045 (28000): Access denied for user 'root'@'localhost'\n",
		    NOTHING, NULL },
		{ "useradd: cannot lock /etc/passwd; try again later.\n",
		    HINT_RIGHTS, "" },
		{ "dpkg: error: requested operation requires superuser privilege\n",
		    HINT_RIGHTS, "" },
		{ "iptables v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)\n",
		    HINT_RIGHTS, "" },
		{ "hostname: you must be root to change the host name\n",
		    HINT_REFUSED, "" },
		{ "sh: 0: Cannot fork\n", HINT_PROCESSES, "" },
		{ "MemoryError\n", HINT_MEMORY, "" },
		{ "File size limit exceeded\n", HINT_FILE_SIZE, "" },
		{ "nginx: [error] open() \"/run/n.pid\" failed (2: No such file or directory)\n",
		    HINT_ABSENT, "/run/n.pid" },
		{ "on socket \"/run/p/.s\" failed: No such file or directory\n",
		    HINT_ABSENT, "/run/p/.s" },
		{ "tar: /srv/x.tar: Cannot open: No such file or directory\n",
		    HINT_ABSENT, "/srv/x.tar" },
		{ "java.io.FileNotFoundException: /srv/x (No such file or directory)\n",
		    HINT_ABSENT, "/srv/x" },
		{ "fatal: '/srv/r.git' does not appear to be a git repository\n",
		    HINT_ABSENT, "/srv/r.git" },
		{ "fatal: repository 'file:///srv/r.git' does not exist\n",
		    HINT_ABSENT, "/srv/r.git" },
		{ "The directory /srv/x does not exist.\n", HINT_ABSENT,
		    "/srv/x" },
		{ "sh: 1: /srv/run: not found\n", HINT_ABSENT, "/srv/run" },
		{ "/bin/sh: 1: /srv/run: not found\n", HINT_ABSENT,
		    "/srv/run" },
		{ "/bin/sh: 1: run: not found\n", HINT_PROGRAM, "" },
		/* none of ours */
		{ "sh: 1: run: not found\n", HINT_PROGRAM, "" },
		{ "/a/x.sh: 3: run: not found\n", HINT_PROGRAM, "" },
		{ "make: /a/x: y: No such file or directory\n", NOTHING, NULL },
		{ "/a/x.py: module y does not exist\n", NOTHING, NULL },
		{ "/a/x: cannot open y/z: No such file or directory\n", NOTHING,
		    NULL },
		{ "\u2018/\xe2\x80: Read-only file system\n", HINT_READ_ONLY,
		    "" },
		{ "Is a directory\n", NOTHING, NULL },
		{ "rm: '../a': Device or resource busy\n", NOTHING, NULL },
		{ "x.c: No such file or directory\n", NOTHING, NULL },
		{ "/a/x.c:3: fatal error: y.h: No such file or directory\n",
		    NOTHING, NULL },
		{ "/a/../b: No such file or directory\n", NOTHING, NULL },
		{ "/a\x1b[2J: No such file or directory\n", NOTHING, NULL },
		{ ": No such file or directory\n", NOTHING, NULL },
		{ "No such file or directory: '\n", NOTHING, NULL },
		{ "o such file or directory\n", NOTHING, NULL },
		{ "/a and /b\n", NOTHING, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct hints h = { .count = 0 };

		feed(&h, rows[i].text);
		if (h.count != (rows[i].kind != NOTHING))
			fail_msg("%s: %zu", rows[i].text, h.count);
		if (h.count == 0)
			continue;
		assert_int_equal(h.found[0].kind, rows[i].kind);
		assert_string_equal(h.found[0].path, rows[i].path);
	}
}

/* In pieces of any size; each once; no more than there is room for. */
static void
test_bounds(void **state)
{
	static const char line[] = "x: /a/b: No such file or directory\n";
	static struct hints h;
	char more[64];

	(void)state;
	for (size_t i = 0; i < sizeof(line) - 1; i++)
		hints_feed(&h, 2, bytes_make(line + i, 1));
	hints_feed(&h, 1, bytes_of(line));
	assert_int_equal(h.count, 1);
	for (int i = 0; i < 2 * HINTS_MAX; i++) {
		(void)snprintf(more, sizeof(more),
		    "x: /a/%d: No such file or directory\n", i);
		hints_feed(&h, 1, bytes_of(more));
	}
	assert_int_equal(h.count, HINTS_MAX);
	memset(&h, 0, sizeof(h));
	for (int i = 0; i < 2 * HINTS_LOOKED / 8; i++)
		hints_feed(&h, 1, BYTES_LIT("/////// "));
	hints_feed(&h, 1, bytes_of(line));
	hints_end(&h);
	assert_int_equal(h.count, 0);
}

/* args: with a NUL after each.  paths: with a space between. */
static void
expect_edited(const char *args, size_t len, const char *paths)
{
	static struct image i;
	struct hints h = { .count = 0 };
	char found[64] = "";

	(void)snprintf(i.asked, sizeof(i.asked), "/usr/bin/%s", args);
	(void)strcpy(i.directory, "/d");
	memcpy(i.args, args, len);
	i.args_len = len;
	edited_look(&i, &h);
	for (size_t n = 0; n < h.count; n++) {
		assert_int_equal(h.found[n].kind, HINT_EDITED);
		(void)snprintf(found + strlen(found),
		    sizeof(found) - strlen(found), "%s%s", n > 0 ? " " : "",
		    h.found[n].path);
	}
	assert_string_equal(found, paths);
}

#define EXPECT_EDITED(args, paths)                                             \
	expect_edited(args "\0", sizeof(args) + 1, paths)

/* Files of editors, and what only looks like them. */
static void
test_edited(void **state)
{
	(void)state;
	EXPECT_EDITED("vim\0-es\0-c\0wq\0/a", "/a");
	EXPECT_EDITED("ex\0-s\0./a", "/d/a");
	EXPECT_EDITED("vi\0+3\0a\0/b\0/c\0/e", "/d/a /b");
	EXPECT_EDITED("nano\0--\0-x\0/a", "/a");
	EXPECT_EDITED("vim\0\0-c", "");
	EXPECT_EDITED("vim", "");
	EXPECT_EDITED("view\0/a", "");
	EXPECT_EDITED("vim\0-R\0/a", "");
	EXPECT_EDITED("emacs\0--batch\0--eval\0(a)", "");
	EXPECT_EDITED("cat\0/a", "");
	EXPECT_EDITED("vi\0/a/../b", "");
	expect_edited("vi\0/cut", sizeof("vi\0/cut") - 1, "");
}

/* Tests of the shell's own; paths: with a space between. */
static void
test_asked(void **state)
{
	static const struct {
		const char *command, *paths;
	} rows[] = {
		{ "test -d /a && echo there || echo absent", "/a" },
		{ "[ -e /a ]", "/a" },
		{ "[[ -f /a && -f /b ]]", "/a" },
		{ "[ -e /a -o ! -e /b ]; echo $?", "/a /b" },
		{ "if ! test -r '/a b'; then echo no; fi", "/a b" },
		{ "x=1; while [ ! -s \"/a\" ]; do sleep 1; done", "/a" },
		{ "(test -L /a) | cat\n[ -x /b ]", "/a /b" },
		{ "f=/a; test -e \"$f\" && echo there", "/a" },
		{ "f=\"/a b\"\nif [ ! -d \"${f}\" ]; then :; fi", "/a b" },
		{ "x=1 f='/a'; [ -e $f ]", "/a" },
		{ "for f in /a '/b c'; do [ -e \"$f\" ]; done", "/a /b c" },
		{ "for f in x /a; do test -e $f; test -e /b; done", "/b" },
		{ "for f; do test -e $f; done; test -e /a", "/a" },
		{ "for f in /a", "" },
		{ "for", "" },
		{ "f=/a; f=$(x); test -e $f", "" },
		{ "f=/a/$x; test -e $f", "" },
		{ "f=/a; test -e \"$g\"; test -e ${; test -e $", "" },
		{ "f=/a; echo test -e $f; test -n $f", "" },
		{ "echo f=/a; test -e $f", "" },
		{ "f=", "" },
		{ "", "" },
		{ "test", "" },
		{ "test -d", "" },
		{ "'", "" },
		{ "[ -d /$x ] && test -e /a*", "" },
		{ "[ -d a ]; test /a; test -d /", "" },
		{ "echo test -d /a", "" },
		{ "ls -d /a", "" },
		{ "test -e x; ls -d /a", "" },
		{ "echo '; test -d /a'", "" },
		{ "[ -n /a ] || [ -z /a ] || [ 1 -lt /a ]", "" },
		{ "test -e /a/../b", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct hints h = { .count = 0 };
		char paths[64] = "";

		shelltest_look(bytes_of(rows[i].command), &h);
		for (size_t k = 0; k < h.count; k++) {
			assert_int_equal(h.found[k].kind, HINT_ASKED);
			(void)snprintf(paths + strlen(paths),
			    sizeof(paths) - strlen(paths), "%s%s",
			    k > 0 ? " " : "", h.found[k].path);
		}
		if (strcmp(paths, rows[i].paths) != 0)
			fail_msg("%s: got \"%s\", not \"%s\"", rows[i].command,
			    paths, rows[i].paths);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_asked),
		cmocka_unit_test(test_edited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
