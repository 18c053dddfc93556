/* SPDX-License-Identifier: MIT */
/* options: command line of the frontend, from one const table. */
#include "frontend/process/options.h"

#include "common/cmdline.h"

static const struct cmdline_option table[] = {
	CMDLINE_NUMBER('l', NULL, struct options, listeners, 1,
	    OPTIONS_MAX_LISTENERS, "inherited listening sockets"),
	CMDLINE_NUMBER('u', NULL, struct options, uid, 1, UINT32_MAX - 1,
	    "user to become, with -g"),
	CMDLINE_NUMBER('g', NULL, struct options, gid, 1, UINT32_MAX - 1,
	    "group to become, with -u"),
	CMDLINE_NUMBER('n', NULL, struct options, connections, 1, 65536,
	    "most connections at the same time"),
	CMDLINE_NUMBER('m', NULL, struct options, header_bytes, 1024, 1 << 20,
	    "most bytes of a request's head"),
	CMDLINE_VALUE(0, "self-test", struct options, mode, OPTIONS_SELF_TEST,
	    "lock down, then try what must not be possible"),
	CMDLINE_VALUE(0, "check-tls", struct options, mode, OPTIONS_CHECK_TLS,
	    "check a certificate and key from standard input"),
	CMDLINE_VALUE(0, "screen", struct options, mode, OPTIONS_SCREEN,
	    "draw a terminal's output from standard input"),
	CMDLINE_VALUE(0, "protocol", struct options, mode, OPTIONS_PROTOCOL,
	    "print revisions and methods"),
	CMDLINE_VALUE('V', "version", struct options, mode, OPTIONS_VERSION,
	    "the version"),
	CMDLINE_LAST
};

void
options_put_usage(struct buf *b)
{
	static const struct cmdline_help help = { .command =
						      "mcp-execd-frontend",
		.about =
		    "mcp-execd starts this program, which is of no use by itself. See mcp-execd-frontend(8).",
		.options = table };

	cmdline_put_help(b, &help);
}

static int
check_options(const struct options *o, struct err *e)
{
	if (o->mode == OPTIONS_RUN && o->listeners == 0)
		return err_set(e, ERR_BAD, "-l N is missing");
	if ((o->uid == 0) != (o->gid == 0))
		return err_set(e, ERR_BAD, "-u and -g go together");
	return 0;
}

int
options_parse(int argc, char **argv, struct options *out, struct err *e)
{
	struct options o = {
		.mode = OPTIONS_RUN, .connections = 1024, .header_bytes = 16384
	};
	int first = cmdline_parse(table, false, &o, argc, argv, e);

	if (first < 0)
		return e->code;
	if (first == 0)
		o.mode = OPTIONS_HELP;
	else if (first < argc)
		return err_set(
		    e, ERR_BAD, "unexpected operand \"%.40s\"", argv[first]);
	if (check_options(&o, e) != 0)
		return e->code;
	o.have_ids = o.uid != 0;
	*out = o;
	return 0;
}
