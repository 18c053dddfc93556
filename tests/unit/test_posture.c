/* SPDX-License-Identifier: MIT */
/*
 * test_posture: which layers a policy is not loaded without, on machines that
 * this one is not: what probe_get() says is made up here.
 */
#include <dirent.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "executor/confine/cgroup.h"
#include "executor/confine/confine_load.h"
#include "executor/confine/probe.h"
#include "executor/policy/facts.h"
#include "executor/policy/policydir.h"
#include "tests/unit/fixture_fds.h"

static struct probe fake;

const struct probe *
probe_get(void)
{
	return &fake;
}

const char *
probe_why(unsigned layer)
{
	return (fake.layers & layer) != 0 ? NULL : "it is made up";
}

enum {
	ALL = CONFINE_MOUNTS | CONFINE_PIDS | CONFINE_IPC | CONFINE_NET |
	      CONFINE_LANDLOCK | CONFINE_SECCOMP | CONFINE_LOGINUID
};

/* Of the policy that load() had. */
static unsigned loaded; /* layers */
static struct cgroup_limits in_group;
static bool has_rlimit[RLIM_NLIMITS];
static struct buf hidden = {
	.max = 64 << 10
}; /* places, a line each; "empty " before some */
static bool sees; /* processes of others */
static size_t programs; /* rows of programs that may be executed */
static bool traces = true; /* can a process be held at its execve? */
static char facts[4096]; /* of programs, for people */
static struct tooldef_table *known; /* tools; NULL: none */

static void
note_place(const struct mounts_op *op)
{
	if (op->kind == MOUNTS_HIDE || op->kind == MOUNTS_EMPTY)
		buf_printf(&hidden, "%s%s\n",
		    op->kind == MOUNTS_EMPTY ? "empty " : "", op->path);
	if (op->kind == MOUNTS_PROGRAM)
		programs++;
}

static void
add_fact(void *arg, const char *text)
{
	size_t n = strlen(facts);

	(void)arg;
	(void)snprintf(facts + n, sizeof(facts) - n, "%s\n", text);
}

static bool
is_hidden(const char *place)
{
	char line[256];

	(void)snprintf(line, sizeof(line), "\n%s\n", place);
	return strncmp(buf_cstr(&hidden), line + 1, strlen(line + 1)) == 0 ||
	       strstr(buf_cstr(&hidden), line) != NULL;
}

/* What is said of such a policy; "" if it is loaded. */
static const char *
load(bool privileged, unsigned layers, const char *keys)
{
	static char said[8192];
	struct conf_report report;
	struct policy *p;
	char text[512];
	struct err e;

	fake = (struct probe){ .privileged = privileged,
		.layers = layers,
		.listener = true,
		.killable = true,
		.tracer = traces,
		.loginuid = (layers & CONFINE_LOGINUID) != 0
				? PROBE_LOGINUID
				: PROBE_LOGINUID_FIXED };
	if ((layers & CONFINE_LANDLOCK) != 0)
		fake.landlock =
		    (struct landlock_support){ .abi = 7, .fs = LANDLOCK_LEAST };
	(void)snprintf(text, sizeof(text),
	    "{\"user\":%u,\"group\":%u,\"directory\":\"/tmp\"%s}",
	    (unsigned)geteuid(), (unsigned)getegid(), keys);
	conf_report_init(&report);
	if (policy_parse(
		"p.json", "p", bytes_of(text), known, &p, &report, &e) == 0) {
		loaded = p->confine.layers;
		in_group = p->cgroup;
		memset(has_rlimit, 0, sizeof(has_rlimit));
		for (size_t i = 0; i < p->rlimit_count; i++)
			has_rlimit[p->rlimits[i].resource] = true;
		sees = p->confine.processes;
		buf_reset(&hidden);
		programs = 0;
		for (size_t i = 0; i < p->confine.mounts.count; i++)
			note_place(&p->confine.mounts.op[i]);
		facts[0] = '\0';
		facts_tell(&(struct facts){ p, NULL, FACTS_PEOPLE },
		    FACTS_PROGRAMS, add_fact, NULL);
		policy_unref(p);
		said[0] = '\0';
	} else {
		(void)snprintf(
		    said, sizeof(said), "%s", buf_cstr(&report.text));
	}
	conf_report_fini(&report);
	return said;
}

