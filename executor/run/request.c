/* SPDX-License-Identifier: MIT */
/*
 * request: the frontend's arguments, checked again.  Executor; everything
 * here is untrusted until it has passed the tables below.
 */
#include "executor/run/request.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/beneath.h"
#include "common/cleanup.h"
#include "common/path.h"
#include "executor/policy/elevation.h"
#include "executor/run/clientwait.h"
#include "executor/run/toolcall.h"
#include "executor/run/wordsplit.h"

#define DEFAULT_PATH                                                           \
	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct tool {
	const char *name;
	const char *dir_arg; /* its name for the working directory */
	bool shell;
};

static const struct tool tools[] = {
	{ "exec_cmd", "working_dir", true },
	{ "cli_command", "work_dir", false },
};

struct arg_rule {
	const char *name; /* NULL: the tool's dir_arg */
	enum proto_kind kind;
	size_t max; /* bytes */
	bool repeated;
};

static const struct arg_rule arg_rules[] = {
	{ "command", PROTO_STRING, REQUEST_MAX_COMMAND, false },
	{ NULL, PROTO_STRING, PATH_MAX - 1, false },
	{ "stdin", PROTO_STRING, REQUEST_MAX_STDIN, false },
	{ "timeout_ms", PROTO_NUMBER, 20, false },
	{ "env", PROTO_STRING, REQUEST_MAX_COMMAND, true },
	{ "view", PROTO_STRING, VIEWSPEC_MAX, false },
};

void
request_init(struct request *r)
{
	memset(r, 0, sizeof(*r));
	buf_init(&r->store, REQUEST_MAX_BYTES);
}

void
request_fini(struct request *r)
{
	buf_wipe(&r->store);
	free(r->arg);
	r->arg = NULL;
	r->arg_count = r->arg_room = 0;
}

int
request_begin(struct request *r, const struct msg_call *m, struct err *e)
{
	r->call = m->call;
	r->window = m->window;
	r->arg_count = 0;
	r->detached = false;
	r->terminal = (struct terminal_size){ 0, 0 };
	buf_reset(&r->store);
	if (bytes_to_str(m->tool, r->tool, sizeof(r->tool), e) != 0 ||
	    bytes_to_str(m->peer, r->peer, sizeof(r->peer), e) != 0 ||
	    bytes_to_str(m->session, r->session, sizeof(r->session), e) != 0 ||
	    bytes_to_str(m->client, r->client, sizeof(r->client), e) != 0 ||
	    bytes_to_str(m->revision, r->revision, sizeof(r->revision), e) !=
		0 ||
	    bytes_to_str(m->trace, r->trace, sizeof(r->trace), e) != 0) {
		(void)err_wrap(e, "CALL");
		return e->code = ERR_PROTO;
	}
	return 0;
}

/* A new one, or NULL; most calls have fewer than the first room is for. */
static struct request_arg *
new_arg(struct request *r, struct err *e)
{
	size_t room = r->arg_room == 0 ? 4 : 2 * r->arg_room;
	struct request_arg *more;

	if (r->arg_count == REQUEST_MAX_ARGS) {
		(void)err_set(
		    e, ERR_PROTO, "more than %d arguments", REQUEST_MAX_ARGS);
		return NULL;
	}
	if (r->arg_count < r->arg_room)
		return &r->arg[r->arg_count];
	more = reallocarray(r->arg, room, sizeof(*more));
	if (more == NULL) {
		(void)err_memory(e);
		return NULL;
	}
	r->arg = more;
	r->arg_room = room;
	return &r->arg[r->arg_count];
}

int
request_add(struct request *r, const struct msg_arg *m, struct err *e)
{
	struct request_arg *a =
	    r->arg_count == 0 ? NULL : &r->arg[r->arg_count - 1];

	if (m->kind > PROTO_BOOL || m->more > 1)
		return err_set(e, ERR_PROTO, "ARG with an unknown kind");
	if (a == NULL || !a->more) {
		a = new_arg(r, e);
		if (a == NULL)
			return e->code;
		memset(a, 0, sizeof(*a));
		if (bytes_to_str(m->name, a->name, sizeof(a->name), e) != 0)
			return e->code = ERR_PROTO;
		a->kind = m->kind;
		a->off = r->store.len;
		r->arg_count++;
	} else if (!bytes_eq_str(m->name, a->name) || m->kind != a->kind) {
		return err_set(e, ERR_PROTO, "ARG inside another argument");
	}
	a->more = m->more == 1;
	a->len += m->value.len;
	buf_put_bytes(&r->store, m->value);
	if (r->store.overflow)
		return err_set(
		    e, ERR_PROTO, "arguments over %d bytes", REQUEST_MAX_BYTES);
	return 0;
}

