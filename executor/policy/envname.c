/* SPDX-License-Identifier: MIT */
/* envname: what is known of names of variables.  Executor, mcp-execctl. */
#include "executor/policy/envname.h"

#include <string.h>

static const struct rule {
	const char *name; /* a "*" at the end stands for anything */
	enum envname_rule rule;
} rules[] = {
	{ "LD_*", ENVNAME_NEVER },
	{ "GLIBC_TUNABLES", ENVNAME_NEVER },
	{ "GCONV_PATH", ENVNAME_NEVER },
	{ "GETCONF_DIR", ENVNAME_NEVER },
	{ "MALLOC_*", ENVNAME_NEVER },
	{ "LOCPATH", ENVNAME_NEVER },
	{ "NLSPATH", ENVNAME_NEVER },
	{ "HOSTALIASES", ENVNAME_NEVER },
	{ "LOCALDOMAIN", ENVNAME_NEVER },
	{ "RES_OPTIONS", ENVNAME_NEVER },
	{ "RESOLV_*", ENVNAME_NEVER },
	{ "DYLD_*", ENVNAME_NEVER },
	{ "PATH", ENVNAME_FIXED },
	{ "HOME", ENVNAME_FIXED },
	{ "USER", ENVNAME_FIXED },
	{ "LOGNAME", ENVNAME_FIXED },
	{ "SHELL", ENVNAME_FIXED },
	{ "PWD", ENVNAME_NEVER },
	{ "OLDPWD", ENVNAME_NEVER },
	{ "TMPDIR", ENVNAME_FIXED },
	{ "IFS", ENVNAME_NEVER },
	{ "ENV", ENVNAME_NEVER },
	{ "BASH*", ENVNAME_NEVER },
	{ "SHELLOPTS", ENVNAME_NEVER },
	{ "PS4", ENVNAME_NEVER },
	{ "PROMPT_COMMAND", ENVNAME_NEVER },
	{ "CDPATH", ENVNAME_NEVER },
	{ "FPATH", ENVNAME_NEVER },
	{ "ZDOTDIR", ENVNAME_NEVER },
	{ "GLOBIGNORE", ENVNAME_NEVER },
	{ "INPUTRC", ENVNAME_FIXED },
	{ "PYTHON*", ENVNAME_FIXED },
	{ "PERL*", ENVNAME_FIXED },
	{ "RUBY*", ENVNAME_FIXED },
	{ "GEM_*", ENVNAME_FIXED },
	{ "BUNDLE_*", ENVNAME_FIXED },
	{ "NODE_*", ENVNAME_FIXED },
	{ "NPM_*", ENVNAME_FIXED },
	{ "npm_*", ENVNAME_FIXED },
	{ "LUA_*", ENVNAME_FIXED },
	{ "PHP*", ENVNAME_FIXED },
	{ "TCLLIBPATH", ENVNAME_FIXED },
	{ "R_*", ENVNAME_FIXED },
	{ "ERL_*", ENVNAME_FIXED },
	{ "AWK*", ENVNAME_FIXED },
	{ "JAVA_*", ENVNAME_FIXED },
	{ "_JAVA_*", ENVNAME_FIXED },
	{ "JDK_*", ENVNAME_FIXED },
	{ "CLASSPATH", ENVNAME_FIXED },
	{ "MAVEN_*", ENVNAME_FIXED },
	{ "GRADLE_*", ENVNAME_FIXED },
	{ "GO*", ENVNAME_FIXED },
	{ "CARGO*", ENVNAME_FIXED },
	{ "RUSTC*", ENVNAME_FIXED },
	{ "RUSTFLAGS", ENVNAME_FIXED },
	{ "RUSTDOC*", ENVNAME_FIXED },
	{ "MAKEFILES", ENVNAME_FIXED },
	{ "MAKEFLAGS", ENVNAME_FIXED },
	{ "GNUMAKEFLAGS", ENVNAME_FIXED },
	{ "CC", ENVNAME_FIXED },
	{ "CXX", ENVNAME_FIXED },
	{ "CPP", ENVNAME_FIXED },
	{ "AR", ENVNAME_FIXED },
	{ "LD", ENVNAME_FIXED },
	{ "GIT_*", ENVNAME_FIXED },
	{ "SSH_*", ENVNAME_FIXED },
	{ "GNUPGHOME", ENVNAME_FIXED },
	{ "SUDO_*", ENVNAME_FIXED },
	{ "EDITOR", ENVNAME_FIXED },
	{ "VISUAL", ENVNAME_FIXED },
	{ "PAGER", ENVNAME_FIXED },
	{ "MANPAGER", ENVNAME_FIXED },
	{ "LESS*", ENVNAME_FIXED },
	{ "BROWSER", ENVNAME_FIXED },
	{ "TAR_OPTIONS", ENVNAME_FIXED },
	{ "RSYNC_*", ENVNAME_FIXED },
	{ "CURL_HOME", ENVNAME_FIXED },
	{ "WGETRC", ENVNAME_FIXED },
	{ "SYSTEMD_*", ENVNAME_FIXED },
	{ "DBUS_*", ENVNAME_FIXED },
	{ "XDG_*", ENVNAME_FIXED },
	{ "DOCKER_*", ENVNAME_FIXED },
	{ "CONTAINER_*", ENVNAME_FIXED },
	{ "KUBECONFIG", ENVNAME_FIXED },
	{ "OPENSSL_*", ENVNAME_FIXED },
	{ "SSL_*", ENVNAME_FIXED },
	{ "TERMINFO*", ENVNAME_FIXED },
	{ "TERMCAP", ENVNAME_FIXED },
	{ "QT_*", ENVNAME_FIXED },
	{ "GTK_*", ENVNAME_FIXED },
	{ "GIO_*", ENVNAME_FIXED },
	{ "PSModulePath", ENVNAME_FIXED },
};

static bool
name_matches(struct bytes name, const char *pattern)
{
	size_t n = strlen(pattern);

	if (pattern[n - 1] != '*')
		return bytes_eq_str(name, pattern);
	return name.len >= n - 1 && memcmp(name.p, pattern, n - 1) == 0;
}

enum envname_rule
envname_check(struct bytes name)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (name_matches(name, rules[i].name))
			return rules[i].rule;
	return ENVNAME_FREE;
}

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

bool
envname_is_name(struct bytes name)
{
	return name.len > 0 && name.len <= ENVNAME_MAX_NAME &&
	       !is_digit(name.p[0]) && bytes_only(name, "_");
}