/* Layer by layer: missing, missing and given up by name, or not asked for. */
static void
test_each(void **state)
{
	static const struct {
		unsigned layer;
		const char *name;
		bool strict; /* as root, with the posture strict */
		bool kernel; /* as root, with the posture kernel */
	} rows[] = {
		{ CONFINE_MOUNTS, "mounts", true, false },
		{ CONFINE_PIDS, "pids", true, false },
		{ CONFINE_IPC, "ipc", true, false },
		{ CONFINE_NET, "network", true, false },
		{ CONFINE_LANDLOCK, "landlock", true, false },
		{ CONFINE_SECCOMP, "seccomp", true, true },
		{ CONFINE_LOGINUID, "loginuid", true, false },
	};
	char want[64], keys[128];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned left = ALL & ~rows[i].layer;

		(void)snprintf(want, sizeof(want),
		    "the layer \"%s\" is required", rows[i].name);
		assert_string_equal(load(true, ALL, ""), "");
		assert_true((strstr(load(true, left, ""), want) != NULL) ==
			    rows[i].strict);
		assert_true((strstr(load(true, left, ",\"posture\":\"kernel\""),
				 want) != NULL) == rows[i].kernel);
		/* an ordinary user's: one wall around files is left */
		assert_string_equal(load(false, left, ""), "");
		(void)snprintf(
		    keys, sizeof(keys), ",\"disable\":[\"%s\"]", rows[i].name);
		assert_null(strstr(load(true, ALL, keys), want));
		(void)snprintf(
		    keys, sizeof(keys), ",\"require\":[\"%s\"]", rows[i].name);
		assert_non_null(strstr(load(false, left, keys), want));
		assert_string_equal(load(false, ALL, keys), "");
	}
}

/* Without a kernel's filter: what a policy does not use is not missing. */
static void
test_filter(void **state)
{
	const unsigned left = ALL & ~(unsigned)CONFINE_SECCOMP;
	static const char none[] =
	    ",\"posture\":\"kernel\",\"syscalls\":{\"profile\":\"none\"}";

	(void)state;
	for (int root = 0; root < 2; root++) {
		assert_string_equal(load(root, left, none), "");
		assert_non_null(
		    strstr(load(root, left, ",\"posture\":\"kernel\""),
			"the layer \"seccomp\" is required"));
	}
}

/* Without any wall around files nobody runs anything. */
static void
test_walls(void **state)
{
	const unsigned none = ALL & ~(unsigned)CONFINE_WALLS;

	(void)state;
	assert_non_null(strstr(load(false, none, ""), "landlock"));
	assert_non_null(strstr(
	    load(true, none, ",\"posture\":\"kernel\""), "no other layer"));
	assert_non_null(strstr(
	    load(false, none, ",\"posture\":\"kernel\""), "no other layer"));
	assert_string_equal(
	    load(true, none, ",\"disable\":[\"mounts\",\"landlock\"]"), "");
}