struct bytes
request_value(const struct request *r, const struct request_arg *a)
{
	return a->len == 0 ? bytes_make(NULL, 0)
			   : bytes_make(r->store.p + a->off, a->len);
}

bool
request_take(struct request *r, const char *name, struct bytes *out)
{
	size_t i;

	for (i = 0; i < r->arg_count; i++) {
		if (strcmp(r->arg[i].name, name) != 0)
			continue;
		*out = request_value(r, &r->arg[i]);
		r->arg_count--;
		memmove(&r->arg[i], &r->arg[i + 1],
		    (r->arg_count - i) * sizeof(r->arg[0]));
		return true;
	}
	return false;
}

static const struct request_arg *
find_arg(const struct request *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->arg_count; i++)
		if (strcmp(r->arg[i].name, name) == 0)
			return &r->arg[i];
	return NULL;
}

static const struct tool *
find_tool(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(tools) / sizeof(tools[0]); i++)
		if (strcmp(tools[i].name, name) == 0)
			return &tools[i];
	return NULL;
}

static const struct arg_rule *
find_rule(const struct tool *tool, const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(arg_rules) / sizeof(arg_rules[0]); i++) {
		const char *known = arg_rules[i].name;

		if (strcmp(known != NULL ? known : tool->dir_arg, name) == 0)
			return &arg_rules[i];
	}
	return NULL;
}

bool
request_drops(const struct request *r, const char *name)
{
	const struct conf *c = r->conf;

	for (size_t i = 0; c != NULL && i < c->ignored_count; i++)
		if (strcmp(c->ignored[i], name) == 0)
			return true;
	return false;
}

/* Is it one that the tool lacks and the configuration drops?  Then it is noted. */
static bool
drop_arg(const struct request *r, const struct request_arg *a, struct plan *p)
{
	if (!request_drops(r, a->name))
		return false;
	buf_put(&p->ignored, a->name, strlen(a->name) + 1);
	return true;
}

/* Every argument is known, of its kind, within its size and not twice. */
static int
check_args(const struct request *r, const struct tool *tool, struct plan *p,
    struct err *e)
{
	size_t i, repeats = 0;

	for (i = 0; i < r->arg_count; i++) {
		const struct request_arg *a = &r->arg[i];
		const struct arg_rule *rule = find_rule(tool, a->name);

		if (rule == NULL && drop_arg(r, a, p))
			continue;
		if (rule == NULL)
			return err_set(e, ERR_BAD, "%s has no argument \"%s\"",
			    tool->name, a->name);
		if (a->kind != (uint8_t)rule->kind)
			return err_set(e, ERR_BAD,
			    "argument \"%s\" has the wrong type", a->name);
		if (a->len > rule->max)
			return err_set(e, ERR_BAD,
			    "argument \"%s\" has %zu bytes, %zu is the most",
			    a->name, a->len, rule->max);
		if (!rule->repeated && find_arg(r, a->name) != a)
			return err_set(e, ERR_BAD,
			    "argument \"%s\" is given twice", a->name);
		if (rule->repeated && ++repeats > REQUEST_MAX_ENV)
			return err_set(e, ERR_BAD,
			    "more than %d variables in \"%s\"", REQUEST_MAX_ENV,
			    a->name);
	}
	return 0;
}

