/* SPDX-License-Identifier: MIT */
/* test_envname: each name that is known, what is next to it, and the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "executor/policy/envname.h"

/* Nobody's: they make a loader, C library or shell do something else. */
static const char *const never[] = { "LD_*", "GLIBC_TUNABLES", "GCONV_PATH",
	"GETCONF_DIR", "MALLOC_*", "LOCPATH", "NLSPATH", "HOSTALIASES",
	"LOCALDOMAIN", "RES_OPTIONS", "RESOLV_*", "DYLD_*", "PWD", "OLDPWD",
	"IFS", "ENV", "BASH*", "SHELLOPTS", "PS4", "PROMPT_COMMAND", "CDPATH",
	"FPATH", "ZDOTDIR", "GLOBIGNORE" };

/* A policy's, and no caller's. */
static const char *const fixed[] = { "PATH", "HOME", "USER", "LOGNAME", "SHELL",
	"TMPDIR", "INPUTRC", "PYTHON*", "PERL*", "RUBY*", "GEM_*", "BUNDLE_*",
	"NODE_*", "NPM_*", "npm_*", "LUA_*", "PHP*", "TCLLIBPATH", "R_*",
	"ERL_*", "AWK*", "JAVA_*", "_JAVA_*", "JDK_*", "CLASSPATH", "MAVEN_*",
	"GRADLE_*", "GO*", "CARGO*", "RUSTC*", "RUSTFLAGS", "RUSTDOC*",
	"MAKEFILES", "MAKEFLAGS", "GNUMAKEFLAGS", "CC", "CXX", "CPP", "AR",
	"LD", "GIT_*", "SSH_*", "GNUPGHOME", "SUDO_*", "EDITOR", "VISUAL",
	"PAGER", "MANPAGER", "LESS*", "BROWSER", "TAR_OPTIONS", "RSYNC_*",
	"CURL_HOME", "WGETRC", "SYSTEMD_*", "DBUS_*", "XDG_*", "DOCKER_*",
	"CONTAINER_*", "KUBECONFIG", "OPENSSL_*", "SSL_*", "TERMINFO*",
	"TERMCAP", "QT_*", "GTK_*", "GIO_*", "PSModulePath" };

static void
expect(const char *name, enum envname_rule want)
{
	if (envname_check(bytes_of(name)) != want)
		fail_msg("%s: not %d", name, (int)want);
}

/* The name itself, or the beginning of names; and what only begins so. */
static void
expect_row(const char *row, enum envname_rule want)
{
	char name[64];
	size_t n = strlen(row);
	bool open = row[n - 1] == '*';

	(void)snprintf(name, sizeof(name), "%.*s%s", (int)(open ? n - 1 : n),
	    row, open ? "Zz9" : "");
	expect(name, want);
	if (open) {
		name[n - 1] = '\0';
		expect(name, want); /* nothing after it is anything, too */
	} else {
		(void)snprintf(name, sizeof(name), "%sZz9", row);
		expect(name, ENVNAME_FREE);
	}
	(void)snprintf(name, sizeof(name), "Zz9%.*s", (int)(n - open), row);
	expect(name, ENVNAME_FREE);
}

static void
test_each(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		expect_row(never[i], ENVNAME_NEVER);
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		expect_row(fixed[i], ENVNAME_FIXED);
}

static void
test_others(void **state)
{
	static const char *const free_names[] = { "CI", "TERM", "LANG", "TZ",
		"user", "path", "USERS", "HOMES", "U", "LC_ALL", "NO_COLOR" };

	(void)state;
	for (size_t i = 0; i < sizeof(free_names) / sizeof(free_names[0]); i++)
		expect(free_names[i], ENVNAME_FREE);
}

static void
test_is_name(void **state)
{
	static const char *const good[] = { "A", "_", "a9_Z", "__", "Zz" };
	static const char *const bad[] = { "", "0", "9", "0A", "9A", "A=B",
		"A B", "A-B", "A.B", "\xc3\xa4", "A\n", "A\x7f", "@A", "[A",
		"`A", "{A", "A/", "A:", "A@", "A[", "A`", "A{" };
	char text[ENVNAME_MAX_NAME + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!envname_is_name(bytes_of(good[i])))
			fail_msg("%s is not a name", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (envname_is_name(bytes_of(bad[i])))
			fail_msg("row %zu is a name", i);
	assert_false(envname_is_name(bytes_make("A\0B", 3)));
	assert_false(envname_is_name(bytes_make("A\0", 2)));
	memset(text, 'A', sizeof(text));
	assert_true(envname_is_name(bytes_make(text, ENVNAME_MAX_NAME)));
	assert_false(envname_is_name(bytes_make(text, ENVNAME_MAX_NAME + 1)));
	/* digits and letters to the first and last of them */
	assert_true(envname_is_name(BYTES_LIT("azAZ09_")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_is_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
