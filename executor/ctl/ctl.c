/* SPDX-License-Identifier: MIT */
/* ctl: what the verbs of mcp-execctl share. */
#include "executor/policy/elevation.h"
#include "executor/control/control_socket.h"
#include "executor/ctl/ctl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/closest.h"
#include "common/fdio.h"
#include "common/json.h"
#include "common/log.h"
#include "executor/confine/confine_load.h"
#include "executor/confine/cgroup.h"
#include "executor/conf/instance.h"
#include "executor/conf/keys.h"
#include "executor/audit/loginuid.h"
#include "executor/confine/ownpaths.h"

enum {
	SELF_TEXT = 32 + INSTANCE_NAME,
	HELP_MAX = 16384, /* bytes */
	MAX_MESSAGE = 4096 /* bytes, before it is escaped */
};

/* The name, the joint and the name of the instance. */
static const char *
with_instance(const struct ctl *c, const char *name, const char *joint,
    char out[SELF_TEXT])
{
	(void)snprintf(out, SELF_TEXT, "%s%s%s", name,
	    c->instance != NULL ? joint : "",
	    c->instance != NULL ? c->instance : "");
	return out;
}

const char *
ctl_self(const struct ctl *c)
{
	static char text[SELF_TEXT];

	return with_instance(c, "mcp-execctl", " -i ", text);
}

const char *
ctl_unit(const struct ctl *c)
{
	static char text[SELF_TEXT];

	return with_instance(c, "mcp-execd", "@", text);
}

static void
print_report(struct conf_report *r)
{
	if (r->text.len > 0)
		(void)fputs(buf_cstr(&r->text), stderr);
}

bool
ctl_has_conf(const struct ctl *c)
{
	return access(c->config, F_OK) == 0 ||
	       (errno != ENOENT && errno != ENOTDIR);
}

static bool
load_failed(struct ctl *c, const struct err *e)
{
	if (!ctl_has_conf(c)) {
		(void)ctl_error(
		    "there is no configuration \"%s\": name it with -c FILE",
		    c->config);
		return false;
	}
	print_report(&c->report);
	if (geteuid() != 0 && access(c->config, R_OK) != 0 && errno == EACCES)
		(void)ctl_error("%s: run mcp-execctl as root", e->what);
	else
		(void)ctl_error("%s", e->what);
	return false;
}

bool
ctl_load_conf(struct ctl *c)
{
	struct err e;

	if (conf_load(c->config, &c->conf, &c->report, &e) == 0) {
		ownpaths_set(&c->conf);
		confine_load_posture(c->conf.posture);
		loginuid_reserve(
		    c->conf.login_uid_first, c->conf.login_uid_last);
		return true;
	}
	return load_failed(c, &e);
}

bool
ctl_load_log(struct ctl *c)
{
	struct err e;

	return conf_load_to_read(c->config, &c->conf, &c->report, &e) == 0 ||
	       load_failed(c, &e);
}

/* The process that listens at the control socket; 0: none, or not for us. */
static pid_t
find_service(const struct ctl *c)
{
	struct err e = { 0 };
	CLEANUP_FD int fd = control_socket_connect(c->conf.control, &e);
	struct ucred who = { .pid = 0 };
	socklen_t len = sizeof(who);

	if (fd >= 0)
		(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len);
	return who.pid;
}

/*
 * What the running service has; one that does not run yet may be given what
 * it needs, and checks that when it loads: until then it is an "if".
 */
bool
ctl_find_cgroup(const struct ctl *c)
{
	char path[PATH_MAX];
	unsigned bits;
	pid_t pid;
	struct err e;

	if (cgroup_look(c->conf.cgroup, path, &bits, &e) != 0) {
		(void)ctl_error("%s: " CGROUP_ADVICE, e.what);
		return false;
	}
	if (path[0] != '\0' || strcmp(c->conf.cgroup, "off") == 0) {
		cgroup_assume(path[0] != '\0', bits);
		return true;
	}
	pid = find_service(c);
	if (pid > 0 && cgroup_of_service(pid, path) &&
	    cgroup_look(path, path, &bits, &e) == 0)
		cgroup_assume(true, bits);
	else if (pid > 0)
		cgroup_assume(false, 0);
	return true;
}

bool
ctl_load_policies(struct ctl *c)
{
	struct err e;

	if (tooldef_load_dir(c->conf.tool_dir, &c->tools, &c->report, &e) ==
		0 &&
	    policydir_load(c->conf.policy_dir, &c->tools, &c->policies,
		&c->report, &e) == 0)
		return true;
	return load_failed(c, &e);
}