int
plan_refuse_directory(const struct plan *p, int sysno, struct err *e)
{
	switch (sysno) {
	case EXDEV:
		return err_set(e, ERR_DENIED,
		    "working directory \"%s\" leads out of %s (policy %s, key directory); use a directory inside it",
		    p->relative, p->policy->directory, p->policy->name);
	case ELOOP:
		return err_set(e, ERR_DENIED,
		    "working directory \"%s\" goes through a link that is not followed",
		    p->relative);
	case ENOENT:
	case ENOTDIR:
		return err_set(e, ERR_BAD,
		    "working directory \"%s\": %s; it has to be in %s (policy %s, key directory)",
		    p->relative, strerror(sysno), p->policy->directory,
		    p->policy->name);
	default:
		return err_set(e, ERR_BAD, "working directory \"%s\": %s",
		    p->relative, strerror(sysno));
	}
}

/* The text of a path without "." and needless slashes; ".." leads anywhere. */
static void
put_words(char out[PATH_MAX], const char *directory, const char *rel)
{
	size_t len = strlen(directory), n;

	while (len > 0 && directory[len - 1] == '/')
		len--;
	(void)snprintf(out, PATH_MAX, "%.*s", (int)len, directory);
	for (; *rel != '\0'; rel += n) {
		rel += strspn(rel, "/");
		n = strcspn(rel, "/");
		if (n == 0 || (n == 1 && rel[0] == '.'))
			continue;
		len = strlen(out);
		(void)snprintf(out + len, PATH_MAX - len, "/%.*s", (int)n, rel);
	}
	if (out[0] == '\0')
		(void)snprintf(out, PATH_MAX, "/");
}

static int
keep_paths(struct plan *p, const char *relative, const char *cwd, struct err *e)
{
	size_t n = strlen(relative) + 1;

	buf_put(&p->paths, relative, n);
	buf_put(&p->paths, cwd, strlen(cwd) + 1);
	if (p->paths.overflow)
		return err_memory(e);
	p->relative = (const char *)p->paths.p;
	p->cwd = p->relative + n;
	return 0;
}

/*
 * By its words only.  Whether it is there, and where its links lead, is found
 * out by the run, with its own rights: nobody is to learn from us what they
 * may not look at.
 */
static int
plan_cwd(struct plan *p, struct bytes asked, struct err *e)
{
	const char *directory = p->policy->directory, *rel;
	char text[PATH_MAX], cwd[PATH_MAX];
	bool fits;

	if (bytes_to_str(asked, text, sizeof(text), e) != 0)
		return err_wrap(e, "working directory");
	rel = text[0] == '\0' ? "." : text;
	if (rel[0] == '/')
		rel = path_below(text, directory);
	if (rel != NULL && rel[0] == '\0')
		rel = ".";
	cwd[0] = '\0';
	fits =
	    rel != NULL && strlen(directory) + strlen(rel) + 2 <= sizeof(cwd);
	if (fits)
		put_words(cwd, directory, rel);
	if (keep_paths(p, rel != NULL ? rel : text, cwd, e) != 0)
		return e->code;
	if (rel == NULL)
		return plan_refuse_directory(p, EXDEV, e);
	return fits ? 0 : plan_refuse_directory(p, ENAMETOOLONG, e);
}

static uint32_t
clip_timeout(const struct token *t, uint32_t most)
{
	return t->timeout_max_ms != 0 && t->timeout_max_ms < most
		   ? t->timeout_max_ms
		   : most;
}

static uint32_t
longest_timeout(const struct plan *p, const struct token *t)
{
	return clip_timeout(t, p->policy->timeout_max_ms);
}

/* As a job it may take its time, unless somebody named another. */
static void
plan_job_time(
    struct plan *p, const struct request *r, const struct token *t, bool named)
{
	p->job_ms = p->timeout_ms;
	if (!named && p->jobs.offered && p->policy->jobs.offered)
		p->job_ms = clip_timeout(t, p->policy->jobs.max_seconds * 1000);
	if (r->detached)
		p->timeout_ms = p->job_ms;
}

static int
plan_timeout(struct plan *p, const struct request *r, const struct token *t,
    struct err *e)
{
	const struct request_arg *a = find_arg(r, "timeout_ms");
	uint32_t most = longest_timeout(p, t);
	uint64_t ms;