/* A namespace of users is entered for the sake of others alone. */
static void
test_user_namespace(void **state)
{
	static const struct {
		const char *keys;
		bool entered;
	} rows[] = {
		{ "", true },
		{ ",\"disable\":[\"mounts\",\"pids\",\"ipc\"]", true },
		{ ",\"disable\":[\"pids\",\"ipc\",\"network\"]", false },
		{ ",\"disable\":[\"mounts\",\"pids\",\"network\"]", true },
		{ ",\"disable\":[\"mounts\",\"ipc\",\"network\"]", true },
		{ ",\"disable\":[\"mounts\",\"pids\",\"ipc\",\"network\"]",
		    false },
		{ ",\"disable\":[\"user\"]", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_string_equal(
		    load(false, ALL | CONFINE_USER, rows[i].keys), "");
		assert_int_equal((loaded & CONFINE_USER) != 0, rows[i].entered);
		/* and there the login uid means nothing */
		assert_int_equal(
		    (loaded & CONFINE_LOGINUID) == 0, rows[i].entered);
	}
}

/* Each limit is kept by a control group that has its controller, or else by an
 * rlimit: by one of them in each case. */
static void
test_by_cgroup(void **state)
{
	static const char keys[] =
	    ",\"limits\":{\"memory_bytes\":99000000,\"processes\":99}";

	(void)state;
	for (unsigned bits = 0; bits < CGROUP_CPU << 1; bits++) {
		bool memory = (bits & CGROUP_MEMORY) != 0;
		bool pids = (bits & CGROUP_PIDS) != 0;

		cgroup_assume(true, bits);
		assert_string_equal(load(true, ALL, keys), "");
		assert_int_equal(in_group.memory_bytes, memory ? 99000000 : 0);
		assert_int_equal(in_group.processes, pids ? 99 : 0);
		assert_int_equal(has_rlimit[RLIMIT_AS], !memory);
		assert_int_equal(has_rlimit[RLIMIT_NPROC], !pids);
		assert_int_equal(
		    *load(true, ALL, ",\"limits\":{\"cpu_percent\":50}") ==
			'\0',
		    (bits & CGROUP_CPU) != 0);
	}
	cgroup_assume(false, 0);
	assert_string_equal(load(true, ALL, keys), "");
	assert_int_equal(in_group.memory_bytes, 0);
	assert_true(has_rlimit[RLIMIT_AS] && has_rlimit[RLIMIT_NPROC]);
}

/* Sockets of who has more rights are hidden wherever a policy shows them. */
static void
test_delegates(void **state)
{
	static const char *const rows[] = { "/run/dbus", "/run/user",
		"/run/systemd/private", "/run/docker.sock", "/run/containerd",
		"/run/snapd.socket", "/run/polkit", "/run/mcp-execd",
		"/var/lib/mcp-execd", "/var/log/mcp-execd",
		"/var/lib/systemd/linger" };

	(void)state;
	assert_string_equal(
	    load(true, ALL, ",\"files\":{\"read\":[\"/run\",\"/var\"]}"), "");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!is_hidden(rows[i]))
			fail_msg("%s is not hidden", rows[i]);
	assert_false(is_hidden("/run/lock"));
	assert_string_equal(
	    load(true, ALL, ",\"files\":{\"read\":[\"/usr\"]}"), "");
	assert_false(is_hidden("/run/dbus")); /* it is not shown anyway */
}

/* Who sees other processes must not reach their files by them. */
static void
test_processes(void **state)
{
#define SEE ",\"processes\":\"see\""
	static const char *const open[] = { SEE ",\"disable\":[\"pids\"]",
		SEE ",\"disable\":[\"mounts\"]" };

	(void)state;
	assert_string_equal(load(true, ALL, ""), "");
	assert_false(sees);
	assert_string_equal(load(true, ALL, SEE), "");
	assert_true(sees);
	for (size_t i = 0; i < 2; i++)
		assert_non_null(strstr(load(true, ALL, open[i]),
		    "\"processes\": \"see\" needs the layers pids and mounts"));
	assert_non_null(
	    strstr(load(true, ALL, SEE ",\"disable\":[\"landlock\"]"),
		"\"see\" needs the layer landlock"));
	/* a kernel without Landlock: less is shown, unless that is not said */
	assert_string_equal(load(true, ALL & ~(unsigned)CONFINE_LANDLOCK,
				SEE ",\"posture\":\"kernel\""),
	    "");
	assert_false(sees);
	assert_string_equal(load(true, ALL, SEE ",\"posture\":\"kernel\""), "");
	assert_true(sees);
#undef SEE
}

/* Of who lists its programs, each of its tools' is one of them: so many. */
static void
test_programs_of_tools(void **state)
{
	static const char keys[] =
	    ",\"programs\":[\"/usr/bin/env\"],\"shell\":null,\"tools\":[\"cli_command\"]";
	static struct tooldef tool[TOOLDEF_MAX_TOOLS];
	static struct tooldef_table table;
	char with[256];
	struct dirent *d;
	struct stat st;
	size_t few;
	DIR *dir = opendir("/usr/bin");

	(void)state;
	assert_non_null(dir);
	while (table.count < TOOLDEF_MAX_TOOLS && (d = readdir(dir)) != NULL) {
		struct tooldef *t = &tool[table.count];

		(void)snprintf(t->name, sizeof(t->name), "t%zu", table.count);
		(void)snprintf(t->policy, sizeof(t->policy), "p");
		(void)snprintf(
		    t->program, sizeof(t->program), "/usr/bin/%s", d->d_name);
		t->refs = 1;
		if (strcmp(d->d_name, "env") != 0 &&
		    lstat(t->program, &st) == 0 && S_ISREG(st.st_mode))
			table.t[table.count++] = t;
	}
	(void)closedir(dir);
	assert_int_equal(table.count, TOOLDEF_MAX_TOOLS);
	known = &table;
	assert_string_equal(load(true, ALL, keys), ""); /* of other policies */
	few = programs;
	(void)snprintf(with, sizeof(with), "%s,\"elevates\":true", keys);
	table.count = 3;
	assert_string_equal(load(true, ALL, with), "");
	assert_int_equal(programs, few + 3);
	(void)snprintf(tool[1].policy, sizeof(tool[1].policy), "another");
	assert_string_equal(load(true, ALL, with), "");
	assert_int_equal(programs, few + 2);
	(void)snprintf(tool[1].policy, sizeof(tool[1].policy), "p");
	table.count = 150; /* none is left out */
	assert_string_equal(load(true, ALL, with), "");
	assert_int_equal(programs, few + 150);
	table.count = TOOLDEF_MAX_TOOLS; /* nor beyond what a root can hold */
	assert_non_null(strstr(load(true, ALL, with), "more than 256 paths"));
	known = NULL;
	(void)snprintf(with, sizeof(with),
	    ",\"shell\":null,\"tools\":[\"cli_command\"],\"programs\":[\"/usr/bin/env\",\"%.100s\"]",
	    tool[0].program);
	assert_string_equal(load(true, ALL, with), "");
	assert_int_equal(programs, few + 1); /* each that is listed */
}

