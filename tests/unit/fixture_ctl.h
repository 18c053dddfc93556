/* SPDX-License-Identifier: MIT */
/*
 * fixture_ctl: a configuration in /tmp with one policy, and the verbs of
 * mcp-execctl run on it, each in a process of its own.
 */
#ifndef TESTS_UNIT_FIXTURE_CTL_H
#define TESTS_UNIT_FIXTURE_CTL_H

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/caps.h"
#include "executor/ctl/ctl.h"

static struct {
	char dir[64];
	char config[80];
	unsigned port; /* 0: any that is free */
	char out[1 << 16]; /* standard output of the last verb */
	char err[1 << 14]; /* and what it said besides */
} fix;

static void
write_file(const char *name, mode_t mode, const char *text)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", fix.dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void
write_policy(const char *more)
{
	char text[1024];

	(void)snprintf(text, sizeof(text),
	    "{\"user\":%u,\"group\":%u,\"directory\":\"%s/work\"%s}",
	    (unsigned)geteuid(), (unsigned)getegid(), fix.dir, more);
	write_file("policies.d/p.json", 0600, text);
}

static void
write_config(const char *more)
{
	char text[1024];

	(void)snprintf(text, sizeof(text),
	    "{\"listen\":[\"127.0.0.1:%u\"],\"audit\":{\"file\":\"log\"},"
	    "\"frontend\":{\"path\":\"/bin/true\"%s}%s}",
	    fix.port, caps_can_change_ids() ? ",\"user\":64123" : "", more);
	write_file("mcp-execd.json", 0600, text);
}

static int
setup(void **state)
{
	static const char *const dirs[] = { "policies.d", "tokens.d", "work" };
	char path[128];

	(void)state;
	fix.port = 0;
	(void)strcpy(fix.dir, "/tmp/test_admin.XXXXXX");
	assert_non_null(mkdtemp(fix.dir));
	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", fix.dir, dirs[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	(void)snprintf(
	    fix.config, sizeof(fix.config), "%s/mcp-execd.json", fix.dir);
	write_config("");
	write_policy("");
	return 0;
}

static int
teardown(void **state)
{
	static const char *const files[] = { "mcp-execd.json",
		"policies.d/p.json", "policies.d/other.json", "work/script",
		"work/plain", "out", "err", "first", "second", "in", "log",
		"tokens.d/t.json", "policies.d", "tokens.d", "work" };
	char path[128];

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", fix.dir, files[i]);
		if (unlink(path) != 0)
			(void)rmdir(path);
	}
	assert_int_equal(rmdir(fix.dir), 0);
	return 0;
}

static void
swap_fd(int fd, const char *name, int flags)
{
	char path[128];
	int file;

	(void)snprintf(path, sizeof(path), "%s/%s", fix.dir, name);
	file = open(path, flags, 0600);
	assert_true(file >= 0);
	assert_true(dup2(file, fd) >= 0);
	(void)close(file);
}

static void
read_back(const char *name, char *text, size_t size)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", fix.dir, name);
	f = fopen(path, "r");
	assert_non_null(f);
	text[fread(text, 1, size - 1, f)] = '\0';
	assert_int_equal(fclose(f), 0);
}

/* In a process of its own, as main() would; words end with NULL. */
__attribute__((unused)) static int
run(int (*verb)(struct ctl *, int, char **), const char *const *words)
{
	static struct ctl c;
	char *argv[32] = { (char *)(uintptr_t) "verb" };
	int argc = 1, status;
	pid_t pid;

	for (; *words != NULL; words++)
		argv[argc++] = (char *)(uintptr_t)*words;
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		swap_fd(STDOUT_FILENO, "out", O_WRONLY | O_CREAT | O_TRUNC);
		swap_fd(STDERR_FILENO, "err", O_WRONLY | O_CREAT | O_TRUNC);
		c.config = fix.config;
		conf_report_init(&c.report);
		optind = 0;
		status = verb(&c, argc, argv);
		ctl_fini(&c);
		_exit(fflush(stdout) == 0 ? status : 99);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	read_back("out", fix.out, sizeof(fix.out));
	read_back("err", fix.err, sizeof(fix.err));
	return WEXITSTATUS(status);
}

#endif