	p->timeout_ms =
	    p->policy->timeout_ms < most ? p->policy->timeout_ms : most;
	if (r->detached)
		most = clip_timeout(t, p->jobs.max_seconds * 1000);
	if (a != NULL) {
		if (bytes_to_u64(request_value(r, a), 1, most, &ms, e) != 0)
			return err_set(e, ERR_BAD,
			    "timeout_ms must be a whole number from 1 to %u (policy %s, key %s)",
			    most, p->policy->name,
			    r->detached ? "jobs.max_seconds"
					: "limits.timeout_max_ms");
		p->timeout_ms = (uint32_t)ms;
	}
	plan_job_time(p, r, t, a != NULL);
	return 0;
}

/* Offsets into p->strings, as strings may still move while it grows. */
struct vector {
	size_t off[REQUEST_MAX_WORDS + 8];
	size_t count;
};

static void
vector_add(struct vector *v, struct plan *p, struct bytes s)
{
	v->off[v->count++] = p->strings.len;
	buf_put_bytes(&p->strings, s);
	buf_put_u8(&p->strings, '\0');
}

static char *
string_at(struct plan *p, size_t off)
{
	return (char *)p->strings.p + off;
}

static size_t
put_vector(struct plan *p, const struct vector *v)
{
	size_t at = p->vectors.len, i;
	char *s;

	for (i = 0; i < v->count; i++) {
		s = string_at(p, v->off[i]);
		buf_put(&p->vectors, &s, sizeof(s));
	}
	s = NULL;
	buf_put(&p->vectors, &s, sizeof(s));
	return at;
}

static int
plan_argv(struct plan *p, struct bytes command, struct vector *v, struct err *e)
{
	size_t count, i, off = p->strings.len;

	if (p->shell) {
		if (p->policy->shell[0] == '\0')
			return err_set(e, ERR_DENIED,
			    "policy %s has no shell; use cli_command",
			    p->policy->name);
		if (bytes_has_nul(command))
			return err_set(
			    e, ERR_BAD, "command holds a NUL character");
		vector_add(v, p, bytes_of(p->policy->shell));
		vector_add(v, p, BYTES_LIT("-c"));
		vector_add(v, p, command);
		return 0;
	}
	if (wordsplit_split(
		command, REQUEST_MAX_WORDS, &p->strings, &count, e) != 0)
		return e->code;
	for (i = 0; i < count; i++) {
		v->off[v->count++] = off;
		off += strlen(string_at(p, off)) + 1;
	}
	if (count == 0 || *string_at(p, v->off[0]) == '\0')
		return err_set(e, ERR_BAD, "command is empty");
	return 0;
}

/*
 * The words of a defined tool's template, and after them the line that they
 * are in the records; *command is where it begins.
 */
static int
plan_defined(struct plan *p, const struct toolcall *call, struct vector *v,
    size_t *command, struct err *e)
{
	struct buf line;

	for (size_t i = 0; i < call->def->argv.words; i++) {
		size_t off = p->strings.len;

		if (!toolcall_put_word(call, i, &p->strings))
			continue;
		buf_put_u8(&p->strings, '\0');
		v->off[v->count++] = off;
	}
	if (p->strings.overflow)
		return err_memory(e);
	buf_init(&line, 2 * REQUEST_MAX_BYTES);
	for (size_t i = 0; i < v->count; i++) {
		if (i > 0)
			buf_put_u8(&line, ' ');
		wordsplit_quote(&line, string_at(p, v->off[i]));
	}
	*command = p->strings.len;
	buf_put_bytes(&p->strings, buf_bytes(&line));
	p->command = bytes_make(NULL, line.len);
	buf_fini(&line);
	return 0;
}

static bool
same_variable(const char *a, const char *b, size_t name_len)
{
	return strncmp(a, b, name_len) == 0 && a[name_len] == '=' &&
	       b[name_len] == '=';
}

/* Add NAME=value; a variable of this name that is there already is replaced. */
static void
env_set(struct plan *p, struct vector *v, const char *name, struct bytes value)
{
	size_t n = strlen(name), off = p->strings.len, i;

	buf_put_str(&p->strings, name);
	buf_put_u8(&p->strings, '=');
	buf_put_bytes(&p->strings, value);
	buf_put_u8(&p->strings, '\0');
	if (p->strings.overflow)
		return;
	for (i = 0; i < v->count; i++)
		if (same_variable(
			string_at(p, v->off[i]), string_at(p, off), n)) {
			v->off[i] = off;
			return;
		}
	v->off[v->count++] = off;
}

