/* SPDX-License-Identifier: MIT */
/* instructions: MCP's InitializeResult.instructions of a token.  Executor. */
#include "executor/channel/instructions.h"

#include <unistd.h>

void
instructions_write(const struct token *t, struct buf *out)
{
	const struct policy *p = t->policy;
	uint32_t most = p->timeout_max_ms;
	size_t defined = 0;
	char host[256] = "this server";

	(void)gethostname(host, sizeof(host) - 1);
	if (t->timeout_max_ms != 0 && t->timeout_max_ms < most)
		most = t->timeout_max_ms;
	buf_printf(out,
	    "You run commands on the Linux host %s as user %s, under policy \"%s\".",
	    host, p->user, p->name);
	if (p->description[0] != '\0')
		buf_printf(out, " %s", p->description);
	buf_printf(out, "\nCommands start in %s%s.", p->directory,
	    policy_offers(p, BYTES_LIT("cli_command")) ||
		    policy_offers(p, BYTES_LIT("exec_cmd"))
		? "; a working directory must lie inside it"
		: "");
	if (policy_offers(p, BYTES_LIT("cli_command")))
		buf_put_str(out,
		    "\ncli_command runs one program without a shell: nothing is expanded. Prefer it.");
	if (policy_offers(p, BYTES_LIT("exec_cmd")))
		buf_printf(out,
		    "\nexec_cmd runs a line with %s -c: pipelines, redirections, variables.",
		    p->shell);
	for (size_t i = 0; i < p->tool_count; i++)
		defined += p->defined[i] != NULL;
	if (defined > 0)
		buf_printf(out,
		    "\n%s run one program each, with the parameters that they list; there is %s.",
		    defined < p->tool_count ? "Other tools" : "Your tools",
		    defined < p->tool_count ? "no shell in between"
					    : "no shell and no other command");
	if (defined < p->tool_count)
		buf_printf(out,
		    "\nA command may take %u s (timeout_ms: at most %u); then it and everything it started is ended and you get its output so far. Processes do not outlive their command.",
		    (unsigned)(p->timeout_ms / 1000), most);
	buf_printf(out,
	    "\nOf stdout and stderr %u bytes each are returned, the beginning and the end; narrow long output down yourself. At most %u commands run at the same time. Every command is recorded.",
	    p->output_bytes, p->runs);
	buf_put_str(
	    out, "\nThe resource exec://policy tells more of what you may do.");
	if (p->output != RECORDER_OFF)
		buf_put_str(out,
		    " What was cut of a command's output is kept for a while, in exec://runs/RUN/stdout and stderr (RUN: its run_id).");
}
