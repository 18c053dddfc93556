/* SPDX-License-Identifier: MIT */
/*
 * locked: run a fuzz target behind the frontend's system call filter.
 *
 *	locked_TARGET CORPUS_DIRECTORY
 *
 * Sanitizers need system calls that the filter forbids, so their builds have
 * none and see nothing of a library that makes one behind our back.  Here every
 * file of the corpus, and what is large and deep in every way, goes through the
 * release build's code behind the real filter.  A refused call is named.
 */
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "frontend/process/allowed.h"
#include "frontend/process/inplace.h"

enum { MAX_INPUTS = 8192, MAX_BYTES = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	struct {
		uint8_t *p;
		size_t len;
	} input[MAX_INPUTS];
	size_t count;
	char out[4096];
} self;

static void
add(const void *p, size_t len)
{
	if (self.count == MAX_INPUTS)
		errx(1, "more than %d inputs", MAX_INPUTS);
	/* of exactly this size */
	self.input[self.count].p = malloc(len > 0 ? len : 1);
	if (self.input[self.count].p == NULL)
		err(1, "malloc");
	memcpy(self.input[self.count].p, p, len);
	self.input[self.count++].len = len;
}

static void
read_file(const char *dir, const char *name)
{
	static uint8_t b[MAX_BYTES];
	char path[4096];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd == -1 ? -1 : read(fd, b, sizeof(b));
	if (n == -1)
		err(1, "%s", path);
	(void)close(fd);
	add(b, (size_t)n);
}

static size_t
read_corpus(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	if (d == NULL)
		err(1, "%s", dir);
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			read_file(dir, e->d_name);
	(void)closedir(d);
	return self.count;
}

/* first, then `each` (with a number in it) so often, joined, then last. */
static void
add_many(const char *first, const char *each, const char *join,
    const char *last, unsigned n)
{
	static char b[MAX_BYTES];
	size_t len = 0;

	len += (size_t)snprintf(b, sizeof(b), "%s", first);
	for (unsigned i = 0; i < n && len < sizeof(b) - 256; i++) {
		len += (size_t)snprintf(
		    b + len, sizeof(b) - len, "%s", i > 0 ? join : "");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		/* as hard to sort as a few lines can make it */
		len += (size_t)snprintf(
		    b + len, sizeof(b) - len, each, i * 2654435761U, i);
#pragma GCC diagnostic pop
	}
	len += (size_t)snprintf(b + len, sizeof(b) - len, "%s", last);
	add(b, len);
}

/* Members, elements, levels, bytes, lines and words, few and many. */
static void
add_large(void)
{
	static const unsigned sizes[] = { 1, 16, 63, 64, 127, 128, 129, 1000,
		8000, 10000, 50000 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned n = sizes[i];

		add_many("{", "\"k%u\":%u", ",", "}", n);
		add_many(
		    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"exec_cmd\",\"arguments\":{\"command\":\"true\",\"env\":{",
		    "\"V%u\":\"%u\"", ",", "}}}}", n);
		add_many("[",
		    "{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"m%u\"}", ",",
		    "]", n);
		add_many("[", "%u,%u", ",", "]", n);
		add_many("[", "\"s%u\\u0000\\ud83d\\ude00%u\"", ",", "]", n);
		add_many("{\"a\":\"", "%08x%08x", "", "\"}", n);
		add_many("", "[", "", "", n);
		add_many("", "{\"a\":", "", "1", n);
		add_many("GET /mcp HTTP/1.1\r\nHost: x\r\n", "H%u: %u", "\r\n",
		    "\r\n\r\n", n);
		add_many("", "word%u '%u'", " ", "", n);
		add_many("", "for=192.0.2.%u;by=%u", ", ", "", n);
		add_many("", "\xf0\x9f\x98\x80%u\xed\xa0\x80%u", "\n", "", n);
	}
}

static void
on_refused(int sig, siginfo_t *info, void *context)
{
	char text[128];
	int n = snprintf(text, sizeof(text),
	    "FAIL: system call %d at %p\n0 passed, 1 failed\n",
	    info->si_syscall, info->si_call_addr);

	(void)sig;
	(void)context;
	if (n > 0)
		(void)!write(STDOUT_FILENO, text, (size_t)n);
	_exit(1);
}

/* The other end of the channel, which some targets play, is the executor's. */
static size_t
add_executor(struct filter_rule rules[], size_t count)
{
	static const char *const calls[] = { "socketpair", "setsockopt",
		"recvmsg" };
	size_t n = 0;

	/* what has a rule of the frontend's with arguments gives way to it */
	for (size_t i = 0; i < count; i++)
		if (strcmp(rules[i].syscall, "setsockopt") != 0)
			rules[n++] = rules[i];
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		rules[n++] = (struct filter_rule){ .syscall = calls[i],
			.verdict = FILTER_ALLOW };
	return n;
}

static void
lock_down(void)
{
	static struct filter_rule rules[ALLOWED_MAX_RULES + 8];
	const struct options o = { .listeners = 1 };
	struct sigaction act = { .sa_sigaction = on_refused,
		.sa_flags = SA_SIGINFO };
	struct filter f;
	struct err e;

	tzset();
	if (inplace_check(&e) != 0 ||
	    filter_compile(rules, add_executor(rules, allowed_rules(&o, rules)),
		FILTER_TRAP, 0, FILTER_ENFORCE, &f, &e) != 0)
		errx(1, "%s", e.what);
	if (sigaction(SIGSYS, &act, NULL) == -1 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    filter_load(&f) != 0)
		err(1, "locking down");
}

int
main(int argc, char *argv[])
{
	size_t files;

	if (argc != 2 && argc != 3)
		errx(2, "usage: %s directory", argv[0]);
	files = read_corpus(argv[1]);
	add_large();
	/* stdio asks about its file when it is first used */
	(void)setvbuf(stdout, self.out, _IOFBF, sizeof(self.out));
	lock_down();
	if (argc == 3) /* the control: a call that is not allowed */
		(void)syscall(SYS_sysinfo, NULL);
	for (size_t i = 0; i < self.count; i++)
		(void)LLVMFuzzerTestOneInput(
		    self.input[i].p, self.input[i].len);
	printf("%zu inputs, %zu of them files\n%zu passed, 0 failed\n",
	    self.count, files, self.count);
	return 0;
}
