/* SPDX-License-Identifier: MIT */
/*
 * dry_run: a command line of the administrator's as a request.  mcp-execctl; what
 * it makes goes through the same checks as what a client sends.
 */
#include "executor/ctl/policy/dry_run.h"

#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "executor/audit/loginuid.h"
#include "executor/run/wordsplit.h"

static int
set_arg(void *at, const char *arg, struct err *e)
{
	struct dry_run *c = at;

	if (strchr(arg, '=') == NULL)
		return err_set(e, ERR_BAD, "--arg needs NAME=VALUE, not \"%s\"",
		    log_text(bytes_of(arg)).s);
	if (c->args == TOOLDEF_MAX_PARAMS)
		return err_set(e, ERR_BAD, "--arg may be given %d times",
		    TOOLDEF_MAX_PARAMS);
	c->arg[c->args++] = arg;
	return 0;
}

static const struct cmdline_option options[] = {
	CMDLINE_FLAG(0, "shell", struct dry_run, shell,
	    "as exec_cmd: the words, joined, are a line for the policy's shell; otherwise as cli_command"),
	CMDLINE_TEXT(0, "dir", "DIR", struct dry_run, dir,
	    "the working directory, inside the policy's"),
	CMDLINE_TEXT(0, "timeout-ms", "N", struct dry_run, timeout_ms,
	    "as a caller may ask for"),
	CMDLINE_TEXT(0, "tool", "NAME", struct dry_run, tool,
	    "instead of a COMMAND, a tool that the administrator defined"),
	CMDLINE_SET_EACH(0, "arg", "NAME=VALUE", set_arg, "a parameter of it"),
	CMDLINE_LAST
};

static int
check_words(const struct dry_run *c)
{
	bool placed = c->shell || c->dir != NULL || c->timeout_ms != NULL;

	if (c->tool == NULL && c->args > 0)
		return ctl_usage(c->verb, "--arg is for a --tool NAME");
	if (c->tool != NULL && (c->words[0] != NULL || placed))
		return ctl_usage(c->verb,
		    "a --tool has neither a COMMAND nor its options: give it --arg NAME=VALUE");
	if (!dry_run_given(c) && placed)
		return ctl_usage(c->verb,
		    "these options are about a COMMAND, which is missing");
	return CTL_OK;
}

bool
dry_run_parse(const struct ctl_verb *v, int argc, char **argv,
    struct dry_run *c, int *status)
{
	struct ctl_verb with_options = *v;
	char **operands;

	*c = (struct dry_run){ .verb = v->name };
	with_options.options = options;
	with_options.operands = "POLICY [-- COMMAND...]";
	operands = ctl_options(&with_options, c, argc, argv, status);
	if (operands == NULL)
		return false;
	if (operands[0] == NULL) {
		*status = ctl_usage(v->name, "the POLICY is missing");
		return false;
	}
	c->policy = operands[0];
	c->words = operands + 1;
	*status = check_words(c);
	return *status == CTL_OK;
}

bool
dry_run_given(const struct dry_run *c)
{
	return c->words[0] != NULL || c->tool != NULL;
}

struct policy *
dry_run_policy(struct ctl *ctl, const struct dry_run *c)
{
	return ctl_load_policy(ctl, c->policy) ? ctl->policies.p[0] : NULL;
}

/* For the shell as they stand, joined by spaces, as ssh(1) does it. */
static void
put_command(const struct dry_run *c, struct buf *b)
{
	for (char **w = c->words; *w != NULL; w++) {
		if (w != c->words)
			buf_put_u8(b, ' ');
		if (c->shell)
			buf_put_str(b, *w);
		else
			wordsplit_quote(b, *w);
	}
}

/* In pieces, as it would come in frames. */
static int
add_arg(struct request *r, const char *name, enum proto_kind kind,
    struct bytes value, struct err *e)
{
	struct msg_arg arg = {
		.call = r->call, .name = bytes_of(name), .kind = (uint8_t)kind
	};
	size_t n;

