/* SPDX-License-Identifier: MIT */
/*
 * call: a command line of the administrator's as a request.  mcp-execctl; what
 * it makes goes through the same checks as what a client sends.
 */
#include "executor/ctl/call.h"

#include <getopt.h>
#include <string.h>

#include "common/cleanup.h"
#include "executor/loginuid.h"

static const struct option options[] = {
	{ "shell", no_argument, NULL, 's' },
	{ "dir", required_argument, NULL, 'd' },
	{ "timeout-ms", required_argument, NULL, 't' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int
take_option(struct call *c, int opt)
{
	switch (opt) {
	case 's':
		c->shell = true;
		return CTL_OK;
	case 'd':
		c->dir = optarg;
		return CTL_OK;
	case 't':
		c->timeout_ms = optarg;
		return CTL_OK;
	case 'h':
		c->help = true;
		return CTL_OK;
	default:
		return ctl_usage(c->verb, "option not understood: a command's "
					  "own options stand behind \"--\"");
	}
}

int
call_parse(const char *verb, int argc, char **argv, struct call *c)
{
	int opt;

	*c = (struct call){ .verb = verb };
	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1)
		if (take_option(c, opt) != CTL_OK)
			return CTL_USAGE;
	if (c->help)
		return CTL_OK;
	if (optind == argc)
		return ctl_usage(verb, "the POLICY is missing");
	c->policy = argv[optind];
	c->words = argv + optind + 1;
	if (c->words[0] == NULL && (c->shell || c->dir || c->timeout_ms))
		return ctl_usage(verb, "these options are about a COMMAND, "
				       "which is missing");
	return CTL_OK;
}

struct policy *
call_policy(struct ctl *ctl, const struct call *c)
{
	return ctl_load_policy(ctl, c->policy) ? ctl->policies.p[0] : NULL;
}

/* One word, so that words_split gives it back as it is. */
static void
quote(struct buf *b, const char *word)
{
	buf_put_u8(b, '\'');
	for (; *word != '\0'; word++)
		if (*word == '\'')
			buf_put_str(b, "'\\''");
		else
			buf_put_u8(b, (uint8_t)*word);
	buf_put_u8(b, '\'');
}

/* For the shell as they stand, joined by spaces, as ssh(1) does it. */
static void
put_command(const struct call *c, struct buf *b)
{
	for (char **w = c->words; *w != NULL; w++) {
		if (w != c->words)
			buf_put_u8(b, ' ');
		if (c->shell)
			buf_put_str(b, *w);
		else
			quote(b, *w);
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

static int
make_request(const struct call *c, bool input, struct request *r, struct err *e)
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
call_plan(const struct call *c, struct policy *p, bool input, struct plan *out,
    struct err *e)
{
	static struct request r;
	/* As a token that narrows nothing. */
	struct token t = { .name = "mcp-execctl", .policy = p, .dir_fd = -1 };
	int rc;

	/* The kernel's audit goes on to name who is at the terminal. */
	t.login_uid = loginuid_get();
	if (t.login_uid == LOGINUID_UNSET)
		t.login_uid = loginuid_of(t.name);
	request_init(&r);
	rc = make_request(c, input, &r, e);
	if (rc == 0)
		rc = request_plan(&r, &t, out, e);
	request_fini(&r);
	return rc;
}