/* With as many of those that may be set as there is room for. */
static int
refuse_variable(const struct policy *p, const char *name, struct err *e)
{
	char list[200] = "";
	size_t n = 0, i, len;

	for (i = 0; i < p->env_allowed_count; i++) {
		len = strlen(p->env_allowed[i]);
		if (n + len + sizeof(", , ...") > sizeof(list))
			break;
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s",
		    i > 0 ? ", " : "", p->env_allowed[i]);
	}
	return err_set(e, ERR_DENIED,
	    "env: \"%s\" may not be set (policy %s, key environment.allow): a caller may set %s%s",
	    name, p->name, n > 0 ? list : "no variable",
	    n > 0 && i < p->env_allowed_count ? ", ..." : "");
}

static int
env_from_caller(
    struct plan *p, struct vector *v, struct bytes pair, struct err *e)
{
	const uint8_t *eq =
	    pair.len == 0 ? NULL : memchr(pair.p, '=', pair.len);
	struct bytes name, value;
	char text[256];

	if (eq == NULL || bytes_has_nul(pair))
		return err_set(
		    e, ERR_BAD, "env must be names with values without NUL");
	name = bytes_make(pair.p, (size_t)(eq - pair.p));
	value = bytes_make(eq + 1, pair.len - name.len - 1);
	if (bytes_to_str(name, text, sizeof(text), e) != 0)
		return err_wrap(e, "env");
	if (!policy_env_ok(p->policy, name))
		return refuse_variable(p->policy, text, e);
	env_set(p, v, text, value);
	return 0;
}

/* Built from nothing: fixed basics, the policy's, what the caller may set. */
static int
plan_env(
    struct plan *p, const struct request *r, struct vector *v, struct err *e)
{
	const struct policy *pol = p->policy;
	const char *shell = pol->shell[0] != '\0' ? pol->shell : "/bin/sh";
	size_t i;

	env_set(p, v, "PATH", bytes_of(DEFAULT_PATH));
	env_set(p, v, "HOME", bytes_of(pol->home));
	env_set(p, v, "USER", bytes_of(pol->user));
	env_set(p, v, "LOGNAME", bytes_of(pol->user));
	env_set(p, v, "SHELL", bytes_of(shell));
	env_set(p, v, "LANG", BYTES_LIT("C.UTF-8"));
	env_set(p, v, "TERM",
	    r->terminal.columns != 0 ? BYTES_LIT("xterm-256color")
				     : BYTES_LIT("dumb"));
	env_set(p, v, "PWD", bytes_of(p->cwd));
	for (i = 0; i < pol->env_count; i++) {
		const char *eq = strchr(pol->env[i], '=');
		char name[256];

		if (eq == NULL || (size_t)(eq - pol->env[i]) >= sizeof(name))
			continue;
		(void)snprintf(name, sizeof(name), "%.*s",
		    (int)(eq - pol->env[i]), pol->env[i]);
		env_set(p, v, name, bytes_of(eq + 1));
	}
	/* a defined tool's arguments are its parameters and nothing else */
	for (i = 0; i < r->arg_count && !p->defined; i++)
		if (strcmp(r->arg[i].name, "env") == 0 &&
		    env_from_caller(p, v, request_value(r, &r->arg[i]), e) != 0)
			return e->code;
	return 0;
}

static const char *
env_value(struct plan *p, const struct vector *v, const char *name)
{
	size_t n = strlen(name), i;

	for (i = 0; i < v->count; i++) {
		const char *s = string_at(p, v->off[i]);

		if (strncmp(s, name, n) == 0 && s[n] == '=')
			return s + n + 1;
	}
	return "";
}

/* Where execve looks: the name itself if it has a slash, else along PATH. */
static int
plan_paths(struct plan *p, const char *search, const char *name,
    size_t off[REQUEST_MAX_PATHS], size_t *count, struct err *e)
{
	CLEANUP_STR char *copy = strdup(search), *word = strdup(name);
	char *dir, *rest = copy;

	*count = 0;
	if (copy == NULL || word == NULL)
		return err_memory(e);
	if (strchr(word, '/') != NULL) {
		off[(*count)++] = p->strings.len;
		buf_printf(&p->strings, "%s", word);
		buf_put_u8(&p->strings, '\0');
		return 0;
	}
	while ((dir = strsep(&rest, ":")) != NULL) {
		if (*dir != '/' || *count == REQUEST_MAX_PATHS - 1)
			continue; /* never the working directory */
		off[(*count)++] = p->strings.len;
		buf_printf(&p->strings, "%s/%s", dir, word);
		buf_put_u8(&p->strings, '\0');
	}
	return 0;
}