/*
 * A socket inside of such a place is granted: the rest of it is emptied, as
 * what is hidden could hold no place for the socket.  Of nothing else.
 */
static void
test_delegates_granted(void **state)
{
	static const struct {
		const char *socket;
		bool emptied;
	} rows[] = {
		{ "/run/dbus/system_bus_socket", true },
		{ "/run/dbus/a/b", true },
		{ "/run/dbusx", false }, /* it only begins so */
		{ "/run/dbus.socket", false },
		{ "/run/db", false },
		{ "/run/other/dbus", false },
	};
	char keys[256];

	(void)state;
	if (geteuid() != 0 || unshare(CLONE_NEWNS) == -1 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    mount("none", "/run", "tmpfs", 0, NULL) == -1) {
		print_message("no /run of its own: only root may mount\n");
		skip();
	}
	assert_true(mkdir("/run/dbus", 0755) == 0 &&
		    mkdir("/run/dbus/a", 0755) == 0 &&
		    mkdir("/run/other", 0755) == 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(mknod(rows[i].socket, S_IFREG | 0644, 0), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(keys, sizeof(keys),
		    ",\"files\":{\"read\":[\"/run\"]},\"unix_sockets\":[\"/run/db\",\"%s\"]",
		    rows[i].socket);
		assert_string_equal(load(true, ALL, keys), "");
		if (is_hidden("empty /run/dbus") != rows[i].emptied)
			fail_msg("%s: emptied", rows[i].socket);
		if (is_hidden("/run/dbus") == rows[i].emptied)
			fail_msg("%s: hidden", rows[i].socket);
	}
	/* it itself: neither */
	assert_string_equal(
	    load(true, ALL,
		",\"files\":{\"read\":[\"/run\"]},\"unix_sockets\":[\"/run/dbus\"]"),
	    "");
	assert_false(is_hidden("/run/dbus") || is_hidden("empty /run/dbus"));
}

/* When a dynamic loader that is started itself is ended, if at all. */
static void
test_loaders_are_told(void **state)
{
	static const char listed[] = ",\"programs\":[\"/bin/true\"]";

	(void)state;
	assert_string_equal(load(true, ALL, listed), "");
	assert_non_null(strstr(facts, "read and execute"));
	assert_null(strstr(facts, "loader"));
	assert_string_equal(
	    load(true, ALL,
		",\"programs\":[\"/bin/true\"],\"syscalls\":{\"log_only\":true}"),
	    "");
	assert_non_null(strstr(facts, "runs what is not listed"));
	traces = false;
	assert_string_equal(load(true, ALL, listed), "");
	assert_non_null(strstr(facts, "ended once it has loaded something"));
	assert_string_equal(load(true, ALL, ""), "");
	assert_null(strstr(facts, "loader"));
	traces = true;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FDS_KEPT(test_each),
		FDS_KEPT(test_filter),
		FDS_KEPT(test_walls),
		FDS_KEPT(test_user_namespace),
		FDS_KEPT(test_delegates),
		FDS_KEPT(test_processes),
		FDS_KEPT(test_programs_of_tools),
		FDS_KEPT(test_loaders_are_told),
		FDS_KEPT(test_by_cgroup),
		/* the last: it has a /run of its own */
		FDS_KEPT(test_delegates_granted),
	};

	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	buf_fini(&hidden);
	return failed;
}