/* For "did you mean". */
struct name_list {
	char name[POLICY_MAX_POLICIES][POLICY_MAX_NAME];
	size_t count;
};

static bool
add_name(void *arg, const char *path, struct bytes name)
{
	struct name_list *l = arg;
	struct err e;

	(void)path;
	if (bytes_to_str(name, l->name[l->count], POLICY_MAX_NAME, &e) == 0)
		l->count++;
	return l->count < POLICY_MAX_POLICIES;
}

int
ctl_closest_file(
    const char *dir, const char *name, const char **close, struct err *e)
{
	static struct name_list l;
	const char *names[POLICY_MAX_POLICIES + 1] = { NULL };

	l.count = 0;
	*close = NULL;
	if (keys_each_file(dir, add_name, &l, e) != 0)
		return e->code;
	for (size_t i = 0; i < l.count; i++)
		names[i] = l.name[i];
	*close = closest_word(bytes_of(name), names);
	return 0;
}

static bool
no_policy(const struct ctl *c, const char *name)
{
	const char *close;
	struct err e;

	if (ctl_closest_file(c->conf.policy_dir, name, &close, &e) != 0) {
		(void)ctl_error(
		    "%s: create the directory, or set \"policy_dir\"", e.what);
		return false;
	}
	(void)ctl_error("there is no policy \"%s\" in %s%s%s%s",
	    log_text(bytes_of(name)).s, c->conf.policy_dir,
	    close != NULL ? ": did you mean \"" : ": name one of its files",
	    close != NULL ? close : "", close != NULL ? "\"?" : "");
	return false;
}

/* One file; NULL: it is not there, or it has findings. */
static struct policy *
load_policy(struct ctl *c, const char *name)
{
	char file[POLICY_MAX_NAME + sizeof(".json")], path[PATH_MAX];
	CLEANUP_BUF struct buf text;
	struct policy *p;
	struct err e;

	buf_init(&text, KEYS_MAX_FILE);
	(void)snprintf(file, sizeof(file), "%s.json", name);
	if (!policy_name_ok(bytes_of(name)) ||
	    fdio_join(path, sizeof(path), c->conf.policy_dir, file, &e) != 0 ||
	    (access(path, F_OK) != 0 && errno == ENOENT) ||
	    !keys_read_file(path, &text, &c->report) ||
	    policy_parse(path, name, buf_bytes(&text), &c->tools, &p,
		&c->report, &e) != 0 ||
	    policy_table_add(&c->policies, p, &e) != 0)
		return NULL;
	return p;
}

/* With those that its tools run under; what is missing is a finding. */
static bool
load_linked(struct ctl *c, const struct policy *p)
{
	unsigned before = c->report.count;

	for (size_t i = 0; i < p->tool_count; i++) {
		const struct tooldef *def = p->defined[i];

		if (def != NULL && policy_is_elevated(p, def) &&
		    policy_find(&c->policies, bytes_of(def->policy)) == NULL)
			(void)load_policy(c, def->policy);
	}
	elevation_link(&c->policies, c->conf.policy_dir, &c->report);
	return c->report.count == before;
}

bool
ctl_load_policy(struct ctl *c, const char *name)
{
	const struct policy *p;
	struct err e;

	if (tooldef_load_dir(c->conf.tool_dir, &c->tools, &c->report, &e) ==
	    0) {
		p = load_policy(c, name);
		if (p == NULL && c->report.count == 0)
			return no_policy(c, name);
		if (p != NULL && load_linked(c, p))
			return true;
	}
	print_report(&c->report);
	return false;
}

bool
ctl_load_good_policies(struct ctl *c)
{
	struct policydir *d;
	struct err e;

	if (tooldef_load_dir(c->conf.tool_dir, &c->tools, &c->report, &e) !=
		0 &&
	    c->report.count == 0)
		return load_failed(c, &e);
	d = policydir_begin(c->conf.policy_dir, &c->tools, &c->report, &e);
	if (d == NULL)
		return load_failed(c, &e);
	while (!policydir_step(d, UINT32_MAX))
		;
	policydir_end_with(d, &c->policies);
	return true;
}

bool
ctl_load_tokens(struct ctl *c)
{
	struct err e;

	if (tokendir_load(c->conf.token_dir, &c->policies, NULL, &c->tokens,
		&c->report, &e) == 0) {
		print_report(&c->report);
		return true;
	}
	return load_failed(c, &e);
}

