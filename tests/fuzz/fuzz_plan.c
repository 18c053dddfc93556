/* SPDX-License-Identifier: MIT */
/*
 * fuzz_plan: arguments of a hijacked frontend, as request_add takes them and
 * request_plan makes a plan of them.
 *
 * The input is one byte that chooses the tool, then records: name, kind,
 * more (one byte each), length (two bytes, low one first), value.
 */
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "executor/run/request.h"

#define JAIL "/usr"
#define POLICY                                                                 \
	"\"directory\":\"" JAIL "\",\"environment\":{\"set\":{\"X\":\"1\"},"   \
	"\"allow\":[\"CI\",\"X\"]},\"syscalls\":{\"profile\":\"none\"},"       \
	"\"network\":\"host\",\"tools\":[\"exec_cmd\",\"cli_command\","        \
	"\"defined\"],"                                                        \
	"\"disable\":[\"mounts\",\"pids\",\"ipc\",\"network\",\"user\","       \
	"\"landlock\",\"seccomp\"]}"

static const char *const tools[] = { "exec_cmd", "cli_command", "other",
	"defined" };
static const char *const names[] = { "command", "working_dir", "work_dir",
	"stdin", "timeout_ms", "env", "", "x", "word", "n", "yes" };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static const char definition[] =
    "{\"description\":\"d\",\"stdin\":\"stdin\",\"parameters\":{\"stdin\":{\"type\":\"string\"},\"word\":{\"type\":\"string\",\"pattern\":\"[^/]+\"},\"n\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":99,\"default\":7},\"yes\":{\"type\":\"boolean\"},\"env\":{\"type\":\"string\",\"enum\":[\"LD_PRELOAD=x\"],\"default\":\"LD_PRELOAD=x\"}},\"argv\":[\"/bin/true\",\"{word}\",\"{n}\",\"{env}\",{\"if\":\"yes\",\"words\":[\"--\"]}]}";

static struct tooldef_table *
known(struct conf_report *r)
{
	static struct tooldef_table t;
	struct err e;

	must(tooldef_parse("defined.json", "defined", bytes_of(definition),
		 &t.t[0], r, &e) == 0);
	t.count = 1;
	return &t;
}

static struct token *
token(void)
{
	static struct token t = { .name = "t", .directory = "", .comment = "" };
	const char *text =
	    geteuid() == 0 ? "{\"user\":\"root\"," POLICY : "{" POLICY;
	struct conf_report r;
	struct err e = { 0 };

	if (t.policy != NULL)
		return &t;
	conf_report_init(&r);
	must(policy_parse(
		 "p", "p", bytes_of(text), known(&r), &t.policy, &r, &e) == 0);
	conf_report_fini(&r);
	return &t;
}

/* Is it a string of the plan, with its end? */
static bool
is_string(const struct plan *p, const char *s)
{
	const char *from = (const char *)p->strings.p;

	return s >= from && s < from + p->strings.len &&
	       memchr(s, '\0', (size_t)(from + p->strings.len - s)) != NULL;
}

static bool
is_bytes(const struct plan *p, struct bytes s)
{
	return s.len == 0 || (s.p >= p->strings.p &&
				 s.p + s.len <= p->strings.p + p->strings.len);
}

static void
check_env(const struct plan *p)
{
	size_t i, j, n;

	for (i = 0; p->envp[i] != NULL; i++) {
		must(is_string(p, p->envp[i]));
		must(strchr(p->envp[i], '=') != NULL);
		must(strncmp(p->envp[i], "LD_", 3) != 0);
		n = (size_t)(strchr(p->envp[i], '=') - p->envp[i]) + 1;
		for (j = 0; j < i; j++)
			must(strncmp(p->envp[j], p->envp[i], n) != 0);
	}
}

static void
check_plan(const struct plan *p)
{
	size_t i;

	for (i = 0; p->argv[i] != NULL; i++)
		must(is_string(p, p->argv[i]));
	must(i > 0 && i <= REQUEST_MAX_WORDS && p->argv[0][0] != '\0');
	if (p->defined)
		must(strcmp(p->argv[0], "/bin/true") == 0 &&
		     p->argv[1][0] != '-' && strchr(p->argv[1], '/') == NULL &&
		     (i == 4 || (i == 5 && strcmp(p->argv[4], "--") == 0)));
	check_env(p);
	for (i = 0; p->path[i] != NULL; i++)
		must(i < REQUEST_MAX_PATHS && is_string(p, p->path[i]) &&
		     (p->path[i][0] == '/' || p->path[i] == p->path[0]));
	must(p->path[0] == NULL || p->path[0][0] == '/' ||
	     strchr(p->argv[0], '/') != NULL);
	must(is_bytes(p, p->command) && is_bytes(p, p->input));
	must(p->has_input || p->input.len == 0);
	must(p->timeout_ms >= 1 && p->timeout_ms <= p->policy->timeout_max_ms);
	must(strncmp(p->cwd, JAIL, strlen(JAIL)) == 0 &&
	     (p->cwd[strlen(JAIL)] == '/' || p->cwd[strlen(JAIL)] == '\0'));
}

/* One record; how many bytes it took, 0 when there is none. */
static size_t
take(struct bytes in, struct msg_arg *m)
{
	size_t len;

	if (in.len < 5)
		return 0;
	*m = (struct msg_arg){
		.call = 1,
		.name = bytes_of(
		    names[in.p[0] % (sizeof(names) / sizeof(names[0]))]),
		.kind = in.p[1] % 4,
		.more = in.p[2] % 3,
	};
	len = in.p[3] | (size_t)in.p[4] << 8;
	if (len > in.len - 5)
		len = in.len - 5;
	if (len > PROTO_MAX_DATA)
		len = PROTO_MAX_DATA;
	m->value = bytes_make(in.p + 5, len);
	return 5 + len;
}

static void
plan(const struct request *r)
{
	struct plan p = { .cgroup_fd = INT_MIN };
	struct err e = { 0 };

	if (request_plan(r, token(), &p, &e) != 0) {
		must(p.cgroup_fd == INT_MIN && e.what[0] != '\0');
		must(e.code == ERR_BAD || e.code == ERR_DENIED);
		return;
	}
	check_plan(&p);
	plan_fini(&p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct msg_call call = { .call = 1 };
	static struct request r;
	struct msg_arg m;
	struct err e = { 0 };
	size_t at = 1, n;
	int rc = 0;

	if (size == 0)
		return 0;
	request_init(&r);
	call.tool = bytes_of(tools[data[0] % 3]);
	must(request_begin(&r, &call, &e) == 0);
	while (
	    rc == 0 && (n = take(bytes_make(data + at, size - at), &m)) > 0) {
		rc = request_add(&r, &m, &e);
		at += n;
	}
	must(rc == 0 || e.code == ERR_PROTO);
	/* what is not complete is refused before a plan is made of it */
	if (rc == 0 && (r.arg_count == 0 || !r.arg[r.arg_count - 1].more))
		plan(&r);
	request_fini(&r);
	return 0;
}