/* What is to be run: a command of the caller's, or a defined tool. */
struct what {
	const struct toolcall *call; /* NULL: the command */
	struct bytes command, input;
	bool has_input;
};

/* The command as text, the words of argv; `at` is the text's place. */
static int
plan_command(struct plan *p, const struct what *w, struct vector *v, size_t *at,
    struct err *e)
{
	if (w->call != NULL)
		return plan_defined(p, w->call, v, at, e);
	*at = p->strings.len;
	buf_put_bytes(&p->strings, w->command);
	p->command = bytes_make(NULL, w->command.len);
	return plan_argv(p, w->command, v, e);
}

/* All strings of the plan, and then the pointers into them. */
static int
plan_strings(struct plan *p, const struct request *r, const struct what *w,
    struct err *e)
{
	static struct vector argv, envp;
	size_t off[REQUEST_MAX_PATHS], paths, i, at_command = 0, at_input,
						 argv_at;

	argv.count = envp.count = 0;
	at_input = p->strings.len;
	buf_put_bytes(&p->strings, w->input);
	if (plan_command(p, w, &argv, &at_command, e) != 0)
		return e->code;
	if (p->strings.overflow) /* argv may point at what is not there */
		return err_memory(e);
	if (plan_env(p, r, &envp, e) != 0 ||
	    plan_paths(p, env_value(p, &envp, "PATH"),
		string_at(p, argv.off[0]), off, &paths, e) != 0)
		return e->code;
	argv_at = put_vector(p, &argv);
	i = put_vector(p, &envp);
	if (p->strings.overflow || p->vectors.overflow)
		return err_memory(e);
	p->argv = (char **)(void *)(p->vectors.p + argv_at);
	p->envp = (char **)(void *)(p->vectors.p + i);
	for (i = 0; i < paths; i++)
		p->path[i] = string_at(p, off[i]);
	p->path[paths] = NULL;
	p->command = bytes_make(p->strings.p + at_command, p->command.len);
	p->has_input = w->has_input;
	p->input = bytes_make(p->strings.p + at_input, w->input.len);
	return 0;
}

/* Of tools that return both streams as one text. */
static bool
wants_one_stream(const struct token *t)
{
	return !t->policy->separate && !token_structured(t);
}

/*
 * The tool's own policy instead of the token's, which offers the tool and
 * has no other part in it but what the token narrows: its time.
 */
static int
plan_elevation(struct plan *p, const struct token *t, const struct tooldef *def,
    struct err *e)
{
	struct policy *to;

	if (!policy_is_elevated(t->policy, def))
		return 0;
	to = elevation_of(t->policy, def);
	if (to == NULL)
		return err_set(e, ERR_DENIED,
		    "%s runs under a policy of its own, and this token is narrowed to a directory: use a token that is not",
		    def->name);
	(void)snprintf(p->from, sizeof(p->from), "%s", t->policy->name);
	policy_unref(p->policy);
	p->policy = policy_ref(to);
	return 0;
}

/* A tool that the administrator defined: its parameters and nothing else. */
static int
plan_tool(struct plan *p, const struct request *r, const struct token *t,
    const struct tooldef *def, struct err *e)
{
	struct what w = { 0 };
	struct toolcall call;
	uint32_t most, wanted;

	if (plan_elevation(p, t, def, e) != 0)
		return e->code;
	most = longest_timeout(p, t);
	wanted = def->timeout_ms != 0 ? def->timeout_ms : p->policy->timeout_ms;
	p->defined = true;
	p->one_stream = def->form == PROTO_FORM_TEXT && wants_one_stream(t);
	p->timeout_ms = wanted < most ? wanted : most;
	p->text = def->form == PROTO_FORM_TEXT;
	plan_job_time(p, r, t, def->timeout_ms != 0);
	toolcall_init(&call, def);
	for (size_t i = 0; i < r->arg_count; i++) {
		const struct request_arg *a = &r->arg[i];

		if (!tooldef_has(def, a->name) && drop_arg(r, a, p))
			continue;
		if (toolcall_take(
			&call, a->name, a->kind, request_value(r, a), e) != 0)
			return e->code;
	}
	if (toolcall_complete(&call, e) != 0 ||
	    plan_cwd(p,
		bytes_of(def->directory[0] != '\0' ? def->directory : "."),
		e) != 0)
		return e->code;
	w.call = &call;
	w.has_input = toolcall_input(&call, &w.input);
	return plan_strings(p, r, &w, e);
}

