/* SPDX-License-Identifier: MIT */
/* variable: what is known of names of variables.  Executor, mcp-execctl. */
#include "executor/policy/variable.h"

#include <string.h>

static const struct rule {
	const char *name; /* a "*" at the end stands for anything */
	enum variable_rule rule;
} rules[] = {
	{ "LD_*", VARIABLE_NEVER },
	{ "GLIBC_TUNABLES", VARIABLE_NEVER },
	{ "GCONV_PATH", VARIABLE_NEVER },
	{ "GETCONF_DIR", VARIABLE_NEVER },
	{ "MALLOC_*", VARIABLE_NEVER },
	{ "LOCPATH", VARIABLE_NEVER },
	{ "NLSPATH", VARIABLE_NEVER },
	{ "HOSTALIASES", VARIABLE_NEVER },
	{ "LOCALDOMAIN", VARIABLE_NEVER },
	{ "RES_OPTIONS", VARIABLE_NEVER },
	{ "RESOLV_*", VARIABLE_NEVER },
	{ "DYLD_*", VARIABLE_NEVER },
	{ "PATH", VARIABLE_FIXED },
	{ "HOME", VARIABLE_FIXED },
	{ "USER", VARIABLE_FIXED },
	{ "LOGNAME", VARIABLE_FIXED },
	{ "SHELL", VARIABLE_FIXED },
	{ "PWD", VARIABLE_NEVER },
	{ "OLDPWD", VARIABLE_NEVER },
	{ "TMPDIR", VARIABLE_FIXED },
	{ "IFS", VARIABLE_NEVER },
	{ "ENV", VARIABLE_NEVER },
	{ "BASH*", VARIABLE_NEVER },
	{ "SHELLOPTS", VARIABLE_NEVER },
	{ "PS4", VARIABLE_NEVER },
	{ "PROMPT_COMMAND", VARIABLE_NEVER },
	{ "CDPATH", VARIABLE_NEVER },
	{ "FPATH", VARIABLE_NEVER },
	{ "ZDOTDIR", VARIABLE_NEVER },
	{ "GLOBIGNORE", VARIABLE_NEVER },
	{ "INPUTRC", VARIABLE_FIXED },
	{ "PYTHON*", VARIABLE_FIXED },
	{ "PERL*", VARIABLE_FIXED },
	{ "RUBY*", VARIABLE_FIXED },
	{ "GEM_*", VARIABLE_FIXED },
	{ "BUNDLE_*", VARIABLE_FIXED },
	{ "NODE_*", VARIABLE_FIXED },
	{ "NPM_*", VARIABLE_FIXED },
	{ "npm_*", VARIABLE_FIXED },
	{ "LUA_*", VARIABLE_FIXED },
	{ "PHP*", VARIABLE_FIXED },
	{ "TCLLIBPATH", VARIABLE_FIXED },
	{ "R_*", VARIABLE_FIXED },
	{ "ERL_*", VARIABLE_FIXED },
	{ "AWK*", VARIABLE_FIXED },
	{ "JAVA_*", VARIABLE_FIXED },
	{ "_JAVA_*", VARIABLE_FIXED },
	{ "JDK_*", VARIABLE_FIXED },
	{ "CLASSPATH", VARIABLE_FIXED },
	{ "MAVEN_*", VARIABLE_FIXED },
	{ "GRADLE_*", VARIABLE_FIXED },
	{ "GO*", VARIABLE_FIXED },
	{ "CARGO*", VARIABLE_FIXED },
	{ "RUSTC*", VARIABLE_FIXED },
	{ "RUSTFLAGS", VARIABLE_FIXED },
	{ "RUSTDOC*", VARIABLE_FIXED },
	{ "MAKEFILES", VARIABLE_FIXED },
	{ "MAKEFLAGS", VARIABLE_FIXED },
	{ "GNUMAKEFLAGS", VARIABLE_FIXED },
	{ "CC", VARIABLE_FIXED },
	{ "CXX", VARIABLE_FIXED },
	{ "CPP", VARIABLE_FIXED },
	{ "AR", VARIABLE_FIXED },
	{ "LD", VARIABLE_FIXED },
	{ "GIT_*", VARIABLE_FIXED },
	{ "SSH_*", VARIABLE_FIXED },
	{ "GNUPGHOME", VARIABLE_FIXED },
	{ "SUDO_*", VARIABLE_FIXED },
	{ "EDITOR", VARIABLE_FIXED },
	{ "VISUAL", VARIABLE_FIXED },
	{ "PAGER", VARIABLE_FIXED },
	{ "MANPAGER", VARIABLE_FIXED },
	{ "LESS*", VARIABLE_FIXED },
	{ "BROWSER", VARIABLE_FIXED },
	{ "TAR_OPTIONS", VARIABLE_FIXED },
	{ "RSYNC_*", VARIABLE_FIXED },
	{ "CURL_HOME", VARIABLE_FIXED },
	{ "WGETRC", VARIABLE_FIXED },
	{ "SYSTEMD_*", VARIABLE_FIXED },
	{ "DBUS_*", VARIABLE_FIXED },
	{ "XDG_*", VARIABLE_FIXED },
	{ "DOCKER_*", VARIABLE_FIXED },
	{ "CONTAINER_*", VARIABLE_FIXED },
	{ "KUBECONFIG", VARIABLE_FIXED },
	{ "OPENSSL_*", VARIABLE_FIXED },
	{ "SSL_*", VARIABLE_FIXED },
	{ "TERMINFO*", VARIABLE_FIXED },
	{ "TERMCAP", VARIABLE_FIXED },
	{ "QT_*", VARIABLE_FIXED },
	{ "GTK_*", VARIABLE_FIXED },
	{ "GIO_*", VARIABLE_FIXED },
	{ "PSModulePath", VARIABLE_FIXED },
};

static bool
matches(struct bytes name, const char *pattern)
{
	size_t n = strlen(pattern);

	if (pattern[n - 1] != '*')
		return bytes_eq_str(name, pattern);
	return name.len >= n - 1 && memcmp(name.p, pattern, n - 1) == 0;
}

enum variable_rule
variable_check(struct bytes name)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (matches(name, rules[i].name))
			return rules[i].rule;
	return VARIABLE_FREE;
}

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

bool
variable_is_name(struct bytes name)
{
	if (name.len == 0 || name.len > VARIABLE_MAX_NAME ||
	    is_digit(name.p[0]))
		return false;
	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = name.p[i];

		if (!(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') &&
		    !is_digit(c) && c != '_')
			return false;
	}
	return true;
}