void
ctl_fini(struct ctl *c)
{
	token_table_fini(&c->tokens);
	policy_table_fini(&c->policies);
	tooldef_table_fini(&c->tools);
	conf_report_fini(&c->report);
}

static void print_shown(const char *fmt, va_list ap) PRINTF_LIKE(1, 0);

/* On one line whatever names there are in it, and without control characters. */
static void
print_shown(const char *fmt, va_list ap)
{
	CLEANUP_BUF struct buf shown;
	char text[MAX_MESSAGE];

	buf_init(&shown, 6 * sizeof(text));
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	json_put_shown(&shown, bytes_of(text));
	if (shown.len > 0)
		(void)fputs(buf_cstr(&shown), stderr);
}

int
ctl_usage(const char *verb, const char *fmt, ...)
{
	va_list ap;

	(void)fprintf(stderr, "mcp-execctl %s: ", verb);
	va_start(ap, fmt);
	print_shown(fmt, ap);
	va_end(ap);
	(void)fprintf(stderr, "\nTry: mcp-execctl %s --help\n", verb);
	return CTL_USAGE;
}

int
ctl_error(const char *fmt, ...)
{
	va_list ap;

	(void)fputs("mcp-execctl: ", stderr);
	va_start(ap, fmt);
	print_shown(fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
	return CTL_FAILED;
}

int
ctl_no_memory(void)
{
	return ctl_error("out of memory");
}

int
ctl_print(struct bytes text)
{
	struct err e;

	if (fdio_write_all(STDOUT_FILENO, text.p, text.len, &e) == 0)
		return CTL_OK;
	return ctl_error("standard output: %s", e.what);
}

int
ctl_print_buf(const struct buf *b)
{
	int status = ctl_print(buf_bytes(b));

	if (!b->overflow)
		return status;
	return ctl_error(
	    "the output is not whole: it is over %zu bytes, or there is no memory",
	    b->max);
}

char **
ctl_options(
    const struct ctl_verb *v, void *into, int argc, char **argv, int *status)
{
	static const struct cmdline_option none[] = { CMDLINE_LAST };
	const struct cmdline_option *o = v->options != NULL ? v->options : none;
	char command[64];
	const struct cmdline_help help = { command, v->operands, v->about, o,
		v->more };
	CLEANUP_BUF struct buf text = { 0 };
	struct err e;
	int first = cmdline_parse(o, false, into, argc, argv, &e);

	if (first < 0) {
		*status = ctl_usage(v->name, "%s", e.what);
	} else if (first > 0 && argv[first] != NULL && v->operands == NULL) {
		*status = ctl_usage(v->name, "unexpected operand \"%s\"",
		    log_text(bytes_of(argv[first])).s);
	} else if (first > 0) {
		return argv + first;
	} else {
		(void)snprintf(command, sizeof(command),
		    "mcp-execctl [-c CONFIG] %s", v->name);
		buf_init(&text, HELP_MAX);
		cmdline_put_help(&text, &help);
		*status = ctl_print(buf_bytes(&text));
	}
	return NULL;
}

const char *
ctl_name(const char *verb, char **operands)
{
	if (operands[0] == NULL || operands[1] != NULL) {
		(void)ctl_usage(verb, "one NAME of a token is needed");
		return NULL;
	}
	if (!policy_name_ok(bytes_of(operands[0]))) {
		(void)ctl_usage(verb,
		    "\"%s\" is not a valid name: use 1 to 63 of A-Z a-z 0-9 _ . - and no dot in front",
		    log_text(bytes_of(operands[0])).s);
		return NULL;
	}
	return operands[0];
}

const char *
ctl_run_id(const char *verb, char **operands)
{
	const char *id = operands[0] != NULL ? operands[0] : "";
	size_t n = strlen(id);

	if (n > 0 && n < CTL_MAX_ID && operands[1] == NULL &&
	    strspn(id, "0123456789abcdef") == n)
		return id;
	(void)ctl_usage(verb,
	    "one RUN is needed: an id, or its beginning, of 0-9 and a-f; see mcp-execctl %s",
	    strncmp(verb, "audit", 5) == 0 ? "audit search" : "runs");
	return NULL;
}

int
ctl_token_path(
    const struct ctl *c, const char *name, char out[PATH_MAX], struct err *e)
{
	char file[POLICY_MAX_NAME + sizeof(".json")];

	(void)snprintf(file, sizeof(file), "%s.json", name);
	return fdio_join(out, PATH_MAX, c->conf.token_dir, file, e);
}