	do {
		n = value.len < PROTO_MAX_DATA ? value.len : PROTO_MAX_DATA;
		arg.more = n < value.len;
		arg.value = bytes_make(value.p, n);
		if (request_add(r, &arg, e) != 0)
			return e->code;
		value = bytes_make(value.p + n, value.len - n);
	} while (arg.more != 0);
	return 0;
}

/* Typed as the tool's parameter is; an unknown one is refused later. */
static int
add_value(struct request *r, const struct tooldef *def, const char *arg,
    struct err *e)
{
	static const enum proto_kind kinds[] = {
		[PARAM_STRING] = PROTO_STRING,
		[PARAM_INTEGER] = PROTO_NUMBER,
		[PARAM_BOOLEAN] = PROTO_BOOL,
	};
	size_t n = strcspn(arg, "=");
	enum proto_kind kind = PROTO_STRING;
	char name[PARAM_MAX_NAME];

	if (bytes_to_str(bytes_make(arg, n), name, sizeof(name), e) != 0)
		return err_wrap(e, "--arg");
	for (size_t i = 0; i < def->param_count; i++)
		if (strcmp(def->param[i].name, name) == 0)
			kind = kinds[def->param[i].kind];
	return add_arg(r, name, kind, bytes_of(arg + n + 1), e);
}

static int
make_tool_request(const struct dry_run *c, const struct policy *p,
    struct request *r, struct err *e)
{
	const struct tooldef *def = policy_tool(p, bytes_of(c->tool));
	struct msg_call head = { .call = 1,
		.tool = bytes_of(c->tool),
		.client = BYTES_LIT("mcp-execctl") };

	if (def == NULL)
		return err_set(e, ERR_BAD,
		    "policy %s offers no defined tool \"%s\": mcp-execctl policy explain %s lists those that it offers",
		    p->name, log_text(bytes_of(c->tool)).s, p->name);
	if (request_begin(r, &head, e) != 0)
		return e->code;
	for (size_t i = 0; i < c->args; i++)
		if (add_value(r, def, c->arg[i], e) != 0)
			return e->code;
	return 0;
}

static int
make_request(
    const struct dry_run *c, bool input, struct request *r, struct err *e)
{
	struct msg_call head = { .call = 1,
		.tool = bytes_of(c->shell ? "exec_cmd" : "cli_command"),
		.client = BYTES_LIT("mcp-execctl") };
	CLEANUP_BUF struct buf command;

	buf_init(&command, REQUEST_MAX_BYTES);
	put_command(c, &command);
	if (command.overflow)
		return err_set(e, ERR_BAD, "the command is too long");
	if (request_begin(r, &head, e) != 0 ||
	    add_arg(r, "command", PROTO_STRING, buf_bytes(&command), e) != 0)
		return e->code;
	if (c->dir != NULL && add_arg(r, c->shell ? "working_dir" : "work_dir",
				  PROTO_STRING, bytes_of(c->dir), e) != 0)
		return e->code;
	if (c->timeout_ms != NULL && add_arg(r, "timeout_ms", PROTO_NUMBER,
					 bytes_of(c->timeout_ms), e) != 0)
		return e->code;
	return input ? add_arg(r, "stdin", PROTO_STRING, BYTES_LIT(""), e) : 0;
}

int
dry_run_plan(const struct dry_run *c, struct policy *p, bool input,
    struct plan *out, struct err *e)
{
	static struct request r;
	/* As a token that narrows nothing. */
	/* structured: so that the streams stay apart, for our own two */
	struct token t = { .name = "mcp-execctl",
		.policy = p,
		.directory = "",
		.comment = "",
		.has_structured = true,
		.structured = true };
	int rc;

	/* The kernel's audit goes on to name who is at the terminal. */
	t.login_uid = loginuid_get();
	if (t.login_uid == LOGINUID_UNSET)
		t.login_uid = loginuid_of(t.name);
	request_init(&r);
	rc = c->tool != NULL ? make_tool_request(c, p, &r, e)
			     : make_request(c, input, &r, e);
	if (rc == 0)
		rc = request_plan(&r, &t, out, e);
	request_fini(&r);
	return rc;
}