static int
plan_view(struct plan *p, const struct request *r, struct err *e)
{
	const struct request_arg *a = find_arg(r, "view");

	return a == NULL ? 0 : viewspec_parse(request_value(r, a), &p->view, e);
}

static int
make_plan(const struct request *r, const struct token *t, struct plan *p,
    struct err *e)
{
	const struct tool *tool = find_tool(r->tool);
	const struct request_arg *command, *dir, *in;
	const struct tooldef *def = policy_tool(t->policy, bytes_of(r->tool));
	struct what w = { 0 };

	if (def != NULL)
		return plan_tool(p, r, t, def, e);
	if (tool == NULL || !policy_offers(t->policy, bytes_of(r->tool)))
		return err_set(e, ERR_DENIED,
		    "tool \"%s\" is not offered to this token (policy %s, key tools)",
		    r->tool, t->policy->name);
	if (check_args(r, tool, p, e) != 0)
		return e->code;
	command = find_arg(r, "command");
	if (command == NULL || command->len == 0)
		return err_set(e, ERR_BAD, "command is required");
	dir = find_arg(r, tool->dir_arg);
	p->shell = tool->shell;
	p->text = true;
	p->one_stream = tool->shell && wants_one_stream(t);
	if (plan_cwd(p, dir != NULL ? request_value(r, dir) : BYTES_LIT("."),
		e) != 0 ||
	    plan_timeout(p, r, t, e) != 0 || plan_view(p, r, e) != 0)
		return e->code;
	in = find_arg(r, "stdin");
	w.command = request_value(r, command);
	w.has_input = in != NULL;
	if (in != NULL)
		w.input = request_value(r, in);
	return plan_strings(p, r, &w, e);
}

int
request_plan(const struct request *r, const struct token *t, struct plan *out,
    struct err *e)
{
	struct plan p = { .cgroup_fd = -1, .cwd = "", .relative = "" };

	buf_init(&p.paths, 2 * PATH_MAX);
	buf_init(&p.ignored, REQUEST_MAX_ARGS * 64);
	buf_init(&p.strings, 2 * REQUEST_MAX_BYTES + (1 << 20));
	buf_init(&p.vectors, (REQUEST_MAX_WORDS + 512) * sizeof(char *));
	p.policy = policy_ref(t->policy);
	(void)snprintf(p.token, sizeof(p.token), "%s", t->name);
	(void)snprintf(p.tool, sizeof(p.tool), "%s", r->tool);
	memcpy(p.verifier, t->verifier, sizeof(p.verifier));
	p.expires = t->expires;
	p.jobs = t->policy->jobs;
	p.jobs.wait_ms = clientwait_most(r->client, p.jobs.wait_ms);
	p.login_uid = t->login_uid;
	p.terminal = r->terminal;
	if (make_plan(r, t, &p, e) != 0) {
		plan_fini(&p);
		return e->code;
	}
	if (p.terminal.columns != 0 && p.has_input) {
		plan_fini(&p);
		return err_set(e, ERR_BAD,
		    "a job with a terminal takes no stdin: type it with job_input");
	}
	failure_init(&p.failure, p.command);
	*out = p;
	out->one_stream |= p.terminal.columns != 0;
	return 0;
}

void
plan_fini(struct plan *p)
{
	policy_unref(p->policy);
	p->policy = NULL;
	viewspec_fini(&p->view);
	buf_fini(&p->paths);
	buf_fini(&p->ignored);
	buf_wipe(&p->strings);
	buf_fini(&p->vectors);
}
